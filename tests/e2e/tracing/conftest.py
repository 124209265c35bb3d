"""The services as processes, and a caller of theirs whose trace they continue."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer

from .caller import Caller, calling

PEOPLE = """SELECT (a * 6000 + b)::text AS profile_id, 'user' || a || '-' || b || '@example.com' AS email
FROM generate_series(1, 6000) AS a, generate_series(1, 6000) AS b"""
"""An audience that nobody reads to its end: 36 million people, streamed by PostgreSQL as they are made."""

ENDLESS = f"""
[[data_sources]]
name = "workspaces/demo/dataSources/endless"
connection = "workspaces/demo/connections/customer"
generator_sql = '''{PEOPLE}'''

[[data_sources]]
name = "workspaces/demo/dataSources/fresh"
connection = "workspaces/demo/connections/customer"
generator_sql = '''{PEOPLE} WHERE a > 0'''
"""


@pytest.fixture
async def caller(platform: Any) -> AsyncIterator[Caller]:
    """Calls the shared platform."""
    async with calling(platform) as one:
        yield one


@pytest.fixture(scope="package")
def endless(postgres: PostgresServer, serve: Any) -> Iterator[Any]:
    """A gateway and segments with an audience that takes minutes."""
    with serve(postgres, postgres.create_database(), segments=ENDLESS) as at:
        yield at


@pytest.fixture
async def endless_caller(endless: Any) -> AsyncIterator[Caller]:
    """Calls those."""
    async with calling(endless) as one:
        yield one


@pytest.fixture
async def locked_out(postgres: PostgresServer, serve: Any) -> AsyncIterator[Caller]:
    """Calls services whose gateway has a password that the database does not take."""
    role = replace(postgres.create_role(), password="canary-not-the-password")
    with serve(postgres, postgres.create_database(), segments=ENDLESS, role=role) as at:
        async with calling(at) as one:
            yield one
