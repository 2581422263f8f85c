-- dp: differentially private counts of persons

-- dp_count is a word for the gate, which replaces it by contribution bounding, an
-- exact count and dp_release. Left in a plan it always raises.
CREATE FUNCTION ehds.dp_count_refuse(bigint, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_dp_count_refuse' LANGUAGE C PARALLEL RESTRICTED;
CREATE FUNCTION ehds.dp_count_refuse(bigint, integer) RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_dp_count_refuse' LANGUAGE C PARALLEL RESTRICTED;
CREATE FUNCTION ehds.dp_count_refuse(bigint, text) RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_dp_count_refuse' LANGUAGE C PARALLEL RESTRICTED;
CREATE FUNCTION ehds.dp_count_refuse(bigint, uuid) RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_dp_count_refuse' LANGUAGE C PARALLEL RESTRICTED;
CREATE FUNCTION ehds.dp_count_refuse(bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_dp_count_refuse' LANGUAGE C PARALLEL RESTRICTED;

REVOKE ALL ON FUNCTION ehds.dp_count_refuse(bigint, bigint), ehds.dp_count_refuse(bigint, integer),
    ehds.dp_count_refuse(bigint, text), ehds.dp_count_refuse(bigint, uuid),
    ehds.dp_count_refuse(bigint) FROM PUBLIC;
COMMENT ON FUNCTION ehds.dp_count_refuse(bigint, bigint) IS 'component of ehds.dp_count; always raises ZE002';
COMMENT ON FUNCTION ehds.dp_count_refuse(bigint, integer) IS 'component of ehds.dp_count; always raises ZE002';
COMMENT ON FUNCTION ehds.dp_count_refuse(bigint, text) IS 'component of ehds.dp_count; always raises ZE002';
COMMENT ON FUNCTION ehds.dp_count_refuse(bigint, uuid) IS 'component of ehds.dp_count; always raises ZE002';
COMMENT ON FUNCTION ehds.dp_count_refuse(bigint) IS 'component of ehds.dp_count; always raises ZE002';

CREATE AGGREGATE ehds.dp_count(subject bigint) (
    SFUNC = ehds.dp_count_refuse, STYPE = bigint, FINALFUNC = ehds.dp_count_refuse,
    PARALLEL = RESTRICTED);
CREATE AGGREGATE ehds.dp_count(subject integer) (
    SFUNC = ehds.dp_count_refuse, STYPE = bigint, FINALFUNC = ehds.dp_count_refuse,
    PARALLEL = RESTRICTED);
CREATE AGGREGATE ehds.dp_count(subject text) (
    SFUNC = ehds.dp_count_refuse, STYPE = bigint, FINALFUNC = ehds.dp_count_refuse,
    PARALLEL = RESTRICTED);
CREATE AGGREGATE ehds.dp_count(subject uuid) (
    SFUNC = ehds.dp_count_refuse, STYPE = bigint, FINALFUNC = ehds.dp_count_refuse,
    PARALLEL = RESTRICTED);

COMMENT ON AGGREGATE ehds.dp_count(bigint) IS
    'differentially private number of persons: distinct subjects plus discrete Laplace noise, charged to the permit. Rows without a subject do not count. A group whose key comes from the data is left out unless its noisy count exceeds a threshold. Raises ZE002 outside of a query under a permit with a privacy budget';
COMMENT ON AGGREGATE ehds.dp_count(integer) IS
    'differentially private number of persons: see ehds.dp_count(bigint)';
COMMENT ON AGGREGATE ehds.dp_count(text) IS
    'differentially private number of persons: see ehds.dp_count(bigint)';
COMMENT ON AGGREGATE ehds.dp_count(uuid) IS
    'differentially private number of persons: see ehds.dp_count(bigint)';

-- What the gate puts in the place of dp_count. PUBLIC may call them, but only a
-- plan of the gate carries an approval.
CREATE FUNCTION ehds.dp_release(n bigint, epsilon_nano bigint, max_groups integer, tau bigint,
                                k integer, keyed boolean, approval ehds.approval)
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_dp_release_sql' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION ehds.dp_release(bigint, bigint, integer, bigint, integer, boolean, ehds.approval) IS
    'one draw of noise for one group, for the gate. n: exact number of persons, 0 or more, after contribution bounding; epsilon_nano: epsilon of the query in 1e-9; keyed: the group''s key comes from the data, in which case max_groups, tau (of dp_threshold) and the pre-threshold k count. NULL: the group is not released. Raises ZE004 unless the approval is live and charged. Mechanism: truncated discrete Laplace (Desfontaines, Voss, Gipson, Mandayam 2022), or discrete Laplace (Canonne, Kamath, Steinke 2020) without key';

CREATE FUNCTION ehds.bounding_hash(subject_key text, group_key text, approval ehds.approval)
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_bounding_hash' LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION ehds.bounding_hash(text, text, ehds.approval) IS
    'place of a group in the order in which a subject''s groups are kept, for the gate: keyed hash of both, under a key that is random for the process and the approval. NULL is a value of its own. Raises ZE004 unless the approval is live';

-- Helpers for whoever plans a query: functions of public parameters, at no cost.
CREATE FUNCTION ehds.dp_threshold(epsilon numeric, delta numeric, max_groups integer DEFAULT 1)
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_dp_threshold_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ehds.dp_threshold(numeric, numeric, integer) IS
    'threshold that a noisy count must exceed for its group to be released: ceil((1/e) ln((exp(e) + 2d - 1) / ((exp(e) + 1) d))) with e = epsilon / max_groups, d = delta / max_groups. epsilon: 1e-9 to 1000, at most 9 decimals; delta: above 0, below 1, at most 18 decimals; max_groups: 1 to 1000000. NULL gives NULL; other values raise 22023. Desfontaines, Voss, Gipson, Mandayam 2022';

CREATE FUNCTION ehds.dp_noise_scale(epsilon numeric, max_groups integer DEFAULT 1)
    RETURNS numeric
    AS 'MODULE_PATHNAME', 'ehds_dp_noise_scale_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ehds.dp_noise_scale(numeric, integer) IS
    'scale of the noise of dp_count in persons: max_groups / epsilon; max_groups is 1 in a query without GROUP BY. Ranges, NULL and errors as in ehds.dp_threshold';

CREATE FUNCTION ehds.dp_interval(epsilon numeric)
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_dp_interval_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ehds.dp_interval(numeric) IS
    'half-width w of the 95 % interval of dp_count in a query without GROUP BY: the noise lies in -w..w with a probability of at least 95 %. It covers noise only. Ranges, NULL and errors as in ehds.dp_threshold';

CREATE FUNCTION ehds.dp_interval(epsilon numeric, delta numeric, max_groups integer)
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_dp_interval_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ehds.dp_interval(numeric, numeric, integer) IS
    'half-width w of the 95 % interval of dp_count in a query with GROUP BY: the noise of a group lies in -w..w with a probability of at least 95 %, and in -t..t with certainty, t being ehds.dp_threshold. It covers noise only, neither the groups of a person beyond max_groups nor the selection of groups: a small group is shown only if its noise was high. Ranges, NULL and errors as in ehds.dp_threshold';
