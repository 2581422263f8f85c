-- Private histograms: the counts of bins are those of the definition and merge exactly; one subject adds
-- at most 1 to at most as many bins as are allowed; noise has the scale that this needs.
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
CREATE SCHEMA h;
-- 300 persons with 1 to 60 rows in up to 9 groups; values of -20..43, some missing
CREATE TABLE h.visit AS
SELECT p AS person, 'person number ' || p || repeat(' long', (p % 4)::int) AS person_text, md5(p::text)::uuid AS person_uuid, g, n,
       CASE WHEN n % 11 <> 0 THEN v END AS i
FROM (SELECT n, (hashint8extended(n, 1) & 511) * (hashint8extended(n, 7) & 511) / 870 AS p, ((hashint8extended(n, 2) & 1023) * (hashint8extended(n, 3) & 1023) / 120000)::integer AS g,
             ((hashint8extended(n, 5) & 63) - 20)::integer AS v FROM generate_series(1, 6000) n) r;
ANALYZE h.visit;
CREATE FUNCTION pg_temp.entries(counts bytea) RETURNS TABLE (bin bigint, n bigint) LANGUAGE sql AS $$
    SELECT ('x' || encode(substr(counts, i * 12 + 1, 4), 'hex'))::bit(32)::bigint, ('x' || encode(substr(counts, i * 12 + 5, 8), 'hex'))::bit(64)::bigint
    FROM generate_series(0, length(counts) / 12 - 1) i
$$;
CREATE FUNCTION pg_temp.gathered(person text, groups int, places int, source text DEFAULT 'h.visit') RETURNS TABLE (g int, bin bigint, n numeric) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT f.g, e.bin, sum(e.n) FROM (SELECT ehds.dp_gather(%s, %s, 42::bigint, ''bins %s 0 13 1 1'', g, width_bucket(i, ARRAY[-20,-10,-5,-2,0,1,2,3,10,15,20,30,40])) AS c FROM %s) a,
        LATERAL ehds.dp_groups(a.c) AS f(g int, n bigint, s bytea), LATERAL pg_temp.entries(f.s) e GROUP BY 1, 2', person, groups, places, source);
END $$;
CREATE FUNCTION pg_temp.text_of(person text, groups int, places int, source text DEFAULT 'h.visit') RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(r::text, E'\n' ORDER BY r::text) FROM pg_temp.gathered(person, groups, places, source) r
$$;
\o
SELECT no_plan();

SELECT ok(max(d) > 9 AND count(*) FILTER (WHERE d = 1) > 50, 'persons have one bin in a group, and more than there are places') FROM (SELECT count(DISTINCT width_bucket(i, ARRAY[-20,-10,-5,-2,0,1,2,3,10,15,20,30,40])) AS d FROM h.visit WHERE i IS NOT NULL GROUP BY person, g) p;
-- as many places as anybody of these persons needs: exactly the definition
CREATE TABLE h.few AS SELECT * FROM h.visit v WHERE (SELECT count(DISTINCT width_bucket(i, ARRAY[-20,-10,-5,-2,0,1,2,3,10,15,20,30,40])) FROM h.visit o WHERE o.person = v.person AND o.g = v.g) <= 8;
SELECT is(pg_temp.text_of(p, 64, 8, 'h.few'), (SELECT string_agg(r::text, E'\n' ORDER BY r::text) FROM (SELECT g, width_bucket(i, ARRAY[-20,-10,-5,-2,0,1,2,3,10,15,20,30,40])::bigint, count(DISTINCT person)::numeric FROM h.few WHERE i IS NOT NULL GROUP BY 1, 2) r), 'persons of each bin: ' || p) FROM unnest('{person,person_text,person_uuid}'::text[]) p;
-- more bins of a person: as many as there are places
SELECT is(pg_temp.n, should, format('%s places: bins of all persons together', places)) FROM unnest('{1,2,5,8}'::int[]) places,
    LATERAL (SELECT sum(least(places, d)) AS should FROM (SELECT count(DISTINCT width_bucket(i, ARRAY[-20,-10,-5,-2,0,1,2,3,10,15,20,30,40])) AS d FROM h.visit WHERE i IS NOT NULL GROUP BY person, g) p) s,
    LATERAL (SELECT sum(n) AS n FROM pg_temp.gathered('person', 64, places)) pg_temp;
-- order, memory, workers, states that are united
CREATE TEMP TABLE whole AS SELECT p, groups, places, pg_temp.text_of(p, groups, places) AS result FROM unnest('{person,person_text,person_uuid}'::text[]) p, unnest('{1,3}'::int[]) groups, unnest('{1,3,8}'::int[]) places;
SELECT ok(count(DISTINCT result) = 18, 'there is something to compare') FROM whole;
SELECT is(pg_temp.text_of(p, groups, places, format('(SELECT * FROM h.visit ORDER BY %s) o', o)), result, format('rows ordered by %s: %s, %s, %s', o, p, groups, places)) FROM whole, unnest('{n DESC,"i, g"}'::text[]) o;
SET ehds.dp_memory = '64kB';
SELECT is(pg_temp.text_of(p, groups, places), result, format('beyond its memory: %s, %s, %s', p, groups, places)) FROM whole;
RESET ehds.dp_memory;
CREATE TABLE h.split (LIKE h.visit) PARTITION BY HASH (n);
CREATE TABLE h.split0 PARTITION OF h.split FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE h.split1 PARTITION OF h.split FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO h.split SELECT * FROM h.visit;
ANALYZE h.split;
SET enable_partitionwise_aggregate = on;
SELECT is(pg_temp.text_of(p, groups, places, 'h.split'), result, format('united: %s, %s, %s', p, groups, places)) FROM whole;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 3;
ALTER TABLE h.visit SET (parallel_workers = 3);
SELECT is(pg_temp.text_of(p, groups, places), result, format('with workers: %s, %s, %s', p, groups, places)) FROM whole;
SET max_parallel_workers_per_gather = 0;
RESET enable_partitionwise_aggregate;

-- sensitivity: without one person each bin has at most 1 less, and that in at most groups times places of them; and it is reached
CREATE FUNCTION pg_temp.worst(groups int, places int, OUT most numeric, OUT changed bigint) LANGUAGE plpgsql AS $$
DECLARE p bigint; a numeric; c bigint;
BEGIN
    most := 0; changed := 0;
    CREATE TEMP TABLE all_of AS SELECT * FROM pg_temp.gathered('person', groups, places);
    FOR p IN SELECT person FROM h.visit GROUP BY 1 ORDER BY count(*) DESC LIMIT 25 LOOP
        SELECT max(abs(coalesce(x.n, 0) - coalesce(y.n, 0))), count(*) FILTER (WHERE x.n IS DISTINCT FROM y.n) INTO a, c FROM all_of x FULL JOIN pg_temp.gathered('person', groups, places, format('(SELECT * FROM h.visit WHERE person <> %s) r', p)) y USING (g, bin);
        most := greatest(most, a); changed := greatest(changed, c);
    END LOOP;
    DROP TABLE all_of;
END $$;
SELECT is(w, (1, groups * places)::text, format('%s groups, %s places: a person is in %s bins', groups, places, groups * places)) FROM unnest('{1,2}'::int[]) groups, unnest('{1,3}'::int[]) places, LATERAL (SELECT (most, changed)::text AS w FROM pg_temp.worst(groups, places)) w;

SELECT is(string_agg(format('%s %s', bin, persons), ', ' ORDER BY bin), '0 1, 1 1, 2 1', 'one person with a million rows, in every bin: 1 in each') FROM (SELECT ehds.dp_gather(7::bigint, 1, 42::bigint, 'bins 3 0 2 1 1', 1, i % 3) AS c FROM generate_series(1, 1000000) i) a,
    LATERAL ehds.dp_groups(a.c) AS f(g int, n bigint, s bytea), LATERAL pg_temp.entries(f.s) e(bin, persons);

-- through the gate
\o /dev/null
CREATE TABLE h.stay (id bigint PRIMARY KEY, person_id bigint NOT NULL, ward integer NOT NULL, age integer, small smallint, big bigint, x double precision, r real, cost numeric, day date, at timestamp, atz timestamptz, name text, yes boolean NOT NULL);
-- 1000 persons with a row in each of two wards; ages 0..99, ten of each
INSERT INTO h.stay SELECT p * 2 + w, p, w, p % 100, p % 100, p % 100, CASE WHEN p % 100 = 0 THEN 'NaN'::float8 WHEN p % 100 = 1 THEN '-Infinity' WHEN p % 100 = 2 THEN 'Infinity' ELSE p % 100 END, p % 100 + 0.5,
    CASE WHEN p % 100 = 0 THEN 'NaN'::numeric WHEN p % 100 <> 7 THEN p % 100 + 0.25 END, CASE WHEN p % 100 = 0 THEN 'infinity' WHEN p % 100 = 1 THEN '-infinity' ELSE date '2020-01-01' + p::int % 100 END,
    CASE WHEN p % 100 = 0 THEN 'infinity' ELSE timestamp '2020-01-01 12:00' + p % 100 * interval '1 day' END, timestamptz '2020-01-01 12:00+00' + p % 100 * interval '1 day', 'x', p % 2 = 0
FROM generate_series(1, 1000) p, generate_series(0, 1) w;
ANALYZE h.stay;
CREATE TABLE h.ward (ward_id integer PRIMARY KEY);
INSERT INTO h.ward SELECT generate_series(0, 2);
SECURITY LABEL FOR pg_ehds ON TABLE h.ward IS 'public';
GRANT USAGE ON SCHEMA h TO PUBLIC;
GRANT SELECT ON h.ward TO PUBLIC;
SELECT ehds.protect('h.stay', subject => 'person_id', population => 'h');
SECURITY LABEL FOR pg_ehds ON COLUMN h.stay.age IS 'range 0..100';
SECURITY LABEL FOR pg_ehds ON COLUMN h.stay.cost IS 'range 0..100 step 0.5';
SECURITY LABEL FOR pg_ehds ON COLUMN h.stay.day IS 'range 2020-01-01..2020-04-10';
SECURITY LABEL FOR pg_ehds ON COLUMN h.stay.atz IS 'range 2020-01-01..2020-04-10';
DROP ROLE IF EXISTS t_h;
CREATE ROLE t_h LOGIN;
DROP ROLE IF EXISTS t_h_zcdp;
CREATE ROLE t_h_zcdp LOGIN;
SELECT pg_temp.as_role('t_governor', format($q$SELECT ehds.issue_permit(%L, %L, 'research', valid_until => '2099-12-31', output => 'statistics', epsilon => %s, delta => 0.1, epsilon_default => 100, max_groups => 2, accounting => %L)$q$, p, r, e, a))
FROM (VALUES ('h', 't_h', 1000000, 'pure'), ('h-zcdp', 't_h_zcdp', 1000, 'zcdp')) v(p, r, e, a);
SELECT pg_temp.as_role('t_governor', format('SELECT ehds.permit_table(%L, %L)', p, 'h.stay')) FROM unnest('{h,h-zcdp}'::text[]) p;
SELECT pg_temp.as_role('t_governor2', format('SELECT ehds.activate_permit(%L)', p)) FROM unnest('{h,h-zcdp}'::text[]) p;
CREATE FUNCTION pg_temp.asked(query text, epsilon text DEFAULT '1000', role text DEFAULT 't_h', max_rows int DEFAULT 1) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ehds.epsilon', epsilon, true), set_config('ehds.max_rows', max_rows::text, true), set_config('search_path', CASE role WHEN 't_h' THEN 'permit_h' ELSE 'permit_h_zcdp' END || ', h, public, pg_catalog', true);
    RETURN pg_temp.as_role(role, format('SELECT string_agg(r::text, '' '' ORDER BY r::text) FROM (%s) r', query));
END $$;
\o
-- with so large an epsilon the noise is zero but for one time in e^30
SELECT is(pg_temp.asked(format('SELECT ehds.dp_histogram(person_id, %s) FROM stay', arguments)), format('("{%s}")', should), arguments) FROM (VALUES
    ('age, ARRAY[18, 40, 65]', '180,220,250,350'), ('age, ''{18,40,65}''::int[]', '180,220,250,350'), ('age, ARRAY[18, 40.5, 65]', '180,230,240,350'), ('small, ARRAY[50]', '500,500'), ('big, ARRAY[-1, 50, 200]', '0,500,500,0'),
    ('age, 4', '250,250,250,250'), ('age, 0, 100, 4', '250,250,250,250'), ('age, 20, 60, 4', '300,100,100,500'), ('age, 0, 5, 10', '10,0,10,0,10,0,10,0,10,950'), ('age, -50, 50, 2', '0,1000'), ('small, 0, 100, 4', '250,250,250,250'),
    ('big, 20.5, 60.5, 2', '410,590'), ('x, ARRAY[50]', '480,510'), ('x, ARRAY[''-Infinity'', 50, ''Infinity'']::float8[]', '0,480,500,10'), ('x, 0, 100, 2', '480,510'), ('r, ARRAY[0.5, 1.5, 50]', '0,10,490,500'), ('r, 0, 100, 2', '500,500'),
    ('cost, ARRAY[1.25, 50]', '0,480,500'), ('cost, 4', '230,250,250,250'), ('day, ARRAY[date ''2020-01-11'', ''2020-02-20'']', '90,400,510'), ('day, 10', '90,100,100,100,100,100,100,100,100,110'),
    ('day, ''2020-01-11'', ''2020-02-20'', 2', '290,710'), ('at, ARRAY[timestamp ''2020-02-20'', ''infinity'']', '490,500,10'), ('at, date ''2020-01-01'', date ''2020-04-10'', 2', '490,510'), ('at::date, date ''2020-01-01'', date ''2020-04-10'', 2', '490,510'),
    ('atz, ARRAY[timestamptz ''2020-02-20 12:00+00'']', '500,500'), ('atz, 2', '500,500'), ('age + 1, ARRAY[51]', '500,500'), ('age, 4) FILTER (WHERE age < 30', '250,50,0,0'), ('age, 4) FILTER (WHERE age > 200', '0,0,0,0')) t(arguments, should);
SELECT is(pg_temp.asked('SELECT ward, ehds.dp_histogram(person_id, age, 2), count(DISTINCT person_id), round(ehds.dp_avg(person_id, age), 2), ehds.dp_histogram(person_id, age, 2) FILTER (WHERE yes) FROM stay GROUP BY ward'),
    '(0,"{500,500}",1000,49.50,"{250,250}") (1,"{500,500}",1000,49.50,"{250,250}")', 'by groups, beside other aggregates');
SELECT is(pg_temp.asked('SELECT ward, yes, ehds.dp_histogram(person_id, age, 2) FROM stay GROUP BY ward, yes'), '(0,f,"{250,250}") (0,t,"{250,250}") (1,f,"{250,250}") (1,t,"{250,250}")', 'without a count of persons');
SELECT is(pg_temp.asked('SELECT ward_id, ehds.dp_histogram(person_id, age, 2) FROM ward LEFT JOIN stay ON ward = ward_id GROUP BY ward_id'), '(0,"{500,500}") (1,"{500,500}") (2,"{0,0}")', 'public groups, empty ones too');
SELECT is(pg_temp.asked('SELECT yes, ehds.dp_histogram(person_id, age, 2) FROM stay WHERE age = 3 AND yes GROUP BY yes'), '(f,"{0,0}") (t,"{0,0}")', 'boolean groups');
-- more bins of a person: wards are 0 and 1 for everybody
SELECT is(pg_temp.asked('SELECT ehds.dp_histogram(person_id, ward, ARRAY[1], 2), ehds.dp_histogram(person_id, ward, 0, 2, 2, 8) FROM stay'), '("{1000,1000}","{1000,1000}")', 'two bins of each person');
SELECT is(pg_temp.asked('SELECT h[1] + h[2], h[1] BETWEEN 300 AND 700 FROM (SELECT ehds.dp_histogram(person_id, ward, ARRAY[1]) AS h FROM stay) s'), '(1000,t)', 'one of two bins, by chance');
SELECT is(pg_temp.asked('SELECT ehds.dp_histogram(person_id, ward, ARRAY[1]) FROM stay', max_rows => 20), '("{1000,1000}")', 'ehds.max_rows, 8 at most');
-- reading it
SELECT is(pg_temp.asked('SELECT bin, n FROM (SELECT ehds.dp_histogram(person_id, age, ARRAY[18, 40, 65]) AS h FROM stay) s, unnest(h) WITH ORDINALITY AS u(n, bin)'), '(1,180) (2,220) (3,250) (4,350)', 'unnest with ordinality');
SELECT is(pg_temp.asked('SELECT low, high, n FROM (SELECT ehds.dp_histogram(person_id, age, ARRAY[18, 65]) AS h FROM stay) s, unnest(ARRAY[NULL, 18, 65], ARRAY[18, 65, NULL], h) AS u(low, high, n)'), '(,18,180) (18,65,470) (65,,350)', 'with the bounds');
SELECT is(pg_temp.asked('SELECT (ehds.dp_histogram(person_id, age, 2))[2], array_length(ehds.dp_histogram(person_id, age, 2), 1), pg_typeof(ehds.dp_histogram(person_id, age, 2)) FROM stay HAVING (ehds.dp_histogram(person_id, age, 2))[1] > 9'), '(500,2,bigint[])', 'above the release');
-- refused, before any row is read
SELECT throws_ok(format('SELECT pg_temp.asked(%L)', format('SELECT ehds.dp_histogram(%s) FROM stay WHERE age > 1000', arguments)), state, message, arguments) FROM (VALUES
    ('person_id, age, ARRAY[18, ward]', 'ZE002', 'the array of thresholds of dp_histogram must be a constant that is not NULL'), ('person_id, age, NULL::int[]', 'ZE002', NULL), ('person_id, age, ARRAY[18, 18]', '22023', 'the thresholds of a histogram must increase'),
    ('person_id, age, ARRAY[40, 18]', '22023', 'the thresholds of a histogram must increase'), ('person_id, age, ARRAY[18, NULL]', '22023', NULL), ('person_id, age, ARRAY[[18, 20]]', '22023', NULL), ('person_id, age, ''{}''::int[]', '22023', NULL), ('person_id, x, ARRAY[1, ''NaN'']::float8[]', '22023', 'the thresholds of a histogram must increase'),
    ('person_id, x, ARRAY[''NaN'']::float8[]', '22023', NULL), ('person_id, age, (SELECT array_agg(i) FROM generate_series(1, 10000) i)', 'ZE002', NULL), ('person_id, age, 0, 100, 10001', '22023', 'a histogram has 2 to 10000 bins'), ('person_id, age, 1', '22023', 'a histogram has 2 to 10000 bins'), ('person_id, age, 0', '22023', NULL), ('person_id, age, NULL::int', 'ZE002', NULL),
    ('person_id, age, ward', 'ZE002', 'the number of bins of dp_histogram must be a constant that is not NULL'), ('person_id, x, 4', 'ZE002', 'dp_histogram needs a range of values under a privacy budget'), ('person_id, age, 100, 0, 4', '22023', 'the lower bound of dp_histogram must be below the upper one, and both finite'),
    ('person_id, x, 0, ''Infinity''::float8, 4', '22023', NULL), ('person_id, day, ''-infinity'', ''2020-01-01''::date, 4', '22023', NULL), ('person_id, age, 0, ward, 4', 'ZE002', 'the upper bound of dp_histogram must be a constant that is not NULL'), ('person_id, cost, -1e30, 1e30::numeric, 4', NULL, NULL),
    ('person_id, age, 4, 0', '22023', NULL), ('person_id, age, 4, 9', '22023', NULL), ('person_id, age, 4, ward', 'ZE002', 'max_rows of dp_histogram must be a constant that is not NULL'), ('person_id, name, ARRAY[''a'']', 'ZE002', 'dp_histogram of type text is not supported under a privacy budget'),
    ('person_id, at - at, ARRAY[interval ''1 day'']', 'ZE002', NULL), ('ward, age, 4', 'ZE002', NULL), ('person_id, person_id, ARRAY[500]', 'ZE002', NULL)) t(arguments, state, message) WHERE state IS NOT NULL;
SELECT throws_ok(format('SELECT pg_temp.asked(%L)', format('SELECT ehds.dp_histogram(person_id, age, %L::int[]) FROM stay', (SELECT array_agg(i) FROM generate_series(1, 10000) i))), '22023', 'a histogram has at most 10000 bins, one more than thresholds', 'too many thresholds');
SELECT is(pg_temp.asked(format('SELECT array_length(ehds.dp_histogram(person_id, age, %L::int[]), 1) FROM stay', (SELECT array_agg(i) FROM generate_series(1, 9999) i))), '(10000)', 'as many as possible');
SELECT throws_ok('SELECT ehds.dp_histogram(1, 2, ARRAY[1])', 'ZE002', NULL, 'not outside of a permit');
SELECT throws_ok(call, 'ZE004', NULL, call) FROM unnest('{"SELECT ehds.dp_release_histogram(NULL, 9, 1, 1, NULL)","SELECT ehds.dp_release_histogram_gaussian(NULL, 9, 1, 1, NULL)"}'::text[]) call;

-- what it costs and how precise it is
CREATE FUNCTION pg_temp.explained(query text, epsilon text DEFAULT '0.5', role text DEFAULT 't_h') RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
    PERFORM set_config('ehds.epsilon', epsilon, true), set_config('search_path', CASE role WHEN 't_h' THEN 'permit_h' ELSE 'permit_h_zcdp' END || ', h, public, pg_catalog', true);
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', role);
    SELECT string_agg(concat_ws(' | ', item, column_name, mechanism, trim_scale(round(scale::numeric, 3)), half_width, max_groups, threshold, epsilon_, rho_, remark), E'\n') INTO result FROM (SELECT *, e.epsilon AS epsilon_, round(e.rho, 6) AS rho_ FROM ehds.explain_privacy(query) e WHERE item = 'figure') r;
    RESET SESSION AUTHORIZATION;
    RETURN result;
END $$;
SELECT is(pg_temp.explained('SELECT ehds.dp_histogram(person_id, age, 4) AS h FROM stay'), format('figure | h | discrete Laplace | 2 | %s | 1 | 0.5 | of a person at most 1 bin in each of at most 1 group; 4 bins, and the interval is that of each by itself', ehds.dp_interval(0.5)), 'explained');
SELECT is(pg_temp.explained('SELECT yes, ehds.dp_histogram(person_id, age, 0, 100, 4, 3) AS h FROM stay GROUP BY yes', '0.6'), format('figure | h | discrete Laplace | 10 | %s | 2 | 0.6 | of a person at most 3 bins in each of at most 2 groups; 4 bins, and the interval is that of each by itself', ehds.dp_interval(0.1)), 'three bins in two groups: six times the noise');
SELECT is(pg_temp.explained('SELECT yes, ehds.dp_histogram(person_id, age, ARRAY[50], 8) AS h FROM stay GROUP BY yes'), format('figure | h | discrete Laplace | 8 | %s | 2 | 0.5 | of a person at most 2 bins in each of at most 2 groups; 2 bins, and the interval is that of each by itself', ehds.dp_interval(0.125)), 'nobody is in more bins than there are');
SELECT is(pg_temp.explained('SELECT ward, ehds.dp_histogram(person_id, age, 0, 100, 4, 3) AS h FROM stay GROUP BY ward', '0.5', 't_h_zcdp'),
    pg_temp.explained('SELECT ward, count(DISTINCT person_id) AS "(selection of groups)" FROM stay GROUP BY ward', '0.5', 't_h_zcdp') || format(E'\nfigure | h | discrete Gaussian | %s | %s | 2 | 0.125000 | of a person at most 3 bins in each of at most 2 groups; 4 bins, and the interval is that of each by itself', round(sqrt(2 * 3 / (2 * 0.125)), 3), ehds.dp_interval_gaussian(ehds.dp_noise_sigma(0.125, 6))), 'in zCDP the root of six');
CREATE FUNCTION pg_temp.spent(role text DEFAULT 't_h') RETURNS numeric LANGUAGE sql AS $$ SELECT pg_temp.as_role(role, 'SELECT coalesce(rho_spent, epsilon_spent) FROM ehds.budget')::numeric $$;
SELECT is(after - before, 0.5, 'it costs epsilon') FROM (SELECT pg_temp.spent() AS before, pg_temp.asked('SELECT ehds.dp_histogram(person_id, age, 7) FROM stay', '0.5'), pg_temp.spent() AS after) s;
SELECT is(after - before, 1.0, 'in groups twice, with their selection') FROM (SELECT pg_temp.spent() AS before, pg_temp.asked('SELECT ward, ehds.dp_histogram(person_id, age, 7) FROM stay GROUP BY ward', '0.5'), pg_temp.spent() AS after) s;
SELECT is(after - before, 0.125, 'in zCDP half the square') FROM (SELECT pg_temp.spent('t_h_zcdp') AS before, pg_temp.asked('SELECT ehds.dp_histogram(person_id, age, 7) FROM stay', '0.5', 't_h_zcdp'), pg_temp.spent('t_h_zcdp') AS after) s;
-- (a record as text is of the moment to the gate: it is not asked for here)
CREATE FUNCTION pg_temp.plain(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ehds.fresh', 'off', true), set_config('ehds.epsilon', '0.01', true), set_config('search_path', 'permit_h, public, pg_catalog', true);
    RETURN pg_temp.as_role('t_h', query);
END $$;
SELECT is(b, a, 'asked again: the same') FROM (SELECT pg_temp.plain('SELECT ehds.dp_histogram(person_id, age, 99) FROM stay') AS a, pg_temp.plain('SELECT ehds.dp_histogram(person_id, age, 99) FROM stay') AS b) s;
SELECT isnt(b, a, 'with other thresholds: anew') FROM (SELECT pg_temp.plain('SELECT ehds.dp_histogram(person_id, age, ARRAY[200, 300, 400, 500, 600]) FROM stay') AS a, pg_temp.plain('SELECT ehds.dp_histogram(person_id, age, ARRAY[200, 300, 400, 500, 601]) FROM stay') AS b) s;

-- The noise: 20,000 bins without persons by chi-square against the exact distribution, whose tail is one cell. With
-- 24 degrees of freedom it exceeds 110 one time in 1e9 (Laurent, Massart 2000: 24 + 2 sqrt(24 x) + 2 x at x = 20.7).
CREATE FUNCTION pg_temp.noise(most int, epsilon text, role text) RETURNS TABLE (x int) LANGUAGE sql AS $$
    SELECT v::int FROM generate_series(1, 2) i, regexp_split_to_table(btrim(pg_temp.asked(format('SELECT ehds.dp_histogram(person_id, age, 1000, 2000, 10000, %s) FILTER (WHERE age > 5000) FROM stay WHERE age < 1000 + %s', most, i), epsilon, role), '()"{}'), ',') v
$$;
CREATE TEMP TABLE drawn AS SELECT v.*, d.x, count(*) AS n FROM (VALUES (1, '0.5', 't_h', 2.0), (4, '1', 't_h', 4.0), (4, '0.5', 't_h_zcdp', 4.0)) v(most, epsilon, role, scale), LATERAL pg_temp.noise(most, epsilon, role) d(x) GROUP BY 1, 2, 3, 4, 5;
CREATE FUNCTION pg_temp.chi_square(m int, r text, factor numeric) RETURNS numeric LANGUAGE sql AS $$
    WITH w AS (SELECT least(12, greatest(-12, x)) AS cell, CASE r WHEN 't_h' THEN exp(-abs(x) / (scale * factor)) ELSE exp(-x * x / (2 * (scale * factor) ^ 2)) END AS w FROM generate_series(-400, 400) x, (SELECT DISTINCT scale FROM drawn WHERE most = m AND role = r) s),
    e AS (SELECT cell, 20000 * sum(w) / (SELECT sum(w) FROM w) AS e FROM w GROUP BY cell),
    o AS (SELECT least(12, greatest(-12, x)) AS cell, sum(n) AS n FROM drawn WHERE most = m AND role = r GROUP BY 1)
    SELECT round(sum((coalesce(n, 0) - e) ^ 2 / e), 1) FROM e LEFT JOIN o USING (cell)
$$;
SELECT is(sum(n), 20000::numeric, format('draws of %s with %s bins', role, most)) FROM drawn GROUP BY role, most;
SELECT ok(pg_temp.chi_square(most, role, 1) < 110, format('noise of %s with %s bins: chi-square %s', role, most, pg_temp.chi_square(most, role, 1))) FROM (SELECT DISTINCT most, role FROM drawn) d;
SELECT ok(pg_temp.chi_square(most, role, factor) > 110, format('mutant told: %s times the noise of %s with %s bins', factor, role, most)) FROM (SELECT DISTINCT most, role FROM drawn) d, unnest('{0.9,1.1}'::numeric[]) factor;
SELECT * FROM finish();
