import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses
from flask import Response
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.config import Settings
from bot.errors import BadPayload, BadSignature, Ignored, SendError, WebhookError
from bot.messages import Button, Channel, Delivery, Inbound, OptOut, Outbound, StatusReport
from handlers.twilio import BLOCKING, Twilio, with_choices
from handlers.twilio_api import TIMEOUT
from tests.handlers.conftest import NOW
from tests.handlers.payloads import hook, payloads, signed
from tests.standin import StandIn

AMINA = "+22790123456"
SID = "SM11111111111111111111111111111111"
OURS = Settings(public_url="https://maraba.example.org")
PLAIN = Twilio(OURS, clock=lambda: NOW)
MESSAGES = payloads("twilio/message")["cases"]
REPORTS = payloads("twilio/status")["cases"]
SMS = Outbound("m1", Channel.SMS, AMINA, "Sannu")
WHATSAPP = replace(SMS, channel=Channel.WHATSAPP)


def parse(kind: str, form: object, **more: Any) -> list[Any]:
    return list(PLAIN.parse(hook(f"/hooks/twilio/{kind}", form, **more), kind))


# --- who may call


@pytest.mark.parametrize("name", list(MESSAGES))
def test_what_twilio_signed_for_our_address_is_taken(name: str):
    PLAIN.verify(signed(OURS, "/hooks/twilio/message", MESSAGES[name]), None)


@pytest.mark.parametrize("name", list(REPORTS))
def test_reports_are_signed_the_same_way(name: str):
    PLAIN.verify(signed(OURS, "/hooks/twilio/status", REPORTS[name]), None)


def test_the_host_header_has_no_say():
    form = MESSAGES["sms"]
    PLAIN.verify(signed(OURS, "/hooks/twilio/message", form, Host="10.0.0.7:8000"), None)
    elsewhere = Settings(public_url="https://evil.example.org")
    request = signed(elsewhere, "/hooks/twilio/message", form, Host="evil.example.org")
    with pytest.raises(BadSignature):
        PLAIN.verify(request, None)


def test_a_query_is_part_of_what_is_signed():
    form = MESSAGES["sms"]
    PLAIN.verify(signed(OURS, "/hooks/twilio/message?a=1&b=%20x", form), None)
    signature = signed(OURS, "/hooks/twilio/message?a=1", form).headers["X-Twilio-Signature"]
    with pytest.raises(BadSignature):
        PLAIN.verify(hook("/hooks/twilio/message?a=2", form, X_Twilio_Signature=signature), None)


def test_every_changed_field_breaks_the_signature():
    form = MESSAGES["wa_text"]
    signature = signed(OURS, "/hooks/twilio/message", form).headers["X-Twilio-Signature"]
    for name in form:
        changed = hook("/hooks/twilio/message", form | {name: form[name] + "x"}, X_Twilio_Signature=signature)
        with pytest.raises(BadSignature):
            PLAIN.verify(changed, None)


def test_a_field_given_twice_with_the_same_value_is_signed_once():
    form = MESSAGES["sms"]
    signature = signed(OURS, "/hooks/twilio/message", form).headers["X-Twilio-Signature"]
    pairs = [*form.items(), ("NumSegments", "1")]
    PLAIN.verify(hook("/hooks/twilio/message", pairs, X_Twilio_Signature=signature), None)


@pytest.mark.parametrize("headers", [{}, {"X_Twilio_Signature": ""}, {"X_Twilio_Signature": "é" * 28}])
@pytest.mark.parametrize("body", [b"", b"Body=%FF", b"\xff", b"Body=a%00b", b'{"Body": 1}'])
@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "application/json"])
@pytest.mark.parametrize("query", ["", "?bodySHA256=abc"])
def test_an_unsigned_request_is_refused_in_one_way(headers: dict[str, str], body: bytes, content_type: str, query: str):
    request = hook(f"/hooks/twilio/message{query}", body=body, content_type=content_type, **headers)
    with pytest.raises(BadSignature) as refused:
        PLAIN.verify(request, None)
    assert str(refused.value) == "the signature does not fit"
    assert refused.value.status == 403


def test_another_algorithm_named_by_the_caller_changes_nothing():
    request = signed(OURS, "/hooks/twilio/message", MESSAGES["sms"])
    request.environ["HTTP_X_TWILIO_WEBHOOKS_SIGNATURE_SETTINGS"] = "key=theirs,algorithm=NONE"
    PLAIN.verify(request, None)


# --- messages


@pytest.mark.parametrize(
    ("name", "channel", "text", "choice", "media"),
    [
        ("sms", Channel.SMS, "Sannu, ina neman aiki", "", ""),
        ("sms_unicode", Channel.SMS, "ƙasa 🙏", "", ""),
        ("wa_text", Channel.WHATSAPP, "Sannu, ina neman aiki", "", ""),
        ("wa_button", Channel.WHATSAPP, "Ee", "yes", ""),
        ("wa_list", Channel.WHATSAPP, "Maradi", "reg-4", ""),
        ("wa_location", Channel.WHATSAPP, "", "", "location"),
        ("wa_voice", Channel.WHATSAPP, "", "", "audio"),
    ],
)
def test_a_message_says_channel_choice_and_media(name: str, channel: Channel, text: str, choice: str, media: str):
    [found] = parse("message", MESSAGES[name])
    sound = "MM44444444444444444444444444444444/Media/ME55555555555555555555555555555555" if media == "audio" else ""
    assert found == Inbound(
        "twilio", SID, channel, AMINA, text, NOW, choice=choice, media=media, to="+12025550123", media_id=sound
    )


@pytest.mark.parametrize(
    ("content_type", "media"),
    [("image/jpeg", "image"), ("AUDIO/ogg", "audio"), ("video/mp4", "other"), ("text/vcard", "other"), ("", "other")],
)
def test_media_is_named_and_never_fetched(content_type: str, media: str):
    form = MESSAGES["wa_voice"] | {"MediaContentType0": content_type}
    assert parse("message", form)[0].media == media


def test_a_stop_that_twilio_answered_is_an_opt_out():
    assert parse("message", MESSAGES["sms_stop"]) == [OptOut("twilio", AMINA, Channel.SMS, SID, blocks=True)]


@pytest.mark.parametrize("word", [*sorted(BLOCKING), "stop", " End\n", "Cancel"])
def test_a_word_that_twilio_takes_for_its_own_is_a_block_and_a_message(word: str):
    found = parse("message", MESSAGES["sms"] | {"Body": word})
    assert found[0] == OptOut("twilio", AMINA, Channel.SMS, SID, blocks=True)
    assert (type(found[1]), found[1].text, len(found)) == (Inbound, word, 2)


@pytest.mark.parametrize("text", ["STOP PLEASE", "please cancel", "the end", "ARRET", "TSAYA", "YES", "START", "", "1"])
def test_twilio_watches_single_words_only(text: str):
    assert [type(one) for one in parse("message", MESSAGES["sms"] | {"Body": text})] == [Inbound]


@pytest.mark.parametrize("how", ["advanced", "none"])
def test_where_twilio_would_have_said_so_or_never_blocks_the_word_is_a_message(how: str):
    gateway = Twilio(OURS.model_copy(update={"twilio_opt_out": how}), clock=lambda: NOW)
    [found] = gateway.parse(hook("/hooks/twilio/message", MESSAGES["sms"] | {"Body": "STOP"}), "message")
    assert (type(found), found.text) == (Inbound, "STOP")


def test_on_whatsapp_no_word_blocks():
    [found] = parse("message", MESSAGES["wa_text"] | {"Body": "STOP"})
    assert (type(found), found.text) == (Inbound, "STOP")


def test_missed_words_that_twilio_answered_are_not_answered_again(
    configured: Callable[..., Settings], stand_in: StandIn
):
    for number, text in enumerate(["STOP", "help", "END ", "Sannu"]):
        stand_in.keep(MESSAGES["sms"] | {"MessageSid": f"SM{number}", "Body": text}, at=NOW.timestamp())
    for how, left in (("default", 4), ("advanced", 1), ("none", 4)):
        gateway = Twilio(configured(twilio_api_url=stand_in.url, twilio_opt_out=how), clock=lambda: NOW)
        assert len(gateway.missed(NOW)) == left


def test_what_was_missed_before_the_moment_is_left_out(twilio: Twilio, stand_in: StandIn):
    """Should the list be by days only: what is older than our marks would be answered twice."""
    for number in (-1, 0, 1):
        at = (NOW + timedelta(seconds=number)).timestamp()
        stand_in.keep(MESSAGES["sms"] | {"MessageSid": f"SM{number}"}, at=at)
    assert [one.external_id for one in twilio.missed(NOW)] == ["SM0", "SM1"]


def test_a_start_that_twilio_answered_still_lifts_our_own_opt_out():
    [found] = parse("message", MESSAGES["sms_stop"] | {"Body": "START", "OptOutType": "START"})
    assert (type(found), found.text) == (Inbound, "START")


def test_a_help_that_twilio_answered_is_not_answered_twice():
    with pytest.raises(Ignored):
        parse("message", MESSAGES["sms"] | {"OptOutType": "HELP"})


def test_channels_that_are_not_carried_are_ignored():
    with pytest.raises(Ignored):
        parse("message", MESSAGES["sms"] | {"From": "messenger:123456"})


def test_a_long_whatsapp_message_is_a_message():
    assert len(parse("message", MESSAGES["wa_text"] | {"Body": "é" * 4096})[0].text) == 4096


def test_new_fields_of_theirs_harm_nothing():
    pairs = [*MESSAGES["sms"].items(), ("New", "x" * 9000), ("New", "y")]
    assert len(parse("message", pairs)) == 1


CALLS = payloads("twilio/voice")["cases"]
RINGING = CALLS["ringing"]


@pytest.mark.parametrize("form", CALLS.values(), ids=list(CALLS))
def test_every_request_about_a_missed_call_is_the_same_event(form: dict[str, str]):
    call = Inbound("twilio", RINGING["CallSid"], Channel.VOICE, "+22790123456", "", NOW, to="+15005550006")
    assert parse("voice", form) == [call]


@pytest.mark.parametrize(
    "odd",
    [
        *({"Direction": direction} for direction in ("outbound-api", "outbound-dial")),
        *({"From": hidden} for hidden in ("", "anonymous", "Restricted", "464", "+266696687", "+7378742883", "+86282452253")),
        {"From": "client:amina"},
        {"From": "sip:22790123456@elsewhere.example"},
        {"From": "whatsapp:"},
    ],
)  # fmt: skip
def test_our_own_calls_and_hidden_callers_make_no_event(odd: dict[str, str]):
    assert parse("voice", RINGING | odd) == []


@pytest.mark.parametrize("answer", [PLAIN.render("voice", None, final=True), PLAIN.render_down("voice", "Plus tard")])
def test_a_call_is_rejected_also_while_the_store_is_away(answer: Response):
    """An error would be read out to the caller, who pays for it; the status callback tells of the call again."""
    assert (answer.status_code, answer.mimetype) == (200, "text/xml")
    assert b'<Response><Reject reason="busy" /></Response>' in answer.get_data()


# --- reports

STATES = {
    "queued": (Delivery.SENT, ""),
    "sending": (Delivery.SENT, ""),
    "sent": (Delivery.SENT, ""),
    "delivered": (Delivery.DELIVERED, ""),
    "undelivered_30003": (Delivery.FAILED, "30003"),
    "undelivered_30006": (Delivery.FAILED, "30006"),
    "failed_63016": (Delivery.FAILED, "63016"),
    "read": (Delivery.READ, ""),
}


@pytest.mark.parametrize("name", list(REPORTS))
def test_a_report_becomes_a_state(name: str):
    state, code = STATES[name]
    assert parse("status", REPORTS[name]) == [StatusReport("twilio", SID, state, code)]


@pytest.mark.parametrize(
    ("word", "state", "code"),
    [
        ("canceled", Delivery.FAILED, "canceled"),
        ("partially_delivered", Delivery.DELIVERED, ""),
        ("brand_new", Delivery.SENT, "brand_new"),
        ("<b>", Delivery.SENT, "unreadable"),
    ],
)
def test_rare_and_unknown_words_are_kept(word: str, state: Delivery, code: str):
    assert parse("status", REPORTS["sent"] | {"MessageStatus": word}) == [StatusReport("twilio", SID, state, code)]


def test_a_report_that_names_an_opt_out_is_one_too():
    found = parse("status", REPORTS["failed_63016"] | {"ErrorCode": "21610"})
    assert found[1] == OptOut("twilio", AMINA, Channel.WHATSAPP, f"{SID}\n21610", blocks=True)


def test_a_report_on_an_inbound_message_is_ignored():
    with pytest.raises(Ignored):
        parse("status", REPORTS["sent"] | {"MessageStatus": "received"})


# --- bad input


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        *(("message", {k: v for k, v in MESSAGES["sms"].items() if k != gone}) for gone in ("MessageSid", "From", "To", "AccountSid")),
        *(("status", {k: v for k, v in REPORTS["sent"].items() if k != gone}) for gone in ("MessageSid", "MessageStatus", "AccountSid")),
        ("message", MESSAGES["sms"] | {"AccountSid": "AC" + "9" * 32}),
        ("status", REPORTS["sent"] | {"AccountSid": "AC" + "9" * 32}),
        ("voice", {"AccountSid": "AC" + "9" * 32}),
        ("message", MESSAGES["sms"] | {"From": "DAWOWA"}),
        ("message", MESSAGES["wa_text"] | {"From": "whatsapp:NE.abcdef"}),
        ("message", MESSAGES["sms"] | {"Body": "x" * 4097}),
        ("message", MESSAGES["sms"] | {"Body": "x" * 1_000_000}),
        ("message", MESSAGES["sms"] | {"Body": "a\0b"}),
        ("message", MESSAGES["sms"] | {"MessageSid": "a b"}),
        ("message", [*MESSAGES["sms"].items(), ("Body", "STOP")]),
        ("inbound", MESSAGES["sms"]),
    ],
)  # fmt: skip
def test_impossible_forms_are_refused(kind: str, form: object):
    with pytest.raises(BadPayload):
        parse(kind, form)


TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
NAMES = st.sampled_from(sorted({*MESSAGES["wa_voice"], *REPORTS["read"], "OptOutType", "ListId", "Latitude", *RINGING}))


@given(st.sampled_from(["message", "status", "voice"]), st.dictionaries(NAMES, TEXTS))
@hypothesis_settings(max_examples=100, deadline=None)
def test_odd_values_are_parsed_or_refused(kind: str, odd: dict[str, str]):
    whole = MESSAGES["wa_voice"] | REPORTS["read"] | RINGING | odd | {"AccountSid": OURS.twilio_account_sid}
    try:
        found = parse(kind, whole)
    except WebhookError:
        return
    for one in found:
        assert getattr(one, "address", AMINA).startswith("+")


@given(st.sampled_from(["message", "status", "voice"]), st.binary(max_size=300))
@hypothesis_settings(max_examples=100, deadline=None)
def test_any_bytes_are_parsed_or_refused(kind: str, body: bytes):
    with pytest.raises(WebhookError):
        parse(kind, (), body=body)


@given(st.binary(max_size=300), st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40))
@hypothesis_settings(max_examples=100, deadline=None)
def test_any_bytes_are_unsigned(body: bytes, signature: str):
    request = hook("/hooks/twilio/message", body=body, X_Twilio_Signature=signature)
    with pytest.raises(BadSignature):
        PLAIN.verify(request, None)


OUR_ID = "0f" * 16


@pytest.mark.parametrize(
    ("query", "message"),
    [(f"?m={OUR_ID}", OUR_ID), ("", ""), ("?m=", ""), ("?m=../x", ""), (f"?m={OUR_ID}0", ""), (f"?n=1&m={OUR_ID}", OUR_ID)],
)  # fmt: skip
def test_a_report_names_our_own_message_where_its_address_does(query: str, message: str):
    request = signed(OURS, f"/hooks/twilio/status{query}", REPORTS["sent"])
    PLAIN.verify(request, None)
    assert PLAIN.parse(request, "status")[0].message == message


# --- answers


@pytest.mark.parametrize("kind", ["message", "status"])
def test_hooks_are_acknowledged_with_an_empty_document(kind: str):
    answer = PLAIN.render(kind, "never said here", final=False)
    assert answer.status_code == 200
    assert answer.get_data() == b'<?xml version="1.0" encoding="UTF-8"?><Response />'
    assert answer.mimetype == "text/xml"


def test_while_the_store_is_away_the_hook_fails_and_nothing_comes_again_by_itself():
    answer = PLAIN.render_down("message", "Plus tard")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert PLAIN.resends_for == 0


# --- sending, by the real library over HTTP


def refused(gateway: Twilio, message: Outbound = SMS) -> SendError:
    with pytest.raises(SendError) as caught:
        gateway.send(message)
    return caught.value


def test_an_sms_is_handed_over_with_sender_and_status_address(twilio: Twilio, stand_in: StandIn):
    sent = twilio.send(replace(SMS, status_url="https://maraba.example.org/hooks/twilio/status"))
    [taken] = stand_in.messages
    assert (taken.to, taken.text, taken.sender) == (AMINA, "Sannu", "+12025550123")
    assert taken.status_url == "https://maraba.example.org/hooks/twilio/status?m=m1"
    assert (sent.external_id, sent.parts) == (taken.external_id, 1)


def test_a_whatsapp_text_goes_from_prefix_to_prefix(twilio: Twilio, stand_in: StandIn):
    twilio.send(WHATSAPP)
    [taken] = stand_in.messages
    assert (taken.to, taken.sender) == ("whatsapp:" + AMINA, "whatsapp:+12025550123")
    assert taken.status_url == ""


def test_choices_are_written_below_the_text(twilio: Twilio, stand_in: StandIn):
    twilio.send(replace(WHATSAPP, text="Urgent ?", buttons=(Button("yes", "Oui"), Button("no", "Non"))))
    assert stand_in.messages[0].text == "Urgent ?\n1 Oui\n2 Non"


def test_a_number_as_payload_is_its_own_key_and_nothing_is_listed_twice():
    assert with_choices("Menu\n1 Dossier", (Button("1", "Dossier"), Button("9", "Parler en privé"))) == (
        "Menu\n1 Dossier\n9 Parler en privé"
    )


def test_the_key_of_a_choice_stands_behind_the_fingerprint_of_its_question():
    buttons = (Button("0a1b2c3d:1", "Mon dossier"), Button("0a1b2c3d:5", "Langue"))
    assert with_choices("Bienvenue.", buttons) == "Bienvenue.\n1 Mon dossier\n5 Langue"


def test_a_long_choice_stands_whole_below_the_text_and_once():
    long = "Matériel, formation, transport"
    text = f"Besoin de quoi ?\n3 {long}\n0 Menu"
    assert with_choices(text, (Button("0a1b2c3d:3", long),)) == text
    assert with_choices("Besoin de quoi ?", (Button("0a1b2c3d:3", long),)) == f"Besoin de quoi ?\n3 {long}"


CODES = {
    20003: ("20003", True, False),
    20005: ("20005", True, False),
    20429: ("20429", True, False),
    21211: ("21211", False, False),
    21408: ("21408", False, False),
    21610: ("21610", False, True),
    21614: ("21614", False, False),
    21617: ("21617", False, False),
    30003: ("30003", True, False),
    30008: ("30008", True, False),
    63016: ("63016", False, False),
    63018: ("63018", True, False),
}


@pytest.mark.parametrize("code", list(CODES))
def test_an_error_code_is_read_by_the_table(twilio: Twilio, stand_in: StandIn, code: int):
    stand_in.refuse(code)
    error = refused(twilio)
    assert (error.code, error.retryable, error.suppress) == CODES[code]
    assert error.account == (code in {20003, 20005})
    assert not error.unknown


@pytest.mark.parametrize(
    ("status", "retryable", "unknown"),
    [(404, False, False), (429, True, False), (500, True, False), (503, True, False), (502, False, True), (504, False, True)],
)  # fmt: skip
def test_an_http_error_keeps_its_status(
    twilio: Twilio, stand_in: StandIn, status: int, *, retryable: bool, unknown: bool
):
    stand_in.fail(status, retry_after="7")
    error = refused(twilio)
    assert (error.code, error.retryable, error.unknown) == (f"http_{status}", retryable, unknown)
    assert error.retry_after == (7.0 if retryable else None)


def test_a_rate_limit_keeps_the_wait_that_twilio_asks_for(twilio: Twilio):
    case = payloads("twilio/errors")["cases"]["20429"]
    with responses.RequestsMock() as api:
        url = f"{twilio._settings.twilio_api_url}/2010-04-01/Accounts/{OURS.twilio_account_sid}/Messages.json"
        api.post(url, status=429, json=case["body"], headers={"Retry-After": "12"})
        error = refused(twilio)
    assert (error.code, error.retryable, error.retry_after) == ("20429", True, 12.0)


def test_nobody_listening_may_be_tried_again(twilio: Twilio, stand_in: StandIn):
    stand_in.stop()
    error = refused(twilio)
    assert (error.code, error.retryable, error.unknown) == ("no_connection", True, False)


def test_a_read_time_out_is_unknown_and_never_retryable(
    twilio: Twilio, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("handlers.twilio_api.TIMEOUT", 0.2)
    stand_in.slow(0.6)
    error = refused(twilio)
    assert (error.code, error.retryable, error.unknown) == ("read_timeout", False, True)
    assert len(stand_in.messages) == 1, "it was taken: a second call would have sent it twice"


def test_a_line_cut_after_the_message_was_taken_is_unknown(twilio: Twilio, stand_in: StandIn):
    twilio.send(SMS)
    stand_in.vanish(0.0)
    error = refused(twilio)
    assert (error.code, error.retryable, error.unknown) == ("connection_lost", False, True)


def test_calls_wait_for_seconds_and_not_for_ever():
    assert 0 < TIMEOUT <= 10


@pytest.mark.parametrize("body", ["", "ok", "[]", "{}", "null", '{"sid": null}'])
def test_a_reply_that_can_t_be_read_leaves_the_message_unknown(twilio: Twilio, body: str):
    with responses.RequestsMock() as api:
        url = f"{twilio._settings.twilio_api_url}/2010-04-01/Accounts/{OURS.twilio_account_sid}/Messages.json"
        api.post(url, status=201, body=body)
        error = refused(twilio)
    assert (error.code, error.unknown) == ("unreadable_reply", True)


def test_what_no_hook_brought_is_found_in_the_list_oldest_first(twilio: Twilio, stand_in: StandIn):
    moment = datetime(2026, 3, 2, 9, tzinfo=UTC)
    for minute, name in enumerate(["sms", "wa_voice"]):
        form = MESSAGES[name] | {"MessageSid": f"SM{minute}"}
        stand_in.keep(form, at=(moment + timedelta(minutes=minute)).timestamp())
    stand_in.keep(MESSAGES["sms"] | {"From": "DAWOWA"})
    twilio.send(SMS)
    first, second = twilio.missed(moment)
    assert (first.external_id, first.channel, first.text, first.media) == (
        "SM0",
        Channel.SMS,
        MESSAGES["sms"]["Body"],
        "",
    )
    assert (second.external_id, second.channel, second.media) == ("SM1", Channel.WHATSAPP, "other")
    assert (first.sent_at, second.sent_at) == (moment, moment + timedelta(minutes=1))


def test_a_call_whose_hooks_failed_is_found_in_the_list_too(twilio: Twilio, stand_in: StandIn):
    stand_in.keep(MESSAGES["sms"] | {"MessageSid": "SM1"}, at=NOW.timestamp() + 60)
    odd = {"CA2": {"Direction": "outbound-api"}, "CA3": {"From": "anonymous"}, "CA4": {"From": "sip:a@b.example"}}
    for sid, more in {RINGING["CallSid"]: {}, **odd}.items():
        stand_in.ring(RINGING | {"CallSid": sid} | more, at=NOW.timestamp())
    stand_in.ring(RINGING | {"CallSid": "CA5"}, at=NOW.timestamp() - 1)
    call, text = twilio.missed(NOW)
    assert call == Inbound("twilio", RINGING["CallSid"], Channel.VOICE, "+22790123456", "", NOW, to="+15005550006")
    assert [call] == parse("voice", RINGING)  # the same event as its hooks': nothing is opened twice
    assert text.external_id == "SM1"


def test_a_list_that_can_t_be_had_is_an_error(twilio: Twilio, stand_in: StandIn):
    stand_in.fail(503)
    with pytest.raises(SendError) as caught:
        twilio.missed(NOW)
    assert caught.value.retryable


def test_without_an_account_nothing_is_sent(configured: Callable[..., Settings], stand_in: StandIn):
    error = refused(Twilio(configured(twilio_api_url=stand_in.url, twilio_account_sid="", twilio_auth_token="")))
    assert (error.code, error.account) == ("20003", True)


def test_each_thread_has_a_client_of_its_own(twilio: Twilio, stand_in: StandIn):
    clients: list[object] = []
    gate = threading.Barrier(3)

    def send() -> None:
        gate.wait()
        twilio.send(SMS)
        clients.append(twilio._api.own_client()[1])

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(client) for client in clients}) == 3
    assert len(stand_in.messages) == 3


def test_no_number_and_no_text_is_logged_or_stands_in_an_error(
    twilio: Twilio, stand_in: StandIn, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    twilio.send(SMS)
    stand_in.refuse(21211)
    error = refused(twilio)
    assert AMINA not in repr(error)
    assert error.__suppress_context__
    assert AMINA[1:] not in caplog.text
    assert "Sannu" not in caplog.text


def test_ussd_is_not_carried(twilio: Twilio):
    assert refused(twilio, replace(SMS, channel=Channel.USSD)).code == "channel_not_carried"


def test_in_development_nothing_leaves_to_a_real_host(configured: Callable[..., Settings]):
    gateway = Twilio(configured(twilio_api_url="https://api.twilio.com"))
    with responses.RequestsMock():  # any call would be an error of its own
        assert refused(gateway).code == "not_in_development"
