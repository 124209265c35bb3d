"""Queries around the author's query.

It stands on lines of its own: a trailing `--` comment of the author must not eat our bracket.
"""

from collections.abc import Sequence

from directflow_gateway.sql.parameters import Context, Parameter, VariableUse
from directflow_gateway.sql.source_map import Insert, Keep
from directflow_gateway.sql.statement import CompiledStatement
from directflow_gateway.sql.variables import Variable

AFTER_VARIABLE = "_df_after"
"""The variable that a key-ordered statement resumes after; give its value to `bind`."""


def wrap_for_key_order(
    compiled: CompiledStatement, column: str, after: bool, *, as_text: bool = True
) -> CompiledStatement:
    """The author's rows in the order of `column`, NULL first; with `after`, only those behind the value of _df_after.

    `as_text`: by the bytes of the column's text, so that equal keys are neighbours and `>` agrees with equality,
    whatever the collation or type (under a nondeterministic collation 'a' and 'A' mix, and resuming behind one would
    lose the other). False for types without either trap, whose own order can use an index: integers and uuid.
    """
    key = f"_df_q.{identifier(column)}"
    if as_text:
        key = f'({key})::pg_catalog.text COLLATE "C"'
    if not after:
        return _wrapped(compiled, "_df_q.*", f" ORDER BY {key} NULLS FIRST")
    number = len(compiled.parameters) + 1
    parameter = Parameter((VariableUse(AFTER_VARIABLE),), Context.APPENDED, offset=0, line=0, column=0)
    return _wrapped(
        compiled,
        "_df_q.*",
        f" WHERE {key} > ${number} ORDER BY {key}",
        parameters=(*compiled.parameters, parameter),
        variables={**compiled.variables, AFTER_VARIABLE: Variable(AFTER_VARIABLE)},
    )


def wrap_for_columns(compiled: CompiledStatement, columns: Sequence[str]) -> CompiledStatement:
    """Only these columns of the author's rows, in this order."""
    if not columns:
        raise ValueError("at least one column is needed")
    return _wrapped(compiled, ", ".join(f"_df_q.{identifier(column)}" for column in columns), "")


def wrap_for_count(compiled: CompiledStatement, distinct_column: str | None = None) -> CompiledStatement:
    """One row: _df_rows, the number of rows; with a column also _df_values, its distinct values that are not NULL."""
    selected = "count(*) AS _df_rows"
    if distinct_column is not None:
        selected += f", count(DISTINCT _df_q.{identifier(distinct_column)}) AS _df_values"
    return _wrapped(compiled, selected, "")


def identifier(name: str) -> str:
    """`name` as a quoted identifier."""
    if "\x00" in name or not name:
        raise ValueError("an identifier is not empty and has no NUL character")
    return '"' + name.replace('"', '""') + '"'


def _wrapped(compiled: CompiledStatement, selected: str, behind: str, **changes: object) -> CompiledStatement:
    end = compiled.body_end
    before = f"SELECT {selected} FROM (\n"  # noqa: S608 - quoted identifiers and our own words
    parts = (Insert(before, 0), Keep(0, end), Insert(f"\n) AS _df_q{behind}", end))
    return compiled.rearranged(parts, has_order_by="ORDER BY" in behind, **changes)
