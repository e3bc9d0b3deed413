"""Imports and exports in words: the columns of a file, how far an import is, why a line is not taken."""

from __future__ import annotations

from bot.desk.words import mark, say
from bot.desk.words.process import finding, way
from bot.desk.words.stages import stage

# What bot.cases.reading, bot.cases.importing and bot.data.sheets say of lines and files, for the catalogue
FAULTS = (
    mark("a day is to come, or out of order"),
    mark("has characters that can't be shown"),
    mark("has no day of arrival before it"),
    mark("has fewer fields than the header"),
    mark("is before opened_on"),
    mark("is too early: a coordinator finalises this file at the desk and says why"),
    mark("is empty"),
    mark("is empty; %(detail)s needs the stage that it returns to"),
    mark("is empty; one of %(detail)s"),
    mark("is in the future"),
    mark("is longer than %(detail)s characters"),
    mark("is not 9 digits"),
    mark("is not a day as 2026-11-21"),
    mark("is not a mobile number"),
    mark("is not a year from 1900 to %(detail)s"),
    mark("is not between 2000 and 2100"),
    mark("is not in the file, and the case is new"),
    mark("is not one of yours"),
    mark("is not yours to write"),
    mark("is on line %(detail)s already"),
    mark("is on line %(detail)s too; write phone_shared yes on both lines"),
    mark("is unknown; one of %(detail)s"),
    mark("its check digit is wrong: a digit was mistyped"),
    mark("no place is free in this training"),
    mark("no training of this type begins there that day"),
    mark("not UTF-8; save the file as CSV UTF-8"),
    mark("quotes are not closed; the rest is not read"),
    mark("two trainings of this type begin there that day"),
    mark("can't be read as a spreadsheet; the rest is not read"),
)
FILE_FAULTS = (
    mark("%(name)s broke off again and again; the operator finds why in the log. What it did so far can be undone"),
    mark("%(name)s can't be read as a spreadsheet; open it, and save it as XLSX again"),
    mark("%(name)s has not the columns that its mapping names"),
    mark("%(name)s has too many columns"),
    mark("%(name)s is UTF-16; save it as CSV UTF-8"),
    mark("%(name)s is an old spreadsheet; save it as XLSX or as CSV UTF-8"),
    mark("%(name)s is empty; its first line must name the columns"),
    mark("%(name)s is gone; bring it again"),
    mark("%(name)s unpacks to too much; save it as CSV UTF-8"),
    mark("%(name)s: no column holds the case number"),
    mark("%(name)s: the quotes of its first line are not closed"),
)


def holds(code: str) -> str:
    """What a file holds."""
    return {
        "cases": say("cases"),
        "attendance": say("who was at a training"),
        "kits": say("kits"),
        "visits": say("visits and calls"),
    }[code]


def column(name: str) -> str:
    """A column of ours; "" is the whole line."""
    return {
        "": say("whole line"),
        "case_number": say("Case number"),
        "name": say("Name"),
        "sex": say("Sex"),
        "phone": say("Phone"),
        "phone_shared": say("Shared phone"),
        "language": say("Language"),
        "region": say("Region"),
        "department": say("Department"),
        "office": say("Office"),
        "partner": say("Partner"),
        "project_type": say("Type of project"),
        "training_type": say("Type of training"),
        "assistance_type": say("Type of assistance"),
        "stage": say("Stage"),
        "resume_stage": say("Stage to return to"),
        "opened_on": say("Opened on"),
        "stage_since": say("In this stage since"),
        "next_appointment": say("Next appointment"),
        "appointment_place": say("Place of the appointment"),
        "year_of_birth": say("Year of birth"),
        "vulnerability_flag": say("Vulnerability"),
        "place": say("Place"),
        "starts_on": say("First day of the training"),
        "day": say("Day"),
        "present": say("Present"),
        "kit_type": say("Type of kit"),
        "items": say("Items"),
        "ordered_on": say("Ordered on"),
        "expected_on": say("Expected on"),
        "arrived_on": say("Arrived on"),
        "collected_on": say("Collected on"),
        "way": say("Visit or call"),
        "finding": say("Finding"),
    }[name]


def value(name: str, code: str) -> str:
    """A word of ours in a column of few words."""
    if name in ("stage", "resume_stage"):
        return stage(code) if code else say("none")
    if name in ("finding", "way"):
        return finding(code) if name == "finding" else way(code)
    words = {
        "M": say("man"), "F": say("woman"), "yes": say("yes"), "no": say("no"), "": say("none"), "none": say("none"),
        "fr": say("French"), "ha": say("Hausa"), "en": say("English"), "dje": say("Zarma"), "tmh": say("Tamasheq"),
        "ff": say("Fulfulde"), "kr": say("Kanuri"), "ar": say("Arabic"), "individual": say("individual"),
        "collective": say("collective"), "community": say("community project"), "standard": say("standard"),
        "protection": say("protection (start code only)"),
    }  # fmt: skip
    return words.get(code, code)


def fault(said: str, detail: str) -> str:
    """Why a line is not taken."""
    return say(said, detail=detail) if detail else say(said)


def state(code: str) -> str:
    """How far an import is."""
    return {
        "uploaded": say("columns to confirm"),
        "checking": say("being checked"),
        "checked": say("checked, nothing written yet"),
        "running": say("being imported"),
        "done": say("imported"),
        "undoing": say("being undone"),
        "undone": say("undone"),
        "failed": say("could not be read"),
        "dropped": say("dropped"),
    }[code]
