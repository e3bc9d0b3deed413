"""OK, NO, LATER and DONE by SMS. A sender can be forged: an answer accepts, refuses, postpones or tells what came of a
call; it reads nothing, changes no content, closes nothing, and ends no ladder without the desk (safety 16, 17).
"""

from datetime import datetime

import structlog
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.engine.effects import StaffAnswer
from bot.referrals import words
from bot.referrals.access import may_see
from bot.referrals.clocks import Clocks
from bot.referrals.guessing import note_wrong, rests_until
from bot.referrals.ladder import hurry
from bot.referrals.lapsing import UNCONFIRMED, stand_still, waits_until
from bot.referrals.rows import OVER, audit, lock
from bot.referrals.steps import RESULTS, log_call, take
from bot.referrals.telling import reply
from bot.store.ciphers import Ciphers
from bot.store.models import Alert, Case, Ladder, Message, Referral, Staff

log = structlog.get_logger(__name__)

HELPED_AN_HOUR = 5  # texts that help with a wrong one: a sender can be forged, and each text costs

Held = tuple[Alert, Referral, Ladder]


def staff_answer(
    session: Session,
    effect: StaffAnswer,
    *,
    sender_digest: str,
    at: datetime,
    ciphers: Ciphers,
    settings: Settings,
) -> bool:
    """Handle an answer; False if the number is nobody's of the staff: the turn has then answered as it answers any text.

    A code works once, from its recipient's own number, while its alert is open; for what came of a call, as long as
    the recipient has the referral. Everything else gets one text that reveals nothing: not whether the code exists,
    nor whose it is; five an hour, then silence. After five wrong codes in an hour no code counts for a while.
    """
    staff = sender(session, sender_digest)
    if staff is None:
        return False
    asks_how = effect.answer == "done" and not 1 <= effect.result <= len(RESULTS)
    held = [] if asks_how or rests_until(session, staff.id, at) else _held(session, staff, effect)
    if not held:
        if asks_how:
            _help(session, staff, "done_how", at=at, ciphers=ciphers, settings=settings)
        else:
            refuse(session, staff, effect.code, at=at, ciphers=ciphers, settings=settings)
    else:
        if effect.answer == "done":
            text = _done(session, staff, held, effect.result, at=at, ciphers=ciphers, settings=settings)
        else:
            text = _ANSWERS[effect.answer](session, staff, held, at=at, ciphers=ciphers, settings=settings)
        reply(session, staff, text=text, at=at, ciphers=ciphers, settings=settings)
    log.info("staff_answered", staff=staff.id, answer=effect.answer, alerts=len(held))
    return True


def sender(session: Session, digest: str) -> Staff | None:
    """Whose registered number it is."""
    return session.scalar(select(Staff).where(Staff.phone_digest == digest, Staff.active))


def refuse(session: Session, staff: Staff, code: str, *, at: datetime, ciphers: Ciphers, settings: Settings) -> None:
    """What fits nothing: a code is counted as a guess; the text is the same for all that is wrong."""
    if code:
        note_wrong(session, staff, code, at)
    _help(session, staff, "", at=at, ciphers=ciphers, settings=settings)


def _help(session: Session, staff: Staff, name: str, *, at: datetime, ciphers: Ciphers, settings: Settings) -> None:
    """How to answer; the same for a wrong word, a wrong code, a late one and somebody else's; or that codes rest."""
    until = rests_until(session, staff.id, at)
    by = words.when(until, staff.language, now=at, clocks=Clocks.of(settings)) if until is not None else ""
    name = "codes_rest" if by else name or ("wrong_code" if _anything_open(session, staff) else "nothing_open")
    hour = int(at.timestamp()) // 3600
    for number in range(HELPED_AN_HOUR):
        message_id = ciphers.derived_id(str(staff.id).encode(), f"staff help{' rest' if by else ''}|{hour}|{number}")
        if session.get(Message, message_id) is None:
            text = words.say(name, staff.language, by=by)
            reply(session, staff, text=text, at=at, message_id=message_id, ciphers=ciphers, settings=settings)
            return


def _held(session: Session, staff: Staff, effect: StaffAnswer) -> list[Held]:
    """The alerts that the code stands for, with their rows locked in the order of ids."""
    done = effect.answer == "done"  # of a referral that nobody has, or that this person has
    wanted = select(Alert).where(Alert.staff_id == staff.id, Alert.code == effect.code)
    wanted = wanted.where(or_(Alert.open, Alert.answer == "ok") if done else Alert.open)
    found: dict[str, Held] = {}
    for alert in session.scalars(wanted.order_by(Alert.referral_id, Alert.id)).all():
        rows = lock(session, alert.referral_id)
        session.refresh(alert)  # somebody may have taken it while we waited for the lock
        if rows is None or rows[0].state in OVER:
            continue
        mine = rows[0].accepted_by == staff.id
        if not (done and mine) and not (alert.open and rows[0].accepted_by is None):
            continue
        case = session.get(Case, rows[0].case_id) if rows[0].case_id is not None else None
        if may_see(staff, rows[0], case=case):
            found[alert.referral_id] = (alert, *rows)
    return list(found.values())


def _anything_open(session: Session, staff: Staff) -> bool:
    return session.scalar(select(Alert.id).where(Alert.staff_id == staff.id, Alert.open).limit(1)) is not None


def _ok(session: Session, staff: Staff, held: list[Held], *, at: datetime, ciphers: Ciphers, settings: Settings) -> str:
    for _, referral, ladder in held:
        take(session, referral, ladder, staff=staff, at=at, ciphers=ciphers, settings=settings)
        audit(session, staff, "accept", referral=referral, at=at, by="sms")
        if ladder.due_at is None:
            stand_still(session, referral, ladder, at=at, clocks=Clocks.of(settings))
    if len(held) > 1:
        tickets = [words.shown(referral.ticket) for _, referral, _ in held]
        return words.say("accepted_all", staff.language, count=len(held), tickets=words.listed(tickets))
    _, referral, ladder = held[0]
    ticket = words.shown(referral.ticket)
    if ladder.due_at is None:
        return words.say("accepted_wait", staff.language, ticket=ticket)
    by = words.when(ladder.due_at, staff.language, now=at, clocks=Clocks.of(settings))
    name = "accepted_unseen" if ladder.why == UNCONFIRMED else "accepted"
    return words.say(name, staff.language, ticket=ticket, by=by)


def _no(session: Session, staff: Staff, held: list[Held], *, at: datetime, ciphers: Ciphers, settings: Settings) -> str:
    for alert, referral, ladder in held:
        alert.answer, alert.answered_at, alert.open = "no", at, False
        hurry(ladder, alert, level=referral.level, why="refused", at=at)
        audit(session, staff, "refuse", referral=referral, at=at, by="sms")
    return words.say("refused", staff.language)


def _later(
    session: Session, staff: Staff, held: list[Held], *, at: datetime, ciphers: Ciphers, settings: Settings
) -> str:
    """The ladder goes on; the code works until somebody else takes the referral."""
    dues = []
    for alert, referral, ladder in held:
        alert.answer, alert.answered_at = "later", at
        dues.append(ladder.due_at or at)
        audit(session, staff, "postpone", referral=referral, at=at, by="sms")
    by = words.when(max(min(dues), at), staff.language, now=at, clocks=Clocks.of(settings))
    return words.say("later", staff.language, code=held[0][0].code, by=by)


def _done(
    session: Session, staff: Staff, held: list[Held], result: int, *, at: datetime, ciphers: Ciphers, settings: Settings
) -> str:
    """What came of a call, by its number on the desk. A digest's code stands for several: nobody knows for which."""
    if len(held) > 1:
        return words.say("done_many", staff.language)
    _, referral, ladder = held[0]
    ticket, clocks = words.shown(referral.ticket), Clocks.of(settings)
    earlier = waits_until(session, referral, ladder)
    log_call(session, referral, staff, RESULTS[result - 1], at, ciphers=ciphers, settings=settings, by="sms")
    stand_still(session, referral, ladder, at=at, clocks=clocks, earlier=earlier)
    if ladder.due_at is None:
        return words.say("done", staff.language, ticket=ticket)
    by = words.when(ladder.due_at, staff.language, now=at, clocks=clocks)
    return words.say("done_unseen", staff.language, ticket=ticket, by=by)


_ANSWERS = {"ok": _ok, "no": _no, "later": _later}
