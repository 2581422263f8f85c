-- k-anonymity statistics: type ehds.k_state and the aggregates on it, for each type of
-- subject and value, with and without a k.

CREATE TYPE ehds.k_state;

CREATE FUNCTION ehds.k_state_in(cstring) RETURNS ehds.k_state
	AS 'MODULE_PATHNAME', 'ehds_k_state_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION ehds.k_state_out(ehds.k_state) RETURNS cstring
	AS 'MODULE_PATHNAME', 'ehds_k_state_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION ehds.k_state_recv(internal) RETURNS ehds.k_state
	AS 'MODULE_PATHNAME', 'ehds_k_state_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION ehds.k_state_send(ehds.k_state) RETURNS bytea
	AS 'MODULE_PATHNAME', 'ehds_k_state_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE ehds.k_state (
	INPUT = ehds.k_state_in,
	OUTPUT = ehds.k_state_out,
	RECEIVE = ehds.k_state_recv,
	SEND = ehds.k_state_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = int4,
	STORAGE = extended
);
REVOKE ALL ON TYPE ehds.k_state FROM PUBLIC;

COMMENT ON TYPE ehds.k_state IS
'Transition state of the k aggregates. It holds exact data on subjects: nobody but the aggregates may read one. Input is checked field by field; what is not a valid state raises 22P03.';

CREATE FUNCTION ehds.k_combine(ehds.k_state, ehds.k_state) RETURNS ehds.k_state
	AS 'MODULE_PATHNAME', 'ehds_k_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
REVOKE ALL ON FUNCTION
	ehds.k_state_in(cstring), ehds.k_state_out(ehds.k_state),
	ehds.k_state_recv(internal), ehds.k_state_send(ehds.k_state),
	ehds.k_combine(ehds.k_state, ehds.k_state)
	FROM PUBLIC;

DO $do$
DECLARE
	final record;
BEGIN
	FOR final IN
		SELECT * FROM (VALUES
			('k_met_final', 'boolean'), ('k_count_final', 'bigint'), ('k_rows_final', 'bigint'), ('k_subset_met_final', 'boolean'),
			('k_sum_bigint_final', 'bigint'), ('k_sum_numeric_final', 'numeric'), ('k_sum_float8_final', 'double precision'),
			('k_avg_numeric_final', 'numeric'), ('k_avg_float8_final', 'double precision'),
			('k_variance_numeric_final', 'numeric'), ('k_variance_float8_final', 'double precision'),
			('k_stddev_numeric_final', 'numeric'), ('k_stddev_float8_final', 'double precision'),
			('k_variance_pop_numeric_final', 'numeric'), ('k_variance_pop_float8_final', 'double precision'),
			('k_stddev_pop_numeric_final', 'numeric'), ('k_stddev_pop_float8_final', 'double precision'),
			('k_extreme_integer_final', 'integer'), ('k_extreme_bigint_final', 'bigint'),
			('k_extreme_float8_final', 'double precision'), ('k_extreme_numeric_final', 'numeric'),
			('k_percentile_final', 'double precision')) AS v(name, result)
	LOOP
		EXECUTE pg_catalog.format(
			'CREATE FUNCTION ehds.%I(ehds.k_state) RETURNS %s AS ''MODULE_PATHNAME'', %L LANGUAGE C STABLE PARALLEL SAFE',
			final.name, final.result, 'ehds_' || final.name);
		EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION ehds.%I(ehds.k_state) FROM PUBLIC', final.name);
	END LOOP;
END
$do$;

-- Aggregates take no default arguments, so that each combination is a function of its own.
-- transition: of which aggregate it is the transition function, too; final: %s stands for the
-- type of the result; more: arguments between subject or value and k.
DO $do$
DECLARE
	aggregate record;
	subject text;
	value text;
	has_k boolean;
	transition text;
	arguments text;
	summable constant text := 'NULL too if a value is NaN or infinite or the sum overflows. ';
	as_sum constant text := 'NULL where it would show a sum that is refused: fewer than k distinct subjects have a total other than zero, '
		'the n largest absolute totals hold more than a share of all (ehds.dominance_n, ehds.dominance_share), it fails the p % rule (ehds.p_percent), '
		'most subjects have one total and 1 to k - 1 another one, only two totals or only two values (of a variance or a standard deviation, three) occur and fewer than k subjects have one of them, or all rows have one value while ehds.refuse_unanimity is on. ';
	sdc constant text := 'Hundepool et al., Statistical Disclosure Control (2012), ';
	with_value boolean;
	result text;
	short text; -- of the value, as C functions are named
BEGIN
	FOR aggregate IN
		SELECT * FROM (VALUES
			('k_met', 'k_met', 'k_met_final', false, '', 192,
			 'Whether the group holds at least k distinct subjects; never NULL, false for no rows. ',
			 sdc || '5.2 (minimum frequency rule)'),
			('k_count', 'k_count', 'k_count_final', false, '', 512,
			 'The number of distinct subjects in the group, rounded to ehds.round_to, or NULL if it is less than k (-k if ehds.suppressed is negative; 0 is shown as 0 if ehds.show_zero is on). ',
			 sdc || '5.2 (minimum frequency rule)'),
			('k_rows', 'k_rows', 'k_rows_final', false, '', 1024,
			 'The number of rows with a subject in the group, rounded to ehds.round_to (0 is shown as 0 if ehds.show_zero is on), or NULL if they belong to fewer than k distinct subjects (-k if ehds.suppressed is negative), if it is dominated as a sum of 1 for each row (see k_sum), or if beside k_count it would show a small count inside a big cell: '
			 'the subjects with more than the smallest number of rows are 1 to k - 1, or those with another number than most subjects have, or only two numbers of rows occur and the subjects with the smaller one are fewer than k. ',
			 sdc || '4.2.2 and 5.2'),
			('k_subset_met', 'k_subset_met', 'k_subset_met_final', false, 'boolean', 1024,
			 'Whether a condition parts the group into subjects of whom no few are told apart: the subjects with a row in which it is true, those with a row in which it is not, and those without a row in which it is true are each 0 or at least k. Never NULL, true for no rows. Counts and sums with FILTER are safe beside those without if it is true. ',
			 sdc || '5.2 (small counts inside big cells)'),
			('k_sum', 'k_sum', 'k_sum_%s_final', true, '', 1024,
			 'The sum of the values in the group, typed and rounded like the native sum. ' || as_sum, sdc || '4.2.2'),
			('k_avg', 'k_avg', 'k_avg_%s_final', true, '', 1024,
			 'The average of the values of all rows in the group, typed and rounded like the native avg. ' || as_sum, sdc || '4.2.2 and 5.2'),
			('k_variance', 'k_variance', 'k_variance_%s_final', true, '', 1024,
			 'The variance of the values of all rows in the group, as of a sample, typed and rounded like the native variance. NULL for a single row. ' || as_sum, sdc || '4.2.2 and 5.2'),
			('k_stddev', 'k_variance', 'k_stddev_%s_final', true, '', 1024,
			 'The standard deviation of the values of all rows in the group, as of a sample, typed and rounded like the native stddev. NULL for a single row. ' || as_sum, sdc || '4.2.2 and 5.2'),
			('k_variance_pop', 'k_variance', 'k_variance_pop_%s_final', true, '', 1024,
			 'The variance of the values of all rows in the group, as of a whole population, typed and rounded like the native var_pop. ' || as_sum, sdc || '4.2.2 and 5.2'),
			('k_stddev_pop', 'k_variance', 'k_stddev_pop_%s_final', true, '', 1024,
			 'The standard deviation of the values of all rows in the group, as of a whole population, typed and rounded like the native stddev_pop. ' || as_sum, sdc || '4.2.2 and 5.2'),
			('k_min', 'k_min', 'k_extreme_%s_final', true, '', 1024,
			 'The smallest value at or below which at least k distinct subjects have a value; not the smallest value, which is one subject''s. NULL with fewer than 2 k - 1 subjects, or if all rows have one value while ehds.refuse_unanimity is on. ', sdc || '4.2.2'),
			('k_max', 'k_max', 'k_extreme_%s_final', true, '', 1024,
			 'The largest value at or above which at least k distinct subjects have a value; not the largest value, which is one subject''s. NULL with fewer than 2 k - 1 subjects, or if all rows have one value while ehds.refuse_unanimity is on. ', sdc || '4.2.2'),
			('k_percentile', 'k_percentile', 'k_percentile_final', true, 'double precision', 2048,
			 'The value below which the fraction of the rows lies, interpolated like percentile_cont. NULL unless the rows up to it are of at least k distinct subjects and those from it on as well (in the order of values and, where they are equal, of subjects), or if all rows have one value while ehds.refuse_unanimity is on. ', sdc || '4.2.2'),
			('k_median', 'k_median', 'k_percentile_final', true, '', 2048,
			 'The median of the values of all rows in the group, like percentile_cont(0.5). NULL unless the rows up to it are of at least k distinct subjects and those from it on as well (in the order of values and, where they are equal, of subjects), or if all rows have one value while ehds.refuse_unanimity is on. ', sdc || '4.2.2')
			) AS v(name, transition, final, with_value, more, space, meaning, source)
	LOOP
		FOREACH subject IN ARRAY '{integer,bigint,uuid,text}'::pg_catalog.text[] LOOP
			FOREACH value IN ARRAY CASE WHEN aggregate.with_value THEN '{integer,bigint,double precision,numeric}' ELSE '{""}' END::pg_catalog.text[] LOOP
				short := CASE value WHEN 'double precision' THEN 'float8' ELSE value END;
				result := CASE
					WHEN short = 'float8' THEN 'float8'
					WHEN aggregate.name IN ('k_min', 'k_max') THEN short
					WHEN aggregate.name = 'k_sum' AND short = 'integer' THEN 'bigint'
					ELSE 'numeric' END;
				FOREACH has_k IN ARRAY '{false,true}'::pg_catalog.bool[] LOOP
					arguments := pg_catalog.concat_ws(', ', subject, nullif(value, ''), nullif(aggregate.more, ''), CASE WHEN has_k THEN 'integer' END);
					transition := pg_catalog.format('ehds.%I', aggregate.transition || '_transition');
					IF aggregate.transition = aggregate.name THEN
						EXECUTE pg_catalog.format(
							'CREATE FUNCTION %s(ehds.k_state, %s) RETURNS ehds.k_state AS ''MODULE_PATHNAME'', %L LANGUAGE C STABLE PARALLEL SAFE',
							transition, arguments, pg_catalog.concat_ws('_', 'ehds', aggregate.name, nullif(short, ''), subject));
						EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s(ehds.k_state, %s) FROM PUBLIC', transition, arguments);
					END IF;
					EXECUTE pg_catalog.format(
						'CREATE AGGREGATE ehds.%I(%s) (SFUNC = %s, STYPE = ehds.k_state, SSPACE = %s,'
						' FINALFUNC = ehds.%I, COMBINEFUNC = ehds.k_combine, PARALLEL = SAFE)',
						aggregate.name, arguments, transition, aggregate.space, pg_catalog.format(aggregate.final, result));
					EXECUTE pg_catalog.format(
						'COMMENT ON AGGREGATE ehds.%I(%s) IS %L', aggregate.name, arguments,
						aggregate.meaning
						|| CASE WHEN aggregate.meaning LIKE '%' || as_sum THEN
							CASE value
								WHEN 'integer' THEN 'Summed exactly; NULL too if a sum is beyond bigint. '
								WHEN 'bigint' THEN 'Summed exactly. '
								WHEN 'numeric' THEN summable
								ELSE summable || 'Summed in twice the precision and rounded once, so that the order of rows and parallel workers do not change it. ' END
							ELSE '' END
						|| 'Arguments: subject (' || subject || CASE subject WHEN 'text' THEN ', told apart byte by byte' ELSE '' END || ')'
						|| CASE WHEN value <> '' THEN ', value (' || value || ')' ELSE '' END
						|| CASE aggregate.more WHEN 'boolean' THEN ', condition (NULL is not true)' WHEN '' THEN '' ELSE ', fraction (0 to 1, constant in the group)' END
						|| CASE WHEN has_k THEN ', k (from ehds.k_floor to 1000000, constant in the group).' ELSE '; k is the setting ehds.k.' END
						|| ' Rows whose subject' || CASE WHEN value <> '' THEN ' or value' ELSE '' END || ' is NULL are ignored.'
						|| ' Errors: 22023 if k is ' || CASE WHEN has_k THEN 'NULL, changes, or is ' ELSE '' END || 'below the floor or above 1000000'
						|| CASE WHEN aggregate.more = 'double precision' THEN ', or if fraction changes; 22003 if fraction is not between 0 and 1, 22004 if it is NULL' ELSE '' END
						|| CASE subject WHEN 'text' THEN '; 0A000 for a nondeterministic collation' ELSE '' END || '.'
						|| ' Source: ' || aggregate.source || '.');

					-- the gate's: which cells to leave out and who is in a cell, for what it writes into a release
					IF aggregate.name = 'k_met' AND has_k THEN
						EXECUTE pg_catalog.format(
							'CREATE AGGREGATE ehds.k_cell(%s) (SFUNC = %s, STYPE = ehds.k_state, SSPACE = %s,'
							' COMBINEFUNC = ehds.k_combine, PARALLEL = SAFE)',
							arguments, transition, aggregate.space);
						EXECUTE pg_catalog.format(
							'COMMENT ON AGGREGATE ehds.k_cell(%s) IS %L', arguments,
							'The subjects of the group, fewer than k of them, or the mere fact that there are k: for ehds.show_cell, in queries that the gate has rewritten. NULL for no rows.'
							' Arguments: subject (' || subject || '), k (from ehds.k_floor to 1000000, constant in the group). Rows whose subject is NULL are ignored.'
							' Errors: as k_met. Source: internal.');
					ELSIF aggregate.name = 'k_count' AND has_k THEN
						EXECUTE pg_catalog.format(
							'CREATE AGGREGATE ehds.k_subjects(%s) (SFUNC = %s, STYPE = ehds.k_state, SSPACE = %s,'
							' COMBINEFUNC = ehds.k_combine, PARALLEL = SAFE)',
							arguments, transition, aggregate.space);
						EXECUTE pg_catalog.format(
							'COMMENT ON AGGREGATE ehds.k_subjects(%s) IS %L', arguments,
							'The distinct subjects of the group, for functions that the gate writes into a release. NULL for no rows.'
							' Arguments: subject (' || subject || '), k (from ehds.k_floor to 1000000, constant in the group). Rows whose subject is NULL are ignored.'
							' Errors: as k_count. Source: internal.');
					END IF;
				END LOOP;
			END LOOP;
		END LOOP;
	END LOOP;
END
$do$;

CREATE FUNCTION ehds.show_cell(cell ehds.k_state, approval ehds.approval) RETURNS boolean
	AS 'MODULE_PATHNAME', 'ehds_show_cell' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION ehds.show_cell(ehds.k_state, ehds.approval) IS
'Whether a cell of an approved query may be shown, that is, holds at least k subjects (or none while ehds.show_zero is on); counts it for the notice on hidden cells. Written by the gate. Arguments: the result of ehds.k_cell (NULL: nobody), the approval. Errors: ZE004 unless the approval is live. Source: internal.';

-- the gate's: the exact number of persons, by which it chooses what else to hide
CREATE FUNCTION ehds.k_size_final(ehds.k_state) RETURNS bigint
	AS 'MODULE_PATHNAME', 'ehds_k_size_final' LANGUAGE C STABLE PARALLEL SAFE;
REVOKE ALL ON FUNCTION ehds.k_size_final(ehds.k_state) FROM PUBLIC;
DO $do$
DECLARE
	subject text;
BEGIN
	FOREACH subject IN ARRAY '{integer,bigint,uuid,text}'::pg_catalog.text[] LOOP
		EXECUTE pg_catalog.format(
			'CREATE AGGREGATE ehds.k_size(%s, integer) (SFUNC = ehds.k_count_transition, STYPE = ehds.k_state, SSPACE = 512,'
			' FINALFUNC = ehds.k_size_final, COMBINEFUNC = ehds.k_combine, PARALLEL = SAFE)', subject);
		EXECUTE pg_catalog.format(
			'COMMENT ON AGGREGATE ehds.k_size(%s, integer) IS %L', subject,
			'The number of distinct subjects in the group, whatever it is: inside a release, in queries that the gate has rewritten; refused in a query under a permit. 0 for no rows.'
			' Arguments: subject (' || subject || '), k (from ehds.k_floor to 1000000, constant in the group). Rows whose subject is NULL are ignored.'
			' Errors: as k_count. Source: internal.');
	END LOOP;
END
$do$;

CREATE FUNCTION ehds.stands_apart(cell ehds.k_state, size bigint, approval ehds.approval) RETURNS boolean
	AS 'MODULE_PATHNAME', 'ehds_stands_apart' LANGUAGE C VOLATILE WINDOW PARALLEL RESTRICTED;
COMMENT ON FUNCTION ehds.stands_apart(ehds.k_state, bigint, ehds.approval) IS
'Window function over all cells of an approved query: true for one that has a row of its own, false for one that is folded into the row of others, NULL if there is no such row. Cells with fewer than k subjects are folded; if that is one cell, or all of them together hold fewer than k subjects, the smallest other cell is folded too. Counts cells for the notice on hidden ones. Written by the gate. Arguments: the result of ehds.k_cell (NULL: nobody), the number of subjects, the approval. Errors: ZE004 unless the approval is live. Source: internal.';

-- the gate's: which FILTER conditions may be told apart in a cell
CREATE FUNCTION ehds.k_filters_final(internal) RETURNS bigint
	AS 'MODULE_PATHNAME', 'ehds_k_filters_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
REVOKE ALL ON FUNCTION ehds.k_filters_final(internal) FROM PUBLIC;
DO $do$
DECLARE
	subject text;
BEGIN
	FOREACH subject IN ARRAY '{integer,bigint,uuid,text}'::pg_catalog.text[] LOOP
		EXECUTE pg_catalog.format(
			'CREATE FUNCTION ehds.k_filters_transition(internal, %s, bigint, integer) RETURNS internal'
			' AS ''MODULE_PATHNAME'', %L LANGUAGE C STABLE PARALLEL SAFE',
			subject, 'ehds_k_filters_' || subject);
		EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION ehds.k_filters_transition(internal, %s, bigint, integer) FROM PUBLIC', subject);
		EXECUTE pg_catalog.format(
			'CREATE AGGREGATE ehds.k_filters(%s, bigint, integer) (SFUNC = ehds.k_filters_transition, STYPE = internal,'
			' SSPACE = 1024, FINALFUNC = ehds.k_filters_final, PARALLEL = SAFE)', subject);
		EXECUTE pg_catalog.format(
			'COMMENT ON AGGREGATE ehds.k_filters(%s, bigint, integer) IS %L', subject,
			'Which conditions may be told apart in the group, as a mask: taken in their order, those of which each combination that rows fulfil exactly, and each combination that persons fulfil by some row, is fulfilled by no subject or by at least k. In queries that the gate has rewritten. NULL for no rows.'
			' Arguments: subject (' || subject || '), mask of the conditions that the row fulfils (bits 0 to 62), k (from ehds.k_floor to 1000000, constant in the group). Rows whose subject is NULL are ignored.'
			' Errors: 22023 if k is NULL, below the floor or above 1000000. Source: internal; small counts inside big cells, Hundepool et al., Statistical Disclosure Control (2012), 5.2.');
	END LOOP;
END
$do$;

-- correlation, covariance and regression, of sums that are protected already
CREATE FUNCTION ehds.pair_product(one numeric, other numeric) RETURNS numeric
	AS 'MODULE_PATHNAME', 'ehds_pair_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ehds.pair_product(numeric, numeric) IS
'The product of two numbers, NaN where it is beyond the range of numeric: for the sums of ehds.pair_figure. Written by the gate. NULL if an argument is NULL. Errors: none. Source: internal.';
CREATE FUNCTION ehds.pair_figure(which integer, rows bigint, sum_y numeric, sum_x numeric, sum_yy numeric, sum_xx numeric, sum_xy numeric) RETURNS double precision
	AS 'MODULE_PATHNAME', 'ehds_pair_figure' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ehds.pair_figure(integer, bigint, numeric, numeric, numeric, numeric, numeric) IS
'corr, covar_pop, covar_samp, regr_avgx, regr_avgy, regr_sxx, regr_syy, regr_sxy, regr_slope, regr_intercept, regr_r2 (which: 0 to 10) from the number of pairs and the sums over them. Written by the gate, of sums of k_sum. NULL if an argument is NULL, where the native aggregate is NULL, and if the figure is beyond double precision. Errors: none. Source: PostgreSQL, Aggregate Functions for Statistics.';
