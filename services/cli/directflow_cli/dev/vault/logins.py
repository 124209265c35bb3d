"""What login methods share: roles by name, their token settings, and the answer to a login."""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from directflow_cli.dev.vault.core import Backend, Core
from directflow_cli.dev.vault.fields import flag, seconds, text, texts
from directflow_cli.dev.vault.lifetimes import Lifetime, whole
from directflow_cli.dev.vault.policies import DEFAULT
from directflow_cli.dev.vault.refusal import Refused
from directflow_cli.dev.vault.routes import Answer, Request
from directflow_cli.dev.vault.tokens import BATCH, SERVICE, Grant, Token


class RoleLogin(Backend, ABC):
    """A login method whose roles are kept as they were written."""

    open_paths = frozenset({"login"})

    def __init__(self, core: Core, path: str, _: Mapping[str, str]) -> None:
        super().__init__()
        self._core = core
        self._path = path
        self._roles: dict[str, Mapping[str, Any]] = {}
        self.routes.add("login", write=self._login)
        self.routes.add("config", write=self._configure)
        self.routes.add("role/{name}", read=self._read, write=self._write, delete=self._delete)

    @abstractmethod
    def _login(self, request: Request) -> Answer: ...

    @abstractmethod
    def _configure(self, request: Request) -> None: ...

    @abstractmethod
    def _check_role(self, role: Mapping[str, Any]) -> None:
        """Refused (400) for one that cannot be kept."""

    def _write(self, request: Request, name: str) -> None:
        self._check_role(request.body)
        self._roles[name] = request.body

    def _read(self, _: Request, name: str) -> Answer:
        if name not in self._roles:
            raise Refused(404)
        return Answer(dict(self._roles[name]))

    def _delete(self, _: Request, name: str) -> None:
        self._roles.pop(name, None)


def grant(body: Mapping[str, Any], path: str, display_name: str, meta: Mapping[str, str]) -> Grant:
    """A token as the `token_...` fields of a role want it."""
    lifetime = Lifetime(
        seconds(body, "token_ttl", "ttl"),
        seconds(body, "token_max_ttl", "max_ttl"),
        seconds(body, "token_period", "period"),
        seconds(body, "token_explicit_max_ttl"),
    )
    kind = BATCH if text(body, "token_type") == BATCH else SERVICE
    granted, entity = policies_of(body, "token_policies", "policies"), str(uuid.uuid4())
    return Grant(path, display_name, granted, lifetime, kind, meta=meta, entity=entity)


def policies_of(body: Mapping[str, Any], *names: str) -> tuple[str, ...]:
    """With `default`, unless it is not wanted."""
    without = flag(body, "token_no_default_policy") or flag(body, "no_default_policy")
    return tuple(sorted({*texts(body, *names), *(() if without else (DEFAULT,))}))


def log_in(core: Core, asked: Grant) -> Answer:
    """A new token, and what is said about it."""
    token, warnings = core.tokens.create(asked)
    return Answer(auth=described(token), warnings=warnings)


def described(token: Token, ttl_s: float | None = None) -> dict[str, Any]:
    """The `auth` part of an answer."""
    lives_s = token.expires_at - token.created_at if token.expires_at and ttl_s is None else ttl_s or 0
    return {
        "client_token": token.id,
        "accessor": token.accessor if token.kind == SERVICE else "",
        "policies": list(token.policies),
        "token_policies": list(token.policies),
        "metadata": dict(token.meta) or None,
        "lease_duration": whole(lives_s),
        "renewable": token.renewable,
        "entity_id": token.entity,
        "token_type": token.kind,
        "orphan": token.parent is None,
        "mfa_requirement": None,
        "num_uses": 0,
    }
