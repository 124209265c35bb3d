"""Many brothers of one name, as a batch has them, as the first few and one line for the rest."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from directflow_cli.traces.spans import Lines, Span

MOST_ALIKE = 3


def folded(lines: Sequence[tuple[int, Span]]) -> Lines:
    """Lines in calling order, less what the fourth and later brothers of one name did: one span stands for them all.

    It lasts from the first one's begin to the last one's end. A brother that failed, or below which something did, is
    never among them: it is what one looks for.
    """
    alike: Counter[tuple[str, str, str]] = Counter()
    folds: dict[tuple[str, str, str], _Fold] = {}
    shown: Lines = []
    at = 0
    while at < len(lines):
        depth, span = lines[at]
        brothers = (span.parent_id, span.service, span.name)
        alike[brothers] += 1
        end = _end_of(lines, at) if alike[brothers] > MOST_ALIKE else at
        if end == at or any(below.failed for _, below in lines[at:end]):
            shown.append((depth, span))
            at += 1
            continue
        if brothers not in folds:
            folds[brothers] = _Fold(len(shown), span.end_ns)
            shown.append((depth, replace(span, attributes={})))
        fold = folds[brothers]
        fold.take(span)
        shown[fold.place] = (depth, replace(shown[fold.place][1], name=f"{fold.count} more", end_ns=fold.end_ns))
        at = end
    return shown


@dataclass(slots=True)
class _Fold:
    place: int
    """Where its line is."""
    end_ns: int
    count: int = 0

    def take(self, span: Span) -> None:
        self.count += 1
        self.end_ns = max(self.end_ns, span.end_ns)


def _end_of(lines: Sequence[tuple[int, Span]], at: int) -> int:
    """Where the line's descendants end."""
    return next((later for later in range(at + 1, len(lines)) if lines[later][0] <= lines[at][0]), len(lines))
