"""A server for e-mail, on this machine: takes what it is given, or answers one of the commands with a refusal."""

import socketserver
import threading
from email import message_from_bytes
from email.message import Message
from typing import Self


class Smtp:
    """`mails`: what was taken, (recipient, message). `refuse`: the answer by command, `RCPT: 550 no such user`.

    `cut`: hangs up instead of answering this command; `END` is the end of the text.
    """

    def __init__(self) -> None:
        self.mails: list[tuple[str, Message]] = []
        self.logins: list[str] = []
        self.refuse: dict[str, str] = {}
        self.cut = ""
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                outer._talk(self)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"smtp://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *details: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _talk(self, line: socketserver.StreamRequestHandler) -> None:
        def say(words: str) -> None:
            line.wfile.write(words.encode() + b"\r\n")

        say("220 stand-in")
        recipient = ""
        while True:
            said = line.rfile.readline().decode().strip()
            command = said[:4].upper()
            if not command or command in {"QUIT", self.cut}:
                return
            if command in self.refuse:
                say(self.refuse[command])
            elif command == "EHLO":
                say("250-stand-in\r\n250 AUTH PLAIN")
            elif command == "AUTH":
                self.logins.append(said)
                say("235 welcome")
            elif command == "DATA":
                say("354 go on")
                text = self._text(line)
                if self.cut == "END":
                    return
                if "END" in self.refuse:
                    say(self.refuse["END"])
                    continue
                self.mails.append((recipient, message_from_bytes(text)))
                say("250 taken")
            else:
                recipient = said.partition("<")[2].partition(">")[0] if command == "RCPT" else recipient
                say("250 well")

    @staticmethod
    def _text(line: socketserver.StreamRequestHandler) -> bytes:
        found = b""
        while (one := line.rfile.readline()) not in (b".\r\n", b""):
            found += one
        return found
