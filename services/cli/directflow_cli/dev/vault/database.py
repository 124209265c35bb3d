"""The database secrets engine on PostgreSQL: roles made for a lease (dynamic), and passwords that rotate (static)."""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from directflow_cli.dev.vault.core import Backend, Core
from directflow_cli.dev.vault.database_connection import (
    DatabaseConnection,
    StatementsFailed,
    expiration,
    new_password,
    refuse_commands,
    role_name,
)
from directflow_cli.dev.vault.fields import flag, seconds, statements, text, texts
from directflow_cli.dev.vault.lifetimes import Lifetime, timestamp, whole
from directflow_cli.dev.vault.refusal import Refused, several
from directflow_cli.dev.vault.routes import Answer, Request

SHORTEST_ROTATION_S = 5.0
ROTATION_RETRY_S = 10.0
CREATION_NEEDED = "empty creation statements"
RENEWAL = ("ALTER ROLE \"{{name}}\" VALID UNTIL '{{expiration}}'",)
REVOCATION = ('DROP OWNED BY "{{name}}"', 'DROP ROLE IF EXISTS "{{name}}"')
ROTATION = ("ALTER ROLE \"{{name}}\" WITH PASSWORD '{{password}}'",)


@dataclass(slots=True)
class StaticRole:
    """An existing PostgreSQL role whose password belongs to us."""

    database: str
    username: str
    period_s: float
    rotation: tuple[str, ...]
    password: str = field(default="", repr=False)
    rotated_at: float = 0.0
    due_at: float = 0.0


class Database(Backend):
    """Bound to one mount. psql runs outside of every lock but the one that keeps rotations of a role apart."""

    kind = "database"

    def __init__(self, psql: Path, core: Core, path: str, _: Mapping[str, str]) -> None:
        super().__init__()
        self._psql = psql
        self._core = core
        self._path = path
        self._connections: dict[str, DatabaseConnection] = {}
        self._roles: dict[str, Mapping[str, Any]] = {}
        self._static: dict[str, StaticRole] = {}
        self._rotating = threading.Lock()
        core.clock.watch(self._rotations, self._rotate)
        self.routes.add("config/{name}", write=self._configure, delete=self._forget_connection)
        self.routes.add("roles/{name}", read=self._role, write=self._write_role, delete=self._forget_role)
        self.routes.add("creds/{name}", read=self._credentials)
        self.routes.add("static-roles/{name}", read=self._static_role, write=self._write_static, delete=self._release)
        self.routes.add("static-creds/{name}", read=self._static_credentials)
        self.routes.add("rotate-role/{name}", write=self._rotate_now)

    def close(self) -> None:
        self._core.clock.unwatch(self._rotations)

    # --- connections ---------------------------------------------------------------------------------------------

    def _configure(self, request: Request, name: str) -> None:
        body = request.body
        if text(body, "plugin_name") != "postgresql-database-plugin":
            raise Refused(400, "this stand-in has the postgresql-database-plugin only")
        url, username, password = (text(body, key) for key in ("connection_url", "username", "password"))
        made = DatabaseConnection.from_url(self._psql, url, username, password, texts(body, "allowed_roles"))
        if flag(body, "verify_connection", True):
            _run(partial(made.run, ("SELECT 1",)), 400, "error creating database object: error verifying connection")
        self._connections[name] = made

    def _forget_connection(self, _: Request, name: str) -> None:
        self._connections.pop(name, None)

    def _connection(self, name: str, role: str) -> DatabaseConnection:
        found = self._connections.get(name)
        if found is None:
            raise several(500, f'failed to find entry for connection with name: "{name}"')
        if not found.allows(role):
            raise several(500, f'"{role}" is not an allowed role')
        return found

    # --- dynamic roles -------------------------------------------------------------------------------------------

    def _write_role(self, request: Request, name: str) -> None:
        body = {**self._roles.get(name, {}), **request.body}
        if not text(body, "db_name"):
            raise Refused(400, "empty database name attribute")
        if _lifetime(body).max_ttl_s and _lifetime(body).ttl_s > _lifetime(body).max_ttl_s:
            raise Refused(400, '"default_ttl" cannot be greater than "max_ttl"')
        for key in ("creation_statements", "revocation_statements"):
            for statement in statements(body, key):
                refuse_commands(statement)  # not when the lease ends: nobody would hear of it, and the role would stay
        self._roles[name] = body

    def _role(self, _: Request, name: str) -> Answer:
        if name not in self._roles:
            raise Refused(404)
        return Answer(dict(self._roles[name]))

    def _forget_role(self, _: Request, name: str) -> None:
        self._roles.pop(name, None)

    def _credentials(self, request: Request, name: str) -> Answer:
        """A new PostgreSQL role, which is dropped when its lease ends."""
        role = self._roles.get(name)
        if role is None:
            raise Refused(400, f"unknown role: {name}")
        creation = statements(role, "creation_statements")
        if not creation:
            raise several(500, CREATION_NEEDED)
        connection = self._connection(text(role, "db_name"), name)
        lifetime = _lifetime(role)
        ttl_s, warnings = lifetime.granted()
        user, password, ends_at = role_name(request.caller.display_name, name), new_password(), time.time() + ttl_s
        _run(partial(connection.run, creation, name=user, password=password, expiration=expiration(ends_at)))
        ended = partial(connection.run, statements(role, "revocation_statements") or REVOCATION, name=user)
        try:
            lease = self._core.leases.issue(
                f"{self._path}creds/{name}",
                request.caller,
                lifetime,
                ends_at,
                partial(_renew, connection, role, user),
                ended,
            )
        except Refused:
            _run(ended)
            raise
        if not self._core.tokens.alive(request.caller):
            # Revoked while psql ran: its other leases are gone by now, and this one would live on.
            self._core.leases.revoke([lease.id])
        return Answer({"username": user, "password": password}, None, lease.id, ttl_s, True, warnings)

    # --- static roles --------------------------------------------------------------------------------------------

    def _write_static(self, request: Request, name: str) -> None:
        """Takes the role over: its password changes at once. Written again, only the period changes."""
        body = request.body
        period_s = seconds(body, "rotation_period")
        if period_s < SHORTEST_ROTATION_S:
            raise Refused(400, f"rotation_period must be {SHORTEST_ROTATION_S:.0f} seconds or more")
        if name in self._static:
            self._static[name].period_s = period_s
            return
        role = StaticRole(
            text(body, "db_name"), text(body, "username"), period_s, statements(body, "rotation_statements") or ROTATION
        )
        self._change_password(name, role)
        self._static[name] = role

    def _static_role(self, _: Request, name: str) -> Answer:
        role = self._known_static(name, Refused(404))
        return Answer(
            {
                "db_name": role.database,
                "username": role.username,
                "credential_type": "password",
                "rotation_period": whole(role.period_s),
                "rotation_statements": list(role.rotation),
                "last_vault_rotation": timestamp(role.rotated_at),
            }
        )

    def _release(self, _: Request, name: str) -> None:
        self._static.pop(name, None)

    def _static_credentials(self, _: Request, name: str) -> Answer:
        role = self._known_static(name, Refused(400, f"unknown role: {name}"))
        return Answer(
            {
                "username": role.username,
                "password": role.password,
                "ttl": max(0, whole(role.due_at - time.time())),
                "rotation_period": whole(role.period_s),
                "last_vault_rotation": timestamp(role.rotated_at),
            }
        )

    def _rotate_now(self, _: Request, name: str) -> None:
        self._change_password(name, self._known_static(name, Refused(400, "no static role found for role name")))

    def _known_static(self, name: str, otherwise: Refused) -> StaticRole:
        if name not in self._static:
            raise otherwise
        return self._static[name]

    def _change_password(self, name: str, role: StaticRole) -> None:
        connection, password = self._connection(role.database, name), new_password()
        with self._rotating:
            _run(partial(connection.run, role.rotation, name=role.username, password=password))
            role.password, role.rotated_at = password, time.time()
            role.due_at = role.rotated_at + role.period_s

    def _rotations(self) -> Iterator[tuple[float, str]]:
        return iter([(role.due_at, name) for name, role in list(self._static.items())])

    def _rotate(self, name: str) -> None:
        """By the clock; a database that is away is tried again later."""
        role = self._static.get(name)
        if role is None:
            return
        try:
            self._change_password(name, role)
        except Refused:
            role.due_at = time.time() + ROTATION_RETRY_S


def _lifetime(role: Mapping[str, Any]) -> Lifetime:
    return Lifetime(seconds(role, "default_ttl"), seconds(role, "max_ttl"))


def _renew(connection: DatabaseConnection, role: Mapping[str, Any], user: str, ends_at: float) -> None:
    chosen = statements(role, "renew_statements") or RENEWAL
    _run(partial(connection.run, chosen, name=user, expiration=expiration(ends_at)))


def _run(action: partial[None], status: int = 500, prefix: str = "") -> None:
    try:
        action()
    except StatementsFailed as problem:
        raise several(status, f"{prefix}: {problem}" if prefix else str(problem)) from None
