"""Which address a signature is checked over: ours, or what a proxy that we trust says of it."""

import pytest
from twilio.request_validator import RequestValidator

from bot.config import Settings
from bot.errors import BadSignature
from handlers.twilio import Twilio
from tests.handlers.payloads import hook, payloads

FORM = payloads("twilio/message")["cases"]["sms"]
PATH = "/hooks/twilio/message"
PROXY = "10.1.2.3"
BEHIND = Settings(trusted_proxies=("10.1.0.0/16", "192.0.2.7", "2001:db8::/32"))
SAID = {"X_Forwarded_Proto": "https", "X_Forwarded_Host": "line.example.org"}


def taken(settings: Settings, called: str, peer: str, **headers: str) -> bool:
    """Does the gateway take a hook that Twilio signed for `called` and that came from `peer`?"""
    path = "/hooks/" + called.partition("/hooks/")[2].partition("#")[0]
    signature = RequestValidator(settings.twilio_auth_token.get_secret_value()).compute_signature(called, dict(FORM))
    request = hook(path, FORM, X_Twilio_Signature=signature, **headers)
    request.environ["REMOTE_ADDR"] = peer
    request.remote_addr = peer
    try:
        Twilio(settings).verify(request, None)
    except BadSignature:
        return False
    return True


@pytest.mark.parametrize("peer", ["10.1.2.3", "192.0.2.7", "::ffff:192.0.2.7", "2001:db8::5"])
def test_a_trusted_proxy_says_how_we_were_called(peer: str):
    assert taken(BEHIND, f"https://line.example.org{PATH}", peer, **SAID)


@pytest.mark.parametrize("peer", ["10.2.0.1", "203.0.113.9", "::1", "", "unix:", "10.1.2.3.4"])
def test_anybody_else_says_nothing(peer: str):
    assert not taken(BEHIND, f"https://line.example.org{PATH}", peer, **SAID)
    assert taken(BEHIND, f"http://127.0.0.1:8000{PATH}", peer, **SAID)


def test_the_public_address_wins_over_every_proxy():
    settings = BEHIND.model_copy(update={"public_url": "https://maraba.example.org"})
    assert taken(settings, f"https://maraba.example.org{PATH}", PROXY, **SAID)
    assert not taken(settings, f"https://line.example.org{PATH}", PROXY, **SAID)


@pytest.mark.parametrize(
    ("headers", "called"),
    [
        ({"X_Forwarded_Host": "evil.example, line.example.org"}, "https://line.example.org"),
        ({"X_Forwarded_Proto": "http, https"}, "https://line.example.org"),
        ({"X_Forwarded_Host": "line.example.org, evil.example"}, "https://evil.example"),
        ({"X_Forwarded_Proto": ""}, "http://line.example.org"),
        ({"X_Forwarded_Host": "", "Host": "kept.example.org"}, "https://kept.example.org"),
    ],
)
def test_only_what_the_proxy_next_to_us_added_counts(headers: dict[str, str], called: str):
    assert taken(BEHIND, called + PATH, PROXY, **(SAID | headers))
    for other in {"https://line.example.org", "https://evil.example", "http://127.0.0.1:8000"} - {called}:
        assert not taken(BEHIND, other + PATH, PROXY, **(SAID | headers))


@pytest.mark.parametrize("seen", ["line.example.org", "line.example.org:443"])
@pytest.mark.parametrize("called", ["https://line.example.org", "https://line.example.org:443"])
@pytest.mark.parametrize("fixed", [True, False])
def test_a_port_that_only_one_side_writes_does_no_harm(seen: str, called: str, *, fixed: bool):
    settings = Settings(public_url=f"https://{seen}") if fixed else BEHIND
    assert taken(settings, called + PATH, PROXY, **(SAID | {"X_Forwarded_Host": seen}))


def test_a_port_of_its_own_is_part_of_the_address():
    there = SAID | {"X_Forwarded_Host": "line.example.org:8443"}
    assert taken(BEHIND, f"https://line.example.org:8443{PATH}", PROXY, **there)
    assert not taken(BEHIND, f"https://line.example.org:9443{PATH}", PROXY, **there)


def test_the_query_is_part_of_what_was_called():
    called = f"https://line.example.org/hooks/twilio/status?m={'0f' * 16}"
    assert taken(BEHIND, called, PROXY, **SAID)
