--# 6. A project's pipeline makes its extract
--| Training an algorithm needs rows. They leave pseudonymised, never called anonymous, and only the
--| columns that the permit names.
--@ governance_1
SELECT ehds.issue_permit('cardio-2026', grantee => 'proj_cardio', purpose => 'research',
                         output => 'pseudonymised', valid_until => :'until');
SELECT ehds.permit_table('cardio-2026', 'omop.person',
                         columns => '{person_id,gender_concept_id,year_of_birth}');
SELECT ehds.permit_table('cardio-2026', :'cond_table');
--@ governance_2
SELECT ehds.activate_permit('cardio-2026');

--@ pipeline
CALL ehds.extract('cardio-2026');
SELECT * FROM extract_cardio_2026.person ORDER BY person_id LIMIT 3;
SELECT person_id, condition_concept_id FROM extract_cardio_2026.:cond ORDER BY 1, 2 LIMIT 3;

--| The manifest can be archived with the project's results.
SELECT jsonb_pretty(ehds.manifest('cardio-2026')) AS manifest;

--| The function that makes pseudonyms is no oracle: nobody can ask it for a chosen person's.
-- expect ZE004
SELECT ehds.pseudonym(:'identity_1', 'cardio-2026', 'subject', NULL);
--! SELECT count(*) AS extract_before FROM extract_cardio_2026.person \gset

--@ dba
--| The DBA compares with the warehouse: everybody is there but the person who opposed by letter.
SELECT count(*) AS persons, count(*) FILTER (WHERE :identity_column = :'identity_2') AS opposed
FROM omop.person;
-- assert :extract_before = (SELECT count(*) FROM omop.person WHERE :identity_column <> :'identity_2') | the extract holds every person of the warehouse except the one who opposed
