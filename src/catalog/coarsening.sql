-- coarsening: for each code of a classification the finest level at which it may be told

CREATE TABLE ehds.hierarchy (
    system      text COLLATE "C" PRIMARY KEY CHECK (system <> ''),
    levels      name[] NOT NULL CHECK (cardinality(levels) > 0),
    declared_by name NOT NULL DEFAULT session_user,
    declared_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE ehds.hierarchy IS
    'classifications (ICD-10, ATC, places): the names of their levels, from the code itself to the coarsest; written by ehds.declare_hierarchy()';

CREATE TABLE ehds.hierarchy_code (
    system    text COLLATE "C" NOT NULL,
    code      text COLLATE "C" NOT NULL CHECK (octet_length(code) < 128),
    ancestors text[] NOT NULL,
    PRIMARY KEY (system, code)
);
COMMENT ON TABLE ehds.hierarchy_code IS
    'the codes of a classification, each with its name at every level, the code itself first';

CREATE TABLE ehds.coarsening (
    permit_id integer NOT NULL,
    system    text COLLATE "C" NOT NULL,
    code      text COLLATE "C" NOT NULL,
    label     text,
    level     integer,
    PRIMARY KEY (permit_id, system, code)
);
COMMENT ON TABLE ehds.coarsening IS
    'the published map of a permit: what stands for each code of a classification, and of which level that is (1: the code itself); written by ehds.publish_coarsening()';

SELECT pg_catalog.pg_extension_config_dump('ehds.hierarchy', '');
SELECT pg_catalog.pg_extension_config_dump('ehds.hierarchy_code', '');
SELECT pg_catalog.pg_extension_config_dump('ehds.coarsening', '');
-- the persons behind a code are counted as the owner of the views
GRANT SELECT ON ehds.hierarchy_code, ehds.coarsening TO ehds_owner;
GRANT SELECT ON ehds.hierarchy, ehds.hierarchy_code, ehds.coarsening TO ehds_admin, ehds_auditor;

CREATE FUNCTION ehds.declare_hierarchy(system text, relation regclass, columns name[]) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    -- a policy runs its owner's code, a child's too
    SET row_security = off
AS $$
#variable_conflict use_column
DECLARE
    col   name;
    n     bigint;
    whole text := ehds.full_name($2);
    wrong text;
BEGIN
    PERFORM ehds.require_role('ehds_admin', 'declare_hierarchy');
    IF $1 IS NULL OR $1 = '' OR $2 IS NULL OR coalesce(cardinality($3), 0) = 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'a hierarchy needs a name, a table and at least one column',
            HINT = 'Name the columns from the code to the coarsest level: ''{code,category,block,chapter}''.';
    END IF;
    -- what is checked is what is read: nobody puts another relation in its place meanwhile
    IF whole IS NOT NULL AND (SELECT c.relkind FROM pg_class c WHERE c.oid = $2) IN ('r', 'p') THEN
        EXECUTE format('LOCK TABLE %s IN SHARE MODE', whole);
    END IF;
    -- not a view: it would run code of its owner's
    IF whole IS NULL OR to_regclass(whole) IS DISTINCT FROM $2 OR ehds.label_of($2) IS DISTINCT FROM 'public' OR (SELECT c.relkind FROM pg_class c WHERE c.oid = $2) NOT IN ('r', 'p') THEN
        RAISE EXCEPTION USING ERRCODE = 'ZE005', MESSAGE = format('%s is not a public table', whole),
            HINT = 'A classification holds nobody''s data: SECURITY LABEL FOR pg_ehds ON TABLE ... IS ''public''.';
    ELSIF EXISTS (SELECT FROM ehds.with_children($2) AS x(child) JOIN pg_class c ON c.oid = x.child
                   WHERE c.relkind NOT IN ('r', 'p') OR c.relrowsecurity
                      OR EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL))) THEN
        RAISE EXCEPTION USING ERRCODE = 'ZE005', MESSAGE = format('%s is not a plain table', whole),
            DETAIL = 'Row-level security, an index on an expression or with a condition, and foreign children could run code of others.',
            HINT = 'Copy the classification into a table of its own.';
    END IF;
    columns := ARRAY(SELECT x.name FROM unnest(columns) WITH ORDINALITY AS x(name, place) ORDER BY x.place);   -- counted from 1
    LOCK TABLE ehds.hierarchy IN EXCLUSIVE MODE;
    FOREACH col IN ARRAY $3 LOOP
        IF coalesce(ehds.type_family(ehds.column_type($2, col)), '') NOT IN ('integer', 'text') THEN
            RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('column "%s" of %s is not of type text, varchar, integer or bigint', col, whole);
        END IF;
    END LOOP;
    EXECUTE format('GRANT SELECT ON TABLE %s TO ehds_owner', $2);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO ehds_owner', (SELECT x.nspname FROM pg_class c JOIN pg_namespace x ON x.oid = c.relnamespace WHERE c.oid = $2));

    DELETE FROM ehds.hierarchy_code WHERE system = $1;
    BEGIN
        INSERT INTO ehds.hierarchy_code (system, code, ancestors)
        SELECT $1, r.ancestors[1], r.ancestors
          FROM ehds.rows_as_owner(format('SELECT DISTINCT ARRAY[%s]::text[] FROM %s h',
                   (SELECT string_agg(format('h.%I::text', x.name), ', ' ORDER BY x.place) FROM unnest($3) WITH ORDINALITY AS x(name, place)), $2)) AS r(ancestors text[]);
    EXCEPTION
        WHEN unique_violation THEN
            RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('a code of %s has two rows that are not alike', whole);
        WHEN not_null_violation OR check_violation THEN
            RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('a code of %s is NULL or longer than 127 bytes', whole);
    END;
    GET DIAGNOSTICS n = ROW_COUNT;
    SELECT h.code INTO wrong FROM ehds.hierarchy_code h WHERE h.system = $1 AND array_position(h.ancestors, NULL) IS NOT NULL ORDER BY h.code LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('code "%s" of %s has no name at some level', wrong, whole),
            HINT = 'Repeat the name of the level below, or of the level above.';
    END IF;
    FOR depth IN 2 .. cardinality($3) - 1 LOOP
        SELECT h.ancestors[depth] INTO wrong FROM ehds.hierarchy_code h WHERE h.system = $1
         GROUP BY h.ancestors[depth] HAVING count(DISTINCT h.ancestors[depth + 1]) > 1 ORDER BY 1 LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('"%s" of column "%s" lies in two of column "%s"', wrong, $3[depth], $3[depth + 1]),
                HINT = 'In a hierarchy each value of a level belongs to one of the next.';
        END IF;
    END LOOP;
    INSERT INTO ehds.hierarchy (system, levels) VALUES ($1, $3)
    ON CONFLICT ON CONSTRAINT hierarchy_pkey DO UPDATE SET levels = excluded.levels, declared_by = session_user, declared_at = now();
    PERFORM ehds.record_decision('declare_hierarchy', NULL, NULL, format('%s: %s codes of %s, levels %s', $1, n, whole, array_to_string($3, ' > ')));
    RETURN format('%s: %s codes on %s levels', $1, n, cardinality($3));
END
$$;
COMMENT ON FUNCTION ehds.declare_hierarchy(text, regclass, name[]) IS
    'takes over a classification from a public table, again if it has changed; system: the name by which ehds.coarsen() knows it; columns: from the code (text, varchar, integer, bigint; below 128 bytes) to the coarsest level, each value of a level in one of the next. Maps that are published stay as they are until they are published again. Members of ehds_admin; raises 22004 for NULL, 22023 for what is no hierarchy, ZE005 unless it is a table that is declared public, without row-level security and indexes on expressions. Returns what it did';

CREATE FUNCTION ehds.publish_coarsening(permit text, system text, relation regclass, column_name name) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    p       ehds.permit;
    pt      ehds.permit_table;
    h       ehds.hierarchy;
    persons text;       -- rows of a code and a person, as the permit sees them
    own     text;       -- the codes of this map
    enough  text[];     -- the names of a level that k persons bear
    n       bigint;
    merged  record;
    summary text;
BEGIN
    PERFORM ehds.require_role('ehds_admin', 'publish_coarsening');
    p := ehds.lock_permit($1);
    IF p.output <> 'statistics' OR p.epsilon_nano IS NOT NULL OR p.cell_key_max IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('permit "%s" is not one for exact statistics with a threshold', $1),
            HINT = 'A map follows exact numbers of persons: beside noise it would be an answer without noise, and under a privacy budget one that nobody has charged.';
    ELSIF p.status NOT IN ('draft', 'active') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('permit "%s" is %s', $1, p.status);
    END IF;
    -- nobody declares it anew until the map is made
    SELECT * INTO h FROM ehds.hierarchy x WHERE x.system = $2 FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('there is no hierarchy "%s"', $2),
            HINT = 'Declare it first: SELECT ehds.declare_hierarchy(...).';
    END IF;
    SELECT x.* INTO pt FROM ehds.permit_table x JOIN ehds.protected_table t USING (schema_name, table_name)
     WHERE x.permit_id = p.permit_id AND t.relation = $3;
    IF NOT FOUND OR NOT $4 = ANY (pt.columns) OR $4 = pt.subject_column THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_column', MESSAGE = format('permit "%s" does not open column "%s" of %s', $1, $4, ehds.full_name($3)),
            HINT = 'Name a column that the permit opens: SELECT ehds.permit_table(...).';
    ELSIF coalesce(ehds.type_family(ehds.column_type($3, $4)), '') NOT IN ('integer', 'text') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('column "%s" of %s is not of type text, varchar, integer or bigint', $4, ehds.full_name($3));
    END IF;

    persons := format('SELECT DISTINCT d.%I::text COLLATE "C" AS code, d.%I AS person FROM (%s) d', $4, pt.subject_column,
                      ehds.permit_query(p.permit_id, pt.schema_name, pt.table_name, true));
    own := format('ehds.coarsening c JOIN ehds.hierarchy_code k ON k.system = c.system AND k.code = c.code WHERE c.permit_id = %s AND c.system = %L', p.permit_id, $2);
    DELETE FROM ehds.coarsening c WHERE c.permit_id = p.permit_id AND c.system = $2;
    INSERT INTO ehds.coarsening (permit_id, system, code) SELECT p.permit_id, k.system, k.code FROM ehds.hierarchy_code k WHERE k.system = $2;

    -- what has not been told at a finer level is told here, if it is k persons together;
    -- codes of nobody go the way of the rare ones, so that they can't be told apart
    FOR depth IN 1 .. cardinality(h.levels) LOOP
        enough := ARRAY(SELECT r.name FROM ehds.rows_as_owner(format('SELECT x.name FROM (%s) d JOIN (SELECT c.code, k.ancestors[%s] AS name FROM %s AND c.label IS NULL) x ON x.code = d.code GROUP BY x.name HAVING count(DISTINCT d.person) >= %s',
                                                                     persons, depth, own, p.k)) AS r(name text));
        UPDATE ehds.coarsening c SET label = k.ancestors[depth], level = depth
          FROM ehds.hierarchy_code k
         WHERE c.permit_id = p.permit_id AND c.system = $2 AND c.label IS NULL
           AND k.system = c.system AND k.code = c.code AND k.ancestors[depth] = ANY (enough);
    END LOOP;

    -- the rest is everything else; if that is 1 to k - 1 persons, the smallest groups join it
    UPDATE ehds.coarsening c SET label = '*', level = cardinality(h.levels) + 1
     WHERE c.permit_id = p.permit_id AND c.system = $2 AND c.label IS NULL;
    LOOP
        SELECT r.n INTO n FROM ehds.rows_as_owner(format('SELECT count(DISTINCT d.person) FROM (%s) d JOIN (SELECT c.code FROM %s AND c.level = %s) x ON x.code = d.code',
                                                         persons, own, cardinality(h.levels) + 1)) AS r(n bigint);
        EXIT WHEN n = 0 OR n >= p.k;
        SELECT r.level, r.label INTO merged
          FROM ehds.rows_as_owner(format('SELECT x.level, x.label FROM (%s) d JOIN (SELECT c.code, c.level, c.label FROM %s AND c.level <= %s) x ON x.code = d.code GROUP BY x.level, x.label ORDER BY count(DISTINCT d.person), x.level DESC, x.label COLLATE "C" LIMIT 1',
                                         persons, own, cardinality(h.levels))) AS r(level integer, label text);
        EXIT WHEN NOT FOUND;
        UPDATE ehds.coarsening c SET label = '*', level = cardinality(h.levels) + 1
         WHERE c.permit_id = p.permit_id AND c.system = $2 AND c.level = merged.level AND c.label = merged.label;
    END LOOP;

    SELECT string_agg(format('%s %s', s.codes, s.name), ', ' ORDER BY s.level) INTO summary
      FROM (SELECT c.level, coalesce(h.levels[c.level], '*') AS name, count(*) AS codes FROM ehds.coarsening c
             WHERE c.permit_id = p.permit_id AND c.system = $2 GROUP BY c.level) s;
    PERFORM ehds.record_decision('publish_coarsening', $1, p.population, format('%s by column %s of %s', $2, $4, ehds.full_name($3)));
    RETURN format('%s for permit %s: codes told as %s', $2, $1, summary);
END
$$;
COMMENT ON FUNCTION ehds.publish_coarsening(text, text, regclass, name) IS
    'makes the map by which ehds.coarsen() names codes under a permit: the finest level at which the codes that bear one name are of at least k persons together, counted in a column that the permit opens, opposed persons left out. A name of a level stands for those of its codes that have none of their own. The map stays as it is until it is published again. Members of ehds_admin, for permits for statistics without a privacy budget or cell keys, draft or active. Raises 42704 for an unknown permit or hierarchy, 42703 for a column that the permit does not open, 22023, 55000. Returns how many codes are told at which level';

CREATE FUNCTION ehds.coarsen(code text, system text) RETURNS text
    AS 'MODULE_PATHNAME', 'ehds_coarsen_text' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION ehds.coarsen(code integer, system text) RETURNS text
    AS 'MODULE_PATHNAME', 'ehds_coarsen_integer' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION ehds.coarsen(code bigint, system text) RETURNS text
    AS 'MODULE_PATHNAME', 'ehds_coarsen_bigint' LANGUAGE C STABLE PARALLEL SAFE;
-- what the gate makes of them in a query under a permit
CREATE FUNCTION ehds.coarsen(code text, system text, approval ehds.approval) RETURNS text
    AS 'MODULE_PATHNAME', 'ehds_coarsen_text' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION ehds.coarsen(code integer, system text, approval ehds.approval) RETURNS text
    AS 'MODULE_PATHNAME', 'ehds_coarsen_integer' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION ehds.coarsen(code bigint, system text, approval ehds.approval) RETURNS text
    AS 'MODULE_PATHNAME', 'ehds_coarsen_bigint' LANGUAGE C STABLE PARALLEL SAFE;

DO $do$
DECLARE
    type text;
BEGIN
    FOREACH type IN ARRAY '{text,integer,bigint}'::pg_catalog.text[] LOOP
        EXECUTE pg_catalog.format('COMMENT ON FUNCTION ehds.coarsen(%s, text) IS %L', type,
            'What stands for a code in the published map of a permit: the code itself, or the finest level above it at which k persons are reached, at last *. NULL for NULL and for a code that the classification does not have. '
            'The permit is the one whose views the query reads, else ehds.permit, else the only one of the role that has such a map. Arguments: code, system (constant). '
            'Errors: 22004 if system is NULL, 42704 if there is no such map, ZE001 if it is not clear of which permit.');
        EXECUTE pg_catalog.format('COMMENT ON FUNCTION ehds.coarsen(%s, text, ehds.approval) IS %L', type,
            'ehds.coarsen(code, system) as the gate writes it: by the map of the permit whose approval it carries, NULL where there is none. Raises ZE004 unless the approval is live');
    END LOOP;
END
$do$;

CREATE FUNCTION ehds.own_coarsening() RETURNS TABLE (permit text, system text, code text, label text, level integer)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.permit, c.system, c.code, c.label, c.level
      FROM ehds.permit p JOIN ehds.coarsening c USING (permit_id)
     WHERE p.status = 'active' AND EXISTS (SELECT FROM pg_roles r WHERE r.oid = p.grantee)
       AND pg_has_role(ehds.acting_role(), p.grantee, 'MEMBER')
$$;
COMMENT ON FUNCTION ehds.own_coarsening() IS 'the rows of the view ehds.my_coarsening';
CREATE VIEW ehds.my_coarsening AS SELECT * FROM ehds.own_coarsening();
COMMENT ON VIEW ehds.my_coarsening IS
    'the published maps of the current role''s active permits: what ehds.coarsen() gives for each code, and of which level it is (1: the code itself)';
GRANT SELECT ON ehds.my_coarsening TO PUBLIC;
REVOKE ALL ON FUNCTION ehds.declare_hierarchy(text, regclass, name[]), ehds.publish_coarsening(text, text, regclass, name) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ehds.declare_hierarchy(text, regclass, name[]), ehds.publish_coarsening(text, text, regclass, name) TO ehds_admin;
