"""Figures of pools: what is there is read when somebody asks, what happens is counted."""

import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, Protocol

from directflow_runtime.metrics import Labels, Metrics
from directflow_runtime.metrics.names import (
    BREAKER_OPEN,
    BUDGET_HELD,
    BUDGET_LIMIT,
    DATABASE_LOGINS,
    POOL_LIMIT,
    POOL_SESSIONS,
    POOL_WAIT,
    POOL_WAITING,
)

from directflow_gateway.connections import Connection

OK: Final = "ok"
REFUSED: Final = "refused"
UNREACHABLE: Final = "unreachable"


class Figures(NamedTuple):
    """A pool in one moment."""

    idle: int
    leased: int
    opening: int
    waiting: int
    is_broken: bool
    """A breaker is open."""


class Pool(Protocol):
    """A pool, as far as its figures go."""

    @property
    def connection(self) -> Connection: ...

    def figures(self) -> Figures:
        """Of this moment."""


class Budget(Protocol):
    """The budgets, as far as their figures go."""

    def figures(self) -> dict[str, tuple[int, int]]:
        """By scope what is held and what may be; 0 for no limit."""


class PoolMeter:
    """Of one `Pools`."""

    def __init__(self, metrics: Metrics, pools: Callable[[], Iterable[Pool]]) -> None:
        self._waits = metrics.histogram(POOL_WAIT)
        self._logins = metrics.counter(DATABASE_LOGINS)
        self._pools = pools
        metrics.gauge(POOL_SESSIONS, self._sessions)
        metrics.gauge(POOL_LIMIT, self._limits)
        metrics.gauge(POOL_WAITING, lambda: {(pool.connection.name,): pool.figures().waiting for pool in pools()})
        metrics.gauge(BREAKER_OPEN, lambda: {(pool.connection.name,): pool.figures().is_broken for pool in pools()})

    def waited(self, began: float, connection: Connection) -> None:
        """Somebody has a session, or has none; `began` on the clock of `time.monotonic()`."""
        self._waits.record(time.monotonic() - began, connection.name)

    def logged_in(self, connection: Connection, outcome: str) -> None:
        """`outcome`: OK, REFUSED or UNREACHABLE."""
        self._logins.add(1, connection.name, outcome)

    def _sessions(self) -> dict[Labels, float]:
        sessions: dict[Labels, float] = {}
        for pool in self._pools():
            name, figures = pool.connection.name, pool.figures()
            sessions[name, "idle"] = figures.idle
            sessions[name, "leased"] = figures.leased
            sessions[name, "opening"] = figures.opening
        return sessions

    def _limits(self) -> dict[Labels, float]:
        return {(pool.connection.name,): pool.connection.limits.pool_size for pool in self._pools()}


def meter_budgets(metrics: Metrics, budgets: Budget) -> None:
    """What is held of them, and how much that may be."""
    metrics.gauge(BUDGET_HELD, lambda: {(scope,): held for scope, (held, _) in budgets.figures().items()})
    metrics.gauge(BUDGET_LIMIT, lambda: {(scope,): most for scope, (_, most) in budgets.figures().items() if most})
