"""What a conversation may order about check-ins and numbers: the acts of flows/data.yaml carried out here."""

from bot.acting import Acting, Acts
from bot.outreach import checkins, numbers


def answer_check_in(acting: Acting) -> None:
    """One answer of a check-in; `ref` is the request that a problem opened in the same conversation."""
    values = acting.values
    question = values["question"]
    checkins.answer(
        acting.session,
        int(values["checkin"]),
        question,
        values["answer"],
        channel=acting.channel,
        at=acting.at,
        referral=values.get("ref", "") if question == "problem" else "",
    )


def claim_number(acting: Acting) -> None:
    """The answer to "is this phone your new number?", after the code."""
    numbers.claim(
        acting.session,
        acting.values["case"],
        acting.contact_id,
        yes=acting.values["answer"] == "yes",
        turn=acting.turn,
        at=acting.at,
    )


ACTS: Acts = {"answer_check_in": answer_check_in, "claim_number": claim_number}
