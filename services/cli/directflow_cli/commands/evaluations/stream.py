"""StreamEvaluations: profiles out, evaluations back, and the proof that none is missing."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final

from directflow.conditions.v1 import evaluation_service_pb2 as wire
from directflow.engagement.v1 import engagement_pb2

from directflow_cli.commands.audience_stream import Progress, incomplete
from directflow_cli.commands.both_ways import both_ways
from directflow_cli.commands.evaluations.profiles import Profiles
from directflow_cli.commands.evaluations.sinks import Sink

MOST_IN_FLIGHT: Final = 8
"""Messages that were sent and are not answered: what bounds our memory."""


@dataclass
class EvaluationStream:
    """One stream into one sink."""

    start: wire.EvaluationStart
    anchor: engagement_pb2.Anchor | None
    sink: Sink
    progress: Progress
    received: int = 0
    _sent: deque[list[str]] = field(default_factory=deque, repr=False)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_IN_FLIGHT))
    _summary: wire.EvaluationsSummary | None = None

    async def run(self, call: Any, profiles: AsyncIterator[Profiles]) -> wire.EvaluationsSummary:
        """Sends everything and reads everything. STREAM_INCOMPLETE where it ends well and is not whole."""
        self.sink.begin()
        async with aclosing(both_ways(call, self._requests(profiles))) as responses:
            async for response in responses:
                self._take(response)
        summary = self._proved()
        self.sink.end()
        return summary

    async def _requests(self, profiles: AsyncIterator[Profiles]) -> AsyncGenerator[wire.StreamEvaluationsRequest]:
        yield wire.StreamEvaluationsRequest(start=self.start)
        async for some in profiles:
            if some.ids:
                await self._places.acquire()
                self._sent.append(some.ids)
                yield wire.StreamEvaluationsRequest(profiles=some.message(self.anchor))

    def _take(self, response: wire.StreamEvaluationsResponse) -> None:
        if self._summary is not None:
            raise incomplete("a message came after the summary")
        match response.WhichOneof("message"):
            case "evaluations":
                self._evaluated(response.evaluations)
            case "summary":
                self._summary = response.summary
            case _:
                raise incomplete("a message of no known kind")

    def _evaluated(self, evaluations: wire.EvaluationBatch) -> None:
        if not self._sent:
            raise incomplete("evaluations came that nobody asked for")
        ids = self._sent.popleft()
        if not len(ids) == len(evaluations.raw) == len(evaluations.decided):
            raise incomplete(f"{len(evaluations.decided)} evaluations came for {len(ids)} profiles")
        self.sink.write(ids, evaluations)
        self.received += len(ids)
        self.progress.advance(len(ids))
        self._places.release()

    def _proved(self) -> wire.EvaluationsSummary:
        summary = self._summary
        if summary is None or self._sent:
            raise incomplete("it ended before every profile was answered")
        counted = summary.true_count + summary.false_count + summary.error_count
        if not self.received == summary.profile_count == counted:
            raise incomplete(f"{self.received} evaluations came, and its summary says {summary.profile_count}")
        return summary
