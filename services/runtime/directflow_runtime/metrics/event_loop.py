"""Whether the event loop keeps its appointments. What is late there is late for every call of the process."""

import asyncio
import time
from typing import Final

from directflow_runtime.metrics.names import EVENT_LOOP_LAG
from directflow_runtime.metrics.registry import Metrics

EVERY_S: Final = 0.5


def watch_event_loop(metrics: Metrics) -> "asyncio.Task[None]":
    """A task of the caller's, to be cancelled."""
    return asyncio.get_running_loop().create_task(_watch(metrics))


async def _watch(metrics: Metrics) -> None:
    lag = metrics.histogram(EVENT_LOOP_LAG)
    while True:
        due = time.monotonic() + EVERY_S
        await asyncio.sleep(EVERY_S)
        # Not by the loop's own time, which stands still while a turn lasts.
        lag.record(max(0.0, time.monotonic() - due))
