"""One client span for each operation on Vault, its retries included."""

from collections.abc import Iterator
from contextlib import contextmanager

from directflow_runtime.metrics import Counter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from directflow_gateway import telemetry_names as names
from directflow_gateway.vault.reply import Fault


class VaultSpan:
    """What is told of a running operation: no path, no address, no token."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self.outcome = "ok"
        """Or the kind of failure."""

    def ended(self, outcome: object) -> None:
        """By its final outcome: a Fault, or anything else for success."""
        status = getattr(outcome, "status", 0)
        if status:
            self._span.set_attribute(names.HTTP_RESPONSE_STATUS_CODE, status)
        if isinstance(outcome, Fault):
            self.failed(outcome.kind.value)

    def failed(self, reason: str) -> None:
        self.outcome = reason
        self._span.set_attribute(names.ERROR_TYPE, reason)
        self._span.set_status(Status(StatusCode.ERROR, reason))


@contextmanager
def vault_span(tracer: Tracer, operation: str, operations: Counter) -> Iterator[VaultSpan]:
    """`operation`: "read", "write", "login", "renew", "revoke", "look up"; `operations` counts it."""
    span = tracer.start_span(f"vault {operation}", kind=SpanKind.CLIENT)
    told = VaultSpan(span)
    try:
        yield told
    except BaseException as error:
        # Not record_exception: its text is not ours.
        told.failed(getattr(error, "kind", type(error).__name__))
        raise
    finally:
        operations.add(1, operation.replace(" ", "_"), told.outcome)
        span.end()
