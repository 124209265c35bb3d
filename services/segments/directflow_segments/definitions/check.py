"""Checks a data source before it is saved: on the customer's own server, and by the rules that a call goes by.

All problems of all three queries at once: an author who mends one of them must not find the next one only then.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from directflow_runtime.definitions.kind import Checked
from directflow_runtime.errors import DirectFlowError, Problem, Severity

from directflow_segments.data_sources import DataSource, Query, Role
from directflow_segments.definitions.report import FIELDS, Described, Describer, QueryReport, Report
from directflow_segments.definitions.source_problems import SourceProblems, binding_problems, unused_problems
from directflow_segments.definitions.sources import expected_sources
from directflow_segments.definitions.type_problems import TypeProblems
from directflow_segments.mapping import PROFILE_ID

CONNECTION_NOT_FOUND: Final = "CONNECTION_NOT_FOUND"

Answers = Mapping[Role, Described]


async def check(data_source: DataSource, describer: Describer) -> Checked[Report]:
    """Raises DirectFlowError where a query cannot be described for no fault of its own."""
    queries = {role: data_source.query(role) for role in data_source.roles}
    answers = dict(zip(queries, await _described(list(queries.values()), describer), strict=True))
    return _Findings(data_source, queries, answers).checked()


class _Findings:
    """What the three answers say together."""

    def __init__(self, data_source: DataSource, queries: Mapping[Role, Query], answers: Answers) -> None:
        self._data_source = data_source
        self._queries = queries
        self._answers = answers
        self._columns = _columns(answers, Role.DISCOVERY) if Role.DISCOVERY in queries else {}
        """Of the segments; None where nobody knows them."""
        known = self._columns or {}
        self._expected = {role: expected_sources(data_source, query, known) for role, query in queries.items()}

    def checked(self) -> Checked[Report]:
        # Each once, since three queries share one connection; errors first.
        problems = tuple(sorted(dict.fromkeys(self._problems()), key=_severity))
        return Checked(problems, Report(problems, tuple(self._reports())))

    def _problems(self) -> Iterator[Problem]:
        for role in self._queries:
            yield from self._answers[role].problems
        bound = self._queries[Role.GENERATOR].variable_names
        yield from binding_problems(self._data_source, self._columns, bound)
        used = frozenset(name for query in self._queries.values() for name in query.variable_names)
        yield from unused_problems(self._data_source, used)
        generated = _columns(self._answers, Role.GENERATOR)
        yield from _contact_problems(self._data_source, generated)
        profile_id_type = (generated or {}).get(PROFILE_ID, "")
        for role, query in self._queries.items():
            expected = self._expected[role]
            yield from SourceProblems(self._data_source, query, expected, self._columns).all()
            types = TypeProblems(query, expected.sources, self._columns or {}, profile_id_type)
            yield from types.all(self._answers[role].uses)

    def _reports(self) -> Iterator[QueryReport]:
        for role, answer in self._answers.items():
            if answer.encoded:
                yield QueryReport(role, answer, self._rules(role))

    def _rules(self, role: Role) -> dict[str, str]:
        if role is Role.GENERATOR and self._columns is None:
            return {}
        return {name: source.rule for name, source in self._expected[role].sources.items()}


async def _described(queries: list[Query], describer: Describer) -> list[Described]:
    # Each to its end, which the call's deadline bounds: none is left behind to raise where nobody looks.
    answers = await asyncio.gather(*(_describe(query, describer) for query in queries), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in answers if isinstance(answer, Described)]


async def _describe(query: Query, describer: Describer) -> Described:
    try:
        described = await describer.describe(query)
    except DirectFlowError as error:
        if error.metadata.get("gateway_reason") != CONNECTION_NOT_FOUND:
            raise
        return Described((_no_connection(query),))
    return replace(described, problems=tuple(_in_definition(problem, query.role) for problem in described.problems))


def _no_connection(query: Query) -> Problem:
    workspace, _, name = query.connection.rpartition("/connections/")
    message = f"There is no connection {name} in {workspace}."
    hint = "Create the connection first, or name one that is there."
    return Problem("REFERENCE_NOT_FOUND", message, field="connection", token=name, hint=hint)


def _in_definition(problem: Problem, role: Role) -> Problem:
    """A problem of a statement, as one of the definition that holds it."""
    match problem.field:
        case "" | "template":
            return replace(problem, field=FIELDS[role])
        case "user":  # the role doctor's: of the login role
            return replace(problem, field="connection.user")
        case field if field.partition(".")[0] == "variables":
            return problem
        case field:
            return replace(problem, field=f"{FIELDS[role]}.{field}")


def _columns(answers: Answers, role: Role) -> dict[str, str] | None:
    """Types of a query's columns by name; None where it could not be described."""
    columns = answers[role].columns
    return None if columns is None else {column.name: column.postgres_type for column in columns}


def _contact_problems(data_source: DataSource, columns: Mapping[str, str] | None) -> Iterator[Problem]:
    """A generator that has the column `email` or `phone`, and not the one that these rules ask for."""
    names = [kind.value for kind in data_source.contact_rules.required.kinds()]
    if columns is not None and not any(name in columns for name in names):
        told = " or ".join(names)
        message = f"The contact rules need the column {told}, which the generator does not return."
        hint = f"Write <column> AS {names[0]}, or change required_contact."
        yield Problem("CONTACT_MISSING", message, field="contact_rules.required_contact", hint=hint)


def _severity(problem: Problem) -> bool:
    return problem.severity is not Severity.ERROR
