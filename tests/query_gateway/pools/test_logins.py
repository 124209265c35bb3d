"""Logins: refused ones are understood, not repeated, and mended by a rotation."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.execution import fetch_first
from directflow_runtime.errors import DirectFlowError, StatusCode


@pytest.fixture(scope="module")
def watched(postgres_installation: Any) -> Iterator[PostgresServer]:
    """A server of this module's own, for its log tells how often somebody tried to log in."""
    with PostgresServer.create(postgres_installation, {"log_connections": "on"}) as server:
        yield server


class Log:
    """What the server's log says about a role from now on."""

    def __init__(self, server: PostgresServer, role: str) -> None:
        self._file, self._role = server.log, role
        self._start = len(self._file.read_text())

    def count(self, text: str) -> int:
        lines = self._file.read_text()[self._start :].splitlines()
        return sum(text in line and self._role in line for line in lines)

    def refused(self) -> int:
        return self.count("password authentication failed")

    def authorized(self) -> int:
        return self.count("connection authorized")


async def error_of(stand: Any, connection: Any = None) -> DirectFlowError:
    with pytest.raises(DirectFlowError) as error:
        async with stand.pools.lease(connection or stand.connection, time.monotonic() + 10):
            pytest.fail("nobody should get in")
    return error.value


async def healed_within(seconds: float, stand: Any) -> None:
    ends_at = time.monotonic() + seconds
    while True:
        try:
            async with stand.lease():
                return
        except DirectFlowError:
            assert time.monotonic() < ends_at, "not healed"
            await asyncio.sleep(0.05)


async def served(stand: Any) -> None:
    async with stand.lease() as session:
        await session.execute("SELECT 1")


async def read_again(stand: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the background does every 15 s."""
    monkeypatch.setattr("directflow_gateway.credentials.keyring.FORCED_S", 0.0)
    with contextlib.suppress(DirectFlowError):
        await stand.keyrings.of(stand.connection).recheck()


async def test_a_wrong_password_is_tried_twice_however_many_ask(
    make_stand: Callable[..., Any], watched: PostgresServer
) -> None:
    stand = make_stand(watched, pool_size=8)
    log = Log(watched, stand.role.name)
    stand.write_secret("wrong")
    errors = await asyncio.gather(*(error_of(stand) for _ in range(30)))
    assert {(e.code, e.reason) for e in errors} == {(StatusCode.FAILED_PRECONDITION, "CREDENTIALS_REJECTED")}
    for error in errors:
        for secret in (stand.role.name, "wrong", watched.host, str(watched.port)):
            assert secret not in str(error) + repr(error) + str(error.metadata)
        assert error.__cause__ is None
    assert log.refused() == 2


async def test_a_rotation_that_came_a_moment_ago_costs_one_refused_login_and_no_error(
    make_stand: Callable[..., Any], watched: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("directflow_gateway.credentials.keyring.FORCED_S", 0.0)
    stand = make_stand(watched)
    async with stand.lease() as session:
        old = session.generation
        watched.psql(f"ALTER ROLE {stand.role.name} PASSWORD 'fresh'")
        stand.write_secret("fresh")
        log = Log(watched, stand.role.name)
        async with stand.lease() as other:  # a second session: it needs a login, and the credential in memory is old
            assert other.generation != old
        await session.execute("SELECT 1")  # and the running one goes on
    assert log.refused() == 1
    async with stand.lease() as session:  # the old one is not used again
        assert session.generation == other.generation
        assert session.pgconn.backend_pid == other.pgconn.backend_pid


async def test_a_rotation_is_noticed_in_time_without_any_refused_login(
    make_stand: Callable[..., Any], watched: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = make_stand(watched)
    async with stand.lease() as session:
        pid = session.pgconn.backend_pid
    log = Log(watched, stand.role.name)
    watched.psql(f"ALTER ROLE {stand.role.name} PASSWORD 'fresh'")
    stand.write_secret("fresh")
    await read_again(stand, monkeypatch)
    async with stand.lease() as session:
        assert session.pgconn.backend_pid != pid
    assert (log.refused(), log.authorized()) == (0, 1)


async def test_a_refused_credential_heals_as_soon_as_a_better_one_lies_there(
    make_stand: Callable[..., Any], watched: PostgresServer
) -> None:
    stand = make_stand(watched)
    log = Log(watched, stand.role.name)
    stand.write_secret("wrong")
    assert (await error_of(stand)).reason == "CREDENTIALS_REJECTED"
    for _ in range(20):
        assert (await error_of(stand)).reason == "CREDENTIALS_REJECTED"
    assert log.refused() == 2
    stand.write_secret(stand.role.password)
    await healed_within(4, stand)
    assert log.refused() == 2


async def test_a_new_credential_that_is_wrong_as_well_is_tried_as_the_first_one_was(
    make_stand: Callable[..., Any], watched: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("directflow_gateway.credentials.keyring.FORCED_S", 0.0)
    stand = make_stand(watched)
    log = Log(watched, stand.role.name)
    stand.write_secret("wrong")
    assert (await error_of(stand)).reason == "CREDENTIALS_REJECTED"
    stand.write_secret("wrong too")
    assert (await error_of(stand)).reason == "CREDENTIALS_REJECTED"
    assert (await error_of(stand)).reason == "CREDENTIALS_REJECTED"
    assert log.refused() == 4


async def test_a_password_that_is_stored_a_moment_before_it_is_changed_costs_one_refused_login_and_no_error(
    make_stand: Callable[..., Any], watched: PostgresServer
) -> None:
    stand = make_stand(watched)
    log = Log(watched, stand.role.name)
    stand.write_secret("early")
    asked = asyncio.create_task(served(stand))
    while not log.refused():  # noqa: ASYNC110 (PostgreSQL writes it)
        await asyncio.sleep(0.01)
    watched.psql(f"ALTER ROLE {stand.role.name} PASSWORD 'early'")
    await asked
    assert log.refused() == 1


async def test_a_password_that_is_stored_long_before_it_is_changed_leaves_the_one_before_in_use(
    make_stand: Callable[..., Any], watched: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = make_stand(watched)
    await served(stand)
    log = Log(watched, stand.role.name)
    stand.write_secret("early")
    await read_again(stand, monkeypatch)
    for _ in range(5):
        await served(stand)
    assert log.refused() == 1
    watched.psql(f"ALTER ROLE {stand.role.name} PASSWORD 'early'")
    stand.pools.retire(lambda connection: False)
    await served(stand)
    assert log.refused() == 2


async def test_an_unknown_role_is_a_refused_login(make_stand: Callable[..., Any], watched: PostgresServer) -> None:
    stand = make_stand(watched)
    stand.write_secret("any", user="nobody_here")
    assert (await error_of(stand)).reason == "CREDENTIALS_REJECTED"


async def test_a_missing_database_is_no_refused_login(make_stand: Callable[..., Any], watched: PostgresServer) -> None:
    stand = make_stand(watched)
    error = await error_of(stand, replace(stand.connection, database="not_there"))
    assert (error.code, error.reason) == (StatusCode.UNAVAILABLE, "DATABASE_UNREACHABLE")
    assert error.metadata == {"cause": "DATABASE_MISSING"}
    assert "not_there" not in str(error)


async def test_a_server_with_too_many_sessions_is_no_refused_login(
    make_stand: Callable[..., Any], watched: PostgresServer
) -> None:
    stand = make_stand(watched)
    watched.psql(f"ALTER ROLE {stand.role.name} CONNECTION LIMIT 0")
    error = await error_of(stand)
    assert (error.reason, error.metadata["cause"]) == ("DATABASE_UNREACHABLE", "TOO_MANY_CONNECTIONS")


SASL = b"SCRAM-SHA-256\0\0"
ADMIN_SHUTDOWN = b"SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"


@pytest.mark.parametrize(
    ("read", "said", "cause"),
    [(1000, b"", "REFUSED"), (1, b"", "REFUSED"), (1000, ADMIN_SHUTDOWN, "NOT_READY")],
    ids=["closed", "reset", "shut down"],
)
async def test_a_server_that_goes_away_during_a_login_has_refused_nobody(
    stand: Any, read: int, said: bytes, cause: str
) -> None:
    """As a refused login it would keep everybody away for 30 s, long after the server has restarted."""

    async def go_away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big") - 4)
        writer.write(b"R" + (8 + len(SASL)).to_bytes(4, "big") + (10).to_bytes(4, "big") + SASL)
        await reader.read(read)  # libpq answers: from here on it has "used" the password
        writer.write(b"E" + (4 + len(said)).to_bytes(4, "big") + said if said else b"")
        writer.close()

    async with await asyncio.start_server(go_away, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for _ in range(2):
            error = await error_of(stand, replace(stand.connection, port=port))
            assert (error.reason, error.metadata["cause"]) == ("DATABASE_UNREACHABLE", cause)


async def test_a_missing_credential_is_unavailable_and_heals(
    make_stand: Callable[..., Any], watched: PostgresServer
) -> None:
    stand = make_stand(watched)
    stand.secret.unlink()
    error = await error_of(stand)
    assert (error.code, error.reason) == (StatusCode.UNAVAILABLE, "CREDENTIALS_UNAVAILABLE")
    assert (await error_of(stand)).reason == "CREDENTIALS_UNAVAILABLE"  # nobody is asked twice in a second
    stand.write_secret(stand.role.password)
    await healed_within(4, stand)


async def test_the_last_good_credential_outlives_its_file(
    make_stand: Callable[..., Any], watched: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = make_stand(watched)
    async with stand.lease():
        stand.secret.unlink()
        await read_again(stand, monkeypatch)
        async with stand.lease() as another:
            await fetch_first(another, "SELECT 1", (), 1)


@pytest.mark.parametrize("method", ["trust", "md5", "password"])
async def test_a_server_that_asks_for_less_than_scram_gets_no_password(
    make_stand: Callable[..., Any], private_postgres: Callable[..., PostgresServer], method: str
) -> None:
    server = private_postgres()
    role = server.create_role("LOGIN")
    (server.data / "pg_hba.conf").write_text(
        f"host all postgres 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 {method}\n"
    )
    server.psql("SELECT pg_reload_conf()")
    if method == "md5":  # with a password that is stored for scram the server would use scram all the same
        server.psql(f"SET password_encryption = 'md5'; ALTER ROLE {role.name} PASSWORD '{role.password}'")
    stand = make_stand(server, role=role)
    error = await error_of(stand)
    assert error.reason == "DATABASE_UNREACHABLE"
    assert error.metadata["cause"] == "AUTHENTICATION_METHOD"


async def test_a_developers_own_database_may_trust(
    make_stand: Callable[..., Any], private_postgres: Callable[..., PostgresServer]
) -> None:
    server = private_postgres()
    role = server.create_role("LOGIN")
    (server.data / "pg_hba.conf").write_text("host all all 127.0.0.1/32 trust\n")
    server.psql("SELECT pg_reload_conf()")
    stand = make_stand(server, role=role, connection={"require_scram": False})
    async with stand.lease() as session:
        assert not session.pgconn.used_password


def costly_verifier(password: str, iterations: int) -> str:
    """What PostgreSQL stores for a scram password, with a key that takes long to compute."""
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    keys = (hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256"))
    encoded = [base64.b64encode(part).decode() for part in (salt, *keys)]
    return f"SCRAM-SHA-256${iterations}:{encoded[0]}${encoded[1]}:{encoded[2]}"


async def test_a_server_that_asks_for_millions_of_rounds_holds_up_nobody(
    make_stand: Callable[..., Any], watched: PostgresServer, loop_lag: Callable[[], float]
) -> None:
    stand = await asyncio.to_thread(make_stand, watched, pool_size=1)
    verifier = await asyncio.to_thread(costly_verifier, stand.role.password, 500_000)
    await asyncio.to_thread(watched.psql, f"ALTER ROLE {stand.role.name} PASSWORD '{verifier}'")
    started = time.monotonic()
    with pytest.raises(DirectFlowError) as error:
        async with stand.lease(within_s=0.1):
            pytest.fail("the key takes longer")
    assert error.value.reason == "DEADLINE_EXCEEDED"
    assert time.monotonic() - started < 1
    assert loop_lag() < 0.25
    async with stand.lease(within_s=20) as session:  # the login went on in its thread and its session was kept
        assert session.wire.idle


async def test_a_server_that_asks_for_millions_of_rounds_keeps_one_thread_busy_and_no_more(
    make_stand: Callable[..., Any], watched: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("directflow_gateway.pools.login.CONNECT_S", 0.2)
    stand = make_stand(watched)
    verifier = await asyncio.to_thread(costly_verifier, stand.role.password, 2_000_000)
    watched.psql(f"ALTER ROLE {stand.role.name} PASSWORD '{verifier}'")
    for _ in range(3):
        error = await error_of(stand)
        assert (error.reason, error.metadata["cause"]) == ("DATABASE_UNREACHABLE", "TIMEOUT")
        assert login_threads() <= 1
    ends_at = time.monotonic() + 20
    while login_threads():
        assert time.monotonic() < ends_at
        await asyncio.sleep(0.05)


def login_threads() -> int:
    return sum(thread.name == "directflow-login" for thread in threading.enumerate())


async def test_variables_of_the_environment_are_not_read(
    make_stand: Callable[..., Any], watched: PostgresServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {
        "PGHOST": "203.0.113.1", "PGHOSTADDR": "203.0.113.1", "PGPORT": "1", "PGUSER": "mallory", "PGDATABASE": "x",
        "PGPASSWORD": "y", "PGOPTIONS": "-c search_path=mine", "PGTZ": "Asia/Kathmandu", "PGDATESTYLE": "German",
        "PGSERVICE": "nowhere", "PGAPPNAME": "mine", "PGSSLMODE": "require", "PGCLIENTENCODING": "LATIN1",
        "PGREQUIREAUTH": "none", "PGCONNECT_TIMEOUT": "1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    stand = make_stand(watched)
    assert not [name for name in os.environ if name.startswith("PG")]
    async with stand.lease() as session:
        shown = await session.execute(
            "SELECT current_user, current_database(), current_setting('search_path'), current_setting('timezone'), "
            "current_setting('application_name'), current_setting('client_encoding')"
        )
        assert await shown.fetchone() == (
            stand.role.name, "postgres", '"$user", public', "UTC", "directflow", "UTF8"
        )  # fmt: skip


async def test_a_database_name_is_a_name_and_no_connection_string(
    make_stand: Callable[..., Any], watched: PostgresServer
) -> None:
    stand = make_stand(watched)
    for name in ("host=203.0.113.1 dbname=postgres", "postgresql://203.0.113.1/postgres", "a'b \\ c"):
        error = await error_of(stand, replace(stand.connection, database=name))
        assert error.metadata["cause"] == "DATABASE_MISSING"
