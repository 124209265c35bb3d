"""Where the `directflow` command is put together: each group registers itself, in the order that --help shows."""

from typing import Annotated, Any

import typer

from directflow_cli.commands import (
    audience,
    condition,
    connection,
    context,
    contexts,
    definition_changes,
    definition_files,
    definition_reads,
    definition_test,
    personalization,
    query,
    schema,
    segment,
)
from directflow_cli.commands.engagement import command as engagement
from directflow_cli.commands.options import OUTPUT_HELP
from directflow_cli.dev import command as dev
from directflow_cli.traces import command as trace


def build() -> typer.Typer:
    """The whole command line. A function, so that importing a command builds nothing."""
    app = typer.Typer(
        name="directflow",
        help="Audiences, personalization and conditions straight from a customer's own PostgreSQL.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,  # a traceback with locals would print values and passwords
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_before_every_command)
    # One line a group, in directflow_cli/commands/<group>.py: `def register(app: typer.Typer) -> None`.
    dev.register(app)
    definition_files.register(app)
    definition_reads.register(app)
    definition_changes.register(app)
    definition_test.register(app)
    connection.register(app)
    segment.register(app)
    audience.register(app)
    personalization.register(app)
    condition.register(app)
    engagement.register(app)
    query.register(app)
    schema.register(app)
    context.register(app)
    trace.register(app)
    return app


def _before_every_command(
    command: typer.Context,
    name: Annotated[
        str,
        typer.Option(
            "--context", envvar="DIRECTFLOW_CONTEXT", help="Context of the configuration file.", show_default=False
        ),
    ] = "",
) -> None:
    """Settles the context. What it says of the output is a default that every flag and variable beats."""
    contexts.choose(name)
    if command.invoked_subcommand == "context":
        return  # `context use` must work where the current one does not
    active = contexts.active()
    if active is not None and active.output is not None:
        command.default_map = _defaults(command.command, active.output.value)


def _defaults(group: Any, output: str) -> dict[str, Any]:
    """The format, for every command that has the choice."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            found[name] = _defaults(command, output)
        elif any(getattr(option, "help", None) == OUTPUT_HELP for option in command.params):
            found[name] = {"output": output}
    return found
