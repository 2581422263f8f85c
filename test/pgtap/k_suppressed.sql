-- What stands for a small cell under a permit, in each mode of ehds.suppressed
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
SET search_path = permit_hydro, public, pg_catalog;
\o
SELECT no_plan();

CREATE FUNCTION pg_temp.ask(query text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.as_role('t_analyst', query) $$;
-- all rows of a query as one text
CREATE FUNCTION pg_temp.rows_of(query text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.ask(format('SELECT string_agg(q::text, '' '') FROM (%s) q', query)) $$;
CREATE FUNCTION pg_temp.mode(mode text) RETURNS text LANGUAGE sql AS $$
    SELECT set_config('ehds.suppressed', mode, false) $$;
\set by_concept 'SELECT condition_concept_id, count(DISTINCT person_id), count(*) AS n FROM condition_occurrence GROUP BY 1 ORDER BY 1'

-- 400 has 5 persons, 500 one person with 50 rows
SELECT is(pg_temp.rows_of(:'by_concept'), '(100,400,400) (200,200,200) (300,40,40)', 'omitted by default');

-- the floor: an analyst asks for less and gets the floor
\o /dev/null
SELECT pg_temp.mode('negative');
\o
SELECT is(pg_temp.rows_of(:'by_concept'), '(100,400,400) (200,200,200) (300,40,40)', 'negative is below the floor: omitted');
SELECT throws_ok($$SELECT pg_temp.ask('SET ehds.suppressed_floor = negative')$$, '42501', NULL, 'the floor is not the analyst''s');
\o /dev/null
SELECT pg_temp.mode('null');
\o
SELECT is(pg_temp.rows_of(:'by_concept'), '(100,400,400) (200,200,200) (300,40,40)', 'so is null');
SET ehds.suppressed_floor = 'null';
\o /dev/null
SELECT pg_temp.mode('negative');
\o
SELECT is(pg_temp.rows_of(:'by_concept'), '(100,400,400) (200,200,200) (300,40,40) (400,,) (500,,)', 'the stricter of the two: null');

SET ehds.suppressed_floor = 'negative';
SELECT is(pg_temp.rows_of(:'by_concept'), '(100,400,400) (200,200,200) (300,40,40) (400,-11,-11) (500,-11,-11)', 'negative');
SELECT is(pg_temp.rows_of('SELECT region, sum(cost), count(*) > 0 AS n, ehds.k_met(person_id) FROM visit_occurrence WHERE cost <= 100 GROUP BY 1 ORDER BY 1'),
    '(east,,f,) (north,,f,) (south,,f,) (west,,f,)', 'other figures are NULL');
SELECT is(pg_temp.rows_of('SELECT condition_concept_id, ehds.k_count(person_id, 50), ehds.k_count(person_id) AS c FROM condition_occurrence WHERE condition_concept_id IN (200, 300) GROUP BY 1 ORDER BY 1'),
    '(200,200,200) (300,-50,-50)', 'a cell is small by the greatest k that was asked for');
SELECT is(pg_temp.rows_of('SELECT condition_concept_id FROM condition_occurrence GROUP BY 1 ORDER BY 1'), '(100) (200) (300)', 'keys without figures are left out in every mode');
SELECT is(pg_temp.rows_of('SELECT condition_concept_id FROM condition_occurrence GROUP BY 1 HAVING count(*) < 0 ORDER BY 1'), '(400) (500)', 'HAVING sees what is shown');
SELECT is(pg_temp.rows_of('SELECT count(*) FROM person WHERE year_of_birth = 1950'), '(-11)', 'a total that is small');
SELECT is(pg_temp.rows_of('SELECT count(*) FROM person WHERE year_of_birth = 1800'), '(-11)', 'looks like one of nobody');
SELECT is(pg_temp.rows_of('SELECT g, n FROM (SELECT gender_concept_id AS g, count(*) AS n FROM person WHERE year_of_birth < 1942 GROUP BY 1) s JOIN (VALUES (8507), (8532)) v(g) USING (g) ORDER BY 1'),
    '(8507,-11) (8532,-11)', 'in a subquery');
SELECT is(pg_temp.rows_of('WITH a AS (SELECT person_id FROM condition_occurrence WHERE condition_concept_id IN (300, 400)) SELECT gender_concept_id, count(*) FROM a JOIN person USING (person_id) GROUP BY 1 ORDER BY 1'),
    '(8507,-11) (8532,42)', 'over a WITH query');

SELECT pg_temp.mode('null') \g /dev/null
SELECT is(pg_temp.rows_of(:'by_concept'), '(100,400,400) (200,200,200) (300,40,40) (400,,) (500,,)', 'null');
SELECT is(pg_temp.rows_of('SELECT count(*) FROM person WHERE year_of_birth = 1950'), '()', 'a total that is small');

-- other: 400 and 500 together hold 6 persons, so that 300 joins them; one of the 46 has most rows
SELECT pg_temp.mode('other') \g /dev/null
SELECT is(pg_temp.rows_of(:'by_concept'), '(100,400,400) (200,200,200) (,46,)', 'other: two cells of 6 persons take in the smallest shown one');
SELECT is(pg_temp.rows_of('SELECT condition_concept_id, count(DISTINCT person_id) FROM condition_occurrence WHERE condition_concept_id <> 500 GROUP BY 1 ORDER BY 1'),
    '(100,400) (200,200) (,45)', 'one cell is never folded alone');
-- two cells of 10 are told by 20: they can't hold more
CREATE FUNCTION pg_temp.cut(first integer, second integer) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.rows_of(format('SELECT CASE WHEN condition_occurrence_id <= %s THEN 1 WHEN condition_occurrence_id <= %s THEN 2 WHEN condition_occurrence_id <= 40 THEN 3 ELSE 4 END AS c, count(*)
        FROM condition_occurrence WHERE condition_concept_id = 100 GROUP BY 1 ORDER BY 1', first, second)) $$;
SELECT is(pg_temp.cut(10, 20), '(4,360) (,40)', 'two cells of k - 1 persons take in another');
SELECT is(pg_temp.cut(9, 19), '(3,21) (4,360) (,19)', 'one of k - 1 and one of fewer do not');
-- persons of the union: 5 with 400 are among the 40 + 5; 200 and 300 share 40
SELECT is(pg_temp.rows_of('SELECT c, count(DISTINCT person_id) FROM (SELECT person_id, condition_concept_id AS c FROM condition_occurrence WHERE condition_concept_id IN (200, 400, 500)) s GROUP BY 1 ORDER BY 1'),
    '(,204)', 'other counts the persons of the union');
SELECT is(pg_temp.rows_of('SELECT condition_concept_id, count(DISTINCT person_id) FROM condition_occurrence WHERE condition_concept_id IN (400, 500) GROUP BY 1 ORDER BY 1'),
    NULL, 'nothing to take in: there is no other row');
SELECT is(pg_temp.rows_of('SELECT condition_concept_id, count(*) FROM condition_occurrence WHERE condition_concept_id IN (100, 200) GROUP BY 1 ORDER BY 1'),
    '(100,400) (200,200)', 'nothing to hide: nothing is folded');
SELECT is(pg_temp.rows_of('SELECT condition_concept_id FROM condition_occurrence GROUP BY 1 ORDER BY 1'), '(100) (200) (300)', 'keys without figures');
SELECT is(pg_temp.rows_of('SELECT count(*) FROM person WHERE year_of_birth = 1950'), NULL, 'a total has no others');
-- many small cells: 60 years of 6 or 7 persons
SELECT is(pg_temp.rows_of('SELECT year_of_birth, count(*), sum(year_of_birth) > 0 AS s FROM person GROUP BY 1 ORDER BY 1'), '(,400,)', 'all cells in one, without the sum of what is their key');
SELECT is(pg_temp.rows_of('SELECT greatest(year_of_birth, 1960) AS y, count(*) FROM person GROUP BY 1 ORDER BY 1'), '(1960,146) (,254)', 'the others beside the rest');
-- sums over the union: dominance by person 400, who pays ten million
SELECT is(pg_temp.rows_of('SELECT CASE WHEN cost < 3900 THEN 0 ELSE cost END AS c, sum(cost) FROM visit_occurrence GROUP BY 1 ORDER BY 1'), '(0,1893460) (,)', 'figures of the other row have their own rules');

-- NULL among the keys, keys of other types
CREATE FUNCTION pg_temp.null_keys() RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.rows_of('SELECT CASE WHEN year_of_birth < 1960 THEN NULL WHEN year_of_birth < 1962 THEN 1961 ELSE 1999 END AS y, lower(''X'') AS x,
        GROUPING(CASE WHEN year_of_birth < 1960 THEN NULL WHEN year_of_birth < 1962 THEN 1961 ELSE 1999 END) AS g, count(*)
        FROM person WHERE gender_concept_id = 8532 GROUP BY 1, 2 ORDER BY 1, 3') $$;
SELECT is(pg_temp.null_keys(), '(1999,x,0,124) (,,1,76)', 'a NULL key that is folded');
SELECT is(pg_temp.rows_of('SELECT CASE WHEN year_of_birth < 1960 THEN NULL WHEN year_of_birth < 1961 THEN 1960 WHEN year_of_birth = 1961 THEN 1961 WHEN year_of_birth = 1962 THEN 1962 ELSE 1999 END AS y,
        GROUPING(CASE WHEN year_of_birth < 1960 THEN NULL WHEN year_of_birth < 1961 THEN 1960 WHEN year_of_birth = 1961 THEN 1961 WHEN year_of_birth = 1962 THEN 1962 ELSE 1999 END) AS g, count(*)
        FROM person GROUP BY 1 ORDER BY 1, 2'), '(1999,0,240) (,0,139) (,1,21)', 'the other row says GROUPING = 1, a NULL key of its own 0');
SELECT is(pg_temp.rows_of('SELECT g, y, count(*) FROM (SELECT p.person_id, gender_concept_id AS g, greatest(year_of_birth, 1998) AS y FROM person p JOIN visit_occurrence v ON v.person_id = p.person_id) s GROUP BY 1, 2 ORDER BY 1, 2'),
    pg_temp.rows_of('SELECT g, y, count(*) FROM (SELECT p.person_id, gender_concept_id AS g, greatest(year_of_birth, 1998) AS y FROM person p JOIN visit_occurrence v ON v.person_id = p.person_id) s GROUP BY 1, 2 ORDER BY 1, 2'), 'over a subquery with a join, twice the same');
SELECT is(pg_temp.ask('WITH a AS (SELECT person_id, condition_concept_id AS c FROM condition_occurrence WHERE condition_concept_id IN (300, 400)) SELECT string_agg(s::text, '' '') FROM (SELECT c, count(*) FROM a GROUP BY 1) s'),
    '(,45)', 'over a WITH query of the statement, from a subquery');
SELECT is(pg_temp.rows_of('SELECT * FROM (WITH a AS (SELECT person_id, condition_concept_id AS c FROM condition_occurrence WHERE condition_concept_id IN (200, 300, 400)) SELECT c, count(*) FROM a GROUP BY 1 ORDER BY 1) s'),
    '(200,200) (,45)', 'with a WITH list of its own');
SELECT is(pg_temp.rows_of('SELECT concept_name, condition_start_date > current_date AS later, count(DISTINCT person_id) FROM condition_occurrence JOIN omop.concept ON concept_id = condition_concept_id GROUP BY 1, 2 ORDER BY 1'),
    '(asthma,f,200) (hypertension,f,400) (,,46)', 'text and boolean keys, a public table');

-- a plan that was made under another mode is not used
CREATE FUNCTION pg_temp.prepared() RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text := ''; mode text; one text;
BEGIN
    SET LOCAL SESSION AUTHORIZATION t_analyst;
    PREPARE again AS SELECT string_agg(q::text, ' ') FROM (SELECT condition_concept_id, count(DISTINCT person_id) FROM condition_occurrence WHERE condition_concept_id >= 300 GROUP BY 1 ORDER BY 1) q;
    FOREACH mode IN ARRAY '{negative,"null",other,omit,negative}'::text[] LOOP
        PERFORM set_config('ehds.suppressed', mode, false);
        EXECUTE 'EXECUTE again' INTO one;
        result := result || mode || ': ' || coalesce(one, 'nothing') || ' ';
    END LOOP;
    RESET SESSION AUTHORIZATION;
    DEALLOCATE again;
    RETURN result;
END $$;
SELECT is(pg_temp.prepared(), 'negative: (300,40) (400,-11) (500,-11) null: (300,40) (400,) (500,) other: (,46) omit: (300,40) negative: (300,40) (400,-11) (500,-11) ', 'a prepared statement follows the setting');
SET SESSION AUTHORIZATION t_analyst;
SELECT is((SELECT string_agg(n::text, ' ') FROM (SELECT count(*) AS n FROM condition_occurrence GROUP BY condition_concept_id ORDER BY condition_concept_id) s), '400 200 40 -11 -11', 'negative, while the floor allows it');
PREPARE tightened AS SELECT string_agg(n::text, ' ') FROM (SELECT count(*) AS n FROM condition_occurrence GROUP BY condition_concept_id ORDER BY condition_concept_id) s;
EXECUTE tightened \g /dev/null
RESET SESSION AUTHORIZATION;
SET ehds.suppressed_floor = omit;
SET SESSION AUTHORIZATION t_analyst;
CREATE TEMP TABLE answer AS EXECUTE tightened;
SELECT is((SELECT string_agg FROM answer), '400 200 40', 'and no longer when the floor was raised');
SELECT throws_ok('EXPLAIN EXECUTE tightened', 'ZE002', NULL, 'EXPLAIN is refused');
RESET SESSION AUTHORIZATION;

-- a state that has just reached a large k, when it is copied
SELECT is(pg_temp.rows_of('SELECT ehds.k_count(person_id, 400) FROM person'), '(400)', 'a large k that is just met');

-- operators and casts of the analyst's own are not those of a release
CREATE SCHEMA a AUTHORIZATION t_analyst;
SET SESSION AUTHORIZATION t_analyst;
CREATE FUNCTION a.spy(text, text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'seen: % %', $1, $2; END$$;
CREATE OPERATOR a.= (LEFTARG = text, RIGHTARG = text, FUNCTION = a.spy);
CREATE COLLATION a."C" (provider = libc, locale = 'C');
SET search_path = permit_hydro, a, public, pg_catalog;
SET ehds.suppressed = 'other';
RESET SESSION AUTHORIZATION;
SET ehds.suppressed_floor = 'negative';
CREATE TEMP TABLE shadowed AS SELECT pg_temp.rows_of('SELECT condition_concept_id, count(DISTINCT person_id) FROM condition_occurrence GROUP BY 1 ORDER BY 1');
SET search_path = permit_hydro, public, pg_catalog;
SELECT is((SELECT rows_of FROM shadowed), '(100,400) (200,200) (,46)', 'a shadowed operator is not called');
RESET ehds.suppressed_floor;
RESET ehds.suppressed;

-- the functions of a release are nobody's
SELECT throws_ok($$SELECT ehds.stands_apart(NULL, 1, NULL) OVER ()$$, 'ZE004', NULL, 'stands_apart needs an approval');
SELECT throws_ok($$SELECT pg_temp.ask('SELECT ehds.k_size(person_id, 11) FROM person')$$, 'ZE002', NULL, 'k_size is refused under a permit');
SELECT * FROM finish();
