"""Every attribute name that our spans carry, in one place: the RPC conventions are a release candidate and may move.

Names of OpenTelemetry are written out rather than imported, since `opentelemetry.semconv._incubating` is private; a
test compares them with the installed conventions. Values of SQL parameters are never an attribute.
"""

from typing import Final

# RPC, https://opentelemetry.io/docs/specs/semconv/rpc/
RPC_SYSTEM_NAME: Final = "rpc.system.name"
RPC_METHOD: Final = "rpc.method"
RPC_RESPONSE_STATUS_CODE: Final = "rpc.response.status_code"
ERROR_TYPE: Final = "error.type"
"""The reason of the error (`DATABASE_UNREACHABLE`); the status code's name where the error has no reason."""

# Database, stable, https://opentelemetry.io/docs/specs/semconv/database/
DB_SYSTEM_NAME: Final = "db.system.name"
DB_NAMESPACE: Final = "db.namespace"
DB_OPERATION_NAME: Final = "db.operation.name"
DB_QUERY_TEXT: Final = "db.query.text"
DB_QUERY_SUMMARY: Final = "db.query.summary"
DB_RESPONSE_RETURNED_ROWS: Final = "db.response.returned_rows"
DB_RESPONSE_STATUS_CODE: Final = "db.response.status_code"

# Resource, https://opentelemetry.io/docs/specs/semconv/resource/
SERVICE_NAME: Final = "service.name"
SERVICE_VERSION: Final = "service.version"
SERVICE_INSTANCE_ID: Final = "service.instance.id"
POD_NAME: Final = "k8s.pod.name"
NODE_NAME: Final = "k8s.node.name"

# Ours
IDENTITY: Final = "directflow.identity"
RESOURCE: Final = "directflow.resource"
ROWS: Final = "directflow.rows"
BYTES: Final = "directflow.bytes"
"""Of the messages that a stream has sent."""
READER_MS: Final = "directflow.time.reader_ms"
"""How long a stream was held up because whoever called it did not read."""
LOOP_LAG_MS: Final = "directflow.time.loop_lag_ms"
"""How much of a span this process's event loop was late: above a millisecond, on spans of every kind."""
LANE_WAIT_MS: Final = "directflow.lane.wait_ms"
"""From an evaluation's arrival until the statement that it shares went out."""
CALLERS: Final = "directflow.batch.callers"
"""Of a shared statement; it has links to the first of them."""
BAGGAGE: Final = "directflow.baggage"
"""And a dot and the key: a label that the caller gave, where the settings name the key."""
WORKSPACE: Final = "directflow.workspace"
CONNECTION: Final = "directflow.connection"

GRPC: Final = "grpc"
POSTGRESQL: Final = "postgresql"
