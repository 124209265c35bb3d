"""Who reads slowly and steadily is served to the end: whoever judges a reader is the service that he reads from."""

from directflow_conditions.config import ConditionsSettings
from directflow_gateway.config import GatewaySettings
from directflow_segments.config import SegmentsSettings


def test_the_gateway_bears_its_callers_for_longer_than_they_bear_theirs() -> None:
    """Between them lie the megabytes of an HTTP/2 window: a message every few seconds in front is a leap in a minute
    behind. Seen on a cluster: 4 of 10 streams at 45 KB/s were cut by the gateway's 30 s."""
    gateway = GatewaySettings().server.idle_write_s
    for settings in (SegmentsSettings, ConditionsSettings):
        front = settings.model_validate({"gateway": {"target": "127.0.0.1:1"}}).server.idle_write_s
        assert gateway >= 4 * front
