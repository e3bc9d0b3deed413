"""A question that we push: it stands in a conversation before its message leaves, and is answered without a code.

Any entry of flows/entries.yaml whose state asks and stays open for 14 days can be one (safety 11): "is this solved?",
an appointment's 1, 2, 3, a check-in.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.engine.flow import Flows
from bot.engine.hearing import RESUME_FOR, milliseconds
from bot.engine.session import Session
from bot.messages import Channel

PATIENCE = timedelta(days=1)  # so long a question waits for the answer to another one of ours


def pushed_question(flows: Flows, entry: str, channel: Channel, values: Mapping[str, str], *, now: datetime) -> Session:
    """Where the person stands once the question is pushed. `values`: what its words and its answers need."""
    state = flows.states[flows.entries[entry]]
    return Session(state.name, state.questions[channel], milliseconds(now), values=dict(values))


def under_way(
    flows: Flows, there: Session | None, question: Session, *, now: datetime, patience: timedelta = PATIENCE
) -> bool:
    """Would `question` be mistaken for another one there? Then it waits, but never for the one it asks again."""
    state = flows.states.get(there.state) if there is not None else None
    if there is None or state is None:
        return False
    idle = milliseconds(now) - there.asked_at
    if not there.open:
        return there.private and idle <= RESUME_FOR
    if (there.state, there.values) == (question.state, question.values):
        return False
    longest = max(RESUME_FOR, int(patience.total_seconds() * 1_000))
    return idle <= min(max(RESUME_FOR, state.open_for), longest)
