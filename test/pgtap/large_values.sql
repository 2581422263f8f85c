-- Texts that only an analyst would have make no error of a size that comes with the first person.
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
CREATE SCHEMA own;
GRANT USAGE ON SCHEMA own TO PUBLIC;
CREATE TABLE own.large AS SELECT 1950 AS born, repeat('x', 600000000) AS t;
INSERT INTO own.large VALUES (1950, 'small'), (1951, 'small');
ALTER TABLE own.large OWNER TO t_other;
CREATE FUNCTION pg_temp.asked(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL search_path = permit_open, own, public, pg_catalog;
    SET LOCAL ehds.epsilon = '0.001';
    RETURN pg_temp.as_role('t_other', format('SELECT count(*) >= 0 FROM (%s) r', query));
END $$;
\o
SELECT plan(6);
SELECT is(pg_temp.asked('SELECT t, count(DISTINCT person_id) FROM person JOIN large ON born = year_of_birth GROUP BY t'), 'true', 'a group key');
SELECT is(pg_temp.asked('SELECT t, count(DISTINCT person_id) FROM large LEFT JOIN person ON born = year_of_birth GROUP BY t'), 'true', 'a declared one');
SELECT is(pg_temp.as_role('t_other', $$SELECT string_agg(coalesce(t, 'none'), ' ' ORDER BY t) FROM (SELECT t, ehds.dp_count(person_id) FROM own.large LEFT JOIN permit_open.person ON born = year_of_birth GROUP BY t) r$$), 'small none', '... is shown as none');
SELECT is(pg_temp.asked('SELECT count(DISTINCT person_id) FROM (SELECT person_id, lag(b) OVER (PARTITION BY person_id ORDER BY a) AS l FROM (SELECT person_id, min(t || '''') AS a, max(t) AS b FROM person JOIN large ON born = year_of_birth GROUP BY person_id) m) w WHERE l IS NULL'), 'true', 'extremes of a person');
SELECT throws_ok(format('SELECT pg_temp.asked(%L)', 'SELECT count(DISTINCT person_id) FROM person JOIN large ON born = year_of_birth WHERE CASE WHEN year_of_birth = 1950 THEN ARRAY[t, t] <> ARRAY[''a''] END'), 'ZE002', NULL, 'an array');
SELECT is(pg_temp.asked('SELECT count(DISTINCT person_id) FROM person JOIN large ON born = year_of_birth WHERE t IN (''a'', ''small'') AND born = ANY (ARRAY[year_of_birth, 1951])'), 'true', 'lists of constants, and of numbers');
SELECT * FROM finish();
