"""Where every variable of a data source will get its value, before anybody has called: by the rules of `mapping`.

A call is imagined: its segment has the discovery query's columns, and its caller gives what nothing else can.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from directflow_segments.data_sources import DataSource, Query, Role
from directflow_segments.mapping import Given, VariableSource, sources_of


@dataclass(frozen=True, slots=True)
class Expected:
    """The source of each variable of one query."""

    sources: Mapping[str, VariableSource]
    rivals: tuple[str, ...] = ()
    """Variables that would each take the segment's id where a call leaves out that one alone."""


def expected_sources(data_source: DataSource, query: Query, columns: Collection[str]) -> Expected:
    """`columns`: of the discovery query. A segment is there for a generator only, a person for a preload only."""
    segment = dict.fromkeys(columns) if query.role is Role.GENERATOR else {}
    return _expected(data_source, query, Given(segment=segment, has_person=query.role is Role.PRELOAD))


def wanted_from_segment(data_source: DataSource, preload: Query, columns: Collection[str]) -> frozenset[str]:
    """The variables of a preload that a segment would give their values to, if a preload had one."""
    given = Given(segment=dict.fromkeys(columns), has_person=True)
    expected = _expected(data_source, replace(preload, role=Role.GENERATOR), given)
    taken = (name for name, source in expected.sources.items() if source.column)
    return frozenset((*taken, *expected.rivals))


def _expected(data_source: DataSource, query: Query, given: Given) -> Expected:
    def supplied(*caller: str) -> dict[str, VariableSource | None]:
        return sources_of(data_source, query, replace(given, caller=dict.fromkeys(caller)))

    lacking = [name for name, source in supplied().items() if source is None]
    guessed = [name for name in lacking if supplied(*(other for other in lacking if other != name))[name] is not None]
    # The only one that can take the segment's id does, since a call must give all others.
    told = [name for name in lacking if len(guessed) != 1 or name not in guessed]
    known = {name: source for name, source in supplied(*told).items() if source is not None}
    return Expected(known, tuple(guessed) if len(guessed) > 1 else ())
