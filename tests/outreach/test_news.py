"""Five stages are told, once, in words that say nothing; never to whom a machine may not write."""

from datetime import date, timedelta

import pytest

from bot.cases import stages
from bot.engine.effects import Terms
from bot.outreach.news import TOLD
from bot.referrals.terms import write_terms
from bot.store.models import Case, Contact, NumberChange, Referral, StageNews
from tests.outreach.conftest import NOON

NEWS = "Il y a du nouveau pour vous. Composez *321# pour le détail. Effacez ce message."
LATER = NOON + timedelta(minutes=31)


def outcomes(programme):
    return [one.outcome for one in programme.rows(StageNews)]


@pytest.mark.parametrize("stage", stages.STAGES)
def test_five_stages_are_told_and_no_other(programme, stage):
    before = "TRAINING" if stage != "TRAINING" else "TRAINING_WAIT"
    case = programme.file(before)
    programme.move(case, stage, NOON)
    programme.reach_out(LATER)
    assert programme.sent() == ([("reminder", NEWS, LATER)] if stage in TOLD else [])


def test_each_change_is_told_once_however_often_it_is_looked_for(programme):
    case = programme.file("TRAINING")
    programme.move(case, "KIT_READY", NOON)
    for minutes in (5, 29, 31, 36, 41):
        programme.reach_out(NOON + timedelta(minutes=minutes))
    assert len(programme.sent()) == 1
    assert outcomes(programme) == ["told"]


def test_a_change_that_was_taken_back_tells_nothing(programme):
    case = programme.file("PLAN_REVIEW")
    programme.move(case, "TRAINING_WAIT", NOON)
    programme.move(case, "PLAN_REVIEW", NOON + timedelta(minutes=9), reason="undone")
    programme.reach_out(NOON + timedelta(hours=2))
    assert programme.sent() == []
    assert outcomes(programme) == ["over", "over"]


def test_of_two_changes_the_last_is_told(programme):
    case = programme.file("COUNSELLING")
    programme.move(case, "PLAN_REVIEW", NOON)
    programme.move(case, "TRAINING_WAIT", NOON + timedelta(minutes=5))
    programme.reach_out(NOON + timedelta(hours=2))
    assert len(programme.sent()) == 1
    assert sorted(outcomes(programme)) == ["over", "told"]


def test_whoever_read_it_by_dialling_is_not_told_again(programme):
    case = programme.file("TRAINING")
    programme.move(case, "KIT_READY", NOON)
    programme.change(Case, case, status_told_at=NOON + timedelta(minutes=10))
    programme.reach_out(LATER)
    assert programme.sent() == []
    assert outcomes(programme) == ["seen"]


def test_news_of_the_evening_wait_for_the_morning_and_those_of_friday_for_the_prayer(programme):
    evening = NOON.replace(hour=20)
    case = programme.file("TRAINING")
    programme.move(case, "KIT_READY", evening)
    programme.reach_out(evening + timedelta(minutes=40))
    assert programme.sent()[0][2] == NOON.replace(day=25, hour=7)
    friday = NOON.replace(day=27)
    programme.move(case, "MONITORING", friday)
    programme.reach_out(friday + timedelta(hours=1, minutes=10))
    assert programme.sent()[1][2] == friday.replace(hour=14)


def test_the_language_is_that_of_the_phone_then_that_of_the_file(programme):
    hausa = programme.file("TRAINING", phone=programme.phone(language=None))
    tamasheq = programme.file("TRAINING", phone=programme.phone(language=None), language="tmh")
    for case in (hausa, tamasheq):
        programme.move(case, "KIT_READY", NOON)
    programme.reach_out(LATER)
    texts = sorted(text for _, text, _ in programme.sent())
    assert texts == ["Akwai sabon labari. Ku danna *321# don bayani. Ku goge wannan sako.", NEWS]


FORBIDDEN = {
    "no phone": {"phone": 0},
    "flagged": {"vulnerability": "protection"},
    "a child": {"year_of_birth": 2012},
}


@pytest.mark.parametrize("why", FORBIDDEN)
def test_a_machine_writes_nothing_about(programme, why):
    case = programme.file("TRAINING", **FORBIDDEN[why])
    programme.move(case, "KIT_READY", NOON)
    programme.reach_out(LATER)
    assert programme.sent() == []
    assert outcomes(programme) == ["withheld"]


@pytest.mark.parametrize("marks", [{"private": True}, {"sealed": True}, {"minor": True}, {"queue": "gbv"}, {}])
def test_a_phone_that_talked_in_private_or_allowed_nothing_gets_nothing(programme, ciphers, marks):
    phone = programme.phone()
    case = programme.file("TRAINING", phone=phone)
    fields = {"queue": "assistance", "level": "normal", "source": "menu", "channel": "ussd", "ticket": "4821737"}
    row = Referral(id="1" * 32, opened_at=NOON, contact_id=phone, **fields | marks)
    write_terms(row, Terms(may_call=bool(marks)), ciphers=ciphers)
    programme.add(row)
    programme.move(case, "KIT_READY", NOON)
    programme.reach_out(LATER)
    assert programme.sent() == []
    assert outcomes(programme) == ["withheld"]


def test_while_a_new_number_waits_neither_phone_is_written_to(programme):
    old, new = programme.phone(), programme.phone()
    case = programme.file("TRAINING", phone=old)
    programme.add(NumberChange(case_id=case, before_id=old, contact_id=new, at=NOON, turn="1" * 32, state="new"))
    programme.move(case, "KIT_READY", NOON)
    programme.reach_out(LATER)
    assert programme.sent() == []


def test_a_phone_that_was_silent_for_long_is_asked_for_the_code_instead(programme):
    phone = programme.phone(silent_since=NOON - timedelta(days=1))
    case = programme.file("TRAINING", phone=phone)
    programme.move(case, "KIT_READY", NOON)
    programme.reach_out(LATER)
    assert programme.sent() == [("verify", "Composez *321# et tapez votre code, merci. Effacez ce message.", LATER)]
    assert outcomes(programme) == ["verify"]
    assert programme.rows(Contact, Contact.id == phone)[0].verify_asked_at == LATER
    programme.move(case, "MONITORING", LATER)
    programme.reach_out(LATER + timedelta(hours=1))
    assert len(programme.sent()) == 1  # asked once in 30 days


def test_a_run_that_dies_in_the_middle_leaves_nothing_half_told(programme, monkeypatch):
    for _ in range(3):
        programme.move(programme.file("TRAINING"), "KIT_READY", NOON)
    from bot.outreach import news

    real, calls = news.push, []

    def dies(*given, **named):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*given, **named)

    monkeypatch.setattr(news, "push", dies)
    with pytest.raises(KeyboardInterrupt):
        programme.reach_out(LATER)
    assert programme.sent() == []
    monkeypatch.setattr(news, "push", real)
    programme.reach_out(LATER)
    programme.reach_out(LATER)
    assert len(programme.sent()) == 3


def test_what_is_a_week_old_is_no_news(programme):
    case = programme.file("TRAINING", since=date(2026, 11, 1))
    programme.move(case, "KIT_READY", NOON - timedelta(days=8))
    programme.reach_out(NOON)
    assert programme.sent() == []


def test_one_number_that_no_key_opens_holds_up_nobody_after_it(programme):
    broken = programme.phone()
    programme.change(Contact, broken, number_enc=b"\x01" * 40)
    programme.move(programme.file("TRAINING", phone=broken), "KIT_READY", NOON)
    programme.move(programme.file("TRAINING"), "KIT_READY", NOON + timedelta(minutes=1))
    programme.reach_out(LATER + timedelta(minutes=1))
    assert len(programme.sent()) == 1
    assert outcomes(programme) == ["withheld", "told"]


def test_a_step_that_fails_keeps_none_of_the_others_from_theirs(programme, monkeypatch):
    from bot.outreach import lost

    def fails(_run):
        raise ValueError("a row that nobody thought of")

    monkeypatch.setattr(lost, "mark_silent", fails)
    programme.move(programme.file("TRAINING"), "KIT_READY", NOON)
    programme.reach_out(LATER)
    assert len(programme.sent()) == 1
