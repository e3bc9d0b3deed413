"""What a conversation may ask of groups: membership, and the page that a member's phone and the group's code open.

Amounts are given on USSD alone, where no text stays behind (docs/decisions/0039).
"""

from collections.abc import Callable

from sqlalchemy.orm import Session

from bot.asking import Answers, Asking
from bot.community import book, groups, savings
from bot.engine.ports import Found, Item
from bot.errors import CommunityError
from bot.store.attempts import Verdict
from bot.store.models import BookLine, CommunityGroup, GroupMember

USSD = "ussd"


def list_groups(asking: Asking) -> Found:
    """The groups of a community."""
    rows = groups.groups_of(Session(asking.connection), int(asking.values["community"]))
    return Found("some" if rows else "none", items=_items(rows))


def my_groups(asking: Asking) -> Found:
    """Those of this phone."""
    rows = groups.groups_of_phone(Session(asking.connection), asking.digest)
    if len(rows) == 1:
        return Found("one", {"group": str(rows[0].id), "group_name": rows[0].name})
    return Found("some" if rows else "none", items=_items(rows))


def join_group(asking: Asking) -> Found:
    """Ask to be a member: the number is told to an officer, who types it."""
    with Session(asking.connection) as session:
        wanted = int(asking.values["group"])
        member = groups.ask_to_join(
            session, wanted, asking.digest, turn=asking.turn, at=asking.now, ciphers=asking.ciphers
        )
        if member is None:
            return Found("gone")
        return Found("asked" if member.role == "asking" else "member", {"join_number": member.number})


def leave_group(asking: Asking) -> Found:
    """Not a member any more."""
    with Session(asking.connection) as session:
        wanted = int(asking.values["group"])
        return Found(groups.leave(session, wanted, asking.digest, turn=asking.turn, at=asking.now))


def open_group(asking: Asking) -> Found:
    """The code: unknown group, stranger, wrong, paused and locked are one answer (safety 12).

    The query first, then the script that counts the try and alone says whether its result may be used.
    """
    with Session(asking.connection) as session:
        wanted = int(asking.values["group"])
        group = groups.group_in_use(session, wanted) or CommunityGroup(id=wanted, locked_others=True)
        member = groups.membership(session, wanted, asking.digest)
        right = groups.judged(group, member, asking.values["code"], ciphers=asking.ciphers)
        tries, own = groups.tries_of(group, member), groups.known(member)
        verdict = asking.attempts.judge(tries, own=own, right=right, turn=asking.turn, now=asking.now)
        if verdict in {Verdict.LOCKS, Verdict.LOCKED}:
            if groups.known(member):
                member.locked = True
            else:
                group.locked_others = True
            session.flush()
        if verdict is not Verdict.FREE or not right or member is None:
            return Found("no_match")
        member.opened_at = asking.now
        session.flush()
        return Found(member.role)


def goal(asking: Asking) -> Found:
    """What is saved for, and how much of it is there: a share, for every member."""

    def told(session: Session, member: GroupMember) -> Found:
        there = savings.goal_of(session, member.group_id)
        if there is None:
            return Found("none")
        return Found("some", {"goal_name": there.name, "goal_percent": str(savings.percent(session, there))})

    return _page(asking, told, officer=False)


def book_page(asking: Asking) -> Found:
    """The last month that two officers confirmed, on one screen."""

    def told(session: Session, member: GroupMember) -> Found:
        lines = book.book(session, member.group_id)
        there = savings.goal_of(session, member.group_id)
        if not lines:
            return Found("none")
        share = {"goal_percent": str(savings.percent(session, there))} if there is not None else {}
        return Found("some", _month(lines[0]) | share)

    return _page(asking, told, officer=False, amounts=True)


def months(asking: Asking) -> Found:
    """The months that may be entered."""

    def told(_: Session, __: GroupMember) -> Found:
        offered = book.months(asking.now, asking.zone)
        return Found("some", items=tuple(Item(f"{one:%Y-%m}", f"@month.{one.month}") for one in offered))

    return _page(asking, told)


def enter_month(asking: Asking) -> Found:
    """A month as this officer says it; another one must confirm."""

    def told(session: Session, member: GroupMember) -> Found:
        values = asking.values
        try:
            line = book.enter(
                session,
                member,
                month=book.month_of(values["month"], asking.now, asking.zone),
                sales=int(values["sales"]),
                costs=int(values["costs"]),
                materials=int(values["part"]),
                correct=values.get("correct") == "yes",
                turn=asking.turn,
                at=asking.now,
            )
        except CommunityError as error:
            # an amount past what the answer type takes, or a month not offered: the flow asks again
            return Found(str(error) if str(error) in ("exists", "waits", "alone") else "too_much")
        return Found("loss" if line.sales < line.costs else "entered", _month(line) | {"heads": str(line.heads)})

    return _page(asking, told, amounts=True)


def month_to_confirm(asking: Asking) -> Found:
    """What another officer entered and waits for a yes; or this officer's own, that waits for another."""

    def told(session: Session, member: GroupMember) -> Found:
        line, own = book.to_confirm(session, member, asking.now)
        if line is None:
            return Found("none")
        return Found("own" if own else "some", _month(line) | {"line": str(line.id)})

    return _page(asking, told, amounts=True)


def confirm_month(asking: Asking) -> Found:
    """The second officer's yes."""
    return _answer(asking, yes=True)


def refuse_month(asking: Asking) -> Found:
    """The second officer's no."""
    return _answer(asking, yes=False)


def pay_in(asking: Asking) -> Found:
    """Money put aside for the goal."""

    def told(session: Session, member: GroupMember) -> Found:
        try:
            there = savings.pay_in(session, member, int(asking.values["amount"]), turn=asking.turn, at=asking.now)
        except CommunityError:
            return Found("too_much")
        if there is None:
            return Found("none")
        return Found("paid", {"goal_name": there.name, "goal_percent": str(savings.percent(session, there))})

    return _page(asking, told, amounts=True)


def accept_member(asking: Asking) -> Found:
    """The officer's yes to somebody who asked."""
    number = asking.values["member_number"]
    return _page(
        asking, lambda session, officer: Found("accepted" if groups.accept(session, officer, number) else "none")
    )


def name_officer(asking: Asking) -> Found:
    """One officer more."""
    number = asking.values["member_number"]
    return _page(
        asking, lambda session, officer: Found("named" if groups.name_officer(session, officer, number) else "none")
    )


def step_down(asking: Asking) -> Found:
    """A member again; saying it twice is saying it once."""

    def told(session: Session, member: GroupMember) -> Found:
        done = member.role == "member" or groups.step_down(session, member)
        return Found("done" if done else "last_officer")

    return _page(asking, told, officer=False)


ASKED: Answers = {
    "groups": list_groups,
    "my_groups": my_groups,
    "join_group": join_group,
    "leave_group": leave_group,
    "open_group": open_group,
    "goal": goal,
    "book": book_page,
    "months": months,
    "enter_month": enter_month,
    "month_to_confirm": month_to_confirm,
    "confirm_month": confirm_month,
    "refuse_month": refuse_month,
    "pay_in": pay_in,
    "accept_member": accept_member,
    "name_officer": name_officer,
    "step_down": step_down,
}


def francs(amount: int) -> str:
    """Whole francs as people read them: 12 500."""
    return f"{amount:,}".replace(",", " ")


def _page(
    asking: Asking, told: Callable[[Session, GroupMember], Found], *, officer: bool = True, amounts: bool = False
) -> Found:
    """What the open page says: `closed` where it is not open, or not for this role; `dial` where it would say amounts."""
    if amounts and asking.channel != USSD:
        return Found("dial")
    with Session(asking.connection) as session:
        try:
            member = groups.at_work(session, int(asking.values["group"]), asking.digest, asking.now, officer=officer)
        except CommunityError:
            return Found("closed")
        found = told(session, member)
        session.flush()
        return found


def _answer(asking: Asking, *, yes: bool) -> Found:
    def told(session: Session, member: GroupMember) -> Found:
        line = int(asking.values["line"])
        return Found(book.answer(session, member, line, yes=yes, turn=asking.turn, at=asking.now))

    return _page(asking, told)


def _month(line: BookLine) -> dict[str, str]:
    shares = book.shares_of(line)
    return {
        "month": f"@month.{line.month.month}",
        "sales": francs(line.sales),
        "costs": francs(line.costs),
        "profit": francs(shares.profit),
        "materials": francs(shares.materials),
        "shared": francs(shares.shared),
        "each": francs(shares.each),
    }


def _items(rows: list[CommunityGroup]) -> tuple[Item, ...]:
    return tuple(Item(str(one.id), one.name) for one in rows)
