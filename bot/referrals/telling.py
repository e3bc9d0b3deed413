"""Rows of the outbox for staff. Nothing leaves here: the rows are found by the jobs, and pass the gate."""

import secrets
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.kinds import Kind
from bot.messages import Channel, Template
from bot.outbox import Draft, put
from bot.referrals import words
from bot.referrals.guessing import rests_until
from bot.store.ciphers import Ciphers
from bot.store.models import Alert, Message, Referral, Staff


def channels(staff: Staff, settings: Settings) -> list[Channel]:
    """Where somebody is told: what they chose, as far as it works; else SMS; nowhere for who has no phone at all.

    WhatsApp needs a template, for staff hardly ever wrote within the last 24 hours; e-mail a proven address.
    """
    usable = {
        Channel.SMS: staff.phone_enc is not None,
        Channel.WHATSAPP: staff.phone_enc is not None and bool(settings.staff_template),
        Channel.EMAIL: staff.email_since is not None and bool(settings.smtp_url),
    }
    chosen = [channel for channel, works in usable.items() if works and channel in staff.alert_channels]
    return chosen or [Channel.SMS] * usable[Channel.SMS]


def tell(
    session: Session,
    staff: Staff | None,
    *,
    text: str,
    at: datetime,
    kind: str = "staff",
    referral_id: str | None = None,
    message_id: str = "",
    due_at: datetime | None = None,
    ciphers: Ciphers,
    settings: Settings,
) -> list[Message]:
    """Queue a text to somebody of the staff, one row a channel of theirs, or an SMS to the outside hotline (None).

    `message_id`: as in a draft; the rows of further channels derive theirs from it. Empty where nothing reaches them.
    """
    ways = [Channel.SMS] if staff is None else channels(staff, settings)
    queued = []
    for channel in ways:
        further = message_id and channel is not ways[0]
        own_id = ciphers.derived_id(bytes.fromhex(message_id), channel) if further else message_id
        draft = Draft(
            Kind(kind),
            channel,
            staff=staff,
            sms=text if channel is Channel.SMS else "",
            whatsapp=_written(text, channel, staff),
            template=_template(text, settings) if channel is Channel.WHATSAPP else None,
            referral_id=referral_id,
            due_at=due_at,
            budget=None,
            id=own_id,
        )
        queued.append(put(session, draft, at=at, settings=settings, ciphers=ciphers))
    return queued


def reply(
    session: Session,
    staff: Staff,
    *,
    text: str,
    at: datetime,
    message_id: str = "",
    ciphers: Ciphers,
    settings: Settings,
) -> None:
    """Answer a text of somebody of the staff, there where it came from: by SMS."""
    draft = Draft(Kind.STAFF, staff=staff, sms=text, budget=None, id=message_id)
    put(session, draft, at=at, settings=settings, ciphers=ciphers)


def _written(text: str, channel: Channel, staff: Staff | None) -> str:
    if channel is Channel.EMAIL and staff is not None:
        return f"{text}\n\n{words.say('by_email', staff.language)}"
    return text if channel is Channel.WHATSAPP else ""


def _template(text: str, settings: Settings) -> Template:
    return Template(settings.staff_template, settings.staff_template_language, (text,))


class Codes:
    """Four random digits an alert (safety 16). Whoever makes one holds the ladder's lock: no other process gives any."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._used: dict[int, set[str]] = {}
        self._rests: dict[int, bool] = {}

    def rest(self, staff: Staff, at: datetime) -> bool:
        """Do codes by SMS rest for this person? Their alerts then say to open the desk."""
        if staff.id not in self._rests:
            self._rests[staff.id] = rests_until(self._session, staff.id, at) is not None
        return self._rests[staff.id]

    def give(self, staff: Staff, *, tickets: list[str]) -> str:
        """A code that stands in none of the tickets, and that no alert of this person uses which is open, or whose
        referral they have: its code still tells what came of a call.
        """
        used = self._used.get(staff.id)
        if used is None:
            theirs = and_(Referral.accepted_by == staff.id, Referral.state != "closed")
            found = select(Alert.code).join(Referral, Referral.id == Alert.referral_id)
            codes = self._session.scalars(found.where(Alert.staff_id == staff.id, or_(Alert.open, theirs)))
            used = self._used[staff.id] = set(codes)
        while True:
            code = f"{secrets.randbelow(10_000):04d}"
            if code not in used and not any(code in ticket for ticket in tickets):
                used.add(code)
                return code
