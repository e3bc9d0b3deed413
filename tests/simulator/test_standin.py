"""The stand-in gateways, with the real client libraries on the other end."""

from dataclasses import replace

import pytest
from flask import Flask
from pydantic import SecretStr

from bot import simulator
from bot.config import Settings
from bot.errors import SendError
from bot.messages import Button, Channel, Outbound, StatusReport
from handlers.africastalking import AfricasTalking
from handlers.kannel import Kannel
from handlers.meta import Meta
from handlers.twilio import Twilio

PHONE = "+22790002705"
SMS = Outbound("1", Channel.SMS, PHONE, "Il y a du nouveau pour vous.")
WHATSAPP = Outbound("2", Channel.WHATSAPP, PHONE, "Il y a du nouveau.\n1 Voir")


def test_an_sms_reaches_its_phone(line, messages):
    sent = AfricasTalking(line.settings).send(SMS)
    (event,) = messages(1)
    assert sent.external_id == event["external_id"]
    assert (event["phone"], event["channel"], event["text"]) == (PHONE, "sms", SMS.text)
    assert event["size"] == {"encoding": "GSM-7", "units": 28, "parts": 1, "limit": 160, "price": 16}


@pytest.mark.parametrize("text", [SMS.text, "Rendez-vous mardi à 8 h, au bureau {A}. " * 9, "ملفك جاهز 🙏 " * 20])
def test_an_sms_by_kannel_reaches_its_phone_whole_and_is_reported(line, messages, text):
    sent = Kannel(line.settings).send(replace(SMS, text=text))
    (event,) = messages(1)
    assert (event["phone"], event["channel"], event["text"]) == (PHONE, "sms", text)
    reports = [report for report in line.seen if isinstance(report, StatusReport)]
    assert {(report.message, report.state) for report in reports} == {(sent.external_id, "delivered")}
    assert [report.part for report in reports] == list(range(1, sent.parts + 1))


def test_a_whatsapp_message_reaches_its_phone(line, messages):
    sent = Twilio(line.settings).send(WHATSAPP)
    (event,) = messages(1)
    assert sent.external_id == event["external_id"]
    assert (event["phone"], event["channel"], event["text"]) == (PHONE, "whatsapp", WHATSAPP.text)


@pytest.mark.parametrize("choices", [0, 3, 6])
def test_a_whatsapp_message_by_meta_reaches_its_phone_and_is_reported(line, messages, choices):
    buttons = tuple(Button(f"0:{n}", f"Choix {n}") for n in range(choices))
    sent = Meta(line.settings).send(replace(WHATSAPP, id="a" * 32, buttons=buttons))
    (event,) = messages(1)
    assert (event["phone"], event["channel"], event["text"]) == (PHONE, "whatsapp", WHATSAPP.text)
    [report] = [report for report in line.seen if isinstance(report, StatusReport)]
    assert (report.gateway, report.external_id, report.state) == ("meta", sent.external_id, "delivered")
    assert report.message == "a" * 32


@pytest.mark.parametrize(
    ("change", "code"), [({"meta_access_token": "old"}, "190"), ({"meta_phone_number_id": "2"}, "100")]
)
def test_meta_knows_its_own(line, change, code):
    values = {name: SecretStr(value) if "token" in name else value for name, value in change.items()}
    with pytest.raises(SendError) as refusal:
        Meta(line.settings.model_copy(update=values)).send(WHATSAPP)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("gateway", "message"), [(AfricasTalking, SMS), (Kannel, SMS), (Meta, WHATSAPP), (Twilio, WHATSAPP)]
)
def test_a_gateway_that_is_down_refuses_and_may_be_asked_again(line, page, gateway, message):
    page.post("switch", name="down", on=True)
    with pytest.raises(SendError) as refusal:
        gateway(line.settings).send(message)
    assert refusal.value.retryable
    page.post("switch", name="down", on=False)
    assert gateway(line.settings).send(message).external_id


def test_a_wrong_key_is_refused(line, page):
    from pydantic import SecretStr

    names = ("africastalking_api_key", "kannel_password", "twilio_auth_token")
    wrong = {name: SecretStr("other") for name in names}
    settings = line.settings.model_copy(update=wrong)
    for gateway, message in ((AfricasTalking, SMS), (Kannel, SMS), (Twilio, WHATSAPP)):
        with pytest.raises(SendError) as refusal:
            gateway(settings).send(message)
        assert refusal.value.code in {"http_401", "authorization_failed", "20003"}
    assert page.get("api/news").json()["events"] == []


def test_a_number_that_is_none_is_refused_as_the_real_one_does(line):
    client = line.app.test_client()
    form = {"username": "sandbox", "to": "+227x", "message": "Bonjour"}
    answer = client.post(
        "/simulator/gateway/africastalking/version1/messaging", data=form, headers={"apiKey": "dev-key"}
    )
    assert answer.status_code == 201
    (recipient,) = answer.json["SMSMessageData"]["Recipients"]
    assert (recipient["statusCode"], recipient["messageId"]) == (403, "None")


@pytest.mark.parametrize(
    "environ", [{"REMOTE_ADDR": "10.0.0.7"}, {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "10.0.0.7"}]
)
def test_another_machine_finds_no_stand_in(line, environ):
    path = "/simulator/gateway/africastalking/version1/messaging"
    assert line.app.test_client().post(path, environ_overrides=environ).status_code == 404


def test_a_service_that_catches_up_finds_what_was_written(line, page):
    page.post("whatsapp", phone=PHONE, text="Bonjour")
    path = f"/simulator/gateway/twilio/2010-04-01/Accounts/{line.settings.twilio_account_sid}/Messages.json"
    token = line.settings.twilio_auth_token.get_secret_value()
    answer = line.app.test_client().get(path, auth=(line.settings.twilio_account_sid, token))
    (row,) = answer.json["messages"]
    assert (row["body"], row["direction"], row["from"]) == ("Bonjour", "inbound", f"whatsapp:{PHONE}")


def test_production_has_no_simulator_at_all(line):
    app = Flask("production")
    line.settings = Settings(**{**line.settings.model_dump(), "env": "production"})
    simulator.register(app, line)
    assert [rule.rule for rule in app.url_map.iter_rules()] == ["/static/<path:filename>"]
