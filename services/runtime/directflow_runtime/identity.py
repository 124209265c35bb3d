"""Who calls, and what may they do: asked for each call, before anything is looked up.

The identity comes from the peer's certificate. Only where the settings allow it a plaintext peer on loopback is
"development". No metadata of a request can claim an identity.
"""

import ipaddress
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from directflow_runtime.calls import ALL_WORKSPACES, current_call, note
from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode
from directflow_runtime.settings import CallerSettings, IdentitySettings

DEVELOPMENT: Final = "development"
MAX_LOGGED_NAME: Final = 256
MAX_PEERS: Final = 1024

_SECURE: Final = frozenset({b"ssl", b"tls"})
_NAMES_OF_PEER: Final = ("peer_spiffe_id", "peer_uri", "peer_dns", "x509_subject_alternative_name")
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
    admission: Admission

    @classmethod
    def of(cls, settings: CallerSettings) -> Self:
        return cls(settings.services, Admission(settings.name, frozenset(settings.workspaces), settings.may_define))


class IdentityPolicy:
    """The settings' callers, by the names in their certificates."""

    def __init__(self, settings: IdentitySettings) -> None:
        named = {caller.name: _Caller.of(caller) for caller in settings.callers}
        self._by_peer = {peer: _Caller.of(caller) for caller in settings.callers for peer in caller.peers}
        self._development = named.get(DEVELOPMENT, _Caller.of(_EVERYTHING)) if settings.allow_development else None
        # What a connection's address means does not change: gRPC tells it, no request can. Bounded by its size.
        self._is_loopback = lru_cache(MAX_PEERS)(is_loopback)

    def admit(self, method: str, peer: str, auth_context: Mapping[str, Iterable[bytes]]) -> Admission:
        """Says as whom this peer may call `method` ("package.Service/Method").

        Raises UNAUTHENTICATED (IDENTITY_UNKNOWN) for a peer that is nobody, and PERMISSION_DENIED
        (IDENTITY_NOT_ALLOWED) where it may not call this method.
        """
        caller = self._caller(peer, auth_context)
        if caller is None:
            raise DirectFlowError(StatusCode.UNAUTHENTICATED, "IDENTITY_UNKNOWN", "the peer has no identity here")
        if not method.startswith(caller.services):
            raise _not_allowed(f"{caller.admission.identity} may not call {method}")
        return caller.admission

    def _caller(self, peer: str, auth_context: Mapping[str, Iterable[bytes]]) -> "_Caller | None":
        if _SECURE.isdisjoint(auth_context.get("transport_security_type", ())):
            return self._development if self._is_loopback(peer) else None
        for key in _NAMES_OF_PEER:
            for name in auth_context.get(key, ()):
                caller = self._by_peer.get(name.decode(errors="replace"))
                if caller is not None:
                    return caller
        return None


def is_loopback(peer: str) -> bool:
    """True for "ipv4:127.0.0.1:4711", "ipv6:%5B::1%5D:4711" and Unix sockets; peers as gRPC names them."""
    kind, _, address = urllib.parse.unquote(peer).partition(":")
    if kind == "unix":
        return True
    host = address.rpartition(":")[0].strip("[]")
    try:
        return kind in ("ipv4", "ipv6") and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
