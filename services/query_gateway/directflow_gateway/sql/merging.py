"""Two statements as one, so that both are read in one snapshot: their rows side by side, in the order of a key.

    SELECT _df_side, "profile_id", ... FROM (
    SELECT 1 AS _df_side, ... FROM (<first>) AS _df_q WHERE <key> IS NOT NULL
    UNION ALL
    SELECT 2 AS _df_side, ... FROM (<second>) AS _df_q WHERE <key> IS NOT NULL) AS _df_d ORDER BY <key>, _df_side

Each has been admitted on its own; the whole is examined once more, as if somebody had sent it.
"""

# ruff: noqa: S608 (made of guarded texts, quoted identifiers and our own words)

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from directflow_gateway.sql.guard.examination import examine
from directflow_gateway.sql.keys import as_printed
from directflow_gateway.sql.limits import HARD_MAX_SQL_BYTES, HARD_MAX_TOKENS, TextLimits
from directflow_gateway.sql.parameters import parameter_places
from directflow_gateway.sql.parser import ParseFailure, parse
from directflow_gateway.sql.position import NOWHERE, Position
from directflow_gateway.sql.references import references_of
from directflow_gateway.sql.refusal import StatementRefused
from directflow_gateway.sql.source_map import Edit, SourceMap, edited
from directflow_gateway.sql.statement import CompiledStatement
from directflow_gateway.sql.wrapping import identifier

SIDE = "_df_side"
_LIMITS = TextLimits(max_sql_bytes=HARD_MAX_SQL_BYTES, max_tokens=HARD_MAX_TOKENS)
_NO_MAP = SourceMap((), 0)
"""A place in two templates at once is no place: errors that the server finds name parameters, and no positions."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the two, with PostgreSQL's type of each of its columns by name."""

    compiled: CompiledStatement
    types: Mapping[str, str]


def merge(first: Part, second: Part, key: str, columns: Sequence[str], allowed: frozenset[str]) -> CompiledStatement:
    """The rows of both by key. Columns: SIDE (1 or 2), the key, then `columns`; all but the first are texts as
    PostgreSQL prints them, and NULL where a statement does not have one. The parameters are the first one's, then the
    second one's. Raises StatementRefused.
    """
    moved = _renumbered(second.compiled, len(first.compiled.parameters))
    sides = [_side(1, first, first.compiled.text, key, columns), _side(2, second, moved, key, columns)]
    names = ", ".join(f"_df_d.{identifier(name)}" for name in (SIDE, key, *columns))
    text = (
        f"SELECT {names} FROM (\n{sides[0]}\nUNION ALL\n{sides[1]}\n) AS _df_d"
        f' ORDER BY _df_d.{identifier(key)} COLLATE pg_catalog."C", _df_d.{SIDE}'
    )
    return _admitted(text, first.compiled, second.compiled, allowed)


def _renumbered(compiled: CompiledStatement, by: int) -> str:
    edits = [
        Edit(start, end, f"${number + by}")
        for number, places in parameter_places(compiled.text).items()
        for start, end in places
    ]
    text, _ = edited(compiled.text[: compiled.body_end], [e for e in edits if e.end <= compiled.body_end])
    return text


def _side(number: int, part: Part, text: str, key: str, columns: Sequence[str]) -> str:
    body = text[: part.compiled.body_end] if number == 1 else text
    value = f"_df_q.{identifier(key)}"
    written = ", ".join(f"{_text(part, name)} AS {identifier(name)}" for name in columns)
    return (
        f"SELECT {number} AS {SIDE}, {as_printed(value, part.types[key])} AS {identifier(key)}"
        f"{', ' if written else ''}{written} FROM (\n{body}\n) AS _df_q WHERE {value} IS NOT NULL"
    )


def _text(part: Part, name: str) -> str:
    if name not in part.types:
        return "CAST(NULL AS pg_catalog.text)"
    value = f"_df_q.{identifier(name)}"
    return f"CASE WHEN {value} IS NOT NULL THEN {as_printed(value, part.types[name])} END"


def _admitted(
    text: str, first: CompiledStatement, second: CompiledStatement, allowed: frozenset[str]
) -> CompiledStatement:
    tree = parse(text, _LIMITS)
    if isinstance(tree, ParseFailure):
        raise StatementRefused([tree.problem(_nowhere)])
    problems = examine(tree, allowed, _nowhere)
    if problems:
        raise StatementRefused(problems)
    return replace(
        first,
        text=text,
        parameters=(*first.parameters, *second.parameters),
        variables=MappingProxyType({**first.variables, **second.variables}),
        references=references_of(tree, _nowhere),
        has_order_by=True,
        body_end=len(text),
        warnings=(*first.warnings, *second.warnings),
        maps=(_NO_MAP,),
    )


def _nowhere(offset: int) -> Position:
    return NOWHERE
