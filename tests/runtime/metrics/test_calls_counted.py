"""Every call is counted once, by the code and the reason that its caller really got."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from directflow_runtime.calls import note
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.identity import require_workspace
from directflow_runtime.metrics import Metrics
from directflow_runtime.metrics.names import (
    ADMISSION_REFUSED,
    CALLS_RUNNING,
    RPC_DURATION,
    STREAM_BYTES,
    STREAM_ROWS,
)
from google.protobuf.wrappers_pb2 import StringValue

METHOD = "directflow.test.v1.TestService/Do"
CANARY = "canary-c41f"


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(10, 10)


def calls(metrics: Metrics) -> dict[tuple[str, ...], int]:
    """How many ended in which way: method, code, reason."""
    ended = metrics.histogram(RPC_DURATION).distributions
    return {labels: sum(one.counts) for labels, one in ended.items()}


async def sleeps(request: StringValue, context: Any) -> StringValue:
    await asyncio.sleep(60)
    return request


async def echoes(request: StringValue, context: Any) -> StringValue:
    return request


async def overloaded(request: StringValue, context: Any) -> StringValue:
    raise DirectFlowError(StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", CANARY)


async def breaks(request: StringValue, context: Any) -> StringValue:
    raise KeyError(CANARY)


@pytest.mark.parametrize(
    ("handler", "timeout", "expected"),
    [
        (echoes, 10, ("OK", "")),
        (overloaded, 10, ("RESOURCE_EXHAUSTED", "OVERLOADED")),
        (breaks, 10, ("INTERNAL", "INTERNAL")),
        (sleeps, 0.1, ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")),
        (echoes, None, ("INVALID_ARGUMENT", "DEADLINE_REQUIRED")),
    ],
)
async def test_a_call_is_counted_by_how_it_ended(
    world: Any, until: Any, metrics: Metrics, handler: Any, timeout: float | None, expected: tuple[str, str]
) -> None:
    served = await world(handler, metrics=metrics)
    async with grpc.aio.insecure_channel(served.target) as plain:
        call = served.stub_of(plain, "unary_unary")(StringValue(value=CANARY), timeout=timeout)
        await asyncio.wait([asyncio.ensure_future(call.code())])
    await until(lambda: calls(metrics))
    assert calls(metrics) == {(METHOD, *expected): 1}
    assert CANARY not in repr([points for _, points in metrics.snapshot()])


async def test_a_caller_that_leaves_is_counted_as_cancelled(world: Any, until: Any, metrics: Metrics) -> None:
    served = await world(sleeps, metrics=metrics)
    call = served.stub("unary_unary")(StringValue(), timeout=30)
    task = asyncio.ensure_future(_ended(call))
    await until(lambda: running(metrics) == 1)
    call.cancel()
    await task
    await until(lambda: calls(metrics))
    assert calls(metrics) == {(METHOD, "CANCELLED", "CANCELLED"): 1}
    await until(lambda: running(metrics) == 0)


def running(metrics: Metrics) -> float:
    told = {named.name: points for named, points in metrics.snapshot()}
    return float(str(told[CALLS_RUNNING.name]["test",]))


async def _ended(call: Any) -> None:
    await asyncio.wait([asyncio.ensure_future(call.code())])


async def test_calls_that_there_was_no_room_for_are_counted_by_reason(world: Any, until: Any, metrics: Metrics) -> None:
    served = await world(overloaded, metrics=metrics)
    for _ in range(3):
        await _ended(served.stub("unary_unary")(StringValue(), timeout=10))
    await until(lambda: sum(calls(metrics).values()) == 3)
    assert metrics.counter(ADMISSION_REFUSED).totals == {("OVERLOADED",): 3}


async def test_a_streams_rows_and_bytes_are_counted_by_workspace(world: Any, until: Any, metrics: Metrics) -> None:
    async def three(request: StringValue, context: Any) -> AsyncIterator[StringValue]:
        require_workspace(request.value)
        for _ in range(3):
            yield request
        note(rows=30)

    served = await world(three, "unary_stream", metrics=metrics)
    message = StringValue(value="workspaces/acme/segments/vip")
    async for _ in served.stub("unary_stream")(message, timeout=10):
        pass
    await until(lambda: calls(metrics))
    assert metrics.counter(STREAM_ROWS).totals == {(METHOD, "acme"): 30}
    assert metrics.counter(STREAM_BYTES).totals == {(METHOD, "acme"): 3 * message.ByteSize()}


async def test_a_workspace_that_nothing_was_sent_of_has_no_series(world: Any, until: Any, metrics: Metrics) -> None:
    async def refused(request: StringValue, context: Any) -> AsyncIterator[StringValue]:
        require_workspace(request.value)
        raise DirectFlowError(StatusCode.NOT_FOUND, "NOT_FOUND", "no such workspace")
        yield request

    served = await world(refused, "unary_stream", metrics=metrics)
    await _ended(served.stub("unary_stream")(StringValue(value="workspaces/made-up/x/y"), timeout=10))
    await until(lambda: calls(metrics))
    assert metrics.counter(STREAM_BYTES).totals == {}


async def test_what_a_stream_has_sent_is_counted_while_it_runs_and_only_once(
    world: Any, until: Any, metrics: Metrics
) -> None:
    """A stream of an hour would otherwise be a peak at its end, and nothing before."""
    go_on = asyncio.Event()

    async def two(request: StringValue, context: Any) -> AsyncIterator[StringValue]:
        require_workspace(request.value)
        note(rows=10)
        yield request
        await go_on.wait()
        note(rows=30)
        yield request

    served = await world(two, "unary_stream", metrics=metrics)
    message = StringValue(value="workspaces/acme/segments/vip")
    call = served.stub("unary_stream")(message, timeout=10)
    await call.read()
    await until(lambda: STREAM_ROWS.name in {named.name for named, _ in metrics.snapshot()})  # a client may be faster
    for _ in range(2):
        assert sent(metrics) == (10, message.ByteSize())
    go_on.set()
    assert await call.read() == message
    assert await call.read() is grpc.aio.EOF
    await until(lambda: calls(metrics))
    assert sent(metrics) == (30, 2 * message.ByteSize())


def sent(metrics: Metrics) -> tuple[float, float]:
    told: Any = {named.name: points for named, points in metrics.snapshot()}
    return told[STREAM_ROWS.name][METHOD, "acme"], told[STREAM_BYTES.name][METHOD, "acme"]
