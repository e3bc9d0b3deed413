"""The invented people one may be: a case of each stage with its phone, and the staff who are alerted.

Read from the database that development fills. A code can't be read back (only its digest is kept), so the
two that are told to everybody stand here.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.referrals.letters import letter
from bot.store.ciphers import Ciphers, Unreadable
from bot.store.database import Database
from bot.store.models import Case, Contact, Duty, Staff

SALIFOU, AICHATOU = "+22790001234", "+22790002705"
FIRST = (SALIFOU, AICHATOU)
CODES = {AICHATOU: "7306"}  # chosen already; the others choose at their first use
SUGGESTED = "2758"  # a code that is not obvious, for those who choose
MOST = 14


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody invented. `first` is what they are called on the page."""

    phone: str
    name: str
    staff: bool = False
    about: str = ""  # stage of a case, role of staff
    language: str = ""
    case: str = ""
    born: int | None = None
    code: str = ""
    chosen: bool = False  # the case has a code already
    duty: tuple[str, ...] = ()  # letters of the queues in whose duty list they stand, first place first

    @property
    def first(self) -> str:
        """The first name."""
        return self.name.split(" ")[0]

    def told(self) -> dict[str, Any]:
        """As the browser gets it."""
        return {
            "phone": self.phone,
            "name": self.name,
            "first": self.first,
            "staff": self.staff,
            "about": self.about,
            "language": self.language,
            "case": self.case,
            "born": self.born,
            "code": self.code,
            "chosen": self.chosen,
            "duty": list(self.duty),
        }


def load(database: Database, ciphers: Ciphers, settings: Settings) -> list[Person]:
    """Returnees first, then staff; the two of the stories alone while PostgreSQL is away or empty."""
    try:
        with database.transaction() as session:
            found = [*_returnees(session, ciphers), *_staff(session, ciphers, settings)]
    except SQLAlchemyError:
        found = []
    known = {person.phone for person in found}
    return [*(person for person in _STORY if person.phone not in known), *found]


def _returnees(session: Session, ciphers: Ciphers) -> list[Person]:
    query = (
        select(Case, Contact)
        .join(Contact, Case.contact_id == Contact.id)
        .where(Case.phone_shared.is_(False), Case.vulnerability != "protection")
        .order_by(Case.number)
        .limit(400)
    )
    found: list[Person] = []
    for case, contact in session.execute(query):
        phone = _open(ciphers, contact.number_enc, f"contacts|{contact.digest}|number")
        if phone:
            found.append(
                Person(
                    phone,
                    case.name,
                    about=case.stage,
                    language=case.language,
                    case=case.number,
                    born=case.year_of_birth,
                    code=CODES.get(phone, SUGGESTED),
                    chosen=case.code_hmac is not None,
                )
            )
    return _varied(found)


def _varied(people: list[Person]) -> list[Person]:
    """The two of the stories, then one of each stage, so that every answer can be seen."""
    chosen = sorted((p for p in people if p.phone in FIRST), key=lambda p: FIRST.index(p.phone))
    stages = {p.about for p in chosen}
    for person in people:
        if person.about not in stages and len(chosen) < MOST:
            stages.add(person.about)
            chosen.append(person)
    return chosen


def _staff(session: Session, ciphers: Ciphers, settings: Settings) -> list[Person]:
    places: dict[int, list[tuple[int, str]]] = {}
    for duty in session.scalars(select(Duty)):
        places.setdefault(duty.staff_id, []).append((duty.position, letter(settings, duty.queue)))
    found = []
    for member in session.scalars(select(Staff).where(Staff.active.is_(True)).order_by(Staff.id)):
        phone = _open(ciphers, member.phone_enc, f"staff|{member.login}|phone") if member.phone_enc else ""
        if phone:
            queues = tuple(queue for _, queue in sorted(places.get(member.id, [])))
            person = Person(phone, member.name, staff=True, about=member.role, language=member.language, duty=queues)
            found.append(person)
    return sorted(found, key=lambda p: (p.first != "Hadiza", not p.duty))


def _open(ciphers: Ciphers, value: bytes, place: str) -> str:
    try:
        return ciphers.decrypt(value, place.encode()).decode()
    except Unreadable:
        return ""


_STORY = (
    Person(SALIFOU, "Salifou", language="fr", case="482719368", born=1991, code=SUGGESTED),
    Person(AICHATOU, "Aïchatou", language="fr", case="502719485", code=CODES[AICHATOU], chosen=True),
)
