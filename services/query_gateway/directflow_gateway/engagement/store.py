"""The engagement store: what the three methods do, once their requests are sound."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from directflow_runtime.calls import current_call

from directflow_gateway import telemetry_names as names
from directflow_gateway.directflow_database import DatabaseRole, DirectFlowDatabase, Transaction, migrate
from directflow_gateway.engagement import append, evaluate, listing, partitions
from directflow_gateway.engagement.asked import People
from directflow_gateway.engagement.events import FUTURE_US, Event, Refusal, refusal_of
from directflow_gateway.engagement.predicates import Predicate
from directflow_gateway.queries.application_name import application_name

UPKEEP_S = 300.0
"""For migrations, and for one round of upkeep."""


def this_microsecond() -> int:
    """Now, in microseconds since 1970."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of the events of one call."""

    accepted: int
    duplicates: int
    refused: Sequence[tuple[int, Refusal]]
    """By rising index."""


def _sift(events: Sequence[Event], retained: partitions.Retained) -> tuple[list[Event], list[tuple[int, Refusal]]]:
    """What may be recorded, and what may not, by index."""
    latest_us = retained.now_us + FUTURE_US
    refusals = [refusal_of(event, retained.earliest_us, latest_us) for event in events]
    sound = [event for event, refusal in zip(events, refusals, strict=True) if refusal is None]
    return sound, [(index, refusal) for index, refusal in enumerate(refusals) if refusal is not None]


class EngagementStore:
    """Over DirectFlow's own database, which `prepare` and `tend` keep ready. One for the process."""

    def __init__(self, database: DirectFlowDatabase, now_us: Callable[[], int] = this_microsecond) -> None:
        self._database = database
        self._now_us = now_us
        self._months: set[partitions.Month] = set()
        """Whose partitions are known to be there."""

    # --- upkeep --------------------------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Migrates, and makes the partitions of now and of the next weeks."""
        deadline = time.monotonic() + UPKEEP_S
        await migrate(self._database, deadline)
        self._months.clear()
        await self._make(self._retained().months_ahead, deadline)

    async def tend(self) -> None:
        """Partitions ahead, and the end of what is no longer retained."""
        retained, deadline = self._retained(), time.monotonic() + UPKEEP_S
        await self._make(retained.months_ahead, deadline)
        await partitions.drop_expired(self._database, retained, deadline)
        self._months = {month for month in self._months if not retained.is_over(month)}

    # --- calls ---------------------------------------------------------------------------------------------------

    async def append(self, workspace: str, events: Sequence[Event]) -> Recorded:
        """Records what is sound. What `DirectFlowDatabase.run` raises; then nothing is known of any event."""
        retained = self._retained()
        sound, refused = await asyncio.to_thread(_sift, events, retained)
        deadline = current_call().deadline
        await self._make(retained.months_of(event.occurred_us for event in sound), deadline)
        counts = {names.EVENTS: len(sound)}
        transaction = self._transaction(DatabaseRole.WRITER, "append events", "INSERT", workspace, counts)
        appended = await append.append(self._database, transaction, sound, retained)
        return Recorded(appended.accepted, appended.duplicates, refused)

    async def evaluate(self, workspace: str, predicates: Sequence[Predicate], people: People) -> evaluate.Evaluation:
        """Every predicate for everybody."""
        counts = {names.PREDICATES: len(predicates), names.PROFILES: len(people.profile_ids)}
        transaction = self._transaction(DatabaseRole.READER, "evaluate predicates", "SELECT", workspace, counts)
        return await evaluate.evaluate(self._database, transaction, predicates, people)

    async def list_events(self, workspace: str, profile_id: str, size: int, token: str) -> listing.Page:
        """One page of a person's events, newest first."""
        transaction = self._transaction(DatabaseRole.READER, "list events", "SELECT", workspace, {})
        return await listing.list_events(self._database, transaction, profile_id, size, token)

    def now_us(self) -> int:
        """The gateway's clock."""
        return self._now_us()

    # --- the narrow part -----------------------------------------------------------------------------------------

    def _retained(self) -> partitions.Retained:
        return partitions.Retained.at(self._now_us(), self._database.settings.retention_days)

    async def _make(self, months: set[partitions.Month], deadline: float) -> None:
        missing = months - self._months
        await partitions.make(self._database, missing, deadline)
        self._months |= missing

    def _transaction(
        self, role: DatabaseRole, summary: str, operation: str, workspace: str, counts: dict[str, int]
    ) -> Transaction:
        call = current_call()
        name = application_name(call.trace_id, f"/{summary.replace(' ', '-')}")
        return Transaction(role, summary, operation, call.deadline, workspace, name, counts)
