"""The people that a statement asks about, as one relation, and the numbering of a statement's parameters."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from directflow_gateway.engagement.anchors import Anchor
from directflow_gateway.engagement.arrays import plain_array, text_array
from directflow_gateway.engagement.instants import clamp


@dataclass(frozen=True, slots=True)
class People:
    """Who is asked about, where each of them stands, and when."""

    profile_ids: Sequence[str] = field(repr=False)
    anchors: Sequence[Anchor] = field(repr=False)
    """As many as profiles."""
    evaluated_us: int


@dataclass(slots=True)
class Parameters:
    """Values of a statement that is being composed; each one is called by its number."""

    values: list[str] = field(default_factory=list, repr=False)

    def add(self, value: str, type_name: str) -> str:
        """How the statement writes this value."""
        self.values.append(value)
        return f"${len(self.values)}::{type_name}"


ASKED = """asked AS MATERIALIZED (
    SELECT ordinal, profile_id, nullif(flow_id, '') AS flow_id, nullif(flow_run_id, '') AS flow_run_id,
           pg_catalog.to_timestamp(entered_us / 1000000::float8) AS entered_at, nullif(message_id, '') AS message_id
    FROM ROWS FROM (unnest({profiles}, {flows}, {runs}, {entered}, {messages})) WITH ORDINALITY
        AS columns (profile_id, flow_id, flow_run_id, entered_us, message_id, ordinal)
)"""


def asked(parameters: Parameters, people: People) -> str:
    """The CTE `asked`, one row a person, numbered from 1."""
    anchors = people.anchors
    entered = [None if anchor.entered_us is None else clamp(anchor.entered_us) for anchor in anchors]
    return ASKED.format(
        profiles=parameters.add(text_array(people.profile_ids), "text[]"),
        flows=parameters.add(text_array([anchor.flow_id for anchor in anchors]), "text[]"),
        runs=parameters.add(text_array([anchor.flow_run_id for anchor in anchors]), "text[]"),
        entered=parameters.add(plain_array(entered), "bigint[]"),
        messages=parameters.add(text_array([anchor.message_id for anchor in anchors]), "text[]"),
    )
