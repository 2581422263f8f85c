-- Private numbers of distinct values: of each person at most max_values count, the same whatever the order of rows,
-- the workers and the memory; without one person the number changes by at most max_values.
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
CREATE SCHEMA d;
CREATE TABLE d.visit AS
SELECT p AS person, p::integer AS person_int, 'person number ' || p || repeat(' long', (p % 4)::int) AS person_text, md5(p::text)::uuid AS person_uuid, g, n,
       CASE WHEN n % 11 <> 0 THEN v END AS i, CASE WHEN n % 11 <> 0 THEN 'code ' || v || repeat('x', v) END AS t, CASE WHEN n % 11 <> 0 THEN v + 0.50 END AS m,
       md5(v::text)::uuid AS u, (v % 7)::smallint AS s, date '2020-01-01' + v AS day
FROM (SELECT n, (hashint8extended(n, 1) & 511) * (hashint8extended(n, 7) & 511) / 870 AS p, ((hashint8extended(n, 2) & 1023) * (hashint8extended(n, 3) & 1023) / 120000)::integer AS g,
             ((hashint8extended(n, 5) & 255) * (hashint8extended(n, 6) & 255) / 200)::integer AS v FROM generate_series(1, 6000) n) r;
ANALYZE d.visit;
CREATE FUNCTION pg_temp.counted(person text, groups int, places int, argument text, source text DEFAULT 'd.visit') RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
    EXECUTE format('SELECT string_agg(r::text, %L ORDER BY r::text) FROM (SELECT f.g, ehds.dp_distinct(string_agg(f.s, '''')) FROM (SELECT ehds.dp_gather(%s, %s, 42::bigint, ''distinct %s'', g, %s) AS c FROM %s) a,
        LATERAL ehds.dp_groups(a.c) AS f(g int, n bigint, s bytea) GROUP BY 1) r', E'\n', person, groups, places, argument, source) INTO result;
    RETURN result;
END $$;
CREATE FUNCTION pg_temp.by_group(lines text) RETURNS TABLE (g text, n int) LANGUAGE sql AS $$
    SELECT split_part(btrim(l, '()'), ',', 1), split_part(btrim(l, '()'), ',', 2)::int FROM regexp_split_to_table(lines, E'\n') l
$$;
\o
SELECT no_plan();
-- where nobody has more values than places: all are counted, of each type
SELECT is(pg_temp.counted(p, 64, 8, a, 'd.visit WHERE i % 6 = 0 AND i < 80'), (SELECT string_agg(r::text, E'\n' ORDER BY r::text) FROM (SELECT g, count(DISTINCT CASE a WHEN 's' THEN s::text WHEN 'u' THEN u::text WHEN 'day' THEN day::text ELSE t END) FROM d.visit WHERE i % 6 = 0 AND i < 80 GROUP BY g) r), format('values of %s by %s', a, p))
FROM unnest('{person,person_int,person_text,person_uuid}'::text[]) p, unnest('{i,t,m,u,s,day}'::text[]) a;
SELECT ok(max(n) BETWEEN 5 AND 8, 'nobody had more than eight') FROM (SELECT count(DISTINCT i) AS n FROM d.visit WHERE i % 6 = 0 AND i < 80 GROUP BY person, g) x;
SELECT ok(max(n) > 20, 'persons have more values than places') FROM (SELECT count(DISTINCT i) AS n FROM d.visit GROUP BY person, g) x;
SELECT ok(bool_and(n = least(places, distinct_values)), format('of one person %s values', places)) FROM unnest('{1,3,8}'::int[]) places,
    LATERAL (SELECT person, count(DISTINCT i) AS distinct_values FROM d.visit WHERE g = 0 AND i IS NOT NULL GROUP BY 1 ORDER BY hashint8(person) LIMIT 40) v,
    LATERAL pg_temp.by_group(pg_temp.counted('person', 1, places, 'i', format('d.visit WHERE person = %s AND g = 0', v.person))) k GROUP BY places;
CREATE TEMP TABLE whole AS SELECT p, groups, places, pg_temp.counted(p, groups, places, 't') AS result FROM unnest('{person,person_text,person_uuid}'::text[]) p, unnest('{1,3}'::int[]) groups, unnest('{1,3,8}'::int[]) places;
SELECT ok(count(DISTINCT result) > 15, 'there is something to compare') FROM whole;
SELECT is(pg_temp.counted(p, groups, places, 't', format('(SELECT * FROM d.visit ORDER BY %s) o', o)), result, format('rows ordered by %s: %s, %s, %s', o, p, groups, places)) FROM whole, unnest('{n DESC,"i, g"}'::text[]) o;
SET ehds.dp_memory = '64kB';
SELECT is(pg_temp.counted(p, groups, places, 't'), result, format('beyond its memory: %s, %s, %s', p, groups, places)) FROM whole;
RESET ehds.dp_memory;
CREATE TABLE d.split (LIKE d.visit) PARTITION BY HASH (n);
CREATE TABLE d.split0 PARTITION OF d.split FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE d.split1 PARTITION OF d.split FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO d.split SELECT * FROM d.visit;
ANALYZE d.split;
SET enable_partitionwise_aggregate = on;
SELECT is(pg_temp.counted(p, groups, places, 't', 'd.split'), result, format('united: %s, %s, %s', p, groups, places)) FROM whole;
RESET enable_partitionwise_aggregate;
-- sensitivity, and that it is reached
CREATE FUNCTION pg_temp.worst(groups int, places int, OUT most int, OUT changed int) LANGUAGE plpgsql AS $$
DECLARE p bigint; a int; c int; all_of text := pg_temp.counted('person', groups, places, 'i');
BEGIN
    most := 0; changed := 0;
    FOR p IN SELECT person FROM d.visit GROUP BY 1 ORDER BY hashint8(person) LIMIT 60 LOOP
        SELECT max(abs(coalesce(x.n, 0) - coalesce(y.n, 0))), count(*) FILTER (WHERE x.n IS DISTINCT FROM y.n) INTO a, c FROM pg_temp.by_group(all_of) x FULL JOIN pg_temp.by_group(pg_temp.counted('person', groups, places, 'i', format('d.visit WHERE person <> %s', p))) y USING (g);
        most := greatest(most, a); changed := greatest(changed, c);
    END LOOP;
END $$;
SELECT ok(most BETWEEN 1 AND places AND changed <= 2, format('%s values: without one person %s less, in %s groups', places, most, changed)) FROM unnest('{1,3,8}'::int[]) places, LATERAL pg_temp.worst(2, places);
SELECT is((SELECT n FROM pg_temp.by_group(pg_temp.counted('p', 1, 3, 'v', '(SELECT 1 AS g, 1::bigint AS p, v FROM generate_series(1, 9) v) r'))), 3, 'one person, alone: all of the sensitivity');

-- through the gate
\o /dev/null
CREATE TABLE d.stay (id bigint PRIMARY KEY, person_id bigint NOT NULL, ward integer NOT NULL, code text NOT NULL, cost numeric, score double precision);
INSERT INTO d.stay SELECT p * 4 + k, p, p % 2, 'code ' || (p % 100) * 4 + k, CASE k WHEN 1 THEN 1.0 WHEN 2 THEN 1.00 WHEN 3 THEN 2 END, 1 FROM generate_series(1, 2000) p, generate_series(0, 3) k;
ANALYZE d.stay;
SELECT ehds.protect('d.stay', subject => 'person_id', population => 'd');
DROP ROLE IF EXISTS t_d;
CREATE ROLE t_d LOGIN;
SELECT pg_temp.as_role('t_governor', $q$SELECT ehds.issue_permit('d', 't_d', 'research', valid_until => '2099-12-31', output => 'statistics', epsilon => 1000000, delta => 0.1, epsilon_default => 100, max_groups => 2)$q$);
SELECT pg_temp.as_role('t_governor', $q$SELECT ehds.permit_table('d', 'd.stay')$q$);
SELECT pg_temp.as_role('t_governor2', $q$SELECT ehds.activate_permit('d')$q$);
CREATE FUNCTION pg_temp.asked(query text, epsilon text DEFAULT '1000', max_rows int DEFAULT 4) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ehds.epsilon', epsilon, true), set_config('ehds.max_rows', max_rows::text, true);
    SET LOCAL search_path = permit_d, public, pg_catalog;
    RETURN pg_temp.as_role('t_d', format('SELECT string_agg(r::text, '' '' ORDER BY r::text) FROM (%s) r', query));
END $$;
\o
SELECT is(pg_temp.asked('SELECT ward, count(DISTINCT code), ehds.dp_count_distinct(person_id, code, 8), pg_typeof(count(DISTINCT code)), count(DISTINCT cost) FROM stay GROUP BY ward'), '(0,200,200,bigint,2) (1,200,200,bigint,2)', 'distinct values; equal numbers are one');
SELECT is(pg_temp.asked('SELECT count(DISTINCT code) FILTER (WHERE ward = 1), count(DISTINCT code), count(DISTINCT ward) FROM stay WHERE person_id IS NOT NULL'), '(200,400,2)', 'with FILTER, without keys');
SELECT is(pg_temp.asked('SELECT count(DISTINCT code) FROM stay WHERE ward = 9'), '(0)', 'of nobody');
SELECT throws_ok(format('SELECT pg_temp.asked(%L)', query), state, NULL, query) FROM (VALUES ('SELECT ehds.dp_count_distinct(ward, code) FROM stay', 'ZE002'), ('SELECT ehds.dp_count_distinct(person_id, code, 9) FROM stay', '22023'), ('SELECT ehds.dp_count_distinct(person_id, code, ward) FROM stay', 'ZE002'),
    ('SELECT count(DISTINCT score) FROM stay', 'ZE002'), ('SELECT count(DISTINCT (code, ward)) FROM stay', 'ZE002'), ('SELECT ehds.dp_count_distinct(person_id, person_id) FROM stay', 'ZE002')) t(query, state);
SELECT throws_ok('SELECT ehds.dp_count_distinct(1, 2)', 'ZE002', NULL, 'not outside of a permit');
-- noise: max_values times max_groups over epsilon
CREATE FUNCTION pg_temp.draws(queries int) RETURNS TABLE (x numeric) LANGUAGE plpgsql AS $$
DECLARE query text;
BEGIN
    SELECT format('SELECT string_agg(concat_ws('','', %s), '','') FROM (SELECT %s FROM stay GROUP BY ward) r', string_agg('a' || i, ', '), string_agg(format('ehds.dp_count_distinct(person_id, code, 4) FILTER (WHERE ward < -%s) AS a%s', i, i), ', ')) INTO query FROM generate_series(1, 8) i;
    FOR i IN 1..queries LOOP
        RETURN QUERY SELECT v::numeric FROM regexp_split_to_table(btrim(pg_temp.asked(query, '0.5'), '()"'), ',') v;
    END LOOP;
END $$;
SELECT ok(count(*) = 4000 AND avg(abs(x)) BETWEEN 0.9 * 16 AND 1.1 * 16 AND abs(avg(sign(x))) < 0.1, format('%s draws of mean size %s', count(*), round(avg(abs(x)), 2))) FROM pg_temp.draws(250);
SELECT * FROM finish();
