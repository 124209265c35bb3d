"""Names of span attributes and events that the gateway sets, in one place; the runtime's, where it has one.

`db.*` are OpenTelemetry's stable database conventions; what they have no name for is `directflow.*`.
https://opentelemetry.io/docs/specs/semconv/database/database-spans/
"""

from directflow_runtime.telemetry_names import CONNECTION as CONNECTION
from directflow_runtime.telemetry_names import DB_NAMESPACE as DB_NAMESPACE
from directflow_runtime.telemetry_names import DB_OPERATION_NAME as DB_OPERATION_NAME
from directflow_runtime.telemetry_names import DB_QUERY_SUMMARY as DB_QUERY_SUMMARY
from directflow_runtime.telemetry_names import DB_QUERY_TEXT as DB_QUERY_TEXT
from directflow_runtime.telemetry_names import DB_RESPONSE_RETURNED_ROWS as DB_RESPONSE_RETURNED_ROWS
from directflow_runtime.telemetry_names import DB_RESPONSE_STATUS_CODE as DB_RESPONSE_STATUS_CODE
from directflow_runtime.telemetry_names import DB_SYSTEM_NAME as DB_SYSTEM_NAME
from directflow_runtime.telemetry_names import ERROR_TYPE as ERROR_TYPE
from directflow_runtime.telemetry_names import POSTGRESQL as POSTGRESQL
from directflow_runtime.telemetry_names import READER_MS as READER_MS

HTTP_RESPONSE_STATUS_CODE = "http.response.status_code"
"""Of Vault's last answer to an operation."""

DEFINITION = "directflow.definition"
DEFINITION_REVISION = "directflow.definition.revision"
STATEMENT_ROLE = "directflow.statement.role"
ESTIMATED_ROWS = "directflow.rows.estimated"
RETURNED_BYTES = "directflow.bytes.returned"
FIRST_ROW_MS = "directflow.time.first_row_ms"
"""From sending the statement to its first row."""
PLAN_MS = "directflow.time.plan_ms"
"""Asking the planner, before the statement runs."""
SERVER_MS = "directflow.time.server_ms"
"""Waiting for PostgreSQL, from sending the statement to its last row."""
BATCHES = "directflow.batches"
PREPARED = "directflow.compile.cached"
"""True: the statement was compiled, described and checked for an earlier call, and was taken as it was."""
IS_REPLICA = "directflow.replica"
"""The server was in recovery: what the primary has may not be there yet, and its recovery may end a statement."""
POOL_WAIT_MS = "directflow.pool.wait_ms"
POOL_OPENED = "directflow.pool.opened"
"""The session was opened while the caller waited."""
POOL_IN_USE = "directflow.pool.in_use"
POOL_SIZE = "directflow.pool.size"
POOL_CREDENTIAL_MS = "directflow.pool.credential_ms"
"""Of a wait for a session, or of opening one: its credential was read, or was not to be asked for again yet."""
POOL_ADMISSION_MS = "directflow.pool.admission_ms"
"""Of that wait: a budget was used up."""
POOL_CONNECT_MS = "directflow.pool.connect_ms"
"""Of that wait: the pool opened a session, for this caller or for one before it."""
CONNECT_MS = "directflow.connect_ms"
"""Of opening a session: name, TLS, password."""
EXAMINE_MS = "directflow.examine_ms"
"""Of opening a session: what its role may do was looked at."""
CAUSE = "directflow.cause"
"""`cause` of an error's metadata: TIMEOUT, TLS, PROCESS_BUDGET."""
EVENTS = "directflow.events"
"""How many engagement events a statement appends."""
PREDICATES = "directflow.predicates"
PROFILES = "directflow.profiles"
TUPLES_BY_FORM = "directflow.tuples"
"""`directflow.tuples.lateral` and so on: different tuples of an evaluation by the form that decided them."""
