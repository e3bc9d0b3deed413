"""Does a message speak of danger? Words raise a level, they never lower one (safety 5, 6, 23).

A sieve, not a judge of people: it only decides that a human must look soon. Negations raise as well; false
alarms are accepted and counted in its tests. The words stand in flows/danger_words.yaml.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from bot.text.digits import fold_digits
from bot.text.plain import plain

Level = Literal["high", "critical"]
Queue = Literal["protection", "child"]


@dataclass(frozen=True, slots=True)
class Danger:
    """What the words amount to. `child`: a minor seems to be concerned, and the queue is then that of child protection.

    `language`: whose words they are, to answer somebody unknown; "" where two languages claim them alike.
    """

    level: Level
    child: bool
    queue: Queue
    language: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Roots:
    """The words of danger, compiled; built once by `Roots.of`."""

    by_start: dict[str, tuple["_Root", ...]]
    count: int  # roots as written in the file

    @staticmethod
    def of(data: Mapping[str, Any]) -> "Roots":
        """Compile the content of flows/danger_words.yaml. Raises ValueError that names the wrong key.

        A root is one or more words: `*` after a word takes any ending, `..` lets up to three other words
        stand between, `{years}` is a number under 18.
        """
        written = list(_read(data))
        by_start: dict[str, list[_Root]] = {}
        for key, text, mark in written:
            for root in _compile(key, text, mark):
                by_start.setdefault(root.first.stem[:_SHORTEST], []).append(root)
        return Roots({start: tuple(dict.fromkeys(roots)) for start, roots in by_start.items()}, len(written))


def judge(text: str, roots: Roots) -> Danger | None:
    """The danger a text speaks of, or None. Compared without accents, hooks, repeated letters, and 0 for o.

    A child word counts with a danger word, and then the danger is critical, or within four words of a word
    of need (alone, lost, ill).
    """
    if len(text) < _SHORTEST or text.isdigit():
        return None
    danger: list[_Mark] = []
    needs: list[tuple[int, _Mark]] = []
    children: list[int] = []
    languages: Counter[str] = Counter()
    for position, mark in _hits(_words(text), roots.by_start):
        languages[mark.language] += 1
        if mark.kind == "danger":
            danger.append(mark)
        elif mark.kind == "need":
            needs.append((position, mark))
        else:
            children.append(position)
    child = any(mark.child for mark in danger)
    levels = {mark.level for mark in danger}
    if children and not all(mark.child for mark in danger):
        child = True
        levels.add("critical")
    near = {mark.level for at, mark in needs if any(abs(at - place) <= _NEAR for place in children)}
    if near:
        child = True
        levels |= near
    if not levels:
        return None
    level: Level = "critical" if "critical" in levels else "high"
    return Danger(level, child, "child" if child else "protection", _most(languages))


def names_child(text: str, roots: Roots) -> bool:
    """Do the words name a child or a child's danger? Asked of what follows words of danger."""
    return any(mark.kind == "child" or mark.child for _, mark in _hits(_words(text), roots.by_start))


def _most(languages: Counter[str]) -> str:
    (first, count), *others = languages.most_common(2)
    return "" if others and others[0][1] == count else first


_SHORTEST = 3
_NEAR = 4
_GAP = 3
_ADULT = 18
_YEARS = "{years}"
_LEVELS = ("high", "critical")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_REPEATED = re.compile(r"([^\W\d])\1+")
_LETTER_ALONE = re.compile(r" [^\W\d](?= )")
_SPELLED_OUT = re.compile(r"(?<!\S)(?:[^\W\d] ){3,}[^\W\d](?!\S)")
_FEWEST_LETTERS, _LONGEST_WORD = 4, 12
_MOST_LETTERS, _MOST_ROWS = 40, 20  # a megabyte of single letters must not keep a turn waiting
_FIGURE = re.compile(r"[0-9]")
_MIXED = re.compile(r"(?=\w*[0-9])(?=\w*[^\W\d])\w+")
_SIGNS = str.maketrans({"@": "a", "$": "s"})
_FIGURES = str.maketrans("013457", "oieast")


@dataclass(frozen=True, slots=True)
class _Mark:
    """What a root that was found says."""

    kind: Literal["danger", "need", "child"]
    level: Level = "high"
    child: bool = False
    language: str = ""


@dataclass(frozen=True, slots=True)
class _Part:
    """One word of a root. `open`: any ending; `gap`: how many other words may stand before it."""

    stem: str
    open: bool
    gap: int

    def fits(self, word: str) -> bool:
        if self.stem == _YEARS:
            return len(word) <= 2 and word.isdigit() and 0 < int(word) < _ADULT
        return word.startswith(self.stem) if self.open else word == self.stem


@dataclass(frozen=True, slots=True)
class _Root:
    first: _Part
    rest: tuple[_Part, ...]
    mark: _Mark


def _words(text: str) -> list[str]:
    """The words of a text in the form in which roots are compiled, then what may have been spelled out letter by letter."""
    form = plain(fold_digits(text).translate(_SIGNS), apostrophe=" ")
    words = _squeezed(form).split()
    if len(_LETTER_ALONE.findall(f" {form} ")) >= _FEWEST_LETTERS:
        words += _spelled_out(form)
    return words


def _squeezed(text: str) -> str:
    """Figures inside words as letters ("m0urir"), repeated letters once."""
    if _FIGURE.search(text):
        text = _MIXED.sub(lambda match: match[0].translate(_FIGURES), text)
    return _REPEATED.sub(r"\1", text)


def _spelled_out(form: str) -> Iterator[str]:
    """Every word that a row of single letters may hold: "v i o l a" may be "viol" and a letter that stands beside it."""
    for row in _SPELLED_OUT.findall(form)[:_MOST_ROWS]:
        letters = row.replace(" ", "")[:_MOST_LETTERS]
        for start in range(len(letters) - _FEWEST_LETTERS + 1):
            for end in range(start + _FEWEST_LETTERS, min(start + _LONGEST_WORD, len(letters)) + 1):
                yield _squeezed(letters[start:end])


def _hits(words: list[str], by_start: dict[str, tuple[_Root, ...]]) -> Iterator[tuple[int, _Mark]]:
    for position, word in enumerate(words):
        for root in by_start.get(word[:_SHORTEST], ()):
            if root.first.fits(word) and (not root.rest or _follow(words, position + 1, root.rest)):
                yield position, root.mark


def _follow(words: list[str], position: int, parts: tuple[_Part, ...]) -> bool:
    """Do the parts follow from `position` on, each within its gap?"""
    if not parts:
        return True
    part = parts[0]
    return any(
        part.fits(words[at]) and _follow(words, at + 1, parts[1:])
        for at in range(position, min(position + part.gap + 1, len(words)))
    )


def _read(data: Mapping[str, Any]) -> Iterator[tuple[str, str, _Mark]]:
    """Every root of the file with its key and what it marks."""
    top = dict(_entries(data, "the file"))
    if set(top) != {"danger", "child"}:
        raise _wrong("the file", "needs exactly the keys 'danger' and 'child'")
    for name, value in _entries(top["danger"], "danger"):
        key = f"danger.{name}"
        group = dict(_entries(value, key))
        level = _level(group.pop("level", None), f"{key}.level")
        child = group.pop("child", False)
        if not isinstance(child, bool):
            raise _wrong(f"{key}.child", "must be true or false")
        yield from _by_language(group, key, _Mark("danger", level, child))
    child_part = dict(_entries(top["child"], "child"))
    if set(child_part) != {"words", "needs"}:
        raise _wrong("child", "needs exactly the keys 'words' and 'needs'")
    yield from _by_language(child_part["words"], "child.words", _Mark("child"))
    for name, roots in _entries(child_part["needs"], "child.needs"):
        key = f"child.needs.{name}"
        yield from _by_language(roots, key, _Mark("need", _level(name, key)))


def _entries(value: Any, key: str) -> list[tuple[str, Any]]:
    if not isinstance(value, Mapping) or not value or not all(isinstance(name, str) for name in value):
        raise _wrong(key, "must be a table with entries")
    return list(value.items())


def _level(value: Any, key: str) -> Level:
    if value not in _LEVELS:
        raise _wrong(key, f"must be one of {', '.join(_LEVELS)}")
    return cast(Level, value)


def _by_language(value: Any, key: str, mark: _Mark) -> Iterator[tuple[str, str, _Mark]]:
    for language, roots in _entries(value, key):
        if not _LANGUAGE.fullmatch(language):
            raise _wrong(f"{key}.{language}", "is no language code")
        if not isinstance(roots, list) or not roots:
            raise _wrong(f"{key}.{language}", "must be a list of roots")
        for root in roots:
            if not isinstance(root, str):
                raise _wrong(f"{key}.{language}", f"{root!r} is no text; quote it")
            yield f"{key}.{language}", root, replace(mark, language=language)


def _compile(key: str, text: str, mark: _Mark) -> Iterator[_Root]:
    """A root with its apostrophes read as a gap between words, and once more as nothing ("m'a" is also "ma")."""
    for apostrophe in (" ", "") if "'" in text else (" ",):
        parts: list[_Part] = []
        gap = 0
        for word in text.split():
            if word == "..":
                gap = _GAP
                continue
            parts += _parts(word, gap, apostrophe)
            gap = 0
        if not parts or gap or parts[0].stem == _YEARS or parts[0].gap:
            raise _wrong(key, f"{text!r} must begin and end with a word")
        if any(len(part.stem) < _SHORTEST for part in parts if part.open or len(parts) == 1):
            raise _wrong(key, f"{text!r} is too short and would match anywhere")
        yield _Root(parts[0], tuple(parts[1:]), mark)


def _parts(word: str, gap: int, apostrophe: str) -> list[_Part]:
    if word == _YEARS:
        return [_Part(_YEARS, open=False, gap=gap)]
    stems = _squeezed(plain(word.rstrip("*"), apostrophe=apostrophe)).split()
    last = len(stems) - 1
    return [
        _Part(stem, open=word.endswith("*") and place == last, gap=gap if place == 0 else 0)
        for place, stem in enumerate(stems)
    ]


def _wrong(key: str, what: str) -> ValueError:
    return ValueError(f"{key}: {what}")
