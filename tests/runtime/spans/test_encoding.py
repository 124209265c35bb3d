"""Whatever a span holds: the collector reads what OpenTelemetry's own encoder would have sent."""

from typing import Any

from directflow_runtime.loop_lag import LoopLag
from directflow_runtime.spans.encoding import LONGEST_REMEMBERED, REMEMBERED, Encoder
from directflow_runtime.spans.recorded_span import RecordedSpan, Recorder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

RESOURCE = Resource({"service.name": "directflow-test", "pods": ("a", "b")}, "https://opentelemetry.io/schemas/1.41.0")
RECORDERS = [
    Recorder(RESOURCE, InstrumentationScope(name), lambda ended: None, LoopLag())
    for name in ("directflow_test", "directflow_b")
]

short = st.text(max_size=8)
texts = short | st.text(min_size=1, max_size=2).map(lambda text: text * LONGEST_REMEMBERED)
scalars = texts | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
lists = st.lists(short, max_size=2) | st.lists(st.integers(-5, 5), max_size=2) | st.lists(st.booleans(), max_size=2)
attributes = st.dictionaries(st.text(min_size=1, max_size=8), scalars | lists.map(tuple), max_size=3)
states = st.just(TraceState()) | st.just(TraceState([("vendor", "opaque"), ("other", "1")]))
contexts = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.booleans(),
    st.just(TraceFlags(TraceFlags.SAMPLED)),
    states,
)
statuses = st.just(Status()) | st.just(Status(StatusCode.OK)) | st.builds(Status, st.just(StatusCode.ERROR), texts)
moments = st.integers(1, 2**63)


@st.composite
def spans(draw: Any) -> RecordedSpan:
    links = draw(st.lists(st.builds(Link, contexts, attributes), max_size=2))
    span = RecordedSpan(
        draw(st.sampled_from(RECORDERS)), draw(texts), draw(contexts), draw(st.none() | contexts),
        draw(st.sampled_from(SpanKind)), draw(attributes), links, draw(moments),
    )  # fmt: skip
    for name, held, at in draw(st.lists(st.tuples(texts, attributes, moments), max_size=2)):
        span.add_event(name, held, at)
    for _ in range(draw(st.sampled_from([0, 200]))):
        span.add_link(span.get_span_context())
    span.set_status(draw(statuses))
    span.end(draw(moments))
    return span


def read(encoder: Encoder, sent: list[RecordedSpan]) -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest.FromString(encoder.request(sent))


def spans_of(request: ExportTraceServiceRequest) -> list[tuple[str, bytes]]:
    """By scope; OpenTelemetry tells all spans of a scope together, in whatever order they ended."""
    found = [
        (scope.scope.name, span.SerializeToString(deterministic=True))
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    return sorted(found)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine both say nothing of us
@given(st.lists(spans(), max_size=2))
def test_a_batch_is_what_opentelemetry_would_have_sent(sent: list[RecordedSpan]) -> None:
    encoder = Encoder()
    for _ in range(2):  # again from memory
        ours, theirs = read(encoder, sent), encode_spans(sent)
        assert spans_of(ours) == spans_of(theirs)
        assert [each.resource for each in ours.resource_spans] == [each.resource for each in theirs.resource_spans]
        assert {each.schema_url for each in ours.resource_spans} <= {RESOURCE.schema_url}


def span_with(**held: Any) -> RecordedSpan:
    ids = SpanContext(1, 2, False, TraceFlags(TraceFlags.SAMPLED))
    span = RecordedSpan(RECORDERS[0], "work", ids, None, SpanKind.INTERNAL, held, [], 1)
    span.end(2)
    return span


def test_the_memory_is_bounded_and_what_is_forgotten_is_written_anew() -> None:
    encoder = Encoder()
    for number in range(3 * REMEMBERED):
        request = read(encoder, [span_with(resource=f"workspaces/acme/conditions/c{number}")])
        (attribute,) = request.resource_spans[0].scope_spans[0].spans[0].attributes
        assert attribute.value.string_value.endswith(f"/c{number}")
        assert max(len(encoder._texts), len(encoder._attributes)) <= REMEMBERED


def test_long_texts_are_not_remembered() -> None:
    encoder = Encoder()
    encoder.request([span_with(text="SELECT " * 1000)])
    assert not any(len(text) > LONGEST_REMEMBERED for text in encoder._texts)
    assert "text" not in {key for key, _ in encoder._attributes}


def test_a_text_that_is_no_unicode_costs_one_character_and_not_the_batch() -> None:
    request = read(Encoder(), [span_with(name="half \ud83d pair"), span_with(name="whole")])
    names = [span.attributes[0].value.string_value for span in request.resource_spans[0].scope_spans[0].spans]
    assert names == ["half ? pair", "whole"]


def test_true_and_one_and_one_point_nought_are_told_apart() -> None:
    encoder = Encoder()
    values = [
        read(encoder, [span_with(value=value)]).resource_spans[0].scope_spans[0].spans[0].attributes[0].value
        for value in (1, True, 1.0, "1")
    ]
    assert [value.WhichOneof("value") for value in values] == [
        "int_value",
        "bool_value",
        "double_value",
        "string_value",
    ]
