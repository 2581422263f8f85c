-- cellkey: counts of persons with permanent noise (the cell-key method)

CREATE FUNCTION ehds.cell_key_milli(max integer, variance numeric, no_small integer) RETURNS integer
    LANGUAGE plpgsql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF $1 IS NULL AND ($2 IS NOT NULL OR $3 IS NOT NULL) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'cell_key_variance and cell_key_no_small need a cell_key_max',
            HINT = 'Usual is cell_key_max => 5: counts of persons are changed by at most 5.';
    ELSIF $1 IS NULL THEN
        RETURN NULL;
    ELSIF $1 NOT BETWEEN 1 AND 20 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('cell_key_max is %s, not between 1 and 20', $1),
            HINT = 'Usual is 5.';
    ELSIF $3 IS NULL OR $3 < 0 OR $3 >= $1 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('cell_key_no_small is %s, not between 0 and %s', coalesce($3::text, 'NULL'), $1 - 1),
            DETAIL = 'A count just above the ones that never occur must have smaller and larger ones within cell_key_max.',
            HINT = 'Usual is 2: no 1 and no 2. 0 excludes nothing.';
    ELSIF $2 IS NULL OR $2 IN ('NaN', 'Infinity', '-Infinity') OR $2 < 0.1 OR $2 > trunc($1 * ($1 + 1) / 3.0, 3) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('cell_key_variance is %s, not between 0.1 and %s', coalesce($2::text, 'NULL'), trim_scale(trunc($1 * ($1 + 1) / 3.0, 3))),
            DETAIL = format('The greatest is the variance of noise that is uniform from -%1$s to %1$s (cell_key_max).', $1),
            HINT = 'Usual is 2 with a cell_key_max of 5.';
    ELSIF scale(trim_scale($2)) > 3 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('cell_key_variance has more than 3 decimal places: %s', $2);
    END IF;
    RETURN $2 * 1000;
END
$$;
COMMENT ON FUNCTION ehds.cell_key_milli(integer, numeric, integer) IS
    'internal: a variance in thousandths, if a perturbation table with it exists; raises 22023 with what is possible; NULL if max is NULL';
REVOKE ALL ON FUNCTION ehds.cell_key_milli(integer, numeric, integer) FROM PUBLIC;

CREATE FUNCTION ehds.cell_key_row(n integer, max integer, variance_milli integer, no_small integer) RETURNS bigint[]
    AS 'MODULE_PATHNAME', 'ehds_cell_key_row' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ehds.cell_key_row(integer, integer, integer, integer) IS
    'internal: probabilities of the noises -max .. max of a true count n, in units of 2^-32; raises 22023';
REVOKE ALL ON FUNCTION ehds.cell_key_row(integer, integer, integer, integer) FROM PUBLIC;

-- The table is no secret: who knows it can compute how sure he may be. The keys are.
CREATE FUNCTION ehds.cell_key_table(max integer DEFAULT 5, variance numeric DEFAULT 2, no_small integer DEFAULT 2)
    RETURNS TABLE (n integer, noise integer, units bigint, probability double precision)
    LANGUAGE sql IMMUTABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.n, (u.ord - 1 - m.max)::integer, u.units, u.units / 4294967296.0::double precision
      FROM (SELECT $1 AS max, $3 AS no_small, ehds.cell_key_milli($1, $2, $3) AS milli) m,
           -- the parameters are checked first
           LATERAL generate_series(0, CASE WHEN m.milli > 0 THEN m.max + m.no_small + 1 END) AS r(n),
           LATERAL unnest(ehds.cell_key_row(r.n, m.max, m.milli, m.no_small)) WITH ORDINALITY AS u(units, ord)
     WHERE u.units > 0
     ORDER BY 1, 2
$$;
COMMENT ON FUNCTION ehds.cell_key_table(integer, numeric, integer) IS
    'the perturbation table of the cell-key method: for each true count n of persons the noises that it may get and their probabilities, exactly (units of 2^-32) and rounded. The last n stands for all greater ones. max: greatest noise, 1 to 20; variance: 0.1 to max (max + 1) / 3, at most 3 decimals; no_small: counts 1 to no_small never come out, 0 to max - 1. Mean 0, the variance or the nearest that is possible for n, greatest entropy. Raises 22023 with what is possible. Source: Fraser, Wooton 2005; Giessing 2016';

-- What the gate puts in the place of counts. PUBLIC may call them, but only a plan of
-- the gate carries an approval.
CREATE FUNCTION ehds.cell_key_count(subjects ehds.k_state, k integer, max integer, variance_milli integer,
                                    no_small integer, population text, approval ehds.approval) RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_cell_key_count' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
CREATE FUNCTION ehds.cell_key_met(subjects ehds.k_state, k integer, max integer, variance_milli integer,
                                  no_small integer, population text, approval ehds.approval) RETURNS boolean
    AS 'MODULE_PATHNAME', 'ehds_cell_key_met' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
CREATE FUNCTION ehds.cell_key_show(subjects ehds.k_state, k integer, max integer, variance_milli integer,
                                   no_small integer, population text, approval ehds.approval) RETURNS boolean
    AS 'MODULE_PATHNAME', 'ehds_cell_key_show' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION ehds.cell_key_count(ehds.k_state, integer, integer, integer, integer, text, ehds.approval) IS
    'number of persons of a cell with its permanent noise, for the gate: the same subjects of a population have the same noise in every query. NULL (-k under ehds.suppressed = negative) if the cell holds fewer than k or its noisy count is below k. subjects: of ehds.k_subjects, NULL: nobody; max, variance_milli (in thousandths), no_small: see ehds.cell_key_table. Raises ZE004 unless the approval is live, ZE006 without the key. Source: Fraser, Wooton 2005';
COMMENT ON FUNCTION ehds.cell_key_met(ehds.k_state, integer, integer, integer, integer, text, ehds.approval) IS
    'whether somebody is in a cell and ehds.cell_key_count shows it, for the gate; arguments and errors as there';
COMMENT ON FUNCTION ehds.cell_key_show(ehds.k_state, integer, integer, integer, integer, text, ehds.approval) IS
    'whether ehds.cell_key_count shows a cell (an empty one while ehds.show_zero is on), for the gate; arguments and errors as there';
