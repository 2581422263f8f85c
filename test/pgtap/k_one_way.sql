-- Two sums of one column in one SELECT, of which one leaves a person out: where a view
-- is read twice they are refused, whatever the data
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
SET search_path = permit_hydro, public, pg_catalog;
\o
SELECT no_plan();

CREATE FUNCTION pg_temp.ask(query text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.as_role('t_analyst', query) $$;
CREATE FUNCTION pg_temp.rows_of(query text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.ask(format('SELECT string_agg(q::text, '' '') FROM (%s) q', query)) $$;

-- one person has a visit of 2021-01-11; it cost 30
SELECT is((SELECT array_agg(cost) FROM omop.visit_occurrence WHERE visit_start_date = '2021-01-11'), '{30}', 'who is looked for');

CREATE TEMP TABLE attacks (name text, query text);
INSERT INTO attacks VALUES
    ('an outer join leaves a row out', $$SELECT sum(v.cost), sum(w.cost) FROM visit_occurrence v LEFT JOIN visit_occurrence w
        ON w.person_id = v.person_id AND w.visit_occurrence_id = v.visit_occurrence_id AND v.visit_start_date <> '2021-01-11' WHERE v.cost < 10000000$$),
    ('so does a subquery', $$SELECT avg(v.cost), sum(w.cost) FROM visit_occurrence v LEFT JOIN (SELECT person_id, visit_occurrence_id, cost FROM visit_occurrence WHERE visit_start_date <> '2021-01-11') w
        ON w.person_id = v.person_id AND w.visit_occurrence_id = v.visit_occurrence_id$$),
    ('made inside a subquery', $$SELECT sum(a), sum(b) FROM (SELECT v.person_id, v.cost AS a, w.cost AS b FROM visit_occurrence v LEFT JOIN visit_occurrence w
        ON w.person_id = v.person_id AND w.visit_occurrence_id = v.visit_occurrence_id AND v.visit_start_date <> '2021-01-11') x$$),
    ('of a WITH query', $$WITH v AS (SELECT * FROM visit_occurrence) SELECT sum(v.cost), stddev(w.cost) FROM v LEFT JOIN v w
        ON w.person_id = v.person_id AND w.visit_occurrence_id = v.visit_occurrence_id AND v.visit_start_date <> '2021-01-11'$$),
    ('a row meets another one for one person only', $$SELECT ehds.k_sum(x.person_id, x.cost), ehds.k_sum(x.person_id, y.cost) FROM visit_occurrence x JOIN visit_occurrence y ON y.person_id = x.person_id
        AND CASE WHEN x.visit_start_date = '2021-01-11' THEN y.visit_occurrence_id <> x.visit_occurrence_id ELSE y.visit_occurrence_id = x.visit_occurrence_id END$$),
    ('LATERAL', $$SELECT sum(x.cost), sum(y.cost) FROM visit_occurrence x, LATERAL (SELECT w.cost FROM visit_occurrence w WHERE w.person_id = x.person_id AND w.visit_occurrence_id = x.visit_occurrence_id AND w.visit_start_date <> '2021-01-11') y$$),
    ('sums within persons', $$SELECT sum(a.s), sum(b.s) FROM (SELECT person_id, sum(cost) AS s FROM visit_occurrence GROUP BY 1) a
        JOIN (SELECT person_id, sum(cost) AS s FROM visit_occurrence WHERE visit_start_date <> '2021-01-11' GROUP BY 1) b USING (person_id)$$),
    ('extremes within persons, of one join', $$SELECT sum(a), sum(b) FROM (SELECT v.person_id, max(v.cost) AS a, max(w.cost) AS b FROM visit_occurrence v LEFT JOIN visit_occurrence w
        ON w.person_id = v.person_id AND w.visit_occurrence_id = v.visit_occurrence_id AND v.visit_start_date <> '2021-01-11' GROUP BY 1) x$$),
    ('numbers of rows within persons', $$SELECT sum(a.n), sum(b.n) FROM (SELECT person_id, count(*) AS n FROM visit_occurrence GROUP BY 1) a
        JOIN (SELECT person_id, count(*) AS n FROM visit_occurrence WHERE visit_start_date <> '2021-01-11' GROUP BY 1) b USING (person_id)$$),
    ('regression', $$SELECT regr_avgx(v.cost, w.cost), regr_avgy(v.cost, w.cost) FROM visit_occurrence v JOIN visit_occurrence w ON w.person_id = v.person_id$$),
    ('differences of dates', $$SELECT sum(c.condition_start_date - v.visit_start_date), sum(c.condition_start_date - w.visit_start_date) FROM condition_occurrence c JOIN visit_occurrence v ON v.person_id = c.person_id LEFT JOIN visit_occurrence w
        ON w.person_id = v.person_id AND w.visit_occurrence_id = v.visit_occurrence_id AND v.visit_start_date <> '2021-01-11'$$),
    ('made inside a subquery, too', $$SELECT avg(a), sum(b) FROM (SELECT v.person_id, c.condition_start_date - v.visit_start_date AS a, c.condition_start_date - w.visit_start_date AS b FROM condition_occurrence c JOIN visit_occurrence v ON v.person_id = c.person_id LEFT JOIN visit_occurrence w
        ON w.person_id = v.person_id AND w.visit_occurrence_id = v.visit_occurrence_id AND v.visit_start_date <> '2021-01-11') x$$),
    ('with a factor', $$SELECT sum(v.cost), sum(2 * w.cost) FROM visit_occurrence v LEFT JOIN visit_occurrence w
        ON w.person_id = v.person_id AND w.visit_occurrence_id = v.visit_occurrence_id AND v.visit_start_date <> '2021-01-11'$$),
    ('of one code and the same code', $$SELECT sum(v.cost), sum(w.cost) FROM visit_occurrence v JOIN visit_occurrence w ON w.person_id = v.person_id WHERE v.region = 'north' AND w.region = 'north'$$),
    ('of a code and all', $$SELECT sum(v.cost), sum(w.cost) FROM visit_occurrence v JOIN visit_occurrence w ON w.person_id = v.person_id WHERE w.region = 'north'$$),
    ('of two codes and one of them again', $$SELECT sum(v.cost), sum(w.cost), sum(x.cost) FROM visit_occurrence v JOIN visit_occurrence w ON w.person_id = v.person_id JOIN visit_occurrence x ON x.person_id = v.person_id
        WHERE v.region = 'north' AND w.region = 'south' AND x.region = 'north'$$),
    ('a condition of the side that is kept', $$SELECT sum(v.cost), sum(w.cost) FROM visit_occurrence v LEFT JOIN visit_occurrence w ON w.person_id = v.person_id AND v.region = 'north' AND w.region = 'south'$$),
    ('one of two conditions', $$SELECT sum(v.cost), sum(w.cost) FROM visit_occurrence v JOIN visit_occurrence w ON w.person_id = v.person_id WHERE (v.region = 'north' OR v.cost > 0) AND w.region = 'south'$$),
    ('what is made of a code', $$SELECT sum(a.s), sum(b.s) FROM (SELECT person_id, sum(cost) AS s, max(visit_start_date) AS r FROM visit_occurrence GROUP BY 1) a
        JOIN (SELECT person_id, sum(cost) AS s, min(visit_start_date) AS r FROM visit_occurrence GROUP BY 1) b USING (person_id) WHERE a.r = '2022-01-01' AND b.r = '2021-01-11'$$),
    ('codes of other rows', $$SELECT sum(a.s), sum(b.s) FROM (SELECT v.person_id, v.cost AS s, w.region AS r FROM visit_occurrence v JOIN visit_occurrence w ON w.person_id = v.person_id) a
        JOIN (SELECT v.person_id, v.cost AS s, w.region AS r FROM visit_occurrence v JOIN visit_occurrence w ON w.person_id = v.person_id) b USING (person_id) WHERE a.r = 'west' AND b.r = 'east'$$),
    ('in groups', $$SELECT v.region, sum(v.cost), sum(w.cost) FROM visit_occurrence v LEFT JOIN visit_occurrence w
        ON w.person_id = v.person_id AND w.visit_occurrence_id = v.visit_occurrence_id AND v.visit_start_date <> '2021-01-11' GROUP BY ROLLUP (1)$$);
SELECT throws_ok(format('SELECT pg_temp.rows_of(%L)', query), 'ZE002', 'sums and averages of one column that is read twice are not supported in one SELECT under a statistics permit', name) FROM attacks;

-- rows beside the same rows counted within persons
CREATE TEMP TABLE beside (name text, query text);
INSERT INTO beside VALUES
    ('rows and a sum of numbers of rows', $$SELECT count(*), sum(w.n) FROM (SELECT *, row_number() OVER (PARTITION BY person_id ORDER BY visit_occurrence_id) AS i FROM visit_occurrence) v
        LEFT JOIN (SELECT person_id, count(*) AS n FROM visit_occurrence WHERE visit_start_date <> '2021-01-11' GROUP BY 1) w ON w.person_id = v.person_id AND v.i = 1$$),
    ('or an average of others, which tells rows', $$SELECT avg(i), sum(n) FROM (SELECT v.person_id, v.cost AS i, w.n FROM (SELECT *, row_number() OVER (PARTITION BY person_id ORDER BY visit_occurrence_id) AS i FROM visit_occurrence) v
        LEFT JOIN (SELECT person_id, count(*) AS n FROM visit_occurrence WHERE visit_start_date <> '2021-01-11' GROUP BY 1) w ON w.person_id = v.person_id AND v.i = 1) x$$);
SELECT throws_ok(format('SELECT pg_temp.rows_of(%L)', query), 'ZE002', 'numbers of rows, and sums of numbers of rows of the same view, are not supported in one SELECT under a statistics permit', name) FROM beside;

-- what reads a column once, or other columns, is answered
SELECT is(pg_temp.rows_of('SELECT count(*), sum(n), avg(n) FROM (SELECT person_id, count(*) AS n FROM visit_occurrence GROUP BY 1) x'), '(400,1000,2.5000000000000000)', 'persons and their visits');
SELECT is(pg_temp.rows_of('SELECT count(*), sum(n) FROM person JOIN (SELECT person_id, count(*) AS n FROM visit_occurrence GROUP BY 1) x USING (person_id)'), '(400,1000)', 'beside a table of persons');
SELECT is(pg_temp.rows_of('WITH c AS (SELECT DISTINCT person_id FROM visit_occurrence WHERE region = ''north'') SELECT count(*), sum(n) FROM c JOIN (SELECT person_id, count(*) AS n FROM visit_occurrence GROUP BY 1) x USING (person_id)'), '(200,700)', 'or of some of them');
SELECT is(pg_temp.rows_of('SELECT count(*), sum(v.n), sum(c.n) FROM (SELECT person_id, count(*) AS n FROM visit_occurrence GROUP BY 1) v JOIN (SELECT person_id, count(*) AS n FROM condition_occurrence GROUP BY 1) c USING (person_id)'), '(400,1000,695)', 'of two views');
SELECT is(pg_temp.rows_of('SELECT sum(cost), sum(c), sum(2 * c) FROM (SELECT person_id, cost, cost AS c FROM visit_occurrence WHERE cost < 10000000) x'), '(2000000,2000000,4000000)', 'under two names');
SELECT is(pg_temp.rows_of('SELECT sum(v.cost) > 0 AS a, sum(p.year_of_birth) > 0 AS b FROM visit_occurrence v JOIN person p USING (person_id) WHERE v.cost < 10000000'), '(t,t)', 'of two columns');
-- two codes are as good as two columns
SELECT is(pg_temp.rows_of('SELECT sum(v.cost) > 0 AS a, sum(w.cost) > 0 AS b FROM visit_occurrence v JOIN visit_occurrence w ON w.person_id = v.person_id WHERE v.region = ''north'' AND w.region = ''south'' AND v.cost < 10000000'), '(t,t)', 'of two regions');
SELECT is(pg_temp.rows_of('SELECT sum(v.cost) > 0 AS a, avg(w.cost) > 0 AS b FROM (SELECT * FROM visit_occurrence WHERE region = ''north'' AND cost < 10000000) v JOIN visit_occurrence w ON w.person_id = v.person_id AND w.region = ''south'''), '(t,t)', 'by conditions in other places');
SELECT is(pg_temp.rows_of('SELECT sum(v.cost) > 0 AS a, sum(w.cost) > 0 AS b FROM visit_occurrence v LEFT JOIN visit_occurrence w ON w.person_id = v.person_id AND w.region = ''south'' WHERE v.region = ''north'' AND v.cost < 10000000'), '(t,t)', 'of an outer join');
SELECT is(pg_temp.rows_of('SELECT sum(a.s) > 0 AS a, avg(b.s) > 0 AS b, sum(a.n) > 0 AS n, sum(b.n) > 0 AS m FROM (SELECT person_id, sum(cost) AS s, count(*) AS n FROM visit_occurrence WHERE region = ''north'' AND cost < 10000000 GROUP BY 1) a
    JOIN (SELECT person_id, sum(cost) AS s, count(*) AS n FROM visit_occurrence WHERE region = ''south'' GROUP BY 1) b USING (person_id)'), '(t,t,t,t)', 'within persons');
SELECT is(pg_temp.rows_of('SELECT sum(a.s) > 0 AS a, sum(b.s) > 0 AS b FROM (SELECT person_id, region, sum(cost) AS s FROM visit_occurrence WHERE cost < 10000000 GROUP BY 1, 2) a
    JOIN (SELECT person_id, region, sum(cost) AS s FROM visit_occurrence GROUP BY 1, 2) b ON b.person_id = a.person_id AND a.region = ''north'' AND b.region = ''south'''), '(t,t)', 'by keys within persons');
SELECT is(pg_temp.rows_of('SELECT sum(c.condition_start_date - v.visit_start_date) IS NOT NULL AS a, avg(v.visit_start_date - c.condition_start_date) IS NOT NULL AS b FROM condition_occurrence c JOIN visit_occurrence v ON v.person_id = c.person_id WHERE c.condition_concept_id = 100'), '(t,t)', 'of two differences of columns that are read once');
SELECT is(pg_temp.rows_of('SELECT round(corr(v.cost, w.cost)::numeric, 6) AS r FROM visit_occurrence v JOIN visit_occurrence w ON w.person_id = v.person_id AND w.visit_occurrence_id <> v.visit_occurrence_id WHERE v.cost < 10000000'), '(1.000000)', 'a correlation is no sum');
SELECT is(pg_temp.rows_of('SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY v.cost) > 0 AS a, percentile_cont(0.5) WITHIN GROUP (ORDER BY w.cost) > 0 AS b FROM visit_occurrence v JOIN visit_occurrence w ON w.person_id = v.person_id WHERE v.cost < 10000000'), '(t,t)', 'nor is a median');
SELECT * FROM finish();
