-- samplers.sql
--	Chi-square test of the samplers through the server: secure randomness included.
--
-- Cells are joined until 1,000 draws are expected in each. The critical value for d
-- degrees of freedom is d + 2 sqrt(d x) + 2 x with x = ln(1e9), which a chi-square
-- variable exceeds with a probability below 1e-9 (Laurent and Massart 2000, lemma 1).
-- Twelve tests that must pass are made: less than 1.2e-8 a run, far below one false alarm
-- in a million runs, whatever the approximation of Pearson's statistic by chi-square.
-- The mutants show that the statistic can reject.
SET client_min_messages = warning;
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS pg_ehds;

-- P(X <= x) of discrete Laplace noise
CREATE FUNCTION pg_temp.cdf(x float8, scale float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN x < 0 THEN exp(x / scale) / (1 + exp(-1 / scale))
                ELSE 1 - exp(-(x + 1) / scale) / (1 + exp(-1 / scale)) END
$$;

CREATE TEMP TABLE draw (x bigint);

-- statistic and critical value of the draws against a scale
CREATE FUNCTION pg_temp.chi_square(scale float8, OUT statistic float8, OUT critical float8, OUT cells int)
LANGUAGE plpgsql AS $$
DECLARE
    n int := (SELECT count(*) FROM draw);
    width bigint := greatest(1, floor(scale / 10));
BEGIN
    -- cells of equal width, symmetric about 0; the tails are cells of their own
    WITH half AS (
        SELECT count(*)::int AS h
        FROM generate_series(0, 200) i
        WHERE n * (pg_temp.cdf((i + 1) * width - 1, scale) - pg_temp.cdf(i * width - 1, scale)) >= 1000),
    cell AS (
        SELECT i,
               n * (CASE WHEN i = h THEN 1 ELSE pg_temp.cdf((i + 1) * width - 1, scale) END
                    - CASE WHEN i = -h - 1 THEN 0 ELSE pg_temp.cdf(i * width - 1, scale) END) AS expected
        FROM half, generate_series(-h - 1, h) i),
    seen AS (
        SELECT least(greatest(floor(x::float8 / width), -h - 1), h)::int AS i, count(*) AS observed
        FROM draw, half GROUP BY 1)
    SELECT sum((coalesce(observed, 0) - expected) ^ 2 / expected), count(*)
    INTO statistic, cells
    FROM cell LEFT JOIN seen USING (i);
    critical := (cells - 1) + 2 * sqrt((cells - 1) * ln(1e9)) + 2 * ln(1e9);
END
$$;

CREATE FUNCTION pg_temp.try(scale numeric) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r record;
BEGIN
    TRUNCATE draw;
    INSERT INTO draw SELECT ehds.discrete_laplace(scale) FROM generate_series(1, 200000);
    r := pg_temp.chi_square(scale);
    RETURN ok(r.statistic < r.critical AND r.cells >= 3,
              format('scale %s: %s below %s (%s cells)', scale, round(r.statistic::numeric, 1), round(r.critical::numeric, 1), r.cells));
END
$$;

CREATE FUNCTION pg_temp.mutant(what text, change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r record;
BEGIN
    TRUNCATE draw;
    EXECUTE format('INSERT INTO draw SELECT %s FROM (SELECT ehds.discrete_laplace(10) AS x FROM generate_series(1, 200000)) s', change);
    r := pg_temp.chi_square(10);
    RETURN ok(r.statistic > r.critical,
              format('%s: %s above %s', what, round(r.statistic::numeric, 1), round(r.critical::numeric, 1)));
END
$$;

-- The discrete Gaussian: its masses are summed up in the cells of the draws. Above 1000
-- the draws are put on a grid of sigma / 1000 first, where the mass of a step differs from
-- the integral over it by 4e-8 of itself.
CREATE FUNCTION pg_temp.gaussian(sigma numeric, change text DEFAULT 'x', OUT statistic float8, OUT critical float8, OUT cells int)
LANGUAGE plpgsql AS $$
DECLARE
    s float8 := least(sigma, 1000);
    width bigint := greatest(1, 2 * floor(s / 20) - 1);
    n int := 200000;
BEGIN
    TRUNCATE draw;
    EXECUTE format('INSERT INTO draw SELECT floor((%s)::float8 / $1 + 0.5) FROM (SELECT ehds.discrete_gaussian($2) AS x FROM generate_series(1, $3)) s', change)
    USING sigma::float8 / s, sigma, n;
    WITH mass AS (
        SELECT x, exp(-(x::float8 ^ 2) / (2 * s ^ 2)) AS p
        FROM generate_series(-ceil(12 * s)::bigint, ceil(12 * s)::bigint) x
      ),
    cell AS (
        SELECT sign(x)::bigint * ((abs(x) + width / 2) / width) AS i, n * sum(p) / (SELECT sum(p) FROM mass) AS expected
        FROM mass GROUP BY 1),
    edge AS (
        SELECT max(i) AS h FROM (SELECT i, sum(expected) OVER (ORDER BY i DESC) AS tail FROM cell) t WHERE tail >= 1000),
    wanted AS (
        SELECT least(greatest(i, -h), h) AS i, sum(expected) AS expected FROM cell, edge GROUP BY 1),
    seen AS (
        SELECT least(greatest(sign(x)::bigint * ((abs(x) + width / 2) / width), -h), h) AS i, count(*) AS observed
        FROM draw, edge GROUP BY 1)
    SELECT sum((coalesce(observed, 0) - expected) ^ 2 / expected), count(*)
    INTO statistic, cells
    FROM wanted LEFT JOIN seen USING (i);
    critical := (cells - 1) + 2 * sqrt((cells - 1) * ln(1e9)) + 2 * ln(1e9);
END
$$;

CREATE FUNCTION pg_temp.try_gaussian(sigma numeric) RETURNS text LANGUAGE sql AS $$
    SELECT ok(statistic < critical AND cells >= 3,
              format('sigma %s: %s below %s (%s cells)', sigma, round(statistic::numeric, 1), round(critical::numeric, 1), cells))
    FROM pg_temp.gaussian(sigma)
$$;

CREATE FUNCTION pg_temp.gaussian_mutant(what text, change text, sigma numeric) RETURNS text LANGUAGE sql AS $$
    SELECT ok(statistic > critical,
              format('%s: %s above %s', what, round(statistic::numeric, 1), round(critical::numeric, 1)))
    FROM pg_temp.gaussian(sigma, change)
$$;

SELECT plan(29);

SELECT pg_temp.try(0.3);
SELECT pg_temp.try(1);
SELECT pg_temp.try(3.33);
SELECT pg_temp.try(10);
SELECT pg_temp.try(1000);
SELECT pg_temp.try(1e15);

SELECT pg_temp.mutant('noise halved', 'x / 2');
SELECT pg_temp.mutant('geometric off by one', 'x + sign(x)::int');
SELECT pg_temp.mutant('zero left out', 'CASE WHEN x = 0 THEN 1 ELSE x END');

-- each draw is something else than 0 with a probability of 2 exp(-1e6)
SELECT is((SELECT count(*) FROM generate_series(1, 1000) WHERE ehds.discrete_laplace(0.000001) <> 0), 0::bigint,
          'noise of a tiny scale is 0');

-- two sessions, or two draws, do not repeat each other: at this scale equal values
-- among 1,000 draws have a probability below 1e-9
SELECT is(count(DISTINCT ehds.discrete_laplace(4e15)), 1000::bigint, 'draws do not repeat')
FROM generate_series(1, 1000);

SELECT throws_ok('SELECT ehds.discrete_laplace(0)', '22023', 'noise scale out of range', 'a scale of 0');
SELECT throws_ok('SELECT ehds.discrete_laplace(1e16)', '22023', 'noise scale out of range', 'a scale that is too large');
SELECT ok(NOT has_function_privilege('public', 'ehds.discrete_laplace(numeric)', 'EXECUTE'), 'it is not for PUBLIC');

-- the discrete Gaussian
SELECT pg_temp.try_gaussian(0.5);
SELECT pg_temp.try_gaussian(1);
SELECT pg_temp.try_gaussian(3.33);
SELECT pg_temp.try_gaussian(1000);
SELECT pg_temp.try_gaussian(1e9);
SELECT pg_temp.try_gaussian(2147483648);

SELECT pg_temp.gaussian_mutant('noise halved', 'x / 2', 10);
SELECT pg_temp.gaussian_mutant('zero left out', 'CASE WHEN x = 0 THEN 1 ELSE x END', 3.33);
SELECT pg_temp.gaussian_mutant('Laplace noise of the same deviation', 'ehds.discrete_laplace(7.07) + 0 * x', 10);

-- each draw is something else than 0 with a probability of 2 exp(-500000)
SELECT is((SELECT count(*) FROM generate_series(1, 1000) WHERE ehds.discrete_gaussian(0.001) <> 0), 0::bigint,
          'Gaussian noise of a tiny sigma is 0');

SELECT throws_ok('SELECT ehds.discrete_gaussian(0)', '22023', 'sigma of the noise out of range', 'a sigma of 0');
SELECT throws_ok('SELECT ehds.discrete_gaussian(2147483649)', '22023', 'sigma of the noise out of range', 'a sigma that is too large');
SELECT throws_ok('SELECT ehds.discrete_gaussian(0.0000000001)', '22023', 'sigma of the noise out of range', 'a sigma with too many decimals');
SELECT throws_ok('SELECT ehds.discrete_gaussian(1234567890.5)', '22023', 'sigma of the noise out of range', 'a sigma with too many digits');
SELECT ok(NOT has_function_privilege('public', 'ehds.discrete_gaussian(numeric)', 'EXECUTE'), 'it is not for PUBLIC either');

SELECT * FROM finish();
ROLLBACK;
