"""Moments as whole microseconds since 1970 (UTC), which is what PostgreSQL keeps. None of an event is rounded."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
FIRST_US = 0
LAST_US = 4_102_444_800 * SECOND_US
"""The year 2100. No event lies outside of these two (see the retention), so a bound beyond them is one of them."""


def clamp(instant_us: int) -> int:
    """The instant, or the end of the time that events can have."""
    return min(max(instant_us, FIRST_US), LAST_US)


def as_text(instant_us: int) -> str:
    """For a parameter of type timestamptz."""
    return (EPOCH + timedelta(microseconds=instant_us)).isoformat()


def month_of(instant_us: int) -> tuple[int, int]:
    """Year and month, UTC."""
    moment = EPOCH + timedelta(microseconds=instant_us)
    return moment.year, moment.month


def following(month: tuple[int, int]) -> tuple[int, int]:
    """The next month."""
    year, number = month
    return (year + 1, 1) if number == 12 else (year, number + 1)


def start_of(month: tuple[int, int]) -> int:
    """The first microsecond of a month, UTC."""
    return int((datetime(*month, 1, tzinfo=UTC) - EPOCH).total_seconds()) * SECOND_US
