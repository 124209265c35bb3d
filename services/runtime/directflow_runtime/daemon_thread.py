"""Blocking work that must not hold up the end of the process."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

_Result = TypeVar("_Result")


async def in_daemon_thread(work: Callable[[], _Result]) -> _Result:
    """Not the event loop's executor: its threads are joined when the process ends, and an export to a black hole would
    hold that up for as long as its retries last. Whoever stops waiting leaves the thread to itself."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[_Result] = loop.create_future()

    def tell(result: _Result | None, error: BaseException | None) -> None:
        if not outcome.done():
            outcome.set_exception(error) if error is not None else outcome.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        try:
            told = (work(), None)
        except BaseException as error:
            told = (None, error)  # type: ignore[assignment]
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, *told)

    threading.Thread(target=run, name="directflow-telemetry", daemon=True).start()
    return await outcome
