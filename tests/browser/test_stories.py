"""People at the desk, each from somebody's call to the end: what they do, and what they never see."""

import random
import re
import time
import uuid
from datetime import date, timedelta
from functools import cache
from urllib.parse import urlsplit

import pytest
import requests

from bot.cases.development import DEVELOPMENT_PASSWORD
from bot.simulator.views import REPORTS_AT_ONCE
from tests.standin.callers import AfricasTalkingCaller

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SOON = 60.0  # seconds, on a busy machine
TICKET = re.compile(r"\d{3}-\d{4}")
HADIZA, AICHA = "+22790009901", "+22790009902"
FRENCH, HAUSA = "1", "2"
FILE, HELP, THINGS, KIT, SAFETY, THREATS, PRIVATE = "1", "2", "3", "1", "5", "1", "9"
AGREED, URGENT, NOT_URGENT, ALWAYS, A_WOMAN, OUTSIDE, NO_CHILD = "1", "1", "2", "1", "1", "4", "2"
A_THREAT = (HELP, SAFETY, THREATS, AGREED, URGENT, ALWAYS, A_WOMAN, NO_CHILD)
A_KIT = (HELP, THINGS, KIT, AGREED, NOT_URGENT, ALWAYS, NO_CHILD)
PASSPHRASE = "seven camels walk to agadez"
YAHAYA, HIS_FILE, HIS_YEAR, HIS_CODE = (
    "+22790001817",
    "864610370",
    "1998",
    "4826",
)  # invented; a kit of Taagazt, in Tahoua
TOO_LONG = "1"


class Phones:
    """What every phone was sent. One that shows a message also reports that it was delivered."""

    def __init__(self, service):
        self._service, self._messages, self._after = service, [], ""

    def sent(self, phone):
        """The texts, oldest first."""
        address = f"{self._service}/simulator/api/news"
        while events := requests.get(address, params={"after": self._after}, timeout=30).json()["events"]:
            events = events[:REPORTS_AT_ONCE]
            self._messages += [event for event in events if event["kind"] == "message"]
            self._after = events[-1]["id"]
        return [event["text"] for event in self._messages if event["phone"] == phone]

    def alerts(self, phone, ticket):
        return [text for text in self.sent(phone) if ticket in text and re.search(r"\bOK \d{4}", text)]


@pytest.fixture
def phones(service):
    return Phones(service)


@pytest.fixture
def caller(service):
    caller = AfricasTalkingCaller(service)
    yield caller
    caller.close()


@pytest.fixture
def dialled(caller):
    """Dial, type the keys, and read the number of the request; a phone that was never here chooses a language first."""

    def dial(phone, *keys, language=FRENCH):
        call = caller.dial(phone)
        if "Francais" in call.screen.text:
            call.answer(language)
        call.answer(*keys)
        return TICKET.search("".join(screen.text for screen in call.screens))[0]

    return dial


class Desk(requests.Session):
    """The desk by its bare answers, which say as much as a page does of what somebody may not see."""

    def __init__(self, service, login):
        super().__init__()
        self.service, self.login = service, login
        self.post(
            self.service + "/desk/sign-in", self.form("/desk/sign-in", login=login, password=DEVELOPMENT_PASSWORD)
        )
        assert self.gets("/desk/").status_code == 200

    def gets(self, path):
        return self.get(self.service + path, allow_redirects=False, timeout=SOON)

    def form(self, path, **fields):
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.gets(path).text)[1]
        return {"csrf_token": token, **fields}

    def finds(self, wanted):
        form = self.form("/desk/find", wanted=wanted)
        return self.post(self.service + "/desk/find", form, allow_redirects=False, timeout=SOON)


@pytest.fixture(scope="module")
def desk_of(service):
    """The desk of somebody, who signs in once for all tests."""
    return cache(lambda login: Desk(service, login))


@pytest.fixture
def signs_in(opened):
    """Their browser, on Today."""

    def sign_in(login, password=DEVELOPMENT_PASSWORD, **more):
        page = opened("/desk/sign-in", **more)
        page.set_default_timeout(SOON * 1000)
        page.fill("[name=login]", login)
        page.fill("[name=password]", password)
        page.press("[name=password]", "Enter")
        page.wait_for_selector("nav.tabs")
        return page

    return sign_in


def a_phone():
    """Of somebody who was never here; invented, as all with this beginning."""
    return f"+2279000{random.randrange(7000, 8000)}"


def until(found, what):
    """Ask again until it is there; its answer."""
    end = time.monotonic() + SOON
    while not (answer := found()):
        assert time.monotonic() < end, what
        time.sleep(0.2)
    return answer


def asked(page, selector):
    """This part of the page, asked for anew; None where it does not stand there."""
    page.reload()
    return page.query_selector(selector)


def shows(page, selector):
    """This part of the page, as soon as it stands there."""
    return until(lambda: asked(page, selector), f"{selector} never came")


def base(page):
    return re.match(r"https?://[^/]+", page.url)[0]


def goes(page, path):
    page.goto(base(page) + path)


def finds(page, ticket):
    """The page of a request, by its number, as soon as it is recorded; its address."""

    def there():
        goes(page, "/desk/find")
        page.fill("#wanted", ticket)
        page.press("#wanted", "Enter")
        return page.wait_for_selector("h1").inner_text() == ticket

    until(there, f"{ticket} is not found")
    return page.url


def address_of(desk, ticket):
    """The address of a request, by its number, as soon as it is recorded."""
    return until(lambda: desk.finds(ticket).headers.get("Location"), f"{ticket} is not found")


def bare(text, *numbers):
    """A page without tokens and without the number that was asked for."""
    for number in numbers:
        text = text.replace(number, "")
    return re.sub(r'value="[^"]*"|nonce="[^"]*"|\d\d[:h]\d\d', "", text)


def knows_nothing_of(desk, ticket, address):
    """Neither lists, search nor the very address differ from what they are for a request that never was."""
    for path in ("/desk/", "/desk/queues", "/desk/messages"):
        assert ticket not in desk.gets(path).text, path
    there, never = (desk.gets(path) for path in (urlsplit(address).path, f"/desk/referrals/{uuid.uuid4().hex}"))
    assert (there.status_code, bare(there.text)) == (never.status_code, bare(never.text)) == (404, bare(never.text))
    found = [desk.finds(wanted) for wanted in (ticket, "999-9999")]
    assert found[0].status_code == found[1].status_code
    assert bare(found[0].text, ticket) == bare(found[1].text, "999-9999")


def folds_out(page, section):
    page.click(f"{section} summary")


def chooses(page, name, value):
    page.click(f"label.choice:has([name={name}][value={value}])")


def takes(page, ticket):
    """From Today, once the request is there; their page of it is open then."""
    card = f"article[aria-label='{ticket}']"
    shows(page, card)
    page.click(f"{card} form[action$='/accept'] button")
    page.wait_for_selector("section.safe")


def spoke(page):
    """Notes that the person was reached and may be written to."""
    chooses(page, "call-result", "spoke")
    folds_out(page, "#log")
    chooses(page, "terms-may_call", "yes")
    chooses(page, "terms-text", "yes")
    page.click("#log form button.first")
    page.wait_for_selector("#write form", state="attached")


def test_hadiza_from_the_threat_to_a_message_in_hausa_and_open_again(phones, caller, dialled, signs_in):
    phone = a_phone()
    ticket = dialled(phone, *A_THREAT, language=HAUSA)
    until(lambda: phones.alerts(HADIZA, ticket), "Hadiza was not alerted")
    page = signs_in("hadiza", width=360, height=800)
    takes(page, ticket)
    address = page.url
    assert page.query_selector("#write form") is None, "nobody may write before the person says so"
    spoke(page)

    folds_out(page, "#write")
    page.select_option("[name=reply-sentence]", "call_when")
    page.click("#write form button")
    assert "Muna so mu kira ku." in page.wait_for_selector(".bubble.mine").inner_text()
    assert phones.sent(phone) == [], "a preview sends nothing"
    page.click("form[action$='/reply/send'] button.first")
    until(lambda: any("Muna so mu kira ku." in text for text in phones.sent(phone)), "nothing reached the person")
    until(lambda: phones.sent(phone) and asked(page, ".bubble.mine:has-text('arrivé')"), "no word of its delivery")

    caller.sms(phone, "Gobe da safe")
    assert "Gobe da safe" in shows(page, ".bubble:not(.mine)").inner_text()
    before, earlier = phones.alerts(HADIZA, ticket), len(phones.sent(phone))
    page.click("#close summary")
    page.select_option("[name=close-outcome]", "helped")
    page.click("#close form button.final")
    until(lambda: any(ticket in text for text in phones.sent(phone)[earlier:]), "nobody asked whether it is solved")
    caller.sms(phone, "2")
    until(lambda: phones.alerts(AICHA, ticket), "nobody was told that it is not solved")
    assert phones.alerts(HADIZA, ticket) == before, "whoever closed it is not told first"
    page.goto(address)
    shows(page, "#answer")
    assert "pas résolu" in page.inner_text("main")


def test_moussa_reads_of_a_kit_and_sees_no_sign_of_a_threat(dialled, signs_in, desk_of):
    threat, kit = dialled(a_phone(), *A_THREAT), dialled(a_phone(), *A_KIT)
    address = address_of(desk_of("hadiza"), threat)
    moussa = signs_in("moussa", width=360, height=800)
    finds(moussa, kit)
    moussa.click("form[action$='/accept'] button")
    moussa.wait_for_selector("#log form")
    goes(moussa, "/desk/")
    moussa.wait_for_selector(f"text={kit}")
    knows_nothing_of(desk_of("moussa"), threat, address)


def test_the_coordinator_sees_a_gap_of_the_rota_and_plans_it_shut(signs_in):
    mariama = signs_in("mariama")
    day = date.today() + timedelta(days=1)
    plans(mariama, day)
    plans(mariama, day + timedelta(days=2))
    gap = mariama.locator("[role=note] li").first.inner_text()
    plans(mariama, day + timedelta(days=1))
    assert gap not in mariama.locator("[role=note] li").all_inner_texts()
    mariama.goto(mariama.url.replace("/rota", "/indicators"))
    mariama.wait_for_selector("h1:text('Indicateurs')")
    mariama.wait_for_selector("[aria-labelledby=sealed]")


def plans(page, day):
    """A whole day of the community queue for Rakia."""
    goes(page, "/desk/rota")
    page.select_option("[name=shift-queue]", "community")
    rakia = page.locator("[name=shift-staff] option:has-text('Rakia')").get_attribute("value")
    page.select_option("[name=shift-staff]", rakia)
    page.fill("[name=shift-first]", day.isoformat())
    chooses(page, "shift-hours", "whole")
    page.click("form[action*='/rota#plan'] button.first")
    page.wait_for_selector(".rota")


def test_the_focal_point_alone_opens_what_is_sealed(dialled, signs_in, desk_of):
    fatchima = signs_in("fatchima")
    goes(fatchima, "/desk/sealed-key")
    for name in ("new-passphrase", "new-again"):
        fatchima.fill(f"[name={name}]", PASSPHRASE)
    fatchima.press("[name=new-again]", "Enter")
    fatchima.wait_for_selector("[name=unlock-passphrase]")

    ticket = dialled(a_phone(), PRIVATE, URGENT, ALWAYS, OUTSIDE)
    address = finds(fatchima, ticket)
    assert "Une femme" not in fatchima.inner_text("main")
    fatchima.fill("[name=unlock-passphrase]", PASSPHRASE)
    fatchima.fill("[name=unlock-reason]", "premier appel")
    fatchima.click("#seal form button.first")
    fatchima.wait_for_selector("#seal form[action$='/lock']")

    for login in ("hadiza", "moussa", "mariama", "ousmane", "issa"):
        knows_nothing_of(desk_of(login), ticket, address)


@pytest.fixture
def enrolled(caller):
    """Yahaya dials, chooses the code of his file, and says on its screen that it takes too long; the request's number."""
    call = caller.dial(YAHAYA)
    if "Francais" in call.screen.text:
        call.answer(FRENCH)
    call.answer(FILE, HIS_FILE, HIS_YEAR, HIS_CODE, HIS_CODE, TOO_LONG, ALWAYS)
    return TICKET.search("".join(screen.text for screen in call.screens))[0]


def test_a_partner_sees_the_kit_of_its_own_case_alone(enrolled, dialled, signs_in, desk_of):
    other = dialled(a_phone(), *A_KIT)
    moussa, idi = signs_in("moussa"), desk_of("idi")
    address, elsewhere = finds(moussa, enrolled), address_of(desk_of("moussa"), other)
    knows_nothing_of(idi, enrolled, address)
    moussa.click("form[action$='/accept'] button")
    moussa.click("#code summary")
    moussa.select_option("[name=code-code]", "KIT")
    moussa.click("#code form button")
    moussa.wait_for_selector("dd:has-text('KIT · ')")
    finds(signs_in("idi", width=360, height=800), enrolled)
    knows_nothing_of(idi, other, elsewhere)
    for path in ("/desk/broadcasts", "/desk/indicators", "/desk/staff", "/desk/records"):
        assert idi.gets(path).status_code == 404, path


def test_an_administrator_lets_people_in_and_out_and_reads_nothing(opened, dialled, signs_in, desk_of):
    ticket = dialled(a_phone(), *A_THREAT)
    knows_nothing_of(desk_of("issa"), ticket, address_of(desk_of("hadiza"), ticket))
    issa, login = signs_in("issa"), f"zara{random.randrange(1000, 9999)}"

    goes(issa, "/desk/staff/new")
    issa.fill("[name=login]", login)
    issa.fill("[name=name]", f"Zara {login}")
    issa.select_option("[name=role]", "assistant")
    issa.click("form.form button.first")
    zara = begins(opened, signs_in, login, issa.inner_text("code.secret"))
    goes(issa, "/desk/staff")
    issa.click(f"a:text('Zara {login}')")
    issa.wait_for_selector("form[action$='/leave']")
    person = issa.url
    issa.click("form[action$='/reset'] button")
    again = issa.inner_text("code.secret")
    zara.reload()
    zara.wait_for_selector("[name=password]")
    zara = begins(opened, signs_in, login, again)

    issa.goto(person)
    issa.click("form[action$='/leave'] button")
    issa.wait_for_selector("[role=status]")
    zara.reload()
    zara.wait_for_selector("[name=password]")
    token = zara.get_attribute("[name=csrf_token]", "value")
    words = {"csrf_token": token, "login": login, "password": PASSPHRASE}
    assert zara.request.post(zara.url, form=words).status == 403
    goes(issa, "/desk/service")
    issa.wait_for_selector("h1:text('Service')")


def begins(opened, signs_in, login, code):
    """Sets a password with a start code, and signs in with it."""
    page = opened("/desk/start")
    page.fill("[name=login]", login)
    page.fill("[name=start]", code)
    page.fill("[name=password]", PASSPHRASE)
    page.press("[name=password]", "Enter")
    page.wait_for_selector("h1:text-is('Se connecter')")
    return signs_in(login, PASSPHRASE)
