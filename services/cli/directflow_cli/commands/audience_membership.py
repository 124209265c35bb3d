"""`directflow audience explain`: why is this person in, or out?"""

from typing import Annotated, Any

import typer
from directflow.segments.v1 import audience_service_pb2 as wire
from directflow.segments.v1 import audience_service_pb2_grpc as stubs

from directflow_cli.commands.audience_target import DataSource, SegmentKey, audience_target
from directflow_cli.commands.endpoints import find
from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.commands.ledger import LINES
from directflow_cli.commands.options import Output, OutputFormat, SegmentsEndpoint, Timeout, Variables, Workspace
from directflow_cli.commands.output import print_table, write_document
from directflow_cli.commands.session import Session, converse, tell

COLUMNS = ("condition", "line:column", "outcome")
UNKNOWN = "UNKNOWN"


def explain(
    data_source: DataSource,
    profile: Annotated[str, typer.Option("--profile", "-p", help="The person: the value of profile_id.")],
    segment: SegmentKey = None,
    variables: Variables = [],  # noqa: B006
    output: Output = OutputFormat.TABLE,
    workspace: Workspace = "",
    segments: SegmentsEndpoint = "",
    timeout: Timeout = 65.0,
) -> None:
    """Says why a person is in an audience now, or out, and shows no values. Exit code 0: in; 1: out.

    Example: directflow audience explain members --segment 7 --profile 42
    """
    where = find("segments", segments, workspace)
    target = audience_target(where, data_source, segment, variables)
    request = wire.ExplainMembershipRequest(target=target, profile_id=profile)

    async def work(session: Session) -> ExitCode:
        stub: Any = stubs.AudienceServiceStub(session.channel)  # type: ignore[no-untyped-call]
        response = await stub.ExplainMembership(request, timeout=timeout)
        _show(output, response)
        return ExitCode.OK if response.member else ExitCode.NEGATIVE

    converse(where, "audience explain", work)


def _show(output: OutputFormat, response: wire.ExplainMembershipResponse) -> None:
    if output is not OutputFormat.TABLE:
        write_document(output, _record(response))
        return
    typer.echo("in the audience" if response.member else "not in the audience")
    if response.row_verdicts:
        verdicts = [LINES.get(verdict, verdict) for verdict in response.row_verdicts]
        print_table(("row", "what becomes of it"), enumerate(verdicts, 1))
    if response.conjuncts:
        rows = [(c.text or None, f"{c.line}:{c.column}", _outcome(c)) for c in response.conjuncts]
        print_table(COLUMNS, rows)
    if response.note:
        tell(f"note: {response.note}")


def _record(response: wire.ExplainMembershipResponse) -> dict[str, Any]:
    return {
        "member": response.member,
        "row_verdicts": list(response.row_verdicts),
        "conjuncts": [
            {"text": c.text or None, "line": c.line, "column": c.column, "outcome": _outcome(c)}
            for c in response.conjuncts
        ],
        "note": response.note or None,
    }


def _outcome(conjunct: wire.Conjunct) -> str:
    name = wire.ConjunctOutcome.Name(conjunct.outcome).removeprefix("CONJUNCT_OUTCOME_")
    return UNKNOWN if name == "UNSPECIFIED" else name
