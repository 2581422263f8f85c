-- Expressions below the border: each gives under a permit what it gives on the stored
-- tables, or is refused with a reason.
\set ECHO none
\set QUIET 1
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SELECT no_plan();
SET client_min_messages = warning;
SET timezone = 'Europe/Paris';
GRANT USAGE ON SCHEMA ehds TO PUBLIC;

-- rows that a condition selects, under the permit and natively
CREATE FUNCTION pg_temp.under_permit(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r text;
    path text := current_setting('search_path');
BEGIN
    PERFORM set_config('search_path', 'permit_hydro, omop', true);
    SELECT pg_temp.as_role('t_analyst', sql) INTO r;
    PERFORM set_config('search_path', path, true);
    RETURN r;
END
$$;
CREATE FUNCTION pg_temp.natively(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r text;
    path text := current_setting('search_path');
BEGIN
    PERFORM set_config('search_path', 'omop', true);
    EXECUTE sql INTO r;
    PERFORM set_config('search_path', path, true);
    RETURN r;
END
$$;
CREATE FUNCTION pg_temp.same_rows(condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    sql text := 'SELECT count(*)::text FROM person p JOIN visit_occurrence v ON v.person_id = p.person_id WHERE ' || condition;
    native text;
BEGIN
    native := pg_temp.natively(sql);
    -- a condition that selects nobody or few compares nothing
    IF native::int < 40 THEN
        RETURN public.fail(condition || ' selects ' || native);
    END IF;
    RETURN public.is(pg_temp.under_permit(sql), native, condition);
EXCEPTION WHEN others THEN
    RETURN public.fail(condition) || E'\n' || public.diag(SQLERRM);
END
$$;
CREATE FUNCTION pg_temp.same_groups(key text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    sql text := 'SELECT string_agg(g || '':'' || n, '' '' ORDER BY g, n) FROM (SELECT %s AS g, count(DISTINCT p.person_id) AS n FROM person p JOIN visit_occurrence v ON v.person_id = p.person_id GROUP BY 1 %s) s';
BEGIN
    RETURN public.is(pg_temp.under_permit(format(sql, key, '')), pg_temp.natively(format(sql, key, 'HAVING count(DISTINCT p.person_id) >= 11')), 'grouped by ' || key);
EXCEPTION WHEN others THEN
    RETURN public.fail(key) || E'\n' || public.diag(SQLERRM);
END
$$;
SELECT pg_temp.same_rows(c) FROM unnest(ARRAY[
    -- numbers
    'cost / 7 > 100', 'cost % 7 = 1', 'mod(cost, 7) < 3', '-cost < -1000', '+cost > 5', 'abs(cost - 2000) < 500', 'cost * 2 + year_of_birth - 1 > 5000',
    'cost::bigint * 1000000 > 2000000000', 'year_of_birth::smallint > 1950', 'cost / 3.0 > 500.5', 'cost::numeric(12, 2) / 7 < 100', 'round(cost / 7.0, 1) > 99.9', 'round(cost / 7.0) > 99',
    'floor(cost / 7.0) = ceil(cost / 7.0)', 'trunc(cost / 7.0, -1) > 90', 'cost::float8 / 7 > 100', 'sqrt(cost) > 40', 'ln(cost) > 7', 'log(cost) > 3', 'log(cost::numeric) > 3', 'power(cost, 2) > 4000000', 'cost ^ 2 > 4000000',
    'cost::numeric ^ 2 > 4000000', 'exp(cost / 1000.0::float8 / 100) > 1.01 OR cost > 1000000', 'sign(cost - 2000) = 1', 'cost::real * 2 > 3000', 'cost::numeric IN (10, 20, 1000, 1010, 1020, 1030, 1040, 1050, 1060, 1070, 1080, 1090, 1100, 1110, 1120, 1130, 1140, 1150, 1160, 1170, 1180, 1190, 1200, 1210, 1220)',
    'width_bucket(cost, 0, 4000, 4) = 2', 'width_bucket(cost::numeric, 0, 4000, 4) = 2', 'width_bucket(year_of_birth, ARRAY[1950, 1960, 1970]) = 2', 'greatest(cost, 1000) = 1000', 'least(cost, year_of_birth) = cost', 'nullif(cost, 10) IS NOT NULL', 'coalesce(cost, 0) > 5',
    'CASE WHEN cost > 1000 THEN cost / 2 ELSE cost END > 500', 'cost & 1 = 0', '(cost > 1000)::int = 1', 'cost::int::boolean', '(cost, year_of_birth) > (1000, 1950)', 'cost / (year_of_birth - 1939) > 10',
    -- texts
    'cost::text LIKE ''1%''', 'year_of_birth::text::int = year_of_birth', 'cost::text::numeric(9, 1) > 5.5', '(''20'' || (10 + year_of_birth % 10)::text || ''-01-01'')::date > ''2012-06-01''', 'region || ''-'' || cost::text LIKE ''n%1%''', 'region || cost LIKE ''n%1%''',
    'concat(region, '' '', year_of_birth) > ''o''', 'concat(NULL, region) = ''north''', 'substring(region, 1, 2) = ''no''', 'substring(region FROM 2) = ''orth''', 'substr(region, 2, 3) = ''ort''', 'left(region, 2) || right(region, 2) = ''noth''',
    'position(''th'' IN region) > 3', 'strpos(region, ''o'') = 2', 'split_part(region, ''r'', 1) = ''no''', 'replace(region, ''th'', '''') = ''nor''', 'lower(upper(region)) = region', 'initcap(left(region, 3)) = ''Nor''', 'trim(''n'' FROM region) = ''orth''',
    'length(region || ''x'') = 6', 'char_length(region) = 5', 'reverse(region) = ''htron''', 'lpad(cost::text, 8, ''0'') < ''00001000''', 'translate(region, ''abc'', ''xyz'') LIKE ''%xst''', 'region LIKE ''%th''', 'region ILIKE ''N%''', 'region NOT LIKE ''n\%''', 'region LIKE left(region, 1) || ''%''',
    'region LIKE ANY (ARRAY[''n%'', ''s%''])', 'region ILIKE ANY (ARRAY[''N%'', ''S%''])', 'region ~ ''^(no|so)''', 'region ~* ''^NO''', 'region !~ ''th$''', 'left(region, 3) ~ ''^[ns]o''', 'region SIMILAR TO ''(no|so)%''', 'starts_with(region, ''n'')', 'region ^@ ''n''', 'region::varchar(2) = ''no''', 'region::char(2) = ''no''',
    'upper(region) IN (''NORTH'', ''EAST'')', 'md5(region) > ''a''', 'visit_start_date::text LIKE ''2021-0%''',
    -- dates
    'visit_start_date - date ''2021-01-01'' > 100', 'visit_start_date + 30 > ''2022-01-01''', 'visit_start_date - 30 < ''2022-01-01''', '30 + visit_start_date > ''2022-01-01''', 'visit_start_date + interval ''1 month'' > ''2022-01-01''', 'visit_start_date - interval ''1 year 2 days'' < ''2021-01-01''', 'interval ''1 month'' + visit_start_date > ''2022-01-01''',
    'visit_start_date + cost % 10 * interval ''1 day'' > ''2022-01-01''', 'visit_start_date + make_interval(days => 30) > ''2022-01-01''', 'visit_start_date - make_date(year_of_birth, 7, 1) > 20000', 'age(visit_start_date, make_date(year_of_birth, 7, 1)) > interval ''50 years''', 'extract(year FROM age(visit_start_date, make_date(year_of_birth, 7, 1))) >= 50',
    'date_part(''year'', age(visit_start_date::timestamp, make_date(year_of_birth, 7, 1)::timestamp)) >= 50', 'extract(epoch FROM visit_start_date::timestamp - timestamp ''2021-01-01'') / 86400 > 100', 'extract(day FROM visit_start_date::timestamp - timestamp ''2021-01-01'') > 100', 'date_trunc(''month'', visit_start_date) = ''2021-03-01''',
    'date_trunc(''quarter'', visit_start_date::timestamp)::date = ''2021-04-01''', 'date_part(''month'', visit_start_date) = 3', 'extract(dow FROM visit_start_date) IN (0, 6)', 'extract(year FROM visit_start_date::timestamptz) = 2021', 'extract(hour FROM visit_start_date::timestamptz) = 0', 'extract(epoch FROM visit_start_date) > 1620000000',
    'to_char(visit_start_date, ''YYYY-MM'') = ''2021-03''', 'to_char(visit_start_date::timestamp, ''IYYY"W"IW'') > ''2021W20''', 'to_date(to_char(visit_start_date, ''YYYYMMDD''), ''YYYYMMDD'') = visit_start_date', 'to_char(visit_start_date, ''YYYYMM'')::int > 202103', 'isfinite(visit_start_date)', 'current_date - visit_start_date > 365',
    'visit_start_date > current_date - interval ''20 years''', 'visit_start_date BETWEEN date_trunc(''year'', now()) - interval ''15 years'' AND now()', 'age(visit_start_date) > interval ''1 day''', 'extract(year FROM age(visit_start_date)) >= 0', 'visit_start_date::timestamp::date = visit_start_date', 'visit_start_date::timestamptz::date = visit_start_date',
    'visit_start_date::timestamp + interval ''12 hours'' > ''2022-01-01 00:00''', '(visit_start_date, visit_start_date + 30) OVERLAPS (date ''2021-03-01'', date ''2021-04-01'')', 'extract(year FROM visit_start_date)::int - year_of_birth BETWEEN 18 AND 70',
    -- arrays
    'region = ANY (ARRAY[''north'', ''south''])', 'year_of_birth <> ALL (ARRAY[1950, 1951])', 'ARRAY[region] && ARRAY[''north'', ''west'']', 'ARRAY[year_of_birth, cost] @> ARRAY[year_of_birth]', 'ARRAY[region] <@ ARRAY[''north'', ''west'']', 'cardinality(ARRAY[region, ''x'']) = 2', 'string_to_array(''north,west'', '','') && ARRAY[region]']) c;
SELECT pg_temp.same_groups(k) FROM unnest(ARRAY['year_of_birth / 10 * 10', 'date_trunc(''month'', visit_start_date)::date', 'date_trunc(''quarter'', visit_start_date)', 'to_char(visit_start_date, ''YYYY-MM'')', 'extract(year FROM visit_start_date)', 'width_bucket(cost, 0, 4000, 4)', 'left(region, 1) || ''*''',
    'extract(year FROM age(visit_start_date, make_date(year_of_birth, 7, 1)))::int / 10', 'year_of_birth * 1.00 / 100', 'round(year_of_birth / 30.0, 1)::text', 'cost::text::numeric / 10 > 100', 'CASE WHEN cost / 100 > 5 THEN ''high'' ELSE ''low'' END']) k;
SELECT is(pg_temp.under_permit('SELECT string_agg(d || '' '' || e || '' '' || n, '','' ORDER BY d) FROM (SELECT year_of_birth / 10 AS d, year_of_birth / 10 * 10 AS e, count(*) AS n FROM person GROUP BY year_of_birth / 10 HAVING year_of_birth / 10 < 196 ORDER BY year_of_birth / 10 + 1) s'),
          '194 1940 69,195 1950 70', 'a key is computed with above the aggregates');
SELECT throws_ok($$SELECT pg_temp.under_permit('SELECT count(*) / 0 FROM person')$$, '22012', 'division by zero', 'above the border nothing is replaced');
SELECT is(pg_temp.under_permit('SELECT pg_typeof(k)::text || '' '' || pg_typeof(m)::text FROM (SELECT cost::numeric(10, 2) AS k, extract(year FROM visit_start_date) AS m, count(*) FROM visit_occurrence GROUP BY 1, 2) s RIGHT JOIN (SELECT 1) one ON true LIMIT 1'),
          'numeric numeric', 'types stay');

-- within a person, in subqueries and sets, everything is replaced, what aggregates give included
SELECT is(pg_temp.under_permit(q), pg_temp.natively(q), q) FROM unnest(ARRAY[
    'SELECT count(*)::text FROM (SELECT person_id, sum(cost) / count(*) AS c, age(max(visit_start_date), min(visit_start_date)) AS a, max(visit_start_date) - min(visit_start_date) AS d FROM visit_occurrence GROUP BY person_id HAVING sum(cost) / 2 > 100) s WHERE c % 7 > 1 OR d / 30 > 2',
    'SELECT count(*)::text FROM person p WHERE EXISTS (SELECT FROM visit_occurrence v WHERE v.person_id = p.person_id AND v.visit_start_date - make_date(p.year_of_birth, 1, 1) > 20000)',
    'SELECT count(*)::text FROM person p WHERE p.year_of_birth / 2 > (SELECT max(v.cost / 3) FROM visit_occurrence v WHERE v.person_id = p.person_id)',
    'SELECT count(DISTINCT person_id)::text FROM (SELECT person_id, cost / 7 AS c FROM visit_occurrence UNION SELECT person_id, year_of_birth / 7 FROM person) s WHERE c * 2 > 100',
    'SELECT count(*)::text FROM (SELECT person_id, visit_start_date - lag(visit_start_date) OVER (PARTITION BY person_id ORDER BY visit_start_date, visit_occurrence_id) AS gap FROM visit_occurrence) s WHERE gap > 0',
    'SELECT count(DISTINCT person_id)::text FROM condition_occurrence c JOIN (SELECT concept_id / 100 * 100 AS id, upper(left(concept_name, 3)) AS n FROM concept WHERE concept_id % 100 = 0) k ON k.id = c.condition_concept_id WHERE k.n || ''x'' = ''HYPx''',
    'SELECT count(DISTINCT person_id)::text FROM condition_occurrence WHERE condition_concept_id IN (SELECT max(concept_id) / 2 * 2 FROM concept GROUP BY concept_id / 300)']) q;

-- parameters, in plans of both kinds
SELECT count(*) AS north FROM omop.visit_occurrence WHERE region LIKE 'n%' AND cost / 2 > 1 AND visit_start_date + 2 > '2021-03-01' \gset
SET ROLE t_analyst;
SET search_path = permit_hydro, omop, public;
PREPARE by_pattern(text, int, date) AS SELECT count(*) FROM visit_occurrence WHERE region LIKE $1 AND cost / $2 > 1 AND visit_start_date + $2 > $3;
SET plan_cache_mode = force_generic_plan;
SELECT results_eq($$EXECUTE by_pattern('n%', 2, '2021-03-01')$$, 'VALUES (' || :north || '::bigint)', 'parameters');
SELECT results_eq($$EXECUTE by_pattern('n\', 0, '2020-01-01')$$, 'SELECT 0::bigint WHERE false', 'that would raise');
RESET plan_cache_mode;
SELECT results_eq($$EXECUTE by_pattern('n%', 2, '2021-03-01')$$, 'VALUES (' || :north || '::bigint)', 'and with a plan of their own');
RESET ROLE;
RESET search_path;

-- refusals name the construct and the reason
CREATE FUNCTION pg_temp.refused(condition text, message text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_temp.under_permit('SELECT count(*)::text FROM visit_occurrence WHERE ' || condition);
    RETURN public.fail(condition || ' (answered)');
EXCEPTION WHEN others THEN
    RETURN public.is(SQLSTATE || ' ' || left(SQLERRM, length(message)), 'ZE002 ' || message, condition);
END
$$;
SELECT pg_temp.refused(c, m) FROM (VALUES
    ('repeat(region, cost) = ''''', 'the function repeat is not allowed on personal data'),
    ('date_trunc(region, visit_start_date) IS NULL', 'the function date_trunc is not allowed on personal data: the unit must be a literal: microseconds'),
    ('date_trunc(''fortnight'', visit_start_date) IS NULL', 'the function date_trunc is not allowed on personal data: the unit must be a literal'),
    ('extract(timezone FROM visit_start_date::timestamptz) = 0', 'the function extract is not allowed on personal data: the field must be a literal'),
    ('to_char(visit_start_date, ''TMMonth'') = ''''', 'the function to_char is not allowed on personal data: the format must be a literal'),
    ('to_date(region, ''J'') IS NULL', 'the function to_date is not allowed on personal data: the format must be a literal of YYYY, MM, DD, DDD'),
    ('region ~ region', 'the operator ~ is not allowed on personal data: the pattern must be a literal'),
    ('region ~ ''(.)\1''', 'the operator ~ is not allowed on personal data: the pattern has a back reference'),
    ('region ~ ''n(?=o)''', 'the operator ~ is not allowed on personal data: the pattern has look-around'),
    ('region ~ ''x{51}''', 'the operator ~ is not allowed on personal data: the pattern repeats more than 50 times'),
    ('region ~ ''x{1,51}''', 'the operator ~ is not allowed on personal data: the pattern repeats more than 50 times'),
    ('region LIKE ANY (ARRAY[region])', 'the operator ~~ is not allowed on personal data: the patterns must be a literal list'),
    ('cost::numeric ^ cost > 0', 'the operator ^ is not allowed on personal data: the exponent must be a whole number from -10 to 10'),
    ('width_bucket(cost, ARRAY[1, NULL]) = 1', 'the function width_bucket is not allowed on personal data: the thresholds must be a constant array without NULLs'),
    ('region::interval IS NULL', 'the cast from text to interval is not allowed on personal data'),
    ('region::char(2000) = ''''', 'the function bpchar is not allowed on personal data')) v(c, m);

-- the row filter of a permit is replaced alike, and printed so that it stays so
SELECT is(ehds.check_row_filter('omop.visit_occurrence', 'person_id', $$cost / 0 > 1 OR cost::text::smallint > 3$$), '((ehds.total_int4div(t.cost, 0) > 1) OR (ehds.total_from_text_int2((t.cost)::text) > 3))', 'a row filter');

SELECT * FROM finish();
