"""What the tests of descriptions share: a customer's database, and a session on it as a description has one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import psycopg
import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.description import Description, describe
from directflow_gateway.sql import Variable, compile_template
from directflow_runtime.errors import DirectFlowError, Problem

SCHEMA = Path(__file__).with_name("crm.sql")

Describe = Callable[..., Awaitable[Description]]


@pytest.fixture(scope="module")
def database(postgres: PostgresServer, postgres_database: str) -> str:
    postgres.psql(file=SCHEMA, database=postgres_database)
    return postgres_database


@pytest.fixture
async def conn(postgres: PostgresServer, database: str) -> AsyncIterator[psycopg.AsyncConnection[object]]:
    """A session in a read-only transaction."""
    opened = await psycopg.AsyncConnection.connect(postgres.admin_dsn(database), autocommit=True)
    async with opened:
        await opened.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield opened
        await opened.execute("ROLLBACK")


@pytest.fixture
def described(conn: psycopg.AsyncConnection[object]) -> Describe:
    """`await described(template, *variables)`."""

    async def run(template: str, *variables: Variable, allowed: frozenset[str] = frozenset()) -> Description:
        return await describe(conn, compile_template(template, variables, allowed_functions=allowed))

    return run


@pytest.fixture
def objection(described: Describe) -> Callable[[str], Awaitable[Problem]]:
    """`await objection(template)`: the one problem that the server has with a template."""

    async def run(template: str) -> Problem:
        with pytest.raises(DirectFlowError) as refused:
            await described(template)
        assert refused.value.reason == "DEFINITION_BROKEN"
        [problem] = refused.value.problems
        return problem

    return run
