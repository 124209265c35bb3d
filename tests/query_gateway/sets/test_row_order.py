"""A person whose rows fail before one of them suits fails in a batch as well, whatever plan the batch gets."""

from typing import Any

import pytest

PEOPLE, LINES = 2_500, 10_000
ASKED, ALONE = 400, 30


@pytest.fixture(scope="module")
def lines(gateway: Any) -> Any:
    """Four rows a person, the first of which is no number. No index: together it is a hash join, if it may be one."""
    gateway.admin("CREATE TABLE lines (person int, payload text)")
    gateway.admin(
        f"INSERT INTO lines SELECT g % {PEOPLE}, CASE WHEN g < {PEOPLE} AND g % 2 = 0 THEN 'none' ELSE (g % 97)::text"
        f" END FROM generate_series(0, {LINES - 1}) g"
    )
    gateway.admin("CREATE VIEW numbers AS SELECT person, payload::int AS number FROM lines")
    gateway.admin("ANALYZE lines")
    gateway.admin(f'GRANT SELECT ON lines, numbers TO "{gateway.role}"')
    yield gateway
    gateway.admin("DROP VIEW numbers; DROP TABLE lines")


@pytest.mark.parametrize(
    "where",
    [
        "lines l WHERE l.person = '<%= id %>' AND l.payload::int >= '<%= least %>'",
        "lines l WHERE l.payload::int BETWEEN '<%= least %>' AND 1000 AND l.person = '<%= id %>'",
        "numbers n WHERE n.person = '<%= id %>' AND n.number >= '<%= least %>'",
    ],
    ids=["compared", "compared first", "through a view"],
)
@pytest.mark.parametrize(
    "frame", ["SELECT EXISTS (SELECT 1 FROM {}) AS result", "SELECT true AS result FROM {} LIMIT 1"]
)
def test_together_as_alone(lines: Any, make_shape: Any, frame: str, where: str) -> None:
    shape = make_shape("row order", frame.format(where), pools={"id": "id_texts", "least": "id_texts"})
    tuples = [(str(number), str(number % 50)) for number in range(1, ASKED + 1)]
    alone = lines.evaluate_alone(shape, tuples[:ALONE], {})
    assert {one.outcome for one in alone} >= {"ERROR"}
    assert lines.evaluate(shape, tuples)[:ALONE] == alone
    assert lines.evaluate(shape, tuples[::-1])[-ALONE:] == alone[::-1], "and again, when the forms' costs are known"
