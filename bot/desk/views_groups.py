"""A group: its book as a chart, its members and officers by phone, its code, what it saves for."""

from __future__ import annotations

from datetime import datetime

from flask import render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from bot.community import book, communities, groups, savings
from bot.community.noting import note
from bot.desk import presenting_community as presenting
from bot.desk.blueprint import blueprint
from bot.desk.community_steps import checked, matters, take
from bot.desk.forms_community import GoalForm, GroupForm, TakeBackForm
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import communities as words
from bot.desk.words import say
from bot.errors import CommunityError
from bot.store.models import BookLine, BookMark, Community, CommunityGroup, GroupMember

ROLES = ("member", "officer", "refused")


@blueprint.get("/groups/<int:group_id>")
def group(group_id: int) -> ResponseReturnValue:
    """The page of one."""
    return _page(group_id)


@blueprint.post("/groups/<int:group_id>/code")
def give_group_code(group_id: int) -> ResponseReturnValue:
    """A new code, shown once; every lock is lifted."""
    with matters() as session:
        row = communities.theirs(session, reader(), CommunityGroup, group_id)
        code = groups.give_code(session, reader(), row, now(), ciphers=services().ciphers)
    return _page(group_id, code)


@blueprint.post("/groups/<int:group_id>/members/<int:member_id>/lock-out")
def lock_member_out(group_id: int, member_id: int) -> ResponseReturnValue:
    """A stolen phone; the new code of the group is shown once."""
    with matters() as session:
        member = _member(session, group_id, member_id)
        code = groups.lock_out(session, reader(), member, now(), ciphers=services().ciphers)
    return _page(group_id, code)


@blueprint.post("/groups/<int:group_id>/members/<int:member_id>/<role>")
def set_member_role(group_id: int, member_id: int, role: str) -> ResponseReturnValue:
    """Member, officer, or not any more."""

    def step(session: Session) -> None:
        member = _member(session, group_id, member_id)
        if role not in ROLES:
            raise CommunityError("not_found")
        groups.set_role(session, reader(), member, role, now())

    return take(_back(group_id), step)


@blueprint.post("/groups/<int:group_id>")
def change_group(group_id: int) -> ResponseReturnValue:
    """Its name, and how many share."""

    def step(session: Session) -> None:
        row = communities.theirs(session, reader(), CommunityGroup, group_id)
        form = GroupForm()
        checked(form)
        row.name, row.heads = communities.short_name(form.name.data), form.heads.data or 0
        note(session, reader(), "group_changed", f"group:{row.id}", now(), heads=row.heads)

    return take(_back(group_id), step)


@blueprint.post("/groups/<int:group_id>/goal")
def set_goal(group_id: int) -> ResponseReturnValue:
    """What is saved for from now on."""

    def step(session: Session) -> None:
        row = communities.theirs(session, reader(), CommunityGroup, group_id)
        form = GoalForm()
        checked(form)
        savings.set_goal(session, reader(), row, communities.short_name(form.name.data), form.target.data, now())

    return take(_back(group_id), step)


@blueprint.post("/groups/<int:group_id>/goal/back")
def take_payment_back(group_id: int) -> ResponseReturnValue:
    """A payment that was wrong, at a member's word."""

    def step(session: Session) -> None:
        row = communities.theirs(session, reader(), CommunityGroup, group_id)
        form = TakeBackForm()
        checked(form)
        goal = savings.goal_of(session, row.id)
        if goal is None:
            raise CommunityError("changed")
        savings.take_back(session, reader(), goal, form.amount.data, now())

    return take(_back(group_id), step)


def _page(group_id: int, code: str = "") -> str:
    with matters() as session:
        row = communities.theirs(session, reader(), CommunityGroup, group_id)
        goal = savings.goal_of(session, row.id)
        shown = {
            "community": session.get_one(Community, row.community_id),
            "chart": presenting.book_chart(book.book(session, row.id)),
            "lines": [
                (line, book.shares_of(line), _stands(line, mark, now())) for line, mark in book.history(session, row.id)
            ],
            "members": groups.members(session, row.id),
            "heads": groups.heads(session, row),
            "goal": goal,
            "paid": savings.paid_in(session, goal) if goal is not None else 0,
            "percent": savings.percent(session, goal) if goal is not None else 0,
        }
    return render_template(
        "desk/group.html", row=row, code=code, words=words, francs=presenting.francs, height=presenting.HEIGHT,
        floor=presenting.FLOOR, form=GroupForm(data={"name": row.name, "heads": row.heads or None}),
        goal_form=GoalForm(), back_form=TakeBackForm(), code_word=say("The code of the group"), here="desk.communities",
        **shown,
    )  # fmt: skip


def _stands(line: BookLine, mark: BookMark | None, at: datetime) -> str:
    if mark is not None:
        return mark.mark
    return "waiting" if at < line.at + book.CONFIRM_WITHIN else "lapsed"


def _member(session: Session, group_id: int, member_id: int) -> GroupMember:
    row = communities.theirs(session, reader(), CommunityGroup, group_id)
    member = session.get(GroupMember, member_id)
    if member is None or member.group_id != row.id or member.ended_at is not None:
        raise CommunityError("not_found")
    return member


def _back(group_id: int) -> str:
    return url_for("desk.group", group_id=group_id)
