"""Meta's WhatsApp: what is taken from its hook, what is sent, and what each refusal means."""

import hashlib
import hmac
import json
import logging
import threading
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
from bot.content.screens import Content
from bot.errors import Answered, BadPayload, BadSignature, Ignored, SendError, WebhookError
from bot.messages import Button, Channel, Delivery, Inbound, OptOut, Outbound, StatusReport, Template
from bot.reasons import Why
from handlers import meta as module
from handlers.meta import Meta, body_of
from tests.handlers.conftest import NOW
from tests.handlers.payloads import hook, payloads
from tests.standin import StandIn

WEBHOOKS, SEND = payloads("meta/webhooks"), payloads("meta/send")
SECRET = WEBHOOKS["app_secret"]
OURS = Settings(meta_app_secret=SECRET, meta_verify_token="test-verify")
META = Meta(OURS, clock=lambda: NOW)
AMINA, AT = "+22790123456", datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MESSAGE_ID = "0123456789abcdef" * 2
TEXT = Outbound(MESSAGE_ID, Channel.WHATSAPP, AMINA, "Sannu")
JSON = "application/json"
VOICE = (b"OggS" + b"\0" * 500, "audio/ogg; codecs=opus")


def sign(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def post(body: bytes, signature: str | None = None) -> Any:
    return hook("/hooks/meta", body=body, content_type=JSON, X_Hub_Signature_256=signature or sign(body))


def asked(**query: str) -> Any:
    """Meta's check of our address."""
    request = hook("/hooks/meta?" + "&".join(f"hub.{name}={value}" for name, value in query.items()), body=b"")
    request.environ["REQUEST_METHOD"] = "GET"
    return type(request)(request.environ)


def case(name: str) -> bytes:
    return str(WEBHOOKS["cases"][name]["raw_body"]).encode()


def value(**parts: Any) -> dict[str, Any]:
    return {"messaging_product": "whatsapp", "metadata": {"phone_number_id": OURS.meta_phone_number_id}, **parts}


def enveloped(*values: Any, **more: Any) -> bytes:
    changes = [{"field": "messages", "value": one} for one in values]
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"changes": changes}], **more}).encode()


def said(**content: Any) -> dict[str, Any]:
    return {"from": "22790123456", "id": "wamid.A", "timestamp": "1772442000", **content}


def parse(body: bytes, gateway: Meta = META) -> list[Any]:
    request = post(body)
    gateway.verify(request, None)
    return list(gateway.parse(request, ""))


def heard(**content: Any) -> Any:
    [event] = parse(enveloped(value(messages=[said(**content)])))
    return event


# --- who may call


def test_the_check_of_our_address_gets_its_own_words_back():
    query = {name.removeprefix("hub."): given for name, given in WEBHOOKS["verify_get"]["query"].items()}
    request = asked(**query)
    META.verify(request, None)
    with pytest.raises(Answered) as answer:
        META.parse(request, "")
    assert (answer.value.body, answer.value.status) == (WEBHOOKS["verify_get"]["want_body"], 200)


@pytest.mark.parametrize("token", ["", "test-verif", "test-verifyy", "%C3%A9"])
def test_another_word_is_refused(token: str):
    with pytest.raises(BadSignature):
        META.verify(asked(mode="subscribe", verify_token=token, challenge="1"), None)


def test_without_a_word_of_ours_nobody_is_answered():
    with pytest.raises(BadSignature):
        Meta(Settings(meta_verify_token="")).verify(asked(mode="subscribe", verify_token="", challenge="1"), None)


@pytest.mark.parametrize("challenge", ["", "a%20b", "a%0Ab", "x" * 201, "%C3%A9"])
def test_only_a_short_plain_challenge_is_repeated(challenge: str):
    with pytest.raises(BadPayload):
        META.parse(asked(mode="subscribe", verify_token="test-verify", challenge=challenge), "")


def test_another_mode_is_no_question():
    with pytest.raises(BadPayload):
        META.parse(asked(mode="unsubscribe", verify_token="test-verify", challenge="1"), "")


@pytest.mark.parametrize("name", list(WEBHOOKS["cases"]))
def test_what_meta_signed_is_taken(name: str):
    signature = WEBHOOKS["cases"][name]["X-Hub-Signature-256"]
    META.verify(post(case(name), signature), None)


@pytest.mark.parametrize(
    "signature",
    ["", "sha256=", "sha1=" + "0" * 40, "sha256=" + "0" * 64, "é", sign(case("text"), "other"), sign(case("text"))[7:]],
)
def test_any_other_signature_is_refused(signature: str):
    with pytest.raises(BadSignature) as refused:
        META.verify(post(case("text"), signature or " "), None)
    assert refused.value.status == 403


def test_a_body_written_anew_no_longer_fits():
    again = json.dumps(json.loads(case("text")), ensure_ascii=False).encode()
    with pytest.raises(BadSignature):
        META.verify(post(again, sign(case("text"))), None)


def test_no_secret_of_ours_means_no_signature_fits():
    body = case("text")
    with pytest.raises(BadSignature):
        Meta(Settings(meta_app_secret="")).verify(post(body, sign(body, "")), None)


def test_a_path_with_a_secret_is_not_metas():
    with pytest.raises(BadSignature):
        META.verify(post(case("text")), "dev")


def test_three_megabytes_are_read_and_no_more(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "BODY_LIMIT", len(case("text")))
    META.verify(post(case("text")), None)
    with pytest.raises(BadPayload):
        META.verify(post(case("text") + b" "), None)


def test_a_body_of_unknown_length_is_not_read():
    request = post(case("text"))
    del request.environ["CONTENT_LENGTH"]
    with pytest.raises(BadPayload):
        META.verify(request, None)


# --- what people say


@pytest.mark.parametrize(
    ("name", "text", "choice", "media", "media_id"),
    [
        ("text", "Sannu, ƙasa", "", "", ""),
        ("button_reply", "Ee", "yes", "", ""),
        ("list_reply", "Maradi", "reg-4", "", ""),
        ("template_button", "Ee", "yes", "", ""),
        ("location", "", "", "location", ""),
        ("voice", "", "", "audio", "300000000000003"),
        ("unsupported", "", "", "other", ""),
    ],
)
def test_a_message_says_text_choice_and_media(name: str, text: str, choice: str, media: str, media_id: str):
    [found] = parse(case(name))
    assert found == Inbound(
        "meta", found.external_id, Channel.WHATSAPP, AMINA, text, AT,
        choice=choice, media=media, to="12025550123", media_id=media_id,
    )  # fmt: skip
    assert found.external_id.startswith("wamid.TEST")


def test_who_hides_the_number_is_known_by_the_id_that_only_we_see():
    [found] = parse(case("text_no_phone_bsuid"))
    assert found.address == "whatsapp:NE.000000000000001"


@pytest.mark.parametrize(
    ("part", "contacts", "address"),
    [
        ({"from": "22790123456", "from_user_id": "NE.1"}, [], AMINA),
        ({}, [{"user_id": "NE.1"}], "whatsapp:NE.1"),
        ({}, [{"wa_id": "22790123456", "user_id": "NE.1"}], AMINA),
        ({"from": "22720123456"}, [], "whatsapp:22720123456"),  # WhatsApp on a land line: no number for an SMS
        ({"from_user_id": "NE.ENT.1"}, [], "whatsapp:NE.ENT.1"),
    ],
)
def test_the_sender(part: dict[str, str], contacts: list[dict[str, str]], address: str):
    message = {"id": "wamid.A", "timestamp": "1", "type": "text", "text": {"body": "a"}, **part}
    [found] = parse(enveloped(value(messages=[message], contacts=contacts)))
    assert found.address == address


@pytest.mark.parametrize(
    ("content", "text", "media"),
    [
        ({"type": "image", "image": {"id": "1"}}, "", "image"),
        ({"type": "image", "image": {"id": "1", "caption": "ina aiki"}}, "ina aiki", "image"),
        ({"type": "sticker", "sticker": {"id": "1"}}, "", "image"),
        ({"type": "video", "video": {"id": "1", "caption": "a"}}, "a", "other"),
        ({"type": "document", "document": {"id": "1"}}, "", "other"),
        ({"type": "contacts", "contacts": [{"name": {}}]}, "", "other"),
        ({"type": "order", "order": {}}, "", "other"),
        ({"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {}}}, "", "other"),
        ({"type": "interactive"}, "", "other"),
        ({"type": "text", "text": "a"}, "", "other"),
        ({"type": "of_tomorrow"}, "", "other"),
        ({"type": "reaction", "reaction": {"message_id": "wamid.B", "emoji": "👍🏾"}}, "👍", ""),
        ({"type": "reaction", "reaction": {"message_id": "wamid.B", "emoji": "👎"}}, "👎", ""),
    ],
)
def test_every_other_kind(content: dict[str, Any], text: str, media: str):
    found = heard(**content)
    assert (found.text, found.media, found.media_id) == (text, media, "")


@pytest.mark.parametrize(
    "content",
    [
        {"type": "reaction", "reaction": {"message_id": "wamid.B", "emoji": "❤️"}},
        {"type": "reaction", "reaction": {"message_id": "wamid.B"}},
        {"type": "system", "system": {"type": "user_changed_number", "wa_id": "22790000000"}},
        {"type": "request_welcome"},
    ],
)
def test_what_nobody_said_to_us_makes_no_turn(content: dict[str, Any]):
    with pytest.raises(Ignored):
        heard(**content)


@pytest.mark.parametrize("stamp", ["9999999999", "x", "", None, 10**30, -1e40])
def test_no_message_comes_from_the_future(stamp: object):
    found = heard(type="text", text={"body": "a"}, timestamp=stamp)
    assert found.sent_at <= NOW
    assert found.sent_at.utcoffset() == timedelta(0)


def test_what_no_store_can_hold_is_left_out():
    body = enveloped(value(messages=[said(type="text", text={"body": "MARK"})])).replace(b"MARK", rb"a\ud800\u0000b")
    assert parse(body)[0].text == "a?b"


def test_a_text_is_cut_rather_than_lost():
    assert len(heard(type="text", text={"body": "a" * 9000}).text) == 4096


# --- many at once


def test_every_part_is_read_in_order():
    assert [event.text for event in parse(case("batched"))] == ["Sannu, ƙasa", "Ee"]


@pytest.mark.parametrize(
    "bad",
    [
        {}, "text", 7, None, [], {"id": "wamid.B"}, said(id=""), said(id="two words", type="text"), said(id=5, type="text"),
        {"id": "wamid.B", "type": "text", "text": {"body": "nobody"}}, said(type="TEXT"), said(type=["text"]),
        {"id": "wamid.B", "type": "text", "from": "0", "from_user_id": "a b"},
    ],
)  # fmt: skip
def test_one_bad_part_loses_none_of_the_good_ones(bad: object, caplog: pytest.LogCaptureFixture):
    good = [said(id=f"wamid.{n}", type="text", text={"body": str(n)}) for n in range(2)]
    found = parse(enveloped(value(messages=[good[0], bad, good[1]]), value(statuses=[bad])))
    assert [event.text for event in found if isinstance(event, Inbound)] == ["0", "1"]


def test_parts_about_another_number_are_not_ours():
    other = value(messages=[said(id="wamid.X", type="text", text={"body": "x"})])
    other["metadata"] = {"phone_number_id": "999"}
    mine = value(messages=[said(type="text", text={"body": "mine"})])
    assert [event.text for event in parse(enveloped(other, mine))] == ["mine"]
    with pytest.raises(Ignored):
        parse(enveloped(other))


@pytest.mark.parametrize(
    "body",
    [b"{}", b"[]", b"null", b'"a"', enveloped(), enveloped(5, None, "x"), enveloped(value(), object="page"),
     enveloped(value(messages={"a": 1}, statuses="x")), b'{"object":"whatsapp_business_account","entry":{}}'],
)  # fmt: skip
def test_what_holds_nothing_for_us_is_answered_and_forgotten(body: bytes):
    with pytest.raises(Ignored) as ignored:
        parse(body)
    assert ignored.value.status == 200


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 200_000, b'{"a":' * 100_000, b"1" * 5000, b'{"object": tru}']
)
def test_what_is_no_json_is_refused(body: bytes):
    with pytest.raises(BadPayload):
        parse(body)


@hypothesis_settings(deadline=None, max_examples=150)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(
            st.sampled_from(["messages", "statuses", "id", "type", "text", "body", "from", "status", "errors", "code", "audio"]),
            inner,
        ),
        max_leaves=20,
    )
)  # fmt: skip
def test_whatever_stands_inside_there_is_an_answer(inner: object):
    parts = {"messages": [inner, said(type="audio", audio=inner)], "statuses": [inner], "user_preferences": [inner]}
    try:
        events = parse(enveloped(value(**parts, contacts=inner)))
    except WebhookError as error:
        events, status = [], error.status
    else:
        status = 200
    assert status in {200, 400}
    assert all(event.gateway == "meta" for event in events)


def test_no_other_hook_is_metas():
    with pytest.raises(BadPayload):
        META.parse(post(case("text")), "status")


def test_nothing_that_was_said_is_logged(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG):
        parse(
            enveloped(
                value(messages=[said(type="text", text={"body": "asiri"}), {"text": "asiri", "from": "22790123456"}])
            )
        )
    assert "asiri" not in caplog.text
    assert "22790123456" not in caplog.text


# --- reports


@pytest.mark.parametrize(
    ("name", "state", "code"),
    [
        ("status_sent", Delivery.SENT, ""),
        ("status_delivered", Delivery.DELIVERED, ""),
        ("status_read", Delivery.READ, ""),
        ("status_failed", Delivery.FAILED, "131047"),
    ],
)
def test_a_report(name: str, state: Delivery, code: str):
    assert parse(case(name)) == [StatusReport("meta", "wamid.OUT1", state, code)]


def reported(**part: Any) -> list[Any]:
    return parse(enveloped(value(statuses=[{"id": "wamid.O", "status": "sent", **part}])))


def test_our_own_id_comes_back():
    assert reported(biz_opaque_callback_data=MESSAGE_ID)[0].message == MESSAGE_ID
    assert reported(biz_opaque_callback_data="somebody else's")[0].message == ""


def test_a_new_word_is_kept_and_moves_nothing_back():
    assert reported(status="teleported") == [StatusReport("meta", "wamid.O", Delivery.SENT, "teleported")]


@pytest.mark.parametrize(
    ("who", "address"), [({"recipient_id": "22790123456"}, AMINA), ({"recipient_user_id": "NE.1"}, "whatsapp:NE.1")]
)
def test_whoever_ended_our_offers_is_sent_no_more(who: dict[str, str], address: str):
    report, opt_out = reported(status="failed", errors=[{"code": 131050}], **who)
    assert (report.state, report.code) == (Delivery.FAILED, "131050")
    assert opt_out == OptOut("meta", address, Channel.WHATSAPP, "wamid.O\n131050")


def test_the_same_by_whatsapps_own_settings():
    stop = {"wa_id": "22790123456", "category": "marketing_messages", "value": "stop", "timestamp": 1}
    [found] = parse(enveloped(value(user_preferences=[stop])))
    assert (type(found), found.address) == (OptOut, AMINA)
    with pytest.raises(Ignored):
        parse(enveloped(value(user_preferences=[stop | {"value": "resume"}])))


# --- sending


@pytest.fixture
def gateway(configured: Callable[..., Settings], stand_in: StandIn) -> Meta:
    return Meta(configured(meta_api_url=stand_in.url), clock=lambda: NOW)


def wanted(name: str) -> dict[str, Any]:
    body = {"recipient_type": "individual", "biz_opaque_callback_data": MESSAGE_ID, **SEND["requests"][name]}
    if name == "list":
        del body["interactive"]["action"]["sections"][0]["title"]  # needed only where there are several
    return body


def regions(count: int = 8) -> tuple[Button, ...]:
    rows = SEND["requests"]["list"]["interactive"]["action"]["sections"][0]["rows"]
    return tuple(Button(row["id"], row["title"]) for row in rows)[:count]


SHAPES = {
    "text": TEXT,
    "buttons": replace(TEXT, text="Kana son aiki?", buttons=(Button("yes", "Ee"), Button("no", "A'a"))),
    "list": replace(TEXT, text="Yanki?", buttons=regions(), pick="Zabi"),
    "template": replace(TEXT, template=Template("followup_1", "fr", ("Amina",))),
}


@pytest.mark.parametrize("name", list(SHAPES))
def test_every_shape_as_meta_wants_it(gateway: Meta, stand_in: StandIn, name: str):
    sent = gateway.send(SHAPES[name])
    [taken] = stand_in.taken()
    assert taken.body == wanted(name)
    assert sent.external_id == taken.external_id


def test_accents_stay_as_they_are(gateway: Meta, stand_in: StandIn):
    gateway.send(replace(TEXT, text="Ça va à l’école, ƙasa 🙏"))
    assert stand_in.taken()[0].text == "Ça va à l’école, ƙasa 🙏"


@pytest.mark.parametrize(
    ("count", "kind"), [(0, "text"), (1, "button"), (3, "button"), (4, "list"), (10, "list"), (11, "text")]
)
def test_how_many_choices_make_which_shape(count: int, kind: str):
    body = body_of(replace(TEXT, buttons=tuple(Button(f"f:{n}", f"Titre {n}") for n in range(count))))
    assert body.get("interactive", {}).get("type", body["type"]) == kind
    if count == 11:
        assert body["text"]["body"].splitlines()[-1] == "10 Titre 10"


@pytest.mark.parametrize("titles", [("Oui", "Oui"), ("Oui", "")])
def test_titles_that_whatsapp_refuses_become_numbers(titles: tuple[str, ...]):
    buttons = tuple(Button(f"f:{n}", title) for n, title in enumerate(titles, start=1))
    assert body_of(replace(TEXT, buttons=buttons))["type"] == "text"


LONG_CHOICE = "Matériel, formation, transport"


def test_a_row_ends_with_a_whole_word_and_says_all_of_it_below():
    buttons = (Button("f:3", LONG_CHOICE), Button("f:4", "A" * 80), *regions(3))
    rows = body_of(replace(TEXT, buttons=buttons))["interactive"]["action"]["sections"][0]["rows"]
    assert rows[0] == {"id": "f:3", "title": "Matériel, formation…", "description": LONG_CHOICE}
    assert rows[1] == {"id": "f:4", "title": "A" * 23 + "…", "description": "A" * 71 + "…"}
    assert rows[2] == {"id": "reg-1", "title": "Agadez"}


def test_a_button_ends_with_a_whole_word():
    body = body_of(replace(TEXT, buttons=(Button("f:1", LONG_CHOICE), Button("f:2", "Je ne suis pas là"))))
    titles = [tap["reply"]["title"] for tap in body["interactive"]["action"]["buttons"]]
    assert titles == ["Matériel, formation…", "Je ne suis pas là"]


def test_choices_that_look_alike_once_cut_become_numbers():
    buttons = (Button("f:1", "Quelqu'un du bureau de Tahoua"), Button("f:2", "Quelqu'un du bureau de Zinder"))
    lines = body_of(replace(TEXT, buttons=buttons))["text"]["body"].splitlines()
    assert lines[-2:] == ["1 Quelqu'un du bureau de Tahoua", "2 Quelqu'un du bureau de Zinder"]


@pytest.mark.parametrize("language", ["fr", "ha", "en"])
def test_every_choice_of_the_flows_fits_its_button_or_is_said_whole_in_its_row(content: Content, language: str):
    for name, spec in content.loaded.specs.items():
        if not spec.choices:
            continue
        buttons = content._buttons(name, {}, language)
        text = content.whole(name, {}, channel="whatsapp", language=language)
        body = body_of(replace(TEXT, text=text, buttons=buttons))
        if body["type"] == "text":
            continue
        taps = body["interactive"]["action"]
        shown = [tap["reply"]["title"] for tap in taps.get("buttons", ())]
        assert not shown or shown == [one.title for one in buttons]  # nothing stands below a button
        rows = taps["sections"][0]["rows"] if "sections" in taps else []
        assert all(len(row["title"]) <= 24 for row in rows)
        assert not rows or [row.get("description", row["title"]) for row in rows] == [one.title for one in buttons]


def test_a_long_text_keeps_its_choices_as_numbers():
    body = body_of(replace(TEXT, text="a" * 1025, buttons=(Button("f:1", "Oui"),)))
    assert body["text"]["body"].endswith("\n1 Oui")


@pytest.mark.parametrize(("language", "word"), [("fr", "Choisir"), ("ha", "Zabi"), ("en", "Choose")])
def test_the_word_that_opens_a_list_is_the_persons_own(content: Content, language: str, word: str):
    assert content.speak("menu.main", {}, channel="whatsapp", language=language).pick == word


def test_a_list_without_words_of_its_own_still_opens():
    assert body_of(replace(SHAPES["list"], pick=""))["interactive"]["action"]["button"] == "Menu"


@pytest.mark.parametrize(
    ("address", "who"),
    [
        (AMINA, {"to": "22790123456"}),
        ("whatsapp:NE.000000000000001", {"recipient": "NE.000000000000001"}),
        ("whatsapp:22720123456", {"to": "22720123456"}),
    ],
)
def test_whom_it_is_for(address: str, who: dict[str, str]):
    body = body_of(replace(TEXT, to=address))
    assert {name: body[name] for name in ("to", "recipient") if name in body} == who


@pytest.mark.parametrize(
    ("code", "expected", "why"),
    [
        (190, {"retryable": True, "account": True}, Why.ACCOUNT),
        (368, {"retryable": True, "account": True}, Why.ACCOUNT),
        (131031, {"retryable": True, "account": True}, Why.ACCOUNT),
        (131042, {"retryable": True, "account": True}, Why.CREDIT),
        (4, {"retryable": True, "retry_after": 30.0}, Why.TOO_FAST),
        (80007, {"retryable": True, "retry_after": 30.0}, Why.TOO_FAST),
        (130429, {"retryable": True, "retry_after": 30.0}, Why.TOO_FAST),
        (131048, {"retryable": True, "retry_after": 300.0}, Why.TOO_FAST),
        (131056, {"retryable": True, "retry_after": 6.0}, Why.TOO_FAST),
        (131000, {"retryable": True}, Why.GATEWAY_DOWN),
        (2, {"retryable": True}, Why.GATEWAY_DOWN),
        (100, {}, Why.OURS),
        (131008, {}, Why.OURS),
        (131009, {}, Why.OURS),
        (131026, {}, Why.NOT_ON_WHATSAPP),
        (131047, {}, Why.WINDOW),
        (131049, {}, Why.REFUSED_TEXT),
        (131050, {}, Why.STOPPED),
        (131051, {}, Why.OURS),
        (132000, {}, Why.REFUSED_TEXT),
        (132001, {}, Why.REFUSED_TEXT),
        (999999, {}, Why.OTHER),
    ],
)
def test_each_refusal(gateway: Meta, stand_in: StandIn, code: int, expected: dict[str, Any], why: Why):
    stand_in.refuse(code)
    with pytest.raises(SendError) as refused:
        gateway.send(TEXT)
    error = refused.value
    told = {"retryable": error.retryable, "account": error.account, "retry_after": error.retry_after}
    assert told == {"retryable": False, "account": False, "retry_after": None} | expected
    assert (error.code, error.unknown, error.suppress) == (str(code), False, False)
    assert Meta.reasons.get(str(code), Why.OTHER) == why


def test_code_nought_is_a_token_that_ended(configured: Callable[..., Settings]):
    with responses.RequestsMock() as api:
        url = "https://graph.facebook.com/v26.0/100000000000001/messages"
        api.post(url, status=401, json={"error": {"code": 0, "type": "OAuthException"}})
        with pytest.raises(SendError) as refused:
            Meta(configured(env="production")).send(TEXT)
    assert (refused.value.code, refused.value.account) == ("0", True)


@pytest.mark.parametrize(
    ("status", "retryable", "unknown"),
    [(500, True, False), (503, True, False), (429, True, False), (502, False, True), (504, False, True), (404, False, False)],
)  # fmt: skip
def test_a_refusal_without_a_code_goes_by_its_status(
    gateway: Meta, stand_in: StandIn, status: int, *, retryable: bool, unknown: bool
):
    stand_in.fail(status)
    with pytest.raises(SendError) as refused:
        gateway.send(TEXT)
    assert (refused.value.retryable, refused.value.unknown) == (retryable, unknown)


def test_a_reply_that_never_comes_leaves_it_unknown(gateway: Meta, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "TIMEOUT", (1.0, 0.2))
    stand_in.vanish(0.5)
    with pytest.raises(SendError) as lost:
        gateway.send(TEXT)
    assert lost.value.unknown
    assert stand_in.wait_for(1)[0].body["biz_opaque_callback_data"] == MESSAGE_ID


def test_nobody_there_may_be_tried_again(gateway: Meta, stand_in: StandIn):
    stand_in.stop()
    with pytest.raises(SendError) as refused:
        gateway.send(TEXT)
    assert (refused.value.code, refused.value.retryable) == ("no_connection", True)


@pytest.mark.parametrize("reply", [{}, {"messages": []}, {"messages": [{}]}, {"messages": [{"id": "a b"}]}, [], "x"])
def test_an_answer_that_says_nothing_is_unknown(configured: Callable[..., Settings], reply: object):
    settings = configured(env="production")
    with responses.RequestsMock() as api:
        api.post("https://graph.facebook.com/v26.0/100000000000001/messages", json=reply)
        with pytest.raises(SendError) as unclear:
            Meta(settings).send(TEXT)
    assert unclear.value.unknown


def test_the_token_stays_in_the_header(configured: Callable[..., Settings]):
    settings = configured(env="production", meta_access_token="a-token")
    with responses.RequestsMock() as api:
        api.post(
            "https://graph.facebook.com/v26.0/100000000000001/messages",
            json={"messages": [{"id": "wamid.1"}]},
            match=[responses.matchers.header_matcher({"Authorization": "Bearer a-token"})],
        )
        assert Meta(settings).send(TEXT).external_id == "wamid.1"


def test_each_thread_has_a_connection_of_its_own(gateway: Meta):
    found = [gateway._session(), gateway._session()]
    thread = threading.Thread(target=lambda: found.append(gateway._session()))
    thread.start()
    thread.join()
    assert found[0] is found[1]
    assert found[2] is not found[0]


def test_an_sms_is_not_metas(gateway: Meta):
    with pytest.raises(SendError, match="channel_not_carried"):
        gateway.send(replace(TEXT, channel=Channel.SMS))


def test_development_speaks_with_nobody_outside(configured: Callable[..., Settings]):
    gateway = Meta(configured(meta_api_url="https://graph.facebook.com"))
    for call in (lambda: gateway.send(TEXT), lambda: gateway.fetch("1")):
        with pytest.raises(SendError, match="not_in_development"):
            call()


# --- voice notes


def test_a_sound_is_fetched_in_two_steps(gateway: Meta, stand_in: StandIn):
    stand_in.sounds["300000000000003"] = VOICE
    assert gateway.fetch("300000000000003") == (VOICE[0], "audio/ogg")


def fetched(settings: Settings, url: str, **answer: Any) -> SendError:
    """How the second step fails, where the first one answers with this address."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as api:
        api.get("https://graph.facebook.com/v26.0/3", json={"url": url})
        if answer:
            api.get(url, **answer)
        with pytest.raises(SendError) as failed:
            Meta(settings).fetch("3")
        assert bool(answer) == any(call.request.url == url for call in api.calls)
    return failed.value


@pytest.mark.parametrize(
    "url",
    [
        "", "not an address", "http://lookaside.fbsbx.com/a", "https://fbsbx.com.example.org/a", "https://example.org/a",
        "https://evilfbsbx.com/a", "https://lookaside.fbsbx.com:8443/a", "https://a:b@lookaside.fbsbx.com/a",
        "https://127.0.0.1/a", "file:///etc/passwd", "https://[::1/a", "https://lookaside.fbsbx.com@example.org/a",
    ],
)  # fmt: skip
def test_no_sound_is_fetched_from_another_host(configured: Callable[..., Settings], url: str):
    assert fetched(configured(env="production"), url).code == "wrong_host"


LOOKASIDE = "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=3"


@pytest.mark.parametrize(
    ("answer", "code", "retryable"),
    [
        ({"body": b"x" * (5 * 1024 * 1024 + 1), "content_type": "audio/ogg"}, "too_big", False),
        ({"body": b"<html>", "content_type": "text/html"}, "not_audio", False),
        ({"body": b"x", "content_type": "image/jpeg"}, "not_audio", False),
        ({"body": b"", "content_type": "audio/ogg"}, "empty", True),
        ({"status": 404}, "http_404", False),
        ({"status": 500}, "http_500", True),
        ({"status": 403}, "http_403", False),
        ({"status": 302, "headers": {"Location": "https://example.org/"}}, "moved", False),
    ],
)
def test_what_is_no_sound_is_not_kept(
    configured: Callable[..., Settings], answer: dict[str, Any], code: str, *, retryable: bool
):
    error = fetched(configured(env="production"), LOOKASIDE, **answer)
    assert (error.code, error.retryable) == (code, retryable)


@pytest.mark.parametrize("media_id", ["", "../me", "3?fields=x", "3/messages", "x"])
def test_a_media_id_is_a_number(gateway: Meta, media_id: str):
    with pytest.raises(SendError, match="bad_reference"):
        gateway.fetch(media_id)


def test_a_sound_that_meta_no_longer_has(gateway: Meta):
    with pytest.raises(SendError, match="100"):
        gateway.fetch("7")


def test_a_cut_fetch_may_be_repeated(gateway: Meta, stand_in: StandIn):
    stand_in.stop()
    with pytest.raises(SendError) as cut:
        gateway.fetch("7")
    assert cut.value.retryable
