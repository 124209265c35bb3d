"""Transactions on DirectFlow's own database.

The sessions are those of `pools`, like a customer's: what was learnt there about logins, rotations, restarts and black
holes holds here too, and psycopg_pool would hide why a login failed behind a timeout. A transaction travels as one
pipeline, BEGIN to COMMIT in one round trip.
"""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import psycopg
from directflow_runtime.errors import DirectFlowError
from directflow_runtime.metrics import OFF, Metrics
from opentelemetry.trace import Tracer
from psycopg.pq.abc import PGresult

from directflow_gateway.connections import EgressPolicy
from directflow_gateway.credentials import Keyrings
from directflow_gateway.credentials.vault import Vault
from directflow_gateway.directflow_database.credential_source import credential_source
from directflow_gateway.directflow_database.failures import is_unprepared, is_worth_repeating, of_pool, of_server
from directflow_gateway.directflow_database.roles import DatabaseRole
from directflow_gateway.directflow_database.settings import DirectFlowDatabaseSettings
from directflow_gateway.directflow_database.statement_span import statement_span
from directflow_gateway.execution import GatewayConnection, Watchdog
from directflow_gateway.execution.transaction import duration, printable
from directflow_gateway.execution.wire import Statement
from directflow_gateway.pools import Pools

ATTEMPTS = 2
LOCK_TIMEOUT_S = 5.0
IDLE_TIMEOUT_S = 60.0
CHECK_CLIENT_S = 1.0
COMMIT = Statement("COMMIT")
WHO = Statement("SELECT current_user")


@dataclass(frozen=True, slots=True)
class Transaction:
    """For whom a transaction runs, until when, and what its span says."""

    role: DatabaseRole
    summary: str
    """"append events"; the span's name."""
    operation: str
    """The SQL command: "INSERT"."""
    deadline: float
    """On the clock of `time.monotonic()`."""
    workspace: str = ""
    """What row level security lets it see; empty: nothing."""
    application_name: str = "directflow"
    counts: Mapping[str, int] = field(default_factory=dict)
    """Further attributes of the span."""


class DirectFlowDatabase:
    """One for the process, built in app.py, closed by `aclose`."""

    def __init__(
        self,
        settings: DirectFlowDatabaseSettings,
        watchdog: Watchdog,
        tracer: Tracer,
        vault: Vault | None = None,
        metrics: Metrics = OFF,
    ) -> None:
        """`vault`: where the settings' kind of credential is one of Vault's."""
        self.settings = settings
        self._tracer = tracer
        self._connections = {role: settings.connection(role) for role in DatabaseRole}
        # The operator chose the host, and no customer can: a database on this machine is nothing to be kept from.
        epoch = (lambda: 0) if vault is None else (lambda: vault.epoch)
        self._keyrings = Keyrings(credential_source(settings, vault), epoch=epoch, metrics=metrics)
        self._pools = Pools(self._keyrings, watchdog, EgressPolicy(allow_loopback=True), tracer=tracer, metrics=metrics)
        self.unprepared = False
        """True after a statement found schema or rights missing. Upkeep sets it back."""

    async def aclose(self) -> None:
        """Closes every session."""
        await self._pools.aclose()
        await self._keyrings.aclose()

    async def user(self, role: DatabaseRole, deadline: float) -> str:
        """Who needs the role's rights. Of users that Vault makes for an hour that is whom they act as: Vault's role has
        to make them members of one that stays. Raises what `session` does, and psycopg.Error."""
        try:
            credential = await self._keyrings.of(self._connections[role]).credential()
        except DirectFlowError as error:
            raise of_pool(error) from None
        if credential.lease is None:
            return credential.user  # it may not be allowed to connect yet
        async with self.session(role, deadline) as session:
            (result,) = await session.wire.run(WHO)
        return (result.get_value(0, 0) or b"").decode()

    async def run(self, transaction: Transaction, *statements: Statement) -> list[PGresult]:
        """Runs statements in one transaction and one round trip, committed when this returns; one result each.

        It is sent a second time when the session had ended or others were in the way, so it must be one that may run
        twice: after a lost connection nobody knows whether it was committed. Raises DirectFlowError: STORE_UNAVAILABLE,
        DEADLINE_EXCEEDED, STATEMENT_TIMEOUT, POOL_SATURATED.
        """
        with statement_span(
            self._tracer,
            transaction.summary,
            transaction.operation,
            self.settings.database,
            transaction.counts,
        ):
            return await self._attempt(transaction, statements, ATTEMPTS)

    @asynccontextmanager
    async def session(self, role: DatabaseRole, deadline: float) -> AsyncIterator[GatewayConnection]:
        """A session in autocommit mode, for work of several round trips; a transaction that it leaves open is rolled
        back. Raises STORE_UNAVAILABLE, DEADLINE_EXCEEDED, POOL_SATURATED."""
        async with AsyncExitStack() as stack:
            try:
                session = await stack.enter_async_context(self._pools.lease(self._connections[role], deadline))
            except DirectFlowError as error:
                raise of_pool(error) from None
            yield session

    async def _attempt(
        self, transaction: Transaction, statements: tuple[Statement, ...], attempts: int
    ) -> list[PGresult]:
        try:
            async with self.session(transaction.role, transaction.deadline) as session:
                results = await session.wire.run(*opening(transaction), *statements, COMMIT)
        except psycopg.Error as error:
            if attempts <= 1 or not is_worth_repeating(error):
                self.unprepared = self.unprepared or is_unprepared(error)
                raise of_server(error) from None
        else:
            return results[2:-1]
        return await self._attempt(transaction, statements, attempts - 1)


def opening(transaction: Transaction) -> tuple[Statement, Statement]:
    """BEGIN, and everything that the transaction must not take from a role's or a database's own settings."""
    wanted = {
        "directflow.workspace": transaction.workspace,
        "statement_timeout": duration(max(0.001, transaction.deadline - time.monotonic())),
        "lock_timeout": duration(LOCK_TIMEOUT_S),
        "idle_in_transaction_session_timeout": duration(IDLE_TIMEOUT_S),
        "client_connection_check_interval": duration(CHECK_CLIENT_S),
        "application_name": printable(transaction.application_name),
        "search_path": "pg_catalog",  # every name of ours is written with its schema
        "TimeZone": "UTC",
        "jit": "off",  # compiling costs more than these statements take
        "synchronous_commit": "on",  # what is acknowledged is durable, whatever the server's default
        "row_security": "on",
    }
    reads = transaction.role is DatabaseRole.READER
    if reads:
        # A partition that is new has no statistics: it is read by its index all the same.
        wanted["enable_seqscan"] = "off"
    calls = ", ".join(f"pg_catalog.set_config('{name}', ${n}, true)" for n, name in enumerate(wanted, 1))
    begin = "BEGIN READ ONLY" if reads else "BEGIN"
    return Statement(begin), Statement(f"SELECT {calls}", tuple(wanted.values()))
