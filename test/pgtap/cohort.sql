-- permit_cohort: a whole permit limited to persons whom governance defines.
\set ECHO none
\set QUIET 1
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SELECT no_plan();
SET client_min_messages = warning;
GRANT SELECT ON ALL TABLES IN SCHEMA omop TO t_governor;

SELECT is(pg_temp.as_role('t_governor', $$SELECT ehds.permit_cohort('hydro', 'SELECT person_id FROM omop.condition_occurrence WHERE condition_concept_id = 300;', 'diabetics')$$),
          'permit hydro is for a cohort of 40 persons', 'a permit gets a cohort');
SELECT throws_like($$SELECT pg_temp.as_role('t_analyst', 'SELECT count(*) FROM permit_hydro.person')$$, '%not activated%', 'and is a draft again');
SELECT throws_ok($$SELECT pg_temp.as_role('t_governor', $q$SELECT ehds.activate_permit('hydro')$q$)$$, '42501', NULL, 'who defined the cohort does not activate it');
SET SESSION AUTHORIZATION t_governor2;
SELECT ehds.permit_cohort('cardio', NULL) \g /dev/null
SELECT ehds.activate_permit('hydro') \g /dev/null
SELECT throws_ok($$SELECT ehds.permit_cohort('open', 'SELECT person_id FROM omop.person')$$, '42501', NULL, 'the query has the rights of who calls');
RESET SESSION AUTHORIZATION;
GRANT SELECT ON omop.person TO t_governor2;
SET SESSION AUTHORIZATION t_governor2;
SELECT throws_ok($$SELECT ehds.permit_cohort('open', 'SELECT person_id, gender_concept_id FROM omop.person')$$, '22023', NULL, 'one column');
SELECT throws_ok($$SELECT ehds.permit_cohort('open', 'SELECT person_id FROM omop.person WHERE false')$$, '22023', NULL, 'somebody');
SELECT throws_ok($$SELECT ehds.permit_cohort('open', ' ; ')$$, '22023', NULL, 'a query');
SELECT throws_ok($$SELECT ehds.permit_cohort('open', 'DELETE FROM omop.person')$$, '22023', NULL, 'one that reads');
SELECT throws_ok($$SELECT ehds.permit_cohort('open', 'WITH x AS (DELETE FROM omop.person RETURNING person_id) SELECT * FROM x')$$, NULL, NULL, 'only');
SELECT throws_ok($$SELECT ehds.permit_cohort('open', 'SELECT 1; SELECT 2')$$, NULL, NULL, 'one');
SELECT throws_ok($$SELECT ehds.permit_cohort('none', 'SELECT 1')$$, '42704', NULL, 'of a permit that exists');
RESET SESSION AUTHORIZATION;
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', $q$SELECT ehds.permit_cohort('hydro', NULL)$q$)$$, '42501', NULL, 'by governance');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', $q$SELECT * FROM ehds.cohort_person$q$)$$, '42501', NULL, 'who is in it is closed');
SELECT throws_ok($$SELECT pg_temp.as_role('t_governor', $q$SELECT * FROM ehds.rows_as_actor('SELECT 1')$q$)$$, '42501', NULL, 'the helper too');

-- what the grantee sees
SET SESSION AUTHORIZATION t_analyst;
SELECT is((SELECT count(*) FROM permit_hydro.person), 40::bigint, 'every view has the persons of the cohort only');
SELECT is((SELECT count(DISTINCT person_id) FROM permit_hydro.condition_occurrence WHERE condition_concept_id = 100), 40::bigint, 'with all of their rows');
SELECT is((SELECT count(DISTINCT person_id) FROM permit_hydro.note_nlp), 40::bigint, 'in tables without a person column too');
CREATE TEMP TABLE mine AS SELECT person_id FROM permit_hydro.person;
SELECT is((SELECT count(DISTINCT person_id) FROM mine), 40::bigint, 'a sealed table');
SELECT is((SELECT cohort FROM ehds.my_permits WHERE permit = 'hydro'), 'diabetics', 'and says so');
RESET SESSION AUTHORIZATION;
SELECT alike(obj_description('permit_hydro.person'::regclass), '%cohort: diabetics%', 'so does the view');
SELECT is((SELECT cohort_by || ' ' || cohort_description FROM ehds.permit WHERE permit = 'hydro'), 't_governor diabetics', 'the register has who and what');
SELECT is((SELECT count(*) FROM ehds.ledger WHERE action = 'permit_cohort' AND permit = 'hydro' AND detail LIKE '40 persons, query with sha256 %'), 1::bigint, 'the ledger that, without the query');
SELECT is((SELECT min(identity) FROM ehds.cohort_person), 'H100010', 'it is kept by identity');

-- an opposition, a load that renumbers, and a refresh
SELECT pg_temp.as_role('t_registrar', $$SELECT ehds.oppose('H100010')$$) \g /dev/null
SELECT is(pg_temp.as_role('t_analyst', 'SELECT count(*) FROM permit_hydro.person'), '39', 'oppositions count as ever');
UPDATE omop.person SET person_id = person_id + 1000;
SELECT is(pg_temp.as_role('t_analyst', 'SELECT count(*) FROM permit_hydro.person'), '39', 'the persons stay the same when a load renumbers them');
UPDATE omop.person SET person_id = person_id - 1000;
DELETE FROM omop.condition_occurrence WHERE person_id > 200 AND condition_concept_id = 300;
SELECT throws_ok($$SELECT pg_temp.as_role('t_governor2', $q$SELECT ehds.refresh_cohort('hydro')$q$)$$, '42501', NULL, 'a query is run again by who wrote it');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', $q$SELECT ehds.refresh_cohort('hydro')$q$)$$, '42501', NULL, 'of governance');
SELECT is((SELECT action || ' ' || detail FROM ehds.after_load('omop') WHERE object = 'cohort of permit hydro'),
          'not refreshed as before the load, until t_governor runs SELECT ehds.refresh_cohort(''hydro'')', 'after_load says what is to be done');
SELECT is(pg_temp.as_role('t_governor', $$SELECT action || ' ' || detail FROM ehds.after_load('omop') WHERE object = 'cohort of permit hydro'$$),
          'refreshed permit hydro is for a cohort of 20 persons', 'and does it for who wrote it');
SELECT is(pg_temp.as_role('t_analyst', 'SELECT count(*) FROM permit_hydro.person'), '19', 'the permit stays in force');
SET SESSION AUTHORIZATION t_analyst;
CREATE TEMP TABLE mine2 AS SELECT person_id FROM permit_hydro.person;
RESET SESSION AUTHORIZATION;
DELETE FROM omop.condition_occurrence WHERE person_id > 150 AND condition_concept_id = 300;
SELECT is(pg_temp.as_role('t_governor', $$SELECT ehds.refresh_cohort('hydro')$$), 'permit hydro is for a cohort of 15 persons', 'refresh_cohort');
SELECT is(pg_temp.as_role('t_analyst', 'SELECT count(DISTINCT person_id) FROM mine2'), '14', 'who has left the cohort has left sealed tables');
DELETE FROM omop.condition_occurrence WHERE condition_concept_id = 300;
SELECT throws_ok($$SELECT pg_temp.as_role('t_governor', $q$SELECT ehds.refresh_cohort('hydro')$q$)$$, 'ZE005', NULL, 'an empty cohort looks like an unfinished load');
SELECT is(pg_temp.as_role('t_analyst', 'SELECT count(*) FROM permit_hydro.person'), '14', 'and changes nothing');

-- differential privacy, pseudonyms, an extract
SELECT pg_temp.as_role('t_governor', $$SELECT ehds.permit_cohort('open', 'SELECT person_id FROM omop.person WHERE gender_concept_id = 8532')$$) \g /dev/null
SELECT pg_temp.as_role('t_governor2', $$SELECT ehds.activate_permit('open')$$) \g /dev/null
SET SESSION AUTHORIZATION t_other;
SET ehds.epsilon = '2';
SELECT ok(n BETWEEN 160 AND 240, 'a permit with a privacy budget') FROM (SELECT ehds.dp_count(person_id) AS n FROM permit_open.person) s;
RESET SESSION AUTHORIZATION;
SELECT pg_temp.as_role('t_governor', $$SELECT ehds.permit_cohort('cardio', 'SELECT person_id FROM omop.visit_occurrence WHERE region = ''north'' AND person_id <= 100', 'north')$$) \g /dev/null
SELECT pg_temp.as_role('t_governor2', $$SELECT ehds.activate_permit('cardio')$$) \g /dev/null
CREATE TEMP TABLE expected AS SELECT count(DISTINCT p.person_id) AS n FROM omop.person p WHERE p.person_source_value <> 'H100010'
   AND EXISTS (SELECT FROM omop.visit_occurrence v WHERE v.region = 'north' AND v.person_id = p.person_id AND v.person_id <= 100);
SELECT is(pg_temp.as_role('t_pipeline', 'SELECT count(*) FROM permit_cardio.person'), (SELECT n::text FROM expected), 'a pseudonymised permit');
SELECT pg_temp.as_role('t_pipeline', $$CALL ehds.extract('cardio')$$) \g /dev/null
SELECT is(pg_temp.as_role('t_pipeline', 'SELECT count(*) FROM extract_cardio.person'), (SELECT n::text FROM expected), 'its extract');
SELECT is(pg_temp.as_role('t_pipeline', $$SELECT ehds.manifest('cardio') ->> 'cohort'$$), 'north', 'the manifest says so');
SELECT pg_temp.as_role('t_governor', $$SELECT ehds.permit_cohort('cardio', 'SELECT 1')$$) \g /dev/null
SELECT pg_temp.as_role('t_governor2', $$SELECT ehds.activate_permit('cardio')$$) \g /dev/null
SELECT throws_ok($$SELECT pg_temp.as_role('t_pipeline', 'SELECT count(*) FROM extract_cardio.person')$$, '42501', NULL, 'an extract for others is closed');
SELECT pg_temp.as_role('t_pipeline', $$CALL ehds.extract('cardio')$$) \g /dev/null
SELECT is(pg_temp.as_role('t_pipeline', 'SELECT count(*) FROM extract_cardio.person'), '1', 'until it is made anew');

-- a population without identities
CREATE SCHEMA plain;
CREATE TABLE plain.stay (pat text, n int);
INSERT INTO plain.stay SELECT 'p' || i, i FROM generate_series(1, 50) i;
SELECT ehds.protect('plain.stay', subject => 'pat') \g /dev/null
SELECT pg_temp.as_role('t_governor', $$SELECT ehds.issue_permit('stays', grantee => 't_project', purpose => 'research', valid_until => '2099-12-31')$$) \g /dev/null
SELECT throws_ok($$SELECT pg_temp.as_role('t_governor', $q$SELECT ehds.permit_cohort('stays', 'SELECT ''p1''')$q$)$$, '55000', NULL, 'tables first');
SELECT pg_temp.as_role('t_governor', $$SELECT ehds.permit_table('stays', 'plain.stay')$$) \g /dev/null
SELECT pg_temp.as_role('t_governor', $$SELECT ehds.permit_cohort('stays', 'SELECT ''p'' || g FROM generate_series(1, 20) g')$$) \g /dev/null
SELECT pg_temp.as_role('t_governor2', $$SELECT ehds.activate_permit('stays')$$) \g /dev/null
SELECT is(pg_temp.as_role('t_analyst', 'SELECT count(*) FROM permit_stays.stay'), '20', 'by subject key where no identity is declared');
SELECT pg_temp.as_role('t_governor', $$SELECT ehds.permit_cohort('stays', NULL)$$) \g /dev/null
SELECT pg_temp.as_role('t_governor2', $$SELECT ehds.activate_permit('stays')$$) \g /dev/null
SELECT is(pg_temp.as_role('t_analyst', 'SELECT count(*) FROM permit_stays.stay'), '50', 'NULL: all persons again');
SELECT is(pg_temp.as_role('t_governor', $$SELECT ehds.close_permit('hydro') ->> 'cohort'$$), 'diabetics', 'the certificate says it');
SELECT is((SELECT count(*) FROM ehds.cohort_person c JOIN ehds.permit p USING (permit_id) WHERE p.permit = 'hydro'), 0::bigint, 'and nobody is left on the list');
SELECT * FROM finish();
