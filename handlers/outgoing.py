"""What calls to any gateway's API share: where they go, and what a failed call means."""

import ipaddress
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NameResolutionError, NewConnectionError

from bot.config import Settings
from bot.errors import SendError

LONGEST_WAIT = 300.0  # seconds that a gateway may ask us to wait: alerts wait there too
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
