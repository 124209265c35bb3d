"""Metrics: counted in dictionaries, read at export, sent over OTLP and shown to Prometheus.

A domain module is handed a `Metrics` and asks it for instruments by their definitions in `names`; where nobody reads
metrics it is `OFF`, whose instruments do nothing.
"""

from directflow_runtime.metrics.instruments import Counter, Histogram, Labels
from directflow_runtime.metrics.registry import OFF, Metrics

__all__ = ["OFF", "Counter", "Histogram", "Labels", "Metrics"]
