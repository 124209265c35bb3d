"""Recording events: one statement for up to ten thousand of them, whoever else writes at the same moment.

Which events are new is decided by `engagement_identities`: of those that conflict, PostgreSQL waits for the other
writer and then leaves them out. Rows are taken in the order of their identities, and then of their subscriptions, so
that two writers never wait for each other.

What decides whether a person may be written to is recorded from before the retention too: in the subscriptions only,
for there is no partition for it. Its identity is kept as if it had occurred on the day that it came: kept by its own
day, it would be forgotten within the hour, and the same event would be new again.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from directflow_gateway.directflow_database import DirectFlowDatabase, Transaction
from directflow_gateway.engagement.arrays import plain_array, text_array
from directflow_gateway.engagement.events import Event, changes_subscription, identity_of
from directflow_gateway.engagement.instants import as_text
from directflow_gateway.engagement.partitions import Retained
from directflow_gateway.execution.wire import Statement

GIVEN = """
WITH given AS MATERIALIZED (
    SELECT identity, event_id, pg_catalog.to_timestamp(occurred_us / 1000000::float8) AS occurred_at, type,
           nullif(bounce_kind, 0) AS bounce_kind, machine_open, profile_id, nullif(channel, '') AS channel,
           nullif(message_id, '') AS message_id, nullif(campaign_id, '') AS campaign_id,
           nullif(flow_id, '') AS flow_id, nullif(flow_run_id, '') AS flow_run_id, nullif(link_id, '') AS link_id
    FROM ROWS FROM (unnest(
        $2::uuid[], $3::text[], $4::smallint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
        $10::text[], $11::text[], $12::boolean[], $13::smallint[], $14::bigint[]
    )) AS columns (identity, event_id, type, profile_id, channel, message_id, campaign_id, flow_id, flow_run_id,
                   link_id, machine_open, bounce_kind, occurred_us)
), fresh AS (
    INSERT INTO directflow.engagement_identities (workspace, identity, occurred_on)
    SELECT $1::text, identity,
           (CASE WHEN occurred_at < $15::timestamptz THEN $16::timestamptz ELSE occurred_at END)::date
    FROM given ORDER BY identity
    ON CONFLICT DO NOTHING
    RETURNING identity
), recorded AS (
    INSERT INTO directflow.engagement_events
        (workspace, identity, occurred_at, type, bounce_kind, machine_open, event_id, profile_id, channel, message_id,
         campaign_id, flow_id, flow_run_id, link_id)
    SELECT $1::text, identity, occurred_at, type, bounce_kind, machine_open, event_id, profile_id, channel, message_id,
           campaign_id, flow_id, flow_run_id, link_id
    FROM given JOIN fresh USING (identity)
    WHERE occurred_at >= $15::timestamptz
)"""

# Who comes back does so now at the latest: a moment that lies ahead, which is let in because senders' clocks differ,
# would outdo every leaving until then. A leaving keeps its time, for it errs on the safe side. `least` leaves NULL out,
# so it has to stand inside of the aggregate: outside, everybody without a coming back would come back now.
SUBSCRIBED = """, subscribed AS (
    INSERT INTO directflow.engagement_subscriptions AS known
        (workspace, profile_id, channel, unsubscribed_at, resubscribed_at, hard_bounced_at, complained_at)
    SELECT $1::text, profile_id, channel, max(occurred_at) FILTER (WHERE type = 9),
           max(least(occurred_at, $16::timestamptz)) FILTER (WHERE type = 10), max(occurred_at) FILTER (WHERE type = 6),
           max(occurred_at) FILTER (WHERE type = 8)
    FROM given JOIN fresh USING (identity)
    WHERE type IN (8, 9, 10) OR type = 6 AND bounce_kind = 1
    GROUP BY profile_id, channel
    ORDER BY profile_id, channel
    ON CONFLICT (workspace, profile_id, channel) DO UPDATE SET
        unsubscribed_at = greatest(known.unsubscribed_at, excluded.unsubscribed_at),
        resubscribed_at = greatest(known.resubscribed_at, excluded.resubscribed_at),
        hard_bounced_at = greatest(known.hard_bounced_at, excluded.hard_bounced_at),
        complained_at = greatest(known.complained_at, excluded.complained_at)
)"""

COUNT = """
SELECT count(*) FROM fresh"""

COLUMNS: tuple[Callable[[Sequence[object]], str], ...] = (
    text_array, plain_array, text_array, text_array, text_array, text_array, text_array, text_array, text_array,
    plain_array, plain_array, plain_array,
)  # type: ignore[assignment]  # fmt: skip
"""How each column of an event is written, in the order of `Event`."""


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of the events of one call that may be recorded."""

    accepted: int
    """Durable now, those that had been there before included."""
    duplicates: int
    """Had been there before, within the same call too."""


async def append(
    database: DirectFlowDatabase, transaction: Transaction, events: Sequence[Event], retained: Retained
) -> Appended:
    """Records events that are sound. Of equal ids the first one stays. What `DirectFlowDatabase.run` raises.

    The transaction may run twice: what was recorded the first time is left alone, and is then counted as known.
    """
    if not events:
        return Appended(0, 0)
    # In a thread: over ten thousand events the event loop would stand still for 30 ms.
    statement = await asyncio.to_thread(_statement, transaction.workspace, events, retained)
    (result,) = await database.run(transaction, statement)
    recorded = int(result.get_value(0, 0) or 0)
    return Appended(len(events), len(events) - recorded)


def _statement(workspace: str, given: Sequence[Event], retained: Retained) -> Statement:
    # From the last to the first, so that of equal ids the first one stays.
    events = list({event.event_id: event for event in reversed(given)}.values())
    identities = plain_array(identity_of(workspace, event.event_id) for event in events)
    columns = [write(column) for write, column in zip(COLUMNS, zip(*events, strict=True), strict=True)]
    text = GIVEN + (SUBSCRIBED if any(map(changes_subscription, events)) else "") + COUNT
    bounds = as_text(retained.earliest_us), as_text(retained.now_us)
    return Statement(text, (workspace, identities, *columns, *bounds))
