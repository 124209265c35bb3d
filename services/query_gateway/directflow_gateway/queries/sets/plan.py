"""Whether and how one statement can run for many tuples: decided once when it is described, kept beside it."""

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from directflow_gateway.queries.sets.costs import Costs, Form
from directflow_gateway.queries.sets.tuples import BoundTuples
from directflow_gateway.sql import CompiledStatement
from directflow_gateway.sql.set_form import Outcomes, Risks, SemiJoin, SetStatement, SetWriter

MOST_TUPLES = 10_000
"""Of one statement."""
MOST_POISONED = 10_000
POISONED_S = 60.0
"""How long a tuple that made a statement for many fail is run alone from the beginning. Its outcome is not kept."""
MANY_FAILED = 16
"""So many tuples of one call, and the next call expects as many."""


@dataclass(slots=True, repr=False)
class SetPlan:
    """The set form of one described statement."""

    compiled: CompiledStatement
    types: Sequence[str]
    """Of every parameter, as a type that `[]` may follow; "" for one that cannot be a column."""
    is_condition: bool
    reason: str = ""
    """Why the statement runs one tuple at a time; "" where it does not."""
    remedy: str = ""
    """What an author may write instead, where there is a reason."""
    is_volatile: bool = False
    """Equal tuples must be evaluated each for itself."""
    is_outdated: bool = False
    """PostgreSQL refused a text that it had accepted: the statement is to be described anew."""
    tells_own_errors: bool = False
    """What stored data make a tuple fail with in the LATERAL form is what it fails with alone."""
    semi_join: SemiJoin | None = None
    risks: Risks = field(default_factory=Risks)
    unsafe_to_join: frozenset[int] = frozenset()
    """Parameters that must not differ in a JOIN or SEMI_JOIN, which would not try the rows that the statement tries."""
    expects_failures: bool = False
    """The last call whose statement for many failed had many tuples that fail."""
    _costs: dict[frozenset[int], Costs] = field(default_factory=dict)
    _texts: dict[tuple[frozenset[int], Form, bool], SetStatement] = field(default_factory=dict)
    _poisoned: OrderedDict[int, float] = field(default_factory=OrderedDict)

    @property
    def form(self) -> Form:
        """What DescribeQuery says of a condition or a preload: the form that it has whatever differs."""
        if self.reason:
            return Form.SINGLE
        has_semi_join = self.semi_join is not None and not self.unsafe_to_join.intersection(self.usable())
        return Form.SEMI_JOIN if has_semi_join else Form.LATERAL

    def usable(self) -> list[int]:
        """Parameters that may differ in the set form, each for itself."""
        columns = (number for number, name in enumerate(self.types, 1) if name)
        return [number for number in columns if not self.risks.forbid(frozenset({number}))]

    def costs(self, differing: frozenset[int]) -> Costs:
        """What is known of the costs when these parameters differ."""
        if differing not in self._costs:
            if len(self._costs) > 16:  # a caller cannot make this grow
                self._costs.clear()
            self._costs[differing] = Costs(self._forms(differing), MOST_TUPLES)
        return self._costs[differing]

    def statement(self, form: Form, differing: frozenset[int], *, row_by_row: bool = False) -> SetStatement:
        """The text of a form other than SINGLE."""
        key = (differing, form, row_by_row)
        if key not in self._texts:
            if len(self._texts) > 64:
                self._texts.clear()
            self._texts[key] = self._written(form, differing, row_by_row)
        return self._texts[key]

    def _forms(self, differing: frozenset[int]) -> list[Form]:
        castable = all(self.types[number - 1] for number in differing)
        if self.reason or not differing or not castable or self.risks.forbid(differing):
            return [Form.SINGLE]
        if self.unsafe_to_join & differing:
            return [Form.SINGLE, Form.LATERAL]
        return [Form.SINGLE, Form.LATERAL, Form.SEMI_JOIN if self.semi_join is not None else Form.JOIN]

    def _written(self, form: Form, differing: frozenset[int], row_by_row: bool) -> SetStatement:
        writer = SetWriter(self.compiled, self.types, sorted(differing))
        if not self.is_condition:
            return writer.rows(fenced=form is Form.LATERAL)
        if form is Form.SEMI_JOIN and self.semi_join is not None:
            return writer.semi_join(self.semi_join)
        if form is Form.JOIN:
            return writer.join()
        return writer.lateral(Outcomes.ROW_BY_ROW if row_by_row else Outcomes.TOGETHER)

    # --- tuples that made a batch fail -------------------------------------------------------------------------------

    def remember_poisoned(self, bound: BoundTuples, failed: Sequence[int]) -> None:
        """The next batches run these tuples alone for a while."""
        until = time.monotonic() + POISONED_S
        for key in map(bound.key, failed):
            self._poisoned[key] = until
            self._poisoned.move_to_end(key)
        while len(self._poisoned) > MOST_POISONED:
            self._poisoned.popitem(last=False)

    def poisoned_among(self, bound: BoundTuples) -> set[int]:
        """Numbers of the tuples that made a batch fail a moment ago."""
        now = time.monotonic()
        while self._poisoned and next(iter(self._poisoned.values())) <= now:
            self._poisoned.popitem(last=False)
        if not self._poisoned:
            return set()
        return bound.with_keys(self._poisoned)


def single_plan(compiled: CompiledStatement, *, is_condition: bool) -> SetPlan:
    """For a statement in a role that has no set form, such as AD_HOC."""
    return SetPlan(compiled, ("",) * len(compiled.parameters), is_condition, "Its role has no set form.")
