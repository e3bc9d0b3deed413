"""The simulator as a newcomer meets it: four stories, the drawer, keyboard, small screens."""

import re

import pytest
import requests

from bot.config import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TICKET = re.compile(r"\d{3}-\d{4}")
SALIFOU = "+22790001234"
LIGHT, DARK = "rgb(243, 240, 234)", "rgb(17, 19, 29)"  # of the page
STORY_TIME = 120_000  # milliseconds, on a busy machine


@pytest.fixture
def hurried(opened):
    """The page for somebody who asked for less motion: a story makes no pauses to read in, and types at once."""
    return opened(reduced_motion="reduce")


def play(page, story):
    page.click(f'[data-story="{story}"] [data-act="play"]')
    page.wait_for_selector(f'body[data-story="{story} done"], .step.wrong', timeout=STORY_TIME)
    assert page.query_selector(".step.wrong") is None, page.inner_text("#screen")


def dial(page):
    """To the first menu, whatever an earlier test left."""
    with page.expect_response("**/simulator/api/ussd"):
        page.click("#redial")
    page.wait_for_selector("#drop:not([disabled])")
    if "Continuer" in page.inner_text("#screen"):
        answer(page, "2", "gratuit")
    page.wait_for_selector('#screen :text("gratuit")')


def answer(page, text, then):
    page.fill("#entry", text)
    page.press("#entry", "Enter")
    page.wait_for_selector(f'#screen :text("{then}")')


def messages(service, phone="", channel=""):
    events = requests.get(f"{service}/simulator/api/news", timeout=10).json()["events"]
    return [
        event
        for event in events
        if event["kind"] == "message" and event["phone"] == (phone or event["phone"]) and channel in event["channel"]
    ]


def test_my_kit_enrols_and_hears_where_the_file_is(hurried):
    play(hurried, "kit")
    screen = hurried.inner_text("#screen")
    assert "depuis le" in screen
    assert "2 Rendez-vous" in screen
    assert int(hurried.inner_text("#septets")) <= 160
    assert "GSM-7" in hurried.inner_text("#encoding")


def test_too_long_opens_a_request_with_one_key(hurried):
    play(hurried, "long")
    assert TICKET.search(hurried.inner_text("#slot-whatsapp .bubble:last-child"))
    assert "••••" in hurried.inner_text("#slot-whatsapp .thread")
    assert "7306" not in hurried.inner_text("#slot-whatsapp .thread")


def test_talk_in_private_alerts_hadiza_without_a_word_too_many_and_shows_five_pairs_of_eyes(hurried, service, picture):
    page = hurried
    play(page, "private")
    text = page.query_selector_all("#slot-staff .bubble.critical")[-1].inner_text()
    assert TICKET.search(text)
    for word in ("Salifou", SALIFOU, "482719368", "prive", "privé", "Tahoua"):
        assert word not in text
    assert page.inner_text(".absent").startswith("Not in this SMS:")
    answer = page.inner_text("#slot-staff .bubble:last-child")
    assert "est a vous" in answer
    assert messages(service, SALIFOU) == []  # no trace
    assert "Mon dossier" in page.inner_text("#screen")
    assert "Continuer" not in page.inner_text("#screen")
    picture(page, "simulator-1280")
    page.click("#tab-eyes")
    page.wait_for_selector(".eye")
    found = {eye.query_selector("h3").inner_text(): eye.inner_text() for eye in page.query_selector_all(".eye")}
    assert [name.split(",")[0] for name in found] == ["A phone thief", "The operator", "Moussa", "Hadiza", "Mariama"]
    by_name = {name.split(",")[0]: text for name, text in found.items()}
    ticket = TICKET.search(text).group()
    assert ticket in by_name["Hadiza"]
    assert ticket not in by_name["Moussa"]
    assert ticket not in by_name["Mariama"]
    picture(page, "simulator-eyes-1280")


def test_nobody_answers_and_the_deputy_is_told(hurried):
    page = hurried
    play(page, "nobody")
    assert page.input_value("#who-staff") != page.evaluate(
        "() => document.querySelector('#who-staff').options[0].value"
    )
    assert re.search(r"sans reponse depuis (1[3-9]|2\d) min", page.inner_text("#slot-staff .bubble:last-child"))
    assert page.get_attribute("#fast", "aria-pressed") == "false"


def test_do_it_yourself_follows_the_hand(opened):
    page = opened()
    page.click('[data-story="kit"] [data-act="hand"]')
    page.wait_for_selector("#send.wanted, #redial.wanted")
    page.click("#send.wanted, #redial.wanted")
    page.wait_for_selector('[data-story="kit"] .step:has-text("2 of 5")')
    page.click('[data-story="kit"] [data-act="stop"]')
    assert page.query_selector(".wanted") is None


def test_a_story_can_be_paused_stepped_and_stopped(opened):
    page = opened()
    page.click('[data-story="kit"] [data-act="play"]')
    page.click('[data-story="kit"] [data-act="pause"]')
    step = page.inner_text('[data-story="kit"] .step')
    page.wait_for_timeout(1500)  # longer than the pause before a step
    assert page.inner_text('[data-story="kit"] .step') == step
    page.click('[data-story="kit"] [data-act="next"]')
    page.wait_for_selector('[data-story="kit"] .step:has-text("2 of 5")')
    page.click('[data-story="kit"] [data-act="pause"]')  # goes on, key after key
    page.wait_for_selector('[data-story="kit"] .step:has-text("3 of 5")')
    page.click('[data-story="kit"] [data-act="stop"]')
    page.wait_for_selector('[data-story="kit"] [data-act="play"]')


def test_the_drawer_tells_the_way_of_a_turn(opened):
    page = opened()
    dial(page)
    page.wait_for_selector('.path :text("POST /hooks/africastalking/…/ussd")')
    page.wait_for_selector('.path :text("two store calls")')
    page.wait_for_selector('.path :text("Journal: 1 turn")', timeout=15_000)
    assert "/dev/" not in page.inner_text("#path")


def test_delivered_twice_has_one_effect(opened):
    page = opened()
    dial(page)
    page.click("#twice")
    answer(page, "2", "Besoin de quoi")
    page.wait_for_selector('.path :text("Delivered twice: the same answer")')
    assert page.get_attribute("#twice", "aria-pressed") == "false"


def test_a_gateway_that_is_down_holds_messages_and_lets_them_go(opened, service):
    page = opened()
    before = len(messages(service, channel="whatsapp"))
    page.click("#down")
    page.wait_for_selector('#down[aria-pressed="true"]')
    page.fill("#write-whatsapp", "MENU")
    page.press("#write-whatsapp", "Enter")
    page.wait_for_timeout(3000)
    assert len(messages(service, channel="whatsapp")) == before
    page.click("#down")
    page.wait_for_selector("#slot-whatsapp .bubble:not(.mine):last-child", timeout=90_000)
    assert len(messages(service, channel="whatsapp")) > before


def test_a_dropped_line_can_be_gone_on_with(opened):
    page = opened()
    dial(page)
    answer(page, "2", "Besoin de quoi")
    page.click("#drop")
    page.wait_for_selector('#screen :text("Line dropped")')
    page.click("#redial")
    page.wait_for_selector('#screen :text("1 Continuer")')


def test_a_beep_is_not_picked_up_costs_nothing_and_asks_for_a_call(opened, service):
    page = opened()
    page.select_option("#who-keypad", SALIFOU)
    before = len(messages(service, SALIFOU))
    if page.is_disabled("#beep"):  # a line that an earlier test left open
        page.click("#drop")
    page.wait_for_selector("#beep:not([disabled])")
    with page.expect_response("**/simulator/api/voice"):
        page.click("#beep")
    page.wait_for_selector('#screen :text("cost nothing")')
    page.wait_for_selector('.path :text("POST /hooks/africastalking/…/voice")')
    page.wait_for_selector('.path :text("<Reject/>")')
    page.wait_for_selector('.path :text("OpenReferral")', timeout=15_000)
    assert page.inner_text("#bill tr:first-child").endswith("0 F")
    assert len(messages(service, SALIFOU)) == before
    page.click("#redial")
    page.wait_for_selector("#drop:not([disabled])")
    assert page.is_disabled("#beep")


def test_english_stands_under_french_when_asked(opened):
    page = opened()
    dial(page)
    assert page.query_selector(".english") is None
    page.click("#english")
    page.wait_for_selector("#screen .english", timeout=15_000)
    assert "9 Talk in private" in page.inner_text("#screen .english")


def test_the_page_speaks_french_too(opened):
    page = opened()
    page.click('[data-language="fr"]')
    assert page.inner_text("#try-title") == "À essayer"
    assert page.get_attribute("html", "lang") == "fr"


def test_the_keyboard_is_enough(opened):
    page = opened()
    dial(page)
    page.focus("#entry")
    page.keyboard.type("9")
    page.keyboard.press("Enter")
    page.wait_for_selector('#screen :text("urgent")')
    page.focus("#tab-sent")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("() => document.activeElement.id") == "tab-eyes"
    outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"


def test_nothing_overflows(opened):
    page = opened(width=1280, height=900)
    for width in (1280, 1024, 768, 360, 320):
        page.set_viewport_size({"width": width, "height": 900})
        page.click("#tab-whatsapp") if width < 900 else None
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_small_screens_have_tabs_and_a_bar_and_say_where_the_alert_is(opened):
    page = opened(width=360, height=1200)
    dial(page)
    assert page.is_hidden("#slot-staff")
    for selector in (".key", ".soft button", ".control", ".phone-tabs button", "#drawer-bar", ".story.first .button"):
        assert page.query_selector(selector).bounding_box()["height"] >= 44
    answer(page, "9", "urgent")
    page.wait_for_selector('#tab-staff:has-text("new alert")', timeout=30_000)
    page.click("#tab-staff")
    page.wait_for_selector("#slot-staff .bubble.critical")
    page.click("#drawer-bar")
    page.wait_for_selector("#path pre")


def test_dark_mode_is_dark_and_axe_finds_nothing_in_either(opened):
    page = opened()
    page.evaluate((ROOT / "tests/browser/axe/axe.min.js").read_text(encoding="utf-8"))
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    for width, scheme, background in ((1280, "light", LIGHT), (360, "dark", DARK)):
        page.set_viewport_size({"width": width, "height": 1190})
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function("seen => getComputedStyle(document.body).backgroundColor === seen", arg=background)
        found = page.evaluate("tags => axe.run(document, {runOnly: tags}).then(found => found.violations)", tags)
        assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found] == []
