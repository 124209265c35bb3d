"""A customer's PostgreSQL, a Vault with a proxy before it, and the services, whose passwords all come through both."""

import asyncio
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from directflow_cli.dev.background import BackgroundLoop
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.processes import ServicePlan, ServiceProcess
from directflow_cli.dev.psql import Role, identifier, literal

from ...query_gateway.vault import setups
from ...query_gateway.vault.servers import Vault
from .customers import SCHEMA, adult, allowed_to_read, everybody, readers
from .exports import KeepingReceiver
from .overhearing import OverhearingVault
from .processes import WORKSPACE, Login, Plans, vault_role

REQUEST_TIMEOUT_S = 3.0
"""Of the gateways' operations on Vault; whoever waits for a Vault that is away waits as long."""
KV = ("rotated", "quiet", "early", "stored")
LEASES: Mapping[str, tuple[str, str]] = {
    "brief": ("3s", "3s"),
    "renewed": ("3s", "9s"),
    "minutes": ("20s", "20s"),
    "long-renewed": ("20s", "70s"),
    "expiring": ("3s", "3s"),
    "revoked": ("1h", "24h"),
    "dropped": ("1h", "24h"),
    "hanging": ("1h", "24h"),
    **{f"living-{seconds}": (f"{seconds}s", "1h") for seconds in (9, 10, 11, 12)},
}
"""Time to live and greatest age of dynamic credentials, by connection."""
ROLE_CHARACTERS = 8
"""So many of the role's name are in the names of the users that Vault makes."""
STATIC = ("static",)
FILES = ("filed",)


@dataclass
class Site:
    """Everything that runs. Connections are called by their ids, all in one workspace."""

    postgres: PostgresServer
    database: str
    vault: Vault
    proxy: OverhearingVault
    plans: Plans = field(repr=False)
    receiver: KeepingReceiver = field(repr=False)
    loop: BackgroundLoop = field(repr=False)
    has_followers: bool
    """False: a gateway alone."""
    processes: dict[str, ServiceProcess] = field(default_factory=dict, repr=False)
    roles: dict[str, Role] = field(default_factory=dict, repr=False)
    """Of connections whose user stays the same."""

    # --- processes ------------------------------------------------------------------------------------------------

    def start(self, *plans: ServicePlan) -> None:
        """At the same moment; returns when they serve."""
        fresh = {plan.config.stem: ServiceProcess(plan) for plan in plans}
        self.processes |= fresh

        async def together() -> None:
            await asyncio.gather(*(process.__aenter__() for process in fresh.values()))

        self.loop.run(together())

    def stop(self, *names: str) -> None:
        async def together() -> None:
            await asyncio.gather(*(self.processes[name].stop() for name in names or self.processes))

        self.loop.run(together())

    def announced(self, name: str) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.processes[name].plan.announce.read_text())
        return said

    def log(self, name: str) -> str:
        return self.processes[name].log.file.read_text()

    def log_lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log(name).splitlines()]

    # --- the operator's and the customer's part -------------------------------------------------------------------

    def connection(self, id: str, kind: str) -> dict[str, Any]:
        """As the gateway's settings say it."""
        place = {"host": self.postgres.host, "port": self.postgres.port, "database": self.database}
        return {"workspace": WORKSPACE, "id": id, **place, "sslmode": "disable", "credential_kind": kind}

    def login(self, address: str, name: str = "gateway", **token: Any) -> Login:
        """An AppRole for a gateway, with its files."""
        made = setups.approle(self.vault, setups.gateway_policy(self.vault), role=name, **token)
        files = [self.plans.folder / f"{name}.{part}" for part in ("role_id", "secret_id")]
        for file, text in zip(files, (made.role_id, made.secret_id), strict=True):
            file.touch(mode=0o600)
            file.write_text(text)
        return Login(address, *files, request_timeout_s=REQUEST_TIMEOUT_S)

    def new_reader(self, id: str) -> Role:
        """A user of the customer's, for a connection that keeps its user."""
        role = self.roles[id] = self.postgres.create_role()
        self.admin(f"GRANT {identifier(readers(self.database))} TO {identifier(role.name)}")
        return role

    def store(self, id: str, role: Role) -> None:
        """Into Vault's KV engine."""
        setups.put_kv(self.vault, f"directflow/{WORKSPACE}/{id}", {"username": role.name, "password": role.password})

    def change_password(self, id: str) -> Role:
        """Another one in the database; Vault has the old one still."""
        role = self.another_password(id)
        self.set_password(id, role)
        return role

    def another_password(self, id: str) -> Role:
        """For the same user; nobody knows it yet."""
        return Role(self.roles[id].name, secrets.token_urlsafe(18))

    def set_password(self, id: str, role: Role) -> None:
        """In the database."""
        self.admin(f"ALTER ROLE {identifier(role.name)} PASSWORD {literal(role.password)}")
        self.roles[id] = role

    def leases(self, id: str) -> int:
        """How many credentials the first gateway got for a connection."""
        return self.proxy.leases[f"database/creds/{vault_role(id)}"]

    # --- what PostgreSQL says -------------------------------------------------------------------------------------

    def admin(self, sql: Any, *parameters: Any) -> list[tuple[Any, ...]]:
        """As the superuser, in the customer's database."""
        with psycopg.connect(self.postgres.admin_dsn(self.database), autocommit=True) as connection:
            cursor = connection.execute(sql, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def refused_logins(self, user: str) -> int:
        """How many logins of this user PostgreSQL has refused, by its log."""
        return self.postgres.log.read_text(errors="replace").count(f'authentication failed for user "{user}"')

    def made_roles(self, id: str) -> set[str]:
        """Roles that this Vault made for a connection and that are there now."""
        found = self.admin(
            "SELECT member::regrole::text FROM pg_auth_members WHERE roleid = %s::regrole",
            identifier(readers(self.database)),
        )
        shown = f"-{vault_role(id)[:ROLE_CHARACTERS]}-"
        return {name.strip('"') for (name,) in found if shown in name}

    def sessions(self, id: str) -> set[int]:
        """Process ids of the sessions of a connection whose user stays the same."""
        found = self.admin("SELECT pid FROM pg_stat_activity WHERE usename = %s", self.roles[id].name)
        return {pid for (pid,) in found}

    def end_idle_sessions(self, id: str, idle_for_s: float = 0.5) -> int:
        """As a pooler or a firewall does it; how many. Not those that were used just now: no call is to be hit."""
        found = self.admin(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s AND state = 'idle'"
            " AND state_change < now() - make_interval(secs => %s)",
            self.roles[id].name,
            idle_for_s,
        )
        return len(found)


@contextmanager
def running(postgres: PostgresServer, vault: Vault, folder: Path, *, followers: bool = True) -> Iterator[Site]:
    """A gateway, with segments and conditions, on one Vault and on a new database of `postgres`."""
    with ExitStack() as stack:
        receiver = stack.enter_context(KeepingReceiver())
        loop = stack.enter_context(BackgroundLoop())
        proxy = OverhearingVault(vault.address)
        stack.callback(proxy.close)
        database = postgres.create_database()
        at = Site(postgres, database, vault, proxy, Plans(folder, receiver.address), receiver, loop, followers)
        stack.callback(at.stop)
        connections = set_up(at)
        at.start(at.plans.gateway("gateway", at.login(proxy.address), connections))
        if followers:
            start_followers(at, [str(one["id"]) for one in connections])
        yield at


def set_up(at: Site) -> list[dict[str, Any]]:
    """The customer's tables and roles, and Vault; the connections on them."""
    at.postgres.psql(SCHEMA + allowed_to_read(at.database), database=at.database)
    setups.database(at.vault, at.postgres, at.database)
    for id in KV:
        at.store(id, at.new_reader(id))
    for id in STATIC:
        setups.static_role(at.vault, vault_role(id), at.new_reader(id), rotation_period="5s")
    for id, (default_ttl, max_ttl) in LEASES.items():
        grants = [f'GRANT {identifier(readers(at.database))} TO "{{{{name}}}}"']
        lives = {"default_ttl": default_ttl, "max_ttl": max_ttl}
        setups.dynamic_role(at.vault, vault_role(id), grants=grants, **lives)
    for id in FILES:
        file = at.plans.credential_file(id)
        file.parent.mkdir(parents=True, exist_ok=True)
        role = at.new_reader(id)
        file.write_text(json.dumps({"username": role.name, "password": role.password}))
    kinds = {"vault-kv": KV, "vault-static": STATIC, "vault-dynamic": LEASES, "file": FILES}
    return [at.connection(id, kind) for kind, ids in kinds.items() for id in ids]


def start_followers(at: Site, ids: Iterable[str]) -> None:
    """segments and conditions, with a data source and a condition for each connection."""
    gateway, ids = at.processes["gateway"].address, list(ids)
    at.start(
        at.plans.follower("segments", gateway, "".join(map(everybody, ids))),
        at.plans.follower("conditions", gateway, "".join(map(adult, ids))),
    )
