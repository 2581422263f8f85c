-- Noised tables with totals, made to add up; and what ehds.marginals asks.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_ehds;
RESET client_min_messages;
\set SHOW_CONTEXT never

-- a noised table by region and sex, with its totals, each figure with noise of its own
CREATE TABLE noised AS
SELECT * FROM (VALUES
	('north', 'f', 118), ('north', 'm', 104), ('south', 'f', 77), ('south', 'm', 95),
	('north', NULL, 215), ('south', NULL, 180), (NULL, 'f', 204), (NULL, 'm', 188), (NULL, NULL, 391)) v (region, sex, n);
CREATE VIEW cells AS
SELECT region, sex, n, CASE WHEN region IS NULL THEN 2 ELSE 0 END + CASE WHEN sex IS NULL THEN 1 ELSE 0 END AS g FROM noised;

SELECT region, sex, n, ehds.additive(n, 1, g, ARRAY[region, sex]) OVER () AS made FROM cells ORDER BY g, 1, 2;
-- the total is nearly exact, so it stays
SELECT region, sex, n, ehds.additive(n, CASE g WHEN 3 THEN 0.0001 ELSE 100 END, g, ARRAY[region, sex]) OVER () AS made FROM cells ORDER BY g, 1, 2;
-- ROLLUP: regions in the total
SELECT region, sex, n, ehds.additive(n, 1, g, ARRAY[region, sex]) OVER () AS made FROM cells WHERE g <> 2 ORDER BY g, 1, 2;
-- two margins, and no total that was asked for
SELECT region, sex, n, ehds.additive(n, 1, g, ARRAY[region, sex]) OVER () AS made FROM cells WHERE g IN (1, 2) ORDER BY g, 1, 2;
-- a cell is missing, so nothing is known to be a sum
SELECT region, sex, n, ehds.additive(n, 1, g, ARRAY[region, sex]) OVER () AS made FROM cells WHERE n <> 77 ORDER BY g, 1, 2;
-- by partition
SELECT n, ehds.additive(n, 1, 0, ARRAY[region]) OVER (PARTITION BY region) AS made FROM cells WHERE g = 1 ORDER BY 1;
SELECT ehds.additive(n, 1, g, ARRAY[region]) OVER () FROM cells WHERE false;

SELECT ehds.additive(1.5, 1, 0, '{a}') OVER ();
SELECT ehds.additive(1, 0, 0, '{a}') OVER ();
SELECT ehds.additive(NULL, 1, 0, '{a}') OVER ();
SELECT ehds.additive(n, 1, g, CASE g WHEN 0 THEN ARRAY['a'] ELSE '{}' END) OVER () FROM cells;

-- what ehds.marginals asks
SELECT ehds.marginals_statement('SELECT * FROM stay -- of this year', ehds.marginals_sets('{sex,"Age group"}', NULL), 'ehds.dp_count(person_id)');
SELECT ehds.marginals_statement('SELECT * FROM stay;', ehds.marginals_sets('{sex,ward,year}', '{"year, ward",ward,""}'), 'ehds.dp_sum(person_id, days, 0, 30)');
SELECT ehds.marginals_weights(ehds.marginals_sets('{sex,ward,year}', '{"year, ward",ward,""}'), '{1,4,16}');
SELECT * FROM ehds.marginals('SELECT 1 AS a', '{a,b}', 'count(*)', '{"a,c"}');
SELECT * FROM ehds.marginals('SELECT 1 AS a', '{a,a}', 'count(*)');
SELECT * FROM ehds.marginals('SELECT 1 AS a', '{a}', 'count(*)', NULL, '{1}');
SELECT * FROM ehds.marginals('SELECT 1 AS a', '{b}', 'count(*)');
-- outside of a permit it is GROUPING SETS
SELECT * FROM ehds.marginals('SELECT x % 2 AS a, x % 3 AS b FROM generate_series(1, 12) x', '{a,b}', 'sum(b)', '{"",a}');

SET ehds.set_weights = '0:1, 3:1000';
SET ehds.set_weights = '0:0';
SET ehds.set_weights = 'all';
RESET ehds.set_weights;
DROP VIEW cells;
DROP TABLE noised;
