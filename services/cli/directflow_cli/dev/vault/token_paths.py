"""auth/token/: tokens made by tokens, looked at, renewed, revoked."""

from typing import Any

from directflow_cli.dev.vault.core import Backend, Core
from directflow_cli.dev.vault.fields import flag, seconds, text, texts
from directflow_cli.dev.vault.lifetimes import Lifetime, remaining, timestamp, whole
from directflow_cli.dev.vault.logins import described, policies_of
from directflow_cli.dev.vault.policies import DEFAULT, ROOT
from directflow_cli.dev.vault.refusal import Refused
from directflow_cli.dev.vault.routes import Answer, Request
from directflow_cli.dev.vault.tokens import BATCH, SERVICE, Grant, Token


class TokenPaths(Backend):
    """The method that is always there."""

    kind = "token"

    def __init__(self, core: Core) -> None:
        super().__init__()
        self._core = core
        self.routes.add("create", write=self._create)
        self.routes.add("lookup-self", read=self._lookup_self)
        self.routes.add("lookup", write=self._lookup)
        self.routes.add("renew-self", write=self._renew_self)
        self.routes.add("renew", write=self._renew)
        self.routes.add("revoke-self", write=self._revoke_self)
        self.routes.add("revoke", write=self._revoke)

    def _create(self, request: Request) -> Answer:
        body, caller = request.body, request.caller
        if caller.kind == BATCH:
            raise Refused(400, "batch tokens cannot create more tokens")
        kind = BATCH if text(body, "type") == BATCH else SERVICE
        lifetime = Lifetime(
            seconds(body, "ttl"), 0, seconds(body, "period"), seconds(body, "explicit_max_ttl")
        )  # fmt: skip
        name = f"token-{text(body, 'display_name')}".removesuffix("-")
        policies = _policies(request)
        if kind == BATCH and ROOT in policies:
            raise Refused(400, "batch tokens cannot be root tokens")
        asked = Grant("auth/token/create", name, policies, lifetime, kind, flag(body, "renewable", True))
        orphan = flag(body, "no_parent") and caller.is_root
        token, warnings = self._core.tokens.create(asked, None if orphan else caller)
        return Answer(auth=described(token), warnings=warnings)

    def _lookup_self(self, request: Request) -> Answer:
        return Answer(_looked_up(request.caller))

    def _lookup(self, request: Request) -> Answer:
        return Answer(_looked_up(self._core.tokens.find(text(request.body, "token"))))

    def _renew_self(self, request: Request) -> Answer:
        return self._renewed(request.caller, request)

    def _renew(self, request: Request) -> Answer:
        return self._renewed(self._core.tokens.find(text(request.body, "token")), request)

    def _renewed(self, token: Token, request: Request) -> Answer:
        if token.kind == BATCH:
            raise Refused(400, "batch tokens cannot be renewed")
        ttl_s, warnings = self._core.tokens.renew(token, seconds(request.body, "increment"))
        return Answer(auth=described(token, ttl_s), warnings=warnings)

    def _revoke_self(self, request: Request) -> None:
        self._end(request.caller)

    def _revoke(self, request: Request) -> None:
        self._end(self._core.tokens.find(text(request.body, "token")))

    def _end(self, token: Token) -> None:
        if token.kind == BATCH:
            raise Refused(400, "batch tokens cannot be revoked")
        self._core.revoke_token(token.id)


def _policies(request: Request) -> tuple[str, ...]:
    """Those that were asked for, else the parent's; only root gives what it has not itself."""
    asked, own = texts(request.body, "policies"), request.caller.policies
    if not request.caller.is_root and not set(asked) <= {*own, DEFAULT}:
        raise Refused(400, "child policies must be subset of parent")
    if not asked:
        return own
    return (ROOT,) if ROOT in asked else policies_of(request.body, "policies")


def _looked_up(token: Token) -> dict[str, Any]:
    """The root token has no word about renewals."""
    renewals = {} if token.expires_at is None else {"renewable": token.renewable}
    return {
        **renewals,
        "accessor": token.accessor,
        "creation_time": int(token.created_at),
        "creation_ttl": whole(token.expires_at - token.created_at) if token.expires_at else 0,
        "display_name": token.display_name,
        "entity_id": token.entity,
        "expire_time": None if token.expires_at is None else timestamp(token.expires_at),
        "issue_time": timestamp(token.created_at),
        "explicit_max_ttl": whole(token.lifetime.explicit_max_ttl_s),
        "id": token.id,
        "meta": dict(token.meta) or None,
        "num_uses": 0,
        "orphan": token.parent is None,
        "path": token.path,
        "policies": list(token.policies),
        "ttl": remaining(token.expires_at),
        "type": token.kind,
    }
