"""One turn: load, step, commit. The only place where the pure engine meets the stores."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import msgspec
import structlog

from bot.asking import Answers
from bot.cases import asking as of_cases
from bot.cases.lookups import Lookups
from bot.community import asking as of_communities
from bot.content.screens import Content, Spoken
from bot.engine.ports import Asked, Checked, File, Found
from bot.engine.session import Contact
from bot.engine.step import Step, step
from bot.errors import JournalFull, LookupAway, TooManyRaces
from bot.messages import Channel, Inbound
from bot.outreach import asking as of_outreach
from bot.store.ciphers import AddressKey, Ciphers
from bot.store.conversations import Conversations, Place, Standing, Writing
from bot.store.journal import Answer, Entry, pack_answer, pack_entry
from bot.text.cases import obvious_code
from bot.text.damm import check_digit

MAX_TRIES = 8
MAX_SECONDS = 2.0
USSD_SEEN = 600  # seconds: nobody stays longer in a USSD session
SEEN = 48 * 3_600
TICKET_SLOTS = 64
MOST_TAPS = 3  # choices below a WhatsApp message; more are a list
ASKED: Answers = {
    **of_cases.ASKED,
    **of_communities.ASKED,
    **of_outreach.ASKED,
}  # who answers the look-ups of flows/data.yaml

log = structlog.get_logger(__name__)
_pack = msgspec.msgpack.Encoder().encode
_mark = msgspec.msgpack.Decoder(tuple[str, bool])


class Turned(msgspec.Struct, frozen=True, gc=False):
    """What came of a turn: the USSD screen (None elsewhere), and what a developer may look at."""

    screen: str | None
    final: bool = False
    answers: bool = False  # something waits in the answers stream
    shard: int = 0
    trace: dict[str, Any] = {}


@dataclass(slots=True)
class _Attempt:
    """One way round the loop: what was loaded, and which candidates for ticket numbers were taken."""

    standing: Standing
    tries: dict[int, int] = field(default_factory=dict)


class Conversation:
    """Runs turns. Keeps nothing between them; shared by all threads of a process."""

    def __init__(
        self,
        content: Content,
        store: Conversations,
        ciphers: Ciphers,
        lookups: Lookups,
        *,
        journal_limit: int = 50_000,
        release: str = "",
    ) -> None:
        self._content = content
        self._store = store
        self._ciphers = ciphers
        self._lookups = lookups
        self._journal_limit = journal_limit
        self._release = release

    def turn(self, inbound: Inbound, *, now: datetime, seen_for: float = SEEN, traced: bool = False) -> Turned:
        """Handle one message exactly once; `traced` says how.

        Raises StoreDown; the gateway then sends again or the person dials again.
        """
        turn = self._ciphers.turn_id(inbound.gateway, inbound.external_id)
        address = self._ciphers.address(inbound.address)
        place = Place.of(address, inbound.channel, turn)
        started = time.perf_counter()
        attempt = _Attempt(self._store.load(place))
        loaded = time.perf_counter()
        kept = USSD_SEEN if inbound.channel is Channel.USSD else max(SEEN, int(seen_for))
        for _ in range(MAX_TRIES):
            if attempt.standing.seen is not None:
                return self._seen(place, attempt.standing.seen)
            turned = self._once(inbound, turn, place, attempt, now=now, kept=kept, traced=traced)
            if turned is not None:
                if traced:
                    turned.trace.update(load_us=round((loaded - started) * 1e6))
                return turned
            if time.perf_counter() - started > MAX_SECONDS:
                break
        raise TooManyRaces("the same address changed eight times")

    def _once(
        self, inbound: Inbound, turn: bytes, place: Place, attempt: _Attempt, *, now: datetime, kept: int, traced: bool
    ) -> Turned | None:
        """One step and one commit; None: somebody else was first, go round again."""
        before = attempt.standing
        contact = before.contact or Contact()
        began = time.perf_counter()
        ids = _TurnIds(self._ciphers, turn, place.address.shard, attempt.tries)
        lookups = _TurnLookups(self._lookups, inbound, place.address, turn, now)
        after = step(self._content.flows, before.session, contact, inbound, now, lookups=lookups, ids=ids)
        screen, spoken = self._speak(inbound, after)
        stepped = time.perf_counter()
        writing = self._writing(inbound, turn, place, before, after, spoken, now=now, kept=kept)
        committed = self._store.commit(place, before, writing)
        match committed.outcome:
            case "ok":
                trace = self._trace(turn, before, after, began=began, stepped=stepped) if traced else {}
                final = after.replies[-1].final if after.replies else True
                return Turned(screen, final, bool(writing.answers), place.address.shard, trace)
            case "seen":
                return self._seen(place, committed.mark)
            case "full":
                raise JournalFull("the journal is too long; help and private talk still pass")
            case "number":
                attempt.tries[committed.number] = attempt.tries.get(committed.number, 0) + 1
            case _:
                attempt.standing = committed.standing or attempt.standing
        return None

    def _speak(self, inbound: Inbound, after: Step) -> tuple[str | None, list[Spoken]]:
        language = after.contact.language
        spoken = [
            self._content.speak(reply.key, reply.arguments, channel=inbound.channel, language=language, page=reply.page)
            for reply in after.replies
        ]
        return (spoken[-1].text if inbound.channel is Channel.USSD else None), spoken

    def _writing(
        self,
        inbound: Inbound,
        turn: bytes,
        place: Place,
        before: Standing,
        after: Step,
        spoken: list[Spoken],
        *,
        now: datetime,
        kept: int,
    ) -> Writing:
        known = before.contact is not None and before.contact.known
        contact = after.contact if known else msgspec.structs.replace(after.contact, known=True)
        changed = contact != before.contact
        ussd = inbound.channel is Channel.USSD
        mark = b"1"
        if ussd:
            mark = self._ciphers.encrypt(_pack((spoken[-1].text, after.replies[-1].final)), place.seen.encode())
        entry = self._entry(inbound, turn, place.address, before, after, contact, known=known, now=now)
        return Writing(
            session=after.session,
            contact=contact if changed else None,
            mark=mark,
            mark_kept=kept,
            channel=inbound.channel,
            entry=pack_entry(entry, self._ciphers),
            answers=() if ussd else tuple(self._answers(inbound, turn, place.address, after, spoken, now=now)),
            ticket_slots=tuple(int(ticket[:6]) // TICKET_SLOTS for ticket in after.tickets),
            limit=self._journal_limit if after.may_wait else 0,
        )

    def _entry(
        self,
        inbound: Inbound,
        turn: bytes,
        address: AddressKey,
        before: Standing,
        after: Step,
        contact: Contact,
        *,
        known: bool,
        now: datetime,
    ) -> Entry:
        said = "" if after.secret else after.words or _said(inbound, before)
        text = self._ciphers.encrypt(said.encode(), turn.hex().encode() + b"|text") if said else b""
        return Entry(
            turn=turn,
            kind="message",
            at=int(now.timestamp() * 1000),
            gateway=inbound.gateway,
            channel=inbound.channel,
            digest=address.digest,
            number="" if known else inbound.address,
            before=before.session.state if before.session else "",
            after=after.session.state if after.session else "",
            text=text,
            replies=tuple((reply.key, reply.arguments) for reply in after.replies),
            effects=after.effects,
            contact=_changes(before.contact, contact),
            release=self._release,
        )

    def _answers(
        self,
        inbound: Inbound,
        turn: bytes,
        address: AddressKey,
        after: Step,
        spoken: list[Spoken],
        *,
        now: datetime,
    ) -> list[bytes]:
        packed = []
        for n, (reply, words) in enumerate(zip(after.replies, spoken, strict=True)):
            answer = Answer(
                id=bytes.fromhex(self._ciphers.derived_id(turn, f"answer|{n}")),
                turn=turn,
                gateway=inbound.gateway,
                channel=inbound.channel,
                digest=address.digest,
                number=inbound.address,
                text=words.text,
                buttons=tuple((button.payload, button.title) for button in words.buttons),
                at=int(now.timestamp() * 1000),
                key=reply.key,
                pick=words.pick if len(words.buttons) > MOST_TAPS else "",
            )
            packed.append(pack_answer(answer, self._ciphers))
        return packed

    def _seen(self, place: Place, mark: bytes) -> Turned:
        """The message was handled before: the same screen again, or nothing more to do."""
        if mark == b"1":
            return Turned(None, trace={"seen": True})
        text, final = _mark.decode(self._ciphers.decrypt(mark, place.seen.encode()))
        return Turned(text, final, trace={"seen": True})

    @staticmethod
    def _trace(turn: bytes, before: Standing, after: Step, *, began: float, stepped: float) -> dict[str, Any]:
        return {
            "step_us": round((stepped - began) * 1e6),
            "commit_us": round((time.perf_counter() - stepped) * 1e6),
            "turn": turn.hex(),
            "before": before.session.state if before.session else "",
            "after": after.session.state if after.session else "",
            "effects": [type(effect).__name__ for effect in after.effects],
            "replies": [[reply.key, reply.arguments] for reply in after.replies],
        }


class _TurnIds:
    """Ids for one try of one turn (bot.engine.ports.Ids)."""

    def __init__(self, ciphers: Ciphers, turn: bytes, shard: int, tries: dict[int, int]) -> None:
        self._ciphers, self._turn, self._shard, self._tries = ciphers, turn, shard, tries

    def referral(self, n: int) -> str:
        return self._ciphers.derived_id(self._turn, f"referral|{n}")

    def ticket(self, n: int) -> str:
        slot = self._ciphers.ticket_slot(self._turn, n, self._tries.get(n, 0))
        digits = f"{TICKET_SLOTS * slot + self._shard:06d}"
        return digits + check_digit(digits)


class _TurnLookups:
    """Lookups bound to one turn (bot.engine.ports.Lookups); asked again after a race, they answer the same."""

    def __init__(self, lookups: Lookups, inbound: Inbound, address: AddressKey, turn: bytes, now: datetime) -> None:
        self._lookups, self._inbound, self._address, self._turn, self._now = lookups, inbound, address, turn, now

    def check(self, case: str, secret: str) -> Checked:
        found = self._lookups.check(
            case=case,
            secret=secret,
            address=self._address,
            channel=self._inbound.channel,
            turn=self._turn,
            now=self._now,
        )
        status = found.status
        if status is None:
            return Checked(found.outcome, found.case)
        file = File(
            case=status.number,
            stage=status.stage,
            since=status.since,
            appointment=status.next_appointment,
            place=status.place,
            told_by_person=status.told_by_person,
            news=_is_news(status.since, status.last_told),
            minor=status.minor,
            own=status.own,
            known_on=status.known_on,
        )
        return Checked(found.outcome, found.case, file)

    def choose_code(self, case: str, code: str) -> bool:
        return self._lookups.choose_code(case=case, code=code, address=self._address, turn=self._turn, now=self._now)

    def obvious(self, case: str, code: str) -> bool:
        return obvious_code(code, phone=self._inbound.address, case=case, today=self._now.date())

    def ticket(self, ticket: str) -> Asked:
        return self._lookups.ticket(ticket=ticket, channel=self._inbound.channel)

    def of_staff(self) -> bool:
        return self._lookups.of_staff(self._address)

    def find(self, what: str, values: Mapping[str, str]) -> Found:
        answer = ASKED.get(what)
        if answer is None:
            raise LookupAway(f"nobody answers {what}")
        return self._lookups.find(
            answer,
            values,
            address=self._address,
            channel=self._inbound.channel,
            turn=self._turn,
            now=self._now,
        )


def _is_news(since: date, last_told: datetime | None) -> bool:
    return last_told is None or last_told.date() <= since


def _said(inbound: Inbound, before: Standing) -> str:
    """What is worth keeping of what was typed: words. Keys follow from the states, numbers may be secrets sent late."""
    text = inbound.choice or inbound.text
    if inbound.channel is Channel.USSD and not inbound.step:
        done = before.session.transcript if before.session else 0
        text = text[done:].lstrip("*")
    return text if len(text) > 2 and any(character.isalpha() for character in text) else ""


def _changes(before: Contact | None, after: Contact) -> dict[str, Any]:
    """The fields of a contact that PostgreSQL must learn, by name; `new` where this store did not know the address."""
    if before is None:
        before, changed = Contact(), {"new": True}
    else:
        changed = {}
    for name in ("language", "consent", "stopped", "texts"):
        value = getattr(after, name)
        if value != getattr(before, name):
            changed[name] = value
    return changed
