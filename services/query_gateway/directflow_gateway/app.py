"""The composition root: everything that the gateway is made of, built once."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

from directflow.gateway.v1 import connection_service_pb2_grpc as connection_stubs
from directflow.gateway.v1 import definition_service_pb2_grpc as definition_stubs
from directflow.gateway.v1 import query_service_pb2_grpc as query_stubs
from directflow_runtime.definitions.cache import DefinitionCache
from directflow_runtime.definitions.following import Following
from directflow_runtime.definitions.metering import meter_definitions
from directflow_runtime.definitions.store import DocumentStore
from directflow_runtime.identity import IdentityPolicy
from directflow_runtime.interceptors import Drain, server_interceptors
from directflow_runtime.lifecycle import App
from directflow_runtime.logging import get_logger
from directflow_runtime.metrics import Metrics
from directflow_runtime.metrics.export import metering
from directflow_runtime.metrics.names import DEFINITIONS_AGE
from directflow_runtime.server import RpcServer, build_server
from directflow_runtime.telemetry import telemetry
from opentelemetry.trace import Tracer

from directflow_gateway.config import GatewaySettings
from directflow_gateway.connection_service.no_store import NoStore
from directflow_gateway.connection_service.servicer import ConnectionServicer
from directflow_gateway.connection_service.tester import ConnectionTester
from directflow_gateway.connection_service.wire import definition_of
from directflow_gateway.connections import Connection, ConnectionDefinition, Connections
from directflow_gateway.credentials import Keyrings
from directflow_gateway.credentials.by_kind import source_by_kind
from directflow_gateway.definitions.checks import Ownership
from directflow_gateway.definitions.names import CONNECTIONS
from directflow_gateway.definitions.provenance import SILENCE_S, Provenance
from directflow_gateway.definitions.servicer import DefinitionServicer
from directflow_gateway.definitions.store import CollectionStore, DefinitionStore
from directflow_gateway.directflow_database import DirectFlowDatabase, Upkeep
from directflow_gateway.engagement import servicer as engagement
from directflow_gateway.engagement.servicer import EngagementStoreServicer
from directflow_gateway.engagement.store import EngagementStore
from directflow_gateway.execution import Watchdog
from directflow_gateway.pools import Pools, Retiring
from directflow_gateway.pools.meter import meter_budgets
from directflow_gateway.queries.engine import QueryEngine
from directflow_gateway.queries.prepared import PreparedQueries
from directflow_gateway.queries.servicer import QueryServicer
from directflow_gateway.role_doctor import RoleDoctor
from directflow_gateway.surface import owners, surface
from directflow_gateway.vault import VaultSession

NAME: Final = "directflow-gateway"
DOMAIN: Final = "gateway.directflow"
PACKAGE: Final = "directflow_gateway"
SERVICES: Final = (
    "directflow.gateway.v1.QueryService",
    "directflow.gateway.v1.ConnectionService",
    "directflow.gateway.v1.DefinitionService",
    "directflow.gateway.v1.EngagementStoreService",
)


async def build(settings: GatewaySettings, stack: AsyncExitStack) -> App:
    """Builds the gateway; what it opens is closed by `stack` in reverse order."""
    traces = await stack.enter_async_context(telemetry(settings.telemetry, NAME))
    metrics = await stack.enter_async_context(metering(settings, traces.resource))
    traces.meter(metrics)
    tracer = traces.tracer(PACKAGE)
    watchdog = Watchdog()
    stack.callback(watchdog.close)
    doctor = RoleDoctor(get_logger(PACKAGE))
    vault = _vault(settings, tracer, metrics, stack)
    keyrings = _keyrings(settings, vault, metrics, stack)
    budgets = settings.pools.budgets()
    stack.callback(budgets.close)
    meter_budgets(metrics, budgets)
    pools = Pools(keyrings, watchdog, settings.egress.policy(), doctor.admit, budgets, tracer, metrics)
    stack.push_async_callback(pools.aclose)
    server = _server(settings, tracer, metrics)
    stores = _stores(settings, watchdog, tracer, vault, metrics, stack)
    ownership = Ownership(owners(settings.definitions, settings.identity), settings.definitions.readers)
    definitions = DefinitionServicer(ownership, stores.definitions)
    provenance = _provenance(settings, stores.definitions, metrics, stack)
    saved = _saved_connections(settings, stores.definitions, metrics, stack)
    book = Connections(saved.fixed, saved.cache, saved.store.get if stores.definitions else None)
    _retire(pools, book, stack)
    queries = QueryServicer(_engine(settings, book, pools, tracer, metrics), provenance, ownership.identities)
    tester = ConnectionTester(keyrings, settings.egress.policy(), watchdog, budgets)
    connections = ConnectionServicer(saved.store, saved.cache, tester, settings.egress.policy())
    register(server, queries, connections, definitions, stores.engagement)

    async def ready() -> None:
        await provenance.loaded()
        await saved.cache.loaded()

    return App(server, SERVICES, ready)


def _vault(settings: GatewaySettings, tracer: Tracer, metrics: Metrics, stack: AsyncExitStack) -> VaultSession | None:
    """The process's one login to Vault; it begins in the background, for the gateway starts without Vault."""
    if settings.vault is None:
        return None
    vault = VaultSession(settings.vault, tracer, get_logger(PACKAGE), metrics=metrics)
    stack.push_async_callback(vault.aclose)
    vault.start()
    return vault


def _keyrings(
    settings: GatewaySettings, vault: VaultSession | None, metrics: Metrics, stack: AsyncExitStack
) -> Keyrings:
    epoch = (lambda: 0) if vault is None else (lambda: vault.epoch)
    keyrings = Keyrings(source_by_kind(settings.credentials, vault), get_logger(PACKAGE), epoch, metrics)
    stack.push_async_callback(keyrings.aclose)
    return keyrings


@dataclass(frozen=True, slots=True)
class _SavedConnections:
    """The connections of the settings, the saved ones in memory, and where they are saved."""

    fixed: tuple[Connection, ...]
    cache: DefinitionCache[ConnectionDefinition]
    store: DocumentStore


def _saved_connections(
    settings: GatewaySettings, definitions: DefinitionStore | None, metrics: Metrics, stack: AsyncExitStack
) -> _SavedConnections:
    """Follows the saved connections for as long as the process lives."""
    fixed = tuple(connection.connection() for connection in settings.connections)
    by_name = {connection.name: ConnectionDefinition(connection) for connection in fixed}
    cache = DefinitionCache(definition_of, get_logger(PACKAGE), by_name)
    if definitions is None:
        cache.there_is_no_store()
        meter_definitions(metrics, CONNECTIONS, cache, None)
        return _SavedConnections(fixed, cache, NoStore())
    store = CollectionStore(definitions, CONNECTIONS)
    following = Following(cache, store, get_logger(PACKAGE), SILENCE_S)
    stack.push_async_callback(following.aclose)
    following.start()
    meter_definitions(metrics, CONNECTIONS, cache, following)
    return _SavedConnections(fixed, cache, store)


def _retire(pools: Pools, book: Connections, stack: AsyncExitStack) -> None:
    retiring = Retiring(pools, book.is_current, get_logger(PACKAGE))
    stack.push_async_callback(retiring.aclose)
    retiring.start()


def _provenance(
    settings: GatewaySettings, store: DefinitionStore | None, metrics: Metrics, stack: AsyncExitStack
) -> Provenance:
    provenance = Provenance(store, settings.definitions.superseded_grace_s)
    stack.push_async_callback(provenance.aclose)
    provenance.start()
    if store is not None:
        metrics.gauge(DEFINITIONS_AGE, lambda: {("statements",): provenance.silent_for_s()})
    return provenance


def _engine(
    settings: GatewaySettings, connections: Connections, pools: Pools, tracer: Tracer, metrics: Metrics
) -> QueryEngine:
    prepared = PreparedQueries(capacity=settings.prepared.capacity, trusted_for_s=settings.prepared.trusted_for_s)
    tells_text = settings.telemetry.statement_text
    return QueryEngine(connections, pools, prepared, tracer, metrics, tells_text=tells_text)


@dataclass(frozen=True, slots=True)
class _Stores:
    """What lies in DirectFlow's own database; without one there are no definitions, and no engagement."""

    engagement: EngagementStoreServicer
    definitions: DefinitionStore | None = None


def _stores(
    settings: GatewaySettings,
    watchdog: Watchdog,
    tracer: Tracer,
    vault: VaultSession | None,
    metrics: Metrics,
    stack: AsyncExitStack,
) -> _Stores:
    """The two stores, and what keeps their database ready in the background."""
    if settings.directflow_database is None:
        return _Stores(EngagementStoreServicer())
    database = DirectFlowDatabase(settings.directflow_database, watchdog, tracer, vault, metrics)
    stack.push_async_callback(database.aclose)
    store = EngagementStore(database)

    async def tend() -> None:
        await store.tend()
        await definitions.forget()

    upkeep = Upkeep(database, store.prepare, tend, get_logger(PACKAGE))
    fixed = [connection.connection().name for connection in settings.connections]
    definitions = DefinitionStore(database, settings.definitions, upkeep.ready, fixed)
    stack.push_async_callback(upkeep.aclose)
    stack.push_async_callback(definitions.feed.aclose)
    upkeep.start()
    definitions.feed.start()
    return _Stores(EngagementStoreServicer(store, upkeep, metrics), definitions)


def register(
    server: RpcServer,
    queries: QueryServicer,
    connections: ConnectionServicer,
    definitions: DefinitionServicer,
    store: EngagementStoreServicer,
) -> None:
    """Puts the gateway's four services onto the server."""
    services: tuple[tuple[Any, Any], ...] = (
        (query_stubs.add_QueryServiceServicer_to_server, queries),
        (connection_stubs.add_ConnectionServiceServicer_to_server, connections),
        (definition_stubs.add_DefinitionServiceServicer_to_server, definitions),
        (engagement.register, store),
    )
    for add_to_server, servicer in services:
        add_to_server(servicer, server.grpc)


def _server(settings: GatewaySettings, tracer: Tracer, metrics: Metrics) -> RpcServer:
    drain = Drain()
    layers = server_interceptors(
        domain=DOMAIN,
        tracer=tracer,
        baggage=settings.telemetry.baggage,
        logger=get_logger(PACKAGE),
        policy=IdentityPolicy(settings.identity, surface(settings.definitions)),
        settings=settings.server,
        drain=drain,
        metrics=metrics,
    )
    return build_server(settings.server, layers, drain, SERVICES)
