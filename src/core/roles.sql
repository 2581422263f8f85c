-- guard: in a schema of somebody else's, their functions would run as the owner of ours; every
-- operator is qualified, since the functions of a planted schema would be found here too

DO $do$
DECLARE
    space record;
BEGIN
    SELECT n.oid, n.nspowner, n.nspacl INTO space
      FROM pg_catalog.pg_namespace n WHERE n.nspname OPERATOR(pg_catalog.=) 'ehds'::pg_catalog.name;
    -- a superuser's schema is as good as our own: a restore makes it for the owner that it had
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r
                    WHERE r.oid OPERATOR(pg_catalog.=) space.nspowner
                      AND (r.rolsuper OR r.rolname OPERATOR(pg_catalog.=) current_user)) THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_schema',
            MESSAGE = pg_catalog.format('schema "ehds" exists and belongs to %I', pg_catalog.pg_get_userbyid(space.nspowner)),
            DETAIL = 'Its owner could put functions there that the extension would run as a superuser.',
            HINT = 'Look at what is in it; then DROP SCHEMA ehds CASCADE, and CREATE EXTENSION makes it anew.';
    ELSIF EXISTS (SELECT FROM pg_catalog.aclexplode(space.nspacl) x
                   WHERE x.privilege_type OPERATOR(pg_catalog.=) 'CREATE'::pg_catalog.text
                     AND x.grantee OPERATOR(pg_catalog.<>) space.nspowner) THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_schema',
            MESSAGE = 'schema "ehds" exists, and others than its owner may create objects in it',
            HINT = 'Look at what is in it; then DROP SCHEMA ehds CASCADE, and CREATE EXTENSION makes it anew.';
    -- whatever lies in a schema depends on it: functions, types, operators, default privileges
    ELSIF EXISTS (SELECT FROM pg_catalog.pg_depend d
                   WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid
                     AND d.refobjid OPERATOR(pg_catalog.=) space.oid
                     AND NOT EXISTS (SELECT FROM pg_catalog.pg_extension e
                                      WHERE e.extname OPERATOR(pg_catalog.=) 'pg_ehds'::pg_catalog.name
                                        AND e.oid OPERATOR(pg_catalog.=) d.objid
                                        AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass::pg_catalog.oid)) THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_schema',
            MESSAGE = 'schema "ehds" exists and is not empty',
            HINT = 'Look at what is in it; then DROP SCHEMA ehds CASCADE, and CREATE EXTENSION makes it anew.';
    END IF;
END
$do$;

-- roles: made if they are missing; an existing role is taken only if nobody can act as it unseen

DO $do$
DECLARE
    wanted record;
    existing record;
    marker constant text := 'pg_ehds: ';
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES
            ('ehds_owner',     'owns permit schemas, their views and extracts; nobody logs in as it or is a member'),
            ('ehds_admin',     'declares what is protected, issues, activates, revokes and closes permits'),
            ('ehds_registrar', 'records and withdraws oppositions'),
            ('ehds_auditor',   'reads the ledger, the register of permits and ehds.doctor()'),
            ('ehds_custodian', 'keeps the keys')) AS v(role, what)
    LOOP
        SELECT r.oid, r.rolcanlogin, r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolreplication AS mighty,
               coalesce(shobj_description(r.oid, 'pg_authid'), '') LIKE marker || '%' AS ours,
               EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.roleid = r.oid) AS has_members
          INTO existing
          FROM pg_catalog.pg_roles r WHERE r.rolname = wanted.role;

        IF NOT FOUND THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', wanted.role);
        ELSIF existing.rolcanlogin OR existing.mighty THEN
            RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
                MESSAGE = format('role "%s" exists and %s', wanted.role,
                                 CASE WHEN existing.rolcanlogin THEN 'can log in' ELSE 'has attributes of its own' END),
                HINT = format('Rename it, or run ALTER ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION.', wanted.role);
        ELSIF existing.has_members AND (wanted.role = 'ehds_owner' OR NOT existing.ours) THEN
            RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
                MESSAGE = format('role "%s" exists and has members', wanted.role),
                DETAIL = CASE WHEN wanted.role = 'ehds_owner'
                              THEN 'Members of it could read protected tables without a permit.'
                              ELSE 'The role does not bear the comment that pg_ehds gives to roles of its own.' END,
                HINT = 'Rename the role, or revoke it from its members and grant it again after CREATE EXTENSION.';
        END IF;
        -- pg_dumpall carries the comment: so a restore, or a second database, knows the role again
        EXECUTE format('COMMENT ON ROLE %I IS %L', wanted.role, marker || wanted.what);
    END LOOP;
END
$do$;

CREATE FUNCTION ehds.acting_role() RETURNS name
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT coalesce(nullif(current_setting('role'), 'none'), session_user)::name $$;
COMMENT ON FUNCTION ehds.acting_role() IS
    'the role that acts: the one of SET ROLE, else the login; the same inside SECURITY DEFINER functions, where current_user is the owner';
