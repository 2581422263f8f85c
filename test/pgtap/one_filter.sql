-- Views of one person that are joined ask for oppositions once: the answer is that of
-- views that each ask for themselves, whatever the scopes of the oppositions.
\set ECHO none
\set QUIET 1
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SELECT no_plan();
SET client_min_messages = warning;

-- persons 1 to 30 to everything, others to one table, a purpose, another purpose, a permit
SELECT ehds.oppose('H' || 100000 + i) FROM generate_series(1, 30) i;
SELECT ehds.oppose('H' || 100000 + i, relation => 'omop.visit_occurrence') FROM generate_series(31, 70) i;
SELECT ehds.oppose('H' || 100000 + i, relation => 'omop.condition_occurrence') FROM generate_series(61, 110) i;
SELECT ehds.oppose('H' || 100000 + i, relation => 'omop.person') FROM generate_series(111, 140) i;
SELECT ehds.oppose('H' || 100000 + i, relation => 'omop.note') FROM generate_series(141, 160) i;
SELECT ehds.oppose('H' || 100000 + i, purpose => 'research') FROM generate_series(161, 180) i;
SELECT ehds.oppose('H' || 100000 + i, purpose => 'statistics') FROM generate_series(181, 200) i;
SELECT ehds.withdraw_opposition('H' || 100000 + i) FROM generate_series(1, 5) i;

-- the queries of the views, each with conditions of its own and without the gate
CREATE SCHEMA plain;
SELECT format('CREATE VIEW plain.%I AS %s', pt.table_name, ehds.permit_query(pt.permit_id, pt.schema_name, pt.table_name, true))
  FROM ehds.permit_table pt JOIN ehds.permit p ON p.permit_id = pt.permit_id WHERE p.permit = 'hydro' \gexec

CREATE FUNCTION pg_temp.same(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    path   text := current_setting('search_path');
    plain  text;
    permit text;
BEGIN
    PERFORM set_config('search_path', 'plain', true);
    EXECUTE query INTO plain;
    PERFORM set_config('search_path', 'permit_hydro', true);
    permit := pg_temp.as_role('t_analyst', query);
    PERFORM set_config('search_path', path, true);
    RETURN public.is(permit, plain, query);
EXCEPTION WHEN others THEN
    RETURN public.fail(query) || E'\n' || public.diag(SQLERRM);
END
$$;
SELECT pg_temp.same('SELECT count(DISTINCT ' || q) FROM unnest(ARRAY[
    'person_id) FROM person',
    'person_id) FROM visit_occurrence',
    'p.person_id) FROM person p JOIN visit_occurrence v ON v.person_id = p.person_id',
    'v.person_id) FROM visit_occurrence v JOIN person p ON v.person_id = p.person_id',
    'c.person_id) FROM condition_occurrence c, visit_occurrence v WHERE v.person_id = c.person_id',
    'c.person_id) FROM condition_occurrence c JOIN visit_occurrence v USING (person_id) JOIN person p USING (person_id)',
    'v.person_id) FROM visit_occurrence v JOIN visit_occurrence w ON v.person_id = w.person_id AND w.visit_start_date < v.visit_start_date',
    'p.person_id) FROM person p LEFT JOIN visit_occurrence v ON v.person_id = p.person_id',
    'p.person_id) FROM person p LEFT JOIN visit_occurrence v ON v.person_id = p.person_id WHERE v.person_id IS NULL',
    'p.person_id) FROM person p LEFT JOIN (condition_occurrence c JOIN visit_occurrence v ON v.person_id = c.person_id) ON c.person_id = p.person_id WHERE v.person_id IS NULL',
    'p.person_id) FROM person p LEFT JOIN condition_occurrence c ON c.person_id = p.person_id JOIN visit_occurrence v ON v.person_id = p.person_id WHERE c.person_id IS NULL',
    'p.person_id) FROM person p LEFT JOIN condition_occurrence c ON c.person_id = p.person_id JOIN visit_occurrence v ON v.person_id = c.person_id',
    'person_id) FROM person FULL JOIN visit_occurrence USING (person_id)',
    'p.person_id) FROM person p WHERE EXISTS (SELECT FROM visit_occurrence v JOIN condition_occurrence c ON c.person_id = v.person_id WHERE v.person_id = p.person_id)',
    'p.person_id) FROM person p WHERE NOT EXISTS (SELECT FROM visit_occurrence v JOIN condition_occurrence c ON c.person_id = v.person_id WHERE v.person_id = p.person_id)',
    'p.person_id) FROM person p JOIN (SELECT v.person_id FROM visit_occurrence v JOIN condition_occurrence c ON c.person_id = v.person_id) s ON s.person_id = p.person_id',
    'n.person_id) FROM note_nlp n JOIN person p ON p.person_id = n.person_id',
    'n.person_id) FROM person p JOIN note_nlp n ON p.person_id = n.person_id JOIN visit_occurrence v ON v.person_id = n.person_id']) q;
SELECT is(pg_temp.as_role('t_analyst', 'SELECT count(DISTINCT p.person_id) FROM permit_hydro.person p JOIN permit_hydro.visit_occurrence v ON v.person_id = p.person_id'), '285',
          '400 persons without 25 + 40 + 30 + 20');
SELECT * FROM finish();
