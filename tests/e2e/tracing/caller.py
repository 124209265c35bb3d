"""Whoever calls us: traces its own work, exports its spans to where ours go, and then looks at the whole trace."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
from directflow_cli.traces.spans import Span
from directflow_runtime.channel import open_channel
from directflow_runtime.remote import remote_error
from directflow_runtime.settings import ChannelSettings, TelemetrySettings
from directflow_runtime.telemetry import telemetry


class Caller:
    """A platform service."""

    def __init__(self, at: Any, tracer: Any, channels: dict[str, Any]) -> None:
        self.at = at
        self.tracer = tracer
        self.channels = channels

    async def traced(self, work: Callable[[], Awaitable[Any]]) -> tuple[str, Any]:
        """What `work` gives or raises under a span of the caller's, and the trace id of it."""
        with self.tracer.start_as_current_span("flow step", record_exception=False) as span:
            trace_id = f"{span.get_span_context().trace_id:032x}"
            try:
                return trace_id, await work()
            except grpc.aio.AioRpcError as error:
                return trace_id, remote_error(error)
            except asyncio.CancelledError:
                return trace_id, None

    async def spans(self, trace_id: str, *services: str) -> list[Span]:
        """The trace, once its root and spans of all these services are there, none is without its parent, and each call
        has its other side: a process sends what it was asked for after all that it did for it."""

        def whole() -> list[Span]:
            spans: list[Span] = self.at.spans.trace(trace_id)
            known = {span.span_id for span in spans}
            roots = [span for span in spans if span.parent_id not in known]
            missing = set(services) - {span.service for span in spans}
            answered = {span.parent_id for span in spans if span.kind == "SERVER"}
            calls = {span.span_id for span in spans if span.kind == "CLIENT" and "rpc.method" in span.attributes}
            return spans if len(roots) == 1 and not roots[0].parent_id and not missing and calls <= answered else []

        found: list[Span] = await self.at.until(whole, why=f"no whole tree of {services}")
        return found


@asynccontextmanager
async def calling(at: Any) -> AsyncIterator[Caller]:
    """A caller of the services of `at`."""
    settings = TelemetrySettings(otlp_endpoint=f"http://{at.otlp}", schedule_delay_s=0.05)
    async with telemetry(settings, "caller") as traces:
        tracer = traces.tracer("caller")
        channels = {
            name: open_channel(ChannelSettings(target=service.address), tracer) for name, service in at.services.items()
        }
        yield Caller(at, tracer, channels)
        for channel in channels.values():
            await channel.close()


async def read(call: Any) -> list[Any]:
    """Every message of a stream."""
    return [message async for message in call]


def path_to_root(spans: Sequence[Span], leaf: Span) -> list[Span]:
    """The leaf, its parent, and so on."""
    by_id = {span.span_id: span for span in spans}
    path = [leaf]
    while path[-1].parent_id:
        path.append(by_id[path[-1].parent_id])
    return path


def named(spans: Sequence[Span], name: str, service: str = "") -> list[Span]:
    """Spans whose name begins so."""
    return [span for span in spans if span.name.startswith(name) and service in span.service]


def only(spans: Sequence[Span], name: str, service: str = "", kind: str = "") -> Span:
    """The one span whose name ends or begins so."""
    (found,) = [
        span
        for span in spans
        if (span.name.startswith(name) or span.name.endswith(name)) and service in span.service and kind in span.kind
    ]
    return found


def outcomes(spans: Sequence[Span], method: str) -> dict[tuple[str, str], tuple[Any, Any]]:
    """By service and kind: final status and reason of the spans of a method."""
    return {
        (span.service.removeprefix("directflow-"), span.kind): (
            span.attributes.get("rpc.response.status_code"),
            span.attributes.get("error.type"),
        )
        for span in spans
        if span.name.endswith(method)
    }
