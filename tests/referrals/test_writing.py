from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from bot.engine.effects import AnswerCallNow, AttachReferral, StaffAnswer, Terms, UpdateReferral
from bot.errors import ReferralError
from bot.referrals import handing_on, ladder, writing
from bot.referrals.clocks import next_safe_call
from bot.referrals.terms import read_terms
from bot.store.models import Audit, Referral, ReferralEvent, Staff, Ticket
from tests.referrals.conftest import NOON

MINUTE = timedelta(minutes=1)
YES = Terms(may_call=True)


@pytest.fixture
def change(office):
    def run(referral_id, *, after=timedelta(0), turn="11" * 16, **fields):
        with office.database.transaction() as session:
            effect = UpdateReferral(id=referral_id, **fields)
            writing.update_referral(session, effect, at=NOON + after, turn=turn, ciphers=office.ciphers)

    return run


@pytest.fixture
def climb(office):
    def run(after=timedelta(0)):
        return ladder.climb(office.database, now=NOON + after, settings=office.settings, ciphers=office.ciphers)

    return run


@pytest.fixture
def says(office):
    """A person of the staff texts; returns whether the number is known, and what they then read."""

    def run(staff_id, word, code, *, after=timedelta(0), digest=None):
        before = Counter(office.texts(staff_id))
        with office.database.transaction() as session:
            known = writing.staff_answer(
                session, StaffAnswer(answer=word, code=code), sender_digest=digest or office.digest_of(staff_id),
                at=NOON + after, ciphers=office.ciphers, settings=office.settings,
            )  # fmt: skip
        return known, list((Counter(office.texts(staff_id)) - before).elements())

    return run


@pytest.fixture
def step(office):
    """A step of the desk, by name: `step(writing.accept, referral, person)`."""

    def run(function, referral_id, staff_id, *args, after=timedelta(0), with_services=True):
        keys = {"ciphers": office.ciphers, "settings": office.settings} if with_services else {}
        with office.database.transaction() as session:
            referral, staff = session.get_one(Referral, referral_id), session.get_one(Staff, staff_id)
            return function(session, referral, staff, *args, NOON + after, **keys)

    return run


def code_of(office, referral_id, staff_id):
    return next(alert.code for alert in office.alerts(referral_id) if alert.staff_id == staff_id)


# --- opening


def test_opening_twice_makes_one_of_everything(office):
    effect = writing.OpenReferral(id="a" * 32, ticket="4821737", queue="protection", level="high")
    for _ in range(2):
        with office.database.transaction() as session:
            writing.open_referral(
                session, effect, at=NOON, turn="t", channel="sms", contact_id=None, case_id=None, office="", ciphers=office.ciphers
            )  # fmt: skip
    with office.database.transaction() as session:
        assert [session.scalar(select(func.count()).select_from(t)) for t in (Referral, Ticket, ReferralEvent)] == [
            1,
            1,
            1,
        ]


def test_until_the_person_says_so_nobody_may_call(office):
    referral = office.referral(office.need())
    assert referral.terms_enc is None
    assert read_terms(referral, ciphers=office.ciphers) is None


@pytest.mark.parametrize("fields", [{"private": True}, {"sealed": True}, {"queue": "sealed"}])
def test_private_and_sealed_are_critical_whatever_the_flow_said(office, fields):
    referral = office.referral(office.need(**{"level": "normal", **fields}))
    assert referral.level == "critical"
    assert office.ladder(referral.id).due_at == NOON


def test_a_child_goes_to_child_protection(office, change):
    assert office.referral(office.need(minor=True, queue="assistance")).queue == "child"
    later = office.need(queue="assistance", level="normal")
    change(later, minor=True, queue="assistance")
    assert office.referral(later).queue == "child"


# --- what the person adds


def test_a_level_only_rises(office, change):
    referral = office.need(level="high")
    change(referral, level="normal")
    assert office.referral(referral).level == "high"
    change(referral, level="critical", turn="22" * 16)
    assert office.referral(referral).level == "critical"


def test_rising_to_critical_makes_the_ladder_due_now(office, change, climb):
    person = office.on_duty("a")
    referral = office.need(level="high")
    climb()
    change(referral, level="critical", after=MINUTE)
    assert office.ladder(referral).due_at == NOON + MINUTE
    climb(MINUTE)
    assert ["HAUT" in office.texts(person)[0], "CRITIQUE" in office.texts(person)[1]] == [True, True]


def test_two_updates_of_one_turn_both_count_and_the_same_one_counts_once(office, change):
    referral = office.need()
    change(referral, caller="woman")
    change(referral, call_language="ha")
    change(referral, call_language="ha")
    now = office.referral(referral)
    assert (now.caller, now.call_language) == ("woman", "ha")
    assert office.events(referral) == ["opened", "updated", "updated"]


def test_terms_are_encrypted_and_open_in_their_place_only(office, change):
    referral = office.need()
    change(referral, terms=Terms(may_call=True, window="morning", number="+22790007777"))
    row = office.referral(referral)
    assert b"22790007777" not in row.terms_enc
    assert read_terms(row, ciphers=office.ciphers).number == "+22790007777"
    row.id = "f" * 32
    assert read_terms(row, ciphers=office.ciphers) is None


@pytest.mark.parametrize("fields", [{"sealed": True}, {"caller": "outside"}])
def test_outside_this_office_seals_and_ends_the_codes_of_those_inside(office, change, climb, says, fields):
    inside, focal = office.on_duty("in"), office.on_duty("focal", "psea_focal", "sealed")
    referral = office.need(level="high", private=False)
    climb()
    code = code_of(office, referral, inside)
    change(referral, after=MINUTE, **fields)
    row = office.referral(referral)
    assert (row.queue, row.sealed, row.level) == ("sealed", True, "critical")
    assert not office.alerts(referral)[0].open
    assert says(inside, "ok", code, after=2 * MINUTE)[1] == [
        "Rien ne vous attend en ce moment. Tout est dans le bureau."
    ]
    climb(MINUTE)
    assert [alert.staff_id for alert in office.alerts(referral) if alert.open] == [focal]
    change(referral, queue="assistance", turn="33" * 16)
    assert office.referral(referral).sealed


def test_those_inside_never_hear_that_a_sealed_one_was_taken(office, change, climb, says):
    inside, focal = office.on_duty("in"), office.on_duty("focal", "psea_focal", "sealed")
    referral = office.need()
    climb()
    change(referral, sealed=True)
    climb()
    before = office.texts(inside)
    says(focal, "ok", code_of(office, referral, focal))
    assert office.texts(inside) == before


def test_forgetting_takes_number_and_case_off(office, change):
    referral = office.need(contact_id=office.contact())
    change(referral, terms=Terms(may_call=False), forget_contact=True)
    row = office.referral(referral)
    assert (row.contact_id, row.case_id) == (None, None)


# --- the same need again


def attach(office, new, old, turn="44" * 16):
    with office.database.transaction() as session:
        writing.attach_referral(session, AttachReferral(id=new, to=old), at=NOON, turn=turn)


def test_a_need_told_twice_becomes_one_with_two_numbers(office, climb):
    office.on_duty("a", "assistant", "assistance")
    contact = office.contact()
    old, new = (office.need(queue="assistance", level="normal", code="KIT", contact_id=contact) for _ in "12")
    attach(office, new, old)
    attach(office, new, old)
    assert (office.referral(new).state, office.referral(new).attached_to) == ("attached", old)
    assert office.ladder(new).due_at is None
    with office.database.transaction() as session:
        assert session.scalar(select(func.count()).select_from(Ticket).where(Ticket.referral_id == old)) == 2
    assert office.events(old) == ["opened", "repeated"]


@pytest.mark.parametrize(
    "fields",
    [
        {"code": "MED", "queue": "protection", "level": "high"},  # a kind that is always its own
        {"code": "KIT", "level": "critical"},
        {"code": "KIT", "private": True},
        {"code": "DOC"},  # another need
        {"code": "KIT", "contact": "other"},
        {"code": "KIT", "at": NOON + timedelta(hours=25)},
    ],
)
def test_what_must_stay_its_own_referral_does(office, fields):
    mine = office.contact()
    other = office.contact("+22790009999") if fields.pop("contact", "") else mine
    first = {"queue": "assistance", "level": "normal", "code": "KIT"}
    old = office.need(contact_id=mine, **(first | ({"code": "MED"} if fields.get("code") == "MED" else {})))
    new = office.need(contact_id=other, **(first | fields))
    attach(office, new, old)
    assert office.referral(new).state == "new"
    assert office.ladder(new).due_at is not None


def test_a_closed_referral_takes_no_repeat(office, step):
    contact = office.contact()
    person = office.on_duty("a", "assistant", "assistance")
    old, new = (office.need(queue="assistance", level="normal", code="KIT", contact_id=contact) for _ in "12")
    step(writing.close, old, person, "helped")
    attach(office, new, old)
    assert office.referral(new).state == "new"


def attached_pair(office):
    contact = office.contact()
    old, new = (office.need(queue="assistance", level="normal", code="KIT", contact_id=contact) for _ in "12")
    attach(office, new, old)
    return old, new


def test_what_is_said_after_the_repeat_counts_for_the_older_request(office, change):
    old, new = attached_pair(office)
    change(new, caller="woman", terms=YES, level="high")
    now = office.referral(old)
    assert (now.caller, now.level) == ("woman", "high")
    assert read_terms(now, ciphers=office.ciphers) == YES
    assert office.referral(new).state == "attached"


@pytest.mark.parametrize(
    "fields", [{"level": "critical"}, {"minor": True}, {"code": "TRA"}, {"sealed": True}, {"queue": "protection"}]
)
def test_another_or_graver_need_stands_by_itself_again(office, change, fields):
    old, new = attached_pair(office)
    change(new, **fields)
    assert office.referral(new).state == "new"
    assert office.ladder(new).due_at is not None
    assert office.referral(old).level == "normal"
    with office.database.transaction() as session:
        assert session.get_one(Ticket, office.referral(new).ticket).referral_id == new


def test_leaving_for_somebody_outside_tells_the_older_request_nothing(office, change):
    old, new = attached_pair(office)
    change(new, terms=Terms(may_call=False), forget_contact=True)
    assert office.referral(old).contact_id is not None
    assert (office.referral(new).contact_id, office.referral(new).state) == (None, "attached")


def test_danger_told_after_the_end_opens_the_request_again(office, change, climb, step):
    person = office.on_duty("a")
    referral = office.need(level="high")
    climb()
    step(writing.close, referral, person, "advised")
    change(referral, caller="woman", after=MINUTE)
    assert office.referral(referral).state == "closed"
    change(referral, level="critical", after=MINUTE, turn="22" * 16)
    assert (office.referral(referral).state, office.referral(referral).closed_at) == ("new", None)
    assert climb(MINUTE)


def test_whoever_may_not_see_it_after_a_move_no_longer_holds_it(office, change, climb, step):
    hadiza, salma = office.on_duty("hadiza"), office.on_duty("salma", "child_specialist", "child")
    referral = office.need()
    climb()
    step(writing.accept, referral, hadiza)
    change(referral, minor=True, queue="child", after=MINUTE)
    assert office.referral(referral).accepted_by is None
    climb(MINUTE)
    assert [alert.staff_id for alert in office.alerts(referral) if alert.open] == [salma]


def test_whoever_loses_it_by_what_the_person_said_hears_nothing_of_its_terms(office, climb, step):
    inside = office.on_duty("in")
    office.on_duty("focal", "psea_focal", "sealed")
    referral = office.need()
    climb()
    step(writing.accept, referral, inside)
    before = office.texts(inside)
    effect = UpdateReferral(id=referral, caller="outside", terms=YES)
    with office.database.transaction() as session:
        writing.update_referral(
            session, effect, at=NOON + MINUTE, turn="44" * 16, ciphers=office.ciphers, settings=office.settings
        )
    assert (office.referral(referral).accepted_by, office.texts(inside)) == (None, before)


def test_what_opens_again_by_itself_is_asked_anew_at_its_next_end(office, change, climb, step):
    person = office.on_duty("a")
    referral = office.need(level="high", contact_id=office.contact(), terms=Terms(may_call=True, text=True))
    climb()
    step(writing.close, referral, person, "advised")
    assert office.referral(referral).closing == "asking"
    change(referral, level="critical", after=MINUTE)
    row = office.referral(referral)
    assert (row.closing, row.reopened, row.reopened_at) == ("", 1, NOON + MINUTE)


# --- handing on


def test_an_attempt_of_whoever_gave_it_back_does_not_excuse_the_next(office, climb, step):
    first, second = office.on_duty("a"), office.on_duty("b")
    referral = office.need(terms=YES)
    climb()
    step(writing.log_call, referral, first, "no_answer")
    step(handing_on.refuse, referral, first, "busy", after=MINUTE, with_services=False)
    climb(MINUTE)
    assert [alert.staff_id for alert in office.alerts(referral)] == [first, second]
    step(writing.accept, referral, second, after=2 * MINUTE)
    assert office.ladder(referral).due_at == NOON + 47 * MINUTE
    climb(47 * MINUTE)
    assert office.referral(referral).state == "new"
    assert office.ladder(referral).due_at is not None


# --- OK, NO, LATER


def test_ok_stops_the_ladder_and_everyone_told_before_hears_taken(office, climb, says):
    a, b = office.on_duty("a"), office.on_duty("b", language="en")
    referral = office.need(terms=YES)
    climb()
    climb(15 * MINUTE)
    known, heard = says(b, "ok", code_of(office, referral, b), after=16 * MINUTE)
    assert known
    assert heard[0].endswith("First call before 13:01, or the next person is told.")
    assert office.texts(a)[-1].endswith("est deja pris. Merci.")
    row = office.referral(referral)
    assert (row.state, row.accepted_by) == ("accepted", b)
    assert office.ladder(referral).due_at == NOON + 61 * MINUTE
    assert not any(alert.open for alert in office.alerts(referral))
    with office.database.transaction() as session:
        assert session.scalars(select(Audit.action)).all() == ["referral.accept"]


def test_ok_where_no_call_is_allowed_stands_and_does_not_promise_one(office, climb, says):
    a = office.on_duty("a")
    referral = office.need()
    climb()
    _, heard = says(a, "ok", code_of(office, referral, a))
    assert "N'appelez pas" in heard[0]
    # no call is due; but an SMS alone ends no ladder: the page is opened within two hours (decision 41)
    assert office.ladder(referral).due_at == NOON + 120 * MINUTE


def test_terms_that_come_after_the_ok_start_the_45_minutes(office, climb, says, change):
    a = office.on_duty("a")
    referral = office.need()
    climb()
    says(a, "ok", code_of(office, referral, a))
    change(referral, terms=Terms(may_call=True, window="evening"), after=MINUTE)
    assert office.ladder(referral).due_at == NOON + timedelta(hours=5, minutes=45)


def test_a_code_is_valid_once_from_its_own_number_while_open(office, climb, says):
    a, b = office.on_duty("a"), office.on_duty("b")
    referral = office.need(terms=YES)
    climb()
    climb(15 * MINUTE)
    code = code_of(office, referral, a)
    foreign = says(b, "ok", code)[1]
    assert office.referral(referral).accepted_by is None
    wrong = says(b, "ok", "0000" if code != "0000" else "1111")[1]
    assert foreign == wrong  # nothing tells that the code exists
    says(a, "ok", code)
    assert office.referral(referral).accepted_by == a
    assert says(a, "ok", code)[1] == ["Rien ne vous attend en ce moment. Tout est dans le bureau."]
    assert office.events(referral).count("accepted") == 1


def test_a_number_of_nobody_is_not_answered_here(office, says):
    assert says(None, "ok", "1234", digest="x" * 16) == (False, [])
    gone = office.on_duty("gone", active=False)
    assert says(gone, "ok", "1234")[0] is False


def test_no_calls_the_next_person_at_once(office, climb, says):
    a, b = office.on_duty("a"), office.on_duty("b")
    referral = office.need()
    climb()
    says(a, "no", code_of(office, referral, a), after=MINUTE)
    climb(MINUTE)
    assert [alert.staff_id for alert in office.alerts(referral)] == [a, b]
    assert office.alerts(referral)[0].answer == "no"


def test_a_late_no_does_not_pass_over_whoever_was_told_meanwhile(office, climb, says):
    a, b, _ = (office.on_duty(name) for name in "abc")
    referral = office.need()
    climb()
    climb(15 * MINUTE)
    says(a, "no", code_of(office, referral, a), after=16 * MINUTE)
    assert climb(16 * MINUTE) == []
    assert [alert.staff_id for alert in office.alerts(referral)] == [a, b]


def test_later_keeps_the_code_and_the_ladder_goes_on(office, climb, says):
    a, b = office.on_duty("a"), office.on_duty("b")
    referral = office.need(terms=YES)
    climb()
    code = code_of(office, referral, a)
    assert says(a, "later", code, after=MINUTE)[1] == [
        f"C'est note. OK {code} reste possible avant 12:15; ensuite le suivant est alerte."
    ]
    climb(15 * MINUTE)
    assert [alert.staff_id for alert in office.alerts(referral)] == [a, b]
    says(a, "ok", code, after=20 * MINUTE)
    assert office.referral(referral).accepted_by == a


# --- the desk


def test_the_desk_and_sms_share_one_acceptance(office, climb, says, step):
    a, b = office.on_duty("a"), office.on_duty("b")
    referral = office.need(terms=YES)
    climb()
    assert step(writing.accept, referral, b) == NOON + 45 * MINUTE
    assert says(a, "ok", code_of(office, referral, a))[1] == [
        "Rien ne vous attend en ce moment. Tout est dans le bureau."
    ]
    with pytest.raises(ReferralError, match="taken"):
        step(writing.accept, referral, a)
    assert step(writing.accept, referral, b) == NOON + 45 * MINUTE  # twice is once
    assert office.events(referral).count("accepted") == 1


@pytest.mark.parametrize("result", ["spoke", "no_answer", "other_answered", "bad_moment", "off"])
def test_any_logged_attempt_stops_the_ladder(office, climb, step, result):
    a = office.on_duty("a")
    office.on_duty("b")
    referral = office.need(terms=YES)
    step(writing.accept, referral, a)
    step(writing.log_call, referral, a, result, after=10 * MINUTE)
    row = office.referral(referral)
    assert row.first_attempt_at == NOON + 10 * MINUTE
    assert row.state == ("in_progress" if result == "spoke" else "accepted")
    assert climb(timedelta(hours=5)) == []


def test_moussa_may_do_nothing_and_learns_nothing(office, step):
    moussa = office.on_duty("moussa", "assistant", "assistance")
    referral = office.need(code="MED")
    for function, args, services in [
        (writing.accept, (), True),
        (writing.log_call, ("spoke",), True),
        (writing.leave_call_now, (), True),
        (writing.close, ("helped",), True),
    ]:
        with pytest.raises(ReferralError, match="not_found"):
            step(function, referral, moussa, *args, with_services=services)
    assert office.events(referral) == ["opened"]


def test_a_note_is_kept_encrypted_and_is_no_attempt(office, step):
    a = office.on_duty("a")
    referral = office.need(terms=YES)
    with office.database.transaction() as session:
        row, staff = session.get_one(Referral, referral), session.get_one(Staff, a)
        writing.note(session, row, staff, "rappeler sa soeur", NOON, ciphers=office.ciphers)
        with pytest.raises(ReferralError, match="empty"):
            writing.note(session, row, staff, "  ", NOON, ciphers=office.ciphers)
    with office.database.transaction() as session:
        kept = session.scalars(select(ReferralEvent).where(ReferralEvent.kind == "noted")).one()
    assert b"soeur" not in kept.text_enc
    assert office.ciphers.decrypt(kept.text_enc, f"referrals|{referral}|text".encode()) == b"rappeler sa soeur"
    assert office.referral(referral).first_attempt_at is None


def test_closing_ends_ladder_and_codes(office, climb, step, says):
    a = office.on_duty("a")
    referral = office.need()
    climb()
    with pytest.raises(ReferralError, match="unknown_outcome"):
        step(writing.close, referral, a, "whatever")
    step(writing.close, referral, a, "helped")
    assert office.ladder(referral).due_at is None
    with pytest.raises(ReferralError, match="over"):
        step(writing.accept, referral, a)
    says(a, "ok", code_of(office, referral, a))
    assert office.referral(referral).state == "closed"


def test_every_step_leaves_an_audit_row(office, step):
    a = office.on_duty("a")
    referral = office.need(terms=YES)
    step(writing.accept, referral, a)
    step(writing.log_call, referral, a, "spoke")
    step(writing.leave_call_now, referral, a)
    step(writing.close, referral, a, "helped")
    with office.database.transaction() as session:
        rows = session.scalars(select(Audit).order_by(Audit.id)).all()
    assert [row.action.removeprefix("referral.") for row in rows] == ["accept", "log_call", "leave_call_now", "close"]
    assert {row.subject for row in rows} == {f"referral:{referral}"}


# --- "call us now"


def typed(office, referral_id, *, yes, contact_id=None, after=MINUTE, number=""):
    with office.database.transaction() as session:
        ticket = session.get_one(Referral, referral_id).ticket
        writing.answer_call_now(
            session, AnswerCallNow(ticket=ticket, yes=yes, number=number), at=NOON + after, turn=f"{after}",
            contact_id=contact_id, ciphers=office.ciphers, settings=office.settings,
        )  # fmt: skip


def test_call_us_now_counts_as_the_attempt_until_somebody_says_yes(office, step, climb):
    a, b = office.on_duty("a"), office.on_duty("b")
    referral = office.need(contact_id=office.contact())
    other_phone = office.contact("+22790005555")
    step(writing.leave_call_now, referral, a)
    assert climb(timedelta(hours=2)) == []
    typed(office, referral, yes=True, contact_id=other_phone, after=timedelta(hours=3))
    row = office.referral(referral)
    yes_until = int((NOON + timedelta(hours=3, minutes=15)).timestamp())
    terms = read_terms(row, ciphers=office.ciphers)
    assert terms == Terms(may_call=False, now_until=yes_until, now_number="+22790005555")
    assert "maintenant" in office.texts(a)[-1]
    assert office.ladder(referral).due_at == NOON + timedelta(hours=3, minutes=45)
    climb(timedelta(hours=3, minutes=45))
    assert [alert.staff_id for alert in office.alerts(referral)] == [a]
    assert b


@pytest.mark.parametrize("number", ["", "+22790009988"])
@pytest.mark.parametrize("same", [True, False])
def test_an_id_of_whatsapp_is_never_the_number_to_call(office, step, number, same):
    a, opaque = office.on_duty("a"), office.contact("whatsapp:NE.0000001")
    referral = office.need(contact_id=opaque if same else office.contact())
    step(writing.leave_call_now, referral, a)
    typed(office, referral, yes=True, contact_id=opaque, number=number)
    assert read_terms(office.referral(referral), ciphers=office.ciphers).now_number == number


@pytest.mark.parametrize("before", [None, Terms(may_call=False), Terms(may_call=True, window="evening")])
def test_a_yes_to_call_us_now_lapses_and_what_was_said_before_holds_again(office, step, before):
    a = office.on_duty("a")
    referral = office.need(contact_id=office.contact(), terms=before)
    step(writing.leave_call_now, referral, a)
    typed(office, referral, yes=True)
    terms = read_terms(office.referral(referral), ciphers=office.ciphers)
    for minutes, now in ((1, True), (15, True), (16, False), (17, False)):
        at = NOON + timedelta(minutes=minutes)
        assert next_safe_call(terms, at) == (at if now else next_safe_call(before, at))


def test_what_the_person_says_next_ends_a_yes_to_call_us_now(office, step, change):
    a = office.on_duty("a")
    referral = office.need(contact_id=office.contact())
    step(writing.leave_call_now, referral, a)
    typed(office, referral, yes=True)
    change(referral, terms=Terms(may_call=False), after=2 * MINUTE)
    assert next_safe_call(read_terms(office.referral(referral), ciphers=office.ciphers), NOON + 3 * MINUTE) is None


def test_no_leaves_the_person_alone(office, step):
    a = office.on_duty("a")
    referral = office.need(contact_id=office.contact())
    step(writing.leave_call_now, referral, a)
    typed(office, referral, yes=False)
    row = office.referral(referral)
    assert (row.call_now, row.terms_enc) == (False, None)


def test_a_ticket_without_call_now_is_not_changed_by_an_answer(office):
    referral = office.need(contact_id=office.contact())
    typed(office, referral, yes=True)
    assert office.referral(referral).terms_enc is None
