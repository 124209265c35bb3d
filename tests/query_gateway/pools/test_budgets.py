"""However many connections, workspaces and gateways there are: no server has more sessions than it was promised."""

import asyncio
import contextlib
import json
import random
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.connection_service.step import Outcome, StepName
from directflow_gateway.connection_service.tester import ConnectionTester
from directflow_gateway.connections import Connection, EgressPolicy, Limits, SslMode
from directflow_gateway.credentials import FileCredentialSource, Keyrings
from directflow_gateway.execution import fetch_first
from directflow_gateway.execution.wire import Statement
from directflow_gateway.pools import Budgets, Pools, login
from directflow_gateway.pools.settings import PoolSettings
from directflow_runtime.errors import DirectFlowError, StatusCode
from pydantic import ValidationError

from .eye import Eye


@pytest.fixture
def role(postgres: PostgresServer) -> Any:
    return postgres.create_role("LOGIN")


@pytest.fixture
async def gateway(
    tmp_path: Path, watchdog: Any, postgres: PostgresServer, role: Any
) -> AsyncIterator[Callable[..., tuple[Pools, Callable[..., Connection]]]]:
    """`gateway(budgets)`: the pools of a gateway of its own, and connections of any workspace, all as the same role."""
    made: list[tuple[Pools, Keyrings, Budgets]] = []

    def connection(workspace: str = "acme", id: str = "main", **limits: Any) -> Connection:
        (tmp_path / workspace).mkdir(exist_ok=True)
        (tmp_path / workspace / id).write_text(json.dumps({"username": role.name, "password": role.password}))
        return Connection(
            workspace=workspace, id=id, host=postgres.host, port=postgres.port, database="postgres", user=role.name,
            sslmode=SslMode.DISABLE, limits=Limits(**limits),
        )  # fmt: skip

    def make(budgets: Budgets) -> tuple[Pools, Callable[..., Connection]]:
        keyrings = Keyrings(FileCredentialSource(f"{tmp_path}/{{workspace}}/{{connection}}"))
        pools = Pools(keyrings, watchdog, EgressPolicy(allow_loopback=True), budgets=budgets)
        made.append((pools, keyrings, budgets))
        return pools, connection

    yield make
    for pools, keyrings, budgets in made:
        await pools.aclose()
        budgets.close()
        await keyrings.aclose()


@contextlib.asynccontextmanager
async def leased(pools: Pools, connection: Connection, within_s: float = 20) -> AsyncIterator[Any]:
    async with pools.lease(connection, time.monotonic() + within_s) as session:
        yield session


async def call(pools: Pools, connection: Connection, takes_s: float = 0.0) -> None:
    async with leased(pools, connection) as session:
        await fetch_first(session, f"SELECT pg_sleep({takes_s})", (), 1)


# --- never more than promised -----------------------------------------------------------------------------------------


async def test_two_gateways_and_a_third_that_surges_never_have_more_sessions_than_the_database_was_promised(
    gateway: Callable[..., Any], postgres: PostgresServer, role: Any
) -> None:
    postgres.psql(f"ALTER ROLE {role.name} CONNECTION LIMIT 9")  # the server's own count misses nothing
    settings = PoolSettings(gateways=3, sessions_per_database=9)
    gateways = [gateway(settings.budgets()) for _ in range(3)]
    ends_at = time.monotonic() + 3
    calls = 0

    async def caller(pools: Pools, connection: Connection) -> None:
        nonlocal calls
        while time.monotonic() < ends_at:
            await call(pools, connection, takes_s=0.003)
            calls += 1

    with Eye(postgres, role.name) as eye:
        async with asyncio.TaskGroup() as group:
            for number, (pools, connection) in enumerate(gateways):
                if number == 2:
                    await asyncio.sleep(0.5)
                for workspace in ("acme", "umbrella", "initech"):
                    for _ in range(4):
                        group.create_task(caller(pools, connection(workspace, pool_size=4)))
    assert eye.looks > 100
    assert 3 < eye.most <= 9
    assert calls > 100


async def test_a_rotation_under_load_needs_no_session_more(
    gateway: Callable[..., Any], postgres: PostgresServer, role: Any
) -> None:
    postgres.psql(f"ALTER ROLE {role.name} CONNECTION LIMIT 3")
    pools, connection = gateway(Budgets(per_server=3))
    ends_at = time.monotonic() + 2

    async def caller() -> None:
        while time.monotonic() < ends_at:
            await call(pools, connection(pool_size=8), takes_s=0.002)

    with Eye(postgres, role.name) as eye:
        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(caller())
            while time.monotonic() < ends_at:
                await asyncio.sleep(0.1)
                for pool in pools._pools.values():
                    pool.generation._since = time.monotonic()  # every session is of an outgoing credential
    assert 0 < eye.most <= 3


async def test_a_session_counts_until_the_server_has_heard_the_farewell_and_ended_it(
    gateway: Callable[..., Any], proxy: Any
) -> None:
    budgets = Budgets(per_server=1)
    pools, connection = gateway(budgets)
    target = replace(connection(), port=proxy.port)
    async with leased(pools, target) as session:
        pass
    proxy.stall()
    pools.retire(lambda connection: False)
    assert await gone(session)
    assert budgets.held == 1
    proxy.flow()
    ends_at = time.monotonic() + 5
    while budgets.held:
        assert time.monotonic() < ends_at
        await asyncio.sleep(0.01)


async def gone(session: Any) -> bool:
    while not session.wire.lost:  # noqa: ASYNC110 (nothing tells)
        await asyncio.sleep(0.01)
    return True


async def test_sessions_that_are_cut_off_at_work_count_until_the_server_has_noticed(
    gateway: Callable[..., Any], postgres: PostgresServer, role: Any
) -> None:
    budgets = Budgets(per_server=2)
    pools, connection = gateway(budgets)
    with Eye(postgres, role.name) as eye:
        for _ in range(3):
            async with leased(pools, connection()) as session:
                await session.wire.start(Statement("SELECT pg_sleep(0.5)"), 1)
                session.abort()
            assert budgets.held
        await call(pools, connection())
    assert eye.most <= 2


async def test_what_is_not_used_any_more_is_not_counted_any_more(gateway: Callable[..., Any]) -> None:
    budgets = Budgets(per_server=4, together=4)
    pools, connection = gateway(budgets)
    one, two = leased(pools, connection()), leased(pools, connection())
    async with one, two:
        assert budgets.held == 2
    assert budgets.held == 2  # idle
    await pools.aclose()
    ends_at = time.monotonic() + 5
    while budgets.held:
        assert time.monotonic() < ends_at
        await asyncio.sleep(0.01)


async def test_a_login_that_fails_gives_its_place_back(gateway: Callable[..., Any], postgres: PostgresServer) -> None:
    budgets = Budgets(per_server=1)
    pools, connection = gateway(budgets)
    missing = replace(connection(), database="not_there")
    for _ in range(3):
        with pytest.raises(DirectFlowError, match="no database"):
            await call(pools, missing)
    assert budgets.held == 0
    await call(pools, connection("umbrella"))


async def test_a_login_that_goes_on_without_its_caller_keeps_its_place_until_it_has_ended(
    gateway: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on, connect = threading.Event(), login.connect

    def held_up(*args: Any) -> Any:
        may_go_on.wait(30)
        return connect(*args)

    monkeypatch.setattr(login, "connect", held_up)
    monkeypatch.setattr(login, "CONNECT_S", 0.3)
    budgets = Budgets(per_server=1)
    pools, connection = gateway(budgets)
    try:
        with pytest.raises(DirectFlowError) as error:
            await call(pools, connection())
        assert error.value.metadata["cause"] == "TIMEOUT"
        assert budgets.held == 1
    finally:
        may_go_on.set()
    ends_at = time.monotonic() + 5
    while budgets.held:
        assert time.monotonic() < ends_at
        await asyncio.sleep(0.01)


async def test_a_test_of_a_connection_waits_for_its_turn_and_says_when_there_is_none(
    gateway: Callable[..., Any], watchdog: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("directflow_gateway.connection_service.tester.PATIENCE_S", 0.2)
    budgets = Budgets(per_server=1)
    pools, connection = gateway(budgets)
    keyrings = Keyrings(FileCredentialSource(f"{tmp_path}/{{workspace}}/{{connection}}"))
    tester = ConnectionTester(keyrings, EgressPolicy(allow_loopback=True), watchdog, budgets)

    async def login_step() -> Any:
        report = await tester.test(connection("umbrella"), time.monotonic() + 10)
        return next(step for step in report.steps if step.name is StepName.LOGIN)

    async with leased(pools, connection()):
        step = await login_step()
        assert step.outcome is Outcome.FAILED
        assert "sessions_per_database" in step.message
    assert (await login_step()).outcome is Outcome.OK  # the pool's idle session was closed for it
    await call(pools, connection())
    await keyrings.aclose()


@pytest.mark.parametrize("cancels", [300, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_callers_that_leave_in_any_moment_lose_no_place(
    gateway: Callable[..., Any], postgres: PostgresServer, role: Any, cancels: int
) -> None:
    postgres.psql(f"ALTER ROLE {role.name} CONNECTION LIMIT 3")
    budgets = Budgets(per_server=3)
    pools, connection = gateway(budgets)
    chosen = random.Random(5)
    workspaces = ("acme", "umbrella", "initech", "hooli")

    async def one() -> None:
        await asyncio.sleep(chosen.uniform(0, 0.05))
        async with asyncio.timeout(chosen.expovariate(20)):
            await call(pools, connection(chosen.choice(workspaces), pool_size=2), takes_s=chosen.uniform(0, 0.05))

    for _ in range(cancels // 20):
        ends = await asyncio.gather(*(one() for _ in range(20)), return_exceptions=True)
        assert [repr(end) for end in ends if end is not None and not isinstance(end, TimeoutError)] == []
    for workspace in workspaces:
        await call(pools, connection(workspace, acquire_timeout_s=10))
    await pools.aclose()
    ends_at = time.monotonic() + 5
    while budgets.held:
        assert time.monotonic() < ends_at
        await asyncio.sleep(0.01)


async def test_a_caller_that_leaves_in_the_moment_of_its_turn_does_not_give_back_the_place_of_the_login(
    gateway: Callable[..., Any], postgres: PostgresServer, role: Any
) -> None:
    postgres.psql(f"ALTER ROLE {role.name} CONNECTION LIMIT 1")
    budgets = Budgets(per_server=1)
    pools, connection = gateway(budgets)
    place = await budgets.visit(connection("initech"), 5)
    leaving = asyncio.create_task(call(pools, connection("acme")))
    while not budgets._waiting:  # noqa: ASYNC110 (nothing tells)
        await asyncio.sleep(0.001)
    leaving.cancel()
    place.end()  # the login's turn; its task runs after the caller's, which looks whether anybody still waits
    await call(pools, connection("umbrella"))
    with pytest.raises(asyncio.CancelledError):
        await leaving


# --- shared out -------------------------------------------------------------------------------------------------------


async def test_an_idle_session_is_closed_for_a_pool_that_needs_it_the_one_used_least_recently_first(
    gateway: Callable[..., Any],
) -> None:
    pools, connection = gateway(Budgets(per_server=2))
    async with leased(pools, connection("acme")) as first, leased(pools, connection("umbrella")) as second:
        pass
    old, young = sorted((first, second), key=lambda session: session.used_at)
    await call(pools, connection("initech"))
    assert old.wire.lost
    assert not young.wire.lost


@pytest.mark.parametrize(("budget", "cause"), [("per_server", "DATABASE_BUDGET"), ("together", "PROCESS_BUDGET")])
async def test_an_exhausted_budget_is_told_apart_from_a_busy_pool(
    gateway: Callable[..., Any], budget: str, cause: str
) -> None:
    pools, connection = gateway(Budgets(**{budget: 1}))
    async with leased(pools, connection("acme")):
        started = time.monotonic()
        with pytest.raises(DirectFlowError) as error:
            await call(pools, connection("umbrella", acquire_timeout_s=0.2))
        assert 0.1 < time.monotonic() - started < 2
    assert (error.value.code, error.value.reason) == (StatusCode.RESOURCE_EXHAUSTED, "POOL_SATURATED")
    assert error.value.metadata == {"cause": cause}
    assert "[pools]" in error.value.message
    assert error.value.retry_after
    await call(pools, connection("umbrella"))


async def test_another_server_is_another_budget(
    gateway: Callable[..., Any], proxy: Any, postgres: PostgresServer
) -> None:
    pools, connection = gateway(Budgets(per_server=1, together=2))
    elsewhere = replace(connection("umbrella"), port=proxy.port)
    async with leased(pools, connection("acme")), leased(pools, elsewhere):
        pass


async def test_who_waits_for_a_budget_is_served_by_a_session_of_his_own_pool_when_that_comes_back_first(
    gateway: Callable[..., Any],
) -> None:
    pools, connection = gateway(Budgets(per_server=1))
    async with leased(pools, connection()) as first:
        waiting = asyncio.create_task(call(pools, connection()))
        await asyncio.sleep(0.05)
        assert not waiting.done()
    await waiting
    assert not first.wire.lost


async def test_a_workspace_with_one_call_gets_its_session_from_one_with_hundreds(gateway: Callable[..., Any]) -> None:
    pools, connection = gateway(Budgets(per_server=4))
    ends_at = time.monotonic() + 2
    served: Counter[str] = Counter()

    async def caller(workspace: str) -> None:
        while time.monotonic() < ends_at:
            await call(pools, connection(workspace, pool_size=8), takes_s=0.01)
            served[workspace] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(60):
            group.create_task(caller("acme"))
        await asyncio.sleep(0.3)
        group.create_task(caller("umbrella"))
    assert served["umbrella"] >= 10
    assert served["acme"] > served["umbrella"]


async def test_more_workspaces_than_sessions_take_turns(gateway: Callable[..., Any]) -> None:
    pools, connection = gateway(Budgets(per_server=2))
    ends_at = time.monotonic() + 3
    served: Counter[str] = Counter()

    async def caller(workspace: str) -> None:
        while time.monotonic() < ends_at:
            await call(pools, connection(workspace, acquire_timeout_s=10), takes_s=0.005)
            served[workspace] += 1

    async with asyncio.TaskGroup() as group:
        for workspace in ("one", "two", "three", "four", "five"):
            for _ in range(2):
                group.create_task(caller(workspace))
    assert set(served) == {"one", "two", "three", "four", "five"}


# --- settings ---------------------------------------------------------------------------------------------------------


def test_settings_that_leave_a_gateway_without_a_session_are_refused() -> None:
    with pytest.raises(ValidationError, match="leaves none for each of 4 gateways"):
        PoolSettings(gateways=4, sessions_per_database=3)
