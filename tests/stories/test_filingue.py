"""Four groups in Filingué: a hundred members, returnees with files and neighbours without, moved together and told apart."""

from collections import Counter
from datetime import UTC, date, datetime

import pytest

from bot.cases import projects
from bot.cases.importing import Source, apply
from bot.cases.process import Wish
from bot.cases.projects import NewProject
from bot.cases.reading import COLUMNS
from bot.errors import CaseError
from bot.store.models import Case, Contact, ProjectMember
from tests.test_two_way import with_check_digit

GROUPS, RETURNEES, NEIGHBOURS = 4, 15, 10  # of each group
NAMES = ("Abdou", "Balkissa", "Chaibou", "Delou", "Elhadj", "Fati", "Gambo", "Habsou", "Idrissa", "Jamila")
FAMILIES = (
    "Bakan-Gizo",
    "Farin-Wata",
    "Mai-Dawa",
    "Kogin-Zuma",
    "Taurarou",
    "Zaki",
    "Giwa",
    "Kurege",
    "Damo",
    "Jimina",
)
ILL, LATE, NEWEST = 0, 1, 2  # files that do not go with their group: on hold, still examined, opened in June

EVERYBODY = {*NAMES, *FAMILIES}


def name(person):
    return f"{NAMES[person % 10]} {FAMILIES[person // 10]}"


def number(person):
    return with_check_digit(f"{48271900 + person}")


def phone(person):
    return f"+2279000{7000 + person}"


def row(person):
    """The line of a returnee; the three exceptions are in the first group."""
    opened = {NEWEST: "2026-06-01"}.get(person, "2026-03-30")
    stage = {ILL: "ON_HOLD", LATE: "ELIGIBILITY"}.get(person, "COUNSELLING")
    return {
        "case_number": number(person), "name": name(person), "sex": "FM"[person % 2], "phone": phone(person),
        "phone_shared": "no", "language": ("ha", "fr")[person % 2], "region": "Tillabéri", "department": "Filingué",
        "office": "Niamey", "partner": "Jardins du Sahel", "project_type": "collective",
        "training_type": "horticulture", "assistance_type": "horticulture_tools", "stage": stage,
        "resume_stage": "COUNSELLING" if person == ILL else "", "opened_on": opened,
        "stage_since": "2026-06-01" if person == LATE else opened,
        "next_appointment": "", "appointment_place": "", "year_of_birth": "1990", "vulnerability_flag": "none",
    }  # fmt: skip


class Filingue:
    """The groups, who belongs to them, and the two of the office of Niamey who move them."""

    def __init__(self, world, folder):
        self.world = world
        world.now = datetime(2026, 6, 8, 7, tzinfo=UTC)
        self.sani = world.office.on_duty("sani", "assistant", "assistance", office="Niamey", offices=["Niamey"])
        self.mariama = world.office.on_duty("mariama", "coordinator", "")
        file, people = folder / "files.csv", range(GROUPS * RETURNEES)
        lines = [",".join(row(person)[column] for column in COLUMNS) for person in people]
        file.write_text("\n".join([",".join(COLUMNS), *lines]) + "\n", encoding="utf-8")
        report = apply(Source(file, today=date(2026, 6, 8)), world.database, ciphers=world.ciphers)
        assert (report.added, report.faults) == (60, [])
        self.groups = [self._begin(group) for group in range(GROUPS)]

    def _begin(self, group):
        new = NewProject("collective", f"Jardin {group + 1}", "horticulture", "Filingué", "Niamey", "", "COUNSELLING")
        first = group * RETURNEES
        with self.world.database.transaction() as session:
            by = self.world.by(self.sani, session)
            project = projects.add(session, new, by)
            for person in range(first, first + RETURNEES):
                role = "head" if person == first + 3 else "member"
                assert projects.join(session, project.id, number(person), role, by).case_id
            for place in range(NEIGHBOURS):
                person = GROUPS * RETURNEES + group * NEIGHBOURS + place
                projects.join_neighbour(session, project.id, name(person), phone(person), "member", by)
            return project.id

    def move(self, group, seen, to, *, by=None, note=""):
        """A whole group; how many files went, and why each other one stayed, by name."""
        wish, project = Wish(to, seen, note=note), self.groups[group]
        with self.world.database.transaction() as session:
            moved = projects.move_all(session, project, wish, self.world.by(by or self.sani, session))
            return moved.files, {case.name: why for case, why in moved.apart}

    def stages(self):
        return Counter(case.stage for case in self.world.all(Case))

    def heard(self):
        """The texts since the last time this was asked, by phone."""
        found = {}
        for _, to, text in self.world.sms:
            found.setdefault(to, []).append(text)
        self.world.sms.clear()
        return found


@pytest.fixture
def filingue(world, tmp_path):
    return Filingue(world, tmp_path)


def test_a_hundred_members_move_together_and_nobody_hears_of_another(world, filingue):
    assert len(world.all(ProjectMember)) == 100
    assert len(world.all(Contact)) == 100
    returnees = {phone(person) for person in range(60)}

    # the plans of all four are examined: who stands elsewhere stays there, and is listed
    went = [filingue.move(group, "COUNSELLING", "PLAN_REVIEW") for group in range(GROUPS)]
    assert went == [(13, {name(ILL): "elsewhere", name(LATE): "elsewhere"}), (15, {}), (15, {}), (15, {})]
    with pytest.raises(CaseError, match="moved_on"):
        filingue.move(1, "COUNSELLING", "PLAN_REVIEW")
    world.jumps(date(2026, 6, 8), hour=10)
    world.works()
    world.works()
    heard = filingue.heard()
    assert set(heard) == returnees - {phone(ILL), phone(LATE)}  # each returnee who moved, no neighbour
    assert {len(texts) for texts in heard.values()} == {1}
    said = {text for texts in heard.values() for text in texts}
    assert len(said) == 2  # one text a language
    assert not EVERYBODY & {word for text in said for word in text.split()}

    # a member asks by phone and hears of the own file alone; a neighbour is no file
    member, neighbour = 4, 60
    screen = world.dials(phone(member), "2", "1", number(member), "1990", "7306", "7306")
    assert screen.startswith("Muna duba shirinku, tun 08/06.")
    assert "Jardin" not in screen
    assert not EVERYBODY & set(screen.split())
    asked = world.dials(phone(neighbour), "2", "1", number(member), "1990")
    unknown = world.dials(phone(neighbour), "1", with_check_digit("90000001"), "1990")
    assert asked == unknown
    assert asked.startswith("Lambobin ba su dace ba.")

    # the one on hold catches up with the group, which then goes on as one
    world.jumps(date(2026, 6, 10))
    for stage in ("COUNSELLING", "PLAN_REVIEW"):
        world.moves(number(ILL), stage, by=filingue.sani)
    assert filingue.move(0, "PLAN_REVIEW", "TRAINING_WAIT") == (14, {name(LATE): "elsewhere"})
    world.jumps(date(2026, 6, 10), hour=11)
    world.works()
    assert len(filingue.heard()) == 14

    # October: the end is signed for those whose six months are over
    note = "Trained, and working with their tools."
    assert filingue.move(0, "TRAINING_WAIT", "MONITORING", by=filingue.mariama, note=note)[0] == 14
    world.jumps(date(2026, 10, 5))
    with pytest.raises(CaseError, match="not_allowed"):
        filingue.move(0, "MONITORING", "FINALISED")
    went = filingue.move(0, "MONITORING", "FINALISED", by=filingue.mariama)
    assert went == (13, {name(LATE): "elsewhere", name(NEWEST): "note_needed"})
    assert filingue.stages() == {"PLAN_REVIEW": 45, "FINALISED": 13, "ELIGIBILITY": 1, "MONITORING": 1}
    world.jumps(date(2026, 10, 5), hour=11)
    world.works()
    assert set(filingue.heard()) <= returnees
