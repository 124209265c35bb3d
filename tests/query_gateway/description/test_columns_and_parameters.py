"""What Parse and Describe tell of a statement: types of parameters and columns, in the customer's own words."""

import time
from collections.abc import Awaitable, Callable

import psycopg
import pytest
from directflow_gateway.description import Description, WireType
from directflow_gateway.sql import Kind, Variable
from directflow_runtime.errors import DirectFlowError

Describe = Callable[..., Awaitable[Description]]


@pytest.mark.parametrize(
    ("expression", "pg_type", "wire"),
    [
        ("active", "boolean", WireType.BOOLEAN),
        ("id", "bigint", WireType.INTEGER),
        ("level", "smallint", WireType.INTEGER),
        ("1", "integer", WireType.INTEGER),
        ("1::oid", "oid", WireType.INTEGER),
        ("karma", "real", WireType.DOUBLE),
        ("1.5::float8", "double precision", WireType.DOUBLE),
        ("score", "numeric(12,2)", WireType.TEXT),
        ("created_at", "timestamp with time zone", WireType.TIMESTAMP),
        ("seen", "timestamp without time zone", WireType.TIMESTAMP),
        ("born", "date", WireType.TEXT),
        ("first_name", "character varying(80)", WireType.TEXT),
        ("attrs", "jsonb", WireType.TEXT),
        ("tags", "text[]", WireType.TEXT),
        ("plan", "plan", WireType.TEXT),
        ("email", "text", WireType.TEXT),  # the server sends a domain as its base type
        ("emails", "work_email[]", WireType.TEXT),
        ("NULL", "text", WireType.TEXT),
        ("ROW(1, 2)", "record", WireType.TEXT),
        ("now() - now()", "interval", WireType.TEXT),
    ],
)
async def test_a_column_has_its_type_and_wire_type(
    described: Describe, expression: str, pg_type: str, wire: WireType
) -> None:
    [column] = (await described(f"SELECT {expression} AS x FROM users")).columns
    assert (column.name, column.pg_type, column.wire) == ("x", pg_type, wire)


@pytest.mark.parametrize(
    ("condition", "types"),
    [
        ("id = <%= x %>", ("bigint",)),
        ("id = '<%= x %>' AND first_name = '<%= x %>'", ("bigint", "text")),  # one variable, two types
        ("plan = '<%= x %>'", ("plan",)),
        ("email = '<%= x %>'", ("text",)),
        ("created_at > now() - INTERVAL '<%= n %> days'", ("interval",)),
        ("born = DATE '<%= d %>'", ("date",)),
        ("'<%= x %>'::work_email = email", ("text",)),  # of a domain, the base type
        ("tags && '{<%= x %>}'", ("text[]",)),
        ('attrs @> \'{"a": "<%= x %>"}\'', ("jsonb",)),
    ],
)
async def test_a_parameter_has_the_type_of_its_place(described: Describe, condition: str, types: tuple[str]) -> None:
    description = await described(f"SELECT id FROM users WHERE {condition}")
    assert description.parameter_types == types
    assert [parameter.type_name for parameter in description.compiled.parameters] == list(types)


async def test_a_list_is_an_array(described: Describe) -> None:
    ids = Variable("ids", Kind.INTEGER, is_list=True)
    assert (await described("SELECT id FROM users WHERE id IN (<%= ids %>)", ids)).parameter_types == ("bigint[]",)


async def test_nothing_is_executed(described: Describe) -> None:
    started = time.monotonic()
    await described("SELECT pg_sleep(20)", allowed=frozenset({"pg_sleep"}))
    assert time.monotonic() - started < 10


async def test_a_statement_without_columns_has_none(described: Describe) -> None:
    assert (await described("SELECT FROM users")).columns == ()


async def test_columns_of_the_same_name_are_all_told(described: Describe) -> None:
    description = await described("SELECT a.id, b.id FROM users a, users b")
    assert [column.name for column in description.columns] == ["id", "id"]


async def test_the_transaction_stays_usable(described: Describe, conn: psycopg.AsyncConnection[tuple[int]]) -> None:
    await described("SELECT id FROM users")
    with pytest.raises(DirectFlowError, match="refuses the statement"):
        await described("SELECT nothing FROM users")
    cursor = await conn.execute("SELECT 1")
    assert await cursor.fetchone() == (1,)


async def test_our_own_questions_never_mean_a_customers_functions(
    described: Describe, conn: psycopg.AsyncConnection[object]
) -> None:
    await conn.execute("SET LOCAL search_path = hostile, public, pg_catalog")
    [column] = (await described("SELECT created_at FROM users WHERE id = <%= x %>")).columns
    assert column.pg_type == "timestamp with time zone"
    with pytest.raises(DirectFlowError) as refused:
        await described("SELECT u.emial FROM users u")
    assert refused.value.problems[0].hint == "Did you mean u.email?"
