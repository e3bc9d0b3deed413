"""A new number: after the code and a day, or by staff; never a phone of others, a child's file or a flagged one."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from bot.asking import Asking
from bot.errors import CaseError
from bot.kinds import Kind
from bot.outbox import Draft, Question, put
from bot.outreach import numbers
from bot.outreach.asking import ASKED
from bot.store.models import Audit, Case, Contact, Message, NumberChange, Staff
from tests.outreach.conftest import NOON

TURN = "1" * 32
NOTICE = "Votre numéro a-t-il changé ? Sinon, composez *321#. Effacez ce message."


def asks(programme, case_id, phone, *, at=NOON):
    [case] = programme.rows(Case, Case.id == case_id)
    digest = programme.rows(Contact, Contact.id == phone)[0].digest if phone else "nobody-knows-it"
    with programme.database.engine.connect() as connection:
        found = ASKED["new_number"](
            Asking(
                connection, {"case": case.number}, digest, "ussd", b"1" * 16, at, programme.ciphers,
                ZoneInfo("Africa/Niamey"), None, programme.settings,
            )
        )  # fmt: skip
    return found.outcome


def claims(programme, case_id, phone, *, yes=True, turn=TURN, at=NOON):
    [case] = programme.rows(Case, Case.id == case_id)
    with programme.database.transaction() as session:
        numbers.claim(session, case.number, phone, yes=yes, turn=turn, at=at)


def state(programme):
    return [one.state for one in programme.rows(NumberChange)]


@pytest.fixture
def old(programme):
    return programme.phone(texts="yes")


@pytest.fixture
def new(programme):
    return programme.phone()


@pytest.fixture
def case(programme, old):
    return programme.file("KIT_READY", phone=old)


def own(programme, case_id):
    return programme.rows(Case, Case.id == case_id)[0].contact_id


def test_a_number_is_joined_a_day_after_the_code(programme, case, old, new):
    assert asks(programme, case, new) == "ask"
    claims(programme, case, new)
    assert asks(programme, case, new) == "limited"
    programme.reach_out(NOON + timedelta(minutes=5))
    assert own(programme, case) == old
    programme.reach_out(NOON + timedelta(hours=23))
    assert own(programme, case) == old
    programme.reach_out(NOON + timedelta(hours=24))
    programme.reach_out(NOON + timedelta(hours=25))
    assert own(programme, case) == new
    assert state(programme) == ["joined"]
    assert asks(programme, case, new, at=NOON + timedelta(hours=25)) == "none"


def test_the_old_number_hears_of_it_once_if_its_owner_agreed_to_be_texted(programme, case, new):
    claims(programme, case, new)
    for minutes in (5, 10):
        programme.reach_out(NOON + timedelta(minutes=minutes))
    assert [(kind, text) for kind, text, _ in programme.sent()] == [("reminder", NOTICE)]


@pytest.mark.parametrize("texts", ["no", None])
def test_else_it_hears_nothing(programme, new, texts):
    case = programme.file("KIT_READY", phone=programme.phone(texts=texts))
    claims(programme, case, new)
    programme.reach_out(NOON + timedelta(minutes=5))
    assert programme.sent() == []


def test_saying_it_twice_changes_nothing(programme, case, new):
    claims(programme, case, new)
    claims(programme, case, new)
    claims(programme, case, programme.phone(), turn="2" * 32)  # another phone meanwhile
    assert state(programme) == ["new"]


def test_no_is_not_asked_again_for_90_days(programme, case, old, new):
    claims(programme, case, new, yes=False)
    assert asks(programme, case, new) == "none"
    assert asks(programme, case, new, at=NOON + timedelta(days=91)) == "ask"
    programme.reach_out(NOON + timedelta(days=2))
    assert own(programme, case) == old


@pytest.mark.parametrize(
    "fields", [{"vulnerability": "protection"}, {"year_of_birth": 2012}, {"stage": "DECEASED"}, {"stage": "CANCELLED"}]
)
def test_some_files_change_their_number_by_staff_alone(programme, new, fields):
    case = programme.file(**{"stage": "KIT_READY"} | fields)
    assert asks(programme, case, new) == "none"


def test_a_phone_of_another_file_is_joined_by_staff_alone(programme, case, new):
    programme.file("TRAINING", phone=new)
    assert asks(programme, case, new) == "none"


def test_a_phone_that_nobody_has_written_down_yet_is_asked(programme, case):
    assert asks(programme, case, None) == "ask"


def test_who_claims_a_phone_that_another_file_has_by_then_waits_for_staff(programme, case, old, new):
    claims(programme, case, new)
    programme.file("TRAINING", phone=new)
    programme.reach_out(NOON + timedelta(hours=25))
    assert own(programme, case) == old
    assert state(programme) == ["doubted"]


def test_a_file_that_got_another_number_meanwhile_waits_for_staff(programme, case, new):
    claims(programme, case, new)
    third = programme.phone()
    programme.change(Case, case, contact_id=third)
    programme.reach_out(NOON + timedelta(hours=25))
    assert own(programme, case) == third
    assert state(programme) == ["doubted"]


# staff


@pytest.fixture
def moussa(programme):
    return programme.staff("moussa")


def by_staff(programme, step, moussa, *given, **named):
    with programme.database.transaction() as session:
        staff = session.get_one(Staff, moussa)
        return step(session, *given, staff=staff, proof="own_phone", at=NOON + timedelta(hours=2), **named)


def test_staff_confirm_before_the_day_is_over(programme, case, new, moussa):
    claims(programme, case, new)
    [change] = programme.rows(NumberChange)
    by_staff(programme, numbers.confirm, moussa, change.id)
    assert own(programme, case) == new
    [change] = programme.rows(NumberChange)
    assert (change.state, change.confirmed_by) == ("joined", moussa)
    with pytest.raises(CaseError, match="moved_on"):
        by_staff(programme, numbers.refuse, moussa, change.id)


def test_staff_take_a_joined_number_off_again(programme, case, old, new, moussa):
    claims(programme, case, new)
    programme.reach_out(NOON + timedelta(hours=25))
    [change] = programme.rows(NumberChange)
    by_staff(programme, numbers.refuse, moussa, change.id)
    assert own(programme, case) == old
    assert asks(programme, case, new, at=NOON + timedelta(days=2)) == "none"
    assert [(one.action, one.detail) for one in programme.rows(Audit)] == [("number_refused", {"proof": "own_phone"})]


def given_by_staff(programme, case_id, number, moussa, *, shared=False):
    with programme.database.transaction() as session:
        numbers.change_by_staff(
            session, session.get_one(Case, case_id), number, shared=shared, staff=session.get_one(Staff, moussa),
            proof="in_person", at=NOON, ciphers=programme.ciphers,
        )  # fmt: skip


def test_staff_give_a_number_that_nobody_knew(programme, case, old, moussa):
    given_by_staff(programme, case, "+22791234567", moussa)
    assert own(programme, case) not in (old, None)
    assert programme.rows(Case, Case.id == case)[0].phone_shared is False
    with pytest.raises(CaseError, match="same_number"):
        given_by_staff(programme, case, "+22791234567", moussa)


def test_a_number_of_others_is_shared_only_where_staff_say_so(programme, case, moussa):
    phone = programme.phone("+22791234567")
    neighbour = programme.file("TRAINING", phone=phone, since=date(2026, 11, 20))
    with pytest.raises(CaseError, match="number_taken"):
        given_by_staff(programme, case, "+22791234567", moussa)
    given_by_staff(programme, case, "+22791234567", moussa, shared=True)
    assert {one.phone_shared for one in programme.rows(Case, Case.id.in_((case, neighbour)))} == {True}


def queued(programme, case_id, phone, **more):
    """A push about the file that leaves in the morning."""
    with programme.database.transaction() as session:
        draft = Draft(
            Kind.REMINDER, contact=session.get_one(Contact, phone), sms="Bonjour.", case_id=case_id, budget=1,
            due_at=NOON + timedelta(hours=20), **more,
        )  # fmt: skip
        put(session, draft, at=NOON, settings=programme.settings, ciphers=programme.ciphers)


def waiting(programme):
    """To whom the push leaves and after how long; None: held, until it grows old."""
    [row] = [one for one in programme.rows(Message) if programme._text(one) == "Bonjour."]
    return row.contact_id, None if row.due_at == row.expires_at else row.due_at - NOON


def test_what_was_queued_waits_for_the_day_and_goes_to_the_new_number(programme, case, old, new):
    queued(programme, case, old)
    claims(programme, case, new, yes=False)
    assert waiting(programme) == (old, timedelta(hours=20))
    with programme.database.transaction() as session:
        said_no = session.scalars(select(NumberChange)).one()
        said_no.at = said_no.confirmed_at = NOON - numbers.NOT_ASKED_AGAIN
    claims(programme, case, new, turn="2" * 32)
    assert waiting(programme) == (old, None)
    programme.reach_out(NOON + timedelta(minutes=5))  # the word to the old number
    programme.reach_out(NOON + timedelta(hours=24))
    assert own(programme, case) == new
    assert waiting(programme) == (new, timedelta(hours=24))
    assert [one.contact_id for one in programme.rows(Message) if programme._text(one) == NOTICE] == [old]


def test_it_waits_while_two_phones_say_that_they_are_the_persons(programme, case, old, new, moussa):
    queued(programme, case, old)
    claims(programme, case, new)
    with programme.database.transaction() as session:
        numbers.doubt(session, session.get_one(Case, case))
    programme.reach_out(NOON + timedelta(hours=25))
    assert waiting(programme) == (old, None)
    [change] = programme.rows(NumberChange)
    by_staff(programme, numbers.refuse, moussa, change.id)
    assert waiting(programme) == (old, timedelta(hours=2))


def test_what_was_queued_follows_what_staff_decide(programme, case, old, new, moussa):
    queued(programme, case, old)
    claims(programme, case, new)
    [change] = programme.rows(NumberChange)
    by_staff(programme, numbers.confirm, moussa, change.id)
    assert waiting(programme) == (new, timedelta(hours=2))
    given_by_staff(programme, case, "+22791234567", moussa)
    assert waiting(programme) == (own(programme, case), timedelta(hours=2))


def test_what_was_queued_goes_back_with_a_number_that_was_taken_off(programme, case, old, new, moussa):
    claims(programme, case, new)
    programme.reach_out(NOON + timedelta(hours=25))
    queued(programme, case, new)
    [change] = programme.rows(NumberChange)
    by_staff(programme, numbers.refuse, moussa, change.id)
    assert waiting(programme) == (old, timedelta(hours=20))


def test_a_push_of_after_a_change_follows_the_next_one(programme, case, old, new, moussa):
    claims(programme, case, new, at=NOON - timedelta(hours=3))
    [change] = programme.rows(NumberChange)
    with programme.database.transaction() as session:
        refused = {"staff": session.get_one(Staff, moussa), "proof": "own_phone", "at": NOON - timedelta(hours=1)}
        numbers.refuse(session, change.id, **refused)
    queued(programme, case, old)
    given_by_staff(programme, case, "+22791234567", moussa)
    assert waiting(programme) == (own(programme, case), timedelta(hours=20))


def test_no_question_follows_to_a_phone_of_several(programme, case, old, moussa):
    programme.file("TRAINING", phone=programme.phone("+22791234567"), since=date(2026, 11, 20))
    queued(programme, case, old, question=Question("checkin", {"checkin": "1"}))
    given_by_staff(programme, case, "+22791234567", moussa, shared=True)
    [row] = programme.rows(Message)
    assert row.expires_at == NOON


def test_where_no_number_is_left_it_ends(programme, case, new, moussa):
    with programme.database.transaction() as session:
        session.get_one(Case, case).contact_id = None
    claims(programme, case, new)
    programme.reach_out(NOON + timedelta(hours=25))
    queued(programme, case, new)
    [change] = programme.rows(NumberChange)
    by_staff(programme, numbers.refuse, moussa, change.id)
    [row] = programme.rows(Message)
    assert row.expires_at == NOON + timedelta(hours=2)


def test_what_staff_give_ends_what_waited(programme, case, new, moussa):
    claims(programme, case, new)
    given_by_staff(programme, case, "+22791234567", moussa)
    assert state(programme) == ["refused"]
