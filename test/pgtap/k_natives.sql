-- Which protected aggregate stands for a native one under a permit, with equal results and types
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
ALTER TABLE omop.visit_occurrence ADD COLUMN ratio numeric(8, 3), ADD COLUMN score double precision, ADD COLUMN big bigint, ADD COLUMN small smallint, ADD COLUMN single real;
UPDATE omop.visit_occurrence SET ratio = cost / 7.0, score = sqrt(cost), big = cost * 3000000000, small = cost / 10, single = cost WHERE cost < 10000000;
SET SESSION AUTHORIZATION t_governor;
SELECT ehds.issue_permit('wide', grantee => 't_project', purpose => 'research', output => 'statistics', valid_until => '2099-12-31', k => 11);
SELECT ehds.permit_table('wide', 'omop.visit_occurrence');
SET SESSION AUTHORIZATION t_governor2;
SELECT ehds.activate_permit('wide');
RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
SET search_path = permit_wide, public, pg_catalog;
\o
SELECT no_plan();

CREATE FUNCTION pg_temp.ask(query text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.as_role('t_analyst', query) $$;
CREATE FUNCTION pg_temp.rows_of(query text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.ask(format('SELECT string_agg(q::text, '' '') FROM (%s) q', query)) $$;
CREATE FUNCTION pg_temp.native(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r text;
BEGIN
    EXECUTE format('SELECT string_agg(q::text, '' '') FROM (%s) q', replace(query, 'visit_occurrence', 'omop.visit_occurrence')) INTO r;
    RETURN r;
END $$;

SELECT is(pg_temp.rows_of(q), pg_temp.native(q), q)
FROM unnest(ARRAY['cost', 'big', 'ratio']) c,
    unnest(ARRAY['avg(%s)', 'stddev(%s)', 'stddev_samp(%s)', 'variance(%s)', 'var_samp(%s)', 'var_pop(%s)', 'stddev_pop(%s)', 'percentile_cont(0.5) WITHIN GROUP (ORDER BY %s)',
        'percentile_cont(0.25) WITHIN GROUP (ORDER BY %s DESC)', 'percentile_cont(0.9) WITHIN GROUP (ORDER BY %s) FILTER (WHERE cost > 500)', 'avg(%s) FILTER (WHERE cost BETWEEN 1000 AND 3000)',
        'pg_typeof(avg(%s)), pg_typeof(variance(%s)), pg_typeof(percentile_cont(0.1) WITHIN GROUP (ORDER BY %s))']) f,
    format('SELECT x, %s AS f FROM (SELECT *, CASE WHEN region IN (''north'', ''east'') THEN 1 ELSE 2 END AS x FROM visit_occurrence WHERE cost < 10000000) v GROUP BY x ORDER BY x', replace(f, '%s', c)) q;
SELECT is(pg_temp.rows_of(q), pg_temp.native(q), q)
FROM unnest(ARRAY['avg(CASE WHEN cost > 1000 THEN 1.0 ELSE 0.0 END)', 'avg(CASE WHEN cost > 1000 THEN 1 ELSE 0 END)', 'avg((cost > 1000)::integer)',
    'sum(CASE WHEN cost > 1000 THEN 1 ELSE 0 END)', 'count(CASE WHEN cost > 1000 THEN 1 END)', 'avg((cost > 1000)::integer) FILTER (WHERE cost < 2000)']) f,
    format('SELECT region, %s AS f FROM visit_occurrence WHERE cost < 10000000 GROUP BY 1 ORDER BY 1', f) q;
-- doubles are summed in twice the precision, so that the last digits are ours
SELECT is(pg_temp.rows_of(q), pg_temp.native(q), q)
FROM unnest(ARRAY['score', 'small']) c,
    unnest(ARRAY['avg(%s)', 'stddev(%s)', 'var_samp(%s)', 'var_pop(%s)', 'stddev_pop(%s)', 'percentile_cont(0.5) WITHIN GROUP (ORDER BY %s)', 'avg(%s) FILTER (WHERE cost BETWEEN 1000 AND 3000)']) f,
    format('SELECT region, round((%s)::numeric, 8) AS f, pg_typeof(%s) FROM visit_occurrence WHERE cost < 10000000 GROUP BY 1 ORDER BY 1', replace(f, '%s', c), replace(f, '%s', c)) q;
-- native columns of the same type: what client code computes with them goes on working
SELECT is(pg_temp.ask('SELECT round(avg(cost) * 2, 3) || '' '' || (percentile_cont(0.5) WITHIN GROUP (ORDER BY cost) + 1)::text FROM visit_occurrence WHERE cost < 10000000'), '4004.004 2001', 'arithmetic on results');

SELECT is(pg_temp.rows_of('SELECT region, avg(cost) IS NULL AS a, variance(cost) IS NULL AS v, percentile_cont(0.5) WITHIN GROUP (ORDER BY cost) AS m FROM visit_occurrence GROUP BY 1 ORDER BY 1'),
    '(east,f,f,2000) (north,f,f,2005) (south,t,t,2010) (west,f,f,2000)', 'averages that one person dominates, and medians that nobody does');
SELECT is(pg_temp.rows_of('SELECT avg((cost = 10000000)::integer) AS a, avg((cost <> 10000000)::integer) AS b, avg(CASE WHEN cost > 20 THEN 1.0 ELSE 0.0 END) AS c FROM visit_occurrence'), '(,,)', 'shares that tell of a few, from either side');
SELECT is(pg_temp.rows_of('SELECT ehds.k_min(person_id, cost), ehds.k_max(person_id, cost), ehds.k_median(person_id, cost) AS m, ehds.k_percentile(person_id, cost, 0.5) AS p, ehds.k_avg(person_id, cost, 50) AS a FROM visit_occurrence'),
    '(110,3900,2005,2005,12000.000000000000)', 'in the words of ehds');
SELECT is(pg_temp.rows_of('SELECT ehds.k_percentile(person_id, cost, 0.001) AS a, ehds.k_percentile(person_id, cost, 0.999) AS b, percentile_cont(0) WITHIN GROUP (ORDER BY cost) AS c, percentile_cont(1) WITHIN GROUP (ORDER BY cost) AS d FROM visit_occurrence'), '(,,,)', 'the ends are a few persons');

-- sum and average are the number of rows, and the digits of an average alone tell it
SELECT is(pg_temp.rows_of('SELECT sum(year_of_birth) / avg(year_of_birth) - count(DISTINCT person_id) AS few, avg(year_of_birth), stddev(year_of_birth), variance(year_of_birth), percentile_cont(0.501) WITHIN GROUP (ORDER BY year_of_birth) AS p, ehds.k_median(person_id, year_of_birth) AS m
    FROM permit_hydro.person JOIN permit_hydro.condition_occurrence USING (person_id) WHERE condition_concept_id IN (100, 400)'), '(,,,,,)', 'the 5 with a second row are not sum by average, nor in the digits of a percentile');
SELECT is(pg_temp.rows_of('SELECT avg(year_of_birth) FILTER (WHERE condition_concept_id IN (100, 400)) AS a, avg(year_of_birth) FILTER (WHERE condition_concept_id = 200) AS b
    FROM permit_hydro.person JOIN permit_hydro.condition_occurrence USING (person_id) WHERE condition_concept_id IN (100, 200, 400)'), '(,)', 'nor under a condition');
SELECT is(pg_temp.rows_of('SELECT avg(ratio) AS a, avg(ratio) FILTER (WHERE region <> ''south'') > 0 AS b, avg(cost) > 0 AS c, count(ratio) AS d FROM visit_occurrence'), '(,t,t,)', 'an average that tells who has no value');
-- an average of nobody, and one of rows that are rounded to 0, is no division by zero
SET ehds.show_zero = on;
SELECT is(pg_temp.rows_of('SELECT avg((cost > 1)::integer) FROM visit_occurrence WHERE cost < 0'), '()', 'a share of nobody');
SELECT is(pg_temp.rows_of('SELECT sum((cost > 1)::integer) AS a, sum(1) AS b, count(*) AS n FROM visit_occurrence WHERE cost < 0'), '(,,0)', 'a sum of nobody, which is NULL, and a number of rows');
RESET ehds.show_zero;
SET ehds.round_to_floor = 1000;
SELECT is(pg_temp.rows_of('SELECT avg((cost > 1000)::integer), count(*) FROM visit_occurrence WHERE region = ''north'''), '(,0)', 'a share of rows that are rounded to 0');
RESET ehds.round_to_floor;

-- a column of ones and NULLs: its sum is count(column)
BEGIN;
UPDATE omop.visit_occurrence SET cost = CASE WHEN person_id > 5 THEN 1 END;
SELECT is(pg_temp.rows_of('SELECT count(*), sum(cost), ehds.k_sum(person_id, cost) AS n, count(cost) AS c FROM visit_occurrence'), '(1000,,,)', 'rows less a sum are the rows of 5 persons');
SELECT is(pg_temp.rows_of('SELECT sum(cost) FILTER (WHERE region = ''north'') AS a, count(*) FILTER (WHERE region = ''north'') AS b, sum(cost) FILTER (WHERE region = ''south'') AS c FROM visit_occurrence'), '(,200,)', 'under conditions');
UPDATE omop.visit_occurrence SET cost = CASE WHEN person_id > 50 THEN 1 END;
SELECT is(pg_temp.rows_of('SELECT count(*), sum(cost), count(cost) AS c FROM visit_occurrence'), '(1000,875,875)', 'of 50 persons');
UPDATE omop.visit_occurrence SET cost = CASE WHEN person_id > 5 THEN 10 * person_id END;
SELECT is(pg_temp.rows_of('SELECT sum(cost) > 0 AS a FROM visit_occurrence'), '(t)', 'a sum of many values tells nothing of 5 persons without');
ROLLBACK;

-- 0, 1 and 2: rows with 0 make the sum one of two values
BEGIN;
UPDATE omop.visit_occurrence SET cost = CASE WHEN person_id > 200 THEN 0 WHEN person_id > 5 THEN 1 ELSE 2 END;
SELECT is(pg_temp.rows_of('SELECT count(*) > 0 AS n, sum(cost) > 0 AS s, avg(cost) > 0 AS a FROM visit_occurrence'), '(t,t,t)', 'a sum of three values');
SELECT is(pg_temp.rows_of('SELECT count(*) > 0 AS n, count(*) FILTER (WHERE cost = 0) > 0 AS c, sum(cost) AS s, avg(cost) AS a FROM visit_occurrence'), '(t,t,,)', 'beside the number of rows with one of them');
SELECT is(pg_temp.rows_of('SELECT count(*) FILTER (WHERE cost <> 0 AND region <> ''west'') > 0 AS c, sum(cost) FILTER (WHERE region <> ''west'') AS s FROM visit_occurrence'), '(t,)', 'under a condition');
SELECT is(pg_temp.rows_of('SELECT count(*) FILTER (WHERE z) > 0 AS c, sum(cost) AS s FROM (SELECT person_id, cost, cost = 0 AS z FROM visit_occurrence) v'), '(t,)', 'made in a subquery');
SELECT is(pg_temp.rows_of('WITH w AS (SELECT person_id, visit_occurrence_id AS id, cost = 0 AS z FROM visit_occurrence) SELECT count(*) FILTER (WHERE z) > 0 AS c, sum(cost) AS s FROM visit_occurrence v JOIN w ON w.person_id = v.person_id AND w.id = v.visit_occurrence_id'), '(t,)', 'or in a WITH query');
UPDATE omop.visit_occurrence SET cost = 3 WHERE person_id BETWEEN 50 AND 100;
SELECT is(pg_temp.rows_of('SELECT count(*) FILTER (WHERE cost = 0) > 0 AS c, sum(cost) > 0 AS s FROM visit_occurrence'), '(t,t)', 'of four values');
SELECT is(pg_temp.rows_of('SELECT count(*) FILTER (WHERE cost = 0) > 0 AS c, count(*) FILTER (WHERE cost = 3) > 0 AS d, sum(cost) AS s FROM visit_occurrence'), '(t,t,)', 'beside two of them');
SELECT is(pg_temp.rows_of('SELECT count(*) FILTER (WHERE region = ''west'') > 0 AS c, sum(cost) > 0 AS s FROM visit_occurrence'), '(t,t)', 'conditions on other columns say nothing');
ROLLBACK;

-- two sums of which one is in disguise: an average times a number of rows
UPDATE omop.visit_occurrence SET cost = 4000000 WHERE person_id = 1 AND region = 'east';
SELECT is(pg_temp.rows_of('SELECT sum(cost) FILTER (WHERE region = ''north'') > 0 AS a, avg(cost) FILTER (WHERE region IN (''south'', ''west'')) > 0 AS b, sum(cost) > 0 AS n FROM visit_occurrence WHERE cost < 10000000'), '(t,,t)', 'a sum, and an average of what else is not dominated');
SELECT is(pg_temp.rows_of('SELECT avg(cost) FILTER (WHERE region IN (''south'', ''west'')) > 0 AS b, avg(cost) > 0 AS n FROM visit_occurrence WHERE cost < 10000000'), '(t,t)', 'which is shown alone');
SELECT is(pg_temp.rows_of('SELECT region, avg(cost) IS NULL AS hidden, count(*) > 0 AS n FROM visit_occurrence WHERE cost < 10000000 GROUP BY ROLLUP (1) ORDER BY 1'),
    '(east,t,) (north,t,) (south,f,t) (west,f,t) (,f,t)', 'an average is not total less others, and rows are hidden beside it');

-- persons of a table that an outer join adds are persons under a condition
SELECT is(pg_temp.rows_of(format('SELECT count(DISTINCT p.person_id) AS n, count(DISTINCT c.person_id) AS c, count(c.person_id) AS r
    FROM permit_hydro.person p LEFT JOIN permit_hydro.condition_occurrence c ON c.person_id = p.person_id AND c.condition_concept_id = %s', code)), result, 'persons with ' || code)
FROM (VALUES (200, '(400,200,200)'), (100, '(400,400,400)'), (400, '(400,,)'), (500, '(400,,)')) v(code, result);
SELECT is(pg_temp.rows_of('SELECT count(DISTINCT p.person_id) AS n, count(DISTINCT v.person_id) AS v FROM permit_hydro.person p LEFT JOIN permit_hydro.visit_occurrence v ON v.person_id = p.person_id AND v.cost > 50'), '(400,)', 'nor of those without');

-- refused, with what to write instead
SELECT throws_ok(format('SELECT pg_temp.ask(%L)', 'SELECT ' || f || ' FROM visit_occurrence'), 'ZE002', m, f) FROM (VALUES
    ('min(cost)', 'the aggregate min is not answered under permit "wide"'),
    ('max(region)', 'the aggregate max is not answered under permit "wide"'),
    ('count(DISTINCT region)', 'count(DISTINCT ...) of another column than the subject is not answered under permit "wide"'),
    ('percentile_disc(0.5) WITHIN GROUP (ORDER BY cost)', 'the aggregate percentile_disc is not answered under permit "wide"'),
    ('mode() WITHIN GROUP (ORDER BY cost)', 'the aggregate mode is not answered under permit "wide"'),
    ('avg(DISTINCT cost)', 'the aggregate avg is not answered under permit "wide"'),
    ('ehds.k_subset_met(person_id, cost > 1)', 'the aggregate k_subset_met is not answered under permit "wide"'),
    ('avg(cost * cost)', 'under a statistics permit avg takes plain columns only'),
    ('avg(single)', 'avg of type real is not supported under a permit'),
    ('avg(CASE WHEN cost > 1 THEN 2.0 ELSE 0.0 END)', 'under a statistics permit avg takes plain columns only'),
    ('avg(CASE WHEN cost > 1 THEN 1.0 END)', 'under a statistics permit avg takes plain columns only'),
    ('avg(person_id)', NULL),
    ('percentile_cont(0.5) WITHIN GROUP (ORDER BY cost + small)', NULL),
    ('percentile_cont(ARRAY[0.1, 0.5]) WITHIN GROUP (ORDER BY cost)', 'the fraction of a percentile must be a constant between 0 and 1 under a permit'),
    ('percentile_cont(1.5) WITHIN GROUP (ORDER BY cost)', 'the fraction of a percentile must be a constant between 0 and 1 under a permit'),
    ('percentile_cont(''NaN'') WITHIN GROUP (ORDER BY cost)', 'the fraction of a percentile must be a constant between 0 and 1 under a permit'),
    ('ehds.k_percentile(person_id, cost, cost)', 'the fraction of a percentile must be a constant between 0 and 1 under a permit'),
    ('ehds.k_percentile(person_id, cost, NULL)', 'the fraction of a percentile must be a constant between 0 and 1 under a permit')) v(f, m);
SELECT throws_ok($$SELECT pg_temp.ask('SELECT ehds.k_median(person_id, cost, 10) FROM visit_occurrence')$$, '22023', 'k must be at least 11 under permit "wide"', 'k below the permit''s');
SELECT throws_ok($$SELECT pg_temp.ask('SELECT avg(cost) FROM visit_occurrence v JOIN (VALUES (1), (2)) w(x) ON x < cost')$$, 'ZE002', NULL, 'averages of repeated rows');
SELECT throws_ok($$SELECT pg_temp.as_role('t_other', 'SELECT avg(year_of_birth) FROM permit_open.person')$$, 'ZE002', NULL, 'averages under differential privacy');
SELECT * FROM finish();
