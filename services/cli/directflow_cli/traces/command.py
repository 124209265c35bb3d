"""`directflow trace`: what happened in a call, from the spans that `directflow dev` received."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from directflow_cli.commands.destination import destination
from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.commands.options import Output, OutputFormat
from directflow_cli.commands.output import write_records
from directflow_cli.commands.session import tell
from directflow_cli.dev.state import latest, running
from directflow_cli.traces.arrangement import arranged
from directflow_cli.traces.page.render import page
from directflow_cli.traces.spans import Span, depth_first, record
from directflow_cli.traces.store import SpanStore, read
from directflow_cli.traces.waterfall import waterfall

COLUMNS = ("trace", "started", "name", "spans", "ms", "failed")
LISTED = 20
PIPE_CELLS = 160


def register(app: typer.Typer) -> None:
    """Adds `trace` to the command line."""
    app.command("trace")(trace)


def trace(
    trace_id: Annotated[
        str, typer.Argument(help="The id that a command printed, or how it begins. Default: the newest trace.")
    ] = "",
    listed: Annotated[bool, typer.Option("--list", help=f"List the latest {LISTED} traces.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one page to FILE that works without a network.")
    ] = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Shows a trace of the running `directflow dev`, or of the last one that ended, as a waterfall, and in words.

    Exit code 3: there is no such trace, or several begin like that.

    Example: directflow trace 4bf92f --html trace.html
    """
    state = running() or latest()
    store = read(state.traces) if state else SpanStore()
    if listed and html:
        raise typer.BadParameter("a page is of one trace: leave out --list", param_hint="--html")
    if listed:
        write_records(output, [_summary(store.trace(known)) for known in store.trace_ids()[-LISTED:]], COLUMNS)
    elif html:
        _write(store, _chosen(store, trace_id.lower()), html)
    else:
        _show(store, _chosen(store, trace_id.lower()), output)


def _chosen(store: SpanStore, beginning: str) -> str:
    """The one trace id that begins like that; the newest call's where nothing was asked for."""
    known = store.trace_ids()
    found = [trace_id for trace_id in known if trace_id.startswith(beginning)] if beginning else _newest(store)
    if len(found) == 1:
        return found[0]
    if not beginning:
        tell("there are no traces: start `directflow dev`")
    else:
        tell(f"{'several traces begin' if found else 'there is no trace that begins'} with {beginning[:32]}")
    raise typer.Exit(ExitCode.NOT_FOUND)


def _newest(store: SpanStore) -> list[str]:
    """The newest trace with a call in it: what services do for themselves, such as renewing a credential, is none."""
    known = store.trace_ids()
    calls = (each for each in reversed(known) if any("rpc.method" in span.attributes for span in store.trace(each)))
    return [newest] if (newest := next(calls, "")) else known[-1:]


def _show(store: SpanStore, trace_id: str, output: OutputFormat) -> None:
    spans = store.trace(trace_id)
    if output is not OutputFormat.TABLE:
        write_records(output, [record(span) for _, span in depth_first(spans)], ())
        return
    terminal = Console(highlight=False)
    # In a pipe nobody knows a width, and rich would take 80.
    console = terminal if terminal.is_terminal else Console(highlight=False, width=PIPE_CELLS)
    console.print(waterfall(spans, store.trace))


def _write(store: SpanStore, trace_id: str, file: Path) -> None:
    arrangement = arranged(store.trace(trace_id), store.trace)
    if arrangement is None:  # the store never holds a trace without spans
        raise typer.Exit(ExitCode.NOT_FOUND)
    try:
        with destination(file) as draft:
            draft.write(page(arrangement).encode("utf-8"))
    except OSError as error:
        raise typer.BadParameter(f"cannot write {file}: {error.strerror}", param_hint="--html") from None
    tell(f"wrote {file}: open it in a browser")


def _summary(spans: Sequence[Span]) -> Mapping[str, Any]:
    root = depth_first(spans)[0][1]
    begin, end = min(span.start_ns for span in spans), max(span.end_ns for span in spans)
    return {
        "trace": root.trace_id,
        "started": datetime.fromtimestamp(begin / 1e9, UTC).isoformat(timespec="milliseconds"),
        "name": root.name,
        "spans": len(spans),
        "ms": round((end - begin) / 1e6, 1),
        "failed": any(span.failed for span in spans),
    }
