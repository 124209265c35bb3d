"""Who may be written to on a channel: three facts for each person and channel, in one number."""

from collections.abc import Sequence

from directflow_gateway.engagement.arrays import text_array
from directflow_gateway.engagement.asked import Parameters
from directflow_gateway.engagement.predicates import SubscriptionState

UNSUBSCRIBED, HARD_BOUNCED, COMPLAINED = 1, 2, 4
FACTS = {
    SubscriptionState.UNSUBSCRIBED: UNSUBSCRIBED,
    SubscriptionState.HARD_BOUNCED: HARD_BOUNCED,
    SubscriptionState.COMPLAINED: COMPLAINED,
}

# OFFSET 0 keeps the planner from making a join of it, which it would order by its statistics (see event_counts).
# At the same moment unsubscribed and resubscribed counts as unsubscribed: a mail too few is the smaller mistake.
KNOWN = """known AS (
    SELECT a.ordinal, pg_catalog.array_position({channels}, s.channel) AS channel,
           (s.unsubscribed_at >= coalesce(s.resubscribed_at, '-infinity'))::int AS unsubscribed,
           (s.hard_bounced_at IS NOT NULL)::int AS hard_bounced, (s.complained_at IS NOT NULL)::int AS complained
    FROM asked a CROSS JOIN LATERAL (
        SELECT * FROM directflow.engagement_subscriptions
        WHERE workspace = {workspace} AND profile_id = a.profile_id AND channel = ANY ({channels})
        OFFSET 0
    ) AS s
)"""
SELECT = """SELECT array_agg(ordinal), array_agg(channel),
    array_agg(coalesce(unsubscribed, 0) * 1 + hard_bounced * 2 + complained * 4)
    FROM known"""


def subscription_states(parameters: Parameters, workspace: str, channels: Sequence[str]) -> tuple[list[str], str]:
    """CTEs behind `asked`, and a query of one row: arrays of ordinals, positions in `channels` (from 1), facts."""
    return [KNOWN.format(channels=parameters.add(text_array(channels), "text[]"), workspace=workspace)], SELECT


def holds(state: SubscriptionState, facts: int) -> bool:
    """True where this is the person's state. Coming back to a channel takes back a leaving, and nothing else."""
    return facts == 0 if state is SubscriptionState.AVAILABLE else bool(facts & FACTS[state])
