-- k_anonymity: how well a table hides its persons among each other, measured with the rights of the caller
--
-- The source is a regclass, and the columns are looked up in the catalogue (t.x would also call a
-- function x(t)); a query is measured through a temporary view on it. STABLE, so that no statement of
-- its own can write; functions in a view do what they do in any SELECT of the caller.

CREATE FUNCTION ehds.columns_for_report(relation regclass, asked name[], label text) RETURNS name[]
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    missing name;
BEGIN
    IF $2 IS NULL THEN
        RETURN (SELECT coalesce(array_agg(a.attname ORDER BY a.attnum), '{}')
                  FROM pg_attribute a
                  JOIN pg_seclabel l ON l.objoid = a.attrelid AND l.classoid = 'pg_class'::regclass AND l.objsubid = a.attnum
                 WHERE a.attrelid = $1 AND NOT a.attisdropped AND l.provider = 'pg_ehds' AND l.label ~ format('^%s *(,|$)', $3));
    END IF;
    SELECT w INTO missing FROM unnest($2) w
     WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = $1 AND a.attname = w AND a.attnum > 0 AND NOT a.attisdropped) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_column', MESSAGE = format('column %I of relation %s does not exist', coalesce(missing, 'NULL'), $1);
    END IF;
    RETURN $2;
END
$$;
COMMENT ON FUNCTION ehds.columns_for_report(regclass, name[], text) IS
    'internal: the columns asked for, each of which must exist (42703), or if NULL those whose label names the role';

CREATE FUNCTION ehds.k_anonymity(relation regclass, quasi_identifiers name[] DEFAULT NULL, subject name DEFAULT NULL,
                                 sensitive name[] DEFAULT NULL, k integer DEFAULT 11, risk_threshold numeric DEFAULT 0.2,
                                 population regclass DEFAULT NULL, rows_are_persons boolean DEFAULT false)
    RETURNS TABLE (property text, attribute text, value numeric, detail jsonb)
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    SET extra_float_digits = 1
AS $$
#variable_conflict use_column
DECLARE
    qi      name[] := ehds.columns_for_report($1, $2, 'quasi-identifier');
    sens    name[] := ehds.columns_for_report($1, $4, 'sensitive');
    person  text;
    keys    text;       -- q1, q2, ...
    pick    text;       -- t.a AS q1, t.b AS q2, ...
    known   text;       -- rows that belong to nobody are in no class
    source  text;
    r       record;
    s       record;
    col     name;
    ordered boolean;
BEGIN
    IF $1 IS NULL OR $5 IS NULL OR $5 < 1 OR $6 IS NULL OR $6 < 0 OR $6 > 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'relation must be given, k must be at least 1 and risk_threshold between 0 and 1';
    END IF;
    IF cardinality(qi) = 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'no quasi-identifiers were named and no column is labelled as one',
            HINT = 'Name them in quasi_identifiers, or label them with SECURITY LABEL FOR pg_ehds ON COLUMN ... IS ''quasi-identifier''.';
    ELSIF ($3 IS NULL) <> coalesce($8, false) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'either subject or rows_are_persons must be given, and not both',
            DETAIL = 'Persons are counted, not rows.',
            HINT = 'Name the column that tells persons apart, or say rows_are_persons => true if each row is another person.';
    ELSIF $7 IS NOT NULL AND $3 IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a population can be compared only by subject';
    -- the gate refuses it anyway, with a message about a query that the caller has not written
    ELSIF EXISTS (SELECT FROM ehds.my_permits m JOIN pg_namespace n ON n.nspname = m.schema JOIN pg_class c ON c.relnamespace = n.oid
                   WHERE m.output = 'statistics' AND c.oid IN ($1, $7)) THEN
        RAISE EXCEPTION USING ERRCODE = 'ZE002', MESSAGE = format('%s is a view of a statistics permit, which gives no rows to measure', $1),
            HINT = 'Measure an extract, or ask governance for a report on the stored table.';
    END IF;
    IF $3 IS NOT NULL THEN
        PERFORM ehds.columns_for_report($1, ARRAY[$3], '');
    END IF;
    IF $7 IS NOT NULL THEN
        PERFORM ehds.columns_for_report($7, qi || $3, '');
    END IF;

    person := CASE WHEN $3 IS NULL THEN 'row_number() OVER ()' ELSE format('t.%I', $3) END;
    known := CASE WHEN $3 IS NULL THEN 'true' ELSE format('t.%I IS NOT NULL', $3) END;
    SELECT string_agg('q' || n, ', ' ORDER BY n), string_agg(format('t.%I AS q%s', c, n), ', ' ORDER BY n)
      INTO keys, pick FROM unnest(qi) WITH ORDINALITY AS u (c, n);
    source := format('SELECT %s, %s AS person, true AS sample FROM %s t WHERE %s', pick, person, $1, known)
           || CASE WHEN $7 IS NULL THEN '' ELSE format(' UNION ALL SELECT %s, %s, false FROM %s t WHERE %s', pick, person, $7, known) END;

    EXECUTE format($q$
        WITH member AS (SELECT %1$s, person, bool_or(sample) AS sample FROM (%2$s) b GROUP BY %1$s, person),
        sized AS (SELECT person, sample, count(*) FILTER (WHERE sample) OVER c AS f, count(*) OVER c AS whole,
                         row_number() OVER (PARTITION BY %1$s ORDER BY sample DESC) AS nth
                    FROM member WINDOW c AS (PARTITION BY %1$s)),
        class AS (SELECT f, whole FROM sized WHERE nth = 1 AND sample),
        worst AS (SELECT person, min(f) AS f, count(*) AS memberships FROM sized WHERE sample GROUP BY person)
        SELECT c.*, w.*, (SELECT jsonb_object_agg(h.f, h.n) FROM (SELECT f, count(*) AS n FROM class GROUP BY f) h) AS histogram
          FROM (SELECT count(*) AS classes, min(f) AS k, min(whole) AS k_population FROM class) c,
               (SELECT count(*) AS persons, sum(memberships) AS memberships, count(*) FILTER (WHERE memberships > 1) AS several,
                       count(*) FILTER (WHERE f = 1) AS uniques, count(*) FILTER (WHERE f < $1) AS under_k,
                       count(*) FILTER (WHERE 1 > f * $2) AS at_risk FROM worst) w
        $q$, keys, source) INTO r USING $5, $6;

    RETURN QUERY VALUES
        ('k', NULL::text, r.k::numeric, jsonb_build_object('quasi_identifiers', to_jsonb(qi))),
        ('classes', NULL, r.classes::numeric, NULL::jsonb),
        ('persons', NULL, r.persons::numeric, jsonb_build_object('in_several_classes', r.several, 'memberships', coalesce(r.memberships, 0))),
        ('uniques', NULL, r.uniques::numeric, NULL),
        ('persons_under_k', NULL, r.under_k::numeric, jsonb_build_object('k', $5)),
        ('class_sizes', NULL, NULL, coalesce(r.histogram, '{}')),
        ('prosecutor_max', NULL, 1.0 / r.k, NULL),
        ('prosecutor_share', NULL, r.at_risk::numeric / nullif(r.persons, 0), jsonb_build_object('risk_above', $6)),
        ('journalist_max', NULL, CASE WHEN $7 IS NOT NULL THEN 1.0 / r.k_population END, jsonb_build_object('population', $7::text)),
        ('marketer', NULL, r.classes::numeric / nullif(r.memberships, 0), NULL);
    IF $3 IS NOT NULL THEN
        RETURN QUERY EXECUTE format('SELECT ''rows_without_subject'', NULL::text, count(*)::numeric, NULL::jsonb FROM %s t WHERE t.%I IS NULL', $1, $3);
    END IF;

    FOREACH col IN ARRAY sens LOOP
        SELECT y.typcategory IN ('N', 'D') INTO ordered
          FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid WHERE a.attrelid = $1 AND a.attname = col;
        -- Ordered distance: the sum of |P - Q| over the ranks between two values of a class, where P is
        -- constant, is split at the rank where Q passes P. One sort of all P and Q together finds it.
        EXECUTE format($q$
            WITH pair AS (SELECT DISTINCT %1$s, person, v FROM (SELECT %2$s, %3$s AS person, t.%4$I AS v FROM %5$s t WHERE %6$s) b WHERE v IS NOT NULL),
            cell AS (SELECT row_number() OVER () AS id, x.* FROM (SELECT %1$s, v, count(*) AS n FROM pair GROUP BY %1$s, v) x),
            share AS (SELECT id, v, first_value(id) OVER (PARTITION BY %1$s ORDER BY id) AS class,
                             n / sum(n) OVER (PARTITION BY %1$s)::float8 AS p FROM cell),
            total AS (SELECT v, n / sum(n) OVER ()::float8 AS q FROM (SELECT v, sum(n) AS n FROM cell GROUP BY v) x),
            cum AS (SELECT v, q, row_number() OVER o AS i, sum(q) OVER o AS c FROM total WINDOW o AS (ORDER BY v)),
            ranked AS (SELECT v, q, i, c, sum(c) OVER (ORDER BY i) AS area, count(*) OVER () AS m, sum(c) OVER () AS whole FROM cum),
            run AS (SELECT s.id, s.class, s.p, g.q, g.i AS lo, g.m, g.area - g.c AS area_lo,
                           sum(s.p) OVER w AS cp, coalesce(lead(g.i) OVER w - 1, g.m) AS hi, lead(g.area - g.c) OVER w AS area_hi, g.whole,
                           row_number() OVER w = 1 AS is_first
                      FROM share s JOIN ranked g ON g.v = s.v WINDOW w AS (PARTITION BY s.class ORDER BY g.i)),
            merged AS (SELECT id, count(*) FILTER (WHERE id IS NULL) OVER o AS at, coalesce(sum(c) FILTER (WHERE id IS NULL) OVER o, 0) AS area_at
                         FROM (SELECT NULL::bigint AS id, c, c AS height FROM ranked UNION ALL SELECT id, NULL, cp FROM run) x
                       WINDOW o AS (ORDER BY height, id NULLS FIRST ROWS UNBOUNDED PRECEDING)),
            split AS (SELECT u.*, coalesce(u.area_hi, u.whole) AS area_end,
                             least(greatest(x.at, u.lo - 1), u.hi) AS cut,
                             CASE WHEN x.at < u.lo THEN u.area_lo WHEN x.at >= u.hi THEN coalesce(u.area_hi, u.whole) ELSE x.area_at END AS area_cut
                        FROM run u JOIN merged x ON x.id = u.id),
            closeness AS (SELECT class, count(*) AS l, -sum(p * ln(p)) AS h, sum(greatest(p - q, 0)) AS equal_t,
                             coalesce((sum(CASE WHEN is_first THEN area_lo ELSE 0 END)
                                      + sum(cp * (cut - lo + 1) - (area_cut - area_lo) + (area_end - area_cut) - cp * (hi - cut)))
                                      / nullif(max(m) - 1, 0), 0) AS ordered_t
                        FROM split GROUP BY class)
            SELECT min(l) AS l, round(exp(min(h))::numeric, 9) AS entropy_l,
                   round(max(CASE WHEN $1 THEN ordered_t ELSE equal_t END)::numeric, 9) AS t, count(*) AS classes FROM closeness
            $q$, keys, pick, person, col, $1, known) INTO s USING ordered;
        RETURN QUERY VALUES
            ('distinct_l', col::text, s.l::numeric, jsonb_build_object('classes_without_value', r.classes - s.classes)),
            ('entropy_l', col::text, s.entropy_l, NULL::jsonb),
            ('t_closeness', col::text, s.t, jsonb_build_object('distance', CASE WHEN ordered THEN 'ordered' ELSE 'equal' END));
    END LOOP;
END
$$;
COMMENT ON FUNCTION ehds.k_anonymity(regclass, name[], name, name[], integer, numeric, regclass, boolean) IS
    'report of one row a property on a table or view, read as the caller. Classes are formed by quasi_identifiers (NULL: the columns labelled so), NULL being a value of its own; persons are told apart by subject (rows without are left out and counted), or rows_are_persons. A person counts once in each class where it has rows, and for uniques, persons_under_k (k at least 1) and prosecutor_share (risk above risk_threshold, 0 to 1) with its smallest class. marketer is classes per membership of a person in a class; journalist_max needs population, with the same columns, and counts the persons of both. sensitive (NULL: the columns labelled so): smallest distinct and entropy l-diversity (exp of the entropy; Machanavajjhala et al. 2007) and largest t-closeness (Li, Li, Venkatasubramanian 2007; ordered distance for numbers and dates, equal distance for others), of the distinct pairs of person and value, without NULLs, to within 1e-6. Raises 22023, 42703, and what reading the relation raises';

-- No fixed search_path: the query finds its tables as its author does. So no operator without a schema.
CREATE FUNCTION ehds.k_anonymity(query text, quasi_identifiers name[] DEFAULT NULL, subject name DEFAULT NULL,
                                 sensitive name[] DEFAULT NULL, k integer DEFAULT 11, risk_threshold numeric DEFAULT 0.2,
                                 population regclass DEFAULT NULL, rows_are_persons boolean DEFAULT false)
    RETURNS TABLE (property text, attribute text, value numeric, detail jsonb)
    LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    rows_of text;
    r       record;
BEGIN
    IF $1 OPERATOR(pg_catalog.~*) '^[\s(]*(select|with|values|table)\M' THEN
        -- a line of its own ends a comment
        rows_of := pg_catalog.format(E'SELECT * FROM (%s\n) AS q', pg_catalog.rtrim($1, E'; \t\r\n'));
        -- a cursor takes one statement only
        FOR r IN EXECUTE pg_catalog.concat(rows_of, ' LIMIT 0') LOOP
        END LOOP;
        EXECUTE pg_catalog.concat('CREATE TEMPORARY VIEW "ehds measured query" AS ', rows_of);
        RETURN QUERY SELECT * FROM ehds.k_anonymity('pg_temp."ehds measured query"'::pg_catalog.regclass, $2, $3, $4, $5, $6, $7, $8);
        DROP VIEW pg_temp."ehds measured query";
    ELSE
        RETURN QUERY SELECT * FROM ehds.k_anonymity($1::pg_catalog.regclass, $2, $3, $4, $5, $6, $7, $8);
    END IF;
END
$$;
COMMENT ON FUNCTION ehds.k_anonymity(text, name[], name, name[], integer, numeric, regclass, boolean) IS
    'the report on the rows of a query, or on the relation of that name. A query is one SELECT, WITH, VALUES or TABLE, run as the caller through a temporary view that is dropped again, so it needs the TEMPORARY privilege on the database; its columns bear no labels. Arguments and result: see the function on a relation. Raises what that raises, and what reading the query raises';
GRANT EXECUTE ON FUNCTION ehds.columns_for_report(regclass, name[], text), ehds.k_anonymity(regclass, name[], name, name[], integer, numeric, regclass, boolean),
    ehds.k_anonymity(text, name[], name, name[], integer, numeric, regclass, boolean) TO PUBLIC;
