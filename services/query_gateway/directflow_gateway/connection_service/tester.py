"""Tries a connection step by step, on a short-lived session of its own."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, Final
from weakref import WeakValueDictionary

import psycopg
from directflow_runtime.errors import DirectFlowError
from psycopg.pq.abc import PGconn

from directflow_gateway.connection_service.refused_logins import RefusedLogins
from directflow_gateway.connection_service.step import Outcome, Step, StepFailed, StepName, TestReport, failed
from directflow_gateway.connection_service.steps import login, server
from directflow_gateway.connection_service.steps.network import Network
from directflow_gateway.connections import Connection, EgressPolicy
from directflow_gateway.credentials import Credential, Keyring, Keyrings
from directflow_gateway.credentials.unavailable import CredentialsUnavailable
from directflow_gateway.execution import GatewayConnection, Watchdog
from directflow_gateway.execution.sqlstate import Phase, translate
from directflow_gateway.pools import Budgets
from directflow_gateway.pools.permit import Permit
from directflow_gateway.role_doctor import reading_rights, rights_for

LONGEST_S: Final = 30.0
"""Of one test, also where the caller would wait longer."""
AT_ONCE: Final = 8
"""Tests that run at the same time in this replica: each holds a thread, and a session."""
PATIENCE_S: Final = 5.0
"""Longest wait for a session that the budgets allow."""
AT_ONCE_A_WORKSPACE: Final = 3
BUSY: Final = "This gateway is trying too many connections at the moment: try again."


class ConnectionTester:
    """One for the process, built in app.py. It keeps nothing between two tests but what was refused."""

    def __init__(
        self, keyrings: Keyrings, policy: EgressPolicy, watchdog: Watchdog, budgets: Budgets | None = None
    ) -> None:
        """`keyrings` and `budgets`: those of the pools. Each test with a lease of its own would be a lease for nothing,
        and to the server its session is one more."""
        self._keyrings = keyrings
        self._budgets = budgets
        self._policy = policy
        self._watchdog = watchdog
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._logins: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        """By connection; kept by the threads that hold them."""
        self._refused = RefusedLogins()
        self._workspaces: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def test(self, connection: Connection, deadline: float, withheld: str = "") -> TestReport:
        """Everything that is known at `deadline`, on the clock of `time.monotonic()`. What fails is a step.

        `withheld`: why its credential may not be sent there; then nothing logs in. Raises nothing but CancelledError.
        """
        report = TestReport()
        deadline = min(deadline, time.monotonic() + LONGEST_S)
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    await self._turn(connection.workspace, stack)
                await self._try(connection, deadline, withheld, report)
            except TimeoutError:
                report.skip_rest(BUSY)
            except StepFailed as failure:
                report.add(failure.step)
                report.skip_rest()
        return report

    async def _turn(self, workspace: str, stack: AsyncExitStack) -> None:
        """A place for one test, until `stack` is left; a workspace whose hosts swallow everything waits for itself."""
        own = self._workspaces.get(workspace)
        if own is None:
            self._workspaces[workspace] = own = asyncio.Semaphore(AT_ONCE_A_WORKSPACE)
        # In a frame of the stack, the semaphore lives for as long as somebody holds it or waits for it.
        await stack.enter_async_context(own)
        await stack.enter_async_context(self._turns)

    async def _try(self, connection: Connection, deadline: float, withheld: str, report: TestReport) -> None:
        await self._reach(connection, deadline, report)
        if withheld:
            report.skip_rest(withheld)
            return
        async with self._session(connection, deadline) as session:
            report.add(Step(StepName.LOGIN, Outcome.OK, "The server accepts the stored credential."))
            await _look_around(session, connection, report)

    async def _reach(self, connection: Connection, deadline: float, report: TestReport) -> None:
        network = Network(connection, self._policy, deadline)
        step, addresses = await network.resolve()
        report.add(step)
        step, opened = await network.tcp(addresses)
        report.add(step)
        with opened:
            report.add(await network.tls(opened))

    @asynccontextmanager
    async def _session(self, connection: Connection, deadline: float) -> AsyncIterator[GatewayConnection]:
        keyring = self._keyrings.of(connection)
        credential = await _credential(keyring.recheck(), connection, deadline)
        permit = await _permit(self._budgets, connection, deadline) if self._budgets is not None else None
        try:
            pgconn, credential = await self._log_in(connection, keyring, credential, deadline, permit)
        except BaseException:
            if permit is not None:
                permit.release()
            raise
        session = GatewayConnection(pgconn, credential.generation, permit)
        session.begin_lease(deadline)
        self._watchdog.add(session.watch)
        try:
            await session.set_autocommit(True)
            yield session
        finally:
            self._watchdog.remove(session.watch)
            if session.wire.idle:
                session.leave()
            else:
                session.abort()

    async def _log_in(
        self, connection: Connection, keyring: Keyring, credential: Credential, deadline: float, permit: Permit | None
    ) -> tuple[PGconn, Credential]:
        turn = self._logins.setdefault(connection.name, threading.Lock())
        try:
            pgconn = await login.log_in(connection, credential, self._policy, turn, self._refused, deadline, permit)
        except login.Refused:
            if credential.lease is None:  # what is not leased has been read a moment ago
                raise
            credential = await _credential(keyring.after_refusal(credential.generation), connection, deadline)
            pgconn = await login.log_in(connection, credential, self._policy, turn, self._refused, deadline, permit)
        keyring.accepted(credential.generation)
        return pgconn, credential


async def _permit(budgets: Budgets, connection: Connection, deadline: float) -> Permit:
    try:
        return await budgets.visit(connection, min(PATIENCE_S, max(0.05, deadline - time.monotonic())))
    except DirectFlowError as error:
        raise failed(StepName.LOGIN, f"Not tried: {error.message}.", "Try again.") from None


async def _credential(asked: Coroutine[Any, Any, Credential], connection: Connection, deadline: float) -> Credential:
    try:
        async with asyncio.timeout(max(0.05, deadline - time.monotonic())):
            return await asked
    except TimeoutError:
        raise failed(StepName.LOGIN, "The credential's source did not answer in time.", "Try again.") from None
    except CredentialsUnavailable as error:
        raise login.no_credential(error, connection) from None


async def _look_around(session: GatewayConnection, connection: Connection, report: TestReport) -> None:
    with _during(StepName.SERVER):
        report.add(await server.server(session, report))
    with _during(StepName.ROLE):
        rights = rights_for(connection, session.pgconn, await reading_rights(session))
        report.add(await server.role(session, connection, rights))
    report.add(server.future_tables(rights))
    with _during(StepName.ROUND_TRIP):
        report.add(await server.round_trip(session, report))


@contextmanager
def _during(name: StepName) -> Iterator[None]:
    """What the server says to our own questions, and the end of the time, as a step that failed."""
    try:
        yield
    except psycopg.Error as error:
        raise failed(name, translate(error, None, Phase.RUN).message, "The server's own log says why.") from None
    except DirectFlowError as error:
        raise failed(name, error.message, "Try again with a longer deadline.") from None
