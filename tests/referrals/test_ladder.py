import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update
from structlog.testing import capture_logs

from bot.engine.effects import StaffAnswer
from bot.referrals import ladder, writing
from bot.store.models import Alert, Ladder, Message, MessageAlert, Referral
from tests.referrals.conftest import NOON

FRIDAY = NOON + timedelta(days=3, minutes=20)  # ten minutes before the office closes for the weekend

MINUTE = timedelta(minutes=1)


@pytest.fixture
def climb(database, settings, ciphers):
    def run(after=timedelta(0), settings=settings):
        return ladder.climb(database, now=NOON + after, settings=settings, ciphers=ciphers)

    return run


def answer(office, staff_id, word, code, after=timedelta(0)):
    with office.database.transaction() as session:
        return writing.staff_answer(
            session, StaffAnswer(answer=word, code=code), sender_digest=office.digest_of(staff_id), at=NOON + after,
            ciphers=office.ciphers, settings=office.settings,
        )  # fmt: skip


def told(office, referral_id):
    return [alert.staff_id for alert in office.alerts(referral_id)]


def test_critical_is_told_at_once_then_every_quarter_then_again(office, climb):
    people = [office.on_duty(name) for name in ("a", "b", "c", "d")]
    referral = office.need()
    for minutes, expected in [(0, 1), (14, 1), (15, 2), (30, 3), (45, 4), (74, 4), (75, 5), (90, 6)]:
        climb(minutes * MINUTE)
        assert len(told(office, referral)) == expected, minutes
    assert told(office, referral) == [*people, *people[:2]]
    assert [alert.round for alert in office.alerts(referral)] == [0, 0, 0, 0, 1, 1]


def test_the_first_alert_and_the_next_read_as_drafted(office, climb, settings):
    first, second = office.on_duty("a"), office.on_duty("b", language="en")
    referral = office.need()
    climb()
    climb(15 * MINUTE)
    ticket = office.referral(referral).ticket
    shown = f"{ticket[:3]}-{ticket[3:]}"
    one, two = office.alerts(referral)
    letter = ladder.letter(settings, "protection")
    assert office.texts(first) == [
        f"Maraba: CRITIQUE {shown}, file {letter}. Repondez OK {one.code} avant 12:15. Sinon NON {one.code}."
    ]
    assert office.texts(second) == [
        f"Maraba: CRITICAL {shown}, queue {letter}, no answer for 15 min. Answer OK {two.code} before 12:45."
    ]


def test_climbing_twice_tells_nobody_twice(office, climb):
    office.on_duty("a")
    referral = office.need()
    assert len(climb()) == 1
    assert climb() == []
    assert len(told(office, referral)) == 1


def test_two_processes_at_once_tell_nobody_twice(office, climb):
    office.on_duty("a")
    office.on_duty("b")
    needs = [office.need() for _ in range(20)]
    normal = [office.need(level="normal", at=NOON - timedelta(days=2)) for _ in range(5)]
    start = threading.Barrier(3)
    made, faults = [], []

    def run():
        start.wait()
        try:
            made.extend(climb())
        except Exception as error:  # noqa: BLE001  # handed to the test's own thread
            faults.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert all(len(told(office, one)) == 1 for one in needs + normal)
    assert len(made) == len(set(made)) == len(needs) + 1  # one digest


def test_a_crash_in_the_middle_of_a_step_forgets_nobody(office, climb, monkeypatch):
    office.on_duty("a")
    referral = office.need()

    class Killed(BaseException):
        pass

    def die(*_args, **_fields):
        raise Killed

    with monkeypatch.context() as broken:
        broken.setattr(ladder, "tell", die)
        with pytest.raises(Killed):
            climb()
    assert told(office, referral) == []
    assert len(climb()) == 1


def test_a_row_that_cannot_be_climbed_holds_up_nobody(office, climb, monkeypatch):
    office.on_duty("a")
    bad, good = office.need(), office.need()
    real = ladder.chain

    def chain(session, referral, **fields):
        if referral.id == bad:
            session.execute(text("select 1/0"))
        return real(session, referral, **fields)

    with monkeypatch.context() as broken:
        broken.setattr(ladder, "chain", chain)
        with capture_logs() as logs:
            climb()
        assert "ladder_step_failed" in {one["event"] for one in logs}
        assert (len(told(office, bad)), len(told(office, good))) == (0, 1)
    climb(timedelta(seconds=19))
    assert told(office, bad) == []
    climb(timedelta(seconds=21))
    assert len(told(office, bad)) == 1


def test_codes_are_unlike_the_ticket_and_unlike_each_other(office, climb):
    person = office.on_duty("a")
    for _ in range(40):
        office.need()
    climb()
    alerts = office.alerts()
    codes = [alert.code for alert in alerts]
    assert {alert.staff_id for alert in alerts} == {person}
    assert len(set(codes)) == 40
    assert all(alert.code not in office.referral(alert.referral_id).ticket for alert in alerts)


def test_alerts_say_neither_kind_nor_place_and_a_seal_does_not_show(office, climb):
    open_ = office.on_duty("a")
    sealed = office.on_duty("b", "psea_focal", "sealed")
    office.need(code="MED", office="Agadez")
    office.need(queue="sealed", sealed=True, code="SEA")
    climb()

    def shape(words):
        return "".join("0" if c.isdigit() else c for c in words)

    assert shape(office.texts(open_)[0]) == shape(office.texts(sealed)[0])
    assert not any(word in "".join(office.texts()) for word in ("MED", "SEA", "Agadez", "protection"))


def test_high_waits_for_six_in_the_morning_and_then_for_office_time(office, climb):
    a, b = office.on_duty("a"), office.on_duty("b")
    night = timedelta(hours=11)  # 23:00
    referral = office.need(level="high", at=NOON + night)
    assert climb(night) == []
    assert climb(timedelta(hours=17, minutes=59)) == []
    climb(timedelta(hours=18))
    assert told(office, referral) == [a]
    assert "HAUT" in office.texts(a)[0]
    assert "A traiter avant jeudi 08:00" in office.texts(a)[0]
    climb(timedelta(hours=23, minutes=59))
    assert told(office, referral) == [a]
    climb(timedelta(hours=24))
    assert told(office, referral) == [a, b]


def test_normal_is_one_morning_sms_a_person_whose_ok_takes_all(office, climb):
    a, b = office.on_duty("a", "assistant", "assistance"), office.on_duty("b", "assistant", "assistance")
    needs = [office.need(level="normal", queue="assistance", code="KIT") for _ in range(6)]
    assert climb(timedelta(hours=19)) == []
    assert len(climb(timedelta(hours=20))) == 1  # 8:00
    alerts = office.alerts()
    assert {alert.referral_id for alert in alerts} == set(needs)
    assert len({alert.code for alert in alerts}) == 1
    assert "6 a traiter" in office.texts(a)[0]
    assert "+2" in office.texts(a)[0]
    assert answer(office, a, "ok", alerts[0].code, timedelta(hours=21))
    assert {office.referral(one).accepted_by for one in needs} == {a}
    assert climb(timedelta(days=4)) == []
    assert told(office, needs[0]) == [a]
    assert b


def test_normal_goes_to_the_next_person_after_two_working_days(office, climb):
    a, b = office.on_duty("a", "assistant", "assistance"), office.on_duty("b", "assistant", "assistance")
    referral = office.need(level="normal", queue="assistance")
    climb(timedelta(hours=20))  # Wednesday 8:00
    climb(timedelta(hours=67))
    assert told(office, referral) == [a]
    climb(timedelta(hours=68))  # Friday 8:00
    assert told(office, referral) == [a, b]


def test_nobody_at_all_is_written_down_and_tried_again(office, climb):
    referral = office.need()
    assert climb() == []
    assert "nobody_to_alert" in office.events(referral)
    office.on_duty("late")
    assert climb(29 * MINUTE) == []
    assert len(climb(30 * MINUTE)) == 1


def test_the_hotline_is_told_last_once_a_round_and_has_no_code(office, climb, settings):
    outside = settings.model_copy(update={"outside_hotline": "+22720000000"})
    focal = office.on_duty("one", "psea_focal", "sealed")
    referral = office.need(queue="sealed", sealed=True)
    for minutes in (0, 15, 30, 45, 60):
        climb(minutes * MINUTE, settings=outside)
    assert told(office, referral) == [focal, focal]
    with office.database.transaction() as session:
        outside_messages = session.scalars(select(Message).where(Message.staff_id.is_(None))).all()
    assert len(outside_messages) == 2
    assert "OK" not in office.texts(kind="alert")[1]


def test_a_failed_alert_is_silence_at_once(office, climb, database):
    a, b = office.on_duty("a"), office.on_duty("b")
    referral = office.need()
    [message_id] = climb()
    with database.transaction() as session:
        assert ladder.failed_message(session, session.get_one(Message, message_id), now=NOON + MINUTE) == [referral]
    climb(MINUTE)
    assert told(office, referral) == [a, b]
    assert office.alerts(referral)[0].open  # had it arrived after all, its OK is welcome


def test_when_the_last_says_no_over_a_weekend_the_first_is_told_again_in_half_an_hour(office, climb):
    first = office.on_duty("a")
    referral = office.need(level="high", at=FRIDAY)
    climb(FRIDAY - NOON)
    [alert] = office.alerts(referral)
    assert office.ladder(referral).due_at > FRIDAY + timedelta(days=2)
    with office.database.transaction() as session:
        writing.staff_answer(
            session, StaffAnswer(answer="no", code=alert.code), sender_digest=office.digest_of(first), at=FRIDAY,
            ciphers=office.ciphers, settings=office.settings,
        )  # fmt: skip
    assert office.ladder(referral).due_at == FRIDAY + timedelta(minutes=30)
    climb(FRIDAY - NOON + timedelta(minutes=30))
    assert [alert.round for alert in office.alerts(referral)] == [0, 1]


def test_failures_of_everybody_do_not_make_the_ladder_spin(office, climb, database):
    office.on_duty("a")
    referral = office.need()
    [message_id] = climb()
    with database.transaction() as session:
        assert ladder.failed_message(session, session.get_one(Message, message_id), now=NOON) == []
    assert climb(29 * MINUTE) == []
    assert len(climb(30 * MINUTE)) == 1
    assert len(told(office, referral)) == 2


def test_accepted_without_a_call_goes_on_after_45_minutes(office, climb, database, ciphers):
    a, b = office.on_duty("a"), office.on_duty("b")
    referral = office.need(terms=writing.Terms(may_call=True))
    climb()
    answer(office, a, "ok", office.alerts(referral)[0].code)
    assert climb(44 * MINUTE) == []
    climb(45 * MINUTE)
    assert told(office, referral) == [a, b]
    assert office.referral(referral).accepted_by is None
    assert "lapsed" in office.events(referral)
    assert any("pas d'appel note" in words for words in office.texts(a))


def test_every_alert_message_knows_its_alert(office, climb, database):
    office.on_duty("a")
    office.need()
    [message_id] = climb()
    with database.transaction() as session:
        link = session.scalars(select(MessageAlert)).one()
        assert (link.message_id, session.get_one(Alert, link.alert_id).open) == (message_id, True)
        assert session.get_one(Message, message_id).gateway == office.settings.staff_gateway


def test_without_a_given_now_the_database_says_what_is_due(office, database, settings, ciphers):
    office.on_duty("a")
    referral = office.need()
    with database.transaction() as session:
        session.execute(update(Ladder).values(due_at=text("now() + interval '1 hour'")))
    assert ladder.climb(database, settings=settings, ciphers=ciphers) == []
    with database.transaction() as session:
        session.execute(update(Ladder).values(due_at=text("now() - interval '1 second'")))
    assert len(ladder.climb(database, settings=settings, ciphers=ciphers)) == 1
    assert len(told(office, referral)) == 1


def test_what_is_over_is_not_told(office, climb, database):
    office.on_duty("a")
    referral = office.need()
    with database.transaction() as session:
        session.execute(update(Referral).values(state="closed"))
    assert climb() == []
    assert office.ladder(referral).due_at is None


def test_a_digest_that_fails_holds_up_nobody_elses(office, climb, monkeypatch):
    office.on_duty("a", "assistant", "assistance")
    second = office.on_duty("b", "community_focal", "community")
    for queue in ("assistance", "community"):
        office.need(queue=queue, level="normal")
    real = ladder.letter

    def broken(settings, queue):
        if queue == "assistance":
            raise KeyError(queue)
        return real(settings, queue)

    monkeypatch.setattr(ladder, "letter", broken)
    later = timedelta(days=1)
    with capture_logs() as logs:
        assert len(climb(later)) == 1
    assert "ladder_step_failed" in {one["event"] for one in logs}
    assert "NORMAL" in office.texts(second)[0]
    monkeypatch.undo()
    assert climb(later + timedelta(seconds=10)) == []  # left alone a little
    assert len(climb(later + timedelta(minutes=1))) == 1
