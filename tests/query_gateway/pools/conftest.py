"""Things that go wrong between a gateway and a database: a proxy that can stall, and a look at the event loop."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from directflow_gateway.pools import opening

from ...certificates import Authority


class Proxy:
    """Passes TCP bytes on until told to stall: then it goes on accepting and acknowledging, and answers nothing."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.accepted = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def stall(self) -> None:
        self._flowing.clear()

    def flow(self) -> None:
        self._flowing.set()

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        open_ends = [writer]
        try:
            await self._flowing.wait()
            there_reader, there_writer = await asyncio.open_connection(*self._target)
            open_ends.append(there_writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pipe(reader, there_writer))
                group.create_task(self._pipe(there_reader, writer))
        except asyncio.CancelledError:
            return
        finally:
            for end in open_ends:
                end.transport.abort()

    async def _pipe(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                await self._flowing.wait()
                sink.write(data)
                await sink.drain()
            sink.write_eof()


@pytest.fixture
async def proxy(postgres: Any) -> AsyncIterator[Proxy]:
    """A proxy in front of the shared server."""
    between = Proxy(postgres.host, postgres.port)
    await between.start()
    yield between
    await between.stop()


@pytest.fixture
async def loop_lag() -> AsyncIterator[Callable[[], float]]:
    """The longest time in seconds for which the event loop has not come round since the test began."""
    worst = 0.0

    async def beat() -> None:
        nonlocal worst
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.005)
            worst = max(worst, time.monotonic() - before - 0.005)

    task = asyncio.create_task(beat())
    yield lambda: worst
    task.cancel()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When somebody tried to connect."""
    made: list[float] = []
    login = opening.login

    async def counted(*args: Any) -> Any:
        made.append(time.monotonic())
        return await login(*args)

    monkeypatch.setattr(opening, "login", counted)
    return made
