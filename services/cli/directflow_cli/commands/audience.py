"""`directflow audience preview|count|stream|explain|diff`: the people of a segment."""

import enum
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from directflow.segments.v1 import audience_service_pb2 as wire
from directflow.segments.v1 import audience_service_pb2_grpc as stubs
from google.protobuf.duration_pb2 import Duration

from directflow_cli.commands.audience_diff import diff
from directflow_cli.commands.audience_membership import explain
from directflow_cli.commands.audience_stream import AudienceReceiver, Sink
from directflow_cli.commands.audience_target import DataSource, SegmentKey, audience_target
from directflow_cli.commands.audience_text import JsonLinesSink, JsonSink, TableSink
from directflow_cli.commands.cells import columns_of
from directflow_cli.commands.destination import Abandonable, destination
from directflow_cli.commands.endpoints import find
from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.commands.ledger import COLUMNS, ledger_record, ledger_rows, source_records
from directflow_cli.commands.options import Output, OutputFormat, SegmentsEndpoint, Timeout, Variables, Workspace
from directflow_cli.commands.output import (
    json_line,
    print_table,
    row_record,
    write_document,
    write_json,
    write_json_line,
)
from directflow_cli.commands.progress import progress
from directflow_cli.commands.session import Session, converse, tell


class AudienceFormat(enum.StrEnum):
    """How people are written."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"


class Order(enum.StrEnum):
    """In which order people come."""

    AUTHOR = "author"
    KEY = "key"


_BINARY = (AudienceFormat.PARQUET, AudienceFormat.ARROW)
_ORDERS = {Order.AUTHOR: wire.AUDIENCE_ORDER_AUTHOR, Order.KEY: wire.AUDIENCE_ORDER_KEY}


def register(app: typer.Typer) -> None:
    """Adds the group to the command line."""
    group = typer.Typer(help="The people of a segment.", no_args_is_help=True)
    group.command("preview")(preview)
    group.command("count")(count)
    group.command("stream")(stream)
    group.command("explain")(explain)
    group.command("diff")(diff)
    app.add_typer(group, name="audience")


def preview(
    data_source: DataSource,
    segment: SegmentKey = None,
    people: Annotated[int, typer.Option(min=1, max=1000, help="Most people.")] = 100,
    variables: Variables = [],  # noqa: B006
    output: Output = OutputFormat.TABLE,
    workspace: Workspace = "",
    segments: SegmentsEndpoint = "",
    timeout: Timeout = 65.0,
) -> None:
    """Shows the first people of an audience, and where every row that was read went.

    Example: directflow audience preview members --segment 7
    """
    where = find("segments", segments, workspace)
    target = audience_target(where, data_source, segment, variables)
    request = wire.PreviewAudienceRequest(target=target, max_people=people)

    async def work(session: Session) -> ExitCode:
        response = await _stub(session).PreviewAudience(request, timeout=timeout)
        _show_preview(output, response)
        return ExitCode.OK

    converse(where, "audience preview", work)


def count(
    data_source: DataSource,
    segment: SegmentKey = None,
    estimate: Annotated[bool, typer.Option("--estimate", help="Ask the planner; do not run the query.")] = False,
    variables: Variables = [],  # noqa: B006
    output: Output = OutputFormat.TABLE,
    workspace: Workspace = "",
    segments: SegmentsEndpoint = "",
    timeout: Timeout = 300.0,
) -> None:
    """Counts an audience: exactly as `stream` would deliver it, or by the planner's estimate.

    Example: directflow audience count members --segment 7 -o json
    """
    where = find("segments", segments, workspace)
    mode = wire.COUNT_MODE_ESTIMATE if estimate else wire.COUNT_MODE_EXACT
    request = wire.CountAudienceRequest(target=audience_target(where, data_source, segment, variables), mode=mode)

    async def work(session: Session) -> ExitCode:
        response = await _stub(session).CountAudience(request, timeout=timeout)
        _tell_warnings(response.variable_sources)
        if output is OutputFormat.TABLE and not estimate:
            print_table(COLUMNS, ledger_rows(response.ledger))
            return ExitCode.OK
        counted: dict[str, Any] = {"people": response.people, "rows": response.rows}
        write_document(output, counted if estimate else {**counted, "ledger": ledger_record(response.ledger)})
        return ExitCode.OK

    converse(where, "audience count", work)


def stream(
    data_source: DataSource,
    segment: SegmentKey = None,
    order: Annotated[Order, typer.Option(help="The author's order, or by profile_id.")] = Order.AUTHOR,
    columns: Annotated[str, typer.Option(help="Only these columns, separated by commas.")] = "",
    max_rows: Annotated[int, typer.Option(min=0, help="Most rows that are read; 0: the connection's limit.")] = 0,
    statement_timeout: Annotated[float, typer.Option(min=0, help="Seconds of work for PostgreSQL.")] = 0.0,
    variables: Variables = [],  # noqa: B006
    output: Annotated[
        AudienceFormat, typer.Option("-o", "--output", help="How to write people; the table shows the first ones.")
    ] = AudienceFormat.TABLE,
    output_file: Annotated[
        Path | None, typer.Option(help="Write here; the file appears when it is complete.", show_default=False)
    ] = None,
    workspace: Workspace = "",
    segments: SegmentsEndpoint = "",
    timeout: Timeout = 3600.0,
) -> None:
    """Streams an audience, each person once. Only exit code 0 says that it is complete.

    Example: directflow audience stream members --segment 7 -o parquet --output-file members.parquet
    """
    _check_output(output, output_file)
    where = find("segments", segments, workspace)
    limits = wire.AudienceLimits(max_rows=max_rows)
    if statement_timeout:
        limits.statement_timeout.CopyFrom(_duration(statement_timeout))
    request = wire.StreamAudienceRequest(
        target=audience_target(where, data_source, segment, variables),
        encoding=wire.ENCODING_ARROW,
        order=_ORDERS[order],
        columns=[name.strip() for name in columns.split(",") if name.strip()],
        limits=limits,
    )

    async def work(session: Session) -> ExitCode:
        call = _stub(session).StreamAudience(request, timeout=timeout)
        summary = await _write(call, output, output_file)
        _tell_summary(summary)
        return ExitCode.OK

    converse(where, "audience stream", work)


async def _write(call: Any, output: AudienceFormat, output_file: Path | None) -> wire.AudienceSummary:
    # The progress bar ends before the table is printed; the file gets its name when everything in the block is done.
    with destination(output_file) as file:
        sink = _sink(output, file, piped=output_file is None)
        with progress(data_on_terminal=output_file is None and sys.stdout.isatty()) as shown:
            receiver = AudienceReceiver(sink, shown)
            summary = await receiver.receive(call)
    if receiver.header is not None:
        _tell_warnings(receiver.header.variable_sources)
    return summary


def _sink(output: AudienceFormat, file: Abandonable, *, piped: bool) -> Sink:
    # Here, because Arrow takes longer to import than a command that needs no file takes altogether.
    from directflow_cli.commands.audience_files import ArrowSink, CsvSink, ParquetSink

    match output:
        case AudienceFormat.TABLE:
            return TableSink()
        case AudienceFormat.JSON:
            return JsonSink(file)
        case AudienceFormat.JSONL:
            return JsonLinesSink(file)
        case AudienceFormat.CSV:
            return CsvSink(file)
        case AudienceFormat.PARQUET:
            return ParquetSink(file)
        case AudienceFormat.ARROW:
            return ArrowSink(file, piped=piped)


def _check_output(output: AudienceFormat, output_file: Path | None) -> None:
    if output is AudienceFormat.TABLE and output_file is not None:
        raise typer.BadParameter("a file needs -o json, jsonl, csv, parquet or arrow")
    if output in _BINARY and output_file is None and sys.stdout.isatty():
        raise typer.BadParameter(f"{output} is not for a terminal: give --output-file, or pipe it")
    if output_file is not None and not output_file.parent.is_dir():
        raise typer.BadParameter(f"there is no directory {output_file.parent}")


def _show_preview(output: OutputFormat, response: wire.PreviewAudienceResponse) -> None:
    names = [column.name for column in response.schema.columns]
    rows = list(zip(*columns_of(response.schema, response.people), strict=True))
    _tell_warnings(response.variable_sources)
    match output:
        case OutputFormat.TABLE:
            print_table(names, rows, "there are more people" if response.truncated else None)
            print_table(COLUMNS, ledger_rows(response.ledger))
        case OutputFormat.JSONL:
            for row in rows:
                write_json_line(row_record(names, row))
            tell(json_line({"ledger": ledger_record(response.ledger), "truncated": response.truncated}))
        case OutputFormat.JSON:
            write_json(
                {
                    "people": [row_record(names, row) for row in rows],
                    "ledger": ledger_record(response.ledger),
                    "truncated": response.truncated,
                    "estimated_rows": response.estimated_rows,
                    "variable_sources": source_records(response.variable_sources),
                }
            )


def _tell_summary(summary: wire.AudienceSummary) -> None:
    tell(json_line({"ledger": ledger_record(summary.ledger), "resumed": summary.resumed}))


def _tell_warnings(sources: Any) -> None:
    for source in sources:
        if source.warning:
            tell(f"warning: {source.name}: {source.warning}")


def _stub(session: Session) -> Any:
    return stubs.AudienceServiceStub(session.channel)  # type: ignore[no-untyped-call]


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration
