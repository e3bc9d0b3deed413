"""The invented people: the same every day, never overdue, twice the same."""

from datetime import UTC, date, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select

from bot.cases import development
from bot.cases.development import AICHATOU, AICHATOU_CODE, AS_OF, SALIFOU, load, shift
from bot.cases.lookups import Lookups
from bot.errors import ConfigError
from bot.referrals import chains
from bot.referrals.access import QUEUES
from bot.store.attempts import Attempts
from bot.store.models import Case, Duty, Staff, StageChange
from bot.text.phones import mobile


def test_days_move_by_whole_weeks_into_the_week_of_today():
    assert shift(AS_OF) == timedelta(0)
    assert shift(date(2026, 11, 23)) == timedelta(weeks=1)
    for days in range(800):
        today = AS_OF + timedelta(days=days)
        moved = AS_OF + shift(today)
        assert moved.weekday() == AS_OF.weekday()
        assert moved.isocalendar()[:2] == today.isocalendar()[:2]


def test_loading_again_changes_nothing_and_next_week_moves_the_days(settings, database):
    load(settings, today=AS_OF)
    with database.transaction() as session:
        before = {case.number: (case.stage_since, case.code_hmac) for case in session.scalars(select(Case))}
        people = session.scalar(select(func.count()).select_from(Staff))
    load(settings, today=AS_OF)
    load(settings, today=AS_OF + timedelta(weeks=52))
    with database.transaction() as session:
        for case in session.scalars(select(Case)):
            since, code = before[case.number]
            assert (case.stage_since, case.code_hmac) == (since + timedelta(weeks=52), code)
        assert session.scalar(select(func.count()).select_from(Staff)) == people == len(development.STAFF)
        assert session.scalar(select(func.count()).select_from(StageChange)) == 0


def test_a_year_later_every_appointment_is_as_far_away_as_in_the_file(settings, database):
    today = AS_OF + timedelta(days=371)
    load(settings, today=today)
    with database.transaction() as session:
        appointments = session.scalars(select(Case.next_appointment).where(Case.next_appointment.is_not(None))).all()
        since = session.scalar(select(func.max(Case.stage_since)))
    assert sum(day >= today for day in appointments) > len(appointments) / 2
    assert since <= today + timedelta(days=6)


def test_every_queue_has_people_who_may_serve_it(settings, database):
    load(settings, today=AS_OF)
    with database.transaction() as session:
        assert chains.faults(session, settings) == []
        assert set(session.scalars(select(Duty.queue))) == set(QUEUES)
        hadiza = session.scalars(select(Staff).where(Staff.login == "hadiza")).one()
        first = session.scalars(select(Duty).where(Duty.queue == "protection", Duty.position == 1)).one()
    assert first.staff_id == hadiza.id
    assert PasswordHasher().verify(hadiza.password_hash, development.DEVELOPMENT_PASSWORD)


def test_no_invented_number_is_shared_between_staff_and_cases():
    cases = development.INVENTED.read_text(encoding="utf-8")
    for new in development.STAFF:
        assert mobile(new.phone)
        assert new.phone.startswith("+2279000")
        assert new.phone not in cases


def test_salifou_enrols_and_aichatou_has_a_code(settings, database, redis_client, ciphers):
    load(settings, today=AS_OF)
    lookups = Lookups(database, Attempts(redis_client, ciphers), ciphers, ranges={"KIT_PREPARATION": 56})
    now = datetime(2026, 11, 21, 9, tzinfo=UTC)

    def check(case, secret, phone, turn):
        return lookups.check(
            case=case, secret=secret, address=ciphers.address(phone), channel="ussd", turn=turn, now=now
        )

    try:
        assert check(SALIFOU, "1991", "+22790001234", b"1" * 16).outcome == "choose_code"
        hers = check(AICHATOU, AICHATOU_CODE, "+22790002705", b"2" * 16)
        assert (hers.outcome, hers.status.late) == ("ok", True)
    finally:
        lookups.close()


def test_production_refuses_them(settings):
    with pytest.raises(ConfigError):
        load(settings.model_copy(update={"env": "production"}))
