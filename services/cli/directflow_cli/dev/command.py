"""`directflow dev`: the command line of the local product."""

import typer


def register(app: typer.Typer) -> None:
    """Adds `dev` to the command line."""
    app.command("dev")(dev)


def dev() -> None:
    """Runs the whole product on this machine with a PostgreSQL of its own, and walks through it."""
    raise NotImplementedError
