-- The functions that the gate puts in place of built-in ones that may raise: on
-- edge values and random ones of every type each gives what the built-in gives,
-- and NULL where that raises.
SELECT plan(15);
SET timezone = 'Europe/Paris';
SET client_min_messages = warning;

CREATE TEMP TABLE edge (type regtype, value text);
CREATE FUNCTION pg_temp.add_edge(type regtype, VARIADIC vals text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v text;
BEGIN
    FOREACH v IN ARRAY vals LOOP
        BEGIN
            -- some are values on newer servers only
            EXECUTE format('INSERT INTO edge SELECT %L::regtype, (%L::%s)::text', type, v, type);
        EXCEPTION WHEN data_exception THEN
        END;
    END LOOP;
END
$$;
SELECT setseed(0.5);
SELECT pg_temp.add_edge('int2', '0', '1', '-1', '2', '3', '7', '-10', '181', '182', '32767', '32766', '-32768', '-32767', (random() * 60000 - 30000)::int::text);
SELECT pg_temp.add_edge('int4', '0', '1', '-1', '2', '3', '-7', '10', '12', '31', '46340', '46341', '32767', '32768', '-32768', '-32769', '2147483647', '2147483646', '-2147483648', '-2147483647',
                        '2020', '-4713', '-4714', '5874897', '5874898', '294277', (random() * 4e9 - 2e9)::int::text);
SELECT pg_temp.add_edge('int8', '0', '1', '-1', '2', '3', '-7', '10', '3037000499', '3037000500', '2147483647', '2147483648', '-2147483648', '-2147483649', '32768', '-32769',
                        '9223372036854775807', '9223372036854775806', '-9223372036854775808', '-9223372036854775807', (random() * 1e18)::int8::text);
SELECT pg_temp.add_edge('float4', '0', '-0', '1', '-1', '0.5', '-2.5', '1.5', '2', '3', '3.4e38', '-3.4e38', '1e-38', '1e-45', 'NaN', 'inf', '-inf', '32767.4', '32767.5', '-32768.5', '2147483648', '9.2233715e18', '9.223372e18', '-9.223372e18', '0.1',
                        random()::text);
SELECT pg_temp.add_edge('float8', '0', '-0', '1', '-1', '0.5', '-0.5', '-2.5', '1.5', '2', '-2', '3', '1e308', '-1e308', '1e-308', '5e-324', 'NaN', 'inf', '-inf', '32767.4', '32767.5', '-32768.5', '-32768.4', '2147483647.4', '2147483647.5', '-2147483648.5',
                        '9223372036854774784', '9223372036854775808', '-9223372036854775808', '1e154', '1e155', '-1e-200', '709.7', '709.8', '-744', '-746', '-720', '0.1', '1024', '-1075', '3.5e38', '1e-46', (random() * 1000)::text, (random() - 0.5)::text);
SELECT pg_temp.add_edge('numeric', '0', '0.00', '1', '-1', '1.000', '0.5', '-0.5', '2.5', '-2.5', '2', '3', '-3', '10', '11', 'NaN', 'Infinity', '-Infinity', '32767.4', '32767.5', '32767.499999999999', '-32768.5', '-32768.4', '2147483647.4', '2147483647.5',
                        '-2147483648.4', '-2147483648.5', '9223372036854775807.4', '9223372036854775807.5', '-9223372036854775808.4', '-9223372036854775808.5', '1e100', '-1e-100', '1e308', '1.7976931348623158e308', '1.8e308', '1e-308', '4e-324', '1e-324', '1e400',
                        '3.4028235e38', '3.41e38', '1e-45', '1e-46', '123.456', '99.995', '99.994', '9.5', '0.00499', '1e900', (random() * 1000)::numeric::text);
SELECT pg_temp.add_edge('date', 'infinity', '-infinity', '4714-11-24 BC', '4714-12-01 BC', '4713-01-01 BC', '0001-12-31 BC', '0001-01-01', '1900-02-28', '1970-01-01', '1999-12-31', '2000-01-01', '2020-02-29', '2023-03-26', '2023-10-29', '2024-12-30',
                        '294276-12-31', '294277-01-01', '5874897-12-31', (date '1950-01-01' + (random() * 30000)::int)::text);
SELECT pg_temp.add_edge('timestamp', 'infinity', '-infinity', '4714-11-24 00:00:00 BC', '4714-11-24 00:00:00.000001 BC', '4714-11-24 02:00 BC', '4714-11-30 12:00 BC', '4714-12-05 BC', '4713-01-01 BC', '4713-05-05 05:05:05 BC', '4705-01-01 BC', '4701-06-01 BC',
                        '4700-01-01 BC', '4001-06-06 BC', '4000-01-01 BC', '3001-03-03 BC', '1001-01-01 BC', '0101-01-01 BC', '0011-05-05 BC', '0010-05-05 BC', '0002-05-05 BC', '0001-12-31 23:59:59.999999 BC', '0001-01-01', '0010-01-01', '0101-01-01', '1000-12-31', '1001-01-01', '1900-02-28 12:00',
                        '1969-12-31 23:59:59.999999', '1999-12-31 23:59:59.123456', '2000-01-01', '2020-02-29 10:11:12.5', '2023-03-26 02:30', '2023-10-29 02:30', '2024-12-30 01:00', '294276-12-31 23:59:59.999999', '294276-12-01',
                        (timestamp '1950-01-01' + random() * interval '100 years')::text);
INSERT INTO edge SELECT 'timestamptz'::regtype, (value::timestamp AT TIME ZONE 'UTC')::text FROM edge WHERE type = 'timestamp'::regtype;
SELECT pg_temp.add_edge('timestamptz', '2023-10-29 02:30+02', '2023-10-29 02:30+01', '4714-11-24 00:10 LMT BC');
SELECT pg_temp.add_edge('interval', '0', '1 mon', '-1 mon', '1 day', '-1 day', '1 year 2 mons 3 days 04:05:06.7', '-1 year 3 days -25:00', '1 microsecond', '30 days', '12000 mons', '2147483647 months', '-2147483647 months', '-2147483648 months', '2147483647 days',
                        '-2147483648 days', '2562047788 hours', '-2562047788 hours', '300000 years', '-7000 years', '1 year -1 day', 'infinity', '-infinity', '100000000 days');
-- 03 and others are there for casts, the formats and units for what takes them
SELECT pg_temp.add_edge('text', '', ' ', 'a', 'abc', 'ÀÉÎ ô', 'a,b,,c', 'E11.9', '1', ' 12 ', '-5', '+7', '0x1A', '1_000', '007', '12.5', '.5', '5.', '.', '-', '1e5', '1e-5', '1e400', '1e-400', '1e200000', '1e131071', '1e131072', '0e200000', '1e-16383', '1e-16384', '1e', '1e+', '1.2.3', '32768', '-32768', '-32769',
                        '2147483648', '-2147483648', '9223372036854775807', '9223372036854775808', '-9223372036854775808', '-9223372036854775809', '3.5e38', '1e-46', '1.8e308', '5e-324', '1e-324', 'NaN', ' nan', 'nanx', 'Infinity', '-inf', '+inf', 'infinite', 't', 'TRUE', ' yes', 'of', 'o', 'on', 'maybe',
                        '2020-01-01', '2020-02-30', '20200229', '2020-1-5', '01/02/2020', 'Jan 5 2020', '2020-01-01 10:11', '2020-01-01 25:00', '2020-01-01 10:11:12.5+02', '2020-01-01 10:00 Europe/Paris', '2020-01-01 10:00 Nowhere/Land', 'epoch', '4714-11-23 BC', '5874898-01-01', '294277-01-01', 'tomorrow x', 'now Foo/Bar', 'today Foo/Bar', 'yesterday, Foo/Bar', 'epoch Foo/Bar', 'infinity Foo/Bar', '-infinity Foo/Bar', 'now Europe/Paris');
SELECT pg_temp.add_edge('text', 'Jan-05-2020', '2020-01-05 Jan-06-2020', '5 Jan 2020 Foo/Bar', '10:00 Europe/Paris', '2020-01-01 EST5EDT', 'Mon Jan 5 2020 10:00:00 CET', '2020-01-01T10:00:00Z', 'J2451545', '20200101T101112', '2020.123',
                        'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{a0eebc999c0b4ef8bb6d6bb9bd380a11}', 'a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11', 'a0eebc999c0b4ef8bb6d6bb9bd380a1', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11-', '{a0eebc999c0b4ef8bb6d6bb9bd380a11',
                        'year', 'Months', 'week', 'quarter', 'decade', 'century', 'millennium', 'day', 'hour', 'minutes', 'second', 'milliseconds', 'microseconds', 'epoch', 'dow', 'isoyear', 'nounit');

-- the values for argument n of a function
CREATE FUNCTION pg_temp.values_for(f regprocedure, n int) RETURNS text[] LANGUAGE sql AS $$
    SELECT CASE
        -- precision and scale
        WHEN p.prosrc = 'numeric' AND n = 2 THEN ARRAY[-1, (5 << 16) + 2 + 4, (3 << 16) + 3 + 4, (2 << 16) + 2046 + 4, (2 << 16) + 5 + 4, (10 << 16) + 4, (309 << 16) + 4]::text[]
        -- what the gate takes as constants only
        WHEN p.prosrc ~ 'regex' AND n = 2 THEN '{a,^E1[0-4],"[0-9]+$","(b|c)+","","\\d{2,4}"}'
        WHEN p.prosrc ~ 'like' AND n = 2 THEN '{a,A%,_,%9,"\\%",""}'
        WHEN p.prosrc = 'timestamptz_to_char' AND n = 2 THEN '{YYYY,YYYY-MM,"IYYY-\"W\"IW",Q,HH24:MI:SS,Month,Dy}'
        WHEN p.prosrc = 'timestamp_to_char' AND n = 2 THEN '{YYYY,YYYY-MM,"IYYY-\"W\"IW",Q,HH24:MI:SS,HH12 AM,Month,Mon,Dy,Day,DDD,D,ID,WW,W,YY}'
        WHEN p.prosrc ~ '^(extract|date_part|timestamp_part|interval_part)' AND n = 1 AND p.proargtypes[1] = 'interval'::regtype THEN '{year,month,day,quarter,decade,century,millennium,epoch,hour,minute,second,milliseconds,microseconds}'
        WHEN p.prosrc = 'extract_date' AND n = 1 THEN '{year,month,day,quarter,week,dow,isodow,doy,isoyear,decade,century,millennium,epoch,julian}'
        WHEN p.prosrc = 'to_date' AND n = 2 THEN '{YYYY-MM-DD,YYYYMMDD,DD/MM/YYYY,YYYY,YYYY-MM,YYYYDDD}'
        WHEN p.prosrc ~ '^(extract_timestamp(tz)?|timestamp(tz)?_part)$' AND n = 1 THEN '{year,month,day,week,dow,isodow,doy,isoyear,quarter,decade,century,millennium,hour,minute,second,milliseconds,microseconds,epoch,julian}'
        WHEN p.prosrc ~ '^timestamp(tz)?_trunc$' AND n = 1 THEN '{year,YEARS,months,week,quarter,decade,century,millennium,day,hour,minute,second,milliseconds,microseconds}'
        WHEN p.prosrc = 'numeric_power' AND n = 2 THEN '{-10,-3,-1,0,1,2,3.000,7,10}'
        WHEN p.prosrc ~ '^[lr]pad$' AND n = 2 THEN '{0,-1,3,10,70}'
        -- of three arguments fewer values each, all of them in turn
        ELSE (SELECT array_agg(value) FROM (SELECT value, row_number() OVER () AS r FROM edge WHERE type = p.proargtypes[n - 1]::regtype) e
               WHERE p.pronargs < 3 OR r % 7 = (n + extract(day FROM current_date)::int) % 7 OR value ~ '^(0|1|-1|NaN|Infinity|infinity|inf|2147483647)$') END
      FROM pg_proc p WHERE p.oid = f
$$;

-- How f and its total version differ: 'other' value, 'missing' (NULL, but f gives a value). Raises if the total version does.
CREATE FUNCTION pg_temp.differences(f regprocedure, OUT calls bigint, OUT raised bigint, OUT other bigint, OUT missing bigint, OUT example text) LANGUAGE plpgsql AS $$
DECLARE
    p    pg_proc;
    name text;
    declared text;
    called text;
    froms text;
BEGIN
    SELECT * INTO p FROM pg_proc WHERE oid = f;
    name := quote_ident(p.proname);
    SELECT string_agg('a' || n || ' ' || format_type(t, NULL), ', ' ORDER BY n), string_agg(format('e%s.v::%s', n, format_type(t, NULL)), ', ' ORDER BY n),
           string_agg(format('unnest(pg_temp.values_for(%s, %s)) AS e%s(v)', f::oid, n, n), ', ' ORDER BY n)
      INTO declared, called, froms FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u(t, n);
    EXECUTE format('CREATE OR REPLACE FUNCTION pg_temp.native(%s, OUT value text, OUT failed boolean) LANGUAGE plpgsql COST 1000 AS %L', declared,
                   format('BEGIN value := pg_catalog.%s(%s); failed := false; EXCEPTION WHEN others THEN failed := true; END',
                          name, (SELECT string_agg('a' || n, ', ' ORDER BY n) FROM generate_series(1, p.pronargs) n)));
    EXECUTE format('SELECT count(*), count(*) FILTER (WHERE failed), count(*) FILTER (WHERE ours IS NOT NULL AND ours IS DISTINCT FROM value), count(*) FILTER (WHERE ours IS NULL AND value IS NOT NULL),
                           min(args || '' native '' || coalesce(value, ''NULL'') || '' ours '' || coalesce(ours, ''NULL'')) FILTER (WHERE ours IS DISTINCT FROM value)
                      FROM (SELECT n.*, ehds.total_%s(%s)::text AS ours, concat_ws('', '', %s) AS args FROM %s, LATERAL pg_temp.native(%s) n OFFSET 0) s',
                   p.proname, called, (SELECT string_agg(format('e%s.v', n), ', ') FROM generate_series(1, p.pronargs) n), froms, called)
       INTO calls, raised, other, missing, example;
    EXECUTE format('DROP FUNCTION pg_temp.native(%s)', declared);
END
$$;

CREATE TEMP TABLE pair AS
SELECT n.oid::regprocedure AS native, t.oid::regprocedure AS total
  FROM pg_proc t JOIN pg_proc n ON t.proname = 'total_' || n.proname AND t.proargtypes = n.proargtypes AND n.pronamespace = 'pg_catalog'::regnamespace
 WHERE t.pronamespace = 'ehds'::regnamespace;
CREATE TEMP TABLE result AS SELECT p.native, d.* FROM pair p, LATERAL pg_temp.differences(p.native) d;
-- CHECKS
SELECT is((SELECT count(*) FROM pg_proc WHERE pronamespace = 'ehds'::regnamespace AND proname LIKE 'total\_%' AND proname NOT LIKE 'total\_from\_text\_%'),
          (SELECT count(*) FROM pair), 'each total version has the name and the argument types of a built-in function');
SELECT is_empty($$SELECT native FROM pair p JOIN pg_proc n ON n.oid = p.native JOIN pg_proc t ON t.oid = p.total
                  WHERE t.prorettype <> n.prorettype OR t.provolatile <> n.provolatile OR NOT t.proisstrict OR t.proparallel <> 's' OR t.prosrc <> 'ehds_total_' || n.prosrc$$,
                'with its type, its volatility, and made of the same C function');
SELECT cmp_ok((SELECT sum(calls) FROM result), '>', 150000::numeric, 'many calls were compared');
SELECT cmp_ok((SELECT sum(raised) FROM result), '>', 30000::numeric, 'of which many raise in the built-in function, and none in ours');
SELECT is_empty('SELECT native, other, example FROM result WHERE other > 0', 'a value, if there is one, is that of the built-in function');
-- beyond a billion days; 2,147,483,647 buckets; differences that PostgreSQL 15 and 16 get wrong
SELECT is_empty($$SELECT native, missing, example FROM result WHERE missing > 0
                  AND native::text NOT IN ('interval_mul(interval,double precision)', 'mul_d_interval(double precision,interval)', 'interval_div(interval,double precision)',
                                           'width_bucket(numeric,numeric,numeric,integer)')
                  AND NOT (current_setting('server_version_num')::int < 170000 AND native::text ~ '^(age|timestamptz_mi|timestamp_mi)\(timestamp')$$,
                'and there is one where the built-in function gives one');
SELECT results_eq($$SELECT ehds.total_interval_mul(i, f), ehds.total_interval_div(i, 3) FROM unnest(ARRAY[interval '1 mon', '1 day', '-3 days 05:06:07']) i, unnest(ARRAY[1, -2.5, 1000]::float8[]) f$$,
                  $$SELECT i * f, i / 3 FROM unnest(ARRAY[interval '1 mon', '1 day', '-3 days 05:06:07']) i, unnest(ARRAY[1, -2.5, 1000]::float8[]) f$$, 'multiples of intervals');

-- casts from text
CREATE FUNCTION pg_temp.native_cast(v text, t text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r text;
BEGIN
    EXECUTE format('SELECT CAST($1 AS %s)::text', t) INTO r USING v;
    RETURN r;
EXCEPTION WHEN others THEN
    RETURN NULL;
END
$$;
CREATE TEMP TABLE cast_result (type text, value text, native text, ours text);
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['bool', 'int2', 'int4', 'int8', 'float4', 'float8', 'numeric', 'date', 'timestamp', 'timestamptz', 'uuid'] LOOP
        EXECUTE format('INSERT INTO cast_result SELECT %L, value, pg_temp.native_cast(value, %L), ehds.total_from_text_%s(value)::text FROM (SELECT value FROM edge UNION SELECT '' '' || value FROM edge UNION SELECT value || ''x'' FROM edge) e', t, t, t);
    END LOOP;
END
$$;
SELECT is_empty('SELECT * FROM cast_result WHERE native IS DISTINCT FROM ours', 'casts from text give the value or NULL');
SELECT cmp_ok((SELECT count(*) FROM cast_result WHERE native IS NULL), '>', 5000::bigint, 'of texts many of which are no value');

-- sizes
SELECT is((SELECT count(v) FROM (VALUES (ehds.total_textcat(repeat('a', 40000), repeat('b', 40000))), (ehds.total_replace(repeat('a', 1000), 'a', repeat('b', 1000))), (ehds.total_upper(repeat('a', 70000))),
                                         (ehds.total_lpad('a', 100000, 'b')), (ehds.total_numeric_mul(repeat('7', 3000)::numeric, 1)::text), (ehds.total_from_text_numeric(repeat('1', 3000))::text)) t(v)), 0::bigint,
          'long texts and numbers give NULL');
SELECT is(ehds.total_textcat(repeat('a', 30000), repeat('b', 30000)), repeat('a', 30000) || repeat('b', 30000), 'moderately long ones do not');
-- few digits far from the point
SELECT is((SELECT count(v) FROM (VALUES (ehds.total_power(1e131000, 10)), (ehds.total_power(-1e13108, 10)), (ehds.total_pow(1e-16000, -10)), (ehds.total_round(9.5e131071, -131071))) t(v)), 0::bigint,
          'powers and rounding that leave the range of numeric give NULL');
SELECT is(ARRAY[ehds.total_power(1e1600, 10), ehds.total_power(1e-1600, -10), ehds.total_power('-Infinity'::numeric, 3), ehds.total_power(0.0, 10), ehds.total_round(9.5e131071, -100)], ARRAY[1e16000, 1e16000, '-Infinity'::numeric, 0, 9.5e131071], 'others do not');
-- what is called as it is, and is not vouched for by PostgreSQL, never raises
CREATE FUNCTION pg_temp.raises(f regprocedure, OUT calls bigint, OUT raised bigint, OUT example text) LANGUAGE plpgsql AS $$
DECLARE
    p    pg_proc;
    declared text;
    called text;
    froms text;
BEGIN
    SELECT * INTO p FROM pg_proc WHERE oid = f;
    SELECT string_agg('a' || n || ' ' || format_type(t, NULL), ', ' ORDER BY n), string_agg(format('e%s.v::%s', n, format_type(t, NULL)), ', ' ORDER BY n),
           string_agg(format('unnest(pg_temp.values_for(%s, %s)) AS e%s(v)', f::oid, n, n), ', ' ORDER BY n)
      INTO declared, called, froms FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u(t, n);
    EXECUTE format('CREATE OR REPLACE FUNCTION pg_temp.native(%s, OUT value text, OUT failed text) LANGUAGE plpgsql COST 1000 AS %L', declared,
                   format('BEGIN value := pg_catalog.%s(%s); EXCEPTION WHEN others THEN failed := SQLERRM; END',
                          quote_ident(p.proname), (SELECT string_agg('a' || n, ', ' ORDER BY n) FROM generate_series(1, p.pronargs) n)));
    EXECUTE format('SELECT count(*), count(failed), min(args || '' '' || failed) FROM (SELECT n.*, concat_ws('', '', %s) AS args FROM %s, LATERAL pg_temp.native(%s) n OFFSET 0) s',
                   (SELECT string_agg(format('e%s.v', n), ', ') FROM generate_series(1, p.pronargs) n), froms, called) INTO calls, raised, example;
    EXECUTE format('DROP FUNCTION pg_temp.native(%s)', declared);
END
$$;
SELECT pg_temp.add_edge('char', 'a', '', '\377');
SELECT pg_temp.add_edge('bool', 'true', 'false');
INSERT INTO edge SELECT t, value FROM edge, unnest(ARRAY['bpchar', 'varchar', 'name']::regtype[]) t WHERE type = 'text'::regtype AND length(value) < 20;
CREATE TEMP TABLE as_is AS
SELECT a.function, r.* FROM ehds.allowed_functions() a JOIN pg_proc p ON p.oid = a.function,
       LATERAL pg_temp.raises(a.function) r
 WHERE a.rule LIKE 'as it is%' AND a.rule <> 'as it is: leakproof' AND a.rule !~ 'array|elements|explicit cast'
   AND NOT EXISTS (SELECT FROM unnest(p.proargtypes::oid[]) t WHERE NOT EXISTS (SELECT FROM edge e WHERE e.type = t));
SELECT is_empty('SELECT function, raised, example FROM as_is WHERE raised > 0', 'what is called as it is does not raise');
SELECT cmp_ok((SELECT count(*) FROM as_is WHERE calls > 0), '>', 110::bigint, 'of more than a hundred functions');
SELECT * FROM finish();
