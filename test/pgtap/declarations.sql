-- declarations: the schema that the extension takes, and what may be public
\o /dev/null
SET client_min_messages = error;
DROP ROLE IF EXISTS t_planter;
CREATE ROLE t_planter;
DROP EXTENSION pg_ehds;
\o
SELECT plan(24);

-- a schema that somebody has prepared
SELECT lives_ok('CREATE EXTENSION pg_ehds', 'into the empty schema that DROP EXTENSION leaves');
DROP EXTENSION pg_ehds;
GRANT CREATE ON SCHEMA ehds TO t_planter;
SELECT throws_ok('CREATE EXTENSION pg_ehds', '42P06', 'schema "ehds" exists, and others than its owner may create objects in it', 'others create in it');
REVOKE CREATE ON SCHEMA ehds FROM t_planter;
CREATE FUNCTION ehds.label_of(integer, integer) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
SELECT throws_ok('CREATE EXTENSION pg_ehds', '42P06', 'schema "ehds" exists and is not empty', 'an overload lies in it');
DROP FUNCTION ehds.label_of;
ALTER DEFAULT PRIVILEGES IN SCHEMA ehds GRANT EXECUTE ON FUNCTIONS TO t_planter;
SELECT throws_ok('CREATE EXTENSION pg_ehds', '42P06', 'schema "ehds" exists and is not empty', 'default privileges are kept for it');
ALTER DEFAULT PRIVILEGES IN SCHEMA ehds REVOKE EXECUTE ON FUNCTIONS FROM t_planter;
ALTER SCHEMA ehds OWNER TO t_planter;
SELECT throws_ok('CREATE EXTENSION pg_ehds', '42P06', 'schema "ehds" exists and belongs to t_planter', 'it belongs to somebody else');
DROP SCHEMA ehds;
SELECT lives_ok('CREATE EXTENSION pg_ehds', 'without one');

\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
SET client_min_messages = error;
CREATE TABLE omop.parted (person_id bigint, y int) PARTITION BY LIST (y);
CREATE TABLE omop.parted_1 PARTITION OF omop.parted FOR VALUES IN (1) PARTITION BY LIST (y);
CREATE TABLE omop.parted_1_1 PARTITION OF omop.parted_1 FOR VALUES IN (1);
SELECT ehds.protect('omop.parted', subject => 'person_id');
CREATE TABLE omop.above (person_id bigint);
CREATE TABLE omop.below (note text) INHERITS (omop.above);
SELECT ehds.protect('omop.below', subject => 'person_id');
\o

-- public
SELECT throws_ok($$SECURITY LABEL FOR pg_ehds ON TABLE omop.person IS 'public'$$, 'ZE005', 'table omop.person is protected and cannot be public', 'a protected table');
SELECT throws_ok($$SECURITY LABEL ON TABLE omop.person IS 'public'$$, 'ZE005', 'table omop.person is protected and cannot be public', 'without naming the provider');
SELECT throws_ok($$SECURITY LABEL ON TABLE omop.parted_1_1 IS 'public'$$, 'ZE005', 'table omop.parted_1_1 holds rows of a protected table and cannot be public', 'a partition of a partition');
SELECT throws_ok($$SECURITY LABEL ON TABLE omop.above IS 'public'$$, 'ZE005', 'table omop.above is read with a protected table and cannot be public', 'a parent');
SELECT is((SELECT count(*) FROM pg_seclabel WHERE label = 'public'), 1::bigint, 'no label was given');

-- a label that came before the declaration, as in a restore, and one that stayed on record
CREATE TABLE omop.loose (person_id bigint, y int);
SECURITY LABEL FOR pg_ehds ON TABLE omop.loose IS 'public';
ALTER TABLE omop.parted ATTACH PARTITION omop.loose FOR VALUES IN (2);
INSERT INTO pg_seclabel SELECT 'omop.person'::regclass, 'pg_class'::regclass, 0, 'pg_ehds', 'public';
INSERT INTO ehds.declared_label (schema_name, object_name, column_name, label) VALUES ('omop', 'note', '', 'public');
SELECT ehds.open_public_tables(permit_id) FROM ehds.permit WHERE permit = 'hydro' \g /dev/null
SELECT ok(NOT has_table_privilege('t_project', 'omop.person', 'SELECT'), 'a protected table is not opened, whatever its label');
SELECT ok(NOT has_table_privilege('t_project', 'omop.loose', 'SELECT'), 'nor a partition of one');
SELECT ok(has_table_privilege('t_project', 'omop.concept', 'SELECT'), 'a public one is');
SELECT is((SELECT string_agg(object, ' ' ORDER BY object) FROM ehds.doctor() WHERE finding ~ 'labelled public at once'), 'omop.parted omop.person', 'the doctor sees both');
SELECT is((SELECT string_agg(DISTINCT action, ' ') FROM ehds.after_load('omop') WHERE object = 'omop.note'), 'unchanged', 'after_load does not fail on a label that stayed on record');
SELECT is((SELECT count(*) FROM ehds.declared_label WHERE object_name IN ('note', 'person') AND column_name = ''), 0::bigint, 'and forgets it');
SECURITY LABEL ON TABLE omop.person IS NULL;
SECURITY LABEL ON TABLE omop.loose IS NULL;

-- a public table that came back
DROP TABLE omop.concept;
CREATE TABLE omop.concept (concept_id integer PRIMARY KEY, concept_name text NOT NULL);
SELECT is((SELECT action FROM ehds.after_load('omop') WHERE object = 'omop.concept'), 'relabelled', 'with the same columns');
DROP TABLE omop.concept;
CREATE TABLE omop.concept (concept_id integer PRIMARY KEY, concept_name text NOT NULL, person_id bigint);
SELECT is((SELECT action || ': ' || detail FROM ehds.after_load('omop') WHERE object = 'omop.concept'),
    'undeclared: was public with other columns: new column person_id (in no permit). Refused under a permit. If no row is about a person: SECURITY LABEL FOR pg_ehds ON TABLE omop.concept IS ''public''',
    'with others it is not public');
SELECT is(ehds.label_of('omop.concept'::regclass), NULL, 'it bears no label');
SELECT is((SELECT count(*) FROM ehds.after_load('omop') WHERE object = 'omop.concept' AND action = 'undeclared'), 1::bigint, 'the next run says so again');
SECURITY LABEL FOR pg_ehds ON TABLE omop.concept IS 'public';
SELECT is((SELECT count(*) FROM ehds.after_load('omop') WHERE object = 'omop.concept'), 0::bigint, 'until somebody declares it');

-- spelling and remedies
SET quote_all_identifiers = on;
SELECT is((SELECT string_agg(concat_ws(' ', object, action, detail), '; ') FROM ehds.after_load('omop') WHERE action NOT IN ('unchanged', 'undeclared')), NULL, 'quote_all_identifiers changes nothing');
RESET quote_all_identifiers;
DROP TABLE omop.below;
SELECT lives_ok((SELECT substring(detail FROM 'SELECT ehds.unprotect.*') FROM ehds.after_load('omop') WHERE object = 'omop.below'), 'the remedy for a dropped table runs');
SELECT * FROM finish();
