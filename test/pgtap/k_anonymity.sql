-- k_anonymity: a table worked out by hand, adversarial arguments, and the gate
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
-- classes: (A, 1) p1 p2 p3, of which p1 has two rows with one value; (B, NULL) p4 p5; (B, 2) p5
CREATE TABLE public.small (p integer, zone text, age integer, income integer, illness text);
INSERT INTO public.small VALUES (1, 'A', 1, 3, 'flu'), (1, 'A', 1, 3, 'flu'), (2, 'A', 1, 4, 'flu'), (3, 'A', 1, 5, 'hiv'),
    (4, 'B', NULL, 6, 'flu'), (5, 'B', NULL, 11, NULL), (5, 'B', 2, 8, 'hiv'), (NULL, 'C', 9, 9, 'flu');
CREATE TABLE public.everybody AS SELECT p, zone, age FROM public.small UNION ALL SELECT 100 + i, 'B', 2 FROM generate_series(1, 3) i
    UNION ALL SELECT 200 + i, 'B', NULL FROM generate_series(1, 3) i;
-- an example of Li et al. 2007 (its first class is at a distance of 0.375): salaries 3k to 11k, classes {3,4,5}, {6,11,8}, {7,9,10}
CREATE TABLE public.salary AS SELECT v AS p, c, v AS salary FROM (VALUES (1, 3), (1, 4), (1, 5), (2, 6), (2, 11), (2, 8), (3, 7), (3, 9), (3, 10)) x (c, v);
\o
SELECT plan(43);
CREATE TEMP TABLE report AS SELECT * FROM ehds.k_anonymity('public.small', '{zone,age}', 'p', '{income,illness}', k => 3, risk_threshold => 0.4, population => 'public.everybody');
CREATE FUNCTION pg_temp.of(what text, of_column text DEFAULT NULL) RETURNS numeric LANGUAGE sql AS
    $$ SELECT round(value, 6) FROM report WHERE property = what AND attribute IS NOT DISTINCT FROM of_column $$;
SELECT is(pg_temp.of('k'), 1::numeric, 'k');
SELECT is(pg_temp.of('classes'), 3::numeric, 'NULL is a value of its own, rows of nobody make no class');
SELECT is(pg_temp.of('persons'), 5::numeric, 'persons, not rows');
SELECT is(pg_temp.of('uniques'), 1::numeric, 'uniques: by the smallest class of a person');
SELECT is(pg_temp.of('persons_under_k'), 2::numeric, 'persons under k, each once');
SELECT is((SELECT detail FROM report WHERE property = 'class_sizes'), '{"1": 1, "2": 1, "3": 1}'::jsonb, 'histogram');
SELECT is((SELECT detail FROM report WHERE property = 'persons'), '{"memberships": 6, "in_several_classes": 1}'::jsonb, 'persons in several classes');
SELECT is(pg_temp.of('prosecutor_max'), 1::numeric, 'prosecutor');
SELECT is(pg_temp.of('prosecutor_share'), 0.4, 'prosecutor, share above the threshold: p4 and p5');
SELECT is(pg_temp.of('journalist_max'), 0.333333, 'journalist: the smallest class of the population that the sample meets has 3');
SELECT is(pg_temp.of('marketer'), 0.5, 'marketer');
SELECT is(pg_temp.of('rows_without_subject'), 1::numeric, 'rows of nobody are told');
SELECT is(pg_temp.of('distinct_l', 'illness'), 1::numeric, 'distinct l');
SELECT is(pg_temp.of('entropy_l', 'illness'), 1::numeric, 'entropy l');
-- pairs: flu 3 of 5; class (B, 2) is all hiv: 1 - 2/5
SELECT is(pg_temp.of('t_closeness', 'illness'), 0.6, 't, equal distance, without NULLs');
SELECT is((SELECT round(value, 6) FROM ehds.k_anonymity('public.salary', '{c}', 'p', '{salary}') WHERE property = 't_closeness'), 0.375, 't, ordered distance: 0.375 in the paper');
SELECT is((SELECT round(value, 6) FROM ehds.k_anonymity('public.salary', '{c}', 'p', '{salary}') WHERE property = 'entropy_l'), 3.0, 'entropy l of three equal shares');
-- against the definition, over classes x values
CREATE TABLE public.many AS SELECT i AS p, i * 7919 % 13 AS a, (i * i) % 37 + (i % 13) AS v FROM generate_series(1, 3000) i;
CREATE TEMP TABLE brute AS
    WITH val AS (SELECT v, row_number() OVER (ORDER BY v) AS i FROM (SELECT DISTINCT v FROM public.many) x),
    cum AS (SELECT c.a, i, (SELECT count(*) FROM public.many t WHERE t.a = c.a AND t.v <= val.v)::float8 / c.n
                         - (SELECT count(*) FROM public.many t WHERE t.v <= val.v) / 3000::float8 AS d
              FROM (SELECT a, count(*) AS n FROM public.many GROUP BY a) c, val)
    SELECT max(t) AS t FROM (SELECT sum(abs(d)) / (count(*) - 1) AS t FROM cum GROUP BY a) x;
SELECT ok((SELECT abs(value - t::numeric) < 1e-6 FROM brute, ehds.k_anonymity('public.many', '{a}', 'p', '{v}') WHERE property = 't_closeness'), 'ordered distance is that of the definition');
SELECT is((SELECT value FROM ehds.k_anonymity('public.many', '{a}', rows_are_persons => true) WHERE property = 'persons'), 3000::numeric, 'rows are persons if it is said');

-- refusals
SELECT throws_ok($$SELECT ehds.k_anonymity('public.small', '{zone}')$$, '22023', 'either subject or rows_are_persons must be given, and not both', 'persons are not guessed');
SELECT throws_ok($$SELECT ehds.k_anonymity('public.small', subject => 'p')$$, '22023', 'no quasi-identifiers were named and no column is labelled as one', 'nor quasi-identifiers');
SELECT throws_ok($$SELECT ehds.k_anonymity('public.small', '{zone}', 'p', k => 0)$$, '22023', NULL, 'k');
SELECT throws_ok($$SELECT ehds.k_anonymity('public.small; DROP TABLE public.small', '{zone}', 'p')$$, '42602', NULL, 'injection: relation');
SELECT throws_ok($$SELECT ehds.k_anonymity('public.small', ARRAY['zone", pg_sleep(1) --'], 'p')$$, '42703', NULL, 'injection: column');
SELECT throws_ok($$SELECT ehds.k_anonymity('public.small', '{zone}', 'count')$$, '42703', NULL, 'a function is no column');
CREATE TABLE public."x"";DROP" AS SELECT 1 AS "p""%s", 2 AS "q'%1$s";
SELECT is((SELECT value FROM ehds.k_anonymity('public."x"";DROP"', ARRAY['q''%1$s'], 'p"%s') WHERE property = 'classes'), 1::numeric, 'hostile names are names');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'SELECT ehds.k_anonymity(''omop.person'', ''{gender_concept_id}'', ''person_id'')')$$, '42501', NULL, 'runs as the caller');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'SELECT ehds.k_anonymity(''permit_hydro.person'', ''{gender_concept_id}'', ''person_id'')')$$, 'ZE002', 'permit_hydro.person is a view of a statistics permit, which gives no rows to measure', 'a statistics permit gives no rows to measure');

SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'SELECT ehds.k_anonymity(''permit_hydro.person'', ''{gender_concept_id}'', rows_are_persons => true)')$$, 'ZE002', NULL, 'nor if rows are said to be persons');
SELECT throws_ok($$SELECT ehds.k_anonymity('public.small', ARRAY['zone', NULL]::name[], 'p')$$, '42703', NULL, 'NULL is no column');
CREATE TABLE public.nobody (p integer, a integer, b integer);
SELECT is((SELECT count(*) FROM ehds.k_anonymity('public.nobody', '{a}', 'p', '{b}') WHERE value <> 0), 0::bigint, 'an empty table has a report');

-- of a query: as of the table that holds its rows
CREATE TABLE public.grown AS SELECT * FROM public.small WHERE age IS NOT NULL;
CREATE FUNCTION pg_temp.report_of(source text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', property, attribute, value, detail), ';' ORDER BY property, attribute) FROM ehds.k_anonymity(source, '{zone,age}', 'p', '{income,illness}', population => 'public.everybody') $$;
SELECT is(pg_temp.report_of(q), pg_temp.report_of('public.grown'), q)
FROM unnest(ARRAY['SELECT * FROM public.small WHERE age IS NOT NULL', ' (select * from public.small where age is not null) ; ', 'TABLE public.grown -- all of it',
    'WITH g AS (SELECT * FROM public.small) SELECT * FROM g WHERE age > 0']) q;
SELECT isnt(pg_temp.report_of('public.small'), pg_temp.report_of('public.grown'), 'which is another table');
SELECT is(to_regclass('pg_temp."ehds measured query"'), NULL, 'no view is left');
SELECT throws_ok($$SELECT pg_temp.report_of('SELECT 1) q; DROP TABLE public.grown; SELECT * FROM (SELECT 2')$$, '42P11', NULL, 'two statements are none');
SELECT throws_ok($$SELECT pg_temp.report_of('WITH d AS (DELETE FROM public.grown RETURNING *) SELECT * FROM d')$$, '0A000', NULL, 'nothing is written');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'SELECT ehds.k_anonymity(''SELECT * FROM omop.person'', ''{gender_concept_id}'', ''person_id'')')$$, '42501', NULL, 'a query runs as the caller');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'SELECT ehds.k_anonymity(''SELECT * FROM permit_hydro.person'', ''{gender_concept_id}'', ''person_id'')')$$, 'ZE002', NULL, 'of a statistics permit it gives no rows');

-- labels are the default
SECURITY LABEL FOR pg_ehds ON COLUMN public.small.zone IS 'quasi-identifier';
SECURITY LABEL FOR pg_ehds ON COLUMN public.small.illness IS 'sensitive';
SELECT is((SELECT detail FROM ehds.k_anonymity('public.small', subject => 'p') WHERE property = 'k'), '{"quasi_identifiers": ["zone"]}'::jsonb, 'labelled quasi-identifiers');
SELECT is((SELECT attribute FROM ehds.k_anonymity('public.small', subject => 'p') WHERE property = 'distinct_l'), 'illness', 'labelled sensitive columns');
SELECT * FROM finish();
