"""A real PgBouncer in transaction mode, in a directory of its own."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.postgres_binaries import server_account

from ...ports import free_port
from ...tools import tool

START_S = 20.0


@dataclass(frozen=True)
class PgBouncer:
    """A running one; `pool` sessions on the server behind it."""

    port: int
    log: Path
    host: str = "127.0.0.1"


@contextlib.contextmanager
def running(server: PostgresServer, files: Mapping[str, Path] | None = None, **settings: str) -> Iterator[PgBouncer]:
    """Before `server`; clients and it log in with SCRAM, the verifiers asked of the server (auth_query). `files`:
    settings that name a file."""
    found = tool("pgbouncer/run")  # first: where there is none, nothing is to be left behind
    account = server_account()
    directory = Path(tempfile.mkdtemp(prefix="directflow-pgbouncer-", dir="/tmp")).resolve()
    asker = server.create_role("LOGIN SUPERUSER")
    lines = {
        "listen_addr": "127.0.0.1",
        "listen_port": str(free_port()),
        "unix_socket_dir": "",
        "pool_mode": "transaction",
        "auth_type": "scram-sha-256",
        "auth_file": str(directory / "users"),
        "auth_user": asker.name,
        "auth_query": "SELECT usename, passwd FROM pg_shadow WHERE usename = $1",
        "max_client_conn": "400",
        "ignore_startup_parameters": "",
        "logfile": str(directory / "log"),
        **settings,
    }
    for name, source in (files or {}).items():
        lines[name] = str(shutil.copy(source, directory))
    where = f"* = host={server.host} port={server.port}"
    (directory / "users").write_text(f'"{asker.name}" "{asker.password}"\n')
    told = "\n".join(f"{name} = {value}" for name, value in lines.items())
    (directory / "ini").write_text(f"[databases]\n{where}\n[pgbouncer]\n{told}\n")
    for path in (directory, *directory.iterdir()):
        if account is not None:
            os.chown(path, account.uid, account.gid)
    # It does not run as root, and becomes somebody else by itself: the program may lie where only root may look.
    as_user = ["-u", account.name] if account else []
    process = subprocess.Popen(
        [str(found), *as_user, str(directory / "ini")], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, cwd="/", start_new_session=True,
    )  # fmt: skip
    try:
        _await_port(int(lines["listen_port"]), directory / "log", process)
        yield PgBouncer(int(lines["listen_port"]), directory / "log")
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()
        process.wait(5)
        shutil.rmtree(directory)
        server.psql(f"DROP ROLE {asker.name}")


def _await_port(port: int, log: Path, process: "subprocess.Popen[bytes]") -> None:
    ends_at = time.monotonic() + START_S
    while time.monotonic() < ends_at and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    told = log.read_text()[-2000:] if log.exists() else "no log"
    raise AssertionError(f"PgBouncer did not start: {told}")


def sessions(server: PostgresServer, role: str) -> int:
    """Of a role, on the server behind it."""
    with psycopg.connect(server.admin_dsn(), autocommit=True) as admin:
        query = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s"
        (count,) = admin.execute(query, [role]).fetchone() or (0,)
        return int(count)
