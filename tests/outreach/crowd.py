"""Files with phones, and a coordinator who writes to them."""

from datetime import UTC, date, datetime
from itertools import count

from bot.engine.effects import Terms
from bot.referrals.terms import write_terms
from bot.store.models import Case, Contact, Referral, Staff

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)  # Tuesday 12:00 in Niamey


class Crowd:
    """Adds people and files; each call is a transaction."""

    def __init__(self, database, ciphers, settings):
        self.database, self.ciphers, self.settings = database, ciphers, settings
        self._next = count(1)

    def staff(self, login="mariama", role="coordinator", **fields):
        number = f"+2279000{next(self._next):04d}".encode()
        with self.database.transaction() as session:
            row = Staff(
                login=login, name=login.title(), role=role, language="fr",
                phone_enc=self.ciphers.encrypt(number, f"staff|{login}|phone".encode()), **fields,
            )  # fmt: skip
            session.add(row)
            session.flush()
            return row

    def phone(self, **fields):
        number = f"+22790{next(self._next):06d}"
        digest = self.ciphers.address(number).digest
        enc = self.ciphers.encrypt(number.encode(), f"contacts|{digest}|number".encode())
        seen = {"first_seen_at": NOON}
        with self.database.transaction() as session:
            row = Contact(digest=digest, number_enc=enc, **seen | fields)
            session.add(row)
            session.flush()
            return row.id

    def file(self, contact_id=None, **fields):
        n = next(self._next)
        usual = {
            "name": "Salifou", "sex": "M", "language": "ha", "region": "Zinder", "department": "Mirriah", "office": "Zinder",
            "partner": "Taagazt", "project_type": "individual", "training_type": "livestock", "stage": "KIT_READY",
            "opened_on": date(2026, 3, 2), "stage_since": date(2026, 11, 2), "contact_id": contact_id,
        }  # fmt: skip
        with self.database.transaction() as session:
            row = Case(number=f"{n:09d}", **usual | fields)
            session.add(row)
            session.flush()
            return row.id

    def people(self, many, **fields):
        """So many phones with a file each; the ids of the phones."""
        phones = [self.phone() for _ in range(many)]
        for one in phones:
            self.file(one, **fields)
        return phones

    def asked(self, contact_id, terms=None, **fields):
        """A request of this phone."""
        n = next(self._next)
        usual = {"source": "menu", "level": "normal", "queue": "assistance", "channel": "ussd", "opened_at": NOON}
        with self.database.transaction() as session:
            row = Referral(id=f"{n:032x}", ticket=f"{n:07d}", contact_id=contact_id, **usual | fields)
            if terms is not None:
                write_terms(row, terms, ciphers=self.ciphers)
            session.add(row)
        return f"{n:032x}"


MAY_CALL = Terms(may_call=True)
