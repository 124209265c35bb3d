"""What every rule of the guard is given."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from directflow_runtime.errors import Problem

from directflow_gateway.sql.allowance import Allowance
from directflow_gateway.sql.position import Locator
from directflow_gateway.sql.tree import Node, ParseTree


@dataclass(frozen=True, slots=True)
class Context:
    """A parsed text, what its connection allows, and where in the author's text a finding is shown."""

    tree: ParseTree
    allowance: Allowance
    locate: Locator

    def problem(self, node: Node, rule: str, message: str, hint: str = "") -> Problem:
        """A problem at the place of `node`."""
        return self.locate(self.tree.char_offset(node.location)).problem(rule, message, hint)


NodeRule = Callable[[Context, Node], Iterator[Problem]]
"""A rule that looks at one node (and may follow its parents)."""
