"""A command begins the trace: its root span and the call's span reach the collector, without a person in them."""

from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import grpc
import pytest
from directflow.conditions.v1 import evaluation_service_pb2 as wire
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


class Collector(trace_service_pb2_grpc.TraceServiceServicer):  # type: ignore[misc]
    def __init__(self) -> None:
        self.requests: list[Any] = []

    def Export(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        return trace_service_pb2.ExportTraceServiceResponse()

    @property
    def spans(self) -> dict[str, Any]:
        return {
            span.name: span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch, directflow: Any) -> Iterator[Collector]:
    found = Collector()
    server = grpc.server(futures.ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(found, server)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
    server.start()
    yield found
    server.stop(0).wait(10)


def test_the_commands_span_is_the_root_and_the_calls_span_its_child(
    directflow: Callable[..., Any], scripted: Any, collector: Collector
) -> None:
    scripted.replies["EvaluateConditions"] = wire.EvaluateConditionsResponse(evaluations=[wire.Evaluation()])
    ran = directflow("condition", "evaluate", "premium", "-p", "ada@example.com", "--var", "card=4111-1111")
    root = collector.spans["condition evaluate"]
    call = collector.spans["directflow.conditions.v1.EvaluationService/EvaluateConditions"]
    assert root.trace_id.hex() == ran.err.splitlines()[0].removeprefix("trace ")
    assert (root.parent_span_id, call.parent_span_id) == (b"", root.span_id)
    assert call.trace_id == root.trace_id
    exported = b"".join(request.SerializeToString() for request in collector.requests)
    assert b"ada@example.com" not in exported
    assert b"4111-1111" not in exported


def test_a_collector_that_is_away_costs_neither_the_answer_nor_the_exit_code(
    directflow: Callable[..., Any], scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIRECTFLOW_OTLP_ENDPOINT", "http://127.0.0.1:1")
    scripted.replies["EvaluateConditions"] = wire.EvaluateConditionsResponse(evaluations=[wire.Evaluation()])
    assert directflow("condition", "evaluate", "premium", "-p", "1").code == 11
