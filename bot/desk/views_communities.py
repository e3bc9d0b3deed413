"""Communities: the list, the page of one, and what begins there: a committee, groups, activities."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from flask import render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.community import activities, communities, groups, proposals, savings, tensions
from bot.community.noting import note
from bot.desk import presenting_community as presenting
from bot.desk.blueprint import blueprint
from bot.desk.community_steps import checked, matters, take
from bot.desk.forms_community import ActivityForm, FoundForm, GroupForm, SeatForm, WordForm
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import communities as words
from bot.desk.words import dates, say
from bot.referrals import access
from bot.store.models import Community
from bot.text.proposals import show_proposal

HERE = "desk.communities"


@blueprint.get("/communities", endpoint="communities")
def all_communities() -> ResponseReturnValue:
    """Those of the reader."""
    with matters() as session:
        wanted = select(Community).where(access.visible_communities(reader())).order_by(Community.name)
        rows = [
            (one, communities.committee(session, one.id), sum(map(len, proposals.board(session, one.id).values())))
            for one in session.scalars(wanted)
        ]
    founds = access.founds_communities(reader())
    return render_template("desk/communities.html", rows=rows, form=FoundForm(), founds=founds, here=HERE)


@blueprint.get("/communities/<int:community_id>")
def community(community_id: int) -> ResponseReturnValue:
    """Everything of one: what to decide first, then how it is."""
    zone, today = _zone(), dates.local(now()).date()
    with matters() as session:
        row = communities.held(session, reader(), community_id)
        trends = tensions.trends(session, row.id, now(), zone)
        board = proposals.board(session, row.id)
        of_groups = groups.groups_of(session, row.id)
        counts = groups.count_members(session, [one.id for one in of_groups])
        goals = {one.id: savings.goal_of(session, one.id) for one in of_groups}
        shares = {one: savings.percent(session, goal) for one, goal in goals.items() if goal is not None}
        shown = {
            "committee": communities.committee(session, row.id),
            "groups": [(one, counts.get(one.id, 0), goals[one.id], shares.get(one.id, 0)) for one in of_groups],
            "activities": [
                (one, activities.next_day(session, one.id, today), activities.participants(session, one.id))
                for one in activities.of_community(session, row.id)
            ],
            "answers": tensions.answers_of(session, row.id)[:3],
            "seat": SeatForm(communities.seatable(session)),
        }
    weeks = tensions.mondays(now(), zone)
    return render_template(
        "desk/community.html", row=row, board=presenting.board(board), declined=board["DECLINED"],
        strips=presenting.strips(trends), figures=presenting.figures(trends, weeks), first=weeks[0],
        last=weeks[-1] + timedelta(days=6), founds=access.founds_communities(reader()), words=words,
        group_form=GroupForm(), activity_form=ActivityForm(), said_form=WordForm("said", say("What was said")),
        here=HERE, **shown,
    )  # fmt: skip


@blueprint.post("/communities/new")
def found_community() -> ResponseReturnValue:
    """Begin with one."""

    def step(session: Session) -> None:
        form = FoundForm()
        checked(form)
        communities.found(session, reader(), form.name.data, str(form.office.data or "").strip(), now())

    return take(url_for(HERE), step)


@blueprint.post("/communities/<int:community_id>/committee")
def seat(community_id: int) -> ResponseReturnValue:
    """Give a place in the committee."""

    def step(session: Session) -> None:
        row = communities.held(session, reader(), community_id)
        form = SeatForm(communities.seatable(session))
        checked(form)
        communities.seat(session, reader(), row, form.login.data, bool(form.focal.data), now())

    return take(_back(community_id), step)


@blueprint.post("/communities/<int:community_id>/committee/<int:staff_id>/leave")
def unseat(community_id: int, staff_id: int) -> ResponseReturnValue:
    """Take it away."""

    def step(session: Session) -> None:
        row = communities.held(session, reader(), community_id)
        communities.unseat(session, reader(), row, staff_id, now())

    return take(_back(community_id), step)


@blueprint.post("/communities/<int:community_id>/groups")
def found_group(community_id: int) -> ResponseReturnValue:
    """Begin with a group; its code is given on its own page."""

    def step(session: Session) -> None:
        row = communities.held(session, reader(), community_id)
        form = GroupForm()
        checked(form)
        name = communities.short_name(form.name.data)
        groups.found_group(session, reader(), row, name, form.heads.data or 0, now())

    return take(_back(community_id), step)


@blueprint.post("/communities/<int:community_id>/activities")
def begin_activity(community_id: int) -> ResponseReturnValue:
    """Begin with an activity; its days are set on its own page."""

    def step(session: Session) -> None:
        row = communities.held(session, reader(), community_id)
        form = ActivityForm()
        checked(form)
        name = communities.short_name(form.name.data)
        place = " ".join(str(form.place.data or "").split())
        activities.begin(session, reader(), row, form.kind.data, name, place, form.capacity.data, now())

    return take(_back(community_id), step)


@blueprint.post("/communities/<int:community_id>/proposals")
def write_proposal(community_id: int) -> ResponseReturnValue:
    """Write down what somebody said, on a call or in person; the number is told to them."""

    def step(session: Session) -> str:
        row = communities.held(session, reader(), community_id)
        form = WordForm("said", say("What was said"))
        checked(form)
        proposal = proposals.propose(session, row.id, digest=None, turn=None, at=now())
        proposals.keep_words(session, proposal.id, str(form.text.data), ciphers=services().ciphers)
        note(session, reader(), "proposal_written", f"proposal:{proposal.id}", now())
        return say("Saved. Its number: %(number)s.", number=show_proposal(proposal.number or ""))

    return take(_back(community_id), step)


def _back(community_id: int) -> str:
    return url_for("desk.community", community_id=community_id)


def _zone() -> ZoneInfo:
    return ZoneInfo(services().settings.timezone)
