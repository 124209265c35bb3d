"""A service in a process of its own, for the tests of its life: `python sample_service.py --config FILE`."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import grpc
from directflow_runtime.boot import main
from directflow_runtime.identity import IdentityPolicy
from directflow_runtime.interceptors import Drain, server_interceptors
from directflow_runtime.lifecycle import App
from directflow_runtime.logging import get_logger
from directflow_runtime.server import build_server
from directflow_runtime.settings import ServiceSettings
from directflow_runtime.telemetry import telemetry
from google.protobuf.wrappers_pb2 import DoubleValue

SERVICE = "directflow.test.v1.SampleService"


class SampleSettings(ServiceSettings):
    ready_after_s: float = 0.0
    fail: bool = False


async def sleep(request: DoubleValue, context: Any) -> DoubleValue:
    get_logger("sample").info("sleeping")
    try:
        await asyncio.sleep(request.value)
    finally:
        get_logger("sample").info("cleaned up")
    return request


async def watch(request: DoubleValue, context: Any) -> AsyncIterator[DoubleValue]:
    while True:
        yield request
        await asyncio.sleep(0.05)


async def build(settings: SampleSettings, opened: AsyncExitStack) -> App:
    if settings.fail:
        raise ValueError("hush-hush")
    traces = await opened.enter_async_context(telemetry(settings.telemetry, "directflow-sample"))
    opened.callback(get_logger("sample").info, "pool closed")
    drain = Drain()
    layers = server_interceptors(
        domain="sample.directflow",
        tracer=traces.tracer("sample"),
        logger=get_logger("sample"),
        policy=IdentityPolicy(settings.identity),
        settings=settings.server,
        drain=drain,
    )
    server = build_server(settings.server, layers, drain, [SERVICE])
    server.grpc.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods()),))
    return App(server, (SERVICE,), lambda: asyncio.sleep(settings.ready_after_s))


def methods() -> dict[str, Any]:
    parse, serialise = DoubleValue.FromString, DoubleValue.SerializeToString
    return {
        "Sleep": grpc.unary_unary_rpc_method_handler(sleep, parse, serialise),
        "WatchSleep": grpc.unary_stream_rpc_method_handler(watch, parse, serialise),
    }


if __name__ == "__main__":
    sys.exit(main("directflow-sample", SampleSettings, build))
