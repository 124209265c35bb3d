"""Which audience a command is about."""

from typing import Annotated

import typer
from directflow.segments.v1 import audience_service_pb2 as wire

from directflow_cli.commands.endpoints import Target
from directflow_cli.commands.names import resource_name
from directflow_cli.commands.variables import values_from

DataSource = Annotated[str, typer.Argument(help="Id of the data source, or its full resource name.")]
SegmentKey = Annotated[str | None, typer.Option("--segment", "-s", help="Key of the segment.", show_default=False)]


def audience_target(where: Target, data_source: str, segment: str | None, variables: list[str]) -> wire.Target:
    """The audience as a request names it."""
    name = resource_name(data_source, "dataSources", where.workspace)
    target = wire.Target(data_source=name, variables=values_from(variables))
    if segment is not None:
        target.segment_key = segment
    return target
