"""What the store of events takes as a person and as an anchor.

It is checked here, before anything is queued: the store refuses a whole request for one of them, and a caller's
neighbours in a lane are not to blame.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from directflow_runtime.errors import FieldViolation

from directflow_conditions.anchors import Anchor

MAX_ID_CHARACTERS: Final = 128
MAX_VIOLATIONS: Final = 100
_FIRST_SECOND: Final = -62_135_596_800
"""0001-01-01, where google.protobuf.Timestamp begins."""
_LAST_SECOND: Final = 253_402_300_799
"""9999-12-31, where it ends."""


def unfit_people(profile_ids: Sequence[str], path: str) -> list[FieldViolation]:
    """Ids that no event can have; `path` is the field, whose elements they are where there is more than one."""
    if max(map(len, profile_ids), default=0) <= MAX_ID_CHARACTERS:
        return []
    wrong = f"at most {MAX_ID_CHARACTERS} characters for a condition on engagement"
    unfit = (index for index, profile_id in enumerate(profile_ids) if len(profile_id) > MAX_ID_CHARACTERS)
    return [FieldViolation(path.format(index), wrong, "OUT_OF_RANGE") for index in islice(unfit, MAX_VIOLATIONS)]


def unfit_anchors(anchors: Sequence[Anchor], path: str) -> list[FieldViolation]:
    """What is wrong with anchors, at most a hundred violations."""
    violations = (
        FieldViolation(f"{path.format(index)}.{name}", wrong, "OUT_OF_RANGE")
        for index, anchor in enumerate(anchors)
        for name, wrong in _wrong_with(anchor)
    )
    return list(islice(violations, MAX_VIOLATIONS))


def _wrong_with(anchor: Anchor) -> Iterator[tuple[str, str]]:
    for name, text in (
        ("flow_id", anchor.flow_id),
        ("flow_run_id", anchor.flow_run_id),
        ("message_id", anchor.message_id),
    ):
        if len(text) > MAX_ID_CHARACTERS:
            yield name, f"at most {MAX_ID_CHARACTERS} characters"
    if anchor.HasField("flow_enter_time") and not _is_time(anchor):
        yield "flow_enter_time", "is not a time"


def _is_time(anchor: Anchor) -> bool:
    moment = anchor.flow_enter_time
    return _FIRST_SECOND <= moment.seconds <= _LAST_SECOND and 0 <= moment.nanos < 1_000_000_000
