-- suppress: secondary suppression of tables with totals

CREATE FUNCTION ehds.keep_cell(size bigint, hidden boolean, "grouping" integer, keys text[], approval ehds.approval, contributors bigint)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'ehds_keep_cell' LANGUAGE C WINDOW VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION ehds.keep_cell(bigint, boolean, integer, text[], ehds.approval, bigint) IS
'Whether the value of this cell may be shown beside the other cells of an approved query with GROUPING SETS, ROLLUP or CUBE: false for hidden cells and for those that are hidden so that these can''t be computed, with ehds.suppression_width, or so that no total less its shown parts is a figure of 1 to k - 1 persons. Written by the gate, OVER () all cells of one release. Arguments: persons in the cell (0 to 2^40), whether it is hidden by itself (NULL: the cell is not shown to anybody and need not be protected, it only tells which cells make which totals), GROUPING() of all keys, the keys as text (at most 31; NULL is a value where the bit of GROUPING is not set), the approval, persons in the cell without whom its figure would be nothing. A NULL elsewhere raises 22004. Errors: ZE004 unless the approval is live; 54000 for more than 100000 cells or 512 grouping sets with their common totals; 22000 for cells that are not one table. Source: Langsrud, PSD 2024 (Gaussian elimination); Kelly, Golden, Assad, Networks 22 (1992).';

CREATE FUNCTION ehds.secondary(size bigint, hidden boolean, "grouping" integer, keys text[], width integer)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'ehds_secondary' LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION ehds.secondary(bigint, boolean, integer, text[], integer) IS
'Whether this cell of a table with totals must be hidden, by itself or so that a hidden one can''t be computed: for whoever may read the cells, OVER () all of them. Arguments, limits and errors: see ehds.keep_cell; width: least width of the interval in which a hidden cell is known to lie (0 to 1000000; 0: it can''t be computed exactly), the same in all rows.';

CREATE FUNCTION ehds.table_measure(value numeric) RETURNS numeric
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
	IF value IS NULL OR value < 0 OR value <> pg_catalog.trunc(value) OR value > 1099511627776 THEN
		RAISE EXCEPTION 'the measure must be a whole number from 0 to 2^40'
			USING ERRCODE = '22023', HINT = 'Give a column with numbers of persons, not null.';
	END IF;
	RETURN value;
END
$function$;
COMMENT ON FUNCTION ehds.table_measure(numeric) IS
'Component of ehds.suppress_table: its argument, if that is a whole number from 0 to 2^40; else (NULL too) raises 22023.';

CREATE FUNCTION ehds.suppress_statement(query text, dimensions text[], measure text, k integer, width integer)
	RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	k_floor integer := current_setting('ehds.k_floor')::integer;
	width_floor integer := current_setting('ehds.suppression_width_floor')::integer;
	threshold integer := COALESCE(k, current_setting('ehds.k')::integer);
	least_width integer := COALESCE(width, GREATEST(width_floor, current_setting('ehds.suppression_width')::integer));
	dimension text;
	name text;
	path text[];
	names text[] := '{}';
	columns text[];
	sets text[] := '{}';
BEGIN
	IF query IS NULL OR dimensions IS NULL OR measure IS NULL OR array_position(dimensions, NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'query, dimensions and measure must not be null' USING ERRCODE = '22004';
	END IF;
	IF threshold < k_floor THEN
		RAISE EXCEPTION 'k must be at least %', k_floor
			USING ERRCODE = '22023', HINT = 'Ask for a larger k; the floor is the setting ehds.k_floor.';
	END IF;
	IF least_width < width_floor THEN
		RAISE EXCEPTION 'width must be at least %', width_floor
			USING ERRCODE = '22023', HINT = 'Ask for a larger width; the floor is the setting ehds.suppression_width_floor.';
	END IF;

	FOREACH dimension IN ARRAY dimensions LOOP
		path := '{}';
		FOREACH name IN ARRAY string_to_array(dimension, '>') LOOP
			name := btrim(name);
			IF name = '' OR name IS NULL THEN
				RAISE EXCEPTION 'a dimension has no name'
					USING ERRCODE = '22023', HINT = 'Write a column, or columns from the coarsest to the finest: region > departement.';
			END IF;
			IF name = ANY (names) THEN
				RAISE EXCEPTION 'dimension % is given twice', name USING ERRCODE = '22023';
			END IF;
			names := names || name;
			path := path || format('q.%I', name);
		END LOOP;
		sets := sets || format('ROLLUP (%s)', array_to_string(path, ', '));
	END LOOP;
	IF cardinality(names) > 31 THEN
		RAISE EXCEPTION 'a table may have at most 31 columns as dimensions' USING ERRCODE = '54000';
	END IF;
	columns := ARRAY(SELECT format('q.%I', n.name)
					 FROM unnest(names) WITH ORDINALITY AS n (name, i) ORDER BY n.i);
	-- a line of its own ends a comment
	query := rtrim(query, E'; \t\r\n') || E'\n';

	-- It runs with the search_path of its caller, so that every operator is named. OFFSET 0:
	-- before 18 the planner confuses grouping sets of two columns that are one expression.
	RETURN format(
		'SELECT s.cell, CASE WHEN s.suppressed THEN NULL ELSE s.size END, s.suppressed'
		' FROM (SELECT c.cell, c.size, c."grouping", c.keys,'
		'   ehds.secondary(c.size, c.size OPERATOR(pg_catalog.>=) %s AND c.size OPERATOR(pg_catalog.<) %s, c."grouping", c.keys, %s) OVER () AS suppressed'
		'  FROM (SELECT %s AS cell, %s AS keys, %s AS "grouping",'
		'    COALESCE(pg_catalog.sum(ehds.table_measure(q.%I::pg_catalog.numeric)), 0)::pg_catalog.int8 AS size'
		'   FROM (SELECT * FROM (%s) AS q OFFSET 0) AS q GROUP BY %s) AS c) AS s'
		' ORDER BY s."grouping" DESC, s.keys',
		CASE WHEN current_setting('ehds.show_zero')::boolean THEN 1 ELSE 0 END,
		threshold,
		least_width,
		COALESCE(NULLIF(array_to_string(ARRAY(
			SELECT format('CASE WHEN GROUPING(q.%1$I) OPERATOR(pg_catalog.=) 0 THEN pg_catalog.jsonb_build_object(%1$L, q.%1$I) ELSE ''{}''::pg_catalog.jsonb END', n.name)
			FROM unnest(names) WITH ORDINALITY AS n (name, i) ORDER BY n.i), ' OPERATOR(pg_catalog.||) '), ''), '''{}''::pg_catalog.jsonb'),
		'ARRAY[' || array_to_string(ARRAY(
			SELECT format('q.%I::pg_catalog.text', n.name)
			FROM unnest(names) WITH ORDINALITY AS n (name, i) ORDER BY n.i), ', ') || ']::pg_catalog.text[]',
		CASE WHEN names = '{}' THEN '0' ELSE 'GROUPING(' || array_to_string(columns, ', ') || ')' END,
		measure,
		query,
		CASE WHEN names = '{}' THEN '()' ELSE array_to_string(sets, ', ') END);
END
$function$;
COMMENT ON FUNCTION ehds.suppress_statement(text, text[], text, integer, integer) IS
'Component of ehds.suppress_table: the statement that it runs; arguments and errors as there.';

-- No fixed search_path: the query finds its tables as its author does. So no operator here.
CREATE FUNCTION ehds.suppress_table(query text, dimensions text[], measure text,
									k integer DEFAULT NULL, width integer DEFAULT NULL)
	RETURNS TABLE (cell jsonb, value bigint, suppressed boolean)
	LANGUAGE plpgsql STABLE SECURITY INVOKER
AS $function$
BEGIN
	RETURN QUERY EXECUTE ehds.suppress_statement(query, dimensions, measure, k, width);
END
$function$;
COMMENT ON FUNCTION ehds.suppress_table(text, text[], text, integer, integer) IS
'A table of numbers of persons with all its totals, in which small cells and whatever would give them away are suppressed: for whoever may read the cells and prepares a publication. Arguments: a query (run as its caller, read only) with one row an innermost cell, rows with equal dimensions are added; its columns that are dimensions, each one column or a hierarchy from the coarsest to the finest (region > departement); its column with the number of persons (whole, 0 to 2^40); k: cells of 1 to k - 1 persons are suppressed (default ehds.k, at least ehds.k_floor), those of 0 too unless ehds.show_zero is on; width: least width of the interval in which a suppressed cell is known to lie (0 to 1000000; default the larger of ehds.suppression_width and its floor; 0: it can''t be computed exactly). Result: cell, an object with the value of each dimension, in which a dimension that is summed over is missing (a null is a value); the value, NULL if suppressed; whether it is suppressed. It does not say which cells were small. Errors: 22004 for NULL, 22023 for k, width or a measure out of range, 54000 for more than 100000 cells or 512 kinds of totals. Source: Hundepool et al., Statistical Disclosure Control (2012), 4.4; Langsrud, PSD 2024.';
