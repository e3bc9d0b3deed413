"""Proposals: from what somebody asks to what is in use. The committee decides; anybody follows by number.

What others read are the committee's own title and reason; the person's words are for the committee alone.
"""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.community.groups import membership
from bot.community.noting import note
from bot.community.telling import Teller
from bot.errors import CommunityError
from bot.kinds import Kind
from bot.outbox import Draft, NotWritten, read
from bot.store.ciphers import Ciphers, Unreadable
from bot.store.models import CommunityGroup, Contact, Proposal, ProposalEvent, ProposalFollower, Staff
from bot.text.gsm7 import fold, is_gsm7
from bot.text.proposals import number_of, show_proposal

STATES = ("PROPOSED", "EXAMINED", "ACCEPTED", "DECLINED", "MORE_INFO", "WORKS", "DELIVERED", "IN_USE")
NEXT: dict[str, tuple[str, ...]] = {
    "PROPOSED": ("EXAMINED",),
    "EXAMINED": ("ACCEPTED", "DECLINED", "MORE_INFO"),
    "MORE_INFO": ("EXAMINED", "DECLINED"),
    "DECLINED": ("EXAMINED",),  # looked at once more
    "ACCEPTED": ("WORKS",),
    "WORKS": ("DELIVERED",),
    "DELIVERED": ("IN_USE",),
    "IN_USE": (),
}
WITH_REASON = frozenset({"DECLINED", "MORE_INFO"})
LONGEST_TITLE, LONGEST_REASON = 40, 70  # letters on a small screen


def propose(
    session: Session,
    community_id: int,
    *,
    digest: str | None,
    turn: bytes | None,
    at: datetime,
    group_id: int | None = None,
    voice: bool = False,
    referral_id: str | None = None,
) -> Proposal:
    """A new proposal with its number; the same turn finds its own. A group's only where the phone is a member of it."""
    if turn is not None:
        mine = session.scalars(select(Proposal).where(Proposal.turn == turn)).first()
        if mine is not None:
            return mine
    group = session.get(CommunityGroup, group_id) if group_id is not None else None
    theirs = group is not None and group.community_id == community_id
    member = membership(session, group.id, digest) if group is not None and theirs and digest is not None else None
    its_own = member is not None and member.role != "asking"
    proposal = Proposal(
        community_id=community_id,
        group_id=group_id if its_own else None,
        by_digest=digest,
        voice=voice,
        referral_id=referral_id,
        proposed_at=at,
        state_since=at,
        turn=turn,
    )
    session.add(proposal)
    session.flush()
    proposal.number = number_of(proposal.id)
    session.flush()
    return proposal


def keep_words(session: Session, proposal_id: int, text: str, *, ciphers: Ciphers) -> None:
    """The person's own words, once; for the committee alone."""
    proposal = session.get(Proposal, proposal_id)
    if proposal is not None and proposal.words_enc is None and text.strip():
        proposal.words_enc = ciphers.encrypt(text.strip().encode(), f"proposals|{proposal.id}|words".encode())


def words_of(proposal: Proposal, *, ciphers: Ciphers) -> str:
    """What the person wrote; "" where nothing came, or nothing opens."""
    return _opened(proposal.words_enc, f"proposals|{proposal.id}|words", ciphers)


def comment_of(event: ProposalEvent, *, ciphers: Ciphers) -> str:
    """A colleague's words; "" of what is no comment."""
    return _opened(event.text_enc, f"proposals|{event.proposal_id}|comment", ciphers)


def by_number(session: Session, number: str) -> Proposal | None:
    """The proposal with these digits."""
    return session.scalars(select(Proposal).where(Proposal.number == number)).first()


def board(session: Session, community_id: int) -> dict[str, list[Proposal]]:
    """A community's proposals by state, in the order of the process; the newest first."""
    rows = select(Proposal).where(Proposal.community_id == community_id)
    found: dict[str, list[Proposal]] = {state: [] for state in STATES}
    for proposal in session.scalars(rows.order_by(Proposal.state_since.desc(), Proposal.id.desc())):
        found[proposal.state].append(proposal)
    return found


def public_ones(session: Session, community_id: int) -> list[Proposal]:
    """Those that everybody may read of, what moved last first."""
    rows = select(Proposal).where(Proposal.community_id == community_id, Proposal.title != "")
    return list(session.scalars(rows.order_by(Proposal.state_since.desc(), Proposal.id.desc())))


def follow(session: Session, proposal_id: int, contact_id: int, at: datetime) -> None:
    """Be told of each step from now on."""
    if session.get(Proposal, proposal_id) is None:
        return
    row = insert(ProposalFollower).values(proposal_id=proposal_id, contact_id=contact_id, since=at)
    session.execute(row.on_conflict_do_update(index_elements=["proposal_id", "contact_id"], set_={"ended_at": None}))


def unfollow(session: Session, proposal_id: int, contact_id: int, at: datetime) -> None:
    """Not any more."""
    following = session.get(ProposalFollower, (proposal_id, contact_id))
    if following is not None and following.ended_at is None:
        following.ended_at = at


def followers(session: Session, proposal_id: int) -> int:
    """How many are told."""
    rows = select(func.count()).where(ProposalFollower.proposal_id == proposal_id, ProposalFollower.ended_at.is_(None))
    return int(session.scalar(rows) or 0)


def give_title(
    session: Session, staff: Staff, proposal: Proposal, title: str, at: datetime, *, ciphers: Ciphers
) -> None:
    """The public words for it. Raises CommunityError `title`, `never_send`."""
    title = _public(session, title, LONGEST_TITLE, "title", ciphers=ciphers)
    if title == proposal.title:
        return
    proposal.title = title
    session.add(ProposalEvent(proposal_id=proposal.id, at=at, staff_id=staff.id, kind="titled"))
    note(session, staff, "proposal_titled", f"proposal:{proposal.id}", at)


def comment(session: Session, staff: Staff, proposal: Proposal, text: str, at: datetime, *, ciphers: Ciphers) -> None:
    """A word to the rest of the committee."""
    place = f"proposals|{proposal.id}|comment".encode()
    kept = ciphers.encrypt(text.strip().encode(), place)
    session.add(ProposalEvent(proposal_id=proposal.id, at=at, staff_id=staff.id, kind="commented", text_enc=kept))
    note(session, staff, "proposal_commented", f"proposal:{proposal.id}", at)


def move(
    session: Session,
    staff: Staff,
    proposal_id: int,
    step: tuple[str, str],
    reason: str,
    at: datetime,
    *,
    teller: Teller,
) -> Proposal:
    """From a state to a next one; everybody who follows is told. `step`: the state that the reader saw, and the new one.

    Raises CommunityError: `changed` (a colleague was first), `step`, `reason` (wanted, or too long), `title` (nothing
    public says yet what it is about), `never_send`.
    """
    proposal = session.get_one(Proposal, proposal_id, with_for_update=True, populate_existing=True)
    seen, to = step
    if proposal.state != seen:
        raise CommunityError("changed")
    if to not in NEXT[seen]:
        raise CommunityError("step")
    if to != "EXAMINED" and not proposal.title:
        raise CommunityError("title")
    public = _public(session, reason, LONGEST_REASON, "reason", ciphers=teller.ciphers) if to in WITH_REASON else ""
    proposal.state, proposal.state_since, proposal.reason = to, at, public
    event = ProposalEvent(
        proposal_id=proposal.id, at=at, staff_id=staff.id, kind="moved", from_state=seen, to_state=to, reason=public
    )
    session.add(event)
    session.flush()
    note(session, staff, "proposal_moved", f"proposal:{proposal.id}", at, to=to)
    _tell(session, proposal, event, at, teller)
    return proposal


def events_of(session: Session, proposal_id: int) -> list[ProposalEvent]:
    """What the committee did, the newest first."""
    rows = select(ProposalEvent).where(ProposalEvent.proposal_id == proposal_id)
    return list(session.scalars(rows.order_by(ProposalEvent.id.desc())))


def _tell(session: Session, proposal: Proposal, event: ProposalEvent, at: datetime, teller: Teller) -> None:
    told = (
        select(Contact)
        .join(ProposalFollower)
        .where(ProposalFollower.proposal_id == proposal.id, ProposalFollower.ended_at.is_(None))
    )
    about = show_proposal(proposal.number or "")
    for contact in session.scalars(told):
        teller.tell(session, contact, about=about, once=f"proposal|{event.id}", at=at)


def _public(session: Session, text: str, most: int, fault: str, *, ciphers: Ciphers) -> str:
    """Words that everybody may read: short, in plain letters, without anything that never leaves."""
    words = " ".join(text.split())
    if not words or len(fold(words)) > most or not is_gsm7(fold(words)):
        raise CommunityError(fault)
    try:
        read(session, Draft(Kind.REMINDER, sms=words), ciphers=ciphers)
    except NotWritten:
        raise CommunityError("never_send") from None
    return words


def _opened(kept: bytes | None, place: str, ciphers: Ciphers) -> str:
    try:
        return ciphers.decrypt(kept, place.encode()).decode() if kept is not None else ""
    except Unreadable:
        return ""
