-- An audience with everything that a ledger and a WHERE can say of somebody.
CREATE TABLE clubs (id text PRIMARY KEY, title text);
INSERT INTO clubs VALUES ('chess', 'Chess'), ('golf', 'Golf');
CREATE TABLE people (id bigint PRIMARY KEY, email text, phone text, active boolean, spent numeric);
INSERT INTO people VALUES
  (1, 'ada@x.io', NULL, true, 50), (2, 'bob@x.io', NULL, NULL, 5), (3, NULL, NULL, true, 90), (4, 'not an address', NULL,
  true, 90), (5, 'eve@x.io', '+15550000005', true, 7), (6, '', '+15550000006', false, 70);
CREATE TABLE members (person bigint, club text, level int);
INSERT INTO members VALUES (1, 'chess', 1), (1, 'chess', 9), (2, 'chess', 5), (3, 'chess', 5), (4, 'chess', 5),
  (5, 'golf', 5), (6, 'chess', 5), (NULL, 'chess', 5);
ANALYZE;
