/*
 * collect_read.c
 *		The functions that read a state of ehds.dp_collect or ehds.dp_gather.
 */
#include "dp/collect.h"

#include "catalog/pg_type.h"
#include "core/approval.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(ehds_dp_collect_final);
PG_FUNCTION_INFO_V1(ehds_dp_groups);
PG_FUNCTION_INFO_V1(ehds_dp_groups_seeded);

/* Reading a state ----------------------------------------------------------------- */

/*
 * The aggregate's result is a number, by which dp_groups finds the state in this
 * process while it lives: the executor would copy a result that is not passed by
 * value, and copy all of it.
 */
typedef struct LiveState
{
	int64 number;
	Collect *state;
	struct LiveState *next;
	MemoryContextCallback callback;
} LiveState;

static LiveState *live = NULL;
static int64 last_number = 0;

static void
forget_state(void *arg)
{
	for (LiveState **link = &live; *link != NULL; link = &(*link)->next)
		if (*link == (LiveState *) arg)
		{
			*link = (*link)->next;
			return;
		}
}

Datum
ehds_dp_collect_final(PG_FUNCTION_ARGS)
{
	MemoryContext context = ehds_collect_context(fcinfo);
	LiveState *entry;
	Collect *c;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	c = ehds_collect_state(context, PG_GETARG_DATUM(0));
	entry = MemoryContextAllocZero(c->context, sizeof(LiveState));
	entry->number = ++last_number;
	entry->state = c;
	entry->next = live;
	live = entry;
	entry->callback.func = forget_state;
	entry->callback.arg = entry;
	MemoryContextRegisterResetCallback(c->context, &entry->callback);
	PG_RETURN_INT64(entry->number);
}

static Collect *
find_state(int64 number)
{
	for (LiveState *entry = live; entry != NULL; entry = entry->next)
		if (entry->number == number)
			return entry->state;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("there is no state of ehds.dp_collect with this number")));
	return NULL;
}

static int
n_statistics_of(const CollectKind *kind)
{
	int n = 0;

	for (int i = 0; i < kind->n_measures; i++)
		n += ehds_measure_n_statistics(&kind->measures[i]);
	return n;
}

static inline void
add_statistics(const CollectKind *kind, const int64 *words, int128 *sums)
{
	int64 statistics[EHDS_MEASURE_STATISTICS_MAX];

	for (int i = 0; i < kind->n_measures; i++)
	{
		int n = ehds_measure_n_statistics(&kind->measures[i]);

		ehds_measure_statistics(&kind->measures[i], words, statistics);
		for (int j = 0; j < n; j++)
			*sums++ += statistics[j];
		words += ehds_measure_words(&kind->measures[i]);
	}
}

static Numeric
numeric_of(int128 value)
{
	const int64 base = INT64CONST(1) << 62;
	Datum high;

	if (value >= -base && value <= base)
		return int64_to_numeric((int64) value);
	high = DirectFunctionCall2(numeric_mul, NumericGetDatum(int64_to_numeric((int64) (value / base))),
							   NumericGetDatum(int64_to_numeric(base)));
	return DatumGetNumeric(
		DirectFunctionCall2(numeric_add, high, NumericGetDatum(int64_to_numeric((int64) (value % base)))));
}

static void
put_counts(Collect *part, void *arg)
{
	ReturnSetInfo *rsinfo = arg;
	int64 *counts = MemoryContextAllocExtended(CurrentMemoryContext, Max(part->dict.n, 1) * sizeof(int64),
											   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	int n_statistics = n_statistics_of(&part->kind);
	int128 *sums = MemoryContextAllocExtended(CurrentMemoryContext,
											  Max((Size) part->dict.n * n_statistics, 1) * sizeof(int128),
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	Datum values[EHDS_COLLECT_MAX_KEYS + 1 + EHDS_COLLECT_MAX_WORDS];
	bool nulls[EHDS_COLLECT_MAX_KEYS + 1 + EHDS_COLLECT_MAX_WORDS];

	ehds_collect_look_up_types(part);
	for (uint32 i = 0; i < part->map.n; i++)
	{
		const uint64 *kept = ehds_collect_kept(part, i);

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < part->kind.max_groups && kept[j] != 0; j++)
		{
			counts[COLLECT_GROUP(kept[j])]++;
			if (n_statistics > 0)
				add_statistics(&part->kind, ehds_collect_measures(part, kept, j),
							   sums + (Size) COLLECT_GROUP(kept[j]) * n_statistics);
		}
	}
	for (uint32 i = 0; i < part->dict.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (counts[i] == 0)
			continue;
		ehds_collect_values(part, &part->dict.groups[i], values, nulls);
		values[part->kind.n_keys] = Int64GetDatum(counts[i]);
		nulls[part->kind.n_keys] = false;
		for (int j = 0; j < n_statistics; j++)
		{
			values[part->kind.n_keys + 1 + j] = NumericGetDatum(numeric_of(sums[(Size) i * n_statistics + j]));
			nulls[part->kind.n_keys + 1 + j] = false;
		}
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	pfree(counts);
	pfree(sums);
}

static Datum
groups_of(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Collect *c;
	TupleDesc desc;
	int n_statistics;
	bool fits;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	c = find_state(PG_GETARG_INT64(0));
	desc = rsinfo->setDesc;
	n_statistics = n_statistics_of(&c->kind);
	fits = desc->natts == c->kind.n_keys + 1 + n_statistics &&
		   TupleDescAttr(desc, c->kind.n_keys)->atttypid == INT8OID;
	for (int i = 0; fits && i < c->kind.n_keys; i++)
		fits = TupleDescAttr(desc, i)->atttypid == c->kind.types[i];
	for (int i = 0; fits && i < n_statistics; i++)
		fits = TupleDescAttr(desc, c->kind.n_keys + 1 + i)->atttypid == NUMERICOID;
	if (!fits)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg(
					 "the columns must be the group keys, one of type bigint, and statistics of type numeric")));
	ehds_collect_visit(c, put_counts, rsinfo);
	return (Datum) 0;
}

/* dp_groups(number, approval) */
Datum
ehds_dp_groups(PG_FUNCTION_ARGS)
{
	(void) ehds_getarg_execution(fcinfo, 1);
	return groups_of(fcinfo);
}

/* dp_groups(number) */
Datum
ehds_dp_groups_seeded(PG_FUNCTION_ARGS)
{
	return groups_of(fcinfo);
}
