-- k_rows under a permit: the rows beside the persons tell of nobody who is hidden
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
CREATE TABLE omop.score (person_id bigint, points integer);
INSERT INTO omop.score SELECT i, CASE WHEN i <= 5 THEN 0 ELSE i END FROM generate_series(1, 400) i;
SELECT ehds.protect('omop.score', subject => 'person_id');
SELECT pg_temp.as_role('t_governor', $$SELECT ehds.issue_permit('scores', grantee => 't_project', purpose => 'research', output => 'statistics', valid_until => '2099-12-31', k => 11)$$);
SELECT pg_temp.as_role('t_governor', $$SELECT ehds.permit_table('scores', 'omop.score')$$);
SELECT pg_temp.as_role('t_governor2', $$SELECT ehds.activate_permit('scores')$$);
SET search_path = permit_hydro, public, pg_catalog;
\o
SELECT plan(16);

CREATE FUNCTION pg_temp.ask(query text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.as_role('t_analyst', query) $$;

-- everybody has one row of 100, and the 5 of 400 one more
SELECT is(pg_temp.ask('SELECT count(*) - count(DISTINCT person_id) FROM condition_occurrence WHERE condition_concept_id IN (100, 400)'),
    NULL, 'the 5 persons of a hidden concept are not the difference of two numbers');
SELECT is(pg_temp.ask('SELECT count(DISTINCT person_id) FROM condition_occurrence WHERE condition_concept_id IN (100, 400)'), '400', 'the persons are shown');
SELECT is(pg_temp.ask('SELECT ehds.k_rows(person_id) FROM condition_occurrence WHERE condition_concept_id IN (100, 400)'), NULL, 'the rows are not');
SELECT is(pg_temp.ask('SELECT count(*) - count(DISTINCT person_id) FROM condition_occurrence WHERE condition_concept_id IN (100, 300)'), '40', 'the 40 persons of a shown one may be');
SELECT is(pg_temp.ask('SELECT ehds.k_rows(person_id, 41) FROM condition_occurrence WHERE condition_concept_id IN (100, 300)'), '440', 'a larger k does not search for how many stand out');
SELECT is(pg_temp.ask('SELECT ehds.k_rows(person_id, 401) FROM condition_occurrence WHERE condition_concept_id IN (100, 300)'), NULL, 'it hides cells');
-- 395 have a total, 5 have 0: told by no k
SELECT is(pg_temp.ask('SELECT count(*) FROM (SELECT ehds.k_sum(person_id, points, 396) AS s FROM permit_scores.score) x WHERE s IS NOT NULL'), '1', 'a larger k does not search for who has a total of zero');
SELECT is(pg_temp.ask('SELECT ehds.k_median(person_id, points, 201) IS NOT NULL FROM permit_scores.score'), 'true', 'nor for sides of a median');
-- one person with 50 of 450 rows, all others with one
SELECT is(pg_temp.ask('SELECT count(*) FROM condition_occurrence WHERE condition_concept_id IN (100, 500)'), NULL, 'the rows of one person are not told either');
SELECT is(pg_temp.ask('SELECT count(*) FROM person'), '400', 'one row for each person');
SELECT is(pg_temp.ask('SELECT sum(n) FROM (SELECT condition_concept_id, count(*) AS n FROM condition_occurrence GROUP BY 1) s'), '640', 'cells of one row for each person');

-- 0 against 1..k-1 is not the analyst's to tell
SELECT throws_ok($$SELECT pg_temp.ask('SET ehds.show_zero = on')$$, '42501', NULL, 'an analyst does not switch show_zero on');
-- 98 persons have one visit, two have 2 and 3: nor do sums of what each has tell of these two
BEGIN;
DELETE FROM omop.visit_occurrence WHERE person_id > 100;
DELETE FROM omop.visit_occurrence v WHERE EXISTS (SELECT FROM omop.visit_occurrence w WHERE w.person_id = v.person_id AND w.visit_occurrence_id < v.visit_occurrence_id);
INSERT INTO omop.visit_occurrence SELECT 10000 + i, CASE WHEN i = 1 THEN 1 ELSE 2 END, date '2021-01-01', 'north', i FROM generate_series(1, 3) i;
SELECT is(pg_temp.ask('SELECT (count(DISTINCT person_id), count(*))::text FROM visit_occurrence'), '(100,)', 'rows beside persons');
SELECT is(pg_temp.ask('SELECT (count(*), sum(n), avg(n), stddev(n))::text FROM (SELECT person_id, count(*) AS n FROM visit_occurrence GROUP BY 1) x'), '(100,,,)', 'nor as a sum within persons');
DELETE FROM omop.visit_occurrence WHERE person_id > 14;
SELECT is(pg_temp.ask('SELECT (count(*), sum(n))::text FROM (SELECT person_id, count(*) AS n FROM visit_occurrence GROUP BY 1) x'), '(14,)', 'nor of few persons');
INSERT INTO omop.visit_occurrence SELECT 20000 + i, i, date '2021-01-01', 'north', i FROM generate_series(1, 13) i;
SELECT is(pg_temp.ask('SELECT (count(*), sum(n))::text FROM (SELECT person_id, count(*) AS n FROM visit_occurrence GROUP BY 1) x'), '(14,)', 'whatever it is that most have');
ROLLBACK;
SELECT * FROM finish();
