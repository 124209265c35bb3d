"""Opening sessions of one database: one login at a time, each failure understood, none repeated for nothing."""

import threading
from collections.abc import Awaitable, Callable

import psycopg
from directflow_runtime.errors import DirectFlowError, StatusCode
from psycopg.pq.abc import PGconn

from directflow_gateway.connections import Connection, EgressPolicy, EgressRefused
from directflow_gateway.credentials import Credential, Keyring
from directflow_gateway.execution.cancel import settle
from directflow_gateway.execution.connection import GatewayConnection
from directflow_gateway.execution.watchdog import Watchdog
from directflow_gateway.pools.breaker import Breaker
from directflow_gateway.pools.failures import (
    again,
    cause_of,
    concerns_the_server,
    host_refused,
    is_refused_login,
    rejected,
    unreachable,
)
from directflow_gateway.pools.login import login
from directflow_gateway.pools.meter import OK, REFUSED, UNREACHABLE, PoolMeter
from directflow_gateway.pools.parameters import CaFile
from directflow_gateway.pools.permit import Permit
from directflow_gateway.pools.waits import Waits

Examine = Callable[[Connection, GatewayConnection], Awaitable[None]]
"""Looks at the first session of each credential. Raises DirectFlowError (ROLE_REFUSED) to refuse the database."""


LOGINS = 3
"""As a rule with another credential each: the one that was read after a refusal may have been replaced meanwhile."""


class RefusedLogin(Exception):
    """The server did not like user or password."""


class Opener:
    """Opens sessions. Not for several tasks at once: the pool sees to that."""

    def __init__(
        self,
        connection: Connection,
        keyring: Keyring,
        policy: EgressPolicy,
        watchdog: Watchdog,
        examine: Examine,
        server: Breaker,
        meter: PoolMeter,
    ) -> None:
        """`server`: the breaker of the database server, which other connections share."""
        self._connection = connection
        self._keyring = keyring
        self._policy = policy
        self._watchdog = watchdog
        self._examine = examine
        self._examined = ""
        self._tried = ""
        self._source_away = False
        """True after a refusal whose credential could not be read again."""
        self._breaker = Breaker()
        """Of what concerns this connection alone: its credential, its TLS, its database."""
        self._server = server
        self.reaches_server = True
        """False when the last attempt met no server that takes sessions."""
        self._meter = meter
        self._turn = threading.Lock()
        self._ca = CaFile(connection.ca_pem)
        self.waits = Waits()
        """What opening sessions takes, all of them together."""

    def close(self) -> None:
        """Afterwards nothing can be opened."""
        self._ca.close()

    @property
    def failure(self) -> DirectFlowError | None:
        """Why nobody gets in at present, while a breaker is open; also while an attempt to close it is under way."""
        return self._breaker.failure or self._server.failure

    async def open(self, permit: Permit) -> GatewayConnection:
        """A new session, which holds the permit until its end; without a session the permit is given back. Raises
        DirectFlowError: DATABASE_UNREACHABLE, CREDENTIALS_REJECTED, CREDENTIALS_UNAVAILABLE, HOST_REFUSED,
        ROLE_REFUSED; at once while a breaker is open."""
        try:
            return await self._opened(permit)
        except BaseException:
            permit.release()
            raise

    async def _opened(self, permit: Permit) -> GatewayConnection:
        with self.waits.credential:
            credential = await self._credential()
        self._check_breakers()
        is_repeated = False
        for _ in range(LOGINS):
            try:
                return await self._open(credential, permit)
            except RefusedLogin:
                if is_repeated:
                    break
                with self.waits.credential:
                    fresh = await self._after_refusal(credential)
            # The same one, a second later, once: some store a password before they change it in the database.
            is_repeated = fresh.generation == credential.generation
            if is_repeated and fresh.lease is not None:
                break
            credential = fresh
        self._breaker.refused(rejected())
        raise rejected()

    def _check_breakers(self) -> None:
        self._breaker.check()
        try:
            self._server.check()
        except DirectFlowError:
            self.reaches_server = False
            raise

    async def _credential(self) -> Credential:
        """The credential; another one than was last refused is worth a login, whatever the breaker says."""
        if not self._breaker.refusing:
            return await self._keyring.credential()
        credential = await self._keyring.recheck()
        if credential.generation != self._tried or self._source_away:
            self._source_away = False
            self._breaker.closed()
        return credential

    async def _after_refusal(self, credential: Credential) -> Credential:
        try:
            return await self._keyring.after_refusal(credential.generation)
        except DirectFlowError as unavailable:
            # Nobody logs in with it again before its source has answered, and then somebody does at once.
            self._source_away = True
            self._breaker.refused(unavailable)
            raise

    async def _open(self, credential: Credential, permit: Permit) -> GatewayConnection:
        self._tried = credential.generation
        connection = GatewayConnection(await self._logged_in(credential, permit), credential.generation, permit)
        self._keyring.accepted(credential.generation)
        self._watchdog.add(connection.watch)
        try:
            await connection.set_autocommit(True)
            await self._look_at(connection)
        except BaseException:
            self._watchdog.remove(connection.watch)
            connection.abort()
            raise
        self._watchdog.remove(connection.watch)
        self._breaker.closed()
        return connection

    async def _logged_in(self, credential: Credential, permit: Permit) -> PGconn:
        """`_login`, counted."""
        outcome = UNREACHABLE
        try:
            with self.waits.login:
                pgconn = await self._login(credential, permit)
            outcome = OK
            return pgconn
        except RefusedLogin:
            outcome = REFUSED
            raise
        finally:
            self._meter.logged_in(self._connection, outcome)

    async def _login(self, credential: Credential, permit: Permit) -> PGconn:
        """A login; RefusedLogin for a refused one, DirectFlowError for everything else."""
        is_busy = self._turn.locked()
        try:
            pgconn = await login(self._connection, credential, self._policy, self._ca.path, self._turn, permit)
        except EgressRefused as refused:
            raise host_refused(str(refused)) from None
        except (psycopg.OperationalError, OSError) as error:  # TimeoutError is an OSError
            failure = unreachable(cause_of(error))
            self.reaches_server = not concerns_the_server(error)
            if concerns_the_server(error) and not is_busy:
                self._server.failed(failure)
                raise failure from None
            if isinstance(error, psycopg.OperationalError) and is_refused_login(error):
                self._server.closed()  # it has answered
                raise RefusedLogin from None
            self._breaker.failed(failure)
            raise failure from None
        self._server.closed()
        self.reaches_server = True
        return pgconn

    async def _look_at(self, connection: GatewayConnection) -> None:
        if self._examined == connection.generation:
            return
        try:
            with self.waits.examination:
                await self._examine(self._connection, connection)
        except DirectFlowError as refusal:
            if refusal.code is StatusCode.FAILED_PRECONDITION:
                self._breaker.refused(refusal)
            raise again(refusal) from None
        self._examined = connection.generation
        await settle(connection)
