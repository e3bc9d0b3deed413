"""A group's page opens for a member's phone with the group's code, and for nobody else; roles by phone."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.community import book, groups, savings
from bot.errors import CommunityError
from bot.store.models import BookMark, CommunityGroup, GroupMember
from tests.community.conftest import CODE, MINUTE

MONTH = {"month": "2026-10", "sales": "100", "costs": "40", "part": "20"}


@pytest.fixture
def women(world, hadjara, mariam):
    return world.group(hadjara, mariam)


def test_the_code_opens_for_officers_and_members_and_for_no_stranger(world, hadjara, mariam, amina):
    group = world.group(hadjara, members=[mariam])
    assert hadjara.open(group) == "officer"
    assert mariam.open(group) == "member"
    assert amina.open(group) == "no_match"
    assert hadjara.open(group, "1111") == "no_match"
    assert hadjara.open("999") == "no_match"


def test_only_one_s_own_groups_are_listed(world, women, hadjara, amina):
    assert hadjara.ask("my_groups").facts == {"group": women, "group_name": "Femmes du centre"}
    assert amina.ask("my_groups").outcome == "none"
    world.group(hadjara, name="Maraichage")
    assert [item.label for item in hadjara.ask("my_groups").items] == ["Femmes du centre", "Maraichage"]


def test_three_wrong_codes_pause_and_six_lock_until_the_committee_gives_a_new_one(world, women, hadjara, mariam):
    for _ in range(2):
        for _ in range(3):
            assert hadjara.open(women, "1111") == "no_match"
        assert hadjara.open(women) == "no_match"  # paused, though it is right
        world.now += 31 * MINUTE
    world.now += timedelta(hours=30)
    assert hadjara.open(women) == "no_match"  # locked, also when nobody counts any more
    assert mariam.open(women) == "officer"  # one phone hinders no other
    with world.database.transaction() as session:
        [locked] = session.scalars(select(GroupMember).where(GroupMember.locked))
        assert locked.digest == hadjara.digest
        group = session.get_one(CommunityGroup, int(women))
        code = groups.give_code(session, world.rakia, group, world.now, ciphers=world.ciphers)
    assert hadjara.open(women) == "no_match"  # the old code
    assert hadjara.open(women, code) == "officer"


def test_a_stranger_who_guesses_never_locks_the_members_out(world, women, hadjara, amina):
    for _ in range(8):
        assert amina.open(women, "1111") == "no_match"
        world.now += 31 * MINUTE
    assert amina.open(women) == "no_match"
    assert hadjara.open(women) == "officer"


def test_a_hundred_guesses_at_once_get_three_answers(world, women, hadjara):
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: hadjara.open(women, f"{n:04d}"), range(2000, 2100)))
    assert hadjara.open(women) == "no_match"


def test_a_replayed_message_is_one_try(world, women, hadjara):
    turn = world.turn()
    for _ in range(8):
        assert hadjara.ask("open_group", turn, group=women, code="1111").outcome == "no_match"
    assert hadjara.open(women) == "officer"


def test_three_idle_minutes_close_the_page(world, women, hadjara):
    hadjara.open(women)
    for _ in range(3):
        world.now += 2 * MINUTE
        assert hadjara.ask("months", group=women).outcome == "some"
    world.now += 4 * MINUTE
    assert hadjara.ask("months", group=women).outcome == "closed"


def test_a_page_that_was_never_opened_is_closed(women, hadjara, amina):
    assert hadjara.ask("months", group=women).outcome == "closed"
    assert amina.ask("book", group=women).outcome == "closed"


@pytest.mark.parametrize(
    ("what", "values"),
    [
        ("months", {}),
        ("enter_month", MONTH),
        ("month_to_confirm", {}),
        ("confirm_month", {"line": "1"}),
        ("refuse_month", {"line": "1"}),
        ("pay_in", {"amount": "500"}),
        ("accept_member", {"member_number": "1000"}),
        ("name_officer", {"member_number": "1001"}),
    ],
)
def test_a_member_who_is_no_officer_can_do_none_of_it(world, hadjara, mariam, amina, what, values):
    group = world.group(hadjara, mariam, members=[amina])
    assert amina.open(group) == "member"
    assert amina.ask(what, group=group, **values).outcome == "closed"
    assert amina.ask("goal", group=group).outcome == "none"


def test_amounts_stay_off_channels_that_keep_them(world, women, hadjara):
    hadjara.open(women)
    hadjara.channel = "sms"
    for what in ("book", "month_to_confirm"):
        assert hadjara.ask(what, group=women).outcome == "dial"
    assert hadjara.ask("enter_month", group=women, **MONTH).outcome == "dial"
    assert hadjara.ask("pay_in", group=women, amount="500").outcome == "dial"


def test_joining_needs_an_officer_s_yes(world, women, hadjara, amina):
    asked = amina.ask("join_group", group=women)
    assert asked.outcome == "asked"
    assert amina.ask("join_group", group=women) == asked  # the same number again
    assert amina.open(women) == "no_match"
    hadjara.open(women)
    assert hadjara.ask("accept_member", group=women, member_number="9999").outcome == "none"
    assert hadjara.ask("accept_member", group=women, member_number=asked.facts["join_number"]).outcome == "accepted"
    assert amina.open(women) == "member"
    assert amina.ask("join_group", group=women).outcome == "member"


def test_what_no_officer_typed_for_two_weeks_lapses(world, women, hadjara, amina):
    number = amina.ask("join_group", group=women).facts["join_number"]
    world.now += timedelta(days=15)
    world.phone("+22790001009").ask("join_group", group=women)
    hadjara.open(women)
    assert hadjara.ask("accept_member", group=women, member_number=number).outcome == "none"


def test_two_who_ask_have_different_numbers(world, women):
    phones = [world.phone(f"+2279000{n:04d}") for n in range(3000, 3030)]
    numbers = [phone.ask("join_group", group=women).facts["join_number"] for phone in phones]
    assert len(set(numbers)) == len(numbers)


def test_officers_are_named_step_down_and_the_last_one_stays(world, hadjara, amina):
    group = world.group(hadjara, members=[amina])
    hadjara.open(group)
    assert hadjara.ask("step_down", group=group).outcome == "last_officer"
    assert hadjara.ask("leave_group", group=group).outcome == "last_officer"
    assert hadjara.ask("name_officer", group=group, member_number="1001").outcome == "named"
    assert hadjara.ask("step_down", group=group).outcome == "done"
    assert amina.open(group) == "officer"
    assert amina.ask("leave_group", group=group).outcome == "last_officer"
    turn = world.turn()
    assert hadjara.ask("leave_group", turn, group=group).outcome == "left"
    assert hadjara.ask("leave_group", turn, group=group).outcome == "left"
    assert hadjara.ask("leave_group", group=group).outcome == "not_in"


def test_two_last_officers_who_leave_at_once_do_not_both_leave(world, women, hadjara, mariam):
    with ThreadPoolExecutor(2) as threads:
        left = [
            one.result().outcome
            for one in [threads.submit(p.ask, "leave_group", group=women) for p in (hadjara, mariam)]
        ]
    assert sorted(left) == ["last_officer", "left"]


def test_a_stolen_phone_is_nobody_s_at_once(world, women, hadjara, mariam):
    hadjara.open(women)
    assert hadjara.ask("enter_month", group=women, **MONTH).outcome == "entered"
    with world.database.transaction() as session:
        thief = groups.membership(session, int(women), hadjara.digest)
        code = groups.lock_out(session, world.rakia, thief, world.now, ciphers=world.ciphers)
    assert hadjara.ask("enter_month", group=women, **MONTH).outcome == "closed"
    assert hadjara.open(women, code) == "no_match"
    assert mariam.open(women) == "no_match"  # the old code is known to the thief
    assert mariam.open(women, code) == "officer"
    assert mariam.ask("month_to_confirm", group=women).outcome == "none"  # what the phone entered is void
    with world.database.transaction() as session:
        assert session.scalars(select(BookMark.mark)).all() == ["void"]


def test_the_committee_can_t_take_the_last_officer_away_either(world, hadjara, amina):
    group = world.group(hadjara, members=[amina])
    with world.database.transaction() as session:
        officer = groups.membership(session, int(group), hadjara.digest)
        member = groups.membership(session, int(group), amina.digest)
        with pytest.raises(CommunityError, match="last_officer"):
            groups.set_role(session, world.rakia, officer, "member", world.now)
        groups.set_role(session, world.rakia, member, "officer", world.now)
        groups.set_role(session, world.rakia, officer, "refused", world.now)
    assert hadjara.open(group) == "no_match"
    assert amina.open(group) == "officer"


def test_codes_are_not_kept_and_are_none_that_anybody_guesses(world, women):
    with world.database.transaction() as session:
        group = session.get_one(CommunityGroup, int(women))
        codes = {groups.give_code(session, world.rakia, group, world.now, ciphers=world.ciphers) for _ in range(40)}
        assert codes.isdisjoint({"0000", "1234", "1212", "1990"})
        assert all(code.encode() not in group.code_hmac for code in codes)


def test_savings_are_told_as_a_share_and_a_replayed_payment_counts_once(world, women, hadjara, mariam):
    with world.database.transaction() as session:
        group = session.get_one(CommunityGroup, int(women))
        goal = savings.set_goal(session, world.rakia, group, "Pompe", 300_000, world.now)
    hadjara.open(women)
    turn = world.turn()
    for _ in range(2):
        paid = hadjara.ask("pay_in", turn, group=women, amount="186500")
        assert (paid.outcome, paid.facts) == ("paid", {"goal_name": "Pompe", "goal_percent": "62"})
    for wrong in ("0", "113501"):
        assert hadjara.ask("pay_in", group=women, amount=wrong).outcome == "too_much"
    mariam.open(women)
    mariam.channel = "whatsapp"
    assert mariam.ask("goal", group=women).facts == {"goal_name": "Pompe", "goal_percent": "62"}
    with world.database.transaction() as session:
        with pytest.raises(CommunityError, match="amount"):
            savings.take_back(session, world.rakia, goal, 186_501, world.now)
        savings.take_back(session, world.rakia, goal, 186_500, world.now)
        assert savings.paid_in(session, goal) == 0


def test_members_are_counted_without_those_who_only_ask(world, women, amina):
    amina.ask("join_group", group=women)
    with world.database.transaction() as session:
        assert groups.count_members(session, [int(women)]) == {int(women): 2}
        group = session.get_one(CommunityGroup, int(women))
        assert groups.heads(session, group) == 2
        group.heads = 40
        assert groups.heads(session, group) == 40
        assert len(session.scalars(select(GroupMember)).all()) == 3
        assert book.book(session, group.id) == []
        assert CODE not in str(group.__dict__)
