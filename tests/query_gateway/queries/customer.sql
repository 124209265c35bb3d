-- A small customer's database for statements from end to end. Everything may be read by every role.
CREATE TABLE users (id bigint PRIMARY KEY, email text, plan text, score numeric(12, 2), created_at timestamptz);
INSERT INTO users SELECT g, 'u' || g || '@x.io', (ARRAY['pro', 'free', NULL])[1 + g % 3], g * 1.5, '2024-01-01Z'
FROM generate_series(1, 30) g;

-- Keys that no collation orders by their bytes; two are NULL.
CREATE TABLE keyed (k text, n int, u uuid, exact numeric);
INSERT INTO keyed VALUES ('a', 1, NULL, 1.0), ('B', -5, '00000000-0000-0000-0000-000000000002', 1.00),
  (NULL, 10, '00000000-0000-0000-0000-000000000001', 10), ('é', NULL, NULL, NULL), ('10', 9, NULL, 9),
  (NULL, NULL, NULL, NULL), ('9', 2, NULL, 2);

-- What one tuple can come to, by its name.
CREATE TABLE outcomes (name text, v int);
INSERT INTO outcomes VALUES ('true', 5), ('false', 100), ('null', NULL), ('many', 5), ('many', 100), ('zero', 0);

ANALYZE;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC;
