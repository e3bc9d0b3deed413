"""Who was told of a request when, on which channel, and who answered: one table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from bot.desk.words import codes, dates, messages, say
from bot.store.models import Alert, Message, MessageAlert, Staff


@dataclass(frozen=True, slots=True)
class Told:
    """One message of one alert. `state`: where it stands, with the hour in which that was known."""

    who: str
    when: str
    channel: str
    state: str
    answer: str


def table(session: Session, referral_id: str, now: datetime) -> list[Told]:
    """Oldest first; an alert that went by two channels has two rows."""
    of_alert = and_(Message.id == MessageAlert.message_id, Message.kind == "alert")
    rows = session.execute(
        select(Alert, Staff.name, Message)
        .join(Staff, Staff.id == Alert.staff_id)
        .outerjoin(MessageAlert, MessageAlert.alert_id == Alert.id)
        .outerjoin(Message, of_alert)
        .where(Alert.referral_id == referral_id)
        .order_by(Alert.told_at, Alert.id, Message.channel)
    )
    return [_row(row[0], row[1], row[2], now) for row in rows]


def _row(alert: Alert, name: str, message: Message | None, now: datetime) -> Told:
    words = {"ok": "OK", "no": say("cannot"), "later": say("later")}
    answer = words.get(alert.answer or "", say("no answer"))
    if alert.answered_at is not None:
        answer = f"{answer}, {dates.day_and_hour(alert.answered_at, now)}"
    when = dates.day_and_hour(alert.told_at, now)
    if message is None:
        return Told(name, when, "", "", answer)
    at = message.settled_at or message.sent_at
    state = messages.state(message.state)
    return Told(name, when, codes.channel(message.channel), f"{state}, {dates.hour(at)}" if at else state, answer)
