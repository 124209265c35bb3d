"""Conditions and personalization at scale: set form, single calls, poison, and shapes that go wrong."""

from collections.abc import Sequence

from benchmarks.conditions import lone_caller, poisoned, preload, premium, shapes, streaming, unindexed
from benchmarks.conditions.tables import SCHEMA, condition_settings, data_source_settings
from benchmarks.measuring import Pace
from benchmarks.stand import stand
from benchmarks.table import Report

USERS = 2_000_000
QUICK_USERS = 200_000
PARTS = ("premium", "lone", "stream", "unindexed", "poison", "shapes", "preload")


async def run(pace: Pace, report: Report, parts: Sequence[str] = ()) -> None:
    """Measures and prints the parts named; all where none is."""
    users = QUICK_USERS if pace.quick else USERS
    async with stand(users, schema=SCHEMA, segments=data_source_settings(), conditions=condition_settings()) as at:
        todo = {
            "premium": lambda: premium.run(at, users, pace, report),
            "lone": lambda: lone_caller.run(at, users, pace, report),
            "stream": lambda: streaming.run(at, users, pace, report),
            "unindexed": lambda: unindexed.run(at, pace, report),
            "poison": lambda: poisoned.run(at, users, pace, report),
            "shapes": lambda: shapes.run(at, users, pace, report),
            "preload": lambda: preload.run(at, users, pace, report),
        }
        for part in parts or PARTS:
            await todo[part]()
