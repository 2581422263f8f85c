-- suppress: secondary suppression of tables with totals

CREATE FUNCTION ehds.keep_cell(size bigint, hidden boolean, "grouping" integer, keys text[], approval ehds.approval)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'ehds_keep_cell' LANGUAGE C WINDOW VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION ehds.keep_cell(bigint, boolean, integer, text[], ehds.approval) IS
'Whether the value of this cell may be shown beside the other cells of an approved query with GROUPING SETS, ROLLUP or CUBE: false for hidden cells and for those that are hidden so that these can''t be computed, with ehds.suppression_width. Written by the gate, OVER () all cells of one release. Arguments: persons in the cell (0 to 2^40), whether it is hidden by itself, GROUPING() of all keys, the keys as text (at most 31; NULL is a value where the bit of GROUPING is not set), the approval. A NULL elsewhere raises 22004. Errors: ZE004 unless the approval is live; 54000 for more than 100000 cells or 512 grouping sets with their common totals; 22000 for cells that are not one table. Source: Langsrud, PSD 2024 (Gaussian elimination); Kelly, Golden, Assad, Networks 22 (1992).';

CREATE FUNCTION ehds.secondary(size bigint, hidden boolean, "grouping" integer, keys text[], width integer)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'ehds_secondary' LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION ehds.secondary(bigint, boolean, integer, text[], integer) IS
'Whether this cell of a table with totals must be hidden, by itself or so that a hidden one can''t be computed: for whoever may read the cells, OVER () all of them. Arguments, limits and errors: see ehds.keep_cell; width: least width of the interval in which a hidden cell is known to lie (0 to 1000000; 0: it can''t be computed exactly), the same in all rows.';
