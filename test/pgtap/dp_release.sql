-- dp_release.sql
--	The differential privacy of a keyed release, by enumeration of its mass function.
--
-- For a pair of neighbouring counts n and n + 1 of one group, the least delta with
-- which P(M(n) in S) <= exp(e) P(M(n+1) in S) + delta holds for all sets S of
-- outcomes is the sum, over the outcomes, of max(0, P(M(n) = y) - exp(e)
-- P(M(n+1) = y)); "nothing is released" is an outcome, and n = 0 is an absent
-- group. It is computed in numeric with 70 decimals, from the definition of the
-- mechanism: truncated discrete Laplace noise at e = epsilon / max_groups, cut at
-- tau = ehds.dp_threshold(), added to max(n - k + 1, 0), shown above tau. It must be
-- at most d = delta / max_groups, both ways; max_groups groups of a person then
-- compose to (epsilon, delta). That the C code has this mass function is shown by
-- test/unit/samplers.c. Here nothing is random.
--
-- Truth and bound are equal for many outcomes (noise loses exactly exp(e) a step), so
-- roundings of 1e-70 remain: a slack of 1e-60 is allowed, 40 orders below any delta.
SET client_min_messages = warning;
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS pg_ehds;

-- P(X = x) of the noise; tail[x] = P(X > x)
CREATE TEMP TABLE noise (x int PRIMARY KEY, p numeric, tail numeric);

CREATE FUNCTION pg_temp.make_noise(e numeric, tau int) RETURNS void LANGUAGE sql AS $$
    TRUNCATE noise;
    INSERT INTO noise
    WITH weight AS (
        SELECT x, exp(-abs(x) * round(e, 70)) AS w FROM generate_series(-tau, tau) x),
    total AS (SELECT sum(w) AS c FROM weight)
    SELECT x, round(w / round(c, 80), 80), NULL FROM weight, total;
    UPDATE noise SET tail = t.tail
    FROM (SELECT x, sum(p) OVER (ORDER BY x DESC) - p AS tail FROM noise) t
    WHERE t.x = noise.x;
$$;

-- What the mechanism adds the noise to, and what a release adds back
CREATE FUNCTION pg_temp.input(n int, k int, mutant text) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN mutant = 'unshifted' THEN CASE WHEN n < k THEN 0 ELSE n END
                ELSE greatest(n - k + 1, 0) END
$$;

-- The least delta of M(a) against M(b), at e_claimed, with the noise in the table
CREATE FUNCTION pg_temp.least_delta(a int, b int, tau int, k int, e_claimed numeric, mutant text DEFAULT '')
RETURNS numeric LANGUAGE sql STABLE AS $$
    WITH m AS (SELECT pg_temp.input(a, k, mutant) AS ma, pg_temp.input(b, k, mutant) AS mb,
                      exp(round(e_claimed, 70)) AS factor),
    outcome AS (
        SELECT pa.p AS pa, coalesce(pb.p, 0) AS pb, factor
        FROM m CROSS JOIN noise pa LEFT JOIN noise pb ON pb.x = ma + pa.x - mb
        WHERE ma + pa.x > tau
        UNION ALL
        SELECT 1 - coalesce((SELECT tail FROM noise WHERE x = tau - ma), CASE WHEN tau - ma >= tau THEN 0 ELSE 1 END),
               1 - coalesce((SELECT tail FROM noise WHERE x = tau - mb), CASE WHEN tau - mb >= tau THEN 0 ELSE 1 END),
               factor
        FROM m)
    SELECT sum(greatest(pa - factor * pb, 0)) FROM outcome
$$;

CREATE TEMP TABLE config (epsilon numeric, delta numeric, max_groups int, k int);
INSERT INTO config VALUES
    (1,    1e-6,  1, 1),
    (1,    1e-6,  1, 11),
    (1,    1e-6,  3, 1),
    (1,    1e-6,  3, 11),
    (0.1,  1e-8,  1, 5),
    (0.5,  1e-8,  5, 11),
    (3,    1e-9,  2, 2),
    (0.3,  1e-12, 1, 1),
    (10,   1e-18, 1, 3),
    (0.01, 0.1,   1, 2),        -- tau below the scale
    (0.25, 0.5,   2, 1);

-- All counts up to beyond 2 tau, where a group is always shown; for a wide tau, all
-- that lie near a change of regime: absent, pre-threshold, tau, 2 tau.
CREATE FUNCTION pg_temp.worst(c config, tau int, mutant text, e_claimed numeric)
RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT max(greatest(pg_temp.least_delta(n, n + 1, tau, c.k, e_claimed, mutant),
                        pg_temp.least_delta(n + 1, n, tau, c.k, e_claimed, mutant)))
    FROM generate_series(0, c.k + 2 * tau + 3) n
    WHERE tau <= 60 OR n <= c.k + 3 OR n % 97 = 0
       OR n - c.k BETWEEN tau - 3 AND tau + 3 OR n - c.k BETWEEN 2 * tau - 3 AND 2 * tau + 3
$$;

CREATE FUNCTION pg_temp.check_all() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    c config;
    e numeric;
    d numeric;
    tau int;
    worst numeric;
    what text;
BEGIN
    FOR c IN SELECT * FROM config LOOP
        e := round(c.epsilon, 75) / c.max_groups;
        d := round(c.delta, 75) / c.max_groups;
        tau := ehds.dp_threshold(c.epsilon, c.delta, c.max_groups);
        what := format('epsilon %s, delta %s, %s groups, k %s, tau %s', c.epsilon, c.delta, c.max_groups, c.k, tau);

        PERFORM pg_temp.make_noise(e, tau);
        worst := pg_temp.worst(c, tau, '', e);
        RETURN NEXT ok(worst <= d + 1e-60, what || ': delta holds both ways');
        RETURN NEXT ok(worst > 0 AND abs(worst - (SELECT p FROM noise WHERE x = tau)) < 1e-60,
                       what || ': the worst delta is P(X = tau)');
        RETURN NEXT ok(abs(pg_temp.least_delta(c.k, c.k - 1, tau, c.k, e) - worst) < 1e-60,
                       what || ': it is reached where a group appears');
        IF c.k > 1 THEN
            RETURN NEXT ok(pg_temp.least_delta(0, 1, tau, c.k, e) = 0 AND pg_temp.least_delta(1, 0, tau, c.k, e) = 0,
                           what || ': a single person below k changes nothing at all');
        END IF;

        -- tightness
        IF tau > 1 THEN
            PERFORM pg_temp.make_noise(e, tau - 1);
            RETURN NEXT ok(pg_temp.worst(c, tau - 1, '', e) > d + 1e-60, what || ': tau - 1 breaks it');
        END IF;

        -- the mutants; a delta above epsilon would hide their loss
        CONTINUE WHEN d >= e;
        PERFORM pg_temp.make_noise(2 * e, tau);
        RETURN NEXT ok(pg_temp.worst(c, tau, '', e) > d + 1e-60, what || ': noise halved breaks it');
        IF c.max_groups > 1 THEN
            PERFORM pg_temp.make_noise(e * c.max_groups, tau);
            RETURN NEXT ok(pg_temp.worst(c, tau, '', e) > d + 1e-60, what || ': max_groups left out of the scale breaks it');
        END IF;

        -- the pre-threshold must shift
        IF c.k > 1 THEN
            PERFORM pg_temp.make_noise(e, tau);
            RETURN NEXT ok(pg_temp.worst(c, tau, 'unshifted', e) > d + 1e-60, what || ': an unshifted pre-threshold breaks it');
        END IF;
    END LOOP;
END
$$;

SELECT no_plan();

SELECT is(ehds.dp_threshold(1, 1e-6, 1), 14::bigint, 'anchor: 14 for (1, 1e-6)');
SELECT is(ehds.dp_threshold(1, 1e-6, 3), 40::bigint, 'anchor: 40 for (1, 1e-6) and 3 groups');

-- the enumeration itself: masses add up to 1, and the noise is what it should be
SELECT pg_temp.make_noise(1, 14);
SELECT ok(abs(sum(p) - 1) < 1e-70 AND count(*) = 29, 'the masses add up to 1') FROM noise;
SELECT ok(abs((SELECT p FROM noise WHERE x = 3) / (SELECT p FROM noise WHERE x = 4) - exp(round(1::numeric, 70))) < 1e-55,
          'a step costs exactly e');
SELECT is((SELECT tail FROM noise WHERE x = 14), 0::numeric, 'nothing lies beyond tau');

SELECT pg_temp.check_all();

-- A release without key: pure epsilon, no threshold. Its loss is |x| - |x - 1| steps.
SELECT ok(bool_and(exp(-abs(x) * round(0.1, 70)) <= exp(round(0.1, 70)) * exp(-abs(x - 1) * round(0.1, 70)) + 1e-60
                   AND exp(-abs(x - 1) * round(0.1, 70)) <= exp(round(0.1, 70)) * exp(-abs(x) * round(0.1, 70)) + 1e-60),
          'a release without key is pure epsilon')
FROM generate_series(-500, 500) x;

SELECT * FROM finish();
ROLLBACK;
