-- after_load: declarations are kept by name, so they find again what a load has swapped or rebuilt

CREATE FUNCTION ehds.load_objection(schema_name name, table_name name) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    SET quote_all_identifiers = off
AS $$
#variable_conflict use_column
DECLARE
    t      ehds.protected_table;
    parent regclass;
    now_is regclass := to_regclass(format('%I.%I', $1, $2));
BEGIN
    SELECT * INTO STRICT t FROM ehds.protected_table x WHERE (x.schema_name, x.table_name) = ($1, $2);
    PERFORM ehds.check_kind(now_is);
    IF ehds.label_of(now_is) = 'public' THEN
        RETURN 'is labelled public, but was declared as protected';
    ELSIF t.subject IS NOT NULL AND ehds.type_family(ehds.column_type(now_is, t.subject)) IS NULL THEN
        RETURN format('column %I has a type that cannot be a subject', t.subject);
    ELSIF t.identity IS NOT NULL AND NOT ehds.is_unique(now_is, t.subject) THEN
        RETURN format('column %I has no unique index, and the table holds the identities', t.subject);
    ELSIF t.identity IS NOT NULL AND ehds.column_type(now_is, t.identity)
          NOT IN ('int8'::regtype, 'int4'::regtype, 'text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'uuid'::regtype) THEN
        RETURN format('column %I has a type that cannot hold identities', t.identity);
    ELSIF t.via_column IS NOT NULL THEN
        parent := to_regclass(format('%I.%I', t.via_schema, t.via_table));
        IF parent IS NULL THEN
            RETURN format('is protected via %I.%I, which is missing', t.via_schema, t.via_table);
        ELSIF ehds.type_family(ehds.column_type(now_is, t.via_column)) IS DISTINCT FROM ehds.type_family(ehds.column_type(parent, t.via_key)) THEN
            RETURN format('column %I no longer fits %I.%I.%I', t.via_column, t.via_schema, t.via_table, t.via_key);
        ELSIF NOT ehds.is_unique(parent, t.via_key) THEN
            RETURN format('column %I of %I.%I has no unique index', t.via_key, t.via_schema, t.via_table);
        END IF;
    END IF;
    RETURN NULL;
EXCEPTION WHEN undefined_column OR wrong_object_type OR invalid_parameter_value THEN
    RETURN SQLERRM;
END
$$;
COMMENT ON FUNCTION ehds.load_objection(name, name) IS
    'internal: why the table that bears a declared name now cannot be what was declared; NULL if it can';

CREATE FUNCTION ehds.changed_columns(before jsonb, after jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    SET quote_all_identifiers = off
AS $$
    SELECT string_agg(CASE WHEN b.value IS NULL THEN format('new column %I (in no permit)', a.key)
                           WHEN a.value IS NULL THEN format('column %I is gone', b.key)
                           ELSE format('column %I was %s and is %s', b.key, b.value, a.value) END, ', ' ORDER BY coalesce(a.key, b.key))
      FROM jsonb_each_text($1) b FULL JOIN jsonb_each_text($2) a USING (key)
     WHERE a.value IS DISTINCT FROM b.value
$$;
COMMENT ON FUNCTION ehds.changed_columns(jsonb, jsonb) IS
    'internal: in words, how the columns of a table differ from what they were; NULL if they do not';

CREATE FUNCTION ehds.after_load(schema name) RETURNS TABLE (object text, action text, detail text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET quote_all_identifiers = off
AS $$
#variable_conflict use_column
DECLARE
    one      record;
    rel      regclass;
    n        integer;
    failed   text;
    before   jsonb := '{}';
    fitting  text[] := '{}';
    misfits  text[] := '{}';
    found_again regclass[] := '{}';
    had      text;
    changes  text;
    differs  text;
    others   text[] := '{}';
BEGIN
    IF NOT EXISTS (SELECT FROM pg_namespace x WHERE x.nspname = $1) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_schema_name', MESSAGE = format('schema "%s" does not exist', $1);
    END IF;
    PERFORM ehds.ensure_key();
    LOCK TABLE ehds.protected_table, ehds.permit_table IN SHARE ROW EXCLUSIVE MODE;

    -- a label public that stayed on record of a table which is protected now means another table of its name
    DELETE FROM ehds.declared_label d
     WHERE d.schema_name = $1 AND d.column_name = '' AND d.label = 'public'
       AND EXISTS (SELECT FROM ehds.protected_table t
                    WHERE (t.schema_name, t.table_name) = (d.schema_name, d.object_name)
                       OR to_regclass(format('%I.%I', d.schema_name, d.object_name)) IN (SELECT ehds.with_children(t.relation)));

    -- labels: what the rebuilt table lost comes back; what it has stays
    FOR one IN SELECT d.object_name, array_agg(d.column_name ORDER BY d.column_name) AS columns
                 FROM ehds.declared_label d WHERE d.schema_name = $1 GROUP BY 1 ORDER BY 1 LOOP
        object := format('%I.%I', $1, one.object_name);
        rel := to_regclass(object);
        n := 0;
        failed := NULL;
        differs := NULL;
        IF rel IS NULL THEN
            CONTINUE WHEN EXISTS (SELECT FROM ehds.protected_table t WHERE (t.schema_name, t.table_name) = ($1, one.object_name));
            action := 'missing';
            detail := 'has labels on record, and there is no such table';
            RETURN NEXT;
            CONTINUE;
        END IF;
        FOR had, changes IN SELECT d.column_name, d.label FROM ehds.declared_label d
                             WHERE d.schema_name = $1 AND d.object_name = one.object_name ORDER BY 1 LOOP
            IF had = '' THEN
                CONTINUE WHEN ehds.label_of(rel) IS NOT NULL;
                differs := (SELECT ehds.changed_columns(coalesce(d.columns, '{}'), ehds.columns_of(rel)) FROM ehds.declared_label d
                             WHERE (d.schema_name, d.object_name, d.column_name) = ($1, one.object_name, ''));
                CONTINUE WHEN differs IS NOT NULL;
            ELSIF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = rel AND a.attname = had AND NOT a.attisdropped) THEN
                failed := concat_ws(', ', failed, format('column %I is gone', had));
                CONTINUE;
            ELSE
                CONTINUE WHEN EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = rel AND a.attname = had AND ehds.label_of(rel, a.attnum) IS NOT NULL);
            END IF;
            BEGIN
                PERFORM ehds.set_label(rel, nullif(had, '')::name, changes);
                n := n + 1;
            EXCEPTION WHEN invalid_parameter_value OR datatype_mismatch OR wrong_object_type OR SQLSTATE 'ZE005' THEN
                failed := concat_ws(', ', failed, SQLERRM);
            END;
        END LOOP;
        IF n > 0 OR failed IS NOT NULL THEN
            action := CASE WHEN failed IS NULL THEN 'relabelled' ELSE 'labels incomplete' END;
            detail := concat_ws('; ', CASE WHEN n > 0 THEN n || ' labels' END, failed);
            RETURN NEXT;
        END IF;
        IF differs IS NOT NULL THEN
            action := 'undeclared';
            detail := format('was public with other columns: %s. Refused under a permit. If no row is about a person: SECURITY LABEL FOR pg_ehds ON TABLE %s IS ''public''',
                             differs, object);
            others := others || rel::oid::text;
            RETURN NEXT;
        END IF;
    END LOOP;

    -- protected tables: linked again by name
    FOR one IN SELECT t.*, to_regclass(format('%I.%I', t.schema_name, t.table_name)) AS now_is
                 FROM ehds.protected_table t WHERE t.schema_name = $1 ORDER BY t.table_name LOOP
        object := format('%I.%I', one.schema_name, one.table_name);
        before := before || jsonb_build_object(one.table_name::text, one.columns);
        IF one.now_is IS NULL THEN
            action := 'missing';
            detail := format('is declared as protected, and there is no such table: permits on it refuse. If it is gone for good, close its permits, then SELECT ehds.unprotect(%s)', one.relation::oid);
            RETURN NEXT;
            CONTINUE;
        END IF;
        failed := ehds.load_objection(one.schema_name, one.table_name);
        changes := ehds.changed_columns(one.columns, ehds.columns_of(one.now_is));
        IF failed IS NOT NULL THEN
            action := 'refused';
            detail := concat_ws('; ', failed, changes, 'permits on it refuse');
            RETURN NEXT;
            CONTINUE;
        END IF;
        had := ehds.close_to_public(one.now_is);
        IF one.now_is = one.relation AND changes IS NULL AND had IS NULL THEN
            action := 'unchanged';
            detail := NULL;
        ELSE
            action := CASE WHEN one.now_is = one.relation THEN 'changed' ELSE 'found again' END;
            detail := nullif(concat_ws('; ', changes, 'PUBLIC lost ' || had), '');
        END IF;
        fitting := fitting || one.table_name::text;
        IF one.now_is <> one.relation THEN
            found_again := found_again || one.now_is;
        END IF;
        RETURN NEXT;
    END LOOP;
    -- in one statement: two tables may have swapped names
    UPDATE ehds.protected_table t SET relation = to_regclass(format('%I.%I', t.schema_name, t.table_name))
     WHERE t.schema_name = $1 AND t.table_name::text = ANY (fitting)
       AND t.relation <> to_regclass(format('%I.%I', t.schema_name, t.table_name));
    PERFORM ehds.remember_labels($1);

    -- permits that read a table of this schema
    FOR one IN
        SELECT p.permit_id, p.permit, p.schema_name AS view_schema, pt.schema_name, pt.table_name, pt.view_name, pt.view, pt.columns, pt.definition, pt.subject_column
          FROM ehds.permit p JOIN ehds.permit_table pt USING (permit_id)
         WHERE p.status IN ('draft', 'active')
           AND EXISTS (SELECT FROM ehds.permit_sources(p.permit_id) s WHERE s.schema_name = $1)
         ORDER BY p.permit, pt.view_name
    LOOP
        object := format('%I.%I', one.view_schema, one.view_name);
        rel := to_regclass(format('%I.%I', one.schema_name, one.table_name));
        IF one.schema_name = $1 AND before ? one.table_name::text AND rel IS NOT NULL THEN
            SELECT string_agg(format('column %I %s', c, CASE WHEN ehds.columns_of(rel) ? c::text THEN 'has another type' ELSE 'is gone' END), ', ') INTO changes
              FROM unnest(one.columns) c
             WHERE before -> one.table_name::text ? c::text
               AND before -> one.table_name::text ->> c::text IS DISTINCT FROM ehds.columns_of(rel) ->> c::text;
            IF changes IS NOT NULL THEN
                action := 'refused';
                detail := format('permit %s: %s; the view refuses until ehds.permit_table() is run for this table again', one.permit, changes);
                misfits := misfits || one.table_name::text;
                RETURN NEXT;
                CONTINUE;
            END IF;
        END IF;
        detail := format('permit %s', one.permit);
        IF one.definition IS NOT DISTINCT FROM ehds.definition_of(one.view)
           AND (SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = one.view) = 'ehds_owner'
           AND NOT EXISTS (SELECT FROM ehds.permit_sources(one.permit_id) s WHERE s.relation = ANY (found_again)) THEN
            action := 'unchanged';
        ELSE
            BEGIN
                PERFORM ehds.compile_table(one.permit_id, one.schema_name, one.table_name);
                action := 'recompiled';
            EXCEPTION WHEN OTHERS THEN
                action := 'refused';
                detail := format('permit %s: %s', one.permit, SQLERRM);
                misfits := misfits || one.table_name::text;
            END;
        END IF;
        RETURN NEXT;
    END LOOP;
    -- keys of a new table of identities may mean other persons
    UPDATE ehds.sealed_table s SET version = 0
      FROM ehds.permit p JOIN ehds.population q USING (population)
      JOIN ehds.protected_table t ON (t.schema_name, t.table_name) = (q.identity_schema, q.identity_table)
     WHERE p.permit_id = s.permit_id AND t.relation = ANY (found_again);
    -- what a permit still waits for stays on record as it was, so that the next run says so again
    UPDATE ehds.protected_table t SET columns = ehds.columns_of(t.relation)
     WHERE t.schema_name = $1 AND t.table_name::text = ANY (fitting) AND t.table_name::text <> ALL (misfits)
       AND t.columns <> ehds.columns_of(t.relation);
    FOR one IN SELECT DISTINCT p.permit_id FROM ehds.permit p JOIN ehds.permit_table pt USING (permit_id)
                WHERE p.status = 'active' AND pt.schema_name = $1 LOOP
        PERFORM ehds.open_public_tables(one.permit_id);
    END LOOP;

    -- who is in a cohort may have changed with the data
    FOR one IN SELECT DISTINCT p.permit, p.cohort_by FROM ehds.permit p
                WHERE p.status IN ('draft', 'active') AND p.cohort_query IS NOT NULL
                  AND EXISTS (SELECT FROM ehds.permit_sources(p.permit_id) s WHERE s.schema_name = $1) ORDER BY 1 LOOP
        object := 'cohort of permit ' || one.permit;
        BEGIN
            IF one.cohort_by = session_user THEN
                action := 'refreshed';
                detail := ehds.refresh_cohort(one.permit);
            ELSE
                action := 'not refreshed';
                detail := format('as before the load, until %s runs SELECT ehds.refresh_cohort(%L)', one.cohort_by, one.permit);
            END IF;
        EXCEPTION WHEN OTHERS THEN
            action := 'refused';
            detail := SQLERRM;
        END;
        RETURN NEXT;
    END LOOP;

    RETURN QUERY
        SELECT ehds.full_name(c.oid), 'undeclared'::text,
               'neither protected nor public: refused under a permit. A copy of a protected table is as sensitive as the table: drop it or take its rights away'::text
          FROM pg_class c JOIN pg_namespace x ON x.oid = c.relnamespace
         WHERE x.nspname = $1 AND c.relkind IN ('r', 'p', 'f', 'm') AND NOT c.relispartition
           AND NOT EXISTS (SELECT FROM ehds.protected_table t WHERE t.relation = c.oid)
           AND ehds.label_of(c.oid) IS NULL AND c.oid::text <> ALL (others)
         ORDER BY 1;
    PERFORM ehds.record_decision('after_load', NULL, NULL, format('schema %s', $1));
END
$$;
COMMENT ON FUNCTION ehds.after_load(name) IS
    'after a load has swapped, rebuilt or changed tables of a schema: finds the declared ones again by name, gives back labels and grants, compiles the views of permits again, and lists what is missing or does not fit (that part goes on refusing). Returns what it did; changes nothing where nothing changed. Raises 3F000';

REVOKE ALL ON FUNCTION ehds.load_objection(name, name), ehds.changed_columns(jsonb, jsonb), ehds.after_load(name) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ehds.after_load(name) TO ehds_admin;
