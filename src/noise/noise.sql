-- noise: the exact samplers, for tests

CREATE FUNCTION ehds.discrete_laplace(scale numeric) RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_discrete_laplace_sql' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
REVOKE ALL ON FUNCTION ehds.discrete_laplace(numeric) FROM PUBLIC;
COMMENT ON FUNCTION ehds.discrete_laplace(numeric) IS
    'one draw of discrete Laplace noise, P(x) proportional to exp(-|x| / scale), exact, from secure randomness; for superusers, to test the sampler. scale: above 0, at most 2^52, at most 18 decimals and 18 digits in all. NULL gives NULL; other values raise 22023. Canonne, Kamath, Steinke 2020';

CREATE FUNCTION ehds.discrete_gaussian(sigma numeric) RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_discrete_gaussian_sql' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
REVOKE ALL ON FUNCTION ehds.discrete_gaussian(numeric) FROM PUBLIC;
COMMENT ON FUNCTION ehds.discrete_gaussian(numeric) IS
    'one draw of discrete Gaussian noise, P(x) proportional to exp(-x^2 / (2 sigma^2)), exact, from secure randomness; for superusers, to test the sampler. sigma: above 0, at most 2^31, at most 9 decimals and 9 digits in all. NULL gives NULL; other values raise 22023. Canonne, Kamath, Steinke 2020';
