"""What opens a case and what does not: safety 10 to 14, on real stores."""

import os
import signal
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import psutil
import pytest
from sqlalchemy import select, text

from bot.cases import opening
from bot.cases.bounded import Breaker
from bot.cases.importing import Source, apply
from bot.cases.lookups import Lookups
from bot.errors import LookupAway
from bot.store.attempts import Attempts, Verdict
from bot.store.models import Case, Referral, Staff, Ticket
from tests.cases.test_importing import write

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
CASE, YEAR, CODE, PHONE = "482719368", "1991", "7306", "+22790001234"
STRANGER = "+22790007777"


@pytest.fixture
def attempts(redis_client, ciphers):
    return Attempts(redis_client, ciphers)


@pytest.fixture
def lookups(database, attempts, ciphers):
    lookups = Lookups(database, attempts, ciphers, ranges={"TRAINING_WAIT": 42, "KIT_PREPARATION": 56})
    yield lookups
    lookups.close()


@pytest.fixture
def line(lookups, ciphers, database, tmp_path):
    return Line(lookups, ciphers, database, tmp_path)


class Line:
    """Somebody with a phone in front of one case; each call is a turn of its own."""

    def __init__(self, lookups, ciphers, database, folder):
        self.lookups, self.ciphers, self.database, self.folder = lookups, ciphers, database, folder
        self.turns = 0
        self.now = NOW

    def has(self, *rows):
        file = write(self.folder / "cases.csv", *(rows or ({},)))
        report = apply(Source(file, today=NOW.date()), self.database, ciphers=self.ciphers)
        assert report.faults == []

    def turn(self):
        self.turns += 1
        return self.turns.to_bytes(16)

    def check(self, secret, *, case=CASE, phone=PHONE, turn=None):
        return self.lookups.check(
            case=case,
            secret=secret,
            address=self.ciphers.address(phone),
            channel="ussd",
            turn=turn or self.turn(),
            now=self.now,
        )

    def choose(self, code=CODE, *, case=CASE, phone=PHONE, turn=None):
        return self.lookups.choose_code(
            case=case, code=code, address=self.ciphers.address(phone), turn=turn or self.turn(), now=self.now
        )

    def enrols(self):
        assert self.check(YEAR).outcome == "choose_code"
        assert self.choose()

    def row(self, number=CASE):
        with self.database.transaction() as session:
            return session.scalars(select(Case).where(Case.number == number)).one()


def test_own_phone_and_year_enrol_then_the_code_opens(line):
    line.has()
    checked = line.check(YEAR)
    assert (checked.outcome, checked.case, checked.status) == ("choose_code", CASE, None)
    assert line.choose()
    status = line.check(CODE).status
    assert (status.number, status.stage, status.since) == (CASE, "TRAINING_WAIT", date(2026, 10, 26))
    assert (status.next_appointment, status.place) == (date(2026, 11, 30), "Tahoua")
    assert (status.late, status.minor, status.recorded_through) == (False, False, "0-0")
    assert status.known_on == NOW.date()  # the import has just told of it
    assert line.check(YEAR).outcome == "no_match"  # enrolment is over


def test_late_is_past_the_usual_range(line):
    line.has({"stage_since": "2026-10-11"})
    line.enrols()
    line.now = NOW - timedelta(days=5)
    assert not line.check(CODE).status.late
    line.now = NOW + timedelta(days=2)
    assert line.check(CODE).status.late


def test_the_last_three_digits_work_on_the_files_own_phone_only(line):
    line.has()
    line.enrols()
    assert line.check(CODE, case="368").case == CASE
    assert line.check(CODE, case="368", phone=STRANGER).outcome == "no_match"
    assert line.check(CODE, case="368", phone="whatsapp:NE.0000001").outcome == "no_match"
    assert line.check(CODE, phone=STRANGER).outcome == "ok"


def test_three_digits_that_two_files_of_a_phone_share_open_neither(line):
    line.has({"phone_shared": "yes"}, {"case_number": "100005368", "phone_shared": "yes"})
    with line.database.transaction() as session:
        for case in session.scalars(select(Case)):
            case.code_hmac = line.ciphers.code(f"case|{case.number}", CODE)
    assert line.check(CODE, case="368").outcome == "no_match"
    assert line.check(CODE).outcome == "ok"


@pytest.mark.parametrize(
    ("row", "phone", "case"),
    [
        ({}, STRANGER, CASE),
        ({"phone": ""}, PHONE, CASE),
        ({"phone_shared": "yes"}, PHONE, CASE),
        ({"vulnerability_flag": "protection"}, PHONE, CASE),
        ({"year_of_birth": ""}, PHONE, CASE),
        ({}, PHONE, "368"),
    ],
    ids=["another phone", "no phone", "shared", "flagged", "year unknown", "three digits"],
)
def test_year_of_birth_enrols_nobody_else(line, row, phone, case):
    line.has(row)
    assert line.check(YEAR, phone=phone, case=case).outcome == "no_match"
    if case == CASE:
        assert not line.choose(phone=phone)


def test_a_phone_that_two_files_hold_is_shared_whatever_they_say(line):
    line.has()
    line.has({"case_number": "502719485"})
    assert line.check(YEAR).outcome == "no_match"
    assert not line.choose()


def test_a_start_code_enrols_from_any_phone_once_and_for_14_days(line, attempts):
    line.has({"vulnerability_flag": "protection"})

    def give():
        with line.database.transaction() as session:
            return opening.give_start_code(session, CASE, attempts=attempts, ciphers=line.ciphers, now=NOW)

    start = give()
    assert len(start) == 6
    assert line.check(start, case="368").outcome == "no_match"
    line.now = NOW + timedelta(days=15)
    assert line.check(start, phone=STRANGER).outcome == "no_match"
    line.now = NOW
    assert line.check(start, phone=STRANGER).outcome == "choose_code"
    assert line.choose(phone=STRANGER)
    assert line.check(start, phone=STRANGER).outcome == "no_match"
    assert line.check(CODE).outcome == "ok"
    assert line.check(give()).outcome == "choose_code"  # a forgotten code is chosen anew
    assert line.choose("8417")
    assert line.check(CODE).outcome == "no_match"


def test_choosing_again_in_the_same_turn_says_yes_and_in_another_no(line):
    line.has()
    turn = line.turn()
    assert line.choose(turn=turn)
    assert line.choose(turn=turn)
    assert not line.choose("8417")
    assert line.check(CODE).outcome == "ok"


@pytest.mark.parametrize("code", ["1940", "2026", "12345", "abcd", ""])
def test_what_is_no_code_is_never_set(line, code):
    line.has()
    assert not line.choose(code)
    assert line.row().code_hmac is None


def test_three_errors_pause_and_six_lock_each_side_for_itself(line, attempts):
    line.has()
    line.enrols()
    for _ in range(3):
        assert line.check("8417", phone=STRANGER).outcome == "no_match"
    assert line.check(CODE, phone=STRANGER).outcome == "no_match"  # paused: even the right code
    assert line.check(CODE).outcome == "ok"  # not on the own phone
    line.now += timedelta(minutes=31)
    for _ in range(3):
        line.check("8417", phone=STRANGER)
    row = line.row()
    assert (row.locked_others, row.locked_enrolled) == (True, False)
    assert row.last_attempt_at is not None
    line.now += timedelta(days=40)
    attempts.clear(CASE)  # even once the conversation store has forgotten
    assert line.check(CODE, phone=STRANGER).outcome == "no_match"
    assert line.check(CODE).outcome == "ok"
    with line.database.transaction() as session:
        opening.unlock(session, CASE, attempts=attempts)
    assert line.check(CODE, phone=STRANGER).outcome == "ok"


def test_the_stores_lock_holds_where_postgresql_lost_its_own(line):
    line.has()
    line.enrols()
    for minute in (0, 0, 0, 31, 31, 31):
        line.now = NOW + timedelta(minutes=minute)
        line.check("8417")
    with line.database.transaction() as session:
        session.execute(text("update cases set locked_enrolled = false"))
    line.now = NOW + timedelta(minutes=70)
    assert line.check(CODE).outcome == "no_match"
    assert line.row().locked_enrolled


def test_a_right_code_clears_its_own_counter(line):
    line.has()
    line.enrols()
    for _ in range(3):
        line.check("8417")
        line.check("8417")
        assert line.check(CODE).outcome == "ok"


def test_a_replayed_turn_counts_once(line):
    line.has()
    line.enrols()
    turn = line.turn()
    for _ in range(10):
        assert line.check("8417", turn=turn).outcome == "no_match"
    assert line.check(CODE).outcome == "ok"


def test_a_hundred_guesses_at_once_get_no_more_than_three_answers(attempts):
    def guess(n):
        return attempts.judge(CASE, own=False, right=n % 25 == 24, turn=n.to_bytes(16), now=NOW)

    with ThreadPoolExecutor(8) as pool:
        verdicts = list(pool.map(guess, range(100)))
    wrong = verdicts.count(Verdict.WRONG)
    assert wrong >= 3
    assert set(verdicts[40:]) == {Verdict.PAUSED}


def test_unknown_numbers_are_counted_too(line, redis_client, ciphers):
    line.has()
    for _ in range(3):
        assert line.check("8417", case="502719485").outcome == "no_match"
    place = ciphers.address("case:502719485")
    key = f"{{s{place.shard:02d}}}t:{place.digest}"
    assert redis_client.hget(key, "other") == b"3"
    assert 0 < redis_client.ttl(key) <= 86400


def test_call_now_is_there_for_whoever_types_the_ticket_until_it_is_answered(line, lookups):
    with line.database.transaction() as session:
        referral = Referral(
            id="1" * 32, ticket="4821737", opened_at=NOW, source="menu", level="high", queue="protection",
            channel="ussd", call_now=True,
        )  # fmt: skip
        session.add(referral)
        session.flush()
        session.add_all(
            Ticket(number=number, referral_id=referral.id, issued_at=NOW) for number in ("4821737", "5093120")
        )

    def asked(ticket):
        return lookups.ticket(ticket=ticket, channel="sms")

    assert asked("4821737") == asked("5093120") == "call_now"
    assert asked("4821738") == "waiting"
    with line.database.transaction() as session:
        session.get(Referral, "1" * 32).call_now = False
    assert asked("4821737") == "waiting"


@pytest.mark.parametrize(
    ("more", "asked"),
    [
        ({}, {"ussd": "closed", "sms": "closed"}),
        ({"private": True}, {"ussd": "closed", "sms": "waiting"}),
        ({"minor": True}, {"ussd": "closed", "sms": "waiting"}),
        ({"sealed": True}, {"ussd": "waiting", "sms": "waiting"}),
        ({"state": "attached"}, {"ussd": "waiting", "sms": "waiting"}),
    ],
)
def test_whether_a_closed_request_is_solved_is_asked_where_it_leaves_no_trace(line, lookups, more, asked):
    with line.database.transaction() as session:
        fields = {"state": "closed", "closed_at": NOW} | more
        referral = Referral(
            id="1" * 32, ticket="4821737", opened_at=NOW, source="menu", level="high", queue="protection",
            channel="ussd", **fields,
        )  # fmt: skip
        session.add(referral)
        session.flush()
        session.add(Ticket(number="4821737", referral_id=referral.id, issued_at=NOW))
    assert {channel: lookups.ticket(ticket="4821737", channel=channel) for channel in asked} == asked


@pytest.mark.alone
@pytest.mark.slow
def test_unknown_wrong_and_locked_take_the_same_time(line, attempts):
    line.has({}, {"case_number": "502719485", "phone": "+22790002705"})
    line.enrols()
    with line.database.transaction() as session:
        session.execute(text("update cases set locked_others = true where number = '502719485'"))
    kinds = {"unknown": "116275678", "wrong": CASE, "locked": "502719485"}
    for _ in range(3):
        took = {kind: [] for kind in kinds}
        for _ in range(200):
            for kind, case in kinds.items():
                attempts.clear(case)
                began = time.perf_counter()
                assert line.check("8417", case=case, phone=STRANGER).outcome == "no_match"
                took[kind].append(time.perf_counter() - began)
        medians = {kind: statistics.median(values) for kind, values in took.items()}
        if max(medians.values()) < 1.1 * min(medians.values()):
            return
    pytest.fail(f"medians differ by 10 % or more: {medians}")


@pytest.fixture
def hung(database):
    """Stops PostgreSQL and every process of it, as a machine that swaps itself to death would."""
    with database.transaction() as session:
        backend = session.scalar(text("select pg_backend_pid()"))
    server = psutil.Process(backend).parent()
    processes = [server, *server.children(recursive=True)]
    for process in processes:
        os.kill(process.pid, signal.SIGSTOP)
    yield
    for process in processes:
        if process.is_running():
            os.kill(process.pid, signal.SIGCONT)


@pytest.mark.alone
@pytest.mark.slow
def test_a_hung_database_holds_nobody_up_and_the_breaker_opens(line, request):
    line.has()
    line.enrols()
    line.check(CODE)
    request.getfixturevalue("hung")
    took = []
    for _ in range(5):
        began = time.monotonic()
        with pytest.raises(LookupAway):
            line.check(CODE)
        took.append(time.monotonic() - began)
    assert max(took) < 1.0
    assert max(took[3:]) < 0.05  # three failures in a row: not asked any more


@pytest.mark.slow
def test_lookups_go_on_after_the_database_was_restarted(line, database):
    line.has()
    line.enrols()
    with database.transaction() as session:
        session.execute(
            text(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name = 'maraba-lookups' and datname = current_database()"
            )
        )
    assert line.check(CODE).outcome == "ok"


def test_the_breaker_lets_one_probe_through_after_its_rest():
    breaker = Breaker()
    for _ in range(3):
        assert breaker.allows(10.0)
        breaker.failed(10.0)
    assert not breaker.allows(14.9)
    assert breaker.allows(15.0)
    assert not breaker.allows(15.1)
    breaker.worked()
    assert breaker.allows(15.2)


def test_a_phone_of_the_staff_is_known_until_they_leave(database, ciphers, lookups):
    address = ciphers.address("+22790009999")
    assert not lookups.of_staff(address)
    with database.transaction() as session:
        session.add(Staff(login="h", name="H", role="protection", phone_digest=address.digest))
    assert lookups.of_staff(address)
    with database.transaction() as session:
        session.scalars(select(Staff)).one().active = False
    assert not lookups.of_staff(address)
