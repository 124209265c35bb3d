"""One lane: one statement in flight at a time as long as none is late, and a fair queue behind it."""

import asyncio
import contextvars
import time
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.metrics import Histogram
from opentelemetry.trace import INVALID_SPAN, Span, Tracer, get_current_span

from directflow_conditions.lanes.aside import LATE_S, MOST_LATE, Aside
from directflow_conditions.lanes.batch import Batch
from directflow_conditions.lanes.fair_queue import FairQueue
from directflow_conditions.lanes.flight import Flight
from directflow_conditions.lanes.statement_span import statement_span, tell_vain_wait
from directflow_conditions.lanes.waiter import Waiter
from directflow_conditions.questions import Alone, Answer, Gateway, Outcomes, Question

MAX_CHARACTERS: Final = 1024 * 1024
"""Of ids and values in one statement: at most 4 MiB of UTF-8, far below what the gateway takes. A single question may
be longer."""

MAX_TURNS: Final = 16
MAX_STAY_S: Final = 0.002
IDLE_TURN_S: Final = 0.00005
"""A turn of the event loop that took less had nothing to do."""

TIMES_USUAL: Final = 2.0
MOST_USUAL_S: Final = 5.0
"""A statement that answered most of its own callers although it was late tells how slow the condition is for everybody:
the next one is late after TIMES_USUAL of that, and after MOST_USUAL_S in any case. Else every one of them would be
asked twice."""
EARLY_S: Final = 0.005
"""uvloop counts whole milliseconds, so that a timer may ring before its time."""


class Lane:
    """Callers whose questions one statement can answer. It exists while a statement is in flight, and no longer.

    The first caller's statement goes out at once, and whoever comes while it is in flight goes with the next: no timer
    decides when. The only one, every half second at most, looks for a statement that is late; a lone caller has none.
    """

    def __init__(
        self,
        gateway: Gateway,
        tracer: Tracer,
        most: int,
        vanish: Callable[[], None],
        sizes: Histogram,
        late_after_s: float = LATE_S,
    ) -> None:
        """`most` callers a statement; `vanish` is called when nobody is left; `sizes` is told of each batch."""
        self._sizes = sizes
        self._gateway = gateway
        self._tracer = tracer
        self._most = most
        self._vanish = vanish
        self._queue = FairQueue()
        self._last = 1
        """Callers of the statement before."""
        self._usual: Flight | None = None
        """The statement that arrivals wait for."""
        self._again: Flight | None = None
        """The statement that those who are to be asked again wait for."""
        self._aside: Aside | None = None
        """None as long as no statement was late."""
        self._shortest_late_s = self._late_after_s = late_after_s
        self._timer: asyncio.TimerHandle | None = None
        self.waiting = 0
        """Callers who wait for an answer."""

    async def lead(self, question: Question) -> Sequence[Answer]:
        """The answers for the first caller, whose statement is its own: in its task, as if there were no lane."""
        flight = self._usual = Flight(question)
        flight.span = get_current_span()
        self.waiting += 1
        try:
            return await Alone(self._gateway).ask(question)
        finally:
            self.waiting -= 1
            self._over(flight)

    async def follow(self, waiter: Waiter) -> Sequence[Answer] | Exception:
        """The answers for a caller that came while a statement was in flight, or why there are none."""
        self._queue.add(waiter)
        self.waiting += 1
        if self._usual is None:
            self._advance()
        elif self._timer is None and not self._usual.is_late:
            self._watch(self._usual)
        try:
            return await waiter.answer
        finally:
            self.waiting -= 1
            self._leave(waiter)

    def _leave(self, waiter: Waiter) -> None:
        """The caller has gone, with or without an answer."""
        if self._queue.remove(waiter):
            tell_vain_wait(waiter, self._waited_for())
        elif self._aside is None:
            if self._usual is not None:
                self._usual.leave(waiter)
        else:
            self._aside.leave(waiter)
            was_aboard = [flight.leave(waiter) for flight in self._flights()]
            if waiter.answer.cancelled() and not any(was_aboard):
                tell_vain_wait(waiter, self._waited_for())

    async def aclose(self) -> None:
        """Cancels the statements in flight, and returns when they have ended."""
        queued = [waiter for queue in self._queue.values() for waiter in queue]
        for waiter in queued:
            self._leave(waiter)
        if self._aside is not None:
            queued += self._aside.clear()
        Batch(queued).fail(_ended())
        ending = [] if self._aside is None else self._aside.ending
        tasks = [flight.task for flight in (*self._flights(), *ending) if flight.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- what is in flight -----------------------------------------------------------------------------------------

    def _flights(self) -> list[Flight]:
        """All statements in flight, late ones first."""
        late = [] if self._aside is None else self._aside.late
        return [*late, *(flight for flight in (self._usual, self._again) if flight is not None)]

    def _waited_for(self) -> Span:
        """What an arrival waits for."""
        if self._usual is not None:
            return self._usual.span
        return self._aside.late[-1].span if self._aside is not None and self._aside.late else INVALID_SPAN

    def _advance(self) -> None:
        """Starts what may be started. The lane ends when nothing is in flight."""
        if self._usual is None and self._queue:
            self._usual = self._started(self._take)
        if self._aside is not None and self._again is None and self._aside.parts:
            self._again = self._started(self._aside.take)
        if self._usual is None and self._again is None and self._aside is None:
            if self._timer is not None:
                self._timer.cancel()
            self._vanish()

    def _started(self, take: Callable[[], Sequence[Waiter]]) -> Flight:
        flight = Flight()
        # A context of its own: the statement belongs to none of its callers, so none's deadline or trace is current.
        flight.task = asyncio.get_running_loop().create_task(self._run(flight, take), context=contextvars.Context())
        # A callback, not a `finally` in it: a task that is cancelled before its first step runs nothing of itself.
        flight.task.add_done_callback(lambda _: self._over(flight))
        return flight

    def _over(self, flight: Flight) -> None:
        if flight.aboard:
            self._end(flight)
        self._forget(flight)
        if self._aside is not None:
            self._aside.over(flight)
            self._step_aside(self._aside)
            if self._again is None and self._aside.is_empty():
                self._aside = None
        self._advance()

    def _take(self) -> Sequence[Waiter]:
        waiters = self._queue.take(self._most, MAX_CHARACTERS)
        return waiters if self._aside is None else self._aside.fresh(waiters)

    async def _run(self, flight: Flight, take: Callable[[], Sequence[Waiter]]) -> None:
        if self._last > 1 or self._queue.is_crowded():
            await _while_busy()
        # Taken now and not when the task was made: whoever arrived in the meantime comes along.
        batch = Batch(take())
        self._last = len(batch.waiters)
        if not batch.waiters:
            return
        flight.take(batch)
        if self._timer is None:
            self._watch(flight)
        self._sizes.record(len(batch.waiters))
        try:
            again = self._elsewhere(flight) if flight is self._again else frozenset()
            with statement_span(self._tracer, batch, again) as flight.span:
                timeout = max(waiter.deadline for waiter in batch.waiters) - time.monotonic()
                self._answer(flight, batch, await self._gateway.ask(batch.questions(), max(timeout, 0.0)))
        except Exception as error:
            flight.error = error

    def _answer(self, flight: Flight, batch: Batch, outcomes: Sequence[Outcomes]) -> None:
        if len(batch) > 1:
            self._learn(batch, time.monotonic() - flight.began)
        batch.deliver(outcomes, self._elsewhere(flight) if flight.is_late else frozenset())

    def _learn(self, batch: Batch, took_s: float) -> None:
        if took_s <= self._shortest_late_s:
            if self._late_after_s > self._shortest_late_s:
                self._be_impatient()
        elif 2 * len({waiter.row for waiter in batch.waiters if not waiter.answer.done()}) > len(batch):
            self._late_after_s = min(MOST_USUAL_S, TIMES_USUAL * took_s)

    def _be_impatient(self) -> None:
        """The timer may have been set to MOST_USUAL_S."""
        self._late_after_s = self._shortest_late_s
        if self._timer is not None:
            self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_later(0, self._look)

    def _end(self, flight: Flight) -> None:
        """Whoever has no answer, and is not being asked in another statement, is told why."""
        elsewhere = self._elsewhere(flight)
        left = [waiter for waiter in flight.aboard if not waiter.answer.done() and waiter not in elsewhere]
        flight.aboard.clear()
        was_cancelled = flight.task is not None and flight.task.cancelled()
        if self._aside is not None and flight.error is None and not was_cancelled:
            # Its answer was none for them, and the statement that was to have a better one has failed.
            self._aside.ask_again(left)
            return
        # When it was cancelled nobody waits any more, or the service ends.
        Batch(left).fail(flight.error or _ended())

    def _elsewhere(self, flight: Flight) -> AbstractSet[Waiter]:
        """Callers for whom there is, or will be, another statement."""
        if self._aside is None:
            return frozenset()
        return self._aside.waiters().union(*(other.aboard for other in self._flights() if other is not flight))

    # --- what is late ----------------------------------------------------------------------------------------------

    def _watch(self, flight: Flight) -> None:
        delay_s = flight.began + self._late_after_s - time.monotonic()
        self._timer = asyncio.get_running_loop().call_later(max(0.0, delay_s), self._look)

    def _look(self) -> None:
        """Looks for statements that are late."""
        self._timer = None
        began_before = time.monotonic() + EARLY_S - self._late_after_s
        for flight in self._in_time():
            if flight.began <= began_before:
                self._is_late(flight)
        if self._aside is not None:
            self._step_aside(self._aside)
        self._advance()
        in_time = self._in_time()
        if in_time and self._timer is None:
            self._watch(min(in_time, key=lambda flight: flight.began))

    def _in_time(self) -> list[Flight]:
        """Those that may become late. One that has not taken its callers does not: whom would be asked again?"""
        flights = (self._usual, self._again)
        return [flight for flight in flights if flight is not None and flight.has_begun and not flight.is_late]

    def _is_late(self, flight: Flight) -> None:
        flight.is_late = True
        if self._aside is None:
            self._aside = Aside()
        self._aside.divide(flight)
        if flight is self._again and flight.only_row is None:
            # Its callers are in parts of it now, and most are aboard a late statement that is older: where everybody
            # is slow that one answers first.
            self._drop(flight, self._aside)

    def _step_aside(self, aside: Aside) -> None:
        """What is late holds nobody up, as long as there is room beside: first of all what asks again, for behind it
        are those who need milliseconds."""
        for flight in (self._again, self._usual):
            if flight is None or not flight.is_late:
                continue
            if len(aside.late) >= MOST_LATE:
                self._make_room(aside)
            if len(aside.late) < MOST_LATE and flight in (self._again, self._usual):
                self._forget(flight)
                aside.late.append(flight)

    def _make_room(self, aside: Aside) -> None:
        """As far as that costs nobody an answer."""
        if (redundant := aside.redundant(self._flights())) is not None:
            self._drop(redundant, aside)
            return
        again = self._again
        if again is None or not again.is_late or not aside.parts:
            return
        waiters = again.waiters()
        if waiters and all(
            any(waiter in other.aboard for other in self._flights() if other is not again) for waiter in waiters
        ):
            # Another statement goes on for them: after the others they may be the last of it, which makes room.
            self._drop(again, aside)
            aside.ask_again(waiters)
            return
        # They have no other, and whoever has a part to wait for can do without a statement of several.
        for flight in reversed(aside.late):
            if flight.only_row is None and flight.aboard <= self._elsewhere(flight):
                self._drop(flight, aside)
                return

    def _drop(self, flight: Flight, aside: Aside) -> None:
        self._forget(flight)
        aside.ending.add(flight)
        flight.abandon()

    def _forget(self, flight: Flight) -> None:
        if flight is self._usual:
            self._usual = None
        elif flight is self._again:
            self._again = None
        elif self._aside is not None and flight in self._aside.late:
            self._aside.late.remove(flight)


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
