"""Where the `directflow` command is put together: each group registers itself, in the order that --help shows."""

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Annotated, Any, Final

import typer

from directflow_cli.commands import contexts
from directflow_cli.commands.options import OUTPUT_HELP

PROVIDERS: Final = {
    "directflow_cli.dev.command": ("dev",),
    "directflow_cli.commands.definition_files": ("apply", "diff", "validate"),
    "directflow_cli.commands.definition_reads": ("get", "list", "describe", "revisions", "export"),
    "directflow_cli.commands.definition_changes": ("delete", "rollback"),
    "directflow_cli.commands.definition_test": ("test",),
    "directflow_cli.commands.connection": ("connection",),
    "directflow_cli.commands.segment": ("segment",),
    "directflow_cli.commands.audience": ("audience",),
    "directflow_cli.commands.personalization": ("personalization",),
    "directflow_cli.commands.condition": ("condition",),
    "directflow_cli.commands.engagement.command": ("engagement",),
    "directflow_cli.commands.query": ("query",),
    "directflow_cli.commands.schema": ("schema",),
    "directflow_cli.commands.context": ("context",),
    "directflow_cli.traces.command": ("trace",),
}
"""What each module adds to the command line with its `register(app)`; to import them all takes most of a second."""


def build(line: Sequence[str] = ()) -> typer.Typer:
    """The command line for what the user typed: the part that it names, else the whole, which --help shows.

    A function, so that importing a command builds nothing.
    """
    app = typer.Typer(
        name="directflow",
        help="Audiences, personalization and conditions straight from a customer's own PostgreSQL.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,  # a traceback with locals would print values and passwords
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_before_every_command)
    named = _command_in(line)
    for module in [one for one, commands in PROVIDERS.items() if named in commands] or PROVIDERS:
        import_module(module).register(app)
    return app


def _command_in(line: Iterable[str]) -> str:
    """The first word that is no option of the whole; empty where there is none, or an option that we do not know."""
    words = iter(line)
    for word in words:
        if word == "--context":
            next(words, None)
        elif not word.startswith("--context="):
            return "" if word.startswith("-") else word
    return ""


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
