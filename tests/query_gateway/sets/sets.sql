-- A customer's database for judging the set form: every type that a variable may meet, values that do not cast, rows
-- that divide by zero, skewed duplicates, and names that a careless rewrite would capture.
SET TIME ZONE 'UTC';
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN mail AS text CHECK (VALUE ~ '^[^@]+@[^@]+$');
CREATE DOMAIN small AS int CHECK (VALUE < 100);

CREATE TABLE people (
  id int PRIMARY KEY, code text, key uuid, plan text, mood mood, score numeric(8, 2), level smallint, big bigint,
  ratio float8, rate real, active boolean, born date, seen timestamptz, local timestamp, wake time, pause interval,
  ip inet, tags text[], nums int[], attrs jsonb, doc json, raw bytea, note text, div int, c5 char(5), v4 varchar(4),
  email mail, few small, boss int, label name, o oid, search tsvector, span int4range);
INSERT INTO people SELECT
  g, (ARRAY['a', 'b', 'é 😀', 'O''Hara', '50%_off', 'back\slash', '', 'two
lines'])[1 + g % 8], ('00000000-0000-4000-8000-' || lpad(g::text, 12, '0'))::uuid,
  (ARRAY['pro', 'free', NULL, 'team'])[1 + g % 4], (ARRAY['sad', 'ok', 'happy', NULL])[1 + g % 4]::mood,
  CASE WHEN g % 7 = 0 THEN NULL ELSE g * 3.25 END, g % 5, g * 1000000000::bigint,
  CASE g % 9 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN NULL ELSE g / 3.0 END, g / 7.0,
  CASE WHEN g % 5 = 4 THEN NULL ELSE g % 2 = 0 END, date '1990-01-01' + g * 97, timestamptz '2024-01-01Z' + g * interval '1 day',
  timestamp '2024-01-01' + g * interval '1 hour', time '06:00' + g * interval '7 minutes', g * interval '1 day 2 hours',
  ('10.0.0.' || g)::inet, ARRAY['t' || g % 3, (ARRAY['x,y', 'q"q', '{}'])[1 + g % 3]], ARRAY[g, g % 3, NULL],
  jsonb_build_object('team', (ARRAY['red', 'green', NULL])[1 + g % 3], 'n', g, 'vip', g % 5 = 0, 'list', jsonb_build_array(g % 3, 'x' || g % 4)),
  json_build_object('src', 'web' || g % 2), decode(lpad(to_hex(g), 4, '0'), 'hex'),
  (ARRAY['5', '12', 'abc', '', NULL, '3.5'])[1 + g % 6], g % 6, (ARRAY['ab', 'abcde', 'c', NULL])[1 + g % 4], 'v' || g % 10,
  'u' || g || '@x.io', g % 50, CASE WHEN g > 3 THEN 1 + g % 3 END, 'n' || g, g, to_tsvector('simple', 'word' || g || ' common'),
  int4range(g, g + 5)
FROM generate_series(1, 60) g;

-- One person has most of the visits; some have none.
CREATE TABLE visits (id int PRIMARY KEY, person_id int, page text, amount numeric(10, 2), n int, at timestamptz, note text, ok boolean);
INSERT INTO visits SELECT g, CASE WHEN g % 3 = 0 THEN 7 ELSE 1 + g % 41 END, '/p/' || g % 12, (g * 37 % 900) / 4.0, g % 10,
  timestamptz '2024-01-01Z' + g * interval '5 hours', (ARRAY['5', 'x', NULL, '40'])[1 + g % 4], CASE WHEN g % 6 = 5 THEN NULL ELSE g % 4 = 0 END
FROM generate_series(1, 400) g;
CREATE INDEX ON visits (person_id);

CREATE TABLE empty_table (id int, code text, flag boolean);
CREATE TABLE dull (k int, flag boolean);
INSERT INTO dull SELECT g % 20, (ARRAY[true, false, NULL])[1 + g / 20 % 3] FROM generate_series(0, 39) g;
CREATE TABLE nulls (k int, code text);
INSERT INTO nulls VALUES (1, 'a'), (NULL, NULL), (2, NULL), (NULL, 'b');

-- Names that a rewrite must not capture.
CREATE TABLE p (v1 int, ord int, result boolean, c text);
INSERT INTO p SELECT g, g % 4, g % 3 = 0, 'c' || g FROM generate_series(1, 20) g;
CREATE TABLE c (v1 int, ord int, result boolean, p text);
INSERT INTO c SELECT g, 10 - g, g % 2 = 0, 'p' || g FROM generate_series(1, 10) g;
CREATE TABLE ord (ord int, v1 text);
INSERT INTO ord VALUES (1, 'a'), (2, 'b'), (3, NULL);
CREATE TABLE "unnest" (v1 int, "unnest" text);
INSERT INTO "unnest" VALUES (1, 'x'), (2, 'y');
CREATE TABLE "Odd Table" ("Mixed Col" int, "select" text, "naïve" text, "a""b" text);
INSERT INTO "Odd Table" VALUES (1, 'from', 'é', 'q'), (2, 'where', 'ü', 'q2'), (3, NULL, '☃', 'q3');
CREATE VIEW numbered_visits AS SELECT person_id, note::int AS number FROM visits;
CREATE VIEW active_people AS SELECT id, code, plan, score FROM people WHERE active;

-- How long a tuple takes, and which pattern it is held against; see test_isolation.py.
CREATE TABLE work (id int PRIMARY KEY, rounds bigint, answer boolean);
CREATE TABLE gone (id int PRIMARY KEY, flag boolean);
INSERT INTO gone SELECT g, g % 2 = 0 FROM generate_series(1, 100) g;
ANALYZE;
