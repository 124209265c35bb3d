"""`directflow trace`: what `directflow dev` has received, as a waterfall."""

from typing import Annotated, NoReturn

import typer
from rich.console import Console

from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.commands.options import Output, OutputFormat
from directflow_cli.dev.state import latest, running
from directflow_cli.traces.spans import Span, to_line
from directflow_cli.traces.store import SpanStore, read
from directflow_cli.traces.waterfall import waterfall

LONGEST_ID = 32


def register(app: typer.Typer) -> None:
    """Adds `trace` to the command line."""
    app.command("trace")(trace)


def trace(
    trace_id: Annotated[str, typer.Argument(help="A trace id, or its beginning. Default: the newest trace.")] = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Shows one trace through caller, services, gateway and PostgreSQL, as the running `directflow dev` received it.

    Exit code 3: there is no such trace. Without a running `dev`, the newest one that ended is read.

    Example: directflow trace 4bf92f35
    """
    state = running() or latest()
    if state is None:
        _not_found("no `directflow dev` has run here")
    store = read(state.traces)
    found = _matching(store, trace_id.lower())
    if found is None:
        _not_found(f"no trace begins with {trace_id[:LONGEST_ID]}" if trace_id else "nothing has been traced yet")
    _print(store.trace(found), output)


def _matching(store: SpanStore, beginning: str) -> str | None:
    return next((known for known in reversed(store.trace_ids()) if known.startswith(beginning)), None)


def _print(spans: list[Span], output: OutputFormat) -> None:
    if output is OutputFormat.TABLE:
        Console(highlight=False).print(waterfall(spans))
        return
    lines = [to_line(span) for span in spans]
    typer.echo("\n".join(lines) if output is OutputFormat.JSONL else "[\n" + ",\n".join(lines) + "\n]")


def _not_found(message: str) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(ExitCode.NOT_FOUND)
