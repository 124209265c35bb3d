"""Runs in a pod, beside no test: calls through the Services until stdin ends, and prints what came of every call.

As JSON: `calls` and `failed` unary calls, `streams` that ended whole, `truncated` ones. A stream is read slowly, so
that some run when a pod goes; it is whole when its summary came and says as many people as there were.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import grpc
from directflow.conditions.v1 import evaluation_service_pb2 as evaluations
from directflow.conditions.v1 import evaluation_service_pb2_grpc as evaluation_stubs
from directflow.segments.v1 import audience_service_pb2 as audiences
from directflow.segments.v1 import audience_service_pb2_grpc as audience_stubs
from google.rpc import error_details_pb2
from grpc_status import rpc_status

ROUND_ROBIN = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})
OPTIONS = [
    ("grpc.service_config", ROUND_ROBIN),
    ("grpc.max_receive_message_length", -1),
    ("grpc.http2.bdp_probe", 0),  # else the window grows to megabytes, and a stream that we read slowly is all here
]
CALL_S = 10.0
STREAM_S = 240.0
MOST_TOLD = 40
DATA_SOURCE = "workspaces/demo/dataSources/communities"
STREAMED = "workspaces/demo/dataSources/wide"
CONDITION = "workspaces/demo/conditions/is_premium"


@dataclass
class Result:
    """What came of everything."""

    calls: int = 0
    failed: int = 0
    streams: int = 0
    truncated: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)
    slowest_ms: int = 0
    longest_stream_s: float = 0.0


class Load:
    """Unary calls at an even rate, and streams that follow each other, until `stop`."""

    def __init__(self, options: argparse.Namespace, segments: grpc.aio.Channel, conditions: grpc.aio.Channel) -> None:
        self.result = Result()
        self.stop = asyncio.Event()
        self._options = options
        self._audience = audience_stubs.AudienceServiceStub(segments)
        self._evaluation = evaluation_stubs.EvaluationServiceStub(conditions)
        self._started = time.monotonic()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(self._options.streams):
                tasks.create_task(self._streams(number))
            while not self.stop.is_set():
                tasks.create_task(self._unary("evaluate", self._evaluate))
                tasks.create_task(self._unary("personalize", self._personalize))
                await asyncio.sleep(2 / self._options.rate)

    async def _unary(self, kind: str, call: Callable[[], Awaitable[Any]]) -> None:
        began = time.monotonic()
        self.result.calls += 1
        try:
            await call()
        except grpc.aio.AioRpcError as error:
            self.result.failed += 1
            self._tell(kind, error)
        self.result.slowest_ms = max(self.result.slowest_ms, int((time.monotonic() - began) * 1000))

    async def _evaluate(self) -> None:
        profile = str(random.randint(1, 50_000))
        request = evaluations.EvaluateConditionRequest(condition=CONDITION, profile_id=profile)
        await self._evaluation.EvaluateCondition(request, timeout=CALL_S)

    async def _personalize(self) -> None:
        profile = str(random.randint(1, 50_000))
        request = audiences.GetPersonalizationRequest(data_source=DATA_SOURCE, profile_id=profile)
        await self._audience.GetPersonalization(request, timeout=CALL_S)

    async def _streams(self, number: int) -> None:
        await asyncio.sleep(number * self._options.stream_s / max(1, self._options.streams))
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                whole = await self._stream()
            except grpc.aio.AioRpcError as error:
                whole = False
                self._tell("stream", error, after_s=round(time.monotonic() - began, 2))
                await asyncio.sleep(0.2)
            self.result.streams += whole
            self.result.truncated += not whole
            self.result.longest_stream_s = max(self.result.longest_stream_s, round(time.monotonic() - began, 2))

    async def _stream(self) -> bool:
        """One audience, read at an even pace; whether it was whole."""
        target = audiences.Target(data_source=STREAMED)
        request = audiences.StreamAudienceRequest(target=target, encoding=audiences.ENCODING_ARROW)
        rows, summary, began = 0, None, time.monotonic()
        async for message in self._audience.StreamAudience(request, timeout=STREAM_S):
            rows += message.batch.row_count
            summary = message.summary if message.HasField("summary") else summary
            due = began + self._options.stream_s * rows / self._options.people
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        return summary is not None and summary.ledger.delivered.people == rows == self._options.people

    def _tell(self, kind: str, error: grpc.aio.AioRpcError, **more: Any) -> None:
        if len(self.result.errors) < MOST_TOLD:
            at = round(time.monotonic() - self._started, 2)
            told = {"at_s": at, "clock": time.strftime("%H:%M:%S"), "kind": kind, "code": error.code().name, **more}
            self.result.errors.append({**told, "reason": reason_of(error), "details": (error.details() or "")[:300]})


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """Of the ErrorInfo; empty where gRPC itself failed."""
    info = error_details_pb2.ErrorInfo()
    status = rpc_status.from_call(error)
    return info.reason if status and any(detail.Unpack(info) for detail in status.details) else ""


def credentials(directory: Path) -> grpc.ChannelCredentials:
    ca, key, certificate = ((directory / name).read_bytes() for name in ("ca.crt", "tls.key", "tls.crt"))
    return grpc.ssl_channel_credentials(ca, key, certificate)


async def main(options: argparse.Namespace) -> None:
    async with AsyncExitStack() as stack:
        channels = [
            await stack.enter_async_context(grpc.aio.secure_channel(target, credentials(options.tls), OPTIONS))
            for target in (options.segments, options.conditions)
        ]
        load = Load(options, *channels)
        running = asyncio.create_task(load.run())
        await asyncio.to_thread(sys.stdin.read)
        load.stop.set()
        await running
        print(json.dumps(asdict(load.result)))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--segments", required=True)
    parser.add_argument("--conditions", required=True)
    parser.add_argument("--tls", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=40.0, help="unary calls a second")
    parser.add_argument("--streams", type=int, default=2, help="that run at once")
    parser.add_argument("--stream-s", type=float, default=30.0, help="about how long a stream is read")
    parser.add_argument("--people", type=int, required=True, help="whom a whole stream delivers")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(parsed()))
