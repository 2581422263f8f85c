-- EXPLAIN under a permit: the rewritten query, nothing of the data, nothing charged
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
ALTER TABLE omop.person ENABLE ROW LEVEL SECURITY;
GRANT ehds_auditor TO t_other;
CREATE SCHEMA mine AUTHORIZATION t_analyst;
SET SESSION AUTHORIZATION t_governor;
SELECT ehds.issue_permit('filtered', grantee => 't_project', purpose => 'research', output => 'statistics', valid_until => '2099-12-31', k => 11);
SELECT ehds.permit_table('filtered', 'omop.person', columns => '{person_id,gender_concept_id}', rows => 'year_of_birth > 1950');
SET SESSION AUTHORIZATION t_governor2;
SELECT ehds.activate_permit('filtered');
RESET SESSION AUTHORIZATION;
SET client_min_messages = warning;
\o
SELECT no_plan();

CREATE FUNCTION public.explained(query text, options text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    result text := '';
BEGIN
    FOR line IN EXECUTE format('EXPLAIN %s %s', options, query) LOOP
        result := result || line || E'\n';
    END LOOP;
    RETURN result;
END $$;
SET ehds.suppressed_floor = 'negative';
SELECT count(*) AS entries FROM ehds.ledger WHERE kind IN ('access', 'charge') \gset

SET SESSION AUTHORIZATION t_analyst;
SET search_path = permit_hydro, omop, public;
SELECT is(explained('SELECT concept_name, count(DISTINCT person_id) AS n FROM condition_occurrence JOIN concept ON concept_id = condition_concept_id WHERE condition_start_date > ''2020-06-01'' GROUP BY 1 HAVING count(*) > 20 ORDER BY 2 DESC LIMIT 3'),
$$-- permit "hydro": statistics of at least 11 persons
 WITH "ehds release 1" AS MATERIALIZED (
         SELECT concept.concept_name AS key_1,
            ehds.k_count(condition_occurrence.person_id, 11) AS value_1,
            ehds.k_rows(condition_occurrence.person_id, 11) AS value_2
           FROM condition_occurrence
             JOIN concept ON concept.concept_id = condition_occurrence.condition_concept_id
          WHERE condition_occurrence.condition_start_date > '2020-06-01'::date
          GROUP BY concept.concept_name
         HAVING ehds.show_cell(ehds.k_cell(condition_occurrence.person_id, 11), 'approved'::ehds.approval)
          ORDER BY concept.concept_name
        )
 SELECT key_1 AS concept_name,
    value_1 AS n
   FROM "ehds release 1"
  WHERE value_2 > 20
  ORDER BY value_1 DESC
 LIMIT 3
$$, 'a query is shown as it is rewritten');
-- every construct is deparsed, and none shows a plan, a base table or a filter of the permit
SELECT ok(e NOT LIKE '%cost=%' AND e NOT LIKE '%omop.person%' AND e NOT LIKE '%ehds.guard%' AND e NOT LIKE '%1950%' AND e LIKE '-- permit%', q)
FROM unnest(ARRAY[
    'SELECT count(*) FROM person',
    'SELECT gender_concept_id, avg(year_of_birth), stddev(year_of_birth), percentile_cont(0.5) WITHIN GROUP (ORDER BY year_of_birth) FROM person GROUP BY 1',
    'SELECT gender_concept_id, count(*) FILTER (WHERE year_of_birth > 1960) FROM person GROUP BY 1',
    'SELECT gender_concept_id, count(*) FROM person GROUP BY ROLLUP (1)',
    'SELECT p.gender_concept_id, count(DISTINCT p.person_id) FROM person p LEFT JOIN condition_occurrence c USING (person_id) GROUP BY 1',
    'WITH x AS (SELECT person_id, condition_concept_id AS c FROM condition_occurrence) SELECT c, count(*) FROM x JOIN person p USING (person_id) GROUP BY c',
    'SELECT max(n), count(*) FROM (SELECT year_of_birth, count(*) AS n FROM person GROUP BY 1) s',
    'SELECT 1, (SELECT count(*) FROM person) UNION ALL SELECT 2, count(*) FROM visit_occurrence',
    'SELECT region, n, rank() OVER (ORDER BY n DESC) FROM (SELECT region, count(*) AS n FROM visit_occurrence GROUP BY 1) s',
    'SELECT * FROM person WHERE 0 = 1',
    'SELECT gender_concept_id, count(*) FROM permit_filtered.person GROUP BY 1']) q, explained(q) e;
SELECT ok(bool_and(explained('SELECT gender_concept_id, GROUPING(gender_concept_id), count(*) FROM person GROUP BY 1') LIKE '%' || CASE mode WHEN 'other' THEN 'UNION ALL' ELSE 'ehds.show_cell' END || '%'), 'whatever stands for a small cell')
FROM unnest(ARRAY['omit', 'other', 'null', 'negative']) mode, set_config('ehds.suppressed', mode, false);
RESET ehds.suppressed;
SELECT is(explained(q), explained(q, '(COSTS OFF, VERBOSE, SETTINGS)'), 'options change nothing') FROM (VALUES ('SELECT count(*) FROM person')) v(q);
SELECT is(explained(replace(q, '=', '<>')), replace(explained(q), '=', '<>'), 'nor does it matter whether there is a row') FROM (VALUES ('SELECT count(*) FROM condition_occurrence WHERE condition_concept_id = 500')) v(q);

SELECT throws_ok($$SELECT explained('SELECT count(*) FROM person', 'ANALYZE')$$, 'ZE002', 'EXPLAIN ANALYZE of a query under a permit is refused', 'ANALYZE');
SELECT throws_ok($$SELECT explained('SELECT count(*) FROM person', '(ANALYZE true, TIMING off)')$$, 'ZE002', NULL, 'ANALYZE among options');
SELECT lives_ok($$SELECT explained('SELECT count(*) FROM person', '(ANALYZE false)')$$, 'ANALYZE false');
SELECT throws_ok(format('SELECT explained(''SELECT count(*) FROM person'', ''(FORMAT %s)'')', f), 'ZE002', NULL, f) FROM unnest(ARRAY['json', 'xml', 'yaml']) f;
SELECT throws_ok($$SELECT explained('SELECT * FROM person')$$, 'ZE002', 'rows about persons do not leave permit "hydro", only statistics do', 'what is refused is refused');
CREATE TABLE mine.sealed AS SELECT person_id, min(condition_start_date) AS d FROM condition_occurrence GROUP BY 1;
SELECT alike(explained('SELECT count(*) FROM mine.sealed s JOIN person p USING (person_id)'), '%FROM mine.sealed s%JOIN person p USING (person_id)%', 'a sealed table has its name');
PREPARE hydro AS SELECT count(*) FROM person;
SELECT throws_ok($$SELECT explained('EXECUTE hydro')$$, 'ZE002', NULL, 'EXECUTE');
EXECUTE hydro \g /dev/null
SELECT throws_ok($$SELECT explained('EXECUTE hydro')$$, 'ZE002', NULL, 'of a plan that is kept');
SELECT throws_ok($$SELECT explained('DECLARE c CURSOR FOR SELECT count(*) FROM person')$$, 'ZE002', NULL, 'DECLARE');
SELECT throws_ok($$SELECT explained('CREATE TABLE mine.x AS SELECT count(*) FROM person')$$, NULL, NULL, 'CREATE TABLE AS');
CREATE FUNCTION mine.f() RETURNS TABLE (g int, n bigint) LANGUAGE sql STABLE AS 'SELECT gender_concept_id, count(*) FROM permit_hydro.person GROUP BY 1';
SELECT throws_ok($$SELECT explained('SELECT * FROM mine.f()')$$, 'ZE004', NULL, 'a function that is inlined');
SELECT lives_ok($$SELECT explained('SELECT count(*) FROM concept')$$, 'a query without persons has a plan');

SET SESSION AUTHORIZATION t_other;
SET search_path = permit_open, omop, public;
SELECT alike(explained('SELECT gender_concept_id, ehds.dp_count(person_id) FROM person GROUP BY 1'), '-- permit "open": differentially private statistics, costs epsilon 0.5%', 'what a release costs');
SELECT throws_ok($$SELECT explained('SELECT count(*) FROM permit_hydro.person')$$, '42501', NULL, 'nobody explains under the permit of others');
\set q 'SELECT condition_concept_id, ehds.dp_count(person_id), count(*) FROM condition_occurrence GROUP BY 1'
SELECT explained(:'q') AS before \gset
RESET SESSION AUTHORIZATION;
INSERT INTO omop.condition_occurrence SELECT 100000 + n, 1 + n % 400, 100, '2020-01-01' FROM generate_series(1, 20000) n;
ANALYZE omop.condition_occurrence;
SET SESSION AUTHORIZATION t_other;
SELECT is(explained(:'q'), :'before', 'nor what ANALYZE finds, though workers may help where persons have many rows');
RESET SESSION AUTHORIZATION;
SELECT is(count(*), :entries + 2::bigint, 'nothing was charged or recorded as an access, but the sealed table and the one EXECUTE') FROM ehds.ledger WHERE kind IN ('access', 'charge');
SELECT * FROM finish();
