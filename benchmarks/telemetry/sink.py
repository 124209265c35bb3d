"""A collector that throws everything away unread, so that what is measured is the sender.

It runs as a program: `python -m benchmarks.telemetry.sink` prints its port and serves until its standard input ends.
"""

import asyncio
from typing import Any

import grpc

from benchmarks.programs import until_parent_leaves


class Anything(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """Every unary method; an empty message is a full success in OTLP."""

    def service(self, details: Any) -> Any:
        """As grpc asks."""
        return grpc.unary_unary_rpc_method_handler(_swallow)


async def _swallow(request: bytes, context: Any) -> bytes:
    return b""


async def serve() -> None:
    """Until the parent closes our standard input."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Anything(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    await until_parent_leaves(port)
    await server.stop(None)


if __name__ == "__main__":
    asyncio.run(serve())
