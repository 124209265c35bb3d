"""Whether a described statement has a set form: the customer's own server parses its texts before any is used."""

from collections.abc import Iterator

import psycopg
from directflow_runtime.errors import DirectFlowError

from directflow_gateway.catalogue import load, wanted_for
from directflow_gateway.description import Description
from directflow_gateway.description.exchange import Connection, Shape, fetch, parse_and_describe
from directflow_gateway.execution import Phase, translate
from directflow_gateway.queries.sets.costs import Form
from directflow_gateway.queries.sets.hidden import hides_expressions
from directflow_gateway.queries.sets.plan import SetPlan
from directflow_gateway.sql import CompiledStatement
from directflow_gateway.sql.catalogue import CatalogueFacts
from directflow_gateway.sql.parser import ParseFailure, parse
from directflow_gateway.sql.set_form import (
    RowsOfOneTable,
    array_text,
    risks_of,
    rows_of_one_table,
    semi_join_of,
    unsafe_to_join,
)
from directflow_gateway.sql.set_form.risks import VOLATILE, uses_names
from directflow_gateway.sql.set_form.semi_join import LIMITS
from directflow_gateway.sql.tree import ParseTree
from directflow_gateway.sql.variables import RESERVED_PREFIX

OUR_COLUMNS = 2
"""In front of the author's in the text that fetches rows."""

Reason = tuple[str, str]
"""Why there is no set form, and what an author may write instead."""

_NOT_VOLATILE = (
    "For the time, now() will do; for a random share of the people take a hash of their key, such as "
    "hashtext(id::text) % 10 = 0."
)
WINDOWED = (
    "A subquery or view of it has a window function, which PostgreSQL may not compute anew for each profile.",
    "Write it without: the first of a person's rows is ORDER BY ... LIMIT 1, a rank is a count of the rows before it.",
)
SAME_FOR_ALL = (
    "It has no variables: it is the same for everybody.",
    "To ask about one person, compare a column with '<%= profile_id %>'.",
)
NO_COLUMNS = (
    "None of its variables can be a column: lists, and values of domains, cannot.",
    "Compare with a variable of a single value; where the column is of a domain, cast it to the type underneath.",
)
COMPUTED_ALONE = (
    "What it computes of its variables alone may fail before any row is read.",
    "Compare the variable as it is with a column, and compute on the column's side.",
)
REFUSED_FOR_MANY = (
    "PostgreSQL refuses the statement for many profiles, such as an aggregate over a variable alone.",
    "Take the variable out of the aggregate: compare it with a column in WHERE.",
)
OTHER_TYPES = (
    "Its columns have other types for many profiles.",
    "Cast what is selected to the type that is meant, for example '<%= n %>'::int.",
)


async def set_plan(conn: Connection, description: Description, *, is_condition: bool) -> SetPlan:
    """The statement's set form, within the caller's open transaction, which stays usable. Raises DirectFlowError."""
    compiled = description.compiled
    tree = parse(compiled.text, LIMITS)
    if isinstance(tree, ParseFailure):
        raise ValueError(f"a described statement does not parse: {tree.rule}")
    plan = SetPlan(compiled, description.column_types, is_condition, risks=risks_of(tree))
    facts = await _facts(conn, compiled)
    plan.unsafe_to_join = await _unsafe_to_join(conn, compiled, tree, facts)
    plan.reason, plan.remedy = await _reason(conn, plan, description, tree, facts) or ("", "")
    if is_condition and not plan.reason:
        plan.semi_join = semi_join_of(compiled.text, compiled.body_end)
        if plan.semi_join is not None and await _shape_of(conn, plan, Form.SEMI_JOIN) is None:
            plan.semi_join = None
        rows = rows_of_one_table(tree)
        plan.tells_own_errors = rows is not None and await _is_plain_table(conn, rows)
    return plan


async def _reason(
    conn: Connection, plan: SetPlan, description: Description, tree: ParseTree, facts: CatalogueFacts | None
) -> Reason | None:
    """Why it runs one tuple at a time; None where it does not."""
    if volatile := _volatile(facts, plan.compiled, tree):
        plan.is_volatile = True
        return f"It reaches {volatile}, which is volatile: its value must be a new one for each profile.", _NOT_VOLATILE
    if plan.risks.has_inner_window or await _has_window_in_view(conn, facts):
        return WINDOWED
    if not plan.usable():
        return _nothing_differs(plan)
    if uses_names(tree, RESERVED_PREFIX):
        return f"It uses names that begin with {RESERVED_PREFIX}, which are ours.", "Give them other names."
    shape = await _shape_of(conn, plan, Form.LATERAL)
    if shape is None:
        return REFUSED_FOR_MANY
    return None if _same_columns(plan, shape, description) else OTHER_TYPES


async def _unsafe_to_join(
    conn: Connection, compiled: CompiledStatement, tree: ParseTree, facts: CatalogueFacts | None
) -> frozenset[int]:
    at_least, at_most = (unsafe_to_join(tree, hides_expressions=hides) for hides in (False, True))
    if at_least == at_most or await hides_expressions(conn, compiled, facts):
        return at_most
    return at_least


def _nothing_differs(plan: SetPlan) -> Reason:
    if not plan.types:
        return SAME_FOR_ALL
    return COMPUTED_ALONE if any(plan.types) else NO_COLUMNS


def _same_columns(plan: SetPlan, shape: Shape, description: Description) -> bool:
    if plan.is_condition:
        return True
    found = [(field.name, field.oid) for field in shape.fields[OUR_COLUMNS:]]
    return found == [(column.name, column.oid) for column in description.columns]


async def _shape_of(conn: Connection, plan: SetPlan, form: Form) -> Shape | None:
    """What the server says of the form when all that may differ does; None when it refuses the text."""
    await fetch(conn, "SAVEPOINT _df_set")
    try:
        return await parse_and_describe(conn, plan.statement(form, frozenset(plan.usable())).text)
    except psycopg.OperationalError as error:
        raise translate(error, None, Phase.DESCRIBE) from None
    except psycopg.Error:
        await fetch(conn, "ROLLBACK TO SAVEPOINT _df_set")
        return None


async def _facts(conn: Connection, compiled: CompiledStatement) -> CatalogueFacts | None:
    """What the statement's names reach; None where the role may not look it up."""
    try:
        return await load(conn, wanted_for(compiled.references))
    except DirectFlowError as error:
        if error.reason != "PERMISSION_DENIED_BY_DATABASE":
            raise
        return None


def _volatile(facts: CatalogueFacts | None, compiled: CompiledStatement, tree: ParseTree) -> str:
    """A volatile function that the statement calls or a view of it reaches; "" where there is none."""
    if any(node.tag == "RangeTableSample" for node in tree.nodes()):
        return "TABLESAMPLE"
    names = (reference.name for reference in (*compiled.references.functions, *compiled.references.attributes))
    written = next((name for name in names if name in VOLATILE), "")
    if written or facts is not None:
        return written or next(_volatile_facts(facts or CatalogueFacts()), "")
    return "functions that the role may not look up"


WINDOWED_VIEWS = """
SELECT 1 FROM pg_catalog.pg_rewrite WHERE ev_class OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[])
  AND ev_action::pg_catalog.text OPERATOR(pg_catalog.~~) '%:hasWindowFuncs true%' LIMIT 1
"""


async def _has_window_in_view(conn: Connection, facts: CatalogueFacts | None) -> bool:
    views = [oid for oid, fact in facts.relations.by_oid.items() if fact.kind == "v"] if facts is not None else []
    return bool(views) and bool(await fetch(conn, WINDOWED_VIEWS, ("{" + ",".join(map(str, views)) + "}",)))


PLAIN_TABLE = """
SELECT 1 FROM pg_catalog.pg_class c
WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(pg_catalog.concat_ws('.',
    CASE WHEN $1 OPERATOR(pg_catalog.<>) '' THEN pg_catalog.quote_ident($1) END, pg_catalog.quote_ident($2)))
  AND c.relkind OPERATOR(pg_catalog.=) 'r' AND NOT c.relrowsecurity AND NOT c.relhassubclass
  AND NOT EXISTS (
    SELECT FROM pg_catalog.unnest($3::pg_catalog.text[]) n WHERE NOT EXISTS (
      SELECT FROM pg_catalog.pg_attribute a
      WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attname OPERATOR(pg_catalog.=) n
        AND a.attgenerated OPERATOR(pg_catalog.<>) 'v'))
"""
"""Row security and columns that are computed when they are read bring conditions that the statement does not show."""


async def _is_plain_table(conn: Connection, rows: RowsOfOneTable) -> bool:
    return bool(await fetch(conn, PLAIN_TABLE, (rows.schema, rows.table, array_text(rows.columns, "text"))))


def _volatile_facts(facts: CatalogueFacts) -> Iterator[str]:
    yield from (fact.name for fact in facts.built_in.values() if fact.volatility == "v")
    yield from (fact.name for fact in facts.functions.by_oid.values() if fact.volatility == "v")
