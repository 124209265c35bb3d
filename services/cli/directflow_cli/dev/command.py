"""`directflow dev`: its options, and how it ends."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from directflow_cli.dev.customer import UnusableUrl
from directflow_cli.dev.demo_database import USERS
from directflow_cli.dev.local_run import run
from directflow_cli.dev.options import DevOptions
from directflow_cli.dev.postgres_binaries import PostgresUnavailable
from directflow_cli.dev.processes import ServiceFailed
from directflow_cli.dev.psql import PsqlFailed

FAILURES = (UnusableUrl, PostgresUnavailable, ServiceFailed, PsqlFailed, OSError)
PIPE_CELLS = 160
OWN = "A database of your own"


def register(app: typer.Typer) -> None:
    """Adds `dev` to the command line."""
    app.command("dev")(dev)


def dev(
    once: Annotated[bool, typer.Option("--once", help="Walk through the product once, then end.")] = False,
    tour: Annotated[
        bool, typer.Option("--tour/--no-tour", help="Walk through the product, or only set it up and serve.")
    ] = True,
    database_url: Annotated[
        str,
        typer.Option(
            help="postgresql://user:password@host:port/database: connect to this database. Nothing is written to it.",
            envvar="DIRECTFLOW_DATABASE_URL",
            show_default=False,
            rich_help_panel=OWN,
        ),
    ] = "",
    definitions: Annotated[
        Path | None,
        typer.Option(
            help="A directory of definition files, as for `directflow apply`. The workspace is `demo`, its connection "
            "`customer`.",
            exists=True,
            file_okay=False,
            rich_help_panel=OWN,
        ),
    ] = None,
    postgres_bin: Annotated[
        Path | None,
        typer.Option(help="Where the programs of another PostgreSQL are, for the demo.", exists=True, file_okay=False),
    ] = None,
    demo_users: Annotated[int, typer.Option(min=1000, max=10_000_000, hidden=True)] = USERS,
) -> None:
    """Run the whole product on this machine, with a PostgreSQL of its own, and walk through it.

    Starts a private PostgreSQL with a demo customer's database, a stand-in for Vault with every password, the query
    gateway, segments and conditions; asks them what the product is for; shows the trace; and serves until Ctrl-C.
    Everything it started ends with it.

    Example: directflow dev --once
    """
    options = DevOptions(once, tour, demo_users, database_url, postgres_bin, definitions)
    terminal = Console(highlight=False)
    # In a pipe nobody knows a width, and rich would take 80: too narrow for the trace.
    console = terminal if terminal.is_terminal else Console(highlight=False, width=PIPE_CELLS)
    try:
        code = run(options, console, partial(_run_command, _whole_command_line()))
    except FAILURES as failure:
        console.print(str(failure), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    raise typer.Exit(code)


def _whole_command_line() -> Any:
    """Every command, though this process was started for one: the journey types the others."""
    from directflow_cli.app import build  # imports this module

    return typer.main.get_command(build())


def _run_command(program: Any, arguments: Sequence[str]) -> int:
    """Runs another command of this program in this process, as the shell would; its exit code."""
    try:
        program.main(list(arguments), prog_name="directflow")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0
