"""The private PostgreSQL that `directflow dev` and all tests stand on: closed, and gone with its process."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from directflow_cli.dev import postgres_binaries
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.postgres_binaries import Account, Installation, PostgresUnavailable, reachable, within_reach
from directflow_cli.dev.psql import PsqlFailed, Role

DEADLINE_SECONDS = 20.0

OWNER_PROGRAM = """
import sys, time
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.postgres_binaries import choose
server = PostgresServer.create(choose(sys.argv[1]))
server.start()
print(server.pid, server.directory, flush=True)
time.sleep(60)
"""


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {DEADLINE_SECONDS:.0f} s: {what}"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """A zombie that init has not collected yet is not alive."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return not Path("/proc/self").exists()  # without /proc the signal's answer has to do
    except PermissionError:
        return True  # another account's process is a process


@pytest.fixture(scope="module", params=["system", "embedded"])
def installation(request: pytest.FixtureRequest) -> Installation:
    try:
        return postgres_binaries.choose(request.param)
    except PostgresUnavailable as problem:
        pytest.skip(str(problem))


@pytest.fixture(scope="module")
def server(installation: Installation) -> Iterator[PostgresServer]:
    with PostgresServer.create(installation) as running:
        yield running


def test_listens_on_loopback_with_scram_and_no_unix_socket(server: PostgresServer) -> None:
    with psycopg.connect(server.admin_dsn(), connect_timeout=5, require_auth="scram-sha-256") as connection:
        shown = connection.execute(
            "SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories')"
        )
        assert shown.fetchone() == ("127.0.0.1", "")
        assert connection.info.parameter_status("server_version").split()[0] == server.version


def test_refuses_a_wrong_password(server: PostgresServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.dsn(role=Role("postgres", "wrong")), connect_timeout=5)


def test_databases_and_roles_are_unique_and_usable(server: PostgresServer) -> None:
    first, second, role = server.create_database(), server.create_database(), server.create_role()
    assert first != second
    assert server.psql("SELECT current_user, current_database()", database=second, role=role) == f"{role.name}|{second}"


def test_psql_passes_variables_as_they_are(server: PostgresServer) -> None:
    hostile = "it's a \\ back\\nslash\nand :'more' \"quotes\""
    assert server.psql("SELECT :'value' AS v", variables={"value": hostile}) == hostile


def test_psql_runs_a_file_and_stops_at_its_first_error(server: PostgresServer, tmp_path: Path) -> None:
    file = tmp_path / "with ' quote.sql"
    file.write_text("SELECT 1;\nSELECT nothing_like_it;\nSELECT 3;\n")
    with pytest.raises(PsqlFailed, match=r"sql:2: ERROR:  column \"nothing_like_it\" does not exist") as caught:
        server.psql(file=file)
    assert caught.value.stdout == "1\n"


def test_libpq_variables_of_the_shell_do_not_redirect_it(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGHOST": "192.0.2.1", "PGUSER": "nobody", "PGDATA": "/nowhere", "PGOPTIONS": "-c x"}.items():
        monkeypatch.setenv(name, value)
    assert server.psql("SELECT current_user") == "postgres"


def test_no_password_in_reprs_or_in_an_error(server: PostgresServer) -> None:
    role = server.create_role()
    assert role.password not in repr(role) + repr(server) + repr(server.psql_as(role))
    with pytest.raises(PsqlFailed) as caught:
        server.psql("SELECT 1/0", role=role)
    assert role.password not in f"{caught.value} {caught.value!r}"


def test_a_killed_server_is_gone_at_once_and_recovers_on_its_port(installation: Installation) -> None:
    with PostgresServer.create(installation) as server:
        with contextlib.closing(psycopg.connect(server.admin_dsn(), connect_timeout=5, autocommit=True)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
            connection.execute("CHECKPOINT")
            port, backend = server.port, connection.info.backend_pid
            server.kill()
        assert not alive(backend)
        with pytest.raises(PostgresUnavailable):
            server.pid  # noqa: B018 (the property raises)
        server.start()
        assert (server.port, server.psql("SELECT one FROM kept")) == (port, "1")


@pytest.mark.skipif(not Path("/proc/sysvipc/shm").exists(), reason="looks for left memory in /proc/sysvipc")
def test_a_killed_server_leaves_no_shared_memory(installation: Installation) -> None:
    with PostgresServer.create(installation) as server:
        identifier = (server.data / "postmaster.pid").read_text().splitlines()[6].split()[1]
        assert identifier in Path("/proc/sysvipc/shm").read_text().split()
        server.kill()
    assert identifier not in Path("/proc/sysvipc/shm").read_text().split()


def test_stops_and_starts_again_with_its_data(installation: Installation) -> None:
    with PostgresServer.create(installation, {"max_connections": "7"}) as server:
        server.psql("CREATE TABLE kept AS SELECT 2 AS two")
        server.stop()
        server.start()
        assert server.psql("SELECT two, current_setting('max_connections') FROM kept") == "2|7"


def test_destroy_leaves_no_process_and_no_directory_and_may_be_repeated(installation: Installation) -> None:
    server = PostgresServer.create(installation)
    server.start()
    pid = server.pid
    server.destroy()
    server.destroy()
    assert not alive(pid)
    assert not server.directory.exists()


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_when_its_owner_is_killed(installation: Installation, signum: signal.Signals) -> None:
    kind = "embedded" if installation.embedded else "system"
    command = [sys.executable, "-c", OWNER_PROGRAM, kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid, directory = owner.stdout.readline().split()
        owner.send_signal(signum)
    wait_until(lambda: not alive(int(pid)) and not Path(directory).exists(), "server and directory are gone")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts a server under another account")
def test_root_runs_it_under_another_account_also_from_a_private_directory(tmp_path: Path) -> None:
    """tmp_path is mode 0700 like a stranger's home: the account cannot execute what is below it."""
    try:
        embedded = postgres_binaries.choose("embedded")
    except PostgresUnavailable as problem:
        pytest.skip(str(problem))
    package = embedded.bin.parent.parent
    private = tmp_path / "site" / package.name / embedded.bin.parent.name
    ignored = shutil.ignore_patterns("include", "pgxs")
    shutil.copytree(embedded.bin.parent, private, symlinks=True, ignore=ignored)
    shutil.copytree(package.with_name(package.name + ".libs"), tmp_path / "site" / (package.name + ".libs"))
    out_of_reach = Installation(private / "bin", embedded.major, embedded.version, True)
    with PostgresServer.create(out_of_reach) as server:
        owner = Path(f"/proc/{server.pid}").stat().st_uid
        assert owner != 0
        assert pwd.getpwuid(owner).pw_name in {"postgres", "nobody"}
        assert server.psql("SELECT 1") == "1"


def test_reach_follows_the_mode_bits_of_every_parent(tmp_path: Path) -> None:
    stranger = Account("stranger", 54321, 54321)
    (tmp_path / "below").mkdir(mode=0o755)
    tmp_path.chmod(0o700)
    assert not reachable(tmp_path / "below", stranger)
    assert reachable(Path("/usr"), stranger)
    assert within_reach(Installation(tmp_path, 18, "18.4", False), None, tmp_path / "copy").bin == tmp_path


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(PostgresUnavailable, match="embedded, system"):
        postgres_binaries.choose("latest")


def test_a_directory_without_the_programs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PostgresUnavailable, match="postgres, initdb, psql"):
        postgres_binaries.at(tmp_path)
