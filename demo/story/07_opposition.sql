--# 7. A person objects, and leaves both
--@ registrar
SELECT ehds.oppose(:'identity_1');

--| The analyst asks the same question again: the very next query counts one person less.
--@ analyst
SET search_path = permit_hydro_2026;
SELECT ehds.k_count(person_id) AS persons FROM :cond WHERE condition_concept_id = :concept;
--! SELECT ehds.k_count(person_id) AS count_now FROM :cond WHERE condition_concept_id = :concept \gset
-- assert :count_now = :count_before - 1 | the count fell by exactly one

--| The pipeline refreshes its extract, as it does every night.
--@ pipeline
CALL ehds.refresh_extract('cardio-2026');
SELECT count(*) AS persons FROM extract_cardio_2026.person;
--! SELECT count(*) AS extract_now FROM extract_cardio_2026.person \gset
-- assert :extract_now = :extract_before - 1 | the extract lost exactly one person

--| The mind can be changed as well, and no reason is asked.
--@ registrar
SELECT ehds.withdraw_opposition(:'identity_1');
--@ analyst
SET search_path = permit_hydro_2026;
--! SELECT ehds.k_count(person_id) AS count_now FROM :cond WHERE condition_concept_id = :concept \gset
-- assert :count_now = :count_before | the person is counted again
--@ registrar
SELECT ehds.oppose(:'identity_1', channel => 'portal');
