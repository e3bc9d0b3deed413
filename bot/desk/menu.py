"""Pages beyond the three that everybody has: who sees which in the rail and at the foot."""

from __future__ import annotations

from bot.desk import pages
from bot.desk.words import say
from bot.store.models import Staff


def more_pages(staff: Staff | None) -> list[tuple[str, str, str]]:
    """Endpoint, name and icon; nobody is shown the way to a page that would not open for them."""
    if staff is None:
        return []
    known = (
        ("desk.rota_page", say("Rota"), "calendar"),
        ("desk.indicators", say("Indicators"), "chart"),
        ("desk.messages", say("Messages"), "bubble"),
        ("desk.costs", say("Costs"), "note"),
        ("desk.service", say("Service"), "pulse"),
        ("desk.settings", say("Settings"), "list"),
        ("desk.people", say("Staff"), "person"),
        ("desk.search_records", say("Records"), "search"),
        ("desk.reader_key", say("My key"), "lock"),
        ("desk.account", say("My account"), "lock"),
    )
    return [page for page in known if pages.opens(page[0], staff)]
