"""A proxy in front of Vault that remembers every secret that passes, so that others can look for it elsewhere."""

import json
import threading
from collections import Counter
from typing import Any

from ...query_gateway.vault.faults import FaultyVault

SECRET_FIELDS = frozenset(
    {"client_token", "accessor", "lease_id", "username", "password", "secret_id", "role_id", "jwt", "entity_id"}
)
LEAST_CHARACTERS = 6
"""A shorter one would be found anywhere."""


class OverhearingVault(FaultyVault):
    """Passes everything on, and keeps tokens, leases, logins, user names, passwords and paths."""

    def __init__(self, upstream: str) -> None:
        self._heard: set[str] = set()
        self._heard_lock = threading.Lock()
        self.leases: Counter[str] = Counter()
        """How many credentials were made, by path without /v1/."""
        super().__init__(upstream)

    def heard(self) -> set[str]:
        """All of it so far."""
        with self._heard_lock:
            return set(self._heard)

    def _forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        status, answer = super()._forward(method, path, headers, body)
        with self._heard_lock:
            self._heard |= {path.removeprefix("/v1/"), headers.get("x-vault-token", "")}
            self._heard |= secrets_in(_json(body)) | secrets_in(_json(answer))
            self._heard = {secret for secret in self._heard if len(secret) >= LEAST_CHARACTERS}
            if status == 200 and "/creds/" in path:
                self.leases[path.removeprefix("/v1/")] += 1
        return status, answer


def secrets_in(document: Any) -> set[str]:
    """The values of the fields that hold secrets, however deep."""
    if isinstance(document, list):
        return set().union(*map(secrets_in, document))
    if not isinstance(document, dict):
        return set()
    found = {value for name, value in document.items() if name in SECRET_FIELDS and isinstance(value, str)}
    return found.union(*map(secrets_in, document.values()))


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
