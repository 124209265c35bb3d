"""Between conditions.v1.SqlCondition and the queries of the domain."""

import re
from collections.abc import Iterator
from typing import Final

from directflow.conditions.v1 import condition_service_pb2 as pb
from directflow.sql.v1 import sql_pb2
from directflow_runtime.variable_kinds import Kind, accepts, printed

from directflow_conditions.condition import SqlQuery, Value, Variable, workspace_of
from directflow_conditions.gateway import KINDS, value_message
from directflow_conditions.variables import PROFILE_ID
from directflow_conditions.violations import Violations
from directflow_conditions.wire import is_nested, value_from

MAX_SQL_BYTES: Final = 16 * 1024
MAX_VARIABLES: Final = 100
MAX_DESCRIPTION: Final = 1_000
MAX_VALUE_BYTES: Final = 64 * 1024
MAX_ELEMENTS: Final = 10_000
_NAME: Final = re.compile(r"(?=.{1,128}\Z)(?!_df_)[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_KINDS: Final = {number: kind for kind, number in KINDS.items()}


def query_from(message: pb.SqlCondition, workspace: str, path: str, violations: Violations) -> SqlQuery:
    """The query of a message whose enums are known."""
    for name in ("connection", "sql"):
        if not getattr(message, name):
            violations.add(f"{path}.{name}", "must be set", "REQUIRED")
    if message.connection and workspace_of(message.connection) != workspace:
        violations.add(f"{path}.connection", "must be in the condition's own workspace", "OTHER_WORKSPACE")
    if len(message.sql.encode()) > MAX_SQL_BYTES:
        violations.add(f"{path}.sql", f"at most {MAX_SQL_BYTES} bytes")
        return SqlQuery(message.connection, "")  # nobody has to look for tags in megabytes
    return SqlQuery(message.connection, message.sql, _variables(message, f"{path}.variables", violations))


def query_message(query: SqlQuery) -> pb.SqlCondition:
    """A query on the wire."""
    return pb.SqlCondition(
        connection=query.connection, sql=query.sql, variables=[_variable_message(one) for one in query.declared]
    )


def _variable_message(variable: Variable) -> pb.ConditionVariable:
    return pb.ConditionVariable(
        variable=sql_pb2.Variable(name=variable.name, kind=KINDS[variable.kind], list=variable.is_list),
        optional=variable.optional,
        default_value=None if variable.default is None else value_message(variable.default),
    )


def _variables(message: pb.SqlCondition, path: str, violations: Violations) -> tuple[Variable, ...]:
    if len(message.variables) > MAX_VARIABLES:
        violations.add(path, f"at most {MAX_VARIABLES} variables")
        return ()
    seen: dict[str, Variable] = {}
    for index, declared in enumerate(message.variables):
        variable = _variable(declared, f"{path}[{index}]", violations)
        if variable.name in seen:
            violations.add(f"{path}[{index}].variable.name", "is declared twice", "CONTRADICTION")
        seen[variable.name] = variable
    return tuple(seen.values())


def _variable(message: pb.ConditionVariable, path: str, violations: Violations) -> Variable:
    declared, has_default = message.variable, message.HasField("default_value")
    kind = _KINDS[declared.kind] if declared.kind else Kind.TEXT
    if _NAME.fullmatch(declared.name) is None:
        wrong = "letters, digits, underscores and dots, at most 128, and not _df_ at the beginning"
        violations.add(f"{path}.variable.name", wrong, "VARIABLE_NAME")
    if declared.name == PROFILE_ID and (declared.list or message.optional or has_default):
        violations.add(path, "is the person, who is always there, and one", "CONTRADICTION")
    if len(message.description) > MAX_DESCRIPTION:
        violations.add(f"{path}.description", f"at most {MAX_DESCRIPTION} characters")
    default = value_from(message.default_value)
    if is_nested(message.default_value):
        violations.add(f"{path}.default_value", "a list within a list", "KIND_MISMATCH")
    for wrong in _wrong_with(default, kind, declared.list) if has_default else ():
        violations.add(f"{path}.default_value", wrong, "KIND_MISMATCH")
    # A value of its own makes a variable optional, whether or not its author says so.
    return Variable(declared.name, kind, declared.list, message.optional or has_default, default)


def _wrong_with(value: Value, kind: Kind, is_list: bool) -> Iterator[str]:
    if value is None:
        return
    if isinstance(value, tuple) is not is_list:
        yield "must be a list" if is_list else "must not be a list"
        return
    elements = [element for element in (value if isinstance(value, tuple) else (value,)) if element is not None]
    if len(elements) > MAX_ELEMENTS or sum(len(_text(element).encode()) for element in elements) > MAX_VALUE_BYTES:
        yield f"at most {MAX_ELEMENTS} elements, and {MAX_VALUE_BYTES} bytes"
    elif not all(accepts(kind, _text(element)) for element in elements):
        yield f"is no valid {kind.value}"


def _text(value: bool | int | float | str) -> str:
    return value if isinstance(value, str) else printed(value)
