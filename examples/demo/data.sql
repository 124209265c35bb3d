-- Deterministic demo data: no random(), so that two loads of one day hold the same rows (logins count back from today,
-- for "the last 3 months" to mean something). `psql -v users=2000` makes a small one; the default is 220000.
\if :{?users}
\else
    \set users 220000
\endif

\echo communities
INSERT INTO communities (id, community_name, plan_type, active)
SELECT c,
       CASE c WHEN 1 THEN 'Everyone'
              WHEN 2 THEN 'Newsletter'
              ELSE (ARRAY['Runners', 'Readers', 'Gardeners', 'Cooks', 'Cyclists', 'Makers', 'Zażółć Club', 'Parents'' Circle'])[1 + c % 8]
                   || ' of ' || (ARRAY['Lisbon', 'Kraków', 'Osaka', 'Austin', 'Nairobi', 'Malmö', 'Lyon'])[1 + c % 7]
                   || ' #' || c END,
       (ARRAY['free', 'pro', 'enterprise'])[1 + c % 3],
       c % 30 <> 29                                             -- 10 of 300 are closed
FROM generate_series(1, 300) AS c;

\echo users
INSERT INTO users
SELECT u,
       CASE WHEN u % 23 = 0 THEN NULL
            WHEN u % 401 = 0 THEN (ARRAY['not-an-address', 'two@@example.com', '@example.org', 'no at.example.net'])[1 + (u / 401) % 4]
            ELSE 'user' || u || CASE WHEN u % 7 = 0 THEN '+news' ELSE '' END || '@example.' || (ARRAY['com', 'org', 'net'])[1 + u % 3] END,
       CASE WHEN u % 3 = 0 THEN NULL
            WHEN u % 811 = 0 THEN 'call me'
            ELSE '+1202555' || lpad((100 + u % 100)::text, 4, '0') END,   -- the range kept for fiction
       (ARRAY['Ada', 'Grace', 'Edsger', 'Barbara', 'Łukasz', 'Sinéad', '美咲', 'Ngũgĩ', 'Zoë', 'José', 'Olu'])[1 + u % 11],
       (ARRAY['Lovelace', 'Hopper', 'O''Connor', 'Żal', '佐藤', 'wa Thiong''o', 'García', 'Müller', 'Okafor'])[1 + u % 9],
       (ARRAY['free', 'free', 'free', 'pro', 'pro', 'enterprise'])[1 + u % 6],
       (ARRAY['basic', 'basic', 'premium', 'trial', 'basic'])[1 + u % 5],
       timestamptz '2021-01-01 00:00Z' + (u * 7919 % 157680000) * interval '1 second',
       CASE WHEN u % 19 = 0 THEN NULL
            ELSE date_trunc('day', now()) - (u * 31 % 400) * interval '1 day' + (u % 86400) * interval '1 second' END,
       CASE WHEN u % 5 = 0 THEN NULL ELSE date '1950-01-01' + (u * 97 % 20000)::int END,
       CASE WHEN u % 29 = 0 THEN NULL
            ELSE jsonb_build_object('preferred_language', (ARRAY['en', 'pt', 'pl', 'ja', 'de'])[1 + u % 5])
                 || CASE WHEN u % 4 = 0 THEN '{}'::jsonb
                         ELSE jsonb_build_object('settings', jsonb_build_object('notifications', u % 2 = 0, 'theme', (ARRAY['dark', 'light'])[1 + u % 2])) END
                 || CASE WHEN u % 5 < 3 THEN '{}'::jsonb
                         ELSE jsonb_build_object('preferences', jsonb_build_object('topics', jsonb_build_array('topic' || u % 10, 'topic' || u % 7), 'digest', 'weekly')) END
            END
FROM generate_series(1, :users) AS u;

\echo memberships
-- 1 holds everybody, 2 six people in ten, and the others ever fewer: each size occurs once, so that ordering by it is exact.
-- A prime stride spreads each community over all users.
INSERT INTO memberships (user_id, community_id, joined_at)
SELECT 1 + (c * 104729 + j * 7919::bigint) % :users, c,
       timestamptz '2023-01-01 00:00Z' + (c * 3571 + j * 97::bigint) % 63072000 * interval '1 second'
FROM generate_series(1, 300) AS c,
     generate_series(0, CASE c WHEN 1 THEN :users WHEN 2 THEN :users * 6 / 10
                               ELSE least(:users / (4 * c) + 305 - c, :users / 2) END - 1) AS j;
-- About one in a hundred joined twice.
INSERT INTO memberships (user_id, community_id, joined_at)
SELECT user_id, community_id, joined_at + interval '1 hour' FROM memberships WHERE (user_id + community_id) % 97 = 0;

\echo profiles
-- Nine users in ten have a profile: the tenth shows what personalization says when there is no row.
INSERT INTO user_profiles
SELECT id, initcap(subscription_plan) || ' plan', last_login, (id * 37 % 100000)::numeric / 100,
       CASE WHEN id % 13 = 0 THEN NULL ELSE (ARRAY['en', 'pt', 'pl', 'ja', 'de'])[1 + id % 5] END
FROM users WHERE id % 10 <> 0;

\echo indexes
CREATE INDEX ON memberships (community_id, user_id);
CREATE INDEX ON memberships (user_id);
CREATE INDEX ON users (last_login);
UPDATE communities SET user_count = counted.people
FROM (SELECT community_id, count(DISTINCT user_id) AS people FROM memberships GROUP BY community_id) AS counted
WHERE id = counted.community_id;

\echo statistics
VACUUM (ANALYZE) communities, users, memberships, user_profiles;
