"""What every test may ask for. The PostgreSQL here is real, private, and gone when the process is, however it ends."""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

# Before grpc is imported: a test may start a PostgreSQL while calls are under way, and gRPC's fork handlers then crash
# one child in ten before it is PostgreSQL. Nobody here forks to go on with gRPC in the child.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")

import pytest
import uvloop
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.postgres_binaries import Cluster, Installation, choose, reachable, server_account

KIND_VARIABLE = "DIRECTFLOW_TEST_POSTGRES"
MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 * 2**30
"""Enough for the servers of four workers; a container's default of 64 MB is not."""
ON_ONE_WORKER = ("tests/e2e/managed", "tests/e2e/credentials", "tests/query_gateway/sets", "tests/e2e")
"""Folders whose tests share processes that take many seconds to start: a second worker would start them once more."""
FIRST = (*ON_ONE_WORKER, "tests/cli/dev", "tests/query_gateway/property", "tests/cli/commands")
"""What takes longest, longest first: begun last, it would be waited for with idle cores."""

ON_PYTHONS_LOOP = ("tests/cli/", "tests/runtime/test_process_life.py")
"""The command line runs on it. And whoever starts a process does: uvloop's child goes on in Python until its exec, and
where gRPC had threads it may wait for one that is not there. Once such a child span for a quarter of an hour."""


def pytest_configure() -> None:
    """libpq and psycopg read PG* behind everybody's back: no test may depend on the developer's shell."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(
        key=lambda item: next((at for at, folder in enumerate(FIRST) if _inside(item.nodeid, folder)), len(FIRST))
    )


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """What the services run on: unlike Python's own where a connection is reset, and in whom it wakes first."""
    if item.nodeid.startswith(ON_PYTHONS_LOOP):
        return {"asyncio": asyncio.new_event_loop}
    return {"uvloop": uvloop.new_event_loop}


@pytest.hookimpl(optionalhook=True)  # there is no such hook under `-p no:xdist`
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Under `--dist loadfile` a worker gets a file, or a whole folder of ON_ONE_WORKER."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class LoadFileOrFolder(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next((folder for folder in ON_ONE_WORKER if _inside(nodeid, folder)), super()._split_scope(nodeid))

    return LoadFileOrFolder(config, log)


def _inside(nodeid: str, folder: str) -> bool:
    return nodeid.startswith(f"{folder}/")


@pytest.fixture(scope="session")
def postgres_installation() -> Iterator[Installation]:
    """The machine's newest PostgreSQL, else the embedded one; DIRECTFLOW_TEST_POSTGRES=system|embedded forces one.

    Servers of it are copies of one that never runs: initdb takes longer than all else that a test does.
    """
    found = choose(os.environ.get(KIND_VARIABLE, "system-first"))
    pattern = PostgresServer.create(found, parent=_memory(found))
    try:
        yield replace(pattern.installation, cluster=Cluster(pattern.data, pattern.admin.password))
    finally:
        pattern.destroy()


def _memory(found: Installation) -> Path | None:
    """A file system in memory with room enough: making and copying databases is making thousands of small files."""
    account = server_account()
    if account is not None and not reachable(found.bin, account):
        return None  # the programs are copied to the servers, and what is in memory often cannot be executed
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM_BYTES
    return MEMORY if roomy else None


@pytest.fixture(scope="session")
def postgres(postgres_installation: Installation) -> Iterator[PostgresServer]:
    """The server that all tests share: loopback TCP, a free port, scram passwords, no fsync. Do not stop it."""
    with PostgresServer.create(postgres_installation) as server:
        yield server


@pytest.fixture(scope="module")
def postgres_database(postgres: PostgresServer) -> str:
    """A fresh database for each test module; its name."""
    return postgres.create_database()


@pytest.fixture(scope="module")
def postgres_dsn(postgres: PostgresServer, postgres_database: str) -> str:
    """The superuser's URL of this module's fresh database."""
    return postgres.admin_dsn(postgres_database)


@pytest.fixture
def private_postgres(postgres_installation: Installation) -> Iterator[Callable[..., PostgresServer]]:
    """Makes servers of the test's own, running, to stop and to kill: `private_postgres(max_connections="10")`."""
    servers: list[PostgresServer] = []

    def start(**settings: str) -> PostgresServer:
        servers.append(PostgresServer.create(postgres_installation, settings))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.destroy()
