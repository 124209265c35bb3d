"""How far one call on a connection may go. A call may lower a limit, never raise it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self, TypeVar

Number = TypeVar("Number", int, float)

GREATEST_ROW_BYTES = 3_670_016
"""3.5 MiB: with its framing one row still fits the 4 MiB that callers receive by default."""

GREATEST: Mapping[str, int] = {
    "pool_size": 100,
    "statement_timeout_s": 3_600,
    "lock_timeout_s": 600,
    "max_rows": 1_000_000_000,
    "max_bytes": 1024**4,
    "max_row_bytes": GREATEST_ROW_BYTES,
    "max_stream_age_s": 86_400,
}
"""What a saved connection may ask for. The settings file, which the operator writes, may ask for more."""


@dataclass(frozen=True, slots=True)
class LimitOverrides:
    """What a call asks for. None: the connection's own limit."""

    statement_timeout_s: float | None = None
    lock_timeout_s: float | None = None
    max_rows: int | None = None
    max_bytes: int | None = None
    max_row_bytes: int | None = None
    max_stream_age_s: float | None = None
    truncate: bool = False
    """True: `max_rows` and `max_bytes` end a stream in good order instead of with an error."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of every call on a connection, and the size of its pool in one gateway replica."""

    statement_timeout_s: float = 60.0
    """Longest time that PostgreSQL may work on one statement; a slow reader's time does not count."""
    lock_timeout_s: float = 5.0
    max_rows: int = 50_000_000
    max_bytes: int = 64 * 1024**3
    """Most bytes of cell text of one stream."""
    max_row_bytes: int = GREATEST_ROW_BYTES
    """Most bytes of cell text of one row."""
    max_stream_age_s: float = 3600.0
    """From the first packet to the last row, a slow reader's time included: an old snapshot holds back VACUUM, and an
    ALTER TABLE that waits for the stream's lock holds up every other reader."""
    truncate: bool = False
    """True: `max_rows` and `max_bytes` end a stream in good order instead of with an error."""
    pool_size: int = 8
    """Most sessions of one gateway replica, those of an outgoing credential included."""
    acquire_timeout_s: float = 5.0
    """Longest wait for a free session."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name != "truncate" and not getattr(self, field.name) > 0:
                raise ValueError(f"limit {field.name} must be greater than 0")
        if self.max_row_bytes > GREATEST_ROW_BYTES:
            raise ValueError(f"limit max_row_bytes is at most {GREATEST_ROW_BYTES}")

    def lowered_by(self, asked: LimitOverrides) -> Self:
        """These limits, each replaced by what was asked where that is lower. Zero or less counts as not asked."""
        return type(self)(
            statement_timeout_s=_lower(self.statement_timeout_s, asked.statement_timeout_s),
            lock_timeout_s=_lower(self.lock_timeout_s, asked.lock_timeout_s),
            max_rows=_lower(self.max_rows, asked.max_rows),
            max_bytes=_lower(self.max_bytes, asked.max_bytes),
            max_row_bytes=_lower(self.max_row_bytes, asked.max_row_bytes),
            max_stream_age_s=_lower(self.max_stream_age_s, asked.max_stream_age_s),
            truncate=self.truncate or asked.truncate,
            pool_size=self.pool_size,
            acquire_timeout_s=self.acquire_timeout_s,
        )


def _lower(own: Number, asked: Number | None) -> Number:
    return min(own, asked) if asked is not None and asked > 0 else own
