"""Rate, errors and duration of every method, with the code and the reason that the caller really gets."""

import time
from dataclasses import dataclass
from typing import Any, Final

from directflow_runtime.calls import CallRecord, current_record
from directflow_runtime.errors import StatusCode
from directflow_runtime.interceptors.method import Handler, Method
from directflow_runtime.metrics import Metrics
from directflow_runtime.metrics.names import ADMISSION_REFUSED, RPC_DURATION, STREAM_BYTES, STREAM_ROWS

TURNED_AWAY: Final = frozenset({"OVERLOADED", "POOL_SATURATED", "DRAINING"})
"""Reasons of calls that nothing is wrong with: there was no room for them."""


class Metering:
    """Counts the call's record when the call is over, and what streams send while they run."""

    def __init__(self, metrics: Metrics) -> None:
        self._is_on = metrics.is_on
        self._durations = metrics.histogram(RPC_DURATION)
        self._rows, self._bytes = metrics.counter(STREAM_ROWS), metrics.counter(STREAM_BYTES)
        self._refused = metrics.counter(ADMISSION_REFUSED)
        self._streams: dict[int, _Told] = {}
        """By the identity of their records: streams that run, and what has been counted of them."""
        metrics.before_reading(self._count_streams)

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

        async def metered_stream(request: Any, context: Any) -> Any:
            record = current_record()
            assert record is not None  # the layer above makes it
            told = self._streams[id(record)] = _Told(record)
            try:
                return await inner(request, context)
            finally:
                del self._streams[id(record)]
                self._count(record)
                self._count_sent(told)

        return metered_stream if method.streams_responses else metered

    def _count_streams(self) -> None:
        """A stream of an hour would otherwise be a peak at its end."""
        for told in self._streams.values():
            self._count_sent(told)

    def _count_sent(self, told: "_Told") -> None:
        """What has been sent since the last time."""
        record = told.record
        # Only of what was sent: then the workspace is known to exist, and to be the caller's.
        if not record.bytes_sent:
            return
        rows, sent = record.rows or 0, record.bytes_sent
        workspace = _workspace(record.resource)
        if rows > told.rows:
            self._rows.add(rows - told.rows, record.method, workspace)
        if sent > told.bytes_sent:
            self._bytes.add(sent - told.bytes_sent, record.method, workspace)
        told.rows, told.bytes_sent = rows, sent

    def _count(self, record: CallRecord) -> None:
        code = StatusCode.UNKNOWN if record.code is None else record.code
        reason = "" if code is StatusCode.OK else record.reason or code.name
        self._durations.record(time.monotonic() - record.started, record.method, code.name, reason)
        if reason in TURNED_AWAY:
            self._refused.add(1, reason)


@dataclass(slots=True)
class _Told:
    record: CallRecord
    rows: int = 0
    bytes_sent: int = 0


def _workspace(resource: str) -> str:
    """ "acme" of "workspaces/acme/segments/vip"; empty for a call that is about none."""
    parts = resource.split("/", 2)
    return parts[1] if len(parts) > 1 and parts[0] == "workspaces" else ""
