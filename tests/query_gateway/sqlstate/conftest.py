"""What the tests of server errors share: statements that fail for every reason, run as the gateway runs them."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import psycopg
import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.psql import Role
from directflow_gateway.description import describe
from directflow_gateway.description.exchange import fetch
from directflow_gateway.execution import Phase, translate
from directflow_gateway.sql import bind, compile_template
from directflow_runtime.errors import DirectFlowError

FAULTS = Path(__file__).with_name("faults.sql")
EVERYTHING = frozenset({"pg_sleep", "nextval", "raises", "writes"})

Fault = Callable[..., Awaitable[DirectFlowError]]


def plant(server: PostgresServer) -> tuple[str, Role]:
    """A database with the objects of faults.sql, and the role that reads it."""
    database = server.create_database()
    role = Role(f"reader_{database}", "reader")
    server.psql(file=FAULTS, database=database, variables={"role": role.name, "password": role.password})
    return database, role


@pytest.fixture(scope="session")
def fault_of() -> Callable[[str], Fault]:
    """`fault_of(dsn)` gives `await fault(template, **values)`: the error of describing, binding and running it."""

    def on(dsn: str) -> Fault:
        async def fault(template: str, settings: Mapping[str, str] | None = None, **values: str) -> DirectFlowError:
            async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as conn:
                await conn.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                for name, value in (settings or {}).items():
                    await conn.execute("SELECT set_config(%s, %s, true)", [name, value])
                with pytest.raises(DirectFlowError) as failed:
                    await _run(conn, template, values)
                return failed.value

        return fault

    return on


async def _run(conn: psycopg.AsyncConnection[object], template: str, values: Mapping[str, str]) -> None:
    compiled = (await describe(conn, compile_template(template, allowed_functions=EVERYTHING))).compiled
    try:
        await fetch(conn, compiled.text, bind(compiled, values))
    except psycopg.Error as error:
        raise translate(error, compiled, Phase.RUN) from None


@pytest.fixture(scope="session")
def plant_faults() -> Callable[[PostgresServer], tuple[str, Role]]:
    return plant


REJECTED, DATA = "VARIABLE_REJECTED", "DATA_ERROR"
CASES = [
    # (template, values, reason, variable, sqlstate)
    # a value that PostgreSQL cannot read, wherever it stands
    ("SELECT id FROM t WHERE id = <%= v %>", {"v": "private"}, REJECTED, "v", "22P02"),
    ("SELECT id FROM t WHERE id = <%= v %>", {"v": "99999999999"}, REJECTED, "v", "22003"),
    ("SELECT id FROM t WHERE id = 1 AND n = <%= v %>", {"v": "private"}, REJECTED, "v", "22P02"),
    ("SELECT id FROM t WHERE id = <%= a %> AND d = '<%= v %>'", {"a": "1", "v": "2024-99-01"}, REJECTED, "v", "22008"),
    ("SELECT id FROM t WHERE d > now() - INTERVAL '<%= v %> days'", {"v": "private"}, REJECTED, "v", "22007"),
    ("SELECT id FROM t WHERE j @> '<%= v %>'", {"v": "{private"}, REJECTED, "v", "22P02"),
    ("SELECT id FROM t WHERE '<%= v %>'::email = e", {"v": "private"}, REJECTED, "v", "23514"),
    ("SELECT jsonb_path_query(j, '<%= v %>') FROM t", {"v": "$.private["}, REJECTED, "v", "42601"),
    ("SELECT id FROM t WHERE d = '<%= y %>-<%= m %>-01'", {"y": "2024", "m": "13"}, REJECTED, "y, m", "22008"),
    # a value with a syntax of its own, of which the server does not say where it came from
    ("SELECT to_tsquery('<%= v %>')", {"v": "private & & x"}, REJECTED, "v", "42601"),
    ("SELECT to_tsquery('<%= v %>'), <%= w %>::int", {"v": "private & & x", "w": "1"}, REJECTED, None, "42601"),
    # stored data, or nobody knows
    ("SELECT word::int FROM t", {}, DATA, None, "22P02"),
    ("SELECT word::int FROM t WHERE id = <%= v %>", {"v": "1"}, DATA, None, "22P02"),
    ("SELECT id / n FROM t", {}, DATA, None, "22012"),
    ("SELECT word ~ '<%= v %>' FROM t", {"v": "((private"}, DATA, None, "2201B"),
    ("SELECT (SELECT g FROM generate_series(1, 2) g WHERE g > <%= v %>)", {"v": "0"}, DATA, None, "21000"),
    ("SELECT raises()", {}, DATA, None, "P0001"),
    ("SELECT to_tsquery(word || ' & &') FROM t", {}, DATA, None, "42601"),
    ("SELECT id FROM unpopulated", {}, DATA, None, "55000"),
    # the statement
    ("SELECT nothing FROM t", {}, "DEFINITION_BROKEN", None, "42703"),
    ("SELECT 'private'::int", {}, "DEFINITION_BROKEN", None, "22P02"),
    ("SELECT id FROM nowhere.t", {}, "DEFINITION_BROKEN", None, "42P01"),
    # the role and the session
    ("SELECT id FROM forbidden", {}, "PERMISSION_DENIED_BY_DATABASE", None, "42501"),
    ("SELECT nextval('seq')", {}, "SERVER_REFUSED", None, "25006"),
    ("SELECT writes()", {}, "SERVER_REFUSED", None, "25006"),
    # limits
    ("SELECT repeat('x', 1073741824)", {}, "BYTE_LIMIT_EXCEEDED", None, "54000"),
]  # fmt: skip


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with an argument `case` runs for every fault."""
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", CASES, ids=[f"{state}-{n}" for n, (*_, state) in enumerate(CASES)])
