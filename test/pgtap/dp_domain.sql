-- Groups with public keys: all are released, empty ones too, without delta and without selection.
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
CREATE SCHEMA dom;
CREATE TABLE dom.stay (stay_id bigint PRIMARY KEY, person_id bigint NOT NULL, ward integer, yes boolean NOT NULL, maybe boolean, days integer NOT NULL);
-- 400 persons; wards 1 to 3, one person alone in ward 4; nobody in ward 5; ward 9 is not declared
INSERT INTO dom.stay SELECT p, p, CASE p WHEN 1 THEN 4 WHEN 2 THEN 9 ELSE p % 3 + 1 END, p % 2 = 0, CASE WHEN p % 4 <> 0 THEN p % 4 = 1 END, p % 10 FROM generate_series(1, 400) p;
CREATE TABLE dom.ward (ward_id integer PRIMARY KEY, name text NOT NULL, site text);
INSERT INTO dom.ward SELECT w, 'ward ' || w, CASE WHEN w < 3 THEN 'north' WHEN w < 5 THEN 'south' END FROM generate_series(1, 5) w;
CREATE TABLE dom.num AS SELECT g FROM generate_series(101, 1100) g;
SECURITY LABEL FOR pg_ehds ON TABLE dom.ward IS 'public';
SECURITY LABEL FOR pg_ehds ON TABLE dom.num IS 'public';
GRANT USAGE ON SCHEMA dom TO PUBLIC;
GRANT SELECT ON dom.ward, dom.num TO PUBLIC;
ANALYZE;
SELECT ehds.protect('dom.stay', subject => 'person_id', population => 'dom');
DROP ROLE IF EXISTS t_dom;
CREATE ROLE t_dom LOGIN;
SELECT pg_temp.as_role('t_governor', $q$SELECT ehds.issue_permit('dom', 't_dom', 'research', valid_until => '2099-12-31', output => 'statistics', epsilon => 1000000, delta => 1e-6, epsilon_default => 1000, max_groups => 2)$q$);
SELECT pg_temp.as_role('t_governor', $q$SELECT ehds.permit_table('dom', 'dom.stay')$q$);
SELECT pg_temp.as_role('t_governor2', $q$SELECT ehds.activate_permit('dom')$q$);
CREATE FUNCTION pg_temp.asked(query text, epsilon text DEFAULT '1000') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ehds.epsilon', epsilon, true);
    SET LOCAL search_path = permit_dom, dom, public, pg_catalog;
    RETURN pg_temp.as_role('t_dom', format('SELECT string_agg(r::text, '' '' ORDER BY r::text) FROM (%s) r', query));
END $$;
CREATE FUNCTION pg_temp.asked_as_it_is(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL search_path = permit_dom, dom, public, pg_catalog;
    RETURN pg_temp.as_role('t_dom', query);
END $$;
CREATE FUNCTION pg_temp.cost(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    e numeric; d numeric;
BEGIN
    SELECT epsilon_spent, delta_spent INTO e, d FROM ehds.budget WHERE permit = 'dom';
    PERFORM pg_temp.asked(query, '10');
    RETURN (SELECT trim_scale((epsilon_spent - e) / 10) || ' ' || (delta_spent > d) FROM ehds.budget WHERE permit = 'dom');
END $$;
\o
SELECT no_plan();

-- boolean keys
SELECT is(pg_temp.asked('SELECT yes, count(DISTINCT person_id) FROM stay GROUP BY yes'), '(f,200) (t,200)', 'a boolean column');
SELECT is(pg_temp.asked('SELECT maybe, ehds.dp_count(person_id), ehds.dp_sum(person_id, days, 0, 9) FROM stay GROUP BY maybe'), (SELECT string_agg(r::text, ' ' ORDER BY r::text) FROM (SELECT maybe, count(*), sum(days) FROM dom.stay GROUP BY 1) r), 'one that may be NULL');
SELECT is(pg_temp.asked('SELECT days > 20 AS many, count(DISTINCT person_id) FROM stay GROUP BY 1'), '(,0) (f,400) (t,0)', 'empty groups of a condition');
SELECT is(pg_temp.asked('SELECT yes, maybe, count(DISTINCT person_id) FROM stay WHERE days < 0 GROUP BY 1, 2'), '(f,,0) (f,f,0) (f,t,0) (t,,0) (t,f,0) (t,t,0)', 'two of them, and nobody');
-- keys of a public table
SELECT is(pg_temp.asked('SELECT name, count(DISTINCT person_id), ehds.dp_sum(person_id, days, 0, 9), ehds.dp_median(person_id, days, 0, 9) BETWEEN 0 AND 9 FROM ward LEFT JOIN stay ON ward = ward_id GROUP BY name'),
    (SELECT string_agg(r::text, ' ' ORDER BY r::text) FROM (SELECT name, count(DISTINCT person_id), coalesce(sum(days), 0), true FROM dom.ward LEFT JOIN dom.stay ON ward = ward_id GROUP BY name) r), 'an outer join that keeps a public table')
;
SELECT is(pg_temp.asked('SELECT ward_id, count(DISTINCT person_id) FROM ward LEFT JOIN stay ON ward = ward_id GROUP BY 1'), '(1,133) (2,133) (3,132) (4,1) (5,0)', 'groups of one person and of nobody');
SELECT is(pg_temp.asked('SELECT ward_id, count(DISTINCT person_id) FROM stay RIGHT JOIN ward ON ward = ward_id AND days < 5 WHERE ward_id > 2 GROUP BY 1 ORDER BY 1'), (SELECT string_agg(r::text, ' ' ORDER BY r::text) FROM (SELECT ward_id, count(DISTINCT person_id) FROM dom.stay RIGHT JOIN dom.ward ON ward = ward_id AND days < 5 WHERE ward_id > 2 GROUP BY 1) r), 'RIGHT JOIN, conditions on both sides');
SELECT is(pg_temp.asked('SELECT site, count(DISTINCT person_id) FROM ward LEFT JOIN (SELECT person_id, ward AS ward_id FROM stay) s USING (ward_id) GROUP BY 1'), '(,0) (north,266) (south,133)', 'several keys are one group; USING');
SELECT is(pg_temp.asked('SELECT ward_id, count(DISTINCT person_id) FROM ward LEFT JOIN (SELECT person_id, ward AS ward_id FROM stay) s USING (ward_id) GROUP BY 1'), '(1,133) (2,133) (3,132) (4,1) (5,0)', 'the column of USING');
SELECT is(pg_temp.asked_as_it_is('WITH w AS (SELECT ward_id AS id FROM ward WHERE site IS NULL OR ward_id = 4) SELECT string_agg(id || '' '' || n + 1, '', '') FROM (SELECT id, count(DISTINCT person_id) AS n FROM w LEFT JOIN stay ON ward = id GROUP BY id) r'), '4 2, 5 1', 'WITH, read in a subquery');
SELECT is(pg_temp.asked('SELECT g, count(DISTINCT person_id) FROM (VALUES (3), (4), (5), (6)) v(g) LEFT JOIN stay ON ward = g GROUP BY g'), '(3,132) (4,1) (5,0) (6,0)', 'keys that are made');
SELECT is(pg_temp.asked('SELECT g, count(DISTINCT person_id) FROM unnest(ARRAY[3, 4, 5]) g LEFT JOIN stay ON ward = g GROUP BY g'), '(3,132) (4,1) (5,0)', 'an array of keys');
SELECT is(pg_temp.asked('SELECT g, y, count(DISTINCT person_id) FROM (generate_series(4, 5) g CROSS JOIN (VALUES (true), (false)) v(y)) LEFT JOIN stay ON ward = g AND yes = y GROUP BY g, y'), '(4,f,1) (4,t,0) (5,f,0) (5,t,0)', 'combinations of keys that are made');
-- a cast of the analyst's own says that it has cut or padded: equal keys look the same all the same, and long ones are NULL
\o /dev/null
GRANT CREATE ON SCHEMA dom TO t_dom;
SET SESSION AUTHORIZATION t_dom;
CREATE TYPE dom.any_length AS (x text);
CREATE FUNCTION dom.padded(dom.any_length, int, boolean) RETURNS bpchar LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1.x; END';
CREATE FUNCTION dom.cut(dom.any_length, int, boolean) RETURNS varchar LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1.x; END';
CREATE CAST (dom.any_length AS bpchar) WITH FUNCTION dom.padded(dom.any_length, int, boolean);
CREATE CAST (dom.any_length AS varchar) WITH FUNCTION dom.cut(dom.any_length, int, boolean);
CREATE TABLE dom.looks (w int, c char(3), v varchar(5), t text);
INSERT INTO dom.looks SELECT g, (ROW(repeat('a', 1) || repeat(' ', g % 2))::dom.any_length)::char(3), (ROW(repeat('x', 70000))::dom.any_length)::varchar(5) FROM generate_series(1, 3) g;
RESET SESSION AUTHORIZATION;
\o
SELECT is((SELECT count(DISTINCT octet_length(c)) || ' ' || max(octet_length(v)) FROM dom.looks), '2 70000', 'there are such values');
SELECT is(pg_temp.asked('SELECT octet_length(c), n > 390 FROM (SELECT c, count(DISTINCT person_id) AS n FROM stay JOIN looks ON w = ward GROUP BY c) r'), '(3,t)', 'of char(3) all have three characters');
SELECT is(pg_temp.asked('SELECT v IS NULL, n > 390 FROM (SELECT v, count(DISTINCT person_id) AS n FROM stay JOIN looks ON w = ward GROUP BY v) r'), '(t,t)', 'one of varchar(5) is no longer than a text may be');
-- what is written in the query is all there is to it: nothing is computed, or may be altered, until there are persons to join it to
\o /dev/null
GRANT CREATE ON SCHEMA dom TO t_dom;
SET SESSION AUTHORIZATION t_dom;
CREATE SEQUENCE dom.seen;
CREATE TYPE dom.pair AS (a int, b int);
CREATE DOMAIN dom.pair_of AS dom.pair;
CREATE TYPE dom.label AS ENUM ('a');
RESET SESSION AUTHORIZATION;
\o
SELECT throws_ok(format('SELECT pg_temp.asked(%L)', format('SELECT count(DISTINCT person_id) FROM stay JOIN %s ON ward = g.a', f)), 'ZE002', 'a function in FROM cannot be joined to personal data', f)
FROM unnest(ARRAY['generate_series(NULL::int, nextval(''dom.seen'')::int) g(a)', 'generate_series(nextval(''dom.seen''), NULL::bigint) g(a)', 'generate_series(NULL::int, (SELECT 1)) g(a)', 'unnest(ARRAY[ROW(1, 2)]::dom.pair[]) g', 'unnest(''{"(1,2)"}''::dom.pair_of[]) g', 'unnest(ARRAY[nextval(''dom.seen'')]) g(a)', 'unnest(''{a}''::dom.label[]) WITH ORDINALITY g(b, a)']) f;
SELECT is(pg_temp.asked(format('SELECT count(DISTINCT person_id) FROM stay JOIN %s ON ward = g.a', f)), n, f)
FROM (VALUES ('generate_series(NULL::int, 1 + 1) g(a)', '(0)'), ('generate_series(1 + 1, 2) g(a)', '(133)'), ('unnest(NULL::int[]) g(a)', '(0)')) v(f, n);
SELECT is(pg_temp.asked('SELECT ward_id > 3 AS high, yes, count(DISTINCT person_id) FROM ward LEFT JOIN stay ON ward = ward_id GROUP BY 1, 2'), '(f,,0) (f,f,199) (f,t,199) (t,,0) (t,f,1) (t,t,0)', 'keys of the public table and booleans of persons')
;
SELECT is(pg_temp.cost('SELECT ward_id, yes, count(DISTINCT person_id) FROM ward LEFT JOIN stay ON ward = ward_id GROUP BY 1, 2'), '1 false', 'without delta');
-- what costs
SELECT is(pg_temp.cost(q), c, format('%s: %s', c, q)) FROM (VALUES ('SELECT yes, count(DISTINCT person_id) FROM stay GROUP BY yes', '1 false'), ('SELECT ward_id, count(DISTINCT person_id), count(person_id) FROM ward LEFT JOIN stay ON ward = ward_id GROUP BY 1', '2 false'),
    ('SELECT ward, count(DISTINCT person_id) FROM stay GROUP BY 1', '1 true'), ('SELECT ward_id, count(*) FROM ward JOIN stay ON ward = ward_id GROUP BY 1', '2 true')) v(q, c);
-- more combinations than anybody reads are no list of groups: 3 to the power of 11
SELECT is(pg_temp.cost(format('SELECT %s, count(DISTINCT person_id) FROM stay GROUP BY %s', string_agg('days > ' || n, ', ' ORDER BY n), string_agg(n::text, ', ' ORDER BY n))), '1 ' || (count(*) > 10), count(*) || ' conditions') FROM generate_series(1, 11) n, generate_series(3, 11, 8) m WHERE n <= m GROUP BY m;
-- where rows of persons decide which groups there are, they are selected
SELECT is(pg_temp.cost(q), '1 true', 'selected: ' || q) FROM unnest(ARRAY['SELECT ward_id, count(DISTINCT person_id) FROM ward JOIN stay ON ward = ward_id GROUP BY 1', 'SELECT ward_id, count(DISTINCT person_id) FROM ward LEFT JOIN stay ON ward = ward_id WHERE days >= 0 GROUP BY 1',
    'SELECT ward, count(DISTINCT person_id) FROM ward LEFT JOIN stay ON ward = ward_id GROUP BY 1', 'SELECT ward_id, ward, count(DISTINCT person_id) FROM ward LEFT JOIN stay ON ward = ward_id GROUP BY 1, 2']) q
;
SELECT is(pg_temp.asked('SELECT ward_id, count(DISTINCT person_id) FROM ward LEFT JOIN stay ON ward = ward_id WHERE days >= 0 GROUP BY 1'), '(1,133) (2,133) (3,132)', 'and small groups do not show');

-- LIMIT without ORDER BY gives one row to the join and another to the list of keys (each has an index of its
-- own): a key that is not in that list must not come with the persons who meet it
CREATE TABLE dom.picked4 AS SELECT 4 AS w, 1001 - g AS g, repeat('x', 100) AS filler FROM generate_series(1, 1000) g;
CREATE TABLE dom.picked77 AS SELECT 77 AS w, g, filler FROM dom.picked4;
CREATE INDEX ON dom.picked4 (g);
CREATE INDEX ON dom.picked4 (w, g DESC) INCLUDE (filler);
CREATE INDEX ON dom.picked77 (g);
CREATE INDEX ON dom.picked77 (w, g DESC) INCLUDE (filler);
VACUUM ANALYZE dom.picked4, dom.picked77;
ALTER TABLE dom.picked4 OWNER TO t_dom;
ALTER TABLE dom.picked77 OWNER TO t_dom;
SET enable_seqscan = off;
SELECT is(pg_temp.asked(format('SELECT g, count(DISTINCT person_id) FROM (SELECT w, g FROM picked%s LIMIT 1) s LEFT JOIN stay ON ward = w GROUP BY g', w)),
    '(1,0)', 'a public side that is not the same twice, ward ' || w) FROM unnest(ARRAY[4, 77]) w;
RESET enable_seqscan;

-- The noise is that of max_groups groups (with 4,000 draws its mean size is within 10 % but for one time in 1e8)
CREATE FUNCTION pg_temp.draws(query text, queries int) RETURNS TABLE (x numeric) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..queries LOOP
        RETURN QUERY SELECT v::numeric FROM regexp_split_to_table(btrim(pg_temp.asked(query, '0.1'), '()"'), ',') v;
    END LOOP;
END $$;
SELECT ok(count(*) = 4000 AND avg(abs(x)) BETWEEN 0.9 * 20 AND 1.1 * 20 AND abs(avg(sign(x))) < 0.1, format('empty groups: %s draws of mean size %s', count(*), round(avg(abs(x)), 2)))
FROM pg_temp.draws('SELECT string_agg(n::text, '','') FROM (SELECT g, count(DISTINCT person_id) AS n FROM num LEFT JOIN stay ON ward = g GROUP BY g) r', 4);
SELECT * FROM finish();
