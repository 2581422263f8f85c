-- kanon: the k aggregates, what they refuse, and their state
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_ehds;
RESET client_min_messages;

-- the threshold: 10 persons are hidden, 11 are shown, whatever the number of rows
SELECT n, ehds.k_met(s), ehds.k_count(s), ehds.k_rows(s), ehds.k_sum(s, 2) AS k_sum
FROM (VALUES (10), (11)) AS t (n), generate_series(1, n) s, generate_series(1, 3)
GROUP BY n ORDER BY n;

-- every type of subject and value, with a k of one's own; result types are those of the native sum
SELECT ehds.k_count(s, 5), ehds.k_count(s::bigint, 5), ehds.k_count(s::text, 5), ehds.k_count(md5(s::text)::uuid, 5)
FROM generate_series(1, 5) s;
SELECT ehds.k_met(s, 6), ehds.k_met(s::bigint, 6), ehds.k_met(s::text, 6), ehds.k_met(md5(s::text)::uuid, 6),
       ehds.k_rows(s, 5), ehds.k_rows(s::bigint, 5), ehds.k_rows(s::text, 5), ehds.k_rows(md5(s::text)::uuid, 5)
FROM generate_series(1, 5) s;
SELECT pg_typeof(ehds.k_sum(s, s)) AS integer, pg_typeof(ehds.k_sum(s, s::bigint)) AS bigint,
       pg_typeof(ehds.k_sum(s, s::float8)) AS float8, pg_typeof(ehds.k_sum(s, s::numeric)) AS numeric
FROM generate_series(1, 11) s;
SELECT ehds.k_sum(s, v, 5) = sum(v) AS i, ehds.k_sum(s::text, v::bigint, 5) = sum(v::bigint) AS b,
       ehds.k_sum(md5(s::text)::uuid, v::float8, 5) = sum(v::float8) AS f,
       ehds.k_sum(s::bigint, (v / 8.0)::numeric(10, 3), 5)::text = sum((v / 8.0)::numeric(10, 3))::text AS n
FROM generate_series(1, 20) s, LATERAL (VALUES (s * 7 - 30), (NULL), (0)) AS t (v);

-- extremes: exact beyond 64 bits, decimals kept as sum(numeric) keeps them
SELECT ehds.k_count(s), ehds.k_sum(s, 9223372036854775807), ehds.k_sum(s, (-9223372036854775808)::bigint),
       ehds.k_sum(s, 2147483647), ehds.k_sum(s, 1e-20::numeric), ehds.k_sum(s, 1.5::numeric) AS k_sum_5
FROM (SELECT unnest(ARRAY[-9223372036854775808, 9223372036854775807, 0, -1, 1, 2, 3, 4, 5, 6, 7]::bigint[])) AS t (s);
SELECT ehds.k_sum(s, v), sum(v)
FROM (SELECT s, CASE WHEN s = 1 THEN 0.000 ELSE s END FROM generate_series(1, 12) s) AS t (s, v);

-- text is told apart by bytes; long and short, empty and not
SELECT ehds.k_count(s, 5), count(DISTINCT s)
FROM (VALUES (''), (' '), ('a'), ('A'), ('aaaaaaaa'), ('aaaaaaaaa'), ('aaaaaaaab'), (repeat('x', 10000)),
             (repeat('x', 10000) || 'y'), ('é'), (E'e\u0301'), (NULL), ('a'), ('')) AS t (s);

-- nobody: NULL subjects are no persons, and zero is shown only if asked for
SELECT ehds.k_met(s), ehds.k_count(s), ehds.k_rows(s), ehds.k_sum(s, 1) FROM (VALUES (NULL::int), (NULL)) AS t (s);
SELECT ehds.k_met(s), ehds.k_count(s), ehds.k_rows(s), ehds.k_sum(s, 1) FROM generate_series(1, 0) s;
SELECT ehds.k_rows(s) FROM (SELECT nullif(x % 12, 0) FROM generate_series(0, 23) x) AS t (s);
SET ehds.show_zero = on;
SELECT ehds.k_met(s), ehds.k_count(s), ehds.k_rows(s), ehds.k_sum(s, 1) FROM (VALUES (NULL::int), (NULL)) AS t (s);
SELECT ehds.k_count(s), ehds.k_rows(s) FROM generate_series(1, 0) s;
SELECT ehds.k_count(s), ehds.k_rows(s) FROM generate_series(1, 1) s;
RESET ehds.show_zero;

-- small counts inside big cells: everybody has one row of A, and some have one of B too
SELECT both_, ehds.k_count(s), ehds.k_rows(s), ehds.k_rows(s) - ehds.k_count(s) AS have_both
FROM (SELECT both_, s FROM (VALUES (0), (5), (10), (11), (389), (390), (400)) AS b (both_), generate_series(1, 400) s
      UNION ALL SELECT both_, s FROM (VALUES (5), (10), (11), (389), (390), (400)) AS b (both_), generate_series(1, both_) s) t
GROUP BY both_ ORDER BY both_;
-- one of them with a third row: two equations no longer give three unknowns
SELECT ehds.k_rows(s) FROM (SELECT s FROM generate_series(1, 400) s UNION ALL SELECT greatest(s, 1) FROM generate_series(0, 390) s) t;

-- who contributes nothing to a sum does not count for it
SELECT ehds.k_sum(s, v) FROM (SELECT s, CASE WHEN s <= 10 THEN 1 ELSE 0 END FROM generate_series(1, 50) s) AS t (s, v);
SELECT ehds.k_sum(s, v) FROM (SELECT s, CASE WHEN s <= 10 THEN 1 END FROM generate_series(1, 50) s) AS t (s, v);
SELECT ehds.k_sum(s, v), ehds.k_sum(s, v::float8), ehds.k_sum(s, v::numeric)
FROM (SELECT s, 1 FROM generate_series(1, 10) s
      UNION ALL SELECT s, v FROM generate_series(11, 50) s, (VALUES (5), (-5)) AS w (v)) AS t (s, v);

-- dominance: of a person, not of a row, and of the absolute total
CREATE TEMP TABLE turnover AS
	SELECT s, CASE s WHEN 1 THEN 860 ELSE 9 + s % 2 * 2 END AS v FROM generate_series(1, 15) s;
SELECT ehds.k_sum(s, v), ehds.k_sum(s, v::bigint), ehds.k_sum(s, v::float8), ehds.k_sum(s, v::numeric) FROM turnover;
UPDATE turnover SET v = 850 WHERE s = 1;
INSERT INTO turnover VALUES (16, 10);
SELECT ehds.k_sum(s, v), ehds.k_sum(s, v::bigint), ehds.k_sum(s, v::float8), ehds.k_sum(s, v::numeric) FROM turnover;
SELECT ehds.k_sum(s, v) FROM (SELECT 1 AS s, 1 AS v FROM generate_series(1, 1000) UNION ALL SELECT s, 1 FROM generate_series(2, 20) s) t;
SELECT ehds.k_sum(s, v) FROM (VALUES (1, -1000)) AS t (s, v);
SELECT ehds.k_sum(s, v) FROM (SELECT 1 AS s, -1000 AS v UNION ALL SELECT s, 1 FROM generate_series(2, 20) s) t;
-- two contributions, one of them of few: the sum and the number of persons would tell how many
SELECT ehds.k_sum(s, v), ehds.k_sum(s, v::bigint), ehds.k_sum(s, v::float8), ehds.k_sum(s, v::numeric)
FROM (SELECT s, CASE WHEN s <= 5 THEN 500 ELSE 100 END AS v FROM generate_series(1, 400) s) t;
SELECT ehds.k_sum(s, v), ehds.k_sum(s, v::bigint), ehds.k_sum(s, v::float8), ehds.k_sum(s, v::numeric)
FROM (SELECT s, CASE WHEN s <= 390 THEN 500 ELSE 100 END AS v FROM generate_series(1, 400) s) t;
SELECT ehds.k_sum(s, v), ehds.k_sum(s, v::bigint), ehds.k_sum(s, v::float8), ehds.k_sum(s, v::numeric)
FROM (SELECT s, CASE WHEN s <= 11 THEN 500 ELSE 100 END AS v FROM generate_series(1, 400) s) t;
-- all but a few have one total: the sum is theirs less what all others have
SELECT few, ehds.k_sum(s, v) AS integer, ehds.k_sum(s, v::bigint) AS bigint, ehds.k_sum(s, v::float8) AS float8, ehds.k_sum(s, v::numeric) AS numeric,
	   round(ehds.k_avg(s, v), 4) AS avg, round(ehds.k_stddev(s, v), 4) AS stddev
FROM (SELECT few, s, CASE WHEN s <= few THEN 100 + s ELSE 100 END AS v FROM (VALUES (0), (1), (2), (10), (11), (389), (390), (399)) AS f (few), generate_series(1, 400) s) t
GROUP BY few ORDER BY few;
-- half of few persons, and more than half
SELECT ehds.k_sum(s, v) FROM (SELECT s, CASE WHEN s <= 8 THEN 100 ELSE s END AS v FROM generate_series(1, 16) s) t;
SELECT ehds.k_sum(s, v) FROM (SELECT s, CASE WHEN s <= 8 THEN 100 ELSE s END AS v FROM generate_series(1, 15) s) t;
-- rows of each: one by most, more or fewer by a few
SELECT ehds.k_rows(s), ehds.k_count(s) FROM (SELECT s FROM generate_series(1, 100) s, LATERAL generate_series(1, CASE WHEN s <= 3 THEN 1 WHEN s > 98 THEN 3 ELSE 2 END) r) t;
-- the two largest together, and the p % rule
SET ehds.dominance_n = 2;
SELECT ehds.k_sum(s, v), ehds.k_sum(s, v::bigint), ehds.k_sum(s, v::float8), ehds.k_sum(s, v::numeric) FROM turnover;
RESET ehds.dominance_n;
SET ehds.p_percent = 16;
SELECT ehds.k_sum(s, v), ehds.k_sum(s, v::float8), ehds.k_sum(s, v::numeric) FROM turnover;
SET ehds.p_percent = 17;
SELECT ehds.k_sum(s, v), ehds.k_sum(s, v::float8), ehds.k_sum(s, v::numeric) FROM turnover;
RESET ehds.p_percent;
-- who may not touch the limits can only tighten
CREATE ROLE regress_kanon;
GRANT SELECT ON turnover TO regress_kanon;
SET ROLE regress_kanon;
SET ehds.dominance_share = 100;
SELECT ehds.k_sum(s, CASE s WHEN 1 THEN 1000 ELSE s END) FROM turnover;
SET ehds.dominance_share = 5;
SELECT ehds.k_sum(s, 1) FROM turnover;
RESET ehds.dominance_share;
SET ehds.k_floor = 2;
SET ehds.show_zero = on;
SET ehds.dominance_share_limit = 100;
SET ehds.dominance_n_floor = 1;
SET ehds.p_percent_floor = 0;
-- and a state is nobody's to make, read or store
SELECT ehds.k_count_transition(NULL, 1);
SELECT ehds.k_combine(NULL, NULL);
SELECT ehds.k_count_final(NULL);
CREATE TEMP TABLE states (s ehds.k_state);
RESET ROLE;
SET ehds.dominance_share_limit = 100;
SET ehds.dominance_share = 100;
SELECT ehds.k_sum(s, CASE s WHEN 1 THEN 1000 ELSE s END) FROM turnover;
RESET ehds.dominance_share;
RESET ehds.dominance_share_limit;

-- sums that are not finite are refused, without an error that would tell
SELECT ehds.k_sum(s, v::float8), ehds.k_sum(s, v::numeric)
FROM (SELECT s, CASE WHEN s = 7 THEN 'NaN' ELSE '1' END FROM generate_series(1, 30) s) AS t (s, v);
SELECT ehds.k_sum(s, v::float8), ehds.k_sum(s, v::numeric)
FROM (SELECT s, CASE WHEN s = 7 THEN '-Infinity' ELSE '1' END FROM generate_series(1, 30) s) AS t (s, v);
SELECT ehds.k_sum(s, 1e308::float8), ehds.k_sum(s % 20, 1e308::float8) FROM generate_series(1, 60) s;
SELECT ehds.k_sum(s, (s % 3 - 1) * 1e307::float8) FROM generate_series(1, 60) s;
-- nor is an overflow an error: in the total of a person, in the sum, in the rules
SELECT ehds.k_sum(s, 9e131071), ehds.k_sum(s % 20, 9e131071), ehds.k_sum(s % 20, 1e131070), ehds.k_sum(s % 20, 1e131060) IS NOT NULL AS shown
FROM generate_series(1, 60) s;
SELECT ehds.k_sum(s, v) FROM (SELECT s, CASE WHEN s = 7 THEN 9e131071 ELSE 1 END FROM generate_series(1, 60) s, generate_series(1, 2)) AS t (s, v);
SELECT ehds.k_sum(s, v) IS NOT NULL AS shown FROM (SELECT s, (repeat('9', 131072) || '.9')::numeric * (s % 2 * 2 - 1) FROM generate_series(1, 20) s) AS t (s, v);
-- not the order of rows
SELECT count(DISTINCT f) FROM (
	SELECT ehds.k_sum(s, v ORDER BY v) FROM (SELECT s, 1e16::float8 / s FROM generate_series(1, 1000) s) AS t (s, v)
	UNION ALL
	SELECT ehds.k_sum(s, v ORDER BY v DESC) FROM (SELECT s, 1e16::float8 / s FROM generate_series(1, 1000) s) AS t (s, v)) AS r (f);

-- wrong arguments
SELECT ehds.k_count(s, 4) FROM generate_series(1, 20) s;
SELECT ehds.k_count(s, 0) FROM generate_series(1, 20) s;
SELECT ehds.k_count(s, -1) FROM generate_series(1, 20) s;
SELECT ehds.k_count(s, 1000001) FROM generate_series(1, 20) s;
SELECT ehds.k_count(s, NULL) FROM generate_series(1, 20) s;
SELECT ehds.k_sum(NULL::int, 1, 2) FROM generate_series(1, 20) s;
SELECT ehds.k_count(s, 5 + s) FROM generate_series(1, 20) s;
SELECT ehds.k_count(s, CASE WHEN s > 10 THEN NULL ELSE 5 END) FROM generate_series(1, 20) s;
SELECT ehds.k_count(s, CASE WHEN s > 10 THEN 0 ELSE 5 END) FROM generate_series(1, 20) s;
SELECT ehds.k_count(s, CASE WHEN s > 10 THEN 1 ELSE 5 END) FROM generate_series(1, 20) s;
SET ehds.k = 4;
SELECT ehds.k_count(s) FROM generate_series(1, 20) s;
SET ehds.k = 1;
SET ehds.k = 1000001;
SET ehds.k = 20;
SELECT ehds.k_count(s), ehds.k_count(s, 5) FROM generate_series(1, 19) s;
RESET ehds.k;
SET ehds.k_floor = 12;
SELECT ehds.k_count(s) FROM generate_series(1, 20) s;
SELECT ehds.k_count(s, 11) FROM generate_series(1, 20) s;
RESET ehds.k_floor;
SELECT ehds.show_cell(ehds.k_cell(s, 5), NULL) FROM generate_series(1, 20) s;
SELECT ehds.show_cell(NULL, NULL);

-- as in native SQL: groups of all sizes, few and many rows a person, neighbours or not
CREATE TABLE kanon_stay AS
	SELECT (x::bigint * 7919 % 20011 - 10000) * CASE WHEN x % 5 = 0 THEN 1000000007 ELSE 1 END AS subject,
		   x % 7 AS region, (x::bigint * x % 1009)::int AS code, x % 5003 AS rare,
		   CASE WHEN x % 11 <> 0 THEN x % 201 - 100 END AS value
	FROM generate_series(1, 60000) x;
UPDATE kanon_stay SET subject = NULL WHERE code = 13;
ANALYZE kanon_stay;

-- what must hold for a grouping: no row differs from its native twin
CREATE FUNCTION kanon_differences(keys text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE format($q$
		WITH native AS (
			SELECT %1$s, count(DISTINCT subject) AS n, count(subject) AS r,
				   count(DISTINCT subject) FILTER (WHERE value > 50) AS f, sum(value) FILTER (WHERE subject IS NOT NULL) AS v,
				   sum(round(value / 3.0, 2)) FILTER (WHERE subject IS NOT NULL) AS w
			FROM kanon_stay GROUP BY %1$s),
		ours AS (
			SELECT %1$s, ehds.k_met(subject) AS met, ehds.k_count(subject) AS n, ehds.k_rows(subject) AS r,
				   ehds.k_count(subject) FILTER (WHERE value > 50) AS f, ehds.k_count(DISTINCT subject) AS d,
				   ehds.k_count(md5(subject::text)::uuid) AS u, ehds.k_count(subject::text || ' is a long text') AS t,
				   ehds.k_met(subject::text, 100) AS met_text, ehds.k_met(subject, 100) AS met_int,
				   ehds.k_sum(subject, value) AS v, ehds.k_sum(subject, value::bigint) AS vb,
				   ehds.k_sum(subject, value::float8) AS vf, ehds.k_sum(subject::text, round(value / 3.0, 2)) AS w
			FROM kanon_stay GROUP BY %1$s)
		SELECT count(*) FROM native n FULL JOIN ours o USING (%1$s)
		WHERE o.met IS DISTINCT FROM (n.n >= 11)
		   OR o.met_text IS DISTINCT FROM (n.n >= 100) OR o.met_int IS DISTINCT FROM (n.n >= 100)
		   OR o.n IS DISTINCT FROM CASE WHEN n.n >= 11 THEN n.n END
		   OR (o.r IS NOT NULL AND (o.r <> n.r OR n.n < 11))
		   OR o.f IS DISTINCT FROM CASE WHEN n.f >= 11 THEN n.f END
		   OR o.d IS DISTINCT FROM o.n OR o.u IS DISTINCT FROM o.n OR o.t IS DISTINCT FROM o.n
		   OR (o.v IS NOT NULL AND (o.v <> n.v OR n.n < 11)) OR o.vb IS DISTINCT FROM o.v OR o.vf IS DISTINCT FROM o.v
		   OR (n.n >= 500 AND o.v IS NULL)
		   OR (o.w IS NOT NULL AND o.w::text <> n.w::text) OR (o.w IS NULL) <> (o.v IS NULL)$q$, keys)
	INTO result;
	RETURN result;
END
$$;

-- the plans differ, the results must not; each plan is looked at, so that none is tested in vain
CREATE FUNCTION kanon_plan(keys text, source text DEFAULT 'kanon_stay') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	result text := '';
BEGIN
	FOR line IN EXECUTE format('EXPLAIN (COSTS OFF) SELECT %1$s, ehds.k_rows(subject) FROM %2$s GROUP BY %1$s', keys, source) LOOP
		IF line ~ 'Aggregate|Gather' THEN
			result := result || '/' || regexp_replace(line, '^[ >-]*', '');
		END IF;
	END LOOP;
	RETURN result;
END
$$;
SET max_parallel_workers_per_gather = 0;
SET enable_sort = off;
SELECT keys, kanon_plan(keys), kanon_differences(keys) FROM (VALUES ('region'), ('code'), ('rare')) AS t (keys);
CREATE TEMP TABLE serial AS
	SELECT rare, code, ehds.k_met(subject, 5) AS m, ehds.k_count(subject, 5) AS n, ehds.k_sum(subject, value, 5) AS v,
		   ehds.k_sum(subject, value / 7::float8, 5) AS f
	FROM kanon_stay GROUP BY GROUPING SETS ((rare), (code), ());
-- spilled
SET work_mem = 64;
SET hash_mem_multiplier = 1;
SELECT keys, kanon_differences(keys) FROM (VALUES ('region'), ('code'), ('rare')) AS t (keys);
SELECT count(*) FROM (
	SELECT rare, code, ehds.k_met(subject, 5) AS m, ehds.k_count(subject, 5) AS n, ehds.k_sum(subject, value, 5) AS v,
		   ehds.k_sum(subject, value / 7::float8, 5) AS f
	FROM kanon_stay GROUP BY GROUPING SETS ((rare), (code), ())
	EXCEPT TABLE serial) t;
RESET work_mem;
RESET hash_mem_multiplier;
RESET enable_sort;
-- sorted
SET enable_hashagg = off;
SELECT keys, kanon_plan(keys), kanon_differences(keys) FROM (VALUES ('region'), ('code'), ('rare')) AS t (keys);
SELECT count(*) FROM (
	SELECT rare, code, ehds.k_met(subject, 5) AS m, ehds.k_count(subject, 5) AS n, ehds.k_sum(subject, value, 5) AS v,
		   ehds.k_sum(subject, value / 7::float8, 5) AS f
	FROM kanon_stay GROUP BY GROUPING SETS ((rare), (code), ())
	EXCEPT TABLE serial) t;
RESET enable_hashagg;
-- parallel
SET max_parallel_workers_per_gather = 3;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE kanon_stay SET (parallel_workers = 3);
SET enable_sort = off;
SELECT keys, kanon_plan(keys) FROM (VALUES ('region'), ('code')) AS t (keys);
SELECT count(*) FROM (
	SELECT NULL::int AS rare, code, ehds.k_met(subject, 5) AS m, ehds.k_count(subject, 5) AS n, ehds.k_sum(subject, value, 5) AS v,
		   ehds.k_sum(subject, value / 7::float8, 5) AS f
	FROM kanon_stay GROUP BY code
	EXCEPT ALL TABLE serial) t;
CREATE TEMP TABLE several AS
	SELECT region, ehds.k_count(subject) AS n, ehds.k_rows(subject) AS r, ehds.k_met(subject) AS m,
		   ehds.k_count(subject::text) AS t, ehds.k_count(md5(subject::text)::uuid) AS u,
		   ehds.k_sum(subject, value) AS s1, ehds.k_sum(subject::text, value::bigint) AS s2,
		   ehds.k_sum(md5(subject::text)::uuid, value / 7::float8) AS s3, ehds.k_sum(subject, value / 7::numeric) AS s4,
		   ehds.k_cell(subject, 10000)::text AS c, ehds.k_cell(subject::text, 5000)::text AS c2
	FROM kanon_stay GROUP BY region;
RESET max_parallel_workers_per_gather;
SET max_parallel_workers_per_gather = 0;
SELECT count(*) FROM (
	TABLE several EXCEPT
	SELECT region, ehds.k_count(subject) AS n, ehds.k_rows(subject) AS r, ehds.k_met(subject) AS m,
		   ehds.k_count(subject::text) AS t, ehds.k_count(md5(subject::text)::uuid) AS u,
		   ehds.k_sum(subject, value) AS s1, ehds.k_sum(subject::text, value::bigint) AS s2,
		   ehds.k_sum(md5(subject::text)::uuid, value / 7::float8) AS s3, ehds.k_sum(subject, value / 7::numeric) AS s4,
		   ehds.k_cell(subject, 10000)::text AS c, ehds.k_cell(subject::text, 5000)::text AS c2
	FROM kanon_stay GROUP BY region) t;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET enable_sort;
RESET max_parallel_workers_per_gather;

-- the rule of k_rows, each branch of it, against native SQL
CREATE TABLE kanon_cell AS
	SELECT g, i + g * 1000 AS subject
	FROM generate_series(1, 1000) g, LATERAL generate_series(1, 9 + g % 23) i,
		 LATERAL generate_series(1, 1 + g / 23 % 3 + CASE WHEN i % 23 < g * 7 % 25 THEN 1 + i % (1 + g / 69 % 3) ELSE 0 END
									+ CASE WHEN i = 2 AND g % 9 = 0 THEN 300 ELSE 0 END) r;
ANALYZE kanon_cell;
CREATE TEMP TABLE kanon_native AS
	WITH person AS (SELECT g, subject, count(*) AS r, min(count(*)) OVER (PARTITION BY g) AS least,
		count(*) OVER (PARTITION BY g, count(*)) AS alike FROM kanon_cell GROUP BY g, subject)
	SELECT g, count(*) AS n, sum(r) AS r, (array_agg(r ORDER BY r DESC))[1] AS top1, (array_agg(r ORDER BY r DESC))[2] AS top2,
		   count(*) FILTER (WHERE r > least) AS more, count(DISTINCT r) AS numbers, max(alike) AS alike
	FROM person GROUP BY g;
CREATE FUNCTION pg_temp.why(c kanon_native, k int, n int DEFAULT 1, share int DEFAULT 85, p int DEFAULT 0) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN c.n < k THEN 'few'
				WHEN (c.top1 + CASE n WHEN 2 THEN c.top2 ELSE 0 END) * 100 > c.r * share THEN 'dominated'
				WHEN (c.r - c.top1 - c.top2) * 100 < c.top1 * p THEN 'p %'
				WHEN c.more BETWEEN 1 AND k - 1 THEN 'few with more'
				WHEN c.numbers = 2 AND c.n - c.more < k THEN 'few with less'
				WHEN c.alike * 2 > c.n AND c.n - c.alike BETWEEN 1 AND k - 1 THEN 'few differ'
				ELSE 'shown' END
$$;
CREATE VIEW kanon_ours AS
	SELECT g, ehds.k_rows(subject) AS i, ehds.k_rows(subject::bigint) AS b, ehds.k_rows('person ' || subject) AS t,
		   ehds.k_rows(md5(subject::text)::uuid) AS u, ehds.k_rows(subject, 7) AS i7
	FROM kanon_cell GROUP BY g;
CREATE FUNCTION pg_temp.wrong(c kanon_native, o kanon_ours) RETURNS bool LANGUAGE sql AS $$
	SELECT concat_ws('/', o.i, o.b, o.t, o.u) <> CASE WHEN pg_temp.why(c, 11) = 'shown' THEN concat_ws('/', c.r, c.r, c.r, c.r) ELSE '' END
		OR o.i7 IS DISTINCT FROM CASE WHEN pg_temp.why(c, 7) = 'shown' THEN c.r END
$$;
SET max_parallel_workers_per_gather = 0;
SELECT pg_temp.why(c, 11) AS eleven, pg_temp.why(c, 7) AS seven, count(*), count(*) FILTER (WHERE pg_temp.wrong(c, o)) AS wrong
FROM kanon_native c JOIN kanon_ours o USING (g) GROUP BY 1, 2 ORDER BY 1, 2;
SET ehds.dominance_n = 2;
SET ehds.dominance_share = 20;
SET ehds.p_percent = 20;
SELECT why, count(*), count(*) FILTER (WHERE i7 IS DISTINCT FROM CASE WHEN why = 'shown' THEN r END) AS wrong
FROM (SELECT pg_temp.why(c, 7, 2, 20, 20) AS why, c.r, o.i7 FROM kanon_native c JOIN kanon_ours o USING (g)) t GROUP BY 1 ORDER BY 1;
RESET ehds.dominance_n;
RESET ehds.dominance_share;
SET ehds.p_percent = 100;
SELECT why, count(*), count(*) FILTER (WHERE i7 IS DISTINCT FROM CASE WHEN why = 'shown' THEN r END) AS wrong
FROM (SELECT pg_temp.why(c, 7, p => 100) AS why, c.r, o.i7 FROM kanon_native c JOIN kanon_ours o USING (g)) t GROUP BY 1 ORDER BY 1;
RESET ehds.p_percent;
-- spilled, sorted, in workers, as a window function
SET enable_sort = off;
SET work_mem = 64;
SET hash_mem_multiplier = 1;
SELECT kanon_plan('g', 'kanon_cell'), count(*) FROM kanon_native c JOIN kanon_ours o USING (g) WHERE pg_temp.wrong(c, o);
RESET work_mem;
RESET hash_mem_multiplier;
RESET enable_sort;
SET enable_hashagg = off;
SELECT kanon_plan('g', 'kanon_cell'), count(*) FROM kanon_native c JOIN kanon_ours o USING (g) WHERE pg_temp.wrong(c, o);
RESET enable_hashagg;
SET max_parallel_workers_per_gather = 3;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE kanon_cell SET (parallel_workers = 3);
SET enable_sort = off;
CREATE TEMP TABLE kanon_workers AS TABLE kanon_ours;
SELECT kanon_plan('g', 'kanon_cell');
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET enable_sort;
SELECT count(*) FROM kanon_native c JOIN kanon_workers w USING (g) WHERE pg_temp.wrong(c, (w.g, w.i, w.b, w.t, w.u, w.i7)::kanon_ours);
SELECT count(*) FROM (SELECT DISTINCT g, ehds.k_rows(subject) OVER (PARTITION BY g) AS i FROM kanon_cell) o JOIN kanon_native c USING (g)
WHERE i IS DISTINCT FROM CASE WHEN pg_temp.why(c, 11) = 'shown' THEN r END;

-- as window functions: a growing frame, a whole one, a moving one
SELECT count(*) FILTER (WHERE n IS DISTINCT FROM CASE WHEN id >= 11 THEN least(id, 3000) END) AS growing,
	   count(*) FILTER (WHERE a <> 3000) AS whole,
	   count(*) FILTER (WHERE m IS DISTINCT FROM CASE WHEN id > 20 THEN 21 WHEN id > 10 THEN id END) AS moving
FROM (
	SELECT id, ehds.k_count(s) OVER (ORDER BY id) AS n, ehds.k_count(s::text) OVER () AS a,
		   ehds.k_count(s) OVER (ORDER BY id ROWS 20 PRECEDING) AS m
	FROM (SELECT id, ((id % 3000) * 7919 % 3001)::bigint AS s FROM generate_series(1, 4000) id) t) w;
SELECT g, ehds.k_sum(s, 1) OVER w, ehds.k_met(s) OVER w, ehds.k_rows(s) OVER w
FROM (SELECT s, s % 2 AS g FROM generate_series(1, 22) s) t
WINDOW w AS (PARTITION BY g ORDER BY s) ORDER BY g, s;

-- subjects longer and more than any first buffer holds, and a k that is large
SELECT ehds.k_count(s), ehds.k_met(s, 100000), ehds.k_met(s, 100001), ehds.k_count(s * 1000003 % 1000000007 * 9000000001),
	   ehds.k_count((s % 30000)::text), ehds.k_met(s::text, 100000), ehds.k_met(s::text, 100001)
FROM (SELECT x % 100000 - 50000::bigint AS s FROM generate_series(1, 250000) x) t;

-- again and again in one statement: contexts that are reset and used again
SELECT sum(n) FROM generate_series(1, 50) x, LATERAL (SELECT ehds.k_count(s + x) AS n FROM generate_series(1, 20) s) t;

-- a nondeterministic collation calls different bytes equal
SET client_min_messages = warning;
DO $$
BEGIN
	CREATE COLLATION kanon_loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
	PERFORM ehds.k_count(s::text COLLATE kanon_loose) FROM generate_series(1, 20) s;
	RAISE EXCEPTION 'was not refused';
EXCEPTION
	WHEN feature_not_supported OR undefined_object OR invalid_parameter_value THEN
		NULL;	-- refused, or a server without ICU
END
$$;
RESET client_min_messages;

-- a variance of three values: rows, sum and sum of squares would tell how many bear each
CREATE TABLE kanon_three AS
	SELECT g, i + g * 1000 AS subject, CASE WHEN i <= g % 11 THEN 2 WHEN i % 3 = 0 THEN CASE WHEN g % 5 = 0 THEN 1 + i % 4 ELSE 1 END ELSE r - r END AS v
	FROM generate_series(1, 300) g, generate_series(1, 30) i, LATERAL generate_series(1, 1 + (g + i) % 2) r;
CREATE TEMP TABLE kanon_few AS
	SELECT g, max(number) AS number, min(bearers) AS bearers FROM (
		SELECT g, v, count(DISTINCT subject) AS bearers, count(*) OVER (PARTITION BY g) AS number FROM kanon_three GROUP BY g, v) t GROUP BY g;
CREATE VIEW kanon_variances AS
	SELECT g, ehds.k_variance(subject, v, 5) IS NULL AS i, ehds.k_variance(subject::bigint, v::bigint, 5) IS NULL AS b, ehds.k_variance('p' || subject, v::float8, 5) IS NULL AS r,
		   ehds.k_stddev(subject, v::numeric, 5) IS NULL AS n, ehds.k_sum(subject, v, 5) IS NULL AS s, round(ehds.k_variance(subject, v, 5), 6) IS DISTINCT FROM round(variance(v), 6) AS wrong
	FROM kanon_three GROUP BY g;
SET max_parallel_workers_per_gather = 0;
SELECT number, bearers < 5 AS few, i, b, r, n, s, count(*), count(*) FILTER (WHERE wrong) AS wrong FROM kanon_few JOIN kanon_variances USING (g) GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3;
CREATE TEMP TABLE kanon_leader AS TABLE kanon_variances;
SET max_parallel_workers_per_gather = 3;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE kanon_three SET (parallel_workers = 3);
SET enable_sort = off;
CREATE TEMP TABLE kanon_shared AS TABLE kanon_variances;
SELECT kanon_plan('g', 'kanon_three');
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET enable_sort;
SELECT count(*) FROM (TABLE kanon_leader EXCEPT TABLE kanon_shared) t;
DROP VIEW kanon_variances;
DROP TABLE kanon_three;

-- a state that arrives from outside
CREATE FUNCTION kanon_try(state text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN 'valid, the same again: ' || (state::ehds.k_state::text = state);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT ehds.k_cell(s::int, 5) AS i, ehds.k_cell(s::text, 5) AS t, ehds.k_cell(md5(s::text)::uuid, 5) AS u,
	   ehds.k_cell(s, 5) FILTER (WHERE s IS NULL) AS none
FROM generate_series(1, 2) s;
SELECT ehds.k_cell(s, 5) FROM generate_series(1, 9) s;
SELECT name, kanon_try(state) FROM (VALUES
	(1, 'empty', ''),
	(2, 'not hexadecimal', 'xy'),
	(3, 'odd', '010'),
	(4, 'upper case', '0A'),
	(5, 'good', '0101010000000000050000000000000002000000000000000101'),
	(6, 'version', '0201010000000000050000000000000002000000000000000101'),
	(7, 'kind 0', '0100010000000000050000000000000002000000000000000101'),
	(8, 'kind 11', '010b010000000000050000000000000002000000000000000101'),
	(9, 'subject 0', '0101000000000000050000000000000002000000000000000101'),
	(10, 'subject 4', '0101040000000000050000000000000002000000000000000101'),
	(11, 'value of k_met', '0101010100000000050000000000000002000000000000000101'),
	(12, 'no value of k_sum', '0104010000000000050000000000000002000000000000000101'),
	(13, 'value 5', '0104010500000000050000000000000002000000000000000101'),
	(14, 'value of k_percentile', '0109010100000000050000000000000000000000000000000000000000000000000000000000'),
	(15, 'flag 2', '0101010002000000050000000000000002000000000000000101'),
	(16, 'settled with subjects', '0101010001000000050000000000000002000000000000000101'),
	(17, 'k 1', '0101010000000000010000000000000000'),
	(18, 'k negative', '0101010000ffffffff0000000000000000'),
	(19, 'k too large', '0101010000000f42410000000000000000'),
	(20, 'k met, not settled', '0101010000000000020000000000000002000000000000000101'),
	(21, 'rows', '010301010000000005000000000000000100000000000000010000000000000003'),
	(22, 'rows without a number', '01030100000000000500000000000000010000000000000001'),
	(23, 'negative rows', '01030101000000000500000000000000010000000000000001ffffffffffffffff'),
	(24, 'settled rows', '0103010101000000050000000000000000'),
	(25, 'count far too large', '0102010000000000050000ffffffffffff0000000000000001'),
	(26, 'cut off', '01010100000000000500000000000000020000000000000001'),
	(27, 'cut off in a distance', '0101010000000000050000000000000002000000000000000180'),
	(28, 'cut off in the header', '01010100000000000500000000000000'),
	(29, 'trailing', '010101000000000005000000000000000200000000000000010100'),
	(30, 'twice', '0101010000000000050000000000000002000000000000000100'),
	(31, 'distance, not in the shortest form', '010101000000000005000000000000000200000000000000018100'),
	(32, 'distance too long', '01010100000000000500000000000000020000000000000001ffffffffffffffffff02'),
	(33, 'all integers apart', '01010100000000000500000000000000028000000000000000ffffffffffffffffff01'),
	(34, 'beyond the last integer', '01010100000000000500000000000000027fffffffffffffff01'),
	(35, 'text', '010103000000000005000000000000000200000001310000000231ff'),
	(36, 'text descending', '01010300000000000500000000000000020000000231320000000131'),
	(37, 'text too long', '0101030000000000050000000000000001ffffffff31'),
	(38, 'long texts', '010103000000000005000000000000000200000019616161616161616161616161616161616161616161616161610000001961616161616161616161616161616161616161616161616162'),
	(39, 'long texts descending', '010103000000000005000000000000000200000019616161616161616161616161616161616161616161616161620000001961616161616161616161616161616161616161616161616161'),
	(40, 'uuid twice', '01010200000000000500000000000000020000000000000001000000000000000200000000000000010000000000000002'),
	(41, 'sum', '01040101000000000500000000000000010000000001000000000000000100000000000000010000000000000001'),
	(42, 'sum 0', '01040101000000000500000000000000010000000001000000000000000000000000000000010000000000000000'),
	(43, 'sum without values', '0104010100000000050000000000000001000000000000000000000000010000000000000001'),
	(44, 'values without subjects', '010401010000000005000000000000000000000000010000000000000001'),
	(45, 'sum, many values', '0104010100000000050000000000000001000000000300000000000000010000000000000001'),
	(46, 'sum, four values', '0104010100000000050000000000000001000000000400000000000000010000000000000001'),
	(47, 'sum, two values', '010401010000000005000000000000000200000000020000000000000001000000000000000200000000000000010000000000000001010000000000000002000000000000000303'),
	(48, 'two values descending', '010401010000000005000000000000000200000000020000000000000002000000000000000100000000000000010000000000000001010000000000000002000000000000000303'),
	(49, 'two values, one bearer', '010401010000000005000000000000000200000000020000000000000001000000000000000200000000000000010000000000000001010000000000000002000000000000000301'),
	(50, 'two values, no bearer', '010401010000000005000000000000000200000000020000000000000001000000000000000200000000000000010000000000000001010000000000000002000000000000000300'),
	(51, 'two values, bearer 4', '010401010000000005000000000000000200000000020000000000000001000000000000000200000000000000010000000000000001010000000000000002000000000000000304'),
	(52, 'scale of integers', '01040101000000000500000000000000010000000101000000000000000100000000000000010000000000000001'),
	(53, 'bigint', '010401020000000005000000000000000100000000010000000000000001000000000000000100000000000000000000000000000001'),
	(54, 'bigint huge', '01040102000000000500000000000000010000000001000000000000000100000000000000017fffffffffffffffffffffffffffffff'),
	(55, 'settled sum', '01040101010000000500000000000000000000000000'),
	(56, 'settled, with a scale', '01040104010000000500000000000000000000000100'),
	(57, 'real', '010401030000000005000000000000000100000000013ff000000000000000000000000000013ff00000000000000000000000000000'),
	(58, 'real NaN', '010401030000000005000000000000000100000000013ff000000000000000000000000000017ff80000000000000000000000000000'),
	(59, 'real value NaN', '010401030000000005000000000000000100000000017ff800000000000000000000000000013ff00000000000000000000000000000'),
	(60, 'real not normal', '010401030000000005000000000000000100000000013ff000000000000000000000000000013ff00000000000003ff0000000000000'),
	(61, 'numeric', '0104010400000000050000000000000001000000010300000000000000010000000c0002000000000001000113880000'),
	(62, 'numeric 1.5', '010401040000000005000000000000000100000001010000000c00020000000000010001138800000000000000010000000c000200000000000100011388'),
	(63, 'numeric NaN', '0104010400000000050000000000000001000000010300000000000000010000000800000000c0000000'),
	(64, 'numeric, scale too small', '0104010400000000050000000000000001000000000300000000000000010000000c000200000000000100011388'),
	(65, 'numeric digit', '0104010400000000050000000000000001000000010300000000000000010000000c00020000000000010001ffff'),
	(66, 'numeric cut off', '0104010400000000050000000000000001000000010300000000000000010000000a00020000000000010001'),
	(67, 'avg', '010501010000000005000000000000000100000000010000000000000001000000000000000200000000000000010000000000000002'),
	(68, 'avg, fewer rows than subjects', '010501010000000005000000000000000100000000010000000000000001000000000000000000000000000000010000000000000002'),
	(69, 'avg, negative rows', '010501010000000005000000000000000100000000010000000000000001ffffffffffffffff00000000000000010000000000000002'),
	(70, 'variance', '010601010000000005000000000000000100000000010000000000000001000000000000000200000000000000000000000000000000000000000000000200000000000000010000000000000002'),
	(71, 'variance, no squares', '010601010000000005000000000000000100000000010000000000000001000000000000000200000000000000010000000000000002'),
	(72, 'variance of reals, squares NaN', '010601030000000005000000000000000100000000013ff000000000000000000000000000017ff8000000000000000000000000000000000000000000013ff00000000000000000000000000000'),
	(73, 'min', '01070101000000000500000000000000010000000001000000000000000100000000000000010000000000000001'),
	(74, 'min, two values', '010701010000000005000000000000000100000000020000000000000001000000000000000200000000000000010000000000000001'),
	(75, 'max of reals, NaN', '010801030000000005000000000000000100000000017ff800000000000000000000000000017ff8000000000000'),
	(76, 'settled max', '01080103010000000500000000000000000000000000'),
	(77, 'percentile', '0109010300000000050000000000000002000000000300000000000000023fe0000000000000000000000000000100000000000000023ff000000000000000000001400000000000000000000000'),
	(78, 'percentile, rows descending', '0109010300000000050000000000000002000000000300000000000000023fe0000000000000000000000000000100000000000000024000000000000000000000013ff000000000000000000000'),
	(79, 'percentile, row of nobody', '0109010300000000050000000000000002000000000300000000000000023fe0000000000000000000000000000100000000000000023ff000000000000000000001400000000000000000000002'),
	(80, 'percentile, fraction 2', '0109010300000000050000000000000002000000000300000000000000024000000000000000000000000000000100000000000000023ff0000000000000000000013ff000000000000000000000'),
	(81, 'percentile, rows cut off', '0109010300000000050000000000000002000000000300000000000000033fe0000000000000000000000000000100000000000000023ff0000000000000000000003ff000000000000000000001'),
	(82, 'subset', '010a01010000000005000000000000000100000000000000010000000000000003'),
	(83, 'subset, flag 4', '010a01010000000005000000000000000100000000000000010000000000000004')
) AS t (no, name, state) ORDER BY no;

-- in binary too
CREATE TEMP TABLE arrived (s ehds.k_state);
\copy arrived FROM PROGRAM 'printf "PGCOPY\012\377\015\012\000\000\000\000\000\000\000\000\000\000\001\000\000\000\031\001\001\001\000\000\000\000\000\005\000\000\000\000\000\000\000\001\377\377\377\377\377\377\377\377\377\377"' (FORMAT binary)
TABLE arrived;
\set VERBOSITY terse
\copy arrived FROM PROGRAM 'printf "PGCOPY\012\377\015\012\000\000\000\000\000\000\000\000\000\000\001\000\000\000\031\001\001\001\000\000\000\000\000\001\000\000\000\000\000\000\000\001\377\377\377\377\377\377\377\377\377\377"' (FORMAT binary)
\copy arrived FROM PROGRAM 'printf "PGCOPY\012\377\015\012\000\000\000\000\000\000\000\000\000\000\001\000\000\000\031\001\001\001\000\000\000\000\000\005\000\000\000\000\000\000\000\002\377\377\377\377\377\377\377\377\377\377"' (FORMAT binary)
\copy arrived TO PROGRAM 'cat >/dev/null' (FORMAT binary)
\set VERBOSITY default

-- combined by a superuser's own aggregate, as Citus does: what fits adds up, what does not is refused
CREATE AGGREGATE kanon_rows(ehds.k_state) (SFUNC = ehds.k_combine, STYPE = ehds.k_state, FINALFUNC = ehds.k_rows_final);
CREATE AGGREGATE kanon_sum(ehds.k_state) (SFUNC = ehds.k_combine, STYPE = ehds.k_state, FINALFUNC = ehds.k_sum_bigint_final);
CREATE AGGREGATE kanon_both(ehds.k_state) (SFUNC = ehds.k_combine, STYPE = ehds.k_state);
-- k_rows with so many rows of each subject, and the sum of as many ones
CREATE FUNCTION kanon_sum_state(subjects int[], n bigint) RETURNS ehds.k_state LANGUAGE sql AS $$
	SELECT ('0104010100' || '00000005' || lpad(to_hex(cardinality(subjects)), 16, '0') || '0000000003'
			|| string_agg(lpad(to_hex(s), 16, '0') || lpad(to_hex(n), 16, '0'), '' ORDER BY s))::ehds.k_state
	FROM unnest(subjects) s
$$;
CREATE FUNCTION kanon_rows_state(subjects int[], n bigint, k int DEFAULT 5) RETURNS ehds.k_state LANGUAGE sql AS $$
	SELECT ('0103010100' || lpad(to_hex(k), 8, '0') || lpad(to_hex(cardinality(subjects)), 16, '0')
			|| string_agg(lpad(to_hex(s), 16, '0') || lpad(to_hex(n), 16, '0'), '' ORDER BY s))::ehds.k_state
	FROM unnest(subjects) s
$$;
SELECT kanon_rows(s) FROM (VALUES (kanon_rows_state('{1,2,3,4,5}', 2)), (NULL), (kanon_rows_state('{1,2,3,4,5}', 1))) AS t (s);
SELECT kanon_rows(s) FROM (VALUES (kanon_rows_state('{1,2,3,4,5}', 2)), (kanon_rows_state('{5,6}', 2))) AS t (s);
SELECT kanon_rows(s) FROM (VALUES (kanon_rows_state('{1,2,3}', 2)), (kanon_rows_state('{4,5}', 2))) AS t (s);
SELECT kanon_rows(s) FROM (VALUES (kanon_rows_state('{1,2,3,4,5}', 2)), (kanon_rows_state('{1,2,3,4,5}', 1, 6))) AS t (s);
SELECT kanon_rows(s) FROM (VALUES (kanon_rows_state('{1,2,3,4,5}', 2)), ('0103020100000000050000000000000000')) AS t (s);
-- rows and sums of integers look alike, and are not mixed
SELECT kanon_rows(s) FROM (VALUES (kanon_rows_state('{1,2,3,4,5}', 2)), ('01040101000000000500000000000000000000000000')) AS t (s);
-- beyond bigint: no error that would tell
SELECT (SELECT kanon_rows(kanon_rows_state('{1,2,3,4,5}', n)) FROM unnest(ARRAY[2, r]) n),
	   (SELECT kanon_sum(kanon_sum_state('{1,2,3,4,5}', n)) FROM unnest(ARRAY[2, r]) n)
FROM (VALUES (9223372036854775807 / 5 - 2), (9223372036854775807 / 5)) AS t (r);
-- so is that of one subject
SELECT kanon_sum(kanon_sum_state('{1,2,3,4,5}', n)) FROM unnest(ARRAY[2, 9223372036854775807]) n;
SELECT kanon_both(s::ehds.k_state) FROM (VALUES
	(NULL), ('0102010000000000050000000000000002fffffffffffffffe03'),
	('010201000000000005000000000000000200000000000000000f'), (NULL)) AS t (s);
SELECT kanon_rows('0101010001000000050000000000000000'::ehds.k_state);
SELECT ehds.k_combine(NULL, '0101010001000000050000000000000000');
SELECT ehds.k_met_final('0101010001000000050000000000000000'),
	   ehds.k_met_final('0101010000000000050000000000000000');
SELECT ehds.k_count_final('0101010001000000050000000000000000');

-- nothing of it is for PUBLIC but the aggregates, show_cell and the report, which reads as its caller; each has its comment
SELECT p.prokind, p.proname, count(*)
FROM pg_proc p
WHERE p.pronamespace = 'ehds'::regnamespace AND p.proname ~ '^(k_|show_cell)'
  AND has_function_privilege('regress_kanon', p.oid, 'EXECUTE')
GROUP BY 1, 2 ORDER BY 1, 2;
SELECT p.oid::regprocedure FROM pg_proc p
WHERE p.pronamespace = 'ehds'::regnamespace AND p.proname ~ '^(k_|show_cell)'
  AND (p.prokind = 'a' OR p.proname = 'show_cell')
  AND (obj_description(p.oid, 'pg_proc') IS NULL OR (p.prokind = 'a' AND p.proparallel <> 's'));
SELECT obj_description('ehds.k_sum(text, double precision, integer)'::regprocedure, 'pg_proc');

DROP AGGREGATE kanon_rows(ehds.k_state);
DROP AGGREGATE kanon_sum(ehds.k_state);
DROP AGGREGATE kanon_both(ehds.k_state);
DROP FUNCTION kanon_rows_state(int[], bigint, int);
DROP FUNCTION kanon_try(text);
DROP FUNCTION kanon_plan(text, text);
DROP FUNCTION kanon_differences(text);
DROP FUNCTION pg_temp.wrong(kanon_native, kanon_ours);
DROP VIEW kanon_ours;
DROP TABLE kanon_stay, kanon_cell, turnover;
DROP ROLE regress_kanon;
