"""However a call ends: client, server span, client span and log line agree on code and reason, for all four shapes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from directflow_runtime.client_tracing import SETTLED_AFTER_S
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.remote import remote_error
from google.protobuf.wrappers_pb2 import StringValue
from opentelemetry import trace
from opentelemetry.trace import SpanKind

SHAPES = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
SECRET = "4111-1111-1111-1111"


@dataclass
class Servicer:
    """Ends as the test says; `cleaned` shows that the handler's finally ran."""

    ending: str
    cleaned: bool = False

    async def end(self, context: Any) -> None:
        match self.ending:
            case "refused":
                raise DirectFlowError(StatusCode.RESOURCE_EXHAUSTED, "POOL_SATURATED", "busy", retry_after=0.25)
            case "unexpected":
                raise ValueError(SECRET)
            case "abort":
                await context.abort(grpc.StatusCode.NOT_FOUND, "nothing there")
            case "unbuilt":
                raise NotImplementedError
            case "hangs":
                await asyncio.sleep(30)
            case "turns cancel into its own error":
                try:
                    await asyncio.sleep(30)
                except asyncio.CancelledError:
                    raise ConnectionError(SECRET) from None

    async def unary(self, request: Any, context: Any) -> StringValue:
        try:
            await self.end(context)
        finally:
            self.cleaned = True
        return StringValue(value="done")

    async def stream(self, request: Any, context: Any) -> AsyncIterator[StringValue]:
        try:
            yield StringValue(value="first")
            await self.end(context)
            yield StringValue(value="last")
        finally:
            self.cleaned = True

    def of(self, shape: str) -> Any:
        return self.stream if shape.endswith("stream") else self.unary


async def requests() -> AsyncIterator[StringValue]:
    yield StringValue(value="request")


def start(world: Any, shape: str, timeout: float | None) -> Any:
    request = requests() if shape.startswith("stream") else StringValue(value="request")
    return world.stub(shape)(request, timeout=timeout)


async def finish(call: Any, shape: str) -> list[str]:
    if shape.endswith("unary"):
        return [(await call).value]
    return [message.value async for message in call]


async def outcome(world: Any) -> tuple[str, str, str, str]:
    """Code and reason of the server span, code and reason of the log line."""
    span, line = await world.span(SpanKind.SERVER), await world.line()
    attributes = span.attributes
    return (
        attributes["rpc.response.status_code"],
        attributes.get("error.type", ""),
        line["code"],
        line["reason"],
    )


@pytest.mark.parametrize("shape", SHAPES)
async def test_success_is_ok_everywhere(world: Any, shape: str) -> None:
    servicer = Servicer("well")
    served = await world(servicer.of(shape), shape)
    assert await finish(start(served, shape, 5), shape) == (["first", "last"] if "_stream" in shape else ["done"])
    assert await outcome(served) == ("OK", "", "OK", "")
    client = await served.span(SpanKind.CLIENT)
    assert client.attributes["rpc.response.status_code"] == "OK"
    assert client.status.status_code is trace.StatusCode.UNSET


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("ending", "code", "reason", "server_fault"),
    [
        ("refused", "RESOURCE_EXHAUSTED", "POOL_SATURATED", False),
        ("unexpected", "INTERNAL", "INTERNAL", True),
        ("unbuilt", "UNIMPLEMENTED", "UNIMPLEMENTED", True),
    ],
)
async def test_an_exception_becomes_a_rich_status(
    world: Any, shape: str, ending: str, code: str, reason: str, server_fault: bool
) -> None:
    servicer = Servicer(ending)
    served = await world(servicer.of(shape), shape)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await finish(start(served, shape, 5), shape)
    error = remote_error(caught.value)
    assert (error.code.name, error.reason, error.domain) == (code, reason, "test.directflow")
    assert servicer.cleaned
    assert await outcome(served) == (code, reason, code, reason)
    server, client = await served.span(SpanKind.SERVER), await served.span(SpanKind.CLIENT)
    assert (server.status.status_code is trace.StatusCode.ERROR) == server_fault
    assert (client.attributes["rpc.response.status_code"], client.attributes["error.type"]) == (code, reason)
    assert error.request_id == trace.format_trace_id(server.context.trace_id)


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_servicers_own_abort_keeps_its_code(world: Any, shape: str) -> None:
    served = await world(Servicer("abort").of(shape), shape)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await finish(start(served, shape, 5), shape)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert await outcome(served) == ("NOT_FOUND", "NOT_FOUND", "NOT_FOUND", "")


@pytest.mark.parametrize("ending", ["hangs", "turns cancel into its own error"])
@pytest.mark.parametrize("shape", SHAPES)
async def test_at_the_deadline_the_handler_ends(world: Any, shape: str, ending: str) -> None:
    servicer = Servicer(ending)
    served = await world(servicer.of(shape), shape)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await finish(start(served, shape, 0.3), shape)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert await outcome(served) == ("DEADLINE_EXCEEDED",) * 4
    assert servicer.cleaned


async def test_at_the_deadline_the_answer_comes_early_enough_to_say_why(world: Any) -> None:
    served = await world(Servicer("hangs").unary)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await finish(start(served, "unary_unary", 1.2), "unary_unary")
    error = remote_error(caught.value)
    assert (error.reason, error.domain) == ("DEADLINE_EXCEEDED", "test.directflow")
    assert error.request_id


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_deadline_beyond_the_maximum_is_clipped_to_it(world: Any, shape: str) -> None:
    servicer = Servicer("hangs")
    served = await world(servicer.of(shape), shape, max_unary_deadline_s=0.2, max_stream_deadline_s=0.2)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await finish(start(served, shape, 60), shape)
    assert remote_error(caught.value).reason == "DEADLINE_EXCEEDED"
    assert servicer.cleaned


@pytest.mark.parametrize("shape", SHAPES)
async def test_without_a_deadline_nothing_is_done(world: Any, shape: str) -> None:
    servicer = Servicer("well")
    served = await world(servicer.of(shape), shape)
    async with grpc.aio.insecure_channel(served.target) as plain:  # ours always sends one
        request = requests() if shape.startswith("stream") else StringValue()
        call = served.stub_of(plain, shape)(request)
        with pytest.raises(grpc.aio.AioRpcError):
            await finish(call, shape)
        if await call.code() is grpc.StatusCode.INTERNAL:  # provisional, as client_tracing says
            await asyncio.sleep(SETTLED_AFTER_S)
        status = grpc.aio.AioRpcError(await call.code(), grpc.aio.Metadata(), await call.trailing_metadata())
    error = remote_error(status)
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "DEADLINE_REQUIRED")
    assert not servicer.cleaned


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_call_that_cannot_even_begin_has_a_span_that_says_so(world: Any, shape: str) -> None:
    served = await world(Servicer("well").of(shape), shape)
    await served.channel.close()
    with pytest.raises(grpc.aio.UsageError):
        await finish(start(served, shape, 5), shape)
    client = await served.span(SpanKind.CLIENT)
    assert client.attributes["rpc.response.status_code"] == client.attributes["error.type"] == "INTERNAL"
    assert client.status.status_code is trace.StatusCode.ERROR


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_client_that_leaves_cancels_the_handler(world: Any, until: Any, shape: str) -> None:
    servicer = Servicer("hangs")
    served = await world(servicer.of(shape), shape)
    call = start(served, shape, 30)
    await until(lambda: served.server.drain.running == 1)
    if shape.endswith("_stream"):
        assert (await call.read()).value == "first"
    call.cancel()
    assert await outcome(served) == ("CANCELLED",) * 4
    assert servicer.cleaned
    assert (await served.span(SpanKind.CLIENT)).attributes["rpc.response.status_code"] == "CANCELLED"


@pytest.mark.parametrize("grace_s", [0, 0.1])
@pytest.mark.parametrize("shape", SHAPES)
async def test_a_call_that_our_own_drain_cuts_off_is_not_told_as_a_client_that_left(
    world: Any, until: Any, shape: str, grace_s: float
) -> None:
    servicer = Servicer("hangs")
    served = await world(servicer.of(shape), shape)
    call = start(served, shape, 30)
    await until(lambda: served.server.drain.running == 1)
    assert await served.server.stop(grace_s)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await finish(call, shape)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert await outcome(served) == ("UNAVAILABLE", "DRAINING", "UNAVAILABLE", "DRAINING")
    assert (await served.span(SpanKind.SERVER)).status.status_code is trace.StatusCode.ERROR
    assert (await served.line())["level"] == "warning"


async def test_a_client_that_leaves_within_the_grace_of_a_drain_is_a_client_that_left(world: Any, until: Any) -> None:
    served = await world(Servicer("hangs").unary)
    call = start(served, "unary_unary", 30)
    await until(lambda: served.server.drain.running == 1)
    stopping = asyncio.ensure_future(served.server.stop(20))
    await asyncio.sleep(0)
    call.cancel()
    assert await stopping
    assert await outcome(served) == ("CANCELLED",) * 4


async def test_an_unexpected_exception_shows_its_values_to_nobody(world: Any) -> None:
    served = await world(Servicer("unexpected").unary)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await finish(start(served, "unary_unary", 5), "unary_unary")
    await served.line()
    assert SECRET not in str(caught.value) + str(caught.value.trailing_metadata()) + repr(served.lines)
    assert SECRET not in "".join(span.to_json() for span in served.spans.get_finished_spans())
    (logged,) = [line for line in served.lines if line["event"] == "unexpected exception"]
    assert logged["exception_type"] == "ValueError"
    assert logged["stack"][-1].endswith("in end")


async def test_retry_after_arrives_as_retry_info(world: Any) -> None:
    served = await world(Servicer("refused").unary)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await finish(start(served, "unary_unary", 5), "unary_unary")
    assert remote_error(caught.value).retry_after == 0.25


async def test_the_client_span_is_the_parent_of_the_server_span(world: Any) -> None:
    served = await world(Servicer("well").unary)
    await finish(start(served, "unary_unary", 5), "unary_unary")
    server, client = await served.span(SpanKind.SERVER), await served.span(SpanKind.CLIENT)
    assert server.parent.span_id == client.context.span_id
    assert server.context.trace_id == client.context.trace_id


async def test_a_caller_that_is_not_ours_continues_its_trace(world: Any) -> None:
    served = await world(Servicer("well").unary)
    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    async with grpc.aio.insecure_channel(served.target) as plain:
        headers = (("traceparent", f"00-{trace_id}-{span_id}-01"),)
        await served.stub_of(plain, "unary_unary")(StringValue(), timeout=5, metadata=headers)
    server = await served.span(SpanKind.SERVER)
    assert trace.format_trace_id(server.context.trace_id) == trace_id
    assert trace.format_span_id(server.parent.span_id) == span_id


async def test_a_method_that_nobody_registered_is_unimplemented(world: Any) -> None:
    served = await world(Servicer("well").unary)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.stub("unary_unary", "Other")(StringValue(), timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("shape", ["stream_unary", "stream_stream"])
async def test_a_server_that_answers_before_it_has_read_all_requests_keeps_its_code_in_the_client_span(
    world: Any, shape: str
) -> None:
    async def endless() -> AsyncIterator[StringValue]:
        while True:
            yield StringValue(value="request" * 1000)
            await asyncio.sleep(0)

    served = await world(Servicer("unbuilt").of(shape), shape)
    for _ in range(10):  # now and then grpc.aio reports INTERNAL first
        with pytest.raises(grpc.aio.AioRpcError):
            await finish(served.stub(shape)(endless(), timeout=5), shape)
    await wait_for_spans(served, 10)
    assert {span.attributes["error.type"] for span in served.spans_of(SpanKind.CLIENT)} == {"UNIMPLEMENTED"}


async def wait_for_spans(world: Any, count: int) -> None:
    async with asyncio.timeout(5):
        while len(world.spans_of(SpanKind.CLIENT)) < count:  # noqa: ASYNC110  spans have no event
            await asyncio.sleep(0.01)
