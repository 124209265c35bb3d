"""Runs the statements of the database engine on a PostgreSQL, by psql."""

import secrets
import string
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

from directflow_cli.dev.psql import Psql, PsqlFailed, Role
from directflow_cli.dev.vault.refusal import Refused

STATEMENTS_S = 20.0
LETTERS = string.ascii_letters + string.digits
QUIET = "\\set VERBOSITY sqlstate"
"""PostgreSQL repeats the line of a statement that it does not take, and that line may hold a password."""
LONGEST_NAME = 63


class StatementsFailed(subprocess.SubprocessError):
    """PostgreSQL did not take them, or is away. The text holds psql's SQLSTATE, never a statement."""


@dataclass(frozen=True, slots=True)
class DatabaseConnection:
    """One database, reached as a role that may make and change others."""

    psql: Psql
    database: str
    allowed_roles: tuple[str, ...]

    @classmethod
    def from_url(cls, program: Path, url: str, username: str, password: str, allowed_roles: tuple[str, ...]) -> Self:
        """`postgresql://{{username}}:{{password}}@host:port/database?sslmode=...`; Refused (400)."""
        try:
            place = urlsplit(url)
            port = place.port or 5432
        except ValueError:
            raise Refused(400, "error parsing connection_url") from None
        options = dict(parse_qsl(place.query))
        if place.scheme not in ("postgresql", "postgres") or not place.hostname or options.keys() - {"sslmode"}:
            raise Refused(400, "a stand-in takes postgresql://{{username}}:{{password}}@host:port/database?sslmode=...")
        psql = Psql(program, place.hostname, port, Role(username, password), options.get("sslmode", "prefer"))
        return cls(psql, unquote(place.path.lstrip("/")) or "postgres", allowed_roles)

    def allows(self, role: str) -> bool:
        return "*" in self.allowed_roles or role in self.allowed_roles

    def run(self, statements: Sequence[str], *, name: str = "", password: str = "", expiration: str = "") -> None:
        """All of them in one transaction; StatementsFailed."""
        values = {"name": name, "username": name, "password": password, "expiration": expiration}
        filled = [_filled(statement, values) for statement in statements]
        script = "\n".join([QUIET, "BEGIN;", *(f"{statement.rstrip().removesuffix(';')};" for statement in filled)])
        try:
            self.psql.run(f"{script}\nCOMMIT;", database=self.database, timeout=STATEMENTS_S)
        except PsqlFailed as failed:
            raise StatementsFailed(failed.stderr.strip()) from None
        except subprocess.TimeoutExpired:
            raise StatementsFailed("PostgreSQL did not answer in time") from None


def role_name(display_name: str, role: str) -> str:
    """v-<who>-<role>-<random>-<Unix time>, as the real one's."""
    made = f"v-{display_name[:8]}-{role[:8]}-{_random(20)}-{int(time.time())}"
    return made[:LONGEST_NAME]


def new_password() -> str:
    """20 letters and digits with a hyphen, in which every quoting of SQL, URLs and shells leaves it alone."""
    return f"{_random(1)}{_random(9)}-{_random(9)}"


def expiration(at: float) -> str:
    """For VALID UNTIL."""
    return time.strftime("%Y-%m-%d %H:%M:%S+0000", time.gmtime(at))


def refuse_commands(statement: str) -> None:
    """psql would take what follows a backslash for one of its own commands, among which is one that runs a program."""
    if "\\" in statement:
        raise Refused(400, "a stand-in takes no backslash in a statement")


def _filled(statement: str, values: dict[str, str]) -> str:
    refuse_commands(statement)
    for name, value in values.items():
        statement = statement.replace(f"{{{{{name}}}}}", value)
    return statement


def _random(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(length))
