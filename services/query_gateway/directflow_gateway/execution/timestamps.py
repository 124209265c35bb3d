"""Timestamps from PostgreSQL's ISO text to microseconds since 1970, those included that Arrow's parser refuses.

One encoding for each: BC and years past 9999 by the proleptic Gregorian calendar, as PostgreSQL counts; offsets with
seconds (`+00:53:28`, local mean time) to the second; `infinity`, `-infinity` and what 64 bits cannot hold are the
greatest and the least int64. A `timestamp` without zone is its wall clock.
"""

import re

import pyarrow as pa
import pyarrow.compute as pc

LEAST = -(2**63)
GREATEST = 2**63 - 1
USUAL = r"^\d{4}-\d\d-\d\d [0-9:.]+([+-]\d\d(:\d\d)?)?$"
"""What Arrow parses. Everything else goes one by one."""
TEXT = re.compile(
    r"(?P<year>\d+)-(?P<month>\d\d)-(?P<day>\d\d) (?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
    r"(?:\.(?P<fraction>\d{1,6}))?"
    r"(?:(?P<sign>[+-])(?P<zone_hours>\d\d)(?::(?P<zone_minutes>\d\d))?(?::(?P<zone_seconds>\d\d))?)?"
    r"(?P<era> BC)?"
)
SECOND_US = 1_000_000


def timestamps(text: pa.StringArray, kind: pa.TimestampType) -> pa.TimestampArray:
    """The column as timestamps: all at once, or, where that fails, with the unusual values one by one."""
    try:
        return pc.cast(text, kind)
    except pa.ArrowInvalid:
        return _with_unusual(text, kind)


def _with_unusual(text: pa.StringArray, kind: pa.TimestampType) -> pa.TimestampArray:
    usual = pc.match_substring_regex(text, USUAL)
    parsed = pc.cast(pc.if_else(usual, text, pa.scalar(None, pa.string())), kind)
    unusual = pc.fill_null(pc.invert(usual), False)
    values = [microseconds(value) for value in pc.filter(text, unusual).to_pylist()]
    return pc.replace_with_mask(parsed, unusual, pa.array(values, pa.int64()).view(kind))


def microseconds(text: str) -> int:
    """One timestamp in PostgreSQL's ISO form. Raises ValueError (without the value) for anything else."""
    if text in ("infinity", "-infinity"):
        return LEAST if text.startswith("-") else GREATEST
    match = TEXT.fullmatch(text)
    if match is None:
        raise ValueError("not a timestamp in ISO form")
    part = {name: int(value) for name, value in match.groupdict().items() if value and value.isdigit()}
    year = 1 - part["year"] if match["era"] else part["year"]
    seconds = _days(year, part["month"], part["day"]) * 86_400
    seconds += _seconds(part["hour"], part["minute"], part["second"]) - _zone(match["sign"], part)
    fraction = int((match["fraction"] or "").ljust(6, "0"))
    return max(LEAST, min(GREATEST, seconds * SECOND_US + fraction))


def _zone(sign: str | None, part: dict[str, int]) -> int:
    seconds = _seconds(part.get("zone_hours", 0), part.get("zone_minutes", 0), part.get("zone_seconds", 0))
    return -seconds if sign == "-" else seconds


def _seconds(hours: int, minutes: int, seconds: int) -> int:
    return (hours * 60 + minutes) * 60 + seconds


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the proleptic Gregorian calendar, any year (Hinnant, "chrono-compatible low-level date
    algorithms", days_from_civil)."""
    if month <= 2:
        year -= 1
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468
