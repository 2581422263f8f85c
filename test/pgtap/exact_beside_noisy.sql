-- Nobody holds exact and noisy results of one population: activation of a permit with a
-- privacy budget is refused, or, where the exact one has ended, says against whom the
-- guarantee does not hold.
\set ECHO none
\set QUIET 1
\ir ../fixtures/warehouse.sql
\ir ../fixtures/as_role.sql
SELECT no_plan();
SET client_min_messages = error;

-- a permit on omop.person; returns its name
CREATE FUNCTION pg_temp.draft(permit text, grantee text, more text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_temp.as_role('t_governor', format('SELECT ehds.issue_permit(%L, grantee => %L, purpose => ''statistics'', valid_until => ''2099-12-31''%s)', permit, grantee, more));
    PERFORM pg_temp.as_role('t_governor', format('SELECT ehds.permit_table(%L, ''omop.person'')', permit));
    RETURN permit;
END
$$;
CREATE FUNCTION pg_temp.activate(permit text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.as_role('t_governor2', format('SELECT ehds.activate_permit(%L)', permit)) $$;
CREATE FUNCTION pg_temp.refused(permit text, who text, held text, what text) RETURNS text LANGUAGE sql AS $$
    SELECT throws_ok(format('SELECT pg_temp.activate(%L)', permit), '55000',
                     format('permit "%s" cannot be activated beside another one on the same population: %s holds permit %s', permit, who, held), what) $$;

CREATE ROLE t_exact NOLOGIN;
CREATE ROLE t_rows NOLOGIN;
CREATE ROLE t_noisy NOLOGIN;
CREATE ROLE t_between NOLOGIN;
CREATE ROLE t_both LOGIN NOINHERIT;
CREATE ROLE t_one LOGIN;
GRANT t_noisy TO t_one;
SELECT pg_temp.draft('exact', 't_exact', ''), pg_temp.draft('rows', 't_rows', ', output => ''pseudonymised'''),
       pg_temp.draft('noisy', 't_noisy', ', epsilon => 1, delta => 1e-8'),
       pg_temp.draft('zcdp', 't_noisy', ', epsilon => 1, delta => 1e-8, accounting => ''zcdp'''),
       pg_temp.draft('other', 't_exact', ', epsilon => 1, delta => 1e-8');
SELECT pg_temp.activate('exact'), pg_temp.activate('rows');

-- through two memberships, although the login does not inherit
GRANT t_exact TO t_between;
GRANT t_between, t_noisy TO t_both;
SELECT pg_temp.refused(p, 't_both', 'exact', p || ': a member of a member of the grantee of a k permit') FROM unnest(ARRAY['noisy', 'zcdp']) p;
REVOKE t_between FROM t_both;
GRANT t_rows TO t_both;
SELECT pg_temp.refused(p, 't_both', 'rows', p || ': a member of the grantee of a pseudonymised permit') FROM unnest(ARRAY['noisy', 'zcdp']) p;
REVOKE t_rows FROM t_both;
GRANT t_noisy TO t_rows;
SELECT throws_ok(format('SELECT pg_temp.activate(%L)', p), '55000', NULL, p || ': the grantee itself is a member of the other') FROM unnest(ARRAY['noisy', 'zcdp']) p;
REVOKE t_noisy FROM t_rows;
SELECT throws_ok($$SELECT pg_temp.activate('other')$$, '55000', NULL, 'one grantee for both');
SELECT lives_ok($$SELECT pg_temp.activate('noisy')$$, 'without common members it is activated');
SELECT lives_ok($$SELECT pg_temp.activate('zcdp')$$, 'two noisy permits may have one grantee');
SELECT is((SELECT detail FROM ehds.ledger WHERE action = 'activate_permit' AND permit = 'noisy'), 'version 1, tables omop.person', 'and nothing is said of the guarantee');

-- the other way round
SELECT pg_temp.draft('late', 't_between', '');
GRANT t_between TO t_both;
SELECT pg_temp.refused('late', 't_both', 'noisy, t_both holds permit zcdp', 'an exact permit beside noisy ones');
REVOKE t_between FROM t_both;

-- exact results of the past
SELECT pg_temp.as_role('t_governor', 'SELECT ehds.revoke_permit(''exact'')');
SELECT pg_temp.draft('later', 't_noisy', ', epsilon => 1, delta => 1e-8'), pg_temp.draft('unused', 't_exact', '');
GRANT t_exact TO t_both;
SELECT lives_ok($$SELECT pg_temp.activate('later')$$, 'a permit that has ended is no obstacle');
SELECT is((SELECT detail FROM ehds.ledger WHERE action = 'activate_permit' AND permit = 'later'),
          'version 1, the guarantee does not hold against those who had exact results before: t_both held permit exact, tables omop.person',
          'but the ledger has against whom the guarantee does not hold');

SELECT * FROM finish();
