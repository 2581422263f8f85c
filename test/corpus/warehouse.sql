-- An OMOP warehouse for the corpora: 1,200 persons with stays, conditions, drugs,
-- measurements and deaths, the same ones on every run. The permit "corpus" has all
-- of it with the least k that a server allows, so that nearly every figure can be
-- compared with the native one; cells of one person are kept rare on purpose.
SET client_min_messages = warning;
CREATE SCHEMA omop;

-- 0 .. n-1, the same for the same words on every server
CREATE FUNCTION omop.pick(n integer, VARIADIC words text[]) RETURNS integer LANGUAGE sql IMMUTABLE
    AS $$ SELECT (('x' || substr(md5(array_to_string($2, '/')), 1, 7))::bit(28)::integer) % $1 $$;

CREATE TABLE omop.concept (
    concept_id integer PRIMARY KEY, concept_name text NOT NULL, domain_id text NOT NULL,
    vocabulary_id text NOT NULL, concept_class_id text NOT NULL, standard_concept text, concept_code text NOT NULL);
CREATE TABLE omop.concept_ancestor (
    ancestor_concept_id integer NOT NULL, descendant_concept_id integer NOT NULL,
    min_levels_of_separation integer NOT NULL, PRIMARY KEY (ancestor_concept_id, descendant_concept_id));
CREATE TABLE omop.care_site (care_site_id integer PRIMARY KEY, care_site_name text NOT NULL, region text NOT NULL);
CREATE TABLE omop.location (location_id integer PRIMARY KEY, department text NOT NULL, region text NOT NULL);
CREATE TABLE omop.person (
    person_id bigint PRIMARY KEY, gender_concept_id integer NOT NULL, year_of_birth integer NOT NULL,
    month_of_birth integer NOT NULL, birth_datetime timestamp NOT NULL, race_concept_id integer NOT NULL,
    location_id integer NOT NULL, person_source_value varchar(50) NOT NULL);
CREATE TABLE omop.observation_period (
    observation_period_id bigint PRIMARY KEY, person_id bigint NOT NULL UNIQUE,
    observation_period_start_date date NOT NULL, observation_period_end_date date NOT NULL);
CREATE TABLE omop.death (person_id bigint PRIMARY KEY, death_date date NOT NULL, cause_concept_id integer);
CREATE TABLE omop.visit_occurrence (
    visit_occurrence_id bigint PRIMARY KEY, person_id bigint NOT NULL, visit_concept_id integer NOT NULL,
    visit_start_date date NOT NULL, visit_start_datetime timestamp NOT NULL, visit_end_date date NOT NULL,
    visit_end_datetime timestamp NOT NULL, care_site_id integer NOT NULL, admitted_from text);
CREATE TABLE omop.condition_occurrence (
    condition_occurrence_id bigint PRIMARY KEY, person_id bigint NOT NULL, condition_concept_id integer NOT NULL,
    condition_start_date date NOT NULL, condition_end_date date, visit_occurrence_id bigint,
    condition_source_value varchar(20) NOT NULL);
CREATE TABLE omop.drug_exposure (
    drug_exposure_id bigint PRIMARY KEY, person_id bigint NOT NULL, drug_concept_id integer NOT NULL,
    drug_exposure_start_date date NOT NULL, drug_exposure_end_date date NOT NULL,
    days_supply integer, quantity numeric, route text);
CREATE TABLE omop.measurement (
    measurement_id bigint PRIMARY KEY, person_id bigint NOT NULL, measurement_concept_id integer NOT NULL,
    measurement_date date NOT NULL, value_as_number double precision, unit_source_value text,
    range_low double precision, range_high double precision, visit_occurrence_id bigint);
CREATE TABLE omop.procedure_occurrence (
    procedure_occurrence_id bigint PRIMARY KEY, person_id bigint NOT NULL, procedure_concept_id integer NOT NULL,
    procedure_date date NOT NULL, visit_occurrence_id bigint);
CREATE TABLE omop.cost (
    cost_id bigint PRIMARY KEY, person_id bigint NOT NULL, visit_occurrence_id bigint NOT NULL,
    total_charge numeric(12,2) NOT NULL, paid_by_patient numeric(12,2));

INSERT INTO omop.concept (concept_id, concept_name, domain_id, vocabulary_id, concept_class_id, standard_concept, concept_code) VALUES
    (8507, 'MALE', 'Gender', 'Gender', 'Gender', 'S', 'M'), (8532, 'FEMALE', 'Gender', 'Gender', 'Gender', 'S', 'F'),
    (8527, 'White', 'Race', 'Race', 'Race', 'S', '5'), (8515, 'Asian', 'Race', 'Race', 'Race', 'S', '2'), (8516, 'Black', 'Race', 'Race', 'Race', 'S', '3'),
    (9201, 'Inpatient Visit', 'Visit', 'Visit', 'Visit', 'S', 'IP'), (9202, 'Outpatient Visit', 'Visit', 'Visit', 'Visit', 'S', 'OP'),
    (9203, 'Emergency Room Visit', 'Visit', 'Visit', 'Visit', 'S', 'ER'),
    (134057, 'Disorder of cardiovascular system', 'Condition', 'SNOMED', 'Clinical Finding', 'S', '49601007'),
    (316866, 'Hypertensive disorder', 'Condition', 'SNOMED', 'Clinical Finding', 'S', '38341003'),
    (313217, 'Atrial fibrillation', 'Condition', 'SNOMED', 'Clinical Finding', 'S', '49436004'),
    (316139, 'Heart failure', 'Condition', 'SNOMED', 'Clinical Finding', 'S', '84114007'),
    (4329847, 'Myocardial infarction', 'Condition', 'SNOMED', 'Clinical Finding', 'S', '22298006'),
    (201820, 'Diabetes mellitus', 'Condition', 'SNOMED', 'Clinical Finding', 'S', '73211009'),
    (201826, 'Type 2 diabetes mellitus', 'Condition', 'SNOMED', 'Clinical Finding', 'S', '44054006'),
    (201254, 'Type 1 diabetes mellitus', 'Condition', 'SNOMED', 'Clinical Finding', 'S', '46635009'),
    (320136, 'Disorder of respiratory system', 'Condition', 'SNOMED', 'Clinical Finding', 'S', '50043002'),
    (317009, 'Asthma', 'Condition', 'SNOMED', 'Clinical Finding', 'S', '195967001'),
    (255573, 'Chronic obstructive lung disease', 'Condition', 'SNOMED', 'Clinical Finding', 'S', '13645005'),
    (260139, 'Acute bronchitis', 'Condition', 'SNOMED', 'Clinical Finding', 'S', '10509002'),
    (440383, 'Depressive disorder', 'Condition', 'SNOMED', 'Clinical Finding', 'S', '35489007'),
    (433736, 'Obesity', 'Condition', 'SNOMED', 'Clinical Finding', 'S', '414916001'),
    (80180, 'Osteoarthritis', 'Condition', 'SNOMED', 'Clinical Finding', 'S', '396275006'),
    (192671, 'Gastrointestinal hemorrhage', 'Condition', 'SNOMED', 'Clinical Finding', 'S', '74474003'),
    (21600712, 'Drugs used in diabetes', 'Drug', 'ATC', 'ATC 2nd', 'C', 'A10'),
    (1503297, 'metformin', 'Drug', 'RxNorm', 'Ingredient', 'S', '6809'), (1516766, 'insulin glargine', 'Drug', 'RxNorm', 'Ingredient', 'S', '274783'),
    (1308216, 'lisinopril', 'Drug', 'RxNorm', 'Ingredient', 'S', '29046'), (1545958, 'atorvastatin', 'Drug', 'RxNorm', 'Ingredient', 'S', '83367'),
    (1310149, 'warfarin', 'Drug', 'RxNorm', 'Ingredient', 'S', '11289'), (43013024, 'apixaban', 'Drug', 'RxNorm', 'Ingredient', 'S', '1364430'),
    (1154343, 'albuterol', 'Drug', 'RxNorm', 'Ingredient', 'S', '435'), (1118084, 'celecoxib', 'Drug', 'RxNorm', 'Ingredient', 'S', '140587'),
    (1124300, 'diclofenac', 'Drug', 'RxNorm', 'Ingredient', 'S', '3355'), (739138, 'sertraline', 'Drug', 'RxNorm', 'Ingredient', 'S', '36437'),
    (3004410, 'Hemoglobin A1c', 'Measurement', 'LOINC', 'Lab Test', 'S', '4548-4'), (3016723, 'Creatinine', 'Measurement', 'LOINC', 'Lab Test', 'S', '2160-0'),
    (3004249, 'Systolic blood pressure', 'Measurement', 'LOINC', 'Clinical Observation', 'S', '8480-6'),
    (3012888, 'Diastolic blood pressure', 'Measurement', 'LOINC', 'Clinical Observation', 'S', '8462-4'),
    (3025315, 'Body weight', 'Measurement', 'LOINC', 'Clinical Observation', 'S', '29463-7'), (3036277, 'Body height', 'Measurement', 'LOINC', 'Clinical Observation', 'S', '8302-2'),
    (2313816, 'Electrocardiogram', 'Procedure', 'CPT4', 'CPT4', 'S', '93000'), (4249893, 'Colonoscopy', 'Procedure', 'SNOMED', 'Procedure', 'S', '73761001'),
    (4203722, 'Chest X-ray', 'Procedure', 'SNOMED', 'Procedure', 'S', '399208008');
INSERT INTO omop.concept_ancestor
SELECT a, d, CASE WHEN a = d THEN 0 ELSE 1 END
FROM (VALUES (134057, 316866), (134057, 313217), (134057, 316139), (134057, 4329847), (201820, 201826), (201820, 201254),
             (320136, 317009), (320136, 255573), (320136, 260139), (21600712, 1503297), (21600712, 1516766)) v(a, d)
UNION ALL SELECT concept_id, concept_id, 0 FROM omop.concept WHERE domain_id IN ('Condition', 'Drug');
INSERT INTO omop.care_site VALUES (1, 'Hospital Center', 'Ile-de-France'), (2, 'Clinic North', 'Hauts-de-France'),
    (3, 'Hospital South', 'Occitanie'), (4, 'University Hospital West', 'Bretagne');
INSERT INTO omop.location
SELECT i, (ARRAY['75', '92', '59', '62', '31', '34', '35', '29'])[i], (ARRAY['Ile-de-France', 'Hauts-de-France', 'Occitanie', 'Bretagne'])[(i + 1) / 2]
FROM generate_series(1, 8) i;

INSERT INTO omop.person
SELECT i, CASE WHEN omop.pick(2, 'sex', i::text) = 0 THEN 8507 ELSE 8532 END, y, m, make_timestamp(y, m, 15, 6, 0, 0),
    (ARRAY[8527, 8527, 8527, 8515, 8516])[1 + omop.pick(5, 'race', i::text)], 1 + omop.pick(8, 'home', i::text), 'IPP' || (7000000 + i)
FROM generate_series(1, 1200) i, LATERAL (SELECT 1930 + omop.pick(75, 'year', i::text) AS y, 1 + omop.pick(12, 'month', i::text) AS m) b;
INSERT INTO omop.observation_period
SELECT person_id, person_id, date '2018-01-01' + omop.pick(365, 'from', person_id::text), date '2022-12-31' - omop.pick(200, 'to', person_id::text)
FROM omop.person;

INSERT INTO omop.visit_occurrence
SELECT person_id * 100 + v, person_id, kind, d, d + make_interval(hours => 8 + omop.pick(10, 'hour', person_id::text, v::text)),
    d + stay, d + stay + interval '18 hours', 1 + omop.pick(4, 'site', person_id::text, v::text),
    (ARRAY['home', 'home', 'transfer', NULL])[1 + omop.pick(4, 'admitted', person_id::text, v::text)]
FROM omop.person, generate_series(1, 8) v,
    LATERAL (SELECT (ARRAY[9202, 9202, 9202, 9201, 9203])[1 + omop.pick(5, 'kind', person_id::text, v::text)] AS kind,
                    date '2019-01-01' + omop.pick(1400, 'day', person_id::text, v::text) AS d) x,
    LATERAL (SELECT CASE WHEN kind = 9201 THEN 1 + omop.pick(12, 'stay', person_id::text, v::text) ELSE 0 END AS stay) s
WHERE v <= 2 + omop.pick(7, 'visits', person_id::text);
INSERT INTO omop.condition_occurrence
SELECT row_number() OVER (ORDER BY person_id, c, r), person_id, c, d, CASE WHEN omop.pick(3, 'open', person_id::text, c::text, r::text) > 0 THEN d + 10 + omop.pick(90, 'end', person_id::text, c::text) END,
    person_id * 100 + 1 + omop.pick(2, 'at', person_id::text, c::text, r::text), code
FROM omop.person,
    (VALUES (316866, 40, 'I10'), (313217, 12, 'I48.9'), (316139, 14, 'I50.0'), (4329847, 8, 'I21.9'), (201826, 25, 'E11.9'), (201254, 5, 'E10.9'),
            (317009, 15, 'J45.0'), (255573, 12, 'J44.1'), (260139, 30, 'J20.9'), (440383, 20, 'F32.1'), (433736, 22, 'E66.0'), (80180, 28, 'M19.9'), (192671, 6, 'K92.2')) k(c, percent, code),
    generate_series(1, 3) r,
    LATERAL (SELECT date '2019-01-01' + omop.pick(1300, 'onset', person_id::text, c::text) + (r - 1) * 45 AS d) x
WHERE omop.pick(100, 'has', person_id::text, c::text) < percent + CASE WHEN year_of_birth < 1965 THEN percent / 2 ELSE 0 END
  AND r <= 1 + omop.pick(3, 'often', person_id::text, c::text);
INSERT INTO omop.drug_exposure
SELECT row_number() OVER (ORDER BY c.person_id, k.drug, c.condition_occurrence_id, r), c.person_id, k.drug, d,
    d + supply - 1, CASE WHEN omop.pick(10, 'supply?', c.condition_occurrence_id::text, r::text) > 0 THEN supply END, supply * (1 + omop.pick(2, 'dose', c.condition_occurrence_id::text)), 'oral'
FROM omop.condition_occurrence c
JOIN (VALUES (201826, 1503297), (201826, 1516766), (201254, 1516766), (316866, 1308216), (316866, 1545958), (313217, 1310149), (313217, 43013024),
             (317009, 1154343), (255573, 1154343), (80180, 1118084), (80180, 1124300), (440383, 739138)) k(condition, drug) ON k.condition = c.condition_concept_id,
    generate_series(1, 3) r,
    LATERAL (SELECT c.condition_start_date + 5 + omop.pick(40, 'start', c.condition_occurrence_id::text, k.drug::text) + (r - 1) * 30 AS d,
                    (ARRAY[28, 30, 30, 60, 90])[1 + omop.pick(5, 'pack', c.condition_occurrence_id::text, k.drug::text)] AS supply) x
WHERE omop.pick(10, 'treated', c.person_id::text, k.drug::text) < 6 AND r <= 1 + omop.pick(3, 'refills', c.condition_occurrence_id::text, k.drug::text);
INSERT INTO omop.measurement
SELECT row_number() OVER (ORDER BY visit_occurrence_id, m), person_id, m, visit_start_date,
    CASE WHEN omop.pick(20, 'missing', visit_occurrence_id::text, m::text) > 0 THEN low + (omop.pick(1000, 'value', visit_occurrence_id::text, m::text) * (high - low) / 1000)::numeric(8,1) END,
    unit, low + (high - low) / 4, high - (high - low) / 4, visit_occurrence_id
FROM omop.visit_occurrence,
    (VALUES (3004410, 4.5, 12.5, '%'), (3016723, 0.4, 4.4, 'mg/dL'), (3004249, 90, 210, 'mmHg'), (3012888, 50, 120, 'mmHg'), (3025315, 45, 125, 'kg'), (3036277, 145, 200, 'cm')) k(m, low, high, unit)
WHERE omop.pick(10, 'measured', visit_occurrence_id::text, m::text) < 4;
INSERT INTO omop.procedure_occurrence
SELECT row_number() OVER (ORDER BY visit_occurrence_id, p), person_id, p, visit_start_date, visit_occurrence_id
FROM omop.visit_occurrence, (VALUES (2313816, 30), (4249893, 8), (4203722, 20)) k(p, percent)
WHERE omop.pick(100, 'procedure', visit_occurrence_id::text, p::text) < percent;
INSERT INTO omop.cost
SELECT visit_occurrence_id, person_id, visit_occurrence_id, 40 + 10 * omop.pick(40, 'charge', visit_occurrence_id::text) + 600 * (visit_end_date - visit_start_date),
    CASE WHEN omop.pick(5, 'paid?', visit_occurrence_id::text) > 0 THEN 5 + omop.pick(60, 'paid', visit_occurrence_id::text) END
FROM omop.visit_occurrence;
INSERT INTO omop.death
SELECT person_id, date '2021-01-01' + omop.pick(700, 'death', person_id::text), (ARRAY[316139, 4329847, 255573, NULL])[1 + omop.pick(4, 'cause', person_id::text)]
FROM omop.person WHERE omop.pick(100, 'dies', person_id::text) < CASE WHEN year_of_birth < 1950 THEN 35 ELSE 4 END;
CREATE INDEX ON omop.condition_occurrence (condition_concept_id);
CREATE INDEX ON omop.visit_occurrence (person_id);
ANALYZE;

CREATE ROLE c_governor LOGIN;
CREATE ROLE c_governor2 LOGIN;
CREATE ROLE c_owner LOGIN;
CREATE ROLE c_project NOLOGIN;
CREATE ROLE c_analyst LOGIN;
GRANT ehds_admin TO c_governor, c_governor2;
GRANT c_project TO c_analyst;
-- what the owner of the data may do without a permit: the native side of each comparison
GRANT USAGE ON SCHEMA omop TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA omop TO c_owner;
CREATE SCHEMA c_owner AUTHORIZATION c_owner;
CREATE SCHEMA c_analyst AUTHORIZATION c_analyst;
GRANT SELECT ON omop.concept, omop.concept_ancestor, omop.care_site, omop.location TO PUBLIC;
DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database()); END $$;

SELECT ehds.protect_model('omop-5.4', schema => 'omop');
SELECT ehds.protect('omop.cost', subject => 'person_id');
SECURITY LABEL FOR pg_ehds ON TABLE omop.care_site IS 'public';
SECURITY LABEL FOR pg_ehds ON TABLE omop.location IS 'public';
-- the least k, so that answers can be compared; 0 shown as 0
ALTER SYSTEM SET ehds.k_floor = 2;
ALTER SYSTEM SET ehds.show_zero = on;
SELECT pg_reload_conf();
SELECT pg_sleep(0.2);
SET ehds.k_floor = 2;
SET SESSION AUTHORIZATION c_governor;
SELECT ehds.issue_permit('corpus', grantee => 'c_project', purpose => 'research', output => 'statistics', valid_until => '2099-12-31', k => 2);
SELECT ehds.permit_table('corpus', t::regclass)
FROM unnest(ARRAY['omop.person', 'omop.observation_period', 'omop.death', 'omop.visit_occurrence', 'omop.condition_occurrence', 'omop.drug_exposure',
                  'omop.measurement', 'omop.procedure_occurrence', 'omop.cost']) t;
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION c_governor2;
SELECT ehds.activate_permit('corpus');
RESET SESSION AUTHORIZATION;
RESET client_min_messages;
