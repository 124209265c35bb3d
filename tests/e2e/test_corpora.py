"""The corpora through the public API, as a customer's CI runs its own: every verdict, every row count, no effect."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.postgres_binaries import Installation
from directflow_cli.dev.psql import PsqlFailed, Role
from psycopg import sql

CORPUS = Path(__file__).parents[1] / "query_gateway" / "corpus"
READER = Role("directflow_readonly", "x")  # as attack_objects.sql makes it
CHECK_S = 120
CANCEL_S = 10.0
NEEDS_CONTRIB = ("EXTENSION", "FOREIGN", "CREATE SERVER", "USER MAPPING", "ft_view", "ft_prog")
GRANTS = """
GRANT USAGE ON SCHEMA public, df TO directflow_readonly;
GRANT SELECT ON ALL TABLES IN SCHEMA public, df TO directflow_readonly;
"""
TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'S') AND n.nspname !~ '^(pg_|information_schema)' ORDER BY 1, 2
"""
STATE = (
    "SELECT oid, relname, relkind, relowner, relacl, relfilenode FROM pg_class",
    "SELECT oid, proname, prosrc, proacl, proowner FROM pg_proc",
    "SELECT oid, typname FROM pg_type",
    "SELECT oid, nspname, nspacl FROM pg_namespace",
    "SELECT * FROM pg_authid",
    "SELECT * FROM pg_auth_members",
    "SELECT * FROM pg_db_role_setting",
    "SELECT oid, datname, datacl, datconnlimit FROM pg_database",
    "SELECT oid, extname FROM pg_extension",
    "SELECT oid, lomowner FROM pg_largeobject_metadata",
    "SELECT loid, pageno, md5(data) FROM pg_largeobject",
    "SELECT gid FROM pg_prepared_xacts",
    "SELECT database, classid, objid, mode FROM pg_locks WHERE locktype = 'advisory'",
    "SELECT slot_name FROM pg_replication_slots",
    "SELECT oid, subname FROM pg_subscription",
    "SELECT name, setting, source FROM pg_settings WHERE source <> 'client'",
)


def schema_of(server: PostgresServer) -> str:
    """The corpora's tables; with text where the server was built without XML, as the embedded one is."""
    text = (CORPUS / "schema.sql").read_text()
    return text if has_xml(server) else text.replace("doc xml", "doc text").replace("::xml", "")


def has_xml(server: PostgresServer) -> bool:
    try:
        server.psql("SELECT '<a/>'::xml")
    except PsqlFailed:
        return False
    return True


def effect(server: PostgresServer, database: str) -> dict[str, str]:
    """A digest of everything that a statement could have changed, by what it is."""
    found: dict[str, str] = {}
    with psycopg.connect(server.admin_dsn(database), autocommit=True) as connection:
        for query in STATE:
            found[query] = digest(sorted(map(repr, connection.execute(query).fetchall())))
        for schema, table in connection.execute(TABLES).fetchall():
            rows = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT").format(sql.Identifier(schema, table))
            with connection.cursor().copy(rows) as copied:
                found[f"{schema}.{table}"] = digest(sorted(bytes(chunk).decode() for chunk in copied))
    found["files of the data directory"] = digest(sorted(os.listdir(server.data)))
    for file in sorted(server.data.glob("*.conf")):
        found[file.name] = digest([file.read_text()])
    return found


def digest(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def rows_of(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (CORPUS / name).read_text().splitlines() if line.strip()]


def checked(at: Any, file: Path, **options: float) -> dict[str, dict[str, Any]]:
    """What `directflow query check` says of each row, against the gateway that runs."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    done = subprocess.run(
        [
            sys.executable, "-m", "directflow_cli", "query", "check", str(file), "--connection=customer",
            "--workspace=demo", f"--gateway={at.services['gateway'].address}", "--output=jsonl", *flags,
        ],
        capture_output=True, text=True, timeout=CHECK_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {row["id"]: row for row in map(json.loads, done.stdout.splitlines())}


@pytest.fixture(scope="module")
def corpus_server(postgres_installation: Installation) -> Iterator[PostgresServer]:
    """A server of this module's own: the attacks' objects belong to roles of fixed names."""
    with PostgresServer.create(postgres_installation, {"max_prepared_transactions": "5"}) as server:
        yield server


@pytest.fixture(scope="module")
def has_contrib(corpus_server: PostgresServer) -> bool:
    """Whether all that attack_objects.sql wants is there: a distribution's contrib of PostgreSQL 16 or older."""
    return all(corpus_server.has_extension(name) for name in ("dblink", "postgres_fdw", "adminpack", "pg_trgm"))


@pytest.fixture(scope="module")
def attacked(corpus_server: PostgresServer, has_contrib: bool, serve: Callable[..., Any]) -> Iterator[Any]:
    """A gateway in front of a database full of traps."""
    corpus_server.create_database("attack")
    corpus_server.psql(schema_of(corpus_server), database="attack")
    lines = (CORPUS / "attack_objects.sql").read_text().splitlines()
    if not has_contrib:
        lines = [line for line in lines if not any(word in line for word in NEEDS_CONTRIB)]
    variables = {"socket_dir": corpus_server.host, "port": str(corpus_server.port)}
    corpus_server.psql("\n".join(lines), database="attack", variables=variables)
    with serve(corpus_server, "attack", role=READER) as at:
        yield at


LEARNT = {"BN-006"}
"""Values that newer servers accept: 1_000 is a number since PostgreSQL 16."""


def is_as_expected(row: dict[str, Any], outcome: dict[str, Any]) -> bool:
    """By the words of SQL.md: reject, bind_safe with what the bound value does, timeout_or_limit; `also_ok` passes."""
    verdict = outcome["verdict"]
    if row["id"] in LEARNT and verdict == "ok":
        return True
    if "reject" in (row["expect"], *row.get("also_ok", ())) and verdict == "rejected":
        return True
    if row["expect"] == "timeout_or_limit":
        return verdict in ("limit", "ok")  # a burn that this PostgreSQL happens to finish in time has burnt nothing
    return row["expect"] == "bind_safe" and is_bound(row.get("bind_expect", {}), outcome)


def is_bound(expected: dict[str, Any], outcome: dict[str, Any]) -> bool:
    """Whether the value did what it does as a value. Which error it is, PostgreSQL's code says."""
    if "sqlstate" in expected:
        return bool(outcome["sqlstate"] == expected["sqlstate"])
    if "rows" in expected:
        return (outcome["verdict"], outcome["rows"]) == ("ok", expected["rows"])
    return outcome["verdict"] in ("ok", "value_rejected") or "any" in expected


async def test_every_attack_gets_its_verdict_and_none_has_an_effect(
    attacked: Any, has_contrib: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    attacks = rows_of("sql_attacks.jsonl")
    pid, before = attacked.pid("gateway"), effect(attacked.server, "attack")

    outcomes = checked(attacked, CORPUS / "sql_attacks.jsonl", statement_timeout=1.5, max_rows=100_000)

    with capsys.disabled():
        print(f"\n{len(outcomes)} attacks ran, {'with' if has_contrib else 'WITHOUT'} contrib's objects")
    wrong = [(row, outcomes[row["id"]]) for row in attacks if not is_as_expected(row, outcomes[row["id"]])]
    assert wrong == []
    after = effect(attacked.server, "attack")
    assert {what for what in before.keys() | after.keys() if before.get(what) != after.get(what)} == set()
    assert attacked.pid("gateway") == pid
    os.kill(pid, 0)  # it is the same process, and it lives
    await attacked.quiet_within(CANCEL_S)


def test_the_digest_sees_an_effect(attacked: Any) -> None:
    """A digest that sees nothing would prove nothing."""
    before = effect(attacked.server, "attack")
    try:
        attacked.admin("SELECT lo_create(4711)")
        attacked.admin("SELECT nextval('seq1')")
        attacked.admin("SELECT f_secdef_write()")
        after = effect(attacked.server, "attack")
    finally:
        attacked.admin("SELECT lo_unlink(4711)")
    changed = {what for what in after if before.get(what) != after[what]}
    assert {"public.seq1", "public.victim"} <= changed
    assert any("pg_largeobject_metadata" in what for what in changed)


def test_every_legitimate_query_has_its_rows(
    corpus_server: PostgresServer, has_contrib: bool, serve: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    corpus_server.create_database("legit")
    corpus_server.psql(schema_of(corpus_server), database="legit")
    if corpus_server.psql("SELECT count(*) FROM pg_roles WHERE rolname = 'directflow_readonly'") == "0":
        corpus_server.psql("CREATE ROLE directflow_readonly LOGIN PASSWORD 'x'")
    corpus_server.psql(GRANTS, database="legit")
    xml = has_xml(corpus_server)
    missing = [
        row["id"]
        for row in rows_of("sql_legit.jsonl")
        if (row.get("requires") and not has_contrib) or ("XML" in row["sql"] and not xml)
    ]
    queries = [row for row in rows_of("sql_legit.jsonl") if row["id"] not in missing]
    with serve(corpus_server, "legit", role=READER) as at:
        outcomes = checked(at, CORPUS / "sql_legit.jsonl", statement_timeout=20)

    with capsys.disabled():
        print(f"\n{len(queries)} legitimate queries ran; left out, for want of contrib or XML: {missing or 'none'}")
    wrong = [
        (row["id"], outcomes[row["id"]])
        for row in queries
        if (outcomes[row["id"]]["verdict"], outcomes[row["id"]]["rows"], outcomes[row["id"]]["columns"])
        != ("ok", row["expected_rows"], row["expected_columns"])
    ]
    assert wrong == []
