-- k-anonymity statistics: type ehds.k_state and the aggregates k_met, k_count,
-- k_rows, k_sum, k_cell, for each type of subject, with and without a k.

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
CREATE FUNCTION ehds.k_met_final(ehds.k_state) RETURNS boolean
	AS 'MODULE_PATHNAME', 'ehds_k_met_final' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION ehds.k_count_final(ehds.k_state) RETURNS bigint
	AS 'MODULE_PATHNAME', 'ehds_k_count_final' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION ehds.k_rows_final(ehds.k_state) RETURNS bigint
	AS 'MODULE_PATHNAME', 'ehds_k_rows_final' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION ehds.k_sum_bigint_final(ehds.k_state) RETURNS bigint
	AS 'MODULE_PATHNAME', 'ehds_k_sum_bigint_final' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION ehds.k_sum_numeric_final(ehds.k_state) RETURNS numeric
	AS 'MODULE_PATHNAME', 'ehds_k_sum_numeric_final' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION ehds.k_sum_float8_final(ehds.k_state) RETURNS double precision
	AS 'MODULE_PATHNAME', 'ehds_k_sum_float8_final' LANGUAGE C STABLE PARALLEL SAFE;

REVOKE ALL ON FUNCTION
	ehds.k_state_in(cstring), ehds.k_state_out(ehds.k_state),
	ehds.k_state_recv(internal), ehds.k_state_send(ehds.k_state),
	ehds.k_combine(ehds.k_state, ehds.k_state),
	ehds.k_met_final(ehds.k_state), ehds.k_count_final(ehds.k_state),
	ehds.k_rows_final(ehds.k_state), ehds.k_sum_bigint_final(ehds.k_state),
	ehds.k_sum_numeric_final(ehds.k_state), ehds.k_sum_float8_final(ehds.k_state)
	FROM PUBLIC;

-- Aggregates take no default arguments, so that each combination is a function of its own.
DO $do$
DECLARE
	subject text;
	value text;
	has_k boolean;
	kind text;
	transition text;
	final text;
	arguments text;
	meaning text;
	space integer;
BEGIN
	FOREACH subject IN ARRAY '{integer,bigint,uuid,text}'::pg_catalog.text[] LOOP
		FOREACH has_k IN ARRAY '{false,true}'::pg_catalog.bool[] LOOP
			FOREACH kind IN ARRAY '{k_met,k_count,k_rows,k_sum/integer,k_sum/bigint,k_sum/double precision,k_sum/numeric}'::pg_catalog.text[] LOOP
				value := pg_catalog.split_part(kind, '/', 2);
				kind := pg_catalog.split_part(kind, '/', 1);
				arguments := subject
					|| CASE WHEN value <> '' THEN ', ' || value ELSE '' END
					|| CASE WHEN has_k THEN ', integer' ELSE '' END;

				transition := pg_catalog.format('ehds.%I', kind || '_transition');
				EXECUTE pg_catalog.format(
					'CREATE FUNCTION %s(ehds.k_state, %s) RETURNS ehds.k_state'
					' AS ''MODULE_PATHNAME'', %L LANGUAGE C STABLE PARALLEL SAFE',
					transition, arguments,
					'ehds_' || kind || '_' || subject || CASE value WHEN '' THEN '' WHEN 'double precision' THEN '_float8' ELSE '_' || value END);
				EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s(ehds.k_state, %s) FROM PUBLIC',
										  transition, arguments);

				final := CASE WHEN kind <> 'k_sum' THEN kind || '_final'
							WHEN value = 'integer' THEN 'k_sum_bigint_final'
							WHEN value = 'double precision' THEN 'k_sum_float8_final'
							ELSE 'k_sum_numeric_final' END;
				space := CASE kind WHEN 'k_met' THEN 192 WHEN 'k_count' THEN 512 ELSE 1024 END;
				EXECUTE pg_catalog.format(
					'CREATE AGGREGATE ehds.%I(%s) (SFUNC = %s, STYPE = ehds.k_state, SSPACE = %s,'
					' FINALFUNC = ehds.%I, COMBINEFUNC = ehds.k_combine, PARALLEL = SAFE)',
					kind, arguments, transition, space, final);

				meaning := CASE kind
					WHEN 'k_met' THEN 'Whether the group holds at least k distinct subjects; never NULL, false for no rows.'
					WHEN 'k_count' THEN 'The number of distinct subjects in the group, or NULL if it is less than k (0 is shown as 0 if ehds.show_zero is on).'
					WHEN 'k_rows' THEN 'The number of rows with a subject in the group (0 is shown as 0 if ehds.show_zero is on), or NULL if they belong to fewer than k distinct subjects, if it is dominated as a sum of 1 for each row (see k_sum), or if beside k_count it would show a small count inside a big cell:'
						|| ' the subjects with more than the smallest number of rows are 1 to k - 1, or only two numbers of rows occur and the subjects with the smaller one are fewer than k.'
					ELSE 'The sum of the values in the group, typed and rounded like sum(' || value || '), or NULL if fewer than k distinct subjects have a total other than zero, if the n largest absolute totals hold more than a share of all (ehds.dominance_n, ehds.dominance_share), if it fails the p % rule (ehds.p_percent), or if only two totals occur and fewer than k subjects have one of them.'
						|| CASE value
							WHEN 'double precision' THEN ' NULL too if a value is NaN or infinite or the sum overflows. Summed in twice the precision and rounded once, so that the order of rows and parallel workers do not change it.'
							WHEN 'numeric' THEN ' NULL too if a value is NaN or infinite or the sum overflows.'
							WHEN 'integer' THEN ' Summed exactly; NULL too if the sum is beyond bigint.'
							ELSE ' Summed exactly.' END
					END;
				EXECUTE pg_catalog.format(
					'COMMENT ON AGGREGATE ehds.%I(%s) IS %L', kind, arguments,
					meaning
					|| ' Arguments: subject (' || subject || CASE subject WHEN 'text' THEN ', told apart byte by byte' ELSE '' END || ')'
					|| CASE WHEN value <> '' THEN ', value (' || value || ')' ELSE '' END
					|| CASE WHEN has_k THEN ', k (from ehds.k_floor to 1000000, constant in the group).' ELSE '; k is the setting ehds.k.' END
					|| CASE WHEN value <> '' THEN ' Rows whose subject or value is NULL are ignored.' ELSE ' Rows whose subject is NULL are ignored.' END
					|| ' Errors: 22023 if k is ' || CASE WHEN has_k THEN 'NULL, changes, or is ' ELSE '' END || 'below the floor or above 1000000'
					|| CASE subject WHEN 'text' THEN '; 0A000 for a nondeterministic collation' ELSE '' END || '.'
					|| CASE kind WHEN 'k_sum' THEN ' Source: Hundepool et al., Statistical Disclosure Control (2012), 4.2.2.'
						WHEN 'k_rows' THEN ' Source: Hundepool et al., Statistical Disclosure Control (2012), 4.2.2 and 5.2.'
						ELSE ' Source: minimum frequency rule, Hundepool et al., Statistical Disclosure Control (2012), 5.2.' END);

				-- the gate's: which cells to leave out, and how many persons they hold together
				IF kind = 'k_met' AND has_k THEN
					EXECUTE pg_catalog.format(
						'CREATE AGGREGATE ehds.k_cell(%s) (SFUNC = %s, STYPE = ehds.k_state, SSPACE = %s,'
						' COMBINEFUNC = ehds.k_combine, PARALLEL = SAFE)',
						arguments, transition, space);
					EXECUTE pg_catalog.format(
						'COMMENT ON AGGREGATE ehds.k_cell(%s) IS %L', arguments,
						'The subjects of the group, fewer than k of them, or the mere fact that there are k: for ehds.show_cell, in queries that the gate has rewritten. NULL for no rows.'
						' Arguments: subject (' || subject || '), k (from ehds.k_floor to 1000000, constant in the group). Rows whose subject is NULL are ignored.'
						' Errors: as k_met. Source: internal.');
				END IF;
				-- the gate's: who is in a cell, for what needs the exact number inside a release
				IF kind = 'k_count' AND has_k THEN
					EXECUTE pg_catalog.format(
						'CREATE AGGREGATE ehds.k_subjects(%s) (SFUNC = %s, STYPE = ehds.k_state, SSPACE = %s,'
						' COMBINEFUNC = ehds.k_combine, PARALLEL = SAFE)',
						arguments, transition, space);
					EXECUTE pg_catalog.format(
						'COMMENT ON AGGREGATE ehds.k_subjects(%s) IS %L', arguments,
						'The distinct subjects of the group, for functions that the gate writes into a release. NULL for no rows.'
						' Arguments: subject (' || subject || '), k (from ehds.k_floor to 1000000, constant in the group). Rows whose subject is NULL are ignored.'
						' Errors: as k_count. Source: internal.');
				END IF;
			END LOOP;
		END LOOP;
	END LOOP;
END
$do$;

CREATE FUNCTION ehds.show_cell(cell ehds.k_state, approval ehds.approval) RETURNS boolean
	AS 'MODULE_PATHNAME', 'ehds_show_cell' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION ehds.show_cell(ehds.k_state, ehds.approval) IS
'Whether a cell of an approved query may be shown, that is, holds at least k subjects (or none while ehds.show_zero is on); counts it for the notice on hidden cells. Written by the gate. Arguments: the result of ehds.k_cell (NULL: nobody), the approval. Errors: ZE004 unless the approval is live. Source: internal.';
