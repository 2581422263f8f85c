-- opposition: a person's refusal of secondary use, recorded and taken back

CREATE FUNCTION ehds.require_read_committed(action text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- in the other levels the snapshot may be older than a lock, and rows that the lock waited for stay unseen
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_transaction_state',
            MESSAGE = format('%s does not run in a transaction of isolation level %s', $1, current_setting('transaction_isolation')),
            HINT = 'Run it at READ COMMITTED: SET default_transaction_isolation = ''read committed''.';
    END IF;
END
$$;
COMMENT ON FUNCTION ehds.require_read_committed(text) IS
    'internal: raises 25000 in REPEATABLE READ and SERIALIZABLE';

CREATE FUNCTION ehds.check_scope(identity text, population name, purpose text, relation text, permit text) RETURNS name[]
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    found_table regclass;
    named       name[];
BEGIN
    IF $1 IS NULL OR btrim($1, E' \t\n\r') = '' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'the identity is missing';
    END IF;
    IF $2 IS NOT NULL AND NOT EXISTS (SELECT FROM ehds.population p WHERE p.population = $2) THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('population "%s" does not exist', $2),
            HINT = format('Populations are %s.', coalesce((SELECT string_agg(p.population, ', ' ORDER BY p.population) FROM ehds.population p), '(none yet)'));
    END IF;
    IF $3 IS NOT NULL AND NOT EXISTS (SELECT FROM ehds.purpose p WHERE p.purpose = $3 AND p.permitted) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('purpose "%s" is not in the list', $3),
            HINT = ehds.purposes_hint();
    END IF;
    IF $5 IS NOT NULL AND NOT EXISTS (SELECT FROM ehds.permit p WHERE p.permit = $5) THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('permit "%s" does not exist', $5);
    END IF;
    IF $4 IS NOT NULL THEN
        found_table := to_regclass($4);
        IF found_table IS NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'undefined_table', MESSAGE = format('table %s does not exist', $4),
                HINT = 'Name it with its schema, as in ''omop.note''.';
        END IF;
        SELECT ARRAY[p.schema_name, p.table_name] INTO named FROM ehds.protected_table p WHERE p.relation = found_table;
        IF NOT FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'ZE005', MESSAGE = format('table %s is not protected', ehds.full_name(found_table));
        END IF;
    END IF;
    RETURN named;
END
$$;
COMMENT ON FUNCTION ehds.check_scope(text, name, text, text, text) IS
    'internal: raises unless the scope of an opposition names things that exist; returns schema and name of the table, NULL without one';

CREATE FUNCTION ehds.purposes_hint() RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT 'Permitted purposes (EHDS 53) are ' || string_agg(purpose, ', ' ORDER BY article, purpose) || '.'
            FROM ehds.purpose WHERE permitted $$;
COMMENT ON FUNCTION ehds.purposes_hint() IS 'internal: a sentence with the permitted purposes';

CREATE FUNCTION ehds.identity_kind(population name) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT string_agg(DISTINCT CASE WHEN a.atttypid IN ('int8'::regtype, 'int4'::regtype) THEN 'integer'
                                    WHEN a.atttypid = 'uuid'::regtype THEN 'uuid' ELSE 'text' END, ', ')
      FROM ehds.protected_table t
      JOIN ehds.population p USING (population)
      JOIN pg_attribute a ON a.attrelid = t.relation AND a.attname = coalesce(t.identity, t.subject) AND a.attnum > 0 AND NOT a.attisdropped
     WHERE t.population = $1
       AND CASE WHEN p.identity_table IS NULL THEN t.subject IS NOT NULL ELSE t.identity IS NOT NULL END
$$;
COMMENT ON FUNCTION ehds.identity_kind(name) IS
    'internal: what oppositions of a population are compared with: integer, uuid or text (or several of them); NULL where no table tells';

CREATE FUNCTION ehds.spellings(identity text, population name) RETURNS text[]
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    kind    text := ehds.identity_kind($2);
    trimmed text := btrim($1, E' \t\n\r');
    digits  text := replace(btrim($1, E' \t\n\r'), ' ', '');
    unified text;
BEGIN
    IF kind = 'integer' THEN
        IF digits !~ '^[+-]?[0-9]{1,60}$' OR digits::numeric NOT BETWEEN -9223372036854775808 AND 9223372036854775807 THEN
            RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
                MESSAGE = format('the identity is not a number, and population "%s" has its persons by numbers', $2),
                HINT = 'Recorded like that it would never count.';
        END IF;
        RETURN ARRAY[digits::numeric::text];
    END IF;
    BEGIN
        unified := trimmed::uuid::text;
    EXCEPTION WHEN invalid_text_representation THEN
        IF kind = 'uuid' THEN
            RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
                MESSAGE = format('the identity is not a uuid, and population "%s" has its persons by uuid', $2),
                HINT = 'Recorded like that it would never count.';
        END IF;
    END;
    IF kind = 'uuid' THEN
        RETURN ARRAY[unified];
    ELSIF unified IS NOT NULL AND unified <> trimmed AND kind IS DISTINCT FROM 'text' THEN
        -- one person in every spelling of a uuid; a column of texts may hold another one than ours
        RETURN ARRAY[unified, trimmed];
    END IF;
    RETURN ARRAY[trimmed];
END
$$;
COMMENT ON FUNCTION ehds.spellings(text, name) IS
    'internal: how an identity is recorded, so that it equals what the population''s column holds: without blanks around it, numbers and uuids as PostgreSQL writes them; two rows for a uuid where texts may be meant too. Raises 22023 if it can never equal one';

CREATE FUNCTION ehds.identity_known(identity text, population name) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    -- a load must not hold up an opposition for the sake of a notice
    SET lock_timeout = '500ms'
AS $$
#variable_conflict use_column
DECLARE
    place  record;
    digits text := replace($1, ' ', '');
    number bigint;
    here   boolean := false;
BEGIN
    IF digits ~ '^[+-]?[0-9]{1,60}$' AND digits::numeric BETWEEN -9223372036854775808 AND 9223372036854775807 THEN
        number := digits::bigint;
    END IF;
    FOR place IN
        SELECT t.relation, coalesce(t.identity, t.subject) AS column_name,
               ehds.column_type(t.relation, coalesce(t.identity, t.subject)) AS type
          FROM ehds.protected_table t JOIN ehds.population p USING (population)
         WHERE coalesce($2, t.population) = t.population AND ehds.full_name(t.relation) IS NOT NULL
           AND CASE WHEN p.identity_table IS NULL THEN t.subject IS NOT NULL ELSE t.identity IS NOT NULL END
    LOOP
        -- first without a cast on the column, so that an index on it serves
        SELECT x[1]::boolean INTO here FROM ehds.read_as_owner(format(
            CASE WHEN place.type IN ('int8'::regtype, 'int4'::regtype) THEN 'SELECT ARRAY[EXISTS (SELECT FROM %1$s WHERE %2$I = $2)::text]'
                 WHEN place.type = 'uuid'::regtype THEN 'SELECT ARRAY[EXISTS (SELECT FROM %1$s WHERE %2$I::text = $1)::text]'
                 ELSE 'SELECT ARRAY[(EXISTS (SELECT FROM %1$s WHERE %2$I = $1) OR EXISTS (SELECT FROM %1$s WHERE btrim(%2$I::text, E'' \t\n\r'') = $1))::text]' END,
            place.relation, place.column_name), $1, number) x;
        EXIT WHEN here;
    END LOOP;
    RETURN here;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ehds.identity_known(text, name) IS
    'internal: whether a person with this identity is in the protected tables today; NULL if that cannot be told now (a load holds them), which stops nobody';

-- Takes the person of a fresh opposition out of the extracts that exist.
CREATE FUNCTION ehds.leave_extracts(opposition_id bigint) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    o        ehds.opposition;
    place    record;
    other    record;
    gone     bigint;
    total    bigint := 0;
    numbered boolean;
    token    text;
    number   bigint;
    elsewhere boolean;
BEGIN
    SELECT * INTO STRICT o FROM ehds.opposition x WHERE x.opposition_id = $1;
    -- before any of their tables, as the functions that make and destroy extracts do
    PERFORM FROM ehds.extract e WHERE e.destroyed_at IS NULL ORDER BY e.permit_id FOR UPDATE;
    FOR place IN
        SELECT e.permit_id, p.permit, e.schema_name, pt.view_name, pt.subject_column,
               (SELECT a.atttypid FROM ehds.protected_table i JOIN pg_attribute a ON a.attrelid = i.relation AND a.attname = i.identity
                 WHERE (i.schema_name, i.table_name) = (pop.identity_schema, pop.identity_table)) AS identity_type,
               to_regclass(format('%I.%I', e.schema_name, pt.view_name)) AS target
          FROM ehds.extract e
          JOIN ehds.permit p USING (permit_id)
          JOIN ehds.permit_table pt USING (permit_id)
          JOIN ehds.population pop ON pop.population = p.population
          LEFT JOIN ehds.protected_table t ON (t.schema_name, t.table_name) = (pt.schema_name, pt.table_name)
         WHERE e.destroyed_at IS NULL
           AND p.opposition_rule = 'immediate' AND p.exception_basis IS NULL
           AND coalesce(o.population, p.population) = p.population
           AND coalesce(o.purpose, p.purpose) = p.purpose
           AND coalesce(o.permit, p.permit) = p.permit
           AND (o.table_name IS NULL OR (o.schema_name, o.table_name) IN ((pt.schema_name, pt.table_name), (t.via_schema, t.via_table)))
         ORDER BY 1, 4
    LOOP
        CONTINUE WHEN place.target IS NULL;
        token := NULL;
        number := NULL;
        -- the pseudonym has the type of the column that holds it: a number where the subject is one and no identity is declared
        numbered := coalesce((SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = place.target AND a.attname = place.subject_column AND NOT a.attisdropped) = 'int8'::regtype, false);
        IF numbered THEN
            CONTINUE WHEN o.identity_int IS NULL OR o.identity_int NOT BETWEEN 1 AND 999999999999999;
            number := ehds.pseudonym_of(o.identity_int, place.permit, 'subject');
        ELSIF place.identity_type IN ('int8'::regtype, 'int4'::regtype) THEN
            CONTINUE WHEN o.identity_int IS NULL;
            token := ehds.pseudonym_of(o.identity_int::text, place.permit, 'subject');
        ELSE
            token := ehds.pseudonym_of(o.identity, place.permit, 'subject');
        END IF;
        PERFORM ehds.require_plain(place.target);
        -- the pseudonym as a parameter: no identity is in the text of a statement
        EXECUTE format('DELETE FROM %s WHERE %I = %s', place.target, place.subject_column, CASE WHEN numbered THEN '$2' ELSE '$1' END) USING token, number;
        GET DIAGNOSTICS gone = ROW_COUNT;
        total := total + gone;
        UPDATE ehds.extract SET purged_at = clock_timestamp() WHERE permit_id = place.permit_id;
        CONTINUE WHEN gone = 0;

        EXECUTE format('ANALYZE %s', place.target);
        -- the person is counted out once, when the last of its rows has left
        elsewhere := false;
        FOR other IN SELECT y.subject_column, to_regclass(format('%I.%I', place.schema_name, y.view_name)) AS target
                       FROM ehds.permit_table y WHERE y.permit_id = place.permit_id LOOP
            CONTINUE WHEN elsewhere OR other.target IS NULL;
            PERFORM ehds.require_plain(other.target);
            EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE %I = %s)', other.target, other.subject_column, CASE WHEN numbered THEN '$2' ELSE '$1' END)
               INTO elsewhere USING token, number;
        END LOOP;
        UPDATE ehds.extract e
           SET manifest = e.manifest
               || jsonb_build_object('tables', (
                      SELECT jsonb_agg(CASE WHEN m.value ->> 'table' = place.view_name::text
                                            THEN m.value || jsonb_build_object('rows', (m.value ->> 'rows')::bigint - gone, 'subjects', (m.value ->> 'subjects')::bigint - 1)
                                            ELSE m.value END ORDER BY m.ordinality)
                        FROM jsonb_array_elements(e.manifest -> 'tables') WITH ORDINALITY m))
               || CASE WHEN elsewhere THEN '{}' ELSE jsonb_build_object('subjects', (e.manifest ->> 'subjects')::bigint - 1) END
         WHERE e.permit_id = place.permit_id;
    END LOOP;
    RETURN total;
END
$$;
COMMENT ON FUNCTION ehds.leave_extracts(bigint) IS
    'internal: deletes the rows of the person who objected from every extract that the opposition reaches at once, and from the counts of its manifest; returns their number. Raises ZE006 if the key is not at hand';

CREATE FUNCTION ehds.oppose(identity text, purpose text DEFAULT NULL, channel text DEFAULT NULL, author text DEFAULT 'person',
                            population name DEFAULT NULL, relation text DEFAULT NULL, permit text DEFAULT NULL) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    named name[];
    spelt text;
    id    bigint;
    first bigint;
    known boolean := false;
BEGIN
    PERFORM ehds.require_role('ehds_registrar', 'oppose');
    PERFORM ehds.require_read_committed('oppose');
    named := ehds.check_scope($1, $5, $2, $6, $7);
    IF $4 IS NULL OR $4 NOT IN ('person', 'representative') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('author "%s" is not in the list', $4),
            HINT = 'An opposition comes from the person or from a representative.';
    END IF;
    PERFORM ehds.ensure_key();

    FOREACH spelt IN ARRAY ehds.spellings($1, $5) LOOP
        id := NULL;
        INSERT INTO ehds.opposition AS n (identity, population, purpose, schema_name, table_name, permit, channel, author)
        VALUES (spelt, $5, $2, named[1], named[2], $7, $3, $4)
        ON CONFLICT DO NOTHING
        RETURNING n.opposition_id INTO id;
        IF id IS NULL THEN
            SELECT o.opposition_id INTO id FROM ehds.opposition o
             WHERE o.identity = spelt AND o.withdrawn_at IS NULL
               AND coalesce(o.population, '') = coalesce($5, '') AND coalesce(o.purpose, '') = coalesce($2, '')
               AND coalesce(o.schema_name, '') = coalesce(named[1], '') AND coalesce(o.table_name, '') = coalesce(named[2], '')
               AND coalesce(o.permit, '') = coalesce($7, '');
            RAISE NOTICE 'this opposition is on record already';
        ELSE
            -- no identity in the ledger: the number of the opposition leads the registrar to it
            PERFORM ehds.record_decision('oppose', $7, $5,
                concat_ws(', ', 'opposition ' || id, 'purpose ' || $2, 'table ' || named[1] || '.' || named[2], 'by ' || $4, 'channel ' || $3));
        END IF;
        PERFORM ehds.leave_extracts(id);
        first := coalesce(first, id);
        known := known OR ehds.identity_known(spelt, $5);
    END LOOP;
    IF NOT known THEN
        RAISE NOTICE 'no person bears this identity today: the opposition is kept and counts when one arrives';
    END IF;
    RETURN first;
END
$$;
COMMENT ON FUNCTION ehds.oppose(text, text, text, text, name, text, text) IS
    'records that a person refuses secondary use: identity as in the declared identity column (else the subject key), as text; blanks around it, zeros before a number and the spelling of a uuid make no difference; purpose, population, relation (schema.table), permit: limit the scope, NULL = all; channel: how it arrived, free; author: person or representative. '
    'Recording it twice is recording it once. Takes effect at once in every permit of rule immediate, its extract included. An identity that is unknown today is kept. Returns the number of the opposition. Raises 22023, 42704, 42P01, ZE005; ZE006 if the key is not at hand: nothing can be recorded without it. Source: EHDS 71, RGPD 21';

CREATE FUNCTION ehds.withdraw_opposition(identity text, purpose text DEFAULT NULL, population name DEFAULT NULL,
                                         relation text DEFAULT NULL, permit text DEFAULT NULL) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    named  name[];
    ids    bigint[];
    spelt  text[];
    digits text;
    number bigint;
BEGIN
    PERFORM ehds.require_role('ehds_registrar', 'withdraw_opposition');
    named := ehds.check_scope($1, $3, $2, $4, $5);
    spelt := ehds.spellings($1, $3);
    digits := replace(spelt[1], ' ', '');
    IF digits ~ '^[+-]?[0-9]{1,60}$' AND digits::numeric BETWEEN -9223372036854775808 AND 9223372036854775807 THEN
        number := digits::bigint;
    END IF;
    WITH gone AS (
        UPDATE ehds.opposition o SET withdrawn_at = clock_timestamp(), withdrawn_by = session_user
         WHERE o.withdrawn_at IS NULL
           -- another spelling of the number is the same person only where no population has texts
           AND (o.identity = ANY (spelt)
                OR (o.identity_int = number
                    AND NOT EXISTS (SELECT FROM ehds.population q
                                     WHERE coalesce(o.population, q.population) = q.population AND ehds.identity_kind(q.population) IS DISTINCT FROM 'integer')))
           AND ($2 IS NULL OR o.purpose = $2)
           AND ($3 IS NULL OR o.population = $3)
           AND (named IS NULL OR (o.schema_name, o.table_name) = (named[1], named[2]))
           AND ($5 IS NULL OR o.permit = $5)
        RETURNING o.opposition_id)
    SELECT coalesce(array_agg(g.opposition_id ORDER BY g.opposition_id), '{}') INTO ids FROM gone g;
    IF cardinality(ids) > 0 THEN
        PERFORM ehds.record_decision('withdraw_opposition', $5, $3, 'oppositions ' || array_to_string(ids, ', '));
    END IF;
    IF EXISTS (SELECT FROM ehds.opposition o WHERE (o.identity = ANY (spelt) OR o.identity_int = number) AND o.withdrawn_at IS NULL) THEN
        RAISE NOTICE 'other oppositions of this person stay in force';
    END IF;
    RETURN cardinality(ids);
END
$$;
COMMENT ON FUNCTION ehds.withdraw_opposition(text, text, name, text, text) IS
    'takes back the oppositions of a person that are in force: all of them, or those recorded with exactly this purpose, population, relation or permit; returns how many. No reason is asked; the history stays. Extracts take the person in again when they are refreshed. Raises 22023, 42704';

REVOKE ALL ON FUNCTION ehds.require_read_committed(text), ehds.check_scope(text, name, text, text, text), ehds.purposes_hint(),
    ehds.identity_kind(name), ehds.spellings(text, name), ehds.identity_known(text, name), ehds.leave_extracts(bigint),
    ehds.oppose(text, text, text, text, name, text, text),
    ehds.withdraw_opposition(text, text, name, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ehds.oppose(text, text, text, text, name, text, text),
    ehds.withdraw_opposition(text, text, name, text, text) TO ehds_registrar;
