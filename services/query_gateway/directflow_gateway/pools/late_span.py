"""A span of what as a rule takes no time: begun and ended afterwards, where there was something to wait for."""

import time
from types import TracebackType
from typing import Final

from opentelemetry.trace import SpanKind, Tracer

from directflow_gateway import telemetry_names as names
from directflow_gateway.connections import Connection
from directflow_gateway.failed_span import fail

WORTH_TELLING_S: Final = 0.001


class LateSpan:
    """Around a round trip on a session: BEGIN waits where a pooler has no server session, or a firewall has forgotten
    the connection. Told when it took WORTH_TELLING_S or failed: a span for each evaluation would cost more than that.
    """

    __slots__ = ("_began", "_connection", "_name", "_tracer")

    def __init__(self, tracer: Tracer, name: str, connection: Connection) -> None:
        """`name`: the SQL command in lower case."""
        self._tracer = tracer
        self._name = name
        self._connection = connection
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        took_s = time.monotonic() - self._began
        if error is not None or took_s >= WORTH_TELLING_S:
            self._tell(took_s, error)

    def _tell(self, took_s: float, error: BaseException | None) -> None:
        attributes = {
            names.DB_SYSTEM_NAME: names.POSTGRESQL,
            names.DB_NAMESPACE: self._connection.database,
            names.DB_OPERATION_NAME: self._name.upper(),
            names.DB_QUERY_SUMMARY: self._name,
            names.CONNECTION: self._connection.name,
        }
        began = time.time_ns() - int(took_s * 1e9)
        span = self._tracer.start_span(self._name, kind=SpanKind.CLIENT, attributes=attributes, start_time=began)
        if error is not None:
            fail(span, error)
        span.end()
