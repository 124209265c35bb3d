"""Where something stands in a file, and what is to be said about it there."""

import enum
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Source:
    """One file, or stdin."""

    name: str
    """As the user named it."""
    text: str = field(repr=False)

    @cached_property
    def lines(self) -> list[str]:
        """Its lines, as editors count them."""
        return self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a file."""

    source: Source
    line: int
    """From 1."""
    column: int
    """From 1, in characters."""
    length: int = 1
    """Characters that the caret underlines."""

    @property
    def label(self) -> str:
        """`file.yaml:12:7`, which editors and terminals open."""
        return f"{self.source.name}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class SqlPlace:
    """A position in a query whose text is folded or escaped in its file, so that it has none of its own there."""

    line: int
    column: int
    text: str = field(repr=False)
    """That line of the query."""
    length: int = 1


class Level(enum.StrEnum):
    """What a finding means for the definition."""

    ERROR = "error"
    """It is wrong."""
    WARNING = "warning"
    """It works; somebody should know."""
    UNCHECKED = "unchecked"
    """Nobody can tell: something that the check needs is away, or not there yet."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to be said about a definition."""

    message: str
    place: Place | None = None
    level: Level = Level.ERROR
    rule: str = "FILE"
    """A stable identifier: ours where the file cannot be read, else the service's."""
    hint: str = ""
    resource: str = ""
    """Name of the resource, where it is known."""
    field: str = ""
    """Of the definition, as the service names it."""
    sql: SqlPlace | None = None

    def record(self) -> dict[str, Any]:
        """For machines."""
        return {
            "file": self.place.source.name if self.place else None,
            "line": self.place.line if self.place else None,
            "column": self.place.column if self.place else None,
            "level": self.level.value,
            "rule": self.rule,
            "message": self.message,
            "hint": self.hint or None,
            "resource": self.resource or None,
            "field": self.field or None,
            "sql_line": self.sql.line if self.sql else None,
            "sql_column": self.sql.column if self.sql else None,
        }
