-- dp: the words for private aggregates besides dp_count. The gate replaces them; left in a plan
-- they always raise.

CREATE FUNCTION ehds.dp_word_refuse(bigint, "any") RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_dp_word_refuse' LANGUAGE C PARALLEL RESTRICTED;
CREATE FUNCTION ehds.dp_word_refuse(bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_dp_word_refuse' LANGUAGE C PARALLEL RESTRICTED;
REVOKE ALL ON FUNCTION ehds.dp_word_refuse(bigint, "any"), ehds.dp_word_refuse(bigint) FROM PUBLIC;

DO $do$
DECLARE
    value record;
    final text;
    form text;
    arguments text;
    aggregate record;
    result text;
    quantile text;
    bounds text;
BEGIN
    FOREACH final IN ARRAY '{numeric,real,double precision,date,timestamp,timestamptz}'::pg_catalog.text[] LOOP
        EXECUTE pg_catalog.format('CREATE FUNCTION ehds.%I(bigint) RETURNS %s '
            'AS ''MODULE_PATHNAME'', ''ehds_dp_word_refuse'' LANGUAGE C PARALLEL RESTRICTED',
            'dp_word_refuse_' OPERATOR(pg_catalog.||) pg_catalog.split_part(final, ' ', 1), final);
        EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION ehds.%I(bigint) FROM PUBLIC',
            'dp_word_refuse_' OPERATOR(pg_catalog.||) pg_catalog.split_part(final, ' ', 1));
    END LOOP;
    -- with what their bounds are, and their average
    FOR value IN SELECT * FROM (VALUES
        ('smallint', 'numeric', 'numeric'), ('integer', 'numeric', 'numeric'), ('bigint', 'numeric', 'numeric'), ('numeric', 'numeric', 'numeric'),
        ('real', 'numeric', 'double precision'), ('double precision', 'numeric', 'double precision'),
        ('date', 'date', 'date'), ('timestamp', 'timestamp', 'timestamp'), ('timestamptz', 'timestamptz', 'timestamptz')
        ) v(type, bound, average) LOOP
        bounds := pg_catalog.format(', %s, %s', value.bound, value.bound);
        FOREACH form IN ARRAY ARRAY['', ', integer', bounds, bounds OPERATOR(pg_catalog.||) ', integer'] LOOP
            arguments := pg_catalog.concat('"any", ', value.type, form);
            EXECUTE pg_catalog.format('CREATE FUNCTION ehds.dp_word_refuse(bigint, %s) RETURNS bigint '
                'AS ''MODULE_PATHNAME'', ''ehds_dp_word_refuse'' LANGUAGE C PARALLEL RESTRICTED', arguments);
            EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION ehds.dp_word_refuse(bigint, %s) FROM PUBLIC', arguments);
            FOR aggregate IN SELECT * FROM (VALUES
                ('dp_sum', 'sum: of each person and group the sum of the values, clamped to max_rows times the range',
                 CASE WHEN value.bound OPERATOR(pg_catalog.<>) 'numeric' THEN NULL
                      WHEN value.type OPERATOR(pg_catalog.=) ANY ('{smallint,integer}') THEN 'bigint'
                      WHEN value.type OPERATOR(pg_catalog.=) 'bigint' THEN 'numeric' ELSE value.type END),
                ('dp_avg', 'average over persons: each counts as one row, or as max_rows if he has more, by the average of his values; clamped to the range',
                 value.average),
                ('dp_variance', 'variance (of a sample), each person weighted as in ehds.dp_avg; of dates and timestamps in square days',
                 CASE WHEN value.average OPERATOR(pg_catalog.=) 'numeric' THEN 'numeric' ELSE 'double precision' END),
                ('dp_stddev', 'standard deviation, the square root of ehds.dp_variance; of dates and timestamps in days',
                 CASE WHEN value.average OPERATOR(pg_catalog.=) 'numeric' THEN 'numeric' ELSE 'double precision' END)
                ) a(name, what, type) WHERE type IS NOT NULL LOOP
                EXECUTE pg_catalog.format('CREATE AGGREGATE ehds.%I(%s) (SFUNC = ehds.dp_word_refuse, STYPE = bigint, FINALFUNC = ehds.%I, PARALLEL = RESTRICTED)',
                    aggregate.name, arguments,
                    'dp_word_refuse' OPERATOR(pg_catalog.||) CASE aggregate.type WHEN 'bigint' THEN '' ELSE '_' OPERATOR(pg_catalog.||) pg_catalog.split_part(aggregate.type, ' ', 1) END);
                EXECUTE pg_catalog.format('COMMENT ON AGGREGATE ehds.%I(%s) IS %L', aggregate.name, arguments,
                    pg_catalog.concat('differentially private ', aggregate.what, '. Arguments: subject, value, ',
                        CASE WHEN pg_catalog.strpos(form, bounds) OPERATOR(pg_catalog.=) 1 THEN 'low and high (constants; values outside are taken for the nearest), '
                             ELSE 'with the range of the column''s label, ' END,
                        CASE WHEN form OPERATOR(pg_catalog.~~) '%integer' THEN 'max_rows (1 to 10000, constant)' ELSE 'with ehds.max_rows rows a person and group' END,
                        '. NULL and NaN are no value, infinities the nearest bound. Charged to the permit. Raises ZE002 outside of a query under a permit with a privacy budget'));
            END LOOP;
            EXECUTE pg_catalog.format('CREATE FUNCTION ehds.dp_word_refuse(bigint, "any", %s, double precision%s) RETURNS bigint '
                'AS ''MODULE_PATHNAME'', ''ehds_dp_word_refuse'' LANGUAGE C PARALLEL RESTRICTED', value.type, form);
            EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION ehds.dp_word_refuse(bigint, "any", %s, double precision%s) FROM PUBLIC', value.type, form);
            quantile := CASE value.bound WHEN 'numeric' THEN 'double' ELSE value.type END;
            FOREACH result IN ARRAY '{dp_median,dp_quantile}'::pg_catalog.text[] LOOP
                arguments := pg_catalog.concat('"any", ', value.type, CASE result WHEN 'dp_quantile' THEN ', double precision' END, form);
                EXECUTE pg_catalog.format('CREATE AGGREGATE ehds.%I(%s) (SFUNC = ehds.dp_word_refuse, STYPE = bigint, FINALFUNC = ehds.%I, PARALLEL = RESTRICTED)', result, arguments,
                    'dp_word_refuse_' OPERATOR(pg_catalog.||) quantile);
                EXECUTE pg_catalog.format('COMMENT ON AGGREGATE ehds.%I(%s) IS %L', result, arguments,
                    pg_catalog.concat('differentially private ', CASE result WHEN 'dp_median' THEN 'median' ELSE 'quantile' END, ' over persons: each weighs 1, shared by his values; by the exponential mechanism. Arguments: subject, value, ',
                        CASE result WHEN 'dp_quantile' THEN 'fraction (0 to 1, constant), ' END,
                        CASE WHEN pg_catalog.strpos(form, bounds) OPERATOR(pg_catalog.=) 1 THEN 'low and high (constants; values outside are taken for the nearest), '
                             ELSE 'with the range of the column''s label, ' END,
                        CASE WHEN form OPERATOR(pg_catalog.~~) '%integer' THEN 'max_rows (most distinct values of a person, 1 to 8, constant)' ELSE 'of ehds.max_rows distinct values a person and group, 8 at most' END,
                        '. NULL and NaN are no value, infinities the nearest bound. Charged to the permit. Raises ZE002 outside of a query under a permit with a privacy budget'));
            END LOOP;
        END LOOP;
    END LOOP;
END
$do$;

-- its transition function with max_rows is that of a sum of integers
CREATE AGGREGATE ehds.dp_rows(subject "any") (
    SFUNC = ehds.dp_word_refuse, STYPE = bigint, FINALFUNC = ehds.dp_word_refuse, PARALLEL = RESTRICTED);
CREATE AGGREGATE ehds.dp_rows(subject "any", max_rows integer) (
    SFUNC = ehds.dp_word_refuse, STYPE = bigint, FINALFUNC = ehds.dp_word_refuse, PARALLEL = RESTRICTED);
COMMENT ON AGGREGATE ehds.dp_rows("any", integer) IS
    'differentially private number of rows: of each person at most max_rows (1 to 10000, constant) rows count in a group. With discrete Laplace noise of scale max_rows * max_groups / epsilon, charged to the permit. Raises ZE002 outside of a query under a permit with a privacy budget';
COMMENT ON AGGREGATE ehds.dp_rows("any") IS
    'ehds.dp_rows("any", integer) with ehds.max_rows rows';

CREATE FUNCTION ehds.dp_noise(statistic numeric, scale_num bigint, scale_den bigint, approval ehds.approval)
    RETURNS numeric
    AS 'MODULE_PATHNAME', 'ehds_dp_noise_sql' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION ehds.dp_noise(numeric, bigint, bigint, ehds.approval) IS
    'a whole number plus one draw of discrete Laplace noise of scale scale_num / scale_den, for the gate. Raises ZE004 unless the approval is live and charged. Mechanism: Canonne, Kamath, Steinke 2020';
CREATE FUNCTION ehds.dp_noise_gaussian(statistic numeric, sigma_digits bigint, sigma_places integer, approval ehds.approval)
    RETURNS numeric
    AS 'MODULE_PATHNAME', 'ehds_dp_noise_gaussian_sql' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION ehds.dp_noise_gaussian(numeric, bigint, integer, ehds.approval) IS
    'a whole number plus one draw of discrete Gaussian noise whose sigma is sigma_digits / 10^sigma_places, for the gate. Raises ZE004 unless the approval is live and charged. Mechanism: Canonne, Kamath, Steinke 2020';

CREATE FUNCTION ehds.dp_distinct(hashes bytea) RETURNS numeric
    AS 'MODULE_PATHNAME', 'ehds_dp_distinct_sql' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION ehds.dp_distinct(bytea) IS
    'for the gate: how many different pieces of eight bytes there are; 0 for NULL';

CREATE FUNCTION ehds.dp_word_refuse(bigint, "any", "any") RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_dp_word_refuse' LANGUAGE C PARALLEL RESTRICTED;
CREATE FUNCTION ehds.dp_word_refuse(bigint, "any", "any", integer) RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_dp_word_refuse' LANGUAGE C PARALLEL RESTRICTED;
REVOKE ALL ON FUNCTION ehds.dp_word_refuse(bigint, "any", "any"), ehds.dp_word_refuse(bigint, "any", "any", integer) FROM PUBLIC;
CREATE AGGREGATE ehds.dp_count_distinct(subject "any", value "any") (
    SFUNC = ehds.dp_word_refuse, STYPE = bigint, FINALFUNC = ehds.dp_word_refuse, PARALLEL = RESTRICTED);
CREATE AGGREGATE ehds.dp_count_distinct(subject "any", value "any", max_values integer) (
    SFUNC = ehds.dp_word_refuse, STYPE = bigint, FINALFUNC = ehds.dp_word_refuse, PARALLEL = RESTRICTED);
COMMENT ON AGGREGATE ehds.dp_count_distinct("any", "any", integer) IS
    'differentially private number of distinct values: of each person at most max_values (1 to 8, constant) values count in a group, chosen by a keyed hash; with noise of sensitivity max_values. NULL is no value, nor is one outside of the domain that the label of the column declares; types as for group keys. Charged to the permit. Raises ZE002 outside of a query under a permit with a privacy budget';
COMMENT ON AGGREGATE ehds.dp_count_distinct("any", "any") IS
    'ehds.dp_count_distinct("any", "any", integer) with ehds.max_rows values, 8 at most';
