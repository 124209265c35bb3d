"""`directflow engagement record|list`: their options, and what is printed."""

import time
from typing import Annotated, Any, Final

import grpc
import typer
from directflow.conditions.v1 import engagement_service_pb2 as pb
from directflow.conditions.v1 import engagement_service_pb2_grpc as stubs
from directflow_runtime.errors import DirectFlowError

from directflow_cli.commands.endpoints import find
from directflow_cli.commands.engagement.events import event_record
from directflow_cli.commands.engagement.recording import Recording
from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.commands.line_blocks import line_blocks, opened
from directflow_cli.commands.names import WORKSPACE_NEEDED
from directflow_cli.commands.options import ConditionsEndpoint, Output, OutputFormat, Timeout, Workspace
from directflow_cli.commands.output import write_document, write_records
from directflow_cli.commands.printable import printable
from directflow_cli.commands.session import Session, converse, tell

MOST_IN_MESSAGE: Final = 2_000
PAGE: Final = 1_000
TOLD: Final = 20
"""Refusals that are told one by one on stderr."""
COLUMNS: Final = ("occur_time", "type", "event_id")
COLUMNS_WHERE_FILLED: Final = (
    "channel", "message_id", "link_id", "campaign_id", "flow_id", "flow_run_id", "bounce_kind", "machine_open",
)  # fmt: skip


def register(app: typer.Typer) -> None:
    """Adds the group to the command line."""
    group = typer.Typer(help="What people did with messages.", no_args_is_help=True)
    group.command("record")(record)
    group.command("list")(list_events)
    app.add_typer(group, name="engagement")


def record(
    file: Annotated[str, typer.Argument(help="JSON lines, an event each; - is stdin.")],
    output: Output = OutputFormat.TABLE,
    workspace: Workspace = "",
    conditions: ConditionsEndpoint = "",
    timeout: Timeout = 3600.0,
) -> None:
    """Records events. An event that is there already changes nothing: a file may be recorded again after any error.

    Exit code 0: every event is durable; 4: some were refused, each told with its line.

    A line: {"event_id": "e1", "type": "OPENED", "profile_id": "42", "channel": "email", "message_id": "m1",
    "flow_id": "welcome", "occur_time": "2026-11-20T10:00:00Z"}

    Example: directflow engagement record events.jsonl
    """
    target = find("conditions", conditions, workspace)
    recording = Recording(_parent(target.workspace))

    async def work(session: Session) -> ExitCode:
        stub: Any = stubs.EngagementServiceStub(session.channel)  # type: ignore[no-untyped-call]
        began = time.monotonic()
        try:
            await recording.run(stub.StreamEngagement(timeout=timeout), line_blocks(lines, MOST_IN_MESSAGE))
        except (DirectFlowError, grpc.aio.AioRpcError):
            tell(f"{recording.accepted} events are durable; the file may be recorded again")
            raise
        _tell_refusals(recording)
        write_document(output, _result(recording, time.monotonic() - began, output))
        return ExitCode.INVALID if recording.refused else ExitCode.OK

    with opened(file) as lines:
        converse(target, "engagement record", work)


def list_events(
    profile: Annotated[str, typer.Argument(help="The person.")],
    limit: Annotated[int, typer.Option(min=1, help="Most events.")] = 100,
    output: Output = OutputFormat.TABLE,
    workspace: Workspace = "",
    conditions: ConditionsEndpoint = "",
    timeout: Timeout = 60.0,
) -> None:
    """Lists what is known of a profile's engagement, newest first. As JSON lines `record` would take it.

    Example: directflow engagement list 42 --limit 10
    """
    target = find("conditions", conditions, workspace)
    request = pb.ListEngagementRequest(parent=_parent(target.workspace), profile_id=profile)

    async def work(session: Session) -> ExitCode:
        records = await _listed(session, request, limit, timeout)
        filled = [name for name in COLUMNS_WHERE_FILLED if any(name in event for event in records)]
        write_records(output, records, (*COLUMNS, *filled))
        return ExitCode.OK

    converse(target, "engagement list", work)


async def _listed(
    session: Session, request: pb.ListEngagementRequest, limit: int, timeout: float
) -> list[dict[str, Any]]:
    """Events of as many pages as the limit asks for."""
    stub: Any = stubs.EngagementServiceStub(session.channel)  # type: ignore[no-untyped-call]
    records: list[dict[str, Any]] = []
    while len(records) < limit:
        request.page_size = min(limit - len(records), PAGE)
        page = await stub.ListEngagement(request, timeout=timeout)
        records += [event_record(event) for event in page.events]
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return records
    tell(f"there are more events: --limit {limit * 10}")
    return records


def _tell_refusals(recording: Recording) -> None:
    for refusal in recording.refusals[:TOLD]:
        tell(f"line {refusal.line}: {refusal.reason}: {printable(refusal.message)}")
    if recording.refused > TOLD:
        tell(f"and {recording.refused - TOLD} more")


def _result(recording: Recording, seconds: float, output: OutputFormat) -> dict[str, Any]:
    result: dict[str, Any] = {
        "accepted": recording.accepted,
        "duplicates": recording.duplicates,
        "refused": recording.refused,
        "seconds": round(seconds, 3),
        "events_per_second": round((recording.accepted + recording.refused) / seconds) if seconds else 0,
    }
    if output is OutputFormat.TABLE:
        return result
    return {**result, "refusals": [refusal._asdict() for refusal in recording.refusals]}


def _parent(workspace: str) -> str:
    if not workspace:
        raise typer.BadParameter(WORKSPACE_NEEDED)
    return f"workspaces/{workspace}"
