"""Random conditions: predicates over every column type, in every frame that a condition may have, over random tuples.

What is composed here no hand would write; a batch must come to what its tuples come to alone. The short form runs in
`make test`; `make soak`, or DIRECTFLOW_SETS_CASES=100000, judges until that many tuples were compared.
"""

import os
import random
from collections.abc import Callable
from typing import Any

import pytest

CASES = int(os.environ.get("DIRECTFLOW_SETS_CASES", "1200"))
SOAK_CASES = 60_000
SEED = int(os.environ.get("DIRECTFLOW_SETS_SEED", "20261125"))
SIZES = (2, 3, 6, 12, 30)
LONG_SIZES = (1, 2, 3, 17, 63, 64, 65, 200, 1000)
DIFFERENT = 8

# What compares a column of a table with a variable: {v} is the tag, and the pool of its values stands beside it.
PEOPLE = [
    ("{a}id = {v}", "ids"), ("{a}id = '{v}'", "id_texts"), ("{a}id < {v}", "small_ids"), ("{a}id + 1 = {v}", "ids"),
    ("{a}code = '{v}'", "texts"), ("{a}code LIKE '%{v}%'", "texts"), ("{a}code <> {v}", "texts"),
    ("{a}plan = '{v}'", "plans"), ("{a}plan IS DISTINCT FROM '{v}'", "plans"), ("{a}mood >= '{v}'", "moods"),
    ("{a}score > '{v}'", "numbers"), ("{a}level = {v}", "counts"), ("{a}big = {v}", "id_texts"),
    ("{a}ratio >= {v}", "floats"), ("{a}active = {v}", "booleans"), ("{a}active IS NOT TRUE AND {v}", "booleans"),
    ("{a}born > '{v}'", "dates"), ("{a}born < DATE '{v}'", "dates"), ("{a}seen >= '{v}'", "stamps"),
    ("{a}seen > timestamptz '2024-02-01Z' - INTERVAL '{v} days'", "days"), ("{a}wake > '{v}'", "times"),
    ("{a}pause < '{v}'", "intervals"), ("{a}ip << '{v}'", "ips"), ("'{v}' = ANY({a}tags)", "elements"),
    ("{a}tags @> '{{{v}}}'", "elements"), ("{a}nums[1] = {v}", "small_ids"),
    ("{a}attrs @> '{{\"team\": \"{v}\"}}'", "teams"),
    ("{a}attrs ->> '{v}' IS NOT NULL", "keys"), ("{a}attrs ? '{v}'", "keys"),
    ("({a}attrs ->> 'n')::int > {v}", "counts"),
    ("{a}raw = '{v}'", "bytes"), ("{a}c5 = '{v}'", "codes"), ("{a}v4 = '{v}'", "codes"), ("{a}email = '{v}'", "mails"),
    ("{a}few < {v}", "few"), ("{a}label = '{v}'", "names"), ("{a}search @@ to_tsquery('simple', '{v}')", "searches"),
    ("{a}span @> {v}", "small_ids"), ("{a}key = '{v}'", "uuids"), ("{a}note::int > {v}", "counts"),
    ("10 / {a}div >= {v}", "divisors"), ("{a}id / {v} > 2", "divisors"), ("10 / {v} > 2", "divisors"),
    ("CASE WHEN {a}div <> 0 THEN 10 / {a}div > {v} END", "divisors"), ("{v} IS NULL", "texts"),
    ("CASE WHEN {a}id > 0 THEN {a}id < 30 ELSE 10 / {v} > 1 END", "divisors"), ("{a}code ~ '{v}'", "patterns"),
    ("coalesce({a}score, {v}) > 20", "counts"), ("{a}id % 4 = {v}", "counts"), ("'{v}' = 'pro'", "plans"),
    ("({a}id, {a}level) = ({v}, 2)", "ids"), ("{a}id BETWEEN 3 AND {v}", "small_ids"),
    ("{a}boss IN (1, {v})", "small_ids"),
]  # fmt: skip
VISITS = [
    ("{a}person_id = {v}", "ids"), ("{a}person_id = '{v}'", "id_texts"), ("{a}page = '{v}'", "pages"),
    ("{a}page LIKE '/p/{v}%'", "limit_texts"), ("{a}n > {v}", "counts"), ("{a}amount > '{v}'", "numbers"),
    ("{a}at < '{v}'", "stamps"), ("{a}ok = {v}", "booleans"), ("{a}note = '{v}'", "notes"), ("{a}id = {v}", "ids"),
    ("{a}note::int = {v}", "counts"), ("{a}n % {v} = 1", "divisors"), ("{a}person_id IS NOT DISTINCT FROM {v}", "ids"),
    ("NOT {a}ok", ""), ("{a}page IN (SELECT '/p/' || k FROM nulls)", ""), ("{a}n = (SELECT max(n) FROM visits)", ""),
]  # fmt: skip
# {w} is a predicate over the table {t}; {b} a boolean expression over its row; {a} its alias with a dot.
FRAMES = [
    "SELECT EXISTS (SELECT 1 FROM {t} WHERE {w}) AS result",
    "SELECT EXISTS (SELECT 1 FROM {t} WHERE {w}) AS result",
    "SELECT EXISTS (SELECT {a}id FROM {t} WHERE {w} GROUP BY {a}id HAVING count(*) > 0) AS result",
    "SELECT EXISTS (SELECT 1 FROM {t} WHERE {w} UNION SELECT 1 FROM {t} WHERE {w2}) AS result",
    "SELECT EXISTS (SELECT 1 FROM {t} WHERE {w} LIMIT 3) AS result",
    "SELECT EXISTS (SELECT 1 FROM {t} WHERE {w}) {op} EXISTS (SELECT 1 FROM {t} WHERE {w2}) AS result",
    "SELECT EXISTS (SELECT 1 FROM {t} JOIN visits j ON j.person_id = {a}id WHERE {w} AND j.n > 3) AS result",
    "SELECT EXISTS (SELECT 1 FROM {t} WHERE {w} AND NOT EXISTS (TABLE empty_table)) AS result",
    "SELECT NOT EXISTS (SELECT 1 FROM {t} WHERE {w}) AS result",
    "SELECT true AS result FROM {t} WHERE {w} LIMIT 1",
    "SELECT true AS result FROM {t} WHERE {w} ORDER BY {a}id LIMIT 1",
    "SELECT false AS result FROM {t} WHERE {w} LIMIT 1",
    "SELECT true AS result FROM {t} WHERE {w}",
    "SELECT {b} AS result FROM {t} WHERE {w} ORDER BY {a}id LIMIT 1",
    "SELECT {b} AS result FROM {t} WHERE {w}",
    "SELECT {b} AS result FROM {t} WHERE {w} ORDER BY {a}id DESC OFFSET 1 LIMIT 1",
    "SELECT DISTINCT {b} AS result FROM {t} WHERE {w}",
    "SELECT bool_or({b}) AS result FROM {t} WHERE {w}",
    "SELECT count(*) > 2 AS result FROM {t} WHERE {w}",
    "SELECT count(*) FILTER (WHERE {b}) > 1 AS result FROM {t} WHERE {w}",
    "SELECT (SELECT {b} FROM {t} WHERE {w} ORDER BY {a}id LIMIT 1) AS result",
    "SELECT coalesce((SELECT bool_and({b}) FROM {t} WHERE {w}), false) AS result",
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM {t} WHERE {w}) THEN true"
    " WHEN EXISTS (SELECT 1 FROM {t} WHERE {w2}) THEN NULL ELSE false END AS result",
    "WITH q AS (SELECT * FROM {t} WHERE {w}) SELECT EXISTS (SELECT 1 FROM q) AS result",
    "WITH q AS MATERIALIZED (SELECT * FROM {t} WHERE {w}) SELECT count(*) > 1 AS result FROM q",
    "SELECT true AS result FROM {t} WHERE {w} EXCEPT SELECT true FROM {t} WHERE {w2}",
    "SELECT r = 1 AS result FROM (SELECT *, rank() OVER (ORDER BY id) AS r FROM {t} WHERE {w}) p ORDER BY id LIMIT 1",
    "SELECT l.x AS result FROM (SELECT 1) o LEFT JOIN LATERAL"
    " (SELECT {b} AS x FROM {t} WHERE {w} ORDER BY {a}id LIMIT 1) l ON true",
    "SELECT true AS result FROM {t} WHERE {w} HAVING count(*) > 1",
    "SELECT true AS result FROM {t} WHERE {w} HAVING count(*) > {n}",
    "SELECT EXISTS (SELECT 1 FROM {t} WHERE {w} ORDER BY {a}id LIMIT {n}) AS result",
    "SELECT EXISTS (SELECT 1 FROM (SELECT id FROM {t} WHERE {w} ORDER BY {a}id LIMIT {n}) q WHERE q.id > 3) AS result",
    "SELECT (SELECT count(*) FROM (SELECT 1 FROM {t} WHERE {w} OFFSET {n}) q) > 1 AS result",
    "SELECT (SELECT max(id) FROM people WHERE id < {n}) > (SELECT count(*) FROM {t} WHERE {w}) AS result",
    "SELECT EXISTS (SELECT 1 FROM {t} WHERE {w} AND {a}id > (SELECT min(k) FROM dull WHERE k > {n})) AS result",
    "SELECT EXISTS (SELECT 1 FROM (SELECT DISTINCT {a}note FROM {t} WHERE {w}) q WHERE length(q.note) < {n}) AS result",
    "SELECT EXISTS (SELECT 1 FROM (SELECT id, row_number() OVER (ORDER BY id) AS rn FROM {t} WHERE {w}) q"
    " WHERE q.rn <= {n} AND q.id > 2) AS result",
    "SELECT count(*) > {n} AS result FROM (SELECT 1 FROM {t} WHERE {w} UNION SELECT 2 FROM {t} WHERE {w2}) q",
    "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r WHERE x < {n} AND x < 9)"
    " SELECT EXISTS (SELECT 1 FROM {t} JOIN r ON r.x = {a}id WHERE {w}) AS result",
    "WITH q AS MATERIALIZED (SELECT * FROM people WHERE id < {n}) SELECT EXISTS (SELECT 1 FROM q) AND"
    " EXISTS (SELECT 1 FROM {t} WHERE {w}) AS result",
    "SELECT count(DISTINCT {a}id) > 1 AS result FROM {t} WHERE {w}"
    " GROUP BY {a}note ORDER BY {a}note NULLS FIRST LIMIT 1",
]  # fmt: skip
STRICT = [*FRAMES[:2], FRAMES[4], *FRAMES[8:10], *FRAMES[11:13], FRAMES[14], *FRAMES[16:20]]
"""One table, EXISTS or LIMIT 1 or all rows: which are tried, and in which order, is the same alone and together.

Not so with ORDER BY: whether PostgreSQL reads in that order and stops, or sorts what it finds by another index, depends
on how many rows it expects for the value, which it knows alone only."""
# A key of several rows, and what may fail for one of them, in FRAGILE frames.
KEYS = {
    "people": [("{a}plan = '{v}'", "plans"), ("{a}level = {v}", "counts"), ("{a}mood = '{v}'", "moods")],
    "visits": [("{a}person_id = {v}", "ids"), ("{a}n = {v}", "counts"), ("{a}person_id = '{v}'", "id_texts")],
}
FRAGILE = {
    "people": [
        ("10 / {a}div >= {v}", "divisors"),
        ("{a}note::int > {v}", "counts"),
        ("{a}note::int = {v}", "counts"),
        ("({a}active OR {a}note::int < {v})", "counts"),
        ("{a}note::int > 3", ""),
        ("10 / {a}div = {v}", "counts"),
    ],
    "visits": [
        ("{a}note::int > {v}", "counts"),
        ("{a}note::int = {v}", "counts"),
        ("{a}note::int IN (5, {v})", "counts"),
        ("coalesce({a}note::int, {v}) < 9", "counts"),
        ("{a}note::int < 30", ""),
        ("({a}ok OR 10 / {a}n > {v})", "divisors"),
    ],
}
BESIDE = {
    "people": [
        ("{a}active", ""),
        ("{a}id > {v}", "small_ids"),
        ("lower(upper({a}plan)) = 'pro'", ""),
        ("{a}tags @> '{{t1}}'", ""),
    ],
    "visits": [
        ("NOT {a}ok", ""),
        ("{a}id > {v}", "small_ids"),
        ("length(lower(upper({a}page))) > 4", ""),
        ("{a}n > 2", ""),
    ],
}
ENDINGS = ["", "", "", " -- (", "\n-- it's <%= gone %>", " /* ' */", ";", " ;\n"]
ALIASES = ["", "p.", "c.", "ord.", "v1.", '"unnest".', '"_Odd".']


class Author:
    """Writes one condition. Every variable has its pool."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.pools: dict[str, str] = {}
        self.flags: tuple[str, ...] = ()

    def tag(self, pool: str) -> str:
        """A new variable, or now and then one that is there already: the same value in two places."""
        same = [name for name, known in self.pools.items() if known == pool]
        name = self.chance.choice(same) if same and self.chance.random() < 0.5 else f"x{len(self.pools)}"
        self.pools[name] = pool
        return f"<%= {name} %>"

    def predicate(self, rows: list[tuple[str, str]], alias: str) -> str:
        text, pool = self.chance.choice(rows)
        return text.format(a=alias, v=self.tag(pool) if pool else "")

    def several(self, rows: list[tuple[str, str]], alias: str) -> str:
        parts = [f"({self.predicate(rows, alias)})" for _ in range(self.chance.choice((1, 1, 1, 2, 2, 3)))]
        joined = parts[0]
        for part in parts[1:]:
            joined += self.chance.choice((" AND ", " AND ", " OR ", " AND NOT ")) + part
        return joined

    def fragile(self) -> str:
        """A key and conditions that may fail, in any order: which rows are tried for them decides."""
        table = self.chance.choice(sorted(KEYS))
        rows = [
            KEYS[table],
            FRAGILE[table],
            *self.chance.choice(([], [FRAGILE[table]], [BESIDE[table]], [BESIDE[table]])),
        ]
        parts = [self.predicate(some, "") for some in rows]
        self.chance.shuffle(parts)
        frame = self.chance.choice([frame for frame in STRICT if "{b}" not in frame])
        return frame.format(t=table, a="", w=" AND ".join(parts))

    def condition(self) -> str:
        table, rows = self.chance.choice([("people", PEOPLE), ("visits", VISITS)])
        alias = self.chance.choice(ALIASES)
        frame = self.chance.choice([frame for frame in FRAMES if alias or " JOIN " not in frame])
        # Elsewhere a row that is met or not met decides over an error: the order of joins is the planner's affair.
        self.flags = () if frame in STRICT else ("plan-dependent",)
        written = frame.format(
            t=f"{table} {alias.rstrip('.')}".rstrip(),
            a=alias,
            b=f"({self.predicate(rows, alias)})",
            op=self.chance.choice(("AND", "OR", "AND NOT", "=")),
            n=self.tag("counts"),
            w=self.several(rows, alias),
            w2=self.several(rows, alias),
        )
        used = {name: pool for name, pool in self.pools.items() if f"<%= {name} %>" in written}
        self.pools = used
        return written + self.chance.choice(ENDINGS)


def composed(make_shape: Any, seed: str, write: Callable[[Author], str]) -> tuple[Any, random.Random]:
    """A shape with at least one variable, by its seed alone."""
    chance = random.Random(seed)
    while True:
        author = Author(chance)
        template = write(author)
        if author.pools:
            return make_shape(seed, template, *author.flags, pools=author.pools), chance


def judged(
    judge: Any, make_shape: Any, cases: int, sizes: tuple[int, ...], first: int, write: Any = Author.condition
) -> list[str]:
    found: list[str] = []
    number = first
    while judge.cases < cases and len(found) < 20:
        shape, chance = composed(make_shape, f"{SEED}/{number}", write)
        number += 1
        different = shape.tuples(chance, DIFFERENT)
        for _ in range(2):
            tuples = different if chance.random() < 0.4 else chance.choices(different, k=chance.choice(sizes))
            found += judge.differences(shape, tuples, {})
    return found


@pytest.mark.parametrize("part", range(4))
def test_random_conditions(judge: Any, make_shape: Any, part: int) -> None:
    found = judged(judge, make_shape, CASES // 4, SIZES, part * 1_000_000)
    assert not found, "".join(found)
    assert_worth_judging(judge)


def test_random_conditions_that_fail_for_some_rows(judge: Any, make_shape: Any) -> None:
    found = judged(judge, make_shape, CASES // 2, (6, 12, 30), 20_000_000, Author.fragile)
    assert not found, "".join(found)
    assert {"TRUE", "FALSE", "ERROR"} <= judge.outcomes.keys()


@pytest.mark.soak
def test_many_random_conditions(judge: Any, make_shape: Any) -> None:
    found = judged(judge, make_shape, SOAK_CASES, LONG_SIZES, 10_000_000)
    assert not found, "".join(found)
    assert_worth_judging(judge)


def assert_worth_judging(judge: Any) -> None:
    """Conditions that only fail, or only say no, would prove nothing."""
    told = judge.outcomes
    assert not any(outcome.startswith("STATUS") for outcome in told), told
    whole = sum(told.values())
    assert told["TRUE"] > whole * 0.05, told
    assert told["FALSE"] > whole * 0.05, told
    assert 0 < told["ERROR"] < whole * 0.6, told
