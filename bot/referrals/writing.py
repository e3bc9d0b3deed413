"""What turns order about referrals, written inside the recorder's transaction; running twice changes nothing.

The steps of staff (`accept`, `log_call`, `note`, `close`, `leave_call_now`) are the same for SMS and desk.
"""

from datetime import datetime, timedelta

import msgspec
import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.engine.effects import LEVELS, AnswerCallNow, AttachReferral, OpenReferral, Terms, UpdateReferral
from bot.messages import has_phone
from bot.referrals import words
from bot.referrals.answering import staff_answer
from bot.referrals.clocks import STANDARD, Clocks, first_alert_at
from bot.referrals.closing import close
from bot.referrals.levels import tell_risen
from bot.referrals.rows import OVER, close_alerts, lock, name_office, once, release, release_unseeing, restart
from bot.referrals.said_terms import follow
from bot.referrals.steps import accept, leave_call_now, log_call, note
from bot.referrals.telling import tell
from bot.referrals.terms import NOBODY, read_terms, write_terms
from bot.store.ciphers import Ciphers, Unreadable
from bot.store.models import Contact, Ladder, Referral, Staff, Ticket

__all__ = [
    "accept",
    "answer_call_now",
    "attach_referral",
    "close",
    "leave_call_now",
    "log_call",
    "note",
    "open_referral",
    "staff_answer",
    "update_referral",
]

log = structlog.get_logger(__name__)

ATTACHABLE = frozenset({"KIT", "TRA", "DOC", "DEB", "BAS", "OTH", "DLY"})  # safety 4
REPEATED_WITHIN = timedelta(hours=24)
_RANK: dict[str, int] = {level: rank for rank, level in enumerate(LEVELS)}


def open_referral(
    session: Session,
    effect: OpenReferral,
    *,
    at: datetime,
    turn: str,
    channel: str,
    contact_id: int | None,
    case_id: int | None,
    office: str,
    ciphers: Ciphers,
    clocks: Clocks = STANDARD,
) -> None:
    """Save a need, its number, its ladder. `turn` is the hex of the turn id. A second time changes nothing.

    Without terms nobody may call (safety 1). Private and sealed are critical whatever the flow said (safety 3),
    and a child's need goes to child protection (safety 6).
    """
    if session.get(Referral, effect.id) is not None:
        return
    referral = _new(effect, at)
    referral.channel, referral.contact_id, referral.case_id, referral.office = channel, contact_id, case_id, office
    if effect.terms is not None:
        write_terms(referral, effect.terms, ciphers=ciphers)
    name_office(session, referral)
    session.add(referral)
    session.flush()  # the rows below name it
    session.add(Ticket(number=effect.ticket, referral_id=effect.id, issued_at=at))
    due = first_alert_at(referral.level, at, clocks=clocks)
    session.add(Ladder(referral_id=effect.id, rung=0, round=0, due_at=due, why="opened"))
    once(session, effect.id, kind="opened", at=at, turn=turn, detail={"level": referral.level, "source": effect.source})


def _new(effect: OpenReferral, at: datetime) -> Referral:
    """The row as the turn ordered it, of nobody yet."""
    queue = _first_queue(effect)
    return Referral(
        id=effect.id,
        ticket=effect.ticket,
        opened_at=at,
        source=effect.source,
        code=effect.code,
        level="critical" if queue == "sealed" or effect.private else effect.level,
        queue=queue,
        private=effect.private,
        sealed=queue == "sealed",
        minor=effect.minor,
        language=effect.language,
        state="new",
        call_now=False,
    )


def _first_queue(effect: OpenReferral) -> str:
    """Sealed before all, then a child's, then what the flow says; nobody's need is without a queue."""
    if effect.sealed or effect.queue == "sealed":
        return "sealed"
    return "child" if effect.minor else effect.queue or "protection"


def update_referral(
    session: Session,
    effect: UpdateReferral,
    *,
    at: datetime,
    turn: str,
    ciphers: Ciphers,
    clocks: Clocks = STANDARD,
    settings: Settings | None = None,
) -> None:
    """What the person added. A level only rises; risen or moved, the ladder starts again from its first rung.

    A closed one opens again then, for nobody was told of that. What is said of an attached one counts for the older.
    Whoever has it hears that its level rose, or that a call is now allowed. `forget_contact` takes number and case off, so that people inside cannot link it (safety 19).
    """
    rows = _bearer(session, effect)
    if rows is None:
        log.error("referral_missing", referral=effect.id)
        return
    referral, ladder = rows
    # Several updates of one turn are several events; the id is keyed, for the effect may hold a number.
    key = ciphers.derived_id(turn.encode(), msgspec.msgpack.encode(effect).hex())
    if not once(session, referral.id, kind="updated", at=at, turn=key, detail=_changed(effect)):
        return
    before = (referral.level, referral.queue, referral.sealed)
    _fill_in(referral, effect)
    _place(referral, effect)
    if before[1:] != (referral.queue, referral.sealed):
        _moved(session, referral)  # first: whoever may not see it any more does not hear of its terms either
    if effect.terms is not None:
        _new_terms(session, rows, effect.terms, at=at, ciphers=ciphers, settings=settings)
    if effect.forget_contact:
        referral.contact_id, referral.case_id = None, None
    parted = referral.state == "attached" and not effect.forget_contact
    if before == (referral.level, referral.queue, referral.sealed) and not parted:
        return
    if referral.state in OVER:
        _stand_again(session, referral, at)
        once(session, referral.id, kind="reopened", at=at, turn=key, detail={})
    if referral.accepted_by is None:
        restart(ladder, referral, at=at, clocks=clocks)
    elif settings is not None and _RANK[referral.level] > _RANK[before[0]]:
        tell_risen(session, referral, at=at, ciphers=ciphers, settings=settings)


def attach_referral(session: Session, effect: AttachReferral, *, at: datetime, turn: str) -> None:
    """Same person, same problem: the new number names the older referral, if safety 4 allows; else both stand."""
    # one order for all who lock two: by id
    locked = {one: lock(session, one) for one in sorted({effect.id, effect.to})}
    new, old = locked.get(effect.id), locked.get(effect.to)
    if new is None or old is None or effect.id == effect.to or not _same_need(new[0], old[0]):
        return
    if not once(session, effect.id, kind="attached", at=at, turn=turn, detail={}):
        return
    new[0].state, new[0].attached_to = "attached", effect.to
    new[1].due_at = None
    close_alerts(session, new[0])
    for ticket in session.scalars(select(Ticket).where(Ticket.referral_id == effect.id)):
        ticket.referral_id = effect.to
    once(session, effect.to, kind="repeated", at=at, turn=turn, detail={})


def answer_call_now(
    session: Session,
    effect: AnswerCallNow,
    *,
    at: datetime,
    turn: str,
    contact_id: int | None = None,
    ciphers: Ciphers | None = None,
    settings: Settings | None = None,
) -> None:
    """Somebody typed a ticket number and answered "call us now?" (safety 2). Yes: this number may be called, now.

    What was said before about calls holds again after 15 minutes: a yes for now is none for tomorrow (safety 1).
    `contact_id` is whoever typed it: another phone than the referral's is kept as the number to call, and so is the
    number that somebody without a phone number names.
    Whoever accepted hears of it; the 45 minutes start again, or the ladder is due where nobody has.
    """
    referral_id = session.scalar(select(Ticket.referral_id).where(Ticket.number == effect.ticket))
    rows = lock(session, referral_id) if referral_id is not None else None
    if rows is None or not rows[0].call_now or rows[0].state in OVER:
        return
    referral, ladder = rows
    if not once(session, referral.id, kind="call_now_answered", at=at, turn=turn, detail={"yes": effect.yes}):
        return
    referral.call_now, referral.call_now_answered_at = False, at
    if not effect.yes or ciphers is None:
        return
    number = effect.number
    if not number and contact_id != referral.contact_id:
        number = _number_of(session, contact_id, ciphers=ciphers)
    clocks = Clocks.of(settings) if settings is not None else STANDARD
    until = int((at + clocks.call_now_for).timestamp())
    before = read_terms(referral, ciphers=ciphers) or NOBODY
    write_terms(referral, msgspec.structs.replace(before, now_until=until, now_number=number), ciphers=ciphers)
    staff = session.get(Staff, referral.accepted_by) if referral.accepted_by is not None else None
    # the wish is new: what counted as an attempt before it no longer does
    referral.first_attempt_at = None
    ladder.due_at, ladder.why = (at, "silence") if staff is None else (at + clocks.accepted_for, "no_call")
    if staff is not None and settings is not None:
        text = words.say("call_now", staff.language, ticket=words.shown(referral.ticket))
        tell(session, staff, text=text, at=at, referral_id=referral.id, ciphers=ciphers, settings=settings)


def _changed(effect: UpdateReferral) -> dict[str, object]:
    """For the timeline: what changed, without how to reach the person."""
    names = ("urgent", "level", "code", "caller", "call_language", "minor")
    told: dict[str, object] = {name: getattr(effect, name) for name in names if getattr(effect, name) is not None}
    if effect.terms is not None:
        told["may_call"] = effect.terms.may_call
    return told


def _fill_in(referral: Referral, effect: UpdateReferral) -> None:
    for name in ("urgent", "code", "caller", "call_language", "minor"):
        value = getattr(effect, name)
        if value is not None:
            setattr(referral, name, value)
    if effect.level is not None and _RANK[effect.level] > _RANK[referral.level]:
        referral.level = effect.level


def _place(referral: Referral, effect: UpdateReferral) -> None:
    """The queue it belongs to now. A seal is never broken by a turn."""
    if effect.sealed or effect.caller == "outside" or effect.queue == "sealed":
        referral.sealed, referral.queue, referral.level = True, "sealed", "critical"
    elif not referral.sealed:
        if effect.minor:
            referral.queue = "child"
        elif effect.queue and not referral.minor:
            referral.queue = effect.queue


def _new_terms(
    session: Session,
    rows: tuple[Referral, Ladder],
    terms: Terms,
    *,
    at: datetime,
    ciphers: Ciphers,
    settings: Settings | None,
) -> None:
    """Keep them; an acceptance is counted anew, and whoever has it hears that a call is allowed."""
    referral, ladder = rows
    before = read_terms(referral, ciphers=ciphers)
    write_terms(referral, terms, ciphers=ciphers)
    follow(session, referral, ladder, before, terms, at=at, ciphers=ciphers, settings=settings)


def _moved(session: Session, referral: Referral) -> None:
    """It moved to another queue: codes of people who may no longer see it end, and so does their acceptance."""
    name_office(session, referral)
    close_alerts(session, referral, unseeing=True)
    release_unseeing(session, referral)


def _bearer(session: Session, effect: UpdateReferral) -> tuple[Referral, Ladder] | None:
    """The rows that an update is about, locked: of an attached referral the older one, unless the need is another now."""
    referral = session.get(Referral, effect.id)
    older = session.get(Referral, referral.attached_to) if referral is not None and referral.attached_to else None
    if older is None or effect.forget_contact or _parts(effect, older):
        return lock(session, effect.id)
    return lock(session, older.id)


def _parts(effect: UpdateReferral, older: Referral) -> bool:
    """Would safety 4 not have allowed one ticket for both, had this been known?"""
    apart = effect.sealed or effect.minor or effect.caller == "outside" or effect.level == "critical"
    return bool(apart) or effect.code not in (None, older.code) or effect.queue not in (None, older.queue)


def _stand_again(session: Session, referral: Referral, at: datetime) -> None:
    """Over, but what the person says now is more than staff were told of: open, with its own number, held by nobody."""
    if referral.state == "closed":
        referral.closing, referral.solved = "", None  # at the next end it is asked again
        referral.reopened, referral.reopened_at = referral.reopened + 1, at
    release(referral)
    referral.attached_to = referral.closed_at = referral.outcome = None
    own = session.get(Ticket, referral.ticket)
    if own is not None:
        own.referral_id = referral.id


def _same_need(new: Referral, old: Referral) -> bool:
    """Does safety 4 allow one ticket for both? The flow asked the person, this asks the rows."""
    return (
        new.contact_id is not None
        and new.contact_id == old.contact_id
        and new.code == old.code
        and new.code in ATTACHABLE
        and old.state not in OVER
        and new.state == "new"
        and new.opened_at - old.opened_at <= REPEATED_WITHIN
        and not any(one.private or one.sealed or one.level == "critical" for one in (new, old))
    )


def _number_of(session: Session, contact_id: int | None, *, ciphers: Ciphers) -> str:
    contact = session.get(Contact, contact_id) if contact_id is not None else None
    if contact is None:
        return ""
    try:
        address = ciphers.decrypt(contact.number_enc, f"contacts|{contact.digest}|number".encode()).decode()
    except Unreadable:
        log.warning("number_unreadable", contact=contact.id)
        return ""
    return address if has_phone(address) else ""
