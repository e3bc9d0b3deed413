"""Projects: the list, one of them with its members, moving it as one."""

from __future__ import annotations

import re

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.cases import listing, projects, stages
from bot.cases.process import Wish
from bot.cases.projects import Moved
from bot.desk import presenting_folder
from bot.desk.blueprint import blueprint
from bot.desk.case_steps import mover
from bot.desk.forms import DeskForm
from bot.desk.forms_process import MemberForm, MoveAllForm, ProjectForm
from bot.desk.services import services
from bot.desk.sign_in import reader
from bot.desk.words import dates, process, say, say_many
from bot.desk.words.stages import stage
from bot.errors import CaseError
from bot.referrals import access
from bot.store.models import Case, Project, ProjectMember

MOST = 200


@blueprint.route("/projects", methods=["GET", "POST"])
def project_list() -> ResponseReturnValue:
    """Projects of this reader, and a form for a new one."""
    staff = reader()
    with services().database.transaction() as session:
        form = _form(session)
        if form is not None and form.is_submitted() and form.validate():
            made = projects.add(session, form.new(), mover())
            flash(say("The project is there. Add its members."))
            return redirect(url_for("desk.project", project_id=made.id), 303)
        wanted = select(Project).where(access.visible_places(staff, Project)).order_by(Project.name, Project.id)
        lines = [_line(one) for one in session.scalars(wanted.limit(MOST))]
    status = 422 if form is not None and form.errors else 200
    return render_template("desk/projects.html", lines=lines, form=form, here="desk.project_list"), status


@blueprint.get("/projects/<int:project_id>")
def project(project_id: int) -> ResponseReturnValue:
    """One project: where it stands, who belongs to it."""
    with services().database.transaction() as session:
        return _page(session, project_id)


@blueprint.post("/projects/<int:project_id>/members")
def add_member(project_id: int) -> ResponseReturnValue:
    """Somebody joins: by file number, or a neighbour by name."""
    form = MemberForm(region=services().settings.default_region)
    if not form.validate():
        return _again(project_id, form)
    by, number = mover(), re.sub(r"\D", "", form.number.data or "")
    try:
        with services().database.transaction() as session:
            if number:
                projects.join(session, project_id, number, form.role.data, by)
            else:
                projects.join_neighbour(session, project_id, form.name.data.strip(), form.e164, form.role.data, by)
    except CaseError as error:
        _refused(error)
        form.number.errors = [process.WHY_NOT[str(error)]]
        return _again(project_id, form)
    flash(say("Added."))
    return redirect(url_for("desk.project", project_id=project_id), 303)


@blueprint.post("/projects/<int:project_id>/members/<int:member_id>/leave")
def drop_member(project_id: int, member_id: int) -> ResponseReturnValue:
    """Somebody leaves; their file stays as it is."""
    try:
        with services().database.transaction() as session:
            projects.leave(session, project_id, member_id, mover())
    except CaseError as error:
        _refused(error)
    flash(say("Taken out. The file stays as it is."))
    return redirect(url_for("desk.project", project_id=project_id), 303)


@blueprint.post("/projects/<int:project_id>/move")
def move_project(project_id: int) -> ResponseReturnValue:
    """All members together; who does not fit is listed."""
    with services().database.transaction() as session:
        found = _found(session, project_id)
        form, stands = MoveAllForm(projects.may_move(found, reader())), found.stage
    if form.seen.data == stands and not form.validate():
        return _again(project_id, form)
    try:
        with services().database.transaction() as session:
            wish = Wish(form.to.data, form.seen.data or "", note=form.note.data or "")
            moved = projects.move_all(session, project_id, wish, mover())
            said = _moved(moved)
    except CaseError as error:
        _refused(error)
        said = [process.why_not(str(error))]
    for words in said:
        flash(words)
    return redirect(url_for("desk.project", project_id=project_id), 303)


def _page(session: Session, project_id: int, *sent: DeskForm) -> str:
    staff = reader()
    found = _found(session, project_id)
    forms = {type(one): one for one in sent}
    offered = projects.may_move(found, staff)
    may = access.moves_files(staff)
    return render_template(
        "desk/project.html", project=found, line=_line(found),
        members=[_member(*one) for one in projects.members(session, found)],
        member_form=forms.get(MemberForm) or MemberForm(region=services().settings.default_region) if may else None,
        move_form=forms.get(MoveAllForm) or MoveAllForm(offered, found.stage) if offered else None,
        here="desk.project_list",
    )  # fmt: skip


def _again(project_id: int, *sent: DeskForm) -> ResponseReturnValue:
    with services().database.transaction() as session:
        return _page(session, project_id, *sent), 422


def _found(session: Session, project_id: int) -> Project:
    found = projects.found(session, project_id, reader())
    if found is None:
        abort(404)
    return found


def _refused(error: CaseError) -> None:
    if str(error) == "not_found":
        abort(404)


def _form(session: Session) -> ProjectForm | None:
    staff = reader()
    if not access.moves_files(staff):
        return None
    offices, partners = listing.choices(session, staff)
    return ProjectForm(sorted({*offices, *staff.offices}), partners, stages.MAIN)


def _line(found: Project) -> dict[str, object]:
    return {
        "id": found.id, "name": found.name, "kind": process.kind(found.kind), "activity": found.activity,
        "place": found.department, "office": found.office, "partner": found.partner, "stage": stage(found.stage),
        "since": dates.short_date(found.stage_since),
    }  # fmt: skip


def _member(member: ProjectMember, case: Case | None) -> dict[str, object]:
    """A file that this reader may not read shows that there is one, and nothing of whose."""
    seen = case is not None and access.may_read(reader(), case)
    return {
        "id": member.id,
        "role": process.role(member.role),
        "name": member.name or (_called(case) if case is not None else ""),
        "case": case.id if case is not None and seen else None,
        "number": presenting_folder.shown_case(case.number) if case is not None and seen else "",
        "stage": stage(case.stage) if case is not None and seen else "",
        "neighbour": case is None,
        "phone": member.contact_id is not None,
    }


def _moved(moved: Moved) -> list[str]:
    said = [say_many("%(count)s file moved.", "%(count)s files moved.", moved.files)]
    return said + [
        say("%(name)s stays: %(why)s", name=_called(case), why=process.why_not(why)) for case, why in moved.apart
    ]


def _called(case: Case) -> str:
    """The name, for who may read the file."""
    return case.name if access.may_read(reader(), case) else say("a file of another office")
