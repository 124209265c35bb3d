"""Figures of pools and credentials are what a real server sees; they name connections, and nothing else of them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.pools.budget import Budgets
from directflow_gateway.pools.meter import meter_budgets
from directflow_runtime.errors import DirectFlowError
from directflow_runtime.metrics import Metrics
from directflow_runtime.metrics.instruments import Distribution

NAME = "workspaces/acme/connections/main"


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(10, 10)


@pytest.fixture
async def budgets() -> AsyncIterator[Budgets]:
    made = Budgets(per_server=10, together=20)
    yield made
    made.close()


@pytest.fixture
def metered(
    budgets: Budgets,  # before the stand, to be closed after it
    make_stand: Callable[..., Any],
    postgres: PostgresServer,
    postgres_database: str,
    metrics: Metrics,
) -> Any:
    meter_budgets(metrics, budgets)
    return make_stand(postgres, postgres_database, pool_size=2, acquire_timeout_s=0.2, budgets=budgets, metrics=metrics)


def told(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """By name without "directflow." and labels; of a histogram how often."""
    return {
        (named.name.removeprefix("directflow."), *labels): (
            sum(point.counts) if isinstance(point, Distribution) else point
        )
        for named, points in metrics.snapshot()
        for labels, point in points.items()
    }


async def test_sessions_are_told_by_what_they_do_now(metered: Any, metrics: Metrics) -> None:
    async with metered.lease(), metered.lease():
        during = told(metrics)
        with pytest.raises(DirectFlowError) as refused:
            async with metered.lease():
                pytest.fail("the pool is full")
        assert refused.value.reason == "POOL_SATURATED"
    after = told(metrics)
    assert (during["pool.sessions", NAME, "leased"], after["pool.sessions", NAME, "leased"]) == (2, 0)
    assert (during["pool.sessions", NAME, "idle"], after["pool.sessions", NAME, "idle"]) == (0, 2)
    assert after["pool.limit", NAME] == 2
    assert after["pool.wait.duration", NAME] == 3  # who was refused has waited too
    assert after["database.logins", NAME, "ok"] == len(metered.sessions()) == 2
    assert (after["pool.budget.held", "process"], after["pool.budget.limit", "process"]) == (2, 20)
    assert (after["pool.budget.held", "database"], after["pool.budget.limit", "database"]) == (2, 10)


async def test_who_waits_is_told_while_he_waits(metered: Any, metrics: Metrics) -> None:
    async with metered.lease(), metered.lease():
        waiting = asyncio.ensure_future(metered.lease().__aenter__())
        await asyncio.sleep(0.05)
        assert told(metrics)["pool.waiting", NAME] == 1
        await asyncio.wait([waiting])
        assert isinstance(waiting.exception(), DirectFlowError)
    assert told(metrics)["pool.waiting", NAME] == 0


async def test_a_refused_login_is_counted_and_opens_the_breaker(metered: Any, metrics: Metrics) -> None:
    metered.write_secret("not the password")
    with pytest.raises(DirectFlowError) as refused:
        async with metered.lease():
            pytest.fail("nobody should get in")
    assert refused.value.reason == "CREDENTIALS_REJECTED"
    figures = told(metrics)
    assert figures["database.logins", NAME, "refused"] >= 1
    assert ("database.logins", NAME, "ok") not in figures
    assert figures["breaker.open", NAME] == 1


async def test_a_server_that_is_not_there_is_unreachable(make_stand: Any, postgres: Any, metrics: Metrics) -> None:
    stand = make_stand(postgres, connection={"port": 1}, metrics=metrics)
    with pytest.raises(DirectFlowError) as away:
        async with stand.lease():
            pytest.fail("nobody is there")
    assert away.value.reason == "DATABASE_UNREACHABLE"
    assert told(metrics)["database.logins", NAME, "unreachable"] == 1


async def test_a_credential_has_an_age_and_a_time_when_it_is_due(metered: Any, metrics: Metrics) -> None:
    assert not [key for key in told(metrics) if key[0].startswith("credential.")]
    began = time.monotonic()
    async with metered.lease():
        figures = told(metrics)
    assert 0 <= figures["credential.age", NAME, "file"] <= time.monotonic() - began
    assert 0 < figures["credential.next_refresh", NAME, "file"] <= 15
    assert figures["credential.reads", "file", "ok"] == 1
    shown = repr(figures)
    for personal in (metered.role.name, metered.role.password, metered.server.host):
        assert personal not in shown


async def test_a_credential_that_cannot_be_read_is_counted_by_its_cause(metered: Any, metrics: Metrics) -> None:
    metered.secret.unlink()
    with pytest.raises(DirectFlowError) as unavailable:
        async with metered.lease():
            pytest.fail("there is no password")
    cause = unavailable.value.metadata["cause"]
    assert told(metrics)["credential.reads", "file", cause] == 1
