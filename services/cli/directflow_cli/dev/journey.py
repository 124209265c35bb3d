"""The walk through the documented product: the very commands that anybody would type, one after the other.

All of them run inside one span, so that one trace shows the caller, both services, the gateway and every statement.
"""

import asyncio
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from directflow_runtime import telemetry
from directflow_runtime.settings import TelemetrySettings
from opentelemetry.trace import Tracer, format_trace_id
from rich.console import Console

from directflow_cli.dev import signals
from directflow_cli.dev.state import DevState, pinned
from directflow_cli.traces.spans import Span
from directflow_cli.traces.store import SpanStore
from directflow_cli.traces.waterfall import waterfall

SERVICE = "directflow-cli"
ROOT_SPAN = "directflow dev: the journey"
PREPARATION_SPAN = "directflow dev: the definitions"
INTERRUPTED = 130
TRACE_SECONDS = 5.0
TRACE_QUIET_SECONDS = 0.5
POLL_SECONDS = 0.05
LEGEND = """Each line is a piece of work: which program, what, when (the bar), and how many milliseconds.
It was done for the line above it that stands further to the left. Below is in words where the time went."""

CommandLine = Callable[[Sequence[str]], int]
"""Runs a command of ours, given its arguments, and returns its exit code."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the journey."""

    title: str
    arguments: tuple[str, ...]
    exit_codes: frozenset[int] = frozenset({0})
    """What counts as well done: a condition that is FALSE ends with 1."""
    note: Callable[[float], str] | None = None
    """What to say of the outcome, given the seconds it took."""

    @property
    def command(self) -> str:
        """As one would type it."""
        return "directflow " + shlex.join(self.arguments)


class Journey:
    """Takes the steps and shows their trace."""

    def __init__(self, console: Console, run: CommandLine, state: DevState, store: SpanStore) -> None:
        self._console = console
        self._run = run
        self._state = state
        self._store = store

    def walk(self, steps: Sequence[Step], preparation: Sequence[Step] = ()) -> list[Step]:
        """Takes every step, also after one that failed, and returns those that did.

        `preparation` comes first and has a trace of its own, or a hundred saves would hide what the rest is about.
        """
        tracing = telemetry.start(TelemetrySettings(otlp_endpoint=f"http://{self._state.otlp}"), SERVICE)
        tracer = tracing.tracer("directflow_cli")
        try:
            with pinned(self._state):
                failed, _ = self._chapter(tracer, PREPARATION_SPAN, 1, preparation)
                failed_later, trace_id = self._chapter(tracer, ROOT_SPAN, 1 + len(preparation), steps)
        finally:
            asyncio.run(tracing.aclose())
        if steps:
            self._show_trace(trace_id)
        return failed + failed_later

    def _chapter(self, tracer: Tracer, name: str, first: int, steps: Sequence[Step]) -> tuple[list[Step], str]:
        """What failed, and the id of the trace."""
        with tracer.start_as_current_span(name) as span:
            failed = [step for number, step in enumerate(steps, first) if not self._take(number, step)]
            return failed, format_trace_id(span.get_span_context().trace_id)

    def _take(self, number: int, step: Step) -> bool:
        self._console.rule(f"[bold]{number}[/] {step.title}", align="left")
        self._console.print(f"[dim]$[/] {step.command}\n", highlight=False, soft_wrap=True)
        started = time.monotonic()
        try:
            code = self._run(step.arguments)
        finally:
            signals.end_by_interrupt()  # a command's event loop leaves the default for SIGTERM behind
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        good = code in step.exit_codes
        self._console.print(self._remark(step, code, good, time.monotonic() - started), highlight=False)
        return good

    @staticmethod
    def _remark(step: Step, code: int, good: bool, seconds: float) -> str:
        if not good:
            return f"[red]failed with exit code {code}[/] [dim]{seconds:.2f} s[/]"
        return f"[dim]{seconds:.2f} s[/]" + (f" [green]{step.note(seconds)}[/]" if step.note else "")

    def _show_trace(self, trace_id: str) -> None:
        self._console.rule("[bold]One trace of all this[/]", align="left")
        self._console.print(LEGEND, style="dim", highlight=False)
        self._console.print(waterfall(self._complete(trace_id), self._store.trace))

    def _complete(self, trace_id: str) -> list[Span]:
        """The trace once its root is there and nothing has come for a moment: services export in the background."""
        deadline = time.monotonic() + TRACE_SECONDS
        while time.monotonic() < deadline:
            quiet = time.monotonic() - self._store.last_added > TRACE_QUIET_SECONDS
            if quiet and any(not span.parent_id for span in self._store.trace(trace_id)):
                break
            time.sleep(POLL_SECONDS)
        return self._store.trace(trace_id)
