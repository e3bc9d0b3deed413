"""Writes docs/access.md from the rules that the desk enforces: `python -m tests.access_page`."""

from flask import Flask

import bot.desk
from bot.config import ROOT
from bot.desk.pages import PAGES, Rule
from bot.referrals import access
from bot.referrals.access import QUEUES, ROLES
from bot.referrals.handing_on import needs
from bot.store.models import Case, Referral, Staff

PAGE = ROOT / "docs" / "access.md"
HERE, THERE = "Zinder", "Tahoua"
OURS, THEIRS = "Taagazt", "Ondes Apil"
HEAD = """# Who sees what

Written by `make access` from the code that enforces it ([pages.py](../bot/desk/pages.py),
[access.py](../bot/referrals/access.py)); a test fails while the two differ, and another walks every page as every role.
Whoever may not see something gets the same answer, after the same work, as for what never was (safety 19).

`yes` · `own`: only what is one's own, or what the tables of queues, needs, files and phones let one see · `no`
"""
QUEUES_HEAD = """
## Queues

A request stands in one queue. `named`: only somebody whose account names the queue. `own`: an assistant of a partner
organisation sees needs of its own cases that concern it, the focal point for data protection questions about one's own
data; a complaint about staff is seen by nobody of the office or of the partner that it is about (safety 18). Offices
narrow it further: who has offices sees those, and what has none. A sealed request is seen by the focal points alone.
"""
NEEDS_HEAD = """
## Needs

Each in the queue that its code leads to, as above. Where a code stands elsewhere, because staff have not moved it yet,
GBV, SEA and SUI are seen by who serves their queue alone, and MED, MHP, CHI, TRF, DET, THR by nobody who is "no" here.
"""
FILES_HEAD = """
## Files and phones

Files are those of one's offices; a partner's, those that it accompanies. A phone is seen by whoever may see one of its
requests or one of its files, and shows those alone.

Communities are those in whose committee one sits, with their groups, proposals and activities; the coordinator sees
those of her offices, but not the words in which somebody proposed something.
"""
PAGES_HEAD = """
## Pages and steps

`open`: also to whoever is not signed in.
"""


def page():
    """The whole page."""
    return f"{HEAD}{_queues()}{_needs()}{_files()}{_pages()}"


def somebody(role, **fields):
    """Somebody of this role at an office, of a partner where the role is one."""
    partner = OURS if role == "partner" else ""
    known = {"id": 1, "login": "x", "role": role, "queues": [], "offices": [HERE], "partner": partner, "active": True}
    return Staff(**(known | fields))


def of_a_queue(role, queue):
    """The cell of the table of queues."""
    usual, named = (_sees(somebody(role, queues=queues), queue, _ordinary(queue)) for queues in ([], list(QUEUES)))
    return usual if usual != "no" else "no" if named == "no" else "named"


def of_a_need(role, code):
    """The cell of the table of needs."""
    usual, named = (_sees(somebody(role, queues=queues), needs()[code].queue, [code]) for queues in ([], list(QUEUES)))
    return usual if usual != "no" else "no" if named == "no" else "named"


def of_a_page(role, rule: Rule):
    """The cell of the table of pages."""
    if not rule.signed_in:
        return "open"
    if not rule.may(somebody(role)):
        return "no"
    return "own" if rule.of else "yes"


def _sees(staff, queue, codes):
    """`yes`: whatever the need, the file and the office it is about; `own`: some of them; `no`: none."""
    cells = [
        access.may_see(
            staff,
            Referral(queue=queue, code=code, sealed=False, office=office, case_id=1),
            case=Case(id=1, office=office, partner=partner),
        )
        for code in codes
        for office in (HERE, THERE)
        for partner in (OURS, THEIRS)
        if office == HERE or queue == "complaints"
    ]
    return "yes" if all(cells) else "own" if any(cells) else "no"


def _ordinary(queue):
    """What stands in a queue: its needs, and what has no code yet."""
    return [None, *(code for code, need in needs().items() if need.queue == queue)]


def _queues():
    return QUEUES_HEAD + _table("queue", [(f"`{one}`", [of_a_queue(role, one) for role in ROLES]) for one in QUEUES])


def _needs():
    rows = [(f"`{code}`", [of_a_need(role, code) for role in ROLES]) for code in sorted(needs())]
    return NEEDS_HEAD + _table("need", rows)


def _files():
    rules = {
        "a file: number, name, stage, appointment": access.sees_files,
        "that a file is flagged": access.sees_flags,
        "start code, lifting a lock": access.opens_files,
        "a phone": access.sees_phones,
    }
    rows = [(what, [_where(rule, role) for role in ROLES]) for what, rule in rules.items()]
    return FILES_HEAD + _table("what", rows)


def _where(rule, role):
    """Files and phones are always those of one's offices, or of one's own cases."""
    return "own" if rule(somebody(role)) else "no"


def _pages():
    desk = _desk()
    rows = [(_addressed(desk, endpoint), [of_a_page(role, rule) for role in ROLES]) for endpoint, rule in PAGES.items()]
    return PAGES_HEAD + _table("page or step", rows)


def _addressed(desk, endpoint):
    """`POST /desk/referrals/<id>/accept`."""
    rules = [rule for rule in desk.url_map.iter_rules() if rule.endpoint == endpoint]
    assert rules, f"{endpoint} stands in bot/desk/pages.py and has no page any more"
    methods = "/".join(sorted({method for rule in rules for method in rule.methods} & {"GET", "POST"}))
    return f"`{methods} {rules[0].rule}`"


def _desk():
    app = Flask("maraba")
    app.register_blueprint(bot.desk.blueprint)
    return app


def _table(first, rows):
    lines = [f"| {first} | " + " | ".join(ROLES) + " |", "| --- |" + " --- |" * len(ROLES)]
    lines += [f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows]
    return "\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
