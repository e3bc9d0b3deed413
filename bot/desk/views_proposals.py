"""One proposal: what was asked, what the committee says of it among itself, and its decisions."""

from __future__ import annotations

from flask import render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from bot.community import communities, proposals
from bot.community.noting import note
from bot.desk.blueprint import blueprint
from bot.desk.community_steps import checked, matters, take, teller
from bot.desk.forms_community import MoveForm, WordForm
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import communities as words
from bot.desk.words import say
from bot.errors import CommunityError
from bot.referrals import access
from bot.store.models import Community, CommunityGroup, Proposal, Staff
from bot.text.proposals import show_proposal


@blueprint.route("/proposals/<int:proposal_id>", methods=["GET", "POST"])
def proposal(proposal_id: int) -> ResponseReturnValue:
    """Read it, or decide: title, step and reason in one form. The person's words are for the committee alone."""
    fault = ""
    with matters() as session:
        row = communities.theirs(session, reader(), Proposal, proposal_id)
        form = MoveForm(row.state)
    if form.is_submitted():
        if form.seen.data != row.state:
            fault = words.refused("changed")
        elif form.validate():
            try:
                with matters() as session:
                    _decide(session, proposal_id, form)
            except CommunityError as error:
                fault = words.refused(str(error))
            else:
                return take(
                    url_for("desk.proposal", proposal_id=proposal_id),
                    lambda _: say("Saved, and told to who follows it."),
                )
        else:
            fault = words.refused("fields")
    return _page(proposal_id, form, fault), 422 if fault else 200


@blueprint.post("/proposals/<int:proposal_id>/comments")
def comment_proposal(proposal_id: int) -> ResponseReturnValue:
    """A word to the committee."""

    def step(session: Session) -> None:
        row = communities.theirs(session, reader(), Proposal, proposal_id)
        form = WordForm("comment", "")
        checked(form)
        proposals.comment(session, reader(), row, str(form.text.data), now(), ciphers=services().ciphers)

    return take(url_for("desk.proposal", proposal_id=proposal_id), step)


def _decide(session: Session, proposal_id: int, form: MoveForm) -> None:
    row = communities.theirs(session, reader(), Proposal, proposal_id)
    title = str(form.title.data or "").strip()
    if title:
        proposals.give_title(session, reader(), row, title, now(), ciphers=services().ciphers)
    step = (str(form.seen.data), str(form.to.data))
    proposals.move(session, reader(), row.id, step, str(form.reason.data or ""), now(), teller=teller())


def _page(proposal_id: int, form: MoveForm, fault: str) -> str:
    ciphers = services().ciphers
    with matters() as session:
        row = communities.theirs(session, reader(), Proposal, proposal_id)
        own_words = access.in_committees(reader())
        note(session, reader(), "proposal_read", f"proposal:{row.id}", now())
        group = session.get(CommunityGroup, row.group_id) if row.group_id is not None else None
        events = [
            (event, session.get_one(Staff, event.staff_id).name, proposals.comment_of(event, ciphers=ciphers))
            for event in proposals.events_of(session, row.id)
        ]
        shown = {
            "community": session.get_one(Community, row.community_id),
            "said": proposals.words_of(row, ciphers=ciphers) if own_words else "",
            "followers": proposals.followers(session, row.id),
        }
    if not form.is_submitted():
        form.title.data, form.seen.data = row.title, row.state
    return render_template(
        "desk/proposal.html", row=row, number=show_proposal(row.number or ""), group=group, events=events, form=form,
        own_words=own_words, words=words, fault=fault, comment=WordForm("comment", say("A word to the committee")),
        here="desk.communities", **shown,
    )  # fmt: skip
