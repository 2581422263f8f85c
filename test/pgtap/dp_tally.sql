-- Where a table has one row a person nothing is bounded: counts and sums are those that a
-- state with subjects gives, whatever the workers and the memory; and the gate uses it there only.
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;

-- 20,000 persons; keys of several types, some of them nearly all different; values with NULL, NaN, infinities and extremes
CREATE SCHEMA one;
CREATE TABLE one.person AS
SELECT n::bigint AS person, CASE WHEN n % 97 <> 0 THEN (h & 31)::int END AS g, (h & 3)::smallint AS s, 'group ' || repeat('x', (h & 31)::int) || (h & 7) AS t,
       CASE WHEN n % 5 <> 0 THEN md5((h & 16383)::text)::uuid END AS u, h AS wide, (h & 2) = 2 AS yes,
       CASE WHEN n % 11 = 0 THEN NULL WHEN n % 13 = 0 THEN CASE WHEN n % 2 = 0 THEN 2147483647 ELSE -2147483648 END ELSE (h % 25)::int END AS i,
       CASE WHEN n % 11 = 0 THEN NULL WHEN n % 17 = 0 THEN 'NaN' WHEN n % 19 = 0 THEN 'Infinity' WHEN n % 23 = 0 THEN '-Infinity' ELSE (h % 2500) / 100.0 END::float8 AS f,
       CASE WHEN n % 11 = 0 THEN NULL WHEN n % 17 = 0 THEN 'NaN' ELSE (h % 2500) / 100.0 END::numeric AS d
FROM (SELECT n, hashint8extended(n, 3) AS h FROM generate_series(1, 20000) n) r;
CREATE TABLE one.twice AS SELECT * FROM one.person WHERE person <= 2000 UNION ALL SELECT * FROM one.person WHERE person <= 2000;
-- parts whose states are united
CREATE TABLE one.split (LIKE one.person) PARTITION BY HASH (person);
CREATE TABLE one.split0 PARTITION OF one.split FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE one.split1 PARTITION OF one.split FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE one.split2 PARTITION OF one.split FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO one.split SELECT * FROM one.person;
ANALYZE one.person, one.split;

CREATE TABLE one.measures (name text, measures text, arguments text, statistics int);
INSERT INTO one.measures VALUES
    ('none', '', '', 0), ('rows', 'rows 1; rows 5', ', yes, i > 0', 2), ('sum', 'sum 1 -10 20 1 1; sum 2 0 300 1 10; sum 1 5 9 1 1', ', i, f, d', 3),
    ('mean', 'mean 1 -10 20 1 1; mean 3 0 300 1 10', ', i, d', 4), ('spread', 'spread 1 -10 20 1 1; rows 1; spread 2 0 300 1 10', ', i, true, f', 7),
    ('wide', 'sum 10000 -1099511627776 1099511627776 1 1', ', wide', 1);
-- groups, persons and sums as text: by dp_tally, or by dp_gather with its subjects
CREATE FUNCTION pg_temp.told(how text, keys text, m one.measures, source text DEFAULT 'one.person') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    definitions text;
    result text;
BEGIN
    SELECT string_agg(k.name || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY n) INTO definitions
      FROM unnest(string_to_array(keys, ',')) WITH ORDINALITY k(name, n) JOIN pg_attribute a ON a.attrelid = 'one.person'::regclass AND a.attname = k.name;
    EXECUTE format('SELECT string_agg(x::text, %L ORDER BY x::text) FROM (SELECT %s, sum(persons)::bigint%s FROM (SELECT %s AS c FROM %s r) a, LATERAL ehds.dp_groups(a.c) AS f(%s, persons bigint%s) GROUP BY %s) x',
        E'\n', keys, (SELECT string_agg(', sum(s' || n || ')', '' ORDER BY n) FROM generate_series(1, m.statistics) n),
        CASE how WHEN 'tally' THEN format('ehds.dp_tally(1::bigint, %L, %s%s)', m.measures, keys, m.arguments)
                 WHEN 'collect' THEN format('ehds.dp_collect(person, 1, 1::bigint, %s)', keys)
                 ELSE format('ehds.dp_gather(person, 1, 1::bigint, %L, %s%s)', m.measures, keys, m.arguments) END, source, definitions,
        (SELECT string_agg(', s' || n || ' numeric', '' ORDER BY n) FROM generate_series(1, m.statistics) n), keys) INTO result;
    RETURN result;
END $$;
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; result text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP result := result || line || E'\n'; END LOOP;
    RETURN result;
END $$;
\o
SELECT no_plan();

-- the test data can tell
SELECT isnt(pg_temp.told('tally', 'g', m, 'one.twice'), pg_temp.told('gather', 'g', m, 'one.twice'), 'mutant: a table with two rows a person is told: ' || name) FROM one.measures m WHERE name <> 'none';
SELECT isnt(pg_temp.told('tally', 'g', m), pg_temp.told('tally', 'g', m, '(SELECT * FROM one.person WHERE person <> 17)'), 'and a person less: ' || name) FROM one.measures m;

-- property: nothing to bound, nothing is bounded
SELECT is(pg_temp.told('tally', k, m), pg_temp.told('gather', k, m), format('%s by %s', name, k)) FROM one.measures m, unnest('{g,s,t,u,"g,t","u,yes,s,t"}'::text[]) k WHERE name <> 'none';
SELECT is(pg_temp.told('tally', k, m), pg_temp.told('collect', k, m), format('persons by %s', k)) FROM one.measures m, unnest('{g,s,t,u,wide,"g,t","u,yes,s,t"}'::text[]) k WHERE name = 'none';
SELECT is((SELECT string_agg(f::text, ' ' ORDER BY g) FROM (SELECT ehds.dp_tally(1::bigint, 'rows 1; sum 1 -10 20 1 1', g, true, i) AS c FROM one.person WHERE s = 1) a, LATERAL ehds.dp_groups(a.c) AS f(g int, n bigint, r numeric, s numeric)),
          (SELECT string_agg(r::text, ' ' ORDER BY g) FROM (SELECT g, count(*), count(*)::numeric, coalesce(sum(least(20, greatest(-10, i))) FILTER (WHERE i IS NOT NULL), 0)::numeric FROM one.person WHERE s = 1 GROUP BY g) r), 'and as SQL counts and adds');
SELECT is((SELECT ehds.dp_tally(1::bigint, '', g) FROM one.person WHERE false), NULL, 'no rows, no state');

-- beyond its memory
CREATE TEMP TABLE whole AS SELECT k, m AS measure, pg_temp.told('tally', k, m) AS result FROM one.measures m, unnest('{"u,t",wide}'::text[]) k;
SET ehds.dp_memory = '64kB';
SELECT is(pg_temp.told('tally', k, measure), result, format('with 64 kB: %s by %s', (measure).name, k)) FROM whole;
SET ehds.dp_memory = '512kB';
SELECT is(pg_temp.told('tally', k, measure), result, format('with 512 kB: %s by %s', (measure).name, k)) FROM whole;
BEGIN;
DECLARE c CURSOR FOR SELECT ehds.dp_tally(1::bigint, 'sum 1 -10 20 1 1', wide, i) FROM one.person;
MOVE 1 FROM c;
SELECT ok(sum(total_bytes) < 1024 * 1024, 'the state keeps to its memory') FROM pg_backend_memory_contexts WHERE name LIKE 'ehds.dp_collect%';
SELECT ok(count(*) > 0, 'because there are temporary files') FROM pg_ls_tmpdir();
COMMIT;
SELECT is(count(*), 0::bigint, 'which go with it') FROM pg_ls_tmpdir();
-- states that are united
SET enable_partitionwise_aggregate = on;
SELECT ok(plan ~ 'Finalize Aggregate' AND plan !~ 'Gather', 'states of partitions are united') FROM
    pg_temp.plan_of('SELECT f.* FROM (SELECT ehds.dp_tally(1::bigint, '''', g) AS c FROM one.split) a, LATERAL ehds.dp_groups(a.c) AS f(g int, n bigint)') plan;
SELECT is(pg_temp.told('tally', k, measure, 'one.split'), result, format('united beyond their memory: %s by %s', (measure).name, k)) FROM whole;
RESET ehds.dp_memory;
SELECT is(pg_temp.told('tally', k, measure, 'one.split'), result, format('united: %s by %s', (measure).name, k)) FROM whole;
RESET enable_partitionwise_aggregate;
-- workers
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
ALTER TABLE one.person SET (parallel_workers = 2);
SELECT ok(plan ~ 'Finalize Aggregate' AND plan ~ 'Workers Launched: [12]', 'workers tally') FROM
    pg_temp.plan_of('SELECT f.* FROM (SELECT ehds.dp_tally(1::bigint, '''', g) AS c FROM one.person) a, LATERAL ehds.dp_groups(a.c) AS f(g int, n bigint)') plan;
SELECT is(pg_temp.told('tally', k, measure), result, format('with workers: %s by %s', (measure).name, k)) FROM whole;
SET ehds.dp_memory = '64kB';
SELECT is(pg_temp.told('tally', k, measure), result, format('with workers beyond their memory: %s by %s', (measure).name, k)) FROM whole;
RESET ehds.dp_memory;
SET max_parallel_workers_per_gather = 0;

-- who may do what
SELECT throws_ok(format('SELECT ehds.%s(NULL::ehds.approval, '''', 1)', a), 'ZE004', NULL, a || ' without an approval') FROM unnest('{dp_tally,dp_tally_alone}'::text[]) a;
SELECT throws_ok(format('SELECT ehds.dp_tally(1::bigint, %L, 1, 1)', m), '0A000', NULL, 'not of ' || m) FROM unnest('{distinct 1,values 1 0 10 1 1}'::text[]) m;
SELECT throws_ok($$SELECT ehds.dp_tally(1::bigint, 'rows 1', true)$$, '54000', NULL, 'a key is needed');
SELECT throws_ok($$SELECT ehds.dp_tally(1::bigint, 'rows 1', 1, 1)$$, '42804', NULL, 'rows take a condition');
SELECT ok(NOT has_function_privilege('public', p.oid, 'EXECUTE') = (p.proname !~ '^dp_tally(_alone)?$' OR 'ehds.approval'::regtype <> ALL (p.proargtypes)),
          p.oid::regprocedure || ' is for the gate or for superusers')
FROM pg_proc p WHERE pronamespace = 'ehds'::regnamespace AND proname ~ '^dp_tally';

-- The gate. With so large an epsilon the noise is 0 but for one time in 1e20.
\o /dev/null
CREATE TABLE one.patient (person_id bigint PRIMARY KEY, ward integer NOT NULL, age integer);
CREATE TABLE one.stay (person_id bigint NOT NULL, ward integer NOT NULL, age integer);
INSERT INTO one.patient SELECT p, p % 8, p % 60 FROM generate_series(1, 4000) p;
INSERT INTO one.stay SELECT p, p % 8, p % 60 FROM generate_series(1, 2000) p, generate_series(1, 2);
ALTER TABLE one.patient SET (parallel_workers = 2);
ANALYZE one.patient, one.stay;
SELECT ehds.protect('one.' || t, subject => 'person_id', population => 'one') FROM unnest('{patient,stay}'::text[]) t;
DROP ROLE IF EXISTS t_one;
CREATE ROLE t_one LOGIN;
SELECT pg_temp.as_role('t_governor', $q$SELECT ehds.issue_permit('one', 't_one', 'research', valid_until => '2099-12-31', output => 'statistics', epsilon => 1e6, delta => 0.1, epsilon_default => 1)$q$);
SELECT pg_temp.as_role('t_governor', format('SELECT ehds.permit_table(''one'', %L)', 'one.' || t)) FROM unnest('{patient,stay}'::text[]) t;
SELECT pg_temp.as_role('t_governor2', $q$SELECT ehds.activate_permit('one')$q$);
CREATE FUNCTION pg_temp.asked(query text, workers int DEFAULT 0) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ehds.epsilon', '1000', true), set_config('max_parallel_workers_per_gather', workers::text, true);
    SET LOCAL search_path = permit_one, public, pg_catalog;
    RETURN pg_temp.as_role('t_one', query);
END $$;
CREATE FUNCTION pg_temp.shown(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; result text := '';
BEGIN
    SET LOCAL search_path = permit_one, public, pg_catalog;
    SET LOCAL SESSION AUTHORIZATION t_one;
    FOR line IN EXECUTE 'EXPLAIN ' || query LOOP result := result || line || E'\n'; END LOOP;
    RESET SESSION AUTHORIZATION;
    RETURN result;
END $$;
\o
CREATE TEMP TABLE asked (query text, answer text);
INSERT INTO asked VALUES
    ('SELECT count(*) || '' '' || sum(n) FROM (SELECT ehds.dp_count(person_id) AS n FROM patient GROUP BY ward) r', '8 4000'),
    ('SELECT count(*) || '' '' || sum(n) FROM (SELECT ehds.dp_rows(person_id) AS n FROM patient WHERE age < 30 GROUP BY ward) r', '8 ' || (SELECT count(*) FROM one.patient WHERE age < 30)),
    ('SELECT string_agg(ward || '':'' || s, '' '' ORDER BY ward) FROM (SELECT ward, ehds.dp_sum(person_id, age, 0, 50) AS s FROM patient GROUP BY ward) r',
     (SELECT string_agg(ward || ':' || s, ' ' ORDER BY ward) FROM (SELECT ward, sum(least(age, 50)) AS s FROM one.patient GROUP BY ward) r)),
    ('SELECT ehds.dp_sum(person_id, age, 0, 50)::text FROM patient', (SELECT sum(least(age, 50))::text FROM one.patient));
SELECT is(pg_temp.asked(query), answer, query) FROM asked;
SELECT is(pg_temp.asked(query, 2), answer, 'with workers: ' || query) FROM asked;
SELECT matches(pg_temp.shown(q), 'dp_tally', 'tallied: ' || q) FROM unnest('{"SELECT ward, ehds.dp_count(person_id) FROM patient GROUP BY ward","SELECT ward, ehds.dp_sum(person_id, age, 0, 50) FROM patient GROUP BY ward"}'::text[]) q;
SELECT doesnt_match(pg_temp.shown(q), 'dp_tally', 'not tallied: ' || q)
FROM unnest('{"SELECT ward, ehds.dp_count(person_id) FROM stay GROUP BY ward","SELECT ward, ehds.dp_sum(person_id, age, 0, 50) FROM stay GROUP BY ward","SELECT ehds.dp_sum(person_id, age, 0, 50) FROM stay","SELECT ward, ehds.dp_median(person_id, age, 0, 50) FROM patient GROUP BY ward","SELECT s.ward, ehds.dp_count(p.person_id) FROM patient p JOIN stay s ON s.person_id = p.person_id GROUP BY s.ward"}'::text[]) q;
-- a statement that is planned again when the index has gone
SELECT pg_temp.asked('SELECT 1') \g /dev/null
ALTER TABLE one.patient DROP CONSTRAINT patient_pkey;
SELECT doesnt_match(pg_temp.shown('SELECT ward, ehds.dp_count(person_id) FROM patient GROUP BY ward'), 'dp_tally', 'not without the unique index');
SELECT * FROM finish();
