-- What analysts, their programs and their tools send to a permit of the warehouse in
-- warehouse.sql. Each query stands under a line
--     --# name kind verdict
-- kind     statistical: asks for statistics and ought to be answered
--          rows:        asks for rows or for values of single persons and must be refused
--          client:      what a program asks for itself, of columns, types and catalogs
-- verdict  same:        answered as the owner of the data is answered without a permit; where
--                       cells are hidden on purpose, as he is for the query under "--native"
--          less:        answered so, less some rows or with some figures NULL
--          refused SQLSTATE PATTERN:  the message matches the pattern (an SQL LIKE pattern)
-- See test/README.md for the runner and how to bring verdicts up to date.

--# cohort-diabetes statistical same
SELECT count(DISTINCT person_id) FROM condition_occurrence WHERE condition_concept_id = 201826;
--# cohort-diabetes-descendants statistical same
SELECT COUNT(DISTINCT co.person_id) AS persons
FROM condition_occurrence co
JOIN concept_ancestor ca ON ca.descendant_concept_id = co.condition_concept_id
WHERE ca.ancestor_concept_id = 201820;
--# cohort-in-ancestor statistical same
SELECT COUNT(DISTINCT person_id)
FROM condition_occurrence
WHERE condition_concept_id IN (SELECT descendant_concept_id FROM concept_ancestor WHERE ancestor_concept_id = 134057);
--# cohort-two-codes statistical same
SELECT count(DISTINCT c1.person_id)
FROM condition_occurrence c1 JOIN condition_occurrence c2 ON c1.person_id = c2.person_id
WHERE c1.condition_concept_id = 201826 AND c2.condition_concept_id = 316866;
--# cohort-code-and-drug-exists statistical same
SELECT count(*) FROM person p
WHERE EXISTS (SELECT 1 FROM condition_occurrence c WHERE c.person_id = p.person_id AND c.condition_concept_id = 201826)
  AND EXISTS (SELECT 1 FROM drug_exposure d WHERE d.person_id = p.person_id AND d.drug_concept_id = 1503297);
--# cohort-code-without-drug-not-exists statistical same
SELECT count(DISTINCT c.person_id) FROM condition_occurrence c
WHERE c.condition_concept_id = 201826
  AND NOT EXISTS (SELECT 1 FROM drug_exposure d WHERE d.person_id = c.person_id AND d.drug_concept_id = 1516766);
--# cohort-in-subquery statistical same
SELECT count(*) FROM person WHERE person_id IN (SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 313217);
--# cohort-not-in-subquery statistical same
SELECT count(*) FROM person WHERE person_id NOT IN (SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 313217);
--# cohort-anti-join statistical same
SELECT count(*) FROM person p LEFT JOIN death d ON d.person_id = p.person_id WHERE d.person_id IS NULL;
--# cohort-first-event-by-sex statistical same
SELECT p.gender_concept_id, count(*) AS persons
FROM person p
JOIN (SELECT person_id, MIN(condition_start_date) AS index_date FROM condition_occurrence
      WHERE condition_concept_id = 201826 GROUP BY person_id) i ON i.person_id = p.person_id
WHERE i.index_date >= DATE '2020-01-01'
GROUP BY p.gender_concept_id ORDER BY 1;
--# cohort-ohdsi-primary-events statistical same
WITH primary_events AS (
    SELECT P.ordinal, P.event_id, P.person_id, P.start_date, P.op_start_date, P.op_end_date
    FROM (SELECT E.person_id, E.event_id, E.start_date, row_number() OVER (PARTITION BY E.person_id ORDER BY E.start_date, E.event_id) AS ordinal,
                 OP.observation_period_start_date AS op_start_date, OP.observation_period_end_date AS op_end_date
          FROM (SELECT C.person_id, C.condition_occurrence_id AS event_id, C.condition_start_date AS start_date
                FROM condition_occurrence C WHERE C.condition_concept_id IN (201826, 201254)) E
          JOIN observation_period OP ON E.person_id = OP.person_id AND E.start_date >= OP.observation_period_start_date AND E.start_date <= OP.observation_period_end_date
         ) P
    WHERE P.ordinal = 1)
SELECT COUNT(DISTINCT person_id) AS cohort_subjects, COUNT(*) AS cohort_entries FROM primary_events;
--# cohort-washout statistical same
SELECT count(DISTINCT c.person_id)
FROM condition_occurrence c JOIN observation_period op ON op.person_id = c.person_id
WHERE c.condition_concept_id = 316866
  AND c.condition_start_date >= op.observation_period_start_date + 365
  AND c.condition_start_date <= op.observation_period_end_date;
--# cohort-washout-interval statistical same
SELECT count(DISTINCT c.person_id)
FROM condition_occurrence c INNER JOIN observation_period op ON op.person_id = c.person_id
WHERE c.condition_concept_id = 316866
  AND (op.observation_period_start_date + 365 * INTERVAL '1 day') <= c.condition_start_date
  AND c.condition_start_date <= op.observation_period_end_date;
--# cohort-age-at-index statistical same
SELECT count(DISTINCT c.person_id)
FROM condition_occurrence c JOIN person p ON p.person_id = c.person_id
WHERE c.condition_concept_id = 316866 AND EXTRACT(YEAR FROM c.condition_start_date) - p.year_of_birth >= 65;
--# cohort-two-visits-having statistical same
SELECT count(*) FROM (SELECT person_id FROM visit_occurrence WHERE visit_concept_id = 9201 GROUP BY person_id HAVING count(*) >= 2) s;
--# cohort-temp-table statistical same
CREATE TEMP TABLE diabetics AS
SELECT person_id, min(condition_start_date) AS index_date FROM condition_occurrence WHERE condition_concept_id = 201826 GROUP BY person_id;
SELECT p.gender_concept_id, count(*) FROM diabetics d JOIN person p ON p.person_id = d.person_id GROUP BY 1 ORDER BY 1;
--# cohort-temp-table-distinct statistical same
CREATE TEMP TABLE heart AS SELECT DISTINCT person_id FROM condition_occurrence WHERE condition_concept_id IN (316139, 4329847);
SELECT count(*) FROM heart;
--# cohort-select-into statistical same
SELECT person_id INTO TEMP codes FROM condition_occurrence WHERE condition_concept_id = 255573 GROUP BY person_id;
SELECT count(DISTINCT person_id) FROM codes;
--# cohort-union statistical same
SELECT count(DISTINCT person_id) FROM (
    SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 4329847
    UNION
    SELECT person_id FROM death WHERE cause_concept_id = 4329847) mi;
--# cohort-intersect statistical same
SELECT count(*) FROM (
    SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 201826
    INTERSECT
    SELECT person_id FROM drug_exposure WHERE drug_concept_id = 1503297) s;
--# cohort-except statistical same
SELECT count(*) FROM (
    SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 201826
    EXCEPT
    SELECT person_id FROM drug_exposure WHERE drug_concept_id IN (1503297, 1516766)) untreated;
--# cohort-drug-after-diagnosis statistical same
SELECT count(DISTINCT c.person_id)
FROM condition_occurrence c JOIN drug_exposure d ON d.person_id = c.person_id
WHERE c.condition_concept_id = 201826 AND d.drug_concept_id = 1503297 AND d.drug_exposure_start_date >= c.condition_start_date;
--# cohort-drug-within-90-days statistical same
SELECT count(DISTINCT c.person_id)
FROM condition_occurrence c JOIN drug_exposure d ON d.person_id = c.person_id
WHERE c.condition_concept_id = 201826 AND d.drug_concept_id = 1503297
  AND d.drug_exposure_start_date BETWEEN c.condition_start_date AND c.condition_start_date + 90;
--# cohort-drug-within-90-days-diff statistical same
SELECT count(DISTINCT c.person_id)
FROM condition_occurrence c JOIN drug_exposure d USING (person_id)
WHERE c.condition_concept_id = 201826 AND d.drug_concept_id = 1503297
  AND d.drug_exposure_start_date - c.condition_start_date BETWEEN 0 AND 90;
--# cohort-lab-threshold statistical same
SELECT count(DISTINCT person_id) FROM measurement WHERE measurement_concept_id = 3004410 AND value_as_number > 7;
--# cohort-lab-two-tests statistical same
SELECT count(*) FROM (
    SELECT person_id FROM measurement WHERE measurement_concept_id = 3004410 AND value_as_number >= 6.5
    GROUP BY person_id HAVING count(DISTINCT measurement_date) >= 2) s;
--# cohort-inpatient-diagnosis statistical same
SELECT count(DISTINCT c.person_id)
FROM condition_occurrence c
JOIN visit_occurrence v ON v.person_id = c.person_id AND v.visit_occurrence_id = c.visit_occurrence_id
WHERE c.condition_concept_id = 316139 AND v.visit_concept_id = 9201;
--# cohort-inpatient-diagnosis-by-visit-only statistical refused ZE002 two tables of the permit are joined, but not on the subject
SELECT count(DISTINCT c.person_id)
FROM condition_occurrence c
JOIN visit_occurrence v ON v.visit_occurrence_id = c.visit_occurrence_id
WHERE c.condition_concept_id = 316139 AND v.visit_concept_id = 9201;
--# cohort-attrition statistical same
SELECT count(*) AS all_persons,
       count(*) FILTER (WHERE year_of_birth < 1990) AS adults,
       count(*) FILTER (WHERE year_of_birth < 1990 AND gender_concept_id = 8532) AS women
FROM person;
--# cohort-attrition-union-all statistical same
SELECT 1 AS step, count(DISTINCT person_id) AS n FROM person
UNION ALL SELECT 2, count(DISTINCT person_id) FROM condition_occurrence WHERE condition_concept_id = 316866
UNION ALL SELECT 3, count(DISTINCT c.person_id) FROM condition_occurrence c JOIN drug_exposure d ON d.person_id = c.person_id WHERE c.condition_concept_id = 316866 AND d.drug_concept_id = 1308216
ORDER BY step;

--# char-sex statistical same
SELECT c.concept_name AS sex, count(*) AS persons FROM person p JOIN concept c ON c.concept_id = p.gender_concept_id GROUP BY c.concept_name ORDER BY persons DESC;
--# char-sex-percent statistical same
SELECT concept_name, n, round(100.0 * n / sum(n) OVER (), 1) AS pct
FROM (SELECT concept_name, count(*) AS n FROM person JOIN concept ON concept_id = gender_concept_id GROUP BY concept_name) s ORDER BY 1;
--# char-percent-in-one-level statistical same
SELECT gender_concept_id, count(*) AS n, 100.0 * count(*) / sum(count(*)) OVER () AS pct FROM person GROUP BY gender_concept_id ORDER BY 1;
--# char-year-of-birth statistical same
SELECT year_of_birth, count(*) FROM person GROUP BY year_of_birth ORDER BY year_of_birth;
--native
SELECT year_of_birth, count(*) FROM person GROUP BY year_of_birth HAVING count(DISTINCT person_id) > 1 ORDER BY year_of_birth;
--# char-decade statistical same
SELECT year_of_birth / 10 * 10 AS decade, count(*) FROM person GROUP BY 1 ORDER BY 1;
--# char-decade-floor statistical same
SELECT floor(year_of_birth / 10) * 10 AS decade, count(*) AS persons FROM person GROUP BY floor(year_of_birth / 10) * 10 ORDER BY decade;
--# char-age-band-case statistical same
SELECT CASE WHEN 2022 - year_of_birth < 18 THEN '<18' WHEN 2022 - year_of_birth < 65 THEN '18-64' ELSE '65+' END AS band, count(*) FROM person GROUP BY 1 ORDER BY 1;
--# char-age-band-by-year statistical same
SELECT CASE WHEN year_of_birth > 2004 THEN '<18' WHEN year_of_birth > 1957 THEN '18-64' ELSE '65+' END AS band, gender_concept_id, count(*)
FROM person GROUP BY 1, 2 ORDER BY 1, 2;
--# char-age-width-bucket statistical same
SELECT width_bucket(2022 - year_of_birth, 0, 100, 10) AS bucket, count(*) FROM person GROUP BY 1 ORDER BY 1;
--# char-age-at-death statistical refused ZE002 under a statistics permit avg takes plain columns only
SELECT avg(extract(year FROM d.death_date) - p.year_of_birth) AS age FROM death d JOIN person p ON p.person_id = d.person_id;
--# char-mean-year statistical same
SELECT gender_concept_id, avg(year_of_birth), stddev(year_of_birth), percentile_cont(0.5) WITHIN GROUP (ORDER BY year_of_birth)
FROM person GROUP BY gender_concept_id ORDER BY 1;
--# char-quartiles statistical same
SELECT percentile_cont(0.25) WITHIN GROUP (ORDER BY year_of_birth) AS q1, percentile_cont(0.5) WITHIN GROUP (ORDER BY year_of_birth) AS q2,
       percentile_cont(0.75) WITHIN GROUP (ORDER BY year_of_birth) AS q3 FROM person;
--# char-quartiles-array statistical refused ZE002 the fraction of a percentile must be a constant between 0 and 1 under a permit
SELECT percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY year_of_birth) FROM person;
--# char-min-max rows refused ZE002 %min is not answered%
SELECT min(year_of_birth), max(year_of_birth), avg(year_of_birth) FROM person;
--# char-race-by-sex statistical same
SELECT r.concept_name AS race, g.concept_name AS sex, count(*)
FROM person p JOIN concept r ON r.concept_id = p.race_concept_id JOIN concept g ON g.concept_id = p.gender_concept_id
GROUP BY r.concept_name, g.concept_name ORDER BY 1, 2;
--# char-cross-table-rollup statistical same
SELECT gender_concept_id, race_concept_id, count(*) FROM person GROUP BY ROLLUP (gender_concept_id, race_concept_id) ORDER BY 1, 2;
--# char-cube statistical same
SELECT gender_concept_id, race_concept_id, count(DISTINCT person_id) AS n, GROUPING(gender_concept_id, race_concept_id) AS g
FROM person GROUP BY CUBE (gender_concept_id, race_concept_id) ORDER BY 4, 1, 2;
--# char-region statistical same
SELECT l.region, count(*) AS persons FROM person p JOIN location l ON l.location_id = p.location_id GROUP BY l.region ORDER BY 1;
--# char-region-left statistical same
SELECT l.department, count(p.person_id) AS persons FROM location l LEFT JOIN person p ON p.location_id = l.location_id GROUP BY l.department ORDER BY 1;
--# char-conditions-top statistical same
SELECT c.concept_name, count(DISTINCT co.person_id) AS persons, count(*) AS records
FROM condition_occurrence co JOIN concept c ON c.concept_id = co.condition_concept_id
GROUP BY c.concept_id, c.concept_name ORDER BY persons DESC, 1 LIMIT 10;
--# char-prevalence statistical same
SELECT c.concept_name, count(DISTINCT co.person_id) AS persons,
       round(100.0 * count(DISTINCT co.person_id) / (SELECT count(DISTINCT person_id) FROM person), 2) AS prevalence
FROM condition_occurrence co JOIN concept c ON c.concept_id = co.condition_concept_id
GROUP BY c.concept_name ORDER BY persons DESC, 1;
--# char-prevalence-cross-join statistical same
WITH total AS (SELECT count(*) AS n FROM person), byc AS (SELECT condition_concept_id, count(DISTINCT person_id) AS persons FROM condition_occurrence GROUP BY 1)
SELECT byc.condition_concept_id, byc.persons, byc.persons::numeric / total.n AS share FROM byc CROSS JOIN total ORDER BY 1;
--# char-conditions-per-person statistical same
SELECT avg(n), stddev(n), count(*) FROM (SELECT person_id, count(*) AS n FROM condition_occurrence GROUP BY person_id) s;
--# char-conditions-per-person-histogram statistical same
SELECT n AS conditions, count(*) AS persons FROM (SELECT person_id, count(DISTINCT condition_concept_id) AS n FROM condition_occurrence GROUP BY person_id) s GROUP BY n ORDER BY n;
--native
SELECT n AS conditions, count(*) AS persons FROM (SELECT person_id, count(DISTINCT condition_concept_id) AS n FROM condition_occurrence GROUP BY person_id) s GROUP BY n HAVING count(*) > 1 ORDER BY n;
--# char-visits-per-person statistical same
SELECT visits, count(*) AS persons FROM (SELECT person_id, count(*) AS visits FROM visit_occurrence GROUP BY person_id) s GROUP BY visits ORDER BY visits;
--# char-visits-per-person-with-zero statistical less
SELECT n, count(*) AS persons
FROM (SELECT p.person_id, count(v.visit_occurrence_id) AS n FROM person p LEFT JOIN visit_occurrence v ON v.person_id = p.person_id AND v.visit_concept_id = 9201 GROUP BY p.person_id) s
GROUP BY n ORDER BY n;
--# char-baseline-flags statistical same
SELECT p.gender_concept_id,
       avg(CASE WHEN htn.person_id IS NOT NULL THEN 1.0 ELSE 0.0 END) AS hypertension,
       avg(CASE WHEN dia.person_id IS NOT NULL THEN 1.0 ELSE 0.0 END) AS diabetes
FROM person p
LEFT JOIN (SELECT DISTINCT person_id FROM condition_occurrence WHERE condition_concept_id = 316866) htn ON htn.person_id = p.person_id
LEFT JOIN (SELECT DISTINCT person_id FROM condition_occurrence WHERE condition_concept_id = 201826) dia ON dia.person_id = p.person_id
GROUP BY p.gender_concept_id ORDER BY 1;
--# char-baseline-exists-flag statistical same
SELECT p.gender_concept_id, count(*) AS n,
       sum(CASE WHEN EXISTS (SELECT 1 FROM condition_occurrence c WHERE c.person_id = p.person_id AND c.condition_concept_id = 316866) THEN 1 ELSE 0 END) AS hypertension
FROM person p GROUP BY p.gender_concept_id ORDER BY 1;
--# char-lab-summary statistical same
SELECT measurement_concept_id, count(*) AS n, avg(value_as_number) AS mean, stddev_samp(value_as_number) AS sd
FROM measurement WHERE value_as_number IS NOT NULL GROUP BY measurement_concept_id ORDER BY 1;
--# char-lab-median statistical same
SELECT c.concept_name, percentile_cont(0.5) WITHIN GROUP (ORDER BY m.value_as_number) AS median
FROM measurement m JOIN concept c ON c.concept_id = m.measurement_concept_id GROUP BY c.concept_name ORDER BY 1;
--# char-lab-out-of-range statistical same
SELECT measurement_concept_id, count(*) FILTER (WHERE value_as_number > range_high) AS high, count(*) FILTER (WHERE value_as_number < range_low) AS low, count(*) AS n
FROM measurement GROUP BY measurement_concept_id ORDER BY 1;
--# char-lab-units statistical same
SELECT measurement_concept_id, unit_source_value, count(*) AS records, count(DISTINCT person_id) AS persons FROM measurement GROUP BY 1, 2 ORDER BY 1, 2;
--# char-lab-missing statistical same
SELECT measurement_concept_id, count(*) AS n, count(value_as_number) AS filled, count(*) - count(value_as_number) AS missing FROM measurement GROUP BY 1 ORDER BY 1;
--# char-lab-histogram statistical same
SELECT floor(value_as_number) AS bin, count(*) FROM measurement WHERE measurement_concept_id = 3004410 GROUP BY 1 ORDER BY 1;
--# char-lab-histogram-round statistical same
SELECT round(value_as_number::numeric, -1) AS bin, count(DISTINCT person_id) FROM measurement WHERE measurement_concept_id = 3004249 GROUP BY 1 ORDER BY 1;
--native
SELECT round(value_as_number::numeric, -1) AS bin, count(DISTINCT person_id) FROM measurement WHERE measurement_concept_id = 3004249 GROUP BY 1 HAVING count(DISTINCT person_id) > 1 ORDER BY 1;
--# char-bmi statistical refused ZE002 under a statistics permit avg takes plain columns only
SELECT avg(w.value_as_number / ((h.value_as_number / 100) * (h.value_as_number / 100))) AS bmi
FROM measurement w JOIN measurement h ON h.person_id = w.person_id AND h.measurement_date = w.measurement_date
WHERE w.measurement_concept_id = 3025315 AND h.measurement_concept_id = 3036277;
--# char-bmi-obese statistical same
SELECT count(DISTINCT w.person_id)
FROM measurement w JOIN measurement h ON h.person_id = w.person_id AND h.measurement_date = w.measurement_date
WHERE w.measurement_concept_id = 3025315 AND h.measurement_concept_id = 3036277
  AND w.value_as_number / nullif(power(h.value_as_number / 100, 2), 0) >= 30;
--# char-correlation statistical same
SELECT corr(s.value_as_number, d.value_as_number) AS r
FROM measurement s JOIN measurement d ON d.person_id = s.person_id AND d.visit_occurrence_id = s.visit_occurrence_id
WHERE s.measurement_concept_id = 3004249 AND d.measurement_concept_id = 3012888;
--# char-regression statistical same
SELECT regr_slope(total_charge, paid_by_patient), regr_intercept(total_charge, paid_by_patient), regr_r2(total_charge, paid_by_patient), regr_count(total_charge, paid_by_patient) FROM cost;
--# char-covariance statistical same
SELECT covar_samp(days_supply, quantity::double precision), covar_pop(days_supply, quantity::double precision) FROM drug_exposure;
--# char-variance-pop statistical same
SELECT gender_concept_id, var_pop(year_of_birth), stddev_pop(year_of_birth) FROM person GROUP BY gender_concept_id ORDER BY 1;
--# char-distinct-codes statistical refused ZE002 count(DISTINCT ...) of another column than the subject is not answered under permit "corpus"
SELECT count(DISTINCT condition_concept_id) AS codes FROM condition_occurrence;
--# char-last-value-per-person statistical same
SELECT avg(value_as_number) FROM (
    SELECT DISTINCT ON (person_id) person_id, value_as_number FROM measurement
    WHERE measurement_concept_id = 3004410 ORDER BY person_id, measurement_date DESC, measurement_id) last;
--# char-last-value-row-number statistical same
SELECT count(*) AS controlled FROM (
    SELECT person_id, value_as_number, row_number() OVER (PARTITION BY person_id ORDER BY measurement_date DESC, measurement_id) AS rn
    FROM measurement WHERE measurement_concept_id = 3004410) m
WHERE rn = 1 AND value_as_number < 7;
--# char-mean-of-means statistical same
SELECT avg(m) FROM (SELECT person_id, avg(value_as_number) AS m FROM measurement WHERE measurement_concept_id = 3004249 GROUP BY person_id) s;
--# char-mortality statistical same
SELECT count(*) AS persons, count(d.person_id) AS dead, round(100.0 * count(d.person_id) / count(*), 1) AS pct
FROM person p LEFT JOIN death d ON d.person_id = p.person_id;
--# char-mortality-by-decade statistical same
SELECT CASE WHEN year_of_birth < 1950 THEN 'before 1950' ELSE 'later' END AS born, count(*) AS n, count(d.person_id) AS deaths
FROM person p LEFT JOIN death d USING (person_id) GROUP BY 1 ORDER BY 1;
--# char-observation-time statistical same
SELECT sum(observation_period_end_date - observation_period_start_date) / 365.25 AS person_years FROM observation_period;
--# char-observation-mean statistical same
SELECT avg(observation_period_end_date - observation_period_start_date) AS days FROM observation_period;

--# time-by-year statistical same
SELECT extract(year FROM condition_start_date) AS year, count(DISTINCT person_id) FROM condition_occurrence WHERE condition_concept_id = 316866 GROUP BY 1 ORDER BY 1;
--# time-by-month-trunc statistical same
SELECT date_trunc('month', visit_start_date) AS month, count(*) AS visits FROM visit_occurrence GROUP BY 1 ORDER BY 1;
--# time-by-month-trunc-cast statistical same
SELECT date_trunc('month', visit_start_date)::date AS month, count(DISTINCT person_id) AS persons FROM visit_occurrence GROUP BY 1 ORDER BY 1;
--# time-by-month-to-char statistical same
SELECT to_char(visit_start_date, 'YYYY-MM') AS month, count(*) FROM visit_occurrence GROUP BY 1 ORDER BY 1;
--# time-by-year-month statistical same
SELECT extract(year FROM visit_start_date) AS y, extract(month FROM visit_start_date) AS m, count(*) FROM visit_occurrence GROUP BY 1, 2 ORDER BY 1, 2;
--# time-date-part statistical same
SELECT date_part('year', visit_start_date) AS y, count(*) FROM visit_occurrence GROUP BY 1 ORDER BY 1;
--# time-by-weekday statistical same
SELECT extract(isodow FROM visit_start_date) AS weekday, count(*) FROM visit_occurrence WHERE visit_concept_id = 9203 GROUP BY 1 ORDER BY 1;
--# time-by-hour statistical same
SELECT extract(hour FROM visit_start_datetime) AS hour, count(*) FROM visit_occurrence GROUP BY 1 ORDER BY 1;
--# time-by-quarter statistical same
SELECT extract(year FROM death_date) || '-Q' || extract(quarter FROM death_date) AS q, count(*) FROM death GROUP BY 1 ORDER BY 1;
--# time-yyyymm-arithmetic statistical same
SELECT EXTRACT(YEAR FROM condition_start_date) * 100 + EXTRACT(MONTH FROM condition_start_date) AS stratum_1, COUNT(DISTINCT person_id) AS count_value
FROM condition_occurrence WHERE condition_concept_id = 260139 GROUP BY EXTRACT(YEAR FROM condition_start_date) * 100 + EXTRACT(MONTH FROM condition_start_date) ORDER BY 1;
--# time-incidence-first-event statistical same
SELECT extract(year FROM first_date) AS year, count(*) AS new_cases
FROM (SELECT person_id, min(condition_start_date) AS first_date FROM condition_occurrence WHERE condition_concept_id = 201826 GROUP BY person_id) f
GROUP BY 1 ORDER BY 1;
--# time-incidence-by-month statistical same
SELECT date_trunc('month', first_date)::date AS month, count(*) AS new_cases
FROM (SELECT person_id, min(condition_start_date) AS first_date FROM condition_occurrence WHERE condition_concept_id = 316866 GROUP BY person_id) f
GROUP BY 1 ORDER BY 1;
--native
SELECT date_trunc('month', first_date)::date AS month, count(*) AS new_cases
FROM (SELECT person_id, min(condition_start_date) AS first_date FROM condition_occurrence WHERE condition_concept_id = 316866 GROUP BY person_id) f
GROUP BY 1 HAVING count(*) > 1 ORDER BY 1;
--# time-incidence-not-before statistical same
SELECT extract(year FROM c.condition_start_date) AS year, count(DISTINCT c.person_id) AS incident
FROM condition_occurrence c
WHERE c.condition_concept_id = 316866
  AND NOT EXISTS (SELECT 1 FROM condition_occurrence e WHERE e.person_id = c.person_id AND e.condition_concept_id = 316866 AND e.condition_start_date < c.condition_start_date)
GROUP BY 1 ORDER BY 1;
--# time-rate statistical same
WITH cases AS (SELECT extract(year FROM condition_start_date) AS year, count(DISTINCT person_id) AS n FROM condition_occurrence WHERE condition_concept_id = 260139 GROUP BY 1),
     pop AS (SELECT count(DISTINCT person_id) AS n FROM observation_period)
SELECT year, cases.n, round(1000.0 * cases.n / pop.n, 2) AS per_1000 FROM cases, pop ORDER BY year;
--# time-cumulative statistical same
SELECT month, n, sum(n) OVER (ORDER BY month) AS cumulative
FROM (SELECT extract(month FROM death_date) AS month, count(*) AS n FROM death WHERE death_date < DATE '2022-01-01' GROUP BY 1) s ORDER BY month;
--# time-moving-average statistical same
SELECT w, n, avg(n) OVER (ORDER BY w ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) AS smooth
FROM (SELECT extract(week FROM visit_start_date) AS w, count(DISTINCT person_id) AS n FROM visit_occurrence WHERE visit_start_date BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' GROUP BY 1) s ORDER BY w;
--# time-lag statistical same
SELECT y, n, n - lag(n) OVER (ORDER BY y) AS change FROM (SELECT extract(year FROM visit_start_date) AS y, count(*) AS n FROM visit_occurrence GROUP BY 1) s ORDER BY y;
--# time-series-all-months statistical same
SELECT g.month::date, coalesce(s.n, 0) AS visits
FROM generate_series(DATE '2019-01-01', DATE '2019-12-01', INTERVAL '1 month') AS g(month)
LEFT JOIN (SELECT make_date(2019, extract(month FROM visit_start_date)::int, 1) AS month, count(*) AS n FROM visit_occurrence
           WHERE visit_start_date < DATE '2020-01-01' GROUP BY 1) s ON s.month = g.month ORDER BY 1;
--# time-series-result-joined statistical same
SELECT g.m, coalesce(s.n, 0) AS visits
FROM generate_series(1, 12) AS g(m)
LEFT JOIN (SELECT extract(month FROM visit_start_date) AS m, count(*) AS n FROM visit_occurrence WHERE visit_start_date < DATE '2020-01-01' GROUP BY 1) s ON s.m = g.m ORDER BY 1;
--# time-prevalent-on-day statistical same
SELECT count(DISTINCT person_id) FROM condition_occurrence
WHERE condition_concept_id = 440383 AND condition_start_date <= DATE '2021-06-30' AND (condition_end_date IS NULL OR condition_end_date >= DATE '2021-06-30');
--# time-overlaps statistical same
SELECT count(DISTINCT person_id) FROM drug_exposure
WHERE drug_concept_id = 1308216 AND (drug_exposure_start_date, drug_exposure_end_date) OVERLAPS (DATE '2021-01-01', DATE '2021-12-31');
--# time-coalesce-end statistical same
SELECT count(*) FROM condition_occurrence WHERE COALESCE(condition_end_date, condition_start_date) < DATE '2020-07-01';
--# time-last-year statistical same
SELECT count(DISTINCT person_id) FROM visit_occurrence WHERE visit_start_date >= DATE '2022-12-31' - INTERVAL '1 year';
--# time-survival-one-year statistical same
SELECT count(DISTINCT v.person_id) AS died_within_year
FROM visit_occurrence v JOIN death d ON d.person_id = v.person_id
WHERE v.visit_concept_id = 9201 AND d.death_date >= v.visit_start_date AND d.death_date < v.visit_start_date + INTERVAL '1 year';
--# time-to-event-mean statistical same
SELECT avg(d.death_date - f.first_date) AS days
FROM (SELECT person_id, min(condition_start_date) AS first_date FROM condition_occurrence WHERE condition_concept_id = 316139 GROUP BY person_id) f
JOIN death d ON d.person_id = f.person_id AND d.death_date >= f.first_date;
--# time-person-years-by-sex statistical same
SELECT p.gender_concept_id, sum(op.observation_period_end_date - op.observation_period_start_date) AS days
FROM person p JOIN observation_period op ON op.person_id = p.person_id GROUP BY 1 ORDER BY 1;

--# drug-users statistical same
SELECT c.concept_name, count(DISTINCT d.person_id) AS users, count(*) AS dispensings
FROM drug_exposure d INNER JOIN concept c ON c.concept_id = d.drug_concept_id GROUP BY c.concept_name ORDER BY users DESC, 1;
--# drug-class-users statistical same
SELECT count(DISTINCT d.person_id) FROM drug_exposure d JOIN concept_ancestor a ON a.descendant_concept_id = d.drug_concept_id AND a.ancestor_concept_id = 21600712;
--# drug-class-dispensings statistical same
SELECT a.ancestor_concept_id, count(*) AS dispensings FROM drug_exposure d JOIN concept_ancestor a ON a.descendant_concept_id = d.drug_concept_id
WHERE a.ancestor_concept_id = 21600712 GROUP BY 1;
--# drug-days-supply statistical less
SELECT drug_concept_id, avg(days_supply) AS mean_days, percentile_cont(0.5) WITHIN GROUP (ORDER BY days_supply) AS median_days FROM drug_exposure GROUP BY 1 ORDER BY 1;
--# drug-days-supply-distribution statistical same
SELECT days_supply, count(*) FROM drug_exposure WHERE drug_concept_id = 1503297 GROUP BY days_supply ORDER BY 1;
--# drug-total-quantity statistical same
SELECT drug_concept_id, sum(quantity) AS units, sum(days_supply) AS days FROM drug_exposure GROUP BY 1 ORDER BY 1;
--# drug-exposure-length statistical same
SELECT drug_concept_id, avg(drug_exposure_end_date - drug_exposure_start_date + 1) AS days FROM drug_exposure GROUP BY drug_concept_id ORDER BY 1;
--# drug-dispensings-per-user statistical same
SELECT drug_concept_id, 1.0 * count(*) / count(DISTINCT person_id) AS per_user FROM drug_exposure GROUP BY 1 ORDER BY 1;
--# drug-new-users-by-quarter statistical same
SELECT extract(year FROM first_use) AS y, extract(quarter FROM first_use) AS q, count(*) AS new_users
FROM (SELECT person_id, min(drug_exposure_start_date) AS first_use FROM drug_exposure WHERE drug_concept_id = 1545958 GROUP BY person_id) f
GROUP BY 1, 2 ORDER BY 1, 2;
--# drug-by-age-and-sex statistical same
SELECT p.gender_concept_id, CASE WHEN p.year_of_birth < 1960 THEN 'old' ELSE 'young' END AS age, count(DISTINCT d.person_id)
FROM drug_exposure d JOIN person p ON p.person_id = d.person_id WHERE d.drug_concept_id = 1308216 GROUP BY 1, 2 ORDER BY 1, 2;
--# drug-persistence statistical same
SELECT count(*) AS users, sum(CASE WHEN days >= 90 THEN 1 ELSE 0 END) AS persistent
FROM (SELECT person_id, sum(days_supply) AS days FROM drug_exposure WHERE drug_concept_id = 1545958 GROUP BY person_id) s;
--# drug-switch statistical same
SELECT count(DISTINCT a.person_id) AS switched
FROM drug_exposure a JOIN drug_exposure b ON b.person_id = a.person_id AND b.drug_exposure_start_date > a.drug_exposure_start_date
WHERE a.drug_concept_id = 1310149 AND b.drug_concept_id = 43013024;
--# drug-co-prescription statistical same
SELECT d1.drug_concept_id AS a, d2.drug_concept_id AS b, count(DISTINCT d1.person_id) AS persons
FROM drug_exposure d1 JOIN drug_exposure d2 ON d1.person_id = d2.person_id AND d1.drug_concept_id < d2.drug_concept_id
GROUP BY 1, 2 ORDER BY persons DESC, 1, 2;
--# drug-concurrent statistical same
SELECT count(DISTINCT d1.person_id)
FROM drug_exposure d1 JOIN drug_exposure d2 ON d1.person_id = d2.person_id
 AND d1.drug_exposure_start_date <= d2.drug_exposure_end_date AND d2.drug_exposure_start_date <= d1.drug_exposure_end_date
WHERE d1.drug_concept_id = 1310149 AND d2.drug_concept_id = 1118084;
--# drug-treated-share statistical same
SELECT count(DISTINCT c.person_id) AS diabetics, count(DISTINCT d.person_id) AS treated
FROM condition_occurrence c LEFT JOIN drug_exposure d ON d.person_id = c.person_id AND d.drug_concept_id = 1503297
WHERE c.condition_concept_id = 201826;
--# drug-sequence-first-line statistical same
SELECT first_drug, count(*) FROM (
    SELECT person_id, drug_concept_id AS first_drug, row_number() OVER (PARTITION BY person_id ORDER BY drug_exposure_start_date, drug_exposure_id) AS rn
    FROM drug_exposure WHERE drug_concept_id IN (1503297, 1516766)) s
WHERE rn = 1 GROUP BY first_drug ORDER BY 1;
--# drug-gap statistical refused ZE002 under a statistics permit avg takes plain columns only
SELECT avg(gap) FROM (
    SELECT person_id, drug_exposure_start_date - lag(drug_exposure_end_date) OVER (PARTITION BY person_id ORDER BY drug_exposure_start_date, drug_exposure_id) AS gap
    FROM drug_exposure WHERE drug_concept_id = 1545958) g;
--# drug-string-agg-names rows refused ZE002 rows about persons do not leave permit "corpus", only statistics do
SELECT person_id, string_agg(DISTINCT c.concept_name, ', ') FROM drug_exposure d JOIN concept c ON c.concept_id = d.drug_concept_id GROUP BY person_id;
--# drug-polypharmacy statistical same
SELECT count(*) AS persons_with_three FROM (SELECT person_id FROM drug_exposure GROUP BY person_id HAVING count(DISTINCT drug_concept_id) >= 3) s;
--# drug-route statistical same
SELECT upper(route) AS route, count(DISTINCT person_id) FROM drug_exposure GROUP BY upper(route);
--# drug-name-like statistical same
SELECT count(DISTINCT d.person_id) FROM drug_exposure d JOIN concept c ON d.drug_concept_id = c.concept_id WHERE lower(c.concept_name) LIKE '%statin%';
--# drug-supply-case-sum statistical less
SELECT drug_concept_id, sum(CASE WHEN days_supply >= 60 THEN 1 ELSE 0 END) AS long, sum(CASE WHEN days_supply < 60 THEN 1 ELSE 0 END) AS short, count(*) AS n FROM drug_exposure GROUP BY 1 ORDER BY 1;

--# stay-mean statistical same
SELECT avg(visit_end_date - visit_start_date) AS los FROM visit_occurrence WHERE visit_concept_id = 9201;
--# stay-mean-plus-one statistical same
SELECT care_site_id, avg(visit_end_date - visit_start_date + 1) AS los, count(*) FROM visit_occurrence WHERE visit_concept_id = 9201 GROUP BY 1 ORDER BY 1;
--# stay-median statistical same
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY visit_end_date - visit_start_date) AS median_los FROM visit_occurrence WHERE visit_concept_id = 9201;
--# stay-distribution statistical same
SELECT visit_end_date - visit_start_date AS nights, count(*) AS stays FROM visit_occurrence WHERE visit_concept_id = 9201 GROUP BY 1 ORDER BY 1;
--# stay-classes statistical same
SELECT CASE WHEN visit_end_date - visit_start_date <= 3 THEN 'short' WHEN visit_end_date - visit_start_date <= 7 THEN 'medium' ELSE 'long' END AS length, count(*)
FROM visit_occurrence WHERE visit_concept_id = 9201 GROUP BY 1 ORDER BY 1;
--# stay-bed-days statistical same
SELECT care_site_id, sum(visit_end_date - visit_start_date) AS bed_days FROM visit_occurrence WHERE visit_concept_id = 9201 GROUP BY 1 ORDER BY 1;
--# stay-hours statistical same
SELECT avg(extract(epoch FROM visit_end_datetime - visit_start_datetime) / 3600) AS hours FROM visit_occurrence WHERE visit_concept_id = 9203;
--# stay-by-type-and-site statistical same
SELECT cs.care_site_name, t.concept_name, count(*) AS visits, count(DISTINCT v.person_id) AS persons
FROM visit_occurrence v JOIN care_site cs ON cs.care_site_id = v.care_site_id JOIN concept t ON t.concept_id = v.visit_concept_id GROUP BY 1, 2 ORDER BY 1, 2;
--# stay-admission-source statistical same
SELECT coalesce(admitted_from, 'unknown') AS source, count(*) FROM visit_occurrence GROUP BY 1 ORDER BY 1;
--# stay-readmission-30-days statistical refused ZE002 count(DISTINCT ...) of another column than the subject is not answered under permit "corpus"
SELECT count(DISTINCT a.visit_occurrence_id) AS readmitted
FROM visit_occurrence a JOIN visit_occurrence b ON b.person_id = a.person_id AND b.visit_occurrence_id <> a.visit_occurrence_id
 AND b.visit_start_date > a.visit_end_date AND b.visit_start_date <= a.visit_end_date + 30
WHERE a.visit_concept_id = 9201 AND b.visit_concept_id = 9201;
--# stay-readmission-persons statistical same
SELECT count(DISTINCT a.person_id) AS readmitted
FROM visit_occurrence a JOIN visit_occurrence b ON b.person_id = a.person_id
 AND b.visit_start_date > a.visit_end_date AND b.visit_start_date <= a.visit_end_date + 30
WHERE a.visit_concept_id = 9201 AND b.visit_concept_id = 9201;
--# stay-readmission-lead statistical same
SELECT count(*) FILTER (WHERE next_start <= visit_end_date + 30) AS within_30, count(*) AS stays
FROM (SELECT person_id, visit_end_date, lead(visit_start_date) OVER (PARTITION BY person_id ORDER BY visit_start_date, visit_occurrence_id) AS next_start
      FROM visit_occurrence WHERE visit_concept_id = 9201) s;
--# stay-cost-by-type statistical same
SELECT v.visit_concept_id, count(*) AS stays, sum(c.total_charge) AS charge, avg(c.total_charge) AS mean
FROM visit_occurrence v JOIN cost c ON c.person_id = v.person_id AND c.visit_occurrence_id = v.visit_occurrence_id GROUP BY 1 ORDER BY 1;
--# stay-cost-per-person statistical same
SELECT avg(total) AS mean_cost, percentile_cont(0.9) WITHIN GROUP (ORDER BY total) AS p90 FROM (SELECT person_id, sum(total_charge) AS total FROM cost GROUP BY person_id) s;
--# stay-cost-expression statistical refused ZE002 under a statistics permit sum takes plain columns only
SELECT sum(total_charge - coalesce(paid_by_patient, 0)) AS insured FROM cost;
--# stay-out-of-pocket-share statistical same
SELECT sum(paid_by_patient) / sum(total_charge) AS share FROM cost;
--# stay-longest rows refused ZE002 %max is not answered%
SELECT max(visit_end_date - visit_start_date) FROM visit_occurrence;
--# stay-top-patients rows refused ZE002 rows about persons do not leave permit "corpus", only statistics do
SELECT person_id, sum(total_charge) AS total FROM cost GROUP BY person_id ORDER BY total DESC LIMIT 10;
--# stay-diagnosis-mix statistical same
SELECT c.condition_concept_id, count(*) AS stays
FROM visit_occurrence v JOIN condition_occurrence c ON c.visit_occurrence_id = v.visit_occurrence_id AND c.person_id = v.person_id
WHERE v.visit_concept_id = 9201 GROUP BY 1 ORDER BY 2 DESC, 1;
--# stay-procedures statistical same
SELECT p.procedure_concept_id, count(DISTINCT p.person_id) AS persons, count(*) AS n FROM procedure_occurrence p JOIN visit_occurrence v USING (person_id, visit_occurrence_id)
WHERE v.visit_concept_id IN (9201, 9203) GROUP BY 1 ORDER BY 1;

--# comorb-pairs statistical same
SELECT a.condition_concept_id AS first, b.condition_concept_id AS second, count(DISTINCT a.person_id) AS persons
FROM condition_occurrence a JOIN condition_occurrence b ON a.person_id = b.person_id AND a.condition_concept_id < b.condition_concept_id
GROUP BY a.condition_concept_id, b.condition_concept_id ORDER BY persons DESC, 1, 2;
--# comorb-pairs-distinct-cte statistical same
WITH dx AS (SELECT DISTINCT person_id, condition_concept_id FROM condition_occurrence)
SELECT a.condition_concept_id AS c1, b.condition_concept_id AS c2, count(*) AS n
FROM dx a JOIN dx b ON a.person_id = b.person_id AND a.condition_concept_id < b.condition_concept_id
GROUP BY 1, 2 HAVING count(*) >= 30 ORDER BY 3 DESC, 1, 2;
--# comorb-pairs-names statistical same
SELECT ca.concept_name, cb.concept_name AS with_condition, count(DISTINCT a.person_id) AS persons
FROM condition_occurrence a JOIN condition_occurrence b ON b.person_id = a.person_id
JOIN concept ca ON ca.concept_id = a.condition_concept_id JOIN concept cb ON cb.concept_id = b.condition_concept_id
WHERE a.condition_concept_id = 201826 AND b.condition_concept_id <> 201826 GROUP BY 1, 2 ORDER BY 3 DESC, 2;
--# comorb-obs-expected statistical same
WITH n AS (SELECT count(*)::numeric AS n FROM person),
     a AS (SELECT count(DISTINCT person_id) AS n FROM condition_occurrence WHERE condition_concept_id = 316866),
     b AS (SELECT count(DISTINCT person_id) AS n FROM condition_occurrence WHERE condition_concept_id = 201826),
     ab AS (SELECT count(DISTINCT x.person_id) AS n FROM condition_occurrence x JOIN condition_occurrence y USING (person_id) WHERE x.condition_concept_id = 316866 AND y.condition_concept_id = 201826)
SELECT ab.n AS observed, round(a.n * b.n / n.n, 1) AS expected FROM n, a, b, ab;
--# comorb-two-by-two statistical same
SELECT htn, dia, count(*) FROM (
    SELECT p.person_id, EXISTS (SELECT FROM condition_occurrence c WHERE c.person_id = p.person_id AND c.condition_concept_id = 316866) AS htn,
           EXISTS (SELECT FROM condition_occurrence c WHERE c.person_id = p.person_id AND c.condition_concept_id = 201826) AS dia FROM person p) s
GROUP BY htn, dia ORDER BY 1, 2;
--# comorb-two-by-two-bool-or statistical same
SELECT htn, dia, count(*) FROM (
    SELECT person_id, bool_or(condition_concept_id = 316866) AS htn, bool_or(condition_concept_id = 201826) AS dia FROM condition_occurrence GROUP BY person_id) s
GROUP BY htn, dia ORDER BY 1, 2;
--# comorb-two-by-two-max-case statistical same
SELECT htn, copd, count(*) AS n FROM (
    SELECT person_id, max(CASE WHEN condition_concept_id = 316866 THEN 1 ELSE 0 END) AS htn, max(CASE WHEN condition_concept_id = 255573 THEN 1 ELSE 0 END) AS copd
    FROM condition_occurrence GROUP BY person_id) s GROUP BY 1, 2 ORDER BY 1, 2;
--# comorb-charlson-score statistical same
SELECT score, count(*) AS persons FROM (
    SELECT person_id, sum(w) AS score FROM (
        SELECT DISTINCT person_id, condition_concept_id, CASE condition_concept_id WHEN 4329847 THEN 1 WHEN 316139 THEN 1 WHEN 255573 THEN 1 WHEN 201826 THEN 1 WHEN 201254 THEN 2 ELSE 0 END AS w
        FROM condition_occurrence) d GROUP BY person_id) s GROUP BY score ORDER BY score;
--native
SELECT score, count(*) AS persons FROM (
    SELECT person_id, sum(w) AS score FROM (
        SELECT DISTINCT person_id, condition_concept_id, CASE condition_concept_id WHEN 4329847 THEN 1 WHEN 316139 THEN 1 WHEN 255573 THEN 1 WHEN 201826 THEN 1 WHEN 201254 THEN 2 ELSE 0 END AS w
        FROM condition_occurrence) d GROUP BY person_id) s GROUP BY score HAVING count(*) > 1 ORDER BY score;
--# comorb-number-classes statistical same
SELECT CASE WHEN n = 1 THEN '1' WHEN n = 2 THEN '2' ELSE '3+' END AS conditions, count(*) FROM (
    SELECT person_id, count(DISTINCT condition_concept_id) AS n FROM condition_occurrence GROUP BY person_id) s GROUP BY 1 ORDER BY 1;
--# comorb-icd-chapter statistical same
SELECT left(condition_source_value, 1) AS chapter, count(DISTINCT person_id) FROM condition_occurrence GROUP BY 1 ORDER BY 1;
--# comorb-icd-category statistical same
SELECT substr(condition_source_value, 1, 3) AS category, count(DISTINCT person_id) FROM condition_occurrence GROUP BY 1 ORDER BY 1;
--# comorb-icd-category-substring statistical same
SELECT substring(condition_source_value FROM 1 FOR 3) AS category, count(DISTINCT person_id) AS n FROM condition_occurrence WHERE condition_source_value LIKE 'I%' GROUP BY 1 ORDER BY 1;
--# comorb-icd-split-part statistical same
SELECT split_part(condition_source_value, '.', 1) AS category, count(*) FROM condition_occurrence GROUP BY 1 ORDER BY 1;
--# comorb-icd-regex statistical same
SELECT count(DISTINCT person_id) FROM condition_occurrence WHERE condition_source_value ~ '^(E1[01]|I10)';
--# comorb-icd-replace statistical same
SELECT replace(condition_source_value, '.', '') AS code, count(DISTINCT person_id) FROM condition_occurrence GROUP BY 1 ORDER BY 1;

--# i2b2-and-of-groups statistical same
SELECT count(DISTINCT p.person_id) FROM person p
WHERE p.gender_concept_id = 8532 AND p.year_of_birth BETWEEN 1940 AND 1970
  AND p.person_id IN (SELECT person_id FROM condition_occurrence WHERE condition_concept_id IN (201826, 201254))
  AND p.person_id IN (SELECT person_id FROM measurement WHERE measurement_concept_id = 3004410 AND value_as_number > 8);
--# i2b2-temp-table-panels statistical refused ZE002 under a permit only SELECT reads protected data
CREATE TEMP TABLE query_global_temp (patient_num bigint, panel_count int);
INSERT INTO query_global_temp SELECT person_id, 1 FROM condition_occurrence WHERE condition_concept_id = 201826 GROUP BY person_id;
UPDATE query_global_temp SET panel_count = 2 WHERE panel_count = 1 AND patient_num IN (SELECT person_id FROM drug_exposure WHERE drug_concept_id = 1503297);
SELECT count(DISTINCT patient_num) FROM query_global_temp WHERE panel_count = 2;
--# i2b2-temp-insert-select statistical same
CREATE TEMP TABLE dx AS SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 201826 GROUP BY person_id;
CREATE TEMP TABLE rx AS SELECT dx.person_id FROM dx JOIN drug_exposure d ON d.person_id = dx.person_id WHERE d.drug_concept_id = 1503297 GROUP BY dx.person_id;
SELECT count(*) FROM rx;
--# i2b2-with-panels statistical same
WITH p1 AS (SELECT DISTINCT person_id FROM condition_occurrence WHERE condition_concept_id = 316866),
     p2 AS (SELECT DISTINCT person_id FROM drug_exposure WHERE drug_concept_id = 1308216),
     p3 AS (SELECT DISTINCT person_id FROM visit_occurrence WHERE visit_concept_id = 9203)
SELECT count(*) FROM p1 JOIN p2 USING (person_id) JOIN p3 USING (person_id);
--# i2b2-exclusion statistical same
SELECT count(DISTINCT c.person_id) FROM condition_occurrence c
LEFT JOIN (SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 192671) bleed ON bleed.person_id = c.person_id
WHERE c.condition_concept_id = 313217 AND bleed.person_id IS NULL;
--# i2b2-same-visit statistical same
SELECT count(DISTINCT c.person_id) FROM condition_occurrence c
JOIN procedure_occurrence p ON p.person_id = c.person_id AND p.visit_occurrence_id = c.visit_occurrence_id
WHERE c.condition_concept_id = 317009 AND p.procedure_concept_id = 4203722;
--# i2b2-occurs-at-least-three statistical same
SELECT count(*) FROM (SELECT person_id, count(DISTINCT visit_start_date) AS days FROM visit_occurrence GROUP BY person_id) f WHERE days >= 3;
--# i2b2-breakdown-sex statistical same
SELECT p.gender_concept_id, count(DISTINCT p.person_id) AS patient_count FROM person p
INNER JOIN (SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 433736) q ON p.person_id = q.person_id GROUP BY p.gender_concept_id ORDER BY 1;
--# i2b2-breakdown-age statistical same
SELECT CASE WHEN a.age BETWEEN 0 AND 9 THEN '00-09' WHEN a.age BETWEEN 10 AND 17 THEN '10-17' WHEN a.age BETWEEN 18 AND 34 THEN '18-34'
            WHEN a.age BETWEEN 35 AND 64 THEN '35-64' WHEN a.age >= 65 THEN '65+' ELSE 'not recorded' END AS patient_range, count(*) AS patient_count
FROM (SELECT person_id, 2022 - year_of_birth AS age FROM person) a GROUP BY 1 ORDER BY 1;
--# i2b2-trial-criteria statistical same
SELECT count(*) FROM person p
WHERE 2022 - p.year_of_birth BETWEEN 40 AND 75
  AND EXISTS (SELECT 1 FROM condition_occurrence c JOIN concept_ancestor a ON a.descendant_concept_id = c.condition_concept_id
              WHERE c.person_id = p.person_id AND a.ancestor_concept_id = 201820)
  AND NOT EXISTS (SELECT 1 FROM death d WHERE d.person_id = p.person_id);
--# i2b2-most-recent-lab statistical same
SELECT count(*) FROM person p JOIN LATERAL (
    SELECT m.value_as_number FROM measurement m WHERE m.person_id = p.person_id AND m.measurement_concept_id = 3004410
    ORDER BY m.measurement_date DESC, m.measurement_id LIMIT 1) last ON true WHERE last.value_as_number > 9;
--# i2b2-scalar-subquery-count statistical same
SELECT count(*) FROM person p WHERE (SELECT count(*) FROM visit_occurrence v WHERE v.person_id = p.person_id AND v.visit_concept_id = 9203) >= 2;
--# i2b2-or-of-groups statistical same
SELECT count(*) FROM person p
WHERE EXISTS (SELECT 1 FROM condition_occurrence c WHERE c.person_id = p.person_id AND c.condition_concept_id = 317009)
   OR EXISTS (SELECT 1 FROM drug_exposure d WHERE d.person_id = p.person_id AND d.drug_concept_id = 1154343);
--# i2b2-patient-list rows refused ZE002 %rows about persons do not leave%
SELECT DISTINCT person_id FROM condition_occurrence WHERE condition_concept_id = 201826;
--# i2b2-by-site statistical same
SELECT cs.region, count(DISTINCT v.person_id) FROM visit_occurrence v JOIN care_site cs ON v.care_site_id = cs.care_site_id
JOIN condition_occurrence c ON c.person_id = v.person_id WHERE c.condition_concept_id = 440383 GROUP BY cs.region ORDER BY 1;

--# dbplyr-count statistical same
SELECT "gender_concept_id", COUNT(*) AS "n"
FROM "person"
GROUP BY "gender_concept_id"
ORDER BY "n" DESC;
--# dbplyr-tally statistical same
SELECT COUNT(*) AS "n" FROM "person";
--# dbplyr-filter-count statistical same
SELECT COUNT(*) AS "n"
FROM (
  SELECT *
  FROM "person"
  WHERE ("gender_concept_id" = 8532.0) AND ("year_of_birth" < 1960.0)
) "q01";
--# dbplyr-mutate-year statistical same
SELECT "year", COUNT(DISTINCT "person_id") AS "persons"
FROM (
  SELECT "condition_occurrence".*, EXTRACT(year FROM "condition_start_date") AS "year"
  FROM "condition_occurrence"
) "q01"
GROUP BY "year"
ORDER BY "year";
--# dbplyr-floor-date statistical same
SELECT "month", COUNT(*) AS "n"
FROM (
  SELECT "visit_occurrence".*, DATE_TRUNC('month', "visit_start_date") AS "month"
  FROM "visit_occurrence"
) "q01"
GROUP BY "month"
ORDER BY "month";
--# dbplyr-summarise statistical same
SELECT
  "gender_concept_id",
  AVG("year_of_birth") AS "mean",
  STDDEV_SAMP("year_of_birth") AS "sd",
  PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY "year_of_birth") AS "median",
  COUNT(*) AS "n"
FROM "person"
GROUP BY "gender_concept_id"
ORDER BY "gender_concept_id";
--# dbplyr-left-join statistical same
SELECT "concept_name", COUNT(*) AS "n"
FROM (
  SELECT "condition_occurrence".*, "concept_name"
  FROM "condition_occurrence"
  LEFT JOIN "concept"
    ON ("condition_occurrence"."condition_concept_id" = "concept"."concept_id")
) "q01"
GROUP BY "concept_name"
ORDER BY "n" DESC, "concept_name";
--# dbplyr-inner-join-persons statistical same
SELECT "gender_concept_id", COUNT(DISTINCT "person_id") AS "n"
FROM (
  SELECT "LHS".*, "gender_concept_id", "year_of_birth"
  FROM "condition_occurrence" AS "LHS"
  INNER JOIN "person" AS "RHS"
    ON ("LHS"."person_id" = "RHS"."person_id")
) AS "q01"
WHERE ("condition_concept_id" = 201826)
GROUP BY "gender_concept_id"
ORDER BY 1;
--# dbplyr-semi-join statistical same
SELECT COUNT(*) AS "n"
FROM (
  SELECT "LHS".*
  FROM "person" AS "LHS"
  WHERE EXISTS (
    SELECT 1 FROM (
      SELECT *
      FROM "condition_occurrence"
      WHERE ("condition_concept_id" = 201826.0)
    ) AS "RHS"
    WHERE ("LHS"."person_id" = "RHS"."person_id")
  )
) AS "q01";
--# dbplyr-anti-join statistical same
SELECT COUNT(*) AS "n"
FROM (
  SELECT "LHS".*
  FROM "person" AS "LHS"
  WHERE NOT EXISTS (
    SELECT 1 FROM "death" AS "RHS"
    WHERE ("LHS"."person_id" = "RHS"."person_id")
  )
) AS "q01";
--# dbplyr-distinct-count statistical same
SELECT COUNT(*) AS "n"
FROM (
  SELECT DISTINCT "person_id", "condition_concept_id"
  FROM "condition_occurrence"
) AS "q01";
--# dbplyr-group-twice statistical same
SELECT AVG("n") AS "mean_visits", STDDEV_SAMP("n") AS "sd"
FROM (
  SELECT "person_id", COUNT(*) AS "n"
  FROM "visit_occurrence"
  GROUP BY "person_id"
) AS "q01";
--# dbplyr-slice-min statistical same
SELECT "condition_concept_id", COUNT(*) AS "n"
FROM (
  SELECT "person_id", "condition_concept_id"
  FROM (
    SELECT "condition_occurrence".*, RANK() OVER (PARTITION BY "person_id" ORDER BY "condition_start_date") AS "col01"
    FROM "condition_occurrence"
  ) AS "q01"
  WHERE ("col01" <= 1)
) AS "q01"
GROUP BY "condition_concept_id"
ORDER BY 1;
--# dbplyr-ifelse statistical same
SELECT "old", COUNT(*) AS "n"
FROM (
  SELECT "person".*, CASE WHEN ("year_of_birth" < 1957.0) THEN 'old' WHEN NOT ("year_of_birth" < 1957.0) THEN 'young' END AS "old"
  FROM "person"
) "q01"
GROUP BY "old"
ORDER BY "old";
--# dbplyr-age statistical same
SELECT AVG("age") AS "age"
FROM (
  SELECT "person".*, 2022.0 - "year_of_birth" AS "age"
  FROM "person"
) "q01";
--# dbplyr-proportion statistical same
SELECT "q01".*, "n" / SUM("n") OVER () AS "share"
FROM (
  SELECT "gender_concept_id", COUNT(*) AS "n"
  FROM "person"
  GROUP BY "gender_concept_id"
) "q01";
--# dbplyr-mean-of-condition statistical refused ZE002 under a statistics permit avg takes plain columns only
SELECT "gender_concept_id", AVG(CASE WHEN ("year_of_birth" > 1980.0) THEN 1.0 WHEN NOT ("year_of_birth" > 1980.0) THEN 0.0 END) AS "young"
FROM "person"
GROUP BY "gender_concept_id"
ORDER BY 1;
--# dbplyr-cast-sum statistical same
SELECT SUM(CAST("year_of_birth" > 1980 AS INTEGER)) AS "young" FROM "person";
--# dbplyr-compute statistical same
CREATE TEMPORARY TABLE "dbplyr_001" AS
SELECT "person_id", "condition_start_date"
FROM "condition_occurrence"
WHERE ("condition_concept_id" = 316866.0);
SELECT COUNT(DISTINCT "person_id") AS "n" FROM "dbplyr_001";
--# dbplyr-compute-then-join statistical same
CREATE TEMPORARY TABLE "dbplyr_002" AS
SELECT "person_id", MIN("condition_start_date") AS "first"
FROM "condition_occurrence"
WHERE ("condition_concept_id" = 255573.0)
GROUP BY "person_id";
SELECT EXTRACT(year FROM "first") AS "year", COUNT(*) AS "n"
FROM "dbplyr_002"
INNER JOIN "person" ON ("dbplyr_002"."person_id" = "person"."person_id")
GROUP BY EXTRACT(year FROM "first")
ORDER BY 1;
--# dbplyr-compute-result statistical same
CREATE TEMPORARY TABLE "dbplyr_003" AS
SELECT "condition_concept_id", COUNT(DISTINCT "person_id") AS "n" FROM "condition_occurrence" GROUP BY "condition_concept_id";
SELECT "concept_name", "n" FROM "dbplyr_003" LEFT JOIN "concept" ON ("condition_concept_id" = "concept_id") ORDER BY 1;
--# dbplyr-str-sub statistical same
SELECT "chapter", COUNT(DISTINCT "person_id") AS "n"
FROM (
  SELECT "condition_occurrence".*, SUBSTR("condition_source_value", 1, 1) AS "chapter"
  FROM "condition_occurrence"
) AS "q01"
GROUP BY "chapter"
ORDER BY 1;
--# dbplyr-str-detect statistical same
SELECT COUNT(*) AS "n" FROM "condition_occurrence" WHERE (STRPOS("condition_source_value", 'E11') > 0);
--# dbplyr-regex statistical same
SELECT COUNT(*) AS "n" FROM "condition_occurrence" WHERE ("condition_source_value" ~ '^J4');
--# dbplyr-cut statistical same
SELECT "band", COUNT(*) AS "n"
FROM (
  SELECT "person".*, CASE WHEN ("year_of_birth" <= 1930.0) THEN NULL WHEN ("year_of_birth" <= 1950.0) THEN '(1930,1950]' WHEN ("year_of_birth" <= 1970.0) THEN '(1950,1970]' WHEN ("year_of_birth" <= 2010.0) THEN '(1970,2010]' WHEN ("year_of_birth" > 2010.0) THEN NULL END AS "band"
  FROM "person"
) AS "q01"
GROUP BY "band"
ORDER BY 1;
--# dbplyr-top-n statistical same
SELECT "condition_concept_id", "n"
FROM (
  SELECT "q01".*, RANK() OVER (ORDER BY "n" DESC) AS "col01"
  FROM (
    SELECT "condition_concept_id", COUNT(*) AS "n"
    FROM "condition_occurrence"
    GROUP BY "condition_concept_id"
  ) AS "q01"
) AS "q01"
WHERE ("col01" <= 5);
--# dbplyr-union-all statistical same
SELECT COUNT(DISTINCT "person_id") AS "n"
FROM (
  SELECT "person_id" FROM "condition_occurrence" WHERE ("condition_concept_id" = 317009.0)
  UNION ALL
  SELECT "person_id" FROM "drug_exposure" WHERE ("drug_concept_id" = 1154343.0)
) AS "q01";
--# dbplyr-schema-qualified statistical same
SELECT "visit_concept_id", COUNT(DISTINCT "person_id") AS "n"
FROM "permit_corpus"."visit_occurrence"
GROUP BY "visit_concept_id"
ORDER BY 1;
--# dbplyr-columns client same
SELECT *
FROM "person" AS "q01"
WHERE (0 = 1);
--native
SELECT person_id, gender_concept_id, year_of_birth, month_of_birth, birth_datetime, race_concept_id, location_id FROM person WHERE false;
--# dbplyr-columns-of-query client same
SELECT *
FROM (SELECT person_id, condition_concept_id FROM condition_occurrence) AS "q02"
WHERE (0 = 1);
--# dbplyr-columns-of-aggregate client same
SELECT *
FROM (
  SELECT "gender_concept_id", COUNT(*) AS "n"
  FROM "person"
  GROUP BY "gender_concept_id"
) AS "q03"
WHERE (0 = 1);
--# dbplyr-print rows refused ZE002 %rows about persons do not leave%
SELECT *
FROM "person"
LIMIT 11;
--# dbplyr-print-filtered rows refused ZE002 %rows about persons do not leave%
SELECT "condition_occurrence".*, EXTRACT(year FROM "condition_start_date") AS "year"
FROM "condition_occurrence"
WHERE ("condition_concept_id" = 201826.0)
LIMIT 11;
--# dbplyr-collect rows refused ZE002 %rows about persons do not leave%
SELECT "person_id", "year_of_birth" FROM "person";
--# dbplyr-glimpse rows refused ZE002 %rows about persons do not leave%
SELECT * FROM "measurement" LIMIT 25;

--# sqlalchemy-count statistical same
SELECT count(*) AS count_1
FROM (SELECT person.person_id AS person_person_id, person.gender_concept_id AS person_gender_concept_id, person.year_of_birth AS person_year_of_birth
FROM person
WHERE person.gender_concept_id = 8532) AS anon_1;
--# sqlalchemy-group statistical same
SELECT person.gender_concept_id, count(person.person_id) AS count_1
FROM person GROUP BY person.gender_concept_id ORDER BY count(person.person_id) DESC;
--# sqlalchemy-distinct statistical same
SELECT count(DISTINCT condition_occurrence.person_id) AS count_1
FROM condition_occurrence JOIN concept ON concept.concept_id = condition_occurrence.condition_concept_id
WHERE concept.concept_name = 'Asthma';
--# sqlalchemy-count-of-distinct-subquery statistical same
SELECT count(*) AS count_1
FROM (SELECT DISTINCT condition_occurrence.person_id AS person_id
FROM condition_occurrence
WHERE condition_occurrence.condition_concept_id IN (317009, 255573)) AS anon_1;
--# sqlalchemy-bind statistical same
PREPARE sqla_1 (integer, date) AS SELECT count(DISTINCT condition_occurrence.person_id) AS count_1 FROM condition_occurrence
WHERE condition_occurrence.condition_concept_id = $1 AND condition_occurrence.condition_start_date >= $2;
EXECUTE sqla_1 (201826, '2020-06-01');
--# sqlalchemy-bind-array statistical same
PREPARE sqla_2 (integer[]) AS SELECT condition_concept_id, count(DISTINCT person_id) AS persons FROM condition_occurrence WHERE condition_concept_id = ANY ($1) GROUP BY condition_concept_id ORDER BY 1;
EXECUTE sqla_2 ('{201826,316866,317009}');
--# sqlalchemy-bind-text statistical same
PREPARE sqla_3 (varchar) AS SELECT count(*) AS count_1 FROM condition_occurrence WHERE condition_occurrence.condition_source_value = $1::VARCHAR;
EXECUTE sqla_3 ('E11.9');
--# sqlalchemy-bind-like statistical same
PREPARE sqla_4 (varchar) AS SELECT count(*) AS count_1 FROM condition_occurrence WHERE condition_occurrence.condition_source_value LIKE $1::VARCHAR || '%';
EXECUTE sqla_4 ('E1');
--# sqlalchemy-startswith statistical same
SELECT count(*) AS count_1 FROM condition_occurrence WHERE (condition_occurrence.condition_source_value LIKE 'J4' || '%');
--# sqlalchemy-extract statistical same
SELECT EXTRACT(year FROM anon_1.index_date) AS year, count(*) AS n
FROM (SELECT condition_occurrence.person_id AS person_id, min(condition_occurrence.condition_start_date) AS index_date
FROM condition_occurrence
WHERE condition_occurrence.condition_concept_id = 260139 GROUP BY condition_occurrence.person_id) AS anon_1 GROUP BY EXTRACT(year FROM anon_1.index_date) ORDER BY year;
--# sqlalchemy-case-sum statistical same
SELECT sum(CASE WHEN (person.gender_concept_id = 8507) THEN 1 ELSE 0 END) AS men, sum(CASE WHEN (person.gender_concept_id = 8532) THEN 1 ELSE 0 END) AS women FROM person;
--# sqlalchemy-cast-date statistical less
SELECT CAST(visit_occurrence.visit_start_datetime AS DATE) AS day, count(*) AS n FROM visit_occurrence
WHERE visit_occurrence.visit_start_date BETWEEN '2020-03-01' AND '2020-03-07' GROUP BY CAST(visit_occurrence.visit_start_datetime AS DATE) ORDER BY 1;
--# sqlalchemy-exists statistical same
SELECT count(*) AS count_1 FROM person WHERE EXISTS (SELECT *
FROM visit_occurrence
WHERE person.person_id = visit_occurrence.person_id AND visit_occurrence.visit_concept_id = 9203);
--# sqlalchemy-correlated-scalar statistical less
SELECT anon_1.n AS n, count(*) AS persons FROM (SELECT person.person_id AS person_id, (SELECT count(*) AS count_1
FROM visit_occurrence
WHERE visit_occurrence.person_id = person.person_id AND visit_occurrence.visit_concept_id = 9201) AS n
FROM person) AS anon_1 GROUP BY anon_1.n ORDER BY 1;
--# sqlalchemy-first rows refused ZE002 %rows about persons do not leave%
SELECT person.person_id, person.gender_concept_id, person.year_of_birth
FROM person
 LIMIT 1;
--# pandas-read-sql rows refused ZE002 %rows about persons do not leave%
SELECT p.person_id, p.year_of_birth, c.condition_start_date FROM person p JOIN condition_occurrence c USING (person_id) WHERE c.condition_concept_id = 201826;
--# pandas-chunk-cursor statistical same
BEGIN;
DECLARE pandas_cursor CURSOR FOR SELECT condition_concept_id, count(DISTINCT person_id) AS n FROM condition_occurrence GROUP BY 1 ORDER BY 1;
FETCH FORWARD 5 FROM pandas_cursor;
CLOSE pandas_cursor;
COMMIT;
--# sqlalchemy-has-table client same
SELECT pg_catalog.pg_class.relname FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_catalog.pg_namespace.oid = pg_catalog.pg_class.relnamespace
WHERE pg_catalog.pg_class.relname = 'person' AND pg_catalog.pg_class.relkind = ANY (ARRAY['r', 'p', 'f', 'v', 'm']) AND pg_catalog.pg_table_is_visible(pg_catalog.pg_class.oid);
--# sqlalchemy-columns client same
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnum > 0 AS real
FROM pg_catalog.pg_attribute a WHERE a.attrelid = 'death'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum;
--# sqlalchemy-isolation client same
SHOW transaction isolation level;

--# metabase-count statistical same
SELECT COUNT(*) AS "count" FROM "permit_corpus"."person";
--# metabase-breakout statistical same
SELECT "permit_corpus"."person"."gender_concept_id" AS "gender_concept_id", COUNT(*) AS "count"
FROM "permit_corpus"."person"
GROUP BY "permit_corpus"."person"."gender_concept_id"
ORDER BY "permit_corpus"."person"."gender_concept_id" ASC;
--# metabase-month statistical same
SELECT CAST(DATE_TRUNC('month', "permit_corpus"."visit_occurrence"."visit_start_date") AS date) AS "visit_start_date", COUNT(*) AS "count"
FROM "permit_corpus"."visit_occurrence"
GROUP BY CAST(DATE_TRUNC('month', "permit_corpus"."visit_occurrence"."visit_start_date") AS date)
ORDER BY CAST(DATE_TRUNC('month', "permit_corpus"."visit_occurrence"."visit_start_date") AS date) ASC;
--# metabase-binning statistical same
SELECT FLOOR(("permit_corpus"."person"."year_of_birth" / 10.0)) * 10.0 AS "year_of_birth", COUNT(*) AS "count"
FROM "permit_corpus"."person"
GROUP BY FLOOR(("permit_corpus"."person"."year_of_birth" / 10.0)) * 10.0
ORDER BY FLOOR(("permit_corpus"."person"."year_of_birth" / 10.0)) * 10.0 ASC;
--# metabase-joined statistical same
SELECT "Concept"."concept_name" AS "Concept__concept_name", COUNT(distinct "source"."person_id") AS "count"
FROM (SELECT "permit_corpus"."condition_occurrence"."person_id" AS "person_id", "permit_corpus"."condition_occurrence"."condition_concept_id" AS "condition_concept_id" FROM "permit_corpus"."condition_occurrence") AS "source"
LEFT JOIN "concept" AS "Concept" ON "source"."condition_concept_id" = "Concept"."concept_id"
GROUP BY "Concept"."concept_name" ORDER BY 2 DESC, 1 ASC;
--# metabase-preview rows refused ZE002 %rows about persons do not leave%
SELECT "permit_corpus"."person"."person_id" AS "person_id", "permit_corpus"."person"."year_of_birth" AS "year_of_birth" FROM "permit_corpus"."person" LIMIT 2000;
--# metabase-fingerprint rows refused ZE002 %rows about persons do not leave%
SELECT SUBSTRING("permit_corpus"."condition_occurrence"."condition_source_value", 1, 1234) AS "substring1" FROM "permit_corpus"."condition_occurrence" LIMIT 10000;
--# metabase-field-values statistical same
SELECT "permit_corpus"."visit_occurrence"."admitted_from" AS "admitted_from" FROM "permit_corpus"."visit_occurrence"
GROUP BY "permit_corpus"."visit_occurrence"."admitted_from" ORDER BY "permit_corpus"."visit_occurrence"."admitted_from" ASC LIMIT 1001;
--# metabase-distinct-values statistical same
SELECT DISTINCT "visit_concept_id" FROM "permit_corpus"."visit_occurrence" ORDER BY 1;
--# tableau-records statistical same
SELECT "visit_occurrence"."visit_concept_id" AS "visit_concept_id", SUM(1) AS "sum:Number of Records:ok"
FROM "permit_corpus"."visit_occurrence" "visit_occurrence" GROUP BY 1 ORDER BY 1;
--# tableau-year statistical same
SELECT CAST(TRUNC(EXTRACT(YEAR FROM "visit_occurrence"."visit_start_date")) AS INTEGER) AS "yr:visit_start_date:ok", COUNT(DISTINCT "visit_occurrence"."person_id") AS "ctd:person_id:ok"
FROM "permit_corpus"."visit_occurrence" "visit_occurrence" GROUP BY 1 ORDER BY 1;
--# tableau-having-count-1 statistical same
SELECT AVG(CAST("person"."year_of_birth" AS DOUBLE PRECISION)) AS "avg:year_of_birth:ok", COUNT(1) AS "n"
FROM "permit_corpus"."person" "person" HAVING (COUNT(1) > 0);
--# tableau-columns client same
SELECT * FROM "permit_corpus"."person" "person" LIMIT 0;
--native
SELECT person_id, gender_concept_id, year_of_birth, month_of_birth, birth_datetime, race_concept_id, location_id FROM person LIMIT 0;
--# powerbi-group statistical same
select "rows"."visit_concept_id" as "visit_concept_id", count(1) as "a0"
from (select "visit_concept_id", "person_id", "visit_start_date" from "permit_corpus"."visit_occurrence" "$Table") "rows"
group by "visit_concept_id" order by 1 limit 1000001;
--# powerbi-sum statistical same
select sum("rows"."total_charge") as "a0" from (select "total_charge", "person_id" from "permit_corpus"."cost" "$Table") "rows";
--# powerbi-sum-without-subject statistical same
select sum("rows"."total_charge") as "a0" from (select "total_charge" from "permit_corpus"."cost" "$Table") "rows";
--# superset-timeseries statistical same
SELECT DATE_TRUNC('month', visit_start_date) AS __timestamp, count(*) AS count FROM permit_corpus.visit_occurrence
WHERE visit_start_date >= TO_DATE('2020-01-01', 'YYYY-MM-DD') AND visit_start_date < TO_DATE('2021-01-01', 'YYYY-MM-DD')
GROUP BY DATE_TRUNC('month', visit_start_date) ORDER BY count DESC, 1 LIMIT 10000;
--# superset-filter-box statistical same
SELECT care_site_name AS care_site_name, COUNT(DISTINCT person_id) AS "COUNT_DISTINCT(person_id)" FROM (SELECT v.*, s.care_site_name FROM visit_occurrence v JOIN care_site s USING (care_site_id)) AS virtual_table
GROUP BY care_site_name ORDER BY 2 DESC, 1 LIMIT 1000;
--# grafana-time-group statistical less
SELECT floor(extract(epoch FROM visit_start_datetime) / 2592000) * 2592000 AS "time", count(*) AS value FROM permit_corpus.visit_occurrence GROUP BY 1 ORDER BY 1;
--# looker-symmetric-aggregate statistical refused ZE002 count(DISTINCT ...) of another column than the subject is not answered under permit "corpus"
SELECT visit_occurrence.visit_concept_id AS "type", COUNT(DISTINCT visit_occurrence.visit_occurrence_id) AS "stays"
FROM permit_corpus.person AS person LEFT JOIN permit_corpus.visit_occurrence AS visit_occurrence ON person.person_id = visit_occurrence.person_id
GROUP BY 1 ORDER BY 2 DESC FETCH NEXT 500 ROWS ONLY;

--# psql-count-star statistical same
select count(*) from person;
--# psql-copy-result statistical same
COPY (SELECT gender_concept_id, count(*) FROM person GROUP BY 1 ORDER BY 1) TO STDOUT WITH (FORMAT csv, HEADER);
--# psql-own-view statistical same
CREATE TEMP VIEW diabetes AS SELECT * FROM condition_occurrence WHERE condition_concept_id = 201826;
SELECT count(DISTINCT person_id) FROM diabetes;
--# psql-result-table statistical same
CREATE TEMP TABLE by_site AS SELECT care_site_id, count(*) AS n FROM visit_occurrence GROUP BY 1;
ALTER TABLE by_site ADD COLUMN pct numeric;
UPDATE by_site SET pct = round(100.0 * n / (SELECT sum(n) FROM by_site), 1);
SELECT * FROM by_site ORDER BY 1;
--# psql-code-list statistical same
CREATE TEMP TABLE code_list (concept_id integer PRIMARY KEY, label text);
INSERT INTO code_list VALUES (316866, 'heart'), (313217, 'heart'), (316139, 'heart'), (317009, 'lung'), (255573, 'lung');
SELECT label, count(DISTINCT person_id), count(*) FROM condition_occurrence JOIN code_list ON concept_id = condition_concept_id GROUP BY label ORDER BY 1;
--# psql-code-list-values statistical same
SELECT v.label, count(DISTINCT c.person_id) FROM condition_occurrence c
JOIN (VALUES (316866, 'heart'), (317009, 'lung'), (255573, 'lung')) AS v(code, label) ON v.code = c.condition_concept_id GROUP BY v.label ORDER BY 1;
--# psql-code-list-values-rows statistical refused ZE002 rows are not counted or summed after a join that may repeat them
SELECT v.label, count(*) AS records FROM condition_occurrence c
JOIN (VALUES (316866, 'heart'), (317009, 'lung'), (255573, 'lung')) AS v(code, label) ON v.code = c.condition_concept_id GROUP BY v.label ORDER BY 1;
--# psql-function statistical same
CREATE FUNCTION pg_temp.persons_with(code integer) RETURNS bigint LANGUAGE sql AS 'SELECT count(DISTINCT person_id) FROM condition_occurrence WHERE condition_concept_id = code';
SELECT pg_temp.persons_with(316866), pg_temp.persons_with(317009);
--# psql-generic-plan statistical same
SET plan_cache_mode = force_generic_plan;
PREPARE by_code(integer) AS SELECT gender_concept_id, count(DISTINCT person_id) FROM condition_occurrence JOIN person USING (person_id) WHERE condition_concept_id = $1 GROUP BY 1 ORDER BY 1;
EXECUTE by_code(316866);
EXECUTE by_code(201826);
RESET plan_cache_mode;
--# psql-head rows refused ZE002 %rows about persons do not leave%
select * from condition_occurrence limit 10;
--# psql-copy-rows rows refused ZE002 %rows about persons do not leave%
COPY (SELECT * FROM person) TO STDOUT;
--# psql-one-person rows refused ZE002 %subject%
SELECT count(*) FROM condition_occurrence WHERE person_id = 17;
--# psql-tabulate-person rows refused ZE002 rows about persons do not leave permit "corpus", only statistics do
SELECT person_id, count(*) FROM condition_occurrence GROUP BY person_id ORDER BY 2 DESC LIMIT 20;
--# psql-mode rows refused ZE002 %mode is not answered%
SELECT mode() WITHIN GROUP (ORDER BY year_of_birth) FROM person;
--# psql-array-agg rows refused ZE002 %array_agg is not answered%
SELECT gender_concept_id, array_agg(year_of_birth) FROM person GROUP BY 1;
--# psql-json-agg rows refused ZE002 %json_agg is not answered%
SELECT json_agg(p) FROM person p;
--# psql-sample rows refused 0A000 TABLESAMPLE clause can only be applied to tables and materialized views
SELECT * FROM person TABLESAMPLE SYSTEM (10);
--# psql-order-random rows refused ZE002 %rows about persons do not leave%
SELECT year_of_birth, gender_concept_id FROM person ORDER BY random() LIMIT 5;
--# dbeaver-preview rows refused ZE002 %rows about persons do not leave%
SELECT t.* FROM permit_corpus.person t LIMIT 200;
--# dbeaver-preview-ctid rows refused % %
SELECT t.*, ctid FROM permit_corpus.person t LIMIT 200;
--# dbeaver-count statistical same
SELECT COUNT(*) FROM permit_corpus.measurement;
--# dbeaver-row-count-of-query statistical same
SELECT count(*) FROM (
SELECT t.* FROM permit_corpus.person t
) dbvrcnt;
--# psql-tables client same
SELECT n.nspname = current_schema() AS here, c.relname, c.relkind IN ('v', 'r') AS relation FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname IN ('person', 'death') AND n.nspname = 'permit_corpus' ORDER BY 2;
--# jdbc-current-schema client same
SELECT current_schema() IS NOT NULL AS has_schema, current_user = session_user AS same_user;
--# jdbc-limit-zero-subquery client same
SELECT * FROM (SELECT p.person_id, p.year_of_birth, v.visit_start_date FROM person p LEFT JOIN visit_occurrence v ON v.person_id = p.person_id) q LIMIT 0;

--# dq-visits-after-death statistical same
SELECT count(*) FROM visit_occurrence v JOIN death d ON d.person_id = v.person_id WHERE v.visit_start_date > d.death_date;
--# dq-end-before-start statistical same
SELECT count(*) FROM visit_occurrence WHERE visit_end_date < visit_start_date;
--# dq-missing-share statistical same
SELECT count(*) AS n, sum(CASE WHEN days_supply IS NULL THEN 1 ELSE 0 END) AS missing, avg((days_supply IS NULL)::int) AS share FROM drug_exposure;
--# dq-unmapped-concepts statistical same
SELECT count(*) FROM condition_occurrence co LEFT JOIN concept c ON c.concept_id = co.condition_concept_id WHERE c.concept_id IS NULL;
--# dq-duplicates statistical same
SELECT count(*) AS duplicated FROM (
    SELECT person_id, condition_concept_id, condition_start_date FROM condition_occurrence GROUP BY 1, 2, 3 HAVING count(*) > 1) s;
--# dq-outside-observation statistical same
SELECT count(*) FROM visit_occurrence v JOIN observation_period op ON op.person_id = v.person_id
WHERE v.visit_start_date NOT BETWEEN op.observation_period_start_date AND op.observation_period_end_date;
--# dq-records-per-table statistical same
SELECT 'person' AS t, count(*) AS n FROM person UNION ALL SELECT 'visits', count(*) FROM visit_occurrence UNION ALL SELECT 'drugs', count(*) FROM drug_exposure
UNION ALL SELECT 'measurements', count(*) FROM measurement ORDER BY 1;
--# dq-achilles-record-distribution statistical same
SELECT measurement_concept_id AS stratum_1, count(*) AS count_value, avg(value_as_number) AS avg_value, stddev(value_as_number) AS stdev_value,
       percentile_cont(0.1) WITHIN GROUP (ORDER BY value_as_number) AS p10_value, percentile_cont(0.9) WITHIN GROUP (ORDER BY value_as_number) AS p90_value
FROM measurement GROUP BY 1 ORDER BY 1;
--# dq-achilles-order-statistics statistical same
WITH rawdata AS (SELECT days_supply AS count_value FROM drug_exposure WHERE days_supply IS NOT NULL),
     statsview AS (SELECT count_value, count(*) AS total, row_number() OVER (ORDER BY count_value) AS rn FROM rawdata GROUP BY count_value)
SELECT s.count_value, s.total, sum(p.total) AS accumulated FROM statsview s JOIN statsview p ON p.rn <= s.rn GROUP BY s.count_value, s.total, s.rn ORDER BY 1;
