"""Memory of the process that streams, measured from outside libpq and Python: in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MIB = 1024 * 1024
PROGRAM = """
import asyncio, json, sys, time
from contextlib import aclosing
from directflow_gateway.connections import Connection, EgressPolicy, Limits, SslMode
from directflow_gateway.credentials import FileCredentialSource, Keyrings
from directflow_gateway.description import ColumnType, WireType
from directflow_gateway.execution import StreamPlan, TransactionSettings, Watchdog, stream
from directflow_gateway.pools import Pools
from directflow_runtime.errors import DirectFlowError

given = json.loads(sys.argv[1])
PLAN = StreamPlan((ColumnType("i", "integer", 23, WireType.INTEGER), ColumnType("t", "text", 25, WireType.TEXT)), 32)
WARM_UP = "SELECT generate_series(1, 100000) AS i, repeat('x', 60) AS t"


def kilobytes(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))


async def read(pools, connection, sql, pause):
    rows = 0
    settings = TransactionSettings.for_stream("memory", Limits(), 120)
    async with pools.transaction(connection, settings, time.monotonic() + 120) as session:
        async with aclosing(stream(session, sql, (), PLAN, Limits())) as batches:
            async for batch in batches:
                rows += batch.num_rows
                await asyncio.sleep(pause)
    return rows


async def main():
    watchdog = Watchdog()
    connection = Connection(workspace="w", id="c", sslmode=SslMode.DISABLE, **given["connection"])
    pools = Pools(Keyrings(FileCredentialSource(given["secrets"])), watchdog, EgressPolicy(allow_loopback=True))
    await read(pools, connection, WARM_UP, 0)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak starts again from here
    before = kilobytes("VmRSS")
    told = {"rows": None, "reason": None}
    try:
        told["rows"] = await read(pools, connection, given["sql"], given["pause"])
    except DirectFlowError as error:
        told["reason"] = error.reason
    print(json.dumps({**told, "growth": (kilobytes("VmHWM") - before) * 1024}))
    await pools.aclose()
    watchdog.close()


asyncio.run(main())
"""


@pytest.fixture
def measure(postgres: Any, postgres_database: str, tmp_path: Path) -> Any:
    """`measure(sql, pause=...)`: rows, reason of the error, and the growth of the peak RSS over a warm process."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("no /proc/self/clear_refs: the peak of the memory cannot be measured here")
    role = postgres.create_role("LOGIN")
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "c").write_text(role.password)
    target = {"host": postgres.host, "port": postgres.port, "database": postgres_database, "user": role.name}
    secrets = f"{tmp_path}/{{workspace}}/{{connection}}"

    def run(sql: str, pause: float = 0) -> dict[str, Any]:
        argument = json.dumps({"connection": target, "secrets": secrets, "sql": sql, "pause": pause})
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, argument], capture_output=True, text=True, timeout=150, check=False
        )
        assert done.returncode == 0, done.stderr
        measured: dict[str, Any] = json.loads(done.stdout)
        print(f"{measured['growth'] / MIB:.1f} MiB over the warm process")
        return measured

    return run


def test_a_row_of_300_mb_costs_tens_of_megabytes(measure: Any) -> None:
    measured = measure("SELECT 1 AS i, repeat('x', 300000000) AS t")
    assert measured["reason"] == "ROW_TOO_LARGE"
    assert measured["growth"] < 96 * MIB  # 20 to 55 as a rule; 860 without a watchdog


def test_a_row_of_300_mb_late_in_the_stream_costs_no_more(measure: Any) -> None:
    measured = measure(
        "SELECT i, repeat('x', CASE WHEN i = 50000 THEN 300000000 ELSE 50 END) AS t FROM generate_series(1, 50100) i"
    )
    assert measured["reason"] == "ROW_TOO_LARGE"
    assert measured["growth"] < 96 * MIB  # 20 to 55 as a rule; 860 without a watchdog


def test_rows_of_200_kb_that_the_planner_took_for_32_bytes(measure: Any) -> None:
    measured = measure("SELECT generate_series(1, 2000) AS i, repeat('x', 200000) AS t")
    assert measured["rows"] == 2_000
    assert measured["growth"] < 64 * MIB


def test_rows_of_3_mb_that_the_planner_took_for_32_bytes(measure: Any) -> None:
    measured = measure("SELECT generate_series(1, 60) AS i, repeat('x', 3000000) AS t")
    assert measured["rows"] == 60
    assert measured["growth"] < 64 * MIB


def test_two_million_rows_cost_what_a_hundred_thousand_do(measure: Any) -> None:
    measured = measure("SELECT generate_series(1, 2000000) AS i, repeat('x', 60) AS t")
    assert measured["rows"] == 2_000_000
    assert measured["growth"] < 16 * MIB


def test_a_slow_reader_costs_no_memory(measure: Any) -> None:
    measured = measure("SELECT generate_series(1, 600000) AS i, repeat('x', 60) AS t", pause=0.05)
    assert measured["rows"] == 600_000
    assert measured["growth"] < 16 * MIB
