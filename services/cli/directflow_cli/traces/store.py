"""Spans of the latest traces in memory, and all of them in a file that never grows past its limit."""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path

from directflow_cli.traces.spans import Span, from_line, to_line

MAX_TRACES = 200
MAX_SPANS_A_TRACE = 2_000
MAX_FILE_BYTES = 8 * 1024 * 1024


class SpanStore:
    """The receiver's threads add, the journey and `directflow trace` read. Oldest traces go first."""

    def __init__(self, file: Path | None = None, *, max_file_bytes: int = MAX_FILE_BYTES) -> None:
        self._traces: OrderedDict[str, dict[str, Span]] = OrderedDict()
        self._file = file
        self._lock = threading.Lock()
        self._max_file_bytes = max_file_bytes
        self.dropped = 0
        """Spans that were not kept in memory, because their trace was full."""
        self.last_added = time.monotonic()

    def add(self, spans: Sequence[Span]) -> None:
        """Keeps the spans; one that is sent again replaces itself."""
        with self._lock:
            for span in spans:
                self._keep(span)
            while len(self._traces) > MAX_TRACES:
                self._traces.popitem(last=False)
            self._append(spans)
            self.last_added = time.monotonic()

    def trace(self, trace_id: str) -> list[Span]:
        """The spans of one trace, in the order in which they came; empty when it is not known."""
        with self._lock:
            return list(self._traces.get(trace_id, {}).values())

    def trace_ids(self) -> list[str]:
        """Oldest first."""
        with self._lock:
            return list(self._traces)

    def _keep(self, span: Span) -> None:
        trace = self._traces.setdefault(span.trace_id, {})
        if span.span_id in trace or len(trace) < MAX_SPANS_A_TRACE:
            trace[span.span_id] = span
        else:
            self.dropped += 1

    def _append(self, spans: Iterable[Span]) -> None:
        if self._file is None:
            return
        if self._file.exists() and self._file.stat().st_size >= self._max_file_bytes:
            self._file.replace(older(self._file))
        with self._file.open("a", encoding="utf-8") as lines:
            lines.writelines(to_line(span) + "\n" for span in spans)


def read(file: Path) -> SpanStore:
    """What a run wrote, also while it still writes."""
    store = SpanStore()
    for part in (older(file), file):
        if part.exists():
            with part.open(encoding="utf-8") as lines:
                store.add([span for line in lines if (span := from_line(line))])
    return store


def older(file: Path) -> Path:
    """Where the first half goes when the file is full; what was there before is gone."""
    return file.with_suffix(".older" + file.suffix)
