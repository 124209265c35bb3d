"""auth/jwt/: logins with a JWT that a known key signed."""

from collections.abc import Mapping
from typing import Any

from directflow_cli.dev.vault.core import Core
from directflow_cli.dev.vault.fields import text, texts
from directflow_cli.dev.vault.logins import RoleLogin, grant, log_in
from directflow_cli.dev.vault.refusal import Refused
from directflow_cli.dev.vault.routes import Answer, Request
from directflow_cli.dev.vault.rs256 import BadToken, PublicKey, untimely, verified


class JwtLogin(RoleLogin):
    kind = "jwt"

    def __init__(self, core: Core, path: str, options: Mapping[str, str]) -> None:
        super().__init__(core, path, options)
        self._keys: tuple[PublicKey, ...] = ()
        self._issuer = ""

    def _configure(self, request: Request) -> None:
        try:
            self._keys = tuple(PublicKey.from_pem(pem) for pem in request.body.get("jwt_validation_pubkeys", ()))
        except ValueError:
            raise Refused(400, "error parsing public key: a stand-in takes RSA keys in PEM") from None
        self._issuer = text(request.body, "bound_issuer")

    def _check_role(self, role: Mapping[str, Any]) -> None:
        if not text(role, "user_claim"):
            raise Refused(400, "a user claim must be defined on the role")
        if not texts(role, "bound_audiences") and not text(role, "bound_subject"):
            raise Refused(400, "must have at least one bound constraint when creating/updating a role")

    def _login(self, request: Request) -> Answer:
        name, token = text(request.body, "role"), text(request.body, "jwt")
        if not token:
            raise Refused(400, "missing token")
        if name not in self._roles:
            raise Refused(400, f'role "{name}" could not be found')
        role = self._roles[name]
        claims = self._verified(token, role)
        user = str(claims.get(text(role, "user_claim"), ""))
        return log_in(self._core, grant(role, f"{self._path}login", f"{self._path[5:-1]}-{user}", {"role": name}))

    def _verified(self, token: str, role: Mapping[str, Any]) -> dict[str, Any]:
        try:
            claims = verified(token, self._keys)
        except BadToken as problem:
            raise _invalid(f"error verifying token signature: {problem}") from None
        if complaint := untimely(claims):
            raise _invalid(complaint)
        if self._issuer and claims.get("iss") != self._issuer:
            raise _invalid("invalid issuer (iss) claim")
        _check_bounds(claims, role)
        return claims


def _check_bounds(claims: Mapping[str, Any], role: Mapping[str, Any]) -> None:
    audiences, bound = claims.get("aud", ()), texts(role, "bound_audiences")
    if not set((audiences,) if isinstance(audiences, str) else audiences) & set(bound):
        raise _invalid("invalid audience (aud) claim: audience claim does not match any expected audience")
    subject = text(role, "bound_subject")
    if subject and claims.get("sub") != subject:
        raise _invalid("invalid subject (sub) claim")


def _invalid(why: str) -> Refused:
    return Refused(400, f"error validating token: {why}")
