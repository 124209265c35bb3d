"""`directflow condition evaluate|evaluate-many`: does a condition hold, for one profile or for millions?"""

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from directflow.conditions.v1 import condition_service_pb2 as conditions_wire
from directflow.conditions.v1 import evaluation_service_pb2 as wire
from directflow.conditions.v1 import evaluation_service_pb2_grpc as stubs
from directflow.engagement.v1 import engagement_pb2 as engagement

from directflow_cli.commands.anchors import Flow, FlowEntered, FlowRun, MessageId, anchor_from
from directflow_cli.commands.endpoints import find
from directflow_cli.commands.evaluations.command import evaluate_many
from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.commands.moments import iso_text
from directflow_cli.commands.names import resource_name
from directflow_cli.commands.options import ConditionsEndpoint, Output, OutputFormat, Timeout, Variables, Workspace
from directflow_cli.commands.output import print_table, write_records
from directflow_cli.commands.session import Session, converse
from directflow_cli.commands.variables import values_from

DECIDED_COLUMNS = ("condition", "decided", "raw")
COLUMNS = (*DECIDED_COLUMNS, "reason", "message", "sqlstate")
LEAF_COLUMNS = ("leaf", "decided", "raw", "events", "scope", "from", "before")


def register(app: typer.Typer) -> None:
    """Adds the group to the command line."""
    group = typer.Typer(help="Conditions that flows branch on.", no_args_is_help=True)
    group.command("evaluate")(evaluate)
    group.command("evaluate-many")(evaluate_many)
    app.add_typer(group, name="condition")


def evaluate(
    condition: Annotated[list[str], typer.Argument(help="Ids of conditions, or full resource names.")],
    profile: Annotated[str, typer.Option("--profile", "-p", help="The person: the value of profile_id.")],
    variables: Variables = [],  # noqa: B006
    flow: Flow = "",
    flow_run: FlowRun = "",
    flow_entered: FlowEntered = "",
    message: MessageId = "",
    explain: Annotated[
        bool, typer.Option("--explain", help="Show every leaf, how many events counted, and of which time.")
    ] = False,
    output: Output = OutputFormat.TABLE,
    workspace: Workspace = "",
    conditions: ConditionsEndpoint = "",
    timeout: Timeout = 30.0,
) -> None:
    """Evaluates conditions for one profile. Exit code 0: all TRUE; 1: one is FALSE; 11: one could not be decided.

    Example: directflow condition evaluate opened_but_not_clicked --profile 42 --flow welcome --explain
    """
    target = find("conditions", conditions, workspace)
    names = [resource_name(name, "conditions", target.workspace) for name in condition]
    request = wire.EvaluateConditionsRequest(
        conditions=names,
        profile_id=profile,
        variables=values_from(variables),
        anchor=anchor_from(flow, flow_run, flow_entered, message),
        explain=explain,
    )

    async def work(session: Session) -> ExitCode:
        stub: Any = stubs.EvaluationServiceStub(session.channel)  # type: ignore[no-untyped-call]
        evaluations = (await stub.EvaluateConditions(request, timeout=timeout)).evaluations
        records = [_record(*pair, explain=explain) for pair in zip(names, evaluations, strict=True)]
        write_records(output, records, COLUMNS if any(record["reason"] for record in records) else DECIDED_COLUMNS)
        if explain and output is OutputFormat.TABLE:
            _show_leaves(records)
        return exit_code_of_decisions([evaluation.decided for evaluation in evaluations])

    converse(target, "condition evaluate", work)


def exit_code_of_decisions(decided: Sequence[int]) -> ExitCode:
    """Doubt before no, and no before yes; a decision that this version does not know is doubt."""
    known = (conditions_wire.DECISION_TRUE, conditions_wire.DECISION_FALSE)
    if any(decision not in known for decision in decided):
        return ExitCode.UNDECIDED
    return ExitCode.NEGATIVE if conditions_wire.DECISION_FALSE in decided else ExitCode.OK


def _record(name: str, evaluation: wire.Evaluation, *, explain: bool) -> dict[str, Any]:
    error = evaluation.error
    record = {
        "condition": name,
        **_outcome(evaluation),
        "reason": error.reason or None,
        "message": error.message or None,
        "sqlstate": error.sqlstate or None,
    }
    return {**record, "leaves": [_leaf(leaf) for leaf in evaluation.leaves]} if explain else record


def _leaf(leaf: wire.LeafEvaluation) -> dict[str, Any]:
    record = {"leaf": leaf.condition, **_outcome(leaf), "events": leaf.event_count}
    if not leaf.HasField("window_end_time"):  # no question about events
        return {**record, "scope": None, "from": None, "before": None}
    return {
        **record,
        "scope": engagement.Scope.Name(leaf.scope).removeprefix("SCOPE_"),
        "from": iso_text(leaf.window_begin_time) if leaf.HasField("window_begin_time") else None,
        "before": iso_text(leaf.window_end_time),
    }


def _outcome(of: wire.Evaluation | wire.LeafEvaluation) -> dict[str, str]:
    decided = conditions_wire.Decision.Name(of.decided).removeprefix("DECISION_")
    return {"decided": decided, "raw": wire.RawOutcome.Name(of.raw).removeprefix("RAW_OUTCOME_")}


def _show_leaves(records: Sequence[dict[str, Any]]) -> None:
    for record in records:
        rows = [[leaf[name] for name in LEAF_COLUMNS] for leaf in record["leaves"]]
        print_table(LEAF_COLUMNS, rows, f"leaves of {record['condition']}")
