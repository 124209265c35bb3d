"""The file that `query check` reads: one JSON object a line, with `id`, `sql`, `variables` and what is expected.

A text may be `{"gen": [[text, repeat], ...]}`, so that a corpus can hold a megabyte of SQL in a line: every text is
repeated, and `{i}` in it is the repetition's index, from 0.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

MAX_TEXT_BYTES: Final = 3 * 1024 * 1024
"""Of SQL or of one value. A request must stay below the 4 MiB that a gRPC server accepts by default."""

Variable = None | bool | int | float | str | list[Any]


@dataclass(frozen=True, slots=True)
class TooLarge:
    """A text that was not even built, since no server would take it."""

    size: int
    """Bytes, roughly."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the file says of a query, where it does. None: nothing is said."""

    expect: str = ""
    also_ok: tuple[str, ...] = ()
    rows: int | None = None
    columns: int | None = None
    digest: str | None = None
    sqlstate: str | None = None
    anything: bool = False
    """Whatever PostgreSQL makes of the value is as expected."""


@dataclass(frozen=True, slots=True)
class Check:
    """One query to run."""

    id: str
    sql: str | TooLarge
    variables: Mapping[str, Variable | TooLarge] = field(default_factory=dict, repr=False)
    allows_functions: bool = False
    """The row's `policy` is `function_allowlist`: the functions that it uses are allowed for it."""
    expectation: Expectation = Expectation()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that is no check."""

    id: str
    message: str


def read(path: Path) -> Iterator[Check | Unreadable]:
    """The file's checks in its order; empty lines are skipped, and a bad line does not hide the ones behind it."""
    # A byte that is no UTF-8 becomes a lone surrogate, which the check then rejects: a corpus of attacks has such.
    with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _check(line, number)


def _check(line: str, number: int) -> Check | Unreadable:
    try:
        return _from_row(json.loads(line), f"line {number}")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        return Unreadable(f"line {number}", f"the line is no check: {type(error).__name__}")


def _from_row(row: Any, default_id: str) -> Check:
    if not isinstance(row, Mapping):
        raise TypeError("a line must be an object")
    return Check(
        id=str(row.get("id", default_id)),
        sql=_required_text(row["sql"]),
        variables={str(name): _value(value) for name, value in (row.get("variables") or {}).items()},
        allows_functions=row.get("policy") == "function_allowlist",
        expectation=_expectation(row),
    )


def _required_text(raw: Any) -> str | TooLarge:
    text = _text(raw)
    if not isinstance(text, str | TooLarge):
        raise TypeError("sql must be a text")
    return text


def _value(raw: Any) -> Variable | TooLarge:
    value = _text(raw)
    if value is None or isinstance(value, str | int | float | list | TooLarge):
        return value
    raise TypeError("a value must be a scalar, a list or a gen")


def _text(raw: Any) -> Any:
    """Expands a gen; measures a text; leaves everything else as it is."""
    if isinstance(raw, Mapping) and "gen" in raw:
        parts = [(str(text), int(repeat)) for text, repeat in raw["gen"]]
        size = sum(len(text) * repeat for text, repeat in parts)
        return TooLarge(size) if size > MAX_TEXT_BYTES else "".join(_repeated(text, repeat) for text, repeat in parts)
    if isinstance(raw, str) and len(raw) * 3 > MAX_TEXT_BYTES and _bytes(raw) > MAX_TEXT_BYTES:
        return TooLarge(_bytes(raw))
    return raw


def _repeated(text: str, repeat: int) -> str:
    return "".join(text.replace("{i}", str(index)) for index in range(repeat)) if "{i}" in text else text * repeat


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _expectation(row: Mapping[str, Any]) -> Expectation:
    bound = row.get("bind_expect") or {}
    return Expectation(
        expect=str(row.get("expect", "")),
        also_ok=tuple(str(item) for item in row.get("also_ok", ())),
        rows=row.get("expected_rows", bound.get("rows")),
        columns=row.get("expected_columns"),
        digest=row.get("digest"),
        sqlstate=bound.get("sqlstate"),
        anything=bool(bound.get("any")),
    )
