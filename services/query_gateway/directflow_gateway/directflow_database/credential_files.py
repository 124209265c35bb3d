"""The logins of DirectFlow's own database: one file each, at a path that the settings name."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.secrets import Secret

from directflow_gateway.connections import Connection
from directflow_gateway.credentials import Credential, Generations
from directflow_gateway.credentials.content import LARGEST, ContentRefused, Login, parse

RETRY_AFTER_S = 1.0


class DatabaseCredentials:
    """A `CredentialSource` over the files of the three roles. Each read looks at the disk."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        """`paths`: by the id of the role's connection."""
        self._paths = dict(paths)
        self._generations = Generations()

    async def read(
        self, connection: Connection, last: Credential | None = None, *, refused: bool = False
    ) -> Credential:
        """The login in the role's file, which names its user: no connection does. Raises CREDENTIALS_UNAVAILABLE."""
        login = await asyncio.to_thread(_read, self._paths[connection.id])
        if not login.user:
            raise _unavailable("it names no user")
        return Credential(login.user, Secret(login.password), self._generations.of(login.user, login.password))


def _read(path: Path) -> Login:
    try:
        with path.open("rb") as file:
            return parse(file.read(LARGEST + 1))
    except OSError:
        raise _unavailable("it cannot be read") from None  # the OSError holds the path
    except ContentRefused as refused:
        raise _unavailable(str(refused)) from None


def _unavailable(why: str) -> DirectFlowError:
    message = f"a credential of DirectFlow's own database cannot be used: {why}"
    return DirectFlowError(StatusCode.UNAVAILABLE, "CREDENTIALS_UNAVAILABLE", message, retry_after=RETRY_AFTER_S)
