"""Pages beyond the three that everybody has, in three groups: who sees which in the rail and at the foot."""

from __future__ import annotations

from dataclasses import dataclass

from bot.desk import pages
from bot.desk.words import say
from bot.store.models import Staff

Page = tuple[str, str]  # endpoint and name


@dataclass(frozen=True, slots=True)
class Group:
    """Pages for one part of the work, under one name and icon."""

    name: str
    icon: str
    pages: tuple[Page, ...]

    def holds(self, endpoint: str) -> bool:
        """Is this page one of them?"""
        return endpoint in (page[0] for page in self.pages)


def groups(staff: Staff | None) -> list[Group]:
    """What this person may open; nobody is shown the way to a page that would not open for them."""
    if staff is None:
        return []
    known = (
        Group(say("Programme"), "list", _programme()),
        Group(say("Line"), "pulse", _line()),
        Group(say("Me"), "person", _me()),
    )
    seen = (
        Group(group.name, group.icon, tuple(page for page in group.pages if pages.opens(page[0], staff)))
        for group in known
    )
    return [group for group in seen if group.pages]


def _programme() -> tuple[Page, ...]:
    """Files and what the programme does with people; one line for each page."""
    return (
        ("desk.cases", say("Files")),
        ("desk.appointment_list", say("Appointments")),
        ("desk.place_list", say("Meeting places")),
        ("desk.project_list", say("Projects")),
        ("desk.training_list", say("Trainings")),
        ("desk.partners", say("Partners")),
        ("desk.outreach", say("Outreach")),
        ("desk.broadcasts", say("Broadcasts")),
        ("desk.communities", say("Communities")),
        ("desk.milestones", say("Milestones")),
        ("desk.data_page", say("Data")),
    )


def _line() -> tuple[Page, ...]:
    """How the line itself is served and runs."""
    return (
        ("desk.rota_page", say("Rota")),
        ("desk.indicators", say("Indicators")),
        ("desk.messages", say("Messages")),
        ("desk.costs", say("Costs")),
        ("desk.service", say("Service")),
        ("desk.settings", say("Settings")),
        ("desk.people", say("Staff")),
        ("desk.token_page", say("Keys of other systems")),
        ("desk.search_records", say("Records")),
    )


def _me() -> tuple[Page, ...]:
    return (
        ("desk.reader_key", say("My key")),
        ("desk.account", say("My account")),
    )
