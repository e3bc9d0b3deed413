"""The operations: each once, for Flask and for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel

from bot.api.calling import Answer, Call

Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. `problems`: which it may end with beyond those that every operation has."""

    method: str
    path: str
    scope: str
    handler: Handler
    answer: type[BaseModel]
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    statuses: tuple[int, ...]
    problems: tuple[int, ...]

    @property
    def name(self) -> str:
        """Of the handler: the operation's id."""
        return self.handler.__name__

    @property
    def flask_path(self) -> str:
        """As Flask writes it."""
        return self.path.replace("{number}", "<number>").replace("{id}", "<id>")

    @property
    def writes(self) -> bool:
        """Does it change anything, so that an idempotency key means something?"""
        return self.method != "GET"


ROUTES: list[Route] = []


def operation(
    method: str, path: str, *, scope: str, answer: type[BaseModel], body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None, statuses: tuple[int, ...] = (200,), problems: tuple[int, ...] = (),
) -> Callable[[Handler], Handler]:  # fmt: skip
    """Put a handler among the operations; its docstring is what the document says of it."""

    def put(handler: Handler) -> Handler:
        ROUTES.append(Route(method, path, scope, handler, answer, body, query, statuses, problems))
        return handler

    return put
