"""directflow.gateway.v1.QueryService: unpack, call, pack."""

import re
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import aclosing
from typing import Any, Final

import pyarrow as pa
from directflow.gateway.v1 import query_service_pb2 as pb
from directflow.gateway.v1 import query_service_pb2_grpc
from directflow_runtime.calls import current_call, note
from directflow_runtime.column_encoding import encode_columns, field
from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode
from directflow_runtime.identity import require_may_define, require_workspace
from directflow_runtime.resource_names import ID

from directflow_gateway.definitions.provenance import Provenance
from directflow_gateway.execution import ValueForm
from directflow_gateway.queries import differing, explaining, rows, wire
from directflow_gateway.queries.diagnosis import diagnose
from directflow_gateway.queries.engine import QueryEngine
from directflow_gateway.queries.sets import evaluating, fetching
from directflow_gateway.queries.statement import Statement, StatementRole

LONGEST_DEFINITION: Final = 256
"""Characters of the name that labels a statement."""

_DEFINITION: Final = re.compile(rf"workspaces/{ID}(?:/[A-Za-z]{{1,63}}/{ID})+")


class QueryServicer(query_service_pb2_grpc.QueryServiceServicer):
    """The adapter between the wire and the query engine."""

    def __init__(self, engine: QueryEngine, provenance: Provenance, describers: Collection[str] = ()) -> None:
        """`describers` are identities that keep definitions, though they may not define: they check statements before
        they are saved, and compare a changed one with the saved one."""
        self._engine = engine
        self._provenance = provenance
        self._describers = describers

    async def DescribeQuery(self, request: pb.DescribeQueryRequest, context: Any) -> pb.DescribeQueryResponse:
        self._require_author("describe statements")
        statement = admitted(request.statement)
        diagnosis = await diagnose(self._engine, statement)
        report = wire.report_message(diagnosis.description, diagnosis.problems, diagnosis.sets)
        return pb.DescribeQueryResponse(report=report)

    async def StreamQuery(
        self, request: pb.StreamQueryRequest, context: Any
    ) -> AsyncIterator[pb.StreamQueryResponse | bytes]:
        statement = await self._runnable(request.statement)
        arrangement = rows.Arrangement(
            form=ValueForm.TEXT if request.value_form == pb.VALUE_FORM_TEXT else ValueForm.TYPED,
            columns=tuple(request.columns),
            order_by=request.order_by_column,
            after=request.after if request.HasField("after") else None,
        )
        offset = 0
        events = rows.stream_rows(self._engine, statement, wire.values_of(request.values), arrangement)
        async with aclosing(events):
            async for event in events:
                match event:
                    case rows.Opening():
                        yield pb.StreamQueryResponse(
                            header=header_message(event, as_text=arrangement.form is ValueForm.TEXT)
                        )
                    case pa.RecordBatch():
                        encoded = encoded_rows(event, offset, request.encoding)
                        offset += event.num_rows
                        note(rows=offset)  # now and not at the end: a stream that is cut has delivered these
                        yield field(pb.StreamQueryResponse.BATCH_FIELD_NUMBER, encoded)
                    case rows.Ending():
                        note(rows=event.row_count)
                        yield pb.StreamQueryResponse(summary=summary_message(event))

    async def CountQuery(self, request: pb.CountQueryRequest, context: Any) -> pb.CountQueryResponse:
        statement = await self._runnable(request.statement)
        values = wire.values_of(request.values)
        if request.mode == pb.COUNT_MODE_ESTIMATE:
            return pb.CountQueryResponse(row_count=await rows.estimate_rows(self._engine, statement, values))
        counted, distinct = await rows.count_rows(self._engine, statement, values, request.distinct_column)
        return pb.CountQueryResponse(row_count=counted, distinct_count=distinct)

    async def EvaluateSet(self, request: pb.EvaluateSetRequest, context: Any) -> pb.EvaluateSetResponse:
        statement = await self._runnable(request.statement)
        tuples = wire.tuples_of(request.tuples, wire.values_of(request.constants))
        evaluated = await evaluating.evaluate(self._engine, statement, tuples)
        note(rows=tuples.row_count)
        return pb.EvaluateSetResponse(
            outcomes=wire.outcomes_of(evaluated.letters), errors=wire.tuple_errors(evaluated.errors)
        )

    async def FetchSet(self, request: pb.FetchSetRequest, context: Any) -> AsyncIterator[pb.FetchSetResponse | bytes]:
        statement = await self._runnable(request.statement)
        offset = 0
        tuples = wire.tuples_of(request.tuples, wire.values_of(request.constants))
        events = fetching.fetch(self._engine, statement, tuples)
        async with aclosing(events):
            async for event in events:
                match event:
                    case rows.Opening():
                        yield pb.FetchSetResponse(header=header_message(event, as_text=False))
                    case fetching.FetchedRows(batch, indexes):
                        fetched = field(pb.FetchBatch.ROWS_FIELD_NUMBER, encoded_rows(batch, offset, request.encoding))
                        fetched += pb.FetchBatch(tuple_indexes=indexes).SerializeToString()
                        offset += batch.num_rows
                        note(rows=offset)
                        yield field(pb.FetchSetResponse.BATCH_FIELD_NUMBER, fetched)
                    case fetching.Fetched(outcomes, errors):
                        note(rows=offset)
                        yield pb.FetchSetResponse(
                            summary=pb.FetchSummary(
                                outcomes=[wire.OUTCOMES[outcome] for outcome in outcomes],
                                errors=wire.tuple_errors(errors),
                                row_count=offset,
                            )
                        )

    async def ExplainRow(self, request: pb.ExplainRowRequest, context: Any) -> pb.ExplainRowResponse:
        statement = await self._runnable(request.statement)
        question = explaining.RowQuestion(request.key_column, request.key, tuple(request.columns))
        explained = await explaining.explain_row(self._engine, statement, wire.values_of(request.values), question)
        note(rows=explained.rows.num_rows)
        return explained_message(explained)

    async def StreamDifference(
        self, request: pb.StreamDifferenceRequest, context: Any
    ) -> AsyncIterator[pb.StreamDifferenceResponse | bytes]:
        self._require_author("compare statements")
        first = await self._runnable(request.first)
        pair = differing.Pair(first, admitted(request.second), request.key_column, tuple(request.columns))
        offset = 0
        events = differing.stream_difference(self._engine, pair, wire.values_of(request.values))
        async with aclosing(events):
            async for event in events:
                match event:
                    case differing.PairOpening(opening, first_columns, second_columns):
                        header = pb.DifferenceHeader(
                            header=header_message(opening, as_text=False),
                            first_columns=first_columns,
                            second_columns=second_columns,
                        )
                        yield pb.StreamDifferenceResponse(header=header)
                    case pa.RecordBatch():
                        encoded = encoded_rows(event, offset, pb.ENCODING_ARROW)
                        offset += event.num_rows
                        note(rows=offset)
                        yield field(pb.StreamDifferenceResponse.BATCH_FIELD_NUMBER, encoded)
                    case rows.Ending():
                        note(rows=event.row_count)
                        yield pb.StreamDifferenceResponse(summary=summary_message(event))

    def _require_author(self, what: str) -> None:
        if current_call().identity not in self._describers:
            require_may_define(what)

    async def _runnable(self, message: pb.Statement) -> Statement:
        """`admitted`, and saved in a definition of its workspace where the caller may not define."""
        statement = admitted(message)
        await self._provenance.require(statement)
        return statement


def admitted(message: pb.Statement) -> Statement:
    """The statement of a request, once the caller may use its workspace and may ask for what it asks.

    Raises PERMISSION_DENIED (IDENTITY_NOT_ALLOWED), and INVALID_REQUEST with all violations, before anything is looked
    up.
    """
    workspace = require_workspace(message.connection, "statement.connection")
    if violations := list(_violations(message, workspace)):
        raise DirectFlowError(
            StatusCode.INVALID_ARGUMENT,
            "INVALID_REQUEST",
            "; ".join(f"{violation.field}: {violation.description}" for violation in violations),
            violations=violations,
        )
    statement = wire.statement_of(message)
    if statement.role is StatementRole.AD_HOC:
        require_may_define("run ad hoc statements")
    if statement.allowed_functions:
        require_may_define("allow functions")
    return statement


def _violations(message: pb.Statement, workspace: str) -> Iterator[FieldViolation]:
    if message.role not in wire.ROLES:
        yield FieldViolation("statement.role", "a role that this version does not know", "UNKNOWN_ENUM_VALUE")
    # It goes into spans and into the customer's own log lines: a free text would carry there what must not be.
    name = message.definition
    if name and not (
        len(name) <= LONGEST_DEFINITION and _DEFINITION.fullmatch(name) and name.split("/")[1] == workspace
    ):
        told = f"a resource name in the connection's own workspace, of at most {LONGEST_DEFINITION} characters"
        yield FieldViolation("statement.definition", told, "RESOURCE_NAME")


def header_message(opening: rows.Opening, *, as_text: bool) -> pb.StreamHeader:
    """What is known before the first row."""
    header = pb.StreamHeader(
        schema=wire.schema_message(opening.columns, as_text=as_text),
        arrow_schema=opening.schema.serialize().to_pybytes(),
        estimated_rows=opening.estimated_rows,
        warnings=wire.report_message(None, opening.warnings).problems,
    )
    header.snapshot_time.FromDatetime(opening.snapshot_time)
    return header


def explained_message(explained: explaining.Explained) -> pb.ExplainRowResponse:
    """What a statement has for one key, and why."""
    return pb.ExplainRowResponse(
        arrow_schema=explained.rows.schema.serialize().to_pybytes(),
        rows=pb.RowBatch(row_count=explained.rows.num_rows, arrow_record_batch=explained.rows.serialize().to_pybytes()),
        truncated=explained.truncated,
        conjuncts=[pb.ExplainedConjunct(text=c.text, line=c.line, column=c.column) for c in explained.conjuncts],
        candidate_row_count=explained.candidates.count,
        candidate_rows=[
            pb.CandidateRow(outcomes=[wire.CONJUNCT_OUTCOMES[letter] for letter in letters])
            for letters in explained.candidates.nearest
        ],
        unexplained=explained.unexplained,
    )


def encoded_rows(batch: pa.RecordBatch, offset: int, encoding: int) -> bytes:
    """A serialised RowBatch: Arrow IPC, unless plain columns were asked for.

    Not as a message: protobuf would copy all cells once for each message around them (see `column_encoding`).
    """
    counts = pb.RowBatch(row_count=batch.num_rows, row_offset=offset).SerializeToString()
    if encoding == pb.ENCODING_COLUMNS:
        return counts + field(pb.RowBatch.COLUMNS_FIELD_NUMBER, encode_columns(batch))
    return counts + field(pb.RowBatch.ARROW_RECORD_BATCH_FIELD_NUMBER, batch.serialize().to_pybytes())


def summary_message(ending: rows.Ending) -> pb.StreamSummary:
    """The counts of a finished stream."""
    return pb.StreamSummary(
        row_count=ending.row_count,
        byte_count=ending.byte_count,
        elapsed=wire.duration_of(ending.elapsed_s),
        first_row=wire.duration_of(ending.first_row_s),
        truncated=ending.truncated,
    )
