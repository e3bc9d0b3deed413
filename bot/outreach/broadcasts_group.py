"""The group of a broadcast: files by what they say of region, office, stage, language, partner, project and training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, and_, cast, select, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import InstrumentedAttribute, Session

from bot.referrals import access
from bot.store.models import Broadcast, Case, Staff

COLUMNS: dict[str, InstrumentedAttribute[str]] = {
    "regions": Case.region,
    "offices": Case.office,
    "stages": Case.stage,
    "languages": Case.language,
    "partners": Case.partner,
    "project_types": Case.project_type,
    "training_types": Case.training_type,
}


@dataclass(frozen=True, slots=True)
class Group:
    """Values of files; several of one kind are "or", several kinds "and". An empty kind narrows nothing."""

    regions: tuple[str, ...] = ()
    offices: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()
    project_types: tuple[str, ...] = ()
    training_types: tuple[str, ...] = ()

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Group:
        """As `kept` in the column."""
        return cls(**{one.name: tuple(kept.get(one.name, ())) for one in fields(cls)})

    def kept(self) -> dict[str, Any]:
        """For the column; kinds that narrow nothing are left out."""
        return {name: list(values) for name, values in asdict(self).items() if values}

    def condition(self) -> ColumnElement[bool]:
        """On `Case`."""
        return and_(true(), *(COLUMNS[name].in_(values) for name, values in self.kept().items()))


def within(group: Group, staff: Staff) -> Group:
    """The group as far as it is this person's: who has offices writes to files of those alone."""
    if not staff.offices:
        return group
    mine = tuple(one for one in group.offices if one in staff.offices) if group.offices else tuple(staff.offices)
    return Group(**{**asdict(group), "offices": mine or tuple(staff.offices)})


def visible(staff: Staff) -> ColumnElement[bool]:
    """The broadcasts of this person, as a condition on `Broadcast`: who has offices sees those to files of these alone."""
    if not staff.offices:
        return true()
    within_mine: ColumnElement[bool] = Broadcast.wanted["offices"].contained_by(cast(list(staff.offices), JSONB))
    return within_mine


def values(session: Session, staff: Staff) -> dict[str, list[str]]:
    """What there is to choose from: the values of the files that this person reads, in alphabetical order."""
    found = {}
    for name, column in COLUMNS.items():
        rows = session.scalars(select(column).where(column != "", access.visible_files(staff)).distinct())
        found[name] = sorted(rows)
    return found
