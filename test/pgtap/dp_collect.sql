-- Contribution bounding in one pass: the same groups are kept as by sorting, whatever
-- the order of rows, the workers and the memory; and the gate uses it.
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;

-- 1,000 persons in few or many of some 40 groups; keys of several types, subjects and keys NULL at times
CREATE SCHEMA bound;
CREATE TABLE bound.visit AS
SELECT CASE WHEN n % 97 <> 0 THEN p END AS person, CASE WHEN n % 97 <> 0 THEN p::integer END AS person_int,
       CASE WHEN n % 97 <> 0 THEN 'person number ' || p || repeat(' long', (abs(p) % 5)::int) END AS person_text,
       CASE WHEN n % 97 <> 0 THEN md5(p::text)::uuid END AS person_uuid,
       CASE WHEN g <> 3 THEN g - 20 END AS i, CASE WHEN g <> 4 THEN (g - 20) * 1000000007::bigint * 1000 END AS b, (g % 5)::smallint AS s,
       CASE WHEN g % 7 <> 5 THEN repeat(chr(97 + g % 7), g % 40) END AS t, trim_scale((g % 9 - 4) * 12345.678900) AS d,
       date '1999-12-31' + g % 3 AS day, g % 4 = 1 AS yes, CASE WHEN g % 2 = 0 THEN md5((g % 6)::text)::uuid END AS u,
       ('x' || g % 3)::varchar(9) AS v, n
FROM (SELECT n, (hashint8extended(n, 1) & 1023) * (hashint8extended(n, 7) & 1023) / 1024 - 512 AS p,
             ((hashint8extended(n, 2) & 1023) * (hashint8extended(n, 3) & 1023) / 25000)::integer AS g
      FROM generate_series(1, 10000) n) r;
INSERT INTO bound.visit (person, i, n) SELECT p, 1, 0 FROM unnest('{9223372036854775807,-9223372036854775808,0}'::bigint[]) p;
ANALYZE bound.visit;

-- The counts that collecting gives, as text; mutant: an SQL text in the place of bound.visit
CREATE FUNCTION pg_temp.collected(person text, keys text, m int, source text DEFAULT 'bound.visit') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
    columns text;
    definitions text;
BEGIN
    SELECT string_agg('g' || n, ', ' ORDER BY n), string_agg(format('g%s %s', n, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY n)
      INTO columns, definitions
      FROM unnest(string_to_array(keys, ',')) WITH ORDINALITY k(name, n)
      JOIN pg_attribute a ON a.attrelid = 'bound.visit'::regclass AND a.attname = k.name;
    EXECUTE format('SELECT string_agg(x::text, %L ORDER BY x::text) FROM (SELECT %s, sum(n) AS n FROM (SELECT ehds.dp_collect(%s, %s, 42::bigint, %s) AS c FROM %s) a,
                    LATERAL ehds.dp_groups(a.c) AS f(%s, n bigint) GROUP BY %s) x', E'\n', columns, person, m, keys, source, definitions, columns)
       INTO result;
    RETURN result;
END $$;
-- The same by sorting; place: the order in which groups are kept
CREATE FUNCTION pg_temp.sorted(person text, keys text, m int, place text DEFAULT 'ehds.dp_pair_hash(person, 42, %s)') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE format('SELECT string_agg(x::text, %1$L ORDER BY x::text) FROM (SELECT %2$s, sum(1) AS n FROM
                    (SELECT %2$s, row_number() OVER (PARTITION BY person ORDER BY %3$s, %2$s) AS r FROM
                     (SELECT %4$s AS person, min(n) AS first, %2$s FROM bound.visit WHERE %4$s IS NOT NULL GROUP BY %4$s, %2$s) d) w
                    WHERE r <= %5$s GROUP BY %2$s) x',
                   E'\n', keys, format(place, keys), person, m)
       INTO result;
    RETURN result;
END $$;
CREATE FUNCTION pg_temp.sorted_as(person text, type text, keys text, m int) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.sorted(person, keys, m, 'ehds.dp_pair_hash(person::' || type || ', 42, %s)')
$$;
\o
SELECT no_plan();

-- the test data can tell
SELECT ok(pg_temp.sorted('person', 'i', 2) <> pg_temp.sorted('person', 'i', 2, 'first /* %s */'),
          'mutant: selection by arrival is told from selection by hash');
SELECT ok(pg_temp.sorted('person', 'i', 2) <> pg_temp.sorted('person', 'i', 2, 'ehds.dp_pair_hash(person, 43, %s)'),
          'mutant: so is another key of the hash');
SELECT ok((SELECT count(*) > 300 FROM (SELECT person FROM bound.visit GROUP BY 1 HAVING count(DISTINCT i) > 5) p)
          AND (SELECT count(*) > 20 FROM (SELECT person FROM bound.visit GROUP BY 1 HAVING count(DISTINCT i) < 3) p),
          'persons are in few and in many groups');

-- property: collecting is sorting
SELECT is(pg_temp.collected(p.person, k.keys, m), pg_temp.sorted_as(p.person, p.type, k.keys, m),
          format('%s by %s, %s groups', p.person, k.keys, m))
FROM (VALUES ('person', 'bigint'), ('person_int', 'bigint'), ('person_text', 'text'), ('person_uuid', 'uuid')) p(person, type),
     unnest('{i,t,d}'::text[]) k(keys), generate_series(1, 5) m;
SELECT is(pg_temp.collected('person', k.keys, m), pg_temp.sorted('person', k.keys, m), format('by %s, %s groups', k.keys, m))
FROM unnest('{b,s,day,yes,u,v,"s,day","i,t,d","t,u,v,yes","yes,t,i,d,day,b,u,s,v"}'::text[]) k(keys), unnest('{1,3,64}'::int[]) m;

-- exactly max_groups for whoever is in more
SELECT is((SELECT sum(split_part(rtrim(line, ')'), ',', 2)::numeric) FROM regexp_split_to_table(pg_temp.collected('person', 'i', m), E'\n') line),
          (SELECT sum(least(m, n)) FROM (SELECT count(DISTINCT coalesce(i, 1000)) AS n FROM bound.visit WHERE person IS NOT NULL GROUP BY person) p),
          format('each person is in exactly %s groups, or in all of his', m))
FROM generate_series(1, 5) m;

-- the order of rows does not matter, nor how often they come
SELECT is(pg_temp.collected('person', 'i', 3, format('(SELECT * FROM bound.visit ORDER BY %s) o', o)), pg_temp.sorted('person', 'i', 3), 'rows ordered by ' || o)
FROM unnest('{n,"n DESC","i, n","i DESC, n","person, i"}'::text[]) o;
SELECT is(pg_temp.collected('person', 'i', 3, '(SELECT v.* FROM bound.visit v, generate_series(1, 3)) o'), pg_temp.sorted('person', 'i', 3), 'rows come three times');

-- Upper halves of two hashes that are equal: the lower halves decide, in any order of rows.
CREATE TEMP TABLE tie AS
SELECT min(g) AS a, max(g) AS b FROM (SELECT g, ehds.dp_pair_hash(7::bigint, 42, g) >> 32 AS high FROM generate_series(1, 400000) g) h
GROUP BY high HAVING count(*) = 2 LIMIT 5;
SELECT ok(count(*) > 0, 'there are pairs whose hashes share their upper half') FROM tie;
SELECT is((SELECT f.g FROM (SELECT ehds.dp_collect(7::bigint, 1, 42::bigint, g) AS c FROM (SELECT unnest(ARRAY[x, y]) AS g) r) s, LATERAL ehds.dp_groups(s.c) AS f(g int, n bigint)),
          (SELECT g FROM unnest(ARRAY[x, y]) g ORDER BY ehds.dp_pair_hash(7::bigint, 42, g) LIMIT 1), format('tie of %s and %s', x, y))
FROM (SELECT a AS x, b AS y FROM tie UNION ALL SELECT b, a FROM tie) t;
-- Both are kept, in either order, and a third comes that is before both: the later one must go.
SELECT is((SELECT array_agg(f.g ORDER BY f.g) FROM (SELECT ehds.dp_collect(7::bigint, 2, 42::bigint, g) AS c FROM (SELECT unnest(ARRAY[x, y, z]) AS g) r) s, LATERAL ehds.dp_groups(s.c) AS f(g int, n bigint)),
          (SELECT array_agg(g ORDER BY g) FROM (SELECT g FROM unnest(ARRAY[x, y, z]) g ORDER BY ehds.dp_pair_hash(7::bigint, 42, g) LIMIT 2) k), format('tie of %s and %s before %s', x, y, z))
FROM (SELECT a AS x, b AS y FROM tie UNION ALL SELECT b, a FROM tie) t,
     LATERAL (SELECT g AS z FROM generate_series(1000001, 1010000) g ORDER BY ehds.dp_pair_hash(7::bigint, 42, g) LIMIT 1) first;
-- workers
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 3;
ALTER TABLE bound.visit SET (parallel_workers = 3);
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; result text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP result := result || line || E'\n'; END LOOP;
    RETURN result;
END $$;
SELECT ok(plan ~ 'Finalize Aggregate' AND plan ~ 'Workers Launched: [123]', 'workers collect') FROM
    pg_temp.plan_of('SELECT f.* FROM (SELECT ehds.dp_collect(person, 2, 42::bigint, i) AS c FROM bound.visit) a, LATERAL ehds.dp_groups(a.c) AS f(g int, n bigint)') plan;
CREATE TEMP TABLE parallel_counts AS
SELECT p.person, k.keys, m, pg_temp.collected(p.person, k.keys, m) AS counts, leader
FROM (VALUES ('person', 'bigint'), ('person_text', 'text'), ('person_uuid', 'uuid')) p(person, type), unnest('{i,"t,d"}'::text[]) k(keys), unnest('{1,2,5}'::int[]) m,
     LATERAL (SELECT set_config('parallel_leader_participation', (m <> 2)::text, false) AS leader) l;
RESET parallel_leader_participation;
SET max_parallel_workers_per_gather = 0;
SELECT is(counts, pg_temp.collected(person, keys, m), format('parallel = serial: %s by %s, %s groups', person, keys, m)) FROM parallel_counts;
-- States that are certain to be united: one a partition, whose rows are dealt out at random.
CREATE TABLE bound.split (LIKE bound.visit) PARTITION BY HASH (n);
CREATE TABLE bound.split0 PARTITION OF bound.split FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE bound.split1 PARTITION OF bound.split FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE bound.split2 PARTITION OF bound.split FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO bound.split SELECT * FROM bound.visit;
ANALYZE bound.split;
SET enable_partitionwise_aggregate = on;
SELECT ok(plan ~ 'Finalize Aggregate' AND plan !~ 'Gather', 'states of partitions are united') FROM
    pg_temp.plan_of('SELECT f.* FROM (SELECT ehds.dp_collect(person, 2, 42::bigint, i) AS c FROM bound.split) a, LATERAL ehds.dp_groups(a.c) AS f(g int, n bigint)') plan;
SELECT is(pg_temp.collected(p.person, k.keys, m, 'bound.split'), pg_temp.sorted_as(p.person, p.type, k.keys, m),
          format('united: %s by %s, %s groups', p.person, k.keys, m))
FROM (VALUES ('person', 'bigint'), ('person_int', 'bigint'), ('person_text', 'text'), ('person_uuid', 'uuid')) p(person, type),
     unnest('{i,"t,d"}'::text[]) k(keys), generate_series(1, 5) m;
SET ehds.dp_memory = '64kB';
SELECT is(pg_temp.collected(p.person, 'i,t', 3, 'bound.split'), pg_temp.sorted_as(p.person, p.type, 'i,t', 3), 'united beyond their memory: ' || p.person)
FROM (VALUES ('person', 'bigint'), ('person_text', 'text'), ('person_uuid', 'uuid')) p(person, type);
RESET ehds.dp_memory;
-- upper halves that are equal, in different states
CREATE TABLE bound.apart (g int, part int) PARTITION BY LIST (part);
CREATE TABLE bound.apart0 PARTITION OF bound.apart FOR VALUES IN (0);
CREATE TABLE bound.apart1 PARTITION OF bound.apart FOR VALUES IN (1);
CREATE FUNCTION pg_temp.tied(x int, y int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE result int;
BEGIN
    DELETE FROM bound.apart;
    INSERT INTO bound.apart VALUES (x, 0), (y, 1);
    SELECT f.g INTO result FROM (SELECT ehds.dp_collect(7::bigint, 1, 42::bigint, g) AS c FROM bound.apart) a, LATERAL ehds.dp_groups(a.c) AS f(g int, n bigint);
    RETURN result;
END $$;
SELECT is(pg_temp.tied(x, y), (SELECT g FROM unnest(ARRAY[x, y]) g ORDER BY ehds.dp_pair_hash(7::bigint, 42, g) LIMIT 1), format('tie of %s and %s, united', x, y))
FROM (SELECT a AS x, b AS y FROM tie UNION ALL SELECT b, a FROM tie) t;
RESET enable_partitionwise_aggregate;
-- mutant: each worker bounds by itself
SELECT ok(pg_temp.collected('person', 'i', 2) <> (SELECT string_agg(x::text, E'\n' ORDER BY x::text) FROM (
              SELECT g1, sum(n) AS n FROM (SELECT n % 2 AS worker, ehds.dp_collect(person, 2, 42::bigint, i) AS c FROM bound.visit v GROUP BY 1) a,
              LATERAL ehds.dp_groups(a.c) AS f(g1 int, n bigint) GROUP BY g1) x), 'mutant: max_groups a worker is told from max_groups');

-- memory: beyond it, temporary files
CREATE TABLE bound.many AS SELECT hashint8extended(n, 4) % 60000 AS person, (hashint8extended(n, 5) & 63)::int AS i, repeat('k', 100) || (hashint8extended(n, 6) & 4095) AS t FROM generate_series(1, 200000) n;
CREATE FUNCTION pg_temp.many(key text, type text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
    EXECUTE format('SELECT md5(string_agg(x::text, %L ORDER BY x::text)) FROM (SELECT g, sum(n) AS n FROM (SELECT ehds.dp_collect(person, 2, 42::bigint, %s) AS c FROM bound.many) a,
                    LATERAL ehds.dp_groups(a.c) AS f(g %s, n bigint) GROUP BY g) x', E'\n', key, type) INTO result;
    RETURN result;
END $$;
CREATE TEMP TABLE whole AS SELECT pg_temp.many('i', 'int') AS i, pg_temp.many('t', 'text') AS t;
SELECT isnt(i, t, 'there is something to compare') FROM whole;
SET ehds.dp_memory = '64kB';
SELECT is(pg_temp.many('i', 'int'), i, 'with 64 kB the result is the same') FROM whole;
SET ehds.dp_memory = '512kB';
SELECT is(pg_temp.many('t', 'text'), t, 'and with keys that take most of it') FROM whole;
SET ehds.dp_memory = '1MB';
SELECT is(pg_temp.many('i', 'int'), i, 'and with 1 MB') FROM whole;
SET ehds.dp_memory = '512kB';
SET max_parallel_workers_per_gather = 2;
ALTER TABLE bound.many SET (parallel_workers = 2);
SELECT is(pg_temp.many('t', 'text'), t, 'and with workers') FROM whole;
SET max_parallel_workers_per_gather = 0;

-- what workers put in buffers: united within them, in files, and never; one person with most of the rows;
-- groups whose numbers differ from worker to worker; both kinds of subjects; integers and numbers of groups of two
-- and four bytes, and one row, in one worker, or late ones that need more
RESET ehds.dp_memory;
CREATE TABLE bound.buffered AS
SELECT CASE WHEN n % 3 = 0 THEN 7 WHEN n % 1001 <> 0 THEN hashint8extended(n, 4) % 20000 END AS person, (hashint8extended(n, 5) & 63)::int AS i,
       'code ' || (hashint8extended(n, 6) & 255) AS t, n FROM generate_series(1, 200000) n;
ANALYZE bound.buffered;
ALTER TABLE bound.buffered SET (parallel_workers = 3);
CREATE FUNCTION pg_temp.buffered(person text, key text, type text, m int, source text DEFAULT 'bound.buffered') RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
    EXECUTE format('SELECT md5(string_agg(x::text, %L ORDER BY x::text)) FROM (SELECT g, sum(n) AS n FROM (SELECT ehds.dp_collect(%s, %s, 42::bigint, %s) AS c FROM %s r) a,
                    LATERAL ehds.dp_groups(a.c) AS f(g %s, n bigint) GROUP BY g) x', E'\n', person, m, key, source, type) INTO result;
    RETURN result;
END $$;
CREATE TEMP TABLE one_process AS SELECT p AS person, k.*, m, pg_temp.buffered(p, k.key, k.type, m) AS result
FROM unnest('{person,person::int,md5(person::text)::uuid}'::text[]) p, (VALUES ('i', 'int'), ('t', 'text')) k(key, type), unnest('{1,3,64}'::int[]) m
UNION ALL SELECT p, k, 'int', m, pg_temp.buffered(p, k, 'int', m)
FROM (VALUES ('CASE n WHEN 123456 THEN 1::bigint << 40 WHEN 7 THEN -1::bigint << 31 ELSE -person END', 'i', 3),
             ('person + CASE WHEN n % 50000 = 0 THEN 1::bigint << 31 ELSE 0 END', 'i', 1),
             ('person', 'n % 70001', 2)) v(p, k, m);
SELECT isnt(pg_temp.buffered(person, key, type, m, '(SELECT * FROM bound.buffered WHERE person <> 7)'), result, 'a person less is told') FROM one_process;
SET max_parallel_workers_per_gather = 3;
SELECT ok(plan ~ 'Workers Launched: [123]', 'workers buffer') FROM
    pg_temp.plan_of('SELECT f.* FROM (SELECT ehds.dp_collect(person, 2, 42::bigint, i) AS c FROM bound.buffered) a, LATERAL ehds.dp_groups(a.c) AS f(g int, n bigint)') plan;
CREATE TEMP TABLE with_workers AS SELECT o.*, memory, pg_temp.buffered(person, key, type, m) AS buffered
FROM unnest('{64kB,512kB,2MB,256MB}'::text[]) memory, LATERAL (SELECT set_config('ehds.dp_memory', memory, false)) s, one_process o;
SET max_parallel_workers_per_gather = 0;
SELECT is(buffered, result, format('buffers in %s: %s by %s, %s groups', memory, person, key, m)) FROM with_workers;
-- states of partitions, in one process, whose memory can be seen
CREATE TABLE bound.portion (LIKE bound.buffered) PARTITION BY HASH (n);
CREATE TABLE bound.portion0 PARTITION OF bound.portion FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE bound.portion1 PARTITION OF bound.portion FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO bound.portion SELECT * FROM bound.buffered;
ANALYZE bound.portion;
SET enable_partitionwise_aggregate = on;
CREATE TEMP TABLE portions AS SELECT o.*, memory, pg_temp.buffered(person, key, type, m, 'bound.portion') AS buffered
FROM unnest('{64kB,2MB,256MB}'::text[]) memory, LATERAL (SELECT set_config('ehds.dp_memory', memory, false)) s, one_process o;
SELECT is(buffered, result, format('portions in %s: %s by %s, %s groups', memory, person, key, m)) FROM portions;
SET ehds.dp_memory = '1MB';
BEGIN;
DECLARE c CURSOR FOR SELECT ehds.dp_collect(person, 1, 42::bigint, i) FROM bound.portion;
MOVE 1 FROM c;
SELECT ok(sum(total_bytes) < 3 * 1024 * 1024, 'two buffered states and the one of both keep to their memory') FROM pg_backend_memory_contexts WHERE name LIKE 'ehds.dp_collect%';
COMMIT;
-- rows that come again do not add to what is kept: they would take more than the memory
CREATE FUNCTION pg_temp.temp_files() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT pg_stat_clear_snapshot(); SELECT temp_files FROM pg_stat_database WHERE datname = current_database()
$$;
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT pg_temp.temp_files() AS files \gset
SELECT ehds.dp_collect(person % 500, 1, 42::bigint, 1) IS NULL AS collected FROM bound.portion \gset
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT pg_temp.temp_files() AS files_of_few \gset
SELECT ehds.dp_collect(n, 1, 42::bigint, 1) IS NULL AS collected FROM bound.portion \gset
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT is(:files_of_few, :files, 'rows of few persons need no temporary files');
SELECT ok(pg_temp.temp_files() > :files, 'those of many do');
RESET enable_partitionwise_aggregate;
SET ehds.dp_memory = '64kB';
SELECT is(pg_temp.collected('person_text', 'i,t,d', 3), pg_temp.sorted_as('person_text', 'text', 'i,t,d', 3), 'and with long subjects');
SELECT is(pg_temp.collected('person_uuid', 'u,v', 2), pg_temp.sorted_as('person_uuid', 'uuid', 'u,v', 2), 'and with uuids');
-- a state that is alive: MOVE computes it and shows nothing
BEGIN;
DECLARE c CURSOR FOR SELECT ehds.dp_collect(person, 2, 42::bigint, i) FROM bound.many;
MOVE 1 FROM c;
SELECT ok(sum(total_bytes) < 1024 * 1024, 'the state keeps to its memory') FROM pg_backend_memory_contexts WHERE name LIKE 'ehds.dp_collect%';
SELECT ok(count(*) > 0, 'because there are temporary files') FROM pg_ls_tmpdir();
COMMIT;
SELECT is(count(*), 0::bigint, 'which go with it') FROM pg_ls_tmpdir();
RESET ehds.dp_memory;

-- who may do what
SELECT throws_ok('SELECT ehds.dp_collect(1::bigint, 3, NULL::ehds.approval, 1)', 'ZE004', NULL, 'dp_collect without an approval');
SELECT throws_ok('SELECT ehds.dp_collect(NULL::text, 3, NULL::ehds.approval, 1)', 'ZE004', NULL, 'not even for no subject');
SELECT throws_ok('SELECT ehds.dp_collect_alone(1, 3, NULL::ehds.approval, 1)', 'ZE004', NULL, 'dp_collect_alone without an approval');
SELECT throws_ok('SELECT * FROM ehds.dp_groups(NULL, NULL) AS f(g int, n bigint)', 'ZE004', NULL, 'dp_groups without an approval');
SELECT ehds.dp_collect(1, 3, 1::bigint, 1) AS gone \gset
SELECT throws_ok('SELECT f.* FROM ehds.dp_groups(' || :gone || ') AS f(g int, n bigint)', '22023', NULL, 'a state is gone with its query');
SELECT throws_ok('SELECT ''''::ehds.dp_state', '0A000', NULL, 'nor can one be written');
SELECT throws_ok('SELECT ehds.dp_collect(1, 0, 1::bigint, 1)', '22023', NULL, 'max_groups is 1 or more');
SELECT throws_ok('SELECT ehds.dp_collect(1, 65, 1::bigint, 1)', '22023', NULL, 'and 64 or less');
SELECT throws_ok('SELECT f.* FROM (SELECT ehds.dp_collect(1, 1, 1::bigint, 1) AS c) a, LATERAL ehds.dp_groups(a.c) AS f(g bigint, n bigint)', '42804', NULL, 'columns of other types are refused');
SELECT throws_ok('SELECT f.* FROM (SELECT ehds.dp_collect(1, 1, 1::bigint, 1) AS c) a, LATERAL ehds.dp_groups(a.c) AS f(n bigint)', '42804', NULL, 'and other columns');
SELECT ok(NOT has_function_privilege('public', p.oid, 'EXECUTE') = (p.proname !~ '^dp_(collect|collect_alone|groups)$' OR 'ehds.approval'::regtype <> ALL (p.proargtypes)),
          p.oid::regprocedure || ' is for the gate or for superusers')
FROM pg_proc p WHERE pronamespace = 'ehds'::regnamespace AND proname ~ '^dp_(collect|groups|pair|state)';
SELECT is(pg_temp.as_role('t_other', 'SELECT has_function_privilege(''ehds.dp_groups(bigint)'', ''EXECUTE'')'), 'false', 'an analyst can''t read a state');

-- The gate. With so large an epsilon the noise is 0 but for one time in 1e20: what is
-- released is the bounded count of each group of k - 1 + tau or more.
\o /dev/null
CREATE TABLE bound.stay (stay_id bigint PRIMARY KEY, person_id bigint NOT NULL, ward integer NOT NULL, code text COLLATE "C" NOT NULL, cost numeric NOT NULL);
CREATE TABLE bound.person (person_id bigint PRIMARY KEY, ward integer NOT NULL);
CREATE TABLE bound.moved (person_id bigint NOT NULL, ward integer NOT NULL, UNIQUE (person_id) DEFERRABLE);
CREATE TABLE bound.part (person_id bigint NOT NULL, ward integer NOT NULL);
CREATE UNIQUE INDEX ON bound.part (person_id) WHERE ward < 4;
-- each person twice in each of eight wards: workers are worth it
INSERT INTO bound.stay SELECT p * 16 + r * 8 + w, p, w, 'code ' || w, w + 0.50 FROM generate_series(1, 2000) p, generate_series(0, 7) w, generate_series(0, 1) r;
ALTER TABLE bound.stay SET (parallel_workers = 2);
INSERT INTO bound.person SELECT p, p % 8 FROM generate_series(1, 2000) p;
INSERT INTO bound.moved SELECT p, p % 8 FROM generate_series(1, 2000) p;
INSERT INTO bound.part SELECT p, w FROM generate_series(1, 2000) p, generate_series(3, 7) w;
ANALYZE;
SELECT ehds.protect('bound.' || t, subject => 'person_id', population => 'bound') FROM unnest('{stay,person,moved,part}'::text[]) t;
DROP ROLE IF EXISTS t_bound;
CREATE ROLE t_bound LOGIN;
SELECT pg_temp.as_role('t_governor', $q$SELECT ehds.issue_permit('bound', 't_bound', 'research', valid_until => '2099-12-31', output => 'statistics', epsilon => 1000, delta => 0.1, epsilon_default => 1)$q$);
SELECT pg_temp.as_role('t_governor', format('SELECT ehds.permit_table(''bound'', %L)', 'bound.' || t)) FROM unnest('{stay,person,moved,part}'::text[]) t;
SELECT pg_temp.as_role('t_governor2', $q$SELECT ehds.activate_permit('bound')$q$);
CREATE FUNCTION pg_temp.asked(query text, epsilon text, max_groups int, workers int DEFAULT 0) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ehds.epsilon', epsilon, true), set_config('ehds.max_groups', max_groups::text, true),
            set_config('max_parallel_workers_per_gather', workers::text, true);
    SET LOCAL search_path = permit_bound, public, pg_catalog;
    RETURN pg_temp.as_role('t_bound', query);
END $$;
\o
SELECT is(pg_temp.asked('SELECT sum(n) FROM (SELECT ehds.dp_count(person_id) AS n FROM stay GROUP BY ward) r', '100', 2), '4000', 'two groups a person');
SELECT is(pg_temp.asked('SELECT count(*) || '' '' || sum(n) || '' '' || (max(n) < 700) FROM (SELECT ward, code, cost, ehds.dp_count(person_id) AS n FROM stay GROUP BY 1, 2, 3) r', '150', 2), '8 4000 true', 'keys of several types and collations, no group preferred');
SELECT is(pg_temp.asked('SELECT string_agg(cost || '' '' || code, '','' ORDER BY ward) FROM (SELECT ward, code, cost, ehds.dp_count(person_id) AS n FROM stay GROUP BY 1, 2, 3 HAVING ehds.dp_count(person_id) > 100 ORDER BY ward LIMIT 2) r', '100', 1), '0.5 code 0,1.5 code 1', 'keys come back as they were');
SELECT is(pg_temp.asked('SELECT sum(n) FROM (SELECT ehds.dp_count(person_id) AS n FROM stay GROUP BY ward) r', '100', 2, 3), '4000', 'with workers');
SELECT is(pg_temp.asked('SELECT count(*) || '' '' || (sum(n) BETWEEN 15900 AND 16100) FROM (SELECT ehds.dp_count(person_id) AS n FROM stay GROUP BY ward) r', '200', 65), '8 true', 'more than 64 groups: by sorting');
SELECT is(pg_temp.asked('SELECT ehds.dp_count(person_id) FROM stay', '40', 2), '2000', 'without keys: persons');
SELECT is(pg_temp.asked('SELECT ehds.dp_count(person_id) FROM stay WHERE ward > 100', '40', 2), '0', 'nobody is 0');
SELECT is(pg_temp.asked('SELECT ehds.dp_count(person_id) FROM person', '40', 2), '2000', 'the table of persons');
-- one row a person: no bounding, and the noise of one group; 5 groups would hide all
SELECT is(pg_temp.asked('SELECT count(*) || '' '' || sum(n) FROM (SELECT ehds.dp_count(person_id) AS n FROM person GROUP BY ward) r', '45', 10000), '8 2000', 'one row a person: noise of one group');
SELECT is(pg_temp.asked('SELECT count(*) || '' '' || sum(n) FROM (SELECT ehds.dp_count(person_id) AS n FROM (SELECT * FROM person WHERE ward <> 3) q GROUP BY ward) r', '45', 10000), '7 1750', 'through a subquery too');
-- not where an index may be late or holds for some rows only
SELECT is(pg_temp.asked('SELECT sum(n) FROM (SELECT ehds.dp_count(person_id) AS n FROM moved GROUP BY ward) r', '1', 10000), NULL, 'a deferrable constraint is none');
SELECT is(pg_temp.asked('SELECT sum(n) FROM (SELECT ehds.dp_count(person_id) AS n FROM part GROUP BY ward) r', '1', 10000), NULL, 'nor is a partial index');
SELECT is(pg_temp.asked('SELECT sum(n) FROM (SELECT ehds.dp_count(p.person_id) AS n FROM person p JOIN stay s ON s.person_id = p.person_id GROUP BY s.ward) r', '50', 1), '2000', 'nor a join: one group a person');
SELECT * FROM finish();
