"""Names of span attributes and events that the gateway sets, in one place.

`db.*` are OpenTelemetry's stable database conventions; what they have no name for is `directflow.*`.
https://opentelemetry.io/docs/specs/semconv/database/database-spans/
"""

DB_SYSTEM_NAME = "db.system.name"
DB_NAMESPACE = "db.namespace"
DB_OPERATION_NAME = "db.operation.name"
DB_QUERY_SUMMARY = "db.query.summary"
DB_QUERY_TEXT = "db.query.text"
DB_RESPONSE_STATUS_CODE = "db.response.status_code"
"""PostgreSQL's SQLSTATE."""
DB_RETURNED_ROWS = "db.response.returned_rows"
ERROR_TYPE = "error.type"
HTTP_RESPONSE_STATUS_CODE = "http.response.status_code"
"""Of Vault's last answer to an operation."""

CONNECTION = "directflow.connection"
DEFINITION = "directflow.definition"
DEFINITION_REVISION = "directflow.definition.revision"
STATEMENT_ROLE = "directflow.statement.role"
ESTIMATED_ROWS = "directflow.rows.estimated"
RETURNED_BYTES = "directflow.bytes.returned"
FIRST_ROW_MS = "directflow.first_row_ms"
"""From sending the statement to its first row."""
EVENTS = "directflow.events"
"""How many engagement events a statement appends."""
PREDICATES = "directflow.predicates"
PROFILES = "directflow.profiles"
TUPLES_BY_FORM = "directflow.tuples"
"""`directflow.tuples.lateral` and so on: different tuples of an evaluation by the form that decided them."""
