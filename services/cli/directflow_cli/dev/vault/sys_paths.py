"""sys/: health and seal, mounts, policies, leases."""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from directflow_cli.dev.vault.core import Backend, Core
from directflow_cli.dev.vault.fields import seconds, text
from directflow_cli.dev.vault.leases import Lease
from directflow_cli.dev.vault.lifetimes import SYSTEM_TTL_S, remaining, timestamp, whole
from directflow_cli.dev.vault.policies import DEFAULT, ROOT, parse
from directflow_cli.dev.vault.refusal import Refused
from directflow_cli.dev.vault.routes import Answer, Request

VERSION = "1.13.2"
"""The server that its answers were compared with."""
Factory = Callable[[Core, str, Mapping[str, str]], Backend]


class SystemPaths(Backend):
    """Bound to one core. Only root gets further than policies allow: there is no `sudo` here."""

    kind = "system"
    open_paths = frozenset({"health", "seal-status", "unseal"})

    def __init__(self, core: Core, unseal_key: str, secret_kinds: Mapping[str, Factory], logins: Mapping[str, Factory]):
        super().__init__()
        self._core = core
        self._unseal_key = unseal_key
        self._add_seal()
        self._add_mounts("mounts", "", secret_kinds)
        self._add_mounts("auth", "auth/", logins)
        self._add_policies()
        self._add_leases()

    # --- seal ----------------------------------------------------------------------------------------------------

    def _add_seal(self) -> None:
        self.routes.add("health", read=self._health)
        self.routes.add("seal-status", read=self._seal_status)
        self.routes.add("seal", write=self._seal)
        self.routes.add("unseal", write=self._unseal)

    def _health(self, _: Request) -> Answer:
        state = {
            "initialized": True,
            "sealed": self._core.sealed,
            "standby": self._core.sealed,
            "performance_standby": False,
            "replication_performance_mode": "unknown" if self._core.sealed else "disabled",
            "replication_dr_mode": "unknown" if self._core.sealed else "disabled",
            "server_time_utc": int(time.time()),
            "version": VERSION,
        }
        return Answer(state, status=503 if self._core.sealed else 200, bare=True)

    def _seal_status(self, _: Request | None = None) -> Answer:
        state = {"type": "shamir", "initialized": True, "sealed": self._core.sealed, "t": 1, "n": 1, "progress": 0}
        more = {"migration": False, "recovery_seal": False, "storage_type": "inmem", "build_date": ""}
        return Answer({**state, **more, "nonce": "", "version": VERSION}, bare=True)

    def _seal(self, _: Request) -> None:
        self._core.sealed = True
        self._core.clock.pause()

    def _unseal(self, request: Request) -> Answer:
        if not secrets.compare_digest(text(request.body, "key"), self._unseal_key):
            raise Refused(400, "Unseal failed, invalid key")
        self._core.sealed = False
        self._core.clock.start()
        return self._seal_status()

    # --- mounts --------------------------------------------------------------------------------------------------

    def _add_mounts(self, name: str, prefix: str, kinds: Mapping[str, Factory]) -> None:
        def described(_: Request) -> Answer:
            mounts = {
                path.removeprefix(prefix): _described(mount.backend.kind, mount.description, mount.options)
                for path, mount in self._core.mounts.items()
                if path.startswith("auth/") == bool(prefix)
            }
            return Answer(mounts)

        def enable(request: Request, path: str) -> None:
            kind = text(request.body, "type")
            if kind not in kinds:
                raise Refused(400, f'plugin not found in the catalog: "{kind}" (a stand-in: it has {", ".join(kinds)})')
            options = request.body.get("options") or {}
            backend = kinds[kind](self._core, f"{prefix}{path.strip('/')}/", options)
            self._core.mount(prefix + path, backend, text(request.body, "description"), options)

        def disable(_: Request, path: str) -> None:
            self._core.unmount(prefix + path)

        self.routes.add(name, read=described)
        self.routes.add(f"{name}/{{path+}}", write=enable, delete=disable)

    # --- policies ------------------------------------------------------------------------------------------------

    def _add_policies(self) -> None:
        for path in ("policies/acl", "policy"):
            self.routes.add(path, read=self._policies, list=self._policies)
            self.routes.add(path + "/{name}", read=self._policy, write=self._write_policy, delete=self._drop_policy)

    def _policies(self, _: Request) -> Answer:
        return Answer({"keys": [*sorted(self._core.policies), ROOT]})

    def _policy(self, _: Request, name: str) -> Answer:
        if name not in self._core.policies:
            raise Refused(404)
        return Answer({"name": name, "policy": self._core.policies[name].text})

    def _write_policy(self, request: Request, name: str) -> None:
        if name == ROOT:
            raise Refused(400, 'cannot update "root" policy')
        self._core.policies = {**self._core.policies, name: parse(text(request.body, "policy"))}

    def _drop_policy(self, _: Request, name: str) -> None:
        if name in (ROOT, DEFAULT):
            raise Refused(400, f'cannot delete "{name}" policy')
        self._core.policies = {kept: policy for kept, policy in self._core.policies.items() if kept != name}

    # --- leases --------------------------------------------------------------------------------------------------

    def _add_leases(self) -> None:
        for path in ("leases/renew", "renew"):
            self.routes.add(path, write=self._renew)
        for path in ("leases/revoke", "revoke"):
            self.routes.add(path, write=self._revoke)
        self.routes.add("leases/lookup", write=self._lookup)
        self.routes.add("leases/revoke-prefix/{prefix+}", write=self._revoke_prefix)
        self.routes.add("leases/revoke-force/{prefix+}", write=self._revoke_force)

    def _renew(self, request: Request) -> Answer:
        lease, ttl_s, warnings = self._core.leases.renew(_lease_id(request), seconds(request.body, "increment"))
        return Answer(lease_id=lease.id, lease_duration_s=ttl_s, renewable=True, warnings=warnings)

    def _lookup(self, request: Request) -> Answer:
        return Answer(_looked_up(self._core.leases.find(_lease_id(request), "invalid lease")))

    def _revoke(self, request: Request) -> None:
        self._core.leases.revoke([_lease_id(request)])

    def _revoke_prefix(self, request: Request, prefix: str) -> None:
        ended = self._core.leases.revoke(self._core.leases.below(prefix))
        if not ended and request.body.get("sync"):
            raise Refused(400, "failed to revoke a lease: its database did not take it")

    def _revoke_force(self, _: Request, prefix: str) -> None:
        self._core.leases.forget(prefix)


def _lease_id(request: Request) -> str:
    found = text(request.body, "lease_id")
    if not found:
        raise Refused(400, "lease_id must be specified")
    return found


def _looked_up(lease: Lease) -> dict[str, Any]:
    return {
        "id": lease.id,
        "issue_time": timestamp(lease.issued_at),
        "expire_time": timestamp(lease.expires_at),
        "last_renewal": timestamp(lease.renewed_at) if lease.renewed_at else None,
        "renewable": True,
        "ttl": remaining(lease.expires_at),
    }


def _described(kind: str, description: str, options: Mapping[str, str]) -> dict[str, Any]:
    config = {"default_lease_ttl": 0, "max_lease_ttl": 0, "system_max_lease_ttl": whole(SYSTEM_TTL_S)}
    return {"type": kind, "description": description, "options": dict(options) or None, "config": config}
