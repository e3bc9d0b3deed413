"""From the files in flows/ to the engine's tables and the texts of each screen."""

from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter
from typing import Any

from bot.content.data import DataSpec
from bot.content.specs import FlowSpec, NeedsSpec, StageSpec, StateSpec
from bot.engine.flow import CONTINUE, RETURN, Branch, Choice, Flows, Need, Order, Stage, State, fingerprint
from bot.errors import FlowError
from bot.sources import Source
from bot.triage import Roots

TABLES = {
    "calendar",
    "checkins",
    "entries",
    "needs",
    "process",
    "pushes",
    "stages",
    "words",
    "danger_words",
    "data",
    "never_send",
    "sentences",
}
CHANNELS = ("ussd", "sms", "whatsapp")
SENTENCE = "sentence"  # texts with which staff answer in writing
PUSH = "push"  # texts that leave unasked, about a file
STAGE_WORDS = ("now", "next", "usual")
CONSTANTS = ("short_code", "emergency")  # from the settings, put in at start


@dataclass(frozen=True)
class Loaded:
    """Everything read from flows/, before and after it became the engine's tables."""

    flows: Flows
    specs: dict[str, StateSpec]  # flow.state -> as written
    sources: dict[str, Source]  # flow or table name -> file
    texts: dict[str, str]  # key -> English: flow.state, stage.CODE.now, foot.menu …
    pushed: dict[str, dict[str, str]]  # entry of a question that we push -> what its words may show, longest values
    shared: set[str] = field(default_factory=set)  # English of choices and foot lines, translated once for all


def load(folder: Path) -> Loaded:
    """Read all of flows/; raises FlowError with file, line and remedy."""
    sources = {path.stem: Source(path) for path in sorted(folder.glob("*.yaml"))}
    missing = (TABLES - {"never_send"}) - set(sources)
    if missing:
        raise FlowError(f"{folder.name}/: missing {', '.join(sorted(missing))}")
    parsed: dict[str, FlowSpec] = {
        name: source.parse(FlowSpec) for name, source in sources.items() if name not in TABLES
    }
    _refuse_strays(parsed, sources)
    specs = {f"{flow.flow}.{name}": state for flow in parsed.values() for name, state in flow.states.items()}
    needs: NeedsSpec = sources["needs"].parse(NeedsSpec)
    stages: dict[str, StageSpec] = sources["stages"].parse(dict[str, StageSpec])
    entries: dict[str, str] = sources["entries"].parse(dict[str, str])
    words: dict[str, dict[str, str]] = sources["words"].parse(dict[str, dict[str, str]])
    sentences: dict[str, str] = sources["sentences"].parse(dict[str, str])
    data: DataSpec = sources["data"].parse(DataSpec)
    texts, shared = _texts(specs, stages, words)
    pushes: dict[str, str] = sources["pushes"].parse(dict[str, str])
    texts |= {f"{SENTENCE}.{name}": text for name, text in sentences.items()}
    texts |= {f"{PUSH}.{name}": text for name, text in pushes.items()}
    flows = Flows(
        states=_states(parsed, specs),
        needs={code: Need(code=code, **spec.model_dump()) for code, spec in needs.codes.items()},
        stages={code: Stage(code, spec.screen, spec.days) for code, spec in stages.items()},
        entries=entries,
        roots=_roots(sources["danger_words"]),
        look_ups=data.made_look_ups,
        acts=data.made_acts,
    )
    return Loaded(flows, specs, sources, texts, data.made_pushes, shared)


def _refuse_strays(parsed: dict[str, FlowSpec], sources: dict[str, Source]) -> None:
    strays = [
        f"{sources[name].at('flow')}: the flow '{flow.flow}' stands in {name}.yaml: rename one of them"
        for name, flow in parsed.items()
        if flow.flow != name
    ]
    if strays:
        raise FlowError("\n".join(strays))


def placeholders(text: str) -> tuple[str, ...]:
    """The names in braces, in order, each once."""
    return tuple(dict.fromkeys(name for _, name, _, _ in Formatter().parse(text) if name))


def _states(parsed: dict[str, FlowSpec], specs: dict[str, StateSpec]) -> dict[str, State]:
    states = {}
    for flow in parsed.values():
        for name, spec in flow.states.items():
            full = f"{flow.flow}.{name}"
            states[full] = _state(full, spec, flow)
    return states


def _state(name: str, spec: StateSpec, flow: FlowSpec) -> State:
    def target(short: str) -> str:
        return short if not short or "." in short or short in (RETURN, CONTINUE) else f"{flow.flow}.{short}"

    choices = {
        choice.key: Choice(choice.key, target(choice.go), _orders(choice.do), choice.keep) for choice in spec.choices
    }
    answer, pick, asked = spec.answer, spec.pick, spec.answer or spec.pick
    yes, no = _yes_and_no(spec)
    question = fingerprint(_kind(spec), *(f"{choice.key}={target(choice.go)}" for choice in spec.choices)) or 1
    return State(
        name=name,
        do=_orders(spec.do),
        branches=tuple(Branch(target(branch.go), branch.when) for branch in spec.branches),
        look_up=spec.look_up,
        outcomes={outcome: target(go) for outcome, go in spec.outcomes.items()},
        hand_over=target(spec.hand_over),
        back_to=target(spec.back_to),
        choices=dict.fromkeys(CHANNELS, choices),
        answer=answer.type if answer else "",
        keep=asked.keep if asked else "",
        go=target((asked or spec).go),
        wrong=target(answer.wrong) if answer else "",
        a_page=pick.a_page if pick else 0,
        asks=spec.ask is not None,
        says=spec.say is not None,
        final=spec.say is not None,
        number=answer is not None and answer.type != "words",
        private=spec.private or flow.private,
        verified=target(spec.verified),
        secret=spec.secret,
        elsewhere=spec.elsewhere,
        may_wait=flow.may_wait,
        open_for=spec.open_for * 1_000,
        questions=dict.fromkeys(CHANNELS, question if spec.ask is not None else 0),
        placeholders=_needed(spec),
        moved_to=target(spec.moved_to),
        yes=yes,
        no=no,
    )


def _kind(spec: StateSpec) -> str:
    """How a question is answered, choices apart: a part of its fingerprint."""
    if spec.pick:
        return f"pick {spec.pick.a_page}"
    return spec.answer.type if spec.answer else ""


def _yes_and_no(spec: StateSpec) -> tuple[str, str]:
    """The keys of "Yes" and "No" where these are the only choices."""
    keys = {choice.say: choice.key for choice in spec.choices}
    yes = keys.get("Yes") or keys.get("I agree")
    return (yes, keys["No"]) if yes and "No" in keys and len(keys) == 2 else ("", "")


def _needed(spec: StateSpec) -> tuple[str, ...]:
    """The values a screen's words need: a stage's words follow from its code."""
    names = placeholders((spec.ask or "") + (spec.say or "") + spec.after)
    return tuple(dict.fromkeys("stage" if name in STAGE_WORDS else name for name in names if name not in CONSTANTS))


def _orders(lines: tuple[dict[str, dict[str, Any]], ...]) -> tuple[Order, ...]:
    return tuple(Order(verb, arguments) for line in lines for verb, arguments in line.items())


def _texts(
    specs: dict[str, StateSpec], stages: dict[str, StageSpec], words: dict[str, dict[str, str]]
) -> tuple[dict[str, str], set[str]]:
    texts: dict[str, str] = {}
    shared: set[str] = set()
    for name, spec in specs.items():
        texts[name] = spec.ask if spec.ask is not None else spec.say or ""
        if spec.after:
            texts[f"{name}.after"] = spec.after
        shared.update(choice.say for choice in spec.choices if choice.say and choice.translate)
    for code, stage in stages.items():
        for part in STAGE_WORDS:
            texts[f"stage.{code}.{part}"] = getattr(stage, part)
            if part in stage.whatsapp:
                texts[f"stage.{code}.{part}.whatsapp"] = stage.whatsapp[part]
    for group, members in words.items():
        for name, text in members.items():
            if group == "foot" and name != "private_any_language":
                shared.add(text)
            elif f"{group}.{name}" in specs:
                raise FlowError(f"flows/words.yaml: '{group}.{name}' is the name of a state: call the word otherwise")
            else:
                texts[f"{group}.{name}"] = text
    return {key: text for key, text in texts.items() if text}, shared


def _roots(source: Source) -> Roots:
    try:
        return Roots.of(source.data)
    except ValueError as error:
        raise FlowError(f"{source.at()}: {error}") from None
