"""A call's deadline, around what is done for it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from directflow_gateway.pools.failures import overdue


@asynccontextmanager
async def until(deadline: float) -> AsyncIterator[None]:
    """Raises DEADLINE_EXCEEDED when the block is not through by then."""
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            yield
    except TimeoutError:
        raise overdue() from None
