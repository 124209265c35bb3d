"""An event loop in a thread of its own, for the processes that we watch while the main thread runs commands.

Commands run in the main thread, as they do from a shell: each with its own event loop, and with the signals, which
Python gives to the main thread alone.
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, Self, TypeVar

Result = TypeVar("Result")
CANCEL_SECONDS = 15.0


class BackgroundLoop:
    """`with BackgroundLoop() as loop:`; the thread ends with the block."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="background-loop", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Waits for `work` and returns its result; a Ctrl-C meanwhile cancels it and goes on here when it has ended."""
        ended = threading.Event()

        async def to_the_end() -> Result:
            try:
                return await work
            finally:
                ended.set()

        future = asyncio.run_coroutine_threadsafe(to_the_end(), self._loop)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            ended.wait(CANCEL_SECONDS)
            raise

    @contextmanager
    def entered(self, block: AbstractAsyncContextManager[Result]) -> Iterator[Result]:
        """An asynchronous block as an ordinary one."""
        value = self.run(block.__aenter__())
        try:
            yield value
        finally:
            self.run(block.__aexit__(None, None, None))
