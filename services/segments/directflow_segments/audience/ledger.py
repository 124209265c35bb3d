"""Where every row of an audience went, and how many people that were.

Each row gets the first of these that holds, whatever came before it: no key; no contact point; no contact point that
is well formed; a person delivered before; delivered. So a person whose second row has the e-mail is delivered.

People with a key are told apart by the best they had: each counts once under delivered, invalid or no contact, and
those under duplicates are some of the delivered.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from directflow_segments.audience.young_table import NEW

Standings = npt.NDArray[np.uint8]
"""What rows are, or people have come to: one of the constants below. A greater one outdoes a lesser."""

NO_CONTACT = NEW + 1
INVALID = NEW + 2
DELIVERED = NEW + 3
"""Of a row: it has a contact point to deliver to. Of a person: one row was delivered."""
DUPLICATED = NEW + 4
"""Of a person: delivered, and there were more such rows."""


def outcome(before: Standings, proposed: Standings) -> Standings:
    """What people have come to, who had come to `before` and of whom there is now a row worth `proposed`."""
    again = (before >= DELIVERED) & (proposed >= DELIVERED)
    return np.where(again, np.uint8(DUPLICATED), np.maximum(before, proposed))


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One line: different people, and rows."""

    people: int = 0
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Ledger:
    """A finished count of an audience, or of what was read of it so far."""

    rows_read: int
    delivered: LedgerEntry
    null_keys: LedgerEntry
    """Rows without a key. Nobody can be counted: people is 0."""
    no_contact: LedgerEntry
    """People: those whose every row is of this kind."""
    invalid_contact: LedgerEntry
    """People: those with such a row who were never delivered."""
    duplicates: LedgerEntry
    """Further rows with a contact point of people who were delivered."""
    contact_points_left_out: int
    """Malformed contact points replaced by NULL in rows that were delivered."""

    @property
    def people(self) -> int:
        """Different people with a key."""
        return self.delivered.people + self.no_contact.people + self.invalid_contact.people

    def adds_up(self) -> bool:
        """True when every row that was read is accounted for, and nobody was delivered twice."""
        parts = (self.delivered, self.null_keys, self.no_contact, self.invalid_contact, self.duplicates)
        return self.rows_read == sum(part.rows for part in parts) and self.delivered.people == self.delivered.rows


class Tally:
    """Counts rows and people while an audience is read."""

    def __init__(self) -> None:
        self._read = self._null_keys = self._left_out = self._delivered = 0
        self._rows = np.zeros(DUPLICATED + 1, np.int64)
        self._people = np.zeros(DUPLICATED + 1, np.int64)

    def count_rows(self, *, read: int, standings: Standings, delivered: int, left_out: int) -> None:
        """A batch: all its rows, what those with a key are, and how much of it is delivered."""
        self._read += read
        self._null_keys += read - standings.size
        self._rows += np.bincount(standings, minlength=DUPLICATED + 1)
        self._delivered += delivered
        self._left_out += left_out

    def count_people(self, before: Standings, after: Standings) -> None:
        """People who had come to `before` (NEW: nothing was known of them) have now come to `after`."""
        self._people += np.bincount(after, minlength=DUPLICATED + 1) - np.bincount(before, minlength=DUPLICATED + 1)

    def ledger(self) -> Ledger:
        """What the count has come to."""
        people, rows = self._people.tolist(), self._rows.tolist()
        return Ledger(
            rows_read=self._read,
            delivered=LedgerEntry(people[DELIVERED] + people[DUPLICATED], self._delivered),
            null_keys=LedgerEntry(0, self._null_keys),
            no_contact=LedgerEntry(people[NO_CONTACT], rows[NO_CONTACT]),
            invalid_contact=LedgerEntry(people[INVALID], rows[INVALID]),
            duplicates=LedgerEntry(people[DUPLICATED], rows[DELIVERED] - self._delivered),
            contact_points_left_out=self._left_out,
        )
