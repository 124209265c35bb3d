"""The kinds of calls that are compared, and what each variant tells its services."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from random import Random

import grpc
from directflow.segments.v1 import audience_service_pb2 as segments_pb
from directflow.segments.v1 import audience_service_pb2_grpc as segments_grpc

from benchmarks.conditions.calls import DEADLINE_S, evaluate_one, evaluation_stub, in_flight
from benchmarks.conditions.lone_caller import calls_of
from benchmarks.conditions.tables import PREMIUM_EVERY, WORKSPACE
from benchmarks.measuring import Job, Target, WrongResult
from benchmarks.stand import Reporting, Stack

CONCURRENCY = 64
OFF, OFF_AGAIN = "neither traces nor metrics", "the same once more: the noise"
TRACED, COUNTED = "every call traced", "metrics, pushed each second"

Jobs = Callable[[str, Stack, int], AbstractAsyncContextManager[Job]]
"""By the variant's name, its services and the number of users: the job, ready to run."""


def variants(collector: str) -> dict[str, Reporting]:
    """By name. A share of the calls costs that share: none of them samples."""
    endpoint = f'otlp_endpoint = "http://{collector}"\n'
    return {
        OFF: Reporting(),
        TRACED: Reporting(endpoint + "sampled_per_s = 0\n", "[metrics]\notlp = false\n"),
        COUNTED: Reporting(endpoint + "sample_ratio = 0\n", "[metrics]\nexport_interval_s = 1\n"),
        OFF_AGAIN: Reporting(),
    }


def _target(name: str, most: float) -> Target | None:
    return Target(1 / most, OFF, f"at most {most - 1:.0%} slower") if name in (TRACED, COUNTED) else None


@asynccontextmanager
async def many(name: str, at: Stack, users: int) -> AsyncIterator[Job]:
    """EvaluateCondition, always as many in flight."""
    async with evaluation_stub(at.conditions.address) as stub:
        chosen = Random(7)

        async def ask() -> None:
            user = chosen.randint(1, users)
            await evaluate_one(stub, "premium", user, user % PREMIUM_EVERY == 0)

        async def work(count: int) -> None:
            await in_flight(CONCURRENCY, (ask for _ in range(count)))

        yield Job(name, work, step=CONCURRENCY * 5, target=_target(name, 1.10))


@asynccontextmanager
async def lone(name: str, at: Stack, users: int) -> AsyncIterator[Job]:
    """EvaluateCondition, one after the other."""
    async with evaluation_stub(at.conditions.address) as stub:
        yield Job(name, calls_of(stub, users), step=50, target=_target(name, 1.10))


@asynccontextmanager
async def streams(name: str, at: Stack, users: int) -> AsyncIterator[Job]:
    """StreamAudience of all users."""
    options = [("grpc.max_receive_message_length", -1)]
    async with grpc.aio.insecure_channel(at.segments.address, options=options) as channel:
        stream = partial(_stream, segments_grpc.AudienceServiceStub(channel).StreamAudience, users)
        yield Job(name, stream, step=users, most=users, target=_target(name, 1.05))


async def _stream(method: Callable[..., AsyncIterator[segments_pb.StreamAudienceResponse]], users: int, _: int) -> None:
    request = segments_pb.StreamAudienceRequest(
        target=segments_pb.Target(data_source=f"{WORKSPACE}/dataSources/people"),
        encoding=segments_pb.ENCODING_ARROW,
    )
    rows = 0
    async for message in method(request, timeout=DEADLINE_S):
        rows += message.batch.row_count
    if rows != users:
        raise WrongResult(f"{rows} rows instead of {users}")
