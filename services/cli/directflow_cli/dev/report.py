"""What `directflow dev` says while it works."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

from directflow_cli.dev.state import DevState


@contextmanager
def working(console: Console, title: str) -> Iterator[Callable[[str], None]]:
    """Shows what is being done: in place on a terminal, a line each where there is none."""
    if not console.is_terminal:
        yield lambda what: console.print(f"  {title}: {what}", markup=False, highlight=False)
        return
    with console.status(title) as status:
        yield lambda what: status.update(f"{title}: {what}")


def done(console: Console, what: str) -> None:
    """One thing that is ready."""
    console.print(f"[green]✓[/] {what}", highlight=False)


def endpoints(console: Console, state: DevState) -> None:
    """Where everything is, and what to type next."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, address in (
        ("segments", state.segments),
        ("conditions", state.conditions),
        ("gateway", state.gateway),
        ("traces in", f"{state.otlp}  (OTLP over gRPC)"),
        ("files in", state.directory),
    ):
        table.add_row(f"  {name}", address)
    console.rule("serving until Ctrl-C")
    console.print(table)
    console.print(f"\nIn another terminal, in workspace [bold]{state.workspace}[/]:")
    for example in EXAMPLES:
        console.print(f"  [bold]{example}[/]", highlight=False, soft_wrap=True)


EXAMPLES = ("directflow --help",)
