-- GROUPING SETS, ROLLUP and CUBE under a permit: no hidden figure is total less others
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
SET search_path = permit_hydro, public, pg_catalog;
\o
SELECT no_plan();

CREATE FUNCTION pg_temp.ask(query text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.as_role('t_analyst', query) $$;
CREATE FUNCTION pg_temp.rows_of(query text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.ask(format('SELECT string_agg(q::text, '' '') FROM (%s) q', query)) $$;

-- 400 men and women, of whom 5 have 400: 3 men and 2 women
SELECT is(pg_temp.rows_of('SELECT gender_concept_id, count(*) FROM person GROUP BY ROLLUP (1) ORDER BY 1'), '(8507,200) (8532,200) (,400)', 'nothing is hidden where nothing is small');
SELECT is(pg_temp.rows_of('SELECT condition_concept_id AS c, count(DISTINCT person_id) FROM condition_occurrence WHERE condition_concept_id IN (100, 300, 400) GROUP BY ROLLUP (1) ORDER BY 1'),
    '(100,400) (,400)', 'one small cell beside the total: another is hidden with it');
SELECT is(pg_temp.rows_of('SELECT condition_concept_id AS c, count(DISTINCT person_id) FROM condition_occurrence WHERE condition_concept_id IN (100, 300, 400) GROUP BY 1 ORDER BY 1'),
    '(100,400) (300,40)', 'which it is not without the total');
SELECT is(pg_temp.rows_of('SELECT year_of_birth AS y, count(*) FROM person WHERE year_of_birth < 1943 GROUP BY GROUPING SETS ((1), ()) ORDER BY 1'), '(,20)', 'all cells small, the total is not');
SELECT is(pg_temp.rows_of('SELECT CASE WHEN year_of_birth = 1950 THEN 1 ELSE 2 END AS y, count(*) FROM person GROUP BY GROUPING SETS ((1), ()) ORDER BY 1'), '(,400)', 'two cells, one of them small');
SELECT is(pg_temp.rows_of('SELECT CASE WHEN year_of_birth = 1950 THEN 1 ELSE 2 END AS y, gender_concept_id AS g, count(*) FROM person GROUP BY CUBE (1, 2) ORDER BY 2, 1'),
    '(2,8507,200) (,8507,200) (,8532,200) (,,400)', 'in two dimensions');

-- every difference of a shown total and the shown parts of it is 0 or k persons
CREATE FUNCTION pg_temp.differences(grouped text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.ask(format($q$
        WITH r AS (SELECT c, g, GROUPING(c, g) AS level, count(DISTINCT person_id) AS n
                   FROM (SELECT p.person_id, p.gender_concept_id AS g, greatest(p.year_of_birth, 1992) AS c FROM person p) s GROUP BY %s)
        SELECT string_agg(t::text, ' ') FROM (
            SELECT t.c, t.g, t.level, t.n - (SELECT coalesce(sum(n), 0) FROM r p WHERE p.level = 0
                AND (t.level & 2 <> 0 OR p.c = t.c) AND (t.level & 1 <> 0 OR p.g = t.g)) AS rest
            FROM r t WHERE t.level <> 0) t WHERE rest BETWEEN 1 AND 10$q$, grouped)) $$;
SELECT is(pg_temp.differences('CUBE (c, g)'), NULL, 'CUBE: no remainder is small');
SELECT is(pg_temp.differences('ROLLUP (g, c)'), NULL, 'ROLLUP: no remainder is small');
SELECT is(pg_temp.differences('GROUPING SETS ((c, g), (c), ())'), NULL, 'GROUPING SETS: no remainder is small');

-- keys that the planner knows to be constant are NULL in the total all the same
SELECT is(pg_temp.rows_of('SELECT c, count(*), GROUPING(c) AS t FROM (SELECT person_id, 5 AS c FROM person) s GROUP BY ROLLUP (c) ORDER BY 3'), '(5,400,0) (,400,1)', 'a constant column');
SELECT is(pg_temp.rows_of('SELECT gender_concept_id, count(*) FROM person WHERE gender_concept_id = 8507 GROUP BY ROLLUP (1) ORDER BY 1'), '(8507,200) (,200)', 'a column that WHERE fixes');
SELECT is(pg_temp.rows_of('SELECT gender_concept_id, lower(''X'') AS x, count(*) FROM person GROUP BY CUBE (1, 2) ORDER BY 1, 2'), '(8507,x,200) (8507,,200) (8532,x,200) (8532,,200) (,x,400) (,,400)', 'a constant expression');

-- keys of which one is made of the other: the cells of one set are totals of the other's
CREATE FUNCTION pg_temp.classes(grouped text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.rows_of(format($q$SELECT c, g, count(*) AS n FROM (SELECT person_id, condition_concept_id AS c, CASE WHEN condition_concept_id IN (100, 400) THEN 'a' ELSE 'b' END AS g
        FROM condition_occurrence WHERE condition_concept_id <> 500) s GROUP BY %s ORDER BY 2, 1$q$, grouped)) $$;
SELECT is(pg_temp.classes('GROUPING SETS ((c), (g))'), '(,b,240) (100,,400) (200,,200) (300,,40)', 'the 5 of 400 are not class a less 100');
SELECT is(pg_temp.classes('GROUPING SETS ((c), (g), ())'), '(,a,) (,b,240) (200,,200) (300,,40) (,,)', 'beside the total of all');
SELECT is(pg_temp.classes('GROUPING SETS ((c, g), (g))'), '(,a,) (200,b,200) (300,b,40) (,b,240)', 'or with both keys');
SELECT is(pg_temp.classes('CUBE (c, g)'), '(,a,) (200,b,200) (300,b,40) (,b,240) (200,,200) (300,,40) (,,)', 'or with everything');
SELECT is(pg_temp.rows_of('SELECT condition_concept_id, count(*), count(*) FILTER (WHERE condition_start_date > ''1990-01-01'') AS f FROM condition_occurrence GROUP BY GROUPING SETS ((1)) ORDER BY 1'), '(100,400,400) (200,200,200) (300,40,40)', 'one set has no totals');

-- figures with rules of their own: the sum that person 400 dominates is not total less the others
SELECT is(pg_temp.rows_of('SELECT region, sum(cost) IS NULL AS hidden, count(*) > 0 AS n FROM visit_occurrence GROUP BY ROLLUP (1) ORDER BY 1'),
    '(east,f,t) (north,t,t) (south,t,t) (west,f,t) (,f,t)', 'a sum that is dominated is hidden with another');
SELECT is(pg_temp.rows_of('SELECT region, sum(year_of_birth) IS NULL AS hidden FROM visit_occurrence v JOIN person p ON p.person_id = v.person_id WHERE region <> ''north'' GROUP BY ROLLUP (1) ORDER BY 1'),
    '(east,f) (south,f) (west,f) (,f)', 'sums that may be shown are');
-- rows of 500 and 400: NULL in the concept's cell by its own rule, and so not total less others
SELECT is(pg_temp.rows_of('SELECT c, count(DISTINCT person_id) AS persons, count(*) FROM (SELECT person_id, CASE WHEN condition_concept_id IN (100, 500) THEN 1 WHEN condition_concept_id = 200 THEN 2 ELSE 3 END AS c FROM condition_occurrence WHERE condition_concept_id <> 400) s GROUP BY ROLLUP (1) ORDER BY 1'),
    '(1,400,) (2,200,200) (3,40,) (,400,690)', 'rows that are NULL by their own rule hide others with them');

-- what a total less its shown parts leaves: two cells of 3 are 6 persons
CREATE FUNCTION pg_temp.cut(first integer, second integer) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.rows_of(format('SELECT CASE WHEN condition_occurrence_id <= %s THEN 1 WHEN condition_occurrence_id <= %s THEN 2 WHEN condition_occurrence_id <= 40 THEN 3 ELSE 4 END AS c, count(DISTINCT person_id)
        FROM condition_occurrence WHERE condition_concept_id = 100 GROUP BY ROLLUP (1) ORDER BY 1', first, second)) $$;
SELECT is(pg_temp.cut(3, 6), '(4,360) (,400)', 'two small cells are too few together: a third is hidden with them');
SELECT is(pg_temp.cut(5, 11), '(3,29) (4,360) (,400)', 'or k persons, and no other is');
SELECT is(pg_temp.rows_of('SELECT c, c >= 2 AS d, count(*) FROM (SELECT person_id, CASE WHEN condition_occurrence_id <= 3 THEN 1 WHEN condition_occurrence_id <= 6 THEN 2 WHEN condition_occurrence_id <= 40 THEN 3 ELSE 4 END AS c
    FROM condition_occurrence WHERE condition_concept_id = 100) s GROUP BY GROUPING SETS ((1), (2), ()) ORDER BY 1, 2'), '(4,,360) (,t,397)', 'by a key that the other is made of');
BEGIN;
UPDATE omop.visit_occurrence SET cost = 0 WHERE region IN ('west', 'north') AND person_id <> 2;
SELECT is(pg_temp.rows_of('SELECT region, sum(cost) IS NULL AS hidden, count(*) IS NULL AS rows FROM visit_occurrence WHERE cost < 10000000 GROUP BY ROLLUP (1) ORDER BY 1'),
    '(east,t,f) (north,t,f) (south,f,f) (west,t,f) (,f,f)', 'nor is one person all that two sums are of');
ROLLBACK;

-- an average times rows is a sum: beside averages all of these are hidden in the same cells
BEGIN;
INSERT INTO omop.visit_occurrence SELECT 100000 + i, i, '2021-01-01', 'east', 20 FROM generate_series(1, 3) i;
SELECT is(pg_temp.rows_of('SELECT region, count(*) IS NULL AS rows, sum(cost) IS NULL AS sum FROM visit_occurrence GROUP BY ROLLUP (1) ORDER BY 1'),
    '(east,t,f) (north,t,t) (south,f,t) (west,f,f) (,f,f)', 'rows and sums alone are hidden in different cells');
SELECT is(pg_temp.rows_of('SELECT region, count(*) IS NULL AS rows, sum(cost) IS NULL AS sum, avg(cost) IS NULL AS avg FROM visit_occurrence GROUP BY ROLLUP (1) ORDER BY 1'),
    '(east,t,t,t) (north,f,f,f) (south,t,t,t) (west,f,f,f) (,f,f,f)', 'with an average in the same');
ROLLBACK;

-- numbers of two hidden keys and the sum of the keys are two equations
SELECT throws_ok(format($$SELECT pg_temp.ask('SELECT count(*), sum(year_of_birth) FROM person GROUP BY ROLLUP (%s)')$$, key), 'ZE002',
    'sums and averages of a column that is a group key are not supported beside GROUPING SETS, ROLLUP and CUBE under a statistics permit', 'a sum of the key ' || key)
FROM unnest(ARRAY['year_of_birth', 'year_of_birth = 1950', 'gender_concept_id, year_of_birth']) key;
SELECT is(pg_temp.rows_of('WITH w AS (SELECT person_id, gender_concept_id AS g FROM person) SELECT g, sum(year_of_birth) > 0 AS s FROM person JOIN w USING (person_id) GROUP BY ROLLUP (1) ORDER BY 1'), '(8507,t) (8532,t) (,t)', 'of another column, the key from a WITH query');

-- NULL as a key is not the total
SELECT is(pg_temp.rows_of('SELECT CASE WHEN year_of_birth < 1970 THEN 1 END AS y, GROUPING(CASE WHEN year_of_birth < 1970 THEN 1 END) AS total, count(*) FROM person GROUP BY ROLLUP (1) ORDER BY 2, 1'),
    '(1,0,209) (,0,191) (,1,400)', 'a NULL key and a total');
SELECT is(pg_temp.rows_of('SELECT CASE GROUPING(gender_concept_id) WHEN 1 THEN ''all'' ELSE gender_concept_id::text END AS g, count(*) FROM person GROUP BY ROLLUP (gender_concept_id) HAVING GROUPING(gender_concept_id) < 2 ORDER BY 1'),
    '(8507,200) (8532,200) (all,400)', 'GROUPING above the border');
SELECT is(pg_temp.rows_of('SELECT gender_concept_id AS g, count(*) FROM person GROUP BY GROUPING SETS ((1), (1)) ORDER BY 1'), '(8507,200) (8507,200) (8532,200) (8532,200)', 'a set that is written twice');
SELECT is(pg_temp.rows_of('SELECT gender_concept_id AS g, count(*) FROM person GROUP BY DISTINCT GROUPING SETS ((1), (1)) ORDER BY 1'), '(8507,200) (8532,200)', 'or once by DISTINCT');
SELECT is(pg_temp.rows_of('SELECT count(*) FROM person GROUP BY ()'), '(400)', 'the empty set alone');
SELECT is(pg_temp.rows_of('SELECT count(*) FROM person WHERE year_of_birth = 1950 GROUP BY GROUPING SETS ((), ())'), NULL, 'twice, and small');
SELECT is(pg_temp.rows_of('SELECT condition_concept_id FROM condition_occurrence WHERE condition_concept_id IN (100, 400) GROUP BY ROLLUP (1)'), '()', 'keys without figures');
SELECT is(pg_temp.rows_of('SELECT g, l, d > current_date, n FROM (SELECT gender_concept_id = 8507 AS g, lower(term) AS l, visit_start_date AS d, trim_scale(1.0::numeric) AS x, count(DISTINCT p.person_id) AS n
    FROM person p JOIN visit_occurrence v ON v.person_id = p.person_id JOIN note_nlp t ON t.person_id = p.person_id GROUP BY ROLLUP (1, 2, 3), 4) s WHERE l IS NULL ORDER BY 1'),
    '(f,,,200) (t,,,200) (,,,400)', 'keys of other types');
SELECT is(pg_temp.ask('WITH a AS (SELECT person_id, gender_concept_id AS g FROM person) SELECT string_agg(s::text, '' '') FROM (SELECT g, count(*) FROM a GROUP BY ROLLUP (1) ORDER BY 1) s'),
    '(8507,200) (8532,200) (,400)', 'over a WITH query');
SELECT is(pg_temp.rows_of('WITH a AS (SELECT person_id, gender_concept_id AS g FROM person) SELECT g, count(*) FROM a GROUP BY ROLLUP (1) ORDER BY 1'), '(8507,200) (8532,200) (,400)', 'in a subquery with one of its own');

-- a pattern of another width beside the first would show what each hides: the analyst has no other
\set wide 'SELECT gender_concept_id, condition_concept_id, count(DISTINCT person_id) FROM person JOIN condition_occurrence USING (person_id) GROUP BY CUBE (1, 2) ORDER BY 1, 2'
CREATE TEMP TABLE narrow AS SELECT pg_temp.rows_of(:'wide') AS answer;
SET ehds.suppression_width = 150;
SELECT is(pg_temp.rows_of(:'wide'), (SELECT answer FROM narrow), 'the analyst''s width is not used under a permit');
RESET ehds.suppression_width;
SET ehds.suppression_width_floor = 150;
SELECT isnt(pg_temp.rows_of(:'wide'), (SELECT answer FROM narrow), 'the floor is');
RESET ehds.suppression_width_floor;

-- the other modes: what is hidden beside a small cell looks like it; there is no row of others
SET ehds.suppressed_floor = 'negative';
\set three 'SELECT condition_concept_id AS c, count(DISTINCT person_id), sum(year_of_birth) AS s FROM condition_occurrence JOIN person USING (person_id) WHERE condition_concept_id IN (100, 300, 400) GROUP BY ROLLUP (1) ORDER BY 1'
SET ehds.suppressed = 'negative';
SELECT is(pg_temp.rows_of(:'three'), '(100,400,787440) (300,-11,) (400,-11,) (,400,875755)', 'negative');
SET ehds.suppressed = 'null';
SELECT is(pg_temp.rows_of(:'three'), '(100,400,787440) (300,,) (400,,) (,400,875755)', 'null');
SET ehds.suppressed = 'other';
SELECT is(pg_temp.rows_of(:'three'), '(100,400,787440) (,400,875755)', 'other is omit beside totals');
RESET ehds.suppressed;

SELECT throws_ok($$SELECT pg_temp.ask('SELECT count(*) FROM person GROUP BY ROLLUP (person_id)')$$, 'ZE002', NULL, 'the subject is no key of a grouping set');
SELECT throws_ok(format($$SELECT pg_temp.ask('SELECT count(*) FROM person GROUP BY ROLLUP (%s)')$$, (SELECT string_agg(format('year_of_birth = %s', 1900 + i), ', ') FROM generate_series(1, 32) i)),
    'ZE002', 'GROUPING SETS, ROLLUP and CUBE take at most 31 group keys under a statistics permit', '32 keys are refused');
SELECT throws_ok($$SELECT pg_temp.ask('SELECT (SELECT GROUPING(p.gender_concept_id)), count(*) FROM person p GROUP BY ROLLUP (gender_concept_id)')$$, 'ZE002', NULL, 'GROUPING of an outer query');
SELECT throws_ok($$SELECT ehds.keep_cell(1, false, 0, '{a}', NULL, 1) OVER ()$$, 'ZE004', NULL, 'keep_cell needs an approval');
SELECT * FROM finish();
