"""auth/approle/: a role id and a secret id, as a machine has them."""

import hmac
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from directflow_cli.dev.vault.core import Backend, Core
from directflow_cli.dev.vault.fields import seconds, text
from directflow_cli.dev.vault.logins import grant, log_in
from directflow_cli.dev.vault.refusal import Refused
from directflow_cli.dev.vault.routes import Answer, Request

MOST_SECRET_IDS = 1000
NO_SECRET = "invalid secret id"  # noqa: S105
"""With status 500 in this version of Vault, 400 in others."""


@dataclass(slots=True)
class Role:
    """A role and its secret ids, each with its end (Unix time)."""

    settings: Mapping[str, Any] = field(repr=False)
    role_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    secret_ids: dict[str, float] = field(default_factory=dict, repr=False)


class AppRole(Backend):
    kind = "approle"
    open_paths = frozenset({"login"})

    def __init__(self, core: Core, path: str, _: Mapping[str, str]) -> None:
        super().__init__()
        self._core = core
        self._path = path
        self._roles: dict[str, Role] = {}
        self.routes.add("login", write=self._login)
        self.routes.add("role/{name}", read=self._read, write=self._write, delete=self._delete)
        self.routes.add("role/{name}/role-id", read=self._role_id, write=self._set_role_id)
        self.routes.add("role/{name}/secret-id", write=self._secret_id)
        self.routes.add("role/{name}/secret-id/destroy", write=self._destroy)

    def _write(self, request: Request, name: str) -> None:
        known = self._roles.get(name)
        if known is None:
            self._roles[name] = Role(request.body)
        else:
            known.settings = {**known.settings, **request.body}

    def _read(self, _: Request, name: str) -> Answer:
        return Answer(dict(self._role(name).settings))

    def _delete(self, _: Request, name: str) -> None:
        self._roles.pop(name, None)

    def _role_id(self, _: Request, name: str) -> Answer:
        return Answer({"role_id": self._role(name).role_id})

    def _set_role_id(self, request: Request, name: str) -> None:
        self._role(name).role_id = text(request.body, "role_id")

    def _secret_id(self, request: Request, name: str) -> Answer:
        role = self._role(name)
        if len(role.secret_ids) >= MOST_SECRET_IDS:
            raise Refused(429, f"this stand-in holds at most {MOST_SECRET_IDS} secret ids of a role")
        lives_s = seconds(request.body, "ttl") or seconds(role.settings, "secret_id_ttl")
        made = str(uuid.uuid4())
        role.secret_ids[made] = time.time() + lives_s if lives_s else float("inf")
        accessor = {"secret_id_accessor": str(uuid.uuid4()), "secret_id_num_uses": 0, "secret_id_ttl": int(lives_s)}
        return Answer({"secret_id": made, **accessor})

    def _destroy(self, request: Request, name: str) -> None:
        self._role(name).secret_ids.pop(text(request.body, "secret_id"), None)

    def _login(self, request: Request) -> Answer:
        role_id, secret_id = text(request.body, "role_id"), text(request.body, "secret_id")
        if not role_id:
            raise Refused(500, "failed to determine alias name from login request")
        for name, role in list(self._roles.items()):
            if hmac.compare_digest(role.role_id, role_id):
                if not secret_id:
                    raise Refused(400, "missing secret_id")
                if role.secret_ids.get(secret_id, 0.0) <= time.time():
                    raise Refused(500, NO_SECRET)
                return log_in(self._core, grant(role.settings, f"{self._path}login", "approle", {"role_name": name}))
        raise Refused(400, "invalid role ID")

    def _role(self, name: str) -> Role:
        if name not in self._roles:
            raise Refused(404)
        return self._roles[name]
