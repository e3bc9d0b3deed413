"""Rakia of the committee in Assamaka looks at the board and at the women's book."""

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_rakia_reads_the_board_the_tensions_and_the_book(opened, picture):
    page = opened("/desk/sign-in", width=1280, height=900)
    page.fill("[name=login]", "rakia")
    page.fill("[name=password]", page.inner_text("code.secret"))
    page.press("[name=password]", "Enter")
    page.wait_for_selector("h1:text('Aujourd')")
    page.goto(page.url.split("/desk")[0] + "/desk/communities")
    page.click("text=Assamaka")
    page.wait_for_selector("h1:text('Assamaka')")
    assert page.locator(".board .card").count() >= 4
    assert page.locator(".strips svg").count() == 6
    picture(page, "desk-community-1280")
    page.click("text=Femmes du centre")
    page.wait_for_selector("svg.book")
    assert page.locator("svg.book rect").count() == 22
    picture(page, "desk-book-1280")
