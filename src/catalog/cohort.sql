-- cohort: a permit limited to persons whom governance defines by a query

CREATE TABLE ehds.cohort_person (
    permit_id    integer NOT NULL,
    identity     text COLLATE "C" NOT NULL CHECK (identity <> ''),
    -- as in ehds.opposition: integer keys are compared without a cast per row
    identity_int bigint GENERATED ALWAYS AS (
        CASE WHEN replace(identity, ' ', '') ~ '^[+-]?0*[0-9]{1,18}$' THEN replace(identity, ' ', '')::bigint
             WHEN replace(identity, ' ', '') ~ '^[+-]?0*[0-9]{19}$' THEN
                 CASE WHEN replace(identity, ' ', '')::numeric BETWEEN -9223372036854775808 AND 9223372036854775807
                      THEN replace(identity, ' ', '')::bigint END
        END) STORED,
    PRIMARY KEY (permit_id, identity)
);
COMMENT ON TABLE ehds.cohort_person IS
    'the persons of the cohort to which a permit is limited, by identity where one is declared, else by subject key';
CREATE INDEX cohort_person_int ON ehds.cohort_person (permit_id, identity_int);
SELECT pg_catalog.pg_extension_config_dump('ehds.cohort_person', '');
-- the views of permits read it as their owner
GRANT SELECT ON ehds.cohort_person TO ehds_owner;

CREATE FUNCTION ehds.rows_as_actor(query text) RETURNS SETOF text
    AS 'MODULE_PATHNAME', 'ehds_rows_as_actor' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION ehds.rows_as_actor(text) IS
    'internal: the values of a query''s one column, run read-only as the role that acts (of SET ROLE, else the login), not as the owner of the function that calls this. Raises 22023 for another number of columns';

CREATE FUNCTION ehds.cohort_condition(permit_id integer, raw text, raw_type oid) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    p ehds.permit;
    i ehds.protected_table;
BEGIN
    SELECT * INTO STRICT p FROM ehds.permit x WHERE x.permit_id = $1;
    IF p.cohort_query IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT t.* INTO i FROM ehds.population q JOIN ehds.protected_table t ON (t.schema_name, t.table_name) = (q.identity_schema, q.identity_table)
     WHERE q.population = p.population;
    IF FOUND THEN
        RETURN format('EXISTS (SELECT FROM %I.%I x, ehds.cohort_person o WHERE x.%I = %s AND %s AND o.permit_id = %s)', i.schema_name, i.table_name, i.subject, $2,
                      ehds.matches_opposition(ehds.column_type(i.relation, i.identity), format('x.%I', i.identity)), $1);
    END IF;
    RETURN format('EXISTS (SELECT FROM ehds.cohort_person o WHERE %s AND o.permit_id = %s)', ehds.matches_opposition($3, $2), $1);
END
$$;
COMMENT ON FUNCTION ehds.cohort_condition(integer, text, oid) IS
    'internal: the condition of a permit''s views by which only persons of its cohort are read, for a subject in an expression of this type; NULL without a cohort';

CREATE FUNCTION ehds.fill_cohort(permit_id integer, query text) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    place record;
    n     bigint;
BEGIN
    DELETE FROM ehds.cohort_person c WHERE c.permit_id = $1;
    INSERT INTO ehds.cohort_person (permit_id, identity)
    SELECT $1, k FROM (SELECT DISTINCT btrim(r, E' \t\n\r') FROM ehds.rows_as_actor($2) r) s(k) WHERE k <> '';

    -- loads renumber keys, not identities
    SELECT t.relation, t.subject, t.identity INTO place
      FROM ehds.permit p JOIN ehds.population q USING (population)
      JOIN ehds.protected_table t ON (t.schema_name, t.table_name) = (q.identity_schema, q.identity_table)
     WHERE p.permit_id = $1;
    IF FOUND THEN
        WITH known AS MATERIALIZED (
            SELECT DISTINCT x[1] AS identity FROM ehds.read_as_owner(format(
                'SELECT ARRAY[btrim(t.%I::text, E'' \t\n\r'')] FROM %s t JOIN ehds.cohort_person o ON %s WHERE o.permit_id = %s AND t.%1$I IS NOT NULL', place.identity, place.relation,
                ehds.matches_opposition(ehds.column_type(place.relation, place.subject), format('t.%I', place.subject)), $1)) x),
        gone AS (
            DELETE FROM ehds.cohort_person c WHERE c.permit_id = $1 AND NOT EXISTS (SELECT FROM known k WHERE k.identity = c.identity COLLATE "C"))
        INSERT INTO ehds.cohort_person (permit_id, identity) SELECT $1, k.identity FROM known k WHERE k.identity <> '' ON CONFLICT DO NOTHING;
    END IF;
    SELECT count(*) INTO n FROM ehds.cohort_person c WHERE c.permit_id = $1;
    RETURN n;
END
$$;
COMMENT ON FUNCTION ehds.fill_cohort(integer, text) IS
    'internal: the persons whose subject keys a query returns, run as the role that acts, become the cohort of a permit; returns how many';

CREATE FUNCTION ehds.permit_cohort(permit text, query text, description text DEFAULT NULL) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    p     ehds.permit;
    again boolean;
    n     bigint;
    made  regclass;
    definition text := rtrim($2, E'; \t\n\r');
BEGIN
    PERFORM ehds.require_role('ehds_admin', 'permit_cohort');
    p := ehds.lock_permit($1);
    again := p.status = 'active';
    IF p.status IN ('revoked', 'closed') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('permit "%s" is %s', $1, p.status),
            HINT = 'Issue a new permit.';
    ELSIF p.population IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('permit "%s" has no table', $1),
            HINT = format('Name its tables first: SELECT ehds.permit_table(%L, ...).', $1);
    ELSIF $2 IS NOT NULL AND definition = '' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'the definition of the cohort is empty',
            HINT = 'Write a SELECT that returns subject keys, or NULL for all persons.';
    ELSIF $2 IS NULL AND p.cohort_query IS NULL THEN
        RETURN format('permit %s has no cohort', $1);
    END IF;

    IF definition IS NULL THEN
        DELETE FROM ehds.cohort_person c WHERE c.permit_id = p.permit_id;
    ELSE
        n := ehds.fill_cohort(p.permit_id, definition);
        IF n = 0 THEN
            RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('no person of population "%s" is in this cohort', p.population),
                HINT = 'The query returns subject keys, as they stand in the tables of the permit.';
        ELSIF n < p.k AND p.output = 'statistics' THEN
            RAISE WARNING 'the cohort has % persons, fewer than the k of permit "%": all results will be hidden', n, $1;
        END IF;
    END IF;
    UPDATE ehds.permit x
       SET cohort_query = definition, cohort_description = CASE WHEN definition IS NOT NULL THEN coalesce(nullif(btrim($3), ''), 'persons whom governance has chosen') END,
           cohort_by = session_user, cohort_at = clock_timestamp(),
           status = 'draft', version = version + again::integer
     WHERE x.permit_id = p.permit_id;
    -- an extract that was made for other persons is closed until it is made anew
    FOR made IN SELECT c.oid FROM ehds.extract e JOIN pg_namespace s ON s.nspname = e.schema_name JOIN pg_class c ON c.relnamespace = s.oid AND c.relkind = 'r'
                 WHERE e.permit_id = p.permit_id AND e.destroyed_at IS NULL LOOP
        EXECUTE format('REVOKE ALL ON TABLE %s FROM %s', made, p.grantee);
    END LOOP;
    PERFORM ehds.compile_permit(p.permit_id);
    -- the definition may name persons, so it is not in the ledger
    PERFORM ehds.record_decision('permit_cohort', $1, p.population::text,
        CASE WHEN definition IS NULL THEN 'all persons' ELSE format('%s persons, query with sha256 %s', n, encode(sha256(convert_to(definition, 'UTF8')), 'hex')) END);
    IF again THEN
        RAISE NOTICE 'permit "%" is a draft again: another person activates it', $1;
    END IF;
    RETURN CASE WHEN definition IS NULL THEN format('permit %s is for all persons', $1) ELSE format('permit %s is for a cohort of %s persons', $1, n) END;
END
$$;
COMMENT ON FUNCTION ehds.permit_cohort(text, text, text) IS
    'limits a whole permit, all of its views, sealed tables and its extract, to the persons whose subject keys the query returns in its one column; names in it are qualified with their schema, and it runs now, read-only, with the rights of who calls this. description: in words, for the grantee and the register. '
    'Kept by identity where one is declared. NULL as query: all persons again. An active permit becomes a draft again, and its extract is closed until it is made anew. ehds.refresh_cohort() runs the query again. Raises 42501, 42704, 55000 (ended, without tables), 22023 (no SELECT of one column, nobody in it), and whatever the query raises';

CREATE FUNCTION ehds.refresh_cohort(permit text, allow_empty boolean DEFAULT false) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    p ehds.permit;
    n bigint;
BEGIN
    PERFORM ehds.require_role('ehds_admin', 'refresh_cohort');
    p := ehds.lock_permit($1);
    IF p.status NOT IN ('draft', 'active') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('permit "%s" is %s', $1, p.status);
    ELSIF p.cohort_query IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('permit "%s" has no cohort', $1),
            HINT = format('Define it: SELECT ehds.permit_cohort(%L, ...).', $1);
    -- what somebody else has written is not run with one's own rights
    ELSIF p.cohort_by <> session_user THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('the cohort of permit "%s" was defined by "%s", whose query is not run by others', $1, p.cohort_by),
            HINT = format('"%s" runs this, or you define the cohort yourself: SELECT ehds.permit_cohort(%L, ...).', p.cohort_by, $1);
    END IF;
    n := ehds.fill_cohort(p.permit_id, p.cohort_query);
    IF n = 0 AND NOT coalesce($2, false) THEN
        RAISE EXCEPTION USING ERRCODE = 'ZE005', MESSAGE = format('the cohort of permit "%s" has nobody in it any more', $1),
            DETAIL = 'Nothing was changed. A load that has not finished looks like this.',
            HINT = format('If it is really so, SELECT ehds.refresh_cohort(%L, allow_empty => true).', $1);
    END IF;
    UPDATE ehds.permit x SET cohort_at = clock_timestamp() WHERE x.permit_id = p.permit_id;
    PERFORM ehds.record_decision('refresh_cohort', $1, p.population::text, format('%s persons', n));
    RETURN format('permit %s is for a cohort of %s persons', $1, n);
END
$$;
COMMENT ON FUNCTION ehds.refresh_cohort(text, boolean) IS
    'runs the query that defines the cohort of a permit again, for instance after a load: by the login that defined it, with its rights; the permit stays in force. allow_empty: accept that nobody is in it any more. An extract follows when it is refreshed. Raises 42501, 42704, 55000, ZE005';

REVOKE ALL ON FUNCTION ehds.rows_as_actor(text), ehds.cohort_condition(integer, text, oid), ehds.fill_cohort(integer, text),
    ehds.permit_cohort(text, text, text), ehds.refresh_cohort(text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ehds.permit_cohort(text, text, text), ehds.refresh_cohort(text, boolean) TO ehds_admin;
