"""What is counted on the way: sums in dictionaries, and nothing else.

OpenTelemetry's own instruments cost 16 µs a value, which a unary evaluation would feel; these cost half of one. They
are for the event loop's own thread.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from directflow_runtime.metrics.names import CAPPED, OTHER, CounterNamed, GaugeNamed, HistogramNamed, Named

Labels = tuple[str, ...]
Read = Callable[[], Mapping[Labels, float]]
"""The values of a gauge, by its labels; called at each export, in the event loop's thread."""

MOST_SERIES: Final = 2_000
"""Of one metric, whatever its labels: a defect must not fill the memory. What comes after has OTHER everywhere."""
LONGEST_VALUE: Final = 200


class Cap:
    """The values of one label that are told apart: the first ones that came. Shared by all metrics of a process, so
    that a workspace is itself in all of them or in none."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        """The value, or OTHER."""
        if value in self._known:
            return value
        if len(self._known) >= self._most:
            return OTHER
        self._known.add(value)
        return value


class LabelSets:
    """The sets of labels of one metric, as they are exported."""

    def __init__(self, named: Named, caps: Mapping[str, Cap]) -> None:
        self._named = named
        self._caps = [caps[label] if label in CAPPED else None for label in named.labels]

    def capped(self, labels: Labels, known: Mapping[Labels, object]) -> Labels:
        """`known` are those that have a series already. Raises ValueError for too few or too many labels."""
        if len(labels) != len(self._caps):
            raise ValueError(f"{self._named.name} has the labels {self._named.labels}")
        kept = tuple(
            value[:LONGEST_VALUE] if cap is None else cap(value) for value, cap in zip(labels, self._caps, strict=True)
        )
        return kept if kept in known or len(known) < MOST_SERIES else (OTHER,) * len(kept)


class Counter:
    """A sum for each set of labels."""

    def __init__(self, named: CounterNamed, caps: Mapping[str, Cap]) -> None:
        self.named = named
        self.totals: dict[Labels, float] = {}
        self._sets = LabelSets(named, caps)

    def add(self, amount: float, *labels: str) -> None:
        """`labels` in the order of the metric's definition."""
        totals = self.totals
        if labels in totals:
            totals[labels] += amount
        else:
            kept = self._sets.capped(labels, totals)
            totals[kept] = totals.get(kept, 0) + amount


class Distribution:
    """What a histogram keeps for one set of labels."""

    __slots__ = ("counts", "total")

    def __init__(self, counts: list[int], total: float = 0.0) -> None:
        self.counts = counts
        self.total = total

    def copy(self) -> "Distribution":
        """As it is now."""
        return Distribution(list(self.counts), self.total)


class Histogram:
    """A distribution for each set of labels."""

    def __init__(self, named: HistogramNamed, caps: Mapping[str, Cap]) -> None:
        self.named = named
        self.distributions: dict[Labels, Distribution] = {}
        self._bounds = named.bounds
        self._sets = LabelSets(named, caps)

    def record(self, value: float, *labels: str) -> None:
        """`labels` in the order of the metric's definition."""
        distribution = self.distributions.get(labels) or self._of(labels)
        distribution.total += value
        distribution.counts[bisect_left(self._bounds, value)] += 1

    def _of(self, labels: Labels) -> Distribution:
        kept = self._sets.capped(labels, self.distributions)
        return self.distributions.setdefault(kept, Distribution([0] * (len(self._bounds) + 1)))


class Gauge:
    """Asks the living things, when it is asked."""

    def __init__(self, named: GaugeNamed | CounterNamed, caps: Mapping[str, Cap]) -> None:
        self.named = named
        self._sets = LabelSets(named, caps)
        self._reads: list[Read] = []

    def reads(self, read: Read) -> None:
        """One more place where values are."""
        self._reads.append(read)

    def values(self) -> dict[Labels, float]:
        """What is there now."""
        found: dict[Labels, list[float]] = {}
        for labels, value in self._told():
            found.setdefault(self._sets.capped(labels, found), []).append(value)
        merged = self.named.merged if isinstance(self.named, GaugeNamed) else sum
        return {labels: merged(values) for labels, values in found.items()}

    def _told(self) -> Iterable[tuple[Labels, float]]:
        return [told for read in self._reads for told in read().items()]


class OffCounter(Counter):
    """Counts nothing."""

    def add(self, amount: float, *labels: str) -> None:
        """Nothing."""


class OffHistogram(Histogram):
    """Records nothing."""

    def record(self, value: float, *labels: str) -> None:
        """Nothing."""
