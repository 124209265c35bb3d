"""From start to exit: NOT_SERVING until ready, serving, and on SIGTERM lame duck, drain, clean-up, exit code.

The order on SIGTERM: health says NOT_SERVING at once; for the lame duck new calls are still served, since it takes a
cluster seconds to hear of it; then new calls are refused, watches end, and running calls have the grace; then whatever
the service opened is closed in reverse order.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import uvloop

from directflow_runtime.announce import announce, withdraw
from directflow_runtime.health import HealthServer
from directflow_runtime.logging import get_logger
from directflow_runtime.server import RpcServer
from directflow_runtime.settings import ServerSettings
from directflow_runtime.stopping import Stop

COLLECTOR = (10_000, 20, 20)
"""Rounds of the garbage collector: the youngest generation after ten thousand objects, not seven hundred. A call makes
hundreds, and nearly all of them go without the collector."""
CLOSE_S = 10.0
"""For closing pools and channels at the end: a database that hangs must not hang the exit."""


async def at_once() -> None:
    """Ready without waiting for anything."""


@dataclass(frozen=True, slots=True)
class App:
    """What a composition root hands over."""

    server: RpcServer
    service_names: tuple[str, ...] = ()
    """Full names of its gRPC services, for health."""
    ready: Callable[[], Awaitable[None]] = at_once
    """Awaited before the port opens, such as for the first load of the definitions."""


Build = Callable[[AsyncExitStack], Awaitable[App]]
"""`app.build` with its settings bound. What it opens goes onto the stack, which is closed in reverse order."""


def run(build: Build, settings: ServerSettings, service: str) -> int:
    """Serves until SIGTERM, SIGINT or the end of the parent; returns the exit code, 0 after a clean drain.

    `service` is what the announce file says: "directflow-gateway".
    """
    # A tenth less time for every call of grpc.aio than on asyncio's own loop; it is the same loop to everybody else.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(serve(build, settings, service))


async def serve(build: Build, settings: ServerSettings, service: str) -> int:
    """`run`, inside of an event loop that is there already."""
    asyncio.get_running_loop().set_exception_handler(log_loop_error)
    stop = Stop()
    async with stop.listening(settings.parent_pid):
        opened = AsyncExitStack()
        try:
            clean = await _Process(stop, opened, settings, service).serve(build)
        finally:
            closed = await _close(opened)
        return 0 if clean and closed else 1


def settle_garbage() -> None:
    """What stands after the start lives as long as the process: the collector need not look at it on every round."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR)


def log_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """asyncio's own handler prints the exception, whose message may hold values."""
    get_logger("asyncio").error(context["message"], exc_info=context.get("exception"))


class _Process:
    """One process of one service."""

    def __init__(self, stop: Stop, opened: AsyncExitStack, settings: ServerSettings, service: str) -> None:
        self._stop = stop
        self._opened = opened
        self._settings = settings
        self._service = service
        self._health = HealthServer(settings)
        self._log = get_logger(__name__)

    async def serve(self, build: Build) -> bool:
        """True when everything that ran was allowed to finish or cleaned up."""
        await self._health.start()
        self._opened.push_async_callback(self._health.stop)
        self._log.info("starting", health_port=self._health.port)
        app = await self._stop.unless(self._stop.wanted, self._start(build))
        if app is None:
            return True
        await self._health.set_serving(app.service_names)
        settle_garbage()
        self._announce(app)
        await self._stop.wanted.wait()
        return await self._drain(app)

    async def _start(self, build: Build) -> App:
        app = await build(self._opened)
        await app.ready()
        await app.server.start()
        self._opened.push_async_callback(app.server.stop, 0)  # where something fails before the drain
        return app

    def _announce(self, app: App) -> None:
        ports = {"port": app.server.port, "health_port": self._health.port}
        self._log.info("serving", **ports)
        if self._settings.announce_file is not None:
            announce(self._settings.announce_file, service=self._service, **ports)
            self._opened.callback(withdraw, self._settings.announce_file)

    async def _drain(self, app: App) -> bool:
        await self._health.set_not_serving()
        self._log.info("draining", cause=self._stop.cause, running=app.server.drain.running)
        if self._stop.cause == "SIGTERM":  # a cluster's way; at a terminal nobody has to hear of it first
            await self._stop.pause(self._settings.lame_duck_s)
        finished = await self._stop.unless(self._stop.at_once, app.server.stop(self._settings.drain_grace_s))
        if finished is None:
            finished = await app.server.stop(0)
        self._log.info("drained", finished=finished, running=app.server.drain.running)
        return finished


async def _close(opened: AsyncExitStack) -> bool:
    try:
        async with asyncio.timeout(CLOSE_S):
            await opened.aclose()
    except TimeoutError:
        get_logger(__name__).error("closing took too long", limit_s=CLOSE_S)
        return False
    return True
