"""Every metric that our services have, in one place: name, unit, labels, and what it tells.

`docs/metrics.md` is the same list for people, and a test keeps the two in step. Durations are seconds. A label's values
are few by their nature (a method, a reason), or they are in CAPPED.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

WORKSPACE: Final = "workspace"
CONNECTION: Final = "connection"
CAPPED: Final = frozenset({WORKSPACE, CONNECTION})
"""Labels whose values customers make more of: beyond the settings' cap they are OTHER."""
OTHER: Final = "other"

_SUFFIXES: Final = {"s": "_seconds", "By": "_bytes"}
QUICK: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
"""From a call out of memory to a stream of half an hour."""
WAITS: Final = (0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1000.0, 5000.0, 10_000.0)


@dataclass(frozen=True, slots=True)
class Named:
    """One metric."""

    name: str
    """As OpenTelemetry spells it: "directflow.pool.sessions"."""
    unit: str
    """UCUM: "s", "By", or what is counted in braces."""
    labels: tuple[str, ...]
    tells: str

    @property
    def prometheus(self) -> str:
        """As Prometheus spells it, from our endpoint and from a Collector alike: "directflow_pool_sessions". A
        histogram has `_bucket`, `_sum` and `_count` behind it."""
        return _spelled(self)


def _spelled(named: Named) -> str:
    return named.name.replace(".", "_").removesuffix(suffix := _SUFFIXES.get(named.unit, "")) + suffix


@dataclass(frozen=True, slots=True)
class CounterNamed(Named):
    """Only ever grows."""

    @property
    def prometheus(self) -> str:
        """With the `_total` that every counter has there."""
        return _spelled(self) + "_total"


@dataclass(frozen=True, slots=True)
class GaugeNamed(Named):
    """Read from what is there in the moment of the export."""

    merged: Callable[[Iterable[float]], float] = sum
    """What stands for several values whose labels have become one by the cap."""


@dataclass(frozen=True, slots=True)
class HistogramNamed(Named):
    """How often which size."""

    bounds: tuple[float, ...] = QUICK
    """Upper bounds of its buckets; the last one is open."""


# Calls, all services
RPC_DURATION: Final = HistogramNamed(
    "rpc.server.call.duration",
    "s",
    ("rpc.method", "rpc.response.status_code", "error.type"),
    "Calls by how they ended and how long they took; `error.type` is the reason, empty for OK.",
)
STREAM_ROWS: Final = CounterNamed(
    "directflow.stream.rows", "{row}", ("rpc.method", WORKSPACE), "Rows that streams have delivered."
)
STREAM_BYTES: Final = CounterNamed(
    "directflow.stream.bytes",
    "By",
    ("rpc.method", WORKSPACE),
    "Bytes of messages that streams have sent.",
)
CALLS_RUNNING: Final = GaugeNamed(
    "directflow.calls.running", "{call}", ("service",), "Calls that run now, watches included."
)
ADMISSION_REFUSED: Final = CounterNamed(
    "directflow.admission.refused",
    "{call}",
    ("reason",),
    "Calls that were turned away because something was full or ending: OVERLOADED, POOL_SATURATED, DRAINING.",
)
EVENT_LOOP_LAG: Final = HistogramNamed(
    "directflow.event_loop.lag",
    "s",
    (),
    "How late the event loop was for an appointment, twice a second: everything else was as late.",
    WAITS,
)
DEFINITIONS_AGE: Final = GaugeNamed(
    "directflow.definitions.age", "s", ("collection",), "Since the store of definitions was last heard.", max
)
DEFINITIONS_COUNT: Final = GaugeNamed(
    "directflow.definitions.count", "{definition}", ("collection",), "Definitions in memory."
)
SPANS_DROPPED: Final = CounterNamed(
    "directflow.telemetry.spans.dropped",
    "{span}",
    (),
    "Spans that reached no collector: the export failed, or the queue was full.",
)

# Sessions on customers' databases, gateway
POOL_SESSIONS: Final = GaugeNamed(
    "directflow.pool.sessions", "{session}", (CONNECTION, "state"), "Sessions by state: idle, leased, opening."
)
POOL_LIMIT: Final = GaugeNamed(
    "directflow.pool.limit",
    "{session}",
    (CONNECTION,),
    "Sessions that the pool may have: `pool_size`.",
)
POOL_WAITING: Final = GaugeNamed(
    "directflow.pool.waiting", "{call}", (CONNECTION,), "Calls that wait for a session now."
)
POOL_WAIT: Final = HistogramNamed(
    "directflow.pool.wait.duration",
    "s",
    (CONNECTION,),
    "How long calls waited for a session, with or without success.",
    WAITS,
)
BUDGET_HELD: Final = GaugeNamed(
    "directflow.pool.budget.held",
    "{session}",
    ("scope",),
    "Sessions that count against a budget: of the process, and of the database server that has most.",
    max,
)
BUDGET_LIMIT: Final = GaugeNamed(
    "directflow.pool.budget.limit", "{session}", ("scope",), "The budgets of `[pools]`; absent without a limit.", max
)
DATABASE_LOGINS: Final = CounterNamed(
    "directflow.database.logins",
    "{login}",
    (CONNECTION, "outcome"),
    "Logins by outcome: ok, refused (user or password), unreachable (everything else).",
)
BREAKER_OPEN: Final = GaugeNamed(
    "directflow.breaker.open",
    "{breaker}",
    (CONNECTION,),
    "1 while a connection is not tried because it failed again and again, or was refused, else 0.",
    max,
)
STATEMENT_DURATION: Final = HistogramNamed(
    "directflow.statement.duration",
    "s",
    ("operation", CONNECTION, "outcome"),
    "Statements on customers' databases: describe (all that the server is asked about a new one, its catalogue "
    "included), stream, count, evaluate, fetch...; outcome is ok or the reason.",
)
EVALUATION_TUPLES: Final = CounterNamed(
    "directflow.evaluation.tuples",
    "{tuple}",
    ("form",),
    "People by the form of the statement that answered for them: single is one statement each.",
)

# Credentials and Vault, gateway
CREDENTIAL_AGE: Final = GaugeNamed(
    "directflow.credential.age", "s", (CONNECTION, "kind"), "Since the credential was last read with success.", max
)
CREDENTIAL_NEXT: Final = GaugeNamed(
    "directflow.credential.next_refresh",
    "s",
    (CONNECTION, "kind"),
    "Until the credential is to be read or renewed again; negative: overdue.",
    min,
)
CREDENTIAL_READS: Final = CounterNamed(
    "directflow.credential.reads", "{read}", ("kind", "outcome"), "Readings of credentials: ok, or the cause."
)
VAULT_LOGIN_EXPIRES: Final = GaugeNamed(
    "directflow.vault.login.expires_in",
    "s",
    (),
    "Until the gateway's login to Vault ends; absent without one, or where it has no end.",
    min,
)
VAULT_OPERATIONS: Final = CounterNamed(
    "directflow.vault.operations",
    "{operation}",
    ("operation", "outcome"),
    "Operations on Vault, retries included: ok, or the kind of failure.",
)

# DirectFlow's own database, gateway
ENGAGEMENT_EVENTS: Final = CounterNamed(
    "directflow.engagement.events", "{event}", ("outcome",), "Events that came in: recorded, duplicate, refused."
)

# Evaluations, conditions
EVALUATION_BATCH: Final = HistogramNamed(
    "directflow.evaluation.batch.size", "{call}", (), "Calls that shared one statement of a lane.", SIZES
)
LANES: Final = GaugeNamed("directflow.lanes", "{lane}", (), "Lanes: different questions that are being asked now.")
LANE_WAITING: Final = GaugeNamed("directflow.lane.waiting", "{call}", (), "Calls that wait for a lane's answer now.")

ALL: Final[tuple[Named, ...]] = tuple(value for value in list(globals().values()) if isinstance(value, Named))
