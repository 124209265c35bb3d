"""The sessions of one gateway replica on one customer's database."""

import asyncio
import contextvars
import random
import time
from collections import deque
from collections.abc import Coroutine

from directflow_runtime.errors import DirectFlowError
from opentelemetry.trace import Tracer

from directflow_gateway import telemetry_names as names
from directflow_gateway.connections import Connection
from directflow_gateway.credentials import Keyring
from directflow_gateway.execution.cancel import settle
from directflow_gateway.execution.connection import GatewayConnection
from directflow_gateway.execution.watchdog import Watchdog
from directflow_gateway.pools.acquire_span import ADMISSION, CONNECT, Acquisition, opening_span
from directflow_gateway.pools.budget import Address, Budgets, Request
from directflow_gateway.pools.deadline import until
from directflow_gateway.pools.failures import again, saturated
from directflow_gateway.pools.generation import Generation
from directflow_gateway.pools.meter import Figures
from directflow_gateway.pools.opening import Opener
from directflow_gateway.pools.pause import Pause
from directflow_gateway.pools.permit import Permit
from directflow_gateway.pools.suspicion import Suspicion
from directflow_gateway.pools.wait_queue import WaitQueue, Wanted

LIFE_S = 1800.0
"""A session is replaced after this time: what a backend caches of a large catalogue it never gives back."""
LIFE_JITTER = 0.2
IDLE_S = 300.0
"""A session that nobody needed for this long is closed."""
ATTEMPT_S = 0.05
"""How long a caller waits for the one attempt that an open breaker lets through; it goes on without him."""
PAUSE_S = 0.5
"""After a failed attempt nobody tries to open a session for this time, while one comes back that serves who waits."""


class DatabasePool:
    """At most `limits.pool_size` sessions, opened when needed, those of an outgoing credential included.

    Not psycopg_pool: that one hides why a login failed behind a timeout, goes on trying for minutes, and checks
    sessions with a round trip or not at all (`python -m benchmarks --only pools` shows what comes of it). Here a
    session that the server has closed is noticed without asking it.

    Whoever finds no idle session waits in a queue. A session that comes back goes to the first; meanwhile new ones are
    opened one at a time, as far as the size and the budgets allow: a wrong password must not be tried eight times at
    once.
    """

    def __init__(
        self,
        connection: Connection,
        keyring: Keyring,
        opener: Opener,
        watchdog: Watchdog,
        budgets: Budgets,
        tracer: Tracer,
    ) -> None:
        self.connection = connection
        self.workspace = connection.workspace
        self.address = Address.of(connection)
        self.generation = Generation(keyring)
        self.suspicion = Suspicion(self.generation)
        self._keyring = keyring
        self._opener = opener
        self._watchdog = watchdog
        self._budgets = budgets
        self._tracer = tracer
        self._idle: deque[GatewayConnection] = deque()
        self._queue = WaitQueue()
        self._leased: set[GatewayConnection] = set()
        """Given out, or being stopped."""
        self._is_opening = False
        self._failure: DirectFlowError | None = None
        """Of the last attempt to open a session; None: it went well."""
        self._pause = Pause(PAUSE_S, self._open_more)
        self._request: Request | None = None
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
        acquisition = Acquisition(self._tracer, self.connection, self._opener.waits)
        try:
            async with until(deadline):
                connection = await self._session(acquisition)
        except BaseException as error:
            acquisition.failed(error, len(self._leased), self.connection.limits.pool_size)
            self._user_left()
            raise
        acquisition.ended(connection.opened_at, len(self._leased), self.connection.limits.pool_size)
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

    async def role_gone(self, connection: GatewayConnection) -> None:
        """The role of this session was dropped under us: nobody else gets a session of it, and the credential is read
        again. Raises CREDENTIALS_UNAVAILABLE."""
        await self.generation.role_gone(connection)
        self._leave_outgoing()

    async def suspected(self) -> None:
        """The database says that the role may not do what it could: the credential is looked at again, so that nobody
        blames the customer's grants for a rotation. Raises CREDENTIALS_UNAVAILABLE."""
        self.generation.follow((await self._keyring.recheck()).generation)
        self._leave_outgoing()

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
        await self.suspicion.aclose()
        await self.generation.aclose()
        self._close_opener()

    def figures(self) -> Figures:
        """Of this moment."""
        is_broken = self._opener.failure is not None
        return Figures(len(self._idle), len(self._leased), int(self._is_opening), len(self._queue), is_broken)

    # --- for the budgets -----------------------------------------------------------------------------------------

    def oldest_idle(self) -> float | None:
        """When the idle session that was used least recently was used; None without idle sessions."""
        return self._idle[0].used_at if self._idle else None

    def close_oldest_idle(self) -> None:
        """Closes that one."""
        self._idle.popleft().leave()

    # --- waiting -------------------------------------------------------------------------------------------------

    async def _session(self, acquisition: Acquisition) -> GatewayConnection:
        await self._follow_credential()
        acquisition.has_credential()
        if not self._queue and (connection := self._reusable()) is not None:
            self._leased.add(connection)
            return connection
        wanted = Wanted(acquisition.waits(), self.connection.limits.acquire_timeout_s)
        self._queue.join(wanted)
        self._set_patience(wanted)
        self._open_more()
        try:
            return await wanted
        except BaseException:
            if wanted.done() and not wanted.cancelled() and wanted.exception() is None:
                self._leased.discard(wanted.result())  # it came in the moment in which the caller left
                self._keep(wanted.result())
            raise
        finally:
            self._queue.leave(wanted)
            self._withdraw_request()

    async def _follow_credential(self) -> None:
        """Where it has expired and its source is away, new logins would fail, and sessions that are there still work.
        Raises CREDENTIALS_UNAVAILABLE."""
        try:
            self.generation.follow((await self._keyring.credential()).generation)
        except DirectFlowError:
            if not self._idle and not self._one_comes_back():
                raise
        else:
            self._leave_outgoing()

    def _set_patience(self, wanted: Wanted) -> None:
        if self._opener.failure is not None and not self._one_comes_back():
            wanted.look_at(ATTEMPT_S, self._give_up)
        else:
            wanted.look_at(max(0.0, wanted.patient_until - time.monotonic()), self._lose_patience)

    def _give_up(self, wanted: Wanted) -> None:
        failure = self._opener.failure
        if wanted.done():
            return
        if failure is not None and not self._one_comes_back():
            wanted.set_exception(again(failure))
        else:
            self._set_patience(wanted)

    def _lose_patience(self, wanted: Wanted) -> None:
        self._queue.lose_patience(wanted)
        self._refuse_impatient()

    def _refuse_impatient(self) -> None:
        """A login that is under way is worth waiting for, up to the call's deadline; sessions of others are not."""
        is_blocked = self._request is not None and not self._request.granted.done()
        if self._is_opening and not is_blocked:
            return
        if self._request is None and self._failure is not None:
            self._queue.refuse_impatient(self._failure)
            return
        cause = self._request.cause if self._request is not None else None
        self._queue.refuse_impatient(saturated(cause.value if cause is not None else ""))

    def _withdraw_request(self) -> None:
        """When nobody waits, no permit is needed; one that has been granted in this moment is already the login's, and
        given back now it would be two sessions' at once."""
        request = self._request
        if request is not None and not request.granted.done() and not self._queue:
            self._budgets.withdraw(request)

    def _one_comes_back(self) -> bool:
        """Whether a session that is given out will serve the next one, whatever keeps us from opening others: a role's
        connection limit, or a password that was changed in the database and not yet where it is stored. Not when the
        server does not answer: that one is lost as well."""
        return self._opener.reaches_server and any(
            not connection.wire.lost and self.generation.is_present(connection) for connection in self._leased
        )

    # --- opening -------------------------------------------------------------------------------------------------

    def _open_more(self) -> None:
        if not self._is_opening and self._wants_more():
            self._is_opening = True
            # Of no call's context: it goes on for others. Its spans are beneath those who wait (see opening_span).
            self._run(self._open_while_wanted(), contextvars.Context())

    def _wants_more(self) -> bool:
        has_room = len(self._leased) + len(self._idle) < self.connection.limits.pool_size
        return bool(self._queue) and has_room and not (self._pause.is_on and self._one_comes_back())

    async def _open_while_wanted(self) -> None:
        """Goes on when the callers leave, for the login's thread does: the session is then kept for the next one."""
        try:
            while self._wants_more():
                with self._opener.waits.credential:
                    await self.generation.settled()
                permit = await self._permit()
                if permit is not None:
                    await self._open(permit)
                self._refuse_impatient()
        except Exception as error:
            self._queue.fail_all(error)
            raise
        finally:
            self._is_opening = False
            self._refuse_impatient()

    async def _permit(self) -> Permit | None:
        """None when nobody waits for a session any more."""
        request = self._request = self._budgets.ask(self)
        self._refuse_impatient()
        try:
            if request.granted.done():
                return request.granted.result()
            waiting, waits = self._queue.first_span(), self._opener.waits
            with opening_span(self._tracer, ADMISSION, self.connection, waiting, waits) as span:
                if request.cause is not None:
                    waits.budget = request.cause.value
                    span.set_attribute(names.CAUSE, waits.budget)
                return await request.granted
        except asyncio.CancelledError:
            self._budgets.withdraw(request)
            raise
        finally:
            self._request = None

    async def _open(self, permit: Permit) -> None:
        try:
            with opening_span(self._tracer, CONNECT, self.connection, self._queue.first_span(), self._opener.waits):
                connection = await self._opener.open(permit)
        except DirectFlowError as error:
            self._not_opened(error)
            return
        self._failure = None
        self.generation.follow(connection.generation)
        self._leave_outgoing()
        self._keep(connection)

    def _not_opened(self, failure: DirectFlowError) -> None:
        """Who asked before an attempt failed is told of its failure, and makes no other one; unless he need not know,
        because a session comes back."""
        self._failure = failure
        if self._one_comes_back():
            self._pause.begin()
        else:
            self._queue.fail_all(failure)

    # --- sessions that come back ---------------------------------------------------------------------------------

    def _leave_outgoing(self) -> None:
        """Sessions of an older credential are given to nobody any more; running ones end in their own time."""
        if self._idle and not all(map(self.generation.is_present, self._idle)):
            idle, self._idle = self._idle, deque()
            for connection in idle:
                if self.generation.is_present(connection):
                    self._idle.append(connection)
                else:
                    connection.leave()

    def _reusable(self) -> GatewayConnection | None:
        """The idle session that was used last, so that what is not needed can grow old."""
        while self._idle:
            connection = self._idle.pop()
            if connection.wire.is_quiet():
                return connection
            connection.abort()
        return None

    async def _settle(self, connection: GatewayConnection) -> None:
        try:
            await settle(connection)
        finally:
            self._put_back(connection)

    def _put_back(self, connection: GatewayConnection) -> None:
        self._watchdog.remove(connection.watch)
        connection.end_lease()
        self._leased.discard(connection)
        self._keep(connection)
        self._user_left()

    def _keep(self, connection: GatewayConnection) -> None:
        """Gives a session to the first who waits, or keeps it for the next one, or closes it."""
        if connection.wire.lost or (self._queue and not connection.wire.is_quiet()):
            connection.abort()
        elif self._is_over(connection) or self._budgets.owes(self, connection.opened_at):
            connection.leave()
        elif (wanted := self._queue.next()) is not None:
            self._leased.add(connection)
            wanted.set_result(connection)
        elif self._closed:
            connection.leave()
        else:
            self._idle.append(connection)
            self._reap_later()
            self._budgets.idle_appeared()
        self._open_more()

    def _is_over(self, connection: GatewayConnection) -> bool:
        life_s = LIFE_S * (1 + LIFE_JITTER * random.random())  # noqa: S311 (not all sessions at once)
        return time.monotonic() - connection.opened_at > life_s or not self.generation.is_present(connection)

    def _reap_later(self) -> None:
        if self._reaper is None:
            context = contextvars.Context()
            self._reaper = asyncio.get_running_loop().call_later(IDLE_S, self._reap, context=context)

    def _reap(self) -> None:
        self._reaper = None
        now = time.monotonic()
        while self._idle and now - self._idle[0].used_at >= IDLE_S:
            self._idle.popleft().leave()
        if self._idle and not self._closed:
            self._reap_later()

    # --- the end -------------------------------------------------------------------------------------------------

    def _user_left(self) -> None:
        self._users -= 1
        self._keyring.end_use()
        self._close_opener()

    def _close_opener(self) -> None:
        if self._closed and not self._users:
            self._pause.end()
            self._opener.close()

    def _run(self, work: Coroutine[None, None, None], context: contextvars.Context | None = None) -> None:
        task = asyncio.get_running_loop().create_task(work, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
