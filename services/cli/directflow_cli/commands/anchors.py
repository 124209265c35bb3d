"""Where a person stands when an engagement condition is asked: the options of it, and the message."""

from typing import Annotated

import typer
from directflow.engagement.v1 import engagement_pb2

from directflow_cli.commands import moments

PANEL = "What “since flow entry” and “this message” mean"

Flow = Annotated[str, typer.Option("--flow", help="The flow.", show_default=False, rich_help_panel=PANEL)]
FlowRun = Annotated[
    str,
    typer.Option(help="The run of it. Default: the newest that the person entered.", rich_help_panel=PANEL),
]
FlowEntered = Annotated[
    str,
    typer.Option(
        metavar="TIME",
        help="When the person entered it, such as 2026-11-20T10:00:00Z. Default: as recorded.",
        rich_help_panel=PANEL,
    ),
]
MessageId = Annotated[str, typer.Option("--message", help="The message.", show_default=False, rich_help_panel=PANEL)]


def anchor_from(flow: str, flow_run: str, flow_entered: str, message: str) -> engagement_pb2.Anchor | None:
    """The anchor that the options describe; None where none of them is given."""
    if not (flow or flow_run or flow_entered or message):
        return None
    anchor = engagement_pb2.Anchor(flow_id=flow, flow_run_id=flow_run, message_id=message)
    if flow_entered:
        anchor.flow_enter_time.CopyFrom(moments.option(flow_entered, "--flow-entered"))
    return anchor
