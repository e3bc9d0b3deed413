"""Where and when people come: places, appointments, and everything that happened to them."""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    String,
    Time,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from bot.store.models.base import Base

LIVE_STATES = "state in ('PROPOSED', 'CONFIRMED', 'REMINDED')"


class Place(Base):
    """Where appointments are: an office, a training site, people's homes, the phone. Closed ones stay, for the past."""

    __tablename__ = "places"
    __table_args__ = (
        UniqueConstraint("office", "name"),
        CheckConstraint("capacity >= 1"),
        CheckConstraint("closes > opens"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    office: Mapped[str]  # whose day list it is on
    name: Mapped[str]  # "Office Zinder", "Training site Zinder", "Home visit", "Phone call": as files name it
    kind: Mapped[str]  # office, training, home, phone, other; nobody travels to home and phone
    region: Mapped[str] = mapped_column(server_default="")
    weekdays: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger), server_default="{1,2,3,4,5}")  # 1 is Monday
    opens: Mapped[time] = mapped_column(Time, server_default="08:00")
    closes: Mapped[time] = mapped_column(Time, server_default="17:00")
    capacity: Mapped[int] = mapped_column(SmallInteger, server_default="20")  # people a day
    active: Mapped[bool] = mapped_column(server_default=text("true"))


class Appointment(Base):
    """One day on which one person is expected. A file has one at a time; a moved one leads to the next."""

    __tablename__ = "appointments"
    __table_args__ = (
        Index("uq_appointments_live", "case_id", unique=True, postgresql_where=text(LIVE_STATES)),
        Index("ix_appointments_case", "case_id", "day"),
        Index("ix_appointments_day", "day", "place_id"),
        Index("ix_appointments_remind", "remind_at", postgresql_where=text("remind_at is not null")),
        Index("ix_appointments_follow", "follow_at", postgresql_where=text("follow_at is not null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    place_id: Mapped[int] = mapped_column(ForeignKey("places.id"))
    detail: Mapped[str] = mapped_column(server_default="")  # the village of a visit at home
    day: Mapped[date]
    purpose: Mapped[str]  # kit, training, visit, call, document
    state: Mapped[str]  # PROPOSED, CONFIRMED, REMINDED, MOVED, CANCELLED, ATTENDED, NO_SHOW
    said: Mapped[str] = mapped_column(server_default="")  # the person's last answer: coming, other_day, cannot
    by: Mapped[str]  # who made it: staff:<id>, person, import
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    moved_from: Mapped[int | None] = mapped_column(ForeignKey("appointments.id"))
    turn: Mapped[str | None] = mapped_column(String(32), unique=True)  # the turn that chose its day: twice is once
    remind_at: Mapped[datetime | None]  # when the person is told next
    follow_at: Mapped[datetime | None]  # when a missed day is followed up; until then the mark can be taken back


class AppointmentEvent(Base):
    """What happened to an appointment. Only ever added to."""

    __tablename__ = "appointment_events"
    __table_args__ = (
        Index("uq_appointment_events_turn", "appointment_id", "turn", unique=True, postgresql_where=text("turn <> ''")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    appointment_id: Mapped[int] = mapped_column(ForeignKey("appointments.id"), index=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    by: Mapped[str]  # staff:<id>, sms:<staff id>, person, clock, import
    from_state: Mapped[str]
    to_state: Mapped[str]
    turn: Mapped[str] = mapped_column(String(32), server_default="")
    detail: Mapped[dict[str, Any]] = mapped_column(server_default="{}")  # said, told: which notice, why not, message
