"""Rows of one key, and keys as text: both as PostgreSQL prints them, which is how every caller knows a key."""

import re

from directflow_gateway.sql.parameters import Context, Parameter, VariableUse
from directflow_gateway.sql.source_map import Insert, Keep
from directflow_gateway.sql.statement import CompiledStatement
from directflow_gateway.sql.variables import Variable
from directflow_gateway.sql.wrapping import identifier

KEY_VARIABLE = "_df_key"
"""The variable that holds the key; give its value to `bind`."""

_INTEGERS = {"smallint": 16, "integer": 32, "bigint": 64}
_TEXTS = ("text", "character varying")
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def may_be_key(key: str, key_type: str) -> bool:
    """False where no value of this type prints as `key`, so that nothing has to be asked, or would be an error."""
    if key_type in _INTEGERS:
        bits = _INTEGERS[key_type] - 1
        return _INTEGER.fullmatch(key) is not None and -(1 << bits) <= int(key) < 1 << bits
    return key_type != "uuid" or _UUID.fullmatch(key) is not None


def equals_key(relation: str, column: str, key_type: str, number: int) -> str:
    """A condition: the column prints exactly as the text in `$number`.

    For common types also in the type's own terms, so that an index serves. Never by those alone: under a collation that
    is not deterministic 'a' equals 'A'.
    """
    value, key = f"{relation}.{identifier(column)}", f"CAST(${number} AS pg_catalog.text)"
    plain = key_type.split("(")[0]
    printed = f'{as_printed(value, key_type)} COLLATE pg_catalog."C" OPERATOR(pg_catalog.=) {key}'
    if plain in _TEXTS:
        return f"{value} OPERATOR(pg_catalog.=) {key} AND {printed}"
    if plain in _INTEGERS or plain == "uuid":
        return f"{value} OPERATOR(pg_catalog.=) CAST({key} AS {plain})"
    return f"{value} IS NOT NULL AND {printed}"


def as_printed(value: str, pg_type: str) -> str:
    """A value that is not NULL as the text that PostgreSQL prints for it.

    concat calls the type's output function. A cast to text would not always: it cuts the blanks of a char(n) and adds a
    mask to an inet, and a customer's type may have a function for it.
    """
    plain = pg_type.split("(")[0]
    if plain in _TEXTS or plain in _INTEGERS or plain == "uuid":
        return f"({value})::pg_catalog.text"
    return f"pg_catalog.concat({value})"


def appended(compiled: CompiledStatement, variable: Variable) -> tuple[CompiledStatement, int]:
    """The statement with one more parameter, which takes `variable`, and its number. The text does not use it yet."""
    parameter = Parameter((VariableUse(variable.name),), Context.APPENDED, offset=0, line=0, column=0)
    extended = compiled.rearranged(
        [Keep(0, compiled.body_end)],
        parameters=(*compiled.parameters, parameter),
        variables={**compiled.variables, variable.name: variable},
    )
    return extended, len(extended.parameters)


def wrap_for_key(
    compiled: CompiledStatement, column: str, key_type: str, columns: tuple[str, ...], most: int
) -> CompiledStatement:
    """The author's rows whose column prints as the value of KEY_VARIABLE: some columns of at most so many, in the
    author's order."""
    extended, number = appended(compiled, Variable(KEY_VARIABLE))
    selected = ", ".join(f"_df_q.{identifier(name)}" for name in columns)
    end = extended.body_end
    before = Insert(f"SELECT {selected} FROM (\n", 0)  # noqa: S608 (quoted identifiers and our own words)
    behind = Insert(f"\n) AS _df_q WHERE {equals_key('_df_q', column, key_type, number)} LIMIT {most}", end)
    return extended.rearranged([before, Keep(0, end), behind], has_order_by=False)
