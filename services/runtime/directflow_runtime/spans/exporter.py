"""OpenTelemetry's exporter, its channel, its retries and its bounds; only the encoding is ours."""

from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter

from directflow_runtime.collector import exporter_options
from directflow_runtime.settings import TelemetrySettings


def span_exporter(settings: TelemetrySettings) -> SpanExporter:
    """Sends to the collector of the settings."""
    # Not at the top: a process that exports nothing need not load it, which takes as long as a tenth of its start.
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    from directflow_runtime.spans.encoding import Encoder

    encoder = Encoder()

    class Exporter(OTLPSpanExporter):
        def _translate_data(self, data: Sequence[ReadableSpan]) -> ExportTraceServiceRequest:
            # Read once more, in C: what is no such message is found here and not by the collector.
            return ExportTraceServiceRequest.FromString(encoder.request(data))

    return Exporter(**exporter_options(settings))
