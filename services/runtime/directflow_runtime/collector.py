"""How the collector is reached, by spans and metrics alike."""

from typing import Any

from directflow_runtime.settings import TelemetrySettings


def exporter_options(settings: TelemetrySettings) -> dict[str, Any]:
    """Arguments of OpenTelemetry's OTLP exporters over gRPC."""
    return {
        "endpoint": settings.otlp_endpoint,
        "insecure": not settings.otlp_endpoint.startswith("https://"),
        "timeout": settings.export_timeout_s,
        # A developer's http_proxy is not meant for the collector.
        "channel_options": (("grpc.enable_http_proxy", 0),),
    }
