"""A call made while serving another one ends no later than that one."""

import asyncio
import time
from typing import Any

import grpc
import pytest
from directflow_runtime.calls import Call, call_scope, current_call
from directflow_runtime.client_tracing import CallTimeouts
from google.protobuf.wrappers_pb2 import StringValue

METHOD = "directflow.test.v1.TestService/Do"


def call(seconds: float) -> Call:
    deadline = time.monotonic() + seconds
    return Call(deadline, "segments", frozenset({"acme"}), "0" * 32, "0" * 16, METHOD)


async def test_inside_a_call_what_is_left_of_it_is_the_timeout() -> None:
    with call_scope(call(10)):
        assert 9 < (CallTimeouts(60).of(METHOD, None) or 0) <= 10


async def test_a_caller_may_ask_for_less_and_not_for_more() -> None:
    with call_scope(call(10)):
        assert CallTimeouts(60).of(METHOD, 3) == 3
        assert (CallTimeouts(60).of(METHOD, 30) or 0) <= 10


async def test_outside_of_any_call_the_default_counts() -> None:
    assert CallTimeouts(60).of(METHOD, None) == 60
    assert CallTimeouts(60).of(METHOD, 90) == 90


async def test_a_watch_has_the_deadline_it_asked_for() -> None:
    with call_scope(call(10)):
        assert CallTimeouts(60).of("directflow.test.v1.TestService/WatchThings", None) is None


async def test_a_passed_deadline_leaves_nothing_rather_than_a_negative_time() -> None:
    with call_scope(call(-5)) as late:
        assert late.remaining() == 0


def test_outside_of_any_call_there_is_no_current_call() -> None:
    with pytest.raises(LookupError):
        current_call()


async def test_the_second_hop_stops_before_the_first(world: Any) -> None:
    seen: list[float] = []

    async def inner(request: Any, context: Any) -> StringValue:
        seen.append(current_call().remaining())
        await asyncio.sleep(30)
        return StringValue()

    second = await world(inner)

    async def outer(request: Any, context: Any) -> StringValue:
        seen.append(current_call().remaining())
        return await second.stub("unary_unary")(StringValue())  # type: ignore[no-any-return]

    first = await world(outer)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await first.stub("unary_unary")(StringValue(), timeout=0.5)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert seen[1] < seen[0] < 0.5
    assert (await second.line())["code"] == (await first.line())["code"] == "DEADLINE_EXCEEDED"
