"""Callers of a lane in the order in which they are served."""

from collections import OrderedDict

from directflow_conditions.lanes.waiter import Waiter


class FairQueue(OrderedDict[str, dict[Waiter, None]]):
    """Waiting callers of each identity, oldest first; the identity whose turn is next stands first."""

    def add(self, waiter: Waiter) -> None:
        """At the end of its identity's."""
        self.setdefault(waiter.identity, {})[waiter] = None

    def remove(self, waiter: Waiter) -> bool:
        """Whether it was there."""
        mine = self.get(waiter.identity)
        if mine is None or waiter not in mine:
            return False
        del mine[waiter]
        if not mine:
            del self[waiter.identity]
        return True

    def is_crowded(self) -> bool:
        """Whether more than one waits."""
        return len(self) > 1 or any(len(mine) > 1 for mine in self.values())

    def take(self, most: int, most_characters: int) -> list[Waiter]:
        """The next callers, one of each identity in turn. The first may have more characters than all others may."""
        taken: list[Waiter] = []
        characters = 0
        while self and len(taken) < most and characters < most_characters:
            identity, mine = next(iter(self.items()))
            waiter = next(iter(mine))
            if taken and characters + waiter.size > most_characters:
                break
            del mine[waiter]
            self.move_to_end(identity)
            if not mine:
                del self[identity]
            characters += waiter.size
            taken.append(waiter)
        return taken
