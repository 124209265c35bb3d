"""A connection that does not come about says who must change what, and names neither host nor user nor database."""

import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_runtime.errors import DirectFlowError


async def error_of(stand: Any, **changes: Any) -> DirectFlowError:
    connection = replace(stand.connection, **changes)
    with pytest.raises(DirectFlowError) as error:
        async with stand.pools.lease(connection, time.monotonic() + 10):
            pytest.fail("nobody should get in")
    for secret in (stand.role.name, stand.role.password, connection.host, connection.database, str(connection.port)):
        assert secret not in str(error.value) + repr(error.value) + str(error.value.metadata)
    return error.value


async def test_a_host_that_does_not_resolve(stand: Any) -> None:
    error = await error_of(stand, host="nowhere.invalid")
    assert error.metadata["cause"] == "NAME_RESOLUTION"
    assert "does not resolve: correct the connection's host" in error.message


async def test_a_port_where_nobody_listens(stand: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = await error_of(stand, host="127.0.0.1", port=taken.getsockname()[1])
    assert error.metadata["cause"] == "REFUSED"
    assert "listens there" in error.message


async def test_a_password_that_is_wrong(stand: Any) -> None:
    stand.write_secret("not-the-password")
    error = await error_of(stand)
    assert error.reason == "CREDENTIALS_REJECTED"
    assert "must store the current password" in error.message
    assert "not-the-password" not in error.message


async def test_a_database_that_is_not_there(stand: Any) -> None:
    error = await error_of(stand, database="elsewhere_entirely")
    assert error.metadata["cause"] == "DATABASE_MISSING"
    assert "correct the connection's database" in error.message


async def test_a_database_that_the_user_may_not_connect_to(
    make_stand: Callable[..., Any], postgres: PostgresServer
) -> None:
    database = postgres.create_database()
    postgres.psql(f"REVOKE CONNECT ON DATABASE {database} FROM PUBLIC")
    error = await error_of(make_stand(postgres, database))
    assert error.metadata["cause"] == "CONNECT_RIGHT"
    assert "GRANT CONNECT ON DATABASE" in error.message


async def test_a_host_that_says_nothing(stand: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("directflow_gateway.pools.login.CONNECT_S", 0.3)
    # A socket and no server of asyncio's, which would leave the accepted connection behind, for another test to fail.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = await error_of(stand, host="127.0.0.1", port=silent.getsockname()[1])
    assert error.metadata["cause"] == "TIMEOUT"
    assert "firewall" in error.message
