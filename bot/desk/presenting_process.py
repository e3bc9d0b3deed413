"""The process on the page of a file, in words: what is proposed, where it may go, its kits and visits, its history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import select

from bot.cases import kits, projects, trainings, visits
from bot.cases import process as moving
from bot.cases.listing import Ranges
from bot.content.process import process as model
from bot.desk.case_reading import Reading
from bot.desk.forms_process import FoundForm, KitForm, MoveForm, PlanForm, ReviewForm
from bot.desk.services import services
from bot.desk.words import dates, process, say, say_many
from bot.desk.words.stages import stage
from bot.engine.files import OLD_AFTER
from bot.referrals import access
from bot.store.ciphers import Unreadable
from bot.store.models import Case, Staff, StageChange, Visit

MOST_MOVES = 30


def late(file: Case, known: Ranges) -> str:
    """`12 days late`, or ""."""
    days = known.late_by(file)
    return say_many("%(count)s day late", "%(count)s days late", days) if days else ""


def stale(file: Case, today: date) -> str:
    """`known on 3 June`, where the last confirmation is old; "" else."""
    if file.known_on is None:
        return ""
    if (today - file.known_on).days <= OLD_AFTER:
        return ""
    return say("known on %(day)s", day=dates.long_date(file.known_on))


def moving_part(reading: Reading) -> Mapping[str, Any] | None:
    """Proposals, the next stages as buttons, everything else as a form."""
    file, staff, today = reading.file, reading.staff, dates.local(reading.at).date()
    if not access.moves_files(staff):
        return None
    offered = moving.may_move(file, staff, today=today)
    form = reading.form(MoveForm, offered=offered, here=file.stage)
    follows = _name(reading, file.assistant_id)
    rule = model().rule(file.stage)
    told = say("%(who)s told the person on %(day)s.", who=_name(reading, file.told_by), day=_day_of(file.told_at))
    return {
        "simple": [(one.to, stage(one.to)) for one in offered if _simple(one)],
        "form": form if offered else None,
        "proposals": [_proposal(reading, one) for one in moving.proposals(reading.session, file)],
        "to_tell": rule.told and not file.told_by_person,
        "told": told if rule.told and file.told_at else "",
        "review": reading.form(ReviewForm) if rule.review_days and staff.role in rule.by else None,
        "follows": follows,
        "mine": file.assistant_id == staff.id,
    }


def history_part(reading: Reading) -> Mapping[str, Any]:
    """Every move, the latest first. Why is not for partners: it may be an illness."""
    why = access.moves_files(reading.staff) or access.sees_flags(reading.staff)
    wanted = select(StageChange).where(StageChange.case_id == reading.file.id).order_by(StageChange.id.desc())
    found = list(reading.session.scalars(wanted.limit(MOST_MOVES)))
    return {"moves": [_move(reading, one, why=why) for one in found]}


def kits_part(reading: Reading) -> Mapping[str, Any]:
    """What was ordered, and what became of it."""
    may = access.moves_files(reading.staff)
    return {
        "kits": [
            {
                "id": one.id, "kind": process.named(one.kind), "items": one.items, "ordered": dates.short_date(one.ordered_on),
                "expected": dates.short_date(one.expected_on) if one.expected_on else "",
                "arrived": dates.short_date(one.arrived_on) if one.arrived_on else "",
                "collected": dates.short_date(one.collected_on) if one.collected_on else "",
                "fault": process.fault(one.fault) if one.fault else "",
                "faults": [(code, process.fault(code)) for code in kits.FAULTS if code != one.fault],
            }
            for one in kits.of_case(reading.session, reading.file)
        ],
        "form": reading.form(KitForm) if may else None,
    }  # fmt: skip


def visits_part(reading: Reading) -> Mapping[str, Any]:
    """What was planned, and what was found."""
    may, today = access.notes_progress(reading.staff), dates.local(reading.at).date()
    found = visits.of_case(reading.session, reading.file)
    open_one = next((one for one in reversed(found) if one.done_on is None), None)
    return {
        "visits": [_visit(reading, one, today) for one in found],
        "form": reading.form(PlanForm) if may else None,
        "open": open_one.id if may and open_one is not None else None,
        "found": reading.form(FoundForm, data={"day": today, "way": open_one.way}) if may and open_one else None,
    }


def together_part(reading: Reading) -> Mapping[str, Any] | None:
    """The project and the trainings of the file; None where there is neither."""
    project = projects.of_case(reading.session, reading.file)
    seen = project is not None and projects.found(reading.session, project[0].id, reading.staff) is not None
    found = [
        (one.id if trainings.found(reading.session, one.id, reading.staff) else None, training_line(one, row.completed))
        for one, row in trainings.of_case(reading.session, reading.file)
    ]
    if project is None and not found:
        return None
    return {
        "project": project[0] if project else None,
        "role": process.role(project[1].role) if project else "",
        "seen": seen,
        "trainings": found,
    }


def training_line(training: Any, completed: bool | None) -> str:
    """`raising animals, Zinder, 12/11 – 20/11, ended`."""
    words = {True: say("ended it"), False: say("did not end it"), None: ""}
    span = f"{dates.short_date(training.starts_on)} – {dates.short_date(training.ends_on)}"
    return ", ".join(filter(None, (process.named(training.kind), training.place, span, words[completed])))


def _simple(choice: moving.Choice) -> bool:
    """Nothing is asked for it: one button."""
    asks = choice.reasons or choice.note or choice.consent or choice.latest_review
    return not (asks or choice.final or choice.proposes)


def _proposal(reading: Reading, one: Any) -> dict[str, Any]:
    return {
        "id": one.id,
        "to": stage(one.to_stage),
        "why": ", ".join(filter(None, (process.proposed(one.why), process.reason(one.reason)))),
        "by": _name(reading, one.staff_id),
        "may": moving.may_settle(reading.file, one, reading.staff),
        "own": one.staff_id == reading.staff.id,
        "note": _note(reading, one.note_enc, f"stage_changes|{reading.file.id}|note"),
    }


def _move(reading: Reading, one: StageChange, *, why: bool) -> dict[str, str]:
    kind, _, of = one.by.partition(":")
    return {
        "when": dates.day_and_hour(one.at, reading.at),
        "text": say("%(before)s → %(after)s", before=stage(one.from_stage), after=stage(one.to_stage)),
        "by": _name(reading, int(of)) if kind == "staff" and of.isdigit() else process.mover(kind),
        "why": process.reason(one.reason) if why and one.reason else "",
        "note": _note(reading, one.note_enc, f"stage_changes|{reading.file.id}|note") if why else "",
    }


def _visit(reading: Reading, one: Visit, today: date) -> dict[str, Any]:
    return {
        "day": dates.short_date(one.done_on or one.planned_on),
        "way": process.way(one.way),
        "done": one.done_on is not None,
        "late": one.done_on is None and one.planned_on < today,
        "by": _name(reading, one.done_by),
        "findings": ", ".join(process.finding(code) for code in one.findings),
        "note": _note(reading, one.note_enc, f"visits|{reading.file.id}|note"),
    }


def _note(reading: Reading, kept: bytes | None, place: str) -> str:
    try:
        return services().ciphers.decrypt(kept, place.encode()).decode() if kept else ""
    except Unreadable:
        return say("No key opens this note.")


def _name(reading: Reading, staff_id: int | None) -> str:
    staff = reading.session.get(Staff, staff_id) if staff_id is not None else None
    return staff.name if staff is not None else ""


def _day_of(at: Any) -> str:
    return dates.short_date(dates.local(at).date()) if at else ""
