"""What the desk reads of files and phones. Every query carries `access.visible_files` or `access.visible_phones`."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.desk.reading import SHARED_LIST
from bot.referrals import access
from bot.store.models import Case, Contact, OptOut, Referral, Staff

MOST_FOUND = 20
SHORTEST_NAME = 3  # letters: fewer would list half of the people
_MARKED, _PLAIN = "àâäáãåæçéèêëíìîïñóòôöõúùûüýÿœɓɗƙƴ’ʼ", "aaaaaaaceeeeiiiinooooouuuuyyobdky''"


@dataclass(slots=True)
class Phone:
    """One phone, with what the reader may see of it; it may be shared by several people."""

    contact: Contact
    requests: list[Referral] = field(default_factory=list)
    files: list[Case] = field(default_factory=list)
    opt_outs: list[tuple[OptOut, str]] = field(default_factory=list)  # with who noted it (`_named`), the latest first


def find_files(session: Session, staff: Staff, *, number: str, name: str) -> list[Case]:
    """Files of this number or this name, one more than are shown; a name by all its words, in any order."""
    plain = func.translate(func.lower(Case.name), _MARKED, _PLAIN)
    words = [word for word in name.lower().translate(str.maketrans(_MARKED, _PLAIN)).split() if word]
    wanted = [plain.contains(word, autoescape=True) for word in words] or [Case.number == number]
    query = select(Case).where(access.visible_files(staff), *wanted).order_by(Case.name, Case.number)
    return list(session.scalars(query.limit(MOST_FOUND + 1)))


def file(session: Session, staff: Staff, case_id: int) -> Case | None:
    """The file, if this person may read it; None also where there is none."""
    return session.scalar(select(Case).where(Case.id == case_id, access.visible_files(staff)))


def requests_of(
    session: Session, staff: Staff, *, contact_id: int | None = None, case_id: int | None = None
) -> list[Referral]:
    """The requests of a phone or of a file that this person may see, the latest first."""
    about = Referral.case_id == case_id if case_id is not None else Referral.contact_id == contact_id
    query = select(Referral).where(about, Referral.state != "attached", access.visible(staff))
    return list(session.scalars(query.order_by(Referral.opened_at.desc()).limit(SHARED_LIST)))


def phone(session: Session, staff: Staff, contact_id: int) -> Phone | None:
    """The phone, if this person may know of it; None also where there is none."""
    contact = session.scalar(select(Contact).where(Contact.id == contact_id, access.visible_phones(staff)))
    if contact is None:
        return None
    files = select(Case).where(Case.contact_id == contact_id, access.visible_files(staff))
    noted = select(OptOut, Staff).join(Staff, Staff.id == OptOut.staff_id).where(OptOut.contact_id == contact_id)
    return Phone(
        contact,
        requests=requests_of(session, staff, contact_id=contact_id),
        files=list(session.scalars(files.order_by(Case.number).limit(SHARED_LIST))),
        opt_outs=[(row[0], _named(staff, row[1])) for row in session.execute(noted.order_by(OptOut.at.desc()))],
    )


def _named(staff: Staff, noter: Staff) -> str:
    """Of who serves other queues no name: it would tell that they spoke with this phone (safety 19)."""
    return noter.name if noter.id == staff.id or access.serves(noter) <= access.serves(staff) else ""


def stopped_on(found: Phone) -> set[str]:
    """What was ended: by the person's own STOP, or noted by staff and not yet told to the conversation store."""
    return {*found.contact.stopped, *(name for one, _ in found.opt_outs if one.told_at is None for name in one.stopped)}
