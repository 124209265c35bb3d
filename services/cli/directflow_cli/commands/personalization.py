"""`directflow personalization get`: what is known of one profile, or of several."""

from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any

import typer
from directflow.segments.v1 import audience_service_pb2 as wire
from directflow.segments.v1 import audience_service_pb2_grpc as stubs
from directflow_runtime.channel import responses

from directflow_cli.commands.audience_stream import incomplete
from directflow_cli.commands.cells import Cell, columns_of
from directflow_cli.commands.endpoints import find
from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.commands.names import resource_name
from directflow_cli.commands.options import Output, OutputFormat, SegmentsEndpoint, Timeout, Variables, Workspace
from directflow_cli.commands.output import row_record, write_records
from directflow_cli.commands.session import Session, converse, tell
from directflow_cli.commands.variables import values_from

MOST_PROFILES = 10_000


def register(app: typer.Typer) -> None:
    """Adds the group to the command line."""
    group = typer.Typer(help="What is known of a person.", no_args_is_help=True)
    group.callback()(_only_groups)
    group.command("get")(get)
    app.add_typer(group, name="personalization")


def _only_groups() -> None:
    """Keeps `get` a command of its own: typer runs an only command without its name."""


def get(
    data_source: Annotated[str, typer.Argument(help="Id of the data source, or its full resource name.")],
    profiles: Annotated[list[str], typer.Argument(help="Profile ids.", show_default=False)] = [],  # noqa: B006
    profiles_file: Annotated[
        Path | None, typer.Option(help="More of them, one a line.", exists=True, dir_okay=False, show_default=False)
    ] = None,
    variables: Variables = [],  # noqa: B006
    output: Output = OutputFormat.TABLE,
    workspace: Workspace = "",
    segments: SegmentsEndpoint = "",
    timeout: Timeout = 60.0,
) -> None:
    """Shows the personalization data of profiles, in the order they are given.

    Exit code 1: none of them has data; 11: one could not be told.

    Example: directflow personalization get members 42 43 -o jsonl
    """
    wanted = [*profiles, *_listed(profiles_file)]
    if not 0 < len(wanted) <= MOST_PROFILES:
        raise typer.BadParameter(f"give 1 to {MOST_PROFILES} profile ids")
    target = find("segments", segments, workspace)
    request = wire.BatchGetPersonalizationRequest(
        data_source=resource_name(data_source, "dataSources", target.workspace),
        profile_ids=wanted,
        variables=values_from(variables),
        encoding=wire.ENCODING_COLUMNS,
    )

    async def work(session: Session) -> ExitCode:
        stub: Any = stubs.AudienceServiceStub(session.channel)  # type: ignore[no-untyped-call]
        batch = ReceivedPersonalization(wanted)
        received: Any = responses(stub.BatchGetPersonalization(request, timeout=timeout))
        async with aclosing(received) as messages:
            async for message in messages:
                batch.take(message)
        _show(output, batch, batch.records())
        return batch.exit_code()

    converse(target, "personalization get", work)


class ReceivedPersonalization:
    """The messages of one BatchGetPersonalization, put together again by profile."""

    def __init__(self, profiles: list[str]) -> None:
        self.names: list[str] = []
        self._profiles = profiles
        self._header: wire.PersonalizationHeader | None = None
        self._summary: wire.PersonalizationSummary | None = None
        self._rows: dict[int, dict[str, Cell]] = {}

    def take(self, message: wire.BatchGetPersonalizationResponse) -> None:
        """One message of the stream."""
        match message.WhichOneof("message"):
            case "header":
                self._header = message.header
                self.names = [column.name for column in message.header.schema.columns]
            case "batch":
                self._add(message.batch)
            case "summary":
                self._summary = message.summary

    def records(self) -> list[dict[str, Any]]:
        """A record a profile, in the request's order. STREAM_INCOMPLETE where an outcome or a row is missing."""
        outcomes = self._outcomes()
        errors = {error.index: error for error in (self._summary.errors if self._summary else ())}
        return [self._record(index, outcome, errors.get(index)) for index, outcome in enumerate(outcomes)]

    def exit_code(self) -> ExitCode:
        """Doubt before no; one profile with data is a yes."""
        outcomes = self._outcomes()
        known = (wire.PERSONALIZATION_OUTCOME_ROW, wire.PERSONALIZATION_OUTCOME_MULTIPLE_ROWS)
        if any(outcome not in (*known, wire.PERSONALIZATION_OUTCOME_NO_ROW) for outcome in outcomes):
            return ExitCode.UNDECIDED
        return ExitCode.OK if any(outcome in known for outcome in outcomes) else ExitCode.NEGATIVE

    def _record(self, index: int, outcome: int, error: wire.ProfileError | None) -> dict[str, Any]:
        name = wire.PersonalizationOutcome.Name(outcome).removeprefix("PERSONALIZATION_OUTCOME_")
        data = self._rows.get(index)
        if (name in ("ROW", "MULTIPLE_ROWS")) != (data is not None):
            raise incomplete(f"profile {index} has the outcome {name} and {'a' if data else 'no'} row")
        told = {"reason": error.reason, "message": error.message} if error else None
        return {"profile_id": self._profiles[index], "outcome": name, "data": data, "error": told}

    def _outcomes(self) -> list[int]:
        outcomes: list[int] = [*self._summary.outcomes] if self._summary else []
        if len(outcomes) != len(self._profiles):
            raise incomplete(f"it has {len(outcomes)} outcomes for {len(self._profiles)} profiles")
        return outcomes

    def _add(self, batch: wire.PersonalizationBatch) -> None:
        if self._header is None:
            raise incomplete("rows came before the header")
        columns = columns_of(self._header.schema, batch.columns)
        rows: Any = zip(*columns, strict=True) if columns else [()] * batch.row_count
        for index, row in zip(batch.profile_indexes, rows, strict=True):
            self._rows[index] = row_record(self.names, row)


def _show(output: OutputFormat, batch: ReceivedPersonalization, records: list[dict[str, Any]]) -> None:
    for record in records:
        if record["error"]:
            tell(f"{record['profile_id']}: {record['error']['reason']}: {record['error']['message']}")
    if output is OutputFormat.TABLE:
        # A preload may have columns of these names: its own value is shown then.
        flat = [{**record, **(record["data"] or {})} for record in records]
        own = [name for name in ("profile_id", "outcome") if name not in batch.names]
        write_records(output, flat, [*own, *batch.names])
    else:
        write_records(output, records, ())


def _listed(file: Path | None) -> list[str]:
    return [line for line in file.read_text().split("\n") if line] if file else []
