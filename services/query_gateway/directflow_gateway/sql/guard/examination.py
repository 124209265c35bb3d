"""The guard: every rule, over every node."""

from collections.abc import Iterable

from directflow_runtime.errors import Problem

from directflow_gateway.sql.allowance import Allowance
from directflow_gateway.sql.guard.attributes import check_attribute, check_system_column
from directflow_gateway.sql.guard.clauses import check_clause
from directflow_gateway.sql.guard.context import Context, NodeRule
from directflow_gateway.sql.guard.functions import check_function, check_session_value
from directflow_gateway.sql.guard.names import check_operator, check_relation, check_type
from directflow_gateway.sql.guard.statements import check_statement
from directflow_gateway.sql.parser import text_locator
from directflow_gateway.sql.position import Locator
from directflow_gateway.sql.tree import ParseTree

MAX_PROBLEMS = 50

_NODE_RULES: tuple[NodeRule, ...] = (
    check_clause,
    check_function,
    check_session_value,
    check_attribute,
    check_system_column,
    check_operator,
    check_type,
    check_relation,
)


def examine(tree: ParseTree, allowed_functions: Iterable[str] = (), locate: Locator | None = None) -> list[Problem]:
    """Everything that keeps `tree` from being one read-only SELECT; empty when nothing does. At most 50 problems.

    `allowed_functions` are the connection's entries (see Allowance). `locate` maps a character offset of the parsed
    text to the author's; without it the parsed text is the author's. A statement that passes here still needs
    check_references: what a name means, only the customer's catalogue knows.
    """
    context = Context(tree, Allowance.of(allowed_functions), locate or text_locator(tree.text))
    problems = list(check_statement(context))
    if problems:
        return problems
    for node in tree.nodes():
        for rule in _NODE_RULES:
            problems.extend(rule(context, node))
        if len(problems) >= MAX_PROBLEMS:
            break
    return problems[:MAX_PROBLEMS]
