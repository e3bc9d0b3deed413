"""E-mail to staff by an SMTP server; nothing comes in this way, and nobody outside the staff is ever written to.

The text is the alert as an SMS carries it, short and neutral (safety 15): mail lies unencrypted in many hands. One
connection a message: alerts are few, and a kept connection that the server has closed would look like a lost message.
"""

import re
import smtplib
import socket
import ssl
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import urlsplit

from flask import Request, Response

from bot.config import Settings
from bot.errors import BadPayload, BadSignature, SendError
from bot.gateway import Event, Gateway
from bot.messages import Channel, Outbound, Sent
from bot.reasons import Why
from handlers import outgoing

TIMEOUT = 10.0  # seconds of one word to the server and its answer
SUBJECT = "Maraba"
PORTS = {"smtp": 587, "smtps": 465}
WHY = {
    "smtp_auth": Why.ACCOUNT,
    "smtp_no_tls": Why.ACCOUNT,
    "smtp_sender": Why.ACCOUNT,
    "smtp_550": Why.BAD_NUMBER,
    "smtp_551": Why.BAD_NUMBER,
    "smtp_553": Why.BAD_NUMBER,
    "smtp_552": Why.PHONE_OFF,  # the mailbox is full
    "smtp_554": Why.REFUSED_TEXT,
    "smtp_421": Why.GATEWAY_DOWN,
    "smtp_450": Why.PHONE_OFF,
    "smtp_451": Why.GATEWAY_DOWN,
    "smtp_452": Why.TOO_FAST,
}
_ADDRESS = re.compile(r"[^@\s<>\x00-\x1f]+@[^@\s<>\x00-\x1f]+", re.ASCII)  # nothing that could be a line of SMTP


class Email(Gateway):
    """The gateway. `smtp` begins in the clear and must then go over to TLS, but for a server on this machine."""

    name = Channel.EMAIL.value
    channels = frozenset({Channel.EMAIL})
    resends_for: float = 0.0
    reasons = WHY

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        url = urlsplit(settings.smtp_url)
        self._scheme, self._host = url.scheme, url.hostname or ""
        self._port = url.port or PORTS[url.scheme]

    def verify(self, request: Request, secret: str | None) -> None:
        """Nobody calls us."""
        raise BadSignature("e-mail has no hooks")

    def parse(self, request: Request, kind: str) -> list[Event]:
        """Nothing comes in."""
        raise BadPayload("no such hook")

    def render(self, kind: str, text: str | None, *, final: bool) -> Response:
        """Never asked for."""
        return Response(b"")

    def render_down(self, kind: str, text: str) -> Response:
        """Never asked for."""
        return Response(b"", status=503)

    def send(self, message: Outbound) -> Sent:
        """One message. Raises SendError; `unknown` where the connection was cut after the text had gone out."""
        if message.channel is not Channel.EMAIL:
            raise SendError("channel_not_carried")
        if not is_allowed(self._settings):
            raise SendError("not_in_development")
        if not _ADDRESS.fullmatch(message.to):
            raise SendError("smtp_550")
        mail, said = self._mail(message), False
        try:
            with self._server() as server:
                self._enter(server)
                _answered(server.mail(self._settings.email_from), refused="smtp_sender")
                _answered(server.rcpt(message.to))
                said = True
                _answered(server.data(mail))
        except smtplib.SMTPAuthenticationError:
            raise SendError("smtp_auth", retryable=True, account=True) from None
        except smtplib.SMTPNotSupportedError:
            raise SendError("smtp_no_tls", retryable=True, account=True) from None
        except smtplib.SMTPResponseException as error:
            raise _refusal(error.smtp_code) from None
        except (smtplib.SMTPException, OSError):
            # an error of the library repeats what was said: address and text stay out of it
            raise SendError("connection_lost" if said else "no_connection", unknown=said, retryable=not said) from None
        return Sent(f"<{message.id}@maraba>")

    def _server(self) -> smtplib.SMTP:
        own_name = socket.gethostname() or "localhost"
        if self._scheme == "smtps":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self._host, self._port, own_name, timeout=TIMEOUT, context=context)
        return smtplib.SMTP(self._host, self._port, own_name, timeout=TIMEOUT)

    def _enter(self, server: smtplib.SMTP) -> None:
        server.ehlo_or_helo_if_needed()
        if self._scheme == "smtp" and not outgoing.is_loopback(self._settings.smtp_url):
            server.starttls(context=ssl.create_default_context())
            server.ehlo()
        if self._settings.smtp_username:
            server.login(self._settings.smtp_username, self._settings.smtp_password.get_secret_value())

    def _mail(self, message: Outbound) -> bytes:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = self._settings.email_from, message.to, SUBJECT
        mail["Date"], mail["Message-ID"] = formatdate(), f"<{message.id}@maraba>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no "out of office" comes back
        mail.set_content(message.text)
        return mail.as_bytes()


def is_allowed(settings: Settings) -> bool:
    """Development writes to a server on this machine and nowhere else."""
    return not settings.development or outgoing.is_loopback(settings.smtp_url)


def _answered(answer: tuple[int, bytes], *, refused: str = "") -> None:
    code = answer[0]
    if 200 <= code < 300:
        return
    raise SendError(refused, retryable=True, account=True) if refused and code >= 500 else _refusal(code)


def _refusal(code: int) -> SendError:
    """4xx: later may help (RFC 5321, 4.2.1). Nothing of the server's words is kept: they may repeat the address."""
    return SendError(f"smtp_{code}", retryable=400 <= code < 500)
