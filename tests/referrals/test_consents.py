"""Passing on: with a yes, or by a named right with a reason and a second person."""

import pytest
from sqlalchemy import select

from bot.errors import ReferralError
from bot.referrals import consents
from bot.referrals.consent_wording import LANGUAGES, VERSION, wording
from bot.store.models import Audit, Consent, Referral, Staff

from .conftest import NOON

ASKED = {"receiver": "health", "purpose": "care"}
YES = ASKED | {"answer": "yes", "language": "ha", "channel": "voice"}


@pytest.fixture
def people(office):
    roles = {"hadiza": "protection", "aicha": "protection", "moussa": "assistant", "ousmane": "coordinator"}
    return {login: office.on_duty(login, role, "" if role != "protection" else role) for login, role in roles.items()}


@pytest.fixture
def does(office):
    def do(staff_id, step, need, *args, **named):
        with office.database.transaction() as session:
            staff, referral = session.get_one(Staff, staff_id), session.get_one(Referral, need)
            made = step(session, referral, staff, *args, **named)
            return made.id if made is not None else None

    return do


@pytest.fixture
def allowed(office):
    def read(need):
        with office.database.transaction() as session:
            return [consents.counts(one) for one in consents.consents_of(session, need)]

    return read


def test_an_answer_keeps_who_what_in_which_words_and_how(office, people, does, allowed):
    need = office.need()
    does(people["hadiza"], consents.note_answer, need, **YES, at=NOON)
    does(people["hadiza"], consents.note_answer, need, **YES, at=NOON)
    with office.database.transaction() as session:
        row = session.scalars(select(Consent)).one()
        assert (row.wording, row.language, row.channel, row.at) == (VERSION, "ha", "voice", NOON)
    assert allowed(need) == [True]


def test_a_no_counts_and_so_does_a_change_of_mind(office, people, does, allowed):
    need = office.need()
    does(people["hadiza"], consents.note_answer, need, **YES, at=NOON)
    does(people["hadiza"], consents.note_answer, need, **(YES | {"answer": "no"}), at=NOON)
    assert allowed(need) == [False, False]


def test_a_yes_is_taken_back_at_once(office, people, does, allowed):
    need = office.need()
    yes = does(people["hadiza"], consents.note_answer, need, **YES, at=NOON)
    for _ in range(2):
        does(people["aicha"], consents.withdraw, need, yes, NOON)
    assert allowed(need) == [False]
    assert office.events(need) == ["opened", "consent_said", "consent_withdrawn"]


@pytest.fixture
def without(does, ciphers):
    def ask(staff_id, need, right="life", reason="elle saigne"):
        return does(staff_id, consents.act_without, need, **ASKED, right=right, reason=reason, at=NOON, ciphers=ciphers)

    return ask


def test_without_a_yes_nothing_counts_until_a_second_person_agrees(office, people, does, allowed, without):
    need = office.need()
    asked = without(people["hadiza"], need)
    assert allowed(need) == [False]
    with pytest.raises(ReferralError, match="yourself"):
        does(people["hadiza"], consents.agree, need, asked, NOON)
    assert allowed(need) == [False]
    does(people["aicha"], consents.agree, need, asked, NOON)
    assert allowed(need) == [True]
    with office.database.transaction() as session:
        row = session.scalars(select(Consent)).one()
        assert (row.staff_id, row.second_id) == (people["hadiza"], people["aicha"])
        assert b"saigne" not in row.reason_enc
        assert "saigne" not in str([one.detail for one in session.scalars(select(Audit))])


def test_what_was_taken_back_is_not_agreed_to(office, people, does, allowed, without):
    need = office.need()
    asked = without(people["hadiza"], need)
    does(people["hadiza"], consents.withdraw, need, asked, NOON)
    with pytest.raises(ReferralError, match="withdrawn"):
        does(people["aicha"], consents.agree, need, asked, NOON)
    assert allowed(need) == [False]


@pytest.mark.parametrize(
    ("fields", "right", "reason", "why"),
    [
        ({}, "child", "elle a 12 ans", "not_a_child"),
        ({}, "convenience", "plus vite", "unknown_consent"),
        ({}, "life", "  ", "empty"),
    ],
)
def test_only_a_named_right_with_a_reason(office, people, without, fields, right, reason, why):
    with pytest.raises(ReferralError, match=why):
        without(people["hadiza"], office.need(**fields), right, reason)


def test_the_interest_of_a_child_is_for_children(office, people, without):
    child = office.on_duty("mariama", "child_specialist", "child")
    assert without(child, office.need(minor=True), right="child")


@pytest.mark.parametrize("who", ["moussa", "ousmane"])
def test_who_must_not_see_it_answers_agrees_and_takes_back_nothing(office, people, does, without, who):
    need = office.need()
    asked = without(people["hadiza"], need)
    for step, args, named in (
        (consents.agree, (asked, NOON), {}),
        (consents.withdraw, (asked, NOON), {}),
        (consents.note_answer, (), YES | {"at": NOON}),
    ):
        with pytest.raises(ReferralError, match="not_found"):
            does(people[who], step, need, *args, **named)


def test_a_consent_of_another_request_is_not_found_here(office, people, does):
    need, other = office.need(), office.need()
    yes = does(people["hadiza"], consents.note_answer, need, **YES, at=NOON)
    with pytest.raises(ReferralError, match="not_found"):
        does(people["hadiza"], consents.withdraw, other, yes, NOON)


@pytest.mark.parametrize(
    "change", [{"receiver": "press"}, {"purpose": "fun"}, {"answer": "without"}, {"language": "xx"}]
)
def test_unknown_words_are_refused(office, people, does, change):
    with pytest.raises(ReferralError, match="unknown_consent"):
        does(people["hadiza"], consents.note_answer, office.need(), **(YES | change), at=NOON)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_receiver_and_purpose_is_said_in_every_language(language):
    said = {wording(receiver, purpose, language) for receiver in consents.RECEIVERS for purpose in consents.PURPOSES}
    assert len(said) == len(consents.RECEIVERS) * len(consents.PURPOSES)
