"""The DirectFlow database away for a while: what runs goes on, what edits is told, and everything mends itself."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from directflow_cli.definitions.kinds import CONDITION, CONNECTION, DATA_SOURCE
from directflow_runtime.errors import StatusCode

AWAY_S = 2.0
CHAOS_AWAY_S = 60.0
SETTLES_S = 20.0
EDIT_S = 2.0
LINES_AN_OUTAGE = 25
"""Of one process, whatever its length, besides one line a call."""
MOST_SESSIONS = {"directflow_owner": 2, "directflow_writer": 4, "directflow_reader": 8}
GATEWAYS = 3
RESTARTS = 4
FOLLOWERS = ("segments-1", "segments-2", "conditions-1", "conditions-2")
EVERYBODY = ("gateway-1", "gateway-2", "gateway-3", *FOLLOWERS)


class Load:
    """Callers of everything that must not notice; each of them checks what it gets."""

    def __init__(self, clients: Any) -> None:
        self._clients = clients
        self.done: Counter[str] = Counter()
        self.failed: list[str] = []

    async def audience(self) -> None:
        assert len(await self._clients.audience()) == 2_000

    async def single(self) -> None:
        assert await self._clients.evaluate("4") == "TRUE"

    async def batch(self) -> None:
        decided = await self._clients.batch([str(number) for number in range(1, 101)])
        assert decided[:4] == [decided[0], decided[1]] * 2
        assert decided[0] != decided[1]

    async def reads(self) -> None:
        assert (await self._clients.get(DATA_SOURCE, "people")).generator_sql
        assert "adult" in await self._clients.ids(CONDITION)
        assert (await self._clients.get(CONNECTION, "customer", replica=2)).host

    async def forever(self, name: str, call: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await call()
                self.done[name] += 1
            except (grpc.aio.AioRpcError, AssertionError) as error:
                self.failed.append(f"{name}: {error}")
            await asyncio.sleep(0.01)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Load"]:
        calls = {"audience": self.audience, "single": self.single, "batch": self.batch, "reads": self.reads}
        tasks = [asyncio.create_task(self.forever(name, call)) for name, call in calls.items()]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def stopped(server: Any) -> AsyncIterator[None]:
    """As `pg_ctl stop` does it: sessions are told, then nobody listens."""
    await asyncio.to_thread(server.stop)
    yield
    await asyncio.to_thread(server.start)


@asynccontextmanager
async def killed(server: Any) -> AsyncIterator[None]:
    """A power cut."""
    await asyncio.to_thread(server.kill)
    yield
    await asyncio.to_thread(server.start)


@asynccontextmanager
async def frozen(server: Any) -> AsyncIterator[None]:
    """Connections are taken, and nobody ever answers."""
    pids = [server.pid, *children(server.pid)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


WAYS = {"stopped": stopped, "killed": killed, "frozen": frozen}


def one_edit(clients: Any, kind: Any, mark: str, replica: int = 1) -> Any:
    make, id = (clients.make_adult, "adult") if kind is CONDITION else (clients.make_people, "people")
    return clients.update(kind, make("a", display_name=mark, name=kind.full_name("a", id)), replica, EDIT_S)


async def an_edit_is_refused(clients: Any, failure: Any, kind: Any, way: str) -> None:
    error = await failure(one_edit(clients, kind, "while it is away"))
    if way == "frozen" and error.code is StatusCode.DEADLINE_EXCEEDED:
        return  # nobody knows that nobody answers before the caller's time is up
    assert error.code is StatusCode.UNAVAILABLE, error
    assert error.reason == "GATEWAY_UNAVAILABLE"
    assert error.metadata["gateway_reason"] == "STORE_UNAVAILABLE"
    assert error.retry_after


async def goes_through(clients: Any, system: Any, way: str, away_s: float, tools: Any) -> None:
    eventually, failure, readiness = tools
    lines = {name: len(system.events(name)) for name in EVERYBODY}
    async with readiness(*EVERYBODY) as ready, Load(clients).running() as load:
        async with WAYS[way](system.own_server):
            before, ends_at = dict(load.done), time.monotonic() + away_s
            while time.monotonic() < ends_at:
                await asyncio.gather(
                    *(an_edit_is_refused(clients, failure, kind, way) for kind in (DATA_SOURCE, CONDITION))
                )
                await asyncio.sleep(0.2)
            during = Counter(load.done)
            during.subtract(before)
        mark = f"after {way} {time.monotonic()}"
        saved = {
            kind: await eventually(lambda kind=kind: one_edit(clients, kind, mark), SETTLES_S)
            for kind in (DATA_SOURCE, CONDITION)
        }
        for kind, resource in saved.items():
            await clients.everywhere(kind, resource.name.rpartition("/")[2], revision=resource.revision)
    assert load.failed == []
    assert all(during[name] >= 3 for name in ("audience", "single", "batch", "reads")), during
    assert ready.never_fell(), ready.seen
    for name in EVERYBODY:
        news = system.events(name)[lines[name] :]
        assert len(news) <= LINES_AN_OUTAGE, Counter(line["event"] for line in news)
    for role, count in system.sessions().items():
        assert count <= MOST_SESSIONS[role] * GATEWAYS


@pytest.fixture
def tools(eventually: Any, failure: Any, readiness: Any) -> Any:
    return eventually, failure, readiness


@pytest.mark.parametrize("way", WAYS)
async def test_while_the_directflow_database_is_away_audiences_and_conditions_go_on_and_edits_are_told(
    clients: Any, system: Any, tools: Any, way: str
) -> None:
    await goes_through(clients, system, way, AWAY_S, tools)


@pytest.mark.chaos
@pytest.mark.parametrize("way", WAYS)
async def test_a_whole_minute_without_the_directflow_database_is_no_different(
    clients: Any, system: Any, tools: Any, way: str
) -> None:
    await goes_through(clients, system, way, CHAOS_AWAY_S, tools)


async def test_restarts_in_a_row_leave_no_session_behind_and_keep_nobody_out(
    clients: Any, system: Any, eventually: Any
) -> None:
    """A login that a stop cuts off is no refused one: that would keep the gateway out for half a minute."""
    for _ in range(RESTARTS):
        await asyncio.to_thread(system.own_server.stop)
        await asyncio.to_thread(system.own_server.start)
        for replica in (1, 2):
            mark = f"{time.monotonic()}"
            await eventually(lambda m=mark, r=replica: one_edit(clients, CONDITION, m, r), SETTLES_S)
    for role, count in system.sessions().items():
        assert count <= MOST_SESSIONS[role] * GATEWAYS
