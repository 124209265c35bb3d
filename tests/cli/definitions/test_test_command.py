"""`directflow test`: what a test file may say, and one run of a whole bench, with the tests of the examples as well."""

from pathlib import Path

import pytest
from directflow_cli.definition_tests.case_file import AudienceCase, CaseFile, ConditionCase, PersonalizationCase, read
from directflow_cli.definition_tests.judging import _rows_differ
from directflow_cli.definitions.places import Source

from .conftest import Directflow
from .texts import CONNECTION

EXAMPLES = Path(__file__).parents[3] / "examples" / "definitions"
CASES = """\
schema: [schema.sql]
tables:
  people:
    - {id: 1, plan: premium, town: null}
    - {id: 2, plan: basic}
events:
  - {event_id: e, type: UNSUBSCRIBED, profile_id: "2", channel: email, occur_time: "2026-11-01T10:00:00Z"}
tests:
  - condition: pays
    profile: 1
    expect: TRUE
  - condition: has_left
    profile: 2
    expect: FALSE
  - audience: people
    expect: [1, 3]
  - personalization: people
    profile: 1
    expect: {plan: free, town: null}
"""
DEFINITIONS = """\
kind: Condition
id: pays
spec:
  sql: {connection: crm, sql: "SELECT plan = 'premium' AS result FROM people WHERE id = '<%= profile_id %>'"}
---
kind: Condition
id: has_left
spec:
  engagement: {subscription: {channel: email, state: UNSUBSCRIBED}}
---
kind: DataSource
id: people
spec:
  connection: crm
  generator_sql: SELECT id AS profile_id, 'x@example.com' AS email FROM people
  preload_sql: SELECT plan, town FROM people WHERE id = '<%= profile_id %>'
---
kind: DataSource
id: of_tables_that_no_test_makes
spec:
  connection: crm
  generator_sql: SELECT id AS profile_id, email FROM elsewhere
"""
SCHEMA = """\
CREATE TABLE towns (id bigint PRIMARY KEY);
CREATE TABLE people (
    id bigint PRIMARY KEY, plan text NOT NULL, town bigint NOT NULL REFERENCES towns, joined timestamptz NOT NULL
);
"""


def cases(text: str) -> CaseFile:
    found = read(Source("x.test.yaml", text))
    assert isinstance(found, CaseFile), found
    return found


def complaints(text: str) -> list[str]:
    found = read(Source("x.test.yaml", text))
    assert isinstance(found, list)
    return [f"{one.place.line}:{one.place.column} {one.message}" for one in found if one.place]


def test_words_stay_words_whatever_they_look_like() -> None:
    file = cases(CASES)
    condition, _, audience, personalization = file.content.tests
    assert condition == ConditionCase(condition="pays", profile="1", expect="TRUE")
    assert audience == AudienceCase(audience="people", expect=["1", "3"])
    assert isinstance(personalization, PersonalizationCase)
    assert personalization.expect == {"plan": "free", "town": None}
    assert [place.line for place in file.places] == [9, 12, 15, 17]


@pytest.mark.parametrize(
    "text",
    [
        "schema: [a.sql]\n",
        CASES.replace("expect: TRUE", "expect: MAYBE"),
        CASES.replace("tables:", "tabels:"),
        CASES.replace("profile: 2", "profil: 2"),
        "schema: [a.sql",
        "",
    ],
)
def test_a_test_file_that_cannot_be_read_is_told_with_its_place(text: str) -> None:
    assert complaints(text)


def test_rows_are_compared_column_by_column_and_exact_numbers_by_their_digits() -> None:
    assert _rows_differ({"a": 12.5, "b": None}, {"a": "12.5", "b": None}) == []
    assert _rows_differ({"a": 1}, {"a": None, "b": 2}) == [
        "a: expected 1, got None",
        "b: expected no such column, got 2",
    ]
    assert _rows_differ(None, None) == []
    assert _rows_differ({"a": "x"}, None) == ["expected a row, got none"]


def test_a_test_of_what_no_file_defines_is_told_before_anything_starts(directflow: Directflow) -> None:
    Path("x.yaml").write_text(DEFINITIONS)
    Path("x.test.yaml").write_text(CASES.replace("condition: pays", "condition: pay"))
    ran = directflow("test", "-f", ".")
    assert ran.code == 4
    assert "x.test.yaml:9:5: error: no file defines the condition pay" in ran.err
    assert "hint: did you mean pays?" in ran.err


def test_test_files_are_no_definitions(directflow: Directflow) -> None:
    Path("x.yaml").write_text(CONNECTION)
    Path("x.test.yaml").write_text(CASES)
    assert directflow("validate", "--offline", "-f", ".").code == 0


def test_a_bench_runs_them_all_and_says_what_differs(directflow: Directflow) -> None:
    """Rows need neither foreign keys nor columns that do not matter; definitions that no test names are left out."""
    Path("x.yaml").write_text(DEFINITIONS)
    Path("schema.sql").write_text(SCHEMA)
    Path("x.test.yaml").write_text(CASES)
    ran = directflow("test", "-f", ".", "-f", str(EXAMPLES))
    assert ran.out.splitlines() == [
        "x.test.yaml:12:5: failed: condition: has_left",
        "    decided: expected FALSE, got TRUE",
        "x.test.yaml:15:5: failed: audience: people",
        "    - 3 is expected, and not in it",
        "    + 2 is in it, and not expected",
        "x.test.yaml:17:5: failed: personalization: people",
        "    plan: expected 'free', got 'premium'",
        "10 passed, 3 failed",
    ], ran.err
    assert ran.code == 1
