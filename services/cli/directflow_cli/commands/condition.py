"""`directflow condition evaluate`: does a condition hold for one profile?"""

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from directflow.conditions.v1 import condition_service_pb2 as conditions_wire
from directflow.conditions.v1 import evaluation_service_pb2 as wire
from directflow.conditions.v1 import evaluation_service_pb2_grpc as stubs

from directflow_cli.commands.endpoints import find
from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.commands.names import resource_name
from directflow_cli.commands.options import ConditionsEndpoint, Output, OutputFormat, Timeout, Variables, Workspace
from directflow_cli.commands.output import write_records
from directflow_cli.commands.session import Session, converse
from directflow_cli.commands.variables import values_from

DECIDED_COLUMNS = ("condition", "decided", "raw")
COLUMNS = (*DECIDED_COLUMNS, "reason", "message", "sqlstate")


def register(app: typer.Typer) -> None:
    """Adds the group to the command line."""
    group = typer.Typer(help="Conditions that flows branch on.", no_args_is_help=True)
    group.callback()(_only_groups)
    group.command("evaluate")(evaluate)
    app.add_typer(group, name="condition")


def _only_groups() -> None:
    """Keeps `evaluate` a command of its own: typer runs an only command without its name."""


def evaluate(
    condition: Annotated[list[str], typer.Argument(help="Ids of conditions, or full resource names.")],
    profile: Annotated[str, typer.Option("--profile", "-p", help="The person: the value of profile_id.")],
    variables: Variables = [],  # noqa: B006
    output: Output = OutputFormat.TABLE,
    workspace: Workspace = "",
    conditions: ConditionsEndpoint = "",
    timeout: Timeout = 30.0,
) -> None:
    """Evaluates conditions for one profile. Exit code 0: all TRUE; 1: one is FALSE; 11: one could not be decided.

    Example: directflow condition evaluate premium --profile 42
    """
    target = find("conditions", conditions, workspace)
    names = [resource_name(name, "conditions", target.workspace) for name in condition]
    values = values_from(variables)

    async def work(session: Session) -> ExitCode:
        stub: Any = stubs.EvaluationServiceStub(session.channel)  # type: ignore[no-untyped-call]
        request = wire.EvaluateConditionsRequest(conditions=names, profile_id=profile, variables=values)
        evaluations = (await stub.EvaluateConditions(request, timeout=timeout)).evaluations
        records = [_record(*pair) for pair in zip(names, evaluations, strict=True)]
        write_records(output, records, COLUMNS if any(record["reason"] for record in records) else DECIDED_COLUMNS)
        return exit_code_of_decisions([evaluation.decided for evaluation in evaluations])

    converse(target, "condition evaluate", work)


def exit_code_of_decisions(decided: Sequence[int]) -> ExitCode:
    """Doubt before no, and no before yes; a decision that this version does not know is doubt."""
    known = (conditions_wire.DECISION_TRUE, conditions_wire.DECISION_FALSE)
    if any(decision not in known for decision in decided):
        return ExitCode.UNDECIDED
    return ExitCode.NEGATIVE if conditions_wire.DECISION_FALSE in decided else ExitCode.OK


def _record(name: str, evaluation: wire.Evaluation) -> dict[str, Any]:
    error = evaluation.error
    return {
        "condition": name,
        "decided": conditions_wire.Decision.Name(evaluation.decided).removeprefix("DECISION_"),
        "raw": wire.RawOutcome.Name(evaluation.raw).removeprefix("RAW_OUTCOME_"),
        "reason": error.reason or None,
        "message": error.message or None,
        "sqlstate": error.sqlstate or None,
    }
