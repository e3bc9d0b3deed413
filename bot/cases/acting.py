"""What a conversation may order about files, appointments and trainings: the acts of flows/data.yaml carried out here."""

from bot.acting import Acting, Acts
from bot.cases import appointments, finding
from bot.outreach.calendar import Calendar


def answer_appointment(acting: Acting) -> None:
    """The person's 1, 2, 3. About an appointment that is no more, or whose day has passed, it changes nothing."""
    session, values = acting.session, acting.values
    found = finding.answered(session, values)
    today = Calendar.of(acting.settings).clocks.local(acting.at).date()
    if found is None or (found.day < today and found.state in appointments.LIVE and values["answer"] != "other_day"):
        return
    appointments.answer(session, found.id, values["answer"], by="person", at=acting.at, turn=acting.turn)


ACTS: Acts = {"answer_appointment": answer_appointment}
