-- noise: the exact samplers, for tests

CREATE FUNCTION ehds.discrete_laplace(scale numeric) RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_discrete_laplace_sql' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
REVOKE ALL ON FUNCTION ehds.discrete_laplace(numeric) FROM PUBLIC;
COMMENT ON FUNCTION ehds.discrete_laplace(numeric) IS
    'one draw of discrete Laplace noise, P(x) proportional to exp(-|x| / scale), exact, from secure randomness; for superusers, to test the sampler. scale: above 0, at most 2^52, at most 18 decimals and 18 digits in all. NULL gives NULL; other values raise 22023. Canonne, Kamath, Steinke 2020';
