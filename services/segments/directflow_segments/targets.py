"""An audience before it is read: a data source, one of its segments, and values for what is left."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from directflow_segments.data_sources import DataSource, Role, Scalar, Value
from directflow_segments.mapping import Given, Mapped, map_variables
from directflow_segments.queries import QueryGateway
from directflow_segments.segments import find_segment


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to reach. At most one of `segment_key` and `segment_row` is there."""

    data_source: DataSource
    segment_key: str | None = field(default=None, repr=False)
    """The row is looked up now."""
    segment_row: Mapping[str, Scalar] | None = field(default=None, repr=False)
    """A row that the caller kept."""
    variables: Mapping[str, Value] = field(default_factory=dict, repr=False)


async def resolve(gateway: QueryGateway, target: Target) -> Mapped:
    """The generator's values. Raises SEGMENT_NOT_FOUND where the segment is gone, and what `map_variables` raises."""
    row = target.segment_row or {}
    if target.segment_key is not None:
        discovery, segment = await find_segment(gateway, target.data_source, target.segment_key, target.variables)
        row = discovery.row(segment)
    return map_variables(
        target.data_source, target.data_source.query(Role.GENERATOR), Given(caller=target.variables, segment=row)
    )
