"""The query gateway over gRPC: the one module that knows its stub, and fills the port of `queries`."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC
from typing import Any, Final

import grpc
import pyarrow as pa
from directflow.gateway.v1 import query_service_pb2 as pb
from directflow.gateway.v1 import query_service_pb2_grpc as stubs
from directflow.sql.v1 import sql_pb2
from directflow_runtime.remote import forwarded

from directflow_segments.data_sources import Kind, Query, Role, Value
from directflow_segments.queries import (
    Header,
    Limits,
    Outcome,
    PeopleRequest,
    PeopleRows,
    PeopleSummary,
    PersonError,
    Rows,
    RowsRequest,
    Summary,
)
from directflow_segments.values.wire import duration_message, value_message

READ_METHODS: Final = tuple(
    f"directflow.gateway.v1.QueryService/{method}"
    for method in ("StreamQuery", "CountQuery", "FetchSet", "ExplainRow", "StreamDifference")
)
"""What the channel may send again when the gateway was away: all of them read. Never after the first message."""

_ROLES: Final = {
    Role.DISCOVERY: pb.STATEMENT_ROLE_DISCOVERY,
    Role.GENERATOR: pb.STATEMENT_ROLE_GENERATOR,
    Role.PRELOAD: pb.STATEMENT_ROLE_PRELOAD,
}
_KINDS: Final = {
    Kind.TEXT: sql_pb2.VARIABLE_KIND_TEXT,
    Kind.INTEGER: sql_pb2.VARIABLE_KIND_INTEGER,
    Kind.NUMBER: sql_pb2.VARIABLE_KIND_NUMBER,
    Kind.BOOLEAN: sql_pb2.VARIABLE_KIND_BOOLEAN,
    Kind.DATE: sql_pb2.VARIABLE_KIND_DATE,
    Kind.TIMESTAMP: sql_pb2.VARIABLE_KIND_TIMESTAMP,
    Kind.UUID: sql_pb2.VARIABLE_KIND_UUID,
}
_OUTCOMES: Final[Mapping[int, Outcome]] = {
    pb.SET_OUTCOME_ROW: Outcome.ROW,
    pb.SET_OUTCOME_NO_ROW: Outcome.NO_ROW,
    pb.SET_OUTCOME_MULTIPLE_ROWS: Outcome.MULTIPLE_ROWS,
    pb.SET_OUTCOME_ERROR: Outcome.ERROR,
}


class GrpcQueryGateway:
    """See `queries.QueryGateway`. Deadline and trace of the call being served travel with the channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        # `_pb2_grpc` is untyped: the port modules alone carry the ignore.
        self._queries: Any = stubs.QueryServiceStub(channel)  # type: ignore[no-untyped-call]

    async def rows(self, request: RowsRequest) -> AsyncGenerator[Header | Rows | Summary]:
        """See the port."""
        schema = pa.schema([])
        async with aclosing(answers_of(self._queries.StreamQuery(_rows_message(request)))) as answers:
            async for answer in answers:
                match answer.WhichOneof("message"):
                    case "header":
                        header = header_from(answer.header)
                        schema = header.schema
                        yield header
                    case "batch":
                        yield rows_from(answer.batch, schema)
                    case "summary":
                        yield Summary(answer.summary.row_count, answer.summary.byte_count, answer.summary.truncated)

    async def people(self, request: PeopleRequest) -> AsyncGenerator[Header | PeopleRows | PeopleSummary]:
        """See the port."""
        schema = pa.schema([])
        async with aclosing(answers_of(self._queries.FetchSet(_people_message(request)))) as answers:
            async for answer in answers:
                match answer.WhichOneof("message"):
                    case "header":
                        header = header_from(answer.header)
                        schema = header.schema
                        yield header
                    case "batch":
                        yield PeopleRows(rows_from(answer.batch.rows, schema), tuple(answer.batch.tuple_indexes))
                    case "summary":
                        yield _people_summary(answer.summary, len(request.profile_ids))

    async def estimate(self, request: RowsRequest) -> int:
        """See the port."""
        message = pb.CountQueryRequest(
            statement=statement_message(request.query, request.limits),
            values=values_message(request.values),
            mode=pb.COUNT_MODE_ESTIMATE,
        )
        try:
            response = await self._queries.CountQuery(message)
        except grpc.aio.AioRpcError as error:
            raise forwarded(error) from error
        return int(response.row_count)


async def answers_of(call: Any) -> AsyncGenerator[Any]:
    """The messages of a call, which is cancelled however the loop over them is left."""
    try:
        async for message in call:
            yield message
    except grpc.aio.AioRpcError as error:
        raise forwarded(error) from error
    finally:
        call.cancel()  # or the gateway, and the customer's server, would go on for nobody


# --- requests ---------------------------------------------------------------------------------------------------------


def _rows_message(request: RowsRequest) -> pb.StreamQueryRequest:
    message = pb.StreamQueryRequest(
        statement=statement_message(request.query, request.limits),
        values=values_message(request.values),
        encoding=pb.ENCODING_ARROW,
        value_form=pb.VALUE_FORM_TYPED,
        columns=request.columns,
        order_by_column=request.order_by,
    )
    if request.after is not None:
        message.after = request.after
    return message


def _people_message(request: PeopleRequest) -> pb.FetchSetRequest:
    return pb.FetchSetRequest(
        statement=statement_message(request.query, Limits()),
        constants=values_message(request.values),
        tuples=_tuples(request.variable, request.profile_ids),
        encoding=pb.ENCODING_ARROW,
    )


def _tuples(variable: str, ids: Sequence[str]) -> pb.Tuples:
    return pb.Tuples(row_count=len(ids), names=[variable], columns=[sql_pb2.Column(texts=ids)])


def statement_message(query: Query, limits: Limits) -> pb.Statement:
    """A query as the gateway is asked to run it."""
    variables = [sql_pb2.Variable(name=v.name, kind=_KINDS[v.kind], list=v.is_list) for v in query.variables]
    return pb.Statement(
        connection=query.connection,
        template=query.template,
        variables=variables,
        role=_ROLES[query.role],
        definition=query.definition,
        revision=query.revision,
        limits=_limits(limits),
        key_column=query.key_column if query.role is Role.DISCOVERY else "",
    )


def _limits(limits: Limits) -> pb.QueryLimits:
    message = pb.QueryLimits(max_rows=limits.max_rows, max_bytes=limits.max_bytes, truncate=limits.truncate)
    if limits.statement_timeout_s:
        message.statement_timeout.CopyFrom(duration_message(limits.statement_timeout_s))
    if limits.max_age_s:
        message.max_age.CopyFrom(duration_message(limits.max_age_s))
    return message


def values_message(values: Mapping[str, Value]) -> dict[str, sql_pb2.Value]:
    """Values by variable."""
    return {name: value_message(value) for name, value in values.items()}


# --- answers ----------------------------------------------------------------------------------------------------------


def header_from(message: pb.StreamHeader) -> Header:
    """What is known before the first row."""
    schema = pa.ipc.read_schema(pa.py_buffer(message.arrow_schema))
    taken = message.snapshot_time.ToDatetime(UTC)
    return Header(schema, message.arrow_schema, taken, message.estimated_rows)


def rows_from(message: pb.RowBatch, schema: pa.Schema) -> Rows:
    """A run of rows."""
    rows = pa.ipc.read_record_batch(pa.py_buffer(message.arrow_record_batch), schema)
    if rows.num_rows != message.row_count:
        raise ValueError("a batch of the gateway counts other rows than it holds")
    return Rows(rows, message.arrow_record_batch, message.row_offset)


def _people_summary(message: pb.FetchSummary, people: int) -> PeopleSummary:
    if len(message.outcomes) != people:
        raise ValueError(f"the gateway told {len(message.outcomes)} outcomes for {people} people")
    errors = tuple(PersonError(error.index, error.reason, error.message) for error in message.errors)
    return PeopleSummary(tuple(_OUTCOMES[outcome] for outcome in message.outcomes), errors, message.row_count)
