"""Functions, by allow-list, wherever a call can stand."""

from collections.abc import Iterator

from directflow_runtime.errors import Problem

from directflow_gateway.sql.guard.context import Context
from directflow_gateway.sql.guard.denied_functions import reason_denied, what_instead
from directflow_gateway.sql.guard.function_names import extension_names, is_built_in, similar_built_in
from directflow_gateway.sql.guard.trusted_extensions import may_be_trusted
from directflow_gateway.sql.tree import Node

SAMPLING_METHODS = ("system", "bernoulli")
"""TABLESAMPLE's own methods. They are functions, though not ones that SQL can call."""
_ALLOW_HINT = 'If it belongs to your database and only reads, add "{}" to the connection\'s allowed_functions.'
_IDENTITY = {
    "SVFOP_CURRENT_ROLE": "current_role",
    "SVFOP_CURRENT_USER": "current_user",
    "SVFOP_USER": "user",
    "SVFOP_SESSION_USER": "session_user",
    "SVFOP_CURRENT_CATALOG": "current_catalog",
    "SVFOP_CURRENT_SCHEMA": "current_schema",
}


def check_function(context: Context, node: Node) -> Iterator[Problem]:
    """A call: `f(x)`, in FROM, as an aggregate or over a window; also TABLESAMPLE's method, which is a function."""
    if node.tag == "FuncCall":
        yield from _check_call(context, node, node.names("funcname"))
    elif node.tag == "RangeTableSample":
        method = node.names("method")
        if not (method[-1] in SAMPLING_METHODS and method[:-1] in ((), ("pg_catalog",))):
            yield from _check_call(context, node, method)


def _check_call(context: Context, node: Node, qualified: tuple[str, ...]) -> Iterator[Problem]:
    name = qualified[-1]
    # A third part in front is the database, which the server insists is the current one.
    schema = qualified[-2] if len(qualified) > 1 else ""
    if context.allowance.may_call(name, schema):
        return
    if schema in ("", "pg_catalog") and is_built_in(name):
        return
    # Whose function it is, only the catalogue knows: check_references asks it.
    if schema != "pg_catalog" and may_be_trusted(name, extension_names()):
        return
    reason = reason_denied(name) if schema in ("", "pg_catalog") else ""
    yield context.problem(
        node,
        "FUNCTION_NOT_ALLOWED",
        f"Function {'.'.join(qualified)} is not allowed{': ' if reason else ''}{reason}.",
        what_instead(name) if reason else _hint(name, ".".join(qualified[-2:])),
    )


def _hint(name: str, entry: str) -> str:
    similar = similar_built_in(name)
    allow = _ALLOW_HINT.format(entry)
    return f"Did you mean {similar}? {allow}" if similar else allow


def check_session_value(context: Context, node: Node) -> Iterator[Problem]:
    """CURRENT_USER and its kind are functions in the form of keywords; CURRENT_DATE and its kind are fine."""
    name = _IDENTITY.get(node.text("op")) if node.tag == "SQLValueFunction" else None
    if name is not None and not context.allowance.may_call(name):
        yield context.problem(
            node,
            "FUNCTION_NOT_ALLOWED",
            f"{name.upper()} is not allowed: it tells about the server, the session or its role.",
            what_instead(name),
        )
