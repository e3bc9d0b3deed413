"""Every page and step as every role, for a request of every queue: the table of docs/access.md, walked."""

import re

import pytest
from werkzeug.routing import BuildError

from bot.desk.pages import PAGES
from bot.referrals import access
from bot.referrals.access import QUEUES, ROLES
from bot.store.models import Case, Referral, Staff
from tests import access_page

LAST = ("desk.end_everywhere", "desk.sign_out")  # they end the walk
NEEDS_MORE = {
    "desk.open_voice",
    "desk.play_voice",
    "desk.undo",
    "desk.open_sealed",
}  # 404 also where the request holds none, as any
# step on one of its texts, reminders or consents
NEVER = {"string": "0" * 32, "default": "0" * 32, "int": 2_000_000_000}


def test_the_page_is_current():
    assert access_page.PAGE.read_text(encoding="utf-8") == access_page.page(), "run `make access`"


def test_every_page_has_a_rule(app):
    pages = {rule.endpoint for rule in app.url_map.iter_rules() if rule.endpoint.startswith("desk.")}
    assert pages == set(PAGES), "say in bot/desk/pages.py who may open it, then `make access`"


def test_a_page_without_a_rule_opens_for_nobody(app, hadiza, monkeypatch):
    monkeypatch.delitem(PAGES, "desk.today")
    assert hadiza.get("/desk/").status_code == 404


@pytest.fixture
def requests(opened, database):
    """A request in each queue, all of one phone; the one of assistance is a kit of a partner's case."""
    with database.transaction() as session:
        case = Case(
            number="482719368", name="Salifou", sex="M", language="ha", region="Zinder", department="Mirriah",
            office="Zinder", partner="Taagazt", stage="TRAINING", opened_on="2026-05-01", stage_since="2026-09-01",
        )  # fmt: skip
        session.add(case)
        session.flush()
        case_id = case.id
    found = {}
    for place, queue in enumerate(QUEUES):
        of_case = {"code": "KIT", "case_id": case_id} if queue == "assistance" else {}
        found[queue] = opened(f"{1_000_000 + place}", queue=queue, **of_case)
    return found


class Walker:
    """Somebody of one role, who tries every door."""

    def __init__(self, app, reader):
        self.map, self.reader = app.url_map, reader
        self.csrf = reader.token("/desk/find")

    def addresses(self, endpoint, **known):
        """Method and path of each way into a page; what is not `known` is something that never was."""
        for rule in self.map.iter_rules(endpoint):
            values = {name: known.get(name, self._never(rule, name)) for name in rule.arguments}
            _, path = rule.build(values) or pytest.fail(str(BuildError(endpoint, values, None)))
            for method in sorted(rule.methods & {"GET", "POST"}):
                yield method, path

    def names(self, endpoint, argument):
        """Does one of its addresses name this?"""
        return any(argument in rule.arguments for rule in self.map.iter_rules(endpoint))

    def wants_more(self, endpoint):
        """Does it name something of the request besides the request itself?"""
        return any(rule.arguments > {"referral_id"} for rule in self.map.iter_rules(endpoint))

    def tries(self, method, path):
        fields = {"data": {"csrf_token": self.csrf}} if method == "POST" else {}
        return self.reader.client.open(path, method=method, **fields)

    @staticmethod
    def _never(rule, name):
        return NEVER["int"] if type(rule._converters[name]).__name__ == "IntegerConverter" else NEVER["string"]


@pytest.fixture
def walker(app, database, signed_in, password_hash, request):
    """Of the role that a test is given."""
    role = request.param
    with database.transaction() as session:
        session.add(
            Staff(
                login="walker", name="Walker", role=role, password_hash=password_hash, language="fr",
                partner="Taagazt" if role == "partner" else "",
            )
        )  # fmt: skip
    return role, Walker(app, signed_in("walker"))


def words(answer, *ids):
    """The page without what differs for the same reader: tokens, and the id that was asked for."""
    text = re.sub(r'(name="csrf_token" value=")[^"]+', r"\1", answer.text)
    for one in ids:
        text = text.replace(str(one), "ID")
    return text


def spare(database, endpoint):
    """Somebody of the staff for this step alone: what it does to them must not change what the next one answers."""
    with database.transaction() as session:
        one = Staff(login=f"s{endpoint[5:]}".replace("_", "-"), name="Spare", role="assistant", language="fr")
        session.add(one)
        session.flush()
        return one.id


def tried(place, seen, *, enters):
    """The queues to try at one of the pages, those that are seen last: a step that was taken leaves a word for the next.

    Every one that must not be seen; of those that are seen, which cost a page each, every one at the first page and then
    one in turn; for whom the page never opens, one in turn.
    """
    if not enters:
        return [QUEUES[place % len(QUEUES)]]
    shown = [one for one in QUEUES if one in seen]
    hidden = [one for one in QUEUES if one not in seen]
    return hidden + (shown[place % len(shown) :][:1] if place and shown else shown)


@pytest.mark.parametrize("walker", ROLES, indirect=True)
def test_doors_open_for_whom_the_table_says(database, walker):
    role, walks = walker
    ordered = [one for one in PAGES if one not in LAST] + list(LAST)
    for endpoint in ordered:
        rule = PAGES[endpoint]
        if not rule.signed_in or "filename" in str(endpoint):
            continue
        known = {"staff_id": spare(database, endpoint)} if walks.names(endpoint, "staff_id") else {}
        cell = access_page.of_a_page(role, rule)
        for method, path in walks.addresses(endpoint, **known):
            status = walks.tries(method, path).status_code
            if cell == "no":
                assert status == 404, (endpoint, method)
            elif cell == "yes":
                assert status < 400 or status == 422, (endpoint, method, status)


@pytest.mark.parametrize("walker", ROLES, indirect=True)
def test_a_request_that_must_not_be_seen_is_one_that_never_was(database, requests, walker):
    """For each queue and step: the page, or the very bytes of an unknown number (safety 19)."""
    _, walks = walker
    with database.transaction() as session:
        staff = session.query(Staff).filter_by(login="walker").one()
        rows = {one.queue: one for one in session.query(Referral)}
        case = session.query(Case).one()
    seen = {q for q, one in rows.items() if access.may_see(staff, one, case=case if one.case_id else None)}
    pages = [one for one, rule in PAGES.items() if rule.of == "requests"]
    for number, endpoint in enumerate(sorted(pages, key="desk.referral".__ne__)):
        enters = PAGES[endpoint].may(staff)
        open_to = seen if enters else frozenset()
        never = [words(walks.tries(*way), NEVER["string"]) for way in walks.addresses(endpoint)]
        for queue in tried(number, seen, enters=enters):
            for place, way in enumerate(walks.addresses(endpoint, referral_id=requests[queue])):
                answer = walks.tries(*way)
                if queue not in open_to:
                    assert answer.status_code == 404, (endpoint, queue)
                    assert words(answer, requests[queue]) == never[place], (endpoint, queue)
                elif endpoint not in NEEDS_MORE and not walks.wants_more(endpoint):
                    assert answer.status_code != 404, (endpoint, queue)
        walks.reader.get("/desk/find")
