"""A pooled connection: psycopg's, with our own waiting, our own clock, and a watch on its socket."""

import asyncio
import math
import time
from datetime import datetime
from typing import Any, Protocol

import psycopg
from directflow_runtime.errors import DirectFlowError, StatusCode
from psycopg import waiting
from psycopg.abc import PQGen
from psycopg.pq.abc import PGconn
from psycopg.rows import TupleRow

from directflow_gateway.execution.clock import Clock
from directflow_gateway.execution.watchdog import Watch
from directflow_gateway.execution.wire import Wire

WAKE_S = 1.0
OVERDUE_S = 0.5
"""How long after its end a call is left to asyncio before the watchdog closes the socket."""

ABORTED_S = 0.2
"""Until the server has noticed that an idle session was cut off."""
ABORTED_AT_WORK_S = 1.2
"""While it works on a statement, it looks for its client once a second (see `transaction.CHECK_CLIENT_S`)."""


class Permit(Protocol):
    """Whoever counts sessions: those of the server end a little later than ours (see `pools.permit`)."""

    def release(self, within_s: float = 0.0) -> None:
        """The connection is closed, the server's side of it within this time."""

    def part(self, watch: Watch) -> None:
        """The connection has said farewell; from now on `watch` belongs to the permit."""


class GatewayConnection(psycopg.AsyncConnection[TupleRow]):
    """psycopg's connection, for code that wants cursors; `wire` below it, for code that wants libpq.

    An await that is cancelled returns at once and leaves the statement running: the pool stops it (see cancel).
    psycopg's own `wait` would first spend up to ten seconds on a server that does not answer.
    """

    def __init__(self, pgconn: PGconn, generation: str = "", permit: Permit | None = None) -> None:
        """`permit` is given back when the connection is closed, however that happens."""
        super().__init__(pgconn)
        self._permit = permit
        self._has_parted = False
        self.prepare_threshold = None  # a named statement would not survive a pooler in transaction mode
        self.generation = generation
        """Of the credential that it logged in with; part of the key of every cache about this database."""
        self.opened_at = time.monotonic()
        self.used_at = self.opened_at
        self.snapshot_time: datetime | None = None
        """Of the present or the last transaction, by the server's clock."""
        self.watch = Watch(pgconn.socket)
        self.wire = Wire(pgconn, self.watch)

    def begin_lease(self, deadline: float) -> None:
        """Whatever runs from now on ends at `deadline`, in seconds of `time.monotonic()`."""
        self.wire.clock = Clock(deadline=deadline)
        self.watch.deadline = deadline + OVERDUE_S

    def end_lease(self) -> None:
        """Nothing runs until the next lease."""
        self.wire.clock = Clock()
        self.watch.deadline = math.inf
        self.wire.release()
        self.used_at = time.monotonic()

    def abort(self) -> None:
        """Closes at once, whatever runs; never blocks."""
        if self._has_parted:
            return
        permit, self._permit = self._permit, None
        lingers_s = 0.0 if permit is None else self._lingers_s()
        self.wire.abort()
        if permit is not None:
            permit.release(lingers_s)

    def leave(self) -> None:
        """Closes an idle connection with a farewell to the server; never blocks."""
        permit, self._permit = self._permit, None
        if permit is None:
            if not self._has_parted:
                self.wire.close()
        else:
            self._has_parted = True
            self.wire.part()
            permit.part(self.watch)

    def _lingers_s(self) -> float:
        if self.wire.lost or self.watch.server_has_left():
            return 0.0
        return ABORTED_S if self.wire.idle else ABORTED_AT_WORK_S

    @property
    def is_replica(self) -> bool:
        """True while the server is in recovery, as it says itself in the moment in which that changes: after a failover
        nobody has to ask."""
        return self.pgconn.parameter_status(b"in_hot_standby") == b"on"

    async def close(self) -> None:
        """As psycopg's close; also lets go of the watch's duplicate of the socket."""
        self.leave()

    async def wait(self, gen: PQGen[Any], interval: float = WAKE_S, timeout: float | None = None) -> Any:
        """psycopg's hook for everything that it sends and receives. Bounded by the lease's deadline."""
        left = self.wire.clock.left()
        is_own = timeout is not None and timeout < left
        seconds = timeout if is_own else left
        started = time.monotonic()
        try:
            async with asyncio.timeout(None if seconds is None or math.isinf(seconds) else seconds):
                return await waiting.wait_async(gen, self.pgconn.socket, interval=WAKE_S)
        except TimeoutError:
            if is_own:
                raise psycopg.errors.OperationalError("the wait for the database timed out") from None
            raise self.wire.clock.first() from None
        finally:
            self.wire.waited(time.monotonic() - started)


def wire_of(connection: psycopg.AsyncConnection[Any]) -> Wire:
    """The wire of any psycopg connection; one that comes from no pool has neither watch nor deadline."""
    return connection.wire if isinstance(connection, GatewayConnection) else Wire(connection.pgconn)


def must_be_pooled(connection: psycopg.AsyncConnection[Any]) -> GatewayConnection:
    """The connection with its watch. Raises INTERNAL for one that comes from no pool: its rows could not be bounded."""
    if isinstance(connection, GatewayConnection):
        return connection
    raise DirectFlowError(StatusCode.INTERNAL, "INTERNAL", "rows are only taken from pooled connections")
