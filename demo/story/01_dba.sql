--# 1. The DBA declares what is protected
--| Everything is native PostgreSQL: an extension, roles, labels, schemas and views.
--@ dba
CREATE EXTENSION pg_ehds;
CREATE ROLE governance_1 LOGIN IN ROLE ehds_admin;
CREATE ROLE governance_2 LOGIN IN ROLE ehds_admin;
CREATE ROLE registrar LOGIN IN ROLE ehds_registrar;
CREATE ROLE auditor LOGIN IN ROLE ehds_auditor;
CREATE ROLE proj_hydro;
CREATE ROLE proj_cardio;
CREATE ROLE analyst LOGIN IN ROLE proj_hydro;
CREATE ROLE pipeline LOGIN IN ROLE proj_cardio;
CREATE ROLE dashboard LOGIN;

--| One call declares the whole model: tables about persons become protected, identifying columns are
--| labelled, vocabularies are declared public. It says what it did.
SELECT * FROM ehds.protect_model('omop-5.4', schema => 'omop');

--| Vocabularies hold codes, not persons, so everybody may read them.
GRANT USAGE ON SCHEMA omop TO PUBLIC;
GRANT SELECT ON omop.concept, omop.concept_ancestor TO PUBLIC;
\if :generated
--| Locations are départements in this warehouse. Where they are addresses they stay protected.
SECURITY LABEL FOR pg_ehds ON TABLE omop.location IS 'public';
GRANT SELECT ON omop.location TO PUBLIC;
\endif

--| A label is read by everything that comes later: bounds of a measurement, for instance.
SECURITY LABEL FOR pg_ehds ON COLUMN omop.measurement.value_as_number IS 'range 0..500 step 0.1';

--| And what is not protected? One query tells, with the remedy.
SELECT severity, object, finding FROM ehds.doctor();
--| Each finding comes with its remedy.
SELECT remedy FROM ehds.doctor() WHERE object = 'statistics';
SELECT * FROM ehds.harden() LIMIT 3;
