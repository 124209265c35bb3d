"""Lists the segments of a data source, streams the audience of the first one into a CSV file, proves that the file is
whole, and evaluates a condition for everybody in it.

The stubs are protos/gen of the repository, or what `python -m grpc_tools.protoc` makes of protos/directflow.
"""

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
from directflow.conditions.v1 import evaluation_service_pb2 as evaluations
from directflow.conditions.v1 import evaluation_service_pb2_grpc as evaluation_stubs
from directflow.segments.v1 import audience_service_pb2 as audiences
from directflow.segments.v1 import audience_service_pb2_grpc as audience_stubs
from directflow.sql.v1 import sql_pb2 as sql
from google.rpc import error_details_pb2
from grpc_status import rpc_status

LONGEST_S = 600
"""A deadline is mandatory: a call without one is refused."""
PEOPLE_IN_MESSAGE = 10_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIELDS = {
    sql.WIRE_TYPE_BOOLEAN: "booleans",
    sql.WIRE_TYPE_INTEGER: "integers",
    sql.WIRE_TYPE_DOUBLE: "doubles",
    sql.WIRE_TYPE_TEXT: "texts",
    sql.WIRE_TYPE_TIMESTAMP: "timestamps",
}


def main() -> int:
    options = parser().parse_args()
    # In production: grpc.secure_channel with the client certificate that names this service.
    with grpc.insecure_channel(options.segments) as segments, grpc.insecure_channel(options.conditions) as conditions:
        try:
            run(options, audience_stubs.AudienceServiceStub(segments), conditions)
        except grpc.RpcError as error:
            print(explained(error), file=sys.stderr)
            return 1
    return 0


def run(options: argparse.Namespace, stub: Any, conditions: grpc.Channel) -> None:
    keys = list(segment_keys(stub, options.data_source))
    print(f"{len(keys)} segments")
    target = audiences.Target(data_source=options.data_source, segment_key=keys[0])
    people = save_audience(stub, target, options.out)
    print(f"{len(people)} people of segment {keys[0]} in {options.out}, whole")
    counts = evaluate(evaluation_stubs.EvaluationServiceStub(conditions), options.condition, people)
    print(f"{options.condition}: {counts.true_count} true, {counts.false_count} false, {counts.error_count} undecided")


def segment_keys(stub: Any, data_source: str) -> Iterator[str]:
    request = audiences.ListSegmentsRequest(data_source=data_source)
    while True:
        page = stub.ListSegments(request, timeout=LONGEST_S)
        yield from (segment.key for segment in page.segments)
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def save_audience(stub: Any, target: audiences.Target, path: Path) -> list[str]:
    """The file is written under another name first: what carries the name is whole."""
    part = path.with_name(path.name + ".part")
    people: list[str] = []
    summary = None
    with part.open("w", newline="") as file:
        table, schema = csv.writer(file, lineterminator="\n"), []
        # The loop ends when the status is OK, and raises when it is anything else.
        for message in stub.StreamAudience(audiences.StreamAudienceRequest(target=target), timeout=LONGEST_S):
            match message.WhichOneof("message"):
                case "header":
                    schema = message.header.schema.columns
                    table.writerow([column.name for column in schema])
                case "batch":
                    rows = list(zip(*map(cells, schema, message.batch.columns.columns), strict=True))
                    key = [column.name for column in schema].index("profile_id")
                    people += [row[key] for row in rows]
                    table.writerows(rows)
                case "summary":
                    summary = message.summary
    prove(summary, len(people))
    part.replace(path)
    return people


def prove(summary: audiences.AudienceSummary | None, received: int) -> None:
    """The proof: a status of OK behind a summary, whose ledger adds up and agrees with what was received."""
    if summary is None:
        raise SystemExit("the stream ended without a summary: the file is not whole")
    ledger = summary.ledger
    parts = (ledger.delivered, ledger.null_keys, ledger.no_contact, ledger.invalid_contact, ledger.duplicates)
    if sum(part.rows for part in parts) != ledger.rows_read or ledger.delivered.rows != received:
        raise SystemExit(f"{ledger.rows_read} rows read, {received} received, and the ledger does not add up")


def cells(kind: sql.ColumnType, column: sql.Column) -> list[str]:
    """A column as text, NULL as nothing: bit i of `validity`, the least significant first, is 0 then."""
    values = getattr(column, FIELDS[kind.wire_type])
    if kind.wire_type == sql.WIRE_TYPE_TIMESTAMP:
        values = [(EPOCH + timedelta(microseconds=value)).isoformat() for value in values]
    validity = column.validity
    return [
        "" if validity and not validity[row >> 3] >> (row & 7) & 1 else str(value) for row, value in enumerate(values)
    ]


def evaluate(stub: Any, condition: str, people: Sequence[str]) -> evaluations.EvaluationsSummary:
    """The answers come in the order of sending; a real program would route each person by `decided[i]`."""
    answered, summary = 0, None
    for message in stub.StreamEvaluations(questions(condition, people), timeout=LONGEST_S):
        answered += len(message.evaluations.decided)
        if message.HasField("summary"):
            summary = message.summary
    if summary is None or summary.profile_count != len(people) or answered != len(people):
        raise SystemExit(f"{answered} of {len(people)} people answered")
    return summary


def questions(condition: str, people: Sequence[str]) -> Iterator[evaluations.StreamEvaluationsRequest]:
    yield evaluations.StreamEvaluationsRequest(start=evaluations.EvaluationStart(condition=condition))
    for first in range(0, len(people), PEOPLE_IN_MESSAGE):
        profiles = evaluations.ProfileColumns(profile_ids=people[first : first + PEOPLE_IN_MESSAGE])
        yield evaluations.StreamEvaluationsRequest(profiles=profiles)


def explained(error: grpc.RpcError) -> str:
    """The code, the stable reason, and the id that leads to the trace."""
    status = rpc_status.from_call(error)
    info, request = error_details_pb2.ErrorInfo(), error_details_pb2.RequestInfo()
    for detail in status.details if status else ():
        detail.Unpack(info)
        detail.Unpack(request)
    return f"{error.code().name}: {error.details()} ({info.domain} {info.reason}, request {request.request_id})"


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--segments", default="127.0.0.1:7401", help="address of segments")
    options.add_argument("--conditions", default="127.0.0.1:7402", help="address of conditions")
    options.add_argument("--data-source", default="workspaces/demo/dataSources/communities")
    options.add_argument("--condition", default="workspaces/demo/conditions/is_premium")
    options.add_argument("--out", type=Path, default=Path("audience.csv"))
    return options


if __name__ == "__main__":
    sys.exit(main())
