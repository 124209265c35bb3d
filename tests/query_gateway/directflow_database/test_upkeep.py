"""Upkeep: what callers are told while the database is not ready, and that nothing ends the background task."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import structlog
from directflow_gateway.directflow_database import MigrationChanged, Upkeep
from directflow_gateway.directflow_database.failures import unavailable
from directflow_runtime.calls import Call
from directflow_runtime.errors import DirectFlowError
from structlog.testing import capture_logs


async def nothing() -> None:
    """Goes well."""


class Failing:
    """Raises these one after the other, then goes well."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self) -> None:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)


@pytest.fixture
async def make_upkeep(
    database: Any, call: Call, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., Upkeep]]:
    """`make_upkeep(prepare, tend)`: running, with short pauses."""
    monkeypatch.setattr("directflow_gateway.directflow_database.upkeep.RETRY_S", 0.01)
    monkeypatch.setattr("directflow_gateway.directflow_database.upkeep.TEND_RETRY_S", 0.01)
    made: list[Upkeep] = []

    def make(prepare: Any = nothing, tend: Any = nothing) -> Upkeep:
        made.append(Upkeep(database, prepare, tend, structlog.get_logger("test")))
        made[-1].start()
        return made[-1]

    with capture_logs():  # nothing here is about how lines look
        yield make
        for one in made:
            await one.aclose()


async def refusal(upkeep: Upkeep) -> str:
    """What a caller is told; empty when it may go on."""
    try:
        await upkeep.ready()
    except DirectFlowError as error:
        return f"{error.reason} {error.metadata['cause']}"
    return ""


async def ready_in_the_end(upkeep: Upkeep) -> list[str]:
    """What callers were told until it was ready."""
    told: list[str] = []
    async with asyncio.timeout(20):
        while cause := await refusal(upkeep):
            told.append(cause)
            await asyncio.sleep(0.001)
    return told


async def test_a_call_right_after_the_start_waits_for_the_first_attempt(make_upkeep: Any) -> None:
    async def slow() -> None:
        await asyncio.sleep(0.2)

    assert await ready_in_the_end(make_upkeep(slow)) == []


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (unavailable("TIMEOUT"), "TIMEOUT"),
        (MigrationChanged("0001_engagement.sql"), "MIGRATION_CHANGED"),
        (ValueError("a mistake of ours"), "INTERNAL"),
    ],
)
async def test_whatever_fails_is_told_and_tried_again(make_upkeep: Any, error: Exception, cause: str) -> None:
    assert set(await ready_in_the_end(make_upkeep(Failing(error)))) == {f"STORE_UNAVAILABLE {cause}"}


async def test_tending_that_fails_takes_nothing_away_from_callers(make_upkeep: Any) -> None:
    tend = Failing(unavailable("55P03"), ValueError("a mistake of ours"))
    upkeep = make_upkeep(tend=tend)
    await ready_in_the_end(upkeep)
    async with asyncio.timeout(20):
        while tend.calls < 3:
            assert await refusal(upkeep) == ""
            await asyncio.sleep(0.001)


async def test_a_schema_that_is_missing_is_prepared_again(make_upkeep: Any, database: Any) -> None:
    prepare = Failing()
    upkeep = make_upkeep(prepare)
    await ready_in_the_end(upkeep)
    database.unprepared = True  # what a statement says that misses a table

    causes = await ready_in_the_end(upkeep)

    assert causes[0] == "STORE_UNAVAILABLE NOT_PREPARED"
    assert prepare.calls == 2
    assert not database.unprepared


async def test_closing_stops_what_is_under_way(make_upkeep: Any) -> None:
    stopped = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    upkeep = make_upkeep(endless)
    await asyncio.sleep(0)
    await upkeep.aclose()
    assert stopped.is_set()
