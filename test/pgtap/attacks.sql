-- Tricks that once worked, or that an attacker would try first: each must fail.
\set ECHO none
\set QUIET 1
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
SELECT no_plan();
SET client_min_messages = warning;

-- what a refusal looks like: an error of the gate, and no row
CREATE FUNCTION public.refused(sql text, what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
    EXECUTE 'SELECT count(*) FROM (' || sql || ') attack' INTO n;
    RETURN public.fail(what || ' (answered)');
EXCEPTION WHEN OTHERS THEN
    IF SQLSTATE NOT IN ('ZE001', 'ZE002', 'ZE003', 'ZE004', 'ZE005') THEN
        RETURN public.fail(what) || E'\n' || public.diag(SQLSTATE || ' ' || SQLERRM);
    END IF;
    RETURN public.pass(what);
END $$;

CREATE SCHEMA a AUTHORIZATION t_analyst;
SET SESSION AUTHORIZATION t_analyst;
SET search_path = permit_hydro, omop, ehds, public, pg_catalog;

-- operators and functions of the analyst's own below the border
CREATE FUNCTION a.leak(int, int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RAISE NOTICE 'value %', $1; RETURN $1 <> $2; END$$;
CREATE OPERATOR a.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
CREATE OPERATOR a.!== (LEFTARG = int, RIGHTARG = int, FUNCTION = a.leak, NEGATOR = OPERATOR(a.===));
SELECT refused($$SELECT count(DISTINCT person_id) FROM condition_occurrence WHERE NOT (condition_concept_id OPERATOR(a.===) 0)$$,
               'a harmless operator whose negator is not');
CREATE FUNCTION a.say(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RAISE NOTICE 'row with %', $1; RETURN 1; END$$;
SELECT refused($$SELECT s.z, count(DISTINCT person_id) FROM condition_occurrence c JOIN
    (SELECT t.concept_id, l.z FROM concept t, LATERAL (VALUES (a.say(t.concept_id))) l(z)) s ON s.concept_id = c.condition_concept_id GROUP BY 1$$,
               'VALUES and LATERAL inside a public subquery');
SELECT throws_ok($$SELECT s.z, count(DISTINCT person_id) FROM condition_occurrence c JOIN
    (SELECT t.concept_id, l.z FROM concept t CROSS JOIN (VALUES (1 / 0)) l(z)) s ON s.concept_id = c.condition_concept_id
    WHERE condition_concept_id = -1 GROUP BY 1$$, '22012', NULL, 'a constant that raises does so whether there are rows or not');
SELECT refused($$WITH x AS (SELECT concept_id, a.say(concept_id) AS z FROM concept)
    SELECT s.z, count(DISTINCT person_id) FROM condition_occurrence c JOIN (SELECT * FROM x) s ON s.concept_id = c.condition_concept_id GROUP BY 1$$,
               'an outer WITH reached through a subquery');

CREATE TABLE a.one (x int);
INSERT INTO a.one VALUES (1), (2);
CREATE FUNCTION a.spy(int) RETURNS bool LANGUAGE plpgsql VOLATILE AS $$BEGIN RAISE NOTICE 'called'; RETURN true; END$$;
SELECT refused($$SELECT count(DISTINCT person_id) FROM condition_occurrence c
    JOIN (SELECT x FROM a.one GROUP BY x HAVING a.spy(x)) s ON s.x < c.condition_concept_id$$, 'HAVING inside a public subquery');
SELECT refused($$SELECT count(DISTINCT person_id) FROM condition_occurrence c
    JOIN (SELECT DISTINCT a.spy(x) AS y FROM a.one) s ON s.y$$, 'DISTINCT inside a public subquery');

-- rows of different persons must not meet
SELECT refused($$SELECT c2.condition_concept_id, count(*) FROM (person p1 CROSS JOIN condition_occurrence c2)
    LEFT JOIN person v ON v.person_id = p1.person_id AND v.person_id = c2.person_id GROUP BY 1$$,
               'ON of an outer join does not join two tables of the kept side');
SELECT refused($$SELECT count(*) FROM person t0 RIGHT JOIN (condition_occurrence t1 JOIN visit_occurrence t2 ON t1.person_id = t1.person_id)
    ON t2.person_id = t0.person_id AND t0.person_id = t1.person_id$$, 'nor of a RIGHT JOIN');
SELECT refused($$SELECT k, d, count(DISTINCT pid) FROM (SELECT v.person_id AS pid, c.condition_concept_id AS k, c.condition_start_date AS d
    FROM condition_occurrence c LEFT JOIN visit_occurrence v ON v.person_id = c.person_id AND v.cost = -1) s GROUP BY 1, 2$$,
               'a subject that an outer join makes NULL');
SELECT throws_ok($$SET ehds.show_zero = on$$, '42501', NULL, 'whether zeros are shown is not the analyst''s choice');

-- weights and repeated rows encode small groups in a sum
CREATE TABLE a.w (id int PRIMARY KEY, w bigint);
INSERT INTO a.w VALUES (100, 1000000), (200, 1000000), (300, 1000000), (400, 1000001), (500, 1001000);
SELECT refused($$SELECT sum(w.w) FROM condition_occurrence c JOIN a.w ON w.id = c.condition_concept_id$$, 'a sum of the analyst''s weights');
SELECT is((SELECT sum(condition_concept_id) FROM condition_occurrence WHERE condition_concept_id IN (100, 400)), NULL,
          'a sum of a column with few values does not count a small group');
SELECT refused($$SELECT sum(person_id) FROM person$$, 'a sum of the subject column');
SELECT refused($$SELECT sum(v.person_id) FROM person p LEFT JOIN visit_occurrence v ON v.person_id = p.person_id$$, 'of a subject that may be NULL too');
CREATE TABLE a.m1 (id int PRIMARY KEY); CREATE TABLE a.m2 (id int PRIMARY KEY);
INSERT INTO a.m1 SELECT generate_series(1, 1000); INSERT INTO a.m2 SELECT generate_series(1, 1000);
SELECT refused($$SELECT count(*) FROM condition_occurrence c, a.m1, a.m2 WHERE m1.id = m2.id AND (c.condition_concept_id = 400 OR m1.id = 1)$$,
               'two public tables that are unique only by each other');
SELECT refused($$SELECT count(*) FROM condition_occurrence c JOIN a.m1 ON c.condition_concept_id = 400 OR m1.id = 1$$, 'a join that repeats chosen rows');
SELECT lives_ok($$SELECT count(DISTINCT person_id) FROM condition_occurrence c JOIN a.m1 ON c.condition_concept_id = 400 OR m1.id = 1$$, 'persons are counted once however often they are repeated');
CREATE TABLE a.parent (id int PRIMARY KEY); CREATE TABLE a.child () INHERITS (a.parent);
INSERT INTO a.parent VALUES (100), (400); INSERT INTO a.child SELECT 400 FROM generate_series(1, 99);
SELECT refused($$SELECT count(*) FROM condition_occurrence JOIN a.parent ON id = condition_concept_id$$, 'a unique key that inheriting tables do not keep');
SELECT lives_ok($$SELECT count(*) FROM condition_occurrence JOIN concept ON concept_id = condition_concept_id$$, 'a join by a primary key repeats nothing');
SELECT is((SELECT count(*) FROM (SELECT count(*) - count(DISTINCT person_id) AS few FROM condition_occurrence WHERE condition_concept_id IN (100, 400)) s WHERE few = 5),
          0::bigint, 'rows less persons do not show a small group');
SELECT is((SELECT count(*) FROM (SELECT count(*) AS n, count(DISTINCT p.person_id) AS persons FROM person p
    LEFT JOIN condition_occurrence c ON c.person_id = p.person_id AND c.condition_concept_id = 500) s WHERE n > persons),
          0::bigint, 'nor rows that one person has more than all others');

-- errors that only a certain row would raise
CREATE COLLATION a.nd (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
CREATE FUNCTION a.only_if(expr text) RETURNS text LANGUAGE sql AS
    $$SELECT 'SELECT count(*) FROM visit_occurrence WHERE CASE WHEN cost = 10000000 THEN ' || expr || ' ELSE true END'$$;
SELECT refused(a.only_if(e), 'no error below the border: ' || e) FROM unnest(ARRAY[
    $$region COLLATE a.nd LIKE 'n%'$$,
    $$starts_with(region COLLATE a.nd, 'n')$$,
    $$1 = ANY (ARRAY[ARRAY[1], CASE WHEN cost = 10000000 THEN ARRAY[1, 2] ELSE ARRAY[1] END])$$,
    $$factorial(CASE WHEN cost = 10000000 THEN -1::bigint ELSE 1 END) > 0$$,
    $$lo_tell64(cost) > 0$$,
    $$region ~ region$$,
    $$region ~ '(a)\1'$$,
    $$region ~ '^(?!n)'$$,
    $$region ~ '(x{1,60}){1,60}'$$,
    $$region || repeat('a', cost) = ''$$,
    $$date_trunc(region, visit_start_date::timestamp) IS NULL$$,
    $$extract(timezone FROM visit_start_date::timestamptz) > 0$$,
    $$to_char(visit_start_date, region) = ''$$,
    $$cost::numeric ^ cost::numeric > 0$$,
    $$cost::numeric ^ 0.5 > 0$$,
    $$1 / current_setting('ehds.k')::int > 0$$,
    $$region::regclass IS NULL$$,
    $$region::json IS NULL$$,
    $$region::xml IS NULL$$,
    $$region::interval IS NULL$$,
    $$(ARRAY[1, 2])[cost] > 0$$]) e;
-- what would raise for that row is NULL for it; nothing is said of it
SELECT lives_ok(a.only_if(e), 'no error of one row: ' || e) FROM unnest(ARRAY[
    $$1 / (cost - 10000000) > 0$$,
    $$cost % (cost - 10000000) > 0$$,
    $$region::int > 0$$,
    $$region::date IS NULL$$,
    $$region::numeric(5, 2) IS NULL$$,
    $$region::boolean IS NULL$$,
    $$region LIKE region || '\'$$,
    $$region LIKE '%\'$$,
    $$(cost + 2147483647) > 0$$,
    $$(cost * cost) > 0$$,
    $$cost::smallint > 0$$,
    $$(cost * 1e303::float8)::float4 > 0$$,
    $$exp(cost) > 0$$,
    $$ln(cost - 10000000) > 0$$,
    $$sqrt(cost - 10000001) > 0$$,
    $$(cost::numeric)::numeric(3, 1) > 0$$,
    $$substr(region, cost - 10000001) = ''$$,
    $$substring(region, 1, -cost) = ''$$,
    $$split_part(region, 'o', cost - 10000000) = ''$$,
    $$lpad(region, cost * 100) = ''$$,
    $$visit_start_date + 2147483647 > visit_start_date$$,
    $$visit_start_date + cost * interval '100 years' > visit_start_date$$,
    $$visit_start_date - cost * interval '1 month' IS NULL$$,
    $$make_date(cost, 1, 1) IS NULL$$,
    $$to_date(region, 'YYYY-MM-DD') IS NULL$$,
    $$date_part('year', visit_start_date) > 0$$,
    $$date_trunc('millennium', make_date(-4713, 12, 1)::timestamp - cost * interval '0 days') IS NULL$$,
    $$extract(epoch FROM visit_start_date) > 0$$,
    $$width_bucket(cost, 1, 1, 5) > 0$$,
    $$age('infinity'::timestamp, visit_start_date) IS NULL$$,
    $$current_date + 2147483646 > visit_start_date$$]) e;
SELECT is((SELECT count(*) FROM visit_occurrence WHERE CASE WHEN cost = 10000000 THEN 1 / (cost - 10000000) > 0 ELSE true END),
          (SELECT count(*) FROM visit_occurrence WHERE CASE WHEN cost = 10000000 THEN NULL ELSE true END), 'it is as if the value were unknown');
SELECT refused($$SELECT count(*) FROM (SELECT region COLLATE "POSIX" AS r, region COLLATE "C" AS rc, person_id, cost FROM visit_occurrence) s
    WHERE CASE WHEN cost = 10000000 THEN GREATEST(r, rc) IS NULL ELSE true END$$, 'GREATEST without a collation');
-- a collation speaks up (a warning, or an error) when it is loaded, which is when the first row is compared
CREATE COLLATION a.stale (provider = icu, locale = 'fr', version = '0.1');
CREATE TABLE a.stale_names (t text COLLATE a.stale);
INSERT INTO a.stale_names VALUES ('north');
SELECT refused(q, 'a collation of another version: ' || q) FROM unnest(ARRAY[
    $$SELECT count(*) FROM visit_occurrence WHERE CASE WHEN cost = 10000000 THEN region COLLATE a.stale > 'm' ELSE true END$$,
    $$SELECT region COLLATE a.stale, count(*) FROM visit_occurrence GROUP BY 1$$,
    $$SELECT count(*) FROM (SELECT DISTINCT person_id, region COLLATE a.stale FROM visit_occurrence) v$$,
    $$SELECT count(*) FROM (SELECT person_id, row_number() OVER (PARTITION BY person_id ORDER BY region COLLATE a.stale) AS n FROM visit_occurrence) v WHERE n = 1$$,
    $$SELECT count(*) FROM visit_occurrence JOIN a.stale_names ON t = region$$,
    $$SELECT count(*) FROM visit_occurrence JOIN (SELECT DISTINCT t FROM a.stale_names) s ON s.t COLLATE "C" = region COLLATE "C"$$]) q;
SELECT refused($$SELECT count(*) FROM visit_occurrence WHERE upper(CASE WHEN cost = 10000000 THEN repeat('a', 300000000) ELSE region END) <> ''$$,
               'a size limit that one row exceeds');
SELECT refused($$SELECT count(*) FROM visit_occurrence GROUP BY CASE WHEN cost = 10000000 THEN repeat('a', 2000) ELSE '' END$$, 'a large constant');
CREATE TABLE a.big (id int PRIMARY KEY, t text);
INSERT INTO a.big VALUES (500, repeat('x', 200000));
SELECT lives_ok($$SELECT count(*) FROM condition_occurrence JOIN a.big ON id = condition_concept_id
    WHERE replace(t, 'x', repeat('y', 1000)) IS NOT NULL OR t || t || t > '' OR upper(t) = '' OR t ~ 'y$' OR lower(t) LIKE '%y' OR t LIKE t OR t::int > 0$$, 'texts of the analyst''s own are cut off before they are copied');
SELECT lives_ok($$SELECT upper(concept_name), count(DISTINCT person_id) FROM condition_occurrence JOIN concept ON concept_id = condition_concept_id
    WHERE lower(concept_name) LIKE 'a%' GROUP BY 1$$, 'columns of permits and public tables are computed with');
PREPARE by_text(text) AS SELECT count(*) FROM visit_occurrence WHERE region = $1;
SELECT lives_ok($$EXECUTE by_text('north')$$, 'a text parameter is compared');
PREPARE upper_text(text) AS SELECT count(*) FROM visit_occurrence WHERE upper(CASE WHEN cost = 1 THEN $1 ELSE region END) = '';
SELECT throws_ok($$EXECUTE upper_text('north')$$, 'ZE002', NULL, 'and not computed with');
SELECT is((SELECT count(*) FROM (SELECT sum(cost) AS s FROM visit_occurrence WHERE visit_start_date < '2021-03-01') t WHERE s IS NULL), 0::bigint, 'a sum is shown');
SET ehds.dominance_share = 5;
SELECT is((SELECT count(*) FROM (SELECT sum(cost) AS s FROM visit_occurrence WHERE visit_start_date < '2021-03-01') t WHERE s IS NULL), 0::bigint,
          'the analyst cannot find the largest contributor by tightening a rule');
RESET ehds.dominance_share;
SELECT lives_ok($q$SELECT count(*) FROM visit_occurrence WHERE visit_start_date BETWEEN current_date - 10000 AND current_date - INTERVAL '1 day'$q$,
                'shifts of the current date by constants are fine');
SELECT lives_ok($q$SELECT count(*) FROM person WHERE year_of_birth > 1950 + 1$q$, 'and constants are computed');
SELECT refused($$SELECT count(*) FROM (SELECT region COLLATE "POSIX" AS r, region COLLATE "C" AS rc, person_id FROM visit_occurrence) s WHERE r < rc$$,
               'a comparison without a collation');

-- plans
CREATE FUNCTION a.f() RETURNS SETOF permit_hydro.condition_occurrence LANGUAGE sql STABLE AS 'SELECT * FROM permit_hydro.condition_occurrence';
SELECT throws_ok($$EXPLAIN SELECT * FROM a.f() WHERE condition_concept_id = 500$$, 'ZE004', NULL, 'EXPLAIN through an inlined function');
SELECT refused($$SELECT * FROM a.f()$$, 'an inlined function');
CREATE FUNCTION a.flip() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM set_config('debug_print_plan', 'on', false); RETURN 1; END$$;
SELECT throws_like($$SELECT count(*), a.flip() FROM condition_occurrence$$, '%debug_print_plan%', 'a setting changed by a function that runs while planning');
RESET debug_print_plan;

-- the permit is not handed on
CREATE FUNCTION a.sd() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN RETURN (SELECT count(*) FROM permit_hydro.person); END$$;
SELECT is(a.sd(), 400::bigint, 'a SECURITY DEFINER function works for a member');
GRANT USAGE ON SCHEMA a TO PUBLIC;
SET SESSION AUTHORIZATION t_other;
SELECT throws_ok($$SELECT a.sd()$$, 'ZE001', NULL, 'and for nobody else');

-- differential privacy
SET search_path = permit_open, omop, ehds, public, pg_catalog;
SET ehds.epsilon = '0.001';
SELECT refused($$SELECT dp_count(pid) FROM (SELECT c.person_id AS pid FROM person p LEFT JOIN condition_occurrence c
    ON c.person_id = p.person_id AND c.condition_concept_id = -1) s$$, 'NULL is not a person');
SELECT refused($$SELECT dp_count(p1.person_id) FROM (person p1 CROSS JOIN condition_occurrence c2)
    LEFT JOIN person v ON v.person_id = p1.person_id AND v.person_id = c2.person_id WHERE c2.condition_concept_id = 500$$, 'one person joined to all');
SELECT epsilon_left AS before FROM ehds.budget WHERE permit = 'open' \gset
SELECT is((SELECT count(*) FROM (WITH x AS (SELECT dp_count(person_id) FROM person) SELECT * FROM x) s WHERE false), 0::bigint, 'empty');
SELECT throws_ok($$SET ehds.epsilon = '1000000'; SELECT dp_count(person_id) FROM person$$, NULL, NULL, 'an epsilon beyond all reason');
RESET ehds.epsilon;
RESET SESSION AUTHORIZATION;

-- columns are told without data, also of a join
SET SESSION AUTHORIZATION t_analyst;
SET search_path = permit_hydro, omop, ehds, public, pg_catalog;
SELECT is_empty($$SELECT p.*, c.* FROM person p LEFT JOIN condition_occurrence c ON c.person_id = p.person_id LIMIT 0$$, 'LIMIT 0 of a join');
SELECT is_empty($$WITH x AS (SELECT count(*) FROM person) SELECT * FROM x WHERE 0 = 1$$, 'WHERE 0 = 1 over WITH');

-- an error at the first person would tell that there is one
SELECT throws_ok($$SELECT k_count(person_id, 1000001) FROM person WHERE year_of_birth = 1900$$, '22023', 'k must be at most 1000000', 'a k out of range, nobody there');
SELECT throws_ok($$SELECT k_count(person_id, 1000001) FROM person WHERE year_of_birth = 1950$$, '22023', 'k must be at most 1000000', 'and somebody');
SELECT lives_ok($$SELECT k_count(person_id, 1000000) FROM person WHERE year_of_birth = 1950$$, 'the largest k');
PREPARE nobody AS SELECT count(DISTINCT person_id) FROM person WHERE year_of_birth = 1900;
PREPARE somebody AS SELECT count(DISTINCT person_id) FROM person WHERE year_of_birth = 1950;
SELECT is_empty('EXECUTE nobody', 'under the floor of the permit nobody is shown');
RESET SESSION AUTHORIZATION;
SET ehds.k_floor = 20;
SET SESSION AUTHORIZATION t_analyst;
SELECT throws_ok('EXECUTE nobody', 'ZE001', 'permit "hydro" has a k of 11, below the floor of 20', 'a floor that was raised, nobody there');
SELECT throws_ok('EXECUTE somebody', 'ZE001', 'permit "hydro" has a k of 11, below the floor of 20', 'and somebody');
SELECT throws_ok('SELECT gender_concept_id FROM person WHERE year_of_birth = 1900 GROUP BY 1', 'ZE001', NULL, 'planned under it');
RESET SESSION AUTHORIZATION;
RESET ehds.k_floor;
DEALLOCATE nobody;
DEALLOCATE somebody;
SET SESSION AUTHORIZATION t_governor;
SELECT throws_ok($$SELECT ehds.issue_permit('huge', 't_project', 'research', valid_until => '2099-12-31', k => 1000001)$$, '22023', NULL, 'no permit has a k out of range');
RESET SESSION AUTHORIZATION;
SELECT * FROM finish();
