"""What gateways report besides messages: deliveries, and numbers that no longer want pushes."""

from datetime import datetime

import msgspec

from bot.engine.effects import Blocked, Report
from bot.engine.session import Contact
from bot.errors import TooManyRaces
from bot.messages import OptOut, StatusReport
from bot.store.ciphers import Ciphers
from bot.store.conversations import Conversations, Place, Writing
from bot.store.journal import Entry, pack_entry

KEPT = 48 * 3_600
MAX_TRIES = 8


class Events:
    """Writes reports into the journal; the recorder applies them. Repeated reports change nothing."""

    def __init__(self, store: Conversations, ciphers: Ciphers) -> None:
        self._store = store
        self._ciphers = ciphers

    def report(self, event: StatusReport, *, now: datetime) -> None:
        """A delivery report; which message it is about is known where messages are. Raises StoreDown."""
        known_as = event.external_id or event.message
        part = f"\n{event.part}" if event.parts > 1 else ""
        turn = self._ciphers.turn_id(event.gateway, f"report\n{known_as}\n{event.state}{part}")
        shard = self._ciphers.address(f"{event.gateway}:{known_as}").shard
        effect = Report(
            gateway=event.gateway,
            external_id=known_as,
            state=event.state.value,
            code=event.code,
            message=event.message,
            part=event.part,
            parts=event.parts,
        )
        entry = Entry(turn, "event", _milliseconds(now), event.gateway, "", "", effects=(effect,))
        self._store.note(shard, turn, pack_entry(entry, self._ciphers), kept=KEPT)

    def opt_out(self, event: OptOut, *, now: datetime) -> None:
        """As if the person had written STOP; a block is shown to staff, for answers can't leave (safety 7).

        Raises StoreDown.
        """
        turn = self._ciphers.turn_id(event.gateway, opt_out_id(event.external_id))
        address = self._ciphers.address(event.address)
        place = Place.of(address, event.channel, turn)
        standing = self._store.load(place)
        for _ in range(MAX_TRIES):
            if standing.seen is not None:
                return
            contact = standing.contact or Contact()
            stopped = tuple(dict.fromkeys((*contact.stopped, event.channel.value)))
            entry = Entry(
                turn,
                "event",
                _milliseconds(now),
                event.gateway,
                event.channel,
                address.digest,
                number="" if contact.known else event.address,
                effects=(Blocked(channel=event.channel.value),) if event.blocks else (),
                contact={"stopped": stopped},
            )
            writing = Writing(
                session=standing.session,
                contact=msgspec.structs.replace(contact, stopped=stopped, known=True),
                mark=b"1",
                mark_kept=KEPT,
                channel=event.channel,
                entry=pack_entry(entry, self._ciphers),
            )
            committed = self._store.commit(place, standing, writing)
            if committed.outcome != "race" or committed.standing is None:
                return
            standing = committed.standing
        raise TooManyRaces("the same address changed eight times")


def opt_out_id(external_id: str) -> str:
    """Of the opt-out that came with a message: apart from the message's own, for both may be handled."""
    return f"optout\n{external_id}"


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
