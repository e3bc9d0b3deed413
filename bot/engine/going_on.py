"""A USSD line that dropped may go on by SMS or WhatsApp at the same question (docs/decisions/0012)."""

from datetime import datetime

from bot.engine.flow import Flows, State
from bot.engine.hearing import RESUME_FOR, SECOND, milliseconds, session_digest
from bot.engine.session import Contact, Session
from bot.messages import Channel

WHATSAPP_WINDOW = 24 * 3_600 * SECOND  # WhatsApp's rule: only who wrote within a day may be written to


def offer(
    flows: Flows,
    line: Session | None,
    there: Session | None,
    contact: Contact | None,
    *,
    ended: str,
    channel: Channel,
    now: datetime,
) -> Session | None:
    """Where the person stands on `channel` once asked there whether to go on; None: nothing may be sent.

    `line` and `there` are the sessions on USSD and on that channel, `ended` is the gateway's id of the call that dropped.
    """
    state = _dropped(flows, line, ended, now)
    if line is None or state is None or channel not in state.elsewhere:
        return None
    if contact is None or contact.texts != "yes" or channel in contact.stopped:
        return None
    if there is not None and (there.private or _under_way(flows, there, now)):
        return None
    if channel is Channel.WHATSAPP and not _wrote_lately(flows, there, now):
        return None
    question = flows.states[flows.entries["dropped"]]
    return Session(
        state=question.name,
        question=question.questions[channel],
        asked_at=milliseconds(now),
        values={**line.values, "resume": state.name},
        returns=line.returns,
        lists=line.lists,
    )


def _dropped(flows: Flows, line: Session | None, ended: str, now: datetime) -> State | None:
    """The question at which this very call dropped; None where anything of a need, a file or a private talk was told."""
    if line is None or not line.open or line.dialled != session_digest(ended):
        return None
    if line.quiet or line.private or line.verified or milliseconds(now) - line.asked_at > RESUME_FOR:
        return None
    return flows.states.get(line.state)


def _under_way(flows: Flows, there: Session, now: datetime) -> bool:
    """Another conversation waits for an answer there; a menu in which nothing was chosen is none."""
    state = flows.states.get(there.state) if there.open else None
    if state is None or state.name.partition(".")[0] == flows.entries["menu"].partition(".")[0]:
        return False
    return milliseconds(now) - there.asked_at <= max(RESUME_FOR, state.open_for)


def _wrote_lately(flows: Flows, there: Session | None, now: datetime) -> bool:
    """Within the day; an offer of ours that nobody answered is no word of theirs."""
    return (
        there is not None
        and there.state != flows.entries["dropped"]
        and milliseconds(now) - there.asked_at < WHATSAPP_WINDOW
    )
