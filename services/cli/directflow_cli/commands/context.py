"""`directflow context list|use|show`: the named contexts of the configuration file."""

from typing import Annotated, Any

import typer

from directflow_cli.commands import contexts
from directflow_cli.commands.options import Output, OutputFormat
from directflow_cli.commands.output import write_document, write_records
from directflow_cli.commands.session import tell

COLUMNS = ("current", "name", "gateway", "segments", "conditions", "workspace")


def register(app: typer.Typer) -> None:
    """Adds the group to the command line."""
    group = typer.Typer(help="Where the services are, by name.", no_args_is_help=True)
    group.command("list")(list_contexts)
    group.command("use")(use)
    group.command("show")(show)
    app.add_typer(group, name="context")


def list_contexts(output: Output = OutputFormat.TABLE) -> None:
    """Lists the contexts of the configuration file. `dev`, the running `directflow dev`, is always there.

    Example: directflow context list
    """
    found = contexts.read()
    records = [{"current": not found.current, "name": contexts.DEV}]
    records += [
        {"current": name == found.current, "name": name, **_record(context)} for name, context in found.contexts.items()
    ]
    write_records(output, records, COLUMNS)


def use(name: Annotated[str, typer.Argument(help="The context, or dev for none.")]) -> None:
    """Makes a context the one that commands use.

    Example: directflow context use production
    """
    known = [contexts.DEV, *contexts.read().contexts]
    if name not in known:
        raise typer.BadParameter(f"there is no context {name} in {contexts.file()}: it has {', '.join(known)}")
    contexts.use(name)
    tell(f"{name} is the context now ({contexts.file()})")


def show(output: Output = OutputFormat.TABLE) -> None:
    """Shows the context that holds for this command line.

    Example: directflow --context production context show
    """
    active = contexts.active()
    write_document(output, {"file": str(contexts.file()), **(_record(active) if active else {"name": contexts.DEV})})


def _record(context: contexts.Context) -> dict[str, Any]:
    return context.model_dump(mode="json", exclude_none=True)
