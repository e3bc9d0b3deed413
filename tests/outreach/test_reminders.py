"""Reminders and what follows a missed day: each once, in the person's language, on the stores and through the outbox."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from bot.cases import appointments
from bot.content.screens import content_of
from bot.jobs.outreach import reach_out
from bot.messages import Channel
from bot.outreach import reminders
from bot.outreach.calendar import Calendar
from bot.outreach.pushing import Run
from bot.store.models import Appointment, AppointmentEvent, Case, Contact, LostContact, Message, Place, Referral
from tests import test_two_way as two_way

line = two_way.line
NOW = two_way.NOW  # Tuesday 24 November, 10:00 in Niamey
MONDAY = date(2026, 12, 7)
FRIDAY_MORNING = datetime(2026, 12, 4, 7, 45, tzinfo=UTC)
DAY = timedelta(days=1)


class Person:
    """Amina, her file, and the line that reminds her."""

    def __init__(self, line):
        self.line = line
        with line.database.transaction() as session:
            contact = session.scalars(select(Contact)).one()
            contact.language, contact.first_seen_at = "fr", line.now
            place = Place(office="Tahoua", name="Office Tahoua", kind="office", region="Tahoua")
            case = Case(
                number="482719368", name="Amina Kogin-Zuma", sex="F", language="fr", region="Tahoua", department="Keita",
                office="Tahoua", stage="KIT_READY", opened_on=date(2026, 3, 1), stage_since=date(2026, 11, 20),
                contact_id=contact.id, year_of_birth=1991,
            )  # fmt: skip
            session.add_all([place, case])
            session.flush()
            self.place, self.case, self.contact = place.id, case.id, contact.id
        self.calendar = Calendar.of(line.settings)

    def proposed(self, day=MONDAY, **more):
        with self.line.database.transaction() as session:
            return appointments.propose(
                session, self.case, self.place, day, "kit", by="staff:1", at=self.line.now, calendar=self.calendar, **more
            ).id  # fmt: skip

    def runs(self, at=None):
        """A round of the outreach, and of the sender; what reached the phone."""
        self.line.now = at or self.line.now
        reach_out(self.line.jobs, now=self.line.now)
        return self.line.runs()

    def says(self, text, channel=Channel.SMS):
        heard = self.line.says(text, channel)
        self.line.record()
        return heard

    def get(self, appointment_id):
        with self.line.database.transaction() as session:
            return session.get_one(Appointment, appointment_id)

    def told(self, appointment_id):
        with self.line.database.transaction() as session:
            events = select(AppointmentEvent.detail).where(AppointmentEvent.appointment_id == appointment_id)
            details = session.scalars(events.order_by(AppointmentEvent.id))
            return [(one["told"], one.get("why", "")) for one in details if "told" in one]

    def change(self, model, **values):
        with self.line.database.transaction() as session:
            session.execute(update(model).values(**values))


@pytest.fixture
def person(line):
    line.later(minutes=20)
    return Person(line)


def test_a_new_day_is_told_then_three_days_and_one_day_before_each_once(person):
    made = person.proposed()
    [new] = person.runs()
    assert (
        new == "Un rendez-vous est prévu pour vous. 1 Je viens 2 Autre jour 3 Je ne peux pas (Jour et détail : *321#)"
    )
    assert person.runs() == []
    assert person.runs(FRIDAY_MORNING - timedelta(minutes=30)) == []
    [three] = person.runs(FRIDAY_MORNING)
    assert three == "Rappel : rendez-vous lundi. 1 Je viens 2 Autre jour 3 Je ne peux pas (Détail : *321#)"
    assert person.get(made).state == "REMINDED"
    assert person.runs() == []
    assert len(person.runs(FRIDAY_MORNING + 2 * DAY)) == 1
    assert person.runs(FRIDAY_MORNING + 3 * DAY) == []
    assert person.told(made) == [("new", ""), ("three", ""), ("one", "")]


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.WHATSAPP])
def test_a_bare_1_confirms_thirteen_days_later_and_not_after_fifteen(person, channel):
    if channel is Channel.WHATSAPP:
        person.says("Bonjour", channel)
        person.line.later(minutes=20)
    day = date(2026, 12, 10)
    made = person.proposed(day)
    assert len(person.runs()) == 1
    person.change(Appointment, remind_at=None)
    person.line.later(days=13)
    assert "noté" in person.says("1", channel)[0]
    assert (person.get(made).state, person.get(made).said) == ("CONFIRMED", "coming")
    person.change(Appointment, state="PROPOSED", said="")
    person.line.later(days=2)
    person.says("1", channel)
    assert person.get(made).state == "PROPOSED"


def test_cannot_frees_the_day_and_another_day_is_shown_to_staff(person):
    made = person.proposed()
    person.runs()
    assert "*321#" in person.says("2")[0]
    assert (person.get(made).state, person.get(made).said) == ("PROPOSED", "other_day")
    person.line.later(minutes=11)
    person.runs(FRIDAY_MORNING)
    person.says("3")
    assert person.get(made).state == "CANCELLED"
    assert person.runs(FRIDAY_MORNING + 2 * DAY) == []


def test_a_moved_day_takes_its_reminder_back_and_brings_its_own(person):
    made = person.proposed(agreed=True)
    person.line.now = FRIDAY_MORNING
    with person.line.database.transaction() as session:
        reminders.remind(_run(person, session))
        assert session.scalars(select(Message.state).where(Message.kind == "reminder")).all() == ["queued"]
    with person.line.database.transaction() as session:
        new = appointments.move(
            session, made, MONDAY + 7 * DAY, by="staff:1", at=person.line.now, calendar=person.calendar, agreed=True
        ).id
    assert person.line.runs() == []
    with person.line.database.transaction() as session:
        assert session.scalars(select(Message.reason).where(Message.kind == "reminder")).all() == ["moved"]
    assert "lundi" in person.runs(FRIDAY_MORNING + 7 * DAY)[0]
    assert [one for one, _ in person.told(new)] == ["three"]


def test_killed_between_writing_and_sending_neither_loses_nor_doubles(person, monkeypatch):
    person.proposed(agreed=True)
    person.line.now = FRIDAY_MORNING

    def killed(*_arguments, **_more):
        raise SystemExit

    for step in ("put", "_draft"):
        with monkeypatch.context() as patched:
            patched.setattr(reminders, step, killed)
            with pytest.raises(SystemExit):
                reach_out(person.line.jobs, now=FRIDAY_MORNING)
    with monkeypatch.context() as patched:  # written, and killed before the end of the transaction
        patched.setattr(reminders.appointments, "reminded", killed)
        with pytest.raises(SystemExit):
            reach_out(person.line.jobs, now=FRIDAY_MORNING)
    reach_out(person.line.jobs, now=FRIDAY_MORNING)
    reach_out(person.line.jobs, now=FRIDAY_MORNING)
    assert len(person.line.runs()) == 1


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"stage": "DECEASED"}, "withheld"),
        ({"stage": "LOST_CONTACT"}, "withheld"),
        ({"stage": "ON_HOLD"}, "withheld"),
        ({"year_of_birth": 2012}, "withheld"),
        ({"vulnerability": "protection"}, "withheld"),
        ({"contact_id": None}, "withheld"),
        ({"stage": "WAITING_DOCUMENT"}, ""),
    ],
)
def test_who_is_not_reminded(person, values, why):
    made = person.proposed(agreed=True)
    person.change(Case, **values)
    reminded = [text for text in person.runs(FRIDAY_MORNING) if text.startswith("Rappel")]
    assert len(reminded) == (0 if why else 1)
    assert person.told(made) == [("three", why)]
    assert person.get(made).state == ("CONFIRMED" if why else "REMINDED")


def test_after_stop_nothing_leaves_and_in_hausa_it_is_hausa(person):
    person.change(Contact, language="ha")
    made = person.proposed(agreed=True)
    [text] = person.runs(FRIDAY_MORNING)
    assert text.startswith("Tunatarwa: ganawa ranar Litinin.")
    person.says("STOP")
    assert person.runs(FRIDAY_MORNING + 2 * DAY) == []
    assert person.get(made).state == "REMINDED"


def test_a_reminder_never_comes_on_the_day_itself(person):
    person.proposed(agreed=True)
    person.line.says("MENU")
    person.change(Appointment, remind_at=datetime(2026, 12, 6, 7, 30, tzinfo=UTC))
    person.runs(datetime(2026, 12, 6, 19, 30, tzinfo=UTC))  # 20:30: quiet until the morning of the day
    assert person.runs(datetime(2026, 12, 7, 8, 0, tzinfo=UTC)) == []


def missed(person, times):
    """So many days in a row on which she did not come; what reached her phone after each."""
    told, day = [], MONDAY
    for _ in range(times):
        made = person.proposed(day, agreed=True)
        person.change(Appointment, remind_at=None)
        person.line.now = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=15)
        with person.line.database.transaction() as session:
            appointments.mark(session, made, False, by="staff:1", at=person.line.now, today=day)
        assert not [text for text in person.runs() if "passé" in text], "a mark can be taken back first"
        followed = person.runs(person.line.now + appointments.TAKEN_BACK_WITHIN)
        told.append([text for text in followed if "passé" in text])
        day += 14 * DAY
    return told


def test_first_a_friendly_question_then_a_call_then_the_search(person):
    first, second, third = missed(person, 3)
    assert first == ["Votre rendez-vous est passé. Ce n'est pas grave. 1 Nouvelle date 3 Rappelez-moi"]
    assert (second, third) == ([], [])
    with person.line.database.transaction() as session:
        assert [one.why for one in session.scalars(select(LostContact))] == ["no_shows"]


def test_a_mark_taken_back_is_followed_by_nothing(person):
    made = person.proposed(agreed=True)
    at = datetime(2026, 12, 7, 15, tzinfo=UTC)
    with person.line.database.transaction() as session:
        appointments.mark(session, made, False, by="staff:1", at=at, today=MONDAY)
        appointments.unmark(session, made, by="staff:1", at=at)
    assert person.runs(at + DAY) == []


def _run(person, session):
    line = person.line
    return Run(session, line.now, content_of(line.settings), line.settings, line.ciphers)


def test_a_phone_of_several_reads_that_there_is_news_and_answers_nothing_without_the_code(person):
    made = person.proposed(agreed=True)
    person.change(Case, phone_shared=True)
    [text] = person.runs(FRIDAY_MORNING)
    assert text.startswith("Il y a du nouveau")
    person.says("3")
    assert person.get(made).state == "REMINDED"


@pytest.mark.parametrize("meanwhile", ["talked in private", "must hear it from a person"])
def test_what_happened_between_the_writing_and_the_sending_counts(person, meanwhile):
    person.proposed(agreed=True)
    person.line.now = FRIDAY_MORNING
    with person.line.database.transaction() as session:
        reminders.remind(_run(person, session))
    if meanwhile == "talked in private":
        fields = {"queue": "protection", "level": "critical", "source": "menu", "channel": "ussd", "ticket": "4821737"}
        with person.line.database.transaction() as session:
            session.add(
                Referral(id="3" * 32, opened_at=FRIDAY_MORNING, contact_id=person.contact, private=True, **fields)
            )
    else:
        person.change(Case, stage="NOT_ELIGIBLE")
    assert person.line.runs() == []
    with person.line.database.transaction() as session:
        states = session.execute(select(Message.state, Message.reason).where(Message.kind == "reminder")).all()
    assert [tuple(one) for one in states] == [("expired", "too_old")]  # the reason tells nobody of the talk
