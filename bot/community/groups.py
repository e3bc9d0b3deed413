"""Groups: who is a member or an officer by phone, and the code that opens the group's page.

Two things open it: a member's phone and the group's code. Three idle minutes close it again (safety 11). Staff lock out
a stolen phone: it has no rights from then on, what it entered and nobody confirmed is void, and the code is new.
Every claim holds the group's row, so that two officers who act at once act one after the other.
"""

import secrets
from datetime import UTC, datetime, timedelta
from typing import TypeGuard

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from bot.community.noting import note
from bot.errors import CommunityError
from bot.store.ciphers import Ciphers
from bot.store.models import BookLine, BookMark, Community, CommunityGroup, GroupMember, Staff
from bot.text.cases import obvious_code

OPEN_FOR = timedelta(minutes=3)
ASKS_FOR = timedelta(days=14)
TRIES = 60  # at a number that nobody in the group has


def group_in_use(session: Session, group_id: int, *, lock: bool = False) -> CommunityGroup | None:
    """The group, unless it was closed; `lock`: held until the end of the transaction."""
    wanted = select(CommunityGroup).where(CommunityGroup.id == group_id, CommunityGroup.closed_at.is_(None))
    return session.scalars(wanted.with_for_update() if lock else wanted).first()


def groups_of(session: Session, community_id: int) -> list[CommunityGroup]:
    """Those in use, by name."""
    open_ones = select(CommunityGroup).where(CommunityGroup.community_id == community_id)
    return list(session.scalars(open_ones.where(CommunityGroup.closed_at.is_(None)).order_by(CommunityGroup.name)))


def membership(session: Session, group_id: int, digest: str) -> GroupMember | None:
    """What this phone is in the group now, an asker too."""
    its_own = select(GroupMember).where(GroupMember.group_id == group_id, GroupMember.digest == digest)
    return session.scalars(its_own.where(GroupMember.ended_at.is_(None))).first()


def groups_of_phone(session: Session, digest: str) -> list[CommunityGroup]:
    """The groups in which this phone is a member or an officer, by name."""
    mine = select(GroupMember.group_id).where(
        GroupMember.digest == digest, GroupMember.ended_at.is_(None), GroupMember.role != "asking"
    )
    wanted = select(CommunityGroup).join(Community, Community.id == CommunityGroup.community_id)
    wanted = wanted.where(CommunityGroup.id.in_(mine), CommunityGroup.closed_at.is_(None), Community.open)
    return list(session.scalars(wanted.order_by(CommunityGroup.name)))


def members(session: Session, group_id: int, *roles: str) -> list[GroupMember]:
    """Those of these roles (none: of all) who have not ended, the oldest first."""
    wanted = select(GroupMember).where(GroupMember.group_id == group_id, GroupMember.ended_at.is_(None))
    if roles:
        wanted = wanted.where(GroupMember.role.in_(roles))
    return list(session.scalars(wanted.order_by(GroupMember.id)))


def heads(session: Session, group: CommunityGroup) -> int:
    """Among how many a month is shared: as the committee wrote it down, else the members by phone."""
    return group.heads or max(1, len(members(session, group.id, "member", "officer")))


def ask_to_join(
    session: Session, group_id: int, digest: str, *, turn: bytes, at: datetime, ciphers: Ciphers
) -> GroupMember | None:
    """A member, or who asks to be one: with the number that an officer must type. None: no such group.

    Who asked before keeps the number; what no officer typed within 14 days lapses.
    """
    if group_in_use(session, group_id, lock=True) is None:
        return None
    lapsed = update(GroupMember).where(
        GroupMember.group_id == group_id, GroupMember.role == "asking", GroupMember.asked_at <= at - ASKS_FOR
    )
    session.execute(lapsed.where(GroupMember.ended_at.is_(None)).values(ended_at=at, ended="lapsed"))
    there = membership(session, group_id, digest)
    if there is not None:
        return there
    number = _free_number(session, group_id, turn, ciphers)
    asking = GroupMember(group_id=group_id, digest=digest, number=number, role="asking", asked_at=at)
    session.add(asking)
    session.flush()
    return asking


def judged(group: CommunityGroup, member: GroupMember | None, code: str, *, ciphers: Ciphers) -> bool:
    """Is the code right, and this a phone that it opens for? The same work, whatever is wrong (safety 12)."""
    fits = secrets.compare_digest(group.code_hmac or bytes(32), ciphers.code(f"group|{group.id}", code))
    locked = member.locked if known(member) else group.locked_others
    return fits and known(member) and not locked and group.code_hmac is not None


def known(member: GroupMember | None) -> TypeGuard[GroupMember]:
    """Is this the phone of a member, whom a stranger's tries must not lock out?"""
    return member is not None and member.role != "asking"


def tries_of(group: CommunityGroup, member: GroupMember | None) -> str:
    """Where wrong codes count: for each member's phone, and once for all others; a new code begins anew."""
    whose = f":{member.id}" if known(member) else ""
    return f"group:{group.id}{whose}:{(group.code_hmac or b'')[:8].hex()}"


def at_work(session: Session, group_id: int, digest: str, at: datetime, *, officer: bool = True) -> GroupMember:
    """The member whose phone has the page open, with the group's row held; the page stays open from now on.

    Raises CommunityError `closed`: the code must be asked again, or this is no officer.
    """
    group = group_in_use(session, group_id, lock=True)
    member = membership(session, group_id, digest) if group is not None else None
    if member is None or member.opened_at is None or at - member.opened_at > OPEN_FOR:
        raise CommunityError("closed")
    if member.role == "asking" or (officer and member.role != "officer"):
        raise CommunityError("closed")
    member.opened_at = max(member.opened_at, at)
    return member


def accept(session: Session, officer: GroupMember, number: str) -> bool:
    """An officer types the number of somebody who asked; again says so again. False: nobody has it."""
    asking = _numbered(session, officer.group_id, number)
    if asking is None:
        return False
    if asking.role == "asking":
        asking.role = "member"
    return True


def name_officer(session: Session, officer: GroupMember, number: str) -> bool:
    """An officer makes a member one, too. False: no member has that number."""
    member = _numbered(session, officer.group_id, number)
    if member is None or member.role == "asking":
        return False
    member.role = "officer"
    return True


def step_down(session: Session, officer: GroupMember) -> bool:
    """From officer to member; False for the last one, who can't leave the book alone."""
    if len(members(session, officer.group_id, "officer")) < 2:
        return False
    officer.role = "member"
    return True


def leave(session: Session, group_id: int, digest: str, *, turn: bytes, at: datetime) -> str:
    """`left` (the same turn says so again), `last_officer`, or `not_in`. Needs no code: it takes nothing from others."""
    group_in_use(session, group_id, lock=True)
    member = membership(session, group_id, digest)
    if member is None:
        before = select(GroupMember.id).where(GroupMember.group_id == group_id, GroupMember.ended_turn == turn)
        return "left" if session.scalar(before) is not None else "not_in"
    if member.role == "officer" and len(members(session, group_id, "officer")) < 2:
        return "last_officer"
    member.ended_turn = turn
    _end(session, member, "left", at)
    return "left"


def found_group(
    session: Session, staff: Staff, community: Community, name: str, heads_: int, at: datetime
) -> CommunityGroup:
    """Begin with a group; `heads_`: how many share, 0 for the members by phone."""
    group = CommunityGroup(community_id=community.id, name=name, heads=heads_, created_at=at)
    session.add(group)
    session.flush()
    note(session, staff, "group_founded", f"group:{group.id}", at)
    return group


def give_code(session: Session, staff: Staff, group: CommunityGroup, at: datetime, *, ciphers: Ciphers) -> str:
    """A new code for the group, told in person; every open page closes, no lock holds, no try counts."""
    code = _fresh_code(at)
    group.code_hmac = ciphers.code(f"group|{group.id}", code)
    group.locked_others = False
    session.execute(update(GroupMember).where(GroupMember.group_id == group.id).values(opened_at=None, locked=False))
    note(session, staff, "group_code_given", f"group:{group.id}", at)
    return code


def lock_out(session: Session, staff: Staff, member: GroupMember, at: datetime, *, ciphers: Ciphers) -> str:
    """A stolen phone: it is nobody's any more, and the group's code is new. Returns that code."""
    group = session.get_one(CommunityGroup, member.group_id, with_for_update=True)
    _end(session, member, "locked_out", at)
    note(session, staff, "locked_out", f"group:{group.id}", at, member=member.id)
    return give_code(session, staff, group, at, ciphers=ciphers)


def set_role(session: Session, staff: Staff, member: GroupMember, role: str, at: datetime) -> None:
    """The committee's own yes or no: `member`, `officer` or `refused`. Raises CommunityError `last_officer`."""
    session.get_one(CommunityGroup, member.group_id, with_for_update=True)
    session.refresh(member)
    if member.ended_at is not None:
        raise CommunityError("changed")
    last = member.role == "officer" and len(members(session, member.group_id, "officer")) < 2
    if last and role != "officer":
        raise CommunityError("last_officer")
    note(session, staff, "role_set", f"group:{member.group_id}", at, member=member.id, role=role)
    if role == "refused":
        _end(session, member, "refused", at)
    else:
        member.role = role


def _end(session: Session, member: GroupMember, why: str, at: datetime) -> None:
    """What they entered and nobody confirmed goes with them."""
    member.ended_at, member.ended, member.opened_at = at, why, None
    open_lines = select(BookLine.id).outerjoin(BookMark).where(BookLine.by_member == member.id, BookMark.mark.is_(None))
    for line in session.scalars(open_lines):
        session.add(BookMark(line_id=line, mark="void", at=at))
    session.flush()


def _numbered(session: Session, group_id: int, number: str) -> GroupMember | None:
    wanted = select(GroupMember).where(GroupMember.group_id == group_id, GroupMember.number == number)
    return session.scalars(wanted.where(GroupMember.ended_at.is_(None))).first()


def _free_number(session: Session, group_id: int, turn: bytes, ciphers: Ciphers) -> str:
    taken = set(
        session.scalars(
            select(GroupMember.number).where(GroupMember.group_id == group_id, GroupMember.ended_at.is_(None))
        )
    )
    numbers = (str(1000 + int(ciphers.derived_id(turn, f"member|{n}")[:8], 16) % 9000) for n in range(TRIES))
    number = next((one for one in numbers if one not in taken), None)
    if number is None:
        raise CommunityError("full")
    return number


def _fresh_code(at: datetime) -> str:
    while True:
        code = f"{secrets.randbelow(10_000):04d}"
        if not obvious_code(code, phone="", case="", today=at.astimezone(UTC).date()):
            return code


def count_members(session: Session, group_ids: list[int]) -> dict[int, int]:
    """How many members and officers each of these groups has by phone."""
    rows = session.execute(
        select(GroupMember.group_id, func.count())
        .where(GroupMember.group_id.in_(group_ids), GroupMember.ended_at.is_(None), GroupMember.role != "asking")
        .group_by(GroupMember.group_id)
    )
    return {row[0]: row[1] for row in rows}
