"""Spans as the bytes of an OTLP request (opentelemetry-proto, trace/v1 and collector/trace/v1).

OpenTelemetry's own encoder makes two protobuf messages for each attribute, and takes longer over a span than everything
that it tells took. Here the bytes are joined: most attributes of most spans are the same few, whose bytes are known.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

REMEMBERED: Final = 4096
"""Texts, and attributes with a text; beyond, the memory begins anew."""
LONGEST_REMEMBERED: Final = 256

_KINDS: Final = {
    SpanKind.INTERNAL: b"\x30\x01",
    SpanKind.SERVER: b"\x30\x02",
    SpanKind.CLIENT: b"\x30\x03",
    SpanKind.PRODUCER: b"\x30\x04",
    SpanKind.CONSUMER: b"\x30\x05",
}
_CODES: Final = {StatusCode.OK: b"\x18\x01", StatusCode.ERROR: b"\x18\x02"}
_HAS_IS_REMOTE, _IS_REMOTE = 0x100, 0x200
_TIMES: Final = struct.Struct("<cQcQ")
_FIXED64: Final = struct.Struct("<cQ")
_FIXED32: Final = struct.Struct("<I")
_DOUBLE: Final = struct.Struct("<cd")

# Tags: field number and wire type in one byte, or two from field 16 on.
_RESOURCE_SPANS = _RESOURCE = _SCOPE = _SCOPE_NAME = _KEY = b"\x0a"
_SCOPE_SPANS = _SPAN = _VALUE = _STATUS_MESSAGE = b"\x12"
_SCHEMA_URL = b"\x1a"
_SPAN_FLAGS, _LINK_FLAGS = b"\x85\x01", b"\x35"


class Encoder:
    """Remembers what it has written before. Not for several threads at once: one sends."""

    def __init__(self) -> None:
        self._texts: dict[str, bytes] = {}
        self._attributes: dict[tuple[str, str], bytes] = {}

    def request(self, spans: Sequence[ReadableSpan]) -> bytes:
        """An ExportTraceServiceRequest. Spans of one resource and scope that follow each other are told together."""
        sent = []
        for _, of_resource in groupby(spans, key=lambda span: id(span.resource)):
            group = list(of_resource)
            resource = group[0].resource
            body = [_field(_RESOURCE, b"".join(self._each(_KEY, resource.attributes)))]
            for _, of_scope in groupby(group, key=lambda span: id(span.instrumentation_scope)):
                body.append(_field(_SCOPE_SPANS, self._scope_spans(list(of_scope))))
            if resource.schema_url:
                body.append(_SCHEMA_URL + self._text(resource.schema_url))
            sent.append(_field(_RESOURCE_SPANS, b"".join(body)))
        return b"".join(sent)

    def _scope_spans(self, spans: Sequence[ReadableSpan]) -> bytes:
        scope = spans[0].instrumentation_scope
        name = _SCOPE_NAME + self._text(scope.name) if scope is not None and scope.name else b""
        return _field(_SCOPE, name) + b"".join(_field(_SPAN, self._span(span)) for span in spans)

    def _span(self, span: ReadableSpan) -> bytes:
        own, parent = span.context, span.parent
        assert own is not None
        parts = [b"\x0a\x10", own.trace_id.to_bytes(16, "big"), b"\x12\x08", own.span_id.to_bytes(8, "big")]
        if own.trace_state:
            parts += (b"\x1a", self._text(",".join(f"{key}={value}" for key, value in own.trace_state.items())))
        if parent is not None:
            parts += (b"\x22\x08", parent.span_id.to_bytes(8, "big"))
        parts += (b"\x2a", self._text(span.name), _KINDS[span.kind])
        parts.append(_TIMES.pack(b"\x39", span.start_time or 0, b"\x41", span.end_time or 0))
        parts += self._each(b"\x4a", span.attributes or {})
        parts += _count(b"\x50", span.dropped_attributes)
        parts += [_field(b"\x5a", self._event(event)) for event in span.events]
        parts += _count(b"\x60", span.dropped_events)
        parts += [_field(b"\x6a", self._link(link)) for link in span.links]
        parts += _count(b"\x70", span.dropped_links)
        parts += (b"\x7a", self._status(span.status), _SPAN_FLAGS, _FIXED32.pack(_flags(parent)))
        return b"".join(parts)

    def _status(self, status: Status) -> bytes:
        message = _STATUS_MESSAGE + self._text(status.description) if status.description else b""
        return _sized(message + _CODES.get(status.status_code, b""))

    def _event(self, event: Event) -> bytes:
        parts = [_FIXED64.pack(b"\x09", event.timestamp), b"\x12", self._text(event.name)]
        return b"".join([*parts, *self._each(_SCHEMA_URL, event.attributes or {})])

    def _link(self, link: Link) -> bytes:
        context = link.context
        ids = b"\x0a\x10" + context.trace_id.to_bytes(16, "big") + b"\x12\x08" + context.span_id.to_bytes(8, "big")
        attributes = b"".join(self._each(b"\x22", link.attributes)) if link.attributes else b""
        return ids + attributes + _LINK_FLAGS + _FIXED32.pack(_flags(context))

    # --- attributes ----------------------------------------------------------------------------------------------

    def _each(self, tag: bytes, attributes: Mapping[str, Any]) -> Iterable[bytes]:
        return [tag + self._attribute(key, value) for key, value in attributes.items()]

    def _attribute(self, key: str, value: Any) -> bytes:
        """A KeyValue with its length before it."""
        if type(value) is not str or len(value) > LONGEST_REMEMBERED:
            return _sized(_KEY + self._text(key) + _field(_VALUE, self._value(value)))
        known = self._attributes.get((key, value))
        if known is None:
            if len(self._attributes) >= REMEMBERED:
                self._attributes.clear()
            known = _sized(_KEY + self._text(key) + _field(_VALUE, _KEY + self._text(value)))
            self._attributes[key, value] = known
        return known

    def _value(self, value: Any) -> bytes:
        """An AnyValue."""
        match value:
            case bool():  # before int, of which it is one
                return b"\x10\x01" if value else b"\x10\x00"
            case int():
                return b"\x18" + _varint(value & 0xFFFFFFFFFFFFFFFF)
            case float():
                return _DOUBLE.pack(b"\x21", value)
            case str():
                return _KEY + self._text(value)
            case _:
                return _field(b"\x2a", b"".join(_field(b"\x0a", self._value(each)) for each in value))

    def _text(self, text: str) -> bytes:
        """In UTF-8 with its length before it. Half a surrogate pair must not cost a whole batch."""
        known = self._texts.get(text)
        if known is None:
            known = _sized(text.encode("utf-8", "replace"))
            if len(text) <= LONGEST_REMEMBERED:
                if len(self._texts) >= REMEMBERED:
                    self._texts.clear()
                self._texts[text] = known
        return known


def _flags(context: SpanContext | None) -> int:
    """Whether the parent, or what is linked to, came from another process."""
    return _HAS_IS_REMOTE | _IS_REMOTE if context is not None and context.is_remote else _HAS_IS_REMOTE


def _count(tag: bytes, number: int) -> Sequence[bytes]:
    return (tag, _varint(number)) if number else ()


def _field(tag: bytes, content: bytes) -> bytes:
    return tag + _varint(len(content)) + content


def _sized(content: bytes) -> bytes:
    return _varint(len(content)) + content


def _varint(number: int) -> bytes:
    if number < 128:
        return _SMALL[number]
    written = bytearray()
    while number >= 128:
        written.append(number & 127 | 128)
        number >>= 7
    written.append(number)
    return bytes(written)


_SMALL: Final = [bytes((number,)) for number in range(128)]
