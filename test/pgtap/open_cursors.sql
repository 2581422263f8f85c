-- Cursors that are open at once on one cached plan: each has its own charge and its own answer.
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
CREATE ROLE t_cursors LOGIN;
SELECT pg_temp.as_role('t_governor', $q$SELECT ehds.issue_permit('cursors', 't_cursors', 'research', valid_until => '2099-12-31', output => 'statistics', epsilon => 1000, delta => 1e-6, epsilon_default => 0.01)$q$);
SELECT pg_temp.as_role('t_governor', $q$SELECT ehds.permit_table('cursors', 'omop.person')$q$);
SELECT pg_temp.as_role('t_governor2', $q$SELECT ehds.activate_permit('cursors')$q$);
CREATE SCHEMA own AUTHORIZATION t_cursors;
GRANT USAGE ON SCHEMA own TO PUBLIC;
-- opens a cursor on a plan that the session keeps
CREATE FUNCTION own.open_one(name text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    c refcursor := name;
BEGIN
    OPEN c FOR SELECT ehds.dp_count(person_id) FROM permit_cursors.person;
    RETURN name;
END $$;
CREATE FUNCTION own.fetch_one(name text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    c refcursor := name;
    n bigint;
BEGIN
    FETCH c INTO n;
    CLOSE c;
    RETURN n;
END $$;
CREATE FUNCTION own.charges() RETURNS bigint LANGUAGE sql AS $$ SELECT (epsilon_spent * 100)::bigint FROM ehds.budget WHERE permit = 'cursors' $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA own TO t_cursors;
\o
SELECT plan(6);
CREATE TEMP TABLE told (name text, n bigint);
GRANT ALL ON told TO PUBLIC;

BEGIN;
SET LOCAL SESSION AUTHORIZATION t_cursors;
-- the first charge draws; 30 cursors are given its answer
SET LOCAL ehds.fresh = off;
INSERT INTO told SELECT 'first', own.fetch_one(own.open_one('first'));
INSERT INTO told SELECT 'repeat ' || i, NULL FROM generate_series(1, 30) i WHERE own.open_one('repeat ' || i) IS NOT NULL;
-- one more is charged for a new answer, and was opened last
SET LOCAL ehds.fresh = on;
INSERT INTO told SELECT own.open_one('fresh'), NULL;
SET LOCAL ehds.fresh = off;
UPDATE told SET n = own.fetch_one(name) WHERE name LIKE 'repeat%';
UPDATE told SET n = own.fetch_one(name) WHERE name = 'fresh';
RESET SESSION AUTHORIZATION;
COMMIT;
-- noise of epsilon 0.01: thirty draws are equal with a probability of about 0.005^30
SELECT is((SELECT count(DISTINCT n) FROM told WHERE name <> 'fresh'), 1::bigint, 'an answer that was charged once is one answer');
SELECT isnt((SELECT n FROM told WHERE name = 'fresh'), NULL, 'the charged one was drawn');
SELECT is(own.charges(), 2::bigint, '... on its own charge');

-- the other way round: what was charged is drawn, though a repeat was opened after it
BEGIN;
SET LOCAL SESSION AUTHORIZATION t_cursors;
SET LOCAL ehds.fresh = on;
INSERT INTO told SELECT own.open_one('charged ' || i), NULL FROM generate_series(1, 5) i;
SET LOCAL ehds.fresh = off;
INSERT INTO told SELECT own.open_one('last'), NULL;
UPDATE told SET n = own.fetch_one(name) WHERE name LIKE 'charged%';
UPDATE told SET n = own.fetch_one(name) WHERE name = 'last';
RESET SESSION AUTHORIZATION;
COMMIT;
SELECT ok((SELECT count(DISTINCT n) > 1 FROM told WHERE name LIKE 'charged%'), 'five charges are five draws');
SELECT is((SELECT n FROM told WHERE name = 'last'), (SELECT n FROM told WHERE name = 'fresh'), 'a repeat has what was recorded when it was opened');
SELECT is(own.charges(), 7::bigint, 'and cost nothing');
SELECT * FROM finish();
