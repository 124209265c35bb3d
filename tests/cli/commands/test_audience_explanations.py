"""`directflow audience explain` and `diff`: for a person to read, and for a script by its exit code."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from directflow.segments.v1 import audience_service_pb2 as wire
from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import DirectFlowError, Problem, StatusCode

Directflow = Callable[..., Any]
OUT = wire.ExplainMembershipResponse(
    conjuncts=[
        wire.Conjunct(text="m.club = '<%= club %>'", outcome=wire.CONJUNCT_OUTCOME_TRUE, line=2, column=7),
        wire.Conjunct(text="p.active", outcome=wire.CONJUNCT_OUTCOME_NULL, line=3, column=7),
        wire.Conjunct(outcome=wire.CONJUNCT_OUTCOME_UNSPECIFIED, line=4, column=7),
    ],
    note="Of several rows the nearest.",
)
IN = wire.ExplainMembershipResponse(member=True, row_verdicts=["no_contact", "delivered", "duplicates"])
CHANGED = wire.DiffAudienceResponse(
    kept=5, added=2, removed=1, added_profile_ids=["7"], removed_profile_ids=["a\x1b[31mb"]
)


def test_somebody_who_is_out_sees_each_condition(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["ExplainMembership"] = OUT
    ran = directflow("audience", "explain", "members", "--segment", "7", "--profile", "42", "--var", "club=chess")
    assert ran.code == 1
    assert ran.out.startswith("not in the audience\n")
    for text in ("m.club = '<%= club %>'", "2:7", "TRUE", "p.active", "NULL", "UNKNOWN"):
        assert text in ran.out
    assert "note: Of several rows the nearest." in ran.err
    (request,) = scripted.requests
    assert (request.profile_id, request.target.segment_key) == ("42", "7")
    assert request.target.data_source == "workspaces/acme/dataSources/members"
    assert request.target.variables["club"] == sql_pb2.Value(text="chess")


def test_somebody_who_is_in_sees_what_became_of_each_row(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["ExplainMembership"] = IN
    ran = directflow("audience", "explain", "members", "-p", "42")
    assert ran.code == 0
    assert ran.out.startswith("in the audience\n")
    assert "no contact point" in ran.out
    assert "further rows of the delivered" in ran.out


def test_a_script_reads_json(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["ExplainMembership"] = OUT
    told = directflow("audience", "explain", "members", "-p", "42", "-o", "json").json
    assert (told["member"], told["row_verdicts"], told["note"]) == (False, [], "Of several rows the nearest.")
    assert told["conjuncts"][1] == {"text": "p.active", "line": 3, "column": 7, "outcome": "NULL"}
    assert told["conjuncts"][2]["text"] is None


@pytest.mark.parametrize("given", ["file", "stdin", "sql"])
def test_a_changed_generator_is_compared_byte_for_byte(
    directflow: Directflow, scripted: Any, tmp_path: Path, given: str
) -> None:
    scripted.replies["DiffAudience"] = CHANGED
    text = "SELECT 1 AS profile_id,\r\n 'é' AS email"
    file = tmp_path / "changed.sql"
    file.write_bytes(text.encode())
    arguments = {"file": (str(file),), "stdin": ("-",), "sql": ("--sql", text)}[given]
    ran = directflow("audience", "diff", "members", *arguments, "-s", "7", "--sample", "3", stdin=text.encode())
    assert ran.code == 1
    (request,) = scripted.requests
    assert (request.generator_sql, request.sample_size, request.target.segment_key) == (text, 3, "7")
    assert "7, ..." in ran.out
    assert "\x1b" not in ran.out


def test_a_difference_as_json(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["DiffAudience"] = CHANGED
    assert directflow("audience", "diff", "members", "--sql", "SELECT 1", "-o", "json").json == {
        "kept": 5,
        "added": 2,
        "removed": 1,
        "added_profile_ids": ["7"],
        "removed_profile_ids": ["a\x1b[31mb"],
    }


def test_nobody_added_and_nobody_removed_is_exit_code_0(directflow: Directflow, scripted: Any) -> None:
    scripted.replies["DiffAudience"] = wire.DiffAudienceResponse(kept=5)
    assert directflow("audience", "diff", "members", "--sql", "SELECT 1").code == 0


def test_an_error_in_the_changed_generator_points_into_it(directflow: Directflow, scripted: Any) -> None:
    problem = Problem("UNDEFINED_COLUMN", "There is no column emial.", line=1, column=8, token="emial")
    scripted.replies["DiffAudience"] = DirectFlowError(
        StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN", "broken", problems=[problem]
    )
    ran = directflow("audience", "diff", "members", "--sql", "SELECT emial")
    assert ran.code == 4
    assert "SELECT emial" in ran.err


@pytest.mark.parametrize("arguments", [(), ("changed.sql", "--sql", "SELECT 1"), ("/nowhere/changed.sql",)])
def test_a_diff_needs_one_changed_generator(directflow: Directflow, scripted: Any, arguments: tuple[str, ...]) -> None:
    assert directflow("audience", "diff", "members", *arguments).code == 2
    assert not scripted.requests
