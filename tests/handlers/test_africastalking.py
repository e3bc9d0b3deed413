"""Africa's Talking, by its module and by the file that describes it: the same tests for both."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.config import Settings
from bot.errors import BadPayload, BadSignature, SendError, WebhookError
from bot.gateway import Gateway
from bot.messages import Channel, Delivery, Inbound, OptOut, Outbound, SessionEnded, StatusReport
from handlers import africastalking as module
from handlers.described import sending
from tests.handlers.conftest import NOW
from tests.handlers.payloads import hook, payloads
from tests.standin import StandIn

AMINA = "+22790123456"
SESSION = "ATUid_0f3a5b7c9d1e2f30415263748596a7b8"
MESSAGE = Outbound("m1", Channel.SMS, AMINA, "Sannu")
KINDS = ("ussd", "sms", "status", "ussd-end", "optout", "voice")
Maker = Callable[..., Gateway]
Parse = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def plain(make: Maker) -> Gateway:
    return make(Settings())


@pytest.fixture(scope="module")
def parse(plain: Gateway) -> Parse:
    return lambda kind, form, **more: list(plain.parse(hook(f"/hooks/africastalking/dev/{kind}", form, **more), kind))


def cases(name: str) -> Any:
    table = payloads(f"africastalking/{name}")["cases"]
    return pytest.mark.parametrize("form", list(table.values()), ids=list(table))


# --- who may call


def test_either_secret_is_taken_while_it_rotates(make: Maker, configured: Callable[..., Settings]):
    gateway = make(configured(hook_secret="new-secret,old-secret"))
    for secret in ("new-secret", "old-secret"):
        gateway.verify(hook("/"), secret)


@pytest.mark.parametrize("secret", ["", None, "de", "devv", "dév", "\udcff"])
def test_another_secret_is_refused(plain: Gateway, secret: str | None):
    with pytest.raises(BadSignature):
        plain.verify(hook("/"), secret)


def test_without_any_secret_nobody_gets_in(make: Maker, configured: Callable[..., Settings]):
    with pytest.raises(BadSignature):
        make(configured(hook_secret=",")).verify(hook("/"), "")


# --- USSD


def test_a_ussd_session_is_one_message_a_step(parse: Parse):
    steps = payloads("africastalking/ussd-session")["steps"]
    found = [parse("ussd", step["form"])[0] for step in steps]
    assert [one.text for one in found] == ["", "1", "1*2", "1*2*Maradi", "1*2*Maradi*1"]
    assert len({one.external_id for one in found}) == 5
    assert {(one.session, one.address, one.channel, one.to) for one in found} == {
        (SESSION, AMINA, Channel.USSD, "*384*2277#")
    }
    assert found[1].external_id == f"{SESSION}\n{AMINA}\n1"
    assert found[1].sent_at == NOW


@cases("ussd-odd")
def test_odd_but_legal_ussd_steps_are_taken_as_they_are(parse: Parse, form: dict[str, str]):
    [found] = parse("ussd", form)
    assert found.text == form.get("text", "")
    assert found.address in {AMINA, "+22796123456"}


@pytest.mark.parametrize("sent", ["33612345678", " 33612345678", "+33612345678"])
def test_a_foreign_number_that_lost_its_plus_stays_foreign(parse: Parse, sent: str):
    [found] = parse("ussd", {"sessionId": SESSION, "phoneNumber": sent, "text": ""})
    assert found.address == "+33612345678"


def test_the_answer_starts_with_its_prefix_and_is_plain_text(plain: Gateway):
    goes_on, closes = plain.render("ussd", "1 Oui", final=False), plain.render("ussd", "Merci", final=True)
    assert (goes_on.get_data(), closes.get_data()) == (b"CON 1 Oui", b"END Merci")
    assert goes_on.headers["Content-Type"] == "text/plain; charset=utf-8"


# --- SMS, reports, ends, opt-outs, calls


@cases("sms")
def test_an_sms_is_one_message(parse: Parse, form: dict[str, str]):
    [found] = parse("sms", form)
    assert found == Inbound(
        "africastalking",
        form["id"],
        Channel.SMS,
        AMINA,
        form["text"],
        datetime(2026, 3, 2, 9, 20, 11, tzinfo=UTC),
        to="2277",
    )


@pytest.mark.parametrize("date", ["", "yesterday", "2026-13-02 09:20:11", "0001-01-01 00:00:00+14:00", "9999-12-31"])
def test_an_sms_with_an_impossible_date_was_sent_now(parse: Parse, date: str):
    form = payloads("africastalking/sms")["cases"]["full"] | {"date": date}
    assert parse("sms", form)[0].sent_at == NOW


def test_an_sms_without_a_date_was_sent_now(parse: Parse):
    form = payloads("africastalking/sms")["cases"]["full"]
    del form["date"]
    assert parse("sms", form)[0].sent_at == NOW


STATES = {
    "Sent": (Delivery.SENT, ""),
    "Submitted": (Delivery.SENT, ""),
    "Buffered": (Delivery.SENT, ""),
    "Success": (Delivery.DELIVERED, ""),
    "AbsentSubscriber": (Delivery.FAILED, "AbsentSubscriber"),
    "Expired": (Delivery.FAILED, "Expired"),
    "Rejected": (Delivery.FAILED, "UserInBlacklist"),
    "Failed": (Delivery.FAILED, "UserDoesNotExist"),
    "unknown_status": (Delivery.SENT, "SomethingNew"),
    "unknown_id": (Delivery.DELIVERED, ""),
}


@pytest.mark.parametrize("name", list(STATES))
def test_a_delivery_report_becomes_a_state(parse: Parse, name: str):
    form = payloads("africastalking/status")["cases"][name]
    report = parse("status", form)[0]
    state, code = STATES[name]
    assert report == StatusReport("africastalking", form["id"], state, code)


def test_every_report_in_the_table_is_tried():
    assert set(STATES) == set(payloads("africastalking/status")["cases"])


def test_a_report_that_names_a_block_is_an_opt_out_too(parse: Parse):
    found = parse("status", payloads("africastalking/status")["cases"]["Rejected"])
    assert isinstance(found[1], OptOut)
    assert (found[1].address, found[1].channel) == (AMINA, Channel.SMS)


@cases("ussd-end")
def test_the_end_of_a_session_carries_no_words_of_the_person(parse: Parse, form: dict[str, str]):
    [found] = parse("ussd-end", form)
    assert found == SessionEnded("africastalking", AMINA, SESSION, form["status"])
    assert "Maradi" not in repr(found)
    assert form["lastAppResponse"] not in repr(found)


def test_a_repeated_opt_out_is_one_event_and_a_later_one_another(parse: Parse, make: Maker):
    form = payloads("africastalking/optout")["cases"]["optout"]
    later = make(Settings(), clock=lambda: NOW + timedelta(hours=1))
    first, again = parse("optout", form), parse("optout", form)
    [third] = later.parse(hook("/", form), "optout")
    assert first == again
    assert first[0].address == AMINA
    assert isinstance(third, OptOut)
    assert third.external_id != first[0].external_id


CALLS = payloads("africastalking/voice")["cases"]
RINGING = CALLS["ringing"]


@cases("voice")
def test_every_hook_of_a_missed_call_is_the_same_event(parse: Parse, form: dict[str, str]):
    call = Inbound("africastalking", f"call\n{RINGING['sessionId']}", Channel.VOICE, AMINA, "", NOW, to="+22720000000")
    assert parse("voice", form) == [call]


@pytest.mark.parametrize(
    ("odd", "caller"),
    [
        ({"callerNumber": " 22790123456"}, AMINA),
        ({"callerNumber": "+22720723456"}, "+22720723456"),  # a fixed line can be called back
        ({"callerNumber": "+2348031234567"}, "+2348031234567"),
        ({"direction": ""}, AMINA),
        ({"dtmfDigits": "9*9#", "recordingUrl": "https://elsewhere.example/x"}, AMINA),
    ],
)
def test_odd_calls_are_calls(parse: Parse, odd: dict[str, str], caller: str):
    [call] = parse("voice", RINGING | odd)
    assert (call.address, call.text, call.media) == (caller, "", "")


@pytest.mark.parametrize(
    "odd",
    [
        {"direction": "Outbound"},
        *({"callerNumber": hidden} for hidden in ("", "anonymous", "Unknown", "0", "+", "464", "+266696687")),
        {"callerNumber": "+22709123456"},  # premium: calling back would cost us
        {"callerNumber": "sip:amina@example.org"},
        {"callerNumber": "+22790123456\n+22790123457"},
    ],
)
def test_our_own_calls_and_hidden_callers_make_no_event(parse: Parse, odd: dict[str, str]):
    assert parse("voice", RINGING | odd) == []


def test_a_call_without_its_number_field_makes_no_event(parse: Parse):
    assert parse("voice", {"sessionId": "ATVId_1", "isActive": "1"}) == []


def test_a_call_is_rejected_whether_or_not_the_store_is_there(plain: Gateway):
    for answer in (plain.render("voice", None, final=True), plain.render_down("voice", "Plus tard")):
        assert b"<Reject/>" in answer.get_data()
        assert (answer.status_code, answer.mimetype) == (200, "application/xml")


@pytest.mark.parametrize("kind", ["sms", "status", "ussd-end", "optout"])
def test_what_needs_no_words_gets_an_empty_200(plain: Gateway, kind: str):
    answer = plain.render(kind, None, final=True)
    assert (answer.status_code, answer.get_data()) == (200, b"")


def test_while_the_store_is_away_ussd_is_told_and_the_rest_is_asked_to_come_again(plain: Gateway):
    ussd, sms = plain.render_down("ussd", "Appelez plus tard"), plain.render_down("sms", "Appelez plus tard")
    assert (ussd.status_code, ussd.get_data()) == (200, b"END Appelez plus tard")
    assert (sms.status_code, sms.get_data()) == (503, b"")
    assert int(sms.headers["Retry-After"]) > 0


# --- bad input

SMS = {"from": AMINA, "id": "id-1", "text": "AIKI", "to": "2277", "date": "2026-03-02 09:20:11"}
USSD = {"sessionId": SESSION, "phoneNumber": AMINA, "text": "1", "serviceCode": "*384#"}


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        *(
            ("sms", {name: value for name, value in SMS.items() if name != left_out})
            for left_out in SMS
            if left_out != "date"
        ),
        *(
            ("ussd", {name: value for name, value in USSD.items() if name != gone})
            for gone in ("sessionId", "phoneNumber")
        ),
        ("sms", [*SMS.items(), ("text", "STOP")]),
        ("sms", SMS | {"text": "x" * 2001}),
        ("sms", SMS | {"text": "x" * 1_000_000}),
        ("sms", SMS | {"to": "1" * 201}),
        ("sms", SMS | {"text": "a\0b"}),
        ("sms", SMS | {"id": "two\nlines"}),
        ("sms", SMS | {"id": ""}),
        ("sms", SMS | {"from": "DAWOWA"}),
        ("sms", SMS | {"from": "+1234"}),
        ("sms", SMS | {"from": "+2279012345678901234567"}),
        ("sms", {}),
        ("sms", [(f"field{n}", "1") for n in range(200)]),
        ("ussd", USSD | {"sessionId": "a b"}),
        ("ussd", USSD | {"text": "1*" * 1001}),
        ("voice", {"callerNumber": AMINA}),
        ("voice", RINGING | {"sessionId": "two\nlines"}),
        ("voice", [*RINGING.items(), ("callerNumber", "+22790123457")]),
        ("subscription", SMS),
        ("", SMS),
    ],
)
def test_impossible_forms_are_refused(parse: Parse, kind: str, form: object):
    with pytest.raises(BadPayload):
        parse(kind, form)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"from=%2B22790123456&id=1&to=2&text=%FF%FE", "application/x-www-form-urlencoded"),
        (b"from=%2B22790123456&id=1&to=2&text=\xff", "application/x-www-form-urlencoded"),
        (b"from=%2B22790123456&id=1&to=2&text=%ED%A0%80", "application/x-www-form-urlencoded"),
        (b'{"from": "+22790123456"}', "application/json"),
        (b"from=%2B22790123456&id=1&to=2&text=x", "text/plain"),
        (b"", "application/x-www-form-urlencoded"),
    ],
)
def test_bytes_that_are_no_form_are_refused(parse: Parse, body: bytes, content_type: str):
    with pytest.raises(BadPayload):
        parse("sms", (), body=body, content_type=content_type)


def test_a_body_shorter_than_it_says_is_refused(plain: Gateway):
    request = hook("/", SMS)
    request.environ["CONTENT_LENGTH"] = "5000"
    with pytest.raises(BadPayload):
        plain.parse(request, "sms")


def test_refusals_name_fields_and_no_value(parse: Parse):
    with pytest.raises(BadPayload) as refused:
        parse("sms", SMS | {"from": "not-a-phone-90123456"})
    assert "90123456" not in str(refused.value)


FIELDS = sorted(
    {
        "date",
        "from",
        "id",
        "text",
        "to",
        "sessionId",
        "phoneNumber",
        "status",
        "failureReason",
        "senderId",
        "callerNumber",
        "direction",
    }
)


@given(
    st.sampled_from(KINDS),
    st.lists(
        st.tuples(
            st.sampled_from(FIELDS) | st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"))
        )
    ),
)
@hypothesis_settings(max_examples=100, deadline=None)
def test_any_form_is_parsed_or_refused(parse: Parse, kind: str, form: list[tuple[str, str]]):
    try:
        found = parse(kind, form)
    except WebhookError:
        return
    assert isinstance(found, list)


@given(st.sampled_from(KINDS), st.binary(max_size=300))
@hypothesis_settings(max_examples=100, deadline=None)
def test_any_bytes_are_parsed_or_refused(parse: Parse, kind: str, body: bytes):
    try:
        found = parse(kind, (), body=body)
    except WebhookError:
        return
    assert isinstance(found, list)


@given(
    st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS), st.text(st.characters(codec="utf-8"), max_size=30))
)
@hypothesis_settings(max_examples=100, deadline=None)
def test_a_whole_form_with_odd_values_is_parsed_or_refused(parse: Parse, kind: str, odd: dict[str, str]):
    whole = SMS | USSD | RINGING | {"status": "Failed", "senderId": "321"}
    try:
        found = parse(kind, whole | odd)
    except WebhookError:
        return
    for one in found:
        assert getattr(one, "address", AMINA).startswith("+")


# --- sending, by the real library over HTTP


def refused(gateway: Gateway, message: Outbound = MESSAGE) -> SendError:
    with pytest.raises(SendError) as caught:
        gateway.send(message)
    return caught.value


def test_an_sms_is_handed_over_with_sender_and_its_id_comes_back(africastalking: Gateway, stand_in: StandIn):
    sent = africastalking.send(replace(MESSAGE, text="Kit: œuvre & l'eau = 100 %"))
    [taken] = stand_in.messages
    assert (taken.to, taken.text, taken.sender) == (AMINA, "Kit: œuvre & l'eau = 100 %", "321")
    assert sent.external_id == taken.external_id
    assert sent.cost == "XOF 12.0000"


def test_one_connection_is_kept(africastalking: Gateway, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch):
    opened: list[object] = []
    accept = type(stand_in._server).process_request
    monkeypatch.setattr(
        type(stand_in._server), "process_request", lambda *args: (opened.append(args[1]), accept(*args))[1]
    )
    for _ in range(3):
        africastalking.send(MESSAGE)
    assert len(opened) == 1


CODES = {
    401: ("RiskHold", False, False),
    402: ("InvalidSenderId", False, False),
    403: ("InvalidPhoneNumber", False, False),
    404: ("UnsupportedNumberType", False, False),
    405: ("InsufficientBalance", True, False),
    406: ("UserInBlacklist", False, True),
    407: ("CouldNotRoute", False, False),
    409: ("DoNotDisturbRejection", False, False),
    500: ("InternalServerError", True, False),
    501: ("GatewayError", True, False),
    502: ("RejectedByGateway", False, False),
}


@pytest.mark.parametrize("code", list(CODES))
def test_a_refused_recipient_is_an_error_of_the_table(africastalking: Gateway, stand_in: StandIn, code: int):
    stand_in.refuse(code)
    error = refused(africastalking)
    assert (error.code, error.retryable, error.suppress) == CODES[code]
    assert not error.unknown
    assert stand_in.messages == []


@pytest.mark.parametrize(
    ("status", "retryable", "unknown"),
    [(400, False, False), (401, False, False), (302, False, False), (429, True, False), (500, True, False),
     (503, True, False), (502, False, True), (504, False, True)],
)  # fmt: skip
def test_an_http_error_keeps_its_status(
    africastalking: Gateway, stand_in: StandIn, status: int, *, retryable: bool, unknown: bool
):
    stand_in.fail(status, retry_after="7")
    error = refused(africastalking)
    assert (error.code, error.retryable, error.unknown) == (f"http_{status}", retryable, unknown)
    assert error.retry_after == (7.0 if retryable else None)


def test_nobody_listening_may_be_tried_again(africastalking: Gateway, stand_in: StandIn):
    stand_in.stop()
    error = refused(africastalking)
    assert (error.code, error.retryable, error.unknown) == ("no_connection", True, False)


def test_a_read_time_out_is_unknown_and_never_retryable(
    africastalking: Gateway, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
):
    for place in (module, sending):
        monkeypatch.setattr(place, "TIMEOUT", (1.0, 0.2))
    stand_in.slow(0.6)
    error = refused(africastalking)
    assert (error.code, error.retryable, error.unknown) == ("read_timeout", False, True)
    assert len(stand_in.messages) == 1, "it was taken: a second call would have sent it twice"


def test_a_line_cut_after_the_message_was_taken_is_unknown(africastalking: Gateway, stand_in: StandIn):
    africastalking.send(MESSAGE)
    stand_in.vanish(0.0)
    error = refused(africastalking)
    assert (error.code, error.retryable, error.unknown) == ("connection_lost", False, True)


@pytest.mark.parametrize("limits", [module.TIMEOUT, sending.TIMEOUT])
def test_calls_wait_for_seconds_and_not_for_ever(limits: tuple[float, float]):
    assert 0 < limits[0] <= 5
    assert 0 < limits[1] <= 10


REPLIES = payloads("africastalking/send")["cases"]


def answered(gateway: Gateway, stand_in: StandIn, body: object, content_type: str = "application/json") -> Any:
    stand_in.say(201, body if isinstance(body, str) else json.dumps(body), content_type=content_type)
    return gateway.send(MESSAGE)


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "text/plain"])
@pytest.mark.parametrize("name", ["code_100", "code_101", "code_102"])
def test_a_taken_message_is_read_whatever_the_content_type(
    africastalking: Gateway, stand_in: StandIn, name: str, content_type: str
):
    sent = answered(africastalking, stand_in, REPLIES[name], content_type)
    assert sent.external_id == REPLIES[name]["SMSMessageData"]["Recipients"][0]["messageId"]


def test_a_redirect_is_not_followed_with_the_key_in_hand(africastalking: Gateway, stand_in: StandIn):
    stand_in.say(307, "", Location=f"{stand_in.url}/version1/messaging")
    error = refused(africastalking)
    assert (error.code, error.retryable, error.unknown) == ("http_307", False, False)
    assert stand_in.messages == []


def test_of_several_recipients_our_own_counts(africastalking: Gateway, stand_in: StandIn):
    assert answered(africastalking, stand_in, REPLIES["mixed"]).external_id.startswith("ATXid_")


def test_a_call_that_took_nobody_is_refused_with_its_reason(africastalking: Gateway, stand_in: StandIn):
    with pytest.raises(SendError) as caught:
        answered(africastalking, stand_in, REPLIES["no_recipients"])
    assert (caught.value.code, caught.value.retryable) == ("InvalidSenderId", False)


@pytest.mark.parametrize("body", ["", "ok", "[]", "{}", '{"SMSMessageData": null}', '{"SMSMessageData": {"Recipients": [1]}}',
                                  '{"SMSMessageData": {"Recipients": [{"statusCode": "x"}]}}'])  # fmt: skip
@pytest.mark.parametrize("content_type", ["application/json", "text/html"])
def test_a_reply_that_can_t_be_read_leaves_the_message_unknown(
    africastalking: Gateway, stand_in: StandIn, body: str, content_type: str
):
    with pytest.raises(SendError) as caught:
        answered(africastalking, stand_in, body, content_type)
    assert (caught.value.code, caught.value.unknown) == ("unreadable_reply", True)


@pytest.mark.parametrize("to", ["+227901٢3456", "+22790123456\n", "22790123456", ""])
def test_a_number_the_library_would_let_through_is_not_sent(africastalking: Gateway, stand_in: StandIn, to: str):
    assert refused(africastalking, replace(MESSAGE, to=to)).code == "InvalidPhoneNumber"
    assert stand_in.messages == []


def test_no_number_and_no_text_stands_in_an_error(africastalking: Gateway, stand_in: StandIn):
    stand_in.fail(400)
    error = refused(africastalking)
    assert AMINA not in repr(error)
    assert error.__context__ is None or error.__suppress_context__


def test_ussd_and_whatsapp_can_t_be_pushed(africastalking: Gateway):
    for channel in (Channel.USSD, Channel.WHATSAPP):
        assert refused(africastalking, replace(MESSAGE, channel=channel)).code == "channel_not_carried"


OTHERS = [replace(MESSAGE, id=f"m{n}", to=f"+2279012340{n}") for n in range(1, 4)]


def test_one_text_to_many_is_one_call_and_each_has_its_own_end(africastalking: Gateway, stand_in: StandIn):
    rows = [{"statusCode": 101, "number": OTHERS[2].to, "messageId": "ATXid_3", "cost": "XOF 12.0000"},
            {"statusCode": 406, "number": OTHERS[0].to, "messageId": "None", "cost": "0"}]  # fmt: skip
    stand_in.say(201, json.dumps({"SMSMessageData": {"Message": "Sent to 1/3", "Recipients": rows}}))
    blocked, unnamed, taken, wrong = africastalking.send_many([*OTHERS, replace(MESSAGE, id="m9", to="+227x")])
    assert (getattr(blocked, "suppress", None), getattr(wrong, "code", None)) == (True, "InvalidPhoneNumber")
    assert getattr(unnamed, "unknown", None) is True, "nobody knows whether it was taken"
    assert getattr(taken, "external_id", None) == "ATXid_3"


def test_a_call_for_many_that_is_cut_leaves_them_all_unknown(africastalking: Gateway, stand_in: StandIn):
    stand_in.vanish(0.0)
    found = africastalking.send_many(OTHERS)
    assert [getattr(one, "unknown", None) for one in found] == [True] * 3


def test_a_line_that_was_closed_while_idle_is_opened_again(africastalking: Gateway, stand_in: StandIn):
    africastalking.send(MESSAGE)
    stand_in.stop()
    stand_in.start()
    africastalking.send(MESSAGE)
    assert len(stand_in.messages) == 2


def test_in_development_nothing_leaves_to_a_real_host(make: Maker, configured: Callable[..., Settings]):
    gateway = make(configured(africastalking_api_url="https://api.africastalking.com"))
    with responses.RequestsMock():  # any call would be an error of its own; none reaches past this machine
        assert refused(gateway).code == "not_in_development"
