"""Appointments: notice, calendar, room, the journey, moves, marks, and days that come with files; on a real database."""

import time as wall
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text, update

from bot.cases import appointments, places
from bot.cases.imported_days import forget, imported
from bot.cases.place_names import read, written
from bot.errors import CaseError
from bot.outreach.calendar import Calendar
from bot.store.models import Appointment, AppointmentEvent, Case, Place

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # a Monday
TODAY = NOW.date()
MONDAY = date(2026, 12, 7)
DAY = timedelta(days=1)
SALIFOU, NANA = "482719368", "502719485"


class Programme:
    """Two offices and the people they follow."""

    def __init__(self, database, settings):
        holidays = settings.data_dir.parent / "holidays.txt"
        holidays.write_text("2026-12-18\n")
        self.settings = settings.model_copy(update={"holidays_file": holidays})
        self.database, self.calendar = database, Calendar.of(self.settings)
        with database.transaction() as session:
            session.add_all(
                [
                    Place(office="Tahoua", name="Office Tahoua", kind="office", region="Tahoua", capacity=2),
                    Place(office="Tahoua", name="Home visit", kind="home", region="Tahoua", capacity=2),
                ]
            )
            session.flush()
            self.office, self.home = session.scalars(select(Place.id).order_by(Place.id))
        self.case = self.file(SALIFOU)

    def file(self, number, **more):
        with self.database.transaction() as session:
            found = Case(
                **{
                    "number": number, "name": "Salifou Kogin", "sex": "M", "language": "fr", "region": "Tahoua",
                    "department": "Keita", "office": "Tahoua", "stage": "KIT_READY", "opened_on": TODAY - 200 * DAY,
                    "stage_since": TODAY,
                } | more
            )  # fmt: skip
            session.add(found)
            session.flush()
            return found.id

    def propose(self, day=MONDAY, *, case=None, place=None, at=NOW, purpose="kit", **more):
        with self.database.transaction() as session:
            return appointments.propose(
                session, case or self.case, place or self.office, day, purpose, by="staff:1", at=at,
                calendar=self.calendar, **more,
            ).id  # fmt: skip

    def move(self, appointment_id, day, *, at=NOW, **more):
        with self.database.transaction() as session:
            more = {"by": "person", "agreed": True, "calendar": self.calendar} | more
            return appointments.move(session, appointment_id, day, at=at, **more).id

    def do(self, step, *arguments, at=NOW, by="person", **more):
        with self.database.transaction() as session:
            return step(session, *arguments, by=by, at=at, **more)

    def mark(self, appointment_id, came, *, at):
        return self.do(appointments.mark, appointment_id, came, at=at, by="staff:1", today=at.date())

    def get(self, appointment_id):
        with self.database.transaction() as session:
            return session.get_one(Appointment, appointment_id)

    def shown(self, case=None):
        """What the status screen reads."""
        with self.database.transaction() as session:
            found = session.get_one(Case, case or self.case)
            return found.next_appointment, found.appointment_place

    def events(self, appointment_id):
        with self.database.transaction() as session:
            events = select(AppointmentEvent).where(AppointmentEvent.appointment_id == appointment_id)
            return [
                (one.by, one.from_state, one.to_state) for one in session.scalars(events.order_by(AppointmentEvent.id))
            ]

    def days(self, *, region="Tahoua", place=None, most=6):
        with self.database.transaction() as session:
            found = session.get_one(Place, place or self.office)
            case = session.get_one(Case, self.case)
            case.region = region
            return places.free_days(
                session, found, case, after=TODAY + places.NOTICE, calendar=self.calendar, most=most
            )


@pytest.fixture
def programme(database, settings):
    return Programme(database, settings)


def test_a_day_is_proposed_said_yes_to_and_kept(programme):
    made = programme.propose()
    assert programme.shown() == (MONDAY, "Office Tahoua")
    assert programme.do(appointments.answer, made, "coming", turn="a" * 32)
    assert not programme.do(appointments.answer, made, "coming", turn="a" * 32), "a replayed turn"
    programme.mark(made, True, at=NOW + 14 * DAY)
    assert programme.shown() == (None, "")
    assert programme.events(made) == [
        ("staff:1", "", "PROPOSED"), ("person", "PROPOSED", "CONFIRMED"), ("staff:1", "CONFIRMED", "ATTENDED"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("day", "more", "why"),
    [
        (TODAY + 6 * DAY, {}, "too_soon"),
        (TODAY + 7 * DAY, {}, ""),
        (TODAY + DAY, {"agreed": True}, ""),
        (TODAY - DAY, {"agreed": True}, "too_soon"),
        (TODAY + DAY, {"agreed": True, "turn": "b" * 32}, "too_soon"),
        (date(2026, 12, 5), {}, "closed_day"),  # a Saturday
        (date(2026, 12, 18), {}, "closed_day"),  # Republic Day
        (MONDAY, {"purpose": "tea"}, "unknown_purpose"),
    ],
)
def test_notice_calendar_and_purpose(programme, day, more, why):
    if not why:
        assert programme.propose(day, **more)
        return
    with pytest.raises(CaseError, match=why):
        programme.propose(day, **more)
    assert programme.shown() == (None, "")


@pytest.mark.parametrize("stage", ["ON_HOLD", "LOST_CONTACT", "DECEASED", "CANCELLED", "NOT_ELIGIBLE", "TRANSFERRED"])
def test_nobody_is_asked_to_come_whose_file_does_not_go_on(programme, stage):
    with pytest.raises(CaseError, match="not_followed"):
        programme.propose(case=programme.file(NANA, stage=stage))


def test_from_far_the_eve_must_be_open_and_no_friday(programme):
    near, far = programme.days(), programme.days(region="Zinder")
    assert [day.isoformat() for day in near] == [
        "2026-11-30", "2026-12-01", "2026-12-02", "2026-12-03", "2026-12-04", "2026-12-07",
    ]  # fmt: skip
    assert date(2026, 12, 4) in near
    assert not [day for day in far if day.weekday() == 4]
    with_holiday = programme.days(region="Zinder", most=20)
    assert date(2026, 12, 18) not in with_holiday


def test_in_the_rains_nobody_is_asked_to_travel_there_but_the_phone_works(programme):
    rains = datetime(2027, 7, 5, 9, tzinfo=UTC)
    far = programme.file(NANA, region="Agadez")
    with pytest.raises(CaseError, match="closed_day"):
        programme.propose(rains.date() + 8 * DAY, case=far, at=rains)
    with programme.database.transaction() as session:
        session.execute(update(Place).where(Place.id == programme.home).values(kind="phone", name="Phone call"))
    assert programme.propose(rains.date() + 8 * DAY, case=far, place=programme.home, at=rains, purpose="call")


def test_the_last_place_is_given_once_however_many_ask(programme):
    programme.propose()
    others = [programme.file(f"{number:09d}") for number in range(600000000, 600000008)]

    def ask(case):
        try:
            return bool(programme.propose(case=case))
        except CaseError as refused:
            return str(refused)

    with ThreadPoolExecutor(8) as together:
        answers = list(together.map(ask, others))
    assert sorted(answers, key=str) == [True, *["full"] * 7]


def test_a_double_tap_of_two_turns_makes_one_appointment(programme):
    made = programme.propose()
    turn = "c" * 32
    with ThreadPoolExecutor(4) as together:
        moved = set(together.map(lambda _: programme.move(made, MONDAY + DAY, turn=turn), range(4)))
    assert len(moved) == 1
    assert programme.get(made).state == "MOVED"
    [new] = moved
    assert (programme.get(new).state, programme.get(new).moved_from) == ("CONFIRMED", made)


def test_moved_twice_the_last_day_stands_and_rooms_are_given_back(programme):
    first = programme.propose()
    second = programme.move(first, MONDAY + DAY)
    third = programme.move(second, MONDAY + 2 * DAY)
    assert programme.shown() == (MONDAY + 2 * DAY, "Office Tahoua")
    assert [programme.get(one).state for one in (first, second, third)] == ["MOVED", "MOVED", "CONFIRMED"]
    with programme.database.transaction() as session:
        place = session.get_one(Place, programme.office)
        assert places.taken(session, place, MONDAY, MONDAY + 2 * DAY) == {MONDAY + 2 * DAY: 1}
    with pytest.raises(CaseError, match="not_live"):
        programme.move(first, MONDAY + 3 * DAY)


def test_a_move_that_finds_no_room_leaves_the_old_day(programme):
    made = programme.propose()
    for number in ("600000001", "600000002"):
        programme.propose(MONDAY + DAY, case=programme.file(number))
    with pytest.raises(CaseError, match="full"):
        programme.move(made, MONDAY + DAY)
    assert (programme.get(made).state, programme.shown()[0]) == ("PROPOSED", MONDAY)


def test_who_cannot_come_frees_the_place_and_may_choose_again(programme):
    made = programme.propose()
    assert programme.do(appointments.answer, made, "cannot", turn="d" * 32)
    assert programme.shown() == (None, "")
    assert not programme.do(appointments.answer, made, "coming")
    assert programme.get(programme.move(made, MONDAY + DAY)).state == "CONFIRMED"


def test_marks_can_be_corrected_and_taken_back(programme):
    made, at = programme.propose(), NOW + 14 * DAY
    with pytest.raises(CaseError, match="not_due"):
        programme.mark(made, True, at=NOW)
    assert programme.mark(made, False, at=at)
    assert not programme.mark(made, False, at=at)
    assert programme.get(made).follow_at == at + appointments.TAKEN_BACK_WITHIN
    assert programme.shown() == (MONDAY, "Office Tahoua"), "the screen says that it has passed"
    assert programme.mark(made, True, at=at)
    assert programme.get(made).follow_at is None
    programme.do(appointments.unmark, made, at=at)
    assert programme.get(made).state == "PROPOSED"
    with pytest.raises(CaseError, match="not_marked"):
        programme.do(appointments.unmark, made, at=at)


def test_missed_days_are_counted_since_the_person_last_came(programme):
    day, at = MONDAY, NOW
    for came in (False, True, False, False):
        made = programme.propose(day, at=at)
        at += 14 * DAY
        programme.mark(made, came, at=at)
        day += 14 * DAY
    with programme.database.transaction() as session:
        assert appointments.missed_in_a_row(session, programme.case) == 2


def test_history_is_only_added_to(programme):
    programme.propose()
    with pytest.raises(Exception, match="only ever added"), programme.database.transaction() as session:
        session.execute(update(AppointmentEvent).values(by="nobody"))


def test_reminders_come_on_the_morning_three_days_and_one_day_before_without_summer_time(programme):
    zone = ZoneInfo("Africa/Niamey")
    for day in (date(2027, 3, 29), date(2027, 11, 1)):  # after Europe's clocks moved
        first = appointments.next_notice(day, NOW, calendar=programme.calendar)
        assert first.astimezone(zone).isoformat() == f"{day - 3 * DAY}T08:30:00+01:00"
        second = appointments.next_notice(day, first, calendar=programme.calendar)
        assert second.astimezone(zone).date() == day - DAY
        assert appointments.next_notice(day, second, calendar=programme.calendar) is None


# --- days that come with files


def bring(programme, number=SALIFOU, *, at=NOW, again=False, **columns):
    with programme.database.transaction() as session:
        session.execute(update(Case).where(Case.number == number).values(**columns))
        imported(session, [number], at=at, again=again)
        case = session.scalars(select(Case).where(Case.number == number)).one()
        return [(one.day, one.state, one.by) for one in session.scalars(
            select(Appointment).where(Appointment.case_id == case.id).order_by(Appointment.id))]  # fmt: skip


def test_a_day_of_a_file_becomes_an_appointment_once(programme):
    for _ in range(2):
        made = bring(programme, next_appointment=MONDAY, appointment_place="Office Tahoua")
        assert made == [(MONDAY, "PROPOSED", "import")]
    assert programme.shown() == (MONDAY, "Office Tahoua")


def test_another_day_of_the_file_moves_it_and_no_day_takes_off_what_a_file_had_set(programme):
    bring(programme, next_appointment=MONDAY, appointment_place="Office Tahoua")
    moved = bring(programme, next_appointment=MONDAY + DAY, appointment_place="Office Tahoua")
    assert moved == [(MONDAY, "MOVED", "import"), (MONDAY + DAY, "PROPOSED", "import")]
    assert bring(programme, next_appointment=None, appointment_place="")[-1][1] == "CANCELLED"
    programme.propose(MONDAY + 2 * DAY)
    assert bring(programme, next_appointment=None, appointment_place="")[-1][1] == "PROPOSED"
    assert programme.shown() == (MONDAY + 2 * DAY, "Office Tahoua")


def test_a_stale_day_of_a_file_does_not_undo_what_the_person_chose(programme):
    bring(programme, next_appointment=MONDAY, appointment_place="Office Tahoua")
    with programme.database.transaction() as session:
        [old] = session.scalars(select(Appointment.id))
    programme.move(old, MONDAY + DAY)
    bring(programme, next_appointment=MONDAY, appointment_place="Office Tahoua")
    assert programme.shown() == (MONDAY + DAY, "Office Tahoua")


def test_an_import_that_is_taken_back_puts_the_day_back(programme):
    bring(programme, next_appointment=MONDAY, appointment_place="Office Tahoua")
    bring(programme, next_appointment=MONDAY + DAY, appointment_place="Office Tahoua")
    bring(programme, next_appointment=MONDAY, appointment_place="Office Tahoua", again=True)
    assert programme.shown() == (MONDAY, "Office Tahoua")
    bring(programme, next_appointment=None, appointment_place="", again=True)
    assert programme.shown() == (None, "")


def test_what_only_a_file_had_made_can_be_forgotten_with_its_case(programme):
    bring(programme, next_appointment=MONDAY, appointment_place="Office Tahoua")
    with programme.database.transaction() as session:
        forget(session, [SALIFOU])
        assert session.scalars(select(Appointment.id)).all() == []
    bring(programme, next_appointment=MONDAY, appointment_place="Office Tahoua")
    with programme.database.transaction() as session:
        [made] = session.scalars(select(Appointment.id))
    programme.do(appointments.answer, made, "coming")
    with programme.database.transaction() as session:
        forget(session, [SALIFOU])
        assert session.scalars(select(Appointment.id)).all() == [made]


def test_the_same_day_elsewhere_goes_elsewhere(programme):
    bring(programme, next_appointment=MONDAY, appointment_place="Office Tahoua")
    made = bring(programme, next_appointment=MONDAY, appointment_place="Home visit Keita")
    assert made == [(MONDAY, "PROPOSED", "import")]
    assert programme.shown() == (MONDAY, "Home visit Keita")


@pytest.mark.parametrize(
    "words", ["Office Zinder", "Training site Zinder", "Home visit Birni-N'Konni", "Phone call", "Mairie"]
)
def test_places_are_named_as_files_name_them(programme, words):
    bring(programme, next_appointment=MONDAY, appointment_place=words)
    assert programme.shown() == (MONDAY, words)
    kind, name, detail = read(words)
    assert written(name, detail) == words
    with programme.database.transaction() as session:
        assert session.scalars(select(Place.kind).where(Place.office == "Tahoua", Place.name == name)).one() == kind


@pytest.mark.alone
def test_many_days_at_once_are_fast(programme):
    with programme.database.transaction() as session:
        session.execute(
            text("""
            insert into cases (number, name, sex, language, region, department, office, stage, opened_on, stage_since,
              next_appointment, appointment_place)
            select (700000000 + n)::text, 'X', 'F', 'ha', 'Zinder', 'Mirriah', 'Zinder', 'KIT_READY', '2026-01-01',
              '2026-11-01', date '2026-12-07' + n % 20, 'Office Zinder' from generate_series(1, 2000) n
        """)
        )
        numbers = list(session.scalars(select(Case.number).where(Case.number.like("7%"))))
        began = wall.monotonic()
        imported(session, numbers, at=NOW)
        took = wall.monotonic() - began
        assert len(session.scalars(select(Appointment.id)).all()) == 2000
    assert took < 1.5  # 50 times that is 100,000
