-- Tables that an analyst may change are joined to personal data only if reading leaves no trace in them.
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
CREATE SCHEMA own;
GRANT USAGE ON SCHEMA own TO PUBLIC;
CREATE TABLE own.listed (born integer, filler text) WITH (autovacuum_enabled = off);
INSERT INTO own.listed SELECT 1939 + i, repeat('x', 700) FROM generate_series(1, 10) i;
CREATE TABLE own.labelled AS TABLE own.listed;
CREATE TABLE own.indexed (born integer PRIMARY KEY) WITH (autovacuum_enabled = off);
INSERT INTO own.indexed SELECT generate_series(1940, 1949);
CREATE TABLE own.parent (born integer) PARTITION BY RANGE (born);
CREATE TABLE own.child PARTITION OF own.parent FOR VALUES FROM (0) TO (3000) WITH (autovacuum_enabled = off);
INSERT INTO own.parent SELECT generate_series(1940, 1949);
ALTER TABLE own.listed OWNER TO t_other;
ALTER TABLE own.indexed OWNER TO t_other;
ALTER TABLE own.parent OWNER TO t_other;
ALTER TABLE own.child OWNER TO t_other;
SECURITY LABEL FOR pg_ehds ON TABLE own.labelled IS 'public';
GRANT SELECT ON own.labelled TO PUBLIC;
CREATE FUNCTION pg_temp.asked(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL search_path = permit_open, own, public, pg_catalog;
    SET LOCAL ehds.epsilon = '0.001';
    RETURN pg_temp.as_role('t_other', format('SELECT (%s) IS NOT NULL', query));
END $$;
CREATE FUNCTION pg_temp.refused(query text, what text) RETURNS text LANGUAGE sql AS $$
    SELECT throws_ok(format('SELECT pg_temp.asked(%L)', query), 'ZE002', NULL, what);
$$;
\o
SELECT plan(24);

SELECT is(pg_temp.asked('SELECT count(DISTINCT person_id) FROM person JOIN listed ON born = year_of_birth'), 'true', 'a table of the analyst''s');
SELECT is(pg_temp.asked('SELECT count(DISTINCT person_id) FROM person JOIN indexed ON born = year_of_birth'), 'true', '... with an index');
SELECT is(pg_temp.asked('SELECT count(DISTINCT person_id) FROM person JOIN parent ON born = year_of_birth'), 'true', '... with partitions');
-- the page of the rows is full, and the first reader prunes it
UPDATE own.listed SET filler = filler || 'y' WHERE born < 1942;
SELECT pg_temp.refused('SELECT count(DISTINCT person_id) FROM person JOIN listed ON born = year_of_birth', 'not after an UPDATE');
SELECT pg_temp.refused('SELECT count(DISTINCT person_id) FROM person JOIN listed ON born = year_of_birth WHERE year_of_birth = 1800', '... where there is nobody to join it to');
SELECT pg_temp.refused('SELECT count(DISTINCT person_id) FROM person WHERE EXISTS (SELECT FROM listed WHERE born = year_of_birth)', '... in a subquery');
SELECT pg_temp.refused('WITH w AS (SELECT born FROM listed) SELECT count(DISTINCT person_id) FROM person JOIN w ON born = year_of_birth', '... in WITH');
SELECT is(pg_temp.asked('SELECT count(*) FROM (SELECT year_of_birth, count(DISTINCT person_id) FROM person GROUP BY 1) r JOIN listed ON born = year_of_birth'), 'true', 'beside what was released it is read');
VACUUM own.listed;
SELECT is(pg_temp.asked('SELECT count(DISTINCT person_id) FROM person JOIN listed ON born = year_of_birth'), 'true', 'after VACUUM it is read again');
-- what came from a transaction that failed is marked in the index by whoever meets it
BEGIN;
INSERT INTO own.indexed SELECT generate_series(1950, 1959);
INSERT INTO own.parent SELECT generate_series(1950, 1959);
ROLLBACK;
SELECT pg_temp.refused('SELECT count(DISTINCT person_id) FROM person JOIN indexed ON born = year_of_birth', 'not after a failed INSERT');
SELECT pg_temp.refused('SELECT count(DISTINCT person_id) FROM person JOIN parent ON born = year_of_birth', '... into a partition');
SELECT is((SELECT count(*) FROM ehds.ledger WHERE permit = 'open' AND kind = 'charge'), 5::bigint, 'what was refused was not charged');
-- the administrator's tables are not the analyst's to look into
UPDATE own.labelled SET filler = filler || 'y' WHERE born < 1942;
SELECT is(pg_temp.asked('SELECT count(DISTINCT person_id) FROM person JOIN labelled ON born = year_of_birth'), 'true', 'a public table is read as it is');
GRANT UPDATE ON own.labelled TO t_dashboard;
UPDATE own.labelled SET filler = filler || 'z' WHERE born < 1942;
SELECT pg_temp.refused('SELECT count(DISTINCT person_id) FROM person JOIN labelled ON born = year_of_birth', 'not one that he may write to');
-- nobody makes dead rows while the query runs
BEGIN;
SELECT is(pg_temp.asked('SELECT count(DISTINCT person_id) FROM person JOIN listed ON born = year_of_birth WHERE born > 1942'), 'true', 'in a transaction');
SELECT is((SELECT string_agg(mode, ' ') FROM pg_locks WHERE relation = 'own.listed'::regclass AND mode = 'ShareLock'), 'ShareLock', '... nobody else writes to it until the end');
COMMIT;
-- nor does the analyst: an INSERT that is undone leaves dead rows at once
VACUUM own.indexed;
ALTER SCHEMA own OWNER TO t_other;
BEGIN;
SET LOCAL SESSION AUTHORIZATION t_other;
SET LOCAL search_path = permit_open, own, public, pg_catalog;
DECLARE c CURSOR FOR SELECT count(DISTINCT person_id) IS NOT NULL FROM person JOIN indexed ON born = year_of_birth WHERE born > 1943;
SAVEPOINT s;
INSERT INTO indexed SELECT generate_series(1960, 1969);
ROLLBACK TO s;
RESET SESSION AUTHORIZATION;
SELECT throws_ok('FETCH c', 'ZE002', NULL, 'not through a cursor that was opened before');
ROLLBACK;
VACUUM own.indexed;
SET SESSION AUTHORIZATION t_other;
CREATE FUNCTION own.undone() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO own.indexed SELECT generate_series(1970, 1979);
    RAISE division_by_zero;
EXCEPTION WHEN division_by_zero THEN
    RETURN 1;
END $$;
SET search_path = permit_open, own, public, pg_catalog;
RESET SESSION AUTHORIZATION;
SELECT throws_ok($$SELECT pg_temp.asked('SELECT n FROM (SELECT own.undone() AS u) f, (SELECT count(DISTINCT person_id) AS n FROM person JOIN indexed ON born = year_of_birth WHERE born > 1944) r WHERE f.u = 1')$$, 'ZE002', NULL, 'nor by a function in the statement');
RESET search_path;
SELECT is(pg_temp.asked('SELECT own.undone() FROM (SELECT count(DISTINCT person_id) AS n FROM person JOIN listed ON born = year_of_birth WHERE born > 1945) r'), 'true', 'to other tables it writes');
-- nor is its content trusted because he, or another grantee, has labelled it: functions that could fail on it are replaced
\o /dev/null
CREATE TABLE own.texts AS SELECT 1900 AS born, 'x' AS t;
GRANT SELECT ON own.texts TO PUBLIC;
SECURITY LABEL FOR pg_ehds ON TABLE own.texts IS 'public';
CREATE FUNCTION pg_temp.is_total() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    line text;
    found boolean := false;
BEGIN
    SET LOCAL SESSION AUTHORIZATION t_other;
    FOR line IN EXECUTE 'EXPLAIN SELECT count(DISTINCT person_id) FROM permit_open.person JOIN own.texts ON born = year_of_birth AND lower(t) = ''y''' LOOP
        found := found OR line LIKE '%total_lower(texts.t)%';
    END LOOP;
    RESET SESSION AUTHORIZATION;
    RETURN found;
END $$;
\o
SELECT is(pg_temp.is_total(), false, 'texts of a public table of the administrator''s are taken as they are');
ALTER TABLE own.texts OWNER TO t_other;
SELECT is(pg_temp.is_total(), true, 'of one that he owns, and has labelled, not');
ALTER TABLE own.texts OWNER TO t_project;
SELECT is(pg_temp.is_total(), true, '... nor of one that the grantee of another permit owns');
ALTER TABLE own.texts OWNER TO CURRENT_USER;
SELECT is(pg_temp.is_total(), false, '... and again, once it is the administrator''s');
GRANT INSERT ON own.texts TO t_dashboard;
SELECT is(pg_temp.is_total(), true, '... nor of one that he may write to');
SELECT * FROM finish();
