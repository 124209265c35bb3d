-- The demo customer: a database as DirectFlow's users have it. Every SQL example of the documentation runs on it as written.
-- Load:  psql -v ON_ERROR_STOP=1 -f schema.sql -f data.sql

CREATE TABLE communities (
    id             bigint PRIMARY KEY,
    community_name text NOT NULL,
    user_count     integer NOT NULL DEFAULT 0,
    plan_type      text NOT NULL,
    active         boolean NOT NULL
);

CREATE TABLE users (
    id                bigint PRIMARY KEY,
    email             text,                    -- NULL for some, malformed for a few: as in life
    phone             text,
    first_name        text NOT NULL,
    last_name         text NOT NULL,
    plan_type         text NOT NULL,
    subscription_plan text NOT NULL,
    created_at        timestamptz NOT NULL,
    last_login        timestamptz,             -- NULL: never
    birth_date        date,
    metadata          jsonb
);

-- No unique key on (user_id, community_id): people join twice, and an audience must still hold them once.
CREATE TABLE memberships (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id      bigint NOT NULL,
    community_id bigint NOT NULL,
    joined_at    timestamptz NOT NULL
);

CREATE TABLE user_profiles (
    user_id            bigint PRIMARY KEY,
    plan_name          text NOT NULL,
    last_login_at      timestamptz,
    total_purchases    numeric(12, 2) NOT NULL,
    preferred_language text
);
