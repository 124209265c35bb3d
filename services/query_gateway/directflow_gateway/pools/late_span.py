"""A span of what as a rule takes no time: begun and ended afterwards, where there was something to wait for."""

import time
from types import TracebackType
from typing import Final

from opentelemetry.trace import SpanKind, Tracer

from directflow_gateway import telemetry_names as names
from directflow_gateway.connections import Connection
from directflow_gateway.failed_span import fail
from directflow_gateway.pools.waits import WORTH_TELLING_S

CREDENTIAL: Final = "credential"


class LateSpan:
    """Around a round trip on a session: BEGIN waits where a pooler has no server session, or a firewall has forgotten
    the connection. Told when it took WORTH_TELLING_S or failed: a span for each evaluation would cost more than that.
    """

    __slots__ = ("_began", "_connection", "_name", "_tracer")

    def __init__(self, tracer: Tracer, name: str, connection: Connection) -> None:
        """`name`: CREDENTIAL, or the SQL command in lower case."""
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
        kind = SpanKind.INTERNAL if self._name == CREDENTIAL else SpanKind.CLIENT
        began = time.time_ns() - int(took_s * 1e9)
        span = self._tracer.start_span(self._name, kind=kind, attributes=self._attributes(), start_time=began)
        if error is not None:
            fail(span, error)
        span.end()

    def _attributes(self) -> dict[str, str]:
        known = {names.DB_NAMESPACE: self._connection.database, names.CONNECTION: self._connection.name}
        if self._name == CREDENTIAL:
            return known
        return known | {
            names.DB_SYSTEM_NAME: names.POSTGRESQL,
            names.DB_OPERATION_NAME: self._name.upper(),
            names.DB_QUERY_SUMMARY: self._name,
        }
