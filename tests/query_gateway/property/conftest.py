"""For the property tests: a real server, a template writer, and a quoter that shares no code with the product."""

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import psycopg
import pytest
from directflow_gateway.sql import CompiledStatement, Variable, VariableValue, bind
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

MAX_RETRIES = 40
GAPS = [
    " ",
    "\n",
    "\t",
    "  ",
    " /* it's <%= gone %> */ ",
    " -- don't <%= gone %>\n",
    " --'\r",
    "\f",
    " /* a /* b */ ' */ ",
]


# --- an independent quoter --------------------------------------------------------------------------------------


def quoted(value: str | None) -> str:
    """An E'' literal in which every character that is no ASCII letter or digit is an escape."""
    if value is None:
        return " NULL"
    # The space keeps LIKE'...' apart from LIKEE'...'.
    return " E'" + "".join(c if c.isascii() and c.isalnum() else f"\\U{ord(c):08x}" for c in value) + "'"


def in_array(value: str, place: str) -> str:
    escaped = "".join("\\" + character for character in value)
    return f'"{escaped}"' if place == "element" else escaped


def in_json(value: str, place: str) -> str:
    if place == "string":
        return json.dumps(value)[1:-1]
    return value if place == "value" and is_json_scalar(value) else json.dumps(value)


def is_json_scalar(text: str) -> bool:
    """A number, true, false or null, without blanks around it. Python would read NaN and the infinities too."""
    if text != text.strip() or text in {"NaN", "Infinity", "-Infinity"}:
        return False
    try:
        return not isinstance(json.loads(text), str | list | dict)
    except json.JSONDecodeError:
        return False


WRITERS: Mapping[str, Callable[[str, str], str]] = {
    "text": lambda value, place: value,
    "array": in_array,
    "json": in_json,
}


# --- a template and its literal twin, written side by side --------------------------------------------------------


@dataclass
class Case:
    random: random.Random
    template: list[str] = field(default_factory=list)
    literal: list[str] = field(default_factory=list)
    values: dict[str, VariableValue] = field(default_factory=dict)
    variables: list[Variable] = field(default_factory=list)

    def both(self, text: str) -> "Case":
        """SQL that is the same in both; a blank is a random gap."""
        for index, word in enumerate(text.split(" ")):
            gap = self.random.choice(GAPS) if index and self.random.random() < 0.3 else " " if index else ""
            self.each(gap + word, gap + word)
        return self

    def each(self, template: str, literal: str) -> "Case":
        self.template.append(template)
        self.literal.append(literal)
        return self

    def value(self, pool: Sequence[str]) -> tuple[str, str | None]:
        """A new variable with a value out of the pool, now and then NULL; its tag and the value."""
        name = f"v{len(self.values)}" if self.random.random() < 0.8 else f"user.v{len(self.values)}"
        value = None if self.random.random() < 0.04 else self.random.choice(pool)
        self.values[name] = value
        spaces = self.random.choice(["", " ", "  ", "\t"])
        return f"<%={spaces}{name}{spaces}%>", value

    def listed(self, pool: Sequence[str]) -> tuple[str, list[str | None]]:
        name = f"l{len(self.values)}"
        count = self.random.randrange(4)
        elements = [None if self.random.random() < 0.05 else self.random.choice(pool) for _ in range(count)]
        self.values[name] = elements
        self.variables.append(Variable(name, is_list=True))
        return f"<%= {name} %>", elements

    def code(self, pool: Sequence[str]) -> "Case":
        tag, value = self.value(pool)
        return self.each(tag, quoted(value))

    def whole(self, pool: Sequence[str]) -> "Case":
        tag, value = self.value(pool)
        return self.each(f"'{tag}'", quoted(value))

    def any_scalar(self, pool: Sequence[str]) -> "Case":
        return self.code(pool) if self.random.random() < 0.4 else self.whole(pool)

    def joined(self, pieces: Sequence[str | tuple[str, Sequence[str]]], structure: str = "text") -> "Case":
        """A literal out of constants and (place, pool) pairs, in text, an array or JSON."""
        template, literal, is_null = "", "", False
        for piece in pieces:
            if isinstance(piece, str):
                template += piece.replace("'", "''")
                literal += piece
                continue
            tag, value = self.value(piece[1])
            template += tag
            is_null = is_null or value is None
            literal += "" if value is None else WRITERS[structure](value, piece[0])
        return self.each(f"'{template}'", quoted(None if is_null else literal))

    def text(self) -> str:
        return "".join(self.template)

    def literal_text(self) -> str:
        return "".join(self.literal)

    quoted = staticmethod(quoted)
    in_json = staticmethod(in_json)


@pytest.fixture(scope="session")
def new_case() -> Callable[[int], Case]:
    """An empty case whose every choice follows from the seed."""
    return lambda seed: Case(random.Random(seed))


# --- the server ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What a run gave: the SQLSTATE of its error, or the names of its columns and the multiset of its rows as text."""

    sqlstate: str
    rows: Counter[tuple[bytes | None, ...]]
    message: str = ""
    columns: tuple[bytes | None, ...] = ()

    def agrees_with(self, other: "Outcome") -> bool:
        return (self.sqlstate, self.columns, self.rows) == (other.sqlstate, other.columns, other.rows)


class Runner:
    """Runs statements in the extended protocol, one at a time, on a connection of its own."""

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        self._connection = connection
        self._pgconn: PGconn = connection.pgconn

    def script(self, text: str) -> None:
        """Run statements that prepare the test."""
        self._connection.execute(text.encode())

    def run_literal(self, text: str) -> Outcome:
        return self._outcome(self._pgconn.exec_params(text.encode(), []))

    def run_bound(self, compiled: CompiledStatement, values: Mapping[str, VariableValue]) -> Outcome:
        """Describe, retry as SQL.md says, bind, run."""
        for _ in range(MAX_RETRIES):
            result = self._pgconn.prepare(b"", compiled.text.encode(), [])
            if result.status == ExecStatus.COMMAND_OK:
                break
            failed = self._outcome(result)
            again = retried(compiled, failed)
            if again is None:
                return failed
            compiled = again
        compiled = compiled.with_parameter_types(self.types())
        parameters = [None if text is None else text.encode() for text in bind(compiled, values)]
        return self._outcome(self._pgconn.exec_params(compiled.text.encode(), parameters))

    def types(self) -> list[str]:
        """The types of the parameters of the statement that was just prepared; of a domain, its base type."""
        described = self._pgconn.describe_prepared(b"")
        oids = ",".join(str(described.param_type(index)) for index in range(described.nparams))
        query = (
            "SELECT format_type(coalesce(nullif(y.typbasetype, 0), u.t), NULL)"
            " FROM unnest($1::oid[]) WITH ORDINALITY u(t, n) JOIN pg_type y ON y.oid = u.t ORDER BY n"
        )
        named = self._pgconn.exec_params(query.encode(), [f"{{{oids}}}".encode()])
        return [(named.get_value(row, 0) or b"").decode() for row in range(named.ntuples)]

    def _outcome(self, result: PGresult) -> Outcome:
        if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            state = result.error_field(DiagnosticField.SQLSTATE) or b"no SQLSTATE"
            return Outcome(state.decode(), Counter(), result.error_message.decode())
        columns = range(result.nfields)
        rows = (tuple(result.get_value(row, column) for column in columns) for row in range(result.ntuples))
        return Outcome("", Counter(rows), columns=tuple(result.fname(column) for column in columns))


def retried(compiled: CompiledStatement, failed: Outcome) -> CompiledStatement | None:
    """What to try after a failed Describe; None when there is nothing."""
    if failed.sqlstate in {"42803", "42P10"}:
        shared = compiled.with_shared_parameters()
        return shared if shared.text != compiled.text else None
    number = re.search(r"\$(\d+)", failed.message)
    if failed.sqlstate == "42P18" and number is not None:
        return compiled.with_text_parameter(int(number[1]))
    return None


@pytest.fixture(scope="module")
def runner(postgres_dsn: str) -> Iterator[Runner]:
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("SET statement_timeout = '20s'")
        yield Runner(connection)
