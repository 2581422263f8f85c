-- Private aggregates through the gate: what is answered, refused and charged; with so large an
-- epsilon that the noise is 0 (or small, where it says so), what the definitions give.
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
CREATE SCHEMA agg;
-- 2,000 persons in four wards each, twice (person 1: fifty times); values run past the ranges that are asked for
CREATE TABLE agg.stay (stay_id bigint PRIMARY KEY, person_id bigint NOT NULL, ward integer NOT NULL, yes boolean NOT NULL, days integer, small smallint,
    big bigint, score double precision, single real, cost numeric, day date, text text);
CREATE TABLE agg.person (person_id bigint PRIMARY KEY, ward integer NOT NULL, age integer NOT NULL);
INSERT INTO agg.stay SELECT row_number() OVER (), p, w, r % 2 = 0, CASE WHEN p % 10 <> 0 THEN (p + r) % 14 - 2 END, (p + r) % 14 - 2, (p + r) % 14 - 2,
    CASE WHEN p % 50 = 0 THEN 'NaN' WHEN p % 51 = 0 THEN 'Infinity' WHEN p % 52 = 0 THEN '-Infinity' ELSE (p + r) % 9 - 4.5 END,
    (p + r) % 9 - 4.5, ((p + r) % 14 - 2) + 0.30, date '2020-01-01' + (p % 7)::int, 'x'
  FROM generate_series(1, 2000) p, generate_series(0, 3) w, LATERAL generate_series(0, CASE p WHEN 1 THEN 49 ELSE 1 END) r;
INSERT INTO agg.person SELECT p, p % 4, p % 100 FROM generate_series(1, 2000) p;
ANALYZE;
SELECT ehds.protect('agg.' || t, subject => 'person_id', population => 'agg') FROM unnest('{stay,person}'::text[]) t;
SECURITY LABEL FOR pg_ehds ON COLUMN agg.stay.days IS 'range 0..10';
SECURITY LABEL FOR pg_ehds ON COLUMN agg.stay.small IS 'range 0..10';
SECURITY LABEL FOR pg_ehds ON COLUMN agg.stay.big IS 'range -1..8';
SECURITY LABEL FOR pg_ehds ON COLUMN agg.stay.score IS 'range -2..2 step 0.5';
SECURITY LABEL FOR pg_ehds ON COLUMN agg.stay.single IS 'range -2..2 step 0.5';
SECURITY LABEL FOR pg_ehds ON COLUMN agg.stay.cost IS 'range 0.5..10 step 0.1';
DROP ROLE IF EXISTS t_agg;
CREATE ROLE t_agg LOGIN;
SELECT pg_temp.as_role('t_governor', $q$SELECT ehds.issue_permit('agg', 't_agg', 'research', valid_until => '2099-12-31', output => 'statistics', epsilon => 1000000, delta => 0.1, epsilon_default => 1000, max_groups => 4)$q$);
SELECT pg_temp.as_role('t_governor', format('SELECT ehds.permit_table(''agg'', %L)', 'agg.' || t)) FROM unnest('{stay,person}'::text[]) t;
SELECT pg_temp.as_role('t_governor2', $q$SELECT ehds.activate_permit('agg')$q$);
CREATE FUNCTION pg_temp.asked(query text, max_rows int DEFAULT 1, epsilon text DEFAULT '1000') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ehds.epsilon', epsilon, true), set_config('ehds.max_rows', max_rows::text, true);
    SET LOCAL search_path = permit_agg, public, pg_catalog;
    RETURN pg_temp.as_role('t_agg', format('SELECT string_agg(r::text, '' '' ORDER BY r::text) FROM (%s) r', query));
END $$;
CREATE FUNCTION pg_temp.refused(query text, state text, message text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    spent numeric := (SELECT epsilon_spent FROM ehds.budget WHERE permit = 'agg');
    what text := 'answered';
    s text;
BEGIN
    BEGIN
        PERFORM pg_temp.asked(query);
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS what = MESSAGE_TEXT, s = RETURNED_SQLSTATE;
    END;
    RESET SESSION AUTHORIZATION;
    RETURN ok(what ~ message AND s = state AND (SELECT epsilon_spent FROM ehds.budget WHERE permit = 'agg') = spent, format('refused, at no cost: %s [%s %s]', query, s, what));
END $$;
-- epsilon that a query costs, in units of ehds.epsilon
CREATE FUNCTION pg_temp.cost(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    spent numeric := (SELECT epsilon_spent FROM ehds.budget WHERE permit = 'agg');
BEGIN
    PERFORM pg_temp.asked(query, 1, '10');
    RETURN trim_scale(((SELECT epsilon_spent FROM ehds.budget WHERE permit = 'agg') - spent) / 10);
END $$;
CREATE FUNCTION pg_temp.clamp(x anyelement, low numeric, high numeric) RETURNS numeric LANGUAGE sql STRICT IMMUTABLE AS $$
    SELECT CASE WHEN x::numeric <> 'NaN' THEN least(high, greatest(low, x::numeric)) END
$$;
-- what the definition gives; of: an expression over u, the values of one person and group as an array
CREATE FUNCTION pg_temp.defined(value text, of text, condition text DEFAULT 'true') RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
    EXECUTE format('SELECT string_agg(r::text, '' '' ORDER BY r::text) FROM (SELECT ward, %s FROM (SELECT ward, coalesce(array_agg(%s) FILTER (WHERE (%s) AND (%2$s) IS NOT NULL), ''{}'') AS u FROM agg.stay GROUP BY ward, person_id) p GROUP BY ward) r', of, value, condition) INTO result;
    RETURN result;
END $$;
\o
SELECT no_plan();

-- rows and sums are what they are defined to be
SELECT is(pg_temp.asked('SELECT ward, count(*) FROM stay GROUP BY ward', r), pg_temp.defined('1', format('sum(least(cardinality(u), %s))', r)), format('count(*), %s rows', r)) FROM unnest('{1,2,3,10}'::int[]) r;
SELECT is(pg_temp.asked('SELECT ward, ehds.dp_rows(person_id, 2) FROM stay GROUP BY ward'), pg_temp.defined('1', 'sum(least(cardinality(u), 2))'), 'dp_rows');
SELECT is(pg_temp.asked('SELECT ward, count(days) FROM stay GROUP BY ward', 2), pg_temp.defined('days', 'sum(least(cardinality(u), 2))', 'days IS NOT NULL'), 'count of a column');
SELECT is(pg_temp.asked(format('SELECT ward, %s FROM stay GROUP BY ward', a), 2), pg_temp.defined(v, 'trim_scale(sum(least(' || high || ', greatest(' || low || ', (SELECT coalesce(sum(x), 0) FROM unnest(u) x)))::numeric))'), a)
FROM (VALUES ('sum(days)', 'pg_temp.clamp(days, 0, 10)', 20, 0), ('sum(small)', 'pg_temp.clamp(small, 0, 10)', 20, 0), ('ehds.dp_sum(person_id, big)', 'pg_temp.clamp(big, -1, 8)', 16, -2),
    ('sum(big)', 'pg_temp.clamp(big, -1, 8)', 16, -2), ('ehds.dp_sum(person_id, days, 2, 7)', 'pg_temp.clamp(days, 2, 7)', 14, 0), ('ehds.dp_sum(person_id, days, -7, -1)', 'pg_temp.clamp(days, -7, -1)', 0, -14),
    ('ehds.dp_sum(person_id, days, -3, 5, 1)', 'pg_temp.clamp(days, -3, 5)', 5, -3), ('ehds.dp_sum(person_id, days, 1)', 'pg_temp.clamp(days, 0, 10)', 10, 0),
    ('sum(score)', 'pg_temp.clamp(score, -2, 2)', 4, -4), ('sum(single)', 'pg_temp.clamp(single, -2, 2)', 4, -4), ('ehds.dp_sum(person_id, COALESCE(days, 3), 0, 10)', 'pg_temp.clamp(coalesce(days, 3), 0, 10)', 20, 0), ('ehds.dp_sum(person_id, CASE WHEN yes THEN small END, 0, 10)', 'pg_temp.clamp(CASE WHEN yes THEN small END, 0, 10)', 20, 0)) t(a, v, high, low);
-- with 96 steps of 0.1 in four groups some noise is left: less than 20 steps but for one time in 1e10
SELECT ok(bool_and(abs(split_part(a, ',', 2)::numeric - split_part(d, ',', 2)::numeric) < 2), 'sum(cost): ' || string_agg(a || d, ' '))
FROM regexp_split_to_table(replace(pg_temp.asked('SELECT ward, sum(cost) FROM stay GROUP BY ward', 2), ')', ''), ' ') WITH ORDINALITY x(a, n)
JOIN regexp_split_to_table(replace(pg_temp.defined('pg_temp.clamp(cost, 0.5, 10)', 'sum(least(20, (SELECT coalesce(sum(x), 0) FROM unnest(u) x)))'), ')', ''), ' ') WITH ORDINALITY y(d, n) USING (n);

-- averages and variances: each person counts as one row, or as max_rows
CREATE FUNCTION pg_temp.near(a text, d text, tolerance numeric, what text) RETURNS text LANGUAGE sql AS $$
    SELECT ok(count(*) = 4 AND bool_and(abs(split_part(x, ',', 2)::numeric - split_part(y, ',', 2)::numeric) < tolerance), what || ': ' || a || ' near ' || d)
    FROM regexp_split_to_table(translate(a, '()', ''), ' ') WITH ORDINALITY t(x, n) JOIN regexp_split_to_table(translate(d, '()', ''), ' ') WITH ORDINALITY s(y, n) USING (n)
$$;
SELECT pg_temp.near(pg_temp.asked(format('SELECT ward, %s FROM stay GROUP BY ward', a), r),
    pg_temp.defined(v, format('sum(least(1, %s.0 / nullif(cardinality(u), 0)) * (SELECT sum(x::numeric) FROM unnest(u) x)) / sum(least(cardinality(u), %s))', r, r), v || ' IS NOT NULL'), 0.01, a || ' of ' || r)
FROM (VALUES ('avg(days)', 'pg_temp.clamp(days, 0, 10)'), ('ehds.dp_avg(person_id, small)', 'pg_temp.clamp(small, 0, 10)'), ('avg(big)', 'pg_temp.clamp(big, -1, 8)'), ('avg(cost)', 'pg_temp.clamp(cost, 0.5, 10)'),
    ('avg(score)', 'pg_temp.clamp(score, -2, 2)'), ('avg(single)', 'pg_temp.clamp(single, -2, 2)'), ('ehds.dp_avg(person_id, cost, 1, 5)', 'pg_temp.clamp(cost, 1, 5)'), ('ehds.dp_avg(person_id, score, -1, 1)', 'pg_temp.clamp(score, -1, 1)')) t(a, v),
    unnest('{1,2,7}'::int[]) r;
CREATE FUNCTION pg_temp.spread(value text, r int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
    EXECUTE format('SELECT string_agg(r::text, '' '' ORDER BY r::text) FROM (SELECT ward, (sum(w * q) - sum(w * s) ^ 2 / sum(w * n)) / (sum(w * n) - 1) FROM
        (SELECT ward, least(1, %s / count(v)::numeric) AS w, count(v) AS n, sum(v) AS s, sum(v ^ 2) AS q FROM (SELECT ward, person_id, (%s)::numeric AS v FROM agg.stay) i WHERE v IS NOT NULL GROUP BY ward, person_id) p GROUP BY ward) r', r, value) INTO result;
    RETURN result;
END $$;
SELECT pg_temp.near(pg_temp.asked(format('SELECT ward, %s FROM stay GROUP BY ward', a), r), pg_temp.spread(v, r), 0.05, a || ' of ' || r)
FROM (VALUES ('variance(days)', 'pg_temp.clamp(days, 0, 10)'), ('stddev(days) * stddev(days)', 'pg_temp.clamp(days, 0, 10)'), ('var_samp(score)', 'pg_temp.clamp(score, -2, 2)'),
    ('ehds.dp_variance(person_id, big)', 'pg_temp.clamp(big, -1, 8)'), ('ehds.dp_stddev(person_id, cost, 1, 5) ^ 2', 'pg_temp.clamp(cost, 1, 5)')) t(a, v), unnest('{1,3}'::int[]) r;

-- FILTER, conditions, expressions over the result
SELECT is(pg_temp.asked('SELECT ward, count(*) FILTER (WHERE yes), ehds.dp_count(person_id) FILTER (WHERE days > 5), sum(days) FILTER (WHERE NOT yes) FROM stay GROUP BY ward', 2),
    (SELECT string_agg(r::text, ' ' ORDER BY r::text) FROM (SELECT ward, sum(least(n, 2)), count(*) FILTER (WHERE d > 0), sum(least(20, s)) FROM
        (SELECT ward, person_id, count(*) FILTER (WHERE yes) AS n, count(*) FILTER (WHERE days > 5) AS d, coalesce(sum(pg_temp.clamp(days, 0, 10)) FILTER (WHERE NOT yes), 0) AS s FROM agg.stay GROUP BY 1, 2) p GROUP BY ward) r), 'FILTER');
SELECT is(pg_temp.asked('SELECT ward * 10, 1 + count(*) AS a, sum(days) > 0 AS b FROM stay WHERE ward > 0 GROUP BY ward HAVING count(*) > 100 ORDER BY ward DESC LIMIT 2'), '(20,2001,t) (30,2001,t)', 'HAVING, ORDER BY, LIMIT and arithmetic read the released columns');
SELECT is(pg_temp.asked('SELECT count(*) AS rows, count(DISTINCT person_id) AS persons, sum(s.days) AS d FROM stay s JOIN person p USING (person_id) WHERE p.age < 50 AND s.ward = 1', 2),
    (SELECT row(sum(least(n, 2)), count(*), sum(least(20, d)))::text FROM (SELECT person_id, count(*) AS n, coalesce(sum(pg_temp.clamp(days, 0, 10)), 0) AS d FROM agg.stay JOIN agg.person USING (person_id) WHERE age < 50 AND stay.ward = 1 GROUP BY 1) p), 'without keys, over a join');
SELECT is(pg_temp.asked('SELECT ward, count(*) FILTER (WHERE EXISTS (SELECT FROM person p WHERE p.person_id = stay.person_id AND p.age < 20)), sum(days) FILTER (WHERE person_id IN (SELECT person_id FROM person WHERE age < 20)) FROM stay GROUP BY ward', 2),
    (SELECT string_agg(r::text, ' ' ORDER BY r::text) FROM (SELECT ward, sum(least(n, 2)), sum(least(20, d)) FROM (SELECT s.ward, person_id, count(*) AS n, coalesce(sum(least(10, greatest(0, days))), 0) AS d FROM agg.stay s JOIN agg.person p USING (person_id) WHERE age < 20 GROUP BY 1, 2) p GROUP BY ward) r), 'FILTER with subqueries');
SELECT is(pg_temp.asked('SELECT count(*), ehds.dp_sum(person_id, most, 0, 10) FROM (SELECT person_id, max(days) AS most FROM stay GROUP BY person_id) p'),
    (SELECT row(count(*), sum(least(10, greatest(0, most))))::text FROM (SELECT person_id, max(days) AS most FROM agg.stay GROUP BY person_id) p), 'the largest value of each person, added');
SELECT is(pg_temp.asked('SELECT sum(days), count(*), round(ehds.dp_avg(person_id, days, 0, 10)) FROM stay WHERE ward = 99'), '(0,0,5)', 'nobody: zero, and the middle of the range');
SELECT is(pg_temp.asked('SELECT ward, ehds.dp_sum(person_id, age, 0, 50) FROM person GROUP BY ward'), (SELECT string_agg(r::text, ' ' ORDER BY r::text) FROM (SELECT ward, sum(least(50, age)) FROM agg.person GROUP BY 1) r), 'a table with one row a person');
SELECT is(pg_temp.asked('WITH r AS (SELECT ward, count(*) AS n FROM stay GROUP BY ward) SELECT count(DISTINCT n) FROM r, generate_series(1, 1000) WHERE ward = 1', 1, '0.5'), '(1)', 'one draw, however often it is read');

-- types are those of the native aggregates
SELECT is(pg_temp.asked('SELECT pg_typeof(count(*)), pg_typeof(sum(days)), pg_typeof(sum(small)), pg_typeof(sum(big)), pg_typeof(sum(score)), pg_typeof(sum(single)), pg_typeof(sum(cost)) FROM stay'),
    '(bigint,bigint,bigint,numeric,"double precision",real,numeric)', 'types of counts and sums');
SELECT is(pg_temp.asked('SELECT pg_typeof(avg(days)), pg_typeof(avg(big)), pg_typeof(avg(score)), pg_typeof(avg(single)), pg_typeof(variance(days)), pg_typeof(stddev(score)), pg_typeof(stddev(cost)) FROM stay'),
    '(numeric,numeric,"double precision","double precision",numeric,"double precision",numeric)', 'types of averages');
SELECT is(pg_temp.asked('SELECT pg_typeof(ehds.dp_sum(person_id, days, 0, 1)), pg_typeof(ehds.dp_sum(person_id, score, 0, 1)), pg_typeof(ehds.dp_sum(person_id, single)), pg_typeof(ehds.dp_avg(person_id, small, 0, 1)), pg_typeof(ehds.dp_stddev(person_id, single, 0, 1)), pg_typeof(ehds.dp_variance(person_id, cost, 0, 1, 2)) FROM stay'),
    '(bigint,"double precision",real,numeric,"double precision",numeric)', 'types of ours');

-- charges
SELECT is(pg_temp.cost(q), c, format('costs %s: %s', c, q))
FROM (VALUES ('SELECT count(*) FROM stay', 1::numeric), ('SELECT ward, count(*) FROM stay GROUP BY ward', 2), ('SELECT ward, ehds.dp_count(person_id), count(*) FROM stay GROUP BY ward', 2),
    ('SELECT ehds.dp_count(person_id), count(DISTINCT person_id), sum(days), ehds.dp_sum(person_id, days), ehds.dp_sum(person_id, days, 0, 10, 1) FROM stay', 2),
    ('SELECT ehds.dp_count(person_id), count(*) FILTER (WHERE yes), count(*) FILTER (WHERE NOT yes), avg(days), avg(days) * 2 FROM stay HAVING avg(days) > -100', 4),
    ('SELECT ward, ehds.dp_count(person_id) FILTER (WHERE yes) FROM stay GROUP BY ward', 2),
    ('SELECT ehds.dp_sum(person_id, days, 0, 10), ehds.dp_sum(person_id, days, 0, 11), ehds.dp_sum(person_id, days, 0, 10, 2), ehds.dp_sum(person_id, big, 0, 10) FROM stay', 4),
    ('SELECT ward, variance(days) FROM stay GROUP BY ward', 2), ('SELECT sum(days) FROM stay WHERE false AND ward = 1', 1)) t(q, c);

-- refusals
SELECT pg_temp.refused(q, state, message)
FROM (VALUES ('SELECT sum(age) FROM person', 'ZE002', 'sum needs a range of values'), ('SELECT avg(days + 1) FROM stay', 'ZE002', 'avg needs a range of values'), ('SELECT ehds.dp_avg(person_id, age) FROM person', 'ZE002', 'dp_avg needs a range'),
    ('SELECT avg(DISTINCT days) FROM stay', 'ZE002', 'avg is not answered'), ('SELECT count(DISTINCT score) FROM stay', 'ZE002', 'cannot be group keys'), ('SELECT max(days) FROM stay', 'ZE002', 'max is not answered'),
    ('SELECT array_agg(days) FROM stay', 'ZE002', 'array_agg is not answered'), ('SELECT ehds.k_sum(person_id, days) FROM stay', 'ZE002', 'k_sum is not answered'), ('SELECT bool_or(yes) FROM stay', 'ZE002', 'bool_or is not answered'),
    ('SELECT stddev_pop(days) FROM stay', 'ZE002', 'stddev_pop is not answered'), ('SELECT sum(days ORDER BY days) FROM stay', 'ZE002', 'sum is not answered'),
    ('SELECT ehds.dp_sum(ward, days) FROM stay', 'ZE002', 'must be the subject'), ('SELECT ehds.dp_rows(ward) FROM stay', 'ZE002', 'must be the subject'),
    ('SELECT ehds.dp_sum(person_id, days, 0, days) FROM stay', 'ZE002', 'upper bound of dp_sum must be a constant'), ('SELECT ehds.dp_sum(person_id, days, ward, 10) FROM stay', 'ZE002', 'lower bound of dp_sum must be a constant'),
    ('SELECT ehds.dp_sum(person_id, days, NULL, 10) FROM stay', 'ZE002', 'lower bound of dp_sum must be a constant'), ('SELECT ehds.dp_sum(person_id, days, 0, 10, ward) FROM stay', 'ZE002', 'max_rows of dp_sum must be a constant'),
    ('SELECT ehds.dp_rows(person_id, NULL) FROM stay', 'ZE002', 'max_rows of dp_rows must be a constant'), ('SELECT ehds.dp_sum(person_id, days, (SELECT max(ward) FROM stay), 10) FROM stay', 'ZE002', '.'),
    ('SELECT ehds.dp_sum(person_id, days, 10, 0) FROM stay', '22023', 'lower bound of dp_sum must be below'), ('SELECT ehds.dp_sum(person_id, days, 0, 0) FROM stay', '22023', 'must be below'), ('SELECT ehds.dp_sum(person_id, cost, 0, ''NaN'') FROM stay', '22023', 'both finite'),
    ('SELECT ehds.dp_sum(person_id, cost, ''-Infinity'', 0) FROM stay', '22023', 'both finite'), ('SELECT ehds.dp_sum(person_id, days, 0.2, 0.4) FROM stay', '22023', 'range'), ('SELECT ehds.dp_sum(person_id, days, 0, 1e40) FROM stay', '22023', 'range|noise'),
    ('SELECT ehds.dp_rows(person_id, 0) FROM stay', '22023', 'max_rows must be'), ('SELECT ehds.dp_sum(person_id, days, 0, 10, 10001) FROM stay', '22023', 'max_rows must be'), ('SELECT sum(day - date ''2020-01-01'') FROM stay', 'ZE002', 'needs a range'),
    ('SELECT ehds.dp_sum(person_id, (SELECT 1), 0, 10) FROM stay', 'ZE002', 'subquery'), ('SELECT count(*) FILTER (WHERE (SELECT true)) FROM stay', 'ZE002', 'subquery'), ('SELECT sum(1 / days) FROM stay', 'ZE002', '.'), ('SELECT count(*) FILTER (WHERE repeat(text, days::int) = text) FROM stay', 'ZE002', '.'),
    ('SELECT sum(days) OVER () FROM stay', 'ZE002', '.'), ('SELECT days, count(*) FROM stay GROUP BY ward', '42803', '.')) t(q, state, message);
SELECT throws_ok(format('SELECT ehds.%s FROM agg.stay', a), 'ZE002', NULL, a || ' outside of a permit') FROM unnest('{dp_rows(person_id),"dp_rows(person_id, 1)","dp_sum(person_id, days)","dp_avg(person_id, score, 0, 1)","dp_stddev(person_id, cost, 1)","dp_variance(person_id, single, 0, 1, 1)"}'::text[]) a;
SELECT throws_ok(format('SELECT ehds.%s FROM agg.stay WHERE false', a), 'ZE002', NULL, a || ' outside of a permit, of nothing') FROM unnest('{dp_rows(person_id),"dp_sum(person_id, days)","dp_avg(person_id, score, 0, 1)"}'::text[]) a;
-- The noise: its mean size is the scale, max_groups times sensitivity over epsilon (with 4,000 draws within
-- 10 % but for one time in 1e8), and it is of either sign.
CREATE FUNCTION pg_temp.sizes(aggregate text, keyed boolean, queries int) RETURNS TABLE (x numeric) LANGUAGE plpgsql AS $$
DECLARE query text;
BEGIN
    SELECT format('SELECT string_agg(concat_ws('','', %s), '','') FROM (SELECT %s FROM stay %s) r', string_agg('a' || i, ', '), string_agg(format('%s FILTER (WHERE days < -%s) AS a%s', aggregate, 100 + i, i), ', '),
        CASE WHEN keyed THEN 'GROUP BY ward' ELSE '' END) INTO query FROM generate_series(1, 16) i;
    PERFORM set_config('ehds.epsilon', '1', true);
    SET LOCAL search_path = permit_agg, public, pg_catalog;
    FOR i IN 1..queries LOOP
        RETURN QUERY SELECT v::numeric FROM regexp_split_to_table(pg_temp.as_role('t_agg', query), ',') v;
    END LOOP;
END $$;
SELECT ok(count(*) = 4000 AND avg(abs(x)) BETWEEN 0.9 * scale AND 1.1 * scale AND abs(avg(sign(x))) < 0.1, format('%s: %s draws of mean size %s', a, count(*), round(avg(abs(x)), 2)))
FROM (VALUES ('ehds.dp_sum(person_id, days, -20, 50)', 50, false, 250), ('ehds.dp_sum(person_id, days, -60, 50, 3)', 180, false, 250), ('ehds.dp_rows(person_id, 25)', 25, false, 250),
    ('ehds.dp_sum(person_id, days, 0, 10)', 40, true, 63), ('ehds.dp_rows(person_id, 25)', 100, true, 63)) t(a, scale, keyed, queries), LATERAL (SELECT x FROM pg_temp.sizes(a, keyed, queries) LIMIT 4000) s GROUP BY a, scale, keyed;

-- In zCDP the noise is discrete Gaussian with sigma^2 = max_groups sensitivity^2 / (2 rho), rho = epsilon^2 / 2, whose mean size
-- is sigma sqrt(2 / pi); a bound of 10 % fails one time in 1e10.
\o /dev/null
DROP ROLE IF EXISTS t_zcdp;
CREATE ROLE t_zcdp LOGIN;
SELECT pg_temp.as_role('t_governor', $q$SELECT ehds.issue_permit('zcdp', 't_zcdp', 'research', valid_until => '2099-12-31', output => 'statistics', epsilon => 1000, delta => 0.1, epsilon_default => 0.2, max_groups => 4, accounting => 'zcdp')$q$);
SELECT pg_temp.as_role('t_governor', format('SELECT ehds.permit_table(''zcdp'', %L)', 'agg.' || t)) FROM unnest('{stay,person}'::text[]) t;
SELECT pg_temp.as_role('t_governor2', $q$SELECT ehds.activate_permit('zcdp')$q$);
CREATE FUNCTION pg_temp.gaussian_sizes(aggregate text, queries int) RETURNS TABLE (x numeric) LANGUAGE plpgsql AS $$
DECLARE query text;
BEGIN
    SELECT format('SELECT string_agg(concat_ws('','', %s), '','') FROM (SELECT %s FROM stay GROUP BY ward) r', string_agg('a' || i, ', '), string_agg(format('%s FILTER (WHERE days < -%s) AS a%s', aggregate, 100 + i, i), ', ')) INTO query FROM generate_series(1, 16) i;
    PERFORM set_config('ehds.epsilon', '0.2', true);
    SET LOCAL search_path = permit_zcdp, public, pg_catalog;
    FOR i IN 1..queries LOOP
        RETURN QUERY SELECT v::numeric FROM regexp_split_to_table(pg_temp.as_role('t_zcdp', query), ',') v;
    END LOOP;
END $$;
CREATE TABLE agg.spent AS SELECT rho_spent FROM ehds.budget WHERE permit = 'zcdp';
\o
SELECT ok(count(*) = 4000 AND avg(abs(x)) BETWEEN 0.9 * scale * sqrt(2 / pi()) AND 1.1 * scale * sqrt(2 / pi()) AND abs(avg(sign(x))) < 0.1 AND max(abs(x)) < 6.5 * scale, format('%s in zCDP: %s draws of mean size %s, largest %s', a, count(*), round(avg(abs(x)), 2), max(abs(x))))
FROM (VALUES ('ehds.dp_sum(person_id, days, -20, 50)', 500), ('ehds.dp_rows(person_id, 25)', 250)) t(a, scale), LATERAL (SELECT x FROM pg_temp.gaussian_sizes(a, 63) LIMIT 4000) s GROUP BY a, scale;
SELECT is(round(b.rho_spent - s.rho_spent, 6), 2 * 63 * 17 * 0.02, 'sixteen sums and the selection of groups, each of rho = epsilon^2 / 2') FROM ehds.budget b, agg.spent s WHERE permit = 'zcdp';
SELECT * FROM finish();
