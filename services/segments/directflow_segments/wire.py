"""Between the messages of segments.v1 and plain values. All that is decided here is whether a request is sound."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import pyarrow as pa
from directflow.segments.v1 import audience_service_pb2 as pb
from directflow.sql.v1 import sql_pb2
from directflow_runtime.column_encoding import encode_columns, field
from directflow_runtime.errors import FieldViolation
from directflow_runtime.tokens import fingerprint

from directflow_segments.audience.ledger import Ledger, LedgerEntry
from directflow_segments.audience.resume import resume_key
from directflow_segments.audience_run import People
from directflow_segments.audiences import AudienceHeader, AudienceRequest, AudienceSummary
from directflow_segments.data_sources import DataSource
from directflow_segments.listing import DEFAULT_PAGE, LARGEST_PAGE, PageRequest
from directflow_segments.mapping import Mapped, VariableSource
from directflow_segments.queries import Header, Limits, Outcome, PeopleRows, PeopleSummary, PersonError
from directflow_segments.segments import Segment
from directflow_segments.targets import Target
from directflow_segments.values.wire import duration_message, invalid, row_message, schema_message, seconds, values_from

LONGEST_FILTER: Final = 200
DEFAULT_PREVIEW: Final = 100
LARGEST_PREVIEW: Final = 1_000
PREVIEW_BYTES: Final = 2_000_000
PREVIEW_SECONDS: Final = 60.0
_OUTCOMES: Final = {
    Outcome.ROW: pb.PERSONALIZATION_OUTCOME_ROW,
    Outcome.NO_ROW: pb.PERSONALIZATION_OUTCOME_NO_ROW,
    Outcome.MULTIPLE_ROWS: pb.PERSONALIZATION_OUTCOME_MULTIPLE_ROWS,
    Outcome.ERROR: pb.PERSONALIZATION_OUTCOME_ERROR,
}


# --- requests ---------------------------------------------------------------------------------------------------------


def page_request(data_source: DataSource, request: pb.ListSegmentsRequest) -> PageRequest:
    """INVALID_REQUEST names what is out of range."""
    violations = []
    if request.page_size < 0:
        violations.append(FieldViolation("page_size", "must not be negative", "OUT_OF_RANGE"))
    if len(request.filter) > LONGEST_FILTER:
        violations.append(FieldViolation("filter", f"at most {LONGEST_FILTER} characters", "OUT_OF_RANGE"))
    if violations:
        raise invalid(violations)
    identity = pb.ListSegmentsRequest()
    identity.CopyFrom(request)
    identity.ClearField("page_token")
    identity.ClearField("page_size")
    return PageRequest(
        data_source,
        fingerprint(identity.SerializeToString(deterministic=True)),
        min(request.page_size or DEFAULT_PAGE, LARGEST_PAGE),
        request.page_token,
        request.filter,
        values_from(request.variables),
    )


def preview_limits(request: pb.PreviewAudienceRequest) -> tuple[int, Limits]:
    """How many people, and what reading them may cost."""
    asked = {"max_people": request.max_people, "max_bytes": request.max_bytes}
    violations = [FieldViolation(name, "must not be negative", "OUT_OF_RANGE") for name in asked if asked[name] < 0]
    if request.max_people > LARGEST_PREVIEW:
        violations.append(FieldViolation("max_people", f"at most {LARGEST_PREVIEW}", "OUT_OF_RANGE"))
    if seconds(request.statement_timeout) < 0:
        violations.append(FieldViolation("statement_timeout", "must not be negative", "OUT_OF_RANGE"))
    if violations:
        raise invalid(violations)
    limits = Limits(
        max_bytes=min(request.max_bytes or PREVIEW_BYTES, PREVIEW_BYTES),
        statement_timeout_s=seconds(request.statement_timeout) or PREVIEW_SECONDS,
        truncate=True,
    )
    return request.max_people or DEFAULT_PREVIEW, limits


def stream_fingerprint(request: pb.StreamAudienceRequest, data_source: DataSource) -> bytes:
    """What a resume token is bound to: whom it is for, in which columns, by which version of the definition."""
    target = request.target.SerializeToString(deterministic=True)
    definition = f"{data_source.revision} {data_source.generator_sql}"
    return fingerprint(target, definition.encode(), *(column.encode() for column in request.columns))


def audience_request(request: pb.StreamAudienceRequest, target: Target, identity: bytes) -> AudienceRequest:
    """INVALID_REQUEST for a resume token without the KEY order, RESUME_TOKEN_INVALID for one that is not its own."""
    by_key = request.order == pb.AUDIENCE_ORDER_KEY
    if request.resume_token and not by_key:
        raise invalid([FieldViolation("resume_token", "needs the order KEY", "RESUME_NEEDS_KEY_ORDER")])
    return AudienceRequest(
        target,
        by_key=by_key,
        after=resume_key(identity, request.resume_token),
        columns=tuple(request.columns),
        limits=limits_from(request.limits),
    )


# --- responses --------------------------------------------------------------------------------------------------------


def header_message(header: AudienceHeader, encoding: int) -> pb.AudienceHeader:
    """What is known before the first person."""
    message = pb.AudienceHeader(
        schema=schema_message(header.schema),
        arrow_schema=header.encoded_schema if encoding == pb.ENCODING_ARROW else b"",
        revision=header.revision,
        estimated_rows=header.estimated_rows,
        variable_sources=source_messages(header.sources),
    )
    message.snapshot_time.FromDatetime(header.snapshot_time)
    return message


def encoder(encoding: int) -> Callable[[People, bytes], bytes]:
    """Makes serialised responses of people and their resume token, in the caller's encoding.

    Not messages: protobuf would copy all cells once for each message around them (see `column_encoding`).
    """
    cells = _arrow_cells if encoding == pb.ENCODING_ARROW else _column_cells

    def encode(people: People, token: bytes) -> bytes:
        counts = pb.AudienceBatch(row_count=people.rows.num_rows, row_offset=people.offset).SerializeToString()
        resume = pb.AudienceBatch(resume_token=token).SerializeToString()
        return field(pb.StreamAudienceResponse.BATCH_FIELD_NUMBER, b"".join((counts, cells(people), resume)))

    return encode


def _arrow_cells(people: People) -> bytes:
    encoded = _arrow(people.rows) if people.encoded is None else people.encoded
    return field(pb.AudienceBatch.ARROW_RECORD_BATCH_FIELD_NUMBER, encoded)


def _column_cells(people: People) -> bytes:
    return field(pb.AudienceBatch.COLUMNS_FIELD_NUMBER, encode_columns(people.rows))


def _arrow(rows: pa.RecordBatch) -> bytes:
    encoded: bytes = rows.serialize().to_pybytes()
    return encoded


def summary_message(summary: AudienceSummary) -> pb.AudienceSummary:
    """What a finished stream came to."""
    return pb.AudienceSummary(
        ledger=ledger_message(summary.ledger),
        resumed=summary.resumed,
        byte_count=summary.byte_count,
        elapsed=duration_message(summary.elapsed_s),
    )


def personalization_message(
    message: Header | PeopleRows | PeopleSummary, encoding: int, data_source: DataSource, mapped: Mapped
) -> pb.BatchGetPersonalizationResponse | bytes:
    """One message of BatchGetPersonalization, serialised where it holds rows."""
    as_arrow = encoding == pb.ENCODING_ARROW
    match message:
        case Header():
            header = pb.PersonalizationHeader(
                schema=schema_message(message.schema),
                arrow_schema=message.encoded_schema if as_arrow else b"",
                revision=data_source.revision,
                variable_sources=source_messages(mapped.sources),
            )
            return pb.BatchGetPersonalizationResponse(header=header)
        case PeopleRows():
            return field(pb.BatchGetPersonalizationResponse.BATCH_FIELD_NUMBER, _profiles(message, as_arrow))
        case PeopleSummary(outcomes, errors):
            summary = pb.PersonalizationSummary(
                outcomes=[outcome_message(outcome) for outcome in outcomes],
                errors=[error_message(error) for error in errors],
                multiple_rows_count=sum(outcome is Outcome.MULTIPLE_ROWS for outcome in outcomes),
            )
            return pb.BatchGetPersonalizationResponse(summary=summary)


def _profiles(people: PeopleRows, as_arrow: bool) -> bytes:
    rows, batch = people.rows, pb.PersonalizationBatch
    counts = batch(row_count=rows.rows.num_rows, row_offset=rows.offset, profile_indexes=people.indexes)
    if as_arrow:
        return counts.SerializeToString() + field(batch.ARROW_RECORD_BATCH_FIELD_NUMBER, rows.encoded)
    return counts.SerializeToString() + field(batch.COLUMNS_FIELD_NUMBER, encode_columns(rows.rows))


def segment_message(schema: sql_pb2.Schema, segment: Segment) -> pb.Segment:
    """One segment."""
    return pb.Segment(key=segment.key, row=row_message(schema, segment.cells))


# --- counts and reports -----------------------------------------------------------------------------------------------


def ledger_message(ledger: Ledger) -> pb.Ledger:
    """The ledger on the wire."""
    return pb.Ledger(
        rows_read=ledger.rows_read,
        delivered=_entry(ledger.delivered),
        null_keys=_entry(ledger.null_keys),
        no_contact=_entry(ledger.no_contact),
        invalid_contact=_entry(ledger.invalid_contact),
        duplicates=_entry(ledger.duplicates),
        contact_points_left_out=ledger.contact_points_left_out,
    )


def _entry(entry: LedgerEntry) -> pb.LedgerEntry:
    return pb.LedgerEntry(people=entry.people, rows=entry.rows)


def source_messages(sources: Iterable[VariableSource]) -> Iterator[pb.VariableSource]:
    """Where each variable's value came from."""
    for source in sources:
        yield pb.VariableSource(name=source.name, rule=source.rule, column=source.column, warning=source.warning)


def outcome_message(outcome: Outcome) -> pb.PersonalizationOutcome:
    """What one person came to."""
    return _OUTCOMES[outcome]


def error_message(error: PersonError) -> pb.ProfileError:
    """Why one person came to ERROR."""
    return pb.ProfileError(index=error.index, reason=error.reason, message=error.message)


def limits_from(message: pb.AudienceLimits, field: str = "limits") -> Limits:
    """INVALID_REQUEST names every limit below zero."""
    limits = Limits(
        max_rows=message.max_rows,
        max_bytes=message.max_bytes,
        statement_timeout_s=seconds(message.statement_timeout),
        max_age_s=seconds(message.max_age),
    )
    named = {
        "max_rows": limits.max_rows,
        "max_bytes": limits.max_bytes,
        "statement_timeout": limits.statement_timeout_s,
        "max_age": limits.max_age_s,
    }
    negative = [
        FieldViolation(f"{field}.{name}", "must not be negative", "OUT_OF_RANGE") for name in named if named[name] < 0
    ]
    if negative:
        raise invalid(negative)
    return limits
