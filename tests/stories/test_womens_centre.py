"""The women's centre of Assamaka by phone: a training of three months, and whoever comes from wherever.

From the request to the pump: tests/community/test_story.py.
"""

from datetime import UTC, date, datetime, timedelta

import pytest

from bot.community import activities, communities, groups
from bot.store.models import Activity, ActivitySession, GroupMember, Participant, Staff

HADJARA, MARIAM, AMINA = "+22790001001", "+22790001002", "+22790001003"
BLESSING = "+2348031234567"  # a SIM of another country, and she has no file
FIRST = date(2021, 9, 6)
WEEKS = 12
ABOUT_ORIGIN = ("nationality", "country", "from?", "born", "route", "migrant")


class Centre:
    """Assamaka's committee (Rakia), the women's group with two officers, and its training."""

    def __init__(self, world):
        self.world = world
        world.now = datetime(2021, 8, 16, 9, tzinfo=UTC)
        mariama = world.office.on_duty("mariama", "coordinator", "")
        self.rakia = world.office.on_duty("rakia", "community_focal", "")
        with world.database.transaction() as session:
            chief = session.get_one(Staff, mariama)
            community = communities.found(session, chief, "Assamaka", "", world.now)
            communities.seat(session, chief, community, "rakia", True, world.now)
            rakia = session.get_one(Staff, self.rakia)
            group = groups.found_group(session, rakia, community, "Femmes du centre", 40, world.now)
            self.code = groups.give_code(session, rakia, group, world.now, ciphers=world.ciphers)
            training = activities.begin(session, rakia, community, "training", "Sewing", "Centre", 2, world.now)
            for week in range(WEEKS):
                activities.add_day(session, rakia, training, FIRST + timedelta(weeks=week), world.now)
            self.group, self.training = group.id, training.id
        for phone in (HADJARA, MARIAM, AMINA, BLESSING):
            assert world.dials(phone, "3", "4", "1").startswith("Assamaka\n1 Report trouble")
        self._officers(HADJARA, MARIAM)

    def _officers(self, *phones):
        """The committee says yes to the first two by itself."""
        for phone in phones:
            self.asks_to_join(phone)
        with self.world.database.transaction() as session:
            rakia = session.get_one(Staff, self.rakia)
            for member in groups.members(session, self.group):
                groups.set_role(session, rakia, member, "officer", self.world.now)

    def community(self, phone, *typed):
        return self.world.dials(phone, "4", *typed)

    def asks_to_join(self, phone):
        """The first time the notice is shown, and agreed to; the screen with the number for an officer."""
        first = self.community(phone, "4", "2", "1")
        return self.community(phone, "4", "2", "1", "1") if "1 I agree" in first else first

    def place(self, phone):
        digest = self.world.ciphers.address(phone).digest
        return self.world.one(Participant, Participant.digest == digest, Participant.left_at.is_(None))


@pytest.fixture
def centre(world):
    return Centre(world)


def test_a_woman_from_elsewhere_is_a_member_by_an_officer_s_yes_and_nothing_else(world, centre):
    shown = [centre.asks_to_join(BLESSING)]
    joining = world.one(GroupMember, GroupMember.role == "asking")
    assert joining.number in shown[0]
    shown.append(centre.community(BLESSING, "4", "1"))
    assert "You are in no group yet" in shown[-1]
    said_yes = centre.community(HADJARA, "4", "1", centre.code, "5", joining.number)
    assert said_yes.startswith("Done. The person is in the group.")
    shown.append(centre.community(BLESSING, "4", "1", centre.code, "1"))
    assert world.one(GroupMember, GroupMember.id == joining.id).role == "member"
    assert not [word for word in ABOUT_ORIGIN for screen in shown if word in screen.lower()]


def test_three_months_of_sewing_with_a_waiting_list_and_its_end(world, centre):
    for phone in (MARIAM, HADJARA):
        assert centre.community(phone, "3", "1", "1").startswith("You have a place: Sewing.")
    centre.community(AMINA, "3", "1", "1", "1")
    centre.community(BLESSING, "3", "1", "1", "1")
    assert [centre.place(phone).waiting for phone in (AMINA, BLESSING)] == [True, True]

    # Hadjara gives her place back: Amina, who waited longest, has it and is told once, in words that say nothing of it
    centre.community(HADJARA, "3", "1", "1", "1")
    world.works()
    world.works()
    [told] = world.sms_of(AMINA)
    assert "Sewing" not in told
    assert [centre.place(phone).waiting for phone in (AMINA, BLESSING)] == [False, True]
    assert world.sms_of(BLESSING) == world.sms_of(HADJARA) == []

    # twelve weeks: Mariam is there each time, Amina nine times of twelve
    mariam, amina = centre.place(MARIAM).id, centre.place(AMINA).id
    for week in range(WEEKS):
        day = FIRST + timedelta(weeks=week)
        world.jumps(day, hour=17)
        [there] = world.all(ActivitySession, ActivitySession.activity_id == centre.training, ActivitySession.day == day)
        with world.database.transaction() as session:
            staff = session.get_one(Staff, centre.rakia)
            activities.attend(session, staff, there, {mariam, amina} if week < 9 else {mariam}, world.now)
    with world.database.transaction() as session:
        training = session.get_one(Activity, centre.training)
        activities.close(session, session.get_one(Staff, centre.rakia), training, world.now)
    completed = {one.id for one in world.all(Participant) if one.completed_at is not None}
    assert completed == {mariam}
