-- core: the schema and the type of an approval

COMMENT ON SCHEMA ehds IS 'pg_ehds: secondary use of health data under permits (Regulation (EU) 2025/327, RGPD)';

GRANT USAGE ON SCHEMA ehds TO PUBLIC;

CREATE TYPE ehds.approval;

CREATE FUNCTION ehds.approval_in(cstring) RETURNS ehds.approval
    AS 'MODULE_PATHNAME', 'ehds_approval_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION ehds.approval_out(ehds.approval) RETURNS cstring
    AS 'MODULE_PATHNAME', 'ehds_approval_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE ehds.approval (
    INPUT = ehds.approval_in,
    OUTPUT = ehds.approval_out,
    INTERNALLENGTH = 8,
    PASSEDBYVALUE,
    ALIGNMENT = double
);

COMMENT ON TYPE ehds.approval IS
    'proof, written into a plan by the gate only, that the query has been checked; no value of it can be written, cast or received';

-- Tells the caches of every session that a declaration or a permit has changed.
CREATE FUNCTION ehds.catalog_changed() RETURNS trigger
    AS 'MODULE_PATHNAME', 'ehds_catalog_changed' LANGUAGE C;
COMMENT ON FUNCTION ehds.catalog_changed() IS
    'trigger on the tables of declarations and permits: makes every session read them, and plan its queries on permit views, again';
