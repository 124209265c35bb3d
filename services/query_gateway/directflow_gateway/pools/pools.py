"""Sessions on customers' databases: leased for one call, handed back clean or closed."""

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.metrics import OFF, Metrics
from opentelemetry.trace import NoOpTracer, Tracer

from directflow_gateway.connections import Connection, EgressPolicy
from directflow_gateway.credentials import Keyrings
from directflow_gateway.execution.connection import GatewayConnection
from directflow_gateway.execution.transaction import RoleGone, TransactionSettings, read_only_transaction
from directflow_gateway.execution.watchdog import Watchdog
from directflow_gateway.pools.breaker import Breakers
from directflow_gateway.pools.budget import Address, Budgets
from directflow_gateway.pools.database import DatabasePool
from directflow_gateway.pools.deadline import until
from directflow_gateway.pools.failures import unreachable
from directflow_gateway.pools.late_span import CREDENTIAL, LateSpan
from directflow_gateway.pools.meter import PoolMeter
from directflow_gateway.pools.opening import Examine, Opener
from directflow_gateway.pools.parameters import forget_environment

TRY: Final = TransactionSettings("directflow", statement_timeout_s=5.0)
"""For asking whether a role exists."""


async def admit_everyone(connection: Connection, session: GatewayConnection) -> None:
    """Examines nothing."""


class Pools:
    """One pool a connection. One for the process, built in app.py, closed by `aclose`."""

    def __init__(
        self,
        keyrings: Keyrings,
        watchdog: Watchdog,
        policy: EgressPolicy = EgressPolicy(),  # noqa: B008 (frozen)
        examine: Examine = admit_everyone,
        budgets: Budgets | None = None,
        tracer: Tracer = NoOpTracer(),  # noqa: B008 (has no state)
        metrics: Metrics = OFF,
    ) -> None:
        """`examine` looks at the first session of each credential and may refuse it: the role doctor. Takes the PG*
        variables out of the process's environment: libpq would read them. `keyrings` and `budgets` are shared with
        others, and closed by their owner."""
        forget_environment()
        self._keyrings = keyrings
        self._watchdog = watchdog
        self._policy = policy
        self._examine = examine
        self._tracer = tracer
        self._shares_budgets = budgets is not None
        self._budgets = budgets if budgets is not None else Budgets()
        self._breakers = Breakers()
        self._pools: dict[str, DatabasePool] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False
        self._meter = PoolMeter(metrics, lambda: self._pools.values())

    @asynccontextmanager
    async def lease(self, connection: Connection, deadline: float) -> AsyncIterator[GatewayConnection]:
        """A session in autocommit mode for the block; `deadline` is on the clock of `time.monotonic()`.

        However the block ends (also cancelled, with a statement running), within about a second no statement of it runs
        on the server and the slot is free again. Raises DirectFlowError: POOL_SATURATED, DATABASE_UNREACHABLE,
        CREDENTIALS_REJECTED, CREDENTIALS_UNAVAILABLE, HOST_REFUSED, ROLE_REFUSED, DEADLINE_EXCEEDED.
        """
        pool = self._pool(connection)
        began = time.monotonic()
        try:
            session = await pool.acquire(deadline)
        finally:
            self._meter.waited(began, connection)
        try:
            yield session
        finally:
            pool.release(session)

    @asynccontextmanager
    async def transaction(
        self, connection: Connection, settings: TransactionSettings, deadline: float
    ) -> AsyncIterator[GatewayConnection]:
        """A lease with a `read_only_transaction` begun on it.

        When a session that was idle turns out to be dead, all idle ones are closed and a new one is opened, once: after
        a restart of the server nobody notices. Nor does anybody when its role was dropped, and the credential's source
        has another one. Nothing of the caller's has been sent at that point.
        """
        async with AsyncExitStack() as stack:
            try:
                session = await self._begin(stack, connection, settings, deadline)
            except NotBegun as not_begun:
                await stack.aclose()
                with LateSpan(self._tracer, CREDENTIAL, connection):
                    await not_begun.mend(deadline)
                try:
                    session = await self._begin(stack, connection, settings, deadline)
                except NotBegun as twice:
                    raise twice.error from None
            yield session

    async def replaced_since(self, connection: Connection, began: float, deadline: float) -> bool:
        """Whether the role of a call that began then may have been replaced since: to be asked when the database says
        that it has no right to something, or does not know it. Looks for itself, at most once in SUSPECT_S."""
        pool = self._pool(connection)

        async def look() -> None:
            await pool.suspected()
            async with self.transaction(connection, TRY, time.monotonic() + TRY.statement_timeout_s):
                return  # it asks whether the role exists, and has it replaced when not

        return await pool.suspicion.is_founded(began, deadline, look)

    def retire(self, is_current: Callable[[Connection], bool]) -> None:
        """Closes the pools of connections that were changed or deleted: idle sessions now, leased ones when they come
        back. Without it those of a connection that nobody uses any more would stay for as long as the process."""
        for name, pool in list(self._pools.items()):
            if not is_current(pool.connection):
                del self._pools[name]
                self._close(pool)
        self._keyrings.retire(is_current)

    def __len__(self) -> int:
        """Pools that are open, and those that are being closed."""
        return len(self._pools) + len(self._closing)

    async def aclose(self) -> None:
        """Closes every session. Leased ones are closed when they come back; there are no new ones."""
        self._closed = True
        for pool in self._pools.values():
            self._close(pool)
        self._pools.clear()
        while self._closing:
            await asyncio.wait(self._closing)
        if not self._shares_budgets:
            self._budgets.close()

    async def _begin(
        self, stack: AsyncExitStack, connection: Connection, settings: TransactionSettings, deadline: float
    ) -> GatewayConnection:
        session = await stack.enter_async_context(self.lease(connection, deadline))
        try:
            around = functools.partial(LateSpan, self._tracer, connection=connection)
            await stack.enter_async_context(read_only_transaction(session, settings, around))
        except DirectFlowError as error:
            if error.code is StatusCode.UNAVAILABLE or isinstance(error, RoleGone):
                raise NotBegun(self._pool(connection), session, error) from None
            raise
        return session

    def _close(self, pool: DatabasePool) -> None:
        task = asyncio.get_running_loop().create_task(pool.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _pool(self, connection: Connection) -> DatabasePool:
        if self._closed:
            raise unreachable("SHUTTING_DOWN")
        pool = self._pools.get(connection.name)
        if pool is not None and pool.connection == connection:
            return pool
        if pool is not None:  # host, limits or anything else changed
            self._close(pool)
        self._pools[connection.name] = fresh = self._new(connection)
        return fresh

    def _new(self, connection: Connection) -> DatabasePool:
        keyring = self._keyrings.of(connection)
        server = self._breakers.of(Address.of(connection))
        opener = Opener(connection, keyring, self._policy, self._watchdog, self._examine, server, self._meter)
        return DatabasePool(connection, keyring, opener, self._watchdog, self._budgets, self._tracer)


class NotBegun(Exception):
    """A session could not begin a transaction, and another one may."""

    def __init__(self, pool: DatabasePool, session: GatewayConnection, error: DirectFlowError) -> None:
        super().__init__(error.message)
        self.error = error
        self._pool = pool
        self._session = session

    async def mend(self, deadline: float) -> None:
        """Makes the next attempt another one. Raises CREDENTIALS_UNAVAILABLE, DEADLINE_EXCEEDED."""
        if not isinstance(self.error, RoleGone):
            self._pool.drain()
            return
        async with until(deadline):
            await self._pool.role_gone(self._session)
