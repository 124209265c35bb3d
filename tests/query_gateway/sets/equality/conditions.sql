--- exists by key | id=ids
SELECT EXISTS (SELECT 1 FROM visits WHERE person_id = <%= id %>) AS result
--- exists by key, declared an integer | id=ids:integer
SELECT EXISTS (SELECT 1 FROM visits v WHERE v.person_id = <%= id %>) AS result
--- exists by quoted key | id=id_texts
SELECT EXISTS (SELECT 1 FROM visits WHERE person_id = '<%= id %>') AS result
--- exists by kind and text of the wrong kind | id=id_texts:integer
SELECT EXISTS (SELECT 1 FROM visits WHERE person_id = '<%= id %>') AS result
--- exists without parentheses' blanks, upper case | id=ids
select exists(select * from visits where person_id=<%=id%> and n>3)result
--- not exists | id=ids
SELECT NOT EXISTS (SELECT 1 FROM visits WHERE person_id = <%= id %> AND n > 7) AS result
--- exists un-indexed | page=pages n=counts
SELECT EXISTS (SELECT 1 FROM visits WHERE page = '<%= page %>' AND n > <%= n %>) AS result
--- exists of two tables | id=ids plan=plans
SELECT EXISTS (SELECT 1 FROM people u JOIN visits v ON v.person_id = u.id WHERE u.id = <%= id %> AND u.plan = '<%= plan %>') AS result
--- exists with left join and having | id=ids n=counts
SELECT EXISTS (SELECT 1 FROM people u LEFT JOIN visits v ON v.person_id = u.id WHERE u.id = <%= id %> GROUP BY u.id HAVING count(v.id) > <%= n %>) AS result
--- exists with an aggregate inside is always true | id=ids
SELECT EXISTS (SELECT count(*) FROM visits WHERE person_id = <%= id %>) AS result
--- exists limit zero | id=ids
SELECT EXISTS (SELECT 1 FROM visits WHERE person_id = <%= id %> LIMIT 0) AS result
--- exists limit variable | id=small_ids n=limits
SELECT EXISTS (SELECT 1 FROM visits WHERE person_id = <%= id %> LIMIT <%= n %>) AS result
--- exists offset variable | id=small_ids n=counts
SELECT EXISTS (SELECT 1 FROM visits WHERE person_id = <%= id %> OFFSET <%= n %>) AS result
--- exists with a WHERE around it | id=ids plan=plans
SELECT EXISTS (SELECT 1 FROM visits WHERE person_id = <%= id %>) AS result WHERE '<%= plan %>' = 'pro'
--- exists with a LIMIT behind it | id=ids
SELECT EXISTS (SELECT 1 FROM visits WHERE person_id = <%= id %>) AS result LIMIT 1
--- exists with LIMIT 0 behind it | id=ids
SELECT EXISTS (SELECT 1 FROM visits WHERE person_id = <%= id %>) AS result LIMIT 0
--- exists of a union | id=ids page=pages
SELECT EXISTS (SELECT 1 FROM visits WHERE person_id = <%= id %> UNION ALL SELECT 1 FROM visits WHERE page = '<%= page %>') AS result
--- exists of an intersection | id=ids other=ids
SELECT EXISTS (SELECT page FROM visits WHERE person_id = <%= id %> INTERSECT SELECT page FROM visits WHERE person_id = <%= other %>) AS result
--- exists of values | id=ids
SELECT EXISTS (VALUES (<%= id %>::bigint)) AS result
--- exists with disjunction | id=ids page=pages
SELECT EXISTS (SELECT 1 FROM visits WHERE person_id = <%= id %> OR page = '<%= page %>') AS result
--- exists and not exists | id=ids
SELECT EXISTS (SELECT 1 FROM visits WHERE person_id = <%= id %> AND page = '/p/1') AND NOT EXISTS (SELECT 1 FROM visits WHERE person_id = <%= id %> AND page = '/p/2') AS result
--- exists or null | id=ids b=booleans
SELECT EXISTS (SELECT 1 FROM visits WHERE person_id = <%= id %> AND n = 9) OR <%= b %> AS result
--- exists in a from clause | id=ids
SELECT e.x AS result FROM (SELECT EXISTS (SELECT 1 FROM visits WHERE person_id = <%= id %>) AS x) e
--- exists correlated twice | id=ids n=counts
SELECT EXISTS (SELECT 1 FROM people u WHERE u.id = <%= id %> AND EXISTS (SELECT 1 FROM visits v WHERE v.person_id = u.id AND v.n >= <%= n %>)) AS result
--- exists not in null trap | id=ids
SELECT EXISTS (SELECT 1 FROM people u WHERE u.id = <%= id %> AND u.id NOT IN (SELECT k FROM nulls)) AS result
--- exists with null comparison | code=texts
SELECT EXISTS (SELECT 1 FROM nulls WHERE code IS NOT DISTINCT FROM '<%= code %>') AS result
--- exists is null parameter | id=ids
SELECT EXISTS (SELECT 1 FROM people WHERE <%= id %>::bigint IS NULL OR id = <%= id %>) AS result
--- exists with no reference to the variable inside | id=ids
SELECT EXISTS (SELECT 1 FROM visits WHERE n = 3) AND <%= id %>::bigint > 5 AS result
--- exists from an empty table | id=ids
SELECT EXISTS (SELECT 1 FROM empty_table WHERE id = <%= id %>) AS result
--- exists inequality | n=numbers
SELECT EXISTS (SELECT 1 FROM visits WHERE amount > '<%= n %>' AND person_id = 7) AS result
--- exists between | a=numbers b=numbers
SELECT EXISTS (SELECT 1 FROM people WHERE score BETWEEN <%= a %> AND <%= b %>) AS result
--- exists with two types of one variable | x=id_texts
SELECT EXISTS (SELECT 1 FROM people WHERE id = '<%= x %>' OR code = '<%= x %>') AS result
--- exists with expression on the column | id=ids
SELECT EXISTS (SELECT 1 FROM people WHERE id + 1 = <%= id %>) AS result
--- exists with expression on the variable | id=ids
SELECT EXISTS (SELECT 1 FROM people WHERE id = <%= id %> + 1) AS result
--- exists with a window inside | id=ids n=counts
SELECT EXISTS (SELECT 1 FROM (SELECT person_id, row_number() OVER (PARTITION BY person_id ORDER BY id) rn FROM visits) q WHERE q.person_id = <%= id %> AND q.rn = <%= n %>) AS result
--- exists distinct on | id=ids page=pages
SELECT EXISTS (SELECT 1 FROM (SELECT DISTINCT ON (person_id) person_id, page FROM visits ORDER BY person_id, id) q WHERE q.person_id = <%= id %> AND q.page = '<%= page %>') AS result
--- exists with a cte inside | id=ids
SELECT EXISTS (WITH w AS (SELECT * FROM visits WHERE person_id = <%= id %>) SELECT 1 FROM w WHERE n > 8) AS result
--- exists under a cte | id=ids
WITH w AS (SELECT * FROM visits WHERE person_id = <%= id %>) SELECT EXISTS (SELECT 1 FROM w WHERE n > 8) AS result
--- exists with a set returning function | id=small_ids n=counts
SELECT EXISTS (SELECT 1 FROM generate_series(1, <%= n %>) g WHERE g = <%= id %>) AS result
--- exists tablesample of everything | id=ids
SELECT EXISTS (SELECT 1 FROM visits TABLESAMPLE BERNOULLI (100) WHERE person_id = <%= id %>) AS result
--- exists cast of a stored text | id=small_ids
SELECT EXISTS (SELECT 1 FROM visits WHERE person_id = <%= id %> AND note::int > 20) AS result
--- exists cast of a stored text, one row | id=ids
SELECT EXISTS (SELECT 1 FROM people WHERE id = <%= id %> AND note::int > 10) AS result
--- exists division by a stored zero | id=ids n=divisors
SELECT EXISTS (SELECT 1 FROM people WHERE id = <%= id %> AND 10 / div >= <%= n %>) AS result
--- exists of a key and a stored text that is compared | id=ids n=counts
SELECT EXISTS (SELECT 1 FROM visits WHERE person_id = <%= id %> AND note::int > <%= n %>) AS result
--- not exists of a key and a stored text that is compared | id=ids n=counts
SELECT NOT EXISTS (SELECT 1 FROM visits WHERE note::int >= <%= n %> AND person_id = <%= id %>) AS result
--- exists of a key and a stored text that is equal | id=ids n=counts
SELECT EXISTS (SELECT 1 FROM visits WHERE note::int = <%= n %> AND person_id = <%= id %>) AS result
--- exists of a stored text that is equal, and a condition that is as dear | n=counts
SELECT EXISTS (SELECT 1 FROM visits WHERE note::int = <%= n %> AND length(lower(upper(page))) > 100) AS result
--- exists of a stored text that is equal, and a cheaper condition | n=counts
SELECT EXISTS (SELECT 1 FROM visits WHERE note::int = <%= n %> AND ok) AS result
--- exists of a key and a quotient | plan=plans n=divisors
SELECT EXISTS (SELECT 1 FROM people WHERE plan = '<%= plan %>' AND 10 / div >= <%= n %>) AS result
--- true limit 1 of a key or a stored text that is compared | page=pages n=counts
SELECT true AS result FROM visits WHERE page = '<%= page %>' AND (n = 3 OR note::int > <%= n %>) LIMIT 1
--- a stored text that is compared, without a limit | id=small_ids n=counts
SELECT ok AS result FROM visits WHERE note::int > <%= n %> AND person_id = <%= id %>
--- a stored text that is compared through a subquery | id=ids n=counts
SELECT EXISTS (SELECT 1 FROM (SELECT person_id, note::int AS number FROM visits) q WHERE q.person_id = <%= id %> AND q.number > <%= n %>) AS result
--- a stored text that is compared through a view | id=ids n=counts
SELECT EXISTS (SELECT 1 FROM numbered_visits v WHERE v.person_id = <%= id %> AND v.number > <%= n %>) AS result
--- exists division by the variable | id=ids n=divisors
SELECT EXISTS (SELECT 1 FROM people WHERE id = <%= id %> AND 10 / <%= n %> > 1) AS result
--- exists of an empty table with a division by the variable | n=divisors
SELECT EXISTS (SELECT 1 FROM empty_table WHERE 10 / <%= n %> > 1) AS result
--- exists division behind false | n=divisors
SELECT EXISTS (SELECT 1 FROM people WHERE false AND 10 / <%= n %> > 1) AS result
--- exists division beside a row condition | n=divisors
SELECT EXISTS (SELECT 1 FROM people WHERE id < 0 AND 10 / <%= n %> > 1) AS result
--- exists division of a column by the variable, no such row | n=divisors
SELECT EXISTS (SELECT 1 FROM people WHERE id < 0 AND id / <%= n %> > 1) AS result
--- exists division guarded by and | n=divisors
SELECT EXISTS (SELECT 1 FROM people WHERE <%= n %> <> 0 AND id / <%= n %> = 5) AS result
--- exists select list divides by the variable, never evaluated | id=ids n=divisors
SELECT EXISTS (SELECT 10 / <%= n %> FROM people WHERE id = <%= id %>) AS result
--- exists select list divides by a column, never evaluated | id=ids
SELECT EXISTS (SELECT 10 / div FROM people WHERE id = <%= id %>) AS result
--- true limit 1 | id=ids
SELECT true AS result FROM visits WHERE person_id = <%= id %> LIMIT 1
--- true limit 1 with an unused order | id=ids
SELECT true AS result FROM visits WHERE person_id = <%= id %> ORDER BY at DESC LIMIT 1
--- false limit 1 | id=ids
SELECT false AS result FROM visits WHERE person_id = <%= id %> LIMIT 1
--- null limit 1 | id=ids
SELECT NULL::boolean AS result FROM visits WHERE person_id = <%= id %> LIMIT 1
--- true fetch first row only | id=ids
SELECT true AS result FROM visits WHERE person_id = <%= id %> FETCH FIRST 1 ROW ONLY
--- true fetch with ties | id=ids
SELECT true AS result FROM visits WHERE person_id = <%= id %> ORDER BY n FETCH FIRST 1 ROW WITH TIES
--- true limit 2 gives several rows | id=ids
SELECT true AS result FROM visits WHERE person_id = <%= id %> LIMIT 2
--- true limit 1 offset | id=ids n=counts
SELECT true AS result FROM visits WHERE person_id = <%= id %> OFFSET <%= n %> LIMIT 1
--- true limit variable | id=ids n=limits
SELECT true AS result FROM visits WHERE person_id = <%= id %> LIMIT <%= n %>
--- true limit variable as text | id=small_ids n=limit_texts
SELECT true AS result FROM visits WHERE person_id = <%= id %> LIMIT '<%= n %>'
--- true limit null | id=ids
SELECT true AS result FROM visits WHERE person_id = <%= id %> LIMIT NULL
--- distinct true | id=ids
SELECT DISTINCT true AS result FROM visits WHERE person_id = <%= id %>
--- distinct of a column | id=ids
SELECT DISTINCT ok AS result FROM visits WHERE person_id = <%= id %>
--- true without a limit | id=ids
SELECT true AS result FROM visits WHERE person_id = <%= id %>
--- a comparison without a limit | id=ids n=counts
SELECT n > <%= n %> AS result FROM visits WHERE person_id = <%= id %>
--- literal 't' cast limit 1 | id=ids
SELECT 't'::boolean AS result FROM visits WHERE person_id = <%= id %> LIMIT 1
--- one equals one limit 1 | id=ids
SELECT 1 = 1 AS result FROM visits WHERE person_id = <%= id %> LIMIT 1
--- group by with true | id=ids
SELECT true AS result FROM visits WHERE person_id = <%= id %> GROUP BY person_id
--- group by with having | id=ids n=counts
SELECT true AS result FROM visits WHERE person_id = <%= id %> GROUP BY person_id HAVING count(*) > <%= n %>
--- having without group by | id=ids n=counts
SELECT true AS result FROM visits WHERE person_id = <%= id %> HAVING count(*) > <%= n %>
--- grouping sets | id=ids
SELECT count(*) > 3 AS result FROM visits WHERE person_id = <%= id %> GROUP BY GROUPING SETS ((), (page))
--- limit 1 by order | id=ids
SELECT ok AS result FROM visits WHERE person_id = <%= id %> ORDER BY at DESC, id LIMIT 1
--- limit 1 by order, nulls first | id=ids
SELECT ok AS result FROM visits WHERE person_id = <%= id %> ORDER BY ok NULLS FIRST, id LIMIT 1
--- order without a limit, one row | id=ids
SELECT active AS result FROM people WHERE id = <%= id %> ORDER BY id
--- order by a position | id=ids
SELECT ok AS result FROM visits WHERE person_id = <%= id %> ORDER BY 1 DESC NULLS LAST LIMIT 1
--- order by the output name | id=ids
SELECT n > 5 AS result FROM visits WHERE person_id = <%= id %> ORDER BY result DESC LIMIT 1
--- limit 1 of several, no order | id=small_ids | any-row
SELECT flag AS result FROM dull WHERE k = <%= id %> LIMIT 1
--- a column by key | id=ids
SELECT active AS result FROM people WHERE id = <%= id %>
--- a column by uncast key | id=id_texts
SELECT active AS result FROM people WHERE id = <%= id %>
--- a null and a no row | id=ids
SELECT active AS result FROM people WHERE id = <%= id %> AND active IS NULL
--- count | id=ids n=counts
SELECT count(*) >= <%= n %> AS result FROM visits WHERE person_id = <%= id %>
--- count with filter | id=ids page=pages
SELECT count(*) FILTER (WHERE page = '<%= page %>') > 0 AS result FROM visits WHERE person_id = <%= id %>
--- count distinct | id=ids
SELECT count(DISTINCT page) > 3 AS result FROM visits WHERE person_id = <%= id %>
--- sum is null for nobody | id=ids n=numbers
SELECT sum(amount) > '<%= n %>' AS result FROM visits WHERE person_id = <%= id %>
--- coalesce sum | id=ids n=numbers
SELECT coalesce(sum(amount), 0) > <%= n %> AS result FROM visits WHERE person_id = <%= id %>
--- avg, max, bool_or, bool_and | id=ids
SELECT avg(n) > 4 AND max(amount) > 100 AND bool_or(ok) AND NOT bool_and(ok) AS result FROM visits WHERE person_id = <%= id %>
--- string_agg like | id=ids
SELECT string_agg(page, ',' ORDER BY id) LIKE '%/p/3%' AS result FROM visits WHERE person_id = <%= id %>
--- array_agg contains | id=ids
SELECT array_agg(n ORDER BY n) @> ARRAY[3] AS result FROM visits WHERE person_id = <%= id %>
--- percentile | id=ids p=floats
SELECT percentile_cont(<%= p %>) WITHIN GROUP (ORDER BY amount) > 50 AS result FROM visits WHERE person_id = <%= id %>
--- mode within group | id=ids
SELECT mode() WITHIN GROUP (ORDER BY page) = '/p/3' AS result FROM visits WHERE person_id = <%= id %>
--- an aggregate of nothing but the variable | n=ids
SELECT max(<%= n %>::bigint) > 5 AS result FROM visits
--- a count of nothing but the variable | n=ids
SELECT count(<%= n %>::bigint) > 5 AS result FROM visits WHERE person_id = 7
--- a sum of the variable without a table | n=ids
SELECT sum(<%= n %>::bigint) > 5 AS result
--- an aggregate of the variable in a subquery | id=small_ids n=counts
SELECT (SELECT sum(<%= n %>::int) FROM visits WHERE person_id = <%= id %>) > 20 AS result
--- an aggregate of the variable over a subquery's rows | id=small_ids n=counts
SELECT (SELECT count(*) FROM (SELECT max(<%= n %>::int) AS m FROM visits WHERE person_id = <%= id %>) q WHERE m > 2) = 1 AS result
--- an aggregate of the variable in having | id=small_ids n=counts
SELECT true AS result FROM visits WHERE person_id = <%= id %> HAVING sum(<%= n %>::int) > 10
--- an aggregate of variable and column | id=small_ids n=counts
SELECT sum(n * <%= n %>::int) > 100 AS result FROM visits WHERE person_id = <%= id %>
--- an aggregate of a text variable, no cast | t=texts
SELECT max('<%= t %>') > 'b' AS result FROM visits
--- a window of the variable | id=small_ids n=counts
SELECT sum(<%= n %>::int) OVER () > 20 AS result FROM visits WHERE person_id = <%= id %> LIMIT 1
--- window functions | id=ids
SELECT r = 1 AS result FROM (SELECT id, rank() OVER (PARTITION BY plan ORDER BY score DESC NULLS LAST, id) AS r FROM people) q WHERE id = <%= id %>
--- window functions over the profile's rows | id=ids
SELECT lag(n) OVER (ORDER BY at) > n AS result FROM visits WHERE person_id = <%= id %> ORDER BY at DESC LIMIT 1
--- ntile of a variable | id=ids n=divisors
SELECT t = 1 AS result FROM (SELECT id, ntile(<%= n %>) OVER (ORDER BY id) AS t FROM people) q WHERE id = <%= id %>
--- cte | id=ids
WITH mine AS (SELECT * FROM visits WHERE person_id = <%= id %>) SELECT count(*) > 5 AS result FROM mine
--- materialized cte | id=ids
WITH mine AS MATERIALIZED (SELECT * FROM visits WHERE person_id = <%= id %>) SELECT bool_or(ok) AS result FROM mine
--- not materialized cte twice | id=ids
WITH mine AS NOT MATERIALIZED (SELECT * FROM visits WHERE person_id = <%= id %>) SELECT (SELECT count(*) FROM mine) > (SELECT count(*) FROM mine WHERE ok) AS result
--- recursive cte over bosses | id=ids
WITH RECURSIVE up AS (SELECT id, boss FROM people WHERE id = <%= id %> UNION SELECT b.id, b.boss FROM people b JOIN up ON up.boss = b.id) SELECT count(*) > 1 AS result FROM up
--- recursive cte counts | n=counts
WITH RECURSIVE t(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM t WHERE x < <%= n %>) SELECT sum(x) > 10 AS result FROM t
--- union all of two rows | id=ids
SELECT true AS result FROM people WHERE id = <%= id %> UNION ALL SELECT false FROM visits WHERE person_id = <%= id %> AND n = 1
--- union of equal rows | id=ids
SELECT true AS result FROM people WHERE id = <%= id %> UNION SELECT true FROM visits WHERE person_id = <%= id %>
--- except | id=ids
SELECT true AS result FROM people WHERE id = <%= id %> EXCEPT SELECT true FROM visits WHERE person_id = <%= id %> AND n > 8
--- intersect | id=ids
(SELECT active AS result FROM people WHERE id = <%= id %>) INTERSECT (SELECT ok FROM visits WHERE person_id = <%= id %>)
--- parenthesised with order and limit | id=ids
(SELECT ok AS result FROM visits WHERE person_id = <%= id %> ORDER BY id DESC LIMIT 1)
--- values renamed | id=ids
SELECT column1 AS result FROM (VALUES (<%= id %>::bigint > 5)) v
--- values list join | id=ids
SELECT v.b AS result FROM (VALUES (1, true), (2, false), (7, NULL)) AS v(k, b) WHERE v.k = <%= id %>
--- lateral of the author's own | id=ids
SELECT l.ok AS result FROM people u, LATERAL (SELECT ok FROM visits v WHERE v.person_id = u.id ORDER BY v.id LIMIT 1) l WHERE u.id = <%= id %>
--- left lateral of the author's own | id=ids
SELECT l.ok AS result FROM people u LEFT JOIN LATERAL (SELECT ok FROM visits v WHERE v.person_id = u.id AND n = 9 ORDER BY v.id LIMIT 1) l ON true WHERE u.id = <%= id %>
--- subquery in the select list | id=ids
SELECT (SELECT ok FROM visits WHERE person_id = <%= id %> ORDER BY id LIMIT 1) AS result
--- subquery in the select list that gives several rows | id=ids
SELECT (SELECT ok FROM visits WHERE person_id = <%= id %>) AS result
--- subquery comparison | id=ids n=counts
SELECT (SELECT count(*) FROM visits WHERE person_id = <%= id %>) > <%= n %> AS result
--- in a subquery | id=ids
SELECT <%= id %> IN (SELECT person_id FROM visits WHERE n = 3) AS result
--- not in a subquery with nulls | id=ids
SELECT <%= id %> NOT IN (SELECT k FROM nulls) AS result
--- in a subquery with nulls | id=ids
SELECT <%= id %> IN (SELECT k FROM nulls) AS result
--- any of a subquery | n=numbers
SELECT '<%= n %>' > ANY (SELECT amount FROM visits WHERE person_id = 1) AS result
--- all of a subquery | n=numbers
SELECT '<%= n %>' > ALL (SELECT amount FROM visits WHERE person_id = 40) AS result
--- row comparison in a subquery | id=ids page=pages
SELECT (<%= id %>, '<%= page %>') IN (SELECT person_id, page FROM visits) AS result
--- coalesce of a subquery | id=ids
SELECT coalesce((SELECT ok FROM visits WHERE person_id = <%= id %> ORDER BY id LIMIT 1), false) AS result
--- coalesce stops before an error | id=ids n=divisors
SELECT coalesce((SELECT active FROM people WHERE id = <%= id %>), 10 / <%= n %> > 1) AS result
--- nullif, greatest, least | id=ids n=counts
SELECT greatest(nullif(<%= id %>::bigint, 7), least(<%= n %>::bigint, 3)) > 2 AS result
--- case guards a division by the variable | n=divisors
SELECT CASE WHEN <%= n %> <> 0 THEN 10 / <%= n %> > 1 ELSE false END AS result
--- case guards a division by the variable over a table | id=ids n=divisors
SELECT CASE WHEN <%= n %> <> 0 THEN u.id / <%= n %> > 1 ELSE false END AS result FROM people u WHERE u.id = <%= id %>
--- a parameter-only division in a branch that no row takes | id=ids n=divisors
SELECT CASE WHEN u.id > 0 THEN u.active ELSE 10 / <%= n %> > 1 END AS result FROM people u WHERE u.id = <%= id %>
--- a parameter-only division in a branch that some rows take | id=ids n=divisors
SELECT CASE WHEN u.active THEN true ELSE 10 / <%= n %> > 1 END AS result FROM people u WHERE u.id = <%= id %>
--- a parameter-only cast in a branch that no row takes | id=ids t=notes
SELECT CASE WHEN u.id > 0 THEN u.active ELSE '<%= t %>'::text::int > 1 END AS result FROM people u WHERE u.id = <%= id %>
--- a parameter-only literal cast in a branch that no row takes | id=ids t=notes
SELECT CASE WHEN u.id > 0 THEN u.active ELSE '<%= t %>'::int > 1 END AS result FROM people u WHERE u.id = <%= id %>
--- a parameter-only error where there is no row | id=ids n=divisors
SELECT 10 / <%= n %> > 1 AS result FROM people WHERE id = <%= id %>
--- a parameter-only error in an uncalled aggregate | id=ids n=divisors
SELECT sum(10 / <%= n %>) > 1 AS result FROM visits WHERE person_id = <%= id %>
--- a parameter-only error under limit 0 | n=divisors
SELECT 10 / <%= n %> > 1 AS result LIMIT 0
--- case guards a stored cast | id=ids
SELECT CASE WHEN note ~ '^[0-9]+$' THEN note::int > 6 ELSE NULL END AS result FROM people WHERE id = <%= id %>
--- stored cast | id=ids
SELECT note::int > 6 AS result FROM people WHERE id = <%= id %>
--- stored cast of several rows | id=small_ids
SELECT bool_or(note::int > 6) AS result FROM visits WHERE person_id = <%= id %>
--- stored division | id=ids
SELECT 10 / div >= 3 AS result FROM people WHERE id = <%= id %>
--- stored division in and | id=ids
SELECT div <> 0 AND 10 / div >= 3 AS result FROM people WHERE id = <%= id %>
--- stored division in or | id=ids
SELECT active OR 10 / div >= 3 AS result FROM people WHERE id = <%= id %>
--- stored division, false and error | id=ids
SELECT 10 / div >= 3 AND active AS result FROM people WHERE id = <%= id %>
--- numeric overflow | n=numbers
SELECT ('<%= n %>'::numeric(5, 2) > 50) AS result
--- integer overflow by the variable | id=ids
SELECT <%= id %>::int * 2 > 10 AS result
--- smallint cast | id=ids
SELECT <%= id %>::smallint > 10 AS result
--- float overflow | x=floats
SELECT <%= x %>::float8 * 1e10 > 5 AS result
--- float4 | x=floats
SELECT rate < <%= x %>::real AS result FROM people WHERE id = 7
--- float compare with stored nan | id=ids x=floats
SELECT ratio >= <%= x %> AS result FROM people WHERE id = <%= id %>
--- float equality | x=floats
SELECT EXISTS (SELECT 1 FROM people WHERE ratio = <%= x %>) AS result
--- square root of a negative | x=floats
SELECT sqrt(<%= x %>) > 1 AS result
--- logarithm | n=numbers
SELECT ln('<%= n %>'::numeric) > 1 AS result
--- numeric | n=numbers
SELECT EXISTS (SELECT 1 FROM people WHERE score = '<%= n %>') AS result
--- numeric as number | n=numbers:number
SELECT EXISTS (SELECT 1 FROM people WHERE score > <%= n %>) AS result
--- char(n), trailing blanks | t=codes
SELECT EXISTS (SELECT 1 FROM people WHERE c5 = '<%= t %>') AS result
--- char(n) cast | t=codes
SELECT '<%= t %>'::char(3) = 'ab' AS result
--- char(n) length and concatenation | t=codes
SELECT length('<%= t %>'::char(5)) = 2 AND '<%= t %>'::char(5) || 'x' = 'abx' AS result
--- char(n) column against text | t=codes
SELECT EXISTS (SELECT 1 FROM people WHERE c5::text = '<%= t %>') AS result
--- char(n) like | t=codes
SELECT EXISTS (SELECT 1 FROM people WHERE c5 LIKE '<%= t %>') AS result
--- varchar(n) cast truncates | t=codes
SELECT '<%= t %>'::varchar(4) = 'abcd' AS result
--- varchar(n) column | t=codes
SELECT EXISTS (SELECT 1 FROM people WHERE v4 = '<%= t %>') AS result
--- name type truncates | t=names
SELECT EXISTS (SELECT 1 FROM people WHERE label = '<%= t %>') AS result
--- name cast | t=names
SELECT length('<%= t %>'::name::text) > 60 AS result
--- domain over text | t=mails
SELECT EXISTS (SELECT 1 FROM people WHERE email = '<%= t %>') AS result
--- domain cast | t=mails
SELECT '<%= t %>'::mail = 'u7@x.io' AS result
--- domain over int cast | n=few
SELECT <%= n %>::small > 10 AS result
--- domain over int column | n=few
SELECT EXISTS (SELECT 1 FROM people WHERE few = <%= n %>) AS result
--- enum | m=moods
SELECT EXISTS (SELECT 1 FROM people WHERE mood = '<%= m %>') AS result
--- enum order | id=ids m=moods
SELECT mood >= '<%= m %>' AS result FROM people WHERE id = <%= id %>
--- enum cast | m=moods
SELECT '<%= m %>'::mood > 'sad' AS result
--- uuid | u=uuids
SELECT EXISTS (SELECT 1 FROM people WHERE key = '<%= u %>') AS result
--- uuid by kind | u=plain_uuids:uuid
SELECT active AS result FROM people WHERE key = <%= u %>
--- boolean | b=booleans
SELECT EXISTS (SELECT 1 FROM people WHERE active = <%= b %> AND plan = 'pro') AS result
--- boolean variable alone | b=booleans
SELECT <%= b %>::boolean AS result
--- boolean text | b=boolean_texts
SELECT '<%= b %>'::boolean AS result
--- boolean text by kind | b=boolean_texts:boolean
SELECT id = 6 AS result FROM people WHERE active = <%= b %> AND id < 4
--- boolean not, is true | b=boolean_texts
SELECT NOT '<%= b %>' IS TRUE AS result
--- date | d=dates
SELECT EXISTS (SELECT 1 FROM people WHERE born = '<%= d %>') AS result
--- date literal | d=dates
SELECT EXISTS (SELECT 1 FROM people WHERE born > DATE '<%= d %>') AS result
--- date by kind | d=dates:date
SELECT EXISTS (SELECT 1 FROM people WHERE born < <%= d %>) AS result
--- date part of a literal | y=id_texts
SELECT EXISTS (SELECT 1 FROM people WHERE born > '<%= y %>-06-01') AS result
--- date arithmetic | d=dates n=whole_days
SELECT EXISTS (SELECT 1 FROM people WHERE born < '<%= d %>'::date - <%= n %>::int) AS result
--- timestamptz | t=stamps
SELECT EXISTS (SELECT 1 FROM people WHERE seen >= '<%= t %>') AS result
--- timestamptz literal | t=stamps
SELECT count(*) > 10 AS result FROM visits WHERE at < TIMESTAMP WITH TIME ZONE '<%= t %>'
--- timestamp by kind | t=stamps:timestamp
SELECT count(*) > 10 AS result FROM visits WHERE at < <%= t %>
--- timestamp without time zone | t=stamps
SELECT EXISTS (SELECT 1 FROM people WHERE local = '<%= t %>') AS result
--- time | t=times
SELECT EXISTS (SELECT 1 FROM people WHERE wake > '<%= t %>') AS result
--- time literal | t=times
SELECT TIME '<%= t %>' > TIME '12:00' AS result
--- interval | t=intervals
SELECT EXISTS (SELECT 1 FROM people WHERE pause = '<%= t %>') AS result
--- interval days | n=days id=ids
SELECT EXISTS (SELECT 1 FROM visits WHERE person_id = <%= id %> AND at > timestamptz '2024-03-01Z' - INTERVAL '<%= n %> days') AS result
--- interval unit | n=days
SELECT count(*) > 20 AS result FROM visits WHERE at > timestamptz '2024-03-01Z' - INTERVAL '<%= n %>' DAY
--- interval by multiplication | n=counts
SELECT count(*) > 20 AS result FROM visits WHERE at > timestamptz '2024-03-01Z' - <%= n %> * INTERVAL '1 day'
--- make_interval | n=whole_days
SELECT count(*) > 20 AS result FROM visits WHERE at > timestamptz '2024-03-01Z' - make_interval(days => <%= n %>)
--- now in the past | n=days
SELECT EXISTS (SELECT 1 FROM visits WHERE at > now() - INTERVAL '<%= n %> days') AS result
--- now by integer days | id=ids n=whole_days
SELECT max(at) < now() - <%= n %> * INTERVAL '1 hour' AS result FROM visits WHERE person_id = <%= id %>
--- date_trunc by variable | id=ids u=units
SELECT date_trunc('<%= u %>', seen) = '2024-01-01Z' AS result FROM people WHERE id = <%= id %>
--- extract by function | id=ids u=units
SELECT date_part('<%= u %>', seen) > 5 AS result FROM people WHERE id = <%= id %>
--- at time zone | id=ids z=zones
SELECT (seen AT TIME ZONE '<%= z %>')::date = date '2024-01-08' AS result FROM people WHERE id = <%= id %>
--- group by a variable | u=units
SELECT count(*) > 100 AS result FROM visits GROUP BY date_trunc('<%= u %>', at) ORDER BY date_trunc('<%= u %>', at) LIMIT 1
--- to_date with a format | d=dates
SELECT to_date('<%= d %>', 'YYYY-MM-DD') > date '2000-01-01' AS result
--- age | d=dates
SELECT age(timestamp '2024-01-01', '<%= d %>') > INTERVAL '10 years' AS result
--- inet | i=ips
SELECT EXISTS (SELECT 1 FROM people WHERE ip = '<%= i %>') AS result
--- inet contained | i=ips
SELECT count(*) > 5 AS result FROM people WHERE ip << '<%= i %>'::inet
--- bytea | b=bytes
SELECT EXISTS (SELECT 1 FROM people WHERE raw = '<%= b %>') AS result
--- oid | o=ids
SELECT EXISTS (SELECT 1 FROM people WHERE o = <%= o %>) AS result
--- int2 column | n=ids
SELECT EXISTS (SELECT 1 FROM people WHERE level = <%= n %>) AS result
--- bigint column | n=id_texts
SELECT EXISTS (SELECT 1 FROM people WHERE big = <%= n %>) AS result
--- range contains | n=ids
SELECT count(*) > 3 AS result FROM people WHERE span @> <%= n %>
--- range literal | r=ranges
SELECT count(*) > 3 AS result FROM people WHERE span && '<%= r %>'
--- tsquery | q=searches
SELECT EXISTS (SELECT 1 FROM people WHERE search @@ '<%= q %>') AS result
--- to_tsquery | q=searches
SELECT EXISTS (SELECT 1 FROM people WHERE search @@ to_tsquery('simple', '<%= q %>')) AS result
--- websearch_to_tsquery | q=words
SELECT EXISTS (SELECT 1 FROM people WHERE search @@ websearch_to_tsquery('simple', '<%= q %>') AND id < 10) AS result
--- text equality | t=texts
SELECT EXISTS (SELECT 1 FROM people WHERE code = '<%= t %>') AS result
--- text unquoted | t=texts
SELECT EXISTS (SELECT 1 FROM people WHERE code = <%= t %>) AS result
--- like with constants around | t=texts
SELECT EXISTS (SELECT 1 FROM people WHERE code LIKE '%<%= t %>%') AS result
--- like with two variables in one literal | t=texts s=plans
SELECT EXISTS (SELECT 1 FROM people WHERE code || plan LIKE '<%= t %>%<%= s %>') AS result
--- ilike and not like | t=texts
SELECT count(*) > 2 AS result FROM people WHERE code NOT ILIKE '<%= t %>%'
--- like with escape | t=texts
SELECT EXISTS (SELECT 1 FROM people WHERE code LIKE '<%= t %>' ESCAPE '!') AS result
--- regular expression | t=patterns
SELECT EXISTS (SELECT 1 FROM people WHERE code ~ '<%= t %>') AS result
--- regexp functions | id=ids t=patterns
SELECT regexp_replace(code, '<%= t %>', '', 'g') = '' AS result FROM people WHERE id = <%= id %>
--- similar to | t=texts
SELECT EXISTS (SELECT 1 FROM people WHERE code SIMILAR TO '<%= t %>') AS result
--- concatenation | a=texts b=texts
SELECT '<%= a %>' || '<%= b %>' = 'ab' AS result
--- format and concat | a=texts
SELECT format('%s-%s', '<%= a %>', 1) = 'a-1' OR concat('<%= a %>', NULL, 2) = 'b2' AS result
--- length of multibyte text | a=texts
SELECT length('<%= a %>') = 3 AND octet_length('<%= a %>') > 3 AS result
--- substring by variable | a=texts n=counts
SELECT substring('<%= a %>' from <%= n %> for 1) = 'a' AS result
--- left by variable | a=texts n=divisors
SELECT left('<%= a %>', <%= n %>) = 'a' AS result
--- collation | a=texts
SELECT '<%= a %>' COLLATE "C" > 'b' AS result
--- upper, trim, md5 | a=texts
SELECT md5(trim(upper('<%= a %>'))) = md5('A') AS result
--- part of a longer literal | a=texts
SELECT 'it''s <%= a %>, isn''t it?' = 'it''s a, isn''t it?' AS result
--- literal twice in one literal | a=texts
SELECT '<%= a %>-<%= a %>' = 'b-b' AS result
--- jsonb contains with a tag | t=teams
SELECT EXISTS (SELECT 1 FROM people WHERE attrs @> '{"team": "<%= t %>"}') AS result
--- jsonb contains a number | n=id_texts
SELECT EXISTS (SELECT 1 FROM people WHERE attrs @> '{"n": <%= n %>}') AS result
--- jsonb key operator | id=ids k=keys
SELECT attrs ? '<%= k %>' AS result FROM people WHERE id = <%= id %>
--- jsonb arrow by text | id=ids k=keys
SELECT attrs -> '<%= k %>' IS NOT NULL AS result FROM people WHERE id = <%= id %>
--- jsonb arrow text compare | id=ids k=keys t=teams
SELECT attrs ->> '<%= k %>' = '<%= t %>' AS result FROM people WHERE id = <%= id %>
--- jsonb arrow by number | id=ids n=limits
SELECT attrs -> 'list' ->> <%= n %>::int = 'x1' AS result FROM people WHERE id = <%= id %>
--- jsonb path in an array literal | id=ids k=keys
SELECT attrs #>> '{<%= k %>,0}' = '1' AS result FROM people WHERE id = <%= id %>
--- jsonb whole variable | j=json_texts
SELECT EXISTS (SELECT 1 FROM people WHERE attrs @> '<%= j %>'::jsonb) AS result
--- jsonb cast to boolean | id=ids k=keys
SELECT (attrs ->> '<%= k %>')::boolean AS result FROM people WHERE id = <%= id %>
--- jsonpath with a variable | n=ids
SELECT count(*) > 0 AS result FROM people WHERE jsonb_path_exists(attrs, '$.n ? (@ == $x)', jsonb_build_object('x', <%= n %>::bigint))
--- jsonpath literal with a tag | n=id_texts
SELECT EXISTS (SELECT 1 FROM people WHERE attrs @@ '$.n == <%= n %>') AS result
--- jsonb elements | id=ids t=teams
SELECT EXISTS (SELECT 1 FROM people u, jsonb_array_elements_text(u.attrs -> 'list') e WHERE u.id = <%= id %> AND e = '<%= t %>') AS result
--- jsonb_build from the variable | t=texts
SELECT jsonb_build_object('a', '<%= t %>'::text) = '{"a": "b"}' AS result
--- array literal with tags | a=elements b=elements
SELECT EXISTS (SELECT 1 FROM people WHERE tags @> '{<%= a %>,"<%= b %>"}') AS result
--- array overlap of a whole variable | a=arrays
SELECT EXISTS (SELECT 1 FROM people WHERE tags && '<%= a %>') AS result
--- any of an array variable | id=ids a=arrays
SELECT 't1' = ANY('<%= a %>'::text[]) AND <%= id %> > 3 AS result
--- any of a column | a=elements
SELECT EXISTS (SELECT 1 FROM people WHERE '<%= a %>' = ANY(tags)) AS result
--- all of an array constructor | a=counts b=counts
SELECT EXISTS (SELECT 1 FROM people WHERE id <> ALL(ARRAY[<%= a %>, <%= b %>]::int[]) AND id < 3) AS result
--- array subscripts | id=ids n=limits
SELECT nums[<%= n %>] > 5 AS result FROM people WHERE id = <%= id %>
--- array slice and length | id=ids n=limits
SELECT array_length(nums[1:<%= n %>], 1) = 2 AS result FROM people WHERE id = <%= id %>
--- unnest of the author's own | id=ids a=elements
SELECT EXISTS (SELECT 1 FROM people u, unnest(u.tags) WITH ORDINALITY AS t(tag, ord) WHERE u.id = <%= id %> AND t.tag = '<%= a %>' AND t.ord > 0) AS result
--- string_to_array of a variable | id=ids t=elements
SELECT '<%= t %>' = ANY(string_to_array(array_to_string(tags, ';'), ';')) AS result FROM people WHERE id = <%= id %>
--- in a list | id=ids l=int_lists:list
SELECT <%= id %> IN (<%= l %>) AS result
--- not in a list | id=ids l=int_lists:list
SELECT EXISTS (SELECT 1 FROM people WHERE id = <%= id %> AND id NOT IN (<%= l %>)) AS result
--- any of a list | id=ids l=int_lists:list
SELECT EXISTS (SELECT 1 FROM visits WHERE person_id = <%= id %> AND n = ANY(<%= l %>)) AS result
--- in a list of texts | id=ids l=text_lists:list
SELECT plan IN (<%= l %>) AS result FROM people WHERE id = <%= id %>
--- lists of two types beside an exists | code=texts l=text_lists:list m=int_lists:list
SELECT EXISTS (SELECT 1 FROM people WHERE code = '<%= code %>' AND (plan IN (<%= l %>) OR id IN (<%= m %>))) AS result
--- in with several variables | id=ids a=counts b=ids
SELECT <%= id %>::bigint IN (<%= a %>, <%= b %>, 7) AS result
--- in constants | id=ids
SELECT <%= id %> IN (1, 7, NULL) AS result
--- is distinct from | a=texts b=texts
SELECT '<%= a %>' IS DISTINCT FROM '<%= b %>' AS result
--- is null | a=texts
SELECT '<%= a %>' IS NULL AS result
--- is null, unquoted and typed by nothing | a=texts
SELECT <%= a %> IS NULL AS result
--- null and false | id=ids a=plans
SELECT id = <%= id %> AND plan = '<%= a %>' AS result FROM people WHERE id = 7
--- a constant result | id=ids
SELECT true AS result FROM (SELECT <%= id %>::bigint AS x) q WHERE x > 5
--- no table | id=ids
SELECT <%= id %> > 5 AS result
--- no table and no row | id=ids
SELECT true AS result WHERE <%= id %>::bigint > 5
--- several rows from nowhere | n=limits
SELECT true AS result FROM generate_series(1, <%= n %>)
--- a set returning select list | n=limits
SELECT generate_series(1, <%= n %>) > 1 AS result
--- a trailing comment | id=ids
SELECT active AS result FROM people WHERE id = <%= id %> -- the end
--- a trailing comment with a tag | id=ids
SELECT active AS result FROM people WHERE id = <%= id %> -- and <%= gone %> (
--- a trailing semicolon and comments | id=ids
/* one */ SELECT active AS result /* ) */ FROM people -- (
WHERE id = <%= id %>; -- done
--- a table named p | id=small_ids
SELECT p.result AS result FROM p WHERE p.v1 = <%= id %>
--- a table named p and one named c | id=small_ids
SELECT c.result AND p.result AS result FROM p JOIN c ON c.v1 = p.v1 WHERE p.v1 = <%= id %>
--- columns named ord and v1, unqualified | id=small_ids
SELECT ord > 1 AS result FROM p WHERE v1 = <%= id %>
--- a table named ord | id=small_ids
SELECT ord.v1 = 'a' AS result FROM ord WHERE ord.ord = <%= id %>
--- a whole row of a table named ord | id=small_ids
SELECT o IS NOT NULL AS result FROM ord o WHERE o = ROW(<%= id %>::int, 'a'::text)
--- a table named unnest | id=small_ids
SELECT "unnest"."unnest" = 'x' AS result FROM "unnest" WHERE v1 = <%= id %>
--- aliases p, c, v1, ord, unnest | id=ids
SELECT c.n > 5 AS result FROM people p JOIN visits c ON c.person_id = p.id JOIN LATERAL (SELECT 1 AS v1) v1 ON true JOIN LATERAL (SELECT 1 AS ord) "unnest" ON true WHERE p.id = <%= id %> ORDER BY c.id LIMIT 1
--- a cte named p and one named c | id=ids
WITH p AS (SELECT <%= id %>::bigint AS v1), c AS (SELECT * FROM people) SELECT c.active AS result FROM p, c WHERE c.id = p.v1
--- alias _df like names of the author's | id=ids
SELECT df_p.active AS result FROM people df_p WHERE df_p.id = <%= id %>
--- exists over a table named p | id=small_ids
SELECT EXISTS (SELECT 1 FROM p WHERE v1 = <%= id %> AND ord < 3) AS result
--- exists with an alias that hides a column | id=small_ids
SELECT EXISTS (SELECT 1 FROM c AS p WHERE p.v1 = <%= id %> AND p.p = 'p' || p.v1) AS result
--- quoted identifiers | id=small_ids
SELECT "select" = 'from' AS "result" FROM "Odd Table" WHERE "Mixed Col" = <%= id %>
--- quoted identifiers with multibyte text | t=texts
SELECT EXISTS (SELECT 1 FROM "Odd Table" AS "a<%b" WHERE "a<%b"."naïve" = '<%= t %>') AS result
--- dollar quotes and question marks | id=ids
SELECT attrs ? 'team' AND $$it's $1$$ <> '' AS result FROM people WHERE id = <%= id %>
--- escape strings | t=texts
SELECT E'\'\\' || '<%= t %>' = E'\'\\a' AS result
--- a view | id=ids
SELECT EXISTS (SELECT 1 FROM active_people WHERE id = <%= id %> AND plan IS NOT NULL) AS result
--- a dotted variable | user.id=ids
SELECT active AS result FROM people WHERE id = <%= user.id %>
--- the same variable five times | id=small_ids
SELECT <%= id %> = <%= id %> AND <%= id %>::text = '<%= id %>' AND EXISTS (SELECT 1 FROM people WHERE id = <%= id %>) AS result
--- a variable as text here and as a number there | id=small_ids
SELECT EXISTS (SELECT 1 FROM people WHERE id = <%= id %> AND label = 'n<%= id %>') AS result
--- five variables of five types | id=ids d=dates u=uuids n=numbers b=boolean_texts
SELECT EXISTS (SELECT 1 FROM people WHERE id = <%= id %> OR born = '<%= d %>' OR key = '<%= u %>' OR score = '<%= n %>' OR active = '<%= b %>') AS result
--- a full join | id=ids
SELECT count(*) > 3 AS result FROM (SELECT * FROM people WHERE id = <%= id %>) a FULL JOIN (SELECT * FROM visits WHERE person_id = <%= id %>) b ON a.id = b.person_id
--- using and natural join | id=small_ids
SELECT result AS result FROM p NATURAL JOIN (SELECT v1, ord FROM p WHERE v1 = <%= id %>) q
--- rows from | n=limits
SELECT count(*) = 2 AS result FROM ROWS FROM (generate_series(1, <%= n %>), generate_series(1, 2)) AS r(a, b)
--- for every group | id=ids
SELECT bool_and(c > 1) AS result FROM (SELECT page, count(*) AS c FROM visits WHERE person_id = <%= id %> GROUP BY page) q
--- having over a window over a group | id=ids
SELECT (sum(count(*)) OVER ()) > 9 AS result FROM visits WHERE person_id = <%= id %> GROUP BY page ORDER BY page LIMIT 1
--- width_bucket and modulo by the variable | n=divisors
SELECT 7 % <%= n %> = 1 AS result
--- bit operations | n=divisors
SELECT (5 & <%= n %>) = 1 AS result
--- power and factorial overflow | n=whole_days
SELECT power(10::numeric, <%= n %>) > 5 AS result FROM people WHERE id = 1 AND <%= n %> < 1000
--- a cast that rounds | x=floats
SELECT <%= x %>::int > 1 AS result
--- chr of the variable | n=whole_days
SELECT chr(<%= n %>) = 'a' AS result
--- repeat of the variable | n=counts
SELECT length(repeat('ab', <%= n %>)) > 5 AS result
--- to_char | id=ids t=texts
SELECT to_char(seen, '<%= t %>') <> '' AS result FROM people WHERE id = <%= id %>
--- num_nulls and array of nulls | a=texts b=ids
SELECT num_nulls('<%= a %>'::text, <%= b %>::bigint) > 0 AS result
--- current_date arithmetic | n=whole_days
SELECT current_date - <%= n %>::int < date '2024-01-01' AS result
--- exists over a window's run condition | n=limit_texts
SELECT EXISTS (SELECT 1 FROM (SELECT row_number() OVER (PARTITION BY plan ORDER BY id) AS rn FROM people) t WHERE rn <= <%= n %>) AS result
--- not exists over a window's run condition | n=counts
SELECT NOT EXISTS (SELECT 1 FROM (SELECT rank() OVER (ORDER BY id) AS rn FROM people) t WHERE rn <= <%= n %>) AS result
--- a count over a window's run condition | n=counts
SELECT count(*) > 2 AS result FROM (SELECT row_number() OVER (ORDER BY id) AS rn FROM people) t WHERE rn <= <%= n %>
--- a subquery over a window's run condition | n=counts
SELECT (SELECT count(*) FROM (SELECT row_number() OVER (ORDER BY id) AS rn FROM people) t WHERE rn < <%= n %>) > 2 AS result
--- in over a window's run condition | n=counts
SELECT 3 IN (SELECT rn FROM (SELECT dense_rank() OVER (ORDER BY id) AS rn FROM people) t WHERE rn <= <%= n %>) AS result
--- a window's run condition within a cte | n=counts
WITH t AS (SELECT id, count(*) OVER (ORDER BY id) AS c FROM people), u AS MATERIALIZED (SELECT * FROM t WHERE c <= <%= n %>) SELECT EXISTS (SELECT 1 FROM u WHERE id > 2) AS result
--- a window's run condition beside another table | n=counts id=small_ids
SELECT EXISTS (SELECT 1 FROM visits v JOIN (SELECT * FROM (SELECT id, row_number() OVER (ORDER BY id) AS rn FROM people) w WHERE rn <= <%= n %>) t ON t.id = v.person_id WHERE v.person_id = <%= id %>) AS result
--- a window's run condition in a union | n=counts
SELECT EXISTS (SELECT 1 FROM (SELECT row_number() OVER (ORDER BY id) AS rn FROM people) t WHERE rn <= <%= n %> UNION ALL SELECT 1 FROM empty_table) AS result
