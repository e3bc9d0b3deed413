"""The ladder: who is told next when nobody answers. Each step is a row that survives (safety 15 to 20).

A step has no I/O besides SQL: a crash rolls it back and the row is due as before, so nobody is forgotten; the row
lock (SKIP LOCKED) and the unique alert keep two processes from telling anybody twice. Steps share a transaction,
for 50 needs at once must be told within seconds.

`Ladder.why` says why the next step comes: opened, silence, refused, failed, no_call (accepted, but no attempt in
time), unconfirmed (answered by SMS alone), round (everybody was told: again from the first).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.referrals import words
from bot.referrals.chains import Roster, Rung, chain, untold
from bot.referrals.clocks import Clocks, in_alert_hours, next_round_at, next_rung_at
from bot.referrals.lapsing import lapse, served
from bot.referrals.letters import letter
from bot.referrals.phrasing import alert_text, hotline_text
from bot.referrals.rows import OVER
from bot.referrals.telling import Codes, tell
from bot.store.ciphers import Ciphers
from bot.store.database import Database
from bot.store.models import Alert, Ladder, Message, MessageAlert, Referral, ReferralEvent

log = structlog.get_logger(__name__)

BROKEN_FOR = timedelta(seconds=20)  # a row that can't be climbed (a bug, bad data) is left alone so long
NOBODY_FOR = timedelta(minutes=30)  # nobody to tell, or nobody left: red at the desk, and tried again
MOST = 500  # rows of one call
BATCH = 25  # rows of one transaction
CLIMBING = 0x6C616464  # advisory lock
Told = tuple[Message, Alert | None]  # what leaves, and whose answer it waits for; None: the hotline
SINGLE = ("refused", "failed", "no_call")  # of level normal: not with the digest, now


@dataclass(frozen=True, slots=True)
class Step:
    """One climb of one referral, and what it needs."""

    session: Session
    referral: Referral
    ladder: Ladder
    now: datetime
    settings: Settings
    ciphers: Ciphers
    clocks: Clocks
    codes: Codes
    roster: Roster


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom a step tells, and the state of the ladder afterwards."""

    step: Step
    rung: Rung
    number: int
    round: int
    due_at: datetime
    last: bool


def climb(database: Database, *, now: datetime | None = None, settings: Settings, ciphers: Ciphers) -> list[str]:
    """Take every due step; returns the ids of the messages that now wait to leave.

    `now` is the database's clock where it is not given. Raises what SQLAlchemy raises when PostgreSQL is away.
    """
    told: list[str] = []
    for _ in range(MOST // BATCH):
        with database.transaction() as session:
            ladders = _claim(session, now, digest=False, limit=BATCH)
            if not ladders:
                break
            told += _batch(session, ladders, now=now or _database_now(session), settings=settings, ciphers=ciphers)
    with database.transaction() as session:
        ladders = _claim(session, now, digest=True, limit=MOST)
        if ladders:
            told += _digests(session, ladders, now=now or _database_now(session), settings=settings, ciphers=ciphers)
    return told


def failed_message(session: Session, message: Message, *, now: datetime | None = None) -> list[str]:
    """An alert that failed, or may have failed, counts as silence at once; returns the referrals now due.

    Not where another channel of the same person took it, or is only now being tried. The alert stays open: had it
    arrived after all, its OK is welcome. Takes part in the caller's transaction.
    """
    at = now or _database_now(session)
    told = select(MessageAlert.alert_id).where(MessageAlert.message_id == message.id)
    due = []
    for alert in session.scalars(select(Alert).where(Alert.id.in_(told), Alert.open).order_by(Alert.referral_id)):
        ladder = session.get(Ladder, alert.referral_id, with_for_update=True)
        level = session.scalars(select(Referral.level).where(Referral.id == alert.referral_id)).one()
        if (
            ladder is not None
            and not _told_otherwise(session, alert, message)
            and hurry(ladder, alert, level=level, why="failed", at=at)
        ):
            due.append(alert.referral_id)
    return due


def _told_otherwise(session: Session, alert: Alert, message: Message) -> bool:
    """Has another channel taken this alert, or does its first try still come?"""
    other = select(Message.id).join(MessageAlert, MessageAlert.message_id == Message.id)
    untried = and_(Message.state == "queued", Message.attempts == 0)
    taken = Message.state.in_(("sending", "sent", "delivered", "read"))
    here = other.where(MessageAlert.alert_id == alert.id, Message.id != message.id, or_(taken, untried))
    return session.scalar(here.limit(1)) is not None


def hurry(ladder: Ladder, alert: Alert, *, level: str, why: str, at: datetime) -> bool:
    """The next rung at once, for this alert will not be answered.

    False where the ladder stands still, somebody later was told already, or nobody is left in this round: a new
    round waits for half an hour (safety 17), or a gateway that is down would make the ladder spin.
    """
    if ladder.due_at is None or (ladder.round, ladder.rung) != (alert.round, alert.rung):
        return False
    if ladder.why == "round":
        # The last of level high has hours to answer, over a weekend days; not once it is known that no answer comes.
        ladder.due_at = ladder.due_at if level == "normal" else min(ladder.due_at, at + NOBODY_FOR)
        return False
    ladder.due_at = min(ladder.due_at, at)
    ladder.why = why
    return True


def _database_now(session: Session) -> datetime:
    return session.scalars(select(func.now())).one()


def _due(session: Session, now: datetime | None, *, digest: bool) -> Select[Ladder]:
    """Due rows, longest due first, kept from every other process until the end of the transaction."""
    moment = func.now() if now is None else now
    batched = and_(Referral.level == "normal", Ladder.why.not_in(SINGLE), Referral.state.not_in(OVER))
    return (
        select(Ladder)
        .join(Referral, Referral.id == Ladder.referral_id)
        .where(
            Ladder.due_at <= moment,
            or_(Ladder.claimed_until.is_(None), Ladder.claimed_until <= moment),
            batched if digest else ~batched,
        )
        .order_by(Ladder.due_at, Ladder.referral_id)
        .with_for_update(skip_locked=True, of=Ladder)
    )


def _claim(session: Session, now: datetime | None, *, digest: bool, limit: int) -> list[Ladder]:
    """Due rows, ours until the end of the transaction. One process climbs at a time: codes stay unlike each other."""
    session.execute(select(func.pg_advisory_xact_lock(CLIMBING)))
    return list(session.scalars(_due(session, now, digest=digest).limit(limit)))


def _batch(
    session: Session, ladders: list[Ladder], *, now: datetime, settings: Settings, ciphers: Ciphers
) -> list[str]:
    """Many steps in one transaction; if one fails, each by itself, and only the broken one waits."""
    steps = _steps(session, ladders, now=now, settings=settings, ciphers=ciphers)
    try:
        with session.begin_nested():
            return _together(steps)
    except Exception:
        log.exception("ladder_batch_failed", rows=len(steps))
    told: list[str] = []
    for step in _fresh(steps):
        with _apart([step]):
            told += _together([step])
    return told


def _together(steps: list[Step]) -> list[str]:
    """Tell for all of them, written down at once: a flush a step would take most of the time."""
    session = steps[0].session
    with session.no_autoflush:  # no step reads what another one adds; codes are kept in memory
        told = [pair for step in steps for pair in _one(step)]
    session.flush()
    session.add_all(MessageAlert(message_id=message.id, alert_id=alert.id) for message, alert in told if alert)
    return [message.id for message, _ in told]


@contextmanager
def _apart(steps: list[Step]) -> Iterator[None]:
    """Behind a savepoint: rows that fail wait a little, and hold up nobody else."""
    try:
        with steps[0].session.begin_nested():
            yield
    except Exception:
        log.exception("ladder_step_failed", referrals=[step.ladder.referral_id for step in steps])
        for step in steps:
            step.ladder.claimed_until = step.now + BROKEN_FOR


def _fresh(steps: list[Step]) -> list[Step]:
    """The same steps after a rollback, which also took back the codes that were given."""
    codes = Codes(steps[0].session)
    return [replace(step, codes=codes) for step in steps]


def _steps(
    session: Session, ladders: list[Ladder], *, now: datetime, settings: Settings, ciphers: Ciphers
) -> list[Step]:
    # Always the ladder first, then the referral: everybody who locks both does it in this order.
    wanted = select(Referral).where(Referral.id.in_([ladder.referral_id for ladder in ladders])).order_by(Referral.id)
    referrals = {row.id: row for row in session.scalars(wanted.with_for_update(key_share=True))}
    clocks, codes, roster = Clocks.of(settings), Codes(session), Roster()
    return [
        Step(session, referrals[ladder.referral_id], ladder, now, settings, ciphers, clocks, codes, roster)
        for ladder in ladders
    ]


def _one(step: Step) -> list[Told]:
    """Tell the next person of one referral."""
    if not _stands(step):
        return []
    plan = _plan(step)
    return [] if plan is None else _tell(plan)


def _stands(step: Step) -> bool:
    """Is there anything to do now? Settles what is over, what was attempted, and what must wait for the morning.

    Accepted, a call was allowed, and nobody logged an attempt in 45 minutes: free again (safety 16).
    """
    referral, ladder = step.referral, step.ladder
    if referral.state in OVER or served(step.session, referral, ladder):
        ladder.due_at = None
        return False
    earliest = step.now if referral.level == "critical" else in_alert_hours(step.now, clocks=step.clocks)
    if earliest > step.now:
        ladder.due_at = earliest
        return False
    if referral.accepted_by is not None:
        lapse(step.session, referral, ladder, at=step.now, ciphers=step.ciphers, settings=step.settings)
    return True


def _plan(step: Step) -> Plan | None:
    """The next person who was not told in this round; after the last, a new round (safety 17)."""
    ladder = step.ladder
    rungs = chain(step.session, step.referral, at=step.now, settings=step.settings, roster=step.roster)
    if not rungs:
        _nobody(step)
        return None
    left = untold(step.session, rungs, ladder)
    number, round_ = (ladder.rung + 1, ladder.round) if left else (1, ladder.round + 1)
    left = left or rungs
    last, level = len(left) == 1, step.referral.level
    if last or (round_ and level != "critical"):
        due = next_round_at(level, step.now, round_=round_, clocks=step.clocks)
    else:
        due = next_rung_at(level, step.now, clocks=step.clocks)
    return Plan(step, left[0], number, round_, due, last)


def _nobody(step: Step) -> None:
    log.error("nobody_to_alert", referral=step.referral.id, queue_letter=letter(step.settings, step.referral.queue))
    step.session.add(ReferralEvent(referral_id=step.referral.id, at=step.now, kind="nobody_to_alert"))
    step.ladder.due_at = step.now + NOBODY_FOR


def _tell(plan: Plan) -> list[Told]:
    """One referral, one person: alert, message, event."""
    step, staff = plan.step, plan.rung.staff
    if staff is None:
        return _tell_hotline(plan)
    code = step.codes.give(staff, tickets=[step.referral.ticket])
    # read before `_advance`: `why` still says why this step comes
    text = alert_text(
        step.referral,
        staff.language,
        code="" if step.codes.rest(staff, step.now) else code,
        fresh=step.ladder.why == "opened",
        due_at=plan.due_at,
        now=step.now,
        settings=step.settings,
        clocks=step.clocks,
    )
    alert = _advance(plan, code)
    messages = tell(
        step.session,
        staff,
        text=text,
        at=step.now,
        kind="alert",
        referral_id=step.referral.id,
        ciphers=step.ciphers,
        settings=step.settings,
    )
    return [(message, alert) for message in messages]


def _tell_hotline(plan: Plan) -> list[Told]:
    step = plan.step
    text = hotline_text(step.referral, now=step.now, settings=step.settings)
    messages = tell(
        step.session,
        None,
        text=text,
        at=step.now,
        kind="alert",
        referral_id=step.referral.id,
        message_id=_hotline_id(step, plan.round),
        ciphers=step.ciphers,
        settings=step.settings,
    )
    _advance(plan, "")
    return [(message, None) for message in messages]


def _hotline_id(step: Step, round_: int) -> str:
    # the hotline has no alert of its own: the id of its message is what tells that it was told
    return step.ciphers.derived_id(step.referral.id.encode(), f"hotline|{round_}")


def _advance(plan: Plan, code: str) -> Alert | None:
    """Move the ladder on; adds the alert of a person of the staff, and the event."""
    step, staff, ladder = plan.step, plan.rung.staff, plan.step.ladder
    ladder.rung, ladder.round, ladder.due_at = plan.number, plan.round, plan.due_at
    ladder.why, ladder.claimed_until = "round" if plan.last else "silence", None
    detail = {"rung": plan.number, "round": plan.round, "level": step.referral.level}
    staff_id = staff.id if staff is not None else None
    step.session.add(
        ReferralEvent(referral_id=ladder.referral_id, at=step.now, staff_id=staff_id, kind="alerted", detail=detail)
    )
    if staff is None:
        return None
    alert = Alert(
        referral_id=ladder.referral_id,
        staff_id=staff.id,
        rung=plan.number,
        round=plan.round,
        code=code,
        told_at=step.now,
        answer_by=plan.due_at,
    )
    step.session.add(alert)
    return alert


def _digests(
    session: Session, ladders: list[Ladder], *, now: datetime, settings: Settings, ciphers: Ciphers
) -> list[str]:
    """One SMS a person for everything of level normal; its alerts share one code (safety 20)."""
    plans: dict[int, list[Plan]] = {}
    for step in _steps(session, ladders, now=now, settings=settings, ciphers=ciphers):
        plan = None
        with _apart([step]):
            plan = _plan(step) if _stands(step) else None
        if plan is not None:
            plans.setdefault(plan.rung.key, []).append(plan)
    told = []
    for key in sorted(plans):
        with _apart([plan.step for plan in plans[key]]):
            told += _digest(plans[key])
    return told


def _digest(plans: list[Plan]) -> list[str]:
    step, staff = plans[0].step, plans[0].rung.staff
    if staff is None:  # sealed tickets are critical: the hotline reads no digest
        return []
    tickets = [plan.step.referral.ticket for plan in plans]
    code = step.codes.give(staff, tickets=tickets)
    named = [f"{words.shown(p.step.referral.ticket)} {letter(step.settings, p.step.referral.queue)}" for p in plans]
    alerts = [_advance(plan, code) for plan in plans]
    name = "digest_at_desk" if step.codes.rest(staff, step.now) else "digest"
    text = words.say(name, staff.language, level="normal", count=len(plans), tickets=words.listed(named), code=code)
    messages = tell(
        step.session, staff, text=text, at=step.now, kind="alert", ciphers=step.ciphers, settings=step.settings
    )
    step.session.flush()
    step.session.add_all(
        MessageAlert(message_id=message.id, alert_id=alert.id) for message in messages for alert in alerts if alert
    )
    return [message.id for message in messages]
