"""Values become the text form of each `$n`. There is no escaping path: a value never meets the SQL.

All parameters are sent with type OID 0 (unknown), so that PostgreSQL reads each as it would have read the author's
literal.
"""

import re
from collections.abc import Mapping

from directflow_gateway.sql.parameters import Parameter, VariableUse
from directflow_gateway.sql.quoting import array_delimiter, array_literal, quote
from directflow_gateway.sql.refusal import variable_rejected
from directflow_gateway.sql.statement import CompiledStatement
from directflow_gateway.sql.variables import VariableValue, element_texts, scalar_text

MAX_BOUND_BYTES = 4 * 1024 * 1024
"""All parameters of one statement together. A thousand tags may repeat one value of 64 KiB."""

_BARE_NUMBER = re.compile(r"(?:^|[ \t\n\r\f\v])[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[ \t\n\r\f\v]*$")


def bind(compiled: CompiledStatement, values: Mapping[str, VariableValue]) -> tuple[str | None, ...]:
    """The text form of every parameter in the order of their numbers; None is NULL.

    A literal of which a variable is NULL is NULL as a whole. Raises VARIABLE_REJECTED, naming the variable, for a value
    that is missing, is not of its variable's kind, holds a NUL character or invalid Unicode, or is too long. Values of
    variables that the statement does not use are not looked at.
    """
    return _Binding(compiled, values).texts()


class _Binding:
    def __init__(self, compiled: CompiledStatement, values: Mapping[str, VariableValue]) -> None:
        self._compiled = compiled
        self._values = values
        self._scalars: dict[str, str | None] = {}
        self._left = MAX_BOUND_BYTES

    def texts(self) -> tuple[str | None, ...]:
        return tuple(self._counted(parameter) for parameter in self._compiled.parameters)

    def _counted(self, parameter: Parameter) -> str | None:
        if not parameter.is_settled:
            raise RuntimeError("with_parameter_types must come first: an array or JSON literal is quoted by its type")
        text = self._list(parameter) if self._compiled.is_list(parameter) else self._joined(parameter)
        self._left -= len(text.encode()) if text else 0
        if self._left < 0:
            description = f"makes the values of this statement longer than {MAX_BOUND_BYTES} bytes"
            raise variable_rejected(parameter.variables[-1], description, "TOO_LONG")
        return text

    def _list(self, parameter: Parameter) -> str | None:
        variable = self._compiled.variables[parameter.variables[0]]
        value = self._value(variable.name)
        if value is None:
            return None
        elements = element_texts(variable, value, self._compiled.max_value_bytes)
        return array_literal(elements, array_delimiter(parameter.type_name))

    def _joined(self, parameter: Parameter) -> str | None:
        pieces: list[str] = []
        for piece in parameter.pieces:
            written = self._written(piece) if isinstance(piece, VariableUse) else piece
            if written is None:
                return None
            pieces.append(written)
        text = "".join(pieces)
        if parameter.unit and _BARE_NUMBER.search(text):
            # INTERVAL '5' DAY is five days; CAST('5' AS INTERVAL DAY) is five seconds cut to days: nothing.
            return f"{text} {parameter.unit}"
        return text

    def _written(self, use: VariableUse) -> str | None:
        text = self._scalar(use.name)
        return None if text is None else quote(text, use.quoting, self._compiled.variables[use.name].kind)

    def _scalar(self, name: str) -> str | None:
        if name not in self._scalars:
            value = self._value(name)
            limit = self._compiled.max_value_bytes
            text = None if value is None else scalar_text(self._compiled.variables[name], value, limit)
            self._scalars[name] = text
        return self._scalars[name]

    def _value(self, name: str) -> VariableValue:
        if name not in self._values:
            raise variable_rejected(name, "has no value", "REQUIRED")
        return self._values[name]
