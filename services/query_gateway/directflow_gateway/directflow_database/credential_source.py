"""The logins of DirectFlow's own database: files that the settings name, or places in Vault that no connection has."""

from collections.abc import Mapping
from pathlib import Path

from directflow_gateway.connections import Connection, CredentialKind
from directflow_gateway.credentials import Credential, CredentialSource, Generations
from directflow_gateway.credentials.by_kind import SourceByKind
from directflow_gateway.credentials.file import named
from directflow_gateway.credentials.file_reader import FileReader
from directflow_gateway.credentials.vault import Vault
from directflow_gateway.credentials.vault_dynamic import VaultDynamicSource
from directflow_gateway.credentials.vault_kv import VaultKvSource
from directflow_gateway.credentials.vault_static import VaultStaticSource
from directflow_gateway.directflow_database.roles import DatabaseRole
from directflow_gateway.directflow_database.settings import DirectFlowDatabaseSettings


class DatabaseCredentialFiles:
    """A `CredentialSource` over the files of the three roles. Each read looks at the disk."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        """`paths`: by the id of the role's connection."""
        self._paths = dict(paths)
        self._files = FileReader()
        self._generations = Generations()

    async def read(
        self, connection: Connection, last: Credential | None = None, *, refused: bool = False
    ) -> Credential:
        """The login in the role's file, which names its user: no connection does. Raises CREDENTIALS_UNAVAILABLE."""
        login = await self._files.login(self._paths[connection.id])
        return named(login, connection, self._generations)


def credential_source(settings: DirectFlowDatabaseSettings, vault: Vault | None) -> CredentialSource:
    """Where the three logins come from."""
    if settings.credential_kind is CredentialKind.FILE:
        return DatabaseCredentialFiles({role.value: settings.credential(role) for role in DatabaseRole})
    if vault is None:
        return SourceByKind({})  # says so at each read; `GatewaySettings` refuses such settings before
    if settings.credential_kind is CredentialKind.VAULT_KV:
        return VaultKvSource(vault, settings.place(), "username", "password")
    if settings.credential_kind is CredentialKind.VAULT_DYNAMIC:
        return VaultDynamicSource(vault, settings.place())
    return VaultStaticSource(vault, settings.place())
