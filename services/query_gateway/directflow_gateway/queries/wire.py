"""Between the messages of directflow.gateway.v1 and the gateway's own terms. Nothing here decides anything."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from directflow.gateway.v1 import query_service_pb2 as pb
from directflow.sql.v1 import sql_pb2 as sql_pb
from directflow_runtime.columns import unpack_columns
from directflow_runtime.errors import DirectFlowError, FieldViolation, Problem, StatusCode
from directflow_runtime.status import report_of
from google.protobuf.duration_pb2 import Duration

from directflow_gateway.connections import LimitOverrides
from directflow_gateway.description import ColumnType, Description, WireType
from directflow_gateway.queries.outcomes import Outcome
from directflow_gateway.queries.sets.costs import Form
from directflow_gateway.queries.sets.evaluating import LETTERS
from directflow_gateway.queries.sets.plan import SetPlan
from directflow_gateway.queries.sets.tuples import Tuples
from directflow_gateway.queries.statement import Statement, StatementRole
from directflow_gateway.sql import Kind, Variable
from directflow_gateway.sql.variables import Scalar, VariableValue

KINDS = {
    sql_pb.VARIABLE_KIND_UNSPECIFIED: Kind.TEXT,
    sql_pb.VARIABLE_KIND_TEXT: Kind.TEXT,
    sql_pb.VARIABLE_KIND_INTEGER: Kind.INTEGER,
    sql_pb.VARIABLE_KIND_NUMBER: Kind.NUMBER,
    sql_pb.VARIABLE_KIND_BOOLEAN: Kind.BOOLEAN,
    sql_pb.VARIABLE_KIND_DATE: Kind.DATE,
    sql_pb.VARIABLE_KIND_TIMESTAMP: Kind.TIMESTAMP,
    sql_pb.VARIABLE_KIND_UUID: Kind.UUID,
}

ROLES = {
    pb.STATEMENT_ROLE_DISCOVERY: StatementRole.DISCOVERY,
    pb.STATEMENT_ROLE_GENERATOR: StatementRole.GENERATOR,
    pb.STATEMENT_ROLE_PRELOAD: StatementRole.PRELOAD,
    pb.STATEMENT_ROLE_CONDITION: StatementRole.CONDITION,
    pb.STATEMENT_ROLE_AD_HOC: StatementRole.AD_HOC,
}

WIRE_TYPES = {
    WireType.BOOLEAN: sql_pb.WIRE_TYPE_BOOLEAN,
    WireType.INTEGER: sql_pb.WIRE_TYPE_INTEGER,
    WireType.DOUBLE: sql_pb.WIRE_TYPE_DOUBLE,
    WireType.TIMESTAMP: sql_pb.WIRE_TYPE_TIMESTAMP,
    WireType.TEXT: sql_pb.WIRE_TYPE_TEXT,
}

MOST_TUPLES = 10_000

OUTCOMES = {
    Outcome.TRUE: pb.SET_OUTCOME_TRUE,
    Outcome.FALSE: pb.SET_OUTCOME_FALSE,
    Outcome.NULL: pb.SET_OUTCOME_NULL,
    Outcome.ROW: pb.SET_OUTCOME_ROW,
    Outcome.NO_ROW: pb.SET_OUTCOME_NO_ROW,
    Outcome.MULTIPLE_ROWS: pb.SET_OUTCOME_MULTIPLE_ROWS,
    Outcome.ERROR: pb.SET_OUTCOME_ERROR,
}

CONJUNCT_OUTCOMES = {
    "t": pb.SET_OUTCOME_TRUE,
    "f": pb.SET_OUTCOME_FALSE,
    "n": pb.SET_OUTCOME_NULL,
    "e": pb.SET_OUTCOME_ERROR,
}

OUTCOME_OF_LETTER = bytes(OUTCOMES[LETTERS[chr(code)]] if chr(code) in LETTERS else 0 for code in range(256))
"""For `bytes.translate`: a loop over ten thousand outcomes would cost more than all the rest here."""

SET_FORMS = {
    Form.SINGLE: sql_pb.SET_FORM_SINGLE,
    Form.LATERAL: sql_pb.SET_FORM_LATERAL,
    Form.JOIN: sql_pb.SET_FORM_LATERAL,
    Form.SEMI_JOIN: sql_pb.SET_FORM_SEMI_JOIN,
}


def statement_of(message: pb.Statement) -> Statement:
    """The statement that a request carries."""
    return Statement(
        connection=message.connection,
        template=message.template,
        role=ROLES[message.role],
        variables=tuple(Variable(v.name, KINDS[v.kind], v.list) for v in message.variables),
        definition=message.definition,
        revision=message.revision,
        limits=limits_of(message.limits),
        allowed_functions=frozenset(message.allowed_functions),
        key_column=message.key_column,
    )


def limits_of(message: pb.QueryLimits) -> LimitOverrides:
    """What the call lowers; what it leaves at zero stays the connection's."""
    return LimitOverrides(
        max_rows=message.max_rows or None,
        max_bytes=message.max_bytes or None,
        max_row_bytes=message.max_row_bytes or None,
        statement_timeout_s=seconds(message.statement_timeout) or None,
        max_stream_age_s=seconds(message.max_age) or None,
        truncate=message.truncate,
    )


def seconds(duration: Duration) -> float:
    """A duration in seconds; 0.0 where it is absent."""
    return duration.seconds + duration.nanos / 1e9


def duration_of(value: float) -> Duration:
    """Seconds as a duration."""
    duration = Duration()
    duration.FromTimedelta(timedelta(seconds=value))
    return duration


def value_of(message: sql_pb.Value) -> VariableValue:
    """One value; a message in which nothing is set is NULL."""
    kind = message.WhichOneof("kind")
    if kind is None or kind == "null":
        return None
    if kind == "list":
        return [scalar_of(element) for element in message.list.values]
    return scalar_of(message)


def scalar_of(message: sql_pb.Value) -> Scalar | None:
    """One element of a list. Raises INVALID_REQUEST for a list within a list."""
    kind = message.WhichOneof("kind")
    if kind == "list":
        raise DirectFlowError(
            StatusCode.INVALID_ARGUMENT,
            "INVALID_REQUEST",
            "A list holds scalars only.",
            violations=[FieldViolation("values.list", "A list within a list.", "NESTED_LIST")],
        )
    if kind is None or kind == "null":
        return None
    scalar: Scalar = getattr(message, kind)
    return scalar


def values_of(messages: Mapping[str, sql_pb.Value]) -> dict[str, VariableValue]:
    """All values of a call by variable."""
    return {name: value_of(message) for name, message in messages.items()}


def schema_message(columns: Iterable[ColumnType], *, as_text: bool = False) -> sql_pb.Schema:
    """The columns of a result; `as_text` where every cell travels as PostgreSQL prints it."""
    return sql_pb.Schema(
        columns=[
            sql_pb.ColumnType(
                name=column.name,
                postgres_type=column.pg_type,
                type_oid=column.oid,
                wire_type=sql_pb.WIRE_TYPE_TEXT if as_text else WIRE_TYPES[column.wire],
            )
            for column in columns
        ]
    )


def report_message(
    description: Description | None, problems: Iterable[Problem], sets: SetPlan | None = None
) -> sql_pb.ValidationReport:
    """Everything that is known of a statement, errors first."""
    report = report_of(tuple(problems))
    if description is not None:
        report.queries.append(query_report(description, sets))
    return report


def query_report(description: Description, sets: SetPlan | None) -> sql_pb.QueryReport:
    """What Describe said of one query, and for one about a profile how it runs for many."""
    compiled = description.compiled
    return sql_pb.QueryReport(
        field="template",
        bound_sql=compiled.text,
        schema=schema_message(description.columns),
        variable_uses=[
            sql_pb.VariableUse(name=name, inferred_type=inferred, line=parameter.line, column=parameter.column)
            for parameter, inferred in zip(compiled.parameters, description.parameter_types, strict=True)
            for name in parameter.variables
        ],
        rewrites=description.rewrites,
        set_form=SET_FORMS[sets.form] if sets is not None else sql_pb.SET_FORM_UNSPECIFIED,
        set_form_reason=sets.reason if sets is not None else "",
    )


def outcomes_of(letters: bytes) -> Sequence[pb.SetOutcome]:
    """The outcomes of a condition's letters, as a packed field takes them."""
    packed: Any = letters.translate(OUTCOME_OF_LETTER)  # bytes are numbers, which is what enums are on the wire
    outcomes: Sequence[pb.SetOutcome] = packed
    return outcomes


def tuple_errors(errors: Mapping[int, DirectFlowError]) -> list[pb.TupleError]:
    """Why tuples failed, sparse, by rising index."""
    return [
        pb.TupleError(index=index, reason=error.reason, message=error.message, sqlstate=error.sqlstate)
        for index, error in sorted(errors.items())
    ]


def tuples_of(message: pb.Tuples, constants: Mapping[str, VariableValue]) -> Tuples:
    """The tuples of a request. Raises INVALID_REQUEST for columns that do not agree."""
    if not 0 < message.row_count <= MOST_TUPLES:
        raise invalid("tuples.row_count", f"1 to {MOST_TUPLES} tuples.", "OUT_OF_RANGE")
    if len(message.names) != len(message.columns) or len(set(message.names)) != len(message.names):
        raise invalid("tuples.names", "One different name for each column.", "NAMES")
    columns = unpack_columns(message.columns, message.row_count, "tuples.columns")
    return Tuples.of(message.row_count, constants, dict(zip(message.names, columns, strict=True)))


def invalid(field: str, description: str, reason: str) -> DirectFlowError:
    """A request that breaks its contract in one field."""
    violation = FieldViolation(field, description, reason)
    return DirectFlowError(StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", description, violations=[violation])
