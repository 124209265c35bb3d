"""Tuples of values as columns, and the text of every parameter for each of them."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from directflow_runtime.errors import DirectFlowError

from directflow_gateway.sql import CompiledStatement, Kind, Parameter, VariableValue, bind
from directflow_gateway.sql.binding import MAX_BOUND_BYTES
from directflow_gateway.sql.limits import DEFAULT
from directflow_gateway.sql.quoting import Quoting
from directflow_gateway.sql.variables import Variable

SHORT_WORK = 20_000
"""Parameters that are bound in some milliseconds."""

Cell = VariableValue
Texts = list[str | None]


@dataclass(frozen=True, slots=True, repr=False)
class Tuples:
    """`row_count` tuples: values that are equal for all, and a column for each variable that differs."""

    row_count: int
    constants: Mapping[str, VariableValue] = field(default_factory=dict)
    columns: Mapping[str, Sequence[Cell]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, row_count: int, constants: Mapping[str, VariableValue], columns: Mapping[str, Sequence[Cell]]
    ) -> "Tuples":
        """A column whose cells are all equal becomes a constant: hidden in an array it would cost the planner what it
        knows of its value. A column outranks a constant of the same name."""
        equal = {name: cells[0] for name, cells in columns.items() if row_count and _all_equal(cells)}
        differing = {name: cells for name, cells in columns.items() if name not in equal}
        kept = {name: value for name, value in constants.items() if name not in columns}
        return cls(row_count, {**kept, **equal}, differing)

    def values(self, index: int) -> dict[str, VariableValue]:
        """The values of one tuple by variable."""
        return {**self.constants, **{name: cells[index] for name, cells in self.columns.items()}}


@dataclass(frozen=True, slots=True, repr=False)
class BoundTuples:
    """Every different tuple of parameter texts once."""

    scalars: Mapping[int, str | None]
    """Texts of the parameters that are equal for all, by number."""
    columns: Mapping[int, Sequence[str | None]]
    """Texts of the others, by number; as many as there are different tuples."""
    count: int
    """How many different tuples."""
    places: Sequence[int]
    """For each of the caller's tuples the number of its different tuple; -1 for one whose value was refused."""
    refused: Mapping[int, DirectFlowError]
    """Index of the caller's tuple to why its value does not fit its variable."""
    parameters: int

    @property
    def characters(self) -> int:
        """Of all columns together."""
        return sum(sum(map(len, filter(None, column))) for column in self.columns.values())

    def texts(self, index: int) -> tuple[str | None, ...]:
        """The parameters of one different tuple, as the single form takes them."""
        return tuple(
            self.columns[number][index] if number in self.columns else self.scalars[number]
            for number in range(1, self.parameters + 1)
        )

    def key(self, index: int) -> int:
        """A number for a different tuple, which tells it apart without holding on to its values."""
        differing = [column[index] for column in self.columns.values()]
        return hash(differing[0] if len(differing) == 1 else tuple(differing)) ^ self._salt

    def with_keys(self, keys: Collection[int]) -> set[int]:
        """Numbers of the tuples that have one of these keys."""
        salt = self._salt
        wanted = {key ^ salt for key in keys}
        differing = list(self.columns.values())
        hashes = list(map(hash, differing[0] if len(differing) == 1 else zip(*differing, strict=True)))
        if wanted.isdisjoint(hashes):
            return set()
        return {index for index, one in enumerate(hashes) if one in wanted}

    @property
    def _salt(self) -> int:
        return hash(tuple(self.scalars.items()))


async def bound_tuples(compiled: CompiledStatement, tuples: Tuples, *, distinct: bool) -> BoundTuples:
    """See `bind_tuples`; in a thread where it takes long, for the event loop serves other callers meanwhile."""
    if tuples.row_count * len(compiled.parameters) <= SHORT_WORK:
        return bind_tuples(compiled, tuples, distinct=distinct)
    return await asyncio.to_thread(bind_tuples, compiled, tuples, distinct=distinct)


def bind_tuples(compiled: CompiledStatement, tuples: Tuples, *, distinct: bool = True) -> BoundTuples:
    """Binds all tuples. What is wrong with one tuple's value is that tuple's error, a constant's is everybody's.

    `distinct`: equal tuples are one; False where each must have an outcome of its own.
    """
    differing = {
        number: parameter
        for number, parameter in enumerate(compiled.parameters, 1)
        if any(name in tuples.columns for name in parameter.variables)
    }
    binding = _Binding(compiled, tuples)
    try:
        scalars = binding.scalars(differing)
    except DirectFlowError as error:
        everybody = dict.fromkeys(range(tuples.row_count), error)
        return BoundTuples({}, {}, 0, [-1] * tuples.row_count, everybody, len(compiled.parameters))
    columns = {number: binding.column(number, parameter) for number, parameter in differing.items()}
    binding.refuse_long(scalars, columns)
    if not distinct:
        places = [-1 if index in binding.refused else index for index in range(tuples.row_count)]
        parameters = len(compiled.parameters)
        return BoundTuples(scalars, columns, tuples.row_count, places, binding.refused, parameters)
    return _distinct(scalars, columns, binding.refused, tuples.row_count, len(compiled.parameters))


def _distinct(
    scalars: Mapping[int, str | None],
    columns: Mapping[int, Texts],
    refused: Mapping[int, DirectFlowError],
    row_count: int,
    parameters: int,
) -> BoundTuples:
    rows: Sequence[object]
    if len(columns) == 1:
        (rows,) = columns.values()
    else:
        rows = list(zip(*columns.values(), strict=True)) if columns else [()] * row_count
    wanted = [row for index, row in enumerate(rows) if index not in refused] if refused else rows
    numbers = dict(zip(dict.fromkeys(wanted), count(), strict=False))
    if len(numbers) == row_count:
        return BoundTuples(scalars, columns, row_count, range(row_count), refused, parameters)
    kept = dict(zip(columns, _turned(list(numbers), len(columns)), strict=True))
    places = [-1 if index in refused else numbers[row] for index, row in enumerate(rows)]
    return BoundTuples(scalars, kept, len(numbers), places, refused, parameters)


def _turned(rows: list[Any], width: int) -> list[list[str | None]]:
    """Rows as columns; a row of one column is its text."""
    return [rows] if width == 1 else [[row[place] for row in rows] for place in range(width)]


class _Binding:
    def __init__(self, compiled: CompiledStatement, tuples: Tuples) -> None:
        self._compiled = compiled
        self._tuples = tuples
        self.refused: dict[int, DirectFlowError] = {}

    def scalars(self, differing: Mapping[int, Parameter]) -> dict[int, str | None]:
        """Parameters of constants alone. Raises VARIABLE_REJECTED."""
        numbers = [n for n in range(1, len(self._compiled.parameters) + 1) if n not in differing]
        return dict(zip(numbers, bind(self._only(numbers), self._tuples.constants), strict=True))

    def column(self, number: int, parameter: Parameter) -> Texts:
        """The texts of one parameter; of tuples that are refused they do not count."""
        if len(parameter.pieces) == 1 and not parameter.unit:
            (use,) = parameter.pieces
            variable = self._compiled.variables[parameter.variables[0]]
            if not isinstance(use, str) and use.quoting is Quoting.RAW and not variable.is_list:
                texts = _plain_texts(variable, self._tuples.columns[variable.name], self._compiled.max_value_bytes)
                if texts is not None:
                    return texts
        return self._one_by_one(number, parameter)

    def _one_by_one(self, number: int, parameter: Parameter) -> Texts:
        compiled, texts = self._only([number]), []
        names = parameter.variables
        fixed = {name: self._tuples.constants[name] for name in names if name in self._tuples.constants}
        columns = {name: self._tuples.columns[name] for name in names if name in self._tuples.columns}
        for index in range(self._tuples.row_count):
            try:
                (text,) = bind(compiled, {**fixed, **{name: cells[index] for name, cells in columns.items()}})
            except DirectFlowError as error:
                self.refused.setdefault(index, error)
                text = None
            texts.append(text)
        return texts

    def refuse_long(self, scalars: Mapping[int, str | None], columns: Mapping[int, Texts]) -> None:
        """Tuples whose values are too long all together, as `bind` refuses them."""
        each = [len(text) for text in scalars.values() if text]
        each += [max(map(len, filter(None, column)), default=0) for column in columns.values()]
        if 4 * sum(each) <= MAX_BOUND_BYTES:
            return
        for index in range(self._tuples.row_count):
            try:
                bind(self._compiled, self._tuples.values(index))
            except DirectFlowError as error:
                self.refused.setdefault(index, error)

    def _only(self, numbers: Sequence[int]) -> CompiledStatement:
        return replace(self._compiled, parameters=tuple(self._compiled.parameters[number - 1] for number in numbers))


def _plain_texts(variable: Variable, cells: Sequence[Cell], max_bytes: int = DEFAULT.max_value_bytes) -> Texts | None:
    """The texts of a whole column at once; None where a cell needs a closer look."""
    kinds = set(map(type, cells)) - {type(None)}
    if kinds == {int} and variable.kind in (Kind.TEXT, Kind.INTEGER):
        return [None if cell is None else str(cell) for cell in cells]
    if kinds != {str} or variable.kind not in (Kind.TEXT, Kind.INTEGER):
        return None
    texts: Texts = list(cells)  # type: ignore[arg-type]
    there: list[str] = [text for text in texts if text is not None]
    joined = "".join(there)
    if variable.kind is Kind.INTEGER:
        is_plain = joined.isascii() and joined.isdigit() and all(there) and _longest(there) <= 18
    else:
        is_plain = (
            "\x00" not in joined and _longest(there) * 4 <= max_bytes and (joined.isascii() or _is_unicode(joined))
        )
    return texts if is_plain else None


def _longest(texts: Sequence[str]) -> int:
    return max(map(len, texts), default=0)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True


def _all_equal(cells: Sequence[Cell]) -> bool:
    first = cells[0]
    # Not by == alone: True equals 1 and -0.0 equals 0.0, and to PostgreSQL they are something else.
    if isinstance(first, float):
        return all(type(cell) is float and repr(cell) == repr(first) for cell in cells)
    return all(cell == first and type(cell) is type(first) for cell in cells)
