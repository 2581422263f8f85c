-- What an analyst is told of precision and cost: ehds.error_target, ehds.last_release,
-- ehds.explain_privacy. Nothing here depends on data or chance, but for the releases made.
\set ECHO none
\set QUIET 1
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SELECT no_plan();
SET client_min_messages = warning;

-- a second permit, in zCDP, for another login
CREATE ROLE t_zcdp NOLOGIN;
CREATE ROLE t_zuser LOGIN;
GRANT t_zcdp TO t_zuser;
SELECT pg_temp.as_role('t_governor', $$SELECT ehds.issue_permit('z', grantee => 't_zcdp', purpose => 'statistics', valid_until => '2099-12-31',
    epsilon => 6, delta => 1e-8, epsilon_default => 0.1, accounting => 'zcdp')$$);
SELECT pg_temp.as_role('t_governor', $$SELECT ehds.permit_table('z', 'omop.person')$$);
SELECT pg_temp.as_role('t_governor', $$SELECT ehds.permit_table('z', 'omop.condition_occurrence')$$);
SELECT pg_temp.as_role('t_governor2', $$SELECT ehds.activate_permit('z')$$);

SET search_path = permit_open, omop, public, pg_catalog;
CREATE FUNCTION pg_temp.entries() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM ehds.ledger';
-- one line an item: the columns that are not null
CREATE FUNCTION pg_temp.explained(who text, query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', who);
    FOR r IN SELECT * FROM ehds.explain_privacy(query) LOOP
        RETURN NEXT concat_ws(' | ', r.item, r.release, r.column_name, r.mechanism, trim_scale(round(r.scale::numeric, 4)), r.half_width, r.max_groups, r.threshold,
                              r.epsilon, r.delta, r.rho, r.remark);
    END LOOP;
    RESET SESSION AUTHORIZATION;
END
$$;

-- ------------------------------------------------------------------ explain_privacy
CREATE TEMP TABLE before AS SELECT pg_temp.entries() AS n;
SELECT results_eq($$SELECT pg_temp.explained('t_other', 'SELECT ehds.dp_count(person_id) AS persons FROM person')$$,
    format($$VALUES ('figure | 1 | persons | discrete Laplace | 2 | %s | 1 | 0.5 | 0'),
                    ('charge | 0.5 | 0 | to permit open, by pure accounting; nothing is charged now')$$, ehds.dp_interval(0.5)),
    'one count: mechanism, scale, interval, cost');
SELECT results_eq($$SELECT pg_temp.explained('t_other', 'SELECT condition_concept_id, 2 * ehds.dp_count(person_id) AS twice FROM condition_occurrence GROUP BY 1')$$,
    format($$VALUES ('figure | 1 | twice | truncated discrete Laplace | 10 | %s | 5 | %s | 0.5 | 0.000000001666666666 | a person counts in at most 5 groups, and a group is shown if its noisy count less 10 exceeds the threshold'),
                    ('charge | 0.5 | 0.000000001666666666 | to permit open, by pure accounting; nothing is charged now')$$,
           ehds.dp_interval(0.5, 0.000000001666666666, 5), ehds.dp_threshold(0.5, 0.000000001666666666, 5)),
    'groups: bounds, threshold, delta');
SELECT results_eq($$SELECT pg_temp.explained('t_other', 'SELECT a.n, b.m FROM (SELECT ehds.dp_count(person_id) AS n FROM person) a, (SELECT ehds.dp_count(person_id) AS m FROM condition_occurrence) b')$$,
    format($$VALUES ('figure | 1 | n | discrete Laplace | 2 | %1$s | 1 | 0.5 | 0'), ('figure | 2 | m | discrete Laplace | 2 | %1$s | 1 | 0.5 | 0'),
                    ('charge | 1 | 0 | to permit open, by pure accounting; nothing is charged now')$$, ehds.dp_interval(0.5)),
    'two releases are charged twice');
SET search_path = permit_z, omop, public, pg_catalog;
SELECT results_eq($$SELECT pg_temp.explained('t_zuser', 'SELECT condition_concept_id, ehds.dp_count(person_id) AS n FROM condition_occurrence GROUP BY 1')$$,
    format($$VALUES ('figure | 1 | n | discrete Gaussian | %s | %s | 5 | %s | %s | 0.005 | a person counts in at most 5 groups, and a group is shown if its noisy count less 10 exceeds the threshold'),
                    ('charge | %s | 0.005 | to permit z, by zcdp accounting; nothing is charged now')$$,
           trim_scale(round(ehds.dp_noise_sigma(0.005, 5), 4)), ehds.dp_interval_gaussian(ehds.dp_noise_sigma(0.005, 5)),
           ehds.dp_threshold_gaussian(ehds.dp_noise_sigma(0.005, 5), d, 5), d, d),
    'in zCDP: Gaussian noise and rho')
FROM (SELECT trim_scale(floor(5e9 * 0.005 / rho_total) * 1e-18) AS d FROM ehds.budget WHERE permit = 'z') x;
SELECT is(pg_temp.entries(), n, 'nothing was charged or run') FROM before;

-- what would be refused
SET search_path = permit_open, omop, public, pg_catalog;
SELECT matches(pg_temp.explained('t_other', 'SELECT person_id FROM person'), '^refused \| ZE002: .* Hint: ', 'rows of persons are refused, with a hint');
SELECT matches(pg_temp.explained('t_other', 'SELECT min(year_of_birth) FROM person'), '^refused \| ZE002: ', 'an aggregate that is not answered');
SELECT throws_ok($$SELECT pg_temp.explained('t_analyst', 'SELECT ehds.dp_count(person_id) FROM permit_open.person')$$, '42501', NULL, 'the caller''s rights count');
SELECT throws_ok($$SELECT pg_temp.explained('t_other', 'SELECT count(*) FROM omop.person')$$, '42501', NULL, 'on every table');
SELECT throws_ok($$SELECT pg_temp.explained('t_other', 'SELECT count(*) FROM permit_hydro.person')$$, '42501', NULL, 'and under another permit');
GRANT USAGE ON SCHEMA permit_open TO t_auditor;
GRANT SELECT ON permit_open.person TO t_auditor;
SELECT matches(pg_temp.explained('t_auditor', 'SELECT ehds.dp_count(person_id) FROM person'), '^refused \| ZE001: .*not a member', 'who may read but is no member of the grantee is refused');
SELECT set_config('ehds.epsilon', '4', false);
SELECT set_eq($$SELECT left(x, 7) FROM pg_temp.explained('t_other', 'SELECT ehds.dp_count(person_id) FROM person') x$$, ARRAY['figure ', 'charge ', 'refused'], 'a budget that is too small: the figures, and that it would be refused');
SELECT matches(x, 'ZE003: .*epsilon 4 asked, 3 left', 'with what is left') FROM pg_temp.explained('t_other', 'SELECT ehds.dp_count(person_id) FROM person') x WHERE x LIKE 'refused%';
RESET ehds.epsilon;
SELECT matches(pg_temp.explained('t_other', 'SELECT count(*) FROM omop.concept'), '^public ', 'a query without personal data');
SELECT matches(pg_temp.explained('t_analyst', 'SELECT count(DISTINCT person_id) FROM permit_hydro.person'), '^k-anonymity \| permit hydro: .* at least 11 persons', 'a permit without a budget');
SELECT matches(pg_temp.explained('t_pipeline', 'SELECT person_id FROM permit_cardio.person'), '^rows \| permit cardio', 'a permit for rows');

-- nothing of the query runs, not even what the planner or the gate would compute
CREATE SCHEMA mine AUTHORIZATION t_other;
SET SESSION AUTHORIZATION t_other;
CREATE FUNCTION mine.shout(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RAISE EXCEPTION 'ran with %', $1; END$$;
CREATE FUNCTION mine.shout_in(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT mine.shout($1)';
CREATE FUNCTION mine.shout_b(integer, integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RAISE EXCEPTION 'ran'; END$$;
CREATE OPERATOR mine.!== (LEFTARG = integer, RIGHTARG = integer, FUNCTION = mine.shout_b);
CREATE VIEW mine.shouting AS SELECT person_id, mine.shout_in(1) AS x FROM permit_open.person;
RESET SESSION AUTHORIZATION;
SELECT throws_ok(format('SELECT pg_temp.explained(''t_other'', %L)', q), 'ZE002', 'ehds.explain_privacy does not take queries with functions of users', q)
FROM unnest(ARRAY['SELECT ehds.dp_count(person_id), mine.shout(1) FROM person', 'SELECT ehds.dp_count(person_id) FROM person WHERE mine.shout(1) = 2',
                  'SELECT ehds.dp_count(person_id) FROM person LIMIT mine.shout_in(1)', 'SELECT ehds.dp_count(person_id) FROM mine.shouting',
                  'SELECT ehds.dp_count(person_id) FROM person HAVING 1 OPERATOR(mine.!==) 1', 'SELECT * FROM mine.shout(1), (SELECT ehds.dp_count(person_id) FROM person) s',
                  'SELECT ehds.dp_count(person_id) FROM person GROUP BY mine.shout(1)']) q;
SELECT throws_ok(format('SELECT pg_temp.explained(''t_other'', %L)', q), '22023', NULL, q)
FROM unnest(ARRAY['', 'SELECT 1; SELECT 2', 'EXPLAIN SELECT 1', 'SELECT 1 INTO TEMP nowhere', 'CREATE TABLE x AS SELECT 1', 'DELETE FROM person', 'COPY (SELECT 1) TO STDOUT']) q;
SELECT throws_ok($$SELECT pg_temp.explained('t_other', 'SELECT nothing FROM person')$$, '42703', NULL, 'what is no valid SQL raises as it would');
SELECT is_empty('SELECT * FROM ehds.explain_privacy(NULL)', 'NULL gives no row');
SELECT is(count(*), 0::bigint, 'nothing was charged') FROM ehds.ledger WHERE kind = 'charge';

-- ------------------------------------------------------------------ error_target
SELECT throws_ok($$SET ehds.error_target = '5 %'$$, '22023', NULL, 'a relative target is refused');
SELECT throws_ok(format('SET ehds.error_target = %L', v), '22023', NULL, 'ehds.error_target ' || v) FROM unnest(ARRAY['0', '0.000000000', '-1', '-0', 'ten', '1e2', '0.0000000001', 'NaN', 'Infinity', '5%', '2,5', ' ']) v;
-- the least epsilon that keeps the target
CREATE FUNCTION pg_temp.target(who text, query text, target text, groups text, OUT half_width float8, OUT eps numeric, OUT rho numeric) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ehds.error_target', target, true), set_config('ehds.max_groups', groups, true);
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', who);
    SELECT x.half_width, x.epsilon, x.rho INTO half_width, eps, rho FROM ehds.explain_privacy(query) x WHERE item = 'figure';
    RESET SESSION AUTHORIZATION;
END
$$;
SELECT ok(half_width <= t AND ehds.dp_interval(eps) <= t AND ehds.dp_interval(eps - 0.000000001) > t, format('± %s persons cost epsilon %s', t, eps))
FROM unnest('{1,5,30,1000}'::int[]) t, pg_temp.target('t_other', 'SELECT ehds.dp_count(person_id) FROM permit_open.person', t::text, '0');
SELECT ok(half_width <= t AND ehds.dp_interval(eps, floor(1e10 * eps / 3) * 1e-18, g) <= t AND ehds.dp_interval(eps - 0.000000001, floor(1e10 * (eps - 0.000000001) / 3) * 1e-18, g) > t,
          format('± %s persons in %s groups cost epsilon %s', t, g, eps))
FROM (VALUES (5, 1), (30, 3), (200, 5)) AS v (t, g), pg_temp.target('t_other', 'SELECT ehds.dp_count(person_id) FROM permit_open.condition_occurrence GROUP BY condition_concept_id', t::text, g::text);
SELECT ok(half_width <= t AND ehds.dp_interval_gaussian(ehds.dp_noise_sigma(rho, g)) <= t AND ehds.dp_interval_gaussian(ehds.dp_noise_sigma(round(rho * 0.9999, 12), g)) > t,
          format('± %s persons in %s groups cost rho %s', t, g, rho))
FROM (VALUES (5, 1), (30, 3), (200, 5)) AS v (t, g), pg_temp.target('t_zuser', 'SELECT ehds.dp_count(person_id) FROM permit_z.condition_occurrence GROUP BY condition_concept_id', t::text, g::text);
SELECT ok(eps = (SELECT x.eps FROM pg_temp.target('t_other', 'SELECT ehds.dp_count(person_id) FROM permit_open.person', '30', '0') x), 'a part of a person more changes nothing')
FROM pg_temp.target('t_other', 'SELECT ehds.dp_count(person_id) FROM permit_open.person', '30.999', '0');
SELECT throws_ok(format('SET ehds.error_target = %L', v), '22023', NULL, 'ehds.error_target ' || v) FROM unnest(ARRAY['9000000000.000000001', '99999999999999999999']) v;
SELECT lives_ok($$SET ehds.error_target = '9000000000'$$, 'the largest target');
RESET ehds.error_target;
-- Of every figure with an absolute error: what is told keeps the target. It has the epsilon that ehds.epsilon would be, at which the same is told,
-- and with a unit of it less (in zcdp, where sigma is rounded, with 0.01 %) the target would be missed.
CREATE FUNCTION pg_temp.figures(who text, query text, target text, epsilon text, groups text DEFAULT '0') RETURNS TABLE (name text, half_width float8, eps numeric, cost numeric, rho numeric) LANGUAGE plpgsql AS $$
DECLARE path text := current_setting('search_path');
BEGIN
    PERFORM set_config('ehds.error_target', target, true), set_config('ehds.epsilon', epsilon, true), set_config('ehds.max_groups', groups, true), set_config('search_path', CASE who WHEN 't_other' THEN 'permit_open' ELSE 'permit_z' END || ', omop, pg_catalog', true);
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', who);
    RETURN QUERY SELECT x.column_name, x.half_width, substring(x.remark FROM 'ehds.epsilon ([0-9.]+) by ehds.error_target$')::numeric, coalesce(x.epsilon, x.rho), x.rho FROM ehds.explain_privacy(query) x WHERE item = 'figure';
    RESET SESSION AUTHORIZATION;
    PERFORM set_config('search_path', path, true);
END
$$;
CREATE TEMP TABLE kept AS SELECT who, query, target, f.*, a.half_width AS at_it, b.half_width AS below, c.half_width AS percent FROM unnest('{t_other,t_zuser}'::text[]) who, (VALUES
    ('SELECT ehds.dp_rows(person_id, 7) AS n FROM condition_occurrence', 50), ('SELECT ehds.dp_rows(person_id, 7) AS n FROM condition_occurrence GROUP BY condition_concept_id', 333.5),
    ('SELECT ehds.dp_sum(person_id, year_of_birth, -100, 2100, 3) AS n FROM person', 2000), ('SELECT ehds.dp_sum(person_id, year_of_birth, -2100, 100, 3) AS n FROM person', 2000), ('SELECT ehds.dp_sum(person_id, year_of_birth / 7.0, 0, 300) AS n FROM person', 12.3456), ('SELECT ehds.dp_sum(person_id, year_of_birth / 7.0, 0, 0.3) AS n FROM person', 0.3),
    ('SELECT ehds.dp_sum(person_id, year_of_birth, 0, 2100, 40) AS n, condition_concept_id FROM condition_occurrence JOIN person USING (person_id) GROUP BY 2', 80000000), ('SELECT ehds.dp_sum(person_id, year_of_birth, 0, 1000000000) AS n FROM person', 9000000000),
    ('SELECT ehds.dp_count_distinct(person_id, condition_concept_id, 4) AS n FROM condition_occurrence', 30), ('SELECT ehds.dp_count_distinct(person_id, condition_concept_id, 4) AS n FROM condition_occurrence GROUP BY condition_concept_id > 0', 30), ('SELECT ehds.dp_median(person_id, year_of_birth, 1900, 2020) AS n FROM person', 25), ('SELECT ehds.dp_quantile(person_id, year_of_birth, 0.9, 1900, 2020) AS n FROM person GROUP BY gender_concept_id', 40.25),
    ('SELECT ehds.dp_histogram(person_id, year_of_birth, 1900, 2020, 12) AS n FROM person', 15), ('SELECT ehds.dp_count(person_id) FILTER (WHERE year_of_birth > 1950) AS n FROM person', 9), ('SELECT gender_concept_id = 8507, ehds.dp_count(person_id) AS n FROM person GROUP BY 1', 9),
    ('SELECT ehds.dp_count(person_id) AS n, ehds.dp_sum(person_id, year_of_birth, 0, 20) AS s, ehds.dp_median(person_id, year_of_birth, 1900, 2020) AS m FROM person', 60), ('SELECT condition_concept_id, ehds.dp_rows(person_id, 3) AS r, ehds.dp_rows(person_id, 5) AS five FROM condition_occurrence GROUP BY 1', 60),
    ('SELECT condition_concept_id, ehds.dp_count(person_id) AS n, ehds.dp_rows(person_id, 3) AS r, ehds.dp_count(person_id) FILTER (WHERE condition_concept_id > 0) AS f FROM condition_occurrence GROUP BY 1', 60)) q(query, target),
    LATERAL pg_temp.figures(who, query, target::text, '') f LEFT JOIN LATERAL pg_temp.figures(who, query, '', f.eps::text) a USING (name)
    LEFT JOIN LATERAL pg_temp.figures(who, query, '', round(CASE who WHEN 't_other' THEN f.eps - 0.000000001 ELSE f.eps * 0.9999 END, 9)::text) b USING (name)
    LEFT JOIN LATERAL pg_temp.figures(who, query, '', round(f.eps * 0.99, 9)::text) c USING (name);
SELECT ok(half_width <= target AND at_it = half_width AND below > target AND percent > target, format('%s: ± %s in %s costs epsilon %s, ± %s (%s with less) %s', who, target, name, eps, half_width, below, query)) FROM kept WHERE name NOT LIKE '(selection%';
SELECT is(count(*) FILTER (WHERE name NOT LIKE '(selection%'), 46::bigint, 'of so many figures') FROM kept;
SELECT ok(bool_and(cost = CASE who WHEN 't_other' THEN eps ELSE ceil(eps * eps / 2 * 1e12) / 1e12 END), 'each costs its epsilon') FROM kept;
-- the mass of noise outside of -w .. w, as a sum (of the Gaussian, up to 20 sigma) or its closed form
CREATE FUNCTION pg_temp.outside(who text, w integer, d float8, eps numeric) RETURNS float8 LANGUAGE sql AS $$
    SELECT CASE who WHEN 't_other' THEN 2 * exp(-(w + 1) * eps::float8 / d) / (1 + exp(-eps::float8 / d))
        ELSE (SELECT sum(exp(-0.5 * (k * eps::float8 / d) ^ 2)) FILTER (WHERE k > w) / (0.5 + sum(exp(-0.5 * (k * eps::float8 / d) ^ 2))) FROM generate_series(1, ceil(20 * d / eps::float8)::int) k) END
$$;
-- against the mass functions by hand: D of the sum of what a person adds (for Gauss of its root of squares), in all his groups
SELECT ok(0.05 BETWEEN pg_temp.outside(who, w, d, eps) AND pg_temp.outside(who, w, d, eps * CASE who WHEN 't_other' THEN 0.99999 ELSE 0.9999 END), format('%s: outside of ± %s with %s, %s with less: %s', who, w, pg_temp.outside(who, w, d, eps), pg_temp.outside(who, w, d, eps * 0.9999), query))
FROM (SELECT who, query, name, eps, floor(target)::int AS w, unit * CASE who WHEN 't_other' THEN groups ELSE sqrt(groups) END AS d FROM kept JOIN (VALUES ('dp_rows(person_id, 7) AS n FROM condition_occurrence', 'n', 7, 1), ('dp_rows(person_id, 7) AS n FROM condition_occurrence GROUP BY condition_concept_id', 'n', 7, 5),
    ('dp_sum(person_id, year_of_birth, -100, 2100, 3) AS n FROM person', 'n', 3 * 2100, 1), ('dp_sum(person_id, year_of_birth, -2100, 100, 3) AS n FROM person', 'n', 3 * 2100, 1), ('dp_count_distinct(person_id, condition_concept_id, 4) AS n FROM condition_occurrence', 'n', 4, 1), ('dp_count_distinct(person_id, condition_concept_id, 4) AS n FROM condition_occurrence GROUP BY condition_concept_id > 0', 'n', 4, 3),
    ('dp_histogram(person_id, year_of_birth, 1900, 2020, 12) AS n FROM person', 'n', 1, 1), ('dp_count(person_id) FILTER (WHERE year_of_birth > 1950) AS n FROM person', 'n', 1, 1), ('dp_count(person_id) AS n, ehds.dp_sum(person_id, year_of_birth, 0, 20) AS s, ehds.dp_median(person_id, year_of_birth, 1900, 2020) AS m FROM person', 's', 20, 1),
    ('dp_count(person_id) AS n, ehds.dp_sum(person_id, year_of_birth, 0, 20) AS s, ehds.dp_median(person_id, year_of_birth, 1900, 2020) AS m FROM person', 'n', 1, 1)) h(q, name, unit, groups) USING (name) WHERE query LIKE '%.' || q) h;
-- a quantile: ceil(ln(width / 0.05) 2 L / epsilon) + 1 ranks on the longer side; of sqrt(L) / epsilon in zcdp
SELECT ok(side * (ceil(ln(121 / 0.05) * f / eps) + 1) <= target AND side * (ceil(ln(121 / 0.05) * f / (eps * 0.9999)) + 1) > target AND half_width = side * (ceil(ln(121 / 0.05) * f / eps) + 1), format('%s: ± %s ranks cost epsilon %s, %s', who, target, eps, half_width))
FROM (SELECT k.*, CASE WHEN query LIKE '%0.9%' THEN 0.9 ELSE 0.5 END::float8 AS side, CASE who WHEN 't_other' THEN 2 ELSE 1 END AS f FROM kept k WHERE query ~ 'SELECT ehds.dp_(median|quantile)' AND name = 'n') k;
-- several figures: each has the epsilon that it has alone, so the charge is the least at which all keep the target
CREATE TEMP TABLE alone AS SELECT w, string_agg(name || ' ' || eps, ', ' ORDER BY name) AS texts FROM unnest('{t_other,t_zuser}'::text[]) w, (VALUES ('n', 'ehds.dp_count(person_id)'), ('s', 'ehds.dp_sum(person_id, year_of_birth, 0, 20)'), ('m', 'ehds.dp_median(person_id, year_of_birth, 1900, 2020)')) a(c, x), pg_temp.figures(w, format('SELECT %s AS %s FROM person', x, c), '60', '') GROUP BY w;
SELECT is(string_agg(name || ' ' || eps, ', ' ORDER BY name), texts, w || ': each at the epsilon that it needs alone') FROM kept JOIN alone ON w = who WHERE query LIKE '%AS m FROM person' GROUP BY w, texts;
SELECT is(count(*), 2::bigint, 'in both') FROM alone;
SELECT is(max(eps) FILTER (WHERE name LIKE '(selection%'), max(eps) FILTER (WHERE name = 'five'), who || ': what only selects groups has the epsilon of the figure that needs most') FROM kept WHERE query LIKE '%AS five%' GROUP BY who;
SELECT ok(max(eps) FILTER (WHERE name = 'n') < max(eps) FILTER (WHERE name = 'r') AND count(*) = 3, who || ': a count of persons selects them at its own') FROM kept WHERE query LIKE '%AS f FROM%' GROUP BY who;
SELECT ok(bool_and(half_width <= 9e9 AND eps > 0) AND count(*) = 8, 'the largest target, where noise is as wide as can be') FROM unnest('{t_other,t_zuser}'::text[]) who, unnest('{"ehds.dp_count(person_id) AS n FROM person","ehds.dp_count(person_id) AS n FROM condition_occurrence GROUP BY condition_concept_id","ehds.dp_rows(person_id) AS n FROM person","ehds.dp_median(person_id, year_of_birth, 1900, 2020) AS n FROM person"}'::text[]) q, pg_temp.figures(who, 'SELECT ' || q, '9000000000', '');
-- grouping sets: each figure of each set has its own; a total of public groups is rounded by one at most
CREATE TEMP TABLE of_sets AS SELECT f.* FROM pg_temp.figures('t_other', 'SELECT condition_concept_id, ehds.dp_count(person_id) AS n FROM condition_occurrence GROUP BY ROLLUP (1)', '20', '') f;
SELECT ok(half_width <= 20 AND CASE name WHEN 'n in total' THEN ehds.dp_interval(eps) <= 20 AND ehds.dp_interval(eps - 0.000000001) > 20 WHEN 'n by condition_concept_id' THEN ehds.dp_interval(eps, floor(1e10 * eps / 3) * 1e-18, 5) <= 20 AND ehds.dp_interval(eps - 0.000000001, floor(1e10 * (eps - 0.000000001) / 3) * 1e-18, 5) > 20 END, 'the least epsilon in each grouping set: ' || name) FROM of_sets;
SELECT is(count(DISTINCT eps), 2::bigint, 'of both') FROM of_sets;
SELECT ok(bool_and(half_width <= 7 AND ehds.dp_interval(eps) + 1 <= 7 AND ehds.dp_interval(eps - 0.000000001) + 1 > 7) AND count(*) = 2, 'with sums that agree') FROM pg_temp.figures('t_other', 'SELECT gender_concept_id = 8507, ehds.dp_count(person_id) AS n FROM person GROUP BY ROLLUP (1)', '7', '');
SELECT ok(bool_and(half_width <= 7 AND ehds.dp_interval_gaussian(ehds.dp_noise_sigma(rho, 1)) + 1 <= 7 AND ehds.dp_interval_gaussian(ehds.dp_noise_sigma(round(rho * 0.9999, 12), 1)) + 1 > 7) AND count(*) = 2, 'and in zcdp') FROM pg_temp.figures('t_zuser', 'SELECT gender_concept_id = 8507, ehds.dp_count(person_id) AS n FROM person GROUP BY ROLLUP (1)', '7', '');
SELECT ok(count(*) = 6 AND max(half_width) <= 40 AND count(DISTINCT eps) >= 4 AND (max(eps) FILTER (WHERE name = 's in total') = (SELECT eps FROM pg_temp.figures('t_other', 'SELECT ehds.dp_sum(person_id, year_of_birth, 0, 7) AS s FROM condition_occurrence JOIN person USING (person_id)', '40', ''))), 'several figures in several sets')
FROM pg_temp.figures('t_other', 'SELECT condition_concept_id, ehds.dp_count(person_id) AS n, ehds.dp_sum(person_id, year_of_birth, 0, 7) AS s, ehds.dp_median(person_id, year_of_birth, 1900, 2020) AS m FROM condition_occurrence JOIN person USING (person_id) GROUP BY ROLLUP (1)', '40', '');
SELECT set_config('ehds.error_target', '20', false), set_config('ehds.set_weights', '0:2', false), set_config('search_path', 'permit_open, omop, public, pg_catalog', false);
SELECT matches(pg_temp.explained('t_other', 'SELECT gender_concept_id, ehds.dp_count(person_id) FROM person GROUP BY ROLLUP (1)'), '^refused \| 22023: ehds.set_weights and ehds.error_target are both set', 'weights share nothing under a target');
SELECT matches(pg_temp.explained('t_other', 'SELECT ehds.dp_count(person_id) FROM person'), '^(figure|charge)', 'and do not matter without grouping sets');
RESET ehds.set_weights;
SELECT set_config('ehds.error_target', '50', false);
SELECT matches(pg_temp.explained('t_other', format('SELECT %s FROM person', a)), '^refused \| ZE002: ehds.error_target is not for averages, variances and standard deviations.*ehds.dp_sum.* / ehds.dp_rows', 'no target for ' || a) FROM unnest('{"ehds.dp_avg(person_id, year_of_birth, 0, 1)","ehds.dp_count(person_id), ehds.dp_variance(person_id, year_of_birth, 0, 1)","ehds.dp_stddev(person_id, year_of_birth, 0, 1)"}'::text[]) a;
SELECT matches(pg_temp.explained('t_other', 'SELECT ehds.dp_sum(person_id, year_of_birth, 0, 1000000000) FROM person'), '^refused \| ZE003: no epsilon up to 1000 reaches the ehds.error_target of 50', 'a target that nothing reaches');
SELECT set_config('ehds.error_target', '1', false);
SELECT ok(bool_or(x ~ '^refused . ZE003: the privacy budget does not allow the query: epsilon [0-9.]+ asked, 3 left'), 'a target that the permit cannot pay, explained') FROM pg_temp.explained('t_other', 'SELECT ehds.dp_sum(person_id, year_of_birth, 0, 9) FROM person') x;
SELECT throws_ok($$SELECT pg_temp.as_role('t_other', 'SELECT ehds.dp_sum(person_id, year_of_birth, 0, 9) FROM person')$$, 'ZE003', NULL, 'and when running');
SELECT is(count(*), 0::bigint, 'nothing was charged for it') FROM ehds.ledger WHERE kind = 'charge';
SELECT set_config('ehds.error_target', '20', false), set_config('ehds.max_groups', '0', false), set_config('ehds.epsilon', '0.5', false);
SELECT matches(pg_temp.explained('t_other', 'SELECT ehds.dp_count(person_id) FROM person'), '^refused \| 22023: ehds.epsilon and ehds.error_target are both set', 'both settings');
SELECT throws_ok($$SELECT pg_temp.as_role('t_other', 'SELECT ehds.dp_count(person_id) FROM person')$$, '22023', 'ehds.epsilon and ehds.error_target are both set', 'when running too');
SELECT lives_ok($$SELECT pg_temp.as_role('t_analyst', 'SELECT count(DISTINCT person_id) FROM permit_hydro.person')$$, 'a permit without a budget does not mind');
RESET ehds.epsilon;

-- ------------------------------------------------------------------ last_release
SELECT is_empty('SELECT * FROM ehds.last_release()', 'before the first charge there is none');
SELECT ok(abs(pg_temp.as_role('t_other', 'SELECT ehds.dp_count(person_id) FROM person')::bigint - 400) < 200, 'a query with a target is answered');
CREATE FUNCTION pg_temp.last(who text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', who);
    RETURN QUERY SELECT concat_ws(' | ', permit, release, column_name, mechanism, trim_scale(round(scale::numeric, 4)), half_width, max_groups, threshold, epsilon, delta, rho) FROM ehds.last_release();
    RESET SESSION AUTHORIZATION;
END
$$;
SELECT is(pg_temp.last('t_other'), format('open | 1 | dp_count | discrete Laplace | %s | 20 | 1 | %s | 0', trim_scale(round(1 / epsilon_spent, 4)), trim_scale(epsilon_spent)), 'its noise is what was asked, at the epsilon that was charged')
FROM ehds.budget WHERE permit = 'open';
SELECT is_empty($$SELECT pg_temp.last('t_zuser')$$, 'another role that takes over the session sees none');
RESET ehds.error_target;
SET search_path = permit_z, omop, public, pg_catalog;
SELECT pg_temp.as_role('t_zuser', 'SELECT condition_concept_id, ehds.dp_count(person_id) AS n FROM condition_occurrence GROUP BY 1 LIMIT 0');
SELECT matches(pg_temp.last('t_zuser'), '^z \| 1 \| n \| discrete Gaussian \| .* \| 0.005$', 'the next charge takes its place');
SELECT pg_temp.as_role('t_analyst', 'SELECT count(DISTINCT person_id) FROM permit_hydro.person');
SELECT matches(pg_temp.last('t_zuser'), '^z ', 'a query without a charge leaves it');
SELECT is_empty($$SELECT pg_temp.last('t_other')$$, 'and it is gone for the role before');

-- ------------------------------------------------------------------ asked with a target
CREATE FUNCTION pg_temp.spent(who text) RETURNS numeric LANGUAGE sql AS $$SELECT CASE who WHEN 't_other' THEN epsilon_spent ELSE rho_spent END FROM ehds.budget WHERE permit = CASE who WHEN 't_other' THEN 'open' ELSE 'z' END$$;
SET ehds.fresh = off;
SET ehds.error_target = '300';
CREATE TEMP TABLE runs (who text, query text, told numeric, charged numeric, again numeric, lines text); GRANT INSERT ON runs TO PUBLIC;
DO $$
DECLARE w text; q text; before numeric; one numeric;
BEGIN
    FOR w, q IN SELECT * FROM unnest('{t_other,t_zuser}'::text[]) w, unnest('{"ehds.dp_count(person_id) AS n, ehds.dp_rows(person_id, 2) AS r, ehds.dp_sum(person_id, year_of_birth, 0, 5) AS s FROM person","condition_concept_id, ehds.dp_count(person_id) AS n, ehds.dp_rows(person_id, 2) AS r FROM condition_occurrence GROUP BY ROLLUP (1)","ehds.dp_count_distinct(person_id, year_of_birth, 3) AS d, ehds.dp_median(person_id, year_of_birth, 1900, 2020) AS m, ehds.dp_histogram(person_id, year_of_birth, 1900, 2020, 9) AS h FROM person"}'::text[]) q LOOP
        PERFORM set_config('search_path', CASE w WHEN 't_other' THEN 'permit_open' ELSE 'permit_z' END || ', omop, public, pg_catalog', true);
        before := pg_temp.spent(w);
        PERFORM pg_temp.as_role(w, 'SELECT ' || q || ' LIMIT 1');
        one := pg_temp.spent(w) - before;
        PERFORM pg_temp.as_role(w, 'SELECT ' || q || ' LIMIT 1');
        EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', w);
        INSERT INTO runs SELECT w, q, (SELECT coalesce(epsilon, rho) FROM ehds.explain_privacy('SELECT ' || q || ' LIMIT 1') WHERE item = 'charge'), one, NULL, (SELECT string_agg(concat_ws(' ', column_name, mechanism, scale, half_width, coalesce(epsilon, rho)), '; ' ORDER BY column_name) FROM ehds.last_release())
            = (SELECT string_agg(concat_ws(' ', column_name, mechanism, scale, half_width, coalesce(epsilon, rho)), '; ' ORDER BY column_name) FROM ehds.explain_privacy('SELECT ' || q || ' LIMIT 1') WHERE item = 'figure');
        RESET SESSION AUTHORIZATION;
        UPDATE runs SET again = pg_temp.spent(w) - before - one WHERE who = w AND query = q;
    END LOOP;
END
$$;
SELECT ok(charged > 0 AND charged = told AND lines::boolean, format('%s: charged %s, as was told (%s), with the noise that was told: %s', who, charged, told, query)) FROM runs;
SELECT is(count(*) FILTER (WHERE again = 0), 6::bigint, 'the same query with the same target is the same question') FROM runs;
SET ehds.error_target = '301';
SET search_path = permit_open, omop, public, pg_catalog;
CREATE TEMP TABLE other AS SELECT pg_temp.spent('t_other') AS before, pg_temp.as_role('t_other', 'SELECT ' || query || ' LIMIT 1') FROM runs WHERE who = 't_other' AND query LIKE '%dp_count(person_id) AS n, ehds.dp_rows(person_id, 2) AS r, ehds.dp_sum%';
SELECT ok(pg_temp.spent('t_other') > before, 'with another target it is another') FROM other;
CREATE FUNCTION pg_temp.explain_as(who text, query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', who);
    RETURN QUERY EXECUTE 'EXPLAIN ' || query;
    RESET SESSION AUTHORIZATION;
END
$$;
CREATE TEMP TABLE drawn AS SELECT (SELECT string_agg(round(m[1]::numeric / m[2]::numeric, 6)::text, ' ') FROM pg_temp.explain_as('t_other', query) l, regexp_matches(l, 'dp_(?:noise|release_quantile)\(.*''(\d+)''::bigint, ''(\d+)''::bigint') m) AS scales,
    (SELECT string_agg(round(x::numeric, 6)::text, ' ') FROM (SELECT CASE split_part(l, ' | ', 3) WHEN 'm' THEN 2 ELSE 1 END * split_part(l, ' | ', 5)::float8 AS x FROM pg_temp.explained('t_other', query) l WHERE l LIKE 'figure%') x) AS told
FROM (VALUES ('SELECT ehds.dp_count(person_id) FILTER (WHERE year_of_birth > 1950) AS n, ehds.dp_rows(person_id, 2) AS r, ehds.dp_sum(person_id, year_of_birth, 0, 3333) AS s, ehds.dp_median(person_id, year_of_birth, 1900, 2020) AS m FROM person')) q(query);
SELECT ok((SELECT bool_and(abs(d - t) < 0.001) AND count(*) = 4 FROM unnest(string_to_array(scales, ' ')::numeric[], string_to_array(told, ' ')::numeric[]) AS u(d, t)), format('each figure is drawn with the noise that is told of it: %s, %s', scales, told)) FROM drawn;
-- the tables of ehds.marginals each keep it
SET ehds.error_target = '90';
CREATE FUNCTION pg_temp.tables(who text) RETURNS TABLE (d text, w float8) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', who);
    RETURN QUERY SELECT m.dimensions_of_set::text, max(m.half_width) FROM ehds.marginals('SELECT *, gender_concept_id = 8507 AS man FROM person', '{man}', 'ehds.dp_count(person_id)') m GROUP BY 1;
    RESET SESSION AUTHORIZATION;
END
$$;
SELECT results_eq($$SELECT * FROM pg_temp.tables('t_other') ORDER BY length(d)$$, $$VALUES ('{}', 90::float8), ('{man}', 90)$$, 'ehds.marginals with a target');
SELECT throws_ok($$SELECT pg_temp.as_role('t_other', 'SELECT count(*) FROM ehds.marginals(''SELECT * FROM person'', ''{gender_concept_id}'', ''ehds.dp_count(person_id)'', weights => ''{1,2}'')')$$, '22023', 'ehds.set_weights and ehds.error_target are both set', 'where weights would share nothing');
RESET ehds.error_target;

SELECT * FROM finish();
REVOKE USAGE ON SCHEMA permit_open FROM t_auditor;
REVOKE SELECT ON permit_open.person FROM t_auditor;
