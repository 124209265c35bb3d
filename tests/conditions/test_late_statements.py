"""Lanes in which a statement is late: whom it holds up, who is asked again, and how much is in flight at once."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from directflow_conditions.condition import Condition, SqlQuery
from directflow_conditions.lanes import lane
from directflow_conditions.lanes.aside import MOST_LATE
from directflow_conditions.lanes.lanes import LaneLimits, Lanes
from directflow_conditions.policies import RAW_CODES, Raw
from directflow_conditions.questions import Answer, Failure, Outcomes, Question, QuestionSet
from directflow_runtime.calls import Call, call_scope
from directflow_runtime.errors import DirectFlowError, StatusCode
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracer

LATE_S = 0.05
SECONDS = 20.0
AT_ONCE = MOST_LATE + 2
PREMIUM = Condition("workspaces/w/conditions/premium", SqlQuery("workspaces/w/connections/main", "SELECT 1"))
OTHER = Condition("workspaces/w/conditions/other", SqlQuery("workspaces/w/connections/main", "SELECT 2"))
TRUE = [Answer(Raw.TRUE)]
TIMEOUT = Failure("STATEMENT_TIMEOUT", "too slow")
AWAY = DirectFlowError(StatusCode.UNAVAILABLE, "GATEWAY_UNAVAILABLE", "away")


def answered(asked: QuestionSet) -> list[Outcomes]:
    return [Outcomes(bytes([RAW_CODES[Raw.TRUE]]) * len(asked.profile_ids), {})]


@dataclass
class Gateway:
    """Answers TRUE after `seconds`; a statement with an endless profile ends when `released` is set."""

    endless: set[str] = field(default_factory=set)
    seconds: float = 0.0
    asked: list[list[str]] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)
    reply: Callable[[QuestionSet], list[Outcomes]] = answered
    """What a statement with an endless profile ends with."""

    async def ask(self, questions: QuestionSet, timeout: float | None = None) -> Sequence[Outcomes]:
        people = list(questions.profile_ids)
        self.asked.append(people)
        self.moments.append(time.monotonic())
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.seconds)
            if not self.endless.isdisjoint(people):
                await self.released.wait()
                return self.reply(questions)
            return answered(questions)
        finally:
            self.in_flight -= 1


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def lanes(gateway: Gateway) -> Lanes:
    return Lanes(gateway, NoOpTracer(), LaneLimits(1_024, 10_000, 100, LATE_S))


def begin(lanes: Lanes, *people: object, condition: Condition = PREMIUM) -> list[asyncio.Task[Sequence[Answer]]]:
    """A caller for each, who arrives in this order in the next turn of the event loop."""

    async def ask(person: str) -> Sequence[Answer]:
        call = Call(time.monotonic() + SECONDS, "flows", frozenset({"*"}), "0" * 32, "0" * 16, "s/m")
        with call_scope(call):
            return await lanes.ask(Question((condition,), person, {}))

    return [asyncio.create_task(ask(str(person))) for person in people]


async def all_of(tasks: Sequence[asyncio.Task[Any]]) -> list[Any]:
    async with asyncio.timeout(SECONDS):
        return await asyncio.gather(*tasks, return_exceptions=True)


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not reached():  # noqa: ASYNC110  what it waits for is in another task's hands
            await asyncio.sleep(0.002)


async def nothing_is_left(lanes: Lanes, gateway: Gateway) -> None:
    await until(lambda: len(lanes) == 0)
    assert gateway.in_flight == 0


async def test_a_lone_caller_is_asked_once_however_slow_it_is(lanes: Lanes, gateway: Gateway) -> None:
    gateway.endless = {"slow"}
    (slow,) = begin(lanes, "slow")
    await asyncio.sleep(3 * LATE_S)
    gateway.released.set()
    assert await slow == TRUE
    assert gateway.asked == [["slow"]]
    await nothing_is_left(lanes, gateway)


async def test_who_comes_while_a_late_statement_is_in_flight_is_asked_beside_it(lanes: Lanes, gateway: Gateway) -> None:
    gateway.endless = {"slow"}
    (slow, *rest) = begin(lanes, "slow", 1, 2, 3)
    assert await all_of(rest) == [TRUE] * 3
    for _ in range(3):
        assert await all_of(begin(lanes, 4)) == [TRUE]
    assert not slow.done()
    gateway.released.set()
    assert await slow == TRUE
    assert gateway.asked == [["slow"], ["1", "2", "3"], ["4"], ["4"], ["4"]]
    await nothing_is_left(lanes, gateway)


@pytest.mark.parametrize("count", [1, 5, 63, 600])
async def test_the_neighbours_of_a_slow_profile_in_one_statement_are_answered_without_it(
    lanes: Lanes, gateway: Gateway, count: int
) -> None:
    gateway.endless = {"slow"}
    first, slow, *rest = begin(lanes, "first", "slow", *range(count))
    assert await all_of([first, *rest]) == [TRUE] * (count + 1)
    assert not slow.done()
    rounds = len([people for people in gateway.asked if "slow" in people])
    assert rounds <= 5  # of 600: 601, 76, 10, 2, 1
    assert len(gateway.asked) <= 1 + 8 * rounds
    assert gateway.most_in_flight <= AT_ONCE
    await until(lambda: ["slow"] in gateway.asked)
    gateway.released.set()
    assert await slow == TRUE
    await nothing_is_left(lanes, gateway)


async def test_a_statement_that_takes_its_callers_late_is_late_when_they_have_waited(
    lanes: Lanes, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event loop was busy: were it late before it has callers, nobody would ever be asked again."""

    async def busy() -> None:
        await asyncio.sleep(3 * LATE_S)

    monkeypatch.setattr(lane, "_while_busy", busy)
    gateway.endless = {"slow"}
    first, slow, *rest = begin(lanes, "first", "slow", *range(5))
    assert await all_of([first, *rest]) == [TRUE] * 6
    slow.cancel()
    await nothing_is_left(lanes, gateway)


async def test_equal_questions_are_asked_again_in_one_part(lanes: Lanes, gateway: Gateway) -> None:
    gateway.endless = {"slow"}
    tasks = begin(lanes, "first", "slow", *(number % 3 for number in range(30)))
    assert await all_of([tasks[0], *tasks[2:]]) == [TRUE] * 31
    await until(lambda: ["slow"] in gateway.asked)
    assert Counter(map(tuple, gateway.asked[2:])) == {("slow",): 1, ("0",): 1, ("1",): 1, ("2",): 1}
    gateway.released.set()
    assert await tasks[1] == TRUE


async def test_a_condition_that_is_slow_for_everybody_does_not_become_a_statement_for_each(
    lanes: Lanes, gateway: Gateway
) -> None:
    gateway.seconds = 4 * LATE_S
    tasks = begin(lanes, *range(64))
    for number in range(64, 128):
        await asyncio.sleep(LATE_S / 32)
        tasks += begin(lanes, number)
    assert await all_of(tasks) == [TRUE] * 128
    assert gateway.most_in_flight <= AT_ONCE + 1  # one that is given up may still be ending
    assert len(gateway.asked) <= 16
    assert min(len(people) for people in gateway.asked[1:8]) > 1
    await nothing_is_left(lanes, gateway)


async def test_once_everybody_is_known_to_be_slow_nobody_is_asked_twice(lanes: Lanes, gateway: Gateway) -> None:
    gateway.seconds = 4 * LATE_S
    tasks = begin(lanes, *range(8))
    await asyncio.sleep(3 * LATE_S)
    tasks += begin(lanes, *range(8, 16))  # under way when the first ones are answered, so that the lane goes on
    await all_of(tasks[:8])
    tasks += begin(lanes, *range(16, 32))
    assert await all_of(tasks) == [TRUE] * 32
    asked = Counter(person for people in gateway.asked for person in people)
    assert [asked[str(number)] for number in range(16, 32)] == [1] * 16


async def test_profiles_that_never_end_take_a_bounded_number_of_statements(lanes: Lanes, gateway: Gateway) -> None:
    gateway.endless = {f"slow{number}" for number in range(20)}
    tasks = begin(lanes, *sorted(gateway.endless), *range(20))
    await asyncio.sleep(20 * LATE_S)
    assert gateway.most_in_flight <= AT_ONCE + 1
    for task in tasks[:20]:
        task.cancel()
    assert await all_of(tasks[20:]) == [TRUE] * 20
    await nothing_is_left(lanes, gateway)


async def test_as_many_endless_profiles_as_there_is_room_for_hold_nobody_up(lanes: Lanes, gateway: Gateway) -> None:
    endless = [f"slow{number}" for number in range(MOST_LATE + 1)]
    gateway.endless = set(endless)
    slow = []
    for number, person in enumerate(endless):
        one, *rest = begin(lanes, person, *range(10 * number, 10 * number + 10))
        slow.append(one)
        assert await all_of(rest) == [TRUE] * 10
    assert await all_of(begin(lanes, *range(100, 110))) == [TRUE] * 10
    assert gateway.most_in_flight <= AT_ONCE + 1
    gateway.released.set()
    assert await all_of(slow) == [TRUE] * len(endless)
    await nothing_is_left(lanes, gateway)


async def test_a_question_that_a_late_statement_asks_waits_for_its_end_and_is_asked_anew(
    lanes: Lanes, gateway: Gateway
) -> None:
    """Not among others, whom it would hold up; and never answered by what was read before it was asked."""
    gateway.endless = {"slow"}
    (first,) = begin(lanes, "slow")
    assert await all_of(begin(lanes, 1)) == [TRUE]
    again = begin(lanes, "slow", "slow", 2)
    assert await all_of(again[2:]) == [TRUE]
    assert await all_of(begin(lanes, 3)) == [TRUE]
    assert gateway.asked == [["slow"], ["1"], ["2"], ["3"]]
    gateway.released.set()
    assert await all_of([first, *again]) == [TRUE] * 4
    assert gateway.asked[4:] == [["slow"]]
    await nothing_is_left(lanes, gateway)


async def test_that_the_time_ran_out_among_others_is_no_answer_for_one_who_is_being_asked_alone(
    lanes: Lanes, gateway: Gateway
) -> None:
    def share_is_over(asked: QuestionSet) -> list[Outcomes]:
        if len(asked.profile_ids) == 1:
            return answered(asked)
        raw = bytes(RAW_CODES[Raw.ERROR if one in gateway.endless else Raw.TRUE] for one in asked.profile_ids)
        return [Outcomes(raw, {raw.index(RAW_CODES[Raw.ERROR]): TIMEOUT})]

    gateway.endless, gateway.reply = {"slow"}, share_is_over
    first, slow, *rest = begin(lanes, "first", "slow", 1, 2, 3)
    assert await all_of([first, *rest]) == [TRUE] * 4
    gateway.released.set()
    assert await slow == TRUE


async def test_an_error_of_a_late_statement_is_not_told_to_those_who_are_being_asked_again(
    lanes: Lanes, gateway: Gateway
) -> None:
    def fails(asked: QuestionSet) -> list[Outcomes]:
        if len(asked.profile_ids) > 10:
            raise AWAY
        return answered(asked)

    gateway.endless, gateway.reply = {"slow"}, fails
    tasks = begin(lanes, "first", "slow", *range(20))
    await until(lambda: len(gateway.asked) > 2)  # the first part, which is late in its turn
    gateway.released.set()
    assert await all_of(tasks) == [TRUE] * 22
    await nothing_is_left(lanes, gateway)


async def test_an_error_of_the_last_statement_for_a_caller_is_told(lanes: Lanes, gateway: Gateway) -> None:
    def fails(asked: QuestionSet) -> list[Outcomes]:
        raise AWAY

    gateway.endless, gateway.reply = {"slow"}, fails
    first, slow, *rest = begin(lanes, "first", "slow", *range(20))
    await until(lambda: ["slow"] in gateway.asked)
    assert await all_of([first, *rest]) == [TRUE] * 21
    gateway.released.set()
    assert (await all_of([slow]))[0].reason == "GATEWAY_UNAVAILABLE"
    await nothing_is_left(lanes, gateway)


async def test_an_error_of_a_part_is_not_told_while_the_late_statement_goes_on(lanes: Lanes, gateway: Gateway) -> None:
    async def ask(questions: QuestionSet, timeout: float | None = None) -> Sequence[Outcomes]:
        gateway.asked.append(list(questions.profile_ids))
        await asyncio.sleep(0)
        if len(gateway.asked) > 2:
            raise AWAY
        if len(gateway.asked) == 2:
            await gateway.released.wait()
        return answered(questions)

    gateway.ask = ask  # type: ignore[method-assign]
    tasks = begin(lanes, *range(10))
    await until(lambda: len(gateway.asked) > 6)  # the parts of nine: two, two, two, two and one
    assert [task.done() for task in tasks] == [True] + [False] * 9
    gateway.released.set()
    assert await all_of(tasks) == [TRUE] * 10


async def test_a_caller_that_leaves_takes_all_statements_that_were_for_it_alone_with_it(
    lanes: Lanes, gateway: Gateway
) -> None:
    gateway.endless = {"slow"}
    tasks = begin(lanes, "first", "slow", 1, 2)
    await until(lambda: ["slow"] in gateway.asked)
    assert await all_of([tasks[0], *tasks[2:]]) == [TRUE] * 3
    assert gateway.in_flight == 2
    tasks[1].cancel()
    await nothing_is_left(lanes, gateway)


async def test_a_first_caller_that_leaves_late_lets_those_behind_it_be_asked(lanes: Lanes, gateway: Gateway) -> None:
    gateway.endless = {"slow"}
    slow, again, other = begin(lanes, "slow", "slow", 1)
    assert await all_of([other]) == [TRUE]
    slow.cancel()
    await until(lambda: gateway.asked.count(["slow"]) == 2)
    gateway.released.set()
    assert await again == TRUE
    await nothing_is_left(lanes, gateway)


async def test_closing_ends_what_is_late_and_who_is_to_be_asked_again(lanes: Lanes, gateway: Gateway) -> None:
    gateway.endless = {"slow", "slower"}
    tasks = begin(lanes, "first", "slow", "slower", *range(40))
    await until(lambda: len([people for people in gateway.asked if "slow" in people]) > 1)
    tasks += begin(lanes, "late")
    await lanes.aclose()
    ended = await all_of(tasks)
    assert {one if isinstance(one, list) and one == TRUE else one.reason for one in ended if one != TRUE} == {
        "DRAINING"
    }
    await nothing_is_left(lanes, gateway)


async def test_the_wait_that_a_callers_span_tells_is_the_one_before_its_first_statement(gateway: Gateway) -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    tracer = provider.get_tracer("test")
    lanes = Lanes(gateway, tracer, LaneLimits(1_024, 10_000, 100, LATE_S))
    gateway.endless = {"slow"}

    async def traced(person: str) -> None:
        with tracer.start_as_current_span(person, record_exception=False):
            await asyncio.gather(*begin(lanes, person))

    began = time.monotonic()
    tasks = [asyncio.create_task(traced(person)) for person in ("first", "slow", "1")]
    await all_of([tasks[0], tasks[2]])
    (neighbour,) = (span for span in spans.get_finished_spans() if span.name == "1")
    assert neighbour.attributes is not None
    waited_ms = neighbour.attributes["directflow.lane.wait_ms"]
    assert isinstance(waited_ms, float)
    assert 0 < waited_ms / 1000 < gateway.moments[1] - began
    gateway.released.set()
    await all_of(tasks)


async def test_a_blocked_lane_leaves_room_for_the_others_of_its_workspace(gateway: Gateway) -> None:
    lanes = Lanes(gateway, NoOpTracer(), LaneLimits(1_024, 100, 100, SECONDS))
    gateway.endless = {"slow"}
    blocked = begin(lanes, "slow", *range(100))
    refused = await all_of(blocked[60:])
    assert {getattr(error, "reason", error) for error in refused} == {"OVERLOADED"}
    assert await all_of(begin(lanes, *range(20), condition=OTHER)) == [TRUE] * 20
    gateway.released.set()
    assert (await all_of(blocked[:51])) == [TRUE] * 51
    await nothing_is_left(lanes, gateway)


@pytest.mark.parametrize("seed", range(4))
async def test_whoever_is_slow_and_whoever_leaves_everybody_else_is_answered_and_nothing_is_left(
    gateway: Gateway, seed: int
) -> None:
    chance = random.Random(seed)
    lanes = Lanes(gateway, NoOpTracer(), LaneLimits(64, 100_000, 100, 0.01))
    gateway.endless = {"1", "2"}
    gateway.seconds = 0.001
    tasks: dict[asyncio.Task[Any], str] = {}
    for _ in range(1_500):
        person = str(chance.randrange(200))
        (task,) = begin(lanes, person)
        tasks[task] = person
        if chance.random() < 0.2:
            await asyncio.sleep(chance.random() * 0.004)
        if chance.random() < 0.1:
            chance.choice(list(tasks)).cancel()
    healthy = [task for task, person in tasks.items() if person not in gateway.endless]
    assert {type(one) for one in await all_of(healthy)} <= {list, asyncio.CancelledError}
    assert gateway.most_in_flight <= AT_ONCE + 1
    gateway.released.set()
    assert {type(one) for one in await all_of(list(tasks))} <= {list, asyncio.CancelledError}
    await nothing_is_left(lanes, gateway)
