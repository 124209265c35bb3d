"""How many threads calls to Vault may keep."""

from directflow_gateway.threads import Threads

NAME = "directflow-vault"
MOST = 32
"""At the same time. A Vault that answers takes milliseconds; one that does not must not collect threads; and one that
takes 4 s for each answer still serves a hundred connections that are read every 15 s."""
MOST_FOR_SLOW = 8
MOST_FOR_LOGIN = 2
"""Of its own: the token that everything hangs on must not wait behind reads."""
SLOW_KEPT = 10_000


class Lanes:
    """Threads for everybody, and a few for what went without an answer last time: Vault hangs where the database behind
    a role does, and the databases of one workspace must not take the threads of all others."""

    def __init__(self, most: int = MOST, most_for_slow: int = MOST_FOR_SLOW) -> None:
        self._threads, self._for_slow = Threads(most, NAME), Threads(most_for_slow, NAME)
        self._slow: dict[int, None] = {}

    def of(self, key: int) -> Threads:
        """Those that the request with this key has to take."""
        return self._for_slow if key in self._slow else self._threads

    def learn(self, key: int, *, slow: bool) -> None:
        """How it went."""
        self._slow.pop(key, None)
        if slow:
            self._slow[key] = None
        if len(self._slow) > SLOW_KEPT:
            del self._slow[next(iter(self._slow))]
