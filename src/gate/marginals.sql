-- marginals: several tables of one query, from one charge

CREATE FUNCTION ehds.marginals_sets(dimensions text[], sets text[]) RETURNS jsonb
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	result jsonb := '[]';
	listed text;
	name text;
	names jsonb;
BEGIN
	IF dimensions IS NULL THEN
		RAISE EXCEPTION 'query, dimensions and measure must not be null' USING ERRCODE = '22004';
	END IF;
	IF array_position(dimensions, NULL) IS NOT NULL OR array_position(sets, NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'dimensions and sets must not hold null' USING ERRCODE = '22004';
	END IF;
	FOREACH name IN ARRAY dimensions LOOP
		IF name IN ('value', '') OR cardinality(array_positions(dimensions, name)) > 1 THEN
			RAISE EXCEPTION 'a dimension may not be named "%", or stand twice', name
				USING ERRCODE = '22023', HINT = 'Give the column another name in the query.';
		END IF;
	END LOOP;
	IF sets IS NULL THEN
		SELECT '[[]]'::jsonb || COALESCE(jsonb_agg(s.names ORDER BY jsonb_array_length(s.names), s.i, s.j), '[]') INTO result
		FROM (SELECT i, 0 AS j, jsonb_build_array(dimensions[i]) AS names FROM generate_subscripts(dimensions, 1) i
			  UNION ALL
			  SELECT i, j, jsonb_build_array(dimensions[i], dimensions[j])
			  FROM generate_subscripts(dimensions, 1) i, generate_subscripts(dimensions, 1) j WHERE i < j) s;
		RETURN result;
	END IF;
	FOREACH listed IN ARRAY sets LOOP
		names := '[]';
		FOREACH name IN ARRAY string_to_array(btrim(listed), ',') LOOP
			name := btrim(name);
			IF NOT name = ANY (dimensions) OR names ? name THEN
				RAISE EXCEPTION 'set "%" is no list of different dimensions', listed
					USING ERRCODE = '22023', HINT = 'Write dimensions with commas between them; the empty text is the total of all.';
			END IF;
			names := names || to_jsonb(name);
		END LOOP;
		result := result || jsonb_build_array(names);
	END LOOP;
	RETURN result;
END
$function$;
COMMENT ON FUNCTION ehds.marginals_sets(text[], text[]) IS
'Component of ehds.marginals: the sets as arrays of names, in their order. Arguments and errors as there.';

CREATE FUNCTION ehds.marginals_keys(sets jsonb) RETURNS text[]
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $function$
	SELECT COALESCE(array_agg(k.name ORDER BY k.first_place), '{}')
	FROM (SELECT n.name, min(s.i * 1000 + n.j) AS first_place
		  FROM jsonb_array_elements(sets) WITH ORDINALITY AS s (names, i),
			   jsonb_array_elements_text(s.names) WITH ORDINALITY AS n (name, j)
		  GROUP BY n.name) k
$function$;
COMMENT ON FUNCTION ehds.marginals_keys(jsonb) IS
'Component of ehds.marginals: the dimensions of the sets in the order in which they first stand, which is that of GROUPING().';

CREATE FUNCTION ehds.marginals_grouping(keys text[], names jsonb) RETURNS integer
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $function$
	SELECT COALESCE(sum(1 << (cardinality(keys) - k.i)::integer) FILTER (WHERE NOT names ? k.name), 0)::integer
	FROM unnest(keys) WITH ORDINALITY AS k (name, i)
$function$;
COMMENT ON FUNCTION ehds.marginals_grouping(text[], jsonb) IS
'Component of ehds.marginals: what GROUPING() of the keys is in the set of these names.';

CREATE FUNCTION ehds.marginals_weights(sets jsonb, weights integer[]) RETURNS text
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
	IF weights IS NULL THEN
		RETURN '';
	END IF;
	IF cardinality(weights) <> jsonb_array_length(sets) OR (1 <= ALL (weights) AND 1000000 >= ALL (weights)) IS NOT TRUE THEN
		RAISE EXCEPTION 'weights must be % whole numbers from 1 to 1000000, one for each set', jsonb_array_length(sets)
			USING ERRCODE = '22023';
	END IF;
	RETURN (SELECT string_agg(format('%s:%s', ehds.marginals_grouping(ehds.marginals_keys(sets), s.names), weights[s.i]), ', ' ORDER BY s.i)
			FROM jsonb_array_elements(sets) WITH ORDINALITY AS s (names, i));
END
$function$;
COMMENT ON FUNCTION ehds.marginals_weights(jsonb, integer[]) IS
'Component of ehds.marginals: the weights as the setting ehds.set_weights has them. Errors as there.';

CREATE FUNCTION ehds.marginals_statement(query text, sets jsonb, measure text) RETURNS text
	LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	keys text[] := ehds.marginals_keys(sets);
	gr text := CASE WHEN keys = '{}' THEN '0' ELSE format('GROUPING(%s)', (SELECT string_agg(format('q.%I', k.name), ', ' ORDER BY k.i) FROM unnest(keys) WITH ORDINALITY AS k (name, i))) END;
BEGIN
	IF query IS NULL OR measure IS NULL THEN
		RAISE EXCEPTION 'query, dimensions and measure must not be null' USING ERRCODE = '22004';
	END IF;
	IF cardinality(keys) > 31 OR jsonb_array_length(sets) NOT BETWEEN 1 AND 64 THEN
		RAISE EXCEPTION 'marginals have 1 to 64 sets and at most 31 dimensions' USING ERRCODE = '54000';
	END IF;
	-- a line of its own ends a comment
	RETURN format('SELECT %s%s AS "ehds grouping", (%s)::pg_catalog.numeric AS value FROM (%s) AS q GROUP BY GROUPING SETS (%s) ORDER BY CASE %s%s',
		(SELECT string_agg(format('q.%1$I AS %1$I, ', k.name), '' ORDER BY k.i) FROM unnest(keys) WITH ORDINALITY AS k (name, i)),
		gr,
		measure,
		rtrim(query, E'; \t\r\n') || E'\n',
		(SELECT string_agg(format('(%s)', (SELECT string_agg(format('q.%I', n.name), ', ' ORDER BY n.i)
										   FROM jsonb_array_elements_text(s.names) WITH ORDINALITY AS n (name, i))), ', ' ORDER BY s.i)
		 FROM jsonb_array_elements(sets) WITH ORDINALITY AS s (names, i)),
		(SELECT string_agg(format('WHEN %s OPERATOR(pg_catalog.=) %s THEN %s', gr, ehds.marginals_grouping(keys, s.names), s.i), ' ' ORDER BY s.i) || ' END'
		 FROM jsonb_array_elements(sets) WITH ORDINALITY AS s (names, i)),
		(SELECT string_agg(', ' || i, '' ORDER BY i) FROM generate_series(1, cardinality(keys)) i));
END
$function$;
COMMENT ON FUNCTION ehds.marginals_statement(text, jsonb, text) IS
'Component of ehds.marginals: the statement whose figures it gives. Arguments and errors as there.';

CREATE FUNCTION ehds.marginals_tables(sets jsonb, noises jsonb) RETURNS jsonb
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $function$
	SELECT jsonb_object_agg(ehds.marginals_grouping(ehds.marginals_keys(sets), s.names), jsonb_build_array(s.names, noises -> g.label -> 0, noises -> g.label -> 1))
	FROM jsonb_array_elements(sets) AS s (names),
		-- as the gate names it
		LATERAL (SELECT COALESCE('value by ' || (SELECT string_agg(k.name, ', ' ORDER BY k.i)
												 FROM unnest(ehds.marginals_keys(sets)) WITH ORDINALITY AS k (name, i) WHERE s.names ? k.name),
								 'value in total') AS label) g
$function$;
COMMENT ON FUNCTION ehds.marginals_tables(jsonb, jsonb) IS
'Component of ehds.marginals: by what GROUPING() is in a table, its dimensions, scale and half width. noises: of each figure, by its name, scale and half width.';

CREATE FUNCTION ehds.marginals_row(cells jsonb, table_of_row jsonb,
								   OUT dimensions_of_set text[], OUT cell jsonb, OUT value numeric, OUT scale double precision, OUT half_width double precision)
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $function$
	SELECT ARRAY(SELECT n.name FROM jsonb_array_elements_text(table_of_row -> 0) WITH ORDINALITY AS n (name, i) ORDER BY n.i),
		COALESCE((SELECT jsonb_object_agg(n.name, cells -> n.name) FROM jsonb_array_elements_text(table_of_row -> 0) AS n (name)), '{}'),
		(cells ->> 'value')::numeric, (table_of_row ->> 1)::double precision, (table_of_row ->> 2)::double precision
$function$;
COMMENT ON FUNCTION ehds.marginals_row(jsonb, jsonb) IS
'Component of ehds.marginals: a row of its result, from one of the statement and what is known of its table.';

-- No fixed search_path: the query finds its tables as its author does. So no operator here.
-- What is asked is plain, without jsonb, so that the same can be asked again, free.
CREATE FUNCTION ehds.marginals(query text, dimensions text[], measure text, sets text[] DEFAULT NULL, weights integer[] DEFAULT NULL)
	RETURNS TABLE (dimensions_of_set text[], cell jsonb, value numeric, scale double precision, half_width double precision)
	LANGUAGE plpgsql VOLATILE SECURITY INVOKER
	SET ehds.set_weights = ''
AS $function$
DECLARE
	parsed jsonb := ehds.marginals_sets(dimensions, sets);
	statement text := ehds.marginals_statement(query, parsed, measure);
	tables jsonb;
	found record;
BEGIN
	PERFORM pg_catalog.set_config('ehds.set_weights', ehds.marginals_weights(parsed, weights), true);
	SELECT ehds.marginals_tables(parsed, pg_catalog.jsonb_object_agg(e.column_name, pg_catalog.jsonb_build_array(e.scale, e.half_width))) INTO tables
	FROM ehds.explain_privacy(statement) AS e WHERE e.item OPERATOR(pg_catalog.=) 'figure';
	FOR found IN EXECUTE statement LOOP
		SELECT r.dimensions_of_set, r.cell, r.value, r.scale, r.half_width INTO dimensions_of_set, cell, value, scale, half_width
		FROM ehds.marginals_row(pg_catalog.to_jsonb(found), pg_catalog.jsonb_extract_path(tables, found."ehds grouping"::pg_catalog.text)) AS r;
		RETURN NEXT;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ehds.marginals(text, text[], text, text[], integer[]) IS
'Several tables of one query under a permit, from one charge: what the measure costs alone, whatever the number of tables. It asks SELECT ... GROUP BY GROUPING SETS as its caller, which the gate checks as any other; sums agree where they can (see ehds.additive). Arguments: a query over the permit''s views, with rows of persons; its columns by which tables are made; an aggregate over its columns, such as ehds.dp_count(person_id); the tables, each a list of dimensions with commas (the empty text: the total), at most 64, by default the total, each dimension and each two of them; whole numbers from 1 to 1000000, one for each table, by how much its precision matters (default: all the same). The weighted sum of the noise''s variances is made least: a table''s share of epsilon is proportional to the cube root of its weight times max_groups squared, in zcdp its share of rho to the square root of its weight times max_groups (max_groups is 1 in the total and by keys of the person). Result: the dimensions of the table, the cell (an object with the value of each), the figure, scale (sigma) of its noise before sums were made to agree, half width of its 95 % interval (both NULL under a permit without a privacy budget). Errors: 22004 for NULL, 22023 for names and weights, 54000 for too many sets, and those of the query.';
