"""A private PostgreSQL: loopback TCP only, passwords by scram-sha-256, gone with the process that started it.

The server behind `directflow dev` and, through tests/conftest.py, behind every test that touches SQL. The programs are
run directly (initdb, postgres, psql); this module needs no driver.
"""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from directflow_cli.dev import postgres_keeper
from directflow_cli.dev.postgres_binaries import (
    Account,
    Cluster,
    Installation,
    PostgresUnavailable,
    reachable,
    server_account,
    within_reach,
)
from directflow_cli.dev.psql import SCRIPT_SECONDS, Psql, Role, clean_environment, identifier, literal

HOST = "127.0.0.1"
SUPERUSER = "postgres"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.02
PORT_ATTEMPTS = 5
LOG_TAIL_CHARACTERS = 2000

DISPOSABLE: Mapping[str, str] = {
    # Data that dies with the process need not survive a power cut: loading is several times faster.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
}
ALWAYS: Mapping[str, str] = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # no socket in a shared directory, and no path-length limit on ours
    "password_encryption": "scram-sha-256",
    "dynamic_shared_memory_type": "mmap",  # in the data directory: a killed server leaves nothing in /dev/shm
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] %a ",
}


class PostgresServer:
    """One server in a directory of its own. `create`, `start`, ..., `destroy`; or `with PostgresServer.create(...)`."""

    def __init__(self, installation: Installation, directory: Path, account: Account | None) -> None:
        """Use `create`: it also makes the directory, the cluster in it, and the keeper that removes both."""
        self.installation = installation
        self.directory = directory
        self.data = directory / "data"
        self.log = directory / "log"
        self.host = HOST
        self.port = 0
        self.admin = Role(SUPERUSER, secrets.token_urlsafe(18))
        self._account = account
        self._uid = account.uid if account else None
        self._gid = account.gid if account else None
        self._groups: list[int] | None = [] if account else None  # none of root's
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper = _start_keeper(directory)

    @classmethod
    def create(
        cls, installation: Installation, settings: Mapping[str, str] | None = None, parent: Path | None = None
    ) -> Self:
        """A new, empty, stopped cluster in a private temporary directory. Blocks: initdb takes about a second.

        `parent` of the directory: None is the system's choice, or where the cluster is that this one is a copy of.
        """
        account = server_account()
        if parent is None and installation.cluster is not None:
            parent = installation.cluster.data.parent.parent
        directory = _private_directory(account, parent)
        server = cls(installation, directory, account)
        try:
            server.installation = within_reach(installation, account, directory / "programs")
            server._initialise({**ALWAYS, **DISPOSABLE, **(settings or {})})
        except BaseException:
            server.destroy()
            raise
        return server

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.destroy()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy()

    def __repr__(self) -> str:
        return f"<PostgresServer {self.version} at {self.host}:{self.port}>"

    # --- facts ---------------------------------------------------------------------------------------------------

    @property
    def version(self) -> str:
        return self.installation.version

    @property
    def pid(self) -> int:
        """The postmaster's process id; PostgresUnavailable when it does not run."""
        if self._process is None or self._process.poll() is not None:
            raise PostgresUnavailable("this PostgreSQL is not running")
        return self._process.pid

    def has_extension(self, name: str) -> bool:
        """Whether CREATE EXTENSION can find it; a wheel brings few, a distribution's contrib package about fifty."""
        query = "SELECT count(*) FROM pg_available_extensions WHERE name = :'name'"
        return self.psql(query, variables={"name": name}) == "1"

    @property
    def has_contrib(self) -> bool:
        return self.has_extension("pg_trgm")

    def dsn(self, database: str = "postgres", role: Role | None = None) -> str:
        """A connection URL with the password in it: never print it."""
        return self.psql_as(role).dsn(database)

    def admin_dsn(self, database: str = "postgres") -> str:
        return self.dsn(database)

    # --- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Serves on a free port, the same one after a stop or a kill. Returns when connections are accepted."""
        chosen = self.port
        for _ in range(PORT_ATTEMPTS):
            self.port = chosen or _free_port()
            if self._start_once():
                return
        raise PostgresUnavailable(f"PostgreSQL found no port to listen on:\n{self._log_tail()}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stops it (SIGINT: fast, backends are told; SIGQUIT: immediate); killed when it has not ended in time."""
        process = self._process
        if process is None:
            return
        for signum in (how, signal.SIGQUIT, signal.SIGKILL):
            if process.poll() is not None:
                break
            process.send_signal(signum)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
        self._process = None

    def kill(self) -> None:
        """SIGKILL to the postmaster and to every backend: what a power cut does. `start` recovers."""
        victims = [self.pid, *_children(self.pid)]
        for victim in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        self._await_gone(victims)
        if self._process is not None:
            # A zombie since it was last looked at? PostgreSQL would believe that it still holds its lock file.
            self._process.wait(STOP_SECONDS)
        self._process = None

    def destroy(self) -> None:
        """Stops the server at once and removes its directory; safe to call twice."""
        self.stop(signal.SIGQUIT)
        postgres_keeper.remove(self.directory)  # the keeper takes what is still being written
        if self._keeper.stdin is not None:
            self._keeper.stdin.close()
        self._keeper.wait(postgres_keeper.REMOVAL_SECONDS + STOP_SECONDS)

    # --- use -----------------------------------------------------------------------------------------------------

    def create_database(self, name: str | None = None) -> str:
        """A new, empty database; its name is unique unless given."""
        name = name or f"db_{secrets.token_hex(6)}"
        self.psql(f"CREATE DATABASE {identifier(name)} TEMPLATE template0")
        return name

    def create_role(self, attributes: str = "LOGIN", name: str | None = None) -> Role:
        """A new role with a random password; `attributes` as in CREATE ROLE."""
        role = Role(name or f"role_{secrets.token_hex(6)}", secrets.token_urlsafe(18))
        self.psql(f"CREATE ROLE {identifier(role.name)} {attributes} PASSWORD {literal(role.password)}")
        return role

    def psql(
        self,
        sql: str = "",
        *,
        file: Path | None = None,
        database: str = "postgres",
        role: Role | None = None,
        variables: Mapping[str, str] | None = None,
        timeout: float = SCRIPT_SECONDS,
    ) -> str:
        """Runs `sql`, then `file`, as `role` (default: the superuser); what psql prints, unaligned. PsqlFailed."""
        program = self.psql_as(role)
        return program.run(sql, file=file, database=database, variables=variables, timeout=timeout)

    def psql_as(self, role: Role | None = None) -> Psql:
        """psql of this installation as that role, for another output format or an asynchronous run."""
        return Psql(self.installation.program("psql"), self.host, self.port, role or self.admin)

    # --- the narrow part -----------------------------------------------------------------------------------------

    def _initialise(self, settings: Mapping[str, str]) -> None:
        if self.installation.cluster is None:
            self._make_cluster()
        else:
            self._copy_cluster(self.installation.cluster)
        lines = [f"{name} = {literal(value)}" for name, value in settings.items()]
        with (self.data / "postgresql.conf").open("a") as configuration:
            configuration.write("\n# directflow\n" + "\n".join(lines) + "\n")
        (self.data / "pg_hba.conf").write_text(f"host all all {HOST}/32 scram-sha-256\n")

    def _copy_cluster(self, cluster: Cluster) -> None:
        self.admin = Role(SUPERUSER, cluster.password)
        done = subprocess.run(  # -p: the files stay the server account's
            ["cp", "-Rp", str(cluster.data), str(self.data)],
            capture_output=True, text=True, timeout=START_SECONDS, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise PostgresUnavailable(f"the cluster cannot be copied:\n{done.stderr[-LOG_TAIL_CHARACTERS:]}")

    def _make_cluster(self) -> None:
        password_file = self.directory / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.admin.password)
        self._own(password_file)
        try:
            self._run_initdb(password_file)
        finally:
            password_file.unlink()

    def _run_initdb(self, password_file: Path) -> None:
        command = [
            str(self.installation.program("initdb")), f"--pgdata={self.data}", f"--username={SUPERUSER}",
            f"--pwfile={password_file}", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync",
        ]  # fmt: skip
        for locale in ("--locale=C.UTF-8", "--no-locale"):  # the second exists everywhere, with plain ASCII ctype
            done = subprocess.run(
                [*command, locale], capture_output=True, text=True, timeout=START_SECONDS, check=False,
                cwd=self.directory, env=clean_environment(), user=self._uid, group=self._gid, extra_groups=self._groups,
            )  # fmt: skip
            if done.returncode == 0:
                return
        raise PostgresUnavailable(f"initdb failed:\n{done.stderr[-LOG_TAIL_CHARACTERS:]}")

    def _start_once(self) -> bool:
        """True when it accepts connections, False when the port was taken in between; anything else raises."""
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(self.installation.program("postgres")), "-D", str(self.data), "-p", str(self.port)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory, env=clean_environment(),
                start_new_session=True,  # Ctrl-C is for us: the server is stopped last, after its clients
                user=self._uid, group=self._gid, extra_groups=self._groups,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                if "Address already in use" in self._log_tail():
                    return False
                raise PostgresUnavailable(f"PostgreSQL did not start:\n{self._log_tail()}")
            if self._is_ready():
                return True
            time.sleep(POLL_SECONDS)
        self.stop(signal.SIGQUIT)
        raise PostgresUnavailable(f"PostgreSQL was not ready after {START_SECONDS:.0f} s:\n{self._log_tail()}")

    def _is_ready(self) -> bool:
        """Line 1 of postmaster.pid is the process (a killed predecessor leaves its own), line 8 the state."""
        with contextlib.suppress(OSError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready"
        return False

    def _await_gone(self, pids: list[int]) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            if self._process is not None:
                self._process.poll()  # reaps the postmaster: a zombie would count as alive
            if not any(postgres_keeper.serves(pid, self.data) or _is_ending(pid) for pid in pids):
                return
            time.sleep(POLL_SECONDS)
        raise PostgresUnavailable("killed PostgreSQL processes are still there")

    def _own(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.uid, self._account.gid)

    def _log_tail(self) -> str:
        return self.log.read_text(errors="replace")[-LOG_TAIL_CHARACTERS:]


def _private_directory(account: Account | None, parent: Path | None) -> Path:
    """A directory that the server's account owns and can reach, when TMPDIR itself is out of its reach in /tmp."""
    usual = map(Path, (tempfile.gettempdir(), "/tmp", "/var/tmp"))  # noqa: S108 (mkdtemp makes it)
    parents = usual if parent is None else iter((parent, *usual))
    parent = next((path for path in parents if account is None or reachable(path, account)), None)
    if parent is None or not parent.is_dir():
        raise PostgresUnavailable("no temporary directory that an unprivileged account can reach: set TMPDIR")
    directory = Path(tempfile.mkdtemp(prefix="directflow-postgres-", dir=parent)).resolve()
    if account is not None:
        os.chown(directory, account.uid, account.gid)
    return directory


def _start_keeper(directory: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", postgres_keeper.__file__, str(directory)],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
        start_new_session=True,  # outlives a Ctrl-C and a kill of our process group: that is its purpose
    )  # fmt: skip


def _is_ending(pid: int) -> bool:
    """True while a killed process is there, and no zombie yet: the kernel takes its directory away a moment earlier."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _children(pid: int) -> list[int]:
    """The direct children of a process, from /proc where it exists (slim images have no ps), else from ps."""
    if Path("/proc/self/stat").exists():
        pairs = _process_table()
    else:
        shown = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
        pairs = [(int(line.split()[0]), int(line.split()[1])) for line in shown.stdout.splitlines()]
    return [child for child, parent in pairs if parent == pid]


def _process_table() -> list[tuple[int, int]]:
    pairs = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # ended since the directory was listed
            pairs.append(_pid_and_parent(stat.read_text()))
    return pairs


def _pid_and_parent(stat: str) -> tuple[int, int]:
    """The command in the middle is in parentheses and may hold spaces and parentheses itself."""
    return int(stat.split(" ", 1)[0]), int(stat.rpartition(")")[2].split()[1])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
