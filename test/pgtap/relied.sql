-- What the gate relied on is what runs: functions of the analyst's that the planner
-- computes cannot change it in between. And what deleting and reading would tell besides.
\set ECHO none
\set QUIET 1
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
SELECT no_plan();
SET client_min_messages = warning;
CREATE SCHEMA mine AUTHORIZATION t_analyst;
SET SESSION AUTHORIZATION t_analyst;
SET search_path = permit_hydro, omop, mine, public, pg_catalog;

-- temporary files of a query that runs; there is no sealed table yet
SELECT throws_ok($$SELECT pg_tablespace_size('pg_default')$$, '42501', NULL, 'what queries spill is not seen');

-- a key that goes while the query is planned: each row of 1950 would count twice
CREATE TABLE mine.weight (y int PRIMARY KEY);
INSERT INTO mine.weight SELECT generate_series(1900, 2020);
CREATE FUNCTION mine.repeat_rows() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN
    ALTER TABLE mine.weight DROP CONSTRAINT weight_pkey;
    INSERT INTO mine.weight VALUES (1950);
    RETURN 1; END $f$;
CREATE FUNCTION mine.lie() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $f$ BEGIN RETURN mine.repeat_rows(); END $f$;
SELECT throws_ok($$WITH x AS MATERIALIZED (SELECT mine.lie() AS l) SELECT count, l FROM x, (SELECT count(*) FROM person JOIN mine.weight ON y = year_of_birth) c$$,
                 'ZE004', NULL, 'a key that is dropped by a function while planning');
CREATE FUNCTION mine.inherit_rows() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN
    CREATE TABLE mine.more () INHERITS (mine.weight);
    INSERT INTO mine.more VALUES (1950);
    RETURN 1; END $f$;
CREATE FUNCTION mine.lie_child() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $f$ BEGIN RETURN mine.inherit_rows(); END $f$;
SELECT throws_ok($$WITH x AS MATERIALIZED (SELECT mine.lie_child() AS l) SELECT count, l FROM x, (SELECT count(*) FROM person JOIN mine.weight ON y = year_of_birth) c$$,
                 'ZE004', NULL, 'a child with rows of its own');
-- not in the query, but in an index of a table in it
CREATE TABLE mine.other (y int);
CREATE FUNCTION mine.quiet(a int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $f$ BEGIN RETURN a; END $f$;
CREATE INDEX ON mine.other ((y + mine.quiet(1)));
CREATE OR REPLACE FUNCTION mine.quiet(a int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $f$ BEGIN RETURN mine.repeat_rows(); END $f$;
SELECT throws_ok($$SELECT * FROM mine.other, (SELECT count(*) FROM person JOIN mine.weight ON y = year_of_birth) c$$, 'ZE004', NULL, 'in the expression of an index');
-- what was undone is still in the table, and nothing of persons is read beside it
VACUUM mine.weight;
SELECT is((SELECT count(*) FROM person JOIN mine.weight ON y = year_of_birth), 400::bigint, 'nothing of it has happened');
SELECT lives_ok($$SELECT (SELECT mine.lie()), count(*) FROM person$$, 'what the query does not read may change');

-- rows that are added to a sealed table while it is counted
CREATE TABLE mine.some AS SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 300;
CREATE FUNCTION mine.add_rows() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN
    INSERT INTO mine.some SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 400;
    RETURN 1; END $f$;
CREATE FUNCTION mine.lie_rows() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $f$ BEGIN RETURN mine.add_rows(); END $f$;
SELECT throws_ok($$SELECT count(*), mine.lie_rows() FROM mine.some$$, 'ZE004', NULL, 'an INSERT by a function while planning');
SELECT is((SELECT count(*) FROM mine.some), 40::bigint, 'rows are counted as before');

-- an error about a row that another session deleted would tell that it was there
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT throws_ok('DELETE FROM mine.some', 'ZE002', NULL, 'no DELETE with an older snapshot');
ROLLBACK;
SELECT lives_ok('DELETE FROM mine.some', 'DELETE with the latest');
-- who first reads a row looks up in pg_xact whether it was committed
SELECT throws_ok('SELECT blks_hit FROM pg_stat_slru', '42501', NULL, 'counters of look-ups of transactions');
SELECT throws_ok('SELECT calls FROM pg_stat_xact_user_functions', '42501', NULL, 'calls of functions, one for each row');

-- the error that the stack is used up does not depend on whether a row was looked at
SELECT format($q$CREATE FUNCTION mine.deep%s(n int) RETURNS text LANGUAGE plpgsql AS $f$ DECLARE r text; BEGIN
    IF n > 0 THEN RETURN mine.deep%1$s(n - 1); END IF;
    SELECT count(DISTINCT person_id) INTO r FROM permit_hydro.person WHERE (CASE WHEN year_of_birth = %1$s THEN %L ELSE 'x' END) LIKE %L;
    RETURN 'ran'; END $f$$q$, y, repeat('a', 600), repeat('%a', 500)) FROM (VALUES (1950), (1800)) v(y) \gexec
CREATE FUNCTION mine.deeply(n int, y int) RETURNS text LANGUAGE plpgsql AS $f$ DECLARE r text; BEGIN
    EXECUTE format('SELECT mine.deep%s(0)', y);
    EXECUTE format('SELECT mine.deep%s(%s)', y, n) INTO r;
    RETURN r; EXCEPTION WHEN statement_too_complex THEN RETURN 'stack'; END $f$;
CREATE TEMP TABLE depth AS SELECT n, mine.deeply(n, 1950) AS somebody, mine.deeply(n, 1800) AS nobody FROM generate_series(300, 900, 3) n;
SELECT is_empty('SELECT * FROM depth WHERE somebody <> nobody', 'a query from deep within functions');
SELECT results_eq('SELECT DISTINCT nobody FROM depth ORDER BY 1', ARRAY['ran', 'stack'], 'is refused before the stack is used up');
-- of PostgreSQL 17
SELECT throws_ok(format('SELECT FROM %s', c), '42501', NULL, c || ' is closed')
  FROM unnest(ARRAY['pg_get_wal_summarizer_state()', 'pg_available_wal_summaries()', $$pg_wal_summary_contents(1, '0/1', '0/2')$$]) c
 WHERE EXISTS (SELECT FROM pg_proc p WHERE p.proname = split_part(c, '(', 1));
RESET SESSION AUTHORIZATION;
SELECT lives_ok('SELECT blks_hit FROM pg_stat_slru', 'are open to the administrator');
SELECT * FROM finish();
