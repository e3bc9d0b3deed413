"""Files in and out: imports with their columns, check, progress and undo; exports of what the reader may see."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.data import exports, runs, sheets
from bot.data.holdings import CHOICES
from bot.data.mapping import ColumnMap
from bot.data.sheets import SheetError
from bot.desk import pages, presenting_data
from bot.desk.blueprint import blueprint
from bot.desk.forms_data import BringForm, ExportForm, SaveForm, chosen
from bot.desk.services import now, services
from bot.desk.sign_in import known_reader, reader
from bot.desk.words import data, dates, say
from bot.errors import CaseError
from bot.referrals.access import brings_files, visible_files
from bot.store.models import Case, ImportRun, Staff

SHOWN = 200  # faults on the page; the file has all of them
REFRESH = 3  # seconds
FORM_PARTS = 100_000  # bytes of a request beside its file


@blueprint.url_value_preprocessor
def allow_a_file(endpoint: str | None, _values: dict[str, object] | None) -> None:
    """A file of cases is larger than any other request; only for who may bring one."""
    if endpoint == "desk.bring_file" and pages.opens(endpoint, known_reader()):
        request.max_content_length = runs.LARGEST + FORM_PARTS


@blueprint.get("/data")
def data_page() -> ResponseReturnValue:
    """What came in, and the way out."""
    return _data()


@blueprint.post("/data/imports")
def bring_file() -> ResponseReturnValue:
    """Take a file in; its columns come next."""
    with services().database.transaction() as session:
        form = BringForm([one.name for one in runs.mappings(session)])
    if not form.validate_on_submit():
        return _data(bring=form), 422
    file = form.file.data
    with file.stream:
        content = file.read()
    try:
        with services().database.transaction() as session:
            run = runs.bring(
                session, (file.filename or "file").replace("\x00", ""), content, staff=reader(),
                ciphers=services().ciphers, now=now(), kept=form.mapping.data, holds=form.holds.data,
            )  # fmt: skip
            return redirect(url_for("desk.data_import", run_id=run.id), 303)
    except SheetError as error:
        form.file.errors = [say(error.said, name=file.filename or "")]
        return _data(bring=form), 422


@blueprint.get("/data/imports/<int:run_id>")
def data_import(run_id: int) -> ResponseReturnValue:
    """One import: its columns, how far it is, what is wrong, what may be done."""
    with services().database.transaction() as session:
        run = _held(session, run_id)
        view = presenting_data.run(run, _name(session, run.staff_id), now())
        faults = [(one.line, data.column(one.column), data.fault(one.said, one.detail))
                  for one in runs.faults(session, run, most=SHOWN)]  # fmt: skip
        left = runs.left(session, run, most=SHOWN)
        mapping, headings, words = ColumnMap.of(run.mapping), [], {}
        if run.state == "uploaded":
            file = runs.content(session, run, services().ciphers)
            headings = sheets.of_bytes(file, run.file_name).headings
            words = runs.words_of(file, run.file_name, {k: v for k, v in mapping.columns.items() if k in CHOICES})
        form = SaveForm(run.mapping_name)
    return render_template(
        "desk/data_import.html", run=view, of_cases=run.holds == "cases", faults=faults, left=left, form=form, headings=headings, refresh=REFRESH,
        columns=presenting_data.columns(run.holds, mapping, words),
        missing=presenting_data.missing(run.holds, mapping), here="desk.data_page",
    )  # fmt: skip


@blueprint.post("/data/imports/<int:run_id>/columns")
def understand_file(run_id: int) -> ResponseReturnValue:
    """Keep what the columns mean; then look at the words again, or have the file checked."""
    form = SaveForm()
    if not form.validate_on_submit():
        abort(400)
    try:
        with services().database.transaction() as session:
            run = _held(session, run_id)
            file = runs.content(session, run, services().ciphers)
            mapping = chosen(request.form.to_dict(flat=False), sheets.of_bytes(file, run.file_name).headings)
            name = (form.name.data or "").strip()
            runs.understand(session, run, mapping, save_as=name, staff=reader(), now=now())
            if request.form.get("then") == "check":
                runs.order(session, run, "checking", staff=reader(), now=now())
    except CaseError:
        flash(say("This step is not possible any more"))
    services().wake("work_on_imports")
    return redirect(url_for("desk.data_import", run_id=run_id), 303)


@blueprint.post("/data/imports/<int:run_id>/order")
def order_import(run_id: int) -> ResponseReturnValue:
    """Import it, undo it, drop it, or go back to its columns; twice is once."""
    wished = request.form.get("order", "")
    if wished not in ("running", "undoing", "dropped", "uploaded"):
        abort(400)
    try:
        with services().database.transaction() as session:
            run = _held(session, run_id)
            if wished == "uploaded":
                runs.understand(
                    session, run, ColumnMap.of(run.mapping), save_as=run.mapping_name, staff=reader(), now=now()
                )
            else:
                runs.order(session, run, wished, staff=reader(), now=now())
    except CaseError:
        flash(say("This step is not possible any more"))
    services().wake("work_on_imports")
    return redirect(url_for("desk.data_import", run_id=run_id), 303)


@blueprint.get("/data/imports/<int:run_id>/faults.csv")
def import_faults(run_id: int) -> ResponseReturnValue:
    """Every fault with line, column and reason: may be sent on, for it holds nothing of a person."""
    kept = io.StringIO()
    kept.write("\ufeff")
    writer = csv.writer(kept)
    writer.writerow([say("Line"), say("Column"), say("Reason")])
    with services().database.transaction() as session:
        for one in runs.faults(session, _held(session, run_id)):
            writer.writerow([one.line, data.column(one.column), exports.guarded(data.fault(one.said, one.detail))])
    return _file(Response(kept.getvalue(), mimetype="text/csv"), f"faults-{run_id}.csv")


@blueprint.post("/data/export")
def export_files() -> ResponseReturnValue:
    """The files that the reader may see, as a file."""
    staff = reader()
    with services().database.transaction() as session:
        form = ExportForm(_offices(session, staff))
    if not form.validate_on_submit():
        return _data(out=form), 422
    wish = exports.Wish(form.reason.data.strip(), form.phones.data, form.office.data, form.stage.data)
    workbook = form.kind.data == "xlsx"
    try:
        with services().database.transaction() as session:
            exports.prepare(session, staff, wish, workbook=workbook, at=now())
    except CaseError:
        form.kind.errors = [say("Too many for XLSX: choose CSV, or one office or stage.")]
        return _data(out=form), 422
    database, ciphers = services().database, services().ciphers
    name = f"cases-{dates.local(now()).date().isoformat()}"
    if workbook:
        with database.transaction() as session:
            packed = exports.as_workbook(exports.lines(session, staff, wish, ciphers=ciphers))
        kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        return _file(Response(packed, mimetype=kind), f"{name}.xlsx")

    def written() -> Iterator[bytes]:
        with database.transaction() as session:
            yield from exports.as_csv(exports.lines(session, staff, wish, ciphers=ciphers))

    return _file(Response(written(), mimetype="text/csv"), f"{name}.csv")


def _data(*, bring: BringForm | None = None, out: ExportForm | None = None) -> str:
    staff = reader()
    with services().database.transaction() as session:
        brings = brings_files(staff)
        found = [(one, _name(session, one.staff_id)) for one in runs.latest(session, staff)] if brings else []
        bring = bring or BringForm([one.name for one in runs.mappings(session)])
        out = out or ExportForm(_offices(session, staff))
    return render_template(
        "desk/data.html", bring=bring if brings else None, out=out, phones=staff.role != "partner",
        imports=[presenting_data.run(one, who, now()) for one, who in found], here="desk.data_page",
    )  # fmt: skip


def _held(session: Session, run_id: int) -> ImportRun:
    try:
        return runs.held(session, run_id, reader())
    except CaseError:
        abort(404)


def _name(session: Session, staff_id: int | None) -> str:
    staff = session.get(Staff, staff_id) if staff_id is not None else None
    return staff.name if staff else ""


def _offices(session: Session, staff: Staff) -> list[str]:
    return list(session.scalars(select(Case.office).where(visible_files(staff)).distinct().order_by(Case.office)))


def _file(response: Response, name: str) -> Response:
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
