"""The source of each kind of credential, as the settings say."""

from collections.abc import Mapping

from directflow_gateway.connections import Connection, CredentialKind
from directflow_gateway.credentials.credential import Credential, CredentialSource
from directflow_gateway.credentials.file import FileCredentialSource
from directflow_gateway.credentials.settings import CredentialSettings
from directflow_gateway.credentials.unavailable import CredentialsUnavailable
from directflow_gateway.credentials.vault import Vault
from directflow_gateway.credentials.vault_dynamic import VaultDynamicSource
from directflow_gateway.credentials.vault_kv import VaultKvSource
from directflow_gateway.credentials.vault_static import VaultStaticSource


class SourceByKind:
    """Asks the source of the connection's kind."""

    def __init__(self, sources: Mapping[CredentialKind, CredentialSource]) -> None:
        self._sources = dict(sources)

    async def read(
        self, connection: Connection, last: Credential | None = None, *, refused: bool = False
    ) -> Credential:
        """What that source says; CREDENTIALS_UNAVAILABLE where the settings have none."""
        source = self._sources.get(connection.credential_kind)
        if source is None:
            is_file = connection.credential_kind is CredentialKind.FILE
            raise CredentialsUnavailable("FILES_NOT_CONFIGURED" if is_file else "VAULT_NOT_CONFIGURED")
        return await source.read(connection, last, refused=refused)


def source_by_kind(settings: CredentialSettings, vault: Vault | None) -> SourceByKind:
    """The sources that the settings give a place to."""
    sources: dict[CredentialKind, CredentialSource] = {}
    if settings.path:
        sources[CredentialKind.FILE] = FileCredentialSource(settings.path)
    if vault is not None:
        kv = settings.vault_kv
        sources[CredentialKind.VAULT_KV] = VaultKvSource(vault, kv.place(), kv.username_field, kv.password_field)
        sources[CredentialKind.VAULT_DYNAMIC] = VaultDynamicSource(vault, settings.vault_dynamic.place())
        sources[CredentialKind.VAULT_STATIC] = VaultStaticSource(vault, settings.vault_static.place())
    return SourceByKind(sources)
