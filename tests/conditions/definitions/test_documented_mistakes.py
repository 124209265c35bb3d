"""What an author of a condition is told of each mistake: what is wrong, where, and what to write."""

from typing import Any

from directflow.conditions.v1 import condition_service_pb2 as pb
from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import Problem, Severity, StatusCode
from directflow_runtime.status import problem_from

WHERE = " FROM users WHERE id = '<%= profile_id %>'"


async def problems(conditions: Any, condition: pb.Condition) -> list[Problem]:
    """Why a condition is refused: its errors, which checking alone tells as well."""
    error = await conditions.refused(conditions.create("wrong", condition))
    assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN")
    checked = await conditions.create("wrong", condition, validate_only=True)
    assert [problem_from(problem) for problem in checked.validation_report.problems] == list(error.problems)
    assert await conditions.ids() == ([], "")
    return [problem for problem in error.problems if problem.severity is Severity.ERROR]


def place(problem: Problem) -> tuple[str, str, int, int, str]:
    return problem.rule, problem.field, problem.line, problem.column, problem.token


async def test_a_text_result(conditions: Any) -> None:
    (problem,) = await problems(conditions, conditions.sql("SELECT subscription_plan AS result" + WHERE))
    assert (problem.rule, problem.field) == ("RESULT_NOT_BOOLEAN", "sql.sql")
    assert "it is text" in problem.message


async def test_no_result(conditions: Any) -> None:
    (problem,) = await problems(conditions, conditions.sql("SELECT id = 1 AS premium" + WHERE))
    assert (problem.rule, problem.field) == ("RESULT_COLUMN", "sql.sql")


async def test_a_misspelt_column(conditions: Any) -> None:
    (problem,) = await problems(conditions, conditions.sql("SELECT subscripton_plan = 'premium' AS result" + WHERE))
    assert place(problem) == ("UNDEFINED_COLUMN", "sql.sql", 1, 8, "subscripton_plan")
    assert "subscription_plan" in problem.hint


async def test_an_unknown_connection(conditions: Any) -> None:
    (problem,) = await problems(conditions, conditions.sql(connection="custmer"))
    assert (problem.rule, problem.field) == ("REFERENCE_NOT_FOUND", "sql.connection")


async def test_a_function_that_is_not_allowed(conditions: Any) -> None:
    (problem,) = await problems(conditions, conditions.sql("SELECT pg_sleep(1) IS NULL AS result" + WHERE))
    assert (problem.field, problem.line) == ("sql.sql", 1)
    assert "pg_sleep" in problem.message


async def test_a_volatile_function_is_a_warning_that_comes_with_the_saved_condition(conditions: Any) -> None:
    saved = await conditions.create("c", conditions.sql("SELECT random() < 0.5 AS result" + WHERE))
    told = saved.validation_report.problems
    assert told
    assert {problem.severity for problem in told} == {sql_pb2.SEVERITY_WARNING}
    (query,) = saved.validation_report.queries
    assert (query.set_form, bool(query.set_form_reason)) == (sql_pb2.SET_FORM_SINGLE, True)


async def test_a_variable_of_a_kind_that_never_fits(conditions: Any) -> None:
    declared = [pb.ConditionVariable(variable=sql_pb2.Variable(name="token", kind=sql_pb2.VARIABLE_KIND_DATE))]
    sql = "SELECT token = '<%= token %>' AS result" + WHERE
    (problem,) = await problems(conditions, conditions.sql(sql, variables=declared))
    assert place(problem) == ("TYPE_MISMATCH", "sql.sql", 1, 17, "<%= token %>")


async def test_a_variable_that_callers_do_not_know(conditions: Any) -> None:
    await conditions.create("c", conditions.sql("SELECT subscription_plan = '<%= plam %>' AS result" + WHERE))
    error = await conditions.refused(conditions.evaluate("c", variables={"plan": "premium"}))
    assert {one.field: one.reason for one in error.violations} == {
        "variables.plam": "VARIABLE_MISSING", "variables.plan": "VARIABLE_UNKNOWN",
    }  # fmt: skip
    assert "did you mean plam?" in error.violations[1].description


async def test_all_mistakes_at_once(conditions: Any) -> None:
    declared = [pb.ConditionVariable(variable=sql_pb2.Variable(name="unused"))]
    sql = "SELECT lower(nmae) = missing_function(emial) AS reslt" + WHERE
    error = await conditions.refused(conditions.create("wrong", conditions.sql(sql, variables=declared)))
    assert "VARIABLE_UNUSED" in {problem.rule for problem in error.problems}
    assert len([problem for problem in error.problems if problem.severity is Severity.ERROR]) >= 1


async def test_an_expression_over_what_is_not_there(conditions: Any) -> None:
    await conditions.create("premium")
    error = await conditions.refused(conditions.create("wrong", conditions.all_of("premium", "premum")))
    (problem,) = error.problems
    assert (problem.rule, problem.field) == ("REFERENCE_NOT_FOUND", "expression.all_of.operands[1].condition")
    assert problem.hint == f"Did you mean {conditions.name('premium')}?"


async def test_an_expression_that_comes_back_to_itself(conditions: Any) -> None:
    a = await conditions.create("a")
    await conditions.create("b", conditions.negation("a"))
    circle = conditions.negation("b")
    circle.name, circle.etag = a.name, a.etag
    error = await conditions.refused(conditions.update(circle))
    (problem,) = error.problems
    assert (problem.rule, problem.field) == ("EXPRESSION_CYCLE", "expression.negation.condition")
    assert " -> ".join(map(conditions.name, "aba")) in problem.message


async def test_a_server_that_is_down_says_nothing_of_the_definition(conditions: Any) -> None:
    error = await conditions.refused(conditions.create("c", conditions.sql(connection="unreachable")))
    assert error.code == StatusCode.UNAVAILABLE
    assert (error.metadata["gateway_reason"], error.problems) == ("DATABASE_UNREACHABLE", ())
