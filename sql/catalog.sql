-- What a DBA, a registrar and governance see: declarations, permits, and what each mistake says.
\set VERBOSITY default
\set SHOW_CONTEXT never
CREATE DATABASE regress_catalog;
\c regress_catalog
CREATE EXTENSION pg_ehds;
CREATE ROLE c_one LOGIN IN ROLE ehds_admin;
CREATE ROLE c_two LOGIN IN ROLE ehds_admin;
CREATE ROLE c_registrar LOGIN IN ROLE ehds_registrar;
CREATE ROLE c_project;
CREATE SCHEMA omop;
CREATE TABLE omop.person (person_id bigint PRIMARY KEY, gender_concept_id int, year_of_birth int, person_source_value text);
CREATE TABLE omop.condition_occurrence (condition_occurrence_id bigint, person_id bigint, condition_concept_id int, condition_start_date date, provider_id int);
CREATE TABLE omop.note (note_id bigint PRIMARY KEY, person_id bigint, note_text text);
CREATE TABLE omop.note_nlp (note_nlp_id bigint, note_id bigint, snippet text);
CREATE TABLE omop.concept (concept_id int, concept_name text);
CREATE TABLE omop.location (location_id int);
CREATE VIEW omop.everybody AS SELECT person_id FROM omop.person;
INSERT INTO omop.person SELECT g, 1, 1950, 'H' || g FROM generate_series(1, 30) g;
INSERT INTO omop.condition_occurrence SELECT g, NULLIF(g, 30), 100, '2020-01-01', 0 FROM generate_series(1, 30) g;
GRANT SELECT ON omop.condition_occurrence TO PUBLIC;

-- protect
SELECT ehds.protect('omop.person', subject => 'person_id', identity => 'person_source_value');
SELECT ehds.protect('omop.condition_occurrence', subject => 'person_id');
SELECT ehds.protect('omop.person', subject => 'person_id');
SELECT ehds.protect('omop.note', subject => 'patient_id');
SELECT ehds.protect('omop.everybody', subject => 'person_id');
SELECT ehds.protect('omop.note_nlp', via => 'note_id -> omop.note.note_id');
SELECT ehds.protect('omop.note', subject => 'note_text');
SELECT ehds.protect('omop.note');
SELECT * FROM ehds.protect_model('omop-6', schema => 'omop');
SELECT * FROM ehds.protect_model('omop-5.4', schema => 'omopp');
SELECT * FROM ehds.protect_model('omop-5.4', schema => 'omop');
SELECT * FROM ehds.protect_model('omop-5.4', schema => 'omop') WHERE action <> 'unchanged';

-- labels
SECURITY LABEL FOR pg_ehds ON TABLE omop.location IS 'identifier';
SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.year_of_birth IS 'secret';
SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.year_of_birth IS 'range 5 to 7';
SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.year_of_birth IS 'range 2000..1900';
SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.year_of_birth IS 'range 1900..2000 step -1';
SECURITY LABEL FOR pg_ehds ON COLUMN omop.note.note_text IS 'range 0..1';
SECURITY LABEL FOR pg_ehds ON VIEW omop.everybody IS 'public';
SECURITY LABEL FOR pg_ehds ON TABLE omop.person IS 'public';
SECURITY LABEL FOR pg_ehds ON ROLE c_project IS 'public';
SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.year_of_birth IS 'domain';
SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.year_of_birth IS 'domain 1900, 1901, 1900';
SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.year_of_birth IS 'domain 1900,';
SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.year_of_birth IS 'domain 0x10';
SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.year_of_birth IS 'domain 2000..1900';
SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.year_of_birth IS 'domain 1900..2000 step 0';
SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.year_of_birth IS 'domain of omop.concept';
SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.year_of_birth IS 'domain of omop.years.year';
SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.year_of_birth IS 'domain 1900, range 0..1';
SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.year_of_birth IS 'domain 1900, quasi-identifier';
SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.year_of_birth IS 'quasi-identifier, secret';
SECURITY LABEL FOR pg_ehds ON COLUMN omop.note.note_text IS 'domain a b';
SECURITY LABEL FOR pg_ehds ON COLUMN omop.note.note_text IS $$domain 'a$$;
SECURITY LABEL FOR pg_ehds ON COLUMN omop.note.note_text IS 'domain a, b, identifier';
SECURITY LABEL FOR pg_ehds ON COLUMN omop.note.note_text IS $$sensitive, domain 'a, b', 'it''s', c-3/x.y$$;
SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.year_of_birth IS 'quasi-identifier, range 1900..2030 step 1, domain 1900..2030 step 10';
SELECT column_name, label FROM ehds.declared_label WHERE column_name <> '' AND label ~ 'domain' ORDER BY 1;
SECURITY LABEL FOR pg_ehds ON COLUMN omop.note.note_text IS 'identifier';
SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.year_of_birth IS 'range 1900..2030 step 1';
SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.year_of_birth IS 'quasi-identifier';

-- oppositions
SET SESSION AUTHORIZATION c_registrar;
SELECT ehds.oppose('H1');
SELECT ehds.oppose('H1');
SELECT ehds.oppose('H31', purpose => 'research', channel => 'letter');
SELECT ehds.oppose('');
SELECT ehds.oppose('H1', purpose => 'insurance-or-credit');
SELECT ehds.oppose('H1', author => 'neighbour');
SELECT ehds.oppose('H1', relation => 'omop.concept');
SELECT ehds.oppose('H1', population => 'nowhere');
SELECT ehds.withdraw_opposition('H1');
SELECT count(*) FROM omop.person;
SELECT ehds.issue_permit('p', grantee => 'c_project', purpose => 'research', valid_until => '2099-12-31');
RESET SESSION AUTHORIZATION;
DELETE FROM ehds.opposition;

-- permits
SET SESSION AUTHORIZATION c_one;
SELECT ehds.issue_permit('p', grantee => 'c_project', purpose => 'fun', valid_until => '2099-12-31');
SELECT ehds.issue_permit('p', grantee => 'c_project', purpose => 'advertising', valid_until => '2099-12-31');
SELECT ehds.issue_permit('p', grantee => 'c_nobody', purpose => 'research', valid_until => '2099-12-31');
SELECT ehds.issue_permit('p', grantee => 'c_one', purpose => 'research', valid_until => '2099-12-31');
SELECT ehds.issue_permit('p', grantee => 'c_project', purpose => 'research', valid_until => '2020-12-31');
SELECT ehds.issue_permit('p', grantee => 'c_project', purpose => 'research', valid_until => '2099-12-31', k => 3);
SELECT ehds.issue_permit('p', grantee => 'c_project', purpose => 'research', valid_until => '2099-12-31', epsilon => 0, delta => 1e-8);
SELECT ehds.issue_permit('p', grantee => 'c_project', purpose => 'research', valid_until => '2099-12-31', epsilon => 'NaN', delta => 1e-8);
SELECT ehds.issue_permit('p', grantee => 'c_project', purpose => 'research', valid_until => '2099-12-31', epsilon => 1);
SELECT ehds.issue_permit('p', grantee => 'c_project', purpose => 'research', valid_until => '2099-12-31', epsilon => 1, delta => 2);
SELECT ehds.issue_permit('p', grantee => 'c_project', purpose => 'research', valid_until => '2099-12-31', output => 'pseudonymised', epsilon => 1, delta => 1e-8);
SELECT ehds.issue_permit('p', grantee => 'c_project', purpose => 'research', valid_until => '2099-12-31', accounting => 'zcdp');
SELECT ehds.issue_permit('p', grantee => 'c_project', purpose => 'research', valid_until => '2099-12-31', output => 'rows');
SELECT ehds.issue_permit('p-1', grantee => 'c_project', purpose => 'research', valid_until => '2099-12-31');
SELECT ehds.issue_permit('p_1', grantee => 'c_project', purpose => 'research', valid_until => '2099-12-31');
SELECT ehds.permit_table('p', 'omop.person');
SELECT ehds.permit_table('p-1', 'omop.location');
SELECT ehds.permit_table('p-1', 'omop.concept');
SELECT ehds.permit_table('p-1', 'omop.everybody');
SELECT ehds.permit_table('p-1', 'omop.person', columns => '{person_id,shoe_size}');
SELECT ehds.permit_table('p-1', 'omop.person', columns => '{person_id,person_source_value}');
SELECT ehds.activate_permit('p-1');
SELECT ehds.permit_table('p-1', 'omop.person', columns => '{person_id,gender_concept_id}');
SELECT ehds.permit_table('p-1', 'omop.note_nlp');
SELECT ehds.permit_table('p-1', 'omop.condition_occurrence', rows => $$condition_start_date >= '2015-01-01'$$);
SELECT ehds.activate_permit('p-1');
SET SESSION AUTHORIZATION c_two;
SELECT ehds.activate_permit('p-1');
SELECT ehds.activate_permit('p-1');
SELECT ehds.permit_table('p-1', 'omop.note');
SELECT ehds.unprotect('omop.note');
CALL ehds.extract('p-1');
SELECT ehds.revoke_permit('p-1', 'the study is over');
CALL ehds.extract('p-1');
RESET SESSION AUTHORIZATION;
SELECT object, action FROM ehds.after_load('omop') WHERE action <> 'unchanged';
SELECT * FROM ehds.after_load('nowhere');

-- the extension goes, and its labels with it: they would break a later restore
SELECT count(*) > 0 AS labelled FROM pg_seclabels WHERE provider = 'pg_ehds';
\set VERBOSITY terse
DROP EXTENSION pg_ehds;
SET client_min_messages = error;
DROP EXTENSION pg_ehds CASCADE;
RESET client_min_messages;
\set VERBOSITY default
SELECT count(*) FROM pg_seclabels WHERE provider = 'pg_ehds';

-- roles that exist already: ours are known by their comment, others are not taken
DROP SCHEMA permit_p_1 CASCADE;
COMMENT ON ROLE ehds_custodian IS NULL;
GRANT ehds_custodian TO c_one;
CREATE EXTENSION pg_ehds;
REVOKE ehds_custodian FROM c_one;
ALTER ROLE ehds_custodian LOGIN;
CREATE EXTENSION pg_ehds;
ALTER ROLE ehds_custodian NOLOGIN;
GRANT ehds_owner TO c_one;
CREATE EXTENSION pg_ehds;
REVOKE ehds_owner FROM c_one;
CREATE EXTENSION pg_ehds;
SELECT shobj_description('ehds_custodian'::regrole, 'pg_authid');
\c regression
DROP DATABASE regress_catalog;
DROP ROLE c_one, c_two, c_registrar, c_project;
