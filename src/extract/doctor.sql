-- doctor: every way past the permits that the database can see, each with its remedy

CREATE FUNCTION ehds.telling_counters() RETURNS SETOF regprocedure
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.oid::regprocedure FROM pg_proc p
     WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.pronargs = 1 AND p.proargtypes[0] = 'oid'::regtype
       AND p.proname ~ '^pg_stat_get_(xact_)?(numscans|tuples_|live_tuples|dead_tuples|mod_since_analyze|ins_since_vacuum|blocks_|lastscan|last_|vacuum_count|autovacuum_count|analyze_count|autoanalyze_count|total_.*time|db_)'
    UNION ALL
    -- blocks that each statement met: with a join to an index, one or more a row
    SELECT d.objid::regprocedure FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid JOIN pg_proc p ON p.oid = d.objid
     WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
       AND e.extname = 'pg_stat_statements' AND p.proname = 'pg_stat_statements'
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

    -- the limits of statistics, which are the DBA's
    RETURN QUERY SELECT 'warning', s.name, format('%s is %s, less strict than %s, what it is without a setting', s.name, s.setting, s.boot_val), format('ALTER SYSTEM RESET %s, if it is not meant so.', s.name)
                   FROM pg_settings s
                  WHERE (s.name = 'ehds.k_floor' AND s.setting::int < s.boot_val::int)
                     OR (s.name = 'ehds.dominance_share_limit' AND s.setting::int > s.boot_val::int)
                     OR (s.name IN ('ehds.suppressed_floor', 'ehds.show_zero') AND s.setting <> s.boot_val);
    RETURN QUERY SELECT 'warning', coalesce(nullif(d.setrole, 0)::regrole::text, 'database ' || current_database()), format('has its own %s', c),
                        format('ALTER %s RESET %s, if it is not meant so.', CASE d.setrole WHEN 0 THEN format('DATABASE %I', current_database()) ELSE 'ROLE ' || d.setrole::regrole END
                               || CASE WHEN d.setrole <> 0 AND d.setdatabase <> 0 THEN format(' IN DATABASE %I', current_database()) ELSE '' END, s.name)
                   FROM pg_db_role_setting d CROSS JOIN LATERAL unnest(d.setconfig) AS x(c)
                   JOIN pg_settings s ON s.name = split_part(c, '=', 1) AND s.name ~ '^ehds\.' AND s.context = 'superuser'
                  WHERE d.setdatabase IN (0, (SELECT o.oid FROM pg_database o WHERE o.datname = current_database()));
    RETURN QUERY SELECT 'critical', CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END, format('may set %s, a limit that binds statistics', a.parname),
                        format('REVOKE %s ON PARAMETER %s FROM %s', x.privilege_type, a.parname, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)
                   FROM pg_parameter_acl a CROSS JOIN LATERAL aclexplode(a.paracl) x
                   JOIN pg_settings s ON s.name = a.parname AND s.name ~ '^ehds\.' AND (s.context = 'superuser' OR x.privilege_type = 'ALTER SYSTEM')
                  WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = x.grantee AND r.rolsuper);

    RETURN QUERY SELECT 'critical', r.rolname::text, format('role %s can log in: whoever does reads protected tables without a permit', r.rolname), format('ALTER ROLE %I NOLOGIN', r.rolname)
                   FROM pg_roles r WHERE r.rolname IN ('ehds_owner', 'ehds_admin', 'ehds_registrar', 'ehds_auditor', 'ehds_custodian') AND r.rolcanlogin;
    RETURN QUERY SELECT DISTINCT 'critical', 'ehds_owner', format('role %s is a member of ehds_owner and reads protected tables without a permit', m.member::regrole),
                        format('REVOKE ehds_owner FROM %s', m.member::regrole)
                   FROM pg_auth_members m WHERE m.roleid = (SELECT r.oid FROM pg_roles r WHERE r.rolname = 'ehds_owner');
    RETURN QUERY SELECT DISTINCT 'critical', 'ehds_owner', format('ehds_owner is a member of %s: the views of permits run with its rights', m.roleid::regrole),
                        format('REVOKE %s FROM ehds_owner', m.roleid::regrole)
                   FROM pg_auth_members m WHERE m.member = (SELECT r.oid FROM pg_roles r WHERE r.rolname = 'ehds_owner');
    RETURN QUERY SELECT 'critical', r.rolname::text, format('role %s has attributes of its own: %s', r.rolname,
                            concat_ws(', ', CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END,
                                      CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END)),
                        format('ALTER ROLE %I NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION', r.rolname)
                   FROM pg_roles r WHERE r.rolname IN ('ehds_owner', 'ehds_admin', 'ehds_registrar', 'ehds_auditor', 'ehds_custodian')
                    AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolreplication);
    RETURN QUERY SELECT DISTINCT 'critical', m.member::regrole::text, format('role %s is a member of the superuser role %s: no permit binds it', m.member::regrole, s.rolname),
                        format('REVOKE %I FROM %s', s.rolname, m.member::regrole)
                   FROM pg_auth_members m JOIN pg_roles s ON s.oid = m.roleid AND s.rolsuper
                   JOIN pg_roles r ON r.oid = m.member AND NOT r.rolsuper;
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
    RETURN QUERY SELECT 'critical', format('trigger %s on ehds.%I', w.name, w.relation), 'the trigger is gone or does something else: history can be rewritten, or changes go unnoticed',
                        format('CREATE OR REPLACE TRIGGER %s %s ON ehds.%I FOR EACH %s EXECUTE FUNCTION ehds.%s(); ALTER TABLE ehds.%I ENABLE ALWAYS TRIGGER %s',
                               w.name, w.events, w.relation, CASE w.type & 1 WHEN 1 THEN 'ROW' ELSE 'STATEMENT' END, w.function, w.relation, w.name)
                   FROM (VALUES ('opposition', 'keep_history', 27, 'keep_history', 'BEFORE UPDATE OR DELETE'),
                                ('opposition', 'keep_history_whole', 34, 'keep_history', 'BEFORE TRUNCATE'),
                                ('ledger_entry', 'ledger_guard', 62, 'ledger_guard', 'BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE'),
                                ('release_part', 'release_guard', 58, 'release_guard', 'BEFORE UPDATE OR DELETE OR TRUNCATE'),
                                ('population', 'catalog_changed', 29, 'catalog_changed', 'AFTER INSERT OR UPDATE OR DELETE'),
                                ('protected_table', 'catalog_changed', 29, 'catalog_changed', 'AFTER INSERT OR UPDATE OR DELETE'),
                                ('permit', 'catalog_changed', 29, 'catalog_changed', 'AFTER INSERT OR UPDATE OR DELETE'),
                                ('permit_table', 'catalog_changed', 29, 'catalog_changed', 'AFTER INSERT OR UPDATE OR DELETE'),
                                ('extract', 'catalog_changed', 29, 'catalog_changed', 'AFTER INSERT OR UPDATE OR DELETE'),
                                ('sealed_table', 'catalog_changed', 29, 'catalog_changed', 'AFTER INSERT OR UPDATE OR DELETE')) AS w(relation, name, type, function, events)
                  WHERE NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = to_regclass(format('ehds.%I', w.relation)) AND g.tgname = w.name
                                       AND g.tgfoid = to_regprocedure(format('ehds.%I()', w.function)) AND g.tgtype = w.type
                                       AND g.tgqual IS NULL AND g.tgattr::text = '');

    -- what CREATE EXTENSION granted is on record; whatever came since was granted by somebody
    RETURN QUERY
    WITH ours AS (
        SELECT d.classid, d.objid FROM pg_depend d
         WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT e.oid FROM pg_extension e WHERE e.extname = 'pg_ehds')),
    things AS (
        SELECT o.classid, o.objid, 0 AS part, f.oid::regprocedure::text AS name, 'FUNCTION' AS kind, f.proowner AS owner, coalesce(f.proacl, acldefault('f', f.proowner)) AS acl, acldefault('f', f.proowner) AS usual
          FROM ours o JOIN pg_proc f ON o.classid = 'pg_proc'::regclass AND f.oid = o.objid
        UNION ALL
        SELECT o.classid, o.objid, 0, ehds.full_name(c.oid), CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.relowner, c.relacl, NULL
          FROM ours o JOIN pg_class c ON o.classid = 'pg_class'::regclass AND c.oid = o.objid
        UNION ALL
        SELECT o.classid, o.objid, a.attnum, ehds.full_name(c.oid), 'TABLE', c.relowner, a.attacl, NULL
          FROM ours o JOIN pg_class c ON o.classid = 'pg_class'::regclass AND c.oid = o.objid
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attacl IS NOT NULL AND NOT a.attisdropped),
    installed AS (
        SELECT t.*, coalesce((SELECT i.initprivs FROM pg_init_privs i WHERE (i.classoid, i.objoid, i.objsubid) = (t.classid, t.objid, t.part)), t.usual) AS was FROM things t)
    SELECT DISTINCT CASE WHEN x.grantee = 0 OR (i.kind = 'FUNCTION' AND NOT EXISTS (SELECT FROM aclexplode(i.was) y WHERE y.grantee <> i.owner)) THEN 'critical' ELSE 'warning' END,
           i.name, format('%s has %s on it, which CREATE EXTENSION did not grant%s', CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END, x.privilege_type,
                          CASE WHEN i.kind = 'FUNCTION' AND NOT EXISTS (SELECT FROM aclexplode(i.was) y WHERE y.grantee <> i.owner) THEN ': the function is internal' END),
           format('REVOKE %s ON %s %s FROM %s', CASE i.kind WHEN 'FUNCTION' THEN x.privilege_type ELSE 'ALL' END,
                  CASE WHEN i.kind = 'FUNCTION' AND EXISTS (SELECT FROM pg_proc f WHERE f.oid = i.objid AND f.prokind = 'p') THEN 'PROCEDURE' ELSE i.kind END,
                  i.name, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)
      FROM installed i CROSS JOIN LATERAL aclexplode(i.acl) x
     WHERE x.grantee <> i.owner
       AND NOT EXISTS (SELECT FROM aclexplode(i.was) y WHERE (y.grantee, y.privilege_type) = (x.grantee, x.privilege_type));

    -- whoever creates in these schemas has code run by others
    RETURN QUERY
    WITH spaces AS (
        SELECT n.oid, n.nspname, n.nspowner, n.nspacl, n.nspname <> 'ehds' AS of_permit FROM pg_namespace n
         WHERE n.nspname = 'ehds' OR n.nspname IN (SELECT p.schema_name FROM ehds.permit p)
            OR n.nspname IN (SELECT x || substr(p.schema_name, 8) FROM ehds.permit p, unnest('{extract_,sealed_}'::text[]) x))
    SELECT 'critical', format('schema %I', s.nspname), format('%s may create objects in it', CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END),
           format('REVOKE CREATE ON SCHEMA %I FROM %s', s.nspname, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)
      FROM spaces s CROSS JOIN LATERAL aclexplode(s.nspacl) x WHERE x.privilege_type = 'CREATE' AND x.grantee <> s.nspowner
    UNION ALL
    SELECT 'critical', format('schema %I', s.nspname), format('belongs to %s', s.nspowner::regrole),
           format('ALTER SCHEMA %I OWNER TO %s', s.nspname, CASE WHEN s.of_permit THEN 'ehds_owner' ELSE (SELECT e.extowner::regrole::text FROM pg_extension e WHERE e.extname = 'pg_ehds') END)
      FROM spaces s JOIN pg_roles r ON r.oid = s.nspowner
     WHERE CASE WHEN s.of_permit THEN r.rolname <> 'ehds_owner' ELSE NOT r.rolsuper END
    UNION ALL
    SELECT 'warning', format('schema %I', n.nspname), 'belongs to ehds_owner, and no permit knows it', format('DROP SCHEMA %I, after a look at what is in it', n.nspname)
      FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner AND r.rolname = 'ehds_owner'
     WHERE NOT EXISTS (SELECT FROM spaces s WHERE s.oid = n.oid)
    UNION ALL
    SELECT 'critical', ehds.full_name(c.oid), 'belongs to ehds_owner and is outside the schemas of permits: it reads protected tables without one', format('Drop it, or give it to its maker: ALTER TABLE %s OWNER TO ...', ehds.full_name(c.oid))
      FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner AND r.rolname = 'ehds_owner'
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't' AND NOT EXISTS (SELECT FROM spaces s WHERE s.oid = c.relnamespace)
       AND NOT EXISTS (SELECT FROM ehds.sealed_table s WHERE s.view = c.oid);
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
    WITH RECURSIVE stored AS MATERIALIZED (
        SELECT child::oid AS oid, t.relation FROM ehds.protected_table t CROSS JOIN LATERAL ehds.with_children(t.relation) child),
    reach AS (
        SELECT s.oid, s.relation, true AS carries FROM stored s
        UNION
        SELECT c.oid, r.relation, c.relkind IN ('v', 'm')
          FROM reach r
          JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = r.oid AND d.classid = 'pg_rewrite'::regclass
          JOIN pg_rewrite w ON w.oid = d.objid
          JOIN pg_class c ON c.oid = w.ev_class AND c.oid <> r.oid
         WHERE r.carries AND NOT EXISTS (SELECT FROM ehds.permit_table pt WHERE pt.view = c.oid) AND NOT EXISTS (SELECT FROM ehds.sealed_table s WHERE s.view = c.oid))
    SELECT DISTINCT CASE WHEN c.relkind = 'm' THEN 'critical' ELSE 'warning' END, ehds.full_name(c.oid),
           format('%s reads protected table %s: whoever may read it, and is no permit''s member, sees persons',
                  CASE c.relkind WHEN 'm' THEN 'the materialised view' WHEN 'v' THEN 'the view' ELSE 'a rule of the table' END, ehds.full_name(r.relation)),
           format('Drop it, or leave rights on it to roles of care only (owner %s).', c.relowner::regrole)
      FROM reach r JOIN pg_class c ON c.oid = r.oid
     WHERE ehds.full_name(r.relation) IS NOT NULL AND (r.oid, r.relation) NOT IN (SELECT s.oid, s.relation FROM stored s)
     ORDER BY 1, 2;
    RETURN QUERY
    WITH sent AS (
        SELECT t.relation::oid AS oid, child::oid AS part, 'its rows' AS what FROM ehds.protected_table t CROSS JOIN LATERAL ehds.with_children(t.relation) child
        UNION ALL
        SELECT c.oid, c.oid, 'its rows' FROM pg_class c WHERE c.oid IN ('ehds.opposition'::regclass, 'ehds.ledger_entry'::regclass)
        UNION ALL
        SELECT c.oid, c.oid, 'rows of a sealed table' FROM ehds.sealed_table s JOIN pg_class c ON c.oid = s.store AND NOT s.temporary
        UNION ALL
        SELECT c.oid, c.oid, 'pseudonymised rows' FROM ehds.extract e JOIN pg_namespace n ON n.nspname = e.schema_name JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind = 'r')
    SELECT 'critical', ehds.full_name(s.oid), format('publication %s sends %s to other servers', p.pubname, s.what),
           CASE WHEN p.puballtables THEN format('DROP PUBLICATION %I: it publishes all tables; make one that lists those without persons.', p.pubname)
                WHEN bool_or(pr.prrelid IS NOT NULL) THEN format('ALTER PUBLICATION %I DROP TABLE %s', p.pubname, string_agg(DISTINCT ehds.full_name(pr.prrelid), ', '))
                WHEN bool_or(pn.pnnspid IS NOT NULL) THEN format('ALTER PUBLICATION %I DROP TABLES IN SCHEMA %s', p.pubname, string_agg(DISTINCT quote_ident(n.nspname), ', ') FILTER (WHERE pn.pnnspid IS NOT NULL))
                ELSE format('DROP PUBLICATION %I, or take the table that this one is a partition of out of it.', p.pubname) END
      FROM sent s JOIN pg_class c ON c.oid = s.part JOIN pg_namespace n ON n.oid = c.relnamespace
      CROSS JOIN pg_publication p
      LEFT JOIN pg_publication_rel pr ON pr.prpubid = p.oid AND pr.prrelid = s.part
      LEFT JOIN pg_publication_namespace pn ON pn.pnpubid = p.oid AND pn.pnnspid = c.relnamespace
     WHERE pr.prrelid IS NOT NULL
        OR EXISTS (SELECT FROM pg_publication_tables pt WHERE (pt.pubname, pt.schemaname, pt.tablename) = (p.pubname, n.nspname, c.relname))
     GROUP BY s.oid, s.what, p.oid, p.pubname, p.puballtables;
    -- what the next load creates
    RETURN QUERY
    SELECT 'warning', CASE d.defaclnamespace WHEN 0 THEN 'default privileges' ELSE format('default privileges in schema %s', d.defaclnamespace::regnamespace) END,
           format('tables that %s creates can be read by %s at once, without a permit', d.defaclrole::regrole, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END),
           format('ALTER DEFAULT PRIVILEGES FOR ROLE %s%s REVOKE SELECT ON TABLES FROM %s', d.defaclrole::regrole,
                  CASE WHEN d.defaclnamespace <> 0 THEN format(' IN SCHEMA %s', d.defaclnamespace::regnamespace) END,
                  CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)
      FROM pg_default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) x
     WHERE d.defaclobjtype = 'r' AND x.privilege_type = 'SELECT' AND x.grantee <> d.defaclrole
       AND (d.defaclnamespace = 0 OR d.defaclnamespace IN (SELECT n.oid FROM pg_namespace n JOIN ehds.protected_table t ON t.schema_name = n.nspname))
       AND (x.grantee = 0 OR EXISTS (SELECT FROM ehds.permit p JOIN pg_roles g ON g.oid = p.grantee WHERE p.status IN ('draft', 'active') AND pg_has_role(g.oid, x.grantee, 'MEMBER')));
    -- code of others that runs whenever the table is planned, read or written
    RETURN QUERY
    WITH stored AS MATERIALIZED (
        SELECT DISTINCT child::oid AS oid FROM ehds.protected_table t CROSS JOIN LATERAL ehds.with_children(t.relation) child),
    parts AS (
        SELECT s.oid AS relation, 'pg_class'::regclass::oid AS classid, s.oid AS objid, 'the partition key' AS what, true AS on_read FROM stored s
        UNION ALL SELECT s.oid, 'pg_class'::regclass, x.indexrelid, format('index %s', x.indexrelid::regclass), true FROM stored s JOIN pg_index x ON x.indrelid = s.oid
        UNION ALL SELECT s.oid, 'pg_constraint'::regclass, k.oid, format('constraint %I', k.conname), true FROM stored s JOIN pg_constraint k ON k.conrelid = s.oid
        UNION ALL SELECT s.oid, 'pg_policy'::regclass, y.oid, format('policy %I', y.polname), true FROM stored s JOIN pg_policy y ON y.polrelid = s.oid
        UNION ALL SELECT s.oid, 'pg_rewrite'::regclass, w.oid, format('rule %I', w.rulename), true FROM stored s JOIN pg_rewrite w ON w.ev_class = s.oid
        UNION ALL SELECT s.oid, 'pg_statistic_ext'::regclass, e.oid, format('statistics %I', e.stxname), true FROM stored s JOIN pg_statistic_ext e ON e.stxrelid = s.oid
        UNION ALL SELECT s.oid, 'pg_attrdef'::regclass, a.oid, 'a default', false FROM stored s JOIN pg_attrdef a ON a.adrelid = s.oid
        UNION ALL SELECT s.oid, 'pg_trigger'::regclass, g.oid, format('trigger %I', g.tgname), false FROM stored s JOIN pg_trigger g ON g.tgrelid = s.oid AND NOT g.tgisinternal),
    code AS (
        SELECT 'pg_proc'::regclass::oid AS classid, f.oid, f.proowner AS owner FROM pg_proc f WHERE f.pronamespace <> 'pg_catalog'::regnamespace
        UNION ALL SELECT 'pg_operator'::regclass, o.oid, o.oprowner FROM pg_operator o WHERE o.oprnamespace <> 'pg_catalog'::regnamespace
        UNION ALL SELECT 'pg_opclass'::regclass, o.oid, o.opcowner FROM pg_opclass o WHERE o.opcnamespace <> 'pg_catalog'::regnamespace)
    SELECT DISTINCT CASE WHEN r.rolsuper THEN 'info' WHEN p.on_read THEN 'critical' ELSE 'warning' END, ehds.full_name(p.relation),
           format('%s uses %s of %s: its code runs when the table is %s', p.what, pg_describe_object(k.classid, k.oid, 0), r.rolname, CASE WHEN p.on_read THEN 'read' ELSE 'written' END),
           format('Read what it does; if it has to be, let a superuser own it. If not, drop %s.', p.what)
      FROM parts p JOIN pg_depend d ON (d.classid, d.objid) = (p.classid, p.objid)
      JOIN code k ON (k.classid, k.oid) = (d.refclassid, d.refobjid) JOIN pg_roles r ON r.oid = k.owner;
    RETURN QUERY
    SELECT 'info', ehds.full_name(t.relation), 'has row-level security: permits show only the rows that its policies show to ehds_owner',
           'CREATE POLICY ... TO ehds_owner USING (true), if permits are to cover all rows.'
      FROM ehds.protected_table t JOIN pg_class c ON c.oid = t.relation WHERE c.relrowsecurity;

    -- declarations that no longer hold
    RETURN QUERY
    SELECT 'critical', ehds.full_name(w.relation), format('column %I is gone, and is declared as %s', w.name, w.what), format('Bring it back, then SELECT * FROM ehds.after_load(%L); or ehds.unprotect() and ehds.protect() with another column.', w.schema_name)
      FROM (SELECT t.relation, t.schema_name, t.subject AS name, 'the subject' AS what FROM ehds.protected_table t
            UNION ALL SELECT t.relation, t.schema_name, t.identity, 'the identity' FROM ehds.protected_table t
            UNION ALL SELECT t.relation, t.schema_name, t.via_column, format('what leads to %I.%I', t.via_schema, t.via_table) FROM ehds.protected_table t
            UNION ALL SELECT v.relation, v.schema_name, t.via_key, format('the key of %I.%I', t.schema_name, t.table_name)
                        FROM ehds.protected_table t JOIN ehds.protected_table v ON (v.schema_name, v.table_name) = (t.via_schema, t.via_table)) w
     WHERE w.name IS NOT NULL AND ehds.full_name(w.relation) IS NOT NULL
       AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = w.relation AND a.attname = w.name AND a.attnum > 0 AND NOT a.attisdropped);
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
        BEGIN
            several := ehds.shared_identities(place.population);
        EXCEPTION WHEN undefined_column OR undefined_table THEN
            -- found above
            several := 0;
        END;
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
    RETURN QUERY
    SELECT 'warning', ehds.full_name(t.relation), format('the declared domain of column %I can''t be used: %s', a.attname, p.problem),
           format('SECURITY LABEL FOR pg_ehds ON TABLE ... IS ''public'', or ON COLUMN %s.%I IS another one', ehds.full_name(t.relation), a.attname)
      FROM ehds.protected_table t
      JOIN pg_attribute a ON a.attrelid = t.relation AND a.attnum > 0 AND NOT a.attisdropped
      CROSS JOIN LATERAL (SELECT CASE WHEN ehds.label_of(t.relation, a.attnum) ~ 'domain' THEN ehds.domain_problem(t.relation, a.attnum) END AS problem) p
     WHERE p.problem IS NOT NULL
     ORDER BY 2, 3;
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
    SELECT 'critical', 'permit ' || p.permit, format('its %s does not hold: %s', CASE WHEN p.epsilon_nano IS NULL THEN 'noise' ELSE 'differential privacy' END, ehds.exact_beside_noisy(p.permit_id)), 'Take one of the two memberships away; what was answered so far stays known.'
      FROM live p WHERE (p.epsilon_nano IS NOT NULL OR p.cell_key_max IS NOT NULL) AND ehds.exact_beside_noisy(p.permit_id) IS NOT NULL;

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
    SELECT DISTINCT 'warning', ehds.full_name(c.oid), format('%s has %s on it', CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END, x.privilege_type),
           format('REVOKE ALL ON %s FROM %s', ehds.full_name(c.oid), CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)
      FROM ehds.permit p JOIN pg_namespace n ON n.nspname = p.schema_name OR n.nspname = 'extract_' || substr(p.schema_name, 8)
      JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
      CROSS JOIN LATERAL (SELECT c.relacl AS acl UNION ALL SELECT a.attacl FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped) y CROSS JOIN LATERAL aclexplode(y.acl) x
     WHERE x.grantee <> c.relowner AND NOT (x.grantee = p.grantee AND x.privilege_type = 'SELECT');
    RETURN QUERY
    SELECT 'critical', format('%I.%I', p.schema_name, pt.view_name), format('column %I is labelled identifier now and still in the permit', a.attname),
           format('SELECT ehds.permit_table(%L, %L, columns => ...)', p.permit, format('%I.%I', pt.schema_name, pt.table_name))
      FROM ehds.permit p JOIN ehds.permit_table pt USING (permit_id)
      JOIN ehds.protected_table t ON (t.schema_name, t.table_name) = (pt.schema_name, pt.table_name)
      JOIN pg_attribute a ON a.attrelid = t.relation AND a.attname = ANY (pt.columns) AND a.attname <> pt.subject_column
     WHERE p.status IN ('draft', 'active') AND ehds.role_of(t.relation, a.attnum) = 'identifier';
    RETURN QUERY
    SELECT 'critical', format('%I.%I', p.schema_name, c.relname), 'stands in the schema of a permit and is no view of it', format('DROP or move it: %s', ehds.full_name(c.oid))
      FROM ehds.permit p JOIN pg_namespace n ON n.nspname = p.schema_name
      JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
     WHERE NOT EXISTS (SELECT FROM ehds.permit_table pt WHERE pt.view = c.oid)
       AND NOT EXISTS (SELECT FROM ehds.permit_table pt WHERE pt.permit_id = p.permit_id AND pt.view_name = c.relname);

    -- sealed tables
    RETURN QUERY
    SELECT 'critical', ehds.full_name(c.oid), format('holds rows of sealed table %s, and %s has %s on it', coalesce(ehds.full_name(s.view), '(dropped)'),
                                                     CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END, x.privilege_type),
           format('REVOKE ALL ON TABLE %s FROM %s', ehds.full_name(c.oid), CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)
      FROM ehds.sealed_table s JOIN pg_class c ON c.oid = s.store CROSS JOIN LATERAL aclexplode(c.relacl) x
     WHERE x.grantee <> c.relowner;
    RETURN QUERY
    SELECT 'critical', ehds.full_name(c.oid), format('is part of a sealed table and belongs to %s, who reads it', c.relowner::regrole), format('DROP it, or ALTER TABLE %s OWNER TO ehds_owner', ehds.full_name(c.oid))
      FROM ehds.sealed_table s JOIN pg_class c ON c.oid IN (s.store, s.view)
     WHERE c.relowner <> 'ehds_owner'::regrole AND (c.oid = s.store OR NOT s.temporary);

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
       -- an identity that is no number, or none that has a pseudonym, is in no extract whose subject is a number
       AND EXISTS (SELECT FROM ehds.permit_table pt
                     LEFT JOIN pg_attribute a ON a.attrelid = to_regclass(format('%I.%I', e.schema_name, pt.view_name)) AND a.attname = pt.subject_column
                    WHERE pt.permit_id = p.permit_id AND (o.table_name IS NULL OR (pt.schema_name, pt.table_name) = (o.schema_name, o.table_name))
                      AND (a.atttypid IS DISTINCT FROM 'int8'::regtype OR o.identity_int BETWEEN 1 AND 999999999999999))
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
    SET quote_all_identifiers = off
    -- many small queries: compiling them takes longer than running them
    SET jit = off
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
    'takes the counters of tables, indexes, blocks, databases and (pg_stat_statements) statements from PUBLIC (pg_monitor keeps them; psql''s \d commands need none) and switches track_counts off for logins that work under permits; idempotent, for superusers, in each database';

REVOKE ALL ON FUNCTION ehds.telling_counters(), ehds.doctor_server(), ehds.doctor_tables(), ehds.doctor_permits(),
    ehds.doctor(), ehds.harden() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ehds.doctor() TO ehds_admin, ehds_auditor;
