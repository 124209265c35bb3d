"""auth/kubernetes/: logins with a service account token, which a Kubernetes API server reviews."""

import http.client
import json
import ssl
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from directflow_cli.dev.vault.core import Core
from directflow_cli.dev.vault.fields import flag, text, texts
from directflow_cli.dev.vault.logins import RoleLogin, grant, log_in
from directflow_cli.dev.vault.refusal import Refused, denied
from directflow_cli.dev.vault.routes import Answer, Request
from directflow_cli.dev.vault.rs256 import BadToken, claims, untimely

REVIEW_S = 10.0
REVIEW_BYTES = 1_000_000
REVIEW_PATH = "/apis/authentication.k8s.io/v1/tokenreviews"
ANYBODY = "*"


class KubernetesLogin(RoleLogin):
    kind = "kubernetes"

    def __init__(self, core: Core, path: str, options: Mapping[str, str]) -> None:
        super().__init__(core, path, options)
        self._config: Mapping[str, Any] = {}

    def _configure(self, request: Request) -> None:
        if not text(request.body, "kubernetes_host"):
            raise Refused(400, "no host provided")
        if flag(request.body, "disable_local_ca_jwt") and not text(request.body, "kubernetes_ca_cert"):
            raise Refused(400, "kubernetes_ca_cert must be given when disable_local_ca_jwt is true")
        self._config = request.body

    def _check_role(self, role: Mapping[str, Any]) -> None:
        for field in ("bound_service_account_names", "bound_service_account_namespaces"):
            if not texts(role, field):
                raise Refused(400, f'"{field}" can not be empty')

    def _login(self, request: Request) -> Answer:
        name, token = text(request.body, "role"), text(request.body, "jwt")
        if not name:
            raise Refused(400, "missing role")
        if not token:
            raise Refused(400, "missing jwt")
        if name not in self._roles:
            raise Refused(400, f'invalid role name "{name}"')
        role = self._roles[name]
        namespace, account = _claimed(token, role)
        self._confirm(token, text(role, "audience"), f"system:serviceaccount:{namespace}:{account}")
        meta = {"role": name, "service_account_name": account, "service_account_namespace": namespace}
        return log_in(self._core, grant(role, f"{self._path}login", f"kubernetes-{namespace}-{account}", meta))

    def _confirm(self, token: str, audience: str, user: str) -> None:
        """Refused (403, as the real one: it says no more) unless the API server knows the token, and as this user's."""
        status = self._review({"token": token, **({"audiences": [audience]} if audience else {})})
        known = status.get("user", {}).get("username")
        if not status.get("authenticated") or known != user:
            raise denied()
        if audience and audience not in status.get("audiences", ()):
            raise denied()

    def _review(self, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        place = urlsplit(text(self._config, "kubernetes_host"))
        reviewer = text(self._config, "token_reviewer_jwt") or spec["token"]
        asked = {"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "spec": spec}
        connection = self._connection(place.scheme, place.hostname or "", place.port)
        try:
            headers = {"Authorization": f"Bearer {reviewer}", "Content-Type": "application/json"}
            connection.request("POST", REVIEW_PATH, json.dumps(asked), headers)
            answer = connection.getresponse()
            found = json.loads(answer.read(REVIEW_BYTES)) if answer.status in (200, 201) else {}
        except (OSError, ValueError, http.client.HTTPException):
            raise Refused(500, "the TokenReview could not be made") from None
        finally:
            connection.close()
        return found.get("status") or {}

    def _connection(self, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        if scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=REVIEW_S)
        authority = text(self._config, "kubernetes_ca_cert") or None
        context = ssl.create_default_context(cadata=authority)
        return http.client.HTTPSConnection(host, port, timeout=REVIEW_S, context=context)


def _claimed(token: str, role: Mapping[str, Any]) -> tuple[str, str]:
    """Namespace and service account that the token claims for itself, allowed by the role; Refused (403)."""
    try:
        found = claims(token)
    except BadToken:
        raise denied() from None
    audience = text(role, "audience")
    if audience and audience not in found.get("aud", ()):
        raise Refused(403, "invalid audience (aud) claim: audience claim does not match any expected audience")
    if complaint := untimely(found):
        raise Refused(403, complaint)
    parts = str(found.get("sub", "")).split(":")
    if len(parts) != 4:
        raise denied()
    if not _bound(parts[2], texts(role, "bound_service_account_namespaces")):
        raise Refused(403, "namespace not authorized")
    if not _bound(parts[3], texts(role, "bound_service_account_names")):
        raise Refused(403, "service account name not authorized")
    return parts[2], parts[3]


def _bound(name: str, allowed: Sequence[str]) -> bool:
    return name in allowed or ANYBODY in allowed
