-- ledger: the chained record, what it says, and what has been spent

-- No index, no constraint: rows are written below the level of SQL (store.c).
CREATE TABLE ehds.ledger_entry (
    seq          bigint,
    at           timestamptz,
    kind         text,
    session_role name,
    role         name,
    permit       text,
    population   text,
    action       text,
    detail       text,
    epsilon_nano bigint,
    delta_atto   bigint,
    mac          bytea,
    rho_pico     bigint
);
COMMENT ON TABLE ehds.ledger_entry IS
    'the ledger as it is stored, append-only; written by the extension alone, each row chained to the one before by a keyed hash; read it through the view ehds.ledger';
SELECT pg_catalog.pg_extension_config_dump('ehds.ledger_entry', '');

CREATE FUNCTION ehds.ledger_guard() RETURNS trigger
    AS 'MODULE_PATHNAME', 'ehds_ledger_guard' LANGUAGE C;
REVOKE ALL ON FUNCTION ehds.ledger_guard() FROM PUBLIC;
COMMENT ON FUNCTION ehds.ledger_guard() IS
    'trigger: refuses UPDATE, DELETE and TRUNCATE of the ledger; an INSERT is the restore of a dump, after which the ledger is read again';
CREATE TRIGGER ledger_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON ehds.ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ehds.ledger_guard();
ALTER TABLE ehds.ledger_entry ENABLE ALWAYS TRIGGER ledger_guard;

CREATE VIEW ehds.ledger AS
    SELECT e.seq, e.at, e.kind, e.session_role, e.role, e.permit, e.population, e.action, e.detail,
           e.epsilon_nano * 0.000000001 AS epsilon,
           e.delta_atto * 0.000000000000000001 AS delta,
           pg_catalog.encode(e.mac, 'hex') AS mac,
           e.rho_pico * 0.000000000001 AS rho
    FROM ehds.ledger_entry e;
GRANT SELECT ON ehds.ledger TO ehds_auditor, ehds_admin;
COMMENT ON VIEW ehds.ledger IS
    'accesses, refusals, charges and decisions, numbered by seq; session_role is the login, role the one under SET ROLE; epsilon and delta count where kind is ''charge'', or ''reservation'', by which a permit in zCDP takes its whole budget from that of the population; rho: of a charge in zCDP, else NULL (EHDS 73(1)(e))';

CREATE FUNCTION ehds.verify_ledger(OUT valid boolean, OUT entries bigint, OUT bad_seq bigint, OUT finding text)
    AS 'MODULE_PATHNAME', 'ehds_verify_ledger' LANGUAGE C VOLATILE PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION ehds.verify_ledger() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ehds.verify_ledger() TO ehds_auditor, ehds_admin;
COMMENT ON FUNCTION ehds.verify_ledger() IS
    'checks every entry of the ledger: valid; entries, the number of entries found in order; the first bad_seq and what was found there (changed, missing, written twice, removed from the end), NULL where all is well. An end that was removed while the server was down is found by the file pg_ehds/<database oid>.head in the data directory; whoever has restored an older state on purpose removes that file. Raises ZE006 without the key.';

CREATE FUNCTION ehds.record_decision(action text, permit text, population text, detail text) RETURNS void
    AS 'MODULE_PATHNAME', 'ehds_record_decision' LANGUAGE C VOLATILE PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION ehds.record_decision(text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION ehds.record_decision(text, text, text, text) IS
    'puts a decision into the ledger when the transaction commits: action, a verb (at most 63 bytes, not NULL); permit and population, names or NULL; detail, cut at 1000 bytes, or NULL. Raises ZE007 where the ledger can''t record, ZE006 (at commit) without the key.';

CREATE FUNCTION ehds.record_access(action text, permit text, population text, detail text) RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_record_access' LANGUAGE C VOLATILE PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION ehds.record_access(text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION ehds.record_access(text, text, text, text) IS
    'puts an access into the ledger at once, whatever becomes of the transaction, and returns its number; arguments and errors as for ehds.record_decision';

CREATE FUNCTION ehds.record_refusal(action text, permit text, population text, detail text) RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_record_refusal' LANGUAGE C VOLATILE PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION ehds.record_refusal(text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION ehds.record_refusal(text, text, text, text) IS
    'puts a refusal into the ledger at once, whatever becomes of the transaction, and returns its number (0 on a standby, where it goes to the server''s log); arguments and errors as for ehds.record_decision';

CREATE FUNCTION ehds.ledger_charge(permit text, population text, action text,
                                   epsilon_nano bigint, delta_atto bigint,
                                   permit_epsilon_nano bigint, permit_delta_atto bigint,
                                   population_epsilon_nano bigint DEFAULT -1,
                                   population_delta_atto bigint DEFAULT -1,
                                   rho_pico bigint DEFAULT 0, permit_rho_pico bigint DEFAULT 0,
                                   selection_delta_atto bigint DEFAULT 0,
                                   OUT seq bigint, OUT epsilon_left_nano bigint, OUT delta_left_atto bigint,
                                   OUT rho_left_pico bigint)
    AS 'MODULE_PATHNAME', 'ehds_ledger_charge_sql' LANGUAGE C VOLATILE PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION ehds.ledger_charge(text, text, text, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint) FROM PUBLIC;
COMMENT ON FUNCTION ehds.ledger_charge(text, text, text, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint) IS
    'spends privacy budget as the gate does, durably and for good, against the totals given (population: -1 for no limit); for superusers, who may have to account for a release made outside. Units: 1e-9 for epsilon (more than 0), 1e-18 for delta (at least 0), 1e-12 for rho. rho_pico above 0: a charge in zCDP, then epsilon_nano is 0, delta_atto is that of selections, permit_rho_pico and selection_delta_atto what the permit may spend, and its whole budget is taken from that of the population once. Raises ZE003 if a budget does not allow it, ZE007, ZE006, 22023.';

CREATE FUNCTION ehds.ledger_spent(permit text, population text, OUT epsilon_nano bigint, OUT delta_atto bigint,
                                  OUT rho_pico bigint,
                                  OUT last_epsilon_nano bigint, OUT last_delta_atto bigint, OUT last_rho_pico bigint)
    AS 'MODULE_PATHNAME', 'ehds_ledger_spent' LANGUAGE C STABLE PARALLEL RESTRICTED;
REVOKE ALL ON FUNCTION ehds.ledger_spent(text, text) FROM PUBLIC;
COMMENT ON FUNCTION ehds.ledger_spent(text, text) IS
    'what a permit (then population is NULL) or a population (then permit is NULL) has spent, in 1e-9 of epsilon, 1e-18 of delta and 1e-12 of rho; of a permit in zCDP rho, and delta of selections; last: of its last charge, 0 if there was none';

-- A function behind the view, since a view's functions are checked against its reader.
CREATE FUNCTION ehds.budgets(OUT permit text,
                             OUT epsilon_total numeric, OUT epsilon_spent numeric, OUT epsilon_left numeric,
                             OUT delta_total numeric, OUT delta_spent numeric, OUT delta_left numeric,
                             OUT accounting text, OUT rho_total numeric, OUT rho_spent numeric, OUT rho_left numeric,
                             OUT queries_left bigint)
    RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT p.permit,
           p.epsilon_nano * 0.000000001,
           c.epsilon,
           greatest(p.epsilon_nano * 0.000000001 - c.epsilon, 0),
           coalesce(p.delta_atto, 0) * 0.000000000000000001,
           c.delta_atto * 0.000000000000000001,
           greatest(coalesce(p.delta_atto, 0) - c.delta_atto, 0) * 0.000000000000000001,
           p.accounting,
           p.rho_pico * 0.000000000001,
           CASE WHEN p.accounting = 'zcdp' THEN s.rho_pico * 0.000000000001 END,
           CASE WHEN p.accounting = 'zcdp' THEN greatest(p.rho_pico - s.rho_pico, 0) * 0.000000000001 END,
           -- like the last one: what it took, from whatever would be used up first (no limit is NULL)
           CASE WHEN s.last_epsilon_nano > 0 OR s.last_rho_pico > 0 THEN
               greatest(least((p.epsilon_nano - s.epsilon_nano) / nullif(s.last_epsilon_nano, 0),
                              (p.rho_pico - s.rho_pico) / nullif(s.last_rho_pico, 0),
                              (coalesce(p.selection_delta_atto, p.delta_atto) - s.delta_atto) / nullif(s.last_delta_atto, 0),
                              (o.epsilon_nano - q.epsilon_nano) / nullif(s.last_epsilon_nano, 0),
                              CASE WHEN p.accounting = 'pure' THEN (o.delta_atto - q.delta_atto) / nullif(s.last_delta_atto, 0) END), 0) END
    FROM ehds.permit p
    CROSS JOIN LATERAL ehds.ledger_spent(p.permit, NULL) s
    LEFT JOIN ehds.population o ON o.population = p.population
    CROSS JOIN LATERAL ehds.ledger_spent(NULL, coalesce(p.population::text, '')) q
    -- in zCDP: what rho means at the part of delta that is for the conversion, which is spent with the first release
    CROSS JOIN LATERAL (
        SELECT CASE WHEN p.accounting = 'pure' THEN s.epsilon_nano * 0.000000001
                    WHEN s.rho_pico = 0 THEN 0
                    ELSE least(coalesce(ehds.zcdp_epsilon(s.rho_pico * 0.000000000001, (p.delta_atto - p.selection_delta_atto) * 0.000000000000000001), 1000),
                               p.epsilon_nano * 0.000000001) END AS epsilon,
               CASE WHEN p.accounting = 'zcdp' AND s.rho_pico > 0 THEN p.delta_atto - p.selection_delta_atto + s.delta_atto
                    ELSE s.delta_atto END AS delta_atto) c
    WHERE p.epsilon_nano IS NOT NULL
      AND (pg_has_role(ehds.acting_role(), p.grantee, 'MEMBER')
           OR pg_has_role(ehds.acting_role(), 'ehds_admin', 'MEMBER')
           OR pg_has_role(ehds.acting_role(), 'ehds_auditor', 'MEMBER'))
    $$;
COMMENT ON FUNCTION ehds.budgets() IS 'the rows of the view ehds.budget';

CREATE VIEW ehds.budget AS
    SELECT b.permit, b.epsilon_total, b.epsilon_spent, b.epsilon_left,
           b.delta_total, b.delta_spent, b.delta_left,
           b.accounting, b.rho_total, b.rho_spent, b.rho_left, b.queries_left
    FROM ehds.budgets() b;
GRANT SELECT ON ehds.budget TO PUBLIC;
COMMENT ON VIEW ehds.budget IS
    'privacy budget of each permit that has one: total, spent and left, in epsilon and delta; a member of the permit''s grantee sees it, ehds_admin and ehds_auditor see all. rho: of a permit in zCDP, where rho is what adds up, and epsilon is what it means at the delta of the conversion; queries_left: how many queries that cost what the last one did can still be asked, NULL before the first one';

-- No constraint: rows and their entries in the index are written below the level of SQL (releases.c).
CREATE TABLE ehds.release_part (
    key     bytea,
    store   bigint,
    release integer,
    part    integer,
    parts   integer,
    at      timestamptz,
    permit  text,
    data    bytea
);
COMMENT ON TABLE ehds.release_part IS
    'released figures under privacy budgets, in parts, by a hash of query, settings and permit, so that the same query gets the same answer; written by the extension alone, never changed';
SELECT pg_catalog.pg_extension_config_dump('ehds.release_part', '');

CREATE INDEX release_part_key ON ehds.release_part (key, at);
COMMENT ON INDEX ehds.release_part_key IS 'recorded answers are found by it; without it, or beside another index, no query under a privacy budget runs';

CREATE FUNCTION ehds.release_guard() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
        MESSAGE = 'a release that has been given is never changed or removed',
        HINT = 'SET ehds.fresh = on asks for a new one.';
END
$$;
REVOKE ALL ON FUNCTION ehds.release_guard() FROM PUBLIC;
COMMENT ON FUNCTION ehds.release_guard() IS
    'trigger: a release that was kept stays; every change and removal raises 42501';
CREATE TRIGGER release_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON ehds.release_part
    FOR EACH STATEMENT EXECUTE FUNCTION ehds.release_guard();
ALTER TABLE ehds.release_part ENABLE ALWAYS TRIGGER release_guard;
