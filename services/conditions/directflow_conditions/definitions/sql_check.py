"""What is wrong with a condition over SQL, and where each of its variables gets its value."""

import difflib
from collections.abc import Iterator, Mapping

from directflow_runtime.errors import Problem, Severity

from directflow_conditions.condition import Condition, SqlQuery, Variable
from directflow_conditions.definitions.report import DescribedQuery, Describer, Report, VariableUse
from directflow_conditions.definitions.value_types import Fit, fit
from directflow_conditions.variables import PROFILE_ID

SQL = "sql.sql"
VARIABLES = "sql.variables"


async def check_sql(condition: Condition, query: SqlQuery, describer: Describer) -> Report:
    """Everything at once. Raises what the describer raises."""
    problems, described = await describer.describe(condition)
    problems += _unused(query)
    if described is not None:
        problems += _unfit(query, described)
    return Report(tuple(problems), described, {one.name: source_of(one) for one in query.variables})


def source_of(variable: Variable) -> str:
    """Where its value comes from, in the order of precedence."""
    if variable.name == PROFILE_ID:
        return "profile"
    if not variable.optional:
        return "caller"
    return "caller, else NULL" if variable.default is None else "caller, else default"


def _unused(query: SqlQuery) -> Iterator[Problem]:
    used = {variable.name for variable in query.variables}
    undeclared = used - {variable.name for variable in query.declared} - {PROFILE_ID}
    for variable in query.declared:
        if variable.name not in used:
            # A name that is declared and one that is used and not, much alike: one of them is misspelt.
            close = difflib.get_close_matches(variable.name, sorted(undeclared), n=1)
            hint = f"Did you mean {close[0]}, which the SQL uses?" if close else "Remove it, or use it in the SQL."
            message = f"The variable {variable.name} is declared, and the SQL does not use it."
            field = f"{VARIABLES}.{variable.name}"
            yield Problem("VARIABLE_UNUSED", message, Severity.WARNING, field, hint=hint)


def _unfit(query: SqlQuery, described: DescribedQuery) -> Iterator[Problem]:
    by_name: Mapping[str, Variable] = {variable.name: variable for variable in query.variables}
    # One variable may stand in several places of one type: once is enough.
    places: dict[tuple[str, str], VariableUse] = {}
    for use in described.uses:
        places.setdefault((use.name, use.inferred_type), use)
    for use in places.values():
        variable = by_name.get(use.name)
        if variable is not None and (problem := _misfit(variable, use)) is not None:
            yield problem


def _misfit(variable: Variable, use: VariableUse) -> Problem | None:
    needed = use.inferred_type.removesuffix("[]") if variable.is_list else use.inferred_type
    how = fit(variable.kind, needed)
    if how is Fit.ALWAYS:
        return None
    kind = variable.kind.value
    fits = "No such value fits." if how is Fit.NEVER else "Not every such value fits."
    return Problem(
        "TYPE_MISMATCH",
        f"{variable.name} is declared as {kind}, and PostgreSQL wants {needed} where it stands. {fits}",
        Severity.ERROR if how is Fit.NEVER else Severity.WARNING,
        SQL,
        use.line,
        use.column,
        token=f"<%= {variable.name} %>",
        hint="Declare the kind that fits where the variable stands, or cast it in the SQL.",
    )
