-- People, what they belong to, and columns in which a condition can be NULL or fail.
CREATE TABLE people (id bigint PRIMARY KEY, email text, phone text, active boolean, plan text, code text, born date);
INSERT INTO people VALUES
  (1, 'ada@x.io', NULL, true, 'pro', '7', '1990-01-01'),
  (2, 'bob@x.io', NULL, NULL, 'free', 'seven', '2010-01-01'),
  (3, NULL, '+15550000003', false, NULL, '9', NULL),
  (4, 'dan@x.io', NULL, true, 'pro', '100%', '1980-06-01');
CREATE TABLE members (person bigint, club text, level int, since timestamptz);
INSERT INTO members VALUES (1, 'chess', 1, now() - interval '10 days'), (1, 'golf', 9, now()), (1, 'golf', 2, NULL),
  (2, 'chess', 5, now() - interval '400 days');
CREATE TABLE named (id text PRIMARY KEY, email text);
INSERT INTO named VALUES ('a', 'a@x.io'), ('A', 'b@x.io'), ('it''s', 'c@x.io');
CREATE TABLE many (id int, email text, n int);
INSERT INTO many SELECT 1, 'm' || g || '@x.io', g FROM generate_series(1, 1500) g;
CREATE TABLE padded (id char(6), email text);
INSERT INTO padded VALUES ('ab', 'ab@x.io');
ANALYZE;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC;
