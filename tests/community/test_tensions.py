"""Tensions are counted, nobody's name; the committee answers everybody once, where their terms allow it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from bot.community import tensions
from bot.engine.effects import Terms
from bot.errors import CommunityError
from bot.kinds import Kind
from bot.outbox import NotWritten
from bot.referrals.small_numbers import Count
from bot.referrals.terms import read_terms
from bot.store.models import Community, Contact, Message, Referral, Tension, TensionAnswer
from tests.community.conftest import ANY_TIME

MAY_WRITE = Terms(may_call=True, text=True)
LAST_WEEK = timedelta(days=-7)
WORDS = {"fr": "Le comite a repondu.", "ha": "Kwamiti ya amsa."}


def report(world, phone, kind="water", *, now="no", terms=MAY_WRITE, **fields):
    ref = world.need(phone, terms=terms, **fields)
    phone.act("report_tension", community=world.id, kind=kind, now=now, ref=ref)
    return ref


def trends(world):
    with world.database.transaction() as session:
        return tensions.trends(session, world.community_id, world.now, world.zone)


def answer(world, staff=None, kind="", first=date(2026, 11, 1), last=date(2026, 11, 30), words=None):
    with world.database.transaction() as session:
        community = session.get_one(Community, world.community_id)
        staff = staff or world.rakia
        answered = TensionAnswer(
            community_id=community.id, kind=kind, first_day=first, last_day=last, words=words or WORDS,
            staff_id=staff.id, at=world.now,
        )  # fmt: skip
        tensions.answer(session, staff, community, answered, world.now, settings=world.settings, ciphers=world.ciphers)


def test_a_tension_is_counted_once_a_request(world, hadjara):
    ref = report(world, hadjara)
    hadjara.act("report_tension", community=world.id, kind="fight", now="yes", ref=ref)
    with world.database.transaction() as session:
        [row] = session.scalars(select(Tension)).all()
    assert (row.kind, row.happening) == ("fight", True)


@pytest.mark.parametrize("wrong", [{"kind": "weather"}, {"community": "999"}, {"ref": "0" * 32}])
def test_what_is_no_tension_is_not_counted(world, hadjara, wrong):
    values = {"community": world.id, "kind": "water", "now": "no", "ref": world.need(hadjara)} | wrong
    hadjara.act("report_tension", **values)
    with world.database.transaction() as session:
        assert session.scalar(select(func.count()).select_from(Tension)) == 0


def test_forty_who_report_at_once_are_all_counted_and_none_twice(world):
    phones = [world.phone(f"+2279000{n:04d}") for n in range(2000, 2040)]
    refs = [world.need(phone, terms=ANY_TIME) for phone in phones]
    values = {"community": world.id, "kind": "water", "now": "no"}
    with ThreadPoolExecutor(8) as threads:
        list(
            threads.map(
                lambda one: one[0].act("report_tension", ref=one[1], **values), zip(phones * 2, refs * 2, strict=True)
            )
        )
    with world.database.transaction() as session:
        assert session.scalar(select(func.count()).select_from(Tension)) == 40


def test_only_whole_weeks_and_only_five_and_more_are_shown(world):
    world.now += LAST_WEEK
    phones = [world.phone(f"+2279000{n:04d}") for n in range(2000, 2007)]
    for place, phone in enumerate(phones):
        report(world, phone, "water" if place < 5 else "work")
    world.now -= LAST_WEEK
    for phone in phones:
        report(world, phone, "housing")  # this very week: each report would show as it comes
    found = trends(world)
    assert found["water"][-1] == Count(5)
    assert found["work"][-1] == Count(None, few=True)
    assert all(one == Count(None, few=True) for one in found["housing"])


def test_two_communities_are_counted_apart(world, hadjara):
    with world.database.transaction() as session:
        other = Community(name="Filingue", created_at=world.now)
        session.add(other)
        session.flush()
        other_id = str(other.id)
    world.now += LAST_WEEK
    for _ in range(6):
        hadjara.act("report_tension", community=other_id, kind="water", now="no", ref=world.need(hadjara))
    world.now -= LAST_WEEK
    assert trends(world)["water"][-1] == Count(None, few=True)


def test_the_answer_reaches_everybody_who_allowed_it_once_in_their_language(world, hadjara, mariam):
    report(world, hadjara)
    report(world, mariam, "work")
    with world.database.transaction() as session:
        session.get_one(Contact, mariam.contact()).language = "ha"
    answer(world)
    answer(world)
    assert sorted(world.texts()) == [(hadjara.contact(), WORDS["fr"]), (mariam.contact(), WORDS["ha"])]
    with world.database.transaction() as session:
        assert set(session.scalars(select(Message.kind))) == {Kind.BROADCAST}
        assert None not in session.scalars(select(Message.referral_id)).all()  # so the gate asks the terms again


@pytest.mark.parametrize(
    "fields",
    [
        {"terms": None},
        {"terms": ANY_TIME},
        {"terms": Terms(may_call=False)},
        {"terms": Terms(may_call=True, text=True, number="+22790008888")},
        {"private": True},
        {"minor": True},
        {"sealed": True, "queue": "sealed"},
        {"queue": "protection", "code": "THR", "level": "critical"},
    ],
)
def test_nobody_is_answered_whose_terms_or_request_forbid_it(world, hadjara, fields):
    report(world, hadjara, **fields)
    answer(world)
    assert world.texts() == []


def test_only_the_kind_and_the_days_that_were_meant(world, hadjara, mariam):
    report(world, hadjara, "water")
    report(world, mariam, "work")
    answer(world, kind="work", last=date(2026, 11, 24))
    assert [to for to, _ in world.texts()] == [mariam.contact()]
    answer(world, first=date(2026, 10, 1), last=date(2026, 11, 23))
    assert len(world.texts()) == 1


@pytest.mark.parametrize("days", [(date(2026, 11, 2), date(2026, 11, 1)), (date(2026, 1, 1), date(2026, 11, 1))])
def test_a_period_is_a_season_at_most(world, days):
    with pytest.raises(CommunityError, match="period"):
        answer(world, first=days[0], last=days[1])


@pytest.mark.parametrize("words", ["", "Votre dossier 482-719-368 est pret", "x" * 900])
def test_words_that_never_leave_are_refused_whoever_would_read_them(world, words):
    with pytest.raises(NotWritten):
        answer(world, words={"fr": words})
    with world.database.transaction() as session:
        assert session.scalars(select(TensionAnswer)).all() == []


def test_leave_to_answer_is_the_person_s_and_only_where_a_call_is_allowed(world, hadjara, mariam, amina):
    refs = [
        world.need(phone, terms=terms)
        for phone, terms in ((hadjara, ANY_TIME), (mariam, Terms(may_call=False)), (amina, None))
    ]
    for phone, ref in zip((hadjara, mariam, amina), refs, strict=True):
        phone.act("allow_answer", ref=ref)
    with world.database.transaction() as session:
        terms = [read_terms(session.get_one(Referral, ref), ciphers=world.ciphers) for ref in refs]
    assert [one is not None and one.text for one in terms] == [True, False, False]
