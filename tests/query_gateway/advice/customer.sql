-- The tables of the documented product, large enough for an index to matter, and some that miss one.
CREATE TABLE communities (
  id bigint PRIMARY KEY, community_name text NOT NULL, user_count integer NOT NULL, plan_type text NOT NULL,
  active boolean NOT NULL, owner_email text, "ownerPhone" bigint, email_count integer, display_name text,
  contact_email_verified boolean, last_seen inet
);
CREATE TABLE users (
  id bigint PRIMARY KEY, email text, phone text, first_name text, last_name text, plan_type text,
  subscription_plan text, created_at timestamptz, last_login timestamptz, metadata jsonb
);
INSERT INTO users SELECT g, 'u' || g || '@x.io', NULL, 'n', 'n', 'pro', 'premium', now(), now(), '{}'
FROM generate_series(1, 20000) g;
CREATE TABLE memberships (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id bigint NOT NULL, community_id bigint NOT NULL
);
INSERT INTO memberships (user_id, community_id) SELECT g, g % 4 FROM generate_series(1, 20000) g;
CREATE TABLE user_profiles (
  user_id bigint PRIMARY KEY, plan_name text, last_login_at timestamptz, total_purchases numeric(12, 2),
  preferred_language text
);
INSERT INTO user_profiles SELECT g, 'pro', now(), 1, 'en' FROM generate_series(1, 20000) g;

CREATE SCHEMA shop;
CREATE TABLE shop.orders (
  id bigint PRIMARY KEY, buyer bigint, "Buyer Code" varchar(40), email text, reference varchar(40), paid boolean
);
INSERT INTO shop.orders SELECT g, g, 'c' || g, 'U' || g || '@x.io', 'r' || g, g % 2 = 0 FROM generate_series(1, 20000) g;
CREATE INDEX ON shop.orders (reference);
CREATE TABLE shop.small (buyer bigint, n integer);
INSERT INTO shop.small SELECT g, g FROM generate_series(1, 300) g;
CREATE TABLE shop.visits (person bigint, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE shop.visits_2024 PARTITION OF shop.visits FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE shop.visits_2025 PARTITION OF shop.visits FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO shop.visits SELECT g, date '2024-01-01' + g % 700 FROM generate_series(1, 8000) g;
CREATE TABLE shop.never_analysed (buyer bigint, note text);
CREATE TABLE hidden (id bigint PRIMARY KEY, email text);
CREATE VIEW random_people AS SELECT id, random() AS chance FROM users;
CREATE FUNCTION shop.writes(bigint) RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT true';
ANALYZE;
INSERT INTO shop.never_analysed SELECT g, repeat('x', 80) FROM generate_series(1, 20000) g;

GRANT USAGE ON SCHEMA shop TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA public, shop TO PUBLIC;
REVOKE SELECT ON hidden FROM PUBLIC;
