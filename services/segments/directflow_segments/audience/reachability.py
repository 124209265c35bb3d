"""Whether a row has somewhere to deliver to, and which of its contact points are left out."""

import enum
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_segments.audience.contacts import ContactKind, Mask, present, well_formed
from directflow_segments.audience.ledger import DELIVERED, INVALID, NO_CONTACT, Standings


class RequiredContact(enum.Enum):
    """Which contact points make a person reachable."""

    ANY = "any"
    EMAIL = "email"
    PHONE = "phone"

    def kinds(self) -> tuple[ContactKind, ...]:
        """The kinds of which one is enough."""
        return tuple(ContactKind) if self is RequiredContact.ANY else (ContactKind(self.value),)


@dataclass(frozen=True, slots=True)
class ContactRules:
    """When a person counts as reachable: part of a data source."""

    required: RequiredContact = RequiredContact.ANY
    check_format: bool = True
    """False: contact points are passed on as they are, malformed or not."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What the contact points of some rows are."""

    standings: Standings
    """NO_CONTACT, INVALID or DELIVERED a row."""
    malformed: dict[str, Mask]
    """By column, the cells to leave out; only columns that have any."""


class ContactCheck:
    """Examines the contact columns of an audience's batches."""

    def __init__(self, schema: pa.Schema, rules: ContactRules) -> None:
        """Raises CONTRACT_BROKEN when no column can make anybody reachable."""
        self._kinds = [kind for kind in ContactKind if kind.value in schema.names]
        self._required = [kind for kind in self._kinds if kind in rules.required.kinds()]
        self._check_format = rules.check_format
        if not self._required:
            names = " or ".join(f'"{kind.value}"' for kind in rules.required.kinds())
            raise DirectFlowError(
                StatusCode.FAILED_PRECONDITION, "CONTRACT_BROKEN", f"The generator query must return {names}."
            )

    def examine(self, rows: pa.RecordBatch) -> Examined:
        """Every row's standing, and the cells that are no contact points although something stands there."""
        columns = {kind: _text(rows.column(kind.value)) for kind in self._kinds}
        filled = {kind: present(column) for kind, column in columns.items()}
        good = {kind: self._well_formed(column, kind, filled[kind]) for kind, column in columns.items()}
        some = np.logical_or.reduce([filled[kind] for kind in self._required])
        one = np.logical_or.reduce([good[kind] for kind in self._required])
        standings = np.where(one, np.uint8(DELIVERED), np.where(some, np.uint8(INVALID), np.uint8(NO_CONTACT)))
        bad = {kind.value: filled[kind] & ~good[kind] for kind in self._kinds}
        return Examined(standings, {name: mask for name, mask in bad.items() if mask.any()})

    def _well_formed(self, column: pa.StringArray, kind: ContactKind, filled: Mask) -> Mask:
        return well_formed(column, kind) if self._check_format else filled


def _text(column: pa.Array) -> pa.StringArray:
    """A phone number may be a bigint: it is judged by its digits."""
    return column if pa.types.is_string(column.type) else column.cast(pa.string())
