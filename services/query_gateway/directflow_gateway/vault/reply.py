"""What an HTTP answer means: Vault's reply, or what is wrong with it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from directflow_runtime.secrets import Secret

from directflow_gateway.vault.failures import FailureKind, VaultFailure

LARGEST = 1024 * 1024
"""Bytes of one answer. Vault's own limit for a request is far above what a credential is."""
WRONG_SECRET_ID = "invalid secret id"  # noqa: S105
"""What AppRole says with status 500 in some versions of Vault (1.13 built with sdk 0.9): no outage, and not to be tried
again and again, for Vault locks out who is wrong too often."""
GREATEST_TTL_S = 100 * 365 * 86_400.0

Document = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Reply:
    """Vault's answer, checked in form only."""

    data: Document | None = field(repr=False)
    auth: Document | None = field(repr=False)
    """Of logins and renewals of the token."""
    lease_id: Secret | None
    lease_duration_s: float
    renewable: bool
    status: int


@dataclass(frozen=True, slots=True)
class Fault:
    """A try that failed. A value, not an exception: the exception it came from has the path in it, and would travel
    along as the context of every exception raised from it."""

    kind: FailureKind
    detail: str = ""
    retried: bool = True
    """Whether another try can help."""
    retry_after_s: float = 0.0
    status: int = 0
    """HTTP; 0: no answer."""

    def failure(self) -> VaultFailure:
        return VaultFailure(self.kind, self.detail)


def interpret(status: int, headers: Mapping[str, str], body: bytes) -> Reply | Fault:
    """What an answer means. A proxy's pages are told from Vault's own words by their form: its 404 or 403 says nothing
    about a secret or a token."""
    if len(body) > LARGEST:
        return Fault(FailureKind.MALFORMED, "too large", retried=False, status=status)
    if status == 204:
        return Reply(None, None, None, 0.0, False, status)
    document = _document(body)
    if 200 <= status < 300:
        return _reply(document, status)
    if status < 400:
        # A standby names the active node. The token is shown to nobody but the address of the settings.
        return Fault(FailureKind.SERVER, "redirect", status=status)
    if status in (412, 429):
        return Fault(FailureKind.BUSY, retry_after_s=_seconds(headers.get("Retry-After", "")), status=status)
    if status >= 500:
        if WRONG_SECRET_ID in _errors(document):
            return Fault(FailureKind.REFUSED, retried=False, status=status)
        sealed = status == 503 and any("sealed" in str(error) for error in _errors(document))
        kind = FailureKind.SEALED if sealed else FailureKind.SERVER
        return Fault(kind, retry_after_s=_seconds(headers.get("Retry-After", "")), status=status)
    return _refusal(document, status)


def _refusal(document: Document | None, status: int) -> Fault:
    if document is None or not document.keys() & {"errors", "data"}:
        return Fault(FailureKind.MALFORMED, "not from Vault", status=status)
    kinds = {403: FailureKind.DENIED, 404: FailureKind.NOT_FOUND}
    return Fault(kinds.get(status, FailureKind.REFUSED), retried=False, status=status)


def _document(body: bytes) -> Document | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _errors(document: Document | None) -> list[object]:
    errors = (document or {}).get("errors")
    return errors if isinstance(errors, list) else []


def _reply(document: Document | None, status: int) -> Reply | Fault:
    if document is None:
        return Fault(FailureKind.MALFORMED, "no JSON object", status=status)
    data, auth = document.get("data"), document.get("auth")
    lease, renewable = document.get("lease_id") or "", document.get("renewable") or False
    duration = seconds_of(document.get("lease_duration"))
    if (
        not isinstance(data, dict | None)
        or not isinstance(auth, dict | None)
        or not isinstance(lease, str)
        or not isinstance(renewable, bool)
        or duration is None
    ):
        return Fault(FailureKind.MALFORMED, "unexpected content", status=status)
    return Reply(data, auth, Secret(lease) if lease else None, duration, renewable, status)


def seconds_of(value: object) -> float | None:
    """A duration as Vault writes it; absent is 0. None: it is none."""
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # No isfinite before it: it raises for whole numbers that no float can hold, and JSON has such.
    return float(value) if 0 <= value <= GREATEST_TTL_S else None


def _seconds(header: str) -> float:
    """Retry-After in seconds; its other form, a date, would need clocks that agree."""
    return float(header) if header.isascii() and header.isdigit() and len(header) < 7 else 0.0
