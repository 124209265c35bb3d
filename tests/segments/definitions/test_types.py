"""Which values can stand where another type is wanted, as PostgreSQL itself has it."""

import psycopg
import pytest
from directflow_runtime.variable_kinds import Kind, accepts
from directflow_segments.definitions.types import Fit, fit, fit_kind, kind_of

SAMPLES = {
    "bigint": ["7", "0", "1", "20240229"],
    "numeric(12,2)": ["7.50", "1.00"],
    "double precision": ["7", "0.5"],
    "boolean": ["true", "false"],
    "date": ["2024-02-29"],
    "timestamp with time zone": ["2024-02-29 12:30:00Z"],
    "uuid": ["f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "11111111-1111-1111-1111-111111111111"],
    "character varying(80)": ["berlin", "7", "true", "2024-02-29", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"],
}
"""Texts as which cells of a column travel."""
WANTED = ["integer", "numeric", "boolean", "date", "timestamp without time zone", "uuid", "text"]


@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("given", SAMPLES)
def test_what_is_said_of_two_types_is_what_postgresql_does(given: str, wanted: str, postgres_dsn: str) -> None:
    said = fit(kind_of(given), kind_of(wanted))
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        taken = [is_read(connection, text, wanted) for text in SAMPLES[given]]
    assert {Fit.ALWAYS: all(taken), Fit.NEVER: not any(taken), Fit.SOMETIMES: True}[said]


def is_read(connection: psycopg.Connection, text: str, wanted: str) -> bool:
    try:
        connection.execute(f"SELECT $1::text::{wanted}".replace("$1", "%s"), (text,))
    except psycopg.DataError:
        return False
    return True


@pytest.mark.parametrize("declared", [kind for kind in Kind if kind is not Kind.TEXT])
@pytest.mark.parametrize("given", SAMPLES)
def test_what_is_said_of_a_declared_kind_is_what_its_check_does(given: str, declared: Kind) -> None:
    said = fit_kind(kind_of(given), declared)
    taken = [accepts(declared, text) for text in SAMPLES[given]]
    assert {Fit.ALWAYS: all(taken), Fit.NEVER: not any(taken), Fit.SOMETIMES: True}[said]


@pytest.mark.parametrize("unknown", ["integer[]", "jsonb", "mood", "interval", ""])
def test_nothing_is_said_of_types_that_are_not_known(unknown: str) -> None:
    assert kind_of(unknown) is None
    assert fit(None, Kind.UUID) is fit(Kind.BOOLEAN, None) is Fit.ALWAYS


@pytest.mark.parametrize(
    ("given", "wanted", "expected"),
    [
        ("uuid", "integer", Fit.NEVER),
        ("boolean", "bigint", Fit.NEVER),
        ("timestamp(3) with time zone", "uuid", Fit.NEVER),
        ("text", "uuid", Fit.SOMETIMES),
        ("numeric(12,2)", "integer", Fit.SOMETIMES),
        ("integer", "bigint", Fit.ALWAYS),
        ("integer", "text", Fit.ALWAYS),
    ],
)
def test_examples(given: str, wanted: str, expected: Fit) -> None:
    assert fit(kind_of(given), kind_of(wanted)) is expected
