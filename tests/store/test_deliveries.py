"""Whatever the order in which a send and its reports are heard of, a message only moves forward and ends the same."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.messages import Delivery
from bot.reasons import Why
from bot.store.deliveries import RANK, advance, apply_kept, drop_old_reports, mark_contact, report
from bot.store.models import Contact, DeliveryReport, Message

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OWN, THEIRS = "ab" * 16, "SM1"
REASONS = {"30005": Why.BAD_NUMBER, "30003": Why.PHONE_OFF, "21610": Why.BLOCKED}
GOOD = (Delivery.DELIVERED, Delivery.READ)


@pytest.fixture
def session(database):
    with database.transaction() as session:
        yield session
        session.rollback()


@pytest.fixture
def contact(session):
    row = Contact(digest="d" * 16, number_enc=b"x")
    session.add(row)
    session.flush()
    return row


def message(session, contact=None, **more):
    values = {"id": OWN, "kind": "reply", "channel": "sms", "gateway": "twilio", "state": "sending"} | more
    row = Message(**values, contact_id=contact.id if contact else None)
    session.add(row)
    session.flush()
    return row


def heard(session, state, *, code="", message=OWN, external_id=THEIRS, gateway="twilio", at=NOW):
    return report(session, gateway, external_id, state=state, code=code, message=message, reasons=REASONS, at=at)


def left(session, row, outcome):
    """What the sender writes down: the gateway took it, or nobody knows."""
    if outcome is Delivery.SENT:
        row.external_id = row.external_id or THEIRS
    advance(row, outcome, reason="", at=NOW)
    apply_kept(session, row, reasons=REASONS, at=NOW)


REPORTS = st.lists(
    st.tuples(st.sampled_from([Delivery.SENT, Delivery.FAILED, *GOOD]), st.booleans()), min_size=1, max_size=5
)


def ending(database, steps):
    """The state in which these steps leave a message, each of them heard of in this order."""
    with database.transaction() as session:
        try:
            row = message(session)
            for kind, state, echoes in steps:
                before = RANK[row.state]
                if kind == "leaves":
                    left(session, row, state)
                else:
                    heard(session, state, message=OWN if echoes else "")
                assert RANK[row.state] >= before
            return row.state
        finally:
            session.rollback()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reports=REPORTS, outcome=st.sampled_from([Delivery.SENT, Delivery.UNKNOWN]), data=st.data())
def test_states_only_go_forward_and_every_order_ends_alike(database, reports, outcome, data):
    """A report tells our own id or does not; `unknown` is a lost reply, or the lease of a sender that died."""
    steps = [("report", *one) for one in reports] + [("leaves", outcome, False)]
    known = outcome is Delivery.SENT or any(echoes for _, echoes in reports)
    expected = max([outcome, *(state for state, _ in reports if known)], key=RANK.__getitem__)
    assert ending(database, data.draw(st.permutations(steps))) == expected


@pytest.mark.parametrize("order", list(permutations([Delivery.SENT, Delivery.FAILED, Delivery.DELIVERED])))
def test_nobody_has_unreceived_a_message(session, order):
    row = message(session, external_id=THEIRS)
    for state in order:
        heard(session, state)
    assert row.state == "delivered"
    assert row.settled_at == NOW


def test_a_send_whose_reply_was_lost_is_settled_by_our_own_id(session):
    row = message(session, state="unknown")
    heard(session, Delivery.DELIVERED)
    assert (row.state, row.external_id) == ("delivered", THEIRS)


def test_a_report_that_overtook_a_lost_reply_is_found_by_our_own_id(session):
    heard(session, Delivery.DELIVERED)
    row = message(session)
    left(session, row, Delivery.UNKNOWN)
    assert (row.state, row.external_id) == ("delivered", THEIRS)


def test_ids_of_two_gateways_never_mix(session):
    row = message(session, state="unknown")
    heard(session, Delivery.DELIVERED, gateway="kannel")
    assert row.state == "unknown"
    left(session, row, Delivery.UNKNOWN)
    assert row.state == "unknown"


def test_an_earlier_try_that_failed_does_not_fail_the_present_one(session):
    waiting = message(session, state="queued")
    assert heard(session, Delivery.FAILED, external_id="SM0") is None
    assert waiting.state == "queued"
    waiting.external_id = THEIRS
    advance(waiting, Delivery.SENT, at=NOW)
    assert heard(session, Delivery.FAILED, external_id="SM0") is None
    assert waiting.state == "sent"


@pytest.mark.parametrize("state", ["queued", "sent"])
def test_an_earlier_try_that_arrived_ends_the_matter(session, state):
    row = message(session, state=state, external_id=THEIRS if state == "sent" else None)
    heard(session, Delivery.DELIVERED, external_id="SM0")
    assert row.state == "delivered"


def test_a_hostile_own_id_matches_nothing(session):
    message(session)
    assert heard(session, Delivery.DELIVERED, message="' or 1=1 --") is None
    assert session.get(DeliveryReport, ("twilio", THEIRS)) is not None


def test_only_the_report_that_made_it_fail_is_told(session):
    row = message(session, external_id=THEIRS)
    assert heard(session, Delivery.FAILED, code="30003") is row
    assert heard(session, Delivery.FAILED, code="30003") is None
    assert row.reason == "30003"


def test_a_dead_number_is_marked_once_and_stays(session, contact):
    for n in range(3):
        message(session, contact, id=str(n) * 32, external_id=f"SM{n}", state="sent")
        heard(session, Delivery.FAILED, code="30005", message="", external_id=f"SM{n}", at=NOW + timedelta(hours=n))
    session.refresh(contact)
    assert contact.unreachable_at == NOW


def test_a_phone_that_is_off_is_no_dead_number(session, contact):
    message(session, contact, external_id=THEIRS, state="sent")
    heard(session, Delivery.FAILED, code="30003")
    session.refresh(contact)
    assert contact.unreachable_at is None


def test_whoever_wrote_since_has_a_living_number(session, contact):
    contact.last_seen_at = NOW + timedelta(seconds=1)
    message(session, contact, external_id=THEIRS, state="sent")
    heard(session, Delivery.FAILED, code="30005")
    session.refresh(contact)
    assert contact.unreachable_at is None


def test_a_message_that_arrives_ends_the_mark(session, contact):
    contact.unreachable_at = NOW - timedelta(days=3)
    message(session, contact, external_id=THEIRS, state="sent")
    heard(session, Delivery.DELIVERED)
    session.refresh(contact)
    assert contact.unreachable_at is None


def test_a_block_is_noted_once_for_its_channel(session, contact):
    row = message(session, contact, external_id=THEIRS, state="sent")
    heard(session, Delivery.FAILED, code="21610")
    mark_contact(session, row, Why.BLOCKED, at=NOW)
    session.refresh(contact)
    assert contact.blocked == ["sms"]


def test_reports_of_nobodys_messages_go_after_nine_days(database):
    with database.transaction() as session:
        for days, known_as in ((8, "SM8"), (10, "SM10")):
            long_ago = datetime.now(UTC) - timedelta(days=days)
            session.add(DeliveryReport(gateway="twilio", external_id=known_as, state="sent", at=long_ago))
    assert drop_old_reports(database) == 1


# --- a long SMS in parts (docs/decisions/0013)


def part(session, number, state, *, of=3, gateway="twilio"):
    return report(session, gateway, OWN, state=state, message=OWN, part=number, parts=of, at=NOW)


@pytest.mark.parametrize("order", list(permutations([1, 2, 3])))
@pytest.mark.parametrize("recorded", range(4))
def test_a_long_message_is_delivered_by_its_last_missing_part(session, order, recorded):
    """`recorded`: how many reports came before we knew that the message had left."""
    row = message(session, state="sent", external_id=OWN) if not recorded else None
    for position, number in enumerate(order):
        assert row is None or row.state == Delivery.SENT
        part(session, number, Delivery.DELIVERED)
        if row is None and position + 1 == recorded:
            row = message(session, state="sent", external_id=OWN)
            apply_kept(session, row, at=NOW)
    assert row.state == Delivery.DELIVERED
    assert row.settled_at == NOW
    assert session.query(DeliveryReport).count() == 0


def test_a_part_reported_twice_counts_once(session):
    row = message(session, state="sent", external_id=OWN)
    for number in (1, 1, 3, 3):
        part(session, number, Delivery.DELIVERED)
    assert row.state == Delivery.SENT


@pytest.mark.parametrize("order", list(permutations([(1, "delivered"), (2, "failed"), (3, "delivered")])))
@pytest.mark.parametrize("early", [False, True])
def test_a_long_message_with_a_part_that_failed_has_failed_until_that_part_arrives(session, order, early):
    row = None if early else message(session, state="sent", external_id=OWN)
    for number, state in order:
        part(session, number, state)
    if row is None:
        row = message(session, state="sent", external_id=OWN)
        apply_kept(session, row, at=NOW)
    assert row.state == Delivery.FAILED
    part(session, 2, Delivery.DELIVERED)
    assert row.state == Delivery.DELIVERED
    assert row.reason == ""


def test_an_earlier_part_that_arrived_does_not_keep_the_rest_from_leaving(session):
    row = message(session, state="sending")
    part(session, 1, Delivery.DELIVERED, of=2)
    assert row.state == Delivery.SENDING
    part(session, 2, Delivery.SENT, of=2)
    assert row.state == Delivery.SENT
    part(session, 2, Delivery.DELIVERED, of=2)
    assert row.state == Delivery.DELIVERED
