"""One statement, and it is a SELECT: nothing in it writes, locks or makes anything."""

from collections.abc import Callable

import pytest
from directflow_runtime.errors import Problem

Rules = Callable[..., list[str]]


@pytest.mark.parametrize(
    "sql", ["SELECT 1", "TABLE members", "VALUES (1), (2)", "(SELECT 1)", "SELECT 1;", ";SELECT 1;;"]
)
def test_reading_is_allowed_in_each_of_its_forms(rules: Rules, sql: str) -> None:
    assert rules(sql) == []


@pytest.mark.parametrize("sql", ["", "  \n", "-- nothing", "/* nothing */", ";"])
def test_no_statement_at_all_is_told(rules: Rules, sql: str) -> None:
    assert rules(sql) == ["EMPTY_STATEMENT"]


def test_the_second_statement_is_pointed_at(problems: Callable[..., list[Problem]]) -> None:
    [problem] = problems("SELECT 1;\n  SELECT 2")
    assert (problem.rule, problem.line, problem.column, problem.token) == ("MULTIPLE_STATEMENTS", 2, 3, "SELECT")


def test_an_empty_statement_between_hides_nothing(rules: Rules) -> None:
    assert rules("SELECT 1;;DELETE FROM victim") == ["MULTIPLE_STATEMENTS", "NOT_A_SELECT"]


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t VALUES (1)", "UPDATE t SET a = 1", "DELETE FROM t",
        "MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE",
        "CREATE TABLE x (a int)", "CREATE TABLE x AS SELECT 1", "DROP TABLE x", "TRUNCATE x", "COPY t TO STDOUT",
        "COPY (SELECT 1) TO PROGRAM 'x'", "CALL p()", "DO 'x'", "PREPARE p AS SELECT 1", "EXECUTE p", "DEALLOCATE ALL",
        "EXPLAIN SELECT 1", "EXPLAIN ANALYZE DELETE FROM t", "SHOW ALL", "SET a.b = 'c'", "RESET ALL", "DISCARD ALL",
        "BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT s", "PREPARE TRANSACTION 'x'", "LOCK TABLE t", "LISTEN c",
        "NOTIFY c",
        "VACUUM", "ANALYZE", "CHECKPOINT", "LOAD 'x'", "GRANT ALL ON t TO PUBLIC", "COMMENT ON TABLE t IS 'x'",
        "DECLARE c CURSOR FOR SELECT 1", "FETCH c", "CLOSE c", "REFRESH MATERIALIZED VIEW v", "ALTER SYSTEM SET a = 1",
        "CREATE EXTENSION x", "REINDEX TABLE t", "CLUSTER", "SECURITY LABEL ON TABLE t IS 'x'",
    ],
)  # fmt: skip
def test_every_other_statement_is_refused(rules: Rules, sql: str) -> None:
    assert rules(sql) == ["NOT_A_SELECT"]


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("SELECT 1 INTO x", "INTO_CLAUSE"),
        ("SELECT * INTO TEMP x FROM t", "INTO_CLAUSE"),
        ("SELECT 1 UNION ALL SELECT id INTO x FROM t", "INTO_CLAUSE"),
        ("SELECT 1 FROM t FOR UPDATE", "LOCKING_CLAUSE"),
        ("(SELECT 1 FROM t FOR KEY SHARE)", "LOCKING_CLAUSE"),
        ("TABLE t FOR NO KEY UPDATE", "LOCKING_CLAUSE"),
        ("VALUES (1) FOR SHARE", "LOCKING_CLAUSE"),
        ("SELECT 1 WHERE EXISTS (SELECT 1 FROM t FOR SHARE OF t NOWAIT)", "LOCKING_CLAUSE"),
        ("SELECT 1 FROM a, LATERAL (SELECT 1 FROM t FOR UPDATE SKIP LOCKED) x", "LOCKING_CLAUSE"),
        ("WITH x AS (SELECT 1 FROM t FOR UPDATE) SELECT 1", "LOCKING_CLAUSE"),
        ("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", "DATA_MODIFYING_WITH"),
        ("WITH d AS (INSERT INTO t VALUES (1)) SELECT 1", "DATA_MODIFYING_WITH"),
        ("WITH d AS (UPDATE t SET a = 1 RETURNING 1) SELECT 1", "DATA_MODIFYING_WITH"),
        (
            "WITH d AS (MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE RETURNING 1) SELECT 1",
            "DATA_MODIFYING_WITH",
        ),
        ("WITH b AS (WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d) SELECT * FROM b", "DATA_MODIFYING_WITH"),
        ("VALUES (DEFAULT)", "UNSUPPORTED_SYNTAX"),
    ],
)
def test_what_writes_or_locks_is_refused_at_any_depth(rules: Rules, sql: str, rule: str) -> None:
    assert rules(sql) == [rule]


def test_everything_wrong_is_told_at_once_and_bounded(rules: Rules) -> None:
    assert rules("SELECT pg_sleep(1), m.xmin FROM pg_class m FOR UPDATE") == [
        "FUNCTION_NOT_ALLOWED",
        "SYSTEM_COLUMN",
        "SYSTEM_RELATION",
        "LOCKING_CLAUSE",
    ]
    assert len(rules("SELECT " + ", ".join(["pg_sleep(1)"] * 500))) == 50
