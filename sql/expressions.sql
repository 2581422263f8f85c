-- What expressions over personal data may call: doc/expressions.md is made from this
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_ehds;
\pset format unaligned
\pset tuples_only on
\pset fieldsep ''
-- functions, and operators by what they are written as, of one rule in a row
SELECT '| ', string_agg(DISTINCT format('`%s`', replace(ltrim(coalesce(operators, function::text)), '|', '\|')) COLLATE "C", ', '), ' | ', rule, ' |'
  FROM (SELECT function, unnest(coalesce(string_to_array(operators, ', '), ARRAY[NULL])) AS operators, rule FROM ehds.allowed_functions()) f
 WHERE rule <> 'as it is: leakproof' AND function::text !~ '^date_(add|subtract)\(' -- of newer servers
 GROUP BY rule ORDER BY rule COLLATE "C";
-- leakproof ones: the types that can be compared
SELECT string_agg(DISTINCT format_type(oprleft, NULL) COLLATE "C", ', ')
  FROM pg_operator WHERE oprname = '<' AND oprleft = oprright AND ehds.allowed_rule(oprcode::oid::regprocedure) IS NOT NULL
   AND oprleft = ANY (ARRAY['bool', 'int2', 'int4', 'int8', 'float4', 'float8', 'numeric', 'text', 'bpchar', 'date', 'time', 'timestamp', 'timestamptz', 'interval', 'uuid', 'json', 'jsonb', 'xml', 'anyenum']::regtype[]);
-- our own that stand for casts from text
SELECT string_agg(format_type(prorettype, NULL), ', ' ORDER BY oid) FROM pg_proc WHERE pronamespace = 'ehds'::regnamespace AND proname LIKE 'total\_from\_text\_%';
