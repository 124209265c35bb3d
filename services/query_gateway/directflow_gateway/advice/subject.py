"""The statement that advice is about."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from directflow_runtime.errors import Problem, Severity

from directflow_gateway.description import Description
from directflow_gateway.description.select_list import SelectList, select_list_of
from directflow_gateway.execution.server_problem import name_at
from directflow_gateway.sql import CompiledStatement
from directflow_gateway.sql.template import problem_at
from directflow_gateway.sql.tree import Node, ParseTree


@dataclass(frozen=True, slots=True, repr=False)
class Subject:
    """A statement that the server accepts, its select list and tree, and what it is for."""

    description: Description
    select_list: SelectList
    role: str
    """"discovery", "generator", "preload", "condition" or "ad hoc"."""
    key_column: str = "id"
    """The key of a discovery query."""

    @property
    def compiled(self) -> CompiledStatement:
        """The statement as the server gets it."""
        return self.description.compiled

    @property
    def tree(self) -> ParseTree:
        """The tree of the whole statement."""
        return self.select_list.tree

    def warning(self, offset: int, rule: str, message: str, hint: str = "") -> Problem:
        """A warning at a character of the sent text, by its place in the author's template."""
        problem = self.compiled.problem(offset, rule, message, hint)
        token = name_at(self.compiled.text, offset + 1) or problem.token
        return replace(problem, severity=Severity.WARNING, token=token)

    def warning_at(self, node: Node, rule: str, message: str, hint: str = "") -> Problem:
        """A warning at a node of the tree; at the SELECT for one that has no place, such as the star of TABLE."""
        offset = self.tree.char_offset(node.location)
        return self.warning(offset if offset >= 0 else self.select_list.offset, rule, message, hint)

    def warning_at_variable(self, number: int, rule: str, message: str, hint: str = "") -> Problem:
        """A warning at the tag of parameter `$number`."""
        offset = self.compiled.parameters[number - 1].offset
        return replace(problem_at(self.compiled.template, offset, message, hint, rule=rule), severity=Severity.WARNING)

    def parameters_of(self, variable: str) -> frozenset[int]:
        """The numbers of the parameters that a variable is a part of."""
        numbered = enumerate(self.compiled.parameters, 1)
        return frozenset(number for number, parameter in numbered if variable in parameter.variables)


def subject_of(description: Description, role: str, key_column: str = "") -> Subject:
    """The subject of a described statement."""
    select_list = select_list_of(description.compiled.text)
    if select_list is None:
        raise ValueError("a described statement does not parse")
    return Subject(description, select_list, role, key_column or "id")


def joined(names: Sequence[str], most_characters: int) -> str:
    """Names with commas between them, cut at a name where they would be too long."""
    kept = list(names)
    while len(kept) > 1 and len(", ".join(kept)) > most_characters:
        kept.pop()
    return ", ".join(kept) + (", ..." if len(kept) < len(names) else "")
