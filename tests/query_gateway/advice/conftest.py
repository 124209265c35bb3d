"""A customer's database, and the diagnosis that DescribeQuery gives of a statement on it."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.connections import Connections
from directflow_gateway.queries.diagnosis import Diagnosis, diagnose
from directflow_gateway.queries.engine import QueryEngine
from directflow_gateway.queries.prepared import PreparedQueries
from directflow_gateway.queries.statement import Statement, StatementRole
from directflow_runtime.calls import Call, call_scope
from directflow_runtime.errors import Problem
from opentelemetry.trace import NoOpTracer

CUSTOMER = Path(__file__).with_name("customer.sql")
CONNECTION = "workspaces/acme/connections/main"

Diagnose = Callable[..., Awaitable[Diagnosis]]
Problems = Callable[..., Awaitable[list[Problem]]]


@pytest.fixture(scope="module")
def customer(postgres: PostgresServer, postgres_database: str) -> str:
    postgres.psql(file=CUSTOMER, database=postgres_database)
    return postgres_database


@pytest.fixture(autouse=True)
def call() -> Iterator[Call]:
    with call_scope(
        Call(time.monotonic() + 20, "test", frozenset({"*"}), "0" * 31 + "1", "0" * 15 + "1", "t/T")
    ) as one:
        yield one


@pytest.fixture
async def engine(customer: str, stand: Any) -> AsyncIterator[QueryEngine]:
    """Whatever is asked, no statement and no transaction may be left by it."""
    yield QueryEngine(Connections([stand.connection]), stand.pools, PreparedQueries(), NoOpTracer())
    assert await stand.quiet_within(2)


@pytest.fixture
def diagnosed(engine: QueryEngine) -> Diagnose:
    """`await diagnosed("condition", template, *variables, key_column=...)`."""

    async def run(role: str, template: str, *variables: Any, **more: Any) -> Diagnosis:
        statement = Statement(CONNECTION, template, StatementRole(role), variables, **more)
        return await diagnose(engine, statement)

    return run


@pytest.fixture
def problems(diagnosed: Diagnose) -> Problems:
    """The problems of a diagnosis."""

    async def run(role: str, template: str, *variables: Any, **more: Any) -> list[Problem]:
        return list((await diagnosed(role, template, *variables, **more)).problems)

    return run
