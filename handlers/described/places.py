"""JSON and XML as flat fields: `request/msisdn`, `items/0/id`, `request/@type`; read strictly, as forms are.

XML is read by the standard library's expat: fed once, no DOCTYPE and so no entity but the five of the language, within
the limits below (docs/decisions/0015).
"""

import json
from collections.abc import Container, Iterator
from typing import Any
from xml.parsers import expat

from bot.errors import BadPayload
from handlers import forms

DEPTH = 16
COUNT = 200  # values of a JSON body, elements and attributes of an XML one


def of_json(body: bytes, count: int = COUNT) -> dict[str, str]:
    """Every value by its path; numbers as they are written, null is absent, an empty list or object is "".

    Raises BadPayload for what is no JSON, a key that stands twice, or too much of it.
    """
    try:
        data = json.loads(body.decode(), object_pairs_hook=_once, parse_int=str, parse_float=str, parse_constant=str)
        leaves = list(_leaves(data, "", DEPTH))
    except (ValueError, RecursionError):
        raise BadPayload("the body is no JSON") from None
    found = dict(leaves)
    if len(leaves) > count:
        raise BadPayload("too many fields")
    if len(found) != len(leaves):
        raise BadPayload("a field is repeated")
    return found


def of_xml(body: bytes, watched: Container[str] = ()) -> dict[str, str]:
    """Text of every element that holds no other, and every attribute, by path; namespaces are left out.

    The first of a place that stands twice; BadPayload where it is one of `watched`, and for what is no XML, for a
    DOCTYPE, and for too much of it.
    """
    reading = _Reading(watched)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    parser.StartDoctypeDeclHandler = reading.refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, LookupError, ValueError):  # LookupError: an encoding nobody knows
        raise BadPayload("the body is no XML") from None
    return reading.found


class _Reading:
    """One document on its way through the parser. Of texts only that of the innermost element counts."""

    __slots__ = ("_count", "_leaf", "_path", "_text", "_watched", "_way", "found")

    def __init__(self, watched: Container[str]) -> None:
        self.found: dict[str, str] = {}
        self._watched = watched
        self._path = ""
        self._way: list[str] = []  # the paths around this one
        self._text = ""
        self._leaf = False  # the element that ends now held no other
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1 + len(attributes)
        if self._count > COUNT or len(self._way) >= DEPTH:
            raise BadPayload("too many fields")
        self._way.append(self._path)
        local = name.rpartition(" ")[2]
        self._path = f"{self._path}/{local}" if self._path else local
        self._text, self._leaf = "", True
        for attribute, value in attributes.items():
            self._put(f"{self._path}/@{attribute.rpartition(' ')[2]}", value)

    def end(self, name: str) -> None:
        if self._leaf:
            self._put(self._path, self._text.strip())
        self._leaf = False
        self._path = self._way.pop()

    def text(self, data: str) -> None:
        self._text += data

    def refuse(self, *declared: object) -> None:
        raise BadPayload("a DOCTYPE is not taken")

    def _put(self, place: str, value: str) -> None:
        if place in self.found and place in self._watched:
            raise BadPayload("a field is repeated")
        self.found.setdefault(place, value)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadPayload("a field is repeated")
    return found


def _leaves(data: Any, place: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth < 0:
        raise BadPayload("too deep")
    if data is None:
        return
    if isinstance(data, dict | list):
        if not data:
            yield place, ""
        pairs = data.items() if isinstance(data, dict) else enumerate(data)
        for key, value in pairs:
            yield from _leaves(value, f"{place}/{key}" if place else str(key), depth - 1)
    elif isinstance(data, bool):
        yield place, "true" if data else "false"
    else:
        yield place, forms.storable(data)
