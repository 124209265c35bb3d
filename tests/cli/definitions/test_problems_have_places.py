"""What a service says of a field and a line of a query is shown where that is in the author's file."""

import pytest
from directflow_cli.definitions.finding_text import lines_of
from directflow_cli.definitions.manifests import Manifest, read_all
from directflow_cli.definitions.places import Source
from directflow_cli.definitions.problems import error_findings, problem_finding
from directflow_runtime.errors import DirectFlowError, FieldViolation, Problem, StatusCode

SOURCE = """\
kind: DataSource
id: members
spec:
  connection: crm
  discovery_sql: "SELECT id FROM c"
  generator_sql: |
    SELECT u.id AS profile_id,
      u.emial

    FROM users u
  preload_sql: >
    SELECT name
    FROM users
  variables:
    - name: user.community_id
      kind: UUID
    - variable: {name: other}
  bindings:
    user.community_id: id
"""
CONDITION = """\
kind: Condition
id: c
spec:
  expression:
    all_of:
      - a
      - not: b
"""


def manifest(text: str = SOURCE) -> Manifest:
    found = read_all([Source("x.yaml", text)], "acme")
    assert found.findings == []
    return found.manifests[0]


def at(problem: Problem, text: str = SOURCE) -> str:
    place = problem_finding(manifest(text), problem).place
    assert place is not None
    return f"{place.line}:{place.column}"


@pytest.mark.parametrize("field", ["generator.sql", "generator_sql", "data_source.generator_sql"])
def test_a_line_of_a_literal_block_is_a_line_of_the_file(field: str) -> None:
    assert at(Problem("R", "m", field=field, line=2, column=3, token="u.emial")) == "8:7"
    assert at(Problem("R", "m", field=field, line=4, column=6)) == "10:10"


def test_a_query_on_one_line_has_its_place_behind_the_quote() -> None:
    assert at(Problem("R", "m", field="discovery.sql", line=1, column=8, token="id")) == "5:26"


def test_an_indented_first_line_and_an_indentation_mark_count_as_they_stand() -> None:
    text = SOURCE.replace("generator_sql: |\n    SELECT", "generator_sql: |2\n        SELECT")
    assert at(Problem("R", "m", field="generator.sql", line=1, column=5, token="SELECT"), text) == "7:9"


def test_a_folded_query_is_shown_as_sql_with_the_place_of_the_field() -> None:
    finding = problem_finding(manifest(), Problem("R", "m", field="preload.sql", line=1, column=8, token="name"))
    assert list(lines_of(finding)) == [
        "x.yaml:11:16: error: m [R]",
        "SQL 1:8 | SELECT name FROM users",
        "        |        ^^^^",
    ]


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ("connection", "4:15"),
        ("connection.user", "4:15"),
        ("variables.user.community_id", "15:7"),
        ("variables[0].variable.kind", "16:13"),
        ("variables.other", "17:7"),
        ("bindings.user.community_id", "19:24"),
        ("key_column", "2:5"),
        ("", "2:5"),
        ("generator.sql", "6:18"),
    ],
)
def test_a_field_has_the_place_of_its_value_or_of_what_is_nearest(field: str, place: str) -> None:
    assert at(Problem("R", "m", field=field)) == place


def test_an_expression_is_walked_as_the_message_nests_it() -> None:
    assert at(Problem("R", "m", field="expression.all_of.operands[1].negation"), CONDITION) == "7:14"


def test_tabs_and_wide_characters_move_the_caret_by_what_they_take_on_a_terminal() -> None:
    text = SOURCE.replace("      u.emial", "    \t美 u.emial")
    finding = problem_finding(
        manifest(text), Problem("R", "m", field="generator.sql", line=2, column=4, token="u.emial")
    )
    _, shown, caret = lines_of(finding)
    assert shown == "    8 |      美 u.emial"
    assert caret == "      |         ^^^^^^^"


def test_an_escape_sequence_of_a_file_never_reaches_the_terminal() -> None:
    finding = problem_finding(manifest(), Problem("R", "evil \x1b[31m", field="connection"))
    assert "\x1b" not in "\n".join(lines_of(finding))


@pytest.mark.parametrize(
    "line",
    [
        "password: hunter2",
        "Passwd: hunter2",
        "access_token: hunter2",
        "password: @hunter2",
        "tls: {ca: hunter2 PRIVATE KEY}",
    ],
)
def test_a_line_that_may_hold_a_secret_is_not_printed(line: str) -> None:
    """The logs of a CI would keep it."""
    text = f"kind: Connection\nid: main\nspec:\n  host: h\n  {line}\n"
    findings = read_all([Source("x.yaml", text)], "acme").findings
    assert any("x.yaml:5:" in shown for finding in findings for shown in lines_of(finding))
    assert "hunter2" not in "\n".join(shown for finding in findings for shown in lines_of(finding))


def test_a_long_line_is_cut_around_the_caret() -> None:
    text = SOURCE.replace("u.emial", "x" * 500 + " u.emial")
    finding = problem_finding(
        manifest(text), Problem("R", "m", field="generator.sql", line=2, column=504, token="u.emial")
    )
    _, shown, caret = lines_of(finding)
    assert len(shown) < 260
    assert shown[caret.index("^") : caret.rindex("^") + 1] == "u.emial"


def test_violations_and_problems_that_did_not_fit_are_told() -> None:
    error = DirectFlowError(
        StatusCode.INVALID_ARGUMENT,
        "INVALID_REQUEST",
        "bad",
        violations=[FieldViolation("data_source.connection", "no")],
    )
    (finding,) = error_findings(manifest(), error)
    assert (finding.message, finding.rule) == ("no", "INVALID_REQUEST")


def test_a_refusal_without_details_is_still_told_at_the_definition() -> None:
    error = DirectFlowError(StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN", "it stands in the settings file")
    (finding,) = error_findings(manifest(), error)
    assert finding.place is not None
    assert (finding.message, finding.place.label) == ("it stands in the settings file", "x.yaml:2:5")
