"""One kept connection for form posts: a quarter of what a session of requests costs, where thousands of texts leave.

Errors are told as in `outgoing`: only where no byte left may a message be sent again.
"""

import base64
import http.client
import json
import select
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, unquote, urlencode, urlsplit

import certifi
from requests.utils import get_environ_proxies, select_proxy

from bot.errors import SendError
from handlers import outgoing


@dataclass(frozen=True, slots=True)
class Reply:
    """As much of a reply of requests as gateway libraries read."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """Decoded as UTF-8; what is not, replaced."""
        return self.content.decode(errors="replace")

    def json(self) -> Any:
        """Raises SendError for what is none: whether it was taken, nobody knows."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            raise SendError("unreadable_reply", unknown=True) from None


@dataclass(slots=True)
class Kept:
    """A line to one host. For one thread."""

    _connection: http.client.HTTPConnection | None = None
    _place: tuple[str, str] = ("", "")
    _tls: ssl.SSLContext | None = field(default=None, repr=False)

    def post(self, url: str, *, headers: Mapping[str, str], form: Any, timeout: tuple[float, float]) -> Reply:
        """`timeout`: seconds to connect, to read. Follows no redirect. Raises SendError."""
        parts = urlsplit(url)
        connection = self._open(parts, url, timeout)
        body = urlencode(form).encode()
        sent = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
        try:
            connection.request("POST", parts.path or "/", body, sent)
            reply = connection.getresponse()
            found = {name.lower(): value for name, value in reply.headers.items()}
            return Reply(reply.status, _Headers(found), reply.read())
        except TimeoutError:
            self.close()
            raise SendError("read_timeout", unknown=True) from None
        except (OSError, http.client.HTTPException):
            self.close()
            raise SendError("connection_lost", unknown=True) from None

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """The next call opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _open(self, parts: SplitResult, url: str, timeout: tuple[float, float]) -> http.client.HTTPConnection:
        place = (parts.scheme, parts.netloc)
        connection = self._connection
        if connection is not None and (self._place != place or _cut(connection.sock)):
            self.close()
            connection = None
        if connection is None:
            connection = self._connection = self._connect(parts, url, timeout[0])
            self._place = place
        if connection.sock is not None:  # the answer to "Connection: close" takes it away
            connection.sock.settimeout(timeout[1])
        return connection

    def _connect(self, parts: SplitResult, url: str, patience: float) -> http.client.HTTPConnection:
        try:
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                raise SendError("bad_api_url")
            proxy = "" if outgoing.is_loopback(url) else select_proxy(url, get_environ_proxies(url)) or ""
            connection = self._through(proxy, parts, patience) if proxy else self._straight(parts, patience)
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except ValueError:
            raise SendError("bad_api_url") from None
        except (OSError, http.client.HTTPException):
            self.close()
            raise SendError("no_connection", retryable=True) from None
        return connection

    def _straight(self, parts: SplitResult, patience: float) -> http.client.HTTPConnection:
        host = parts.hostname or ""
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, parts.port, timeout=patience)
        return http.client.HTTPSConnection(host, parts.port, timeout=patience, context=self._context())

    def _through(self, proxy: str, parts: SplitResult, patience: float) -> http.client.HTTPConnection:
        """A tunnel, whatever the scheme: the proxy sees neither path nor words."""
        middle = urlsplit(proxy if "//" in proxy else f"http://{proxy}")
        host, port = middle.hostname or "", middle.port or 3128
        if parts.scheme == "http":
            connection = http.client.HTTPConnection(host, port, timeout=patience)
        else:
            connection = http.client.HTTPSConnection(host, port, timeout=patience, context=self._context())
        name = f"{unquote(middle.username or '')}:{unquote(middle.password or '')}"
        known = {"Proxy-Authorization": "Basic " + base64.b64encode(name.encode()).decode()} if middle.username else {}
        connection.set_tunnel(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80), known)
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=certifi.where())
        return self._tls


class _Headers(dict[str, str]):
    """Names in small letters, asked for in any."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


def _cut(sock: socket.socket | None) -> bool:
    """Did the other side close while nobody looked? A byte on a line that waits for none is its goodbye."""
    return sock is None or bool(select.select([sock], [], [], 0)[0])
