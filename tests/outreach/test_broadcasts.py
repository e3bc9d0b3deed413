"""Who is written to and who is not, a second person's word, and every way to stop."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from bot.engine.effects import Terms
from bot.outbox import NotWritten
from bot.outreach import broadcasts, broadcasts_answers, broadcasts_pace, broadcasts_plan
from bot.outreach import broadcasts_audience as audience
from bot.outreach.broadcasts import BroadcastRefused, Wish
from bot.outreach.broadcasts_audience import Reach
from bot.outreach.broadcasts_group import Group
from bot.store.models import Audit, Broadcast, BroadcastRecipient, Case, Contact, Message, OptOut, Turn

from .crowd import MAY_CALL, NOON, Crowd

TEXTS = {"fr": "La réunion de lundi est reportée.", "ha": "An ɗaga taron Litinin."}
WISH = Wish("Meeting", Group(), TEXTS, "ha", whatsapp=True, share=10, starts_at=None)
SECOND = timedelta(seconds=1)


@pytest.fixture
def programme(database, ciphers, settings):
    return Crowd(database, ciphers, settings)


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"broadcast_alone": 20})


@pytest.fixture
def line(programme):
    return Line(programme)


class Line:
    """The steps of a broadcast, each in a transaction, and what became of it."""

    def __init__(self, programme):
        self.programme, self.database = programme, programme.database
        self.keys = {"ciphers": programme.ciphers}
        self.all = {"ciphers": programme.ciphers, "settings": programme.settings}
        self.author = programme.staff()
        self._made = 0

    def do(self, step, *args, **more):
        with self.database.transaction() as session:
            return step(session, *args, **more)

    def draft(self, wish=WISH, **changes):
        self._made += 1
        once = f"{self._made:032x}"
        return self.do(broadcasts.compose, self.author, replace(wish, **changes), NOON, once=once, **self.keys).id

    def hand_in(self, one, *, by=None, at=NOON, version=1):
        settings = self.programme.settings
        return self.do(broadcasts.hand_in, by or self.author, one, at, version=version, settings=settings).state

    def running(self, *, at=NOON, **changes):
        one = self.draft(**changes)
        assert self.hand_in(one, at=at) == "running"
        self.plan(one, at)
        return one

    def plan(self, one, at=NOON):
        broadcasts_plan.plan(self.database, one, now=at, **self.all)

    def release(self, at=NOON):
        return self.do(broadcasts_pace.release, now=at, **self.all)

    def all_out(self, at=NOON, times=60):
        """Give turns and take the messages for sent, until nobody is left."""
        for step in range(times):
            moment = at + 60 * step * SECOND
            if self.release(moment).next_at is None:
                break
            with self.database.transaction() as session:
                gone = update(Message).where(Message.state == "queued", Message.kind == "broadcast")
                session.execute(gone.values(state="sent", sent_at=moment))

    def row(self, one):
        return self.do(lambda session: session.get_one(Broadcast, one))

    def planned(self, one):
        query = select(BroadcastRecipient.contact_id).where(BroadcastRecipient.broadcast_id == one)
        return set(self.do(lambda session: session.scalars(query.where(~BroadcastRecipient.left_out)).all()))

    def messages(self, **where):
        query = select(Message).where(Message.kind == "broadcast").filter_by(**where).order_by(Message.created_at)
        return self.do(lambda session: session.scalars(query).all())

    def text(self, message):
        return self.programme.ciphers.decrypt(message.text_enc, f"messages|{message.id}|text".encode()).decode()

    def steps(self):
        query = select(Audit.action).where(Audit.action.startswith("broadcast.")).order_by(Audit.id)
        return self.do(lambda session: session.scalars(query).all())


def counted(line, condition=None, reach=Reach(whatsapp=True, template=False)):  # noqa: B008  # frozen
    parts = line.do(audience.count, condition if condition is not None else Group().condition(), reach, now=NOON)
    return {(one.reason, one.language, one.channel): one.phones for one in parts}


# --- who


def test_a_group_is_described_by_its_files(line, programme):
    programme.people(2)
    programme.people(3, office="Tahoua", partner="Ondes Apil")
    programme.people(4, office="Tahoua", stage="TRAINING")
    both = Group(offices=("Tahoua", "Zinder"), stages=("KIT_READY",))
    assert sum(counted(line, both.condition()).values()) == 5
    assert sum(counted(line, Group(partners=("Ondes Apil",)).condition()).values()) == 3
    assert Group.of(both.kept()) == both


def test_whoever_may_not_be_written_to_is_counted_by_the_reason(line, programme):
    programme.people(1)
    programme.file(None)
    programme.people(1, stage="DECEASED")
    programme.people(1, stage="LOST_CONTACT")
    programme.people(1, stage="NOT_ELIGIBLE")
    programme.people(1, stage="NOT_ELIGIBLE", told_by_person=True)
    for fields in (
        {"unreachable_at": NOON}, {"first_seen_at": NOON - timedelta(days=181)}, {"stopped": ["sms"]},
        {"stopped": ["sms:broadcast"]}, {"stopped": ["sms:reminder"]}, {"blocked": ["sms"]},
        {"first_seen_at": NOON - timedelta(days=900), "last_seen_at": NOON - timedelta(days=179)},
    ):  # fmt: skip
        programme.file(programme.phone(**fields))
    noted = programme.phone()
    programme.file(noted)
    line.do(lambda s: s.add(OptOut(contact_id=noted, stopped=["sms"], staff_id=line.author.id, at=NOON)))
    assert {reason: n for (reason, *_), n in counted(line).items()} == {
        "": 4, "no_phone": 1, "deceased": 1, "person_first": 2, "unreachable": 1, "silent": 1, "stopped": 3, "blocked": 1,
    }  # fmt: skip


def test_a_shared_phone_gets_one_message_however_many_files_it_has(line, programme):
    [phone, *_] = programme.people(6)
    programme.file(phone, stage="DECEASED")
    programme.file(phone, language="fr")
    one = line.running()
    line.all_out()
    assert len(line.messages(contact_id=phone)) == 1
    assert len(line.messages()) == 6
    parts = line.do(audience.count, Group().condition(), Reach(whatsapp=True, template=False), now=NOON)
    assert sum(part.files for part in parts) == 8
    assert line.row(one).state == "done"


def test_a_phone_whose_only_file_died_gets_nothing_while_a_sisters_file_lets_it(line, programme):
    died, shared = programme.phone(), programme.phone()
    programme.file(died, stage="DECEASED")
    programme.file(shared, stage="DECEASED")
    alive = programme.file(shared)
    programme.people(5)
    one = line.running()
    assert died not in line.planned(one)
    query = select(BroadcastRecipient.case_id).where(BroadcastRecipient.contact_id == shared)
    assert line.do(lambda session: session.scalar(query)) == alive


@pytest.mark.parametrize(
    ("request_", "terms"),
    [
        ({"private": True}, MAY_CALL),
        ({"private": True, "state": "closed"}, MAY_CALL),
        ({"queue": "sealed", "sealed": True}, MAY_CALL),
        ({"code": "SEA"}, MAY_CALL),
        ({"queue": "gbv"}, MAY_CALL),
        ({"minor": True}, MAY_CALL),
        ({}, None),
        ({"state": "closed"}, None),
        ({}, Terms(may_call=False)),
        ({}, Terms(may_call=True, number="+22790001111")),
    ],
)
def test_what_a_request_forbids_is_left_out_and_shown_nowhere(line, programme, request_, terms):
    phones = programme.people(6)
    before = counted(line)
    programme.asked(phones[2], terms, **request_)
    assert counted(line) == before
    one = line.draft()
    line.hand_in(one)
    assert line.row(one).counted == 6
    line.plan(one)
    assert line.planned(one) == set(phones) - {phones[2]}


def test_who_went_outside_the_office_gets_nothing(line, programme):
    phones = programme.people(6)
    line.do(lambda s: s.execute(update(Contact).where(Contact.id == phones[0]).values(quiet=True)))
    assert phones[0] not in line.planned(line.running())


def test_the_latest_request_decides_and_those_still_open(line, programme):
    phones = programme.people(6)
    earlier = NOON - timedelta(days=30)
    programme.asked(phones[0], Terms(may_call=False), opened_at=earlier, state="closed")
    programme.asked(phones[0], MAY_CALL)
    programme.asked(phones[1], Terms(may_call=False), opened_at=earlier)
    programme.asked(phones[1], MAY_CALL)
    assert line.planned(line.running()) == set(phones) - {phones[1]}


def test_what_came_after_the_plan_counts_too(line, programme):
    phones = programme.people(6)
    line.running()
    programme.asked(phones[0], private=True)
    line.do(lambda s: s.execute(update(Case).where(Case.contact_id == phones[1]).values(stage="DECEASED")))
    line.do(lambda s: s.execute(update(Contact).where(Contact.id == phones[2]).values(stopped=["sms"])))
    line.all_out()
    assert {one.contact_id for one in line.messages()} == set(phones[3:])


# --- words


def test_everybody_reads_their_own_language_else_the_one_that_was_said(line, programme):
    programme.people(5)
    french = programme.phone(language="fr")
    programme.file(french, language="ha")
    zarma = programme.phone()
    programme.file(zarma, language="dje")
    line.running()
    line.all_out()
    read = {one.contact_id: line.text(one) for one in line.messages()}
    assert read[french] == "La réunion de lundi est reportée.".replace("ê", "e")
    assert read[zarma] == "An daga taron Litinin."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Venez à l'OIM.", "organisation"),
        ("Santé pour tous.", "health"),
        ("x" * 460, "too_long"),
        ("482719368 ?", "case_number"),
    ],
)
def test_words_that_never_leave_are_refused_as_they_are_written(line, text, reason):
    with pytest.raises(NotWritten, match=reason):
        line.draft(texts={"fr": text}, otherwise="fr")


def test_those_without_a_text_need_one(line):
    with pytest.raises(BroadcastRefused, match="texts"):
        line.draft(otherwise="en")


def test_nobody_reads_their_own_name(line, programme):
    programme.people(6)
    line.do(lambda s: s.execute(update(Case).where(Case.id == 1).values(name="Litinin Garba")))
    line.running()
    line.all_out()
    assert len(line.messages()) == 5


def test_whatsapp_reaches_who_wrote_there_lately_and_a_template_after_that(line, programme):
    phones = programme.people(6)
    for phone, hours in ((phones[0], 2), (phones[1], 100)):
        turn = Turn(
            id=f"{phone:032x}", at=NOON - timedelta(hours=hours), kind="message", gateway="twilio", channel="whatsapp",
            contact_id=phone, before="", after="", replies=[],
        )  # fmt: skip
        line.do(lambda session, turn=turn: session.add(turn))
    line.do(lambda s: s.execute(update(Contact).where(Contact.id == phones[2]).values(stopped=["whatsapp"])))
    assert counted(line) == {("", "ha", "whatsapp"): 1, ("", "ha", "sms"): 5}
    assert counted(line, reach=Reach(whatsapp=True, template=True))["", "ha", "whatsapp"] == 2
    assert counted(line, reach=Reach(whatsapp=False, template=True)) == {("", "ha", "sms"): 6}
    line.running()
    line.all_out()
    [message] = line.messages(channel="whatsapp")
    assert line.text(message) == TEXTS["ha"]
    assert message.spare_enc is not None
    assert message.template is None


# --- a second person


def test_above_a_size_a_second_person_agrees_to_exactly_what_they_read(line, programme):
    programme.people(21)
    one = line.draft()
    assert line.hand_in(one) == "waiting"
    second = programme.staff("second")
    with pytest.raises(BroadcastRefused, match="own"):
        line.do(broadcasts.approve, line.author, one, NOON, version=1)
    line.do(broadcasts.send_back, line.author, one, NOON, version=1)
    line.do(broadcasts.change, line.author, one, replace(WISH, name="Other"), NOON, version=1, **line.keys)
    assert line.hand_in(one, version=2) == "waiting"
    with pytest.raises(BroadcastRefused, match="changed"):
        line.do(broadcasts.approve, second, one, NOON, version=1)
    line.plan(one)
    assert line.planned(one) == set()
    line.do(broadcasts.approve, second, one, NOON, version=2)
    line.plan(one)
    assert len(line.planned(one)) == 21
    with pytest.raises(BroadcastRefused, match="changed"):
        line.do(broadcasts.approve, second, one, NOON, version=2)
    assert line.steps() == [
        f"broadcast.{step}" for step in ("composed", "handed_in", "sent_back", "changed", "handed_in", "approved")
    ]


def test_whoever_changed_it_last_is_its_author(line, programme):
    programme.people(21)
    one, second = line.draft(), programme.staff("second")
    line.do(broadcasts.change, second, one, WISH, NOON, version=1, **line.keys)
    line.hand_in(one, version=2)
    with pytest.raises(BroadcastRefused, match="own"):
        line.do(broadcasts.approve, second, one, NOON, version=2)
    assert line.do(broadcasts.approve, line.author, one, NOON, version=2).state == "running"


def test_a_group_that_grew_past_what_was_agreed_is_asked_about_again(line, programme):
    programme.people(6)
    one = line.draft(starts_at=NOON + timedelta(days=1))
    assert line.hand_in(one) == "running"
    programme.people(16)
    line.plan(one, NOON + timedelta(days=1))
    row = line.row(one)
    assert (row.state, row.counted, line.planned(one)) == ("waiting", 22, set())
    line.do(broadcasts.approve, programme.staff("second"), one, NOON, version=1)
    programme.people(2)  # within a tenth
    line.plan(one, NOON + timedelta(days=1))
    assert (line.row(one).state, len(line.planned(one))) == ("running", 24)


def test_fewer_than_five_phones_are_no_group(line, programme):
    programme.people(4)
    with pytest.raises(BroadcastRefused, match="few"):
        line.hand_in(line.draft())


def test_who_has_offices_writes_to_those_alone(line, programme):
    line.author = programme.staff("of_zinder", offices=["Zinder"])
    one = line.draft(group=Group(offices=("Tahoua",)))
    two = line.draft(group=Group(offices=("Tahoua", "Zinder")))
    three = line.draft()
    assert [line.row(each).wanted["offices"] for each in (one, two, three)] == [["Zinder"]] * 3


def test_the_same_form_sent_twice_is_one(line, programme):
    programme.people(6)
    for _ in range(2):
        line.do(broadcasts.compose, line.author, WISH, NOON, once="a" * 32, **line.keys)
    assert line.hand_in("a" * 32) == "running"
    with pytest.raises(BroadcastRefused, match="changed"):
        line.hand_in("a" * 32)


def test_a_test_goes_to_ones_own_phone_once(line):
    row = line.row(line.draft())
    for _ in range(2):
        sent = line.do(broadcasts.test, line.author, row, NOON, once="first", **line.all)
    query = select(Message).where(Message.staff_id == line.author.id)
    texts = [line.text(one) for one in line.do(lambda session: session.scalars(query).all())]
    assert (sent, sorted(texts)) == (2, ["An daga taron Litinin.", "La reunion de lundi est reportee."]) or sent == 2
    assert len(texts) == 2


# --- stopping


def test_pause_takes_back_what_waits_and_nothing_is_lost_or_doubled(line, programme):
    phones = programme.people(8)
    one = line.running()
    line.release()
    [first] = line.messages()
    line.do(broadcasts.pause, line.author, one, NOON)
    assert line.messages() == []
    assert line.release(NOON + 60 * SECOND).released == 0
    line.do(broadcasts.resume, line.author, one, NOON)
    line.all_out(NOON + 120 * SECOND)
    sent = line.messages()
    assert sorted(message.contact_id for message in sent) == sorted(phones)
    assert first.id in {message.id for message in sent}


def test_what_is_in_the_gateways_hands_stays_there(line, programme):
    programme.people(6)
    one = line.running()
    line.release()
    line.do(lambda s: s.execute(update(Message).values(state="sending", lease_until=NOON)))
    line.do(broadcasts.pause, line.author, one, NOON)
    assert len(line.messages()) == 1


def test_cancel_ends_what_waits_with_a_reason(line, programme):
    programme.people(6)
    one = line.running()
    line.release()
    line.do(broadcasts.cancel, line.author, one, NOON)
    [message] = line.messages()
    assert (message.state, message.reason) == ("withheld", "cancelled")
    assert line.release(NOON + 60 * SECOND).next_at is None
    for step in (broadcasts.pause, broadcasts.resume, broadcasts.cancel):
        with pytest.raises(BroadcastRefused, match="changed"):
            line.do(step, line.author, one, NOON)


def test_it_begins_at_its_time(line, programme):
    programme.people(6)
    one = line.draft(starts_at=NOON + timedelta(hours=2))
    line.hand_in(one)
    assert line.row(one).starts_at == NOON + timedelta(hours=2)
    assert line.release().next_at is None


def test_planning_goes_on_where_it_was_broken_off(line, programme, monkeypatch):
    monkeypatch.setattr(broadcasts_plan, "SLICE", 3)
    phones = programme.people(8)
    one = line.draft()
    line.hand_in(one)
    real, calls = broadcasts_plan._add, []

    def dies(*args):
        real(*args)
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(broadcasts_plan, "_add", dies)
    with pytest.raises(KeyboardInterrupt):
        line.plan(one)
    assert (len(line.planned(one)), line.row(one).planned_at) == (3, None)
    line.plan(one)
    line.plan(one)
    assert line.planned(one) == set(phones)
    assert line.row(one).planned == 8


# --- answers


def test_answers_are_people_who_wrote_within_fourteen_days(line, programme):
    phones = programme.people(6)
    one = line.running()
    line.all_out()
    first = min(message.sent_at for message in line.messages())
    heard = [(phones[0], 1), (phones[0], 2), (phones[1], 13 * 24), (phones[2], 15 * 24), (phones[3], -5)]
    for place, (phone, hours) in enumerate(heard):
        at = first + timedelta(hours=hours)
        turn = Turn(
            id=f"{place:032x}", at=at, kind="message", gateway="africastalking", channel="ussd", contact_id=phone,
            before="", after="", replies=[],
        )  # fmt: skip
        line.do(lambda session, turn=turn: session.add(turn))
    line.do(broadcasts_answers.count, now=NOON + timedelta(days=20))
    assert line.row(one).answers == 2
    assert line.do(lambda session: session.scalar(select(func.count()).select_from(Turn))) == 5


@pytest.mark.parametrize("fields", [{"year_of_birth": NOON.year - 17}, {"vulnerability": "protection"}])
def test_of_a_childs_file_and_of_a_flagged_one_only_people_speak_and_no_count_tells(line, programme, fields):
    phones = programme.people(6)
    alone, shared = programme.phone(), programme.phone()
    programme.file(alone, **fields)
    programme.file(shared, **fields)
    grown = programme.file(shared)
    assert counted(line) == {("", "ha", "sms"): 8}
    one = line.running()
    assert line.planned(one) == {*phones, shared}
    query = select(BroadcastRecipient.case_id).where(BroadcastRecipient.contact_id == shared)
    assert line.do(lambda session: session.scalar(query)) == grown
