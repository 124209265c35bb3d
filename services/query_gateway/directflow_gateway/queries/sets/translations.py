"""What PostgreSQL's errors about many tuples mean: as a rule they all say the same."""

import psycopg
from directflow_runtime.errors import DirectFlowError

from directflow_gateway.execution import Phase, translate
from directflow_gateway.execution.bind_context import rejected_parameter
from directflow_gateway.sql import CompiledStatement

MOST = 64
"""Errors that are kept: an author's function may make one up for each tuple."""

_Key = tuple[str, int, str | None, str | None]


class Translations:
    """`translate` for the errors of one call. What is given out is shared, so it has no traceback of its own."""

    def __init__(self, compiled: CompiledStatement | None) -> None:
        """`compiled`: the statement that was run, if it was the author's own."""
        self._compiled = compiled
        self._parameters = len(compiled.parameters) if compiled is not None else 0
        self._known: dict[_Key, DirectFlowError] = {}

    def of(self, error: psycopg.Error) -> DirectFlowError:
        """The error that callers may see."""
        if not error.sqlstate:
            return translate(error, self._compiled, Phase.RUN)
        key = self._key(error.sqlstate, error.diag)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MOST:
                self._known.clear()
            known = self._known[key] = translate(error, self._compiled, Phase.RUN)
        return known

    def _key(self, state: str, told: psycopg.errors.Diagnostic) -> _Key:
        """All that `translate` looks at, and no value."""
        number = rejected_parameter(told.context, self._parameters) if self._parameters else 0
        return state, number, told.statement_position, told.source_file
