-- extract: the pseudonymised tables of a permit, their manifest, and the end of a permit

CREATE FUNCTION ehds.check_in_force(p ehds.permit, action text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET datestyle = 'ISO, YMD'
AS $$
#variable_conflict use_column
DECLARE
    who    name := ehds.acting_role();
    reason text;
BEGIN
    reason := CASE
        WHEN NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = p.grantee) THEN 'has a grantee that does not exist any more'
        WHEN NOT pg_has_role(who, p.grantee, 'MEMBER') AND NOT pg_has_role(who, 'ehds_admin', 'MEMBER')
            THEN format('is granted to role "%s", of which "%s" is not a member', p.grantee::text, who)
        WHEN p.status = 'draft' THEN 'is not activated'
        WHEN p.status <> 'active' THEN format('is %s', p.status)
        WHEN ehds.today() < p.valid_from THEN format('is not valid before %s', p.valid_from)
        WHEN ehds.today() > p.valid_until THEN format('expired, it was valid until %s', p.valid_until)
        WHEN coalesce(current_setting('ehds.purpose', true), '') NOT IN ('', p.purpose)
            THEN format('is for the purpose "%s", not "%s"', p.purpose, current_setting('ehds.purpose', true))
        WHEN coalesce(current_setting('ehds.permit', true), '') NOT IN ('', p.permit)
            THEN format('is not the one that the session has set ("%s")', current_setting('ehds.permit', true))
    END;
    IF reason IS NOT NULL THEN
        PERFORM ehds.record_refusal(action => $2, permit => p.permit, population => p.population::text, detail => reason);
        RAISE EXCEPTION USING ERRCODE = 'ZE001', MESSAGE = format('permit "%s" %s', p.permit, reason),
            HINT = 'See ehds.my_permits for your permits.';
    END IF;
END
$$;
COMMENT ON FUNCTION ehds.check_in_force(ehds.permit, text) IS
    'internal: records the refusal and raises ZE001 unless the permit is in force for the role that acts (member of the grantee or of ehds_admin), today and for the session''s purpose';

CREATE FUNCTION ehds.require_in_force(permit text, action text) RETURNS ehds.permit
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    p ehds.permit := ehds.lock_permit($1);
BEGIN
    PERFORM ehds.check_in_force(p, $2);
    RETURN p;
END
$$;
COMMENT ON FUNCTION ehds.require_in_force(text, text) IS
    'internal: the permit, locked, if ehds.check_in_force() finds it in force';

CREATE FUNCTION ehds.extract_table(permit_id integer, schema_name name, table_name name, target_schema name) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    p        ehds.permit;
    pt       ehds.permit_table;
    query    text := ehds.permit_query($1, $2, $3, true);
    target   text;
    relation regclass;
    old      record;
    col      name;
    ordered  text;
    n        bigint;
BEGIN
    SELECT * INTO STRICT p FROM ehds.permit x WHERE x.permit_id = $1;
    SELECT * INTO STRICT pt FROM ehds.permit_table x WHERE (x.permit_id, x.schema_name, x.table_name) = ($1, $2, $3);
    target := format('%I.%I', $4, pt.view_name);
    relation := to_regclass(target);

    -- the same columns as before: the table stays, and with it what others built on it
    IF relation IS NOT NULL AND ehds.columns_of(relation) = ehds.columns_of(pt.view) THEN
        FOR old IN SELECT x.indexrelid::regclass AS index FROM pg_index x WHERE x.indrelid = relation LOOP
            EXECUTE format('DROP INDEX %s', old.index);
        END LOOP;
        PERFORM ehds.require_plain(relation);
        EXECUTE format('TRUNCATE TABLE %s', target);
    ELSE
        IF relation IS NOT NULL THEN
            EXECUTE format('DROP TABLE %s', target);
        END IF;
        EXECUTE format('CREATE TABLE %s AS %s WITH NO DATA', target, query);
        EXECUTE format('ALTER TABLE %s OWNER TO ehds_owner', target);
        EXECUTE format('REVOKE ALL ON TABLE %s FROM PUBLIC', target);
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
        EXECUTE format('CREATE POLICY permit ON %s FOR SELECT TO %s USING (ehds.extract_guard(%L))', target, p.grantee, p.permit);
        EXECUTE format('COMMENT ON TABLE %s IS %L', target,
                       format('extract of permit %s from %I.%I: pseudonymised rows, personal data and not anonymous (RGPD recital 26)', p.permit, $2, $3));
        FOREACH col IN ARRAY pt.columns LOOP
            EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', target, col, ehds.column_treatment($1, $2, $3, col));
        END LOOP;
    END IF;

    -- sorted by pseudonyms: the order of the stored rows would tell who came when
    SELECT string_agg(c.place::text, ', ' ORDER BY c.name <> pt.subject_column, c.place) INTO ordered
      FROM unnest(pt.columns) WITH ORDINALITY AS c(name, place)
     WHERE c.name = pt.subject_column OR ehds.is_identifier_column(format('%I.%I', $2, $3)::regclass, c.name);
    PERFORM ehds.require_plain(target::regclass);
    EXECUTE format('INSERT INTO %s (%s) SELECT * FROM ehds.rows_as_owner(%L) AS r(%s)', target,
                   (SELECT string_agg(format('%I', c.name), ', ' ORDER BY c.place) FROM unnest(pt.columns) WITH ORDINALITY AS c(name, place)),
                   format('%s ORDER BY %s', query, ordered),
                   (SELECT string_agg(format('%I %s', c.name, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY c.place)
                      FROM unnest(pt.columns) WITH ORDINALITY AS c(name, place)
                      JOIN pg_attribute a ON a.attrelid = target::regclass AND a.attname = c.name));
    GET DIAGNOSTICS n = ROW_COUNT;
    EXECUTE format('CREATE INDEX ON %s (%I)', target, pt.subject_column);
    EXECUTE format('ANALYZE %s', target);
    -- ehds.permit_table() has taken it away if the permit has changed
    EXECUTE format('GRANT SELECT ON TABLE %s TO %s', target, p.grantee);
    RETURN n;
END
$$;
COMMENT ON FUNCTION ehds.extract_table(integer, name, name, name) IS
    'internal: fills one table of an extract, making it first if it is missing or its columns have changed; returns its rows. Raises 2BP01 if objects of others depend on a table whose columns have changed';

CREATE FUNCTION ehds.build_extract(permit text, action text, allow_empty boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    p        ehds.permit;
    e        ehds.extract;
    had      boolean;
    space    name;
    one      record;
    n        bigint;
    subjects bigint;
    before   bigint;
    entries  jsonb := '[]';
    unions   text;
    summary  jsonb;
    at       timestamptz;
BEGIN
    PERFORM ehds.require_read_committed($2);
    p := ehds.require_in_force($1, $2);
    IF p.output <> 'pseudonymised' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('permit "%s" is for statistics and has no extract', $1),
            HINT = 'An extract needs a permit with output => ''pseudonymised''.';
    END IF;
    had := EXISTS (SELECT FROM ehds.extract x WHERE x.permit_id = p.permit_id);
    IF NOT had AND $2 = 'refresh_extract' THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('permit "%s" has no extract yet', $1),
            HINT = format('CALL ehds.extract(%L) makes it.', $1);
    END IF;

    -- sources first, then statements that take their snapshot behind the locks: no table is
    -- read before, and another one after, the same load or opposition
    FOR one IN SELECT s.schema_name, s.table_name FROM ehds.permit_sources(p.permit_id) s ORDER BY 1, 2 LOOP
        IF to_regclass(format('%I.%I', one.schema_name, one.table_name)) IS NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'ZE005', MESSAGE = format('table %I.%I is missing', one.schema_name, one.table_name),
                HINT = format('Is it being loaded? The administrator runs ehds.after_load(%L) when it is there again.', one.schema_name);
        END IF;
        EXECUTE format('LOCK TABLE %I.%I IN SHARE MODE', one.schema_name, one.table_name);
    END LOOP;
    LOCK TABLE ehds.opposition IN SHARE MODE;
    -- after the oppositions, as ehds.oppose() does
    SELECT * INTO e FROM ehds.extract x WHERE x.permit_id = p.permit_id FOR UPDATE;
    at := clock_timestamp();
    PERFORM ehds.record_access(action => $2, permit => p.permit, population => p.population::text,
                               detail => format('version %s, tables %s', p.version,
                                   (SELECT string_agg(format('%I.%I', x.schema_name, x.table_name), ' ' ORDER BY x.schema_name, x.table_name) FROM ehds.permit_table x WHERE x.permit_id = p.permit_id)));

    space := 'extract_' || substr(p.schema_name, 8);
    IF NOT EXISTS (SELECT FROM pg_namespace x WHERE x.nspname = space) THEN
        EXECUTE format('CREATE SCHEMA %I AUTHORIZATION ehds_owner', space);
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %s', space, p.grantee);
        EXECUTE format('COMMENT ON SCHEMA %I IS %L', space,
                       format('extract of permit %s: pseudonymised personal data, not anonymous (RGPD recital 26)', p.permit));
    ELSIF NOT had THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_object', MESSAGE = format('schema "%s" already exists and is not an extract of this permit', space);
    END IF;

    FOR one IN SELECT x.* FROM ehds.permit_table x WHERE x.permit_id = p.permit_id ORDER BY x.view_name LOOP
        n := ehds.extract_table(p.permit_id, one.schema_name, one.table_name, space);
        before := (SELECT (m ->> 'rows')::bigint FROM jsonb_array_elements(e.manifest -> 'tables') m WHERE m ->> 'table' = one.view_name::text);
        IF n = 0 AND before > 0 AND NOT coalesce($3, false) THEN
            RAISE EXCEPTION USING ERRCODE = 'ZE005',
                MESSAGE = format('table %I.%I has no rows any more for permit "%s", where it had some', one.schema_name, one.table_name, $1),
                DETAIL = 'Nothing was changed. A load that has not finished looks like this.',
                HINT = format('If it is really so, CALL ehds.refresh_extract(%L, allow_empty => true).', $1);
        END IF;
        EXECUTE format('SELECT count(DISTINCT %I) FROM %I.%I', one.subject_column, space, one.view_name) INTO subjects;
        unions := concat_ws(' UNION ', unions, format('SELECT %I FROM %I.%I', one.subject_column, space, one.view_name));
        entries := entries || jsonb_build_object(
            'table', one.view_name, 'source', format('%I.%I', one.schema_name, one.table_name),
            'subject_column', one.subject_column, 'row_filter', one.row_filter, 'rows', n, 'subjects', subjects,
            'columns', (SELECT jsonb_agg(jsonb_build_object('column', c.name, 'type', ehds.columns_of(one.view) -> c.name::text,
                                                            'treatment', ehds.column_treatment(p.permit_id, one.schema_name, one.table_name, c.name),
                                                            'label', ehds.label_of(a.attrelid, a.attnum)) ORDER BY c.place)
                          FROM unnest(one.columns) WITH ORDINALITY AS c(name, place)
                          LEFT JOIN pg_attribute a ON a.attrelid = to_regclass(format('%I.%I', one.schema_name, one.table_name)) AND a.attname = c.name));
    END LOOP;
    EXECUTE format('SELECT count(*) FROM (%s) s', unions) INTO subjects;

    -- what the permit no longer names leaves the extract
    FOR one IN SELECT c.oid::regclass AS relation FROM pg_class c JOIN pg_namespace x ON x.oid = c.relnamespace
                WHERE x.nspname = space AND c.relkind = 'r'
                  AND NOT EXISTS (SELECT FROM ehds.permit_table y WHERE y.permit_id = p.permit_id AND y.view_name = c.relname) LOOP
        EXECUTE format('DROP TABLE %s', one.relation);
    END LOOP;

    summary := jsonb_build_object(
        'pg_ehds_manifest', 1,
        'permit', p.permit, 'version', p.version, 'purpose', p.purpose,
        'purpose_article', (SELECT u.article FROM ehds.purpose u WHERE u.purpose = p.purpose),
        'output', p.output,
        'statement', 'These data are pseudonymised. They are personal data and not anonymous (RGPD recital 26): whoever uses them stays bound by the permit.',
        'grantee', p.grantee::text, 'population', p.population,
        'legal_basis', p.legal_basis,
        'exception_71_4', p.exception_basis,
        'opposition_rule', p.opposition_rule,
        'cohort', p.cohort_description, 'cohort_at', p.cohort_at,
        'valid_from', p.valid_from, 'valid_until', p.valid_until,
        'issued_by', p.issued_by, 'activated_by', p.activated_by, 'activated_at', p.activated_at,
        'schema', space, 'subjects', subjects, 'tables', entries,
        'key', (SELECT jsonb_build_object('version', v.version, 'check_value', v.check_value) FROM ehds.key_version v ORDER BY v.version DESC LIMIT 1),
        'created_at', coalesce(e.created_at, at), 'refreshed_at', at,
        'pg_ehds', (SELECT x.extversion FROM pg_extension x WHERE x.extname = 'pg_ehds'),
        'postgresql', current_setting('server_version'));
    INSERT INTO ehds.extract (permit_id, schema_name, created_at, refreshed_at, manifest)
    VALUES (p.permit_id, space, at, at, summary)
    ON CONFLICT (permit_id) DO UPDATE SET refreshed_at = at, manifest = EXCLUDED.manifest;
    RAISE NOTICE 'extract % holds % tables with pseudonymised data of % persons', space, jsonb_array_length(entries), subjects;
END
$$;
COMMENT ON FUNCTION ehds.build_extract(text, text, boolean) IS
    'internal: makes or refreshes the extract of a permit, all tables as of one moment, and its manifest';

CREATE PROCEDURE ehds.extract(permit text, allow_empty boolean DEFAULT false)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM ehds.build_extract($1, 'extract', $2);
END
$$;
COMMENT ON PROCEDURE ehds.extract(text, boolean) IS
    'makes the tables of a pseudonymised permit in schema extract_<name>, without the persons who object, all as of one moment; if they are there, refreshes them. For members of the grantee and of ehds_admin, while the permit is in force. '
    'allow_empty: accept that a table which had rows has none. Waits for running loads of the sources. Raises ZE001 permit not in force, ZE005 a table is swapped, missing or suddenly empty, ZE006 no key, 22023 a statistics permit, 25000 other isolation than READ COMMITTED';

CREATE PROCEDURE ehds.refresh_extract(permit text, allow_empty boolean DEFAULT false)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM ehds.build_extract($1, 'refresh_extract', $2);
END
$$;
COMMENT ON PROCEDURE ehds.refresh_extract(text, boolean) IS
    'brings an extract up to date: persons who object have left, new rows have come; arguments and errors as for ehds.extract, and 42704 if there is no extract yet';

CREATE FUNCTION ehds.manifest(permit text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    p      ehds.permit;
    result jsonb;
BEGIN
    -- without a lock: it is read beside everything else, and on a standby
    SELECT * INTO p FROM ehds.permit x WHERE x.permit = $1;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('permit "%s" does not exist', $1),
            HINT = 'Your permits are in the view ehds.my_permits; all of them are in ehds.permit, for ehds_admin and ehds_auditor.';
    END IF;
    IF NOT pg_has_role(ehds.acting_role(), 'ehds_admin', 'MEMBER') AND NOT pg_has_role(ehds.acting_role(), 'ehds_auditor', 'MEMBER') THEN
        PERFORM ehds.check_in_force(p, 'manifest');
    END IF;
    SELECT e.manifest INTO result FROM ehds.extract e WHERE e.permit_id = p.permit_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('permit "%s" has no extract', $1),
            HINT = CASE p.output WHEN 'statistics' THEN 'It is for statistics.' ELSE format('CALL ehds.extract(%L) makes it.', $1) END;
    END IF;
    RETURN result;
END
$$;
COMMENT ON FUNCTION ehds.manifest(text) IS
    'the manifest of a permit''s extract as it was made or refreshed last: what is in it, from where, how it was treated, under which key version and permit. For members of the grantee while the permit is in force, and for ehds_admin and ehds_auditor at any time. Raises ZE001, 42704';

CREATE FUNCTION ehds.close_permit(permit text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = 'warning'
AS $$
#variable_conflict use_column
DECLARE
    p           ehds.permit;
    e           ehds.extract;
    destroyed   jsonb := '[]';
    one         record;
    n           bigint;
    budget      record;
    result      jsonb;
BEGIN
    PERFORM ehds.require_role('ehds_admin', 'close_permit');
    p := ehds.lock_permit($1);
    IF p.status = 'closed' THEN
        RETURN p.certificate;
    END IF;
    SELECT * INTO e FROM ehds.extract x WHERE x.permit_id = p.permit_id AND x.destroyed_at IS NULL FOR UPDATE;
    IF FOUND THEN
        FOR one IN SELECT c.oid::regclass AS relation FROM pg_class c JOIN pg_namespace x ON x.oid = c.relnamespace
                    WHERE x.nspname = e.schema_name AND c.relkind = 'r' ORDER BY c.relname LOOP
            PERFORM ehds.require_plain(one.relation);
            EXECUTE format('SELECT count(*) FROM %s', one.relation) INTO n;
            destroyed := destroyed || jsonb_build_object('table', one.relation::text, 'rows', n);
        END LOOP;
        EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', e.schema_name);
        UPDATE ehds.extract SET destroyed_at = clock_timestamp() WHERE permit_id = p.permit_id;
    END IF;
    EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', p.schema_name);
    UPDATE ehds.permit_table SET view = NULL WHERE permit_id = p.permit_id;
    n := ehds.destroy_sealed(p.permit_id);
    DELETE FROM ehds.cohort_person c WHERE c.permit_id = p.permit_id;

    SELECT b.epsilon_spent, b.delta_spent INTO budget FROM ehds.budget b WHERE b.permit = p.permit;
    result := jsonb_build_object(
        'pg_ehds_certificate', 1,
        'permit', p.permit, 'version', p.version, 'purpose', p.purpose, 'output', p.output,
        'grantee', p.grantee::text, 'population', p.population,
        'valid_from', p.valid_from, 'valid_until', p.valid_until,
        'status_before', p.status, 'ended_reason', p.ended_reason,
        'closed_at', clock_timestamp(), 'closed_by', session_user,
        'epsilon_spent', budget.epsilon_spent, 'delta_spent', budget.delta_spent,
        'formula', (SELECT coalesce(jsonb_agg(jsonb_build_object('source', format('%I.%I', x.schema_name, x.table_name), 'columns', to_jsonb(x.columns),
                                                                 'row_filter', x.row_filter) ORDER BY x.view_name), '[]')
                      FROM ehds.permit_table x WHERE x.permit_id = p.permit_id),
        'cohort', p.cohort_description,
        'destroyed', destroyed, 'destroyed_sealed_tables', n,
        'statement', 'The views and the extract of this permit were removed from the database. Copies that left it, and backups of the server, are outside this certificate.',
        'pg_ehds', (SELECT x.extversion FROM pg_extension x WHERE x.extname = 'pg_ehds'));
    UPDATE ehds.permit
       SET status = 'closed', certificate = result,
           ended_by = coalesce(ended_by, session_user), ended_at = coalesce(ended_at, clock_timestamp())
     WHERE permit_id = p.permit_id;
    PERFORM ehds.record_decision('close_permit', p.permit, p.population::text, format('destroyed %s tables of an extract', jsonb_array_length(destroyed)));
    RETURN result;
END
$$;
COMMENT ON FUNCTION ehds.close_permit(text) IS
    'ends a permit for good: destroys its extract and its schema (and what others built on them), keeps what it was and returns a certificate; a second call returns the same certificate. Raises 42704';

-- extracts are filled as ehds_owner
GRANT EXECUTE ON FUNCTION ehds.pseudonym_of(text, text, text), ehds.pseudonym_of(bigint, text, text) TO ehds_owner;
REVOKE ALL ON FUNCTION ehds.check_in_force(ehds.permit, text), ehds.require_in_force(text, text), ehds.extract_table(integer, name, name, name),
    ehds.build_extract(text, text, boolean), ehds.close_permit(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ehds.close_permit(text) TO ehds_admin;
GRANT EXECUTE ON PROCEDURE ehds.extract(text, boolean), ehds.refresh_extract(text, boolean) TO PUBLIC;
GRANT EXECUTE ON FUNCTION ehds.manifest(text) TO PUBLIC;
