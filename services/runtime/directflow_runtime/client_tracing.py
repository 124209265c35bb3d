"""A client span and a deadline for each call that we make.

The channel is wrapped rather than intercepted: behind grpc.aio's client interceptors a cancelled or abandoned call
keeps no trustworthy status, which is how spans get lost. A done callback sees every ending, and the caller gets grpc's
own call object.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, Final, Protocol

import grpc
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from directflow_runtime import baggage
from directflow_runtime import telemetry_names as names
from directflow_runtime.calls import current_call, current_record
from directflow_runtime.remote import RemoteError, remote_error

SETTLED_AFTER_S: Final = 0.2
"""When the real status of a call is looked at whose first one may be provisional (see `_is_provisional`)."""


class Timeouts(Protocol):
    """Decides how long a call may take."""

    def of(self, method: str, asked: float | None) -> float | None:
        """Seconds for a call of `method` whose caller asked for `asked`; None: no deadline."""
        ...


class CallTimeouts:
    """Never longer than the call that we serve; outside of any, a default. A watch has the deadline it asked for."""

    def __init__(self, default_s: float) -> None:
        self._default_s = default_s

    def of(self, method: str, asked: float | None) -> float | None:
        """The smallest of what the caller asked for and what is left of the call that is being served."""
        if method.rpartition("/")[2].startswith("Watch"):
            return asked
        seconds = min(_remaining(), math.inf if asked is None else asked)
        return self._default_s if math.isinf(seconds) else seconds


class TracedMethod:
    """One method of a stub: starts the call with a span, trace headers and a timeout."""

    def __init__(
        self, inner: Callable[..., Any], path: str, tracer: Tracer, timeouts: Timeouts, streams_requests: bool = False
    ) -> None:
        self._inner = inner
        self._method = path.lstrip("/")
        self._attributes = {names.RPC_SYSTEM_NAME: names.GRPC, names.RPC_METHOD: self._method}
        self._streams_requests = streams_requests
        self._tracer = tracer
        self._timeouts = timeouts
        self._propagator = TraceContextTextMapPropagator()

    def __call__(
        self,
        *request: Any,
        timeout: float | None = None,
        metadata: Sequence[tuple[str, str | bytes]] | None = None,
        **options: Any,
    ) -> Any:
        """As grpc's own; returns grpc's own call."""
        span = self._tracer.start_span(self._method, kind=SpanKind.CLIENT, attributes=self._attributes)
        headers: dict[str, str] = {}
        self._propagator.inject(headers, set_span_in_context(span))
        if (record := current_record()) is not None and record.labels:
            headers[baggage.HEADER] = baggage.header(record.labels)
        try:
            call = self._inner(
                *request,
                timeout=self._timeouts.of(self._method, timeout),
                metadata=(*(metadata or ()), *headers.items()),
                **options,
            )
        except BaseException:
            # There is no call and no status: a channel that was closed, a request of the wrong type. It is ours.
            _tell(span, grpc.StatusCode.INTERNAL.name, grpc.StatusCode.INTERNAL.name)
            span.end()
            raise
        if span.is_recording():  # nobody reads the outcome of any other
            call.add_done_callback(lambda ended: _finish(span, ended, self._streams_requests))
        return call


class TracedChannel(grpc.aio.Channel):  # type: ignore[misc]  # grpc has no types
    """A channel whose methods are traced. Stubs take it like any other."""

    def __init__(self, inner: Any, tracer: Tracer, timeouts: Timeouts) -> None:
        self._inner = inner
        self._tracer = tracer
        self._timeouts = timeouts

    async def __aenter__(self) -> "TracedChannel":
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await self._inner.__aexit__(*exc)

    async def close(self, grace: float | None = None) -> None:
        """Cancels what still runs after `grace` seconds (None: at once)."""
        await self._inner.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Connectivity now."""
        return self._inner.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Returns when the connectivity is another one."""
        await self._inner.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Returns when the channel is connected; for ever where it never is."""
        await self._inner.channel_ready()

    def unary_unary(self, method: str, *args: Any, **options: Any) -> TracedMethod:
        """What generated stubs call."""
        return self._traced("unary_unary", method, args, options)

    def unary_stream(self, method: str, *args: Any, **options: Any) -> TracedMethod:
        """What generated stubs call."""
        return self._traced("unary_stream", method, args, options)

    def stream_unary(self, method: str, *args: Any, **options: Any) -> TracedMethod:
        """What generated stubs call."""
        return self._traced("stream_unary", method, args, options)

    def stream_stream(self, method: str, *args: Any, **options: Any) -> TracedMethod:
        """What generated stubs call."""
        return self._traced("stream_stream", method, args, options)

    def _traced(self, shape: str, method: str, args: Any, options: Any) -> TracedMethod:
        inner = getattr(self._inner, shape)(method, *args, **options)
        return TracedMethod(inner, method, self._tracer, self._timeouts, shape.startswith("stream_"))


async def responses(call: Any) -> AsyncIterator[Any]:
    """The messages of a response stream; the call is cancelled however the loop is left. Use it under `aclosing`.

    Leaving a loop over the call itself, by `break` or a cancelled task, lets the server go on for its whole deadline.
    """
    try:
        async for message in call:
            yield message
    finally:
        call.cancel()


def _remaining() -> float:
    try:
        return current_call().remaining()
    except LookupError:
        return math.inf


def _finish(span: Span, call: Any, streams_requests: bool) -> None:
    if streams_requests and _is_provisional(call):
        ended = time.time_ns()
        loop = asyncio.get_running_loop()
        loop.call_later(SETTLED_AFTER_S, lambda: _end(span, call, ended))
    else:
        _end(span, call, None)


def _is_provisional(call: Any) -> bool:
    """True for the status of a send that failed because the server had answered before it read all requests.

    grpc.aio then reports INTERNAL, runs the done callbacks, and only afterwards takes up the server's real answer,
    without running them again.
    """
    return _settled(call.code()) is grpc.StatusCode.INTERNAL and not _error_of(call).reason


def _end(span: Span, call: Any, ended: int | None) -> None:
    code = _settled(call.code())
    _tell(span, code.name, "" if code is grpc.StatusCode.OK else _error_of(call).reason or code.name)
    span.end(ended)


def _tell(span: Span, code: str, reason: str) -> None:
    """`reason` is empty where all is well."""
    span.set_attribute(names.RPC_RESPONSE_STATUS_CODE, code)
    if reason:
        span.set_attribute(names.ERROR_TYPE, reason)
        span.set_status(Status(StatusCode.ERROR))


def _error_of(call: Any) -> RemoteError:
    trailing = _settled(call.trailing_metadata()) or grpc.aio.Metadata()
    return remote_error(grpc.aio.AioRpcError(_settled(call.code()), grpc.aio.Metadata(), trailing))


def _settled(answer: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that has nothing left to wait for: the status of a call that has ended."""
    try:
        answer.send(None)
    except StopIteration as done:
        return done.value
    answer.close()
    raise asyncio.InvalidStateError("the call has not ended")
