-- What an analyst types under a permit, what comes back, and what each refusal says.
\set VERBOSITY default
\set SHOW_CONTEXT never
CREATE DATABASE regress_gate;
\c regress_gate
\getenv top PG_ABS_SRCDIR
\set fixture :top '/test/fixtures/warehouse.sql'
\set permits :top '/test/fixtures/permits.sql'
\set ECHO none
\o /dev/null
CREATE EXTENSION pg_ehds;
\i :fixture
\i :permits
\o
\set ECHO all
SET SESSION AUTHORIZATION t_analyst;
SET search_path = permit_hydro, omop, pg_catalog;

-- k-anonymity: plain SQL; 400 and 500 have too few persons
SELECT concept_name, count(DISTINCT person_id)
FROM condition_occurrence JOIN concept ON concept_id = condition_concept_id
GROUP BY 1 ORDER BY 2 DESC, 1;
SELECT condition_concept_id, count(*) AS n, ehds.k_rows(person_id), ehds.k_count(person_id) FROM condition_occurrence
GROUP BY condition_concept_id ORDER BY 1;
-- our aggregates, with a stricter k
SELECT condition_concept_id, ehds.k_count(person_id, 50) FROM condition_occurrence GROUP BY 1 ORDER BY 1;
SELECT condition_concept_id, ehds.k_count(person_id, 5) FROM condition_occurrence GROUP BY 1;
-- sums: dominated by one person in the region where person 400 pays ten million
SELECT region, sum(cost), ehds.k_sum(person_id, cost) AS again FROM visit_occurrence GROUP BY region ORDER BY 1;
-- averages, variances, percentiles; a share is an average of ones and zeros
SELECT gender_concept_id, avg(year_of_birth), stddev(year_of_birth), variance(year_of_birth),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY year_of_birth) AS median, ehds.k_min(person_id, year_of_birth), ehds.k_max(person_id, year_of_birth)
FROM person GROUP BY 1 ORDER BY 1;
SELECT gender_concept_id, avg(CASE WHEN year_of_birth < 1970 THEN 1.0 ELSE 0.0 END), avg((year_of_birth <> 1950)::integer) AS but_few FROM person GROUP BY 1 ORDER BY 1;
-- years of birth have few persons each: how many cells are hidden is told if together they hold enough
SELECT greatest(year_of_birth, 1969) AS year, count(DISTINCT person_id) FROM person GROUP BY 1;
-- two releases in one statement would add up their figures: none are given
SELECT count(*), (SELECT count(DISTINCT person_id) FROM person) AS persons
FROM (SELECT greatest(year_of_birth, 1969) AS year, count(DISTINCT person_id) FROM person GROUP BY 1) y;
-- a total, and a total of nobody
SELECT count(DISTINCT person_id) FROM person WHERE year_of_birth BETWEEN 1950 AND 1959;
SELECT count(DISTINCT person_id) FROM person WHERE year_of_birth = 1800;
-- joins on the subject, left join, USING, subquery, WITH, HAVING, ORDER BY, LIMIT, arithmetic above
SELECT p.gender_concept_id, count(DISTINCT p.person_id) FROM person p
JOIN condition_occurrence c ON c.person_id = p.person_id AND c.condition_concept_id IN (200, 300)
GROUP BY 1 ORDER BY 1;
SELECT gender_concept_id, count(DISTINCT person_id) FROM person JOIN condition_occurrence USING (person_id)
WHERE condition_concept_id = 300 GROUP BY 1;
SELECT p.gender_concept_id, count(DISTINCT p.person_id) AS persons, 100 * count(*) / 400 AS pct
FROM person p LEFT JOIN condition_occurrence c ON c.person_id = p.person_id AND c.condition_concept_id = 200
GROUP BY 1 HAVING count(*) > 100 ORDER BY persons DESC, 1 LIMIT 5;
WITH asthma AS (SELECT person_id, condition_start_date FROM condition_occurrence WHERE condition_concept_id = 200)
SELECT extract(year FROM a.condition_start_date) AS year, count(DISTINCT a.person_id)
FROM asthma a JOIN person p ON p.person_id = a.person_id GROUP BY 1 ORDER BY 1;
SELECT max(n), count(*) FROM (SELECT condition_concept_id, count(DISTINCT person_id) AS n FROM condition_occurrence GROUP BY 1) s;
SELECT CASE WHEN year_of_birth < 1970 THEN 'older' ELSE 'younger' END AS age, count(*) FROM person GROUP BY 1 ORDER BY 1;
SELECT g, rank() OVER (ORDER BY n DESC), n FROM (SELECT year_of_birth AS g, count(*) AS n FROM person WHERE year_of_birth < 1945 GROUP BY 1) s ORDER BY g;
-- a table without a person column, through its note
SELECT term, count(DISTINCT person_id) FROM note_nlp GROUP BY 1 ORDER BY 1;
-- conditions inside a cell: few who fulfil it or few who do not, and it is not shown
SELECT gender_concept_id, count(*), count(*) FILTER (WHERE year_of_birth < 1970) AS older, count(*) FILTER (WHERE year_of_birth <> 1950) AS but_few,
    sum(CASE WHEN year_of_birth < 1970 THEN 1 ELSE 0 END) AS again FROM person GROUP BY 1 ORDER BY 1;
-- totals: 400 is small, and 300 is hidden so that 400 is not the total less the others
SELECT condition_concept_id, GROUPING(condition_concept_id) AS total, count(DISTINCT person_id), count(*) AS rows
FROM condition_occurrence WHERE condition_concept_id <> 500 GROUP BY ROLLUP (condition_concept_id) ORDER BY 2, 1;
-- what stands for a small cell: the stricter of the setting and of its floor
SET ehds.suppressed = 'negative';
SELECT condition_concept_id, count(*) FROM condition_occurrence GROUP BY 1 ORDER BY 1;
SET ehds.suppressed_floor = 'negative';
RESET SESSION AUTHORIZATION;
SET ehds.suppressed_floor = 'negative';
SET SESSION AUTHORIZATION t_analyst;
SELECT condition_concept_id, count(*), sum(condition_concept_id) FROM condition_occurrence GROUP BY 1 ORDER BY 1;
SET ehds.suppressed = 'null';
SELECT condition_concept_id, count(*) FROM condition_occurrence GROUP BY 1 ORDER BY 1;
SET ehds.suppressed = 'other';
SELECT condition_concept_id, GROUPING(condition_concept_id) AS other, count(DISTINCT person_id) FROM condition_occurrence GROUP BY 1 ORDER BY 2, 1;
-- how many cells the others are would tell their sizes, if they are all of one person
SELECT greatest(year_of_birth, 1969) AS year, count(DISTINCT person_id) FROM person GROUP BY 1 ORDER BY 1;
RESET ehds.suppressed;
-- what clients ask for first
SELECT * FROM person WHERE 0 = 1;
SELECT * FROM person LIMIT 0;
PREPARE by_concept(int) AS SELECT count(DISTINCT person_id) FROM condition_occurrence WHERE condition_concept_id = $1;
EXECUTE by_concept(200);
EXECUTE by_concept(400);
COPY (SELECT gender_concept_id, count(*) FROM person GROUP BY 1 ORDER BY 1) TO STDOUT;

-- refused, with a reason and a way on
SELECT * FROM person;
SELECT * FROM person LIMIT 11;
SELECT person_id FROM person WHERE gender_concept_id = 8532;
SELECT DISTINCT year_of_birth FROM person;
SELECT min(condition_start_date) FROM condition_occurrence;
SELECT avg(DISTINCT year_of_birth) FROM person;
SELECT count(DISTINCT condition_concept_id) FROM condition_occurrence;
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY year_of_birth) FROM person;
SELECT string_agg(person_id::text, ',') FROM person;
SELECT sum(condition_concept_id), count(DISTINCT person_id) FROM condition_occurrence WHERE condition_concept_id IN (100, 400);
SELECT sum(CASE WHEN year_of_birth = 1950 THEN 2 ELSE 0 END) FROM person;
SELECT count(*) FILTER (WHERE person_id = 7) FROM person;
SELECT count(*) FROM person WHERE person_id = 7;
SELECT count(*) FROM person GROUP BY person_id;
SELECT count(*) FROM person WHERE repeat('x', year_of_birth) = '';
SELECT count(*) FROM person WHERE to_char(make_date(year_of_birth, 1, 1), 'TMMonth') = '';
SELECT count(*) FROM person p WHERE EXISTS (SELECT FROM condition_occurrence c WHERE c.person_id = p.person_id);
SELECT count(*) FROM person, condition_occurrence;
SELECT count(*) FROM person p JOIN condition_occurrence c ON c.person_id > p.person_id;
SELECT count(*) FROM person p FULL JOIN condition_occurrence c ON c.person_id = p.person_id;
SELECT count(person_id) FROM concept LEFT JOIN condition_occurrence ON concept_id = condition_concept_id;
SELECT ehds.dp_count(person_id) FROM person;
SELECT count(*) FROM person, omop.undeclared;
SELECT gender_concept_id, count(*) FROM person GROUP BY GROUPING SETS ((gender_concept_id), (person_id));
SELECT count(*) FROM person UNION ALL SELECT person_id FROM person;
SELECT (SELECT min(person_id) FROM person);
SELECT count(*) FROM person FOR UPDATE;
EXPLAIN SELECT count(*) FROM person;
EXPLAIN ANALYZE SELECT count(*) FROM person;
EXPLAIN EXECUTE by_concept(200);
TABLE omop.person;
SELECT ehds.guard('hydro', 'omop.person'::regclass, 'omop.person', NULL);
SELECT 'approved'::ehds.approval;
SELECT ehds.pseudonym('H100001', 'cardio', 'subject', NULL);
RESET SESSION AUTHORIZATION;

-- differential privacy: the answer is noise, so only what does not depend on it is shown
SET SESSION AUTHORIZATION t_other;
SET search_path = permit_open, omop, pg_catalog;
SELECT n BETWEEN 300 AND 500 AS near_400 FROM (SELECT ehds.dp_count(person_id) AS n FROM person) s;
SELECT bool_and(n BETWEEN 0 AND 1000) AS plausible FROM (
    SELECT condition_concept_id, count(DISTINCT person_id) AS n FROM condition_occurrence GROUP BY 1) s;
SELECT rows BETWEEN 300 AND 500 AS near_400, years BETWEEN 1900 AND 2000 AS years FROM (
    SELECT count(*) AS rows, ehds.dp_avg(person_id, year_of_birth, 1900, 2000) AS years FROM person) s;
SELECT max(year_of_birth) FROM person;
SELECT sum(year_of_birth) FROM person;
SELECT ehds.k_count(person_id) FROM person;
SELECT gender_concept_id FROM person GROUP BY 1;
SET ehds.epsilon = '0';
SET ehds.epsilon = 'NaN';
SET ehds.epsilon = '2.5';
SELECT ehds.dp_count(person_id) FROM person;
RESET ehds.epsilon;
SELECT * FROM ehds.budget;
RESET SESSION AUTHORIZATION;
\c regression
DROP DATABASE regress_gate;
