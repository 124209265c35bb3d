"""Lanes by themselves: who shares a statement with whom, in which turn, and what is left behind."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest
from directflow_conditions.condition import Condition, SqlQuery, Value
from directflow_conditions.lanes.lanes import LaneLimits, Lanes
from directflow_conditions.lanes.statement_span import MAX_LINKS
from directflow_conditions.policies import RAW_CODES, Raw
from directflow_conditions.questions import Answer, Outcomes, Question, QuestionSet
from directflow_runtime.calls import Call, call_scope, current_call
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.settings import TelemetrySettings
from directflow_runtime.telemetry import telemetry
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, get_current_span, set_span_in_context

PREMIUM = Condition("workspaces/w/conditions/premium", SqlQuery("workspaces/w/connections/main", "SELECT 1"))
LIMITS = LaneLimits(max_batch=4, max_waiting=1_000, max_lanes=100)


class HeldGateway:
    """Answers TRUE for everybody, but not before it is opened."""

    def __init__(self) -> None:
        self.asked: list[QuestionSet] = []
        self.open = asyncio.Event()
        self.in_call: list[bool] = []

    async def ask(self, questions: QuestionSet, timeout: float | None = None) -> Sequence[Outcomes]:
        self.asked.append(questions)
        self.in_call.append(_in_call())
        await self.open.wait()
        return [Outcomes(bytes([RAW_CODES[Raw.TRUE]]) * len(questions.profile_ids), {})]


def _in_call() -> bool:
    try:
        current_call()
    except LookupError:
        return False
    return True


@pytest.fixture
def gateway() -> HeldGateway:
    return HeldGateway()


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(spans: InMemorySpanExporter) -> TracerProvider:
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(SimpleSpanProcessor(spans))
    return made


@pytest.fixture
def lanes(gateway: HeldGateway, provider: TracerProvider) -> Lanes:
    return Lanes(gateway, provider.get_tracer("test"), LIMITS)


def call(identity: str = "flows", may_define: bool = False, seconds: float = 30.0) -> Call:
    everywhere = frozenset({"*"})
    return Call(time.monotonic() + seconds, identity, everywhere, "0" * 32, "0" * 16, "s/m", may_define)


async def ask(
    lanes: Lanes, person: str, asked_by: Call | None = None, condition: Condition = PREMIUM, **values: Value
) -> Sequence[Answer]:
    with call_scope(asked_by or call()):
        return await lanes.ask(Question((condition,), person, values))


async def start(*coroutines: Any) -> list[asyncio.Task[Any]]:
    """All of them, the first one's statement in flight before the second one comes."""
    tasks = []
    for coroutine in coroutines:
        tasks.append(asyncio.create_task(coroutine))
        for _ in range(3):
            await asyncio.sleep(0)
    return tasks


def people(gateway: HeldGateway) -> list[list[str]]:
    return [list(asked.profile_ids) for asked in gateway.asked]


async def test_a_statement_takes_no_more_callers_than_the_cap_and_the_rest_go_next(
    lanes: Lanes, gateway: HeldGateway
) -> None:
    tasks = await start(*(ask(lanes, str(number)) for number in range(10)))
    gateway.open.set()
    await asyncio.gather(*tasks)
    assert people(gateway) == [["0"], ["1", "2", "3", "4"], ["5", "6", "7", "8"], ["9"]]


async def test_identities_take_turns_so_that_one_with_many_callers_holds_up_nobody(
    lanes: Lanes, gateway: HeldGateway
) -> None:
    busy = [ask(lanes, f"busy{number}", call("busy")) for number in range(7)]
    quiet = [ask(lanes, f"quiet{number}", call("quiet")) for number in range(2)]
    tasks = await start(*busy, *quiet)
    gateway.open.set()
    await asyncio.gather(*tasks)
    assert people(gateway)[1] == ["busy1", "quiet0", "busy2", "quiet1"]
    assert people(gateway)[2] == ["busy3", "busy4", "busy5", "busy6"]


async def test_rights_are_never_mixed(lanes: Lanes, gateway: HeldGateway) -> None:
    author, flows = call(may_define=True), call(may_define=False)
    tasks = await start(*(ask(lanes, str(number), who) for number, who in enumerate([author, flows] * 3)))
    gateway.open.set()
    await asyncio.gather(*tasks)
    assert sorted(people(gateway)) == [["0"], ["1"], ["2", "4"], ["3", "5"]]


async def test_a_new_revision_is_another_lane(lanes: Lanes, gateway: HeldGateway) -> None:
    newer = Condition(PREMIUM.name, PREMIUM.definition, revision=2)
    tasks = await start(ask(lanes, "1"), ask(lanes, "1", condition=newer))
    assert [asked.conditions[0].revision for asked in gateway.asked] == [0, 2]
    gateway.open.set()
    await asyncio.gather(*tasks)


async def test_zero_and_minus_zero_are_two_questions(lanes: Lanes, gateway: HeldGateway) -> None:
    tasks = await start(ask(lanes, "0", x=1.0), ask(lanes, "1", x=0.0), ask(lanes, "1", x=-0.0), ask(lanes, "1", x=0.0))
    gateway.open.set()
    await asyncio.gather(*tasks)
    assert [repr(cell) for cell in gateway.asked[1].columns["x"]] == ["0.0", "-0.0"]  # type: ignore[union-attr]


async def test_idle_lanes_vanish_and_no_answer_outlives_its_statement(lanes: Lanes, gateway: HeldGateway) -> None:
    gateway.open.set()
    for _ in range(2):
        assert await ask(lanes, "1") == [Answer(Raw.TRUE)]
        await asyncio.sleep(0)
    assert people(gateway) == [["1"], ["1"]]
    assert len(lanes) == 0


async def test_a_caller_that_is_gone_before_its_statement_began_leaves_the_lane_usable(
    lanes: Lanes, gateway: HeldGateway
) -> None:
    task = asyncio.create_task(ask(lanes, "1"))
    await asyncio.sleep(0)  # it has joined; the statement's task has not taken its first step
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    gateway.open.set()
    assert await ask(lanes, "2") == [Answer(Raw.TRUE)]
    await asyncio.sleep(0)
    assert len(lanes) == 0


async def test_ten_thousand_callers_at_random_leave_nothing_behind(gateway: HeldGateway, provider: Any) -> None:
    lanes = Lanes(gateway, provider.get_tracer("test"), LaneLimits(64, 100_000, 100))
    gateway.open.set()
    tasks = [asyncio.create_task(ask(lanes, str(number % 50))) for number in range(10_000)]
    for number, task in enumerate(tasks):
        if number % 3 == 0:
            task.cancel()
        if number % 100 == 0:
            await asyncio.sleep(0)
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(one) for one in ended} <= {list, asyncio.CancelledError}
    await asyncio.sleep(0)
    assert len(lanes) == 0


async def test_long_values_of_many_callers_do_not_make_one_giant_statement(lanes: Lanes, gateway: HeldGateway) -> None:
    long = "x" * 500_000
    tasks = await start(*(ask(lanes, str(number), text=f"{number}{long}") for number in range(5)))
    gateway.open.set()
    await asyncio.gather(*tasks)
    assert people(gateway) == [["0"], ["1", "2"], ["3", "4"]]


async def test_errors_are_objects_of_their_own(gateway: HeldGateway, lanes: Lanes) -> None:
    async def refuse(questions: QuestionSet, timeout: float | None = None) -> Sequence[Outcomes]:
        await gateway.open.wait()
        raise DirectFlowError(StatusCode.UNAVAILABLE, "GATEWAY_UNAVAILABLE", "away", retry_after=1.0)

    gateway.ask = refuse  # type: ignore[method-assign]
    tasks = await start(*(ask(lanes, str(number)) for number in range(3)))
    gateway.open.set()
    errors = await asyncio.gather(*tasks, return_exceptions=True)
    assert len({id(error) for error in errors}) == 3
    assert {(error.reason, error.retry_after) for error in errors if isinstance(error, DirectFlowError)} == {
        ("GATEWAY_UNAVAILABLE", 1.0)
    }


async def test_closing_ends_who_still_waits(lanes: Lanes, gateway: HeldGateway) -> None:
    first, second, third = await start(*(ask(lanes, person) for person in "123"))
    first.cancel()  # as the server does with its handlers
    await asyncio.sleep(0.01)
    assert people(gateway) == [["1"], ["2", "3"]]
    (fourth,) = await start(ask(lanes, "4"))
    await lanes.aclose()
    errors = await asyncio.gather(second, third, fourth, return_exceptions=True)
    assert [getattr(error, "reason", error) for error in errors] == ["DRAINING"] * 3
    assert len(lanes) == 0


async def test_a_shared_statement_belongs_to_no_call_and_links_to_all_of_its_callers(
    lanes: Lanes, gateway: HeldGateway, provider: TracerProvider, spans: InMemorySpanExporter
) -> None:
    tracer = provider.get_tracer("test")

    async def traced(person: str) -> None:
        with tracer.start_as_current_span(person):
            await ask(lanes, person)

    tasks = await start(traced("0"), traced("1"), traced("2"))
    gateway.open.set()
    await asyncio.gather(*tasks)
    assert gateway.in_call == [True, False]
    done = spans.get_finished_spans()
    callers = {span.name: span for span in done if span.name != "evaluate together"}
    (shared,) = (span for span in done if span.name == "evaluate together")
    assert shared.parent is None
    assert {link.context.span_id for link in shared.links} == {callers[name].context.span_id for name in "12"}
    assert {name: [link.context.span_id for link in callers[name].links] for name in "012"} == {
        "0": [],
        "1": [shared.context.span_id],
        "2": [shared.context.span_id],
    }
    assert shared.attributes["directflow.batch.callers"] == 2
    assert [callers[name].attributes.get("directflow.lane.wait_ms", 0) > 0 for name in "012"] == [False, True, True]


async def test_a_shared_statement_is_recorded_when_one_caller_is_however_many_others_are_not(
    gateway: HeldGateway, spans: InMemorySpanExporter
) -> None:
    async with telemetry(TelemetrySettings(sample_ratio=0), "directflow-test", SimpleSpanProcessor(spans)) as traces:
        tracer = traces.tracer("test")
        lanes = Lanes(gateway, tracer, LaneLimits(max_batch=1024, max_waiting=1_000, max_lanes=100))

        async def traced(number: int, flags: TraceFlags) -> None:
            caller = NonRecordingSpan(SpanContext(1 + number, 7, True, flags))
            with tracer.start_as_current_span(str(number), set_span_in_context(caller)):
                await ask(lanes, str(number))

        many = MAX_LINKS + 10
        others = [traced(number, TraceFlags(0)) for number in range(many)]
        tasks = await start(*others, traced(many, TraceFlags(TraceFlags.SAMPLED)))
        gateway.open.set()
        await asyncio.gather(*tasks)
    done = {span.name: span for span in spans.get_finished_spans()}
    recorded, shared = done[str(many)], done["evaluate together"]
    assert shared.links[0].context.span_id == recorded.context.span_id
    assert [link.context.span_id for link in recorded.links] == [shared.context.span_id]
    assert len(shared.links) == MAX_LINKS


async def test_a_shared_statement_that_nobody_waits_for_any_more_ends_as_cancelled(
    lanes: Lanes, gateway: HeldGateway, provider: TracerProvider, spans: InMemorySpanExporter
) -> None:
    async def traced(person: str) -> None:
        with provider.get_tracer("test").start_as_current_span(person, record_exception=False):
            await ask(lanes, person)

    first, second, third = await start(traced("0"), traced("1"), traced("2"))
    first.cancel()
    await asyncio.sleep(0.01)
    second.cancel()
    third.cancel()
    await asyncio.gather(first, second, third, return_exceptions=True)
    await asyncio.sleep(0.01)
    (shared,) = (span for span in spans.get_finished_spans() if span.name == "evaluate together")
    assert shared.attributes["error.type"] == "CANCELLED"


@pytest.mark.parametrize("others", [0, 1, 2])
async def test_a_caller_that_leaves_while_it_waits_tells_how_long_and_links_to_the_statement_it_waited_for(
    lanes: Lanes, gateway: HeldGateway, provider: TracerProvider, spans: InMemorySpanExporter, others: int
) -> None:
    """In flight is the first caller's own statement, that of one who waited for it, or one that two share."""

    async def traced(person: str) -> None:
        with provider.get_tracer("test").start_as_current_span(person, record_exception=False):
            await ask(lanes, person)

    before = await start(*(traced(str(number)) for number in range(others + 1)))
    if others:
        before[0].cancel()
        await asyncio.sleep(0.01)
    (late,) = await start(traced("late"))
    late.cancel()
    await asyncio.gather(late, return_exceptions=True)
    gateway.open.set()
    await asyncio.gather(*before, return_exceptions=True)
    done = {span.name: span for span in spans.get_finished_spans()}
    waited_for = ["0", "1", "evaluate together"][others]
    assert done["late"].attributes["directflow.lane.wait_ms"] > 0
    assert [link.context.span_id for link in done["late"].links] == [done[waited_for].context.span_id]


async def test_callers_that_wait_when_the_replica_ends_tell_how_long(
    lanes: Lanes, provider: TracerProvider, spans: InMemorySpanExporter
) -> None:
    async def traced(person: str) -> None:
        with provider.get_tracer("test").start_as_current_span(person, record_exception=False):
            await ask(lanes, person)

    first, second = await start(traced("0"), traced("1"))
    await lanes.aclose()
    await asyncio.gather(second, return_exceptions=True)
    (waited,) = spans.get_finished_spans()
    assert (waited.name, "directflow.lane.wait_ms" in waited.attributes, len(waited.links)) == ("1", True, 1)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)


async def test_a_lone_callers_statement_is_in_its_callers_trace(
    lanes: Lanes, gateway: HeldGateway, provider: TracerProvider
) -> None:
    current = []

    async def look(questions: QuestionSet, timeout: float | None = None) -> Sequence[Outcomes]:
        current.append(get_current_span())
        return [Outcomes(bytes([RAW_CODES[Raw.TRUE]]), {})]

    gateway.ask = look  # type: ignore[method-assign]
    with provider.get_tracer("test").start_as_current_span("caller") as caller:
        await ask(lanes, "1")
    assert current == [caller]


async def test_a_statement_of_one_who_had_to_wait_is_in_its_callers_trace_as_well(
    lanes: Lanes, gateway: HeldGateway, provider: TracerProvider, spans: InMemorySpanExporter
) -> None:
    async def traced(person: str) -> None:
        with provider.get_tracer("test").start_as_current_span(person):
            await ask(lanes, person)

    tasks = await start(traced("0"), traced("1"))
    gateway.open.set()
    await asyncio.gather(*tasks)
    assert {span.name for span in spans.get_finished_spans()} == {"0", "1"}
