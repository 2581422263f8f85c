-- "Fail closed" of the semantics, and the ways round it: every one ends in an error.
\set ECHO none
\set QUIET 1
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
SELECT no_plan();

CREATE FUNCTION pg_temp.become(who text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN EXECUTE format('SET SESSION AUTHORIZATION %I', who); END $$;

-- the permit in force ---------------------------------------------------------
SET SESSION AUTHORIZATION t_analyst;
SELECT lives_ok($$SELECT count(*) FROM permit_hydro.person$$, 'a permit in force answers, without SET');
SELECT is((SELECT count(*) FROM permit_hydro.person), 400::bigint, 'and counts what is there');
SET ehds.permit = 'hydro';
SELECT lives_ok($$SELECT count(*) FROM permit_hydro.person$$, 'SET ehds.permit to it changes nothing');
SET ehds.permit = 'cardio';
SELECT throws_ok($$SELECT count(*) FROM permit_hydro.person$$, 'ZE001', NULL, 'another permit in ehds.permit is refused');
RESET ehds.permit;
SET ehds.purpose = 'statistics';
SELECT throws_ok($$SELECT count(*) FROM permit_hydro.person$$, 'ZE001', NULL, 'another purpose is refused');
SET ehds.purpose = 'research';
SELECT lives_ok($$SELECT count(*) FROM permit_hydro.person$$, 'the purpose of the permit is accepted');
RESET ehds.purpose;
SELECT throws_ok($$SELECT count(*) FROM permit_open.person$$, '42501', NULL, 'a permit of a role of which one is not a member');
SELECT throws_ok($$SELECT count(*) FROM omop.person$$, '42501', NULL, 'the base table is closed');
RESET SESSION AUTHORIZATION;

SELECT throws_ok($$SELECT count(*) FROM permit_hydro.person$$, 'ZE001', NULL, 'a superuser is not a member of the grantee');
GRANT USAGE ON SCHEMA permit_hydro TO t_other;
GRANT SELECT ON permit_hydro.person TO t_other;
SET SESSION AUTHORIZATION t_other;
SELECT throws_ok($$SELECT count(*) FROM permit_hydro.person$$, 'ZE001', NULL, 'a right on the view is not a permit');
SELECT throws_ok($$SELECT count(*) FROM permit_hydro.person h JOIN permit_open.person o USING (person_id)$$, 'ZE001', NULL, 'views of two permits in one query');
RESET SESSION AUTHORIZATION;
REVOKE ALL ON SCHEMA permit_hydro FROM t_other;
REVOKE ALL ON permit_hydro.person FROM t_other;

SELECT is((SELECT count(*) > 0 FROM ehds.ledger WHERE kind = 'refusal' AND permit = 'hydro' AND role = 't_other'), true,
          'a refusal is in the ledger');

-- not yet activated, dates, revoked ----------------------------------------------
SET client_min_messages = error;
SET SESSION AUTHORIZATION t_governor;
SELECT ehds.issue_permit('later', grantee => 't_project', purpose => 'research', output => 'statistics',
                         valid_from => (current_date + 30), valid_until => '2099-12-31');
SELECT ehds.permit_table('later', 'omop.person');
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION t_analyst;
SELECT throws_like($$SELECT count(*) FROM permit_later.person$$, '%"later" is not activated%', 'a permit that is not activated');
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION t_governor;
SELECT throws_ok($$SELECT ehds.activate_permit('later')$$, '42501', NULL, 'the issuer does not activate');
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION t_governor2;
SELECT ehds.activate_permit('later');
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION t_analyst;
SELECT throws_like($$SELECT count(*) FROM permit_later.person$$, '%not valid before%', 'a permit that is not yet valid');
RESET SESSION AUTHORIZATION;
UPDATE ehds.permit SET valid_from = current_date - 10, valid_until = current_date WHERE permit = 'later';
SET SESSION AUTHORIZATION t_analyst;
SELECT lives_ok($$SELECT count(*) FROM permit_later.person$$, 'the last day is included');
PREPARE later AS SELECT count(*) FROM permit_later.person;
EXECUTE later;
RESET SESSION AUTHORIZATION;
UPDATE ehds.permit SET valid_until = current_date - 1 WHERE permit = 'later';
SET SESSION AUTHORIZATION t_analyst;
SET timezone = 'Pacific/Midway';
SELECT throws_like($$SELECT count(*) FROM permit_later.person$$, '%"later" expired%', 'an expired permit, whatever the session''s time zone');
RESET timezone;
SELECT throws_like($$EXECUTE later$$, '%"later" expired%', 'also in a statement that was prepared before');
PREPARE hydro AS SELECT count(*) FROM permit_hydro.person;
EXECUTE hydro;
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION t_governor;
SELECT ehds.revoke_permit('later', 'test');
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION t_analyst;
SELECT throws_like($$SELECT count(*) FROM permit_later.person$$, '%"later" is revoked%', 'a revoked permit');
SELECT throws_like($$EXECUTE later$$, '%"later" is revoked%', 'also in a prepared statement');
RESET SESSION AUTHORIZATION;

-- at execution, not at planning ---------------------------------------------------
SET SESSION AUTHORIZATION t_analyst;
SET plan_cache_mode = force_generic_plan;
EXECUTE hydro;
SET ROLE t_project;
SELECT lives_ok($$EXECUTE hydro$$, 'SET ROLE to the grantee itself');
RESET ROLE;
RESET SESSION AUTHORIZATION;
SELECT throws_ok($$EXECUTE hydro$$, 'ZE001', NULL, 'a prepared statement is checked again for the role that executes it');
REVOKE t_project FROM t_analyst;
GRANT USAGE ON SCHEMA permit_hydro TO t_analyst; GRANT SELECT ON permit_hydro.person TO t_analyst;
SET SESSION AUTHORIZATION t_analyst;
SELECT throws_ok($$EXECUTE hydro$$, 'ZE001', NULL, 'a member who has left is refused at once');
RESET SESSION AUTHORIZATION;
GRANT t_project TO t_analyst;
REVOKE ALL ON SCHEMA permit_hydro FROM t_analyst; REVOKE ALL ON permit_hydro.person FROM t_analyst;

-- tables that were swapped, undeclared, new columns ----------------------------------
SET SESSION AUTHORIZATION t_analyst;
SELECT throws_ok($$SELECT count(*) FROM permit_hydro.person, omop.undeclared$$, 'ZE005', NULL, 'an undeclared table in the query');
RESET SESSION AUTHORIZATION;
ALTER TABLE omop.person ADD COLUMN secret text DEFAULT 'x';
SET SESSION AUTHORIZATION t_analyst;
SELECT throws_ok($$SELECT count(*) FROM permit_hydro.person WHERE secret = 'x'$$, '42703', NULL, 'a new column is in no permit');
RESET SESSION AUTHORIZATION;
ALTER TABLE omop.person DROP COLUMN secret;
BEGIN;
ALTER TABLE omop.condition_occurrence RENAME TO condition_occurrence_old;
CREATE TABLE omop.condition_occurrence (LIKE omop.condition_occurrence_old INCLUDING ALL);
COMMIT;
SET SESSION AUTHORIZATION t_analyst;
SELECT throws_ok($$SELECT count(*) FROM permit_hydro.condition_occurrence$$, 'ZE005', NULL, 'a table that was swapped by RENAME');
SELECT lives_ok($$SELECT count(*) FROM permit_hydro.person$$, 'other tables go on');
RESET SESSION AUTHORIZATION;
SELECT ok(count(*) > 0, 'after_load finds the new table') FROM ehds.after_load('omop');
INSERT INTO omop.condition_occurrence SELECT * FROM omop.condition_occurrence_old WHERE condition_concept_id = 100;
SET SESSION AUTHORIZATION t_analyst;
SELECT is((SELECT count(*) FROM permit_hydro.condition_occurrence), 400::bigint, 'and the permit reads it');
RESET SESSION AUTHORIZATION;
SELECT ok(count(*) > 0, 'doctor reports the table that was left behind') FROM ehds.doctor() WHERE object LIKE '%condition_occurrence_old%';

-- COPY can't be run from a function, so it is not for throws_ok
SET SESSION AUTHORIZATION t_analyst;
\set ON_ERROR_STOP 0
COPY (SELECT * FROM permit_hydro.person) TO STDOUT;
SELECT is(:'SQLSTATE'::text, 'ZE002', 'COPY of a query');
COPY permit_hydro.person TO STDOUT;
SELECT is(:'SQLSTATE'::text, '42809', 'COPY of the view');
\set ON_ERROR_STOP 1
RESET SESSION AUTHORIZATION;

-- ways round ----------------------------------------------------------------------
CREATE SCHEMA mine AUTHORIZATION t_analyst;
CREATE SCHEMA other AUTHORIZATION t_other;
SET SESSION AUTHORIZATION t_analyst;
SET search_path = mine, public, pg_catalog;
CREATE VIEW mine.v AS SELECT * FROM permit_hydro.person;
SELECT throws_ok($$SELECT * FROM mine.v$$, 'ZE002', NULL, 'a view on the view');
SELECT is((SELECT count(*) FROM mine.v), 400::bigint, 'counts through a view on the view');
CREATE FUNCTION mine.inlined() RETURNS TABLE (id bigint) LANGUAGE sql STABLE AS 'SELECT person_id FROM permit_hydro.person';
SELECT throws_like($$SELECT * FROM mine.inlined()$$, '%gate%', 'an inlined SQL function');
SELECT throws_like($$SELECT count(*) FROM mine.inlined()$$, '%gate%', 'aggregation over an inlined SQL function');
SELECT throws_like($$SELECT p.gender_concept_id, count(*) FROM permit_hydro.person p, mine.inlined() i GROUP BY 1$$, '%', 'beside a checked view');
CREATE FUNCTION mine.atomic() RETURNS TABLE (id bigint) LANGUAGE sql STABLE BEGIN ATOMIC SELECT person_id FROM permit_hydro.person; END;
SELECT throws_like($$SELECT * FROM mine.atomic()$$, '%gate%', 'an inlined BEGIN ATOMIC function');
CREATE FUNCTION mine.loop() RETURNS text LANGUAGE plpgsql AS $f$
DECLARE r record; t text := ''; BEGIN FOR r IN SELECT * FROM permit_hydro.person LOOP t := t || r.person_id; END LOOP; RETURN t; END $f$;
SELECT throws_ok($$SELECT mine.loop()$$, 'ZE002', NULL, 'a PL/pgSQL loop');
SELECT throws_ok($q$DO $d$ DECLARE n bigint; BEGIN SELECT person_id INTO n FROM permit_hydro.person; END $d$ $q$, 'ZE002', NULL, 'DO');
SELECT throws_ok($$DECLARE c CURSOR FOR SELECT * FROM permit_hydro.person$$, 'ZE002', NULL, 'a cursor');
CREATE TABLE mine.sealed AS SELECT * FROM permit_hydro.person;
SELECT throws_ok($$SELECT * FROM mine.sealed$$, 'ZE002', NULL, 'CREATE TABLE AS');
SELECT throws_ok($$CREATE MATERIALIZED VIEW mine.m AS SELECT * FROM permit_hydro.person$$, 'ZE002', NULL, 'a materialised view');
CREATE TABLE mine.t (id bigint, g int);
SELECT throws_ok($$INSERT INTO mine.t SELECT person_id FROM permit_hydro.person$$, 'ZE002', NULL, 'INSERT ... SELECT');
SELECT throws_ok($$WITH x AS (INSERT INTO mine.t SELECT person_id FROM permit_hydro.person RETURNING *) SELECT * FROM x$$, 'ZE002', NULL, 'a writing WITH');
SELECT throws_ok($$UPDATE mine.t SET g = gender_concept_id FROM permit_hydro.person p WHERE p.person_id = t.id$$, 'ZE002', NULL, 'UPDATE FROM');
SELECT throws_ok($$DELETE FROM mine.t USING permit_hydro.person p WHERE p.person_id = t.id$$, 'ZE002', NULL, 'DELETE USING');
SELECT throws_ok($$MERGE INTO mine.t USING permit_hydro.person p ON p.person_id = t.id WHEN NOT MATCHED THEN INSERT VALUES (p.person_id)$$, 'ZE002', NULL, 'MERGE');
SELECT throws_ok($$SELECT query_to_xml('SELECT * FROM permit_hydro.person', true, true, '')$$, 'ZE002', NULL, 'query_to_xml');
SELECT throws_ok($$SELECT count(*) FROM permit_hydro.person TABLESAMPLE BERNOULLI (50)$$, NULL, NULL, 'TABLESAMPLE');
SELECT throws_ok($$SELECT row_to_json(p) FROM permit_hydro.person p$$, 'ZE002', NULL, 'whole rows');
SELECT throws_ok($$SELECT p.tableoid FROM permit_hydro.person p$$, NULL, NULL, 'system columns');
CREATE FUNCTION mine.leak(int) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS $f$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $f$;
SELECT throws_ok($$SELECT count(*) FROM permit_hydro.person WHERE mine.leak(year_of_birth)$$, 'ZE002', NULL, 'a function of the analyst in WHERE');
SELECT throws_ok($$SELECT year_of_birth, count(*) FROM permit_hydro.person GROUP BY 1, mine.leak(year_of_birth)$$, 'ZE002', NULL, 'in GROUP BY');
SELECT lives_ok($$SELECT y FROM (SELECT year_of_birth AS y, count(*) AS n FROM permit_hydro.person GROUP BY 1) s WHERE mine.leak(y)$$, 'above the aggregates it sees what is shown');
CREATE TABLE mine.seen (y int);
CREATE FUNCTION mine.remember(int) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS $f$ BEGIN INSERT INTO mine.seen VALUES ($1); RETURN true; END $f$;
SELECT y FROM (SELECT condition_concept_id AS y, count(*) AS n FROM permit_hydro.condition_occurrence GROUP BY 1) s WHERE mine.remember(y) \g /dev/null
SELECT is((SELECT count(*) FROM mine.seen WHERE y IN (400, 500)), 0::bigint, 'and never the key of a hidden cell, however cheap it says it is');
SELECT condition_concept_id FROM permit_hydro.condition_occurrence GROUP BY 1 HAVING mine.remember(condition_concept_id) \g /dev/null
SELECT is((SELECT count(*) FROM mine.seen WHERE y IN (400, 500)), 0::bigint, 'nor from HAVING');
CREATE OPERATOR mine.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = int8ne);
SELECT throws_ok($$SELECT count(*) FROM permit_hydro.person a JOIN permit_hydro.condition_occurrence b ON a.person_id OPERATOR(mine.=) b.person_id$$, 'ZE002', NULL, 'an equality of the analyst''s own');
SELECT throws_ok($$EXPLAIN ANALYZE SELECT count(*) FROM permit_hydro.person$$, 'ZE002', NULL, 'EXPLAIN ANALYZE');
SELECT throws_ok($$EXPLAIN EXECUTE hydro$$, 'ZE002', NULL, 'EXPLAIN EXECUTE of a cached plan');
SELECT throws_ok($$SELECT ehds.guard('hydro', 'omop.person', 'omop.person', NULL)$$, 'ZE004', NULL, 'calling the guard');
SELECT throws_ok($$SELECT 'approved'::ehds.approval$$, 'ZE004', NULL, 'writing an approval');
SELECT throws_ok($$SELECT '1'::text::ehds.approval$$, 'ZE004', NULL, 'casting to one');
SELECT throws_ok($$SELECT * FROM json_populate_record(NULL::record, '{"a": 1}') AS (a ehds.approval)$$, 'ZE004', NULL, 'through json');
SELECT throws_ok($$SELECT ehds.pseudonym('H100001', 'cardio', 'subject', NULL)$$, 'ZE004', NULL, 'the pseudonym function is no oracle');
SELECT throws_ok($$SELECT ehds.pseudonym_of('H100001'::text, 'cardio', 'subject')$$, '42501', NULL, 'nor its sibling');
SELECT throws_ok($$SELECT ehds.dp_release(5, 1000000000, 1, 0, 1, false, NULL)$$, 'ZE004', NULL, 'nor the release');
SELECT throws_ok($$SELECT * FROM ehds.permit$$, '42501', NULL, 'the tables of the extension are closed');
SELECT throws_ok($$SELECT * FROM ehds.opposition$$, '42501', NULL, 'the oppositions too');
SELECT throws_ok($$SELECT count(*) FROM permit_hydro.person WHERE year_of_birth::text::interval > '1 day'$$, 'ZE002', NULL, 'casts that could raise');
SELECT throws_ok($$SELECT count(*) FROM permit_hydro.person WHERE make_date(2020, 13, 1) IS NULL$$, '22008', NULL, 'a constant that raises does so before any row is seen');
SELECT throws_ok($$SELECT count(*) FROM permit_hydro.person JOIN (SELECT 1 / g AS x FROM generate_series(0, 1) g) s ON true$$, 'ZE002', NULL, 'an error beside personal data');
SELECT throws_ok($$SELECT count(*) FROM permit_hydro.person WHERE year_of_birth = (SELECT min(year_of_birth) FROM permit_hydro.person)$$, 'ZE002', NULL, 'an uncorrelated subquery over persons');
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT throws_ok($$SELECT count(*) FROM permit_hydro.person$$, 'ZE002', NULL, 'SERIALIZABLE');
ROLLBACK;
SET debug_print_plan = on;
SELECT throws_ok($$SELECT count(*) FROM permit_hydro.person$$, 'ZE002', NULL, 'debug_print_plan');
RESET debug_print_plan;
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION t_other;
CREATE FUNCTION other.definer() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN (SELECT count(*) FROM permit_hydro.person); END';
GRANT USAGE ON SCHEMA other TO PUBLIC;
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION t_analyst;
SELECT throws_ok($$SELECT other.definer()$$, '42501', NULL, 'SECURITY DEFINER of somebody without the permit');
RESET SESSION AUTHORIZATION;
SET search_path = public, pg_catalog;

-- the registered view itself
SELECT throws_ok($$SELECT count(*) FROM (SELECT 1 FROM permit_hydro.person LIMIT 5) s$$, 'ZE001', NULL, 'the owner of the warehouse is refused as well');
SELECT * FROM finish();
