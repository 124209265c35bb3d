"""A real read replica: it is known as one, a conflict with recovery is called so, a failover needs no restart."""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.catalogue import problems_by_name
from directflow_gateway.connections import Connections, Limits
from directflow_gateway.description import ColumnType, WireType, describe, plan
from directflow_gateway.execution import StreamPlan, fetch_first, stream
from directflow_gateway.queries.engine import QueryEngine
from directflow_gateway.queries.prepared import PreparedQueries
from directflow_gateway.queries.rows import count_rows
from directflow_gateway.queries.statement import Statement, StatementRole
from directflow_gateway.role_doctor import RoleDoctor
from directflow_gateway.sql import compile_template
from directflow_runtime.calls import Call, call_scope
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.logging import get_logger
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

ROWS = 50_000
PLAN = StreamPlan((ColumnType("i", "integer", 23, WireType.INTEGER), ColumnType("t", "text", 25, WireType.TEXT)), 1000)
REPLICATING = {"wal_level": "replica", "max_wal_senders": "4"}


@dataclass(frozen=True)
class Pair:
    primary: PostgresServer
    standby: PostgresServer
    role: Any

    def clear(self) -> None:
        """Takes away old rows that somebody on the standby may still see."""
        self.primary.psql("DELETE FROM big WHERE i IN (SELECT i FROM big WHERE i > 10 ORDER BY i LIMIT 10000)")
        self.primary.psql("VACUUM big")

    def caught_up(self) -> bool:
        """Whether the standby has replayed what the primary has written by now."""
        written = self.primary.psql("SELECT pg_current_wal_lsn()")
        return self.standby.psql(f"SELECT pg_last_wal_replay_lsn() >= '{written}'::pg_lsn") == "t"


@pytest.fixture(scope="module")
def primary(postgres_installation: Any) -> Iterator[PostgresServer]:
    with PostgresServer.create(postgres_installation, REPLICATING) as running:
        yield running


@pytest.fixture(scope="module")
def pair(primary: PostgresServer, postgres_installation: Any) -> Iterator[Pair]:
    """A primary, and a hot standby that gives way to its recovery at once."""
    role = primary.create_role("LOGIN")
    primary.psql(
        f"CREATE TABLE big AS SELECT i, repeat('x', 1000) AS t FROM generate_series(1, {ROWS}) AS i;"
        f"GRANT SELECT ON big TO {role.name}"
    )
    follower = primary.create_role("LOGIN REPLICATION")
    with (primary.data / "pg_hba.conf").open("a") as file:
        file.write("host replication all 127.0.0.1/32 scram-sha-256\n")
    primary.stop()
    standby = PostgresServer.create(postgres_installation, {**REPLICATING, "max_standby_streaming_delay": "100ms"})
    try:
        settings = (standby.data / "postgresql.conf").read_text()
        _copy(primary, standby)
        conninfo = f"host={primary.host} port={primary.port} user={follower.name} password={follower.password}"
        (standby.data / "postgresql.conf").write_text(f"{settings}\nprimary_conninfo = '{conninfo}'\n")
        (standby.data / "standby.signal").touch()
        primary.start()
        standby.admin = primary.admin
        standby.start()
        yield Pair(primary, standby, role)
    finally:
        standby.destroy()


def _copy(source: PostgresServer, target: PostgresServer) -> None:
    """What pg_basebackup brings over, of a server that is stopped: not every installation has the program."""
    owner = target.data.stat()
    shutil.rmtree(target.data)
    shutil.copytree(source.data, target.data)
    target.data.chmod(0o700)
    for path in (target.data, *target.data.rglob("*")):
        shutil.chown(path, owner.st_uid, owner.st_gid)


async def eventually(true: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 20
    while not await asyncio.to_thread(true):
        assert time.monotonic() < ends_at
        await asyncio.sleep(0.05)


UNHURRIED = "SELECT i, t FROM big WHERE pg_sleep(0.0001) IS NOT NULL"
"""Its rows are read faster than they come."""


TOLD = (StatusCode.ABORTED, "SNAPSHOT_CONFLICT")
CUT_OFF = (StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE")


@pytest.mark.parametrize(
    ("statement", "pause_s", "endings"),
    [
        (UNHURRIED, 0.0, {TOLD}),
        # In the middle of a row that nobody takes, PostgreSQL ends the session of a savepoint without a word. A reader
        # who takes one in that moment, on a busy machine, is told.
        ("SELECT i, t FROM big", 0.01, {CUT_OFF, TOLD}),
    ],
    ids=["told", "cut off"],
)
async def test_a_stream_that_stands_in_the_way_of_recovery_ends_and_may_be_asked_for_again(
    make_stand: Callable[..., Any],
    pair: Pair,
    statement: str,
    pause_s: float,
    endings: set[tuple[StatusCode, str]],
) -> None:
    stand = make_stand(pair.standby, role=pair.role)
    await eventually(pair.caught_up)
    rows = 0

    async def read(session: Any) -> None:
        nonlocal rows
        is_cleared = False
        async with aclosing(stream(session, statement, (), PLAN, Limits())) as batches:
            async for batch in batches:
                if not is_cleared:
                    is_cleared = True
                    await asyncio.to_thread(pair.clear)
                rows += batch.num_rows
                await asyncio.sleep(pause_s)

    async with stand.transaction() as session:
        with pytest.raises(DirectFlowError) as error:
            await read(session)
    assert (error.value.code, error.value.reason) in endings
    assert 0 < rows < ROWS


async def test_a_statement_with_one_answer_that_stands_in_the_way_of_recovery_is_aborted(
    make_stand: Callable[..., Any], pair: Pair
) -> None:
    stand = make_stand(pair.standby, role=pair.role)
    await eventually(pair.caught_up)

    async def clear() -> None:
        await asyncio.sleep(0.3)
        await asyncio.to_thread(pair.clear)

    async with stand.transaction() as session:
        clearing = asyncio.create_task(clear())
        with pytest.raises(DirectFlowError) as error:
            await fetch_first(session, f"SELECT count(*) FROM ({UNHURRIED}) AS q", (), 1)
        await clearing
    assert (error.value.code, error.value.reason) == (StatusCode.ABORTED, "SNAPSHOT_CONFLICT")
    assert error.value.sqlstate == "40001"


async def test_the_span_of_a_statement_says_that_it_ran_on_a_standby(
    make_stand: Callable[..., Any], pair: Pair
) -> None:
    exported, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exported))
    call = Call(time.monotonic() + 20, "test", frozenset({"*"}), "1" * 32, "2" * 16, "t/T")
    for server, told in ((pair.primary, None), (pair.standby, True)):
        stand = make_stand(server, role=pair.role)
        engine = QueryEngine(Connections([stand.connection]), stand.pools, PreparedQueries(), provider.get_tracer("t"))
        with call_scope(call):
            await count_rows(engine, Statement(stand.connection.name, "SELECT i FROM big", StatementRole.AD_HOC), {})
        (span,) = (span for span in exported.get_finished_spans() if span.name.startswith("count"))
        assert (span.attributes or {}).get("directflow.replica") is told
        exported.clear()


# The last test of the module, for it ends the pair.
async def test_a_replica_serves_until_it_is_the_primary_and_then_too(
    make_stand: Callable[..., Any], pair: Pair
) -> None:
    doctor = RoleDoctor(get_logger("test"))
    stand = make_stand(pair.standby, role=pair.role, examine=doctor.admit, pool_size=1)
    compiled = compile_template("SELECT i, lower(t) AS t FROM big WHERE i < 10", ())
    async with stand.transaction() as session:
        assert session.is_replica
        assert await problems_by_name(session, compiled, frozenset()) == []
        described = await describe(session, compiled)
        assert (await plan(session, described.compiled, ())).rows > 0
    pair.primary.kill()
    assert pair.standby.psql("SELECT pg_promote()") == "t"
    pair.standby.psql("INSERT INTO big VALUES (-1, 'written after the failover')")
    async with stand.transaction() as again:
        assert again is session  # nobody had to connect anew
        batches = stream(again, "SELECT i, t FROM big WHERE i < 0", (), PLAN, Limits())
        assert [batch.num_rows async for batch in batches] == [1]
        assert not again.is_replica
