"""What a turn may ask and claim of a case: the only SQL inside a turn (safety 10 to 14).

One query, whatever was typed and whether it exists or not; then one script that counts the try and says
whether its result may be used. Nothing of the query leaves this module before that script has answered,
so counting after the query is as safe as counting before it, costs no second trip to clear the counter,
and a database that is away uses up nobody's tries.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, text

from bot.asking import Asking
from bot.cases.bounded import Bounded
from bot.config import Settings
from bot.engine.ports import Asked, Found
from bot.store.attempts import Attempts, Verdict
from bot.store.ciphers import AddressKey, Ciphers
from bot.store.database import Database

YOUNGEST_CODE_YEAR = 1940  # years from here to now are never codes, so one screen takes a code or a year


@dataclass(frozen=True, slots=True)
class CaseStatus:
    """Where a case stands, for a person who has just proved to be its own."""

    number: str
    stage: str
    since: date
    next_appointment: date | None
    place: str
    resume_stage: str
    told_by_person: bool
    last_told: datetime | None
    late: bool  # past the usual range of its stage
    minor: bool  # under 18 by the year of birth (safety 6)
    own: bool  # asked from the file's own phone
    known_on: date | None  # when an import, a move or a visit last confirmed it
    recorded_through: str  # journal id: what of this address's shard PostgreSQL has


@dataclass(frozen=True, slots=True)
class Checked:
    """`status` only with "ok"; `case` (9 digits) with "ok" and "choose_code"."""

    outcome: Literal["ok", "choose_code", "no_match"]
    status: CaseStatus | None = None
    case: str = ""


NO_MATCH = Checked("no_match")

_FIND = text(
    """
    select found.*, position.last_id as recorded_through
    from (select 1) as always
    left join shard_positions as position on position.shard = :shard
    left join lateral (
        select cases.*, coalesce(contacts.digest = :digest, false) as own, count(*) over () as matches,
            exists (select 1 from cases as other where other.contact_id = cases.contact_id and other.id <> cases.id)
                as phone_of_several
        from cases left join contacts on contacts.id = cases.contact_id
        where cases.number = :number
           or (:last <> '' and contacts.digest = :digest and right(cases.number, 3) = :last)
        limit 1
    ) as found on true
    """
)
_CLAIM = text(
    """
    update cases set code_hmac = :code, code_turn = :turn, start_code_hmac = null, start_code_expires = null
    from (
        select cases.id, coalesce(contacts.digest = :digest, false) as own,
            exists (select 1 from cases as other where other.contact_id = cases.contact_id and other.id <> cases.id)
                as phone_of_several
        from cases left join contacts on contacts.id = cases.contact_id
        where cases.number = :number
    ) as found
    where cases.id = found.id and (
        (cases.code_turn = :turn and cases.code_hmac = :code)
        or (cases.start_code_hmac is not null and cases.start_code_expires > :now)
        or (cases.code_hmac is null and found.own and not cases.phone_shared
            and not found.phone_of_several and cases.year_of_birth is not null
            and cases.vulnerability <> 'protection' and not cases.locked_enrolled)
    )
    returning cases.id
    """
)
_TICKET = text(
    """
    select case
        when referrals.call_now and referrals.state not in ('closed', 'attached') then 'call_now'
        when referrals.state = 'closed' and not referrals.sealed
            and (:ussd or not (referrals.private or referrals.minor)) then 'closed'
        else 'waiting' end
    from tickets join referrals on referrals.id = tickets.referral_id where tickets.number = :ticket
    """
)
_OF_STAFF = text("select exists (select 1 from staff where phone_digest = :digest and active)")
_LOCK = {
    True: text("update cases set locked_enrolled = true, last_attempt_at = :now where number = :number"),
    False: text("update cases set locked_others = true, last_attempt_at = :now where number = :number"),
}


class Lookups:
    """Safe to share between the threads of a process. Every call may raise LookupAway or StoreDown."""

    def __init__(
        self,
        database: Database,
        attempts: Attempts,
        ciphers: Ciphers,
        *,
        timeout: float = 0.8,
        threads: int = 2,
        ranges: Mapping[str, int] | None = None,
        settings: Settings | None = None,
    ) -> None:
        """`ranges`: days after which a stage takes longer than usual, by stage code."""
        self._bounded = Bounded(database, timeout=timeout, threads=threads)
        self._attempts = attempts
        self._ciphers = ciphers
        self._ranges = dict(ranges or {})
        self._settings = settings or Settings.model_validate({})
        self._zone = ZoneInfo(self._settings.timezone)

    def check(
        self, *, case: str, secret: str, address: AddressKey, channel: str, turn: bytes, now: datetime
    ) -> Checked:
        """What a case number and a secret open.

        `case`: 9 digits, or the last 3 on the file's own phone. `secret`: a code or a year of birth (4 digits),
        or a start code (6). Unknown, wrong, paused and locked are one answer, at one cost (safety 12).
        """
        row = self._bounded.run(lambda connection: _find(connection, case, address))
        known = row.number is not None and row.matches == 1
        number = row.number if known else case if len(case) == 9 else f"{address.digest}|{case}"
        own = bool(known and row.own) or len(case) == 3
        locked = bool(known and (row.locked_enrolled if own else row.locked_others))
        opens = self._opens(row, number, secret, full=len(case) == 9, now=now)
        right = known and not locked and opens is not None
        verdict = self._attempts.judge(number, own=own, right=right, turn=turn, now=now)
        if known and not locked and verdict in {Verdict.LOCKS, Verdict.LOCKED}:
            self._bounded.run(lambda connection: _lock(connection, number, own=own, now=now))
        if verdict is not Verdict.FREE or not right or opens is None:
            return NO_MATCH
        status = self._status(row, now) if opens == "ok" else None
        return Checked(opens, status=status, case=number)

    def choose_code(self, *, case: str, code: str, address: AddressKey, turn: bytes, now: datetime) -> bool:
        """Set the code of a case that was just proved, and burn its start code. The same turn says yes again.

        No longer possible (somebody else was first, locked meanwhile, start code used or too old): False.
        """
        if not _is_code(code, now):
            return False
        values = {
            "code": self._ciphers.code(f"case|{case}", code),
            "turn": turn,
            "digest": address.digest,
            "number": case,
            "now": now,
        }
        return self._bounded.run(lambda connection: connection.execute(_CLAIM, values).first() is not None)

    def ticket(self, *, ticket: str, channel: str) -> Asked:
        """What to ask whoever types this number: "call you now?" (safety 2), "is this solved?", or nothing.

        Of a private talk or a child's request only a screen that leaves no trace asks; of a sealed one none (safety 3).
        """
        values = {"ticket": ticket, "ussd": channel == "ussd"}
        return self._bounded.run(lambda connection: connection.scalar(_TICKET, values)) or "waiting"

    def of_staff(self, address: AddressKey) -> bool:
        """Does this phone belong to somebody who works here?"""
        values = {"digest": address.digest}
        return self._bounded.run(lambda connection: bool(connection.scalar(_OF_STAFF, values)))

    def find(
        self,
        answer: Callable[[Asking], Found],
        values: Mapping[str, str],
        *,
        address: AddressKey,
        channel: str,
        turn: bytes,
        now: datetime,
    ) -> Found:
        """What a look-up that flows/data.yaml declares answers, in one small transaction."""

        def ask(connection: Connection) -> Found:
            known = (address.digest, channel, turn, now, self._ciphers, self._zone, self._attempts, self._settings)
            return answer(Asking(connection, values, *known))

        return self._bounded.run(ask)

    def close(self) -> None:
        """Give threads and connections back."""
        self._bounded.close()

    def _opens(
        self, row: Row[Any], number: str, secret: str, *, full: bool, now: datetime
    ) -> Literal["ok", "choose_code"] | None:
        """Every digest is made and compared whatever is known, so that the time tells nothing."""
        code_fits = hmac.compare_digest(row.code_hmac or bytes(32), self._ciphers.code(f"case|{number}", secret))
        start_fits = hmac.compare_digest(
            row.start_code_hmac or bytes(32), self._ciphers.code(f"start|{number}", secret)
        )
        year_fits = hmac.compare_digest(str(row.year_of_birth or "none"), secret if secret.isascii() else "")
        if code_fits and row.code_hmac and _is_code(secret, now):
            return "ok"
        if start_fits and full and row.start_code_expires and row.start_code_expires > now:
            return "choose_code"
        year_fits = year_fits and row.year_of_birth is not None
        enrols = full and row.own and row.code_hmac is None and not (row.phone_shared or row.phone_of_several)
        if year_fits and enrols and row.vulnerability != "protection":
            return "choose_code"
        return None

    def _status(self, row: Row[Any], now: datetime) -> CaseStatus:
        today = now.astimezone(self._zone).date()
        usual = self._ranges.get(row.stage)
        return CaseStatus(
            number=row.number,
            stage=row.stage,
            since=row.stage_since,
            next_appointment=row.next_appointment,
            place=row.appointment_place,
            resume_stage=row.resume_stage,
            told_by_person=row.told_by_person,
            last_told=row.status_told_at,
            late=usual is not None and (today - row.stage_since).days > usual,
            minor=row.year_of_birth is not None and today.year - row.year_of_birth < 18,
            own=bool(row.own),
            known_on=row.known_on,
            recorded_through=row.recorded_through or "0-0",
        )


def _find(connection: Connection, case: str, address: AddressKey) -> Row[Any]:
    short = len(case) == 3
    values = {
        "number": "" if short else case,
        "last": case if short else "",
        "digest": address.digest,
        "shard": address.shard,
    }
    return connection.execute(_FIND, values).one()


def _lock(connection: Connection, number: str, *, own: bool, now: datetime) -> None:
    connection.execute(_LOCK[own], {"number": number, "now": now})


def _is_code(secret: str, now: datetime) -> bool:
    four = len(secret) == 4 and secret.isascii() and secret.isdigit()
    return four and not YOUNGEST_CODE_YEAR <= int(secret) <= now.year
