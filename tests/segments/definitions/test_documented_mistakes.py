"""What an author is told of each mistake, on the customer's own server: what is wrong, where, and what to write."""

from typing import Any

import pytest
from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import Problem, Severity, StatusCode
from directflow_runtime.status import problem_from

AUDIENCE = "SELECT u.id AS profile_id, u.email\nFROM users u\nWHERE u.plan_type = '<%= plan_type %>'"


async def problems(segments: Any, **fields: Any) -> list[Problem]:
    """Why a data source is refused: its errors."""
    error = await segments.refused(segments.create("wrong", **fields))
    assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN")
    checked = await segments.create("wrong", validate_only=True, **fields)
    assert [problem_from(problem) for problem in checked.validation_report.problems] == list(error.problems)
    assert await segments.ids() == ([], "")
    return [problem for problem in error.problems if problem.severity is Severity.ERROR]


def place(problem: Problem) -> tuple[str, str, int, int, str]:
    return problem.rule, problem.field, problem.line, problem.column, problem.token


async def test_a_misspelt_column(segments: Any) -> None:
    (problem,) = await problems(segments, generator_sql=AUDIENCE.replace("u.email", "u.emial AS email"))
    assert place(problem) == ("UNDEFINED_COLUMN", "generator_sql", 1, 28, "u.emial")
    assert problem.hint == "Did you mean u.email?"


async def test_a_generator_without_profile_id(segments: Any) -> None:
    (problem,) = await problems(segments, generator_sql=AUDIENCE.replace("u.id AS profile_id", "u.id"))
    assert (problem.rule, problem.field) == ("PROFILE_ID_MISSING", "generator_sql")
    assert "AS profile_id" in problem.hint


async def test_a_generator_without_a_contact(segments: Any) -> None:
    (problem,) = await problems(segments, generator_sql=AUDIENCE.replace(", u.email", ""))
    assert (problem.rule, problem.field) == ("CONTACT_MISSING", "generator_sql")


async def test_contact_rules_that_the_generator_cannot_keep(segments: Any) -> None:
    (problem,) = await problems(segments, generator_sql=AUDIENCE, contact_rules={"required_contact": 3})
    assert (problem.rule, problem.field) == ("CONTACT_MISSING", "contact_rules.required_contact")


async def test_a_discovery_without_its_key_column(segments: Any) -> None:
    (problem,) = await problems(segments, generator_sql=AUDIENCE, key_column="slug")
    assert (problem.rule, problem.field) == ("KEY_COLUMN_MISSING", "discovery_sql")


async def test_a_volatile_function(segments: Any) -> None:
    (problem,) = await problems(segments, generator_sql=f"{AUDIENCE} AND pg_sleep(1) IS NULL")
    assert (problem.field, problem.line) == ("generator_sql", 3)
    assert "pg_sleep" in problem.message


async def test_a_binding_to_a_column_that_discovery_does_not_return(segments: Any) -> None:
    (problem,) = await problems(segments, generator_sql=AUDIENCE, bindings={"plan_type": "plan_tipe"})
    assert (problem.rule, problem.field) == ("BINDING_COLUMN_MISSING", "bindings.plan_type")
    assert problem.hint == "Did you mean plan_type?"


async def test_a_column_of_another_type(segments: Any) -> None:
    found = await problems(
        segments,
        discovery_sql="SELECT id, active FROM communities ORDER BY id",
        generator_sql="SELECT id AS profile_id, email FROM users WHERE id = <%= active %>",
    )
    assert [place(problem) for problem in found] == [("TYPE_MISMATCH", "generator_sql", 1, 54, "<%= active %>")]
    assert "boolean" in found[0].message
    assert "bigint" in found[0].message


async def test_a_connection_that_is_not_there(segments: Any) -> None:
    (problem,) = await problems(segments, connection=f"{segments.parent}/connections/custmer")
    assert (problem.rule, problem.field, problem.token) == ("REFERENCE_NOT_FOUND", "connection", "custmer")


async def test_mistakes_in_all_three_queries_are_told_together(segments: Any) -> None:
    found = await problems(
        segments,
        discovery_sql="SELECT id FROM comunities ORDER BY id",
        generator_sql="SELECT u.id, u.emial FROM users u WHERE u.id = <%= id %>",
        preload_sql="SELECT plan_nme FROM user_profiles WHERE user_id = '<%= profile_id %>'",
        variables=[{"variable": {"name": "profile_id", "list": True}}],
    )
    told = {(problem.rule, problem.field) for problem in found}
    assert told >= {
        ("UNDEFINED_TABLE", "discovery_sql"),
        ("UNDEFINED_COLUMN", "generator_sql"),
        ("UNDEFINED_COLUMN", "preload_sql"),
        ("TYPE_MISMATCH", "preload_sql"),
    }


async def test_an_unknown_variable_is_a_warning_since_a_caller_may_give_it(segments: Any) -> None:
    saved = await segments.create("odd", generator_sql=AUDIENCE.replace("<%= plan_type", "<%= plan_tipe"))
    (told,) = [one for one in saved.validation_report.problems if one.field == "generator_sql"]
    assert (told.rule, told.severity) == ("VARIABLE_FROM_CALLER", sql_pb2.SEVERITY_WARNING)
    assert (told.line, told.column, told.token) == (3, 22, "<%= plan_tipe %>")
    assert told.hint == "Did you mean plan_type?"


async def test_a_preload_by_the_communitys_id_is_a_warning_that_names_the_danger(segments: Any) -> None:
    preload = "SELECT plan_name FROM user_profiles WHERE user_id = '<%= user_id %>'"
    saved = await segments.create("odd", generator_sql=AUDIENCE, preload_sql=preload)
    told = {one.rule: one for one in saved.validation_report.problems if one.field == "preload_sql"}
    assert "another one's data" in told["PRELOAD_WITHOUT_SEGMENT"].message
    uses = [use for query in saved.validation_report.queries for use in query.variable_uses if use.name == "user_id"]
    assert [use.source for use in uses] == ["caller"]


@pytest.mark.parametrize("validate_only", [True, False])
async def test_a_database_that_is_away_is_no_mistake_of_the_author(segments: Any, validate_only: bool) -> None:
    connection = f"{segments.parent}/connections/unreachable"
    error = await segments.refused(segments.create("right", validate_only, connection=connection))
    assert (error.code, error.reason) == (StatusCode.UNAVAILABLE, "GATEWAY_UNAVAILABLE")
    assert error.metadata["gateway_reason"] == "DATABASE_UNREACHABLE"
    assert error.problems == ()
    assert error.retry_after
