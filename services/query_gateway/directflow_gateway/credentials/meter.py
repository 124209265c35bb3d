"""Figures of credentials: their age, when they are due, and what became of each reading. Never what they are."""

import time
from collections.abc import Callable, Iterable

from directflow_runtime.metrics import Labels, Metrics
from directflow_runtime.metrics.names import CREDENTIAL_AGE, CREDENTIAL_NEXT, CREDENTIAL_READS

from directflow_gateway.credentials.reading import Reading


class CredentialMeter:
    """Of one `Keyrings`."""

    def __init__(self, metrics: Metrics, readings: Callable[[], Iterable[Reading]]) -> None:
        self._reads = metrics.counter(CREDENTIAL_READS)
        self._readings = readings
        metrics.gauge(CREDENTIAL_AGE, self._ages)
        metrics.gauge(CREDENTIAL_NEXT, self._next)

    def read(self, kind: str, outcome: str) -> None:
        """A reading has ended: "ok", or the cause of CREDENTIALS_UNAVAILABLE."""
        self._reads.add(1, kind, outcome)

    def _ages(self) -> dict[Labels, float]:
        now = time.monotonic()
        return {_labels(one): now - one.read_at for one in self._held()}

    def _next(self) -> dict[Labels, float]:
        now = time.monotonic()
        return {_labels(one): one.due_at - now for one in self._held()}

    def _held(self) -> Iterable[Reading]:
        """Those with a credential: a connection that was only drafted has no name yet that means anything."""
        return (one for one in self._readings() if one.credential is not None)


def _labels(reading: Reading) -> Labels:
    return reading.connection.name, reading.connection.credential_kind.value
