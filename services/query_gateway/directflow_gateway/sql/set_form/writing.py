"""The texts of the set form: the author's statement with columns in the place of parameters that differ.

Names of ours begin with `_df_`; everything else is qualified, operators too, for a search_path may put the customer's
own functions before PostgreSQL's. The author's text stands on lines of its own: a trailing `--` comment of theirs must
not eat our bracket.
"""

# ruff: noqa: S608 (made of the author's guarded text, types as the server prints them, and our own words)

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from directflow_gateway.sql.parameters import parameter_places
from directflow_gateway.sql.set_form.semi_join import SemiJoin
from directflow_gateway.sql.statement import CompiledStatement

MOST_ROWS_OF_ONE = 10_002
"""More rows than this are no outcome but an error of their profile, in the single form as here."""


class Outcomes(enum.Enum):
    """How the outcomes of a condition come back."""

    TOGETHER = "together"
    """One text with a letter for each tuple, in order: the cheapest to send and to read."""
    ROW_BY_ROW = "row by row"
    """A row for each tuple, in order: what stands before an error has arrived."""


@dataclass(frozen=True, slots=True, repr=False)
class SetStatement:
    """A text, and which parameters of the author's statement its `$n` are."""

    text: str
    arrays: tuple[int, ...]
    """Numbers of the parameters that differ: `$1` and so on are their arrays."""
    scalars: tuple[int, ...]
    """Numbers of the others, behind the arrays."""


class SetWriter:
    """Writes the set texts of one statement for one choice of differing parameters."""

    def __init__(self, compiled: CompiledStatement, types: Sequence[str], differing: Sequence[int]) -> None:
        """`types`: of every parameter, as a type that `[]` may follow. `differing`: numbers, at least one."""
        self._compiled = compiled
        self._arrays = tuple(differing)
        numbers = range(1, len(compiled.parameters) + 1)
        self._scalars = tuple(number for number in numbers if number not in self._arrays)
        columns = {number: f"_df_p._df_{place}" for place, number in enumerate(self._arrays, 1)}
        behind = {number: f"${place}" for place, number in enumerate(self._scalars, len(self._arrays) + 1)}
        self._written: Mapping[int, str] = {**columns, **behind}
        self._tuples = _tuples([types[number - 1] for number in self._arrays])

    # --- conditions ------------------------------------------------------------------------------------------------

    def lateral(self, outcomes: Outcomes) -> SetStatement:
        """The author's statement once for each tuple, in order, as if it stood alone."""
        once = (
            f"SELECT {_outcome('pg_catalog.count(*)', 'pg_catalog.bool_or(_df_a.result)')} AS _df_o FROM (\n"
            f"{self._body()}\n) AS _df_a"
        )
        selected = "_df_r._df_o" if outcomes is Outcomes.ROW_BY_ROW else _joined("_df_r._df_o", "_df_p._df_n")
        return self._statement(f"SELECT {selected} FROM {self._tuples} CROSS JOIN LATERAL (\n{once}\n) AS _df_r")

    def join(self) -> SetStatement:
        """The same as a join that the planner may turn around, hash or merge."""
        one = f"SELECT _df_a.result, true AS _df_there FROM (\n{self._body()}\n) AS _df_a"
        outcome = _outcome("pg_catalog.count(_df_c._df_there)", "pg_catalog.bool_or(_df_c.result)")
        each = (
            f"SELECT _df_p._df_n, {outcome} AS _df_o FROM {self._tuples}\n"
            f"LEFT JOIN LATERAL (\n{one}\n) AS _df_c ON true GROUP BY _df_p._df_n"
        )
        return self._statement(f"SELECT {_joined('_df_r._df_o', '_df_r._df_n')} FROM (\n{each}\n) AS _df_r")

    def semi_join(self, shape: SemiJoin) -> SetStatement:
        """The numbers (from 1) of the tuples that have a row, as one array."""
        asked = shape.before + self._body(shape.start, shape.end)
        return self._statement(
            f"SELECT pg_catalog.array_agg(_df_p._df_n) FROM {self._tuples} WHERE EXISTS (\n{asked}\n)"
        )

    # --- rows ------------------------------------------------------------------------------------------------------

    def rows(self, *, fenced: bool) -> SetStatement:
        """Rows of every tuple behind two columns of ours: its number from 1, and whether there is a row (t or NULL).

        `fenced`: once for each tuple, in order, rows in the author's order; else a join as the planner likes.
        """
        fence = "\nOFFSET 0" if fenced else ""
        one = f"SELECT true AS _df_there, _df_a.* FROM (\n{self._body()}\n) AS _df_a{fence}"
        return self._statement(
            f"SELECT _df_p._df_n, _df_c.* FROM {self._tuples}\nLEFT JOIN LATERAL (\n{one}\n) AS _df_c ON true"
        )

    # --- parts -----------------------------------------------------------------------------------------------------

    def _statement(self, text: str) -> SetStatement:
        return SetStatement(text, self._arrays, self._scalars)

    def _body(self, start: int = 0, end: int | None = None) -> str:
        end = self._compiled.body_end if end is None else end
        return "".join(self._pieces(start, end))

    def _pieces(self, start: int, end: int) -> Iterator[str]:
        text = self._compiled.text
        places = sorted((*place, n) for n, found in parameter_places(text).items() for place in found)
        for place, behind, number in places:
            if start <= place < end:
                yield text[start:place]
                yield self._written[number]
                start = behind
        yield text[start:end]


def _tuples(types: Sequence[str]) -> str:
    """The tuples as a table: `ROWS FROM` because only an unqualified unnest takes several arrays."""
    arrays = ", ".join(f"pg_catalog.unnest(${place}::{name}[])" for place, name in enumerate(types, 1))
    names = ", ".join(f"_df_{place}" for place in range(1, len(types) + 1))
    return f"ROWS FROM ({arrays}) WITH ORDINALITY AS _df_p({names}, _df_n)"


def _joined(outcome: str, order: str) -> str:
    return f"pg_catalog.string_agg({outcome}, '' ORDER BY {order})"


def _outcome(rows: str, result: str) -> str:
    """A letter: t, f, n (NULL), x (no row), m (several rows), l (far too many)."""
    equal, greater = "OPERATOR(pg_catalog.=)", "OPERATOR(pg_catalog.>)"
    value = f"CASE WHEN {result} THEN 't' WHEN NOT {result} THEN 'f' ELSE 'n' END"
    return (
        f"CASE WHEN {rows} {equal} 1 THEN {value} WHEN {rows} {equal} 0 THEN 'x'"
        f" WHEN {rows} {greater} {MOST_ROWS_OF_ONE} THEN 'l' ELSE 'm' END"
    )
