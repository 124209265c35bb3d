"""Whether values of a kind can be read where a variable stands, judged as PostgreSQL itself does."""

from itertools import product

import psycopg
import pytest
from directflow_conditions.definitions.value_types import Fit, fit
from directflow_runtime.variable_kinds import Kind

VALUES = {
    Kind.INTEGER: ["1", "20240229", "0"],
    Kind.NUMBER: ["1", "1.5", "20240229", "12345678901234567890123456789012"],
    Kind.BOOLEAN: ["true", "false"],
    Kind.DATE: ["2024-02-29"],
    Kind.TIMESTAMP: ["2024-02-29T12:30:00Z", "2024-02-29 12:30"],
    Kind.UUID: ["6ec0bd7f-11c0-43da-975e-2a8ad9ebae0b"],
}
TYPES = ["bigint", "numeric", "double precision", "boolean", "date", "timestamp with time zone",
         "timestamp without time zone", "uuid", "text", "jsonb[]"]  # fmt: skip


def readable(connection: psycopg.Connection[object], text: str, type_name: str) -> bool:
    try:
        with connection.transaction():
            connection.execute(f"SELECT %s::text::{type_name}", (text,))  # type: ignore[arg-type]
    except psycopg.DataError:
        return False
    return True


@pytest.fixture(scope="module")
def expected(postgres_dsn: str) -> dict[tuple[Kind, str], set[bool]]:
    with psycopg.connect(postgres_dsn) as connection:
        return {
            (kind, type_name): {readable(connection, text, type_name) for text in VALUES[kind]}
            for kind, type_name in product(VALUES, TYPES)
        }


@pytest.mark.parametrize("type_name", [one for one in TYPES if one != "jsonb[]"])
@pytest.mark.parametrize("kind", list(VALUES), ids=lambda kind: kind.value)
def test_a_kind_fits_where_postgresql_reads_its_values(
    expected: dict[tuple[Kind, str], set[bool]], kind: Kind, type_name: str
) -> None:
    meanings = {Fit.ALWAYS: {True}, Fit.SOMETIMES: {True, False}, Fit.NEVER: {False}}
    assert expected[kind, type_name] == meanings[fit(kind, type_name)]


def test_text_and_types_of_which_nothing_is_known_are_left_to_postgresql() -> None:
    assert fit(Kind.TEXT, "integer") is Fit.ALWAYS
    assert fit(Kind.INTEGER, "jsonb[]") is Fit.ALWAYS
    assert fit(Kind.UUID, "mood") is Fit.ALWAYS
