"""Credentials from files that somebody else keeps fresh: Vault Agent, a CSI driver, a Secret mount, the local demo."""

import asyncio
from pathlib import Path

from directflow_runtime.secrets import Secret

from directflow_gateway.connections import Connection
from directflow_gateway.credentials.content import LARGEST, ContentRefused, Login, parse
from directflow_gateway.credentials.credential import Credential, Generations
from directflow_gateway.credentials.template import Template
from directflow_gateway.credentials.unavailable import CredentialsUnavailable


class FileCredentialSource:
    """Reads one file a connection, at a path derived from the gateway's own template. Each read looks at the disk."""

    def __init__(self, template: str) -> None:
        """`template`: an absolute path with `{workspace}` and `{connection}`. Raises ValueError for any other."""
        self._template = Template(template)
        if not Path(template).is_absolute():
            raise ValueError("a path with {workspace} and {connection} has to be absolute")
        self._generations = Generations()

    async def read(
        self, connection: Connection, last: Credential | None = None, *, refused: bool = False
    ) -> Credential:
        """The credential in the connection's file. The connection's own user stands in where the file names none."""
        login = await asyncio.to_thread(read_file, Path(self._template.of(connection)))
        return named(login, connection, self._generations)


def read_file(path: Path) -> Login:
    """Blocking. Raises CREDENTIALS_UNAVAILABLE."""
    try:
        with path.open("rb") as file:
            return parse(file.read(LARGEST + 1))
    except OSError:
        raise CredentialsUnavailable("FILE_UNREADABLE") from None  # the OSError holds the path
    except ContentRefused as refused:
        raise CredentialsUnavailable("FILE_CONTENT", str(refused)) from None


def named(login: Login, connection: Connection, generations: Generations) -> Credential:
    """The login as a credential, with the connection's user where it names none. Raises CREDENTIALS_UNAVAILABLE."""
    user = login.user or connection.user
    if not user:
        raise CredentialsUnavailable("NO_USER")
    return Credential(user, Secret(login.password), generations.of(user, login.password))
