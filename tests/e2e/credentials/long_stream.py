"""A stream whose reader takes his time, and which has to be whole in the end."""

import asyncio
from typing import Any

from .clients import STREAM_S, Clients
from .customers import EVERYBODY_SQL, people_of

PAUSE_S = 1.0
"""A reader who takes much longer meets the idle limit: flow control asks for more when half of it was taken."""


class LongStream:
    """`async with LongStream(clients, "brief") as stream:` everybody, read slowly inside of the block and to its end
    behind it. The statement still runs when the block ends, or nothing was shown."""

    def __init__(self, clients: Clients, id: str, pause_s: float = PAUSE_S) -> None:
        self._call = clients.audience(id) if clients.has_followers else clients.query(id, EVERYBODY_SQL, STREAM_S)
        self._expected = people_of(id)
        self._pause_s = pause_s
        self._hurry = asyncio.Event()
        self.people = 0
        self._summary: Any = None

    async def __aenter__(self) -> "LongStream":
        while not self.people:
            assert await self._take(), "it was over before it began"
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        was_running = not self._reading.done()
        self._hurry.set()
        if kind is not None:
            self._call.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
            return
        await self._reading
        assert was_running, f"the stream was over too soon to show anything, after {self.people}"
        assert self._summary is not None
        assert (counted(self._summary), self.people) == (self._expected, self._expected)

    async def _read(self) -> None:
        while await self._take():
            try:
                async with asyncio.timeout(self._pause_s):
                    await self._hurry.wait()
            except TimeoutError:
                continue

    async def _take(self) -> bool:
        """False at the end. A call that fails raises."""
        message = await self._call.read()
        if not hasattr(message, "HasField"):
            await self._call.code()
            return False
        if message.HasField("batch"):
            self.people += message.batch.row_count
        if message.HasField("summary"):
            self._summary = message.summary
        return True


def counted(summary: Any) -> int:
    """What the last message of segments, or of a gateway, says of the whole."""
    return int(summary.ledger.delivered.people if hasattr(summary, "ledger") else summary.row_count)
