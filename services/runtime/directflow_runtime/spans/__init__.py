"""Spans: which are recorded, what they hold until they are sent, and how they are written for a collector.

The API is OpenTelemetry's, and so are queue, exporter and everything on the wire. The span itself, the decision to
record it and its encoding are ours: locks, copies and one object for each attribute made a traced call cost a quarter
to a half more than any other (`python -m benchmarks --only telemetry`).
"""

from directflow_runtime.spans.decided_tracer import DecidedTracer
from directflow_runtime.spans.exporter import span_exporter
from directflow_runtime.spans.forced_sampling import ForcedSampling
from directflow_runtime.spans.losses import CountedExporter, SpanLosses
from directflow_runtime.spans.recorded_span import Recorder

__all__ = ["CountedExporter", "DecidedTracer", "ForcedSampling", "Recorder", "SpanLosses", "span_exporter"]
