"""The first people of an audience, and the ledger of just the rows that lie before the first who is not among them."""

from collections.abc import Callable

import pyarrow as pa

from directflow_segments.audience.ledger import Ledger
from directflow_segments.audience.reader import AudienceReader, Delivery


class FirstPeople:
    """Reads as an AudienceReader does, until there is one person too many. Close it when the run ends.

    Rows come by the thousand, and a reader cannot forget them again: the ledger of a few people would count them all.
    So the rows are kept, and those that count are read once more. Only for runs whose limits make them few.
    """

    def __init__(self, open_reader: Callable[[], AudienceReader], most: int) -> None:
        self.done = False
        """True: there is somebody else, and nothing more is to be read."""
        self._open_reader = open_reader
        self._reader = open_reader()
        self._left = most
        self._kept: list[pa.RecordBatch] = []

    def read(self, batch: pa.RecordBatch) -> Delivery:
        """See AudienceReader. Of the batch with the one too many: what lies before that one."""
        delivery = self._reader.read(batch)
        if delivery.people.num_rows > self._left:
            return self._read_again(batch.slice(0, delivery.row_of(self._left)))
        self._left -= delivery.people.num_rows
        self._kept.append(batch)
        return delivery

    def _read_again(self, last: pa.RecordBatch) -> Delivery:
        self.done = True
        self._reader.close()
        self._reader = self._open_reader()
        for batch in self._kept:
            self._reader.read(batch)
        return self._reader.read(last)

    def takes_long(self, batch: pa.RecordBatch) -> bool:
        """See AudienceReader."""
        return self._reader.takes_long(batch)

    def ledger(self) -> Ledger:
        """See AudienceReader: its delivered people are those of all deliveries, and never more than the most."""
        return self._reader.ledger()

    def close(self) -> None:
        """See AudienceReader."""
        self._reader.close()
