"""A gateway made of a file: the invented aggregator of docs/examples/aggregator-xml.yaml, and files of the tests' own."""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.config import ROOT, Settings
from bot.errors import BadPayload, BadSignature, ConfigError, SendError, WebhookError
from bot.gateway import Exchange
from bot.messages import Channel, Delivery, Inbound, OptOut, Outbound, SessionEnded, StatusReport
from bot.reasons import Why
from handlers import described, registry
from handlers.described import places, spec
from tests.handlers.conftest import NOW
from tests.handlers.payloads import hook, payloads
from tests.standin import niamey_link
from tests.standin.niamey_link import TYPE, NiameyLink, fields, signature

EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.yaml"))
XML_EXAMPLE = ROOT / "docs" / "examples" / "aggregator-xml.yaml"
AMINA = "+22790123456"
SESSION = "NL-S-4471"
MESSAGE = Outbound("m1", Channel.SMS, AMINA, "Sannu")
ODD, HOSTILE = (payloads(f"described/ussd-{name}")["cases"] for name in ("odd", "hostile"))


@pytest.fixture
def link(configured: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> described.Described:
    for name, value in niamey_link.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return described.Described(described.read(XML_EXAMPLE), configured(), clock=lambda: NOW)


def request_of(kind: str, body: str) -> Any:
    data = body.encode()
    return hook(f"/hooks/niamey-link/{kind}", body=data, content_type=TYPE, X_NL_Signature=signature(data))


def asked(link: described.Described, body: str, kind: str = "ussd") -> tuple[Exchange, list[Any]]:
    exchange, request = link.exchange(), request_of(kind, body)
    exchange.verify(request, None)
    return exchange, list(exchange.parse(request, kind))


# --- the aggregator that speaks XML


def test_a_session_by_steps_is_one_message_a_step(link: described.Described):
    table = payloads("described/ussd-session")["cases"]
    found = [asked(link, body)[1][0] for body in table.values()]
    assert [(one.text, one.step) for one in found] == [("", 2), ("1", 3), ("1", 4), ("Maradi", 5)]
    assert len({one.external_id for one in found}) == 4
    assert {(one.session, one.address, one.channel, one.to) for one in found} == {
        (SESSION, AMINA, Channel.USSD, "*321#")
    }
    assert asked(link, table["first"])[1] == [found[1]]


@pytest.mark.parametrize("name", list(ODD))
def test_odd_but_legal_xml_is_read_alike(link: described.Described, name: str):
    [found] = asked(link, ODD[name])[1]
    assert (found.text, found.step, found.session, found.address) == ("1", 3, SESSION, AMINA)


@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile_xml_is_refused_however_well_it_is_signed(link: described.Described, name: str):
    with pytest.raises((BadPayload, BadSignature)) as refused:  # a body that is not there can't be signed
        asked(link, HOSTILE[name])
    assert "90" not in str(refused.value)


def test_a_body_over_the_limit_is_not_even_read(link: described.Described):
    with pytest.raises(BadSignature):
        asked(link, "<ussd>" + "x" * 70_000 + "</ussd>")


@pytest.mark.parametrize("kind", ["timeout", "ABORT"])
def test_a_session_that_ended_is_no_message(link: described.Described, kind: str):
    body = payloads("described/ussd-session")["cases"]["word"].replace("continue", kind)
    exchange, found = asked(link, body)
    assert found == [SessionEnded("niamey-link", AMINA, SESSION, kind)]
    assert "Maradi" not in repr(found)
    assert exchange.render("ussd", None, final=True).get_data() == b"<ok/>"


def test_the_answer_repeats_what_the_request_named_and_is_escaped(link: described.Described):
    body = payloads("described/ussd-session")["cases"]["first"].replace("T-2", "&lt;/ussd&gt;&quot;")
    exchange, _ = asked(link, body)
    text = '1 Oui & <non>\n2 "l\'eau" ]]>\x0c'
    for final, action in ((False, "continue"), (True, "end")):
        answer = exchange.render("ussd", text, final=final)
        assert answer.headers["Content-Type"] == "application/xml"
        assert fields(answer.get_data()) == {
            "transaction": '</ussd>"',
            "session": SESSION,
            "action": action,
            "message": text.replace("\x0c", ""),
        }
    down = exchange.render_down("ussd", "Plus tard")
    assert (down.status_code, fields(down.get_data())["action"]) == (200, "end")


def test_answers_of_one_gateway_at_the_same_time_do_not_mix(link: described.Described):
    table = payloads("described/ussd-session")["cases"]
    first, second = asked(link, table["first"])[0], asked(link, table["word"])[0]
    shown = [fields(one.render("ussd", "x", final=False).get_data())["transaction"] for one in (first, second)]
    assert shown == ["T-2", "T-4"]


@pytest.mark.parametrize("name", list(payloads("described/sms")["cases"]))
def test_an_sms_is_one_message(link: described.Described, name: str):
    case = payloads("described/sms")["cases"][name]
    exchange, found = asked(link, case["body"], "sms")
    sent_at = datetime(2026, 3, 2, 9, 20, 11, tzinfo=UTC)  # 10:20 in Niamey
    assert found == [Inbound("niamey-link", "NL-M-1", Channel.SMS, AMINA, case["text"], sent_at, to="321")]
    assert exchange.render("sms", None, final=True).get_data() == b"<ok/>"
    assert exchange.render_down("sms", "Plus tard").status_code == 503


OURS = "0f3a5b7c9d1e4f30a15263748596a7b8"
REPORTS = {
    "ACCEPTD": (Delivery.SENT, "", OURS),
    "DELIVRD": (Delivery.DELIVERED, "", OURS),
    "delivrd": (Delivery.DELIVERED, "", OURS),
    "UNDELIV": (Delivery.FAILED, "absent_subscriber", OURS),
    "EXPIRED": (Delivery.FAILED, "EXPIRED", OURS),
    "blacklisted": (Delivery.FAILED, "blacklisted", OURS),
    "unknown_word": (Delivery.SENT, "SLEEPING", OURS),
    "odd_reason": (Delivery.FAILED, "unreadable", OURS),
    "no_reference": (Delivery.DELIVERED, "", ""),
    "odd_reference": (Delivery.DELIVERED, "", ""),
}


@pytest.mark.parametrize("name", list(payloads("described/status")["cases"]))
def test_a_delivery_report_becomes_a_state(link: described.Described, name: str):
    _, found = asked(link, payloads("described/status")["cases"][name], "status")
    state, code, message = REPORTS[name]
    assert found[0] == StatusReport("niamey-link", "NL-O-7", state, code, message)
    assert [type(one) for one in found[1:]] == ([OptOut] if name == "blacklisted" else [])


def test_a_report_may_name_our_own_id_alone(small: Callable[..., described.Described]):
    gateway = small(hooks__status={"is": "delivery", "message": "ref", "state": "s", "words": {"ok": "delivered"}})
    [found] = gateway.parse(hook("/", {"ref": OURS, "s": "OK"}), "status")
    assert found == StatusReport("small-one", "", Delivery.DELIVERED, "", OURS)
    with pytest.raises(BadPayload):
        gateway.parse(hook("/", {"ref": "m1", "s": "OK"}), "status")


@pytest.mark.parametrize(
    "given",
    ["", "sha256=", "sha256=00", "00", signature(b"other"), signature(b"").upper(), "sha256=é"],
)
def test_a_wrong_signature_is_refused(link: described.Described, given: str):
    body = payloads("described/ussd-session")["cases"]["first"].encode()
    request = hook("/hooks/niamey-link/ussd", body=body, content_type=TYPE, X_NL_Signature=given)
    with pytest.raises(BadSignature):
        link.exchange().verify(request, None)


def test_a_secret_in_the_path_is_no_way_round_the_signature(link: described.Described):
    request = request_of("ussd", payloads("described/ussd-session")["cases"]["first"])
    with pytest.raises(BadSignature):
        link.exchange().verify(request, "dev")


@given(st.binary(max_size=300))
@hypothesis_settings(max_examples=100, deadline=None)
def test_any_bytes_are_xml_and_json_or_refused(body: bytes):
    for read in (places.of_xml, places.of_json):
        try:
            found = read(body)
        except BadPayload:
            continue
        assert all(isinstance(value, str) for value in found.values())


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"a": {"b": [1, 2.50, null, true]}, "c": "x\\u0000y"}',
         {"a/b/0": "1", "a/b/1": "2.50", "a/b/3": "true", "c": "xy"}),
        (b'{"a": [], "b": {}}', {"a": "", "b": ""}),
        (b'"x"', {"": "x"}),
    ],
)  # fmt: skip
def test_json_is_flat_fields(body: bytes, found: dict[str, str]):
    assert places.of_json(body) == found


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "a": 2}', b'{"a": {"b": 1}, "a/b": 2}', b"[" * 5000 + b"]" * 5000, b'{"a":' * 20 + b"1" + b"}" * 20,
        b"[" + b"1," * 300 + b"1]", b"{", b"", b"\xff", b"{'a': 1}",
    ],
)  # fmt: skip
def test_json_that_is_odd_deep_or_endless_is_refused(body: bytes):
    with pytest.raises(BadPayload):
        places.of_json(body)


# --- sending


@pytest.fixture
def aggregator(monkeypatch: pytest.MonkeyPatch) -> Iterator[NiameyLink]:
    with NiameyLink() as running:
        monkeypatch.setenv("NIAMEY_LINK_API_URL", running.url)
        yield running


@pytest.fixture
def sending(aggregator: NiameyLink, link: described.Described, configured: Callable[..., Settings]) -> Any:
    return described.Described(described.read(XML_EXAMPLE), configured())


def test_an_sms_is_handed_over_as_the_file_says(sending: described.Described, aggregator: NiameyLink):
    sent = sending.send(replace(MESSAGE, text='Kit: <l\'eau> & "100 %"'))
    [taken] = aggregator.taken
    assert taken == {
        "from": "321",
        "to": "22790123456",
        "reference": "m1",
        "alphabet": "latin",
        "report": "https://maraba.example.org/hooks/niamey-link/status",
        "text": 'Kit: <l\'eau> & "100 %"',
        "id": "NL-O-1",
    }
    assert (sent.external_id, sent.parts) == ("NL-O-1", 1)


def test_a_text_outside_gsm_7_says_so(sending: described.Described, aggregator: NiameyLink):
    sending.send(replace(MESSAGE, text="سلام"))
    assert aggregator.taken[0]["alphabet"] == "unicode"


def status(code: int | str) -> str:
    return f"<response><status>{code}</status></response>"


@pytest.mark.parametrize(
    ("answer", "code", "flags"),
    [
        ((200, status(21)), "unknown_subscriber", set()),
        ((200, status(30)), "blacklisted", {"suppress"}),
        ((403, status(40)), "bad_login", {"account"}),
        ((200, status("NO_CREDIT")), "no_credit", {"account"}),
        ((200, status(50)), "busy", {"retryable"}),
        ((400, status(99)), "http_400", set()),
        ((503, "busy"), "http_503", {"retryable"}),
        ((504, ""), "http_504", {"unknown"}),
        ((200, status(99)), "unreadable_reply", {"unknown"}),  # it may have been taken: never repeated by itself
        ((200, status(0)), "unreadable_reply", {"unknown"}),  # taken, but without an id
        ((200, "<html>"), "unreadable_reply", {"unknown"}),
        ((200, "<!DOCTYPE response>" + status(0)), "unreadable_reply", {"unknown"}),
        ((200, ""), "unreadable_reply", {"unknown"}),
    ],
)  # fmt: skip
def test_an_answer_that_takes_nothing_is_an_error(
    sending: described.Described, aggregator: NiameyLink, answer: tuple[int, str], code: str, flags: set[str]
):
    aggregator.answer = answer
    with pytest.raises(SendError) as caught:
        sending.send(MESSAGE)
    error = caught.value
    assert error.code == code
    assert {name for name in ("retryable", "unknown", "suppress", "account") if getattr(error, name)} == flags
    assert aggregator.taken == []


def test_what_codes_mean_is_told_in_one_vocabulary(link: described.Described):
    assert (link.reasons["no_credit"], link.reasons["absent_subscriber"]) == (Why.CREDIT, Why.PHONE_OFF)


def test_development_keeps_what_would_leave_to_a_real_host(
    link: described.Described, configured: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
):
    settings = configured(described_gateways=str(XML_EXAMPLE))
    assert not registry.outgoing_allowed(settings, "niamey-link")
    with pytest.raises(SendError, match="not_in_development"):
        link.send(MESSAGE)
    monkeypatch.setenv("NIAMEY_LINK_API_URL", "http://127.0.0.1:9")
    assert registry.outgoing_allowed(settings, "niamey-link")
    monkeypatch.delenv("NIAMEY_LINK_API_URL")
    assert registry.outgoing_allowed(configured(described_gateways=str(XML_EXAMPLE), env="production"), "niamey-link")


# --- files of one's own

SMALLEST = """
name: small-one
hooks:
  ussd: {is: ussd, session: sid, address: from, text: text, answer: {goes_on: "1{text}", ends: "0{text}"}}
"""


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """A file as SMALLEST, changed: `hooks__ussd__step="n"` sets one place, None takes it away."""

    def write(**changes: Any) -> Path:
        data = yaml.safe_load(SMALLEST)
        for path, value in changes.items():
            *way, last = path.split("__")
            at = data
            for name in way:
                at = at.setdefault(name, {})
            at[last] = value
            if value is None:
                del at[last]
        file = tmp_path / "small.yaml"
        file.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
        return file

    return write


@pytest.fixture
def small(written: Callable[..., Path], configured: Callable[..., Settings]) -> Callable[..., described.Described]:
    return lambda **changes: described.Described(described.read(written(**changes)), configured(), clock=lambda: NOW)


def test_the_smallest_file_of_the_page_is_a_gateway(tmp_path: Path):
    page = (ROOT / "docs" / "described-gateways.md").read_text(encoding="utf-8")
    file = tmp_path / "smallest.yaml"
    file.write_text(page.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    assert described.read(file).name == "sahel-ussd"


def test_every_field_of_the_format_stands_in_the_page():
    page = (ROOT / "docs" / "described-gateways.md").read_text(encoding="utf-8")
    shapes = (
        spec.Description,
        spec.Hook,
        spec.Answer,
        spec.Authentication,
        spec.Numbers,
        spec.Send,
        spec.Reply,
        spec.Code,
    )
    names = {field.alias or name for shape in shapes for name, field in shape.model_fields.items()}
    assert {name for name in names if not re.search(rf"\b{name}\b", page)} == set()


USSD = {"sid": "s1", "from": "90123456", "text": "1"}


def test_the_smallest_file_is_a_gateway(small: Callable[..., described.Described]):
    gateway = small()
    request = hook("/hooks/small-one/dev/ussd", USSD | {"from": AMINA})
    gateway.verify(request, "dev")
    assert gateway.parse(request, "ussd")[0] == Inbound(
        "small-one", f"s1\n{AMINA}\n1", Channel.USSD, AMINA, "1", NOW, session="s1"
    )
    assert gateway.render("ussd", "Merci", final=True).get_data() == b"0Merci"
    with pytest.raises(SendError, match="channel_not_carried"):
        gateway.send(MESSAGE)


def test_national_numbers_are_read_with_the_region_of_the_file(small: Callable[..., described.Described]):
    gateway = small(numbers={"read": "national", "region": "NE"})
    assert gateway.parse(hook("/", USSD), "ussd")[0].address == AMINA


@pytest.mark.parametrize(
    ("way", "number", "written_as"),
    [
        ("plus", AMINA, "+22790123456"),
        ("digits", AMINA, "22790123456"),
        ("zeros", AMINA, "0022790123456"),
        ("national", AMINA, "90123456"),
        ("national", "+2348031234567", "002348031234567"),
    ],
)
def test_numbers_are_sent_as_the_file_says(
    written: Callable[..., Path],
    configured: Callable[..., Settings],
    aggregator: NiameyLink,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    number: str,
    written_as: str,
):
    for name, value in niamey_link.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    description = described.read(XML_EXAMPLE)
    numbers = description.numbers.model_copy(update={"sent": way})
    gateway = described.Described(description.model_copy(update={"numbers": numbers}), configured())
    gateway.send(replace(MESSAGE, to=number))
    assert aggregator.taken[0]["to"] == written_as


def test_another_separator_becomes_our_own(small: Callable[..., described.Described]):
    gateway = small(hooks__ussd__separator="#")
    assert gateway.parse(hook("/", USSD | {"from": AMINA, "text": "1#2"}), "ussd")[0].text == "1*2"


def test_an_id_of_the_step_makes_a_repeat_the_same_turn(small: Callable[..., described.Described]):
    gateway = small(hooks__ussd__step_id="rid")
    first, again, next_one = (
        gateway.parse(hook("/", USSD | {"from": AMINA, "rid": rid}), "ussd")[0] for rid in ("a", "a", "b")
    )
    assert first.external_id == again.external_id != next_one.external_id
    assert first.step > 0


def test_a_promise_never_to_repeat_makes_every_request_a_turn(small: Callable[..., described.Described]):
    gateway = small(hooks__ussd__never_repeats=True)
    first, second = (gateway.parse(hook("/", USSD | {"from": AMINA}), "ussd")[0] for _ in range(2))
    assert first.external_id != second.external_id
    assert first.text == second.text == "1"


def test_a_get_carries_its_fields_in_the_address(small: Callable[..., described.Described]):
    gateway = small(hooks__ussd__method="GET", hooks__ussd__body="query")
    request = hook("/hooks/small-one/dev/ussd?sid=s1&from=%2B22790123456&text=1%2A2")
    request.environ["REQUEST_METHOD"] = "GET"
    request.method = "GET"
    assert gateway.methods == {"GET"}
    assert gateway.parse(request, "ussd")[0].text == "1*2"
    with pytest.raises(BadPayload):
        gateway.parse(hook("/", USSD), "ussd")


def test_json_is_read_by_path_and_answered_with_its_own_escapes(small: Callable[..., described.Described]):
    template = '{"sid": "{sid}", "more": true, "text": "{text}"}'
    gateway = small(
        hooks__ussd__body="json",
        hooks__ussd__session="ussd/sid",
        hooks__ussd__text="ussd/inputs/0?",
        hooks__ussd__echo={"sid": "ussd/sid"},
        hooks__ussd__answer={
            "content_type": "application/json",
            "goes_on": template,
            "ends": template.replace("true", "false"),
        },
    )
    request = hook(
        "/", body=b'{"ussd": {"sid": "s1", "inputs": ["2"]}, "from": 22790123456}', content_type="application/json"
    )
    exchange = gateway.exchange()
    assert exchange.parse(request, "ussd")[0].text == "2"
    answer = exchange.render("ussd", 'a "b"\n{sid}', final=False)
    assert answer.get_json() == {"sid": "s1", "more": True, "text": 'a "b"\n{sid}'}


def test_headers_may_tell_whether_it_goes_on(small: Callable[..., described.Described]):
    gateway = small(
        hooks__ussd__answer={
            "goes_on": "{text}",
            "ends": "{text}",
            "goes_on_headers": {"Freeflow": "FC"},
            "ends_headers": {"Freeflow": "FB"},
        }
    )
    shown = [gateway.render("ussd", "x", final=final).headers["Freeflow"] for final in (False, True)]
    assert shown == ["FC", "FB"]


@pytest.mark.parametrize(
    ("authentication", "headers", "form"),
    [
        ({"path_secret": False, "header": {"name": "X-Key", "equals": "key"}}, {"X_Key": "sésame"}, {}),
        ({"path_secret": False, "field": {"name": "token", "equals": "key"}}, {}, {"token": "sésame"}),
        ({"path_secret": False, "basic": {"user": "user", "password": "key"}},
         {"Authorization": "Basic bWFyYWJhOnPDqXNhbWU="}, {}),
    ],
)  # fmt: skip
def test_each_way_to_prove_a_request_is_checked(
    small: Callable[..., described.Described],
    monkeypatch: pytest.MonkeyPatch,
    authentication: dict[str, Any],
    headers: dict[str, str],
    form: dict[str, str],
):
    monkeypatch.setenv("SMALL_KEY", "sésame")
    gateway = small(
        authentication=authentication,
        environment={"key": "SMALL_KEY", "user": {"variable": "SMALL_USER", "default": "maraba"}},
    )
    gateway.verify(hook("/hooks/small-one/ussd", USSD | form, **headers), None)
    wrong = {name: value[:-1] for name, value in headers.items()}, dict.fromkeys(form, "dev")
    for more_headers, more in (({}, {}), wrong):
        with pytest.raises(BadSignature):
            gateway.verify(hook("/hooks/small-one/ussd", USSD | more, **more_headers), None)


@pytest.mark.parametrize(("encoding", "over"), [("hex", "url_and_body"), ("base64", "body")])
def test_signatures_come_in_hex_or_base64_with_or_without_the_address(
    small: Callable[..., described.Described], encoding: str, over: str
):
    gateway = small(
        authentication={
            "path_secret": False,
            "signature": {"header": "X-Sign", "key": "key", "algorithm": "sha1", "encoding": encoding, "over": over},
        },
        environment={"key": {"variable": "SMALL_KEY", "default": "k"}},
    )
    url = b"https://maraba.example.org/hooks/small-one/ussd?x=1" if over == "url_and_body" else b""
    digest = hmac.new(b"k", url + b"sid=s1", hashlib.sha1).digest()
    given = digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()
    gateway.verify(hook("/hooks/small-one/ussd?x=1", body=b"sid=s1", X_Sign=given), None)
    with pytest.raises(BadSignature):
        gateway.verify(hook("/hooks/small-one/ussd?x=1", body=b"sid=s2", X_Sign=given), None)


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({"hooks__ussd__sesion": "x"}, "small.yaml:11: hooks.ussd.sesion: no such field here; correct its spelling"),
    "missing place": ({"hooks__ussd__session": None}, "must say where session stands"),
    "place of another kind": ({"hooks__ussd__status": "x"}, "has no use for status"),
    "place with a blank": ({"hooks__ussd__session": "a b"}, "hooks.ussd.session"),
    "report of what": ({"hooks__status": {"is": "delivery", "state": "s"}}, "by id or message"),
    "two steps": ({"hooks__ussd__step": "n", "hooks__ussd__step_id": "i"}, "one of step, step_id"),
    "no text": ({"hooks__ussd__answer__ends": "bye"}, "goes_on and ends, each with {text}"),
    "same answers": ({"hooks__ussd__answer__ends": "1{text}"}, "could not tell them apart"),
    "unknown placeholder": ({"hooks__ussd__answer__ends": "{text}{sid}"}, "unknown {sid}; known here: text"),
    "no json": ({"hooks__ussd__answer__content_type": "application/json"}, "this is no application/json"),
    "no xml": ({"hooks__ussd__answer__content_type": "text/xml"}, "this is no text/xml"),
    "get with a body": ({"hooks__ussd__method": "GET"}, "write body: query"),
    "anybody may call": ({"authentication__path_secret": False}, "anybody could call"),
    "unknown value": ({"authentication__header": {"name": "X", "equals": "key"}}, "key must stand under environment"),
    "our own secret": ({"environment__key": "MARABA_ENCRYPTION_KEYS"}, "a setting of the service itself"),
    "secret in the file": ({"environment__key": "my secret"}, "environment.key"),
    "placeholder taken": ({"environment__text": "T"}, "the name is taken"),
    "bad name": ({"name": "Small One"}, "small.yaml:1: name"),
    "no hooks": ({"hooks": {}}, "hooks"),
    "zone": (
        {"hooks__sms": {"is": "sms", "id": "i", "address": "a", "text": "t",
                        "sent_at": {"place": "d", "zone": "Africa/Niamy"}}},
        "no such zone: 'Africa/Niamy'",
    ),
    "signed get": (
        {"hooks__ussd__method": "GET", "hooks__ussd__body": "query", "environment__key": "K",
         "authentication": {"path_secret": False, "signature": {"header": "X", "key": "key"}}},
        "write over: url_and_body",
    ),
    "pattern": (
        {"send": {"url": "https://x.example/", "fields": {"to": "{to}", "t": "{text}"},
                  "reply": {"body": "text", "pattern": "(", "id": "id"}}},
        "the pattern can't be used",
    ),
    "many without a list": (
        {"send": {"url": "https://x.example/", "fields": {"to": "{to}", "t": "{text}"}, "together": 5,
                  "reply": {"id": "id"}}},
        "together needs reply: list",
    ),
    "why": ({"codes": {"X": {"why": "tired"}}}, "codes.X.why"),
    "no recipient": (
        {"send": {"url": "https://x.example/", "fields": {"t": "{text}"}, "reply": {"id": "id"}}},
        "{to} and {text} must stand",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(FAULTS))
def test_a_wrong_file_is_told_with_line_field_and_remedy(written: Callable[..., Path], name: str):
    changes, told = FAULTS[name]
    with pytest.raises(ConfigError) as caught:
        described.read(written(**changes))
    assert told in str(caught.value)
    assert re.match(r"\S+/small\.yaml:\d+: ", str(caught.value))


def test_files_that_can_t_be_read_are_told_all_at_once(tmp_path: Path, configured: Callable[..., Settings]):
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe9")
    (tmp_path / "odd.yaml").write_text("name: [")
    names = [tmp_path / name for name in ("missing.yaml", "latin.yaml", "odd.yaml")]
    with pytest.raises(ConfigError) as caught:
        registry.build(configured(described_gateways=tuple(names)), [])
    assert all(name.name in str(caught.value) for name in names)


@pytest.mark.parametrize("name", ["twilio", "small-one"])
def test_a_name_that_is_taken_is_refused(
    written: Callable[..., Path], tmp_path: Path, configured: Callable[..., Settings], name: str
):
    other = tmp_path / "other.yaml"
    other.write_text(SMALLEST.replace("small-one", name))
    with pytest.raises(ConfigError, match=f"'{name}' is taken by another gateway"):
        registry.build(configured(described_gateways=(written(), other)), [])


def test_production_refuses_to_start_without_what_a_file_takes_from_the_environment(
    configured: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("NIAMEY_LINK_USER", "maraba")
    settings = configured(env="production", described_gateways=str(XML_EXAMPLE))
    with pytest.raises(ConfigError, match="set NIAMEY_LINK_HOOK_KEY, NIAMEY_LINK_PASSWORD"):
        registry.build(settings, [])


def test_named_files_are_on_without_being_listed(configured: Callable[..., Settings]):
    settings = configured(described_gateways=",".join(map(str, EXAMPLES)))
    assert set(registry.build(settings, ["twilio"])) == {"twilio", "africas-talking", "niamey-link"}


def test_the_description_of_africas_talking_means_by_its_words_what_the_module_means(
    configured: Callable[..., Settings],
):
    built = registry.build(configured(described_gateways=str(EXAMPLES[0])), ["africastalking"])
    module, example = built["africastalking"], built["africas-talking"]
    assert {word: module.reasons[word] for word in example.reasons} == dict(example.reasons)
    for name in ("resends_for", "channels", "together", "methods"):
        assert getattr(example, name) == getattr(module, name)


@given(
    st.sampled_from(["ussd", "sms", "status", ""]),
    st.dictionaries(st.sampled_from(["session", "msisdn", "sequence", "type", "input"]), st.text(max_size=20)),
)
@hypothesis_settings(max_examples=100, deadline=None)
def test_any_values_are_parsed_or_refused(kind: str, values: dict[str, str]):
    root = ET.Element("ussd")
    for name, value in values.items():
        ET.SubElement(root, name).text = value
    gateway = _shared()
    try:
        found = gateway.parse(hook("/", body=ET.tostring(root, "utf-8"), content_type=TYPE), kind)
    except WebhookError:
        return
    assert all(one.address.startswith("+") for one in found)


_shared = partial(described.Described, described.read(XML_EXAMPLE), Settings())
