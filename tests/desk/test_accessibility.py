"""Every page of the desk in Chromium: axe finds nothing at WCAG 2.2 AA, the keyboard reaches everything, pages are light."""

import gzip
import itertools
import re
import threading
from collections import defaultdict
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select
from werkzeug.serving import make_server

from bot.community import development
from bot.config import ROOT
from bot.desk.guarding import STATIC
from bot.desk.pages import PAGES
from bot.store.models import Activity, Community, CommunityGroup, Project, Proposal, Staff, Training

from .conftest import EVENING, MORNING, NOON, REFUSED

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AXE = (ROOT / "tests/browser/axe/axe.min.js").read_text(encoding="utf-8")
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN = "tags => axe.run(document, {runOnly: tags, resultTypes: ['violations']}).then(found => found.violations.map(one => one.id + ': ' + one.nodes.map(node => node.target + ' ' + node.failureSummary).join(' | ')))"
FIRST, AFTER = 100_000, 20_000  # bytes over the line, the first time and once the browser keeps the files
# Of whom a page is looked at, who sees most of it first; what needs an id is opened from a list below.
LOOKERS = ("ousmane", "hadiza", "moussa", "adamou", "zeinabou", "salamatou")
MAIN = re.compile(r"<main.*?</main>", re.DOTALL)
ELEMENT = re.compile(r'<(\w+)(?: [^>]*?class="([^"]*)")?')


@pytest.fixture
def readers(signed_in, cast, database, password_hash):
    with database.transaction() as session:
        session.add(Staff(login="salamatou", name="Salamatou", role="data_protection", password_hash=password_hash))
    return {login: signed_in(login) for login in LOOKERS}


@pytest.fixture
def busy(opened):
    """One of each, as in a morning; returns the id of one that may be called."""
    opened("7352082", told="hadiza", text="il me cherche")
    opened("4821737", terms=MORNING, by="hadiza", private=True, due_in=-12)
    opened("3594726", terms=EVENING, level="normal", language="fr")
    opened("6190454", terms=REFUSED, private=True, by="hadiza", due_in=None)
    opened("1112223", terms=MORNING, by="aicha", level="high")
    return opened("9412607", terms=MORNING, by="hadiza", caller="woman", code="THR", urgent=True, due_in=34)


@pytest.fixture
def programme(database, cast, password_hash, ciphers):
    """A community with all its parts, a project, a training: their pages, by who reads them."""
    day = NOON.date()
    shared = {"office": "Zinder", "made_by": cast["ousmane"], "made_at": NOON}
    with database.transaction() as session:
        for login, role in (("rakia", "community_focal"), ("mariama", "coordinator")):
            session.add(Staff(login=login, name=login.title(), role=role, password_hash=password_hash, language="fr"))
        session.flush()
        development.load(session, NOON, ciphers=ciphers)
        project = Project(
            kind="collective", name="Mil", department="Mirriah", stage="TRAINING_WAIT", stage_since=day, **shared
        )
        training = Training(kind="horticulture", place="Zinder", starts_on=day, ends_on=day, places=4, **shared)
        session.add_all([project, training])
        session.flush()
        first = {
            one: session.scalars(select(one.id).order_by(one.id)).first()
            for one in (Community, Proposal, CommunityGroup, Activity)
        }
        return [
            ("rakia", f"/desk/communities/{first[Community]}"),
            ("rakia", f"/desk/communities/{first[Community]}/answer"),
            ("rakia", f"/desk/proposals/{first[Proposal]}"),
            ("rakia", f"/desk/groups/{first[CommunityGroup]}"),
            ("rakia", f"/desk/activities/{first[Activity]}"),
            ("moussa", f"/desk/projects/{project.id}"),
            ("moussa", f"/desk/trainings/{training.id}"),
        ]


def pages(app, reader, *more):
    """The pages without an id that this reader may open by a link, and `more`: address to answer, packed."""
    plain = [
        str(rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint in PAGES and "GET" in rule.methods and not rule.arguments
    ]
    answers = {path: reader.get(path, headers={"Accept-Encoding": "gzip"}) for path in [*sorted(plain), *more]}
    return {path: answer for path, answer in answers.items() if answer.status_code == 200}


def words(answer):
    """The text of a page that may be packed."""
    return (gzip.decompress(answer.data) if answer.content_encoding == "gzip" else answer.data).decode()


@pytest.fixture
def served(app):
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    server.server_close()


def cookie(reader, address):
    """By which a browser is this reader's."""
    kept = reader.client.get_cookie("maraba_desk", path="/desk").value
    return {"name": "maraba_desk", "value": kept, "url": f"{address}/desk"}


@pytest.fixture
def browse(chromium, served):
    """A window of a reader, or of somebody who has not signed in."""
    contexts = []

    def open_window(reader=None, *, width=1280, dark=False, **more):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", base_url=served, **more
        )
        contexts.append(context)
        if reader is not None:
            context.add_cookies([cookie(reader, served)])
        return context.new_page()

    yield open_window
    for context in contexts:
        context.close()


def faults(page):
    page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true; })")
    page.evaluate(AXE)
    return page.evaluate(RUN, LEVELS)


def too_wide(page):
    return ["wider than the window"] * page.evaluate("() => document.documentElement.scrollWidth > innerWidth")


@pytest.fixture
def look(browse, served):
    """Axe looks at a page of a reader, or of nobody: in turn narrow and dark, wide and light, or `both`. What it says, by page."""
    page, turns, found = browse(), itertools.count(), {}

    def look_at(reader, path, *, both=False):
        page.context.clear_cookies()
        if reader is not None:
            page.context.add_cookies([cookie(reader, served)])
        for dark in (True, False) if both else (next(turns) % 2 == 0,):
            page.emulate_media(color_scheme="dark" if dark else "light")
            page.set_viewport_size({"width": 360 if dark else 1280, "height": 900})
            assert page.goto(path).status == 200, path
            assert urlsplit(page.url).path == path
            if said := too_wide(page) + faults(page):
                found[path, dark] = said
        return found

    return look_at


def test_axe_finds_nothing(app, readers, busy, amina, files, look):
    """Each page once, and again of whoever sees kinds of things on it that nobody before did; the chief ones in both looks."""
    ids = {
        "hadiza": [f"/desk/referrals/{busy}"],
        "moussa": [f"/desk/phones/{amina}", f"/desk/cases/{files['salifou']}"],
    }
    chief = {("hadiza", path) for path in ("/desk/", "/desk/queues", *ids["hadiza"])} | {("moussa", ids["moussa"][1])}
    seen, own = defaultdict(set), defaultdict(set)
    for login, reader in readers.items():
        shown = pages(app, reader, *ids.get(login, []))
        assert {"/desk/", *ids.get(login, [])} <= set(shown)
        for path, answer in shown.items():
            kinds = set(ELEMENT.findall(MAIN.search(words(answer))[0]))
            new = kinds - seen.get(path, set())
            if path not in seen or new - own[login] or (login, path) in chief:
                look(reader, path, both=(login, path) in chief)
            if path in seen:
                own[login] |= new  # a notice to this reader on every page needs one look
            seen[path] |= kinds
    assert look(None, "/desk/sign-in", both=True) == {}


def test_the_pages_of_a_programme_are_light_and_axe_finds_nothing(programme, signed_in, look):
    readers = {login: signed_in(login) for login in ("rakia", "moussa")}
    for login, path in programme:
        found = look(readers[login], path)
        assert len(readers[login].get(path, headers={"Accept-Encoding": "gzip"}).data) < AFTER, path
    assert found == {}


def test_the_first_key_leads_past_the_menu_and_focus_goes_on(readers, busy, browse):
    page = browse(readers["hadiza"])
    page.goto("/desk/")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    seen = []
    for _ in range(200):
        page.keyboard.press("Tab")
        place = page.evaluate("() => [...document.querySelectorAll('*')].indexOf(document.activeElement)")
        inside = page.evaluate("() => document.activeElement.closest('main') !== null")
        if not inside or place in seen:
            break
        seen.append(place)
    assert seen == sorted(seen)  # as the page is read
    assert len(seen) == page.evaluate(
        "() => [...document.querySelectorAll('main a, main button, main summary')].filter(one => one.checkVisibility() && !one.disabled).length"
    )


def test_keys_walk_the_list_and_can_be_turned_off(readers, busy, browse):
    page = browse(readers["hadiza"])
    page.goto("/desk/queues")
    tickets = page.locator("a.ticket").all_inner_texts()
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("() => document.activeElement.textContent") == tickets[1]
    page.keyboard.press("k")
    page.keyboard.press("o")
    page.wait_for_selector(f"h1:text('{tickets[0]}')")
    page.keyboard.press("/")
    page.wait_for_url("**/desk/find")
    page.locator("h1").click()
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    assert faults(page) == []
    page.locator("dialog input").uncheck()
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("?")
    page.keyboard.press("t")
    assert page.locator("dialog[open]").count() == 0
    assert page.url.endswith("/desk/find")
    page.locator("[data-opens-keys]").click()
    assert page.locator("dialog[open] input").is_checked() is False


def test_letters_typed_into_a_field_are_letters(readers, busy, browse):
    page = browse(readers["hadiza"])
    page.goto("/desk/find")
    page.locator("#main input[type=text], #main input:not([type=hidden])").first.click()
    page.keyboard.type("tq?/jko")
    assert page.url.endswith("/desk/find")
    assert page.locator("dialog[open]").count() == 0


def test_a_request_can_be_served_without_scripts(readers, busy, browse):
    page = browse(readers["hadiza"], java_script_enabled=False)
    page.goto("/desk/")
    page.click("article[aria-label='735-2082'] .button.first")
    assert page.locator("h1").inner_text() == "735-2082"
    assert page.locator("[data-opens-keys]").is_visible() is False


def test_pages_are_light(app, readers, opened):
    """With more than a page holds in every list; packed as every browser asks for it."""
    for number in range(90):
        terms, level = (MORNING, EVENING, REFUSED)[number % 3], ("critical", "high", "normal")[number % 3]
        one = opened(str(5_000_000 + number), terms=terms, level=level, told="hadiza" if number % 2 else None)
    kept = sum(len((STATIC / name).read_bytes()) for name in ("maraba.css", "desk.js", "keys.js", "mark.svg"))
    for login, reader in readers.items():
        for path, answer in pages(app, reader, *([f"/desk/referrals/{one}"] if login == "hadiza" else [])).items():
            assert len(answer.data) < AFTER, (login, path)
            assert len(answer.data) + kept < FIRST, (login, path)
            assert "</html>" in words(answer)


def test_the_pages_of_the_guide(readers, busy, browse, opened, database, cast, request):
    """Pictures for docs/desk.md where `--pictures` asks for them: what the guide says of a page is on it."""
    folder = request.config.getoption("--pictures")

    def shown(login, path, name, told):
        page = browse(readers[login])
        page.goto(path)
        assert told in page.inner_text("main")
        if folder:
            page.screenshot(path=f"{folder}/{name}.png", full_page=True)

    shown("hadiza", f"/desk/referrals/{busy}", "desk-request-1280", "Appeler le matin")
    shown("hadiza", "/desk/queues", "desk-queues-1280", "735-2082")
    number = 6_000_000
    for week in range(12):
        for one in range(6 + week % 3 + week // 4):
            number += 1
            at = NOON - timedelta(days=4 + 7 * (11 - week), minutes=one)
            opened(
                str(number), ago=(NOON - at).total_seconds() / 60, due_in=None, private=one < 5, by="hadiza",
                office=("Zinder", "Tahoua")[one % 2], state="closed", closed_at=at + timedelta(hours=30 + one),
                outcome="helped", first_attempt_at=at + timedelta(minutes=(58 - 2 * week) + 9 * (one - 3)),
            )  # fmt: skip
    shown("ousmane", "/desk/indicators", "desk-indicators-1280", "S47")
