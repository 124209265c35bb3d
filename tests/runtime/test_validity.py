"""A certificate counts until its end, also on a connection that began before it, and in a session that is resumed."""

import asyncio
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from directflow_runtime.channel import open_channel
from directflow_runtime.settings import CallerSettings, ChannelSettings, IdentitySettings
from directflow_runtime.validity import ends_at
from google.protobuf.wrappers_pb2 import StringValue

from ..certificates import HOUR_S, Authority

CALLERS = IdentitySettings(callers=(CallerSettings(name="one", peers=("spiffe://one",), services=("",)),))
NAME = "URI:spiffe://one"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("validity") / "authority")


async def answer(request: Any, context: Any) -> StringValue:
    return StringValue(value="served")


def headers(path: str) -> bytes:
    """HEADERS of a call that ends at once, every field a literal that is not indexed."""
    fields = {
        ":method": "POST",
        ":scheme": "https",
        ":path": path,
        ":authority": "localhost",
        "te": "trailers",
        "content-type": "application/grpc",
        "grpc-timeout": "10S",
    }
    block = b"".join(
        b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
        for name, value in fields.items()
    )
    message = b"\0\0\5\0\1\0\0\0\1" + b"\0" * 5
    return len(block).to_bytes(3, "big") + b"\1\4\0\0\0\1" + block + message


def has_ended(said: bytes) -> bool:
    """Whether the frames hold the HEADERS that end the call, or its RST_STREAM."""
    while len(said) >= 9:
        if said[3] == 3 or (said[3] == 1 and said[4] & 1):
            return True
        said = said[9 + int.from_bytes(said[:3], "big") :]
    return False


def ask(port: int, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> tuple[bytes, Any, bool]:
    """What comes back to a call, the session, and whether it was resumed."""
    plain = socket.create_connection(("localhost", port), timeout=10)
    with context.wrap_socket(plain, server_hostname="localhost", session=session) as line:
        line.sendall(PREFACE + headers("/directflow.test.v1.TestService/Do"))
        said = b""
        while not has_ended(said) and (more := line.recv(65_536)):
            said += more
        return said, line.session, bool(line.session_reused)


@pytest.mark.parametrize("lasts_s", [-5, 5, HOUR_S, 30 * 365 * 24 * HOUR_S])
def test_the_end_is_read_to_the_second(authority: Authority, lasts_s: float) -> None:
    """After 2049 it is written in another form."""
    assert ends_at(authority.issue(NAME, lasts_s=lasts_s).certificate) == pytest.approx(time.time() + lasts_s, abs=60)


@pytest.mark.parametrize("cut", [0, 1, 2, 30, 100])
def test_what_is_no_certificate_is_told_as_such(authority: Authority, cut: int) -> None:
    der = ssl.PEM_cert_to_DER_cert(authority.root.decode())
    for content in (der[:cut], b"\x30\x82\xff\xff" + der[:cut], b"\xa0" * cut):
        with pytest.raises(ValueError, match=r"not a certificate|cut short"):
            ends_at(ssl.DER_cert_to_PEM_cert(content).encode())


async def test_a_connection_does_not_outlive_its_certificate(world: Any, authority: Authority, tmp_path: Path) -> None:
    server = authority.mount(tmp_path / "server", "DNS:localhost")
    served = await world(answer, identity=CALLERS, tls=server.settings)
    short = authority.issue(NAME, lasts_s=4)
    client = authority.mount(tmp_path / "client", NAME)
    client.put(short, [authority.root])
    settings = ChannelSettings(target=f"localhost:{served.server.port}", tls=client.settings)
    async with open_channel(settings, served.tracer) as channel:
        call = served.stub_of(channel, "unary_unary")
        assert (await call(StringValue(), timeout=10)).value == "served"
        await asyncio.sleep(ends_at(short.certificate) - time.time())
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(StringValue(), timeout=10)
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_resumed_session_does_not_outlive_its_certificate(
    world: Any, authority: Authority, tmp_path: Path
) -> None:
    server = authority.mount(tmp_path / "server", "DNS:localhost")
    served = await world(answer, identity=CALLERS, tls=server.settings)
    short = authority.issue(NAME, lasts_s=4)
    client = authority.mount(tmp_path / "client", NAME)
    client.put(short, [authority.root])
    context = ssl.create_default_context(cafile=client.settings.ca_file)
    context.load_cert_chain(client.settings.certificate_file, client.settings.key_file)
    context.set_alpn_protocols(["h2"])
    said, session, _ = await asyncio.to_thread(ask, served.server.port, context)
    assert b"served" in said
    await asyncio.sleep(ends_at(short.certificate) - time.time())
    said, _, resumed = await asyncio.to_thread(ask, served.server.port, context, session)
    assert resumed
    assert b"served" not in said
