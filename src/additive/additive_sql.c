/*
 * additive_sql.c
 *		ehds.additive: a window function that makes the cells of one result add up.
 */
#include "additive/additive.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "windowapi.h"

PG_FUNCTION_INFO_V1(ehds_additive);

/* cells of one result */
#define CELLS_MAX 1000000

typedef struct Results
{
	bool made;
	bool unchanged; /* the cells have no shape in which they could add up */
	int64 values[FLEXIBLE_ARRAY_MEMBER];
} Results;

/* A key's value in a cell, while values are numbered. */
typedef struct Occurrence
{
	char *text; /* NULL: the value NULL */
	int *id;
} Occurrence;

static int
compare_occurrences(const void *a, const void *b)
{
	const char *x = ((const Occurrence *) a)->text;
	const char *y = ((const Occurrence *) b)->text;

	if (x == NULL || y == NULL)
		return (int) (x != NULL) - (int) (y != NULL);
	return strcmp(x, y);
}

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

/* A whole number that fits; fits is set to false if it does not. */
static int64
whole(Datum value, bool *fits)
{
	Datum most = NumericGetDatum(int64_to_numeric(INT64CONST(1) << 61));

	if (numeric_is_nan(DatumGetNumeric(value)) || numeric_is_inf(DatumGetNumeric(value)) ||
		!DatumGetBool(DirectFunctionCall2(numeric_eq, value,
										  DirectFunctionCall2(numeric_trunc, value, Int32GetDatum(0)))))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("values must be whole numbers")));
	if (!DatumGetBool(DirectFunctionCall2(numeric_lt, DirectFunctionCall1(numeric_abs, value), most)))
	{
		*fits = false;
		return 0;
	}
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, value));
}

/* The cell of row i, its keys as occurrences that are not numbered yet. */
static void
read_cell(WindowObject winobj, int64 i, EhdsAdditiveCell *cell, int *nkeys, Occurrence **occurrences,
		  int nrows, bool *fits)
{
	uint32 grouping;
	Datum *texts;
	bool *nulls;
	int n;

	cell->value = whole(argument(winobj, 0, i, "value"), fits);
	cell->variance = DatumGetFloat8(argument(winobj, 1, i, "variance"));
	if (!(cell->variance > 0) || cell->variance > 1e300)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the variance of a cell must be above 0 and at most 1e300")));
	grouping = (uint32) DatumGetInt32(argument(winobj, 2, i, "grouping"));
	deconstruct_array(DatumGetArrayTypeP(argument(winobj, 3, i, "keys")), TEXTOID, -1, false, TYPALIGN_INT,
					  &texts, &nulls, &n);
	if (*nkeys < 0 && n <= EHDS_ADDITIVE_KEYS_MAX)
	{
		*nkeys = n;
		*occurrences = palloc_extended(sizeof(Occurrence) * Max(n, 1) * nrows,
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	}
	if (*nkeys != n)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						errmsg("all cells of a table must have the same number of keys, at most %d",
							   EHDS_ADDITIVE_KEYS_MAX)));
	cell->ids = palloc(sizeof(int) * Max(n, 1));
	for (int j = 0; j < n; j++)
	{
		Occurrence *o = &(*occurrences)[(int64) j * nrows + i];

		cell->ids[j] = -1;
		o->id = &cell->ids[j];
		/* the first key is the highest bit, as in GROUPING() */
		if ((grouping >> (n - 1 - j)) & 1)
			continue;
		cell->keys |= (uint32) 1 << j;
		o->text = nulls[j] ? NULL : TextDatumGetCString(texts[j]);
	}
}

/* Number the values of each key. */
static void
number_values(EhdsAdditiveCell *cells, int nrows, int nkeys, Occurrence *occurrences)
{
	for (int j = 0; j < nkeys; j++)
	{
		Occurrence *of_key = occurrences + (int64) j * nrows;
		int n = 0;
		int id = 0;

		for (int i = 0; i < nrows; i++)
			if ((cells[i].keys >> j) & 1)
				of_key[n++] = of_key[i];
		qsort(of_key, n, sizeof(Occurrence), compare_occurrences);
		for (int i = 0; i < n; i++)
		{
			if (i > 0 && compare_occurrences(&of_key[i - 1], &of_key[i]) != 0)
				id++;
			*of_key[i].id = id;
		}
	}
}

/* ehds.additive(value, variance, grouping, keys) */
Datum
ehds_additive(PG_FUNCTION_ARGS)
{
	WindowObject winobj = PG_WINDOW_OBJECT();
	int64 nrows = WinGetPartitionRowCount(winobj);
	int64 current = WinGetCurrentPosition(winobj);
	Results *results;

	if (nrows > CELLS_MAX)
		PG_RETURN_DATUM(argument(winobj, 0, current, "value"));
	results = WinGetPartitionLocalMemory(winobj, offsetof(Results, values) + sizeof(int64) * nrows);
	if (!results->made)
	{
		MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "ehds additive",
												  ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(cxt);
		EhdsAdditiveCell *cells = palloc_extended(sizeof(EhdsAdditiveCell) * nrows,
												  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		Occurrence *occurrences = NULL;
		int nkeys = -1;
		bool fits = true;

		for (int64 i = 0; i < nrows; i++)
		{
			CHECK_FOR_INTERRUPTS();
			read_cell(winobj, i, &cells[i], &nkeys, &occurrences, (int) nrows, &fits);
		}
		number_values(cells, (int) nrows, nkeys, occurrences);
		results->unchanged = !fits || !(ehds_additive_tree(cells, (int) nrows, nkeys) ||
										ehds_additive_complete(cells, (int) nrows, nkeys) ||
										ehds_additive_grid(cells, (int) nrows, nkeys));
		for (int64 i = 0; i < nrows; i++)
			results->values[i] = cells[i].result;
		results->made = true;
		MemoryContextSwitchTo(old);
		MemoryContextDelete(cxt);
	}
	if (results->unchanged)
		PG_RETURN_DATUM(argument(winobj, 0, current, "value"));
	PG_RETURN_NUMERIC(int64_to_numeric(results->values[current]));
}
