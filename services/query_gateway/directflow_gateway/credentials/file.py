"""Credentials from files that somebody else keeps fresh: Vault Agent, a CSI driver, a Secret mount, the local demo."""

from pathlib import Path

from directflow_runtime.secrets import Secret

from directflow_gateway.connections import Connection
from directflow_gateway.credentials.content import Login
from directflow_gateway.credentials.credential import Credential, Generations
from directflow_gateway.credentials.file_reader import FileReader
from directflow_gateway.credentials.template import Template
from directflow_gateway.credentials.unavailable import CredentialsUnavailable


class FileCredentialSource:
    """Reads one file a connection, at a path derived from the gateway's own template. Each read looks at the disk."""

    def __init__(self, template: str) -> None:
        """`template`: an absolute path with `{workspace}` and `{connection}`. Raises ValueError for any other."""
        self._template = Template(template)
        if not Path(template).is_absolute():
            raise ValueError("a path with {workspace} and {connection} has to be absolute")
        self._files = FileReader()
        self._generations = Generations()

    async def read(
        self, connection: Connection, last: Credential | None = None, *, refused: bool = False
    ) -> Credential:
        """The credential in the connection's file. The connection's own user stands in where the file names none."""
        login = await self._files.login(Path(self._template.of(connection)), connection.workspace)
        return named(login, connection, self._generations)


def named(login: Login, connection: Connection, generations: Generations) -> Credential:
    """The login as a credential, with the connection's user where it names none. Raises CREDENTIALS_UNAVAILABLE."""
    user = login.user or connection.user
    if not user:
        raise CredentialsUnavailable("NO_USER")
    return Credential(user, Secret(login.password), generations.of(user, login.password))
