"""Reading YAML so that every fault has a file and a line, and no key stands twice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from bot.errors import FlowError

T = TypeVar("T")
try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML without libyaml
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]


class Source:
    """One YAML file: its data, and the line of each place in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[tuple[str, ...], int] = {}
        self.faults: list[str] = []
        try:
            node = yaml.compose(path.read_text(encoding="utf-8"), Loader=_Loader)
        except yaml.YAMLError as error:
            raise FlowError(f"{path.name}: not YAML: {error}") from None
        self.data: Any = self._read(node, ())

    def at(self, *place: str) -> str:
        """`flows/help.yaml:12` for a place in the file, or the nearest one above it."""
        while place and place not in self.lines:
            place = place[:-1]
        return f"{self.path.parent.name}/{self.path.name}:{self.lines.get(place, 1)}"

    def parse(self, shape: type[T] | Any) -> T:
        """The data in a shape; raises FlowError with every fault, a line each."""
        if self.faults:
            raise FlowError("\n".join(self.faults))
        try:
            parsed: T = TypeAdapter(shape).validate_python(self.data)
        except ValidationError as error:
            lines = []
            for fault in error.errors():
                place = tuple(str(part) for part in fault["loc"])
                lines.append(f"{self.at(*place)}: {'.'.join(place)}: {fault['msg'].removeprefix('Value error, ')}")
            raise FlowError("\n".join(lines)) from None
        return parsed

    def _read(self, node: Any, place: tuple[str, ...]) -> Any:
        if node is None:
            return {}
        self.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node, place))
        if isinstance(node, yaml.SequenceNode):
            return [self._read(item, (*place, str(i))) for i, item in enumerate(node.value)]
        loader = yaml.SafeLoader("")
        return loader.construct_object(node, deep=True)

    def _pairs(self, node: Any, place: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            key, line = str(key_node.value), key_node.start_mark.line + 1
            if key in seen:
                self.faults.append(f"{self.path.parent.name}/{self.path.name}:{line}: '{key}' stands twice")
            if key_node.tag not in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:int"):
                self.faults.append(f"{self.path.parent.name}/{self.path.name}:{line}: write '{key}' in quotes")
            seen.add(key)
            self.lines[(*place, key)] = line
            yield key, self._read(value_node, (*place, key))
