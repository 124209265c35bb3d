"""A compiled statement: the text that the server gets, its parameters, and the way back to the author's template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from directflow_runtime.errors import Problem, Severity

from directflow_gateway.sql.literals import UnquotableError
from directflow_gateway.sql.parameters import Parameter, parameter_places
from directflow_gateway.sql.references import References
from directflow_gateway.sql.refusal import StatementRefused
from directflow_gateway.sql.sharing import shared_numbers
from directflow_gateway.sql.source_map import Edit, Part, SourceMap, build, edited
from directflow_gateway.sql.template import problem_at
from directflow_gateway.sql.variables import Variable

PATTERN_TYPES = frozenset({"tsquery", "jsonpath", "lquery", "ltxtquery", "query_int", "hstore", "xml"})
"""Types whose text form is a small language, in which a value can become more than a value."""


@dataclass(frozen=True, slots=True, repr=False)
class CompiledStatement:
    """A template after compilation. Nothing in it depends on values, and every method returns a new statement."""

    template: str
    text: str
    """What the server gets, with `$1` to `$n`."""
    parameters: tuple[Parameter, ...]
    """In the order of their numbers."""
    variables: Mapping[str, Variable]
    """The variables that the statement needs; those that nobody declared are texts."""
    references: References
    has_order_by: bool
    """Whether the outermost query has an ORDER BY."""
    body_end: int
    """Where in `text` the statement ends: before the author's trailing semicolon, if there is one."""
    max_value_bytes: int
    warnings: tuple[Problem, ...] = ()
    maps: tuple[SourceMap, ...] = ()
    """From `text` back to `template`, nearest first."""

    def __repr__(self) -> str:
        # Neither text: the author's literals are in them.
        return f"CompiledStatement({len(self.text)} characters, {list(self.parameters)})"

    def source_offset(self, offset: int) -> int:
        """The place in the template (0-based characters) of a place in `text`; -1 for none."""
        for source_map in self.maps:
            offset = source_map.source(offset)
        return offset

    def problem(self, offset: int, rule: str, message: str, hint: str = "") -> Problem:
        """A problem of the template, at the place that `text` has at `offset` (0-based characters)."""
        source = self.source_offset(offset)
        if source < 0:
            return Problem(rule, message, field="template", hint=hint)
        return problem_at(self.template, source, message, hint, rule=rule)

    def position(self, offset: int) -> tuple[int, int, str]:
        """Line, column and token in the template for an error position of the server (1-based characters of `text`).

        (0, 0, "") when there is no such place.
        """
        found = self.problem(offset - 1, "", "")
        return found.line, found.column, found.token

    def is_list(self, parameter: Parameter) -> bool:
        """Whether the parameter takes a list."""
        return any(self.variables[name].is_list for name in parameter.variables)

    def with_parameter_types(self, names: Sequence[str]) -> "CompiledStatement":
        """The statement once Describe has told the type of every parameter, as format_type prints them.

        Array and JSON literals get their quoting. For a domain, name its base type. Raises StatementRefused.
        """
        problems: list[Problem] = []
        settled: list[Parameter] = []
        for parameter, name in zip(self.parameters, names, strict=True):
            try:
                settled.append(parameter.of_type(name))
            except UnquotableError as error:
                problems.append(problem_at(self.template, parameter.offset, str(error), ""))
            if self.is_list(parameter) and not name.endswith("[]"):
                problems.append(_list_in_scalar_place(self.template, parameter))
        if problems:
            raise StatementRefused(problems)
        return replace(self, parameters=tuple(settled), warnings=self.warnings + self._pattern_warnings(settled))

    def with_text_parameter(self, number: int) -> "CompiledStatement":
        """`$number` read as text (text[] for a list): for 42P18, where PostgreSQL can infer no type."""
        written = f"CAST(${number} AS {'text[]' if self.is_list(self.parameters[number - 1]) else 'text'})"
        return self._edited([Edit(start, end, written) for start, end in parameter_places(self.text)[number]])

    def with_shared_parameters(self) -> "CompiledStatement":
        """Equal occurrences of a variable share one `$n`: for 42803 and 42P10.

        `GROUP BY date_trunc('<%= u %>', t)` is the expression of the select list only if both have the same parameter.
        Occurrences are equal when the expressions around them are: the same variable may still be an integer here and
        a text there.
        """
        numbers = shared_numbers(self.text, self.parameters)
        kept = sorted(set(numbers.values()))
        renumbered = {number: kept.index(first) + 1 for number, first in numbers.items()}
        edits = [
            Edit(start, end, f"${renumbered[number]}")
            for number, places in parameter_places(self.text).items()
            for start, end in places
        ]
        return self._edited(edits, parameters=tuple(self.parameters[number - 1] for number in kept))

    def rearranged(self, parts: Sequence[Part], **changes: object) -> "CompiledStatement":
        """The statement with another text, made of parts of this one's; `changes` to other fields.

        Parameters keep their numbers. The new text has no trailing semicolon.
        """
        text, source_map = build(self.text, parts)
        return self._with_text(text, source_map, {"body_end": len(text), **changes})

    def _edited(self, edits: Sequence[Edit], **changes: object) -> "CompiledStatement":
        text, source_map = edited(self.text, edits)
        growth = sum(len(edit.text) - (edit.end - edit.start) for edit in edits if edit.start < self.body_end)
        return self._with_text(text, source_map, {"body_end": self.body_end + growth, **changes})

    def _with_text(self, text: str, source_map: SourceMap, changes: Mapping[str, object]) -> "CompiledStatement":
        return replace(self, text=text, maps=(source_map, *self.maps), **changes)  # type: ignore[arg-type]

    def _pattern_warnings(self, parameters: Sequence[Parameter]) -> tuple[Problem, ...]:
        warned = {(warning.line, warning.column) for warning in self.warnings}
        found = [item for item in parameters if item.type_name.rpartition(".")[2] in PATTERN_TYPES]
        new = [item for item in found if (item.line, item.column) not in warned]
        return tuple(pattern_warning(self.template, item.offset) for item in new)


def pattern_warning(template: str, offset: int) -> Problem:
    """The warning for a variable inside a pattern or a small language: safe for the SQL, not for the pattern."""
    return replace(
        problem_at(
            template,
            offset,
            "The variable's value becomes part of a pattern: it can change what matches, though never the SQL.",
            "Where users supply the value, compare without a pattern: starts_with, position, websearch_to_tsquery.",
            rule="VARIABLE_IN_PATTERN",
        ),
        severity=Severity.WARNING,
    )


def _list_in_scalar_place(template: str, parameter: Parameter) -> Problem:
    message = f"The variable {parameter.variables[0]} is a list, and a single value is needed here."
    return problem_at(template, parameter.offset, message, "Write IN (<%= list %>) or = ANY (<%= list %>).")
