"""One lane: at most one statement in flight, and a fair queue behind it."""

import asyncio
import contextvars
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.metrics import Histogram
from opentelemetry.trace import INVALID_SPAN, Span, Tracer, get_current_span

from directflow_conditions.lanes.batch import Batch
from directflow_conditions.lanes.statement_span import statement_span, tell_vain_wait
from directflow_conditions.lanes.waiter import Waiter
from directflow_conditions.questions import Alone, Answer, Gateway, Question

MAX_CHARACTERS: Final = 1024 * 1024
"""Of ids and values in one statement: at most 4 MiB of UTF-8, far below what the gateway takes. A single question may
be longer."""

MAX_TURNS: Final = 16
MAX_STAY_S: Final = 0.002
IDLE_TURN_S: Final = 0.00005
"""A turn of the event loop that took less had nothing to do."""


class Lane:
    """Callers whose questions one statement can answer. It exists while a statement is in flight, and no longer.

    No timer: the first caller's statement goes out at once, and whoever comes while it is in flight goes with the next.
    """

    def __init__(
        self, gateway: Gateway, tracer: Tracer, most: int, vanish: Callable[[], None], sizes: Histogram
    ) -> None:
        """`most` callers a statement; `vanish` is called when nobody is left; `sizes` is told of each batch."""
        self._sizes = sizes
        self._gateway = gateway
        self._tracer = tracer
        self._most = most
        self._vanish = vanish
        self._queues: OrderedDict[str, dict[Waiter, None]] = OrderedDict()
        """Waiting callers of each identity, oldest first; the identity whose turn is next stands first."""
        self._statement: asyncio.Task[None] | None = None
        """None while the first caller's own statement is in flight."""
        self._last = 1
        """Callers of the statement before."""
        self._aboard: set[Waiter] = set()
        """Callers of the statement in flight who have not left."""
        self._in_flight: Span = INVALID_SPAN
        """What the statement in flight is a part of: its own span, or its only caller's."""

    async def lead(self, question: Question) -> Sequence[Answer]:
        """The answers for the first caller, whose statement is its own: in its task, as if there were no lane."""
        self._in_flight = get_current_span()
        try:
            return await Alone(self._gateway).ask(question)
        finally:
            self._next()

    async def follow(self, waiter: Waiter) -> Sequence[Answer] | Exception:
        """The answers for a caller that came while a statement was in flight, or why there are none."""
        self._queues.setdefault(waiter.identity, {})[waiter] = None
        try:
            return await waiter.answer
        finally:
            self._leave(waiter)

    def _leave(self, waiter: Waiter) -> None:
        """The caller has gone, with or without an answer. A statement that nobody waits for any more is cancelled."""
        queue = self._queues.get(waiter.identity)
        if queue is not None and waiter in queue:
            tell_vain_wait(waiter, self._in_flight)
            del queue[waiter]
            if not queue:
                del self._queues[waiter.identity]
        elif waiter in self._aboard:
            self._aboard.discard(waiter)
            if not self._aboard and self._statement is not None:
                self._statement.cancel()

    async def aclose(self) -> None:
        """Cancels the statement in flight, and returns when it has ended."""
        queued = [waiter for queue in self._queues.values() for waiter in queue]
        for waiter in queued:
            self._leave(waiter)
        Batch(queued).fail(_ended())
        if self._statement is not None:
            self._statement.cancel()
            await asyncio.gather(self._statement, return_exceptions=True)

    def _next(self) -> None:
        if not self._queues:
            self._statement = None
            self._vanish()
            return
        # A context of its own: the statement belongs to none of its callers, so none's deadline or trace is current.
        self._statement = asyncio.get_running_loop().create_task(self._run(), context=contextvars.Context())
        # A callback, not a `finally` in it: a task that is cancelled before its first step runs nothing of itself.
        self._statement.add_done_callback(self._over)

    def _over(self, _: asyncio.Task[None]) -> None:
        # Who was not answered is left when it was cancelled: nobody waits any more, or the service ends.
        Batch(list(self._aboard)).fail(_ended())
        self._aboard.clear()
        self._next()

    def _is_crowded(self) -> bool:
        return self._last > 1 or len(self._queues) > 1 or any(len(queue) > 1 for queue in self._queues.values())

    def _take(self) -> list[Waiter]:
        """The next callers, one of each identity in turn."""
        taken: list[Waiter] = []
        characters = 0
        while self._queues and len(taken) < self._most and characters < MAX_CHARACTERS:
            identity, queue = next(iter(self._queues.items()))
            waiter = next(iter(queue))
            if taken and characters + waiter.size > MAX_CHARACTERS:
                break
            del queue[waiter]
            self._queues.move_to_end(identity)
            if not queue:
                del self._queues[identity]
            characters += waiter.size
            taken.append(waiter)
        return taken

    async def _run(self) -> None:
        if self._is_crowded():
            await _while_busy()
        # Taken now and not when the task was made: whoever arrived in the meantime comes along.
        batch = Batch(self._take())
        self._last = len(batch.waiters)
        self._aboard = set(batch.waiters)
        if not batch.waiters:
            return
        self._sizes.record(len(batch.waiters))
        try:
            with statement_span(self._tracer, batch) as self._in_flight:
                timeout = max(waiter.deadline for waiter in batch.waiters) - time.monotonic()
                batch.deliver(await self._gateway.ask(batch.questions(), max(timeout, 0.0)))
        except Exception as error:
            batch.fail(error)


async def _while_busy() -> None:
    """Lets the event loop go on with what it has to do already, which is where a crowded lane's next callers are.

    Measured at concurrency 64: half as many statements, and a fifth less time a call. It is no timer: a loop with
    nothing to do ends it at once, and so do 2 ms. A lone caller does not come here.
    """
    end = time.monotonic() + MAX_STAY_S
    for _ in range(MAX_TURNS):
        began = time.monotonic()
        await asyncio.sleep(0)
        now = time.monotonic()
        if now - began < IDLE_TURN_S or now > end:
            return


def _ended() -> DirectFlowError:
    return DirectFlowError(
        StatusCode.UNAVAILABLE, "DRAINING", "this replica is shutting down; another one answers", retry_after=0.1
    )
