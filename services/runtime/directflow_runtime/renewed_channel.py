"""A channel whose certificates are renewed: grpc.aio channels keep their credentials, so it is another channel then.

The new one takes over when it is connected, so that no call waits for it or fails where the other side does not know
the new authority yet, not even while the old one is down: it may come back, and the new one may not. Only a certificate
that has expired is given up for one that is not connected. The old channel goes when its last call has ended, be it a
stream of hours.
"""

import asyncio
import contextvars
import time
from collections.abc import Callable
from typing import Any, Final

import grpc

from directflow_runtime.logging import get_logger
from directflow_runtime.pem import Pem
from directflow_runtime.tls import CertificateFiles

LOOK_EVERY_S: Final = 1.0
"""At the files; by a task, since a client that makes no call must be ready for one after its certificate's end."""
LOOK_WHILE_CONNECTING_S: Final = 0.1
"""Between two looks at a channel that is not connected yet."""
LINGER_S: Final = 1.0
"""From the last call's end to the channel's: a status may be provisional (see client_tracing)."""

_READY: Final = grpc.ChannelConnectivity.READY
_FAILING: Final = grpc.ChannelConnectivity.TRANSIENT_FAILURE


class _Generation:
    """One channel, how many calls it carries, and until when they are somebody's."""

    def __init__(self, channel: Any, ends_at: float) -> None:
        self.channel = channel
        self.running = 0
        self._ends_at = ends_at
        self._when_idle: Callable[[], object] | None = None

    def began(self, call: Any) -> None:
        self.running += 1
        call.add_done_callback(self._ended)

    def has_expired(self) -> bool:
        return time.time() >= self._ends_at

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
        self._newest = self._generation(files.first)
        self._candidate: _Generation | None = None
        self._overtaken: set[_Generation] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._told_that_it_fails = False
        self._closed = False
        self._log = get_logger(__name__)
        self._spawn(self._watch())

    @property
    def open_channels(self) -> int:
        """Of grpc: more than one while a renewed one connects, or calls go on that began before a renewal."""
        return 1 + len(self._overtaken) + (self._candidate is not None)

    def newest(self) -> _Generation:
        """What a new call is made on."""
        # The watch may be late, as after a suspended machine's night, and the candidate may have nobody to connect to.
        if self._newest.has_expired() and not self._closed:
            self._look()
            self._take_over()
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
        left = [self._newest, *self._overtaken, *([self._candidate] if self._candidate else [])]
        await asyncio.gather(*(one.channel.close(grace) for one in left))

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

    def _generation(self, pem: Pem) -> _Generation:
        return _Generation(self._open(pem), pem.ends_at())

    async def _watch(self) -> None:
        """Until `close`."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S if self._candidate is None else LOOK_WHILE_CONNECTING_S)
            try:
                self._look()
                self._try_candidate()
            except Exception as error:  # the task must not end: the next certificate would never be taken up
                self._log.warning("renewed certificates were not looked at", error=type(error).__name__)

    def _look(self) -> None:
        fresh = self._files.renewed()
        if fresh is None:
            return
        if self._candidate is not None:
            self._retire_when_idle(self._candidate)
        self._candidate, self._told_that_it_fails = self._generation(fresh), False

    def _try_candidate(self) -> None:
        if self._candidate is None:
            return
        state = self._candidate.channel.get_state(try_to_connect=True)
        if state is _READY:
            self._take_over()
        elif state is _FAILING and not self._told_that_it_fails:
            self._told_that_it_fails = True
            self._log.warning("renewed certificates do not connect: the ones before stay in use")

    def _take_over(self) -> None:
        if self._candidate is None:
            return
        old, self._newest, self._candidate = self._newest, self._candidate, None
        self._retire_when_idle(old)

    def _retire_when_idle(self, old: _Generation) -> None:
        self._overtaken.add(old)
        old.once_idle(lambda: self._begin_to_retire(old))

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
