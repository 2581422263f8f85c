-- Every form of every k aggregate (subject x value x with k or without): the type and the digits of the
-- native aggregate that it stands for, over integers and over decimals
SELECT no_plan();
\o /dev/null
SET ehds.k_floor = 2;
SET ehds.k = 3;
SET ehds.dominance_share_limit = 100;
SET ehds.dominance_share = 100;
CREATE TEMP TABLE r AS SELECT i % 200 AS s, (hashint4(i) % 1000003 + i % 5)::numeric AS v FROM generate_series(1, 1000) i;
-- as many decimals as rows have; a quarter is exact in double precision, so that the order of rows is none there
CREATE TEMP TABLE d AS SELECT i % 50 AS s, CASE WHEN i % 4 = 0 THEN 0 ELSE round(hashint4(i) % 100003 / 4.0, i % 3 + 2) END AS v FROM generate_series(1, 3000) i;
CREATE FUNCTION pg_temp.native(name text, value text) RETURNS text LANGUAGE sql AS $$
    -- native variances of doubles are rounded at each row, ours once: as those of decimals, and the root of that
    SELECT CASE WHEN value = 'v::double precision' AND name ~ 'variance' THEN format('CAST(%s(v::numeric(60,20)) AS double precision)', CASE name WHEN 'k_variance' THEN 'variance' ELSE 'var_pop' END)
        WHEN value = 'v::double precision' AND name ~ 'stddev' THEN format('sqrt(CAST(%s(v::numeric(60,20)) AS double precision))', CASE name WHEN 'k_stddev' THEN 'variance' ELSE 'var_pop' END)
        ELSE format(CASE name WHEN 'k_sum' THEN 'sum(%s)' WHEN 'k_avg' THEN 'avg(%s)' WHEN 'k_variance' THEN 'variance(%s)' WHEN 'k_stddev' THEN 'stddev(%s)'
        WHEN 'k_variance_pop' THEN 'var_pop(%s)' WHEN 'k_stddev_pop' THEN 'stddev_pop(%s)' WHEN 'k_median' THEN 'percentile_cont(0.5) WITHIN GROUP (ORDER BY %s)'
        WHEN 'k_percentile' THEN 'percentile_cont(0.3) WITHIN GROUP (ORDER BY %s)'
        -- the third smallest of what each subject has least, and the other way round
        WHEN 'k_min' THEN '(array_agg(%s ORDER BY v))[1]' WHEN 'k_max' THEN '(array_agg(%s ORDER BY v DESC))[1]' END, value) END $$;
CREATE FUNCTION pg_temp.differences(form regprocedure, source text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    name text := (SELECT proname FROM pg_proc WHERE oid = form);
    args text[] := (SELECT array_agg(format_type(a, NULL) ORDER BY n) FROM pg_proc, unnest(proargtypes) WITH ORDINALITY AS u (a, n) WHERE oid = form);
    value text := 'v::' || args[2];
    subject text := CASE args[1] WHEN 'integer' THEN 's' WHEN 'bigint' THEN 's * 7000000011' WHEN 'text' THEN '''p'' || s' ELSE 'md5(s::text)::uuid' END;
    -- values of k_min and k_max: only those that three subjects reach
    reached text := CASE name WHEN 'k_min' THEN format('WHERE v::%1$s >= (SELECT min(v::%1$s) FROM (SELECT s, min(v::%1$s) AS v FROM %2$I GROUP BY s ORDER BY 2 OFFSET 2 LIMIT 1) x)', args[2], source)
        WHEN 'k_max' THEN format('WHERE v::%1$s <= (SELECT max(v::%1$s) FROM (SELECT s, max(v::%1$s) AS v FROM %2$I GROUP BY s ORDER BY 2 DESC OFFSET 2 LIMIT 1) x)', args[2], source) ELSE '' END;
    result text;
BEGIN
    EXECUTE format('SELECT CASE WHEN o IS NULL OR pg_typeof(o) <> pg_typeof(n) OR o::text <> n::text THEN concat_ws('' '', pg_typeof(o), o, ''not'', pg_typeof(n), n) END
        FROM (SELECT %s(%s) AS o FROM %I) a, (SELECT %s AS n FROM %I %s) b',
        'ehds.' || name, concat_ws(', ', subject, value, CASE WHEN name = 'k_percentile' THEN '0.3' END, CASE WHEN args[cardinality(args)] = 'integer' AND cardinality(args) > 2 THEN '3' END), source,
        pg_temp.native(name, value), source, reached) INTO result;
    RETURN result;
END $$;
\o
CREATE TEMP TABLE form AS SELECT p.oid::regprocedure AS form, p.proname AS name FROM pg_proc p
    WHERE p.pronamespace = 'ehds'::regnamespace AND p.prokind = 'a' AND p.proname IN ('k_sum', 'k_avg', 'k_variance', 'k_stddev', 'k_variance_pop', 'k_stddev_pop', 'k_min', 'k_max', 'k_median', 'k_percentile');
SELECT is(count(*)::int, 32, name || ': 4 subjects x 4 values x with k or without') FROM form GROUP BY name ORDER BY name;
SELECT is(string_agg(form || ': ' || pg_temp.differences(form, 'r'), E'\n'), NULL, name || ' of integers') FROM form GROUP BY name ORDER BY name;
-- doubles of decimals are summed in twice the precision: near, but not to the last digit
SELECT is(string_agg(form || ': ' || pg_temp.differences(form, 'd'), E'\n'), NULL, name || ' of decimals') FROM form
    WHERE form::text !~ 'double precision' OR name IN ('k_min', 'k_max', 'k_median', 'k_percentile', 'k_sum') GROUP BY name ORDER BY name;

-- counts
SELECT is((SELECT string_agg(DISTINCT format('%s %s', proname, prorettype::regtype), ', ' ORDER BY format('%s %s', proname, prorettype::regtype)) FROM pg_proc
    WHERE pronamespace = 'ehds'::regnamespace AND prokind = 'a' AND proname IN ('k_met', 'k_count', 'k_rows')), 'k_count bigint, k_met boolean, k_rows bigint', 'types of counts');
SELECT is((ehds.k_count(s), ehds.k_count(s::bigint), ehds.k_count(s::text), ehds.k_count(md5(s::text)::uuid), ehds.k_rows(s), ehds.k_rows(s::bigint, 3), ehds.k_rows(s::text), ehds.k_rows(md5(s::text)::uuid, 3))::text,
    '(200,200,200,200,1000,1000,1000,1000)', 'counts') FROM r;
SELECT is((ehds.k_met(s), ehds.k_met(s::bigint), ehds.k_met(s::text), ehds.k_met(md5(s::text)::uuid), ehds.k_met(s, 201), ehds.k_met(s::bigint, 201), ehds.k_met(s::text, 201), ehds.k_met(md5(s::text)::uuid, 201))::text,
    '(t,t,t,t,f,f,f,f)', 'whether there are k') FROM r;
SELECT * FROM finish();
