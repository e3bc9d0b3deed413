"""Text with named places: `{text}`. No expressions; what is put in is escaped for the content type around it."""

import json
import re
from collections.abc import Callable, Mapping
from xml.sax.saxutils import escape

_NAME = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_SPECIAL = re.compile(r"[&<>\"'\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")  # what XML writes otherwise, or can't hold
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Template:
    """Cut once at start. Braces around anything but a lower-case name are text, as JSON needs them."""

    __slots__ = ("_escape", "_pieces", "is_json", "is_xml", "names")

    def __init__(self, written: str, content_type: str) -> None:
        kind = content_type.partition(";")[0].strip().lower()
        self.is_json = kind.endswith("json")
        self.is_xml = kind.endswith("xml")
        self._pieces = _NAME.split(written)  # text, name, text, name … text
        self.names = frozenset(self._pieces[1::2])
        self._escape: Callable[[str], str] = str
        if self.is_json:
            self._escape = _in_json
        elif self.is_xml:
            self._escape = _in_xml

    def fill(self, values: Mapping[str, str]) -> str:
        """The text; a name without a value is empty."""
        pieces = self._pieces
        if len(pieces) == 1:
            return pieces[0]
        made = list(pieces)
        for n in range(1, len(pieces), 2):
            made[n] = self._escape(values.get(pieces[n], ""))
        return "".join(made)


def _in_json(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]


def _in_xml(value: str) -> str:
    if not _SPECIAL.search(value):
        return value
    return escape(_NOT_XML.sub("", value), {'"': "&quot;", "'": "&apos;"})
