"""Everything read from flows/ and locales/, and where each word of it stands."""

from dataclasses import dataclass
from pathlib import Path

from bot.content import catalogues
from bot.content.catalogues import Entry
from bot.content.loading import Loaded
from bot.content.screens import Constants, Content
from bot.content.specs import StateSpec
from bot.engine.flow import CONTINUE, RETURN, Flows, State

REMEDY_OF_SHAPE = "Write it as docs/flows.md shows."


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, where ("flows/help.yaml:12"), and what to do about it."""

    place: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what} {self.remedy}"

    @classmethod
    def of(cls, line: str) -> "Fault":
        """A fault of the readers: "flows/help.yaml:12: states.kind.ask: …"."""
        place, _, what = line.partition(": ")
        return cls(place, what, REMEDY_OF_SHAPE) if what else cls("flows", line, REMEDY_OF_SHAPE)

    @property
    def order(self) -> tuple[str, int, str]:
        """File, then line as a number."""
        file, _, line = self.place.rpartition(":")
        return (file, int(line), self.what) if line.isdigit() else (self.place, 0, self.what)


@dataclass(frozen=True)
class Book:
    """What the checks read."""

    content: Content
    entries: dict[str, dict[tuple[str, str], Entry]]  # language -> (context, English) -> translation

    @classmethod
    def read(cls, root: Path, constants: Constants) -> "Book":
        """Raises FlowError, a line a fault."""
        content = Content.read(root, constants)
        languages = [language for language in content.flows.languages if language != "en"]
        return cls(content, {language: catalogues.entries(root / "locales", language) for language in languages})

    @property
    def loaded(self) -> Loaded:
        """Flows as written."""
        return self.content.loaded

    @property
    def flows(self) -> Flows:
        """Flows as the engine has them."""
        return self.content.flows

    @property
    def states(self) -> dict[str, State]:
        """By full name."""
        return self.flows.states

    @property
    def specs(self) -> dict[str, StateSpec]:
        """As written, by full name."""
        return self.loaded.specs

    def known(self, name: str) -> bool:
        """Does a target lead somewhere?"""
        return name in self.states or name in (RETURN, CONTINUE)

    def at(self, state: str, *place: str) -> str:
        """Where a part of a state stands."""
        flow, _, short = state.partition(".")
        return self.loaded.sources[flow].at("states", short, *place)

    def table(self, name: str, *place: str) -> str:
        """Where a line of a table stands."""
        return self.loaded.sources[name].at(*place)

    def full(self, state: str, target: str) -> str:
        """A target as written in a state -> its full name."""
        if not target or "." in target or target in (RETURN, CONTINUE):
            return target
        return f"{state.partition('.')[0]}.{target}"
