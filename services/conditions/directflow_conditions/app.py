"""The composition root: everything that this service is made of, built once."""

from contextlib import AsyncExitStack
from typing import Final

from directflow_runtime.channel import open_channel
from directflow_runtime.client_tracing import TracedChannel
from directflow_runtime.definitions.cache import DefinitionCache
from directflow_runtime.definitions.following import Following
from directflow_runtime.definitions.metering import meter_definitions
from directflow_runtime.definitions.resources import Resources
from directflow_runtime.definitions.store import DocumentStore
from directflow_runtime.identity import IdentityPolicy
from directflow_runtime.interceptors import Drain, server_interceptors
from directflow_runtime.lifecycle import App
from directflow_runtime.logging import get_logger
from directflow_runtime.metrics import Metrics
from directflow_runtime.metrics.export import metering
from directflow_runtime.server import RpcServer, build_server
from directflow_runtime.telemetry import Telemetry, telemetry

from directflow_conditions.batches import BatchEvaluator
from directflow_conditions.config import ConditionsSettings
from directflow_conditions.definitions import gateway as definitions_gateway
from directflow_conditions.definitions import servicer as condition_service
from directflow_conditions.definitions.catalogue import SavedConditions
from directflow_conditions.definitions.definition import CachedDefinitions, Definition
from directflow_conditions.definitions.gateway import SILENCE_S, GrpcDescriber, GrpcDocumentStore
from directflow_conditions.definitions.kind import ConditionKind
from directflow_conditions.definitions.no_store import NoStore
from directflow_conditions.definitions.wire import definition_in, fixed_definition
from directflow_conditions.engagement import gateway as engagement_gateway
from directflow_conditions.engagement import servicer as engagement
from directflow_conditions.evaluation import Evaluator
from directflow_conditions.gateway import READ_METHODS, QueryGateway
from directflow_conditions.lanes.lanes import Lanes
from directflow_conditions.leaves import Gateways
from directflow_conditions.predicates import gateway as predicates_gateway
from directflow_conditions.predicates.gateway import PredicateGateway
from directflow_conditions.questions import Alone, Asker
from directflow_conditions.servicer import EvaluationServicer, register
from directflow_conditions.surface import SURFACE

NAME: Final = "directflow-conditions"
DOMAIN: Final = "conditions.directflow"
SAFE_METHODS: Final = (
    *READ_METHODS,
    *predicates_gateway.SAFE_METHODS,
    *engagement_gateway.SAFE_METHODS,
    *definitions_gateway.SAFE_METHODS,
)
"""What the channel may send again when the gateway was away."""
SERVICES: Final = (
    "directflow.conditions.v1.ConditionService",
    "directflow.conditions.v1.EvaluationService",
    "directflow.conditions.v1.EngagementService",
)


async def build(settings: ConditionsSettings, stack: AsyncExitStack) -> App:
    """Builds the service; what it opens is closed by `stack` in reverse order."""
    traces = await stack.enter_async_context(telemetry(settings.telemetry, NAME))
    metrics = await stack.enter_async_context(metering(settings, traces.resource))
    traces.meter(metrics)
    channel = open_channel(settings.gateway, traces.tracer("directflow_conditions"), SAFE_METHODS)
    stack.push_async_callback(channel.close)
    server = _server(settings, traces, metrics)
    cache = _definitions(settings, channel, server, metrics, stack)
    definitions = CachedDefinitions(cache)
    gateway = Gateways(QueryGateway(channel), PredicateGateway(channel))
    asker: Asker = Alone(gateway)
    if settings.evaluation.coalesce:
        asker = lanes = Lanes(
            gateway, traces.tracer("directflow_conditions"), settings.evaluation.lane_limits(), metrics
        )
        stack.push_async_callback(lanes.aclose)
    most = settings.evaluation.max_in_flight
    evaluator, batches = Evaluator(definitions, asker, most), BatchEvaluator(definitions, gateway, most)
    register(server.grpc, EvaluationServicer(evaluator, batches, settings.evaluation.max_stream_messages))
    engagement.register(server.grpc, engagement.EngagementServicer(engagement_gateway.EngagementStore(channel)))
    return App(server, SERVICES, cache.loaded)


def _definitions(
    settings: ConditionsSettings, channel: TracedChannel, server: RpcServer, metrics: Metrics, stack: AsyncExitStack
) -> DefinitionCache[Definition]:
    """The conditions of the settings file and those of the gateway's store, and the service that changes the latter."""
    from_store, log = settings.definitions.from_store, get_logger("directflow_conditions")
    fixed = [condition.condition() for condition in settings.conditions]
    cache = DefinitionCache(definition_in, log, {one.name: fixed_definition(one) for one in fixed})
    store: DocumentStore = GrpcDocumentStore(channel) if from_store else NoStore()
    kind = ConditionKind(cache, SavedConditions(cache, store), GrpcDescriber(channel))
    condition_service.register(server.grpc, condition_service.ConditionServicer(Resources(kind, store, cache)))
    if from_store:
        following = Following(cache, store, log, SILENCE_S)
        stack.push_async_callback(following.aclose)
        following.start()
        meter_definitions(metrics, definitions_gateway.COLLECTION, cache, following)
    else:
        cache.there_is_no_store()
        meter_definitions(metrics, definitions_gateway.COLLECTION, cache, None)
    return cache


def _server(settings: ConditionsSettings, traces: Telemetry, metrics: Metrics) -> RpcServer:
    drain = Drain()
    layers = server_interceptors(
        domain=DOMAIN,
        tracer=traces.tracer("directflow_conditions"),
        baggage=settings.telemetry.baggage,
        logger=get_logger("directflow_conditions"),
        policy=IdentityPolicy(settings.identity, SURFACE),
        settings=settings.server,
        drain=drain,
        metrics=metrics,
    )
    return build_server(settings.server, layers, drain, SERVICES)
