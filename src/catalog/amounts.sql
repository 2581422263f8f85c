-- amounts: an epsilon, a delta as whole numbers, in which budgets are counted

CREATE FUNCTION ehds.epsilon_nano(epsilon numeric, setting text) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF epsilon IS NULL THEN
        RETURN NULL;
    ELSIF epsilon IN ('NaN', 'Infinity', '-Infinity') OR epsilon <= 0 OR epsilon > 1000000 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('%s must be a number above 0, not %s', setting, epsilon),
            HINT = 'Usual values are 0.1 to 3: the smaller, the more noise and the better the protection.';
    ELSIF scale(trim_scale(epsilon)) > 9 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('%s has more than 9 decimal places: %s', setting, epsilon),
            HINT = 'Budgets are counted exactly, in units of 0.000000001.';
    END IF;
    RETURN epsilon * 1000000000;
END
$$;
COMMENT ON FUNCTION ehds.epsilon_nano(numeric, text) IS
    'internal: an epsilon in units of 1e-9; raises 22023 unless it is above 0, at most 1,000,000 and has at most 9 decimal places; NULL gives NULL';

CREATE FUNCTION ehds.delta_atto(delta numeric) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF delta IS NULL THEN
        RETURN NULL;
    ELSIF delta IN ('NaN', 'Infinity', '-Infinity') OR delta <= 0 OR delta >= 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('delta must be above 0 and below 1, not %s', delta),
            HINT = 'Usual is 1e-8, and at most 1 / (10 x number of persons).';
    ELSIF scale(trim_scale(delta)) > 18 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('delta has more than 18 decimal places: %s', delta);
    END IF;
    RETURN delta * 1000000000000000000;
END
$$;
COMMENT ON FUNCTION ehds.delta_atto(numeric) IS
    'internal: a delta in units of 1e-18; raises 22023 unless it is between 0 and 1 with at most 18 decimal places; NULL gives NULL';

REVOKE ALL ON FUNCTION ehds.epsilon_nano(numeric, text), ehds.delta_atto(numeric) FROM PUBLIC;
