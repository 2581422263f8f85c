-- protect: which tables are about persons, and by which column

CREATE FUNCTION ehds.full_name(relation oid) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT format('%I.%I', n.nspname, c.relname)
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1 $$;
COMMENT ON FUNCTION ehds.full_name(oid) IS
    'schema.table, quoted where needed, whatever the search_path; NULL if there is no such relation';

-- Base tables belong to others, who can attach code to them (indexes, casts, policies): it must not run as a superuser.
CREATE FUNCTION ehds.read_as_owner(query text, text_value text DEFAULT NULL, int_value bigint DEFAULT NULL) RETURNS SETOF text[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE $1 USING $2, $3;
END
$$;
ALTER FUNCTION ehds.read_as_owner(text, text, bigint) OWNER TO ehds_owner;
COMMENT ON FUNCTION ehds.read_as_owner(text, text, bigint) IS
    'internal: the rows of a query, run as ehds_owner and never as a superuser; each row is one text[], and $1 and $2 of the query are the two values';

CREATE FUNCTION ehds.rows_as_owner(query text) RETURNS SETOF record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE $1;
END
$$;
ALTER FUNCTION ehds.rows_as_owner(text) OWNER TO ehds_owner;
COMMENT ON FUNCTION ehds.rows_as_owner(text) IS
    'internal: the rows of a query, run as ehds_owner and never as a superuser, in its own columns: fills extracts';

CREATE FUNCTION ehds.require_plain(relation regclass) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_trigger x WHERE x.tgrelid = $1)
       OR EXISTS (SELECT FROM pg_rewrite x WHERE x.ev_class = $1)
       OR EXISTS (SELECT FROM pg_attrdef x WHERE x.adrelid = $1)
       OR EXISTS (SELECT FROM pg_constraint x WHERE $1 IN (x.conrelid, x.confrelid) AND x.contype IN ('c', 'f', 'x', 't'))
       OR EXISTS (SELECT FROM pg_inherits x WHERE $1 IN (x.inhrelid, x.inhparent))
       OR EXISTS (SELECT FROM pg_index x WHERE x.indrelid = $1 AND (x.indexprs IS NOT NULL OR x.indpred IS NOT NULL))
       OR EXISTS (SELECT FROM pg_index x JOIN pg_opclass c ON c.oid = ANY (x.indclass) WHERE x.indrelid = $1 AND c.opcnamespace <> 'pg_catalog'::regnamespace)
       OR EXISTS (SELECT FROM pg_statistic_ext x WHERE x.stxrelid = $1) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('table %s of an extract is not as it was made: a trigger, rule, constraint, default or index was put on it', ehds.full_name($1)),
            HINT = 'It could run code with the rights of a superuser. Find out who put it there, and drop it.';
    END IF;
END
$$;
COMMENT ON FUNCTION ehds.require_plain(regclass) IS
    'internal: raises 55000 if writing to a table of an extract, as superuser, could run code that the extension did not put there';
REVOKE ALL ON FUNCTION ehds.read_as_owner(text, text, bigint), ehds.rows_as_owner(text), ehds.require_plain(regclass) FROM PUBLIC;

CREATE FUNCTION ehds.type_family(type oid) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT CASE WHEN $1 IN ('int8'::regtype, 'int4'::regtype) THEN 'integer'
                      WHEN $1 IN ('text'::regtype, 'varchar'::regtype) THEN 'text'
                      WHEN $1 = 'uuid'::regtype THEN 'uuid' END $$;
COMMENT ON FUNCTION ehds.type_family(oid) IS
    'internal: integer (integer, bigint), text (text, varchar) or uuid; NULL for a type that is no key of a person. Keys are compared within a family only';

CREATE FUNCTION ehds.matches_opposition(type oid, expression text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT CASE WHEN $1 IN ('int8'::regtype, 'int4'::regtype) THEN format('o.identity_int = %s', $2)
                      WHEN $1 = 'uuid'::regtype THEN format('o.identity = %s::text COLLATE "C"', $2)
                      ELSE format('o.identity = btrim(%s::text, E'' \t\n\r'') COLLATE "C"', $2) END $$;
COMMENT ON FUNCTION ehds.matches_opposition(oid, text) IS
    'internal: the condition by which a stored key, of this type and in this expression, is compared with an opposition o: numbers as numbers, texts without the blanks around them';

CREATE FUNCTION ehds.column_type(relation oid, column_name name) RETURNS oid
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    result oid;
BEGIN
    SELECT a.atttypid INTO result FROM pg_attribute a
     WHERE a.attrelid = $1 AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_column',
            MESSAGE = format('column "%s" of %s does not exist', $2, ehds.full_name($1)),
            HINT = format('Its columns are %s.',
                          (SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_attribute a
                            WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped));
    END IF;
    RETURN result;
END
$$;
COMMENT ON FUNCTION ehds.column_type(oid, name) IS
    'internal: the type of a column; raises 42703 with the columns that there are';

CREATE FUNCTION ehds.columns_of(relation oid) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT coalesce(jsonb_object_agg(a.attname, format_type(a.atttypid, a.atttypmod)), '{}')
            FROM pg_attribute a WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped $$;
COMMENT ON FUNCTION ehds.columns_of(oid) IS
    'internal: the columns of a table with their types, by which ehds.after_load() notices what a load has changed';

CREATE FUNCTION ehds.is_unique(relation oid, column_name name) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT EXISTS (
            SELECT FROM pg_index x JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[0]
             WHERE x.indrelid = $1 AND a.attname = $2
               AND x.indisunique AND x.indisvalid AND x.indimmediate
               AND x.indnkeyatts = 1 AND x.indpred IS NULL AND x.indexprs IS NULL) $$;
COMMENT ON FUNCTION ehds.is_unique(oid, name) IS
    'internal: whether a valid, immediate, non-partial unique index stands on exactly this column';

CREATE FUNCTION ehds.with_children(relation oid) RETURNS SETOF regclass
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ WITH RECURSIVE tree AS (
              SELECT $1 AS relid
              UNION
              SELECT i.inhrelid FROM pg_inherits i JOIN tree ON tree.relid = i.inhparent)
          SELECT relid::regclass FROM tree $$;
COMMENT ON FUNCTION ehds.with_children(oid) IS
    'internal: a table with its partitions and inheritance children, of every level';

CREATE FUNCTION ehds.check_kind(relation regclass) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c record;
BEGIN
    IF relation IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a table must be named';
    END IF;
    SELECT r.relkind, r.relispartition, r.relpersistence, n.nspname INTO c
      FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace WHERE r.oid = $1;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_table', MESSAGE = 'there is no such table';
    ELSIF c.relkind NOT IN ('r', 'p') THEN
        RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
            MESSAGE = format('%s is not a table', ehds.full_name($1)),
            DETAIL = 'Plain and partitioned tables can be protected; a view, a materialised view or a foreign table cannot.',
            HINT = 'Protect the tables that it reads.';
    ELSIF c.relispartition THEN
        RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
            MESSAGE = format('%s is a partition', ehds.full_name($1)),
            HINT = format('Protect the partitioned table: %s.',
                          (SELECT ehds.full_name(i.inhparent) FROM pg_inherits i WHERE i.inhrelid = $1 LIMIT 1));
    ELSIF c.relpersistence = 't' THEN
        RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
            MESSAGE = format('%s is a temporary table', ehds.full_name($1));
    ELSIF c.nspname IN ('ehds', 'pg_catalog', 'information_schema', 'pg_toast')
       OR EXISTS (SELECT FROM ehds.permit p WHERE p.schema_name = c.nspname)
       OR EXISTS (SELECT FROM ehds.extract e WHERE e.schema_name = c.nspname) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('%s belongs to the system and cannot be protected', ehds.full_name($1));
    END IF;
END
$$;
COMMENT ON FUNCTION ehds.check_kind(regclass) IS
    'internal: raises 42809 unless the relation is a plain or partitioned table that can hold rows about persons';

CREATE FUNCTION ehds.close_to_public(relation regclass) RETURNS text
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    child  regclass;
    rights text;
    before text;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO ehds_owner, ehds_admin',
                   (SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1));
    EXECUTE format('GRANT SELECT ON TABLE %s TO ehds_owner', relation);
    FOR child IN SELECT ehds.with_children($1) LOOP
        SELECT string_agg(DISTINCT x.privilege_type, ', ') INTO rights
          FROM (SELECT c.relacl AS acl FROM pg_class c WHERE c.oid = child
                UNION ALL
                SELECT a.attacl FROM pg_attribute a WHERE a.attrelid = child AND NOT a.attisdropped) s,
               aclexplode(s.acl) x
         WHERE x.grantee = 0;
        IF rights IS NOT NULL THEN
            EXECUTE format('REVOKE ALL ON TABLE %s FROM PUBLIC', child);
            before := concat_ws('; ', before, format('%s on %s', rights, ehds.full_name(child)));
        END IF;
    END LOOP;
    RETURN before;
END
$$;
COMMENT ON FUNCTION ehds.close_to_public(regclass) IS
    'internal: lets ehds_owner read a table, for the views of permits, and takes every right on it from PUBLIC; returns the rights that PUBLIC had';

-- Oppositions under one key of a person go on under the other, with their scope and their date.
CREATE FUNCTION ehds.carry_oppositions(population name, relation regclass, from_column name, to_column name, channel text) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    carried bigint;
BEGIN
    -- none may be recorded between the reading and the change of keys
    LOCK TABLE ehds.opposition IN SHARE ROW EXCLUSIVE MODE;
    INSERT INTO ehds.opposition (identity, population, purpose, schema_name, table_name, permit, channel, author, recorded_at)
    SELECT DISTINCT ON (x[1], o.purpose, o.schema_name, o.table_name, o.permit)
           x[1], $1, o.purpose, o.schema_name, o.table_name, o.permit, $5, o.author, o.recorded_at
      FROM ehds.read_as_owner(format(
               'SELECT ARRAY[btrim(i.%1$I::text, E'' \t\n\r''), o.opposition_id::text] FROM ehds.opposition o JOIN %3$s i ON %4$s
                 WHERE o.withdrawn_at IS NULL AND coalesce(o.population, %5$L) = %5$L AND btrim(i.%1$I::text, E'' \t\n\r'') <> ''''',
               $4, $3, $2, ehds.matches_opposition(ehds.column_type($2, $3), format('i.%I', $3)), $1)) x
      JOIN ehds.opposition o ON o.opposition_id = x[2]::bigint
     ORDER BY x[1], o.purpose, o.schema_name, o.table_name, o.permit, o.recorded_at
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS carried = ROW_COUNT;
    RETURN carried;
END
$$;
COMMENT ON FUNCTION ehds.carry_oppositions(name, regclass, name, name, text) IS
    'internal: records the oppositions in force under one key of a population (subject or identity) under its other key too, for this population; returns how many';

-- Declares which column of the population's table holds the identities.
CREATE FUNCTION ehds.declare_identity(relation regclass, identity name, fresh boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    t       ehds.protected_table;
    pop     ehds.population;
    type    oid := ehds.column_type($1, $2);
    live    text;
    family  text;
    other   record;
    carried bigint := 0;
    missing bigint;
BEGIN
    SELECT * INTO STRICT t FROM ehds.protected_table p WHERE p.relation = $1;
    SELECT * INTO STRICT pop FROM ehds.population p WHERE p.population = t.population FOR UPDATE;

    IF type NOT IN ('int8'::regtype, 'int4'::regtype, 'text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'uuid'::regtype) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('column "%s" of %s is of type %s, which cannot hold identities', $2, ehds.full_name($1), format_type(type, NULL)),
            HINT = 'Types of identities are bigint, integer, text, varchar, char and uuid.';
    END IF;
    IF pop.identity_table IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
            MESSAGE = format('population "%s" has its identities in %I.%I already', pop.population, pop.identity_schema, pop.identity_table);
    END IF;
    IF NOT ehds.is_unique($1, t.subject) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('column "%s" of %s has no unique index', t.subject, ehds.full_name($1)),
            DETAIL = 'The table that holds the identities has one row for each person.',
            HINT = format('CREATE UNIQUE INDEX ON %s (%I).', ehds.full_name($1), t.subject);
    END IF;
    SELECT string_agg(p.permit, ', ' ORDER BY p.permit) INTO live
      FROM ehds.permit p WHERE p.population = pop.population AND p.status IN ('draft', 'active');
    IF live IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_in_use',
            MESSAGE = format('population "%s" is in use by permits: %s', pop.population, live),
            DETAIL = 'Their pseudonyms and oppositions are bound to the subject key.',
            HINT = 'Close these permits first, or declare the identity before the first permit.';
    END IF;
    family := ehds.type_family(ehds.column_type($1, t.subject));
    FOR other IN SELECT p.relation, p.subject FROM ehds.protected_table p
                  WHERE p.population = pop.population AND p.subject IS NOT NULL AND p.relation <> $1 LOOP
        IF ehds.type_family(ehds.column_type(other.relation, other.subject)) IS DISTINCT FROM family THEN
            RAISE EXCEPTION USING ERRCODE = 'datatype_mismatch',
                MESSAGE = format('the subjects of %s and of %s are of different types', ehds.full_name($1), ehds.full_name(other.relation));
        END IF;
    END LOOP;

    -- in a population that is new, no opposition has counted by its subject keys
    IF NOT $3 THEN
        carried := ehds.carry_oppositions(pop.population, $1, t.subject, $2, 'carried over from the subject key');
    END IF;
    IF carried > 0 THEN
        RAISE NOTICE '% oppositions that were recorded by subject key now stand under the identity too', carried;
    END IF;

    UPDATE ehds.population
       SET (identity_schema, identity_table, identity_subject, identity_column) = (t.schema_name, t.table_name, t.subject, $2)
     WHERE population = pop.population;
    UPDATE ehds.protected_table SET identity = $2 WHERE relation = $1;

    SELECT x[1]::bigint INTO missing
      FROM ehds.read_as_owner(format('SELECT ARRAY[count(*)::text] FROM %s WHERE %I IS NULL OR btrim(%I::text, E'' \t\n\r'') = ''''', relation, $2, $2)) x;
    IF missing > 0 THEN
        RAISE WARNING '% persons of % have no %: nobody could tell whether they object, so they are never released',
            missing, ehds.full_name($1), $2;
    END IF;
END
$$;
COMMENT ON FUNCTION ehds.declare_identity(regclass, name, boolean) IS
    'internal: makes a protected table the one that resolves subjects to identities for its population; raises 42710, 42703, 22023, 42804, and 55006 while permits use the population';

CREATE FUNCTION ehds.protect(relation regclass, subject name DEFAULT NULL, identity name DEFAULT NULL,
                             via text DEFAULT NULL, population name DEFAULT NULL) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    own_schema name;
    own_table  name;
    pop        name;
    parts      text[];
    link_parts text[];
    link       name;
    parent_id  regclass;
    parent     ehds.protected_table;
    key        name;
    family     text;
    resolver   record;
    nobody     bigint;
    total      bigint;
    fresh      boolean;
    had        text;
    summary    text;
BEGIN
    PERFORM ehds.check_kind($1);
    SELECT n.nspname, c.relname INTO own_schema, own_table
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1;
    -- two sessions must not declare one table, or one population, at the same time
    LOCK TABLE ehds.protected_table IN SHARE ROW EXCLUSIVE MODE;

    IF EXISTS (SELECT FROM ehds.protected_table p WHERE p.relation = $1) THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
            MESSAGE = format('table %I.%I is already protected', own_schema, own_table),
            HINT = 'To declare it differently, run ehds.unprotect() first.';
    ELSIF EXISTS (SELECT FROM ehds.protected_table p WHERE (p.schema_name, p.table_name) = (own_schema, own_table)) THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
            MESSAGE = format('the name %I.%I is already protected, for a table that has gone or was renamed', own_schema, own_table),
            HINT = format('Run SELECT * FROM ehds.after_load(%L).', own_schema);
    ELSIF ehds.label_of($1) = 'public' THEN
        RAISE EXCEPTION USING ERRCODE = 'ZE005',
            MESSAGE = format('table %I.%I is labelled public', own_schema, own_table),
            HINT = format('If its rows are about persons, run SECURITY LABEL FOR pg_ehds ON TABLE %I.%I IS NULL first.', own_schema, own_table);
    ELSIF ($2 IS NULL) = ($4 IS NULL) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'a table is protected by its subject column or via another table: name one of the two',
            HINT = 'Write subject => ''person_id'', or via => ''note_id -> omop.note.note_id''.';
    ELSIF $3 IS NOT NULL AND $4 IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'a table that is protected via another one holds no identities',
            HINT = 'Declare the identity on the table with one row for each person.';
    END IF;
    PERFORM ehds.ensure_key();

    IF $2 IS NOT NULL THEN
        family := ehds.type_family(ehds.column_type($1, $2));
        IF family IS NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
                MESSAGE = format('column "%s" of %I.%I is of type %s, which cannot be a subject', $2, own_schema, own_table,
                                 format_type(ehds.column_type($1, $2), NULL)),
                HINT = 'Types of subjects are bigint, integer, text, varchar and uuid.';
        END IF;
        IF EXISTS (SELECT FROM pg_attribute a JOIN pg_collation c ON c.oid = a.attcollation
                   WHERE a.attrelid = $1 AND a.attname = $2 AND NOT c.collisdeterministic) THEN
            RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
                MESSAGE = format('column "%s" of %I.%I has a nondeterministic collation, and cannot be a subject', $2, own_schema, own_table),
                DETAIL = 'Subjects are the same person if they are equal byte by byte.',
                HINT = format('ALTER TABLE %I.%I ALTER COLUMN %I TYPE text COLLATE "C", once equal keys are equal bytes.', own_schema, own_table, $2);
        END IF;
        pop := coalesce($5, own_schema);
        SELECT p.*, ehds.type_family(ehds.column_type(t.relation, p.identity_subject)) AS family INTO resolver
          FROM ehds.population p
          JOIN ehds.protected_table t ON (t.schema_name, t.table_name) = (p.identity_schema, p.identity_table)
         WHERE p.population = pop;
        IF FOUND AND resolver.family IS DISTINCT FROM family THEN
            RAISE EXCEPTION USING ERRCODE = 'datatype_mismatch',
                MESSAGE = format('the subjects of %I.%I and of %I.%I are of different types',
                                 own_schema, own_table, resolver.identity_schema, resolver.identity_table);
        END IF;
    ELSE
        parts := regexp_match($4, '^\s*(.+?)\s*->\s*(.+?)\s*$');
        IF parts IS NOT NULL THEN
            link_parts := parse_ident(parts[1]);
            parts := parse_ident(parts[2]);
        END IF;
        IF parts IS NULL OR cardinality(link_parts) <> 1 OR cardinality(parts) NOT IN (2, 3) THEN
            RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
                MESSAGE = format('via "%s" cannot be read', $4),
                HINT = 'Write column -> schema.table.column, as in ''note_id -> omop.note.note_id''.';
        END IF;
        IF cardinality(parts) = 2 THEN
            parts := own_schema::text || parts;
        END IF;
        link := link_parts[1];
        key := parts[3];
        parent_id := to_regclass(format('%I.%I', parts[1], parts[2]));
        IF parent_id IS NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'undefined_table',
                MESSAGE = format('table %I.%I does not exist', parts[1], parts[2]);
        END IF;
        SELECT * INTO parent FROM ehds.protected_table p WHERE p.relation = parent_id;
        IF NOT FOUND OR parent.subject IS NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'ZE005',
                MESSAGE = format('table %s is not protected by a subject column', ehds.full_name(parent_id)),
                HINT = format('Run ehds.protect(%L, subject => ...) first.', ehds.full_name(parent_id));
        END IF;
        IF ehds.type_family(ehds.column_type($1, link)) IS NULL
           OR ehds.type_family(ehds.column_type($1, link)) <> ehds.type_family(ehds.column_type(parent_id, key)) THEN
            RAISE EXCEPTION USING ERRCODE = 'datatype_mismatch',
                MESSAGE = format('columns "%s" of %I.%I and "%s" of %s cannot be joined', link, own_schema, own_table, key, ehds.full_name(parent_id)),
                HINT = 'Both must be integers, both texts or both uuid.';
        END IF;
        IF NOT ehds.is_unique(parent_id, key) THEN
            RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
                MESSAGE = format('column "%s" of %s has no unique index', key, ehds.full_name(parent_id)),
                DETAIL = 'Each row must belong to one row of the table that it is protected via.',
                HINT = format('CREATE UNIQUE INDEX ON %s (%I).', ehds.full_name(parent_id), key);
        END IF;
        IF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = $1 AND a.attname = parent.subject AND NOT a.attisdropped) THEN
            RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
                MESSAGE = format('table %I.%I has a column "%s" of its own', own_schema, own_table, parent.subject),
                HINT = format('Protect it with subject => %L.', parent.subject);
        END IF;
        pop := parent.population;
        IF $5 IS NOT NULL AND $5 <> pop THEN
            RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
                MESSAGE = format('table %s belongs to population "%s"', ehds.full_name(parent_id), pop);
        END IF;
    END IF;

    INSERT INTO ehds.population (population) VALUES (pop) ON CONFLICT DO NOTHING;
    fresh := FOUND;
    INSERT INTO ehds.protected_table (relation, schema_name, table_name, population, subject,
                                      via_column, via_schema, via_table, via_key, columns)
    VALUES ($1, own_schema, own_table, pop, $2,
            link, parent.schema_name, parent.table_name, key, ehds.columns_of($1));
    had := ehds.close_to_public($1);
    IF had IS NOT NULL THEN
        RAISE NOTICE 'PUBLIC lost its rights: %', had;
    END IF;
    IF $3 IS NOT NULL THEN
        PERFORM ehds.declare_identity($1, $3, fresh);
    END IF;
    PERFORM ehds.remember_labels(own_schema);

    IF $2 IS NOT NULL THEN
        SELECT x[1]::bigint, x[2]::bigint INTO nobody, total
          FROM ehds.read_as_owner(format('SELECT ARRAY[count(*) FILTER (WHERE %I IS NULL), count(*)]::text[] FROM %s', $2, relation)) x;
        IF nobody > 0 THEN
            RAISE WARNING '% of % rows of % have no %: they belong to nobody and are never released',
                nobody, total, ehds.full_name($1), $2;
        END IF;
    ELSE
        SELECT x[1]::bigint, x[2]::bigint INTO nobody, total
          FROM ehds.read_as_owner(format('SELECT ARRAY[count(*) FILTER (WHERE v.%1$I IS NULL), count(*)]::text[] FROM %2$s t LEFT JOIN %3$s v ON v.%4$I = t.%5$I',
                                         parent.subject, relation, parent_id, key, link)) x;
        IF nobody > 0 THEN
            RAISE WARNING '% of % rows of % lead to no person: they belong to nobody and are never released',
                nobody, total, ehds.full_name($1);
        END IF;
    END IF;

    summary := concat_ws(', ', 'population ' || pop, 'subject ' || $2, 'identity ' || $3);
    IF $2 IS NULL THEN
        summary := concat_ws(', ', 'population ' || pop,
                             format('via %I -> %I.%I.%I', link, parent.schema_name, parent.table_name, key));
    END IF;
    PERFORM ehds.record_decision('protect', NULL, pop, format('%I.%I: %s', own_schema, own_table, summary));
    RETURN format('%I.%I is protected: %s', own_schema, own_table, summary);
END
$$;
COMMENT ON FUNCTION ehds.protect(regclass, name, name, text, name) IS
    'declares that the rows of a plain or partitioned table are about persons. subject: the column with the key of the person (bigint, integer, text, varchar, uuid); '
    'identity: in the one table with a row for each person, the column with the identity that loads do not renumber; via: ''column -> schema.table.column'' for a table without a column of persons, through the unique key of a protected one; '
    'population: persons with equal keys are the same (default: the name of the schema). PUBLIC loses its rights; rows without subject or identity are never released (WARNING with their number). '
    'Raises 42703 unknown column, 42710 protected already, 42809 not a table, 22023 and 42804 unsuitable column, ZE005 public table';

CREATE FUNCTION ehds.unprotect(relation regclass) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    t    ehds.protected_table;
    used text;
BEGIN
    LOCK TABLE ehds.protected_table IN SHARE ROW EXCLUSIVE MODE;
    SELECT * INTO t FROM ehds.protected_table p WHERE p.relation = $1;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'ZE005',
            MESSAGE = format('table %s is not protected', coalesce(ehds.full_name($1), '(gone)'));
    END IF;

    SELECT string_agg(DISTINCT p.permit, ', ') INTO used
      FROM ehds.permit p JOIN ehds.permit_table pt USING (permit_id)
     WHERE p.status IN ('draft', 'active') AND (pt.schema_name, pt.table_name) = (t.schema_name, t.table_name);
    IF used IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_in_use',
            MESSAGE = format('table %I.%I is in use by permits: %s', t.schema_name, t.table_name, used),
            HINT = 'Close these permits first with ehds.close_permit().';
    END IF;
    SELECT string_agg(format('%I.%I', p.schema_name, p.table_name), ', ') INTO used
      FROM ehds.protected_table p
     WHERE (p.via_schema, p.via_table) = (t.schema_name, t.table_name)
        OR (t.identity IS NOT NULL AND p.population = t.population AND p.relation <> t.relation);
    IF used IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_in_use',
            MESSAGE = format('table %I.%I resolves the persons of %s', t.schema_name, t.table_name, used),
            HINT = 'Run ehds.unprotect() on these tables first.';
    END IF;

    IF t.identity IS NOT NULL THEN
        IF to_regclass(format('%I.%I', t.schema_name, t.table_name))::oid IS NOT DISTINCT FROM $1::oid
           AND has_table_privilege('ehds_owner', $1::oid, 'SELECT') THEN
            PERFORM ehds.carry_oppositions(t.population, $1, t.identity, t.subject, 'carried over from the identity');
        ELSIF EXISTS (SELECT FROM ehds.opposition o WHERE o.withdrawn_at IS NULL AND coalesce(o.population, t.population) = t.population) THEN
            RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = format('oppositions are in force for population "%s", and its table of identities %I.%I cannot be read', t.population, t.schema_name, t.table_name),
                DETAIL = 'They are recorded by identity, and nobody could tell any more whose they are.',
                HINT = format('Bring the table back and run SELECT * FROM ehds.after_load(%L); then ehds.unprotect() carries them over to the subject keys.', t.schema_name);
        END IF;
    END IF;
    DELETE FROM ehds.protected_table p WHERE p.relation = $1;
    IF t.identity IS NOT NULL THEN
        UPDATE ehds.population
           SET (identity_schema, identity_table, identity_subject, identity_column) = ROW(NULL, NULL, NULL, NULL)
         WHERE population = t.population;
    END IF;
    IF ehds.full_name($1) IS NOT NULL THEN
        EXECUTE format('REVOKE ALL ON TABLE %s FROM ehds_owner', relation);
    END IF;
    PERFORM ehds.record_decision('unprotect', NULL, t.population, format('%I.%I', t.schema_name, t.table_name));
    RETURN format('%I.%I is no longer protected: it is refused under a permit until it is protected again or labelled public',
                  t.schema_name, t.table_name);
END
$$;
COMMENT ON FUNCTION ehds.unprotect(regclass) IS
    'withdraws the declaration of a table; oppositions under the identities that it held go on under its subject keys. Raises ZE005 if it is not protected, 55000 if it held identities of persons who object and cannot be read, 55006 while a draft or active permit, or another protected table, needs it';

CREATE FUNCTION ehds.limit_population(population name, epsilon numeric, delta numeric) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    IF (epsilon IS NULL) <> (delta IS NULL) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'epsilon and delta of a population are set together, or both NULL';
    END IF;
    UPDATE ehds.population SET epsilon_nano = ehds.epsilon_nano($2, 'epsilon'), delta_atto = ehds.delta_atto($3)
     WHERE population = $1;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('population "%s" does not exist', $1);
    END IF;
    PERFORM ehds.record_decision('limit_population', NULL, $1, format('epsilon %s, delta %s', epsilon, delta));
END
$$;
COMMENT ON FUNCTION ehds.limit_population(name, numeric, numeric) IS
    'sets the privacy budget that all permits over a population share (NULL, NULL: no limit); what they have spent so far counts. Raises 42704, 22023';

REVOKE ALL ON FUNCTION ehds.carry_oppositions(name, regclass, name, name, text), ehds.matches_opposition(oid, text),
    ehds.label_of(oid, integer), ehds.role_of(oid, integer), ehds.domain_problem(oid, integer), ehds.domain_source_problem(oid, integer), ehds.set_label(regclass, name, text),
    ehds.remember_label(oid, oid, integer), ehds.remember_labels(name),
    ehds.type_family(oid), ehds.column_type(oid, name), ehds.columns_of(oid), ehds.is_unique(oid, name),
    ehds.with_children(oid), ehds.check_kind(regclass), ehds.close_to_public(regclass),
    ehds.declare_identity(regclass, name, boolean), ehds.protect(regclass, name, name, text, name),
    ehds.unprotect(regclass), ehds.limit_population(name, numeric, numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ehds.protect(regclass, name, name, text, name),
    ehds.unprotect(regclass), ehds.limit_population(name, numeric, numeric) TO ehds_admin;
