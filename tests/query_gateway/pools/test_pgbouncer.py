"""Behind a real PgBouncer in transaction mode everything works as before a server, and its few sessions suffice."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.connection_service.step import Outcome, StepName
from directflow_gateway.connection_service.tester import ConnectionTester
from directflow_gateway.connections import EgressPolicy, EgressSettings, Limits, SslMode
from directflow_gateway.description import ColumnType, WireType, describe
from directflow_gateway.execution import StreamPlan, Together, fetch_first, stream
from directflow_gateway.execution.wire import Statement
from directflow_gateway.role_doctor import RoleDoctor
from directflow_gateway.sql import compile_template
from directflow_runtime.errors import DirectFlowError
from directflow_runtime.logging import get_logger

from tests.query_gateway.pools import pgbouncer
from tests.query_gateway.pools.pgbouncer import PgBouncer

from ...certificates import Authority

SERVER_SESSIONS = 5
CLIENTS = 200
PLAN = StreamPlan((ColumnType("i", "integer", 23, WireType.INTEGER),), 4)


@pytest.fixture(scope="module")
def role(postgres: PostgresServer) -> Any:
    return postgres.create_role("LOGIN")


@pytest.fixture(scope="module")
def pooler(postgres: PostgresServer) -> Iterator[PgBouncer]:
    with pgbouncer.running(postgres, default_pool_size=str(SERVER_SESSIONS)) as running:
        yield running


@pytest.fixture
def pooled(
    make_stand: Callable[..., Any], postgres: PostgresServer, role: Any, pooler: PgBouncer, postgres_database: str
) -> Any:
    doctor = RoleDoctor(get_logger("test"))
    return make_stand(
        postgres, postgres_database, role=role, examine=doctor.admit, connection={"port": pooler.port},
        pool_size=CLIENTS, acquire_timeout_s=20,
    )  # fmt: skip


async def work(stand: Any, number: int) -> None:
    """What calls do: settings that are read back, a description, a pipeline with named statements, a stream."""
    async with stand.transaction() as session:
        shown = await fetch_first(
            session, "SELECT current_setting('statement_timeout'), current_setting('application_name')", (), 1
        )
        assert shown == [("20s", "directflow/test")]
        compiled = compile_template("SELECT <%= n %>::int + 1 AS more", ())
        description = await describe(session, compiled)
        assert [column.name for column in description.columns] == ["more"]
        together = Together(session, Limits())
        texts = [Statement("SELECT 10 / $1::int", (str(n),)) for n in (number, 0, 5)]
        told = await together.each(texts, 5.0, apart=True)
        assert isinstance(told[1], Exception)
        assert told[2].first == [("2",)]
    async with stand.transaction() as session:
        batches = stream(session, "SELECT generate_series(1, 100) AS i", (), PLAN, Limits())
        assert sum([batch.num_rows async for batch in batches]) == 100


async def test_two_hundred_clients_share_five_sessions_without_one_error(
    pooled: Any, postgres: PostgresServer, role: Any
) -> None:
    await asyncio.gather(*(work(pooled, number + 1) for number in range(CLIENTS)))
    assert 0 < pgbouncer.sessions(postgres, role.name) <= SERVER_SESSIONS


async def test_a_pipeline_that_is_cut_short_leaves_no_named_statement_to_the_next_client(pooled: Any) -> None:
    async def cut(number: int) -> None:
        async with asyncio.timeout(0.02 * (number % 5)):
            async with pooled.transaction() as session:
                together = Together(session, Limits())
                texts = [Statement("SELECT $1::int, pg_sleep(0.01)", (str(n),)) for n in range(20)]
                await together.each(texts, 5.0, apart=True)

    for _ in range(3):
        ends = await asyncio.gather(*(cut(number) for number in range(20)), return_exceptions=True)
        assert {type(end) for end in ends} <= {TimeoutError, type(None)}
        await asyncio.gather(*(work(pooled, number + 1) for number in range(20)))


async def test_a_cancelled_statement_ends_on_the_server_behind_it(pooled: Any) -> None:
    async def sleep() -> None:
        async with pooled.transaction() as session:
            await fetch_first(session, "SELECT pg_sleep(30)", (), 1)

    task = asyncio.create_task(sleep())
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await pooled.quiet_within(2)


async def test_the_servers_own_timeout_is_the_calls(pooled: Any) -> None:
    settings = replace(pooled.settings(), statement_timeout_s=0.2)
    started = time.monotonic()
    with pytest.raises(DirectFlowError) as error:
        async with pooled.pools.transaction(pooled.connection, settings, time.monotonic() + 10) as session:
            await fetch_first(session, "SELECT pg_sleep(5)", (), 1)
    assert (error.value.reason, error.value.sqlstate) == ("STATEMENT_TIMEOUT", "57014")
    assert time.monotonic() - started < 3


async def test_a_dropped_role_is_noticed_behind_it_too(
    make_stand: Callable[..., Any], postgres: PostgresServer, postgres_database: str
) -> None:
    first, second = postgres.create_role("LOGIN"), postgres.create_role("LOGIN")
    with pgbouncer.running(postgres) as pooler:
        stand = make_stand(postgres, postgres_database, role=first, connection={"port": pooler.port})
        async with stand.transaction():
            pass
        postgres.psql(f"DROP ROLE {first.name}")
        stand.write_secret(second.password, second.name)
        async with stand.transaction() as session:
            assert await fetch_first(session, "SELECT session_user", (), 1) == [(second.name,)]


async def test_a_test_of_the_connection_says_that_a_pooler_is_there(pooled: Any) -> None:
    tester = ConnectionTester(pooled.keyrings, EgressPolicy(allow_loopback=True), pooled.watchdog)
    report = await tester.test(pooled.connection, time.monotonic() + 20)
    steps = {step.name: step for step in report.steps}
    assert steps[StepName.LOGIN].outcome is Outcome.OK
    assert "behind a pooler" in steps[StepName.SERVER].message


# --- channel binding --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def encrypted(
    postgres: PostgresServer, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PgBouncer]:
    """PgBouncer that ends TLS itself, and so cannot pass channel binding on."""
    key, certificate = authority.issue("DNS:localhost").files(tmp_path_factory.mktemp("pgbouncer"))
    files = {"client_tls_key_file": key, "client_tls_cert_file": certificate}
    with pgbouncer.running(postgres, files, client_tls_sslmode="require") as running:
        yield running


@pytest.fixture
def behind_tls(
    make_stand: Callable[..., Any], postgres: PostgresServer, role: Any, encrypted: PgBouncer, authority: Authority
) -> Callable[..., Any]:
    """`behind_tls(policy, sslmode=...)`."""

    def make(policy: EgressPolicy, sslmode: SslMode = SslMode.VERIFY_FULL, **more: Any) -> Any:
        tls = {"host": "localhost", "port": encrypted.port, "sslmode": sslmode, "ca_pem": authority.pem, **more}
        return make_stand(postgres, role=role, connection=tls, policy=policy)

    return make


def without_channel_binding(pooler: PgBouncer) -> EgressPolicy:
    return EgressSettings(allow_loopback=True, without_channel_binding=(f"LocalHost:{pooler.port}",)).policy()


async def test_a_pooler_that_cannot_bind_the_channel_gets_no_login_unless_the_operator_names_it(
    behind_tls: Callable[..., Any], encrypted: PgBouncer
) -> None:
    with pytest.raises(DirectFlowError) as error:
        async with behind_tls(EgressPolicy(allow_loopback=True)).lease():
            pytest.fail("nothing was bound")
    assert error.value.metadata == {"cause": "AUTHENTICATION_METHOD"}
    assert "without_channel_binding" in error.value.message
    async with behind_tls(without_channel_binding(encrypted)).transaction() as session:
        assert session.pgconn.ssl_in_use
        options = {option.keyword: option.val for option in session.pgconn.info}
    assert options[b"channel_binding"] == b"disable"
    assert options[b"require_auth"] == b"scram-sha-256"


async def test_where_nothing_verifies_the_certificate_the_channel_is_bound_all_the_same(
    behind_tls: Callable[..., Any], encrypted: PgBouncer
) -> None:
    stand = behind_tls(without_channel_binding(encrypted), SslMode.REQUIRE, ca_pem="")
    with pytest.raises(DirectFlowError) as error:
        async with stand.lease():
            pytest.fail("anybody could stand between")
    assert error.value.metadata == {"cause": "AUTHENTICATION_METHOD"}


async def test_other_servers_have_to_bind_the_channel_as_before(
    behind_tls: Callable[..., Any], encrypted: PgBouncer
) -> None:
    elsewhere = EgressPolicy(allow_loopback=True, without_channel_binding=frozenset({("localhost", 1)}))
    with pytest.raises(DirectFlowError, match="channel"):
        async with behind_tls(elsewhere).lease():
            pytest.fail("nothing was bound")
