-- Statements with which one would try to get a value, a key or the presence of a
-- person out of permit "attacked" (k = 11) as its grantee. The schema of the attacker
-- is "mallory". Each stands under a line
--     --# name kind verdict
-- kind     what is tried
-- verdict  refused SQLSTATE PATTERN: the first error of the entry matches the pattern (an SQL LIKE pattern)
--          answered: it may be asked
--          blind:    so, and the answer is the same with that person and without
-- Whatever the verdict: no canary of canary.sql is in what comes back. And where a
-- statement is refused, all that comes back (messages, too) is the same with that person
-- and without. Under a k permit answers are exact, so that others may differ by one person.

--# rows-star rows refused ZE002 rows about persons do not leave permit "attacked", only statistics do
SELECT * FROM person;
--# rows-table rows refused ZE002 rows about persons do not leave permit "attacked", only statistics do
TABLE condition_occurrence;
--# rows-limit-one rows refused ZE002 rows about persons do not leave permit "attacked", only statistics do
SELECT condition_source_value FROM condition_occurrence ORDER BY 1 DESC LIMIT 1;
--# rows-offset rows refused ZE002 rows about persons do not leave permit "attacked", only statistics do
SELECT year_of_birth FROM person OFFSET 1190;
--# rows-whole-row rows refused ZE002 rows about persons do not leave permit "attacked", only statistics do
SELECT p FROM person p;
--# rows-whole-row-text rows refused ZE002 the cast from person to text is not allowed on personal data
SELECT count(*), p::text FROM person p GROUP BY 2;
--# rows-row-to-json rows refused ZE002 rows about persons do not leave permit "attacked", only statistics do
SELECT row_to_json(p) FROM person p;
--# rows-to-jsonb rows refused ZE002 the operator -> is not allowed on personal data
SELECT to_jsonb(p) -> 'year_of_birth', count(*) FROM person p GROUP BY 1;
--# rows-json-agg rows refused ZE002 the aggregate json_agg is not answered under permit "attacked"
SELECT json_agg(p) FROM person p;
--# rows-array-agg rows refused ZE002 the aggregate array_agg is not answered under permit "attacked"
SELECT array_agg(year_of_birth ORDER BY year_of_birth) FROM person;
--# rows-string-agg rows refused ZE002 the aggregate string_agg is not answered under permit "attacked"
SELECT string_agg(condition_source_value, ',') FROM condition_occurrence;
--# rows-xmlagg rows refused ZE002 the aggregate xmlagg is not answered under permit "attacked"
SELECT xmlagg(xmlelement(name x, admitted_from)) FROM visit_occurrence;
--# rows-query-to-xml rows refused ZE002 rows about persons do not leave permit "attacked", only statistics do
SELECT query_to_xml('SELECT * FROM permit_attacked.person', true, false, '');
--# rows-table-to-xml rows refused ZE002 rows about persons do not leave permit "attacked", only statistics do
SELECT table_to_xml('permit_attacked.person', true, false, '');
--# rows-schema-to-xml rows refused ZE002 rows about persons do not leave permit "attacked", only statistics do
SELECT schema_to_xml('permit_attacked', true, false, '');
--# rows-cursor-to-xml rows refused ZE002 rows about persons do not leave permit "attacked", only statistics do
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM person;
SELECT cursor_to_xml('c', 100, true, false, '');
--# rows-lateral-unnest rows refused ZE002 the aggregate array_agg is not answered under permit "attacked"
SELECT x FROM (SELECT array_agg(total_charge) AS a FROM cost) s, unnest(s.a) x;
--# rows-distinct rows refused ZE002 rows about persons do not leave permit "attacked", only statistics do
SELECT DISTINCT person_id FROM person;
--# rows-distinct-on rows refused ZE002 rows about persons do not leave permit "attacked", only statistics do
SELECT DISTINCT ON (year_of_birth) year_of_birth, gender_concept_id FROM person ORDER BY year_of_birth;
--# rows-window rows refused ZE002 rows about persons do not leave permit "attacked", only statistics do
SELECT year_of_birth, count(*) OVER (PARTITION BY year_of_birth) FROM person;
--# rows-first-value rows refused ZE002 rows about persons do not leave permit "attacked", only statistics do
SELECT first_value(year_of_birth) OVER (ORDER BY year_of_birth) FROM person LIMIT 1;
--# rows-cursor rows refused ZE002 rows about persons do not leave permit "attacked", only statistics do
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT * FROM person ORDER BY year_of_birth;
FETCH LAST FROM c;
COMMIT;
--# rows-cursor-hold rows refused ZE002 rows about persons do not leave permit "attacked", only statistics do
DECLARE h CURSOR WITH HOLD FOR SELECT * FROM person;
FETCH ALL FROM h;
--# rows-recursive rows refused ZE002 recursive WITH over personal data is not supported
WITH RECURSIVE r AS (SELECT person_id, year_of_birth FROM person UNION ALL SELECT person_id, year_of_birth FROM r WHERE false) SELECT * FROM r;
--# rows-values-subselect rows refused ZE002 the aggregate max is not answered under permit "attacked"
VALUES ((SELECT max(year_of_birth) FROM person));
--# rows-scalar rows refused ZE002 LIMIT and OFFSET would pick single persons
SELECT (SELECT condition_source_value FROM condition_occurrence ORDER BY 1 DESC LIMIT 1);
--# rows-array-subquery rows refused ZE002 LIMIT and OFFSET would pick single persons
SELECT ARRAY(SELECT total_charge FROM cost ORDER BY 1 DESC LIMIT 3);
--# rows-exists-one rows refused ZE002 a subquery in an expression reads rows of persons
SELECT EXISTS (SELECT 1 FROM person WHERE year_of_birth < 1925);
--# rows-in rows refused ZE002 a subquery in an expression reads rows of persons
SELECT 1917 IN (SELECT year_of_birth FROM person);
--# rows-any rows refused ZE002 a subquery in an expression reads rows of persons
SELECT 1000000 < ANY (SELECT total_charge FROM cost);
--# rows-case-exists rows refused ZE002 a subquery in an expression reads rows of persons
SELECT CASE WHEN EXISTS (SELECT FROM condition_occurrence WHERE condition_source_value LIKE 'Z%') THEN 1 / 0 END;
--# rows-limit-by-data rows blind
SELECT generate_series(1, 5) LIMIT (SELECT count(*) FROM person WHERE year_of_birth < 1925);
--# rows-offset-by-data rows refused ZE002 the aggregate max is not answered under permit "attacked"
SELECT generate_series(1, 5) OFFSET (SELECT max(year_of_birth) - 2000 FROM person);
--# rows-generate-series rows refused ZE002 the aggregate min is not answered under permit "attacked"
SELECT * FROM generate_series(1, (SELECT min(year_of_birth) FROM person));
--# rows-min extremes refused ZE002 the aggregate min is not answered under permit "attacked"
SELECT min(year_of_birth) FROM person;
--# rows-max-date extremes refused ZE002 the aggregate max is not answered under permit "attacked"
SELECT max(condition_start_date) FROM condition_occurrence;
--# rows-bool-or extremes refused ZE002 the aggregate bool_or is not answered under permit "attacked"
SELECT bool_or(year_of_birth < 1925) FROM person;
--# rows-bit-or extremes refused ZE002 the aggregate bit_or is not answered under permit "attacked"
SELECT bit_or(condition_concept_id) FROM condition_occurrence;
--# rows-mode extremes refused ZE002 the aggregate mode is not answered under permit "attacked"
SELECT mode() WITHIN GROUP (ORDER BY condition_source_value DESC) FROM condition_occurrence;
--# rows-percentile-disc extremes refused ZE002 the aggregate percentile_disc is not answered under permit "attacked"
SELECT percentile_disc(1.0) WITHIN GROUP (ORDER BY total_charge) FROM cost;
--# rows-percentile-cont-end extremes blind
SELECT percentile_cont(1.0) WITHIN GROUP (ORDER BY total_charge) AS p, percentile_cont(0.0) WITHIN GROUP (ORDER BY paid_by_patient) AS q FROM cost;
--# rows-rank-hypothetical extremes refused ZE002 the aggregate rank is not answered under permit "attacked"
SELECT rank(1000000) WITHIN GROUP (ORDER BY total_charge) FROM cost;
--# rows-sum-dominated extremes answered
SELECT sum(total_charge), avg(total_charge), stddev(total_charge), var_pop(total_charge) FROM cost WHERE total_charge > 5000;
--# rows-k-max-floor extremes refused 22023 k must be at least 11 under permit "attacked"
SELECT ehds.k_max(person_id, total_charge, 1) FROM cost;
--# rows-corr-dominated extremes answered
SELECT regr_sxx(total_charge, total_charge), regr_avgx(total_charge, total_charge), corr(total_charge, paid_by_patient) FROM cost;

--# system-ctid system refused 42703 column "ctid" does not exist
SELECT ctid, count(*) FROM person GROUP BY 1;
--# system-xmin system refused 42703 column "xmin" does not exist
SELECT xmin, count(*) FROM person GROUP BY 1;
--# system-tableoid system refused 42703 column "tableoid" does not exist
SELECT tableoid::regclass, count(*) FROM person GROUP BY 1;
--# system-tablesample system refused 0A000 TABLESAMPLE clause can only be applied to tables and materialized views
SELECT count(*) FROM person TABLESAMPLE BERNOULLI (1);
--# system-for-update system refused ZE002 under a permit only SELECT reads protected data
SELECT * FROM person FOR UPDATE;
--# system-for-share-aggregate system refused ZE002 under a permit only SELECT reads protected data
SELECT count(*) FROM (SELECT person_id FROM person FOR SHARE) s;
--# system-lock system refused 42501 permission denied for table person
BEGIN;
LOCK TABLE omop.person IN SHARE MODE;
ROLLBACK;
--# base-table base refused 42501 permission denied for table person
SELECT count(*) FROM omop.person;
--# base-only base refused 42501 permission denied for table condition_occurrence
SELECT * FROM ONLY omop.condition_occurrence;
--# base-copy base refused 42501 permission denied for table person
COPY omop.person TO STDOUT;
--# base-beside-view base refused ZE002 table "person" is protected, a query under a permit reads it through the permit's view
SELECT count(*) FROM person p JOIN omop.person q ON q.person_id = p.person_id;
--# base-view-owner base refused 42501 permission denied to set role "ehds_owner"
SET ROLE ehds_owner;
SELECT count(*) FROM omop.person;
--# base-session-authorization base refused 42501 permission denied to set session authorization "c_owner"
SET SESSION AUTHORIZATION c_owner;
SELECT count(*) FROM omop.person;
--# base-own-invoker-view base refused ZE002 rows about persons do not leave permit "attacked", only statistics do
CREATE VIEW mallory.v WITH (security_invoker = true) AS SELECT * FROM permit_attacked.person;
SELECT * FROM mallory.v;
--# base-own-view base refused ZE002 rows about persons do not leave permit "attacked", only statistics do
CREATE VIEW mallory.v2 AS SELECT * FROM permit_attacked.person;
SELECT year_of_birth FROM mallory.v2 ORDER BY 1 LIMIT 1;
--# base-barrier-view base refused ZE002 rows about persons do not leave permit "attacked", only statistics do
CREATE VIEW mallory.v3 WITH (security_barrier) AS SELECT person_id, year_of_birth FROM permit_attacked.person WHERE year_of_birth < 1925;
SELECT count(*) FROM mallory.v3 HAVING count(*) = 1;
SELECT * FROM mallory.v3;
--# base-materialized base refused ZE002 rows about persons do not leave permit "attacked", only statistics do
CREATE MATERIALIZED VIEW mallory.m AS SELECT * FROM permit_attacked.person;
SELECT * FROM mallory.m;
--# base-inherit base refused 42501 must be owner of table person
CREATE TABLE mallory.child () INHERITS (omop.person);
--# base-like-and-copy base refused 42501 permission denied for table person
CREATE TABLE mallory.copy (LIKE omop.person);
COPY mallory.copy FROM PROGRAM 'echo';
--# base-foreign base refused 42501 permission denied to create extension "postgres_fdw"
CREATE EXTENSION postgres_fdw;

--# write-insert write refused ZE002 under a permit only SELECT reads protected data
CREATE TABLE mallory.t (id bigint, y integer);
INSERT INTO mallory.t SELECT person_id, year_of_birth FROM person;
--# write-insert-returning write refused ZE002 under a permit only SELECT reads protected data
CREATE TABLE mallory.t2 (y integer);
INSERT INTO mallory.t2 SELECT year_of_birth FROM person RETURNING y;
--# write-update-from write refused ZE002 under a permit only SELECT reads protected data
CREATE TABLE mallory.t3 AS SELECT 0 AS y;
UPDATE mallory.t3 SET y = p.year_of_birth FROM person p WHERE p.year_of_birth < 1925 RETURNING *;
--# write-delete-using write refused ZE002 under a permit only SELECT reads protected data
CREATE TABLE mallory.t4 AS SELECT generate_series(1900, 2010) AS y;
DELETE FROM mallory.t4 USING person p WHERE p.year_of_birth = y RETURNING y;
--# write-delete-where-exists write refused ZE002 under a permit only SELECT reads protected data
CREATE TABLE mallory.t5 AS SELECT generate_series(1900, 2010) AS y;
DELETE FROM mallory.t5 WHERE EXISTS (SELECT FROM person p WHERE p.year_of_birth = y);
SELECT * FROM mallory.t5;
--# write-merge write refused ZE002 under a permit only SELECT reads protected data
CREATE TABLE mallory.t6 AS SELECT generate_series(1900, 2010) AS y, false AS hit;
MERGE INTO mallory.t6 USING person p ON p.year_of_birth = y WHEN MATCHED THEN UPDATE SET hit = true;
--# write-cte write refused ZE002 under a permit only SELECT reads protected data
CREATE TABLE mallory.t7 (y integer);
WITH w AS (INSERT INTO mallory.t7 SELECT year_of_birth FROM person RETURNING y) SELECT count(*) FROM w;
--# write-on-conflict write refused ZE002 under a permit only SELECT reads protected data
CREATE TABLE mallory.t8 (y integer PRIMARY KEY, n integer);
INSERT INTO mallory.t8 SELECT year_of_birth, 1 FROM person ON CONFLICT (y) DO UPDATE SET n = mallory.t8.n + 1;
--# write-into-view write refused 42501 permission denied for view person
UPDATE person SET year_of_birth = 1900 WHERE year_of_birth < 1925 RETURNING *;
--# write-delete-view write refused 42501 permission denied for view person
DELETE FROM person RETURNING *;
--# write-copy-rows write refused ZE002 rows about persons do not leave permit "attacked", only statistics do
COPY (SELECT * FROM person) TO STDOUT;
--# write-copy-program write refused 42501 %
COPY (SELECT count(*) FROM person) TO PROGRAM 'cat';
--# write-copy-file write refused 42501 %
COPY (SELECT count(*) FROM person) TO '/tmp/mallory';
--# write-lo-export write refused 42501 permission denied for function lo_export
SELECT lo_export(lo_from_bytea(0, 'x'), '/tmp/mallory');
--# write-lo-from-data write refused ZE002 the function lo_from_bytea is not allowed on personal data
SELECT count(*) FROM person WHERE lo_from_bytea(0, year_of_birth::text::bytea) > 0;
--# write-rule write refused % %
CREATE TABLE mallory.r (y integer);
CREATE RULE "_RETURN" AS ON SELECT TO mallory.r DO INSTEAD SELECT year_of_birth AS y FROM permit_attacked.person;
SELECT * FROM mallory.r;
--# write-rule-insert write refused ZE002 under a permit only SELECT reads protected data
CREATE TABLE mallory.r2 (y integer);
CREATE TABLE mallory.r3 (y integer);
CREATE RULE spy AS ON INSERT TO mallory.r2 DO ALSO INSERT INTO mallory.r3 SELECT year_of_birth FROM permit_attacked.person;
INSERT INTO mallory.r2 VALUES (1);
--# write-trigger write answered
CREATE TABLE mallory.g (y integer, n bigint);
CREATE FUNCTION mallory.show() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'row %', NEW; RETURN NEW; END $$;
CREATE TRIGGER spy BEFORE INSERT ON mallory.g FOR EACH ROW EXECUTE FUNCTION mallory.show();
CREATE TABLE mallory.g2 AS SELECT year_of_birth AS y, count(*) AS n FROM person GROUP BY 1;
INSERT INTO mallory.g SELECT * FROM mallory.g2;
--# write-event-trigger write refused 42501 permission denied to create event trigger "spy"
CREATE FUNCTION mallory.et() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'x'; END $$;
CREATE EVENT TRIGGER spy ON ddl_command_end EXECUTE FUNCTION mallory.et();
--# write-policy write refused 42501 must be owner of table person
CREATE POLICY spy ON omop.person USING (true);
--# write-grant write refused 42501 permission denied for table person
GRANT SELECT ON omop.person TO c_mallory;
--# write-alter-view write refused 42501 must be owner of view person
ALTER VIEW permit_attacked.person SET (security_barrier = false);
--# write-replace-view write refused 42501 permission denied for schema permit_attacked
CREATE OR REPLACE VIEW permit_attacked.person AS SELECT * FROM omop.person;

--# function-where function refused ZE002 the function say is not allowed on personal data
CREATE FUNCTION mallory.say(int) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
SELECT count(*) FROM person WHERE mallory.say(year_of_birth);
--# function-immutable-where function refused ZE002 the function say2 is not allowed on personal data
CREATE FUNCTION mallory.say2(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
SELECT count(*) FROM person WHERE mallory.say2(year_of_birth);
--# function-group-by function refused ZE002 the function same is not allowed on personal data
CREATE FUNCTION mallory.same(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN $1; END $$;
SELECT mallory.same(year_of_birth), count(*) FROM person GROUP BY 1;
--# function-on function refused ZE002 the subject column is only for joins between the permit's tables and for protected aggregates
CREATE FUNCTION mallory.same2(bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN $1; END $$;
SELECT count(*) FROM person p JOIN cost c ON p.person_id = mallory.same2(c.person_id);
--# function-aggregate-argument function refused ZE002 under a statistics permit sum takes plain columns only
CREATE FUNCTION mallory.same3(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN $1; END $$;
SELECT sum(mallory.same3(year_of_birth)) FROM person;
--# function-filter function refused ZE002 the function say3 is not allowed on personal data
CREATE FUNCTION mallory.say3(int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
SELECT count(*) FILTER (WHERE mallory.say3(year_of_birth)) FROM person;
--# function-order-by-aggregate function refused ZE002 under a statistics permit percentile_cont takes plain columns only
CREATE FUNCTION mallory.same4(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN $1; END $$;
SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY mallory.same4(year_of_birth)) FROM person;
--# function-inlined function refused ZE004 the views of permit "attacked" were reached in a way that the gate of pg_ehds did not check
CREATE FUNCTION mallory.rows() RETURNS SETOF permit_attacked.person LANGUAGE sql STABLE AS 'SELECT * FROM permit_attacked.person';
SELECT * FROM mallory.rows();
--# function-atomic function refused ZE004 the views of permit "attacked" were reached in a way that the gate of pg_ehds did not check
CREATE FUNCTION mallory.atomic() RETURNS SETOF int LANGUAGE sql STABLE BEGIN ATOMIC SELECT year_of_birth FROM permit_attacked.person; END;
SELECT * FROM mallory.atomic();
--# function-plpgsql-loop function refused ZE002 rows about persons do not leave permit "attacked", only statistics do
DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM permit_attacked.person LOOP RAISE NOTICE '%', r; END LOOP; END $$;
--# function-return-query function refused ZE002 rows about persons do not leave permit "attacked", only statistics do
CREATE FUNCTION mallory.q() RETURNS TABLE (y int) LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'SELECT year_of_birth FROM permit_attacked.person'; END $$;
SELECT * FROM mallory.q();
--# function-immutable-lookup function blind
CREATE FUNCTION mallory.n(y int) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT count(*) FROM permit_attacked.person WHERE year_of_birth = y HAVING count(*) < 11';
SELECT y, mallory.n(y) FROM generate_series(1900, 1930) y WHERE mallory.n(y) IS NOT NULL;
--# function-security-definer function refused ZE002 rows about persons do not leave permit "attacked", only statistics do
CREATE FUNCTION mallory.sd() RETURNS SETOF int LANGUAGE sql SECURITY DEFINER AS 'SELECT year_of_birth FROM permit_attacked.person';
SELECT * FROM mallory.sd();
--# function-aggregate function refused ZE002 the aggregate all_of is not answered under permit "attacked"
CREATE AGGREGATE mallory.all_of(text) (SFUNC = textcat, STYPE = text, INITCOND = '');
SELECT mallory.all_of(condition_source_value) FROM condition_occurrence;
--# function-window-aggregate function refused ZE002 rows about persons do not leave permit "attacked", only statistics do
CREATE AGGREGATE mallory.all_of2(text) (SFUNC = textcat, STYPE = text, INITCOND = '');
SELECT mallory.all_of2(condition_source_value) OVER () FROM condition_occurrence;
--# function-operator function refused ZE002 the operator = is not allowed on personal data
CREATE FUNCTION mallory.eq(int, int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN $1 = $2; END $$;
CREATE OPERATOR mallory.= (LEFTARG = int, RIGHTARG = int, FUNCTION = mallory.eq);
SET search_path = mallory, permit_attacked, omop, pg_catalog;
SELECT count(*) FROM person WHERE year_of_birth = 1917;
RESET search_path;
--# function-cast function refused ZE002 this expression is not allowed on personal data
CREATE TYPE mallory.y AS (y int);
CREATE FUNCTION mallory.to_y(int) RETURNS mallory.y LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN ROW($1)::mallory.y; END $$;
CREATE CAST (int AS mallory.y) WITH FUNCTION mallory.to_y(int);
SELECT count(*) FROM person WHERE (year_of_birth::mallory.y).y > 0;
--# function-domain function refused ZE002 this expression is not allowed on personal data
CREATE FUNCTION mallory.check_y(int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
CREATE DOMAIN mallory.d AS int CHECK (mallory.check_y(VALUE));
SELECT year_of_birth::mallory.d, count(*) FROM person GROUP BY 1;
--# function-domain-array function refused ZE002 this expression is not allowed on personal data
CREATE DOMAIN mallory.d2 AS int[] CHECK (VALUE[1] > 1950);
SELECT count(*) FROM person WHERE ARRAY[year_of_birth]::mallory.d2 IS NOT NULL;
--# function-enum-cast function refused ZE002 the operator = is not allowed on personal data
CREATE TYPE mallory.e AS ENUM ('home', 'transfer');
SELECT count(*) FROM visit_occurrence WHERE admitted_from::mallory.e = 'home';
--# function-collation function refused ZE002 values of type text cannot be group keys under a permit
CREATE COLLATION mallory.nd (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
SELECT admitted_from COLLATE mallory.nd, count(*) FROM visit_occurrence GROUP BY 1;
--# function-index-on-view function refused 42501 must be owner of view person
CREATE INDEX ON permit_attacked.person (year_of_birth);
--# function-statistics function refused 42501 must be owner of table person
CREATE STATISTICS mallory.s ON year_of_birth, gender_concept_id FROM omop.person;
--# function-set-returning function refused ZE002 set-returning functions over rows of persons are not supported
SELECT count(*) FROM (SELECT person_id, generate_series(1, year_of_birth) FROM person) s;
--# function-lateral function refused ZE002 LATERAL beside personal data is for subqueries only under a statistics permit
CREATE FUNCTION mallory.echo(int) RETURNS SETOF int LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN NEXT $1; END $$;
SELECT count(*) FROM person p, LATERAL mallory.echo(p.year_of_birth) e;
--# function-rows-from function refused ZE002 LATERAL beside personal data is for subqueries only under a statistics permit
SELECT count(*) FROM person p, ROWS FROM (generate_series(1, p.year_of_birth)) r;
--# function-xmltable function refused ZE002 LATERAL beside personal data is for subqueries only under a statistics permit
SELECT count(*) FROM visit_occurrence v, XMLTABLE('/a' PASSING xmlelement(name a, v.admitted_from) COLUMNS x text);
--# function-dblink function refused 42501 permission denied to create extension "dblink"
CREATE EXTENSION dblink;
--# function-untrusted function refused 42501 permission denied for language c
CREATE FUNCTION mallory.c() RETURNS int LANGUAGE c AS 'pg_ehds', 'ehds_k_count_final';
--# function-internal function refused 42501 permission denied for language internal
CREATE FUNCTION mallory.i(internal) RETURNS int LANGUAGE internal AS 'int4in';
--# function-above-remembers function answered
CREATE TABLE mallory.seen (y int, n bigint);
CREATE FUNCTION mallory.remember(int, bigint) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN INSERT INTO mallory.seen VALUES ($1, $2); RETURN true; END $$;
SELECT count(*) FROM (SELECT year_of_birth AS y, count(*) AS n FROM person GROUP BY 1) s WHERE mallory.remember(y, n);
SELECT * FROM mallory.seen WHERE n < 11 OR y < 1925;

--# error-division error blind
SELECT count(*) FROM person WHERE CASE WHEN year_of_birth < 1925 THEN 1 / (year_of_birth - year_of_birth) ELSE 1 END > 0;
--# error-cast-text error blind
SELECT count(*) FROM condition_occurrence WHERE condition_source_value::int > 0;
--# error-cast-date error answered
SELECT count(*) FROM visit_occurrence WHERE admitted_from::date IS NULL;
--# error-cast-json error refused ZE002 the cast from text to jsonb is not allowed on personal data
SELECT count(*) FROM visit_occurrence WHERE admitted_from::jsonb IS NULL;
--# error-cast-inet error refused ZE002 the cast from text to inet is not allowed on personal data
SELECT count(*) FROM visit_occurrence WHERE admitted_from::inet IS NULL;
--# error-cast-regclass error refused ZE002 the function regclass is not allowed on personal data
SELECT count(*) FROM visit_occurrence WHERE admitted_from::regclass IS NULL;
--# error-smallint error blind
SELECT count(*) FROM condition_occurrence WHERE condition_concept_id::smallint = 0;
--# error-numeric-typmod error blind
SELECT count(*) FROM cost WHERE total_charge::numeric(5, 2) > 0;
--# error-varchar-typmod error blind
SELECT count(*) FROM visit_occurrence WHERE admitted_from::varchar(2) = 'ho';
--# error-regex error refused ZE002 the operator ~ is not allowed on personal data: the pattern must be a literal
SELECT count(*) FROM visit_occurrence WHERE 'x' ~ admitted_from;
--# error-like-escape error blind
SELECT count(*) FROM visit_occurrence WHERE 'x' LIKE admitted_from || '\';
--# error-similar error refused ZE002 the operator ~ is not allowed on personal data: the pattern must be a literal
SELECT count(*) FROM visit_occurrence WHERE 'x' SIMILAR TO admitted_from;
--# error-sqrt error blind
SELECT count(*) FROM person WHERE sqrt(year_of_birth - 1930) > 1;
--# error-ln error answered
SELECT count(*) FROM cost WHERE ln(total_charge - 40) > 1;
--# error-power error refused ZE002 the function power is not allowed on personal data: the exponent must be a whole number from -10 to 10, as a literal
SELECT count(*) FROM cost WHERE power(total_charge, 300) > 1;
--# error-exp error refused ZE002 the function exp is not allowed on personal data
SELECT count(*) FROM cost WHERE exp(total_charge) > 1;
--# error-factorial error refused ZE002 the function factorial is not allowed on personal data
SELECT count(*) FROM person WHERE factorial(year_of_birth - 1930) > 1;
--# error-repeat error refused ZE002 the function repeat is not allowed on personal data
SELECT count(*) FROM person WHERE repeat('x', year_of_birth * 1000000) = '';
--# error-chr error refused ZE002 the function chr is not allowed on personal data
SELECT count(*) FROM person WHERE chr(year_of_birth - 1930) = 'a';
--# error-make-date error answered
SELECT count(*) FROM person WHERE make_date(year_of_birth, month_of_birth, year_of_birth) IS NULL;
--# error-to-timestamp error refused ZE002 the function to_timestamp is not allowed on personal data
SELECT count(*) FROM visit_occurrence WHERE to_timestamp(admitted_from, 'YYYY') IS NULL;
--# error-subscript error refused ZE002 this expression is not allowed on personal data
SELECT count(*) FROM person WHERE (string_to_array('a,b', ','))[year_of_birth] = 'a';
--# error-array-dims error refused ZE002 arrays of arrays are not allowed on personal data
SELECT count(*) FROM person WHERE ARRAY[ARRAY[1], CASE WHEN year_of_birth < 1925 THEN ARRAY[1, 2] ELSE ARRAY[1] END] IS NULL;
--# error-setseed error refused ZE002 the function setseed is not allowed on personal data
SELECT count(*) FROM person WHERE setseed(year_of_birth) IS NULL;
--# error-raise-by-case error refused ZE002 the function current_setting is not allowed on personal data
SELECT count(*) FROM person WHERE CASE WHEN year_of_birth < 1925 THEN current_setting('no.such') = '' ELSE true END;
--# error-having error blind
SELECT year_of_birth, 1 / (count(*) - 1) FROM person WHERE year_of_birth < 1925 GROUP BY 1;
--# error-encoding error refused ZE002 the function convert_from is not allowed on personal data
SELECT count(*) FROM visit_occurrence WHERE convert_from(admitted_from::bytea, 'UTF8') = '';
--# error-interval error refused ZE002 the cast from text to interval is not allowed on personal data
SELECT count(*) FROM visit_occurrence WHERE visit_start_date + admitted_from::interval > now();
--# error-scalar-rows error refused ZE002 a subquery in an expression reads rows of persons
SELECT count(*) FROM concept WHERE concept_id = (SELECT condition_concept_id FROM condition_occurrence WHERE condition_source_value LIKE 'Z%');
--# error-work-mem error blind
SET work_mem = '64kB';
SELECT count(*) FROM (SELECT condition_source_value, count(*) FROM condition_occurrence GROUP BY 1) s;
RESET work_mem;
--# error-timeout error answered
SET statement_timeout = '30s';
SELECT count(*) FROM person;
RESET statement_timeout;

--# channel-notify channel refused ZE002 the function pg_notify is not allowed on personal data
LISTEN spy;
SELECT count(*) FROM condition_occurrence WHERE pg_notify('spy', condition_source_value) IS NULL;
--# channel-advisory-lock channel refused ZE002 the function pg_try_advisory_lock is not allowed on personal data
SELECT count(*) FROM person WHERE pg_try_advisory_lock(year_of_birth);
--# channel-set-config channel refused ZE002 the function set_config is not allowed on personal data
SELECT count(*) FROM condition_occurrence WHERE set_config('my.value', condition_source_value, false) = '';
--# channel-nextval channel refused ZE002 the function nextval is not allowed on personal data
CREATE SEQUENCE mallory.s1;
SELECT count(*) FROM person WHERE CASE WHEN year_of_birth < 1925 THEN nextval('mallory.s1') > 0 ELSE true END;
--# channel-setval channel refused ZE002 the function setval is not allowed on personal data
CREATE SEQUENCE mallory.s2;
SELECT count(*) FROM person WHERE setval('mallory.s2', year_of_birth) > 0;
--# channel-sleep channel refused ZE002 the function pg_sleep is not allowed on personal data
SELECT count(*) FROM person WHERE CASE WHEN year_of_birth < 1925 THEN pg_sleep(3) IS NULL ELSE true END;
--# channel-random channel refused ZE002 the function random is not allowed on personal data
SELECT count(*) FROM person WHERE random() < 0.01;
--# channel-clock channel refused ZE002 the function clock_timestamp is not allowed on personal data
SELECT count(*) FROM person WHERE clock_timestamp() IS NULL OR year_of_birth < 1925;
--# channel-lo-create channel refused ZE002 the function lo_create is not allowed on personal data
SELECT count(*) FROM person WHERE lo_create(year_of_birth::oid) > 0;
--# channel-cancel channel refused ZE002 the function pg_cancel_backend is not allowed on personal data
SELECT count(*) FROM person WHERE pg_cancel_backend(year_of_birth);
--# channel-read-file channel refused 42501 permission denied for function pg_read_file
SELECT pg_read_file('base/1/1259');
--# channel-ls-dir channel refused 42501 permission denied for function pg_ls_dir
SELECT pg_ls_dir('base');
--# channel-logical channel refused 42501 %
SELECT pg_create_logical_replication_slot('spy', 'pgoutput');
--# channel-publication channel refused 42501 permission denied for database postgres
CREATE PUBLICATION spy FOR TABLE omop.person;
--# channel-subscription channel refused 42501 %
CREATE SUBSCRIPTION spy CONNECTION 'dbname=postgres' PUBLICATION x;
--# channel-notice-of-view channel answered
SET client_min_messages = debug5;
SELECT count(*) FROM person;
RESET client_min_messages;
--# channel-debug-plan channel refused ZE002 a query under a permit is not run while debug_print_plan is on
SET debug_print_plan = on;
SELECT count(*) FROM person;
RESET debug_print_plan;
--# channel-trace-sort channel refused ZE002 a query under a permit is not run while trace_sort is on
SET trace_sort = on;
SELECT count(*) FROM person;
RESET trace_sort;
--# channel-serializable channel refused ZE002 a query under a permit is not run in a SERIALIZABLE transaction
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) FROM person;
SELECT count(*) FROM pg_locks WHERE mode = 'SIReadLock';
ROLLBACK;
--# channel-own-stats channel blind
SELECT count(*) FROM person WHERE year_of_birth < 1925;
SELECT coalesce(sum(n), 0) AS reads FROM (SELECT 0 AS n) z;
--# channel-jit channel blind
SET jit_above_cost = 0;
SET client_min_messages = debug1;
SELECT count(*) FROM person WHERE year_of_birth < 1925;
RESET client_min_messages;
RESET jit_above_cost;
--# channel-parallel channel blind
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT gender_concept_id, count(*) FROM person WHERE year_of_birth < 1925 GROUP BY 1;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

--# settings-row-security settings refused 42501 permission denied for table person
SET row_security = off;
SELECT count(*) FROM omop.person;
--# settings-replication-role settings refused 42501 permission denied to set parameter "session_replication_role"
SET session_replication_role = replica;
--# settings-k-floor settings refused 42501 permission denied to set parameter "ehds.k_floor"
SET ehds.k_floor = 2;
--# settings-show-zero settings refused 42501 permission denied to set parameter "ehds.show_zero"
SET ehds.show_zero = on;
--# settings-suppressed-floor settings refused 42501 permission denied to set parameter "ehds.suppressed_floor"
SET ehds.suppressed_floor = 'negative';
--# settings-dominance settings answered
SET ehds.dominance_share = 100;
SELECT sum(total_charge) FROM cost WHERE total_charge > 5000;
RESET ehds.dominance_share;
--# settings-key-file settings refused 55P02 parameter "ehds.key_file" cannot be changed now
SET ehds.key_file = '/tmp/key';
--# settings-permit settings refused ZE001 permit "attacked" is not the one that the session has set ("corpus")
SET ehds.permit = 'corpus';
SELECT count(*) FROM permit_attacked.person;
RESET ehds.permit;
--# settings-preload settings refused 55P02 parameter "shared_preload_libraries" cannot be changed without restarting the server
SET shared_preload_libraries = '';
--# settings-load settings refused 42501 access to library "pageinspect" is not allowed
LOAD 'pageinspect';
--# settings-local-preload settings blind
SET local_preload_libraries = 'auto_explain';
--# settings-by-name-search-path settings blind
CREATE TABLE mallory.person (person_id bigint, year_of_birth int);
SET search_path = mallory, permit_attacked, omop;
SELECT count(*) FROM person;
RESET search_path;
DROP TABLE mallory.person;
--# settings-temp-shadow settings blind
CREATE TEMP TABLE cost (person_id bigint, total_charge numeric);
SELECT * FROM cost;
DROP TABLE pg_temp.cost;
--# settings-temp-function settings blind
CREATE FUNCTION pg_temp.lower(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN $1; END $$;
SELECT lower(condition_source_value), count(*) FROM condition_occurrence GROUP BY 1 HAVING count(*) < 5;
--# settings-shadow-function settings refused ZE002 the function lower is not allowed on personal data
CREATE FUNCTION mallory.lower(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN $1; END $$;
CREATE FUNCTION mallory.lower(varchar) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN $1; END $$;
SET search_path = mallory, permit_attacked, omop, pg_catalog;
SELECT lower(condition_source_value), count(*) FROM condition_occurrence GROUP BY 1;
RESET search_path;
--# settings-two-permits settings refused 42501 permission denied for schema permit_corpus
SELECT count(*) FROM permit_attacked.person p JOIN permit_corpus.person q USING (person_id);
--# settings-other-permit settings refused 42501 permission denied for schema permit_corpus
SELECT count(*) FROM permit_corpus.person;

--# small-codes small answered
SELECT condition_source_value, count(*) FROM condition_occurrence GROUP BY 1;
--# small-codes-keys-only small blind
SELECT condition_source_value FROM condition_occurrence GROUP BY 1;
--# small-distinct-codes small blind
SELECT DISTINCT condition_source_value FROM condition_occurrence;
--# small-having-one small answered
SELECT year_of_birth, count(*) FROM person GROUP BY 1 HAVING count(*) < 11;
--# small-union small blind
SELECT year_of_birth FROM person WHERE year_of_birth < 1925 GROUP BY 1 UNION ALL SELECT 0 WHERE false;
--# small-except small blind
SELECT y FROM generate_series(1900, 2010) y EXCEPT SELECT year_of_birth FROM person WHERE year_of_birth < 1925 GROUP BY 1 ORDER BY 1;
--# small-left-join small answered
SELECT y, n FROM generate_series(1905, 1925) y LEFT JOIN (SELECT year_of_birth, count(*) AS n FROM person GROUP BY 1) s ON s.year_of_birth = y ORDER BY 1;
--# small-filter small answered
SELECT count(*) AS all_rows, count(*) FILTER (WHERE year_of_birth >= 1925) AS but_one FROM person;
--# small-filter-case small answered
SELECT count(*), sum(CASE WHEN year_of_birth >= 1925 THEN 1 ELSE 0 END), avg((year_of_birth >= 1925)::int) FROM person;
--# small-filter-sums small answered
SELECT sum(month_of_birth), sum(month_of_birth) FILTER (WHERE year_of_birth >= 1925) FROM person;
--# small-count-column small answered
SELECT count(*), count(admitted_from) FROM visit_occurrence WHERE admitted_from IS NULL OR admitted_from LIKE 'c%';
--# small-rollup small answered
SELECT year_of_birth < 1925 AS old, count(*) FROM person GROUP BY ROLLUP (1);
--# small-cube small answered
SELECT gender_concept_id, year_of_birth < 1925 AS old, count(DISTINCT person_id) FROM person GROUP BY CUBE (1, 2);
--# small-rows-less-persons small refused ZE002 this expression is not allowed on personal data
SELECT count(*) - count(DISTINCT c.person_id) FROM person p JOIN condition_occurrence c USING (person_id) WHERE c.condition_source_value IN ('I10', 'ZZZ') OR c.condition_source_value > 'Z';
--# small-k-one small refused 22023 k must be at least 11 under permit "attacked"
SELECT ehds.k_count(person_id, 1) FROM person WHERE year_of_birth < 1925;
--# small-k-null small refused ZE002 k must be a constant in a query under a permit
SELECT ehds.k_count(person_id, NULL) FROM person WHERE year_of_birth < 1925;
--# small-k-size small refused ZE002 the aggregate k_size is not answered under permit "attacked"
SELECT ehds.k_size(person_id, 11) FROM person WHERE year_of_birth < 1925;
--# small-k-cell small refused ZE002 the aggregate k_cell is not answered under permit "attacked"
SELECT ehds.k_cell(person_id, 11) FROM person WHERE year_of_birth < 1925;
--# small-k-subjects small refused ZE002 the aggregate k_subjects is not answered under permit "attacked"
SELECT ehds.k_subjects(person_id, 11)::text FROM person WHERE year_of_birth < 1925;
--# small-k-filters small refused ZE002 the aggregate k_filters is not answered under permit "attacked"
SELECT ehds.k_filters(person_id, 1, 11) FROM person WHERE year_of_birth < 1925;
--# small-dp small refused ZE002 the aggregate dp_count is not answered under permit "attacked"
SELECT ehds.dp_count(person_id) FROM person;
--# small-subject-equality small refused ZE002 the subject column is only for joins between the permit's tables and for protected aggregates
SELECT count(*) FROM cost WHERE person_id = 4242424242;
--# small-subject-range small refused ZE002 the subject column is only for joins between the permit's tables and for protected aggregates
SELECT count(*) FROM cost WHERE person_id > 1200;
--# small-subject-list small refused ZE002 the subject column is only for joins between the permit's tables and for protected aggregates
SELECT sum(total_charge) FROM cost WHERE person_id IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 4242424242);
--# small-subject-own-table small refused ZE002 the subject column is only for joins between the permit's tables and for protected aggregates
CREATE TABLE mallory.ids AS SELECT generate_series(1, 11)::bigint AS id;
SELECT count(*) FROM cost JOIN mallory.ids ON id = person_id;
--# small-subject-own-table-in small refused ZE002 the subject column is only for joins between the permit's tables and for protected aggregates
CREATE TABLE mallory.ids2 AS SELECT generate_series(1, 11)::bigint AS id;
SELECT count(*) FROM cost WHERE person_id IN (SELECT id FROM mallory.ids2);
--# small-subject-values small refused ZE002 the subject column is only for joins between the permit's tables and for protected aggregates
SELECT count(*) FROM cost JOIN (VALUES (4242424242)) v(id) ON v.id = person_id;
--# small-subject-case small refused ZE002 the subject column is only for joins between the permit's tables and for protected aggregates
SELECT CASE WHEN person_id = 4242424242 THEN 1 ELSE 0 END, count(*) FROM cost GROUP BY 1;
--# small-subject-modulo small refused ZE002 the subject column is only for joins between the permit's tables and for protected aggregates
SELECT person_id % 2, count(*) FROM person GROUP BY 1;
--# small-subject-sum small refused ZE002 the subject column is only for joins between the permit's tables and for protected aggregates
SELECT sum(person_id) FROM person;
--# small-subject-text small refused ZE002 the subject column is only for joins between the permit's tables and for protected aggregates
SELECT left(person_id::text, 1), count(*) FROM person GROUP BY 1;
--# small-subject-is-null small blind
SELECT count(*) FROM cost WHERE person_id IS NULL;
--# small-row-key small blind
SELECT visit_occurrence_id, count(*) FROM visit_occurrence GROUP BY 1;
--# small-cross-join small refused ZE002 two tables of the permit are joined, but not on the subject
SELECT p.year_of_birth, q.year_of_birth, count(*) FROM person p, person q GROUP BY 1, 2;
--# small-join-other-key small refused ZE002 two tables of the permit are joined, but not on the subject
SELECT count(DISTINCT p.person_id) FROM person p JOIN visit_occurrence v ON v.care_site_id = p.location_id;
--# small-correlated-other-person small refused ZE002 a subquery reads rows of other persons than the query around it
SELECT count(*) FROM person p WHERE EXISTS (SELECT 1 FROM person q WHERE q.year_of_birth < 1925);
--# small-correlated-not-equal small refused ZE002 the subject column of a query around is only for equality with the subject column of a table of the permit
SELECT count(*) FROM person p WHERE EXISTS (SELECT 1 FROM person q WHERE q.person_id <> p.person_id AND q.year_of_birth < 1925);
--# small-uncorrelated-average small refused ZE002 the aggregate max is not answered under permit "attacked"
SELECT count(*) FROM cost WHERE total_charge > (SELECT 0.5 * max(total_charge) FROM cost);
--# small-not-in-other small refused ZE002 a subquery reads rows of other persons than the query around it
SELECT count(*) FROM person WHERE year_of_birth NOT IN (SELECT year_of_birth FROM person WHERE year_of_birth < 1925);
--# small-limit-subquery small refused ZE002 LIMIT and OFFSET would pick single persons
SELECT count(*) FROM (SELECT person_id FROM person ORDER BY year_of_birth LIMIT 11) s;
--# small-window-below small refused ZE002 a window function over rows of persons compares persons
SELECT count(*) FROM (SELECT person_id, row_number() OVER (ORDER BY year_of_birth) AS r FROM person) s WHERE r <= 11;
--# small-rank-below small refused ZE002 a window function over rows of persons compares persons
SELECT r, count(*) FROM (SELECT person_id, rank() OVER (ORDER BY year_of_birth) AS r FROM person) s GROUP BY 1;
--# small-partition-other small refused ZE002 a window function over rows of persons compares persons
SELECT n, count(*) FROM (SELECT person_id, count(*) OVER (PARTITION BY year_of_birth) AS n FROM person) s GROUP BY 1;
--# small-group-by-other-then-subject small refused ZE002 a public subquery that is joined to personal data must be a plain selection
SELECT n, count(*) FROM person p JOIN (SELECT year_of_birth AS y, count(*) AS n FROM person GROUP BY 1) s ON s.y = p.year_of_birth GROUP BY n;
--# small-union-public small refused ZE002 UNION of rows of persons and public rows is not allowed
SELECT count(*) FROM (SELECT person_id FROM person WHERE year_of_birth < 1925 UNION ALL SELECT generate_series(1, 10)) s;
--# small-union-persons small refused ZE002 UNION of rows of persons and public rows is not allowed
SELECT count(DISTINCT person_id) FROM (SELECT person_id FROM person WHERE year_of_birth < 1925 UNION SELECT concept_id::bigint FROM concept) s;
--# small-except-public small refused ZE002 the subject column is not compared with public data
SELECT count(*) FROM (SELECT person_id FROM person EXCEPT SELECT generate_series(1, 1190)::bigint) s;
--# small-public-weight small refused ZE002 rows are not counted or summed after a join that may repeat them
CREATE TABLE mallory.w AS SELECT y, CASE WHEN y < 1925 THEN 1000000 ELSE 1 END AS w FROM generate_series(1900, 2010) y;
SELECT sum(w.w) FROM person JOIN mallory.w ON w.y = year_of_birth;
--# small-public-repeat small refused ZE002 rows are not counted or summed after a join that may repeat them
CREATE TABLE mallory.rep AS SELECT y FROM generate_series(1900, 2010) y, generate_series(1, CASE WHEN y < 1925 THEN 100 ELSE 1 END);
SELECT count(*) FROM person JOIN mallory.rep ON y = year_of_birth;
--# small-public-left-join small blind
CREATE TABLE mallory.years (y int PRIMARY KEY);
INSERT INTO mallory.years SELECT generate_series(1900, 2010);
SELECT y, count(person_id) FROM mallory.years LEFT JOIN person ON year_of_birth = y WHERE y < 1926 GROUP BY y ORDER BY y;
--# small-public-semi-join small refused ZE002 a subquery in an expression reads rows of persons
SELECT count(*) FROM concept c WHERE EXISTS (SELECT FROM condition_occurrence o WHERE o.condition_concept_id = c.concept_id);
--# small-public-anti-join small refused ZE002 a subquery in an expression reads rows of persons
SELECT concept_id FROM concept c WHERE NOT EXISTS (SELECT FROM condition_occurrence o WHERE o.condition_concept_id = c.concept_id);
--# small-two-statements-notice small blind
SELECT count(*) FROM condition_occurrence WHERE condition_source_value LIKE 'Z%';
SELECT count(*) FROM condition_occurrence WHERE condition_source_value LIKE 'Y%';
--# small-group-by-expression small blind
SELECT CASE WHEN year_of_birth < 1925 THEN 'old' ELSE 'young' END, count(*) FROM person GROUP BY 1;
--# small-numeric-scale small answered
SELECT total_charge, count(DISTINCT person_id) FROM cost GROUP BY 1 ORDER BY 2 DESC LIMIT 20;
--# small-per-subject-figure small blind
SELECT n, count(*) FROM (SELECT person_id, max(total_charge) AS n FROM cost GROUP BY person_id) s WHERE n > 10000 GROUP BY n;
--# small-per-subject-average small answered
SELECT avg(n), sum(n) FROM (SELECT person_id, max(total_charge) AS n FROM cost GROUP BY person_id) s WHERE n > 5000;
--# small-per-subject-string small refused ZE002 the aggregate string_agg is not allowed within a person
SELECT codes, count(*) FROM (SELECT person_id, string_agg(DISTINCT condition_source_value, ',' ORDER BY condition_source_value) AS codes FROM condition_occurrence WHERE condition_source_value LIKE 'Z%' GROUP BY person_id) s GROUP BY codes;

--# sealed-read sealed refused ZE002 rows about persons do not leave permit "attacked", only statistics do
CREATE TABLE mallory.cohort AS SELECT person_id, year_of_birth FROM person WHERE year_of_birth < 1925;
SELECT * FROM mallory.cohort;
--# sealed-count sealed blind
CREATE TABLE mallory.cohort2 AS SELECT person_id, year_of_birth FROM person WHERE year_of_birth < 1925;
SELECT count(*) FROM mallory.cohort2;
--# sealed-copy sealed refused 42809 cannot copy from view "cohort3"
CREATE TABLE mallory.cohort3 AS SELECT person_id FROM person WHERE year_of_birth < 1925;
COPY mallory.cohort3 TO STDOUT;
--# sealed-delete-returning sealed refused ZE002 %sealed table "cohort4" takes %
CREATE TABLE mallory.cohort4 AS SELECT person_id FROM person WHERE year_of_birth < 1925;
DELETE FROM mallory.cohort4 RETURNING *;
--# sealed-update-returning sealed refused ZE002 sealed table "cohort5" takes only rows of persons that a query under its permit gives
CREATE TABLE mallory.cohort5 AS SELECT person_id, 0 AS x FROM person WHERE year_of_birth < 1925;
UPDATE mallory.cohort5 SET x = 1 RETURNING person_id;
--# sealed-insert-returning sealed refused ZE002 RETURNING would show the rows of sealed table "cohort6"
CREATE TABLE mallory.cohort6 AS SELECT person_id FROM person WHERE year_of_birth < 1925;
INSERT INTO mallory.cohort6 SELECT person_id FROM person WHERE year_of_birth < 1925 RETURNING *;
--# sealed-insert-values sealed refused ZE002 sealed table "cohort7" takes only rows of persons that a query under its permit gives
CREATE TABLE mallory.cohort7 AS SELECT person_id FROM person WHERE year_of_birth < 1925;
INSERT INTO mallory.cohort7 VALUES (1), (2), (3);
--# sealed-trigger sealed refused 42501 permission denied for view cohort8
CREATE TABLE mallory.cohort8 AS SELECT person_id FROM person WHERE year_of_birth < 1925;
CREATE FUNCTION mallory.spy8() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'row %', NEW; RETURN NEW; END $$;
CREATE TRIGGER spy INSTEAD OF INSERT ON mallory.cohort8 FOR EACH ROW EXECUTE FUNCTION mallory.spy8();
INSERT INTO mallory.cohort8 SELECT person_id FROM person WHERE year_of_birth < 1925;
--# sealed-alter-default sealed refused 42501 must be owner of view cohort9
CREATE TABLE mallory.cohort9 AS SELECT person_id FROM person WHERE year_of_birth < 1925;
ALTER TABLE mallory.cohort9 ADD COLUMN x int DEFAULT 1;
--# sealed-index sealed refused 42501 must be owner of view cohort10
CREATE TABLE mallory.cohort10 AS SELECT person_id, year_of_birth FROM person WHERE year_of_birth < 1925;
CREATE UNIQUE INDEX ON mallory.cohort10 (year_of_birth);
--# sealed-size sealed blind
CREATE TABLE mallory.cohort11 AS SELECT person_id, year_of_birth FROM person WHERE year_of_birth < 1925;
SELECT relkind FROM pg_class WHERE oid = 'mallory.cohort11'::regclass;
SELECT pg_relation_size('mallory.cohort11');
--# sealed-store sealed refused P0001 nothing found
CREATE TABLE mallory.cohort12 AS SELECT person_id FROM person WHERE year_of_birth < 1925;
DO $$ DECLARE r record; BEGIN FOR r IN SELECT c.oid::regclass AS t FROM pg_class c WHERE c.relowner <> 'c_mallory'::regrole AND c.relname LIKE '%cohort12%' LOOP EXECUTE 'SELECT count(*) FROM ' || r.t; END LOOP; RAISE EXCEPTION 'nothing found'; END $$;
--# sealed-rename sealed blind
CREATE TABLE mallory.cohort13 AS SELECT person_id FROM person WHERE year_of_birth < 1925;
DROP TABLE mallory.cohort13;
--# sealed-expression sealed blind
CREATE TABLE mallory.cohort14 AS SELECT person_id, condition_source_value::int AS n FROM condition_occurrence;
--# sealed-function sealed refused ZE002 the function say14 is not allowed on personal data
CREATE FUNCTION mallory.say14(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN $1; END $$;
CREATE TABLE mallory.cohort14b AS SELECT person_id, mallory.say14(year_of_birth) AS y FROM person;
--# sealed-temp sealed refused ZE002 rows about persons do not leave permit "attacked", only statistics do
CREATE TEMP TABLE cohort15 AS SELECT person_id, year_of_birth FROM person WHERE year_of_birth < 1925;
SELECT * FROM cohort15;
--# sealed-tag sealed blind
CREATE TABLE mallory.cohort16 AS SELECT person_id FROM person;
\echo :ROW_COUNT
CREATE TABLE mallory.cohort17 AS SELECT person_id FROM person WHERE year_of_birth < 1925;
\echo :ROW_COUNT
--# sealed-grant sealed blind
CREATE TABLE mallory.cohort18 AS SELECT person_id FROM person WHERE year_of_birth < 1925;
GRANT SELECT ON mallory.cohort18 TO c_owner;
--# sealed-as-public sealed refused ZE002 rows are not counted or summed after a join that may repeat them
CREATE TABLE mallory.cohort19 AS SELECT person_id, year_of_birth FROM person WHERE year_of_birth < 1925;
SELECT count(*) FROM concept JOIN mallory.cohort19 ON year_of_birth <> concept_id WHERE year_of_birth < 1925 GROUP BY year_of_birth;
SELECT year_of_birth FROM mallory.cohort19 GROUP BY 1;
SELECT count(*) FROM concept WHERE EXISTS (SELECT FROM mallory.cohort19);

--# plan-explain plan blind
EXPLAIN SELECT count(*) FROM person WHERE year_of_birth < 1925;
--# plan-explain-analyze plan refused ZE002 EXPLAIN ANALYZE of a query under a permit is refused
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT count(*) FROM person WHERE year_of_birth < 1925;
--# plan-explain-execute plan refused ZE002 EXPLAIN of this statement is refused under a permit
PREPARE att1 AS SELECT count(*) FROM person WHERE year_of_birth < 1925;
EXPLAIN EXECUTE att1;
--# plan-explain-base plan refused 42501 permission denied for table person
EXPLAIN SELECT count(*) FROM omop.person WHERE year_of_birth < 1925;
--# plan-explain-inlined plan refused ZE004 the views of permit "attacked" were reached in a way that the gate of pg_ehds did not check
CREATE FUNCTION mallory.inl() RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT year_of_birth FROM permit_attacked.person';
EXPLAIN SELECT * FROM mallory.inl() WHERE inl < 1925;
--# plan-explain-cursor plan refused ZE002 EXPLAIN of this statement is refused under a permit
EXPLAIN DECLARE c CURSOR FOR SELECT count(*) FROM person;
--# plan-explain-matview plan refused ZE002 EXPLAIN of this statement is refused under a permit
EXPLAIN CREATE MATERIALIZED VIEW mallory.em AS SELECT count(*) FROM person;
--# plan-generic plan blind
SET plan_cache_mode = force_generic_plan;
PREPARE att2(int) AS SELECT count(*) FROM person WHERE year_of_birth = $1;
EXECUTE att2(1917);
EXECUTE att2(NULL);
EXECUTE att2(1);
RESET plan_cache_mode;
--# plan-null-parameter plan blind
PREPARE att3(text) AS SELECT condition_source_value, count(*) FROM condition_occurrence WHERE condition_source_value >= $1 GROUP BY 1;
EXECUTE att3(NULL);
EXECUTE att3('Z');
--# plan-parameter-k plan refused ZE002 k must be a constant in a query under a permit
PREPARE att4(int) AS SELECT ehds.k_count(person_id, $1) FROM person;
EXECUTE att4(1);
--# plan-parameter-like plan blind
PREPARE att5(text) AS SELECT count(*) FROM visit_occurrence WHERE admitted_from LIKE $1;
EXECUTE att5('\');
--# plan-before-set-role plan refused 42501 permission denied to set session authorization "c_owner"
PREPARE att6 AS SELECT count(*) FROM person WHERE gender_concept_id = 8507;
SET ROLE c_project_attacked;
EXECUTE att6;
RESET ROLE;
SET SESSION AUTHORIZATION c_owner;
RESET ROLE;
--# plan-auto-explain plan refused 42501 access to library "auto_explain" is not allowed
LOAD 'auto_explain';
SET auto_explain.log_min_duration = 0;
--# plan-prepared-statements plan blind
PREPARE att7(int) AS SELECT count(*) FROM person WHERE year_of_birth = $1;
EXECUTE att7(1917);
SELECT name, statement LIKE '%CANARY%' AS found FROM pg_prepared_statements WHERE name = 'att7';

--# catalog-pg-stats catalog blind
SELECT * FROM pg_stats WHERE schemaname IN ('omop', 'permit_attacked');
--# catalog-pg-statistic catalog refused 42501 permission denied for table pg_statistic
SELECT * FROM pg_statistic;
--# catalog-pg-stats-ext catalog blind
SELECT * FROM pg_stats_ext;
--# catalog-stat-tables catalog refused 42501 permission denied for function pg_stat_get_live_tuples
SELECT n_live_tup FROM pg_stat_user_tables WHERE schemaname = 'omop';
--# catalog-stat-function catalog refused 42501 permission denied for function pg_stat_get_live_tuples
SELECT pg_stat_get_live_tuples(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'omop';
--# catalog-stat-xact catalog refused 42501 permission denied for function pg_stat_get_xact_tuples_fetched
BEGIN;
SELECT count(*) FROM person WHERE year_of_birth < 1925;
SELECT pg_stat_get_xact_tuples_fetched('omop.person'::regclass);
ROLLBACK;
--# catalog-stat-activity catalog blind
SELECT query FROM pg_stat_activity WHERE usename = 'c_owner';
--# catalog-ledger catalog refused 42501 permission denied for view ledger
SELECT * FROM ehds.ledger;
--# catalog-oppositions catalog refused 42501 permission denied for table opposition
SELECT * FROM ehds.opposition;
--# catalog-row-filter catalog blind
SELECT pg_get_viewdef('permit_attacked.person'::regclass) LIKE '%CANARY%' AS found;
--# catalog-pseudonym catalog refused ZE004 protected data is read only by a query that the gate of pg_ehds has approved
SELECT ehds.pseudonym('IPP-CANARY-7', 'attacked', 'subject', NULL);
--# catalog-guard catalog refused ZE004 the views of permit "attacked" are read only by a query that the gate of pg_ehds has approved
SELECT ehds.guard('attacked', 'omop.person', 'omop.person', NULL);
--# catalog-read-as-owner catalog refused 42501 permission denied for function read_as_owner
SELECT * FROM ehds.read_as_owner('SELECT ARRAY[person_source_value::text] FROM omop.person');
--# catalog-oppose catalog refused 42501 permission denied for function oppose
SELECT ehds.oppose('IPP-CANARY-7');
--# catalog-state catalog blind
SELECT ehds.k_state_out(NULL);
--# catalog-forge-state catalog refused 42501 permission denied for function k_state_in
SELECT ehds.k_met_final('\x00'::text::ehds.k_state);
--# catalog-approval catalog refused ZE004 an approval cannot be written, only the gate gives one
SELECT ehds.show_cell(NULL, '1'::ehds.approval);
--# catalog-approval-json catalog refused ZE004 an approval cannot be written, only the gate gives one
SELECT * FROM json_to_record('{"a": "1"}') AS x(a ehds.approval);
--# catalog-k-anonymity catalog refused ZE002 %is a view of a statistics permit, which gives no rows to measure
SELECT * FROM ehds.k_anonymity('permit_attacked.person', '{year_of_birth}', subject => 'person_id');
--# catalog-extract catalog refused 22023 permit "attacked" is for statistics and has no extract
CALL ehds.extract('attacked');
--# catalog-issue catalog refused 42501 permission denied for function issue_permit
SELECT ehds.issue_permit('mine', grantee => 'c_mallory', purpose => 'research', output => 'pseudonymised', valid_until => '2099-12-31');
--# catalog-explain-privacy catalog blind
SELECT count(*) > 0 AS told FROM ehds.explain_privacy('SELECT count(*) FROM permit_attacked.person WHERE year_of_birth < 1925');
--# catalog-size-base catalog blind
SELECT pg_relation_size('omop.person');
--# catalog-large-objects catalog blind
SELECT count(*) FROM pg_largeobject_metadata WHERE lomowner <> 'c_mallory'::regrole;
--# catalog-pageinspect catalog refused 42501 permission denied to create extension "pageinspect"
CREATE EXTENSION pageinspect;
