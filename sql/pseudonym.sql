-- pseudonym: shape, bijection on samples, and errors; the values depend on the key file
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_ehds;
SELECT ehds.ensure_key();
RESET client_min_messages;

-- shape
SELECT ehds.pseudonym_of('8001234567', 'hydro-2026', 'subject') ~ '^v1-[0-9a-f]{32}$' AS text_shape,
       pg_typeof(ehds.pseudonym_of(42::bigint, 'hydro-2026', 'visit_id')) AS bigint_type,
       ehds.pseudonym_of(42, 'hydro-2026', 'visit_id') BETWEEN 1 AND 999999999999999 AS bigint_range;
SELECT ehds.pseudonym_of(NULL::text, 'd', 'subject') IS NULL AS text, ehds.pseudonym_of(NULL::bigint, 'd', 'subject') IS NULL AS bigint;

-- the same in a domain, another in another domain, under another kind, and of another type
SELECT ehds.pseudonym_of('1', 'd', 'subject') = ehds.pseudonym_of('1', 'd', 'subject') AS same,
       ehds.pseudonym_of('1', 'd', 'subject') = ehds.pseudonym_of('1', 'e', 'subject') AS other_domain,
       ehds.pseudonym_of('1', 'd', 'subject') = ehds.pseudonym_of('1', 'd', 'visit_id') AS other_kind,
       -- fields are preceded by their lengths: nothing moves from one to the other
       ehds.pseudonym_of('1', 'dx', 'y') = ehds.pseudonym_of('1', 'd', 'xy') AS moved,
       ehds.pseudonym_of('1', 'd', 'subject') = ehds.pseudonym_of('1 ', 'd', 'subject') AS other_value,
       ehds.pseudonym_of(1, 'd', 'subject') = ehds.pseudonym_of(1, 'e', 'subject') AS bigint_other_domain;

-- one call site, several domains
SELECT count(DISTINCT ehds.pseudonym_of('1', d, 'subject')) FROM unnest('{a,b,a,c,b,a}'::text[]) d;

-- no two values meet, all stay in the range, and the order is not kept
SELECT count(*), count(DISTINCT p), min(p) >= 1 AND max(p) <= 999999999999999 AS in_range,
       abs(corr(v, p)) < 0.05 AS no_order, count(*) FILTER (WHERE v = p) AS fixed_points
FROM (SELECT v, ehds.pseudonym_of(v, 'd', 'subject') AS p FROM generate_series(1::bigint, 20000) v) s;
SELECT count(DISTINCT ehds.pseudonym_of(v, 'd', 'subject'))
FROM generate_series(999999999999999 - 999, 999999999999999) v;
SELECT count(*), count(DISTINCT ehds.pseudonym_of(v::text, 'd', 'subject')) FROM generate_series(1, 20000) v;

-- errors, none of which prints the value
SELECT ehds.pseudonym_of(0, 'd', 'subject');
SELECT ehds.pseudonym_of(-7, 'd', 'subject');
SELECT ehds.pseudonym_of(1000000000000000, 'd', 'subject');
SELECT ehds.pseudonym_of('1', NULL, 'subject');
SELECT ehds.pseudonym_of(1, 'd', NULL);
SELECT ehds.pseudonym_of('1', repeat('d', 256), 'subject');

-- without the gate's approval nothing is pseudonymised, not even NULL
\set VERBOSITY sqlstate
SELECT ehds.pseudonym('1', 'd', 'subject', NULL);
SELECT ehds.pseudonym(1, 'd', 'subject', NULL);
SELECT ehds.pseudonym(NULL::text, 'd', 'subject', NULL);
SELECT ehds.pseudonym(NULL::bigint, 'd', 'subject', NULL);
SELECT ehds.pseudonym('1', 'd', 'subject', 'approved');
CREATE ROLE regress_pseudonym;
SET ROLE regress_pseudonym;
SELECT ehds.pseudonym_of('1', 'd', 'subject');
SELECT ehds.pseudonym_of(1, 'd', 'subject');
SELECT ehds.key_check();
RESET ROLE;
DROP ROLE regress_pseudonym;

-- the registered key
\set VERBOSITY default
SELECT ehds.register_key(), ehds.key_check() ~ '^[0-9a-f]{32}$' AS check_value, ehds.key_problem();
SELECT version, check_value = ehds.key_check() AS in_use FROM ehds.key_version;
