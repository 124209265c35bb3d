"""`directflow segment list|get`: the segments that marketers choose from."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import typer
from directflow.segments.v1 import audience_service_pb2 as wire
from directflow.segments.v1 import audience_service_pb2_grpc as stubs

from directflow_cli.commands.cells import value_cell
from directflow_cli.commands.endpoints import find
from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.commands.names import resource_name
from directflow_cli.commands.options import Output, OutputFormat, SegmentsEndpoint, Timeout, Variables, Workspace
from directflow_cli.commands.output import row_record, write_document, write_records
from directflow_cli.commands.session import Session, converse, tell
from directflow_cli.commands.variables import values_from

PAGE = 1000
DataSource = Annotated[str, typer.Argument(help="Id of the data source, or its full resource name.")]


def register(app: typer.Typer) -> None:
    """Adds the group to the command line."""
    group = typer.Typer(help="The segments that marketers choose from.", no_args_is_help=True)
    group.command("list")(list_segments)
    group.command("get")(get_segment)
    app.add_typer(group, name="segment")


def list_segments(
    data_source: DataSource,
    limit: Annotated[int, typer.Option(min=1, help="Most segments.")] = 100,
    filter: Annotated[str, typer.Option(help="Only segments that show this text in any column.")] = "",
    variables: Variables = [],  # noqa: B006 - typer copies it
    output: Output = OutputFormat.TABLE,
    workspace: Workspace = "",
    segments: SegmentsEndpoint = "",
    timeout: Timeout = 60.0,
) -> None:
    """Lists segments in the discovery query's order.

    Example: directflow segment list members --filter premium -o jsonl
    """
    target = find("segments", segments, workspace)
    request = wire.ListSegmentsRequest(
        data_source=resource_name(data_source, "dataSources", target.workspace),
        filter=filter,
        variables=values_from(variables),
    )

    async def work(session: Session) -> ExitCode:
        names: list[str] = []
        records = []
        async for segment in _all(session, request, limit, timeout):
            names = names or [column.name for column in segment.row.schema.columns]
            records.append(_record(segment) if output is not OutputFormat.TABLE else _record(segment)["row"])
        write_records(output, records, names or ["segments"])
        return ExitCode.OK

    converse(target, "segment list", work)


def get_segment(
    data_source: DataSource,
    key: Annotated[str, typer.Argument(help="Value of the key column.")],
    variables: Variables = [],  # noqa: B006
    output: Output = OutputFormat.TABLE,
    workspace: Workspace = "",
    segments: SegmentsEndpoint = "",
    timeout: Timeout = 60.0,
) -> None:
    """Shows one segment.

    Example: directflow segment get members 7
    """
    target = find("segments", segments, workspace)
    name = resource_name(data_source, "dataSources", target.workspace)
    request = wire.GetSegmentRequest(data_source=name, key=key, variables=values_from(variables))

    async def work(session: Session) -> ExitCode:
        stub: Any = stubs.AudienceServiceStub(session.channel)  # type: ignore[no-untyped-call]
        record = _record(await stub.GetSegment(request, timeout=timeout))
        write_document(output, record["row"] if output is OutputFormat.TABLE else record)
        return ExitCode.OK

    converse(target, "segment get", work)


async def _all(
    session: Session, request: wire.ListSegmentsRequest, limit: int, timeout: float
) -> AsyncIterator[wire.Segment]:
    """Segments of as many pages as the limit asks for. Every row carries its columns, since a page may be empty."""
    stub: Any = stubs.AudienceServiceStub(session.channel)  # type: ignore[no-untyped-call]
    left = limit
    while left > 0:
        request.page_size = min(left, PAGE)
        page = await stub.ListSegments(request, timeout=timeout)
        for segment in page.segments:
            segment.row.schema.CopyFrom(page.schema)
            yield segment
        left -= len(page.segments)
        request.page_token = page.next_page_token
        if not page.next_page_token:
            if page.truncated:
                tell("the discovery query has more rows than are ever listed")
            return
    tell(f"there are more segments: --limit {limit * 10}, or --filter")


def _record(segment: wire.Segment) -> dict[str, Any]:
    names = [column.name for column in segment.row.schema.columns]
    return {"key": segment.key, "row": row_record(names, [value_cell(value) for value in segment.row.values])}
