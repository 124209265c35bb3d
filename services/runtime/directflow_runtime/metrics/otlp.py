"""The same figures as OpenTelemetry's messages, pushed to a collector."""

import time

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from directflow_runtime.collector import exporter_options
from directflow_runtime.metrics.instruments import Distribution, Labels
from directflow_runtime.metrics.names import CounterNamed, HistogramNamed, Named
from directflow_runtime.metrics.registry import Point, Snapshot
from directflow_runtime.settings import TelemetrySettings

SCOPE = InstrumentationScope("directflow_runtime")


def exporter(settings: TelemetrySettings) -> MetricExporter:
    """One that pushes to the same collector as spans."""
    # Not at the top: a process that exports nothing need not load it.
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter

    return OTLPMetricExporter(**exporter_options(settings))


def metrics_data(snapshot: Snapshot, resource: Resource, started_ns: int) -> MetricsData:
    """A snapshot, cumulative since `started_ns`."""
    now_ns = time.time_ns()
    metrics = [
        Metric(named.name, named.tells, named.unit, _data(named, points, started_ns, now_ns))
        for named, points in snapshot
    ]
    scope = ScopeMetrics(SCOPE, metrics, "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def _data(named: Named, points: dict[Labels, Point], started_ns: int, now_ns: int) -> Sum | Gauge | Histogram:
    if isinstance(named, HistogramNamed):
        return Histogram(
            [
                _histogram_point(named, labels, point, started_ns, now_ns)
                for labels, point in points.items()
                if isinstance(point, Distribution)
            ],
            AggregationTemporality.CUMULATIVE,
        )
    numbers = [
        NumberDataPoint(_attributes(named, labels), started_ns, now_ns, float(point))  # the encoder refuses booleans
        for labels, point in points.items()
        if not isinstance(point, Distribution)
    ]
    if isinstance(named, CounterNamed):
        return Sum(numbers, AggregationTemporality.CUMULATIVE, is_monotonic=True)
    return Gauge(numbers)


def _histogram_point(
    named: HistogramNamed, labels: Labels, point: Distribution, started_ns: int, now_ns: int
) -> HistogramDataPoint:
    return HistogramDataPoint(
        attributes=_attributes(named, labels),
        start_time_unix_nano=started_ns,
        time_unix_nano=now_ns,
        count=sum(point.counts),
        sum=point.total,
        bucket_counts=point.counts,
        explicit_bounds=named.bounds,
        min=None,  # type: ignore[arg-type]  # optional in the protocol: the whole process's would tell nothing
        max=None,  # type: ignore[arg-type]
    )


def _attributes(named: Named, labels: Labels) -> dict[str, str]:
    return dict(zip(named.labels, labels, strict=True))
