"""What calls to any gateway's API share: where they go, and what a failed call means."""

import ipaddress
import re
import time
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NameResolutionError, NewConnectionError

from bot.config import Settings
from bot.errors import SendError

LONGEST_WAIT = 300.0  # seconds that a gateway may ask us to wait: alerts wait there too
SOUND_LIMIT = 5 * 1024 * 1024  # bytes of a voice note: more than an hour
SOUND_TIMEOUT = 4.0, 10.0  # seconds to connect, to read
SOUND_SECONDS = 30.0  # for all of it
_AUDIO = re.compile(r"audio/[a-z0-9.+-]{1,40}")
NEVER_LEFT = (NewConnectionError, NameResolutionError, ConnectTimeoutError)


def api_base(settings: Settings, name: str) -> str:
    """Base address that replaces the gateway's own, without a slash at the end; "" for the real one.

    Development without a setting: the simulator of this very service.
    """
    given: str = getattr(settings, f"{name}_api_url")
    if not given and settings.development:
        given = f"http://127.0.0.1:{settings.port}/simulator/gateway/{name}"
    return given.rstrip("/")


def is_allowed(settings: Settings, name: str) -> bool:
    """Development writes to loopback addresses and nowhere else; production to what its settings say."""
    return not settings.development or is_loopback(api_base(settings, name))


def is_loopback(url: str) -> bool:
    """True where the host is `localhost` or a loopback address; a name is never looked up."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def transport_error(error: requests.RequestException) -> SendError:
    """No answer came. Only where no byte left may the message be sent again."""
    reason = error.args[0] if error.args else None
    if isinstance(reason, MaxRetryError):
        reason = reason.reason
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.SSLError):
        return SendError("no_connection", retryable=True)
    if isinstance(reason, NEVER_LEFT):
        return SendError("no_connection", retryable=True)
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
        return SendError("bad_api_url")
    if isinstance(error, requests.exceptions.Timeout):
        return SendError("read_timeout", unknown=True)
    return SendError("connection_lost", unknown=True)


def http_error(status: int, retry_after: str | None = None) -> SendError:
    """A refusal that carries no code of the gateway. 502 and 504 come from a proxy: behind it, it may have been taken."""
    code = f"http_{status}"
    if status in {502, 504}:
        return SendError(code, unknown=True)
    if status in {429, 500, 503}:
        return SendError(code, retryable=True, retry_after=seconds(retry_after))
    return SendError(code)


def seconds(retry_after: str | None) -> float | None:
    """A Retry-After header in seconds, at most `LONGEST_WAIT`; None where it is absent or a date."""
    if retry_after and retry_after.isascii() and retry_after.isdigit():
        return min(float(retry_after[:9]), LONGEST_WAIT)
    return None


def leads_to(url: str, hosts: tuple[str, ...], *, base: str) -> bool:
    """Does an address that a gateway told us stay with that gateway: https at one of its hosts, or the set base?"""
    try:
        parts, ours = urlsplit(url), urlsplit(base)
        place, wanted = (parts.scheme, parts.hostname, parts.port), (ours.scheme, ours.hostname, ours.port)
    except ValueError:
        return False
    if parts.username is not None or parts.password is not None:
        return False
    if base:
        return place == wanted
    host = parts.hostname or ""
    return parts.scheme == "https" and parts.port in {None, 443} and host.endswith(tuple("." + one for one in hosts))


def sound(session: requests.Session, url: str, **more: Any) -> tuple[bytes, str]:
    """The sound at an address and its media type: `audio/…`, 5 MB at most, within 30 s.

    Never leads elsewhere: a redirect raises `Moved`. Raises SendError; a call that was cut may always be repeated.
    """
    end = time.monotonic() + SOUND_SECONDS
    try:
        with session.get(url, stream=True, timeout=SOUND_TIMEOUT, allow_redirects=False, **more) as reply:
            if reply.is_redirect:
                raise Moved(urljoin(url, reply.headers["Location"]))
            if reply.status_code in {401, 403}:
                raise SendError(f"http_{reply.status_code}", account=True)
            if reply.status_code != 200:
                raise http_error(reply.status_code, reply.headers.get("Retry-After"))
            media_type = _sound_type(reply.headers.get("Content-Type", ""))
            data = bytearray()
            for chunk in reply.iter_content(65_536):
                data += chunk
                if len(data) > SOUND_LIMIT:
                    raise SendError("too_big")
                if time.monotonic() > end:
                    raise SendError("too_slow", retryable=True)
    except requests.RequestException as error:
        raise fetch_error(error) from None
    if not data:
        raise SendError("empty", retryable=True)
    return bytes(data), media_type


def fetch_error(error: requests.RequestException) -> SendError:
    """Nothing is sent by fetching: whatever cut the call, it may be made again."""
    return SendError(transport_error(error).code, retryable=True)


class Moved(SendError):
    """The sound is at another address; whoever asked decides whether to go there, and with which credentials."""

    def __init__(self, url: str) -> None:
        super().__init__("moved")
        self.url = url


def _sound_type(content_type: str) -> str:
    found = content_type.partition(";")[0].strip().lower()
    if found == "application/ogg":
        return "audio/ogg"
    if not _AUDIO.fullmatch(found):
        raise SendError("not_audio")
    return found
