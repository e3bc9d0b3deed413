"""Who came, marked by SMS: whose codes count, until when, what a stranger or a guess gets, and one whole turn."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from bot.cases import appointments, attending
from bot.engine.effects import StaffAnswer
from bot.messages import Channel, Inbound
from bot.outreach.calendar import Calendar
from bot.recorder.batch import Recording, record_shard
from bot.referrals import words, writing
from bot.referrals.guessing import WRONG
from bot.services import Services
from bot.store.ciphers import SHARDS
from bot.store.models import Appointment, AppointmentEvent, Audit, Case, Message, Place
from tests.referrals.conftest import Office

FRIDAY = date(2026, 11, 27)
DAY = timedelta(days=1)


def noon(day):
    return datetime(day.year, day.month, day.day, 11, tzinfo=UTC)


class Hall:
    """Two offices with a day list each, and the people who keep them; Moussa keeps that of Tahoua."""

    def __init__(self, database, settings, ciphers):
        self.database, self.settings, self.ciphers = database, settings, ciphers
        self.office, self.calendar = Office(database, ciphers, settings), Calendar.of(settings)
        self.places, self.turns = {}, 0
        with database.transaction() as session:
            for name in ("Tahoua", "Zinder"):
                place = Place(office=name, name=f"Office {name}", kind="office", region=name, capacity=500)
                session.add(place)
                session.flush()
                self.places[name] = place.id
        self.moussa = self.office.on_duty("moussa", "assistant", "", offices=["Tahoua"])

    def expects(self, day=FRIDAY, office="Tahoua", **more):
        """Somebody new on the day list; the appointment's id."""
        self.turns += 1
        with self.database.transaction() as session:
            case = Case(
                number=f"{480_000_000 + self.turns}", name="Salifou Kogin", sex="M", language="fr", region=office,
                department="", office=office, stage="KIT_READY", opened_on=day, stage_since=day, **more,
            )  # fmt: skip
            session.add(case)
            session.flush()
            return appointments.propose(
                session, case.id, self.places[office], day, "kit", by="staff:1", at=noon(day - 2 * DAY),
                calendar=self.calendar, agreed=True,
            ).id  # fmt: skip

    def codes(self, day=FRIDAY, *offices):
        with self.database.transaction() as session:
            return attending.codes(session, offices, day, day, ciphers=self.ciphers)

    def code(self, appointment_id):
        return self.codes(self.get(appointment_id).day)[appointment_id]

    def get(self, appointment_id):
        with self.database.transaction() as session:
            return session.get_one(Appointment, appointment_id)

    def texts(self, word, code, *, by=None, at=None, turn="", digest=""):
        """Somebody texts; what they then read, oldest first; None where the number is nobody's."""
        self.turns += 1
        by = by or self.moussa
        before = len(self.office.texts(by, "staff"))
        with self.database.transaction() as session:
            known = attending.staff_answer(
                session, StaffAnswer(answer=word, code=code), sender_digest=digest or self.office.digest_of(by),
                at=at or noon(FRIDAY), turn=turn or f"{self.turns:032x}", ciphers=self.ciphers, settings=self.settings,
            )  # fmt: skip
        return self.office.texts(by, "staff")[before:] if known else None

    def wrong_of_an_alert(self, by):
        with self.database.transaction() as session:
            writing.staff_answer(
                session, StaffAnswer(answer="ok", code="1111"), sender_digest=self.office.digest_of(by),
                at=noon(FRIDAY), ciphers=self.ciphers, settings=self.settings,
            )  # fmt: skip
        return self.office.texts(by, "staff")

    def count(self, model, *which):
        with self.database.transaction() as session:
            return session.scalar(select(func.count()).select_from(model).where(*which))


@pytest.fixture
def hall(database, settings, ciphers):
    return Hall(database, settings, ciphers)


def test_codes_are_four_digits_of_one_line_each_and_stay_when_others_come_and_go(hall):
    first = [hall.expects() for _ in range(12)]
    before = hall.codes()
    assert len(set(before.values())) == 12
    with hall.database.transaction() as session:
        appointments.cancel(session, first[0], by="person", at=noon(FRIDAY))
    later = [hall.expects() for _ in range(6)]
    after = hall.codes()
    assert {one: after[one] for one in first} == before
    assert len(set(after.values())) == 18
    eve = hall.expects(FRIDAY - DAY)
    assert {int(code) % 2 for code in after.values()} != {int(hall.code(eve)) % 2}
    with hall.database.transaction() as session:
        for one in (*first, *later):
            code, number = after[one], session.get_one(Case, session.get_one(Appointment, one).case_id).number
            assert (len(code), code.isdigit(), code in number) == (4, True, False)


def test_whoever_shares_a_digest_gets_the_next_free_code(hall, monkeypatch):
    monkeypatch.setattr(attending, "_code", lambda _id, _day, attempt, _ciphers: f"{5090 + attempt}")
    made = [hall.expects() for _ in range(3)]
    assert hall.codes() == dict(zip(made, ("5090", "5091", "5092"), strict=True))
    monkeypatch.setattr(attending, "TRIES", 2)
    assert list(hall.codes()) == made[:2]  # a line without a code is marked at the desk
    other = hall.expects(office="Zinder")
    assert hall.codes()[other] == "5090"


def test_a_code_marks_who_came_and_the_other_word_corrects_it(hall):
    one, other = hall.expects(), hall.expects()
    assert hall.texts("came", hall.code(one)) == [f"{hall.code(one)}: note."]
    assert (hall.get(one).state, hall.get(other).state) == ("ATTENDED", "CONFIRMED")
    assert hall.texts("absent", hall.code(one)) == [f"{hall.code(one)}: note."]
    assert (hall.get(one).state, hall.get(one).follow_at is not None) == ("NO_SHOW", True)
    with hall.database.transaction() as session:
        appointments.unmark(session, one, by="staff:1", at=noon(FRIDAY))
    assert hall.get(one).state == "CONFIRMED"
    assert hall.count(AppointmentEvent, AppointmentEvent.by == f"sms:{hall.moussa}") == 2
    assert hall.count(Audit, Audit.action == "appointment_marked", Audit.staff_id == hall.moussa) == 2


def test_the_same_turn_marks_and_answers_once(hall):
    one = hall.expects()
    code, turn = hall.code(one), "ab" * 16
    assert len(hall.texts("absent", code, turn=turn)) == 1
    assert len(hall.texts("came", code)) == 1
    assert hall.texts("absent", code, turn=turn) == []
    assert hall.get(one).state == "ATTENDED"
    assert len(hall.texts("came", code)) == 1  # said again: read again, nothing changes
    assert hall.count(AppointmentEvent, AppointmentEvent.by == f"sms:{hall.moussa}") == 2


@pytest.mark.parametrize(
    ("after", "counts"),
    [(-1, False), (0, True), (1, True), (3, True), (4, False)],  # Friday; the next working day is Monday
)
def test_a_code_counts_on_its_day_and_until_the_next_working_day(hall, after, counts):
    one = hall.expects()
    hall.texts("came", hall.code(one), at=noon(FRIDAY + after * DAY))
    assert (hall.get(one).state == "ATTENDED") == counts


def test_a_holiday_is_no_working_day(hall, tmp_path):
    holidays = tmp_path / "holidays.txt"
    holidays.write_text("2026-11-30\n")
    hall.settings = hall.settings.model_copy(update={"holidays_file": holidays})
    one = hall.expects()
    hall.texts("came", hall.code(one), at=noon(FRIDAY + 4 * DAY))
    assert hall.get(one).state == "ATTENDED"


@pytest.mark.parametrize(
    "who",
    [
        {"role": "assistant", "offices": ["Zinder"]},
        {"role": "partner", "offices": ["Tahoua"], "partner": "Garkua"},
        {"role": "complaints", "offices": []},
        {"role": "admin", "offices": []},
    ],
    ids=lambda who: who["role"],
)
def test_whoever_does_not_see_the_line_is_answered_as_to_a_wrong_code_of_an_alert(hall, who):
    one = hall.expects(partner="Taagazt")
    them, twin = (hall.office.on_duty(login, queue="", **who) for login in ("them", "twin"))
    assert hall.texts("came", hall.code(one), by=them) == hall.wrong_of_an_alert(twin)
    assert hall.get(one).state == "CONFIRMED"
    assert hall.count(Audit, Audit.action == "sms_code_wrong", Audit.subject == f"staff:{them}") == 1


@pytest.mark.parametrize("gone", [{"active": False}, {"digest": "stranger"}])
def test_the_number_of_a_stranger_or_of_who_left_is_nobodys(hall, gone):
    one = hall.expects()
    left = hall.office.on_duty("left", "assistant", "", offices=["Tahoua"], active=False)
    digest = hall.office.digest_of(left) if "active" in gone else hall.ciphers.address("+22790001234").digest
    assert hall.texts("came", hall.code(one), digest=digest) is None
    assert hall.get(one).state == "CONFIRMED"
    assert hall.count(Message) == hall.count(Audit) == 0


def test_after_five_wrong_ones_the_right_one_rests_too(hall):
    one = hall.expects()
    code = hall.code(one)
    wrong = f"{(int(code) + 1) % 10_000:04d}"
    for _ in range(WRONG):
        hall.texts("came", wrong)
    [said] = hall.texts("came", code)
    assert said.startswith(words.TEXTS["codes_rest"]["fr"][:30])
    assert hall.get(one).state == "CONFIRMED"
    hall.texts("came", code, at=noon(FRIDAY) + timedelta(minutes=61))
    assert hall.get(one).state == "ATTENDED"


def test_what_was_moved_and_what_stands_for_two_people_is_not_marked(hall, monkeypatch):
    everywhere = hall.office.on_duty("everywhere", "coordinator", "")
    gone = hall.expects(FRIDAY - DAY)
    with hall.database.transaction() as session:
        appointments.cancel(session, gone, by="person", at=noon(FRIDAY))
    hall.texts("came", hall.code(gone))
    assert hall.get(gone).state == "CANCELLED"
    here, there = hall.expects(), hall.expects(office="Zinder")
    monkeypatch.setattr(attending, "_code", lambda *_: "5093")
    hall.texts("came", "5093", by=everywhere)
    assert (hall.get(here).state, hall.get(there).state) == ("CONFIRMED", "CONFIRMED")
    hall.texts("came", "5093")  # Moussa has one of the two offices
    assert (hall.get(here).state, hall.get(there).state) == ("ATTENDED", "CONFIRMED")


def test_a_text_of_moussa_through_the_line_marks_once_and_of_anybody_else_is_text(hall, redis_client):
    one, services = hall.expects(), Services(hall.settings)
    recording = Recording(redis_client, hall.ciphers, hall.settings, reasons={})

    def says(number, text, external_id):
        inbound = Inbound("africastalking", external_id, Channel.SMS, number, text, noon(FRIDAY))
        services.conversation.turn(inbound, now=noon(FRIDAY))
        with hall.database.engine.connect() as connection:
            for shard in range(SHARDS):
                record_shard(recording, connection, shard)
        return hall.get(one).state

    code = hall.code(one)
    assert says("+22790001234", f"VENU {code}", "1") == "CONFIRMED"
    assert says("+22790000001", f"Bai zo {code}", "2") == "NO_SHOW"  # Moussa
    assert says("+22790000001", f"venu {code}", "3") == "ATTENDED"
    assert says("+22790000001", f"Bai zo {code}", "2") == "ATTENDED"  # the gateway gives it twice
    assert hall.office.texts(hall.moussa) == [f"{code}: note."] * 2
    services.lookups.close()
    services.conversations._wire.close()
    services.database.close()
    services.redis_client.close()
