"""The sessions of one gateway replica on one customer's database."""

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Coroutine

from directflow_runtime.errors import DirectFlowError

from directflow_gateway.connections import Connection
from directflow_gateway.credentials import Keyring
from directflow_gateway.execution.cancel import settle
from directflow_gateway.execution.connection import GatewayConnection
from directflow_gateway.execution.watchdog import Watchdog
from directflow_gateway.pools.failures import again, overdue, saturated
from directflow_gateway.pools.opening import Opener

LIFE_S = 1800.0
"""A session is replaced after this time: what a backend caches of a large catalogue it never gives back."""
LIFE_JITTER = 0.2
IDLE_S = 300.0
"""A session that nobody needed for this long is closed."""


class DatabasePool:
    """At most `limits.pool_size` sessions, opened when needed, those of an outgoing credential included.

    Not psycopg_pool: that one hides why a login failed behind a timeout, goes on trying for minutes, and checks
    sessions with a round trip or not at all. Here a session that the server has closed is noticed without asking it.
    """

    def __init__(self, connection: Connection, keyring: Keyring, opener: Opener, watchdog: Watchdog) -> None:
        self.connection = connection
        self._keyring = keyring
        self._opener = opener
        self._watchdog = watchdog
        self._slots = asyncio.Semaphore(connection.limits.pool_size)
        self._idle: deque[GatewayConnection] = deque()
        self._generation = ""
        self._opening = asyncio.Lock()
        self._last_failure: tuple[float, DirectFlowError] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._reaper: asyncio.TimerHandle | None = None
        self._closed = False
        self._users = 0
        """Who has a session, or waits for one."""

    # --- leasing -------------------------------------------------------------------------------------------------

    async def acquire(self, deadline: float) -> GatewayConnection:
        """A session, until `release`. Raises DirectFlowError: POOL_SATURATED, DEADLINE_EXCEEDED, and what `Opener.open`
        raises. Whoever waits when the pool is closed is still served: his connection was changed, not his call."""
        self._users += 1
        self._keyring.begin_use()
        try:
            connection = await self._leased(deadline)
        except BaseException:
            self._user_left()
            raise
        connection.begin_lease(deadline)
        self._watchdog.add(connection.watch)
        return connection

    def release(self, connection: GatewayConnection) -> None:
        """Takes a session back in whatever state it is. Never waits: what has to be stopped is stopped in a task of the
        pool's, where no second cancel of the caller's can reach it; the slot is free when that is done."""
        if connection.wire.lost or connection.wire.idle:
            self._put_back(connection)
        else:
            self._run(self._settle(connection))

    def drain(self) -> None:
        """Closes the idle sessions: one turned out to be dead, so the others are."""
        while self._idle:
            self._idle.pop().abort()

    async def close(self) -> None:
        """Closes idle sessions now and leased ones when they come back. Waits for sessions that are being stopped, and
        not for users: what it takes to open sessions goes with the last of them."""
        self._closed = True
        if self._reaper is not None:
            self._reaper.cancel()
        while self._idle:
            self._idle.pop().leave()
        while self._tasks:
            await asyncio.wait(self._tasks)
        self._close_opener()

    # --- the narrow part -----------------------------------------------------------------------------------------

    async def _leased(self, deadline: float) -> GatewayConnection:
        await self._take_slot(deadline)
        try:
            async with _until(deadline):
                return await self._session()
        except BaseException:
            self._slots.release()
            raise

    def _user_left(self) -> None:
        self._users -= 1
        self._keyring.end_use()
        self._close_opener()

    def _close_opener(self) -> None:
        if self._closed and not self._users:
            self._opener.close()

    async def _take_slot(self, deadline: float) -> None:
        wait_s = min(self.connection.limits.acquire_timeout_s, deadline - time.monotonic())
        try:
            async with asyncio.timeout(wait_s):
                await self._slots.acquire()
        except TimeoutError:
            raise (overdue() if time.monotonic() >= deadline else saturated()) from None

    async def _session(self) -> GatewayConnection:
        try:
            self._follow((await self._keyring.credential()).generation)
        except DirectFlowError:
            # It has expired and its source is away: new logins would fail, and sessions that are there still work.
            if connection := self._reusable():
                return connection
            raise
        if connection := self._reusable():
            return connection
        asked_at = time.monotonic()
        opened: asyncio.Future[GatewayConnection] = asyncio.get_running_loop().create_future()
        self._run(self._open(opened, asked_at))
        try:
            return await opened
        except BaseException:
            if opened.done() and not opened.cancelled() and opened.exception() is None:
                self._keep(opened.result())  # it came in the moment in which the caller left
            raise

    def _follow(self, generation: str) -> None:
        """Sessions of an older credential are given to nobody any more; running ones end in their own time."""
        if generation != self._generation:
            self._generation = generation
            while self._idle:
                self._idle.pop().leave()

    def _reusable(self) -> GatewayConnection | None:
        """The idle session that was used last, so that what is not needed can grow old."""
        while self._idle:
            connection = self._idle.pop()
            if connection.wire.is_quiet():
                return connection
            connection.abort()
        return None

    async def _open(self, opened: "asyncio.Future[GatewayConnection]", asked_at: float) -> None:
        """Opens a session for the one who waits. One at a time: a wrong password must not be tried eight times at once.
        It goes on when the caller leaves, for the login's thread does: the session is then kept for the next one."""
        async with self._opening:
            if opened.done():
                return
            try:
                connection = self._reusable() or await self._new(asked_at)
            except DirectFlowError as error:
                if not opened.done():
                    opened.set_exception(error)
                return
        if opened.done():
            self._keep(connection)
        else:
            opened.set_result(connection)

    async def _new(self, asked_at: float) -> GatewayConnection:
        if self._last_failure is not None and self._last_failure[0] >= asked_at:
            raise again(self._last_failure[1])  # of an attempt that began while this one waited for its turn
        try:
            connection = await self._opener.open()
        except DirectFlowError as error:
            self._last_failure = (time.monotonic(), error)
            raise
        self._follow(connection.generation)
        return connection

    async def _settle(self, connection: GatewayConnection) -> None:
        try:
            await settle(connection)
        finally:
            self._put_back(connection)

    def _put_back(self, connection: GatewayConnection) -> None:
        self._watchdog.remove(connection.watch)
        connection.end_lease()
        self._keep(connection)
        self._slots.release()
        self._user_left()

    def _keep(self, connection: GatewayConnection) -> None:
        life_s = LIFE_S * (1 + LIFE_JITTER * random.random())  # noqa: S311 (not all sessions at once)
        too_old = time.monotonic() - connection.opened_at > life_s
        if connection.wire.lost:
            connection.abort()
        elif self._closed or too_old or connection.generation != self._generation:
            connection.leave()
        else:
            self._idle.append(connection)
            self._reap_later()

    def _reap_later(self) -> None:
        if self._reaper is None:
            self._reaper = asyncio.get_running_loop().call_later(IDLE_S, self._reap)

    def _reap(self) -> None:
        self._reaper = None
        now = time.monotonic()
        while self._idle and now - self._idle[0].used_at >= IDLE_S:
            self._idle.popleft().leave()
        if self._idle and not self._closed:
            self._reap_later()

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@contextlib.asynccontextmanager
async def _until(deadline: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            yield
    except TimeoutError:
        raise overdue() from None
