"""Bound run = literal run: over random templates and values, in every context where a variable may stand.

The literal run is written by a quoter that shares no code with the product: values are E'' literals of \\U escapes. A
case fails when rows or SQLSTATE differ. DIRECTFLOW_PROPERTY_CASES sets the number of cases, DIRECTFLOW_PROPERTY_SEED
the seed; a failure prints its case.
"""

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from directflow_gateway.sql import Kind, StatementRefused, Variable, compile_template

CASES = int(os.environ.get("DIRECTFLOW_PROPERTY_CASES", "4000"))
SEED = int(os.environ.get("DIRECTFLOW_PROPERTY_SEED", "20240229"))
BATCH = 250

DATA = json.loads((Path(__file__).parent / "values.json").read_text())
POOLS = DATA["pools"]


def resolved(item):
    """A table of values.json with its "@name" replaced by the pool of that name."""
    if isinstance(item, list):
        return [resolved(part) for part in item]
    return POOLS[item[1:]] if item.startswith("@") else item


TABLES = {name: resolved(table) for name, table in DATA["tables"].items()}
TEXTS, NUMBERS, DATES, UUIDS, INTERVALS = (POOLS[name] for name in ("texts", "numbers", "dates", "uuids", "intervals"))
DATA_ERRORS = {"22", "23"}


def comparison(case) -> None:
    """column = value, for a column and values of any type, in code, in quotes or with a cast behind."""
    column, pool, type_name = case.random.choice(TABLES["comparison"])
    operator = case.random.choice(["=", "<>", "<", ">=", "IS DISTINCT FROM"])
    case.both(f"{column} {operator} ").any_scalar(pool)
    if case.random.random() < 0.25:
        case.both(f"::{type_name}")


def typed_literal(case) -> None:
    column, types, pool = case.random.choice(TABLES["typed_literal"])
    tag, value = case.value(pool)
    name = case.random.choice(types)
    gap = case.random.choice(["", " ", "\n", " /* ' */ ", " -- x'\n"])
    literal = f"CAST(NULL AS {name})" if value is None else f"{name} {case.quoted(value)}"
    case.both(f"{column} <> ").each(f"{name}{gap}'{tag}'", literal)


def interval_unit(case) -> None:
    tag, value = case.value(INTERVALS)
    unit = case.random.choice(POOLS["units"])
    written = "CAST(NULL AS interval)" if value is None else f"INTERVAL {case.quoted(value)} {unit}"
    case.both("ts < timestamp '2024-02-20' - ").each(f"interval '{tag}' {unit}", written)


def interval_inside(case) -> None:
    case.both("ts > '2024-02-20'::timestamp - INTERVAL ")
    case.joined([("", INTERVALS), case.random.choice([" days", " hours", ""])])
    if case.literal[-1] == " NULL":
        # PostgreSQL has no INTERVAL NULL; the product documents that such a literal is NULL.
        case.literal[-1] = "'1 day'"
        case.literal.append(" * NULL::int")


def in_list(case) -> None:
    column, pool = case.random.choice(
        [("i", NUMBERS[:3]), ("s", TEXTS), ("u", UUIDS[:1]), ("m", ["ok", "sad"]), ("c", TEXTS), ("e", TEXTS)]
    )
    negated = case.random.random() < 0.4
    tag, elements = case.listed(pool)
    case.both(f"{column} {'NOT IN' if negated else 'IN'} (").each(
        tag, ", ".join(case.quoted(item) for item in elements) or "SELECT NULL WHERE false"
    )
    if not elements:
        case.literal[-1] = f"SELECT {column} FROM t WHERE false"
    case.both(")")


def any_list(case) -> None:
    column, pool, kind = case.random.choice([("i", NUMBERS[:3], "int"), ("s", TEXTS, "text"), ("u", UUIDS[:1], "uuid")])
    tag, elements = case.listed(pool)
    written = f"ARRAY[{', '.join(case.quoted(item) for item in elements)}]::{kind}[]"
    quote = case.random.choice(["", "'"])
    case.both(f"{column} = ANY (").each(f"{quote}{tag}{quote}", written).both(")")


def scalar_list(case) -> None:
    case.both("s IN (").any_scalar(TEXTS).both(", ").any_scalar(TEXTS).both(", 'it''s')")


def pattern(case) -> None:
    operator = case.random.choice(["LIKE", "ILIKE", "NOT LIKE", "~", "!~*", "SIMILAR TO"])
    before, after = case.random.choice([("%", "%"), ("", ""), ("^", "$"), ("it's ", ""), ("%", "")])
    gap = case.random.choice([" ", ""])
    case.both(f"s {operator}{gap}").joined([before, ("", TEXTS), after])


def partial_date(case) -> None:
    case.both("tz >= ").joined([("", ["2024", "x"]), "-02-", ("", ["10", "31", "7"])])


def array_literal(case) -> None:
    if case.random.random() < 0.7:
        shapes: list = [
            ["{", ("element", TEXTS), "}"],
            ["{ ", ("element", TEXTS), " , ", ("element", TEXTS), " }"],
            ['{"', ("quoted", TEXTS), '"}'],
            ['{"x', ("quoted", TEXTS), '\\"", a1}'],
            ["{a", ("glued", TEXTS), "}"],
            ["{", ("glued", TEXTS), "z}"],
            ["{NU", ("glued", ["LL", "x"]), ",", ("element", TEXTS), "}"],
        ]
        case.both(f"sa {case.random.choice(['&&', '@>', '<@', '='])} ").joined(case.random.choice(shapes), "array")
    else:
        case.both("ia && ").joined(["{", ("element", NUMBERS), ",", ("element", NUMBERS), "}"], "array")


def json_literal(case) -> None:
    scalars = [*TEXTS, *NUMBERS]
    shapes: list = [
        ['{"n": ', ("value", scalars), "}"],
        ['{"s":"', ("string", scalars), '"}'],
        ['{"s": "a\\"', ("string", scalars), '\\\\c"}'],
        ['{"l":[', ("value", scalars), "]}"],
        ["{", ("key", ["n", "s", 'a"b', "7"]), " : ", ("value", scalars), "}"],
        ['{"', ("string", ["n", "s"]), '":7}'],
        [" [1, ", ("value", scalars), ', "é', ("string", scalars), '"]'],
        ['{"o":', ("value", ["true", "false", "null", "yes"]), "}"],
    ]
    case.both(f"j {case.random.choice(['@>', '<@', '='])} ").joined(case.random.choice(shapes), "json")


def json_access(case) -> None:
    case.both("j->>").any_scalar(["n", "s", "x'y"]).both(" = ").any_scalar(TEXTS)


def json_path_array(case) -> None:
    case.both("j #>> ").joined(["{", ("element", ["n", "s", "l"]), "}"], "array").both(" IS NOT NULL")


def in_functions(case) -> None:
    case.both(
        case.random.choice(
            ["coalesce(s, ", "concat(s, '-', ", "replace(s, 'r', ", "format('%s:%s', s, ", "strpos(s, ", "greatest(s, "]
        )
    ).any_scalar(TEXTS).both(") <> '-1' AND s || ").any_scalar(TEXTS).both(
        " <> 'x'"
    ) if case.random.random() < 0.9 else case.both("true")


def case_expression(case) -> None:
    case.both("CASE ").any_scalar(["a", "b"]).both(" WHEN 'a' THEN i > 3 WHEN ").any_scalar(["a", "b"]).both(
        " THEN i < 9 ELSE o END"
    )


def optional_filter(case) -> None:
    case.both("(").whole(TEXTS).both(" = '' OR s = ").whole(TEXTS).both(" OR ").whole(TEXTS).both(" IS NULL)")


def between(case) -> None:
    case.both("d BETWEEN ").any_scalar(DATES).both(" AND ").any_scalar(DATES)


def arithmetic(case) -> None:
    case.both("i - ").code(NUMBERS[:6]).both(" > 5 -").code(NUMBERS[:4]).both(" AND n * ").any_scalar(NUMBERS).both(
        " < 100"
    )


def full_text(case) -> None:
    function = case.random.choice(["to_tsquery", "plainto_tsquery", "websearch_to_tsquery"])
    case.both(f"tv @@ {function}('english', ").joined(
        [("", ["fox", "fox | cat", "fox &", "a'b"]), case.random.choice(["", " & quick"])]
    ).both(")")


def subselect(case) -> None:
    case.both("EXISTS (SELECT 1 FROM t x WHERE x.i = t.i AND x.s = ").any_scalar(TEXTS).both(" OFFSET 0)")


def escaped_quotes(case) -> None:
    case.both("s <> ").joined(["it's ", ("", TEXTS), "'", ("", TEXTS), "''"])


def noise(case) -> None:
    literal = case.random.choice(POOLS["noise"])
    case.both("coalesce(length(").each(literal, literal).both("::text), 0) >= 0")


def special_syntax(case) -> None:
    """Functions and operators with a grammar of their own."""
    before, pool, after = case.random.choice(TABLES["special_syntax"])
    case.both(before).any_scalar(pool).both(after)


def small_languages(case) -> None:
    """Joined as it is: jsonpath, ranges, regular expressions, composite and multirange literals."""
    before, pieces, after = case.random.choice(TABLES["small_languages"])
    case.both(before).joined(pieces).both(after)


def nested_arrays(case) -> None:
    pieces: list = ["{{", ("element", TEXTS), ",", ("element", TEXTS), '},{"é",', ("element", TEXTS), "}}"]
    case.both("array_to_string(").joined(pieces, "array").both("::text[], '|') <> s")


def json_column_type(case) -> None:
    """json keeps its text as it is written: only scalars that look the same in every writing."""
    case.both("(").joined(['{"k": ', ("value", ["7", "red", "1.5", "true"]), "}"], "json").both("::json)->>'k' <> s")


def declared_kinds(case) -> None:
    """Python values of declared kinds in positions of many types."""
    kind, value, text = case.random.choice(
        [
            (Kind.INTEGER, 7, "7"),
            (Kind.INTEGER, "-3", "-3"),
            (Kind.NUMBER, 1.5, "1.5"),
            (Kind.NUMBER, 4.0, "4"),
            (Kind.NUMBER, 1e20, "1e+20"),
            (Kind.BOOLEAN, True, "true"),
            (Kind.BOOLEAN, "No", "false"),
            (Kind.DATE, "2024-02-10", "2024-02-10"),
            (Kind.TIMESTAMP, "2024-02-10T12:00:00Z", "2024-02-10T12:00:00Z"),
            (Kind.UUID, UUIDS[0], UUIDS[0]),
            (Kind.TEXT, 12, "12"),
            (Kind.TEXT, False, "false"),
        ]
    )
    name = f"k{len(case.values)}"
    case.values[name] = value
    case.variables.append(Variable(name, kind))
    column = case.random.choice(["i", "n", "s", "o", "d", "tz", "u", "f"])
    tag = case.random.choice([f"<%= {name} %>", f"'<%= {name} %>'"])
    case.both(f"{column} = ").each(tag, case.quoted(text)).both(" OR j @> ")
    as_json = case.in_json(text, "string" if kind in {Kind.DATE, Kind.TIMESTAMP, Kind.UUID} else "value")
    as_json = f'"{as_json}"' if kind in {Kind.DATE, Kind.TIMESTAMP, Kind.UUID} else as_json
    case.each(f"""'{{"n": <%= {name} %>}}'""", case.quoted(f'{{"n": {as_json}}}'))


CONDITIONS = (
    *(special_syntax, special_syntax, small_languages, small_languages, nested_arrays, json_column_type, noise),
    *(comparison, comparison, comparison, typed_literal, typed_literal, interval_unit, interval_inside, in_list),
    *(any_list, scalar_list, pattern, partial_date, array_literal, array_literal, json_literal, json_literal),
    *(json_access, json_path_array, in_functions, case_expression, optional_filter, between, arithmetic, full_text),
    *(subselect, escaped_quotes, declared_kinds),
)


def where(case) -> None:
    case.both(" WHERE ")
    for index in range(case.random.choice([1, 1, 2, 3])):
        if index:
            case.both(case.random.choice([" AND ", " OR ", " AND NOT "]))
        case.both("(")
        case.random.choice(CONDITIONS)(case)
        case.both(")")


def plain_query(case) -> None:
    case.both("SELECT i, s, ").any_scalar(TEXTS).both(" AS x, ")
    # In the output every character counts; in a condition a wrong one is rarely seen.
    case.joined(["it's '", ("", TEXTS), "''", ("", TEXTS), "\\'"]).both(" AS y FROM t")
    where(case)
    if case.random.random() < 0.3:
        case.both(" ORDER BY i LIMIT ").any_scalar(["5", "0", "-1", "x", "3"]).both(" OFFSET ").any_scalar(
            ["1", "0", "x"]
        )


def grouped_query(case) -> None:
    name, unit = f"g{len(case.values)}", case.random.choice(["day", "month", "week", "nonsense"])
    case.values[name] = unit
    case.both("SELECT date_trunc(").each(f"'<%= {name} %>'", case.quoted(unit)).both(", ts), count(*) FROM t")
    where(case)
    case.both(" GROUP BY date_trunc(").each(f"'<%={name}%>'", case.quoted(unit)).both(", ts)")


def union_query(case) -> None:
    case.both("SELECT s FROM t")
    where(case)
    case.both(" UNION ALL SELECT ").any_scalar(TEXTS).both(" UNION ALL VALUES (").any_scalar(TEXTS).both(")")


def cte_query(case) -> None:
    case.both("WITH w AS (SELECT * FROM t")
    where(case)
    case.both(") SELECT i, rank() OVER (ORDER BY i ROWS BETWEEN ").code(["1", "2"]).both(
        " PRECEDING AND CURRENT ROW), array_length(sa, "
    ).any_scalar(["1", "2", "x"]).both(") FROM w")


def output_query(case) -> None:
    """Literals as columns without names: PostgreSQL takes the names from the expressions."""
    case.both("SELECT ")
    tag, value = case.value(["2024-02-10", "12:30"])
    case.each(f"interval '{tag}'", "NULL::interval" if value is None else f"interval {case.quoted(value)}")
    for _ in range(case.random.choice([1, 2, 3])):
        case.both(", ").any_scalar(TEXTS).both(case.random.choice(["", "::text", "::varchar(4)", " || 'x'"]))
    _, types, pool = case.random.choice(TABLES["typed_literal"])
    tag, value = case.value(pool)
    name = case.random.choice(types)
    literal = f"CAST(NULL AS {name})" if value is None else f"{name} {case.quoted(value)}"
    case.both(", ").each(f"{name} '{tag}'", literal)
    list_tag, elements = case.listed(TEXTS)
    written = ", ".join(case.quoted(item) for item in elements) or "SELECT NULL::text WHERE false"
    case.both(", 'red' IN (").each(list_tag, written).both(")")


QUERIES = [plain_query, plain_query, plain_query, grouped_query, union_query, cte_query, output_query]


def filled(case):  # type: ignore[no-untyped-def]
    case.random.choice(QUERIES)(case)
    ending = case.random.choice(["", "", ";", " -- it's over", " ; /* ' */"])
    return case.each(ending, ending)


@pytest.fixture(scope="module", autouse=True)
def table(runner) -> None:
    runner.script((Path(__file__).parent / "table.sql").read_text())


@pytest.mark.parametrize("first", range(0, CASES, BATCH))
def test_a_bound_run_gives_what_the_same_query_with_literals_gives(runner, new_case, first: int) -> None:
    outcomes: Counter[str] = Counter()
    for number in range(first, min(first + BATCH, CASES)):
        case = filled(new_case(SEED * 1_000_003 + number))
        try:
            compiled = compile_template(case.text(), case.variables)
        except StatementRefused as refusal:
            pytest.fail(f"case {number} was refused: {list(refusal.problems)}\n{case.text()}")
        bound = runner.run_bound(compiled, case.values)
        literal = runner.run_literal(case.literal_text())
        outcomes[bound.sqlstate or "rows"] += 1
        if bound.sqlstate[:2] in DATA_ERRORS and literal.sqlstate[:2] in DATA_ERRORS:
            # Two bad values: which one PostgreSQL meets first is the planner's affair.
            outcomes["other error"] += bound.sqlstate != literal.sqlstate
            continue
        assert bound.agrees_with(literal), (
            f"case {number} of seed {SEED}\ntemplate: {case.text()}\nvalues: {case.values}\nbound: {compiled.text}\n"
            f"gave {bound}\nliteral: {case.literal_text()}\ngave {literal}"
        )
    # Templates that only fail would prove nothing.
    assert outcomes["rows"] > BATCH * 0.25, outcomes
    assert outcomes["other error"] < BATCH * 0.05, outcomes
