"""Who may move a file where, and the move: flows/process.yaml as rules. Source: the state model of the domain rules."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.cases import stages
from bot.content.process import StageRule, process
from bot.errors import CaseError
from bot.referrals import access
from bot.referrals.undoing import WITHIN
from bot.store.ciphers import Ciphers
from bot.store.models import Audit, Case, Staff, StageChange, StageProposal


@dataclass(frozen=True, slots=True)
class Choice:
    """A stage that somebody may move a file to, and what they must say for it.

    `proposes`: somebody else decides. `final`: the desk asks first, and it can't be taken back.
    """

    to: str
    reasons: tuple[str, ...] = ()
    note: bool = False
    consent: bool = False
    latest_review: date | None = None
    proposes: bool = False
    final: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for. `seen`: the stage that their page showed; `reason` one of the stage's codes."""

    to: str
    seen: str
    reason: str = ""
    note: str = ""
    review_on: date | None = None
    consent: bool = False


@dataclass(frozen=True, slots=True)
class Mover:
    """Who moves, when, and the day that it is in Niamey."""

    staff: Staff
    at: datetime
    today: date
    ciphers: Ciphers


def may_move(case: Case, staff: Staff, *, today: date) -> tuple[Choice, ...]:
    """Where this person may move the file, in the order of the process; () for who may only read it."""
    if not access.moves_files(staff) or not access.may_read(staff, case):
        return ()
    found = (_choice(case, staff, code, today) for code in stages.STAGES)
    return tuple(one for one in found if one is not None)


def move(session: Session, case_id: int, wish: Wish, mover: Mover) -> StageChange | StageProposal:
    """Move the file, or propose it where somebody else decides.

    Raises CaseError: `not_found` (also for who may not read it), `moved_on` (a colleague was first), `not_allowed`,
    `reason_needed`, `note_needed`, `consent_needed`, `review_needed` (no day, one gone by or too far away).
    """
    case = held(session, case_id, mover.staff)
    if case.stage != wish.seen:
        raise CaseError("moved_on")
    choice = next((one for one in may_move(case, mover.staff, today=mover.today) if one.to == wish.to), None)
    if choice is None:
        raise CaseError("not_allowed")
    _check(choice, wish, mover.today)
    note_enc = encrypted_note(case, wish.note, mover.ciphers)
    if choice.proposes:
        return propose(session, case, wish.to, "second", mover, reason=wish.reason, note_enc=note_enc)
    return _carry_out(
        session, case, wish.to, mover, reason=wish.reason, note_enc=note_enc,
        review_on=wish.review_on if choice.latest_review else None,
    )  # fmt: skip


def propose(
    session: Session, case: Case, to: str, why: str, mover: Mover, *, reason: str = "", note_enc: bytes | None = None
) -> StageProposal:
    """Leave a move to somebody else; the same one twice is one. `why`: training, kit or second."""
    values = {
        "from_stage": case.stage,
        "why": why,
        "staff_id": mover.staff.id,
        "at": mover.at,
        "reason": reason,
        "note_enc": note_enc,
    }
    row = insert(StageProposal).values(case_id=case.id, to_stage=to, **values)
    session.execute(
        row.on_conflict_do_update(
            index_elements=["case_id", "to_stage"],
            index_where=StageProposal.settled_at.is_(None),
            set_=values,
            where=StageProposal.from_stage != case.stage,  # one from a stage that it has left is void
        )
    )
    wanted = select(StageProposal).where(
        StageProposal.case_id == case.id, StageProposal.to_stage == to, StageProposal.settled_at.is_(None)
    )
    return session.scalars(wanted).one()


def proposals(session: Session, case: Case) -> list[StageProposal]:
    """What waits for a decision; what was proposed from a stage that the file has left is void."""
    wanted = select(StageProposal).where(
        StageProposal.case_id == case.id, StageProposal.settled_at.is_(None), StageProposal.from_stage == case.stage
    )
    return list(session.scalars(wanted.order_by(StageProposal.id)))


def may_settle(case: Case, proposal: StageProposal, staff: Staff) -> bool:
    """May this person agree to it? To one that wants a second person never who proposed it."""
    rule = process().rule(proposal.to_stage)
    if not access.moves_files(staff) or not access.may_read(staff, case) or staff.role not in rule.by:
        return False
    return proposal.why != "second" or proposal.staff_id != staff.id


def settle(session: Session, case_id: int, proposal_id: int, mover: Mover, *, agreed: bool) -> StageChange | None:
    """Decide a proposal; None: refused. Raises CaseError: `not_found`, `moved_on`, `not_allowed`."""
    case = held(session, case_id, mover.staff)
    found = session.get(StageProposal, proposal_id)
    if found is None or found.case_id != case.id:
        raise CaseError("not_found")
    if found.settled_at is not None or found.from_stage != case.stage:
        raise CaseError("moved_on")
    withdrawn = not agreed and found.staff_id == mover.staff.id
    if not withdrawn and not may_settle(case, found, mover.staff):
        raise CaseError("not_allowed")
    found.settled_by, found.settled_at = mover.staff.id, mover.at
    if not agreed:
        _audit(session, mover, "stage_refused", case, to=found.to_stage)
        return None
    return _carry_out(session, case, found.to_stage, mover, reason=found.reason, note_enc=found.note_enc)


def undoable(session: Session, case: Case, staff: Staff, *, at: datetime) -> StageChange | None:
    """The move that this person may take back: their own, the last, a moment ago, and not to an end."""
    last = session.scalar(
        select(StageChange).where(StageChange.case_id == case.id).order_by(StageChange.id.desc()).limit(1)
    )
    if last is None or last.by != _by(staff) or last.was is None or at - last.at > WITHIN or last.reason == "undone":
        return None
    return None if process().rule(last.to_stage).ends or last.to_stage != case.stage else last


def undo(session: Session, case_id: int, change_id: int, mover: Mover) -> None:
    """Put a mistaken move back, as another move. A second time changes nothing. Raises CaseError: `not_found`, `too_late`."""
    case = held(session, case_id, mover.staff)
    later = select(StageChange).where(StageChange.case_id == case.id, StageChange.id > change_id)
    following = session.scalars(later.order_by(StageChange.id)).first()
    if following is not None and following.reason == "undone" and following.by == _by(mover.staff):
        return
    last = undoable(session, case, mover.staff, at=mover.at)
    if last is None or last.id != change_id or last.was is None:
        raise CaseError("too_late")
    was = last.was
    stages.move(
        session, case, last.from_stage, by=_by(mover.staff), at=mover.at, reason="undone",
        since=date.fromisoformat(was["since"]),
        review_on=date.fromisoformat(was["review_on"]) if was["review_on"] else None,
    )  # fmt: skip
    case.resume_stage, case.known_on = was["resume"], mover.today
    _audit(session, mover, "stage_undone", case, to=last.from_stage)


def told(session: Session, case_id: int, mover: Mover) -> None:
    """Somebody of the staff told the person by voice; only then do the screens say it (safety 13).

    Raises CaseError: `not_found`, `not_allowed`.
    """
    case = held(session, case_id, mover.staff)
    if not process().rule(case.stage).told or not access.moves_files(mover.staff):
        raise CaseError("not_allowed")
    if not case.told_by_person:
        case.told_by_person, case.told_by, case.told_at = True, mover.staff.id, mover.at
        _audit(session, mover, "case_told", case)


def reviewed(session: Session, case_id: int, review_on: date, mover: Mover) -> None:
    """It stays where it is, looked at again. Raises CaseError: `not_found`, `not_allowed`, `review_needed`."""
    case = held(session, case_id, mover.staff)
    rule = process().rule(case.stage)
    if not rule.review_days or mover.staff.role not in rule.by:
        raise CaseError("not_allowed")
    _check_review(review_on, _latest(rule, mover.today), mover.today)
    case.review_on, case.known_on = review_on, mover.today
    _audit(session, mover, "case_reviewed", case)


def follow(session: Session, case_id: int, mover: Mover, *, mine: bool) -> None:
    """This person follows the file from now on, or no longer. Raises CaseError: `not_found`, `not_allowed`."""
    case = held(session, case_id, mover.staff)
    if not access.moves_files(mover.staff) or (not mine and case.assistant_id != mover.staff.id):
        raise CaseError("not_allowed")
    case.assistant_id = mover.staff.id if mine else None
    _audit(session, mover, "case_followed" if mine else "case_left", case)


def held(session: Session, case_id: int, staff: Staff) -> Case:
    """The file as it is now, locked, if this person may read it; raises CaseError `not_found`."""
    mine = select(Case).where(Case.id == case_id, access.visible_files(staff)).with_for_update()
    found = session.scalar(mine.execution_options(populate_existing=True))
    if found is None:
        raise CaseError("not_found")
    return found


def encrypted_note(case: Case, words: str, ciphers: Ciphers) -> bytes | None:
    """Why, as it stands in the table; None for no words."""
    return ciphers.encrypt(words.strip().encode(), f"stage_changes|{case.id}|note".encode()) if words.strip() else None


def _carry_out(
    session: Session, case: Case, to: str, mover: Mover, *, reason: str, note_enc: bytes | None,
    review_on: date | None = None,
) -> StageChange:  # fmt: skip
    change = stages.move(
        session, case, to, by=_by(mover.staff), at=mover.at, since=mover.today, reason=reason, note_enc=note_enc,
        review_on=review_on,
    )  # fmt: skip
    _audit(session, mover, "case_moved", case, to=to, **{"from": change.from_stage})
    session.flush()
    return change


def _choice(case: Case, staff: Staff, to: str, today: date) -> Choice | None:
    model, rule = process(), process().rule(to)
    overrides = staff.role == model.overrides
    proposes = rule.second_person or staff.role in rule.proposed_by
    if to == case.stage or not (overrides or proposes or staff.role in rule.by):
        return None
    way = _way(case, to)
    if way == "" or (way == "override" and not overrides):
        return None
    early = is_early(to, case.opened_on, today)
    return Choice(
        to, rule.reasons, rule.note or way == "override" or early, rule.consent,
        _latest(rule, today) if rule.review_days else None, proposes=proposes, final=rule.ends,
    )  # fmt: skip


def _way(case: Case, to: str) -> str:
    """`next`, `resume`, `exception`, `override` (only who may override) or "" (never)."""
    model = process()
    here, rule = model.rule(case.stage), model.rule(to)
    if rule.procedure:
        return ""
    if to in model.exceptional:
        if rule.only_from:
            return "exception" if case.stage in rule.only_from else ""
        return "exception" if rule.anywhere or not here.ends else ""
    if to == case.resume_stage:
        return "resume"
    return "next" if to in here.next else "override"


def is_early(to: str, opened_on: date, day: date) -> bool:
    """Would a file be finalised sooner than after "at least six months" (domain rules 2)?"""
    return to == "FINALISED" and (day - opened_on).days < process().finalised_after


def _check(choice: Choice, wish: Wish, today: date) -> None:
    if choice.reasons and wish.reason not in choice.reasons:
        raise CaseError("reason_needed")
    if choice.note and not wish.note.strip():
        raise CaseError("note_needed")
    if choice.consent and not wish.consent:
        raise CaseError("consent_needed")
    if choice.latest_review is not None:
        _check_review(wish.review_on, choice.latest_review, today)


def _check_review(day: date | None, latest: date, today: date) -> None:
    if day is None or not today < day <= latest:
        raise CaseError("review_needed")


def _latest(rule: StageRule, today: date) -> date:
    return today + timedelta(days=rule.review_days)


def _by(staff: Staff) -> str:
    return f"staff:{staff.id}"


def _audit(session: Session, mover: Mover, action: str, case: Case, **detail: object) -> None:
    session.add(
        Audit(staff_id=mover.staff.id, at=mover.at, action=action, subject=f"case:{case.id}", detail=dict(detail))
    )
