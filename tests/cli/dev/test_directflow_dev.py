"""`directflow dev` as anybody runs it: the whole journey, serving, ending in every way, and nothing left behind."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from directflow_cli.dev.postgres import PostgresServer

USERS = "1000"
START_SECONDS = 60.0
END_SECONDS = 30.0


class Dev:
    """A running `directflow dev` with a state directory of its own."""

    def __init__(self, home: Path, *options: str) -> None:
        self.home = home
        self.environment = {**os.environ, "DIRECTFLOW_STATE_DIR": str(home), "HOME": str(home.parent)}
        command = [sys.executable, "-m", "directflow_cli", "dev", "--demo-users", USERS, *options]
        self.output = home.with_suffix(".log")
        with self.output.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment, start_new_session=True
            )

    @property
    def text(self) -> str:
        return self.output.read_text()

    @property
    def directory(self) -> Path:
        """The one run's."""
        (lock,) = self.home.glob("*/lock")
        return lock.parent

    def await_text(self, text: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while text not in self.text:
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, f"never said {text!r}:\n{self.text}"
            time.sleep(0.1)

    def ended(self) -> int:
        return self.process.wait(START_SECONDS)

    def family(self) -> set[int]:
        """Everything that it started: whoever has its directories on the command line, or it as an ancestor."""
        return {self.process.pid, *descendants(self.process.pid)}

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "directflow_cli", *arguments],
            env=self.environment, capture_output=True, text=True, timeout=START_SECONDS, check=False,
        )  # fmt: skip


def descendants(pid: int) -> set[int]:
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text()
            parents.setdefault(int(fields.rpartition(")")[2].split()[1]), []).append(int(fields.split()[0]))
    found: set[int] = set()
    pending = [pid]
    while pending:
        children = parents.get(pending.pop(), [])
        found.update(children)
        pending.extend(children)
    return found


def alive(pid: int) -> bool:
    """A zombie that init has not collected yet is not alive."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def await_gone(pids: set[int], within: float = END_SECONDS) -> None:
    deadline = time.monotonic() + within
    while left := {pid for pid in pids if alive(pid)}:
        assert time.monotonic() < deadline, f"still there after {within:.0f} s: {left}"
        time.sleep(0.1)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Dev]]:
    started: list[Dev] = []

    def begin(*options: str) -> Dev:
        started.append(Dev(tmp_path / f"state{len(started)}", *options))
        return started[-1]

    yield begin
    for dev in started:
        if dev.process.poll() is None:
            dev.process.kill()
            dev.process.wait(END_SECONDS)


def test_the_journey_runs_once_shows_one_trace_and_leaves_nothing(start: Callable[..., Dev]) -> None:
    dev = start("--once")
    assert dev.ended() == 0, dev.text
    assert "failed with exit code" not in dev.text
    for fact in (
        "a stand-in for Vault",
        "1,000 people",
        "Newsletter",
        "no valid contact point",
        "a second",
        "NO_ROW",
        "workspaces/demo/conditions/is_premium │ TRUE",
        "AS _df_q",
        "evaluations_per_second",
        "workspaces/demo/conditions/opened_but_not_clicked │ TRUE",
        "workspaces/demo/conditions/opened_but_not_clicked │ FALSE",
        "workspaces/demo/conditions/not_clicked_since_entry │ FALSE",
        "13 created",
        "✓ login",
        "One trace of all this",
    ):
        assert fact in dev.text, f"{fact} is not in\n{dev.text}"
    trace = dev.text.rpartition("One trace of all this")[2]
    for service in ("cli ", "segments ", "conditions ", "gateway "):
        assert f"\n{service}" in trace
    assert "SELECT id, community_name" in trace
    assert {path.suffix for path in dev.directory.iterdir()} <= {".json", ".jsonl", ".log", ""}
    left = {path.name for path in dev.directory.iterdir()}
    assert not left & {"vault", "credentials", "directflow_database", "engagement.jsonl", "profiles.txt"}


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for left processes in /proc")
@pytest.mark.parametrize(
    ("signum", "tour"),
    [
        (signal.SIGINT, "--tour"),
        (signal.SIGTERM, "--no-tour"),
        (signal.SIGHUP, "--no-tour"),
        (signal.SIGKILL, "--no-tour"),
    ],
)
def test_however_it_ends_it_takes_everything_along(
    start: Callable[..., Dev], signum: signal.Signals, tour: str
) -> None:
    dev = start(tour)
    dev.await_text("Serving until Ctrl-C")
    assert ("One trace of all this" in dev.text) is (tour == "--tour")
    family = dev.family()
    state = json.loads((dev.directory / "dev.json").read_text())
    assert len(family) > 5, "services, PostgreSQL and its keeper"
    assert state["pid"] == dev.process.pid
    kept = {path.name for path in (dev.directory / "vault").iterdir()}
    assert kept == {"role_id", "secret_id"}, "all that lets anybody in; the passwords are in no file"
    assert not (dev.directory / "credentials").exists()
    assert not (dev.directory / "directflow_database").exists()

    listed = dev.command("segment", "list", "communities", "--limit", "2", "-o", "json")
    assert [segment["row"]["community_name"] for segment in json.loads(listed.stdout)] == ["Everyone", "Newsletter"]
    traced = dev.command("trace", listed.stderr.split("trace ")[1][:32])
    assert "AudienceService/ListSegments" in traced.stdout, traced.stderr

    os.kill(dev.process.pid, signum)
    assert dev.ended() == (-signal.SIGKILL if signum == signal.SIGKILL else 0), dev.text
    await_gone(family)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for left processes in /proc")
@pytest.mark.parametrize("moment", ["loading communities", "✓ gateway", "5 One of them"])
def test_an_end_before_it_serves_leaves_nothing_either(start: Callable[..., Dev], moment: str) -> None:
    dev = start()
    dev.await_text(moment)
    family = dev.family()
    dev.process.terminate()
    assert dev.ended() == 0, dev.text
    await_gone(family)
    assert not (dev.directory / "vault").exists()


def test_two_at_once_do_not_meet(start: Callable[..., Dev]) -> None:
    first, second = start("--once", "--no-tour"), start("--once", "--no-tour")
    assert (first.ended(), second.ended()) == (0, 0), first.text + second.text


def test_a_service_that_cannot_start_is_told_with_its_reason(start: Callable[..., Dev]) -> None:
    dev = start("--once", "--database-url", f"postgresql://user:password@127.0.0.1:1/{'d' * 64}")
    assert dev.ended() == 1
    assert "database: at most 63 bytes" in dev.text


def contents(dsn: str) -> set[tuple[object, ...]]:
    """What a write would change: objects, roles, settings, and rows inserted, updated or deleted."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        return set(
            connection.execute("""
            SELECT 'class', oid::text, relname FROM pg_class UNION ALL SELECT 'proc', oid::text, proname FROM pg_proc
            UNION ALL SELECT 'role', oid::text, rolname FROM pg_roles
            UNION ALL SELECT 'setting', setdatabase::text, setconfig::text FROM pg_db_role_setting
            UNION ALL SELECT 'row', xmin::text, note FROM public.mine""")
        )


def test_a_database_of_the_users_own_is_looked_at_and_never_written(
    start: Callable[..., Dev], private_postgres: Callable[..., PostgresServer], tmp_path: Path
) -> None:
    server = private_postgres()  # roles are the whole server's, and other tests' roles come and go
    dsn = server.admin_dsn()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE mine AS SELECT n AS id, 'note ' || n AS note, n || '@example.com' AS email "
            "FROM generate_series(1, 9) n"
        )
    before = contents(dsn)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mine.yaml").write_text("""
kind: DataSource
id: mine
spec: {connection: customer, generator_sql: "SELECT id AS profile_id, email, note FROM mine"}
""")
    dev = start("--once", "--database-url", dsn, "--definitions", str(tmp_path / "mine"))
    assert dev.ended() == 0, dev.text
    assert "superuser" in dev.text
    assert "note 1" in dev.text
    assert "for engagement: nothing is written to yours" in dev.text
    assert server.admin.password not in dev.text
    assert contents(dsn) ^ before == set()


def test_a_database_that_is_not_there_ends_in_an_error_without_its_password(start: Callable[..., Dev]) -> None:
    dev = start("--once", "--database-url", "postgresql://me:s3cret@127.0.0.1:1/nothing")
    assert dev.ended() == 1
    assert "DATABASE_UNREACHABLE" in dev.text
    assert "psql says: psql: error: connection to server" in dev.text
    assert "s3cret" not in dev.text
    assert not [path for path in dev.directory.rglob("*") if path.is_file() and "s3cret" in path.read_text()]


def test_a_url_that_cannot_be_used_is_refused_before_anything_starts(start: Callable[..., Dev]) -> None:
    dev = start("--once", "--database-url", "mysql://me:s3cret@localhost/d")
    assert dev.ended() == 1
    assert "postgresql://" in dev.text
    assert "s3cret" not in dev.text
