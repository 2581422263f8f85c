-- Sealed tables: cohorts that analysts make under a statistics permit, and nobody reads.
\set ECHO none
\set QUIET 1
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SELECT no_plan();
SET client_min_messages = warning;
CREATE ROLE t_analyst2 LOGIN;
GRANT t_project TO t_analyst2;
CREATE SCHEMA mine AUTHORIZATION t_analyst;
GRANT USAGE ON SCHEMA mine TO PUBLIC;

SET SESSION AUTHORIZATION t_analyst;
SET search_path = permit_hydro, omop, mine, public, pg_catalog;

-- making them ---------------------------------------------------------------------
CREATE TABLE mine.asthma AS SELECT person_id, condition_start_date AS since FROM condition_occurrence WHERE condition_concept_id = 200;
SELECT is(:ROW_COUNT, 0, 'CREATE TABLE AS says that it holds 0 rows');
SELECT is((SELECT count(DISTINCT person_id) FROM mine.asthma), 200::bigint, 'and counts its persons under the permit');
SELECT is((SELECT count(DISTINCT p.person_id) FROM person p JOIN mine.asthma a ON a.person_id = p.person_id WHERE gender_concept_id = 8532), 200::bigint, 'joined with a view of the permit');
SELECT throws_ok($$SELECT * FROM mine.asthma$$, 'ZE002', NULL, 'its rows do not leave');
SELECT throws_ok($$SELECT person_id FROM mine.asthma ORDER BY since LIMIT 1$$, 'ZE002', NULL, 'not one of them');
CREATE TEMP TABLE cohort AS SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 300;
SELECT is(:ROW_COUNT, 0, 'nor does a temporary table tell');
SELECT is((SELECT count(DISTINCT person_id) FROM cohort), 40::bigint, 'a temporary table');
SELECT person_id INTO TEMP into_temp FROM condition_occurrence WHERE condition_concept_id = 300;
SELECT is(:ROW_COUNT, 0, 'nor SELECT INTO');
SELECT is((SELECT count(DISTINCT person_id) FROM into_temp), 40::bigint, 'SELECT INTO');
SELECT person_id INTO mine.into_here FROM person WHERE gender_concept_id = 8532;
SELECT is((SELECT count(DISTINCT person_id) FROM mine.into_here), 200::bigint, 'SELECT INTO a schema');
CREATE TEMPORARY TABLE "dbplyr_001" AS SELECT "person_id", "condition_concept_id" FROM "condition_occurrence" WHERE ("condition_concept_id" = 200);
SELECT is((SELECT count(DISTINCT q.person_id) FROM (SELECT * FROM "dbplyr_001") q), 200::bigint, 'what dbplyr''s compute() writes');
SET client_min_messages = error;
SELECT lives_ok($$ANALYZE "dbplyr_001"$$, 'and the ANALYZE that it sends then');
SET client_min_messages = warning;
SELECT lives_ok($$CREATE TEMP TABLE IF NOT EXISTS cohort AS SELECT person_id FROM person$$, 'IF NOT EXISTS');
SELECT is((SELECT count(DISTINCT person_id) FROM cohort), 40::bigint, 'leaves what is there');
SELECT throws_ok($$CREATE TEMP TABLE cohort AS SELECT person_id FROM person$$, '42P07', NULL, 'without it the name is taken');
CREATE TEMP TABLE none AS SELECT person_id FROM person WITH NO DATA;
SELECT is((SELECT count(*) FROM (SELECT count(DISTINCT person_id) AS n FROM none) s WHERE n > 0), 0::bigint, 'WITH NO DATA');
CREATE TEMP TABLE named (pid, birth) AS SELECT person_id, year_of_birth FROM person;
SELECT is((SELECT count(DISTINCT pid) FROM named WHERE birth < 1970), 209::bigint, 'columns are renamed in the list');
SELECT throws_ok($$CREATE TEMP TABLE named2 (a, b, c) AS SELECT person_id, year_of_birth FROM person$$, '42601', NULL, 'too many names');
CREATE TEMP TABLE result AS SELECT gender_concept_id, count(DISTINCT person_id) AS n FROM person GROUP BY 1;
SELECT is((SELECT sum(n) FROM result), 400::numeric, 'a public result makes an ordinary table');
SELECT is((SELECT relowner::regrole::text || relkind::text FROM pg_class WHERE oid = 'result'::regclass), 't_analystr', 'of the analyst''s own');
SELECT throws_ok($$CREATE TEMP TABLE nosubject AS SELECT year_of_birth FROM person$$, 'ZE002', NULL, 'the subject column must be there');
SELECT throws_ok($$CREATE TEMP TABLE twice AS SELECT person_id, person_id AS again FROM person$$, 'ZE002', NULL, 'once');
SELECT throws_ok($$CREATE TEMP TABLE x AS SELECT person_id, repeat('x', year_of_birth) FROM person$$, 'ZE002', NULL, 'the select list obeys the rules below the aggregates');
SELECT throws_ok($$CREATE TEMP TABLE x AS SELECT person_id + 1 AS p, person_id FROM person$$, 'ZE002', NULL, 'nothing is computed from the subject');
SELECT throws_ok($$CREATE TEMP TABLE x AS SELECT person_id FROM person LIMIT 3$$, 'ZE002', NULL, 'LIMIT picks persons');
SELECT throws_ok($$CREATE TABLE omop.x AS SELECT person_id FROM person$$, '42501', NULL, 'only where the analyst may create tables');
SELECT throws_ok($$CREATE MATERIALIZED VIEW mine.mv AS SELECT person_id FROM person$$, 'ZE002', NULL, 'not as a materialised view');
SELECT throws_ok($$CREATE TEMP TABLE x WITH (fillfactor = 10) AS SELECT person_id FROM person$$, '0A000', NULL, 'without storage options');
PREPARE persons AS SELECT person_id FROM person;
SELECT throws_ok($$CREATE TEMP TABLE x AS EXECUTE persons$$, 'ZE002', NULL, 'a prepared query is not sealed');
PREPARE numbers AS SELECT count(*) FROM person;
CREATE TEMP TABLE executed AS EXECUTE numbers;
SELECT is((SELECT count FROM executed), 400::bigint, 'its public result is stored');
SELECT throws_ok($$EXPLAIN CREATE TABLE mine.x AS SELECT person_id FROM person$$, 'ZE002', NULL, 'EXPLAIN of it');
SELECT throws_ok($$EXPLAIN (ANALYZE) CREATE TABLE mine.x AS SELECT person_id FROM person$$, 'ZE002', NULL, 'EXPLAIN ANALYZE of it');

-- several steps, as OHDSI writes cohorts
CREATE TEMP TABLE codesets (codeset_id int, concept_id int PRIMARY KEY);
INSERT INTO codesets SELECT 1, concept_id FROM concept WHERE concept_name = 'asthma';
CREATE TEMP TABLE qualified_events AS
SELECT c.person_id, c.condition_start_date AS start_date, c.condition_occurrence_id AS event_id
FROM condition_occurrence c JOIN codesets cs ON cs.concept_id = c.condition_concept_id AND cs.codeset_id = 1;
CREATE TEMP TABLE included_events AS
SELECT q.person_id, q.start_date FROM qualified_events q JOIN person p ON p.person_id = q.person_id WHERE p.year_of_birth < 1970;
CREATE TABLE mine.cohort AS SELECT 1 AS cohort_definition_id, person_id AS subject_id, start_date AS cohort_start_date FROM included_events WITH NO DATA;
INSERT INTO mine.cohort (cohort_definition_id, subject_id, cohort_start_date) SELECT 1, person_id, start_date FROM included_events;
SELECT is(:ROW_COUNT, 0, 'INSERT says that it added 0 rows');
INSERT INTO mine.cohort SELECT 2, person_id, condition_start_date FROM condition_occurrence WHERE condition_concept_id = 300;
SELECT results_eq($$SELECT cohort_definition_id, count(DISTINCT subject_id) FROM mine.cohort GROUP BY 1 ORDER BY 1$$,
                  $$VALUES (1, (SELECT count(DISTINCT person_id) FROM person JOIN condition_occurrence USING (person_id) WHERE condition_concept_id = 200 AND year_of_birth < 1970)), (2, 40)$$, 'a cohort in several steps, two definitions in one table');
SELECT is((SELECT count(DISTINCT c.subject_id) FROM mine.cohort c JOIN visit_occurrence v ON v.person_id = c.subject_id WHERE c.cohort_definition_id = 2 AND v.region = 'north'),
          (SELECT count(DISTINCT c.person_id) FROM condition_occurrence c JOIN visit_occurrence v USING (person_id) WHERE condition_concept_id = 300 AND v.region = 'north'),
          'visits of a cohort');
DELETE FROM mine.cohort WHERE cohort_definition_id = 2;
SELECT is(:ROW_COUNT, 0, 'DELETE says that it removed 0 rows');
SELECT results_eq($$SELECT cohort_definition_id, count(DISTINCT subject_id) FROM mine.cohort GROUP BY 1$$,
                  $$VALUES (1, (SELECT count(DISTINCT person_id) FROM person JOIN condition_occurrence USING (person_id) WHERE condition_concept_id = 200 AND year_of_birth < 1970))$$, 'one definition is removed');
INSERT INTO mine.cohort SELECT 2, person_id, condition_start_date FROM condition_occurrence WHERE condition_concept_id = 300;
SELECT throws_ok($$DELETE FROM mine.cohort WHERE $$ || c, 'ZE002', NULL, 'not DELETE WHERE ' || c) FROM unnest(ARRAY[
    'subject_id = 7', 'cohort_definition_id = 2 RETURNING 1', '1 / cohort_definition_id > 0', 'pg_sleep(0.01) IS NULL',
    'EXISTS (SELECT FROM condition_occurrence c WHERE c.person_id = subject_id)', 'cohort_definition_id = (SELECT 2)', 'random() < 0.5']) c;
SELECT throws_ok($$DELETE FROM mine.cohort USING codesets WHERE codeset_id = cohort_definition_id$$, 'ZE002', NULL, 'nor USING');
SELECT throws_ok($$WITH x AS (DELETE FROM mine.cohort RETURNING subject_id) SELECT * FROM x$$, NULL, NULL, 'nor in WITH');
SELECT throws_ok($$EXPLAIN (ANALYZE) DELETE FROM mine.cohort$$, 'ZE002', NULL, 'nor EXPLAIN');
SELECT throws_ok($$UPDATE mine.cohort SET cohort_definition_id = 3$$, NULL, NULL, 'nor UPDATE');
TRUNCATE TABLE included_events, codesets;
SELECT is((SELECT count(*) FROM (SELECT count(DISTINCT person_id) AS n FROM included_events) s WHERE n > 0), 0::bigint, 'TRUNCATE, sealed and not');
DROP TABLE included_events, codesets, qualified_events;
SELECT is(to_regclass('pg_temp.qualified_events'), NULL, 'DROP TABLE of several, sealed and not');

-- INSERT -----------------------------------------------------------------------------
INSERT INTO none SELECT person_id FROM person WHERE gender_concept_id = 8532;
WITH w AS (SELECT person_id FROM person WHERE gender_concept_id = 8507) INSERT INTO none (person_id) SELECT person_id FROM w;
SELECT is((SELECT count(DISTINCT person_id) FROM none), 400::bigint, 'INSERT ... SELECT, WITH too');
SELECT throws_ok($$INSERT INTO none VALUES (7)$$, 'ZE002', NULL, 'no person of one''s choice');
SELECT throws_ok($$INSERT INTO none SELECT generate_series(1, 12)$$, 'ZE002', NULL, 'nor of a public query');
SELECT throws_ok($$INSERT INTO none SELECT count(DISTINCT person_id) FROM person$$, 'ZE002', NULL, 'nor a result');
SELECT throws_ok($$INSERT INTO none SELECT person_id FROM person RETURNING person_id$$, 'ZE002', NULL, 'RETURNING');
SELECT throws_ok($$WITH x AS (INSERT INTO none SELECT person_id FROM person RETURNING 1) SELECT count(*) FROM x$$, 'ZE002', NULL, 'in WITH');
SELECT throws_ok($$INSERT INTO none SELECT person_id FROM person ON CONFLICT DO NOTHING$$, 'ZE002', NULL, 'ON CONFLICT');
SELECT throws_ok($$INSERT INTO named (birth, pid) SELECT person_id, year_of_birth FROM person$$, 'ZE002', NULL, 'the subject goes into the subject column');
SELECT throws_ok($$INSERT INTO named (birth) SELECT year_of_birth FROM person$$, 'ZE002', NULL, 'and is not left out');
CREATE TEMP TABLE small AS SELECT person_id, 'abc'::varchar(3) AS v FROM person WITH NO DATA;
SELECT throws_ok($$INSERT INTO small SELECT person_id, region FROM visit_occurrence$$, 'ZE002', NULL, 'no cast that a value could fail');
CREATE TABLE mine.plain (person_id bigint);
SELECT throws_ok($$INSERT INTO mine.plain SELECT person_id FROM person$$, 'ZE002', NULL, 'into an ordinary table nothing goes');
SELECT throws_ok($$INSERT INTO mine.plain SELECT person_id FROM mine.asthma$$, 'ZE002', NULL, 'from a sealed one neither');
PREPARE again AS INSERT INTO none SELECT person_id FROM person WHERE year_of_birth < 1950;
EXECUTE again;
SELECT is(:ROW_COUNT, 0, 'EXECUTE of an INSERT tells nothing');
EXECUTE again;
SELECT throws_ok($$SELECT count(*) FROM none$$, 'ZE002', NULL, 'rows that were added may be repeated, so rows are not counted');
SELECT is((SELECT count(*) FROM mine.asthma), 200::bigint, 'rows that were made in one go are');
SELECT lives_ok($$SELECT sum(year_of_birth) FROM (SELECT p.year_of_birth, a.person_id FROM person p JOIN mine.asthma a USING (person_id)) s$$, 'a sum over them');

-- what shows its size -----------------------------------------------------------------
CREATE FUNCTION mine.rows_of(statement text) RETURNS bigint LANGUAGE plpgsql AS
$f$ DECLARE n bigint; BEGIN EXECUTE statement; GET DIAGNOSTICS n = ROW_COUNT; RETURN n; END $f$;
SELECT is(mine.rows_of($$CREATE TEMP TABLE r1 AS SELECT person_id FROM person$$), 0::bigint, 'ROW_COUNT of CREATE TABLE AS');
SELECT is(mine.rows_of($$INSERT INTO r1 SELECT person_id FROM person$$), 0::bigint, 'ROW_COUNT of INSERT');
DO $d$ DECLARE n bigint; BEGIN
    CREATE TEMP TABLE r2 AS SELECT person_id FROM person WHERE year_of_birth < 1950; GET DIAGNOSTICS n = ROW_COUNT;
    INSERT INTO r2 SELECT person_id FROM person; IF FOUND OR n > 0 THEN RAISE 'found'; END IF; END $d$;
SELECT is((SELECT count(DISTINCT person_id) FROM r2), 400::bigint, 'DO, FOUND is false');
CREATE FUNCTION mine.by_variable(y int) RETURNS bigint LANGUAGE plpgsql AS
$f$ BEGIN CREATE TEMP TABLE by_variable AS SELECT person_id FROM person WHERE year_of_birth = y; RETURN (SELECT count(DISTINCT person_id) FROM by_variable); END $f$;
SELECT is(mine.by_variable(1950), (SELECT count(DISTINCT person_id) FROM person WHERE year_of_birth = 1950), 'variables of PL/pgSQL');
SELECT is_empty(format('SELECT 1 WHERE %s(%L) IS NOT NULL', f, 'mine.asthma'), f)
  FROM unnest(ARRAY['pg_relation_size', 'pg_table_size', 'pg_indexes_size', 'pg_total_relation_size']) f;
SELECT is(pg_database_size(current_database()), NULL, 'the size of the database');
SELECT is((SELECT count(pg_size_pretty(pg_table_size(oid))) FROM pg_class), 0::bigint, 'as \dt+ asks');
CREATE VIEW mine.sizes AS SELECT pg_relation_size('mine.asthma') AS n, pg_total_relation_size('mine.asthma') > 0 AS found;
SELECT results_eq('SELECT n::text, found FROM mine.sizes', $$VALUES (NULL::text, NULL::boolean)$$, 'in a view');
DO $d$ DECLARE n bigint := pg_relation_size('mine.asthma'); BEGIN IF n IS NOT NULL OR pg_table_size('mine.asthma') > 0 THEN RAISE 'found'; END IF; END $d$;
SELECT throws_ok($$CREATE TABLE mine.size_of (n bigint DEFAULT pg_relation_size('mine.asthma')); INSERT INTO mine.size_of DEFAULT VALUES; SELECT n / n FROM mine.size_of WHERE n IS NULL; ALTER TABLE mine.size_of ADD m bigint DEFAULT pg_relation_size('mine.asthma')$$, '42501', NULL, 'where no query asks, it is an error');
SELECT throws_ok($$SELECT pg_current_wal_insert_lsn()$$, '42501', NULL, 'the position in the log');
SELECT throws_ok($$SELECT pg_logical_emit_message(false, 'a', 'b')$$, '42501', NULL, 'in another way');
SELECT throws_ok($$SELECT checkpoint_lsn FROM pg_control_checkpoint()$$, '42501', NULL, 'or of the last checkpoint');
SELECT throws_ok($$SELECT * FROM pg_stat_wal$$, '42501', NULL, 'counters of the log');
SELECT is((SELECT count(*) FROM pg_class WHERE relname ~ '^sealed_[0-9a-f]{32}$' AND (reltuples > 0 OR relpages > 0)), 0::bigint, 'the catalog has no estimates');
SELECT is((SELECT count(*) FROM pg_stats WHERE tablename LIKE 'sealed\_%' OR tablename = 'asthma'), 0::bigint, 'and no statistics');
SELECT throws_ok($$SELECT n_tup_ins FROM pg_stat_xact_all_tables$$, '42501', NULL, 'counters of tables');
SELECT throws_ok($$SELECT n_live_tup FROM pg_stat_all_tables$$, '42501', NULL, 'of all times');
CREATE TABLE mine.numbers (n int);
CREATE FUNCTION mine.numbers_used(query text) RETURNS bigint LANGUAGE plpgsql AS $f$
DECLARE before xid; after xid;
BEGIN
    INSERT INTO mine.numbers VALUES (0) RETURNING xmin INTO before;
    BEGIN EXECUTE query; EXCEPTION WHEN division_by_zero THEN NULL; END;
    BEGIN INSERT INTO mine.numbers VALUES (1) RETURNING xmin INTO after; EXCEPTION WHEN division_by_zero THEN NULL; END;
    RETURN after::text::bigint - before::text::bigint;
END $f$;
INSERT INTO none SELECT person_id FROM person WHERE year_of_birth = 1900;
SELECT mine.numbers_used($$INSERT INTO none SELECT person_id FROM person WHERE year_of_birth = 1900$$) AS numbers \gset
SELECT is(:numbers::bigint, mine.numbers_used($$INSERT INTO none SELECT person_id FROM person WHERE year_of_birth = 1950$$), 'numbers of transactions do not tell whether there was a row');
RESET SESSION AUTHORIZATION;
VACUUM;
ANALYZE;
VACUUM ANALYZE omop.person;
SET client_min_messages = error;
SELECT format('VACUUM (FULL, ANALYZE) %s', string_agg(oid::regclass::text, ', ')) FROM pg_class WHERE relname ~ '^sealed_[0-9a-f]{32}$' AND relkind = 'r' \gexec
SELECT format('VACUUM omop.note, %s', string_agg(oid::regclass::text, ', ')) FROM pg_class WHERE relname ~ '^sealed_[0-9a-f]{32}$' AND relkind = 'r' \gexec
SET client_min_messages = warning;
SELECT is((SELECT count(*) FROM pg_class WHERE relname ~ '^sealed_[0-9a-f]{32}$' AND (reltuples > 0 OR relpages > 0)), 0::bigint, 'nor after VACUUM and ANALYZE of all tables, and of these');
SELECT is((SELECT count(*) FROM pg_class WHERE oid IN ('omop.visit_occurrence'::regclass, 'omop.note'::regclass) AND relallvisible > 0), 2::bigint, 'which reach the others');
SELECT ok(count(*) > 0, 'hardened') FROM ehds.harden();
SET SESSION AUTHORIZATION t_analyst;
SELECT throws_ok($$SELECT n_tup_ins FROM pg_stat_xact_all_tables$$, '42501', NULL, 'counters of tables, after harden()');
SELECT throws_ok(format('SELECT pg_stat_get_xact_tuples_inserted(%s)', (SELECT max(oid) FROM pg_class WHERE relname ~ '^sealed_[0-9a-f]{32}$')), '42501', NULL, 'by number too');
SELECT throws_ok($$EXPLAIN ANALYZE SELECT count(*) FROM mine.asthma$$, 'ZE002', NULL, 'EXPLAIN ANALYZE');

-- ways in ------------------------------------------------------------------------------
SELECT throws_ok(format('SELECT count(*) FROM %s', (SELECT max(oid::regclass::text) FROM pg_class WHERE relname ~ '^sealed_[0-9a-f]{32}$' AND relkind = 'r' AND relpersistence = 'p')),
                 '42501', NULL, 'the stored rows');
SELECT throws_ok(format('SELECT count(*) FROM pg_temp.%s', (SELECT max(relname) FROM pg_class WHERE relname ~ '^sealed_[0-9a-f]{32}$' AND relkind = 'r' AND relnamespace = pg_my_temp_schema())),
                 '42501', NULL, 'of a temporary one');
SELECT throws_ok(format('INSERT INTO pg_temp.%s SELECT 1', (SELECT max(relname) FROM pg_class WHERE relname ~ '^sealed_[0-9a-f]{32}$' AND relkind = 'r' AND relnamespace = pg_my_temp_schema())),
                 NULL, NULL, 'writing to it');
SELECT throws_ok(format('DROP TABLE pg_temp.%s CASCADE', (SELECT max(relname) FROM pg_class WHERE relname ~ '^sealed_[0-9a-f]{32}$' AND relkind = 'r' AND relnamespace = pg_my_temp_schema())),
                 '42501', NULL, 'dropping it');
SELECT throws_ok(s, '42501', NULL, s) FROM unnest(ARRAY[
    'ALTER TABLE mine.asthma RENAME TO other', 'ALTER VIEW mine.asthma OWNER TO t_analyst', 'ALTER VIEW mine.asthma RESET (security_barrier)',
    'CREATE OR REPLACE VIEW mine.asthma AS SELECT 1::bigint AS person_id, current_date AS since', 'ALTER VIEW mine.asthma SET SCHEMA public',
    'CREATE RULE r AS ON INSERT TO mine.asthma DO ALSO NOTHING', 'COMMENT ON VIEW mine.asthma IS ''mine''',
    'CREATE TRIGGER t INSTEAD OF INSERT ON mine.asthma FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    'LOCK TABLE mine.asthma IN ACCESS EXCLUSIVE MODE',
    'SELECT ehds.make_sealed(''hydro'', ''mine'', ''z'', ''p'', '''', ''{a,int8,0,0}'', 1, ''{}'', false)', 'SELECT ehds.drop_sealed(''mine.asthma''::regclass, true)',
    'SELECT * FROM ehds.sealed_table', 'SELECT * FROM ehds.sealed_source']) s;
SELECT throws_ok(s, NULL, NULL, s) FROM unnest(ARRAY[
    'UPDATE mine.asthma SET since = current_date', 'CREATE INDEX ON mine.asthma (since)', 'ALTER TABLE mine.asthma ADD COLUMN x int',
    'CREATE POLICY p ON mine.asthma', 'CREATE STATISTICS mine.st ON person_id, since FROM mine.asthma',
    'ALTER TABLE mine.asthma ENABLE ROW LEVEL SECURITY', 'REFRESH MATERIALIZED VIEW mine.asthma', 'DELETE FROM mine.asthma USING person p WHERE p.person_id = asthma.person_id',
    'MERGE INTO mine.asthma a USING person p ON p.person_id = a.person_id WHEN NOT MATCHED THEN DO NOTHING']) s;
CREATE FUNCTION mine.inlined() RETURNS TABLE (id bigint) LANGUAGE sql STABLE AS 'SELECT person_id FROM mine.asthma';
SELECT throws_like($$SELECT count(*) FROM mine.inlined()$$, '%gate%', 'an inlined function');
CREATE FUNCTION mine.loop() RETURNS text LANGUAGE plpgsql AS $f$
DECLARE r record; t text := ''; BEGIN FOR r IN SELECT * FROM mine.asthma LOOP t := t || r.person_id; END LOOP; RETURN t; END $f$;
SELECT throws_ok($$SELECT mine.loop()$$, 'ZE002', NULL, 'a loop');
SELECT throws_ok($$SELECT query_to_xml('SELECT * FROM mine.asthma', true, true, '')$$, 'ZE002', NULL, 'query_to_xml');
SELECT throws_ok($$SELECT table_to_xml('mine.asthma', true, true, '')$$, 'ZE002', NULL, 'table_to_xml');
SELECT throws_ok($$DECLARE c CURSOR FOR SELECT * FROM mine.asthma$$, 'ZE002', NULL, 'a cursor');
SELECT throws_ok($$SELECT count(DISTINCT person_id) FROM mine.asthma WHERE person_id = 8$$, 'ZE002', NULL, 'no person is picked out');
SELECT throws_ok($$SELECT person_id, count(*) FROM mine.asthma GROUP BY 1$$, 'ZE002', NULL, 'nor grouped by');
CREATE TEMP TABLE rare AS SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 500;
SELECT is((SELECT count(*) FROM (SELECT count(DISTINCT person_id) AS n FROM rare) s WHERE n > 0), 0::bigint, 'a cohort of one is hidden');
CREATE VIEW mine.v AS SELECT * FROM mine.asthma;
SELECT is((SELECT count(DISTINCT person_id) FROM mine.v), 200::bigint, 'a view on it counts');
SELECT throws_ok($$SELECT * FROM mine.v$$, 'ZE002', NULL, 'and does not show');
CREATE TEMP TABLE person AS SELECT person_id, year_of_birth FROM permit_hydro.person WHERE year_of_birth < 1950;
SELECT throws_ok($$SELECT * FROM person$$, 'ZE002', NULL, 'the name of a view of the permit may be taken');
DROP TABLE person;
SELECT is((SELECT count(*) FROM person), 400::bigint, 'and given back');

CREATE FUNCTION mine.noted() RETURNS int LANGUAGE plpgsql VOLATILE AS $f$ BEGIN INSERT INTO mine.plain VALUES (1); RETURN 1; END $f$;
CREATE SEQUENCE mine.seq;
SELECT throws_ok($$CREATE TEMP TABLE x AS SELECT person_id, $$ || e || $$ AS y FROM permit_hydro.person$$, 'ZE002', NULL, 'not evaluated for each person: ' || e)
  FROM unnest(ARRAY['mine.noted()', 'nextval(''mine.seq'')', 'random()', 'gen_random_uuid()', 'setval(''mine.seq'', year_of_birth)', 'pg_advisory_lock(year_of_birth)',
                    'set_config(''a.b'', year_of_birth::text, false)', '(SELECT mine.noted())', 'clock_timestamp()', 'person']) e;
CREATE VIEW mine.checked AS SELECT * FROM mine.asthma WHERE since > '2020-06-01' WITH CHECK OPTION;
SELECT throws_ok($$INSERT INTO mine.checked SELECT person_id, condition_start_date FROM condition_occurrence$$, 'ZE002', NULL, 'a CHECK OPTION would show a row in its error');
CREATE VIEW mine.deflt AS SELECT * FROM mine.asthma;
ALTER VIEW mine.deflt ALTER COLUMN since SET DEFAULT current_date + mine.noted();
SELECT throws_ok($$INSERT INTO mine.deflt (person_id) SELECT person_id FROM permit_hydro.person$$, 'ZE002', NULL, 'a default of a view is evaluated for each person');
CREATE RULE spy AS ON INSERT TO mine.deflt DO ALSO INSERT INTO mine.plain VALUES (NEW.person_id);
SELECT throws_ok($$INSERT INTO mine.deflt SELECT person_id, NULL FROM permit_hydro.person$$, 'ZE002', NULL, 'a rule of a view of the analyst');
CREATE RULE spy2 AS ON DELETE TO mine.deflt DO ALSO INSERT INTO mine.plain VALUES (OLD.person_id);
SELECT throws_ok($$DELETE FROM mine.deflt$$, 'ZE002', NULL, 'a rule on DELETE');
DROP RULE spy2 ON mine.deflt;
SELECT throws_ok($$DELETE FROM mine.deflt$$, 'ZE002', NULL, 'DELETE through a view of the analyst');
DROP RULE spy ON mine.deflt;
CREATE FUNCTION mine.steal() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO mine.plain VALUES (NEW.person_id); RETURN NEW; END $f$;
CREATE TRIGGER steal INSTEAD OF INSERT ON mine.deflt FOR EACH ROW EXECUTE FUNCTION mine.steal();
SELECT throws_ok($$INSERT INTO mine.deflt SELECT person_id, NULL FROM permit_hydro.person$$, 'ZE002', NULL, 'a trigger of a view of the analyst');
DROP VIEW mine.deflt, mine.checked;
SELECT is((SELECT count(*) FROM mine.plain), 0::bigint, 'nothing was noted');
SELECT throws_ok((SELECT 'CREATE TEMP TABLE x AS SELECT person_id, ' || string_agg(format('CASE WHEN year_of_birth = 1950 THEN 1::bigint END AS c%s', i), ', ') || ' FROM permit_hydro.person' FROM generate_series(1, 1100) i),
                 'ZE002', NULL, 'a row that is too big only if there is a certain person');
SELECT throws_ok((SELECT 'CREATE TEMP TABLE x AS SELECT person_id, ' || string_agg(format('CASE WHEN year_of_birth = 1950 THEN %L END AS c%s', repeat('x', 20), i), ', ') || ' FROM permit_hydro.person' FROM generate_series(1, 400) i),
                 'ZE002', NULL, 'of texts too');
SELECT 'CREATE TEMP TABLE wide AS SELECT person_id, ' || string_agg(format('CASE WHEN year_of_birth = 1950 THEN %L END AS c%s', repeat('x', 1000), i), ', ') || ' FROM permit_hydro.person' FROM generate_series(1, 180) i \gexec
SELECT is((SELECT count(DISTINCT person_id) FROM wide), 400::bigint, 'as many columns as always fit');

-- values of the analyst's own stay his own
CREATE DOMAIN mine.posint AS int CHECK (VALUE > 0);
CREATE TYPE mine.pair AS (a int, b int);
CREATE TYPE mine.mood AS ENUM ('good', 'bad');
SELECT throws_ok($$CREATE TEMP TABLE x AS SELECT person_id, 'good'::mine.mood AS m FROM permit_hydro.person$$, 'ZE002', NULL, 'no type of the analyst''s own');
SELECT throws_ok($$CREATE TEMP TABLE x AS SELECT person_id, ROW(1, 2)::mine.pair AS m FROM permit_hydro.person$$, 'ZE002', NULL, 'no composite');
CREATE TABLE mine.w (id int PRIMARY KEY, w bigint, d mine.posint);
INSERT INTO mine.w VALUES (100, 1, 1), (400, 1000, 2);
CREATE TEMP TABLE weighted AS SELECT c.person_id, w.w, w.d, c.condition_concept_id FROM condition_occurrence c JOIN mine.w ON w.id = c.condition_concept_id;
SELECT is((SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'weighted'::regclass AND attname = 'd'), 'integer', 'a domain is stored as its base type');
SELECT throws_ok($$SELECT sum(w) FROM weighted$$, 'ZE002', NULL, 'weights of the analyst are not summed, sealed or not');
SELECT lives_ok($$SELECT sum(condition_concept_id) FROM weighted$$, 'a copy of a column of the permit is');
CREATE TEMP TABLE bigtext AS SELECT c.person_id, repeat('a', 100) AS t FROM condition_occurrence c;
SELECT lives_ok($$SELECT count(DISTINCT person_id) FROM bigtext WHERE upper(t) = ''$$, 'texts of the analyst are computed with, up to a size');
SELECT lives_ok($$CREATE TEMP TABLE fine AS SELECT person_id, CASE WHEN year_of_birth < 1970 THEN 'old' ELSE 'young' END AS age FROM person$$, 'an expression');
SELECT results_eq($$SELECT age, count(DISTINCT person_id) FROM fine GROUP BY 1 ORDER BY 1$$, $$VALUES ('old'::text, 209::bigint), ('young', 191)$$, 'is a group key');

-- queries within a person
CREATE TEMP TABLE per_person AS SELECT person_id, min(condition_start_date) AS first_date, count(*) AS n FROM condition_occurrence GROUP BY person_id;
SELECT is((SELECT sum(n) FROM per_person), (SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM condition_occurrence GROUP BY 1) s), 'an aggregate within a person is summed as it would be in a subquery');
SELECT isnt((SELECT sum(n) FROM per_person WHERE n < 50), NULL, 'and shown');
SELECT is((SELECT count(*) FROM per_person WHERE first_date < '2020-06-01'),
          (SELECT count(*) FROM (SELECT person_id, min(condition_start_date) AS f FROM condition_occurrence GROUP BY 1) s WHERE f < '2020-06-01'), 'one row a person is counted');
CREATE TEMP TABLE united AS SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 200 UNION SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 300;
SELECT is((SELECT count(DISTINCT person_id) FROM united), 200::bigint, 'UNION of rows of persons');
SELECT is((SELECT count(DISTINCT person_id) FROM person WHERE person_id IN (SELECT person_id FROM united)), 200::bigint, 'IN (SELECT ... FROM a sealed table)');
SELECT is((SELECT count(DISTINCT person_id) FROM person p WHERE NOT EXISTS (SELECT FROM united u WHERE u.person_id = p.person_id)), 200::bigint, 'NOT EXISTS');
SELECT throws_ok($$SELECT count(*) FROM person WHERE year_of_birth > (SELECT count(*) FROM rare)$$, NULL, NULL, 'not its number of rows in a condition');

-- transactions ---------------------------------------------------------------------------
BEGIN;
CREATE TABLE mine.gone AS SELECT person_id FROM person;
SELECT is((SELECT count(DISTINCT person_id) FROM mine.gone), 400::bigint, 'usable in its own transaction');
SAVEPOINT s;
CREATE TEMP TABLE gone2 AS SELECT person_id FROM person;
INSERT INTO mine.gone SELECT person_id FROM person;
SELECT throws_ok($$SELECT count(*) FROM mine.gone$$, 'ZE002', NULL, 'rows may be repeated now');
ROLLBACK TO s;
SELECT is(to_regclass('gone2'), NULL, 'gone with a savepoint');
SELECT is((SELECT count(*) FROM mine.gone), 400::bigint, 'and so is what was added');
ROLLBACK;
SELECT is(to_regclass('mine.gone'), NULL, 'gone with its transaction');
BEGIN;
CREATE TEMP TABLE on_drop ON COMMIT DROP AS SELECT person_id FROM person;
CREATE TEMP TABLE on_delete ON COMMIT DELETE ROWS AS SELECT person_id FROM person;
SELECT is((SELECT count(DISTINCT person_id) FROM on_drop d JOIN on_delete e USING (person_id)), 400::bigint, 'ON COMMIT: until then they are there');
COMMIT;
SELECT is(to_regclass('on_drop'), NULL, 'ON COMMIT DROP');
SELECT is((SELECT count(*) FROM (SELECT count(DISTINCT person_id) AS n FROM on_delete) s WHERE n > 0), 0::bigint, 'ON COMMIT DELETE ROWS');
SELECT throws_ok($$CREATE TABLE mine.x ON COMMIT DROP AS SELECT person_id FROM person$$, '42P16', NULL, 'ON COMMIT is for temporary tables');
BEGIN READ ONLY;
SELECT throws_ok($$CREATE TEMP TABLE x AS SELECT person_id FROM person$$, '25006', NULL, 'not in a READ ONLY transaction');
ROLLBACK;
BEGIN READ ONLY;
SELECT throws_ok($$INSERT INTO mine.cohort SELECT 3, person_id, NULL FROM person$$, '25006', NULL, 'nor INSERT');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT throws_ok($$CREATE TEMP TABLE x AS SELECT person_id FROM person$$, 'ZE002', NULL, 'nor in a SERIALIZABLE one');
ROLLBACK;

-- COPY, and the gate --------------------------------------------------------------------
\set ON_ERROR_STOP 0
COPY mine.asthma TO STDOUT;
SELECT is(:'SQLSTATE'::text, '42809', 'COPY of it');
COPY (SELECT * FROM mine.asthma) TO STDOUT;
SELECT is(:'SQLSTATE'::text, 'ZE002', 'COPY of its query');
COPY mine.asthma FROM STDIN;
1	2020-01-01
\.
SELECT isnt(:'SQLSTATE'::text, '00000', 'COPY into it');
\set ON_ERROR_STOP 1
SELECT is((SELECT count(*) FROM mine.asthma), 200::bigint, 'which changed nothing');
RESET SESSION AUTHORIZATION;
SELECT throws_ok($$SELECT count(*) FROM mine.asthma$$, 'ZE001', NULL, 'a superuser is no member of the grantee');
SELECT is((SELECT count(*) FROM ehds.ledger WHERE action = 'seal' AND permit = 'hydro' AND detail LIKE 'CREATE TABLE mine.asthma AS%' AND role = 't_analyst'), 1::bigint, 'the ledger has it');
SELECT is((SELECT count(*) FROM ehds.ledger WHERE action = 'seal' AND detail LIKE 'INSERT INTO mine.cohort SELECT 2%'), 2::bigint, 'and what was added');
SELECT is((SELECT count(*) FROM ehds.ledger WHERE action = 'seal' AND detail LIKE 'DELETE FROM mine.cohort WHERE cohort_definition_id = 2%'), 1::bigint, 'and removed');

-- under a privacy budget ------------------------------------------------------------------
SET SESSION AUTHORIZATION t_other;
SET search_path = permit_open, omop, public, pg_catalog;
CREATE TEMP TABLE dp_cohort AS SELECT person_id, condition_concept_id FROM condition_occurrence WHERE condition_concept_id IN (100, 200);
SELECT is(:ROW_COUNT, 0, 'storing under differential privacy');
INSERT INTO dp_cohort SELECT person_id, condition_concept_id FROM condition_occurrence WHERE condition_concept_id = 100;
INSERT INTO dp_cohort SELECT person_id, condition_concept_id FROM condition_occurrence WHERE condition_concept_id = 100;
SELECT is((SELECT epsilon_spent FROM ehds.budget WHERE permit = 'open'), 0::numeric, 'costs nothing');
SET ehds.epsilon = '1';
SELECT ok(n BETWEEN 350 AND 450, 'a person counts once however often the rows were added') FROM (SELECT ehds.dp_count(person_id) AS n FROM dp_cohort) s;
SELECT is((SELECT epsilon_spent FROM ehds.budget WHERE permit = 'open'), 1::numeric, 'asking costs');
SELECT is((SELECT array_agg(condition_concept_id) FROM (SELECT condition_concept_id, ehds.dp_count(person_id) AS n FROM dp_cohort GROUP BY 1) s WHERE n BETWEEN 100 AND 500), '{100,200}', 'by groups');
SELECT is((SELECT epsilon_spent FROM ehds.budget WHERE permit = 'open'), 2::numeric, 'each release');
SET ehds.epsilon = '1';
SET ehds.max_rows = 1;
SELECT ok(n BETWEEN 350 AND 450, 'rows of a person are bounded, repeated ones too') FROM (SELECT count(*) AS n FROM dp_cohort) s;
SELECT throws_ok($$SELECT * FROM dp_cohort$$, 'ZE002', NULL, 'nor shown');
SELECT is(pg_relation_size('dp_cohort'), NULL, 'nor its size');
DROP TABLE dp_cohort;
RESET ehds.epsilon;
RESET SESSION AUTHORIZATION;
SET search_path = permit_hydro, omop, mine, public, pg_catalog;

SELECT is_empty($$SELECT object, finding FROM ehds.doctor() WHERE object ~ 'sealed|asthma|cohort' OR finding ~ 'sealed_|asthma'$$, 'doctor finds nothing wrong with them');
SELECT format('GRANT SELECT ON %s TO t_other', store) FROM ehds.sealed_table WHERE view = 'mine.asthma'::regclass \gexec
SELECT is((SELECT count(*) FROM ehds.doctor() WHERE severity = 'critical' AND finding LIKE '%rows of sealed table mine.asthma, and t_other has SELECT%'), 1::bigint, 'but a right on their rows');
SELECT format('REVOKE ALL ON %s FROM t_other', store) FROM ehds.sealed_table WHERE view = 'mine.asthma'::regclass \gexec

-- who reads it -----------------------------------------------------------------------------
SELECT is(pg_temp.as_role('t_analyst2', $$SELECT count(DISTINCT person_id) FROM mine.asthma$$), '200', 'another member of the grantee');
SELECT throws_ok($$SELECT pg_temp.as_role('t_other', 'SELECT count(DISTINCT person_id) FROM mine.asthma')$$, 'ZE001', NULL, 'a role without the permit');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst2', 'INSERT INTO mine.asthma SELECT person_id, NULL FROM permit_hydro.person')$$, '42501', NULL, 'only its maker adds to it');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst2', 'DELETE FROM mine.asthma')$$, '42501', NULL, 'or takes from it');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst2', 'TRUNCATE mine.asthma')$$, '42501', NULL, 'or empties it');
SELECT throws_ok($$SELECT pg_temp.as_role('t_other', 'DELETE FROM mine.asthma')$$, 'ZE001', NULL, 'others not at all');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst2', 'DROP TABLE mine.asthma')$$, '42501', NULL, 'only its maker drops it');
SELECT throws_ok($$SELECT pg_temp.as_role('t_other', 'DROP TABLE mine.asthma')$$, '42501', NULL, 'nor does anybody else');
GRANT SELECT ON mine.asthma TO t_other;
SELECT throws_ok($$SELECT pg_temp.as_role('t_other', 'SELECT count(DISTINCT person_id) FROM mine.asthma')$$, 'ZE001', NULL, 'a right on it is no permit');
REVOKE SELECT ON mine.asthma FROM t_other;
GRANT t_dashboard TO t_analyst2;
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst2', 'SELECT ehds.dp_count(a.person_id) FROM mine.asthma a JOIN permit_open.person p USING (person_id)')$$, 'ZE001', NULL, 'another permit of the same person');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst2', 'INSERT INTO mine.asthma SELECT person_id, NULL FROM permit_open.person')$$, 'ZE001', NULL, 'or into it');
REVOKE t_dashboard FROM t_analyst2;

-- oppositions and the end of a permit -----------------------------------------------------------
SELECT pg_temp.as_role('t_registrar', $$SELECT ehds.oppose('H100002')$$) \g /dev/null
SET SESSION AUTHORIZATION t_analyst;
SELECT is((SELECT count(DISTINCT person_id) FROM mine.asthma), 199::bigint, 'who objects has left what was sealed before');
SELECT is((SELECT count(DISTINCT person_id) FROM "dbplyr_001"), 199::bigint, 'temporary or not');
RESET SESSION AUTHORIZATION;
SELECT pg_temp.as_role('t_registrar', $$SELECT ehds.oppose('H100004', relation => 'omop.condition_occurrence')$$) \g /dev/null
SELECT pg_temp.as_role('t_registrar', $$SELECT ehds.oppose('H100006', relation => 'omop.visit_occurrence')$$) \g /dev/null
SET SESSION AUTHORIZATION t_analyst;
SELECT is((SELECT count(DISTINCT person_id) FROM mine.asthma), 198::bigint, 'who objects to the table that it was made from');
SELECT is((SELECT count(DISTINCT person_id) FROM mine.into_here), 199::bigint, 'has not left what was made from another');
CREATE TEMP TABLE second AS SELECT person_id FROM mine.asthma;
RESET SESSION AUTHORIZATION;
SELECT pg_temp.as_role('t_registrar', $$SELECT ehds.oppose('H100008', relation => 'omop.condition_occurrence')$$) \g /dev/null
SET SESSION AUTHORIZATION t_analyst;
SELECT is((SELECT count(DISTINCT person_id) FROM second), 197::bigint, 'through a sealed table too');
INSERT INTO mine.into_here SELECT person_id FROM condition_occurrence;
RESET SESSION AUTHORIZATION;
SELECT pg_temp.as_role('t_registrar', $$SELECT ehds.withdraw_opposition('H100002')$$) \g /dev/null
SET SESSION AUTHORIZATION t_analyst;
SELECT is((SELECT count(DISTINCT person_id) FROM mine.asthma), 198::bigint, 'who takes an opposition back is there again');
SELECT is((SELECT count(DISTINCT person_id) FROM mine.into_here), 398::bigint, 'what was added from a table is under the oppositions to it');
PREPARE before_change AS SELECT count(DISTINCT person_id) FROM mine.asthma;
EXECUTE before_change \g /dev/null
RESET SESSION AUTHORIZATION;

UPDATE ehds.permit SET valid_from = '2000-01-01', valid_until = '2000-01-02' WHERE permit = 'hydro';
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'SELECT count(*) FROM mine.asthma')$$, 'ZE001', NULL, 'after the permit''s last day');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'EXECUTE before_change')$$, 'ZE001', NULL, 'in a prepared statement');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'INSERT INTO mine.asthma SELECT * FROM mine.asthma')$$, 'ZE001', NULL, 'and nothing is added');
UPDATE ehds.permit SET valid_until = '2099-12-31' WHERE permit = 'hydro';
SELECT is(pg_temp.as_role('t_analyst', 'SELECT count(*) FROM mine.asthma'), '198', 'it was the day');

-- what the permit does not open any more, the sealed table does not keep
SET SESSION AUTHORIZATION t_governor;
SELECT ehds.permit_table('hydro', 'omop.person', columns => '{person_id,gender_concept_id}') \g /dev/null
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION t_governor2;
SELECT ehds.activate_permit('hydro') \g /dev/null
RESET SESSION AUTHORIZATION;
SELECT throws_like($$SELECT pg_temp.as_role('t_analyst', 'SELECT count(*) FROM mine.asthma')$$, '%out of date%', 'a permit that changed');
SELECT throws_like($$SELECT pg_temp.as_role('t_analyst', 'INSERT INTO mine.asthma SELECT person_id, NULL FROM permit_hydro.person')$$, '%out of date%', 'nothing is added to it');
SET SESSION AUTHORIZATION t_analyst;
DROP TABLE mine.asthma CASCADE;
SELECT is(to_regclass('mine.v'), NULL, 'DROP TABLE ... CASCADE');
CREATE TABLE mine.asthma AS SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 200;
SELECT is((SELECT count(DISTINCT person_id) FROM mine.asthma), 198::bigint, 'made again');
CREATE VIEW mine.v AS SELECT * FROM mine.asthma;
RESET SESSION AUTHORIZATION;
ALTER TABLE omop.person RENAME TO person_old;
CREATE TABLE omop.person (LIKE omop.person_old INCLUDING ALL);
INSERT INTO omop.person SELECT 401 - person_id, gender_concept_id, year_of_birth, person_source_value FROM omop.person_old;
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'SELECT count(DISTINCT person_id) FROM mine.asthma')$$, 'ZE005', NULL, 'a load that swaps the table of identities');
SELECT ok(count(*) > 0, 'after_load') FROM ehds.after_load('omop');
SELECT throws_like($$SELECT pg_temp.as_role('t_analyst', 'SELECT count(DISTINCT person_id) FROM mine.asthma')$$, '%out of date%', 'its keys may mean other persons');
SET SESSION AUTHORIZATION t_analyst;
SELECT throws_ok($$DROP TABLE mine.asthma$$, '2BP01', NULL, 'DROP TABLE without CASCADE');
DROP VIEW mine.v;
RESET SESSION AUTHORIZATION;
CREATE SCHEMA shared;
GRANT CREATE, USAGE ON SCHEMA shared TO t_project;
SET SESSION AUTHORIZATION t_analyst;
CREATE TABLE shared.women AS SELECT person_id FROM permit_hydro.person WHERE gender_concept_id = 8532;
RESET SESSION AUTHORIZATION;
SELECT is((SELECT count(*) FROM pg_class WHERE relname ~ '^sealed_[0-9a-f]{32}$' AND relkind = 'r' AND relnamespace = 'sealed_hydro'::regnamespace) > 2, true, 'rows are in a schema of the extension');
DROP SCHEMA mine CASCADE;
SELECT is((SELECT count(*) FROM pg_class WHERE relname ~ '^sealed_[0-9a-f]{32}$' AND relkind = 'r' AND relnamespace = 'sealed_hydro'::regnamespace), 1::bigint, 'they go with the schema of their names');
SELECT is((pg_temp.as_role('t_governor', $$SELECT ehds.close_permit('hydro') ->> 'destroyed_sealed_tables'$$)), '1', 'and with the permit');
SELECT is(to_regclass('shared.women'), NULL, 'with their names');
SELECT is(to_regnamespace('sealed_hydro'), NULL, 'and their schema');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'SELECT count(DISTINCT person_id) FROM pg_temp.cohort')$$, NULL, NULL, 'a temporary one is read no more');
DROP OWNED BY t_analyst2, t_analyst;
SELECT * FROM finish();
