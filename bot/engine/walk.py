"""A turn under way: the one mutable thing of the engine, alive for one call of `step`."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from bot.engine import orders, parts, picking
from bot.engine.answers import understand
from bot.engine.effects import AnyEffect
from bot.engine.files import look_up
from bot.engine.flow import CONTINUE, RETURN, Choice, Flows, State
from bot.engine.hearing import milliseconds
from bot.engine.ports import Ids, Lookups
from bot.engine.session import Contact, Session
from bot.messages import Channel

MAX_HOPS = 25  # a loop without a question is refused by `maraba check`; this bounds what it may have missed
KEPT_BACK = 4
YOUNG = "young"  # the value that says: a file shown in this session is of somebody under 18


class Reply(msgspec.Struct, frozen=True, gc=False):
    """What is said: the catalogue key of a state, and the values its words need."""

    key: str
    arguments: dict[str, str]
    final: bool = False
    page: int = 0


@dataclass(slots=True)
class Walk:
    """Where the turn has got to. `values` belong to the flow under way and are dropped at the menu."""

    flows: Flows
    before: Session | None
    contact: Contact
    channel: Channel
    now: datetime
    lookups: Lookups
    ids: Ids
    phone: bool = True  # the person has a phone number; else only an opaque id of the channel
    values: dict[str, str] = field(init=False)
    verified: bool = field(init=False)
    back: tuple[str, ...] = field(init=False)
    returns: tuple[str, ...] = field(init=False)
    state: State | None = None
    replies: list[Reply] = field(default_factory=list)
    effects: list[AnyEffect] = field(default_factory=list)
    tickets: list[str] = field(default_factory=list)
    page: int = 0
    lists: dict[str, picking.Items] = field(init=False)
    private: bool = False
    may_wait: bool = False
    idle: int = 0  # milliseconds since the last question
    earlier: tuple[str, ...] = ()  # free texts of the last seconds, by SMS
    parts: tuple[str, ...] = ()  # those that the next SMS is heard together with
    words: str = ""  # what the person said, where it came in parts
    overheard: bool = False  # it went to staff, and the bot keeps silent

    def __post_init__(self) -> None:
        before = self.before
        self.values = dict(before.values) if before else {}
        self.verified = before.verified if before else False
        self.back = before.back if before else ()
        self.returns = before.returns if before else ()
        self.lists = dict(before.lists) if before else {}
        self.private = before.private if before else False

    # Ways to the next screen

    def enter_anew(self, entry: str, **values: str) -> None:
        """Leave what was under way and start at an entry (flows/entries.yaml). A child stays one (safety 6)."""
        young = {YOUNG: "yes", "minor": "yes"} if self.values.get(YOUNG) else {}
        self.values = values | young
        self.back = self.returns = ()
        self.lists = {}
        self.private = False
        self.enter(self.flows.entries[entry])

    def enter(self, name: str) -> None:
        """Follow states that do, look up, branch or hand over, until one speaks."""
        for _ in range(MAX_HOPS):
            if name == RETURN:
                name, self.returns = self.returns[-1], self.returns[:-1]
            state = self.flows.states[name]
            if state.verified and not self.verified:
                name = state.verified
                continue
            self.private = self.private or state.private
            for order in state.do:
                orders.carry_out(self, order)
            if state.asks or state.says:
                self.show(state)
                return
            name = self._onward(state)
        raise RecursionError(f"flow goes round without a question at {name}")

    def _onward(self, state: State) -> str:
        if state.hand_over:
            self.returns = (*self.returns, state.back_to)
            return state.hand_over
        if state.look_up:
            return state.outcomes[look_up(self, state.look_up)]
        for branch in state.branches:
            if all(self.fact(name) == value for name, value in branch.when.items()):
                return branch.go
        return state.go

    def fact(self, name: str) -> str:
        """What a branch may ask: channel, phone, language, consent, or a value of the flow; "" where unknown."""
        if name == "channel":
            return self.channel
        if name == "phone":
            return "yes" if self.phone else "no"
        if name in ("language", "consent"):
            return str(getattr(self.contact, name))
        return self.values.get(name, "")

    def choose(self, state: State, picked: Choice) -> None:
        """A choice was pressed."""
        self.values.update(picked.keep)
        for order in picked.do:
            orders.carry_out(self, order)
        if picked.go == CONTINUE:
            self._resume()
            return
        if picked.go == self.flows.entries["menu"]:
            self.enter_anew("menu")  # a need told from here is a new one
            return
        self._remember(state)
        self.enter(picked.go)

    def pick(self, state: State, item: tuple[str, str]) -> None:
        """An item of the list that was shown."""
        self.values[state.keep], self.values[f"{state.keep}_name"] = item
        self._remember(state)
        self.enter(state.go)

    def take(self, state: State, text: str) -> None:
        """Something was typed where the state takes an answer; what is not understood is asked again."""
        value = understand(self, state.answer, text)
        if value is None:
            if not state.secret and self._goes_on(text):
                return
            if state.wrong:
                self.enter(state.wrong)
            else:
                self.ask_again(state)
            return
        self.values[state.keep] = value
        self._remember(state)
        self.enter(state.go)

    def half(self, text: str) -> None:
        """Text that answers nothing: a part of a case number is kept for the next SMS, all else gets the menu."""
        if self._goes_on(text):
            return
        digits = understand(self, "half", text) if self.channel is Channel.SMS else None
        self.enter_anew("menu", **({"half": digits} if digits else {}))

    def _goes_on(self, text: str) -> bool:
        """Keep free text for the SMS that follow it. True: it is one text with the SMS before, answered already."""
        if self.channel is not Channel.SMS:
            return False
        self.parts = parts.kept(self.earlier, text)
        return parts.goes_on(self.earlier, text)

    def go_back(self, state: State) -> None:
        """`00`: the question before, without doing again what entering it did."""
        if not self.back:
            self.enter_anew("menu")
            return
        (name, *returns), self.back = self.back[-1].split(), self.back[:-1]
        self.returns = tuple(returns)
        previous = self.flows.states.get(name)
        if previous is None or (previous.verified and not self.verified):
            self.enter_anew("menu")
        else:
            self.show(previous)

    def offer_resume(self, state: State) -> None:
        """The line dropped: ask whether to go on, and remember where."""
        self.values["resume"] = state.name
        self.show(self.flows.states[self.flows.entries["resume"]])

    def _resume(self) -> None:
        """Go on where the line dropped: the same screen, without doing again what entering it did."""
        state = self.flows.states.get(self.values.pop("resume", ""))
        if state is None:
            self.enter_anew("menu")
        elif state.verified and not self.verified:
            self.enter(state.verified)
        else:
            self.show(state)

    def ask_again(self, state: State) -> None:
        """The same question once more; what was shown after the code, after the code again (safety 11)."""
        if state.a_page and self.before is not None:
            self.page = self.before.page
        if state.verified and not self.verified:
            self.enter(state.verified)
        else:
            self.show(state)

    def turn_page(self, state: State) -> None:
        """`98` on a long screen, `7` below a list."""
        self.page = (self.before.page if self.before else 0) + 1
        self.show(state)

    def stop(self, *, stopped: bool) -> None:
        """STOP and START: per channel, pushes only (safety 7)."""
        channel = Channel.SMS if self.channel is Channel.USSD else self.channel  # nothing is pushed by USSD
        others = tuple(name for name in self.contact.stopped if name.partition(":")[0] != channel)  # and its kinds
        self.contact = msgspec.structs.replace(self.contact, stopped=(*others, channel.value) if stopped else others)

    def answer_in(self, language: str) -> None:
        """The language of somebody's first words, while we know none of theirs."""
        if not self.contact.language and language in self.flows.languages:
            self.set_contact(language=language)

    def hush(self, *, queue: str, child: bool, words: str) -> None:
        """Danger in free text: a critical referral, nothing echoed (safety 5)."""
        self.words = words
        self.enter_anew("hush", hush_queue=queue, minor="yes" if child else "")

    # The end of the turn

    def show(self, state: State) -> None:
        """Say a state's words; if it asks, that is where the person stands now."""
        if state.a_page and not self._listed(state):
            self.enter_anew("menu")
            return
        self.state = state
        self.may_wait = state.may_wait
        arguments = {name: self.values[name] for name in state.placeholders if name in self.values}
        if state.a_page:
            arguments |= picking.arguments(state, self.channel, self.lists[state.name], self.page)
        self.replies.append(Reply(state.name, arguments, final=state.final, page=self.page))

    def _listed(self, state: State) -> bool:
        """Is there a list to pick from? A fresh one takes the place of the one shown here before."""
        if picking.LAST in self.lists:
            self.lists[state.name] = self.lists.pop(picking.LAST)
            self.page = 0
        return bool(self.lists.get(state.name))

    def asked(self, state: State) -> int:
        """The fingerprint of what a state asks here."""
        return picking.question(state, self.channel, self.lists.get(state.name, ()), self.page)

    def session(self) -> Session | None:
        """Where the person stands after this turn."""
        state, values = self.state, parts.put_in(self.values, self.parts)
        if state is None and self.overheard:
            where, private = (self.before.state, self.before.private) if self.before else ("", False)
            ended = Session(where, asked_at=milliseconds(self.now), values=parts.put_in({}, self.parts), open=False)
            return msgspec.structs.replace(ended, private=private)
        if state is None:
            return None if self.before is None else msgspec.structs.replace(self.before, values=values)
        if state.final:
            return Session(state.name, open=False, asked_at=milliseconds(self.now), private=self.private)
        return Session(
            state=state.name,
            question=self.asked(state),
            asked_at=milliseconds(self.now),
            values=values,
            back=self.back,
            returns=self.returns,
            verified=self.verified,
            page=self.page,
            private=self.private,
            lists=self._kept_lists(state),
        )

    def _kept_lists(self, state: State) -> dict[str, picking.Items]:
        """Those of the question that stands, of those that `00` and going on lead back to, and one not shown yet."""
        names = {picking.LAST, state.name, self.values.get("resume", ""), *(place.split()[0] for place in self.back)}
        return {name: items for name, items in self.lists.items() if name in names}

    def dialled(self, session: Session, digest: bytes, transcript: int) -> Session:
        """The session with its place in the USSD transcript. Once quiet it stays so, over further calls too."""
        before = self.before is not None and self.before.quiet
        quiet = before or self.private or self.verified or bool(self.tickets)
        return msgspec.structs.replace(session, dialled=digest, transcript=transcript, quiet=quiet)

    def set_contact(self, **fields: Any) -> None:
        """Change what we know of the address."""
        self.contact = msgspec.structs.replace(self.contact, **fields)

    def _remember(self, state: State) -> None:
        """With where a handed-over flow comes back to: going back leads out of it, or into it again."""
        self.back = (*self.back, " ".join((state.name, *self.returns)))[-KEPT_BACK:]
