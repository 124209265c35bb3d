"""The composition root: everything that this service is made of, built once."""

from contextlib import AsyncExitStack
from typing import Final

from directflow_runtime.channel import open_channel
from directflow_runtime.client_tracing import TracedChannel
from directflow_runtime.definitions.cache import DefinitionCache
from directflow_runtime.definitions.following import Following
from directflow_runtime.definitions.metering import meter_definitions
from directflow_runtime.definitions.resources import Resources
from directflow_runtime.identity import IdentityPolicy
from directflow_runtime.interceptors import Drain, server_interceptors
from directflow_runtime.lifecycle import App
from directflow_runtime.logging import get_logger
from directflow_runtime.metrics import Metrics
from directflow_runtime.metrics.export import metering
from directflow_runtime.server import RpcServer, build_server
from directflow_runtime.telemetry import Telemetry, telemetry

from directflow_segments.audience.scratch import Scratch
from directflow_segments.audiences import Audiences
from directflow_segments.config import AudienceSettings, SegmentsSettings
from directflow_segments.data_sources import DataSource
from directflow_segments.definitions import gateway as definitions
from directflow_segments.definitions import servicer as data_sources
from directflow_segments.definitions.kind import COLLECTION, DataSourceKind
from directflow_segments.explanation.gateway import GrpcExplainingGateway
from directflow_segments.gateway import READ_METHODS, GrpcQueryGateway
from directflow_segments.servicer import AudienceServicer, register
from directflow_segments.surface import SURFACE

NAME: Final = "directflow-segments"
DOMAIN: Final = "segments.directflow"
SERVICES: Final = ("directflow.segments.v1.AudienceService", "directflow.segments.v1.DataSourceService")
_SCOPE: Final = "directflow_segments"


async def build(settings: SegmentsSettings, stack: AsyncExitStack) -> App:
    """Builds the service; what it opens is closed by `stack` in reverse order."""
    traces = await stack.enter_async_context(telemetry(settings.telemetry, NAME))
    metrics = await stack.enter_async_context(metering(settings, traces.resource))
    traces.meter(metrics)
    tracer = traces.tracer(_SCOPE)
    channel = open_channel(settings.gateway, tracer, (*READ_METHODS, *definitions.READ_METHODS))
    stack.push_async_callback(channel.close)
    server = _server(settings, traces, metrics)
    book = _definitions(settings, channel, server, metrics, stack)
    gateway = GrpcQueryGateway(channel)
    audiences = Audiences(gateway, _scratch(settings.audience))
    register(server.grpc, AudienceServicer(book, gateway, audiences, GrpcExplainingGateway(channel)))
    return App(server, SERVICES, ready=book.loaded)


def _definitions(
    settings: SegmentsSettings, channel: TracedChannel, server: RpcServer, metrics: Metrics, stack: AsyncExitStack
) -> DefinitionCache[DataSource]:
    """The data sources, and what keeps them up to date in the background."""
    log, kind = get_logger(_SCOPE), DataSourceKind(definitions.GrpcDescriber(channel))
    fixed = [item.data_source() for item in settings.data_sources]
    cache = DefinitionCache(kind.read, log, {data_source.name: data_source for data_source in fixed})
    if not settings.definitions.from_store:
        cache.there_is_no_store()
        meter_definitions(metrics, COLLECTION, cache, None)
        data_sources.register(server.grpc, None)
        return cache
    store = definitions.GrpcDocumentStore(channel, COLLECTION)
    following = Following(cache, store, log, definitions.SILENCE_S)
    stack.push_async_callback(following.aclose)
    following.start()
    meter_definitions(metrics, COLLECTION, cache, following)
    data_sources.register(server.grpc, Resources(kind, store, cache))
    return cache


def _scratch(settings: AudienceSettings) -> Scratch:
    return Scratch(
        memory_bytes=settings.memory_bytes, disk_bytes=settings.disk_bytes, directory=settings.scratch_directory
    )


def _server(settings: SegmentsSettings, traces: Telemetry, metrics: Metrics) -> RpcServer:
    drain = Drain()
    layers = server_interceptors(
        domain=DOMAIN,
        tracer=traces.tracer(_SCOPE),
        baggage=settings.telemetry.baggage,
        logger=get_logger(_SCOPE),
        policy=IdentityPolicy(settings.identity, SURFACE),
        settings=settings.server,
        drain=drain,
        metrics=metrics,
    )
    return build_server(settings.server, layers, drain, SERVICES)
