"""The invented people of development: cases whose days move along with the calendar, and staff on duty.

All of it is invented; numbers are +2279000xxxx, to which a development build never sends.
"""

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from bot.cases import development_process
from bot.cases.importing import Source, apply
from bot.community import development as community
from bot.config import Settings
from bot.errors import ConfigError
from bot.referrals.access import QUEUES
from bot.referrals.staffing import NewStaff, add_staff, set_duty, set_password
from bot.store.ciphers import Ciphers
from bot.store.database import Database
from bot.store.models import Case, Contact, Staff

INVENTED = Path(__file__).with_name("invented.csv")
AS_OF = date(2026, 11, 21)  # the day on which the invented cases are as they stand in the file
DEVELOPMENT_PASSWORD = "maraba-development"  # noqa: S105 - shown on the sign-in page, refused in production

SALIFOU = "482719368"  # no code yet: he enrols
AICHATOU = "502719485"
AICHATOU_CODE = "7306"  # chosen already; her file takes longer than usual

STAFF = (
    NewStaff("hadiza", "Hadiza Sabon-Rana", "protection", "+22790009901", languages=("fr", "ha")),
    NewStaff("aicha", "Aïcha Kogin-Zuma", "protection", "+22790009902", languages=("fr", "ha", "dje")),
    NewStaff("mariama", "Mariama Farar-Kasa", "coordinator", "+22790009903", languages=("fr",)),
    NewStaff("moussa", "Moussa Tudun-Giwa", "assistant", "+22790009904", languages=("fr", "ha"), offices=("Tahoua",)),
    NewStaff("balkissa", "Balkissa Ruwan-Zafi", "gbv_specialist", "+22790009905", languages=("fr", "ha")),
    NewStaff("ramatou", "Ramatou Hasken-Wata", "gbv_specialist", "+22790009906", languages=("fr", "dje")),
    NewStaff("nana", "Nana Bakin-Kogi", "child_specialist", "+22790009907", languages=("fr", "ha")),
    NewStaff("sani", "Sani Dan-Tauraro", "child_specialist", "+22790009908", languages=("fr", "ha")),
    NewStaff("fatchima", "Fatchima Inuwar-Gao", "psea_focal", "+22790009909", languages=("fr", "ha")),
    NewStaff("seyni", "Seyni Koren-Gida", "psea_focal", "+22790009910", languages=("fr", "dje")),
    NewStaff("ousmane", "Ousmane Garin-Haske", "complaints_officer", "+22790009911", languages=("fr", "ha")),
    NewStaff("rakia", "Rakia Sabuwar-Rijiya", "community_focal", "+22790009912", languages=("fr", "ha", "tmh")),
    NewStaff("delphine", "Delphine Yar-Zinder", "complaints_officer", "+22790009913", languages=("fr",)),
    NewStaff("issa", "Issa Dogon-Daji", "admin", "+22790009915"),
    NewStaff("idi", "Idi Tafarkin-Gona", "partner", "+22790009916", languages=("fr", "ha"), partner="Taagazt"),
    NewStaff("ibrah", "Ibrah Tsohon-Bene", "assistant", "+22790009914", languages=("fr", "ha")),
)  # fmt: skip
DUTY = {
    "protection": ["hadiza", "aicha"],
    "gbv": ["balkissa", "ramatou"],
    "child": ["nana", "sani"],
    "sealed": ["fatchima", "seyni"],
    "complaints": ["ousmane", "delphine"],
    "assistance": ["moussa", "ibrah"],
    "community": ["rakia"],
}


def load(settings: Settings, *, today: date | None = None) -> None:
    """Load them; again changes nothing, and a week later moves the days of the cases along.

    What was done meanwhile (codes, stages moved at the desk) stays until the days move. Raises ConfigError
    in production.
    """
    if not settings.development:
        raise ConfigError("the invented people are for development only")
    today = today or datetime.now(ZoneInfo(settings.timezone)).date()
    ciphers = Ciphers.of(settings)
    database = Database.of(settings, pool_size=1)
    try:
        source = Source(INVENTED, today=today, region=settings.default_region, shift=shift(today))
        apply(source, database, ciphers=ciphers, strict=True)
        with database.transaction() as session:
            _people(session, ciphers)
            _aichatou(session, ciphers)
            development_process.load(session, today)
            community.load(session, datetime.now(ZoneInfo(settings.timezone)), ciphers=ciphers)
    finally:
        database.close()


def shift(today: date) -> timedelta:
    """Whole weeks, so that 2026-11-21 falls into the week of today and weekdays stay weekdays."""
    return _monday(today) - _monday(AS_OF)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _people(session: Session, ciphers: Ciphers) -> None:
    if session.scalar(select(func.count()).select_from(Staff)):
        return
    for new in STAFF:
        add_staff(session, new, ciphers=ciphers)
    set_password(session, STAFF[0].login, DEVELOPMENT_PASSWORD)
    hashed = select(Staff.password_hash).where(Staff.login == STAFF[0].login).scalar_subquery()
    session.execute(update(Staff).values(password_hash=hashed))  # one for all: hashing is made to take long
    for queue in QUEUES:
        set_duty(session, queue, DUTY[queue])


def _aichatou(session: Session, ciphers: Ciphers) -> None:
    """She chose a code and her language long ago; what a developer changed since is kept."""
    session.execute(
        update(Case)
        .where(Case.number == AICHATOU, Case.code_hmac.is_(None), Case.code_turn.is_(None))
        .values(code_hmac=ciphers.code(f"case|{AICHATOU}", AICHATOU_CODE))
    )
    hers = select(Case.contact_id).where(Case.number == AICHATOU).scalar_subquery()
    session.execute(update(Contact).where(Contact.id == hers, Contact.language.is_(None)).values(language="fr"))
