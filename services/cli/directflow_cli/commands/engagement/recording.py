"""StreamEngagement: events out, acknowledgements back, and the line of each event that was refused."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from directflow.conditions.v1 import engagement_service_pb2 as pb
from directflow.engagement.v1 import engagement_pb2

from directflow_cli.commands.audience_stream import incomplete
from directflow_cli.commands.both_ways import both_ways
from directflow_cli.commands.engagement.events import NoEvent, event_from

MOST_IN_FLIGHT: Final = 8
"""Messages that were sent and are not acknowledged: what bounds our memory."""
MOST_KEPT: Final = 1_000
"""Refusals that are remembered; the rest are counted."""


class Refusal(NamedTuple):
    """One event that is not recorded."""

    line: int
    reason: str
    message: str


@dataclass
class Recording:
    """One stream of events, and what became of them."""

    parent: str
    accepted: int = 0
    """Durable now, duplicates included."""
    duplicates: int = 0
    refused: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    """The first ones."""
    _line: int = 0
    _sent: deque[Sequence[int]] = field(default_factory=deque)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_IN_FLIGHT))

    async def run(self, call: Any, blocks: AsyncIterator[list[bytes]]) -> None:
        """Sends every event and reads every acknowledgement; STREAM_INCOMPLETE where one is missing."""
        async with aclosing(both_ways(call, self._requests(blocks))) as answers:
            async for answer in answers:
                self._acknowledged(answer)
        if self._sent:
            raise incomplete("it ended before every event was acknowledged")

    async def _requests(self, blocks: AsyncIterator[list[bytes]]) -> AsyncGenerator[pb.StreamEngagementRequest]:
        async for lines in blocks:
            numbers, events = self._read(lines)
            if events:
                await self._places.acquire()
                self._sent.append(numbers)
                yield pb.StreamEngagementRequest(parent=self.parent, events=events)

    def _read(self, lines: list[bytes]) -> tuple[list[int], list[engagement_pb2.Event]]:
        """The events of these lines with their lines' numbers; a line that is none is refused, the rest go on."""
        numbers, events = [], []
        for line in lines:
            self._line += 1
            if not line.strip():
                continue
            try:
                events.append(event_from(line))
                numbers.append(self._line)
            except NoEvent as problem:
                self._refuse(Refusal(self._line, "EVENT_INVALID", str(problem)))
        return numbers, events

    def _acknowledged(self, answer: pb.StreamEngagementResponse) -> None:
        if not self._sent:
            raise incomplete("an acknowledgement came that nobody waits for")
        numbers = self._sent.popleft()
        if answer.accepted_count + len(answer.errors) != len(numbers):
            raise incomplete(f"an acknowledgement of {len(numbers)} events does not count them all")
        self.accepted += answer.accepted_count
        self.duplicates += answer.duplicate_count
        for error in answer.errors:
            self._refuse(Refusal(numbers[error.index], error.reason, error.message))
        self._places.release()

    def _refuse(self, refusal: Refusal) -> None:
        self.refused += 1
        if len(self.refusals) < MOST_KEPT:
            self.refusals.append(refusal)
