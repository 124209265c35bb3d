"""Spans come in over OTLP exactly as our services send them: through OpenTelemetry's own exporter."""

from pathlib import Path

from directflow_cli.traces.receiver import Receiver
from directflow_cli.traces.spans import MAX_EVENTS
from directflow_cli.traces.store import SpanStore, read
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode


def send_two_spans(address: str) -> str:
    provider = TracerProvider(resource=Resource({"service.name": "segments"}))
    exporter = OTLPSpanExporter(endpoint=f"http://{address}", insecure=True, timeout=5)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    attributes = {"rpc.method": "X/Y", "directflow.rows": 7}
    with (
        tracer.start_as_current_span("outer", attributes=attributes) as outer,
        tracer.start_as_current_span("inner") as inner,
    ):
        inner.set_status(Status(StatusCode.ERROR, "refused"))
    provider.shutdown()
    return format(outer.get_span_context().trace_id, "032x")


def test_an_exported_trace_is_kept_with_its_service_parents_and_attributes(tmp_path: Path) -> None:
    store = SpanStore(tmp_path / "traces.jsonl")
    with Receiver(store) as receiver:
        trace_id = send_two_spans(receiver.address)
    spans = {span.name: span for span in store.trace(trace_id)}
    assert spans["inner"].parent_id == spans["outer"].span_id
    assert spans["outer"].parent_id == ""
    assert spans["outer"].service == "segments"
    assert spans["outer"].attributes == {"rpc.method": "X/Y", "directflow.rows": 7}
    assert (spans["inner"].failed, spans["inner"].message, spans["outer"].failed) == (True, "refused", False)
    assert 0 < spans["outer"].start_ns <= spans["inner"].start_ns <= spans["inner"].end_ns <= spans["outer"].end_ns
    assert read(tmp_path / "traces.jsonl").trace(trace_id) == store.trace(trace_id)


def test_two_receivers_never_share_a_port() -> None:
    first, second = SpanStore(), SpanStore()
    with Receiver(first) as one, Receiver(second) as other:
        send_two_spans(one.address)
        assert one.address != other.address
    assert (len(first.trace_ids()), second.trace_ids()) == (1, [])


def test_kind_links_events_and_the_process_are_kept_in_memory_and_in_the_file(tmp_path: Path) -> None:
    store = SpanStore(tmp_path / "traces.jsonl")
    resource = Resource({"service.name": "gateway", "service.version": "0.1.0", "k8s.pod.name": "gateway-7", "x": "y"})
    with Receiver(store) as receiver:
        provider = TracerProvider(resource=resource)
        exporter = OTLPSpanExporter(endpoint=f"http://{receiver.address}", insecure=True, timeout=5)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        tracer = provider.get_tracer("test")
        other = tracer.start_span("other").get_span_context()
        with tracer.start_as_current_span("long", kind=SpanKind.SERVER, links=[Link(other)]) as span:
            for number in range(MAX_EVENTS + 3):
                span.add_event("progress", {"directflow.rows": number})
        provider.shutdown()
    trace_id = format(span.get_span_context().trace_id, "032x")
    (kept,) = store.trace(trace_id)
    assert kept.kind == "SERVER"
    assert kept.links == ((format(other.trace_id, "032x"), format(other.span_id, "016x")),)
    assert len(kept.events) == MAX_EVENTS
    assert kept.events[-1].attributes == {"directflow.rows": MAX_EVENTS + 2}
    assert kept.resource["k8s.pod.name"] == "gateway-7"
    assert "x" not in kept.resource
    assert read(tmp_path / "traces.jsonl").trace(trace_id) == [kept]
