"""What to do about a failure or a wait, in a sentence each: for whoever reads a trace at night, alone."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from directflow_cli.traces.breakdown import Part
from directflow_cli.traces.spans import Span

CAUSE = "directflow.cause"
_AUTHOR = "The definition's author mends it: "
_CALLER = "The caller mends its request: "
_DBA = "For the customer's DBA: "

BY_REASON: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ALREADY_EXISTS": _CALLER + "update what is there, or choose another name.",
        "ANCHOR_MISSING": _CALLER + "say when the person entered the flow; the condition counts since then.",
        "BYTE_LIMIT_EXCEEDED": "Ask for fewer columns or people, or raise the limit on bytes.",
        "CANCELLED": "The caller left. Unless it meant to, look at what took so long before that.",
        "COMPACTED": "Read from the start: the revision to resume from is gone.",
        "CONDITION_NOT_FOUND": _CALLER + "`directflow list conditions` says which there are.",
        "CONNECTION_NOT_FOUND": "`directflow list connections` says which there are.",
        "CONTRACT_BROKEN": _AUTHOR + "its columns do not keep the contract; the error names them.",
        "CREDENTIALS_REJECTED": _DBA + "the login was refused. `directflow connection test` says what is wrong.",
        "CREDENTIALS_UNAVAILABLE": "The credential cannot be read: `directflow connection test` says who must do what.",
        "CREDENTIAL_UNBOUND": "Confirm where the credential may go: `directflow connection confirm`.",
        "DATABASE_UNREACHABLE": "See whether the customer's server is up and may be reached from the gateway: "
        "`directflow connection test`.",
        "DATA_ERROR": _AUTHOR + "stored data made the statement fail; the SQLSTATE says how.",
        "DATA_SOURCE_NOT_FOUND": "`directflow list data-sources` says which there are.",
        "DEADLINE_EXCEEDED": "The caller's deadline passed. See what took longest, or let it wait longer.",
        "DEADLINE_REQUIRED": _CALLER + "every call needs a deadline.",
        "DEFINITION_BROKEN": _AUTHOR + "PostgreSQL refuses the statement; `directflow query describe` shows where.",
        "DOCUMENT_NOT_FOUND": "It was deleted or never saved: `directflow list` says what there is.",
        "DRAINING": "That replica was shutting down: try again, another one answers.",
        "DUPLICATE_SET_FULL": _CALLER + "ask for the audience in the order of its key, which needs no memory.",
        "ETAG_MISMATCH": "Somebody saved in between: read again, then save.",
        "EVALUATION_FAILED": "The condition's policy makes this outcome an error: see the leaf that failed.",
        "EVENT_INVALID": _CALLER + "an event's field is wrong; the error names it.",
        "EVENT_TIME_OUT_OF_RANGE": _CALLER + "the event is too old, or of the future: see the sender's clock.",
        "EXPRESSION_CYCLE": _AUTHOR + "the expression refers to itself.",
        "EXPRESSION_TOO_DEEP": _AUTHOR + "the expression nests too deep.",
        "GATEWAY_REFUSED": "The gateway refused: look at its own span for the reason.",
        "GATEWAY_UNAVAILABLE": "See whether the gateway runs and its certificate is good.",
        "HOST_REFUSED": "The egress policy forbids the address: whoever runs DirectFlow decides.",
        "IDENTITY_NOT_ALLOWED": "Give the identity the role or the workspace that it needs (docs/identities.md).",
        "IDENTITY_UNKNOWN": "The caller showed no certificate that we know (docs/identities.md).",
        "IDLE_TIMEOUT": "The caller stopped reading: look there.",
        "INTERNAL": "A defect of ours: the log line with this trace id has its cause. Report it.",
        "INVALID_REQUEST": _CALLER + "the error lists every field that is wrong.",
        "OVERLOADED": "Too many wait already: try again after RetryInfo, or add replicas.",
        "PAGE_ORDER_CHANGED": "Start the listing over.",
        "PAGE_TOKEN_INVALID": "Start the listing over: the token is of another request.",
        "PERMISSION_DENIED_BY_DATABASE": _DBA + "the role needs a GRANT; `directflow query describe` writes it.",
        "POOL_SATURATED": "Every session of the connection was busy: see who holds them, then raise its limit.",
        "REFERENCE_NOT_FOUND": _AUTHOR + "it uses a resource that is not there.",
        "RESOURCE_IN_USE": "Something still uses it; the error names what.",
        "RESUME_TOKEN_INVALID": "Start the stream over: the token is of another request or revision.",
        "ROLE_REFUSED": _DBA + "the login role can do more than it may; take that from it.",
        "ROW_LIMIT_EXCEEDED": "More rows than allowed: narrow the definition, or raise its limit.",
        "ROW_TOO_LARGE": _AUTHOR + "one row is too large; select less of it.",
        "SEGMENT_NOT_FOUND": "The discovery query does not return this segment any more.",
        "SERVER_REFUSED": "PostgreSQL refused a write to DirectFlow's own database; the SQLSTATE says why.",
        "SNAPSHOT_CONFLICT": "Try again: another transaction, or a standby's recovery, was in the way.",
        "STATEMENT_REFUSED": _AUTHOR + "a statement of this kind is not allowed; the error names line and rule.",
        "STATEMENT_TIMEOUT": "The statement ran out of time: look at its plan, give it an index, or more time.",
        "STATEMENT_UNKNOWN": "The statement is in no saved definition: save it first.",
        "STORE_NOT_CONFIGURED": "Give the gateway a database of DirectFlow's own (docs/running.md).",
        "STORE_UNAVAILABLE": "See whether DirectFlow's own database is up.",
        "STREAM_INCOMPLETE": "Start over or resume: what came is not complete.",
        "STREAM_TOO_OLD": "The stream reached its greatest age: read faster, or in parts.",
        "UNIMPLEMENTED": "This version does not have the method: upgrade the service.",
        "VARIABLE_MISSING": _CALLER + "a variable has no value; the error names it.",
        "VARIABLE_REJECTED": _CALLER + "a value does not fit its variable; the error names it.",
        "VARIABLE_UNKNOWN": _CALLER + "it sent a variable that the condition does not have.",
        "WORKSPACE_OVER_LIMIT": "The workspace uses its whole share: try again after RetryInfo.",
    }
)
"""By `error.type`, every reason of the API. docs/runbook.md says more."""

BY_PART: Final[Mapping[Part, str]] = MappingProxyType(
    {
        Part.CALLER: "DirectFlow was not what took the time: look at the caller.",
        Part.ADMISSION: "A gateway's budget of sessions was used up, on one server or on all together: look for long "
        "statements, and see `[pools]` in docs/running.md.",
        Part.LANE: "The same condition was being asked for others: see, by the link, what took that statement so long.",
        Part.POOL: "No session came free (how many were in use stands at that span): look for long statements on the "
        "connection, then raise its limit.",
        Part.CONNECT: "See the network, TLS and login of that server: `directflow connection test`. "
        "Later calls take the open session.",
        Part.CREDENTIAL: "See whether Vault is slow, or the password it has is refused (docs/credentials.md).",
        Part.TRANSACTION: "The server did not answer to BEGIN or ROLLBACK: a pooler before it without a free server "
        "session, a firewall that forgot the idle one, or a server that hangs.",
        Part.COMPILE: "Only a statement's first call compiles: the next one should not.",
        Part.DESCRIBE: "Only a statement's first call is checked on the server: the next one should not be.",
        Part.PLAN: "Very many joins or partitions take long to plan: EXPLAIN the statement on that database.",
        Part.FIRST_ROW: "EXPLAIN the statement on that database: an index or a simpler query helps, DirectFlow cannot.",
        Part.TRANSFER: "The rows are many or wide, or the server is busy: select fewer columns, see its load.",
        Part.STATEMENT: "EXPLAIN the statement on that database.",
        Part.OWN_DATABASE: "See the load of DirectFlow's own database.",
        Part.READER: "Whoever reads the stream is slower than the database: look there, not here.",
        Part.HOP: "See network, TLS and the load of both processes; a first call opens the connection.",
        Part.LOOP_LAG: "Its processor had more to do than it could: more replicas, or a higher CPU limit. "
        "What it waited for meanwhile only seemed slow.",
        Part.OWN: "If this stays so, see that process's CPU and its event-loop lag.",
        Part.UNSEEN: "Something in between sent no spans: see its telemetry settings.",
    }
)
"""By what most of the time went into."""

BY_BUDGET: Final[Mapping[str, str]] = MappingProxyType(
    {
        "DATABASE_BUDGET": "All sessions that gateways may have on that server were busy: look for long statements. "
        "More need its DBA's leave (`sessions_per_database`); more gateways would only share the same ones.",
        "PROCESS_BUDGET": "All sessions that this gateway may have were busy: look for long statements, add gateways, "
        "or raise `[pools] sessions`.",
    }
)
"""By `directflow.cause`, of a wait for admission and of a POOL_SATURATED."""

UNKNOWN_REASON: Final = "Look for the log line with this trace id."


def about_failure(span: Span) -> str:
    """Of the span in which it began."""
    return BY_BUDGET.get(span.text(CAUSE)) or BY_REASON.get(span.text("error.type"), UNKNOWN_REASON)


def about_wait(part: Part, span: Span | None) -> str:
    """Of the part that took most, and the span where most of it was."""
    budget = BY_BUDGET.get(span.text(CAUSE)) if span is not None and part is Part.ADMISSION else None
    return budget or BY_PART[part]
