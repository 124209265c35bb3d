"""Which columns a generator returned lately, learnt from streams: what makes a narrower query possible.

Nothing is asked for it: the columns of a generator are part of every stream's header. An entry is trusted for a minute
only, since behind `SELECT *` a table may get a phone number that the ledger must not miss.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from directflow_segments.data_sources import Query

TRUSTED_FOR_S = 60.0
MOST_ENTRIES = 1_000

_Key = tuple[str, int, str]


class KnownColumns:
    """Column names by query; the least recently learnt is forgotten first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: OrderedDict[_Key, tuple[float, tuple[str, ...]]] = OrderedDict()

    def of(self, query: Query) -> tuple[str, ...]:
        """The columns of this query; empty where they are not known."""
        learnt, names = self._entries.get(_key(query), (0.0, ()))
        return names if self._clock() - learnt < TRUSTED_FOR_S else ()

    def learn(self, query: Query, names: tuple[str, ...]) -> None:
        """Notes what a stream of the whole query returned."""
        self._entries[_key(query)] = (self._clock(), names)
        self._entries.move_to_end(_key(query))
        while len(self._entries) > MOST_ENTRIES:
            self._entries.popitem(last=False)


def _key(query: Query) -> _Key:
    return query.definition, query.revision, query.template
