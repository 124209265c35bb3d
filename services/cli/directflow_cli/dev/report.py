"""What `directflow dev` says while it works."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

from directflow_cli.dev.options import DevOptions
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
    console.print(f"[green]✓[/] {what}", highlight=False, soft_wrap=True)


def left_out(console: Console, why: str) -> None:
    """One thing that there is not, and why."""
    console.print(why, style="yellow", markup=False, highlight=False, soft_wrap=True)


def endpoints(console: Console, state: DevState, options: DevOptions) -> None:
    """Where everything is, and what to type next."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, address in (
        ("segments", state.segments),
        ("conditions", state.conditions),
        ("gateway", state.gateway),
        ("spans go to", f"{state.otlp} (OTLP over gRPC)"),
        ("files are in", state.directory),
    ):
        table.add_row(f"  {name}", address)
    console.rule("Serving until Ctrl-C")
    console.print(table)
    console.print("\nIn another terminal, which finds all this by itself:")
    for example in OWN_EXAMPLES if options.own_database else DEMO_EXAMPLES:
        console.print(f"  [bold]directflow {example}[/]", highlight=False, soft_wrap=True)


OWN_EXAMPLES = (
    "query describe --connection customer --sql 'SELECT * FROM users WHERE id = <%= id %>'",
    "query check queries.jsonl --connection customer",
    "trace",
)
DEMO_EXAMPLES = (
    "audience preview members --segment 3",
    "audience stream communities --segment 1 -o csv | head",
    "condition evaluate logged_in_lately --profile 42 --var days:=90",
    "audience explain communities --segment 1 --profile 42",
    "describe data-source communities",
    "export -o my-definitions",
    "condition evaluate opened_but_not_clicked email_available --profile 7 --flow welcome --explain",
    "engagement list 7",
    "query describe --connection customer --sql 'SELECT u.emial FROM users u'",
    "trace",
)
