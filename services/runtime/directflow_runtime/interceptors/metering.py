"""Rate, errors and duration of every method, with the code and the reason that the caller really gets."""

import time
from typing import Any, Final

from directflow_runtime.calls import CallRecord, current_record
from directflow_runtime.errors import StatusCode
from directflow_runtime.interceptors.method import Handler, Method
from directflow_runtime.metrics import Metrics
from directflow_runtime.metrics.names import ADMISSION_REFUSED, RPC_DURATION, STREAM_BYTES, STREAM_ROWS

TURNED_AWAY: Final = frozenset({"OVERLOADED", "POOL_SATURATED", "DRAINING"})
"""Reasons of calls that nothing is wrong with: there was no room for them."""


class Metering:
    """Counts the call's record when the call is over."""

    def __init__(self, metrics: Metrics) -> None:
        self._is_on = metrics.is_on
        self._durations = metrics.histogram(RPC_DURATION)
        self._rows, self._bytes = metrics.counter(STREAM_ROWS), metrics.counter(STREAM_BYTES)
        self._refused = metrics.counter(ADMISSION_REFUSED)

    def wrap(self, method: Method, inner: Handler) -> Handler:
        """Counts after `inner`, however it ends."""
        if not self._is_on:
            return inner

        async def metered(request: Any, context: Any) -> Any:
            try:
                return await inner(request, context)
            finally:
                record = current_record()
                if record is not None:
                    self._count(record)

        return metered

    def _count(self, record: CallRecord) -> None:
        code = StatusCode.UNKNOWN if record.code is None else record.code
        reason = "" if code is StatusCode.OK else record.reason or code.name
        self._durations.record(time.monotonic() - record.started, record.method, code.name, reason)
        if reason in TURNED_AWAY:
            self._refused.add(1, reason)
        # Only of what was sent: then the workspace is known to exist, and to be the caller's.
        if record.bytes_sent:
            workspace = _workspace(record.resource)
            self._bytes.add(record.bytes_sent, record.method, workspace)
            if record.rows:
                self._rows.add(record.rows, record.method, workspace)


def _workspace(resource: str) -> str:
    """ "acme" of "workspaces/acme/segments/vip"; empty for a call that is about none."""
    parts = resource.split("/", 2)
    return parts[1] if len(parts) > 1 and parts[0] == "workspaces" else ""
