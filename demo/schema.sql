-- schema.sql
--	The tables of OMOP CDM 5.4 (OHDSI, github.com/OHDSI/CommonDataModel) in schema omop.
--
-- Three liberties, all so that a real export loads as it is:
-- - keys of persons and events are bigint where the model says integer, because
--   warehouses with billions of rows and hashed keys are common;
-- - varchar(n) is text: a length that is exceeded protects nobody;
-- - only primary keys are NOT NULL. A row without a person belongs to nobody
--   and is never released, so it need not stop a load.
-- There are no foreign keys: exports are loaded in any order and are not
-- always complete.

CREATE SCHEMA omop;
COMMENT ON SCHEMA omop IS 'OMOP CDM 5.4';

-- Clinical data ---------------------------------------------------------------

CREATE TABLE omop.person (
	person_id bigint PRIMARY KEY,
	gender_concept_id integer,
	year_of_birth integer,
	month_of_birth integer,
	day_of_birth integer,
	birth_datetime timestamp,
	race_concept_id integer,
	ethnicity_concept_id integer,
	location_id bigint,
	provider_id bigint,
	care_site_id bigint,
	person_source_value text,
	gender_source_value text,
	gender_source_concept_id integer,
	race_source_value text,
	race_source_concept_id integer,
	ethnicity_source_value text,
	ethnicity_source_concept_id integer
);

CREATE TABLE omop.observation_period (
	observation_period_id bigint PRIMARY KEY,
	person_id bigint,
	observation_period_start_date date,
	observation_period_end_date date,
	period_type_concept_id integer
);

CREATE TABLE omop.visit_occurrence (
	visit_occurrence_id bigint PRIMARY KEY,
	person_id bigint,
	visit_concept_id integer,
	visit_start_date date,
	visit_start_datetime timestamp,
	visit_end_date date,
	visit_end_datetime timestamp,
	visit_type_concept_id integer,
	provider_id bigint,
	care_site_id bigint,
	visit_source_value text,
	visit_source_concept_id integer,
	admitted_from_concept_id integer,
	admitted_from_source_value text,
	discharged_to_concept_id integer,
	discharged_to_source_value text,
	preceding_visit_occurrence_id bigint
);

CREATE TABLE omop.visit_detail (
	visit_detail_id bigint PRIMARY KEY,
	person_id bigint,
	visit_detail_concept_id integer,
	visit_detail_start_date date,
	visit_detail_start_datetime timestamp,
	visit_detail_end_date date,
	visit_detail_end_datetime timestamp,
	visit_detail_type_concept_id integer,
	provider_id bigint,
	care_site_id bigint,
	visit_detail_source_value text,
	visit_detail_source_concept_id integer,
	admitted_from_concept_id integer,
	admitted_from_source_value text,
	discharged_to_source_value text,
	discharged_to_concept_id integer,
	preceding_visit_detail_id bigint,
	parent_visit_detail_id bigint,
	visit_occurrence_id bigint
);

CREATE TABLE omop.condition_occurrence (
	condition_occurrence_id bigint PRIMARY KEY,
	person_id bigint,
	condition_concept_id integer,
	condition_start_date date,
	condition_start_datetime timestamp,
	condition_end_date date,
	condition_end_datetime timestamp,
	condition_type_concept_id integer,
	condition_status_concept_id integer,
	stop_reason text,
	provider_id bigint,
	visit_occurrence_id bigint,
	visit_detail_id bigint,
	condition_source_value text,
	condition_source_concept_id integer,
	condition_status_source_value text
);

CREATE TABLE omop.drug_exposure (
	drug_exposure_id bigint PRIMARY KEY,
	person_id bigint,
	drug_concept_id integer,
	drug_exposure_start_date date,
	drug_exposure_start_datetime timestamp,
	drug_exposure_end_date date,
	drug_exposure_end_datetime timestamp,
	verbatim_end_date date,
	drug_type_concept_id integer,
	stop_reason text,
	refills integer,
	quantity numeric,
	days_supply integer,
	sig text,
	route_concept_id integer,
	lot_number text,
	provider_id bigint,
	visit_occurrence_id bigint,
	visit_detail_id bigint,
	drug_source_value text,
	drug_source_concept_id integer,
	route_source_value text,
	dose_unit_source_value text
);

CREATE TABLE omop.procedure_occurrence (
	procedure_occurrence_id bigint PRIMARY KEY,
	person_id bigint,
	procedure_concept_id integer,
	procedure_date date,
	procedure_datetime timestamp,
	procedure_end_date date,
	procedure_end_datetime timestamp,
	procedure_type_concept_id integer,
	modifier_concept_id integer,
	quantity integer,
	provider_id bigint,
	visit_occurrence_id bigint,
	visit_detail_id bigint,
	procedure_source_value text,
	procedure_source_concept_id integer,
	modifier_source_value text
);

CREATE TABLE omop.device_exposure (
	device_exposure_id bigint PRIMARY KEY,
	person_id bigint,
	device_concept_id integer,
	device_exposure_start_date date,
	device_exposure_start_datetime timestamp,
	device_exposure_end_date date,
	device_exposure_end_datetime timestamp,
	device_type_concept_id integer,
	unique_device_id text,
	production_id text,
	quantity integer,
	provider_id bigint,
	visit_occurrence_id bigint,
	visit_detail_id bigint,
	device_source_value text,
	device_source_concept_id integer,
	unit_concept_id integer,
	unit_source_value text,
	unit_source_concept_id integer
);

CREATE TABLE omop.measurement (
	measurement_id bigint PRIMARY KEY,
	person_id bigint,
	measurement_concept_id integer,
	measurement_date date,
	measurement_datetime timestamp,
	measurement_time text,
	measurement_type_concept_id integer,
	operator_concept_id integer,
	value_as_number numeric,
	value_as_concept_id integer,
	unit_concept_id integer,
	range_low numeric,
	range_high numeric,
	provider_id bigint,
	visit_occurrence_id bigint,
	visit_detail_id bigint,
	measurement_source_value text,
	measurement_source_concept_id integer,
	unit_source_value text,
	unit_source_concept_id integer,
	value_source_value text,
	measurement_event_id bigint,
	meas_event_field_concept_id integer
);

CREATE TABLE omop.observation (
	observation_id bigint PRIMARY KEY,
	person_id bigint,
	observation_concept_id integer,
	observation_date date,
	observation_datetime timestamp,
	observation_type_concept_id integer,
	value_as_number numeric,
	value_as_string text,
	value_as_concept_id integer,
	qualifier_concept_id integer,
	unit_concept_id integer,
	provider_id bigint,
	visit_occurrence_id bigint,
	visit_detail_id bigint,
	observation_source_value text,
	observation_source_concept_id integer,
	unit_source_value text,
	qualifier_source_value text,
	value_source_value text,
	observation_event_id bigint,
	obs_event_field_concept_id integer
);

CREATE TABLE omop.death (
	person_id bigint,
	death_date date,
	death_datetime timestamp,
	death_type_concept_id integer,
	cause_concept_id integer,
	cause_source_value text,
	cause_source_concept_id integer
);

CREATE TABLE omop.note (
	note_id bigint PRIMARY KEY,
	person_id bigint,
	note_date date,
	note_datetime timestamp,
	note_type_concept_id integer,
	note_class_concept_id integer,
	note_title text,
	note_text text,
	encoding_concept_id integer,
	language_concept_id integer,
	provider_id bigint,
	visit_occurrence_id bigint,
	visit_detail_id bigint,
	note_source_value text,
	note_event_id bigint,
	note_event_field_concept_id integer
);

-- No person column: a row is about the person of its note.
CREATE TABLE omop.note_nlp (
	note_nlp_id bigint PRIMARY KEY,
	note_id bigint,
	section_concept_id integer,
	snippet text,
	"offset" text,
	lexical_variant text,
	note_nlp_concept_id integer,
	note_nlp_source_concept_id integer,
	nlp_system text,
	nlp_date date,
	nlp_datetime timestamp,
	term_exists text,
	term_temporal text,
	term_modifiers text
);

CREATE TABLE omop.specimen (
	specimen_id bigint PRIMARY KEY,
	person_id bigint,
	specimen_concept_id integer,
	specimen_type_concept_id integer,
	specimen_date date,
	specimen_datetime timestamp,
	quantity numeric,
	unit_concept_id integer,
	anatomic_site_concept_id integer,
	disease_status_concept_id integer,
	specimen_source_id text,
	specimen_source_value text,
	unit_source_value text,
	anatomic_site_source_value text,
	disease_status_source_value text
);

CREATE TABLE omop.fact_relationship (
	domain_concept_id_1 integer,
	fact_id_1 bigint,
	domain_concept_id_2 integer,
	fact_id_2 bigint,
	relationship_concept_id integer
);

-- Health system ---------------------------------------------------------------

CREATE TABLE omop.location (
	location_id bigint PRIMARY KEY,
	address_1 text,
	address_2 text,
	city text,
	state text,
	zip text,
	county text,
	location_source_value text,
	country_concept_id integer,
	country_source_value text,
	latitude numeric,
	longitude numeric
);

CREATE TABLE omop.care_site (
	care_site_id bigint PRIMARY KEY,
	care_site_name text,
	place_of_service_concept_id integer,
	location_id bigint,
	care_site_source_value text,
	place_of_service_source_value text
);

CREATE TABLE omop.provider (
	provider_id bigint PRIMARY KEY,
	provider_name text,
	npi text,
	dea text,
	specialty_concept_id integer,
	care_site_id bigint,
	year_of_birth integer,
	gender_concept_id integer,
	provider_source_value text,
	specialty_source_value text,
	specialty_source_concept_id integer,
	gender_source_value text,
	gender_source_concept_id integer
);

-- Health economics ------------------------------------------------------------

CREATE TABLE omop.payer_plan_period (
	payer_plan_period_id bigint PRIMARY KEY,
	person_id bigint,
	payer_plan_period_start_date date,
	payer_plan_period_end_date date,
	payer_concept_id integer,
	payer_source_value text,
	payer_source_concept_id integer,
	plan_concept_id integer,
	plan_source_value text,
	plan_source_concept_id integer,
	sponsor_concept_id integer,
	sponsor_source_value text,
	sponsor_source_concept_id integer,
	family_source_value text,
	stop_reason_concept_id integer,
	stop_reason_source_value text,
	stop_reason_source_concept_id integer
);

CREATE TABLE omop.cost (
	cost_id bigint PRIMARY KEY,
	cost_event_id bigint,
	cost_domain_id text,
	cost_type_concept_id integer,
	currency_concept_id integer,
	total_charge numeric,
	total_cost numeric,
	total_paid numeric,
	paid_by_payer numeric,
	paid_by_patient numeric,
	paid_patient_copay numeric,
	paid_patient_coinsurance numeric,
	paid_patient_deductible numeric,
	paid_by_primary numeric,
	paid_ingredient_cost numeric,
	paid_dispensing_fee numeric,
	payer_plan_period_id bigint,
	amount_allowed numeric,
	revenue_code_concept_id integer,
	revenue_code_source_value text,
	drg_concept_id integer,
	drg_source_value text
);

-- Derived elements ------------------------------------------------------------

CREATE TABLE omop.condition_era (
	condition_era_id bigint PRIMARY KEY,
	person_id bigint,
	condition_concept_id integer,
	condition_era_start_date date,
	condition_era_end_date date,
	condition_occurrence_count integer
);

CREATE TABLE omop.drug_era (
	drug_era_id bigint PRIMARY KEY,
	person_id bigint,
	drug_concept_id integer,
	drug_era_start_date date,
	drug_era_end_date date,
	drug_exposure_count integer,
	gap_days integer
);

CREATE TABLE omop.dose_era (
	dose_era_id bigint PRIMARY KEY,
	person_id bigint,
	drug_concept_id integer,
	unit_concept_id integer,
	dose_value numeric,
	dose_era_start_date date,
	dose_era_end_date date
);

CREATE TABLE omop.episode (
	episode_id bigint PRIMARY KEY,
	person_id bigint,
	episode_concept_id integer,
	episode_start_date date,
	episode_start_datetime timestamp,
	episode_end_date date,
	episode_end_datetime timestamp,
	episode_parent_id bigint,
	episode_number integer,
	episode_object_concept_id integer,
	episode_type_concept_id integer,
	episode_source_value text,
	episode_source_concept_id integer
);

CREATE TABLE omop.episode_event (
	episode_id bigint,
	event_id bigint,
	episode_event_field_concept_id integer
);

-- Results ---------------------------------------------------------------------

CREATE TABLE omop.cohort (
	cohort_definition_id bigint,
	subject_id bigint,
	cohort_start_date date,
	cohort_end_date date
);

CREATE TABLE omop.cohort_definition (
	cohort_definition_id bigint,
	cohort_definition_name text,
	cohort_definition_description text,
	definition_type_concept_id integer,
	cohort_definition_syntax text,
	subject_concept_id integer,
	cohort_initiation_date date
);

-- Metadata --------------------------------------------------------------------

CREATE TABLE omop.cdm_source (
	cdm_source_name text,
	cdm_source_abbreviation text,
	cdm_holder text,
	source_description text,
	source_documentation_reference text,
	cdm_etl_reference text,
	source_release_date date,
	cdm_release_date date,
	cdm_version text,
	cdm_version_concept_id integer,
	vocabulary_version text
);

CREATE TABLE omop.metadata (
	metadata_id bigint,
	metadata_concept_id integer,
	metadata_type_concept_id integer,
	name text,
	value_as_string text,
	value_as_concept_id integer,
	value_as_number numeric,
	metadata_date date,
	metadata_datetime timestamp
);

-- Vocabularies: knowledge about codes, nothing about persons --------------------

CREATE TABLE omop.concept (
	concept_id integer PRIMARY KEY,
	concept_name text,
	domain_id text,
	vocabulary_id text,
	concept_class_id text,
	standard_concept text,
	concept_code text,
	valid_start_date date,
	valid_end_date date,
	invalid_reason text
);

CREATE TABLE omop.vocabulary (
	vocabulary_id text PRIMARY KEY,
	vocabulary_name text,
	vocabulary_reference text,
	vocabulary_version text,
	vocabulary_concept_id integer
);

CREATE TABLE omop.domain (
	domain_id text PRIMARY KEY,
	domain_name text,
	domain_concept_id integer
);

CREATE TABLE omop.concept_class (
	concept_class_id text PRIMARY KEY,
	concept_class_name text,
	concept_class_concept_id integer
);

CREATE TABLE omop.relationship (
	relationship_id text PRIMARY KEY,
	relationship_name text,
	is_hierarchical text,
	defines_ancestry text,
	reverse_relationship_id text,
	relationship_concept_id integer
);

CREATE TABLE omop.concept_relationship (
	concept_id_1 integer,
	concept_id_2 integer,
	relationship_id text,
	valid_start_date date,
	valid_end_date date,
	invalid_reason text
);

CREATE TABLE omop.concept_synonym (
	concept_id integer,
	concept_synonym_name text,
	language_concept_id integer
);

CREATE TABLE omop.concept_ancestor (
	ancestor_concept_id integer,
	descendant_concept_id integer,
	min_levels_of_separation integer,
	max_levels_of_separation integer
);

CREATE TABLE omop.source_to_concept_map (
	source_code text,
	source_concept_id integer,
	source_vocabulary_id text,
	source_code_description text,
	target_concept_id integer,
	target_vocabulary_id text,
	valid_start_date date,
	valid_end_date date,
	invalid_reason text
);

CREATE TABLE omop.drug_strength (
	drug_concept_id integer,
	ingredient_concept_id integer,
	amount_value numeric,
	amount_unit_concept_id integer,
	numerator_value numeric,
	numerator_unit_concept_id integer,
	denominator_value numeric,
	denominator_unit_concept_id integer,
	box_size integer,
	valid_start_date date,
	valid_end_date date,
	invalid_reason text
);

CREATE INDEX ON omop.person (person_source_value);
