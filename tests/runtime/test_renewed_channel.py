"""A channel whose certificates are renewed while calls are under way."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
from directflow_runtime import renewed_channel
from directflow_runtime.calls import current_call
from directflow_runtime.channel import open_channel
from directflow_runtime.client_tracing import TracedChannel
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.settings import CallerSettings, ChannelSettings, IdentitySettings, SettingsError
from google.protobuf.wrappers_pb2 import StringValue
from opentelemetry.trace import SpanKind

from ..certificates import Authority, Mount

METHOD = "directflow.test.v1.TestService/Do"
CALLERS = IdentitySettings(
    callers=tuple(
        CallerSettings(name=name, peers=(f"spiffe://cluster/{name}",), services=("",)) for name in ("first", "second")
    )
)
FIRST, SECOND = "URI:spiffe://cluster/first", "URI:spiffe://cluster/second"


async def whoami(request: Any, context: Any) -> StringValue:
    return StringValue(value=current_call().identity)


async def ticks(request: Any, context: Any) -> AsyncIterator[StringValue]:
    """0, 1, 2, ... as long as somebody reads."""
    number = 0
    while True:
        yield StringValue(value=str(number))
        number += 1
        await asyncio.sleep(0.01)


REFUSED = "renewed certificates do not connect: the ones before stay in use"
ALSO = {"Ticks": (ticks, "unary_stream")}


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewed_channel, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(renewed_channel, "LINGER_S", 0.05)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("renewed") / "authority")


@pytest.fixture
def server(authority: Authority, tmp_path: Path) -> Mount:
    return authority.mount(tmp_path / "server", "DNS:localhost")


@pytest.fixture
def client(authority: Authority, tmp_path: Path) -> Mount:
    return authority.mount(tmp_path / "client", FIRST)


def channel_to(served: Any, client: Mount, *read_methods: str) -> TracedChannel:
    settings = ChannelSettings(target=f"localhost:{served.server.port}", tls=client.settings)
    return open_channel(settings, served.tracer, read_methods)


def open_channels(channel: TracedChannel) -> int:
    count: int = channel._inner.open_channels
    return count


async def asked(served: Any, channel: TracedChannel) -> str:
    return str((await served.stub_of(channel, "unary_unary")(StringValue(), timeout=5)).value)


async def seen(served: Any, channel: TracedChannel, identity: str) -> None:
    """Calls until the server sees the caller as this identity; every call on the way must succeed."""
    async with asyncio.timeout(10):
        while await asked(served, channel) != identity:
            pass


async def served_again(served: Any, channel: TracedChannel, identity: str) -> None:
    """Until the server, which was away, sees the caller as this identity."""
    async with asyncio.timeout(15):
        while await asked_or_failed(served, channel) != identity:  # noqa: ASYNC110 (it is a call that asks)
            await asyncio.sleep(0.02)


async def asked_or_failed(served: Any, channel: TracedChannel) -> str:
    try:
        return await asked(served, channel)
    except grpc.aio.AioRpcError as error:
        return str(error.code().name)


async def goes_away(served: Any, channel: TracedChannel) -> None:
    """Long enough for the client to have noticed."""
    await served.server.stop(0)
    for _ in range(20):
        assert await asked_or_failed(served, channel) == "UNAVAILABLE"
        await asyncio.sleep(0.02)


async def read_to_its_end(stream: Any) -> None:
    while await stream.read() is not grpc.aio.EOF:
        pass


async def test_new_calls_come_with_the_renewed_certificate(
    world: Any, server: Mount, client: Mount, authority: Authority, until: Any
) -> None:
    served = await world(whoami, identity=CALLERS, tls=server.settings)
    async with channel_to(served, client) as channel:
        assert await asked(served, channel) == "first"
        client.put(authority.issue(SECOND), [authority.root])
        await seen(served, channel, "second")
        await until(lambda: open_channels(channel) == 1)


async def test_a_stub_that_was_made_before_takes_part(
    world: Any, server: Mount, client: Mount, authority: Authority
) -> None:
    served = await world(whoami, identity=CALLERS, tls=server.settings)
    async with channel_to(served, client) as channel:
        stub = served.stub_of(channel, "unary_unary")
        await stub(StringValue(), timeout=5)
        client.put(authority.issue(SECOND), [authority.root])
        await seen(served, channel, "second")
        assert (await stub(StringValue(), timeout=5)).value == "second"


async def test_a_running_stream_keeps_its_channel_to_its_end(
    world: Any, server: Mount, client: Mount, authority: Authority, until: Any
) -> None:
    served = await world(whoami, also=ALSO, identity=CALLERS, tls=server.settings)
    async with channel_to(served, client) as channel:
        stream = served.stub_of(channel, "unary_stream", "Ticks")(StringValue(), timeout=60)
        assert (await stream.read()).value == "0"
        client.put(authority.issue(SECOND), [authority.root])
        await seen(served, channel, "second")
        assert [(await stream.read()).value for _ in range(20)] == [str(number) for number in range(1, 21)]
        assert open_channels(channel) == 2
        stream.cancel()
        await until(lambda: open_channels(channel) == 1)


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    """Whom the server does not trust."""
    return Authority(tmp_path / "stranger")


async def test_a_certificate_that_the_other_side_does_not_take_stays_aside(
    world: Any, server: Mount, client: Mount, authority: Authority, stranger: Authority, until: Any
) -> None:
    served = await world(whoami, identity=CALLERS, tls=server.settings)
    async with channel_to(served, client) as channel:
        await asked(served, channel)
        with structlog.testing.capture_logs() as lines:
            client.put(stranger.issue(SECOND), [stranger.root])
            async with asyncio.timeout(10):
                while REFUSED not in str(lines):
                    assert await asked(served, channel) == "first"
        client.put(authority.issue(SECOND), [authority.root])
        await seen(served, channel, "second")


async def test_a_certificate_that_the_other_side_does_not_take_stays_aside_also_while_the_other_side_is_away(
    world: Any, server: Mount, client: Mount, authority: Authority, stranger: Authority, until: Any
) -> None:
    served = await world(whoami, identity=CALLERS, tls=server.settings)
    async with channel_to(served, client) as channel:
        await asked(served, channel)
        with structlog.testing.capture_logs() as lines:
            client.put(stranger.issue(SECOND), [authority.root, stranger.root])
            await until(lambda: REFUSED in str(lines))
        await goes_away(served, channel)
        again = await world(whoami, identity=CALLERS, tls=server.settings, port=served.server.port)
        await served_again(again, channel, "first")
        assert {await asked(again, channel) for _ in range(20)} == {"first"}


async def test_of_two_certificates_the_one_that_connects_is_used_when_the_other_side_comes_back(
    world: Any, server: Mount, client: Mount, authority: Authority, tmp_path: Path
) -> None:
    served = await world(whoami, identity=CALLERS, tls=server.settings)
    heir = Authority(tmp_path / "heir")
    async with channel_to(served, client) as channel:
        await asked(served, channel)
        await goes_away(served, channel)
        client.put(heir.issue(SECOND), [authority.root, heir.root])
        server.put(heir.issue("DNS:localhost"), [heir.root])
        again = await world(whoami, identity=CALLERS, tls=server.settings, port=served.server.port)
        await served_again(again, channel, "second")


async def test_a_client_that_makes_no_call_takes_up_renewed_certificates(
    world: Any, server: Mount, client: Mount, authority: Authority, until: Any
) -> None:
    served = await world(whoami, identity=CALLERS, tls=server.settings)
    async with channel_to(served, client) as channel:
        await asked(served, channel)
        with structlog.testing.capture_logs() as lines:
            client.put(authority.issue(SECOND), [authority.root])
            await until(lambda: "certificates renewed" in str(lines) and open_channels(channel) == 1)
        assert await asked(served, channel) == "second"


async def test_the_first_call_after_the_end_of_a_certificate_comes_with_the_renewed_one(
    world: Any, server: Mount, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though nobody has looked at the files since, as on a machine that was suspended."""
    monkeypatch.setattr(renewed_channel, "LOOK_EVERY_S", 60.0)
    client = authority.mount(tmp_path / "brief", FIRST, lasts_s=3)
    served = await world(whoami, identity=CALLERS, tls=server.settings)
    async with channel_to(served, client) as channel:
        assert await asked(served, channel) == "first"
        client.put(authority.issue(SECOND), [authority.root])
        await asyncio.sleep(3)
        assert await asked(served, channel) == "second"


async def test_a_look_that_fails_is_not_the_last(
    world: Any, server: Mount, client: Mount, authority: Authority, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    served = await world(whoami, identity=CALLERS, tls=server.settings)
    async with channel_to(served, client) as channel:
        with structlog.testing.capture_logs() as lines, monkeypatch.context() as defect:
            defect.setattr(channel._inner._files, "renewed", lambda: {}["defect"])
            await until(lambda: len(lines) > 1)
        assert lines[0] == {
            "event": "renewed certificates were not looked at", "error": "KeyError", "log_level": "warning"
        }  # fmt: skip
        client.put(authority.issue(SECOND), [authority.root])
        await seen(served, channel, "second")


async def test_half_a_renewal_changes_nothing(world: Any, server: Mount, client: Mount, authority: Authority) -> None:
    served = await world(whoami, identity=CALLERS, tls=server.settings)
    before, after = authority.issue(FIRST), authority.issue(SECOND)
    async with channel_to(served, client) as channel:
        with structlog.testing.capture_logs() as lines:
            client.put_files({"tls.crt": after.certificate, "tls.key": before.key, "ca.crt": authority.root})
            async with asyncio.timeout(10):
                while not lines:
                    assert await asked(served, channel) == "first"
                    await asyncio.sleep(0.01)
        client.put(after, [authority.root])
        await seen(served, channel, "second")


async def test_a_server_goes_on_with_what_it_had(
    world: Any, server: Mount, client: Mount, authority: Authority
) -> None:
    served = await world(whoami, identity=CALLERS, tls=server.settings)
    server.put_files({"tls.crt": b"no", "tls.key": b"no", "ca.crt": b"no"})
    for _ in range(2):
        async with channel_to(served, client) as channel:  # a handshake each
            assert await asked(served, channel) == "first"
    assert served.server.port


async def test_a_channel_is_not_opened_with_a_key_that_is_not_the_certificates(
    world: Any, server: Mount, client: Mount, authority: Authority
) -> None:
    served = await world(whoami, tls=server.settings)
    one, two = authority.issue(FIRST), authority.issue(SECOND)
    client.put_files({"tls.crt": one.certificate, "tls.key": two.key, "ca.crt": authority.root})
    with pytest.raises(SettingsError, match="do not belong together"):
        channel_to(served, client)


async def test_reads_are_retried_traced_and_ended_in_time_as_on_any_channel(
    world: Any, server: Mount, client: Mount
) -> None:
    calls = 0

    async def fails_once(request: Any, context: Any) -> StringValue:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise DirectFlowError(StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE", "away", retry_after=0.1)
        await asyncio.sleep(0 if calls == 2 else 30)
        return StringValue(value="second")

    served = await world(fails_once, identity=CALLERS, tls=server.settings)
    async with channel_to(served, client, METHOD) as channel:
        assert await asked(served, channel) == "second"
        assert len(served.spans_of(SpanKind.CLIENT)) == 1
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await served.stub_of(channel, "unary_unary")(StringValue(), timeout=0.2)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_closing_ends_what_a_renewal_left_behind(
    world: Any, server: Mount, client: Mount, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewed_channel, "LINGER_S", 60.0)
    served = await world(whoami, also=ALSO, identity=CALLERS, tls=server.settings)
    channel = channel_to(served, client)
    stream = served.stub_of(channel, "unary_stream", "Ticks")(StringValue(), timeout=60)
    await stream.read()
    client.put(authority.issue(SECOND), [authority.root])
    await seen(served, channel, "second")
    await channel.close()
    with pytest.raises(asyncio.CancelledError):
        await read_to_its_end(stream)
    await asyncio.sleep(0.1)
    assert channel._inner._tasks == set(), "nobody is left to wait for it"


async def test_closing_ends_a_channel_that_does_not_connect(
    world: Any, server: Mount, client: Mount, stranger: Authority, until: Any
) -> None:
    served = await world(whoami, identity=CALLERS, tls=server.settings)
    channel = channel_to(served, client)
    await asked(served, channel)
    with structlog.testing.capture_logs() as lines:
        client.put(stranger.issue(SECOND), [stranger.root])
        await until(lambda: REFUSED in str(lines))
    inner = [channel._inner._newest.channel, channel._inner._candidate.channel]
    await channel.close()
    assert [one.get_state() for one in inner] == [grpc.ChannelConnectivity.SHUTDOWN] * 2
    await asyncio.sleep(0.1)
    assert channel._inner._tasks == set()
