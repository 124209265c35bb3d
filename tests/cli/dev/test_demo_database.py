"""The demo database: every documented SQL example runs on it, and it holds what real data holds."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from directflow_cli.dev.customer import CustomerDatabase
from directflow_cli.dev.demo_database import FILES, create_role, load
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.psql import Psql, PsqlFailed, Role

USERS = 2000

DISCOVERY = (
    "SELECT id, community_name, user_count, plan_type FROM communities WHERE active = true ORDER BY user_count DESC"
)
GENERATOR = """SELECT u.id AS profile_id, u.email, u.phone, u.first_name, u.last_name
FROM users u JOIN memberships m ON u.id = m.user_id
WHERE m.community_id = '1' AND u.email IS NOT NULL"""
PRELOAD = "SELECT plan_name, last_login_at, total_purchases, preferred_language FROM user_profiles WHERE user_id = '7'"
# Written as documented, each line.
CONDITION = "SELECT CASE WHEN subscription_plan = 'premium' THEN true ELSE false END AS result FROM users WHERE id = '7' LIMIT 1"  # noqa: E501
WINDOW = """SELECT u.id AS profile_id, u.email, ROW_NUMBER() OVER (PARTITION BY u.plan_type ORDER BY u.created_at) as user_rank
FROM users u WHERE user_rank <= 100"""  # noqa: E501
JSON = """SELECT u.id AS profile_id, u.email, u.metadata->>'preferred_language' as language,
       (u.metadata->'settings'->>'notifications')::boolean as notifications_enabled
FROM users u WHERE u.metadata ? 'preferences'"""
DATES = """SELECT u.id AS profile_id, u.email, DATE_TRUNC('month', u.last_login) as login_month
FROM users u WHERE u.last_login > NOW() - INTERVAL '3 months'"""

DOCUMENTED_ROLE = [
    "CREATE USER directflow_readonly WITH PASSWORD 'secure_password';",
    "GRANT CONNECT ON DATABASE your_database TO directflow_readonly;",
    "GRANT USAGE ON SCHEMA public TO directflow_readonly;",
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO directflow_readonly;",
    "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO directflow_readonly;",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO directflow_readonly;",
]


@pytest.fixture(scope="module")
def demo(postgres: PostgresServer) -> Iterator[CustomerDatabase]:
    """The role belongs to the whole server that all tests share: it goes when this module is done."""
    database = postgres.create_database()
    load(postgres, database, USERS, lambda _: None)
    password = create_role(postgres, database)
    yield CustomerDatabase(postgres.host, postgres.port, database, "directflow_readonly", password, "disable")
    postgres.psql("DROP OWNED BY directflow_readonly CASCADE; DROP ROLE directflow_readonly", database=database)


@pytest.fixture
def psql(postgres: PostgresServer, demo: CustomerDatabase) -> Psql:
    """psql as the documented role."""
    return postgres.psql_as(Role(demo.user, demo.password))


def number(psql: Psql, demo: CustomerDatabase, sql: str) -> int:
    return int(psql.run(sql, database=demo.database))


@pytest.mark.parametrize("sql", [DISCOVERY, GENERATOR, PRELOAD, CONDITION, JSON, DATES])
def test_a_documented_example_returns_rows_to_the_documented_role(psql: Psql, demo: CustomerDatabase, sql: str) -> None:
    assert psql.run(sql, database=demo.database) != ""


def test_postgresql_itself_refuses_the_documented_window_example(psql: Psql, demo: CustomerDatabase) -> None:
    with pytest.raises(PsqlFailed, match='column "user_rank" does not exist'):
        psql.run(WINDOW, database=demo.database)


def test_the_role_is_made_by_the_documented_statements() -> None:
    lines = (FILES / "role.sql").read_text().splitlines()
    statements = [line for line in lines if line.startswith(("CREATE", "GRANT", "ALTER"))]
    filled = [
        line.replace(":'password'", "'secure_password'").replace(':"database"', "your_database") for line in statements
    ]
    assert filled == DOCUMENTED_ROLE


@pytest.mark.parametrize(
    "sql", ["DELETE FROM users", "UPDATE users SET email = 'x'", "CREATE TABLE public.mine (a int)"]
)
def test_the_role_cannot_write(psql: Psql, demo: CustomerDatabase, sql: str) -> None:
    with pytest.raises(PsqlFailed, match="permission denied"):
        psql.run(sql, database=demo.database)


def test_it_has_what_real_data_has(psql: Psql, demo: CustomerDatabase) -> None:
    counts = {
        "null e-mails": "SELECT count(*) FROM users WHERE email IS NULL",
        "malformed e-mails": "SELECT count(*) FROM users WHERE email !~ '^[^@ ]+@[^@ ]+$'",
        "unreachable": "SELECT count(*) FROM users WHERE email IS NULL AND phone IS NULL",
        "joined twice": "SELECT count(*) - count(DISTINCT (user_id, community_id)) FROM memberships",
        "without a profile": "SELECT count(*) FROM users WHERE id NOT IN (SELECT user_id FROM user_profiles)",
        "without metadata": "SELECT count(*) FROM users WHERE metadata IS NULL",
    }
    assert {what: number(psql, demo, sql) > 0 for what, sql in counts.items()} == dict.fromkeys(counts, True)


def test_every_community_has_its_own_size_and_the_first_holds_everybody(psql: Psql, demo: CustomerDatabase) -> None:
    assert number(psql, demo, "SELECT count(DISTINCT user_count) FROM communities") == 300
    assert number(psql, demo, "SELECT user_count FROM communities WHERE id = 1") == USERS
    assert number(psql, demo, "SELECT user_count FROM communities WHERE id = 2") == USERS * 6 // 10


def test_two_loads_hold_the_same_rows(postgres: PostgresServer, demo: CustomerDatabase) -> None:
    again = postgres.create_database()
    load(postgres, again, USERS, lambda _: None)
    digest = "SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM {} t"
    for table in ("users", "memberships", "communities"):
        sql = digest.format(table)
        assert postgres.psql(sql, database=again) == postgres.psql(sql, database=demo.database)


def test_a_failing_load_says_which_line_of_which_file(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "schema.sql").write_text("SELECT 1;\n")
    (tmp_path / "data.sql").write_text("\\echo first\nSELECT wrong;\n")
    monkeypatch.setattr("directflow_cli.dev.demo_database.FILES", tmp_path)
    reports: list[str] = []
    with pytest.raises(PsqlFailed, match=r"data\.sql:2: ERROR:  column \"wrong\" does not exist"):
        load(postgres, postgres.create_database(), USERS, reports.append)
    assert reports[0] == "loading first"
