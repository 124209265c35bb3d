"""`directflow condition evaluate-many`: any number of profiles in, a line each out, none missing."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from directflow.conditions.v1 import condition_service_pb2 as conditions
from directflow.conditions.v1 import evaluation_service_pb2 as wire
from directflow.engagement.v1 import engagement_pb2
from directflow.sql.v1 import sql_pb2
from directflow_cli.commands.evaluations.stream import MOST_IN_FLIGHT
from directflow_runtime.errors import DirectFlowError, StatusCode

Directflow = Callable[..., Any]
Response = wire.StreamEvaluationsResponse
RAW = {conditions.DECISION_TRUE: wire.RAW_OUTCOME_TRUE, conditions.DECISION_FALSE: wire.RAW_OUTCOME_FALSE}


def batch(decided: list[int], errors: dict[int, str] | None = None) -> Response:
    raw = [RAW.get(one, wire.RAW_OUTCOME_ERROR) for one in decided]
    told = [
        wire.IndexedError(index=index, error=wire.EvaluationError(reason=reason, message="bad data", sqlstate="22012"))
        for index, reason in (errors or {}).items()
    ]
    return Response(evaluations=wire.EvaluationBatch(raw=raw, decided=decided, errors=told))


def summary(true: int, false: int = 0, error: int = 0) -> Response:
    total = true + false + error
    counts = {"profile_count": total, "true_count": true, "false_count": false, "error_count": error}
    return Response(summary=wire.EvaluationsSummary(**counts, revision=3))


class Service:
    """Even ids are TRUE, odd ones FALSE, and what is no number an ERROR; it keeps what it was asked."""

    def __init__(self) -> None:
        self.start: Any = None
        self.profiles: list[Any] = []

    def __call__(self, requests: Iterator[Any]) -> Iterator[Response]:
        counts = [0, 0, 0]
        self.start = next(requests).start
        for request in requests:
            self.profiles.append(request.profiles)
            decided = [self.decide(profile) for profile in request.profiles.profile_ids]
            for one in decided:
                counts[one - 1] += 1
            yield batch(decided, {i: "DATA_ERROR" for i, one in enumerate(decided) if one == conditions.DECISION_ERROR})
        yield summary(*counts)

    @staticmethod
    def decide(profile: str) -> int:
        if not profile.isdigit():
            return conditions.DECISION_ERROR
        return conditions.DECISION_FALSE if int(profile) % 2 else conditions.DECISION_TRUE

    @property
    def ids(self) -> list[str]:
        return [profile for profiles in self.profiles for profile in profiles.profile_ids]


@pytest.fixture
def service(scripted: Any) -> Service:
    scripted.replies["StreamEvaluations"] = made = Service()
    return made


def test_a_line_a_profile_in_the_order_of_the_file(directflow: Directflow, service: Service, tmp_path: Path) -> None:
    (tmp_path / "ids").write_bytes(b"2\r\n1\n\nx\n4")
    ran = directflow("condition", "evaluate-many", "premium", "-f", str(tmp_path / "ids"), "-o", "jsonl")
    assert ran.code == 11, "one came to ERROR"
    assert [
        (line["profile_id"], line["decided"], line["raw"], line["reason"], line["message"]) for line in ran.lines
    ] == [
        ("2", "TRUE", "TRUE", None, None),
        ("1", "FALSE", "FALSE", None, None),
        ("x", "ERROR", "ERROR", "DATA_ERROR", "bad data"),
        ("4", "TRUE", "TRUE", None, None),
    ]
    assert service.start.condition == "workspaces/acme/conditions/premium"
    told = json.loads(ran.err.splitlines()[-1])
    assert {name: told[name] for name in ("profiles", "true", "false", "error", "revision")} == {
        "profiles": 4, "true": 2, "false": 1, "error": 1, "revision": 3,
    }  # fmt: skip
    assert told["evaluations_per_second"] > 0


def test_csv_quotes_what_needs_it(directflow: Directflow, service: Service, tmp_path: Path) -> None:
    written = tmp_path / "result.csv"
    ran = directflow(
        "condition",
        "evaluate-many",
        "premium",
        "-f",
        "-",
        "-o",
        "csv",
        "--output-file",
        str(written),
        stdin='2\n"a, b\n',
    )
    assert (ran.code, ran.out) == (11, "")
    assert list(csv.reader(io.StringIO(written.read_text()))) == [
        ["profile_id", "decided", "raw", "reason", "message"],
        ["2", "TRUE", "TRUE", "", ""],
        ['"a, b', "ERROR", "ERROR", "DATA_ERROR", "bad data"],
    ]
    assert written.stat().st_mode & 0o777 == 0o600


def test_a_table_has_the_counts_only(directflow: Directflow, service: Service) -> None:
    ran = directflow("condition", "evaluate-many", "premium", "-f", "-", stdin="\n".join(map(str, range(25_000))))
    assert ran.code == 0
    assert ran.out.count("12,500") == 2
    assert service.ids == [str(number) for number in range(25_000)]
    assert max(len(profiles.profile_ids) for profiles in service.profiles) <= 10_000


def test_no_profiles_are_no_error(directflow: Directflow, service: Service) -> None:
    ran = directflow("condition", "evaluate-many", "premium", "-f", "-", "-o", "jsonl", stdin="")
    assert (ran.code, ran.out, service.profiles) == (0, "", [])


def test_variables_and_one_anchor_hold_for_all(directflow: Directflow, service: Service) -> None:
    options = ("--var", "days:=30", "--flow", "welcome")
    directflow("condition", "evaluate-many", "premium", "-f", "-", *options, stdin="2\n4\n")
    assert dict(service.start.variables) == {"days": sql_pb2.Value(integer=30)}
    assert list(service.profiles[0].anchors) == [engagement_pb2.Anchor(flow_id="welcome")]


# --- variables that differ from profile to profile ------------------------------------------------------------------


def test_every_column_of_a_csv_is_a_variable_as_text(directflow: Directflow, service: Service, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes('\ufeffprofile_id,days,plan\n2,30,"a ""b"", c"\n4,7,\n'.encode())
    assert directflow("condition", "evaluate-many", "premium", "-f", str(tmp_path / "people.csv")).code == 0
    (profiles,) = service.profiles
    assert list(profiles.profile_ids) == ["2", "4"]
    assert dict(zip(profiles.variable_names, profiles.variable_columns, strict=True)) == {
        "days": sql_pb2.Column(texts=["30", "7"]),
        "plan": sql_pb2.Column(texts=['a "b", c', ""]),
    }


def test_chosen_columns_get_the_names_of_variables(directflow: Directflow, service: Service, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("customer,age_days,secret\n2,30,x\n")
    columns = ("--column", "profile_id=customer", "--column", "days=age_days")
    directflow("condition", "evaluate-many", "premium", "-f", str(tmp_path / "people.csv"), *columns)
    (profiles,) = service.profiles
    assert (list(profiles.profile_ids), list(profiles.variable_names)) == (["2"], ["days"])


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ("[1, null, 9007199254740993]", sql_pb2.Column(validity=b"\x05", integers=[1, 0, 9007199254740993])),
        ("[true, false, null]", sql_pb2.Column(validity=b"\x03", booleans=[True, False, False])),
        ("[0.5, 1.5, 2.5]", sql_pb2.Column(doubles=[0.5, 1.5, 2.5])),
        ("[1, 0.5, true]", sql_pb2.Column(texts=["1", "0.5", "true"])),
        ("[9223372036854775808, 1, null]", sql_pb2.Column(validity=b"\x03", texts=["9223372036854775808", "1", ""])),
        ('["a", "", null]', sql_pb2.Column(validity=b"\x03", texts=["a", "", ""])),
        ("[null, null, null]", sql_pb2.Column(validity=b"\x00", texts=["", "", ""])),
    ],
)
def test_values_of_json_lines_keep_their_types_where_all_agree(
    directflow: Directflow, service: Service, tmp_path: Path, cells: str, expected: sql_pb2.Column
) -> None:
    lines = [{"profile_id": number, "x": cell} for number, cell in enumerate(json.loads(cells))]
    (tmp_path / "people.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in lines))
    directflow("condition", "evaluate-many", "premium", "-f", str(tmp_path / "people.jsonl"))
    (profiles,) = service.profiles
    assert list(profiles.profile_ids) == ["0", "1", "2"]
    assert list(profiles.variable_columns) == [expected]


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("p.csv", 'profile_id,x\n1,a\n2,"b\n', "line 3: it is no CSV"),
        ("p.csv", "profile_id,x\n1,a,b\n", "line 2: it has 3 cells under a header of 2"),
        ("p.csv", "id,x\n1,a\n", "line 2: it has no profile_id"),
        ("p.jsonl", '{"profile_id": 1}\n{"profile', "line 2: it is no JSON"),
        ("p.jsonl", "[1]\n", "line 1: it is no JSON object"),
        ("p.jsonl", '{"profile_id": null}\n', "line 1: its profile id"),
        ("p.jsonl", '{"profile_id": 1, "x": {}}\n', "a scalar is needed"),
        ("p.jsonl", '{"profile_id": 1, "x": 1}\n{"profile_id": 2}\n', "write null for NULL"),
        ("ids", "1\n\udcff\n", "line 2: it is not UTF-8"),
        ("ids", "1\n" + "x" * 3_000_000, "a line has more than 1 MiB"),
    ],
)
def test_a_line_that_cannot_be_read_ends_it_named_and_nothing_is_kept(
    directflow: Directflow, service: Service, tmp_path: Path, name: str, text: str, complaint: str
) -> None:
    (tmp_path / name).write_bytes(text.encode(errors="surrogateescape"))
    written = tmp_path / "result"
    ran = directflow(
        "condition", "evaluate-many", "premium", "-f", str(tmp_path / name), "-o", "csv", "--output-file", str(written)
    )
    assert ran.code == 4, ran.err
    assert complaint in ran.err
    assert not written.exists()


def test_a_file_that_is_not_there_cannot_be_used(directflow: Directflow, scripted: Any) -> None:
    ran = directflow("condition", "evaluate-many", "premium", "-f", "/nowhere")
    assert (ran.code, scripted.requests) == (2, [])


@pytest.mark.parametrize(
    "options", [("--output-file", "/tmp/x"), ("-o", "csv", "--output-file", "/nowhere/x"), ("--column", "days")]
)
def test_options_that_contradict_each_other_cannot_be_used(directflow: Directflow, options: tuple[str, ...]) -> None:
    assert directflow("condition", "evaluate-many", "premium", "-f", "-", *options, stdin="").code == 2


# --- completeness ---------------------------------------------------------------------------------------------------

TRUE, FALSE = conditions.DECISION_TRUE, conditions.DECISION_FALSE


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([batch([TRUE, FALSE])], "no summary"),
        ([batch([TRUE]), summary(1)], "an evaluation is missing"),
        ([summary(0)], "a message is not answered"),
        ([batch([TRUE, FALSE]), summary(2, 1)], "the summary counts another one"),
        ([batch([TRUE, FALSE]), batch([TRUE]), summary(2, 1)], "evaluations that nobody asked for"),
        ([batch([TRUE, FALSE]), summary(1, 1), batch([TRUE])], "a message behind the summary"),
        ([batch([TRUE, FALSE]), Response()], "a message of no known kind"),
    ],
)
def test_what_does_not_add_up_is_incomplete_and_nothing_is_kept(
    directflow: Directflow, scripted: Any, tmp_path: Path, messages: list[Response], why: str
) -> None:
    def answer(requests: Iterator[Any]) -> Iterator[Response]:
        next(requests), next(requests)
        yield from messages

    scripted.replies["StreamEvaluations"] = answer
    written = tmp_path / "result"
    options = ("-o", "jsonl", "--output-file", str(written))
    ran = directflow("condition", "evaluate-many", "premium", "-f", "-", *options, stdin="2\n3\n")
    assert (ran.code, written.exists()) == (12, False), why


def test_an_error_of_the_service_is_told_also_while_profiles_are_still_being_sent(
    directflow: Directflow, scripted: Any, tmp_path: Path
) -> None:
    refusal = DirectFlowError(StatusCode.NOT_FOUND, "CONDITION_NOT_FOUND", "there is no condition premium")
    scripted.replies["StreamEvaluations"] = lambda requests: [refusal]
    (tmp_path / "ids").write_text("\n".join(map(str, range(300_000))))
    ran = directflow("condition", "evaluate-many", "premium", "-f", str(tmp_path / "ids"), "-o", "jsonl")
    assert ran.code == 3, ran.err
    assert "CONDITION_NOT_FOUND" in ran.err


def test_no_more_is_sent_than_may_be_unanswered(directflow: Directflow, scripted: Any, tmp_path: Path) -> None:
    read: list[int] = []

    def answer(requests: Iterator[Any]) -> Iterator[Response]:
        next(requests)
        waiting = [next(requests) for _ in range(MOST_IN_FLIGHT)]
        read.append(len(waiting))
        for request in waiting:
            yield batch([TRUE] * len(request.profiles.profile_ids))
        total = sum(len(request.profiles.profile_ids) for request in waiting)
        for request in requests:
            total += len(request.profiles.profile_ids)
            yield batch([TRUE] * len(request.profiles.profile_ids))
        yield summary(total)

    scripted.replies["StreamEvaluations"] = answer
    (tmp_path / "ids").write_text("\n".join(f"{number:09d}" for number in range(200_000)))
    ran = directflow("condition", "evaluate-many", "premium", "-f", str(tmp_path / "ids"))
    assert (ran.code, read) == (0, [MOST_IN_FLIGHT]), ran.err
