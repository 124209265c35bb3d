"""Credentials from files that somebody else keeps fresh: Vault Agent, a CSI driver, a Secret mount, the local demo."""

import asyncio
import re
from pathlib import Path

from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.secrets import Secret

from directflow_gateway.connections import Connection
from directflow_gateway.credentials.content import LARGEST, ContentRefused, Login, parse
from directflow_gateway.credentials.credential import Credential, Generations

PLACEHOLDER = re.compile(r"\{(\w*)\}")
RUN_TOGETHER = re.compile(r"\}[a-z0-9-]*\{")
"""Nothing between two names that an id could not hold as well: `{workspace}-{connection}` is one file for connection
`b-c` of workspace `a` and for `c` of `a-b`."""
RETRY_AFTER_S = 1.0


class FileCredentialSource:
    """Reads one file a connection, at a path derived from the gateway's own template. Each read looks at the disk."""

    def __init__(self, template: str) -> None:
        """`template`: an absolute path with `{workspace}` and `{connection}`. Both are required, or one workspace's
        connection would be handed another's password. Raises ValueError otherwise."""
        names = PLACEHOLDER.findall(template)
        if set(names) != {"workspace", "connection"} or not Path(template).is_absolute():
            raise ValueError(
                "the credential path is absolute and holds {workspace} and {connection}, and no other name"
            )
        if RUN_TOGETHER.search(template):
            raise ValueError(
                "the credential path keeps {workspace} and {connection} apart by a slash, a dot or an underscore"
            )
        self._template = template
        self._generations = Generations()

    async def read(
        self, connection: Connection, last: Credential | None = None, *, refused: bool = False
    ) -> Credential:
        """The credential in the connection's file. The connection's own user stands in where the file names none."""
        login = await asyncio.to_thread(_read, self._path(connection))
        user = login.user or connection.user
        if not user:
            raise _unavailable("neither the credential nor the connection names a user")
        return Credential(user, Secret(login.password), self._generations.of(user, login.password))

    def _path(self, connection: Connection) -> Path:
        # Resource ids have neither dot nor slash (Connection checks), so nothing leads out of the directory.
        path = self._template.replace("{workspace}", connection.workspace).replace("{connection}", connection.id)
        return Path(path)


def _read(path: Path) -> Login:
    try:
        with path.open("rb") as file:
            return parse(file.read(LARGEST + 1))
    except OSError:
        raise _unavailable("the credential cannot be read") from None  # the OSError holds the path
    except ContentRefused as refused:
        raise _unavailable(f"the credential cannot be used: {refused}") from None


def _unavailable(message: str) -> DirectFlowError:
    return DirectFlowError(StatusCode.UNAVAILABLE, "CREDENTIALS_UNAVAILABLE", message, retry_after=RETRY_AFTER_S)
