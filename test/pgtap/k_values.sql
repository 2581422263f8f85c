-- What aggregates take in place of a column under a k permit: differences of two
-- dates, and values with constants added or multiplied
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
ALTER TABLE omop.visit_occurrence ADD COLUMN visit_end_date date, ADD COLUMN ratio numeric(8, 3), ADD COLUMN score double precision,
    ADD COLUMN came timestamp, ADD COLUMN went timestamp, ADD COLUMN charge integer NOT NULL DEFAULT 0;
UPDATE omop.visit_occurrence SET cost = 4000 - person_id * 7 % 1000 WHERE person_id = 400;
UPDATE omop.visit_occurrence SET visit_end_date = visit_start_date + visit_occurrence_id::int * 37 % 11, ratio = visit_occurrence_id * 37 % 1000 / 7.0,
    score = sqrt(visit_occurrence_id * 91 % 1009), came = visit_start_date + interval '8 hours', went = visit_start_date + visit_occurrence_id::int * 37 % 11 + interval '17 hours', charge = cost % 777;
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
FROM unnest(ARRAY['visit_end_date - visit_start_date', 'visit_end_date - visit_start_date + 1', '2021.5 - cost', 'cost * 3 - 7', 'cost::numeric / 365.25', '(visit_end_date - visit_start_date) / 7.0',
        'cost::float8 * 2', 'score - 1.5', 'ratio / 2', 'extract(epoch FROM went - came) / 3600']) v,
    unnest(ARRAY['avg(%s)', 'stddev(%s)', 'var_pop(%s)']) f,
    format('SELECT region, to_char((%s)::float8, ''9.9999999EEEE'') AS f, pg_typeof(%1$s) FROM visit_occurrence GROUP BY 1 ORDER BY 1', replace(f, '%s', v)) q;
SELECT is(pg_temp.rows_of(q), pg_temp.native(q), q)
FROM unnest(ARRAY['sum(visit_end_date - visit_start_date)', 'sum(charge + 1)', 'sum(10 - charge)', 'sum(cost * 2)', 'sum(ratio * 1.5)', 'sum(1)', 'sum(cost::float8)',
        'percentile_cont(0.5) WITHIN GROUP (ORDER BY visit_end_date - visit_start_date)', 'percentile_cont(0.9) WITHIN GROUP (ORDER BY cost * 2 + 1)',
        'ehds.k_avg(person_id, visit_end_date - visit_start_date)']) f,
    format('SELECT region, round((%s)::numeric, 6) AS f, pg_typeof(%1$s) FROM visit_occurrence GROUP BY 1 ORDER BY 1', f) q WHERE f NOT LIKE 'ehds%';
SELECT is(pg_temp.rows_of(q), pg_temp.native(q), q) FROM unnest(ARRAY[
    'SELECT round(avg(los), 6) AS a, sum(los) AS s FROM (SELECT person_id, visit_end_date - visit_start_date AS los FROM visit_occurrence) v',
    'SELECT round(avg(age), 6) AS a FROM (SELECT v.*, 5000 - cost AS age FROM visit_occurrence v) v',
    'SELECT region, round(avg(age + 1), 6) AS a FROM (SELECT age * 2 AS age, region, person_id FROM (SELECT person_id, region, 5000.0 - cost AS age FROM visit_occurrence) u) v GROUP BY 1 ORDER BY 1',
    'SELECT region, round(avg(cost * 2) FILTER (WHERE cost > 1000), 6) AS a FROM visit_occurrence GROUP BY 1 ORDER BY 1']) q;

-- what constants do is done to the figure: the rules see the value itself
BEGIN;
UPDATE omop.visit_occurrence SET cost = 10000000, charge = 10000000 WHERE person_id = 400;
SELECT is(pg_temp.rows_of('SELECT region, avg(cost + 1000000000) IS NULL AS a, sum(charge + 1000000000) IS NULL AS s FROM visit_occurrence GROUP BY 1 ORDER BY 1'),
    pg_temp.rows_of('SELECT region, avg(cost) IS NULL AS a, sum(charge) IS NULL AS s FROM visit_occurrence GROUP BY 1 ORDER BY 1'), 'whoever dominates is not hidden by a shift');
SELECT alike(pg_temp.rows_of('SELECT region, sum(charge + 1000000000) IS NULL AS s FROM visit_occurrence GROUP BY 1 ORDER BY 1'), '%,t)%', 'and there is one');
ROLLBACK;

-- nor does an error tell of a figure that is hidden among totals
BEGIN;
UPDATE omop.visit_occurrence SET charge = 1000000 + person_id, score = 1e300 * person_id;
SELECT is(pg_temp.rows_of('SELECT region, sum(charge * 1000000000::bigint) IS NULL AS b, sum(score * 1e9) IS NULL AS r, sum(charge) > 0 AS s FROM visit_occurrence GROUP BY ROLLUP (1) ORDER BY 1'),
    pg_temp.rows_of('SELECT region, false AS b, true AS r, sum(charge) > 0 AS s FROM visit_occurrence GROUP BY ROLLUP (1) ORDER BY 1'), 'a product beyond double precision is NULL');
ROLLBACK;

-- differences are held to the rules of sums
BEGIN;
UPDATE omop.visit_occurrence SET visit_end_date = NULL WHERE person_id <= 5;
SELECT is(pg_temp.rows_of('SELECT avg(visit_end_date - visit_start_date) AS a FROM visit_occurrence'), '()', 'five persons without an end');
UPDATE omop.visit_occurrence SET visit_end_date = visit_start_date + (person_id <= 5)::int;
SELECT is(pg_temp.rows_of('SELECT sum(visit_end_date - visit_start_date) AS s, avg(visit_end_date - visit_start_date) AS a FROM visit_occurrence'), '(,)', 'five persons with a night');
UPDATE omop.visit_occurrence SET visit_end_date = visit_start_date + (CASE WHEN person_id = 7 THEN 100000 ELSE person_id % 9 END)::int;
SELECT is(pg_temp.rows_of('SELECT sum(visit_end_date - visit_start_date) AS s FROM visit_occurrence'), '()', 'a stay that dominates');
UPDATE omop.visit_occurrence SET visit_end_date = 'infinity' WHERE person_id = 7;
SELECT lives_ok($$SELECT pg_temp.rows_of('SELECT sum(visit_end_date - visit_start_date) AS s FROM visit_occurrence')$$, 'a stay without end raises nothing');
ROLLBACK;

-- group keys of type double precision: equal ones look the same
SELECT is(pg_temp.rows_of(q), pg_temp.native(q), q) FROM unnest(ARRAY[
    'SELECT floor(score) AS f, pg_typeof(floor(score)), count(*) FROM visit_occurrence GROUP BY 1 HAVING count(DISTINCT person_id) > 10 ORDER BY 1',
    'SELECT date_part(''year'', visit_start_date) AS y, count(DISTINCT person_id) FROM visit_occurrence GROUP BY 1 ORDER BY 1']) q;
BEGIN;
UPDATE omop.visit_occurrence SET score = CASE WHEN visit_occurrence_id % 4 = 0 THEN 0 WHEN visit_occurrence_id % 4 = 1 THEN '-0' WHEN visit_occurrence_id % 4 = 2 THEN 'NaN' ELSE -('NaN'::float8) END;
SELECT is(pg_temp.rows_of('SELECT score, count(*) FROM visit_occurrence GROUP BY score ORDER BY 1'), '(0,500) (NaN,500)', 'zeros and what is not a number');
SELECT is(pg_temp.rows_of('SELECT score::text, count(*) FROM visit_occurrence WHERE visit_occurrence_id % 4 = 1 GROUP BY score'), '(0,250)', 'a zero of which all have the sign');
UPDATE omop.visit_occurrence SET score = 7 WHERE person_id <= 5;
SELECT is(pg_temp.rows_of('SELECT score, GROUPING(score) AS g, count(*) FROM visit_occurrence GROUP BY ROLLUP (score) ORDER BY 2, 1'), '(0,0,494) (,1,1000)', 'in totals');
ROLLBACK;

SET ehds.suppressed_floor = 'other';
SELECT throws_ok(format('SELECT pg_temp.ask(%L)', 'SELECT ' || q), 'ZE002', m, q) FROM (VALUES
    ('avg(visit_end_date - visit_start_date) FILTER (WHERE cost > 0) FROM visit_occurrence', 'avg of two columns takes no FILTER under a statistics permit'),
    ('avg(visit_end_date - visit_start_date), count(*) FILTER (WHERE cost > 0) FROM visit_occurrence', 'avg of two columns does not stand beside FILTER, CASE or count(column) under a statistics permit'),
    ('region, sum(visit_end_date - visit_start_date) FROM visit_occurrence GROUP BY ROLLUP (1)', 'sum of two columns does not stand beside totals (GROUPING SETS, ROLLUP, CUBE) under a statistics permit'),
    ('avg(cost * charge) FROM visit_occurrence', 'under a statistics permit avg takes plain columns only'),
    ('avg(cost * 0) FROM visit_occurrence', 'under a statistics permit avg takes plain columns only'),
    ('avg(cost / 0.0) FROM visit_occurrence', 'under a statistics permit avg takes plain columns only'),
    ('avg(cost / 10) FROM visit_occurrence', 'under a statistics permit avg takes plain columns only'),
    ('avg(1e200 * score) FROM visit_occurrence', 'under a statistics permit avg takes plain columns only'),
    ('avg(CASE WHEN cost > 5 THEN 1000 ELSE cost END) FROM visit_occurrence', 'under a statistics permit avg takes plain columns only'),
    ('sum(cost + 1) FROM visit_occurrence', 'under a statistics permit sum takes plain columns only'),
    ('avg(person_id - 1) FROM visit_occurrence', NULL),
    ('sum(visit_start_date - current_date) FROM visit_occurrence', 'under a statistics permit sum takes plain columns only'),
    ('sum(visit_start_date - d) FROM visit_occurrence, (VALUES (date ''2020-01-01'')) w(d)', NULL)) v(q, m);
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'SET ehds.suppressed = other; SELECT region, avg(visit_end_date - visit_start_date) FROM permit_wide.visit_occurrence GROUP BY 1')$$, 'ZE002', 'avg of two columns does not stand in a row of others under a statistics permit', 'a row of others');
SELECT * FROM finish();
