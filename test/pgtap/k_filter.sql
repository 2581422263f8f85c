-- FILTER under a permit: a condition and its contrary are nobody or k persons, and
-- so is whatever the figures of several conditions give together
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
SET search_path = permit_hydro, public, pg_catalog;
\o
SELECT no_plan();

CREATE FUNCTION pg_temp.ask(query text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.as_role('t_analyst', query) $$;
CREATE FUNCTION pg_temp.rows_of(query text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.ask(format('SELECT string_agg(q::text, '' '') FROM (%s) q', query)) $$;

-- 400 persons; 7 born 1950; 209 before 1970
SELECT is(pg_temp.rows_of('SELECT count(*) FILTER (WHERE year_of_birth < 1970), count(*) AS n FROM person'), '(209,400)', 'rows under a condition');
SELECT is(pg_temp.rows_of('SELECT count(DISTINCT person_id) FILTER (WHERE year_of_birth < 1970), ehds.k_count(person_id) FILTER (WHERE year_of_birth >= 1970) AS k, ehds.k_rows(person_id) FILTER (WHERE year_of_birth >= 1970) AS r FROM person'), '(209,191,191)', 'persons, and in the words of ehds');
SELECT is(pg_temp.rows_of('SELECT count(*) FILTER (WHERE year_of_birth = 1950) FROM person'), '()', 'few fulfil it');
SELECT is(pg_temp.rows_of('SELECT count(*) FILTER (WHERE year_of_birth <> 1950), count(*) AS n FROM person'), '(,400)', 'few do not');
SELECT is(pg_temp.rows_of('SELECT count(DISTINCT person_id) FILTER (WHERE year_of_birth <> 1950), ehds.k_count(person_id) FILTER (WHERE NOT year_of_birth = 1950) AS n FROM person'), '(,)', 'nor in persons');
SELECT is(pg_temp.rows_of('SELECT ehds.k_met(person_id) FILTER (WHERE year_of_birth <> 1950) AS a, ehds.k_met(person_id) FILTER (WHERE year_of_birth < 1970) AS b FROM person'), '(,t)', 'nor whether there are k');
-- everybody has a row of 100, so that persons without one are few only by rows
SELECT is(pg_temp.rows_of('SELECT count(DISTINCT person_id) FILTER (WHERE condition_concept_id <> 400), count(DISTINCT person_id) AS n FROM condition_occurrence'), '(,400)', '5 persons have rows that the condition leaves out');
SELECT is(pg_temp.rows_of('SELECT count(DISTINCT person_id) FILTER (WHERE condition_concept_id = 200), count(DISTINCT person_id) FILTER (WHERE condition_concept_id = 300) AS b FROM condition_occurrence'), '(200,40)', 'concepts as conditions');
SELECT is(pg_temp.rows_of('SELECT ehds.k_count(person_id, 50) FILTER (WHERE condition_concept_id = 300), count(DISTINCT person_id) FILTER (WHERE condition_concept_id = 200) AS b FROM condition_occurrence'), '(,200)', 'the greatest k counts');

-- two conditions that differ by few
SELECT is(pg_temp.rows_of('SELECT count(*) FILTER (WHERE year_of_birth < 1970) AS a, count(*) FILTER (WHERE year_of_birth < 1971) AS b FROM person'), '(209,)', 'A, and A with 7 more');
SELECT is(pg_temp.rows_of('SELECT count(DISTINCT person_id) FILTER (WHERE year_of_birth < 1971) AS a, count(DISTINCT person_id) FILTER (WHERE year_of_birth < 1970) AS b FROM person'), '(216,)', 'in the other order');
SELECT is(pg_temp.rows_of('SELECT count(*) FILTER (WHERE gender_concept_id = 8507) AS a, count(*) FILTER (WHERE gender_concept_id = 8507 AND year_of_birth <> 1951) AS b FROM person'), '(200,)', 'A, and A and B');
SELECT is(pg_temp.rows_of('SELECT count(*) FILTER (WHERE gender_concept_id = 8507) AS a, count(*) FILTER (WHERE year_of_birth < 1951) AS b, count(*) FILTER (WHERE gender_concept_id = 8507 OR year_of_birth < 1951) AS c FROM person WHERE gender_concept_id = 8507 OR year_of_birth < 1951 OR year_of_birth > 1980'),
    '(200,76,241)', 'A, B, and A or B, where both, each and neither are many');
SELECT is(pg_temp.rows_of('SELECT count(*) FILTER (WHERE gender_concept_id = 8507) AS a, count(*) FILTER (WHERE year_of_birth < 1943) AS b, count(*) FILTER (WHERE gender_concept_id = 8507 OR year_of_birth < 1943) AS c FROM person'),
    '(200,,213)', 'A, B, and A or B, where both are few');
-- a, b, c, d of which each two overlap by many, and a - b + c - d is 7 persons
SELECT is(pg_temp.rows_of('SELECT count(*) FILTER (WHERE year_of_birth = 1950 OR year_of_birth BETWEEN 1960 AND 1979) AS a,
      count(*) FILTER (WHERE year_of_birth BETWEEN 1960 AND 1969 OR year_of_birth BETWEEN 1980 AND 1984) AS b,
      count(*) FILTER (WHERE year_of_birth BETWEEN 1980 AND 1989) AS c,
      count(*) FILTER (WHERE year_of_birth BETWEEN 1970 AND 1979 OR year_of_birth BETWEEN 1985 AND 1989) AS d FROM person'), '(147,101,61,)', 'four conditions, of which the last would tell the 7');
SELECT is(pg_temp.rows_of('SELECT count(*) FILTER (WHERE year_of_birth BETWEEN 1960 AND 1969 OR year_of_birth BETWEEN 1980 AND 1984) AS b,
      count(*) FILTER (WHERE year_of_birth BETWEEN 1980 AND 1989) AS c,
      count(*) FILTER (WHERE year_of_birth BETWEEN 1970 AND 1979 OR year_of_birth BETWEEN 1985 AND 1989) AS d,
      count(*) FILTER (WHERE year_of_birth = 1950 OR year_of_birth BETWEEN 1960 AND 1979) AS a FROM person'), '(101,61,100,)', 'in another order');

-- what stands inside the aggregate is a condition too
SELECT is(pg_temp.rows_of('SELECT sum(CASE WHEN year_of_birth < 1970 THEN 1 ELSE 0 END) AS a, sum((year_of_birth < 1970)::integer) AS b, sum(CASE WHEN year_of_birth = 1950 THEN 1 END) AS c FROM person'), '(209,209,)', 'sums of ones');
SELECT is(pg_temp.rows_of('SELECT count(year_of_birth) AS a, count(person_id) AS b, count(CASE WHEN year_of_birth < 1970 THEN 1 END) AS c, count(CASE WHEN year_of_birth = 1950 THEN 1 END) AS d FROM person'), '(400,400,209,)', 'count of an expression');
SELECT is(pg_temp.rows_of('SELECT count(cost) FILTER (WHERE region = ''north'') AS a, count(*) FILTER (WHERE cost = 10000000) AS b, count(*) FILTER (WHERE cost <> 10000000) AS c FROM visit_occurrence'), '(200,,)', 'both');
SELECT throws_ok($$SELECT pg_temp.ask('SELECT sum(CASE WHEN year_of_birth = 1950 THEN 2 ELSE 0 END) FROM person')$$, 'ZE002', NULL, 'other weights are refused');
SELECT throws_ok($$SELECT pg_temp.ask('SELECT sum(CASE year_of_birth WHEN 1950 THEN 1 ELSE 0 END) FROM person')$$, 'ZE002', NULL, 'CASE of an expression too');

-- sums: neither a part nor the rest may be dominated or few
SELECT is(pg_temp.rows_of('SELECT sum(cost) FILTER (WHERE region = ''north'') = (SELECT sum(cost) FROM visit_occurrence WHERE region = ''north'') AS a, sum(cost) > 0 AS n FROM visit_occurrence WHERE cost < 10000000'), '(t,t)', 'a sum under a condition');
SELECT is(pg_temp.rows_of('SELECT sum(cost) FILTER (WHERE region <> ''south'') AS a, sum(cost) FILTER (WHERE region = ''south'') AS b, count(*) FILTER (WHERE region = ''south'') AS n FROM visit_occurrence'), '(,,300)', 'one person dominates the rest');
BEGIN;
UPDATE omop.visit_occurrence SET cost = 4000000 WHERE person_id = 1 AND region = 'east';
SELECT is(pg_temp.rows_of('SELECT sum(cost) FILTER (WHERE region = ''north'') > 0 AS a, sum(cost) FILTER (WHERE region IN (''south'', ''west'')) > 0 AS b, sum(cost) > 0 AS n FROM visit_occurrence WHERE cost < 10000000'), '(t,,t)', 'or what two sums leave of the total');
SELECT is(pg_temp.rows_of('SELECT sum(cost) FILTER (WHERE region IN (''south'', ''west'')) > 0 AS b, sum(cost) > 0 AS n FROM visit_occurrence WHERE cost < 10000000'), '(t,t)', 'which the second does not leave alone');
ROLLBACK;
-- among 100 visits in the west one costs something: east and west less east
BEGIN;
UPDATE omop.visit_occurrence SET cost = 0 WHERE region = 'west' AND person_id <> 2;
CREATE FUNCTION pg_temp.sums(before text, source text DEFAULT 'visit_occurrence', again text DEFAULT 'cost') RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.rows_of(format('SELECT %s sum(cost) FILTER (WHERE region IN (''east'', ''west'')) > 0 AS a, sum(%s) FILTER (WHERE region = ''east'') > 0 AS b FROM %s v WHERE cost < 10000000', before, again, source)) $$;
SELECT is(pg_temp.sums(''), '(t,)', 'a sum less another is one value');
SELECT is(pg_temp.sums('sum(cost) FILTER (WHERE visit_start_date < ''2021-06-01'') > 0 AS c, sum(cost) FILTER (WHERE visit_start_date < ''2021-10-01'') > 0 AS d,'), '(t,t,t,)', 'so it is beside other conditions');
SELECT is(pg_temp.sums('', again => 'cost::bigint'), '(t,)', 'of another type');
SELECT is(pg_temp.sums('', '(SELECT person_id, region, cost, cost AS cost2 FROM visit_occurrence)', 'cost2'), '(t,)', 'under another name');
SELECT throws_ok($$SELECT pg_temp.sums('', '(SELECT v.person_id, v.region, v.cost, w.cost AS cost2 FROM visit_occurrence v JOIN visit_occurrence w ON w.person_id = v.person_id AND w.visit_occurrence_id = v.visit_occurrence_id)', 'cost2')$$, 'ZE002', NULL, 'nor of the view joined twice');
ROLLBACK;
SELECT throws_ok($$SELECT pg_temp.ask('SELECT sum(cost) FILTER (WHERE person_id = 7) FROM visit_occurrence')$$, 'ZE002', NULL, 'the subject is no condition');
SELECT throws_ok($$SELECT pg_temp.ask('SELECT count(*) FILTER (WHERE repeat(''x'', year_of_birth) = '''') FROM person')$$, 'ZE002', NULL, 'a condition that may fail');
SELECT throws_ok($$SELECT pg_temp.ask('SELECT count(*) FILTER (WHERE EXISTS (SELECT FROM omop.concept, regexp_split_to_table(''a b'', '' ''))) FROM person')$$, 'ZE002', NULL, 'a subquery that is not plain');
SELECT is(pg_temp.ask(format('SELECT count(*) FILTER (WHERE year_of_birth IN (SELECT g FROM %s g(g))), count(*) FROM person', f)), pg_temp.ask('SELECT count(*) FILTER (WHERE year_of_birth IN (SELECT g FROM (VALUES (1950), (1951), (1952)) g(g))), count(*) FROM person'), 'constants are as those of VALUES: ' || f) FROM unnest('{"generate_series(1950, 1952)","unnest(ARRAY[1950, 1951, 1952])"}'::text[]) f;
SELECT throws_ok($$SELECT pg_temp.ask('SELECT count(*) FILTER (WHERE EXISTS (SELECT FROM omop.concept, generate_series(1, 100001))) FROM person')$$, '54000', 'a list of values that is joined to personal data has at most 100000 of them', 'but not endlessly many');
SELECT throws_ok($$SELECT pg_temp.ask('SELECT count(*) FROM person WHERE person_id IN (SELECT g FROM generate_series(1, 11) g)')$$, 'ZE002', NULL, 'nor compared with the subject');
SELECT throws_ok(format($$SELECT pg_temp.ask('SELECT %s FROM person')$$, (SELECT string_agg(format('count(*) FILTER (WHERE year_of_birth < %s)', 1950 + i), ', ') FROM generate_series(1, 17) i)),
    'ZE002', 'a SELECT has at most 16 different FILTER conditions under a statistics permit', '17 conditions');
SELECT ok(pg_temp.rows_of((SELECT 'SELECT ' || string_agg(format('count(*) FILTER (WHERE year_of_birth BETWEEN %s AND %s)', 1940 + 10 * i, 1949 + 10 * i), ', ') || ' FROM person' FROM generate_series(0, 5) i)) ~ '^\(\d+(,\d+){5}\)$', 'a table of six classes');
SELECT is(pg_temp.rows_of('SELECT count(*) FILTER (WHERE year_of_birth < 1950) AS a, count(*) FILTER (WHERE year_of_birth = 1950) AS b, count(*) FILTER (WHERE year_of_birth BETWEEN 1951 AND 1959) AS c,
    count(*) FILTER (WHERE year_of_birth BETWEEN 1960 AND 1969) AS d, count(*) FILTER (WHERE year_of_birth BETWEEN 1970 AND 1979) AS e FROM person'), '(69,,63,70,70)', 'one of them small');
SELECT ok(pg_temp.rows_of((SELECT 'SELECT ' || string_agg(format('sum(year_of_birth) FILTER (WHERE year_of_birth BETWEEN %s AND %s)', 1940 + 10 * i, 1949 + 10 * i), ', ') || ' FROM person' FROM generate_series(0, 5) i)) ~ '^\(\d+(,\d+){5}\)$', 'of sums');

-- in groups, beside totals, in other modes
SELECT is(pg_temp.rows_of('SELECT gender_concept_id AS g, count(*) FILTER (WHERE year_of_birth <> 1950) AS a, count(*) FILTER (WHERE year_of_birth < 1970) AS b FROM person GROUP BY 1 ORDER BY 1'), '(8507,200,105) (8532,,104)', 'all men, and not all women');
SELECT throws_ok(format('SELECT pg_temp.ask(%L)', format('SELECT condition_concept_id, count(*), %s FROM condition_occurrence WHERE condition_concept_id IN (100, 300, 400) GROUP BY ROLLUP (1)', f)), 'ZE002',
    'conditions inside aggregates are not supported beside GROUPING SETS, ROLLUP and CUBE under a statistics permit', 'beside totals: ' || f)
FROM unnest(ARRAY['count(*) FILTER (WHERE condition_concept_id = 300)', 'sum(CASE WHEN condition_concept_id = 300 THEN 1 ELSE 0 END)', 'avg((condition_concept_id = 300)::integer)', 'count(CASE WHEN condition_concept_id = 300 THEN 1 END)']) f;
SET ehds.suppressed_floor = 'negative';
SET ehds.suppressed = 'negative';
SELECT is(pg_temp.rows_of('SELECT condition_concept_id AS c, count(*) FILTER (WHERE condition_start_date < ''2021-06-01'') > 0 AS a, count(*) FILTER (WHERE condition_start_date < ''1990-01-01'') AS b, count(*) FILTER (WHERE condition_occurrence_id <> 1) AS d FROM condition_occurrence WHERE condition_concept_id IN (100, 400) GROUP BY 1 ORDER BY 1'),
    '(100,t,,) (400,f,-11,-11)', 'a part of a shown cell that is few is NULL, not -k');
SET ehds.suppressed = 'other';
SELECT is(pg_temp.rows_of('SELECT condition_concept_id AS c, count(DISTINCT person_id) FILTER (WHERE condition_concept_id = 300) AS b, count(DISTINCT person_id) AS n FROM condition_occurrence WHERE condition_concept_id <> 500 GROUP BY 1 ORDER BY 1'), '(100,,400) (200,,200) (,,45)', 'in the row of others');
RESET ehds.suppressed;
SELECT throws_ok($$SELECT pg_temp.as_role('t_other', 'SELECT ehds.k_count(person_id) FILTER (WHERE year_of_birth < 1970) FROM permit_open.person')$$, 'ZE002', NULL, 'exact counts under differential privacy');
SELECT throws_ok($$SELECT pg_temp.ask('SELECT ehds.k_filters(person_id, 1, 11) FROM person')$$, 'ZE002', NULL, 'k_filters is not the analyst''s under a permit');

-- k_filters itself, against its definition, for each type of subject
CREATE TEMP TABLE r AS SELECT g, (random() * (5 + g % 40))::integer AS s, CASE WHEN random() < 0.3 THEN 0 ELSE (1 << (random() * 3)::integer) | (CASE WHEN random() < 0.05 * (g % 4) THEN 4 ELSE 0 END) END::bigint AS m
FROM generate_series(1, 200) g, generate_series(1, 60 + g);
CREATE FUNCTION pg_temp.tells_few(of integer, taken bigint) RETURNS boolean LANGUAGE sql AS $$
    SELECT EXISTS (SELECT FROM r WHERE g = of GROUP BY m & taken HAVING count(DISTINCT s) < 5)
        OR EXISTS (SELECT FROM (SELECT bit_or(m) AS m FROM r WHERE g = of GROUP BY s) p GROUP BY m & taken HAVING count(*) < 5) $$;
CREATE FUNCTION pg_temp.greedy(of integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE taken bigint := 0;
BEGIN
    FOR i IN 0..7 LOOP
        IF NOT pg_temp.tells_few(of, taken | (1 << i)) THEN taken := taken | (1 << i); END IF;
    END LOOP;
    RETURN taken;
END $$;
SELECT is((SELECT count(*) FROM (SELECT g, ehds.k_filters(s, m, 5) & 255 AS a FROM r GROUP BY g) a WHERE a <> pg_temp.greedy(g)), 0::bigint, 'k_filters is what its definition says');
SELECT cmp_ok((SELECT count(DISTINCT pg_temp.greedy(g)) FROM generate_series(1, 200) g), '>', 5::bigint, 'in several ways');
SELECT is((SELECT count(*) FROM (SELECT ehds.k_filters(s, m, 5) AS a, ehds.k_filters(s::bigint, m, 5) AS b, ehds.k_filters(s::text, m, 5) AS c, ehds.k_filters(md5(s::text)::uuid, m, 5) AS d FROM r GROUP BY g) a WHERE a <> b OR a <> c OR a <> d),
    0::bigint, 'for all types of subject');
SELECT is((SELECT ehds.k_filters(NULL::integer, 1, 5)), NULL, 'nobody');
SELECT throws_ok('SELECT ehds.k_filters(1, 1, 2)', '22023', NULL, 'k below the floor');
SELECT * FROM finish();
