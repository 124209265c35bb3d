"""A channel whose certificates are renewed: grpc.aio channels keep their credentials, so it is another channel then.

The new one is connected before it takes over, so that no call waits for it or fails where the other side does not know
the new authority yet. The old one goes when its last call has ended, be it a stream of hours.
"""

import asyncio
import contextlib
import contextvars
import time
from collections.abc import Callable
from typing import Any, Final

import grpc

from directflow_runtime.logging import get_logger
from directflow_runtime.tls import CertificateFiles, Pem

LOOK_EVERY_S: Final = 1.0
LINGER_S: Final = 1.0
"""From the last call's end to the channel's: a status may be provisional (see client_tracing)."""

_READY: Final = grpc.ChannelConnectivity.READY
_FAILING: Final = grpc.ChannelConnectivity.TRANSIENT_FAILURE


class _Generation:
    """One channel, and how many calls it carries."""

    def __init__(self, channel: Any) -> None:
        self.channel = channel
        self.running = 0
        self._when_idle: Callable[[], object] | None = None

    def began(self, call: Any) -> None:
        self.running += 1
        call.add_done_callback(self._ended)

    def once_idle(self, do: Callable[[], object]) -> None:
        """At once, where no call is running."""
        self._when_idle = do
        self._tell()

    def _ended(self, call: Any) -> None:
        self.running -= 1
        self._tell()

    def _tell(self) -> None:
        if self._when_idle is not None and self.running == 0:
            self._when_idle()


class _Method:
    """One method of a stub, on whatever channel is the newest."""

    def __init__(self, renewed: "RenewedChannel", make: Callable[[Any], Callable[..., Any]]) -> None:
        self._renewed = renewed
        self._make = make
        self._generation = renewed.newest()
        self._start = make(self._generation.channel)

    def __call__(self, *request: Any, **options: Any) -> Any:
        """As grpc's own; returns grpc's own call."""
        newest = self._renewed.newest()
        if newest is not self._generation:
            self._generation, self._start = newest, self._make(newest.channel)
        call = self._start(*request, **options)
        newest.began(call)
        return call


class RenewedChannel:
    """What `TracedChannel` needs of a channel. It belongs to the event loop that it was made in."""

    def __init__(self, files: CertificateFiles, open_one: Callable[[Pem], Any]) -> None:
        self._files = files
        self._open = open_one
        self._look_at = time.monotonic() + LOOK_EVERY_S
        self._newest = _Generation(open_one(files.first))
        self._overtaken: set[_Generation] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._takeover: asyncio.Task[None] | None = None
        self._closed = False
        self._log = get_logger(__name__)

    @property
    def open_channels(self) -> int:
        """Of grpc: more than one while calls go on that began before a renewal."""
        return 1 + len(self._overtaken)

    def newest(self) -> _Generation:
        """What a new call is made on. Looks at the files where that was not done within the last second."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY_S
            self._look()
        return self._newest

    async def __aenter__(self) -> "RenewedChannel":
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        """As of any channel; those of an older certificate too."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(one.channel.close(grace) for one in (self._newest, *self._overtaken)))

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._newest.channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._newest.channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._newest.channel.channel_ready()

    def unary_unary(self, *args: Any, **options: Any) -> _Method:
        return _Method(self, lambda channel: channel.unary_unary(*args, **options))

    def unary_stream(self, *args: Any, **options: Any) -> _Method:
        return _Method(self, lambda channel: channel.unary_stream(*args, **options))

    def stream_unary(self, *args: Any, **options: Any) -> _Method:
        return _Method(self, lambda channel: channel.stream_unary(*args, **options))

    def stream_stream(self, *args: Any, **options: Any) -> _Method:
        return _Method(self, lambda channel: channel.stream_stream(*args, **options))

    def _look(self) -> None:
        if self._takeover is not None and not self._takeover.done():
            return  # it looks by itself
        fresh = self._files.renewed()
        if fresh is not None:
            self._takeover = self._spawn(self._take_over(fresh))

    async def _take_over(self, pem: Pem) -> None:
        fresh, told = _Generation(self._open(pem)), False
        try:
            while not await self._may_take_over(fresh):
                if not told and fresh.channel.get_state() is _FAILING:
                    told = True
                    self._log.warning("renewed certificates do not connect: the ones before stay in use")
                newer = self._files.renewed()
                if newer is not None:
                    await fresh.channel.close()
                    fresh, told = _Generation(self._open(newer)), False
        except BaseException:
            await fresh.channel.close()
            raise
        old, self._newest = self._newest, fresh
        self._overtaken.add(old)
        old.once_idle(lambda: self._begin_to_retire(old))

    async def _may_take_over(self, fresh: _Generation) -> bool:
        """True when new calls are no worse off on the fresh channel; waits a moment at most for that."""
        state = fresh.channel.get_state(try_to_connect=True)
        if state is _READY or self._newest.channel.get_state() is not _READY:
            return True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY_S):
                await fresh.channel.wait_for_state_change(state)
        return False

    def _begin_to_retire(self, old: _Generation) -> None:
        if not self._closed:  # calls that end because of `close` would leave a task that nobody waits for
            self._spawn(self._retire(old))

    async def _retire(self, old: _Generation) -> None:
        await asyncio.sleep(LINGER_S)
        await old.channel.close()
        self._overtaken.discard(old)

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        # In a context of its own: it goes on long after the call that happened to come first after a renewal.
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
