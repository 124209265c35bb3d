"""One login, in a thread of its own."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from typing import TypeVar

import psycopg
from psycopg.pq.abc import PGconn

from directflow_gateway.connections import Connection, EgressPolicy, resolve
from directflow_gateway.credentials import Credential
from directflow_gateway.execution.wire import connect
from directflow_gateway.pools.failures import is_refused_login
from directflow_gateway.pools.parameters import conninfo
from directflow_gateway.pools.permit import Permit

T = TypeVar("T")

CONNECT_S = 5.0
"""For looking up the name and all attempts together."""


async def login(
    connection: Connection,
    credential: Credential,
    policy: EgressPolicy,
    ca_path: str,
    turn: threading.Lock,
    permit: Permit | None = None,
) -> PGconn:
    """A logged-in libpq connection. `turn` is held until the thread has ended, which may be long after the time is up;
    while it is, TimeoutError; so long `permit` cannot be given back. Raises EgressRefused, OSError (no such name),
    TimeoutError, and psycopg.OperationalError, whose text must not travel."""
    work = Login(connection, credential, policy, ca_path)
    async with asyncio.timeout(CONNECT_S):
        return await in_thread(work, turn, dispose=lambda pgconn: pgconn.finish(), permit=permit)


class Login:
    """The blocking part: name, policy, addresses one after the other."""

    def __init__(self, connection: Connection, credential: Credential, policy: EgressPolicy, ca_path: str) -> None:
        self._connection = connection
        self._credential = credential
        self._policy = policy
        self._ca_path = ca_path

    def __call__(self) -> PGconn:
        ends_at = time.monotonic() + CONNECT_S
        addresses = resolve(self._connection, self._policy)
        for position, address in enumerate(addresses, 1):
            left = (ends_at - time.monotonic()) / (len(addresses) - position + 1)
            try:
                return self._attempt(address, left)
            except psycopg.OperationalError as error:
                # Another address may be up. A refused login is the same everywhere, and must not be repeated.
                if position == len(addresses) or is_refused_login(error):
                    raise
        raise TimeoutError

    def _attempt(self, address: str, timeout_s: float) -> PGconn:
        bind_channel = self._policy.requires_channel_binding(self._connection)
        told = conninfo(self._connection, self._credential, address, self._ca_path, bind_channel=bind_channel)
        return connect(told, max(0.1, timeout_s))


async def in_thread(
    work: Callable[[], T], turn: threading.Lock, dispose: Callable[[T], None], permit: Permit | None = None
) -> T:
    """Runs `work` in a new daemon thread. Whoever stops waiting is free at once; a result that comes too late is
    disposed of, and `permit` given back.

    Not the event loop's executor: its few threads are shared, and a hostile server could keep one busy for an hour.
    With `turn` it keeps one thread busy, and not one more with each attempt.
    """
    if not turn.acquire(blocking=False):
        raise TimeoutError
    outcome: Future[T] = Future()
    loop = asyncio.get_running_loop()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:
            turn.release()
            if not _told(outcome.set_exception, error):
                _end(permit, loop)
            return
        turn.release()
        if not _told(outcome.set_result, result):
            dispose(result)
            _end(permit, loop)

    threading.Thread(target=run, name="directflow-login", daemon=True).start()
    try:
        return await asyncio.wrap_future(outcome)
    except asyncio.CancelledError:
        if outcome.cancel():
            if permit is not None:
                permit.keep()
        elif outcome.exception() is None:  # it came in the moment in which the caller left
            dispose(outcome.result())
        raise


def _told(tell: Callable[[T], None], what: T) -> bool:
    """False when nobody waits any more."""
    try:
        tell(what)
    except InvalidStateError:
        return False
    return True


def _end(permit: Permit | None, loop: asyncio.AbstractEventLoop) -> None:
    if permit is None:
        return
    with contextlib.suppress(RuntimeError):  # the loop is closed, and the process ends
        loop.call_soon_threadsafe(permit.end)
