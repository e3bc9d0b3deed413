"""What is pushed in a community's matters: one neutral sentence, to who asked to be told, through the gate (safety 7)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from bot.config import Settings
from bot.kinds import Kind
from bot.outbox import Draft, NotWritten, put
from bot.store.ciphers import Ciphers
from bot.store.models import Contact

DIAL = "dial"  # the key of the sentence in flows/sentences.yaml: there is something new, dial


@dataclass(frozen=True, slots=True)
class Teller:
    """Writes that sentence. `sentence`: key and language to words, as bot.content gives them."""

    sentence: Callable[[str, str], str]
    settings: Settings
    ciphers: Ciphers

    def tell(self, session: Session, contact: Contact, *, about: str = "", once: str, at: datetime) -> bool:
        """Queue it; `about` stands before it ("P-1234"), `once` names it: again is no second message.

        False where nothing may go there: no number, words that never leave, or who went outside this office.
        """
        if contact.quiet:
            return False
        words = self.sentence(DIAL, contact.language or "")
        draft = Draft(
            Kind.REMINDER,
            contact=contact,
            sms=f"{about}: {words}" if about else words,
            id=self.ciphers.derived_id(once.encode(), f"community|{contact.id}"),
        )
        try:
            put(session, draft, at=at, settings=self.settings, ciphers=self.ciphers)
        except NotWritten:
            return False
        return True
