"""The guard of the set form: what each form costs a statement, measured while it works, and which one comes next.

No plan's estimate is believed. The single form is measured on a few tuples, another form is tried on a few more, within
a time limit that keeps a bad surprise below a twentieth of the work that is left, and the cheapest one goes on.
"""

import enum
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

TARGET_S = 0.25
"""A statement is to take about this long: longer ones hold a snapshot, and lose more when one tuple fails."""
GROWTH = 16
"""A statement for more tuples than were ever measured is at most this many times larger."""
SINGLE_SAMPLE = 4
LATERAL_SAMPLE = 32
JOIN_SAMPLE = 256
JUDGED_AT = 256
"""Tuples of a LATERAL that tell what a tuple costs: with fewer, what the statement costs is most of it."""
SHARE_OF_REST = 0.05
"""Most time of a trial, as a part of what the rest would take in the best form that is known."""
SHORTEST_TRIAL_S = 0.005
WORTH_A_JOIN_S = 0.00003
"""A tuple that costs less is looked up by an index already; no join does it for less."""
MOST_SINGLES = 256
"""Statements in one round trip."""
SHORTEST_LATERAL_S = 0.02
FEW_TOLD_TIMES = 8
"""What a statement costs beside its tuples can make a few of them look so many times dearer than they are."""
SLOW_SINGLE_S = 0.0005
"""From here on a join is tried first: a LATERAL of slow lookups is as slow as they are."""
SLACK = 8
"""A statement may take this many times what is expected, and at least SHORTEST_LIMIT_S, before it is cut short."""
SHORTEST_LIMIT_S = 1.0
STALE_S = 30.0
"""After this time everything is measured again: data grow, and indexes come and go."""


JOIN_MARGIN = 0.8
"""A join must cost less than this part of a LATERAL: it can fail over rows that nobody asked for."""


class Form(enum.Enum):
    """How a statement is run for many tuples."""

    SINGLE = "single"
    """The author's statement for each, many in a round trip."""
    LATERAL = "lateral"
    JOIN = "join"
    """The LATERAL without the fence: the planner may turn it around."""
    SEMI_JOIN = "semi join"


@dataclass(frozen=True, slots=True)
class Step:
    """What to run next."""

    form: Form
    count: int
    """How many tuples."""
    limit_s: float
    """How long PostgreSQL may work on it; a form on trial that takes longer is dropped."""
    is_trial: bool = False


@dataclass(slots=True)
class _Measured:
    """Seconds by number of tuples, which is rounded up to a power of two."""

    points: dict[int, float] = field(default_factory=dict)

    def add(self, count: int, seconds: float) -> None:
        size = 1 << max(0, count - 1).bit_length()
        scaled = seconds * size / count
        before = self.points.get(size)
        # A slower measurement may be somebody else's load: it counts, but not at once.
        self.points[size] = scaled if before is None or scaled < before else 0.7 * before + 0.3 * scaled

    @property
    def largest(self) -> int:
        return max(self.points, default=0)

    def estimate(self, count: int) -> float:
        """Seconds for so many tuples; for fewer than were ever measured, those of the fewest."""
        below = max((size for size in self.points if size <= count), default=0)
        if not below:
            return self.points[min(self.points)]
        return self.points[below] * count / below


class Costs:
    """What one statement costs in each form that it has, for one choice of parameters that differ."""

    def __init__(self, forms: Sequence[Form], most_tuples: int) -> None:
        """`forms`: those that are available, SINGLE among them. `most_tuples`: of one statement."""
        self._forms = list(forms)
        self._most = most_tuples
        self._measured: dict[Form, _Measured] = {}
        self._too_slow: dict[Form, float] = {}
        """Form to the time that its trial was given in vain."""
        self._since = time.monotonic()

    @property
    def is_single(self) -> bool:
        """True where there is no other form."""
        return len(self._forms) == 1

    @property
    def preferred(self) -> Form:
        """The form that is known to be cheapest for many tuples."""
        return self._best(self._most) if self._measured else self._forms[-1]

    def next(self, rest: int, statement_timeout_s: float) -> Step:
        """The next statement, when so many tuples are left."""
        if time.monotonic() - self._since > STALE_S:
            self._forget()
        single = self._measured.get(Form.SINGLE)
        if self.is_single or single is None:
            return Step(Form.SINGLE, self._singles(rest, single), statement_timeout_s)
        for form in self._untried(rest, single):
            if (step := self._trial(form, rest, single)) is not None:
                return step
        form = self._best(rest)
        if form is not Form.LATERAL and self._deserves_another_look(form):
            form = Form.LATERAL
        count = self._count(form, rest)
        limit_s = max(SHORTEST_LIMIT_S, SLACK * self._measured[form].estimate(count))
        return Step(form, count, min(statement_timeout_s, limit_s))

    def measured(self, step: Step, seconds: float) -> None:
        """Takes the time of a statement that came to its end; in the single form, of so many statements."""
        if step.form not in self._forms:
            return  # dropped by another call meanwhile
        of_each = step.form is Form.SINGLE  # they do not get cheaper by being many
        count, seconds = (1, seconds / step.count) if of_each else (step.count, seconds)
        self._measured.setdefault(step.form, _Measured()).add(count, seconds)

    def was_too_slow(self, step: Step) -> None:
        """A form on trial did not keep its limit."""
        self._too_slow[step.form] = step.limit_s

    def drop(self, form: Form) -> None:
        """Never again: the form fails where the single form does not."""
        self._forms = [kept for kept in self._forms if kept is not form]
        self._measured.pop(form, None)

    def _forget(self) -> None:
        self._since = time.monotonic()
        self._measured.clear()
        self._too_slow.clear()

    def _singles(self, rest: int, single: "_Measured | None") -> int:
        if single is None:
            return min(rest, SINGLE_SAMPLE)
        return max(1, min(rest, MOST_SINGLES, int(TARGET_S / max(1e-6, single.estimate(1)))))

    def _untried(self, rest: int, single: "_Measured") -> Iterator[Form]:
        joins = [form for form in (Form.SEMI_JOIN, Form.JOIN) if form in self._forms and form not in self._measured]
        lateral = self._measured.get(Form.LATERAL)
        if single.estimate(1) >= SLOW_SINGLE_S:
            yield from joins
        if lateral is None:
            if Form.LATERAL in self._forms and Form.LATERAL not in self._too_slow:
                yield Form.LATERAL
        elif lateral.largest >= JUDGED_AT:
            yield from joins

    def _trial(self, form: Form, rest: int, single: "_Measured") -> Step | None:
        """A first run of a form, unless it could not pay, or was given as much time before."""
        if form is Form.LATERAL:
            return self._lateral_trial(rest, single)
        best = self._best(rest)
        limit_s = SHARE_OF_REST * self._measured[best].estimate(rest)
        if self._a_tuple(best) < WORTH_A_JOIN_S or limit_s < max(SHORTEST_TRIAL_S, 2 * self._too_slow.get(form, 0.0)):
            return None
        return Step(form, min(rest, JOIN_SAMPLE), limit_s, is_trial=True)

    def _lateral_trial(self, rest: int, single: "_Measured") -> Step | None:
        """It costs about what the single form does without its round trips: hopeless where a join does far better."""
        count = min(rest, LATERAL_SAMPLE)
        expected = single.estimate(count)
        best = self._best(rest)
        if best is not Form.SINGLE and expected > SHARE_OF_REST * self._measured[best].estimate(rest):
            return None
        return Step(Form.LATERAL, count, max(SHORTEST_LATERAL_S, 2 * expected), is_trial=True)

    def _deserves_another_look(self, best: Form) -> bool:
        """Whether a LATERAL was measured on a few tuples only, and came near."""
        lateral = self._measured.get(Form.LATERAL)
        few = lateral is not None and lateral.largest < JUDGED_AT
        return few and self._a_tuple(Form.LATERAL) < FEW_TOLD_TIMES * self._a_tuple(best)

    def _a_tuple(self, form: Form) -> float:
        measured = self._measured[form]
        return measured.points[measured.largest] / measured.largest

    def _best(self, count: int) -> Form:
        """The cheapest form for so many; where a LATERAL and a join are close the LATERAL."""
        known = {form: costs.estimate(count) for form, costs in self._measured.items()}
        reckoned = {form: s * (JOIN_MARGIN if form is Form.LATERAL else 1.0) for form, s in known.items()}
        single = known.get(Form.SINGLE, math.inf)
        best = min(reckoned, key=reckoned.__getitem__)
        return Form.SINGLE if single < known[best] else best

    def _count(self, form: Form, rest: int) -> int:
        """As many as take about TARGET_S. A join's time hardly grows with the tuples, as long as it is short."""
        measured = self._measured[form]
        if form is Form.SINGLE:
            return self._singles(rest, measured)
        growing = GROWTH * measured.largest
        fitting = int(TARGET_S / max(self._a_tuple(form), 1e-9))
        if form is not Form.LATERAL and measured.points[measured.largest] < TARGET_S:
            fitting = growing
        return max(1, min(rest, self._most, fitting, growing))
