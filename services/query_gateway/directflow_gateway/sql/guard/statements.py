"""Exactly one statement, and it is a SELECT."""

import re
from collections.abc import Iterator

from directflow_runtime.errors import Problem

from directflow_gateway.sql.guard.context import Context
from directflow_gateway.sql.tree import Node


def check_statement(context: Context) -> Iterator[Problem]:
    """TABLE and VALUES are SelectStmt nodes too: they are the same reading, in other words."""
    statements = context.tree.statements
    if not statements:
        yield context.locate(-1).problem("EMPTY_STATEMENT", "There is no SQL statement.", "Write one SELECT.")
    for statement in statements[1:2]:
        yield context.problem(
            _start(statement),
            "MULTIPLE_STATEMENTS",
            f"There are {len(statements)} statements; exactly one is allowed.",
            "Remove everything behind the first semicolon.",
        )
    for statement in statements:
        yield from _check_select(context, statement)


def _check_select(context: Context, statement: Node) -> Iterator[Problem]:
    node = statement.one("stmt")
    if node is None or node.tag == "SelectStmt":
        return
    kind = re.sub(r"(?<!^)(?=[A-Z])", " ", node.tag.removesuffix("Stmt")).upper()
    yield context.problem(
        _start(statement), "NOT_A_SELECT", f"This is a {kind} statement; only SELECT is allowed.", "Write one SELECT."
    )


def _start(statement: Node) -> Node:
    """A node that stands where the statement begins; few kinds of statement say themselves where that is."""
    inner = next((node for node in statement.walk() if node.has_location and node.location >= 0), None)
    start = statement.number("stmt_location")
    return Node("RawStmt", "", None, {"location": min(start, inner.location) if inner else start}, has_location=True)
