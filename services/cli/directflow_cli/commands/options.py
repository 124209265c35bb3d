"""Options that several commands share, said once."""

import enum
from typing import Annotated, Final

import typer


class OutputFormat(enum.StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


OUTPUT_HELP: Final = "How to print: integers are exact, times ISO."
"""It also tells this option from another command's `--output`, which may be a file."""
Output = Annotated[OutputFormat, typer.Option("-o", "--output", help=OUTPUT_HELP)]
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
