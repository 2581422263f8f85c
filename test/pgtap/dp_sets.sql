-- GROUPING SETS, ROLLUP and CUBE under a privacy budget: one charge, one draw, sums that agree.
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
CREATE SCHEMA s;
-- 4000 persons in 5 places of 2 sites; stays: a person in place p has p of them
CREATE TABLE s.person (person_id bigint PRIMARY KEY, place integer NOT NULL, woman boolean NOT NULL, old boolean, days integer NOT NULL);
INSERT INTO s.person SELECT p, p % 5 + 1, p % 2 = 0, CASE WHEN p % 7 > 0 THEN p % 7 > 3 END, p % 10 FROM generate_series(1, 4000) p;
CREATE TABLE s.stay (stay_id bigint PRIMARY KEY, person_id bigint NOT NULL, ward integer, kind text, acute boolean NOT NULL);
INSERT INTO s.stay SELECT 10 * p + i, p, (p + i) % 4, CASE i % 2 WHEN 0 THEN 'day' ELSE 'night' END, i < 2 FROM generate_series(1, 4000) p, generate_series(1, 3) i;
CREATE TABLE s.place (place_id integer PRIMARY KEY, site text NOT NULL);
INSERT INTO s.place SELECT p, CASE WHEN p < 3 THEN 'north' ELSE 'south' END FROM generate_series(1, 6) p;
CREATE TABLE s.sex (w boolean PRIMARY KEY);
INSERT INTO s.sex VALUES (true), (false);
SECURITY LABEL FOR pg_ehds ON TABLE s.place IS 'public';
SECURITY LABEL FOR pg_ehds ON TABLE s.sex IS 'public';
GRANT USAGE ON SCHEMA s TO PUBLIC;
GRANT SELECT ON s.place, s.sex TO PUBLIC;
ANALYZE;
SELECT ehds.protect('s.person', subject => 'person_id', population => 's');
SELECT ehds.protect('s.stay', subject => 'person_id', population => 's');
DROP ROLE IF EXISTS t_sets;
CREATE ROLE t_sets LOGIN;
DROP ROLE IF EXISTS t_zsets;
CREATE ROLE t_zsets LOGIN;
SELECT pg_temp.as_role('t_governor', $q$SELECT ehds.issue_permit('sets', 't_sets', 'research', valid_until => '2099-12-31', output => 'statistics', epsilon => 1000000, delta => 1e-3, epsilon_default => 1000, max_groups => 4)$q$);
SELECT pg_temp.as_role('t_governor', $q$SELECT ehds.issue_permit('zsets', 't_zsets', 'research', valid_until => '2099-12-31', output => 'statistics', epsilon => 1000, delta => 1e-3, epsilon_default => 1, accounting => 'zcdp', max_groups => 4)$q$);
SELECT pg_temp.as_role('t_governor', format($q$SELECT ehds.permit_table(%L, %L)$q$, p, t)) FROM unnest('{sets,zsets}'::text[]) p, unnest('{s.person,s.stay}'::text[]) t;
SELECT pg_temp.as_role('t_governor2', format($q$SELECT ehds.activate_permit(%L)$q$, p)) FROM unnest('{sets,zsets}'::text[]) p;
CREATE FUNCTION pg_temp.asked(query text, epsilon text DEFAULT '1000', permit text DEFAULT 'sets') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ehds.epsilon', epsilon, true), set_config('search_path', format('permit_%s, s, public, pg_catalog', permit), true);
    RETURN pg_temp.as_role('t_' || permit, format('SELECT string_agg(r::text, '' '') FROM (%s) r', query));
END $$;
-- what a query costs: epsilon, delta, rho, the number of charges
CREATE FUNCTION pg_temp.cost(query text, epsilon text DEFAULT '10', of_permit text DEFAULT 'sets', OUT epsilon_charged numeric, OUT delta_charged numeric, OUT rho_charged numeric, OUT charges bigint) LANGUAGE plpgsql AS $$
DECLARE
    before ehds.budget; after ehds.budget; n bigint;
BEGIN
    SELECT * INTO before FROM ehds.budget b WHERE b.permit = of_permit;
    SELECT count(*) INTO n FROM ehds.ledger WHERE kind = 'charge';
    PERFORM set_config('ehds.epsilon', epsilon, true), set_config('search_path', format('permit_%s, s, public, pg_catalog', of_permit), true);
    -- nothing in it depends on the moment, so that an answer is recorded
    PERFORM pg_temp.as_role('t_' || of_permit, format('SELECT count(*) FROM (%s) r', query));
    SELECT * INTO after FROM ehds.budget b WHERE b.permit = of_permit;
    SELECT count(*) - n INTO charges FROM ehds.ledger WHERE kind = 'charge';
    epsilon_charged := trim_scale(after.epsilon_spent - before.epsilon_spent);
    delta_charged := trim_scale(after.delta_spent - before.delta_spent);
    rho_charged := trim_scale(coalesce(after.rho_spent - before.rho_spent, 0));
END $$;
-- figures as they are told beforehand
CREATE FUNCTION pg_temp.told(query text, epsilon text DEFAULT '10', permit text DEFAULT 'sets') RETURNS TABLE (column_name text, scale numeric, half_width numeric, max_groups integer, threshold bigint, epsilon_part numeric, delta numeric, rho numeric, remark text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ehds.epsilon', epsilon, true), set_config('search_path', format('permit_%s, s, public, pg_catalog', permit), true);
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION t_%s', permit);
    RETURN QUERY SELECT x.column_name, round(x.scale::numeric, 6), x.half_width::numeric, x.max_groups, x.threshold, x.epsilon, x.delta, x.rho, x.remark FROM ehds.explain_privacy(query) x WHERE x.item = 'figure';
    RESET SESSION AUTHORIZATION;
END $$;
\o
SELECT no_plan();

-- ---------------------------------------------------------------- figures: those of native SQL, with hardly any noise
CREATE FUNCTION pg_temp.native(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    SET LOCAL search_path = s, public, pg_catalog;
    EXECUTE format('SELECT string_agg(r::text, '' '') FROM (%s) r', query) INTO answer;
    RETURN answer;
END $$;
SELECT is(pg_temp.asked(q), pg_temp.native(q), q) FROM unnest(ARRAY[
    'SELECT woman, count(DISTINCT person_id) FROM person GROUP BY ROLLUP (woman) ORDER BY 1',
    'SELECT woman, old, count(DISTINCT person_id), GROUPING(woman, old) AS g, GROUPING(old) + 10 * GROUPING(old, woman) AS h FROM person GROUP BY CUBE (woman, old) ORDER BY g, 1, 2',
    'SELECT place, woman, count(DISTINCT person_id) AS n FROM person GROUP BY GROUPING SETS ((place), (woman), (place, woman), ()) ORDER BY GROUPING(place, woman), 1, 2',
    'SELECT place, woman, count(DISTINCT person_id) AS n FROM person GROUP BY place, ROLLUP (woman) ORDER BY 1, 2',
    'SELECT coalesce(place::text, ''all'') AS place, count(DISTINCT person_id) AS n, 2 * count(DISTINCT person_id) FILTER (WHERE woman) AS w FROM person GROUP BY ROLLUP (place) HAVING count(DISTINCT person_id) > 500 ORDER BY n DESC, place LIMIT 3',
    'SELECT place, CASE WHEN GROUPING(place) = 1 THEN ''total'' ELSE ''part'' END, count(DISTINCT person_id) FROM person GROUP BY ROLLUP (place) HAVING GROUPING(place) = 1 OR place < 3 ORDER BY 1',
    'SELECT kind, acute, count(DISTINCT person_id) FROM stay GROUP BY GROUPING SETS ((kind, acute), (kind), (acute), ()) ORDER BY GROUPING(kind, acute), 1, 2',
    'SELECT count(DISTINCT person_id) FROM person GROUP BY ()',
    'SELECT count(DISTINCT person_id), GROUPING(woman) FROM person GROUP BY woman ORDER BY 1',
    'SELECT woman, count(DISTINCT person_id) FROM person GROUP BY DISTINCT GROUPING SETS ((1), (1), ()) ORDER BY 1',
    'SELECT place % 2 AS odd, woman, count(DISTINCT person_id) FROM person GROUP BY ROLLUP (1, 2) ORDER BY 1, 2',
    'SELECT rank() OVER (PARTITION BY GROUPING(place) ORDER BY count(DISTINCT person_id), place), place FROM person GROUP BY ROLLUP (place) ORDER BY 2',
    'SELECT x.woman, x.n FROM (SELECT woman, count(DISTINCT person_id) AS n FROM person GROUP BY ROLLUP (woman)) x ORDER BY 1',
    'WITH w AS (SELECT place_id AS id, site FROM place WHERE site = ''north'') SELECT site, id, count(DISTINCT person_id) AS n FROM w LEFT JOIN person ON place = id GROUP BY ROLLUP (site, id) ORDER BY 1, 2',
    'SELECT x.id, x.n FROM (WITH w AS (SELECT place_id AS id FROM place WHERE site = ''north'') SELECT id, count(DISTINCT person_id) AS n FROM w LEFT JOIN person ON place = id GROUP BY GROUPING SETS ((id))) x ORDER BY 1',
    'SELECT site, woman, count(DISTINCT person_id) AS n FROM sex CROSS JOIN place LEFT JOIN person ON place = place_id AND woman = w GROUP BY CUBE (site, woman) HAVING woman IS NOT NULL OR GROUPING(woman) = 1 ORDER BY 1, 2',
    'WITH p AS (SELECT * FROM person WHERE days < 5) SELECT place, count(DISTINCT person_id) AS n FROM p GROUP BY ROLLUP (place) ORDER BY 1',
    'SELECT x.w, x.n, y.n FROM (WITH p AS (SELECT person_id, place AS w FROM person WHERE days < 5) SELECT w, count(DISTINCT person_id) AS n FROM p GROUP BY ROLLUP (w)) x, (SELECT count(DISTINCT person_id) AS n FROM stay) y ORDER BY 1']) q;
SELECT is(pg_temp.asked('SELECT woman, ehds.dp_count(person_id) AS n, ehds.dp_sum(person_id, days, 0, 9) AS d, ehds.dp_rows(person_id) AS r, round(ehds.dp_avg(person_id, days::numeric, 0, 9), 1) AS a, ehds.dp_median(person_id, days, 0, 9) AS m FROM person GROUP BY ROLLUP (woman) ORDER BY 1'), pg_temp.native('SELECT woman, count(*) AS n, sum(days) AS d, count(*) AS r, round(avg(days), 1) AS a, percentile_disc(0.5) WITHIN GROUP (ORDER BY days) AS m FROM person GROUP BY ROLLUP (woman) ORDER BY 1'), 'several aggregates');
SELECT is(pg_temp.asked('SELECT acute, count(DISTINCT person_id) FROM stay GROUP BY ROLLUP (acute) ORDER BY 1'), '(f,4000) (t,4000) (,4000)', 'persons in several groups: parts are more than the total, and are not made to agree');
SELECT is(pg_temp.asked('SELECT place, count(DISTINCT person_id) FROM person WHERE days < 0 GROUP BY ROLLUP (place)'), '(,0)', 'nobody: the total');
SELECT is(pg_temp.asked('SELECT place, count(DISTINCT person_id) FROM person WHERE days < 0 GROUP BY GROUPING SETS ((place))'), NULL, 'nobody, without a total');
SELECT is(pg_temp.asked('SELECT site, place_id, count(DISTINCT person_id) FROM place LEFT JOIN person ON place = place_id GROUP BY ROLLUP (site, place_id) ORDER BY 1, 2'), '(north,1,800) (north,2,800) (north,,1600) (south,3,800) (south,4,800) (south,5,800) (south,6,0) (south,,2400) (,,4000)', 'public keys of several levels, an empty group too');

SELECT set_config('ehds.epsilon', '1000', false), set_config('search_path', 'permit_sets, s, public, pg_catalog', false);
SELECT is(pg_temp.as_role('t_sets', $$WITH w AS (SELECT place_id AS id FROM place WHERE site = 'north') SELECT string_agg(coalesce(id, 0) || ' ' || n, ', ' ORDER BY id) FROM (SELECT id, count(DISTINCT person_id) AS n FROM w LEFT JOIN person ON place = id GROUP BY ROLLUP (id)) x WHERE x.id IS NULL OR x.id IN (SELECT id FROM w)$$), '1 800, 2 800, 0 1600', 'WITH at the beginning');
RESET ehds.epsilon;
RESET search_path;

-- ---------------------------------------------------------------- one charge, of what one query costs
SELECT results_eq(format('SELECT * FROM pg_temp.cost(%L)', q), format('SELECT 10::numeric * %s, %s, 0::numeric, 1::bigint', figures, CASE WHEN selects THEN '0.00000001' ELSE '0::numeric' END), q)
FROM (VALUES ('SELECT place, count(DISTINCT person_id) FROM person GROUP BY ROLLUP (place)', 1, true), ('SELECT woman, old, count(DISTINCT person_id) FROM person GROUP BY CUBE (woman, old)', 1, false),
    ('SELECT place, woman, ehds.dp_count(person_id), ehds.dp_sum(person_id, days, 0, 9) FROM person GROUP BY CUBE (place, woman)', 2, true),
    ('SELECT place, ehds.dp_sum(person_id, days, 0, 9) FROM person GROUP BY ROLLUP (place)', 2, true), ('SELECT kind, ward, count(DISTINCT person_id) FROM stay GROUP BY GROUPING SETS ((kind), (ward), (kind, ward))', 1, true),
    ('SELECT place, ehds.dp_avg(person_id, days, 0, 9), ehds.dp_median(person_id, days, 0, 9) FROM person GROUP BY GROUPING SETS ((place), ())', 3, true)) v(q, figures, selects);
SET ehds.fresh = off;
SELECT is(pg_temp.cost('SELECT place, woman, count(DISTINCT person_id) FROM person GROUP BY ROLLUP (place, woman)', '7')::text, answer, 'asked ' || times) FROM (VALUES ('once', '(7,0.000000007,0,1)'), ('again: free', '(0,0,0,0)')) v(times, answer);
RESET ehds.fresh;
SELECT is(rho_charged, figures * 0.005, 'zcdp: ' || q) FROM (VALUES ('SELECT kind, ward, count(DISTINCT person_id) FROM stay GROUP BY CUBE (kind, ward)', 1), ('SELECT place, ehds.dp_median(person_id, days, 0, 9), ehds.dp_sum(person_id, days, 0, 9) FROM person GROUP BY ROLLUP (place)', 3)) v(q, figures), pg_temp.cost(q, '0.1', 'zsets');
SELECT is(delta_charged, (SELECT delta_charged FROM pg_temp.cost('SELECT place, count(DISTINCT person_id) FROM person GROUP BY place', '0.2', 'zsets')), 'the sets that select share delta') FROM pg_temp.cost('SELECT place, days, count(DISTINCT person_id) FROM person GROUP BY CUBE (place, days)', '0.2', 'zsets');
-- shares: with 4 groups a person in three sets and one in the total, epsilons are as cube roots of 16 and 1
SELECT results_eq($$SELECT column_name, max_groups, round(epsilon_part, 6) FROM pg_temp.told('SELECT kind, ward, count(DISTINCT person_id) AS n FROM stay GROUP BY CUBE (kind, ward)') ORDER BY 1$$,
    $$SELECT c, g, round((10 * cbrt(g * g) / (1 + 3 * cbrt(16)))::numeric, 6) FROM (VALUES ('n by kind', 4), ('n by kind, ward', 4), ('n by ward', 4), ('n in total', 1)) v(c, g)$$, 'shares for the least sum of variances');
SELECT results_eq($$SELECT column_name, max_groups, rho > 0 AND abs(rho / (0.005 * sqrt(max_groups) / (1 + 3 * 2))::numeric - 1) < 1e-6 FROM pg_temp.told('SELECT kind, ward, count(DISTINCT person_id) AS n FROM stay GROUP BY CUBE (kind, ward)', '0.1', 'zsets') ORDER BY 1$$,
    $$VALUES ('n by kind', 4, true), ('n by kind, ward', 4, true), ('n by ward', 4, true), ('n in total', 1, true)$$, 'in zcdp as well');
SELECT results_eq($$SELECT column_name, threshold, half_width FROM pg_temp.told('SELECT ward, ehds.dp_sum(person_id, ward, 0, 3) AS x FROM stay GROUP BY ROLLUP (ward)') WHERE column_name LIKE '(%'$$,
    $$SELECT '(selection of groups) by ward'::text, ehds.dp_threshold(10, 1e-8, 4), ehds.dp_interval(10, 1e-8, 4)::numeric$$, 'a selection that is no figure is made in one set, at the whole epsilon');
SELECT ok(bool_and(max_groups = 1), 'keys of the person, joined to rows: one group each') FROM pg_temp.told('SELECT place, woman, count(DISTINCT person_id) AS n FROM stay JOIN person USING (person_id) GROUP BY CUBE (place, woman)');
SELECT is(string_agg(column_name || ' ' || max_groups, ', ' ORDER BY column_name), 'n by kind 4, n by place 1', 'and those of rows') FROM pg_temp.told('SELECT place, kind, count(DISTINCT person_id) AS n FROM stay JOIN person USING (person_id) GROUP BY GROUPING SETS ((place), (kind))');
SELECT ok(bool_and(max_groups = 4), 'a person who may be NULL in some rows') FROM pg_temp.told('SELECT place, count(DISTINCT stay.person_id) AS n FROM stay LEFT JOIN person ON person.person_id = stay.person_id AND kind = ''day'' GROUP BY place');
SELECT is(string_agg(column_name, ', ') FILTER (WHERE remark LIKE '%totals and parts are made to agree'), 'n in total, d in total, n by woman, d by woman', 'what is made to agree is said') FROM pg_temp.told('SELECT woman, count(DISTINCT person_id) AS n, ehds.dp_sum(person_id, days, 0, 9) AS d, ehds.dp_avg(person_id, days, 0, 9) AS a FROM person GROUP BY ROLLUP (woman)');
-- weights
SELECT set_config('ehds.set_weights', '1:8, 3:27', false);
SELECT results_eq($$SELECT column_name, epsilon_part FROM pg_temp.told('SELECT woman, old, count(DISTINCT person_id) AS n FROM person GROUP BY ROLLUP (woman, old)', '6') ORDER BY 1$$, $$VALUES ('n by woman', 2::numeric), ('n by woman, old', 1), ('n in total', 3)$$, 'ehds.set_weights');
RESET ehds.set_weights;
SELECT throws_ok(format('SET ehds.set_weights = %L', w), '22023', NULL, 'no weights: ' || w) FROM unnest('{1,1:,:1,1:0,1:1000001,-1:1,1:1 2:2,"1:1,1:2",9999999999:1,"1:1,",a:1}'::text[]) w;
-- error_target: in each set
SELECT set_config('ehds.error_target', '20', false);
SELECT ok(count(*) = 2 AND max(half_width) = 20, 'each set keeps the target') FROM pg_temp.told('SELECT kind, count(DISTINCT person_id) AS n FROM stay GROUP BY ROLLUP (kind)', '');
RESET ehds.error_target;

-- ---------------------------------------------------------------- sums that agree
CREATE TEMP TABLE drawn (run integer, g integer, k jsonb, n numeric);
GRANT SELECT ON drawn TO PUBLIC;
CREATE FUNCTION pg_temp.draw(keys text, sets text, figure text, source text, epsilon text, runs integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    TRUNCATE drawn;
    PERFORM set_config('ehds.epsilon', epsilon, true), set_config('search_path', 'permit_sets, s, public, pg_catalog', true);
    FOR i IN 1..runs LOOP
        answer := pg_temp.as_role('t_sets', format('SELECT jsonb_agg(jsonb_build_array(g, k, n)) FROM (SELECT GROUPING(%1$s) AS g, jsonb_build_array(%1$s) AS k, %3$s AS n FROM %4$s GROUP BY %2$s) x', keys, sets, figure, source));
        INSERT INTO drawn SELECT i, (x ->> 0)::integer, x -> 1, (x ->> 2)::numeric FROM jsonb_array_elements(answer::jsonb) x;
    END LOOP;
    RETURN (SELECT count(*) FROM drawn);
END $$;
-- is b a part of a, by the keys that a has?
CREATE FUNCTION pg_temp.is_part(a drawn, b drawn) RETURNS boolean LANGUAGE sql AS $$
    SELECT a.run = b.run AND a.g <> b.g AND a.g | b.g = a.g AND NOT EXISTS (SELECT FROM generate_series(0, jsonb_array_length(a.k) - 1) i WHERE a.g >> (jsonb_array_length(a.k) - 1 - i) & 1 = 0 AND a.k -> i <> b.k -> i)
$$;
CREATE FUNCTION pg_temp.sums() RETURNS text LANGUAGE sql AS $$
    SELECT count(*) || ' sums, ' || count(*) FILTER (WHERE d <> 0) || ' differ' FROM (SELECT min(a.n) - sum(b.n) AS d FROM drawn a JOIN drawn b ON pg_temp.is_part(a, b) GROUP BY a.run, a.g, a.k, b.g) s
$$;
SELECT is(pg_temp.draw('woman, old', 'ROLLUP (woman, old)', 'count(DISTINCT person_id)', 'person', '0.05', 10), 90::bigint, 'ROLLUP of public keys: all cells');
SELECT is(pg_temp.sums(), '40 sums, 0 differ', 'persons add up');
SELECT ok(count(DISTINCT n) > 40, 'and are noised') FROM drawn;
SELECT is(pg_temp.draw('woman, old, few', 'CUBE (woman, old, few)', 'count(DISTINCT person_id)', '(SELECT *, days < 5 AS few FROM person) p', '0.05', 3), 144::bigint, 'CUBE: all cells');
SELECT matches(pg_temp.sums(), '^\d+ sums, 0 differ', 'persons add up in all directions');
SELECT is(pg_temp.draw('woman, old', 'GROUPING SETS ((woman), (old))', 'ehds.dp_sum(person_id, days, 0, 9)', 'person', '0.05', 10), 50::bigint, 'sets side by side');
SELECT is(count(*), 0::bigint, 'sums of values have one total, though none was asked for') FROM (SELECT run FROM drawn GROUP BY run HAVING sum(n) FILTER (WHERE g = 1) <> sum(n) FILTER (WHERE g = 2)) s;
SELECT is(pg_temp.draw('woman, old', 'CUBE (woman, old)', 'ehds.dp_sum(person_id, days / 4.0::double precision, 0, 2.25, 1)', 'person', '0.05', 5), 60::bigint, 'double precision, in steps');
SELECT is(count(*), 0::bigint, 'adds up but for the last digits') FROM (SELECT run FROM drawn GROUP BY run HAVING abs(sum(n) FILTER (WHERE g = 1) - sum(n) FILTER (WHERE g = 3)) > 1e-6 OR abs(sum(n) FILTER (WHERE g = 0) - sum(n) FILTER (WHERE g = 3)) > 1e-6) s;
SELECT is(pg_temp.draw('site, place_id', 'ROLLUP (site, place_id)', 'ehds.dp_rows(person_id)', 'place LEFT JOIN person ON place = place_id', '0.05', 10), 90::bigint, 'places in sites');
SELECT is(pg_temp.sums(), '40 sums, 0 differ', 'rows add up') FROM (SELECT count(*) FROM drawn WHERE g = 0) s;
SELECT is(pg_temp.draw('site, place_id, w', 'ROLLUP (site, place_id), ROLLUP (w)', 'count(DISTINCT person_id)', 'place CROSS JOIN sex LEFT JOIN person ON place = place_id AND woman = w', '0.05', 5), 135::bigint, 'places in sites, by sex');
SELECT matches(pg_temp.sums(), '^\d+ sums, 0 differ', 'add up in all directions');
SELECT pg_temp.draw('acute, night', 'ROLLUP (acute, night)', 'count(DISTINCT person_id)', '(SELECT *, kind = ''night'' AS night FROM stay) s', '0.05', 5) * 0;
SELECT doesnt_match(pg_temp.sums(), ' 0 differ', 'persons in several groups do not, and are not made to');
SELECT pg_temp.draw('place, woman', 'ROLLUP (place, woman)', 'count(DISTINCT person_id)', 'person', '1', 5) * 0;
SELECT doesnt_match(pg_temp.sums(), ' 0 differ', 'nor groups that were selected');
-- three sets at epsilon 1 have noise of variance 18 each; 9 cells of rank 6 keep two thirds of it
SELECT is(pg_temp.draw('woman, old', 'ROLLUP (woman, old)', 'count(DISTINCT person_id)', 'person', '1', 300), 2700::bigint, '300 draws');
CREATE TEMP TABLE error AS SELECT d.g, d.n - e.n AS x FROM drawn d JOIN (SELECT GROUPING(woman, old) AS g, jsonb_build_array(woman, old) AS k, count(*) AS n FROM s.person GROUP BY ROLLUP (woman, old)) e USING (g, k);
SELECT ok(count(*) = 2700 AND avg(x * x) < 15.3, format('mean square error %s, where noise alone has 18', round(avg(x * x), 2))) FROM error;
SELECT ok(abs(avg(x)) < 0.6, format('no bias: mean error %s', round(avg(x), 3))) FROM error;
SELECT ok(count(*) = 2700 AND avg((abs(x) <= half_width)::integer) >= 0.95, format('intervals cover %s', round(avg((abs(x) <= half_width)::integer), 4))) FROM error JOIN (VALUES (0, 'n by woman, old'), (1, 'n by woman'), (3, 'n in total')) v(g, column_name) USING (g) JOIN (SELECT * FROM pg_temp.told('SELECT woman, old, count(DISTINCT person_id) AS n FROM person GROUP BY ROLLUP (woman, old)', '1')) t USING (column_name);

-- ---------------------------------------------------------------- refused
SELECT throws_ok(format('SELECT pg_temp.asked(%L)', q), code, message, q) FROM (VALUES
    ('SELECT woman, count(DISTINCT person_id) FROM person GROUP BY GROUPING SETS ((1), (1))', 'ZE002', 'a grouping set stands twice in GROUP BY, where each would be a release'),
    ('SELECT woman, woman AS again, count(DISTINCT person_id) FROM person GROUP BY ROLLUP (1, 2)', 'ZE002', 'two keys of the grouping sets are one expression'),
    ('SELECT count(DISTINCT person_id) FROM person GROUP BY CUBE (days < 1, days < 2, days < 3, days < 4, days < 5, days < 6, days < 7)', '54000', 'a release under a privacy budget has at most 64 grouping sets and 31 keys'),
    ('SELECT woman FROM person GROUP BY ROLLUP (1)', 'ZE002', NULL), ('SELECT (SELECT GROUPING(p.woman)), count(DISTINCT person_id) FROM person p GROUP BY ROLLUP (woman)', 'ZE002', NULL),
    ('SELECT person_id, count(*) FROM person GROUP BY ROLLUP (person_id)', 'ZE002', NULL), ('SELECT woman, days, count(DISTINCT person_id) FROM person GROUP BY ROLLUP (woman)', '42803', NULL)) v(q, code, message);
SELECT throws_ok($$SELECT pg_temp.asked('SELECT place, count(DISTINCT person_id) FROM person GROUP BY CUBE (place, days)', '0.000000003')$$, '22023', NULL, 'an epsilon of which nothing is left for a set');

-- ---------------------------------------------------------------- told afterwards, and shown
CREATE FUNCTION pg_temp.last() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    SET LOCAL SESSION AUTHORIZATION t_sets;
    SELECT string_agg(column_name || ' ' || half_width, ', ') INTO answer FROM ehds.last_release();
    RESET SESSION AUTHORIZATION;
    RETURN answer;
END $$;
SELECT pg_temp.asked('SELECT woman, count(DISTINCT person_id) AS n FROM person GROUP BY ROLLUP (woman) HAVING ehds.dp_rows(person_id) > 0', '2') IS NULL;
SELECT is(pg_temp.last(), format('n in total %1$s, ? in total %1$s, n by woman %1$s, ? by woman %1$s', ehds.dp_interval(1) + 1), 'the last release, of each set; rounding included');
CREATE FUNCTION pg_temp.shown(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text; answer text := '';
BEGIN
    SET LOCAL search_path = permit_sets, s, public, pg_catalog;
    SET LOCAL SESSION AUTHORIZATION t_sets;
    FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
        answer := answer || line || ' ';
    END LOOP;
    RESET SESSION AUTHORIZATION;
    RETURN answer;
END $$;
SELECT matches(pg_temp.shown('SELECT woman, old, count(DISTINCT person_id) FROM person GROUP BY CUBE (woman, old)'), 'ehds\.additive\(.* UNION ALL .* UNION ALL .* UNION ALL ', 'EXPLAIN shows the sets');

-- ---------------------------------------------------------------- ehds.marginals
CREATE FUNCTION pg_temp.marginals(arguments text, columns text DEFAULT 'm', epsilon text DEFAULT '1000', permit text DEFAULT 'sets') RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.asked(format('SELECT %s FROM ehds.marginals(%s) m', columns, arguments), epsilon, permit)
$$;
SELECT is(pg_temp.marginals($$'SELECT * FROM person', '{woman,place}', 'ehds.dp_count(person_id)'$$, 'dimensions_of_set, cell, value'),
    (SELECT string_agg(row(d, c, n)::text, ' ' ORDER BY o, d DESC, woman, place) FROM (SELECT woman, place, CASE GROUPING(woman, place) WHEN 3 THEN 0 WHEN 0 THEN 2 ELSE 1 END AS o, CASE GROUPING(woman, place) WHEN 3 THEN '{}' WHEN 1 THEN '{woman}' WHEN 2 THEN '{place}' ELSE '{woman,place}' END::text[] AS d,
        jsonb_strip_nulls(jsonb_build_object('woman', woman, 'place', place)) AS c, count(*) AS n FROM s.person GROUP BY CUBE (woman, place)) x), 'the total, each dimension, each two');
SELECT is(pg_temp.marginals($$E'SELECT * FROM person WHERE days < 5 -- all;\n;', '{woman,old}', 'count(DISTINCT person_id)', '{"old, woman", "woman", ""}', '{1,8,27}'$$, 'DISTINCT ON (scale) dimensions_of_set, trim_scale(round(scale::numeric, 6)), half_width', '6'),
    '({},0.333333,' || ehds.dp_interval(3) + 1 || ') ({woman},0.5,' || ehds.dp_interval(2) + 1 || ') ("{old,woman}",1,' || ehds.dp_interval(1) + 1 || ')', 'sets and weights; scale and interval of each');
SELECT is(current_setting('ehds.set_weights'), '', 'the weights are gone');
SET ehds.fresh = off;
SELECT is(pg_temp.cost($q$SELECT * FROM ehds.marginals('SELECT * FROM person', '{woman,old,place}', 'ehds.dp_count(person_id)')$q$)::text, answer, 'seven tables, asked ' || times) FROM (VALUES ('once: one charge, of one query', '(10,0.00000001,0,1)'), ('again: free', '(0,0,0,0)')) v(times, answer);
RESET ehds.fresh;
SELECT is(pg_temp.marginals($$'SELECT * FROM person', '{}', 'ehds.dp_count(person_id)'$$, 'dimensions_of_set, cell, value'), '({},{},4000)', 'without dimensions');
SELECT matches(pg_temp.marginals($$'SELECT * FROM stay JOIN person USING (person_id)', '{kind,woman}', 'ehds.dp_sum(person_id, days, 0, 9)'$$, 'count(*), count(scale)', '1', 'zsets'), '^\((\d+),\1\)$', 'in zcdp');
SELECT is(pg_temp.as_role('t_analyst', $$SELECT count(*) || ' ' || count(scale) FROM ehds.marginals('SELECT * FROM permit_hydro.person', '{gender_concept_id}', 'count(DISTINCT person_id)')$$), '3 0', 'under k-anonymity, without noise');
SELECT throws_ok(format('SELECT pg_temp.marginals(%L)', a), code, message, a) FROM (VALUES
    ($$NULL, '{woman}', 'ehds.dp_count(person_id)'$$, '22004', 'query, dimensions and measure must not be null'), ($$'SELECT * FROM person', '{woman,NULL}', 'ehds.dp_count(person_id)'$$, '22004', 'dimensions and sets must not hold null'),
    ($$'SELECT * FROM person', '{woman,woman}', 'ehds.dp_count(person_id)'$$, '22023', 'a dimension may not be named "woman", or stand twice'), ($$'SELECT * FROM person', '{woman}', 'ehds.dp_count(person_id)', '{old}'$$, '22023', 'set "old" is no list of different dimensions'),
    ($$'SELECT * FROM person', '{woman}', 'ehds.dp_count(person_id)', NULL, '{1}'$$, '22023', 'weights must be 2 whole numbers from 1 to 1000000, one for each set'), ($$'SELECT * FROM person', '{woman}', 'ehds.dp_count(person_id)', NULL, '{1,NULL}'$$, '22023', NULL),
    ($$'SELECT * FROM person', '{woman}', 'ehds.dp_count(person_id)', '{}'$$, '54000', NULL), ($$'SELECT * FROM person', '{woman}', 'min(days)'$$, 'ZE002', NULL), ($$'SELECT * FROM s.person', '{woman}', 'count(*)'$$, '42501', NULL),
    ($$'SELECT * FROM person', '{person_id}', 'count(*)'$$, 'ZE002', NULL), ($$'DELETE FROM person', '{woman}', 'count(*)'$$, '42601', NULL)) v(a, code, message);
-- figures that do not add up stand beside those that do
SELECT is(pg_temp.asked('SELECT woman, ehds.dp_histogram(person_id, days, ARRAY[3, 6]) AS h, ehds.dp_count(person_id) FROM person GROUP BY ROLLUP (woman) ORDER BY 1'),
          '(f,"{400,800,800}",2000) (t,"{800,400,800}",2000) (,"{1200,1200,1600}",4000)', 'histograms of each set, beside counts');
SELECT is(pg_temp.asked('SELECT woman, round(ehds.dp_avg(person_id, days, 0, 10), 1) AS a, ehds.dp_count_distinct(person_id, days) AS d FROM person GROUP BY ROLLUP (woman) ORDER BY 1'),
          '(f,5.0,5) (t,4.0,5) (,4.5,10)', 'averages and distinct values of each set');
-- the window function by itself
SELECT is(string_agg(n::text, ' ' ORDER BY g DESC, k), '20 9 11', 'ehds.additive: by variances') FROM (SELECT g, k, ehds.additive(v, w, g, ARRAY[k]) OVER () AS n FROM (VALUES (1, NULL, 23::numeric, 4::float8), (0, 'a', 8, 1), (0, 'b', 11, 1)) x(g, k, v, w)) y;
SELECT is(string_agg(n::text, ' ' ORDER BY g DESC, k), '23 8 11', 'cells of no such shape stay') FROM (SELECT g, k, ehds.additive(v, 1, g, ARRAY[k, k]) OVER () AS n FROM (VALUES (3, NULL, 23::numeric), (2, 'a', 8), (1, 'b', 11), (0, 'a', 5), (0, 'c', 6)) x(g, k, v)) y WHERE g > 0;
SELECT throws_ok('SELECT ehds.additive(' || a || ') OVER ()', code, NULL, a) FROM (VALUES ('1.5, 1, 0, ''{a}''', '22023'), ('''NaN'', 1, 0, ''{a}''', '22023'), ('1, 0, 0, ''{a}''', '22023'), ('1, ''NaN'', 0, ''{a}''', '22023'), ('NULL, 1, 0, ''{a}''', '22004'), ('1, 1, 0, array_fill(''a''::text, ''{32}'')', '2202E')) v(a, code);
SELECT * FROM finish();
