-- Declared domains in GROUPING SETS, ROLLUP and CUBE: each set has all its groups, and which rows there are tells nothing.
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
CREATE SCHEMA ds;
CREATE TYPE ds.colour AS ENUM ('red', 'green', 'blue');
CREATE TABLE ds.site (site_id integer PRIMARY KEY, area text NOT NULL);
INSERT INTO ds.site SELECT s, CASE WHEN s < 3 THEN 'north' ELSE 'south' END FROM generate_series(1, 5) s;
CREATE TABLE ds.large AS SELECT g AS id FROM generate_series(1, 400) g;
-- 1200 persons; sex U, site 5, colour blue and region West have none; region East and ages from 40 on are not declared
CREATE TABLE ds.person (person_id bigint PRIMARY KEY, sex text NOT NULL CONSTRAINT of_sex CHECK (sex IN ('F', 'M', 'U')), site integer NOT NULL CONSTRAINT of_site REFERENCES ds.site,
    region varchar(10), age integer NOT NULL, colour ds.colour NOT NULL, free text NOT NULL, days integer NOT NULL, one integer NOT NULL, other integer NOT NULL);
INSERT INTO ds.person SELECT p, CASE WHEN p % 3 = 0 THEN 'F' ELSE 'M' END, p % 4 + 1, CASE p % 5 WHEN 0 THEN 'North' WHEN 1 THEN 'South' WHEN 2 THEN 'East' END,
    p % 60, (ARRAY['red', 'green'])[p % 2 + 1]::ds.colour, 'free ' || p % 2, p % 10, p % 3, p % 4 FROM generate_series(1, 1200) p;
-- six rows of each of 300 persons: one with a declared ward, five with others
CREATE TABLE ds.stay (person_id bigint NOT NULL, ward integer, kind text NOT NULL);
INSERT INTO ds.stay SELECT p, CASE WHEN n = 0 THEN 1 + p % 2 ELSE 100 + n END, CASE WHEN n < 3 THEN 'day' ELSE 'night' END FROM generate_series(1, 300) p, generate_series(0, 5) n;
-- twenty rows a person, so that workers help
CREATE TABLE ds.busy (person_id bigint NOT NULL, ward integer NOT NULL, kind text NOT NULL) WITH (parallel_workers = 2);
INSERT INTO ds.busy SELECT p, 1 + p % 2 + 100 * (n % 2), CASE WHEN n < 10 THEN 'day' ELSE 'night' END FROM generate_series(0, 19) n, generate_series(1, 200) p;
SECURITY LABEL FOR pg_ehds ON COLUMN ds.busy.ward IS 'domain 1..3';
SECURITY LABEL FOR pg_ehds ON COLUMN ds.busy.kind IS 'domain day, night, dawn';
SECURITY LABEL FOR pg_ehds ON TABLE ds.site IS 'public';
SECURITY LABEL FOR pg_ehds ON TABLE ds.large IS 'public';
SECURITY LABEL FOR pg_ehds ON COLUMN ds.person.sex IS 'quasi-identifier, domain F, M, U';
SECURITY LABEL FOR pg_ehds ON COLUMN ds.person.site IS 'domain of ds.site.site_id';
SECURITY LABEL FOR pg_ehds ON COLUMN ds.person.region IS 'domain North, South, West';
SECURITY LABEL FOR pg_ehds ON COLUMN ds.person.age IS 'range 0..120 step 1, domain 0..39';
SECURITY LABEL FOR pg_ehds ON COLUMN ds.stay.ward IS 'domain 1..3';
SECURITY LABEL FOR pg_ehds ON COLUMN ds.stay.kind IS 'domain day, night';
GRANT USAGE ON SCHEMA ds TO PUBLIC;
GRANT SELECT ON ds.site, ds.large TO PUBLIC;
ANALYZE;
SELECT ehds.protect('ds.person', subject => 'person_id', population => 'ds');
SELECT ehds.protect('ds.stay', subject => 'person_id', population => 'ds');
SELECT ehds.protect('ds.busy', subject => 'person_id', population => 'ds');
DROP ROLE IF EXISTS t_ds;
CREATE ROLE t_ds LOGIN;
DROP ROLE IF EXISTS t_zds;
CREATE ROLE t_zds LOGIN;
SELECT pg_temp.as_role('t_governor', $q$SELECT ehds.issue_permit('ds', 't_ds', 'research', valid_until => '2099-12-31', output => 'statistics', epsilon => 1000000, delta => 1e-3, epsilon_default => 1000, max_groups => 2)$q$);
SELECT pg_temp.as_role('t_governor', $q$SELECT ehds.issue_permit('zds', 't_zds', 'research', valid_until => '2099-12-31', output => 'statistics', epsilon => 1000, delta => 1e-3, epsilon_default => 1, accounting => 'zcdp', max_groups => 2)$q$);
SELECT pg_temp.as_role('t_governor', format($q$SELECT ehds.permit_table(%L, %L)$q$, p, t)) FROM unnest('{ds,zds}'::text[]) p, unnest('{ds.person,ds.stay,ds.busy}'::text[]) t;
SELECT pg_temp.as_role('t_governor2', format($q$SELECT ehds.activate_permit(%L)$q$, p)) FROM unnest('{ds,zds}'::text[]) p;
CREATE FUNCTION pg_temp.asked(query text, epsilon text DEFAULT '1000', groups text DEFAULT '2', permit text DEFAULT 'ds') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ehds.epsilon', epsilon, true), set_config('ehds.max_groups', groups, true), set_config('search_path', format('permit_%s, ds, public, pg_catalog', permit), true);
    RETURN pg_temp.as_role('t_' || permit, format('SELECT string_agg(r::text, '' '' ORDER BY r::text) FROM (%s) r', query));
END $$;
CREATE FUNCTION pg_temp.truth(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    SET LOCAL search_path = ds, public, pg_catalog;
    EXECUTE format('SELECT string_agg(r::text, '' '' ORDER BY r::text) FROM (%s) r', query) INTO result;
    RETURN result;
END $$;
-- what a query costs: epsilon (of ten), whether there is a delta, rho, the number of charges
CREATE FUNCTION pg_temp.cost(query text, epsilon text DEFAULT '10', of_permit text DEFAULT 'ds') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    before ehds.budget; after ehds.budget; n bigint;
BEGIN
    SELECT * INTO before FROM ehds.budget b WHERE b.permit = of_permit;
    SELECT count(*) INTO n FROM ehds.ledger WHERE kind = 'charge';
    PERFORM set_config('ehds.epsilon', epsilon, true), set_config('search_path', format('permit_%s, ds, public, pg_catalog', of_permit), true);
    -- nothing in it depends on the moment, so that an answer is recorded
    PERFORM pg_temp.as_role('t_' || of_permit, format('SELECT count(*) FROM (%s) r', query));
    SELECT * INTO after FROM ehds.budget b WHERE b.permit = of_permit;
    RETURN format('%s %s %s %s', trim_scale(after.epsilon_spent - before.epsilon_spent), CASE WHEN after.delta_spent > before.delta_spent THEN 'delta' ELSE 'no delta' END,
                  trim_scale(coalesce(after.rho_spent - before.rho_spent, 0)), (SELECT count(*) - n FROM ehds.ledger WHERE kind = 'charge'));
END $$;
CREATE FUNCTION pg_temp.told(query text, epsilon text DEFAULT '10', permit text DEFAULT 'ds') RETURNS TABLE (column_name text, max_groups integer, threshold bigint, delta numeric, remark text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ehds.epsilon', epsilon, true), set_config('search_path', format('permit_%s, ds, public, pg_catalog', permit), true);
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION t_%s', permit);
    RETURN QUERY SELECT x.column_name, x.max_groups, x.threshold, x.delta, x.remark FROM ehds.explain_privacy(query) x WHERE x.item = 'figure';
    RESET SESSION AUTHORIZATION;
END $$;
CREATE FUNCTION pg_temp.agree(query text) RETURNS boolean LANGUAGE sql AS $$ SELECT bool_and(coalesce(remark LIKE '%totals and parts are made to agree%', false)) FROM pg_temp.told(query) $$;
-- all combinations of what is declared, and the persons that are there
CREATE VIEW ds.all_of AS SELECT s AS sex, site_id AS site, r AS region FROM unnest('{F,M,U}'::text[]) s, ds.site, unnest('{North,South,West,NULL}'::text[]) r;
CREATE FUNCTION pg_temp.cells(keys text) RETURNS text LANGUAGE sql AS $$
    SELECT format('SELECT %1$s, (SELECT count(*) FROM person p WHERE %2$s) FROM (SELECT DISTINCT %3$s FROM all_of) a',
                  string_agg(CASE WHEN k.key = ANY (string_to_array(keys, ',')) THEN 'a.' || k.key ELSE 'NULL' END, ', ' ORDER BY i),
                  coalesce(string_agg(format('p.%1$I IS NOT DISTINCT FROM a.%1$I', k.key), ' AND ') FILTER (WHERE k.key = ANY (string_to_array(keys, ','))), 'true'),
                  coalesce(string_agg(k.key, ', ') FILTER (WHERE k.key = ANY (string_to_array(keys, ','))), '1'))
    FROM unnest('{sex,site,region}'::text[]) WITH ORDINALITY k(key, i)
$$;
CREATE FUNCTION pg_temp.cells_of(VARIADIC sets text[]) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.truth(string_agg(pg_temp.cells(s), ' UNION ALL ')) FROM unnest(sets) s $$;
\o
SELECT no_plan();

-- ---------------------------------------------------------------- every group of every set, empty ones too, and no other
SELECT is(pg_temp.asked('SELECT sex, site, region, count(DISTINCT person_id) FROM person GROUP BY ROLLUP (sex, site, region)'), pg_temp.cells_of('sex,site,region', 'sex,site', 'sex', ''), 'ROLLUP');
SELECT is(pg_temp.asked('SELECT sex, site, region, count(DISTINCT person_id) FROM person GROUP BY CUBE (sex, site, region)'), pg_temp.cells_of('sex,site,region', 'sex,site', 'sex,region', 'site,region', 'sex', 'site', 'region', ''), 'CUBE');
SELECT is(pg_temp.asked('SELECT sex, site, region, count(DISTINCT person_id) FROM person GROUP BY GROUPING SETS ((region, sex), (site))'), pg_temp.cells_of('sex,region', 'site'), 'sets side by side');
SELECT is(pg_temp.asked('SELECT sex, count(DISTINCT person_id) AS n FROM person GROUP BY GROUPING SETS ((sex))'), '(F,400) (M,800) (U,0)', 'one set');
SELECT is(pg_temp.asked('SELECT sex, count(DISTINCT person_id), ehds.dp_sum(person_id, days, 0, 9), ehds.dp_median(person_id, days, 0, 9) BETWEEN 0 AND 9 AS m FROM person GROUP BY ROLLUP (sex)'),
    (SELECT format('(,1200,%s,t) (F,400,%s,t) (M,800,%s,t) (U,0,0,t)', sum(days), sum(days) FILTER (WHERE sex = 'F'), sum(days) FILTER (WHERE sex = 'M')) FROM ds.person), 'several figures');
SELECT is(pg_temp.asked('SELECT colour, sex = ''F'' AS f, count(DISTINCT person_id) FROM person GROUP BY CUBE (1, 2)'), '(,,1200) (,f,800) (,t,400) (blue,,0) (blue,f,0) (blue,t,0) (green,,600) (green,f,400) (green,t,200) (red,,600) (red,f,400) (red,t,200)', 'an enumeration, and what is computed');
SELECT is(pg_temp.asked('SELECT age / 20 AS g, count(DISTINCT person_id) FROM person GROUP BY ROLLUP (1)'), '(,1200) (0,400) (1,400)', 'rows that are not declared are in the total, and in no part');
SELECT is(pg_temp.asked('SELECT g, count(DISTINCT person_id) FROM (SELECT *, age / 20 AS g FROM person) p GROUP BY ROLLUP (1)'), '(,1200) (0,400) (1,400)', 'computed in a subquery');
SELECT is(pg_temp.asked('SELECT coalesce(region, ''none'') AS g, GROUPING(coalesce(region, ''none'')), count(DISTINCT person_id) FROM person GROUP BY ROLLUP (1) HAVING count(DISTINCT person_id) < 1000'), '(North,0,240) (South,0,240) (West,0,0) (none,0,480)', 'GROUPING and HAVING read what is released');
SELECT is(pg_temp.asked('SELECT sex, region, count(DISTINCT person_id) FROM person WHERE days > 99 GROUP BY CUBE (sex, region)'), pg_temp.truth('SELECT DISTINCT sex, region, 0 FROM all_of UNION ALL SELECT DISTINCT NULL, region, 0 FROM all_of UNION ALL SELECT DISTINCT sex, NULL, 0 FROM all_of UNION ALL SELECT NULL, NULL, 0'), 'of nobody');
SELECT is(pg_temp.asked('SELECT area, site_id, sex, count(DISTINCT person_id) FROM site LEFT JOIN person ON site = site_id GROUP BY ROLLUP (area, site_id, sex) HAVING GROUPING(sex) = 1 OR site_id > 3'),
    '(,,,1200) (north,,,600) (north,1,,300) (north,2,,300) (south,,,600) (south,3,,300) (south,4,,0) (south,4,,300) (south,4,F,100) (south,4,M,200) (south,4,U,0) (south,5,,0) (south,5,,0) (south,5,F,0) (south,5,M,0) (south,5,U,0)', 'with keys of the side that an outer join keeps');
SELECT is(pg_temp.asked('WITH w AS (SELECT site_id AS id, area FROM site WHERE site_id > 3), p AS (SELECT * FROM person WHERE days < 5) SELECT area, id, sex, count(DISTINCT person_id) AS n FROM w LEFT JOIN p ON site = id GROUP BY GROUPING SETS ((area, id), (sex)) HAVING sex IS NOT NULL OR id > 4'), '(,,F,40) (,,M,80) (,,U,0) (south,5,,0)', 'in WITH');
SELECT is(pg_temp.asked('SELECT x.sex, x.n, y.n FROM (SELECT sex, count(DISTINCT person_id) AS n FROM person GROUP BY ROLLUP (sex)) x JOIN (SELECT sex, count(DISTINCT person_id) AS n FROM person GROUP BY ROLLUP (sex)) y USING (sex)'), '(F,400,400) (M,800,800) (U,0,0)', 'two releases of one statement');
SELECT is(pg_temp.asked('SELECT ward, count(DISTINCT person_id) FROM stay GROUP BY ROLLUP (ward)', groups => '1'), '(,0) (,300) (1,150) (2,150) (3,0)', 'what is not declared takes no place of a person');
SELECT is(pg_temp.asked('SELECT kind, ward, count(DISTINCT person_id) FROM stay GROUP BY GROUPING SETS ((kind, ward), (kind))', groups => '2'), '(day,,0) (day,,300) (day,1,150) (day,2,150) (day,3,0) (night,,0) (night,,300) (night,1,0) (night,2,0) (night,3,0)', 'in each set by itself');
\o /dev/null
SET SESSION AUTHORIZATION t_ds;
CREATE TEMP TABLE mine AS SELECT person_id, sex, age FROM permit_ds.person;
RESET SESSION AUTHORIZATION;
\o
SELECT is(pg_temp.asked('SELECT sex, count(DISTINCT person_id) FROM mine GROUP BY ROLLUP (sex)'), '(,0) (,1200) (F,400) (M,800) (U,0)', 'a sealed table');
-- beside keys that are not declared, those sets are selected that have such a key
SELECT is(pg_temp.asked('SELECT sex, free, count(DISTINCT person_id) FROM person GROUP BY CUBE (sex, free)'), '(,"free 0",600) (,"free 1",600) (,,1200) (F,"free 0",200) (F,"free 1",200) (F,,400) (M,"free 0",400) (M,"free 1",400) (M,,800) (U,,0)', 'mixed: an empty group is shown in the set of declared keys only');
SELECT is(pg_temp.asked('SELECT ehds.dp_count(person_id), region, free FROM person GROUP BY GROUPING SETS ((region, free), (region))'), pg_temp.truth('SELECT count(*), region, free FROM person GROUP BY region, free UNION ALL SELECT (SELECT count(*) FROM person p WHERE p.region IS NOT DISTINCT FROM a.region), region, NULL FROM (SELECT DISTINCT region FROM all_of) a'), 'selected groups may have values that are not declared');

-- ---------------------------------------------------------------- one charge, without delta where nothing is selected
SELECT is(pg_temp.cost(q), '10 no delta 0 1', 'no delta: ' || q) FROM unnest(ARRAY['SELECT sex, count(DISTINCT person_id) FROM person GROUP BY ROLLUP (sex)', 'SELECT sex, site, region, count(DISTINCT person_id) FROM person GROUP BY CUBE (sex, site, region)', 'SELECT kind, ward, count(DISTINCT person_id) FROM stay GROUP BY GROUPING SETS ((kind), (ward))', 'SELECT area, sex, count(DISTINCT person_id) FROM site LEFT JOIN person ON site = site_id GROUP BY CUBE (area, sex)']) q;
SELECT is(pg_temp.cost(q), '10 delta 0 1', 'delta: ' || q) FROM unnest(ARRAY['SELECT sex, free, count(DISTINCT person_id) FROM person GROUP BY CUBE (sex, free)', 'SELECT sex, free, count(DISTINCT person_id) FROM person GROUP BY GROUPING SETS ((sex), (free))', 'SELECT sex || free AS k, region, count(DISTINCT person_id) FROM person GROUP BY CUBE (1, 2)']) q;
SELECT matches(pg_temp.cost('SELECT kind, count(DISTINCT person_id) FROM stay GROUP BY ROLLUP (kind)', '0.1', 'zds'), ' 0.005 1$', 'zcdp: delta is that of the conversion');
SELECT matches(pg_temp.cost('SELECT kind, ward, count(DISTINCT person_id) FROM stay GROUP BY CUBE (kind, ward)', '0.1', 'zds'), ' no delta 0.005 1$', 'and no more of it');
SELECT matches(pg_temp.cost('SELECT kind, days, count(DISTINCT person_id) FROM stay JOIN person USING (person_id) GROUP BY CUBE (kind, days)', '0.1', 'zds'), ' delta 0.005 1$', 'but where groups are selected');
SELECT is(pg_temp.asked('SELECT sex, site, region, count(DISTINCT person_id) FROM person GROUP BY CUBE (sex, site, region)', '40', permit => 'zds'), pg_temp.cells_of('sex,site,region', 'sex,site', 'sex,region', 'site,region', 'sex', 'site', 'region', ''), 'zcdp: the cells are the same');
SELECT ok(bool_and(threshold IS NULL AND coalesce(delta, 0) = 0) AND count(*) = 4, 'told: no threshold, no delta') FROM pg_temp.told('SELECT kind, ward, count(DISTINCT person_id) AS n FROM stay GROUP BY CUBE (kind, ward)');
SELECT is(string_agg(column_name || ' ' || (threshold IS NOT NULL), ', ' ORDER BY column_name), 'n by free true, n by sex false, n by sex, free true, n in total false', 'told: which sets are selected') FROM pg_temp.told('SELECT sex, free, count(DISTINCT person_id) AS n FROM person GROUP BY CUBE (sex, free)');

-- ---------------------------------------------------------------- parts and totals agree where constraints leave no other values
CREATE TEMP TABLE drawn (run integer, g integer, k jsonb, n numeric);
CREATE FUNCTION pg_temp.sums(keys text, sets text, source text, runs integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    TRUNCATE drawn;
    PERFORM set_config('ehds.epsilon', '0.05', true), set_config('search_path', 'permit_ds, ds, public, pg_catalog', true);
    FOR i IN 1..runs LOOP
        answer := pg_temp.as_role('t_ds', format('SELECT jsonb_agg(jsonb_build_array(g, k, n)) FROM (SELECT GROUPING(%1$s) AS g, jsonb_build_array(%1$s) AS k, count(DISTINCT person_id) AS n FROM %3$s GROUP BY %2$s) x', keys, sets, source));
        INSERT INTO drawn SELECT i, (x ->> 0)::integer, x -> 1, (x ->> 2)::numeric FROM jsonb_array_elements(answer::jsonb) x;
    END LOOP;
    RETURN (SELECT count(*) || ' cells, ' || count(DISTINCT n) FROM drawn) || ' values, ' || (SELECT count(*) FILTER (WHERE d <> 0) || ' of ' || count(*) || ' sums differ' FROM (
        SELECT min(a.n) - sum(b.n) AS d FROM drawn a JOIN drawn b ON a.run = b.run AND a.g <> b.g AND a.g | b.g = a.g
           AND NOT EXISTS (SELECT FROM generate_series(0, jsonb_array_length(a.k) - 1) i WHERE a.g >> (jsonb_array_length(a.k) - 1 - i) & 1 = 0 AND a.k -> i <> b.k -> i) GROUP BY a.run, a.g, a.k, b.g) s);
END $$;
SELECT matches(pg_temp.sums('sex, site', 'CUBE (sex, site)', 'person', 5), '^120 cells, \d\d+ values, 0 of 55 sums differ$', 'CUBE of a checked key and one with a foreign key');
SELECT matches(pg_temp.sums('colour, sex', 'ROLLUP (colour, sex)', 'person', 5), '^65 cells, \d\d+ values, 0 of 25 sums differ$', 'ROLLUP of an enumeration and a checked key');
SELECT ok(pg_temp.agree('SELECT sex, site, count(DISTINCT person_id) AS n FROM person GROUP BY CUBE (sex, site)'), 'it is said');
SELECT doesnt_match(pg_temp.sums('region', 'ROLLUP (region)', 'person', 5), ' 0 of \d+ sums', 'rows with other values: parts are not made to add up');
SELECT doesnt_match(pg_temp.sums('g', 'ROLLUP (g)', '(SELECT *, age / 20 AS g FROM person) p', 5), ' 0 of \d+ sums', 'of what is computed from them in a subquery neither');
SELECT is(pg_temp.agree(q), false, 'not said of: ' || q) FROM unnest(ARRAY['SELECT region, count(DISTINCT person_id) AS n FROM person GROUP BY ROLLUP (region)', 'SELECT g, count(DISTINCT person_id) AS n FROM (SELECT *, age / 20 AS g FROM person) p GROUP BY ROLLUP (g)', 'SELECT sex, region, count(DISTINCT person_id) AS n FROM person GROUP BY CUBE (sex, region)',
    'SELECT kind, count(DISTINCT person_id) AS n FROM stay GROUP BY ROLLUP (kind)', 'SELECT sex, count(DISTINCT person_id) AS n FROM mine GROUP BY ROLLUP (sex)', 'SELECT sex, free, count(DISTINCT person_id) AS n FROM person GROUP BY CUBE (sex, free)']) q;
-- constraints that say less, or nothing any more
BEGIN;
ALTER TABLE ds.person DROP CONSTRAINT of_sex, ADD CONSTRAINT of_sex CHECK (sex IN ('F', 'M', 'U', 'X'));
SELECT is(pg_temp.agree('SELECT sex, count(DISTINCT person_id) AS n FROM person GROUP BY ROLLUP (sex)'), false, 'a CHECK with more values');
ALTER TABLE ds.person DROP CONSTRAINT of_sex, ADD CONSTRAINT of_sex CHECK (length(sex) = 1), ADD CONSTRAINT of_man CHECK (sex = 'F' OR sex = 'M');
SELECT is(pg_temp.agree('SELECT sex, count(DISTINCT person_id) AS n FROM person GROUP BY ROLLUP (sex)'), true, 'fewer, written otherwise');
ALTER TABLE ds.person DROP CONSTRAINT of_man, ADD CONSTRAINT of_man CHECK (sex = 'F' OR sex = 'M') NOT VALID;
SELECT is(pg_temp.agree('SELECT sex, count(DISTINCT person_id) AS n FROM person GROUP BY ROLLUP (sex)'), false, 'not validated');
ALTER TABLE ds.person DROP CONSTRAINT of_site, ADD CONSTRAINT of_site FOREIGN KEY (site) REFERENCES ds.site NOT VALID;
SELECT is(pg_temp.agree('SELECT site, count(DISTINCT person_id) AS n FROM person GROUP BY ROLLUP (site)'), false, 'a foreign key that is not validated');
ALTER TABLE ds.person VALIDATE CONSTRAINT of_site;
SELECT is(pg_temp.agree('SELECT site, count(DISTINCT person_id) AS n FROM person GROUP BY ROLLUP (site)'), true, 'validated');
ALTER TABLE ds.person DROP CONSTRAINT of_site;
SELECT is(pg_temp.agree('SELECT site, count(DISTINCT person_id) AS n FROM person GROUP BY ROLLUP (site)'), false, 'gone');
ALTER TABLE ds.person ADD CONSTRAINT of_region CHECK (region IN ('North', 'South', 'East')) NOT VALID, ADD CONSTRAINT of_age CHECK (age IN (1, 2, NULL)) NOT VALID;
SELECT is(pg_temp.agree('SELECT region, count(DISTINCT person_id) AS n FROM person GROUP BY ROLLUP (region)'), false, 'other values');
DELETE FROM ds.person WHERE region = 'East';
ALTER TABLE ds.person DROP CONSTRAINT of_region, ADD CONSTRAINT of_region CHECK (region IN ('North', 'South'));
SELECT is(pg_temp.agree('SELECT region, count(DISTINCT person_id) AS n FROM person GROUP BY ROLLUP (region)'), true, 'varchar; NULL passes a CHECK, and is a group');
CREATE TABLE ds.child () INHERITS (ds.person);
SELECT is(pg_temp.agree('SELECT region, count(DISTINCT person_id) AS n FROM person GROUP BY ROLLUP (region)'), false, 'a table with children');
ROLLBACK;

-- ---------------------------------------------------------------- attacks: what is shown does not depend on anybody
CREATE FUNCTION pg_temp.shown() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    q text; result text := '';
BEGIN
    FOREACH q IN ARRAY ARRAY['SELECT GROUPING(sex, region) AS g, sex, region FROM person GROUP BY CUBE (sex, region)', 'SELECT GROUPING(age / 10), age / 10 FROM person GROUP BY ROLLUP (age / 10)', 'SELECT GROUPING(colour), colour, site FROM person GROUP BY GROUPING SETS ((colour), (site))',
        'SELECT GROUPING(kind, ward) AS g, kind, ward FROM stay GROUP BY CUBE (kind, ward)', 'SELECT GROUPING(ward, sex), ward, sex FROM stay LEFT JOIN person USING (person_id) GROUP BY CUBE (ward, sex)', 'SELECT GROUPING(site_id, sex), site_id, sex FROM site LEFT JOIN person ON site = site_id GROUP BY ROLLUP (site_id, sex)'] LOOP
        -- hardly anything but noise in the figures
        result := result || md5(pg_temp.asked(replace(q, ' FROM ', ', ehds.dp_count(person_id) > -1000000000 AS n FROM '), '0.01')) || ' ' ;
    END LOOP;
    RETURN result;
END $$;
CREATE TEMP TABLE shown AS SELECT pg_temp.shown() AS without;
BEGIN;
ALTER TABLE ds.person DROP CONSTRAINT of_sex, DROP CONSTRAINT of_site;
INSERT INTO ds.person VALUES (999999, 'X', 77, 'Atlantis', 119, 'blue', 'canary', 9, 0, 0);
INSERT INTO ds.stay SELECT 999999, w, k FROM unnest('{1,2,3,4,5,NULL}'::integer[]) w, unnest('{day,night,canary}'::text[]) k;
SELECT is(pg_temp.shown(), without, 'a person in every group, in none that is declared, and with NULL: the same groups are shown') FROM shown;
SELECT is(pg_temp.asked('SELECT sex, site, count(DISTINCT person_id) FROM person GROUP BY CUBE (sex, site) HAVING count(DISTINCT person_id) > 0 AND (sex NOT IN (''F'', ''M'') OR site > 4)'), NULL, 'his values are nowhere');
UPDATE ds.person SET sex = 'X', site = 77, region = 'Atlantis', age = 119, colour = 'blue';
UPDATE ds.stay SET ward = 77, kind = 'canary';
SELECT is(pg_temp.shown(), without, 'everybody has them') FROM shown;
SELECT is(pg_temp.asked('SELECT sex, site, count(DISTINCT person_id) FROM person GROUP BY GROUPING SETS ((sex), (site), ())'), '(,,1201) (,1,0) (,2,0) (,3,0) (,4,0) (,5,0) (F,,0) (M,,0) (U,,0)', 'a value that is not declared is not shown, whoever bears it');
DELETE FROM ds.person;
DELETE FROM ds.stay;
SELECT is(pg_temp.shown(), without, 'nobody is there') FROM shown;
ROLLBACK;
BEGIN;
DELETE FROM ds.person WHERE person_id = 60;
DELETE FROM ds.stay WHERE person_id = 60;
SELECT is(pg_temp.shown(), without, 'one person less') FROM shown;
ROLLBACK;
-- a key that could fail for a value of the domain
SELECT is(pg_temp.asked('SELECT 100 / (age - 5) AS k, count(DISTINCT person_id) FROM person WHERE age = 5 GROUP BY ROLLUP (1) HAVING count(DISTINCT person_id) > 0'), '(,20) (,20)', 'a key that has no value where a division by zero is: NULL is a group of its own, beside the total');
-- domains of many values
SELECT throws_ok($$SECURITY LABEL FOR pg_ehds ON COLUMN ds.person.age IS 'domain 0..1000000000000'$$, '22003', NULL, 'a domain beyond the type');
SELECT throws_ok($$SECURITY LABEL FOR pg_ehds ON COLUMN ds.person.age IS 'domain 0..100000'$$, '54000', 'a domain has at most 100000 values', 'a domain of many values');
BEGIN;
SECURITY LABEL FOR pg_ehds ON COLUMN ds.person.age IS 'domain 0..39999';
SELECT is(pg_temp.cost('SELECT sex, age, count(DISTINCT person_id) FROM person GROUP BY CUBE (sex, age)'), '10 delta 0 1', 'too many combinations of listed values: that set is selected');
SELECT is(string_agg(column_name || ' ' || (threshold IS NOT NULL), ', ' ORDER BY column_name), 'n by age false, n by sex false, n by sex, age true, n in total false', 'and no other') FROM pg_temp.told('SELECT sex, age, count(DISTINCT person_id) AS n FROM person GROUP BY CUBE (sex, age)');
SECURITY LABEL FOR pg_ehds ON COLUMN ds.person.one IS 'domain of ds.large.id';
SECURITY LABEL FOR pg_ehds ON COLUMN ds.person.other IS 'domain of ds.large.id';
SELECT throws_ok($$SELECT pg_temp.asked('SELECT one, other, count(DISTINCT person_id) FROM person GROUP BY ROLLUP (one, other)')$$, '54000', 'the declared domains of the group keys have more than 100000 combinations', 'of public tables: an error');
SELECT is(pg_temp.asked('SELECT count(*) FROM (SELECT one, other, count(DISTINCT person_id) AS n FROM person GROUP BY GROUPING SETS ((one), (other))) x'), '(800)', 'side by side they are not combined');
SECURITY LABEL FOR pg_ehds ON TABLE ds.large IS NULL;
SELECT throws_ok($$SELECT pg_temp.asked('SELECT one, count(DISTINCT person_id) FROM person GROUP BY ROLLUP (one)')$$, 'ZE005', 'the declared domain of column "one" can''t be used: table ds.large is not public', 'a domain whose table is not public any more');
ROLLBACK;
-- lists in a query are as long as domains, and no function of the analyst's is called to find out
CREATE FUNCTION ds.own() RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'called'; END $$;
SELECT throws_ok(format($$SELECT pg_temp.asked('SELECT count(DISTINCT person_id) FROM person JOIN %s g ON g = site')$$, f), '54000', 'a list of values that is joined to personal data has at most 100000 of them', 'a long list: ' || f)
FROM unnest(ARRAY['generate_series(1, 100001)', 'generate_series(-2000000000, 2000000000)', 'generate_series(1, 9223372036854775807)', 'unnest(array_fill(1, ARRAY[100001]))']) f;
SELECT is(pg_temp.asked(format('SELECT count(DISTINCT person_id) FROM person JOIN %s g ON g = site', f)), n, f) FROM (VALUES ('generate_series(1, 100000)', '(1200)'), ('generate_series(2, 1)', '(0)'), ('generate_series(1, NULL::integer)', '(0)'), ('unnest(NULL::integer[])', '(0)'), ('unnest(ARRAY[1, NULL, 1])', '(300)'), ('generate_series(4, 5::bigint)', '(300)')) v(f, n);
SELECT throws_ok(format($$SELECT pg_temp.asked('SELECT count(DISTINCT person_id) FROM person JOIN %s g ON g = site')$$, f), 'ZE002', 'a function in FROM cannot be joined to personal data', f) FROM unnest(ARRAY['generate_series(1, (random() * 5)::integer)', 'generate_series(1, (SELECT 3))', 'generate_series(1, 5, 2)', 'generate_series(1, extract(day FROM now())::integer)', 'generate_series(1, own())', 'unnest(ARRAY[own()])']) f;

-- ---------------------------------------------------------------- workers (what EXPLAIN shows does not tell of them)
BEGIN;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
SELECT is(pg_temp.asked('SELECT kind, ward, count(DISTINCT person_id) FROM busy GROUP BY CUBE (kind, ward)'), '(,,200) (,1,100) (,2,100) (,3,0) (dawn,,0) (dawn,1,0) (dawn,2,0) (dawn,3,0) (day,,200) (day,1,100) (day,2,100) (day,3,0) (night,,200) (night,1,100) (night,2,100) (night,3,0)', 'and find the same');
SELECT is(pg_temp.asked('SELECT ward, count(DISTINCT person_id) FROM busy GROUP BY ROLLUP (ward)', groups => '1'), '(,200) (1,100) (2,100) (3,0)', 'what is not declared takes no place of a person');
SELECT is(pg_temp.asked('SELECT sex, site, region, count(DISTINCT person_id) FROM person GROUP BY CUBE (sex, site, region)'), pg_temp.cells_of('sex,site,region', 'sex,site', 'sex,region', 'site,region', 'sex', 'site', 'region', ''), 'of one row a person too');
ROLLBACK;

-- ---------------------------------------------------------------- repeats
SET ehds.fresh = off;
SELECT is(pg_temp.cost('SELECT sex, region, count(DISTINCT person_id) FROM person GROUP BY CUBE (sex, region)', '7'), answer, 'asked ' || times) FROM (VALUES ('once', '7 no delta 0 1'), ('again: free', '0 no delta 0 0')) v(times, answer);
SECURITY LABEL FOR pg_ehds ON COLUMN ds.person.region IS 'domain North, South, West, East';
SELECT is(pg_temp.cost('SELECT sex, region, count(DISTINCT person_id) FROM person GROUP BY CUBE (sex, region)', '7'), answer, 'another domain, asked ' || times) FROM (VALUES ('once', '7 no delta 0 1'), ('again: free', '0 no delta 0 0')) v(times, answer);
SELECT is(pg_temp.asked('SELECT region, count(DISTINCT person_id) FROM person GROUP BY ROLLUP (region)'), '(,1200) (,480) (East,240) (North,240) (South,240) (West,0)', 'with its groups');
SECURITY LABEL FOR pg_ehds ON COLUMN ds.person.region IS 'domain North, South, West';
SELECT is(pg_temp.cost('SELECT sex, region, count(DISTINCT person_id) FROM person GROUP BY CUBE (sex, region)', '7'), '0 no delta 0 0', 'the first one again: its answer is still there');
RESET ehds.fresh;

-- ---------------------------------------------------------------- ehds.marginals
SELECT is(pg_temp.asked($$SELECT cell::text, value FROM ehds.marginals('SELECT * FROM person', '{sex,colour}', 'ehds.dp_count(person_id)')$$),
    pg_temp.truth($$SELECT jsonb_strip_nulls(jsonb_build_object('sex', s, 'colour', c))::text, (SELECT count(*) FROM person WHERE (s IS NULL OR sex = s) AND (c IS NULL OR colour = c)) FROM unnest('{F,M,U,NULL}'::text[]) s, unnest('{red,green,blue,NULL}'::colour[]) c$$), 'ehds.marginals has all cells of declared dimensions');
SELECT is(pg_temp.cost($q$SELECT * FROM ehds.marginals('SELECT * FROM person', '{sex,site,region}', 'ehds.dp_count(person_id)')$q$), '10 no delta 0 1', 'for one charge without delta');
SELECT * FROM finish();
