"""Credentials of existing users whose password Vault changes by itself: static roles of its database engine."""

import random
import time
from dataclasses import replace

from directflow_gateway.connections import Connection
from directflow_gateway.credentials.credential import Credential, Generations
from directflow_gateway.credentials.file import named
from directflow_gateway.credentials.reading import FRESH_JITTER, FRESH_S
from directflow_gateway.credentials.template import Template
from directflow_gateway.credentials.vault import Vault, ask, login_in

AFTER_S = 0.2
"""After the moment for which Vault announces the rotation."""
AFTER_JITTER_S = 0.4


class VaultStaticSource:
    """Reads the password that Vault gave last, again right after its next rotation, and now and then before, for
    somebody may have it rotated by hand."""

    def __init__(self, vault: Vault, place: Template) -> None:
        """`place`: of the role's credential below /v1/, "database/static-creds/..."."""
        self._vault = vault
        self._place = place
        self._generations = Generations()

    async def read(
        self, connection: Connection, last: Credential | None = None, *, refused: bool = False
    ) -> Credential:
        """As it is now."""
        answer = await ask(self._vault, self._place.of(connection), absent="VAULT_NO_ROLE")
        login = named(login_in(answer.data), connection, self._generations)
        return replace(login, refresh_at=time.monotonic() + _due_s(answer.data.get("ttl")))


def _due_s(ttl: object) -> float:
    own_pace = FRESH_S * (1 - FRESH_JITTER * random.random())  # noqa: S311
    if isinstance(ttl, bool) or not isinstance(ttl, int | float) or not 0 <= ttl <= FRESH_S:
        return own_pace
    return min(own_pace, ttl + AFTER_S + AFTER_JITTER_S * random.random())  # noqa: S311
