--# 8. The auditor reads the ledger
--| Every access, refusal, charge and decision is an entry that no ROLLBACK removes.
--@ auditor
SELECT kind, count(*) AS entries, sum(epsilon) AS epsilon FROM ehds.ledger GROUP BY kind ORDER BY kind;
SELECT seq, kind, session_role, permit, action, left(detail, 60) AS detail, epsilon
FROM ehds.ledger ORDER BY seq DESC LIMIT 12;
SELECT permit, epsilon_total, epsilon_spent, epsilon_left FROM ehds.budget;
SELECT * FROM ehds.verify_ledger();
-- assert (SELECT valid FROM ehds.verify_ledger()) | the chain of the ledger is whole

--| A superuser can change any table. The ledger shows it: here a charge is made smaller, in a
--| transaction that is rolled back so that the demo can go on.
--@ dba
BEGIN;
ALTER TABLE ehds.ledger_entry DISABLE TRIGGER ledger_guard;
UPDATE ehds.ledger_entry SET epsilon_nano = epsilon_nano / 2 WHERE kind = 'charge';
SELECT * FROM ehds.verify_ledger();
-- assert (SELECT NOT valid FROM ehds.verify_ledger()) | the change was found
ROLLBACK;
