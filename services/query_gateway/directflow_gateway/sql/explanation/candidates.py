"""The text that asks what each conjunct is for the rows that FROM has for one key.

    SELECT count, the outcomes of the nearest rows FROM (
    SELECT <author's list>, CASE WHEN $told[1] THEN (<conjunct>) AND true END AS _df_c1, ... FROM <author's FROM>
    <author's ORDER BY>) AS _df_q WHERE _df_q.profile_id = $key

The author's select list stays, so that its alias, its star and its subqueries say what the key is; only WHERE goes, and
each of its conjuncts comes back as a column. `AND true` makes PostgreSQL read a conjunct as the condition it was. The
flag before each lets one statement leave some out: WHERE may never get to a conjunct that fails.
"""

# ruff: noqa: S608 (made of the author's guarded text and our own words)

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from directflow_gateway.sql.explanation.plain_select import LIMITS, NotExplained, PlainSelect
from directflow_gateway.sql.explanation.same_meaning import is_split_of
from directflow_gateway.sql.guard.examination import examine
from directflow_gateway.sql.keys import KEY_VARIABLE as KEY_VARIABLE
from directflow_gateway.sql.keys import appended, equals_key
from directflow_gateway.sql.kinds import Kind
from directflow_gateway.sql.parser import ParseFailure, parse
from directflow_gateway.sql.position import Position
from directflow_gateway.sql.references import references_of
from directflow_gateway.sql.refusal import StatementRefused
from directflow_gateway.sql.source_map import Insert, Keep, Part
from directflow_gateway.sql.statement import CompiledStatement
from directflow_gateway.sql.variables import Variable

TOLD_VARIABLE = "_df_told"
"""A list of booleans: which conjuncts are evaluated; the others come back as NULL."""
MOST_ROWS = 20


def write_candidates(
    compiled: CompiledStatement, plain: PlainSelect, key_column: str, key_type: str, allowed: frozenset[str]
) -> CompiledStatement:
    """One row of two columns: how many candidate rows there are, and of the nearest ones a letter a conjunct (t, f, n),
    rows joined by commas. `bind` it with KEY_VARIABLE and TOLD_VARIABLE.

    Examined by the guard like every statement; nothing has asked the server yet. Raises StatementRefused, and
    NotExplained where the text cannot be shown to say the same.
    """
    with_key, key_number = appended(compiled, Variable(KEY_VARIABLE))
    both, told_number = appended(with_key, Variable(TOLD_VARIABLE, Kind.BOOLEAN, is_list=True))
    matches = equals_key("_df_q", key_column, key_type, key_number)
    written = both.rearranged(list(_parts(compiled.body_end, plain, told_number, matches)), has_order_by=False)
    return _proven(written, plain, allowed)


def _parts(end: int, plain: PlainSelect, told: int, matches: str) -> Iterator[Part]:
    places = plain.places
    count = len(places.conjuncts)
    columns = [f"_df_q._df_c{number}" for number in range(1, count + 1)]
    letters = ", ".join(f"CASE WHEN {c} THEN 't' WHEN NOT {c} THEN 'f' ELSE 'n' END" for c in columns)
    yield Insert(
        "SELECT pg_catalog.max(_df_n._df_rows), pg_catalog.string_agg(_df_n._df_letters, ',') FROM (\n"
        "SELECT pg_catalog.count(*) OVER () AS _df_rows, _df_l._df_letters FROM (\n"
        f"SELECT pg_catalog.concat({letters}) AS _df_letters FROM (\n",
        0,
    )
    yield Keep(0, places.list_end)
    for number, span in enumerate(places.conjuncts, 1):
        yield Insert(f",\nCASE WHEN (CAST(${told} AS pg_catalog.bool[]))[{number}] THEN (\n", span.start)
        yield Keep(span.start, span.end)
        # A comment of the author's may end the conjunct: the bracket stands on a line of its own.
        yield Insert(f"\n) AND true END AS _df_c{number}\n", span.start)
    yield Keep(places.list_end, places.where.start)
    yield Insert("\n", places.where.start)
    yield Keep(places.where.end, end)
    yield Insert(
        f"\n) AS _df_q WHERE {matches}\n) AS _df_l"
        " ORDER BY pg_catalog.length(pg_catalog.translate(_df_l._df_letters, 'fn', '')) DESC, _df_l._df_letters"
        f" LIMIT {MOST_ROWS}\n) AS _df_n",
        end,
    )


def _proven(written: CompiledStatement, plain: PlainSelect, allowed: frozenset[str]) -> CompiledStatement:
    """The statement, once PostgreSQL's grammar says that it holds the author's parts unchanged, and the guard admits
    it as if somebody had sent it."""
    tree = parse(written.text, LIMITS)
    if isinstance(tree, ParseFailure):
        raise NotExplained("It is too large to be taken apart.")
    if not is_split_of(plain.select, tree, len(plain.places.conjuncts)):
        raise NotExplained("Its WHERE is written in a form that is not taken apart.")
    locate = partial(_position, written)
    problems = examine(tree, allowed, locate)
    if problems:
        raise StatementRefused(problems)
    return replace(written, references=references_of(tree, locate))


def _position(written: CompiledStatement, offset: int) -> Position:
    return Position(*written.position(offset + 1))


def nearest_rows(letters: str) -> Sequence[str]:
    """The candidate rows' outcomes, a letter a conjunct."""
    return letters.split(",") if letters else ()
