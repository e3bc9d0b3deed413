"""While staff and a person write to each other, the bot keeps quiet on that channel (bot/referrals/replying.py).

What the person says goes to staff. Not held back: the talk in private, danger, STOP, START, MENU and HELP, and
whatever question the bot asks because of them; on USSD and on other channels nothing changes.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import structs

from bot.engine import parts
from bot.engine.effects import WroteBack
from bot.engine.flow import Flows
from bot.engine.hearing import RESUME_FOR, SECOND, milliseconds
from bot.engine.session import Session
from bot.messages import Channel
from bot.text.cases import case_and_code
from bot.text.digits import fold_digits
from bot.text.keywords import keyword

if TYPE_CHECKING:
    from bot.engine.walk import Walk

SILENT_FOR = 60 * 60 * SECOND  # after the last message of either
_CODE = re.compile(r"\D*(?:\d\D?){3}\d(?:(?:\D?\d){2})?\D*")  # four digits or six, whatever stands around them


def talking(walk: Walk) -> bool:
    """Do staff and this person write to each other here, now?"""
    contact = walk.contact
    return contact.human_on == walk.channel and milliseconds(walk.now) < contact.human_until


def for_staff(text: str, media: str) -> bool:
    """What would start a conversation with the bot elsewhere, and is said to staff here."""
    return (bool(media) and media != "audio" and not text) or keyword(text) == "callback"


def overhear(walk: Walk, text: str) -> bool:
    """Nothing is answered; the words are kept for staff. Returns whether they are secret: a code is never kept."""
    until = milliseconds(walk.now) + SILENT_FOR
    walk.set_contact(human_until=max(until, walk.contact.human_until))
    walk.effects.append(WroteBack())
    walk.overheard = True
    if walk.channel is Channel.SMS:
        walk.parts = parts.kept(walk.earlier, text)
    if _may_be_a_code(text):
        return True
    walk.words = text
    return False


def silenced(flows: Flows, there: Session | None, *, now: datetime) -> Session | None:
    """The session once staff begin to write: what was asked before is no longer answered by digits, private talk is."""
    state = flows.states.get(there.state) if there is not None else None
    if there is None or not there.open or state is None:
        return there
    fresh = milliseconds(now) - there.asked_at <= max(RESUME_FOR, state.open_for)
    return there if state.private and fresh else structs.replace(there, open=False, question=0)


def _may_be_a_code(text: str) -> bool:
    return case_and_code(text) is not None or _CODE.fullmatch(fold_digits(text)) is not None
