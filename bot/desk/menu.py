"""Pages beyond the three that everybody has: who sees which in the rail and at the foot."""

from __future__ import annotations

from bot.desk.words import say
from bot.referrals import access
from bot.store.models import Staff


def more_pages(staff: Staff | None) -> list[tuple[str, str, str]]:
    """Endpoint, name and icon; nobody is shown the way to a page that would not open for them."""
    if staff is None:
        return []
    pages = []
    if access.reads_messages(staff):
        pages.append(("desk.messages", say("Messages"), "bubble"))
    if access.runs_the_line(staff):
        pages.append(("desk.costs", say("Costs"), "chart"))
    if access.manages_staff(staff):
        pages.append(("desk.people", say("Staff"), "person"))
    if access.searches_records(staff):
        pages.append(("desk.search_records", say("Records"), "search"))
    pages.append(("desk.account", say("My account"), "lock"))
    return pages
