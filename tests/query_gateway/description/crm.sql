CREATE SCHEMA crm;
CREATE TYPE plan AS ENUM ('free', 'pro');
CREATE DOMAIN email AS text CHECK (VALUE ~ '@');
CREATE DOMAIN work_email AS email;
CREATE TABLE users (
  id bigint PRIMARY KEY, email work_email, phone text, first_name varchar(80), score numeric(12, 2), karma real,
  plan plan, tags text[], attrs jsonb, born date, created_at timestamptz, seen timestamp, active boolean, level smallint,
  "Mixed Case" text, emails work_email[]
);
CREATE TABLE crm.memberships (user_id bigint, community_id bigint, plan_type text);
CREATE VIEW active_users AS SELECT id, email FROM users WHERE active;
INSERT INTO users (id, email, first_name, score, plan, created_at, seen, active, level)
  SELECT g, 'u' || g || '@x.io', 'n' || g, g, 'pro', timestamptz '2024-01-01Z' + g * interval '1 day', timestamp '2024-01-01' + g * interval '1 day', true, g % 10
  FROM generate_series(1, 100) g;
ANALYZE;

-- A schema that somebody puts before pg_catalog: whatever it answers, or raises, must not reach our own questions.
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.format_type(oid, int) RETURNS text LANGUAGE sql AS $$ SELECT 'hostile' $$;
CREATE FUNCTION hostile.raises(oid, oid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'hostile'; END $$;
CREATE OPERATOR hostile.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = hostile.raises);
CREATE OPERATOR hostile.>= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = hostile.raises);
CREATE FUNCTION hostile.to_regclass(text) RETURNS regclass LANGUAGE plpgsql AS $$ BEGIN RAISE 'hostile'; END $$;
