"""One run of a generator query through the ledger, from the gateway's header to a summary that proves it complete."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager, closing
from dataclasses import dataclass, field

import pyarrow as pa
from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_segments.audience.first_people import FirstPeople
from directflow_segments.audience.ledger import Ledger
from directflow_segments.audience.reachability import ContactRules
from directflow_segments.audience.reader import AudienceReader, Delivery
from directflow_segments.audience.scratch import Scratch
from directflow_segments.known_columns import KnownColumns
from directflow_segments.proven import proven
from directflow_segments.queries import Header, QueryGateway, Rows, RowsRequest, Summary
from directflow_segments.selection import Selection


@dataclass(frozen=True, slots=True)
class People:
    """Some people, a row each."""

    rows: pa.RecordBatch
    encoded: bytes | None = field(repr=False)
    """The rows as the gateway's own Arrow message, where nothing in them was changed."""
    offset: int
    """People before these."""
    resume_key: str | None = field(repr=False)
    """In KEY order: nobody up to and with this key is missing."""


class AudienceRun:
    """A run that is open: its header is there, its people are to come."""

    def __init__(
        self,
        header: Header,
        messages: AsyncGenerator[Header | Rows | Summary],
        reader: AudienceReader | FirstPeople,
        selection: Selection,
    ) -> None:
        self.header = header
        self.selection = selection
        self.summary: Summary | None = None
        """There once `people` has come to its normal end."""
        self._messages = messages
        self._reader = reader

    def ledger(self) -> Ledger:
        """The ledger of what was read so far."""
        return self._reader.ledger()

    async def people(self) -> AsyncGenerator[People]:
        """People, batch by batch; batches with nobody are left out.

        Its normal end proves that nobody is missing, or that there are more than were asked for: then no `summary`.
        """
        offset = 0
        async for message in self._messages:
            if isinstance(message, Rows):
                delivery = await self._read(message.rows)
                if delivery.people.num_rows:
                    yield self._people(message, delivery, offset)
                    offset += delivery.people.num_rows
                if self._reader.done:
                    return
            elif isinstance(message, Summary):
                self.summary = message
        self._check()

    async def _read(self, rows: pa.RecordBatch) -> Delivery:
        """A batch takes a millisecond or two, and stays on the event loop; a growing memory of people does not."""
        if not self._reader.takes_long(rows):
            return self._reader.read(rows)
        work = asyncio.ensure_future(asyncio.to_thread(self._reader.read, rows))
        try:
            return await asyncio.shield(work)
        finally:
            await asyncio.wait([work])  # also when cancelled: the reader is closed next, and the thread still uses it

    def _people(self, message: Rows, delivery: Delivery, offset: int) -> People:
        rows = self.selection.of(delivery.people)
        unchanged = delivery.unchanged and self.selection.is_everything
        return People(rows, message.encoded if unchanged else None, offset, delivery.resume_key)

    def _check(self) -> None:
        ledger = self.ledger()
        if not ledger.adds_up() or self.summary is None or ledger.rows_read != self.summary.row_count:
            raise DirectFlowError(StatusCode.INTERNAL, "INTERNAL", "The ledger of the audience does not add up.")


@asynccontextmanager
async def open_run(
    gateway: QueryGateway,
    scratch: Scratch,
    request: RowsRequest,
    rules: ContactRules,
    columns: Sequence[str],
    known: KnownColumns,
    most: int | None = None,
) -> AsyncGenerator[AudienceRun]:
    """Opens a run; leaving the block cancels what of it is still under way, and forgets everybody.

    `columns` are those for the caller; those that the ledger needs have to be among the request's. `known` learns
    what the query returns. With `most` the run ends, and its ledger too, before the first person beyond so many.
    """
    async with aclosing(proven(gateway.rows(request))) as messages:
        header = await anext(messages)
        assert isinstance(header, Header)  # `proven` lets nothing else come first
        if not request.columns:
            known.learn(request.query, tuple(header.schema.names))
        selection = Selection(header.schema, columns)

        def open_reader() -> AudienceReader:
            if request.order_by:
                return AudienceReader.in_key_order(header.schema, rules)
            return AudienceReader.in_authors_order(header.schema, rules, scratch)

        with closing(open_reader() if most is None else FirstPeople(open_reader, most)) as reader:
            yield AudienceRun(header, messages, reader, selection)
