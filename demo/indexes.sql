-- indexes.sql
--	What a warehouse has beside its primary keys: an index on the person of
--	every table that has one. Run after the load, which they would slow down.

SELECT format('CREATE INDEX ON omop.%I (person_id)', table_name)
FROM information_schema.columns
WHERE table_schema = 'omop' AND column_name = 'person_id' AND table_name <> 'person'
ORDER BY table_name \gexec

CREATE INDEX ON omop.note_nlp (note_id);
CREATE INDEX ON omop.concept_ancestor (descendant_concept_id, ancestor_concept_id);
CREATE INDEX ON omop.concept_relationship (concept_id_1);
ANALYZE;
