"""The group's book: profit = sales - costs = materials + shared, whatever is said in whatever order."""

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from bot.community import book
from bot.community.asking_groups import francs
from bot.errors import CommunityError
from bot.store.models import BookLine, BookMark

OCTOBER = date(2026, 10, 1)
amounts = st.integers(0, 200) | st.integers(0, book.MOST)


@given(amounts, amounts, amounts, st.integers(1, 80))
def test_every_month_is_parted_whole(sales, costs, materials, heads):
    try:
        parted = book.part(sales, costs, materials, heads)
    except CommunityError:
        assert materials > sales - costs >= 0
        return
    assert parted.profit == sales - costs == parted.materials + parted.shared
    assert parted.shared == parted.each * heads >= 0
    if parted.profit >= 0:
        assert materials <= parted.materials < materials + heads  # only what does not divide is added
    else:
        assert (parted.materials, parted.shared) == (parted.profit, 0)


@pytest.mark.parametrize("wrong", [(-1, 0, 0), (0, -1, 0), (0, 0, -1), (book.MOST + 1, 0, 0)])
def test_no_amount_is_below_nothing_or_past_what_anybody_sells(wrong):
    with pytest.raises(CommunityError, match="amount"):
        book.part(*wrong, 2)


@pytest.fixture
def women(world, hadjara, mariam):
    group = world.group(hadjara, mariam, heads=40)
    for phone in (hadjara, mariam):
        phone.open(group)
    return group


def enter(phone, group, sales, costs=0, materials=0, turn=None, **more):
    values = {"sales": str(sales), "costs": str(costs), "part": str(materials), "month": "2026-10"} | more
    return phone.ask("enter_month", turn, group=group, **values)


def line_for(phone, group):
    return phone.ask("month_to_confirm", group=group).facts["line"]


def standing(world, group):
    with world.database.transaction() as session:
        return [(line.month, line.sales) for line in book.book(session, int(group))]


def test_a_month_from_entry_to_the_page(world, women, hadjara, mariam):
    entered = enter(hadjara, women, 150_000, 62_500, 20_000)
    assert entered.outcome == "entered"
    assert entered.facts == {
        "month": "@month.10", "sales": "150 000", "costs": "62 500", "profit": "87 500",
        "materials": "20 020", "shared": "67 480", "each": "1 687", "heads": "40",
    }  # fmt: skip
    assert hadjara.ask("month_to_confirm", group=women).outcome == "own"
    assert hadjara.ask("book", group=women).outcome == "none"  # not before two officers agree
    waiting = mariam.ask("month_to_confirm", group=women)
    assert (waiting.outcome, waiting.facts["sales"]) == ("some", "150 000")
    assert mariam.ask("confirm_month", group=women, line=waiting.facts["line"]).outcome == "confirmed"
    assert hadjara.ask("book", group=women).facts["shared"] == "67 480"
    assert mariam.ask("month_to_confirm", group=women).outcome == "none"


def test_nobody_confirms_their_own_month(world, women, hadjara):
    enter(hadjara, women, 100)
    own = hadjara.ask("month_to_confirm", group=women).facts["line"]
    assert hadjara.ask("confirm_month", group=women, line=own).outcome == "own"
    assert standing(world, women) == []


def test_a_replayed_entry_is_one_line_and_a_replayed_yes_one_mark(world, women, hadjara, mariam):
    turn = world.turn()
    assert enter(hadjara, women, 100, turn=turn) == enter(hadjara, women, 100, turn=turn)
    line, yes = line_for(mariam, women), world.turn()
    for _ in range(2):
        assert mariam.ask("confirm_month", yes, group=women, line=line).outcome == "confirmed"
    assert mariam.ask("confirm_month", group=women, line=line).outcome == "changed"  # another message: it is over
    with world.database.transaction() as session:
        assert session.scalar(select(func.count()).select_from(BookLine)) == 1


def test_after_72_hours_it_has_lapsed_and_may_be_entered_again(world, women, hadjara, mariam):
    enter(hadjara, women, 100)
    line = line_for(mariam, women)
    world.now += timedelta(hours=72)
    mariam.open(women)
    assert mariam.ask("month_to_confirm", group=women).outcome == "none"
    assert mariam.ask("confirm_month", group=women, line=line).outcome == "lapsed"
    assert enter(mariam, women, 110).outcome == "entered"


def test_a_confirmed_month_changes_only_by_a_correction_that_is_confirmed(world, women, hadjara, mariam):
    enter(hadjara, women, 100)
    mariam.ask("confirm_month", group=women, line=line_for(mariam, women))
    assert enter(hadjara, women, 900).outcome == "exists"
    assert enter(hadjara, women, 90, correct="yes").outcome == "entered"
    assert standing(world, women) == [(OCTOBER, 100)]
    mariam.ask("confirm_month", group=women, line=line_for(mariam, women))
    assert standing(world, women) == [(OCTOBER, 90)]
    with world.database.transaction() as session:
        [(new, _), (old, _)] = book.history(session, int(women))
        assert new.corrects == old.id


def test_a_line_that_came_since_is_not_confirmed_unseen(world, women, hadjara, mariam):
    enter(hadjara, women, 100)
    seen = line_for(mariam, women)
    assert enter(hadjara, women, 9_000).outcome == "entered"  # the same officer, while it waits
    assert mariam.ask("confirm_month", group=women, line=seen).outcome == "changed"
    assert standing(world, women) == []


def test_another_officer_s_month_is_answered_before_one_enters_it_anew(world, women, hadjara, mariam):
    enter(hadjara, women, 100)
    assert enter(mariam, women, 200).outcome == "waits"
    line = line_for(mariam, women)
    assert mariam.ask("refuse_month", group=women, line=line).outcome == "refused"
    assert mariam.ask("confirm_month", group=women, line=line).outcome == "changed"
    assert enter(mariam, women, 200).outcome == "entered"


def test_one_officer_alone_enters_nothing(world, hadjara):
    group = world.group(hadjara)
    hadjara.open(group)
    assert enter(hadjara, group, 100).outcome == "alone"


def test_a_loss_is_carried_by_the_materials_and_nothing_is_shared(world, women, hadjara):
    lost = enter(hadjara, women, 10_000, 12_500, 500)
    assert lost.outcome == "loss"
    assert (lost.facts["profit"], lost.facts["materials"], lost.facts["shared"]) == ("-2 500", "-2 500", "0")


@pytest.mark.parametrize("month", ["2026-12", "2025-10", "2026-13", "now", ""])
def test_no_month_to_come_and_none_older_than_a_year(women, hadjara, month):
    assert enter(hadjara, women, 1, month=month).outcome == "too_much"


def test_more_for_materials_than_was_earned_is_asked_again(women, hadjara):
    assert enter(hadjara, women, 100, 50, 51).outcome == "too_much"


def test_another_group_s_line_is_nobody_s_to_confirm(world, women, hadjara, mariam, amina):
    enter(hadjara, women, 100)
    line = line_for(mariam, women)
    other = world.group(amina, hadjara, name="Autre")
    amina.open(other)
    assert amina.ask("confirm_month", group=other, line=line).outcome == "changed"
    assert amina.ask("confirm_month", group=women, line=line).outcome == "closed"


def test_who_left_and_came_back_is_still_the_same_officer(world, women, hadjara, mariam):
    third = world.phone("+22790001009")
    number = third.ask("join_group", group=women).facts["join_number"]
    mariam.ask("accept_member", group=women, member_number=number)
    mariam.ask("name_officer", group=women, member_number=number)
    enter(hadjara, women, 100)
    hadjara.ask("leave_group", group=women)
    number = hadjara.ask("join_group", group=women).facts["join_number"]
    mariam.ask("accept_member", group=women, member_number=number)
    mariam.ask("name_officer", group=women, member_number=number)
    hadjara.open(women)
    assert hadjara.ask("month_to_confirm", group=women).outcome == "none"  # it went when she left
    with world.database.transaction() as session:
        assert session.scalars(select(BookMark.mark)).all() == ["void"]


@pytest.mark.parametrize(
    "line",
    [
        "100, 40, 50, 20, 2, 10",
        "100, 40, 40, 20, 3, 7",
        "40, 100, -60, 0, 0, 0",
        "100, 40, -10, 70, 2, 35",
        "-1, 0, -1, 0, 1, 0",
    ],
)
def test_the_table_itself_refuses_a_month_that_does_not_add_up(world, women, hadjara, line):
    enter(hadjara, women, 100)
    insert = (
        "INSERT INTO book_lines (group_id, month, sales, costs, materials, shared, heads, each_share, by_member, at, turn) "
        f"SELECT group_id, month, {line}, by_member, at, 'x' FROM book_lines"
    )
    with pytest.raises(IntegrityError), world.database.transaction() as session:
        session.execute(text(insert))


def test_francs_are_grouped():
    assert [francs(one) for one in (0, 999, 12_500, -1_234_567)] == ["0", "999", "12 500", "-1 234 567"]


class Meetings(RuleBasedStateMachine):
    """Two officers and a member say anything, again, late, to lines that are gone."""

    world = None
    phones = ()

    @initialize()
    def begin(self):
        *officers, member = self.phones
        self.group = self.world.group(*officers, members=[member], heads=3)
        self.confirmed, self.turn = {}, self.world.turn()
        for phone in self.phones:
            phone.open(self.group)

    @rule(
        who=st.integers(0, 2), sales=st.integers(0, 50), costs=st.integers(0, 50), materials=st.integers(0, 20),
        month=st.sampled_from(["2026-10", "2026-11"]), correct=st.sampled_from(["", "yes"]), again=st.booleans(),
    )  # fmt: skip
    def enters(self, who, sales, costs, materials, month, correct, again):
        self.turn = self.turn if again else self.world.turn()
        more = {"month": month, "correct": correct}
        enter(self.phones[who], self.group, sales, costs, materials, turn=self.turn, **more)

    @rule(who=st.integers(0, 2), yes=st.booleans(), which=st.integers(1, 3))
    def answers(self, who, yes, which):
        with self.world.database.transaction() as session:
            lines = select(BookLine.id).where(BookLine.group_id == int(self.group)).order_by(BookLine.id.desc())
            ids = [*session.scalars(lines), 0]
        what = "confirm_month" if yes else "refuse_month"
        self.phones[who].ask(what, group=self.group, line=str(ids[min(which, len(ids)) - 1]))

    @rule(hours=st.sampled_from([1, 30, 80]))
    def time_passes(self, hours):
        self.world.now += timedelta(hours=hours)
        for phone in self.phones:
            phone.open(self.group)

    @invariant()
    def every_line_adds_up(self):
        for line, mark in self.history():
            assert line.sales - line.costs == line.materials + line.shared
            assert line.shared == line.heads * line.each_share >= 0
            if mark is not None and mark.mark == "confirmed":
                assert mark.by_member != line.by_member
                assert mark.at < line.at + book.CONFIRM_WITHIN

    @invariant()
    def what_was_confirmed_stays_and_the_last_of_it_is_the_book(self):
        last = {}
        for line, mark in reversed(self.history()):
            said = (line.month, line.sales, line.costs, line.materials)
            if mark is not None and mark.mark == "confirmed":
                assert self.confirmed.setdefault(line.id, said) == said
                last[line.month] = line.id
        if hasattr(self, "group"):
            with self.world.database.transaction() as session:
                assert {line.month: line.id for line in book.book(session, int(self.group))} == last

    def history(self):
        if not hasattr(self, "group"):
            return []
        with self.world.database.transaction() as session:
            return book.history(session, int(self.group))


def test_no_order_of_messages_breaks_the_book(world, hadjara, mariam, amina):
    here = type("Here", (Meetings,), {"world": world, "phones": (hadjara, mariam, amina)})
    slow = settings(max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(here, settings=slow)
