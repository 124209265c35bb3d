"""The metrics of one process. Nothing here is global: whoever counts is handed it, or a part of it."""

import time
from collections.abc import Callable
from typing import Final, TypeAlias

from structlog.typing import FilteringBoundLogger

from directflow_runtime.metrics.instruments import (
    Cap,
    Counter,
    Distribution,
    Gauge,
    Histogram,
    Labels,
    OffCounter,
    OffHistogram,
    Read,
)
from directflow_runtime.metrics.names import CONNECTION, WORKSPACE, CounterNamed, GaugeNamed, HistogramNamed, Named

Point: TypeAlias = float | Distribution
Snapshot: TypeAlias = list[tuple[Named, dict[Labels, Point]]]
"""All series of a process in one moment."""


class Metrics:
    """Makes the instruments, one of each name, and tells what they hold."""

    is_on = True

    def __init__(self, workspaces: int, connections: int, log: FilteringBoundLogger | None = None) -> None:
        """How many of each are told apart by name; the others are "other"."""
        self.started_ns = time.time_ns()
        self._caps = {WORKSPACE: Cap(workspaces), CONNECTION: Cap(connections)}
        self._log = log
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        self._gauges: dict[str, Gauge] = {}
        self._broken: set[str] = set()
        self._before: list[Callable[[], None]] = []

    def before_reading(self, tell: Callable[[], None]) -> None:
        """`tell` is called before each snapshot, to count what is still under way."""
        self._before.append(tell)

    def counter(self, named: CounterNamed) -> Counter:
        """The counter of that name."""
        if named.name not in self._counters:
            self._counters[named.name] = Counter(named, self._caps)
        return self._counters[named.name]

    def histogram(self, named: HistogramNamed) -> Histogram:
        """The histogram of that name."""
        if named.name not in self._histograms:
            self._histograms[named.name] = Histogram(named, self._caps)
        return self._histograms[named.name]

    def gauge(self, named: GaugeNamed | CounterNamed, read: Read) -> None:
        """Values of `named` are what `read` returns; several may tell values of one name. A counter is read like a
        gauge where somebody else counts already."""
        if named.name not in self._gauges:
            self._gauges[named.name] = Gauge(named, self._caps)
        self._gauges[named.name].reads(read)

    def snapshot(self) -> Snapshot:
        """For the event loop's own thread. A gauge that cannot be read is left out."""
        for tell in self._before:
            tell()
        told: Snapshot = [(one.named, dict(one.totals)) for one in self._counters.values()]
        for histogram in self._histograms.values():
            told.append((histogram.named, {labels: one.copy() for labels, one in histogram.distributions.items()}))
        told += [(gauge.named, dict(self._read(gauge))) for gauge in self._gauges.values()]
        return [(named, points) for named, points in told if points]

    def _read(self, gauge: Gauge) -> dict[Labels, float]:
        name = gauge.named.name
        try:
            values = gauge.values()
        except Exception as error:  # a defect in one gauge must not hide all other metrics
            if self._log is not None and name not in self._broken:
                self._log.error("a metric cannot be read", metric=name, exc_info=error)
            self._broken.add(name)
            return {}
        return values


class Off(Metrics):
    """Where nobody reads metrics: what is handed out does nothing, and keeps nothing."""

    is_on = False

    def __init__(self) -> None:
        super().__init__(0, 0)

    def counter(self, named: CounterNamed) -> Counter:
        """One that counts nothing."""
        return OffCounter(named, self._caps)

    def histogram(self, named: HistogramNamed) -> Histogram:
        """One that records nothing."""
        return OffHistogram(named, self._caps)

    def gauge(self, named: GaugeNamed | CounterNamed, read: Read) -> None:
        """Never read."""

    def before_reading(self, tell: Callable[[], None]) -> None:
        """Never called."""


OFF: Final = Off()
"""It has no state, so that one is enough for everybody."""
