-- gate: what permit views and extracts call

CREATE FUNCTION ehds.guard(permit text, stored regclass, declared text, approval ehds.approval) RETURNS boolean
    AS 'MODULE_PATHNAME', 'ehds_guard' LANGUAGE C STABLE PARALLEL SAFE;
GRANT EXECUTE ON FUNCTION ehds.guard(text, regclass, text, ehds.approval) TO PUBLIC;
COMMENT ON FUNCTION ehds.guard(text, regclass, text, ehds.approval) IS
    'condition of every permit view: true in an execution that the gate has approved and while the stored table bears its declared name, else an error (ZE004, ZE005); NULL approval, as written in the view, is an error';

CREATE FUNCTION ehds.extract_guard(permit text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'ehds_extract_guard' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
GRANT EXECUTE ON FUNCTION ehds.extract_guard(text) TO PUBLIC;
COMMENT ON FUNCTION ehds.extract_guard(text) IS
    'row-level security policy of an extract: true while the permit is in force for the current user, else an error (ZE001)';

CREATE FUNCTION ehds.check_row_filter(relation regclass, subject name, filter text) RETURNS text
    AS 'MODULE_PATHNAME', 'ehds_check_row_filter' LANGUAGE C STABLE PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION ehds.check_row_filter(regclass, name, text) FROM PUBLIC;
COMMENT ON FUNCTION ehds.check_row_filter(regclass, name, text) IS
    'the row filter of a permit on a table (alias t) in canonical form; NULL filter gives NULL; an error (ZE002) if it is not one boolean expression that can neither fail nor tell, or uses the subject column';

CREATE FUNCTION ehds.dp_domain_fits(combinations numeric) RETURNS boolean
    AS 'MODULE_PATHNAME', 'ehds_dp_domain_fits' LANGUAGE C STABLE STRICT PARALLEL SAFE;
GRANT EXECUTE ON FUNCTION ehds.dp_domain_fits(numeric) TO PUBLIC;
COMMENT ON FUNCTION ehds.dp_domain_fits(numeric) IS
    'what the gate writes beside the public keys of a release: true, or 54000 for more than 100000 combinations of values; these are numbers of values in public tables';

CREATE FUNCTION ehds.addend(value real) RETURNS real
    AS 'MODULE_PATHNAME', 'ehds_addend_float4' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION ehds.addend(value double precision) RETURNS double precision
    AS 'MODULE_PATHNAME', 'ehds_addend_float8' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION ehds.addend(value numeric) RETURNS numeric
    AS 'MODULE_PATHNAME', 'ehds_addend_numeric' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
GRANT EXECUTE ON FUNCTION ehds.addend(real), ehds.addend(double precision), ehds.addend(numeric) TO PUBLIC;
COMMENT ON FUNCTION ehds.addend(real) IS
    'what the gate writes around the argument of a sum within a person: the value, NULL beyond 1e20, where the sum could overflow';
COMMENT ON FUNCTION ehds.addend(double precision) IS
    'what the gate writes around the argument of a sum within a person: the value, NULL beyond 1e100, where the sum could overflow';
COMMENT ON FUNCTION ehds.addend(numeric) IS
    'what the gate writes around the argument of a sum within a person: the value, NULL beyond 1e1000 or with more than 1000 decimals, where the sum could overflow';

CREATE FUNCTION ehds.last_release(OUT permit text, OUT at timestamptz, OUT release integer, OUT column_name text,
                                  OUT mechanism text, OUT scale double precision, OUT half_width double precision,
                                  OUT max_groups integer, OUT threshold bigint,
                                  OUT epsilon numeric, OUT delta numeric, OUT rho numeric)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'ehds_last_release' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION ehds.last_release() IS
    'noise of the last query of this session that was charged, one row for each figure, free: the column in which it stands, the mechanism, its scale (sigma if Gaussian) and the half width of the interval that covers the noise with 95 %, both in the unit of the figure; groups of a person, threshold of selected groups, what it cost. It covers the noise only, neither groups of a person beyond max_groups nor the selection of groups. Known to this session and role only; no row before the first charge';

CREATE FUNCTION ehds.explain_privacy(query text, OUT item text, OUT release integer, OUT column_name text,
                                     OUT mechanism text, OUT scale double precision, OUT half_width double precision,
                                     OUT max_groups integer, OUT threshold bigint,
                                     OUT epsilon numeric, OUT delta numeric, OUT rho numeric, OUT remark text)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'ehds_explain_privacy' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION ehds.explain_privacy(text) IS
    'what a SELECT would get and cost under the caller''s permit and settings, without running or charging it. item: figure (one row each: mechanism, scale, half width of the 95 % interval, bounds, cost, as in ehds.last_release), charge (of the whole query), repeat (its recorded answer would be given again, free), refused (why, with SQLSTATE; also if the budget does not allow it), k-anonymity, cell keys, rows or public where there is no budget. NULL gives no row; what is no single SELECT raises 22023; queries with functions of users raise ZE002; a query that is no valid SQL, or reads what the caller may not, raises as it would';

-- What the gate puts in a release's place. PUBLIC may call them, but only a plan of the
-- gate carries an approval.
CREATE FUNCTION ehds.release_is_kept(release integer, approval ehds.approval) RETURNS boolean
    AS 'MODULE_PATHNAME', 'ehds_release_is_kept' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION ehds.release_is_kept(integer, ehds.approval) IS
    'for the gate: is the release of this number recorded, so that it is not drawn? Raises ZE004 unless the approval is live';
CREATE FUNCTION ehds.keep_release(release integer, drawn record[], approval ehds.approval) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'ehds_keep_release' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION ehds.keep_release(integer, record[], ehds.approval) IS
    'for the gate: the rows of a release, the recorded ones or, after they were recorded on disk, those that were drawn (NULL: none). Raises ZE004 unless the approval is live, ZE007 if it can''t record';

CREATE FUNCTION ehds.allowed_rule(function regprocedure) RETURNS text
    AS 'MODULE_PATHNAME', 'ehds_allowed_rule' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ehds.allowed_rule(regprocedure) IS
    'on what condition an expression over personal data may call a built-in function or the operator that it implements; NULL: never';

CREATE FUNCTION ehds.allowed_functions() RETURNS TABLE (function regprocedure, operators text, rule text)
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.oid::regprocedure,
           (SELECT string_agg(format('%s %s %s', CASE WHEN oprleft <> 0 THEN format_type(oprleft, NULL) END, oprname, format_type(oprright, NULL)), ', ' ORDER BY o.oid)
              FROM pg_operator o WHERE oprcode = p.oid),
           r.rule
      FROM pg_proc p, LATERAL (SELECT ehds.allowed_rule(p.oid::regprocedure) AS rule) r
     WHERE p.pronamespace = 'pg_catalog'::regnamespace AND r.rule IS NOT NULL
     ORDER BY p.proname, p.oid
$$;
COMMENT ON FUNCTION ehds.allowed_functions() IS
    'the built-in functions and operators that an expression over personal data may use under a statistics permit, each with its condition and what it gives where it would raise';
