"""A phone in the terminal: it dials the running service through the real hook, as Africa's Talking would."""

import secrets
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable

from bot.config import Settings
from bot.errors import BotError

END_OF_CALL = "(the line is closed)"


class NoAnswer(BotError):
    """The service is not there or refused the call; the message says which."""


def run(
    settings: Settings,
    *,
    phone: str,
    channel: str,
    ask: Callable[[str], str] = input,
    say: Callable[[str], None] = print,
) -> None:
    """Dial and answer until the line closes or the input ends (Ctrl-D: drop the line).

    `channel` is `ussd`; SMS and WhatsApp answers leave later and by themselves, the simulator shows them.
    """
    if channel != "ussd":
        raise NoAnswer("Only ussd can be talked in a terminal; open /simulator for sms and whatsapp.")
    session, typed = f"talk-{secrets.token_hex(8)}", list[str]()
    while True:
        answer = _dial(settings, phone=phone, session=session, text="*".join(typed))
        kind, _, screen = answer.partition(" ")
        say(f"\n{screen}\n")
        if kind != "CON":
            say(END_OF_CALL)
            return
        try:
            typed.append(ask("> ").strip())
        except EOFError:
            say(END_OF_CALL)
            return


def _dial(settings: Settings, *, phone: str, session: str, text: str) -> str:
    url = f"http://127.0.0.1:{settings.port}/hooks/africastalking/{settings.hook_secrets[0]}/ussd"
    form = {
        "sessionId": session,
        "phoneNumber": phone,
        "networkCode": "61404",
        "serviceCode": settings.short_code,
        "text": text,
    }
    try:
        with urllib.request.urlopen(url, data=urllib.parse.urlencode(form).encode(), timeout=10) as answer:  # noqa: S310
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        raise NoAnswer(f"The service refused the call with status {error.code}.") from None
    except OSError:
        raise NoAnswer(f"Nothing answers on port {settings.port}; start it with `make run` first.") from None
