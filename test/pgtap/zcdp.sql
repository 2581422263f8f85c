-- zcdp.sql
--	The conversion of zCDP against its formula, in numeric with 60 decimals.
--
-- delta(rho, epsilon) is the infimum over alpha > 1 of exp((alpha - 1) (alpha rho -
-- epsilon)) / (alpha - 1) * (1 - 1 / alpha)^alpha. Its logarithm is minimised by ternary
-- search over alpha - 1; an alpha that is off by 1e-9 of itself raises delta by about
-- 1e-18 of itself, so the search says "least" up to a slack of 1e-15. Nothing is random.
SET client_min_messages = warning;
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS pg_ehds;

CREATE FUNCTION pg_temp.delta_at(b numeric, rho numeric, epsilon numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT b * ((1 + b) * rho - epsilon) - ln(b) + (1 + b) * (ln(b) - ln(1 + b))
$$;

CREATE FUNCTION pg_temp.delta(rho numeric, epsilon numeric) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    low numeric := round(1e-6, 60);
    high numeric := round(epsilon / rho + 1000, 60);
    left_b numeric;
    right_b numeric;
BEGIN
    -- thirds of the exponent while the ends are far apart, thirds of the interval then
    FOR i IN 1..90 LOOP
        IF high > 4 * low THEN
            left_b := round(low * 1.4, 60);
            right_b := round(high / 1.4, 60);
        ELSE
            left_b := round(low + (high - low) / 3, 60);
            right_b := round(high - (high - low) / 3, 60);
        END IF;
        IF pg_temp.delta_at(left_b, rho, epsilon) < pg_temp.delta_at(right_b, rho, epsilon) THEN
            high := right_b;
        ELSE
            low := left_b;
        END IF;
    END LOOP;
    RETURN exp(pg_temp.delta_at(low, rho, epsilon));
END
$$;

CREATE FUNCTION pg_temp.try_delta(r numeric, e numeric) RETURNS text LANGUAGE sql AS $$
    SELECT ok(ours >= exact * (1 - 1e-15) AND ours <= exact * (1 + 1e-9) + 1e-18,
              format('delta(%s, %s) = %s, at most %s', r, e, round(exact, 22), ours))
    FROM (SELECT pg_temp.delta(r, e) AS exact, ehds.zcdp_delta(r, e) AS ours) d
$$;

-- the rho of a pair keeps its delta, and a billionth more does not
CREATE FUNCTION pg_temp.try_rho(e numeric, d numeric) RETURNS text LANGUAGE sql AS $$
    SELECT ok(pg_temp.delta(r, e) <= d AND pg_temp.delta(r * (1 + 1e-9) + 1e-12, e) > d,
              format('rho(%s, %s) = %s', e, d, r))
    FROM (SELECT ehds.zcdp_rho(e, d) AS r) x
$$;

SELECT plan(17);

SELECT pg_temp.try_delta(0.185, 3);
SELECT pg_temp.try_delta(0.01, 1);
SELECT pg_temp.try_delta(1, 1);
SELECT pg_temp.try_delta(0.0002, 0.1);
SELECT pg_temp.try_delta(100, 200);

SELECT pg_temp.try_rho(3, 1e-6);
SELECT pg_temp.try_rho(1, 1e-8);
SELECT pg_temp.try_rho(0.1, 1e-8);
SELECT pg_temp.try_rho(10, 1e-12);
SELECT pg_temp.try_rho(0.5, 0.001);

SELECT is(trunc(ehds.zcdp_rho(3, 1e-6), 3), 0.185, '(3, 1e-6) allows rho 0.185');

-- What a pair allows can be spent in equal parts on Gaussian noise
SELECT cmp_ok(13 * ehds.zcdp_rho_gaussian(ehds.dp_noise_sigma(trunc(ehds.zcdp_rho(3, 1e-6) / 13, 12))), '<=', ehds.zcdp_rho(3, 1e-6),
              'thirteen thirteenths of a budget fit into it');

-- Rounding: never to the cheaper side, exact in numeric
SELECT is(count(*), 0::bigint, 'costs are rounded up')
FROM generate_series(1, 2000) i, LATERAL (SELECT i * 0.000000777 AS e) x
WHERE ehds.zcdp_rho_pure(e) NOT BETWEEN e * e / 2 AND e * e / 2 + 1e-12
   OR ehds.zcdp_rho_exponential(e) NOT BETWEEN e * e / 8 AND e * e / 8 + 1e-12;
SELECT is(count(*), 0::bigint, 'and those of Gaussian noise')
FROM generate_series(1, 200) i, generate_series(1, 7, 3) g, LATERAL (SELECT i * 0.37 AS s) x
WHERE ehds.zcdp_rho_gaussian(s, g, i) * 2 * s * s NOT BETWEEN g * i ^ 2::numeric AND g * i ^ 2::numeric + 2e-12 * s * s;
SELECT is(count(*), 0::bigint, 'noise is rounded up, by 1e-8 of itself at most')
FROM generate_series(1, 300) i, generate_series(1, 7, 3) g, LATERAL (SELECT i * 0.00123 AS r) x,
     LATERAL (SELECT ehds.dp_noise_sigma(r, g, i) AS s) y
WHERE s * s * 2 * r < g * i ^ 2::numeric OR s * s * 2 * r > g * i ^ 2::numeric * 1.00000003
   OR ehds.zcdp_rho_gaussian(s, g, i) > r;

SELECT is(count(*), 0::bigint, 'more rho is never less delta')
FROM generate_series(1, 400) i WHERE ehds.zcdp_delta(i * 0.001, 2) < ehds.zcdp_delta(greatest(i - 1, 1) * 0.001, 2);
SELECT is(count(*), 0::bigint, 'more epsilon is never less rho')
FROM generate_series(2, 400) i WHERE ehds.zcdp_rho(i * 0.01, 1e-8) <= ehds.zcdp_rho((i - 1) * 0.01, 1e-8);

SELECT * FROM finish();
ROLLBACK;
