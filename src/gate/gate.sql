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
