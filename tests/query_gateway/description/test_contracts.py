"""What the columns of a statement must be, by what the statement is for."""

import pytest
from directflow_gateway.description import ColumnType, Description, contract_problems
from directflow_gateway.description.result import wire_type
from directflow_gateway.sql import compile_template

OIDS = {"bigint": 20, "text": 25, "boolean": 16}


def description(*columns: str) -> Description:
    """Columns as "name:type"; the type is text unless given."""
    pairs = [(column + ":text").split(":")[:2] for column in columns]
    types = tuple(ColumnType(name, pg_type, OIDS[pg_type], wire_type(OIDS[pg_type])) for name, pg_type in pairs)
    return Description(compile_template("SELECT 1"), (), types)


@pytest.mark.parametrize(
    ("role", "columns", "rules"),
    [
        ("generator", ["profile_id:bigint", "email"], []),
        ("generator", ["profile_id", "phone", "first_name"], []),
        ("generator", ["email"], ["PROFILE_ID_MISSING"]),
        ("generator", ["profile_id"], ["CONTACT_MISSING"]),
        ("generator", ["id", "mail"], ["PROFILE_ID_MISSING", "CONTACT_MISSING"]),
        ("generator", ["profile_id", "email", "name", "name"], ["DUPLICATE_COLUMN"]),
        ("generator", [], ["PROFILE_ID_MISSING", "CONTACT_MISSING"]),
        ("condition", ["result:boolean"], []),
        ("condition", ["result"], ["RESULT_NOT_BOOLEAN"]),
        ("condition", ["case:boolean"], ["RESULT_COLUMN"]),
        ("condition", ["result:boolean", "result:boolean"], ["RESULT_COLUMN"]),
        ("condition", [], ["RESULT_COLUMN"]),
        ("discovery", ["id", "name"], []),
        ("discovery", ["name"], ["KEY_COLUMN_MISSING"]),
        ("discovery", ["id", "id"], ["DUPLICATE_COLUMN"]),
        # only there
        ("preload", ["a", "a"], []),
        ("ad hoc", ["a", "a"], []),
        ("preload", [], []),
    ],
)
def test_a_contract_names_what_breaks_it(role: str, columns: list[str], rules: list[str]) -> None:
    assert [problem.rule for problem in contract_problems(description(*columns), role)] == rules


def test_a_discovery_query_may_name_its_key() -> None:
    assert contract_problems(description("slug"), "discovery", "slug") == []
    [problem] = contract_problems(description("id"), "discovery", "slug")
    assert "slug" in problem.message


@pytest.mark.parametrize(
    ("column", "hint"),
    [
        ("code", "Write <column> AS profile_id, with the column that holds it."),
        ("id", "Write id AS profile_id, if it is the person's."),
        ("Profile_Id", 'Write "Profile_Id" AS profile_id.'),
    ],
)
def test_a_similar_column_is_offered(column: str, hint: str) -> None:
    [problem] = contract_problems(description(column, "email"), "generator")
    assert problem.hint == hint
