"""What one statement of a lane is asked: each different question once, values that are equal for all as constants."""

from collections.abc import Hashable, Sequence, Set

from directflow_conditions.condition import Scalar, Value
from directflow_conditions.lanes.waiter import Waiter, scalar
from directflow_conditions.questions import Answer, Outcomes, Question, QuestionSet


class Batch:
    """The callers of one statement, and the row that answers each."""

    def __init__(self, waiters: Sequence[Waiter]) -> None:
        self.waiters = waiters
        self._rows: dict[Hashable, int] = {}
        self._each: list[Question] = []
        for waiter in waiters:
            if waiter.row not in self._rows:
                self._rows[waiter.row] = len(self._each)
                self._each.append(waiter.question)

    def __len__(self) -> int:
        """Rows."""
        return len(self._each)

    def questions(self) -> QuestionSet:
        """The set form. A value that differs between callers becomes a column, whose cells are of one type."""
        first = self._each[0]
        columns = {
            name: cells for name, value in first.values.items() if (cells := self._differing(name, value)) is not None
        }
        constants = {name: value for name, value in first.values.items() if name not in columns}
        anchors = [one.anchor for one in self._each if one.anchor is not None]
        ids = [one.profile_id for one in self._each]
        return QuestionSet(first.conditions, ids, constants, columns, anchors)

    def deliver(self, outcomes: Sequence[Outcomes], elsewhere: Set[Waiter] = frozenset()) -> None:
        """Gives each caller that is still there its answer. That the time ran out is none for callers who are
        `elsewhere` as well: what a profile gets among others is a share of the time, and alone it has all of it."""
        for waiter in self.waiters:
            if not waiter.answer.done():
                row = self._rows[waiter.row]
                answers = [one.answer(row) for one in outcomes]
                if not (elsewhere and waiter in elsewhere and any(map(_is_timeout, answers))):
                    waiter.answer.set_result(answers)

    def fail(self, error: Exception) -> None:
        """Tells each caller that is still there."""
        for waiter in self.waiters:
            if not waiter.answer.done():
                waiter.answer.set_result(error)

    def _differing(self, name: str, value: Value) -> list[Scalar] | None:
        if value is None or isinstance(value, tuple):
            return None  # by the lane's key all have the same
        cells = [scalar(one.values[name]) for one in self._each]
        # By repr, or 0.0 and -0.0 would be one constant.
        same = all(repr(cell) == repr(value) for cell in cells) if isinstance(value, float) else _equal(cells, value)
        return None if same else cells


def _is_timeout(answer: Answer) -> bool:
    return answer.failure is not None and answer.failure.reason == "STATEMENT_TIMEOUT"


def _equal(cells: Sequence[Scalar], value: Scalar) -> bool:
    return all(cell == value for cell in cells)
