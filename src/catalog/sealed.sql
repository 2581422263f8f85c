-- sealed: tables of persons that analysts make under a statistics permit and nobody reads

CREATE TABLE ehds.sealed_table (
    sealed_id      integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    permit_id      integer NOT NULL,
    version        integer NOT NULL,
    view           regclass NOT NULL,
    store          regclass NOT NULL,
    temporary      boolean NOT NULL,
    subject_column name NOT NULL,
    origin_view    regclass[] NOT NULL,
    origin_column  smallint[] NOT NULL,
    multiplied     boolean NOT NULL,
    made_by        name NOT NULL,
    made_at        timestamptz NOT NULL DEFAULT now(),
    CHECK (cardinality(origin_view) = cardinality(origin_column))
);
COMMENT ON TABLE ehds.sealed_table IS
    'tables of persons that members of a grantee made under a statistics permit: view, the name that they use; store, where the rows are; version, of the permit by then; '
    'origin_view and origin_column, for each column the one of a permit''s view that it is a copy of (0: of none); multiplied: rows may be there several times';

CREATE TABLE ehds.sealed_source (
    sealed_id   integer NOT NULL,
    schema_name name NOT NULL,
    table_name  name NOT NULL,
    PRIMARY KEY (sealed_id, schema_name, table_name)
);
COMMENT ON TABLE ehds.sealed_source IS
    'the protected tables from which a sealed table was made: who objects to one of them is not read from it';

CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE ON ehds.sealed_table
    FOR EACH ROW EXECUTE FUNCTION ehds.catalog_changed();
ALTER TABLE ehds.sealed_table ENABLE ALWAYS TRIGGER catalog_changed;

SELECT pg_catalog.pg_extension_config_dump('ehds.sealed_table', 'WHERE NOT temporary');
SELECT pg_catalog.pg_extension_config_dump('ehds.sealed_table_sealed_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('ehds.sealed_source', 'WHERE sealed_id IN (SELECT s.sealed_id FROM ehds.sealed_table s WHERE NOT s.temporary)');

-- the views of sealed tables read it as their owner
GRANT SELECT ON ehds.sealed_source TO ehds_owner;
GRANT SELECT ON ehds.sealed_table, ehds.sealed_source TO ehds_admin, ehds_auditor;

CREATE FUNCTION ehds.sealed_query(sealed_id integer, columns name[]) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    SET datestyle = 'ISO, YMD'
    SET timezone = 'UTC'
AS $$
#variable_conflict use_column
DECLARE
    s        ehds.sealed_table;
    p        ehds.permit;
    pop      ehds.population;
    i        ehds.protected_table;          -- the table of identities
    raw      text;
    who_type oid;
    scope    text;
    wheres   text[];
BEGIN
    SELECT * INTO STRICT s FROM ehds.sealed_table x WHERE x.sealed_id = $1;
    SELECT * INTO STRICT p FROM ehds.permit x WHERE x.permit_id = s.permit_id;
    SELECT * INTO STRICT pop FROM ehds.population x WHERE x.population = p.population;
    raw := format('s.%I', s.subject_column);
    wheres := ARRAY[format('ehds.guard(%L, %L::regclass, %L, NULL::ehds.approval)', p.permit, ehds.full_name(s.store), ehds.full_name(s.store))];
    IF pop.identity_table IS NOT NULL THEN
        SELECT * INTO STRICT i FROM ehds.protected_table x WHERE (x.schema_name, x.table_name) = (pop.identity_schema, pop.identity_table);
        wheres := wheres || format('ehds.guard(%L, %L::regclass, %L, NULL::ehds.approval)', p.permit,
                                   format('%I.%I', i.schema_name, i.table_name), format('%I.%I', i.schema_name, i.table_name));
    END IF;
    wheres := wheres || format('%s IS NOT NULL', raw);

    -- an opposition to one table is one to what was made of it
    scope := format('o.withdrawn_at IS NULL AND (o.population IS NULL OR o.population = %L) AND (o.purpose IS NULL OR o.purpose = %L) AND (o.permit IS NULL OR o.permit = %L)'
                    ' AND (o.table_name IS NULL OR EXISTS (SELECT FROM ehds.sealed_source q WHERE q.sealed_id = %s AND q.schema_name = o.schema_name AND q.table_name = o.table_name))',
                    p.population, p.purpose, p.permit, s.sealed_id);
    IF p.opposition_rule = 'at_activation' THEN
        scope := scope || format(' AND o.recorded_at < %L::timestamptz', coalesce(p.activated_at, 'infinity'));
    END IF;
    IF i.relation IS NOT NULL THEN
        who_type := ehds.column_type(i.relation, i.identity);
        wheres := wheres || format('EXISTS (SELECT FROM %I.%I i WHERE i.%I = %s AND i.%I IS NOT NULL%s)', i.schema_name, i.table_name, i.subject, raw, i.identity,
                                   CASE WHEN ehds.type_family(who_type) = 'text' OR who_type = 'bpchar'::regtype THEN format(' AND btrim(i.%I::text, E'' \t\n\r'') <> ''''', i.identity) ELSE '' END);
    ELSE
        who_type := ehds.column_type(s.store, s.subject_column);
    END IF;
    IF p.cohort_query IS NOT NULL THEN
        wheres := wheres || ehds.cohort_condition(p.permit_id, raw, ehds.column_type(s.store, s.subject_column));
    END IF;
    IF p.exception_basis IS NOT NULL THEN
        NULL;
    ELSIF i.relation IS NOT NULL THEN
        wheres := wheres || format('NOT EXISTS (SELECT FROM %I.%I x, ehds.opposition o WHERE x.%I = %s AND %s AND %s)', i.schema_name, i.table_name, i.subject, raw,
                                   ehds.matches_opposition(who_type, format('x.%I', i.identity)), scope);
    ELSE
        wheres := wheres || format('NOT EXISTS (SELECT FROM ehds.opposition o WHERE %s AND %s)', ehds.matches_opposition(who_type, raw), scope);
    END IF;
    RETURN format(E'SELECT %s\n  FROM %s s\n WHERE %s', (SELECT string_agg(format('s.%I', c.name), ', ' ORDER BY c.place) FROM unnest($2) WITH ORDINALITY AS c(name, place)),
                  ehds.full_name(s.store), array_to_string(wheres, E'\n   AND '));
END
$$;
COMMENT ON FUNCTION ehds.sealed_query(integer, name[]) IS
    'internal: the query of the view by which a sealed table is read: through the gate, without persons who object, now, to the permit or to a table that it was made from';

CREATE FUNCTION ehds.note_sources(sealed_id integer, views oid[]) RETURNS void
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO ehds.sealed_source (sealed_id, schema_name, table_name)
    SELECT $1, x.schema_name, x.table_name FROM (
        SELECT pt.schema_name, pt.table_name FROM ehds.permit_table pt WHERE pt.view::oid = ANY ($2)
        UNION
        SELECT t.via_schema, t.via_table FROM ehds.permit_table pt JOIN ehds.protected_table t USING (schema_name, table_name)
         WHERE pt.view::oid = ANY ($2) AND t.via_table IS NOT NULL
        UNION
        SELECT q.schema_name, q.table_name FROM ehds.sealed_table s JOIN ehds.sealed_source q USING (sealed_id) WHERE s.view::oid = ANY ($2)) x
    ON CONFLICT DO NOTHING
$$;
COMMENT ON FUNCTION ehds.note_sources(integer, oid[]) IS
    'internal: records from which protected tables the rows of a sealed table come, given the views that its query reads';

CREATE FUNCTION ehds.drop_store(store oid) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    target text := ehds.full_name($1);
BEGIN
    -- what is in another session's temporary schema goes with that session
    IF EXISTS (SELECT FROM pg_class c WHERE c.oid = $1 AND c.relkind = 'r' AND c.relowner = 'ehds_owner'::regrole
                  AND (c.relpersistence <> 't' OR c.relnamespace = pg_my_temp_schema())) THEN
        EXECUTE format('DROP TABLE %s CASCADE', target);
    END IF;
END
$$;
COMMENT ON FUNCTION ehds.drop_store(oid) IS
    'internal: drops the stored rows of a sealed table, if they are there and within reach';

CREATE FUNCTION ehds.sweep_sealed() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = 'warning'
AS $$
#variable_conflict use_column
DECLARE
    one record;
BEGIN
    FOR one IN SELECT s.sealed_id, s.store::oid AS store FROM ehds.sealed_table s
                WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = s.view AND c.relkind = 'v' AND c.relowner = 'ehds_owner'::regrole)
                  FOR UPDATE SKIP LOCKED LOOP
        -- first: the gate looks after each DROP
        DELETE FROM ehds.sealed_source q WHERE q.sealed_id = one.sealed_id;
        DELETE FROM ehds.sealed_table s WHERE s.sealed_id = one.sealed_id;
        PERFORM ehds.drop_store(one.store);
    END LOOP;
END
$$;
COMMENT ON FUNCTION ehds.sweep_sealed() IS
    'internal: forgets sealed tables whose name is gone (a dropped schema, the end of a session), and destroys their rows';

CREATE FUNCTION ehds.fit_row() RETURNS trigger
    AS 'MODULE_PATHNAME', 'ehds_fit_row' LANGUAGE C;
COMMENT ON FUNCTION ehds.fit_row() IS
    'internal: in a row of a sealed table that no page would hold, values above an equal share of it become NULL';

CREATE FUNCTION ehds.make_sealed(permit text, schema_name text, table_name text, persistence "char", on_commit text,
                                 columns text[], subject integer, views oid[], multiplied boolean) RETURNS oid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = 'warning'
    SET quote_all_identifiers = off
AS $$
#variable_conflict use_column
DECLARE
    p      ehds.permit;
    n      integer := cardinality($6) / 4;
    names  name[] := ARRAY(SELECT ($6)[4 * i - 3] FROM generate_series(1, n) i ORDER BY i);
    id     integer;
    space  name;
    store  text;
    target text;
BEGIN
    PERFORM ehds.sweep_sealed();
    SELECT * INTO STRICT p FROM ehds.permit x WHERE x.permit = $1;
    -- a name that nobody can have taken
    store := 'sealed_' || replace(gen_random_uuid()::text, '-', '');
    IF $4 = 't' THEN
        store := format('%I.%I', 'pg_temp', store);
        target := format('%I.%I', 'pg_temp', $3);
    ELSE
        space := 'sealed_' || substr(p.schema_name, 8);
        IF NOT EXISTS (SELECT FROM pg_namespace x WHERE x.nspname = space) THEN
            EXECUTE format('CREATE SCHEMA %I AUTHORIZATION ehds_owner', space);
            EXECUTE format('COMMENT ON SCHEMA %I IS %L', space, format('rows of the sealed tables of permit %s: nobody reads them here', p.permit));
        ELSIF (SELECT x.nspowner FROM pg_namespace x WHERE x.nspname = space) <> 'ehds_owner'::regrole THEN
            RAISE EXCEPTION USING ERRCODE = 'duplicate_schema', MESSAGE = format('schema "%s" already exists and does not belong to ehds_owner', space),
                HINT = 'The administrator drops or renames it.';
        END IF;
        store := format('%I.%I', space, store);
        target := format('%I.%I', $2, $3);
    END IF;

    -- no statistics of it, and no size in the catalog, of its own accord
    EXECUTE format('CREATE %s TABLE %s (%s)%s%s', CASE $4 WHEN 't' THEN 'TEMP' WHEN 'u' THEN 'UNLOGGED' ELSE '' END, store,
                   (SELECT string_agg(format('%I %s', names[i], ($6)[4 * i - 2]), ', ' ORDER BY i) FROM generate_series(1, n) i),
                   -- a row stays in one piece as long as a page holds it
                   format(' WITH (toast_tuple_target = %s%s)', current_setting('block_size')::integer - 32,
                          CASE WHEN $4 = 't' THEN '' ELSE ', autovacuum_enabled = off, toast.autovacuum_enabled = off' END),
                   CASE WHEN $4 = 't' THEN ' ' || $5 ELSE '' END);
    IF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = store::regclass AND a.attnum > 0 AND a.attlen = -1) THEN
        EXECUTE format('CREATE TRIGGER fit_row BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION ehds.fit_row()', store);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER fit_row', store);
    END IF;
    EXECUTE format('ALTER TABLE %s OWNER TO ehds_owner', store);
    EXECUTE format('REVOKE ALL ON TABLE %s FROM PUBLIC', store);

    -- the columns first: what the view asks of the row below needs its number
    EXECUTE format('CREATE VIEW %s WITH (security_barrier) AS SELECT %s FROM %s', target,
                   (SELECT string_agg(format('%I', c.name), ', ' ORDER BY c.place) FROM unnest(names) WITH ORDINALITY AS c(name, place)), store);
    EXECUTE format('ALTER VIEW %s OWNER TO ehds_owner', target);
    INSERT INTO ehds.sealed_table (permit_id, version, view, store, temporary, subject_column, origin_view, origin_column, multiplied, made_by)
    VALUES (p.permit_id, p.version, target::regclass, store::regclass, $4 = 't', names[$7],
            ARRAY(SELECT CASE ($6)[4 * i - 1] WHEN '1' THEN target::regclass::oid ELSE ($6)[4 * i - 1]::oid END FROM generate_series(1, n) i ORDER BY i),
            ARRAY(SELECT CASE ($6)[4 * i - 1] WHEN '1' THEN i ELSE ($6)[4 * i]::integer END FROM generate_series(1, n) i ORDER BY i), $9, ehds.acting_role())
    RETURNING sealed_id INTO id;
    PERFORM ehds.note_sources(id, $8);
    EXECUTE format('CREATE OR REPLACE VIEW %s WITH (security_barrier) AS %s', target, ehds.sealed_query(id, names));
    EXECUTE format('REVOKE ALL ON TABLE %s FROM PUBLIC', target);
    EXECUTE format('GRANT SELECT ON TABLE %s TO %s', target, p.grantee);
    EXECUTE format('COMMENT ON VIEW %s IS %L', target,
                   format('sealed table of permit %s, made by %s: usable in statistics under the permit, read by nobody', p.permit, ehds.acting_role()));
    RETURN store::regclass;
END
$$;
COMMENT ON FUNCTION ehds.make_sealed(text, text, text, "char", text, text[], integer, oid[], boolean) IS
    'internal: an empty sealed table, for the gate, which has checked that the role may make it: permit; schema and name; persistence as in pg_class; the ON COMMIT clause of a temporary one; columns, for each its name, its type, and the view and number of the column that it is a copy of (0: of none; 1: one of its own, like a permit''s); subject, the number of the subject column; views that its query reads; whether rows may be repeated. Returns where the rows go';

CREATE FUNCTION ehds.extend_sealed(store oid, views oid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    id integer;
BEGIN
    SELECT s.sealed_id INTO STRICT id FROM ehds.sealed_table s WHERE s.store::oid = $1;
    -- who inserts may do so twice, and from two columns into one
    UPDATE ehds.sealed_table s
       SET multiplied = true, origin_view = array_fill(0::oid::regclass, ARRAY[cardinality(s.origin_view)]),
           origin_column = array_fill(0::smallint, ARRAY[cardinality(s.origin_column)])
     WHERE s.sealed_id = id AND NOT (s.multiplied AND 0 = ALL (s.origin_column));
    PERFORM ehds.note_sources(id, $2);
END
$$;
COMMENT ON FUNCTION ehds.extend_sealed(oid, oid[]) IS
    'internal: notes that rows of a query that reads these views are about to be added to a sealed table';

CREATE FUNCTION ehds.hold_sealed(store oid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM ehds.sealed_table s WHERE s.store::oid = $1 FOR UPDATE;
END
$$;
COMMENT ON FUNCTION ehds.hold_sealed(oid) IS
    'internal: who deletes from a sealed table waits for others who do, until they have ended';

CREATE FUNCTION ehds.empty_sealed(store oid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('TRUNCATE TABLE %s', ehds.full_name($1));
END
$$;
COMMENT ON FUNCTION ehds.empty_sealed(oid) IS
    'internal: TRUNCATE of a sealed table, for the gate, which has checked that the role made it';

CREATE FUNCTION ehds.drop_sealed(view oid, cascading boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    s ehds.sealed_table;
BEGIN
    SELECT * INTO STRICT s FROM ehds.sealed_table x WHERE x.view::oid = $1 FOR UPDATE;
    DELETE FROM ehds.sealed_source q WHERE q.sealed_id = s.sealed_id;
    DELETE FROM ehds.sealed_table x WHERE x.sealed_id = s.sealed_id;
    EXECUTE format('DROP VIEW %s %s', ehds.full_name($1), CASE WHEN $2 THEN 'CASCADE' ELSE 'RESTRICT' END);
    PERFORM ehds.drop_store(s.store);
END
$$;
COMMENT ON FUNCTION ehds.drop_sealed(oid, boolean) IS
    'internal: DROP TABLE of a sealed table, for the gate, which has checked that the role made it; cascading as CASCADE';

CREATE FUNCTION ehds.destroy_sealed(permit_id integer) RETURNS integer
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = 'warning'
AS $$
#variable_conflict use_column
DECLARE
    p     ehds.permit;
    space name;
    one   record;
    n     integer := 0;
BEGIN
    SELECT * INTO STRICT p FROM ehds.permit x WHERE x.permit_id = $1;
    FOR one IN SELECT s.sealed_id, s.view::oid AS view, s.store::oid AS store FROM ehds.sealed_table s WHERE s.permit_id = $1
                  AND NOT s.temporary FOR UPDATE LOOP
        DELETE FROM ehds.sealed_source q WHERE q.sealed_id = one.sealed_id;
        DELETE FROM ehds.sealed_table s WHERE s.sealed_id = one.sealed_id;
        IF ehds.full_name(one.view) IS NOT NULL THEN
            EXECUTE format('DROP VIEW %s CASCADE', ehds.full_name(one.view));
        END IF;
        PERFORM ehds.drop_store(one.store);
        n := n + 1;
    END LOOP;
    space := 'sealed_' || substr(p.schema_name, 8);
    IF EXISTS (SELECT FROM pg_namespace x WHERE x.nspname = space AND x.nspowner = 'ehds_owner'::regrole) THEN
        EXECUTE format('DROP SCHEMA %I CASCADE', space);
    END IF;
    RETURN n;
END
$$;
COMMENT ON FUNCTION ehds.destroy_sealed(integer) IS
    'internal: destroys the sealed tables of a permit and returns their number; temporary ones end with their sessions, and are not read any more';

REVOKE ALL ON FUNCTION ehds.sealed_query(integer, name[]), ehds.note_sources(integer, oid[]), ehds.drop_store(oid), ehds.sweep_sealed(),
    ehds.fit_row(), ehds.make_sealed(text, text, text, "char", text, text[], integer, oid[], boolean), ehds.extend_sealed(oid, oid[]),
    ehds.hold_sealed(oid), ehds.empty_sealed(oid), ehds.drop_sealed(oid, boolean), ehds.destroy_sealed(integer) FROM PUBLIC;
