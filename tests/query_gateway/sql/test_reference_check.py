"""What names may reach, from facts alone: by name conservatively, and exactly from the server's query trees."""

from dataclasses import replace

import pytest
from directflow_gateway.sql.catalogue import (
    BuiltIn,
    CastFact,
    CatalogueFacts,
    Facts,
    FunctionFact,
    NodeObjects,
    OperatorFact,
    RelationFact,
    TypeFact,
)
from directflow_gateway.sql.parser import ParseFailure, parse
from directflow_gateway.sql.reference_check import check_references, check_resolved, may_be_resolved
from directflow_gateway.sql.references import References, references_of

EVIL, LOWER, SIMILARITY, SET_LIMIT, NOT_TRUSTED, ONE_OR_TWO = 20_001, 20_002, 20_003, 20_004, 20_005, 20_006
SLEEP, CURRENT_SETTING, TABLE_TO_XML, INT4PL = 2626, 2077, 2923, 177
DOMAIN, PAIR, HAS_CAST, ROW = 21_001, 21_002, 21_003, 21_004
BY_EVIL = NodeObjects(functions=frozenset({EVIL}))

FACTS = CatalogueFacts(
    built_in={
        SLEEP: BuiltIn("pg_sleep", "v"), CURRENT_SETTING: BuiltIn("current_setting", "s"),
        TABLE_TO_XML: BuiltIn("table_to_xml", "s"), INT4PL: BuiltIn("int4pl", "i"),
    },
    functions=Facts(
        [
            FunctionFact(EVIL, "public", "evil", "i", required_arguments=1),
            FunctionFact(LOWER, "public", "lower", "v", required_arguments=1),
            FunctionFact(SIMILARITY, "public", "similarity", "i", "pg_trgm", required_arguments=2),
            FunctionFact(SET_LIMIT, "public", "set_limit", "v", "pg_trgm", required_arguments=1),
            FunctionFact(NOT_TRUSTED, "public", "normal_rand", "i", "tablefunc", required_arguments=3),
            FunctionFact(ONE_OR_TWO, "public", "two", "i", required_arguments=2),
        ]
    ),
    operators=Facts(
        [
            OperatorFact(22_001, "public", "@@+", EVIL), OperatorFact(22_002, "public", "=", EVIL),
            OperatorFact(22_003, "public", "%", SIMILARITY), OperatorFact(22_004, "public", "===", INT4PL),
            OperatorFact(22_005, "public", "!==", 0),
        ]
    ),
    types=Facts(
        [
            TypeFact(DOMAIN, "public", "evil_dom", checks=BY_EVIL),
            TypeFact(PAIR, "public", "pair", parts=frozenset({DOMAIN})),
            TypeFact(HAS_CAST, "public", "ct"),
            TypeFact(ROW, "public", "t_pair", parts=frozenset({PAIR})),
        ]
    ),
    casts=(CastFact(23, HAS_CAST, "ct", EVIL, implicit=False), CastFact(HAS_CAST, 114, "json", EVIL, implicit=False)),
    relations=Facts(
        [
            RelationFact(23_001, "public", "v_evil", "v", rules=BY_EVIL),
            RelationFact(23_002, "public", "v_v", "v", rules=NodeObjects(relations=frozenset({23_001}))),
            RelationFact(23_003, "public", "ft", "f"),
            RelationFact(23_004, "public", "parent", "p", children=frozenset({23_003})),
            RelationFact(23_005, "public", "v_op", "v", rules=NodeObjects(operators=frozenset({22_001, 96}))),
            RelationFact(23_006, "public", "v_sleep", "v", rules=NodeObjects(functions=frozenset({SLEEP}))),
            RelationFact(23_007, "public", "v_xml", "v", rules=NodeObjects(functions=frozenset({TABLE_TO_XML}))),
            RelationFact(23_008, "public", "v_setting", "v", rules=NodeObjects(functions=frozenset({CURRENT_SETTING}))),
            RelationFact(23_009, "public", "guarded", "r", rules=BY_EVIL),
            RelationFact(23_010, "public", "t_pair", "r", row_type=ROW),
            RelationFact(23_012, "public", "t_domain", "r", row_type=PAIR),
            RelationFact(23_011, "public", "loop", "v", rules=NodeObjects(relations=frozenset({23_011, 23_008}))),
        ]
    ),
)  # fmt: skip


def references(sql: str) -> References:
    tree = parse(sql)
    assert not isinstance(tree, ParseFailure)
    return references_of(tree)


def by_name(sql: str, *allowed: str, facts: CatalogueFacts = FACTS) -> list[str]:
    return [problem.rule for problem in check_references(references(sql), facts, allowed)]


@pytest.mark.parametrize(
    ("sql", "rules"),
    [
        ("SELECT upper('x')", []),
        ("SELECT lower('x')", ["FUNCTION_NAME_SHARED"]),
        ("SELECT pg_catalog.lower('x')", []),
        ("SELECT public.evil(1)", ["FUNCTION_NOT_ALLOWED"]),
        ("SELECT similarity('a', 'b'), 'a' % 'b'", []),
        ("SELECT set_limit(1)", ["FUNCTION_NOT_ALLOWED"]),
        ("SELECT normal_rand(1, 2, 3)", ["FUNCTION_NOT_ALLOWED"]),
        ("SELECT v.evil FROM v", ["ATTRIBUTE_NAME_SHARED"]),
        ("SELECT (v).evil FROM v", ["ATTRIBUTE_NAME_SHARED"]),
        ("SELECT v.two FROM v", []),
        ("SELECT evil FROM v", []),
        ("SELECT 1 @@+ 2", ["OPERATOR_NAME_SHARED"]),
        ("SELECT 1 = 2", ["OPERATOR_NAME_SHARED"]),
        ("SELECT 1 FROM a JOIN b USING (c)", ["OPERATOR_NAME_SHARED"]),
        ("SELECT 1 OPERATOR(pg_catalog.=) 2", []),
        ("SELECT 1 === 2, 1 !== 2, 1 + 2", []),
        ("SELECT 'x'::evil_dom", ["TYPE_RUNS_FUNCTION"]),
        ("SELECT '{x}'::evil_dom[]", ["TYPE_RUNS_FUNCTION"]),
        ("SELECT '(x)'::public.pair", ["TYPE_RUNS_FUNCTION"]),
        ("SELECT 1::ct", ["CAST_RUNS_FUNCTION"]),
        ("SELECT * FROM XMLTABLE('/a' PASSING b COLUMNS c evil_dom)", ["TYPE_RUNS_FUNCTION"]),
        ("SELECT 'x'::other.evil_dom", []),
        ("SELECT 1 FROM v_evil", ["RELATION_NOT_ALLOWED"]),
        ("SELECT 1 FROM (SELECT 1 FROM public.v_v) x", ["RELATION_NOT_ALLOWED"]),
        ("SELECT 1 FROM other.v_evil", []),
        ("SELECT 1 FROM ft", ["RELATION_NOT_ALLOWED"]),
        ("SELECT 1 FROM parent", ["RELATION_NOT_ALLOWED"]),
        ("SELECT 1 FROM v_op", ["RELATION_NOT_ALLOWED"]),
        ("SELECT 1 FROM v_sleep", ["RELATION_NOT_ALLOWED"]),
        ("SELECT 1 FROM v_xml", ["RELATION_NOT_ALLOWED"]),
        ("SELECT 1 FROM v_setting", []),
        ("SELECT 1 FROM guarded", ["RELATION_NOT_ALLOWED"]),
        ("SELECT 1 FROM t_pair", ["COLUMN_RUNS_FUNCTION"]),
        ("SELECT 1 FROM t_domain", ["RELATION_NOT_ALLOWED"]),
        ("SELECT 1 FROM loop", []),
    ],
)
def test_a_shared_name_is_refused_unless_it_is_harmless(sql: str, rules: list[str]) -> None:
    assert by_name(sql) == rules


@pytest.mark.parametrize(
    ("sql", "allowed"),
    [
        ("SELECT lower('x')", "lower"),
        ("SELECT lower('x')", "public.lower"),
        ("SELECT evil(1), v.evil, 1 @@+ 2, 'x'::evil_dom, 1::ct FROM v_v v", "evil"),
        ("SELECT 1 @@+ 2", "operator:@@+"),
        ("SELECT 1 FROM parent", "relation:public.ft"),
        ("SELECT 1 FROM v_sleep", "pg_sleep"),
    ],
)
def test_what_a_connection_allows_passes_wherever_it_is_reached(sql: str, allowed: str) -> None:
    assert by_name(sql)
    assert by_name(sql, allowed) == []


def test_a_function_of_the_same_name_in_another_schema_is_not_meant_by_an_entry() -> None:
    assert by_name("SELECT lower('x')", "other.lower") == ["FUNCTION_NAME_SHARED"]


def test_an_implicit_cast_between_postgresqls_types_may_run_anywhere() -> None:
    facts = replace(FACTS, casts=(CastFact(23, 1082, "date", EVIL, implicit=True),))
    assert by_name("SELECT 1", facts=facts) == ["CAST_RUNS_FUNCTION"]
    written = replace(FACTS, casts=(CastFact(23, 1082, "date", EVIL, implicit=False),))
    assert by_name("SELECT 1", facts=written) == []
    assert by_name("SELECT 1::date", facts=written) == ["CAST_RUNS_FUNCTION"]
    assert by_name("SELECT date(1)", facts=written) == ["CAST_RUNS_FUNCTION"]


def test_information_schema_is_refused_though_the_search_path_hides_its_name() -> None:
    facts = replace(FACTS, search_path=("pg_catalog", "information_schema", "public"))
    assert by_name("SELECT 1 FROM tables, public.columns, orders", facts=facts) == ["SYSTEM_RELATION"]
    assert by_name("SELECT 1 FROM tables") == []


def test_a_problem_has_the_place_of_the_name() -> None:
    [problem] = check_references(references("SELECT 1,\n  lower('x')"), FACTS)
    assert (problem.line, problem.column, problem.token) == (2, 3, "lower")
    assert "public.lower" in problem.message
    assert "pg_catalog.lower" in problem.hint


def test_a_type_whose_check_is_refused_is_not_worth_asking_the_server_about() -> None:
    """It runs the CHECK while it parses a literal of the type: asking would already be the attack."""
    assert may_be_resolved(check_references(references("SELECT lower('x') = 'a' FROM v_evil"), FACTS))
    assert not may_be_resolved(check_references(references("SELECT lower('x'), '(x)'::pair"), FACTS))


@pytest.mark.parametrize(
    ("objects", "refused"),
    [
        (NodeObjects(functions=frozenset({870, INT4PL}), operators=frozenset({96})), True),
        (NodeObjects(functions=frozenset({INT4PL, SIMILARITY}), operators=frozenset({96, 22_003, 22_004})), False),
        (NodeObjects(functions=frozenset({LOWER})), True),
        (NodeObjects(operators=frozenset({22_002})), True),
        (NodeObjects(operators=frozenset({29_999})), True),
        (NodeObjects(functions=frozenset({SLEEP})), True),
        (NodeObjects(relations=frozenset({23_003})), True),
        (NodeObjects(relations=frozenset({23_009})), True),
        (NodeObjects(relations=frozenset({23_010, 99})), False),
        (NodeObjects(types=frozenset({DOMAIN})), True),
        (NodeObjects(types=frozenset({PAIR})), True),
        (NodeObjects(read_types=frozenset({DOMAIN})), False),
        (NodeObjects(read_types=frozenset({PAIR})), True),
        (NodeObjects(read_types=frozenset({HAS_CAST})), True),
    ],
)
def test_the_exact_answer_refuses_what_the_tree_names_and_what_that_reaches(
    objects: NodeObjects, refused: bool
) -> None:
    problems = check_resolved([objects], FACTS)
    assert bool(problems) == refused
    assert check_resolved([NodeObjects(), objects], FACTS) == problems
    assert {problem.rule for problem in problems} <= {"FUNCTION_NOT_ALLOWED", "RELATION_NOT_ALLOWED"}


def test_without_a_tree_the_exact_answer_is_a_refusal() -> None:
    assert [problem.rule for problem in check_resolved([], FACTS)] == ["NAMES_NOT_RESOLVED"]
