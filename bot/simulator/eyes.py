"""Who can see what: one phone's last minutes as five people see them, from what is really there.

The phone's own boxes and the wire come from the simulator's log; staff are asked through the very rule
that the desk uses (`bot.referrals.access.visible`), so this page can't promise more than the desk keeps.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.referrals.access import visible
from bot.simulator.shelf import Event
from bot.store.ciphers import Ciphers
from bot.store.database import Database
from bot.store.models import Alert, Contact, Referral, Staff

Words = dict[str, str]  # by language of the page: en, fr
MOST = 4
ROLES = (
    ("assistant", "Moussa", {"en": "assistant", "fr": "assistant"}),
    ("protection", "Hadiza", {"en": "protection", "fr": "protection"}),
    ("coordinator", "", {"en": "coordinator", "fr": "coordination"}),
)


UNSEEN: Words = {
    "en": "No request of this phone: in no list, search or count.",
    "fr": "Aucune demande de ce téléphone : ni liste, ni recherche, ni compte.",
}
UNKNOWN: Words = {
    "en": "Not that there is something to hide: the answer is the one for an unknown number.",
    "fr": "Ni qu’il y a quelque chose à cacher : la réponse est celle d’un numéro inconnu.",
}
NUMBER_AT_DESK: Words = {
    "en": "The number to call: on the desk only, and only if calling is allowed.",
    "fr": "Le numéro à appeler : au bureau seulement, si l’appel est permis.",
}


def look(
    phone: str, events: Sequence[Event], line: dict[str, Any], database: Database, ciphers: Ciphers
) -> list[dict[str, Any]]:
    """Five pairs of eyes: `who`, `how`, what each `sees` (a quotation, or a sentence in two languages) and does `not`."""
    own = [event.what for event in events if event.what["phone"] == phone]
    return [_thief(own, line), _operator(own), *_staff(phone, database, ciphers)]


def _thief(own: list[dict[str, Any]], line: dict[str, Any]) -> dict[str, Any]:
    sees: list[str | Words] = []
    if line.get("open"):
        sees.append(f"USSD: {_first_line(line.get('screen') or '')}")
    kept = [what for what in own if what["channel"] not in ("ussd", "voice")][-MOST:]
    sees += [
        f"{what['channel'].upper()} {'→' if what['kind'] == 'turn' else '←'} {_short(what['text'])}" for what in kept
    ]
    if not sees:
        sees.append(
            _words(
                "Nothing. No SMS, no receipt; USSD stays on no phone.",
                "Rien. Aucun SMS, aucun reçu ; l’USSD ne reste pas.",
            )
        )
    dialled = any(what["channel"] == "ussd" for what in own)
    if dialled:
        sees.append(
            _words(
                "Perhaps the short code among dialled numbers.", "Peut-être le code court parmi les numéros composés."
            )
        )
    if any(what["channel"] == "voice" for what in own):
        sees.append(
            _words("That the line was rung, among the calls made.", "Que la ligne a été appelée, dans le journal.")
        )
    return {
        "who": _words("A phone thief", "Un voleur de téléphone"),
        "how": _words("holds this phone, unlocked", "tient ce téléphone, déverrouillé"),
        "sees": sees,
        "not": [
            _words("Not the file: it asks a code again.", "Pas le dossier : il redemande un code."),
            _words(
                "Not a private talk: a new call shows the plain menu.",
                "Pas un entretien privé : un nouvel appel montre le menu habituel.",
            ),
        ],
    }


def _operator(own: list[dict[str, Any]]) -> dict[str, Any]:
    sees: list[str | Words] = [
        _words("The number, the hour, the length of each line.", "Le numéro, l’heure et la durée de chaque ligne.")
    ]
    for what in [what for what in own if what["channel"] in ("ussd", "sms")][-MOST:]:
        text = (
            what["text"] if what["kind"] == "message" or what["channel"] == "sms" else what.get("screen") or what["did"]
        )
        sees.append(f"{what['channel'].upper()}: {_short(_first_line(text))}")
    if any(what["channel"] == "whatsapp" for what in own):
        sees.append(_words("That WhatsApp was used; not the words.", "Que WhatsApp a servi ; pas les mots."))
    return {
        "who": _words("The operator", "L’opérateur"),
        "how": _words("carries USSD and SMS in the clear", "transporte USSD et SMS en clair"),
        "sees": sees,
        "not": [
            _words("No name: none is ever sent by SMS or USSD.", "Aucun nom : il n’en part jamais par SMS ni USSD."),
            _words(
                "After “private”: no kind of need, there is none.",
                "Après « en privé » : aucune nature du besoin, il n’y en a pas.",
            ),
        ],
    }


def _staff(phone: str, database: Database, ciphers: Ciphers) -> list[dict[str, Any]]:
    digest = ciphers.address(phone).digest
    try:
        with database.transaction() as session:
            return [_member(session, role, name, title, digest) for role, name, title in ROLES]
    except SQLAlchemyError:
        away = _words("PostgreSQL is away: nobody sees anything now.", "PostgreSQL absent : personne ne voit rien.")
        return [{"who": title, "how": _words("", ""), "sees": [away], "not": []} for _, _, title in ROLES]


def _member(session: Session, role: str, name: str, title: Words, digest: str) -> dict[str, Any]:
    working = select(Staff).where(Staff.role == role, Staff.active.is_(True)).order_by(Staff.id)
    found = session.scalars(working).all()
    member = next((one for one in found if one.name.startswith(name)), found[0] if found else None)
    if member is None:
        return {"who": title, "how": _words("nobody has this role", "personne n’a ce rôle"), "sees": [], "not": []}
    own = (
        select(Referral)
        .join(Contact, Referral.contact_id == Contact.id)
        .where(Contact.digest == digest)
        .order_by(Referral.opened_at.desc())
        .limit(MOST)
    )
    shown = session.scalars(own.where(visible(member))).all()
    first = member.name.split(" ")[0]
    return {
        "who": {language: f"{first}, {text}" for language, text in title.items()},
        "how": _words("signed in at the desk", "connecté au bureau"),
        "sees": [
            *map(_row, shown),
            *_told(session, member, [one.id for one in session.scalars(own)]),
            *([] if shown else [UNSEEN]),
        ],
        "not": [NUMBER_AT_DESK if shown else UNKNOWN],
    }


def _told(session: Session, member: Staff, referrals: list[str]) -> list[Words]:
    """What reached this person by SMS."""
    own = select(func.count()).select_from(Alert).where(Alert.staff_id == member.id, Alert.referral_id.in_(referrals))
    count = session.scalar(own) or 0
    if not count:
        return []
    return [
        _words(
            f"By SMS: ticket, level, a queue letter, a code (alerts: {count}).",
            f"Par SMS : numéro, niveau, lettre de file, code (alertes : {count}).",
        )
    ]


def _row(referral: Referral) -> Words:
    ticket = f"{referral.ticket[:3]}-{referral.ticket[3:]}"
    code = referral.code or ("private" if referral.private else "–")
    french = referral.code or ("privé" if referral.private else "–")
    level = {"critical": "critique", "high": "haut", "normal": "normal"}[referral.level]
    return _words(
        f"{ticket}: {referral.level}, {code}, {referral.state}", f"{ticket} : {level}, {french}, {referral.state}"
    )


def _words(english: str, french: str) -> Words:
    return {"en": english, "fr": french}


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0]


def _short(text: str) -> str:
    return text if len(text) <= 70 else text[:69].rstrip() + "…"
