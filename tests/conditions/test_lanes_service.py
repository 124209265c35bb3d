"""Natural batching of single evaluations over real gRPC: what the gateway is asked, and what each caller gets."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from directflow.conditions.v1 import evaluation_service_pb2 as wire
from directflow.conditions.v1 import evaluation_service_pb2_grpc as stubs
from directflow.gateway.v1 import query_service_pb2 as gateway_wire
from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.remote import RemoteError, remote_error

SECONDS = 20.0
SQL = "SELECT plan = '<%= plan %>' AS result FROM users WHERE id = '<%= profile_id %>'"
Request = gateway_wire.EvaluateSetRequest
Response = gateway_wire.EvaluateSetResponse
TRUE, FALSE = 1, 2


def condition(name: str, workspace: str = "acme", **changes: Any) -> dict[str, Any]:
    connection = f"workspaces/{workspace}/connections/main"
    return {"name": f"workspaces/{workspace}/conditions/{name}", "connection": connection, "sql": SQL, **changes}


def people(asked: Request) -> list[str]:
    return list(asked.tuples.columns[0].texts)


def answer(asked: Request) -> Response:
    """TRUE for ids that begin with `t`."""
    return Response(outcomes=[TRUE if person.startswith("t") else FALSE for person in people(asked)])


class Gate:
    """Holds the statements about some conditions (all, where none is named) until it is opened."""

    def __init__(self, *held: str) -> None:
        self._held = held
        self.opened = asyncio.Event()

    async def __call__(self, asked: Request) -> Response:
        name = asked.statement.definition.rpartition("/")[2]
        if not self._held or name in self._held:
            await self.opened.wait()
        return answer(asked)


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not reached():  # noqa: ASYNC110  what it waits for is in another task's hands
            await asyncio.sleep(0.005)


@pytest.fixture
async def stub(serve: Callable[..., Awaitable[Any]]) -> Any:
    conditions = [condition("premium"), condition("other"), condition("premium", "rival")]
    return stubs.EvaluationServiceStub(await serve(conditions=conditions))


def ask(
    stub: Any, person: str, plan: Any = "premium", *, name: str = "premium", workspace: str = "acme", **options: Any
):  # type: ignore[no-untyped-def]
    value = plan if isinstance(plan, sql_pb2.Value) else sql_pb2.Value(text=plan)
    request = wire.EvaluateConditionRequest(
        condition=f"workspaces/{workspace}/conditions/{name}", profile_id=person, variables={"plan": value}
    )
    return stub.EvaluateCondition(request, **{"timeout": SECONDS, **options})


async def raw(call: Any) -> int:
    return (await call).evaluation.raw


async def failure(call: Awaitable[Any]) -> RemoteError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return remote_error(caught.value)


async def waiting(stub: Any, *calls: Any) -> list[asyncio.Future[int]]:
    """The calls, after time enough for all of them to wait in the service."""
    started = [asyncio.ensure_future(raw(call)) for call in calls]
    await asyncio.sleep(0.1)
    return started


async def test_a_lone_callers_statement_is_the_one_that_it_would_be_without_lanes(serve: Any, gateway: Any) -> None:
    for coalesce in (True, False):
        served = await serve(conditions=[condition("premium")], evaluation={"coalesce": coalesce})
        await ask(stubs.EvaluationServiceStub(served), "t1")
    together, alone = gateway.requests
    assert together == alone
    assert together.constants == {"plan": sql_pb2.Value(text="premium")}
    assert together.tuples.row_count == 1


async def test_whoever_comes_while_a_statement_is_in_flight_goes_with_the_next_and_nobody_waits_longer(
    stub: Any, gateway: Any
) -> None:
    gate = gateway.reply = Gate()
    first = asyncio.ensure_future(raw(ask(stub, "t0")))
    await until(lambda: len(gateway.requests) == 1)  # it left at once, alone
    rest = await waiting(stub, *(ask(stub, person) for person in ("f1", "t2", "f3", "t4")))
    assert len(gateway.requests) == 1
    gate.opened.set()
    assert [await first, *[await one for one in rest]] == [TRUE, FALSE, TRUE, FALSE, TRUE]
    assert [sorted(people(asked)) for asked in gateway.requests] == [["t0"], ["f1", "f3", "t2", "t4"]]


async def test_equal_questions_of_one_statement_are_asked_once(stub: Any, gateway: Any) -> None:
    gate = gateway.reply = Gate()
    first = asyncio.ensure_future(raw(ask(stub, "t0")))
    await until(lambda: len(gateway.requests) == 1)
    rest = await waiting(stub, *(ask(stub, person) for person in ("t1", "t1", "f2", "t1")))
    gate.opened.set()
    assert [await one for one in (first, *rest)] == [TRUE, TRUE, TRUE, FALSE, TRUE]
    assert sorted(people(gateway.requests[1])) == ["f2", "t1"]


async def test_a_value_that_differs_between_callers_is_a_column_and_one_that_does_not_a_constant(
    serve: Any, gateway: Any
) -> None:
    sql = "SELECT plan = <%= plan %> AND level > <%= level %> AS result FROM users WHERE id = <%= profile_id %>"
    served = await serve(conditions=[condition("premium", sql=sql)])
    stub: Any = stubs.EvaluationServiceStub(served)

    def asked_about(person: str, plan: str, level: int) -> Any:
        variables = {"plan": sql_pb2.Value(text=plan), "level": sql_pb2.Value(integer=level)}
        name = "workspaces/acme/conditions/premium"
        request = wire.EvaluateConditionRequest(condition=name, profile_id=person, variables=variables)
        return stub.EvaluateCondition(request, timeout=SECONDS)

    gate = gateway.reply = Gate()
    first = asyncio.ensure_future(raw(asked_about("t0", "a", 1)))
    await until(lambda: len(gateway.requests) == 1)
    rest = await waiting(stub, asked_about("t1", "a", 7), asked_about("f1", "b", 7), asked_about("t1", "b", 7))
    gate.opened.set()
    assert [await one for one in (first, *rest)] == [TRUE, TRUE, FALSE, TRUE]
    second = gateway.requests[1]
    assert second.constants == {"level": sql_pb2.Value(integer=7)}
    assert list(second.tuples.names) == ["profile_id", "plan"]
    rows = set(zip(second.tuples.columns[0].texts, second.tuples.columns[1].texts, strict=True))
    assert rows == {("t1", "a"), ("f1", "b"), ("t1", "b")}


async def test_values_of_different_kinds_never_share_a_statement(stub: Any, gateway: Any) -> None:
    gate = gateway.reply = Gate()
    values = [
        sql_pb2.Value(text="1"),
        sql_pb2.Value(integer=1),
        sql_pb2.Value(boolean=True),
        sql_pb2.Value(number=1.0),
        sql_pb2.Value(null=True),
        sql_pb2.Value(list=sql_pb2.ValueList(values=[sql_pb2.Value(integer=1)])),
        sql_pb2.Value(list=sql_pb2.ValueList(values=[sql_pb2.Value(boolean=True)])),
    ]
    started = [asyncio.ensure_future(raw(ask(stub, "t1", value))) for value in values]
    await until(lambda: len(gateway.requests) == len(values))
    gate.opened.set()
    assert [await one for one in started] == [TRUE] * len(values)
    sent = [asked.constants["plan"].SerializeToString() for asked in gateway.requests]
    assert sorted(sent) == sorted(value.SerializeToString() for value in values)


async def test_two_workspaces_never_share_a_statement_and_neither_do_two_conditions(stub: Any, gateway: Any) -> None:
    gate = gateway.reply = Gate()
    calls = [ask(stub, "t1"), ask(stub, "t1", workspace="rival"), ask(stub, "t1", name="other")]
    started = [asyncio.ensure_future(raw(call)) for call in calls]
    await until(lambda: len(gateway.requests) == 3)
    gate.opened.set()
    assert [await one for one in started] == [TRUE, TRUE, TRUE]
    assert {asked.statement.connection for asked in gateway.requests} == {
        "workspaces/acme/connections/main",
        "workspaces/rival/connections/main",
    }


async def test_a_slow_condition_delays_nobody_elses_lane(stub: Any, gateway: Any) -> None:
    gate = gateway.reply = Gate("other")
    slow = asyncio.ensure_future(raw(ask(stub, "t1", name="other")))
    await until(lambda: len(gateway.requests) == 1)
    for _ in range(3):
        assert await raw(ask(stub, "t1")) == TRUE
    assert not slow.done()
    gate.opened.set()
    assert await slow == TRUE


async def test_a_caller_whose_deadline_passes_leaves_at_its_own_time_and_its_neighbours_stay(
    stub: Any, gateway: Any
) -> None:
    gate = gateway.reply = Gate()
    first = asyncio.ensure_future(raw(ask(stub, "t0")))
    await until(lambda: len(gateway.requests) == 1)
    queued = asyncio.ensure_future(raw(ask(stub, "t1")))
    error = await failure(ask(stub, "t2", timeout=0.3))
    assert (error.code, error.reason) == (StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
    assert not first.done()
    gate.opened.set()
    assert [await first, await queued] == [TRUE, TRUE]
    assert people(gateway.requests[1]) == ["t1"]  # nobody asks for who has left


async def test_a_statement_gets_the_time_of_its_most_patient_caller(stub: Any, gateway: Any) -> None:
    gate = gateway.reply = Gate()
    first = asyncio.ensure_future(raw(ask(stub, "t0", timeout=SECONDS)))
    await until(lambda: len(gateway.requests) == 1)
    rest = await waiting(stub, ask(stub, "t1", timeout=5), ask(stub, "t2", timeout=15), ask(stub, "t3", timeout=5))
    gate.opened.set()
    assert [await one for one in (first, *rest)] == [TRUE] * 4
    assert 10 < gateway.seconds[1] < 15


async def test_one_caller_that_leaves_does_not_end_the_statement_of_the_others(stub: Any, gateway: Any) -> None:
    alone, together = Gate(), Gate()

    async def reply(asked: Request) -> Response:
        return await (alone if people(asked) == ["t0"] else together)(asked)

    gateway.reply = reply
    first = asyncio.ensure_future(raw(ask(stub, "t0")))
    await until(lambda: len(gateway.requests) == 1)
    leaving = ask(stub, "t1")
    gone, stays = await waiting(stub, leaving, ask(stub, "t2"))
    alone.opened.set()
    assert await first == TRUE
    await until(lambda: len(gateway.requests) == 2)
    leaving.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    await asyncio.sleep(0.1)  # a cancel of the statement would have arrived
    together.opened.set()
    assert await stays == TRUE
    assert not gateway.cancelled.is_set()


async def test_a_statement_that_all_callers_have_left_is_cancelled_and_the_lane_goes_on(
    stub: Any, gateway: Any
) -> None:
    gateway.reply = Gate()
    calls = [ask(stub, "t0")]  # a call is sent when it is made
    first = asyncio.ensure_future(raw(calls[0]))
    await until(lambda: len(gateway.requests) == 1)
    calls.append(ask(stub, "t1"))
    (second,) = await waiting(stub, calls[1])
    calls[0].cancel()
    async with asyncio.timeout(SECONDS):
        await gateway.cancelled.wait()
    await until(lambda: len(gateway.requests) == 2)  # the one behind it
    gateway.reply = answer_now
    assert await raw(ask(stub, "t2", name="other")) == TRUE
    calls[1].cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    assert await raw(ask(stub, "t2")) == TRUE


async def answer_now(asked: Request) -> Response:
    return answer(asked)


async def test_a_statements_error_is_told_to_each_of_its_callers(stub: Any, gateway: Any) -> None:
    gate = Gate()

    async def busy(asked: Request) -> Response:
        await gate.opened.wait()
        raise DirectFlowError(StatusCode.RESOURCE_EXHAUSTED, "POOL_SATURATED", "busy", retry_after=2.0)

    gateway.reply = busy
    calls = [asyncio.ensure_future(failure(ask(stub, "t0")))]
    await until(lambda: len(gateway.requests) == 1)
    calls += [asyncio.ensure_future(failure(ask(stub, f"t{number}"))) for number in range(1, 4)]
    await asyncio.sleep(0.1)
    gate.opened.set()
    errors = [await call for call in calls]
    assert {(error.code, error.metadata["gateway_reason"], error.retry_after) for error in errors} == {
        (StatusCode.RESOURCE_EXHAUSTED, "POOL_SATURATED", 2.0)
    }
    assert len({error.request_id for error in errors}) == 4
    assert len(gateway.requests) == 2


async def test_a_defect_is_internal_for_each_caller(stub: Any, gateway: Any) -> None:
    gateway.reply = Response()
    errors = await asyncio.gather(*(failure(ask(stub, f"t{number}")) for number in range(3)))
    assert {(error.code, error.reason) for error in errors} == {(StatusCode.INTERNAL, "INTERNAL")}


async def test_more_callers_of_a_workspace_than_may_wait_are_told_to_come_again(serve: Any, gateway: Any) -> None:
    conditions = [condition("premium"), condition("premium", "rival")]
    stub: Any = stubs.EvaluationServiceStub(await serve(conditions=conditions, evaluation={"max_waiting": 2}))
    gate = gateway.reply = Gate()
    started = await waiting(stub, ask(stub, "t0"), ask(stub, "t1"))
    error = await failure(ask(stub, "t2"))
    assert (error.code, error.reason) == (StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert error.retry_after is not None
    rival = asyncio.ensure_future(raw(ask(stub, "t0", workspace="rival")))
    gate.opened.set()
    assert [await one for one in (*started, rival)] == [TRUE] * 3
    assert await raw(ask(stub, "t2")) == TRUE


async def test_a_workspace_has_a_bounded_number_of_lanes(serve: Any, gateway: Any) -> None:
    conditions = [condition("premium"), condition("other")]
    stub: Any = stubs.EvaluationServiceStub(await serve(conditions=conditions, evaluation={"max_lanes": 1}))
    gate = gateway.reply = Gate()
    (first,) = await waiting(stub, ask(stub, "t0"))
    error = await failure(ask(stub, "t0", name="other"))
    assert (error.code, error.reason) == (StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    gate.opened.set()
    assert await first == TRUE
    assert await raw(ask(stub, "t0", name="other")) == TRUE


async def test_each_condition_of_several_goes_by_its_own_lane(stub: Any, gateway: Any) -> None:
    gate = gateway.reply = Gate("premium")
    first = asyncio.ensure_future(raw(ask(stub, "t0")))
    await until(lambda: len(gateway.requests) == 1)
    names = [f"workspaces/acme/conditions/{name}" for name in ("premium", "other")]
    both = wire.EvaluateConditionsRequest(
        conditions=names, profile_id="f1", variables={"plan": sql_pb2.Value(text="premium")}
    )
    several = asyncio.ensure_future(stub.EvaluateConditions(both, timeout=SECONDS))
    await until(lambda: len(gateway.requests) == 2)
    assert gateway.requests[1].statement.definition.endswith("other")
    (queued,) = await waiting(stub, ask(stub, "t2"))
    gate.opened.set()
    assert [evaluation.raw for evaluation in (await several).evaluations] == [FALSE, FALSE]
    assert [await first, await queued] == [TRUE, TRUE]
    assert sorted(people(gateway.requests[2])) == ["f1", "t2"]
