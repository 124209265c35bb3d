"""Makes the spans that are wanted, and hands them on when they have ended."""

from collections.abc import Sequence

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind
from opentelemetry.util.types import Attributes

from directflow_runtime.spans.recorded_span import RecordedSpan


class Recorder:
    """Of one package that instruments itself."""

    def __init__(self, name: str, resource: Resource, processor: SpanProcessor) -> None:
        """`name` is the package's: "directflow_gateway"."""
        self._scope = InstrumentationScope(name)
        self._resource = resource
        self._processor = processor

    def start(
        self,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind,
        attributes: Attributes,
        links: Sequence[Link],
        start_time: int | None,
    ) -> RecordedSpan:
        """A running span; `start_time` in nanoseconds since 1970, None for now."""
        return RecordedSpan(
            name,
            context,
            parent,
            kind,
            attributes,
            links,
            start_time,
            self._resource,
            self._scope,
            self._processor.on_end,
        )
