/*
 * keep_cell.c
 *		Secondary suppression as window functions over the cells of one result.
 *
 * ehds.keep_cell is the gate's, and answers only inside an approved execution;
 * ehds.suppress works on what its caller may read anyway.  Both read the whole
 * partition at its first row and keep the verdicts in its memory.
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "windowapi.h"

#include "core/approval.h"
#include "suppress/suppress.h"

PG_FUNCTION_INFO_V1(ehds_keep_cell);
PG_FUNCTION_INFO_V1(ehds_secondary);

typedef struct Verdicts
{
	bool made;
	bool hidden[FLEXIBLE_ARRAY_MEMBER];
} Verdicts;

/* Argument n of row i of the partition; a NULL is an error. */
static Datum
argument(WindowObject winobj, int n, int64 i, const char *name)
{
	bool isnull;
	bool isout;
	Datum value = WinGetFuncArgInPartition(winobj, n, i, WINDOW_SEEK_HEAD, false, &isnull, &isout);

	if (isout)
		elog(ERROR, "row %lld of a partition is missing", (long long) i);
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s of a cell must not be null", name)));
	return value;
}

/* The arguments size, hidden, grouping, keys of row i. */
static void
read_row(WindowObject winobj, int64 i, EhdsTableRow *row, int *nkeys)
{
	ArrayType *keys;
	Datum *values;
	Datum hidden;
	bool *nulls;
	bool isout;
	int n;

	row->size = DatumGetInt64(argument(winobj, 0, i, "size"));
	hidden = WinGetFuncArgInPartition(winobj, 1, i, WINDOW_SEEK_HEAD, false, &row->unseen, &isout);
	row->hidden = !row->unseen && DatumGetBool(hidden);
	row->grouping = (uint32) DatumGetInt32(argument(winobj, 2, i, "grouping"));
	keys = DatumGetArrayTypeP(argument(winobj, 3, i, "keys"));
	if (ARR_NDIM(keys) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR), errmsg("keys must be an array of one dimension")));
	deconstruct_array(keys, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &n);
	if (*nkeys >= 0 && *nkeys != n)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						errmsg("all cells of a table must have the same number of keys")));
	*nkeys = n;
	row->keys = palloc(sizeof(char *) * Max(n, 1));
	for (int k = 0; k < n; k++)
		row->keys[k] = nulls[k] ? NULL : TextDatumGetCString(values[k]);
}

/*
 * The verdict on the current row; width_arg: which argument gives the width in each row,
 * -1: none; k > 0: what totals leave is looked at too.
 */
static bool
is_hidden(WindowObject winobj, int width_arg, int64 width, int64 k)
{
	int64 nrows = WinGetPartitionRowCount(winobj);
	Verdicts *verdicts;

	if (nrows > EHDS_SUPPRESS_CELLS_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a table with totals may have at most %d cells", EHDS_SUPPRESS_CELLS_MAX),
						errhint("Ask for fewer grouping sets, or for coarser keys.")));
	verdicts = WinGetPartitionLocalMemory(winobj, offsetof(Verdicts, hidden) + sizeof(bool) * nrows);
	if (!verdicts->made)
	{
		MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "ehds suppression",
												  ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(cxt);
		EhdsTableRow *rows = palloc0(sizeof(EhdsTableRow) * nrows);
		EhdsTable *table;
		int nkeys = -1;

		for (int64 i = 0; i < nrows; i++)
		{
			read_row(winobj, i, &rows[i], &nkeys);
			if (width_arg >= 0 && DatumGetInt32(argument(winobj, width_arg, i, "width")) != width)
				ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
								errmsg("all cells of a table must have the same width")));
			if (k > 0)
				rows[i].contributors = DatumGetInt64(argument(winobj, 5, i, "contributors"));
		}
		table = ehds_suppress_margins(rows, (int) nrows, nkeys);
		do
			ehds_suppress(table, width);
		while (k > 0 && ehds_suppress_remainders(table, k));
		for (int64 i = 0; i < nrows; i++)
			verdicts->hidden[i] = table->cells[rows[i].cell].hidden;
		verdicts->made = true;
		MemoryContextSwitchTo(old);
		MemoryContextDelete(cxt);
	}
	return verdicts->hidden[WinGetCurrentPosition(winobj)];
}

Datum
ehds_keep_cell(PG_FUNCTION_ARGS)
{
	WindowObject winobj = PG_WINDOW_OBJECT();
	EhdsExecution *ex;

	/* a window function finds its arguments in the window, not in the call */
	fcinfo->args[4].value = WinGetFuncArgCurrent(winobj, 4, &fcinfo->args[4].isnull);
	ex = ehds_getarg_execution(fcinfo, 4);
	PG_RETURN_BOOL(!is_hidden(winobj, -1, ehds_suppress_width(), ex->k));
}

Datum
ehds_secondary(PG_FUNCTION_ARGS)
{
	WindowObject winobj = PG_WINDOW_OBJECT();
	int64 width = DatumGetInt32(argument(winobj, 4, 0, "width"));

	PG_RETURN_BOOL(is_hidden(winobj, 4, width, 0));
}
