"""What is called certain PostgreSQL reads, in whatever session: thousands of texts near the borders of each type."""

import random
from collections.abc import Iterator

import psycopg
import pytest
from directflow_gateway.sql.set_form import array_text, certainly_castable

TEXTS = 4_000
SESSIONS = [
    {},
    {"DateStyle": "SQL, DMY", "TimeZone": "America/St_Johns", "IntervalStyle": "sql_standard"},
    {"DateStyle": "German", "TimeZone": "Pacific/Apia", "timezone_abbreviations": "India"},
    {"DateStyle": "Postgres, MDY", "TimeZone": "Asia/Kathmandu", "timezone_abbreviations": "Australia"},
]
NOISE = ["", " ", "+", "-", ".", "e", "0", "9", "Z", "T", ":", "_", "x", "\t", "٣", "{", "}", "infinity", "NaN", "\n"]


def integer(chance: random.Random) -> str:
    border = chance.choice([0, 2**15, 2**31, 2**63, 2**64, 10**18, 10**19, 10**40])
    digits = str(border + chance.randint(-3, 3)).lstrip("-")
    return chance.choice(["", "", "-", "+"]) + "0" * chance.choice([0, 0, 0, 1, 20]) + digits


def number(chance: random.Random) -> str:
    whole = "".join(chance.choices("0123456789", k=chance.choice([0, 1, 2, 17, 39, 310, 400])))
    part = "." + "".join(chance.choices("0123456789", k=chance.choice([0, 1, 6, 17, 330, 400])))
    mantissa = chance.choice(
        [whole or "0", whole + part, "0", "0.000", "1", "9.999999999999999999", "1.7976931348623157"]
    )
    exponent = chance.choice([0, 5, 37, 38, 39, 44, 45, 46, 306, 307, 308, 309, 323, 324, 325, 999, 1000])
    written = f"{chance.choice('eE')}{chance.choice(['', '+', '-', '-'])}{exponent}"
    return chance.choice(["", "-", "+"]) + mantissa + chance.choice(["", written])


def any_double(chance: random.Random) -> str:
    return repr(chance.choice([chance.random(), chance.gauss(0, 1e6), 10.0 ** chance.uniform(-330, 308)]))


def moment(chance: random.Random) -> str:
    year = chance.choice([0, 1, 99, 1582, 1883, 1900, 1970, 2000, 2023, 2024, 2038, 9999, 10_000, 294_276])
    day = f"{year:04d}-{chance.randint(1, 12):02d}-{chance.choice([1, 12, 13, 28, 29, 30, 31]):02d}"
    clock = f"{chance.choice([0, 1, 2, 3, 11, 12, 23, 24]):02d}:{chance.choice([0, 30, 59, 60]):02d}"
    seconds = f":{chance.choice([0, 30, 59, 60]):02d}"
    fraction = "." + "".join(chance.choices("0199", k=chance.choice([0, 1, 3, 6, 7, 9])))
    of_utc = f"{chance.choice('+-')}{chance.choice([0, 5, 14, 15, 16]):02d}"
    offset = chance.choice(["", "Z", "z", " Z", of_utc, f"{of_utc}:30", f"{of_utc}45", f" {of_utc}:00", f"{of_utc}:60"])
    time = chance.choice([clock, clock + seconds, clock + seconds + fraction]) + offset
    return chance.choice([day, day + chance.choice("T tTT ") + time])


def uuid(chance: random.Random) -> str:
    digits = "".join(chance.choices("0123456789abcdefABCDEF", k=chance.choice([31, 32, 32, 32, 33])))
    groups = [digits[start : start + 4] for start in range(0, len(digits), 4)]
    hyphens = [chance.choice(["", "-"]) for _ in groups]
    return "".join(g + h for g, h in zip(groups, hyphens, strict=True)).rstrip(chance.choice(["-", "x"]))


def word(chance: random.Random) -> str:
    words = [
        "true",
        "false",
        "yes",
        "no",
        "on",
        "off",
        "o",
        "of",
        "tru",
        "t",
        "f",
        "y",
        "n",
        "1",
        "0",
        "2",
        "\u017f",
        "tru\u0435",
    ]
    return "".join(chance.choice([letter, letter.upper()]) for letter in chance.choice(words))


TYPES = {
    "smallint": integer, "integer": integer, "bigint": integer, "numeric": number, "real": number,
    "double precision": number, "boolean": word, "uuid": uuid, "date": moment, "timestamp without time zone": moment,
    "timestamp with time zone": moment,
}  # fmt: skip


@pytest.fixture(params=SESSIONS, ids=lambda settings: settings.get("DateStyle", "as it comes"))
def session(request: pytest.FixtureRequest, postgres_dsn: str) -> Iterator[psycopg.Connection[object]]:
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        for name, value in request.param.items():
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        yield connection


def refused(session: psycopg.Connection[object], texts: list[str], kind: str) -> list[str]:
    """Those of the texts that the server does not read."""
    try:
        session.execute(f"SELECT cardinality(%s::{kind}[])", (array_text(texts, kind),))  # type: ignore[arg-type]
    except psycopg.DataError:
        if len(texts) == 1:
            return texts
        half = len(texts) // 2
        return refused(session, texts[:half], kind) + refused(session, texts[half:], kind)
    return []


@pytest.mark.parametrize("kind", TYPES)
def test_whatever_is_certain_is_read(session: psycopg.Connection[object], kind: str) -> None:
    chance = random.Random(kind)
    texts = [TYPES[kind](chance) for _ in range(TEXTS)]
    if kind in ("numeric", "real", "double precision"):
        texts += [any_double(chance) for _ in range(TEXTS)]
    for text in texts[: TEXTS // 4]:  # and with something in it that may or may not belong there
        place = chance.randint(0, len(text))
        texts.append(text[:place] + chance.choice(NOISE) + text[place:])
    told = certainly_castable(texts, kind)
    assert told is not None
    certain = [text for text, is_certain in zip(texts, told, strict=True) if is_certain]
    assert len(certain) > TEXTS // 20, "too few to prove anything"
    assert len(certain) < len(texts), "nothing came near a border"
    assert refused(session, certain, kind) == []
