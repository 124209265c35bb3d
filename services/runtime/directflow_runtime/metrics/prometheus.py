"""The text that Prometheus reads, version 0.0.4."""

from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from directflow_runtime.metrics.instruments import Distribution, Labels
from directflow_runtime.metrics.names import CounterNamed, HistogramNamed, Named
from directflow_runtime.metrics.registry import Point, Snapshot

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4


def prometheus_text(snapshot: Snapshot) -> bytes:
    """All series of a snapshot, as text."""
    registry = CollectorRegistry()
    registry.register(_Once(snapshot))
    return generate_latest(registry)


class _Once(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def describe(self) -> list[Metric]:
        """Nothing: the registry would collect for the names."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One family a metric."""
        for named, points in self._snapshot:
            yield _family(named, points)


def _family(named: Named, points: dict[Labels, Point]) -> Metric:
    labels = [label.replace(".", "_") for label in named.labels]
    if isinstance(named, HistogramNamed):
        histogram = HistogramMetricFamily(named.prometheus, named.tells, labels=labels)
        for values, point in points.items():
            if isinstance(point, Distribution):
                histogram.add_metric(values, _buckets(named, point), point.total)
        return histogram
    made = CounterMetricFamily if isinstance(named, CounterNamed) else GaugeMetricFamily
    family = made(named.prometheus, named.tells, labels=labels)
    for values, point in points.items():
        if not isinstance(point, Distribution):
            family.add_metric(values, point)
    return family


def _buckets(named: HistogramNamed, point: Distribution) -> list[tuple[str, float]]:
    bounds = [*map(str, named.bounds), "+Inf"]
    return list(zip(bounds, map(float, accumulate(point.counts)), strict=True))
