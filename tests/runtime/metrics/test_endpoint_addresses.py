"""The metrics are where gRPC is: a wildcard is every address of both families."""

import asyncio
import errno
import socket

import pytest
from directflow_runtime.metrics import endpoint as module
from directflow_runtime.metrics.endpoint import Endpoint

from ...ports import free_port


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")


async def rendered() -> bytes:
    return b"figures"


async def scraped(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer.rpartition(b"\r\n")[2]


@pytest.mark.parametrize("wildcard", ["0.0.0.0", "::"])
@pytest.mark.parametrize("scraper", ["127.0.0.1", pytest.param("::1", marks=needs_ipv6)])
async def test_a_wildcard_is_every_address_of_both_families(wildcard: str, scraper: str) -> None:
    endpoint, port = Endpoint(rendered, "text/plain"), free_port()
    await endpoint.start(wildcard, port)
    try:
        assert await scraped(scraper, port) == b"figures"
    finally:
        await endpoint.aclose()


@needs_ipv6
async def test_any_other_address_is_that_one_alone() -> None:
    endpoint, port = Endpoint(rendered, "text/plain"), free_port()
    await endpoint.start("127.0.0.1", port)
    try:
        with pytest.raises(ConnectionRefusedError):
            await scraped("::1", port)
    finally:
        await endpoint.aclose()


async def test_an_address_that_is_taken_is_an_error_at_the_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="use") as refused:
        await Endpoint(rendered, "text/plain").start("0.0.0.0", taken.getsockname()[1])
    assert refused.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize("number", sorted(module.NO_IPV6))
async def test_a_machine_without_ipv6_is_served_on_ipv4(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    create = socket.create_server

    def without_ipv6(address: tuple[str, int], family: int = socket.AF_INET, **more: bool) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(number, "no such family")
        return create(address, **more)

    monkeypatch.setattr(module.socket, "create_server", without_ipv6)
    endpoint, port = Endpoint(rendered, "text/plain"), free_port()
    await endpoint.start("0.0.0.0", port)
    try:
        assert await scraped("127.0.0.1", port) == b"figures"
    finally:
        await endpoint.aclose()
