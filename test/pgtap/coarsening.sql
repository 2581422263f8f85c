-- coarsening: a published map names each code at the finest level that reaches k persons
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
CREATE TABLE omop.dx (code text PRIMARY KEY, category text, chapter text);
INSERT INTO omop.dx VALUES ('A01', 'A0', 'A'), ('A02', 'A0', 'A'), ('A03', 'A0', 'A'),
	('B10', 'B1', 'B'), ('B11', 'B1', 'B'), ('B12', 'B1', 'B'), ('B13', 'B1', 'B'),
	('C10', 'C1', 'C'), ('D10', 'D1', 'D'), ('E10', 'E1', 'E'), ('100', '1', 'N'), ('400', '4', 'N'), ('500', '5', 'N');
CREATE TABLE omop.diagnosis (person_id bigint, code text, n integer);
INSERT INTO omop.diagnosis
SELECT p, 'A01', p FROM generate_series(1, 50) p UNION ALL SELECT p, 'A02', p FROM generate_series(51, 53) p
UNION ALL SELECT p, 'B10', p FROM generate_series(1, 6) p UNION ALL SELECT p, 'B11', p FROM generate_series(7, 12) p
UNION ALL SELECT p, 'B12', p FROM generate_series(100, 140) p UNION ALL SELECT p, 'C10', p FROM generate_series(60, 62) p
UNION ALL SELECT p, 'Z99', p FROM generate_series(300, 319) p UNION ALL SELECT p, NULL, p FROM generate_series(320, 340) p;
-- many rows of one person count once
INSERT INTO omop.diagnosis SELECT 51, 'A02', 0 FROM generate_series(1, 100);
SELECT ehds.protect('omop.diagnosis', subject => 'person_id');
SECURITY LABEL FOR pg_ehds ON TABLE omop.dx IS 'public';
SELECT pg_temp.as_role('t_governor', $$SELECT ehds.issue_permit('coarse', grantee => 't_project', purpose => 'research',
	output => 'statistics', valid_until => '2099-12-31', k => 11)$$);
SELECT pg_temp.as_role('t_governor', $$SELECT ehds.permit_table('coarse', 'omop.diagnosis', columns => '{person_id,code}')$$);
SELECT pg_temp.as_role('t_governor', $$SELECT ehds.permit_table('coarse', 'omop.condition_occurrence')$$);
SELECT pg_temp.as_role('t_governor2', $$SELECT ehds.activate_permit('coarse')$$);
\o
SELECT plan(58);
CREATE FUNCTION pg_temp.gov(q text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.as_role('t_governor', 'SELECT ehds.' || q) $$;
CREATE FUNCTION pg_temp.analyst(q text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.as_role('t_analyst', q) $$;
CREATE FUNCTION pg_temp.map() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(code || '=' || label, ' ' ORDER BY code) FROM ehds.coarsening c JOIN ehds.permit p USING (permit_id)
	WHERE p.permit = 'coarse' AND c.system = 'dx' AND code !~ '^\d' $$;

-- declaring
SELECT throws_ok($$SELECT pg_temp.analyst('SELECT ehds.declare_hierarchy(''dx'', ''omop.dx'', ''{code,category,chapter}'')')$$, '42501', NULL, 'not for analysts');
SELECT throws_ok($$SELECT pg_temp.gov('declare_hierarchy(''dx'', ''omop.diagnosis'', ''{code}'')')$$, 'ZE005', 'omop.diagnosis is not a public table', 'a protected table is no hierarchy');
SELECT throws_ok($$SELECT pg_temp.gov('declare_hierarchy(''dx'', ''omop.dx'', ''{code,nothing}'')')$$, '42703', NULL, 'a column that is not there');
SELECT throws_ok($$SELECT pg_temp.gov('declare_hierarchy(''dx'', ''omop.dx'', ''{category,code}'')')$$, '22023', 'a code of omop.dx has two rows that are not alike', 'not from the finest');
SELECT throws_like($$SELECT pg_temp.gov('declare_hierarchy(''dx'', ''omop.dx'', ''{code,chapter,category}'')')$$, '% of column "chapter" lies in two of column "category"', 'levels that do not nest');
SELECT throws_ok($$SELECT pg_temp.gov('publish_coarsening(''coarse'', ''dx'', ''omop.diagnosis'', ''code'')')$$, '42704', 'there is no hierarchy "dx"', 'nothing to publish yet');
SELECT is(pg_temp.gov('declare_hierarchy(''dx'', ''omop.dx'', ''{code,category,chapter}'')'), 'dx: 13 codes on 3 levels', 'declared');
SELECT is(pg_temp.gov('declare_hierarchy(''dx'', ''omop.dx'', ''{code,category,chapter}'')'), 'dx: 13 codes on 3 levels', 'and again');
-- nothing of the table's owner's runs with the rights that read everything
CREATE FUNCTION omop.planted(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'planted, run as %', current_user; END $$;
CREATE TABLE omop.local (code text, category text);
SECURITY LABEL FOR pg_ehds ON TABLE omop.local IS 'public';
CREATE FUNCTION pg_temp.local() RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.gov('declare_hierarchy(''local'', ''omop.local'', ''{code,category}'')') $$;
CREATE INDEX local_index ON omop.local ((omop.planted(code)));
SELECT throws_ok('SELECT pg_temp.local()', 'ZE005', 'omop.local is not a plain table', 'no index with code');
DROP INDEX omop.local_index;
INSERT INTO omop.local VALUES ('X', 'Y');
CREATE POLICY planted ON omop.local USING (omop.planted(code) = 'x');
ALTER TABLE omop.local ENABLE ROW LEVEL SECURITY;
SELECT throws_ok('SELECT pg_temp.local()', 'ZE005', 'omop.local is not a plain table', 'no policy with code');
ALTER TABLE omop.local DISABLE ROW LEVEL SECURITY;
SELECT is(pg_temp.local(), 'local: 1 codes on 2 levels', 'a plain table');
SELECT pg_temp.gov('declare_hierarchy(''local'', ''omop.local'', ''[3:4]={code,category}'')') \g /dev/null
SELECT is((SELECT levels FROM ehds.hierarchy WHERE system = 'local'), '{code,category}'::name[], 'levels are counted from 1');
CREATE VIEW omop.local_view AS TABLE omop.local;
SELECT throws_ok($$SELECT pg_temp.gov('declare_hierarchy(''local'', ''omop.local_view'', ''{code,category}'')')$$, 'ZE005', 'omop.local_view is not a public table', 'no view');
SELECT throws_ok($$SELECT pg_temp.gov('declare_hierarchy(''local'', 1::oid, ''{code,category}'')')$$, 'ZE005', NULL, 'nothing that is not there');
SELECT throws_ok($$SELECT pg_temp.gov('declare_hierarchy(''local'', NULL, ''{code,category}'')')$$, '22004', NULL, 'nor NULL');
DROP VIEW omop.local_view;

-- publishing
SELECT throws_ok($$SELECT pg_temp.analyst('SELECT ehds.publish_coarsening(''coarse'', ''dx'', ''omop.diagnosis'', ''code'')')$$, '42501', NULL, 'not for analysts');
SELECT throws_ok($$SELECT pg_temp.gov('publish_coarsening(''open'', ''dx'', ''omop.condition_occurrence'', ''condition_concept_id'')')$$, '22023', NULL, 'not under a privacy budget');
SELECT throws_ok($$SELECT pg_temp.gov('publish_coarsening(''cardio'', ''dx'', ''omop.condition_occurrence'', ''condition_concept_id'')')$$, '22023', NULL, 'not for pseudonymised rows');
SELECT pg_temp.gov('issue_permit(''keyed'', grantee => ''t_project'', purpose => ''research'', valid_until => ''2099-12-31'', cell_key_max => 5)') \g /dev/null
SELECT pg_temp.gov('permit_table(''keyed'', ''omop.diagnosis'', columns => ''{person_id,code}'')') \g /dev/null
SELECT throws_ok($$SELECT pg_temp.gov('publish_coarsening(''keyed'', ''dx'', ''omop.diagnosis'', ''code'')')$$, '22023', NULL, 'not beside cell keys, where nothing tells an exact number');
SELECT throws_ok($$SELECT pg_temp.gov('publish_coarsening(''coarse'', ''dx'', ''omop.diagnosis'', ''n'')')$$, '42703', NULL, 'not by a column that the permit does not open');
SELECT throws_ok($$SELECT pg_temp.analyst('SELECT ehds.coarsen(code, ''dx'') FROM permit_coarse.diagnosis GROUP BY 1')$$, '42704', 'permit "coarse" has no published map of "dx"', 'no map yet');
SELECT is(pg_temp.gov('publish_coarsening(''coarse'', ''dx'', ''omop.diagnosis'', ''code'')'), 'dx for permit coarse: codes told as 2 code, 11 *', 'published');
-- the rest (A02, C10) is 6 persons: the smallest group, B1 with 12, joins it
SELECT is(pg_temp.map(), 'A01=A01 A02=* A03=* B10=* B11=* B12=B12 B13=* C10=* D10=* E10=*', 'a rest of fewer than k takes in the smallest group');
INSERT INTO omop.diagnosis SELECT p, 'D10', p FROM generate_series(200, 207) p;
SELECT is(pg_temp.map(), 'A01=A01 A02=* A03=* B10=* B11=* B12=B12 B13=* C10=* D10=* E10=*', 'the map stays as it is');
SELECT pg_temp.gov('publish_coarsening(''coarse'', ''dx'', ''omop.diagnosis'', ''code'')') \g /dev/null
SELECT is(pg_temp.map(), 'A01=A01 A02=* A03=* B10=B1 B11=B1 B12=B12 B13=B1 C10=* D10=* E10=*', 'a level names those of its codes that have no name of their own; codes of nobody go with the rare');
SELECT is((SELECT count(*) FROM (SELECT c.label FROM ehds.coarsening c JOIN ehds.permit p USING (permit_id) JOIN omop.diagnosis d USING (code)
	WHERE p.permit = 'coarse' GROUP BY c.label HAVING count(DISTINCT d.person_id) < 11) x), 0::bigint, 'each name is borne by k persons');
SELECT is((SELECT count(*) FROM ehds.ledger WHERE action IN ('declare_hierarchy', 'publish_coarsening')), 6::bigint, 'decisions are in the ledger');

-- asking
SELECT is(pg_temp.analyst($$SELECT string_agg(coalesce(label, 'none') || ':' || n, ' ' ORDER BY label) FROM (SELECT ehds.coarsen(code, 'dx') AS label, count(DISTINCT person_id) AS n
	FROM permit_coarse.diagnosis GROUP BY 1) s$$), '*:14 A01:50 B1:12 B12:41 none:41', 'counts by coarsened code; none is NULL or not in the classification');
SELECT is(pg_temp.analyst($$SELECT count(DISTINCT person_id) FROM permit_coarse.diagnosis WHERE ehds.coarsen(code, 'dx') = 'B1'$$), '12', 'in WHERE');
SELECT is(pg_temp.analyst($$SELECT string_agg(label || ':' || n, ' ' ORDER BY n DESC) FROM (SELECT ehds.coarsen(code, 'dx') AS label, count(DISTINCT person_id) AS n
	FROM permit_coarse.diagnosis GROUP BY ehds.coarsen(code, 'dx') HAVING count(DISTINCT person_id) > 40 ORDER BY ehds.coarsen(code, 'dx')) s$$), 'A01:50 B12:41', 'in HAVING and ORDER BY');
SELECT is(pg_temp.analyst($$SELECT ehds.coarsen(code, 'dx') FROM (VALUES ('B11')) v (code)$$), 'B1', 'on a code of one''s own');
SELECT is(pg_temp.analyst($$SELECT ehds.coarsen(v, 'dx') FROM (VALUES (repeat('x', 100000))) x (v)$$), NULL, 'a very long code is none');
SELECT is(pg_temp.analyst($$SELECT ehds.coarsen(NULL::text, 'dx')$$), NULL, 'NULL is none');
SELECT throws_ok($$SELECT pg_temp.analyst('SELECT ehds.coarsen(''A01'', NULL)')$$, '22004', NULL, 'a system is needed');
SELECT throws_ok($$SELECT pg_temp.analyst('SELECT ehds.coarsen(code, code) FROM permit_coarse.diagnosis GROUP BY 1')$$, 'ZE002', NULL, 'the system is no column');
SELECT throws_ok($$SELECT pg_temp.analyst('SELECT ehds.coarsen(code, NULL) FROM permit_coarse.diagnosis GROUP BY 1')$$, 'ZE002', NULL, 'nor NULL');
SELECT throws_ok($$SELECT pg_temp.analyst('SELECT ehds.coarsen(person_id, ''dx'') FROM permit_coarse.diagnosis GROUP BY 1')$$, 'ZE002', NULL, 'persons are not coarsened');
SELECT throws_ok($$SELECT pg_temp.analyst('SELECT ehds.coarsen(code, ''other'') FROM permit_coarse.diagnosis GROUP BY 1')$$, '42704', NULL, 'a system without a map');
SELECT throws_ok($$SELECT pg_temp.analyst('SELECT ehds.coarsen(term, ''dx'') FROM permit_hydro.note_nlp GROUP BY 1')$$, '42704', 'permit "hydro" has no published map of "dx"', 'the map of another permit does not count');
SELECT is(pg_temp.analyst('SELECT count(*) FROM ehds.my_coarsening'), '13', 'the map is the grantee''s to read');

-- no error may tell that a row got there: what is wrong is found before a row is read
CREATE FUNCTION pg_temp.rare(born integer, call text, permit text DEFAULT 'hydro') RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.analyst(format('SELECT count(DISTINCT person_id) FROM permit_%s.person WHERE CASE WHEN year_of_birth = %s THEN %s ELSE ''x'' END = ''y''', permit, born, call)) $$;
SELECT throws_ok($$SELECT pg_temp.rare(1900, 'ehds.coarsen(gender_concept_id, ''dx'')')$$, '42704', NULL, 'a missing map is an error if nobody is there');
SELECT throws_ok($$SELECT pg_temp.rare(1950, 'ehds.coarsen(gender_concept_id, ''dx'')')$$, '42704', NULL, 'and if somebody is');
SELECT throws_ok($$SELECT pg_temp.rare(1900, 'ehds.coarsen(''A01'', ''dx'')')$$, 'ZE002', NULL, 'a constant is not coarsened beside data');
SELECT throws_ok($$SELECT pg_temp.rare(1950, 'ehds.coarsen(''A01'', ''dx'')')$$, 'ZE002', NULL, 'whoever is there');
SELECT throws_ok($$SELECT pg_temp.rare(1950, 'ehds.coarsen(gender_concept_id, ''dx'', NULL)')$$, 'ZE002', NULL, 'an approval is not written');
SELECT throws_ok($$SELECT pg_temp.analyst('SELECT ehds.coarsen(''A01''::text, ''dx'', NULL)')$$, 'ZE004', NULL, 'nor left out');
SELECT throws_ok($$SELECT pg_temp.as_role('t_other', 'SELECT ehds.dp_count(person_id) FROM permit_open.person WHERE ehds.coarsen(gender_concept_id, ''dx'') = ''y''')$$, '42704', NULL, 'under a privacy budget no map is found, and nothing charged');

-- integer codes; persons who object are not counted
SELECT is(pg_temp.gov('publish_coarsening(''hydro'', ''dx'', ''omop.condition_occurrence'', ''condition_concept_id'')'), 'dx for permit hydro: codes told as 13 *', 'by a column of numbers');
SELECT is(pg_temp.analyst($$SELECT string_agg(label || ':' || n, ' ' ORDER BY label) FROM (SELECT ehds.coarsen(condition_concept_id, 'dx') AS label, count(DISTINCT person_id) AS n
	FROM permit_hydro.condition_occurrence GROUP BY 1) s$$), '*:400', 'the only large group joins a small rest');
SELECT is(pg_temp.analyst($$SELECT ehds.coarsen(100::bigint, 'dx') FROM permit_hydro.person GROUP BY year_of_birth > 1970 LIMIT 1$$), '*', 'beside another aggregation');
SELECT throws_ok($$SELECT pg_temp.analyst('SELECT ehds.coarsen(''A01'', ''dx'')')$$, 'ZE001', NULL, 'two maps, none chosen');
SELECT is(pg_temp.analyst($$SELECT ehds.coarsen('A01', 'dx') FROM (SELECT set_config('ehds.permit', 'coarse', true)) s$$), 'A01', 'ehds.permit chooses');
-- each query has the map of its own permit, whatever else is open or set
CREATE FUNCTION pg_temp.beside(born integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	mine refcursor;
	other refcursor;
	result text;
	label text;
BEGIN
	SET LOCAL SESSION AUTHORIZATION t_analyst;
	SET LOCAL ehds.permit = '';
	OPEN mine FOR EXECUTE format('SELECT count(DISTINCT person_id) FROM permit_hydro.condition_occurrence WHERE CASE WHEN condition_concept_id = %s THEN ehds.coarsen(condition_concept_id, ''dx'') ELSE ''x'' END IS NOT NULL', born);
	OPEN other FOR EXECUTE 'SELECT ehds.coarsen(code, ''dx'') FROM permit_coarse.diagnosis GROUP BY 1 ORDER BY 1';
	FETCH other INTO label;
	FETCH mine INTO result;
	CLOSE mine;
	CLOSE other;
	RESET SESSION AUTHORIZATION;
	RETURN label || ' ' || result;
END $$;
SELECT is(pg_temp.beside(100), '* 400', 'two cursors of two permits: each by its own map');
SELECT is(pg_temp.beside(101), '* 400', 'and nothing tells whether a row was coarsened');
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT is(pg_temp.analyst($$SELECT string_agg(coalesce(label, 'none') || ':' || n, ' ' ORDER BY label) FROM (SELECT ehds.coarsen(code, 'dx') AS label, count(DISTINCT person_id) AS n
	FROM permit_coarse.diagnosis WHERE ehds.coarsen(code, 'dx') IS NOT NULL GROUP BY 1) s$$), '*:14 A01:50 B1:12 B12:41', 'in parallel plans');
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
SELECT throws_ok($$SELECT pg_temp.as_role('t_other', 'SELECT ehds.coarsen(''A01'', ''dx'')')$$, '42704', NULL, 'nobody else has it');
SELECT is(pg_temp.as_role('t_other', 'SELECT count(*) FROM ehds.my_coarsening'), '0', 'or reads it');
SELECT pg_temp.as_role('t_registrar', format('SELECT ehds.oppose(%L)', 'H' || 100000 + p)) FROM generate_series(1, 2) p \g /dev/null
SELECT pg_temp.gov('publish_coarsening(''coarse'', ''dx'', ''omop.diagnosis'', ''code'')') \g /dev/null
SELECT is(pg_temp.map(), 'A01=A01 A02=* A03=* B10=* B11=* B12=B12 B13=* C10=* D10=* E10=*', 'persons who object are not counted');
SELECT * FROM finish();
