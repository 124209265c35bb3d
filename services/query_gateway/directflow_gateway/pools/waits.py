"""What a pool is busy with while callers wait for a session: one login serves many, whose traces show none of it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import NamedTuple

from opentelemetry.trace import Span

from directflow_gateway import telemetry_names as names

WORTH_TELLING_S = 0.001


class Stopwatch:
    """How long something took all together, what goes on now included. Entered again and again, never twice at once."""

    __slots__ = ("_began", "_ended_s")

    def __init__(self) -> None:
        self._ended_s = 0.0
        self._began: float | None = None

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended_s, self._began = self.seconds, None

    @property
    def seconds(self) -> float:
        """So far."""
        return self._ended_s if self._began is None else self._ended_s + time.monotonic() - self._began


class Spent(NamedTuple):
    """Seconds."""

    credential: float = 0.0
    admission: float = 0.0
    login: float = 0.0
    examination: float = 0.0

    def since(self, before: "Spent") -> "Spent":
        """What came since then."""
        return Spent(*(now - then for now, then in zip(self, before, strict=True)))


@dataclass(slots=True)
class Waits:
    """Of one pool, whose one task opens its sessions: so nothing is counted twice."""

    credential: Stopwatch = field(default_factory=Stopwatch)
    """Its source was asked, or the pause before asking again."""
    admission: Stopwatch = field(default_factory=Stopwatch)
    """A budget was used up."""
    budget: str = ""
    """Which one it was, the last time: PROCESS_BUDGET."""
    login: Stopwatch = field(default_factory=Stopwatch)
    """Name, TLS, password."""
    examination: Stopwatch = field(default_factory=Stopwatch)
    """What the role may do was looked at, in the first session of each credential."""

    def so_far(self) -> Spent:
        """Of this moment."""
        return Spent(*(each.seconds for each in (self.credential, self.admission, self.login, self.examination)))

    @contextmanager
    def told_by(self, span: Span) -> Iterator[None]:
        """Around opening a session: its span tells the parts, also where it fails."""
        before = self.so_far()
        try:
            yield
        finally:
            spent = self.so_far().since(before)
            span.set_attribute(names.CONNECT_MS, milliseconds(spent.login))
            tell(span, names.POOL_CREDENTIAL_MS, spent.credential)
            tell(span, names.EXAMINE_MS, spent.examination)


def tell(span: Span, name: str, seconds: float) -> None:
    """Sets the attribute where there is something to tell."""
    if seconds >= WORTH_TELLING_S:
        span.set_attribute(name, milliseconds(seconds))


def milliseconds(seconds: float) -> float:
    """As attributes tell them."""
    return round(seconds * 1000, 3)
