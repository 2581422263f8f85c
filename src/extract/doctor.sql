-- doctor: every way past the permits that the database can see, each with its remedy

CREATE FUNCTION ehds.telling_counters() RETURNS SETOF regprocedure
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.oid::regprocedure FROM pg_proc p
     WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.pronargs = 1 AND p.proargtypes[0] = 'oid'::regtype
       AND p.proname ~ '^pg_stat_get_(xact_)?(numscans|tuples_|live_tuples|dead_tuples|mod_since_analyze|ins_since_vacuum|blocks_|lastscan|last_|vacuum_count|autovacuum_count|analyze_count|autoanalyze_count|total_.*time|db_)'
$$;
COMMENT ON FUNCTION ehds.telling_counters() IS
    'internal: the statistics functions by which any role can see how many rows of a table a query touched';

-- The server and its roles. (DISTINCT: since 16 a membership may stand there once for each grantor.)
CREATE FUNCTION ehds.doctor_server() RETURNS TABLE (severity text, object text, finding text, remedy text)
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    problem text;
BEGIN
    IF NOT EXISTS (SELECT FROM regexp_split_to_table(current_setting('shared_preload_libraries'), '\s*,\s*') l
                    WHERE btrim(l, '" ') IN ('pg_ehds', '$libdir/pg_ehds')) THEN
        RETURN QUERY SELECT 'critical', 'server', 'pg_ehds is not preloaded: the views of permits refuse every query',
            'Add pg_ehds to shared_preload_libraries and restart the server.';
    END IF;
    problem := ehds.key_problem();
    IF problem IS NOT NULL THEN
        RETURN QUERY SELECT 'critical', 'ehds.key_file', problem,
            'A regular file of at least 32 random bytes that only the server''s user (or root) may read; name it in ehds.key_file and reload.'::text;
    END IF;
    RETURN QUERY SELECT 'critical', s.name, format('%s is off: a charge may be lost in a crash, and its budget spent twice', s.name),
                        format('ALTER SYSTEM RESET %s, then restart.', s.name)
                   FROM pg_settings s WHERE s.name IN ('fsync', 'full_page_writes') AND s.setting = 'off';

    RETURN QUERY SELECT 'critical', r.rolname::text, format('role %s can log in: whoever does reads protected tables without a permit', r.rolname), format('ALTER ROLE %I NOLOGIN', r.rolname)
                   FROM pg_roles r WHERE r.rolname IN ('ehds_owner', 'ehds_admin', 'ehds_registrar', 'ehds_auditor', 'ehds_custodian') AND r.rolcanlogin;
    RETURN QUERY SELECT DISTINCT 'critical', 'ehds_owner', format('role %s is a member of ehds_owner and reads protected tables without a permit', m.member::regrole),
                        format('REVOKE ehds_owner FROM %s', m.member::regrole)
                   FROM pg_auth_members m WHERE m.roleid = (SELECT r.oid FROM pg_roles r WHERE r.rolname = 'ehds_owner');
    RETURN QUERY SELECT DISTINCT CASE WHEN m.roleid::regrole::text ~ '^pg_(execute|read_server|write_server)' THEN 'critical' ELSE 'warning' END,
                        m.member::regrole::text, format('role %s is a member of %s, which %s', m.member::regrole, m.roleid::regrole,
                            CASE WHEN m.roleid::regrole::text ~ '^pg_(execute|read_server|write_server)' THEN 'can read the key file and the data files'
                                 ELSE 'reads or writes every table without a permit' END),
                        format('REVOKE %s FROM %s', m.roleid::regrole, m.member::regrole)
                   FROM pg_auth_members m
                  WHERE m.roleid::regrole::text IN ('pg_read_all_data', 'pg_write_all_data', 'pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files');
    RETURN QUERY SELECT CASE WHEN r.rolsuper THEN 'info' ELSE 'warning' END, r.rolname::text,
                        format('role %s %s', r.rolname,
                               CASE WHEN r.rolsuper THEN 'is a superuser: no permit binds it'
                                    ELSE concat_ws(' and ', CASE WHEN r.rolbypassrls THEN 'bypasses row-level security, so it reads every extract that it has rights on' END,
                                                   CASE WHEN r.rolreplication THEN 'may replicate: it receives every row' END,
                                                   CASE WHEN r.rolcreaterole AND current_setting('server_version_num')::int < 160000
                                                        THEN 'may create roles: it can grant itself any grantee, and ehds_owner' END) END),
                        CASE WHEN r.rolsuper THEN 'Keep superusers few, named and logged.'
                             ELSE format('ALTER ROLE %I %s', r.rolname, concat_ws(' ', CASE WHEN r.rolbypassrls THEN 'NOBYPASSRLS' END,
                                         CASE WHEN r.rolreplication THEN 'NOREPLICATION' END, CASE WHEN r.rolcreaterole THEN 'NOCREATEROLE' END)) END
                   FROM pg_roles r
                  WHERE r.rolname !~ '^pg_'
                    AND ((r.rolsuper AND r.rolcanlogin) OR (NOT r.rolsuper AND (r.rolbypassrls OR r.rolreplication
                         OR (r.rolcreaterole AND current_setting('server_version_num')::int < 160000))));

    IF EXISTS (SELECT FROM ehds.telling_counters() f WHERE has_function_privilege('public', f, 'EXECUTE')) THEN
        RETURN QUERY SELECT 'warning', 'statistics', format('PUBLIC may read %s counters of tables, which tell how many rows a query touched',
                                (SELECT count(*) FROM ehds.telling_counters() f WHERE has_function_privilege('public', f, 'EXECUTE'))),
                            'As a superuser: SELECT ehds.harden();';
    END IF;
    RETURN QUERY SELECT 'warning', r.rolname::text, format('login %s, who works under permits, has track_counts on: its own statistics count rows that it may not see', r.rolname),
                        format('ALTER ROLE %I SET track_counts = off (or ehds.harden())', r.rolname)
                   FROM pg_roles r
                  WHERE r.rolcanlogin AND NOT r.rolsuper
                    AND EXISTS (SELECT FROM ehds.permit p WHERE p.status = 'active' AND EXISTS (SELECT FROM pg_roles g WHERE g.oid = p.grantee)
                                   AND pg_has_role(r.oid, p.grantee, 'MEMBER'))
                    AND NOT EXISTS (SELECT FROM pg_db_role_setting s WHERE s.setrole IN (r.oid, 0) AND s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
                                       AND 'track_counts=off' = ANY (s.setconfig));
    RETURN QUERY SELECT 'warning', 'ledger', 'the ledger has no anchor outside the server: a restored backup would bring back spent budgets and persons who objected',
                        'After a restore compare SELECT * FROM ehds.verify_ledger() with the last entry that you noted elsewhere, and record missing oppositions again.';

    RETURN QUERY SELECT 'critical', format('trigger %s on %s', g.tgname, g.tgrelid::regclass), 'the trigger is disabled: history can be rewritten, or changes go unnoticed',
                        format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', g.tgrelid::regclass, g.tgname)
                   FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE n.nspname = 'ehds' AND NOT g.tgisinternal AND g.tgenabled <> 'A';
    RETURN QUERY SELECT CASE WHEN x.grantee = 0 THEN 'critical' ELSE 'warning' END, format('ehds.%I', c.relname),
                        format('%s has %s on it', CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END, x.privilege_type),
                        format('REVOKE %s ON ehds.%I FROM %s', x.privilege_type, c.relname, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)
                   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) x
                  WHERE n.nspname = 'ehds' AND c.relkind IN ('r', 'S') AND x.grantee <> c.relowner AND c.relname <> 'purpose'
                    AND NOT (x.privilege_type = 'SELECT' AND x.grantee <> 0
                             AND x.grantee::regrole::text IN ('ehds_owner', 'ehds_admin', 'ehds_registrar', 'ehds_auditor', 'ehds_custodian'));
    RETURN QUERY SELECT 'critical', f.oid::regprocedure::text, 'can be executed by PUBLIC: it makes pseudonyms of chosen values', format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f.oid::regprocedure)
                   FROM pg_proc f WHERE f.pronamespace = 'ehds'::regnamespace AND f.proname = 'pseudonym_of' AND has_function_privilege('public', f.oid, 'EXECUTE');
END
$$;
COMMENT ON FUNCTION ehds.doctor_server() IS 'internal: the part of ehds.doctor() on the server, its settings and roles';

-- What is declared, and what is not.
CREATE FUNCTION ehds.doctor_tables() RETURNS TABLE (severity text, object text, finding text, remedy text)
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    place   record;
    several bigint;
BEGIN
    RETURN QUERY SELECT 'critical', format('%I.%I', t.schema_name, t.table_name),
                        CASE WHEN n.now_is IS NULL THEN 'the protected table is missing: permits on it refuse'
                             ELSE 'another table bears the name of the protected one (swapped by a load?): permits on it refuse' END,
                        format('SELECT * FROM ehds.after_load(%L)', t.schema_name)
                   FROM ehds.protected_table t, LATERAL (SELECT to_regclass(format('%I.%I', t.schema_name, t.table_name)) AS now_is) n
                  WHERE n.now_is IS DISTINCT FROM t.relation;

    -- who reads beside the permits
    RETURN QUERY
    SELECT CASE WHEN x.grantee = 0 THEN 'critical' ELSE 'warning' END, ehds.full_name(c.oid),
           format('%s has %s on it without a permit', CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END, string_agg(DISTINCT x.privilege_type, ', ')),
           format('If it is not a role of care or loading: REVOKE ALL ON %s FROM %s', ehds.full_name(c.oid), CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)
      FROM ehds.protected_table t
     CROSS JOIN LATERAL ehds.with_children(t.relation) AS child
      JOIN pg_class c ON c.oid = child
     CROSS JOIN LATERAL (SELECT c.relacl AS acl UNION ALL SELECT a.attacl FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped) s
     CROSS JOIN LATERAL aclexplode(s.acl) x
     WHERE x.grantee <> c.relowner AND x.grantee <> (SELECT r.oid FROM pg_roles r WHERE r.rolname = 'ehds_owner')
     GROUP BY c.oid, x.grantee
     ORDER BY 1, 2;
    RETURN QUERY
    SELECT 'warning', string_agg(DISTINCT ehds.full_name(c.oid), ', '), format('role %s owns protected tables and reads them without a permit', r.rolname),
           'If it is not a role of loading: ALTER TABLE ... OWNER TO a role that nobody uses.'
      FROM ehds.protected_table t CROSS JOIN LATERAL ehds.with_children(t.relation) child
      JOIN pg_class c ON c.oid = child JOIN pg_roles r ON r.oid = c.relowner
     WHERE NOT r.rolsuper AND (r.rolcanlogin OR EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = r.oid))
     GROUP BY r.rolname;
    RETURN QUERY
    SELECT DISTINCT CASE WHEN c.relkind = 'm' THEN 'critical' ELSE 'warning' END, ehds.full_name(c.oid),
           format('%s reads protected table %s: whoever may read it, and is no permit''s member, sees persons',
                  CASE c.relkind WHEN 'm' THEN 'the materialised view' WHEN 'v' THEN 'the view' ELSE 'a rule of the table' END, ehds.full_name(t.relation)),
           format('Drop it, or leave rights on it to roles of care only (owner %s).', c.relowner::regrole)
      FROM ehds.protected_table t
      JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.relation AND d.classid = 'pg_rewrite'::regclass
      JOIN pg_rewrite w ON w.oid = d.objid
      JOIN pg_class c ON c.oid = w.ev_class AND c.oid <> t.relation
     WHERE NOT EXISTS (SELECT FROM ehds.permit_table pt WHERE pt.view = c.oid)
     ORDER BY 1, 2;
    RETURN QUERY
    SELECT 'critical', ehds.full_name(t.relation), format('publication %s sends its rows to other servers', p.pubname), format('ALTER PUBLICATION %I DROP TABLE %s', p.pubname, ehds.full_name(t.relation))
      FROM ehds.protected_table t JOIN pg_class c ON c.oid = t.relation JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_publication_tables pt ON (pt.schemaname, pt.tablename) = (n.nspname, c.relname)
      JOIN pg_publication p ON p.pubname = pt.pubname;
    RETURN QUERY
    SELECT 'info', ehds.full_name(t.relation), 'has row-level security: permits show only the rows that its policies show to ehds_owner',
           'CREATE POLICY ... TO ehds_owner USING (true), if permits are to cover all rows.'
      FROM ehds.protected_table t JOIN pg_class c ON c.oid = t.relation WHERE c.relrowsecurity;

    -- declarations that no longer hold
    RETURN QUERY
    SELECT 'critical', ehds.full_name(t.relation), format('column %I is no longer unique, and the table holds the identities', t.subject), format('CREATE UNIQUE INDEX ON %s (%I)', ehds.full_name(t.relation), t.subject)
      FROM ehds.protected_table t WHERE t.identity IS NOT NULL AND ehds.full_name(t.relation) IS NOT NULL AND NOT ehds.is_unique(t.relation, t.subject);
    RETURN QUERY
    SELECT 'critical', format('%I.%I', t.via_schema, t.via_table), format('column %I is no longer unique, and %s is protected via it', t.via_key, ehds.full_name(t.relation)), format('CREATE UNIQUE INDEX ON %I.%I (%I)', t.via_schema, t.via_table, t.via_key)
      FROM ehds.protected_table t WHERE t.via_key IS NOT NULL
       AND to_regclass(format('%I.%I', t.via_schema, t.via_table)) IS NOT NULL AND NOT ehds.is_unique(to_regclass(format('%I.%I', t.via_schema, t.via_table)), t.via_key);
    RETURN QUERY
    SELECT 'info', 'population ' || p.population, 'has no identity: oppositions and pseudonyms attach to the subject key, which a load may renumber',
           'Declare it before the first permit: ehds.unprotect() and ehds.protect(..., identity => ...) on the table with one row for each person.'
      FROM ehds.population p WHERE p.identity_table IS NULL AND EXISTS (SELECT FROM ehds.protected_table t WHERE t.population = p.population);
    -- k counts subject keys: with two of them one person looks like two
    FOR place IN SELECT p.population FROM ehds.population p ORDER BY 1
    LOOP
        several := ehds.shared_identities(place.population);
        IF several > 0 THEN
            severity := 'warning';
            object := 'population ' || place.population;
            finding := CASE several WHEN 1 THEN '1 identity is borne by several subject keys: counts take it for several persons'
                                    ELSE format('%s identities are borne by several subject keys: counts take them for several persons', several) END;
            remedy := 'Unite the keys in the warehouse: one subject key for each identity.';
            RETURN NEXT;
        END IF;
    END LOOP;
    RETURN QUERY
    SELECT 'critical', ehds.full_name(t.relation), 'is protected and labelled public at once', format('SECURITY LABEL FOR pg_ehds ON TABLE %s IS NULL', ehds.full_name(t.relation))
      FROM ehds.protected_table t CROSS JOIN LATERAL ehds.with_children(t.relation) child WHERE ehds.label_of(child) = 'public';
    RETURN QUERY
    SELECT 'warning', ehds.full_name(c.oid),
           concat('is neither protected nor public: refused under a permit',
                  (SELECT format(', and %s may read it without one', string_agg(DISTINCT CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END, ', '))
                     FROM aclexplode(c.relacl) x WHERE x.grantee <> c.relowner HAVING count(*) > 0)),
           format('SELECT ehds.protect(%L, ...) if its rows are about persons (a detached partition or a copy of a protected table is), SECURITY LABEL FOR pg_ehds ON TABLE %s IS ''public'' if none is.',
                  ehds.full_name(c.oid), ehds.full_name(c.oid))
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'f', 'm') AND c.relpersistence <> 't'
       AND n.nspname IN (SELECT t.schema_name FROM ehds.protected_table t)
       AND NOT EXISTS (SELECT FROM ehds.protected_table t CROSS JOIN LATERAL ehds.with_children(t.relation) child WHERE child = c.oid)
       AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid AND ehds.label_of(i.inhparent) = 'public')
       AND ehds.label_of(c.oid) IS NULL
     ORDER BY 2;
    -- keys are known by their names; what else bears no label could be anything, free text above all
    RETURN QUERY
    SELECT CASE WHEN bool_or(y.typcategory = 'S' OR y.typname IN ('json', 'jsonb', 'xml', 'bytea')) THEN 'warning' ELSE 'info' END, ehds.full_name(t.relation),
           'columns without a label: ' || string_agg(a.attname, ', ' ORDER BY a.attnum),
           format('SECURITY LABEL FOR pg_ehds ON COLUMN %s.... IS ''identifier'' (or quasi-identifier, sensitive, professional-identifier)', ehds.full_name(t.relation))
      FROM ehds.protected_table t
      JOIN pg_attribute a ON a.attrelid = t.relation AND a.attnum > 0 AND NOT a.attisdropped
      JOIN pg_type y ON y.oid = a.atttypid
     WHERE ehds.label_of(t.relation, a.attnum) IS NULL
       AND a.attname IS DISTINCT FROM t.subject AND a.attname IS DISTINCT FROM t.identity
       AND NOT ehds.is_identifier_column(t.relation, a.attname)
     GROUP BY t.relation
     ORDER BY 1 DESC, 2;
END
$$;
COMMENT ON FUNCTION ehds.doctor_tables() IS 'internal: the part of ehds.doctor() on tables, declarations and labels';

-- Permits and extracts.
CREATE FUNCTION ehds.doctor_permits() RETURNS TABLE (severity text, object text, finding text, remedy text)
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT 'warning', 'permit ' || p.permit, format('expired on %s and is not closed', p.valid_until), format('SELECT ehds.close_permit(%L)', p.permit)
                   FROM ehds.permit p WHERE p.status = 'active' AND p.valid_until < ehds.today();
    RETURN QUERY SELECT 'warning', 'permit ' || p.permit, 'is revoked and not closed', format('SELECT ehds.close_permit(%L)', p.permit)
                   FROM ehds.permit p WHERE p.status = 'revoked';
    RETURN QUERY SELECT 'warning', 'permit ' || p.permit, 'its grantee does not exist any more', format('SELECT ehds.close_permit(%L)', p.permit)
                   FROM ehds.permit p WHERE p.status IN ('draft', 'active') AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = p.grantee);
    RETURN QUERY SELECT 'info', 'permit ' || p.permit, format('oppositions do not count under it (EHDS 71(4)): %s', p.exception_basis), 'Check the legal basis.'
                   FROM ehds.permit p WHERE p.status IN ('draft', 'active') AND p.exception_basis IS NOT NULL;

    RETURN QUERY
    WITH live AS (SELECT p.* FROM ehds.permit p WHERE p.status = 'active' AND p.valid_until >= ehds.today()
                     AND EXISTS (SELECT FROM pg_roles r WHERE r.oid = p.grantee))
    SELECT 'info', 'permit ' || p.permit,
           format('logins that work under it: %s', coalesce((SELECT string_agg(r.rolname, ', ' ORDER BY r.rolname) FROM pg_roles r
                                                               WHERE r.rolcanlogin AND NOT r.rolsuper AND pg_has_role(r.oid, p.grantee, 'MEMBER')), 'nobody')),
           format('Are all of them named in the application? If not: REVOKE %s FROM ...', p.grantee) FROM live p
    UNION ALL
    SELECT 'critical', 'permit ' || p.permit, format('superuser or BYPASSRLS role %s is its grantee or above it', r.rolname), 'Grant permits to ordinary roles.'
      FROM live p JOIN pg_roles r ON (r.rolsuper OR r.rolbypassrls) AND pg_has_role(p.grantee, r.oid, 'MEMBER')
    UNION ALL
    SELECT 'critical', 'permit ' || p.permit, format('grantee %s has rights on tables behind the views: %s', p.grantee, x), 'REVOKE them.'
      FROM live p CROSS JOIN LATERAL (SELECT string_agg(DISTINCT ehds.rights_beside(p.grantee, s.relation), ', ') AS x FROM ehds.permit_sources(p.permit_id) s
                                       WHERE ehds.full_name(s.relation) IS NOT NULL) y WHERE x IS NOT NULL
    UNION ALL
    SELECT 'warning', 'permit ' || p.permit, format('login %s works under it and has rights on tables behind the views: %s', m.rolname, x), format('REVOKE them, or use another login for care than for research (%s).', m.rolname)
      FROM live p JOIN pg_roles m ON m.rolcanlogin AND NOT m.rolsuper AND m.oid <> p.grantee AND pg_has_role(m.oid, p.grantee, 'MEMBER')
      CROSS JOIN LATERAL (SELECT string_agg(DISTINCT ehds.rights_beside(m.oid, s.relation), ', ') AS x FROM ehds.permit_sources(p.permit_id) s
                           WHERE ehds.full_name(s.relation) IS NOT NULL AND ehds.rights_beside(p.grantee, s.relation) IS NULL) y WHERE x IS NOT NULL
    UNION ALL
    SELECT 'warning', 'permit ' || p.permit, format('login %s works under it and is a member of %s', m.rolname, g.rolname), format('REVOKE %I FROM %I', g.rolname, m.rolname)
      FROM live p JOIN pg_roles m ON m.rolcanlogin AND NOT m.rolsuper AND pg_has_role(m.oid, p.grantee, 'MEMBER')
      JOIN pg_roles g ON g.rolname IN ('ehds_admin', 'ehds_custodian', 'ehds_owner') AND pg_has_role(m.oid, g.oid, 'MEMBER')
    UNION ALL
    SELECT 'critical', 'permit ' || p.permit, format('its differential privacy does not hold: %s', ehds.exact_beside_noisy(p.permit_id)), 'Take one of the two memberships away; what was answered so far stays known.'
      FROM live p WHERE p.epsilon_nano IS NOT NULL AND ehds.exact_beside_noisy(p.permit_id) IS NOT NULL;

    -- views are what was compiled?
    RETURN QUERY
    SELECT 'critical', format('%I.%I', p.schema_name, pt.view_name),
           CASE WHEN c.oid IS NULL THEN 'the view of the permit is missing'
                WHEN c.relkind <> 'v' THEN 'is not a view'
                WHEN pg_get_userbyid(c.relowner) <> 'ehds_owner' THEN format('belongs to %s, not to ehds_owner', pg_get_userbyid(c.relowner))
                WHEN NOT coalesce(c.reloptions::text ~ 'security_barrier(=true|=on|=1|,|})', false) THEN 'is no security barrier any more'
                ELSE 'is not what the permit was compiled to' END,
           format('SELECT * FROM ehds.after_load(%L)', pt.schema_name)
      FROM ehds.permit p JOIN ehds.permit_table pt USING (permit_id) LEFT JOIN pg_class c ON c.oid = pt.view
     WHERE p.status IN ('draft', 'active')
       AND (c.oid IS NULL OR c.relkind <> 'v' OR pg_get_userbyid(c.relowner) <> 'ehds_owner'
            OR NOT coalesce(c.reloptions::text ~ 'security_barrier(=true|=on|=1|,|})', false)
            OR ehds.definition_of(c.oid) IS DISTINCT FROM pt.definition);
    RETURN QUERY
    SELECT 'warning', ehds.full_name(c.oid), format('%s has %s on it', CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END, x.privilege_type),
           format('REVOKE ALL ON %s FROM %s', ehds.full_name(c.oid), CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)
      FROM ehds.permit p JOIN pg_namespace n ON n.nspname = p.schema_name OR n.nspname = 'extract_' || substr(p.schema_name, 8)
      JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'v', 'm', 'p', 'f') CROSS JOIN LATERAL aclexplode(c.relacl) x
     WHERE x.grantee <> c.relowner AND NOT (x.grantee = p.grantee AND x.privilege_type = 'SELECT');
    RETURN QUERY
    SELECT 'critical', format('%I.%I', p.schema_name, pt.view_name), format('column %I is labelled identifier now and still in the permit', a.attname),
           format('SELECT ehds.permit_table(%L, %L, columns => ...)', p.permit, format('%I.%I', pt.schema_name, pt.table_name))
      FROM ehds.permit p JOIN ehds.permit_table pt USING (permit_id)
      JOIN ehds.protected_table t ON (t.schema_name, t.table_name) = (pt.schema_name, pt.table_name)
      JOIN pg_attribute a ON a.attrelid = t.relation AND a.attname = ANY (pt.columns) AND a.attname <> pt.subject_column
     WHERE p.status IN ('draft', 'active') AND ehds.label_of(t.relation, a.attnum) = 'identifier';
    RETURN QUERY
    SELECT 'critical', format('%I.%I', p.schema_name, c.relname), 'stands in the schema of a permit and is no view of it', format('DROP or move it: %s', ehds.full_name(c.oid))
      FROM ehds.permit p JOIN pg_namespace n ON n.nspname = p.schema_name
      JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
     WHERE NOT EXISTS (SELECT FROM ehds.permit_table pt WHERE pt.view = c.oid)
       AND NOT EXISTS (SELECT FROM ehds.permit_table pt WHERE pt.permit_id = p.permit_id AND pt.view_name = c.relname);

    -- extracts
    RETURN QUERY
    SELECT 'warning', 'extract ' || e.schema_name, 'its permit is not in force', format('SELECT ehds.close_permit(%L)', p.permit)
      FROM ehds.extract e JOIN ehds.permit p USING (permit_id)
     WHERE e.destroyed_at IS NULL AND (p.status <> 'active' OR p.valid_until < ehds.today());
    RETURN QUERY
    SELECT 'critical', 'extract ' || e.schema_name, format('was not brought up to date since the opposition of %s', max(o.recorded_at)::timestamptz(0)), format('CALL ehds.refresh_extract(%L)', p.permit)
      FROM ehds.extract e JOIN ehds.permit p USING (permit_id)
      JOIN ehds.opposition o ON o.withdrawn_at IS NULL AND o.recorded_at > greatest(e.refreshed_at, e.purged_at)
       AND coalesce(o.population, p.population) = p.population AND coalesce(o.purpose, p.purpose) = p.purpose AND coalesce(o.permit, p.permit) = p.permit
     WHERE e.destroyed_at IS NULL AND p.opposition_rule = 'immediate' AND p.exception_basis IS NULL
       AND (o.table_name IS NULL OR EXISTS (SELECT FROM ehds.permit_table pt WHERE pt.permit_id = p.permit_id AND (pt.schema_name, pt.table_name) = (o.schema_name, o.table_name)))
     GROUP BY e.schema_name, p.permit;
    RETURN QUERY
    SELECT 'critical', ehds.full_name(c.oid),
           CASE WHEN pg_get_userbyid(c.relowner) <> 'ehds_owner' THEN format('belongs to %s, not to ehds_owner', pg_get_userbyid(c.relowner))
                ELSE 'lost the policy that binds it to its permit' END,
           format('CALL ehds.extract(%L) after dropping it', p.permit)
      FROM ehds.extract e JOIN ehds.permit p USING (permit_id) JOIN pg_namespace n ON n.nspname = e.schema_name
      JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind = 'r'
     WHERE e.destroyed_at IS NULL
       AND (pg_get_userbyid(c.relowner) <> 'ehds_owner' OR NOT c.relrowsecurity
            OR (SELECT count(*) FILTER (WHERE y.polname = 'permit' AND pg_get_expr(y.polqual, y.polrelid) LIKE '%extract_guard(%') <> 1 OR count(*) <> 1
                  FROM pg_policy y WHERE y.polrelid = c.oid));
END
$$;
COMMENT ON FUNCTION ehds.doctor_permits() IS 'internal: the part of ehds.doctor() on permits and extracts';

CREATE FUNCTION ehds.doctor() RETURNS TABLE (severity text, object text, finding text, remedy text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET datestyle = 'ISO, YMD'
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT d.severity, d.object, d.finding, d.remedy
      FROM (SELECT * FROM ehds.doctor_server() UNION ALL SELECT * FROM ehds.doctor_tables() UNION ALL SELECT * FROM ehds.doctor_permits()) d
     ORDER BY array_position('{critical,warning,info}', d.severity), d.object, d.finding;
END
$$;
COMMENT ON FUNCTION ehds.doctor() IS
    'every hole that the database itself can see, worst first: severity (critical: something is open or broken; warning: somebody decides whether it is meant so; info: good to know), object, finding, remedy. It reads catalogs and declarations; of protected tables only subject keys and identities, to count the identities with several keys. For ehds_admin and ehds_auditor';

CREATE FUNCTION ehds.harden() RETURNS TABLE (object text, action text)
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    f regprocedure;
    r name;
BEGIN
    IF NOT (SELECT x.rolsuper FROM pg_roles x WHERE x.rolname = current_user) THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'only a superuser can harden the database';
    END IF;
    FOR f IN SELECT t FROM ehds.telling_counters() t WHERE has_function_privilege('public', t, 'EXECUTE') ORDER BY t::text LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO pg_monitor', f);
        object := f::text;
        action := 'taken from PUBLIC, given to pg_monitor';
        RETURN NEXT;
    END LOOP;
    FOR r IN SELECT x.rolname FROM pg_roles x
              WHERE x.rolcanlogin AND NOT x.rolsuper
                AND EXISTS (SELECT FROM ehds.permit p WHERE p.status = 'active' AND EXISTS (SELECT FROM pg_roles g WHERE g.oid = p.grantee)
                               AND pg_has_role(x.oid, p.grantee, 'MEMBER'))
                AND NOT EXISTS (SELECT FROM pg_db_role_setting s WHERE s.setrole = x.oid AND s.setdatabase = 0 AND 'track_counts=off' = ANY (s.setconfig))
              ORDER BY 1 LOOP
        EXECUTE format('ALTER ROLE %I SET track_counts = off', r);
        object := r::text;
        action := 'track_counts = off from the next login on';
        RETURN NEXT;
    END LOOP;
    PERFORM ehds.record_decision('harden', NULL, NULL, NULL);
END
$$;
COMMENT ON FUNCTION ehds.harden() IS
    'takes the counters of tables, indexes, blocks and databases from PUBLIC (pg_monitor keeps them; psql''s \d commands need none) and switches track_counts off for logins that work under permits; idempotent, for superusers, in each database';

REVOKE ALL ON FUNCTION ehds.telling_counters(), ehds.doctor_server(), ehds.doctor_tables(), ehds.doctor_permits(),
    ehds.doctor(), ehds.harden() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ehds.doctor() TO ehds_admin, ehds_auditor;
