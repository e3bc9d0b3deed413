"""One returnee from the import to FINALISED: seven months in Hausa by USSD and SMS, every SMS of them in a list."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from bot.cases import appointments, kits, trainings
from bot.cases.importing import Source, apply
from bot.cases.reading import COLUMNS
from bot.cases.trainings import NewTraining
from bot.errors import CaseError
from bot.gate import NeverSend
from bot.messages import Channel
from bot.outreach import numbers
from bot.referrals import closing
from bot.referrals.steps import accept, log_call
from bot.store.models import (
    Appointment,
    CheckIn,
    Kit,
    NumberChange,
    Place,
    Referral,
    Staff,
    StageChange,
    StageNews,
    TrainingDay,
)

FILE, CODE = "482719368", "7306"
OLD, NEW = "+22790004321", "+22790008765"
ROW = {
    "case_number": FILE, "name": "Salamatou Kogi", "sex": "F", "phone": OLD, "phone_shared": "no", "language": "ha",
    "region": "Zinder", "department": "Mirriah", "office": "Zinder", "partner": "Taagazt",
    "project_type": "individual", "training_type": "sewing", "assistance_type": "sewing", "stage": "REGISTERED",
    "resume_stage": "", "opened_on": "2026-03-30", "stage_since": "2026-03-30", "next_appointment": "",
    "appointment_place": "", "year_of_birth": "1991", "vulnerability_flag": "none",
}  # fmt: skip

NEWS = "Akwai sabon labari. Ku danna *321# don bayani. Ku goge wannan sako."
HOW = "Yaya abubuwa? 1 Lafiya 2 Akwai matsala Kari: *321#. Ku goge wannan sako."
VISIT = "Madalla. Za mu iya zuwa mu gan ku? 1 Eh 2 A'a"
THANKS = "Mun gode. Kuna iya sake rubutawa ko ku danna *321#."
CHOICES = "1 Zan zo 2 Wata rana daban 3 Ba zan iya ba"
SEVEN_MONTHS = [
    f"04/05 10:00 {NEWS}",  # PLAN_REVIEW
    f"14/05 10:00 {NEWS}",  # TRAINING_WAIT
    f"13/07 10:00 {NEWS}",  # KIT_READY
    f"14/07 10:00 An sa muku ranar ganawa. {CHOICES} (Rana da bayani: *321#)",
    "16/07 08:01 Mun gode, mun rubuta. Bayani: *321#. Ku goge wannan sako.",
    f"27/07 10:00 Tunatarwa: ganawa ranar Alhamis. {CHOICES} (Bayani: *321#)",
    f"29/07 10:00 Tunatarwa: ganawa ranar Alhamis. {CHOICES} (Bayani: *321#)",
    "31/07 10:00 Lokacin ganawarku ya wuce. Ba komai. 1 Sabuwar rana 3 Ku kira ni",
    "31/07 12:01 Don wata rana ku danna *321#: Fayil dina, Lokacin ganawa. Kyauta ne. Ku goge wannan sako. 3 Ku kira ni",
    "04/08 10:00 Ba mu manta da ku ba. Ku danna *321# don bayani. Ku goge wannan sako.",
    f"07/08 10:00 Tunatarwa: ganawa ranar Litinin. {CHOICES} (Bayani: *321#)",
    f"09/08 10:00 Tunatarwa: ganawa ranar Litinin. {CHOICES} (Bayani: *321#)",
    f"17/08 10:00 {NEWS}",  # MONITORING
    f"07/09 10:00 {HOW}",
    f"08/09 08:01 {VISIT}",
    f"08/09 08:02 {THANKS}",
    f"28/09 10:00 {HOW}",
]
ON_THE_NEW_PHONE = [
    f"26/10 10:00 {HOW}",
    f"26/10 12:01 {VISIT}",
    f"26/10 12:02 {THANKS}",
    f"28/10 10:00 {NEWS}",  # FINALISED
]


class Salamatou:
    """Her file, her phones, and the people of the office of Zinder who work on it."""

    def __init__(self, world, folder):
        self.world = world
        world.now = datetime(2026, 3, 30, 7, tzinfo=UTC)
        self.moussa = world.office.on_duty("moussa", "assistant", "assistance", office="Zinder", offices=["Zinder"])
        self.mariama = world.office.on_duty("mariama", "coordinator", "")
        self.idi = world.office.on_duty("idi", "partner", "", partner="Taagazt")
        file = folder / "files.csv"
        file.write_text(",".join(COLUMNS) + "\n" + ",".join(ROW[name] for name in COLUMNS) + "\n")
        source = Source(file, today=date(2026, 3, 30))
        assert [apply(source, world.database, ciphers=world.ciphers).added for _ in range(2)] == [1, 0]
        self.id = world.case(FILE).id

    def day(self, month, day, **more):
        self.world.day(date(2026, month, day), **more)

    def dials(self, *typed, phone=OLD):
        return self.world.dials(phone, "1", FILE if phone == NEW else FILE[-3:], CODE, *typed)

    def texts(self, words, phone=OLD):
        return self.world.texts(phone, words)

    def moves(self, to, *, by=None, **wish):
        self.world.moves(FILE, to, by=by or self.moussa, **wish)
        return self.world.case(FILE).stage

    def desk(self, function, *arguments, by=None):
        return self.world.at_desk(function, *arguments, by=by or self.moussa)

    def agrees(self, *, by=None):
        return self.world.agrees(FILE, by=by or self.moussa)

    def appointment(self):
        """The one that stands: its state and day."""
        standing = self.world.one(Appointment, Appointment.state.in_(appointments.LIVE))
        return standing.state, standing.day

    def came(self, came):
        """The office marks its day list."""
        world, by = self.world, f"staff:{self.moussa}"
        there = world.one(Appointment, Appointment.state == "REMINDED")
        with world.database.transaction() as session:
            appointments.mark(session, there.id, came, by=by, at=world.now, today=world.now.date())

    def request(self, step, *arguments):
        """A step of Moussa on her one request."""
        world, more = self.world, {"ciphers": self.world.ciphers, "settings": self.world.settings}
        with world.database.transaction() as session:
            referral, staff = session.scalars(select(Referral)).one(), session.get_one(Staff, self.moussa)
            step(session, referral, staff, *arguments, world.now, **more)


@pytest.fixture
def she(world, tmp_path):
    return Salamatou(world, tmp_path)


@pytest.mark.slow
def test_from_the_import_to_the_end(she):
    until_the_plan(she)
    the_training(she)
    the_kit_and_its_day(she)
    a_day_missed_and_a_day_kept(she)
    the_machine_breaks(she)
    the_phone_is_lost(she)
    the_end(she)
    nothing_lost_and_nothing_twice(she)


def until_the_plan(she):
    """30 March to 14 May: she enrols; of the first stages nobody writes, she dials."""
    world = she.world
    assert world.dials(OLD, "2").startswith("Barka da zuwa")
    assert world.dials(OLD, "1", FILE, "1991", CODE, CODE).startswith("Mun rubuta sunanku, tun 30/03.")
    she.day(4, 8)
    assert she.moves("ELIGIBILITY") == "ELIGIBILITY"
    she.day(4, 17)
    assert she.moves("COUNSELLING") == "COUNSELLING"
    she.day(5, 4)
    assert she.moves("PLAN_REVIEW") == "PLAN_REVIEW"
    she.day(5, 14)
    assert she.moves("TRAINING_WAIT") == "TRAINING_WAIT"


def the_training(she):
    """Five days in June: the office enrols her, the partner notes who is there, the office agrees to each proposal."""
    world = she.world
    she.day(5, 20)
    first = date(2026, 6, 1)
    new = NewTraining("sewing", "Centre de Zinder", "Zinder", "Taagazt", first, date(2026, 6, 5), 20)
    training = she.desk(trainings.add, new)
    place = she.desk(trainings.enrol, training.id, FILE)
    assert she.desk(trainings.enrol, training.id, FILE).id == place.id
    for days in range(5):
        she.day(6, 1 + days, hour=17)
        she.desk(trainings.mark, training.id, first + timedelta(days=days), [place.id], by=she.idi)
        if days == 0:
            assert she.agrees() == "TRAINING"
    assert len(world.all(TrainingDay, TrainingDay.present)) == 5
    she.desk(trainings.complete, training.id, [place.id], by=she.idi)
    assert she.agrees() == "KIT_PREPARATION"
    assert "Muna sayen kayan aikinku, tun 05/06" in she.dials()


def the_kit_and_its_day(she):
    """The kit comes in July; a bare 1 by SMS confirms the day, then she moves it to one that is offered."""
    world = she.world
    she.day(6, 8)
    kit = she.desk(kits.order, she.id, "sewing", ["machine", "fabric"], date(2026, 7, 10))
    she.day(7, 13)
    she.desk(kits.step, she.id, kit.id, "arrived")
    assert she.agrees() == "KIT_READY"
    she.day(7, 14)
    place = world.add(Place(office="Zinder", name="Office Zinder", kind="office", region="Zinder"))
    with world.database.transaction() as session:
        appointments.propose(
            session, she.id, place, date(2026, 7, 28), "kit", by=f"staff:{she.moussa}", at=world.now,
            calendar=world.calendar,
        )  # fmt: skip
    she.day(7, 16)
    she.texts("1")
    assert she.appointment() == ("CONFIRMED", date(2026, 7, 28))
    she.day(7, 20)
    assert she.dials("2").startswith("Talata 28/07, ofishin Zinder. Za a biya kudin mota.")
    offered = she.dials("2", "2")
    assert offered.startswith("Wace rana?\n1 Litinin 27/07\n2 Laraba 29/07\n3 Alhamis 30/07")
    assert she.dials("2", "2", "3") == "Mun gode. Alhamis 30/07. Za a biya kudin mota."
    assert she.appointment() == ("CONFIRMED", date(2026, 7, 30))


def a_day_missed_and_a_day_kept(she):
    """She does not come; the friendly question, a new day, and on that one she takes her kit home."""
    world = she.world
    she.day(7, 30, hour=16)
    she.came(False)
    she.day(7, 31, hour=12)
    she.texts("1")
    assert she.dials("2").startswith("Lokacin ganawarku ya wuce. Ba komai.\n1 Sabuwar rana")
    assert she.dials("2", "1").startswith("Wace rana?\n1 Jumma'a 07/08\n2 Litinin 10/08")
    assert she.dials("2", "1", "2") == "Mun gode. Litinin 10/08. Za a biya kudin mota."
    she.day(8, 10, hour=9)
    she.came(True)
    she.desk(kits.step, she.id, world.one(Kit).id, "collected")
    assert she.agrees() == "KIT_COLLECTED"
    she.day(8, 17)
    assert she.moves("MONITORING") == "MONITORING"


def the_machine_breaks(she):
    """Week three is well; in week six the machine is broken: a request, called, closed, and solved she says."""
    world = she.world
    she.day(9, 8)
    assert [she.texts("1"), she.texts("1")] == [[VISIT], [THANKS]]
    she.day(9, 28)
    with pytest.raises(CaseError, match="note_needed"):
        she.moves("FINALISED", by=she.mariama)  # 182 days
    she.day(9, 29)
    assert she.dials().startswith("Da farko: sana'arku na tafiya?")
    screen = she.dials("2", "1", "2", "1")
    ticket = screen.split("Lambarku: ")[1][:8]
    found = world.one(Referral)
    assert (found.code, found.queue, found.source, found.case_id) == ("KIT", "assistance", "checkin", she.id)
    she.request(accept)
    she.request(log_call, "spoke")
    she.desk(kits.note_fault, she.id, world.one(Kit).id, "broken")
    she.day(10, 1)
    she.desk(kits.note_fault, she.id, world.one(Kit).id, "")
    she.request(closing.close, "helped")
    assert world.one(Referral).closing == "terms"  # to be called is what she agreed to: no text asks her
    she.day(10, 2)
    world.dials(OLD, ticket.replace("-", ""), "1")
    assert (world.one(Referral).state, world.one(Referral).solved) == ("closed", True)


def the_phone_is_lost(she):
    """Another phone, her code: where it stands she hears, days and places not yet; Moussa confirms the number."""
    world = she.world
    she.day(10, 5)
    assert world.dials(NEW, "2", "1", FILE, CODE).startswith("Wannan waya ce sabuwar lambarku?")
    assert "Muna bin aikinku, tun 17/08" in she.dials("1", phone=NEW)
    assert she.dials("2", phone=NEW).startswith("A sabuwar lamba ana ganin ranaku da wurare daga gobe.")
    with world.database.transaction() as session:
        change = session.scalars(select(NumberChange)).one()
        numbers.confirm(session, change.id, staff=session.get_one(Staff, she.moussa), proof="voice", at=world.now)
    assert world.case(FILE).contact_id == world.contact(NEW).id
    assert "ba su dace ba" in she.dials()  # three digits are no key on the lost phone any more


def the_end(she):
    """Week ten on the new phone; the assistant proposes the end, the coordinator signs."""
    she.day(10, 26, hour=12)
    assert [she.texts("1", NEW), she.texts("1", NEW)] == [[VISIT], [THANKS]]
    she.day(10, 27)
    assert she.moves("FINALISED") == "MONITORING"
    she.day(10, 28)
    assert she.agrees(by=she.mariama) == "FINALISED"
    she.day(10, 30)
    assert she.dials(phone=NEW).startswith("An gama taimako tun 28/10.")


def nothing_lost_and_nothing_twice(she):
    world, never = she.world, NeverSend.read()
    assert world.sms_of(OLD) == SEVEN_MONTHS
    assert world.sms_of(NEW) == ON_THE_NEW_PHONE
    hers = [(to, at.date(), text) for at, to, text in world.sms if to in (OLD, NEW)]
    assert len(hers) == len(set(hers))  # no two alike on one day
    assert {never.found(text, Channel.SMS, unspeakable=(ROW["name"],)) for _, _, text in hers} == {None}

    told = {news.change_id: news.outcome for news in world.all(StageNews)}
    changes = [(change.to_stage, told.get(change.id, "")) for change in world.all(StageChange)]
    assert changes == [
        ("ELIGIBILITY", ""), ("COUNSELLING", ""), ("PLAN_REVIEW", "told"), ("TRAINING_WAIT", "told"), ("TRAINING", ""),
        ("KIT_PREPARATION", ""), ("KIT_READY", "told"), ("KIT_COLLECTED", ""), ("MONITORING", "told"),
        ("FINALISED", "told"),
    ]  # fmt: skip
    days = [(one.state, one.day.day) for one in world.all(Appointment)]
    assert days == [("MOVED", 28), ("NO_SHOW", 30), ("ATTENDED", 10)]
    checks = [(one.week, one.state, one.channel, one.running, one.problem) for one in world.all(CheckIn)]
    assert checks == [
        (3, "answered", "sms", True, "no"), (6, "answered", "ussd", False, "kit"), (10, "answered", "sms", True, "no"),
    ]  # fmt: skip
