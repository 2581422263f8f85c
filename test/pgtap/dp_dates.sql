-- Dates and timestamps under a privacy budget: results have the type of the values, on a grid that is told; NULL and
-- infinities as for numbers; ranges from the query or the label; nothing raises because of what is in a row.
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
SET timezone = 'Europe/Paris';
CREATE SCHEMA w;
CREATE TABLE w.stay (id bigint PRIMARY KEY, person_id bigint NOT NULL, ward integer NOT NULL, born date, started timestamp, ended timestamptz, small smallint, n integer, big bigint, x double precision, cost numeric, name text);
-- 1001 persons in each of two wards: 500 before, one on, 500 after 1970-01-01; of ward 1 ten persons have infinities and NULLs besides
INSERT INTO w.stay SELECT p * 2 + w, p, w, date '1970-01-01' + (p - 501)::int, timestamp '2020-06-01 12:00' + (p - 501) * interval '1 hour', timestamptz '2020-06-01 12:00+00' + (p - 501) * interval '1 hour', p, p, p, p, p, 'x'
FROM generate_series(1, 1001) p, generate_series(0, 1) w;
INSERT INTO w.stay SELECT 10000 + p, 2000 + p, 1, CASE WHEN p <= 4 THEN 'infinity'::date WHEN p <= 8 THEN '-infinity' END, CASE WHEN p <= 4 THEN 'infinity'::timestamp WHEN p <= 8 THEN '-infinity' END, CASE WHEN p <= 4 THEN 'infinity'::timestamptz WHEN p <= 8 THEN '-infinity' END FROM generate_series(1, 10) p;
CREATE TABLE w.odd (id bigint PRIMARY KEY, person_id bigint NOT NULL, d date, t timestamp, tz timestamptz);
INSERT INTO w.odd VALUES (1, 1, 'infinity', 'infinity', 'infinity'), (2, 2, '-infinity', '-infinity', '-infinity'), (3, 3, '5874897-12-31', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00'), (4, 4, '4714-11-24 BC', '4714-11-24 BC', '4714-11-25 BC'), (5, 5, NULL, NULL, NULL);
ANALYZE w.stay; ANALYZE w.odd;
SELECT ehds.protect('w.' || t, subject => 'person_id', population => 'w') FROM unnest('{stay,odd}'::text[]) t;
\o
SELECT no_plan();

-- labels
SELECT lives_ok(format('SECURITY LABEL FOR pg_ehds ON COLUMN w.stay.%s IS %L', c, l), c || ': ' || l) FROM (VALUES ('born', 'range 1900-01-01..2029-12-31'), ('started', 'range 2020-01-01..2020-12-31'), ('ended', 'range 2020-01-01..2020-12-31'), ('small', 'range 0..100000'), ('n', 'range 0..2000'), ('big', 'range 0..2000'), ('cost', 'range 0..2000'), ('x', 'range 0..2000')) v(c, l);
SELECT throws_ok(format('SECURITY LABEL FOR pg_ehds ON COLUMN w.stay.%s IS %L', c, l), state, NULL, c || ': ' || l) FROM (VALUES ('born', 'range 0..9', '42804'), ('n', 'range 2020-01-01..2020-12-31', '42804'), ('name', 'range 2020-01-01..2020-12-31', '42804'), ('born', 'range 2020-12-31..2020-01-01', '22023'), ('born', 'range 2020-01-01..2020-01-01', '22023'),
    ('born', 'range 2021-02-29..2022-01-01', '22023'), ('born', 'range 2021-13-01..2022-01-01', '22023'), ('born', 'range 2021-01-01..2022-01-32', '22023'), ('born', 'range 0000-01-01..2022-01-01', '22023'), ('born', 'range 2021-01-01..2022-1-1', '22023'), ('born', 'range 2021-01-01..2022-01-01 step 7', '22023'), ('born', 'range 2021-01-01..2022-01-01x', '22023'), ('born', 'range 2021-01-01', '22023')) v(c, l, state);
SELECT lives_ok('SECURITY LABEL FOR pg_ehds ON COLUMN w.odd.d IS ''range 2020-02-29..9999-12-31''', 'a leap day, and the last year');

\o /dev/null
DROP ROLE IF EXISTS t_w;
CREATE ROLE t_w LOGIN;
DROP ROLE IF EXISTS t_w_zcdp;
CREATE ROLE t_w_zcdp LOGIN;
SELECT pg_temp.as_role('t_governor', format($q$SELECT ehds.issue_permit(%L, %L, 'research', valid_until => '2099-12-31', output => 'statistics', epsilon => %s, delta => 0.1, epsilon_default => 100, max_groups => 2, accounting => %L)$q$, p, r, e, a))
FROM (VALUES ('w', 't_w', 1000000, 'pure'), ('w-zcdp', 't_w_zcdp', 1000, 'zcdp')) v(p, r, e, a);
SELECT pg_temp.as_role('t_governor', format('SELECT ehds.permit_table(%L, %L)', p, 'w.' || t)) FROM unnest('{w,w-zcdp}'::text[]) p, unnest('{stay,odd}'::text[]) t;
SELECT pg_temp.as_role('t_governor2', format('SELECT ehds.activate_permit(%L)', p)) FROM unnest('{w,w-zcdp}'::text[]) p;
CREATE FUNCTION pg_temp.asked(query text, epsilon text DEFAULT '1000', role text DEFAULT 't_w') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ehds.epsilon', epsilon, true), set_config('search_path', CASE role WHEN 't_w' THEN 'permit_w' ELSE 'permit_w_zcdp' END || ', public, pg_catalog', true);
    RETURN pg_temp.as_role(role, format('SELECT string_agg(r::text, '' '' ORDER BY r::text) FROM (%s) r', query));
END $$;
\o
-- one aggregate over all persons; what is asked is whether the result, r, is what the rows say
SELECT is(pg_temp.asked(format('SELECT %s, pg_typeof(r) FROM (SELECT %s AS r FROM stay WHERE ward = 0) s', condition, call)), format('(t,%s)', type), format('%s: %s', call, condition)) FROM (VALUES
    ('ehds.dp_median(person_id, born)', 'r BETWEEN ''1969-12-31'' AND ''1970-01-02''', 'date'), ('ehds.dp_median(person_id, born, date ''1900-01-01'', date ''2029-12-31'')', 'r BETWEEN ''1969-12-31'' AND ''1970-01-02''', 'date'), ('ehds.dp_median(person_id, born, ''1970-06-01'', ''2029-12-31'')', 'r = ''1970-06-01''', 'date'),
    ('ehds.dp_median(person_id, born, ''1900-01-01'', ''1960-01-01'', 8)', 'r = ''1960-01-01''', 'date'), ('ehds.dp_quantile(person_id, born, 0.1)', 'abs(r - (date ''1970-01-01'' - 400)) <= 1', 'date'), ('ehds.dp_quantile(person_id, born, 1, ''1900-01-01'', ''2029-12-31'')', 'r >= date ''1970-01-01'' + 500', 'date'),
    ('percentile_disc(0.9) WITHIN GROUP (ORDER BY born)', 'abs(r - (date ''1970-01-01'' + 400)) <= 1', 'date'), ('percentile_disc(0.9) WITHIN GROUP (ORDER BY born DESC)', 'abs(r - (date ''1970-01-01'' - 400)) <= 1', 'date'), ('ehds.dp_avg(person_id, born)', 'abs(r - date ''1970-01-01'') <= 1', 'date'), ('ehds.dp_avg(person_id, born, ''1970-01-01'', ''1970-01-02'')', 'r BETWEEN ''1970-01-01'' AND ''1970-01-02''', 'date'),
    ('ehds.dp_stddev(person_id, born, ''1960-01-01'', ''1980-01-01'')', 'abs(r - 289.1) < 3', '"double precision"'), ('ehds.dp_variance(person_id, born, ''1960-01-01'', ''1980-01-01'', 1)', 'abs(r / 83583.5 - 1) < 0.02', '"double precision"'), ('ehds.dp_histogram(person_id, born, ARRAY[date ''1970-01-01''])', 'r = ''{500,501}''', 'bigint[]'),
    ('ehds.dp_median(person_id, started)', 'abs(extract(epoch FROM r - timestamp ''2020-06-01 12:00'')) <= 7200', '"timestamp without time zone"'), ('ehds.dp_median(person_id, started, date ''2020-01-01'', date ''2020-12-31'')', 'abs(extract(epoch FROM r - timestamp ''2020-06-01 12:00'')) <= 7200', '"timestamp without time zone"'),
    ('ehds.dp_median(person_id, started, ''2020-06-01 11:50'', ''2020-06-01 12:10:09'')', 'r = ''2020-06-01 12:00''', '"timestamp without time zone"'), ('ehds.dp_median(person_id, started, ''1900-01-01'', ''2030-01-01'')', 'r IN (''2020-06-01'', ''2020-06-02'')', '"timestamp without time zone"'), ('percentile_disc(0.5) WITHIN GROUP (ORDER BY started)', 'abs(extract(epoch FROM r - timestamp ''2020-06-01 12:00'')) <= 7200', '"timestamp without time zone"'),
    ('ehds.dp_avg(person_id, started)', 'abs(extract(epoch FROM r - timestamp ''2020-06-01 12:00'')) < 3600', '"timestamp without time zone"'), ('ehds.dp_avg(person_id, started, ''1900-01-01'', ''2030-01-01'')', 'abs(extract(epoch FROM r - timestamp ''2020-06-01 12:00'')) < 172800', '"timestamp without time zone"'), ('ehds.dp_stddev(person_id, started)', 'abs(r - 12.046) < 0.1', '"double precision"'),
    ('ehds.dp_variance(person_id, started, ''2020-01-01'', ''2020-12-31'')', 'abs(r / 145.1 - 1) < 0.02', '"double precision"'), ('ehds.dp_median(person_id, ended)', 'abs(extract(epoch FROM r - timestamptz ''2020-06-01 12:00+00'')) <= 7200', '"timestamp with time zone"'), ('ehds.dp_avg(person_id, ended, date ''2020-01-01'', date ''2020-12-31'')', 'abs(extract(epoch FROM r - timestamptz ''2020-06-01 12:00+00'')) < 3600', '"timestamp with time zone"'),
    ('ehds.dp_avg(person_id, ended, timestamp ''2020-07-01'', timestamp ''2020-12-31'')', 'r >= timestamptz ''2020-07-01 00:00 Europe/Paris'' AND r < timestamptz ''2020-07-02 Europe/Paris''', '"timestamp with time zone"'), ('ehds.dp_median(person_id, ended::date, ''2020-01-01'', ''2020-12-31'')', 'r = ''2020-06-01''', 'date'), ('ehds.dp_median(person_id, born::timestamp, ''1960-01-01'', ''1980-01-01'')', 'abs(extract(epoch FROM r - timestamp ''1970-01-01'')) <= 86400', '"timestamp without time zone"'),
    -- durations and ages
    ('ehds.dp_avg(person_id, date ''2020-01-01'' - born, 0, 40000)', 'abs(r - 18262) < 1', 'numeric'), ('ehds.dp_median(person_id, extract(epoch FROM started - timestamp ''2020-05-01''), 0, 10000000)', 'abs(r - 2721600) < 7200', '"double precision"'), ('ehds.dp_median(person_id, extract(year FROM age(date ''2020-07-01'', born)), 0, 120)', 'r BETWEEN 49.9 AND 50.1', '"double precision"'),
    ('ehds.dp_avg(person_id, 2020 - extract(year FROM born), 0, 120)', 'abs(r - 50.5) < 0.2', 'numeric'), ('ehds.dp_histogram(person_id, 2020 - extract(year FROM born)::int, 0, 100, 2)', 'r[1] + r[2] = 1001', 'bigint[]'),
    -- the native percentile_disc of numbers
    ('percentile_disc(0.5) WITHIN GROUP (ORDER BY n)', 'r BETWEEN 500 AND 502', 'integer'), ('percentile_disc(0.5) WITHIN GROUP (ORDER BY small)', 'r BETWEEN 498 AND 504', 'smallint'), ('percentile_disc(0.5) WITHIN GROUP (ORDER BY big)', 'r BETWEEN 500 AND 502', 'bigint'), ('percentile_disc(0.5) WITHIN GROUP (ORDER BY cost)', 'r BETWEEN 500 AND 502', 'numeric'), ('percentile_disc(0.5) WITHIN GROUP (ORDER BY x)', 'r BETWEEN 500 AND 502', '"double precision"')) t(call, condition, type);
SELECT is(pg_temp.asked('SELECT ward, abs(ehds.dp_median(person_id, born) - date ''1970-01-01'') <= 1, abs(ehds.dp_avg(person_id, born, ''1960-01-01'', ''1980-01-01'') - date ''1970-01-01'') <= 1, abs(ehds.dp_stddev(person_id, born, ''1960-01-01'', ''1980-01-01'') - CASE ward WHEN 0 THEN 289.1 ELSE 434.2 END) < 2, count(DISTINCT person_id), ehds.dp_histogram(person_id, born, ARRAY[date ''-infinity'', ''1970-01-01'', ''infinity'']),
    ehds.dp_median(person_id, born) FILTER (WHERE born > ''1970-07-01'') > ''1970-08-01'' FROM stay GROUP BY ward'), '(0,t,t,t,1001,"{0,500,501,0}",t) (1,t,t,t,1011,"{0,504,501,4}",t)', 'by groups, with infinities and NULLs, with FILTER, beside others');
SELECT is(pg_temp.asked('SELECT ward, abs(ehds.dp_median(person_id, born) - date ''1970-01-01'') <= 2, ehds.dp_avg(person_id, started) BETWEEN ''2020-05-01'' AND ''2020-07-01'', ehds.dp_histogram(person_id, ended, 4) FROM stay WHERE ward = 0 GROUP BY ward', '10', 't_w_zcdp'), '(0,t,t,"{0,1001,0,0}")', 'in zCDP');
-- of nobody, and of what no other range holds: an answer within the bounds
SELECT is(pg_temp.asked('SELECT ehds.dp_median(person_id, born) BETWEEN ''1900-01-01'' AND ''2029-12-31'', ehds.dp_avg(person_id, born) BETWEEN ''1900-01-01'' AND ''2029-12-31'', ehds.dp_median(person_id, started) BETWEEN ''2020-01-01'' AND ''2020-12-31'', ehds.dp_avg(person_id, ended) BETWEEN ''2020-01-01 00:00+00'' AND ''2020-12-31 00:00+00'', ehds.dp_stddev(person_id, ended) >= 0 FROM stay WHERE n > 100000'), '(t,t,t,t,t)', 'of nobody');
SELECT is(pg_temp.asked(format('SELECT ehds.dp_median(person_id, %1$s, %2$L, %3$L) BETWEEN %2$L AND %3$L, ehds.dp_avg(person_id, %1$s, %2$L, %3$L) BETWEEN %2$L AND %3$L, ehds.dp_variance(person_id, %1$s, %2$L, %3$L) >= 0, ehds.dp_histogram(person_id, %1$s, %2$L, %3$L, 2) FROM odd', c, low, high)), '(t,t,t,"{2,2}")', format('rows at the ends of what %s holds, %s to %s', c, low, high))
FROM (VALUES ('d', '1900-01-01', '2000-01-01'), ('d', '0001-01-01', '9999-12-31'), ('d', '4714-11-24 BC', '5874897-12-31'), ('t', '1900-01-01', '2000-01-01'), ('t', '4714-11-24 BC', '294276-12-31'), ('t', '2000-01-01', '2000-01-01 00:00:09'), ('tz', '1900-01-01', '2000-01-01'), ('tz', '4714-11-25 BC', '294276-12-31')) v(c, low, high);
SELECT is(pg_temp.asked(query), should, query) FROM (VALUES ('SELECT ehds.dp_histogram(person_id, d::timestamp, ARRAY[timestamp ''2000-01-01'']) FROM odd', '("{2,1}")'), ('SELECT ehds.dp_histogram(person_id, extract(epoch FROM t - timestamp ''2000-01-01''), ARRAY[0]) FROM odd WHERE isfinite(t)', '("{1,1}")'), ('SELECT ehds.dp_median(person_id, t - timestamp ''2000-01-01'' > interval ''1 day'', 0, 1) FROM odd', NULL)) v(query, should) WHERE should IS NOT NULL;
-- the grid: with little epsilon all of its values are nearly as likely
SELECT is(pg_temp.asked(format('SELECT bool_and(r = date_trunc(%L, r)), bool_or(r <> date_trunc(%L, r)) FROM (SELECT unnest(ARRAY[%s]) AS r FROM stay) s', unit, coarser, (SELECT string_agg(format('ehds.dp_quantile(person_id, started, %s, %L, %L)', q / 40.0, low, high), ', ') FROM generate_series(1, 14) q)), '0.0001'), '(t,t)', format('%s to %s: steps of a %s', low, high, unit)) FROM (VALUES ('2020-05-10', '2020-05-10 18:00', 'second', 'minute'), ('2020-05-20', '2020-06-20', 'minute', 'hour'), ('2018-01-01', '2022-01-01', 'hour', 'day')) v(low, high, unit, coarser);
-- refused, before any row is read
SELECT throws_ok(format('SELECT pg_temp.asked(%L)', format('SELECT %s FROM stay WHERE n > 100000', call)), state, message, call) FROM (VALUES
    ('ehds.dp_median(person_id, born, date ''2020-01-01'', date ''2019-01-01'')', '22023', 'the lower bound of dp_median must be below the upper one, and both finite'), ('ehds.dp_median(person_id, born, date ''-infinity'', date ''2019-01-01'')', '22023', 'the lower bound of dp_median must be below the upper one, and both finite'), ('ehds.dp_avg(person_id, ended, ''2019-01-01'', ''infinity'')', '22023', NULL),
    ('ehds.dp_median(person_id, born, born, date ''2019-01-01'')', 'ZE002', 'the lower bound of dp_median must be a constant that is not NULL'), ('ehds.dp_median(person_id, born, NULL, date ''2019-01-01'')', 'ZE002', NULL), ('ehds.dp_median(person_id, ended, now(), now())', 'ZE002', NULL), ('ehds.dp_median(person_id, born + 1)', 'ZE002', 'dp_median needs a range of values under a privacy budget'), ('ehds.dp_avg(person_id, started::date)', 'ZE002', 'dp_avg needs a range of values under a privacy budget'),
    ('ehds.dp_median(person_id, started, ''2020-01-01 00:00'', ''2020-01-01 00:00:00.3'')', '22023', NULL), ('ehds.dp_sum(person_id, born, date ''2019-01-01'', date ''2020-01-01'')', '42883', NULL), ('ehds.dp_median(person_id, started - timestamp ''2020-01-01'')', '42883', NULL), ('avg(started - timestamp ''2020-01-01'')', 'ZE002', 'avg of type interval is not supported under a privacy budget'), ('percentile_cont(0.5) WITHIN GROUP (ORDER BY started - timestamp ''2020-01-01'')', 'ZE002', 'percentile_cont of type interval is not supported under a privacy budget'),
    ('min(born)', 'ZE002', NULL), ('percentile_disc(ARRAY[0.5, 2]) WITHIN GROUP (ORDER BY born)', 'ZE002', NULL), ('percentile_disc(0.5) WITHIN GROUP (ORDER BY name)', 'ZE002', 'percentile_disc of type text is not supported under a privacy budget'), ('mode() WITHIN GROUP (ORDER BY born)', 'ZE002', NULL)) t(call, state, message);
SELECT throws_ok(call, 'ZE002', NULL, 'not outside of a permit: ' || call) FROM unnest('{"SELECT ehds.dp_median(1, date ''2020-01-01'')","SELECT ehds.dp_avg(1, now(), now(), now())"}'::text[]) call;
-- what is told: days
CREATE FUNCTION pg_temp.explained(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
    PERFORM set_config('ehds.epsilon', '0.5', true), set_config('search_path', 'permit_w, public, pg_catalog', true);
    SET LOCAL SESSION AUTHORIZATION t_w;
    SELECT concat_ws(' | ', mechanism, round(scale::numeric, 2), round(half_width::numeric, 1), e.epsilon, remark) INTO result FROM ehds.explain_privacy(format('SELECT %s AS r FROM stay', call)) e WHERE item = 'figure';
    RESET SESSION AUTHORIZATION;
    RETURN result;
END $$;
SELECT is(pg_temp.explained('ehds.dp_avg(person_id, started, ''2020-01-01'', ''2020-12-31'')'), pg_temp.explained('ehds.dp_avg(person_id, born, ''2020-01-01'', ''2020-12-31'')'), 'an average of timestamps is as precise as one of dates, in days');
SELECT is(pg_temp.explained('ehds.dp_avg(person_id, born, ''2020-01-01'', ''2020-12-31'')'), pg_temp.explained('ehds.dp_avg(person_id, n, 0, 365)'), 'and as one of whole numbers');
SELECT is(pg_temp.explained('ehds.dp_stddev(person_id, started, ''2020-01-01'', ''2020-12-31'')'), pg_temp.explained('ehds.dp_stddev(person_id, n, 0, 365)'), 'a standard deviation, too');
SELECT is(pg_temp.explained('ehds.dp_median(person_id, born, ''2020-01-01'', ''2020-12-31'')'), pg_temp.explained('ehds.dp_median(person_id, n, 0, 365)'), 'a median');
SELECT is(after - before, 0.5, 'it costs epsilon') FROM (SELECT pg_temp.as_role('t_w', 'SELECT epsilon_spent FROM ehds.budget')::numeric AS before, pg_temp.asked('SELECT ehds.dp_median(person_id, born) FROM stay', '0.5'), pg_temp.as_role('t_w', 'SELECT epsilon_spent FROM ehds.budget')::numeric AS after) s;
SELECT * FROM finish();
