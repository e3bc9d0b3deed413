"""The conversation store: load in one round trip, commit in one script, all or nothing."""

from typing import Literal, TypeVar

import msgspec
from msgspec.structs import replace

from bot.engine.session import Contact, Session
from bot.store import keys
from bot.store.ciphers import AddressKey, Ciphers, Unreadable, address_of
from bot.store.wire import Argument, Script, Wire

VERSION = 13  # key id and nonce: the first bytes of a ciphertext name its version
HOUR, DAY = 3_600, 86_400
SESSION_KEPT = {"ussd": HOUR, "sms": 15 * DAY, "whatsapp": 15 * DAY, "voice": 0}  # a call leaves no session
CONTACT_KEPT = 30 * DAY

COMMIT = Script("""
local mark = redis.call('GET', KEYS[1])
if mark then return {'seen', mark} end
local function version(key)
  return redis.call('GETRANGE', key, 0, 12)
end
if version(KEYS[2]) ~= ARGV[1] or version(KEYS[3]) ~= ARGV[2] then
  return {'race', redis.call('GET', KEYS[2]), redis.call('GET', KEYS[3])}
end
local limit = tonumber(ARGV[3])
if limit > 0 and redis.call('XLEN', KEYS[4]) >= limit then return {'full'} end
local answers = tonumber(ARGV[11])
for i = 12 + answers, #ARGV do
  if redis.call('GETBIT', KEYS[6], ARGV[i]) == 1 then return {'number', i - 12 - answers} end
end
for i = 12 + answers, #ARGV do redis.call('SETBIT', KEYS[6], ARGV[i], 1) end
if ARGV[4] == '-' then redis.call('DEL', KEYS[2])
elseif ARGV[4] ~= '' then redis.call('SET', KEYS[2], ARGV[4], 'EX', ARGV[5]) end
if ARGV[6] ~= '' then redis.call('SET', KEYS[3], ARGV[6], 'EX', ARGV[7]) end
redis.call('SET', KEYS[1], ARGV[8], 'EX', ARGV[9])
local id = ''
if ARGV[10] ~= '' then id = redis.call('XADD', KEYS[4], '*', 'e', ARGV[10]) end
for i = 12, 11 + answers do redis.call('XADD', KEYS[5], '*', 'e', ARGV[i]) end
return {'ok', id}
""")

NOTE = Script("""
if redis.call('GET', KEYS[1]) then return 0 end
redis.call('SET', KEYS[1], '1', 'EX', ARGV[2])
redis.call('XADD', KEYS[2], '*', 'e', ARGV[1])
return 1
""")

REFILL = Script("""
if redis.call('GETRANGE', KEYS[1], 0, 12) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
""")

T = TypeVar("T")
_session = msgspec.msgpack.Decoder(Session)
_contact = msgspec.msgpack.Decoder(Contact)
_pack = msgspec.msgpack.Encoder().encode


class Place(msgspec.Struct, frozen=True, gc=False):
    """All keys that a turn of one address on one channel touches."""

    address: AddressKey
    session: str
    contact: str
    seen: str

    @classmethod
    def of(cls, address: AddressKey, channel: str, turn: bytes) -> "Place":
        """The keys of this address, channel and turn."""
        return cls(address, keys.session(address, channel), keys.contact(address), keys.seen(address.shard, turn))


class Standing(msgspec.Struct, frozen=True, gc=False):
    """What was loaded. `seen` is the mark of a message already handled: nothing else matters then.

    The versions are what the commit compares: the nonces of what was read, b"" where nothing was.
    """

    session: Session | None
    contact: Contact | None
    session_version: bytes
    contact_version: bytes
    seen: bytes | None = None


class Writing(msgspec.Struct, frozen=True, gc=False):
    """What one turn writes. `session` None deletes it; `contact` None leaves it; `limit` 0: never refused as full."""

    session: Session | None
    contact: Contact | None
    mark: bytes
    mark_kept: int
    channel: str
    entry: bytes
    answers: tuple[bytes, ...] = ()
    ticket_slots: tuple[int, ...] = ()
    limit: int = 0


class Committed(msgspec.Struct, frozen=True, gc=False):
    """`ok` (with the journal id), `seen` (with the mark), `race` (step again on `standing`), `full`, `number`."""

    outcome: Literal["ok", "seen", "race", "full", "number"]
    journal_id: str = ""
    mark: bytes = b""
    standing: Standing | None = None
    number: int = 0


class Conversations:
    """Sessions and contacts, encrypted, with the journal and the answers that the same commit writes."""

    def __init__(self, wire: Wire, ciphers: Ciphers) -> None:
        self._wire = wire
        self._ciphers = ciphers

    def load(self, place: Place) -> Standing:
        """One MGET: seen mark, session, contact. Raises StoreDown."""
        seen, session, contact = self._wire.call("MGET", place.seen, place.session, place.contact)
        return self._standing(place, session, contact, seen)

    def load_all(self, address: AddressKey, turn: bytes) -> dict[str, Standing]:
        """One MGET: where an address stands on every channel, each with the seen mark. Raises StoreDown."""
        places = {channel: Place.of(address, channel, turn) for channel in SESSION_KEPT}
        shared, sessions = places["ussd"], [place.session for place in places.values()]
        seen, contact, *found = self._wire.call("MGET", shared.seen, shared.contact, *sessions)
        return {
            channel: self._standing(place, session, contact, seen)
            for (channel, place), session in zip(places.items(), found, strict=True)
        }

    def commit(self, place: Place, before: Standing, writing: Writing) -> Committed:
        """One script: every test before every write. Raises StoreDown."""
        shard = place.address.shard
        answer = self._wire.run(
            COMMIT,
            [place.seen, place.session, place.contact, keys.journal(shard), keys.answers(shard), keys.tickets(shard)],
            self._arguments(place, before, writing),
        )
        return self._read(place, answer)

    def note(self, shard: int, turn: bytes, entry: bytes, *, kept: int) -> bool:
        """Put an event that moves nobody into the journal, once. False: it was there. Raises StoreDown."""
        return bool(self._wire.run(NOTE, [keys.seen(shard, turn), keys.journal(shard)], [entry, kept]))

    def refill(self, digest: str, *, language: str, consent: str, stopped: tuple[str, ...], texts: str) -> bool:
        """Give an address back what this store forgot of it; what the person said since then wins.

        False: somebody was quicker, or there is nothing to refill. Raises StoreDown.
        """
        key = keys.contact(address_of(digest))
        value = self._wire.call("GET", key)
        contact = self._open(value, key, _contact)
        if contact is None:
            return False
        known = replace(
            contact,
            language=contact.language or language,
            consent=contact.consent or consent,
            stopped=tuple(dict.fromkeys((*contact.stopped, *stopped))),
            texts=contact.texts or texts,
        )
        fresh = self._ciphers.encrypt(_pack(known), key.encode())
        return bool(self._wire.run(REFILL, [key], [value[:VERSION], fresh, CONTACT_KEPT]))

    def _arguments(self, place: Place, before: Standing, writing: Writing) -> list[Argument]:
        encrypt = self._ciphers.encrypt
        session: bytes = b"-"
        if writing.session is not None:
            session = encrypt(_pack(writing.session), place.session.encode())
        contact = encrypt(_pack(writing.contact), place.contact.encode()) if writing.contact is not None else b""
        return [
            before.session_version,
            before.contact_version,
            writing.limit,
            session,
            SESSION_KEPT[writing.channel],
            contact,
            CONTACT_KEPT,
            writing.mark,
            writing.mark_kept,
            writing.entry,
            len(writing.answers),
            *writing.answers,
            *writing.ticket_slots,
        ]

    def _read(self, place: Place, answer: list[bytes]) -> Committed:
        match answer[0]:
            case b"ok":
                return Committed("ok", journal_id=answer[1].decode())
            case b"seen":
                return Committed("seen", mark=answer[1])
            case b"race":
                return Committed("race", standing=self._standing(place, answer[1], answer[2]))
            case b"number":
                return Committed("number", number=int(answer[1]))
            case _:
                return Committed("full")

    def _standing(
        self, place: Place, session: bytes | None, contact: bytes | None, seen: bytes | None = None
    ) -> Standing:
        return Standing(
            session=self._open(session, place.session, _session),
            contact=self._open(contact, place.contact, _contact),
            session_version=session[:VERSION] if session else b"",
            contact_version=contact[:VERSION] if contact else b"",
            seen=seen,
        )

    def _open(self, value: bytes | None, key: str, decoder: "msgspec.msgpack.Decoder[T]") -> T | None:
        """A value that no key opens, or of another shape, is as good as expired: the person starts at the menu."""
        if not value:
            return None
        try:
            return decoder.decode(self._ciphers.decrypt(value, key.encode()))
        except (Unreadable, msgspec.MsgspecError):
            return None
