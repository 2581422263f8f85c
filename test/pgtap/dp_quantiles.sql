-- Several private quantiles in one aggregate: surface, order, charge, what is told, and what of a
-- permit's share a node of the tree gets. test/unit/quantile_tree.c has the tree itself.
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
CREATE SCHEMA q;
CREATE TABLE q.many (id bigint PRIMARY KEY, person_id bigint NOT NULL, ward integer NOT NULL, v integer NOT NULL, s smallint NOT NULL, x double precision, born date, at timestamp, since timestamptz);
INSERT INTO q.many SELECT p * 4 + w, p, w, p, p, CASE WHEN p % 100 = 0 THEN 'NaN' ELSE p / 100.0 END, date '2000-01-01' + p, timestamp '2000-01-01' + p * interval '1 hour', timestamptz '2000-01-01 00:00 UTC' + p * interval '1 hour'
FROM generate_series(1, 2000) p, generate_series(0, 3) w;
-- in each ward 25 persons with 0 and 20 with 1
CREATE TABLE q.two (id bigint PRIMARY KEY, person_id bigint NOT NULL, ward integer NOT NULL, v integer NOT NULL);
INSERT INTO q.two SELECT p * 4 + w, p, w, (p > 25)::integer FROM generate_series(1, 45) p, generate_series(0, 3) w;
CREATE TABLE q.ward (ward_id integer PRIMARY KEY);
INSERT INTO q.ward SELECT generate_series(0, 4);
ANALYZE q.many; ANALYZE q.two;
SECURITY LABEL FOR pg_ehds ON TABLE q.ward IS 'public';
SELECT ehds.protect('q.' || t, subject => 'person_id', population => 'q') FROM unnest('{many,two}'::text[]) t;
SECURITY LABEL FOR pg_ehds ON COLUMN q.many.v IS 'range 1..2000';
SECURITY LABEL FOR pg_ehds ON COLUMN q.many.s IS 'range 1..2000';
SECURITY LABEL FOR pg_ehds ON COLUMN q.many.born IS 'range 2000-01-01..2009-12-31';
DROP ROLE IF EXISTS t_q;
CREATE ROLE t_q LOGIN;
DROP ROLE IF EXISTS t_q_zcdp;
CREATE ROLE t_q_zcdp LOGIN;
SELECT pg_temp.as_role('t_governor', format($q$SELECT ehds.issue_permit(%L, %L, 'research', valid_until => '2099-12-31', output => 'statistics', epsilon => %s, delta => 0.1, epsilon_default => 100, max_groups => 4, accounting => %L)$q$, p, r, e, a))
FROM (VALUES ('q', 't_q', 1000000, 'pure'), ('q-zcdp', 't_q_zcdp', 1000, 'zcdp')) v(p, r, e, a);
SELECT pg_temp.as_role('t_governor', format('SELECT ehds.permit_table(%L, %L)', p, 'q.' || t)) FROM unnest('{many,two}'::text[]) t, unnest('{q,q-zcdp}'::text[]) p;
SELECT pg_temp.as_role('t_governor2', format('SELECT ehds.activate_permit(%L)', p)) FROM unnest('{q,q-zcdp}'::text[]) p;
GRANT USAGE ON SCHEMA q TO t_q, t_q_zcdp;
GRANT SELECT ON q.ward TO t_q, t_q_zcdp;
CREATE FUNCTION pg_temp.asked(query text, epsilon text DEFAULT '1000', role text DEFAULT 't_q') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ehds.epsilon', epsilon, true), set_config('search_path', CASE role WHEN 't_q' THEN 'permit_q' ELSE 'permit_q_zcdp' END || ', public, pg_catalog', true);
    RETURN pg_temp.as_role(role, format('SELECT string_agg(r::text, '' '' ORDER BY r::text) FROM (%s) r', query));
END $$;
CREATE FUNCTION pg_temp.told(query text, epsilon text DEFAULT '1', role text DEFAULT 't_q', target text DEFAULT '') RETURNS TABLE (mechanism text, scale numeric, half_width numeric, cost numeric, remark text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ehds.epsilon', CASE target WHEN '' THEN epsilon ELSE '' END, true), set_config('ehds.error_target', target, true), set_config('search_path', CASE role WHEN 't_q' THEN 'permit_q' ELSE 'permit_q_zcdp' END || ', public, pg_catalog', true);
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', role);
    RETURN QUERY SELECT e.mechanism, round(e.scale::numeric, 3), round(e.half_width::numeric, 3), coalesce(e.epsilon, e.rho), e.remark FROM ehds.explain_privacy(query) e WHERE item = 'figure';
    RESET SESSION AUTHORIZATION;
END $$;
\set tenths '''{0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9}'''
\o
SELECT no_plan();

-- with so large an epsilon they are near what they should be
CREATE TEMP TABLE calls AS SELECT * FROM (VALUES
    ('up to three', 'ehds.dp_quantile(person_id, v, ARRAY[0.1, 0.2, 0.3])', 'double precision[]'),
    ('nine', 'ehds.dp_quantile(person_id, v, ''{0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9}''::float8[])', 'double precision[]'),
    ('nine of a given range', 'ehds.dp_quantile(person_id, v, ''{0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9}''::float8[], 0, 60000)', 'double precision[]'),
    ('with max_rows', 'ehds.dp_quantile(person_id, v, ''{0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9}''::numeric[], 0, 5000, 2)', 'double precision[]'),
    ('with max_rows and a label', 'ehds.dp_quantile(person_id, s, ''{0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9}''::numeric[], 2)', 'double precision[]'),
    ('percentile_cont', 'percentile_cont(ARRAY[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]) WITHIN GROUP (ORDER BY v)', 'double precision[]'),
    ('percentile_cont, descending', 'percentile_cont(ARRAY[0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]) WITHIN GROUP (ORDER BY v DESC)', 'double precision[]'),
    ('percentile_disc', 'percentile_disc(ARRAY[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]) WITHIN GROUP (ORDER BY v)', 'integer[]'),
    ('percentile_disc of smallint', 'percentile_disc(ARRAY[0.1, 0.2]) WITHIN GROUP (ORDER BY s)', 'smallint[]'),
    ('with FILTER', 'ehds.dp_quantile(person_id, v, ARRAY[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]) FILTER (WHERE ward = 2)', 'double precision[]')) v(what, call, type);
SELECT is(pg_temp.asked(format('SELECT pg_typeof(q), cardinality(q) = %s, (SELECT max(abs(x - 200 * i)) < 8 FROM unnest(q) WITH ORDINALITY u(x, i)) FROM (SELECT %s AS q FROM many) s', CASE WHEN call ~ '0.9' THEN 9 WHEN call ~ '0.3' THEN 3 ELSE 2 END, call), CASE role WHEN 't_q' THEN '1000' ELSE '5' END, role),
    format('(%s,t,t)', CASE WHEN type ~ ' ' THEN '"' || type || '"' ELSE type END), format('%s, %s', what, role)) FROM calls, unnest('{t_q,t_q_zcdp}'::text[]) role;
SELECT is(pg_temp.asked(format('SELECT pg_typeof(q), q[1] - %1$s < %2$s AND %1$s - q[1] < %2$s, q[4] - %3$s < %2$s AND %3$s - q[4] < %2$s FROM (SELECT %4$s AS q FROM many) s', first, near, fourth, call)), format('(%s,t,t)', type), call) FROM (VALUES
    ('ehds.dp_quantile(person_id, born, ARRAY[0.1, 0.2, 0.3, 0.4])', 'date ''2000-07-19''', '5', 'date ''2002-03-11''', 'date[]'),
    ('percentile_disc(ARRAY[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) WITHIN GROUP (ORDER BY born)', 'date ''2000-07-19''', '5', 'date ''2002-03-11''', 'date[]'),
    ('ehds.dp_quantile(person_id, at, ARRAY[0.1, 0.2, 0.3, 0.4], ''2000-01-01'', ''2000-12-31'')', 'timestamp ''2000-01-09 08:00''', 'interval ''5 hours''', 'timestamp ''2000-02-03 08:00''', '"timestamp without time zone[]"'),
    ('ehds.dp_quantile(person_id, since, ARRAY[0.1, 0.2, 0.3, 0.4], timestamptz ''2000-01-01 00:00 UTC'', timestamptz ''2000-12-31 00:00 UTC'')', 'timestamptz ''2000-01-09 08:00 UTC''', 'interval ''5 hours''', 'timestamptz ''2000-02-03 08:00 UTC''', '"timestamp with time zone[]"'),
    ('ehds.dp_quantile(person_id, x, ARRAY[0.1, 0.2, 0.3, 0.4], 0, 20)', '2::float8', '0.1::float8', '8::float8', '"double precision[]"'),
    ('ehds.dp_quantile(person_id, x::numeric, ARRAY[0.1, 0.2, 0.3, 0.4], 0, 20)', '2::float8', '0.1::float8', '8::float8', '"double precision[]"')) v(call, first, near, fourth, type);
-- in groups, and in sets of them
SELECT is(pg_temp.asked('SELECT ward, (SELECT max(abs(x - 200 * i)) < 12 FROM unnest(q) WITH ORDINALITY u(x, i)), m > 0 FROM (SELECT ward, ehds.dp_quantile(person_id, v, ARRAY[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]) AS q, ehds.dp_median(person_id, v) AS m FROM many GROUP BY ROLLUP (ward)) s', e, role),
    '(,t,t) (0,t,t) (1,t,t) (2,t,t) (3,t,t)', 'ROLLUP, ' || role) FROM (VALUES ('t_q', '1000'), ('t_q_zcdp', '5')) v(role, e);
SELECT is(pg_temp.asked('SELECT ward_id, cardinality(q), q[1] >= 1 AND q[4] <= 2000 AND q[1] <= q[2] AND q[2] <= q[3] AND q[3] <= q[4] FROM (SELECT ward_id, ehds.dp_quantile(person_id, v, ARRAY[0.2, 0.4, 0.6, 0.8]) AS q FROM q.ward LEFT JOIN many ON ward = ward_id GROUP BY ward_id) s', e),
    '(0,4,t) (1,4,t) (2,4,t) (3,4,t) (4,4,t)', 'public keys, with a group of nobody, epsilon ' || e) FROM unnest('{1000,1}'::text[]) e;
SELECT is(pg_temp.asked('SELECT cardinality(q), q[1] >= 1 AND q[5] <= 2000 FROM (SELECT ehds.dp_quantile(person_id, v, ARRAY[0, 0.2, 0.4, 0.6, 1]) AS q FROM many WHERE v > 5000) s', '1', role), '(5,t)', 'of nobody: values of the range, ' || role) FROM unnest('{t_q,t_q_zcdp}'::text[]) role;
SELECT is(pg_temp.asked('SELECT ehds.dp_quantile(person_id, v, ARRAY[0.1, 0.2, 0.5, 0.8, 0.9], 3000, 4000), ehds.dp_quantile(person_id, v, ARRAY[0.1, 0.2, 0.5, 0.8, 0.9], -10, -5) FROM many'), '("{3000,3000,3000,3000,3000}","{-5,-5,-5,-5,-5}")', 'all at a bound');

-- in the order of the fractions, however they are written; equal ones have one answer
SELECT is(pg_temp.asked(format('SELECT q[1] = q[4] AND q[2] <= q[6] AND q[6] <= q[1] AND q[1] <= q[5] AND q[5] <= q[3] FROM (SELECT ehds.dp_quantile(person_id, v, ARRAY[0.5, 0.1, 0.9, 0.5, 0.7, 0.3]%s) AS q FROM many) s', r), e, role), '(t)', format('mixed fractions, epsilon %s, %s', e, role))
FROM (VALUES ('', '0.01'), (', 0, 5', '0.01'), ('', '1')) v(r, e), unnest('{t_q,t_q_zcdp}'::text[]) role;
SELECT is(pg_temp.asked('SELECT q[1] = q[2] AND q[1] <= q[3] FROM (SELECT ehds.dp_quantile(person_id, v, ARRAY[0.5, 0.5, 0.6]) AS q FROM many) s', '0.01'), '(t)', 'two by the exponential mechanism, in order too') FROM generate_series(1, 8);

-- the charge of an array is that of one quantile, whatever is in it
SELECT results_eq(format('SELECT cost FROM pg_temp.told(%L, role => %L)', format('SELECT ehds.dp_quantile(person_id, v, %s) FROM many', f), role), format('VALUES (%s::numeric)', CASE role WHEN 't_q' THEN 1 ELSE 0.5 END), format('%s, %s', f, role))
FROM unnest(ARRAY['0.5', 'ARRAY[0.5]', 'ARRAY[0.1, 0.5, 0.9]', 'ARRAY[0.1, 0.3, 0.5, 0.7, 0.9, 0.95]']) f, unnest('{t_q,t_q_zcdp}'::text[]) role;
SELECT is(pg_temp.asked('SELECT (ehds.dp_quantile(person_id, v, ARRAY[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]))[2] - (ehds.dp_quantile(person_id, v, ARRAY[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]))[2] FROM many', '0.1'), '(0)', 'the same twice is one release');

-- which mechanism, and what is told of it
SELECT is(mechanism, m, format('%s fractions of %s, %s', n, r, role)) FROM (VALUES
    (1, '0, 50000', 't_q', 'exponential'), (3, '0, 50000', 't_q', 'exponential'), (4, '0, 50000', 't_q', 'exponential'), (9, '0, 50000', 't_q', 'tree of weights with discrete Laplace noise'), (99, '0, 50000', 't_q', 'tree of weights with discrete Laplace noise'),
    (3, '0, 100', 't_q', 'exponential'), (4, '0, 100', 't_q', 'tree of weights with discrete Laplace noise'),
    (9, '0, 50000', 't_q_zcdp', 'exponential'), (99, '0, 50000', 't_q_zcdp', 'tree of weights with discrete Gaussian noise'), (9, '0, 100', 't_q_zcdp', 'tree of weights with discrete Gaussian noise')) v(n, r, role, m),
    LATERAL (SELECT replace(t.mechanism, ', in ranks of persons', '') AS mechanism FROM pg_temp.told(format('SELECT ehds.dp_quantile(person_id, v, %L::float8[], %s) FROM many', (SELECT array_agg(i / (n + 1.0)) FROM generate_series(1, n) i), r), role => role) t) t;
-- two levels of 11 share epsilon: 2 / epsilon, in zCDP sqrt(2) / epsilon; with GROUP BY four times, and twice as much
SELECT is(round(scale, 2), s, format('scale with %s, %s', g, role)) FROM (VALUES ('', 't_q', 2.00), ('GROUP BY ward', 't_q', 8.00), ('', 't_q_zcdp', 1.41), ('GROUP BY ward', 't_q_zcdp', 2.83)) v(g, role, s),
    pg_temp.told(format('SELECT ehds.dp_quantile(person_id, v, %L::float8[], 0, 120) FROM many %s', :tenths, g), role => role) WHERE mechanism ~ 'tree';
SELECT ok(half_width BETWEEN low AND high, format('%s of %s, %s: %s', f, r, role, half_width)) FROM (VALUES
    ('{0.5}', '0, 50000', 't_q', 14, 16), ('{0.25,0.5,0.75}', '0, 50000', 't_q', 65, 75), ('{0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9}', '0, 50000', 't_q', 90, 120), ('{0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9}', '0, 100', 't_q', 30, 45), ('{0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9}', '0, 100', 't_q_zcdp', 8, 25)) v(f, r, role, low, high),
    pg_temp.told(format('SELECT ehds.dp_quantile(person_id, v, %L::float8[], %s) FROM many', f, r), role => role);
-- a precision that is asked for is kept, with the mechanism that costs least for it
SELECT ok(half_width <= 40 AND half_width > 39 AND mechanism ~ m, format('ehds.error_target of 40: %s by %s', half_width, mechanism)) FROM (VALUES (3, 'exponential'), (5, 'tree'), (9, 'tree')) v(n, m),
    pg_temp.told(format('SELECT ehds.dp_quantile(person_id, v, %L::float8[], 0, 50000) FROM many', (SELECT array_agg(i / (n + 1.0)) FROM generate_series(1, n) i)), target => '40');

SELECT throws_ok(format('SELECT pg_temp.asked(%L)', format('SELECT %s FROM many', call)), state, message, call) FROM (VALUES
    ('ehds.dp_quantile(person_id, v, ARRAY[0.5, NULL])', 'ZE002', 'the fractions of dp_quantile must be a constant array of 1 to 1000 numbers between 0 and 1, without NULLs'),
    ('ehds.dp_quantile(person_id, v, ARRAY[0.5, 1.1])', 'ZE002', 'the fractions of dp_quantile must be a constant array of 1 to 1000 numbers between 0 and 1, without NULLs'),
    ('ehds.dp_quantile(person_id, v, ARRAY[-0.1])', 'ZE002', NULL), ('ehds.dp_quantile(person_id, v, ARRAY[''NaN''::float8])', 'ZE002', NULL), ('ehds.dp_quantile(person_id, v, ''{}''::float8[])', 'ZE002', NULL),
    ('ehds.dp_quantile(person_id, v, NULL::float8[])', 'ZE002', NULL), ('ehds.dp_quantile(person_id, v, ARRAY[[0.1, 0.2], [0.3, 0.4]])', 'ZE002', NULL), ('ehds.dp_quantile(person_id, v, ARRAY[v])', 'ZE002', NULL),
    ('ehds.dp_quantile(person_id, v, array_fill(0.5::float8, ARRAY[1001]))', 'ZE002', NULL),
    ('percentile_cont(''{}''::float8[]) WITHIN GROUP (ORDER BY v)', 'ZE002', 'the fractions of percentile_cont must be a constant array of 1 to 1000 numbers between 0 and 1, without NULLs'),
    ('percentile_disc(ARRAY[0.5, 2]) WITHIN GROUP (ORDER BY v)', 'ZE002', NULL), ('percentile_cont(ARRAY[0.5, 0.6]) WITHIN GROUP (ORDER BY x)', 'ZE002', NULL),
    ('ehds.dp_quantile(person_id, x, ARRAY[0.5, 0.6])', 'ZE002', NULL), ('ehds.dp_quantile(person_id, v, ARRAY[0.5, 0.6], 9, 3)', '22023', NULL), ('ehds.dp_quantile(person_id, v, ARRAY[0.5, 0.6], 9)', '22023', NULL)) v(call, state, message);
SELECT is(pg_temp.asked('SELECT cardinality(ehds.dp_quantile(person_id, v, array_fill(0.5::float8, ARRAY[1000]))) FROM many'), '(1000)', 'a thousand, all equal');
SELECT throws_ok('SELECT ehds.dp_quantile(1, 2, ARRAY[0.5, 0.6], 0, 9)', 'ZE002', NULL, 'not outside of a permit');
SELECT throws_ok(format('SELECT ehds.%s(NULL, 9, ''{1}'', 1, 1, NULL)', f), 'ZE004', NULL, f || ' without an approval') FROM unnest('{dp_release_quantiles,dp_release_quantile_tree,dp_release_quantile_tree_gaussian}'::text[]) f;

-- What a node gets.  A range of two values is a tree of two nodes; in four groups each has Laplace noise of scale 4 / epsilon = 5, in zCDP Gaussian
-- noise with sigma 2 / epsilon = 5. The median is 1 if 25 + X <= 20 + Y: with probability exp(-1) (1 + 1/2) / 2 = 0.2759, and Phi(-5 / sqrt(50)) = 0.2398.
-- Of 4,032 draws that is off by 0.04 one time in 1e8. The noise is in 2^-20 persons, which are no ties.
CREATE FUNCTION pg_temp.ones(epsilon text, queries int, role text) RETURNS TABLE (x numeric) LANGUAGE plpgsql AS $$
DECLARE query text;
BEGIN
    SELECT format('SELECT string_agg(concat_ws('','', %s), '','') FROM (SELECT %s FROM q.ward LEFT JOIN two ON ward = ward_id WHERE ward_id < 4 GROUP BY ward_id) r', string_agg('a' || i || '[2]', ', '), string_agg(format('ehds.dp_quantile(person_id, v, ARRAY[0.1, 0.5, 0.8, 0.9, 0.95], 0, 1) FILTER (WHERE v > -%s) AS a%s', i, i), ', ')) INTO query FROM generate_series(1, 16) i;
    FOR i IN 1..queries LOOP
        RETURN QUERY SELECT v::numeric FROM regexp_split_to_table(btrim(pg_temp.asked(query, epsilon, role), '()"'), ',') v;
    END LOOP;
END $$;
SELECT ok(count(*) = 4032 AND abs(avg(x) - p) < 0.04, format('%s: one of two in %s of the draws, %s expected', role, round(avg(x), 4), p))
FROM (VALUES ('t_q', '0.8', 0.2759), ('t_q_zcdp', '0.4', 0.2398)) v(role, epsilon, p), LATERAL pg_temp.ones(epsilon, 63, role) o GROUP BY role, p;
SELECT * FROM finish();
