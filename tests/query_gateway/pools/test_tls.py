"""The server proves who it is before it is told who we are."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import uvloop
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.connections import SslMode
from directflow_gateway.execution.clock import Clock
from directflow_gateway.execution.wire import Statement, Wire, connect
from directflow_runtime.errors import DirectFlowError
from psycopg.conninfo import make_conninfo

from ...certificates import Authority, Issued


@pytest.fixture(scope="module")
def server(authority: Authority, postgres_installation: Any) -> Iterator[PostgresServer]:
    with PostgresServer.create(postgres_installation) as running:
        if running.psql("SELECT count(*) FROM pg_settings WHERE name = 'ssl_library' AND setting <> ''") == "0":
            pytest.skip("this PostgreSQL was built without TLS")
        present(running, authority.issue("DNS:localhost"))
        yield running


def present(server: PostgresServer, issued: Issued) -> None:
    """Lets the server present this certificate from now on."""
    owner = server.data.stat()
    for name, content in (("server.key", issued.key), ("server.crt", issued.certificate)):
        target = server.data / name
        target.touch(mode=0o600)
        target.write_bytes(content)
        os.chown(target, owner.st_uid, owner.st_gid)
    server.psql("ALTER SYSTEM SET ssl = on")
    server.psql("SELECT pg_reload_conf()")
    ends_at = time.monotonic() + 10
    while server.psql("SHOW ssl") != "on":
        assert time.monotonic() < ends_at
        time.sleep(0.02)


async def refusal(stand: Any) -> str:
    log = stand.server.log.read_text()
    with pytest.raises(DirectFlowError) as error:
        async with stand.lease():
            pytest.fail("the server did not prove who it is")
    assert error.value.reason == "DATABASE_UNREACHABLE"
    assert "localhost" not in str(error.value)
    told = stand.server.log.read_text()[len(log) :]
    assert "authentication" not in told  # no login was even tried
    return error.value.metadata["cause"]


async def test_a_verified_server_gets_a_scram_login_bound_to_the_channel(
    make_stand: Callable[..., Any], server: PostgresServer, authority: Authority
) -> None:
    tls = {"host": "localhost", "sslmode": SslMode.VERIFY_FULL, "ca_pem": authority.pem}
    stand = make_stand(server, connection=tls)
    async with stand.transaction() as session:
        assert session.pgconn.ssl_in_use
        options = {option.keyword: option.val for option in session.pgconn.info}
    assert options[b"channel_binding"] == b"require"
    assert options[b"require_auth"] == b"scram-sha-256"


async def test_a_stream_comes_through_tls_as_well(
    make_stand: Callable[..., Any], server: PostgresServer, authority: Authority
) -> None:
    stand = make_stand(
        server, connection={"host": "localhost", "sslmode": SslMode.VERIFY_FULL, "ca_pem": authority.pem}
    )
    async with stand.transaction() as session:
        await session.wire.start(Statement("SELECT repeat('x', 1000) FROM generate_series(1, 20000)"), 64)
        rows = 0
        while result := await session.wire.result():
            session.wire.check(result)
            rows += result.ntuples
        assert rows == 20_000
        assert session.wire.bytes_read > 20_000_000


async def test_another_authority_is_not_believed(
    make_stand: Callable[..., Any], server: PostgresServer, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other")
    tls = {"host": "localhost", "sslmode": SslMode.VERIFY_FULL, "ca_pem": other.pem}
    assert await refusal(make_stand(server, connection=tls)) == "TLS"


async def test_the_systems_authorities_do_not_know_ours(make_stand: Callable[..., Any], server: PostgresServer) -> None:
    tls = {"host": "localhost", "sslmode": SslMode.VERIFY_FULL}
    assert await refusal(make_stand(server, connection=tls)) == "TLS"


async def test_another_name_is_not_believed(
    make_stand: Callable[..., Any], server: PostgresServer, authority: Authority
) -> None:
    tls = {"host": "127.0.0.1", "sslmode": SslMode.VERIFY_FULL, "ca_pem": authority.pem}
    assert await refusal(make_stand(server, connection=tls)) == "TLS"


async def test_a_certificate_that_has_expired_is_not_believed(
    make_stand: Callable[..., Any], server: PostgresServer, authority: Authority
) -> None:
    present(server, authority.issue("DNS:localhost", lasts_s=-1))
    try:
        tls = {"host": "localhost", "sslmode": SslMode.VERIFY_FULL, "ca_pem": authority.pem}
        assert await refusal(make_stand(server, connection=tls)) == "TLS"
    finally:
        present(server, authority.issue("DNS:localhost"))


async def test_a_server_without_tls_gets_nothing(
    make_stand: Callable[..., Any], postgres: PostgresServer, authority: Authority
) -> None:
    tls = {"host": "localhost", "sslmode": SslMode.VERIFY_FULL, "ca_pem": authority.pem}
    assert await refusal(make_stand(postgres, connection=tls)) == "TLS"


def test_a_session_that_the_server_has_ended_is_noticed_under_the_loop_that_services_run_on(
    server: PostgresServer, authority: Authority, tmp_path: Path
) -> None:
    """An open transaction that a slow reader leaves alone is ended by the server. uvloop says nothing of a reset."""
    (tmp_path / "ca.crt").write_text(authority.pem)
    login = server.admin_dsn().replace("127.0.0.1", "localhost")
    tls = make_conninfo(login, sslmode="verify-full", sslrootcert=str(tmp_path / "ca.crt"))

    async def ended_by_the_server() -> None:
        wire = Wire(connect(tls, timeout_s=10))
        wire.clock = Clock(deadline=time.monotonic() + 10)
        try:
            await wire.run(Statement("BEGIN"), Statement("SET LOCAL idle_in_transaction_session_timeout = '100ms'"))
            await asyncio.sleep(0.5)
            with pytest.raises(psycopg.OperationalError):
                await wire.run(Statement("ROLLBACK"))
        finally:
            wire.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(ended_by_the_server())
