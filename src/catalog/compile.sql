-- compile: the schema, views and comments that a permit becomes

CREATE FUNCTION ehds.permit_sources(permit_id integer) RETURNS TABLE (relation regclass, schema_name name, table_name name)
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    WITH own AS (
        SELECT t.* FROM ehds.permit_table pt JOIN ehds.protected_table t USING (schema_name, table_name) WHERE pt.permit_id = $1)
    SELECT own.relation, own.schema_name, own.table_name FROM own
    UNION
    SELECT t.relation, t.schema_name, t.table_name
      FROM own JOIN ehds.protected_table t ON (t.schema_name, t.table_name) = (own.via_schema, own.via_table)
    UNION
    SELECT t.relation, t.schema_name, t.table_name
      FROM own JOIN ehds.population p USING (population)
               JOIN ehds.protected_table t ON (t.schema_name, t.table_name) = (p.identity_schema, p.identity_table)
$$;
COMMENT ON FUNCTION ehds.permit_sources(integer) IS
    'internal: every stored table that the views of a permit read: its tables, those that they are protected via, and the table of identities';

CREATE FUNCTION ehds.identifier_kind(column_name name) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT regexp_replace(regexp_replace(lower($1), '^(preceding|parent)_', ''), '_parent_id$', '_id') $$;
COMMENT ON FUNCTION ehds.identifier_kind(name) IS
    'internal: the kind of identifier in a column; columns that refer to the same rows get the same pseudonyms (preceding_visit_occurrence_id and visit_occurrence_id)';

CREATE FUNCTION ehds.is_identifier_column(relation oid, column_name name) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT coalesce(ehds.role_of($1, a.attnum) = 'professional-identifier', false)
              OR (lower(a.attname) ~ '_id$' AND lower(a.attname) !~ '_concept_id$'
                  AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'uuid'::regtype))
            FROM pg_attribute a WHERE a.attrelid = $1 AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped $$;
COMMENT ON FUNCTION ehds.is_identifier_column(oid, name) IS
    'internal: whether a pseudonymised permit replaces the values of a column: keys of rows (*_id but not *_concept_id: their order tells), and identifiers of professionals';

CREATE FUNCTION ehds.permit_query(permit_id integer, schema_name name, table_name name, extracted boolean) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    -- a point in time is written into the view: always in the same spelling
    SET datestyle = 'ISO, YMD'
    SET timezone = 'UTC'
AS $$
#variable_conflict use_column
DECLARE
    p        ehds.permit;
    pt       ehds.permit_table;
    t        ehds.protected_table;
    v        ehds.protected_table;          -- the table that it is protected via
    pop      ehds.population;
    i        ehds.protected_table;          -- the table of identities
    raw      text;                          -- the subject, as stored
    raw_type oid;
    ident    text;                          -- the identity, as stored; NULL if none is declared
    who      text;                          -- what oppositions are compared with
    who_type oid;
    source   text;
    guards   text[] := '{}';
    wheres   text[] := '{}';
    selected text[] := '{}';
    call     text := CASE WHEN extracted THEN 'ehds.pseudonym_of(%s, %L, %L)' ELSE 'ehds.pseudonym(%s, %L, %L, NULL::ehds.approval)' END;
    guarded  record;
    scope    text;
    filter   text;
    hidden   name;
    col      name;
    col_type oid;
BEGIN
    SELECT * INTO STRICT p FROM ehds.permit x WHERE x.permit_id = $1;
    SELECT * INTO STRICT pt FROM ehds.permit_table x WHERE (x.permit_id, x.schema_name, x.table_name) = ($1, $2, $3);
    SELECT * INTO t FROM ehds.protected_table x WHERE (x.schema_name, x.table_name) = ($2, $3);
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'ZE005', MESSAGE = format('table %I.%I is not protected', $2, $3);
    END IF;
    SELECT * INTO STRICT pop FROM ehds.population x WHERE x.population = t.population;
    IF pop.identity_table IS NOT NULL THEN
        SELECT * INTO STRICT i FROM ehds.protected_table x WHERE (x.schema_name, x.table_name) = (pop.identity_schema, pop.identity_table);
    END IF;

    FOR guarded IN SELECT * FROM ehds.permit_sources($1) s
                    WHERE (s.schema_name, s.table_name) IN (($2, $3), (t.via_schema, t.via_table), (pop.identity_schema, pop.identity_table))
                    ORDER BY (s.schema_name, s.table_name) <> ($2, $3), s.schema_name, s.table_name
    LOOP
        IF guarded.relation::oid IS DISTINCT FROM to_regclass(format('%I.%I', guarded.schema_name, guarded.table_name))::oid THEN
            RAISE EXCEPTION USING ERRCODE = 'ZE005',
                MESSAGE = format('table %I.%I is not the one that was declared', guarded.schema_name, guarded.table_name),
                HINT = format('Run SELECT * FROM ehds.after_load(%L).', guarded.schema_name);
        END IF;
        guards := guards || format('ehds.guard(%L, %L::regclass, %L, NULL::ehds.approval)', p.permit,
                                   format('%I.%I', guarded.schema_name, guarded.table_name),
                                   format('%I.%I', guarded.schema_name, guarded.table_name));
    END LOOP;

    source := format('%I.%I t', $2, $3);
    IF t.via_column IS NULL THEN
        raw := format('t.%I', t.subject);
        raw_type := ehds.column_type(t.relation, t.subject);
    ELSE
        SELECT * INTO STRICT v FROM ehds.protected_table x WHERE (x.schema_name, x.table_name) = (t.via_schema, t.via_table);
        IF NOT ehds.is_unique(v.relation, t.via_key) THEN
            RAISE EXCEPTION USING ERRCODE = 'ZE005', MESSAGE = format('column "%s" of %s is no longer unique', t.via_key, ehds.full_name(v.relation));
        END IF;
        raw := format('v.%I', v.subject);
        raw_type := ehds.column_type(v.relation, v.subject);
        source := source || format(' JOIN %I.%I v ON v.%I = t.%I', v.schema_name, v.table_name, t.via_key, t.via_column);
    END IF;
    wheres := wheres || format('%s IS NOT NULL', raw);

    IF i.relation IS NOT NULL THEN
        IF NOT ehds.is_unique(i.relation, i.subject) THEN
            RAISE EXCEPTION USING ERRCODE = 'ZE005', MESSAGE = format('column "%s" of %s is no longer unique', i.subject, ehds.full_name(i.relation));
        END IF;
        who_type := ehds.column_type(i.relation, i.identity);
        IF t.relation = i.relation THEN
            ident := format('t.%I', i.identity);
        ELSIF v.relation = i.relation THEN
            ident := format('v.%I', i.identity);
        ELSE
            ident := format('i.%I', i.identity);
            IF p.output = 'pseudonymised' THEN
                source := source || format(' JOIN %I.%I i ON i.%I = %s', i.schema_name, i.table_name, i.subject, raw);
            END IF;
        END IF;
        who := ident;
    ELSE
        who := raw;
        who_type := raw_type;
    END IF;

    scope := format('o.withdrawn_at IS NULL AND (o.population IS NULL OR o.population = %L) AND (o.purpose IS NULL OR o.purpose = %L) AND (o.permit IS NULL OR o.permit = %L) AND (o.table_name IS NULL OR (o.schema_name = %L AND o.table_name = %L)%s)',
                    t.population, p.purpose, p.permit, $2, $3,
                    -- who objects to a table objects to what hangs on its rows
                    CASE WHEN t.via_table IS NOT NULL THEN format(' OR (o.schema_name = %L AND o.table_name = %L)', t.via_schema, t.via_table) ELSE '' END);
    IF p.opposition_rule = 'at_activation' THEN
        scope := scope || format(' AND o.recorded_at < %L::timestamptz', coalesce(p.activated_at, 'infinity'));
    END IF;

    -- who can't be resolved could not be left out either, so belongs to nobody
    IF ident IS NOT NULL THEN
        ident := format('%s IS NOT NULL', who)
              || CASE WHEN ehds.type_family(who_type) = 'text' OR who_type = 'bpchar'::regtype THEN format(' AND btrim(%s::text, E'' \t\n\r'') <> ''''', who) ELSE '' END;
    END IF;
    IF ident IS NOT NULL AND p.output = 'statistics' AND who LIKE 'i.%' THEN
        wheres := wheres || format('EXISTS (SELECT FROM %I.%I i WHERE i.%I = %s AND %s)', i.schema_name, i.table_name, i.subject, raw, ident);
    ELSIF ident IS NOT NULL THEN
        wheres := wheres || ident;
    END IF;
    IF p.cohort_query IS NOT NULL THEN
        wheres := wheres || ehds.cohort_condition($1, raw, raw_type);
    END IF;
    IF p.exception_basis IS NOT NULL THEN
        NULL;
    ELSIF i.relation IS NOT NULL THEN
        -- over every row with this key: the unique index that was there may have gone
        wheres := wheres || format('NOT EXISTS (SELECT FROM %I.%I x, ehds.opposition o WHERE x.%I = %s AND %s AND %s)', i.schema_name, i.table_name, i.subject, raw,
                                   ehds.matches_opposition(who_type, format('x.%I', i.identity)), scope);
    ELSE
        wheres := wheres || format('NOT EXISTS (SELECT FROM ehds.opposition o WHERE %s AND %s)', ehds.matches_opposition(who_type, who), scope);
    END IF;
    IF pt.row_filter IS NOT NULL THEN
        filter := ehds.check_row_filter(t.relation, t.subject, pt.row_filter);
        -- columns are written t.name in it; a text that looks like one is refused too
        FOR hidden IN SELECT a.attname FROM pg_attribute a
                       WHERE a.attrelid = t.relation AND a.attnum > 0 AND NOT a.attisdropped
                         AND (a.attname IS NOT DISTINCT FROM t.identity OR ehds.role_of(t.relation, a.attnum) = 'identifier') LOOP
            IF strpos(filter, 't.*') > 0
               OR filter ~ ('(^|[^A-Za-z0-9_$])t\.' || regexp_replace(quote_ident(hidden), '([^A-Za-z0-9_])', '\\\1', 'g') || '($|[^A-Za-z0-9_$])') THEN
                RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
                    MESSAGE = format('column "%s" of %s is an identifier and selects no rows', hidden, ehds.full_name(t.relation)),
                    HINT = 'A row filter chooses by other columns: persons are not picked out by name.';
            END IF;
        END LOOP;
        wheres := wheres || format('(%s)', filter);
    END IF;

    FOREACH col IN ARRAY pt.columns LOOP
        IF col = pt.subject_column THEN
            selected := selected || format('%s AS %I',
                CASE WHEN p.output = 'statistics' THEN raw
                     WHEN ehds.type_family(who_type) = 'text' OR who_type = 'bpchar'::regtype
                     THEN format(call, format('btrim(%s::text, E'' \t\n\r'')', who), p.permit, 'subject')
                     WHEN i.relation IS NOT NULL OR ehds.type_family(raw_type) <> 'integer' THEN format(call, who || '::text', p.permit, 'subject')
                     ELSE format(call, raw || '::bigint', p.permit, 'subject') END, col);
            CONTINUE;
        END IF;
        col_type := ehds.column_type(t.relation, col);
        IF p.output = 'pseudonymised'
           AND (coalesce((SELECT ehds.role_of(t.relation, a.attnum) FROM pg_attribute a WHERE a.attrelid = t.relation AND a.attname = col) = 'professional-identifier', false)
                OR (lower(col) ~ '_id$' AND lower(col) !~ '_concept_id$'))
           AND col_type NOT IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'uuid'::regtype) THEN
            RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
                MESSAGE = format('column "%s" of %s is of type %s, of which there are no pseudonyms', col, ehds.full_name(t.relation), format_type(col_type, NULL)),
                DETAIL = 'Under output pseudonymised, keys of rows (*_id) and identifiers of professionals are replaced; types for that are smallint, integer, bigint, text, varchar, char and uuid.',
                HINT = 'Name the columns of the permit without this one.';
        END IF;
        selected := selected || format('%s AS %I',
            CASE WHEN p.output = 'statistics' OR NOT ehds.is_identifier_column(t.relation, col) THEN format('t.%I', col)
                 -- 0 stands for "none" in keys of rows, and is no value that a pseudonym could have
                 WHEN col_type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
                 THEN format(call, format('NULLIF(t.%I, 0)::bigint', col), p.permit, ehds.identifier_kind(col))
                 ELSE format(call, format('t.%I::text', col), p.permit, ehds.identifier_kind(col)) END, col);
    END LOOP;

    RETURN format(E'SELECT %s\n  FROM %s\n WHERE %s', array_to_string(selected, E',\n       '), source,
                  array_to_string(CASE WHEN extracted THEN wheres ELSE guards || wheres END, E'\n   AND '));
END
$$;
COMMENT ON FUNCTION ehds.permit_query(integer, name, name, boolean) IS
    'internal: the query of a permit''s view, or with extracted that of its extract, which is the same without guards and approvals: the permitted columns and rows of persons who are known and did not object. Raises ZE005 if a table is not the one that was declared, 42501 for a row filter over identifiers, 22023 for an identifier of a type without pseudonyms';

CREATE FUNCTION ehds.column_treatment(permit_id integer, schema_name name, table_name name, column_name name) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN $4 = pt.subject_column AND p.output = 'statistics' THEN 'subject, as stored: leaves in protected aggregates only'
        WHEN $4 = pt.subject_column THEN format('subject, pseudonym in the domain of permit %s (keyed, of the %s)', p.permit,
                                                CASE WHEN pop.identity_table IS NULL THEN 'subject key' ELSE 'identity' END)
        WHEN p.output = 'statistics' THEN 'as stored: leaves in protected aggregates only'
        WHEN ehds.is_identifier_column(t.relation, $4) THEN format('pseudonym in the domain of permit %s (keyed, kind %s; 0 becomes NULL)', p.permit, ehds.identifier_kind($4))
        ELSE 'as stored' END
      FROM ehds.permit p
      JOIN ehds.permit_table pt USING (permit_id)
      JOIN ehds.protected_table t ON (t.schema_name, t.table_name) = (pt.schema_name, pt.table_name)
      JOIN ehds.population pop ON pop.population = t.population
     WHERE p.permit_id = $1 AND pt.schema_name = $2 AND pt.table_name = $3
$$;
COMMENT ON FUNCTION ehds.column_treatment(integer, name, name, name) IS
    'internal: in words, what a permit does to a column; for comments and manifests';

CREATE FUNCTION ehds.definition_of(view oid) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    SET datestyle = 'ISO, YMD'
    SET timezone = 'UTC'
    SET quote_all_identifiers = off
    AS $$ SELECT pg_get_viewdef($1) $$;
COMMENT ON FUNCTION ehds.definition_of(oid) IS
    'internal: the query of a view, spelt alike in every session; NULL if there is no such view';

CREATE FUNCTION ehds.compile_table(permit_id integer, schema_name name, table_name name) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET datestyle = 'ISO, YMD'
AS $$
#variable_conflict use_column
DECLARE
    p       ehds.permit;
    pt      ehds.permit_table;
    query   text := ehds.permit_query($1, $2, $3, false);
    target  text;
    col     name;
BEGIN
    SELECT * INTO STRICT p FROM ehds.permit x WHERE x.permit_id = $1;
    SELECT * INTO STRICT pt FROM ehds.permit_table x WHERE (x.permit_id, x.schema_name, x.table_name) = ($1, $2, $3);
    target := format('%I.%I', p.schema_name, pt.view_name);

    -- replaced in place where the columns allow it, so that views of analysts on it live on
    BEGIN
        EXECUTE format('CREATE OR REPLACE VIEW %s WITH (security_barrier) AS %s', target, query);
    EXCEPTION WHEN invalid_table_definition THEN
        BEGIN
            EXECUTE format('DROP VIEW %s', target);
        EXCEPTION WHEN dependent_objects_still_exist THEN
            RAISE EXCEPTION USING ERRCODE = 'dependent_objects_still_exist',
                MESSAGE = format('view %s cannot get other columns, since other views depend on it', target),
                DETAIL = (SELECT format('Dependent: %s.', string_agg(DISTINCT ehds.full_name(r.ev_class), ', '))
                            FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
                           WHERE d.classid = 'pg_rewrite'::regclass AND d.refobjid = to_regclass(target) AND r.ev_class <> to_regclass(target)),
                HINT = 'Have these views dropped first.';
        END;
        EXECUTE format('CREATE VIEW %s WITH (security_barrier) AS %s', target, query);
    END;
    EXECUTE format('ALTER VIEW %s OWNER TO ehds_owner', target);
    EXECUTE format('REVOKE ALL ON TABLE %s FROM PUBLIC', target);
    EXECUTE format('GRANT SELECT ON TABLE %s TO %s', target, p.grantee);
    EXECUTE format('COMMENT ON VIEW %s IS %L', target,
        format('permit %s, purpose %s, until %s: %I.%I for %s%s%s', p.permit, p.purpose, p.valid_until, $2, $3,
               CASE p.output WHEN 'statistics' THEN 'statistics' ELSE 'pseudonymised rows (personal data, not anonymous: RGPD recital 26)' END,
               ', rows: ' || coalesce(pt.row_filter, 'all') || coalesce(', cohort: ' || p.cohort_description, ''),
               CASE WHEN p.exception_basis IS NOT NULL THEN ', oppositions do not count (EHDS 71(4)): ' || p.exception_basis
                    ELSE ', persons who object are left out' END));
    FOREACH col IN ARRAY pt.columns LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', target, col, ehds.column_treatment($1, $2, $3, col));
    END LOOP;

    UPDATE ehds.permit_table SET view = target::regclass, definition = ehds.definition_of(target::regclass)
     WHERE (permit_id, schema_name, table_name) = ($1, $2, $3);
END
$$;
COMMENT ON FUNCTION ehds.compile_table(integer, name, name) IS
    'internal: makes or replaces one view of a permit, owned by ehds_owner, readable for the grantee; raises ZE005, and 2BP01 if views of others stand in the way';

CREATE FUNCTION ehds.open_public_tables(permit_id integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    who regrole;
    one record;
BEGIN
    SELECT p.grantee INTO STRICT who FROM ehds.permit p WHERE p.permit_id = $1;
    FOR one IN
        SELECT DISTINCT n.nspname, c.oid
          FROM ehds.permit_table pt
          JOIN pg_namespace n ON n.nspname = pt.schema_name
          JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'm', 'f')
         WHERE pt.permit_id = $1 AND ehds.label_of(c.oid) = 'public'
           -- whatever the label says: not what is protected, or read together with it
           AND NOT EXISTS (SELECT FROM ehds.protected_table t CROSS JOIN LATERAL ehds.with_children(t.relation) child WHERE child = c.oid)
           AND NOT EXISTS (SELECT FROM ehds.with_children(c.oid) child JOIN ehds.protected_table t ON t.relation = child)
           AND NOT EXISTS (SELECT FROM ehds.protected_table t WHERE (t.schema_name, t.table_name) = (n.nspname, c.relname))
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %s', one.nspname, who);
        EXECUTE format('GRANT SELECT ON TABLE %s TO %s', one.oid::regclass, who);
    END LOOP;
END
$$;
COMMENT ON FUNCTION ehds.open_public_tables(integer) IS
    'internal: lets the grantee of a permit read the public tables beside the permit''s own (vocabularies), which its queries join';

CREATE FUNCTION ehds.compile_permit(permit_id integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    one record;
BEGIN
    FOR one IN SELECT pt.schema_name, pt.table_name FROM ehds.permit_table pt WHERE pt.permit_id = $1 ORDER BY 1, 2 LOOP
        PERFORM ehds.compile_table($1, one.schema_name, one.table_name);
    END LOOP;
    PERFORM ehds.open_public_tables($1);
END
$$;
COMMENT ON FUNCTION ehds.compile_permit(integer) IS 'internal: compiles every view of a permit';

REVOKE ALL ON FUNCTION ehds.permit_sources(integer), ehds.identifier_kind(name), ehds.is_identifier_column(oid, name),
    ehds.permit_query(integer, name, name, boolean), ehds.column_treatment(integer, name, name, name),
    ehds.definition_of(oid), ehds.compile_table(integer, name, name),
    ehds.open_public_tables(integer), ehds.compile_permit(integer) FROM PUBLIC;
