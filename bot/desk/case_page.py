"""The page of one file, made of parts: each a fragment in templates/desk/case and the function that fills it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from flask import render_template
from sqlalchemy.orm import Session

from bot.cases import opening
from bot.desk import presenting_folder, presenting_people, reading_people
from bot.desk.forms import DeskForm
from bot.desk.forms_people import ProofForm
from bot.referrals import access
from bot.store.models import Case, Staff

Form = TypeVar("Form", bound=DeskForm)


@dataclass(frozen=True, slots=True)
class Reading:
    """A file in front of somebody who may read it (`access.visible_files` was asked)."""

    session: Session
    staff: Staff
    file: Case
    at: datetime
    forms: Mapping[type[DeskForm], DeskForm] = field(default_factory=dict)  # sent and refused: shown with their errors
    code: str = ""  # a start code, shown this once

    def form(self, kind: type[Form], **given: Any) -> Form:
        """The form that was sent and refused, else a new one."""
        sent = self.forms.get(kind)
        return sent if isinstance(sent, kind) else kind(**given)


Part = Callable[[Reading], Mapping[str, Any] | None]  # what its fragment reads as `part`; None: not for this reader


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
        here="desk.find",
    )


def _stands(reading: Reading) -> Mapping[str, Any]:
    flagged = access.sees_flags(reading.staff)
    return {"facts": presenting_people.facts_of_file(reading.file, flagged=flagged)}


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
    "requests": _requests,
    "opening": _opening,
}
