"""Requests, answers, and the paths of one backend."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from directflow_cli.dev.vault.refusal import several
from directflow_cli.dev.vault.tokens import Token


class Operation(Enum):
    READ = "read"
    LIST = "list"
    WRITE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Request:
    """One call that was let in; `path` is below the backend's mount."""

    operation: Operation
    path: str
    body: Mapping[str, Any] = field(repr=False)
    query: Mapping[str, str]
    token: Token | None = field(repr=False)
    """None on the paths that need none: logins."""

    @property
    def caller(self) -> Token:
        assert self.token is not None, "the core lets nobody in without one"
        return self.token


@dataclass(frozen=True, slots=True)
class Answer:
    """What a backend says; nothing at all is a 204."""

    data: Mapping[str, Any] | None = field(default=None, repr=False)
    auth: Mapping[str, Any] | None = field(default=None, repr=False)
    lease_id: str = field(default="", repr=False)
    lease_duration_s: float = 0.0
    renewable: bool = False
    warnings: tuple[str, ...] = ()
    status: int = 200
    bare: bool = False
    """`data` is the whole body: a few sys paths answer without the envelope."""


Handler = Callable[..., Answer | None]
"""Takes the request and the path's named parts."""


class Routes:
    """The paths of a backend: `add("roles/{name}", read=..., write=...)`; `{path+}` takes the rest."""

    def __init__(self) -> None:
        self._entries: list[tuple[re.Pattern[str], dict[Operation, Handler]]] = []

    def add(self, pattern: str, **handlers: Handler) -> None:
        expression = re.sub(r"\{(\w+)\+\}", r"(?P<\1>.+)", pattern)
        expression = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", expression)
        by_operation = {Operation[name.upper()]: handler for name, handler in handlers.items()}
        self._entries.append((re.compile(expression), by_operation))

    def answer(self, request: Request) -> Answer:
        """What the path's handler says; Refused 404 and 405 as the real one for paths that a backend has not."""
        for expression, handlers in self._entries:
            if found := expression.fullmatch(request.path):
                if request.operation not in handlers:
                    raise several(405, "unsupported operation")
                return handlers[request.operation](request, **found.groupdict()) or Answer(status=204)
        raise several(404, "unsupported path")
