-- Groups whose keys have a declared domain: all are released, empty ones too, no other is, and no delta is spent.
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
CREATE SCHEMA decl;
CREATE TYPE decl.colour AS ENUM ('red', 'green', 'blue');
CREATE TABLE decl.visit (visit_id bigint PRIMARY KEY, person_id bigint NOT NULL, sex char(2) NOT NULL, region text, code varchar(5) NOT NULL, age integer NOT NULL,
    amount numeric NOT NULL, day date NOT NULL, token uuid NOT NULL, colour decl.colour NOT NULL, yes boolean NOT NULL, ward integer NOT NULL, free text);
-- 600 persons; sex X, region East, code z, age above 39, amount 9, 2020-01-09 and ward 9 are not declared
INSERT INTO decl.visit SELECT p, p, CASE p % 3 WHEN 0 THEN 'F' WHEN 1 THEN 'M' ELSE 'X' END, CASE p % 4 WHEN 0 THEN 'North' WHEN 1 THEN 'It''s, south' WHEN 2 THEN 'East' END,
    CASE p % 2 WHEN 0 THEN 'a' ELSE 'z' END, p % 60, CASE p % 3 WHEN 0 THEN 1.000 WHEN 1 THEN 2.5 ELSE 9 END, date '2020-01-01' + p % 9, md5((p % 2)::text)::uuid,
    (ARRAY['red', 'green'])[p % 2 + 1]::decl.colour, p % 2 = 0, CASE WHEN p = 1 THEN 4 WHEN p % 5 = 0 THEN 9 ELSE p % 3 + 1 END, 'free ' || p % 2 FROM generate_series(1, 600) p;
-- of 300 persons six rows each, five of them with a key that is not declared
CREATE TABLE decl.busy (person_id bigint NOT NULL, k integer, ward integer);
INSERT INTO decl.busy SELECT p, CASE WHEN n = 0 THEN p % 2 ELSE 100 + n END, CASE WHEN n = 0 THEN 1 + p % 2 ELSE 100 + n END FROM generate_series(1, 300) p, generate_series(0, 5) n;
-- 200 persons with all values, declared or not
CREATE TABLE decl.every (person_id bigint NOT NULL, sex text NOT NULL, maybe text, yes boolean NOT NULL, perhaps boolean, colour decl.colour NOT NULL, ward integer NOT NULL);
INSERT INTO decl.every SELECT p, s, NULLIF(s, 'U'), b, NULLIF(b, false), c, w FROM generate_series(1, 200) p, unnest('{F,M,U,X,Y}'::text[]) s, unnest('{t,f}'::boolean[]) b, unnest('{red,green,blue}'::decl.colour[]) c, generate_series(1, 3) w;
CREATE TABLE decl.ward (ward_id integer PRIMARY KEY, name text NOT NULL);
INSERT INTO decl.ward SELECT w, 'ward ' || w FROM generate_series(1, 5) w;
CREATE TABLE decl.large AS SELECT g AS id FROM generate_series(1, 400) g;
SECURITY LABEL FOR pg_ehds ON TABLE decl.ward IS 'public';
SECURITY LABEL FOR pg_ehds ON TABLE decl.large IS 'public';
SECURITY LABEL FOR pg_ehds ON COLUMN decl.visit.sex IS 'quasi-identifier, domain F, M, U';
SECURITY LABEL FOR pg_ehds ON COLUMN decl.visit.region IS $$domain 'North', 'It''s, south', 'West'$$;
SECURITY LABEL FOR pg_ehds ON COLUMN decl.visit.code IS 'domain a, b';
SECURITY LABEL FOR pg_ehds ON COLUMN decl.visit.age IS 'quasi-identifier, range 0..120 step 1, domain 0..39';
SECURITY LABEL FOR pg_ehds ON COLUMN decl.visit.amount IS 'domain 1.0, 2.50, 7';
SECURITY LABEL FOR pg_ehds ON COLUMN decl.visit.day IS 'domain 2020-01-01..2020-01-08 step 2, 2020-02-01';
SELECT set_config('decl.label', format('SECURITY LABEL FOR pg_ehds ON COLUMN decl.visit.token IS %L', format('domain %s, %s', md5('0')::uuid, md5('7')::uuid)), false);
DO $$ BEGIN EXECUTE current_setting('decl.label'); END $$;
SECURITY LABEL FOR pg_ehds ON COLUMN decl.visit.ward IS 'domain of decl.ward.ward_id';
SECURITY LABEL FOR pg_ehds ON COLUMN decl.busy.k IS 'domain 0, 1, 2';
SECURITY LABEL FOR pg_ehds ON COLUMN decl.busy.ward IS 'domain of decl.ward.ward_id';
SECURITY LABEL FOR pg_ehds ON COLUMN decl.every.sex IS 'domain F, M, U';
SECURITY LABEL FOR pg_ehds ON COLUMN decl.every.maybe IS 'domain F, M, U';
SECURITY LABEL FOR pg_ehds ON COLUMN decl.every.ward IS 'domain of decl.ward.ward_id';
GRANT USAGE ON SCHEMA decl TO PUBLIC;
GRANT SELECT ON decl.ward, decl.large TO PUBLIC;
ANALYZE;
SELECT ehds.protect('decl.visit', subject => 'person_id', population => 'dec');
SELECT ehds.protect('decl.busy', subject => 'person_id', population => 'dec');
SELECT ehds.protect('decl.every', subject => 'person_id', population => 'dec');
DROP ROLE IF EXISTS t_dec;
CREATE ROLE t_dec LOGIN;
SELECT pg_temp.as_role('t_governor', $q$SELECT ehds.issue_permit('dec', 't_dec', 'research', valid_until => '2099-12-31', output => 'statistics', epsilon => 1000000, delta => 1e-6, epsilon_default => 1000, max_groups => 2)$q$);
SELECT pg_temp.as_role('t_governor', $q$SELECT ehds.permit_table('dec', t) FROM unnest('{decl.visit,decl.busy,decl.every}'::regclass[]) t$q$);
SELECT pg_temp.as_role('t_governor2', $q$SELECT ehds.activate_permit('dec')$q$);
CREATE FUNCTION pg_temp.asked_as_it_is(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL search_path = permit_dec, decl, public, pg_catalog;
    RETURN pg_temp.as_role('t_dec', query);
END $$;
CREATE FUNCTION pg_temp.asked(query text, epsilon text DEFAULT '1000', groups text DEFAULT '2') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ehds.epsilon', epsilon, true), set_config('ehds.max_groups', groups, true);
    RETURN pg_temp.asked_as_it_is(format('SELECT string_agg(r::text, '' '' ORDER BY r::text) FROM (%s) r', query));
END $$;
CREATE FUNCTION pg_temp.cost(query text, written text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    e numeric; d numeric;
BEGIN
    SELECT epsilon_spent, delta_spent INTO e, d FROM ehds.budget WHERE permit = 'dec';
    PERFORM pg_temp.asked(query, '10') WHERE written IS NULL;
    -- a row as a text is made by what may change: such a query is asked anew each time
    PERFORM set_config('ehds.epsilon', '10', true), pg_temp.asked_as_it_is(written) WHERE written IS NOT NULL;
    RETURN (SELECT trim_scale((epsilon_spent - e) / 10) || ' ' || (delta_spent > d) FROM ehds.budget WHERE permit = 'dec');
END $$;
CREATE FUNCTION pg_temp.truth(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    SET LOCAL search_path = decl, public, pg_catalog;
    EXECUTE format('SELECT string_agg(r::text, '' '' ORDER BY r::text) FROM (%s) r', query) INTO result;
    RETURN result;
END $$;
\o
SELECT no_plan();

-- listed values
SELECT is(pg_temp.asked('SELECT sex, count(DISTINCT person_id) FROM visit GROUP BY sex'), '("F ",200) ("M ",200) ("U ",0)', 'char: an empty group is shown, undeclared values are not');
SELECT is(pg_temp.asked('SELECT region, count(DISTINCT person_id) FROM visit GROUP BY region'), '("It''s, south",150) (,150) (North,150) (West,0)', 'text, and NULL where the column may be NULL');
SELECT is(pg_temp.asked('SELECT code, count(DISTINCT person_id), ehds.dp_sum(person_id, age, 0, 59), ehds.dp_median(person_id, age, 0, 59) BETWEEN 0 AND 59 FROM visit GROUP BY code'), (SELECT format('(a,300,%s,t) (b,0,0,t)', sum(age)) FROM decl.visit WHERE code = 'a'), 'varchar, other figures');
SELECT is(pg_temp.asked('SELECT amount, count(DISTINCT person_id) FROM visit GROUP BY amount'), '(1,200) (2.5,200) (7,0)', 'numeric: however it is written');
SELECT is(pg_temp.asked('SELECT day, count(DISTINCT person_id) FROM visit GROUP BY day'), (SELECT string_agg(format('(%s,%s)', d::date, (SELECT count(*) FROM decl.visit WHERE day = d)), ' ' ORDER BY d) FROM unnest('{2020-01-01,2020-01-03,2020-01-05,2020-01-07,2020-02-01}'::date[]) d), 'dates, with a step');
SELECT is(pg_temp.asked('SELECT token, count(DISTINCT person_id) FROM visit GROUP BY token'), (SELECT string_agg(r::text, ' ' ORDER BY r::text) FROM (VALUES (md5('0')::uuid, 300), (md5('7')::uuid, 0)) r), 'uuid');
SELECT is(pg_temp.asked('SELECT sum(n) FROM (SELECT age, count(DISTINCT person_id) AS n FROM visit GROUP BY age) r'), '(400)', 'a span of whole numbers');
SELECT is(pg_temp.asked('SELECT count(*), min(age), max(age) FROM (SELECT age, count(DISTINCT person_id) AS n FROM visit GROUP BY age) r'), '(40,0,39)', 'all of it');
SELECT is(pg_temp.asked('SELECT sex, count(DISTINCT person_id) FROM visit WHERE age > 1000 GROUP BY sex'), '("F ",0) ("M ",0) ("U ",0)', 'of nobody');
-- of the type
SELECT is(pg_temp.asked('SELECT colour, yes, count(DISTINCT person_id) FROM visit GROUP BY 1, 2'), '(blue,f,0) (blue,t,0) (green,f,300) (green,t,0) (red,f,0) (red,t,300)', 'an enumeration and a boolean');
ALTER TYPE decl.colour ADD VALUE 'white';
SELECT is(pg_temp.asked('SELECT colour, count(DISTINCT person_id) FROM visit GROUP BY 1'), '(blue,0) (green,300) (red,300) (white,0)', 'with a label that came later');
-- of another column
SELECT is(pg_temp.asked('SELECT ward, count(DISTINCT person_id) FROM visit GROUP BY ward'), pg_temp.truth('SELECT ward_id, (SELECT count(*) FROM visit WHERE ward = ward_id) FROM ward'), 'the keys of a public table');
INSERT INTO decl.ward VALUES (6, 'new');
SELECT is(pg_temp.asked('SELECT ward, count(DISTINCT person_id) FROM visit WHERE ward > 0 GROUP BY ward'), pg_temp.truth('SELECT ward_id, (SELECT count(*) FROM visit WHERE ward = ward_id) FROM ward'), 'as they are when the query runs');

-- combinations, and what is computed from them
SELECT is(pg_temp.asked('SELECT sex, region, yes, count(DISTINCT person_id) FROM visit GROUP BY 1, 2, 3'),
    pg_temp.truth($$SELECT s, t, y, (SELECT count(*) FROM visit WHERE sex = s AND region IS NOT DISTINCT FROM t AND yes = y) FROM unnest('{F,M,U}'::char(2)[]) s, (VALUES ('North'), ('It''s, south'), ('West'), (NULL)) v(t), (VALUES (false), (true)) w(y)$$), 'three keys');
SELECT is(pg_temp.asked('SELECT age / 10 * 10 AS decade, count(DISTINCT person_id) FROM visit GROUP BY 1'), '(0,100) (10,100) (20,100) (30,100)', 'decades');
SELECT is(pg_temp.asked('SELECT CASE WHEN sex = ''F'' THEN ''women'' WHEN sex = ''M'' THEN ''men'' ELSE ''unknown'' END AS who, count(DISTINCT person_id) FROM visit GROUP BY 1'), '(men,200) (unknown,0) (women,200)', 'CASE');
SELECT is(pg_temp.asked('SELECT coalesce(region, ''none'') AS g, count(DISTINCT person_id) FROM visit GROUP BY 1'), '("It''s, south",150) (North,150) (West,0) (none,150)', 'NULL as a text');
SELECT is(pg_temp.asked('SELECT sex, sex = ''F'' AS f, upper(code) AS c, count(DISTINCT person_id) FROM visit GROUP BY 1, 2, 3'), '("F ",t,A,100) ("F ",t,B,0) ("M ",f,A,100) ("M ",f,B,0) ("U ",f,A,0) ("U ",f,B,0)', 'two keys of one column');
SELECT is(pg_temp.asked('SELECT decade, count(DISTINCT person_id) FROM (SELECT *, age / 20 AS decade FROM (SELECT * FROM visit) v) q GROUP BY 1'), '(0,200) (1,200)', 'through subqueries');
SELECT is(pg_temp.asked('SELECT a.sex, b.sex AS sex2, count(DISTINCT a.person_id) FROM visit a JOIN visit b ON a.person_id = b.person_id GROUP BY 1, 2'), pg_temp.truth($$SELECT s, t, CASE WHEN s = t AND s <> 'U' THEN 200 ELSE 0 END FROM unnest('{F,M,U}'::char(2)[]) s, unnest('{F,M,U}'::char(2)[]) t$$), 'one column twice');
SELECT is(pg_temp.asked('SELECT b.sex, count(DISTINCT a.person_id) FROM visit a LEFT JOIN (SELECT person_id, sex FROM visit WHERE age < 30) b ON a.person_id = b.person_id GROUP BY 1'), '("F ",100) ("M ",100) ("U ",0) (,300)', 'NULL by an outer join');
SELECT is(pg_temp.asked('SELECT g, sex, count(DISTINCT person_id) FROM generate_series(4, 5) g LEFT JOIN visit ON ward = g GROUP BY 1, 2'), '(4,"F ",0) (4,"M ",1) (4,"U ",0) (4,,0) (5,"F ",0) (5,"M ",0) (5,"U ",0) (5,,0)', 'with keys of an outer join');
SELECT is(pg_temp.asked_as_it_is('WITH w AS (SELECT ward_id AS id FROM ward WHERE ward_id = 4) SELECT string_agg(r::text, '' '' ORDER BY r::text) FROM (SELECT id, yes, sex, count(DISTINCT person_id) AS n FROM w LEFT JOIN visit ON ward = id GROUP BY id, yes, sex) r WHERE n > 0'), '(4,f,"M ",1)', 'the same in WITH');
-- the subject's own: one row a person
SELECT is(pg_temp.cost(q), '1 false', 'no delta: ' || q) FROM unnest(ARRAY['SELECT sex, count(DISTINCT person_id) FROM visit GROUP BY 1', 'SELECT ward, count(DISTINCT person_id) FROM visit GROUP BY 1', 'SELECT colour, region, age / 10, count(DISTINCT person_id) FROM visit GROUP BY 1, 2, 3', 'SELECT k, count(DISTINCT person_id) FROM busy GROUP BY 1']) q;
SELECT is(pg_temp.cost(q), '1 true', 'selected: ' || q) FROM unnest(ARRAY['SELECT free, count(DISTINCT person_id) FROM visit GROUP BY 1', 'SELECT sex, free, count(DISTINCT person_id) FROM visit GROUP BY 1, 2', 'SELECT sex || free, count(DISTINCT person_id) FROM visit GROUP BY 1',
    'SELECT b.s, count(DISTINCT a.person_id) FROM visit a LEFT JOIN (SELECT person_id, coalesce(region, ''?'') AS s FROM visit WHERE age < 30) b ON a.person_id = b.person_id GROUP BY 1']) q;
SELECT is(pg_temp.asked('SELECT sex, count(*) FROM (SELECT person_id, sex FROM visit UNION ALL SELECT person_id, sex FROM visit WHERE yes) u GROUP BY sex'), '("F ",200) ("M ",200) ("X ",200)', 'columns of UNION are of no table');
-- values that are not declared take no place of a person
SELECT is(pg_temp.asked('SELECT k, count(DISTINCT person_id) FROM busy GROUP BY 1', groups => '1'), '(,0) (0,150) (1,150) (2,0)', 'listed');
SELECT is(pg_temp.asked('SELECT ward, count(DISTINCT person_id) FROM busy GROUP BY 1', groups => '1'), '(,0) (1,150) (2,150) (3,0) (4,0) (5,0) (6,0)', 'of another column');
-- a sealed table has the domains of what it was made from
\o /dev/null
SET SESSION AUTHORIZATION t_dec;
CREATE TEMP TABLE mine AS SELECT person_id, sex, age FROM permit_dec.visit;
RESET SESSION AUTHORIZATION;
\o
SELECT is(pg_temp.asked('SELECT sex, count(DISTINCT person_id) FROM mine GROUP BY 1'), '("F ",200) ("M ",200) ("U ",0) (,0)', 'a sealed table');

-- as wide as the type
SECURITY LABEL FOR pg_ehds ON COLUMN decl.visit.visit_id IS 'domain -9223372036854775808..9223372036854775807 step 9223372036854775807, 600';
SELECT is(pg_temp.asked('SELECT visit_id, count(DISTINCT person_id) FROM visit GROUP BY 1'), '(-1,0) (-9223372036854775808,0) (600,1) (9223372036854775806,0)', 'a span of all whole numbers');
SECURITY LABEL FOR pg_ehds ON COLUMN decl.visit.visit_id IS NULL;

-- too many combinations
SELECT throws_ok($$SECURITY LABEL FOR pg_ehds ON COLUMN decl.visit.age IS 'domain 1..100001'$$, '54000', NULL, 'a domain has at most 100,000 values');
SECURITY LABEL FOR pg_ehds ON COLUMN decl.visit.age IS 'domain 1..50001';
SELECT is(pg_temp.cost('SELECT age, sex, count(DISTINCT person_id) FROM visit GROUP BY 1, 2'), '1 true', 'listed: the groups are selected');
SECURITY LABEL FOR pg_ehds ON COLUMN decl.visit.age IS 'domain of decl.large.id';
SECURITY LABEL FOR pg_ehds ON COLUMN decl.visit.ward IS 'domain of decl.large.id';
SELECT throws_ok($$SELECT pg_temp.asked('SELECT age, ward, count(DISTINCT person_id) FROM visit GROUP BY 1, 2')$$, '54000', 'the declared domains of the group keys have more than 100000 combinations', 'of other columns: an error');
SELECT is(pg_temp.cost('SELECT age, sex, count(DISTINCT person_id) FROM visit GROUP BY 1, 2'), '1 false', 'some more are not');
-- the column is not what it was
SECURITY LABEL FOR pg_ehds ON TABLE decl.large IS NULL;
SELECT throws_ok($$SELECT pg_temp.asked('SELECT age, count(DISTINCT person_id) FROM visit GROUP BY 1')$$, 'ZE005', 'the declared domain of column "age" can''t be used: table decl.large is not public', 'not public any more');
SELECT is((SELECT count(*) FROM ehds.doctor() WHERE finding LIKE 'the declared domain of column % can''t be used: table decl.large is not public'), 2::bigint, 'the doctor says so');
SELECT lives_ok($$SECURITY LABEL FOR pg_ehds ON COLUMN decl.visit.age IS 'domain of decl.nowhere.id'$$, 'declared before the table is there');
SELECT throws_ok($$SELECT pg_temp.asked('SELECT age, count(DISTINCT person_id) FROM visit GROUP BY 1')$$, 'ZE005', 'the declared domain of column "age" can''t be used: there is no table decl.nowhere', 'not there');
CREATE TABLE decl.nowhere AS SELECT 7::bigint AS id;
SECURITY LABEL FOR pg_ehds ON TABLE decl.nowhere IS 'public';
SELECT throws_ok($$SELECT pg_temp.asked('SELECT age, count(DISTINCT person_id) FROM visit GROUP BY 1')$$, 'ZE005', 'the declared domain of column "age" can''t be used: column id of table decl.nowhere is of type bigint', 'of a type that does not fit');
ALTER TABLE decl.nowhere ALTER id TYPE smallint;
SELECT throws_ok($$SELECT pg_temp.asked('SELECT age, count(DISTINCT person_id) FROM visit GROUP BY 1')$$, '42501', NULL, 'the analyst has the right to read it, or none to its values');
GRANT SELECT ON decl.nowhere TO PUBLIC;
SELECT is(pg_temp.asked('SELECT age, count(DISTINCT person_id) FROM visit GROUP BY 1'), '(7,10)', 'of a narrower type');
ALTER TABLE decl.nowhere ENABLE ROW LEVEL SECURITY;
SELECT throws_ok($$SELECT pg_temp.asked('SELECT age, count(DISTINCT person_id) FROM visit GROUP BY 1')$$, 'ZE005', NULL, 'row-level security would not be asked');

SELECT current_setting('server_version_num')::int >= 180000 AS has_virtual \gset
\if :has_virtual
ALTER TABLE decl.nowhere DISABLE ROW LEVEL SECURITY;
ALTER TABLE decl.nowhere ADD raises int GENERATED ALWAYS AS (1 / (id - 7)) VIRTUAL;
SELECT throws_ok($$SELECT pg_temp.asked('SELECT ehds.dp_count_distinct(person_id, age) FROM visit')$$, 'ZE005', 'the declared domain of column "age" can''t be used: table decl.nowhere has virtual generated columns', 'virtual columns would be computed');
\endif

-- another label is another question: no recorded answer, no plan of before
SET ehds.fresh = off;
SELECT is(pg_temp.cost(NULL, 'SELECT code, count(DISTINCT person_id) FROM visit WHERE age > 0 GROUP BY 1'), '1 false', 'asked');
SELECT is(pg_temp.cost(NULL, 'SELECT code, count(DISTINCT person_id) FROM visit WHERE age > 0 GROUP BY 1'), '0 false', 'asked again: recorded');
\o /dev/null
SET SESSION AUTHORIZATION t_dec;
SET ehds.epsilon = '1000';
PREPARE p AS SELECT string_agg(r::text, ' ' ORDER BY r::text) AS before FROM (SELECT code, count(DISTINCT person_id) FROM permit_dec.visit GROUP BY code) r;
EXECUTE p \gset
RESET SESSION AUTHORIZATION;
SECURITY LABEL FOR pg_ehds ON COLUMN decl.visit.code IS 'domain a, c';
SET SESSION AUTHORIZATION t_dec;
EXECUTE p \gset after_
RESET SESSION AUTHORIZATION;
\o
SELECT is(:'before'::text, '(a,300) (b,0)', 'prepared');
SELECT is(:'after_before'::text, '(a,300) (c,0)', 'planned again');
SELECT is(pg_temp.asked('SELECT code, count(DISTINCT person_id) FROM visit WHERE age > 0 GROUP BY 1', '10') LIKE '%(c,%', true, 'the new domain');
SELECT is(pg_temp.cost(NULL, 'SELECT code, ehds.dp_count(person_id) FROM visit WHERE age > 0 GROUP BY 1'), '1 false', 'asked');
SECURITY LABEL FOR pg_ehds ON COLUMN decl.visit.code IS 'domain a, b';
SELECT is(pg_temp.cost(NULL, 'SELECT code, ehds.dp_count(person_id) FROM visit WHERE age > 0 GROUP BY 1'), '1 false', 'another label: asked anew');
SECURITY LABEL FOR pg_ehds ON COLUMN decl.visit.ward IS 'range 0..10';
SELECT is(pg_temp.cost(NULL, 'SELECT sum(ward) FROM visit'), '1 false', 'a range');
SECURITY LABEL FOR pg_ehds ON COLUMN decl.visit.ward IS 'range 0..20';
SELECT is(pg_temp.cost(NULL, 'SELECT sum(ward) FROM visit'), '1 false', 'another one');
SELECT is(pg_temp.cost(NULL, 'SELECT sum(ward) FROM visit'), '0 false', 'the same again');

RESET ehds.fresh;

-- distinct values
SELECT is(pg_temp.asked('SELECT count(DISTINCT code), ehds.dp_count_distinct(person_id, region), count(DISTINCT free), count(DISTINCT colour) FROM visit'), '(1,2,2,2)', 'distinct values of a declared domain');
SELECT is(pg_temp.asked('SELECT ehds.dp_count_distinct(person_id, k, 1) FROM busy'), '(2)', 'others take no place of a person');
SELECT is(pg_temp.asked('SELECT ehds.dp_count_distinct(person_id, ward, 1), ehds.dp_count_distinct(person_id, ward, 1) FILTER (WHERE person_id IS NOT NULL AND k = 1) FROM busy'), '(2,1)', 'of another column, with FILTER');
SELECT is(pg_temp.asked('SELECT count(*) FROM (SELECT free, ehds.dp_count(person_id) FROM visit GROUP BY free) r'), '(2)', 'distinct values with partition selection');
SELECT is(pg_temp.cost('SELECT count(DISTINCT free) FROM visit'), '1 false', 'their number alone needs none');

-- where it gives no groups it is read only if there are persons: it holds nothing that reading clears away, if the analyst may write to it
CREATE TABLE decl.kind AS SELECT generate_series(0, 2) AS id;
SECURITY LABEL FOR pg_ehds ON TABLE decl.kind IS 'public';
SECURITY LABEL FOR pg_ehds ON COLUMN decl.busy.k IS 'domain of decl.kind.id';
GRANT SELECT, DELETE ON decl.kind TO t_dec;
SELECT is(pg_temp.asked('SELECT ehds.dp_count_distinct(person_id, k, 1) FROM busy'), '(2)', 'a table that he may change');
DELETE FROM decl.kind WHERE id = 2;
SELECT throws_ok(format('SELECT pg_temp.asked(%L)', format('SELECT %s FROM busy', f)), 'ZE002', 'table "kind" holds rows that were changed or deleted, it is not read beside personal data', f) FROM unnest('{"ehds.dp_count_distinct(person_id, k, 1)","count(DISTINCT k)"}'::text[]) f;
SELECT is(pg_temp.asked('SELECT k, count(DISTINCT person_id) FROM busy GROUP BY 1'), '(,0) (0,150) (1,150)', 'groups are read from it whatever the data');
REVOKE DELETE ON decl.kind FROM t_dec;
SELECT is(pg_temp.asked('SELECT ehds.dp_count_distinct(person_id, k, 1) FROM busy'), '(2)', 'a table that he may not');

-- in the collation of the column, whatever that of the other is: it is not asked, so that it cannot speak up when the first person is there
CREATE COLLATION decl.alike (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE decl.letter (c text COLLATE decl.alike);
INSERT INTO decl.letter VALUES ('a'), ('A'), ('b'), (NULL);
SECURITY LABEL FOR pg_ehds ON TABLE decl.letter IS 'public';
SECURITY LABEL FOR pg_ehds ON COLUMN decl.visit.code IS 'domain of decl.letter.c';
GRANT SELECT ON decl.letter TO PUBLIC;
SELECT is(pg_temp.asked('SELECT code, count(DISTINCT person_id) FROM visit GROUP BY 1'), '(A,0) (a,300) (b,0)', 'of a column with another collation');
SECURITY LABEL FOR pg_ehds ON COLUMN decl.visit.code IS 'domain a, b';

-- a person is in no more groups than there are, so the noise is no larger
CREATE FUNCTION pg_temp.max_groups(keys text, groups text, source text DEFAULT 'permit_dec.every') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ehds.max_groups', groups, true), set_config('ehds.epsilon', '1', true);
    RETURN pg_temp.asked_as_it_is(format($q$SELECT string_agg(column_name || ' ' || max_groups, ', ' ORDER BY column_name) FROM ehds.explain_privacy(%L) WHERE item = 'figure'$q$, format('SELECT ehds.dp_count(person_id) AS n FROM %s GROUP BY %s', source, keys)));
END $$;
SELECT is(pg_temp.max_groups(keys, groups), 'n ' || n, format('by %s, at most %s groups a person: %s', keys, groups, n)) FROM (VALUES ('sex', '10', 3), ('maybe', '10', 4), ('yes', '10', 2), ('perhaps', '10', 3), ('colour', '10', 4),
    ('sex, yes', '10', 6), ('sex, perhaps, colour', '100', 36), ('sex', '2', 2), ('sex, sex || ''!''', '10', 3), ('lower(sex)', '10', 3), ('ward', '10', 10), ('sex, ward', '10', 10)) v(keys, groups, n);
SELECT is(pg_temp.max_groups('ROLLUP (sex, yes)', '10'), 'n by key 1 3, n by key 1, key 2 6, n in total 1', 'each set by itself');
SELECT is(pg_temp.max_groups('l', '10', '(SELECT person_id, lower(sex) AS l FROM permit_dec.every) s'), 'n 10', 'other values may take places of a person');
SELECT is(pg_temp.asked('SELECT l, ehds.dp_count(person_id) FROM (SELECT person_id, lower(sex) AS l FROM every) s GROUP BY 1', '1000', '5'), '(f,200) (m,200) (u,200)', 'which he then has');
SELECT is(pg_temp.asked(format('SELECT %s, ehds.dp_count(person_id) FROM every GROUP BY %1$s', keys), '1000', '10'), pg_temp.truth(format('SELECT %s, count(DISTINCT person_id) FROM every WHERE sex < ''V'' GROUP BY %1$s', keys)), 'and nobody is left out: ' || keys)
FROM unnest('{sex,yes,"sex, yes"}'::text[]) keys;
SELECT is(pg_temp.asked('SELECT maybe, ehds.dp_count(person_id) FROM every GROUP BY 1', '1000', '10'), '(,200) (F,200) (M,200) (U,0)', 'nor where a value is NULL');
SELECT is(pg_temp.asked('SELECT sex, yes, ehds.dp_count(person_id), ehds.dp_rows(person_id, 9) FROM every GROUP BY 1, 2', '1000', '10'), pg_temp.truth('SELECT sex, yes, count(DISTINCT person_id), count(*) FROM every WHERE sex < ''V'' GROUP BY 1, 2'), 'with rows');

-- nothing that the data says about an undeclared value comes out, however many persons bear it
UPDATE decl.visit SET code = 'z', amount = 1.00000;
SELECT is(pg_temp.asked('SELECT code, count(DISTINCT person_id) FROM visit WHERE age >= 0 GROUP BY 1'), '(a,0) (b,0)', 'of all persons none has a declared value');
SELECT is(pg_temp.asked('SELECT amount::text AS t, count(DISTINCT person_id) FROM visit GROUP BY 1'), '(1.0,0) (2.50,0) (7,0)', 'a value that is equal and looks otherwise is in no group of its own');
SELECT * FROM finish();
