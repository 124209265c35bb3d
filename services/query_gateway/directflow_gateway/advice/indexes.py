"""Indexes that a condition or a preload misses: a second for one person is a day for a hundred thousand."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from directflow_runtime.errors import Problem

from directflow_gateway.advice.columns import Column, columns_of
from directflow_gateway.advice.filters import Comparison, comparisons
from directflow_gateway.advice.generic_plan import Scan, sequential_scans
from directflow_gateway.advice.set_form import PROFILE
from directflow_gateway.advice.subject import Subject
from directflow_gateway.description.exchange import Connection
from directflow_gateway.description.names import written

LARGE_TABLE = 5_000
"""Rows. A smaller table is read in a millisecond or so, with an index or without."""
_LARGEST_SHARE = 0.05
"""A value that more of the table has than this is found no faster through an index."""
_TEXT = frozenset({"text", "varchar", "character varying"})
_INDEXABLE_FUNCTIONS = frozenset({"lower", "upper"})


@dataclass(frozen=True, slots=True)
class _Found:
    scan: Scan
    comparison: Comparison


async def index_warnings(conn: Connection, subject: Subject, timeout_s: float) -> list[Problem]:
    """Large tables that are read from beginning to end for one person, though a variable says which rows are wanted.

    Within the caller's open read-only transaction, which stays usable. Raises DirectFlowError.
    """
    if subject.role not in ("condition", "preload") or not subject.compiled.parameters:
        return []
    scans = await sequential_scans(conn, subject.compiled, timeout_s)
    profile = subject.parameters_of(PROFILE)
    found = [one for scan in scans if (one := _key(scan, profile)) is not None]
    columns = await columns_of(conn, [(one.scan.schema, one.scan.table, one.comparison.column) for one in found])
    return list(_warnings(subject, found, columns))


def _key(scan: Scan, profile: frozenset[int]) -> _Found | None:
    """The comparison that an index is for: the person's if there is one, else the first."""
    every = comparisons(scan.condition)
    of_profile = [comparison for comparison in every if comparison.parameter in profile]
    return _Found(scan, (of_profile or every)[0]) if every else None


def _warnings(subject: Subject, found: Sequence[_Found], columns: Sequence[Column | None]) -> Iterator[Problem]:
    told: set[tuple[str, str, str]] = set()
    for one, column in zip(found, columns, strict=True):
        # Each partition is a scan of its own; the index is one.
        key = (column.schema, column.table, column.name) if column is not None else None
        if column is None or key is None or key in told or column.rows < LARGE_TABLE:
            continue
        if column.share_of_a_value > _LARGEST_SHARE:
            continue
        problem = _warning(subject, one.comparison, column)
        if problem is not None:
            told.add(key)
            yield problem


def _warning(subject: Subject, comparison: Comparison, column: Column) -> Problem | None:
    table = written(column.schema, column.table)
    name = written(column.name)
    # varchar to text changes nothing, and PostgreSQL uses an index all the same.
    cast = "" if comparison.cast in _TEXT and column.type_name in _TEXT else comparison.cast
    slow = f"All of {table} (about {_rounded(column.rows)} rows) is read for each person"
    if comparison.function:
        return _of_function(subject, comparison, column, slow)
    if cast:
        variables = subject.compiled.parameters[comparison.parameter - 1].variables
        tag = f"<%= {variables[0] if variables else '...'} %>"
        hint = f"Compare the column as it is: {name} = '{tag}'. DirectFlow gives the value the column's type."
        index = "" if column.is_indexed else f" And give this to the database's administrator: {_create(column, name)}"
        return subject.warning_at_variable(
            comparison.parameter, "CAST_HIDES_INDEX",
            f"{slow}: no index of {name} can be used behind the cast to {cast}.", hint + index,
        )  # fmt: skip
    if column.is_indexed:
        return None
    return subject.warning_at_variable(
        comparison.parameter, "MISSING_INDEX", f"{slow}: it has no index that begins with {name}.",
        f"Give this to the database's administrator: {_create(column, name)}",
    )  # fmt: skip


def _of_function(subject: Subject, comparison: Comparison, column: Column, slow: str) -> Problem:
    called = f"{comparison.function}({written(column.name)})"
    if comparison.function in _INDEXABLE_FUNCTIONS:
        hint = f"Give this to the database's administrator: {_create(column, called)}"
    else:
        hint = f"Compare {written(column.name)} as it is, or ask the database's administrator for an index on it all."
    message = f"{slow}: no index of {written(column.name)} can be used behind {comparison.function}()."
    return subject.warning_at_variable(comparison.parameter, "MISSING_INDEX", message, hint)


def _create(column: Column, expression: str) -> str:
    table = written(column.schema, column.table)
    if column.is_partitioned:
        # PostgreSQL builds none concurrently on the parent.
        return f"CREATE INDEX ON {table} ({expression}); (it blocks writes: CONCURRENTLY works on each partition only)"
    return f"CREATE INDEX CONCURRENTLY ON {table} ({expression});"


def _rounded(rows: int) -> str:
    """Two digits are as much as an estimate says."""
    unit = 10 ** max(0, len(str(rows)) - 2)
    return f"{round(rows / unit) * unit:,}"
