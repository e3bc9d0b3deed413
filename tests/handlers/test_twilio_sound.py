"""The sound of a voice note at Twilio: whose address is believed, and who gets our password."""

import pytest
import responses

from bot.errors import SendError
from handlers import twilio_sound
from handlers.twilio import Twilio
from tests.handlers.payloads import hook, payloads

IDS = f"MM{'1' * 32}/Media/ME{'2' * 32}"
ACCOUNT = "AC" + "0" * 32
API = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/{IDS}"
STORE = "https://mms.twiliocdn.com/sound?Signature=x"


def told(configured, address, content_type="audio/ogg"):
    form = payloads("twilio/message")["cases"]["wa_voice"] | {"MediaUrl0": address, "MediaContentType0": content_type}
    [event] = Twilio(configured()).parse(hook("/hooks/twilio/message", form), "message")
    return event.media_id


@pytest.mark.parametrize(
    ("address", "kept"),
    [(API, IDS), ("https://example.org/2010-04-01" + API.partition("/2010-04-01")[2], IDS),
     ("https://example.org/a.ogg", ""), (API + "/../../x", ""), (API + "?a=b", ""), ("http" + API[5:], ""), ("", "")],
)  # fmt: skip
def test_of_the_address_only_two_ids_are_kept(configured, address, kept):
    assert told(configured, address) == kept


def test_a_picture_is_no_sound(configured):
    assert told(configured, API, "image/jpeg") == ""


def test_the_api_gets_the_password_and_the_store_does_not(configured):
    settings = configured(env="production")
    with responses.RequestsMock() as web:
        web.get(API, status=307, headers={"Location": STORE})
        web.get(STORE, body=b"OggS", content_type="audio/ogg")
        assert twilio_sound.fetch(settings, "twilio", IDS) == (b"OggS", "audio/ogg")
        api, store = (call.request for call in web.calls)
    assert api.headers["Authorization"].startswith("Basic ")
    assert "Authorization" not in store.headers


@pytest.mark.parametrize(
    "elsewhere",
    ["https://example.org/", "http://mms.twiliocdn.com/a", "https://twiliocdn.com.example.org/", "//example.org/a"],
)
def test_another_host_is_never_asked(configured, elsewhere):
    with responses.RequestsMock() as web:
        web.get(API, status=302, headers={"Location": elsewhere})
        with pytest.raises(SendError, match="wrong_host"):
            twilio_sound.fetch(configured(env="production"), "twilio", IDS)


def test_a_store_that_leads_on_is_not_followed(configured):
    with responses.RequestsMock() as web:
        web.get(API, status=307, headers={"Location": STORE})
        web.get(STORE, status=302, headers={"Location": "https://example.org/"})
        with pytest.raises(SendError, match="moved"):
            twilio_sound.fetch(configured(env="production"), "twilio", IDS)


@pytest.mark.parametrize("reference", ["", "x", IDS + "/..", "../" + IDS, IDS + "?a=b"])
def test_only_a_reference_of_ours_is_asked_for(configured, reference):
    with pytest.raises(SendError, match="bad_reference"):
        twilio_sound.fetch(configured(env="production"), "twilio", reference)


def test_a_password_that_changed_is_waited_out(configured):
    with responses.RequestsMock() as web:
        web.get(API, status=401)
        with pytest.raises(SendError) as refused:
            twilio_sound.fetch(configured(env="production"), "twilio", IDS)
    assert refused.value.account
