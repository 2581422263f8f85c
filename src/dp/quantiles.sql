-- dp: the word for several private quantiles, and what the gate puts in place of quantiles

DO $do$
DECLARE
    value record;
    form text;
    arguments text;
    bounds text;
    refuse text;
BEGIN
    FOREACH form IN ARRAY '{double precision,date,timestamp,timestamptz}'::pg_catalog.text[] LOOP
        refuse := pg_catalog.concat('dp_word_refuse_', pg_catalog.split_part(form, ' ', 1), 's');
        EXECUTE pg_catalog.format('CREATE FUNCTION ehds.%I(bigint) RETURNS %s[] '
            'AS ''MODULE_PATHNAME'', ''ehds_dp_word_refuse'' LANGUAGE C PARALLEL RESTRICTED', refuse, form);
        EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION ehds.%I(bigint) FROM PUBLIC', refuse);
    END LOOP;
    -- with what their bounds are
    FOR value IN SELECT * FROM (VALUES
        ('smallint', 'numeric', 'double'), ('integer', 'numeric', 'double'), ('bigint', 'numeric', 'double'), ('numeric', 'numeric', 'double'),
        ('real', 'numeric', 'double'), ('double precision', 'numeric', 'double'),
        ('date', 'date', 'date'), ('timestamp', 'timestamp', 'timestamp'), ('timestamptz', 'timestamptz', 'timestamptz')
        ) v(type, bound, result) LOOP
        bounds := pg_catalog.format(', %s, %s', value.bound, value.bound);
        FOREACH form IN ARRAY ARRAY['', ', integer', bounds, bounds OPERATOR(pg_catalog.||) ', integer'] LOOP
            arguments := pg_catalog.concat('"any", ', value.type, ', double precision[]', form);
            EXECUTE pg_catalog.format('CREATE FUNCTION ehds.dp_word_refuse(bigint, %s) RETURNS bigint '
                'AS ''MODULE_PATHNAME'', ''ehds_dp_word_refuse'' LANGUAGE C PARALLEL RESTRICTED', arguments);
            EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION ehds.dp_word_refuse(bigint, %s) FROM PUBLIC', arguments);
            EXECUTE pg_catalog.format('CREATE AGGREGATE ehds.dp_quantile(%s) (SFUNC = ehds.dp_word_refuse, STYPE = bigint, FINALFUNC = ehds.%I, PARALLEL = RESTRICTED)',
                arguments, pg_catalog.concat('dp_word_refuse_', value.result, 's'));
            EXECUTE pg_catalog.format('COMMENT ON AGGREGATE ehds.dp_quantile(%s) IS %L', arguments,
                pg_catalog.concat('differentially private quantiles over persons, all for the charge of one: each person weighs 1, shared by his values; an array in the order of the fractions, in which a larger fraction has no smaller quantile. Up to three by the exponential mechanism, more by a tree of noisy weights where that is more precise. Arguments: subject, value, fractions (1 to 1000 of 0 to 1, an array of one dimension without NULLs, constant), ',
                    CASE WHEN pg_catalog.strpos(form, bounds) OPERATOR(pg_catalog.=) 1 THEN 'low and high (constants; values outside are taken for the nearest), '
                         ELSE 'with the range of the column''s label, ' END,
                    CASE WHEN form OPERATOR(pg_catalog.~~) '%integer' THEN 'max_rows (most distinct values of a person, 1 to 8, constant)' ELSE 'of ehds.max_rows distinct values a person and group, 8 at most' END,
                    '. NULL and NaN are no value, infinities the nearest bound. Charged to the permit. Raises ZE002 outside of a query under a permit with a privacy budget'));
        END LOOP;
    END LOOP;
END
$do$;

CREATE FUNCTION ehds.dp_release_quantile(weights bytea, width integer, fraction bigint, scale_num bigint, scale_den bigint, approval ehds.approval)
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_dp_release_quantile_sql' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION ehds.dp_release_quantile(bytea, integer, bigint, bigint, bigint, ehds.approval) IS
    'one draw of a quantile, for the gate: a number of 0 .. width - 1, each with a probability proportional to exp(-distance scale_den / scale_num). weights: of the values, as ehds.dp_groups gives them, NULL for nobody; fraction in 1e-9. Raises ZE004 unless the approval is live and charged. Mechanism: exponential (McSherry, Talwar 2007)';

CREATE FUNCTION ehds.dp_release_quantiles(weights bytea, width integer, fractions bigint[], scale_num bigint, scale_den bigint, approval ehds.approval)
    RETURNS bigint[]
    AS 'MODULE_PATHNAME', 'ehds_dp_release_quantiles' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION ehds.dp_release_quantiles(bytea, integer, bigint[], bigint, bigint, ehds.approval) IS
    'the same of several fractions, which ascend, each with a draw of its own; then put in order';
CREATE FUNCTION ehds.dp_release_quantile_tree(weights bytea, width integer, fractions bigint[], scale_num bigint, scale_den bigint, approval ehds.approval)
    RETURNS bigint[]
    AS 'MODULE_PATHNAME', 'ehds_dp_release_quantile_tree' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION ehds.dp_release_quantile_tree(bytea, integer, bigint[], bigint, bigint, ehds.approval) IS
    'the same of several fractions, which ascend, by one tree of noisy weights: nodes of 17 children at most, discrete Laplace noise of scale scale_num / scale_den in units of 2^-20 on each. Raises ZE004 unless the approval is live and charged. Mechanism: hierarchical sums (Hay, Rastogi, Miklau, Suciu 2010)';
CREATE FUNCTION ehds.dp_release_quantile_tree_gaussian(weights bytea, width integer, fractions bigint[], sigma_digits bigint, sigma_places integer, approval ehds.approval)
    RETURNS bigint[]
    AS 'MODULE_PATHNAME', 'ehds_dp_release_quantile_tree_gaussian' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION ehds.dp_release_quantile_tree_gaussian(bytea, integer, bigint[], bigint, integer, ehds.approval) IS
    'the same with discrete Gaussian noise whose sigma is sigma_digits / 10^sigma_places';
