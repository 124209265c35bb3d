"""Who reads slowly and steadily is served to the end: whoever judges a reader is the service that he reads from."""

from directflow_conditions.config import ConditionsSettings
from directflow_gateway.config import GatewaySettings
from directflow_segments.config import SegmentsSettings


def test_the_gateway_bears_its_callers_for_longer_than_they_bear_theirs() -> None:
    """A message of segments is small, and one of the gateway's large: what is one every few seconds in front is one in
    half a minute behind. Seen on a cluster: 4 of 10 streams at 45 KB/s were cut by the gateway."""
    gateway = GatewaySettings().server.idle_write_s
    for settings in (SegmentsSettings, ConditionsSettings):
        front = settings.model_validate({"gateway": {"target": "127.0.0.1:1"}}).server.idle_write_s
        assert gateway >= 4 * front
