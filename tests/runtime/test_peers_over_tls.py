"""Both sides prove who they are before a byte of a call travels."""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from directflow_runtime.channel import open_channel
from directflow_runtime.settings import CallerSettings, ChannelSettings, IdentitySettings
from google.protobuf.wrappers_pb2 import StringValue
from opentelemetry.trace import NoOpTracer

from ..certificates import Authority, Mount

CALLERS = IdentitySettings(callers=(CallerSettings(name="one", peers=("spiffe://one",), services=("",)),))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("peers") / "authority")


@pytest.fixture
def client(authority: Authority, tmp_path: Path) -> Mount:
    return authority.mount(tmp_path / "client", "URI:spiffe://one")


async def answer(request: Any, context: Any) -> StringValue:
    return StringValue(value="here")


async def asked(served: Any, client: Mount, **more: Any) -> str:
    settings = ChannelSettings(target=f"localhost:{served.server.port}", tls=client.settings, **more)
    async with open_channel(settings, served.tracer) as channel:
        try:
            return str((await served.stub_of(channel, "unary_unary")(StringValue(), timeout=10)).value)
        except grpc.aio.AioRpcError as error:
            return error.code().name


@pytest.mark.parametrize(
    ("names", "lasts_s", "outcome"),
    [
        (("DNS:localhost",), 3600, "here"),
        (("DNS:other.example",), 3600, "UNAVAILABLE"),
        (("URI:spiffe://localhost",), 3600, "UNAUTHENTICATED"),  # by our own side, before the call is sent
        (("DNS:localhost",), -5, "UNAVAILABLE"),
    ],
)
async def test_a_server_is_refused_by_its_name_and_its_time(
    world: Any,
    authority: Authority,
    client: Mount,
    tmp_path: Path,
    names: tuple[str, ...],
    lasts_s: float,
    outcome: str,
) -> None:
    server = authority.mount(tmp_path / "server", *names, common_name="localhost", lasts_s=lasts_s)
    served = await world(answer, identity=CALLERS, tls=server.settings)
    assert await asked(served, client) == outcome


@pytest.mark.xfail(strict=True, reason="gRPC takes a common name where a certificate has no other; docs/identities.md")
async def test_a_server_without_any_alternative_name_is_refused(
    world: Any, authority: Authority, client: Mount, tmp_path: Path
) -> None:
    server = authority.mount(tmp_path / "server", common_name="localhost")
    served = await world(answer, identity=CALLERS, tls=server.settings)
    assert await asked(served, client) != "here"


async def test_a_server_of_another_authority_is_refused(world: Any, client: Mount, tmp_path: Path) -> None:
    server = Authority(tmp_path / "impostor").mount(tmp_path / "server", "DNS:localhost")
    served = await world(answer, identity=CALLERS, tls=server.settings)
    assert await asked(served, client) == "UNAVAILABLE"


async def test_a_plaintext_server_is_told_nothing(world: Any, client: Mount) -> None:
    served = await world(answer)
    assert await asked(served, client) == "UNAVAILABLE"


async def test_a_name_of_the_settings_is_verified_in_place_of_the_targets(
    world: Any, authority: Authority, client: Mount, tmp_path: Path
) -> None:
    server = authority.mount(tmp_path / "server", "DNS:gateway.directflow.svc")
    served = await world(answer, identity=CALLERS, tls=server.settings)
    assert await asked(served, client) == "UNAVAILABLE"
    assert await asked(served, client, server_name="gateway.directflow.svc") == "here"
    assert await asked(served, client, server_name="segments.directflow.svc") == "UNAVAILABLE"


def old_tls(context: ssl.SSLContext) -> ssl.SSLContext:
    """TLS 1.1 at most; OpenSSL itself would rather not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.set_alpn_protocols(["h2"])
    return context


async def test_a_client_of_tls_1_1_is_refused(world: Any, authority: Authority, client: Mount, tmp_path: Path) -> None:
    served = await world(answer, tls=authority.mount(tmp_path / "server", "DNS:localhost").settings)
    files = client.settings

    async def shake_hands(prepare: Callable[[ssl.SSLContext], ssl.SSLContext]) -> None:
        context = ssl.create_default_context(cafile=files.ca_file)
        context.load_cert_chain(files.certificate_file, files.key_file)
        context.set_alpn_protocols(["h2"])
        _, writer = await asyncio.open_connection("localhost", served.server.port, ssl=prepare(context))
        writer.transport.abort()

    await shake_hands(lambda context: context)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await shake_hands(old_tls)


@pytest.fixture
async def old_server(authority: Authority, tmp_path: Path) -> AsyncIterator[int]:
    files = authority.mount(tmp_path / "old", "DNS:localhost").settings
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate_file, files.key_file)
    server = await asyncio.start_server(lambda *_: None, "localhost", 0, ssl=old_tls(context))
    async with server:
        yield int(server.sockets[0].getsockname()[1])


async def test_a_server_of_tls_1_1_is_refused(client: Mount, old_server: int) -> None:
    settings = ChannelSettings(target=f"localhost:{old_server}", tls=client.settings)
    async with open_channel(settings, NoOpTracer()) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary("/x/Y")(b"", timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
