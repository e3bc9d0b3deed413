"""The invented community of development: Assamaka, its committee, its women's group, and a year of both.

All of it is invented. The officers' phones are +22790008801 and +22790008802, the group's code is `WOMENS_CODE`.
"""

from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.community import book, communities, proposals, tensions
from bot.store.ciphers import Ciphers
from bot.store.models import (
    Activity,
    ActivitySession,
    BookLine,
    BookMark,
    Community,
    CommunityGroup,
    Contact,
    Goal,
    GoalPayment,
    GroupMember,
    Ladder,
    Participant,
    Proposal,
    ProposalEvent,
    Referral,
    Staff,
    Tension,
)
from bot.text.damm import check_digit
from bot.text.proposals import number_of

OFFICERS = ("+22790008801", "+22790008802")
MEMBERS = tuple(f"+227900088{n:02d}" for n in range(3, 12))
WOMENS_CODE = "4917"
HEADS = 40
# title, the way it has gone, how many days ago the last step was
PROPOSALS = (
    ("Un local pour coudre", ("EXAMINED", "ACCEPTED", "WORKS", "DELIVERED", "IN_USE"), 900, ""),
    ("Ombre au point d'eau", ("EXAMINED", "ACCEPTED", "WORKS"), 12, ""),
    ("Pompe à eau potable", ("EXAMINED", "ACCEPTED"), 6, ""),
    ("Prix affichés au marché", ("EXAMINED",), 3, ""),
    ("Cours de couture le soir", ("EXAMINED", "MORE_INFO"), 9, "Combien de personnes viendraient le soir ?"),
    ("Deuxième marché", ("EXAMINED", "DECLINED"), 30, "Pas de terrain libre cette année."),
    ("", (), 1, ""),
)
ASKED = "Des lampes sur la place, pour rentrer du centre le soir."
# sales, costs, for materials: the last months, oldest first; one with a loss
MONTHS = (
    (182_000, 95_500, 26_500), (165_500, 88_000, 20_000), (148_000, 91_000, 17_000), (96_500, 112_000, 0),
    (154_000, 84_000, 20_000), (201_500, 97_500, 30_000), (176_000, 90_000, 26_000), (188_500, 93_000, 27_000),
    (212_000, 101_000, 31_000), (195_500, 96_000, 29_500), (223_000, 104_000, 35_000),
)  # fmt: skip
WEEKS = {"water": (6, 8, 5, 9, 11, 7, 3, 6, 12, 9, 8, 7), "market": (2, 0, 5, 6, 4, 7, 6, 5, 8, 6, 5, 9),
         "work": (0, 1, 0, 2, 5, 0, 1, 3, 0, 6, 2, 1), "insult": (1, 0, 2, 0, 0, 3, 0, 1, 0, 0, 2, 0)}  # fmt: skip


def load(session: Session, now: datetime, *, ciphers: Ciphers) -> None:
    """Add it once; what was done with it meanwhile stays."""
    rakia = session.scalars(select(Staff).where(Staff.login == "rakia")).first()
    mariama = session.scalars(select(Staff).where(Staff.login == "mariama")).first()
    if rakia is None or mariama is None or session.scalar(select(func.count()).select_from(Community)):
        return
    assamaka = communities.found(session, mariama, "Assamaka", "", now)
    communities.seat(session, mariama, assamaka, rakia.login, True, now)
    communities.found(session, mariama, "Filingué", "", now)
    group = _women(session, assamaka, now, ciphers)
    _proposals(session, assamaka, group, rakia, now, ciphers)
    _activities(session, assamaka, now, ciphers)
    _tensions(session, assamaka, now)


def _women(session: Session, community: Community, now: datetime, ciphers: Ciphers) -> CommunityGroup:
    group = CommunityGroup(community_id=community.id, name="Femmes du centre", heads=HEADS, created_at=now)
    session.add(group)
    session.flush()
    group.code_hmac = ciphers.code(f"group|{group.id}", WOMENS_CODE)
    people = [
        GroupMember(
            group_id=group.id, digest=_contact(session, number, ciphers), number=str(1200 + 37 * place),
            role="officer" if number in OFFICERS else "member", asked_at=now - timedelta(days=400),
        )
        for place, number in enumerate((*OFFICERS, *MEMBERS))
    ]  # fmt: skip
    session.add_all(people)
    session.flush()
    _book(session, group, people[0], people[1], now)
    goal = Goal(group_id=group.id, name="Pompe à eau", target=600_000, created_at=now - timedelta(days=300))
    session.add(goal)
    session.flush()
    session.add(GoalPayment(goal_id=goal.id, amount=372_000, by_member=people[0].id, at=now, turn=b"development"))
    return group


def _book(session: Session, group: CommunityGroup, first: GroupMember, second: GroupMember, now: datetime) -> None:
    for place, (sales, costs, materials) in enumerate(MONTHS):
        back = len(MONTHS) - place
        month = _months_ago(now.date(), back)
        shares = book.part(sales, costs, materials, HEADS)
        at = now - timedelta(days=30 * back - 27)
        line = BookLine(
            group_id=group.id, month=month, sales=sales, costs=costs, materials=shares.materials, shared=shares.shared,
            heads=HEADS, each_share=shares.each, by_member=first.id, at=at, turn=f"development|{place}".encode(),
        )  # fmt: skip
        session.add(line)
        session.flush()
        session.add(BookMark(line_id=line.id, mark="confirmed", by_member=second.id, at=at + timedelta(hours=5)))


def _proposals(
    session: Session, community: Community, group: CommunityGroup, staff: Staff, now: datetime, ciphers: Ciphers
) -> None:
    for title, road, days, reason in PROPOSALS:
        last = now - timedelta(days=days)
        proposal = Proposal(
            community_id=community.id, group_id=group.id if title.startswith(("Un local", "Pompe")) else None,
            title=title, state=road[-1] if road else "PROPOSED", reason=reason, state_since=last,
            proposed_at=last - timedelta(days=60),
        )  # fmt: skip
        session.add(proposal)
        session.flush()
        proposal.number = number_of(proposal.id)
        proposals.keep_words(session, proposal.id, title or ASKED, ciphers=ciphers)
        for place, to in enumerate(road):
            at = last - timedelta(days=20 * (len(road) - 1 - place))
            said = {"from_state": ("PROPOSED", *road)[place], "to_state": to}
            session.add(ProposalEvent(proposal_id=proposal.id, at=at, staff_id=staff.id, kind="moved", **said))


def _activities(session: Session, community: Community, now: datetime, ciphers: Ciphers) -> None:
    today = now.date()
    wanted = (
        ("sewing", "Couture au centre", 12, 1, 4),
        ("training", "Apprendre à coudre", 8, 12, -5),
        ("meeting", "Réunion du comité", 30, 1, 9),
    )
    for kind, name, capacity, days, first in wanted:
        activity = Activity(
            community_id=community.id,
            kind=kind,
            name=name,
            place="Centre des femmes",
            capacity=capacity,
            created_at=now,
        )
        session.add(activity)
        session.flush()
        for week in range(days):
            session.add(ActivitySession(activity_id=activity.id, day=today + timedelta(days=first, weeks=week)))
        for place, number in enumerate((*OFFICERS, *MEMBERS)[: capacity + 2]):
            if kind != "meeting":
                digest = _contact(session, number, ciphers)
                row = Participant(activity_id=activity.id, digest=digest, waiting=place >= capacity, joined_at=now)
                session.add(row)


def _tensions(session: Session, community: Community, now: datetime) -> None:
    monday = now.replace(hour=9, minute=0, second=0, microsecond=0) - timedelta(days=now.weekday())
    reported = [
        (kind, monday - timedelta(weeks=tensions.WEEKS - place) + timedelta(days=n % 6, hours=n % 7))
        for kind, counts in WEEKS.items()
        for place, count in enumerate(counts)
        for n in range(count)
    ]
    rows = [_closed(n, at) for n, (_, at) in enumerate(reported)]
    session.add_all(rows)
    session.flush()
    for row, (kind, at) in zip(rows, reported, strict=True):
        session.add(Ladder(referral_id=row.id))
        session.add(Tension(referral_id=row.id, community_id=community.id, kind=kind, happening=False, at=at))


def _closed(n: int, at: datetime) -> Referral:
    """A request about trouble that was talked over long ago."""
    digits = f"{910_000 + n}"
    return Referral(
        id=f"{0xA55A << 96 | n:032x}", ticket=digits + check_digit(digits), opened_at=at, source="menu", code="TEN",
        level="normal", queue="community", channel="ussd", state="closed", closed_at=at, outcome="advised",
        closing="said",
    )  # fmt: skip


def _contact(session: Session, number: str, ciphers: Ciphers) -> str:
    digest = ciphers.address(number).digest
    if session.scalar(select(Contact.id).where(Contact.digest == digest)) is None:
        place = f"contacts|{digest}|number".encode()
        session.add(Contact(digest=digest, number_enc=ciphers.encrypt(number.encode(), place)))
        session.flush()
    return digest


def _months_ago(day: date, back: int) -> date:
    place = day.year * 12 + day.month - 1 - back
    return date(place // 12, place % 12 + 1, 1)
