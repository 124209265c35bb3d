"""`directflow audience diff`: whom would a changed generator add, and whom remove?"""

from pathlib import Path
from typing import Annotated, Any

import typer
from directflow.segments.v1 import audience_service_pb2 as wire
from directflow.segments.v1 import audience_service_pb2_grpc as stubs

from directflow_cli.commands.audience_target import DataSource, SegmentKey, audience_target
from directflow_cli.commands.endpoints import find
from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.commands.options import Output, OutputFormat, SegmentsEndpoint, Timeout, Variables, Workspace
from directflow_cli.commands.output import print_table, write_document
from directflow_cli.commands.session import Session, converse
from directflow_cli.commands.sql_text import sql_text

COLUMNS = ("people", "count", "some of them")


def diff(
    data_source: DataSource,
    file: Annotated[
        Path | None, typer.Argument(help="A file with the changed generator; - for stdin.", show_default=False)
    ] = None,
    sql: Annotated[str, typer.Option(help="The changed generator itself.", show_default=False)] = "",
    segment: SegmentKey = None,
    sample: Annotated[int, typer.Option(min=1, max=100, help="Most ids shown of each side.")] = 10,
    variables: Variables = [],  # noqa: B006
    output: Output = OutputFormat.TABLE,
    workspace: Workspace = "",
    segments: SegmentsEndpoint = "",
    timeout: Timeout = 300.0,
) -> None:
    """Says how many people a changed generator would add and remove. Exit code 0: nobody; 1: somebody.

    Example: directflow audience diff members changed.sql --segment 7
    """
    text = sql_text(file, sql)
    where = find("segments", segments, workspace)
    target = audience_target(where, data_source, segment, variables)
    request = wire.DiffAudienceRequest(target=target, generator_sql=text, sample_size=sample)

    async def work(session: Session) -> ExitCode:
        stub: Any = stubs.AudienceServiceStub(session.channel)  # type: ignore[no-untyped-call]
        response = await stub.DiffAudience(request, timeout=timeout)
        _show(output, response)
        return ExitCode.NEGATIVE if response.added or response.removed else ExitCode.OK

    converse(where, "audience diff", work, text)


def _show(output: OutputFormat, response: wire.DiffAudienceResponse) -> None:
    if output is not OutputFormat.TABLE:
        write_document(output, _record(response))
        return
    print_table(
        COLUMNS,
        [
            ("kept", response.kept, ""),
            ("added", response.added, _some(response.added_profile_ids, response.added)),
            ("removed", response.removed, _some(response.removed_profile_ids, response.removed)),
        ],
    )


def _some(ids: Any, count: int) -> str:
    return ", ".join(ids) + (", ..." if count > len(ids) else "")


def _record(response: wire.DiffAudienceResponse) -> dict[str, Any]:
    return {
        "kept": response.kept,
        "added": response.added,
        "removed": response.removed,
        "added_profile_ids": list(response.added_profile_ids),
        "removed_profile_ids": list(response.removed_profile_ids),
    }
