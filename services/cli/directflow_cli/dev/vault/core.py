"""The heart of the stand-in: who is let in, which backend answers, and what ends with what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from directflow_cli.dev.vault.clock import Clock
from directflow_cli.dev.vault.leases import LeaseStore
from directflow_cli.dev.vault.policies import DEFAULT, DEFAULT_RULES, ROOT, Policy, allows
from directflow_cli.dev.vault.refusal import Refused, denied, not_allowed
from directflow_cli.dev.vault.routes import Answer, Operation, Request, Routes
from directflow_cli.dev.vault.tokens import Token, TokenStore

CAPABILITIES = {
    Operation.READ: ("read",),
    Operation.LIST: ("list",),
    Operation.DELETE: ("delete",),
    # Vault tells the two apart by whether there is something already; a policy that grants one of them is enough here.
    Operation.WRITE: ("create", "update"),
}
UNSEALED_ONLY = "Vault is sealed"


class Backend:
    """Something mounted. `open_paths` need no token."""

    kind = ""
    open_paths: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.routes = Routes()

    def close(self) -> None:
        """It is unmounted: its leases are gone already."""


@dataclass(slots=True)
class Mount:
    """Where a backend is; `path` ends with a slash."""

    path: str
    backend: Backend
    description: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


class Core:
    """State and rules of one server. Thread-safe as far as its stores are; mounts change rarely, by replacement."""

    def __init__(self) -> None:
        self.sealed = False
        self.tokens = TokenStore()
        self.leases = LeaseStore()
        self.policies: dict[str, Policy] = {DEFAULT: Policy("", DEFAULT_RULES)}
        self.clock = Clock()
        self.clock.watch(self.tokens.ends, self.revoke_token)
        self.clock.watch(self.leases.ends, lambda lease: self.leases.revoke([lease]))
        self.mounts: dict[str, Mount] = {}

    def mount(
        self, path: str, backend: Backend, description: str = "", options: Mapping[str, str] | None = None
    ) -> None:
        """Refused (400) where something is mounted already."""
        path = path.strip("/") + "/"
        if any(path.startswith(used) or used.startswith(path) for used in self.mounts):
            raise Refused(400, f"path is already in use at {path}")
        self.mounts = {**self.mounts, path: Mount(path, backend, description, options or {})}

    def unmount(self, path: str) -> None:
        """Its tokens and leases end first."""
        path = path.strip("/") + "/"
        for token in self.tokens.made_by(path):
            self.revoke_token(token.id)
        self.leases.revoke(self.leases.below(path))
        found = self.mounts.get(path)
        self.mounts = {name: mount for name, mount in self.mounts.items() if name != path}
        if found is not None:
            found.backend.close()

    def revoke_token(self, identifier: str) -> None:
        """The token, its children, and all that was leased to them."""
        self.leases.revoke(self.leases.of_tokens(self.tokens.remove(identifier)))

    def answer(
        self, operation: Operation, path: str, query: Mapping[str, str], body: Mapping[str, Any], token: str
    ) -> Answer:
        """The answer to one call; Refused."""
        mount = self._mount_of(path)
        below = path.removeprefix(mount.path) if mount else ""
        is_open = mount is not None and below in mount.backend.open_paths
        if self.sealed and not (is_open and path.startswith("sys/")):
            raise Refused(503, UNSEALED_ONLY)
        caller = None if is_open else self._admitted(token, operation, path)
        if mount is None:
            raise Refused(404, f'no handler for route "{path}". route entry not found.')
        return mount.backend.routes.answer(Request(operation, below, body, query, caller))

    def _mount_of(self, path: str) -> Mount | None:
        return next((mount for prefix, mount in self.mounts.items() if path.startswith(prefix)), None)

    def _admitted(self, identifier: str, operation: Operation, path: str) -> Token:
        if not identifier:
            raise denied()
        token = self.tokens.find(identifier)
        if ROOT in token.policies:
            return token
        known = [self.policies[name] for name in token.policies if name in self.policies]
        if not allows(known, path, CAPABILITIES[operation]):
            raise not_allowed()
        return token
