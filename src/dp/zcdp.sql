-- zcdp: accounting in zero-concentrated differential privacy, for planning: functions of
-- public parameters, at no cost. All results are rounded to the safe side.

CREATE FUNCTION ehds.zcdp_rho(epsilon numeric, delta numeric) RETURNS numeric
    AS 'MODULE_PATHNAME', 'ehds_zcdp_rho_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ehds.zcdp_rho(numeric, numeric) IS
    'largest rho such that rho-zCDP is (epsilon, delta)-DP, rounded down to 12 decimals: the inverse of ehds.zcdp_delta. 0 if there is none. epsilon: 1e-9 to 1000, at most 9 decimals; delta: above 0, below 1, at most 18 decimals. NULL gives NULL; other values raise 22023. Canonne, Kamath, Steinke 2020';

CREATE FUNCTION ehds.zcdp_delta(rho numeric, epsilon numeric) RETURNS numeric
    AS 'MODULE_PATHNAME', 'ehds_zcdp_delta_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ehds.zcdp_delta(numeric, numeric) IS
    'delta for which rho-zCDP is (epsilon, delta)-DP, rounded up to 18 decimals: the infimum over alpha > 1 of exp((alpha - 1) (alpha rho - epsilon)) / (alpha - 1) * (1 - 1 / alpha)^alpha; 1 promises nothing. rho: 1e-12 to 500000, at most 12 decimals; epsilon: 1e-9 to 1000, at most 9 decimals. NULL gives NULL; other values raise 22023. Canonne, Kamath, Steinke 2020';

CREATE FUNCTION ehds.zcdp_epsilon(rho numeric, delta numeric) RETURNS numeric
    AS 'MODULE_PATHNAME', 'ehds_zcdp_epsilon_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ehds.zcdp_epsilon(numeric, numeric) IS
    'least epsilon for which rho-zCDP is (epsilon, delta)-DP, rounded up to 9 decimals: the other inverse of ehds.zcdp_delta. NULL if it is above 1000. Ranges, NULL and errors as in ehds.zcdp_delta';

CREATE FUNCTION ehds.zcdp_rho_pure(epsilon numeric) RETURNS numeric
    AS 'MODULE_PATHNAME', 'ehds_zcdp_rho_pure_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ehds.zcdp_rho_pure(numeric) IS
    'rho that a release under pure epsilon-DP costs: epsilon^2 / 2, rounded up to 12 decimals. Range, NULL and errors as in ehds.zcdp_rho. Bun, Steinke 2016';

CREATE FUNCTION ehds.zcdp_rho_exponential(epsilon numeric) RETURNS numeric
    AS 'MODULE_PATHNAME', 'ehds_zcdp_rho_exponential_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ehds.zcdp_rho_exponential(numeric) IS
    'rho that one choice of the exponential mechanism under epsilon costs: epsilon^2 / 8, rounded up to 12 decimals. Range, NULL and errors as in ehds.zcdp_rho. Cesar, Rogers 2021';

CREATE FUNCTION ehds.zcdp_rho_gaussian(sigma numeric, max_groups integer DEFAULT 1, sensitivity bigint DEFAULT 1)
    RETURNS numeric
    AS 'MODULE_PATHNAME', 'ehds_zcdp_rho_gaussian_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ehds.zcdp_rho_gaussian(numeric, integer, bigint) IS
    'rho that discrete Gaussian noise of parameter sigma costs: max_groups * sensitivity^2 / (2 sigma^2), rounded up to 12 decimals. sigma: above 0, at most 2^31, at most 9 decimals and 9 digits in all; max_groups: 1 to 1000000 groups of a subject; sensitivity: 1 to 2^31, by how much one subject changes the value of one group. NULL gives NULL; other values, and noise that costs more than 500000, raise 22023. Canonne, Kamath, Steinke 2020';

CREATE FUNCTION ehds.dp_noise_sigma(rho numeric, max_groups integer DEFAULT 1, sensitivity bigint DEFAULT 1)
    RETURNS numeric
    AS 'MODULE_PATHNAME', 'ehds_dp_noise_sigma_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ehds.dp_noise_sigma(numeric, integer, bigint) IS
    'parameter sigma of the discrete Gaussian noise that costs at most rho: sensitivity * sqrt(max_groups / (2 rho)), rounded up to nine digits of which at most nine are decimals. rho: 1e-12 to 500000, at most 12 decimals; max_groups and sensitivity as in ehds.zcdp_rho_gaussian. NULL gives NULL; other values, and a sigma above 2^31, raise 22023. Canonne, Kamath, Steinke 2020';
