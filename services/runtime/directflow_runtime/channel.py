"""How a service, or the CLI, reaches a service."""

import json
from collections.abc import Sequence
from typing import Any

import grpc
from opentelemetry.trace import Tracer

from directflow_runtime.client_tracing import CallTimeouts, TracedChannel, responses
from directflow_runtime.loopback import spelled_out
from directflow_runtime.renewed_channel import RenewedChannel
from directflow_runtime.settings import ChannelSettings
from directflow_runtime.tls import CertificateFiles, channel_credentials

__all__ = ["open_channel", "responses"]

KEEPALIVE_MS = 30_000
KEEPALIVE_TIMEOUT_MS = 10_000
RECONNECT_AT_MOST_MS = 2_000
"""grpc's own default is two minutes: a gateway that was away for one would stay away for two more."""
RETRY_POLICY = {
    "maxAttempts": 3,
    "initialBackoff": "0.1s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
}
"""grpc retries only what has not sent headers: never after the first message of a stream, nor what we cancel ourselves.
CANCELLED is what its core answers to calls that reach a server in the moment it stops."""


def open_channel(settings: ChannelSettings, tracer: Tracer, read_methods: Sequence[str] = ()) -> TracedChannel:
    """A channel that balances over all addresses of the target, and traces.

    `read_methods` ("package.Service/Method") may be called twice without harm: they alone are retried on UNAVAILABLE,
    and where a server that stops has cancelled them. A call without a timeout gets what is left of the call being
    served, else the settings' default. Renewed certificates are taken up. Raises SettingsError for files of
    certificates that cannot be used.
    """
    options = channel_options(settings, read_methods)
    return TracedChannel(_channel(settings, options), tracer, CallTimeouts(settings.default_timeout_s))


def _channel(settings: ChannelSettings, options: Sequence[tuple[str, int | str]]) -> Any:
    target = spelled_out(settings.target)
    if settings.tls is None:
        return grpc.aio.insecure_channel(target, options)
    return RenewedChannel(
        CertificateFiles(settings.tls), lambda pem: grpc.aio.secure_channel(target, channel_credentials(pem), options)
    )


def channel_options(settings: ChannelSettings, read_methods: Sequence[str]) -> list[tuple[str, int | str]]:
    """Channel arguments of grpc's core."""
    named = [("grpc.ssl_target_name_override", settings.server_name)] if settings.server_name else []
    return [
        *named,
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),  # a stream that waits for its first row sends no data
        ("grpc.max_receive_message_length", settings.max_receive_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", RECONNECT_AT_MOST_MS),
        # Else channels of one process share what they know of an address: a new one would fail at once with the pause
        # of another's refused connection, though the server has come back.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.enable_retries", 1),
        ("grpc.enable_http_proxy", 0),  # services talk to each other; a developer's http_proxy is not meant for that
        ("grpc.service_config", json.dumps(service_config(read_methods))),
    ]


def service_config(read_methods: Sequence[str]) -> dict[str, object]:
    """grpc's service config: round robin, since pick_first behind one address of many stays with one replica."""
    config: dict[str, object] = {"loadBalancingConfig": [{"round_robin": {}}]}
    if read_methods:
        named = [dict(zip(("service", "method"), name.split("/"), strict=True)) for name in read_methods]
        config["methodConfig"] = [{"name": named, "retryPolicy": RETRY_POLICY}]
    return config
