"""Health on a port of its own: plaintext, since native Kubernetes probes speak no TLS.

It is not on the main port as well: a health Watch there would hold up every drain for the whole grace. grpcio's
servicer starts SERVING; ours starts NOT_SERVING. No layer is around it.
"""

from collections.abc import Sequence
from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from directflow_runtime.server import bind
from directflow_runtime.settings import ServerSettings

ALIVE: Final = "alive"
"""A name that is SERVING from the first moment to the last, for liveness probes: a process that waits for its database,
or for running calls to end, must not be restarted for it."""
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVING = health_pb2.HealthCheckResponse.SERVING


class HealthServer:
    """The health port of one process."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings.model_copy(
            update={"host": settings.health_host or settings.host, "port": settings.health_port, "tls": None}
        )
        self._names: tuple[str, ...] = ("",)
        self._servicer = health.aio.HealthServicer()
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, self._server)
        self.port = 0
        """The bound port; 0 before `start()`."""

    async def start(self) -> None:
        """Answers NOT_SERVING from now on. Raises OSError where the address is taken."""
        await self.set_not_serving()
        await self._servicer.set(ALIVE, SERVING)
        self.port = bind(self._server, self._settings)
        await self._server.start()

    async def set_serving(self, services: Sequence[str] = ()) -> None:
        """The process has loaded what it needs; readiness never follows a dependency after this.

        `services` are full names that a probe may ask for, besides the empty one, which is the whole process.
        """
        self._names = ("", *services)
        await self._set(SERVING)

    async def set_not_serving(self) -> None:
        """The service starts, or is about to stop."""
        await self._set(NOT_SERVING)

    async def stop(self) -> None:
        """Closes the port; watches end at once."""
        await self._server.stop(None)

    async def _set(self, status: int) -> None:
        for name in self._names:
            await self._servicer.set(name, status)
