-- The warehouse as the attack corpus uses it: a permit with k = 11 for the attacker,
-- and one person whose values occur nowhere else.
ALTER SYSTEM RESET ehds.k_floor;
ALTER SYSTEM RESET ehds.show_zero;
SELECT pg_reload_conf();
SET client_min_messages = warning;
CREATE ROLE c_project_attacked NOLOGIN;
CREATE ROLE c_mallory LOGIN;
GRANT c_project_attacked TO c_mallory;
CREATE SCHEMA mallory AUTHORIZATION c_mallory;
SET SESSION AUTHORIZATION c_governor;
SELECT ehds.issue_permit('attacked', grantee => 'c_project_attacked', purpose => 'research', output => 'statistics', valid_until => '2099-12-31', k => 11);
SELECT ehds.permit_table('attacked', t::regclass)
FROM unnest(ARRAY['omop.person', 'omop.observation_period', 'omop.death', 'omop.visit_occurrence', 'omop.condition_occurrence', 'omop.drug_exposure',
                  'omop.measurement', 'omop.procedure_occurrence', 'omop.cost']) t;
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION c_governor2;
SELECT ehds.activate_permit('attacked');
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM ehds.harden();

CREATE PROCEDURE omop.canary(there boolean) LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM omop.person WHERE person_id = 4242424242;
    DELETE FROM omop.observation_period WHERE person_id = 4242424242;
    DELETE FROM omop.death WHERE person_id = 4242424242;
    DELETE FROM omop.visit_occurrence WHERE person_id = 4242424242;
    DELETE FROM omop.condition_occurrence WHERE person_id = 4242424242;
    DELETE FROM omop.drug_exposure WHERE person_id = 4242424242;
    DELETE FROM omop.measurement WHERE person_id = 4242424242;
    DELETE FROM omop.cost WHERE person_id = 4242424242;
    IF there THEN
        INSERT INTO omop.person VALUES (4242424242, 8532, 1917, 7, '1917-07-31 06:00', 8516, 3, 'IPP-CANARY-7');
        INSERT INTO omop.observation_period VALUES (4242424242, 4242424242, '1903-02-03', '1903-02-05');
        INSERT INTO omop.death VALUES (4242424242, '1903-02-04', 999000123);
        INSERT INTO omop.visit_occurrence VALUES (4242424242, 4242424242, 9201, '1903-02-03', '1903-02-03 06:00', '1903-02-04', '1903-02-04 06:00', 2, 'canary ward');
        INSERT INTO omop.condition_occurrence VALUES (4242424242, 4242424242, 999000123, '1903-02-03', NULL, 4242424242, 'ZCANARY-CODE'),
            (4242424243, 4242424242, 316866, '1903-02-03', NULL, 4242424242, 'I10');
        INSERT INTO omop.drug_exposure VALUES (4242424242, 4242424242, 999000123, '1903-02-03', '1903-02-04', 77, 31337.7331, 'canary route');
        INSERT INTO omop.measurement VALUES (4242424242, 4242424242, 3004410, '1903-02-03', 77123.456, 'canary unit', 1, 2, 4242424242);
        INSERT INTO omop.cost VALUES (4242424242, 4242424242, 4242424242, 98765432.25, 47113.11);
    END IF;
END $$;
