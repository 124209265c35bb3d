"""The connections that this gateway knows."""

from collections.abc import Awaitable, Callable, Iterable

from directflow_runtime.definitions.cache import DefinitionCache
from directflow_runtime.definitions.document import Document
from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_gateway.connections.connection import Connection
from directflow_gateway.connections.definition import Binding, ConnectionDefinition, credential_unbound

RETRY_AFTER_S = 1.0


class Connections:
    """Connections by resource name: those of the settings file, and the saved ones as the store last told them."""

    def __init__(
        self,
        connections: Iterable[Connection] = (),
        saved: DefinitionCache[ConnectionDefinition] | None = None,
        read: Callable[[str], Awaitable[Document | None]] | None = None,
    ) -> None:
        """`saved` is followed by somebody else; what it holds is served also while the store is away. None: there is no
        store. `read` asks the store itself. Raises ValueError when two of the settings have the same name."""
        self._fixed: dict[str, Connection] = {}
        self._saved = saved
        self._read = read
        for connection in connections:
            if connection.name in self._fixed:
                raise ValueError(f"connection {connection.name} is configured twice")
            self._fixed[connection.name] = connection

    def get(self, name: str) -> Connection:
        """The connection `workspaces/{workspace}/connections/{connection}`, when it may be connected to.

        Raises CONNECTION_NOT_FOUND, CREDENTIAL_UNBOUND, and STORE_UNAVAILABLE before the store was heard for the first
        time: until then nobody knows what there is.
        """
        fixed = self._fixed.get(name)
        if fixed is not None:
            return fixed
        definition = None if self._saved is None else self._saved.find(name)
        if definition is None:
            raise _not_found() if self._saved is None or self._saved.is_loaded else _not_heard()
        if definition.binding is Binding.UNBOUND:
            raise credential_unbound()
        return definition.connection

    async def known(self, name: str) -> Connection:
        """`get`; where nobody has told of such a connection yet, the store is asked.

        It may have been saved through another replica a moment ago: whoever saves a connection and then what uses it
        must not be told that there is none. Raises what reading the store raises, too.
        """
        try:
            return self.get(name)
        except DirectFlowError as error:
            if error.reason != "CONNECTION_NOT_FOUND" or self._saved is None or self._read is None:
                raise
        try:
            document = await self._read(name)
        except DirectFlowError as error:
            raise _not_found() if error.reason == "DOCUMENT_NOT_FOUND" else error from None
        if document is not None:
            self._saved.put(document)
        return self.get(name)

    def is_current(self, connection: Connection) -> bool:
        """False once it was changed, deleted or unbound: its sessions are not needed any more."""
        try:
            return self.get(connection.name) == connection
        except DirectFlowError:
            return False

    def in_workspace(self, workspace: str) -> tuple[Connection, ...]:
        """The connections of a workspace (an id) by name, unbound ones too."""
        found = {} if self._saved is None else {s.document.name: s.definition for s in self._saved.under(workspace)}
        known = {name: definition.connection for name, definition in found.items()} | self._fixed
        return tuple(c for _, c in sorted(known.items()) if c.workspace == workspace)


def _not_found() -> DirectFlowError:
    return DirectFlowError(StatusCode.NOT_FOUND, "CONNECTION_NOT_FOUND", "there is no connection of this name")


def _not_heard() -> DirectFlowError:
    return DirectFlowError(
        StatusCode.UNAVAILABLE,
        "STORE_UNAVAILABLE",
        "this gateway has not been able to read its saved connections yet",
        metadata={"cause": "NOT_LOADED"},
        retry_after=RETRY_AFTER_S,
    )
