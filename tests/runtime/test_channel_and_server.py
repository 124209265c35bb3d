"""What a channel and a server promise: retries of reads only, reflection, one port each, balanced addresses."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from directflow_runtime.channel import open_channel, service_config
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.remote import remote_error
from directflow_runtime.server import bind, join_address, server_options
from directflow_runtime.settings import ChannelSettings, ServerSettings
from google.protobuf.wrappers_pb2 import StringValue
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from opentelemetry.trace import SpanKind

METHOD = "directflow.test.v1.TestService/Do"


class FailsOnce:
    def __init__(self) -> None:
        self.calls = 0

    async def unary(self, request: Any, context: Any) -> StringValue:
        self.calls += 1
        if self.calls == 1:
            raise DirectFlowError(StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE", "away", retry_after=0.1)
        return StringValue(value="second")

    async def stream(self, request: Any, context: Any) -> AsyncIterator[StringValue]:
        self.calls += 1
        yield StringValue(value="row")
        raise DirectFlowError(StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE", "away")


async def test_a_named_read_method_is_retried_once_the_server_was_unavailable(world: Any) -> None:
    handler = FailsOnce()
    served = await world(handler.unary)
    async with open_channel(ChannelSettings(target=served.target), served.tracer, [METHOD]) as channel:
        assert (await served.stub_of(channel, "unary_unary")(StringValue(), timeout=5)).value == "second"
    assert handler.calls == 2
    assert len(served.spans_of(SpanKind.CLIENT)) == 1


async def test_a_named_read_method_is_retried_when_a_server_that_stops_cancels_it(world: Any) -> None:
    calls = 0

    async def cancelled_once(request: Any, context: Any) -> StringValue:
        nonlocal calls
        calls += 1
        if calls == 1:
            await context.abort(grpc.StatusCode.CANCELLED)
        return StringValue(value="second")

    served = await world(cancelled_once)
    async with open_channel(ChannelSettings(target=served.target), served.tracer, [METHOD]) as channel:
        assert (await served.stub_of(channel, "unary_unary")(StringValue(), timeout=5)).value == "second"
    assert calls == 2


async def test_what_the_caller_cancels_is_not_retried(world: Any) -> None:
    calls, begun = 0, asyncio.Event()

    async def waits(request: Any, context: Any) -> StringValue:
        nonlocal calls
        calls += 1
        begun.set()
        await asyncio.Event().wait()
        return StringValue()

    served = await world(waits)
    async with open_channel(ChannelSettings(target=served.target), served.tracer, [METHOD]) as channel:
        call = served.stub_of(channel, "unary_unary")(StringValue(), timeout=5)
        waiting = asyncio.ensure_future(call)
        await begun.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await call.code() is grpc.StatusCode.CANCELLED
    assert calls == 1


async def test_a_method_that_was_not_named_is_not_retried(world: Any) -> None:
    handler = FailsOnce()
    served = await world(handler.unary)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.stub("unary_unary")(StringValue(), timeout=5)
    assert remote_error(caught.value).reason == "DATABASE_UNREACHABLE"
    assert handler.calls == 1


async def test_a_stream_is_never_retried_after_its_first_message(world: Any) -> None:
    handler = FailsOnce()
    served = await world(handler.stream, "unary_stream")
    async with open_channel(ChannelSettings(target=served.target), served.tracer, [METHOD]) as channel:
        call = served.stub_of(channel, "unary_stream")(StringValue(), timeout=5)
        assert (await call.read()).value == "row"
        with pytest.raises(grpc.aio.AioRpcError):
            await call.read()
    assert handler.calls == 1


def test_without_read_methods_nothing_is_retried() -> None:
    assert service_config([]) == {"loadBalancingConfig": [{"round_robin": {}}]}
    (named,) = json.loads(json.dumps(service_config([METHOD])))["methodConfig"]
    assert named["name"] == [{"service": "directflow.test.v1.TestService", "method": "Do"}]


async def test_a_server_that_comes_back_is_found_again(world: Any, until: Any) -> None:
    async def handler(request: Any, context: Any) -> StringValue:
        return StringValue(value="here")

    served = await world(handler)
    port = served.server.port
    await served.server.stop(0)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.stub("unary_unary")(StringValue(), timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    await world(handler, port=port)
    async with asyncio.timeout(10):
        answer = await served.stub("unary_unary")(StringValue(), timeout=10, wait_for_ready=True)
    assert answer.value == "here"


async def test_a_new_channel_knows_nothing_of_the_pause_of_an_older_one(world: Any) -> None:
    """grpc's core has channels of one process share their connections, and what they know of an address."""

    async def handler(request: Any, context: Any) -> StringValue:
        return StringValue(value="here")

    served = await world(handler)
    await served.stub("unary_unary")(StringValue(), timeout=5)
    await served.server.stop(0)
    with pytest.raises(grpc.aio.AioRpcError, match="refused"):
        await served.stub("unary_unary")(StringValue(), timeout=5)
    again = await world(handler, port=served.server.port)
    assert (await again.stub("unary_unary")(StringValue(), timeout=5)).value == "here"


async def test_a_call_that_cannot_be_made_ends_its_span(world: Any) -> None:
    async def handler(request: Any, context: Any) -> StringValue:
        return StringValue()

    served = await world(handler)
    await served.channel.close()
    with pytest.raises(grpc.aio.UsageError):
        await served.stub("unary_unary")(StringValue(), timeout=5)
    assert len(served.spans_of(SpanKind.CLIENT)) == 1


async def test_reflection_lists_the_services_and_needs_no_deadline(world: Any) -> None:
    async def handler(request: Any, context: Any) -> StringValue:
        return StringValue()

    served = await world(handler)
    async with grpc.aio.insecure_channel(served.target) as channel:
        call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo()
        await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        names = {service.name for service in (await call.read()).list_services_response.service}
        call.cancel()
    assert "directflow.test.v1.TestService" in names


async def test_health_is_not_on_the_main_port(world: Any) -> None:
    async def handler(request: Any, context: Any) -> StringValue:
        return StringValue()

    served = await world(handler)
    async with grpc.aio.insecure_channel(served.target) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_port_that_is_taken_is_an_os_error(world: Any) -> None:
    async def handler(request: Any, context: Any) -> StringValue:
        return StringValue()

    served = await world(handler)
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{served.server.port}"):
        bind(grpc.aio.server(options=server_options(ServerSettings())), ServerSettings(port=served.server.port))


async def test_a_request_above_the_receive_limit_is_refused_and_the_next_one_served(world: Any) -> None:
    async def handler(request: Any, context: Any) -> StringValue:
        return StringValue(value="small")

    served = await world(handler, max_receive_bytes=1024)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.stub("unary_unary")(StringValue(value="x" * 10_000), timeout=5)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (await served.stub("unary_unary")(StringValue(), timeout=5)).value == "small"


def test_the_age_of_a_connection_never_cuts_the_longest_stream() -> None:
    options = dict(server_options(ServerSettings(max_connection_age_s=600, max_stream_deadline_s=3600)))
    assert options["grpc.max_connection_age_ms"] == 600_000
    assert options["grpc.max_connection_age_grace_ms"] > 3_600_000
    assert "grpc.max_connection_age_ms" not in dict(server_options(ServerSettings(max_connection_age_s=0)))


@pytest.mark.parametrize(("host", "address"), [("127.0.0.1", "127.0.0.1:80"), ("::1", "[::1]:80"), ("name", "name:80")])
def test_an_ipv6_address_gets_its_brackets(host: str, address: str) -> None:
    assert join_address(host, 80) == address
