"""`directflow condition evaluate-many`: its options, and what is said of the outcome."""

import enum
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

import typer
from directflow.conditions.v1 import evaluation_service_pb2 as wire
from directflow.conditions.v1 import evaluation_service_pb2_grpc as stubs

from directflow_cli.commands.anchors import Flow, FlowEntered, FlowRun, MessageId, anchor_from
from directflow_cli.commands.audience_stream import Progress
from directflow_cli.commands.destination import Abandonable, destination
from directflow_cli.commands.endpoints import find
from directflow_cli.commands.evaluations.profiles import InputFormat, ProfileLines, Profiles
from directflow_cli.commands.evaluations.sinks import CountSink, CsvSink, JsonLinesSink, Sink
from directflow_cli.commands.evaluations.stream import EvaluationStream
from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.commands.line_blocks import STDIN, line_blocks, opened
from directflow_cli.commands.names import resource_name
from directflow_cli.commands.options import ConditionsEndpoint, Timeout, Variables, Workspace
from directflow_cli.commands.output import json_line
from directflow_cli.commands.progress import progress
from directflow_cli.commands.session import Session, converse, tell
from directflow_cli.commands.variables import values_from

MOST_IN_MESSAGE: Final = 10_000


class EvaluationFormat(enum.StrEnum):
    """How evaluations are written."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Input:
    """Where profiles come from."""

    file: str
    format: InputFormat
    sources: dict[str, str]


@dataclass(frozen=True, slots=True)
class Result:
    """Where evaluations go."""

    format: EvaluationFormat
    file: Path | None


def evaluate_many(
    condition: Annotated[str, typer.Argument(help="Id of the condition, or its full resource name.")],
    profiles_file: Annotated[str, typer.Option("--profiles-file", "-f", help="Profile ids, one a line; - is stdin.")],
    input_format: Annotated[
        InputFormat | None, typer.Option(help="Default: as the file's name ends; ids.", show_default=False)
    ] = None,
    column: Annotated[
        list[str],
        typer.Option(
            help="Of a CSV or JSON lines: variable=column, or profile_id=column. Repeat it. Default: every column is a "
            "variable of its own name."
        ),
    ] = [],  # noqa: B006
    variables: Variables = [],  # noqa: B006
    flow: Flow = "",
    flow_run: FlowRun = "",
    flow_entered: FlowEntered = "",
    message: MessageId = "",
    output: Annotated[
        EvaluationFormat, typer.Option("-o", "--output", help="A line a profile; the table has counts only.")
    ] = EvaluationFormat.TABLE,
    output_file: Annotated[
        Path | None, typer.Option(help="Write here; the file appears when it is complete.", show_default=False)
    ] = None,
    workspace: Workspace = "",
    conditions: ConditionsEndpoint = "",
    timeout: Timeout = 3600.0,
) -> None:
    """Evaluates a condition for any number of profiles, in their order.

    Exit code 0: complete, and all decided; 11: complete, and at least one came to ERROR.

    Example: seq 1 1000000 | directflow condition evaluate-many premium -f - -o csv --output-file premium.csv
    """
    result = _checked(Result(output, output_file))
    given = Input(profiles_file, input_format or _format_of(profiles_file), _sources(column))
    target = find("conditions", conditions, workspace)
    start = wire.EvaluationStart(
        condition=resource_name(condition, "conditions", target.workspace), variables=values_from(variables)
    )
    anchor = anchor_from(flow, flow_run, flow_entered, message)

    async def work(session: Session) -> ExitCode:
        stub: Any = stubs.EvaluationServiceStub(session.channel)  # type: ignore[no-untyped-call]
        began = time.monotonic()
        with destination(result.file) as written, _progress(result) as shown:
            stream = EvaluationStream(start, anchor, _sink(result.format, written), shown)
            summary = await stream.run(stub.StreamEvaluations(timeout=timeout), _profiles(file, given))
        tell(json_line(summary_record(summary, time.monotonic() - began)))
        return ExitCode.UNDECIDED if summary.error_count else ExitCode.OK

    with opened(given.file) as file:
        converse(target, "condition evaluate-many", work)


def summary_record(summary: wire.EvaluationsSummary, seconds: float) -> dict[str, Any]:
    """What is said on stderr in the end."""
    return {
        "profiles": summary.profile_count,
        "true": summary.true_count,
        "false": summary.false_count,
        "error": summary.error_count,
        "revision": summary.revision,
        "seconds": round(seconds, 3),
        "evaluations_per_second": round(summary.profile_count / seconds) if seconds else 0,
    }


def _progress(result: Result) -> AbstractContextManager[Progress]:
    return progress(data_on_terminal=result.file is None and sys.stdout.isatty())


async def _profiles(file: BinaryIO, given: Input) -> AsyncIterator[Profiles]:
    reader = ProfileLines(given.format, given.sources)
    async for lines in line_blocks(file, MOST_IN_MESSAGE):
        yield reader.profiles(lines)


def _sink(output: EvaluationFormat, file: Abandonable) -> Sink:
    match output:
        case EvaluationFormat.TABLE:
            return CountSink()
        case EvaluationFormat.JSONL:
            return JsonLinesSink(file)
        case EvaluationFormat.CSV:
            return CsvSink(file)


def _format_of(file: str) -> InputFormat:
    ending = Path(file).suffix.removeprefix(".") if file != STDIN else ""
    return InputFormat(ending) if ending in tuple(InputFormat) else InputFormat.IDS


def _sources(columns: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in columns]
    if any(not name or not source for name, _, source in pairs):
        raise typer.BadParameter("--column is given as variable=column")
    return {name: source for name, _, source in pairs}


def _checked(result: Result) -> Result:
    if result.format is EvaluationFormat.TABLE and result.file is not None:
        raise typer.BadParameter("a file needs -o jsonl or csv")
    if result.file is not None and not result.file.parent.is_dir():
        raise typer.BadParameter(f"there is no directory {result.file.parent}")
    return result
