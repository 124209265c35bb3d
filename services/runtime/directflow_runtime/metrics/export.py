"""Metrics for the length of a process: collected on the event loop, rendered and sent beside it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult
from opentelemetry.sdk.resources import Resource
from structlog.typing import FilteringBoundLogger

from directflow_runtime.daemon_thread import in_daemon_thread
from directflow_runtime.logging import get_logger
from directflow_runtime.metrics.event_loop import watch_event_loop
from directflow_runtime.metrics.otlp import exporter, metrics_data
from directflow_runtime.metrics.registry import OFF, Metrics
from directflow_runtime.settings import MetricsSettings, ServiceSettings


@asynccontextmanager
async def metering(settings: ServiceSettings, resource: Resource) -> AsyncIterator[Metrics]:
    """Metrics of `resource` for the length of the block; OFF where the settings send them nowhere.

    Raises OSError where Prometheus' port is taken. At the end what is not sent yet is sent, and given up after
    `telemetry.shutdown_timeout_s`.
    """
    chosen = settings.metrics
    pushes = chosen.otlp and bool(settings.telemetry.otlp_endpoint)
    if not pushes and not chosen.prometheus_port:
        yield OFF
        return
    log = get_logger(__name__)
    metrics = Metrics(chosen.workspaces, chosen.connections, log)
    async with AsyncExitStack() as stack:
        if pushes:
            to, within_s = exporter(settings.telemetry), settings.telemetry.shutdown_timeout_s
            push = Push(metrics, to, resource, chosen, within_s, log)
            stack.push_async_callback(push.aclose)
            push.start()
        if chosen.prometheus_port:
            await _listen(settings, metrics, stack)
        watch = watch_event_loop(metrics)
        stack.callback(watch.cancel)
        yield metrics


async def _listen(settings: ServiceSettings, metrics: Metrics, stack: AsyncExitStack) -> None:
    # Not at the top: most processes of tests have no endpoint.
    from directflow_runtime.metrics.endpoint import Endpoint
    from directflow_runtime.metrics.prometheus import CONTENT_TYPE, prometheus_text

    async def render() -> bytes:
        snapshot = metrics.snapshot()
        return await in_daemon_thread(lambda: prometheus_text(snapshot))

    endpoint = Endpoint(render, CONTENT_TYPE)
    stack.push_async_callback(endpoint.aclose)
    await endpoint.start(settings.server.health_host or settings.server.host, settings.metrics.prometheus_port)


class Push:
    """Sends a snapshot every now and then. A collector that is away costs a thread that waits, and nobody else."""

    def __init__(
        self,
        metrics: Metrics,
        to: MetricExporter,
        resource: Resource,
        settings: MetricsSettings,
        shutdown_s: float,
        log: FilteringBoundLogger,
    ) -> None:
        self._metrics = metrics
        self._exporter = to
        self._resource = resource
        self._every_s = settings.export_interval_s
        self._shutdown_s = shutdown_s
        self._log = log
        self._works = True
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins, in the background."""
        self._task = asyncio.get_running_loop().create_task(self._forever())

    async def aclose(self) -> None:
        """Sends the last figures, and gives up after the settings' time."""
        try:
            async with asyncio.timeout(self._shutdown_s):
                if self._task is not None:
                    self._task.cancel()
                    await asyncio.wait([self._task])
                await self._send()
        except TimeoutError:
            self._log.warning("the last metrics were not exported")
        finally:
            self._exporter.shutdown(0)  # closes its channel, which ends the export that is under way

    async def _forever(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            await self._send()

    async def _send(self) -> None:
        problem: Exception | None = None
        try:
            data = metrics_data(self._metrics.snapshot(), self._resource, self._metrics.started_ns)
            works = await in_daemon_thread(lambda: self._exporter.export(data)) is MetricExportResult.SUCCESS
        except Exception as error:  # the task must not end
            works, problem = False, error
        if self._works and not works:  # once, not every time for as long as it lasts
            self._log.warning("metrics cannot be exported", exc_info=problem)
        self._works = works
