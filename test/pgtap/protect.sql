-- protect, unprotect, protect_model, labels, after_load
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
\o
SELECT plan(65);

-- what protect does
SELECT ok(has_table_privilege('ehds_owner', 'omop.person', 'SELECT'), 'ehds_owner reads a protected table');
SELECT ok(NOT has_table_privilege('t_analyst', 'omop.person', 'SELECT'), 'an analyst does not');
SELECT is((SELECT subject || ' ' || identity FROM ehds.protected_table WHERE relation = 'omop.person'::regclass),
          'person_id person_source_value', 'subject and identity are recorded');
SELECT is((SELECT via_column || ' ' || via_table || ' ' || via_key FROM ehds.protected_table WHERE table_name = 'note_nlp'),
          'note_id note note_id', 'via is recorded');
SELECT is((SELECT identity_table::text FROM ehds.population WHERE population = 'omop'), 'person', 'the population knows its table of identities');
CREATE TABLE omop.open_one (person_id bigint, remark text);
GRANT SELECT ON omop.open_one TO PUBLIC;
GRANT SELECT (remark) ON omop.open_one TO PUBLIC;
SELECT lives_ok($$SELECT ehds.protect('omop.open_one', subject => 'person_id')$$, 'a table that PUBLIC reads is protected');
SELECT ok(NOT has_any_column_privilege('t_analyst', 'omop.open_one', 'SELECT'), 'PUBLIC lost its rights, on columns too');
SELECT throws_ok($$SELECT ehds.protect('omop.open_one', subject => 'person_id')$$, '42710',
                 'table omop.open_one is already protected', 'protected twice');
SELECT lives_ok($$SELECT ehds.unprotect('omop.open_one')$$, 'unprotect');
SELECT ok(NOT has_table_privilege('ehds_owner', 'omop.open_one', 'SELECT'), 'ehds_owner loses its right');
SELECT throws_ok($$SELECT ehds.unprotect('omop.open_one')$$, 'ZE005', 'table omop.open_one is not protected', 'not twice');

-- partitions
CREATE TABLE omop.parted (person_id bigint, y int) PARTITION BY LIST (y);
CREATE TABLE omop.parted_1 PARTITION OF omop.parted FOR VALUES IN (1);
GRANT SELECT ON omop.parted_1 TO PUBLIC;
SELECT throws_ok($$SELECT ehds.protect('omop.parted_1', subject => 'person_id')$$, '42809', 'omop.parted_1 is a partition', 'a partition is not protected alone');
SELECT lives_ok($$SELECT ehds.protect('omop.parted', subject => 'person_id')$$, 'a partitioned table');
SELECT ok(NOT has_table_privilege('t_analyst', 'omop.parted_1', 'SELECT'), 'PUBLIC loses its rights on partitions');

-- bad input changes nothing
CREATE VIEW omop.a_view AS SELECT 1::bigint AS person_id;
CREATE TABLE omop.odd (person_id numeric, born date, note_id bigint, other uuid);
CREATE TABLE omop.two_ids (person_id bigint, id text);
CREATE TABLE omop.gaps AS SELECT NULLIF(g, 3)::bigint AS person_id FROM generate_series(1, 5) g;
SELECT throws_ok($$SELECT ehds.protect('omop.a_view', subject => 'person_id')$$, '42809', 'omop.a_view is not a table', 'a view');
SELECT throws_ok($$SELECT ehds.protect('omop.missing', subject => 'person_id')$$, '42P01', NULL, 'a table that is not there');
SELECT throws_ok($$SELECT ehds.protect('omop.odd', subject => 'personid')$$, '42703', 'column "personid" of omop.odd does not exist', 'a column that is not there');
SELECT throws_ok($$SELECT ehds.protect('omop.odd', subject => 'person_id')$$, '22023', NULL, 'a subject of type numeric');
SELECT throws_ok($$SELECT ehds.protect('omop.odd')$$, '22023', NULL, 'neither subject nor via');
SELECT throws_ok($$SELECT ehds.protect('omop.odd', subject => 'note_id', via => 'note_id -> omop.note.note_id')$$, '22023', NULL, 'both subject and via');
SELECT throws_ok($$SELECT ehds.protect('omop.odd', via => 'note_id to note')$$, '22023', 'via "note_id to note" cannot be read', 'via that cannot be read');
SELECT throws_ok($$SELECT ehds.protect('omop.odd', via => 'note_id -> omop.undeclared.person_id')$$, 'ZE005', NULL, 'via a table that is not protected');
SELECT throws_ok($$SELECT ehds.protect('omop.odd', via => 'note_id -> omop.note.person_id')$$, '22023', 'column "person_id" of omop.note has no unique index', 'via a key that is not unique');
SELECT throws_ok($$SELECT ehds.protect('omop.odd', via => 'other -> omop.note.note_id')$$, '42804', NULL, 'via columns of different types');
SELECT throws_ok($$SELECT ehds.protect('omop.odd', subject => 'other')$$, '42804', NULL, 'subjects of one population are of one type');
SELECT throws_ok($$SELECT ehds.protect('omop.two_ids', subject => 'person_id', identity => 'id')$$, '42710', NULL, 'a second table of identities');
SELECT throws_ok($$SELECT ehds.protect('omop.two_ids', subject => 'person_id', identity => 'id', population => 'other')$$, '22023',
                 'column "person_id" of omop.two_ids has no unique index', 'identities need a unique subject');
SELECT throws_ok($$SELECT ehds.protect('ehds.opposition', subject => 'opposition_id')$$, '22023', NULL, 'a table of the extension');
SELECT throws_ok($$SELECT ehds.protect('omop.concept', subject => 'concept_id')$$, 'ZE005', 'table omop.concept is labelled public', 'a public table');
SELECT is((SELECT count(*) FROM ehds.protected_table WHERE table_name IN ('odd', 'two_ids', 'a_view', 'concept')), 0::bigint, 'nothing was recorded');
SELECT lives_ok($$SELECT ehds.protect('omop.gaps', subject => 'person_id')$$, 'rows without subject are warned of, not refused');
SELECT throws_ok($$SELECT ehds.unprotect('omop.condition_occurrence')$$, '55006', NULL, 'a table in use by a permit');
SELECT throws_ok($$SELECT ehds.unprotect('omop.note')$$, '55006', NULL, 'a table that another is protected via');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'SELECT ehds.protect(''omop.concept'', subject => ''concept_id'')')$$, '42501', NULL, 'not for an analyst');

-- labels
SELECT is(ehds.label_of('omop.concept'::regclass), 'public', 'label on a table');
SELECT is((SELECT label FROM ehds.declared_label WHERE object_name = 'person' AND column_name = 'person_source_value'), 'identifier', 'labels are kept by name');
SELECT lives_ok($$SECURITY LABEL FOR pg_ehds ON COLUMN omop.visit_occurrence.cost IS 'range 0..500 step 0.1'$$, 'a range');
SELECT lives_ok($$SECURITY LABEL FOR pg_ehds ON COLUMN omop.visit_occurrence.cost IS 'range -1.5..500'$$, 'a range without step');
SELECT throws_ok($$SECURITY LABEL FOR pg_ehds ON COLUMN omop.visit_occurrence.cost IS 'range 5..5'$$, '22023', NULL, 'an empty range');
SELECT throws_ok($$SECURITY LABEL FOR pg_ehds ON COLUMN omop.visit_occurrence.cost IS 'range 0..5 step 0'$$, '22023', NULL, 'a step of 0');
SELECT throws_ok($$SECURITY LABEL FOR pg_ehds ON COLUMN omop.visit_occurrence.cost IS 'range 0...5'$$, '22023', NULL, 'a malformed range');
SELECT throws_ok($$SECURITY LABEL FOR pg_ehds ON COLUMN omop.visit_occurrence.region IS 'range 0..5'$$, '42804', NULL, 'a range on text');
SELECT throws_ok($$SECURITY LABEL FOR pg_ehds ON COLUMN omop.visit_occurrence.cost IS 'secret'$$, '22023', NULL, 'an unknown label on a column');
SELECT throws_ok($$SECURITY LABEL FOR pg_ehds ON TABLE omop.visit_occurrence IS 'identifier'$$, '22023', NULL, 'a column label on a table');
SELECT throws_ok($$SECURITY LABEL FOR pg_ehds ON VIEW omop.a_view IS 'public'$$, '42809', NULL, 'a label on a view');
SELECT throws_ok($$SECURITY LABEL FOR pg_ehds ON SCHEMA omop IS 'public'$$, '42809', NULL, 'a label on a schema');
SELECT throws_ok($$SECURITY LABEL FOR pg_ehds ON TABLE omop.person IS 'public'$$, 'ZE005', NULL, 'public on a protected table');
SECURITY LABEL FOR pg_ehds ON COLUMN omop.visit_occurrence.cost IS NULL;
SELECT is((SELECT count(*) FROM ehds.declared_label WHERE column_name = 'cost'), 0::bigint, 'a label that was removed is forgotten');

-- after_load: swapped by RENAME
CREATE TABLE omop.person_new (LIKE omop.person INCLUDING ALL);
INSERT INTO omop.person_new SELECT person_id + 1000, gender_concept_id, year_of_birth, person_source_value FROM omop.person WHERE person_id <= 300;
ALTER TABLE omop.person RENAME TO person_old;
ALTER TABLE omop.person_new RENAME TO person;
UPDATE omop.condition_occurrence SET person_id = person_id + 1000;
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'SELECT count(DISTINCT person_id) FROM permit_hydro.person')$$, 'ZE005', NULL,
                 'after a swap the view refuses');
SELECT is((SELECT string_agg(object || ' ' || action, ', ' ORDER BY object, action) FROM ehds.after_load('omop') WHERE action NOT IN ('unchanged', 'undeclared') AND object ~ 'omop'),
          'omop.person found again, omop.person relabelled', 'after_load finds the table again');
SELECT is(ehds.label_of('omop.person'::regclass, 4), 'identifier', 'its label is back');
SELECT is(pg_temp.as_role('t_analyst', 'SELECT count(DISTINCT person_id) FROM permit_hydro.person'), '300', 'the permit reads the new table');
SELECT is(pg_temp.as_role('t_analyst', 'SELECT count(DISTINCT person_id) FROM permit_hydro.condition_occurrence'), '300', 'and the new keys');
SELECT is((SELECT count(*) FROM ehds.after_load('omop') WHERE action NOT IN ('unchanged', 'undeclared')), 0::bigint, 'a second run changes nothing');
SELECT is((SELECT count(*) FROM ehds.doctor() WHERE object = 'omop.person_old'), 1::bigint, 'doctor lists the old copy');

-- dropped with its views, and rebuilt with another type
DROP TABLE omop.visit_occurrence CASCADE;
SELECT is((SELECT action FROM ehds.after_load('omop') WHERE object = 'omop.visit_occurrence'), 'missing', 'a table that is gone is missing');
CREATE TABLE omop.visit_occurrence (visit_occurrence_id bigint PRIMARY KEY, person_id bigint NOT NULL, visit_start_date date NOT NULL, region integer NOT NULL, cost integer, added text);
INSERT INTO omop.visit_occurrence SELECT i, i + 1000, '2021-01-01', i % 4, 10 FROM generate_series(1, 300) i;
SELECT is((SELECT action FROM ehds.after_load('omop') WHERE object = 'permit_hydro.visit_occurrence'), 'refused', 'a column of the permit with another type');
SELECT is((SELECT detail FROM ehds.after_load('omop') WHERE object = 'omop.visit_occurrence'),
          'new column added (in no permit), column region was text and is integer', 'after_load says what changed, again in the next run');
SELECT lives_ok($$SELECT pg_temp.as_role('t_governor', 'SELECT ehds.permit_table(''hydro'', ''omop.visit_occurrence'')')$$, 'named again');
SELECT lives_ok($$SELECT pg_temp.as_role('t_governor2', 'SELECT ehds.activate_permit(''hydro'')')$$, 'activated again');
SELECT is(pg_temp.as_role('t_analyst', 'SELECT count(DISTINCT person_id) FROM permit_hydro.visit_occurrence'), '300', 'it answers');

-- the whole model
CREATE SCHEMA m;
CREATE TABLE m.person (person_id integer PRIMARY KEY, gender_concept_id int, year_of_birth int, provider_id int, person_source_value text);
CREATE TABLE m.condition_era (condition_era_id int, person_id int, condition_concept_id int);
CREATE TABLE m.note (note_id int PRIMARY KEY, person_id int, note_text text);
CREATE TABLE m.note_nlp (note_nlp_id int, note_id int, snippet text);
CREATE TABLE m.concept (concept_id int, concept_name text);
CREATE TABLE m.location (location_id int);
INSERT INTO m.person SELECT g, 1, 1950, 0, 'P' || g FROM generate_series(1, 20) g;
SELECT results_eq($$SELECT object, action FROM ehds.protect_model('omop-5.4', schema => 'm')$$,
    $$VALUES ('m.person', 'protected'), ('m.note', 'protected'), ('m.condition_era', 'protected'), ('m.note_nlp', 'protected'), ('m.concept', 'public'), ('m.location', 'undeclared')$$,
    'protect_model declares what is there');
SELECT results_eq($$SELECT DISTINCT action FROM ehds.protect_model('omop-5.4', schema => 'm') ORDER BY 1$$, $$VALUES ('unchanged'), ('undeclared')$$, 'a second run changes nothing');
SELECT is((SELECT identity_column::text FROM ehds.population WHERE population = 'm'), 'person_source_value', 'with the identity');
SELECT set_eq($$SELECT object_name || '.' || column_name || ' ' || label FROM ehds.declared_label WHERE schema_name = 'm' AND label <> 'sensitive'$$,
    ARRAY['person.gender_concept_id quasi-identifier', 'person.year_of_birth quasi-identifier', 'person.provider_id professional-identifier',
          'person.person_source_value identifier', 'note.note_text identifier', 'note_nlp.snippet identifier', 'concept. public'], 'and labels');
SELECT * FROM finish();
