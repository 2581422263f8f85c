--# 5. An outsider's dashboard: differential privacy
--| The public may ask too, under a permit that answers with noise and has a budget.
--@ governance_1
SELECT ehds.issue_permit('open-2026', grantee => 'dashboard', purpose => 'statistics',
                         output => 'statistics', valid_until => :'until',
                         epsilon => 3, delta => 1e-8, epsilon_default => 0.1);
SELECT ehds.permit_table('open-2026', 'omop.person',
                         columns => '{person_id,gender_concept_id,year_of_birth}');
SELECT ehds.permit_table('open-2026', :'cond_table');
--@ governance_2
SELECT ehds.activate_permit('open-2026');

--@ dashboard
SET search_path = permit_open_2026;
--| Each answer costs 0.1 of a budget of 3. The noise is drawn anew each time.
SELECT ehds.dp_count(person_id) AS persons FROM person;
SELECT ehds.dp_count(person_id) AS persons FROM person;
SELECT gender_concept_id, ehds.dp_count(person_id) AS persons FROM person GROUP BY 1 ORDER BY 1;
SELECT * FROM ehds.budget;

--| What has been answered stays paid, even if the transaction is rolled back.
--! SELECT epsilon_left AS left_before FROM ehds.budget WHERE permit = 'open-2026' \gset
BEGIN;
SELECT ehds.dp_count(person_id) AS persons FROM :cond WHERE condition_concept_id = :concept;
ROLLBACK;
SELECT epsilon_left FROM ehds.budget WHERE permit = 'open-2026';
-- assert (SELECT epsilon_left = :left_before - 0.1 FROM ehds.budget WHERE permit = 'open-2026') | the rolled back query was charged 0.1

--| A more exact answer costs more. More than what is left is refused, before anything runs.
SET ehds.epsilon = '1';
SELECT ehds.dp_count(person_id) AS persons FROM :cond WHERE condition_concept_id = :concept;
SET ehds.epsilon = '2.5';
-- expect ZE003
SELECT ehds.dp_count(person_id) AS persons FROM person;

--| An exact count beside noisy ones would end the guarantee.
RESET ehds.epsilon;
-- expect ZE002
SELECT ehds.k_count(person_id) FROM person;
