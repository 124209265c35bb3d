"""What a service said about a definition, at the places of the file that the definition came from."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from directflow_runtime.errors import DirectFlowError, FieldViolation, Problem, Severity
from directflow_runtime.remote import RemoteError
from directflow_runtime.status import problem_from
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from directflow_cli.definitions.manifests import Manifest
from directflow_cli.definitions.nodes import child, entries, items, place
from directflow_cli.definitions.places import Finding, Level, Place, SqlPlace
from directflow_cli.definitions.sql_positions import in_file

_TOKENS: Final = re.compile(r"[^.\[\]]+")
_QUERIES: Final = {
    "discovery.sql": ("discovery_sql",),
    "generator.sql": ("generator_sql",),
    "preload.sql": ("preload_sql",),
    "template": ("sql", "sql"),
    "condition.sql": ("sql", "sql"),
}
_SAME: Final = {"negation": "not"}

WRONG: Final = frozenset(
    {"DEFINITION_BROKEN", "CONTRACT_BROKEN", "STATEMENT_REFUSED", "INVALID_REQUEST", "REFERENCE_NOT_FOUND",
     "EXPRESSION_CYCLE", "VARIABLE_REJECTED"}
)  # fmt: skip
"""Reasons of errors that are about the definition; every other one says that nobody could tell."""


def error_findings(manifest: Manifest, error: DirectFlowError) -> list[Finding]:
    """Why a definition was refused. At least one finding, and each has a place."""
    found = [problem_finding(manifest, problem) for problem in error.problems]
    found += [_violation(manifest, violation, error.reason) for violation in error.violations]
    omitted = error.omitted_problems if isinstance(error, RemoteError) else 0
    if omitted:
        message = f"{omitted} more problems did not fit into the answer: mend these first"
        found.append(Finding(message, manifest.place, rule="OMITTED", resource=manifest.name))
    if not any(finding.level is Level.ERROR for finding in found):
        reason = error.reason or error.code.name
        found.append(Finding(error.message, manifest.place, rule=reason, resource=manifest.name))
    return found


def report_findings(manifest: Manifest, report: Any) -> list[Finding]:
    """What a ValidationReport says of a definition that was accepted."""
    return [problem_finding(manifest, problem_from(problem)) for problem in report.problems]


def problem_finding(manifest: Manifest, problem: Problem) -> Finding:
    """One problem at its place."""
    at, sql = _place(manifest, problem)
    level = Level.WARNING if problem.severity is Severity.WARNING else Level.ERROR
    return Finding(
        problem.message, at, level, problem.rule, problem.hint, manifest.name, problem.field, sql
    )  # fmt: skip


def reference_places(manifest: Manifest, name: str) -> Iterator[Place]:
    """Where the definition names another resource."""
    wanted = (name, name.rpartition("/")[2])
    for node in _references(manifest.spec, False):
        if node.value in wanted:
            yield place(manifest.source, node)


def _references(node: Node | None, inside: bool) -> Iterator[ScalarNode]:
    if isinstance(node, MappingNode):
        for _, name, value in entries(node):
            yield from _references(value, inside or name in ("connection", "expression"))
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from _references(item, inside)
    elif isinstance(node, ScalarNode) and inside:
        yield node


def _violation(manifest: Manifest, violation: FieldViolation, reason: str) -> Finding:
    node = locate(manifest, violation.field)
    at = place(manifest.source, node) if node else manifest.place
    rule = violation.reason or reason
    return Finding(violation.description, at, rule=rule, resource=manifest.name, field=violation.field)


def _place(manifest: Manifest, problem: Problem) -> tuple[Place, SqlPlace | None]:
    node = locate(manifest, problem.field)
    if isinstance(node, ScalarNode) and problem.line:
        return in_file(manifest.source, node, problem.line, problem.column, problem.token)
    if node is None:
        return manifest.place, None
    return place(manifest.source, node), None


def locate(manifest: Manifest, field: str) -> Node | None:
    """The node of a field as services name it, or of the nearest thing around it that the file holds."""
    plain = field
    for envelope in ("definition", manifest.kind.field):  # fields of a request that hold the resource
        plain = plain.removeprefix(f"{envelope}.") if field not in _QUERIES else plain
    if plain == "sql" and manifest.kind.name == "Condition":
        plain = "condition.sql"
    tokens = _QUERIES.get(plain) or _TOKENS.findall(plain)
    return _walk(manifest.spec, list(tokens))


def _walk(node: Node | None, tokens: list[str]) -> Node | None:
    found: Node | None = None
    while tokens and node is not None:
        taken, node = _step(node, tokens)
        tokens = tokens[taken:]
        found = node or found
    return found


def _step(node: Node, tokens: list[str]) -> tuple[int, Node | None]:
    """How many tokens one step takes, and where it leads. Names of variables may have dots in them."""
    if tokens[0] == "operands":
        return 1, node  # a file has the list itself
    if isinstance(node, SequenceNode):
        return _element(node, tokens)
    if tokens[0] == "variable" and child(node, "variable") is None:
        return 1, node
    for taken in range(len(tokens), 0, -1):
        name = ".".join(tokens[:taken])
        if (value := child(node, name) or child(node, _SAME.get(name, name))) is not None:
            return taken, value
    return len(tokens), None


def _element(node: SequenceNode, tokens: list[str]) -> tuple[int, Node | None]:
    elements = items(node)
    if tokens[0].isdecimal():
        index = int(tokens[0])
        return 1, elements[index] if index < len(elements) else None
    for taken in range(len(tokens), 0, -1):
        name = ".".join(tokens[:taken])
        for element in elements:
            if name in _names(element):
                return taken, element
    return len(tokens), None


def _names(element: Node) -> Iterable[str]:
    for holder in (element, child(element, "variable")):
        name = child(holder, "name")
        if isinstance(name, ScalarNode):
            yield str(name.value)
