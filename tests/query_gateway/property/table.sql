-- One column of every type that a variable is compared with, and values that look like SQL, JSON, arrays and tags.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s "fine"');
CREATE DOMAIN mail AS text CHECK (VALUE LIKE '%@%');
CREATE TABLE t (
  i int, b bigint, n numeric(10,2), f float8, s text, v varchar(12), c char(5), o boolean, d date, ts timestamp,
  tz timestamptz, u uuid, j jsonb, sa text[], ia int[], iv interval, ip inet, m mood, e mail, "odd""Col" text, tv tsvector,
  r int4range);
INSERT INTO t SELECT g, g * 10000000000, g / 4.0, g / 3.0,
  (ARRAY['red', 'O''Hara', 'a\b', '50%_off', '{x,"y"}', 'NULL', '', E'two\nlines', '<%= s %>', '$1', 'é 😀'])[1 + g % 11],
  'v' || g, 'c' || g, g % 2 = 0, date '2024-02-01' + g, timestamp '2024-02-01 10:00' + g * interval '7 hours',
  timestamptz '2024-02-01 10:00Z' + g * interval '7 hours', ('00000000-0000-4000-8000-' || lpad(g::text, 12, '0'))::uuid,
  jsonb_build_object('n', g, 's', (ARRAY['red', 'O''Hara', 'a"b\c'])[1 + g % 3], 'o', g % 2 = 0, 'l', jsonb_build_array(g, 'x')),
  ARRAY['a' || g % 3, (ARRAY['NULL', 'x,y', 'q"q', 'b\s', ' sp '])[1 + g % 5]], ARRAY[g, g + 1], g * interval '1 day',
  ('10.0.0.' || g)::inet, (enum_range(NULL::mood))[1 + g % 3], 'user' || g || '@example.org', 'odd' || g,
  to_tsvector('english', 'quick brown fox ' || g), int4range(g, g + 5)
FROM generate_series(1, 40) g;
