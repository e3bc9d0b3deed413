"""A stand-in that answers at once: Africa's Talking's SMS call on loopback, one process, nothing kept but a count."""

import asyncio
import json
import sys
from urllib.parse import parse_qs


class _Line(asyncio.Protocol):
    """One kept connection."""

    taken = 0

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(body) < length:
            return
        self._buffer = body[length:]
        numbers = parse_qs(body[:length].decode())["to"][0].split(",")
        self._transport.write(_answer(numbers, _Line.taken))
        _Line.taken += len(numbers)


def _answer(numbers: list[str], first: int) -> bytes:
    recipients = [
        {"statusCode": 101, "number": number, "status": "Success", "cost": "XOF 12.0000", "messageId": f"ATXid_{n}"}
        for n, number in enumerate(numbers, start=first)
    ]
    body = json.dumps({"SMSMessageData": {"Message": "Sent", "Recipients": recipients}}).encode()
    head = f"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def serve() -> None:
    """Until killed; says its port on the first line."""
    server = await asyncio.get_running_loop().create_server(_Line, "127.0.0.1", 0, backlog=128)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    sys.exit(asyncio.run(serve()))
