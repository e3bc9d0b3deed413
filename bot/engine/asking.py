"""A question that we push: "is this solved?", once a request was closed (bot/referrals/closing.py)."""

from datetime import datetime

from bot.engine.flow import Flows
from bot.engine.hearing import RESUME_FOR, SECOND, milliseconds
from bot.engine.session import Session
from bot.messages import Channel

ANOTHER_AFTER = 24 * 60 * 60 * SECOND  # about a second request it waits a day for the first answer


def solved_question(flows: Flows, channel: Channel, ticket: str, *, now: datetime) -> Session:
    """Where the person stands once "is this solved?" is pushed: a question of its own, without a code (safety 11)."""
    state = flows.states[flows.entries["solved"]]
    return Session(state.name, state.questions[channel], milliseconds(now), values={"ticket": ticket})


def under_way(flows: Flows, there: Session | None, *, now: datetime) -> bool:
    """Would a question of ours be mistaken for another one there? Then it waits."""
    state = flows.states.get(there.state) if there is not None else None
    if there is None or state is None:
        return False
    idle = milliseconds(now) - there.asked_at
    if not there.open:
        return there.private and idle <= RESUME_FOR
    return idle <= (ANOTHER_AFTER if state.name == flows.entries["solved"] else max(RESUME_FOR, state.open_for))
