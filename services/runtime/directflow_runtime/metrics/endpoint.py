"""Where Prometheus scrapes: GET /metrics, plaintext, beside the health port. It is no web server."""

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

READ_S: Final = 5.0
"""For a request to come in, and for its answer to be taken."""
MOST_HEAD_BYTES: Final = 16 * 1024
MOST_AT_ONCE: Final = 8
"""Connections; the next one is closed without an answer."""
EVERY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104
NO_IPV6: Final = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})
"""Of a kernel that has none, or had it switched off."""

Render = Callable[[], Awaitable[bytes]]


class Endpoint:
    """One for the process, closed by `aclose`."""

    def __init__(self, render: Render, content_type: str) -> None:
        self._render = render
        self._content_type = content_type
        self._turn = asyncio.Lock()
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> None:
        """Listens. A wildcard of either family is every address of both, as it is to gRPC: a pod has one family or the
        other. Raises OSError where the address is taken."""
        if host not in EVERY_ADDRESS:
            self._server = await asyncio.start_server(self._connected, host, port, limit=MOST_HEAD_BYTES)
            return
        listening = _on_every_address(port)
        try:
            self._server = await asyncio.start_server(self._connected, sock=listening, limit=MOST_HEAD_BYTES)
        except BaseException:
            listening.close()
            raise

    async def aclose(self) -> None:
        """Closes the port, and whatever is connected."""
        if self._server is not None:
            self._server.close()
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._serving) >= MOST_AT_ONCE:
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                async with asyncio.timeout(READ_S):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(await self._answer(head))
                    await writer.drain()
                    writer.write_eof()
                    await reader.read(1)  # until the other side has closed: an abort would take the answer along
        finally:
            writer.transport.abort()

    async def _answer(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if path != b"/metrics":
            return _response("404 Not Found", "text/plain", b"metrics are at /metrics\n")
        if method != b"GET":
            return _response("405 Method Not Allowed", "text/plain", b"GET\n", b"Allow: GET\r\n")
        async with self._turn:  # one at a time, so that scraping cannot take more than one thread's time
            return _response("200 OK", self._content_type, await self._render())


def _on_every_address(port: int) -> socket.socket:
    """One socket for both families: with one for each, port 0 would be two ports."""
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
        except OSError as error:
            if error.errno not in NO_IPV6:
                raise
    return socket.create_server(("0.0.0.0", port))  # noqa: S104


def _response(status: str, content_type: str, body: bytes, more: bytes = b"") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    return head.encode() + more + b"\r\n" + body
