"""What the verbs under `do:` in a flow file mean. One function a verb; `maraba check` knows them by this table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bot.engine.effects import Act, AnswerCallNow, AnswerSolved, AttachReferral, Level, OpenReferral, ShowStatus, Terms
from bot.engine.effects import UpdateReferral as Update
from bot.engine.flow import Order
from bot.engine.hearing import milliseconds

if TYPE_CHECKING:
    from bot.engine.walk import Walk

DAY = 86_400_000
KEPT_RECENT = 4
NOBODY = Terms(may_call=False)


def carry_out(walk: Walk, order: Order) -> None:
    """Do one line of `do`."""
    VERBS[order.verb](walk, **order.arguments)


def open_referral(walk: Walk, code: str = "", **given: Any) -> None:
    """Save a need at its first choice; calls stay forbidden until the person allows them (safety 1).

    Inside one help dialogue a second kind corrects the first instead of opening another.
    """
    need = walk.flows.needs.get(code)
    queue = given.get("queue") or (need.queue if need else "")
    level: Level = given.get("level") or (need.level if need else "normal")
    if walk.values.get("minor") == "yes" and queue != "sealed":
        queue = "child"
    if walk.values.get("ref"):
        walk.effects.append(Update(id=walk.values["ref"], code=code or None, queue=queue, level=level))
        walk.values["code"] = code
        return
    _note_repeat(walk, code)
    referral = _open(walk, code=code or None, queue=queue, level=level, **_marks(walk, given))
    if need is not None and need.repeatable:
        recent = (code, referral.id, milliseconds(walk.now))
        walk.set_contact(recent=(*walk.contact.recent, recent)[-KEPT_RECENT:])


def open_hush(walk: Walk) -> None:
    """Danger words: critical, the text kept encrypted for that queue alone (safety 5)."""
    queue, minor = walk.values.pop("hush_queue", "protection"), walk.values.get("minor") == "yes"
    queue = "child" if minor else queue
    _open(walk, queue=queue, level="critical", source="hush", text=True, minor=minor)


def urgent(walk: Walk, yes: bool) -> None:
    """Is it urgent, now? Yes raises the level as flows/needs.yaml says; no never lowers it."""
    need = walk.flows.needs.get(walk.values.get("code", ""))
    level: Level | None = None
    code = queue = None
    if yes and need is not None:
        level = need.urgent
        if need.urgent_code:
            code = walk.values["code"] = need.urgent_code
            queue = None if walk.values.get("minor") == "yes" else walk.flows.needs[code].queue  # safety 6
    _update(walk, urgent=yes, level=level, code=code, queue=queue)


def allow_call(walk: Walk, window: str = "any") -> None:
    """The person says that we may call, and when; perhaps on another number."""
    walk.values["window"] = window
    walk.values["when"] = f"@window.{window}"
    _update(walk, terms=Terms(may_call=True, window=window, number=walk.values.get("number", "")))


def deny_call(walk: Walk) -> None:
    """Not safe: nobody calls, nobody writes (safety 2)."""
    walk.values.pop("window", None)
    if walk.contact.texts == "yes":
        walk.set_contact(texts="")  # nobody writes: what was agreed before is asked again
    _update(walk, terms=NOBODY)


def caller(walk: Walk, who: str) -> None:
    """Who should call: woman, man or anyone."""
    _update(walk, caller=who)


def call_language(walk: Walk, language: str) -> None:
    """The language of the call."""
    _update(walk, call_language=language)


def for_child(walk: Walk) -> None:
    """It is for a child, or a child speaks: child protection, whatever the kind (safety 6)."""
    walk.values["minor"] = "yes"
    _update(walk, minor=True, queue="child")


def go_outside(walk: Walk) -> None:
    """Somebody outside this office: a sealed referral of its own, still without a category (safety 3, 18, 19).

    The first one was already put before people inside. It stays, without number and without permission
    to call, so that nobody who was told of it learns that a sealed one exists (docs/decisions/0004).
    """
    window = walk.values.get("window")
    terms = Terms(may_call=True, window=window, number=walk.values.get("number", "")) if window else None
    first = walk.values.pop("ref", "")
    if first:
        walk.effects.append(Update(id=first, terms=NOBODY, forget_contact=True))
    minor = walk.values.get("minor") == "yes"
    _open(walk, queue="sealed", level="critical", source="private", private=True, sealed=True, terms=terms, minor=minor)
    _update(walk, caller="outside")


def add_words(walk: Walk, *, child: bool) -> None:
    """More words to the request that is open; of a child, to child protection (safety 5, 6). No verb of the files."""
    _update(walk, text=True, **({"minor": True, "queue": "child"} if child else {}))


def attach_referral(walk: Walk) -> None:
    """Same person, same problem: the new number names the earlier request (safety 4)."""
    walk.effects.append(AttachReferral(id=walk.values["ref"], to=walk.values["earlier"]))


def call_now(walk: Walk, yes: bool) -> None:
    """The answer to "may we call you now?" after a ticket number was typed (safety 2)."""
    walk.effects.append(AnswerCallNow(ticket=walk.values["ticket"], yes=yes, number=walk.values.get("number", "")))


def answer_solved(walk: Walk, yes: bool) -> None:
    """The answer to "is this solved?" about a closed request."""
    walk.effects.append(AnswerSolved(ticket=walk.values["ticket"], yes=yes))


def show_status(walk: Walk) -> None:
    """The person is being told where the file stands."""
    walk.effects.append(ShowStatus(case=walk.values["case"]))


def language(walk: Walk, to: str) -> None:
    """From now on in this language, on every channel."""
    walk.set_contact(language=to)


def consent(walk: Walk, answer: str) -> None:
    """The notice was shown and answered; "no" goes on all the same (safety 25)."""
    walk.set_contact(consent=answer)


def texts(walk: Walk, answer: str) -> None:
    """May we write to go on where a line drops? "yes" or "no"."""
    walk.set_contact(texts=answer)


def keep(walk: Walk, **values: str) -> None:
    """Keep values for later branches of this conversation."""
    walk.values.update(values)


def act(walk: Walk, what: str, **given: str) -> None:
    """An order that flows/data.yaml declares, with the values it needs; those given here go before those kept."""
    declared = walk.flows.acts[what]
    known = {**walk.values, **given}
    values = {name: known[name] for name in (*declared.needs, *declared.optional) if name in known}
    walk.effects.append(Act(what=what, values=values, text=declared.text))


VERBS: dict[str, Callable[..., None]] = {
    verb.__name__: verb
    for verb in (
        open_referral, open_hush, urgent, allow_call, deny_call, caller, call_language, for_child, go_outside,
        attach_referral, call_now, answer_solved, show_status, language, consent, texts, keep, act,
    )
}  # fmt: skip


def _open(walk: Walk, **fields: Any) -> OpenReferral:
    n = len(walk.tickets)
    referral = OpenReferral(
        id=walk.ids.referral(n),
        ticket=walk.ids.ticket(n),
        language=walk.contact.language or None,
        case=walk.values.get("case") if walk.verified else None,
        **fields,
    )
    walk.effects.append(referral)
    walk.tickets.append(referral.ticket)
    walk.values["ref"] = referral.id
    walk.values["ticket"] = referral.ticket
    walk.values["code"] = referral.code or ""
    return referral


def _marks(walk: Walk, given: dict[str, Any]) -> dict[str, Any]:
    return {
        "private": bool(given.get("private")),
        "source": given.get("source", "menu"),
        "minor": walk.values.get("minor") == "yes",
    }


def _note_repeat(walk: Walk, code: str) -> None:
    """Was the same kind of need told within 24 hours? The flow then asks, without number or kind (safety 4)."""
    since = milliseconds(walk.now) - DAY
    walk.values.pop("repeat", None)
    for kind, referral, at in walk.contact.recent:
        if kind == code and at > since:
            walk.values.update(repeat="yes", earlier=referral)


def _update(walk: Walk, **fields: Any) -> None:
    if walk.values.get("ref"):
        walk.effects.append(Update(id=walk.values["ref"], **fields))
