"""What an error of PostgreSQL means for the caller, and whose fault it is.

All text is ours. The server's is localised and repeats values (`invalid input syntax for type integer: "..."`), so
nothing of it may travel: not as a message, not as a hint, not as the `__cause__` that a log prints.
"""

import enum
from collections.abc import Sequence

import psycopg
from directflow_runtime.errors import DirectFlowError, FieldViolation, Problem, StatusCode

from directflow_gateway.execution.bind_context import rejected_parameter
from directflow_gateway.execution.meanings import (
    BROKEN,
    DATA,
    LOGIN,
    TOO_BIG,
    UNKNOWN,
    UNREACHABLE,
    Meaning,
    meaning_of,
)
from directflow_gateway.execution.server_problem import condition_words, server_problem
from directflow_gateway.sql import CompiledStatement

_VALUE_AT_FAULT = frozenset({"0A", "10", "22", "23", "42", "54", "P0"})
"""Classes that blame a value, when the server says that it was reading one: a bad jsonpath is 42601."""
_STATEMENT_AT_FAULT = frozenset({"21", "22", "23", "54", "55", "HV", "P0"})
"""Classes that blame the author's text when they come before any value was sent: `DATE '2024-99-01'`."""
_ALLOCATOR = frozenset({"mcxt.c", "aset.c", "generation.c"})
"""Source files behind "invalid memory alloc request size", which has the SQLSTATE of a server bug."""


class Phase(enum.Enum):
    """What was being done when the server answered with an error."""

    CONNECT = "connect"
    DESCRIBE = "describe"
    PLAN = "plan"
    RUN = "run"


def translate(
    error: psycopg.Error, compiled: CompiledStatement | None, phase: Phase, *, prefix: int = 0
) -> DirectFlowError:
    """The error that callers may see; raise it `from None`. `compiled` gives positions and the names of variables.

    `prefix`: how many characters were sent in front of its text (EXPLAIN), for the server counts them.
    """
    state = error.sqlstate or ""
    if compiled is not None and state:
        number = rejected_parameter(error.diag.context, len(compiled.parameters))
        if number and state[:2] in _VALUE_AT_FAULT:
            return _value_rejected(compiled.parameters[number - 1].variables, state)
        if state == "42601" and phase in (Phase.PLAN, Phase.RUN):
            return _syntax_of_a_value(compiled, state)
    meaning = _meaning(error, state, phase)
    if meaning is BROKEN and compiled is not None:
        position = max(0, int(error.diag.statement_position or 0) - prefix)
        return _make(meaning, state, [server_problem(state, position, compiled)])
    return _make(meaning, state)


def _meaning(error: psycopg.Error, state: str, phase: Phase) -> Meaning:
    if not state:
        return _without_state(error, phase)
    meaning = meaning_of(state)
    passes = (StatusCode.ABORTED, StatusCode.DEADLINE_EXCEEDED)  # an object in use, a lock: not for long
    if phase is Phase.DESCRIBE and state[:2] in _STATEMENT_AT_FAULT and meaning.code not in passes:
        return BROKEN
    if state == "XX000" and error.diag.source_file in _ALLOCATOR:
        return TOO_BIG
    return meaning


def _without_state(error: psycopg.Error, phase: Phase) -> Meaning:
    """psycopg's own errors: a lost connection, a failed login, or a mistake of ours."""
    if not isinstance(error, psycopg.OperationalError):
        return UNKNOWN
    if phase is Phase.CONNECT and error.pgconn is not None and error.pgconn.used_password:
        return LOGIN
    return UNREACHABLE


def _syntax_of_a_value(compiled: CompiledStatement, state: str) -> DirectFlowError:
    """A syntax error after PostgreSQL has accepted the statement: that of a tsquery, an xpath or the like."""
    variables = tuple(dict.fromkeys(name for parameter in compiled.parameters for name in parameter.variables))
    if not variables:
        return _make(DATA, state)
    # The server does not say whose value it was; with one variable there is no doubt.
    return _value_rejected(variables if len(variables) == 1 else (), state)


def _value_rejected(variables: tuple[str, ...], state: str) -> DirectFlowError:
    names = ", ".join(variables)
    whose = f"The value of {names}" if names else "The value of a variable"
    sentence = f"{whose} does not fit where it stands in the statement ({condition_words(state)})."
    return DirectFlowError(
        StatusCode.INVALID_ARGUMENT,
        "VARIABLE_REJECTED",
        sentence,
        metadata={"sqlstate": state, **({"variable": names} if names else {})},
        violations=[FieldViolation(f"variables.{name}", sentence, "REJECTED_BY_DATABASE") for name in variables],
        sqlstate=state,
    )


def _make(meaning: Meaning, state: str, problems: Sequence[Problem] = ()) -> DirectFlowError:
    condition = f" ({condition_words(state)})" if state and meaning.code is not StatusCode.INTERNAL else ""
    return DirectFlowError(
        meaning.code,
        meaning.reason,
        f"{meaning.sentence}{condition}.",
        metadata={"sqlstate": state} if state else {},
        problems=problems,
        retry_after=meaning.retry_after,
        sqlstate=state,
    )
