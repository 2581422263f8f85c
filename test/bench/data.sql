-- data.sql
--	The tables of the benchmark: :rows stays of :rows / 5 subjects in 13 regions
--	with 1,500 codes of very unequal frequency. Hashes of row numbers, so every
--	run has the same rows.

CREATE SCHEMA bench;

CREATE FUNCTION pg_temp.u(stream bigint, n bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE AS
'SELECT ((hashint8extended(n, stream) >> 11) & 9007199254740991) / 9007199254740992.0::double precision';

CREATE TABLE bench.stay (
	stay_id bigint NOT NULL,
	person_id bigint NOT NULL,
	region integer NOT NULL,
	code integer NOT NULL,
	days integer NOT NULL
);

-- Skewed: a tenth of the subjects has a third of the stays. Nine stays in ten are
-- in the subject's own region, so that a subject is in more than one.
INSERT INTO bench.stay
SELECT n, person_id,
	1 + floor(13 * (CASE WHEN pg_temp.u(3, n) < 0.9 THEN pg_temp.u(4, person_id) ELSE pg_temp.u(5, n) END) ^ 1.5),
	width_bucket(pg_temp.u(6, n), (SELECT array_agg(b ORDER BY r) FROM (
		SELECT r, sum(r::float8 ^ -1.1) OVER (ORDER BY r) / sum(r::float8 ^ -1.1) OVER () AS b
		FROM generate_series(1, 1500) r) s)) + 1,
	floor(-5 * ln(1 - pg_temp.u(7, n)))
FROM (SELECT n, 1 + floor(:rows / 5 * pg_temp.u(2, n) ^ 1.5)::bigint AS person_id
	FROM generate_series(1, :rows) n) s;

-- The same stays, with subjects of other types; narrow, so that the native query
-- does not pay for columns which it does not read.
CREATE TABLE bench.stay_text AS
SELECT '80' || lpad(person_id::text, 8, '0') AS person, region FROM bench.stay;
CREATE TABLE bench.stay_uuid AS
SELECT md5(person_id::text)::uuid AS person, region FROM bench.stay;

-- One row a subject.
CREATE TABLE bench.subject AS
SELECT n AS person_id, 1 + floor(13 * pg_temp.u(4, n) ^ 1.5)::integer AS region
FROM generate_series(1::bigint, :rows / 5) n;
ALTER TABLE bench.subject ADD PRIMARY KEY (person_id);

CREATE TABLE bench.tiny AS SELECT n AS person_id FROM generate_series(1::bigint, 1000) n;
-- so small that a query of it costs little but its charge
CREATE TABLE bench.one AS SELECT 1::bigint AS person_id;

-- Five tables whose queries cost their planning only.
CREATE TABLE bench.person (person_id bigint PRIMARY KEY, birth_year integer, sex integer);
CREATE TABLE bench.visit (visit_id bigint PRIMARY KEY, person_id bigint NOT NULL, kind integer, starts date);
CREATE TABLE bench.condition (person_id bigint NOT NULL, visit_id bigint, concept_id integer, starts date);
CREATE TABLE bench.drug (person_id bigint NOT NULL, visit_id bigint, concept_id integer, starts date);
CREATE TABLE bench.measurement (person_id bigint NOT NULL, visit_id bigint, concept_id integer, measured date, value integer);
CREATE INDEX ON bench.visit (person_id);
CREATE INDEX ON bench.condition (person_id, concept_id);
CREATE INDEX ON bench.drug (person_id, concept_id);
CREATE INDEX ON bench.measurement (person_id, concept_id);

VACUUM (FREEZE, ANALYZE) bench.person, bench.visit, bench.condition, bench.drug, bench.measurement;
VACUUM (FREEZE, ANALYZE) bench.stay;
VACUUM (FREEZE, ANALYZE) bench.stay_text;
VACUUM (FREEZE, ANALYZE) bench.stay_uuid;
VACUUM (FREEZE, ANALYZE) bench.subject;
VACUUM (FREEZE, ANALYZE) bench.tiny;
VACUUM (FREEZE, ANALYZE) bench.one;
CHECKPOINT;
