"""What the person says about being reached; days of failed calls; reminders."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from bot.engine.effects import Terms, UpdateReferral
from bot.errors import ReferralError
from bot.referrals import attempts, flags, steps
from bot.referrals.said_terms import Said, say_terms
from bot.referrals.terms import read_terms
from bot.referrals.writing import update_referral
from bot.store.models import Flag, Referral, ReferralEvent, Staff

from .conftest import NOON

TODAY = date(2026, 11, 24)


@pytest.fixture
def holder(office):
    return office.on_duty("hadiza")


@pytest.fixture
def says(office, ciphers, settings):
    def say(staff_id, need, at=NOON, **said):
        with office.database.transaction() as session:
            staff, referral = session.get_one(Staff, staff_id), session.get_one(Referral, need)
            say_terms(session, referral, staff, Said(**said), at, ciphers=ciphers, settings=settings)
            return read_terms(referral, ciphers=ciphers)

    return say


@pytest.fixture
def accepted(office, ciphers, settings):
    def take(staff_id, need):
        with office.database.transaction() as session:
            staff, referral = session.get_one(Staff, staff_id), session.get_one(Referral, need)
            steps.accept(session, referral, staff, NOON, ciphers=ciphers, settings=settings)

    return take


def test_what_is_said_replaces_what_was_said_and_an_empty_answer_keeps_it(office, holder, says):
    need = office.need(terms=Terms(may_call=True, number="+22790001111", who_answers="sa soeur"))
    terms = says(holder, need, may_call=True, window="evening", text=True, cover_phrase="la leçon de couture")
    assert (terms.window, terms.number, terms.who_answers) == ("evening", "+22790001111", "sa soeur")
    assert (terms.cover_phrase, terms.text, terms.said_by) == ("la leçon de couture", True, "voice")
    assert terms.said_at == int(NOON.timestamp())
    assert b"couture" not in office.referral(need).terms_enc


def test_a_no_holds_at_once_also_for_writing_and_for_call_me_now(office, holder, says):
    until = int((NOON + timedelta(minutes=10)).timestamp())
    need = office.need(terms=Terms(may_call=True, text=True, now_until=until))
    terms = says(holder, need, may_call=False, text=True)
    assert (terms.may_call, terms.text, terms.now_until) == (False, False, 0)


@pytest.mark.parametrize("fields", [{"private": True}, {"queue": "sealed"}])
def test_nobody_writes_to_who_talked_in_private(office, says, fields):
    role = ("zeinabou", "psea_focal", "sealed") if "queue" in fields else ("hadiza",)
    staff = office.on_duty(*role)
    assert says(staff, office.need(**fields), may_call=True, text=True).text is False


@pytest.mark.parametrize("said", [{"window": "midnight"}, {"how": "letter"}])
def test_unknown_answers_change_nothing(office, holder, says, said):
    need = office.need()
    with pytest.raises(ReferralError, match="unknown_terms"):
        says(holder, need, may_call=True, **said)
    assert office.referral(need).terms_enc is None


def test_who_must_not_see_it_writes_no_terms(office, holder, says):
    need, moussa = office.need(), office.on_duty("moussa", "assistant", "assistance")
    with pytest.raises(ReferralError, match="not_found"):
        says(moussa, need, may_call=True)


def test_a_colleagues_terms_that_allow_a_call_tell_the_holder_and_start_the_45_minutes(office, holder, says, accepted):
    aicha, need = office.on_duty("aicha"), office.need()
    accepted(holder, need)
    assert office.ladder(need).due_at is None
    says(aicha, need, may_call=True)
    assert office.ladder(need).due_at == NOON + timedelta(minutes=45)
    assert "on peut appeler" in office.texts(holder)[-1]
    told = len(office.texts(holder))
    says(aicha, need, may_call=True, window="evening")
    assert len(office.texts(holder)) == told


def test_the_person_who_dials_again_and_allows_a_call_or_says_it_is_worse_is_told_to_the_holder(
    office, holder, accepted, ciphers, settings
):
    need = office.need(level="high")
    accepted(holder, need)
    for n, change in enumerate(
        (UpdateReferral(id=need, terms=Terms(may_call=True)), UpdateReferral(id=need, level="critical"))
    ):
        with office.database.transaction() as session:
            update_referral(session, change, at=NOON, turn=f"{n:032x}", ciphers=ciphers, settings=settings)
    texts = office.texts(holder)
    assert "on peut appeler" in texts[-2]
    assert "CRITIQUE" in texts[-1]


def calls(*results):
    """Events of calls: (day, result) each; `written` for a message to the person."""
    return [
        ReferralEvent(
            id=n, at=NOON + timedelta(days=day), kind="replied" if result == "written" else "call_logged",
            detail={} if result == "written" else {"result": result},
        )
        for n, (day, result) in enumerate(results, start=1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("events", "enough"),
    [
        (calls((0, "no_answer"), (1, "off"), (2, "bad_moment")), True),
        (calls((0, "no_answer"), (0, "off"), (0, "off"), (1, "off")), False),
        (calls((0, "no_answer"), (1, "off"), (2, "spoke"), (3, "off")), False),
        (calls((0, "spoke"), (1, "off"), (2, "off"), (3, "other_answered")), True),
        ([], False),
    ],
)
def test_three_days_without_a_talk_since_the_last_one(events, enough):
    assert attempts.failed(events).enough is enough


def test_a_call_taken_back_is_no_day_and_a_message_is_a_second_channel():
    events = calls((0, "no_answer"), (1, "off"), (2, "off"), (2, "written"))
    assert (attempts.failed(events).channels, attempts.failed(events).enough) == (2, True)
    undone = ReferralEvent(id=9, at=NOON + timedelta(days=2), kind="undone", detail={"event": 3})
    assert attempts.failed([*events, undone]).enough is False


@pytest.fixture
def flag(office):
    def put(staff_id, need, word="medical", until=TODAY, at=NOON):
        with office.database.transaction() as session:
            staff, referral = session.get_one(Staff, staff_id), session.get_one(Referral, need)
            return flags.put_flag(session, referral, staff, word, until, at, today=TODAY).id

    return put


def due(office, staff_id, today=TODAY):
    with office.database.transaction() as session:
        return [row.id for _, row in flags.due(session, session.get_one(Staff, staff_id), today, most=10)]


def test_a_reminder_is_due_on_its_day_for_whoever_may_see_it_until_it_is_done(office, holder, flag):
    need, moussa = office.need(), office.on_duty("moussa", "assistant", "assistance")
    put = flag(holder, need, until=TODAY + timedelta(days=1))
    assert due(office, holder) == []
    assert due(office, holder, TODAY + timedelta(days=1)) == [need]
    assert due(office, moussa, TODAY + timedelta(days=1)) == []
    for _ in range(2):
        with office.database.transaction() as session:
            flags.end_flag(session, session.get_one(Referral, need), session.get_one(Staff, holder), put, NOON)
    assert due(office, holder, TODAY + timedelta(days=1)) == []
    assert office.events(need) == ["opened", "flagged", "flag_ended"]


def test_the_same_reminder_again_moves_its_day(office, holder, flag):
    need = office.need()
    first = flag(holder, need)
    assert flag(holder, need) == first
    flag(holder, need, until=TODAY + timedelta(days=3))
    with office.database.transaction() as session:
        standing = session.scalars(select(Flag).where(Flag.ended_at.is_(None))).one()
        assert standing.until == TODAY + timedelta(days=3)


@pytest.mark.parametrize(
    ("word", "until", "why"),
    [
        ("pregnant", TODAY, "unknown_flag"),
        ("medical", TODAY - timedelta(days=1), "wrong_day"),
        ("medical", TODAY + timedelta(days=400), "wrong_day"),
    ],
)
def test_a_reminder_is_a_word_of_the_list_and_a_day_to_come(office, holder, flag, word, until, why):
    with pytest.raises(ReferralError, match=why):
        flag(holder, office.need(), word, until)


def test_what_a_colleague_has_reminds_the_colleague_alone(office, holder, flag, accepted):
    aicha, need = office.on_duty("aicha"), office.need()
    flag(holder, need)
    accepted(aicha, need)
    assert (due(office, holder), due(office, aicha)) == ([], [need])
