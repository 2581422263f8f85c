-- model: a whole OMOP warehouse declared in one call

-- Which tables of the OMOP CDM (5.3 and 5.4) are about persons, and how.
CREATE FUNCTION ehds.omop_tables() RETURNS TABLE (table_name name, subject name, via_column name, via_table name, via_key name, public boolean)
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    -- in this order: the table of identities first, a parent before what is protected via it
    SELECT t, s, NULL::name, NULL::name, NULL::name, false
      FROM (VALUES ('person'::name, 'person_id'::name), ('observation_period', 'person_id'), ('death', 'person_id'),
                   ('visit_occurrence', 'person_id'), ('visit_detail', 'person_id'),
                   ('condition_occurrence', 'person_id'), ('drug_exposure', 'person_id'),
                   ('procedure_occurrence', 'person_id'), ('device_exposure', 'person_id'),
                   ('measurement', 'person_id'), ('observation', 'person_id'),
                   ('note', 'person_id'), ('specimen', 'person_id'), ('survey_conduct', 'person_id'),
                   ('payer_plan_period', 'person_id'), ('condition_era', 'person_id'),
                   ('drug_era', 'person_id'), ('dose_era', 'person_id'), ('episode', 'person_id'),
                   ('cohort', 'subject_id'), ('cohort_attribute', 'subject_id')) AS v(t, s)
    UNION ALL
    SELECT t, NULL, c, p, k, false
      FROM (VALUES ('note_nlp'::name, 'note_id'::name, 'note'::name, 'note_id'::name),
                   ('episode_event', 'episode_id', 'episode', 'episode_id')) AS v(t, c, p, k)
    UNION ALL
    SELECT t, NULL, NULL, NULL, NULL, true
      FROM unnest('{concept,vocabulary,domain,concept_class,concept_relationship,relationship,concept_synonym,concept_ancestor,source_to_concept_map,drug_strength,cdm_source}'::name[]) AS t
$$;
COMMENT ON FUNCTION ehds.omop_tables() IS
    'internal: how each table of the OMOP CDM 5.3 and 5.4 is declared; tables that are not here stay undeclared. Source: ohdsi.github.io/CommonDataModel';

-- What a column of an OMOP table is. Keys of rows need no label: permits treat them by their names.
CREATE FUNCTION ehds.omop_label(table_name name, column_name name) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN $2 = 'provider_id' THEN 'professional-identifier'
        -- numbers of stays, documents, samples, implants and policies lead to the person by themselves
        WHEN $2 IN ('person_source_value', 'visit_source_value', 'visit_detail_source_value', 'note_source_value',
                    'specimen_source_id', 'unique_device_id', 'production_id', 'family_source_value') THEN 'identifier'
        -- free text holds names
        WHEN $2 IN ('note_text', 'note_title', 'snippet', 'lexical_variant') THEN 'identifier'
        WHEN $1 = 'person' AND ($2 IN ('year_of_birth', 'month_of_birth', 'day_of_birth', 'birth_datetime', 'location_id', 'care_site_id')
                                OR $2 ~ '^(gender|race|ethnicity)_') THEN 'quasi-identifier'
        WHEN $2 IN ('death_date', 'death_datetime', 'zip', 'location_id') THEN 'quasi-identifier'
        WHEN $2 IN ('person_id', 'subject_id') THEN NULL
        WHEN $2 ~ '_id$' AND $2 !~ '_concept_id$' THEN NULL
        ELSE 'sensitive'
    END
$$;
COMMENT ON FUNCTION ehds.omop_label(name, name) IS
    'internal: the label of a column of a protected OMOP table; NULL for the subject and for keys of rows';

CREATE FUNCTION ehds.find_column(relation oid, column_name name) RETURNS name
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT a.attname FROM pg_attribute a
           WHERE a.attrelid = $1 AND lower(a.attname) = $2 AND a.attnum > 0 AND NOT a.attisdropped
           ORDER BY a.attname DESC LIMIT 1 $$;
COMMENT ON FUNCTION ehds.find_column(oid, name) IS
    'internal: the column with this name in either case; NULL if there is none';

CREATE FUNCTION ehds.protect_model(model text, schema name DEFAULT 'omop')
    RETURNS TABLE (object text, action text, detail text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    space    oid;
    entry    record;
    rel      regclass;
    parent   regclass;
    keycol   name;
    resolver regclass;
    ident    name;
    bad      bigint;
    why_not  text;
    fresh    boolean;
    known    boolean;
    labelled text;
    given    jsonb;
    changed  bigint := 0;
BEGIN
    IF $1 IS NULL OR $1 NOT IN ('omop-5.4', 'omop-5.3') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('model "%s" is not known', $1),
            HINT = 'Known models are omop-5.4 and omop-5.3. Other tables are declared one by one with ehds.protect().';
    END IF;
    SELECT n.oid INTO space FROM pg_namespace n WHERE n.nspname = $2;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_schema_name', MESSAGE = format('schema "%s" does not exist', $2);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = space AND lower(c.relname) = 'person' AND c.relkind IN ('r', 'p')) THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_table',
            MESSAGE = format('schema "%s" has no table person', $2),
            HINT = 'Name the schema that holds the OMOP tables: ehds.protect_model(''omop-5.4'', schema => ...).';
    END IF;
    PERFORM ehds.ensure_key();
    known := EXISTS (SELECT FROM ehds.population p WHERE p.population = $2);

    FOR entry IN
        SELECT o.*, c.oid::regclass AS rel, c.relname
          FROM ehds.omop_tables() WITH ORDINALITY AS o(table_name, subject, via_column, via_table, via_key, public, place)
          JOIN pg_class c ON c.relnamespace = space AND lower(c.relname) = o.table_name
                         AND c.relkind IN ('r', 'p') AND NOT c.relispartition
         ORDER BY o.place
    LOOP
        rel := entry.rel;
        object := ehds.full_name(rel);
        action := 'unchanged';
        detail := NULL;
        fresh := false;

        IF entry.public THEN
            IF EXISTS (SELECT FROM ehds.protected_table p WHERE p.relation = rel) THEN
                detail := 'protected by another declaration';
            ELSIF ehds.label_of(rel) IS NULL THEN
                PERFORM ehds.set_label(rel, NULL, 'public');
                action := 'public';
                detail := 'no row is about a person';
                changed := changed + 1;
            END IF;
            RETURN NEXT;
            CONTINUE;
        END IF;

        IF ehds.label_of(rel) = 'public' THEN
            action := 'refused';
            detail := format('is labelled public, but its rows are about persons: run SECURITY LABEL FOR pg_ehds ON TABLE %s IS NULL, then this again', object);
            RETURN NEXT;
            CONTINUE;
        END IF;

        IF NOT EXISTS (SELECT FROM ehds.protected_table p WHERE p.relation = rel) THEN
            IF entry.subject IS NOT NULL THEN
                keycol := ehds.find_column(rel, entry.subject);
                IF keycol IS NULL OR ehds.type_family(ehds.column_type(rel, keycol)) IS NULL THEN
                    action := 'undeclared';
                    detail := format('has no column %s of a type for subjects; protect it by another column', entry.subject);
                    RETURN NEXT;
                    CONTINUE;
                END IF;
                BEGIN
                    detail := ehds.protect(rel, subject => keycol, population => $2);
                EXCEPTION WHEN datatype_mismatch OR invalid_parameter_value THEN
                    -- one table that does not fit must not keep the others unprotected
                    action := 'undeclared';
                    detail := SQLERRM;
                    RETURN NEXT;
                    CONTINUE;
                END;
            ELSE
                SELECT c.oid INTO parent FROM pg_class c
                 WHERE c.relnamespace = space AND lower(c.relname) = entry.via_table AND c.relkind IN ('r', 'p');
                IF parent IS NULL
                   OR NOT EXISTS (SELECT FROM ehds.protected_table p WHERE p.relation = parent)
                   OR NOT ehds.is_unique(parent, ehds.find_column(parent, entry.via_key))
                   OR ehds.find_column(rel, entry.via_column) IS NULL THEN
                    action := 'undeclared';
                    detail := format('is about persons via %I.%I; make that table''s %I unique (CREATE UNIQUE INDEX), then run this again',
                                     $2, entry.via_table, entry.via_key);
                    RETURN NEXT;
                    CONTINUE;
                END IF;
                detail := ehds.protect(rel, via => format('%I -> %s.%I', ehds.find_column(rel, entry.via_column),
                                                           ehds.full_name(parent), ehds.find_column(parent, entry.via_key)));
            END IF;
            detail := regexp_replace(detail, '^.* is protected: ', '');
            action := 'protected';
            fresh := true;
        END IF;

        IF entry.table_name = 'person' THEN
            resolver := rel;
            why_not := NULL;
            ident := ehds.find_column(rel, 'person_source_value');
            IF NOT EXISTS (SELECT FROM ehds.protected_table p WHERE p.relation = rel AND p.identity IS NULL)
               OR EXISTS (SELECT FROM ehds.population p WHERE p.population = $2 AND p.identity_table IS NOT NULL) THEN
                NULL;               -- it has one
            ELSIF ident IS NULL THEN
                why_not := 'there is no person_source_value';
            ELSIF NOT ehds.is_unique(rel, ehds.find_column(rel, 'person_id')) THEN
                why_not := 'person_id has no unique index';
            ELSE
                SELECT x[1]::bigint INTO bad
                  FROM ehds.read_as_owner(format('SELECT ARRAY[count(*)::text] FROM %s WHERE %I IS NULL OR btrim(%I::text, E'' \t\n\r'') = ''''', rel, ident, ident)) x;
                IF bad > 0 THEN
                    why_not := format('person_source_value is empty for %s persons', bad);
                ELSIF EXISTS (SELECT FROM ehds.permit p WHERE p.population = $2 AND p.status IN ('draft', 'active')) THEN
                    why_not := 'permits are in use';
                ELSE
                    PERFORM ehds.declare_identity(rel, ident, NOT known);
                    detail := concat_ws(', ', detail, 'identity ' || ident);
                    action := CASE WHEN fresh THEN 'protected' ELSE 'changed' END;
                    fresh := true;
                END IF;
            END IF;
            IF why_not IS NOT NULL THEN
                detail := concat_ws('; ', detail, format('without identity, since %s: oppositions and pseudonyms attach to person_id, which a load may renumber', why_not));
            END IF;
        END IF;

        given := '{}';
        FOR keycol, labelled IN
            SELECT a.attname, ehds.omop_label(entry.table_name, lower(a.attname)::name)
              FROM pg_attribute a
             WHERE a.attrelid = rel AND a.attnum > 0 AND NOT a.attisdropped
               AND ehds.label_of(rel, a.attnum) IS NULL
             ORDER BY a.attnum
        LOOP
            IF labelled IS NOT NULL THEN
                PERFORM ehds.set_label(rel, keycol, labelled);
                given := given || jsonb_build_object(keycol::text, labelled);
                changed := changed + 1;
            END IF;
        END LOOP;
        IF given <> '{}' THEN
            -- identifiers by name: no permit has them; the others can be looked up
            detail := concat_ws('; ', detail,
                (SELECT 'labels: ' || string_agg(CASE g.label WHEN 'identifier' THEN 'identifier ' || g.names ELSE g.n || ' ' || g.label END, ', ' ORDER BY g.label)
                   FROM (SELECT x.value AS label, count(*) AS n, string_agg(x.key, ' and ' ORDER BY x.key) AS names FROM jsonb_each_text(given) x GROUP BY 1) g));
            IF action = 'unchanged' THEN
                action := 'labelled';
            END IF;
        END IF;
        IF fresh THEN
            changed := changed + 1;
        END IF;
        RETURN NEXT;
    END LOOP;

    PERFORM ehds.remember_labels($2);
    RETURN QUERY
        SELECT ehds.full_name(c.oid), 'undeclared'::text,
               format('is refused under a permit. If no row is about a person: SECURITY LABEL FOR pg_ehds ON TABLE %1$s IS ''public''; if rows are: SELECT ehds.protect(%2$L, ...)',
                      ehds.full_name(c.oid), ehds.full_name(c.oid))
          FROM pg_class c
         WHERE c.relnamespace = space AND c.relkind IN ('r', 'p', 'f', 'm') AND NOT c.relispartition
           AND lower(c.relname) NOT IN (SELECT o.table_name FROM ehds.omop_tables() o)
           AND NOT EXISTS (SELECT FROM ehds.protected_table p WHERE p.relation = c.oid)
           AND ehds.label_of(c.oid) IS NULL
         ORDER BY 1;

    IF changed > 0 THEN
        PERFORM ehds.record_decision('protect_model', NULL, $2, format('%s in schema %s', $1, $2));
    ELSE
        RAISE NOTICE 'nothing had to be changed';
    END IF;
END
$$;
COMMENT ON FUNCTION ehds.protect_model(text, name) IS
    'declares an OMOP warehouse (model omop-5.4 or omop-5.3): protects the tables about persons, makes person the table of identities if every person has a person_source_value and person_id is unique, labels columns and vocabularies; '
    'keeps what is declared already, skips tables that are not there, and lists those left undeclared with what to do. Returns what it did, table by table. Raises 22023 unknown model, 3F000 no schema, 42P01 no table person';

REVOKE ALL ON FUNCTION ehds.omop_tables(), ehds.omop_label(name, name), ehds.find_column(oid, name),
    ehds.protect_model(text, name) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ehds.protect_model(text, name) TO ehds_admin;
