-- permit: who may use what, for which purpose, until when

CREATE FUNCTION ehds.today() RETURNS date
    LANGUAGE sql VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT (clock_timestamp() AT TIME ZONE current_setting('log_timezone'))::date $$;
COMMENT ON FUNCTION ehds.today() IS
    'the day it is where the server stands (log_timezone): a session''s TimeZone must not move a permit''s end';

CREATE FUNCTION ehds.require_role(needed text, action text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- true for superusers, too
    IF NOT pg_has_role(ehds.acting_role(), $1, 'MEMBER') THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
            MESSAGE = format('role "%s" is not a member of %s and cannot run ehds.%s()', ehds.acting_role(), $1, $2),
            HINT = 'A function that runs with the rights of somebody else does not make this person act: the decision is that of the login.';
    END IF;
END
$$;
COMMENT ON FUNCTION ehds.require_role(text, text) IS
    'internal: raises 42501 unless the role that acts (that of SET ROLE, else the login) is itself a member of the role needed: a SECURITY DEFINER function of a member is not enough, since decisions are recorded as the login''s';

CREATE FUNCTION ehds.lock_permit(permit text) RETURNS ehds.permit
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    p ehds.permit;
BEGIN
    SELECT * INTO p FROM ehds.permit x WHERE x.permit = $1 FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object',
            MESSAGE = format('permit "%s" does not exist', $1),
            HINT = 'Your permits are in the view ehds.my_permits; all of them are in ehds.permit, for ehds_admin and ehds_auditor.';
    END IF;
    RETURN p;
END
$$;
COMMENT ON FUNCTION ehds.lock_permit(text) IS 'internal: the row of a permit, locked; raises 42704';

CREATE FUNCTION ehds.check_grantee(grantee text) RETURNS regrole
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    r    record;
    over text;
BEGIN
    SELECT * INTO r FROM pg_roles WHERE rolname = $1;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('role "%s" does not exist', $1),
            HINT = 'Create it first: a permit is granted to a role, and its members work under it.';
    ELSIF r.rolsuper OR r.rolbypassrls THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('role "%s" is a superuser or bypasses row-level security and cannot hold a permit', $1);
    ELSIF r.rolname ~ '^(ehds|pg)_' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('role "%s" is a role of the system and cannot hold a permit', $1);
    END IF;
    SELECT string_agg(m.rolname, ', ' ORDER BY m.rolname) INTO over
      FROM pg_roles m
     WHERE m.oid <> r.oid AND pg_has_role(r.oid, m.oid, 'MEMBER')
       AND (m.rolsuper OR m.rolbypassrls OR m.rolname ~ '^(ehds_|pg_read_all_data$|pg_write_all_data$|pg_read_server_files$|pg_write_server_files$|pg_execute_server_program$)');
    IF over IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('role "%s" is a member of %s and cannot hold a permit', $1, over),
            HINT = 'Whoever governs the data or can read all of it works without a permit, or gives up that membership.';
    END IF;
    RETURN r.oid::regrole;
END
$$;
COMMENT ON FUNCTION ehds.check_grantee(text) IS
    'internal: the role as regrole; raises 42704 if it does not exist, 22023 if it may read without a permit';

CREATE FUNCTION ehds.issue_permit(permit text, grantee text, purpose text, output text DEFAULT 'statistics',
                                  valid_until date DEFAULT NULL, valid_from date DEFAULT NULL,
                                  k integer DEFAULT 11,
                                  epsilon numeric DEFAULT NULL, delta numeric DEFAULT NULL, epsilon_default numeric DEFAULT NULL,
                                  max_groups integer DEFAULT 5, accounting text DEFAULT 'pure',
                                  opposition_rule text DEFAULT 'immediate', exception_basis text DEFAULT NULL,
                                  legal_basis text DEFAULT NULL,
                                  cell_key_max integer DEFAULT NULL, cell_key_variance numeric DEFAULT NULL, cell_key_no_small integer DEFAULT NULL) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET datestyle = 'ISO, YMD'
AS $$
#variable_conflict use_column
DECLARE
    space   name;
    holder  regrole;
    aim     ehds.purpose;
    other   text;
    from_day date := coalesce($6, ehds.today());
    floor_k integer := current_setting('ehds.k_floor')::integer;
    eps     bigint;
    del     bigint;
    eps_def bigint;
    sel     bigint;
    rho     bigint;
    noise_milli integer;
    no_small    integer;
BEGIN
    PERFORM ehds.require_role('ehds_admin', 'issue_permit');
    IF $1 IS NULL OR $1 !~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,54}$' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('"%s" cannot be the name of a permit', $1),
            HINT = 'A name has 1 to 55 letters, digits, and - _ . after the first.';
    END IF;
    space := 'permit_' || regexp_replace(lower($1), '[^a-z0-9_]', '_', 'g');
    LOCK TABLE ehds.permit IN SHARE ROW EXCLUSIVE MODE;
    SELECT p.permit INTO other FROM ehds.permit p WHERE p.schema_name = space ORDER BY p.permit <> $1 LIMIT 1;
    IF other = $1 THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_object', MESSAGE = format('permit "%s" already exists', $1);
    ELSIF other IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
            MESSAGE = format('permit "%s" would have the same schema as permit "%s": %s', $1, other, space);
    ELSIF EXISTS (SELECT FROM pg_namespace n WHERE n.nspname IN (space, 'extract_' || substr(space, 8))) THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
            MESSAGE = format('schema "%s" already exists', (SELECT n.nspname FROM pg_namespace n WHERE n.nspname IN (space, 'extract_' || substr(space, 8)) LIMIT 1)),
            HINT = 'It is not a permit''s. Choose another name for the permit.';
    END IF;

    holder := ehds.check_grantee($2);
    SELECT * INTO aim FROM ehds.purpose x WHERE x.purpose = $3;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('purpose "%s" is not in the list', $3),
            HINT = ehds.purposes_hint();
    ELSIF NOT aim.permitted THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('"%s" is a prohibited use of health data (art. %s of Regulation (EU) 2025/327)', $3, replace(aim.article, 'EHDS ', '')),
            DETAIL = format('Prohibited: %s.', aim.title),
            HINT = ehds.purposes_hint();
    ELSIF $4 IS NULL OR $4 NOT IN ('statistics', 'pseudonymised') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('output "%s" is not in the list', $4),
            HINT = 'Write statistics (protected aggregates) or pseudonymised (rows).';
    ELSIF $5 IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'valid_until is missing',
            HINT = 'Write valid_until => ''2027-12-31''; the day itself is included.';
    ELSIF NOT isfinite($5) OR NOT isfinite(from_day) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a permit has a first and a last day';
    ELSIF $5 < ehds.today() THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('valid_until %s has passed', $5);
    ELSIF $5 < from_day THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('valid_until %s is before valid_from %s', $5, from_day);
    ELSIF $7 IS NULL OR $7 < floor_k THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('k is %s, below the floor of %s', coalesce($7::text, 'NULL'), floor_k),
            DETAIL = 'The floor is the server''s setting ehds.k_floor.';
    ELSIF $7 > 1000000 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('k is %s, above 1000000', $7);
    ELSIF $11 IS NULL OR $11 NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('max_groups is %s, not between 1 and 10000', coalesce($11::text, 'NULL'));
    ELSIF $12 IS NULL OR $12 NOT IN ('pure', 'zcdp') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('accounting "%s" is not in the list', $12),
            HINT = 'Write pure (epsilons add up) or zcdp (better for more than about 13 releases times max_groups).';
    ELSIF $13 IS NULL OR $13 NOT IN ('immediate', 'at_activation') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('opposition_rule "%s" is not in the list', $13),
            HINT = 'Write immediate (oppositions count from the moment they are recorded) or at_activation (EHDS 71(3)).';
    ELSIF $14 IS NOT NULL AND (btrim($14) = '' OR $3 NOT IN ('public-health', 'policy', 'statistics', 'research')) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('an exception from oppositions is not possible for purpose "%s"%s', $3, CASE WHEN btrim($14) = '' THEN ' without its legal basis in words' END),
            HINT = 'EHDS 71(4) allows it, by national law, for public bodies and the purposes public-health, policy, statistics, and research of important public interest.';
    END IF;

    eps := ehds.epsilon_nano($8, 'epsilon');
    eps_def := ehds.epsilon_nano($10, 'epsilon_default');
    del := ehds.delta_atto($9);
    IF eps IS NOT NULL AND $4 = 'pseudonymised' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a permit for pseudonymised rows has no privacy budget',
            HINT = 'Leave out epsilon, or write output => ''statistics''.';
    ELSIF (eps IS NULL) <> (del IS NULL) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('epsilon and delta belong together, and %s is missing', CASE WHEN eps IS NULL THEN 'epsilon' ELSE 'delta' END);
    ELSIF eps_def IS NOT NULL AND (eps IS NULL OR eps_def > eps) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = CASE WHEN eps IS NULL THEN 'epsilon_default needs an epsilon' ELSE format('epsilon_default %s is above epsilon %s', $10, $8) END;
    ELSIF $12 = 'zcdp' AND eps IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'accounting "zcdp" needs an epsilon',
            HINT = 'It is about the privacy budget: write epsilon and delta, or leave out accounting.';
    END IF;
    IF $12 = 'zcdp' THEN
        -- one half of delta for the conversion, one for selections of groups
        sel := del / 2;
        rho := ehds.zcdp_rho($8, (del - sel) * 0.000000000000000001) * 1000000000000;
        IF rho < 1 THEN
            RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
                MESSAGE = format('epsilon %s and delta %s allow no release under accounting "zcdp"', $8, $9),
                HINT = 'Write larger ones, or accounting => ''pure''.';
        END IF;
    END IF;
    IF eps > 10000000000 THEN
        RAISE WARNING 'an epsilon of % protects very little', $8;
    END IF;
    -- a small cell_key_max has room for less than the usual
    no_small := coalesce($18, CASE WHEN $16 IS NOT NULL THEN least(2, greatest($16 - 1, 0)) END);
    noise_milli := ehds.cell_key_milli($16, coalesce($17, CASE WHEN $16 = 1 THEN 0.5 WHEN $16 IS NOT NULL THEN 2 END), no_small);
    IF $16 IS NOT NULL AND $4 <> 'statistics' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a permit for pseudonymised rows has no cell keys',
            HINT = 'Leave out cell_key_max, or write output => ''statistics''.';
    ELSIF $16 IS NOT NULL AND eps IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a permit has either a privacy budget or cell keys',
            HINT = 'Leave out cell_key_max: differential privacy protects from more.';
    END IF;
    PERFORM ehds.ensure_key();

    EXECUTE format('CREATE SCHEMA %I AUTHORIZATION ehds_owner', space);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %s', space, holder);
    EXECUTE format('COMMENT ON SCHEMA %I IS %L', space, format('permit %s of pg_ehds: purpose %s, until %s', $1, $3, $5));
    INSERT INTO ehds.permit (permit, schema_name, grantee, purpose, output, valid_from, valid_until, k,
                             epsilon_nano, delta_atto, epsilon_default_nano, max_groups, accounting, rho_pico, selection_delta_atto,
                             opposition_rule, exception_basis, legal_basis,
                             cell_key_max, cell_key_variance_milli, cell_key_no_small)
    VALUES ($1, space, holder, $3, $4, from_day, $5, $7, eps, del, eps_def, $11, $12, rho, sel, $13, $14, $15,
            $16, noise_milli, no_small);
    PERFORM ehds.record_decision('issue_permit', $1, NULL,
        concat_ws(', ', 'grantee ' || $2, 'purpose ' || $3, 'output ' || $4, format('from %s until %s', from_day, $5), 'k ' || $7,
                  'epsilon ' || $8, 'delta ' || $9, CASE WHEN $12 = 'zcdp' THEN format('accounting zcdp, rho %s, delta of selections %s', trim_scale(rho * 0.000000000001), trim_scale(sel * 0.000000000000000001)) END,
                  'cell keys with noise up to ' || $16 || format(', variance %s, no count from 1 to %s', trim_scale(noise_milli / 1000.0), no_small), 'oppositions ' || $13, 'exception ' || $14, 'legal basis ' || $15));
    RETURN format('permit %s is a draft in schema %s; name its tables with ehds.permit_table(), then another person runs ehds.activate_permit()', $1, space);
END
$$;
COMMENT ON FUNCTION ehds.issue_permit(text, text, text, text, date, date, integer, numeric, numeric, numeric, integer, text, text, text, text, integer, numeric, integer) IS
    'issues a permit as a draft, with a schema of its own (permit_<name>). grantee: a role; purpose: one of ehds.purpose that is permitted; output: statistics or pseudonymised; valid_until: last day, included; valid_from: first day (default today); '
    'k: least persons in a shown cell (default 11, at least ehds.k_floor); epsilon, delta: privacy budget, both or none (then k statistics); epsilon_default: of one query; max_groups: groups in which one person counts; accounting: pure (epsilon and delta of releases add up) or zcdp (zero-concentrated: rho adds up; epsilon and one half of delta give the rho, the other half is for selections of groups); '
    'opposition_rule: immediate or at_activation (EHDS 71(3)); exception_basis: national law by which oppositions do not count (EHDS 71(4)); legal_basis: in words; '
    'cell_key_max (1 to 20; usual 5), cell_key_variance (default 2), cell_key_no_small (default 2): counts of persons get permanent noise, see ehds.cell_key_table; only with statistics and without epsilon. '
    'Raises 22023 for wrong values, 42704 no such role, 42710 existing name or schema. Source: EHDS 53, 54, 68';

CREATE FUNCTION ehds.permit_table(permit text, relation regclass, columns name[] DEFAULT NULL, rows text DEFAULT NULL) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    p        ehds.permit;
    t        ehds.protected_table;
    subject  name;
    ident    name;
    chosen   name[];
    col      name;
    label    text;
    clash    text;
    again    boolean;
    made     regclass;
BEGIN
    PERFORM ehds.require_role('ehds_admin', 'permit_table');
    p := ehds.lock_permit($1);
    again := p.status = 'active';
    IF p.status IN ('revoked', 'closed') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('permit "%s" is %s', $1, p.status),
            HINT = 'Issue a new permit.';
    END IF;
    SELECT * INTO t FROM ehds.protected_table x WHERE x.relation = $2;
    IF NOT FOUND THEN
        IF ehds.label_of($2) = 'public' THEN
            RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('table %s is public and needs no permit', ehds.full_name($2)),
                HINT = 'The grantee may read it as it is, beside the views of the permit.';
        END IF;
        RAISE EXCEPTION USING ERRCODE = 'ZE005', MESSAGE = format('table %s is not protected', coalesce(ehds.full_name($2), '(unknown)')),
            HINT = CASE WHEN (SELECT c.relkind FROM pg_class c WHERE c.oid = $2) NOT IN ('r', 'p') THEN 'A permit names tables, not views.'
                        ELSE format('Declare it first: SELECT ehds.protect(%L, subject => ...).', ehds.full_name($2)) END;
    ELSIF $2::oid IS DISTINCT FROM to_regclass(format('%I.%I', t.schema_name, t.table_name))::oid THEN
        RAISE EXCEPTION USING ERRCODE = 'ZE005', MESSAGE = format('table %s was renamed after it was declared as %I.%I', ehds.full_name($2), t.schema_name, t.table_name),
            HINT = format('Run SELECT * FROM ehds.after_load(%L).', t.schema_name);
    ELSIF p.population IS NOT NULL AND p.population <> t.population THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('table %s belongs to population "%s", and permit "%s" is for population "%s"', ehds.full_name($2), t.population, $1, p.population),
            HINT = 'A permit is for one population: issue another permit for the other.';
    END IF;
    subject := coalesce(t.subject, (SELECT v.subject FROM ehds.protected_table v WHERE (v.schema_name, v.table_name) = (t.via_schema, t.via_table)));
    ident := CASE WHEN t.subject IS DISTINCT FROM t.identity THEN t.identity END;

    IF $3 IS NOT NULL AND cardinality($3) = 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'columns is empty', HINT = 'Leave it out for the default, or name columns.';
    ELSIF $3 IS NOT NULL THEN
        FOREACH col IN ARRAY $3 LOOP
            CONTINUE WHEN col = subject;
            PERFORM ehds.column_type($2, col);
            label := (SELECT ehds.role_of($2, a.attnum) FROM pg_attribute a WHERE a.attrelid = $2 AND a.attname = col);
            IF label = 'identifier' OR col = ident THEN
                RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
                    MESSAGE = format('column "%s" of %s is an identifier and is in no permit', col, ehds.full_name($2)),
                    HINT = CASE WHEN col = ident THEN format('It feeds the pseudonym in "%s".', subject) ELSE 'Leave the column out.' END;
            ELSIF (SELECT count(*) FROM unnest($3) c WHERE c = col) > 1 THEN
                RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('column "%s" is named twice', col);
            END IF;
        END LOOP;
        chosen := CASE WHEN subject = ANY ($3) THEN $3 ELSE subject || $3 END;
    ELSE
        SELECT array_agg(a.attname ORDER BY a.attnum) INTO chosen
          FROM pg_attribute a
         WHERE a.attrelid = $2 AND a.attnum > 0 AND NOT a.attisdropped AND a.attname IS DISTINCT FROM ident
           AND (a.attname = subject
                OR NOT coalesce(ehds.role_of($2, a.attnum) = 'identifier'
                                OR (p.output = 'pseudonymised' AND ehds.role_of($2, a.attnum) = 'quasi-identifier'), false));
        IF NOT coalesce(subject = ANY (chosen), false) THEN
            chosen := subject || chosen;
        END IF;
    END IF;

    SELECT format('%I.%I', x.schema_name, x.table_name) INTO clash FROM ehds.permit_table x
     WHERE x.permit_id = p.permit_id AND x.view_name = t.table_name AND x.schema_name <> t.schema_name;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_object', MESSAGE = format('permit "%s" has a view "%s" already, for %s', $1, t.table_name, clash),
            HINT = 'Tables of the same name need two permits.';
    END IF;

    INSERT INTO ehds.permit_table (permit_id, schema_name, table_name, view_name, columns, subject_column, row_filter)
    VALUES (p.permit_id, t.schema_name, t.table_name, t.table_name, chosen, subject, $4)
    ON CONFLICT (permit_id, schema_name, table_name) DO UPDATE
       SET columns = EXCLUDED.columns, subject_column = EXCLUDED.subject_column, row_filter = EXCLUDED.row_filter,
           added_by = EXCLUDED.added_by, added_at = EXCLUDED.added_at;
    UPDATE ehds.permit
       SET population = t.population, status = 'draft', version = version + again::integer
     WHERE permit_id = p.permit_id;
    -- an extract that was made with other columns is closed until it is made anew
    FOR made IN SELECT c.oid FROM ehds.extract e JOIN pg_namespace n ON n.nspname = e.schema_name JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind = 'r'
                 WHERE e.permit_id = p.permit_id AND e.destroyed_at IS NULL LOOP
        EXECUTE format('REVOKE ALL ON TABLE %s FROM %s', made, p.grantee);
    END LOOP;
    UPDATE ehds.protected_table SET columns = ehds.columns_of($2) WHERE relation = $2 AND columns <> ehds.columns_of($2);
    PERFORM ehds.remember_labels(t.schema_name);
    PERFORM ehds.compile_table(p.permit_id, t.schema_name, t.table_name);
    PERFORM ehds.record_decision('permit_table', $1, t.population,
        concat_ws(', ', format('%I.%I (%s)', t.schema_name, t.table_name, array_to_string(chosen, ', ')), 'rows ' || $4));
    IF again THEN
        RAISE NOTICE 'permit "%" is a draft again: another person activates it', $1;
    END IF;
    RETURN format('%I.%I (%s)', p.schema_name, t.table_name, array_to_string(chosen, ', '));
END
$$;
COMMENT ON FUNCTION ehds.permit_table(text, regclass, name[], text) IS
    'puts a protected table into a permit, or changes how it is in it; the view is made at once and answers once the permit is active. columns: default all but those labelled identifier (under output pseudonymised, quasi-identifiers must be named too); the subject is always there; '
    'rows: a boolean expression over the table''s columns, default all. An active permit becomes a draft again, and its extract is closed until ehds.refresh_extract() has made it anew. Raises 42501 for an identifier (a column, or in rows), 42703 unknown column, 42704 unknown permit, 22023 public table, other population or an identifier of a type without pseudonyms, 55000 permit ended, ZE005 table not protected, ZE002 row filter not allowed';

CREATE FUNCTION ehds.rights_beside(grantee oid, relation oid) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT string_agg(DISTINCT format('%s (through %s)', ehds.full_name(c), r.rolname), ', ')
      FROM ehds.with_children($2) c, pg_roles r
     WHERE pg_has_role($1, r.oid, 'MEMBER') AND NOT r.rolsuper
       AND (has_table_privilege(r.oid, c, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
            OR has_any_column_privilege(r.oid, c, 'SELECT, INSERT, UPDATE, REFERENCES'))
$$;
COMMENT ON FUNCTION ehds.rights_beside(oid, oid) IS
    'internal: the rights that a role has on a table and its partitions, by itself or through membership; NULL if none';

CREATE FUNCTION ehds.exact_beside_noisy(permit_id integer) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT string_agg(DISTINCT format('%s holds permit %s', m.rolname, other.permit), ', ')
      FROM ehds.permit p
      JOIN pg_roles m ON pg_has_role(m.oid, p.grantee, 'MEMBER') AND NOT m.rolsuper
      JOIN ehds.permit other ON other.population = p.population AND other.permit_id <> p.permit_id
       AND other.status = 'active' AND other.valid_until >= ehds.today()
       AND ((other.epsilon_nano IS NULL) <> (p.epsilon_nano IS NULL)
            -- a noisy count that appears under one k and not under another is compared with the exact one
            OR (p.cell_key_max IS NOT NULL AND other.k <> p.k)
            OR (other.cell_key_max, other.cell_key_variance_milli, other.cell_key_no_small)
               IS DISTINCT FROM (p.cell_key_max, p.cell_key_variance_milli, p.cell_key_no_small))
       AND pg_has_role(m.oid, other.grantee, 'MEMBER')
     WHERE p.permit_id = $1
$$;
COMMENT ON FUNCTION ehds.exact_beside_noisy(integer) IS
    'internal: who, among the members of a permit''s grantee, also holds an active permit on the same population where one of the two is differentially private and the other is not, or their cell keys or the k beside them differ; NULL if nobody';

CREATE FUNCTION ehds.exact_before_noisy(permit_id integer) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT string_agg(DISTINCT format('%s held permit %s', m.rolname, other.permit), ', ')
      FROM ehds.permit p
      JOIN pg_roles m ON pg_has_role(m.oid, p.grantee, 'MEMBER') AND NOT m.rolsuper
      JOIN ehds.permit other ON other.population = p.population AND other.permit_id <> p.permit_id
       AND other.epsilon_nano IS NULL AND other.activated_at IS NOT NULL
       AND (other.status <> 'active' OR other.valid_until < ehds.today())
      JOIN pg_roles g ON g.oid = other.grantee AND pg_has_role(m.oid, g.oid, 'MEMBER')
     WHERE p.permit_id = $1 AND p.epsilon_nano IS NOT NULL
$$;
COMMENT ON FUNCTION ehds.exact_before_noisy(integer) IS
    'internal: who, among the members of the grantee of a permit with a privacy budget, was in force under another kind of permit on the same population, which has ended since: what they got under it is exact, so the guarantee does not hold against them; NULL if nobody';

CREATE FUNCTION ehds.shared_identities(population name) RETURNS bigint
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    place record;
    n     bigint := 0;
BEGIN
    SELECT t.relation, p.identity_subject, p.identity_column INTO place
      FROM ehds.population p JOIN ehds.protected_table t ON (t.schema_name, t.table_name) = (p.identity_schema, p.identity_table)
     WHERE p.population = $1 AND ehds.full_name(t.relation) IS NOT NULL
       AND ehds.column_type(t.relation, p.identity_subject) IS NOT NULL AND ehds.column_type(t.relation, p.identity_column) IS NOT NULL;
    IF FOUND THEN
        SELECT x[1]::bigint INTO n FROM ehds.read_as_owner(format(
            'SELECT ARRAY[count(*)::text] FROM (SELECT FROM %1$s t WHERE t.%2$I IS NOT NULL AND t.%3$I IS NOT NULL GROUP BY btrim(t.%2$I::text, E'' \t\n\r'') HAVING count(DISTINCT t.%3$I) > 1) s',
            place.relation, place.identity_column, place.identity_subject)) x;
    END IF;
    RETURN n;
END
$$;
COMMENT ON FUNCTION ehds.shared_identities(name) IS
    'internal: how many identities of a population are borne by several subject keys (0 where none is declared): statistics would take such a person for several';

CREATE FUNCTION ehds.activate_permit(permit text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET datestyle = 'ISO, YMD'
AS $$
#variable_conflict use_column
DECLARE
    p     ehds.permit;
    obstacle text;
    known text;
    one   record;
BEGIN
    PERFORM ehds.require_role('ehds_admin', 'activate_permit');
    p := ehds.lock_permit($1);
    IF p.status <> 'draft' THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('permit "%s" is %s, not a draft', $1, p.status);
    ELSIF session_user = p.issued_by OR session_user IS NOT DISTINCT FROM p.cohort_by OR EXISTS (SELECT FROM ehds.permit_table x WHERE x.permit_id = p.permit_id AND x.added_by = session_user) THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
            MESSAGE = format('permit "%s" was issued or changed by "%s", who cannot activate it', $1, session_user),
            HINT = 'Another member of ehds_admin activates it.';
    ELSIF EXISTS (SELECT FROM pg_roles r WHERE r.oid = p.grantee) AND NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = session_user)
          AND pg_has_role(session_user, p.grantee, 'MEMBER') THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
            MESSAGE = format('"%s" is a member of "%s", the grantee of permit "%s", and cannot activate it', session_user, p.grantee::text, $1),
            HINT = 'A member of ehds_admin who does not use the permit activates it.';
    ELSIF NOT EXISTS (SELECT FROM ehds.permit_table x WHERE x.permit_id = p.permit_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('permit "%s" has no table', $1),
            HINT = format('Name its tables: SELECT ehds.permit_table(%L, ...).', $1);
    ELSIF p.valid_until < ehds.today() THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('permit "%s" was valid until %s', $1, p.valid_until),
            HINT = 'Issue a new permit.';
    END IF;

    PERFORM ehds.check_grantee(r.rolname) FROM pg_roles r WHERE r.oid = p.grantee;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('the grantee of permit "%s" does not exist any more', $1);
    END IF;
    SELECT string_agg(x, ', ') INTO obstacle
      FROM ehds.permit_sources(p.permit_id) s, ehds.rights_beside(p.grantee, s.relation) x;
    IF obstacle IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('grantee "%s" of permit "%s" has rights on tables behind the views: %s', p.grantee::text, $1, obstacle),
            HINT = 'Take these rights away (REVOKE); under a permit the views are the only way.';
    END IF;
    obstacle := ehds.exact_beside_noisy(p.permit_id);
    IF obstacle IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('permit "%s" cannot be activated beside another one on the same population: %s', $1, obstacle),
            DETAIL = 'Who sees exact or row-level results, or other noise, can take the noise out of protected ones.',
            HINT = 'Give the two permits to roles without common members.';
    END IF;
    -- the unit of differential privacy is the person, who must not count twice
    IF p.epsilon_nano IS NOT NULL AND ehds.shared_identities(p.population) > 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('permit "%s" has a privacy budget, but in population "%s" several subject keys bear one identity', $1, p.population),
            DETAIL = 'A person with two keys would get half of the protection.',
            HINT = 'Unite the keys in the warehouse; ehds.doctor() tells how many there are.';
    END IF;
    PERFORM ehds.ensure_key();

    UPDATE ehds.permit SET status = 'active', activated_by = session_user, activated_at = clock_timestamp()
     WHERE permit_id = p.permit_id;
    FOR one IN SELECT DISTINCT x.schema_name FROM ehds.permit_table x WHERE x.permit_id = p.permit_id LOOP
        PERFORM ehds.remember_labels(one.schema_name);
    END LOOP;
    PERFORM ehds.compile_permit(p.permit_id);
    known := ehds.exact_before_noisy(p.permit_id);
    PERFORM ehds.record_decision('activate_permit', $1, p.population,
        concat_ws(', ', 'version ' || p.version, 'the guarantee does not hold against those who had exact results before: ' || known, (SELECT 'tables ' || string_agg(format('%I.%I', x.schema_name, x.table_name), ' ' ORDER BY x.schema_name, x.table_name)
                                                   FROM ehds.permit_table x WHERE x.permit_id = p.permit_id)));
    IF known IS NOT NULL THEN
        RAISE WARNING 'the guarantee of permit "%" does not hold against those who had exact results before: %', $1, known
            USING DETAIL = 'The ledger has the same sentence.';
    END IF;
    IF p.exception_basis IS NOT NULL THEN
        RAISE WARNING 'under permit "%" oppositions do not count (EHDS 71(4)): %', $1, p.exception_basis;
    END IF;
    RETURN format('permit %s is active until %s for members of %s, in schema %s', $1, p.valid_until, p.grantee::text, p.schema_name);
END
$$;
COMMENT ON FUNCTION ehds.activate_permit(text) IS
    'puts a draft into force; by another login (session_user) than those who issued it or named its tables, and no member of its grantee. Raises 42501 for these and for a login that is no member of ehds_admin itself, 42704 unknown permit, 22023 expired, '
    '55000 if it has no table, is no draft, its grantee has rights on the tables behind, or somebody would hold a noisy permit (differentially private or with cell keys) and another kind on one population';

CREATE FUNCTION ehds.revoke_permit(permit text, reason text DEFAULT NULL) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    p ehds.permit;
BEGIN
    PERFORM ehds.require_role('ehds_admin', 'revoke_permit');
    p := ehds.lock_permit($1);
    IF p.status NOT IN ('draft', 'active') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('permit "%s" is %s', $1, p.status);
    END IF;
    UPDATE ehds.permit SET status = 'revoked', ended_by = session_user, ended_at = clock_timestamp(), ended_reason = $2
     WHERE permit_id = p.permit_id;
    PERFORM ehds.record_decision('revoke_permit', $1, p.population, $2);
    RETURN format('permit %s is revoked; ehds.close_permit() destroys its schema and its extract', $1);
END
$$;
COMMENT ON FUNCTION ehds.revoke_permit(text, text) IS
    'ends a draft or active permit at once, for the reason given; its views and its extract refuse from now on. Raises 42704, 55000';

CREATE FUNCTION ehds.own_permits()
    RETURNS TABLE (permit text, status text, reason text, purpose text, output text, schema name, tables text[], k integer,
                   epsilon_left numeric, delta_left numeric, valid_from date, valid_until date,
                   cell_key_max integer, cell_key_variance numeric, cell_key_no_small integer, cohort text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET datestyle = 'ISO, YMD'
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT p.permit,
           CASE WHEN p.status <> 'active' THEN p.status
                WHEN ehds.today() < p.valid_from THEN 'not yet valid'
                WHEN ehds.today() > p.valid_until THEN 'expired'
                ELSE 'active' END,
           CASE WHEN p.status = 'draft' THEN 'waits for ehds.activate_permit() by another person'
                WHEN p.status IN ('revoked', 'closed') THEN concat_ws(': ', format('%s on %s', p.status, p.ended_at::date), p.ended_reason)
                WHEN ehds.today() < p.valid_from THEN format('begins on %s', p.valid_from)
                WHEN ehds.today() > p.valid_until THEN format('ended on %s', p.valid_until) END,
           p.purpose, p.output, p.schema_name,
           ARRAY(SELECT format('%I.%I', p.schema_name, x.view_name) FROM ehds.permit_table x WHERE x.permit_id = p.permit_id ORDER BY x.view_name),
           CASE WHEN p.output = 'statistics' THEN p.k END,
           b.epsilon_left, b.delta_left, p.valid_from, p.valid_until,
           p.cell_key_max, trim_scale(p.cell_key_variance_milli / 1000.0), p.cell_key_no_small, p.cohort_description
      FROM ehds.permit p
      LEFT JOIN ehds.budget b ON b.permit = p.permit
     WHERE EXISTS (SELECT FROM pg_roles r WHERE r.oid = p.grantee)
       AND pg_has_role(ehds.acting_role(), p.grantee, 'MEMBER')
     ORDER BY p.permit;
END
$$;
COMMENT ON FUNCTION ehds.own_permits() IS 'the rows of the view ehds.my_permits';

CREATE VIEW ehds.my_permits AS SELECT * FROM ehds.own_permits();
COMMENT ON VIEW ehds.my_permits IS
    'the permits of the current role: status (draft, active, not yet valid, expired, revoked, closed) with its reason, what may be read, k, the privacy budget that is left, the first and the last day, and the parameters of its noise if it has cell keys (see ehds.cell_key_table); cohort: in words, the persons to whom it is limited';
GRANT SELECT ON ehds.my_permits TO PUBLIC;

REVOKE ALL ON FUNCTION ehds.require_role(text, text), ehds.shared_identities(name), ehds.lock_permit(text),
    ehds.check_grantee(text), ehds.rights_beside(oid, oid), ehds.exact_beside_noisy(integer), ehds.exact_before_noisy(integer),
    ehds.issue_permit(text, text, text, text, date, date, integer, numeric, numeric, numeric, integer, text, text, text, text, integer, numeric, integer),
    ehds.permit_table(text, regclass, name[], text), ehds.activate_permit(text), ehds.revoke_permit(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ehds.issue_permit(text, text, text, text, date, date, integer, numeric, numeric, numeric, integer, text, text, text, text, integer, numeric, integer),
    ehds.permit_table(text, regclass, name[], text), ehds.activate_permit(text), ehds.revoke_permit(text, text) TO ehds_admin;
