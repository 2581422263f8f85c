-- total: what stands for built-in functions that may raise, where an expression sees personal data

DO $$
DECLARE
    f record;
BEGIN
    -- one for each SQL function that is made of a C function which total_*.c has a version of
    FOR f IN
        SELECT p.oid::regprocedure AS native, p.proname, p.prosrc, p.provolatile, pg_get_function_identity_arguments(p.oid) AS arguments,
               format_type(p.prorettype, NULL) AS result
          FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
         WHERE p.pronamespace = 'pg_catalog'::regnamespace AND l.lanname = 'internal' AND p.proisstrict AND NOT p.proretset
           AND p.prosrc = ANY (ARRAY[
               'int2pl', 'int2mi', 'int2mul', 'int2div', 'int24pl', 'int24mi', 'int24mul', 'int24div', 'int42pl', 'int42mi', 'int42mul', 'int42div',
               'int4pl', 'int4mi', 'int4mul', 'int4div', 'int28pl', 'int28mi', 'int28mul', 'int28div', 'int82pl', 'int82mi', 'int82mul', 'int82div',
               'int48pl', 'int48mi', 'int48mul', 'int48div', 'int84pl', 'int84mi', 'int84mul', 'int84div', 'int8pl', 'int8mi', 'int8mul', 'int8div',
               'int2mod', 'int4mod', 'int8mod', 'int2um', 'int4um', 'int8um', 'int2abs', 'int4abs', 'int8abs', 'i4toi2', 'int82', 'int84',
               'dtoi2', 'dtoi4', 'dtoi8', 'ftoi2', 'ftoi4', 'ftoi8',
               'float4pl', 'float4mi', 'float4mul', 'float4div', 'float8pl', 'float8mi', 'float8mul', 'float8div',
               'float48pl', 'float48mi', 'float48mul', 'float48div', 'float84pl', 'float84mi', 'float84mul', 'float84div',
               'dtof', 'dsqrt', 'dlog1', 'dlog10', 'dexp', 'dpow', 'width_bucket_float8',
               'numeric_add', 'numeric_sub', 'numeric_mul', 'numeric_div', 'numeric_mod', 'numeric_round', 'numeric_trunc', 'numeric_ceil',
               'numeric_floor', 'numeric_sqrt', 'numeric_ln', 'numeric_log', 'numeric_power', 'numeric_int2', 'numeric_int4', 'numeric_int8', 'numeric_float4',
               'numeric_float8', 'numeric', 'width_bucket_numeric',
               'date_pli', 'date_mii', 'date_mi', 'date_pl_interval', 'date_mi_interval', 'timestamp_pl_interval', 'timestamp_mi_interval',
               'timestamptz_pl_interval', 'timestamptz_mi_interval', 'timestamp_mi', 'timestamp_age', 'timestamptz_age', 'interval_pl', 'interval_mi',
               'interval_mul', 'mul_d_interval', 'interval_div', 'date_timestamp', 'date_timestamptz', 'timestamp_timestamptz',
               'timestamptz_timestamp', 'timestamptz_date', 'timestamp_trunc', 'timestamptz_trunc', 'extract_timestamptz', 'timestamptz_part',
               'timestamptz_to_char', 'to_date', 'make_date',
               'textcat', 'text_substr', 'text_substr_no_len', 'split_part', 'replace_text', 'translate', 'lower', 'upper', 'initcap', 'text_left',
               'text_right', 'text_reverse', 'btrim', 'btrim1', 'ltrim', 'ltrim1', 'rtrim', 'rtrim1', 'lpad', 'rpad',
               'textlike', 'textnlike', 'texticlike', 'texticnlike', 'textregexeq', 'textregexne', 'texticregexeq', 'texticregexne'])
         ORDER BY p.oid
    LOOP
        EXECUTE format('CREATE FUNCTION ehds.%I(%s) RETURNS %s AS ''MODULE_PATHNAME'', %L LANGUAGE C %s STRICT PARALLEL SAFE',
                       'total_' || f.proname, f.arguments, f.result, 'ehds_total_' || f.prosrc,
                       CASE f.provolatile WHEN 'i' THEN 'IMMUTABLE' ELSE 'STABLE' END);
        EXECUTE format('COMMENT ON FUNCTION ehds.%I(%s) IS %L', 'total_' || f.proname, f.arguments,
                       format('internal: %s, NULL where that raises and for values beyond a size; the gate puts it in its place where an expression sees personal data',
                              f.native));
    END LOOP;

    -- casts from text, which are no functions: volatile as the type's input
    FOR f IN
        SELECT t.typname, format_type(t.oid, NULL) AS result, p.provolatile
          FROM pg_type t JOIN pg_proc p ON p.oid = t.typinput
         WHERE t.oid = ANY (ARRAY['bool', 'int2', 'int4', 'int8', 'float4', 'float8', 'numeric', 'date', 'timestamp', 'timestamptz', 'uuid']::regtype[])
         ORDER BY t.oid
    LOOP
        EXECUTE format('CREATE FUNCTION ehds.%I(text) RETURNS %s AS ''MODULE_PATHNAME'', %L LANGUAGE C %s STRICT PARALLEL SAFE',
                       'total_from_text_' || f.typname, f.result, 'ehds_total_from_text_' || f.typname,
                       CASE f.provolatile WHEN 'i' THEN 'IMMUTABLE' ELSE 'STABLE' END);
        EXECUTE format('COMMENT ON FUNCTION ehds.%I(text) IS %L', 'total_from_text_' || f.typname,
                       format('internal: the cast from text to %s, NULL where the text is no value of the type', f.result));
    END LOOP;
END
$$;
