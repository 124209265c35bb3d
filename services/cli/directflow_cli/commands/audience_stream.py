"""Receiving an audience: header, batches, summary, and the proof that nothing is missing."""

from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from directflow.segments.v1 import audience_service_pb2 as wire
from directflow_runtime.channel import responses
from directflow_runtime.errors import DirectFlowError, StatusCode

if TYPE_CHECKING:
    import pyarrow as pa


class Sink(Protocol):
    """Where people go."""

    def begin(self, schema: "pa.Schema") -> None:
        """The columns; called once, before any people."""

    def write(self, batch: "pa.RecordBatch") -> None:
        """Some people."""

    def end(self) -> None:
        """There are no more; called only when the stream has proved that it is complete."""


class Progress(Protocol):
    """Who wants to know how far it is."""

    def expect(self, rows: int) -> None:
        """The planner's estimate."""

    def advance(self, rows: int) -> None:
        """So many people more."""


@dataclass
class AudienceReceiver:
    """One stream into one sink. `header` and `summary` are known when `receive` returns."""

    sink: Sink
    progress: Progress
    header: wire.AudienceHeader | None = None
    summary: wire.AudienceSummary | None = None
    rows: int = 0
    _schema: "pa.Schema" = field(init=False, default=None)

    async def receive(self, call: Any) -> wire.AudienceSummary:
        """Reads the whole stream. STREAM_INCOMPLETE where it ends in good order and is nevertheless not whole."""
        received: Any = responses(call)
        async with aclosing(received) as messages:
            async for message in messages:
                self._take(message)
        summary = self._proved()
        self.sink.end()
        return summary

    def _take(self, message: wire.StreamAudienceResponse) -> None:
        if self.summary is not None:
            raise incomplete("a message came after the summary")
        match message.WhichOneof("message"):
            case "header":
                self._begin(message.header)
            case "batch":
                self._batch(message.batch)
            case "summary":
                self.summary = message.summary
            case _:
                raise incomplete("a message of no known kind")

    def _begin(self, header: wire.AudienceHeader) -> None:
        if self.header is not None:
            raise incomplete("a second header")
        import pyarrow as pa

        self.header = header
        self._schema = pa.ipc.read_schema(pa.py_buffer(header.arrow_schema))
        self.progress.expect(header.estimated_rows)
        self.sink.begin(self._schema)

    def _batch(self, batch: wire.AudienceBatch) -> None:
        if self.header is None or batch.row_offset != self.rows:
            raise incomplete(f"a batch begins at {batch.row_offset} behind {self.rows} people")
        import pyarrow as pa

        people = pa.ipc.read_record_batch(pa.py_buffer(batch.arrow_record_batch), self._schema)
        if people.num_rows != batch.row_count:
            raise incomplete(f"a batch of {batch.row_count} people holds {people.num_rows}")
        self.sink.write(people)
        self.rows += people.num_rows
        self.progress.advance(people.num_rows)

    def _proved(self) -> wire.AudienceSummary:
        """The summary, when it agrees with what was received: the status alone proves nothing."""
        if self.header is None or self.summary is None:
            raise incomplete("it ended without a summary")
        if self.summary.ledger.delivered.rows != self.rows:
            raise incomplete(f"it delivered {self.rows} of {self.summary.ledger.delivered.rows} people")
        return self.summary


def incomplete(what: str) -> DirectFlowError:
    """The error for a stream that ended well and is not whole."""
    return DirectFlowError(StatusCode.DATA_LOSS, "STREAM_INCOMPLETE", f"the stream is not complete: {what}")
