"""What all credentials from Vault have in common: asking for them, and what each failure means for an operator."""

from collections.abc import Mapping
from typing import Protocol

from directflow_gateway.credentials.content import ContentRefused, Login, login_of
from directflow_gateway.credentials.unavailable import CredentialsUnavailable
from directflow_gateway.vault import Answer, FailureKind, VaultFailure


class Vault(Protocol):
    """The part of `VaultSession` that credentials need."""

    async def read(self, path: str) -> Answer:
        """Raises VaultFailure."""
        ...

    async def write(self, path: str, body: Mapping[str, object]) -> Answer:
        """Raises VaultFailure."""
        ...

    @property
    def epoch(self) -> int:
        """One more with each new token."""
        ...

    def ends_at(self) -> float | None:
        """When the present token dies."""
        ...


async def ask(vault: Vault, path: str, *, absent: str) -> Answer:
    """Reads a path. `absent`: the cause that "there is no such thing" stands for: Vault says 404 for a secret, and 400
    for a role. Raises CREDENTIALS_UNAVAILABLE."""
    try:
        return await vault.read(path)
    except VaultFailure as failure:
        raise explained(failure, absent) from None


def explained(failure: VaultFailure, absent: str) -> CredentialsUnavailable:
    """The failure in words for an operator; to be raised `from None`."""
    if failure.kind in (FailureKind.NOT_FOUND, FailureKind.REFUSED):
        return CredentialsUnavailable(absent)
    return CredentialsUnavailable(f"VAULT_{failure.kind.value}")


def login_in(data: Mapping[str, object], user_field: str = "username", password_field: str = "password") -> Login:  # noqa: S107
    """The login among the fields of an answer. Raises CREDENTIALS_UNAVAILABLE."""
    try:
        return login_of(data.get(user_field, ""), data.get(password_field))
    except ContentRefused as refused:
        raise CredentialsUnavailable("VAULT_CONTENT", str(refused)) from None
