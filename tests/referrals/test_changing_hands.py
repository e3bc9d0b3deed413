"""Another queue, another colleague, another level, open again, and a step taken back: for every role and state."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.engine.effects import Terms
from bot.errors import ReferralError
from bot.referrals import handing_on, levels, reopening, steps, undoing
from bot.referrals.access import may_see
from bot.referrals.ladder import climb
from bot.referrals.writing import close
from bot.store.models import Audit, Ladder, Referral, ReferralEvent, Staff

from .conftest import NOON

SOON = NOON + timedelta(seconds=30)
MORNING = Terms(may_call=True)


@pytest.fixture
def people(office):
    """Login to id: two of protection, and one of each other queue."""
    roles = {
        "hadiza": ("protection", "protection"), "aicha": ("protection", "protection"), "gambo": ("gbv_specialist", "gbv"),
        "moussa": ("assistant", "assistance"), "zeinabou": ("psea_focal", "sealed"), "ousmane": ("coordinator", None),
    }  # fmt: skip
    return {login: office.on_duty(login, role, queue) for login, (role, queue) in roles.items()}


@pytest.fixture
def does(office, ciphers, settings):
    """Take a step as somebody; `does(login_id, function, referral_id, *args)`."""

    def do(staff_id, step, referral_id, *args, at=NOON, **named):
        more = {"ciphers": ciphers, "settings": settings}
        taken = set(step.__kwdefaults__ or ()) | set(step.__code__.co_varnames[: step.__code__.co_argcount])
        taken |= set(step.__code__.co_varnames[step.__code__.co_argcount :][: step.__code__.co_kwonlyargcount])
        with office.database.transaction() as session:
            staff, referral = session.get_one(Staff, staff_id), session.get_one(Referral, referral_id)
            passed = {name: value for name, value in (more | named).items() if name in taken}
            return step(session, referral, staff, *args, at, **passed)

    return do


@pytest.fixture
def takes_back(office, ciphers, settings):
    """Undo the newest event of a referral that somebody may undo, or the event given."""

    def undo(staff_id, referral_id, *, at=SOON, event=None, since=NOON):
        with office.database.transaction() as session:
            staff = session.get_one(Staff, staff_id)
            event = event or undoing.undoable(session, referral_id, staff, since)
            assert event is not None
            undoing.undo(session, referral_id, event, staff, at, ciphers=ciphers, settings=settings)
            return event

    return undo


def audits(office, referral_id):
    with office.database.transaction() as session:
        rows = select(Audit.action).where(Audit.subject == f"referral:{referral_id}").order_by(Audit.id)
        return list(session.scalars(rows))


def test_another_queue_begins_its_own_ladder_and_the_old_one_sees_it_no_more(office, people, does):
    need = office.need(terms=MORNING, code="THR")
    does(people["hadiza"], steps.accept, need)
    does(people["hadiza"], handing_on.set_code, need, "GBV")
    row, ladder = office.referral(need), office.ladder(need)
    assert (row.queue, row.state, row.accepted_by) == ("gbv", "new", None)
    climb(office.database, now=NOON, settings=office.settings, ciphers=office.ciphers)
    assert [alert.staff_id for alert in office.alerts(need)] == [people["gambo"]]
    with office.database.transaction() as session:
        assert not may_see(session.get_one(Staff, people["hadiza"]), row)
    assert ladder.rung == 0


def test_handing_over_tells_the_new_queue_and_ends_the_codes_of_the_old(office, people, does):
    need = office.need(terms=MORNING, source="menu")
    climb(office.database, now=NOON, settings=office.settings, ciphers=office.ciphers)
    does(people["hadiza"], handing_on.hand_over, need, "gbv", "specialist")
    climb(office.database, now=NOON, settings=office.settings, ciphers=office.ciphers)
    assert [(alert.staff_id, alert.open) for alert in office.alerts(need)] == [
        (people["hadiza"], False),
        (people["gambo"], True),
    ]
    assert audits(office, need) == ["referral.hand_over"]


@pytest.mark.parametrize(
    ("fields", "queue", "why"),
    [
        ({"queue": "protection"}, "protection", "same_queue"),
        ({"queue": "protection"}, "moon", "unknown_reason"),
        ({"queue": "protection", "private": True}, "assistance", "code_first"),
        ({"queue": "protection", "source": "hush"}, "community", "code_first"),
        ({"queue": "protection", "code": "MED"}, "assistance", "nobody_there"),
        ({"queue": "protection", "code": "SUI"}, "child", "nobody_there"),
        ({"queue": "protection", "code": "THR"}, "community", "nobody_there"),
    ],
)
def test_nothing_is_handed_to_where_nobody_may_see_it(office, people, does, fields, queue, why):
    need = office.need(**fields)
    before = office.referral(need).queue
    with pytest.raises(ReferralError, match=why):
        does(people["hadiza"], handing_on.hand_over, need, queue, "other_need")
    assert office.referral(need).queue == before


@pytest.mark.parametrize("queue", ["protection", "gbv", "complaints", "assistance"])
def test_a_seal_is_never_handed_to_anybody_inside(office, people, does, queue):
    need = office.need(queue="sealed")
    with pytest.raises(ReferralError, match="sealed"):
        does(people["zeinabou"], handing_on.hand_over, need, queue, "other_need")


def test_what_is_handed_to_the_sealed_queue_is_critical_and_stays_there(office, people, does, takes_back):
    need = office.need(level="high", code="THR", terms=MORNING)
    does(people["hadiza"], handing_on.hand_over, need, "sealed", "known")
    row = office.referral(need)
    assert (row.sealed, row.level, row.queue) == (True, "critical", "sealed")
    with office.database.transaction() as session:
        assert undoing.undoable(session, need, session.get_one(Staff, people["hadiza"]), NOON) is None


@pytest.mark.parametrize("who", ["moussa", "gambo", "ousmane", "zeinabou"])
@pytest.mark.parametrize(
    ("step", "args"),
    [
        (handing_on.refuse, ("busy",)),
        (handing_on.hand_over, ("gbv", "specialist")),
        (handing_on.take_over, ("away",)),
        (levels.set_level, ("high", "no_hurry")),
        (reopening.reopen, ("came_back",)),
    ],
)
def test_who_must_not_see_it_gets_the_answer_of_what_never_was(office, people, does, who, step, args):
    need = office.need(terms=MORNING)
    with pytest.raises(ReferralError, match="not_found"):
        does(people[who], step, need, *args)
    assert office.events(need) == ["opened"]


def test_a_colleagues_is_taken_over_first(office, people, does):
    need = office.need(terms=MORNING)
    does(people["aicha"], steps.accept, need)
    with pytest.raises(ReferralError, match="taken"):
        does(people["hadiza"], handing_on.hand_over, need, "gbv", "specialist")
    does(people["hadiza"], handing_on.take_over, need, "away")
    row = office.referral(need)
    assert (row.state, row.accepted_by, row.first_attempt_at) == ("accepted", people["hadiza"], None)
    assert office.ladder(need).due_at == NOON + timedelta(minutes=45)
    assert "un collegue l'a repris" in office.texts(people["aicha"])[-1]
    assert audits(office, need)[-1] == "referral.take_over"


def test_taking_over_asks_for_a_reason_and_for_somebody_who_has_it(office, people, does):
    need = office.need(terms=MORNING)
    with pytest.raises(ReferralError, match="free"):
        does(people["hadiza"], handing_on.take_over, need, "away")
    does(people["aicha"], steps.accept, need)
    with pytest.raises(ReferralError, match="unknown_reason"):
        does(people["hadiza"], handing_on.take_over, need, "because")
    does(people["aicha"], handing_on.take_over, need, "away")
    assert office.events(need) == ["opened", "accepted"]


def test_who_has_left_is_not_told(office, people, does):
    need = office.need(terms=MORNING)
    does(people["aicha"], steps.accept, need)
    with office.database.transaction() as session:
        session.get_one(Staff, people["aicha"]).active = False
    does(people["hadiza"], handing_on.take_over, need, "left")
    assert office.texts(people["aicha"]) == []


@pytest.mark.parametrize("reason", ["", "tired", "busy "])
def test_i_cannot_needs_a_reason_of_the_list(office, people, does, reason):
    need = office.need()
    with pytest.raises(ReferralError, match="unknown_reason"):
        does(people["hadiza"], handing_on.refuse, need, reason)


def test_a_private_talk_is_lowered_by_a_human_who_has_it_and_has_spoken(office, people, does):
    need = office.need(private=True, source="private", terms=MORNING)
    with pytest.raises(ReferralError, match="not_yours"):
        does(people["hadiza"], levels.set_level, need, "high", "no_hurry")
    does(people["hadiza"], steps.accept, need)
    with pytest.raises(ReferralError, match="not_spoken"):
        does(people["hadiza"], levels.set_level, need, "high", "no_hurry")
    does(people["hadiza"], steps.log_call, need, "no_answer")
    with pytest.raises(ReferralError, match="not_spoken"):
        does(people["hadiza"], levels.set_level, need, "high", "no_hurry")
    does(people["hadiza"], steps.log_call, need, "spoke")
    does(people["hadiza"], levels.set_level, need, "high", "no_hurry")
    assert office.referral(need).level == "high"


def test_a_call_that_was_taken_back_lowers_nothing(office, people, does, takes_back):
    need = office.need(private=True, source="private", terms=MORNING)
    does(people["hadiza"], steps.accept, need, at=NOON - timedelta(minutes=5))
    does(people["hadiza"], steps.log_call, need, "spoke")
    takes_back(people["hadiza"], need)
    with pytest.raises(ReferralError, match="not_spoken"):
        does(people["hadiza"], levels.set_level, need, "high", "no_hurry")
    row = office.referral(need)
    assert (row.state, row.first_attempt_at) == ("accepted", None)
    assert office.ladder(need).due_at == NOON + timedelta(minutes=40)


def test_what_is_sealed_is_never_lowered(office, people, does):
    need = office.need(queue="sealed", terms=MORNING)
    does(people["zeinabou"], steps.log_call, need, "spoke")
    with pytest.raises(ReferralError, match="sealed"):
        does(people["zeinabou"], levels.set_level, need, "normal", "no_hurry")


@pytest.mark.parametrize(
    ("level", "reason", "why"),
    [("critical", "danger", "same_level"), ("high", "danger", "unknown_reason"), ("urgent", "danger", "unknown_level")],
)
def test_a_level_is_one_of_three_with_a_reason_of_its_direction(office, people, does, level, reason, why):
    need = office.need(terms=MORNING)
    does(people["hadiza"], steps.accept, need)
    with pytest.raises(ReferralError, match=why):
        does(people["hadiza"], levels.set_level, need, level, reason)


def test_a_level_that_rises_tells_whoever_has_it_and_starts_the_ladder_of_what_nobody_has(office, people, does):
    held, free = office.need(level="normal", code="OTH", queue="protection"), office.need(level="normal")
    does(people["aicha"], steps.accept, held)
    does(people["hadiza"], levels.set_level, held, "high", "worse")
    assert "HAUT" in office.texts(people["aicha"])[-1]
    does(people["hadiza"], levels.set_level, free, "critical", "danger")
    assert office.ladder(free).due_at == NOON
    assert office.texts(people["hadiza"]) == []


def test_a_closed_one_is_opened_again_with_a_reason_and_nobody_has_it(office, people, does):
    need = office.need(terms=MORNING)
    with pytest.raises(ReferralError, match="not_over"):
        does(people["hadiza"], reopening.reopen, need, "came_back")
    does(people["hadiza"], close, need, "advised")
    with pytest.raises(ReferralError, match="unknown_reason"):
        does(people["hadiza"], reopening.reopen, need, "why not")
    does(people["hadiza"], reopening.reopen, need, "came_back")
    row, ladder = office.referral(need), office.ladder(need)
    assert (row.state, row.outcome, row.closed_at, row.accepted_by, row.reopened) == ("new", None, None, None, 1)
    assert ladder.due_at == NOON
    with pytest.raises(ReferralError, match="not_over"):
        does(people["hadiza"], reopening.reopen, need, "came_back")


@pytest.mark.parametrize("step", [handing_on.hand_over, handing_on.take_over, levels.set_level, handing_on.refuse])
def test_a_closed_one_changes_no_hands(office, people, does, step):
    need = office.need(terms=MORNING)
    does(people["hadiza"], close, need, "advised")
    args = {
        handing_on.hand_over: ("gbv", "specialist"), handing_on.take_over: ("away",),
        levels.set_level: ("high", "no_hurry"), handing_on.refuse: ("busy",),
    }[step]  # fmt: skip
    with pytest.raises(ReferralError, match="over"):
        does(people["hadiza"], step, need, *args)


def test_an_acceptance_is_taken_back_and_the_alert_may_be_answered_again(office, people, does, takes_back):
    need = office.need(terms=MORNING)
    climb(office.database, now=NOON, settings=office.settings, ciphers=office.ciphers)
    due = office.ladder(need).due_at
    does(people["hadiza"], steps.accept, need)
    takes_back(people["hadiza"], need)
    row, alert = office.referral(need), office.alerts(need)[0]
    assert (row.state, row.accepted_by, row.accepted_at) == ("new", None, None)
    assert (alert.open, alert.answer) == (True, None)
    assert office.ladder(need).due_at == due
    assert office.events(need) == ["opened", "alerted", "accepted", "undone"]
    assert audits(office, need) == ["referral.accept", "referral.undo"]


def test_who_heard_taken_is_told_again_once_it_is_not(office, people, does, takes_back):
    need = office.need(terms=MORNING, at=NOON - timedelta(minutes=30))
    for minutes in (0, 15):
        at = NOON - timedelta(minutes=20 - minutes)
        climb(office.database, now=at, settings=office.settings, ciphers=office.ciphers)
    does(people["aicha"], steps.accept, need)
    assert "deja pris" in office.texts(people["hadiza"])[-1]
    takes_back(people["aicha"], need)
    climb(office.database, now=SOON, settings=office.settings, ciphers=office.ciphers)
    assert "CRITIQUE" in office.texts(people["hadiza"])[-1]


def test_handing_over_is_taken_back_also_by_who_no_longer_sees_it(office, people, does, takes_back):
    need = office.need(terms=MORNING)
    does(people["hadiza"], steps.accept, need, at=NOON - timedelta(minutes=5))
    does(people["hadiza"], handing_on.hand_over, need, "gbv", "specialist")
    climb(office.database, now=NOON, settings=office.settings, ciphers=office.ciphers)
    takes_back(people["hadiza"], need)
    row = office.referral(need)
    assert (row.queue, row.accepted_by, row.state) == ("protection", people["hadiza"], "accepted")
    assert office.ladder(need).due_at == NOON + timedelta(minutes=40)
    assert [alert.open for alert in office.alerts(need)] == [False]
    assert "deja pris" in office.texts(people["gambo"])[-1]


def test_a_code_is_taken_back(office, people, does, takes_back):
    need = office.need(level="high", terms=MORNING)
    does(people["hadiza"], handing_on.set_code, need, "GBV")
    takes_back(people["hadiza"], need)
    row = office.referral(need)
    assert (row.code, row.queue, row.level) == (None, "protection", "high")


def test_a_level_is_taken_back(office, people, does, takes_back):
    need = office.need(level="normal", terms=MORNING)
    does(people["hadiza"], levels.set_level, need, "critical", "danger")
    takes_back(people["hadiza"], need)
    assert office.referral(need).level == "normal"
    assert office.ladder(need).due_at > SOON + timedelta(hours=1)


def test_a_code_that_seals_is_not_taken_back(office, people, does):
    need = office.need(terms=MORNING)
    does(people["hadiza"], handing_on.set_code, need, "SEA")
    with office.database.transaction() as session:
        assert undoing.undoable(session, need, session.get_one(Staff, people["hadiza"]), NOON) is None


def test_taking_back_twice_changes_nothing(office, people, does, takes_back):
    need = office.need(terms=MORNING)
    does(people["hadiza"], steps.accept, need)
    event = takes_back(people["hadiza"], need)
    takes_back(people["hadiza"], need, event=event)
    assert office.events(need) == ["opened", "accepted", "undone"]


def test_after_a_minute_it_is_too_late(office, people, does, takes_back):
    need = office.need(terms=MORNING)
    does(people["hadiza"], steps.accept, need)
    with pytest.raises(ReferralError, match="too_late"):
        takes_back(people["hadiza"], need, at=NOON + timedelta(seconds=61))
    assert office.referral(need).accepted_by == people["hadiza"]


def test_what_a_colleague_did_meanwhile_stays(office, people, does, takes_back):
    need = office.need(terms=MORNING)
    does(people["hadiza"], handing_on.hand_over, need, "gbv", "specialist")
    does(people["gambo"], steps.accept, need)
    with pytest.raises(ReferralError, match="moved_on"):
        takes_back(people["hadiza"], need)
    assert office.referral(need).accepted_by == people["gambo"]


def test_nobody_takes_back_a_colleagues_step(office, people, does, takes_back):
    need = office.need(terms=MORNING)
    does(people["hadiza"], steps.accept, need)
    with office.database.transaction() as session:
        event = session.scalar(select(ReferralEvent.id).where(ReferralEvent.kind == "accepted"))
    for who in ("aicha", "moussa"):
        with pytest.raises(ReferralError, match="not_found"):
            takes_back(people[who], need, event=event)


def test_i_cannot_is_not_taken_back(office, people, does):
    need = office.need(terms=MORNING)
    does(people["hadiza"], handing_on.refuse, need, "busy")
    with office.database.transaction() as session:
        assert undoing.undoable(session, need, session.get_one(Staff, people["hadiza"]), NOON) is None
        assert session.get_one(Ladder, need).due_at == NOON
