-- A query with another parameter is another query, even if the two look alike as text.
\o /dev/null
\ir ../fixtures/warehouse.sql
\ir ../fixtures/permits.sql
SET client_min_messages = error;
SET ehds.fresh = off;
SET SESSION AUTHORIZATION t_other;
SET search_path = permit_open, public, pg_catalog;
SET ehds.epsilon = '0.01';
SET extra_float_digits = -15;
PREPARE born_after(double precision) AS SELECT count(DISTINCT person_id) IS NOT NULL FROM person WHERE year_of_birth > $1;
CREATE FUNCTION pg_temp.spent() RETURNS numeric LANGUAGE sql AS $$ SELECT epsilon_spent FROM ehds.budget WHERE permit = 'open' $$;
EXECUTE born_after(1951);
SELECT pg_temp.spent() AS first \gset
EXECUTE born_after(1951);
SELECT pg_temp.spent() AS again \gset
EXECUTE born_after(1988);
SELECT pg_temp.spent() AS other \gset
RESET SESSION AUTHORIZATION;
\o
SELECT plan(2);
SELECT is(:again::numeric, :first::numeric, 'the same again is free');
SELECT is(:other::numeric, :first::numeric + 0.01, 'another is charged, and answered, as another');
SELECT * FROM finish();
