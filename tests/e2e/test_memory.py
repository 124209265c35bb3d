"""Memory of gateway and segments while people stream through both: no audience's size and no reader matters."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest
from directflow.segments.v1 import audience_service_pb2 as segments_wire
from directflow_runtime.errors import StatusCode

GROWTH_MIB = 64.0
"""What memory may grow by after the first 100,000 rows."""
SETTLED_ROWS = 100_000
BYTES_A_PROFILE = 24
"""What the set of those who were already delivered may take."""
MIB = 1024 * 1024
SHORT_ROWS = 300_000
LONG_ROWS = 5_000_000
SCHEMA = """
CREATE TABLE people(profile_id text, email text, phone text, first_name text, last_name text);
INSERT INTO people SELECT 'p' || lpad(g::text, 9, '0'), 'user' || g || '@example.com', '+4930' || lpad(g::text, 8, '0'),
  'First' || g % 1000, 'Last' || g % 5000 FROM generate_series(1, {rows}) g;
ANALYZE people;
"""
DEFINITIONS = """
[[data_sources]]
name = "workspaces/demo/dataSources/people"
connection = "workspaces/demo/connections/customer"
generator_sql = "SELECT profile_id, email, phone, first_name, last_name FROM people"

[[data_sources]]
name = "workspaces/demo/dataSources/wide"
connection = "workspaces/demo/connections/customer"
generator_sql = "SELECT profile_id, email, repeat('x', 200000 + length(email)) AS note FROM people LIMIT 1500"

[[data_sources]]
name = "workspaces/demo/dataSources/enormous"
connection = "workspaces/demo/connections/customer"
generator_sql = "SELECT profile_id, email, repeat('x', 300000000) AS note FROM people LIMIT 1"
"""


@dataclass
class Memory:
    """RSS of the services by time, and how many rows had come by then."""

    at: Any
    rows: int = 0
    samples: list[tuple[int, dict[str, float]]] = field(default_factory=list)

    def sample(self) -> None:
        self.samples.append((self.rows, {name: self.at.rss_mib(name) for name in ("gateway", "segments")}))

    async def follow(self, every_s: float) -> None:
        while True:
            self.sample()
            await asyncio.sleep(every_s)

    def growth(self, service: str) -> tuple[float, float, float]:
        """MiB after the first 100,000 rows, greatest afterwards, and the greatest growth less the duplicate set."""
        later = [(rows, each[service]) for rows, each in self.samples if rows >= SETTLED_ROWS]
        assert len(later) > 1, "sampled too seldom to say anything"
        at_rows, settled = later[0]
        per_row = BYTES_A_PROFILE / MIB if service == "segments" else 0.0
        grown = max(rss - settled - (rows - at_rows) * per_row for rows, rss in later)
        return settled, max(rss for _, rss in later), grown

    def told(self, what: str, seconds: float) -> str:
        """One line for the report of a long run."""
        figures = [
            f"{name} {settled:.0f} MiB after 100k, at most {most:.0f}, growth {grown:.1f} without the duplicate set"
            for name, (settled, most, grown) in ((one, self.growth(one)) for one in ("gateway", "segments"))
        ]
        return f"\n{what}: {self.rows:,} rows in {seconds:.1f} s; " + "; ".join(figures)


async def read(at: Any, client: Any, source: str, every_s: float, rows_a_second: float = 0.0) -> Memory:
    """Streams the audience to its end, in `rows_a_second` if given, with memory sampled all the while."""
    memory, started = Memory(at), time.monotonic()
    sampler = asyncio.create_task(memory.follow(every_s))
    call = client.segments.StreamAudience(at.audience_request(source), timeout=3000)
    try:
        async for message in call:
            memory.rows += message.batch.row_count
            if rows_a_second:  # the pace of the reader is what is tested
                await asyncio.sleep(max(0.0, started + memory.rows / rows_a_second - time.monotonic()))
        assert message.HasField("summary")
        assert message.summary.ledger.delivered.people == memory.rows
    finally:
        sampler.cancel()
    memory.sample()
    return memory


@pytest.fixture(scope="module")
def people(postgres: Any, postgres_database: str, serve: Callable[..., Any]) -> Iterator[Any]:
    """Gateway and segments of this module's own in front of 300,000 people: memory tells of no other calls."""
    postgres.psql(SCHEMA.format(rows=SHORT_ROWS), database=postgres_database)
    with serve(postgres, postgres_database, segments=DEFINITIONS) as at:
        yield at


async def test_memory_is_flat_after_the_first_hundred_thousand_rows(people: Any, connect: Callable[..., Any]) -> None:
    memory = await read(people, connect(people), "people", 0.02)

    assert memory.rows == SHORT_ROWS
    for service in ("gateway", "segments"):
        assert memory.growth(service)[2] <= GROWTH_MIB


async def test_a_slow_reader_makes_nobody_remember_what_it_has_not_read(
    people: Any, connect: Callable[..., Any]
) -> None:
    memory = await read(people, connect(people), "people", 0.1, rows_a_second=SHORT_ROWS / 5)

    for service in ("gateway", "segments"):
        assert memory.growth(service)[2] <= GROWTH_MIB


async def test_rows_of_200_kb_stream_within_the_same_memory(people: Any, connect: Callable[..., Any]) -> None:
    client = connect(people)
    async with aclosing(batches(client.segments.StreamAudience(people.audience_request("wide"), timeout=60))) as told:
        first = await anext(told)
        memory, read_bytes = Memory(people), len(first.arrow_record_batch)
        memory.sample()
        async for batch in told:
            read_bytes += len(batch.arrow_record_batch)
            memory.sample()

    assert read_bytes > 1500 * 200_000
    for service in ("gateway", "segments"):
        sizes = [sizes[service] for _, sizes in memory.samples]
        assert max(sizes) - sizes[0] <= GROWTH_MIB, "300 MB went through"


async def batches(call: Any) -> AsyncIterator[Any]:
    async for message in call:
        if message.HasField("batch"):
            yield message.batch
    assert message.HasField("summary")


async def test_a_row_of_300_mb_is_an_error_with_a_reason_and_breaks_nothing(
    people: Any, connect: Callable[..., Any]
) -> None:
    client = connect(people)
    pids = [people.pid(name) for name in people.services]

    error = await people.failure(client.segments.StreamAudience(people.audience_request("enormous"), timeout=60))

    assert error.code is StatusCode.RESOURCE_EXHAUSTED
    assert error.metadata.get("gateway_reason", error.reason) == "ROW_TOO_LARGE"
    assert [people.pid(name) for name in people.services] == pids
    request = segments_wire.CountAudienceRequest(
        target=people.audience_request("people").target, mode=segments_wire.COUNT_MODE_ESTIMATE
    )
    assert (await client.segments.CountAudience(request, timeout=30)).rows > 0
    # What PostgreSQL's one message needed is given back, not kept for ever.
    await people.until(lambda: people.rss_mib("gateway") < 700, 10, "the gateway keeps what the row took")


@pytest.mark.soak
async def test_five_million_people_stream_in_flat_memory_fast_and_ten_times_slower(
    postgres: Any, serve: Callable[..., Any], connect: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    database = postgres.create_database()
    postgres.psql(SCHEMA.format(rows=LONG_ROWS), database=database, timeout=600)
    rate = 0.0
    for pace in ("as fast as it goes", "ten times slower"):
        with serve(postgres, database, segments=DEFINITIONS) as at:
            started = time.monotonic()
            memory = await read(at, connect(at), "people", 1.0, rows_a_second=rate / 10)
        seconds = time.monotonic() - started
        rate = memory.rows / seconds
        with capsys.disabled():
            print(memory.told(pace, seconds))
        assert memory.rows == LONG_ROWS
        for service in ("gateway", "segments"):
            assert memory.growth(service)[2] <= GROWTH_MIB
