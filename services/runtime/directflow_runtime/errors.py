"""What goes wrong, said once: an exception here knows its gRPC status.

Domain code raises `DirectFlowError`; the error interceptor turns it into a rich status (see `status`). This module
imports neither grpc nor protobuf, so that domain modules may import it.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

MAX_TOKEN_CHARACTERS = 64


class StatusCode(enum.IntEnum):
    """The status codes of gRPC, with gRPC's numbers (grpc.github.io/grpc/core/md_doc_statuscodes.html)."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class Severity(enum.Enum):
    """An ERROR refuses a definition; a WARNING is told and does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a definition or its SQL."""

    rule: str
    """Stable id in SCREAMING_SNAKE_CASE, for example "MULTIPLE_STATEMENTS"."""
    message: str
    """What is wrong. The author's identifiers may appear in it, values never."""
    severity: Severity = Severity.ERROR
    field: str = ""
    """Path of the field at fault: "template", "variables.community_id"."""
    line: int = 0
    """1-based line of the template; 0 when there is no position."""
    column: int = 0
    """1-based column in characters (not bytes) of the template; 0 when there is no position."""
    token: str = ""
    """The author's text at that position, cut to 64 characters."""
    hint: str = ""
    """What to write instead."""

    def __post_init__(self) -> None:
        if len(self.token) > MAX_TOKEN_CHARACTERS:
            object.__setattr__(self, "token", self.token[:MAX_TOKEN_CHARACTERS])


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field of a request that breaks its contract."""

    field: str
    """Path from the request: "target.variables[2].name"."""
    description: str
    reason: str = ""
    """Stable id in SCREAMING_SNAKE_CASE: "REQUIRED", "NUL_BYTE"."""


class DirectFlowError(Exception):
    """An error that callers may see: status code, stable reason, and a message without values or secrets.

    The identity of an error is (reason, domain); the message may change at any time. `retry_after` is in seconds;
    None means that a retry of the same call is not worth while.
    """

    def __init__(
        self,
        code: StatusCode,
        reason: str,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[FieldViolation] = (),
        problems: Sequence[Problem] = (),
        retry_after: float | None = None,
        sqlstate: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.metadata: Mapping[str, str] = MappingProxyType(dict(metadata or {}))
        self.violations = tuple(violations)
        self.problems = tuple(problems)
        self.retry_after = retry_after
        self.sqlstate = sqlstate

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.code.name}, {self.reason}, {self.message!r})"
