"""Making a connection usable again after whatever happened on it, within a bound, or closing it."""

import asyncio

import psycopg
from directflow_runtime.errors import DirectFlowError

from directflow_gateway.execution.clock import Clock
from directflow_gateway.execution.connection import GatewayConnection
from directflow_gateway.execution.transaction import end_transaction
from directflow_gateway.execution.wire import AllowanceExceeded, Wire

BUDGET_S = 1.0
"""For everything together: within one second no statement of ours runs on the server, and the slot is free again."""
REQUEST_S = 0.5
"""For one cancel request, which is a connection of its own: longer in a black hole only."""
ANSWER_S = 0.2
"""For the server to give up. It also ignores a request that arrives before the statement does: then we ask again."""
DRAIN_BYTES = 8 * 1024 * 1024
"""Most bytes of one result to read past. More is on its way when a huge row is being sent, which no cancel ends."""


async def settle(connection: GatewayConnection) -> bool:
    """Stops what runs, ends the transaction, and tells whether the connection is as good as new. If not, it is closed.

    Never raises but for CancelledError, and then the connection is closed as well.
    """
    wire = connection.wire
    wire.clock = Clock()
    try:
        async with asyncio.timeout(BUDGET_S):
            await stop(connection)
            if not wire.idle:
                await end_transaction(wire)
    except (psycopg.Error, TimeoutError, AllowanceExceeded, DirectFlowError):
        connection.abort()  # the verdict is the return value; what went wrong is of no use to anybody
    except BaseException:
        connection.abort()
        raise
    if wire.lost or not wire.idle:
        connection.abort()
        return False
    return True


async def stop(connection: GatewayConnection) -> None:
    """Returns when no statement runs any more; a transaction is then aborted. The caller bounds the time. Raises
    AllowanceExceeded when what is still on its way is more than worth reading."""
    while connection.wire.busy:
        await connection.cancel_safe(timeout=REQUEST_S)
        try:
            async with asyncio.timeout(ANSWER_S):
                await _drain(connection.wire)
        except TimeoutError:
            continue  # too early: the server had not begun, or it is slow to give up


async def _drain(wire: Wire) -> None:
    try:
        await wire.drain(DRAIN_BYTES)
    except psycopg.errors.QueryCanceled:
        return
