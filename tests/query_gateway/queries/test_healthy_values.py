"""Values of every type that PostgreSQL reads are evaluated together: nobody is run alone for how a value is written."""

import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from directflow_cli.dev.postgres import PostgresServer
from directflow_gateway.queries.engine import QueryEngine
from directflow_gateway.queries.outcomes import Outcome
from directflow_gateway.queries.sets.costs import Costs, Form, Step
from directflow_gateway.queries.sets.evaluating import evaluate
from directflow_gateway.queries.sets.session import SetSession
from directflow_gateway.queries.sets.tuples import Tuples
from directflow_gateway.queries.statement import Statement, StatementRole
from directflow_gateway.telemetry_names import TUPLES_BY_FORM

MANY = 600
TYPES = ("smallint", "int", "bigint", "numeric", "real", "double precision", "boolean", "uuid", "date", "timestamp",
         "timestamptz", "text")  # fmt: skip
NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
MOMENTS = [NEW_YEAR + timedelta(minutes=61 * n, microseconds=n) for n in range(MANY)]

Forms = Callable[..., Awaitable[dict[str, int]]]

HEALTHY: dict[str, tuple[str, Sequence[str]]] = {
    "keys of five digits in a smallint": ("smallint", [str(32_767 - n) for n in range(MANY)]),
    "keys of ten digits in an int": ("int", [str(2_147_483_647 - n) for n in range(MANY)]),
    "keys of nineteen digits": ("bigint", [str(9_223_372_036_854_775_807 - n) for n in range(MANY)]),
    "negative keys": ("bigint", [str(-9_223_372_036_854_775_808 + n) for n in range(MANY)]),
    "amounts of many digits": ("numeric", [f"{10**30 + n}.{n:020d}" for n in range(MANY)]),
    "random doubles": ("double precision", [repr(1 / (7 + n)) for n in range(MANY)]),
    "tiny and huge doubles": ("double precision", [repr(1.1 ** (5 * n - 1_500)) for n in range(MANY)]),
    "doubles in a real": ("real", [repr(1 / (7 + n)) for n in range(MANY)]),
    "uuids": ("uuid", [str(uuid.UUID(int=n)) for n in range(MANY)]),
    "uuids without hyphens": ("uuid", [uuid.UUID(int=n).hex for n in range(MANY)]),
    "days": ("date", [str(moment.date() + timedelta(days=n)) for n, moment in enumerate(MOMENTS)]),
    "moments of the wire as days": ("date", [moment.isoformat() for moment in MOMENTS]),
    "moments of the wire": ("timestamptz", [moment.isoformat() for moment in MOMENTS]),
    "moments with Z and milliseconds": ("timestamptz", [f"{moment:%Y-%m-%dT%H:%M:%S}.{n:03d}Z"
                                                        for n, moment in enumerate(MOMENTS)]),
    "moments without a zone": ("timestamp", [f"{moment:%Y-%m-%d %H:%M}" for moment in MOMENTS]),
    "words": ("text", [f"it's {{{n}}}, \"quoted\"" for n in range(MANY)]),
}  # fmt: skip
ODD: dict[str, tuple[str, Sequence[str]]] = {
    "keys with spaces around them": ("int", [f" {n} " for n in range(MANY)]),
    "days as an American writes them": ("date", [f"{m:%b} {m.day}, {m.year - n}" for n, m in enumerate(MOMENTS)]),
    "moments in a named zone": ("timestamptz", [f"{moment:%Y-%m-%d %H:%M} Europe/Berlin" for moment in MOMENTS]),
    "uuids in braces": ("uuid", [f"{{{uuid.UUID(int=n)}}}" for n in range(MANY)]),
    "moments of nanoseconds": ("timestamp", [f"{m:%Y-%m-%dT%H:%M:%S}.{n:09d}" for n, m in enumerate(MOMENTS)]),
}


@pytest.fixture(scope="module")
def values(postgres: PostgresServer, customer: str) -> str:
    """A table with a column of every type."""
    columns = ", ".join(f'"{name}" {name}' for name in TYPES)
    nulls = ", ".join("NULL" for _ in TYPES)
    postgres.psql(
        f"CREATE TABLE typed ({columns}); INSERT INTO typed SELECT {nulls} FROM generate_series(1, 3);"
        " GRANT SELECT ON typed TO PUBLIC",
        database=customer,
    )
    return customer


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many arrays of values the server was asked about, each time."""
    asked: list[int] = []
    each = SetSession.each

    async def recorded(self: SetSession, statements: Sequence[Any], *more: Any, **named: Any) -> Any:
        if "cardinality" in statements[0].text:
            asked.append(len(statements))
        return await each(self, statements, *more, **named)

    monkeypatch.setattr(SetSession, "each", recorded)
    return asked


@pytest.fixture
def forms(
    values: str,
    engine: QueryEngine,
    statement: Callable[..., Statement],
    spans: Callable[[str], list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> Forms:
    """Evaluates `column = value` for each of the texts; how many tuples came to their end in which form.

    What is measured on so small a table would say nothing: together is a semi-join here.
    """
    monkeypatch.setattr(Costs, "next", lambda _, rest, limit_s: Step(Form.SEMI_JOIN, rest, limit_s))

    async def run(kind: str, texts: Sequence[str], wrong: frozenset[str] = frozenset()) -> dict[str, int]:
        template = f"SELECT EXISTS (SELECT 1 FROM typed WHERE \"{kind}\" = '<%= v %>') AS result"
        evaluated = await evaluate(
            engine, statement(template, role=StatementRole.CONDITION), Tuples.of(len(texts), {}, {"v": texts})
        )
        assert evaluated.outcomes() == [Outcome.ERROR if text in wrong else Outcome.FALSE for text in texts]
        attributes = dict(spans("evaluate")[-1].attributes or {})
        told = {name.rsplit(".", 1)[1]: count for name, count in attributes.items() if name.startswith(TUPLES_BY_FORM)}
        return {form: count for form, count in told.items() if count}

    return run


@pytest.mark.parametrize("case", HEALTHY)
async def test_healthy_values_are_one_statement(forms: Forms, questions: list[int], case: str) -> None:
    kind, texts = HEALTHY[case]
    assert await forms(kind, texts) == {"semi_join": len(set(texts))}
    assert questions == []


async def test_all_words_for_a_boolean_are_one_statement(forms: Forms, questions: list[int]) -> None:
    words = ["true", "false", "TRUE", "False", "t", "f", "yes", "no", "on", "off", "1", "0", "Y", "n"]
    assert await forms("boolean", words) == {"semi_join": len(words)}
    assert questions == []


@pytest.mark.parametrize("case", ODD)
async def test_about_odd_values_postgresql_is_asked_once_for_all(forms: Forms, questions: list[int], case: str) -> None:
    kind, texts = ODD[case]
    assert await forms(kind, texts) == {"semi_join": len(set(texts))}
    assert questions == [1]


@pytest.mark.parametrize("share", [1, 25])
@pytest.mark.parametrize("case", ODD)
async def test_only_those_that_it_does_not_read_run_alone(forms: Forms, case: str, share: int) -> None:
    kind, odd = ODD[case]
    texts = [f"rubbish {n}" if n % 100 < share else text for n, text in enumerate(odd)]
    wrong = frozenset(text for text in texts if text.startswith("rubbish"))
    assert await forms(kind, texts, wrong) == {"single": len(wrong), "semi_join": len(set(texts) - wrong)}


async def test_a_few_doubtful_values_are_not_worth_a_question(forms: Forms, questions: list[int]) -> None:
    texts = [str(n) for n in range(100)] + ["x", " 7 ", "y"]
    assert await forms("int", texts, frozenset("xy")) == {"single": 3, "semi_join": 100}
    assert questions == []


async def test_where_most_are_wrong_each_is_asked_about_once_at_most(forms: Forms, questions: list[int]) -> None:
    texts = [f"x{n}" for n in range(MANY)]
    assert await forms("bigint", texts, frozenset(texts)) == {"single": MANY}
    assert sum(questions) <= 20
