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
