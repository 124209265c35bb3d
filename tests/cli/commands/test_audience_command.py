"""`directflow audience`: complete or not at all, in every format."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from directflow.segments.v1 import audience_service_pb2 as wire
from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import DirectFlowError, StatusCode

Directflow = Callable[..., Any]
MICROS = 1_709_209_800_000_000
PEOPLE = pa.table(
    {
        "profile_id": pa.array(["1", "2", "3"]),
        "email": pa.array(["a@x.org", None, ""]),
        "level": pa.array([9007199254740993, None, 3]),
        "seen": pa.array([MICROS, 2**63 - 1, None], pa.timestamp("us", "UTC")),
    }
)
RECORDS = [
    {"profile_id": "1", "email": "a@x.org", "level": 9007199254740993, "seen": "2024-02-29T12:30:00Z"},
    {"profile_id": "2", "email": None, "level": None, "seen": "infinity"},
    {"profile_id": "3", "email": "", "level": 3, "seen": None},
]
AWAY = DirectFlowError(StatusCode.UNAVAILABLE, "GATEWAY_UNAVAILABLE", "away")


def ledger(delivered: int) -> wire.Ledger:
    return wire.Ledger(
        rows_read=delivered + 2,
        delivered=wire.LedgerEntry(people=delivered, rows=delivered),
        duplicates=wire.LedgerEntry(people=1, rows=2),
    )


def header() -> wire.StreamAudienceResponse:
    source = wire.VariableSource(name="community_id", rule="segment id", column="id", warning="taken from id")
    return wire.StreamAudienceResponse(
        header=wire.AudienceHeader(
            arrow_schema=PEOPLE.schema.serialize().to_pybytes(), estimated_rows=3, variable_sources=[source]
        )
    )


def batch(first: int, count: int, offset: int | None = None) -> wire.StreamAudienceResponse:
    (rows,) = PEOPLE.slice(first, count).to_batches()
    return wire.StreamAudienceResponse(
        batch=wire.AudienceBatch(
            row_count=count,
            row_offset=first if offset is None else offset,
            arrow_record_batch=rows.serialize().to_pybytes(),
        )
    )


def summary(delivered: int = 3) -> wire.StreamAudienceResponse:
    return wire.StreamAudienceResponse(summary=wire.AudienceSummary(ledger=ledger(delivered)))


WHOLE = [header(), batch(0, 2), batch(2, 1), summary()]


def read_arrow_file(data: bytes) -> pa.Table:
    return pa.ipc.open_file(io.BytesIO(data)).read_all()


def read_parquet(data: bytes) -> pa.Table:
    return pa.parquet.read_table(io.BytesIO(data))


def test_json_lines_are_one_person_a_line(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["StreamAudience"] = WHOLE
    ran = directflow("audience", "stream", "members", "--segment", "7", "-o", "jsonl")
    assert (ran.code, ran.lines) == (0, RECORDS)
    (request,) = scripted.requests
    assert (request.target.data_source, request.target.segment_key) == ("workspaces/acme/dataSources/members", "7")
    assert (request.encoding, request.order) == (wire.ENCODING_ARROW, wire.AUDIENCE_ORDER_AUTHOR)


def test_json_is_one_array(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["StreamAudience"] = WHOLE
    assert directflow("audience", "stream", "members", "-o", "json").json == RECORDS


def test_an_empty_audience_is_complete_and_valid_in_every_format(
    directflow: Directflow, scripted: Any, tmp_path: Path
) -> None:
    scripted.replies["StreamAudience"] = [header(), summary(0)]
    assert directflow("audience", "stream", "members", "-o", "json").json == []
    assert directflow("audience", "stream", "members", "-o", "jsonl").out == ""
    assert directflow("audience", "stream", "members", "-o", "csv").out == '"profile_id","email","level","seen"\n'
    file = tmp_path / "people.parquet"
    assert directflow("audience", "stream", "members", "-o", "parquet", "--output-file", str(file)).code == 0
    assert read_parquet(file.read_bytes()).schema.names == PEOPLE.schema.names


def test_csv_tells_null_from_empty_and_has_iso_times(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["StreamAudience"] = WHOLE
    ran = directflow("audience", "stream", "members", "-o", "csv")
    assert ran.out.splitlines() == [
        '"profile_id","email","level","seen"',
        '"1","a@x.org",9007199254740993,"2024-02-29T12:30:00Z"',
        '"2",,,"infinity"',
        '"3","",3,',
    ]


@pytest.mark.parametrize(("output", "read"), [("parquet", read_parquet), ("arrow", read_arrow_file)])
def test_a_binary_file_holds_exactly_what_was_streamed(
    directflow: Directflow, scripted: Any, tmp_path: Path, output: str, read: Callable[[bytes], pa.Table]
) -> None:
    scripted.replies["StreamAudience"] = WHOLE
    file = tmp_path / "people"
    ran = directflow("audience", "stream", "members", "-o", output, "--output-file", str(file))
    assert (ran.code, ran.raw) == (0, b"")
    assert read(file.read_bytes()).equals(PEOPLE)
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_arrow_in_a_pipe_is_an_ipc_stream_and_parquet_fits_a_pipe(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["StreamAudience"] = WHOLE
    piped = directflow("audience", "stream", "members", "-o", "arrow").raw
    assert pa.ipc.open_stream(piped).read_all().equals(PEOPLE)
    assert read_parquet(directflow("audience", "stream", "members", "-o", "parquet").raw).equals(PEOPLE)


INCOMPLETE = {
    "no summary": [header(), batch(0, 2)],
    "no header": [summary(0)],
    "a batch before the header": [batch(0, 2), header(), summary(2)],
    "a gap": [header(), batch(0, 1), batch(2, 1), summary(2)],
    "a batch twice": [header(), batch(0, 1), batch(0, 1), summary(2)],
    "fewer people than the summary says": [header(), batch(0, 2), summary(3)],
    "more people than the summary says": [header(), batch(0, 2), summary(1)],
    "a message behind the summary": [header(), batch(0, 2), summary(2), batch(2, 1)],
    "a message of no known kind": [header(), wire.StreamAudienceResponse(), summary(0)],
}


@pytest.mark.parametrize("messages", INCOMPLETE.values(), ids=list(INCOMPLETE))
@pytest.mark.parametrize("output", ["jsonl", "json", "csv", "parquet", "arrow"])
def test_a_stream_without_its_proof_leaves_no_file_and_the_older_one_in_place(
    directflow: Directflow, scripted: Any, tmp_path: Path, output: str, messages: list[Any]
) -> None:
    scripted.replies["StreamAudience"] = messages
    file = tmp_path / "people"
    file.write_text("the older one")
    ran = directflow("audience", "stream", "members", "-o", output, "--output-file", str(file))
    assert ran.code == 12
    assert "STREAM_INCOMPLETE" in ran.err
    assert file.read_text() == "the older one"
    assert list(tmp_path.iterdir()) == [file]


def test_a_stream_that_breaks_leaves_no_file_and_its_own_exit_code(
    directflow: Directflow, scripted: Any, tmp_path: Path
) -> None:
    scripted.replies["StreamAudience"] = [header(), batch(0, 2), AWAY]
    ran = directflow("audience", "stream", "members", "-o", "csv", "--output-file", str(tmp_path / "people"))
    assert ran.code == 5
    assert list(tmp_path.iterdir()) == []


def test_a_broken_stream_on_stdout_never_ends_as_valid_json_or_parquet(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["StreamAudience"] = [header(), batch(0, 2), AWAY]
    broken = directflow("audience", "stream", "members", "-o", "json")
    assert broken.code == 5
    with pytest.raises(json.JSONDecodeError):
        json.loads(broken.out)
    with pytest.raises(pa.ArrowInvalid):
        read_parquet(directflow("audience", "stream", "members", "-o", "parquet").raw)


def test_the_ledger_and_warnings_go_to_stderr(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["StreamAudience"] = WHOLE
    lines = directflow("audience", "stream", "members", "-o", "jsonl").err.splitlines()
    assert lines[1] == "warning: community_id: taken from id"
    told = json.loads(lines[2])["ledger"]
    assert (told["rows_read"], told["delivered"], told["duplicates"]) == (
        5,
        {"people": 3, "rows": 3},
        {"people": 1, "rows": 2},
    )


def test_the_table_shows_the_first_people_and_counts_the_rest(directflow: Directflow, scripted: Any) -> None:
    many = pa.table({"profile_id": pa.array([f"person-{number}" for number in range(50)])})
    (rows,) = many.to_batches()
    scripted.replies["StreamAudience"] = [
        wire.StreamAudienceResponse(header=wire.AudienceHeader(arrow_schema=many.schema.serialize().to_pybytes())),
        wire.StreamAudienceResponse(
            batch=wire.AudienceBatch(row_count=50, arrow_record_batch=rows.serialize().to_pybytes())
        ),
        summary(50),
    ]
    ran = directflow("audience", "stream", "members")
    assert "20 people, and 30 more" in ran.out
    assert "person-19" in ran.out
    assert "person-20" not in ran.out


def test_order_columns_and_limits_reach_the_service(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["StreamAudience"] = [header(), summary(0)]
    options = ["--order", "key", "--columns", "email, phone", "--max-rows", "10", "--statement-timeout", "1.5"]
    assert directflow("audience", "stream", "members", "-o", "jsonl", *options).code == 0
    (request,) = scripted.requests
    assert request.order == wire.AUDIENCE_ORDER_KEY
    assert list(request.columns) == ["email", "phone"]
    assert (request.limits.max_rows, request.limits.statement_timeout.ToMilliseconds()) == (10, 1500)


def test_a_preview_shows_people_and_where_every_row_went(directflow: Directflow, scripted: Any) -> None:
    schema = sql_pb2.Schema(
        columns=[sql_pb2.ColumnType(name="profile_id", postgres_type="text", wire_type=sql_pb2.WIRE_TYPE_TEXT)]
    )
    people = sql_pb2.ColumnBatch(row_count=2, columns=[sql_pb2.Column(texts=["1", "2"])])
    scripted.replies["PreviewAudience"] = wire.PreviewAudienceResponse(
        schema=schema, people=people, ledger=ledger(2), truncated=True, estimated_rows=300
    )
    shown = directflow("audience", "preview", "members", "--segment", "7", "--people", "2")
    assert "there are more people" in shown.out
    assert "further rows of the delivered" in shown.out
    told = directflow("audience", "preview", "members", "-o", "json").json
    assert told["people"] == [{"profile_id": "1"}, {"profile_id": "2"}]
    assert (told["ledger"]["rows_read"], told["truncated"], told["estimated_rows"]) == (4, True, 300)
    assert scripted.requests[0].max_people == 2


def test_a_count_is_exact_with_its_ledger_or_an_estimate_without(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["CountAudience"] = wire.CountAudienceResponse(people=3, rows=5, ledger=ledger(3))
    told = directflow("audience", "count", "members", "--segment", "7", "-o", "json").json
    assert (told["people"], told["rows"], told["ledger"]["delivered"]["people"]) == (3, 5, 3)
    assert "rows read" in directflow("audience", "count", "members").out
    estimate = directflow("audience", "count", "members", "--estimate", "-o", "json").json
    assert estimate == {"people": 3, "rows": 5}
    assert [request.mode for request in scripted.requests] == [
        wire.COUNT_MODE_EXACT,
        wire.COUNT_MODE_EXACT,
        wire.COUNT_MODE_ESTIMATE,
    ]
