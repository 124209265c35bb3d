"""Figures of the statements on customers' servers."""

import time
from collections.abc import Mapping

from directflow_runtime.errors import DirectFlowError
from directflow_runtime.metrics import OFF, Metrics
from directflow_runtime.metrics.names import EVALUATION_TUPLES, STATEMENT_DURATION

from directflow_gateway.failed_span import reason_of

INTERNAL = "INTERNAL"
OK = "ok"


class StatementMeter:
    """One for the process."""

    def __init__(self, metrics: Metrics = OFF) -> None:
        self._durations = metrics.histogram(STATEMENT_DURATION)
        self._tuples = metrics.counter(EVALUATION_TUPLES)

    def ended(self, began: float, operation: str, connection: str, error: BaseException | None) -> None:
        """`began` on the clock of `time.monotonic()`; `connection` is a name that exists."""
        self._durations.record(time.monotonic() - began, operation, connection, _outcome(error))

    def worked_by(self, tuples: Mapping[str, int]) -> None:
        """How many different tuples came to their end in which form."""
        for form, count in tuples.items():
            self._tuples.add(count, form.replace(" ", "_"))


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return OK
    # A defect is INTERNAL, as its caller is told; its type is for the span.
    is_defect = isinstance(error, Exception) and not isinstance(error, DirectFlowError)
    return INTERNAL if is_defect else reason_of(error)
