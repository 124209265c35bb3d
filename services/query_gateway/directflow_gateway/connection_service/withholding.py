"""When the credential of a connection may not be sent to where the connection leads."""

from typing import Final

from directflow_runtime.definitions.cache import DefinitionCache
from directflow_runtime.definitions.store import DocumentStore
from directflow_runtime.errors import DirectFlowError

from directflow_gateway.connection_service.kind import last_known
from directflow_gateway.connections import Binding, Connection, ConnectionDefinition

UNBOUND: Final = (
    "The credential is unbound, since host, port, user, TLS or kind of credential changed: nothing logs in until"
    " somebody who may define has looked at the connection and called ConfirmCredential."
)
ANOTHER_TARGET: Final = (
    "The credential of this name belongs to another host, port, user, TLS or kind of credential: save the connection"
    " and call ConfirmCredential, then it is tried."
)
STORE_AWAY: Final = (
    "DirectFlow's own database is away, so nobody can tell whether the credential of this name belongs to that host."
)


def of_saved(definition: ConnectionDefinition) -> str:
    """Why the credential of a saved connection may not be sent; empty where it may."""
    return UNBOUND if definition.binding is Binding.UNBOUND else ""


async def of_unsaved(connection: Connection, cache: DefinitionCache[ConnectionDefinition], store: DocumentStore) -> str:
    """The same of a connection that need not be saved: it may only lead where the one of its name leads, or led."""
    if cache.is_fixed(connection.name):
        fixed = cache.find(connection.name)
        return "" if fixed is not None and fixed.connection.target == connection.target else ANOTHER_TARGET
    try:
        document = await store.get(connection.name)
    except DirectFlowError as error:
        # Without a store nothing can have been saved under this name.
        return "" if error.reason == "STORE_NOT_CONFIGURED" else STORE_AWAY
    settled = ConnectionDefinition(connection).settled(last_known(document), known_before=document is not None)
    if settled.binding is Binding.BOUND:
        return ""
    same = document is not None and (last := last_known(document)) and last.connection.target == connection.target
    return UNBOUND if same else ANOTHER_TARGET
