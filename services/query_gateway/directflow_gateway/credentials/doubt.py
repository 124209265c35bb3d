"""A password that its source has and no database takes, though the one before works."""

from typing import Final

DOUBTED_S: Final = 15.0
"""It is tried again after this time, for nobody changes a password everywhere at once; until then the one before
serves."""
LONGEST_DOUBTED_S: Final = 300.0
"""After twice the time at each further refusal, and at most this: a slip stays until somebody mends it, and 5,000
refused logins a day lock accounts, or call out a server's administrators."""


class Doubt:
    """About one generation of a credential; another one is beyond doubt. Times on the clock of `time.monotonic()`."""

    def __init__(self) -> None:
        self._generation = ""
        self._until = 0.0
        self._refusals = 0

    def refused(self, generation: str, now: float) -> None:
        """A database did not take it. Who tried it while it was doubted already has learnt nothing new."""
        if self.holds(generation, now):
            return
        self._refusals = self._refusals + 1 if self.concerns(generation) else 0
        self._generation = generation
        self._until = now + min(LONGEST_DOUBTED_S, DOUBTED_S * 2 ** min(self._refusals, 10))

    def concerns(self, generation: str) -> bool:
        """Whether it has been refused."""
        return generation == self._generation

    def holds(self, generation: str, now: float) -> bool:
        """Whether it is too early to try it again."""
        return self.concerns(generation) and now < self._until

    def end(self) -> None:
        """A database has taken the present one."""
        self._generation, self._refusals = "", 0
