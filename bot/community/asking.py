"""What a conversation may ask about communities, proposals and activities: the look-ups of flows/data.yaml answered here.

Those of groups and their books are in bot/community/asking_groups.py.
"""

from collections.abc import Iterable
from datetime import date

from sqlalchemy.orm import Session

from bot.asking import Answers, Asking
from bot.community import activities, communities, proposals
from bot.community.asking_groups import ASKED as OF_GROUPS
from bot.engine.ports import Found, Item
from bot.store.models import Activity, Community
from bot.text.proposals import proposal_number, show_proposal


def my_community(asking: Asking) -> Found:
    """The one that this phone chose."""
    community = communities.chosen(Session(asking.connection), asking.digest)
    if community is None:
        return Found("none")
    return Found("known", {"community": str(community.id), "community_name": community.name})


def list_communities(asking: Asking) -> Found:
    """Those to choose from."""
    return _list((one.id, one.name) for one in communities.open_ones(Session(asking.connection)))


def choose_community(asking: Asking) -> Found:
    """Keep it."""
    with Session(asking.connection) as session:
        community = communities.choose(session, asking.digest, int(asking.values["community"]), asking.now)
        return Found("gone") if community is None else Found("chosen", {"community_name": community.name})


def new_proposal(asking: Asking) -> Found:
    """A number for what somebody asks; the words come with the act of the same turn."""
    with Session(asking.connection) as session:
        community = session.get(Community, int(asking.values["community"]))
        if community is None or not community.open:
            return Found("gone")
        group = asking.values.get("group", "")
        proposal = proposals.propose(
            session,
            community.id,
            digest=asking.digest,
            turn=asking.turn,
            at=asking.now,
            group_id=int(group) if group else None,
            voice=asking.values.get("by") == "voice",
            referral_id=asking.values.get("ref") or None,
        )
        return Found("made", _numbered(proposal.id, proposal.number))


def list_proposals(asking: Asking) -> Found:
    """Those to which the committee gave a public title, what moved last first."""
    rows = proposals.public_ones(Session(asking.connection), int(asking.values["community"]))
    return _list((one.number or "", one.title[: communities.LONGEST_NAME]) for one in rows)


def find_proposal(asking: Asking) -> Found:
    """Where a proposal stands, for anybody who types its number."""
    number = proposal_number(asking.values["which"])
    proposal = proposals.by_number(Session(asking.connection), number) if number is not None else None
    if proposal is None:
        return Found("none")
    facts = _numbered(proposal.id, proposal.number) | {
        "proposal_title": proposal.title or "@proposal.untitled",
        "proposal_state": f"@proposal.{proposal.state.lower()}",
        "proposal_since": f"d:{proposal.state_since.astimezone(asking.zone).date()}",
        "proposal_reason": proposal.reason,
    }
    return Found("reasoned" if proposal.reason else "found", facts)


def list_activities(asking: Asking) -> Found:
    """Those that one may still join."""
    session = Session(asking.connection)
    coming = activities.coming(session, int(asking.values["community"]), _today(asking))
    return _list((one.id, one.name) for one in coming)


def activity(asking: Asking) -> Found:
    """One activity, and this phone's place in it."""
    session = Session(asking.connection)
    found = session.get(Activity, int(asking.values["activity"]))
    if found is None or activities.is_over(session, found, _today(asking)):
        return Found("over")
    day, left = activities.next_day(session, found.id, _today(asking)), activities.free_places(session, found)
    facts = {
        "activity_name": found.name,
        "activity_kind": f"@activity.{found.kind}",
        "activity_next": f"w:{day}" if day is not None else "@activity.no_day",
        "activity_place": found.place,
        "activity_left": str(left),
    }
    place = activities.place_of(session, found.id, asking.digest)
    if place is not None:
        return Found("waiting" if place.waiting else "joined", facts)
    return Found("open" if left else "full", facts)


def join_activity(asking: Asking) -> Found:
    """A place, or one in the waiting list."""
    with Session(asking.connection) as session:
        wanted = int(asking.values["activity"])
        place = activities.join(session, wanted, asking.digest, turn=asking.turn, at=asking.now, zone=asking.zone)
        if place is None:
            return Found("over")
        ahead = {"activity_ahead": str(activities.waiting_before(session, place) if place.waiting else 0)}
        return Found("waiting" if place.waiting else "joined", ahead)


def leave_activity(asking: Asking) -> Found:
    """Give it back; who waits longest moves up."""
    with Session(asking.connection) as session:
        wanted = int(asking.values["activity"])
        left = activities.leave(session, wanted, asking.digest, turn=asking.turn, at=asking.now)
        return Found("left" if left else "not_in")


ASKED: Answers = {
    "my_community": my_community,
    "communities": list_communities,
    "choose_community": choose_community,
    "new_proposal": new_proposal,
    "proposals": list_proposals,
    "find_proposal": find_proposal,
    "activities": list_activities,
    "activity": activity,
    "join_activity": join_activity,
    "leave_activity": leave_activity,
    **OF_GROUPS,
}


def _list(rows: Iterable[tuple[int | str, str]]) -> Found:
    items = tuple(Item(str(one), name) for one, name in rows)
    return Found("some" if items else "none", items=items)


def _numbered(proposal_id: int, number: str | None) -> dict[str, str]:
    return {"proposal": str(proposal_id), "proposal_number": show_proposal(number or "")}


def _today(asking: Asking) -> date:
    return asking.now.astimezone(asking.zone).date()
