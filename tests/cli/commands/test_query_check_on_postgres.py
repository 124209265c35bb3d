"""`directflow query check --database-url` as a process: a real PostgreSQL, a private gateway, nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

SECONDS = 60.0
DATA = """
CREATE TABLE members (id bigint PRIMARY KEY, full_name text, score int);
INSERT INTO members SELECT g, CASE WHEN g % 3 = 0 THEN NULL ELSE 'tab' || chr(9) || g END, g % 5
FROM generate_series(1, 100) g;
CREATE FUNCTION label(m members) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT m.full_name';
"""


def row(id: str, sql: Any, **rest: Any) -> dict[str, Any]:
    return {"id": id, "sql": sql, "variables": {}, **rest}


@pytest.fixture(scope="module")
def role(postgres: Any, postgres_database: str) -> Any:
    """A role that can only read the module's database."""
    found = postgres.create_role()
    postgres.psql(DATA + f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{found.name}"', database=postgres_database)
    return found


@pytest.fixture
def url(postgres: Any, postgres_database: str, role: Any) -> str:
    return str(postgres.dsn(postgres_database, role))


Check = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """TMPDIR of the command: what it leaves behind is found here."""
    found = tmp_path / "tmp"
    found.mkdir()
    return found


@pytest.fixture
def check(tmp_path: Path, directory: Path) -> Check:
    def run(url: str, *rows: dict[str, Any], options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command(tmp_path, url, *rows), *options],
            env=environment(directory),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    return run


def command(tmp_path: Path, url: str, *rows: dict[str, Any]) -> list[str]:
    file = tmp_path / "corpus.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    return [sys.executable, "-m", "directflow_cli", "query", "check", str(file), "--database-url", url, "-o", "jsonl"]


def environment(directory: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(directory), "DIRECTFLOW_STATE_DIR": str(directory / "state")}


def verdicts(ran: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return {line["id"]: line["verdict"] for line in map(json.loads, ran.stdout.splitlines())}


def test_each_kind_of_query_gets_its_verdict(check: Check, url: str, directory: Path) -> None:
    ran = check(
        url,
        row("good", "SELECT id FROM members WHERE score > <%= n %>", variables={"n": 3}),
        row("list", "SELECT id FROM members WHERE id IN (<%= ids %>)", variables={"ids": [1, 2, 3]}),
        row("null", "SELECT id FROM members WHERE id = '<%= id %>'", variables={"id": None}),
        row("two", "SELECT 1; DROP TABLE members"),
        row("write", "DELETE FROM members"),
        row("unknown column", "SELECT emial FROM members"),
        row("bad value", "SELECT id FROM members WHERE id = <%= n %>", variables={"n": "1 OR 1=1"}),
        row("nul in value", "SELECT '<%= v %>'", variables={"v": "a\0b"}),
        row("nul", "SELECT 1\0"),
        row("surrogate", "SELECT '\ud800'"),
        row("huge", {"gen": [["SELECT 1", 1], ["+1", 2_000_000]]}),
        row("huge value", "SELECT '<%= v %>'", variables={"v": {"gen": [["x", 67_108_864]]}}),
        row("large value", "SELECT '<%= v %>'", variables={"v": {"gen": [["x", 1_000_000]]}}),
        row("slow", "SELECT count(*) FROM generate_series(1, 100000000000)"),
        row("rows", "SELECT generate_series(1, 10)", variables={}),
        row("division", "SELECT 1 / (score - score) FROM members"),
        row("function", "SELECT label(m) FROM members m"),
        row("allowed function", "SELECT label(m) FROM members m", policy="function_allowlist"),
        options=("--statement-timeout", "1", "--max-rows", "100"),
    )
    assert ran.returncode == 0, ran.stderr
    assert verdicts(ran) == {
        "good": "ok",
        "list": "ok",
        "null": "ok",
        "two": "rejected",
        "write": "rejected",
        "unknown column": "rejected",
        "bad value": "value_rejected",
        "nul in value": "rejected",
        "nul": "rejected",
        "surrogate": "rejected",
        "huge": "rejected",
        "huge value": "rejected",
        "large value": "rejected",
        "slow": "limit",
        "rows": "ok",
        "division": "error",
        "function": "rejected",
        "allowed function": "ok",
    }
    assert "superuser" not in ran.stderr
    assert [path.name for path in directory.iterdir() if path.name.startswith("directflow-check-")] == []


def test_more_rows_than_allowed_are_a_limit(check: Check, url: str) -> None:
    ran = check(url, row("rows", "SELECT generate_series(1, 11)"), options=("--max-rows", "10"))
    assert verdicts(ran) == {"rows": "limit"}


def test_the_digest_is_what_psql_and_sort_make(check: Check, url: str, postgres: Any, postgres_database: str) -> None:
    sql = "SELECT id, full_name, score / 3.0, id % 2 = 0 FROM members"
    copied = postgres.psql(f"COPY ({sql}) TO STDOUT", database=postgres_database).encode()
    lines = sorted(copied.split(b"\n"))
    digest = subprocess.run(["sha256sum"], input=b"\n".join(lines) + b"\n", capture_output=True, check=True).stdout
    (line,) = map(json.loads, check(url, row("a", sql)).stdout.splitlines())
    assert (line["digest"], line["rows"], line["columns"]) == (digest.decode().split()[0], 100, 4)


def test_a_superuser_is_accepted_with_a_printed_warning(
    check: Check, postgres: Any, postgres_database: str, role: Any
) -> None:
    ran = check(postgres.admin_dsn(postgres_database), row("good", "SELECT count(*) FROM members"))
    assert verdicts(ran) == {"good": "ok"}
    assert "warning: postgres is a superuser" in ran.stderr


def test_a_database_that_cannot_be_used_is_one_error_and_an_exit_code(check: Check, url: str) -> None:
    parts = urlsplit(url)
    wrong = url.replace(f":{parts.password}@", ":wrong@")
    refused = check(wrong, *(row(str(number), "SELECT 1") for number in range(3)))
    assert (refused.returncode, refused.stdout) == (10, "")
    assert "CREDENTIALS_REJECTED" in refused.stderr
    away = check(url.replace(f":{parts.port}/", ":1/"), row("a", "SELECT 1"))
    assert (away.returncode, away.stdout) == (5, "")
    assert str(parts.password) not in refused.stderr + away.stderr


def test_the_sslmode_of_the_url_is_honoured(check: Check, url: str) -> None:
    ran = check(url.split("?")[0] + "?sslmode=require", row("a", "SELECT 1"))
    assert (ran.returncode, ran.stdout) == (5, "")  # this server speaks no TLS


@pytest.fixture
def running(tmp_path: Path, directory: Path, url: str) -> Iterator[subprocess.Popen[str]]:
    """A check in the middle of a slow query; its process group is ours to end."""
    slow = row("slow", "SELECT count(*) FROM generate_series(1, 100000000000)")
    arguments = [*command(tmp_path, url, row("first", "SELECT 1"), slow), "--statement-timeout", "50"]
    with subprocess.Popen(
        [*arguments, "--timeout", "50"],
        env=environment(directory),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["verdict"] == "ok"
        yield process
        process.kill()


def gateways_of(process: subprocess.Popen[str]) -> list[int]:
    """Process ids of the gateways that a command started."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in children if b"directflow_gateway" in Path(f"/proc/{child}/cmdline").read_bytes()]


def gone(pid: int) -> bool:
    deadline = time.monotonic() + SECONDS
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_check_leaves_neither_gateway_nor_password(
    running: subprocess.Popen[str], directory: Path, signum: signal.Signals
) -> None:
    (gateway,) = gateways_of(running)
    running.send_signal(signum)
    assert running.wait(SECONDS) == 130
    assert gone(gateway)
    assert list(directory.glob("directflow-check-*")) == []


def test_a_killed_check_leaves_no_gateway(running: subprocess.Popen[str]) -> None:
    (gateway,) = gateways_of(running)
    running.kill()
    running.wait(SECONDS)
    assert gone(gateway)


def test_a_gateway_that_dies_is_a_defect_told_at_once(running: subprocess.Popen[str], directory: Path) -> None:
    (gateway,) = gateways_of(running)
    os.kill(gateway, signal.SIGKILL)
    assert running.wait(SECONDS) == 70
    assert running.stderr is not None
    assert "gateway ended with exit code -9" in running.stderr.read()
    assert list(directory.glob("directflow-check-*")) == []


def test_the_password_is_in_no_command_line_and_readable_by_nobody_else(
    running: subprocess.Popen[str], directory: Path, url: str
) -> None:
    password = str(urlsplit(url).password)
    (gateway,) = gateways_of(running)
    assert password.encode() not in Path(f"/proc/{gateway}/cmdline").read_bytes()
    assert password.encode() not in Path(f"/proc/{gateway}/environ").read_bytes()
    (private,) = directory.glob("directflow-check-*")
    assert private.stat().st_mode & 0o077 == 0
    holders = [file for file in private.rglob("*") if file.is_file() and password in file.read_text()]
    assert [file.name for file in holders] == ["check"]
    assert all(file.stat().st_mode & 0o077 == 0 for file in holders)
