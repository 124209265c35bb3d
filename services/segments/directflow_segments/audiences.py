"""Audiences: who is in one, how many they are, and the first of them, always with the ledger of what was read."""

import time
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from directflow_segments.audience.contacts import ContactKind
from directflow_segments.audience.ledger import Ledger
from directflow_segments.audience.reader import KEY_COLUMN
from directflow_segments.audience.scratch import Scratch
from directflow_segments.audience_run import AudienceRun, People, open_run
from directflow_segments.data_sources import Query, Role
from directflow_segments.known_columns import KnownColumns
from directflow_segments.mapping import Mapped, VariableSource
from directflow_segments.queries import Limits, QueryGateway, RowsRequest
from directflow_segments.targets import Target, resolve

LEDGER_COLUMNS = (KEY_COLUMN, *(kind.value for kind in ContactKind))


@dataclass(frozen=True, slots=True)
class AudienceRequest:
    """An audience to read."""

    target: Target
    by_key: bool = False
    after: str | None = field(default=None, repr=False)
    """With `by_key`: only people behind the one with this key."""
    columns: tuple[str, ...] = ()
    """Only these, in this order, and always `profile_id`; empty: all."""
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class AudienceHeader:
    """What is known before the first person."""

    schema: pa.Schema
    encoded_schema: bytes = field(repr=False)
    """The same as an Arrow IPC message."""
    revision: int
    """Of the data source."""
    snapshot_time: datetime
    estimated_rows: int
    sources: tuple[VariableSource, ...]


@dataclass(frozen=True, slots=True)
class AudienceSummary:
    """What a finished audience came to."""

    ledger: Ledger
    resumed: bool
    byte_count: int
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Preview:
    """The first people of an audience."""

    people: pa.RecordBatch
    ledger: Ledger
    """Of the rows up to the first person who is not shown: those delivered are those shown."""
    truncated: bool
    """True: there are more people than these, or it was not read far enough to know."""
    sources: tuple[VariableSource, ...]
    estimated_rows: int


@dataclass(frozen=True, slots=True)
class Count:
    """How many people an audience has."""

    people: int
    rows: int
    ledger: Ledger | None
    """None for the planner's estimate."""
    sources: tuple[VariableSource, ...]


class Audiences:
    """Reads audiences through the gateway. `scratch` bounds what all of them together remember."""

    def __init__(self, gateway: QueryGateway, scratch: Scratch) -> None:
        self._gateway = gateway
        self._scratch = scratch
        self._known = KnownColumns()

    async def stream(self, request: AudienceRequest) -> AsyncGenerator[AudienceHeader | People | AudienceSummary]:
        """A header, people, and a summary: the proof that nobody is missing. Use it under `aclosing`."""
        started = time.monotonic()
        mapped = await resolve(self._gateway, request.target)
        async with self._run(request, mapped) as run:
            yield _header(run, request, mapped)
            async with aclosing(run.people()) as batches:
                async for people in batches:
                    yield people
            yield _summary(run, request, time.monotonic() - started)

    async def count(self, target: Target, limits: Limits) -> Count:
        """Exactly, by the rules of `stream`."""
        mapped = await resolve(self._gateway, target)
        request = AudienceRequest(target, columns=(KEY_COLUMN,), limits=limits)
        async with self._run(request, mapped) as run, aclosing(run.people()) as batches:
            async for _ in batches:
                pass
            ledger = run.ledger()
        return Count(ledger.delivered.people, ledger.rows_read, ledger, mapped.sources)

    async def estimate(self, target: Target, limits: Limits) -> Count:
        """The planner's rows, and as many people: it knows nothing of the ledger."""
        mapped = await resolve(self._gateway, target)
        rows = await self._gateway.estimate(RowsRequest(_generator(target), mapped.values, limits))
        return Count(rows, rows, None, mapped.sources)

    async def preview(self, target: Target, most_people: int, limits: Limits) -> Preview:
        """The first people. It reads until there is one too many, or the end, or a limit."""
        mapped = await resolve(self._gateway, target)
        async with self._run(AudienceRequest(target, limits=limits), mapped, most_people) as run:
            shown = await _all_people(run)
            more = run.summary is None or run.summary.truncated
            return Preview(shown, run.ledger(), more, mapped.sources, run.header.estimated_rows)

    def _run(
        self, request: AudienceRequest, mapped: Mapped, most: int | None = None
    ) -> AbstractAsyncContextManager[AudienceRun]:
        query = _generator(request.target)
        rows = RowsRequest(
            query,
            mapped.values,
            request.limits,
            columns=self._narrowed(query, request.columns),
            order_by=KEY_COLUMN if request.by_key else "",
            after=request.after,
        )
        rules = request.target.data_source.contact_rules
        return open_run(self._gateway, self._scratch, rows, rules, request.columns, self._known, most)

    def _narrowed(self, query: Query, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Only what is wanted and what the ledger needs, where it is known what there is; else everything."""
        known = self._known.of(query)
        if not wanted or not set(wanted) <= set(known):
            return ()
        return tuple(name for name in known if name in wanted or name in LEDGER_COLUMNS)


def _generator(target: Target) -> Query:
    return target.data_source.query(Role.GENERATOR)


async def _all_people(run: AudienceRun) -> pa.RecordBatch:
    shown = [pa.RecordBatch.from_pylist([], schema=run.selection.schema)]
    async with aclosing(run.people()) as batches:
        async for people in batches:
            shown.append(people.rows)
    return pa.concat_batches(shown)


def _header(run: AudienceRun, request: AudienceRequest, mapped: Mapped) -> AudienceHeader:
    schema, header = run.selection.schema, run.header
    encoded = header.encoded_schema if run.selection.is_everything else schema.serialize().to_pybytes()
    revision = request.target.data_source.revision
    return AudienceHeader(schema, encoded, revision, header.snapshot_time, header.estimated_rows, mapped.sources)


def _summary(run: AudienceRun, request: AudienceRequest, elapsed_s: float) -> AudienceSummary:
    byte_count = run.summary.byte_count if run.summary else 0
    return AudienceSummary(run.ledger(), request.after is not None, byte_count, elapsed_s)
