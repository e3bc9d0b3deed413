"""Staff are told on every channel they chose; one that fails is no silence while another was taken."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.referrals import ladder
from bot.referrals.ladder import failed_message
from bot.store.models import Message, MessageAlert, Staff
from tests.referrals.conftest import NOON

MINUTE = timedelta(minutes=1)
SET = {"smtp_url": "smtps://mail.example.org:465", "email_from": "maraba@example.org", "staff_template": "alert"}


@pytest.fixture
def everywhere(settings):
    return settings.model_copy(update=SET)


@pytest.fixture
def chooses(office):
    def run(staff_id, *channels, email="hadiza@example.org", proven=True):
        with office.database.transaction() as session:
            staff = session.get_one(Staff, staff_id)
            staff.alert_channels = list(channels)
            staff.email_enc = office.ciphers.encrypt(email.encode(), f"staff|{staff.login}|email".encode())
            staff.email_since = NOON if proven else None

    return run


def climb(office, settings, after=timedelta(0)):
    ladder.climb(office.database, now=NOON + after, settings=settings, ciphers=office.ciphers)


def sent(office):
    """Channel, gateway and text of every message, by channel."""
    with office.database.transaction() as session:
        return {
            one.channel: (
                one.gateway, one.template, office.ciphers.decrypt(one.text_enc, f"messages|{one.id}|text".encode()).decode(),
            )
            for one in session.scalars(select(Message))
        }  # fmt: skip


def test_one_alert_goes_by_every_channel_that_was_chosen(office, everywhere, chooses):
    first = office.on_duty("hadiza")
    chooses(first, "sms", "whatsapp", "email")
    need = office.need()
    climb(office, everywhere)
    [alert] = office.alerts(need)
    by = sent(office)
    assert {channel: gateway for channel, (gateway, _, _) in by.items()} == {
        "sms": "africastalking", "whatsapp": "twilio", "email": "email",
    }  # fmt: skip
    words = by["sms"][2]
    assert alert.code in words
    assert by["whatsapp"][1] == {"name": "alert", "language": "fr", "parameters": [words]}
    assert by["email"][2] == (
        f"{words}\n\nRepondez par SMS depuis votre telephone, ou ouvrez le bureau. Ne repondez pas a cet e-mail."
    )
    assert "http" not in by["email"][2]
    with office.database.transaction() as session:
        assert set(session.scalars(select(MessageAlert.alert_id))) == {alert.id}


@pytest.mark.parametrize(
    ("chosen", "proven", "change", "used"),
    [
        (["whatsapp"], True, {"staff_template": ""}, {"sms"}),
        (["email"], False, {}, {"sms"}),
        (["email"], True, {"smtp_url": ""}, {"sms"}),
        (["email"], True, {}, {"email"}),
        (["whatsapp", "email"], False, {}, {"whatsapp"}),
        ([], True, {}, {"sms"}),
    ],
)
def test_what_can_not_be_used_falls_back_to_sms(office, everywhere, chooses, chosen, proven, change, used):
    chooses(office.on_duty("hadiza"), *chosen, proven=proven)
    office.need()
    climb(office, everywhere.model_copy(update=change))
    assert set(sent(office)) == used


def settle(office, channel, state, *, attempts=1):
    """What became of the alert's message on one channel; returns whether it counts as silence."""
    with office.database.transaction() as session:
        message = session.scalars(select(Message).where(Message.channel == channel)).one()
        message.state, message.attempts = state, attempts
        session.flush()
        return bool(failed_message(session, message, now=NOON + MINUTE)) if state in ("failed", "unknown") else None


@pytest.mark.parametrize("taken", ["sent", "delivered", "read", "sending"])
def test_a_channel_that_fails_is_no_silence_while_another_was_taken(office, everywhere, chooses, taken):
    chooses(office.on_duty("a"), "sms", "email")
    office.on_duty("b")
    need = office.need()
    climb(office, everywhere)
    settle(office, "sms", taken)
    assert settle(office, "email", "failed") is False
    assert office.ladder(need).due_at == NOON + 15 * MINUTE


def test_nothing_is_silence_before_every_channel_had_its_try(office, everywhere, chooses):
    chooses(office.on_duty("a"), "sms", "email")
    office.on_duty("b")
    need = office.need()
    climb(office, everywhere)
    assert settle(office, "email", "failed") is False  # the SMS still waits for its first try
    assert settle(office, "sms", "unknown") is True
    assert office.ladder(need).due_at == NOON + MINUTE
    climb(office, everywhere, MINUTE)
    assert len(office.alerts(need)) == 2


def test_a_try_that_failed_and_will_be_repeated_is_not_taken(office, everywhere, chooses):
    chooses(office.on_duty("a"), "sms", "email")
    office.on_duty("b")
    office.need()
    climb(office, everywhere)
    settle(office, "sms", "queued")  # tried once, and due again
    assert settle(office, "email", "failed") is True


def test_each_channel_is_told_once_when_a_step_is_taken_again(office, everywhere, chooses):
    chooses(office.on_duty("a"), "sms", "email")
    office.need()
    climb(office, everywhere)
    climb(office, everywhere)
    with office.database.transaction() as session:
        assert sorted(session.scalars(select(Message.channel))) == ["email", "sms"]
