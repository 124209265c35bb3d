"""The names of a statement that the customer's catalogue gives a meaning to."""

import pytest
from directflow_gateway.sql.parser import ParseFailure, parse
from directflow_gateway.sql.references import Reference, References, references_of


def references(sql: str) -> References:
    tree = parse(sql)
    assert not isinstance(tree, ParseFailure)
    return references_of(tree)


def names(found: tuple[Reference, ...]) -> set[str]:
    return {f"{reference.schema}.{reference.name}".removeprefix(".") for reference in found}


def test_each_kind_of_name_is_collected_once_with_its_schema_and_its_first_place() -> None:
    found = references(
        "SELECT lower(a), s.lower(b),\n lower(c), (d).f, t.g, h::s.ty FROM s.v t, db.s.w TABLESAMPLE system (1)"
    )
    assert names(found.functions) == {"lower", "s.lower", "system"}
    assert names(found.attributes) == {"f", "g"}
    assert names(found.types) == {"s.ty"}
    assert names(found.relations) == {"s.v", "s.w"}
    [first] = [reference for reference in found.functions if reference.name == "lower" and not reference.schema]
    assert (first.position.line, first.position.column, first.position.token) == (1, 8, "lower")


@pytest.mark.parametrize(
    ("expression", "operators"),
    [
        ("a + b", {"+"}), ("-a", {"-"}), ("a OPERATOR(s.+) b", {"s.+"}), ("a = ANY (b)", {"="}),
        ("a <> ALL (SELECT 1)", {"<>"}),
        ("a IN (1)", {"="}), ("a NOT IN (1)", {"<>"}), ("a IN (SELECT 1)", {"="}), ("(a, b) = (1, 2)", {"="}),
        ("a BETWEEN 1 AND 2", {">=", "<="}), ("a NOT BETWEEN SYMMETRIC 1 AND 2", {"<", ">"}), ("a LIKE b", {"~~"}),
        ("a NOT ILIKE b", {"!~~*"}), ("a SIMILAR TO b", {"~"}), ("a IS DISTINCT FROM b", {"="}),
        ("NULLIF(a, b)", {"="}),
        ("CASE a WHEN 1 THEN 2 END", {"="}), ("CASE WHEN a THEN 2 END", set()), ("EXISTS (SELECT 1)", set()),
        ("a IS NULL", set()),
    ],
)  # fmt: skip
def test_operators_are_found_where_they_are_implied_too(expression: str, operators: set[str]) -> None:
    assert names(references(f"SELECT {expression}").operators) == operators


@pytest.mark.parametrize(
    ("sql", "operators"),
    [
        ("SELECT 1 FROM a JOIN b USING (c)", {"="}), ("SELECT 1 FROM a NATURAL JOIN b", {"="}),
        ("SELECT 1 FROM a, b", set()),
        ("SELECT a FROM b ORDER BY a USING >", {">"}),
        ("WITH RECURSIVE r AS (SELECT 1 n UNION SELECT n FROM r) CYCLE n SET c USING p SELECT 1 FROM r", {"<>"}),
    ],
)  # fmt: skip
def test_clauses_that_compare_name_their_operators(sql: str, operators: set[str]) -> None:
    assert names(references(sql).operators) == operators


def test_an_allow_list_of_what_a_text_names_leaves_postgresqls_own_functions_out() -> None:
    found = references("SELECT lower(a), df.label(b), c.d FROM t c WHERE a <<< 1")
    assert found.allow_list() == {"label", "d", "operator:<<<"}
