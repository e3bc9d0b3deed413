"""What a group saves for: name, target, paid in. Told as a share of the target; amounts are never pushed."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.community.book import MOST
from bot.community.noting import note
from bot.errors import CommunityError
from bot.store.models import CommunityGroup, Goal, GoalPayment, GroupMember, Staff


def goal_of(session: Session, group_id: int) -> Goal | None:
    """The one that is saved for now."""
    return session.scalars(select(Goal).where(Goal.group_id == group_id, Goal.closed_at.is_(None))).first()


def paid_in(session: Session, goal: Goal) -> int:
    """Francs so far."""
    paid = select(func.coalesce(func.sum(GoalPayment.amount), 0)).where(GoalPayment.goal_id == goal.id)
    return int(session.scalar(paid) or 0)


def percent(session: Session, goal: Goal) -> int:
    """How much of the target is there, rounded down."""
    return paid_in(session, goal) * 100 // goal.target


def pay_in(session: Session, officer: GroupMember, amount: int, *, turn: bytes, at: datetime) -> Goal | None:
    """An officer pays in; the same turn pays once. None: nothing is saved for.

    Raises CommunityError `amount`: nothing, or more than is missing.
    """
    goal = goal_of(session, officer.group_id)
    if goal is None:
        return None
    if session.scalar(select(GoalPayment.id).where(GoalPayment.turn == turn)) is not None:
        return goal
    if not 0 < amount <= goal.target - paid_in(session, goal):
        raise CommunityError("amount")
    session.add(GoalPayment(goal_id=goal.id, amount=amount, by_member=officer.id, at=at, turn=turn))
    session.flush()
    return goal


def take_back(session: Session, staff: Staff, goal: Goal, amount: int, at: datetime) -> None:
    """The committee mends a wrong payment, at a member's word. Raises CommunityError `amount` where so much is not there."""
    session.get_one(CommunityGroup, goal.group_id, with_for_update=True)
    if not 0 < amount <= paid_in(session, goal):
        raise CommunityError("amount")
    session.add(GoalPayment(goal_id=goal.id, amount=-amount, staff_id=staff.id, at=at))
    note(session, staff, "payment_taken_back", f"group:{goal.group_id}", at)


def set_goal(session: Session, staff: Staff, group: CommunityGroup, name: str, target: int, at: datetime) -> Goal:
    """Begin to save for something; what was saved for before is over. Raises CommunityError `amount`."""
    if not 0 < target <= MOST:
        raise CommunityError("amount")
    before = goal_of(session, group.id)
    if before is not None:
        before.closed_at = at
        session.flush()
    goal = Goal(group_id=group.id, name=name, target=target, created_at=at)
    session.add(goal)
    session.flush()
    note(session, staff, "goal_set", f"group:{group.id}", at)
    return goal
