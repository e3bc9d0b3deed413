"""The people who answer: adding them, their passwords, their places in the duty lists."""

import csv
import hmac
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.errors import ReferralError
from bot.referrals import chains, reader_keys, rota, rows, words
from bot.referrals.access import QUEUES, ROLES, may_see
from bot.referrals.ladder import hurry
from bot.referrals.telling import tell
from bot.store.ciphers import Ciphers
from bot.store.database import Database
from bot.store.models import Alert, Audit, Case, Duty, KnownDevice, Referral, ReferralEvent, Staff
from bot.text.phones import mobile

SHORTEST_PASSWORD = 10
START_FOR = timedelta(days=2)
LOGIN_TOLD = 20  # letters of a login in an SMS
START_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # nothing that reads like something else
LANGUAGES = ("fr", "ha", "en")  # alerts exist in these
COLUMNS = ("login", "name", "phone", "role", "language", "languages", "offices", "queues", "partner")


class StaffError(ReferralError):
    """What was asked about staff can't be; the message says which field and why, and no phone number."""


@dataclass(frozen=True, slots=True)
class NewStaff:
    """Somebody to add. `queues` empty: the usual ones of the role; `offices` empty: all. `phone` as people type it."""

    login: str
    name: str
    role: str
    phone: str = ""
    language: str = "fr"
    languages: tuple[str, ...] = ()
    offices: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    partner: str = ""


@dataclass(frozen=True, slots=True)
class BadStaff:
    """A line that was not imported: its number in the file (the header is 1), the column, the reason."""

    line: int
    column: str
    reason: str


def add_staff(session: Session, new: NewStaff, *, ciphers: Ciphers, region: str = "NE") -> Staff:
    """Add somebody and give them the last place in the duty list of each of their queues. Raises StaffError."""
    number = _checked(new, region)
    if session.scalar(select(Staff.id).where(Staff.login == new.login)):
        raise StaffError(f"login: {new.login} exists already")
    staff = Staff(login=new.login)
    _fill(staff, new, number, ciphers)
    _phone_is_free(session, staff)
    session.add(staff)
    session.flush()
    for queue in _queues(new):
        join_duty(session, staff, queue=queue)
    session.add(Audit(action="staff_added", subject=f"staff:{staff.id}"))
    return staff


def change_staff(session: Session, staff: Staff, new: NewStaff, *, ciphers: Ciphers, region: str = "NE") -> bool:
    """Bring somebody in line with `new`; True if anything changed. The duty lists stay as they are, and who left stays
    away: `bring_back` is a step of its own.
    """
    number = _checked(new, region)
    before = _view(staff)
    digest = ciphers.address(number).digest if number else None
    _fill(staff, new, number, ciphers, keep_phone=digest == staff.phone_digest)
    if _view(staff) == before:
        return False
    _phone_is_free(session, staff)
    session.add(Audit(action="staff_changed", subject=f"staff:{staff.id}"))
    _hand_back(session, staff)
    return True


def set_password(session: Session, login: str, password: str) -> None:
    """Set a password; every session of theirs ends and a lock-out is lifted. Raises StaffError."""
    if len(password) < SHORTEST_PASSWORD:
        raise StaffError(f"password: at least {SHORTEST_PASSWORD} characters")
    staff = find(session, login)
    staff.password_hash = _hasher().hash(password)
    staff.session_epoch = (staff.session_epoch or 0) + 1
    staff.failed_sign_ins, staff.locked_until = 0, None
    session.execute(delete(KnownDevice).where(KnownDevice.staff_id == staff.id))
    session.add(Audit(action="password_set", subject=f"staff:{staff.id}"))


def give_start_code(session: Session, staff: Staff, *, ciphers: Ciphers, now: datetime) -> str:
    """A code by which somebody sets a password themselves: an invitation, or help after a forgotten one. Good once,
    for two days; told in person or on a call, never sent.
    """
    code = "".join(secrets.choice(START_LETTERS) for _ in range(12))
    staff.start_hmac, staff.start_expires = ciphers.code(f"staff-start|{staff.login}", code), now + START_FOR
    session.add(Audit(action="start_code_given", subject=f"staff:{staff.id}"))
    return f"{code[:4]}-{code[4:8]}-{code[8:]}"


def use_start_code(session: Session, login: str, code: str, password: str, *, ciphers: Ciphers, now: datetime) -> bool:
    """Set the password that somebody chose; False for every reason alike.

    Wrong tries void nothing: twelve letters are not guessed in two days, and a stranger must not take the code away.
    """
    staff = session.scalars(select(Staff).where(Staff.login == login).with_for_update()).one_or_none()
    clean = "".join(letter for letter in code.upper() if letter in START_LETTERS)
    wanted = ciphers.code(f"staff-start|{login}", clean)
    if staff is None or not staff.active or staff.start_hmac is None or staff.start_expires is None:
        return False
    if now >= staff.start_expires or not hmac.compare_digest(staff.start_hmac, wanted):
        session.add(Audit(at=now, action="start_code_wrong", subject=f"staff:{staff.id}"))
        return False
    staff.start_hmac = staff.start_expires = None
    set_password(session, login, password)
    return True


def find(session: Session, login: str) -> Staff:
    """Raises StaffError for an unknown login."""
    staff = session.scalars(select(Staff).where(Staff.login == login)).one_or_none()
    if staff is None:
        raise StaffError(f"login: nobody is called {login}")
    return staff


def leave(session: Session, login: str) -> None:
    """Somebody no longer works here: no alert, no sign-in, no place in a duty list. What they did stays."""
    staff = find(session, login)
    staff.active = False
    staff.password_hash = staff.start_hmac = staff.start_expires = None
    staff.session_epoch = (staff.session_epoch or 0) + 1
    session.execute(delete(Duty).where(Duty.staff_id == staff.id))
    at = session.scalars(select(func.now())).one()
    rota.forget_leaver(session, staff.id, at)
    reader_keys.retire(session, staff.id, at)
    session.add(Audit(action="staff_left", subject=f"staff:{staff.id}"))
    _hand_back(session, staff)


def bring_back(session: Session, staff: Staff, *, ciphers: Ciphers, now: datetime) -> str:
    """Somebody who left works here again: invited like anybody new, on no duty list. Returns the start code."""
    staff.active = True
    session.add(Audit(action="staff_brought_back", subject=f"staff:{staff.id}"))
    return give_start_code(session, staff, ciphers=ciphers, now=now)


def tell_of_role(
    session: Session, staff: Staff, before: str, *, by: Staff, at: datetime, ciphers: Ciphers, settings: Settings
) -> None:
    """The coordinators hear of every role that was an administrator's or becomes one's."""
    if staff.role == before or "admin" not in (staff.role, before):
        return
    for one in session.scalars(select(Staff).where(Staff.role == "coordinator", Staff.active).order_by(Staff.id)):
        text = words.say("role_changed", one.language, by_login=by.login[:LOGIN_TOLD], login=staff.login[:LOGIN_TOLD])
        tell(session, one, text=text, at=at, ciphers=ciphers, settings=settings)


def join_duty(session: Session, staff: Staff, *, queue: str, office: str = "") -> None:
    """The last place of a queue's list; nothing where they stand in it already. Raises StaffError."""
    _may_serve(staff, queue)
    mine = select(Duty.id).where(Duty.queue == queue, Duty.office == office, Duty.staff_id == staff.id)
    if session.scalar(mine):
        return
    last = session.scalar(select(func.max(Duty.position)).where(Duty.queue == queue, Duty.office == office)) or 0
    session.add(Duty(queue=queue, office=office, position=last + 1, staff_id=staff.id))
    session.flush()


def set_duty(session: Session, queue: str, logins: list[str], *, office: str = "") -> None:
    """Replace a queue's list: the first is told first. `office` "" serves all. Raises StaffError."""
    people = [find(session, login) for login in logins]
    if len({staff.id for staff in people}) != len(people):
        raise StaffError("duty: somebody is named twice")
    for staff in people:
        _may_serve(staff, queue)
    session.execute(delete(Duty).where(Duty.queue == queue, Duty.office == office))
    for position, staff in enumerate(people, start=1):
        session.add(Duty(queue=queue, office=office, position=position, staff_id=staff.id))
    session.add(Audit(action="duty_set", subject=f"queue:{queue}", detail={"office": office, "people": len(people)}))
    session.flush()


def import_staff(
    session: Session, file: Path, *, ciphers: Ciphers, region: str = "NE"
) -> tuple[int, int, list[BadStaff]]:
    """Add and change people from a CSV with the columns of `COLUMNS`; returns added, changed and the bad lines.

    Lists inside a field are separated by blanks or `;` (offices by `;`). Raises StaffError for a file that is none.
    """
    added, changed, bad = 0, 0, []
    for line, new in _rows(file):
        try:
            staff = session.scalars(select(Staff).where(Staff.login == new.login)).one_or_none()
            with session.begin_nested():
                if staff is None:
                    add_staff(session, new, ciphers=ciphers, region=region)
                    added += 1
                elif change_staff(session, staff, new, ciphers=ciphers, region=region):
                    changed += 1
        except StaffError as error:
            column, _, reason = str(error).partition(": ")
            bad.append(BadStaff(line, column, reason))
    return added, changed, bad


def faults(settings: Settings) -> list[str]:
    """What forbids to start in production: critical queues with fewer than two people (safety 17)."""
    database = Database.of(settings, pool_size=1)
    try:
        with database.transaction() as session:
            return chains.faults(session, settings)
    finally:
        database.close()


def sealed_keys(settings: Settings) -> tuple[int, int]:
    """How many readers of sealed requests have a key, and how many recovery holders there are."""
    database = Database.of(settings, pool_size=1)
    try:
        with database.transaction() as session:
            return len(reader_keys.of_readers(session)), len(reader_keys.of_recovery(session))
    finally:
        database.close()


def _hand_back(session: Session, staff: Staff) -> None:
    """What they hold or were told of, and may not see any more, goes to the next person now (safety 17)."""
    session.flush()
    at = session.scalars(select(func.now())).one()
    held = select(Referral.id).where(Referral.accepted_by == staff.id, Referral.state.not_in(rows.OVER))
    told = select(Alert.referral_id).where(Alert.staff_id == staff.id, Alert.open)
    for referral_id in sorted({*session.scalars(held), *session.scalars(told)}):
        locked = rows.lock(session, referral_id)
        if locked is None:
            continue
        referral, ladder = locked
        its_case = session.get(Case, referral.case_id) if referral.case_id is not None else None
        if may_see(staff, referral, case=its_case):
            continue
        for alert in rows.open_alerts(session, referral.id):
            if alert.staff_id == staff.id:
                alert.open = False
                hurry(ladder, alert, level=referral.level, why="refused", at=at)
        if referral.accepted_by == staff.id:
            rows.release(referral)
            ladder.due_at, ladder.why = at, "refused"
        session.add(ReferralEvent(referral_id=referral.id, at=at, staff_id=staff.id, kind="refused"))


def _rows(file: Path) -> Iterator[tuple[int, NewStaff]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in COLUMNS[:4] if name not in (reader.fieldnames or ())]
            if missing:
                raise StaffError(f"file: these columns are missing: {', '.join(missing)}")
            for row in reader:
                clean = {name: (row.get(name) or "").strip() for name in COLUMNS}
                yield (
                    reader.line_num,
                    NewStaff(
                        login=clean["login"],
                        name=clean["name"],
                        phone=clean["phone"],
                        role=clean["role"],
                        language=clean["language"] or "fr",
                        languages=tuple(clean["languages"].replace(";", " ").split()),
                        offices=tuple(part.strip() for part in clean["offices"].split(";") if part.strip()),
                        queues=tuple(clean["queues"].replace(";", " ").split()),
                        partner=clean["partner"],
                    ),
                )
    except UnicodeDecodeError:
        raise StaffError("file: not UTF-8; save it as CSV UTF-8") from None


def _checked(new: NewStaff, region: str) -> str:
    """The phone as E.164, "" where there is none; raises StaffError for the first fault."""
    if not new.login or not new.login.isascii() or not new.login.replace("-", "").replace(".", "").isalnum():
        raise StaffError("login: letters without accents, digits, dots and dashes, at least one")
    if not new.name:
        raise StaffError("name: is empty")
    if new.role not in ROLES:
        raise StaffError(f"role: unknown; one of {', '.join(ROLES)}")
    if new.language not in LANGUAGES:
        raise StaffError(f"language: alerts are written in {', '.join(LANGUAGES)}")
    role = ROLES[new.role]
    for queue in new.queues:
        if queue not in QUEUES:
            raise StaffError(f"queues: unknown; of {', '.join(QUEUES)}")
        if queue not in role.usual | role.also:
            raise StaffError(f"queues: the role {new.role} may not serve {queue}")
    if not new.phone:
        return ""
    number = mobile(new.phone, region=region)
    if number is None:
        raise StaffError("phone: not a mobile number")
    return number


def _fill(staff: Staff, new: NewStaff, number: str, ciphers: Ciphers, *, keep_phone: bool = False) -> None:
    staff.name, staff.role, staff.language, staff.partner = new.name, new.role, new.language, new.partner
    staff.languages, staff.offices, staff.queues = list(new.languages), list(new.offices), list(new.queues)
    if keep_phone:
        return
    staff.phone_digest = ciphers.address(number).digest if number else None
    place = f"staff|{new.login}|phone".encode()
    staff.phone_enc = ciphers.encrypt(number.encode(), place) if number else None


def _phone_is_free(session: Session, staff: Staff) -> None:
    with session.no_autoflush:
        holder = staff.phone_digest and session.scalar(select(Staff).where(Staff.phone_digest == staff.phone_digest))
    if holder and holder is not staff:
        raise StaffError("phone: somebody else of the staff has this number")


def _view(staff: Staff) -> tuple[object, ...]:
    lists = (tuple(staff.languages), tuple(staff.offices), tuple(staff.queues))
    return (staff.name, staff.role, staff.language, staff.partner, lists, staff.phone_digest, staff.active)


def _queues(new: NewStaff) -> list[str]:
    # The coordinator sees her queues and is on no duty list: she is the one who steps in by hand.
    usual = () if new.role in {"coordinator", "partner", "data_protection"} else sorted(ROLES[new.role].usual)
    return list(new.queues or usual)


def _may_serve(staff: Staff, queue: str) -> None:
    role = ROLES[staff.role]
    allowed = frozenset(staff.queues) & (role.usual | role.also) if staff.queues else role.usual
    if queue not in QUEUES:
        raise StaffError(f"queue: unknown; of {', '.join(QUEUES)}")
    if queue not in allowed:
        raise StaffError(f"queue: {staff.login} does not serve {queue}")


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()
