"""What the phones send is what the gateways' own modules accept."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask, request

from bot.errors import BadSignature
from bot.messages import Channel, Delivery, SessionEnded, StatusReport
from bot.simulator.hooks import Hooks, new_call, new_line
from handlers.africastalking import AfricasTalking
from handlers.twilio import Twilio

PHONE = "+22790001234"


@pytest.fixture
def received(settings):
    """Verify and parse a composed request with the real gateway module."""
    gateways = {"africastalking": AfricasTalking(settings), "twilio": Twilio(settings)}

    def receive(composed):
        kind = composed.path.rsplit("/", 1)[1]
        secret = composed.path.split("/")[3] if composed.gateway == "africastalking" else None
        app = Flask("receiver")
        with app.test_request_context(
            composed.path, base_url=settings.base_url, method="POST", data=composed.form, headers=composed.headers
        ):
            gateways[composed.gateway].verify(request, secret)
            return gateways[composed.gateway].parse(request, kind)

    return receive


def test_a_ussd_step_carries_the_whole_transcript(settings, received):
    session = new_line()
    composed = Hooks(settings).ussd(PHONE, session=session, typed=["1", "482719368"])
    (event,) = received(composed)
    assert (event.channel, event.address, event.text) == (Channel.USSD, PHONE, "1*482719368")
    assert event.session == session
    assert event.external_id == composed.external_id


def test_a_dropped_line_is_told(settings, received):
    session = new_line()
    (event,) = received(Hooks(settings).ussd_end(PHONE, session=session, typed=["1"], last="CON ?", seconds=3))
    assert event == SessionEnded("africastalking", PHONE, session, "Incomplete")


@pytest.mark.parametrize("ended", [False, True])
def test_both_hooks_of_a_call_are_the_same_event(settings, received, ended):
    call = new_call()
    composed = Hooks(settings).voice(PHONE, session=call, ended=ended)
    (event,) = received(composed)
    assert (event.channel, event.address, event.text) == (Channel.VOICE, PHONE, "")
    assert event.external_id == composed.external_id == f"call\n{call}"


def test_a_late_sms_carries_the_date_of_two_hours_ago(settings, received):
    composed = Hooks(settings).sms(PHONE, "1", hours_late=2)
    (event,) = received(composed)
    age = datetime.now(UTC) - event.sent_at
    assert timedelta(hours=1, minutes=59) < age < timedelta(hours=2, minutes=1)
    assert event.external_id == composed.external_id


def test_whatsapp_is_signed_as_twilio_signs(settings, received):
    composed = Hooks(settings).whatsapp(PHONE, "Bonjour Aïchatou")
    (event,) = received(composed)
    assert (event.channel, event.address, event.text) == (Channel.WHATSAPP, PHONE, "Bonjour Aïchatou")


def test_a_tap_carries_its_payload(settings, received):
    (event,) = received(Hooks(settings).whatsapp(PHONE, "Rendez-vous", payload="2"))
    assert event.choice == "2"


def test_a_forged_signature_is_refused(settings, received):
    composed = Hooks(settings).whatsapp(PHONE, "Bonjour")
    composed.form["Body"] = "another text"
    with pytest.raises(BadSignature):
        received(composed)


def test_delivery_reports_name_the_message(settings, received):
    hooks = Hooks(settings)
    (sms,) = received(hooks.delivered(PHONE, "ATXid_1"))
    (whatsapp,) = received(hooks.whatsapp_delivered(PHONE, "SM" + "1" * 32))
    assert sms == StatusReport("africastalking", "ATXid_1", Delivery.DELIVERED)
    assert (whatsapp.external_id, whatsapp.state) == ("SM" + "1" * 32, Delivery.DELIVERED)


def test_the_secret_is_masked_where_the_path_is_shown(settings):
    composed = Hooks(settings.model_copy(update={"hook_secret": settings.hook_secret})).sms(PHONE, "1")
    assert "/dev/" in composed.path
    assert composed.shown == "/hooks/africastalking/…/sms"


def test_nobody_there_is_an_answer_with_status_0(settings, port):
    answer = Hooks(settings, url=f"http://127.0.0.1:{port}").send(Hooks(settings).sms(PHONE, "1"))
    assert (answer.status, answer.screen) == (0, None)
