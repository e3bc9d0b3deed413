"""Carry out what a turn ordered. Runs inside the recorder's transaction; nothing here talks to a network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from msgspec import MsgspecError
from sqlalchemy import event, select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.orm import Session

from bot import pricing
from bot.acting import Acting, Acts
from bot.cases import acting as of_cases
from bot.cases import attending
from bot.cases.stages import status_shown
from bot.community import acting as of_communities
from bot.config import Settings
from bot.engine.effects import (
    MISSED_CALL,
    Act,
    AnswerCallNow,
    AnswerSent,
    AnswerSolved,
    AnyEffect,
    AttachReferral,
    Blocked,
    OpenReferral,
    Report,
    ShowStatus,
    StaffAnswer,
    UpdateReferral,
    WroteBack,
)
from bot.messages import Delivery
from bot.outreach import acting as of_outreach
from bot.outreach import lost
from bot.reasons import Why, why
from bot.recorder.rows import moment
from bot.referrals import closing, ladder, missed_calls, replying, sealing, writing
from bot.referrals.clocks import Clocks
from bot.store.ciphers import Ciphers, Unreadable
from bot.store.deliveries import advance, apply_kept, mark_contact, report
from bot.store.journal import Entry, unpack_answer
from bot.store.models import Case, Contact, Ladder, Message, Recording, Referral, ReferralEvent, Ticket
from bot.store.recordings import expect

ACTS: Acts = {**of_cases.ACTS, **of_communities.ACTS, **of_outreach.ACTS}  # who carries out the acts of flows/data.yaml
Reasons = Mapping[str, Mapping[str, Why]]  # of each gateway

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Work:
    """What must happen after the commit: jobs to wake, contacts to give back to the conversation store."""

    referrals: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    recordings: list[str] = field(default_factory=list)
    forgotten: list[Contact] = field(default_factory=list)

    def add(self, other: "Work") -> None:
        """Take over what another part of the batch found."""
        self.referrals += other.referrals
        self.messages += other.messages
        self.recordings += other.recordings
        self.forgotten += other.forgotten


@dataclass(frozen=True, slots=True)
class Turned:
    """One entry on its way into the tables."""

    entry: Entry
    at: datetime
    contact_id: int | None
    ciphers: Ciphers
    settings: Settings
    reasons: Reasons
    rang: set[int]


def watch(session: Session, work: Work) -> None:
    """Note every ladder and every message that this session makes due, whoever makes it.

    Its rows stay in memory until the end of the transaction: the effects of one batch are mostly about the same few
    referrals, and reading them again for each took a third of the recorder's time.
    """
    kept: list[object] = []

    @event.listens_for(session, "loaded_as_persistent")
    @event.listens_for(session, "pending_to_persistent")
    def _keep(_session: Session, row: object) -> None:
        kept.append(row)

    @event.listens_for(session, "after_flush")
    def _note(flushed: Session, _context: object) -> None:
        for row in (*flushed.new, *flushed.dirty):
            if isinstance(row, Ladder) and row.due_at is not None:
                work.referrals.append(row.referral_id)
            elif isinstance(row, Message) and row.state == Delivery.QUEUED:
                work.messages.append(row.id)
            elif isinstance(row, Recording) and row.state == "waiting":
                work.recordings.append(row.referral_id)


def carry_out(
    session: Session,
    entry: Entry,
    *,
    contact_id: int | None,
    ciphers: Ciphers,
    settings: Settings,
    reasons: Reasons,
    rang: set[int],
) -> None:
    """All effects of one entry, in order. `reasons`: what the codes of each gateway mean; `rang`: contacts of the batch
    with an open missed call (bot.referrals.missed_calls).
    """
    turned = Turned(entry, moment(entry.at), contact_id, ciphers, settings, reasons, rang)
    for effect in entry.effects:
        _ORDERS[type(effect)](session, effect, turned)
    if entry.effects:
        session.flush()


def _open(session: Session, effect: OpenReferral, turned: Turned) -> None:
    if effect.source == MISSED_CALL:
        missed_calls.open_missed_call(
            session,
            effect,
            at=turned.at,
            turn=turned.entry.turn_hex,
            contact_id=turned.contact_id,
            ciphers=turned.ciphers,
            clocks=Clocks.of(turned.settings),
        )
        if turned.contact_id is not None:
            turned.rang.add(turned.contact_id)
        return
    case_id, office = None, ""
    if effect.case:
        found = session.execute(select(Case.id, Case.office).where(Case.number == effect.case)).one_or_none()
        case_id, office = (found.id, found.office) if found else (None, "")
    writing.open_referral(
        session,
        effect,
        at=turned.at,
        turn=turned.entry.turn_hex,
        channel=turned.entry.channel,
        contact_id=turned.contact_id,
        case_id=case_id,
        office=office,
        ciphers=turned.ciphers,
        clocks=Clocks.of(turned.settings),
    )
    _reconsider(session, turned)
    if effect.text:
        _keep_words(session, effect.id, turned)
    if effect.media:
        gateway = turned.entry.gateway
        expect(session, effect.id, gateway=gateway, reference=effect.media, at=turned.at, ciphers=turned.ciphers)
    _seal(session, effect.id, turned)


def _update(session: Session, effect: UpdateReferral, turned: Turned) -> None:
    writing.update_referral(
        session,
        effect,
        at=turned.at,
        turn=turned.entry.turn_hex,
        ciphers=turned.ciphers,
        clocks=Clocks.of(turned.settings),
        settings=turned.settings,
    )
    _reconsider(session, turned)
    if effect.text:
        _keep_words(session, effect.id, turned)
    _seal(session, effect.id, turned)


def _seal(session: Session, referral_id: str | None, turned: Turned) -> None:
    """Nothing of a sealed request is committed readable (docs/sealed.md)."""
    referral = session.get(Referral, referral_id) if referral_id is not None else None
    if referral is not None:
        sealing.seal(session, referral, contact_id=turned.contact_id, ciphers=turned.ciphers)


def _reconsider(session: Session, turned: Turned) -> None:
    if turned.contact_id not in turned.rang:
        return
    missed_calls.reconsider(
        session, turned.contact_id, at=turned.at, turn=turned.entry.turn_hex, clocks=Clocks.of(turned.settings)
    )


def _attach(session: Session, effect: AttachReferral, turned: Turned) -> None:
    writing.attach_referral(session, effect, at=turned.at, turn=turned.entry.turn_hex)


def _call_now(session: Session, effect: AnswerCallNow, turned: Turned) -> None:
    writing.answer_call_now(
        session,
        effect,
        at=turned.at,
        turn=turned.entry.turn_hex,
        contact_id=turned.contact_id,
        ciphers=turned.ciphers,
        settings=turned.settings,
    )
    its_own = select(Ticket.referral_id).where(Ticket.number == effect.ticket)
    _seal(session, session.scalar(its_own), turned)


def _solved(session: Session, effect: AnswerSolved, turned: Turned) -> None:
    closing.answer_solved(session, effect, at=turned.at, turn=turned.entry.turn_hex, settings=turned.settings)


def _wrote_back(session: Session, _effect: WroteBack, turned: Turned) -> None:
    referral_id = replying.hear_back(
        session,
        turned.contact_id,
        turned.entry.channel,
        at=turned.at,
        turn=turned.entry.turn_hex,
        ciphers=turned.ciphers,
        settings=turned.settings,
    )
    if referral_id is not None:
        _keep_words(session, referral_id, turned, kind="wrote_back")


def _staff(session: Session, effect: StaffAnswer, turned: Turned) -> None:
    answer = writing.staff_answer
    if effect.answer in attending.CAME:
        answer = partial(attending.staff_answer, turn=turned.entry.turn_hex)
    if not answer(
        session,
        effect,
        sender_digest=turned.entry.digest,
        at=turned.at,
        ciphers=turned.ciphers,
        settings=turned.settings,
    ):
        log.info("staff_answer_not_matched", turn=turned.entry.turn_hex)


def _status(session: Session, effect: ShowStatus, turned: Turned) -> None:
    status_shown(session, effect.case, at=turned.at)
    lost.opened_with_code(session, effect.case, turned.contact_id, at=turned.at)


def _act(session: Session, effect: Act, turned: Turned) -> None:
    """Raises KeyError for what this release does not know, Unreadable where words do not open: it is set aside whole."""
    entry, words = turned.entry, ""
    if effect.text and entry.text:
        words = turned.ciphers.decrypt(entry.text, f"{entry.turn_hex}|text".encode()).decode(errors="replace")
    ACTS[effect.what](
        Acting(
            session,
            effect.values,
            contact_id=turned.contact_id,
            channel=entry.channel,
            at=turned.at,
            turn=entry.turn_hex,
            text=words,
            ciphers=turned.ciphers,
            settings=turned.settings,
        )
    )


def _report(session: Session, effect: Report, turned: Turned) -> None:
    failed = report(
        session,
        effect.gateway,
        effect.external_id,
        state=effect.state,
        code=effect.code,
        message=effect.message,
        part=effect.part,
        parts=effect.parts,
        reasons=turned.reasons.get(effect.gateway, {}),
        at=turned.at,
    )
    if failed is not None and failed.kind == "alert":
        ladder.failed_message(session, failed, now=turned.at)


def _answer_sent(session: Session, effect: AnswerSent, turned: Turned) -> None:
    values: dict[str, Any] = {
        "id": effect.message,
        "kind": effect.kind,
        "channel": effect.channel,
        "gateway": effect.gateway,
        "contact_id": turned.contact_id,
        "text_enc": _answer_text(session, effect, turned),
        "state": Delivery.SENDING.value,
        "created_at": turned.at,
        "due_at": turned.at,
    }
    session.execute(pg_insert(Message).values(**values).on_conflict_do_nothing(index_elements=["id"]))
    message = session.get_one(Message, effect.message, with_for_update=True)
    if advance(message, effect.state, reason=effect.reason, at=turned.at):
        message.external_id = effect.external_id or None
        message.parts = effect.parts
        reasons = turned.reasons.get(effect.gateway, {})
        if effect.state == Delivery.SENT:
            message.sent_at = turned.at
            priced = pricing.price(turned.settings, effect.gateway, effect.channel, effect.parts, effect.cost)
            message.cost, message.currency = priced
        elif effect.state == Delivery.FAILED:
            mark_contact(session, message, why(reasons, effect.reason), at=turned.at)
        apply_kept(session, message, reasons=reasons, at=turned.at)
    if effect.blocked or effect.state == Delivery.SENT:
        _mark_block(session, effect.channel, turned, blocked=effect.blocked)


def _blocked(session: Session, effect: Blocked, turned: Turned) -> None:
    _mark_block(session, effect.channel, turned, blocked=True)


def _mark_block(session: Session, channel: str, turned: Turned, *, blocked: bool) -> None:
    """Answers can't reach a number that the gateway blocks: staff are shown it, until one leaves again (safety 7)."""
    contact = session.get(Contact, turned.contact_id) if turned.contact_id is not None else None
    if contact is not None and blocked != (channel in contact.blocked):
        others = [other for other in contact.blocked if other != channel]
        contact.blocked = [*others, channel] if blocked else others


def _answer_text(session: Session, effect: AnswerSent, turned: Turned) -> bytes | None:
    """None also for a phone of which nothing said is kept any more."""
    ciphers = turned.ciphers
    contact = session.get(Contact, turned.contact_id) if turned.contact_id is not None else None
    if not effect.text or (contact is not None and contact.quiet):
        return None
    place = f"messages|{effect.message}|text".encode()
    try:
        return ciphers.encrypt(unpack_answer(effect.text, ciphers).text.encode(), place)
    except (ValueError, MsgspecError):
        pass
    try:
        ciphers.decrypt(effect.text, place)
    except Unreadable:
        log.warning("answer_text_unreadable", message=effect.message)
        return None
    return effect.text


def _keep_words(session: Session, referral_id: str, turned: Turned, *, kind: str = "wrote") -> None:
    """The person's own words, on the timeline; the referral stands even where they do not open."""
    entry = turned.entry
    wrote = ReferralEvent(referral_id=referral_id, at=turned.at, kind=kind, once=f"{entry.turn_hex}|{kind}")
    try:
        plain = turned.ciphers.decrypt(entry.text, f"{entry.turn_hex}|text".encode()) if entry.text else b""
    except Unreadable:
        log.warning("words_unreadable", turn=entry.turn_hex, referral=referral_id)
        plain = b""
    referral = session.get(Referral, referral_id)
    if referral is None or not plain:
        session.add(wrote)
    else:
        sealing.add_text(session, referral, wrote, plain.decode(errors="replace"), ciphers=turned.ciphers)


_ORDERS: dict[type[AnyEffect], Callable[[Session, Any, Turned], None]] = {
    OpenReferral: _open,
    UpdateReferral: _update,
    AttachReferral: _attach,
    AnswerCallNow: _call_now,
    AnswerSolved: _solved,
    WroteBack: _wrote_back,
    StaffAnswer: _staff,
    ShowStatus: _status,
    Report: _report,
    AnswerSent: _answer_sent,
    Blocked: _blocked,
    Act: _act,
}
