"""Credentials that Vault makes for each gateway: leases of its database engine."""

import math
import random
import time
from dataclasses import replace

from directflow_runtime.secrets import Secret

from directflow_gateway.connections import Connection
from directflow_gateway.credentials.credential import Credential, Generations, Lease
from directflow_gateway.credentials.template import Template
from directflow_gateway.credentials.unavailable import CredentialsUnavailable
from directflow_gateway.credentials.vault import Vault, ask, explained, login_in
from directflow_gateway.vault import VaultFailure

RENEW_SHARE = 2 / 3
"""Of a lease's time, until it is renewed. Vault Agent does the same."""
REPLACE_SHARE = 0.85
"""Of a lease's time, until it is replaced where it cannot be renewed."""
JITTER = 0.06
"""How much earlier, at most: the gateways that were started together must not ask together."""
SHORT_SHARE = 0.9
"""A renewal that gives less of what was granted at first has met the greatest age of the lease."""


class VaultDynamicSource:
    """Makes a lease, renews it while that works, and makes another one before it ends.

    A lease is never revoked: what logged in with it may still run, and Vault ends it by itself.
    """

    def __init__(self, vault: Vault, place: Template) -> None:
        """`place`: of the role's credentials below /v1/, "database/creds/..."."""
        self._vault = vault
        self._place = place
        self._generations = Generations()

    async def read(
        self, connection: Connection, last: Credential | None = None, *, refused: bool = False
    ) -> Credential:
        """`last` with a longer life where Vault gives it one, otherwise a new user."""
        if last is not None and last.lease is not None and not refused and self._is_renewable(last, last.lease):
            renewed = await self._renewed(last, last.lease)
            if renewed is not None:
                return renewed
        return await self._made(connection)

    def _is_renewable(self, last: Credential, lease: Lease) -> bool:
        """False also for a lease of an earlier login: a renewal would not keep it from ending with that one's token."""
        lives = last.expires_at is None or time.monotonic() < last.expires_at
        return lives and lease.renewable and lease.epoch == self._vault.epoch

    async def _renewed(self, last: Credential, lease: Lease) -> Credential | None:
        """None: a new one is needed, now."""
        asked_at = time.monotonic()
        body = {"lease_id": lease.id.reveal(), "increment": math.ceil(lease.duration_s)}
        try:
            answer = await self._vault.write("sys/leases/renew", body)
        except VaultFailure as failure:
            if failure.is_outage:
                raise explained(failure, "VAULT_NO_ROLE") from None
            return None  # it is gone, or nobody allowed the gateway to renew leases
        margin_s = (1 - REPLACE_SHARE) * lease.duration_s
        left_s = answer.lease_duration_s
        if left_s <= margin_s or answer.epoch != lease.epoch:
            return None
        short = left_s < SHORT_SHARE * lease.duration_s
        due_s = left_s - margin_s if short else self._due_s(left_s, lease, asked_at)
        return replace(
            last,
            lease=replace(lease, renewable=not short),
            refresh_at=asked_at + due_s,
            expires_at=asked_at + left_s,
        )

    async def _made(self, connection: Connection) -> Credential:
        asked_at = time.monotonic()
        answer = await ask(self._vault, self._place.of(connection), absent="VAULT_NO_ROLE")
        login = login_in(answer.data)
        if not login.user or answer.lease_id is None or answer.lease_duration_s <= 0:
            raise CredentialsUnavailable("VAULT_CONTENT", "no lease")
        lease = Lease(answer.lease_id, answer.epoch, answer.renewable, answer.lease_duration_s)
        return Credential(
            login.user,
            Secret(login.password),
            self._generations.of(login.user, login.password),
            refresh_at=asked_at + self._due_s(answer.lease_duration_s, lease, asked_at),
            expires_at=asked_at + answer.lease_duration_s,
            lease=lease,
        )

    def _due_s(self, left_s: float, lease: Lease, now: float) -> float:
        """Also before the token of the lease ends: it is renewed by then, or replaced, and the lease with it."""
        token_ends_at = self._vault.ends_at() if lease.epoch == self._vault.epoch else None
        if token_ends_at is not None:
            left_s = min(left_s, max(0.0, token_ends_at - now))
        share = RENEW_SHARE if lease.renewable else REPLACE_SHARE
        return left_s * share * (1 - JITTER * random.random())  # noqa: S311
