"""flows/data.yaml: what conversations may ask of the tables and order from the recorder, by name."""

from pydantic import Field, field_validator

from bot.content.specs import Spec
from bot.engine.files import AWAY, LOOKUPS
from bot.engine.flow import ActOf, LookUp

USUAL_LONGEST = "a fact of 16 ch."  # what is measured where a fact has no example of its own


class LookUpSpec(Spec):
    """One look-up: `gives` is a list of facts, or each fact with an example of its longest value."""

    outcomes: tuple[str, ...]
    needs: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    gives: tuple[str, ...] | dict[str, str] = ()
    a_list: bool = Field(False, alias="list")
    claims: bool = False
    forgets: tuple[str, ...] = ()

    @field_validator("outcomes")
    @classmethod
    def _may_be_away(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if AWAY not in value:
            raise ValueError(f"the outcome '{AWAY}' is missing: what is said while the data can't be reached")
        return value

    def made(self) -> LookUp:
        """As the engine has it."""
        gives = self.gives if isinstance(self.gives, dict) else dict.fromkeys(self.gives, USUAL_LONGEST)
        return LookUp(
            self.outcomes,
            self.needs,
            self.optional,
            gives,
            a_list=self.a_list,
            claims=self.claims,
            forgets=self.forgets,
        )


class ActSpec(Spec):
    """One act; `text`: the person's own words of the same turn go with it."""

    needs: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    text: bool = False

    def made(self) -> ActOf:
        """As the engine has it."""
        return ActOf(self.needs, self.optional, self.text)


class PushedSpec(Spec):
    """A question that we push, by the name of its entry: what its words may show is known when it is pushed."""

    gives: tuple[str, ...] | dict[str, str] = ()

    def made(self) -> dict[str, str]:
        """Each value with its longest example."""
        return dict(self.gives) if isinstance(self.gives, dict) else dict.fromkeys(self.gives, USUAL_LONGEST)


class DataSpec(Spec):
    """flows/data.yaml."""

    look_ups: dict[str, LookUpSpec] = Field(default_factory=dict)
    acts: dict[str, ActSpec] = Field(default_factory=dict)
    pushed: dict[str, PushedSpec] = Field(default_factory=dict)

    @field_validator("look_ups")
    @classmethod
    def _not_the_engines_own(cls, value: dict[str, LookUpSpec]) -> dict[str, LookUpSpec]:
        if taken := sorted(set(value) & set(LOOKUPS)):
            raise ValueError(f"'{taken[0]}' is a look-up of the engine itself: give this one another name")
        return value

    @property
    def made_look_ups(self) -> dict[str, LookUp]:
        """As the engine has them."""
        return {name: spec.made() for name, spec in self.look_ups.items()}

    @property
    def made_acts(self) -> dict[str, ActOf]:
        """As the engine has them."""
        return {name: spec.made() for name, spec in self.acts.items()}

    @property
    def made_pushes(self) -> dict[str, dict[str, str]]:
        """What the words of each may show, with its longest value."""
        return {entry: spec.made() for entry, spec in self.pushed.items()}
