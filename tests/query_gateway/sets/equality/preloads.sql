--- one row by key | id=ids
SELECT * FROM people WHERE id = <%= id %>
--- one row by a text that may not cast | id=id_texts
SELECT id, code, score, seen FROM people WHERE id = '<%= id %>'
--- the first by an order | id=ids
SELECT id, page, amount, at FROM visits WHERE person_id = <%= id %> ORDER BY at DESC, id
--- the first by an order and a limit | id=ids
SELECT page FROM visits WHERE person_id = <%= id %> ORDER BY amount, id LIMIT 1
--- whichever comes first | id=ids | any-row
SELECT id, page FROM visits WHERE person_id = <%= id %>
--- the order of a text column | id=ids
SELECT page, n, id FROM visits WHERE person_id = <%= id %> ORDER BY page COLLATE "C" DESC, n NULLS FIRST, id
--- order by a position | id=ids
SELECT amount, id FROM visits WHERE person_id = <%= id %> ORDER BY 1 DESC, 2
--- order by what is not in the list | id=ids
SELECT page FROM visits WHERE person_id = <%= id %> ORDER BY amount DESC, at
--- order within a variable limit | id=small_ids n=limits
SELECT id FROM visits WHERE person_id = <%= id %> ORDER BY id DESC LIMIT <%= n %>
--- order with an offset | id=small_ids n=counts
SELECT id FROM visits WHERE person_id = <%= id %> ORDER BY id OFFSET <%= n %>
--- aggregates | id=ids
SELECT count(*) AS visits, sum(amount) AS spent, max(at) AS last, string_agg(page, ',' ORDER BY id) AS pages FROM visits WHERE person_id = <%= id %>
--- an aggregate of the variable alone | n=counts
SELECT max(<%= n %>::int) AS top, count(<%= n %>::int) AS counted FROM visits
--- typed by nothing but a variable | a=texts
SELECT '<%= a %>' AS said, 'x<%= a %>' AS more, <%= a %> AS bare
--- column names twice | id=ids
SELECT id, id, code AS id FROM people WHERE id = <%= id %>
--- columns without names | id=ids
SELECT 1, 'x', id + 1, upper(code), NULL FROM people WHERE id = <%= id %>
--- columns named like ours | id=small_ids
SELECT v1, ord, result, c AS p FROM p WHERE v1 = <%= id %>
--- columns named ord, result, unnest | id=small_ids
SELECT o.ord AS result, o.v1 AS "unnest", 1 AS ord FROM ord o WHERE o.ord = <%= id %>
--- quoted names | id=small_ids
SELECT "Mixed Col" AS "a b", "naïve", "a""b" AS "q""q" FROM "Odd Table" WHERE "Mixed Col" = <%= id %>
--- length, precision and typmods | id=ids n=numbers
SELECT c5, v4, score, '<%= n %>'::numeric(5, 1) AS exact, code::varchar(3) AS short FROM people WHERE id = <%= id %>
--- floats | x=floats
SELECT <%= x %>::float8 AS f8, <%= x %>::real AS f4, <%= x %>::numeric AS n
--- dates and times of the variable | d=dates t=stamps i=intervals
SELECT '<%= d %>'::date AS d, '<%= t %>'::timestamptz AS t, '<%= t %>'::timestamp AS l, '<%= i %>'::interval AS i
--- every odd type of the variable | u=uuids b=bytes n=ips
SELECT '<%= u %>'::uuid AS u, '<%= b %>'::bytea AS b, '<%= n %>'::inet AS n
--- arrays and json of the variable | a=arrays e=elements t=teams j=json_texts
SELECT '<%= a %>'::text[] AS a, '{<%= e %>,"<%= e %>"}'::text[] AS e, '{"t": "<%= t %>"}'::jsonb AS t, '<%= j %>'::json AS j
--- char(n) and name of the variable | t=codes m=names
SELECT '<%= t %>'::char(4) AS c, '<%= t %>'::varchar(2) AS v, '<%= m %>'::name AS n, '<%= t %>'::char(4) || '|' AS x
--- enum and domain of the variable | m=moods e=mails
SELECT '<%= m %>'::mood AS m, '<%= e %>'::mail AS e
--- boolean and null columns | id=ids
SELECT active, NULL::int AS nothing, plan IS NULL AS none FROM people WHERE id = <%= id %>
--- a cte | id=ids
WITH mine AS (SELECT * FROM visits WHERE person_id = <%= id %>) SELECT page, count(*) AS n FROM mine GROUP BY page ORDER BY n DESC, page
--- a union with an order | id=ids
SELECT id, 'v' AS kind FROM visits WHERE person_id = <%= id %> UNION ALL SELECT id, 'p' FROM people WHERE id = <%= id %> ORDER BY 2, 1
--- a union all without an order | id=ids | any-row
SELECT code AS x FROM people WHERE id = <%= id %> UNION ALL SELECT page FROM visits WHERE person_id = <%= id %>
--- values | id=small_ids
VALUES (<%= id %>::int, 'a'), (2, 'b')
--- a set returning select list | id=small_ids
SELECT generate_series(1, <%= id %>::int) AS g
--- window functions | id=ids
SELECT id, n, row_number() OVER (ORDER BY at, id) AS rn, lag(n) OVER (ORDER BY at, id) AS before FROM visits WHERE person_id = <%= id %> ORDER BY rn
--- window alias in where | id=ids n=limits
SELECT id, row_number() OVER (ORDER BY at, id) AS rn FROM visits WHERE person_id = <%= id %> AND rn = <%= n %>
--- distinct on | id=ids
SELECT DISTINCT ON (page) page, amount FROM visits WHERE person_id = <%= id %> ORDER BY page, id
--- an author's lateral | id=ids
SELECT u.code, l.page FROM people u LEFT JOIN LATERAL (SELECT page FROM visits v WHERE v.person_id = u.id ORDER BY v.id DESC LIMIT 1) l ON true WHERE u.id = <%= id %>
--- a division by a stored zero | id=ids
SELECT id, 10 / div AS tenth FROM people WHERE id = <%= id %>
--- a division by the variable in an untaken branch | id=ids n=divisors
SELECT id, CASE WHEN id > 0 THEN 1 ELSE 10 / <%= n %> END AS x FROM people WHERE id = <%= id %>
--- a stored text that does not cast | id=ids
SELECT id, note::numeric AS note FROM people WHERE id = <%= id %>
--- a stored text that does not cast in the second row | id=small_ids
SELECT id, note::int AS note FROM visits WHERE person_id = <%= id %> ORDER BY id
--- a subquery of several rows | id=ids
SELECT id, (SELECT n FROM visits v WHERE v.person_id = people.id) AS n FROM people WHERE id = <%= id %>
--- a subquery by the variable | id=ids t=texts
SELECT (SELECT count(*) FROM people WHERE code = '<%= t %>') AS same, code FROM people WHERE id = <%= id %>
--- whole rows | id=ids
SELECT u, ROW(u.id, u.code) AS r FROM people u WHERE u.id = <%= id %>
--- ranges, searches, bytes | id=ids
SELECT span, search, raw, ip, tags, nums, attrs, doc, wake, pause, label, o FROM people WHERE id = <%= id %>
--- jsonb_build_object | id=ids t=texts
SELECT jsonb_build_object('t', '<%= t %>'::text, 'id', id) AS doc FROM people WHERE id = <%= id %>
--- group by a shared variable | id=ids u=units
SELECT date_trunc('<%= u %>', at) AS month, count(*) AS n FROM visits WHERE person_id = <%= id %> GROUP BY date_trunc('<%= u %>', at) ORDER BY 1
--- a list | id=ids l=text_lists:list
SELECT id, plan IN (<%= l %>) AS listed FROM people WHERE id = <%= id %>
--- infinity and far timestamps | t=stamps
SELECT '<%= t %>'::timestamptz + INTERVAL '1 day' AS later, isfinite('<%= t %>'::timestamptz) AS finite
--- a trailing comment | id=ids
SELECT code FROM people WHERE id = <%= id %> -- )
--- unused rows of a right join | id=ids
SELECT v.page, u.code FROM (SELECT * FROM visits WHERE person_id = <%= id %>) v RIGHT JOIN people u ON u.id = v.person_id WHERE u.id = <%= id %> ORDER BY v.id
--- nothing but the variable's echo | t=texts
SELECT '<%= t %>'::text AS echo, length('<%= t %>') AS n
--- a window's run condition | n=counts
SELECT id, rn FROM (SELECT id, row_number() OVER (ORDER BY id) AS rn FROM people) t WHERE rn <= <%= n %> ORDER BY rn DESC
--- a window's run condition in a subquery | n=counts
SELECT (SELECT max(id) FROM (SELECT id, row_number() OVER (ORDER BY id) AS rn FROM people) t WHERE rn <= <%= n %>) AS last
