"""A dropped USSD line, offered again by WhatsApp or SMS: one commit, so that a repeated event offers nothing twice."""

from collections.abc import Mapping
from datetime import datetime

from bot.content.screens import Content
from bot.engine.going_on import offer
from bot.engine.session import Session
from bot.errors import TooManyRaces
from bot.kinds import Kind
from bot.messages import Channel, SessionEnded
from bot.store.ciphers import AddressKey, Ciphers
from bot.store.conversations import Conversations, Place, Standing, Writing
from bot.store.journal import Answer, Entry, pack_answer, pack_entry

CHANNELS = (Channel.WHATSAPP, Channel.SMS)  # the one on which the person is at home first
SEEN_FOR = 48 * 3_600
MAX_TRIES = 8
COMPLETE = "success"  # the gateway's word for a call that ended with our last screen


class GoingOn:
    """`gateways`: which gateway that is on carries a channel."""

    def __init__(
        self, content: Content, store: Conversations, ciphers: Ciphers, *, gateways: Mapping[Channel, str]
    ) -> None:
        self._content = content
        self._store = store
        self._ciphers = ciphers
        self._gateways = gateways

    def dropped(self, event: SessionEnded, *, now: datetime) -> int | None:
        """Offer to go on where the rules allow it; the shard whose answers wait, None where nothing is sent.

        Raises StoreDown.
        """
        if event.status.casefold() == COMPLETE:
            return None
        turn = self._ciphers.turn_id(event.gateway, f"dropped\n{event.session}")
        address = self._ciphers.address(event.address)
        for _ in range(MAX_TRIES):
            standing = self._store.load_all(address, turn)
            if standing[Channel.USSD].seen is not None:
                return None
            found = self._offer(standing, event, now)
            if found is None:
                return None
            channel, session = found
            place, before = Place.of(address, channel, turn), standing[channel]
            writing = self._writing(event, turn, address, channel, before, session, now=now)
            outcome = self._store.commit(place, before, writing).outcome
            if outcome != "race":
                return address.shard if outcome == "ok" else None
        raise TooManyRaces("the same address changed eight times")

    def _offer(
        self, standing: Mapping[str, Standing], event: SessionEnded, now: datetime
    ) -> tuple[Channel, Session] | None:
        line = standing[Channel.USSD]
        for channel in CHANNELS:
            if channel not in self._gateways:
                continue
            session = offer(
                self._content.flows,
                line.session,
                standing[channel].session,
                line.contact,
                ended=event.session,
                channel=channel,
                now=now,
            )
            if session is not None:
                return channel, session
        return None

    def _writing(
        self,
        event: SessionEnded,
        turn: bytes,
        address: AddressKey,
        channel: Channel,
        before: Standing,
        after: Session,
        *,
        now: datetime,
    ) -> Writing:
        at = int(now.timestamp() * 1000)
        entry = Entry(
            turn=turn,
            kind="event",
            at=at,
            gateway=event.gateway,
            channel=channel,
            digest=address.digest,
            before=before.session.state if before.session else "",
            after=after.state,
            replies=((after.state, {}),),
        )
        language = before.contact.language if before.contact else ""
        answer = self._answer(event, turn, address, channel, after.state, language=language, at=at)
        return Writing(
            session=after,
            contact=None,
            mark=b"1",
            mark_kept=SEEN_FOR,
            channel=channel,
            entry=pack_entry(entry, self._ciphers),
            answers=(pack_answer(answer, self._ciphers),),
        )

    def _answer(
        self,
        event: SessionEnded,
        turn: bytes,
        address: AddressKey,
        channel: Channel,
        state: str,
        *,
        language: str,
        at: int,
    ) -> Answer:
        words = self._content.speak(state, {}, channel=channel, language=language)
        return Answer(
            id=bytes.fromhex(self._ciphers.derived_id(turn, "answer|0")),
            turn=turn,
            gateway=self._gateways[channel],
            channel=channel,
            digest=address.digest,
            number=event.address,
            text=words.text,
            buttons=tuple((button.payload, button.title) for button in words.buttons),
            at=at,
            key=state,
            kind=Kind.RESUME,
        )
