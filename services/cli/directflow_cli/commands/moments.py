"""Moments as people and files write them: ISO 8601 with a zone."""

from datetime import UTC, datetime, timedelta
from typing import Final

import typer
from google.protobuf.timestamp_pb2 import Timestamp

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def timestamp(text: str) -> Timestamp:
    """The moment; ValueError, without the text, where it is none or has no zone: in whose evening would it lie?"""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is no time such as 2026-11-20T10:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError("needs a zone, such as Z or +02:00")
    seconds, micros = divmod((moment - _EPOCH) // _MICROSECOND, 1_000_000)
    return Timestamp(seconds=seconds, nanos=micros * 1000)


def iso_text(moment: Timestamp) -> str:
    """As JSON has it: UTC, with Z, and a fraction only where there is one."""
    return moment.ToJsonString()


def option(text: str, name: str) -> Timestamp:
    """The value of an option; BadParameter."""
    try:
        return timestamp(text)
    except ValueError as problem:
        raise typer.BadParameter(f"{name} {problem}") from None
