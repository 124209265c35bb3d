"""Tests of a connection that are repeated by a script lock no account of the customer's."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.connection_service.refused_logins import KEPT, REFUSED_S, RefusedLogins
from directflow_gateway.connection_service.step import Outcome, Step, StepFailed, StepName
from directflow_gateway.connections import Connection
from directflow_gateway.credentials import Credential
from directflow_runtime.secrets import Secret

from tests.clock import Clock

CONNECTION = Connection(workspace="acme", id="main", host="db.example", database="app", user="reader")
STEP = Step(StepName.LOGIN, Outcome.FAILED, "Refused.", "Store another one.", "ALTER ROLE reader PASSWORD '...';")


def credential(generation: str = "one") -> Credential:
    return Credential("reader", Secret("password"), generation)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def logins(clock: Clock) -> RefusedLogins:
    return RefusedLogins(clock)


def is_kept_away(logins: RefusedLogins, connection: Connection = CONNECTION, generation: str = "one") -> bool:
    try:
        logins.check(connection, credential(generation))
    except StepFailed:
        return True
    return False


def refused(logins: RefusedLogins, times: int = 2) -> None:
    for _ in range(times):
        logins.remember(CONNECTION, credential(), STEP)


def test_whoever_mends_the_role_and_tests_again_is_let_through(logins: RefusedLogins) -> None:
    refused(logins, times=1)
    assert not is_kept_away(logins)


def test_what_was_refused_twice_is_not_tried_for_some_seconds_and_the_step_says_so(
    logins: RefusedLogins, clock: Clock
) -> None:
    refused(logins)
    with pytest.raises(StepFailed) as told:
        logins.check(CONNECTION, credential())
    step = told.value.step
    assert (step.name, step.outcome) == (StepName.LOGIN, Outcome.FAILED)
    assert "has just refused this login twice" in step.message
    assert step.advice.startswith("Store another one. Another credential or a changed connection is tried at once")
    assert step.advice.endswith("this one in 10 s.")
    assert step.mending_sql == STEP.mending_sql
    clock.now += REFUSED_S + 0.1
    assert not is_kept_away(logins)


def test_who_polls_is_refused_once_in_ten_seconds(logins: RefusedLogins, clock: Clock) -> None:
    tried = 0
    for _ in range(10_000):
        if not is_kept_away(logins):
            tried += 1
            logins.remember(CONNECTION, credential(), STEP)
        clock.now += 0.1
    assert 100 <= tried <= 102


@pytest.mark.parametrize(
    "changed", [{"host": "other.example"}, {"port": 6432}, {"user": "other"}, {"database": "other"}, {"id": "other"}]
)
def test_a_changed_connection_is_tried_at_once(logins: RefusedLogins, changed: dict[str, Any]) -> None:
    refused(logins)
    assert not is_kept_away(logins, replace(CONNECTION, **changed))


def test_what_has_nothing_to_do_with_the_login_makes_no_other_one(logins: RefusedLogins) -> None:
    refused(logins)
    assert is_kept_away(logins, replace(CONNECTION, limits=replace(CONNECTION.limits, pool_size=1)))


def test_another_credential_is_tried_at_once(logins: RefusedLogins) -> None:
    refused(logins)
    assert not is_kept_away(logins, generation="two")


def test_no_more_is_remembered_than_there_is_room_for(logins: RefusedLogins) -> None:
    refused(logins)
    for number in range(KEPT):
        logins.remember(CONNECTION, credential(f"g{number}"), STEP)
    assert not is_kept_away(logins)
    assert len(logins._refused) == KEPT


# --- on a real server ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own_server(postgres_installation: Any) -> Iterator[PostgresServer]:
    """Its log is this module's alone."""
    with PostgresServer.create(postgres_installation) as server:
        yield server


async def test_forty_tests_with_a_wrong_password_are_two_or_three_refused_logins(
    make_customer: Callable[..., Any], own_server: PostgresServer, failing_at: Callable[..., Any]
) -> None:
    customer = make_customer(own_server)
    customer.write_secret("wrong")
    reports = await asyncio.gather(*(customer.test() for _ in range(20)))
    reports += [await customer.test() for _ in range(20)]
    steps = [failing_at(report) for report in reports]
    assert {step.name.value for step in steps} == {"login"}
    assert sum("has just refused this login twice" in step.message for step in steps) >= 37
    lines = own_server.log.read_text().splitlines()
    assert sum("authentication failed" in line and customer.role.name in line for line in lines) in (2, 3)
    for report in reports:
        customer.nothing_leaks(report)
