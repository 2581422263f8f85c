-- The cell-key method: counts of persons with permanent noise. What it protects
-- from is measured here, and what it does not.
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;

-- a population of its own: 40,000 persons, 20 in each street, their keys in three types;
-- known, few: persons whom an attacker of their block can leave out
CREATE SCHEMA town;
CREATE TABLE town.person (person_id integer PRIMARY KEY, street integer NOT NULL, block integer NOT NULL, known boolean NOT NULL, few boolean NOT NULL, born integer NOT NULL, ward integer NOT NULL, ill boolean NOT NULL, name text NOT NULL);
CREATE TABLE town.stay (stay_id bigint PRIMARY KEY, person_id bigint NOT NULL, ward integer NOT NULL, days integer NOT NULL);
CREATE TABLE town.letter (letter_id bigint PRIMARY KEY, person_id text NOT NULL, ward integer NOT NULL);
CREATE TABLE town.lookup (ward integer PRIMARY KEY, label text NOT NULL);
INSERT INTO town.person SELECT i, i % 2000, i % 2000 / 4, i % 4 = 0 AND i / 2000 = 5, i % 4 = 0 AND i / 2000 BETWEEN 1 AND 1 + i % 2000 / 4 % 4, i / 2000, i % 40, md5(i::text) < '8', 'N' || i FROM generate_series(1, 40000) i;
INSERT INTO town.stay SELECT i * 2 + r, i, i % 40, 3 + r FROM generate_series(1, 40000) i, generate_series(0, 1) r;
INSERT INTO town.letter SELECT i, i::text, i % 40 FROM generate_series(1, 40000) i;
INSERT INTO town.lookup SELECT w, 'ward ' || w FROM generate_series(0, 39) w;
ANALYZE;
SELECT ehds.protect('town.person', subject => 'person_id', population => 'town');
SELECT ehds.protect('town.stay', subject => 'person_id', population => 'town');
SELECT ehds.protect('town.letter', subject => 'person_id', population => 'town');
SECURITY LABEL FOR pg_ehds ON TABLE town.lookup IS 'public';
SECURITY LABEL FOR pg_ehds ON COLUMN town.person.name IS 'identifier';
GRANT USAGE ON SCHEMA town TO PUBLIC;
GRANT SELECT ON town.lookup TO PUBLIC;

DO $$
DECLARE r text;
BEGIN
    FOREACH r IN ARRAY ARRAY['t_noisy', 't_noisy2', 't_plain'] LOOP
        EXECUTE format('DROP ROLE IF EXISTS %I', r);
        EXECUTE format('CREATE ROLE %I LOGIN', r);
    END LOOP;
END $$;
CREATE FUNCTION pg_temp.gov(call text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.as_role('t_governor', 'SELECT ehds.' || call) $$;
CREATE FUNCTION pg_temp.permit(name text, holder text, more text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_temp.gov(format('issue_permit(%L, %L, ''research'', valid_until => ''2099-12-31'', k => 11%s)', name, holder, more));
    PERFORM pg_temp.gov(format('permit_table(%L, ''town.person'', ''{person_id,street,block,known,few,born,ward,ill}'')', name));
    PERFORM pg_temp.gov(format('permit_table(%L, ''town.stay'')', name));
    PERFORM pg_temp.gov(format('permit_table(%L, ''town.letter'')', name));
    RETURN pg_temp.as_role('t_governor2', format('SELECT ehds.activate_permit(%L)', name));
END $$;
CREATE FUNCTION pg_temp.noisy(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL search_path = permit_noisy, town, public, pg_catalog;
    RETURN pg_temp.as_role('t_noisy', query);
END $$;
CREATE FUNCTION pg_temp.twin(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL search_path = permit_twin, town, public, pg_catalog;
    RETURN pg_temp.as_role('t_noisy2', query);
END $$;
CREATE FUNCTION pg_temp.exact(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL search_path = permit_plain, town, public, pg_catalog;
    RETURN pg_temp.as_role('t_plain', query);
END $$;
\o
SELECT plan(69);

-- the permit
SELECT throws_ok($$SELECT pg_temp.permit('x', 't_noisy', ', cell_key_max => 0')$$, '22023', 'cell_key_max is 0, not between 1 and 20', 'no noise is no method');
SELECT throws_ok($$SELECT pg_temp.permit('x', 't_noisy', ', cell_key_max => 21')$$, '22023', NULL, 'too much noise');
SELECT throws_ok($$SELECT pg_temp.permit('x', 't_noisy', ', cell_key_max => 5, cell_key_variance => 10.001')$$, '22023', 'cell_key_variance is 10.001, not between 0.1 and 10', 'a variance that is out of reach');
SELECT throws_ok($$SELECT pg_temp.permit('x', 't_noisy', ', cell_key_max => 5, cell_key_variance => 0.01')$$, '22023', NULL, 'next to no variance');
SELECT throws_ok($$SELECT pg_temp.permit('x', 't_noisy', ', cell_key_max => 5, cell_key_variance => ''NaN''')$$, '22023', NULL, 'no number');
SELECT throws_ok($$SELECT pg_temp.permit('x', 't_noisy', ', cell_key_max => 5, cell_key_variance => 2.0001')$$, '22023', NULL, 'too many decimals');
SELECT throws_ok($$SELECT pg_temp.permit('x', 't_noisy', ', cell_key_max => 5, cell_key_no_small => 5')$$, '22023', 'cell_key_no_small is 5, not between 0 and 4', 'small counts beyond the noise');
SELECT throws_ok($$SELECT pg_temp.permit('x', 't_noisy', ', cell_key_variance => 2')$$, '22023', 'cell_key_variance and cell_key_no_small need a cell_key_max', 'a variance of nothing');
SELECT throws_ok($$SELECT pg_temp.permit('x', 't_noisy', ', cell_key_max => 5, output => ''pseudonymised''')$$, '22023', 'a permit for pseudonymised rows has no cell keys', 'rows have no noise');
SELECT throws_ok($$SELECT pg_temp.permit('x', 't_noisy', ', cell_key_max => 5, epsilon => 1, delta => 1e-8')$$, '22023', 'a permit has either a privacy budget or cell keys', 'not both methods');
SELECT lives_ok($$SELECT pg_temp.permit('noisy', 't_noisy', ', cell_key_max => 5')$$, 'a permit with cell keys');
SELECT lives_ok($$SELECT pg_temp.permit('twin', 't_noisy2', ', cell_key_max => 5')$$, 'another one for somebody else');
SELECT lives_ok($$SELECT pg_temp.permit('plain', 't_plain', '')$$, 'and one without, for a third');
SELECT throws_ok($$SELECT pg_temp.permit('beside', 't_noisy', '')$$, '55000', NULL, 'nobody holds an exact permit beside it');
SELECT throws_ok($$SELECT pg_temp.permit('beside', 't_noisy', ', cell_key_max => 6')$$, '55000', NULL, 'nor one with other noise');
SELECT is(pg_temp.noisy('SELECT concat_ws('' '', cell_key_max, cell_key_variance, cell_key_no_small) FROM ehds.my_permits'), '5 2 2', 'the holder sees the parameters');
SELECT is(pg_temp.noisy('SELECT count(*) FROM ehds.cell_key_table(5, 2, 2) WHERE n = 8'), '11', 'and may compute with the table');
SELECT throws_ok($$SELECT * FROM ehds.cell_key_table(5, 11, 2)$$, '22023', NULL, 'which has the same limits');
SELECT is((SELECT bool_and(t.u = 4294967296 AND t.m = 0) FROM (SELECT sum(units) u, sum(noise * units) m FROM ehds.cell_key_table() GROUP BY n) t), true, 'its sums and means are exact');
SELECT is((SELECT count(*) FROM ehds.cell_key_table() WHERE n + noise IN (1, 2) OR n + noise < 0 OR (n = 0 AND noise <> 0)), 0::bigint, 'no 1, no 2, nothing below 0, 0 stays 0');

-- the noise follows the table: 2,000 cells of 20 persons each, none hidden
CREATE TEMP TABLE seen AS SELECT * FROM json_to_recordset(pg_temp.noisy(
    'SELECT json_agg(s) FROM (SELECT street, count(DISTINCT person_id) AS n FROM person GROUP BY street) s')::json) AS x(street integer, n integer);
SELECT is((SELECT count(*) FROM seen), 2000::bigint, 'each street is shown');
-- tails joined beyond 3, so 7 classes and 6 degrees of freedom d; a chi-square variable
-- exceeds d + 2 sqrt(d x) + 2 x with a probability below exp(-x) (Laurent, Massart 2000)
CREATE TEMP TABLE fit AS
SELECT sum((o - e) ^ 2 / e) AS chi FROM (
    SELECT greatest(-3, least(3, t.noise)) AS v, 2000 * sum(t.probability) AS e,
           max((SELECT count(*) FROM seen WHERE greatest(-3, least(3, seen.n - 20)) = greatest(-3, least(3, t.noise)))) AS o
      FROM ehds.cell_key_table() t WHERE t.n = 8 GROUP BY 1) c;
SELECT cmp_ok((SELECT chi::numeric FROM fit), '<', (6 + 2 * sqrt(6 * ln(1e7)) + 2 * ln(1e7))::numeric, 'chi-square of the noise, false alarm below 1e-7');
SELECT cmp_ok((SELECT (max(n) - 20)::integer FROM seen), '<=', 5, 'no more than the maximum');
SELECT cmp_ok((SELECT (20 - min(n))::integer FROM seen), '<=', 5, 'on both sides');

-- permanence: however it is asked
CREATE TEMP TABLE ward AS SELECT pg_temp.noisy('SELECT count(DISTINCT person_id) FROM person WHERE ward = 7') AS n;
SELECT is(pg_temp.noisy('SELECT ehds.k_count(person_id) FROM person WHERE ward IN (7, -7) AND street BETWEEN 0 AND 1999'), n, 'another spelling') FROM ward;
SELECT is(pg_temp.noisy('SELECT n FROM (SELECT ward, count(DISTINCT person_id) AS n FROM person GROUP BY ward) s WHERE ward = 7'), n, 'a group') FROM ward;
SELECT is(pg_temp.noisy('SELECT count(DISTINCT person_id) FROM stay WHERE ward = 7'), n, 'bigint in another table') FROM ward;
SELECT is(pg_temp.noisy('SELECT count(DISTINCT person_id) FROM letter WHERE ward = 7'), n, 'text in a third') FROM ward;
SELECT is(pg_temp.noisy('SELECT count(DISTINCT p.person_id) FROM person p JOIN stay s ON s.person_id = p.person_id WHERE p.ward = 7 AND s.days >= 3'), n, 'a join, other conditions') FROM ward;
SELECT is(pg_temp.noisy('SELECT count(DISTINCT p.person_id) FROM person p JOIN town.lookup l ON l.ward = p.ward WHERE l.label = ''ward 7'''), n, 'a public table') FROM ward;
SELECT is(pg_temp.twin('SELECT count(DISTINCT person_id) FROM person WHERE ward = 7'), n, 'two permits do not average it out') FROM ward;
-- the mean of all spellings is one answer
SELECT is((SELECT count(DISTINCT a)::integer FROM (
    SELECT pg_temp.noisy(format('SELECT count(DISTINCT person_id) FROM person WHERE ward = 7 AND born < %s', 21 + i)) AS a FROM generate_series(0, 50) i) s), 1, 'fifty rewritten queries have one answer');
SELECT is((SELECT count(DISTINCT v)::integer > 5 FROM (SELECT n - 20 AS v FROM seen) s), true, 'while other cells have other noise');
SET ehds.round_to = 10;
SELECT is(pg_temp.noisy('SELECT count(DISTINCT person_id) FROM person WHERE ward = 7'), (round(n::numeric / 10) * 10)::text, 'rounding comes after the noise') FROM ward;
RESET ehds.round_to;

-- who is in a hidden cell
SELECT is(pg_temp.noisy('SELECT count(DISTINCT person_id) FROM person WHERE street = 3 AND born < 0'), NULL, 'nobody is not shown');
SELECT is(pg_temp.noisy('SELECT ehds.k_met(person_id) FROM person WHERE ward = 7'), 'true', 'a shown cell is met');
-- about 10 of 20 in each street are well, and k is 11
\o /dev/null
CREATE TEMP TABLE edge AS SELECT * FROM json_to_recordset(pg_temp.noisy(
    'SELECT json_agg(s) FROM (SELECT street, count(DISTINCT person_id) AS n FROM person WHERE NOT ill GROUP BY street) s')::json) AS x(street integer, n integer);
CREATE TEMP TABLE edge_exact AS SELECT * FROM json_to_recordset(pg_temp.exact(
    'SELECT json_agg(s) FROM (SELECT street, count(DISTINCT person_id) AS n FROM person WHERE NOT ill GROUP BY street) s')::json) AS x(street integer, n integer);
\o
SELECT cmp_ok((SELECT min(n) FROM edge), '=', 11, 'nothing below k is shown');
SELECT is((SELECT count(*) FROM edge LEFT JOIN edge_exact USING (street) WHERE edge_exact.street IS NULL), 0::bigint, 'no cell of fewer than k persons is shown');
SELECT cmp_ok((SELECT count(*) FROM edge_exact LEFT JOIN edge USING (street) WHERE edge.street IS NULL), '>', 20::bigint, 'cells whose noisy count is below k are hidden too');
SELECT is(pg_temp.noisy('SELECT count(*) FROM (SELECT street FROM person WHERE NOT ill GROUP BY street) s'), (SELECT count(*)::text FROM edge), 'keys alone are hidden with their count');

-- what is refused
SELECT throws_ok($$SELECT pg_temp.noisy('SELECT count(*) FROM person')$$, 'ZE002', 'the aggregate count is not answered under permit "noisy"', 'rows are not counted');
SELECT throws_ok($$SELECT pg_temp.noisy('SELECT sum(days) FROM stay')$$, 'ZE002', NULL, 'nor summed');
SELECT throws_ok($$SELECT pg_temp.noisy('SELECT ehds.k_rows(person_id) FROM person')$$, 'ZE002', NULL, 'in no spelling');
SELECT throws_ok($$SELECT pg_temp.noisy('SELECT ehds.k_count(person_id, 12) FROM person')$$, 'ZE002', 'k is the permit''s under a permit with cell keys', 'a chosen k would search for the exact count');
SELECT throws_ok($$SELECT pg_temp.noisy('SELECT count(DISTINCT person_id) FILTER (WHERE ill) FROM person')$$, 'ZE002', NULL, 'no FILTER');
SELECT throws_ok($$SELECT pg_temp.noisy('SELECT ward, count(DISTINCT person_id) FROM person GROUP BY ROLLUP (1)')$$, 'ZE002', NULL, 'no totals');
SELECT throws_ok($$SELECT pg_temp.noisy('SELECT avg(days) FROM stay')$$, 'ZE002', NULL, 'no averages');
SET ehds.suppressed_floor = 'negative';
SET ehds.suppressed = 'negative';
SELECT is(pg_temp.noisy('SELECT count(*) FROM (SELECT street, count(DISTINCT person_id) AS n FROM person WHERE NOT ill GROUP BY street) s'), (SELECT count(*)::text FROM edge), 'hidden cells leave no trace in any mode');
SET ehds.suppressed = 'other';
SELECT is(pg_temp.noisy('SELECT count(*) FROM (SELECT street, count(DISTINCT person_id) AS n FROM person WHERE NOT ill GROUP BY street) s'), (SELECT count(*)::text FROM edge), 'and are not folded');
RESET ehds.suppressed;
RESET ehds.suppressed_floor;
SELECT throws_ok($$SELECT pg_temp.noisy('SELECT count(DISTINCT street) FROM person')$$, 'ZE002', NULL, 'only persons are counted');
SELECT throws_ok($$SELECT pg_temp.noisy('SELECT ehds.cell_key_count(NULL, 11, 5, 2000, 2, ''town'', NULL)')$$, 'ZE004', NULL, 'nobody calls the functions without an approval');
SELECT throws_ok($$SELECT pg_temp.noisy('SELECT ehds.cell_key_count(ehds.k_subjects(person_id, 11), 11, 5, 2000, 2, ''town'', NULL) FROM person')$$, 'ZE002', NULL, 'nor beside his own states');
SELECT throws_ok($$SELECT pg_temp.noisy('SELECT ehds.k_subjects(person_id, 11) FROM person')$$, 'ZE002', NULL, 'and nobody gets a state');

-- The differencing attack: two statements, the second without some known persons of
-- a block of four streets (80 persons). 500 blocks at once; sizes of the deviations are
-- binomial, 5 standard deviations are left (false alarm below 1e-6).
CREATE FUNCTION pg_temp.difference(who text, first text, second text) RETURNS TABLE (block integer, a integer, b integer) LANGUAGE plpgsql AS $$
DECLARE
    one json;
    two json;
    q   text := 'SELECT json_agg(s) FROM (SELECT block, count(DISTINCT person_id) AS n FROM person WHERE %s GROUP BY block) s';
BEGIN
    EXECUTE format('SELECT pg_temp.%I(%L)', who, format(q, first)) INTO one;
    EXECUTE format('SELECT pg_temp.%I(%L)', who, format(q, second)) INTO two;
    RETURN QUERY SELECT x.block, x.n, y.n FROM json_to_recordset(one) AS x(block integer, n integer) JOIN json_to_recordset(two) AS y(block integer, n integer) USING (block);
END $$;
\o /dev/null
CREATE TEMP TABLE p AS SELECT noise AS v, probability AS p FROM ehds.cell_key_table() WHERE n = 8;
-- how often the difference of two noises is d
CREATE TEMP TABLE q AS SELECT x.v - y.v AS d, sum(x.p * y.p) AS p FROM p x, p y GROUP BY 1;

-- (1) Is the person of 1950 + 5 in the first street of the block ill?
CREATE TEMP TABLE ill AS
SELECT e.block, e.a - e.b AS truth, e.a AS exact_a, e.b AS exact_b, c.a, c.b
  FROM pg_temp.difference('exact', 'ill', 'ill AND NOT known') e
  JOIN pg_temp.difference('noisy', 'ill', 'ill AND NOT known') c USING (block);
-- (2) How many persons, 1 to 4, are in the group that the second statement leaves out?
CREATE TEMP TABLE few AS
SELECT e.block, e.a - e.b AS truth, 1 + e.block % 4 AS real, c.a - c.b AS seen
  FROM pg_temp.difference('exact', 'block >= 0', 'NOT few') e
  JOIN pg_temp.difference('noisy', 'block >= 0', 'NOT few') c USING (block);
CREATE TEMP TABLE guess AS
SELECT few.block, few.real, (SELECT g FROM generate_series(1, 4) g LEFT JOIN q ON q.d = few.seen - g ORDER BY coalesce(q.p, 0) DESC, g LIMIT 1) AS guess FROM few;
CREATE TEMP TABLE theory AS
SELECT (SELECT sum(best) / 4 FROM (SELECT max(coalesce(q.p, 0)) AS best FROM generate_series(-9, 14) seen, generate_series(1, 4) g LEFT JOIN q ON true WHERE q.d = seen - g GROUP BY seen) s) AS few,
       (SELECT 1 - q.p FROM q WHERE d = 1) AS noticed;
\o
SELECT is((SELECT count(*) FROM ill WHERE exact_a - exact_b = truth), 500::bigint, 'two exact answers tell of each person whether he is ill') ;
SELECT is((SELECT count(*) FROM few WHERE truth = real), 500::bigint, 'and how many are in a small group');
SELECT diag(format('size of a difference of 1 to 4 persons: exact permit 100 %% right, cell keys %s %%, theory %s %%, a guess without data 25 %%',
    round(100.0 * (SELECT count(*) FROM guess WHERE guess = real) / 500, 1), round(100 * few::numeric, 1))) FROM theory;
SELECT cmp_ok((SELECT abs(count(*) / 500.0 - (SELECT few::numeric FROM theory)) FROM guess WHERE guess = real), '<', 5 * sqrt(0.25 / 500), 'with cell keys the best guess of the size is as good as theory says');
SELECT cmp_ok((SELECT few::numeric FROM theory), '<', 0.45, 'which is little');
-- what the method does not prevent
SELECT is((SELECT count(*) FROM ill WHERE truth = 0 AND a <> b), 0::bigint, 'nobody else in the set: the same answer, so that different answers prove that the person is in it');
SELECT diag(format('membership of one known person: exact permit 100 %% right, cell keys %s %%, theory %s %%',
    round(100.0 * (SELECT count(*) FROM ill WHERE (a <> b) = (truth = 1)) / 500, 1),
    round(100 * ((SELECT avg(1 - truth) FROM ill) + (SELECT avg(truth) FROM ill) * noticed::numeric), 1))) FROM theory;
SELECT cmp_ok((SELECT abs(avg((a <> b)::integer) - (SELECT noticed::numeric FROM theory)) FROM ill WHERE truth = 1), '<', 5 * sqrt(0.25 / 200), 'a person in the set is noticed as often as theory says');
SELECT cmp_ok((SELECT abs(corr(a - exact_a, b - exact_b))::numeric FROM ill WHERE truth = 1), '<', (5 / sqrt(200))::numeric, 'one person more: the noise is independent');
SELECT cmp_ok((SELECT count(*) FROM ill WHERE truth = 1), '>', 200::bigint, 'enough of them');
SELECT is((SELECT count(*) FROM ill WHERE truth = 0 AND a - exact_a = b - exact_b AND exact_a = exact_b) + (SELECT count(*) FROM ill WHERE truth = 1), 500::bigint, 'nobody more: the noise is the same');

-- Averaging over partitions: a ward of 1,000 persons is also the sum of two parts, in
-- many ways. Each sum has a variance of 4, their mean one of 4 / ways.
CREATE TEMP TABLE ways AS SELECT format('street < %s', s) AS one, format('street >= %s', s) AS rest FROM generate_series(120, 1880, 40) s
UNION ALL SELECT format('born < %s', b), format('born >= %s', b) FROM generate_series(2, 18) b;
CREATE TEMP TABLE sums AS
SELECT pg_temp.noisy('SELECT count(DISTINCT person_id) FROM person WHERE ward = 7 AND ' || one)::integer
       + pg_temp.noisy('SELECT count(DISTINCT person_id) FROM person WHERE ward = 7 AND ' || rest)::integer AS n FROM ways;
SELECT diag(format('a count of 1,000 persons from %s partitions: %s', count(*), round(avg(n), 2))) FROM sums;
SELECT cmp_ok((SELECT abs(avg(n) - 1000) FROM sums), '<', (SELECT 5 * sqrt(4.0 / count(*)) FROM sums), 'partitions wear the noise down, which nothing here prevents');

-- later memberships are found
SELECT is((SELECT count(*) FROM ehds.doctor() WHERE finding LIKE 'its noise does not hold%'), 0::bigint, 'no exact permit beside a noisy one');
GRANT t_plain TO t_noisy;
SELECT is((SELECT max(severity) FROM ehds.doctor() WHERE object = 'permit noisy' AND finding LIKE 'its noise does not hold: t_noisy holds permit plain%'), 'critical', 'the doctor finds one');
REVOKE t_plain FROM t_noisy;
-- the same noise under another k: a noisy 17 that is shown under 11 and not under 15 is of fewer than 15
SELECT pg_temp.gov('issue_permit(''other-k'', ''t_noisy'', ''research'', valid_until => ''2099-12-31'', k => 15, cell_key_max => 5)') \g /dev/null
SELECT pg_temp.gov('issue_permit(''same-k'', ''t_noisy'', ''research'', valid_until => ''2099-12-31'', k => 11, cell_key_max => 5)') \g /dev/null
SELECT pg_temp.gov(format('permit_table(%L, ''town.person'', ''{person_id,ward}'')', name)) FROM unnest('{other-k,same-k}'::text[]) name \g /dev/null
SELECT throws_like($$SELECT pg_temp.as_role('t_governor2', 'SELECT ehds.activate_permit(''other-k'')')$$, 'permit "other-k" cannot be activated beside another one%', 'nobody holds the same noise under two k');
SELECT lives_ok($$SELECT pg_temp.as_role('t_governor2', 'SELECT ehds.activate_permit(''same-k'')')$$, 'under one k everybody may');
SELECT throws_ok('SELECT * FROM ehds.cell_key_table(2147483647, 1, 2147483647)', '22023', NULL, 'a table out of range');
SELECT throws_ok('SELECT * FROM ehds.cell_key_table(NULL, 1, 1)', '22023', NULL, 'or without its greatest noise');

SELECT * FROM finish();
