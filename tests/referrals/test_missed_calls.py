"""Missed calls through the recorder: one request a contact, no permission where it was ever refused, no trace (safety 1 to 6, 18, 19)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from bot.engine.effects import OpenReferral, Terms, UpdateReferral
from bot.referrals import ladder, missed_calls, writing
from bot.referrals.access import may_see
from bot.referrals.clocks import next_safe_call
from bot.referrals.terms import read_terms
from bot.store.models import Alert, Case, Contact, Ladder, Message, Referral, ReferralEvent, Staff, Ticket
from tests.test_recorder import AT, PHONE, Journal

pytestmark = pytest.mark.usefixtures("database")
OTHER = "+22790002705"


class Line:
    """Rings and speaks as turns do, and records each at once."""

    def __init__(self, journal):
        self.journal, self.turns = journal, 0

    def rings(self, phone=PHONE, *, n=0, **changes):
        """A missed call; `n` repeats an earlier turn. Returns the id that its own request would have."""
        self.turns += 0 if n else 1
        n = n or self.turns
        effect = self.effect(n)
        self.journal.says(n, effect, phone=phone, **{"channel": "voice", "replies": ()} | changes)
        self.journal.record(phone)
        return effect.id

    @staticmethod
    def effect(n):
        return OpenReferral(
            id=f"{n:032x}", ticket=f"{n:07d}", queue="assistance", level="normal", code="OTH",
            source="missed_call", terms=Terms(may_call=True, window="day"),
        )  # fmt: skip

    def says(self, *effects, phone=PHONE):
        self.turns += 1
        self.journal.says(self.turns, *effects, phone=phone)
        self.journal.record(phone)

    def needs(self, phone=PHONE, **fields):
        """Any other need; returns its id."""
        n = self.turns + 1
        values = {"id": f"{n:032x}", "ticket": f"{n:07d}", "queue": "assistance", "level": "normal", "code": "KIT"}
        self.says(OpenReferral(**values | fields), phone=phone)
        return f"{n:032x}"

    def denies(self, referral_id, phone=PHONE):
        self.says(UpdateReferral(id=referral_id, terms=Terms(may_call=False)), phone=phone)

    def talks_in_private(self, **fields):
        return self.needs(**{"queue": "protection", "level": "critical", "code": None, "private": True} | fields)

    def goes_outside(self):
        """As the flow does: the first talk loses its number, a sealed one opens."""
        first = self.talks_in_private()
        n = self.turns + 1
        self.says(
            UpdateReferral(id=first, terms=Terms(may_call=False), forget_contact=True),
            OpenReferral(
                id=f"{n:032x}", ticket=f"{n:07d}", queue="sealed", level="critical", private=True, sealed=True
            ),
        )

    def referral(self, referral_id):
        with self.journal.database.transaction() as session:
            return session.get(Referral, referral_id)

    def terms(self, referral_id):
        return read_terms(self.referral(referral_id), ciphers=self.journal.ciphers)

    def events(self, referral_id):
        rows = [row for row in self.journal.all(ReferralEvent) if row.referral_id == referral_id]
        return [row.kind for row in sorted(rows, key=lambda row: row.id)]

    def place(self, referral_id):
        row = self.referral(referral_id)
        return (row.queue, row.sealed, row.level, self.terms(referral_id))

    def calls(self):
        return [row for row in self.journal.all(Referral) if row.source == "missed_call"]


@pytest.fixture
def line(redis_client, database, ciphers, settings):
    return Line(Journal(redis_client, database, ciphers, settings))


@pytest.fixture
def file(line):
    """Files of the phone that rings."""

    def add(number, *, office="Niamey", born=1991, phone=PHONE):
        with line.journal.database.transaction() as session:
            digest = line.journal.ciphers.address(phone).digest
            contact = session.scalar(select(Contact).where(Contact.digest == digest))
            if contact is None:
                contact = Contact(digest=digest, number_enc=b"x")
                session.add(contact)
                session.flush()
            session.add(
                Case(
                    number=number, name="Amina", sex="F", contact_id=contact.id, language="ha", region="Niamey",
                    department="I", office=office, stage="KIT_READY", opened_on=date(2026, 1, 5),
                    stage_since=date(2026, 9, 1), year_of_birth=born,
                )
            )  # fmt: skip

    return add


DAY = Terms(may_call=True, window="day")


def test_a_missed_call_waits_for_the_assistants_and_may_be_called_by_day(line):
    call = line.rings()
    row = line.referral(call)
    assert (row.queue, row.level, row.code, row.channel, row.case_id) == ("assistance", "normal", "OTH", "voice", None)
    assert row.contact_id == line.journal.one(Contact).id
    assert line.terms(call) == DAY
    night, morning = datetime(2026, 11, 23, 20, 30, tzinfo=UTC), datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
    assert next_safe_call(line.terms(call), night) == morning  # 21:30 and 7:00 in Niamey
    assert line.journal.all(Message) == []  # nothing to the person, and the staff's digest comes in the morning


def test_nobody_knows_a_ticket_that_nobody_was_told_but_it_names_the_request(line):
    first = line.rings()
    line.rings()
    assert {row.number: row.referral_id for row in line.journal.all(Ticket)} == {"0000001": first, "0000002": first}


def test_it_may_ring_all_day_and_stays_one_request_one_ladder_one_alert(line):
    first = line.rings()
    for _ in range(3):
        line.rings()
    assert [row.id for row in line.calls()] == [first]
    assert line.events(first) == ["opened", "called_again", "called_again", "called_again"]
    last = max(row.at for row in line.journal.all(ReferralEvent))
    assert last == datetime.fromtimestamp((AT + 4) / 1000, UTC)
    assert [(row.round, row.rung) for row in line.journal.all(Ladder)] == [(0, 0)]
    assert line.journal.all(Alert) == []


def test_the_morning_digest_tells_an_assistant_once_without_a_word_on_who_rang(line, office):
    moussa = office.on_duty("moussa", role="assistant", queue="assistance")
    for _ in range(3):
        line.rings()
    [row] = line.calls()
    due = line.journal.one(Ladder).due_at
    assert (due.hour, due > row.opened_at) == (7, True)  # 8:00 in Niamey
    for _ in range(2):
        ladder.climb(office.database, now=due, settings=office.settings, ciphers=office.ciphers)
    [text] = office.texts(moussa)
    assert "000-0001" in text
    assert PHONE[4:] not in text
    assert len(line.journal.all(Alert)) == 1


@pytest.mark.parametrize("again", [1, 3])
def test_the_same_turn_twice_changes_nothing(line, again):
    """First call and repeat alike: a gateway delivers twice, a recorder is killed before it deletes the entry."""
    first = line.rings()
    for _ in range(2):
        line.rings()
    before = (line.events(first), len(line.journal.all(Ticket)))
    line.rings(n=again)
    assert (line.events(first), len(line.journal.all(Ticket))) == before
    with line.journal.database.transaction() as session:  # even where nothing else remembers the turn
        missed_calls.open_missed_call(
            session, line.effect(again), at=datetime.now(UTC), turn=line.journal.turn(again).hex(),
            contact_id=line.journal.one(Contact).id, ciphers=line.journal.ciphers,
        )  # fmt: skip
    assert (line.events(first), len(line.journal.all(Ticket))) == before
    assert len(line.calls()) == 1


def test_after_it_is_closed_a_call_is_a_new_request(line):
    first = line.rings()
    with line.journal.database.transaction() as session:
        session.get_one(Referral, first).state = "closed"
    second = line.rings()
    assert [row.id for row in line.calls()] == [first, second]
    assert line.events(second) == ["opened"]
    line.rings(n=1)
    assert line.events(first) == ["opened"]


def test_calls_of_two_phones_are_two_requests(line):
    line.rings()
    line.rings(OTHER)
    assert len(line.calls()) == 2


# --- the exception of safety 1


def test_who_ever_said_not_safe_is_not_called_back(line):
    kit = line.needs()
    line.denies(kit)
    assert line.place(line.rings()) == ("protection", False, "normal", None)


def test_also_after_the_person_allowed_it_elsewhere_and_the_request_was_closed(line):
    kit = line.needs()
    line.denies(kit)
    line.says(UpdateReferral(id=kit, terms=Terms(may_call=True)))
    with line.journal.database.transaction() as session:
        session.get_one(Referral, kit).state = "closed"
    assert line.terms(line.rings()) is None


def test_who_ever_talked_in_private_is_not_called_back(line):
    line.talks_in_private()
    assert line.place(line.rings()) == ("protection", False, "normal", None)


def test_who_went_outside_the_office_is_seen_by_the_focal_points_alone(line):
    line.goes_outside()
    call = line.rings()
    assert line.place(call) == ("sealed", True, "critical", None)
    row = line.referral(call)
    roles = ("assistant", "protection", "coordinator", "child_specialist", "gbv_specialist")
    people = [Staff(role=role, active=True, queues=[], offices=[], partner="") for role in roles]
    assert not any(may_see(one, row) for one in people)


def test_an_answer_that_allows_a_call_is_no_refusal(line):
    kit = line.needs()
    line.says(UpdateReferral(id=kit, terms=Terms(may_call=True, window="evening")))
    assert line.place(line.rings()) == ("assistance", False, "normal", DAY)


def test_what_another_phone_refused_is_no_refusal_of_this_one(line):
    line.denies(line.needs(OTHER), OTHER)
    assert line.terms(line.rings()) == DAY


# --- refused after the call


@pytest.mark.parametrize("how", ["denies", "private"])
def test_a_refusal_after_the_call_ends_the_permission_and_takes_it_from_the_assistants(line, how):
    call = line.rings()
    line.denies(line.needs()) if how == "denies" else line.talks_in_private()
    assert line.place(call) == ("protection", False, "normal", None)
    assert line.events(call) == ["opened", "moved"]
    line.rings()
    assert line.events(call) == ["opened", "moved", "called_again"]
    assert line.terms(call) is None


def test_going_outside_after_the_call_takes_it_along(line):
    call = line.rings()
    line.goes_outside()
    assert line.place(call) == ("sealed", True, "critical", None)


def test_an_assistant_who_had_accepted_it_does_not_keep_it(line):
    call = line.rings()
    with line.journal.database.transaction() as session:
        moussa = Staff(login="moussa", name="Moussa", role="assistant")
        session.add(moussa)
        session.flush()
        row = session.get_one(Referral, call)
        writing.accept(
            session, row, moussa, row.opened_at + timedelta(minutes=1),
            ciphers=line.journal.ciphers, settings=line.journal.settings,
        )  # fmt: skip
    line.talks_in_private()
    row = line.referral(call)
    assert (row.accepted_by, row.state, row.queue) == (None, "new", "protection")
    ladders = {one.referral_id: one for one in line.journal.all(Ladder)}
    assert ladders[call].due_at is not None


def test_a_protection_officer_keeps_it_and_waits_for_the_person(line):
    line.talks_in_private()
    call = line.rings()
    with line.journal.database.transaction() as session:
        row = session.get_one(Referral, call)
        row.queue, row.code = "assistance", "KIT"  # staff know by now what it is about
    line.denies(line.needs())
    assert line.referral(call).queue == "assistance"


# --- whose phone it is


def test_one_office_of_all_its_files_names_the_office(line, file):
    file("482719368", office="Zinder")
    file("482719369", office="Zinder")
    row = line.referral(line.rings())
    assert (row.office, row.case_id, row.minor) == ("Zinder", None, False)


def test_files_of_two_offices_name_none(line, file):
    file("482719368", office="Zinder")
    file("482719369", office="Agadez")
    assert line.referral(line.rings()).office == ""


def test_a_phone_with_files_of_minors_alone_goes_to_child_protection(line, file):
    file("482719368", born=date.today().year - 12)
    row = line.referral(line.rings())
    assert (row.queue, row.minor) == ("child", True)


@pytest.mark.parametrize("born", [1991, None])
def test_a_phone_with_a_file_of_an_adult_or_of_unknown_age_does_not(line, file, born):
    file("482719368", born=2015)
    file("482719369", born=born)
    assert line.referral(line.rings()).queue == "assistance"


def test_a_child_who_talked_in_private_stays_with_child_protection_and_is_not_called(line, file):
    file("482719368", born=2015)
    line.talks_in_private(minor=True)
    row = line.referral(line.rings())
    assert (row.queue, row.terms_enc) == ("child", None)
