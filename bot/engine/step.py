"""One turn, purely: from where a person stands and what was said, to the next screen and its effects."""

from datetime import datetime

import msgspec

from bot.engine import human, orders, parts, picking
from bot.engine.answers import understand
from bot.engine.effects import MISSED_CALL, AnyEffect, OpenReferral, StaffAnswer, Terms
from bot.engine.flow import Flows, State
from bot.engine.hearing import RESUME_FOR, WHATSAPP_IDLE, Heard, hear, milliseconds, session_digest
from bot.engine.ports import Ids, Lookups
from bot.engine.session import Contact, Session
from bot.engine.walk import YOUNG, Reply, Walk
from bot.errors import LookupAway
from bot.messages import Channel, Inbound, has_phone
from bot.text.cases import case_and_code, case_number, ticket
from bot.text.digits import choice, fold_digits
from bot.text.keywords import keyword, keyword_language, staff_answer, yes_no
from bot.text.proposals import proposal_number
from bot.triage import names_child

MENU, BACK, PRIVATE, MORE = "0", "00", "9", "98"
MENU_AMONG_NUMBERS, PRIVATE_AMONG_NUMBERS = "00", "99"  # where 0 and 9 are values (safety 21)


class Step(msgspec.Struct, frozen=True, gc=False):
    """What a turn leads to. `secret`: what was typed must not be recorded. `may_wait`: may be refused as full."""

    session: Session | None
    contact: Contact
    replies: tuple[Reply, ...]
    effects: tuple[AnyEffect, ...]
    tickets: tuple[str, ...] = ()
    secret: bool = False
    may_wait: bool = False
    words: str = ""  # what the person said, where it came in several messages


def step(
    flows: Flows,
    session: Session | None,
    contact: Contact,
    inbound: Inbound,
    now: datetime,
    *,
    lookups: Lookups,
    ids: Ids,
) -> Step:
    """Handle one message. No I/O but through `lookups`, no clock but `now`, no ids but `ids`."""
    if inbound.channel is Channel.VOICE:
        return _missed_call(flows, session, contact, ids=ids)
    state = _standing(flows, session, inbound.channel)
    heard = hear(inbound, session, state, now=now)
    phone = has_phone(inbound.address)
    walk = Walk(flows, session, contact, inbound.channel, now=now, lookups=lookups, ids=ids, phone=phone)
    _expire(walk, session, inbound, now)
    secret = _listen(walk, state, heard, inbound)
    return _result(walk, session, inbound, secret=secret)


def _missed_call(flows: Flows, session: Session | None, contact: Contact, *, ids: Ids) -> Step:
    """Somebody let it ring: that is the wish to be called at this number by day, and nothing is said (safety 1)."""
    need = flows.needs["OTH"]
    referral = OpenReferral(
        id=ids.referral(0),
        ticket=ids.ticket(0),
        queue=need.queue,
        level=need.level,
        code=need.code,
        source=MISSED_CALL,
        language=contact.language or None,
        terms=Terms(may_call=True, window="day"),
    )
    return Step(session, contact, replies=(), effects=(referral,), tickets=(referral.ticket,))


def _result(walk: Walk, session: Session | None, inbound: Inbound, *, secret: bool) -> Step:
    after = walk.session()
    if inbound.channel is Channel.USSD and after is not None:
        dialled = session_digest(inbound.session)
        done = session.transcript if session is not None and session.dialled == dialled else 0
        after = walk.dialled(after, dialled, max(done, inbound.reached))  # an old step never takes the place back
    return Step(
        session=after,
        contact=walk.contact,
        replies=tuple(walk.replies),
        effects=tuple(_with_sound(effect, inbound) for effect in walk.effects),
        tickets=tuple(walk.tickets),
        secret=secret,
        may_wait=walk.may_wait and not walk.effects,
        words=walk.words,
    )


def _with_sound(effect: AnyEffect, inbound: Inbound) -> AnyEffect:
    """A voice note belongs to the request that it opened."""
    if inbound.media_id and isinstance(effect, OpenReferral):
        return msgspec.structs.replace(effect, media=inbound.media_id)
    return effect


def _standing(flows: Flows, session: Session | None, channel: Channel) -> State | None:
    """The state whose question stands. A question that changed since is asked again, never reinterpreted."""
    if session is None or not session.open:
        return None
    return flows.states.get(session.state)


def _expire(walk: Walk, session: Session | None, inbound: Inbound, now: datetime) -> None:
    """Verified dies with the USSD session, after three idle minutes on WhatsApp, and with each SMS (safety 11)."""
    if session is None:
        return
    idle = walk.idle = milliseconds(now) - session.asked_at
    if idle > RESUME_FOR:
        walk.values.pop(YOUNG, None)  # perhaps somebody else holds the phone now
    if inbound.channel is Channel.SMS:
        walk.earlier = parts.taken_out(walk.values, idle)
    if inbound.channel is Channel.SMS or (inbound.channel is Channel.WHATSAPP and idle > WHATSAPP_IDLE):
        walk.verified = False


def _listen(walk: Walk, state: State | None, heard: Heard, inbound: Inbound) -> bool:
    """Decide what the message is, most binding first. Returns whether what was typed is secret."""
    if heard.dial:
        _dial(walk, state)
        return False
    if heard.again and state is not None:
        walk.ask_again(state)
        return False
    standing = None if heard.late else state
    with_staff = standing is None and human.talking(walk)
    if with_staff and human.for_staff(heard.text, inbound.media):
        return human.overhear(walk, heard.text)
    if inbound.media and not heard.text:
        _media(walk, standing, inbound.media)
        return False
    if _command(walk, standing, heard.text, inbound.channel):
        return False
    if state is not None and _more_of_it(walk, state, heard.text):
        return False
    if _danger(walk, heard.text):
        return False
    if with_staff:
        return human.overhear(walk, heard.text)
    if _number_by_itself(walk, standing, heard.text, inbound.channel):
        return True
    if standing is None:
        walk.half(heard.text)
        return False
    return _answer(walk, standing, heard.text)


def _media(walk: Walk, state: State | None, media: str) -> None:
    """A voice note goes to a person; pictures, stickers and places are dropped: the question again, in digits please."""
    if media == "audio":
        walk.enter_anew("voice_note")
    elif state is None:
        walk.enter_anew("menu")
    else:
        walk.ask_again(state)


def _dial(walk: Walk, state: State | None) -> None:
    """A new USSD session: go on where the line dropped, or the first screen; never a private step (safety 3)."""
    session = walk.before
    fresh = session is not None and milliseconds(walk.now) - session.asked_at <= RESUME_FOR
    walk.verified = False
    if not fresh or state is None or session is None or session.private:
        state = None
    if state is not None and state.name == walk.flows.entries["resume"]:
        walk.show(state)
    elif state is not None and _flow(state.name) != _flow(walk.flows.entries["menu"]):
        walk.offer_resume(state)
    else:
        walk.enter_anew("menu")


def _flow(name: str) -> str:
    return name.partition(".")[0]


def _command(walk: Walk, state: State | None, text: str, channel: Channel) -> bool:
    """Keywords, menu, back, private talk and staff's answers: they work in every state."""
    number = state is not None and state.number
    digits = fold_digits(text).strip() if len(text) <= 3 else ""
    if digits == PRIVATE_AMONG_NUMBERS or (digits == PRIVATE and not number):
        if state is not None and walk.values.get("talk"):
            walk.ask_again(state)  # the talk in private is under way
        else:
            walk.enter_anew("private", talk="yes")
        return True
    if state is not None and digits == (MENU_AMONG_NUMBERS if number else MENU):
        walk.enter_anew("menu")
        return True
    if state is not None and not number and digits == BACK:
        walk.go_back(state)
        return True
    if state is not None and not number and channel is Channel.USSD and digits == MORE:
        walk.turn_page(state)
        return True
    if digits:
        return False
    return _keyword(walk, text, channel)


def _keyword(walk: Walk, text: str, channel: Channel) -> bool:
    answer = staff_answer(text) if channel is not Channel.USSD else None
    if answer is not None:
        of_staff = None if answer.answer == "unclear" else _of_staff(walk)
        if of_staff is not False:
            walk.effects.append(StaffAnswer(answer=answer.answer, code=answer.code, result=answer.result))
        if of_staff:
            return True
    word = keyword(text)
    if word is None:
        return False
    walk.answer_in(keyword_language(text))
    if word in ("stop", "start"):
        walk.stop(stopped=word == "stop")
    walk.enter_anew({"stop": "stopped", "start": "started", "callback": "callback"}.get(word, "menu"))
    return True


def _of_staff(walk: Walk) -> bool | None:
    """Does somebody of the staff say it? None: not known now. From anybody else it is text like any other."""
    try:
        return walk.lookups.of_staff()
    except LookupAway:
        return None


def _danger(walk: Walk, text: str) -> bool:
    """Free text about danger, in whatever state (safety 5). Digits are never judged."""
    if (len(text) < 3 and not walk.earlier) or not any(character.isalpha() for character in text):
        return False
    danger, words = parts.judge_together(walk.earlier, text, walk.flows.roots)
    if danger is None:
        return False
    walk.answer_in(danger.language)
    walk.hush(queue=danger.queue, child=danger.child, words=words)
    return True


def _more_of_it(walk: Walk, state: State, text: str) -> bool:
    """The next part of a long SMS whose first one spoke of danger: to the same request, and no second answer."""
    if walk.channel is not Channel.SMS or not state.private or not walk.values.get("ref"):
        return False
    if walk.idle > parts.TOGETHER or _pressed(state, text) or not any(character.isalpha() for character in text):
        return False
    orders.add_words(walk, child=names_child(text, walk.flows.roots))
    return True


def _number_by_itself(walk: Walk, state: State | None, text: str, channel: Channel) -> bool:
    """A ticket, a case number, both numbers of a file, or a proposal's, typed where nothing asks for them."""
    if state is not None and state.answer:
        return False
    number = _joined(walk, text) if channel is Channel.SMS else None
    if number is not None:
        walk.enter_anew("case", case=number)
        return True
    if len(text) < 3:
        return False
    proposal = proposal_number(text) if text[0] in "Pp" else None  # as it is shown: P-1234
    if proposal is not None:
        walk.enter_anew("proposal", which=proposal)
        return True
    both = case_and_code(text)
    if both is not None:
        walk.enter_anew("case_and_code", case=both[0], secret=both[1])
        return True
    number = case_number(text)
    if number is not None:
        walk.enter_anew("case", case=number)
        return True
    shown = ticket(text)
    if shown is not None:
        walk.enter_anew("ticket", ticket=shown, half=shown)  # or seven digits of nine, by SMS
        return True
    return False


def _joined(walk: Walk, text: str) -> str | None:
    """A case number that came in two SMS within five minutes, whichever came first. One digit alone is a choice."""
    half, digits = walk.values.get("half", ""), "".join(filter(str.isdigit, fold_digits(text)))
    if not half or len(digits) < 2 or walk.idle > parts.HALF_FOR:
        return None
    return case_number(half + digits) or case_number(digits + half)


def _answer(walk: Walk, state: State, text: str) -> bool:
    """A choice or a typed answer to the question that stands."""
    channel, before = walk.channel, walk.before
    page = before.page if before else 0
    items = walk.lists.get(state.name, ())
    if before is not None and before.question != picking.question(state, channel, items, page):
        walk.enter(state.moved_to or state.name)
        return state.secret
    pressed = _pressed(state, text)
    picked = state.choices.get(channel, {}).get(pressed) if pressed else None
    item = picking.shown(state, items, page).get(pressed) if pressed and state.a_page else None
    if picked is not None:
        walk.choose(state, picked)
    elif item is not None:
        walk.pick(state, item)
    elif state.a_page and pressed == picking.MORE:
        walk.turn_page(state)
    elif state.answer:
        walk.take(state, text)
    elif channel is Channel.USSD or pressed or not _says_something(walk, text):
        walk.ask_again(state)
    else:
        walk.half(text)
    return state.secret


def _pressed(state: State, text: str) -> str | None:
    """The key that a text stands for."""
    return choice(text) or _yes_or_no(state, text)


def _says_something(walk: Walk, text: str) -> bool:
    """Words, or half a case number by SMS; a smile, dots or "1 2" leave the question as it stands."""
    half = walk.channel is Channel.SMS and understand(walk, "half", text) is not None
    return half or any(character.isalpha() for character in text)


def _yes_or_no(state: State, text: str) -> str | None:
    """Words or a thumb: "oui", "a'a" are an answer where the question is one of yes or no, and nowhere else."""
    if not state.yes:
        return None
    answer = yes_no(text)
    return None if answer is None else state.yes if answer else state.no
