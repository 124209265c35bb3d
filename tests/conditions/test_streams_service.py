"""StreamEvaluations over real gRPC: order, bounds, endings."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest
from directflow.conditions.v1 import evaluation_service_pb2 as wire
from directflow.conditions.v1 import evaluation_service_pb2_grpc as stubs
from directflow.gateway.v1 import query_service_pb2 as gateway_wire
from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.remote import RemoteError, remote_error

PREMIUM = "workspaces/acme/conditions/premium"
SECONDS = 20.0
TRUE, FALSE, ERROR = 1, 2, 6
Request = wire.StreamEvaluationsRequest
Ask = Callable[..., Awaitable[Any]]


def start(condition: str = PREMIUM) -> Request:
    variables = {"plan": sql_pb2.Value(text="premium")}
    return Request(start=wire.EvaluationStart(condition=condition, variables=variables))


def profiles(*ids: str) -> Request:
    return Request(profiles=wire.ProfileColumns(profile_ids=ids))


async def echo(asked: gateway_wire.EvaluateSetRequest) -> gateway_wire.EvaluateSetResponse:
    """TRUE for ids that begin with `t`, ERROR for `e`, FALSE for the rest."""
    ids = asked.tuples.columns[0].texts
    outcomes = [{"t": TRUE, "e": ERROR}.get(profile[0], FALSE) for profile in ids]
    errors = [
        gateway_wire.TupleError(index=index, reason="DATA_ERROR", message="stored data")
        for index, outcome in enumerate(outcomes)
        if outcome == ERROR
    ]
    return gateway_wire.EvaluateSetResponse(outcomes=outcomes, errors=errors)


async def all_of(call: Any) -> list[wire.StreamEvaluationsResponse]:
    return [message async for message in call]


async def broken_off(call: Any) -> tuple[list[str | None], RemoteError]:
    """What came before the error, and the error."""
    received = []
    try:
        async for message in call:
            received.append(message.WhichOneof("message"))
    except grpc.aio.AioRpcError as error:
        return received, remote_error(error)
    raise AssertionError("the stream ended without an error")


async def failure(call: Any) -> RemoteError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await all_of(call)
    return remote_error(caught.value)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110  what it waits for is in another task's hands
            await asyncio.sleep(0.005)


async def test_one_batch_for_each_message_in_order_and_then_the_summary(ask: Ask, gateway: Any) -> None:
    stub = await ask()

    async def later_ones_first(asked: gateway_wire.EvaluateSetRequest) -> gateway_wire.EvaluateSetResponse:
        await asyncio.sleep(0.05 if asked.tuples.columns[0].texts[0] == "t1" else 0)
        return await echo(asked)

    gateway.reply = later_ones_first
    sent = [start(), profiles("t1", "f1"), profiles("f2"), profiles("t2", "e1", "t3")]
    *batches, last = await all_of(stub.StreamEvaluations(iter(sent), timeout=SECONDS))
    assert [list(one.evaluations.raw) for one in batches] == [[TRUE, FALSE], [FALSE], [TRUE, ERROR, TRUE]]
    assert [error.index for error in batches[2].evaluations.errors] == [1]
    assert last.summary == wire.EvaluationsSummary(profile_count=6, true_count=3, false_count=2, error_count=1)


async def test_a_stream_without_profiles_is_a_summary_of_nobody(ask: Ask, gateway: Any) -> None:
    stub = await ask()
    (only,) = await all_of(stub.StreamEvaluations(iter([start()]), timeout=SECONDS))
    assert only.WhichOneof("message") == "summary"
    assert only.summary == wire.EvaluationsSummary()
    assert gateway.requests == []


async def test_a_caller_may_wait_for_an_answer_before_it_sends_more(ask: Ask, gateway: Any) -> None:
    gateway.reply = echo
    call = (await ask()).StreamEvaluations(timeout=SECONDS)
    await call.write(start())
    for profile in ("t1", "f1", "t2"):
        await call.write(profiles(profile))
        answer = await call.read()
        assert list(answer.evaluations.raw) == [TRUE if profile[0] == "t" else FALSE]
    await call.done_writing()
    assert (await call.read()).summary.profile_count == 3
    assert await call.code() is grpc.StatusCode.OK


@pytest.mark.parametrize(
    ("sent", "field"),
    [([], "start"), ([profiles("1")], "start"), ([Request()], "start"), ([start(), start()], "profiles")],
)
async def test_the_first_message_is_the_start_and_no_other_is(
    ask: Ask, sent: list[Request], field: str, gateway: Any
) -> None:
    error = await failure((await ask()).StreamEvaluations(iter(sent), timeout=SECONDS))
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert [violation.field for violation in error.violations] == [field]
    assert gateway.requests == []


async def test_an_unknown_condition_is_refused_before_any_profile_is_sent(ask: Ask) -> None:
    call = (await ask()).StreamEvaluations(timeout=SECONDS)
    await call.write(start(PREMIUM + "2"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert remote_error(caught.value).reason == "CONDITION_NOT_FOUND"


async def test_profiles_that_are_refused_in_the_middle_end_the_stream_behind_what_was_answered(
    ask: Ask, gateway: Any
) -> None:
    gateway.reply = echo
    stub = await ask()
    ragged = profiles("1", "2")
    ragged.profiles.variable_names.append("plan")
    ragged.profiles.variable_columns.append(sql_pb2.Column(texts=["a"]))
    call = stub.StreamEvaluations(iter([start(), profiles("t1"), ragged, profiles("t2")]), timeout=SECONDS)
    received, error = await broken_off(call)
    assert error.reason == "INVALID_REQUEST"
    assert received == ["evaluations"]


async def test_an_error_of_the_database_ends_the_stream_with_a_status_and_no_summary(ask: Ask, gateway: Any) -> None:
    async def away_for_x(asked: gateway_wire.EvaluateSetRequest) -> gateway_wire.EvaluateSetResponse:
        if asked.tuples.columns[0].texts[0] == "x":
            raise DirectFlowError(StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE", "away", retry_after=1.0)
        return await echo(asked)

    gateway.reply = away_for_x
    stub = await ask()
    call = stub.StreamEvaluations(iter([start(), profiles("t1"), profiles("x"), profiles("t2")]), timeout=SECONDS)
    received, error = await broken_off(call)
    assert received == ["evaluations"]
    assert error.metadata["gateway_reason"] == "DATABASE_UNREACHABLE"


async def test_no_more_messages_are_read_than_may_be_in_flight(serve: Any, gateway: Any) -> None:
    held = asyncio.Event()

    async def hold(asked: gateway_wire.EvaluateSetRequest) -> gateway_wire.EvaluateSetResponse:
        await held.wait()
        return await echo(asked)

    gateway.reply = hold
    stub = await _stub(serve, max_stream_messages=2)
    sent = [start(), *(profiles(f"t{number}") for number in range(20))]
    call = stub.StreamEvaluations(iter(sent), timeout=SECONDS)
    reading = asyncio.ensure_future(all_of(call))
    await until(lambda: len(gateway.requests) == 2)
    await asyncio.sleep(0.1)  # a third one would be here by now
    assert len(gateway.requests) == 2
    held.set()
    assert len(await reading) == 21


async def test_a_caller_that_does_not_read_stops_the_work(serve: Any, gateway: Any) -> None:
    gateway.reply = echo
    stub = await _stub(serve, max_stream_messages=2)

    async def endless() -> AsyncIterator[Request]:
        yield start()
        while True:
            yield profiles(*["t"] * 10_000)

    call = stub.StreamEvaluations(endless(), timeout=SECONDS)
    assert (await call.read()).evaluations.raw
    counts = [0, len(gateway.requests)]
    async with asyncio.timeout(SECONDS):
        while counts[-1] != counts[-2]:  # until the buffers between us are full: some MiB, 20 kB a message
            await asyncio.sleep(0.3)
            counts.append(len(gateway.requests))
    call.cancel()


async def test_a_caller_that_leaves_ends_the_statements(ask: Ask, gateway: Any) -> None:
    async def never(_: gateway_wire.EvaluateSetRequest) -> gateway_wire.EvaluateSetResponse:
        await asyncio.sleep(60)
        raise AssertionError

    gateway.reply = never
    call = (await ask()).StreamEvaluations(iter([start(), profiles("1")]), timeout=SECONDS)
    reading = asyncio.ensure_future(all_of(call))
    await until(lambda: bool(gateway.requests))
    call.cancel()
    async with asyncio.timeout(SECONDS):
        await gateway.cancelled.wait()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_the_streams_deadline_ends_it(ask: Ask, gateway: Any) -> None:
    async def never(_: gateway_wire.EvaluateSetRequest) -> gateway_wire.EvaluateSetResponse:
        await asyncio.sleep(60)
        raise AssertionError

    gateway.reply = never
    error = await failure((await ask()).StreamEvaluations(iter([start(), profiles("1")]), timeout=0.5))
    assert error.code is StatusCode.DEADLINE_EXCEEDED


async def _stub(serve: Any, **evaluation: Any) -> Any:
    condition = {
        "name": PREMIUM,
        "connection": "workspaces/acme/connections/main",
        "sql": "SELECT plan = '<%= plan %>' AS result FROM users WHERE id = '<%= profile_id %>'",
    }
    return stubs.EvaluationServiceStub(await serve(conditions=[condition], evaluation=evaluation))
