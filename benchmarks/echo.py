"""A peer that does nothing: two grpc.aio server processes, the front one forwards each call to the back one.

It runs as a program too: `python -m benchmarks.echo LOOP` answers, `python -m benchmarks.echo LOOP HOST:PORT` forwards;
either prints its port and serves until its standard input ends. LOOP is `asyncio`, as a newcomer to grpc.aio has it, or
`uvloop`, as DirectFlow's services have it.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import uvloop
from grpc_health.v1 import health_pb2, health_pb2_grpc

from benchmarks.programs import program, until_parent_leaves

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@dataclass(frozen=True, slots=True)
class Echo:
    """Two hops to nothing."""

    address: str
    front: int
    """Process id of the one that forwards."""
    back: int
    """Process id of the one that answers."""


@asynccontextmanager
async def two_hops(loop: str = "asyncio") -> AsyncIterator[Echo]:
    """Both processes, for the length of the block, on that event loop."""
    module = "benchmarks.echo"
    async with (
        program(module, loop) as (back, back_port),
        program(module, loop, f"127.0.0.1:{back_port}") as (front, front_port),
    ):
        yield Echo(f"127.0.0.1:{front_port}", front, back)


class Answer(health_pb2_grpc.HealthServicer):
    """The back: SERVING, at once."""

    async def Check(self, request: Any, context: Any) -> Any:
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)


class Forward(health_pb2_grpc.HealthServicer):
    """The front: what the back says, with the caller's deadline."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._back = health_pb2_grpc.HealthStub(channel)

    async def Check(self, request: Any, context: Any) -> Any:
        return await self._back.Check(request, timeout=context.time_remaining())


async def serve(back: str = "") -> None:
    """Serves until standard input ends."""
    async with AsyncExitStack() as stack:
        server = grpc.aio.server()
        servicer = Answer()
        if back:
            servicer = Forward(await stack.enter_async_context(grpc.aio.insecure_channel(back)))
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        stack.push_async_callback(server.stop, None)
        await until_parent_leaves(port)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=LOOPS[sys.argv[1]]) as runner:
        runner.run(serve(*sys.argv[2:]))
