-- extract: rows, pseudonyms, refresh, manifest, destruction
\o /dev/null
\ir ../fixtures/warehouse.sql
SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.year_of_birth IS 'quasi-identifier';
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
SELECT ehds.oppose('H100007');
\o
SELECT plan(48);
CREATE FUNCTION pg_temp.pipe(q text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.as_role('t_pipeline', q) $$;

-- who may
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'CALL ehds.extract(''cardio'')')$$, 'ZE001', NULL, 'not for others than the grantee');
SELECT throws_ok($$SELECT pg_temp.pipe('CALL ehds.extract(''nothing'')')$$, '42704', 'permit "nothing" does not exist', 'unknown permit');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'CALL ehds.extract(''hydro'')')$$, '22023', 'permit "hydro" is for statistics and has no extract', 'a statistics permit');
SELECT throws_ok($$SELECT pg_temp.pipe('CALL ehds.refresh_extract(''cardio'')')$$, '42704', 'permit "cardio" has no extract yet', 'nothing to refresh');
SELECT throws_ok($$SELECT pg_temp.pipe('SELECT ehds.manifest(''cardio'')')$$, '42704', 'permit "cardio" has no extract', 'no manifest');
SET ehds.purpose = 'policy';
SELECT throws_ok($$SELECT pg_temp.pipe('CALL ehds.extract(''cardio'')')$$, 'ZE001', 'permit "cardio" is for the purpose "research", not "policy"', 'another purpose');
RESET ehds.purpose;
SELECT ok((SELECT count(*) FROM ehds.ledger WHERE kind = 'refusal' AND action = 'extract') >= 2, 'refusals are in the ledger');
SELECT hasnt_schema('extract_cardio');

-- made
SELECT lives_ok($$SELECT pg_temp.pipe('CALL ehds.extract(''cardio'')')$$, 'made');
SELECT schema_owner_is('extract_cardio', 'ehds_owner');
SELECT table_owner_is('extract_cardio', 'person', 'ehds_owner', 'tables belong to ehds_owner');
SELECT table_privs_are('extract_cardio', 'person', 't_extracts', ARRAY['SELECT'], 'the grantee reads, and no more');
SELECT has_index('extract_cardio', 'condition_occurrence', 'condition_occurrence_person_id_idx', ARRAY['person_id'], 'indexed by person');
SELECT is(pg_temp.pipe('SELECT count(*) FROM extract_cardio.person'), '399', 'without the person who objects');
SELECT is(pg_temp.pipe('SELECT count(*) FROM extract_cardio.condition_occurrence'),
          (SELECT count(*)::text FROM omop.condition_occurrence WHERE person_id <> 7), 'and all other rows');
SELECT is((SELECT count(*) FROM extract_cardio.person e JOIN ehds.pseudonym_of('H100007', 'cardio', 'subject') p ON p = e.person_id), 0::bigint, 'no pseudonym of the one who objects');
SELECT is((SELECT count(*) FROM extract_cardio.person e JOIN omop.person o ON e.person_id = ehds.pseudonym_of(o.person_source_value, 'cardio', 'subject')), 399::bigint, 'pseudonyms of the identity');
SELECT is((SELECT count(*) FROM extract_cardio.condition_occurrence e JOIN omop.condition_occurrence o
            ON e.condition_occurrence_id = ehds.pseudonym_of(o.condition_occurrence_id, 'cardio', 'condition_occurrence_id')
           AND e.condition_concept_id = o.condition_concept_id AND e.condition_start_date = o.condition_start_date), 644::bigint, 'row keys are pseudonyms, the rest is as stored');
SELECT is((SELECT count(*) FROM (SELECT person_id, lag(person_id) OVER (ORDER BY ctid) AS before FROM extract_cardio.person) s WHERE before > person_id), 0::bigint, 'the order of rows tells nothing');
SELECT results_eq('SELECT person_id, gender_concept_id, year_of_birth FROM extract_cardio.person ORDER BY 1',
                  'SELECT ehds.pseudonym_of(person_source_value, ''cardio'', ''subject''), gender_concept_id, year_of_birth FROM omop.person WHERE person_id <> 7 ORDER BY 1', 'row by row');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'SELECT count(*) FROM extract_cardio.person')$$, '42501', NULL, 'others read nothing');
GRANT USAGE ON SCHEMA extract_cardio TO t_analyst;
GRANT SELECT ON extract_cardio.person TO t_analyst;
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'SELECT count(*) FROM extract_cardio.person')$$, 'ZE001', NULL, 'not even with a right on it');
REVOKE ALL ON extract_cardio.person FROM t_analyst;

-- manifest
CREATE TEMP TABLE manifest AS SELECT pg_temp.pipe('SELECT ehds.manifest(''cardio'')')::jsonb AS m;
SELECT is((SELECT m ->> 'output' || ' ' || (m ->> 'subjects') || ' ' || (m ->> 'purpose') FROM manifest), 'pseudonymised 399 research', 'what it is');
SELECT matches((SELECT m ->> 'statement' FROM manifest), 'personal data and not anonymous', 'said plainly');
SELECT is((SELECT string_agg(c ->> 'column', ' ' ORDER BY n) FROM manifest, jsonb_array_elements(m -> 'tables' -> 1 -> 'columns') WITH ORDINALITY AS c(c, n)), 'person_id gender_concept_id year_of_birth', 'the columns');
SELECT ok((SELECT m -> 'key' ->> 'check_value' = ehds.key_check() AND m ->> 'activated_by' = 't_governor2' AND m ? 'exception_71_4' AND m ? 'legal_basis' FROM manifest), 'the key, the persons, the law');
SELECT is((SELECT count(*) FROM manifest WHERE m::text ~ 'H100007'), 0::bigint, 'persons who object appear nowhere');

-- refresh
CREATE VIEW public.on_top AS SELECT count(*) AS n FROM extract_cardio.person;
SELECT ehds.oppose('H100008') \g /dev/null
SELECT is(pg_temp.pipe('SELECT count(*) FROM extract_cardio.person'), '398', 'an opposition leaves the extract at once');
INSERT INTO omop.person VALUES (401, 1, 1990, 'H100401');
SELECT lives_ok($$SELECT pg_temp.pipe('CALL ehds.refresh_extract(''cardio'')')$$, 'refreshed, with a view of others on it');
SELECT is(pg_temp.pipe('SELECT count(*) FROM extract_cardio.person'), '399', 'new persons come');
SELECT lives_ok($$SELECT pg_temp.pipe('CALL ehds.extract(''cardio'')')$$, 'extract again is refresh');
CREATE TABLE public.kept AS SELECT * FROM omop.condition_occurrence;
TRUNCATE omop.condition_occurrence;
SELECT throws_ok($$SELECT pg_temp.pipe('CALL ehds.refresh_extract(''cardio'')')$$, 'ZE005', NULL, 'a table that is suddenly empty is an error');
SELECT ok(pg_temp.pipe('SELECT count(*) FROM extract_cardio.condition_occurrence')::int > 600, 'and nothing is changed');
SELECT lives_ok($$SELECT pg_temp.pipe('CALL ehds.refresh_extract(''cardio'', allow_empty => true)')$$, 'unless that is meant');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT throws_ok($$SELECT pg_temp.pipe('CALL ehds.refresh_extract(''cardio'')')$$, '25000', NULL, 'not on an older snapshot');
ROLLBACK;

-- counts follow an opposition
SELECT ehds.oppose('H100009') \g /dev/null
SELECT is((SELECT (m ->> 'subjects') || ' ' || (m -> 'tables' -> 1 ->> 'rows') || ' ' || (m -> 'tables' -> 1 ->> 'subjects') FROM pg_temp.pipe('SELECT ehds.manifest(''cardio'')') x, LATERAL (SELECT x::jsonb AS m) y),
          '398 398 398', 'the manifest counts out who left');

-- read beside everything
BEGIN READ ONLY;
SELECT lives_ok($$SELECT pg_temp.pipe('SELECT ehds.manifest(''cardio'')')$$, 'a manifest is read in a transaction that is READ ONLY');
ROLLBACK;

-- a permit that changes closes its extract until it is made anew
SELECT pg_temp.as_role('t_governor', 'SELECT ehds.permit_table(''cardio'', ''omop.person'', columns => ''{person_id,gender_concept_id}'')') \g /dev/null
SELECT pg_temp.as_role('t_governor2', 'SELECT ehds.activate_permit(''cardio'')') \g /dev/null
SELECT throws_ok($$SELECT pg_temp.pipe('SELECT count(year_of_birth) FROM extract_cardio.person')$$, '42501', NULL, 'the columns of before are closed');
SELECT throws_ok($$SELECT pg_temp.pipe('SELECT count(*) FROM extract_cardio.condition_occurrence')$$, '42501', NULL, 'with the whole extract');
DROP VIEW public.on_top;
SELECT lives_ok($$SELECT pg_temp.pipe('CALL ehds.refresh_extract(''cardio'', allow_empty => true)')$$, 'until it is refreshed');
SELECT columns_are('extract_cardio', 'person', ARRAY['person_id', 'gender_concept_id'], 'with the columns of now');
SELECT is(pg_temp.pipe('SELECT count(*) FROM extract_cardio.person') || pg_temp.pipe('SELECT count(*) FROM extract_cardio.condition_occurrence'), '3980', 'and open again');

-- out of force
UPDATE ehds.permit SET valid_from = '2020-01-01', valid_until = ehds.today() - 1 WHERE permit = 'cardio';
SELECT throws_ok($$SELECT pg_temp.pipe('SELECT count(*) FROM extract_cardio.person')$$, 'ZE001', NULL, 'an expired permit closes its extract');
SELECT throws_ok($$SELECT pg_temp.pipe('CALL ehds.refresh_extract(''cardio'')')$$, 'ZE001', NULL, 'and makes no other');
SELECT is(pg_temp.pipe('SELECT status FROM ehds.my_permits'), 'expired', 'as my_permits says');

-- destroyed
SELECT is(jsonb_array_length(pg_temp.as_role('t_governor', 'SELECT ehds.close_permit(''cardio'')')::jsonb -> 'destroyed'), 2, 'closed: both tables are in the certificate');
SELECT hasnt_schema('extract_cardio');
SELECT is(pg_temp.as_role('t_auditor', 'SELECT ehds.manifest(''cardio'') ->> ''subjects'''), '398', 'the auditor still reads its manifest');
SELECT * FROM finish();
