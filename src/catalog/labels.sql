-- labels: a copy by name of the security labels, which outlives the tables that bear them

CREATE FUNCTION ehds.label_of(relation oid, column_number integer DEFAULT 0) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT label FROM pg_seclabel
           WHERE objoid = $1 AND classoid = 'pg_class'::regclass AND objsubid = $2 AND provider = 'pg_ehds' $$;
COMMENT ON FUNCTION ehds.label_of(oid, integer) IS
    'the pg_ehds label of a table (column_number 0) or of one of its columns; NULL if it has none';

CREATE FUNCTION ehds.role_of(relation oid, column_number integer) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT substring(ehds.label_of($1, $2) FROM '^(identifier|quasi-identifier|sensitive|professional-identifier)(?: *,|$)') $$;
COMMENT ON FUNCTION ehds.role_of(oid, integer) IS
    'the role in the pg_ehds label of a column: identifier, quasi-identifier, sensitive or professional-identifier; NULL if the label names none';

CREATE FUNCTION ehds.domain_source_problem(relation oid, column_number integer) RETURNS text
    AS 'MODULE_PATHNAME', 'ehds_domain_source_problem' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION ehds.domain_source_problem(oid, integer) IS
    'internal: why the column that the declared domain of another one refers to can''t be used; NULL if it can or there is none. Raises 22023 or 42804 if the label does not fit the column';

CREATE FUNCTION ehds.domain_problem(relation oid, column_number integer) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN ehds.domain_source_problem($1, $2);
EXCEPTION WHEN data_exception OR datatype_mismatch OR program_limit_exceeded THEN
    RETURN SQLERRM;
END
$$;
COMMENT ON FUNCTION ehds.domain_problem(oid, integer) IS
    'internal: why the domain that the label of a column declares can''t be used; NULL if nothing is in its way or none is declared';

CREATE FUNCTION ehds.set_label(relation regclass, column_name name, label text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF column_name IS NULL THEN
        EXECUTE format('SECURITY LABEL FOR pg_ehds ON TABLE %s IS %L', relation, label);
    ELSE
        EXECUTE format('SECURITY LABEL FOR pg_ehds ON COLUMN %s.%I IS %L', relation, column_name, label);
    END IF;
END
$$;
COMMENT ON FUNCTION ehds.set_label(regclass, name, text) IS
    'internal: sets a label (column_name NULL: on the table)';

-- public needs the columns that the table had when it was said: another table may come under its name
ALTER TABLE ehds.declared_label ADD COLUMN columns jsonb;
COMMENT ON COLUMN ehds.declared_label.columns IS
    'names and types of the columns of a table that is labelled public; NULL for labels of columns';

CREATE FUNCTION ehds.remember_label(classid oid, objid oid, objsubid integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET quote_all_identifiers = off
AS $$
#variable_conflict use_column
DECLARE
    named record;
    now_is text;
BEGIN
    IF $1 <> 'pg_class'::regclass THEN
        RETURN;
    END IF;
    SELECT n.nspname, c.relname, coalesce(a.attname, '') AS attname
      INTO named
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = $3 AND $3 <> 0
     WHERE c.oid = $2 AND c.relpersistence <> 't';
    IF NOT FOUND THEN
        RETURN;
    END IF;
    now_is := ehds.label_of($2, $3);

    -- a table that is gone may have been public before one of its name was protected
    DELETE FROM ehds.declared_label d USING ehds.protected_table t
     WHERE (d.schema_name, d.object_name, d.column_name) = (t.schema_name, t.table_name, '') AND d.label = 'public';
    IF now_is = 'public' AND EXISTS (SELECT FROM ehds.protected_table WHERE relation = $2
                                        OR (schema_name, table_name) = (named.nspname, named.relname)) THEN
        RAISE EXCEPTION USING ERRCODE = 'ZE005',
            MESSAGE = format('table %I.%I is protected and cannot be public', named.nspname, named.relname),
            HINT = 'Withdraw the protection first with ehds.unprotect().';
    END IF;

    IF now_is IS NULL THEN
        DELETE FROM ehds.declared_label
         WHERE (schema_name, object_name, column_name) = (named.nspname, named.relname, named.attname);
    ELSE
        INSERT INTO ehds.declared_label AS d (schema_name, object_name, column_name, label, columns)
        VALUES (named.nspname, named.relname, named.attname, now_is, CASE WHEN $3 = 0 THEN ehds.columns_of($2) END)
        ON CONFLICT (schema_name, object_name, column_name) DO UPDATE SET (label, columns) = ROW (EXCLUDED.label, EXCLUDED.columns)
            WHERE (d.label, d.columns) IS DISTINCT FROM (EXCLUDED.label, EXCLUDED.columns);
    END IF;
END
$$;
COMMENT ON FUNCTION ehds.remember_label(oid, oid, integer) IS
    'internal: copies the label of one object to ehds.declared_label, or removes the copy if the label is gone; called after each SECURITY LABEL. Raises ZE005 for the label public on a protected table';

CREATE FUNCTION ehds.remember_labels(schema name) RETURNS void
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    SET quote_all_identifiers = off
AS $$
    INSERT INTO ehds.declared_label AS d (schema_name, object_name, column_name, label, columns)
    SELECT n.nspname, c.relname, coalesce(a.attname, ''), l.label, CASE WHEN l.objsubid = 0 THEN ehds.columns_of(c.oid) END
      FROM pg_seclabel l
      JOIN pg_class c ON c.oid = l.objoid
      JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = l.objsubid AND l.objsubid <> 0
     WHERE l.provider = 'pg_ehds' AND l.classoid = 'pg_class'::regclass
       AND n.nspname = $1 AND c.relpersistence <> 't'
       AND NOT (l.objsubid = 0 AND EXISTS (SELECT FROM ehds.protected_table t WHERE t.relation = c.oid OR (t.schema_name, t.table_name) = (n.nspname, c.relname)))
    ON CONFLICT (schema_name, object_name, column_name) DO UPDATE SET (label, columns) = ROW (EXCLUDED.label, EXCLUDED.columns)
        WHERE (d.label, d.columns) IS DISTINCT FROM (EXCLUDED.label, EXCLUDED.columns)
$$;
COMMENT ON FUNCTION ehds.remember_labels(name) IS
    'internal: copies all labels in a schema to ehds.declared_label; removes none, since a table that is gone may come back';
