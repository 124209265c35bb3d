"""What holds inside a read-only transaction, and that nothing of it is left outside."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from directflow_gateway.connections import Limits
from directflow_gateway.execution import TransactionSettings, read_only_transaction
from directflow_gateway.execution.transaction import duration, printable
from directflow_gateway.execution.wire import Statement
from directflow_runtime.errors import DirectFlowError, StatusCode

SETTINGS = TransactionSettings("directflow/4bf92f35/adults", statement_timeout_s=12.5, lock_timeout_s=2, jit=False)
NAMES = (
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "client_connection_check_interval",
    "application_name",
    "client_min_messages",
    "jit",
    "transaction_isolation",
    "transaction_read_only",
)


async def show(session: Any, *names: str) -> dict[str, str]:
    calls = ", ".join(f"current_setting('{name}')" for name in names)
    cursor = await session.execute(f"SELECT {calls}")
    return dict(zip(names, await cursor.fetchone(), strict=True))


async def test_the_server_shows_every_setting_inside_and_none_outside(stand: Any) -> None:
    async with stand.lease() as session:
        before = await show(session, *NAMES)
        async with read_only_transaction(session, SETTINGS):
            inside = await show(session, *NAMES)
        after = await show(session, *NAMES)
    assert inside == {
        "statement_timeout": "12500ms",
        "lock_timeout": "2s",
        "idle_in_transaction_session_timeout": "1min",
        "client_connection_check_interval": "1s",
        "application_name": "directflow/4bf92f35/adults",
        "client_min_messages": "error",
        "jit": "off",
        "transaction_isolation": "repeatable read",
        "transaction_read_only": "on",
    }
    assert after == before
    assert before["application_name"] == "directflow"


async def test_time_zone_and_search_path_stay_the_authors(
    make_stand: Callable[..., Any], postgres: Any, postgres_database: str
) -> None:
    role = postgres.create_role("LOGIN")
    postgres.psql(f"ALTER ROLE {role.name} SET timezone = 'Asia/Kathmandu'; ALTER ROLE {role.name} SET search_path = s")
    stand = make_stand(postgres, postgres_database, role=role)
    async with stand.transaction() as session:
        assert await show(session, "timezone", "search_path") == {"timezone": "Asia/Kathmandu", "search_path": "s"}


async def test_dates_come_in_iso_form_whatever_the_role_prefers(
    make_stand: Callable[..., Any], postgres: Any, postgres_database: str
) -> None:
    role = postgres.create_role("LOGIN")
    postgres.psql(f"ALTER ROLE {role.name} SET datestyle = 'German, DMY'")
    stand = make_stand(postgres, postgres_database, role=role)
    async with stand.transaction() as session:
        (result,) = await session.wire.run(Statement("SELECT timestamp '2024-03-01 10:00'"))
        assert result.get_value(0, 0) == b"2024-03-01 10:00:00"
    async with stand.lease() as session:
        assert (await show(session, "datestyle"))["datestyle"] == "German, DMY"


async def test_nothing_can_be_written(stand: Any, postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("CREATE TABLE IF NOT EXISTS written (id int)")
        admin.execute(f"GRANT ALL ON written TO {stand.role.name}")
    async with stand.transaction() as session:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await session.wire.run(Statement("INSERT INTO written VALUES (1)"))


@pytest.mark.parametrize(("setting", "value"), [("standard_conforming_strings", "off"), ("client_encoding", "LATIN1")])
async def test_a_session_in_which_text_means_something_else_is_refused(
    make_stand: Callable[..., Any], postgres: Any, postgres_database: str, setting: str, value: str
) -> None:
    stand = make_stand(postgres, postgres_database)
    async with stand.lease() as session:
        await session.execute(f"SET {setting} = {value}")
        with pytest.raises(DirectFlowError, match=setting) as refused:
            async with read_only_transaction(session, SETTINGS):
                pytest.fail("must not begin")
        await session.execute(f"RESET {setting}")
    assert (refused.value.code, refused.value.reason) == (StatusCode.FAILED_PRECONDITION, "SERVER_REFUSED")


async def test_the_snapshot_is_taken_at_the_beginning_and_its_time_is_told(stand: Any, postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("CREATE TABLE IF NOT EXISTS seen (id int)")
        admin.execute(f"GRANT SELECT ON seen TO {stand.role.name}")
        async with stand.transaction() as session:
            admin.execute("INSERT INTO seen VALUES (1)")
            (result,) = await session.wire.run(Statement("SELECT count(*) FROM seen"))
            assert result.get_value(0, 0) == b"0"
            assert abs(session.snapshot_time - datetime.now(UTC)) < timedelta(minutes=1)
        async with stand.transaction() as session:
            (result,) = await session.wire.run(Statement("SELECT count(*) FROM seen"))
            assert result.get_value(0, 0) == b"1"


async def test_an_error_in_the_block_ends_the_transaction_and_keeps_the_session(stand: Any) -> None:
    async with stand.lease() as session:
        pid = session.pgconn.backend_pid
        with pytest.raises(psycopg.errors.DivisionByZero):
            async with read_only_transaction(session, SETTINGS):
                await session.wire.run(Statement("SELECT 1 / $1", ("0",)))
        assert session.wire.idle
    async with stand.lease() as session:
        assert session.pgconn.backend_pid == pid


async def test_prepared_statements_of_the_session_survive_the_end_of_a_transaction(stand: Any) -> None:
    async with stand.lease() as session:
        async with read_only_transaction(session, SETTINGS):
            await session.execute("PREPARE mine AS SELECT 1")
        count = await session.execute("SELECT count(*) FROM pg_prepared_statements WHERE name = 'mine'")
        assert await count.fetchone() == (1,)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(60, "1min"), (0.25, "250ms"), (90, "90s"), (7200, "2h"), (86_400, "1d"), (0, "1ms"), (-3, "1ms"),
     (math.inf, "0"), (1e9, "2147483647ms"), (0.0004, "1ms")],
)  # fmt: skip
async def test_a_time_is_written_as_the_server_shows_it(stand: Any, seconds: float, shown: str) -> None:
    assert duration(seconds) == shown
    async with stand.lease() as session:
        (result,) = await session.wire.run(Statement("SELECT set_config('statement_timeout', $1, true)", (shown,)))
        assert result.get_value(0, 0) == shown.encode()


def test_a_name_keeps_63_printable_characters() -> None:
    assert printable("directflow/ü\n" + "x" * 80) == "directflow/??" + "x" * 50


def test_a_call_gets_the_lesser_of_its_limit_and_its_deadline_and_a_stream_its_age() -> None:
    limits = Limits(statement_timeout_s=10, lock_timeout_s=3, max_stream_age_s=100)
    assert TransactionSettings.for_call("x", limits, 60).statement_timeout_s == 10
    assert TransactionSettings.for_call("x", limits, 4).statement_timeout_s == 4
    assert TransactionSettings.for_stream("x", limits, 1000).statement_timeout_s == 101
    assert TransactionSettings.for_stream("x", limits, 50).statement_timeout_s == 51
    assert TransactionSettings.for_stream("x", limits, 50).lock_timeout_s == 3
