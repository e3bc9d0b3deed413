"""A person who talks to the pure engine: fake lookups, ids that count up, the session saved and reread every turn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import msgspec

from bot.content.screens import Content
from bot.engine.asking import pushed_question
from bot.engine.effects import AnyEffect
from bot.engine.going_on import offer
from bot.engine.hearing import milliseconds
from bot.engine.ports import Checked, File, Found
from bot.engine.session import Contact, Session
from bot.engine.step import Step, step
from bot.errors import LookupAway
from bot.messages import Channel, Inbound
from bot.text.cases import obvious_code
from bot.text.damm import check_digit

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PHONE = "+22790001234"
NO_PHONE = "whatsapp:NE.0000001"
NOTHING = Found("none")  # what a look-up answers that a story says nothing of


@dataclass
class FakeLookups:
    """One file, known by number and code; not enrolled while `code` is empty."""

    case: str = "482719368"
    born: str = "1991"
    code: str = "7306"
    file: File = field(default_factory=lambda: File("482719368", "TRAINING_WAIT", date(2026, 11, 2), news=True))
    away: bool = False
    call_now_for: str = ""
    staff: bool = False
    closed: str = ""
    found: dict[str, Found] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def check(self, case: str, secret: str) -> Checked:
        if self.away:
            raise LookupAway("away")
        if case not in (self.case, self.case[-3:]):
            return Checked("no_match")
        if self.code and secret == self.code:
            return Checked("ok", self.case, self.file)
        if not self.code and case == self.case and secret == self.born:
            return Checked("choose_code", self.case)
        return Checked("no_match")

    def choose_code(self, case: str, code: str) -> bool:
        self.code = code
        return True

    def obvious(self, case: str, code: str) -> bool:
        return obvious_code(code, phone=PHONE, case=case, today=date(2026, 11, 23))

    def ticket(self, ticket: str) -> str:
        if self.away:
            raise LookupAway("away")
        return "call_now" if ticket == self.call_now_for else "closed" if ticket == self.closed else "waiting"

    def of_staff(self) -> bool:
        if self.away:
            raise LookupAway("away")
        return self.staff

    def find(self, what: str, values: Mapping[str, str]) -> Found:
        if self.away:
            raise LookupAway("away")
        self.asked.append((what, dict(values)))
        return self.found.get(what, NOTHING)


class CountingIds:
    """Readable ids, a new series each turn."""

    def __init__(self, turn: int) -> None:
        self._turn = turn

    def referral(self, n: int) -> str:
        return f"{self._turn:031x}{n}"

    def ticket(self, n: int) -> str:
        digits = f"{482_000 + 10 * self._turn + n:06d}"
        return digits + check_digit(digits)


class Speaker:
    """`says` on any channel; on USSD `dials` first, and the transcript grows as the gateway's does."""

    def __init__(
        self, content: Content, *, channel: str = "ussd", language: str = "", address: str = PHONE, **lookups: object
    ) -> None:
        self.content = content
        self.address = address
        self.channel = Channel(channel)
        self.session: Session | None = None
        self.contact = Contact(language=language)
        self.lookups = FakeLookups(**lookups)  # type: ignore[arg-type]
        self.now = START
        self.turns = 0
        self.dialled = 0
        self.transcript = ""
        self.effects: list[AnyEffect] = []
        self.kept = ""  # the payload of a button on an older message
        self.last: Step | None = None

    def dials(self) -> str:
        """A new USSD session."""
        self.dialled += 1
        self.transcript = ""
        return self._turn("")

    def says(self, text: str, *, sent: timedelta = timedelta(0), choice: str = "", media: str = "") -> str:
        """One message; `sent` earlier than now by this much."""
        if self.channel is Channel.USSD:
            started = self.session is not None and self.session.transcript > 0
            self.transcript = f"{self.transcript}*{text}" if started else text
            return self._turn(self.transcript)
        return self._turn(text, sent=sent, choice=choice, media=media)

    def drops(self, to: str, *, there: Session | None = None) -> str:
        """The USSD line drops; goes on by `to` if that is offered. What is sent there, or ""."""
        ended = f"session-{self.dialled}"
        flows, channel = self.content.flows, Channel(to)
        offered = offer(flows, self.session, there, self.contact, ended=ended, channel=channel, now=self.now)
        if offered is None:
            return ""
        self.channel, self.session = channel, offered
        self.now += timedelta(seconds=20)
        return self.content.speak(offered.state, {}, channel=to, language=self.contact.language).text

    def taps(self, key: str) -> str:
        """A button of the last message (WhatsApp)."""
        return self.says("", choice=self._button(key))

    def keeps(self, key: str) -> None:
        """Remember a button of the last message, to tap it much later."""
        self.kept = self._button(key)

    def _button(self, key: str) -> str:
        assert self.last is not None
        reply = self.last.replies[-1]
        spoken = self.content.speak(reply.key, reply.arguments, channel="whatsapp", language=self.contact.language)
        return next(button.payload for button in spoken.buttons if button.payload.endswith(f":{key}"))

    def is_asked(self, ticket: str) -> None:
        """ "Is this solved?" was pushed."""
        self.is_pushed("solved", ticket=ticket)

    def is_pushed(self, entry: str, **values: str) -> str:
        """A question of ours was pushed; its words."""
        self.session = pushed_question(self.content.flows, entry, self.channel, values, now=self.now)
        return self.content.speak(self.session.state, values, channel=self.channel, language=self.contact.language).text

    def hears_from_staff(self, channel: str) -> None:
        """Somebody of the staff wrote: the bot is silent on that channel for an hour."""
        until = milliseconds(self.now + timedelta(minutes=60))
        self.contact = msgspec.structs.replace(self.contact, human_until=until, human_on=channel)

    def waits(self, **span: float) -> None:
        """Time goes by."""
        self.now += timedelta(**span)

    def hurries(self) -> None:
        """The next message comes two seconds after the last."""
        self.now -= timedelta(seconds=18)

    def _turn(
        self, text: str, *, sent: timedelta = timedelta(0), choice: str = "", media: str = "", number: int = 0
    ) -> str:
        self.turns += 1
        inbound = Inbound(
            gateway="test",
            external_id=str(self.turns),
            channel=self.channel,
            address=self.address,
            text=text,
            sent_at=self.now - sent,
            session=f"session-{self.dialled}" if self.channel is Channel.USSD else "",
            choice=choice,
            media=media,
            step=number,
        )
        self.last = step(
            self.content.flows,
            _reread(self.session, Session),
            _reread(self.contact, Contact) or Contact(),
            inbound,
            self.now,
            lookups=self.lookups,
            ids=CountingIds(self.turns),
        )
        self.session, self.contact = self.last.session, self.last.contact
        self.effects += self.last.effects
        self.now += timedelta(seconds=20)
        return self._heard()

    def _heard(self) -> str:
        assert self.last is not None
        screens = []
        for reply in self.last.replies:
            spoken = self.content.speak(
                reply.key,
                reply.arguments,
                channel=self.channel,
                language=self.contact.language,
                page=reply.page,
            )
            prefix = ("END " if reply.final else "CON ") if self.channel is Channel.USSD else ""
            screens.append(prefix + spoken.text)
        return "\n".join(screens)


def _reread(value, kind):  # type: ignore[no-untyped-def]
    return None if value is None else msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=kind)
