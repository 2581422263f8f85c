-- A view's IS NOT NULL is left out of plans only where a column can hold no NULL: rows
-- without a subject belong to nobody, in tables of every kind and after the column changed.
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
CREATE SCHEMA sure;
CREATE TABLE sure.strict (person_id bigint NOT NULL, x integer);
CREATE TABLE sure.loose (person_id bigint, x integer);
CREATE TABLE sure.parent (person_id bigint NOT NULL, x integer);
CREATE TABLE sure.child () INHERITS (sure.parent);
CREATE TABLE sure.parts (person_id bigint, x integer) PARTITION BY LIST (x);
CREATE TABLE sure.part1 PARTITION OF sure.parts FOR VALUES IN (1);
CREATE TABLE sure.part2 PARTITION OF sure.parts FOR VALUES IN (2);
ALTER TABLE sure.part1 ALTER person_id SET NOT NULL;
-- a child that allows what its parent forbids, where PostgreSQL lets it (before 18)
DO $$ BEGIN ALTER TABLE sure.child ALTER person_id DROP NOT NULL; INSERT INTO sure.child VALUES (NULL, 1); EXCEPTION WHEN others THEN NULL; END $$;
INSERT INTO sure.strict SELECT n, n % 3 FROM generate_series(1, 100) n;
INSERT INTO sure.loose SELECT NULLIF(n, 7), n % 3 FROM generate_series(1, 100) n;
INSERT INTO sure.parent SELECT n, n % 3 FROM generate_series(1, 50) n;
INSERT INTO sure.child SELECT n, n % 3 FROM generate_series(51, 100) n;
INSERT INTO sure.parts SELECT NULLIF(n, 7), 1 + (n > 0 AND n % 2 = 1)::int FROM generate_series(1, 100) n;
SELECT ehds.protect('sure.' || t, subject => 'person_id', population => 'sure') FROM unnest('{strict,loose,parent,parts}'::text[]) t;
SELECT ehds.oppose('9', population => 'sure');
DROP ROLE IF EXISTS t_sure;
CREATE ROLE t_sure LOGIN;
SELECT pg_temp.as_role('t_governor', $q$SELECT ehds.issue_permit('sure', 't_sure', 'research', valid_until => '2099-12-31', output => 'pseudonymised')$q$);
SELECT pg_temp.as_role('t_governor', format('SELECT ehds.permit_table(''sure'', %L)', 'sure.' || t)) FROM unnest('{strict,loose,parent,parts}'::text[]) t;
SELECT pg_temp.as_role('t_governor2', $q$SELECT ehds.activate_permit('sure')$q$);
\o
SELECT no_plan();
SELECT ok((SELECT count(*) = 2 FROM unnest('{loose,parts}'::text[]) t, LATERAL (SELECT pg_get_viewdef(('permit_sure.' || t)::regclass) ~ 'person_id IS NOT NULL' AS asks) d WHERE asks), 'the views ask');
SELECT is(pg_temp.as_role('t_sure', 'SELECT count(*) FROM permit_sure.strict'), '99', 'a table whose subject can''t be NULL: all but who objects');
SELECT is(pg_temp.as_role('t_sure', 'SELECT count(*) FROM permit_sure.loose'), '98', 'a table whose subject can: not the row without one');
SELECT is(pg_temp.as_role('t_sure', 'SELECT count(*) FROM permit_sure.parent'), '99', 'nor that of a child');
SELECT is(pg_temp.as_role('t_sure', 'SELECT count(*) FROM permit_sure.parts'), '98', 'nor that of a partition');
SELECT is(pg_temp.as_role('t_sure', 'SELECT count(*) FROM permit_sure.strict a JOIN permit_sure.loose b USING (x)'),
          (SELECT count(*)::text FROM sure.strict a JOIN sure.loose b USING (x) WHERE a.person_id <> 9 AND b.person_id <> 9), 'nor where both are joined');
-- a statement that was prepared before the column changed
\set QUIET 1
\set ECHO none
SET SESSION AUTHORIZATION t_sure;
SET plan_cache_mode = force_generic_plan;
PREPARE counted AS SELECT count(*) AS n FROM permit_sure.strict;
EXECUTE counted \gset before_
RESET SESSION AUTHORIZATION;
ALTER TABLE sure.strict ALTER person_id DROP NOT NULL;
INSERT INTO sure.strict VALUES (NULL, 1);
SET SESSION AUTHORIZATION t_sure;
EXECUTE counted \gset after_
RESET SESSION AUTHORIZATION;
SELECT is(:before_n, 99, 'prepared while the column forbade NULL');
SELECT is(:after_n, 99, 'and executed when it allows it: the new row belongs to nobody');
SELECT * FROM finish();
