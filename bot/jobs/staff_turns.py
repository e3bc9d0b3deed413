"""Tell the conversation store what staff decided: where the bot keeps silent, and which question is asked next.

A row is confirmed once the store has it; until then every run tells it again. The question "is this solved?" stands
in the conversation before its message leaves, so that a digit is never taken for an answer to something else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from bot.content.screens import content_of
from bot.engine import session as engine
from bot.errors import StoreDown
from bot.gate import Recipient
from bot.jobs.services import Services
from bot.kinds import Kind
from bot.messages import Channel, Outbound
from bot.outbox import Draft, NotWritten, put
from bot.referrals.replying import Way, way
from bot.referrals.rows import lock
from bot.referrals.terms import read_terms
from bot.staff_turns import StaffTurns
from bot.store.conversations import Conversations
from bot.store.models import Contact, OptOut, Referral, ReferralEvent
from bot.store.wire import Wire

MOST = 200
BUSY = timedelta(seconds=30)  # after which a conversation that was under way is looked at again
CRASHED = timedelta(hours=1)  # a fault of ours must not hold up the questions behind it
ASKED_FOR = timedelta(days=14)  # safety 11; what could not be asked by then is not asked any more

log = structlog.get_logger(__name__)


def tell_conversations(services: Services, *, now: datetime | None = None) -> int:
    """Copy silences, then ask what may be asked now; how many were told. What the store does not take comes again."""
    told = 0
    try:
        told = _opt_outs(services, now)
        told += _silences(services, now)
        return told + _questions(services, now)
    except StoreDown as error:
        log.warning("conversations_away", error=type(error).__name__)
        return told


def _silences(services: Services, now: datetime | None) -> int:
    with services.database.transaction() as session:
        at = now or _now(session)
        changed = Contact.human_until.is_distinct_from(Contact.human_copied)
        rows = session.scalars(select(Contact).where(changed).order_by(Contact.id).limit(MOST)).all()
        session.expunge_all()
    if not rows:
        return 0
    with staff_turns(services) as turns:
        for contact in rows:
            once = f"{contact.human_until}\n{contact.human_copied}\n{contact.human_on}"
            channel = Channel(contact.human_on or Channel.SMS)
            turns.silence(contact.digest, channel, contact.human_until, known=_known(contact), once=once, now=at)
            with services.database.transaction() as session:
                session.get_one(Contact, contact.id, with_for_update=True).human_copied = contact.human_until
    return len(rows)


def _opt_outs(services: Services, now: datetime | None) -> int:
    """What the desk noted is in force already, for the gate reads the row; answers and offers to go on read the store."""
    with services.database.transaction() as session:
        at = now or _now(session)
        untold = select(OptOut, Contact).join(Contact, Contact.id == OptOut.contact_id).where(OptOut.told_at.is_(None))
        rows = session.execute(untold.order_by(OptOut.id).limit(MOST)).all()
        session.expunge_all()
    if not rows:
        return 0
    with staff_turns(services) as turns:
        for noted, contact in rows:
            stopped = tuple(noted.stopped)
            turns.end_pushes(contact.digest, stopped, known=_known(contact), once=str(noted.id), now=at)
            with services.database.transaction() as session:
                session.get_one(OptOut, noted.id, with_for_update=True).told_at = at
    return len(rows)


def _questions(services: Services, now: datetime | None) -> int:
    with services.database.transaction() as session:
        at = now or _now(session)
        turn = func.coalesce(Referral.ask_after, Referral.closed_at)  # whoever had to wait goes behind the others
        waiting = select(Referral.id).where(Referral.closing == "asking", turn <= at).order_by(turn).limit(MOST)
        ids = session.scalars(waiting).all()
    if not ids:
        return 0
    asked = 0
    with staff_turns(services) as turns:
        for referral_id in ids:
            try:
                with services.database.transaction() as session:
                    asked += _question(session, services, turns, referral_id, now or _now(session))
            except (StoreDown, OperationalError, PoolTimeout):
                raise
            except Exception:
                log.exception("question_crashed", referral=referral_id)
                with services.database.transaction() as session:
                    _later(session.get_one(Referral, referral_id), at + CRASHED)
    return asked


def _question(session: Session, services: Services, turns: StaffTurns, referral_id: str, at: datetime) -> bool:
    rows = lock(session, referral_id)
    if rows is None or rows[0].closing != "asking" or rows[0].closed_at is None:
        return False
    referral = rows[0]
    there = way(session, referral, Kind.CLOSING, at, ciphers=services.ciphers)
    why = there.why or ("too_old" if at - rows[0].closed_at > ASKED_FOR else "")
    if why or there.contact is None:
        return _never(session, referral, why, at)
    draft = _draft(services, referral, there)
    outbound = Outbound(draft.id, there.channel, there.to, draft.sms)
    gateway = services.settings.whatsapp_gateway if there.channel is Channel.WHATSAPP else services.settings.sms_gateway
    verdict = services.gate.check(
        outbound, Kind.CLOSING, gateway=gateway, recipient=_recipient(services, referral, there.contact, at), now=at
    )
    if not verdict.passes:
        return _later(referral, verdict.until) if verdict.until else _never(session, referral, verdict.reason, at)
    known = _known(there.contact)
    values = {"ticket": referral.ticket}
    if not turns.ask(there.contact.digest, there.channel, "solved", values, known=known, once=draft.id, now=at):
        return _later(referral, at + BUSY)
    try:
        put(session, draft, at=at, settings=services.settings, ciphers=services.ciphers)
    except NotWritten as error:
        return _never(session, referral, error.reason, at)
    referral.closing = "told"
    session.add(ReferralEvent(referral_id=referral.id, at=at, kind="asked", detail={"message": draft.id}))
    return True


def _later(referral: Referral, at: datetime) -> bool:
    """Not now; meanwhile the questions behind it have their turn."""
    referral.ask_after = at
    return False


def _draft(services: Services, referral: Referral, there: Way) -> Draft:
    """The sentence in the person's language, as long as the question stands; one a closing."""
    language = (there.contact.language if there.contact else "") or referral.language or ""
    content = content_of(services.settings)
    state = content.flows.entries["solved"]
    language = language if language in content.flows.languages else content.flows.default_language
    text = content.speak(state, {"ticket": referral.ticket}, channel="sms", language=language).text
    message_id = services.ciphers.derived_id(referral.id.encode(), f"solved|{referral.reopened}")
    return Draft(
        Kind.CLOSING, there.channel, contact=there.contact, sms=text, whatsapp=text, referral_id=referral.id,
        budget=1, id=message_id,
    )  # fmt: skip


def _recipient(services: Services, referral: Referral, contact: Contact, at: datetime) -> Recipient:
    return Recipient(
        stopped=frozenset(contact.stopped),
        blocked=frozenset(contact.blocked),
        terms=read_terms(referral, ciphers=services.ciphers),
        about_referral=True,
        human_until=contact.human_until,
        last_inbound_at=at,  # `way` has looked
    )


def _never(session: Session, referral: Referral, why: str, at: datetime) -> bool:
    """The reason is kept instead: a closing is never without one."""
    referral.closing = why
    session.add(ReferralEvent(referral_id=referral.id, at=at, kind="not_asked", detail={"why": why}))
    return False


def _known(contact: Contact) -> engine.Contact:
    return engine.Contact(
        language=contact.language or "",
        consent=contact.consent or "",
        stopped=tuple(contact.stopped),
        texts=contact.texts or "",
        known=True,
    )


@contextmanager
def staff_turns(services: Services) -> Iterator[StaffTurns]:
    """What tells the conversation store; for one run that found something to tell."""
    settings = services.settings
    wire = Wire(settings.redis_url, timeout=settings.store_timeout)
    content = content_of(settings)
    try:
        yield StaffTurns(Conversations(wire, services.ciphers), services.ciphers, content.flows)
    finally:
        wire.close()


def _now(session: Session) -> datetime:
    return session.scalars(select(func.now())).one()
