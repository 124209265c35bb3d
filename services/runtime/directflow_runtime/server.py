"""Building a grpc.aio server: what every service agrees on before it has a method."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from grpc_reflection.v1alpha import reflection

from directflow_runtime.interceptors import Drain, Layered
from directflow_runtime.settings import ServerSettings
from directflow_runtime.tls import server_credentials

KEEPALIVE_MS = 30_000
KEEPALIVE_TIMEOUT_MS = 10_000
CLIENT_PINGS_PERMITTED_EVERY_MS = 10_000
"""Our clients ping each 30 s; a server that permits less answers GOAWAY "too_many_pings" to a quiet client."""
CONNECTION_AGE_GRACE_S = 60.0
"""Beyond the longest stream, so that the age of a connection never cuts one."""


@dataclass(slots=True)
class RpcServer:
    """A server before and after it is bound. Register servicers on `.grpc`, then `start()`."""

    grpc: Any
    """The `grpc.aio.Server`, for `add_XServicer_to_server(servicer, server.grpc)`."""
    settings: ServerSettings
    drain: Drain
    port: int = 0
    """The bound port; 0 before `start()`."""

    async def start(self) -> None:
        """Binds and serves. Raises OSError where the address is taken."""
        self.port = bind(self.grpc, self.settings)
        await self.grpc.start()

    async def stop(self, grace_s: float) -> bool:
        """Refuses new calls, lets running ones finish for `grace_s`, then cancels them; returns when they cleaned up.

        False when some handler would not end even then.
        """
        # Seen once in fourteen runs on a machine three times overloaded: a watch missed its end, and took the grace.
        grace_s = min(grace_s, WATCH_GRACE_S) if self.drain.only_watches else grace_s
        self.drain.begin()
        # Not behind `grpc.stop`, which returns when the cancelled handlers have left.
        cut = asyncio.get_running_loop().call_later(grace_s, self.drain.cut)
        try:
            await self.grpc.stop(grace_s)
            return await self.drain.finished(CLEAN_UP_S)
        finally:
            cut.cancel()


WATCH_GRACE_S = 2.0
"""For watches to hear that the drain has begun, where nothing else runs."""
CLEAN_UP_S = 5.0
"""For the `finally` blocks of handlers that were cancelled; pools are closed after it."""


def build_server(
    settings: ServerSettings, interceptors: Sequence[Layered], drain: Drain, services: Sequence[str] = ()
) -> RpcServer:
    """A server with our keepalive, message sizes and layers. `services` are the full names that reflection shows."""
    server = grpc.aio.server(interceptors=interceptors, options=server_options(settings))
    if settings.reflection:
        reflection.enable_server_reflection((*services, reflection.SERVICE_NAME), server)
    return RpcServer(server, settings, drain)


def server_options(settings: ServerSettings) -> list[tuple[str, int]]:
    """Channel arguments of grpc's core."""
    options = [
        ("grpc.max_receive_message_length", settings.max_receive_bytes),
        ("grpc.max_send_message_length", -1),  # one row may be larger than a batch; the sender has its own limits
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),  # notices a client whose machine is gone
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", CLIENT_PINGS_PERMITTED_EVERY_MS),
        ("grpc.so_reuseport", 0),  # else a second process binds the same port, and takes half of the calls
        ("grpc.enable_channelz", 0),
    ]
    if settings.max_connection_age_s:
        grace = settings.max_stream_deadline_s + CONNECTION_AGE_GRACE_S
        options.append(("grpc.max_connection_age_ms", int(settings.max_connection_age_s * 1000)))
        options.append(("grpc.max_connection_age_grace_ms", int(grace * 1000)))
    return options


def bind(server: Any, settings: ServerSettings) -> int:
    """Opens the port, with TLS where the settings have it; 0 lets the system choose. Returns the port."""
    address = join_address(settings.host, settings.port)
    try:
        if settings.tls is None:
            return int(server.add_insecure_port(address))
        return int(server.add_secure_port(address, server_credentials(settings.tls)))
    except RuntimeError as error:  # grpc's way to say that the address is taken
        raise OSError(f"cannot listen on {address}") from error


def join_address(host: str, port: int) -> str:
    """ "host:port", with the brackets that an IPv6 address needs."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
