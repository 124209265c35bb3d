"""Everything that there is to say of a statement that is not yet saved: every problem that can be told, and advice.

A statement that is only run is refused at the first stage that does not like it. Here the stages go on as far as they
are independent of each other.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from directflow_runtime.errors import DirectFlowError, Problem, Severity

from directflow_gateway.advice import ForMany, advise, subject_of, text_contract_problems
from directflow_gateway.description import Description, contract_problems
from directflow_gateway.queries.engine import Opened, QueryEngine
from directflow_gateway.queries.replaced_role import answers_again
from directflow_gateway.queries.sets.plan import SetPlan
from directflow_gateway.queries.statement import Statement


@dataclass(frozen=True, slots=True, repr=False)
class Diagnosis:
    """What is known of a statement."""

    problems: tuple[Problem, ...]
    """Errors first, then warnings."""
    description: Description | None = None
    """None where there are errors."""
    sets: SetPlan | None = None


async def diagnose(engine: QueryEngine, statement: Statement) -> Diagnosis:
    """The diagnosis of a statement, asked anew of the customer's server; nothing of the statement runs.

    Raises DirectFlowError where the statement is not at fault: what pools raise, and what the server's state causes.
    """
    try:
        return await _diagnosed(engine, statement)
    except DirectFlowError as error:
        if not error.problems:
            raise
        # A broken statement is what was asked about, so it is the answer and not a failure.
        contract = text_contract_problems(
            statement.template, statement.role.value, statement.key_column, error.problems
        )
        return Diagnosis(_in_order([*error.problems, *contract]))


@answers_again
async def _diagnosed(engine: QueryEngine, statement: Statement) -> Diagnosis:
    async with engine.opened(statement) as opened:
        return await _of_session(engine, statement, opened)


async def _of_session(engine: QueryEngine, statement: Statement, opened: Opened) -> Diagnosis:
    description, problems = await engine.examine(
        opened.conn, opened.connection, statement, opened.compiled, find_all=True
    )
    contract = contract_problems(description, statement.role.value, statement.key_column)
    if problems:
        # What reaches something that is not allowed is planned by nobody: EXPLAIN calls functions.
        return Diagnosis(_in_order([*problems, *contract]))
    # A condition whose result is no boolean has no set form for that reason alone.
    sets = None if contract else await engine.set_plan(opened, statement, description)
    warnings = await _warnings(opened, statement, description, sets)
    if contract:
        return Diagnosis(_in_order([*contract, *warnings]))
    return Diagnosis(_in_order(warnings), description, sets)


async def _warnings(
    opened: Opened, statement: Statement, description: Description, sets: SetPlan | None
) -> list[Problem]:
    subject = subject_of(description, statement.role.value, statement.key_column)
    for_many = ForMany(sets.reason, sets.remedy, sets.risks) if sets is not None else None
    return await advise(opened.conn, subject, for_many, opened.limits.statement_timeout_s)


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda p: (p.severity is Severity.WARNING, p.line, p.column)))
