"""Options that several commands share, said once."""

import enum
from typing import Annotated

import typer


class OutputFormat(enum.StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


Output = Annotated[OutputFormat, typer.Option("-o", "--output", help="How to print: integers are exact, times ISO.")]
Workspace = Annotated[
    str,
    typer.Option("--workspace", "-w", envvar="DIRECTFLOW_WORKSPACE", help="Workspace id.", show_default=False),
]
Variables = Annotated[
    list[str],
    typer.Option(
        "--var", help="A variable: name=text, or name:=JSON for numbers, booleans, null and lists. Repeat it."
    ),
]
Timeout = Annotated[float, typer.Option("--timeout", min=0.001, help="Seconds that the whole call may take.")]
GatewayEndpoint = Annotated[
    str,
    typer.Option(
        "--gateway", metavar="HOST:PORT", envvar="DIRECTFLOW_GATEWAY", help="Default: that of `directflow dev`."
    ),
]
SegmentsEndpoint = Annotated[
    str,
    typer.Option(
        "--segments", metavar="HOST:PORT", envvar="DIRECTFLOW_SEGMENTS", help="Default: that of `directflow dev`."
    ),
]
ConditionsEndpoint = Annotated[
    str,
    typer.Option(
        "--conditions", metavar="HOST:PORT", envvar="DIRECTFLOW_CONDITIONS", help="Default: that of `directflow dev`."
    ),
]
