"""Who may call what of gateway.v1, and whose a collection of definitions is.

The gateway holds all credentials, so this does not hang on an operator's list of prefixes: a developer's identity never
asks for sets, never touches the store, and nobody but conditions touches engagement.
"""

from collections.abc import Collection, Mapping
from typing import Final

from directflow_runtime.settings import CallerSettings, IdentitySettings
from directflow_runtime.surface import DEVELOPER, Roles, Surface, methods

from directflow_gateway.definitions.settings import DefinitionSettings

SEGMENTS: Final = "segments"
CONDITIONS: Final = "conditions"

_QUERIES: Final = "directflow.gateway.v1.QueryService"
_CONNECTIONS: Final = "directflow.gateway.v1.ConnectionService"
_DEFINITIONS: Final = "directflow.gateway.v1.DefinitionService"
_ENGAGEMENT: Final = "directflow.gateway.v1.EngagementStoreService"
_SERVICES: Final = (SEGMENTS, CONDITIONS)
_OWNS: Final = {"dataSources": SEGMENTS, "conditions": CONDITIONS}

METHODS: Final[Mapping[str, Roles]] = {
    **methods(_QUERIES, (*_SERVICES, DEVELOPER), "DescribeQuery", "StreamQuery"),
    **methods(_QUERIES, _SERVICES, "CountQuery", "EvaluateSet", "FetchSet", "ExplainRow", "StreamDifference"),
    **methods(_CONNECTIONS, (DEVELOPER,), "GetConnection", "ListConnections", "ListConnectionRevisions"),
    **methods(_CONNECTIONS, (DEVELOPER,), "CreateConnection", "UpdateConnection", "DeleteConnection"),
    **methods(_CONNECTIONS, (DEVELOPER,), "RollbackConnection", "TestConnection", "ConfirmCredential"),
    **methods(_DEFINITIONS, _SERVICES, "GetDocument", "ListDocuments", "ListDocumentRevisions", "WatchDocuments"),
    **methods(_DEFINITIONS, _SERVICES, "PutDocument", "DeleteDocument"),
    **methods(_ENGAGEMENT, (CONDITIONS,), "AppendEvents", "EvaluatePredicates", "ListEvents"),
}


def surface(definitions: DefinitionSettings) -> Surface:
    """A caller without a role is what it owns or reads; whoever may define, and has none of that, is a developer."""

    def without_role(caller: CallerSettings) -> Roles:
        roles = {
            role
            for collection, role in _OWNS.items()
            if caller.name in (definitions.owners.get(collection), *definitions.readers.get(collection, ()))
        }
        return frozenset(roles or {DEVELOPER if caller.may_define else SEGMENTS})

    return Surface(METHODS, without_role)


def owners(definitions: DefinitionSettings, identity: IdentitySettings) -> Mapping[str, Collection[str]]:
    """Who may save in a collection: whom `[definitions] owners` names, else whoever has the role that goes with it."""
    named = {collection: (owner,) for collection, owner in definitions.owners.items()}
    if "owners" in definitions.model_fields_set:
        return named
    with_role = {
        collection: tuple(caller.name for caller in identity.callers if caller.role == role)
        for collection, role in _OWNS.items()
    }
    return {collection: with_role.get(collection) or owner for collection, owner in named.items()}
