"""A span that is read by somebody: what is told of it is kept until it ends.

One task tells of a span, and nothing is sent before its end: so there is no lock, and nothing is copied.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.util.types import Attributes, AttributeValue

from directflow_runtime import telemetry_names as names
from directflow_runtime.loop_lag import LoopLag

MOST: Final = 128
"""Attributes, events, or links of one span, as in OpenTelemetry's specification; what is beyond is counted."""
UNSET: Final = Status()
LEAST_LAG_NS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Recorder:
    """Of one package that instruments itself: who its spans are from, and who gets them."""

    resource: Resource
    scope: InstrumentationScope
    """The package's name."""
    ended: Callable[["RecordedSpan"], None]
    """Called once for each span, at its end."""
    lag: LoopLag
    """Of the process."""


class RecordedSpan(Span, ReadableSpan):
    """As the SDK's span, for processors and exporters of the SDK."""

    def __init__(  # the SDK's own fields, without its constructor's detours
        self,
        recorder: Recorder,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind,
        attributes: Attributes,
        links: Sequence[Link],
        start_time: int | None,
    ) -> None:
        """`start_time` in nanoseconds since 1970, None for now."""
        self._name = name
        self._own = self._context = context
        self._parent = parent
        self._kind = kind
        self._attributes: dict[str, AttributeValue] = dict(attributes) if attributes else {}
        self._events: list[Event] = []
        self._links: list[Link] = list(links[:MOST])
        self._status = UNSET
        now = time.time_ns()
        self._start_time = now if start_time is None else start_time
        self._end_time: int | None = None
        self._resource = recorder.resource
        self._instrumentation_scope = recorder.scope
        self._instrumentation_info = None
        self._dropped = {"attributes": 0, "events": 0, "links": len(links) - len(self._links)} if links else _NONE
        self._ended = recorder.ended
        self._lag = recorder.lag
        self._lag_at_start = recorder.lag.total_ns(now)
        if self._start_time < now:  # begun afterwards
            self._lag_at_start -= recorder.lag.since_ns(self._start_time, now)

    # --- while it runs -------------------------------------------------------------------------------------------

    def get_span_context(self) -> SpanContext:
        """As OpenTelemetry's."""
        return self._own

    def is_recording(self) -> bool:
        """True until its end."""
        return self._end_time is None

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """As OpenTelemetry's."""
        if self._end_time is not None:
            return
        if len(self._attributes) >= MOST and key not in self._attributes:
            self._drop("attributes")
        else:
            self._attributes[key] = value

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """As OpenTelemetry's."""
        if self._end_time is None and len(self._attributes) + len(attributes) <= MOST:
            self._attributes.update(attributes)
        else:
            for key, value in attributes.items():
                self.set_attribute(key, value)

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        """As OpenTelemetry's."""
        if self._end_time is not None:
            return
        if len(self._events) >= MOST:
            self._drop("events")
        else:
            self._events.append(Event(name, attributes, timestamp))

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """As OpenTelemetry's."""
        if self._end_time is not None:
            return
        if len(self._links) >= MOST:
            self._drop("links")
        else:
            self._links.append(Link(context, attributes))

    def update_name(self, name: str) -> None:
        """As OpenTelemetry's."""
        if self._end_time is None:
            self._name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """As OpenTelemetry's: OK is final, and nothing is unset again."""
        told = status if isinstance(status, Status) else Status(status, description)
        if self._end_time is None and self._status.status_code is not StatusCode.OK and not told.is_unset:
            self._status = told

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Its type. Its text and its stack may hold what is in a customer's database."""
        kind = {"exception.type": type(exception).__qualname__}
        self.add_event("exception", {**kind, **(attributes or {})}, timestamp)

    def end(self, end_time: int | None = None) -> None:
        """As OpenTelemetry's."""
        if self._end_time is None:
            end_time = time.time_ns() if end_time is None else end_time
            lag = self._lag.total_ns(end_time) - self._lag_at_start
            if lag > LEAST_LAG_NS:
                self.set_attribute(names.LOOP_LAG_MS, round(lag / 1e6, 3))
            self._end_time = end_time
            self._ended(self)

    # --- for whoever reads it ------------------------------------------------------------------------------------

    @property
    def dropped_attributes(self) -> int:
        """How many there was no room for."""
        return self._dropped["attributes"]

    @property
    def dropped_events(self) -> int:
        """How many there was no room for."""
        return self._dropped["events"]

    @property
    def dropped_links(self) -> int:
        """How many there was no room for."""
        return self._dropped["links"]

    def _drop(self, what: str) -> None:
        self._dropped = {**self._dropped, what: self._dropped[what] + 1}


_NONE: Final = {"attributes": 0, "events": 0, "links": 0}
