-- Sums and rows of a bounded release, before any noise: they are what the definitions
-- say, whatever the order of rows, the workers and the memory; and no subject adds more
-- to a statistic than the sensitivity that its noise is made for.
SET client_min_messages = error;
\o /dev/null
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS pg_ehds;

-- 300 persons, some with one row and some with many, in few or many of 12 groups. Values of all
-- types, with NULL, NaN and infinities, most of them within -20..20 and some far outside.
CREATE SCHEMA m;
CREATE TABLE m.visit AS
SELECT CASE WHEN n % 89 <> 0 THEN p END AS person, CASE WHEN n % 89 <> 0 THEN p::integer END AS person_int,
       CASE WHEN n % 89 <> 0 THEN 'person number ' || p || repeat(' long', (p % 5)::int) END AS person_text,
       CASE WHEN n % 89 <> 0 THEN md5(p::text)::uuid END AS person_uuid,
       CASE WHEN g <> 3 THEN g END AS g, 'group ' || g % 7 AS t, n, n % 3 = 0 AS yes,
       CASE WHEN n % 11 = 0 THEN NULL WHEN n % 13 = 0 THEN v * 1000000 ELSE v % 25 END AS i,
       CASE WHEN n % 11 = 0 THEN NULL WHEN n % 13 = 0 THEN v::bigint * 10000000000 ELSE v % 25 END AS b,
       CASE WHEN n % 11 = 0 THEN NULL WHEN n % 17 = 0 THEN 'NaN' WHEN n % 19 = 0 THEN 'Infinity' WHEN n % 23 = 0 THEN '-Infinity'
            WHEN n % 13 = 0 THEN v * 1e300 ELSE (v % 25) + 0.3 END::float8 AS f,
       CASE WHEN n % 11 = 0 THEN NULL WHEN n % 17 = 0 THEN 'NaN' WHEN n % 19 = 0 THEN 'Infinity' WHEN n % 23 = 0 THEN '-Infinity'
            WHEN n % 13 = 0 THEN v * 10::numeric ^ 100000 ELSE (v % 25) + 0.25 END::numeric AS d
FROM (SELECT n, (hashint8extended(n, 1) & 511) * (hashint8extended(n, 7) & 511) / 870 AS p,
             ((hashint8extended(n, 2) & 1023) * (hashint8extended(n, 3) & 1023) / 90000)::integer AS g,
             ((hashint8extended(n, 5) & 127) - 64)::integer AS v
      FROM generate_series(1, 6000) n) r;
ANALYZE m.visit;

-- A measure, as the engine is told it and as its definition reads.
CREATE TYPE measure AS (kind text, r bigint, low bigint, high bigint, num bigint, den bigint, argument text);
CREATE FUNCTION pg_temp.text_of(m measure) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE m.kind WHEN 'rows' THEN format('rows %s', m.r) ELSE format('%s %s %s %s %s %s', m.kind, m.r, m.low, m.high, m.num, m.den) END
$$;
CREATE FUNCTION pg_temp.n_statistics(m measure) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE m.kind WHEN 'mean' THEN 2 WHEN 'spread' THEN 3 ELSE 1 END
$$;
-- bits by which statistic n (from 0) is finer than its unit
CREATE FUNCTION pg_temp.shift(m measure, n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN m.kind NOT IN ('mean', 'spread') THEN 0 WHEN n = 0 THEN 20
                ELSE greatest(0, least(20, 24 - length(ltrim((m.r * (m.high - m.low) ^ n)::bigint::bit(64)::text, '0')))) END
$$;
CREATE FUNCTION pg_temp.sensitivity(m measure, n int) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE m.kind WHEN 'rows' THEN m.r WHEN 'sum' THEN m.r * greatest(abs(m.low), abs(m.high))
                ELSE (CASE n WHEN 0 THEN m.r ELSE m.r * (m.high - m.low)::numeric ^ n END) * 2::numeric ^ pg_temp.shift(m, n) END
$$;
-- What the engine gives, one row a group: keys and statistics as text.
CREATE FUNCTION pg_temp.gathered(person text, keys text, groups int, ms measure[], source text DEFAULT 'm.visit') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    statistics text; sums text; definitions text;
BEGIN
    SELECT string_agg(format('s%s_%s numeric', i, n), ', ' ORDER BY i, n), string_agg(format('trunc(sum(s%s_%s))', i, n), ', ' ORDER BY i, n) INTO statistics, sums
      FROM generate_subscripts(ms, 1) i, generate_series(1, pg_temp.n_statistics(ms[i])) n;
    SELECT string_agg(format('%s %s', k.name, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY n) INTO definitions
      FROM unnest(string_to_array(keys, ',')) WITH ORDINALITY k(name, n) JOIN pg_attribute a ON a.attrelid = 'm.visit'::regclass AND a.attname = k.name;
    RETURN QUERY EXECUTE format('SELECT x::text FROM (SELECT %1$s, sum(persons), %2$s FROM (SELECT ehds.dp_gather(%3$s, %4$s, 42::bigint, %5$L, %1$s, %6$s) AS c FROM %7$s) a,
        LATERAL ehds.dp_groups(a.c) AS f(%8$s, persons bigint, %9$s) GROUP BY %1$s) x', keys, sums, person, groups,
        (SELECT string_agg(pg_temp.text_of(m), '; ' ORDER BY n) FROM unnest(ms) WITH ORDINALITY u(kind, r, low, high, num, den, argument, n), LATERAL (SELECT (kind, r, low, high, num, den, argument)::measure AS m) c),
        (SELECT string_agg(argument, ', ' ORDER BY n) FROM unnest(ms) WITH ORDINALITY u(kind, r, low, high, num, den, argument, n)), source, definitions, statistics);
END $$;
-- The same by definition. mutant: what is done wrong.
CREATE FUNCTION pg_temp.defined(person text, type text, keys text, groups int, ms measure[], mutant text DEFAULT '', source text DEFAULT 'm.visit') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    u text := ''; sums text := ''; statistics text := '';
    m measure; x text; s text[]; w text; i int := 0;
BEGIN
    FOREACH m IN ARRAY ms LOOP
        i := i + 1;
        IF m.kind = 'rows' THEN
            u := u || format(', CASE WHEN %s THEN 1 ELSE 0 END::numeric AS u%s', m.argument, i);
        ELSE
            x := format('((%s)::numeric * %s / %s)', m.argument, m.den, m.num);
            u := u || format(', CASE WHEN (%1$s)::numeric = ''NaN'' THEN %6$s WHEN (%1$s)::numeric IN (''Infinity'', ''-Infinity'') THEN CASE WHEN (%1$s)::numeric > 0 THEN %4$s ELSE %3$s END WHEN %1$s IS NOT NULL THEN %5$s END::numeric AS u%2$s',
                m.argument, i, m.low, m.high, CASE mutant WHEN 'clamped after summing' THEN format('least(1e6, greatest(-1e6, round(%s)))', x) ELSE format('least(%s, greatest(%s, round(%s)))', m.high, m.low, x) END,
                CASE mutant WHEN 'NaN past the clamp' THEN '1000000000' ELSE 'NULL' END);
        END IF;
        sums := sums || format(', count(u%1$s) AS n%1$s, coalesce(sum(u%1$s), 0) AS s%1$s, coalesce(sum(2 * u%1$s - %2$s), 0) AS d%1$s, coalesce(sum((2 * u%1$s - %2$s) ^ 2), 0) AS q%1$s', i, coalesce(m.low + m.high, 0));
        w := format('CASE WHEN n%1$s > %2$s THEN floor(%2$s * 1048576.0 / n%1$s) ELSE 1048576 END', i, m.r);
        s := CASE m.kind
            WHEN 'rows' THEN ARRAY[format('least(s%s, %s)', i, m.r)]
            WHEN 'sum' THEN ARRAY[CASE WHEN mutant IN ('clamped after summing', 'NaN past the clamp', 'rows unbounded') THEN format('s%s', i) ELSE format('least(%s, greatest(%s, s%s))', m.r * greatest(m.high, 0), m.r * least(m.low, 0), i) END]
            ELSE ARRAY[format('n%s * %s', i, w), format('trunc((%s) * d%s / 2::numeric ^ %s)', w, i, 20 - pg_temp.shift(m, 1))]
                 || CASE WHEN m.kind = 'spread' THEN ARRAY[format('trunc((%s) * q%s / 2::numeric ^ %s)', w, i, 20 - pg_temp.shift(m, 2))] ELSE '{}' END END;
        SELECT statistics || string_agg(format(', trunc(sum(%s))', e), '' ORDER BY o) INTO statistics FROM unnest(s) WITH ORDINALITY t(e, o);
    END LOOP;
    RETURN QUERY EXECUTE format('SELECT x::text FROM (SELECT %1$s, count(*)::numeric%2$s FROM (SELECT *, row_number() OVER (PARTITION BY person ORDER BY ehds.dp_pair_hash(person::%7$s, 42, %1$s), %1$s) AS place
        FROM (SELECT person, %1$s%3$s FROM (SELECT %6$s AS person, %1$s%4$s FROM %8$s WHERE %6$s IS NOT NULL) r GROUP BY person, %1$s) g) k WHERE place <= %5$s GROUP BY %1$s) x',
        keys, statistics, sums, u, CASE mutant WHEN 'groups unbounded' THEN 1000 ELSE groups END, person, type, source);
END $$;
CREATE FUNCTION pg_temp.same(person text, type text, keys text, groups int, ms measure[], what text) RETURNS text LANGUAGE sql AS $$
    SELECT is((SELECT string_agg(x, E'\n' ORDER BY x) FROM pg_temp.gathered(person, keys, groups, ms) x),
              (SELECT string_agg(x, E'\n' ORDER BY x) FROM pg_temp.defined(person, type, keys, groups, ms) x), what)
$$;
CREATE TABLE m.measures (id int GENERATED ALWAYS AS IDENTITY, m measure);
INSERT INTO m.measures (m) SELECT row('rows', r, NULL, NULL, NULL, NULL, a)::measure FROM unnest('{1,3,10000}'::int[]) r, unnest('{true,yes,i IS NOT NULL AND i > 0}'::text[]) a;
INSERT INTO m.measures (m) SELECT row(kind, r, low, high, num, den, a)::measure
FROM unnest('{sum,mean,spread}'::text[]) kind, unnest('{1,2,50}'::int[]) r,
     (VALUES (0, 10, 1, 1), (-20, 20, 1, 1), (-1000, 10, 1, 1), (5, 9, 1, 1), (-9, -5, 1, 1), (-40, 200, 1, 10), (-3, 2, 7, 1), (-1, 3, 6, 1), (0, 1, 1, 1)) s(low, high, num, den),
     unnest('{i,b,f,d}'::text[]) a WHERE NOT (a = 'd' AND num > 1);
INSERT INTO m.measures (m) SELECT row(kind, 2, -5000000, 5000000, 1, 1000000, a)::measure FROM unnest('{sum,mean}'::text[]) kind, unnest('{i,b,f,d}'::text[]) a;
CREATE FUNCTION pg_temp.batch(n int) RETURNS measure[] LANGUAGE sql AS $$ SELECT array_agg(m) FROM (SELECT m, row_number() OVER (ORDER BY hashint4(id)) AS place FROM m.measures) r WHERE place % 24 = n % 24 $$;
\o
SELECT no_plan();

-- the definition can tell
SELECT ok((SELECT string_agg(x, ',' ORDER BY x) FROM pg_temp.defined('person', 'bigint', 'g', 2, ARRAY[row('sum', 2, -20, 20, 1, 1, a)::measure]) x)
          <> (SELECT string_agg(x, ',' ORDER BY x) FROM pg_temp.defined('person', 'bigint', 'g', 2, ARRAY[row('sum', 2, -20, 20, 1, 1, a)::measure], mutant) x), format('mutant told of %s: %s', a, mutant))
FROM unnest('{i,b,f,d}'::text[]) a, unnest('{clamped after summing,rows unbounded,NaN past the clamp,groups unbounded}'::text[]) mutant WHERE mutant !~ 'NaN' OR a IN ('f', 'd');
SELECT ok(max(n) > 60 AND min(n) = 1, 'persons have one row, and many') FROM (SELECT count(*) AS n FROM m.visit WHERE person IS NOT NULL GROUP BY person) p;

-- property: gathered is defined
SELECT pg_temp.same('person', 'bigint', 'g', 3, pg_temp.batch(n), format('batch %s of %s measures', n, cardinality(pg_temp.batch(n)))) FROM generate_series(0, 23) n;
SELECT pg_temp.same(p.person, p.type, k.keys, groups, pg_temp.batch(groups + 5), format('%s by %s, %s groups', p.person, k.keys, groups))
FROM (VALUES ('person', 'bigint'), ('person_int', 'bigint'), ('person_text', 'text'), ('person_uuid', 'uuid')) p(person, type), unnest('{g,"t,g"}'::text[]) k(keys), unnest('{1,2,64}'::int[]) groups WHERE groups < 64 OR k.keys = 'g';
SELECT is((SELECT string_agg(x, ',' ORDER BY x) FROM pg_temp.gathered('person', 'g', 3, pg_temp.batch(4), format('(SELECT * FROM m.visit ORDER BY %s) o', o)) x),
          (SELECT string_agg(x, ',' ORDER BY x) FROM pg_temp.gathered('person', 'g', 3, pg_temp.batch(4)) x), 'rows ordered by ' || o) FROM unnest('{n,"n DESC","g, n","g DESC, n","person, i"}'::text[]) o;

-- workers, states that are united, temporary files
CREATE TABLE m.serial AS SELECT p.person, groups, (SELECT string_agg(x, E'\n' ORDER BY x) FROM pg_temp.gathered(p.person, 'g,t', groups, pg_temp.batch(groups)) x) AS result
FROM unnest('{person,person_text,person_uuid}'::text[]) p(person), unnest('{1,2,5}'::int[]) groups;
-- as few words as records of buffers have room for; records that need more room from some row on
CREATE TABLE m.serial_few AS SELECT p.person, n, (SELECT string_agg(x, E'\n' ORDER BY x) FROM pg_temp.gathered(p.person, 'g,t', 2, (pg_temp.batch(n))[1:1]) x) AS result
FROM unnest('{person,"person + CASE WHEN n % 500 = 3 THEN 1::bigint << 40 ELSE 0 END",person_uuid}'::text[]) p(person), generate_series(0, 11) n;
SET ehds.dp_memory = '64kB';
SELECT is((SELECT string_agg(x, E'\n' ORDER BY x) FROM pg_temp.gathered(person, 'g,t', groups, pg_temp.batch(groups)) x), result, format('beyond its memory: %s, %s groups', person, groups)) FROM m.serial;
RESET ehds.dp_memory;
CREATE TABLE m.split (LIKE m.visit) PARTITION BY HASH (n);
CREATE TABLE m.split0 PARTITION OF m.split FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE m.split1 PARTITION OF m.split FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE m.split2 PARTITION OF m.split FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO m.split SELECT * FROM m.visit;
ANALYZE m.split;
SET enable_partitionwise_aggregate = on;
SELECT is((SELECT string_agg(x, E'\n' ORDER BY x) FROM pg_temp.gathered(person, 'g,t', groups, pg_temp.batch(groups), 'm.split') x), result, format('united: %s, %s groups', person, groups)) FROM m.serial;
SELECT is((SELECT string_agg(x, E'\n' ORDER BY x) FROM pg_temp.gathered(person, 'g,t', 2, (pg_temp.batch(n))[1:1], 'm.split') x), result, format('united: few words %s of %s', n, person)) FROM m.serial_few;
SET ehds.dp_memory = '64kB';
SELECT is((SELECT string_agg(x, E'\n' ORDER BY x) FROM pg_temp.gathered(person, 'g,t', 2, (pg_temp.batch(n))[1:1], 'm.split') x), result, format('united beyond their memory: few words %s of %s', n, person)) FROM m.serial_few;
SELECT is((SELECT string_agg(x, E'\n' ORDER BY x) FROM pg_temp.gathered(person, 'g,t', groups, pg_temp.batch(groups), 'm.split') x), result, format('united beyond their memory: %s, %s groups', person, groups)) FROM m.serial;
RESET ehds.dp_memory;
RESET enable_partitionwise_aggregate;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 3;
ALTER TABLE m.visit SET (parallel_workers = 3);
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; result text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP result := result || line || E'\n'; END LOOP;
    RETURN result;
END $$;
SELECT ok(plan ~ 'Finalize Aggregate' AND plan ~ 'Workers Launched: [123]', 'workers gather') FROM
    pg_temp.plan_of('SELECT f.* FROM (SELECT ehds.dp_gather(person, 2, 42::bigint, ''rows 1'', g, true) AS c FROM m.visit) a, LATERAL ehds.dp_groups(a.c) AS f(g int, n bigint, s numeric)') plan;
SELECT is((SELECT string_agg(x, E'\n' ORDER BY x) FROM pg_temp.gathered(person, 'g,t', groups, pg_temp.batch(groups)) x), result, format('with workers: %s, %s groups', person, groups)) FROM m.serial;
SELECT is((SELECT string_agg(x, E'\n' ORDER BY x) FROM pg_temp.gathered(person, 'g,t', 2, (pg_temp.batch(n))[1:1]) x), result, format('with workers: few words %s of %s', n, person)) FROM m.serial_few;
SET max_parallel_workers_per_gather = 0;

-- Sensitivity: without one subject, at most max_groups groups change, and each statistic by at most what is claimed.
CREATE FUNCTION pg_temp.cells(lines text[]) RETURNS TABLE (g text, statistic int, value numeric) LANGUAGE sql AS $$
    SELECT c[1], o::int - 2, v::numeric FROM unnest(lines) line, LATERAL (SELECT string_to_array(btrim(line, '()'), ',') AS c) s, LATERAL unnest(c) WITH ORDINALITY u(v, o) WHERE o > 2
$$;
-- the largest change of a statistic in units of its sensitivity, and the most groups that change, over all neighbours without one of the first subjects
CREATE FUNCTION pg_temp.worst(ms measure[], groups int, mutant text, persons int, OUT share numeric, OUT changed bigint) LANGUAGE plpgsql AS $$
DECLARE
    person bigint; whole text[]; without text[]; claimed numeric[]; a numeric; c bigint;
BEGIN
    SELECT array_agg(pg_temp.sensitivity(ms[i], n) ORDER BY i, n) INTO claimed FROM generate_subscripts(ms, 1) i, generate_series(0, pg_temp.n_statistics(ms[i]) - 1) n;
    IF mutant = 'sensitivity is |high|' THEN
        SELECT array_agg(m.r * abs(m.high) ORDER BY o) INTO claimed FROM unnest(ms) WITH ORDINALITY m(kind, r, low, high, num, den, argument, o);
    END IF;
    share := 0; changed := 0;
    whole := CASE WHEN mutant IN ('', 'sensitivity is |high|') THEN ARRAY(SELECT pg_temp.gathered('person', 'g', groups, ms)) ELSE ARRAY(SELECT pg_temp.defined('person', 'bigint', 'g', groups, ms, mutant)) END;
    FOR person IN SELECT v.person FROM m.visit v WHERE v.person IS NOT NULL GROUP BY 1 ORDER BY hashint8extended(v.person, 99) LIMIT persons LOOP
        without := CASE WHEN mutant IN ('', 'sensitivity is |high|') THEN ARRAY(SELECT pg_temp.gathered('person', 'g', groups, ms, format('(SELECT * FROM m.visit WHERE person <> %s) r', person)))
                   ELSE ARRAY(SELECT pg_temp.defined('person', 'bigint', 'g', groups, ms, mutant, format('(SELECT * FROM m.visit WHERE person <> %s) r', person))) END;
        SELECT max(abs(coalesce(x.value, 0) - coalesce(y.value, 0)) / claimed[coalesce(x.statistic, y.statistic) + 0]), count(DISTINCT coalesce(x.g, y.g)) FILTER (WHERE x.value IS DISTINCT FROM y.value)
          INTO a, c FROM pg_temp.cells(whole) x FULL JOIN pg_temp.cells(without) y USING (g, statistic);
        share := greatest(share, a); changed := greatest(changed, c);
    END LOOP;
END $$;
SELECT ok(share <= 1 AND share > 0.5 AND changed <= 3, format('batch %s: %s of the sensitivity, %s groups', n, round(share, 3), changed))
FROM generate_series(0, 23) n, LATERAL pg_temp.worst(pg_temp.batch(n), 3, '', 30);
SELECT is(changed, 2::bigint, 'a person with many groups changes max_groups of them') FROM pg_temp.worst(pg_temp.batch(4), 2, '', 100);
-- a bound that is reached: the claim is not larger than it must be
SELECT is(share, 1.0, 'a sensitivity is reached: ' || kind) FROM unnest('{rows,sum}'::text[]) kind,
    LATERAL pg_temp.worst(ARRAY[CASE kind WHEN 'rows' THEN row('rows', 2, NULL, NULL, NULL, NULL, 'true')::measure ELSE row('sum', 2, -20, 5, 1, 1, 'i')::measure END], 3, '', 300);
-- mutants
SELECT ok(share > 1, 'mutant caught: ' || mutant) FROM (VALUES ('sensitivity is |high|', -1000, 10, 'b'), ('clamped after summing', -20, 20, 'b'), ('NaN past the clamp', -20, 20, 'f'), ('rows unbounded', -20, 20, 'i')) v(mutant, low, high, a),
    LATERAL pg_temp.worst(ARRAY[row('sum', 2, low, high, 1, 1, a)::measure], 3, mutant, 100);
SELECT ok(changed > 3, 'mutant caught: groups unbounded') FROM pg_temp.worst(ARRAY[row('rows', 1, NULL, NULL, NULL, NULL, 'true')::measure], 3, 'groups unbounded', 100);

-- what is refused before any row, and by whom it may be called
SELECT throws_ok(format('SELECT ehds.dp_gather(1::bigint, 1, 1::bigint, %L, 1, 1)', t), '22023', NULL, format('"%s" is no measure', t))
FROM unnest('{sum 1 0 10 1,sum 0 0 10 1 1,sum 10001 0 10 1 1,sum 1 10 10 1 1,sum 1 0 10 0 1,sum 1 0 10 1 -1,mean 1 0 9999999999 1 1,spread 1 0 65537 1 1,sum 1 -1099511627777 0 1 1,median 1 0 1 1 1,rows,rows 0,sum 1 0 10 1 1; ,sum 1 0 99999999999999999999 1 1}'::text[]) t;
SELECT throws_ok($$SELECT ehds.dp_gather(1::bigint, 1, 1::bigint, 'sum 1 0 10 1 1', 1, 'x'::text)$$, '42804', NULL, 'a text has no sum');
SELECT throws_ok($$SELECT ehds.dp_gather(1::bigint, 1, 1::bigint, 'rows 1', 1, 1)$$, '42804', NULL, 'rows take a condition');
SELECT throws_ok($$SELECT ehds.dp_gather(1::bigint, 1, 1::bigint, 'rows 1', true)$$, '54000', NULL, 'a key is needed');
SELECT throws_ok($$SELECT f.* FROM (SELECT ehds.dp_gather(1::bigint, 1, 1::bigint, 'rows 1', 1, true) AS c) a, LATERAL ehds.dp_groups(a.c) AS f(g int, n bigint, s bigint)$$, '42804', NULL, 'statistics are numeric');
SELECT throws_ok(format('SELECT ehds.%s(1::bigint, 3, NULL::ehds.approval, ''rows 1'', 1, true)', a), 'ZE004', NULL, a || ' without an approval') FROM unnest('{dp_gather,dp_gather_alone}'::text[]) a;
SELECT throws_ok('SELECT ehds.dp_noise(1, 1, 1, NULL)', 'ZE004', NULL, 'dp_noise without an approval');
SELECT is(has_function_privilege('public', p.oid, 'EXECUTE'), p.proname ~ '^dp_(gather|gather_alone|noise)$' AND 'ehds.approval'::regtype = ANY (p.proargtypes), p.oid::regprocedure || ' is for the gate or for superusers')
FROM pg_proc p WHERE pronamespace = 'ehds'::regnamespace AND proname ~ '^dp_(gather|noise$|word)';
SELECT * FROM finish();
