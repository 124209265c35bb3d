"""What stands aside in a lane, so that one slow profile costs its neighbours about LATE_S and not their deadlines.

A statement that is late may hold one profile that never ends, and hundreds whose answers the gateway knows already; or
all of them are slow, and it is about to answer. Nobody can tell, so it goes on, and its callers are asked again beside
it in parts, one part after another: a healthy one takes milliseconds, and the one with the slow profile is late again
and divided in turn. The first answer counts. Where everybody is slow that costs one more statement at a time, not one
for each profile, and the late statement answers as if it had been left alone.
"""

from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from itertools import chain
from typing import Final

from directflow_conditions.lanes.flight import Flight
from directflow_conditions.lanes.waiter import Waiter

LATE_S: Final = 0.5
"""A statement that runs longer holds nobody up any more. Twice what the gateway aims at for a statement of many
(250 ms): an ordinary one, the trials of its forms included, is never asked twice."""
MOST_LATE: Final = 3
"""Late statements of a lane. With the usual one and the one that asks again five at once, of the eight sessions that a
pool has by default: a condition that is slow for everybody leaves some to the others. So many profiles that never end,
and one more, hold nobody up; the next one does until a deadline of theirs has passed."""
PARTS: Final = 8
"""Of a late statement. They go one after another, so more parts cost milliseconds, and fewer rounds of LATE_S: two for
64 callers, and three for 512."""


class Aside:
    """Late statements, and those who are asked again."""

    def __init__(self) -> None:
        self.late: list[Flight] = []
        """Oldest first."""
        self.ending: set[Flight] = set()
        """Cancelled, and not yet at their end: the lane must not end before them."""
        self.parts: deque[Sequence[Waiter]] = deque()
        """What is asked again, each in a statement of its own."""
        self._behind: dict[Hashable, dict[Waiter, None]] = {}
        """By what a late statement asks alone: callers with the same question, who came later. In the others' statement
        they would make that one late as well; in that which is in flight they would get what was true before they
        asked."""

    def is_empty(self) -> bool:
        """Whether nothing is late any more, and nobody is to be asked again."""
        return not (self.late or self.ending or self.parts or self._behind)

    def divide(self, flight: Flight) -> None:
        """Its callers are to be asked again in parts; one that asks a single question has none."""
        row = flight.only_row
        if row is not None:
            self._behind.setdefault(row, {})
        else:
            self.parts.extend(_parts(flight.waiters()))

    def ask_again(self, waiters: Sequence[Waiter]) -> None:
        """In one part, after all others."""
        if waiters:
            self.parts.append(waiters)

    def over(self, flight: Flight) -> None:
        """Whoever waited behind it is asked now."""
        self.ending.discard(flight)
        row = flight.only_row if flight.is_late else None
        if row is not None and (waiting := self._behind.pop(row, None)):
            self.parts.append(list(waiting))

    def fresh(self, waiters: Sequence[Waiter]) -> Sequence[Waiter]:
        """Those whose question is not being asked by a late statement; the others wait for its end."""
        if not self._behind:
            return waiters
        kept = []
        for waiter in waiters:
            if waiter.row in self._behind:
                self._behind[waiter.row][waiter] = None
            else:
                kept.append(waiter)
        return kept

    def take(self) -> Sequence[Waiter]:
        """The next part without those who have been answered or have left."""
        while self.parts:
            waiters = [waiter for waiter in self.parts.popleft() if not waiter.answer.done()]
            if len({waiter.row for waiter in waiters}) == 1:
                waiters = list(self.fresh(waiters))
            if waiters:
                return waiters
        return ()

    def leave(self, waiter: Waiter) -> None:
        """The caller waits behind nothing any more. (Parts hold on to it until their turn: they are few.)"""
        if waiter.row in self._behind:
            self._behind[waiter.row].pop(waiter, None)

    def redundant(self, flights: Sequence[Flight]) -> Flight | None:
        """The oldest late statement of several of whose callers, as many as are left, none needs it any more: each is
        being asked alone, or waits for the end of such a statement."""
        alone = set().union(*(flight.aboard for flight in flights if flight.is_late and flight.only_row is not None))
        alone.update(*self._behind.values())
        shared = (flight for flight in flights if flight.is_late and flight.only_row is None)
        return next((flight for flight in shared if flight.aboard and flight.aboard <= alone), None)

    def waiters(self) -> set[Waiter]:
        """All who will be asked again."""
        return set().union(*self.parts, *self._behind.values())

    def clear(self) -> set[Waiter]:
        """Those who would have been asked again."""
        waiters = self.waiters()
        self.parts.clear()
        self._behind.clear()
        return waiters


def _parts(waiters: Iterable[Waiter]) -> list[list[Waiter]]:
    """Equal questions are in one part."""
    by_row: dict[Hashable, list[Waiter]] = {}
    for waiter in waiters:
        if not waiter.answer.done():
            by_row.setdefault(waiter.row, []).append(waiter)
    rows = list(by_row.values())
    size = max(1, -(-len(rows) // PARTS))
    return [list(chain(*rows[start : start + size])) for start in range(0, len(rows), size)]
