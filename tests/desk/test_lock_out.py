"""Five failures lock out the browser in which somebody works, or all others: never both (docs/decisions/0043)."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from bot.desk import lock_out
from bot.referrals.staffing import set_password
from bot.store.models import KnownDevice

from .conftest import NOON, PASSWORD, Reader


@pytest.fixture
def browser(app):
    """A browser of its own with each call."""
    return lambda: Reader(app.test_client())


def fails(reader, login="hadiza", times=lock_out.ALLOWED_FAILURES):
    for _ in range(times):
        assert reader.signs_in(login, "wrong").status_code == 403


def goes_home(reader):
    reader.post("/desk/sign-out")


def gets_in(reader, login="hadiza", password=PASSWORD):
    return reader.signs_in(login, password).status_code == 302


def test_a_stranger_who_knows_the_login_locks_nobody_out_where_they_work(hadiza, browser):
    goes_home(hadiza)
    fails(browser())
    assert not gets_in(browser())  # all others wait
    assert gets_in(hadiza)


def test_five_failures_where_somebody_works_close_only_that(hadiza, browser, hands):
    goes_home(hadiza)
    fails(hadiza)
    assert not gets_in(hadiza)
    assert gets_in(browser())
    hands.forward(seconds=lock_out.LOCK_OUT.total_seconds())
    assert gets_in(hadiza)


def test_the_computer_of_an_office_knows_each_by_themselves(hadiza, browser):
    goes_home(hadiza)
    fails(browser(), "aicha")
    assert not gets_in(hadiza, "aicha")  # she never signed in at this one
    assert gets_in(hadiza)


def test_a_right_password_at_a_known_browser_forgives_its_failures_alone(hadiza, browser):
    goes_home(hadiza)
    stranger = browser()
    fails(stranger, times=4)
    fails(hadiza, times=4)
    assert gets_in(hadiza)
    fails(stranger, times=1)
    assert not gets_in(stranger)


def test_a_browser_that_was_away_for_half_a_year_is_one_of_the_others(hadiza, browser, hands, database):
    goes_home(hadiza)
    hands.forward(days=lock_out.KEPT / timedelta(days=1))
    fails(browser())
    assert not gets_in(hadiza)
    hands.forward(seconds=lock_out.LOCK_OUT.total_seconds())
    assert gets_in(hadiza)
    with database.transaction() as session:
        assert session.scalars(select(KnownDevice.seen_at)).all() == [hands()]


def test_a_new_password_forgets_browsers_and_failures(hadiza, browser, database):
    goes_home(hadiza)
    fails(hadiza)
    fails(browser())
    with database.transaction() as session:
        set_password(session, "hadiza", "chosen anew by her")
        assert session.scalar(select(func.count()).select_from(KnownDevice)) == 0
    assert gets_in(hadiza, password="chosen anew by her")


def test_the_cookie_says_nothing_and_its_copy_in_the_database_opens_nothing(hadiza, database):
    kept = hadiza.client.get_cookie(lock_out.COOKIE, path="/desk")
    assert (kept.http_only, kept.same_site, kept.max_age) == (True, "Lax", lock_out.KEPT // timedelta(seconds=1))
    with database.transaction() as session:
        [row] = session.scalars(select(KnownDevice))
    assert (len(row.id), row.seen_at) == (32, NOON)
    assert kept.value not in row.id
    assert row.id not in kept.value


def test_a_key_that_somebody_else_put_into_a_browser_is_changed_at_the_sign_in(browser, hadiza, database):
    reader = browser()
    reader.client.set_cookie(lock_out.COOKIE, "planted", path="/desk")
    assert gets_in(reader)
    own = reader.client.get_cookie(lock_out.COOKIE, path="/desk").value
    assert own != "planted"
    goes_home(reader)
    assert gets_in(reader, "aicha")
    assert reader.client.get_cookie(lock_out.COOKIE, path="/desk").value == own
