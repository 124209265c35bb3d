"""Whoever saves a statement and the gateway that runs it come to the same digest, and nobody else does."""

import pytest
from directflow_runtime.definitions.statement_digest import DigestedVariable, statement_digest

CONNECTION = "workspaces/acme/connections/main"
NUMBER = DigestedVariable("n", "integer", is_list=False)
TEXT = DigestedVariable("t", "text", is_list=False)


def digest(
    connection: str = CONNECTION,
    role: str = "generator",
    template: str = "SELECT 1",
    variables: tuple[DigestedVariable, ...] = (NUMBER,),
) -> bytes:
    return statement_digest(connection, role, template, variables)


@pytest.mark.parametrize(
    "other",
    [
        {"connection": "workspaces/other/connections/main"},
        {"role": "condition"},
        {"template": "SELECT 1 "},
        {"template": "select 1"},
        {"variables": ()},
        {"variables": (NUMBER._replace(kind="number"),)},
        {"variables": (NUMBER._replace(is_list=True),)},
        {"variables": (NUMBER._replace(name="m"),)},
        {"variables": (NUMBER, TEXT._replace(is_list=True))},
    ],
)
def test_everything_that_changes_what_runs_changes_the_digest(other: dict[str, object]) -> None:
    assert digest(**other) != digest()  # type: ignore[arg-type]


def test_a_variable_that_is_not_named_is_a_text() -> None:
    assert digest(variables=(NUMBER, TEXT)) == digest(variables=(NUMBER,))


def test_the_order_of_variables_makes_no_difference() -> None:
    date = DigestedVariable("d", "date", is_list=False)
    assert digest(variables=(NUMBER, date)) == digest(variables=(date, NUMBER))


def test_parts_cannot_run_into_each_other() -> None:
    assert statement_digest("a", "bc", "d", ()) != statement_digest("ab", "c", "d", ())
    assert statement_digest("a", "b", "c", ()) != statement_digest("a", "b", "", [DigestedVariable("c", "x", False)])


def test_it_has_16_bytes_and_stays_the_same_from_version_to_version() -> None:
    """Stored revisions hold it."""
    assert digest().hex() == "b2ebf6912f876b55f8f6ceb57907efc8"


def test_any_text_has_one() -> None:
    assert len(digest(template="\ud800 ä \U0001f600")) == 16
