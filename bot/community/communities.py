"""Communities: which one a phone chose, and who sits in the committee."""

from datetime import datetime
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.community.noting import note
from bot.errors import CommunityError
from bot.referrals.access import in_committees, visible_communities
from bot.store.models import Activity, CommitteeMember, Community, CommunityChoice, CommunityGroup, Proposal, Staff
from bot.text.gsm7 import fold, is_gsm7

Matter = TypeVar("Matter", Activity, CommunityGroup, Proposal)
LONGEST_NAME = 24  # letters of what stands as a line of a list on a small screen


def open_ones(session: Session) -> list[Community]:
    """Those that a person may choose, by name."""
    return list(session.scalars(select(Community).where(Community.open).order_by(Community.name)))


def chosen(session: Session, digest: str) -> Community | None:
    """The community that this phone chose, while it is open."""
    its_own = select(Community).join(CommunityChoice).where(CommunityChoice.digest == digest, Community.open)
    return session.scalars(its_own).first()


def choose(session: Session, digest: str, community_id: int, at: datetime) -> Community | None:
    """Keep the choice, also another one; None where that community is no more."""
    community = session.get(Community, community_id)
    if community is None or not community.open:
        return None
    row = insert(CommunityChoice).values(digest=digest, community_id=community_id, chosen_at=at)
    changed = {"community_id": community_id, "chosen_at": at}
    session.execute(row.on_conflict_do_update(index_elements=["digest"], set_=changed))
    return community


def held(session: Session, staff: Staff, community_id: int, *, lock: bool = False) -> Community:
    """The community, if this person may see it. Raises CommunityError `not_found`, also for what is hidden (safety 19)."""
    wanted = select(Community).where(Community.id == community_id, visible_communities(staff))
    community = session.scalars(wanted.with_for_update() if lock else wanted).first()
    if community is None:
        raise CommunityError("not_found")
    return community


def theirs(session: Session, staff: Staff, model: type[Matter], row_id: int) -> Matter:
    """A group, proposal or activity of a community that this person may see. Raises CommunityError `not_found`."""
    wanted = select(model).join(Community, Community.id == model.community_id)
    row = session.scalars(wanted.where(model.id == row_id, visible_communities(staff))).first()
    if row is None:
        raise CommunityError("not_found")
    return row


def committee(session: Session, community_id: int) -> list[tuple[Staff, bool]]:
    """Who sits in it, and whether they are a focal point; those first."""
    rows = (
        select(Staff, CommitteeMember.focal).join(CommitteeMember).where(CommitteeMember.community_id == community_id)
    )
    return [(row[0], row[1]) for row in session.execute(rows.order_by(CommitteeMember.focal.desc(), Staff.name))]


def seatable(session: Session) -> list[Staff]:
    """Who may sit in a committee."""
    rows = select(Staff).where(Staff.role == "community_focal", Staff.active)
    return list(session.scalars(rows.order_by(Staff.name)))


def found(session: Session, staff: Staff, name: str, office: str, at: datetime) -> Community:
    """Begin with a community. Raises CommunityError: `name`, `there` (that name is taken)."""
    name = short_name(name)
    if session.scalar(select(Community.id).where(Community.name == name)) is not None:
        raise CommunityError("there")
    community = Community(name=name, office=office, created_at=at)
    session.add(community)
    session.flush()
    note(session, staff, "founded", f"community:{community.id}", at)
    return community


def seat(session: Session, staff: Staff, community: Community, login: str, focal: bool, at: datetime) -> None:
    """Give somebody a place in the committee, or change whether they are a focal point. Raises CommunityError `nobody`."""
    person = session.scalar(select(Staff).where(Staff.login == login))
    if person is None or not in_committees(person):
        raise CommunityError("nobody")
    place = session.get(CommitteeMember, (community.id, person.id))
    if place is None:
        session.add(CommitteeMember(community_id=community.id, staff_id=person.id, focal=focal, since=at))
    else:
        place.focal = focal
    note(session, staff, "seated", f"community:{community.id}", at, member=person.id, focal=focal)


def unseat(session: Session, staff: Staff, community: Community, staff_id: int, at: datetime) -> None:
    """Take a place away; who has none any more sees nothing of the community."""
    place = session.get(CommitteeMember, (community.id, staff_id))
    if place is not None:
        session.delete(place)
        note(session, staff, "unseated", f"community:{community.id}", at, member=staff_id)


def short_name(text: str, most: int = LONGEST_NAME) -> str:
    """A name as it stands on a small screen: plain letters, so many. Raises CommunityError `name`."""
    name = " ".join(text.split())
    if not name or len(fold(name)) > most or not is_gsm7(fold(name)):
        raise CommunityError("name")
    return name
