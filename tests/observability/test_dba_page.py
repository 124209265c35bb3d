"""The page for the customer's DBA: every SQL on it is read out of the page and run beside sessions of ours."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from directflow_cli.dev.postgres import PostgresServer, Role
from directflow_cli.dev.postgres_binaries import Installation
from directflow_gateway.connections import Limits
from directflow_gateway.execution import GatewayConnection, TransactionSettings, read_only_transaction
from directflow_gateway.execution.connection import wire_of
from directflow_gateway.execution.sqlstate import Phase, translate
from directflow_gateway.execution.transaction import _wanted
from directflow_gateway.execution.wire import Statement
from directflow_gateway.queries.application_name import application_name

from tests.observability import deployment

PAGE = (deployment.ROOT / "docs" / "dba.md").read_text()
BLOCKS = dict(re.findall(r"^```sql\n-- ([^\n]+)\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE))
TRACE = "0af7651916cd43dd8448eb211c80319c"
OURS = application_name(TRACE, "workspaces/acme/dataSources/communities")
ROLE = "directflow_readonly"
TABLES = """
CREATE TABLE users (id bigint PRIMARY KEY, email text, phone text, created_at timestamptz);
CREATE TABLE salaries (user_id bigint, amount numeric);
"""


AS_BEFORE = f"""
ALTER ROLE {ROLE} RESET ALL;
ALTER ROLE {ROLE} LOGIN CONNECTION LIMIT -1;
ALTER SYSTEM RESET ALL;
SELECT pg_reload_conf();
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = '{ROLE}';
REVOKE ALL ON users, salaries FROM {ROLE};
REVOKE ALL (id, email, created_at) ON users FROM {ROLE};
GRANT SELECT ON users, salaries TO {ROLE};
ALTER TABLE users DROP COLUMN IF EXISTS height;
"""


class Site:
    """A customer's server with the documented role, and sessions of the gateway on it."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.role = server.create_role("LOGIN", ROLE)
        self.database = server.create_database("app")
        server.psql(TABLES, database="app")
        sql = (deployment.ROOT / "examples" / "demo" / "role.sql").read_text()
        server.psql(sql[sql.index("GRANT CONNECT") :], database="app", variables={"database": "app"})

    def block(self, title: str) -> list[tuple[Any, ...]]:
        """Runs the block whose first line begins like this, as the superuser; the rows of its last statement."""
        (sql,) = [text for line, text in BLOCKS.items() if line.startswith(title)]
        rows: list[tuple[Any, ...]] = []
        with psycopg.connect(self.server.admin_dsn("app"), autocommit=True) as admin:
            for statement in filter(str.strip, sql.split(";\n")):
                cursor = admin.execute(statement)  # type: ignore[call-overload]
                rows = cursor.fetchall() if cursor.description else []
        return rows

    async def session(self, stack: AsyncExitStack, role: Role | None = None) -> GatewayConnection:
        """As the gateway's: logged in, idle."""
        who = role or self.role
        where = f"host={self.server.host} port={self.server.port} dbname=app application_name=directflow"
        session = await GatewayConnection.connect(where, user=who.name, password=who.password, autocommit=True)
        stack.push_async_callback(session.close)
        return session


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture(scope="module")
def shared(postgres_installation: Installation) -> Iterator[Site]:
    with PostgresServer.create(postgres_installation) as server:
        yield Site(server)


@pytest.fixture
def site(shared: Site) -> Iterator[Site]:
    """A server of these tests alone, which the page's SQL may change: it is put right afterwards."""
    yield shared
    shared.server.psql(AS_BEFORE, database="app")


async def running(session: GatewayConnection, sql: str) -> "asyncio.Task[str]":
    """A statement within our transaction, begun; the reason that its caller is told."""
    began = asyncio.Event()

    async def run() -> str:
        try:
            settings = TransactionSettings.for_call(OURS, Limits(), 60.0)
            async with read_only_transaction(session, settings):
                began.set()
                await wire_of(session).run(Statement(sql))
        except psycopg.Error as error:
            return translate(error, None, Phase.RUN).reason
        return "OK"

    task = asyncio.create_task(run())
    await began.wait()
    return task


async def until(look: Callable[[], Any]) -> Any:
    """What is looked for, once it is there: a statement that was sent has not begun."""
    async with asyncio.timeout(20):
        while not (found := await asyncio.to_thread(look)):  # noqa: ASYNC110 (nobody tells when a server has begun)
            await asyncio.sleep(0.02)
        return found


def test_every_block_says_what_it_is_for_and_is_tested_below() -> None:
    assert len(BLOCKS) == PAGE.count("```sql\n")
    text = Path(__file__).read_text()
    told = re.findall(r'block\(\s*"([^"]+)"', text)
    assert [line for line in BLOCKS if not any(line.startswith(title) for title in told)] == []


def test_the_table_of_what_we_set_is_what_we_set() -> None:
    table = PAGE.partition("## What we set")[2].partition("\n\nTimeZone")[0]
    names = re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)
    assert set(names) == {*_wanted(TransactionSettings.for_call(OURS, Limits(), 60.0)), "DateStyle"}


def test_the_name_on_the_page_is_the_one_that_a_session_has() -> None:
    assert f"\n{OURS}\n" in PAGE


async def test_a_statement_is_found_and_cancelled_by_its_trace_id(site: Site, stack: AsyncExitStack) -> None:
    await site.session(stack)
    task = await running(await site.session(stack), "SELECT pg_sleep(60)")
    (found,) = await until(lambda: [row for row in site.block("what runs now") if row[6] == "PgSleep"])
    assert (found[1], found[7], found[8]) == (ROLE, OURS, "SELECT pg_sleep(60)")
    ((pid, state, _, query),) = site.block("one call, by its trace id")
    assert (pid, state, query) == (found[0], "active", "SELECT pg_sleep(60)")
    assert sorted(row[1:3] for row in site.block("all of our sessions")) == [("active", 1), ("idle", 1)]
    assert [row[:2] for row in site.block("whose snapshot holds VACUUM back")] == [(pid, OURS)]
    assert site.block("cancel one call") == [(True,)]
    assert await task == "STATEMENT_TIMEOUT"


async def test_a_session_that_is_ended_tells_its_caller_to_try_again(site: Site, stack: AsyncExitStack) -> None:
    task = await running(await site.session(stack), "SELECT pg_sleep(60)")
    await until(lambda: site.block("one call, by its trace id"))
    assert site.block("end its session") == [(True,)]
    assert await task == "DATABASE_UNREACHABLE"


async def test_whoever_waits_for_us_is_shown(site: Site, stack: AsyncExitStack) -> None:
    task = await running(await site.session(stack), "SELECT count(*), pg_sleep(60) FROM users")
    await until(lambda: [row for row in site.block("what runs now") if row[6] == "PgSleep"])

    def alter() -> None:
        with psycopg.connect(site.server.admin_dsn("app"), autocommit=True) as admin:
            admin.execute("ALTER TABLE users ADD COLUMN height int")

    altering = asyncio.create_task(asyncio.to_thread(alter))
    ((_, query, _, name),) = await until(lambda: site.block("who waits for a lock"))
    assert (query, name) == ("ALTER TABLE users ADD COLUMN height int", OURS)
    site.block("cancel one call")
    await task
    await altering


async def test_we_are_kept_out_and_let_in_again(site: Site, stack: AsyncExitStack) -> None:
    await site.session(stack)
    site.block("keep us out altogether")
    with pytest.raises(psycopg.OperationalError):
        await site.session(stack)
    assert await until(lambda: not site.block("all of our sessions"))
    site.block("let us in again")
    await site.session(stack)


async def test_limits_of_the_role_hold_but_for_the_time_of_a_statement(site: Site, stack: AsyncExitStack) -> None:
    site.block("as a superuser; for sessions that begin from now on")
    session = await site.session(stack)
    shown = (
        "SELECT current_setting('work_mem'), current_setting('temp_file_limit'), current_setting('statement_timeout')"
    )
    async with read_only_transaction(session, TransactionSettings.for_call(OURS, Limits(), 3600.0)):
        (inside,) = await wire_of(session).run(Statement(shown))
        values = [(inside.get_value(0, at) or b"").decode() for at in range(3)]
    assert values == ["32MB", "5GB", "1min"]
    for _ in range(11):
        await site.session(stack)
    with pytest.raises(psycopg.OperationalError, match="too many connections"):
        await site.session(stack)


async def test_the_log_names_the_call_and_holds_no_parameter(site: Site, stack: AsyncExitStack) -> None:
    site.block("as a superuser; no restart")
    site.server.psql(f"ALTER ROLE {ROLE} SET log_min_duration_statement = 0")
    session = await site.session(stack)
    async with read_only_transaction(session, TransactionSettings.for_call(OURS, Limits(), 60.0)):
        await wire_of(session).run(Statement("SELECT $1 || 'x'", ("somebody@example.test",)))
    log = await until(lambda: _log_with(site, "|| 'x'"))
    assert f"{ROLE}@app {OURS} LOG:" in log
    assert "somebody@example.test" not in log


def _log_with(site: Site, text: str) -> str:
    found = "\n".join(
        path.read_text(errors="replace") for path in site.server.data.parent.rglob("*log*") if path.is_file()
    )
    return found if text in found else ""


def test_the_lines_of_pg_hba_are_shown(site: Site) -> None:
    rows = site.block("which lines are ours")
    assert [(row[1], row[5], row[6]) for row in rows] == [("host", "scram-sha-256", None)]


def test_a_replicas_figures_can_be_asked(site: Site) -> None:
    assert [row[0] for row in site.block("on the replica: how often")] == ["app"]
    assert site.block("on the replica: long streams") == [(True,)]


def test_rights_are_shown_and_taken_back(site: Site) -> None:
    assert site.block("more than SELECT") == []
    assert site.block("what it is") == [(False,) * 5]
    site.block("keep one table from us")
    site.block("or only columns")
    for may in (
        "has_table_privilege('{}', 'salaries', 'SELECT')",
        "has_column_privilege('{}', 'users', 'phone', 'SELECT')",
    ):
        assert site.server.psql(f"SELECT {may.format(ROLE)}", database="app").strip() == "f"
    site.server.psql(f"GRANT INSERT ON users TO {ROLE}", database="app")
    assert site.block("more than SELECT") == [("public", "users", "INSERT")]
