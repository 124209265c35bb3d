"""Profiles as columns: what a batch is about."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode

from directflow_conditions.anchors import Anchor
from directflow_conditions.questions import WireColumn
from directflow_conditions.variables import PROFILE_ID

MAX_PROFILES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Profiles:
    """Some people, and what differs from one to the other."""

    ids: Sequence[str] = field(repr=False)
    names: tuple[str, ...] = ()
    """Variables whose values differ."""
    columns: Sequence[WireColumn] = field(default=(), repr=False)
    """Their values, one column a name, as many cells as there are people."""
    anchors: Sequence[Anchor] = field(default=(), repr=False)
    """One for each, one for all, or none."""

    @property
    def own_anchors(self) -> bool:
        """True where each profile has its own; one for one profile is its own: a stream's last message may be so."""
        return bool(self.anchors) and len(self.anchors) == len(self.ids)


def check_profiles(profiles: Profiles, given: Collection[str], path: str) -> None:
    """Refuses what no condition could be asked with: INVALID_REQUEST, all violations under `path`.

    `given` are the names of the variables that the call has one value for. That the columns have as many cells as
    there are people is checked where they are unpacked.
    """
    violations = [*_counts(profiles, path), *_names(profiles, given, path)]
    if "" in profiles.ids:
        violations.append(
            FieldViolation(f"{path}.profile_ids[{profiles.ids.index('')}]", "must not be empty", "REQUIRED")
        )
    if violations:
        raise invalid(violations)


def invalid(violations: Sequence[FieldViolation]) -> DirectFlowError:
    """INVALID_ARGUMENT, INVALID_REQUEST."""
    first = violations[0]
    return DirectFlowError(
        StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", f"{first.field}: {first.description}", violations=violations
    )


def _counts(profiles: Profiles, path: str) -> list[FieldViolation]:
    violations = []
    count = len(profiles.ids)
    if not 1 <= count <= MAX_PROFILES:
        violations.append(FieldViolation(f"{path}.profile_ids", f"1 to {MAX_PROFILES} profiles", "OUT_OF_RANGE"))
    if len(profiles.columns) != len(profiles.names):
        wrong = f"{len(profiles.columns)} columns where there are {len(profiles.names)} names"
        violations.append(FieldViolation(f"{path}.variable_columns", wrong, "COLUMN"))
    if len(profiles.anchors) not in (0, 1, count):
        wrong = f"{len(profiles.anchors)} anchors where there are {count} profiles: one for each, one for all, or none"
        violations.append(FieldViolation(f"{path}.anchors", wrong, "OUT_OF_RANGE"))
    return violations


def _names(profiles: Profiles, given: Collection[str], path: str) -> list[FieldViolation]:
    violations = []
    seen: set[str] = set()
    for index, name in enumerate(profiles.names):
        if name == PROFILE_ID:
            wrong = "the person is in profile_ids, and outranks every variable of that name"
        elif name in seen:
            wrong = "is there twice"
        elif name in given:
            wrong = "has one value for all as well"
        else:
            seen.add(name)
            continue
        violations.append(FieldViolation(f"{path}.variable_names[{index}]", wrong, "CONFLICT"))
    return violations
