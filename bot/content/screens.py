"""From a reply to the words a person reads: language, channel, values, plain letters, pages."""

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

import msgspec

from bot.config import ROOT, Settings
from bot.content import catalogues, lists
from bot.content.catalogues import Catalogue
from bot.content.loading import CHANNELS, PUSH, SENTENCE, STAGE_WORDS, Loaded, load
from bot.content.specs import ChoiceSpec, StateSpec
from bot.engine import picking
from bot.engine.flow import Flows
from bot.messages import Button
from bot.text.cases import show_ticket
from bot.text.dates import day_month, weekday, weekday_day_month
from bot.text.gsm7 import fold
from bot.text.pages import ussd_pages

DAY, SUM = re.compile(r"[dkw]:\d{4}-\d\d-\d\d"), re.compile(r"n:-?\d{1,12}")
LIST = "items"  # where a template has its list
WIDE = 4_000  # letters: nothing is cut where there is room
SCREEN = 160  # septets, "CON " included
PLAIN = ("ussd", "sms")
NO_BUTTONS: tuple[Button, ...] = ()


class Spoken(msgspec.Struct, frozen=True, gc=False):
    """What leaves: final words, and taps where the channel has them."""

    text: str
    buttons: tuple[Button, ...] = NO_BUTTONS
    pick: str = ""  # opens them where they are a list


@dataclass(frozen=True, slots=True)
class Constants:
    """What settings put into texts. An empty emergency number leaves its sentence out whole (safety: no wrong number)."""

    short_code: str
    emergency_number: str = ""


class Content:
    """Flows, catalogues and ready-made screens. Read once at start; shared by all threads."""

    def __init__(self, loaded: Loaded, translations: dict[str, Catalogue], constants: Constants) -> None:
        self.loaded = loaded
        self.flows: Flows = loaded.flows
        self.translations = translations
        self._constants = constants
        self._templates = {
            (name, channel, language): self._compose(name, spec, channel, language)
            for name, spec in loaded.specs.items()
            if spec.ask is not None or spec.say is not None
            for channel in CHANNELS
            for language in self.flows.languages
        }
        self._fixed: dict[tuple[str, str, str], Spoken] = {
            place: self._finish(*place, text)
            for place, text in self._templates.items()
            if not (self.flows.states[place[0]].placeholders or self.flows.states[place[0]].a_page)
            and not self._is_long(place[1], text)
        }

    @classmethod
    def read(cls, root: Path, constants: Constants) -> "Content":
        """Read flows/ and locales/ below `root`; raises FlowError."""
        loaded = load(root / "flows")
        translations = {
            language: catalogues.read(root / "locales", language)
            for language in loaded.flows.languages
            if language != "en"
        }
        return cls(loaded, translations, constants)

    def speak(self, key: str, arguments: dict[str, str], *, channel: str, language: str, page: int = 0) -> Spoken:
        """The words of a reply on a channel. USSD: without CON or END; `page` counts from 0."""
        language = language or self.flows.default_language
        place = (key, channel, language)
        fixed = self._fixed.get(place)
        if fixed is not None:
            return fixed
        return self._finish(*place, self._fill(place, arguments), arguments, page=page)

    def whole(self, key: str, arguments: dict[str, str], *, channel: str, language: str) -> str:
        """The words of a screen before they are cut into pages: what `maraba check` measures."""
        return self._fill((key, channel, language), arguments)

    def english(self, key: str, arguments: dict[str, str], *, channel: str = "ussd") -> str:
        """The same screen in English, for whoever reviews or learns."""
        return self.speak(key, arguments, channel=channel, language="en").text

    def say(self, key: str, english: str, language: str) -> str:
        """One text in a language; the English one where a translation is missing."""
        if language == "en" or not english:
            return english
        return self.translations[language].get(key, english) or english

    def sentences(self) -> tuple[str, ...]:
        """The keys of what staff may write (flows/sentences.yaml), in the order of the file."""
        return tuple(key.partition(".")[2] for key in self.loaded.texts if key.startswith(f"{SENTENCE}."))

    def sentence(self, name: str, language: str) -> str:
        """A reviewed sentence as it leaves; the default language where the person's has none."""
        language = language if language in self.flows.languages else self.flows.default_language
        return self.as_it_leaves(f"{SENTENCE}.{name}", language)

    def push(self, name: str, language: str) -> str:
        """What leaves unasked about a file (flows/pushes.yaml), in one of the languages of the flows."""
        return self.as_it_leaves(f"{PUSH}.{name}", language)

    def as_it_leaves(self, key: str, language: str) -> str:
        """A text of its own, by its key in the catalogues."""
        return self.say(key, self.loaded.texts[key], language).replace("{short_code}", self._constants.short_code)

    def down(self, language: str = "") -> str:
        """What a person reads while the conversation store is away."""
        language = language or self.flows.default_language
        text = self.say("notice.down", self.loaded.texts["notice.down"], language)
        return fold(text.replace("{emergency}", self._emergency(language)))

    def _compose(self, name: str, spec: StateSpec, channel: str, language: str) -> str:
        """A screen's template: question, choices, the sentence after them, the foot."""
        lines = [self.say(name, spec.ask if spec.ask is not None else spec.say or "", language)]
        lines += [f"{choice.key} {self._choice(choice, language)}" for choice in spec.choices if choice.say]
        if spec.pick:
            lines.insert(1, f"{{{LIST}}}")
        if spec.after:
            lines.append(self.say(f"{name}.after", spec.after, language))
        if channel != "sms":
            words = self.loaded.sources["words"].data["foot"]
            lines += [self.say("", words[foot], language) for foot in spec.foot]
        text = _between(channel).join(line for line in lines if line)
        text = text.replace("{short_code}", self._constants.short_code).replace(
            "{emergency}", self._emergency(language)
        )
        return fold(text, language) if channel in PLAIN else text

    def _emergency(self, language: str) -> str:
        number = self._constants.emergency_number
        if not number:
            return ""
        return self.say("notice.emergency", self.loaded.texts["notice.emergency"], language).format(number=number)

    def _fill(self, place: tuple[str, str, str], arguments: dict[str, str]) -> str:
        _, channel, language = place
        values = {name: self.value(name, raw, language) for name, raw in arguments.items()}
        if "stage" in arguments:
            values.update(self._stage(arguments["stage"], channel, language))
        if picking.QUESTION in arguments:
            values[LIST] = self._listed(place, values, arguments)
        text = self._templates[place].format_map(_Blank(values))
        return fold(text, language) if channel in PLAIN and not text.isascii() else text

    def _listed(self, place: tuple[str, str, str], values: dict[str, str], arguments: dict[str, str]) -> str:
        """The lines of a list; their labels are cut where a small screen is full."""
        _, channel, language = place
        labels = self._labels(arguments, language)
        if channel not in PLAIN:
            return lists.lines(labels, WIDE)
        around = fold(self._templates[place].format_map(_Blank(values)), language)
        labels = {key: fold(label, language) for key, label in labels.items()}
        return lists.lines(labels, SCREEN - 4 - lists.measure(around), between=_between(channel))

    def _labels(self, arguments: dict[str, str], language: str) -> dict[str, str]:
        """What each key of a list says, `7` for more among them."""
        keys = [key for key in arguments if key.isdigit()]
        more = self.say("", self.loaded.sources["words"].data["foot"]["more_items"], language)
        return {key: more if key == picking.MORE else self.value(key, arguments[key], language) for key in keys}

    def _stage(self, code: str, channel: str, language: str) -> dict[str, str]:
        words = {}
        for part in STAGE_WORDS:
            key = f"stage.{code}.{part}"
            if channel == "whatsapp" and f"{key}.whatsapp" in self.loaded.texts:
                key = f"{key}.whatsapp"
            words[part] = self.say(key, self.loaded.texts.get(key, ""), language)
        return words

    def value(self, name: str, raw: str, language: str) -> str:
        """A value as people read it: `@key` a text, `d:` a date, `w:` with its weekday, `k:` the weekday, `p:` a place, `n:` a sum."""
        if name == "ticket":
            return show_ticket(raw)
        kind, rest = raw[:2], raw[2:]
        if raw.startswith("@"):
            return self.say(raw[1:], self.loaded.texts.get(raw[1:], ""), language)
        if DAY.fullmatch(raw):
            day = date.fromisoformat(rest)
            if kind == "k:":
                return weekday(day, language)
            return day_month(day) if kind == "d:" else weekday_day_month(day, language, capital=True)
        if SUM.fullmatch(raw):
            return f"{int(rest):,}".replace(",", " ")
        if kind == "p:":
            return self._place(rest, language)
        return raw

    def _place(self, place: str, language: str) -> str:
        """Office Tahoua, as people say it; a place of another kind is read as it stands."""
        for prefix, key in PLACES:
            if place.startswith(prefix):
                text = self.say(f"place.{key}", self.loaded.texts[f"place.{key}"], language)
                return text.format(name=place.removeprefix(prefix).strip())
        return place

    def _finish(
        self,
        key: str,
        channel: str,
        language: str,
        text: str,
        arguments: dict[str, str] | None = None,
        *,
        page: int = 0,
    ) -> Spoken:
        if channel == "ussd" and self._is_long(channel, text):
            more = fold(self.say("", self.loaded.sources["words"].data["foot"]["more"], language))
            pages = ussd_pages(text, more=more, septets=SCREEN)
            return Spoken(pages[min(page, len(pages) - 1)])
        if channel == "whatsapp":
            pick = self.say("", self.loaded.sources["words"].data["foot"]["pick"], language)
            return Spoken(text, self._buttons(key, arguments or {}, language), pick)
        return Spoken(text)

    def _buttons(self, key: str, arguments: dict[str, str], language: str) -> tuple[Button, ...]:
        """Each carries its question, a list's also its page: an older button never answers a newer question."""
        question = arguments.get(picking.QUESTION) or f"{self.flows.states[key].questions.get('whatsapp', 0):08x}"
        choices = self.loaded.specs[key].choices
        labels = {choice.key: self._choice(choice, language) for choice in choices if choice.say}
        labels = self._labels(arguments, language) | labels
        return tuple(Button(f"{question}:{pressed}", label) for pressed, label in labels.items())

    def _choice(self, choice: ChoiceSpec, language: str) -> str:
        return self.say("", choice.say, language) if choice.translate else choice.say

    @staticmethod
    def _is_long(channel: str, text: str) -> bool:
        return channel == "ussd" and len(text) > SCREEN - 4 - text.count("{") - text.count("}")


def content_of(settings: Settings) -> Content:
    """What an installation says, read once in this process; raises FlowError."""
    return _content(settings.short_code, settings.emergency_number)


@lru_cache(maxsize=4)
def _content(short_code: str, emergency_number: str) -> Content:
    return Content.read(ROOT, Constants(short_code, emergency_number))


def _between(channel: str) -> str:
    return " " if channel == "sms" else "\n"


PLACES = (("Office ", "office"), ("Home visit ", "home"), ("Training site ", "training"), ("Phone call", "phone"))


class _Blank(dict[str, str]):
    """A value the flow does not have is left out: `{when}` where no time was said."""

    def __missing__(self, name: str) -> str:
        return ""
