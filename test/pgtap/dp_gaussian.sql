-- dp_gaussian.sql
--	Thresholds and intervals of discrete Gaussian noise against its mass function, and
--	the divergence of a release, in numeric with 60 decimals. Nothing is random.
--
-- P(x) is proportional to exp(-x^2 / (2 sigma^2)). The threshold of a keyed release is
-- the least t with P(X >= t) <= delta / max_groups; the noise moves by one person, so
-- the Renyi divergence of order alpha of X and X + 1 must be at most alpha / (2 sigma^2).
SET client_min_messages = warning;
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS pg_ehds;

CREATE TEMP TABLE noise (x int PRIMARY KEY, p numeric, tail numeric);    -- tail: P(X >= x)

CREATE FUNCTION pg_temp.make_noise(sigma numeric) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    reach int := ceil(16 * sigma) + 2;
BEGIN
    TRUNCATE noise;
    INSERT INTO noise
    WITH weight AS (
        SELECT x, exp(round(-(x * x) / (2 * sigma * sigma), 60)) AS w FROM generate_series(-reach, reach) x),
    mass AS (SELECT x, round(w / sum(w) OVER (), 70) AS p FROM weight)
    SELECT x, p, sum(p) OVER (ORDER BY x DESC) FROM mass;
END
$$;

CREATE FUNCTION pg_temp.try_threshold(sigma numeric, delta numeric, max_groups int) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    t bigint := ehds.dp_threshold_gaussian(sigma, delta, max_groups);
    w bigint := ehds.dp_interval_gaussian(sigma);
    d numeric := round(delta, 70) / max_groups;
BEGIN
    PERFORM pg_temp.make_noise(sigma);
    RETURN NEXT ok((SELECT coalesce(max(tail), 0) FROM noise WHERE x = t) <= d,
                   format('sigma %s, delta %s, %s groups: %s keeps delta', sigma, delta, max_groups, t));
    RETURN NEXT ok(t = 1 OR (SELECT tail FROM noise WHERE x = t - 1) > d, '... and is the least that does');
    RETURN NEXT ok((SELECT sum(p) FROM noise WHERE abs(x) <= w) >= 0.95, format('... %s persons either way hold 95 %%', w));
    RETURN NEXT ok(w = 0 OR (SELECT sum(p) FROM noise WHERE abs(x) < w) < 0.95, '... and are the least that do');
END
$$;

-- exp((alpha - 1) D) = sum of P(x)^alpha P(x - 1)^(1 - alpha), at most exp((alpha - 1) alpha rho)
CREATE FUNCTION pg_temp.divergence_kept(sigma numeric, rho numeric, alpha int) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT sum(exp(round(alpha * ln(a.p) + (1 - alpha) * ln(b.p), 60))) <= exp(round((alpha - 1) * alpha * rho, 60)) * (1 + 1e-40)
    FROM noise a JOIN noise b ON b.x = a.x - 1
    WHERE abs(a.x) <= ceil(8 * sigma) + alpha
$$;

SELECT no_plan();

SELECT pg_temp.try_threshold(sigma, delta, max_groups)
FROM (VALUES (0.000000001, 1e-8, 1), (0.05, 1e-8, 1), (0.3, 1e-18, 1000000), (1, 1e-6, 1), (1, 0.4, 1), (1.64398988, 1e-8, 3),
             (2, 1e-18, 5), (3.1622777, 1e-8, 5), (10, 5e-10, 1), (31.6227767, 1e-12, 10), (100, 1e-9, 100), (7, 0.999999999999999999, 1))
     AS t (sigma, delta, max_groups);

-- above sigma 1024 the bound of the continuous tail is taken: one more at most
SELECT ok(ehds.dp_threshold_gaussian(1024, 1e-8, 5) - ehds.dp_threshold_gaussian(1024.001, 1e-8, 5) BETWEEN -1 AND 0,
          'the two ways to compute a threshold meet');
SELECT ok(ehds.dp_interval_gaussian(1024) - ehds.dp_interval_gaussian(1024.001) BETWEEN -1 AND 0,
          'and so do those to compute an interval');
SELECT ok(t / 6.0 BETWEEN 2147483648.0 * 0.99 AND 2147483648.0 * 1.01, 'the widest noise') FROM ehds.dp_threshold_gaussian(2147483648, 9.87e-10, 1) t;

-- sigma is the least that rho allows, and the release then costs at most rho: the mutants that
-- leave max_groups out of rho, halve the noise or round rho down fail here
SELECT ok(ehds.zcdp_rho_gaussian(s, g) <= r AND ehds.zcdp_rho_gaussian(s - 0.000001, g) > r, format('rho %s, %s groups: sigma %s', r, g, s))
FROM (VALUES (0.005, 1), (0.005, 5), (0.125, 3), (0.02, 100)) AS t (r, g), ehds.dp_noise_sigma(r, g) s;
SELECT pg_temp.make_noise(ehds.dp_noise_sigma(0.125));
SELECT ok(pg_temp.divergence_kept(ehds.dp_noise_sigma(0.125), 0.125, alpha), format('divergence of order %s', alpha))
FROM unnest('{2,3,5,8,16}'::int[]) alpha;
SELECT pg_temp.make_noise(ehds.dp_noise_sigma(0.125) / 2);
SELECT ok(NOT pg_temp.divergence_kept(ehds.dp_noise_sigma(0.125) / 2, 0.125, 2), 'noise halved breaks it');

-- what was spent, as epsilon: the other inverse of the conversion
SELECT ok(ehds.zcdp_delta(r, e) <= d AND ehds.zcdp_delta(r, e - 0.000000001) > d, format('rho %s at delta %s is epsilon %s', r, d, e))
FROM (VALUES (0.185, 1e-6), (0.005, 5e-9), (0.000001, 1e-8), (10, 1e-12), (0.5, 0.3)) AS t (r, d), ehds.zcdp_epsilon(r, d) e;
SELECT ok(ehds.zcdp_epsilon(ehds.zcdp_rho(e, d), d) <= e, format('(%s, %s) is not exceeded by its own rho', e, d))
FROM (VALUES (3, 1e-6), (3, 5e-9), (0.1, 1e-8), (1000, 1e-18)) AS t (e, d);
SELECT is(ehds.zcdp_epsilon(500000, 1e-8), NULL, 'more than can be told');

-- errors
SELECT throws_ok(format('SELECT ehds.dp_threshold_gaussian(%s)', a), '22023', NULL, a)
FROM unnest(ARRAY['0, 1e-8', '-1, 1e-8', '''NaN'', 1e-8', '2147483649, 1e-8', '1.0000000001, 1e-8', '1, 0', '1, 1', '1, 1e-8, 0', '1, 1e-8, 1000001']) a;
SELECT throws_ok('SELECT ehds.dp_interval_gaussian(0)', '22023', NULL, 'no interval of no noise');
SELECT throws_ok('SELECT ehds.zcdp_epsilon(0, 1e-8)', '22023', NULL, 'rho 0');
SELECT throws_ok('SELECT ehds.dp_release_gaussian(100, 10, 0, 20, 1, true, NULL)', 'ZE004', NULL, 'no release without an approval');

SELECT * FROM finish();
ROLLBACK;
