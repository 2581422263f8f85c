-- suppress: tables with totals, of which the answer is known by hand
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_ehds;
RESET client_min_messages;
SET ehds.k = 5;
SET ehds.show_zero = on;

CREATE FUNCTION pg_temp.show(cells text, dimensions text[], width integer DEFAULT 0)
	RETURNS TABLE (cell jsonb, value bigint, suppressed boolean) LANGUAGE sql
AS $$ SELECT * FROM ehds.suppress_table('SELECT * FROM (VALUES ' || cells || ') AS t (a, b, n)', dimensions, 'n', width => width) $$;

-- 2 x 2: one small cell needs the three others, and no total
SELECT * FROM pg_temp.show('(1, 1, 3), (1, 2, 20), (2, 1, 30), (2, 2, 40)', '{a,b}');
-- 3 x 3: a rectangle of the smallest cells
SELECT * FROM pg_temp.show('(1, 1, 3), (1, 2, 20), (1, 3, 7), (2, 1, 8), (2, 2, 40), (2, 3, 9), (3, 1, 30), (3, 2, 50), (3, 3, 60)', '{a,b}')
WHERE suppressed;
-- nothing small, nothing suppressed; only small cells, which protect each other
SELECT count(*), count(value) FROM pg_temp.show('(1, 1, 5), (1, 2, 5), (2, 1, 5), (2, 2, 5)', '{a,b}');
SELECT * FROM pg_temp.show('(1, 1, 3), (1, 2, 4), (2, 1, 4), (2, 2, 3)', '{a,b}');
-- everything suppressed: there is nothing to compute from
SELECT * FROM pg_temp.show('(1, 1, 1)', '{a,b}');
-- one small cell and all else empty: its totals are the same number
SELECT * FROM pg_temp.show('(1, 1, 3), (1, 2, 0), (2, 1, 0), (2, 2, 0)', '{a,b}');
-- a zero that is not shown must not be computed either: all four can be moved
SET ehds.show_zero = off;
SELECT * FROM pg_temp.show('(1, 1, 0), (1, 2, 20), (2, 1, 30), (2, 2, 40)', '{a,b}');
SET ehds.show_zero = on;
-- a zero that is shown can't protect: a row whose other cell is 0 needs its total
SELECT * FROM pg_temp.show('(1, 1, 3), (1, 2, 0), (2, 1, 30), (2, 2, 40)', '{a,b}') WHERE suppressed;
-- one dimension: the smallest other cell
SELECT * FROM pg_temp.show('(1, 1, 3), (2, 1, 20), (3, 1, 8)', '{a}');
-- a hierarchy: within the region if it has another place, else through the regions
SELECT * FROM pg_temp.show('(1, ''x'', 3), (1, ''y'', 20), (1, ''z'', 8), (2, ''v'', 30), (2, ''w'', 40)', '{a > b}');
SELECT * FROM pg_temp.show('(1, ''x'', 3), (2, ''v'', 30), (2, ''w'', 40)', '{a > b}');
-- NULL is a value, and no total
SELECT * FROM pg_temp.show('(NULL, 1, 3), (1, 1, 20), (2, 1, 30)', '{a}');
-- rows of one cell are added
SELECT * FROM pg_temp.show('(1, 1, 3), (1, 1, 3), (2, 1, 30)', '{a}');
-- three dimensions of two values: one small cell needs the cube
SELECT count(*), count(*) FILTER (WHERE suppressed) AS suppressed,
       count(*) FILTER (WHERE suppressed AND (SELECT count(*) FROM jsonb_object_keys(cell)) = 3) AS innermost
FROM ehds.suppress_table('SELECT a, b, c, CASE WHEN a + b + c = 3 THEN 2 ELSE 10 + a + b + c END AS n
	FROM generate_series(1, 2) a, generate_series(1, 2) b, generate_series(1, 2) c', '{a,b,c}', 'n');

-- a width: 3 lies between 0 and 23 beside a 20; for more than that totals must go
SELECT cell FROM pg_temp.show('(1, 1, 3), (1, 2, 20), (2, 1, 30), (2, 2, 40)', '{a,b}', 23) WHERE suppressed;
SELECT cell FROM pg_temp.show('(1, 1, 3), (1, 2, 20), (2, 1, 30), (2, 2, 40)', '{a,b}', 24) WHERE suppressed;
-- the stricter of setting and floor is the default; a smaller one is refused
SET ehds.suppression_width = 23;
SELECT count(*) FILTER (WHERE suppressed) FROM ehds.suppress_table('SELECT a, b, CASE WHEN a + b = 2 THEN 3 ELSE 10 * a + 10 * b - 10 END AS n FROM generate_series(1, 2) a, generate_series(1, 2) b', '{a,b}', 'n');
SET ehds.suppression_width = 0;
SET ehds.suppression_width_floor = 24;
SELECT count(*) FILTER (WHERE suppressed) FROM ehds.suppress_table('SELECT a, b, CASE WHEN a + b = 2 THEN 3 ELSE 10 * a + 10 * b - 10 END AS n FROM generate_series(1, 2) a, generate_series(1, 2) b', '{a,b}', 'n');
SELECT * FROM pg_temp.show('(1, 1, 3)', '{a}', 23);
RESET ehds.suppression_width_floor;

-- grouping sets that are not nested: their sums are equal, though nobody asked for the total
CREATE TEMP TABLE sets (n bigint, g integer, keys text[]);
CREATE FUNCTION pg_temp.hidden(width integer DEFAULT 0) RETURNS text LANGUAGE sql
AS $$ SELECT string_agg(n::text, ' ' ORDER BY g, n) FROM (SELECT *, ehds.secondary(n, n < 5, g, keys, width) OVER () FROM sets) s WHERE secondary $$;
INSERT INTO sets VALUES (3, 1, '{x,NULL}'), (20, 1, '{y,NULL}'), (30, 1, '{z,NULL}'), (25, 2, '{NULL,p}'), (28, 2, '{NULL,q}');
SELECT pg_temp.hidden();
-- one set alone gives nothing away
DELETE FROM sets WHERE g = 2;
SELECT pg_temp.hidden();
-- a set that is asked for twice
INSERT INTO sets SELECT * FROM sets;
SELECT pg_temp.hidden();
-- (a,b) and (b,c) meet in b
TRUNCATE sets;
INSERT INTO sets VALUES (3, 1, '{x,1,NULL}'), (20, 1, '{y,1,NULL}'), (50, 1, '{x,2,NULL}'), (9, 1, '{y,2,NULL}'),
	(8, 4, '{NULL,1,u}'), (15, 4, '{NULL,1,v}'), (59, 4, '{NULL,2,u}');
SELECT pg_temp.hidden();
-- what stands under an aggregated key does not count
UPDATE sets SET keys[3] = n::text WHERE g = 1;
SELECT pg_temp.hidden();

-- not one table
INSERT INTO sets VALUES (7, 6, '{NULL,NULL,w}');
SELECT pg_temp.hidden();
TRUNCATE sets;
INSERT INTO sets VALUES (3, 0, '{x}'), (30, 0, '{x}');
SELECT pg_temp.hidden();
-- nor if the sizes are the same: a total would be of more than its parts
TRUNCATE sets;
INSERT INTO sets VALUES (30, 0, '{x}'), (30, 0, '{x}'), (40, 0, '{y}');
SELECT pg_temp.hidden();
SELECT ehds.secondary(9, false, 0, ARRAY[k::text], k) OVER () FROM generate_series(1, 2) k;
SELECT ehds.secondary(9, false, 0, '[5:6]={x,NULL}', 0) OVER ();
SELECT ehds.secondary(1, true, 2, '{x}', 0) OVER ();
SELECT ehds.secondary(-1, true, 0, '{x}', 0) OVER ();
SELECT ehds.secondary(NULL, true, 0, '{x}', 0) OVER ();
SELECT ehds.secondary(1, true, 0, '{x}', -1) OVER ();
SELECT ehds.secondary(1, true, 0, array_fill(1, ARRAY[k])::text[], 0) OVER () FROM generate_series(1, 2) k;
SELECT bool_or(h) FROM (SELECT ehds.secondary(9, false, 0, ARRAY[k::text], 0) OVER () AS h FROM generate_series(1, 100001) k) s;
SELECT bool_or(h) FROM (SELECT ehds.secondary(0, false, (1 << k) - 1, array_fill(1, ARRAY[20])::text[], 0) OVER () AS h FROM generate_series(1, 20) k) s;
SELECT bool_or(h) FROM (SELECT ehds.secondary(0, false, 1 << k, array_fill(1, ARRAY[20])::text[], 0) OVER () AS h FROM generate_series(0, 19) k) s;

-- what suppress_table refuses
SELECT * FROM ehds.suppress_table('SELECT 1 AS a, 3 AS n', '{a}', 'n', 4);
SELECT * FROM ehds.suppress_table('SELECT 1 AS a, 3 AS n', '{a}', NULL);
SELECT * FROM ehds.suppress_table('SELECT 1 AS a, 3 AS n', ARRAY['a', NULL], 'n');
SELECT * FROM ehds.suppress_table('SELECT 1 AS a, 3 AS n', '{a,a}', 'n');
SELECT * FROM ehds.suppress_table('SELECT 1 AS a, 3 AS n', '{a > }', 'n');
SELECT * FROM ehds.suppress_table('SELECT 1 AS a, 3 AS n', '{a}', 'n', NULL, 1000001);
\set SHOW_CONTEXT never
SELECT * FROM ehds.suppress_table('SELECT 1 AS a, 3.5 AS n', '{a}', 'n');
SELECT * FROM ehds.suppress_table('SELECT 1 AS a, -3 AS n', '{a}', 'n');
SELECT * FROM ehds.suppress_table('SELECT 1 AS a, NULL::int AS n', '{a}', 'n');
\set SHOW_CONTEXT errors
-- names are quoted, a comment at the end ends
SELECT * FROM ehds.suppress_table('SELECT 1 AS "A b", 30 AS "N" -- all', '{A b}', 'N');
SELECT * FROM ehds.suppress_table('SELECT 30 AS n', '{}', 'n');

-- two dimensions that are one expression
SELECT * FROM ehds.suppress_table('SELECT i AS a, i AS b, 20 AS n FROM generate_series(1, 2) i', '{a,b}', 'n');

-- nobody's operators run, wherever the search_path finds them
CREATE SCHEMA planted;
CREATE FUNCTION planted.append(text[], text) RETURNS text[] LANGUAGE plpgsql AS $$ BEGIN RAISE 'planted'; END $$;
CREATE FUNCTION planted.merge(jsonb, jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RAISE 'planted'; END $$;
CREATE FUNCTION planted.compare(integer, integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'planted'; END $$;
CREATE FUNCTION planted.compare(bigint, integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'planted'; END $$;
CREATE OPERATOR planted.|| (leftarg = text[], rightarg = text, function = planted.append);
CREATE OPERATOR planted.|| (leftarg = jsonb, rightarg = jsonb, function = planted.merge);
CREATE OPERATOR planted.= (leftarg = integer, rightarg = integer, function = planted.compare);
CREATE OPERATOR planted.< (leftarg = integer, rightarg = integer, function = planted.compare);
CREATE OPERATOR planted.< (leftarg = bigint, rightarg = integer, function = planted.compare);
CREATE OPERATOR planted.>= (leftarg = bigint, rightarg = integer, function = planted.compare);
CREATE OPERATOR planted.<= (leftarg = bigint, rightarg = integer, function = planted.compare);
SET search_path = planted, pg_catalog;
SELECT count(*) FROM ehds.suppress_table('SELECT 1 AS a, 2 AS b, 20 AS n', '{a,b}', 'n');
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA planted CASCADE;
RESET client_min_messages;

-- the gate's function answers to the gate only
SELECT ehds.keep_cell(30, false, 0, '{x}', NULL, 30) OVER ();
SELECT has_function_privilege('public', 'ehds.keep_cell(bigint, boolean, integer, text[], ehds.approval, bigint)', 'EXECUTE');
-- the floor is not the analyst's
CREATE ROLE regress_suppress;
SET ROLE regress_suppress;
SET ehds.suppression_width = 3;
SET ehds.suppression_width_floor = 0;
RESET ROLE;
DROP ROLE regress_suppress;
RESET ehds.suppression_width;
