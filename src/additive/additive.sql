-- additive: noised tables with totals, made to add up

CREATE FUNCTION ehds.additive(value numeric, variance double precision, "grouping" integer, keys text[])
	RETURNS numeric
	AS 'MODULE_PATHNAME', 'ehds_additive' LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION ehds.additive(numeric, double precision, integer, text[]) IS
'The value of this cell in the table of whole numbers that adds up and is nearest to the given one by weighted least squares, OVER () all cells of a noised table with totals. Arguments: the noised value (whole); the variance of its noise, in any unit, equal in all cells of a grouping set (above 0, at most 1e300); GROUPING() of all keys; the keys as text (at most 31; NULL is a value where the bit of GROUPING is not set). Unchanged where the sets are neither a chain in which each has the keys of the one before (ROLLUP) nor tables with a cell for each combination of values (at most 12 keys and 2^24 cells), where there are more than 1000000 cells, or sums beyond 2^61 (2^52 where they are no chain). Rounded so that it adds up: by at most 1 in a chain, else by at most 2^(keys of the set - 1). NULL elsewhere raises 22004, other values 22023. Sources: Gauss-Markov; Hay, Rastogi, Miklau, Suciu, VLDB 2010.';
