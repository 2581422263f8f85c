-- permits: issue, tables, activate, revoke, close; who may
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.year_of_birth IS 'quasi-identifier';
CREATE TABLE omop.stay (stay_id bigint, person_id bigint, preceding_stay_id bigint, provider_id int, zone_concept_id int, remark text);
INSERT INTO omop.stay SELECT g, g, nullif(g - 1, 0), 0, 1, 'r' FROM generate_series(1, 400) g;
SELECT ehds.protect('omop.stay', subject => 'person_id');
SECURITY LABEL FOR pg_ehds ON COLUMN omop.stay.remark IS 'identifier';
SECURITY LABEL FOR pg_ehds ON COLUMN omop.stay.provider_id IS 'professional-identifier';
DROP ROLE IF EXISTS t_super, t_careful, t_nurse;
CREATE ROLE t_super SUPERUSER;
CREATE ROLE t_careful NOLOGIN;
CREATE ROLE t_nurse NOLOGIN;
\o
SELECT plan(97);
CREATE FUNCTION pg_temp.gov(q text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.as_role('t_governor', 'SELECT ehds.' || q) $$;
CREATE FUNCTION pg_temp.gov2(q text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.as_role('t_governor2', 'SELECT ehds.' || q) $$;
CREATE FUNCTION pg_temp.issue(more text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.gov('issue_permit(''p'', grantee => ''t_project'', ' || more || ')') $$;

-- what cannot be issued
SELECT throws_ok($$SELECT pg_temp.issue('purpose => ''fun'', valid_until => ''2099-12-31''')$$, '22023', 'purpose "fun" is not in the list', 'unknown purpose');
SELECT throws_like($$SELECT pg_temp.issue('purpose => ''advertising'', valid_until => ''2099-12-31''')$$, '%prohibited use%art. 54%', 'a prohibited use');
SELECT throws_ok($$SELECT pg_temp.issue('purpose => ''insurance-or-credit'', valid_until => ''2099-12-31''')$$, '22023', NULL, 'another one');
SELECT throws_ok($$SELECT pg_temp.issue('purpose => ''research''')$$, '22023', 'valid_until is missing', 'no end');
SELECT throws_ok($$SELECT pg_temp.issue('purpose => ''research'', valid_until => ''2020-01-01''')$$, '22023', 'valid_until 2020-01-01 has passed', 'an end that has passed');
SELECT throws_ok($$SELECT pg_temp.issue('purpose => ''research'', valid_until => ''infinity''')$$, '22023', NULL, 'no end in sight');
SELECT throws_ok($$SELECT pg_temp.issue('purpose => ''research'', valid_until => ''2099-12-31'', valid_from => ''2100-01-01''')$$, '22023', NULL, 'an end before the beginning');
SELECT throws_ok($$SELECT pg_temp.issue('purpose => ''research'', valid_until => ''2099-12-31'', output => ''raw''')$$, '22023', 'output "raw" is not in the list', 'unknown output');
SELECT throws_ok($$SELECT pg_temp.issue('purpose => ''research'', valid_until => ''2099-12-31'', k => 4)$$, '42601', NULL, 'sanity of this test''s own quoting');
SELECT throws_ok($$SELECT pg_temp.issue('purpose => ''research'', valid_until => ''2099-12-31'', k => 4')$$, '22023', 'k is 4, below the floor of 5', 'k below the floor');
SELECT throws_ok(format('SELECT pg_temp.issue(%L)', 'purpose => ''research'', valid_until => ''2099-12-31'', ' || bad), '22023', NULL, bad)
  FROM unnest(ARRAY['epsilon => 0, delta => 1e-8', 'epsilon => -1, delta => 1e-8', 'epsilon => ''NaN'', delta => 1e-8', 'epsilon => ''Infinity'', delta => 1e-8',
                    'epsilon => 0.0000000001, delta => 1e-8', 'epsilon => 1', 'delta => 1e-8', 'epsilon => 1, delta => 0', 'epsilon => 1, delta => 1',
                    'epsilon => 1, delta => 1e-8, epsilon_default => 2', 'epsilon_default => 1', 'epsilon => 1, delta => 1e-8, output => ''pseudonymised''',
                    'max_groups => 0', 'accounting => ''magic''', 'opposition_rule => ''never''', 'exception_basis => '' ''']) bad;
SELECT throws_ok($$SELECT pg_temp.issue('purpose => ''education'', valid_until => ''2099-12-31'', exception_basis => ''law''')$$, '22023', NULL, 'no exception for education (EHDS 71(4))');
SELECT throws_ok($$SELECT pg_temp.issue('purpose => ''research'', valid_until => ''2099-12-31'', accounting => ''zcdp''')$$, '22023', 'accounting "zcdp" needs an epsilon', 'zcdp without a budget');
SELECT throws_ok($$SELECT pg_temp.gov('issue_permit(''p'', ''nobody_there'', ''research'', valid_until => ''2099-12-31'')')$$, '42704', 'role "nobody_there" does not exist', 'no such grantee');
SELECT throws_ok($$SELECT pg_temp.gov('issue_permit(''p'', ''t_super'', ''research'', valid_until => ''2099-12-31'')')$$, '22023', NULL, 'a superuser');
SELECT throws_ok($$SELECT pg_temp.gov('issue_permit(''p'', ''ehds_auditor'', ''research'', valid_until => ''2099-12-31'')')$$, '22023', NULL, 'a role of ours');
SELECT throws_ok($$SELECT pg_temp.gov('issue_permit(''p'', ''t_governor'', ''research'', valid_until => ''2099-12-31'')')$$, '22023', NULL, 'a member of ehds_admin');
SELECT throws_ok($$SELECT pg_temp.gov('issue_permit(''../x'', ''t_project'', ''research'', valid_until => ''2099-12-31'')')$$, '22023', NULL, 'a name that is none');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'SELECT ehds.issue_permit(''p'', ''t_project'', ''research'', valid_until => ''2099-12-31'')')$$, '42501', NULL, 'not by an analyst');
SELECT is((SELECT count(*) FROM ehds.permit), 0::bigint, 'nothing was issued');
SELECT is((SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'permit%'), 0::bigint, 'and no schema made');

-- issue
SELECT lives_ok($$SELECT pg_temp.gov('issue_permit(''hydro-2026'', grantee => ''t_project'', purpose => ''research'', output => ''statistics'', valid_until => ''2099-12-31'', k => 11)')$$, 'issued');
SELECT throws_ok($$SELECT pg_temp.gov('issue_permit(''hydro-2026'', grantee => ''t_project'', purpose => ''research'', valid_until => ''2099-12-31'')')$$, '42710', 'permit "hydro-2026" already exists', 'the name is taken');
SELECT throws_ok($$SELECT pg_temp.gov('issue_permit(''Hydro_2026'', grantee => ''t_project'', purpose => ''research'', valid_until => ''2099-12-31'')')$$, '42710', NULL, 'the schema is taken');
CREATE SCHEMA permit_mine;
SELECT throws_ok($$SELECT pg_temp.gov('issue_permit(''mine'', grantee => ''t_project'', purpose => ''research'', valid_until => ''2099-12-31'')')$$, '42710', 'schema "permit_mine" already exists', 'a schema of others');
SELECT schema_owner_is('permit_hydro_2026', 'ehds_owner');
SELECT schema_privs_are('permit_hydro_2026', 't_project', ARRAY['USAGE'], 'the grantee uses the schema and makes nothing in it');
SELECT throws_ok($$SELECT pg_temp.gov2('activate_permit(''hydro-2026'')')$$, '55000', 'permit "hydro-2026" has no table', 'no table, no activation');

-- tables
SELECT throws_ok($$SELECT pg_temp.gov('permit_table(''hydro'', ''omop.person'')')$$, '42704', 'permit "hydro" does not exist', 'unknown permit');
SELECT throws_ok($$SELECT pg_temp.gov('permit_table(''hydro-2026'', ''omop.persn'')')$$, '42P01', NULL, 'unknown table');
SELECT throws_ok($$SELECT pg_temp.gov('permit_table(''hydro-2026'', ''omop.person'', columns => ''{person_id,height}'')')$$, '42703', 'column "height" of omop.person does not exist', 'unknown column');
SELECT throws_ok($$SELECT pg_temp.gov('permit_table(''hydro-2026'', ''omop.person'', columns => ''{person_source_value}'')')$$, '42501', NULL, 'an identifier');
SELECT throws_ok($$SELECT pg_temp.gov('permit_table(''hydro-2026'', ''omop.undeclared'')')$$, 'ZE005', 'table omop.undeclared is not protected', 'an undeclared table');
SELECT throws_ok($$SELECT pg_temp.gov('permit_table(''hydro-2026'', ''omop.concept'')')$$, '22023', 'table omop.concept is public and needs no permit', 'a public table');
SELECT throws_ok($$SELECT pg_temp.gov('permit_table(''hydro-2026'', ''omop.person'', rows => ''true); DROP TABLE omop.note; --'')')$$, NULL, NULL, 'a row filter that closes a parenthesis');
SELECT throws_ok($$SELECT pg_temp.gov('permit_table(''hydro-2026'', ''omop.person'', rows => ''year_of_birth = (SELECT 1950)'')')$$, NULL, NULL, 'a row filter with a subquery');
SELECT lives_ok($$SELECT pg_temp.gov('permit_table(''hydro-2026'', ''omop.person'', columns => ''{gender_concept_id,person_id}'')')$$, 'columns by name');
SELECT columns_are('permit_hydro_2026', 'person', ARRAY['gender_concept_id', 'person_id'], 'exactly those');
SELECT lives_ok($$SELECT pg_temp.gov('permit_table(''hydro-2026'', ''omop.person'')')$$, 'changed in place');
SELECT columns_are('permit_hydro_2026', 'person', ARRAY['person_id', 'gender_concept_id', 'year_of_birth'], 'by default all but identifiers');
SELECT lives_ok($$SELECT pg_temp.gov('permit_table(''hydro-2026'', ''omop.condition_occurrence'', rows => ''condition_start_date >= date ''''2021-01-01'''''')')$$, 'with a row filter');
SELECT view_owner_is('permit_hydro_2026', 'person', 'ehds_owner', 'views belong to ehds_owner');
SELECT table_privs_are('permit_hydro_2026', 'person', 't_project', ARRAY['SELECT'], 'the grantee reads');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'SELECT count(DISTINCT person_id) FROM permit_hydro_2026.person')$$, 'ZE001', NULL, 'a draft does not answer');

-- activate
SELECT throws_ok($$SELECT pg_temp.gov('activate_permit(''hydro-2026'')')$$, '42501', NULL, 'not by the issuer');
GRANT SELECT (year_of_birth) ON omop.person TO t_nurse;
GRANT t_nurse TO t_project;
SELECT throws_like($$SELECT pg_temp.gov2('activate_permit(''hydro-2026'')')$$, '%rights on tables behind the views: omop.person (through t_nurse)%', 'the grantee reads a base table through a membership');
REVOKE t_nurse FROM t_project;
SELECT lives_ok($$SELECT pg_temp.gov2('activate_permit(''hydro-2026'')')$$, 'activated by another person');
SELECT is(pg_temp.as_role('t_analyst', 'SELECT count(DISTINCT person_id) FROM permit_hydro_2026.person'), '400', 'it answers');
SELECT is(pg_temp.as_role('t_analyst', 'SELECT status || '' '' || schema || '' '' || k FROM ehds.my_permits'), 'active permit_hydro_2026 11', 'my_permits');
SELECT is(pg_temp.as_role('t_other', 'SELECT count(*) FROM ehds.my_permits'), '0', 'of others nothing is seen');
SELECT lives_ok($$SELECT pg_temp.gov2('permit_table(''hydro-2026'', ''omop.visit_occurrence'')')$$, 'a table more');
SELECT is((SELECT status || ' ' || version FROM ehds.permit WHERE permit = 'hydro-2026'), 'draft 2', 'makes it a draft again');
SELECT throws_ok($$SELECT pg_temp.gov2('activate_permit(''hydro-2026'')')$$, '42501', NULL, 'who added the table does not activate');
SELECT lives_ok($$SELECT pg_temp.as_role('postgres', 'SELECT ehds.activate_permit(''hydro-2026'')')$$, 'a third person does');

-- pseudonymised
\o /dev/null
SELECT pg_temp.gov('issue_permit(''cardio'', grantee => ''t_extracts'', purpose => ''research'', output => ''pseudonymised'', valid_until => ''2099-12-31'')');
SELECT pg_temp.gov('permit_table(''cardio'', ''omop.stay'')');
SELECT pg_temp.gov('permit_table(''cardio'', ''omop.person'')');
SELECT pg_temp.gov2('activate_permit(''cardio'')');
\o
SELECT columns_are('permit_cardio', 'person', ARRAY['person_id', 'gender_concept_id'], 'quasi-identifiers must be named');
SELECT is(pg_temp.as_role('t_pipeline', 'SELECT count(*) || '' '' || count(s.provider_id) FROM permit_cardio.stay s JOIN permit_cardio.stay b ON b.stay_id = s.preceding_stay_id AND b.person_id <> s.person_id'),
          '399 0', 'references to rows keep leading to them, 0 becomes NULL');
SELECT is(pg_temp.as_role('t_pipeline', 'SELECT count(*) FROM permit_cardio.stay WHERE person_id !~ ''^v1-[0-9a-f]{32}$'' OR stay_id BETWEEN 1 AND 400 OR zone_concept_id <> 1'), '0', 'persons and rows are pseudonyms, concepts stay');

-- differential privacy beside exact results
\o /dev/null
SELECT pg_temp.gov('issue_permit(''open'', grantee => ''t_dashboard'', purpose => ''statistics'', valid_until => ''2099-12-31'', epsilon => 3, delta => 1e-8, epsilon_default => 0.1)');
SELECT pg_temp.gov('permit_table(''open'', ''omop.person'')');
\o
SELECT throws_like($$SELECT pg_temp.gov2('activate_permit(''open'')')$$, '%t_analyst holds permit hydro-2026%', 'somebody would hold an exact and a noisy permit');
REVOKE t_dashboard FROM t_analyst;
UPDATE omop.person SET person_source_value = 'H100001' WHERE person_id = 2;
SELECT throws_like($$SELECT pg_temp.gov2('activate_permit(''open'')')$$, '%several subject keys bear one identity%', 'a person with two keys would count twice');
UPDATE omop.person SET person_source_value = 'H100002' WHERE person_id = 2;
SELECT lives_ok($$SELECT pg_temp.gov2('activate_permit(''open'')')$$, 'nobody does any more');
SELECT is((SELECT format('%s %s %s', epsilon_nano, delta_atto, epsilon_default_nano) FROM ehds.permit WHERE permit = 'open'), '3000000000 10000000000 100000000', 'budgets are exact');

-- the exception of EHDS 71(4)
\o /dev/null
SELECT ehds.oppose('H100001');
SELECT pg_temp.gov('issue_permit(''registry'', grantee => ''t_extracts'', purpose => ''public-health'', output => ''pseudonymised'', valid_until => ''2099-12-31'', exception_basis => ''decree 1'')');
SELECT pg_temp.gov('permit_table(''registry'', ''omop.person'')');
SELECT pg_temp.gov2('activate_permit(''registry'')');
\o
SELECT is(pg_temp.as_role('t_pipeline', 'SELECT count(*) FROM permit_registry.person') || pg_temp.as_role('t_pipeline', 'SELECT count(*) FROM permit_cardio.person'), '400399', 'counts only under the permit that has it');

-- the end
SELECT lives_ok($$SELECT pg_temp.gov('revoke_permit(''hydro-2026'', ''the study is over'')')$$, 'revoked');
SELECT throws_ok($$SELECT pg_temp.as_role('t_analyst', 'SELECT count(DISTINCT person_id) FROM permit_hydro_2026.person')$$, 'ZE001', NULL, 'it refuses');
SELECT alike(pg_temp.as_role('t_analyst', 'SELECT status || reason FROM ehds.my_permits'), 'revokedrevoked on %: the study is over', 'and says why');
SELECT throws_ok($$SELECT pg_temp.gov('permit_table(''hydro-2026'', ''omop.note'')')$$, '55000', 'permit "hydro-2026" is revoked', 'nothing more is put into it');
SELECT is(pg_temp.gov('close_permit(''hydro-2026'')')::jsonb ->> 'status_before', 'revoked', 'closed, with a certificate');
SELECT hasnt_schema('permit_hydro_2026');
SELECT is((SELECT count(*) FROM ehds.permit_table x JOIN ehds.permit p USING (permit_id) WHERE p.permit = 'hydro-2026'), 3::bigint, 'what it was is kept');
SELECT is(pg_temp.gov('close_permit(''hydro-2026'')')::jsonb ->> 'status_before', 'revoked', 'closing again gives the same certificate');
SELECT is((SELECT string_agg(action, ' ' ORDER BY seq) FROM ehds.ledger WHERE permit = 'hydro-2026' AND kind = 'decision'),
          'issue_permit permit_table permit_table permit_table activate_permit permit_table activate_permit revoke_permit close_permit', 'the ledger has every decision');

-- whose decision it is
\o /dev/null
SELECT pg_temp.gov('issue_permit(''who'', grantee => ''t_extracts'', purpose => ''research'', output => ''pseudonymised'', valid_until => ''2099-12-31'')');
SELECT pg_temp.gov('permit_table(''who'', ''omop.stay'')');
CREATE FUNCTION public.lent(what text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$ DECLARE r text; BEGIN EXECUTE 'SELECT ehds.' || what INTO r; RETURN r; END $$;
ALTER FUNCTION public.lent(text) OWNER TO t_governor;
\o
SELECT throws_like(format('SELECT pg_temp.as_role(''t_analyst'', %L)', format('SELECT public.lent(%L)', what)), '%role "t_analyst" is not a member of ehds_admin%', what)
  FROM unnest(ARRAY['activate_permit(''who'')', 'revoke_permit(''who'')', 'close_permit(''who'')', 'permit_table(''who'', ''omop.person'')',
                    'issue_permit(''w'', grantee => ''t_project'', purpose => ''research'', valid_until => ''2099-12-31'')']) what;
GRANT t_extracts TO t_governor2;
SELECT throws_like($$SELECT pg_temp.gov2('activate_permit(''who'')')$$, '%is a member of "t_extracts", the grantee%', 'who uses the permit does not activate it');
REVOKE t_extracts FROM t_governor2;
SELECT lives_ok($$SELECT pg_temp.gov2('activate_permit(''who'')')$$, 'who does not, does');

-- columns and rows
ALTER TABLE omop.stay ADD COLUMN ward_id numeric, ADD COLUMN ipp text;
SELECT throws_like($$SELECT pg_temp.gov('permit_table(''who'', ''omop.stay'', columns => ''{ward_id}'')')$$, '%of which there are no pseudonyms%', 'a key of a type without pseudonyms');
SELECT throws_ok($$SELECT pg_temp.gov('permit_table(''who'', ''omop.person'', rows => ''person_source_value = ''''H100001'''''')')$$, '42501', NULL, 'a row filter by identity');
SELECT throws_ok($$SELECT pg_temp.gov('permit_table(''who'', ''omop.stay'', columns => ''{stay_id}'', rows => ''remark LIKE ''''r1%'''''')')$$, '42501', NULL, 'a row filter by an identifier');
SELECT lives_ok($$SELECT pg_temp.gov('permit_table(''who'', ''omop.stay'', columns => ''{stay_id}'', rows => ''zone_concept_id = 1'')')$$, 'a row filter by another column');
DROP FUNCTION public.lent(text);
DROP OWNED BY t_nurse;
DROP ROLE t_super, t_careful, t_nurse;
SELECT * FROM finish();
