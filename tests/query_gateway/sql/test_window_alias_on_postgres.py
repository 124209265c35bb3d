"""The rewritten statement returns what the hand-written subquery does: same rows, same columns, same order."""

from collections.abc import Iterator

import psycopg
import pytest
from directflow_gateway.sql import compile_template, rewrite_window_alias

TABLE = """
CREATE TABLE u (id int, email text, plan text, score int, created date);
INSERT INTO u SELECT g, 'u' || g, (ARRAY['pro', 'free', NULL])[1 + g % 3], g * 37 % 101, date '2024-01-01' + g * 7 % 90
FROM generate_series(1, 200) g;
"""
RANK = "row_number() OVER (PARTITION BY plan ORDER BY created, id)"


@pytest.fixture(scope="module")
def connection(postgres_dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_dsn, autocommit=True) as opened:
        opened.execute(TABLE)
        yield opened


@pytest.mark.parametrize(
    ("template", "by_hand"),
    [
        (
            f"SELECT id, {RANK} AS r FROM u WHERE r <= 3 ORDER BY id",
            f"SELECT * FROM (SELECT id, {RANK} r FROM u) x WHERE r <= 3 ORDER BY id",
        ),
        (
            f"SELECT id AS p, email, {RANK} AS r FROM u WHERE score > 20 AND r <= 3 ORDER BY score DESC, id LIMIT 4",
            f"SELECT p, email, r FROM (SELECT id AS p, email, {RANK} AS r, score FROM u WHERE score > 20) x "
            "WHERE r <= 3 ORDER BY score DESC, p LIMIT 4",
        ),
        (
            f"SELECT u.*, {RANK} AS r FROM u WHERE r = 1 OR u.plan IS NULL ORDER BY u.score DESC, id",
            f"SELECT * FROM (SELECT u.*, {RANK} AS r FROM u) x WHERE r = 1 OR plan IS NULL ORDER BY score DESC, id",
        ),
        (
            "SELECT plan, count(*), rank() OVER (ORDER BY count(*)) AS r FROM u "
            "WHERE r <= 2 AND id > 5 GROUP BY plan ORDER BY max(score), 1",
            "SELECT plan, count, r FROM (SELECT plan, count(*), rank() OVER (ORDER BY count(*)) AS r, max(score) m "
            "FROM u WHERE id > 5 GROUP BY plan) x WHERE r <= 2 ORDER BY m, 1",
        ),
        (
            f'SELECT DISTINCT plan, {RANK} / 50 AS "Half" FROM u WHERE "Half" = 1 ORDER BY 1',
            f"SELECT DISTINCT plan, h FROM (SELECT plan, {RANK} / 50 AS h FROM u) x WHERE h = 1 ORDER BY 1",
        ),
    ],
)
def test_it_returns_what_the_hand_written_query_returns(
    connection: psycopg.Connection, template: str, by_hand: str
) -> None:
    compiled = compile_template(template)
    with pytest.raises(psycopg.errors.UndefinedColumn):
        connection.execute(compiled.text)
    rewritten = rewrite_window_alias(compiled)
    assert rewritten is not None
    ours = connection.execute(rewritten.text)
    rows = ours.fetchall()
    assert rows
    assert rows == connection.execute(by_hand).fetchall()
    names = [column.name for column in ours.description or ()]
    assert names[-1] == ("Half" if "Half" in template else "r")
    assert not any(name.startswith("_df_") for name in names)
