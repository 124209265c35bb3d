"""Credentials that somebody stores in Vault's KV engine, version 2."""

from collections.abc import Mapping

from directflow_gateway.connections import Connection
from directflow_gateway.credentials.credential import Credential, Generations
from directflow_gateway.credentials.file import named
from directflow_gateway.credentials.template import Template
from directflow_gateway.credentials.unavailable import CredentialsUnavailable
from directflow_gateway.credentials.vault import Vault, ask, login_in


class VaultKvSource:
    """Reads the newest version of one secret a connection. A secret has no end that anybody knows: keyrings read it
    again at their own pace."""

    def __init__(self, vault: Vault, place: Template, username_field: str, password_field: str) -> None:
        """`place`: of the secret below /v1/, "secret/data/..."."""
        self._vault = vault
        self._place = place
        self._fields = (username_field, password_field)
        self._generations = Generations()

    async def read(
        self, connection: Connection, last: Credential | None = None, *, refused: bool = False
    ) -> Credential:
        """The present version. The connection's own user stands in where it names none."""
        answer = await ask(self._vault, self._place.of(connection), absent="VAULT_NOT_FOUND")
        fields = answer.data.get("data")
        if not isinstance(fields, Mapping):
            raise CredentialsUnavailable("VAULT_CONTENT", "the engine is not KV version 2")
        return named(login_in(fields, *self._fields), connection, self._generations)
