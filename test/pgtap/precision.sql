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
SELECT throws_ok(format('SET ehds.error_target = %L', v), '22023', NULL, 'ehds.error_target ' || v) FROM unnest(ARRAY['0', '-1', 'ten', '1e2', '0.0000000001', 'NaN']) v;
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
-- of every figure with an absolute error: what is told keeps the target, and with one unit of epsilon less it would not
CREATE FUNCTION pg_temp.widest(who text, query text, target text, epsilon text, OUT half_width float8, OUT eps text, OUT n bigint, OUT epsilons bigint) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ehds.error_target', target, true), set_config('ehds.epsilon', epsilon, true), set_config('ehds.max_groups', '0', true), set_config('search_path', CASE who WHEN 't_other' THEN 'permit_open' ELSE 'permit_z' END || ', omop, pg_catalog', true);
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', who);
    SELECT max(x.half_width) FILTER (WHERE column_name NOT LIKE '(selection%'), max(substring(remark FROM 'ehds.epsilon ([0-9.]+) by ehds.error_target')), count(*), count(DISTINCT coalesce(x.epsilon, x.rho)) INTO half_width, eps, n, epsilons FROM ehds.explain_privacy(query) x WHERE item = 'figure';
    RESET SESSION AUTHORIZATION;
END
$$;
CREATE TEMP TABLE kept AS SELECT who, query, target, w.half_width, w.n, w.epsilons, w.eps, b.half_width AS at_it, c.half_width AS below FROM unnest('{t_other,t_zuser}'::text[]) who, (VALUES
    ('SELECT ehds.dp_rows(person_id, 7) AS n FROM condition_occurrence', '50'), ('SELECT ehds.dp_rows(person_id, 7) AS n FROM condition_occurrence GROUP BY condition_concept_id', '333.5'),
    ('SELECT ehds.dp_sum(person_id, year_of_birth, -100, 2100, 3) AS n FROM person', '2000'), ('SELECT ehds.dp_sum(person_id, year_of_birth / 7.0, 0, 300) AS n FROM person', '12.3456'), ('SELECT ehds.dp_sum(person_id, year_of_birth / 7.0, 0, 0.3) AS n FROM person', '0.3'),
    ('SELECT ehds.dp_sum(person_id, year_of_birth, 0, 2100, 40) AS n, condition_concept_id FROM condition_occurrence JOIN person USING (person_id) GROUP BY 2', '80000000'), ('SELECT ehds.dp_sum(person_id, year_of_birth, 0, 1000000000) AS n FROM person', '9000000000'),
    ('SELECT ehds.dp_count_distinct(person_id, condition_concept_id, 4) AS n FROM condition_occurrence', '30'), ('SELECT ehds.dp_median(person_id, year_of_birth, 1900, 2020) AS n FROM person', '25'), ('SELECT ehds.dp_quantile(person_id, year_of_birth, 0.9, 1900, 2020) AS n FROM person GROUP BY gender_concept_id', '40'),
    ('SELECT ehds.dp_histogram(person_id, year_of_birth, 1900, 2020, 12) AS n FROM person', '15'), ('SELECT ehds.dp_count(person_id) FILTER (WHERE year_of_birth > 1950) AS n FROM person', '9'), ('SELECT gender_concept_id = 8507, ehds.dp_count(person_id) AS n FROM person GROUP BY 1', '9'),
    ('SELECT ehds.dp_count(person_id) AS n, ehds.dp_sum(person_id, year_of_birth, 0, 20) AS s, ehds.dp_median(person_id, year_of_birth, 1900, 2020) AS m FROM person', '60'), ('SELECT gender_concept_id, ehds.dp_count(person_id) AS n, ehds.dp_rows(person_id, 3) AS r FROM person GROUP BY 1', '60'),
    ('SELECT gender_concept_id = 8507, ehds.dp_count(person_id) AS n FROM person GROUP BY ROLLUP (1)', '7')) q(query, target),
    LATERAL pg_temp.widest(who, query, target, '') w, LATERAL pg_temp.widest(who, query, '', w.eps) b, LATERAL pg_temp.widest(who, query, '', ((w.eps::numeric - CASE who WHEN 't_other' THEN 0.000000001 ELSE w.eps::numeric / 10000 END)::numeric(18, 9))::text) c;
SELECT ok(half_width <= target::float8 AND n > 0 AND (query ~ 'ROLLUP' OR (at_it = half_width AND below > target::float8)), format('%s: ± %s costs epsilon %s, ± %s (%s with less) %s', who, target, eps, half_width, below, query)) FROM kept;
SELECT ok(bool_and(epsilons = 1 AND n = CASE WHEN query ~ 'AS m' THEN 3 ELSE 2 END), 'several figures have one epsilon') FROM kept WHERE query ~ 'AS [rm]';
CREATE TEMP TABLE alone AS SELECT query, eps FROM unnest('{"ehds.dp_count(person_id) AS n, ehds.dp_sum(person_id, year_of_birth, 0, 20) AS s","ehds.dp_sum(person_id, year_of_birth, 0, 20) AS s"}'::text[]) query, pg_temp.widest('t_other', format('SELECT %s FROM person', query), '60', '');
SELECT is(count(DISTINCT eps), 1::bigint, 'that of the one that needs most') FROM alone;
SELECT set_config('ehds.error_target', '50', false);
SELECT matches(pg_temp.explained('t_other', format('SELECT %s FROM person', a)), '^refused \| ZE002: ehds.error_target is not for averages, variances and standard deviations', 'no target for ' || a) FROM unnest('{"ehds.dp_avg(person_id, year_of_birth, 0, 1)","ehds.dp_count(person_id), ehds.dp_variance(person_id, year_of_birth, 0, 1)","ehds.dp_stddev(person_id, year_of_birth, 0, 1)"}'::text[]) a;
SELECT matches(pg_temp.explained('t_other', 'SELECT ehds.dp_sum(person_id, year_of_birth, 0, 1000000000) FROM person'), '^refused \| ZE003: no epsilon up to 1000 reaches the ehds.error_target of 50', 'a target that nothing reaches');
SELECT set_config('ehds.error_target', '1', false);
SELECT ok(bool_or(x ~ '^refused . ZE003: the privacy budget does not allow the query: epsilon [0-9.]+ asked, 3 left'), 'a target that the permit cannot pay, explained') FROM pg_temp.explained('t_other', 'SELECT ehds.dp_sum(person_id, year_of_birth, 0, 9) FROM person') x;
SELECT throws_ok($$SELECT pg_temp.as_role('t_other', 'SELECT ehds.dp_sum(person_id, year_of_birth, 0, 9) FROM person')$$, 'ZE003', NULL, 'and when running');
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

SELECT * FROM finish();
REVOKE USAGE ON SCHEMA permit_open FROM t_auditor;
REVOKE SELECT ON permit_open.person FROM t_auditor;
