--# 3. Governance issues a permit, and somebody else activates it
--| A permit says who, for which purpose, which tables, columns and rows, in which form, until when.
--@ governance_1
--| A prohibited use (EHDS article 54) can't be named in a permit.
-- expect 22023
SELECT ehds.issue_permit('ads-2026', grantee => 'proj_hydro', purpose => 'advertising',
                         output => 'statistics', valid_until => :'until');

SELECT ehds.issue_permit('hydro-2026', grantee => 'proj_hydro', purpose => 'research',
                         output => 'statistics', valid_until => :'until', k => 11);
\if :generated
SELECT ehds.permit_table('hydro-2026', 'omop.person',
                         columns => '{person_id,gender_concept_id,year_of_birth,location_id}');
\else
SELECT ehds.permit_table('hydro-2026', 'omop.person',
                         columns => '{person_id,gender_concept_id,year_of_birth}');
\endif
SELECT ehds.permit_table('hydro-2026', :'cond_table',
                         rows => :'cond_rows');

--| Until it is activated it opens nothing.
--@ analyst
-- expect ZE001
SELECT count(DISTINCT person_id) FROM permit_hydro_2026.person;

--| The one who issued it can't activate it: two persons must agree.
--@ governance_1
-- expect 42501
SELECT ehds.activate_permit('hydro-2026');

--@ governance_2
SELECT ehds.activate_permit('hydro-2026');

--| It has become a schema with one view a table, which anybody can look at.
\d permit_hydro_2026.person
