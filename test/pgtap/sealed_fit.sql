-- OIDs, which everybody can count, tell nothing of the rows of a sealed table.
\set ECHO none
\set QUIET 1
\ir ../fixtures/warehouse.sql
ALTER TABLE omop.visit_occurrence ADD COLUMN note text;
UPDATE omop.visit_occurrence SET note = (SELECT string_agg(md5(i::text || person_id), '') FROM generate_series(1, person_id % 4 * 80 + 10) i) WHERE person_id <= 40;
\ir ../fixtures/permits.sql
SELECT no_plan();
SET client_min_messages = warning;
CREATE SCHEMA mine AUTHORIZATION t_analyst;
SET SESSION AUTHORIZATION t_analyst;
SET search_path = permit_hydro, omop, mine, public, pg_catalog;

CREATE FUNCTION mine.oids(make text, fill text, cond text) RETURNS bigint LANGUAGE plpgsql AS $f$
DECLARE
    long text := (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 31) i);
    before oid;
    after oid;
BEGIN
    EXECUTE format(make, long, long, long) || cond;
    before := lo_creat(-1);
    IF fill <> '' THEN
        EXECUTE format(fill, long, long, long) || cond;
    ELSE
        before := 'pg_temp.made'::regclass;
    END IF;
    after := lo_creat(-1);
    DROP TABLE pg_temp.made;
    RETURN after::bigint - before::bigint;
END $f$;
\set rows '''SELECT person_id, %L::text AS a, %L::text AS b, %L::text AS c FROM condition_occurrence WHERE condition_concept_id = '''
SELECT is(mine.oids('CREATE TEMP TABLE made AS ' || :rows, '', '500'), mine.oids('CREATE TEMP TABLE made AS ' || :rows, '', '999'), 'of long rows that were made');
SELECT is(mine.oids('CREATE TEMP TABLE made AS ' || :rows, 'INSERT INTO made ' || :rows, '500'), mine.oids('CREATE TEMP TABLE made AS ' || :rows, 'INSERT INTO made ' || :rows, '999'),
          'of long rows that were added');
\set notes '''SELECT person_id, visit_occurrence_id AS v, note AS a, %L::text AS b, left(%L::text, 1) AS c, left(%L::text, 1) AS d FROM visit_occurrence WHERE '''
SELECT is(mine.oids('CREATE TEMP TABLE made AS ' || :notes, '', 'cost BETWEEN 30 AND 70'), mine.oids('CREATE TEMP TABLE made AS ' || :notes, '', 'cost = 1'), 'of long texts of the permit');

CREATE TABLE mine.long AS SELECT person_id, note FROM visit_occurrence WHERE cost <= 400;
SELECT is((SELECT count(DISTINCT person_id) FROM mine.long), 40::bigint, 'persons with texts that are too long are there');
SELECT is((SELECT count(DISTINCT person_id) FROM mine.long WHERE note IS NOT NULL), 30::bigint, 'the texts are not, above a page');
CREATE TABLE mine.long2 AS SELECT person_id, note FROM visit_occurrence WITH NO DATA;
INSERT INTO mine.long2 SELECT person_id, note FROM visit_occurrence WHERE cost <= 400;
SELECT is((SELECT count(DISTINCT person_id) FROM mine.long2 WHERE note IS NOT NULL), 30::bigint, 'nor after an INSERT');
SELECT is((SELECT count(DISTINCT person_id) FROM mine.long WHERE length(note) > 2500), 20::bigint, 'others are as they were');
RESET SESSION AUTHORIZATION;
SELECT is((SELECT count(*) FROM pg_class s JOIN pg_class t ON t.oid = s.reltoastrelid WHERE s.relname ~ '^sealed_[0-9a-f]{32}$' AND pg_relation_size(t.oid) > 0), 0::bigint, 'nothing was moved out of a row');
SELECT * FROM finish();
