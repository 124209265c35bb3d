"""Runs SQL through the psql program: the command line has no driver, and needs none to load a demo."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

SCRIPT_SECONDS = 120.0


class PsqlFailed(subprocess.CalledProcessError):
    """psql ended with an error; its `stderr` is in the text, because that is the only thing one wants to know."""

    def __str__(self) -> str:
        return f"psql ended with {self.returncode}:\n{self.stderr}"


@dataclass(frozen=True, slots=True)
class Role:
    """A database role with its password; the password stays out of repr."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Psql:
    """One psql program and the server that it talks to."""

    program: Path
    host: str
    port: int
    role: Role
    sslmode: str = "disable"

    def run(
        self,
        sql: str = "",
        *,
        file: Path | None = None,
        database: str = "postgres",
        variables: Mapping[str, str] | None = None,
        options: tuple[str, ...] = ("--tuples-only", "--no-align"),
        timeout: float = SCRIPT_SECONDS,
    ) -> str:
        """Runs `sql`, then `file`, and returns what psql prints, without the last newline; PsqlFailed on any error."""
        command = [*self.command(database), *options]
        done = subprocess.run(
            command, input=script(sql, file=file, variables=variables), env=self.environment(), text=True,
            capture_output=True, timeout=timeout, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise PsqlFailed(done.returncode, command, done.stdout, done.stderr)
        return done.stdout.removesuffix("\n")

    def command(self, database: str) -> list[str]:
        """The command line, for a script on standard input; to be run with `environment`."""
        options = ["--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1"]
        return [str(self.program), *options, f"--dbname={database}"]

    def environment(self) -> dict[str, str]:
        """The password travels here, and never on the command line, which every user of the machine can read."""
        return {
            **clean_environment(),
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.role.name,
            "PGPASSWORD": self.role.password,
            "PGSSLMODE": self.sslmode,
            "PGCONNECT_TIMEOUT": "10",
            "PGCLIENTENCODING": "UTF8",
        }

    def dsn(self, database: str) -> str:
        """A connection URL with the password in it: never print it."""
        credentials = f"{quote(self.role.name, safe='')}:{quote(self.role.password, safe='')}"
        return f"postgresql://{credentials}@{self.host}:{self.port}/{quote(database, safe='')}?sslmode={self.sslmode}"


def script(sql: str = "", *, file: Path | None = None, variables: Mapping[str, str] | None = None) -> str:
    """A script for psql's standard input: the variables (`:'name'` in the SQL) first, then `sql`, then `file`."""
    lines = [f"\\set {name} {_argument(value)}" for name, value in (variables or {}).items()]
    return "\n".join([*lines, sql, *([f"\\i {_argument(str(file.resolve()))}"] if file else [])]) + "\n"


def clean_environment() -> dict[str, str]:
    """Ours without libpq's variables, which would point psql and initdb elsewhere, and in one language."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return {**kept, "LANG": "C", "LC_ALL": "C"}


def literal(value: str) -> str:
    """A string constant of SQL (standard_conforming_strings)."""
    return "'" + value.replace("'", "''") + "'"


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _argument(value: str) -> str:
    """An argument of a psql command: there, unlike in SQL, a backslash escapes inside single quotes."""
    return literal(value.replace("\\", "\\\\").replace("\n", "\\n"))
