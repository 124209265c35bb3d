"""The gateway's explanations over gRPC; fills the port of `explanation.questions`."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Final

import grpc
import pyarrow as pa
from directflow.gateway.v1 import query_service_pb2 as pb
from directflow.gateway.v1 import query_service_pb2_grpc as stubs
from directflow_runtime.remote import forwarded

from directflow_segments.explanation.questions import (
    Conjunct,
    ConjunctOutcome,
    DifferenceHeader,
    DifferenceQuestion,
    ExplainedRow,
    RowQuestion,
)
from directflow_segments.gateway import answers_of, header_from, rows_from, statement_message, values_message
from directflow_segments.queries import Limits, Rows, Summary

_OUTCOMES: Final[Mapping[int, ConjunctOutcome]] = {
    pb.SET_OUTCOME_TRUE: ConjunctOutcome.TRUE,
    pb.SET_OUTCOME_FALSE: ConjunctOutcome.FALSE,
    pb.SET_OUTCOME_NULL: ConjunctOutcome.NULL,
    pb.SET_OUTCOME_ERROR: ConjunctOutcome.UNKNOWN,
}


class GrpcExplainingGateway:
    """See `questions.ExplainingGateway`. Deadline and trace of the call being served travel with the channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        # `_pb2_grpc` is untyped: the port modules alone carry the ignore.
        self._queries: Any = stubs.QueryServiceStub(channel)  # type: ignore[no-untyped-call]

    async def explain(self, question: RowQuestion) -> ExplainedRow:
        """See the port."""
        message = pb.ExplainRowRequest(
            statement=statement_message(question.query, Limits()),
            values=values_message(question.values),
            key_column=question.key_column,
            key=question.key,
            columns=question.columns,
        )
        try:
            response: pb.ExplainRowResponse = await self._queries.ExplainRow(message)
        except grpc.aio.AioRpcError as error:
            raise forwarded(error) from error
        return _explained(response)

    async def difference(self, question: DifferenceQuestion) -> AsyncGenerator[DifferenceHeader | Rows | Summary]:
        """See the port."""
        message = pb.StreamDifferenceRequest(
            first=statement_message(question.first, Limits()),
            second=statement_message(question.second, Limits()),
            values=values_message(question.values),
            key_column=question.key_column,
            columns=question.columns,
        )
        schema = pa.schema([])
        async with aclosing(answers_of(self._queries.StreamDifference(message))) as answers:
            async for answer in answers:
                match answer.WhichOneof("message"):
                    case "header":
                        header = _difference_header(answer.header)
                        schema = header.schema
                        yield header
                    case "batch":
                        yield rows_from(answer.batch, schema)
                    case "summary":
                        yield Summary(answer.summary.row_count, answer.summary.byte_count, answer.summary.truncated)


def _explained(message: pb.ExplainRowResponse) -> ExplainedRow:
    schema = pa.ipc.read_schema(pa.py_buffer(message.arrow_schema))
    return ExplainedRow(
        rows=rows_from(message.rows, schema).rows,
        truncated=message.truncated,
        conjuncts=tuple(Conjunct(c.text, c.line, c.column) for c in message.conjuncts),
        candidate_rows=message.candidate_row_count,
        nearest=tuple(tuple(_OUTCOMES[outcome] for outcome in row.outcomes) for row in message.candidate_rows),
        unexplained=message.unexplained,
    )


def _difference_header(message: pb.DifferenceHeader) -> DifferenceHeader:
    header = header_from(message.header)
    return DifferenceHeader(
        header.schema,
        header.encoded_schema,
        header.snapshot_time,
        header.estimated_rows,
        tuple(message.first_columns),
        tuple(message.second_columns),
    )
