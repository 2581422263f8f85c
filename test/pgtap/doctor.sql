-- doctor: each hole is found, and gone after its remedy; roles; harden
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
DROP ROLE IF EXISTS t_nurse, t_loader, t_reader;
CREATE ROLE t_nurse LOGIN;
CREATE ROLE t_loader LOGIN;
CREATE ROLE t_reader LOGIN;
SELECT pg_temp.as_role('t_pipeline', 'CALL ehds.extract(''cardio'')');
\o
SELECT plan(57);

-- found(pattern of "severity object: finding"): how often the doctor says so
CREATE FUNCTION pg_temp.found(pattern text) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM ehds.doctor() WHERE severity || ' ' || object || ': ' || finding ~ pattern $$;
-- a hole is made, seen, closed, and gone
CREATE FUNCTION pg_temp.hole(make text, mend text, pattern text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    before bigint := pg_temp.found(pattern);
BEGIN
    EXECUTE make;
    RETURN NEXT cmp_ok(pg_temp.found(pattern), '>', before, 'seen: ' || pattern);
    EXECUTE mend;
    RETURN NEXT is(pg_temp.found(pattern), before, 'gone: ' || pattern);
END
$$;

SELECT is(pg_temp.found('^critical (?!fsync|full_page_writes)'), 0::bigint, 'nothing critical in the fixture');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'SELECT count(*) FROM ehds.doctor()')$$, '42501', NULL, 'not for an analyst');
SELECT ok(pg_temp.as_role('t_auditor', 'SELECT count(*) FROM ehds.doctor()')::int > 0, 'for the auditor');
SELECT is((SELECT count(*) FROM ehds.doctor() WHERE severity IS NULL OR object IS NULL OR finding IS NULL OR remedy IS NULL), 0::bigint, 'every finding has a remedy');
SELECT ok(pg_temp.found('^warning omop.undeclared: .*PUBLIC may read it') = 1, 'an undeclared table');

SELECT pg_temp.hole('GRANT SELECT (gender_concept_id) ON omop.person TO t_nurse', 'REVOKE ALL ON omop.person FROM t_nurse', '^warning omop.person: t_nurse has SELECT');
SELECT pg_temp.hole('GRANT SELECT ON omop.note TO PUBLIC', 'REVOKE ALL ON omop.note FROM PUBLIC', '^critical omop.note: PUBLIC has SELECT');
SELECT pg_temp.hole('ALTER TABLE omop.note OWNER TO t_loader', 'ALTER TABLE omop.note OWNER TO postgres', '^warning omop.note: role t_loader owns');
SELECT pg_temp.hole('GRANT pg_read_all_data TO t_reader', 'REVOKE pg_read_all_data FROM t_reader', '^warning t_reader: .*every table');
SELECT pg_temp.hole('GRANT pg_execute_server_program TO t_reader', 'REVOKE pg_execute_server_program FROM t_reader', '^critical t_reader: .*key file');
SELECT pg_temp.hole('ALTER ROLE t_reader BYPASSRLS REPLICATION', 'ALTER ROLE t_reader NOBYPASSRLS NOREPLICATION', '^warning t_reader: .*bypasses.*replicate');
SELECT pg_temp.hole('GRANT ehds_owner TO t_reader', 'REVOKE ehds_owner FROM t_reader', '^critical ehds_owner: role t_reader is a member');
SELECT pg_temp.hole('ALTER ROLE ehds_owner LOGIN', 'ALTER ROLE ehds_owner NOLOGIN', '^critical ehds_owner: .*can log in');
SELECT pg_temp.hole('CREATE TABLE omop.person_old AS SELECT * FROM omop.person', 'DROP TABLE omop.person_old', '^warning omop.person_old: is neither protected nor public');
SELECT pg_temp.hole('CREATE MATERIALIZED VIEW public.copy AS SELECT * FROM omop.person', 'DROP MATERIALIZED VIEW public.copy', '^critical public.copy: the materialised view reads');
SELECT pg_temp.hole('CREATE PUBLICATION leak FOR TABLE omop.person', 'DROP PUBLICATION leak', '^critical omop.person: publication leak');
SELECT pg_temp.hole('ALTER TABLE omop.note RENAME TO note_1', 'ALTER TABLE omop.note_1 RENAME TO note', '^critical omop.note: the protected table is missing');
SELECT pg_temp.hole('ALTER TABLE omop.person DROP CONSTRAINT person_pkey', 'ALTER TABLE omop.person ADD PRIMARY KEY (person_id)', '^critical omop.person: column person_id is no longer unique');
SELECT pg_temp.hole('UPDATE omop.person SET person_source_value = ''H100001'' WHERE person_id = 2', 'UPDATE omop.person SET person_source_value = ''H100002'' WHERE person_id = 2',
                    '^warning population .*: 1 identity is borne by several subject keys: counts take it for several persons');
SELECT pg_temp.hole('UPDATE omop.person SET person_source_value = ''H'' || 99800 + person_id WHERE person_id > 300', 'UPDATE omop.person SET person_source_value = ''H'' || 100000 + person_id WHERE person_id > 300',
                    '^warning population .*: 100 identities are borne by several subject keys: counts take them for several persons');
SELECT is(pg_temp.as_role('t_auditor', 'SELECT count(*) FROM ehds.doctor() WHERE finding ~ ''several subject keys'''), '0', 'the auditor reads no person''s row for it');
SELECT pg_temp.hole('ALTER TABLE omop.person ADD shoe_size text', 'ALTER TABLE omop.person DROP shoe_size', '^warning omop.person: columns without a label: .*shoe_size');
SELECT pg_temp.hole('CREATE OR REPLACE VIEW permit_hydro.person WITH (security_barrier) AS SELECT person_id, gender_concept_id, year_of_birth FROM omop.person',
                    'SELECT count(*) FROM ehds.after_load(''omop'')', '^critical permit_hydro.person: is not what the permit was compiled to');
SELECT pg_temp.hole('ALTER VIEW permit_hydro.person OWNER TO postgres', 'SELECT count(*) FROM ehds.after_load(''omop'')', '^critical permit_hydro.person: belongs to postgres');
SELECT pg_temp.hole('SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.year_of_birth IS ''identifier''', 'SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.year_of_birth IS NULL', '^critical permit_hydro.person: column year_of_birth is labelled identifier');
SELECT pg_temp.hole('GRANT t_nurse TO t_project; GRANT SELECT ON omop.person TO t_nurse', 'REVOKE t_nurse FROM t_project; REVOKE ALL ON omop.person FROM t_nurse', '^critical permit hydro: grantee t_project has rights');
SELECT pg_temp.hole('GRANT t_project TO t_other', 'REVOKE t_project FROM t_other', '^critical permit open: its differential privacy does not hold');
SELECT pg_temp.hole('ALTER TABLE extract_cardio.person DISABLE ROW LEVEL SECURITY', 'ALTER TABLE extract_cardio.person ENABLE ROW LEVEL SECURITY', '^critical extract_cardio.person: lost the policy');
SELECT pg_temp.hole('ALTER TABLE ehds.opposition DISABLE TRIGGER keep_history', 'ALTER TABLE ehds.opposition ENABLE ALWAYS TRIGGER keep_history', '^critical trigger keep_history');
SELECT ok(pg_temp.found('^warning ledger: ') = 1, 'no anchor outside');

SELECT ok(pg_temp.found('^warning statistics: PUBLIC') = 1 AND pg_temp.found('^warning t_analyst: .*track_counts') = 1, 'counters are open');
SELECT throws_ok($$SELECT pg_temp.as_role('t_governor', 'SELECT count(*) FROM ehds.harden()')$$, '42501', NULL, 'only a superuser hardens');
SELECT * FROM ehds.harden() \g /dev/null
SELECT ok(pg_temp.found('^warning statistics: PUBLIC') = 0 AND pg_temp.found('^warning t_analyst: .*track_counts') = 0, 'and closed');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'SELECT pg_stat_get_xact_tuples_fetched(''omop.person''::regclass)')$$, '42501', NULL, 'an analyst reads no counter');
ALTER ROLE t_analyst RESET track_counts;
ALTER ROLE t_other RESET track_counts;
ALTER ROLE t_pipeline RESET track_counts;
DROP ROLE t_nurse, t_loader, t_reader;
SELECT * FROM finish();
