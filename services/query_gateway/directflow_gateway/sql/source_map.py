"""Texts built from pieces of other texts, and the way back: which place of the source a place of the text came from."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keep:
    """Characters `start` to `end` of the source, as they are."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, repr=False)
class Insert:
    """Text that the source does not have; what goes wrong in it is shown at place `at` of the source."""

    text: str
    at: int


Part = Keep | Insert


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    source: int
    verbatim: bool


@dataclass(frozen=True, slots=True)
class SourceMap:
    """Where each character of a built text came from. Offsets are 0-based and count characters."""

    spans: tuple[_Span, ...]
    length: int

    def source(self, offset: int) -> int:
        """The place in the source; -1 for a place outside the text. The end of the text is a place."""
        if not 0 <= offset <= self.length or not self.spans:
            return -1
        span = self.spans[bisect_right(self.spans, offset, key=lambda item: item.start) - 1]
        return span.source + (offset - span.start if span.verbatim else 0)


def build(source: str, parts: Iterable[Part]) -> tuple[str, SourceMap]:
    """The text that `parts` make out of `source`, and its map."""
    pieces: list[str] = []
    spans: list[_Span] = []
    length = 0
    for part in parts:
        piece = part.text if isinstance(part, Insert) else source[part.start : part.end]
        if piece:
            spans.append(_Span(length, part.at if isinstance(part, Insert) else part.start, isinstance(part, Keep)))
            pieces.append(piece)
            length += len(piece)
    return "".join(pieces), SourceMap(tuple(spans), length)


@dataclass(frozen=True, slots=True, repr=False)
class Edit:
    """Replace characters `start` to `end` of a text by `text`; what goes wrong in it is shown at `at`, or `start`."""

    start: int
    end: int
    text: str
    at: int = -1


def edited(source: str, edits: Iterable[Edit]) -> tuple[str, SourceMap]:
    """`source` after all `edits`, which must not overlap."""
    parts: list[Part] = []
    place = 0
    for edit in sorted(edits, key=lambda item: (item.start, item.end)):
        if edit.start < place:
            raise ValueError("edits overlap")
        parts += [Keep(place, edit.start), Insert(edit.text, edit.start if edit.at < 0 else edit.at)]
        place = edit.end
    return build(source, [*parts, Keep(place, len(source))])
