-- The types of relations: for each construct a query that is answered as the native one is, and one that is refused
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
ALTER TABLE omop.visit_occurrence ADD COLUMN ratio numeric, ADD COLUMN score double precision, ADD COLUMN big bigint;
UPDATE omop.visit_occurrence SET ratio = person_id % 5 + 0.5, score = person_id % 7, big = person_id % 3;
-- equal dates, so that what comes first has to be decided
UPDATE omop.visit_occurrence SET visit_start_date = date '2021-01-01' + (person_id::integer % 300) WHERE person_id % 2 = 0;
CREATE TABLE omop.concept_ancestor (ancestor_concept_id integer, descendant_concept_id integer, PRIMARY KEY (ancestor_concept_id, descendant_concept_id));
INSERT INTO omop.concept_ancestor VALUES (1, 100), (1, 200), (2, 300), (2, 200);
CREATE TABLE omop.keys (id bigint PRIMARY KEY);
INSERT INTO omop.keys SELECT generate_series(1, 50);
SECURITY LABEL FOR pg_ehds ON TABLE omop.concept_ancestor IS 'public';
SECURITY LABEL FOR pg_ehds ON TABLE omop.keys IS 'public';
GRANT SELECT ON omop.concept_ancestor, omop.keys TO PUBLIC;
SET SESSION AUTHORIZATION t_governor;
SELECT ehds.issue_permit('wide', grantee => 't_project', purpose => 'research', output => 'statistics', valid_until => '2099-12-31', k => 11);
SELECT ehds.permit_table('wide', 'omop.person', columns => '{person_id,gender_concept_id,year_of_birth}');
SELECT ehds.permit_table('wide', 'omop.condition_occurrence');
SELECT ehds.permit_table('wide', 'omop.visit_occurrence');
SET SESSION AUTHORIZATION t_governor2;
SELECT ehds.activate_permit('wide');
RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
\o
SELECT no_plan();

CREATE FUNCTION pg_temp.rows_of(query text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.as_role('t_analyst', format('SELECT string_agg(q::text, '' '' ORDER BY q::text) FROM (%s) q', query)) $$;
CREATE FUNCTION pg_temp.native(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r text;
BEGIN
    EXECUTE format('SELECT string_agg(q::text, '' '' ORDER BY q::text) FROM (%s) q', query) INTO r;
    RETURN r;
END $$;
CREATE FUNCTION pg_temp.answered(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE ours text; theirs text;
BEGIN
    SET LOCAL search_path = permit_wide, omop, public;
    ours := pg_temp.rows_of(query);
    SET LOCAL search_path = omop, public;
    theirs := pg_temp.native(query);
    SET LOCAL search_path = public;
    RETURN is(ours, theirs, query) || E'\n' || isnt(theirs, NULL, 'which has rows');
END $$;
CREATE FUNCTION pg_temp.refused(query text, message text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE said text := 'answered'; state text; hint text;
BEGIN
    SET LOCAL search_path = permit_wide, omop, public;
    BEGIN
        PERFORM pg_temp.as_role('t_analyst', query);
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, state = RETURNED_SQLSTATE, hint = PG_EXCEPTION_HINT;
    END;
    SET LOCAL search_path = public;
    RETURN matches(state || ' ' || said, '^ZE002 .*' || message, query);
END $$;

-- projections: the subject column may be left out, and ORDER BY has no effect
SELECT pg_temp.answered($$SELECT g, count(*) AS n FROM (SELECT gender_concept_id AS g FROM person) p GROUP BY g$$);
SELECT pg_temp.answered($$SELECT g, count(*) AS n FROM (SELECT gender_concept_id AS g FROM person ORDER BY year_of_birth, person_id) p GROUP BY g$$);
SELECT pg_temp.answered($$WITH p AS (SELECT gender_concept_id AS g FROM person) SELECT g, count(*) AS n FROM p GROUP BY g$$);
SELECT pg_temp.answered($$SELECT a.g, count(*) AS n FROM (SELECT * FROM (SELECT gender_concept_id AS g, year_of_birth AS y FROM person) b WHERE y > 1950) a GROUP BY g$$);
SELECT pg_temp.refused($$SELECT gender_concept_id FROM person$$, 'rows about persons do not leave');
SELECT pg_temp.refused($$WITH p AS (SELECT * FROM person) TABLE p$$, 'rows about persons do not leave');
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT unnest(ARRAY[1, 2]) FROM person) p$$, 'set-returning functions over rows of persons');

-- joins on the subject
SELECT pg_temp.answered($$SELECT region, count(DISTINCT p.person_id) AS n FROM person p JOIN visit_occurrence v ON v.person_id = p.person_id GROUP BY 1$$);
SELECT pg_temp.answered($$SELECT region, count(DISTINCT p.person_id) AS n FROM person p LEFT JOIN visit_occurrence v ON v.person_id = p.person_id AND region = 'north' GROUP BY 1$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM person p LEFT JOIN (SELECT DISTINCT person_id FROM condition_occurrence WHERE condition_concept_id = 300) d ON d.person_id = p.person_id WHERE d.person_id IS NULL$$);
SELECT pg_temp.answered($$SELECT gender_concept_id, count(d.person_id) AS d, count(*) AS n FROM person p LEFT JOIN (SELECT DISTINCT person_id FROM visit_occurrence WHERE region = 'north') d ON d.person_id = p.person_id GROUP BY 1$$);
SELECT pg_temp.answered($$SELECT count(*) FILTER (WHERE EXISTS (SELECT FROM condition_occurrence c WHERE c.person_id = p.person_id AND condition_concept_id = 300)) AS d, sum(CASE WHEN person_id IN (SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 200) THEN 1 ELSE 0 END) AS a FROM person p$$);
SELECT pg_temp.refused($$SELECT count(*) FILTER (WHERE EXISTS (SELECT FROM condition_occurrence c WHERE condition_concept_id = 300)) FROM person p$$, 'rows of other persons');
SELECT pg_temp.refused($$SELECT count(*) FROM person p JOIN visit_occurrence v ON v.cost = p.year_of_birth$$, 'not on the subject');
SELECT pg_temp.refused($$SELECT count(*) FROM person p JOIN visit_occurrence v ON v.person_id = p.person_id OR v.cost > 10$$, 'the subject column is only for joins');
SELECT pg_temp.refused($$SELECT count(*) FROM person p LEFT JOIN visit_occurrence v ON v.person_id = p.person_id AND p.person_id = v.cost$$, 'the subject column is only for joins');
SELECT pg_temp.answered($$SELECT region, count(DISTINCT person_id) AS n FROM person FULL JOIN (SELECT person_id, region FROM visit_occurrence WHERE region < 'o') v USING (person_id) GROUP BY 1$$);
SELECT pg_temp.answered($$SELECT c IS NULL AS c, v IS NULL AS v, count(*) AS n FROM (SELECT person_id, 1 AS c FROM condition_occurrence WHERE condition_concept_id = 200) a FULL JOIN (SELECT DISTINCT person_id, 1 AS v FROM visit_occurrence WHERE region = 'east') b USING (person_id) GROUP BY 1, 2$$);
SELECT pg_temp.refused($$SELECT count(*) FROM person a FULL JOIN visit_occurrence b ON a.person_id = b.person_id$$, 'must be USING the subject');
SELECT pg_temp.refused($$SELECT count(*) FROM person FULL JOIN keys ON id = year_of_birth$$, 'must be USING the subject');

-- joins with public tables
SELECT pg_temp.answered($$SELECT concept_name, count(DISTINCT person_id) AS n FROM condition_occurrence JOIN concept ON concept_id = condition_concept_id WHERE concept_id < 400 GROUP BY 1$$);
SELECT pg_temp.answered($$SELECT concept_name, count(DISTINCT person_id) AS n FROM condition_occurrence LEFT JOIN concept ON concept_id = condition_concept_id AND concept_id < 250 WHERE condition_concept_id < 400 GROUP BY 1$$);
SELECT pg_temp.answered($$SELECT concept_name, count(DISTINCT person_id) AS n, count(person_id) AS m FROM concept LEFT JOIN condition_occurrence ON concept_id = condition_concept_id WHERE concept_id < 400 GROUP BY 1$$);
SELECT pg_temp.answered($$SELECT concept_name, count(DISTINCT c.person_id) AS n FROM concept LEFT JOIN (SELECT * FROM condition_occurrence JOIN person USING (person_id) WHERE year_of_birth > 1950) c ON concept_id = condition_concept_id WHERE concept_id < 400 GROUP BY 1$$);
SELECT pg_temp.answered($$SELECT count(DISTINCT person_id) AS n FROM condition_occurrence JOIN (SELECT DISTINCT descendant_concept_id AS d FROM concept_ancestor WHERE ancestor_concept_id IN (1, 2)) a ON d = condition_concept_id$$);
SELECT pg_temp.answered($$WITH codes AS (SELECT concept_id FROM concept WHERE concept_name LIKE 'a%' UNION SELECT descendant_concept_id FROM concept_ancestor WHERE ancestor_concept_id = 2) SELECT count(DISTINCT person_id) AS n FROM condition_occurrence JOIN codes ON concept_id = condition_concept_id$$);
SELECT pg_temp.answered($$SELECT n, count(DISTINCT person_id) AS p FROM condition_occurrence, LATERAL (SELECT count(*) AS n FROM concept_ancestor WHERE descendant_concept_id = condition_concept_id) a WHERE condition_concept_id < 400 GROUP BY n$$);
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT concept_name FROM concept LEFT JOIN condition_occurrence ON concept_id = condition_concept_id) q$$, 'to which no person belongs');
SELECT pg_temp.refused($$SELECT count(*) FROM (concept LEFT JOIN condition_occurrence ON concept_id = condition_concept_id) LEFT JOIN person USING (person_id)$$, 'must be the last join');
SELECT pg_temp.refused($$SELECT count(DISTINCT person_id) FROM person JOIN keys ON id = person_id$$, 'the subject column is only for joins');
SELECT pg_temp.refused($$SELECT count(DISTINCT person_id) FROM person, LATERAL (SELECT FROM keys WHERE id = person_id) k$$, 'not compared with public data');
SELECT pg_temp.refused($$SELECT count(DISTINCT person_id) FROM person, LATERAL (SELECT FROM (SELECT id FROM keys UNION SELECT person_id) k WHERE id > 10) j$$, 'not compared with public data');
SELECT pg_temp.refused($$SELECT count(DISTINCT person_id) FROM person, LATERAL (SELECT repeat('x', year_of_birth) AS x) k WHERE x > 'x'$$, 'not allowed|must be a plain selection');
SELECT pg_temp.refused($$SELECT count(DISTINCT person_id) FROM person, LATERAL generate_series(1, year_of_birth) g$$, 'LATERAL beside personal data');
SELECT pg_temp.refused($$SELECT count(*) FROM condition_occurrence JOIN concept_ancestor ON descendant_concept_id = condition_concept_id$$, 'after a join that may repeat them');

-- EXISTS, IN and scalar subqueries on the subject
SELECT pg_temp.answered($$SELECT count(*) AS n FROM person p WHERE EXISTS (SELECT 1 FROM condition_occurrence c WHERE c.person_id = p.person_id AND condition_concept_id = 300)$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM person p WHERE NOT EXISTS (SELECT 1 FROM condition_occurrence c WHERE p.person_id = c.person_id AND condition_concept_id = 300)$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM person p WHERE EXISTS (SELECT 1 FROM condition_occurrence c JOIN visit_occurrence v USING (person_id) WHERE c.person_id = p.person_id AND condition_concept_id = 300 AND v.visit_start_date > c.condition_start_date)$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM condition_occurrence o WHERE condition_concept_id = 100 AND EXISTS (SELECT FROM condition_occurrence c WHERE c.person_id = o.person_id AND c.condition_concept_id = 200 AND c.condition_start_date >= o.condition_start_date)$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM person WHERE person_id IN (SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 300)$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM person WHERE person_id NOT IN (SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 300)$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM person WHERE person_id <> ALL (SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 300)$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM person WHERE person_id = ANY (SELECT person_id FROM visit_occurrence GROUP BY person_id HAVING count(*) >= 3)$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM condition_occurrence WHERE (person_id, condition_start_date) IN (SELECT person_id, min(condition_start_date) FROM condition_occurrence GROUP BY person_id)$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM person p WHERE year_of_birth < ALL (SELECT cost FROM visit_occurrence v WHERE v.person_id = p.person_id)$$);
SELECT pg_temp.answered($$SELECT (SELECT count(*) FROM visit_occurrence v WHERE v.person_id = p.person_id) AS v, count(*) AS n FROM person p GROUP BY 1$$);
SELECT pg_temp.answered($$SELECT (SELECT region FROM visit_occurrence v WHERE v.person_id = p.person_id ORDER BY visit_start_date, visit_occurrence_id LIMIT 1) AS r, count(*) AS n FROM person p GROUP BY 1$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM person WHERE EXISTS (SELECT FROM visit_occurrence v WHERE v.person_id = person.person_id AND v.visit_start_date > (SELECT min(c.condition_start_date) FROM condition_occurrence c WHERE c.person_id = v.person_id))$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM person WHERE EXISTS (SELECT FROM visit_occurrence v WHERE v.person_id = person.person_id AND v.visit_start_date > (SELECT min(c.condition_start_date) FROM condition_occurrence c WHERE c.person_id = person.person_id))$$);
SELECT pg_temp.refused($$SELECT count(*) AS n FROM person p WHERE EXISTS (SELECT 1 FROM condition_occurrence c WHERE condition_concept_id = 300)$$, 'rows of other persons');
SELECT pg_temp.refused($$SELECT count(*) AS n FROM person p WHERE EXISTS (SELECT 1 FROM condition_occurrence c WHERE c.person_id = p.person_id OR condition_concept_id = 300)$$, 'the subject column|query around');
SELECT pg_temp.refused($$SELECT count(*) AS n FROM person p WHERE EXISTS (SELECT 1 FROM condition_occurrence c WHERE c.person_id > p.person_id)$$, 'subject column');
SELECT pg_temp.refused($$SELECT count(*) AS n FROM person p WHERE EXISTS (SELECT 1 FROM condition_occurrence c WHERE c.condition_concept_id = p.person_id)$$, 'subject column of a query around');
SELECT pg_temp.refused($$SELECT count(*) AS n FROM person p WHERE EXISTS (SELECT 1 FROM keys WHERE id = p.person_id)$$, 'not compared with public data');
SELECT pg_temp.refused($$SELECT count(*) AS n FROM person p WHERE person_id IN (SELECT id FROM keys)$$, 'the subject column is only for joins');
SELECT pg_temp.refused($$SELECT count(*) AS n FROM person p WHERE person_id IN (SELECT cost FROM visit_occurrence v)$$, 'the subject column|rows of other persons');
SELECT pg_temp.refused($$SELECT count(*) AS n FROM person p WHERE person_id IN (SELECT cost FROM visit_occurrence v WHERE v.person_id = p.person_id)$$, 'the subject column is only for joins');
SELECT pg_temp.refused($$SELECT count(*) AS n FROM person p WHERE person_id > ALL (SELECT person_id FROM visit_occurrence v)$$, 'the subject column is only for joins');
SELECT pg_temp.refused($$SELECT count(*) AS n FROM person p WHERE year_of_birth IN (SELECT cost FROM visit_occurrence v)$$, 'rows of other persons');
SELECT pg_temp.refused($$SELECT count(*) AS n FROM person p WHERE year_of_birth > (SELECT avg(year_of_birth) FROM person)$$, 'compared with a figure about all persons');
SELECT pg_temp.refused($$SELECT count(*) AS n FROM person p WHERE year_of_birth > (SELECT cost FROM visit_occurrence v WHERE v.person_id = p.person_id)$$, 'more than one row');
SELECT pg_temp.refused($$SELECT count(*) AS n FROM person p WHERE year_of_birth = ANY (ARRAY(SELECT cost FROM visit_occurrence v WHERE v.person_id = p.person_id))$$, 'a subquery of this form');
SELECT pg_temp.refused($$SELECT count(*) AS n FROM person p LEFT JOIN (SELECT person_id AS q FROM visit_occurrence WHERE region = 'north') v ON q = p.person_id WHERE q NOT IN (SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 300)$$, 'may be NULL');
SELECT pg_temp.refused($$SELECT count(*) AS n FROM person p WHERE EXISTS (SELECT FROM visit_occurrence v WHERE v.person_id = p.person_id AND EXISTS (SELECT FROM condition_occurrence c WHERE c.condition_concept_id = v.cost))$$, 'rows of other persons');
SELECT pg_temp.refused($$SELECT count(*) AS n FROM person p WHERE EXISTS (SELECT FROM visit_occurrence v LEFT JOIN condition_occurrence c ON c.person_id = v.person_id AND v.person_id = p.person_id)$$, 'rows of other persons');
SELECT pg_temp.refused($$SELECT count(*) FROM concept WHERE concept_id IN (SELECT condition_concept_id FROM condition_occurrence)$$, 'reads rows of persons');
SELECT pg_temp.refused($$SELECT concept_name, (SELECT count(*) FROM condition_occurrence WHERE condition_concept_id = concept_id) FROM concept$$, 'must not refer to the query around');
SELECT pg_temp.refused($$SELECT concept_name, (SELECT max(cost) FROM visit_occurrence v WHERE v.person_id = concept_id) FROM concept$$, 'subject column|not answered|must not refer');

-- public subqueries are conditions
SELECT pg_temp.answered($$SELECT count(*) AS n FROM condition_occurrence WHERE condition_concept_id IN (SELECT descendant_concept_id FROM concept_ancestor WHERE ancestor_concept_id = 1)$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM condition_occurrence c WHERE EXISTS (SELECT FROM concept_ancestor WHERE descendant_concept_id = c.condition_concept_id AND ancestor_concept_id = 2)$$);
SELECT pg_temp.answered($$SELECT (SELECT concept_name FROM concept WHERE concept_id = condition_concept_id) AS c, count(*) AS n FROM condition_occurrence WHERE condition_concept_id < 400 GROUP BY 1$$);
SELECT pg_temp.answered($$WITH codes AS (SELECT concept_id FROM concept WHERE concept_id < 250), more AS (SELECT concept_id FROM codes UNION ALL SELECT 300) SELECT count(*) AS n FROM condition_occurrence WHERE condition_concept_id IN (SELECT concept_id FROM more)$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM condition_occurrence WHERE condition_concept_id < (SELECT max(concept_id) FROM concept WHERE concept_id < 300)$$);
SELECT pg_temp.refused($$SELECT count(*) AS n FROM condition_occurrence WHERE condition_concept_id = (SELECT descendant_concept_id FROM concept_ancestor WHERE ancestor_concept_id < condition_concept_id)$$, 'more than one row');
SELECT pg_temp.refused($$SELECT count(*) AS n FROM condition_occurrence WHERE condition_concept_id IN (SELECT length(repeat('x', concept_id)) FROM concept)$$, 'not allowed|plain selection');
SELECT pg_temp.refused($$SELECT count(*) AS n FROM condition_occurrence WHERE condition_concept_id IN (SELECT concept_id FROM concept, generate_series(1, 2, 0))$$, 'plain selection');
SELECT pg_temp.refused($$SELECT count(*) AS n FROM condition_occurrence WHERE condition_concept_id IN (WITH RECURSIVE r AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM r WHERE x < 5) SELECT x FROM r)$$, 'plain selection');

-- LATERAL on the subject
SELECT pg_temp.answered($$SELECT x.region, count(*) AS n FROM person p, LATERAL (SELECT region FROM visit_occurrence v WHERE v.person_id = p.person_id ORDER BY visit_start_date DESC, visit_occurrence_id LIMIT 1) x GROUP BY 1$$);
SELECT pg_temp.answered($$SELECT v, count(*) AS n FROM person p LEFT JOIN LATERAL (SELECT count(*) AS v FROM visit_occurrence v WHERE v.person_id = p.person_id AND region <> 'north') x ON true GROUP BY 1$$);
SELECT pg_temp.answered($$SELECT count(DISTINCT p.person_id) AS n FROM person p CROSS JOIN LATERAL (SELECT * FROM visit_occurrence v WHERE v.person_id = p.person_id AND v.cost > p.year_of_birth) x$$);
SELECT pg_temp.refused($$SELECT count(*) FROM person p, LATERAL (SELECT region FROM visit_occurrence v WHERE v.cost > p.year_of_birth) x$$, 'not on the subject');
SELECT pg_temp.refused($$SELECT count(*) FROM person p, LATERAL (SELECT count(*) FROM visit_occurrence v WHERE v.cost > p.year_of_birth) x$$, 'must not refer');
SELECT pg_temp.refused($$SELECT count(*) FROM person p, LATERAL (SELECT region FROM visit_occurrence v WHERE v.person_id = p.person_id LIMIT (SELECT 1)) x$$, 'must be constants');

-- GROUP BY, DISTINCT and PARTITION BY that contain the subject
SELECT pg_temp.answered($$SELECT avg(v) AS a, sum(v) AS s, count(*) AS n FROM (SELECT person_id, count(*) AS v FROM visit_occurrence GROUP BY person_id) x$$);
SELECT pg_temp.answered($$SELECT v, count(*) AS n FROM (SELECT count(*) AS v FROM visit_occurrence GROUP BY person_id) x GROUP BY v$$);
SELECT pg_temp.answered($$WITH x AS (SELECT person_id, count(DISTINCT region) AS v FROM visit_occurrence GROUP BY 1) SELECT gender_concept_id, avg(v) AS a FROM x JOIN person USING (person_id) GROUP BY 1$$);
SELECT pg_temp.answered($$SELECT a, count(*) AS n FROM (SELECT person_id, max(big) AS a, min(ratio) AS b, max(score) AS c, stddev(cost), bool_or(region = 'north') AS d FROM visit_occurrence GROUP BY person_id) x WHERE b > 1 AND c > 2 AND d GROUP BY 1$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM (SELECT person_id FROM visit_occurrence GROUP BY person_id HAVING sum(ratio) > 4 AND avg(score) < 5 AND count(*) FILTER (WHERE region = 'south') > 0) x$$);
SELECT pg_temp.answered($$SELECT avg(dm) AS a, sum(dm) AS s FROM (SELECT person_id, max(CASE WHEN condition_concept_id = 300 THEN 1 ELSE 0 END) AS dm FROM condition_occurrence GROUP BY 1) x$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM (SELECT person_id, region, percentile_cont(0.5) WITHIN GROUP (ORDER BY score) AS m FROM visit_occurrence GROUP BY 1, 2) x WHERE m > 3$$);
SELECT pg_temp.answered($$SELECT extract(year FROM d) AS y, count(*) AS n FROM (SELECT person_id, min(condition_start_date) AS d FROM condition_occurrence WHERE condition_concept_id = 100 GROUP BY person_id) x GROUP BY 1$$);
SELECT pg_temp.answered($$SELECT region, count(*) AS n FROM (SELECT DISTINCT person_id, region FROM visit_occurrence) x GROUP BY 1$$);
SELECT pg_temp.answered($$SELECT region, count(*) AS n FROM (SELECT DISTINCT ON (person_id) person_id, region FROM visit_occurrence ORDER BY person_id, cost, region) x GROUP BY 1$$);
SELECT pg_temp.answered($$SELECT region, count(*) AS n FROM (SELECT person_id, region, row_number() OVER (PARTITION BY person_id ORDER BY visit_start_date, region) AS r FROM visit_occurrence) x WHERE r = 1 GROUP BY 1$$);
SELECT pg_temp.answered($$SELECT r, count(*) AS n FROM (SELECT person_id, rank() OVER (PARTITION BY person_id ORDER BY visit_start_date) AS r FROM visit_occurrence) x GROUP BY 1$$);
SELECT pg_temp.answered($$SELECT s, count(*) AS n FROM (SELECT person_id, sum(big) OVER (PARTITION BY person_id ORDER BY visit_start_date) AS s FROM visit_occurrence) x GROUP BY 1$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM (SELECT person_id, visit_start_date AS d, lag(visit_start_date) OVER w AS before, count(*) OVER w AS c FROM visit_occurrence WINDOW w AS (PARTITION BY person_id ORDER BY visit_start_date)) x WHERE before < d AND c > 1$$);
SELECT pg_temp.refused($$SELECT person_id, count(*) FROM visit_occurrence GROUP BY person_id$$, 'rows about persons do not leave');
SELECT pg_temp.answered($$SELECT DISTINCT region FROM visit_occurrence$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM (SELECT DISTINCT region, gender_concept_id FROM visit_occurrence JOIN person USING (person_id)) x$$);
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT DISTINCT ON (region) person_id, region FROM visit_occurrence ORDER BY region, cost) x$$, 'must contain the subject');
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT person_id, row_number() OVER (ORDER BY visit_start_date) AS r FROM visit_occurrence) x WHERE r = 1$$, 'compares persons');
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT person_id, row_number() OVER (PARTITION BY region ORDER BY visit_start_date) AS r FROM visit_occurrence) x WHERE r = 1$$, 'compares persons');
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT person_id, last_value(region) OVER (PARTITION BY person_id ORDER BY visit_start_date) AS r FROM visit_occurrence) x WHERE r = 'north'$$, 'depends on the order of equal rows');
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT person_id, ntile(0) OVER (PARTITION BY person_id ORDER BY visit_start_date) AS r FROM visit_occurrence) x WHERE r = 1$$, 'takes a positive constant');
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT person_id, sum(cost) OVER (PARTITION BY person_id ORDER BY visit_start_date RANGE '1 day' PRECEDING) AS r FROM visit_occurrence) x WHERE r = 1$$, 'RANGE with an offset');
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT person_id, string_agg(region, ',') AS r FROM visit_occurrence GROUP BY person_id) x WHERE r = 'north'$$, 'not allowed within a person');
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT person_id, region, count(*) AS r FROM visit_occurrence GROUP BY ROLLUP (person_id, region)) x$$, 'within a person are not supported');
-- what a person's flag or weight says must be natural
SELECT pg_temp.refused($$SELECT sum(w) FROM (SELECT person_id, max(CASE WHEN condition_concept_id = 400 THEN 1000000 ELSE 1 END) AS w FROM condition_occurrence GROUP BY 1) x$$, 'plain columns');
SELECT pg_temp.refused($$SELECT sum(w) FROM (SELECT person_id, count(*) FILTER (WHERE condition_concept_id = 400) AS w FROM condition_occurrence GROUP BY 1) x$$, 'plain columns');
SELECT pg_temp.refused($$SELECT sum(w) FROM (SELECT person_id, count(*) AS w FROM condition_occurrence JOIN concept_ancestor ON descendant_concept_id = condition_concept_id GROUP BY 1) x$$, 'after a join that may repeat');
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT person_id, 1 AS a FROM condition_occurrence WHERE condition_concept_id = 400 UNION ALL SELECT person_id, 2 FROM condition_occurrence) x$$, 'after a join that may repeat');
-- the largest sum is no error of the one who has it
SELECT pg_temp.answered($$SELECT count(*) AS n FROM (SELECT person_id, sum(CASE WHEN cost = 70 THEN 1e308::float8 ELSE 1 END) AS a, avg(CASE WHEN cost = 70 THEN 9e131071 ELSE 1 END) AS b, variance(CASE WHEN cost = 70 THEN 9e131071 ELSE 1 END) AS c FROM (SELECT v.person_id, v.cost FROM visit_occurrence v JOIN visit_occurrence w USING (person_id)) x WHERE cost > 80 GROUP BY person_id) x$$);
SELECT is(pg_temp.rows_of($$SELECT count(*) AS n FROM (SELECT person_id, sum(CASE WHEN cost = 70 THEN 1e308::float8 ELSE 1 END) AS a, avg(CASE WHEN cost = 70 THEN 9e131071 ELSE 1 END) AS b, variance(CASE WHEN cost = 70 THEN 9e131071 ELSE 1 END) AS c FROM permit_wide.visit_occurrence GROUP BY person_id) x WHERE a > 0 OR b > 0 OR c > 0 OR a IS NULL$$), '(400)', 'a person whose sum overflows raises no error');

-- a zero is a zero
UPDATE omop.visit_occurrence SET score = '-0' WHERE score = 0 AND person_id % 2 = 0;
SELECT is(pg_temp.rows_of('SELECT score, count(DISTINCT person_id) AS n FROM permit_wide.visit_occurrence WHERE score IN (0, 1) GROUP BY 1'), '(0,57) (1,58)', 'a double precision key: -0 is 0');

-- UNION, INTERSECT, EXCEPT with the subject aligned
SELECT pg_temp.answered($$SELECT count(*) AS n FROM (SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 300 UNION SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 200) x$$);
SELECT pg_temp.answered($$SELECT count(DISTINCT person_id) AS n FROM (SELECT person_id, condition_start_date FROM condition_occurrence WHERE condition_concept_id = 300 UNION ALL SELECT person_id, visit_start_date FROM visit_occurrence WHERE region = 'north' ORDER BY 2) x$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM (SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 200 EXCEPT SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 300) x$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM (SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 200 INTERSECT SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 300) x$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM person WHERE person_id IN (SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 300 UNION (SELECT person_id FROM visit_occurrence WHERE region = 'north' EXCEPT SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 200))$$);
SELECT pg_temp.refused($$SELECT person_id FROM person UNION SELECT person_id FROM visit_occurrence$$, 'rows about persons do not leave');
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT person_id FROM person UNION SELECT id FROM keys) x$$, 'UNION of rows of persons and public rows');
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT id FROM keys EXCEPT SELECT person_id FROM person) x$$, 'not compared with public data');
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT person_id, cost FROM visit_occurrence UNION SELECT year_of_birth, person_id FROM person) x$$, 'the subject in the same column');
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT person_id FROM visit_occurrence UNION SELECT person_id FROM person LIMIT 5) x$$, 'LIMIT');
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT person_id FROM person INTERSECT SELECT id FROM keys) x$$, 'not compared with public data');
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT person_id FROM person EXCEPT SELECT id FROM keys) x$$, 'not compared with public data');

-- an outer join does not filter the rows that it keeps, so it ties them to nobody
SELECT pg_temp.refused($$SELECT count(*) FROM person p WHERE EXISTS (SELECT 1 FROM condition_occurrence c LEFT JOIN visit_occurrence v ON v.person_id = c.person_id AND v.person_id = p.person_id WHERE c.condition_concept_id = 500)$$, 'not next to it');
SELECT pg_temp.refused($$SELECT count(*) FROM person p WHERE EXISTS (SELECT 1 FROM condition_occurrence c LEFT JOIN (SELECT v.person_id FROM visit_occurrence v WHERE v.person_id = p.person_id) x ON x.person_id = c.person_id WHERE c.condition_concept_id = 500)$$, 'rows of other persons');
SELECT pg_temp.refused($$SELECT count(*) FROM person p WHERE EXISTS (SELECT 1 FROM condition_occurrence c FULL JOIN (SELECT v.person_id FROM visit_occurrence v WHERE v.person_id = p.person_id) x USING (person_id) WHERE c.condition_concept_id = 500)$$, 'not on the subject');
SELECT pg_temp.refused($$SELECT count(*) FROM person a, person b LEFT JOIN LATERAL (SELECT v.person_id FROM visit_occurrence v WHERE v.person_id = a.person_id) x ON x.person_id = b.person_id$$, 'not on the subject');
SELECT pg_temp.answered($$SELECT count(*) AS n FROM person p WHERE EXISTS (SELECT 1 FROM condition_occurrence c LEFT JOIN visit_occurrence v ON v.person_id = c.person_id AND v.person_id = p.person_id WHERE c.person_id = p.person_id AND c.condition_concept_id = 300)$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM person p WHERE EXISTS (SELECT 1 FROM condition_occurrence c LEFT JOIN (SELECT v.person_id FROM visit_occurrence v WHERE v.person_id = p.person_id) x ON x.person_id = c.person_id WHERE c.person_id = p.person_id AND c.condition_concept_id = 300)$$);
-- a row that is about two persons does not make them one
SELECT pg_temp.refused($$SELECT count(*) FROM person a, person b, LATERAL (SELECT count(*) AS n FROM condition_occurrence c WHERE c.person_id = a.person_id AND c.person_id = b.person_id) x$$, 'not on the subject');
SELECT pg_temp.refused($$SELECT count(*) FROM person a CROSS JOIN person b LEFT JOIN LATERAL (SELECT FROM condition_occurrence c WHERE c.person_id = a.person_id AND c.person_id = b.person_id) x ON true$$, 'not on the subject');
SELECT pg_temp.refused($$SELECT count(*) FROM person p WHERE EXISTS (SELECT FROM condition_occurrence q, LATERAL (SELECT count(*) AS n FROM condition_occurrence c WHERE c.person_id = q.person_id AND c.person_id = p.person_id) x WHERE q.condition_concept_id = 500)$$, 'not on the subject');
SELECT pg_temp.answered($$SELECT n > 1 AS several, count(*) AS m FROM person a JOIN (SELECT DISTINCT person_id FROM visit_occurrence) b ON a.person_id = b.person_id, LATERAL (SELECT count(*) AS n FROM condition_occurrence c WHERE c.person_id = a.person_id AND c.person_id = b.person_id) x GROUP BY 1$$);
-- the subject is no value: of a full join, an aggregate, a window, a subquery, a side of UNION
SELECT pg_temp.refused($$SELECT count(DISTINCT person_id) FROM person FULL JOIN visit_occurrence USING (person_id), LATERAL (SELECT id FROM keys WHERE id = person_id) k$$, 'not compared with public data');
SELECT pg_temp.refused($$SELECT count(DISTINCT person_id) FROM person FULL JOIN visit_occurrence USING (person_id), LATERAL (SELECT c.condition_concept_id AS c FROM condition_occurrence c WHERE c.person_id = person.person_id AND person_id < 20) k$$, 'subject column of a query around|only for joins');
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT person_id, max(person_id) AS m FROM person GROUP BY person_id) x WHERE m <> 7$$, 'only for joins');
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT person_id, min(person_id) OVER (PARTITION BY person_id) AS m FROM person) x WHERE m <> 7$$, 'only for joins');
SELECT pg_temp.refused($$SELECT count(*) FROM person p WHERE (SELECT v.person_id FROM visit_occurrence v WHERE v.person_id = p.person_id LIMIT 1) <> 7$$, 'only compared with the subject');
SELECT pg_temp.refused($$SELECT count(*) FROM person p WHERE 7 NOT IN (SELECT v.person_id FROM visit_occurrence v WHERE v.person_id = p.person_id)$$, 'only compared with the subject');
SELECT pg_temp.refused($$SELECT count(DISTINCT person_id) FROM (SELECT person_id, person_id AS x FROM person UNION SELECT person_id, cost FROM visit_occurrence WHERE cost < 0) u WHERE x <> 7$$, 'subject in the same columns');
SELECT pg_temp.refused($$SELECT count(*) FROM person p WHERE 7 NOT IN (SELECT v.person_id FROM visit_occurrence v WHERE v.person_id = p.person_id UNION SELECT v.cost FROM visit_occurrence v WHERE v.person_id = p.person_id)$$, 'subject in the same columns');
SELECT pg_temp.answered($$SELECT count(*) AS n FROM (SELECT person_id, count(person_id) AS m FROM visit_occurrence GROUP BY person_id) x WHERE m > 1$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM person p WHERE EXISTS (SELECT 1 FROM visit_occurrence v WHERE v.person_id = p.person_id AND region = 'north' UNION SELECT 1 FROM condition_occurrence v WHERE v.person_id = p.person_id AND condition_concept_id = 300)$$);
SELECT pg_temp.answered($$SELECT count(*) AS n FROM person p, LATERAL (SELECT max(d) AS d FROM (SELECT visit_start_date AS d FROM visit_occurrence v WHERE v.person_id = p.person_id UNION ALL SELECT condition_start_date FROM condition_occurrence v WHERE v.person_id = p.person_id) u) x WHERE d > '2021-06-01'$$);
-- a WITH list keeps its types where a border takes some of its queries away
SELECT pg_temp.refused($$SELECT * FROM (WITH t AS (SELECT person_id FROM visit_occurrence), a AS (SELECT id FROM keys) SELECT count(*) FILTER (WHERE person_id IN (SELECT id FROM a)) FROM person) q$$, 'only for joins');
SELECT pg_temp.answered($$SELECT * FROM (WITH t AS (SELECT person_id FROM visit_occurrence WHERE region = 'north'), a AS (SELECT 1947 AS y) SELECT count(*) FILTER (WHERE person_id IN (SELECT person_id FROM t)) AS n FROM person) q$$);
-- NULL IN (...) tells whether there is anybody, in FILTER too
SELECT pg_temp.refused($$SELECT count(*), count(*) FILTER (WHERE (v.person_id IN (SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 500)) IS NULL) FROM person p LEFT JOIN (SELECT DISTINCT person_id FROM visit_occurrence WHERE region = 'north') v ON v.person_id = p.person_id$$, 'outer join adds');
-- values of the analyst's own, beside natural ones in a UNION
SELECT pg_temp.refused($$SELECT sum(m) FROM (SELECT person_id, max(x) AS m FROM (SELECT person_id, cost AS x FROM visit_occurrence UNION ALL SELECT person_id, 90000000 FROM condition_occurrence WHERE condition_concept_id = 400) u GROUP BY person_id) q$$, 'plain columns');
-- errors of what is evaluated only for some persons
CREATE SCHEMA mine AUTHORIZATION t_analyst;
SET SESSION AUTHORIZATION t_analyst;
CREATE TABLE mine.twice (k integer, t text COLLATE "C", u text COLLATE "POSIX");
INSERT INTO mine.twice VALUES (1947, 'a', 'b'), (1947, 'b', 'a');
RESET SESSION AUTHORIZATION;
SELECT pg_temp.refused($$SELECT count(*) FROM person p WHERE (SELECT t FROM mine.twice WHERE k = p.year_of_birth ORDER BY k FETCH FIRST 1 ROW WITH TIES) = 'a'$$, 'more than one row');
-- texts of the analyst's own are cut off before they are copied, through outer joins and UNION too
SET SESSION AUTHORIZATION t_analyst;
CREATE TABLE mine.large AS SELECT k, repeat('a', 100000) AS t FROM generate_series(1940, 1999) k;
RESET SESSION AUTHORIZATION;
SELECT is(pg_temp.native($$SELECT count(DISTINCT person_id) FROM (SELECT person_id, t FROM person LEFT JOIN mine.large ON k = year_of_birth) x WHERE upper(t) LIKE 'A%'$$), '(400)', 'natively they are not') FROM (SELECT set_config('search_path', 'omop, public', true)) s;
SELECT is(pg_temp.rows_of($$SELECT count(DISTINCT person_id) FROM (SELECT person_id, t FROM person LEFT JOIN mine.large ON k = year_of_birth) x WHERE upper(t) LIKE 'A%'$$), NULL, 'under the permit they are') FROM (SELECT set_config('search_path', 'permit_wide, omop, public', true)) s;
SELECT is(pg_temp.native($$SELECT count(DISTINCT person_id) FROM (SELECT person_id, region AS t FROM visit_occurrence UNION ALL SELECT person_id, t FROM person LEFT JOIN mine.large ON k = year_of_birth) x WHERE upper(t) LIKE 'A%'$$), '(400)', 'natively they are not') FROM (SELECT set_config('search_path', 'omop, public', true)) s;
SELECT is(pg_temp.rows_of($$SELECT count(DISTINCT person_id) FROM (SELECT person_id, region AS t FROM visit_occurrence UNION ALL SELECT person_id, t FROM person LEFT JOIN mine.large ON k = year_of_birth) x WHERE upper(t) LIKE 'A%'$$), NULL, 'under the permit they are') FROM (SELECT set_config('search_path', 'permit_wide, omop, public', true)) s;
SELECT pg_temp.answered($$SELECT upper(t) AS t, count(DISTINCT person_id) AS n FROM (SELECT person_id, max(region) AS t FROM visit_occurrence GROUP BY person_id) x GROUP BY 1$$);
SELECT pg_temp.refused($$SELECT count(*) FROM person p WHERE (SELECT CASE WHEN v.cost > 5 THEN t ELSE u END FROM visit_occurrence v, mine.twice WHERE v.person_id = p.person_id ORDER BY k LIMIT 1) IS NULL$$, 'two collations');
SELECT pg_temp.refused($$SELECT count(*) FROM person p WHERE (SELECT max(CASE WHEN k > 5 THEN t ELSE u END) FROM mine.twice) IS NULL$$, 'aggregates and window functions');
-- windows beside columns and subqueries of other levels
SELECT pg_temp.answered($$SELECT count(*) AS n FROM person p WHERE (SELECT max(r) FROM (SELECT row_number() OVER (ORDER BY v.visit_start_date) AS r, p.year_of_birth AS y FROM visit_occurrence v WHERE v.person_id = p.person_id) x) > 1$$);

-- flags of persons are conditions: the difference of two sums is a group like any other
SELECT is(pg_temp.rows_of($$SELECT sum(f) AS f, sum(g) AS g FROM (SELECT person_id, max(CASE WHEN condition_concept_id = 300 THEN 1 ELSE 0 END) AS f, max(CASE WHEN condition_concept_id IN (300, 400) THEN 1 ELSE 0 END) AS g FROM permit_wide.condition_occurrence GROUP BY 1) x$$), '(40,)', 'two flags that differ in five persons are not both summed');
SELECT pg_temp.answered($$SELECT sum(f) AS a, sum(g) AS b, avg(f) AS c, avg(g) AS d FROM (SELECT person_id, max(CASE WHEN condition_concept_id = 300 THEN 1 ELSE 0 END) AS f, max(CASE WHEN condition_concept_id = 200 THEN 1 END) AS g FROM condition_occurrence GROUP BY 1) x$$);
SELECT pg_temp.refused($$SELECT corr(f, n) FROM (SELECT person_id, count(*) AS n, max(CASE WHEN condition_concept_id = 300 THEN 1 ELSE 0 END) AS f FROM condition_occurrence GROUP BY 1) x$$, 'plain columns');
SET SESSION AUTHORIZATION t_analyst;
CREATE TABLE mine.united AS SELECT person_id, cost AS x FROM permit_wide.visit_occurrence UNION ALL SELECT person_id, 90000000 FROM permit_wide.condition_occurrence WHERE condition_concept_id = 400;
RESET SESSION AUTHORIZATION;
SELECT pg_temp.refused($$SELECT sum(m) FROM (SELECT person_id, max(x) AS m FROM mine.united GROUP BY person_id) q$$, 'plain columns');

-- the subject is never NULL, and rows of nobody are not counted
SELECT is(pg_temp.rows_of($$SELECT sum(CASE WHEN person_id IS NULL THEN 1 ELSE 0 END) AS a, avg(CASE WHEN person_id IS NULL THEN 1 ELSE 0 END) AS b, count(*) AS n FROM permit_wide.person$$), '(,,400)', 'nobody is a cell of nobody');
SELECT pg_temp.refused($$SELECT count(*) FROM concept LEFT JOIN condition_occurrence ON concept_id = condition_concept_id AND condition_concept_id < 250$$, 'no person belongs');
SELECT pg_temp.refused($$SELECT count(concept_name) FROM concept LEFT JOIN condition_occurrence ON concept_id = condition_concept_id$$, 'no person belongs');
SELECT pg_temp.refused($$SELECT sum(CASE WHEN person_id IS NULL THEN 1 ELSE 0 END) FROM concept LEFT JOIN condition_occurrence ON concept_id = condition_concept_id$$, 'no person belongs');
SELECT pg_temp.refused($$SELECT avg(CASE WHEN condition_concept_id = 200 THEN 1 ELSE 0 END) FROM concept LEFT JOIN condition_occurrence ON concept_id = condition_concept_id$$, 'no person belongs');
SELECT pg_temp.answered($$SELECT count(person_id) AS a, count(*) FILTER (WHERE person_id IS NOT NULL AND condition_concept_id = 200) AS c, sum(condition_concept_id) AS d FROM concept LEFT JOIN condition_occurrence ON concept_id = condition_concept_id AND condition_concept_id < 250$$);

-- casts that no expression shows: of sides of UNION, of columns that USING merges
SELECT pg_temp.refused($$SELECT count(DISTINCT person_id) FROM (SELECT person_id, CASE WHEN year_of_birth = 1947 THEN 1e400 ELSE 1 END AS x FROM person UNION ALL SELECT person_id, score FROM visit_occurrence) u WHERE x > 0$$, 'not allowed on personal data');
SELECT pg_temp.refused($$SELECT count(DISTINCT person_id) FROM person JOIN (SELECT CASE WHEN id = 7 THEN 1e400 ELSE id END AS x FROM keys UNION ALL SELECT 2::float8) u ON x < year_of_birth$$, 'not allowed on personal data');
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT person_id, CASE WHEN year_of_birth = 1947 THEN date '5874897-12-31' ELSE '2020-01-01' END AS d FROM person) a LEFT JOIN (SELECT person_id, CASE WHEN cost = 3 THEN timestamp '2020-01-01' END AS d FROM visit_occurrence) b USING (person_id, d) WHERE d IS NOT NULL$$, 'not allowed on personal data');
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT person_id, CASE WHEN year_of_birth = 1947 THEN date '5874897-12-31' ELSE '2020-01-01' END AS d FROM person) a LEFT JOIN (SELECT person_id, CASE WHEN cost = 3 THEN timestamp '2020-01-01' END AS d FROM visit_occurrence) b USING (person_id, d) WHERE EXISTS (SELECT FROM condition_occurrence c WHERE c.person_id = a.person_id AND c.condition_start_date < d)$$, 'not allowed on personal data');
SELECT pg_temp.answered($$SELECT x > 5 AS x, count(DISTINCT person_id) AS n FROM (SELECT person_id, cost AS x FROM visit_occurrence UNION ALL SELECT person_id, ratio FROM visit_occurrence UNION ALL SELECT person_id, big FROM visit_occurrence) u WHERE x IS NOT NULL GROUP BY 1$$);
SELECT pg_temp.answered($$SELECT c > 2 AS c, count(*) AS n FROM (SELECT person_id, cost AS c FROM visit_occurrence) a JOIN (SELECT DISTINCT person_id, big AS c FROM visit_occurrence) b USING (person_id, c) RIGHT JOIN person USING (person_id) GROUP BY 1$$);
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT DISTINCT ON (person_id) person_id, row_number() OVER (PARTITION BY person_id ORDER BY region) AS r FROM visit_occurrence) x WHERE r = 1$$, 'beside window functions');

-- LIMIT elsewhere, samples, places of rows
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT * FROM person LIMIT 5) p$$, 'LIMIT and OFFSET');
SELECT pg_temp.refused($$SELECT count(*) FROM (SELECT * FROM person OFFSET 5) p$$, 'LIMIT and OFFSET');
SELECT pg_temp.refused($$WITH RECURSIVE r AS (SELECT person_id FROM person UNION SELECT person_id FROM r) SELECT count(*) FROM r$$, 'recursive');

-- a WITH query is read in several places, and from inside subqueries
SELECT pg_temp.answered($$WITH d AS (SELECT person_id, min(condition_start_date) AS first FROM condition_occurrence WHERE condition_concept_id = 200 GROUP BY 1), e AS (SELECT d.* FROM d WHERE NOT EXISTS (SELECT FROM condition_occurrence c WHERE c.person_id = d.person_id AND c.condition_concept_id = 300))
    SELECT gender_concept_id, count(*) AS n, (SELECT count(*) FROM e) AS e, (SELECT count(*) FROM d) AS d FROM person WHERE person_id IN (SELECT person_id FROM e) GROUP BY 1$$);
SELECT pg_temp.answered($$SELECT round(100.0 * a.n / b.n, 1) AS percent FROM (SELECT count(*) AS n FROM person WHERE person_id IN (SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 300)) a, (SELECT count(*) AS n FROM person) b$$);
-- under differential privacy the same rules, and what it protects by itself
CREATE FUNCTION pg_temp.private(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE n double precision;
BEGIN
    SET LOCAL search_path = permit_open, omop, public;
    n := pg_temp.as_role('t_other', query);
    SET LOCAL search_path = public;
    RETURN ok(n IS NOT NULL, query);
END $$;
SET ehds.epsilon = 0.01;
SELECT pg_temp.private($$SELECT count(DISTINCT person_id) FROM (SELECT person_id FROM person INTERSECT SELECT id FROM keys) x$$);
SELECT pg_temp.private($$SELECT count(DISTINCT person_id) FROM (SELECT person_id FROM person EXCEPT SELECT id FROM keys) x$$);
SELECT pg_temp.private($$SELECT count(DISTINCT person_id) FROM person p WHERE EXISTS (SELECT FROM condition_occurrence c WHERE c.person_id = p.person_id AND c.condition_concept_id = 300)$$);
SELECT pg_temp.private($$SELECT count(DISTINCT person_id) FROM person WHERE person_id NOT IN (SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 300)$$);
SELECT pg_temp.private($$WITH x AS (SELECT person_id, count(*) AS n, sum(condition_concept_id) AS s FROM condition_occurrence GROUP BY 1) SELECT count(DISTINCT person_id) FROM x WHERE n > 1$$);
SELECT pg_temp.private($$SELECT count(DISTINCT person_id) FROM (SELECT DISTINCT ON (person_id) person_id, condition_concept_id AS c FROM condition_occurrence ORDER BY person_id, condition_start_date) x WHERE c = 100$$);
SELECT pg_temp.private($$SELECT count(DISTINCT person_id) FROM (SELECT person_id, row_number() OVER (PARTITION BY person_id ORDER BY condition_start_date) AS c FROM condition_occurrence) x WHERE c = 1$$);
SELECT pg_temp.private($$SELECT count(DISTINCT person_id) FROM person FULL JOIN condition_occurrence USING (person_id)$$);
SELECT pg_temp.private($$SELECT count(DISTINCT p.person_id) FROM person p, LATERAL (SELECT count(*) AS n FROM condition_occurrence c WHERE c.person_id = p.person_id) x WHERE n > 1$$);
SELECT throws_ok($$SELECT pg_temp.private('SELECT count(DISTINCT person_id) FROM (SELECT person_id, avg(condition_concept_id::float8) AS a FROM permit_open.condition_occurrence GROUP BY 1) x WHERE a > 1')$$, 'ZE002', NULL, 'sums of doubles depend on the order of rows');
SELECT * FROM finish();
