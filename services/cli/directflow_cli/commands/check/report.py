"""The summary of a check, for the person who reads stderr."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from directflow_cli.commands.check.corpus import Check, Expectation, Unreadable
from directflow_cli.commands.check.expectations import is_met
from directflow_cli.commands.check.verdicts import Outcome, Verdict
from directflow_cli.commands.printable import printable

MAX_NAMED: Final = 20


@dataclass
class Report:
    """Counts of a run, and which checks did not come out as their rows expect."""

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    missed: list[Outcome] = field(default_factory=list)

    def add(self, check: Check | Unreadable, outcome: Outcome) -> None:
        """One more check is done."""
        self.verdicts[outcome.verdict] += 1
        expectation = check.expectation if isinstance(check, Check) else Expectation()
        if not is_met(expectation, outcome):
            self.missed.append(outcome)

    def lines(self, seconds: float) -> list[str]:
        """The summary, and the first checks that missed their expectation."""
        total = self.verdicts.total()
        counts = ", ".join(f"{self.verdicts[verdict]} {verdict.value}" for verdict in Verdict)
        met = total - len(self.missed)
        return [
            f"{total} checks in {seconds:.1f} s: {counts}; {met} as expected, {len(self.missed)} not",
            *(_missed(outcome) for outcome in self.missed[:MAX_NAMED]),
            *([f"  ... and {len(self.missed) - MAX_NAMED} more"] if len(self.missed) > MAX_NAMED else []),
        ]


def _missed(outcome: Outcome) -> str:
    because = f" ({outcome.reason}: {printable(outcome.message or '')})" if outcome.reason else ""
    return f"  not as expected: {printable(outcome.id)}: {outcome.verdict.value}{because}"
