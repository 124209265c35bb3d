"""Who calls, and what may they do: asked for each call, before anything is looked up.

The identity comes from the peer's certificate. Only where the settings allow it a plaintext peer on loopback is
"development", and one behind a service mesh the caller that they name. No metadata of a request can claim an identity.
"""

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from directflow_runtime.calls import ALL_WORKSPACES, current_call, note
from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode
from directflow_runtime.logging import get_logger
from directflow_runtime.loopback import is_loopback
from directflow_runtime.settings import DEVELOPMENT, CallerSettings, IdentitySettings, SettingsError
from directflow_runtime.surface import DEVELOPER, Surface
from directflow_runtime.validity import ends_at

__all__ = ["DEVELOPMENT", "Admission", "IdentityPolicy", "is_loopback", "require_may_define", "require_workspace"]

AuthContext = Mapping[str, Iterable[bytes]]

MAX_LOGGED_NAME: Final = 256
MAX_PEERS: Final = 1024

MAX_NAMES_LOGGED: Final = 8

_SECURE: Final = frozenset({b"ssl", b"tls"})
_SPIFFE: Final = "spiffe://"
_CERTIFICATE: Final = "x509_pem_cert"
_EVERYTHING = CallerSettings(name=DEVELOPMENT, services=("",), workspaces=(ALL_WORKSPACES,), may_define=True)


@dataclass(frozen=True, slots=True)
class Admission:
    """What the policy grants to one call."""

    identity: str
    workspaces: frozenset[str]
    may_define: bool


@dataclass(frozen=True, slots=True)
class _Caller:
    """The settings of a caller, as each call asks for them."""

    services: tuple[str, ...]
    methods: frozenset[str] | None
    """None: all that begin with one of `services`."""
    admission: Admission

    @classmethod
    def of(cls, settings: CallerSettings, surface: Surface | None) -> Self:
        may_define = settings.role == DEVELOPER if settings.may_define is None else settings.may_define
        if settings.role not in ("", DEVELOPER) and may_define:
            raise SettingsError(f"identity.callers: {settings.name} may not define: its role is {settings.role}")
        # "development" without a role is everybody at once: it has no row in any table.
        whole = surface is None or (settings.name == DEVELOPMENT and not settings.role)
        methods = None if whole or surface is None else surface.methods_of(settings)
        return cls(settings.services, methods, Admission(settings.name, frozenset(settings.workspaces), may_define))

    def may_call(self, method: str) -> bool:
        return method.startswith(self.services) if self.methods is None else method in self.methods


class IdentityPolicy:
    """The settings' callers, by the names in their certificates.

    A URI counts before a DNS name, and a certificate that names two callers, or has two SPIFFE ids, proves nothing.
    The common name and e-mail addresses are no names: who asks for a certificate may write there what he likes.
    """

    def __init__(self, settings: IdentitySettings, surface: Surface | None = None) -> None:
        """`surface` is the service's; without one `services` alone says who may call what. Raises SettingsError."""
        named = {caller.name: _Caller.of(caller, surface) for caller in settings.callers}
        by_peer = {peer: named[caller.name] for caller in settings.callers for peer in caller.peers}
        self._by_uri = {peer: caller for peer, caller in by_peer.items() if ":" in peer}
        self._by_dns = {peer.lower(): caller for peer, caller in by_peer.items() if ":" not in peer}
        everything = _Caller.of(_EVERYTHING, surface)
        self._development = named.get(DEVELOPMENT, everything) if settings.allow_development else None
        self._plaintext = named.get(settings.plaintext_peers_are)
        # What a connection's address means does not change: gRPC tells it, no request can. Bounded by its size.
        self._is_loopback = lru_cache(MAX_PEERS)(is_loopback)
        self._ends_at = lru_cache(MAX_PEERS)(_ends_at)
        self._log = get_logger(__name__)

    def admit(self, method: str, peer: str, auth_context: AuthContext) -> Admission:
        """Says as whom this peer may call `method` ("package.Service/Method").

        Raises UNAUTHENTICATED (IDENTITY_UNKNOWN) for a peer that is nobody, and PERMISSION_DENIED
        (IDENTITY_NOT_ALLOWED) where it may not call this method.
        """
        caller = self._known(peer, auth_context)
        if not caller.may_call(method):
            raise _not_allowed(f"{caller.admission.identity} may not call {method}")
        return caller.admission

    def identify(self, peer: str, auth_context: AuthContext) -> Admission:
        """As `admit`, for what everybody may call who is somebody."""
        return self._known(peer, auth_context).admission

    def _known(self, peer: str, auth_context: AuthContext) -> _Caller:
        caller = self._caller(peer, auth_context)
        if caller is None:
            # For whoever wonders which line the settings lack; the caller is told nothing about them.
            told = (*_names(auth_context, "peer_uri"), *_names(auth_context, "peer_dns"))[:MAX_NAMES_LOGGED]
            self._log.warning("a peer has no identity", peer=peer, names=[name[:MAX_LOGGED_NAME] for name in told])
            raise DirectFlowError(StatusCode.UNAUTHENTICATED, "IDENTITY_UNKNOWN", "the peer has no identity here")
        return caller

    def _caller(self, peer: str, auth_context: AuthContext) -> _Caller | None:
        if _SECURE.isdisjoint(auth_context.get("transport_security_type", ())):
            return self._development if self._development and self._is_loopback(peer) else self._plaintext
        # A handshake looks at this once, and a resumed session never: neither may outlive the certificate.
        if any(self._ends_at(certificate) <= time.time() for certificate in auth_context.get(_CERTIFICATE, ())):
            return None
        uris = _names(auth_context, "peer_uri")
        if sum(uri.startswith(_SPIFFE) for uri in uris) > 1:
            return None
        found = {id(one): one for uri in uris if (one := self._by_uri.get(uri))}
        if not found:
            dns = _names(auth_context, "peer_dns")
            found = {id(one): one for name in dns if (one := self._by_dns.get(name.lower()))}
        return next(iter(found.values())) if len(found) == 1 else None


def _ends_at(certificate: bytes) -> float:
    """What cannot be read has ended."""
    try:
        return ends_at(certificate)
    except ValueError:
        return -math.inf


def _names(auth_context: AuthContext, kind: str) -> list[str]:
    """Of one kind: in `x509_subject_alternative_name` an e-mail address could pass for a SPIFFE id."""
    return [name.decode(errors="replace") for name in auth_context.get(kind, ())]


def require_workspace(name: str, field: str = "name") -> str:
    """The id of the workspace in a resource name, when the caller may use it; servicers call this before any look-up.

    `name` is "workspaces/acme", or anything under it; `field` says where the request has it. The call's log line then
    names the resource. Raises INVALID_ARGUMENT for what is no such name, and PERMISSION_DENIED (IDENTITY_NOT_ALLOWED)
    whether or not the workspace exists.
    """
    parts = name.split("/")
    if len(parts) < 2 or parts[0] != "workspaces" or not parts[1]:
        violation = FieldViolation(field, "a resource name under workspaces/{workspace} is needed", "RESOURCE_NAME")
        raise DirectFlowError(
            StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", f"{field} is no resource name", violations=[violation]
        )
    call = current_call()
    if not call.may_use(parts[1]):
        raise _not_allowed(f"{call.identity} may not use this workspace")
    note(resource=name[:MAX_LOGGED_NAME])
    return parts[1]


def require_may_define(what: str) -> None:
    """Refuses callers that may not define; `what` completes "only identities that may define may ..."."""
    if not current_call().may_define:
        raise _not_allowed(f"only identities that may define may {what}")


def _not_allowed(message: str) -> DirectFlowError:
    return DirectFlowError(StatusCode.PERMISSION_DENIED, "IDENTITY_NOT_ALLOWED", message)
