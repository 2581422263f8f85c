--# 4. The analyst writes ordinary SQL
--@ analyst
SELECT permit, status, output, k, valid_until FROM ehds.my_permits;

--| The permit's views are reached like any table; no setting is needed. Counts of persons are shown
--| from 11 on; smaller cells are left out, and a NOTICE says so.
SET search_path = permit_hydro_2026;
SELECT concept_name, count(DISTINCT person_id) AS persons
FROM :cond JOIN omop.concept ON concept_id = condition_concept_id
GROUP BY 1 ORDER BY 2 DESC LIMIT 12;

--| The k aggregates say the same in their own words. Rows are NULL where too few persons stand out by them.
SELECT gender_concept_id, ehds.k_count(person_id) AS persons, ehds.k_rows(person_id) AS conditions
FROM person JOIN :cond USING (person_id)
WHERE condition_concept_id = :concept
GROUP BY gender_concept_id ORDER BY 1;
\if :generated

--| Rare diseases have 1 to 10 persons in this warehouse. None of them is shown, whatever the question.
SELECT concept_name, count(DISTINCT person_id) AS persons
FROM :cond JOIN omop.concept ON concept_id = condition_concept_id
           JOIN omop.concept_ancestor ON descendant_concept_id = condition_concept_id
WHERE ancestor_concept_id = 2000007002 AND min_levels_of_separation = 1
GROUP BY 1;

SELECT state AS region, count(DISTINCT person_id) AS persons
FROM person JOIN :cond USING (person_id) JOIN omop.location USING (location_id)
WHERE condition_concept_id = :concept
GROUP BY 1 ORDER BY 2 DESC;
\endif

--| What would show single persons is refused, and the message says what to write instead.
-- expect ZE002
SELECT * FROM person;
-- expect ZE002
SELECT person_id, count(*) FROM :cond GROUP BY person_id;
-- expect ZE002
SELECT concept_name, max(person_id)
FROM :cond JOIN omop.concept ON concept_id = condition_concept_id GROUP BY 1;

--| The tables behind the views are out of reach, and another permit's views too.
-- expect 42501
SELECT count(*) FROM omop.person;
-- expect 42501
SELECT person_source_value FROM omop.person LIMIT 1;

--| How many persons with this condition? The number is kept for later in the story.
SELECT ehds.k_count(person_id) AS persons FROM :cond WHERE condition_concept_id = :concept;
--! SELECT ehds.k_count(person_id) AS count_before FROM :cond WHERE condition_concept_id = :concept \gset
