"""Engagement: recording events, and asking about them."""

from benchmarks.conditions.tables import SCHEMA
from benchmarks.engagement import decisions, ingest, predicates
from benchmarks.engagement.events import Campaign
from benchmarks.measuring import Pace
from benchmarks.stand import stand
from benchmarks.table import Report

DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "wal_level": "replica"}
"""The private server's own settings give durability up; here it is part of what is measured."""
EVENTS, QUICK_EVENTS = 1_000_000, 100_000


async def run(pace: Pace, report: Report) -> None:
    """Measures and prints."""
    settings = decisions.SETTINGS
    async with stand(1_000, schema=SCHEMA, segments="", conditions=settings, engagement=True, postgres=DURABLE) as at:
        campaign = Campaign()
        await ingest.run(at, campaign, pace, report)
        await ingest.fill(at, campaign, QUICK_EVENTS if pace.quick else EVENTS)
        at.postgres.psql("VACUUM ANALYZE", database="directflow")
        await predicates.run(at, campaign, pace, report)
        await decisions.run(at, campaign, pace, report)
