"""Turns of kind `staff`: what PostgreSQL decided about a person reaches the conversation store by the script of a turn.

Each is told once, by its turn id; a sweep tells again what was not confirmed (bot/jobs/staff_turns.py).
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from bot.engine.asking import PATIENCE, pushed_question, under_way
from bot.engine.flow import Flows
from bot.engine.hearing import milliseconds
from bot.engine.human import silenced
from bot.engine.session import Contact, Session
from bot.errors import TooManyRaces
from bot.messages import Channel
from bot.store.ciphers import Ciphers, address_of
from bot.store.conversations import Conversations, Place, Standing, Writing
from bot.store.journal import Entry, pack_entry

GATEWAY = "desk"
SEEN_FOR = 48 * 3_600
MAX_TRIES = 8

Change = Callable[[Standing, Contact], tuple[Session | None, Contact] | None]  # None: not now


class StaffTurns:
    """Safe to share between threads. `known`: what PostgreSQL knows of a contact that this store may have forgotten."""

    def __init__(self, store: Conversations, ciphers: Ciphers, flows: Flows) -> None:
        self._store = store
        self._ciphers = ciphers
        self._flows = flows

    def silence(
        self, digest: str, channel: Channel, until: datetime | None, *, known: Contact, once: str, now: datetime
    ) -> None:
        """The bot keeps silent on this channel until then; None: it speaks again. Raises StoreDown.

        What the person wrote since may have moved the hour on: the later one stands.
        """

        def change(standing: Standing, contact: Contact) -> tuple[Session | None, Contact]:
            if until is None:
                return standing.session, replace(contact, human_until=0, human_on="")
            here = contact.human_on == channel
            talking = here and contact.human_until > milliseconds(now)
            later = max(milliseconds(until), contact.human_until if here else 0)
            session = standing.session if talking else silenced(self._flows, standing.session, now=now)
            return session, replace(contact, human_until=later, human_on=channel)

        self._commit(digest, channel, change, known=known, once=f"silence\n{once}", now=now)

    def ask(
        self,
        digest: str,
        channel: Channel,
        entry: str,
        values: Mapping[str, str],
        *,
        known: Contact,
        once: str,
        now: datetime,
        patience: timedelta = PATIENCE,
    ) -> bool:
        """Make the question of an entry (flows/entries.yaml) stand there, before its message leaves. Raises StoreDown.

        False: a conversation is under way, or staff and person write to each other; try again in a minute. `once` is
        the id of its message: asked again for the same one, the question that stands meanwhile is left alone.
        `patience`: how long the answer to another question of ours is waited for.
        """

        def change(standing: Standing, contact: Contact) -> tuple[Session | None, Contact] | None:
            question = pushed_question(self._flows, entry, channel, values, now=now)
            busy = under_way(self._flows, standing.session, question, now=now, patience=patience)
            if busy or contact.human_until > milliseconds(now):
                return None
            return question, contact

        return self._commit(digest, channel, change, known=known, once=f"{entry}\n{once}", now=now)

    def end_pushes(self, digest: str, stopped: tuple[str, ...], *, known: Contact, once: str, now: datetime) -> None:
        """What the person asked by voice to end: channels, or kinds of message on them (safety 7). Raises StoreDown."""

        def change(standing: Standing, contact: Contact) -> tuple[Session | None, Contact]:
            return standing.session, replace(contact, stopped=tuple(dict.fromkeys((*contact.stopped, *stopped))))

        channel = Channel(stopped[0].partition(":")[0])
        self._commit(digest, channel, change, known=known, once=f"opt-out\n{once}", now=now)

    def _commit(
        self, digest: str, channel: Channel, change: Change, *, known: Contact, once: str, now: datetime
    ) -> bool:
        turn = self._ciphers.turn_id(GATEWAY, f"{digest}\n{once}")
        place = Place.of(address_of(digest), channel, turn)
        standing = self._store.load(place)
        for _ in range(MAX_TRIES):
            if standing.seen is not None:
                return True
            before = standing.contact or known
            after = change(standing, before)
            if after is None:
                return False
            session, contact = after
            entry = Entry(
                turn, "staff", milliseconds(now), GATEWAY, channel, digest,
                before=standing.session.state if standing.session else "", after=session.state if session else "",
                contact={"stopped": contact.stopped} if contact.stopped != before.stopped else {},
            )  # fmt: skip
            writing = Writing(session, contact, b"1", SEEN_FOR, channel, pack_entry(entry, self._ciphers))
            committed = self._store.commit(place, standing, writing)
            if committed.outcome != "race" or committed.standing is None:
                return True
            standing = committed.standing
        raise TooManyRaces("the same address changed eight times")
