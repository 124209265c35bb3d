"""`directflow schema`: what editors check definition files with."""

import typer

from directflow_cli.commands.output import write_json
from directflow_cli.definitions.schema import schema as json_schema


def register(app: typer.Typer) -> None:
    """Adds the command to the command line."""
    app.command("schema")(schema)


def schema() -> None:
    """Prints the JSON schema of definition files, for editors: completion, and red lines under what is wrong.

    Example: directflow schema > directflow.schema.json
    """
    write_json(json_schema())
