"""The layers around every call of every service, in one list with the reason beside each line."""

from collections.abc import Collection, Sequence

from opentelemetry.trace import Tracer
from structlog.typing import FilteringBoundLogger

from directflow_runtime.identity import IdentityPolicy
from directflow_runtime.interceptors.deadline import Deadline
from directflow_runtime.interceptors.drain import Drain
from directflow_runtime.interceptors.errors import Errors
from directflow_runtime.interceptors.identity import Identity
from directflow_runtime.interceptors.idle_timeout import IdleTimeout
from directflow_runtime.interceptors.layered import Layer, Layered
from directflow_runtime.interceptors.messages import Messages
from directflow_runtime.interceptors.metering import Metering
from directflow_runtime.interceptors.request_log import RequestLog
from directflow_runtime.interceptors.tracing import Tracing
from directflow_runtime.metrics import OFF, Metrics
from directflow_runtime.metrics.names import CALLS_RUNNING
from directflow_runtime.settings import ServerSettings
from directflow_runtime.validation import Validator

__all__ = ["Drain", "Layer", "Layered", "server_interceptors"]


def server_interceptors(
    *,
    domain: str,
    tracer: Tracer,
    logger: FilteringBoundLogger,
    policy: IdentityPolicy,
    settings: ServerSettings,
    drain: Drain,
    metrics: Metrics = OFF,
    baggage: Collection[str] = (),
) -> Sequence[Layered]:
    """What `grpc.aio.server(interceptors=...)` takes. `domain` is the API's: "gateway.directflow".
    `baggage`: the keys of callers' baggage that become labels."""
    errors, identity = Errors(domain, logger, drain), Identity(policy)
    idle_timeout = IdleTimeout(settings.idle_write_s)
    metrics.gauge(CALLS_RUNNING, lambda: {(domain.partition(".")[0],): drain.running})
    layers: tuple[Layer, ...] = (
        drain,  # first: a call counts as running until all of the others are done with it
        Tracing(tracer, baggage),  # everything below has a trace id, and the span gets the final code
        RequestLog(logger),  # its line carries that trace id, and is written whatever happens below
        Metering(metrics),  # the figures of the same call, however it ends
        errors,  # what is raised below becomes a status, and the record's code
        Deadline(settings.max_unary_deadline_s, settings.max_stream_deadline_s, drain),  # before anything can wait
        identity,  # permission before existence, and before a byte of the request is parsed
        idle_timeout,  # around the servicer's generator: it is closed before a status is sent
        Messages(Validator()),  # last: servicers see requests that keep their own annotations
    )
    return (Layered(layers, of_infrastructure=(errors, identity, idle_timeout)),)
