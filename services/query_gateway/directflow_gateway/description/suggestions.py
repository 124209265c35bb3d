"""Did you mean: what the author may have wanted to write, from our own reading of the customer's catalogue.

PostgreSQL has hints of its own, but in the server's language, and for columns only.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches

import psycopg
from directflow_runtime.errors import DirectFlowError

from directflow_gateway.description.exchange import Connection, fetch
from directflow_gateway.description.names import parts_of, quoted, written
from directflow_gateway.description.scope import Scope, Source, scope_of
from directflow_gateway.execution.server_problem import name_at
from directflow_gateway.sql import CompiledStatement

SIMILARITY = 0.6
_OUTPUT_ADVICE = "repeat its expression, or filter in an outer query around this one."
_MOST_CANDIDATES = 5_000
_MOST_NAMED = 12

# Everything is qualified, operators too: a search_path may put the customer's own functions before pg_catalog.
_COLUMNS = f"""
SELECT r.place, a.attname FROM pg_catalog.unnest($1::pg_catalog.text[]) WITH ORDINALITY r(name, place)
JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(r.name)
WHERE a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped LIMIT {_MOST_CANDIDATES}
"""  # noqa: S608 (made of constants)
_TABLES = f"""
SELECT n.nspname, c.relname, pg_catalog.pg_table_is_visible(c.oid) FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{{r,v,m,p}}'::pg_catalog."char"[])
  AND c.oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
  AND pg_catalog.abs(pg_catalog.length(c.relname::pg_catalog.text)
    OPERATOR(pg_catalog.-) pg_catalog.length($1::pg_catalog.text)) OPERATOR(pg_catalog.<=) 2
ORDER BY c.relname OPERATOR(pg_catalog.=) $1::pg_catalog.name DESC, c.relname LIMIT {_MOST_CANDIDATES}
"""  # noqa: S608 (made of constants)
_SIGNATURES = """
SELECT pg_catalog.pg_get_function_identity_arguments(p.oid) FROM pg_catalog.pg_proc p
WHERE p.proname OPERATOR(pg_catalog.=) $1::pg_catalog.name AND pg_catalog.pg_function_is_visible(p.oid)
ORDER BY p.pronargs, p.oid LIMIT 4
"""


async def with_suggestion(
    conn: Connection, compiled: CompiledStatement, refused: DirectFlowError, position: int
) -> DirectFlowError:
    """The same error with a better hint where one is found. `position`: the server's, from 1; 0 for none."""
    name = name_at(compiled.text, position)
    if not name or not refused.problems:
        return refused
    try:
        hint = await _hint(conn, refused.sqlstate, parts_of(name), scope_of(compiled.text), position - 1)
    except psycopg.Error:
        # The catalogue is for the hint only, and the author needs the error: no hint, then.
        return refused
    return _with_hint(refused, hint) if hint else refused


def _with_hint(refused: DirectFlowError, hint: str) -> DirectFlowError:
    first, *others = refused.problems
    return DirectFlowError(
        refused.code,
        refused.reason,
        refused.message,
        metadata=refused.metadata,
        problems=[replace(first, hint=hint), *others],
        sqlstate=refused.sqlstate,
    )


async def _hint(conn: Connection, sqlstate: str, name: tuple[str, ...], scope: Scope, offset: int) -> str:
    if sqlstate == "42703":
        return await _column_hint(conn, name, scope)
    if sqlstate == "42P01" and scope.table_at(offset) is not None:
        return await _table_hint(conn, name)
    if sqlstate == "42P01":
        return _alias_hint(name, scope)
    if sqlstate == "42883":
        return await _signature_hint(conn, name)
    return ""


async def _column_hint(conn: Connection, name: tuple[str, ...], scope: Scope) -> str:
    *qualifier, column = name
    if not qualifier and column in scope.outputs:
        return f"{written(column)} is a name of the select list, which this clause cannot see: {_OUTPUT_ADVICE}"
    candidates = await _columns(conn, scope.sources)
    # Only from a table: that a subquery around the mistake has the name too says nothing.
    tables = {source.alias for source in scope.sources if source.table}
    same = next((alias for alias, known in candidates if known == column and alias in tables), "")
    if same:
        return f"Did you mean {written(same, column)}?"
    preferred = [pair for pair in candidates if pair[0] == qualifier[-1]] if qualifier else []
    for pairs in (preferred, candidates):
        owners = {known: alias for alias, known in reversed(pairs) if known != column}
        closest = _closest(column, owners)
        if closest:
            return f"Did you mean {written(owners[closest], closest)}?"
    return _known_columns(preferred or ([] if len(scope.sources) > 1 else candidates))


def _known_columns(candidates: Sequence[tuple[str, str]]) -> str:
    """What there is, where nothing is similar to what was written."""
    names = [written(alias, column) for alias, column in candidates]
    if not names:
        return ""
    return f"There are {', '.join(names[:_MOST_NAMED])}{', and others' if len(names) > _MOST_NAMED else ''}."


async def _columns(conn: Connection, sources: Sequence[Source]) -> list[tuple[str, str]]:
    """(alias, column) of all sources, in their order."""
    tables = [source for source in sources if source.table]
    names = "{" + ",".join(_array_element(source.table) for source in tables) + "}"
    rows = await fetch(conn, _COLUMNS, (names,)) if tables else []
    told = [(source.alias, column) for source in sources for column in source.columns]
    return told + [(tables[int(place or 0) - 1].alias, column or "") for place, column in rows]


async def _table_hint(conn: Connection, name: tuple[str, ...]) -> str:
    rows = await fetch(conn, _TABLES, (name[-1],))
    candidates = {
        table or "": written("" if visible == "t" else schema or "", table or "")
        for schema, table, visible in reversed(rows)
    }
    closest = name[-1] if name[-1] in candidates else _closest(name[-1], candidates)
    return f"Did you mean {candidates[closest]}?" if closest else ""


def _alias_hint(name: tuple[str, ...], scope: Scope) -> str:
    """`users.email` after `FROM users u`, or an alias that does not exist."""
    qualifier, column = name[0], name[1:]
    renamed = next((source.alias for source in scope.sources if source.table[-1:] == (qualifier,)), "")
    closest = renamed or _closest(qualifier, [source.alias for source in scope.sources])
    return f"Did you mean {written(closest, *column)}?" if closest else "FROM has no table or alias of this name."


async def _signature_hint(conn: Connection, name: tuple[str, ...]) -> str:
    rows = await fetch(conn, _SIGNATURES, (name[-1],))
    signatures = [f"{written(name[-1])}({arguments})" for (arguments,) in rows]
    return f"There is {', '.join(signatures)}; cast the arguments to fit." if signatures else ""


def _closest(name: str, known: Iterable[str]) -> str:
    return next(iter(get_close_matches(name, list(known), 1, SIMILARITY)), "")


def _array_element(table: tuple[str, ...]) -> str:
    """A table's name as to_regclass reads it, as an element of an array literal."""
    name = ".".join(map(quoted, table))
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
