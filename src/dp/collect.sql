-- Contribution bounding in one pass: type ehds.dp_state, aggregate ehds.dp_collect, and
-- ehds.dp_groups, which reads its state.

CREATE TYPE ehds.dp_state;

CREATE FUNCTION ehds.dp_state_in(cstring) RETURNS ehds.dp_state
    AS 'MODULE_PATHNAME', 'ehds_dp_state_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION ehds.dp_state_out(ehds.dp_state) RETURNS cstring
    AS 'MODULE_PATHNAME', 'ehds_dp_state_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE ehds.dp_state (
    INPUT = ehds.dp_state_in,
    OUTPUT = ehds.dp_state_out,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = int4
);
REVOKE ALL ON TYPE ehds.dp_state FROM PUBLIC;
REVOKE ALL ON FUNCTION ehds.dp_state_in(cstring), ehds.dp_state_out(ehds.dp_state) FROM PUBLIC;
COMMENT ON TYPE ehds.dp_state IS
    'transition state of ehds.dp_collect. It holds exact data on subjects, so it can be neither written nor shown';

CREATE FUNCTION ehds.dp_collect_combine(ehds.dp_state, ehds.dp_state) RETURNS ehds.dp_state
    AS 'MODULE_PATHNAME', 'ehds_dp_collect_combine' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION ehds.dp_collect_final(ehds.dp_state) RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_dp_collect_final' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
REVOKE ALL ON FUNCTION ehds.dp_collect_combine(ehds.dp_state, ehds.dp_state), ehds.dp_collect_final(ehds.dp_state) FROM PUBLIC;

-- PUBLIC may call the aggregate that takes an approval, which only a plan of the gate
-- carries. The one with a seed is for tests.
DO $do$
DECLARE
    subject text;
    key text;
    seeded boolean;
    arguments text;
BEGIN
    FOREACH subject IN ARRAY '{integer,bigint,uuid,text}'::pg_catalog.text[] LOOP
        FOREACH key IN ARRAY '{ehds.approval,bigint}'::pg_catalog.text[] LOOP
            seeded := key OPERATOR(pg_catalog.=) 'bigint';
            arguments := pg_catalog.format('%s, integer, %s, VARIADIC "any"', subject, key);
            EXECUTE pg_catalog.format(
                'CREATE FUNCTION ehds.dp_collect_transition(ehds.dp_state, %s) RETURNS ehds.dp_state '
                'AS ''MODULE_PATHNAME'', %L LANGUAGE C STABLE PARALLEL SAFE',
                arguments, pg_catalog.concat_ws('_', 'ehds_dp_collect', CASE WHEN seeded THEN 'seeded' END, subject));
            EXECUTE pg_catalog.format(
                'REVOKE ALL ON FUNCTION ehds.dp_collect_transition(ehds.dp_state, %s) FROM PUBLIC', arguments);
            EXECUTE pg_catalog.format(
                'CREATE AGGREGATE ehds.dp_collect(%s) (SFUNC = ehds.dp_collect_transition, STYPE = ehds.dp_state, '
                'SSPACE = 1048576, FINALFUNC = ehds.dp_collect_final, COMBINEFUNC = ehds.dp_collect_combine, PARALLEL = SAFE)', arguments);
            IF NOT seeded THEN
                EXECUTE pg_catalog.format(
                    'CREATE AGGREGATE ehds.dp_collect_alone(%s) (SFUNC = ehds.dp_collect_transition, STYPE = ehds.dp_state, '
                    'SSPACE = 1048576, FINALFUNC = ehds.dp_collect_final, PARALLEL = RESTRICTED)', arguments);
                EXECUTE pg_catalog.format('COMMENT ON AGGREGATE ehds.dp_collect_alone(%s) IS %L', arguments,
                    'ehds.dp_collect in one process, for inputs of which a worker might not be able to hand over its part');
            END IF;
            IF seeded THEN
                EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION ehds.dp_collect(%s) FROM PUBLIC', arguments);
            END IF;
            EXECUTE pg_catalog.format('COMMENT ON AGGREGATE ehds.dp_collect(%s) IS %L', arguments,
                'collects the groups of each subject, at most max_groups of them, chosen by a keyed hash of subject and group. Result: the number by which ehds.dp_groups finds the state while the query runs; NULL for no rows. Arguments: subject ('
                || subject || '; rows in which it is NULL are ignored), max_groups (1 to 64, constant), '
                || CASE WHEN seeded THEN 'seed of the hash (constant), for tests; executable by superusers only'
                        ELSE 'approval of the gate; raises ZE004 without a live one' END
                || ', group keys (1 to 32; NULL is a value; values are the same if their bytes are)');
        END LOOP;
    END LOOP;
END
$do$;

-- The same with measures.
DO $do$
DECLARE
    subject text;
    key text;
    seeded boolean;
    arguments text;
    aggregate text;
BEGIN
    FOREACH subject IN ARRAY '{integer,bigint,uuid,text}'::pg_catalog.text[] LOOP
        FOREACH key IN ARRAY '{ehds.approval,bigint}'::pg_catalog.text[] LOOP
            seeded := key OPERATOR(pg_catalog.=) 'bigint';
            arguments := pg_catalog.format('%s, integer, %s, text, VARIADIC "any"', subject, key);
            EXECUTE pg_catalog.format(
                'CREATE FUNCTION ehds.dp_gather_transition(ehds.dp_state, %s) RETURNS ehds.dp_state '
                'AS ''MODULE_PATHNAME'', %L LANGUAGE C STABLE PARALLEL SAFE',
                arguments, pg_catalog.concat_ws('_', 'ehds_dp_gather', CASE WHEN seeded THEN 'seeded' END, subject));
            EXECUTE pg_catalog.format(
                'REVOKE ALL ON FUNCTION ehds.dp_gather_transition(ehds.dp_state, %s) FROM PUBLIC', arguments);
            FOREACH aggregate IN ARRAY '{dp_gather,dp_gather_alone}'::pg_catalog.text[] LOOP
                CONTINUE WHEN seeded AND aggregate OPERATOR(pg_catalog.=) 'dp_gather_alone';
                EXECUTE pg_catalog.format(
                    'CREATE AGGREGATE ehds.%I(%s) (SFUNC = ehds.dp_gather_transition, STYPE = ehds.dp_state, '
                    'SSPACE = 1048576, FINALFUNC = ehds.dp_collect_final, %s)', aggregate, arguments,
                    CASE aggregate WHEN 'dp_gather' THEN 'COMBINEFUNC = ehds.dp_collect_combine, PARALLEL = SAFE'
                                   ELSE 'PARALLEL = RESTRICTED' END);
                EXECUTE pg_catalog.format('COMMENT ON AGGREGATE ehds.%I(%s) IS %L', aggregate, arguments,
                    'ehds.dp_collect with measures: after the approval (or, executable by superusers only, the seed) their text (constant; "rows r", "distinct r" or "sum r low high num den", "mean ...", "spread ...", "values ...", "bins r 0 last 1 1", separated by "; ": r most rows of a subject in a group, low and high in steps of num / den), after the group keys the argument of each: boolean for rows, any group key for distinct, else integer, bigint, double precision, numeric, date or timestamp; of bins their number from 0 on'
                    || CASE aggregate WHEN 'dp_gather_alone' THEN '. In one process, for inputs of which a worker might not be able to hand over its part' ELSE '' END);
            END LOOP;
            IF seeded THEN
                EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION ehds.dp_gather(%s) FROM PUBLIC', arguments);
            END IF;
        END LOOP;
    END LOOP;
END
$do$;

-- Where each row is a subject of its own.
DO $do$
DECLARE
    key text;
    seeded boolean;
    arguments text;
    aggregate text;
BEGIN
    FOREACH key IN ARRAY '{ehds.approval,bigint}'::pg_catalog.text[] LOOP
        seeded := key OPERATOR(pg_catalog.=) 'bigint';
        arguments := pg_catalog.format('%s, text, VARIADIC "any"', key);
        EXECUTE pg_catalog.format(
            'CREATE FUNCTION ehds.dp_tally_transition(ehds.dp_state, %s) RETURNS ehds.dp_state '
            'AS ''MODULE_PATHNAME'', %L LANGUAGE C STABLE PARALLEL SAFE',
            arguments, pg_catalog.concat_ws('_', 'ehds_dp_tally', CASE WHEN seeded THEN 'seeded' END));
        EXECUTE pg_catalog.format(
            'REVOKE ALL ON FUNCTION ehds.dp_tally_transition(ehds.dp_state, %s) FROM PUBLIC', arguments);
        FOREACH aggregate IN ARRAY '{dp_tally,dp_tally_alone}'::pg_catalog.text[] LOOP
            CONTINUE WHEN seeded AND aggregate OPERATOR(pg_catalog.=) 'dp_tally_alone';
            EXECUTE pg_catalog.format(
                'CREATE AGGREGATE ehds.%I(%s) (SFUNC = ehds.dp_tally_transition, STYPE = ehds.dp_state, '
                'SSPACE = 65536, FINALFUNC = ehds.dp_collect_final, %s)', aggregate, arguments,
                CASE aggregate WHEN 'dp_tally' THEN 'COMBINEFUNC = ehds.dp_collect_combine, PARALLEL = SAFE'
                               ELSE 'PARALLEL = RESTRICTED' END);
            EXECUTE pg_catalog.format('COMMENT ON AGGREGATE ehds.%I(%s) IS %L', aggregate, arguments,
                'ehds.dp_gather where each row is a subject of its own, so that nothing is bounded: approval (or, executable by superusers only, any number), text of the measures as for ehds.dp_gather but neither values nor distinct (constant; empty for none), group keys, the argument of each measure'
                || CASE aggregate WHEN 'dp_tally_alone' THEN '. In one process, for inputs of which a worker might not be able to hand over its part' ELSE '' END);
        END LOOP;
        IF seeded THEN
            EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION ehds.dp_tally(%s) FROM PUBLIC', arguments);
        END IF;
    END LOOP;
END
$do$;

CREATE FUNCTION ehds.dp_groups(state bigint, approval ehds.approval) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'ehds_dp_groups' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION ehds.dp_groups(bigint, ehds.approval) IS
    'for the gate: the group keys that ehds.dp_collect was given (state: its result, in the same query), and the number of subjects that are kept in each group (bigint, above 0); after ehds.dp_gather also the statistics of the measures, summed over those subjects (numeric, whole numbers; of mean and spread 2^-20 rows, then finer parts of half steps and of their squares; of values and bins bytea: entries of a value in 4 bytes and its weight, or the subjects, in 8; of distinct bytea: hashes of 8). A group may come in several rows, whose numbers are to be added. No row for NULL. Raises ZE004 unless the approval is live';
CREATE FUNCTION ehds.dp_groups(state bigint) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'ehds_dp_groups_seeded' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
REVOKE ALL ON FUNCTION ehds.dp_groups(bigint) FROM PUBLIC;
COMMENT ON FUNCTION ehds.dp_groups(bigint) IS
    'the same for tests, executable by superusers only';

CREATE FUNCTION ehds.dp_pair_hash(subject bigint, seed bigint, VARIADIC keys "any") RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_dp_pair_hash_bigint' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION ehds.dp_pair_hash(subject uuid, seed bigint, VARIADIC keys "any") RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_dp_pair_hash_uuid' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION ehds.dp_pair_hash(subject text, seed bigint, VARIADIC keys "any") RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_dp_pair_hash_text' LANGUAGE C STABLE PARALLEL SAFE;
REVOKE ALL ON FUNCTION ehds.dp_pair_hash(bigint, bigint, VARIADIC "any"),
    ehds.dp_pair_hash(uuid, bigint, VARIADIC "any"), ehds.dp_pair_hash(text, bigint, VARIADIC "any") FROM PUBLIC;
COMMENT ON FUNCTION ehds.dp_pair_hash(bigint, bigint, VARIADIC "any") IS
    'place of a group in the order in which ehds.dp_collect with a seed keeps the groups of a subject, for tests; executable by superusers only. Subject and seed must not be NULL';
COMMENT ON FUNCTION ehds.dp_pair_hash(uuid, bigint, VARIADIC "any") IS 'see ehds.dp_pair_hash(bigint, bigint, VARIADIC "any")';
COMMENT ON FUNCTION ehds.dp_pair_hash(text, bigint, VARIADIC "any") IS 'see ehds.dp_pair_hash(bigint, bigint, VARIADIC "any")';
