"""One line a call."""

import time
from typing import Any

from structlog.typing import FilteringBoundLogger

from directflow_runtime.calls import CallRecord, current_record
from directflow_runtime.errors import StatusCode
from directflow_runtime.interceptors.method import Handler, Method
from directflow_runtime.interceptors.tracing import SERVER_FAULTS


class RequestLog:
    """Writes the call's record when the call is over: method, identity, resource, code, reason, duration, rows."""

    def __init__(self, logger: FilteringBoundLogger) -> None:
        self._logger = logger.bind()  # a lazy logger would put itself together on every line

    def wrap(self, method: Method, inner: Handler) -> Handler:
        """Logs after `inner`, however it ends."""

        async def logged(request: Any, context: Any) -> Any:
            try:
                return await inner(request, context)
            finally:
                record = current_record()
                if record is not None:
                    self._write(record)

        return logged

    def _write(self, record: CallRecord) -> None:
        code = StatusCode.UNKNOWN if record.code is None else record.code
        line: dict[str, Any] = {
            "method": record.method,
            "identity": record.identity,
            "resource": record.resource,
            "code": code.name,
            "reason": record.reason,
            "duration_ms": round((time.monotonic() - record.started) * 1000, 3),
            "trace_id": record.trace_id,
            "span_id": record.span_id,
        }
        if record.rows is not None:
            line["rows"] = record.rows
        write = self._logger.warning if code in SERVER_FAULTS else self._logger.info
        write("call", **line)
