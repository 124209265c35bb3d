"""The port to the query gateway: one question becomes one EvaluateSet with one tuple."""

from collections.abc import Mapping
from typing import Any, Final

import grpc
from directflow.gateway.v1 import query_service_pb2 as wire
from directflow.gateway.v1 import query_service_pb2_grpc as stubs
from directflow.sql.v1 import sql_pb2
from directflow_runtime.remote import forwarded

from directflow_conditions.definitions import Condition, Kind, Scalar, Value
from directflow_conditions.evaluation import Answer, Failure, Question
from directflow_conditions.policies import Raw
from directflow_conditions.variables import PROFILE_ID

READ_METHODS: Final = ("directflow.gateway.v1.QueryService/EvaluateSet",)
"""What the channel may send again when the gateway was away: it reads, and twice does no harm."""

_RAW: Final[Mapping[int, Raw]] = {
    wire.SET_OUTCOME_TRUE: Raw.TRUE,
    wire.SET_OUTCOME_FALSE: Raw.FALSE,
    wire.SET_OUTCOME_NULL: Raw.NULL,
    wire.SET_OUTCOME_NO_ROW: Raw.NO_ROW,
    wire.SET_OUTCOME_MULTIPLE_ROWS: Raw.MULTIPLE_ROWS,
    wire.SET_OUTCOME_ERROR: Raw.ERROR,
}
_KINDS: Final[Mapping[Kind, sql_pb2.VariableKind]] = {
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
    """The query gateway over gRPC; deadline and trace of the current call travel with the channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        # `_pb2_grpc` is untyped: this module alone carries the ignore.
        self._queries: Any = stubs.QueryServiceStub(channel)  # type: ignore[no-untyped-call]

    async def ask(self, question: Question) -> Answer:
        """One profile's answer. The gateway's errors are raised as our caller should see them."""
        try:
            response = await self._queries.EvaluateSet(request_for(question))
        except grpc.aio.AioRpcError as error:
            raise forwarded(error) from error
        return answer_from(response)


def request_for(question: Question) -> wire.EvaluateSetRequest:
    """The person as the one tuple, everything else as constants: a batch of one runs the author's own statement."""
    return wire.EvaluateSetRequest(
        statement=_statement(question.condition),
        constants={name: value_message(value) for name, value in question.constants.items()},
        tuples=wire.Tuples(row_count=1, names=[PROFILE_ID], columns=[sql_pb2.Column(texts=[question.profile_id])]),
    )


def answer_from(response: wire.EvaluateSetResponse) -> Answer:
    """The one outcome. More, fewer or unknown ones are a defect, and never read as FALSE."""
    if len(response.outcomes) != 1 or response.outcomes[0] not in _RAW:
        raise UnreadableAnswer(f"EvaluateSet answered {list(response.outcomes)} for one tuple")
    raw = _RAW[response.outcomes[0]]
    return Answer(raw, _failure(response) if raw is Raw.ERROR else None)


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


def _statement(condition: Condition) -> wire.Statement:
    variables = [
        sql_pb2.Variable(name=variable.name, kind=_KINDS[variable.kind], list=variable.is_list)
        for variable in condition.variables
    ]
    return wire.Statement(
        connection=condition.connection,
        template=condition.sql,
        variables=variables,
        role=wire.STATEMENT_ROLE_CONDITION,
        definition=condition.name,
        revision=condition.revision,
    )


def _failure(response: wire.EvaluateSetResponse) -> Failure:
    if not response.errors:
        raise UnreadableAnswer("EvaluateSet answered ERROR without saying why")
    error = response.errors[0]
    return Failure(error.reason, error.message, error.sqlstate)
