-- Who is one person: subjects that are equal to the table are never counted twice
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
\ir ../fixtures/as_role.sql
SET client_min_messages = error;
CREATE COLLATION public.whatever_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
\o
SELECT plan(12);

-- as ordinary aggregates
SELECT is((SELECT ehds.k_count(s, 5) FROM (VALUES ('a'::char(5)), ('a '), ('a  '), ('b'), ('c'), ('d'), ('e')) v(s)), 5::bigint, 'trailing blanks of char(n) are no persons');
SELECT is((SELECT ehds.k_count(s, 5) FROM (VALUES ('a'::char(5)), ('a '), ('a  '), ('b'), ('c'), ('d')) v(s)), NULL, 'so that four stay hidden');
SELECT is((SELECT ehds.k_count(s, 5) FROM (VALUES ('a'::varchar), ('a '), ('b'), ('c'), ('d')) v(s)), 5::bigint, 'of varchar they are, as they are to DISTINCT');
SELECT throws_ok($$SELECT ehds.k_count(s::numeric, 5) FROM generate_series(1, 5) s$$, '42883', NULL, 'numeric is no subject');
SELECT throws_ok($$SELECT ehds.k_count(s COLLATE whatever_case, 5) FROM (VALUES ('a'), ('A')) v(s)$$, '0A000', NULL, 'equal without case, but not by bytes: refused');

-- as protected tables
CREATE TABLE public.cased (person text COLLATE whatever_case NOT NULL, v integer);
CREATE TABLE public.blank (person char(9) NOT NULL);
CREATE DOMAIN public.someone AS text;
CREATE TABLE public.named (person someone NOT NULL);
SELECT throws_ok($$SELECT ehds.protect('public.cased', subject => 'person')$$, '0A000', 'column "person" of public.cased has a nondeterministic collation, and cannot be a subject', 'nor are they protected');
SELECT throws_ok($$SELECT ehds.protect('public.blank', subject => 'person')$$, '22023', NULL, 'char(n)');
SELECT throws_ok($$SELECT ehds.protect('public.named', subject => 'person')$$, '22023', NULL, 'a domain');

-- the collation may be changed afterwards; whether anybody is there makes no difference
ALTER TABLE public.cased ALTER COLUMN person TYPE text COLLATE "C";
SELECT isnt(ehds.protect('public.cased', subject => 'person'), NULL, 'by bytes it is protected');
\o /dev/null
ALTER TABLE public.cased ALTER COLUMN person TYPE text COLLATE whatever_case;
INSERT INTO public.cased SELECT (ARRAY['p', 'P'])[1 + i % 2] || i / 2, i FROM generate_series(0, 19) i;
SET SESSION AUTHORIZATION t_governor;
SELECT ehds.issue_permit('cased', grantee => 't_project', purpose => 'research', output => 'statistics', valid_until => '2099-12-31', k => 11);
SELECT ehds.permit_table('cased', 'public.cased');
SET SESSION AUTHORIZATION t_governor2;
SELECT ehds.activate_permit('cased');
RESET SESSION AUTHORIZATION;
\o
SELECT throws_ok(format('SELECT pg_temp.as_role(''t_analyst'', %L)', query), 'ZE002', 'the subject column has a nondeterministic collation, by which persons cannot be counted', query)
FROM unnest(ARRAY['SELECT count(DISTINCT person) FROM permit_cased.cased', 'SELECT sum(v) FROM permit_cased.cased WHERE v > 1000', 'SELECT v FROM permit_cased.cased GROUP BY v']) query;
SELECT * FROM finish();
