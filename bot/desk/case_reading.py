"""A file in front of a reader: what every part of its page is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from bot.cases.listing import Ranges
from bot.desk.forms import DeskForm
from bot.desk.services import now, services
from bot.desk.words import dates
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


def ranges() -> Ranges:
    """The usual ranges of the stages, as of the office's today."""
    stages = services().content.flows.stages
    return Ranges({code: one.late_after for code, one in stages.items() if one.late_after}, dates.local(now()).date())
