"""The sound of a voice note from Twilio: an address of its API, which leads on to its store of media.

Only the two ids of the address that a hook tells are kept, and the account is ours: so no hook, forged or not, decides
where our token goes. The store of media is asked without it.
"""

import re

import requests

from bot.config import Settings
from bot.errors import SendError
from handlers import outgoing

HOST = "https://api.twilio.com"
STORES = ("twilio.com", "twiliocdn.com")  # where the sound may lie
_ADDRESS = re.compile(
    r"https://[a-z0-9.-]+/2010-04-01/Accounts/AC[0-9a-f]{32}/Messages/((?:SM|MM)[0-9a-f]{32}/Media/ME[0-9a-f]{32})"
)
_REFERENCE = re.compile(r"(?:SM|MM)[0-9a-f]{32}/Media/ME[0-9a-f]{32}")


def reference(address: str) -> str:
    """What to keep of a `MediaUrl0`; "" for an address of another shape."""
    found = _ADDRESS.fullmatch(address)
    return found[1] if found else ""


def fetch(settings: Settings, name: str, media_id: str) -> tuple[bytes, str]:
    """The sound and its media type. Raises SendError."""
    if not outgoing.is_allowed(settings, name):
        raise SendError("not_in_development")
    if not _REFERENCE.fullmatch(media_id):
        raise SendError("bad_reference")
    base = outgoing.api_base(settings, name)
    account, token = settings.twilio_account_sid, settings.twilio_auth_token.get_secret_value()
    url = f"{base or HOST}/2010-04-01/Accounts/{account}/Messages/{media_id}"
    with requests.Session() as session:
        session.trust_env = not outgoing.is_loopback(base)
        try:
            return outgoing.sound(session, url, auth=(account, token))
        except outgoing.Moved as moved:
            if not outgoing.leads_to(moved.url, STORES, base=base):
                raise SendError("wrong_host") from None
            return outgoing.sound(session, moved.url)
