-- Private quantiles: the weights are those of the definition and merge exactly; one subject moves the
-- distance of a value by at most 1; values are drawn with the probabilities of the exponential mechanism.
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
CREATE SCHEMA q;
-- 300 persons with 1 to 60 rows in up to 9 groups; values of -5..25 and beyond, some missing
CREATE TABLE q.visit AS
SELECT p AS person, p::integer AS person_int, 'person number ' || p || repeat(' long', (p % 4)::int) AS person_text, md5(p::text)::uuid AS person_uuid, g, n,
       CASE WHEN n % 11 <> 0 THEN v END AS i, CASE WHEN n % 17 = 0 THEN 'NaN' WHEN n % 19 = 0 THEN 'Infinity' WHEN n % 11 <> 0 THEN v + 0.25 END::float8 AS f
FROM (SELECT n, (hashint8extended(n, 1) & 511) * (hashint8extended(n, 7) & 511) / 870 AS p, ((hashint8extended(n, 2) & 1023) * (hashint8extended(n, 3) & 1023) / 120000)::integer AS g,
             ((hashint8extended(n, 5) & 63) - 20)::integer AS v FROM generate_series(1, 6000) n) r;
ANALYZE q.visit;
CREATE FUNCTION pg_temp.entries(weights bytea) RETURNS TABLE (value bigint, weight bigint) LANGUAGE sql AS $$
    SELECT ('x' || encode(substr(weights, i * 12 + 1, 4), 'hex'))::bit(32)::bigint, ('x' || encode(substr(weights, i * 12 + 5, 8), 'hex'))::bit(64)::bigint
    FROM generate_series(0, length(weights) / 12 - 1) i
$$;
CREATE FUNCTION pg_temp.gathered(person text, groups int, places int, argument text, source text DEFAULT 'q.visit') RETURNS TABLE (g int, value bigint, weight numeric) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT f.g, e.value, sum(e.weight) FROM (SELECT ehds.dp_gather(%s, %s, 42::bigint, ''values %s -5 25 1 1'', g, %s) AS c FROM %s) a,
        LATERAL ehds.dp_groups(a.c) AS f(g int, n bigint, s bytea), LATERAL pg_temp.entries(f.s) e GROUP BY 1, 2', person, groups, places, argument, source);
END $$;
CREATE FUNCTION pg_temp.text_of(person text, groups int, places int, argument text, source text DEFAULT 'q.visit') RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(r::text, E'\n' ORDER BY r::text) FROM pg_temp.gathered(person, groups, places, argument, source) r
$$;
-- of at most 8 distinct values by definition
CREATE FUNCTION pg_temp.defined(argument text, low int, high int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
    EXECUTE format('SELECT string_agg(r::text, %L ORDER BY r::text) FROM (SELECT g, v + 5, sum(floor(1048576.0 * c / t)) FROM (SELECT *, sum(c) OVER (PARTITION BY person, g) AS t, count(*) OVER (PARTITION BY person, g) AS d FROM
        (SELECT person, g, least(%s, greatest(%s, round((%s)::numeric)))::bigint AS v, count(*) AS c FROM q.visit WHERE (%4$s)::text <> ''NaN'' GROUP BY 1, 2, 3) r) w GROUP BY 1, 2) r', E'\n', high, low, argument) INTO result;
    RETURN result;
END $$;
\o
SELECT no_plan();

SELECT ok(max(d) > 12 AND count(*) FILTER (WHERE d = 1) > 50, 'persons have one value in a group, and more than there are places') FROM (SELECT count(DISTINCT i) AS d FROM q.visit WHERE i IS NOT NULL GROUP BY person, g) p;
-- few values: exactly the definition
SELECT is(pg_temp.text_of(p, 64, 8, a), pg_temp.defined(a, -5, 25), format('weights of %s by %s', a, p)) FROM unnest('{person,person_int}'::text[]) p, unnest('{i / 10,CASE WHEN n % 3 = 0 THEN 3 WHEN n % 5 = 0 THEN 40 ELSE -9 END,f / 12}'::text[]) a;
-- many values: those that are kept are the person's, and weigh 1
SELECT ok(bool_and(w BETWEEN n * (1048576 - places) AND n * 1048576), format('%s places: all together weigh the number of persons', places))
FROM unnest('{1,2,5,8}'::int[]) places, LATERAL (SELECT g, sum(weight) AS w FROM pg_temp.gathered('person', 64, places, 'i') GROUP BY g) x JOIN (SELECT g, count(DISTINCT person) AS n FROM q.visit WHERE i IS NOT NULL GROUP BY g) y USING (g) GROUP BY places;
SELECT ok(bool_and(d = least(places, distinct_values) AND has), format('%s places: of each person as many values as there are places, his own', places)) FROM unnest('{1,3,8}'::int[]) places,
    LATERAL (SELECT v.person, count(DISTINCT least(25, greatest(-5, i))) AS distinct_values, count(DISTINCT v.person) FROM q.visit v WHERE i IS NOT NULL AND g = 0 GROUP BY 1 ORDER BY hashint8(v.person) LIMIT 40) v,
    LATERAL (SELECT count(*) AS d, bool_and(EXISTS (SELECT FROM q.visit o WHERE o.person = v.person AND least(25, greatest(-5, i)) = value - 5 AND g = 0)) AS has FROM pg_temp.gathered('person', 1, places, 'i', format('(SELECT * FROM q.visit WHERE person = %s AND g = 0) r', v.person))) k GROUP BY places;
-- order, memory, workers, states that are united
CREATE TEMP TABLE whole AS SELECT p, groups, places, pg_temp.text_of(p, groups, places, 'i') AS result FROM unnest('{person,person_text,person_uuid}'::text[]) p, unnest('{1,3}'::int[]) groups, unnest('{1,3,8}'::int[]) places;
SELECT ok(count(DISTINCT result) = 18, 'there is something to compare') FROM whole;
SELECT is(pg_temp.text_of(p, groups, places, 'i', format('(SELECT * FROM q.visit ORDER BY %s) o', o)), result, format('rows ordered by %s: %s, %s, %s', o, p, groups, places)) FROM whole, unnest('{n DESC,"i, g"}'::text[]) o;
SET ehds.dp_memory = '64kB';
SELECT is(pg_temp.text_of(p, groups, places, 'i'), result, format('beyond its memory: %s, %s, %s', p, groups, places)) FROM whole;
RESET ehds.dp_memory;
CREATE TABLE q.split (LIKE q.visit) PARTITION BY HASH (n);
CREATE TABLE q.split0 PARTITION OF q.split FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE q.split1 PARTITION OF q.split FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO q.split SELECT * FROM q.visit;
ANALYZE q.split;
SET enable_partitionwise_aggregate = on;
SELECT is(pg_temp.text_of(p, groups, places, 'i', 'q.split'), result, format('united: %s, %s, %s', p, groups, places)) FROM whole;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 3;
ALTER TABLE q.visit SET (parallel_workers = 3);
SELECT is(pg_temp.text_of(p, groups, places, 'i'), result, format('with workers: %s, %s, %s', p, groups, places)) FROM whole;
SET max_parallel_workers_per_gather = 0;
RESET enable_partitionwise_aggregate;

-- sensitivity: of each value and group the distance changes by at most 1 without one person
CREATE FUNCTION pg_temp.distances(groups int, places int, fraction numeric, source text, mutant text DEFAULT '') RETURNS TABLE (g int, x int, distance numeric) LANGUAGE sql AS $$
    WITH w AS (SELECT * FROM pg_temp.gathered('person', groups, places, 'i', source)),
    t AS (SELECT g, sum(weight) AS total FROM w GROUP BY g),
    c AS (SELECT t.g, x, total, (SELECT coalesce(sum(weight), 0) FROM w WHERE w.g = t.g AND value < x) AS smaller, (SELECT coalesce(sum(weight), 0) FROM w WHERE w.g = t.g AND value <= x) AS upto FROM t, generate_series(0, 30) x)
    SELECT g, x, floor(greatest(0, fraction * total - upto, smaller - fraction * total) / (CASE mutant WHEN 'side too small' THEN least(fraction, 1 - fraction) ELSE greatest(fraction, 1 - fraction) END * 1048576 / CASE mutant WHEN 'finer' THEN 2 ELSE 1 END)) FROM c
$$;
CREATE FUNCTION pg_temp.worst(groups int, places int, fraction numeric, persons int, mutant text DEFAULT '', OUT most numeric, OUT changed bigint) LANGUAGE plpgsql AS $$
DECLARE p bigint; a numeric; c bigint;
BEGIN
    most := 0; changed := 0;
    CREATE TEMP TABLE all_of AS SELECT * FROM pg_temp.distances(groups, places, fraction, 'q.visit', mutant);
    FOR p IN SELECT person FROM q.visit GROUP BY 1 ORDER BY hashint8(person) LIMIT persons LOOP
        SELECT max(abs(coalesce(x.distance, 0) - coalesce(y.distance, 0))), count(DISTINCT g) FILTER (WHERE x.distance <> y.distance) INTO a, c FROM all_of x FULL JOIN pg_temp.distances(groups, places, fraction, format('(SELECT * FROM q.visit WHERE person <> %s) r', p), mutant) y USING (g, x);
        most := greatest(most, a); changed := greatest(changed, c);
    END LOOP;
    DROP TABLE all_of;
END $$;
SELECT ok(most = 1 AND changed <= 2, format('%s of %s places: distances change by at most 1 in %s groups', fraction, places, changed)) FROM unnest('{0.5,0.9,0.05}'::numeric[]) fraction, unnest('{1,4}'::int[]) places, LATERAL pg_temp.worst(2, places, fraction, 25);
SELECT ok(most > 1, 'mutant caught: ' || mutant) FROM unnest('{finer,side too small}'::text[]) mutant, LATERAL pg_temp.worst(2, 1, 0.9, 25, mutant);

-- through the gate
\o /dev/null
CREATE TABLE q.few (id bigint PRIMARY KEY, person_id bigint NOT NULL, v integer NOT NULL);
INSERT INTO q.few SELECT p, p, CASE WHEN p < 20 THEN p % 3 ELSE 4 + p % 3 END FROM generate_series(1, 40) p;
CREATE TABLE q.many (id bigint PRIMARY KEY, person_id bigint NOT NULL, ward integer NOT NULL, v integer NOT NULL, x double precision);
INSERT INTO q.many SELECT p * 4 + w, p, w, p, CASE WHEN p % 100 = 0 THEN 'NaN' ELSE p / 100.0 END FROM generate_series(1, 2000) p, generate_series(0, 3) w;
ANALYZE q.few; ANALYZE q.many;
SELECT ehds.protect('q.' || t, subject => 'person_id', population => 'q') FROM unnest('{few,many}'::text[]) t;
SECURITY LABEL FOR pg_ehds ON COLUMN q.many.v IS 'range 1..2000';
DROP ROLE IF EXISTS t_q;
CREATE ROLE t_q LOGIN;
DROP ROLE IF EXISTS t_q_zcdp;
CREATE ROLE t_q_zcdp LOGIN;
SELECT pg_temp.as_role('t_governor', format($q$SELECT ehds.issue_permit(%L, %L, 'research', valid_until => '2099-12-31', output => 'statistics', epsilon => %s, delta => 0.1, epsilon_default => 100, max_groups => 4, accounting => %L)$q$, p, r, e, a))
FROM (VALUES ('q', 't_q', 1000000, 'pure'), ('q-zcdp', 't_q_zcdp', 1000, 'zcdp')) v(p, r, e, a);
SELECT pg_temp.as_role('t_governor', format('SELECT ehds.permit_table(%L, %L)', p, 'q.' || t)) FROM unnest('{few,many}'::text[]) t, unnest('{q,q-zcdp}'::text[]) p;
SELECT pg_temp.as_role('t_governor2', format('SELECT ehds.activate_permit(%L)', p)) FROM unnest('{q,q-zcdp}'::text[]) p;
CREATE FUNCTION pg_temp.asked(query text, epsilon text DEFAULT '1000', role text DEFAULT 't_q') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ehds.epsilon', epsilon, true), set_config('search_path', CASE role WHEN 't_q' THEN 'permit_q' ELSE 'permit_q_zcdp' END || ', public, pg_catalog', true);
    RETURN pg_temp.as_role(role, format('SELECT string_agg(r::text, '' '' ORDER BY r::text) FROM (%s) r', query));
END $$;
\o
-- with so large an epsilon the value is one at distance 0 but for one time in e^100
SELECT is(pg_temp.asked('SELECT ward, ehds.dp_median(person_id, v) IN (1000, 1001), percentile_cont(0.25) WITHIN GROUP (ORDER BY v) IN (500, 501), percentile_cont(0.1) WITHIN GROUP (ORDER BY v DESC) IN (1800, 1801), ehds.dp_quantile(person_id, v, 0, 1, 1000) = 1, ehds.dp_quantile(person_id, v, 1, 1, 1000, 2) = 1000 FROM many GROUP BY ward'),
    '(0,t,t,t,t,t) (1,t,t,t,t,t) (2,t,t,t,t,t) (3,t,t,t,t,t)', 'quantiles with a large epsilon');
SELECT is(pg_temp.asked('SELECT ehds.dp_median(person_id, x, 0, 20) BETWEEN 9.98 AND 10.03, ehds.dp_median(person_id, v, 3000, 4000) = 3000, ehds.dp_median(person_id, v, -10, -5) = -5, pg_typeof(ehds.dp_median(person_id, v)), ehds.dp_median(person_id, v) FILTER (WHERE ward = 1) IN (1000, 1001) FROM many'),
    '(t,t,t,"double precision",t)', 'of other values, of others than the range, with FILTER');
SELECT ok(pg_temp.asked('SELECT ehds.dp_median(person_id, v) BETWEEN 1 AND 2000 FROM many WHERE v > 5000') = '(t)', 'of nobody: any value of the range');
SELECT throws_ok(format('SELECT pg_temp.asked(%L)', query), state, NULL, query) FROM (VALUES ('SELECT ehds.dp_median(person_id, x) FROM many', 'ZE002'), ('SELECT ehds.dp_quantile(person_id, v, 1.5) FROM many', 'ZE002'), ('SELECT ehds.dp_quantile(person_id, v, NULL::float8) FROM many', 'ZE002'),
    ('SELECT ehds.dp_quantile(person_id, v, v) FROM many', 'ZE002'), ('SELECT ehds.dp_median(person_id, v, 9) FROM many', '22023'), ('SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY x) FROM many', 'ZE002'),
    ('SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM many', 'ZE002'), ('SELECT percentile_cont(ARRAY[0.5, NULL]) WITHIN GROUP (ORDER BY v) FROM many', 'ZE002'), ('SELECT mode() WITHIN GROUP (ORDER BY v) FROM many', 'ZE002')) t(query, state);
SELECT throws_ok('SELECT ehds.dp_median(1, 2, 0, 9)', 'ZE002', NULL, 'not outside of a permit');
SELECT throws_ok('SELECT ehds.dp_release_quantile(NULL, 9, 1, 1, 1, NULL)', 'ZE004', NULL, 'dp_release_quantile without an approval');

-- The distribution: chi-square of 3,200 draws over eight values against exp(-epsilon distance / 2). With 7 degrees of freedom
-- it exceeds 61 one time in 1e7 (Laurent, Massart 2000).
CREATE FUNCTION pg_temp.draws(aggregate text, source text, epsilon text, queries int, role text DEFAULT 't_q') RETURNS TABLE (x numeric) LANGUAGE plpgsql AS $$
DECLARE query text;
BEGIN
    SELECT format('SELECT string_agg(concat_ws('','', %s), '','') FROM (SELECT %s FROM %s) r', string_agg('a' || i, ', '), string_agg(format('%s FILTER (WHERE v > -%s) AS a%s', aggregate, i, i), ', '), source) INTO query FROM generate_series(1, 16) i;
    FOR i IN 1..queries LOOP
        RETURN QUERY SELECT v::numeric FROM regexp_split_to_table(btrim(pg_temp.asked(query, epsilon, role), '()"'), ',') v;
    END LOOP;
END $$;
CREATE TEMP TABLE drawn AS SELECT fraction, x::int AS x, count(*) AS n FROM unnest('{0.5,0.8}'::numeric[]) fraction, LATERAL pg_temp.draws(format('ehds.dp_quantile(person_id, v, %s, 0, 7)', fraction), 'few', '0.2', 200) d(x) GROUP BY 1, 2;
CREATE FUNCTION pg_temp.chi_square(fraction numeric, rate numeric) RETURNS numeric LANGUAGE sql AS $$
    WITH d AS (SELECT x, exp(-rate * floor(greatest(0, fraction * 40 - (SELECT count(*) FROM q.few WHERE v <= x), (SELECT count(*) FROM q.few WHERE v < x) - fraction * 40) / greatest(fraction, 1 - fraction))) AS w FROM generate_series(0, 7) x)
    SELECT round(sum((coalesce(n, 0) - e) ^ 2 / e), 1) FROM (SELECT x, 3200 * w / (SELECT sum(w) FROM d) AS e FROM d) e LEFT JOIN drawn ON drawn.x = e.x AND drawn.fraction = $1
$$;
SELECT is(sum(n), 3200::numeric, 'draws') FROM drawn GROUP BY fraction;
SELECT ok(pg_temp.chi_square(fraction, 0.1) < 61, format('exponential mechanism at %s: chi-square %s', fraction, pg_temp.chi_square(fraction, 0.1))) FROM unnest('{0.5,0.8}'::numeric[]) fraction;
SELECT ok(pg_temp.chi_square(fraction, rate) > 61, format('mutant told: rate %s at %s', rate, fraction)) FROM unnest('{0.5,0.8}'::numeric[]) fraction, unnest('{0.05,0.2}'::numeric[]) rate;
-- With little epsilon all values come nearly equally often, the furthest too: of 960 draws less than 60 one time in 1e8.
SELECT ok(count(*) = 8 AND min(n) > 60, 'all values are drawn: ' || string_agg(n::text, ' ')) FROM (SELECT x, count(*) AS n FROM pg_temp.draws('ehds.dp_median(person_id, v, 0, 7)', 'few', '0.002', 60) GROUP BY x) d;
SET statement_timeout = '20s';
SELECT ok(pg_temp.asked(format('SELECT ehds.dp_median(person_id, v) BETWEEN 1 AND 2000 FROM many WHERE %s', rows), '0.000000001') = '(t)', 'the least epsilon is no endless search: ' || rows) FROM unnest('{true,v > 5000}'::text[]) rows;
RESET statement_timeout;
-- In four groups each gets a quarter of epsilon: of 2,000 persons with a value of their own, value 1001 + k has distance 2 k, so the size of
-- the error is geometric with a mean near 1 / (2 rate) - 1/2. 4,000 draws are within 10 % of it but for one time in 1e8. In zCDP each has
-- 2 epsilon / sqrt(4) at the rate epsilon / 2.
SELECT ok(count(*) = 4000 AND avg(greatest(1000 - x, x - 1001)) BETWEEN 0.9 * 4.52 AND 1.1 * 4.52, format('%s: mean error in ranks %s', role, avg(greatest(1000 - x, x - 1001))))
FROM (VALUES ('t_q', '0.8'), ('t_q_zcdp', '0.2')) t(role, epsilon), LATERAL (SELECT x FROM pg_temp.draws('ehds.dp_median(person_id, v)', 'many GROUP BY ward', epsilon, 63, role) LIMIT 4000) d GROUP BY role;
SELECT * FROM finish();
