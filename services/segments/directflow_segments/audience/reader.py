"""Reads an audience: batches of a generator's rows in, batches of people out, and the ledger of both."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_segments.audience.contacts import Mask
from directflow_segments.audience.ledger import Ledger, Tally
from directflow_segments.audience.people import NeighbouringPeople, People, RememberedPeople
from directflow_segments.audience.reachability import ContactCheck, ContactRules
from directflow_segments.audience.scratch import Scratch

KEY_COLUMN = "profile_id"
_ORDERED_ALIKE = ("smallint", "integer", "bigint", "oid", "uuid", "text", "character varying")
"""Types whose values are equal just when their texts are. Of `1.0` and `1.00`, equal to PostgreSQL, a resumed stream
would lose one person, as with citext."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What of one batch is delivered."""

    people: pa.RecordBatch
    """May have no rows."""
    unchanged: bool
    """True: `people` is the batch that was read; its bytes can be passed on as they are."""
    resume_key: str | None
    """In KEY order: nobody up to and with this id is missing from the deliveries so far."""
    rows: Mask = field(repr=False)
    """Which rows of those with a key they are."""
    keys: pa.Array = field(repr=False)
    """Of the batch."""

    def row_of(self, index: int) -> int:
        """The row of the batch that a person was delivered in, by the index among `people`."""
        with_key = np.flatnonzero(self.keys.is_valid().to_numpy(zero_copy_only=False))
        return int(with_key[self.rows][index])


class AudienceReader:
    """One run over an audience. Close it when the run ends, however it ends."""

    done: Final = False
    """An audience is read to its end; see FirstPeople for one that is not."""

    def __init__(self, schema: pa.Schema, rules: ContactRules, people: People) -> None:
        self._check = ContactCheck(schema, rules)
        self._people = people
        self._tally = Tally()

    @classmethod
    def in_authors_order(cls, schema: pa.Schema, rules: ContactRules, scratch: Scratch) -> "AudienceReader":
        """For rows in any order. Raises CONTRACT_BROKEN where the columns make no audience."""
        return cls(schema, rules, RememberedPeople(_key_field(schema), scratch))

    @classmethod
    def in_key_order(cls, schema: pa.Schema, rules: ContactRules) -> "AudienceReader":
        """For rows ordered by `profile_id`, NULL first, text by its bytes."""
        _refuse_other_orders(_key_field(schema))
        return cls(schema, rules, NeighbouringPeople())

    def read(self, batch: pa.RecordBatch) -> Delivery:
        """The people of a batch, each in the first row that has a contact point, malformed contact points left out."""
        rows = _with_key(batch)
        examined = self._check.examine(rows)
        if rows.num_rows:
            deliver = self._people.meet(rows.column(KEY_COLUMN), examined.standings, self._tally)
        else:
            deliver = np.empty(0, np.bool_)
        people = rows if deliver.all() else rows.filter(pa.array(deliver))
        left_out = 0
        for column, malformed in examined.malformed.items():
            cells = malformed[deliver]
            left_out += int(np.count_nonzero(cells))
            people = _without(people, column, cells) if cells.any() else people
        self._tally.count_rows(
            read=batch.num_rows, standings=examined.standings, delivered=people.num_rows, left_out=left_out
        )
        return Delivery(people, people is batch, self._people.resume_key, deliver, batch.column(KEY_COLUMN))

    def takes_long(self, batch: pa.RecordBatch) -> bool:
        """True when reading this batch may take more than some milliseconds."""
        return self._people.takes_long(batch.num_rows)

    def ledger(self) -> Ledger:
        """The ledger of what was read so far."""
        return self._tally.ledger()

    def close(self) -> None:
        """Gives back what the run remembered. May be called twice."""
        self._people.close()


def _with_key(batch: pa.RecordBatch) -> pa.RecordBatch:
    keys = batch.column(KEY_COLUMN)
    return batch.filter(keys.is_valid()) if keys.null_count else batch


def _without(people: pa.RecordBatch, column: str, cells: Mask) -> pa.RecordBatch:
    index = people.schema.get_field_index(column)
    kept = pc.if_else(pa.array(cells), None, people.column(index))
    return people.set_column(index, people.schema.field(index), kept)


def _key_field(schema: pa.Schema) -> pa.Field:
    if schema.get_field_index(KEY_COLUMN) < 0:
        raise DirectFlowError(
            StatusCode.FAILED_PRECONDITION, "CONTRACT_BROKEN", f'The generator query must return "{KEY_COLUMN}", once.'
        )
    return schema.field(KEY_COLUMN)


def _refuse_other_orders(key: pa.Field) -> None:
    postgres_type = (key.metadata or {}).get(b"pg_type", b"text").decode()
    if postgres_type.split("(")[0] not in _ORDERED_ALIKE:
        raise DirectFlowError(
            StatusCode.FAILED_PRECONDITION,
            "CONTRACT_BROKEN",
            f'The KEY order needs a "{KEY_COLUMN}" of type {", ".join(_ORDERED_ALIKE)}, not {postgres_type}: '
            "select it with ::text, or ask for the author's order.",
        )
