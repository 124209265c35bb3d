"""Streams: back-pressure, the idle limit, and that a generator is closed however its stream ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
import pytest
from directflow_runtime.channel import responses
from directflow_runtime.errors import StatusCode
from directflow_runtime.remote import remote_error
from google.protobuf.wrappers_pb2 import StringValue
from opentelemetry.trace import SpanKind

BIG = StringValue(value="x" * 500_000)


class Endless:
    """Yields for ever; knows how much was taken and whether it was closed."""

    def __init__(self) -> None:
        self.yielded = 0
        self.closed = False

    async def stream(self, request: Any, context: Any) -> AsyncIterator[StringValue]:
        try:
            while True:
                yield BIG
                self.yielded += 1
        finally:
            await asyncio.sleep(0)  # cleaning up may have to wait for something
            self.closed = True


async def read_to_the_end(call: Any) -> None:
    while await call.read() is not grpc.aio.EOF:
        pass


async def test_a_reader_that_stalls_gets_idle_timeout_when_it_reads_on(world: Any, until: Any) -> None:
    endless = Endless()
    served = await world(endless.stream, "unary_stream", idle_write_s=0.2)
    call = served.stub("unary_stream")(StringValue(), timeout=30)
    await call.read()
    await until(lambda: endless.closed)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await read_to_the_end(call)
    error = remote_error(caught.value)
    assert (error.code, error.reason) == (StatusCode.DEADLINE_EXCEEDED, "IDLE_TIMEOUT")
    assert error.metadata["limit_seconds"] == "0.2"


async def test_the_span_of_a_stream_tells_what_it_sent_and_how_long_its_reader_held_it_up(world: Any) -> None:
    async def three(request: Any, context: Any) -> AsyncIterator[StringValue]:
        for _ in range(3):
            yield BIG

    served = await world(three, "unary_stream")
    await read_to_the_end(served.stub("unary_stream")(StringValue(), timeout=30))
    told = (await served.span(SpanKind.SERVER)).attributes
    assert told["directflow.bytes"] == 3 * BIG.ByteSize()
    assert told["directflow.time.reader_ms"] > 0


async def test_a_slow_reader_shows_in_the_span_of_a_cancelled_stream(world: Any, until: Any) -> None:
    endless = Endless()
    served = await world(endless.stream, "unary_stream")
    call = served.stub("unary_stream")(StringValue(), timeout=30)
    await call.read()
    await asyncio.sleep(0.3)  # nobody reads
    call.cancel()
    await until(lambda: endless.closed)
    assert (await served.span(SpanKind.SERVER)).attributes["directflow.time.reader_ms"] > 150


async def test_a_reader_that_never_reads_on_does_not_keep_the_call_running(world: Any, until: Any) -> None:
    endless = Endless()
    served = await world(endless.stream, "unary_stream", idle_write_s=0.1)
    call = served.stub("unary_stream")(StringValue(), timeout=30)
    await call.read()
    await until(lambda: served.server.drain.running == 0)
    assert (await served.line())["reason"] == "IDLE_TIMEOUT"
    call.cancel()


async def test_a_slow_reader_holds_the_generator_back(world: Any) -> None:
    endless = Endless()
    served = await world(endless.stream, "unary_stream")
    call = served.stub("unary_stream")(StringValue(), timeout=30)
    await call.read()
    await asyncio.sleep(0.3)
    assert 0 < endless.yielded * len(BIG.value) < 32 * 1024 * 1024
    call.cancel()


async def test_leaving_the_loop_over_responses_cancels_the_call(world: Any, until: Any) -> None:
    endless = Endless()
    served = await world(endless.stream, "unary_stream")
    async with aclosing(responses(served.stub("unary_stream")(StringValue(), timeout=30))) as messages:
        async for message in messages:
            assert message == BIG
            break
    await until(lambda: endless.closed)
    assert (await served.span(SpanKind.CLIENT)).attributes["rpc.response.status_code"] == "CANCELLED"


async def test_clients_that_vanish_in_the_middle_of_a_send_close_the_generator(world: Any, until: Any) -> None:
    endless = Endless()
    served = await world(endless.stream, "unary_stream")
    for _ in range(20):  # now and then the failed send is seen before the cancel
        channel = grpc.aio.insecure_channel(served.target)
        await served.stub_of(channel, "unary_stream")(StringValue(), timeout=30).read()
        endless.closed = False
        await channel.close()
        await until(lambda: endless.closed)
    await until(lambda: len(served.lines) == 20)
    assert {line["code"] for line in served.lines} == {"CANCELLED"}


async def test_a_stream_that_never_yields_may_be_a_coroutine(world: Any) -> None:
    async def unbuilt(request: Any, context: Any) -> None:
        raise NotImplementedError

    served = await world(unbuilt, "unary_stream")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.stub("unary_stream")(StringValue(), timeout=5).read()
    assert remote_error(caught.value).reason == "UNIMPLEMENTED"


async def test_both_ways_answers_travel_while_requests_still_come(world: Any) -> None:
    async def echo(requests: Any, context: Any) -> AsyncIterator[StringValue]:
        async for request in requests:
            yield request

    served = await world(echo, "stream_stream")
    call = served.stub("stream_stream")(timeout=5)
    for value in ("a", "b"):
        await call.write(StringValue(value=value))
        assert (await call.read()).value == value
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF


async def test_a_watch_needs_no_deadline_and_ends_with_the_drain(world: Any, until: Any) -> None:
    closed = asyncio.Event()

    async def watch(request: Any, context: Any) -> AsyncIterator[StringValue]:
        try:
            yield StringValue(value="snapshot")
            await asyncio.sleep(30)
        finally:
            closed.set()

    served = await world(watch, "unary_stream", name="WatchThings")
    async with grpc.aio.insecure_channel(served.target) as plain:
        call = served.stub_of(plain, "unary_stream", "WatchThings")(StringValue())
        assert (await call.read()).value == "snapshot"
        assert await served.server.stop(20), "a watch must not hold up the drain"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
    error = remote_error(caught.value)
    assert (error.code, error.reason) == (StatusCode.UNAVAILABLE, "DRAINING")
    assert error.retry_after is not None
    assert closed.is_set()


async def test_stop_returns_after_cancelled_handlers_have_cleaned_up(world: Any, until: Any) -> None:
    cleaned = asyncio.Event()

    async def slow(request: Any, context: Any) -> StringValue:
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.2)
            cleaned.set()
        return StringValue()

    served = await world(slow)
    call = served.stub("unary_unary")(StringValue(), timeout=30)
    await until(lambda: served.server.drain.running == 1)
    assert await served.server.stop(0)
    assert cleaned.is_set()
    with pytest.raises(grpc.aio.AioRpcError):
        await call
