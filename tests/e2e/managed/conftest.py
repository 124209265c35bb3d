"""Definitions as managed resources on the real processes: gateways, two replicas of segments and conditions, a
DirectFlow database on a server of its own, and two workspaces with the same names over two customers' databases."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from directflow_cli.definitions.kinds import CONDITION, CONNECTION, DATA_SOURCE
from directflow_cli.dev import directflow_database
from directflow_cli.dev.background import BackgroundLoop
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.traces.receiver import Receiver
from directflow_cli.traces.store import SpanStore

from .clients import Clients
from .customers import WORKSPACES, Customer, adult, people, schema
from .readiness import Readiness
from .replicas import Replicas, start_all
from .system import System
from .waiting import eventually, failure, seconds_until

# A test may start a PostgreSQL while calls are under way. gRPC's fork handlers then crash one child in ten before it is
# PostgreSQL; nobody here forks to go on with gRPC in the child. Read when the first channel or server is made.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"


@pytest.fixture(scope="package")
def system(postgres: PostgresServer, postgres_installation: Any, tmp_path_factory: Any) -> Iterator[System]:
    """Set up from an empty DirectFlow database, by calls. Whoever stops something starts it again."""
    durable = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
    spans = SpanStore()
    with (
        PostgresServer.create(postgres_installation, durable) as own_server,
        Receiver(spans) as receiver,
        BackgroundLoop() as loop,
    ):
        databases = {workspace: postgres.create_database() for workspace in WORKSPACES}
        roles = {workspace: postgres.create_role() for workspace in WORKSPACES}
        for workspace, database in databases.items():
            postgres.psql(schema(workspace), database=database)
            postgres.psql(f'GRANT SELECT ON people TO "{roles[workspace].name}"', database=database)
        own = directflow_database.create(own_server)
        at = System(postgres, own_server, own, databases, spans, loop)
        passwords = {(workspace, "customer"): role.password for workspace, role in roles.items()}
        files = Replicas(tmp_path_factory.mktemp("managed"), receiver.address)
        try:
            start_all(at, files, passwords)
            asyncio.run(
                set_up(at, {w: Customer(postgres.host, postgres.port, databases[w], roles[w].name) for w in roles})
            )
            at.at_start = {name: at.events(name) for name in at.processes}
            yield at
        finally:
            at.stop()


async def set_up(at: System, customers: dict[str, Customer]) -> None:
    """The same names in both workspaces: connection customer, data source people, condition adult."""
    async with Clients(at) as clients:
        for workspace, customer in customers.items():
            await clients.create(CONNECTION, "customer", customer.connection(), workspace, replica=2)
            # gateway-1 may not have heard of the connection yet: it asks the store.
            await clients.create(DATA_SOURCE, "people", people(workspace), workspace)
            await clients.create(CONDITION, "adult", adult(workspace), workspace)
        for workspace in customers:
            await clients.everywhere(DATA_SOURCE, "people", workspace)
            await clients.everywhere(CONDITION, "adult", workspace)


@pytest.fixture
async def clients(system: System) -> AsyncIterator[Clients]:
    async with Clients(system) as opened:
        yield opened


@pytest.fixture(name="eventually")
def _eventually() -> Any:
    return eventually


@pytest.fixture(name="seconds_until")
def _seconds_until() -> Any:
    return seconds_until


@pytest.fixture(name="failure")
def _failure() -> Any:
    return failure


@pytest.fixture
def readiness(system: System) -> Callable[..., Readiness]:
    """`async with readiness("segments-1") as ready: ...; assert ready.never_fell()`."""
    return lambda *names: Readiness(system, names)
