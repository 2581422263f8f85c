-- keyring: which master key is in use, by its check value; the key itself is in a file that only the server reads

CREATE TABLE ehds.key_version (
    version       integer PRIMARY KEY CHECK (version > 0),
    check_value   text NOT NULL CHECK (check_value ~ '^[0-9a-f]{32}$'),
    registered_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    registered_by name NOT NULL DEFAULT session_user
);
COMMENT ON TABLE ehds.key_version IS
    'the versions of the master key that were registered, each by a check value that tells the key apart and nothing about it; the newest one is in use';
SELECT pg_catalog.pg_extension_config_dump('ehds.key_version', '');
GRANT SELECT ON ehds.key_version TO ehds_admin, ehds_custodian, ehds_auditor;

CREATE FUNCTION ehds.key_check_of(version integer) RETURNS text
    AS 'MODULE_PATHNAME', 'ehds_key_check' LANGUAGE C STRICT VOLATILE PARALLEL SAFE;
REVOKE ALL ON FUNCTION ehds.key_check_of(integer) FROM PUBLIC;
COMMENT ON FUNCTION ehds.key_check_of(integer) IS
    'check value that the key file in use would have as the given version: 32 hexadecimal digits; raises ZE006 if the file can''t be used';

CREATE FUNCTION ehds.key_check() RETURNS text
    LANGUAGE sql VOLATILE PARALLEL SAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT ehds.key_check_of(coalesce((SELECT max(v.version) FROM ehds.key_version v), 1)) $$;
REVOKE ALL ON FUNCTION ehds.key_check() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ehds.key_check() TO ehds_admin, ehds_custodian, ehds_auditor;
COMMENT ON FUNCTION ehds.key_check() IS
    'check value of the key file in use, for comparison with ehds.key_version: 32 hexadecimal digits; raises ZE006 if the file can''t be used';

CREATE FUNCTION ehds.key_problem() RETURNS text
    AS 'MODULE_PATHNAME', 'ehds_key_problem' LANGUAGE C VOLATILE PARALLEL SAFE;
REVOKE ALL ON FUNCTION ehds.key_problem() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ehds.key_problem() TO ehds_admin, ehds_custodian, ehds_auditor;
COMMENT ON FUNCTION ehds.key_problem() IS
    'why the key file can''t be used (not set, missing, too short, too open, not the registered key), or NULL if it can; for ehds.doctor()';

CREATE FUNCTION ehds.register_key() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    newest ehds.key_version;
BEGIN
    -- two sessions must not both register a first key
    LOCK TABLE ehds.key_version IN SHARE ROW EXCLUSIVE MODE;
    SELECT * INTO newest FROM ehds.key_version ORDER BY version DESC LIMIT 1;
    IF NOT FOUND THEN
        INSERT INTO ehds.key_version (version, check_value) VALUES (1, ehds.key_check_of(1));
        PERFORM ehds.record_decision('register_key', NULL, NULL, 'version 1');
        RETURN 1;
    END IF;
    IF newest.check_value <> ehds.key_check_of(newest.version) THEN
        RAISE EXCEPTION USING ERRCODE = 'ZE006',
            MESSAGE = format('the key file does not hold the key that is registered as version %s', newest.version),
            HINT = 'Put the right key file back; another key would break the ledger''s chain and make other pseudonyms.';
    END IF;
    RETURN newest.version;
END
$$;
REVOKE ALL ON FUNCTION ehds.register_key() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ehds.register_key() TO ehds_admin, ehds_custodian;
COMMENT ON FUNCTION ehds.register_key() IS
    'registers the key file in use as version 1 if no key is registered, else checks that it is the registered one; returns the version. Raises ZE006.';

-- For the functions of governance, which are the first to need a key; no lock once there is one.
CREATE FUNCTION ehds.ensure_key() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ehds.key_version) THEN
        PERFORM ehds.register_key();
    ELSIF ehds.key_problem() IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'ZE006', MESSAGE = ehds.key_problem(),
            HINT = 'An administrator sets ehds.key_file to the file that holds the registered key.';
    END IF;
END
$$;
REVOKE ALL ON FUNCTION ehds.ensure_key() FROM PUBLIC;
COMMENT ON FUNCTION ehds.ensure_key() IS
    'called by the functions of governance: registers the first key, or raises ZE006 if the key file can''t be used';
