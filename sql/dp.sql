-- dp: thresholds, precision and errors of differentially private counts
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_ehds;
RESET client_min_messages;

-- thresholds
SELECT epsilon, delta, max_groups, ehds.dp_threshold(epsilon, delta, max_groups)
FROM (VALUES (1, 1e-6, 1), (1, 1e-6, 3), (0.1, 1e-8, 1), (0.1, 1e-8, 5), (3, 1e-8, 1), (1000, 0.5, 1),
             (1, 0.999999999999999999, 1), (0.000000001, 0.000000000000000001, 1000000))
     AS t (epsilon, delta, max_groups);
SELECT ehds.dp_threshold(1, 1e-6);
SELECT ehds.dp_threshold(NULL, 1e-6, 1) IS NULL AS "NULL gives NULL";

-- precision
SELECT ehds.dp_noise_scale(0.1)::float8, ehds.dp_noise_scale(0.1, 5)::float8, ehds.dp_noise_scale(3, 1)::float8;
SELECT ehds.dp_interval(1), ehds.dp_interval(0.1), ehds.dp_interval(10);
SELECT ehds.dp_interval(1, 1e-6, 1), ehds.dp_interval(0.1, 1e-8, 5), ehds.dp_interval(1, 0.5, 1);

-- accounting in zCDP: what a pair allows, what releases cost, noise for a cost
SELECT epsilon, delta, ehds.zcdp_rho(epsilon, delta) AS rho, ehds.zcdp_delta(ehds.zcdp_rho(epsilon, delta), epsilon) <= delta AS kept
FROM (VALUES (3, 1e-6), (1, 1e-6), (3, 1e-8), (0.1, 1e-8), (1000, 1e-18)) AS t (epsilon, delta);
SELECT ehds.zcdp_rho(0.000000001, 1e-18) AS "nothing";
SELECT ehds.zcdp_delta(0.185, 3), ehds.zcdp_delta(0.5, 3), ehds.zcdp_delta(500000, 1), ehds.zcdp_delta(0.01, 100);
SELECT ehds.zcdp_rho_pure(1), ehds.zcdp_rho_pure(0.000003), ehds.zcdp_rho_exponential(1), ehds.zcdp_rho_exponential(0.000003);
SELECT ehds.zcdp_rho_gaussian(1), ehds.zcdp_rho_gaussian(3, 5, 7), ehds.zcdp_rho_gaussian(1.64398988);
SELECT ehds.dp_noise_sigma(0.185), ehds.dp_noise_sigma(0.185, 5), ehds.dp_noise_sigma(0.00925, 5, 1000000);
SELECT ehds.zcdp_rho(NULL, 1e-6) IS NULL AS "NULL gives NULL";

-- values out of range
\set VERBOSITY sqlstate
SELECT ehds.dp_threshold(0, 1e-6, 1);
SELECT ehds.discrete_laplace(-1);
SELECT ehds.dp_count(1);
\set VERBOSITY default
SELECT ehds.dp_threshold(0, 1e-6, 1);
SELECT ehds.dp_threshold(-1, 1e-6, 1);
SELECT ehds.dp_threshold('NaN', 1e-6, 1);
SELECT ehds.dp_threshold('Infinity', 1e-6, 1);
SELECT ehds.dp_threshold(1001, 1e-6, 1);
SELECT ehds.dp_threshold(0.0000000001, 1e-6, 1);
SELECT ehds.dp_threshold(1e100, 1e-6, 1);
SELECT ehds.dp_threshold(1, 0, 1);
SELECT ehds.dp_threshold(1, 1, 1);
SELECT ehds.dp_threshold(1, 'NaN', 1);
SELECT ehds.dp_threshold(1, 1e-19, 1);
SELECT ehds.dp_threshold(1, 1e-6, 0);
SELECT ehds.dp_threshold(1, 1e-6, 1000001);
SELECT ehds.dp_noise_scale(0);
SELECT ehds.dp_noise_scale(1, 0);
SELECT ehds.dp_interval(-1);
SELECT ehds.dp_interval(1, 0, 1);
SELECT ehds.discrete_laplace('NaN');
SELECT ehds.discrete_laplace(0.0000000000000000001);
SELECT ehds.discrete_laplace(1e30);

SELECT ehds.discrete_gaussian('NaN');
SELECT ehds.discrete_gaussian('Infinity');
SELECT ehds.zcdp_rho(0, 1e-6);
SELECT ehds.zcdp_rho(1, 0);
SELECT ehds.zcdp_delta(0, 1);
SELECT ehds.zcdp_delta('NaN', 1);
SELECT ehds.zcdp_delta(500000.1, 1);
SELECT ehds.zcdp_delta(0.0000000000001, 1);
SELECT ehds.zcdp_rho_pure(-1);
SELECT ehds.zcdp_rho_exponential(1001);
SELECT ehds.zcdp_rho_gaussian(0);
SELECT ehds.zcdp_rho_gaussian('-Infinity');
SELECT ehds.zcdp_rho_gaussian(1234567890.5);
SELECT ehds.zcdp_rho_gaussian(0.000001);
SELECT ehds.zcdp_rho_gaussian(1, 0);
SELECT ehds.dp_noise_sigma(1, 1, 0);
SELECT ehds.dp_noise_sigma(0.000000000001, 1, 3038);

-- dp_count is only a word for the gate, whatever its input
SELECT ehds.dp_count(x) FROM generate_series(1, 3) x;
SELECT ehds.dp_count(x::bigint) FROM generate_series(1, 3) x;
SELECT ehds.dp_count(x::text) FROM generate_series(1, 3) x;
SELECT ehds.dp_count('00000000-0000-0000-0000-000000000000'::uuid);
SELECT ehds.dp_count(x) FROM generate_series(1, 0) x;
SELECT ehds.dp_count(NULL::bigint);

-- no release and no hash without an approval, not even for a superuser
SELECT ehds.dp_release(100, 1000000000, 1, 14, 1, true, NULL);
SELECT ehds.bounding_hash('a', 'b', NULL);
SELECT ehds.dp_release(NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- what PUBLIC may call, and how the planner may treat it
SELECT p.oid::regprocedure AS function, p.provolatile AS volatile, p.proparallel AS parallel, p.proisstrict AS strict,
       has_function_privilege('public', p.oid, 'EXECUTE') AS public
FROM pg_proc p
WHERE p.pronamespace = 'ehds'::regnamespace
  AND p.proname IN ('bounding_hash', 'discrete_gaussian', 'discrete_laplace', 'dp_count', 'dp_count_refuse',
                    'dp_interval', 'dp_noise_scale', 'dp_noise_sigma', 'dp_release', 'dp_threshold', 'zcdp_delta',
                    'zcdp_rho', 'zcdp_rho_exponential', 'zcdp_rho_gaussian', 'zcdp_rho_pure')
ORDER BY p.oid::regprocedure::text COLLATE "C";
