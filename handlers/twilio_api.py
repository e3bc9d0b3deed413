"""Calls of Twilio's API through its own library: one client a thread, every way to fail as a SendError."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from bot.config import Settings
from bot.errors import SendError
from handlers import outgoing

TIMEOUT = 8.0  # seconds to connect, and to read
OPTED_OUT = "21610"
REFUSALS = {  # all others: this message will never be taken as it is
    # Our account, not the message: nothing was sent, and nothing will be until somebody has seen to it.
    20003: partial(SendError, "20003", retryable=True, account=True),
    20005: partial(SendError, "20005", retryable=True, account=True),
    30002: partial(SendError, "30002", retryable=True, account=True),
    20429: partial(SendError, "20429", retryable=True),
    21610: partial(SendError, OPTED_OUT, suppress=True),
    30003: partial(SendError, "30003", retryable=True, retry_after=outgoing.LONGEST_WAIT),  # phone off
    30008: partial(SendError, "30008", retryable=True),
    63017: partial(SendError, "63017", retryable=True),
    63018: partial(SendError, "63018", retryable=True),
}


class Api:
    """The account's API. `name` is the gateway's: it chooses the base address."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings = settings
        self._name = name
        self._own = threading.local()

    def call(self, ask: Callable[[Any], Any]) -> Any:
        """What `ask` makes of the library's client; raises SendError for whatever goes wrong."""
        http, client = self.own_client()
        try:
            return ask(client)
        except requests.RequestException as error:
            raise outgoing.transport_error(error) from None
        except TwilioRestException as error:
            raise _refusal(error, http.retry_after) from None
        except TwilioException:  # what lists raise, with neither code nor status
            if http.status >= 300:
                raise outgoing.http_error(http.status, http.retry_after) from None
            raise SendError("unreadable_reply", unknown=True) from None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise SendError("unreadable_reply", unknown=True) from None

    def own_client(self) -> tuple["_Http", Any]:
        """The client of this thread: Twilio's keeps a session and its last reply, and promises no thread safety."""
        own: tuple[_Http, Any] | None = getattr(self._own, "client", None)
        if own is None:
            settings, http = self._settings, _Http(outgoing.api_base(self._settings, self._name))
            token = settings.twilio_auth_token.get_secret_value()
            try:
                own = self._own.client = (http, Client(settings.twilio_account_sid, token, http_client=http))
            except TwilioException:  # no account or no token in the settings
                raise refused(20003) from None
        return own


def refused(code: int) -> SendError:
    """What an error code of Twilio means for a message."""
    made: SendError = REFUSALS.get(code, partial(SendError, str(code)))()
    return made


class _Http(TwilioHttpClient):  # type: ignore[misc]
    """Twilio's own client, to another base address where one is set; keeps what its exceptions lose."""

    def __init__(self, base: str) -> None:
        # Its logger writes headers and addresses of requests: a quiet one instead.
        super().__init__(timeout=TIMEOUT, logger=_SILENT)
        self._base = base
        self.status = 0
        self.retry_after: str | None = None
        if outgoing.is_loopback(base):
            self.session.trust_env = False  # no proxy between us and a stand-in

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        if self._base:
            there = urlsplit(url)
            url = self._base + there.path + ("?" + there.query if there.query else "")
        self.status, self.retry_after = 0, None
        reply = super().request(method, url, *args, **kwargs)
        self.status = int(reply.status_code)
        self.retry_after = reply.headers.get("Retry-After") if reply.headers else None
        return reply


_SILENT = logging.getLogger("handlers.twilio.silent")
_SILENT.disabled = True


def _refusal(error: TwilioRestException, retry_after: str | None) -> SendError:
    """By Twilio's code where it gives one of its own, else by the HTTP status."""
    code = error.code if isinstance(error.code, int) else error.status
    if code == error.status or error.status >= 500:
        return outgoing.http_error(int(error.status), retry_after)
    made = refused(code)
    if error.status == 429:
        made.retryable = True
    if made.retryable:
        made.retry_after = outgoing.seconds(retry_after) or made.retry_after
    return made
