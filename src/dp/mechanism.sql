-- mechanism: counts of persons under permits that are accounted for in zCDP

CREATE FUNCTION ehds.dp_release_gaussian(n bigint, sigma_digits bigint, sigma_places integer, tau bigint,
                                         k integer, keyed boolean, approval ehds.approval)
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_dp_release_gaussian_sql' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION ehds.dp_release_gaussian(bigint, bigint, integer, bigint, integer, boolean, ehds.approval) IS
    'one draw of noise for one group, for the gate, under a permit in zCDP. n: exact number of persons, 0 or more, after contribution bounding; sigma is sigma_digits / 10^sigma_places; keyed, tau (of dp_threshold_gaussian) and k as in ehds.dp_release. NULL: the group is not released. Raises ZE004 unless the approval is live and charged. Mechanism: discrete Gaussian (Canonne, Kamath, Steinke 2020)';

CREATE FUNCTION ehds.dp_threshold_gaussian(sigma numeric, delta numeric, max_groups integer DEFAULT 1)
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_dp_threshold_gaussian_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ehds.dp_threshold_gaussian(numeric, numeric, integer) IS
    'threshold that a count with discrete Gaussian noise must exceed for its group to be released: the least t with P(noise >= t) <= delta / max_groups, by the exact tail (above sigma 1024 it may be one more). sigma as in ehds.zcdp_rho_gaussian; delta: above 0, below 1, at most 18 decimals; max_groups: 1 to 1000000. NULL gives NULL; other values raise 22023';

CREATE FUNCTION ehds.dp_interval_gaussian(sigma numeric)
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_dp_interval_gaussian_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ehds.dp_interval_gaussian(numeric) IS
    'half-width w of the 95 % interval of discrete Gaussian noise: it lies in -w..w with a probability of at least 95 %. It covers noise only, neither the groups of a person beyond max_groups nor the selection of groups. sigma, NULL and errors as in ehds.dp_threshold_gaussian';
