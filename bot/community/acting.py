"""What a conversation may order about communities: the acts of flows/data.yaml carried out here, each once a turn."""

from bot.acting import Acting, Acts
from bot.community import proposals, tensions


def report_tension(acting: Acting) -> None:
    """Count the tension of a request that this conversation opened."""
    values = acting.values
    tensions.report(
        acting.session,
        values["ref"],
        int(values["community"]),
        values["kind"],
        happening=values["now"] == "yes",
        at=acting.at,
    )


def allow_answer(acting: Acting) -> None:
    """The committee may write its answer."""
    tensions.allow_answer(acting.session, acting.values["ref"], ciphers=acting.ciphers)


def proposal_words(acting: Acting) -> None:
    """What the person wrote, for the committee."""
    proposals.keep_words(acting.session, int(acting.values["proposal"]), acting.text, ciphers=acting.ciphers)


def follow_proposal(acting: Acting) -> None:
    """Be told of each step."""
    if acting.contact_id is not None:
        proposals.follow(acting.session, int(acting.values["proposal"]), acting.contact_id, acting.at)


def unfollow_proposal(acting: Acting) -> None:
    """Not any more."""
    if acting.contact_id is not None:
        proposals.unfollow(acting.session, int(acting.values["proposal"]), acting.contact_id, acting.at)


ACTS: Acts = {
    "report_tension": report_tension,
    "allow_answer": allow_answer,
    "proposal_words": proposal_words,
    "follow_proposal": follow_proposal,
    "unfollow_proposal": unfollow_proposal,
}
