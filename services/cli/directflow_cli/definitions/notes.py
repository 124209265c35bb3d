"""Collects what is wrong with a file, so that its author hears all of it at once."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from yaml.nodes import Node

from directflow_cli.definitions.nodes import place
from directflow_cli.definitions.places import Finding, Place, Source

LONGEST_NAME: Final = 80
"""Characters of an id, a kind or a field's name in a message."""


@dataclass(slots=True)
class Notes:
    """The findings of one file."""

    source: Source
    findings: list[Finding] = field(default_factory=list)

    def add(self, node: Node | Place, message: str, rule: str, hint: str = "") -> None:
        """One more error, at a node or a place."""
        at = node if isinstance(node, Place) else place(self.source, node)
        self.findings.append(Finding(message, at, rule=rule, hint=hint))


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """The one known word that was probably meant, if any."""
    plain = {candidate.lower(): candidate for candidate in known}
    return [plain[near] for near in difflib.get_close_matches(word.lower(), plain, n=1, cutoff=0.6)]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint: the nearest of the known words, else all of them."""
    words = list(known)
    near = nearest(word, words)
    return f"did you mean {near[0]}?" if near else f"it takes {listed(words)}"


def shortened(name: str) -> str:
    """A name as a message shows it: what stands in the place of an id may be a whole text."""
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def listed(words: Iterable[str]) -> str:
    """`a, b or c`."""
    *first, last = list(words) or ["nothing"]
    return f"{', '.join(first)} or {last}" if first else last
