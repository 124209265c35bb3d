"""Calls of the conditions service, each checked: a fast wrong answer is no result."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from directflow.conditions.v1 import condition_service_pb2 as decisions
from directflow.conditions.v1 import evaluation_service_pb2 as pb
from directflow.conditions.v1 import evaluation_service_pb2_grpc as stubs

from benchmarks.conditions.tables import PREMIUM_EVERY, condition_name
from benchmarks.measuring import WrongResult

DEADLINE_S = 120.0
LARGEST_BATCH = 10_000


@asynccontextmanager
async def evaluation_stub(address: str) -> AsyncIterator[Any]:
    """The EvaluationService at that address."""
    async with grpc.aio.insecure_channel(address) as channel:
        yield stubs.EvaluationServiceStub(channel)


async def in_flight(width: int, calls: Iterable[Callable[[], Awaitable[object]]]) -> None:
    """Makes the calls, at most `width` at a time, each as soon as one has ended."""
    remaining = iter(calls)

    async def worker() -> None:
        for call in remaining:
            await call()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(width):
            tasks.create_task(worker())


@dataclass(frozen=True, slots=True)
class Batch:
    """A request, and what must come out."""

    request: pb.BatchEvaluateConditionsRequest
    true_count: int
    error_count: int = 0


def batch_of(condition: str, profile_ids: list[str], true_count: int, error_count: int = 0) -> Batch:
    """One condition for these profiles."""
    profiles = pb.ProfileColumns(profile_ids=profile_ids)
    request = pb.BatchEvaluateConditionsRequest(condition=condition_name(condition), profiles=profiles)
    return Batch(request, true_count, error_count)


def premium_batch(random_ids: random.Random, users: int) -> Batch:
    """10,000 random users, and how many of them are premium."""
    ids = [random_ids.randint(1, users) for _ in range(LARGEST_BATCH)]
    return batch_of("premium", [str(each) for each in ids], sum(each % PREMIUM_EVERY == 0 for each in ids))


async def evaluate_batch(stub: Any, batch: Batch) -> None:
    """One BatchEvaluateConditions. WrongResult where TRUE or ERROR is not as often as it must be."""
    response = await stub.BatchEvaluateConditions(batch.request, timeout=DEADLINE_S)
    decided = bytes(response.evaluations.decided)
    counted = decided.count(decisions.DECISION_TRUE), decided.count(decisions.DECISION_ERROR)
    if counted != (batch.true_count, batch.error_count):
        raise WrongResult(f"(TRUE, ERROR) {counted} instead of {(batch.true_count, batch.error_count)}")


async def evaluate_one(stub: Any, condition: str, profile_id: int, expected: bool) -> None:
    """One EvaluateCondition."""
    request = pb.EvaluateConditionRequest(condition=condition_name(condition), profile_id=str(profile_id))
    response = await stub.EvaluateCondition(request, timeout=DEADLINE_S)
    if (response.evaluation.decided == decisions.DECISION_TRUE) is not expected:
        raise WrongResult("EvaluateCondition answered the opposite")
