/*
 * cell_key_sql.c
 *		Counts of persons with permanent noise: what the gate writes into a release.
 *
 * A cell is shown if it holds at least k persons and its noisy count is at least
 * k, too: the first is the promise of every permit, and without the second the
 * least count that is shown would tell the exact one.  No other number of persons
 * is ever compared with the exact count.
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "cellkey/ptable.h"
#include "cellkey/record_key.h"
#include "core/approval.h"
#include "core/errors.h"
#include "kanon/settings.h"

PG_FUNCTION_INFO_V1(ehds_cell_key_count);
PG_FUNCTION_INFO_V1(ehds_cell_key_met);
PG_FUNCTION_INFO_V1(ehds_cell_key_show);
PG_FUNCTION_INFO_V1(ehds_cell_key_row);

/* arguments of the functions for the gate */
#define ARG_STATE 0
#define ARG_K 1
#define ARG_MAX 2
#define ARG_VARIANCE 3
#define ARG_NO_SMALL 4
#define ARG_POPULATION 5
#define ARG_APPROVAL 6

/* What a call site keeps; the gate writes the same parameters for all its calls. */
typedef struct CallSite
{
	MemoryContext cxt; /* holds all below */
	char *population;
	EhdsRecordKeys *keys;
	EhdsPtable table;
} CallSite;

static void
make_table(EhdsPtable *table, int max, int variance_milli, int no_small)
{
	if (!ehds_ptable_possible(max, variance_milli, no_small) ||
		!ehds_ptable_make(table, max, variance_milli, no_small))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("there is no perturbation table with these parameters")));
}

static CallSite *
call_site(FunctionCallInfo fcinfo)
{
	CallSite *site = fcinfo->flinfo->fn_extra;
	char *population;
	MemoryContext cxt;

	for (int i = ARG_K; i <= ARG_POPULATION; i++)
		if (PG_ARGISNULL(i))
			elog(ERROR, "argument of a release is null");
	population = text_to_cstring(PG_GETARG_TEXT_PP(ARG_POPULATION));
	if (site != NULL && strcmp(site->population, population) == 0 &&
		site->table.max == PG_GETARG_INT32(ARG_MAX) &&
		site->table.variance_milli == PG_GETARG_INT32(ARG_VARIANCE) &&
		site->table.no_small == PG_GETARG_INT32(ARG_NO_SMALL))
	{
		pfree(population);
		return site;
	}
	if (site != NULL)
	{
		fcinfo->flinfo->fn_extra = NULL;
		MemoryContextDelete(site->cxt);
	}
	cxt = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "pg_ehds cell keys", ALLOCSET_SMALL_SIZES);
	site = MemoryContextAlloc(cxt, sizeof(CallSite));
	site->cxt = cxt;
	site->population = MemoryContextStrdup(cxt, population);
	make_table(&site->table, PG_GETARG_INT32(ARG_MAX), PG_GETARG_INT32(ARG_VARIANCE),
			   PG_GETARG_INT32(ARG_NO_SMALL));
	site->keys = ehds_record_keys_create(cxt, population);
	fcinfo->flinfo->fn_extra = site;
	return site;
}

/* The noisy count of a cell that may be shown: true; anybody is in it: *empty. */
static bool
perturb(FunctionCallInfo fcinfo, int64 *count, bool *empty)
{
	EhdsExecution *ex = ehds_getarg_execution(fcinfo, ARG_APPROVAL);
	CallSite *site = call_site(fcinfo);
	int32 k = PG_GETARG_INT32(ARG_K);
	uint32 n = 0;

	/* the notice: its general sentence, without figures, which would be exact */
	ex->k = Max(ex->k, k);
	*count = 0;
	if (!PG_ARGISNULL(ARG_STATE))
	{
		MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "ehds.cell_key",
												   ALLOCSET_SMALL_SIZES);
		MemoryContext old = MemoryContextSwitchTo(work);
		uint32 uniform = ehds_cell_key(site->keys, PG_GETARG_DATUM(ARG_STATE), &n);

		MemoryContextSwitchTo(old);
		MemoryContextDelete(work);
		*count = (int64) n + ehds_ptable_noise(&site->table, n, uniform);
	}
	*empty = (n == 0);
	return *empty ? ehds_show_zero : n >= (uint32) k && *count >= k;
}

/*
 * cell_key_count(subjects ehds.k_state, k integer, max integer, variance_milli integer,
 * no_small integer, population text, approval ehds.approval)
 */
Datum
ehds_cell_key_count(PG_FUNCTION_ARGS)
{
	int64 count;
	bool empty;

	if (perturb(fcinfo, &count, &empty))
		PG_RETURN_INT64(ehds_round_count(count));
	if (!empty && ehds_suppressed_effective() == EHDS_SUPPRESSED_NEGATIVE)
		PG_RETURN_INT64(-(int64) PG_GETARG_INT32(ARG_K));
	PG_RETURN_NULL();
}

/* cell_key_met(the same): is somebody in the cell, and may it be shown? */
Datum
ehds_cell_key_met(PG_FUNCTION_ARGS)
{
	int64 count;
	bool empty;

	PG_RETURN_BOOL(perturb(fcinfo, &count, &empty) && !empty);
}

/* cell_key_show(the same): may the cell be shown? */
Datum
ehds_cell_key_show(PG_FUNCTION_ARGS)
{
	int64 count;
	bool empty;

	PG_RETURN_BOOL(perturb(fcinfo, &count, &empty));
}

/* cell_key_row(n integer, max integer, variance_milli integer, no_small integer) */
Datum
ehds_cell_key_row(PG_FUNCTION_ARGS)
{
	int32 n = PG_GETARG_INT32(0);
	EhdsPtable *table = palloc(sizeof(EhdsPtable));
	Datum masses[EHDS_PTABLE_WIDTH];

	make_table(table, PG_GETARG_INT32(1), PG_GETARG_INT32(2), PG_GETARG_INT32(3));
	if (n < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a number of persons is not negative")));
	n = Min(n, table->rows - 1);
	for (int i = 0; i <= 2 * table->max; i++)
		masses[i] = Int64GetDatum((int64) table->mass[n][i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(masses, 2 * table->max + 1, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
										  TYPALIGN_DOUBLE));
}
