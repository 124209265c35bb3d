"""What is said of a data source before it is saved: all that is wrong in its queries, where, and what to write."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from directflow_runtime.definitions.kind import Checked
from directflow_runtime.definitions.statement_digest import DigestedVariable, statement_digest
from directflow_runtime.errors import DirectFlowError, Problem, Severity, StatusCode
from directflow_segments.audience.reachability import ContactRules, RequiredContact
from directflow_segments.data_sources import DataSource, Kind, Query, Role, Variable
from directflow_segments.definitions.check import check
from directflow_segments.definitions.kind import DataSourceKind
from directflow_segments.definitions.report import Column, Described, Report, VariableUse
from directflow_segments.template import first_tags

DISCOVERY = {"id": "bigint", "community_name": "text", "plan_type": "text"}
GENERATOR = {"profile_id": "bigint", "email": "text"}
CONNECTION = "workspaces/w/connections/c"


@dataclass
class FakeGateway:
    """Describes every query with the columns and types that it is told."""

    columns: dict[Role, dict[str, str]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    """Inferred types by variable; text where nothing is said."""
    problems: dict[Role, tuple[Problem, ...]] = field(default_factory=dict)
    """A query with an ERROR cannot be described."""
    error: DirectFlowError | None = None
    asked: list[Query] = field(default_factory=list)

    async def describe(self, query: Query) -> Described:
        self.asked.append(query)
        if self.error:
            raise self.error
        problems = self.problems.get(query.role, ())
        if any(problem.severity is Severity.ERROR for problem in problems):
            return Described(problems)
        default = {Role.DISCOVERY: DISCOVERY, Role.GENERATOR: GENERATOR, Role.PRELOAD: {"plan_name": "text"}}
        columns = self.columns.get(query.role, default[query.role])
        uses = [
            VariableUse(name, self.types.get(name, "text"), tag.line, tag.column)
            for name, tag in first_tags(query.template).items()
        ]
        told = tuple(Column(name, postgres) for name, postgres in columns.items())
        return Described(problems, told, tuple(uses), b"\x0a\x08template")


def data_source(generator: str = "SELECT 1", **more: Any) -> DataSource:
    given = {"discovery_sql": "SELECT id", **more}
    return DataSource("workspaces/w/dataSources/d", CONNECTION, generator, **given)


async def told(source: DataSource, **gateway: Any) -> list[tuple[str, str, str]]:
    """Rule, severity and field of every problem."""
    checked = await check(source, FakeGateway(**gateway))
    return [(problem.rule, problem.severity.name, problem.field) for problem in checked.problems]


async def problem_of(source: DataSource, **gateway: Any) -> Problem:
    """The only one."""
    (problem,) = (await check(source, FakeGateway(**gateway))).problems
    return problem


async def rules(source: DataSource, role: Role = Role.GENERATOR, **gateway: Any) -> dict[str, str]:
    report: Report = (await check(source, FakeGateway(**gateway))).report
    return next(dict(query.sources) for query in report.queries if query.role is role)


# --- where variables come from ----------------------------------------------------------------------------------------


async def test_the_documented_example_is_accepted_with_a_warning_that_says_what_to_write() -> None:
    source = data_source("SELECT u.id AS profile_id\nFROM users u WHERE m.community_id = '<%= community_id %>'")
    problem = await problem_of(source)
    assert (problem.rule, problem.severity, problem.field) == ("VARIABLE_FROM_ID", Severity.WARNING, "generator_sql")
    assert (problem.line, problem.column, problem.token) == (2, 38, "<%= community_id %>")
    assert problem.hint == "Write bindings: {community_id: id}."
    assert await rules(source) == {"community_id": "segment id"}


async def test_each_rule_is_named() -> None:
    source = data_source(
        "SELECT '<%= bound %> <%= plan_type %> <%= community_id %> <%= days %> <%= asked %>'",
        preload_sql="SELECT '<%= profile_id %> <%= days %>'",
        bindings={"bound": "community_name"},
        variables=(Variable("days", Kind.INTEGER, optional=True, default=30), Variable("asked")),
    )
    expected = {"bound": "binding", "plan_type": "same name", "days": "default", "asked": "caller"}
    assert await rules(source) == {**expected, "community_id": "segment id"}
    assert await rules(source, Role.PRELOAD) == {"profile_id": "profile", "days": "default"}


async def test_a_variable_that_the_author_leaves_to_the_caller_is_no_problem() -> None:
    source = data_source("SELECT '<%= asked %>'", variables=(Variable("asked"),))
    assert await told(source) == []


async def test_a_misspelt_variable_is_told_which_column_was_meant() -> None:
    problem = await problem_of(data_source("SELECT '<%= comunity_name %>'"))
    assert (problem.rule, problem.severity) == ("VARIABLE_FROM_CALLER", Severity.WARNING)
    assert problem.hint == "Did you mean community_name?"


async def test_without_segments_nothing_but_the_caller_gives_a_variable() -> None:
    problem = await problem_of(data_source("SELECT '<%= community_id %>'", discovery_sql=""))
    assert (problem.rule, problem.field) == ("VARIABLE_FROM_CALLER", "generator_sql")
    assert "every call must" in problem.message


async def test_two_that_end_in_id_are_told_that_each_may_take_the_segments_id() -> None:
    source = data_source("SELECT '<%= community_id %> <%= region_id %>'")
    problem = await problem_of(source)
    assert (problem.rule, problem.severity) == ("VARIABLES_FROM_ID", Severity.WARNING)
    assert "community_id and region_id" in problem.message
    assert await rules(source) == {"community_id": "caller", "region_id": "caller"}


async def test_a_preload_never_takes_the_segments_id_and_says_so() -> None:
    source = data_source(preload_sql="SELECT '<%= user_id %>'")
    assert await told(source) == [
        ("PRELOAD_WITHOUT_SEGMENT", "WARNING", "preload_sql"),
        ("PROFILE_ID_UNUSED", "WARNING", "preload_sql"),
    ]
    first = (await check(source, FakeGateway())).problems[0]
    assert first.hint == "Write <%= profile_id %> for the person."
    assert await rules(source, Role.PRELOAD) == {"user_id": "caller"}


@pytest.mark.parametrize("bindings", [{}, {"tier": "plan_type"}])
async def test_a_preload_takes_no_column_of_the_segment_at_all(bindings: dict[str, str]) -> None:
    name = "tier" if bindings else "plan_type"
    source = data_source(
        f"SELECT '<%= {name} %>'", preload_sql=f"SELECT '<%= profile_id %> <%= {name} %>'", bindings=bindings
    )
    assert await told(source) == [("PRELOAD_WITHOUT_SEGMENT", "WARNING", "preload_sql")]


async def test_a_preload_that_asks_about_nobody_is_the_same_for_everybody() -> None:
    problem = await problem_of(data_source(preload_sql="SELECT 1"))
    assert (problem.rule, problem.severity) == ("PROFILE_ID_UNUSED", Severity.WARNING)


async def test_a_discovery_has_no_segment_yet() -> None:
    source = data_source(discovery_sql="SELECT id FROM c WHERE region = '<%= region_id %>'")
    problem = await problem_of(source)
    assert (problem.rule, problem.field) == ("VARIABLE_FROM_CALLER", "discovery_sql")


# --- bindings and declarations ----------------------------------------------------------------------------------------


async def test_a_binding_to_a_column_that_is_not_there_refuses() -> None:
    source = data_source("SELECT '<%= a %>'", bindings={"a": "comunity_name"})
    checked = await check(source, FakeGateway())
    (problem,) = checked.errors
    assert (problem.rule, problem.field) == ("BINDING_COLUMN_MISSING", "bindings.a")
    assert (problem.token, problem.hint) == ("comunity_name", "Did you mean community_name?")


async def test_a_binding_needs_a_discovery_query() -> None:
    source = data_source("SELECT '<%= a %>'", discovery_sql="", bindings={"a": "id"}, variables=(Variable("a"),))
    problem = await problem_of(source)
    assert (problem.rule, problem.severity) == ("BINDING_COLUMN_MISSING", Severity.ERROR)
    assert "There is no discovery query" in problem.message


async def test_a_binding_that_no_tag_asks_for_is_told_which_was_meant() -> None:
    source = data_source("SELECT '<%= community_id %>'", bindings={"comunity_id": "id"})
    assert await told(source) == [
        ("BINDING_UNUSED", "WARNING", "bindings.comunity_id"),
        ("VARIABLE_FROM_ID", "WARNING", "generator_sql"),
    ]
    assert (await check(source, FakeGateway())).problems[0].hint == "Did you mean community_id?"


async def test_a_declared_variable_that_no_query_uses_is_told_which_was_meant() -> None:
    source = data_source("SELECT '<%= days %>'", variables=(Variable("day", optional=True),))
    assert ("VARIABLE_UNUSED", "WARNING", "variables.day") in await told(source)
    assert (await check(source, FakeGateway())).problems[0].hint == "Did you mean days?"


async def test_while_the_discovery_is_broken_nothing_is_guessed_of_its_columns() -> None:
    broken = Problem("UNDEFINED_COLUMN", "No such column.", field="template", line=1, column=8)
    source = data_source("SELECT '<%= community_id %> <%= a %>'", bindings={"a": "gone"})
    assert await told(source, problems={Role.DISCOVERY: (broken,)}) == [("UNDEFINED_COLUMN", "ERROR", "discovery_sql")]
    assert await rules(source, problems={Role.DISCOVERY: (broken,)}) == {}


# --- types ------------------------------------------------------------------------------------------------------------


async def test_a_column_that_never_fits_refuses_and_says_which() -> None:
    source = data_source("SELECT\n  '<%= key %>'", bindings={"key": "slug"})
    problem = await problem_of(
        source, columns={Role.DISCOVERY: {"id": "bigint", "slug": "uuid"}}, types={"key": "integer"}
    )
    assert (problem.rule, problem.severity, problem.field) == ("TYPE_MISMATCH", Severity.ERROR, "generator_sql")
    assert (problem.line, problem.column, problem.token) == (2, 4, "<%= key %>")
    assert 'uuid, from the discovery column "slug"' in problem.message
    assert "PostgreSQL wants integer" in problem.message


async def test_a_column_that_may_not_fit_is_a_warning() -> None:
    source = data_source("SELECT '<%= plan_type %>'")
    problem = await problem_of(source, types={"plan_type": "uuid"})
    assert (problem.rule, problem.severity) == ("TYPE_MISMATCH", Severity.WARNING)


@pytest.mark.parametrize(
    ("kind", "inferred", "expected"),
    [
        (Kind.BOOLEAN, "integer", ["ERROR"]),
        (Kind.DATE, "uuid", ["ERROR"]),
        (Kind.NUMBER, "integer", ["WARNING"]),
        (Kind.INTEGER, "bigint", []),
        (Kind.UUID, "text", []),
        (Kind.TEXT, "integer", []),
        (Kind.INTEGER, "mood", []),
    ],
)
async def test_a_declared_kind_must_fit_where_it_stands(kind: Kind, inferred: str, expected: list[str]) -> None:
    source = data_source("SELECT '<%= asked %>'", variables=(Variable("asked", kind),))
    assert [severity for _, severity, _ in await told(source, types={"asked": inferred})] == expected


async def test_a_list_fits_by_its_elements() -> None:
    source = data_source("SELECT 1 = ANY(<%= ids %>)", variables=(Variable("ids", Kind.UUID, is_list=True),))
    assert await told(source, types={"ids": "integer[]"}) == [("TYPE_MISMATCH", "ERROR", "generator_sql")]
    assert await told(source, types={"ids": "uuid[]"}) == []


async def test_a_segment_gives_no_lists() -> None:
    variables = (Variable("plan_type", is_list=True), Variable("profile_id", is_list=True))
    source = data_source(
        "SELECT 1 = ANY(<%= plan_type %>)", preload_sql="SELECT 1 = ANY(<%= profile_id %>)", variables=variables
    )
    assert await told(source) == [
        ("TYPE_MISMATCH", "ERROR", "generator_sql"),
        ("TYPE_MISMATCH", "ERROR", "preload_sql"),
    ]


async def test_what_a_column_gives_must_pass_the_check_of_its_declared_kind() -> None:
    source = data_source("SELECT '<%= day %>'", bindings={"day": "at"}, variables=(Variable("day", Kind.DATE),))
    columns = {Role.DISCOVERY: {"id": "bigint", "at": "timestamp with time zone"}}
    problem = await problem_of(source, columns=columns, types={"day": "date"})
    assert (problem.rule, problem.severity) == ("TYPE_MISMATCH", Severity.ERROR)
    assert "declared as a date" in problem.message


async def test_a_preload_that_compares_people_with_another_type_is_a_warning() -> None:
    source = data_source(preload_sql="SELECT '<%= profile_id %>'")
    problem = await problem_of(
        source, columns={Role.GENERATOR: {"profile_id": "uuid", "email": "text"}}, types={"profile_id": "integer"}
    )
    assert (problem.rule, problem.severity, problem.field) == ("TYPE_MISMATCH", Severity.WARNING, "preload_sql")


async def test_one_variable_in_two_places_is_told_once_for_each_type() -> None:
    source = data_source("SELECT '<%= b %> <%= b %>'", variables=(Variable("b", Kind.BOOLEAN),))
    assert len(await told(source, types={"b": "integer"})) == 1


# --- contact rules, and what the gateway says -------------------------------------------------------------------------


@pytest.mark.parametrize(("required", "column"), [(RequiredContact.PHONE, "phone"), (RequiredContact.EMAIL, "email")])
async def test_contact_rules_that_nobody_can_keep_refuse(required: RequiredContact, column: str) -> None:
    source = data_source(contact_rules=ContactRules(required))
    other = {"email": "phone", "phone": "email"}[column]
    problem = await problem_of(source, columns={Role.GENERATOR: {"profile_id": "bigint", other: "text"}})
    assert (problem.rule, problem.severity) == ("CONTACT_MISSING", Severity.ERROR)
    assert (problem.field, column in problem.hint) == ("contact_rules.required_contact", True)


async def test_every_query_is_described_and_each_problem_points_at_its_field() -> None:
    def said(message: str) -> tuple[Problem, ...]:
        return (Problem("UNDEFINED_COLUMN", message, field="template", line=1, column=8, token="x", hint="y"),)

    gateway = FakeGateway(problems={role: said(role.value) for role in Role})
    source = data_source(preload_sql="SELECT '<%= profile_id %>'", bindings={"a": "b"}, key_column="slug")
    checked = await check(source, gateway)
    assert [(p.message, p.field, p.line, p.column, p.token, p.hint) for p in checked.errors] == [
        ("discovery", "discovery_sql", 1, 8, "x", "y"),
        ("generator", "generator_sql", 1, 8, "x", "y"),
        ("preload", "preload_sql", 1, 8, "x", "y"),
    ]
    assert [(query.role, query.key_column) for query in gateway.asked] == [(role, "slug") for role in Role]
    assert checked.report.queries == ()
    assert checked.problems[-1].rule == "BINDING_UNUSED"


async def test_what_concerns_the_login_role_is_told_once() -> None:
    finding = Problem("SUPERUSER", "The role is a superuser.", field="user", hint="ALTER ROLE ...")
    assert await told(data_source(), problems=dict.fromkeys(Role, (finding,))) == [
        ("SUPERUSER", "ERROR", "connection.user")
    ]


async def test_errors_come_before_warnings() -> None:
    warning = Problem("NO_ORDER", "No ORDER BY.", Severity.WARNING, "template")
    error = Problem("UNDEFINED_TABLE", "No table.", field="template")
    problems = {Role.DISCOVERY: (warning,), Role.GENERATOR: (error,)}
    assert [rule for rule, _, _ in await told(data_source(), problems=problems)] == ["UNDEFINED_TABLE", "NO_ORDER"]


def refusal(code: StatusCode, reason: str, gateway_reason: str) -> DirectFlowError:
    return DirectFlowError(code, reason, "told", metadata={"gateway_reason": gateway_reason})


async def test_a_connection_that_is_not_there_is_the_definitions_fault_and_told_once() -> None:
    error = refusal(StatusCode.FAILED_PRECONDITION, "GATEWAY_REFUSED", "CONNECTION_NOT_FOUND")
    checked = await check(data_source("SELECT '<%= a %>'", bindings={"b": "id"}), FakeGateway(error=error))
    (problem,) = checked.errors
    assert (problem.rule, problem.field, problem.token) == ("REFERENCE_NOT_FOUND", "connection", "c")
    assert [problem.rule for problem in checked.problems] == ["REFERENCE_NOT_FOUND", "BINDING_UNUSED"]


@pytest.mark.parametrize("gateway_reason", ["DATABASE_UNREACHABLE", "CREDENTIALS_UNAVAILABLE", ""])
async def test_what_is_down_is_raised_and_is_no_problem_of_the_definition(gateway_reason: str) -> None:
    error = refusal(StatusCode.UNAVAILABLE, "GATEWAY_UNAVAILABLE", gateway_reason)
    with pytest.raises(DirectFlowError) as raised:
        await check(data_source(), FakeGateway(error=error))
    assert raised.value is error


# --- the collection ---------------------------------------------------------------------------------------------------


def test_a_data_source_refers_to_its_connection() -> None:
    assert DataSourceKind(FakeGateway()).references(data_source()) == (CONNECTION,)


def test_the_digests_are_of_the_statements_that_are_sent() -> None:
    source = data_source("SELECT '<%= n %> <%= t %>'", variables=(Variable("n", Kind.INTEGER), Variable("unused")))
    sent = (DigestedVariable("n", "integer", False), DigestedVariable("t", "text", False))
    assert list(DataSourceKind(FakeGateway()).statements(source)) == [
        statement_digest(CONNECTION, "discovery", "SELECT id", ()),
        statement_digest(CONNECTION, "generator", source.generator_sql, sent),
    ]


async def test_no_default_is_shown_by_the_report() -> None:
    secret = "s3cret"
    source = data_source("SELECT '<%= a %>'", variables=(Variable("a", optional=True, default=secret),))
    checked: Checked[Report] = await check(replace(source, bindings={"zz": "yy"}), FakeGateway(types={"a": "uuid"}))
    assert secret not in repr(checked)
