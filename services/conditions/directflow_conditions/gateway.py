"""The port to the query gateway: questions about one condition become one EvaluateSet, a tuple for each person."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import grpc
from directflow.gateway.v1 import query_service_pb2 as wire
from directflow.gateway.v1 import query_service_pb2_grpc as stubs
from directflow.sql.v1 import sql_pb2
from directflow_runtime.remote import forwarded
from directflow_runtime.variable_kinds import Kind

from directflow_conditions.condition import Condition, Scalar, SqlQuery, Value
from directflow_conditions.policies import RAW_CODES, Raw, bytes_table
from directflow_conditions.questions import Column, Failure, Outcomes, QuestionSet
from directflow_conditions.variables import PROFILE_ID

READ_METHODS: Final = ("directflow.gateway.v1.QueryService/EvaluateSet",)
"""What the channel may send again when the gateway was away: it reads, and twice does no harm."""

_RAW: Final = bytes_table(
    {
        wire.SET_OUTCOME_TRUE: RAW_CODES[Raw.TRUE],
        wire.SET_OUTCOME_FALSE: RAW_CODES[Raw.FALSE],
        wire.SET_OUTCOME_NULL: RAW_CODES[Raw.NULL],
        wire.SET_OUTCOME_NO_ROW: RAW_CODES[Raw.NO_ROW],
        wire.SET_OUTCOME_MULTIPLE_ROWS: RAW_CODES[Raw.MULTIPLE_ROWS],
        wire.SET_OUTCOME_ERROR: RAW_CODES[Raw.ERROR],
    }
)
_ERROR: Final = RAW_CODES[Raw.ERROR]
KINDS: Final[Mapping[Kind, sql_pb2.VariableKind]] = {
    Kind.TEXT: sql_pb2.VARIABLE_KIND_TEXT,
    Kind.INTEGER: sql_pb2.VARIABLE_KIND_INTEGER,
    Kind.NUMBER: sql_pb2.VARIABLE_KIND_NUMBER,
    Kind.BOOLEAN: sql_pb2.VARIABLE_KIND_BOOLEAN,
    Kind.DATE: sql_pb2.VARIABLE_KIND_DATE,
    Kind.TIMESTAMP: sql_pb2.VARIABLE_KIND_TIMESTAMP,
    Kind.UUID: sql_pb2.VARIABLE_KIND_UUID,
}


class UnreadableAnswer(Exception):
    """The gateway's answer breaks its contract: a defect on one of the two sides."""


class QueryGateway:
    """The query gateway over gRPC; without a timeout, the current call's deadline and trace travel with the channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        # `_pb2_grpc` is untyped: this module alone carries the ignore.
        self._queries: Any = stubs.QueryServiceStub(channel)  # type: ignore[no-untyped-call]

    async def ask(self, questions: QuestionSet, timeout: float | None = None) -> Sequence[Outcomes]:
        """The outcomes of one condition over SQL. The gateway's errors are raised as our caller should see them."""
        try:
            response = await self._queries.EvaluateSet(request_for(questions), timeout=timeout)
        except grpc.aio.AioRpcError as error:
            raise forwarded(error) from error
        return (outcomes_from(response, len(questions.profile_ids)),)


def request_for(questions: QuestionSet) -> wire.EvaluateSetRequest:
    """The people and what differs as tuples, the rest as constants: a batch of one runs the author's own statement."""
    (condition,) = questions.conditions
    request = wire.EvaluateSetRequest(
        statement=statement_message(condition),
        constants={name: value_message(value) for name, value in questions.constants.items()},
    )
    tuples = request.tuples
    tuples.row_count = len(questions.profile_ids)
    tuples.names.extend((PROFILE_ID, *questions.columns))
    # Filled in place: protobuf copies a message, and its ten thousand texts, each time that it becomes part of another.
    tuples.columns.add().texts.extend(questions.profile_ids)
    tuples.columns.extend(map(column_message, questions.columns.values()))
    return request


def outcomes_from(response: wire.EvaluateSetResponse, count: int) -> Outcomes:
    """An outcome for each of `count` tuples. More, fewer or unknown ones are a defect, and never read as FALSE."""
    raw = _raws(response.outcomes)
    if len(raw) != count or 0 in raw:
        raise UnreadableAnswer(f"EvaluateSet answered {len(raw)} outcomes, some perhaps unknown, for {count} tuples")
    failures = {error.index: Failure(error.reason, error.message, error.sqlstate) for error in response.errors}
    if raw.count(_ERROR) != len(failures) or any(index >= count or raw[index] != _ERROR for index in failures):
        raise UnreadableAnswer("EvaluateSet answered ERROR without saying why, or why without ERROR")
    return Outcomes(raw, failures)


def _raws(outcomes: Sequence[int]) -> bytes:
    try:
        return bytes(outcomes).translate(_RAW)
    except ValueError:  # an enum number beyond a byte
        return b""


def column_message(column: Column) -> sql_pb2.Column:
    """A column on the wire. What the caller sent is passed on as it is; cells of our own are of one type, none NULL."""
    if isinstance(column, sql_pb2.Column):
        return column
    cells: Any = column
    match cells[0]:
        case bool():
            return sql_pb2.Column(booleans=cells)
        case int():
            return sql_pb2.Column(integers=cells)
        case float():
            return sql_pb2.Column(doubles=cells)
        case _:
            return sql_pb2.Column(texts=cells)


def value_message(value: Value) -> sql_pb2.Value:
    """A value of the domain on the wire."""
    if isinstance(value, tuple):
        return sql_pb2.Value(list=sql_pb2.ValueList(values=[_scalar(element) for element in value]))
    return _scalar(value)


def _scalar(value: Scalar) -> sql_pb2.Value:
    match value:
        case None:
            return sql_pb2.Value(null=True)
        case bool():  # before int: True is an int in Python
            return sql_pb2.Value(boolean=value)
        case int():
            return sql_pb2.Value(integer=value)
        case float():
            return sql_pb2.Value(number=value)
        case str():
            return sql_pb2.Value(text=value)


def statement_message(condition: Condition) -> wire.Statement:
    """The statement of a condition over SQL, as everything that asks about it sends it."""
    query = condition.definition
    if not isinstance(query, SqlQuery):
        raise TypeError(f"{condition.name} is not over SQL")
    variables = [
        sql_pb2.Variable(name=variable.name, kind=KINDS[variable.kind], list=variable.is_list)
        for variable in query.variables
    ]
    return wire.Statement(
        connection=query.connection,
        template=query.sql,
        variables=variables,
        role=wire.STATEMENT_ROLE_CONDITION,
        definition=condition.name,
        revision=condition.revision,
    )
