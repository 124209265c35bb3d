"""A statement in flight, and who waits for it."""

import asyncio
import time
from collections.abc import Hashable

from opentelemetry.trace import INVALID_SPAN, Span

from directflow_conditions.lanes.batch import Batch
from directflow_conditions.lanes.waiter import Waiter, row_of
from directflow_conditions.questions import Question


class Flight:
    """One statement from its beginning to its end."""

    __slots__ = ("aboard", "batch", "began", "error", "is_late", "question", "span", "task")

    def __init__(self, question: Question | None = None) -> None:
        """`question`: that of the first caller, whose statement runs in its own task."""
        self.question = question
        self.batch: Batch | None = None
        """What a shared task asks, once it has taken its callers."""
        self.aboard: set[Waiter] = set()
        """Its callers who have not left."""
        self.task: asyncio.Task[None] | None = None
        self.span: Span = INVALID_SPAN
        """What it is a part of: its own span, or its only caller's."""
        self.began = time.monotonic()
        self.is_late = False
        self.error: Exception | None = None

    def take(self, batch: Batch) -> None:
        """Its callers come aboard."""
        self.batch = batch
        self.aboard = set(batch.waiters)
        self.began = time.monotonic()

    @property
    def has_begun(self) -> bool:
        """Whether it has callers."""
        return self.question is not None or self.batch is not None

    @property
    def only_row(self) -> Hashable | None:
        """What it asks, where that is one question."""
        if self.question is not None:
            return row_of(self.question)
        if self.batch is not None and len(self.batch) == 1:
            return self.batch.waiters[0].row
        return None

    def waiters(self) -> list[Waiter]:
        """Those aboard, in the order in which they came."""
        return [waiter for waiter in self.batch.waiters if waiter in self.aboard] if self.batch is not None else []

    def leave(self, waiter: Waiter) -> bool:
        """Whether the caller was aboard. A statement that nobody waits for any more is cancelled."""
        if waiter not in self.aboard:
            return False
        self.aboard.discard(waiter)
        if not self.aboard:
            self.cancel()
        return True

    def abandon(self) -> None:
        """Cancels it; its callers have somewhere else to wait."""
        self.aboard.clear()
        self.cancel()

    def cancel(self) -> None:
        """Does nothing to the first caller's own statement, which is cancelled with its call."""
        if self.task is not None:
            self.task.cancel()
