"""The page of one file, made of parts: each a fragment in templates/desk/case and the function that fills it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import render_template

from bot.cases import opening
from bot.desk import (
    presenting_appointments,
    presenting_folder,
    presenting_outreach,
    presenting_people,
    presenting_process,
    reading_people,
)
from bot.desk.case_reading import Part, Reading, ranges
from bot.desk.forms_people import ProofForm
from bot.referrals import access


def page(reading: Reading) -> str:
    """The whole page, part by part."""
    filled = ((name, fill(reading)) for name, fill in PARTS.items())
    return render_template(
        "desk/case.html",
        file=reading.file,
        number=presenting_folder.shown_case(reading.file.number),
        code=reading.code,
        days=opening.START_CODE_DAYS,
        parts={name: part for name, part in filled if part is not None},
        here="desk.cases",
    )


def _stands(reading: Reading) -> Mapping[str, Any]:
    flagged = access.sees_flags(reading.staff)
    known = ranges()
    return {
        "facts": presenting_people.facts_of_file(reading.file, flagged=flagged),
        "late": presenting_process.late(reading.file, known),
        "stale": presenting_process.stale(reading.file, known.today),
    }


def _requests(reading: Reading) -> Mapping[str, Any]:
    found = reading_people.requests_of(reading.session, reading.staff, case_id=reading.file.id)
    return {"requests": [presenting_people.request_line(one) for one in found]}


def _opening(reading: Reading) -> Mapping[str, Any]:
    file, at = reading.file, reading.at
    return {
        "tries": presenting_people.tries(file, at),
        "locked": file.locked_enrolled or file.locked_others,
        "may_open": access.opens_files(reading.staff),
        "form": reading.form(ProofForm, has_phone=file.contact_id is not None),
        "waiting": bool(file.start_code_expires and file.start_code_expires > at and not reading.code),
    }


# in the order of the page; the name is that of its fragment
PARTS: dict[str, Part] = {
    "stands": _stands,
    "moving": presenting_process.moving_part,
    "appointments": presenting_appointments.appointments_part,
    "visits": presenting_process.visits_part,
    "kits": presenting_process.kits_part,
    "together": presenting_process.together_part,
    "reaching": presenting_outreach.reaching_part,
    "requests": _requests,
    "opening": _opening,
    "history": presenting_process.history_part,
}
