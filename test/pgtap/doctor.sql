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
SELECT plan(142);

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
SELECT pg_temp.hole('SET ehds.k_floor = 2', 'RESET ehds.k_floor', '^warning ehds.k_floor: .* is 2, less strict than 5');
SELECT is(pg_temp.found('^warning ehds\.'), 0::bigint, 'the usual limits are no finding');
SET ehds.k_floor = 20;
SET ehds.dominance_share_limit = 60;
SELECT is(pg_temp.found('^warning ehds\.'), 0::bigint, 'nor are stricter ones');
RESET ehds.k_floor;
RESET ehds.dominance_share_limit;
SELECT pg_temp.hole('SET ehds.dominance_share_limit = 100', 'RESET ehds.dominance_share_limit', '^warning ehds.dominance_share_limit: ');
SELECT pg_temp.hole('SET ehds.show_zero = on; SET ehds.suppressed_floor = negative', 'RESET ehds.show_zero; RESET ehds.suppressed_floor', '^warning ehds.(show_zero|suppressed_floor): ');
SELECT pg_temp.hole('ALTER ROLE t_analyst SET ehds.k_floor = 2', 'ALTER ROLE t_analyst RESET ehds.k_floor', '^warning t_analyst: has its own ehds.k_floor=2');
SELECT pg_temp.hole('ALTER DATABASE ' || current_database() || ' SET ehds.show_zero = on', 'ALTER DATABASE ' || current_database() || ' RESET ehds.show_zero', '^warning database .*: has its own ehds.show_zero=on');
SELECT pg_temp.hole('GRANT SET ON PARAMETER ehds.k_floor TO t_project', 'REVOKE SET ON PARAMETER ehds.k_floor FROM t_project', '^critical t_project: may set ehds.k_floor');
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

-- what a schema, a role, a right or somebody's code opens
\o /dev/null
CREATE TABLE omop.parted (person_id bigint, y int) PARTITION BY LIST (y);
CREATE TABLE omop.parted_1 PARTITION OF omop.parted FOR VALUES IN (1);
SELECT ehds.protect('omop.parted', subject => 'person_id');
CREATE FUNCTION public.foreign_code(bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT $1';
ALTER FUNCTION public.foreign_code(bigint) OWNER TO t_reader;
CREATE FUNCTION public.foreign_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
ALTER FUNCTION public.foreign_trigger() OWNER TO t_reader;
\o
SELECT pg_temp.hole('CREATE ROLE t_boss SUPERUSER NOLOGIN; GRANT t_boss TO t_reader',
    'DROP ROLE t_boss', '^critical t_reader: .*superuser role t_boss');
SELECT pg_temp.hole('ALTER ROLE ehds_owner SUPERUSER',
    'ALTER ROLE ehds_owner NOSUPERUSER', '^critical ehds_owner: .*SUPERUSER');
SELECT pg_temp.hole('GRANT t_nurse TO ehds_owner',
    'REVOKE t_nurse FROM ehds_owner', '^critical ehds_owner: ehds_owner is a member of t_nurse');
SELECT pg_temp.hole('GRANT CREATE ON SCHEMA ehds TO t_reader',
    'REVOKE CREATE ON SCHEMA ehds FROM t_reader', '^critical schema ehds: t_reader may create');
SELECT pg_temp.hole('GRANT CREATE ON SCHEMA permit_hydro TO PUBLIC',
    'REVOKE CREATE ON SCHEMA permit_hydro FROM PUBLIC', '^critical schema permit_hydro: PUBLIC may create');
SELECT pg_temp.hole('GRANT CREATE ON SCHEMA extract_cardio TO t_reader',
    'REVOKE CREATE ON SCHEMA extract_cardio FROM t_reader', '^critical schema extract_cardio: t_reader may create');
SELECT pg_temp.hole('ALTER SCHEMA permit_hydro OWNER TO t_reader',
    'ALTER SCHEMA permit_hydro OWNER TO ehds_owner', '^critical schema permit_hydro: belongs to t_reader');
SELECT pg_temp.hole('CREATE SCHEMA stray AUTHORIZATION ehds_owner',
    'DROP SCHEMA stray', '^warning schema stray: belongs to ehds_owner');
SELECT pg_temp.hole('CREATE VIEW omop.stray AS SELECT * FROM omop.person; ALTER VIEW omop.stray OWNER TO ehds_owner',
    'DROP VIEW omop.stray', '^critical omop.stray: belongs to ehds_owner');
SELECT pg_temp.hole('ALTER DEFAULT PRIVILEGES IN SCHEMA omop GRANT SELECT ON TABLES TO PUBLIC',
    'ALTER DEFAULT PRIVILEGES IN SCHEMA omop REVOKE SELECT ON TABLES FROM PUBLIC', '^warning default privileges in schema omop: .*PUBLIC');
SELECT pg_temp.hole('ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO t_project',
    'ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM t_project', '^warning default privileges: .*t_project');
SELECT pg_temp.hole('CREATE VIEW public.over_part AS SELECT * FROM omop.parted_1',
    'DROP VIEW public.over_part', '^warning public.over_part: the view reads protected table omop.parted');
SELECT pg_temp.hole('CREATE VIEW public.v1 AS SELECT * FROM omop.person; CREATE MATERIALIZED VIEW public.v2 AS SELECT * FROM public.v1',
    'DROP VIEW public.v1 CASCADE', '^critical public.v2: the materialised view reads protected table omop.person');
SELECT pg_temp.hole('CREATE PUBLICATION leak FOR TABLE omop.parted',
    'DROP PUBLICATION leak', '^critical omop.parted: publication leak');
SELECT pg_temp.hole('CREATE PUBLICATION leak FOR TABLE ehds.opposition',
    'DROP PUBLICATION leak', '^critical ehds.opposition: publication leak');
SELECT pg_temp.hole('CREATE PUBLICATION leak FOR TABLES IN SCHEMA extract_cardio',
    'DROP PUBLICATION leak', '^critical extract_cardio.person: publication leak sends pseudonymised');
SELECT pg_temp.hole('GRANT EXECUTE ON FUNCTION ehds.record_decision(text, text, text, text) TO t_reader',
    'REVOKE ALL ON FUNCTION ehds.record_decision(text, text, text, text) FROM t_reader', '^critical ehds.record_decision.*: t_reader has EXECUTE .*internal');
SELECT pg_temp.hole('GRANT EXECUTE ON FUNCTION ehds.pseudonym_of(text, text, text) TO PUBLIC',
    'REVOKE ALL ON FUNCTION ehds.pseudonym_of(text, text, text) FROM PUBLIC', '^critical ehds.pseudonym_of.*: PUBLIC has EXECUTE');
SELECT pg_temp.hole('GRANT EXECUTE ON FUNCTION ehds.oppose TO t_reader',
    'REVOKE ALL ON FUNCTION ehds.oppose FROM t_reader', '^warning ehds.oppose.*: t_reader has EXECUTE');
SELECT pg_temp.hole('GRANT SELECT (identity) ON ehds.opposition TO t_reader',
    'REVOKE ALL ON ehds.opposition FROM t_reader', '^warning ehds.opposition: t_reader has SELECT');
SELECT pg_temp.hole('GRANT SELECT ON ehds.ledger TO PUBLIC',
    'REVOKE ALL ON ehds.ledger FROM PUBLIC', '^critical ehds.ledger: PUBLIC has SELECT');
SELECT pg_temp.hole('GRANT SELECT (person_id) ON permit_hydro.person TO t_reader',
    'REVOKE ALL ON permit_hydro.person FROM t_reader', '^warning permit_hydro.person: t_reader has SELECT');
SELECT pg_temp.hole('DROP TRIGGER keep_history_whole ON ehds.opposition',
    'CREATE TRIGGER keep_history_whole BEFORE TRUNCATE ON ehds.opposition FOR EACH STATEMENT EXECUTE FUNCTION ehds.keep_history(); ALTER TABLE ehds.opposition ENABLE ALWAYS TRIGGER keep_history_whole', '^critical trigger keep_history_whole on ehds.opposition: the trigger is gone');
SELECT pg_temp.hole('ALTER EXTENSION pg_ehds DROP FUNCTION ehds.ledger_guard(); DROP TRIGGER ledger_guard ON ehds.ledger_entry; CREATE TRIGGER ledger_guard BEFORE INSERT ON ehds.ledger_entry FOR EACH STATEMENT EXECUTE FUNCTION ehds.ledger_guard()',
    'ALTER EXTENSION pg_ehds ADD FUNCTION ehds.ledger_guard(); CREATE OR REPLACE TRIGGER ledger_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON ehds.ledger_entry FOR EACH STATEMENT EXECUTE FUNCTION ehds.ledger_guard(); ALTER TABLE ehds.ledger_entry ENABLE ALWAYS TRIGGER ledger_guard', '^critical trigger ledger_guard on ehds.ledger_entry: the trigger is gone or');
SELECT pg_temp.hole('CREATE INDEX foreign_one ON omop.note (public.foreign_code(note_id))',
    'DROP INDEX omop.foreign_one', '^critical omop.note: index omop.foreign_one uses function .*foreign_code.* of t_reader');
SELECT pg_temp.hole('ALTER TABLE omop.note ADD CONSTRAINT c CHECK (public.foreign_code(note_id) > -1) NOT VALID',
    'ALTER TABLE omop.note DROP CONSTRAINT c', '^critical omop.note: constraint c uses');
SELECT pg_temp.hole('ALTER TABLE omop.note ALTER note_id SET DEFAULT public.foreign_code(1)',
    'ALTER TABLE omop.note ALTER note_id DROP DEFAULT', '^warning omop.note: a default uses');
SELECT pg_temp.hole('CREATE TRIGGER g BEFORE INSERT ON omop.note FOR EACH ROW EXECUTE FUNCTION public.foreign_trigger()',
    'DROP TRIGGER g ON omop.note', '^warning omop.note: trigger g uses');
SELECT pg_temp.hole('CREATE POLICY y ON omop.note USING (public.foreign_code(note_id) > -1)',
    'DROP POLICY y ON omop.note', '^critical omop.note: policy y uses');
SELECT pg_temp.hole('CREATE RULE u AS ON UPDATE TO omop.note DO ALSO SELECT public.foreign_code(1)',
    'DROP RULE u ON omop.note', '^critical omop.note: rule u uses');
SELECT pg_temp.hole('ALTER TABLE omop.note RENAME person_id TO pid',
    'ALTER TABLE omop.note RENAME pid TO person_id', '^critical omop.note: column person_id is gone, and is declared as the subject');
SELECT pg_temp.hole('ALTER TABLE omop.person RENAME person_source_value TO psv',
    'ALTER TABLE omop.person RENAME psv TO person_source_value', '^critical omop.person: column person_source_value is gone, and is declared as the identity');
SELECT pg_temp.hole('ALTER TABLE omop.note_nlp RENAME note_id TO nid',
    'ALTER TABLE omop.note_nlp RENAME nid TO note_id', '^critical omop.note_nlp: column note_id is gone, and is declared as what leads');
CREATE PUBLICATION leak FOR ALL TABLES;
SELECT is((SELECT count(*) FROM ehds.doctor() WHERE finding ~ 'publication leak' AND remedy ~ '^DROP PUBLICATION leak:'), (SELECT count(*) FROM ehds.doctor() WHERE finding ~ 'publication leak'), 'from a publication of all tables no table is dropped');
SELECT is(pg_temp.found('^critical (omop.person|omop.parted|ehds.opposition|ehds.ledger_entry|extract_cardio.person): publication leak'), 5::bigint, 'it is seen');
DROP PUBLICATION leak;
DROP FUNCTION public.foreign_code(bigint), public.foreign_trigger();

-- an opposition that no number can meet
\o /dev/null
CREATE SCHEMA plain;
CREATE TABLE plain.visit (visit_id bigint PRIMARY KEY, pid bigint NOT NULL, d date);
INSERT INTO plain.visit SELECT i, i, '2021-01-01' FROM generate_series(1, 20) i;
SELECT ehds.protect('plain.visit', subject => 'pid');
SELECT pg_temp.as_role('t_governor', 'SELECT ehds.issue_permit(''plain'', grantee => ''t_extracts'', purpose => ''research'', output => ''pseudonymised'', valid_until => ''2099-12-31'')');
SELECT pg_temp.as_role('t_governor', 'SELECT ehds.permit_table(''plain'', ''plain.visit'')');
SELECT pg_temp.as_role('t_governor2', 'SELECT ehds.activate_permit(''plain'')');
SELECT pg_temp.as_role('t_pipeline', 'CALL ehds.extract(''plain'')');
SELECT pg_temp.as_role('t_registrar', 'SELECT ehds.oppose(''no number'')');
\o
SELECT is(pg_temp.found('^critical extract extract_plain: was not brought'), 0::bigint, 'an opposition that cannot be in an extract of numbers is no finding');
INSERT INTO ehds.opposition (identity, author, recorded_at) VALUES ('7', 'person', clock_timestamp());
SELECT is(pg_temp.found('^critical extract extract_plain: was not brought'), 1::bigint, 'one that can is');

SELECT ok(pg_temp.found('^warning statistics: PUBLIC') = 1 AND pg_temp.found('^warning t_analyst: .*track_counts') = 1, 'counters are open');
SELECT throws_ok($$SELECT pg_temp.as_role('t_governor', 'SELECT count(*) FROM ehds.harden()')$$, '42501', NULL, 'only a superuser hardens');
-- the blocks that a statement met, one or more for each row that it joined to an index
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_stat_statements') AS has_statements \gset
\if :has_statements
CREATE EXTENSION pg_stat_statements;
\endif
SELECT * FROM ehds.harden() \g /dev/null
SELECT is((SELECT string_agg(p.oid::regprocedure::text, ' ') FROM pg_proc p WHERE p.proname = 'pg_stat_statements' AND has_function_privilege('public', p.oid, 'EXECUTE')), NULL, 'nor are those of statements');
SELECT ok(pg_temp.found('^warning statistics: PUBLIC') = 0 AND pg_temp.found('^warning t_analyst: .*track_counts') = 0, 'and closed');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'SELECT pg_stat_get_xact_tuples_fetched(''omop.person''::regclass)')$$, '42501', NULL, 'an analyst reads no counter');
ALTER ROLE t_analyst RESET track_counts;
ALTER ROLE t_other RESET track_counts;
ALTER ROLE t_pipeline RESET track_counts;
DROP ROLE t_nurse, t_loader, t_reader;
SELECT * FROM finish();
