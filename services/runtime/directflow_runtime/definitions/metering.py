"""How far what is served from memory may be behind the store."""

from collections.abc import Sized

from directflow_runtime.definitions.following import Following
from directflow_runtime.metrics import Metrics
from directflow_runtime.metrics.names import DEFINITIONS_AGE, DEFINITIONS_COUNT


def meter_definitions(metrics: Metrics, collection: str, cache: Sized, following: Following | None) -> None:
    """`collection`: "dataSources". `following` is None where there is no store, and then there is no age."""
    metrics.gauge(DEFINITIONS_COUNT, lambda: {(collection,): len(cache)})
    if following is not None:
        metrics.gauge(DEFINITIONS_AGE, lambda: {(collection,): following.silent_for_s()})
