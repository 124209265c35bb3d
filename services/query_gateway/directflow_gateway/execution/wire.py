"""One libpq connection driven from asyncio: the only module that uses names which psycopg does not document.

psycopg's cursors are not enough here. They turn rows into Python objects one by one; a cancelled await of theirs first
waits up to ten seconds for the server; `execute` without parameters takes the simple protocol, which runs whatever
stands behind a semicolon. Below them lie libpq's own calls (`psycopg.pq`, documented) and a generator that releases the
GIL while libpq reads (`psycopg.generators.fetch`, not documented; `pq`'s own consume_input holds the GIL).
"""

import asyncio
import select
import time
from collections.abc import Collection, Sequence
from typing import NamedTuple

import psycopg
from psycopg import pq
from psycopg.abc import PQGen
from psycopg.errors import _WaitTimeout, error_from_result
from psycopg.generators import connect as connecting
from psycopg.generators import fetch
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, wait_conn

from directflow_gateway.execution.clock import Clock
from directflow_gateway.execution.watchdog import Verdict, Watch

LOOK_S = 0.25
"""The longest wait for the socket. uvloop wakes nobody where a connection was reset: libuv stops watching a socket that
is in error. So libpq is asked now and then; it does not block, and says what is the matter."""
POLL_S = 0.1

Parameters = Sequence[str | None]


class Statement(NamedTuple):
    """SQL text with $1..$n, and the text form of each parameter. Every one is sent with type 0, unknown."""

    text: str
    parameters: Parameters = ()


class AllowanceExceeded(Exception):
    """More bytes came in for one result than `result` was told to take. libpq holds them all."""


def connect(conninfo: str, timeout_s: float) -> PGconn:
    """Logs in. Blocks, up to `timeout_s` and beyond: libpq computes scram's key in one go, as many rounds as the server
    asks for, which may be an hour's worth. So it belongs in a thread, and nobody may depend on that thread's end.

    Not `pq.PGconn.connect_poll`, which holds the GIL meanwhile. Raises TimeoutError, and
    psycopg.OperationalError, whose text holds host and user; its `pgconn.used_password` tells whether the server asked
    for the password.
    """
    try:
        pgconn: PGconn = wait_conn(connecting(conninfo), interval=POLL_S, timeout=timeout_s)
    except _WaitTimeout:
        raise TimeoutError from None
    return pgconn


class Wire:
    """Sends statements in the extended protocol and receives results. One task at a time."""

    def __init__(self, pgconn: PGconn, watch: Watch | None = None) -> None:
        self.pgconn = pgconn
        self.watch = watch
        self.clock = Clock()
        self.waited_s = 0.0
        """How long the server has kept us waiting, all statements together."""
        self.bytes_read = 0
        """That libpq had read from the socket when it last asked for more; 0 without a watch, and where the platform
        does not count."""
        # The watch's duplicate where there is one: libpq closes its own descriptor the moment the server goes away, and
        # the loop would keep watching a number that already belongs to somebody else.
        self._fileno = watch.fileno if watch is not None else pgconn.socket
        self._waiter: asyncio.Future[None] | None = None
        self._reading = False
        self.prepared: set[bytes] = set()
        """Names of statements that the session must not keep."""

    # --- state ---------------------------------------------------------------------------------------------------

    @property
    def lost(self) -> bool:
        """True when the connection is closed or broken."""
        return self.pgconn.status != pq.ConnStatus.OK

    @property
    def busy(self) -> bool:
        """True while a statement runs or its results are still to come."""
        in_pipeline = self.pgconn.pipeline_status != pq.PipelineStatus.OFF
        return in_pipeline or self.pgconn.transaction_status == pq.TransactionStatus.ACTIVE

    @property
    def idle(self) -> bool:
        """True between transactions, ready for the next."""
        return not self.busy and self.pgconn.transaction_status == pq.TransactionStatus.IDLE

    # --- statements ----------------------------------------------------------------------------------------------

    async def run(self, *statements: Statement, closing: Collection[bytes] = ()) -> list[PGresult]:
        """Runs statements in one round trip and returns one result each. Raises the first error as psycopg.Error;
        what stands behind it has not run. `closing`: names of prepared statements that are closed first."""
        self.pgconn.enter_pipeline_mode()
        for name in closing:
            self.pgconn.send_close_prepared(name)
        for statement in statements:
            self.send(statement)
        self.pgconn.pipeline_sync()
        await self.flush()
        results = await self._until_sync()
        for result in results:
            self.check(result)
        return results[len(closing) :]

    async def start(self, statement: Statement, chunk_rows: int) -> None:
        """Sends one statement; its rows come from `result` in chunks of `chunk_rows`."""
        self.send(statement)
        if chunk_rows > 1:
            self.pgconn.set_chunked_rows_mode(chunk_rows)
        else:
            self.pgconn.set_single_row_mode()
        await self.flush()

    async def result(self, allowance: int | None = None) -> PGresult | None:
        """The next result, None behind the last one. Raises AllowanceExceeded when libpq took in more than `allowance`
        bytes for it, which is noticed while they come in."""
        base = None
        steps = fetch(self.pgconn)
        try:
            next(steps)
            while True:
                await self._readable()
                self._step(steps)
                # Still not whole. (Results of narrow rows are, many at a time, and cost no system call.)
                self._count()
                base = self.bytes_read if base is None else base
                if allowance is not None and self.bytes_read - base > allowance:
                    raise AllowanceExceeded
        except StopIteration as done:
            result: PGresult | None = done.value
        except psycopg.OperationalError:
            raise self._loss() from None  # libpq's own text holds host, port and user
        if self.lost:
            self.release()
        return result

    async def drain(self, allowance: int) -> None:
        """Reads and drops results until the server is ready for the next statement. Errors in them are dropped too.
        Raises AllowanceExceeded when one is larger than `allowance` bytes."""
        await self.flush()
        if self.pgconn.pipeline_status != pq.PipelineStatus.OFF:
            await self._until_sync(allowance)
            return
        while await self.result(allowance) is not None:
            self.check_alive()

    def check(self, result: PGresult) -> None:
        """Raises psycopg.Error for an error result; DirectFlowError where the watchdog ended the connection."""
        if result.status != pq.ExecStatus.FATAL_ERROR:
            return
        if self.lost and not result.error_field(pq.DiagnosticField.SQLSTATE):
            raise self._loss()
        raise error_from_result(result, encoding="utf-8")

    def release(self) -> None:
        """Stops watching for input; the next wait starts it again."""
        if self._reading:
            asyncio.get_running_loop().remove_reader(self._fileno)
            self._reading = False

    def is_quiet(self) -> bool:
        """False when there is something to read between statements: as a rule the end of the connection, which a server
        that stopped has announced long ago. Asks the kernel, not the server."""
        poll = select.poll()
        poll.register(self._fileno, select.POLLIN)
        return not self.lost and not poll.poll(0)

    def close(self) -> None:
        """Takes leave of the server; never blocks. The server learns of it now, not when the watch goes as well."""
        self.part()
        if self.watch is not None:
            self.watch.close()

    def part(self) -> None:
        """Takes leave of the server, and keeps the watch: its end shows when the server has closed its own side."""
        self.release()
        self.pgconn.finish()

    def abort(self) -> None:
        """Closes the connection at once, whatever runs on it; never blocks."""
        if self.watch is not None:
            self.watch.shutdown()
        self.close()

    # --- the narrow part; pipeline.py uses it too -------------------------------------------------------------------

    def send(self, statement: Statement) -> None:
        """Hands a statement to libpq."""
        values = [None if value is None else value.encode() for value in statement.parameters]
        self.pgconn.send_query_params(statement.text.encode(), values)

    async def _until_sync(self, allowance: int | None = None) -> list[PGresult]:
        """Results up to the pipeline's end, one a statement, and out of pipeline mode."""
        results = await self.to_sync(allowance)
        self.pgconn.exit_pipeline_mode()
        return results

    async def to_sync(self, allowance: int | None = None) -> list[PGresult]:
        """Results up to the next sync point, one a statement."""
        results = []
        while (result := await self.result(allowance)) is None or result.status != pq.ExecStatus.PIPELINE_SYNC:
            if result is not None:
                results.append(result)
            if self.lost:
                for told in results:
                    self.check(told)
            self.check_alive()
        return results

    def _step(self, steps: PQGen[PGresult | None]) -> None:
        """One call of libpq that reads, under the eyes of the watchdog. StopIteration holds the result."""
        if self.watch is None:
            steps.send(Ready.R)
            return
        self.watch.step += 1
        try:
            steps.send(Ready.R)
        finally:
            self.watch.step += 1
            if self.watch.verdict is not None:
                raise self._loss()

    def read_so_far(self) -> int:
        """Bytes that libpq has read from the socket; 0 where nobody counts."""
        self._count()
        return self.bytes_read

    def _count(self) -> None:
        if self.watch is not None:
            self.bytes_read = self.watch.consumed()

    def check_alive(self) -> None:
        """Raises psycopg.OperationalError when the connection is lost."""
        if self.lost:  # libpq would answer with "no more results" for ever
            raise self._loss()

    def _loss(self) -> Exception:
        """The error of a connection that ended under us."""
        self.release()
        verdict = self.watch.verdict if self.watch is not None else None
        if verdict is Verdict.TOO_LARGE:
            return AllowanceExceeded()
        if verdict is Verdict.OVERDUE:
            self.clock.check()
        return psycopg.OperationalError("the connection to the database was lost")

    async def flush(self) -> None:
        """Sends what libpq was handed."""
        while self.pgconn.flush():
            await self._wait(writable=True)
            self.pgconn.consume_input()  # or both sides could wait for the other to read

    async def _readable(self) -> None:
        await self._wait(writable=False)

    async def _wait(self, *, writable: bool) -> None:
        if self.watch is not None and self.watch.verdict is not None:
            raise self._loss()
        loop = asyncio.get_running_loop()
        waiter = self._waiter = loop.create_future()
        if not self._reading:
            loop.add_reader(self._fileno, self._wake)
            self._reading = True
        if writable:
            loop.add_writer(self._fileno, self._wake)
        started = time.monotonic()  # the loop's own time is that of its last turn
        timer = loop.call_later(min(LOOK_S, self.clock.left()), self._wake)
        try:
            await waiter
        finally:
            timer.cancel()
            if writable:
                loop.remove_writer(self._fileno)
            self._waiter = None
            self.waited(time.monotonic() - started)
        self.clock.check()

    def waited(self, seconds: float) -> None:
        """Adds time that was spent waiting for the server."""
        self.waited_s += seconds
        self.clock.waited(seconds)

    def _wake(self) -> None:
        """Called when there is something to read. The reader stays registered from wait to wait, which saves two
        system calls each; with nobody waiting (the consumer is slow) it goes, or it would be called in a loop."""
        if self._waiter is None:
            self.release()
        elif not self._waiter.done():
            self._waiter.set_result(None)
