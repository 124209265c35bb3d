"""A source that does what a test says, and remembers how it was asked."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from directflow_gateway.connections import Connection
from directflow_gateway.credentials import Credential, Lease
from directflow_gateway.credentials.unavailable import CredentialsUnavailable
from directflow_runtime.secrets import Secret


def connection(workspace: str = "acme", **more: Any) -> Connection:
    return Connection(workspace=workspace, **{"id": "main", "host": "db.example", "database": "app", **more})


@dataclass
class ScriptedSource:
    """Gives "one", "two" and so on; with `lease_s` a lease, renewed for as long as it is not refused."""

    password: str = "one"
    away: bool = False
    lease_s: float = 0.0
    refresh_s: float | None = None
    gate: asyncio.Event | None = None
    """What a reading waits for."""
    epoch: int = 1
    asked: list[bool] = field(default_factory=list)
    """`refused` of each reading."""
    made: int = 0
    """Leases."""

    async def read(
        self, connection: Connection, last: Credential | None = None, *, refused: bool = False
    ) -> Credential:
        self.asked.append(refused)
        if self.gate is not None:
            await self.gate.wait()
        if self.away:
            raise CredentialsUnavailable("VAULT_UNREACHABLE")
        now = time.monotonic()
        if not self.lease_s:
            at = None if self.refresh_s is None else now + self.refresh_s
            return Credential("reader", Secret(self.password), self.password, refresh_at=at)
        kept = last is not None and not refused and last.lease is not None and last.lease.epoch == self.epoch
        self.made += not kept
        name = f"lease-{self.made}"
        lease = Lease(Secret(name), self.epoch, True, self.lease_s)
        return Credential(name, Secret("p"), name, now + self.lease_s * 2 / 3, now + self.lease_s, lease)
