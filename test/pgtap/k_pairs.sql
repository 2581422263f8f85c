-- corr, covar_* and regr_* under a k permit: as the native ones, and shown only where
-- the sums are of which they are made
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
ALTER TABLE omop.visit_occurrence ADD COLUMN ratio numeric(8, 3), ADD COLUMN score double precision, ADD COLUMN big bigint, ADD COLUMN small smallint, ADD COLUMN wide numeric;
UPDATE omop.visit_occurrence SET cost = 4000 - person_id * 7 % 1000 WHERE person_id = 400;
UPDATE omop.visit_occurrence SET ratio = visit_occurrence_id * 37 % 1000 / 7.0, score = sqrt(visit_occurrence_id * 91 % 1009), big = cost * 3000000000, small = cost / 10, wide = cost;
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

-- the last digits of doubles are ours: sums are exact
SELECT is(pg_temp.rows_of(q), pg_temp.native(q), q)
FROM unnest(ARRAY['corr', 'covar_pop', 'covar_samp', 'regr_avgx', 'regr_avgy', 'regr_count', 'regr_intercept', 'regr_r2', 'regr_slope', 'regr_sxx', 'regr_sxy', 'regr_syy']) f,
    unnest(ARRAY['cost, ratio', 'score, ratio', 'small, score', 'ratio::float8, big']) a,
    format('SELECT region, to_char((%s(%s))::float8, ''9.99999999EEEE'') AS f, pg_typeof(%1$s(%2$s)) FROM visit_occurrence GROUP BY 1 ORDER BY 1', f, a) q;
SELECT is(pg_temp.rows_of('SELECT round(regr_slope(cost, ratio)::numeric, 6), regr_count(cost, ratio), round(avg(cost), 2), count(*) FROM visit_occurrence HAVING corr(cost, ratio) IS NOT NULL'),
    pg_temp.native('SELECT round(regr_slope(cost, ratio)::numeric, 6), regr_count(cost, ratio), round(avg(cost), 2), count(*) FROM visit_occurrence HAVING corr(cost, ratio) IS NOT NULL'), 'beside others, and in HAVING');

-- who has no value
BEGIN;
UPDATE omop.visit_occurrence SET ratio = NULL WHERE person_id <= 5;
SELECT is(pg_temp.rows_of('SELECT regr_count(cost, ratio) AS n, regr_avgy(cost, ratio) AS a, corr(cost, ratio) AS r FROM visit_occurrence'), '(,,)', 'the pairs less all rows are 5 persons');
SELECT is(pg_temp.rows_of('SELECT avg(cost) > 0 AS a, regr_avgy(cost, ratio) AS b FROM visit_occurrence'), '(t,)', 'nor their sum less that of all');
UPDATE omop.visit_occurrence SET ratio = NULL WHERE person_id <= 50;
SELECT is(pg_temp.rows_of('SELECT regr_count(cost, ratio) AS n, corr(cost, ratio) IS NOT NULL AS r FROM visit_occurrence'), '(875,t)', '50 persons without a value tell of no few');
ROLLBACK;

-- a product with zeros is a sum of some
BEGIN;
UPDATE omop.visit_occurrence SET small = (person_id > 5)::int;
SELECT is(pg_temp.rows_of('SELECT regr_sxy(cost, small) AS a, covar_pop(cost, small) AS b, regr_slope(small, cost) AS c, corr(cost, small) AS d FROM visit_occurrence'), '(,,,)', 'ones and a few zeros');
UPDATE omop.visit_occurrence SET small = CASE WHEN person_id <= 5 THEN 0 ELSE 1 + person_id % 2 END;
SELECT is(pg_temp.rows_of('SELECT regr_sxy(cost, small) AS a, corr(cost, small) AS d FROM visit_occurrence'), '(,)', 'a few zeros among three values');
UPDATE omop.visit_occurrence SET small = person_id % 2;
SELECT is(pg_temp.rows_of('SELECT regr_sxy(cost, small) IS NOT NULL AS a, corr(cost, small) IS NOT NULL AS d FROM visit_occurrence'), '(t,t)', 'many of both');
UPDATE omop.visit_occurrence SET small = 1;
SELECT is(pg_temp.rows_of('SELECT corr(cost, small) AS a, regr_slope(cost, small) AS b, regr_r2(small, cost) AS c, covar_pop(cost, small) AS d FROM visit_occurrence'), '(,,1,0)', 'a constant, as natively');
ROLLBACK;

-- a few make up a square or a product
BEGIN;
UPDATE omop.visit_occurrence SET cost = 200000 WHERE person_id = 7;
SELECT is(pg_temp.rows_of('SELECT avg(cost) > 0 AS a, variance(cost) > 0 AS v, corr(cost, ratio) AS r, regr_avgx(cost, ratio) AS x FROM visit_occurrence'), '(t,t,,)', 'squares that one person dominates');
ROLLBACK;

-- values that no computation is meant for raise nothing
BEGIN;
UPDATE omop.visit_occurrence SET score = CASE WHEN person_id = 7 THEN 'Infinity' ELSE 1e300 * score END;
SELECT is(pg_temp.rows_of('SELECT corr(score, ratio) AS r, regr_avgy(score, ratio) AS a FROM visit_occurrence'), '(,)', 'an infinite value');
SELECT is(pg_temp.rows_of('SELECT corr(score, ratio) AS r, regr_syy(score, ratio) AS a FROM visit_occurrence WHERE score < ''Infinity'''), '(,)', 'squares beyond double precision');
UPDATE omop.visit_occurrence SET wide = CASE WHEN person_id = 7 THEN '1e130000' ELSE wide END;
SELECT is(pg_temp.rows_of('SELECT regr_count(wide, ratio) AS n, corr(wide, ratio) AS r FROM visit_occurrence'), '(1000,)', 'squares beyond numeric');
UPDATE omop.visit_occurrence SET wide = CASE WHEN person_id = 7 THEN 'NaN' ELSE wide END;
SELECT is(pg_temp.rows_of('SELECT corr(wide, ratio) AS r FROM visit_occurrence'), '()', 'not a number');
ROLLBACK;

SELECT is(pg_temp.rows_of('SELECT visit_start_date, corr(cost, ratio) AS r FROM visit_occurrence WHERE visit_occurrence_id < 8 GROUP BY 1'), NULL, 'small cells');
SELECT throws_ok(format('SELECT pg_temp.ask(%L)', 'SELECT ' || q), 'ZE002', m, q) FROM (VALUES
    ('corr(cost, ratio) FILTER (WHERE region = ''north'') FROM visit_occurrence', 'corr takes neither FILTER nor DISTINCT under a statistics permit'),
    ('regr_slope(DISTINCT cost, ratio) FROM visit_occurrence', 'regr_slope takes neither FILTER nor DISTINCT under a statistics permit'),
    ('corr(cost, ratio), count(*) FILTER (WHERE cost = 0) FROM visit_occurrence', 'corr of two columns does not stand beside FILTER, CASE or count(column) under a statistics permit'),
    ('corr(cost, ratio), sum(CASE WHEN cost > 10 THEN 1 ELSE 0 END) FROM visit_occurrence', 'corr of two columns does not stand beside FILTER, CASE or count(column) under a statistics permit'),
    ('region, corr(cost, ratio) FROM visit_occurrence GROUP BY ROLLUP (region)', 'corr of two columns does not stand beside totals (GROUPING SETS, ROLLUP, CUBE) under a statistics permit'),
    ('corr(cost * 2, ratio) FROM visit_occurrence', 'under a statistics permit corr takes plain columns only'),
    ('corr(cost, person_id) FROM visit_occurrence', NULL),
    ('corr(cost, x) FROM visit_occurrence v JOIN (VALUES (1), (2)) w(x) ON x < cost', NULL)) v(q, m);
SELECT throws_ok($$SELECT pg_temp.as_role('t_other', 'SELECT corr(year_of_birth, gender_concept_id) FROM permit_open.person')$$, 'ZE002', NULL, 'refused under differential privacy');
SELECT * FROM finish();
