-- oppositions: scope, effect, history
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
-- a population without identity, keys of every type
CREATE SCHEMA plain;
CREATE TABLE plain.ints (person_id integer, x int);
CREATE TABLE plain.texts (person_id text, x int);
CREATE TABLE plain.uuids (person_id uuid, x int);
INSERT INTO plain.ints SELECT g, g FROM generate_series(1, 30) g;
INSERT INTO plain.texts SELECT 'T' || g, g FROM generate_series(1, 30) g;
INSERT INTO plain.uuids SELECT md5(g::text)::uuid, g FROM generate_series(1, 30) g;
SELECT ehds.protect('plain.ints', subject => 'person_id', population => 'ints');
SELECT ehds.protect('plain.texts', subject => 'person_id', population => 'texts');
SELECT ehds.protect('plain.uuids', subject => 'person_id', population => 'uuids');
SELECT pg_temp.as_role('t_governor', format('SELECT ehds.issue_permit(%L, grantee => ''t_extracts'', purpose => ''research'', output => ''pseudonymised'', valid_until => ''2099-12-31'')', p)) FROM unnest('{ints,texts,uuids}'::text[]) p;
SELECT pg_temp.as_role('t_governor', format('SELECT ehds.permit_table(%L, %L)', p, 'plain.' || p)) FROM unnest('{ints,texts,uuids}'::text[]) p;
SELECT pg_temp.as_role('t_governor2', format('SELECT ehds.activate_permit(%L)', p)) FROM unnest('{ints,texts,uuids}'::text[]) p;
SELECT pg_temp.as_role('t_pipeline', format('CALL ehds.extract(%L)', p)) FROM unnest('{ints,texts,uuids,cardio}'::text[]) p;
\o
SELECT plan(71);

CREATE FUNCTION pg_temp.hydro(what text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.as_role('t_analyst', 'SELECT count(DISTINCT person_id) FROM permit_hydro.' || what) $$;
CREATE FUNCTION pg_temp.cardio(what text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.as_role('t_pipeline', 'SELECT count(DISTINCT person_id) FROM permit_cardio.' || what) $$;
CREATE FUNCTION pg_temp.rows_of(what text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.as_role('t_pipeline', 'SELECT count(*) FROM ' || what) $$;

SELECT is(pg_temp.hydro('person'), '400', 'before: all persons');
SELECT ok(pg_temp.as_role('t_registrar', 'SELECT ehds.oppose(''H100010'')')::bigint > 0, 'the registrar records an opposition');
SELECT is(pg_temp.hydro('person'), '399', 'the person has left the table of persons');
SELECT is(pg_temp.hydro('condition_occurrence'), '399', 'and the conditions');
SELECT is(pg_temp.hydro('note_nlp'), '399', 'and a table that is protected via another');
SELECT is(pg_temp.cardio('person'), '399', 'and a row-level permit');
SELECT is(pg_temp.rows_of('extract_cardio.person'), '399', 'and the extract that existed, at once');
SELECT is((SELECT count(*) FROM omop.person), 400::bigint, 'care still reads it');
SELECT is(pg_temp.as_role('t_registrar', 'SELECT ehds.oppose(''H100010'')'),
          (SELECT opposition_id::text FROM ehds.opposition WHERE identity = 'H100010'), 'recording it twice is recording it once');
SELECT is(pg_temp.as_role('t_registrar', 'SELECT ehds.withdraw_opposition(''H100010'')'), '1', 'withdrawn');
SELECT is(pg_temp.hydro('person'), '400', 'the person is back');
SELECT is(pg_temp.as_role('t_registrar', 'SELECT ehds.withdraw_opposition(''H100010'')'), '0', 'nothing left to withdraw');
SELECT is(pg_temp.rows_of('extract_cardio.person'), '399', 'an extract waits for its refresh');
SELECT pg_temp.as_role('t_pipeline', 'CALL ehds.refresh_extract(''cardio'')') \g /dev/null
SELECT is(pg_temp.rows_of('extract_cardio.person'), '400', 'and has the person again');

-- scope
SELECT ehds.oppose('H100020', purpose => 'statistics') \g /dev/null
SELECT is(pg_temp.hydro('person'), '400', 'another purpose is not affected');
SELECT ehds.oppose('H100020', purpose => 'research') \g /dev/null
SELECT is(pg_temp.hydro('person'), '399', 'this purpose is');
SELECT is(ehds.withdraw_opposition('H100020', purpose => 'statistics'), 1::bigint, 'one scope is withdrawn');
SELECT is(pg_temp.hydro('person'), '399', 'the other stays');
SELECT ehds.oppose('H100021', relation => 'omop.condition_occurrence') \g /dev/null
SELECT is(pg_temp.hydro('condition_occurrence') || ' ' || pg_temp.hydro('person'), '398 399', 'one table');
SELECT is(pg_temp.rows_of('extract_cardio.person'), '399', 'its extract keeps the others');
SELECT ehds.oppose('H100022', permit => 'cardio') \g /dev/null
SELECT is(pg_temp.hydro('person') || ' ' || pg_temp.cardio('person'), '399 398', 'one permit');
SELECT ehds.oppose('H100023', population => 'texts') \g /dev/null
SELECT is(pg_temp.hydro('person'), '399', 'another population');
SELECT ehds.withdraw_opposition('H100020'), ehds.withdraw_opposition('H100021'), ehds.withdraw_opposition('H100022') \g /dev/null
SELECT is(pg_temp.hydro('person'), '400', 'without scope all of them are withdrawn');

-- unknown today, and a load that renumbers
SELECT ok(ehds.oppose('H100401') > 0, 'an unknown identity is kept');
INSERT INTO omop.person VALUES (401, 8532, 1950, 'H100401'), (402, 8532, 1950, 'H100402');
SELECT is(pg_temp.hydro('person'), '401', 'and counts when it arrives');
UPDATE omop.person SET person_id = person_id + 5000;
SELECT is(pg_temp.hydro('person'), '401', 'renumbering changes nothing');
UPDATE omop.person SET person_id = person_id - 5000;
INSERT INTO omop.condition_occurrence VALUES (10001, NULL, 100, '2020-01-01'), (10002, 99999, 100, '2020-01-01');
SELECT is(pg_temp.as_role('t_pipeline', 'SELECT count(*) FROM permit_cardio.condition_occurrence'),
          (SELECT count(*)::text FROM omop.condition_occurrence WHERE person_id < 401), 'rows of nobody and of unknown persons are never released');

-- without identity: the key, in every type
SELECT ehds.oppose('7'), ehds.oppose('T7'), ehds.oppose(md5('7')::uuid::text), ehds.oppose('007') \g /dev/null
SELECT is(pg_temp.rows_of('permit_ints.ints') || pg_temp.rows_of('permit_texts.texts') || pg_temp.rows_of('permit_uuids.uuids'), '292929', 'integer, text and uuid keys');
SELECT is(pg_temp.rows_of('extract_ints.ints') || pg_temp.rows_of('extract_texts.texts') || pg_temp.rows_of('extract_uuids.uuids'), '292929', 'and their extracts');
SELECT is((SELECT string_agg(identity_int::text, ' ') FROM (SELECT identity_int FROM ehds.opposition WHERE identity IN ('7', '007') ORDER BY 1) s), '7 7', 'a number is compared as a number');

-- at_activation
\o /dev/null
SELECT pg_temp.as_role('t_governor', 'SELECT ehds.issue_permit(''late'', grantee => ''t_extracts'', purpose => ''research'', output => ''pseudonymised'', valid_until => ''2099-12-31'', opposition_rule => ''at_activation'')');
SELECT pg_temp.as_role('t_governor', 'SELECT ehds.permit_table(''late'', ''omop.person'', columns => ''{person_id}'')');
SELECT ehds.oppose('H100030');
SELECT pg_temp.as_role('t_governor2', 'SELECT ehds.activate_permit(''late'')');
SELECT pg_temp.as_role('t_pipeline', 'CALL ehds.extract(''late'')');
SELECT pg_sleep(0.01);
SELECT ehds.oppose('H100031');
\o
SELECT is(pg_temp.rows_of('permit_late.person'), '400', 'rule at_activation: those recorded before count (30 and 401 of 402)');
SELECT is(pg_temp.rows_of('extract_late.person'), '400', 'and leave its extract alone afterwards');
SELECT is(pg_temp.cardio('person'), '399', 'rule immediate: all of them');

-- an identity that is declared after oppositions by key
\o /dev/null
CREATE SCHEMA later;
CREATE TABLE later.stay (person_id bigint);
CREATE TABLE later.person (person_id bigint PRIMARY KEY, ipp text);
INSERT INTO later.person SELECT g, 'IPP' || g FROM generate_series(1, 20) g;
SELECT ehds.protect('later.stay', subject => 'person_id');
SELECT ehds.oppose('5', population => 'later');
SELECT ehds.protect('later.person', subject => 'person_id', identity => 'ipp');
\o
SELECT is((SELECT population::text FROM ehds.opposition WHERE identity = 'IPP5' AND withdrawn_at IS NULL), 'later', 'goes on under the identity');

-- history
SELECT throws_ok($$DELETE FROM ehds.opposition$$, '42501', 'the history of oppositions is never rewritten', 'no DELETE');
SELECT throws_ok($$TRUNCATE ehds.opposition$$, '42501', NULL, 'no TRUNCATE');
SELECT throws_ok($$UPDATE ehds.opposition SET identity = 'x'$$, '42501', NULL, 'no UPDATE');
SELECT throws_ok($$UPDATE ehds.opposition SET withdrawn_at = NULL, withdrawn_by = NULL WHERE withdrawn_at IS NOT NULL$$, '42501', NULL, 'no withdrawal undone');
SET session_replication_role = replica;
SELECT throws_ok($$DELETE FROM ehds.opposition$$, '42501', NULL, 'not under session_replication_role either');
RESET session_replication_role;
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'SELECT count(*) FROM ehds.opposition')$$, '42501', NULL, 'an analyst does not read oppositions');
SELECT throws_ok($$SELECT pg_temp.as_role('t_governor', 'SELECT ehds.oppose(''H1'')')$$, '42501', NULL, 'only registrars record');

-- bad input
SELECT throws_ok($$SELECT ehds.oppose(' ')$$, '22023', 'the identity is missing', 'no identity');
SELECT throws_ok($$SELECT ehds.oppose('H1', purpose => 'advertising')$$, '22023', 'purpose "advertising" is not in the list', 'a prohibited purpose is nothing to object to');
SELECT throws_ok($$SELECT ehds.oppose('H1', population => 'nowhere')$$, '42704', NULL, 'unknown population');
SELECT throws_ok($$SELECT ehds.oppose('H1', permit => 'nothing')$$, '42704', NULL, 'unknown permit');
SELECT is((SELECT count(*) FROM ehds.ledger WHERE action = 'oppose' AND detail ~ 'H100|IPP'), 0::bigint, 'the ledger names no identity');

-- spellings
\o /dev/null
CREATE SCHEMA spelt;
CREATE TABLE spelt.person (person_id bigint PRIMARY KEY, ipp char(12), nir bigint);
INSERT INTO spelt.person SELECT g, 'IPP' || g, 100 + g FROM generate_series(1, 20) g;
UPDATE spelt.person SET ipp = ' IPP9' WHERE person_id = 9;
SELECT ehds.protect('spelt.person', subject => 'person_id', identity => 'ipp');
SELECT pg_temp.as_role('t_governor', 'SELECT ehds.issue_permit(''spelt'', grantee => ''t_extracts'', purpose => ''research'', output => ''pseudonymised'', valid_until => ''2099-12-31'')');
SELECT pg_temp.as_role('t_governor', 'SELECT ehds.permit_table(''spelt'', ''spelt.person'', columns => ''{person_id}'')');
SELECT pg_temp.as_role('t_governor2', 'SELECT ehds.activate_permit(''spelt'')');
SELECT pg_temp.as_role('t_pipeline', 'CALL ehds.extract(''spelt'')');
\o
SELECT ehds.oppose(E' IPP8\n'), ehds.oppose('IPP9   ') \g /dev/null
SELECT is(pg_temp.rows_of('permit_spelt.person') || pg_temp.rows_of('extract_spelt.person'), '1818', 'blanks around an identity make no difference');
SELECT is(ehds.identity_known('IPP7', 'spelt')::text || ehds.identity_known('IPP9', 'spelt') || ehds.identity_known('IPP77', 'spelt'), 'truetruefalse', 'known means known to the view');
SELECT is(ehds.withdraw_opposition(' IPP8'), 1::bigint, 'nor when it is withdrawn');
SELECT ehds.oppose(' +0011', population => 'ints'), ehds.oppose('0 12'), ehds.oppose(upper(md5('13')::uuid::text), population => 'uuids'), ehds.oppose('{' || upper(md5('14')) || '}') \g /dev/null
SELECT is((SELECT string_agg(identity, ' ') FROM ehds.opposition WHERE population = 'ints' AND withdrawn_at IS NULL), '11', 'a number is recorded as PostgreSQL writes it');
SELECT is(pg_temp.rows_of('permit_ints.ints') || pg_temp.rows_of('permit_uuids.uuids'), '2727', 'numbers and uuids in other spellings count');
SELECT is(pg_temp.rows_of('extract_ints.ints') || pg_temp.rows_of('extract_uuids.uuids'), '2727', 'in extracts too');
SELECT ok(ehds.identity_known('0015', 'ints'), 'and are known');
SELECT is(ehds.withdraw_opposition('+11', population => 'ints'), 1::bigint, 'and are withdrawn');
SELECT is(ehds.withdraw_opposition('011'), 0::bigint, 'once');
SELECT throws_ok($$SELECT ehds.oppose('H1', population => 'ints')$$, '22023', NULL, 'no number where persons have numbers');
SELECT throws_ok($$SELECT ehds.oppose('H1', population => 'uuids')$$, '22023', NULL, 'no uuid where persons have uuids');

-- an identity of type integer
\o /dev/null
CREATE SCHEMA nir;
CREATE TABLE nir.person (person_id bigint PRIMARY KEY, nir bigint);
INSERT INTO nir.person SELECT g, 900000 + g FROM generate_series(1, 20) g;
SELECT ehds.protect('nir.person', subject => 'person_id', identity => 'nir');
SELECT pg_temp.as_role('t_governor', 'SELECT ehds.issue_permit(''nir'', grantee => ''t_extracts'', purpose => ''research'', output => ''pseudonymised'', valid_until => ''2099-12-31'')');
SELECT pg_temp.as_role('t_governor', 'SELECT ehds.permit_table(''nir'', ''nir.person'', columns => ''{person_id}'')');
SELECT pg_temp.as_role('t_governor2', 'SELECT ehds.activate_permit(''nir'')');
SELECT pg_temp.as_role('t_pipeline', 'CALL ehds.extract(''nir'')');
\o
SELECT ehds.oppose('09 00 005') \g /dev/null
SELECT is(pg_temp.rows_of('permit_nir.person') || pg_temp.rows_of('extract_nir.person'), '1919', 'an identity that is a number');
SELECT is(pg_temp.as_role('t_pipeline', 'SELECT ehds.manifest(''nir'') ->> ''subjects'''), '19', 'the manifest counts those who are left');
SELECT is((SELECT reltuples::int FROM pg_class WHERE oid = 'extract_nir.person'::regclass), 19, 'and so do the statistics');

-- several rows with one key, one of them opposed
ALTER TABLE nir.person DROP CONSTRAINT person_pkey;
INSERT INTO nir.person VALUES (1, 900777);
SELECT ehds.oppose('900777') \g /dev/null
SELECT is(pg_temp.rows_of('permit_nir.person'), '18', 'a key that has lost its uniqueness: opposed if any of its rows is');
SELECT is(ehds.withdraw_opposition('900777'), 1::bigint, 'withdrawn');
DELETE FROM nir.person WHERE nir = 900777;

-- a table that hangs on the opposed one
SELECT ehds.oppose('H100040', relation => 'omop.note') \g /dev/null
SELECT is(pg_temp.hydro('note_nlp') || ' ' || pg_temp.hydro('person'), '397 399', 'who objects to a table objects to those protected via it');

-- declared and undeclared
\o /dev/null
CREATE SCHEMA alone;
CREATE TABLE alone.person (person_id bigint PRIMARY KEY, ipp text);
INSERT INTO alone.person SELECT g, 'A' || g FROM generate_series(1, 20) g;
SELECT ehds.protect('alone.person', subject => 'person_id');
SELECT ehds.oppose('03', population => 'alone');
SELECT ehds.unprotect('alone.person');
SELECT ehds.protect('alone.person', subject => 'person_id', identity => 'ipp');
SELECT ehds.oppose('A4', population => 'alone');
\o
SELECT is((SELECT count(*) FROM ehds.opposition WHERE identity = 'A3' AND population = 'alone'), 1::bigint, 'keys become identities, in the only table too');
SELECT ehds.unprotect('alone.person') \g /dev/null
SELECT is((SELECT string_agg(identity, ' ' ORDER BY identity) FROM ehds.opposition WHERE population = 'alone' AND withdrawn_at IS NULL), '12 3 4 7 A12 A3 A4 A7', 'and identities become keys');
SELECT ehds.protect('alone.person', subject => 'person_id', identity => 'ipp') \g /dev/null
ALTER TABLE alone.person RENAME TO other;
SELECT throws_ok($$SELECT ehds.unprotect('alone.other')$$, '55000', NULL, 'not while nobody could tell whose they are');

-- who records
CREATE FUNCTION public.lent() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$SELECT ehds.oppose('H100041')$$;
CREATE FUNCTION public.lent_back() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$SELECT ehds.withdraw_opposition('H100041')$$;
ALTER FUNCTION public.lent() OWNER TO t_registrar;
ALTER FUNCTION public.lent_back() OWNER TO t_registrar;
SELECT throws_like($$SELECT pg_temp.as_role('t_analyst', 'SELECT public.lent()')$$, '%is not a member of ehds_registrar%', 'a registrar''s function does not make others registrars');
SELECT throws_like($$SELECT pg_temp.as_role('t_analyst', 'SELECT public.lent_back()')$$, '%is not a member of ehds_registrar%', 'nor for withdrawal');
SELECT ok(pg_temp.as_role('t_registrar', 'SELECT public.lent()')::bigint > 0, 'the registrar may use it');

-- what runs with whose rights
CREATE TABLE plain.loot (who text);
GRANT ALL ON plain.loot TO PUBLIC;
GRANT USAGE ON SCHEMA plain TO PUBLIC;
CREATE FUNCTION plain.worse() RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO plain.loot VALUES (current_user); END $$;
CREATE FUNCTION plain.evil(i int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM plain.worse(); RETURN true; EXCEPTION WHEN OTHERS THEN RETURN true; END $$;
CREATE TABLE plain.trap (person_id bigint PRIMARY KEY, ipp text, x int);
INSERT INTO plain.trap VALUES (1, 'T1', 1);
ALTER TABLE plain.trap OWNER TO t_other;
CREATE INDEX ON plain.trap (x) WHERE plain.evil(1);
TRUNCATE plain.loot;
\o /dev/null
SELECT ehds.protect('plain.trap', subject => 'person_id', identity => 'ipp', population => 'trap');
SELECT ehds.oppose('T99', population => 'trap');
SELECT ehds.shared_identities('trap');
SELECT pg_temp.as_role('t_governor', 'SELECT ehds.issue_permit(''trap'', grantee => ''t_extracts'', purpose => ''research'', output => ''pseudonymised'', valid_until => ''2099-12-31'')');
SELECT pg_temp.as_role('t_governor', 'SELECT ehds.permit_table(''trap'', ''plain.trap'', columns => ''{person_id,x}'', rows => ''x > 0'')');
SELECT pg_temp.as_role('t_governor2', 'SELECT ehds.activate_permit(''trap'')');
SELECT pg_temp.as_role('t_pipeline', 'CALL ehds.extract(''trap'')');
\o
SELECT is((SELECT string_agg(DISTINCT who, ' ') FROM plain.loot WHERE who NOT IN ('t_other')), 'ehds_owner', 'code in a base table runs as ehds_owner, never as a superuser');
CREATE FUNCTION plain.evil_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN OLD; END $$;
CREATE TRIGGER x BEFORE DELETE ON extract_trap.trap FOR EACH ROW EXECUTE FUNCTION plain.evil_row();
SELECT throws_ok($$SELECT ehds.oppose('T1', population => 'trap')$$, '55000', NULL, 'a trigger on an extract is not run');
SELECT * FROM finish();
