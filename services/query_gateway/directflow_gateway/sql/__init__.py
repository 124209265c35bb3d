"""Templates, binding, the guard and everything else that is decided about SQL text without a database."""

from directflow_gateway.sql.binding import bind
from directflow_gateway.sql.compile import compile_template
from directflow_gateway.sql.kinds import Kind
from directflow_gateway.sql.limits import DEFAULT, TextLimits
from directflow_gateway.sql.normalise import normalise_for_telemetry
from directflow_gateway.sql.parameters import Context, Parameter
from directflow_gateway.sql.reference_check import check_references, check_resolved
from directflow_gateway.sql.refusal import StatementRefused
from directflow_gateway.sql.statement import CompiledStatement
from directflow_gateway.sql.template import template_variables
from directflow_gateway.sql.variables import Scalar, Variable, VariableValue
from directflow_gateway.sql.window_alias import rewrite_window_alias, window_aliases
from directflow_gateway.sql.wrapping import (
    AFTER_VARIABLE,
    wrap_for_columns,
    wrap_for_count,
    wrap_for_key_order,
)

__all__ = [
    "AFTER_VARIABLE",
    "DEFAULT",
    "CompiledStatement",
    "Context",
    "Kind",
    "Parameter",
    "Scalar",
    "StatementRefused",
    "TextLimits",
    "Variable",
    "VariableValue",
    "bind",
    "check_references",
    "check_resolved",
    "compile_template",
    "normalise_for_telemetry",
    "rewrite_window_alias",
    "template_variables",
    "window_aliases",
    "wrap_for_columns",
    "wrap_for_count",
    "wrap_for_key_order",
]
