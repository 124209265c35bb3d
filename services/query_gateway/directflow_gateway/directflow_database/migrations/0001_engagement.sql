-- Events of engagement, who may be written to, and which events are known.

-- One row for each event. A partition holds one month of occurred_at (UTC); the gateway creates and drops them.
CREATE TABLE directflow.engagement_events (
    workspace    text COLLATE "C" NOT NULL CHECK (workspace <> ''),
    identity     uuid NOT NULL,                     -- as in engagement_identities
    occurred_at  timestamptz NOT NULL,
    type         smallint NOT NULL,                 -- directflow.engagement.v1.EventType
    bounce_kind  smallint,                          -- directflow.engagement.v1.BounceKind; NULL: not a bounce
    machine_open boolean NOT NULL,
    event_id     text COLLATE "C" NOT NULL,
    profile_id   text COLLATE "C" NOT NULL,
    channel      text COLLATE "C",
    message_id   text COLLATE "C",
    campaign_id  text COLLATE "C",
    flow_id      text COLLATE "C",
    flow_run_id  text COLLATE "C",
    link_id      text COLLATE "C"
) PARTITION BY RANGE (occurred_at);

-- One person's events of a type within a window: what predicates ask, and lists too (type by type, then merged). A second
-- index for lists would cost every event that is recorded a third of its time.
CREATE INDEX engagement_events_by_type ON directflow.engagement_events (workspace, profile_id, type, occurred_at);

-- Which events are known. A unique index on the events would have to hold their time, and an event that is sent again
-- with another time would be recorded twice. Rows go when their event's retention ends.
CREATE TABLE directflow.engagement_identities (
    workspace   text COLLATE "C" NOT NULL CHECK (workspace <> ''),
    identity    uuid NOT NULL,                      -- first 16 bytes of SHA-256(workspace, NUL, event id)
    occurred_on date NOT NULL,                      -- UTC
    PRIMARY KEY (workspace, identity)
);
-- Rows lie nearly in the order of time, so a summary of each range of pages is enough to find the old ones.
CREATE INDEX engagement_identities_by_day ON directflow.engagement_identities USING brin (occurred_on);

-- The newest moment of each kind. It outlives the retention: who unsubscribed two years ago must not be written to.
-- Each column only grows, so it does not matter in which order events arrive.
CREATE TABLE directflow.engagement_subscriptions (
    workspace       text COLLATE "C" NOT NULL CHECK (workspace <> ''),
    profile_id      text COLLATE "C" NOT NULL,
    channel         text COLLATE "C" NOT NULL,
    unsubscribed_at timestamptz,
    resubscribed_at timestamptz,
    hard_bounced_at timestamptz,
    complained_at   timestamptz,
    PRIMARY KEY (workspace, profile_id, channel)
);

-- A transaction sees the workspace that it has set, and without a setting nothing; the owner too (FORCE).
ALTER TABLE directflow.engagement_events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE directflow.engagement_identities ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE directflow.engagement_subscriptions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY by_workspace ON directflow.engagement_events
    USING (workspace = pg_catalog.current_setting('directflow.workspace', true));
CREATE POLICY by_workspace ON directflow.engagement_identities
    USING (workspace = pg_catalog.current_setting('directflow.workspace', true));
CREATE POLICY by_workspace ON directflow.engagement_subscriptions
    USING (workspace = pg_catalog.current_setting('directflow.workspace', true));

-- The retention deletes identities of every workspace. They are digests and days, and nothing of anybody.
CREATE POLICY expiry_sees ON directflow.engagement_identities FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY expiry_deletes ON directflow.engagement_identities FOR DELETE TO CURRENT_USER USING (true);
