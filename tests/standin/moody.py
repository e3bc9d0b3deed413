"""A gateway in a bad mood: Africa's Talking's SMS call, failing a share of all calls in every way there is."""

import asyncio
import json
import random
import socket
import struct
import threading
from collections import Counter
from typing import Any, Self
from urllib.parse import parse_qs

WAYS = ("refused", "reset", "slow", "429", "500", "cut")
AWAY = 0.02  # seconds that nobody listens, for `refused`


class Moody:
    """`failing`: the share of calls. `taken` counts (number, text) as accepted; `ways` counts calls by what was done to
    them.

    refused: nobody listens for a moment, after this connection was closed untouched; reset: cut before anything was
    taken; slow: taken, answered after `patience` seconds; cut: taken, half of the answer sent.
    """

    def __init__(self, *, failing: float = 0.0, patience: float = 1.0, seed: int = 7) -> None:
        self.failing, self.patience = failing, patience
        self.taken: Counter[tuple[str, str]] = Counter()
        self.ways: Counter[str] = Counter()
        self.port = 0
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.AbstractServer | None = None
        self._lines: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *details: object) -> None:
        asyncio.run_coroutine_threadsafe(self._leave(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=128)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _leave(self) -> None:
        if self._server is not None:
            self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for line in self._lines:
            line.transport.abort()
        await asyncio.sleep(0.01)  # what was aborted is closed in the loop's next round

    async def _away(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            self._loop.remove_reader(server.sockets[0].fileno())
            await asyncio.sleep(AWAY / 2)  # asyncio leaks what it is just accepting from a server that closes
            server.close()
            await asyncio.sleep(AWAY)
            await self._listen()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._lines.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                form = parse_qs((await reader.readexactly(length)).decode())
                if not await self._answer(form, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._lines.discard(writer)
            writer.close()

    async def _answer(self, form: dict[str, list[str]], writer: asyncio.StreamWriter) -> bool:
        way = self._random.choice(WAYS) if self._random.random() < self.failing else "taken"
        self.ways[way] += 1
        numbers, words = form["to"][0].split(","), form["message"][0]
        if way in {"taken", "slow", "cut"}:
            self.taken.update((number, words) for number in numbers)
        body = json.dumps(_reply(numbers, sum(self.ways.values()))).encode()
        if way == "refused":
            self._loop.create_task(self._away())
        if way in {"refused", "reset"}:
            _reset(writer)
            return False
        if way == "slow":
            await asyncio.sleep(self.patience)
        if way == "cut":
            writer.write(_head("201 Created", len(body)) + body[: len(body) // 2])
            await writer.drain()
            return False
        if way in {"429", "500"}:
            writer.write(_head("429 Too Many" if way == "429" else "500 Out of order", 0))
        else:
            writer.write(_head("201 Created", len(body)) + body)
        await writer.drain()
        return True


def _reset(writer: asyncio.StreamWriter) -> None:
    link: Any = writer.get_extra_info("socket")
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


def _head(status: str, length: int) -> bytes:
    extra = "Retry-After: 2\r\n" if status.startswith("429") else ""
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{extra}Content-Length: {length}\r\n\r\n".encode()


def _reply(numbers: list[str], first: int) -> dict[str, Any]:
    rows = [
        {"statusCode": 101, "number": number, "status": "Success", "cost": "XOF 12.0000", "messageId": f"AT{first}n{n}"}
        for n, number in enumerate(numbers)
    ]
    return {"SMSMessageData": {"Message": "Sent", "Recipients": rows}}
