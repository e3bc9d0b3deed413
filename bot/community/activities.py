"""Activities: places, waiting list, attendance. Who is next moves up as soon as a place comes free, and is told.

Every claim holds the activity's row: forty who join at once get each place once, in the order in which they came.
"""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.community.noting import note
from bot.community.telling import Teller
from bot.errors import CommunityError
from bot.store.ciphers import Ciphers
from bot.store.models import Activity, ActivitySession, Attendance, Community, Contact, Participant, Staff

KINDS = ("sewing", "knitting", "training", "meeting")
COMPLETE = 0.8  # of the days of a training: who was there so often has completed it
MOST_TOLD = 200  # in one run of the sweep


@dataclass(frozen=True, slots=True)
class Progress:
    """A participant of a training: days so far, days there, and whether that completes it once all days are over."""

    days: int
    there: int
    completes: bool


def coming(session: Session, community_id: int, today: date) -> list[Activity]:
    """Those that one may still join, by name."""
    mine = select(Activity).where(Activity.community_id == community_id, Activity.closed_at.is_(None))
    return [one for one in session.scalars(mine.order_by(Activity.name)) if not _over(session, one, today)]


def of_community(session: Session, community_id: int) -> list[Activity]:
    """All of them, those that were closed last."""
    mine = select(Activity).where(Activity.community_id == community_id)
    return list(session.scalars(mine.order_by(Activity.closed_at.is_not(None), Activity.name)))


def next_day(session: Session, activity_id: int, today: date) -> date | None:
    """The next day of an activity; None where none is set."""
    days = select(func.min(ActivitySession.day)).where(ActivitySession.activity_id == activity_id)
    return session.scalar(days.where(ActivitySession.day >= today))


def days_of(session: Session, activity_id: int) -> list[ActivitySession]:
    """Its days, in order."""
    days = select(ActivitySession).where(ActivitySession.activity_id == activity_id)
    return list(session.scalars(days.order_by(ActivitySession.day)))


def participants(session: Session, activity_id: int) -> list[Participant]:
    """Who has a place, then who waits, in order."""
    rows = select(Participant).where(Participant.activity_id == activity_id, Participant.left_at.is_(None))
    return list(session.scalars(rows.order_by(Participant.waiting, Participant.id)))


def free_places(session: Session, activity: Activity) -> int:
    """How many are left; none while anybody waits."""
    there = participants(session, activity.id)
    return 0 if any(one.waiting for one in there) else max(0, activity.capacity - len(there))


def place_of(session: Session, activity_id: int, digest: str) -> Participant | None:
    """The place of this phone, or its place in the waiting list."""
    mine = select(Participant).where(Participant.activity_id == activity_id, Participant.digest == digest)
    return session.scalars(mine.where(Participant.left_at.is_(None))).first()


def waiting_before(session: Session, place: Participant) -> int:
    """How many wait longer."""
    before = select(func.count()).select_from(Participant)
    return int(
        session.scalar(
            before.where(
                Participant.activity_id == place.activity_id,
                Participant.left_at.is_(None),
                Participant.waiting,
                Participant.id < place.id,
            )
        )
        or 0
    )


def is_over(session: Session, activity: Activity | None, today: date) -> bool:
    """Closed, all its days gone, or never there."""
    return activity is None or activity.closed_at is not None or _over(session, activity, today)


def join(
    session: Session, activity_id: int, digest: str, *, turn: bytes, at: datetime, zone: ZoneInfo
) -> Participant | None:
    """A place, or the end of the waiting list; who has one keeps it. None: it is over."""
    activity = session.get(Activity, activity_id, with_for_update=True)
    if activity is None or is_over(session, activity, at.astimezone(zone).date()):
        return None
    there = place_of(session, activity_id, digest)
    if there is not None:
        return there
    waiting = free_places(session, activity) == 0
    taken = Participant(activity_id=activity_id, digest=digest, waiting=waiting, joined_at=at, turn=turn)
    session.add(taken)
    session.flush()
    return taken


def leave(session: Session, activity_id: int, digest: str, *, turn: bytes, at: datetime) -> bool:
    """Give the place back; the same turn says so again. False: had none."""
    activity = session.get(Activity, activity_id, with_for_update=True)
    place = place_of(session, activity_id, digest)
    if activity is None or place is None:
        before = select(Participant.id).where(Participant.activity_id == activity_id, Participant.left_turn == turn)
        return session.scalar(before) is not None
    place.left_at, place.left_turn = at, turn
    session.flush()
    move_up(session, activity, at)
    return True


def move_up(session: Session, activity: Activity, at: datetime) -> None:
    """Whoever waits longest gets what is free; the activity's row is held."""
    there = participants(session, activity.id)
    free = activity.capacity - sum(not one.waiting for one in there)
    for one in [one for one in there if one.waiting][: max(0, free)]:
        one.waiting, one.moved_up_at = False, at
    session.flush()


def tell_moved_up(session: Session, teller: Teller, at: datetime) -> int:
    """Tell those who moved up, once; how many. Who has no phone number is told by the committee."""
    untold = select(Participant).where(Participant.moved_up_at.is_not(None), Participant.told_at.is_(None))
    rows = session.scalars(untold.order_by(Participant.id).limit(MOST_TOLD).with_for_update(skip_locked=True)).all()
    for place in rows:
        place.told_at = at
        contact = session.scalars(select(Contact).where(Contact.digest == place.digest)).first()
        if contact is not None and place.left_at is None:
            teller.tell(session, contact, once=f"place|{place.id}", at=at)
    return len(rows)


def begin(
    session: Session, staff: Staff, community: Community, kind: str, name: str, place: str, capacity: int, at: datetime
) -> Activity:
    """A new activity. Raises CommunityError `kind`, `capacity`."""
    if kind not in KINDS:
        raise CommunityError("kind")
    if not 0 < capacity <= 999:
        raise CommunityError("capacity")
    fields = {"kind": kind, "name": name, "place": place, "capacity": capacity}
    activity = Activity(community_id=community.id, created_at=at, **fields)
    session.add(activity)
    session.flush()
    note(session, staff, "activity_begun", f"activity:{activity.id}", at)
    return activity


def change_capacity(session: Session, staff: Staff, activity: Activity, capacity: int, at: datetime) -> None:
    """More places move people up; fewer take none away. Raises CommunityError `capacity`."""
    if not 0 < capacity <= 999:
        raise CommunityError("capacity")
    session.get(Activity, activity.id, with_for_update=True)
    activity.capacity = capacity
    move_up(session, activity, at)
    note(session, staff, "capacity_changed", f"activity:{activity.id}", at, places=capacity)


def add_day(session: Session, staff: Staff, activity: Activity, day: date, at: datetime) -> None:
    """A day more; again changes nothing."""
    row = insert(ActivitySession).values(activity_id=activity.id, day=day)
    session.execute(row.on_conflict_do_nothing(index_elements=["activity_id", "day"]))
    note(session, staff, "day_added", f"activity:{activity.id}", at, day=day.isoformat())


def close(session: Session, staff: Staff, activity: Activity, at: datetime) -> None:
    """Nobody joins any more; who was there often enough in a training has completed it."""
    if activity.closed_at is not None:
        return
    activity.closed_at = at
    for place, progress in progress_of(session, activity).items():
        if activity.kind == "training" and progress.completes:
            session.get_one(Participant, place).completed_at = at
    note(session, staff, "activity_closed", f"activity:{activity.id}", at)


def write_down(
    session: Session, staff: Staff, activity: Activity, name: str, at: datetime, *, ciphers: Ciphers
) -> None:
    """Somebody without a phone: a place, or the waiting list, in the same order as everybody."""
    session.get(Activity, activity.id, with_for_update=True)
    waiting = free_places(session, activity) == 0
    row = Participant(activity_id=activity.id, waiting=waiting, joined_at=at)
    row.name_enc = ciphers.encrypt(name.encode(), f"participants|{activity.id}|name".encode())
    session.add(row)
    session.flush()
    note(session, staff, "written_down", f"activity:{activity.id}", at)


def attend(session: Session, staff: Staff, day: ActivitySession, there: set[int], at: datetime) -> None:
    """Who was there on a day: ids of participants; everybody else with a place was not. Saying it again replaces it."""
    for one in participants(session, day.activity_id):
        if not one.waiting:
            row = insert(Attendance).values(session_id=day.id, participant_id=one.id, there=one.id in there)
            changed = {"there": one.id in there}
            session.execute(row.on_conflict_do_update(index_elements=["session_id", "participant_id"], set_=changed))
    note(session, staff, "attendance_kept", f"activity:{day.activity_id}", at, day=day.day.isoformat())


def progress_of(session: Session, activity: Activity) -> dict[int, Progress]:
    """By participant: days of which attendance was kept, days there; `completes` counts all days that are set."""
    days = [day.id for day in days_of(session, activity.id)]
    rows = session.execute(
        select(Attendance.participant_id, func.count(), func.count().filter(Attendance.there))
        .where(Attendance.session_id.in_(days))
        .group_by(Attendance.participant_id)
    )
    kept = {row[0]: (row[1], row[2]) for row in rows}
    found = {}
    for one in participants(session, activity.id):
        so_far, there = kept.get(one.id, (0, 0))
        found[one.id] = Progress(so_far, there, bool(days) and there >= COMPLETE * len(days))
    return found


def _over(session: Session, activity: Activity, today: date) -> bool:
    last = session.scalar(select(func.max(ActivitySession.day)).where(ActivitySession.activity_id == activity.id))
    return last is not None and last < today
