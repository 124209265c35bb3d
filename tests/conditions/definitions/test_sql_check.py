"""Where the values of a condition's variables come from, and whether they can be what they are declared as."""

from directflow_conditions.condition import Condition, SqlQuery, Variable
from directflow_conditions.definitions.report import DescribedQuery, Report, VariableUse
from directflow_conditions.definitions.sql_check import check_sql
from directflow_runtime.errors import Problem, Severity
from directflow_runtime.variable_kinds import Kind

SQL = "SELECT plan = '<%= plan %>' AS result FROM users WHERE id = '<%= profile_id %>'"


class Server:
    """What the server said of a statement."""

    def __init__(self, *uses: tuple[str, str], problems: tuple[Problem, ...] = ()) -> None:
        self._uses = tuple(VariableUse(name, type_name, 1, 10 + place) for place, (name, type_name) in enumerate(uses))
        self._problems = problems

    async def describe(self, condition: Condition) -> tuple[list[Problem], DescribedQuery | None]:
        return list(self._problems), DescribedQuery(self._uses, b"") if self._uses else None


async def checked(server: Server, *declared: Variable, sql: str = SQL) -> Report:
    query = SqlQuery("workspaces/acme/connections/main", sql, declared)
    return await check_sql(Condition("workspaces/acme/conditions/premium", query), query, server)


async def test_a_variable_comes_from_the_profile_from_the_caller_or_from_its_default() -> None:
    sql = "SELECT '<%= profile_id %>' = '<%= a %>' || '<%= b %>' || '<%= c %>' AS result"
    report = await checked(Server(), Variable("b", optional=True), Variable("c", optional=True, default="x"), sql=sql)
    assert report.sources == {
        "profile_id": "profile", "a": "caller", "b": "caller, else NULL", "c": "caller, else default",
    }  # fmt: skip


async def test_a_variable_that_is_declared_and_not_used_is_a_warning_that_finds_the_misspelt_one() -> None:
    report = await checked(Server(), Variable("plam"), Variable("zzz"))
    assert [(one.rule, one.severity, one.field) for one in report.problems] == [
        ("VARIABLE_UNUSED", Severity.WARNING, "sql.variables.plam"),
        ("VARIABLE_UNUSED", Severity.WARNING, "sql.variables.zzz"),
    ]
    assert report.problems[0].hint == "Did you mean plan, which the SQL uses?"
    assert "Remove it" in report.problems[1].hint


async def test_a_kind_that_never_fits_is_an_error_and_one_that_may_not_a_warning_at_the_tag() -> None:
    server = Server(("plan", "uuid"), ("plan", "boolean"), ("plan", "boolean"), ("profile_id", "bigint"))
    report = await checked(server, Variable("plan", Kind.INTEGER))
    assert [(one.rule, one.severity, one.field, one.column, one.token) for one in report.problems] == [
        ("TYPE_MISMATCH", Severity.ERROR, "sql.sql", 10, "<%= plan %>"),
        ("TYPE_MISMATCH", Severity.WARNING, "sql.sql", 11, "<%= plan %>"),
    ]


async def test_the_elements_of_a_list_are_compared_with_those_of_the_array() -> None:
    assert (await checked(Server(("plan", "bigint[]")), Variable("plan", Kind.INTEGER, is_list=True))).problems == ()
    (problem,) = (await checked(Server(("plan", "uuid[]")), Variable("plan", Kind.DATE, is_list=True))).problems
    assert "uuid where" in problem.message


async def test_what_is_wrong_with_the_sql_and_with_the_variables_is_told_together() -> None:
    report = await checked(Server(problems=(Problem("COLUMN_NOT_FOUND", "No."),)), Variable("unused"))
    assert [problem.rule for problem in report.problems] == ["COLUMN_NOT_FOUND", "VARIABLE_UNUSED"]
