"""The connections that this gateway knows."""

from collections.abc import Iterable

from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_gateway.connections.connection import Connection


class Connections:
    """Connections by resource name."""

    def __init__(self, connections: Iterable[Connection] = ()) -> None:
        """Raises ValueError when two have the same name."""
        self._by_name: dict[str, Connection] = {}
        for connection in connections:
            if connection.name in self._by_name:
                raise ValueError(f"connection {connection.name} is configured twice")
            self._by_name[connection.name] = connection

    def get(self, name: str) -> Connection:
        """The connection `workspaces/{workspace}/connections/{connection}`; CONNECTION_NOT_FOUND when there is none."""
        connection = self._by_name.get(name)
        if connection is None:
            raise DirectFlowError(StatusCode.NOT_FOUND, "CONNECTION_NOT_FOUND", "there is no connection of this name")
        return connection

    def in_workspace(self, workspace: str) -> tuple[Connection, ...]:
        """The connections of a workspace (an id) by name."""
        return tuple(c for _, c in sorted(self._by_name.items()) if c.workspace == workspace)
