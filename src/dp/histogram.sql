-- dp: the word for private histograms, and what the gate puts in its place

CREATE FUNCTION ehds.dp_word_refuse_bigints(bigint) RETURNS bigint[]
    AS 'MODULE_PATHNAME', 'ehds_dp_word_refuse' LANGUAGE C PARALLEL RESTRICTED;
REVOKE ALL ON FUNCTION ehds.dp_word_refuse_bigints(bigint) FROM PUBLIC;

DO $do$
DECLARE
    form record;
    most text;
    arguments text;
BEGIN
    FOR form IN SELECT * FROM (VALUES
        ('anycompatible, anycompatiblearray',
         'thresholds (constants in increasing order, 1 to 9999): one bin more than thresholds; the first is for values below all of them, bin n + 1 for values at or above threshold n and below the next, as in width_bucket'),
        ('anycompatible, anycompatible, anycompatible, integer',
         'low and high (constants), number of bins (2 to 10000, constant): bins of equal width from low to high, each with its lower bound; values below low are in the first, values from high on in the last'),
        ('"any", integer',
         'number of bins (2 to 10000, constant): bins of equal width in the range of the column''s label; values outside are in the first or last')
        ) f(arguments, what) LOOP
        FOREACH most IN ARRAY ARRAY['', ', integer'] LOOP
            arguments := pg_catalog.concat('"any", ', form.arguments, most);
            IF NOT EXISTS (SELECT FROM pg_catalog.pg_proc WHERE oid OPERATOR(pg_catalog.=) pg_catalog.to_regprocedure(pg_catalog.format('ehds.dp_word_refuse(bigint, %s)', arguments))) THEN
                EXECUTE pg_catalog.format('CREATE FUNCTION ehds.dp_word_refuse(bigint, %s) RETURNS bigint '
                    'AS ''MODULE_PATHNAME'', ''ehds_dp_word_refuse'' LANGUAGE C PARALLEL RESTRICTED', arguments);
                EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION ehds.dp_word_refuse(bigint, %s) FROM PUBLIC', arguments);
            END IF;
            EXECUTE pg_catalog.format('CREATE AGGREGATE ehds.dp_histogram(%s) (SFUNC = ehds.dp_word_refuse, STYPE = bigint, FINALFUNC = ehds.dp_word_refuse_bigints, PARALLEL = RESTRICTED)', arguments);
            EXECUTE pg_catalog.format('COMMENT ON AGGREGATE ehds.dp_histogram(%s) IS %L', arguments, pg_catalog.concat(
                'differentially private histogram: numbers of persons who have a value in each bin, all bins in their order, empty ones too. Arguments: subject, value (a number, date or timestamp), ',
                form.what, CASE most WHEN '' THEN '. Of each person ehds.max_rows bins count in a group (8 at most)' ELSE '; most bins of a person in a group (1 to 8, constant)' END,
                ', chosen by a keyed hash. NULL and NaN are in no bin. With discrete Laplace noise on each bin of a scale of most bins times max_groups over epsilon, in zCDP discrete Gaussian noise. Charged to the permit. Raises ZE002 outside of a query under a permit with a privacy budget'));
        END LOOP;
    END LOOP;
END
$do$;

CREATE FUNCTION ehds.dp_release_histogram(counts bytea, bins integer, scale_num bigint, scale_den bigint, approval ehds.approval)
    RETURNS bigint[]
    AS 'MODULE_PATHNAME', 'ehds_dp_release_histogram' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION ehds.dp_release_histogram(bytea, integer, bigint, bigint, ehds.approval) IS
    'numbers of persons of all bins, each plus one draw of discrete Laplace noise of scale scale_num / scale_den, for the gate. counts: of the bins, as ehds.dp_groups gives them, NULL for nobody. Raises ZE004 unless the approval is live and charged. Mechanism: Canonne, Kamath, Steinke 2020';
CREATE FUNCTION ehds.dp_release_histogram_gaussian(counts bytea, bins integer, sigma_digits bigint, sigma_places integer, approval ehds.approval)
    RETURNS bigint[]
    AS 'MODULE_PATHNAME', 'ehds_dp_release_histogram_gaussian' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION ehds.dp_release_histogram_gaussian(bytea, integer, bigint, integer, ehds.approval) IS
    'the same with discrete Gaussian noise whose sigma is sigma_digits / 10^sigma_places. Mechanism: Canonne, Kamath, Steinke 2020';

-- A released number of microseconds as what it stands for.
CREATE FUNCTION ehds.dp_timestamp(microseconds numeric) RETURNS timestamp
    AS 'MODULE_PATHNAME', 'ehds_dp_timestamp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION ehds.dp_timestamptz(microseconds numeric) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'ehds_dp_timestamp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ehds.dp_timestamp(numeric) IS
    'for the gate: the timestamp so many microseconds after 2000-01-01, rounded; NULL for NULL. Raises 22008 out of range';
COMMENT ON FUNCTION ehds.dp_timestamptz(numeric) IS
    'for the gate: the timestamptz so many microseconds after 2000-01-01 00:00 UTC, rounded; NULL for NULL. Raises 22008 out of range';
