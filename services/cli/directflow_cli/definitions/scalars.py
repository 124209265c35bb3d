"""Durations as people write them: `30s`, `5m`, `1h30m`, `30d`."""

import re
from typing import Final

NANOSECONDS: Final = {
    "d": 86_400_000_000_000,
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
}
"""By unit, largest first. A day is 24 hours; months and years have no length."""
_PART: Final = r"[0-9]{1,12}(?:\.[0-9]{1,9})?(?:ms|[dhms])"
_DURATION: Final = re.compile(rf"(?:{_PART})+\Z", re.ASCII)
_PARTS: Final = re.compile(r"([0-9]+)(?:\.([0-9]+))?(ms|[dhms])", re.ASCII)
EXAMPLES: Final = "30s, 5m, 1h30m or 30d"


def duration_from(text: str) -> int | None:
    """Nanoseconds; None where it is no duration."""
    plain = text.strip()
    if not _DURATION.match(plain):
        return None
    return sum(_nanoseconds(*found.groups(default="")) for found in _PARTS.finditer(plain))


def duration_text(nanoseconds: int) -> str:
    """The shortest way to write it exactly: one unit where one is enough."""
    if nanoseconds == 0:
        return "0s"
    for unit, size in NANOSECONDS.items():
        if nanoseconds % size == 0:
            return f"{nanoseconds // size}{unit}"
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{seconds}.{rest:09d}".rstrip("0") + "s"


def _nanoseconds(whole: str, fraction: str, unit: str) -> int:
    # Integers throughout: 0.1 has no exact double.
    size = NANOSECONDS[unit]
    return int(whole) * size + (int(fraction) * size // 10 ** len(fraction) if fraction else 0)
