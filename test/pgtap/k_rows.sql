-- k_rows under a permit: the rows beside the persons tell of nobody who is hidden
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
SET search_path = permit_hydro, public, pg_catalog;
\o
SELECT plan(9);

CREATE FUNCTION pg_temp.ask(query text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.as_role('t_analyst', query) $$;

-- everybody has one row of 100, and the 5 of 400 one more
SELECT is(pg_temp.ask('SELECT count(*) - count(DISTINCT person_id) FROM condition_occurrence WHERE condition_concept_id IN (100, 400)'),
    NULL, 'the 5 persons of a hidden concept are not the difference of two numbers');
SELECT is(pg_temp.ask('SELECT count(DISTINCT person_id) FROM condition_occurrence WHERE condition_concept_id IN (100, 400)'), '400', 'the persons are shown');
SELECT is(pg_temp.ask('SELECT ehds.k_rows(person_id) FROM condition_occurrence WHERE condition_concept_id IN (100, 400)'), NULL, 'the rows are not');
SELECT is(pg_temp.ask('SELECT count(*) - count(DISTINCT person_id) FROM condition_occurrence WHERE condition_concept_id IN (100, 300)'), '40', 'the 40 persons of a shown one may be');
SELECT is(pg_temp.ask('SELECT ehds.k_rows(person_id, 41) FROM condition_occurrence WHERE condition_concept_id IN (100, 300)'), NULL, 'but not under a larger k');
-- one person with 50 of 450 rows, all others with one
SELECT is(pg_temp.ask('SELECT count(*) FROM condition_occurrence WHERE condition_concept_id IN (100, 500)'), NULL, 'the rows of one person are not told either');
SELECT is(pg_temp.ask('SELECT count(*) FROM person'), '400', 'one row for each person');
SELECT is(pg_temp.ask('SELECT sum(n) FROM (SELECT condition_concept_id, count(*) AS n FROM condition_occurrence GROUP BY 1) s'), '640', 'cells of one row for each person');

-- 0 against 1..k-1 is not the analyst's to tell
SELECT throws_ok($$SELECT pg_temp.ask('SET ehds.show_zero = on')$$, '42501', NULL, 'an analyst does not switch show_zero on');
SELECT * FROM finish();
