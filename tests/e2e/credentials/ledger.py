"""What became of every call of a test."""

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc
from directflow_runtime.remote import RemoteError, remote_error


@dataclass(frozen=True)
class Failed:
    """A call that did not give what it had to."""

    call: str
    at: float
    """On the clock of `time.monotonic()`."""
    took_s: float
    error: RemoteError | None
    """None: it gave something else."""
    got: str = ""

    def __repr__(self) -> str:
        if self.error is None:
            return f"<{self.call}: {self.got}>"
        return f"<{self.call} after {self.took_s:.2f} s: {self.error.code} {self.error.reason} {self.error.metadata}>"

    @property
    def reason(self) -> str:
        """The gateway's own, also two hops further."""
        return self.error.metadata.get("gateway_reason", self.error.reason) if self.error else ""


class Ledger:
    """Counts calls, keeps failures whole."""

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()
        self.failed: list[Failed] = []
        self.slowest_s = 0.0
        """Of those that worked."""

    def __repr__(self) -> str:
        return f"<{dict(self.made)}, {len(self.failed)} failed, slowest {self.slowest_s:.2f} s: {self.failed[:5]}>"

    async def enter(self, call: str, work: Callable[[], Awaitable[Any]], expected: Any) -> bool:
        """Makes one call; whether it gave what it had to."""
        began = time.monotonic()
        error, got = None, None
        try:
            got = await work()
        except grpc.aio.AioRpcError as refused:
            error = remote_error(refused)
        took_s = time.monotonic() - began
        self.made[call] += 1
        if error is not None or got != expected:
            self.failed.append(Failed(call, began, took_s, error, repr(got)[:200]))
            return False
        self.slowest_s = max(self.slowest_s, took_s)
        return True

    @property
    def total(self) -> int:
        return sum(self.made.values())
