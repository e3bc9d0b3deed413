"""A lean client for the two calls of a turn: one socket a thread, hiredis to pack and parse.

redis-py serves everything else. Here it would cost six times the processor of the call itself
(docs/decisions/0003). One retry on a broken connection: every call made through this client may run twice.
"""

import hashlib
import socket
import ssl
import struct
import threading
from typing import Any

import hiredis
from redis.connection import SSLConnection, parse_url

from bot.errors import StoreDown

Argument = bytes | str | int


class Script:
    """A Lua script, by its digest; loaded where the server does not know it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


class Wire:
    """Calls to one Redis or Valkey. Threads share the object, never a connection."""

    def __init__(self, url: str, *, timeout: float) -> None:
        self._options = dict(parse_url(url))  # type: ignore[no-untyped-call]
        self._timeout = timeout
        self._local = threading.local()
        self._open: set[socket.socket] = set()

    def call(self, *command: Argument) -> Any:
        """One command, one round trip. Raises StoreDown for anything but an answer."""
        try:
            answer = self._exchange(command)
        except OSError:
            self._drop()
            answer = self._again(command)
        if isinstance(answer, hiredis.ReplyError):
            raise StoreDown(str(answer).split(" ", 1)[0]) from None
        return answer

    def run(self, script: Script, keys: list[str], arguments: list[Argument]) -> Any:
        """Run a script by digest; raises StoreDown."""
        try:
            return self.call("EVALSHA", script.sha, len(keys), *keys, *arguments)
        except StoreDown as error:
            if str(error) != "NOSCRIPT":
                raise
        self.call("SCRIPT", "LOAD", script.source)
        return self.call("EVALSHA", script.sha, len(keys), *keys, *arguments)

    def close(self) -> None:
        """Close the connections of all threads; nobody may be in a call."""
        while self._open:
            self._open.pop().close()
        self._local = threading.local()

    def _again(self, command: tuple[Argument, ...]) -> Any:
        try:
            return self._exchange(command)
        except OSError as error:
            self._drop()
            raise StoreDown(type(error).__name__) from None

    def _exchange(self, command: tuple[Argument, ...]) -> Any:
        connection = getattr(self._local, "connection", None) or self._connect()
        link, reader = connection
        link.sendall(hiredis.pack_command(command))  # type: ignore[arg-type]  # its stub knows tuples of one
        return self._read(link, reader)

    @staticmethod
    def _read(link: socket.socket, reader: hiredis.Reader) -> Any:
        answer = reader.gets()
        while answer is False:
            received = link.recv(65_536)
            if not received:
                raise ConnectionResetError("closed by the server")
            reader.feed(received)
            answer = reader.gets()
        return answer

    def _connect(self) -> tuple[socket.socket, hiredis.Reader]:
        link = self._dial()
        reader = hiredis.Reader()
        try:
            for greeting in self._greetings():
                link.sendall(hiredis.pack_command(greeting))  # type: ignore[arg-type]  # its stub knows tuples of one
                answer = self._read(link, reader)
                if isinstance(answer, hiredis.ReplyError):
                    raise StoreDown(str(answer).split(" ", 1)[0])
        except (OSError, StoreDown):
            link.close()
            raise
        self._local.connection = (link, reader)
        self._open.add(link)
        return link, reader

    def _dial(self) -> socket.socket:
        options = self._options
        if "path" not in options:
            return self._dial_network(options.get("host", "localhost"), options.get("port", 6379))
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            link.settimeout(self._timeout)
            link.connect(options["path"])
        except OSError:
            link.close()
            raise
        self._let_kernel_time_out(link)
        return link

    def _dial_network(self, host: str, port: int) -> socket.socket:
        link = socket.create_connection((host, port), timeout=self._timeout)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._options.get("connection_class") is SSLConnection:
            return ssl.create_default_context().wrap_socket(link, server_hostname=host)
        self._let_kernel_time_out(link)
        return link

    def _let_kernel_time_out(self, link: socket.socket) -> None:
        """The same time-out without Python's poll before every call, which doubles the system calls of a turn."""
        span = struct.pack("ll", int(self._timeout), int(self._timeout % 1 * 1_000_000))
        link.settimeout(None)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, span)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, span)

    def _greetings(self) -> list[tuple[Argument, ...]]:
        options, greetings = self._options, []
        if options.get("password"):
            user = (options["username"],) if options.get("username") else ()
            greetings.append(("AUTH", *user, options["password"]))
        if options.get("db"):
            greetings.append(("SELECT", options["db"]))
        return greetings

    def _drop(self) -> None:
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            self._local.connection = None
            self._open.discard(connection[0])
            connection[0].close()
