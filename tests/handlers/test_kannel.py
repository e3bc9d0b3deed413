import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import responses
from flask import Request
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.config import Settings
from bot.errors import BadSignature, Ignored, RefusedForGood, SendError, WebhookError
from bot.messages import Channel, Inbound, Outbound, StatusReport
from bot.reasons import Why, why
from bot.text import gsm7
from handlers.kannel import FIELDS, REFUSALS, STATES, TIMEOUT, Kannel, part_header
from tests.handlers.conftest import NOW
from tests.handlers.payloads import hook, payloads
from tests.standin import StandIn

AMINA = "+22790123456"
MESSAGE = Outbound("0f3a5b7c9d1e2f30415263748596a7b8", Channel.SMS, AMINA, "Sannu")
LONG = "é{ " * 90  # 360 septets: three parts
PLAIN = Kannel(Settings(), clock=lambda: NOW)
MESSAGES, STATUS, SEND = (payloads(f"kannel/{name}") for name in ("message", "status", "send"))


def asked(kind: str, query: str) -> Request:
    return hook(f"/hooks/kannel/dev/{kind}?{query}")


def parse(kind: str, query: str) -> list[Any]:
    return list(PLAIN.parse(asked(kind, query), kind))


def each(table: dict[str, Any]) -> Any:
    return pytest.mark.parametrize("case", list(table.values()), ids=list(table))


# --- who may call


def test_either_secret_is_taken_while_it_rotates(configured: Callable[..., Settings]):
    gateway = Kannel(configured(hook_secret="new-secret,old-secret"))
    for secret in ("new-secret", "old-secret"):
        gateway.verify(hook("/"), secret)


@pytest.mark.parametrize("secret", ["", None, "de", "devv", "dév"])
def test_another_secret_is_refused(secret: str | None):
    with pytest.raises(BadSignature) as refused:
        PLAIN.verify(hook("/"), secret)
    assert refused.value.status == 403


# --- messages


@each(MESSAGES["good"])
def test_a_message_is_taken_letter_by_letter(case: dict[str, str]):
    [event] = parse("message", case["query"])
    assert isinstance(event, Inbound)
    assert (event.text, event.address, event.to) == (case["text"], AMINA, "321")
    assert (event.gateway, event.channel, event.sent_at) == ("kannel", Channel.SMS, NOW)


def test_a_message_keeps_the_id_and_the_hour_that_kannel_gave_it():
    query = MESSAGES["good"]["ascii"]["query"].replace("1772443800", "1772440200")
    [event] = parse("message", query)
    assert event.external_id == "79863e74-0000-4000-8000-000000000001"
    assert event.sent_at == NOW - timedelta(hours=1)


@pytest.mark.parametrize("ts", ["", "soon", "-1", "99999999999", "999999999999999999", "%D9%A1"])
def test_an_hour_that_is_none_or_to_come_is_now(ts: str):
    [event] = parse("message", MESSAGES["good"]["ascii"]["query"].replace("ts=1772443800", f"ts={ts}"))
    assert event.sent_at == NOW


def test_a_long_message_is_taken_whole():
    text = "ب" * 2000
    query = dict(parse_qsl(MESSAGES["good"]["ascii"]["query"])) | {"text": text}
    assert parse("message", urlencode(query))[0].text == text


@each(MESSAGES["dropped"])
def test_a_message_that_will_never_be_right_is_not_asked_for_again(case: str):
    with pytest.raises((RefusedForGood, Ignored)) as refused:
        parse("message", case)
    assert refused.value.status == 200


@each(MESSAGES["repeated"])
def test_what_the_configuration_does_wrong_comes_again(case: str):
    with pytest.raises(WebhookError) as refused:
        parse("message", case)
    assert refused.value.status == 400


@pytest.mark.parametrize("text", ["x" * 4097, "x" * 70_000])
def test_a_text_without_end_is_dropped(text: str):
    query = dict(parse_qsl(MESSAGES["good"]["ascii"]["query"])) | {"text": text}
    with pytest.raises(RefusedForGood):
        parse("message", urlencode(query))


def test_refusals_name_fields_and_no_value():
    with pytest.raises(RefusedForGood) as refused:
        parse("message", MESSAGES["dropped"]["an operator's word for a sender"])
    assert "Airtel" not in str(refused.value)


def test_an_unknown_hook_comes_again():
    with pytest.raises(WebhookError) as refused:
        parse("sms", MESSAGES["good"]["ascii"]["query"])
    assert refused.value.status == 400


def test_while_the_store_is_away_kannel_is_asked_to_come_again():
    for kind in FIELDS:
        assert PLAIN.render_down(kind, "Plus tard").status_code == 503
        assert PLAIN.render(kind, None, final=False).status_code == 200


# --- delivery reports


@each(STATUS["good"])
def test_a_report_is_about_our_own_message(case: dict[str, str]):
    [report] = parse("status", case["query"])
    assert isinstance(report, StatusReport)
    assert (report.external_id, report.message, report.gateway) == ("5f0c", "5f0c", "kannel")
    assert (report.state, report.code) == (case["state"], case["code"])


def test_every_kind_of_report_is_tried():
    tried = {dict(parse_qsl(case["query"]))["status"] for case in STATUS["good"].values()}
    assert tried >= STATES.keys()


def test_a_report_tells_which_part_it_is_about():
    [report] = parse("status", "m=5f0c&part=2&parts=3&status=1&answer=")
    assert (report.part, report.parts) == (2, 3)


@each(STATUS["dropped"])
def test_a_report_that_will_never_be_right_is_not_asked_for_again(case: str):
    with pytest.raises(RefusedForGood):
        parse("status", case)


@each(STATUS["repeated"])
def test_a_report_without_its_fields_comes_again(case: str):
    with pytest.raises(WebhookError) as refused:
        parse("status", case)
    assert refused.value.status == 400


@given(st.sampled_from(sorted(FIELDS)), st.binary(max_size=300))
@hypothesis_settings(max_examples=100, deadline=None)
def test_any_bytes_are_parsed_or_refused(kind: str, raw: bytes):
    try:
        found = parse(kind, raw.decode("latin-1"))
    except WebhookError:
        return
    assert isinstance(found, list)


@given(
    st.sampled_from(sorted(FIELDS)),
    st.dictionaries(st.sampled_from(sorted(frozenset.union(*FIELDS.values()))), st.text(st.characters(codec="utf-8"))),
)
@hypothesis_settings(max_examples=150, deadline=None)
def test_a_whole_query_with_odd_values_is_parsed_or_refused(kind: str, odd: dict[str, str]):
    whole = dict(parse_qsl(MESSAGES["good"]["ascii"]["query"], keep_blank_values=True))
    whole |= {"m": "5f0c", "part": "1", "parts": "2", "status": "1", "answer": ""}
    try:
        [event] = parse(kind, urlencode(whole | odd))
    except WebhookError:
        return
    assert event.gateway == "kannel"


# --- sending


def refused(gateway: Kannel, message: Outbound = MESSAGE) -> SendError:
    with pytest.raises(SendError) as caught:
        gateway.send(message)
    return caught.value


def test_an_sms_is_handed_over_and_our_own_id_is_its_name(kannel: Kannel, stand_in: StandIn):
    sent = kannel.send(replace(MESSAGE, text="Kit: 50 % & plus"))
    [taken] = stand_in.messages
    assert (taken.to, taken.text, taken.sender) == (AMINA, "Kit: 50 % & plus", "321")
    assert sent.external_id == MESSAGE.id == taken.external_id
    assert sent.parts == 1


def test_reports_come_to_our_hook_with_every_word_that_kannel_fills_in(kannel: Kannel, stand_in: StandIn):
    kannel.send(MESSAGE)
    url = urlsplit(stand_in.messages[0].status_url)
    assert f"{url.scheme}://{url.netloc}{url.path}" == "https://maraba.example.org/hooks/kannel/dev/status"
    asked_for = dict(parse_qsl(url.query))
    assert asked_for == {"m": MESSAGE.id, "part": "1", "parts": "1", "status": "%d", "answer": "%A"}
    assert asked_for.keys() >= FIELDS["status"]


def test_reports_come_by_the_way_that_is_set_for_them(configured: Callable[..., Settings], stand_in: StandIn):
    settings = configured(kannel_api_url=stand_in.url, kannel_hook_url="http://127.0.0.1:8000/", hook_secret="a b,c")
    Kannel(settings).send(MESSAGE)
    assert stand_in.messages[0].status_url.startswith("http://127.0.0.1:8000/hooks/kannel/a%%20b/status?m=")


@pytest.mark.parametrize("text", ["Sannu @£$¥ {x} € é à ñ", "ƙasa", "سلام", "🙏", "l’eau", "ç", " a  b \n", "", LONG,
                                  "ب" * 200, "🙏" * 80, "x" * 160, "x" * 161])  # fmt: skip
def test_kannel_gets_each_part_in_an_alphabet_that_has_all_its_letters(kannel: Kannel, text: str):
    cut = gsm7.segments(text)
    with responses.RequestsMock() as api:
        api.post(f"{kannel._base}/cgi-bin/sendsms", status=202, body="0: Accepted for delivery")
        sent = kannel.send(replace(MESSAGE, text=text))
        calls = [call.request for call in api.calls]
    assert sent.parts == len(calls) == len(cut.parts)
    assert "".join((call.body or b"").decode() for call in calls) == text
    assert {call.headers["X-Kannel-Coding"] for call in calls} == {"0" if cut.encoding == "GSM-7" else "2"}
    assert [call.headers["X-Kannel-DLR-Mask"] for call in calls] == ["19"] * (len(calls) - 1) + ["31"]
    headers = [call.headers.get("X-Kannel-UDH") for call in calls]
    if len(calls) == 1:
        assert headers == [None]
    else:
        assert headers == [part_header(MESSAGE.id, part, len(calls)) for part in range(1, len(calls) + 1)]


def test_neither_password_nor_text_nor_number_stands_in_an_address(kannel: Kannel):
    with responses.RequestsMock() as api:
        api.post(f"{kannel._base}/cgi-bin/sendsms", status=202, body="0: Accepted for delivery")
        kannel.send(MESSAGE)
        assert api.calls[0].request.url == f"{kannel._base}/cgi-bin/sendsms"


def test_the_header_of_a_part_is_that_of_the_standard():
    length, kind, rest, reference, parts, part = bytes.fromhex(part_header("m1", 2, 3))
    assert (length, kind, rest, parts, part) == (5, 0, 3, 3, 2)
    assert bytes.fromhex(part_header("m1", 3, 3))[3] == reference
    assert len({bytes.fromhex(part_header(f"m{number}", 1, 2))[3] for number in range(200)}) > 100


def test_a_message_taken_for_later_is_taken(kannel: Kannel):
    with responses.RequestsMock() as api:
        api.post(f"{kannel._base}/cgi-bin/sendsms", status=202, body=SEND["queued"]["body"])
        assert kannel.send(MESSAGE).external_id == MESSAGE.id


@each(SEND["refusals"])
def test_a_refusal_is_known_by_its_words(kannel: Kannel, case: dict[str, Any]):
    with responses.RequestsMock() as api:
        api.post(f"{kannel._base}/cgi-bin/sendsms", status=case["http_status"], body=case["body"])
        error = refused(kannel)
    assert error.code == case["code"]
    assert error.account == (case["code"] == "authorization_failed")
    assert error.retryable == (case["code"] in {"authorization_failed", "http_503"})
    assert not error.unknown
    assert why(kannel.reasons, error.code) is not Why.OTHER


def test_every_refusal_of_the_table_has_a_cause():
    assert {make().code for make in REFUSALS.values()} <= PLAIN.reasons.keys()


def test_a_refusal_in_the_middle_tells_what_was_taken_and_the_rest_follows(kannel: Kannel, stand_in: StandIn):
    message = replace(MESSAGE, text=LONG)
    stand_in.slow(0.0, times=1)
    stand_in.fail(503, times=1)
    error = refused(kannel, message)
    assert (error.retryable, error.parts_taken) == (True, 1)
    stand_in.fail(503, times=1)
    again = refused(kannel, replace(message, parts_taken=1))
    assert again.parts_taken == 1
    assert kannel.send(replace(message, parts_taken=1)).parts == 3
    assert tuple(taken.text for taken in stand_in.messages) == gsm7.segments(LONG).parts


def test_a_read_time_out_in_the_middle_is_unknown_with_the_parts_before_it(
    kannel: Kannel, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("handlers.kannel.TIMEOUT", (1.0, 0.2))
    stand_in.slow(0.0, times=2)
    stand_in.slow(0.6)
    error = refused(kannel, replace(MESSAGE, text=LONG))
    assert (error.code, error.retryable, error.unknown, error.parts_taken) == ("read_timeout", False, True, 2)


def test_a_message_whose_parts_were_all_taken_needs_no_call(kannel: Kannel, stand_in: StandIn):
    stand_in.stop()
    assert kannel.send(replace(MESSAGE, text=LONG, parts_taken=3)).parts == 3


def test_a_line_cut_after_the_message_was_taken_is_unknown(kannel: Kannel, stand_in: StandIn):
    stand_in.vanish(0.0)
    error = refused(kannel)
    assert (error.code, error.unknown, error.retryable) == ("connection_lost", True, False)
    assert len(stand_in.messages) == 1


def test_nobody_listening_may_be_tried_again(kannel: Kannel, stand_in: StandIn):
    stand_in.stop()
    error = refused(kannel, replace(MESSAGE, text=LONG, parts_taken=1))
    assert (error.code, error.retryable, error.unknown, error.parts_taken) == ("no_connection", True, False, 1)


@pytest.mark.parametrize(
    ("status", "retryable", "unknown"),
    [(302, False, False), (404, False, False), (500, True, False), (502, False, True), (200, False, True)],
)
def test_an_answer_that_is_not_kannels_own(kannel: Kannel, status: int, *, retryable: bool, unknown: bool):
    with responses.RequestsMock() as api:
        api.post(f"{kannel._base}/cgi-bin/sendsms", status=status, body="out of order", headers={"Location": "/"})
        error = refused(kannel)
        assert len(api.calls) == 1
    assert (error.retryable, error.unknown) == (retryable, unknown)


def test_one_connection_is_kept(kannel: Kannel, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch):
    opened: list[object] = []
    accept = type(stand_in._server).process_request
    monkeypatch.setattr(
        type(stand_in._server), "process_request", lambda *args: (opened.append(args[1]), accept(*args))[1]
    )
    kannel.send(replace(MESSAGE, text=LONG))
    kannel.send(MESSAGE)
    assert len(opened) == 1


def test_no_proxy_stands_before_this_machine(kannel: Kannel, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    kannel.send(MESSAGE)
    assert len(stand_in.messages) == 1


@pytest.mark.parametrize("to", ["+227901٢3456", "+22790123456\r\nX: y", "22790123456", "", "whatsapp:NE.1"])
def test_what_is_no_number_is_not_sent(kannel: Kannel, stand_in: StandIn, to: str):
    assert refused(kannel, replace(MESSAGE, to=to)).code == "bad_number"
    assert stand_in.messages == []


def test_a_text_of_more_parts_than_are_counted_is_not_sent(kannel: Kannel, stand_in: StandIn):
    assert refused(kannel, replace(MESSAGE, text="x" * 9_640)).code == "text_too_long"
    assert stand_in.messages == []


def test_only_sms_can_be_sent(kannel: Kannel):
    for channel in set(Channel) - {Channel.SMS}:
        assert refused(kannel, replace(MESSAGE, channel=channel)).code == "channel_not_carried"


def test_in_development_nothing_leaves_to_a_real_host(configured: Callable[..., Settings]):
    assert refused(Kannel(configured(kannel_api_url="http://192.0.2.1:13013"))).code == "not_in_development"


def test_calls_wait_for_seconds_and_not_for_ever():
    assert 0 < TIMEOUT[0] <= 5
    assert 0 < TIMEOUT[1] <= 10


def test_the_clock_of_the_gateway_is_the_machines_own():
    before = time.time()
    query = MESSAGES["good"]["ascii"]["query"].replace("ts=1772443800", "ts=")
    [event] = Kannel(Settings()).parse(asked("message", query), "message")
    assert before - 1 <= event.sent_at.timestamp() <= time.time() + 1
    assert event.sent_at.tzinfo is UTC
    assert isinstance(event.sent_at, datetime)
