"""Logins that a server refused a moment ago: a script that polls the test of a connection must not lock an account."""

import math
import time
from collections.abc import Callable
from typing import Final

from directflow_gateway.connection_service.step import Step, StepName, failed
from directflow_gateway.connections import Connection
from directflow_gateway.connections.connection import Target
from directflow_gateway.credentials import Credential

REFUSED_S: Final = 10.0
"""A login may be refused once in this time, and one time more: whoever mends the role in the database tests it again at
once, and must not be told what was before."""
KEPT: Final = 1_000
"""Beyond this the oldest one is forgotten."""

Key = tuple[str, Target, str, str]


class RefusedLogins:
    """By whom, with what, and where to. One for the process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._refused: dict[Key, tuple[float, Step]] = {}
        """Until when the last refusals count, REFUSED_S each, and what the server said."""

    def check(self, connection: Connection, credential: Credential) -> None:
        """Raises StepFailed when this very login was refused too often."""
        until, step = self._refused.get(_key(connection, credential), (0.0, None))
        left_s = until - REFUSED_S - self._clock()
        if step is None or left_s <= 0:
            return
        message = "Not tried: the server has just refused this login twice, and refused logins may lock an account."
        again = f"Another credential or a changed connection is tried at once, this one in {math.ceil(left_s)} s."
        raise failed(StepName.LOGIN, message, f"{step.advice} {again}", step.mending_sql)

    def remember(self, connection: Connection, credential: Credential, step: Step) -> None:
        """The server refused it; `step` says so."""
        key, now = _key(connection, credential), self._clock()
        until, _ = self._refused.pop(key, (now, step))
        self._refused[key] = max(now, until) + REFUSED_S, step
        if len(self._refused) > KEPT:
            del self._refused[next(iter(self._refused))]


def _key(connection: Connection, credential: Credential) -> Key:
    return connection.name, connection.target, connection.database, credential.generation
