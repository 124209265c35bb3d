"""`directflow personalization get`, `directflow condition evaluate`: one person's data, one person's decisions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from directflow.conditions.v1 import condition_service_pb2 as conditions
from directflow.conditions.v1 import evaluation_service_pb2 as evaluation
from directflow.engagement.v1 import engagement_pb2
from directflow.segments.v1 import audience_service_pb2 as wire
from directflow.sql.v1 import sql_pb2
from google.protobuf.timestamp_pb2 import Timestamp

Directflow = Callable[..., Any]
Reply = wire.BatchGetPersonalizationResponse
SCHEMA = sql_pb2.Schema(
    columns=[sql_pb2.ColumnType(name="plan_name", postgres_type="text", wire_type=sql_pb2.WIRE_TYPE_TEXT)]
)
HEADER = Reply(header=wire.PersonalizationHeader(schema=SCHEMA))


def rows(indexes: list[int], plans: list[str]) -> Reply:
    columns = sql_pb2.ColumnBatch(row_count=len(plans), columns=[sql_pb2.Column(texts=plans)])
    return Reply(batch=wire.PersonalizationBatch(row_count=len(plans), profile_indexes=indexes, columns=columns))


def outcomes(*names: str, error: str = "") -> Reply:
    numbers = [wire.PersonalizationOutcome.Value(f"PERSONALIZATION_OUTCOME_{name}") for name in names]
    errors = [wire.ProfileError(index=names.index("ERROR"), reason=error, message="bad data")] if error else []
    return Reply(summary=wire.PersonalizationSummary(outcomes=numbers, errors=errors))


def test_profiles_come_in_the_order_they_were_given_each_with_its_outcome(
    directflow: Directflow, scripted: Any
) -> None:
    scripted.replies["BatchGetPersonalization"] = [
        HEADER,
        rows([0], ["pro"]),
        rows([2], ["free"]),
        outcomes("ROW", "NO_ROW", "MULTIPLE_ROWS"),
    ]
    ran = directflow("personalization", "get", "members", "42", "43", "44", "-o", "jsonl")
    assert ran.code == 0
    assert ran.lines == [
        {"profile_id": "42", "outcome": "ROW", "data": {"plan_name": "pro"}, "error": None},
        {"profile_id": "43", "outcome": "NO_ROW", "data": None, "error": None},
        {"profile_id": "44", "outcome": "MULTIPLE_ROWS", "data": {"plan_name": "free"}, "error": None},
    ]
    assert list(scripted.requests[0].profile_ids) == ["42", "43", "44"]


def test_a_table_shows_one_line_a_profile(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["BatchGetPersonalization"] = [HEADER, rows([0], ["pro"]), outcomes("ROW", "NO_ROW")]
    shown = directflow("personalization", "get", "members", "42", "43").out
    for text in ("profile_id", "outcome", "plan_name", "42", "pro", "NO_ROW"):
        assert text in shown


@pytest.mark.parametrize(
    ("names", "code"),
    [(("NO_ROW", "NO_ROW"), 1), (("NO_ROW", "ERROR"), 11), (("ERROR", "ERROR"), 11)],
)
def test_nobody_with_data_is_a_no_and_doubt_is_doubt(
    directflow: Directflow, scripted: Any, names: tuple[str, ...], code: int
) -> None:
    scripted.replies["BatchGetPersonalization"] = [
        HEADER,
        outcomes(*names, error="DATA_ERROR" if "ERROR" in names else ""),
    ]
    ran = directflow("personalization", "get", "members", "42", "43", "-o", "json")
    assert ran.code == code
    assert ("DATA_ERROR: bad data" in ran.err) == ("ERROR" in names)


@pytest.mark.parametrize(
    "messages",
    [
        [HEADER, rows([0], ["pro"])],
        [HEADER, rows([0], ["pro"]), outcomes("ROW")],
        [HEADER, outcomes("ROW", "NO_ROW")],
        [HEADER, rows([0], ["pro"]), outcomes("NO_ROW", "NO_ROW")],
        [rows([0], ["pro"]), outcomes("ROW", "NO_ROW")],
    ],
)
def test_what_does_not_add_up_is_incomplete_and_prints_nothing(
    directflow: Directflow, scripted: Any, messages: list[Any]
) -> None:
    scripted.replies["BatchGetPersonalization"] = messages
    ran = directflow("personalization", "get", "members", "42", "43", "-o", "json")
    assert (ran.code, ran.out) == (12, "")


def test_more_profiles_come_from_a_file(directflow: Directflow, scripted: Any, tmp_path: Path) -> None:
    (tmp_path / "ids").write_text("43\n44\n\n")
    scripted.replies["BatchGetPersonalization"] = [HEADER, outcomes("NO_ROW", "NO_ROW", "NO_ROW")]
    directflow("personalization", "get", "members", "42", "--profiles-file", str(tmp_path / "ids"))
    assert list(scripted.requests[0].profile_ids) == ["42", "43", "44"]


def decided(raw: str, decision: str, reason: str = "") -> evaluation.Evaluation:
    return evaluation.Evaluation(
        raw=evaluation.RawOutcome.Value(f"RAW_OUTCOME_{raw}"),
        decided=conditions.Decision.Value(f"DECISION_{decision}"),
        error=evaluation.EvaluationError(reason=reason, message="bad data", sqlstate="22012") if reason else None,
    )


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([decided("TRUE", "TRUE")], 0),
        ([decided("FALSE", "FALSE")], 1),
        ([decided("NO_ROW", "FALSE")], 1),
        ([decided("MULTIPLE_ROWS", "ERROR")], 11),
        ([decided("TRUE", "TRUE"), decided("FALSE", "FALSE")], 1),
        ([decided("FALSE", "FALSE"), decided("ERROR", "ERROR", "DATA_ERROR")], 11),
        ([evaluation.Evaluation()], 11),
    ],
)
def test_a_decision_is_an_exit_code(
    directflow: Directflow, scripted: Any, answers: list[evaluation.Evaluation], code: int
) -> None:
    scripted.replies["EvaluateConditions"] = evaluation.EvaluateConditionsResponse(evaluations=answers)
    names = [f"c{number}" for number in range(len(answers))]
    assert directflow("condition", "evaluate", *names, "--profile", "42").code == code


def test_an_evaluation_is_shown_raw_and_decided_with_its_reason(directflow: Directflow, scripted: Any) -> None:
    answer = decided("ERROR", "ERROR", "DATA_ERROR")
    scripted.replies["EvaluateConditions"] = evaluation.EvaluateConditionsResponse(evaluations=[answer])
    ran = directflow("condition", "evaluate", "premium", "-p", "42", "--var", "plan=pro", "-o", "json")
    assert ran.json == [
        {
            "condition": "workspaces/acme/conditions/premium",
            "decided": "ERROR",
            "raw": "ERROR",
            "reason": "DATA_ERROR",
            "message": "bad data",
            "sqlstate": "22012",
        }
    ]
    (request,) = scripted.requests
    assert (list(request.conditions), request.profile_id) == (["workspaces/acme/conditions/premium"], "42")
    assert (request.HasField("anchor"), request.explain) == (False, False)
    assert dict(request.variables) == {"plan": sql_pb2.Value(text="pro")}


def test_anchors_say_what_since_flow_entry_and_this_message_mean(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["EvaluateConditions"] = evaluation.EvaluateConditionsResponse(
        evaluations=[decided("TRUE", "TRUE")]
    )
    anchors = (
        "--flow",
        "welcome",
        "--flow-run",
        "r1",
        "--flow-entered",
        "2026-11-20T12:00:00+02:00",
        "--message",
        "m1",
    )
    assert directflow("condition", "evaluate", "clicked", "-p", "42", *anchors).code == 0
    anchor = engagement_pb2.Anchor(flow_id="welcome", flow_run_id="r1", message_id="m1")
    anchor.flow_enter_time.FromJsonString("2026-11-20T10:00:00Z")
    assert scripted.requests[0].anchor == anchor


@pytest.mark.parametrize("moment", ["yesterday", "2026-11-20", "2026-11-20T10:00:00"])
def test_a_moment_without_a_zone_is_none(directflow: Directflow, scripted: Any, moment: str) -> None:
    ran = directflow("condition", "evaluate", "clicked", "-p", "42", "--flow-entered", moment)
    assert (ran.code, scripted.requests) == (2, [])
    assert "--flow-entered" in ran.err


def explained() -> evaluation.EvaluateConditionsResponse:
    answer = decided("TRUE", "TRUE")
    answer.leaves.add(
        condition="workspaces/acme/conditions/opened",
        raw=evaluation.RAW_OUTCOME_TRUE,
        decided=conditions.DECISION_TRUE,
        event_count=2,
        window_begin_time=Timestamp(seconds=1_793_000_000),
        window_end_time=Timestamp(seconds=1_795_592_000, nanos=1_000),
        scope=engagement_pb2.SCOPE_ALL_TIME,
    )
    answer.leaves.add(
        condition="workspaces/acme/conditions/premium",
        raw=evaluation.RAW_OUTCOME_NULL,
        decided=conditions.DECISION_FALSE,
    )
    return evaluation.EvaluateConditionsResponse(evaluations=[answer])


def test_explain_shows_every_leaf_how_many_events_counted_and_of_which_time(
    directflow: Directflow, scripted: Any
) -> None:
    scripted.replies["EvaluateConditions"] = explained()
    ran = directflow("condition", "evaluate", "lately", "-p", "42", "--explain", "-o", "json")
    opened = {"leaf": "workspaces/acme/conditions/opened", "decided": "TRUE", "raw": "TRUE", "events": 2}
    window = {"scope": "ALL_TIME", "from": "2026-10-26T07:33:20Z", "before": "2026-11-25T07:33:20.000001Z"}
    premium = {"leaf": "workspaces/acme/conditions/premium", "decided": "FALSE", "raw": "NULL", "events": 0}
    assert ran.json[0]["leaves"] == [opened | window, premium | dict.fromkeys(window)]
    assert scripted.requests[0].explain

    shown = directflow("condition", "evaluate", "lately", "-p", "42", "--explain").out
    leaves = "leaves of workspaces/acme/conditions/lately"
    for text in (leaves, "workspaces/acme/conditions/opened", "events", "2026-10-26T07:33:20Z"):
        assert text in shown
